"""The modules of the engine, which all come from one shared object."""

import pickle
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from fastmlp import engine
from fastmlp.engine import _modules

PACKAGE = Path(engine.__file__).parent


def test_every_source_is_a_module_that_is_loaded():
    sources = {".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.pyx")}
    assert set(_modules.NAMES) == sources
    assert len({name.rpartition(".")[2] for name in sources}) == len(sources)  # each has a PyInit_ of its own


@pytest.mark.parametrize("name", _modules.NAMES)
def test_modules_are_found_by_their_names(name):
    module = import_module(f"fastmlp.engine.{name}")
    assert module.__name__ == f"fastmlp.engine.{name}"
    assert Path(module.__file__).name.startswith("_compiled.")


@pytest.mark.parametrize("public", [engine.Trainer, engine.matmul], ids=lambda public: public.__name__)
def test_what_a_module_has_can_be_named_in_a_file(public):
    assert pickle.loads(pickle.dumps(public)) is public


def test_sources_without_their_engine_say_so(python, tmp_path):
    shutil.copytree(PACKAGE.parent, tmp_path / "fastmlp", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = python("import sys; sys.path.remove(''); import fastmlp", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path / 'fastmlp'} holds the sources of fastmlp, but not its compiled engine" in done.stderr
