"""What several test modules share: the case list of bench/, the types and instruction sets, and a fresh interpreter."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("MPLBACKEND", "Agg")  # plots are looked at without a screen
sys.path.insert(0, str(ROOT / "bench"))
# A shell starts what runs in the background with Ctrl-C ignored, and tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

from fastmlp import MLPClassifier, MLPRegressor, engine  # noqa: E402


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(params=[MLPClassifier, MLPRegressor], ids=lambda cls: cls.__name__)
def cls(request):
    """Each of the two estimators."""
    return request.param


# For tests that take long and prove little more than others do: pytest -m exhaustive runs them, as .ci/run does.
exhaustive = pytest.mark.exhaustive


@pytest.fixture(
    params=[pytest.param(isa, marks=() if isa == engine.ISA else exhaustive) for isa in engine.SUPPORTED_ISAS]
)
def isa(request):
    """Each instruction set of the CPU; those that are not in use are for exhaustive runs."""
    return request.param


@pytest.fixture
def path(tmp_path):
    """Where a file of a model may be written."""
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="session")
def content():
    """The content of a fitted classifier's file."""
    from tests.mutations import BASES

    return BASES["classifier"]()


@pytest.fixture
def python():
    """Run a script in an interpreter of its own; return the finished process."""

    def run(script, timeout=120, **environment):
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def script(python):
    """Run a script in an interpreter of its own that must succeed; return what it printed."""

    def run(source, timeout=120, **environment):
        done = python(source, timeout, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
