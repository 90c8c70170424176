"""What show_config tells."""

import importlib
import inspect
import platform

import numpy as np
import pytest
import sklearn

import fastmlp
from fastmlp import engine


def test_show_config(capsys):
    config = fastmlp.show_config()
    assert config["isa"] == engine.ISA
    assert config["isa"] in config["isas_supported"]
    assert set(config["isas_supported"]) <= set(config["isas"])
    assert config["n_threads"] >= 1
    versions = [config[name] for name in ("fastmlp", "python", "numpy", "scikit-learn")]
    assert versions == [fastmlp.__version__, platform.python_version(), np.__version__, sklearn.__version__]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == list(config)
    for line, value in zip(printed, config.values(), strict=True):
        assert str(value) in line


def test_forced_isa_is_shown(script, isa):
    assert f"isa             {isa}" in script("import fastmlp; fastmlp.show_config()", FASTMLP_ISA=isa).splitlines()


def test_import_leaves_out_what_takes_long(script):
    """Parts of scikit-learn that only some calls need; together they took longer than all else."""
    source = """
        import sys, fastmlp
        heavy = ("model_selection", "metrics", "compose", "impute", "linear_model", "neighbors", "pipeline")
        print([name for name in heavy if f"sklearn.{name}" in sys.modules])
        print("TableModel" in dir(fastmlp), "fastmlp.tables" in sys.modules)
        print([name for name in ("matplotlib", "fastmlp.inspection") if name in sys.modules])
        from fastmlp.persistence import classes
        print("TableModel" in classes())
        from fastmlp import *
        print(TableModel is fastmlp.tables.TableModel)
        try:
            fastmlp.Missing
        except AttributeError as error:
            print(error)
    """
    expected = "[]\nTrue False\n[]\nTrue\nTrue\nmodule 'fastmlp' has no attribute 'Missing'"
    assert script(source) == expected


def test_modules_are_there_after_a_plain_import(script):
    modules = [
        "activations", "augmentation", "callbacks", "exceptions", "initializers", "inspection", "losses", "network",
        "optimizers", "schedules", "tables", "tabular", "zoo",
    ]  # fmt: skip
    source = f"""
        import fastmlp
        print(sorted(dir(fastmlp)) == sorted([*fastmlp.__all__, *{modules}]))
        for name in {modules}:
            print(getattr(fastmlp, name).__name__)
        print(fastmlp.inspection.TrainingCurveDisplay.__name__, fastmlp.tables.TableModel is fastmlp.TableModel)
    """
    expected = ["True", *(f"fastmlp.{name}" for name in modules), "TrainingCurveDisplay True"]
    assert script(source).splitlines() == expected


@pytest.mark.parametrize("name", fastmlp._MODULES)
def test_modules_show_public_names_only(name):
    """What completion offers is for users: neither what a module imports nor the modules it is made of."""
    module = importlib.import_module(f"fastmlp.{name}")
    assert dir(module) == sorted(module.__all__)
    for each in dir(module):
        value = getattr(module, each)
        assert not inspect.ismodule(value)
        assert getattr(value, "__module__", "fastmlp").partition(".")[0] == "fastmlp", each
