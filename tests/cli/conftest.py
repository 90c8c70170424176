"""What the tests of the command share: a folder with tables, a trained model, and runs that fail."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastmlp.cli import main
from tests.conftest import ROOT
from tests.tables.conftest import real_efforts, small_efforts  # noqa: F401 - fixtures


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder, which is the present one, with tables of flowers and of numbers."""
    pd = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 120
    petal, color = rng.normal(size=n).round(3), rng.choice(["red", "blue"], n)
    kind = np.where(petal + (color == "red") > 0.5, "rose", "aster")
    flowers = pd.DataFrame({"petal": petal, "color": color, "kind": kind})
    flowers.to_csv("flowers.csv", index=False)
    flowers.to_csv("plain.csv", index=False, header=False)
    pd.DataFrame({"a": petal, "b": rng.normal(size=n), "y": 100 + 10 * petal}).to_csv("numbers.csv", index=False)
    return tmp_path


@pytest.fixture
def trained(folder, capsys):
    """The folder with a model of the flowers."""
    assert main(["train", "flowers.csv", "--out", "m.fastmlp"]) == 0
    capsys.readouterr()
    return folder


def failed(capsys, arguments, status=1):
    """Run a command that fails; return its one line of message."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("fastmlp: error: ")]
    assert len(lines) == 1, err
    assert err.splitlines()[-1] == lines[0]
    return lines[0].removeprefix("fastmlp: error: ")


def process(*arguments, module="fastmlp", **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
