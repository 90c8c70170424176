"""What the tests of tables share: a small table, and files that hold tables."""

from dataclasses import replace

import numpy as np
import pytest

from fastmlp.tabular.kinds import EFFORTS, Effort

FAST = {"effort": "fast", "random_state": 0}


_REAL = dict(EFFORTS)
_BINS = next(kind for kind in EFFORTS["default"].kinds if kind.name == "bins")
_SMALL = Effort((replace(_BINS, hidden_layer_sizes=(16,), learning_rate_init=0.02),), 2)


@pytest.fixture(autouse=True)
def small_efforts(monkeypatch):
    """Let two small networks be all that is done for a table, but for "best": most tests are of how tables are read."""
    for effort in ("fast", "default"):
        monkeypatch.setitem(EFFORTS, effort, _SMALL)


@pytest.fixture
def real_efforts(small_efforts, monkeypatch):
    """Let efforts be what they are for users, where it matters how good predictions are."""
    for effort, what in _REAL.items():
        monkeypatch.setitem(EFFORTS, effort, what)


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text, **options)
        return path

    return write


def table(n_rows=60, /, **columns):
    """A table of numbers and categories whose column "y" depends on them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    x, c = rng.normal(size=n_rows), rng.choice(["red", "green"], n_rows)
    y = np.where(x + (c == "red") > 0.5, "yes", "no")
    return pd.DataFrame({"x": x, "c": c, **columns, "y": y})


def written(frame, path):
    """Write a table in the format that the file's name says."""
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix in (".feather", ".arrow"):
        frame.to_feather(path)
    elif path.suffix == ".json":
        frame.to_json(path, orient="records", double_precision=15)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        frame.to_csv(path, index=False)
    return path
