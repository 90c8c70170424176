"""What the tests of tables share: a small table, and files that hold tables."""

import numpy as np
import pytest

FAST = {"max_iter": 5, "random_state": 0}


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
