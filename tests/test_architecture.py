"""The structure: which way imports run, tables and registries, what C files may contain, tools, examples."""

import ast
import doctest
import importlib
import inspect
import os
import pkgutil
import pydoc
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import sklearn.neural_network

import fastmlp
from fastmlp import _engine
from tests.conftest import ROOT

PACKAGE, CORE = ROOT / "fastmlp", ROOT / "src_c"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Who may import whom: for each room, a package or a module of its own, the rooms that its files may name, in functions
# as well. The table has no circle, and a test holds it to that; so whatever runs in one room can be read without those
# above it. A file may import any other of its own room. The first rows are for everybody who uses fastmlp.
FAMILIES = {"activations", "augmentation", "initializers", "losses", "optimizers", "schedules"}
BASICS = {"_engine", "components", "exceptions", "keywords", "representation"}
ARROWS = {
    "fastmlp": {
        "config",
        "estimators",
        "callbacks",
        "inspection",
        "network",
        "persistence",
        "tables",
        *FAMILIES,
        *BASICS,
    },
    "__main__": {"cli"},
    "cli": {"fastmlp", "persistence", "tables"},
    "demo": {"fastmlp"},
    "config": {"threads", "_engine"},
    "inspection": {"estimators", "fitting", "callbacks", "network", "threads", *BASICS},
    "tables": {"estimators", *BASICS},
    "estimators": {
        "features",
        "fitting",
        "persistence",
        "callbacks",
        "network",
        "inputs",
        "threads",
        *FAMILIES,
        *BASICS,
    },
    "features": BASICS,
    "fitting": {"callbacks", "network", "inputs", "threads", *FAMILIES, *BASICS},
    "callbacks": {"network", "inputs", *FAMILIES, *BASICS},
    "persistence": {"losses", "optimizers", *BASICS},
    "network": {"inputs", "threads", *FAMILIES, *BASICS},
    "inputs": {"losses", *BASICS},
    "optimizers": {"schedules", *BASICS},
    "threads": BASICS,
    "activations": BASICS,
    "augmentation": BASICS,
    "initializers": BASICS,
    "losses": BASICS,
    "schedules": BASICS,
    "components": {"keywords", "representation", "exceptions", "_engine"},
    "exceptions": set(),
    "keywords": set(),
    "representation": set(),
    "_engine": set(),
}


def room(module):
    """The room of a module, by its full name: what stands directly below fastmlp."""
    return (module.split(".") + ["fastmlp"])[1] if module != "fastmlp" else "fastmlp"


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """The package's modules that a module names in imports, at the top or in functions, or gives to import_module."""
    names = {name_of(module) for module in MODULES} | {"fastmlp._engine"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "fastmlp")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module.split(".")[0] == "fastmlp":
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from (name if name in names else node.module for name in whole)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in IMPORTERS:
            if path == PACKAGE / "__init__.py":  # the modules that are imported when they are asked for
                yield from (f"fastmlp.{name}" for name in fastmlp._MODULES)
                continue
            if path == PACKAGE / "persistence" / "sklearn_classes.py":  # scikit-learn's, of which it has a table
                continue
            assert isinstance(node.args[0], ast.Constant), f"{path}: the name of what is imported must be written out"
            if node.args[0].value.split(".")[0] == "fastmlp":
                yield node.args[0].value


IMPORTERS = {"import_module", "__import__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_follow_the_arrows(path):
    module = name_of(path)
    for imported in imports(path):
        allowed = room(imported) == room(module) or room(imported) in ARROWS[room(module)]
        allowed |= (module, imported) == ("fastmlp.persistence.contents", "fastmlp.tables")  # a registry is to end this
        assert allowed, f"{module} imports {imported}"


def test_the_arrows_have_no_circle():
    tuple(TopologicalSorter(ARROWS).static_order())  # raises CycleError


def test_each_arrow_is_used_by_somebody_or_is_of_a_group():
    """The table says what there is: an arrow that nobody needs any more is taken out."""
    used = {(room(name_of(path)), room(imported)) for path in MODULES for imported in imports(path)}
    spelled = {(above, below) for above, group in ARROWS.items() for below in group - FAMILIES - BASICS}
    assert spelled - used == set()


def test_rooms_are_those_that_exist():
    """The table of arrows and the diagram in CONTRIBUTING.md name every room there is, and no other."""
    assert {room(name_of(path)) for path in MODULES} | {"_engine"} == set(ARROWS)
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## The architecture\n")[2]
    diagram = section.split("```")[1]
    for name in ARROWS.keys() - {"fastmlp", "__main__", "demo"}:
        assert re.search(rf"\b{name}\b", diagram), name


# ---- C ---------------------------------------------------------------------------------------------------------------


def code(path):
    """A C file without comments and string literals."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def members(table, macro):
    return re.findall(rf"^(?:{macro})\(('?.+?'?),", (CORE / table).read_text(), flags=re.M)


@pytest.mark.parametrize(
    ("table", "macro", "registry"),
    [
        ("activations.def", "FM_ACTIVATION|FM_SLOPED", _engine.ACTIVATIONS),
        ("losses.def", "FM_LOSS", _engine.LOSSES),
        ("updates.def", "FM_RULE", _engine.RULES),
        ("sources.def", "FM_SOURCE", tuple(f"'{code}'" for code in _engine.SOURCE_CODES)),
    ],
)
def test_registries_are_the_tables(table, macro, registry):
    assert tuple(members(table, macro)) == tuple(registry)


def test_every_table_is_tested_here():
    assert {path.name for path in CORE.glob("*.def")} == {
        "activations.def",
        "losses.def",
        "updates.def",
        "sources.def",
    }


@pytest.mark.parametrize(
    ("prefix", "rows", "table"), [("isa_", "ISAS", "isas"), ("bfloat16_", "PRODUCTS", "bfloat16_products")]
)
def test_instruction_sets_are_stubs_rows_of_setup_and_rows_of_dispatch(prefix, rows, table):
    stubs = {path.stem.removeprefix(prefix) for path in CORE.glob(f"{prefix}*.c")} - {"tmpl"}
    rows = next(
        node.value
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == rows
    )
    assert {key.value for key in rows.keys} == stubs
    table = re.search(rf"\b{table}\[\] = \{{(.*?)^\}};", (CORE / "dispatch.c").read_text(), flags=re.M | re.S)[1]
    assert set(re.findall(r'^\s*\{"(\w+)"', table, flags=re.M)) == stubs


def test_instruction_sets_and_products_of_this_machine():
    assert set(_engine.SUPPORTED_ISAS) <= set(_engine.ISAS) <= {path.stem[4:] for path in CORE.glob("isa_*.c")}
    assert _engine.bfloat16_product() in {
        "",
        *(path.stem.removeprefix("bfloat16_") for path in CORE.glob("bfloat16_*.c")),
    }


@pytest.mark.parametrize("path", sorted(CORE.glob("*")), ids=lambda path: path.name)
def test_the_core_owns_one_block_on_one_core(path):
    """No memory of its own, no Python: those are the engine's. No threads, but those that help it."""
    forbidden = r"\b(malloc|calloc|realloc|free|alloca|Py\w+)\b|#\s*pragma\s+omp|<omp\.h>|Python\.h|numpy/"
    if path.name not in ("helpers.c", "waiting.h"):
        forbidden += r"|\bpthread_\w+\b"
    assert not re.search(forbidden, code(path))


def test_element_type_is_spelled_in_one_place():
    """real.h alone ties FM_REAL to a C type. Elsewhere `float` is the value of a half-precision number (gather) and the
    type of a source, `double` a loss or another number that is kept in double whatever the elements are: but never a
    vector, a pointer to elements or a cast of them. Products of bfloat16 numbers have float sums and no other.
    """
    assert set(re.findall(r"#define FM_REAL (\w+)", code(CORE / "real.h"))) == {"float", "double"}
    float_only = {CORE / name for name in ("bfloat16.h", "bfloat16_amx.c", "bfloat16_avx512bf16.c")}
    for path in sorted({*CORE.glob("*.c"), *CORE.glob("*.h")} - {CORE / "real.h"} - float_only):
        text = code(path)
        assert not re.search(r"#\s*(define|undef)\s+FM_REAL\b", text), path.name
        assert not re.search(r"\bfloat\s*\*", text), path.name
        assert not re.search(r"\b(float|double)\b[^;{}]*\bvector_size\b", text), path.name
        allowed = {"gather_tmpl.c"}
        assert path.name in allowed or not re.search(r"\bfloat\b", text), path.name


# ---- the tree --------------------------------------------------------------------------------------------------------


def test_modules_and_tests_have_the_same_stems():
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    modules = {path.stem.removeprefix("_") for path in PACKAGE.glob("*") if path.suffix in {".py", ".pyx"}}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    # A package's tests may stand apart for some of its modules, or for all of them.
    parts = {path.stem: path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert packages <= tests | {parts[name] for name in tests & parts.keys()}
    modules = packages | modules - {"_init__", "_main__"}
    assert modules - packages <= tests
    assert tests - modules - parts.keys() == {
        "architecture",
        "docs",
        "ecosystem",
        "examples",
        "kernels",
        "memory",
        "mnist",
        "parity",
    }


def run(tool, *arguments):
    # The tools of this interpreter's environment come first.
    found = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([found, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]


def test_ruff_check():
    run("ruff", "check", "--no-cache", ".")


def test_ruff_format():
    run("ruff", "format", "--no-cache", "--check", ".")


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("mypy"))


def test_mypy(mypy_cache):
    run("mypy", "--cache-dir", mypy_cache)


TYPED = {
    "MLPClassifier().fit(X, y)": "fastmlp.estimators.MLPClassifier",
    "MLPClassifier().fit(X, y, eval_set=(X, y)).partial_fit(X, y)": "fastmlp.estimators.MLPClassifier",
    "MLPRegressor().fit(X, y, sample_weight=y)": "fastmlp.estimators.MLPRegressor",
    "MLPRegressor().resume(X, y)": "fastmlp.estimators.MLPRegressor",
    "MLPRegressor().set_params(alpha=1.0)": "fastmlp.estimators.MLPRegressor",
    "MLPClassifier().predict(X)": "numpy.ndarray",
    "MLPClassifier().predict_proba(X)": "numpy.ndarray",
    "MLPClassifier().decision_function(X)": "numpy.ndarray",
    "MLPClassifier().score(X, y)": "float",
    "MLPRegressor().score(X, y)": "float",
    "MLPRegressor().fit(X, y).coefs_": "list[numpy.ndarray",
    "MLPClassifier().fit(X, y).classes_": "numpy.ndarray",
    "MLPClassifier().fit(X, y).loss_": "float",
    "MLPClassifier(dtype=np.float32)": "fastmlp.estimators.MLPClassifier",
    "fastmlp.tables.model.TableModel()": "fastmlp.tables.model.TableModel",
    "fastmlp.inspection.TrainingCurveDisplay": "def (",
}


def test_mypy_knows_what_methods_return(mypy_cache, tmp_path):
    """Whoever checks types of their own code is told of wrong keywords, and what a fit gives back."""
    lines = [
        "from typing import reveal_type",
        "import numpy as np",
        "import fastmlp",
        "from fastmlp import MLPClassifier, MLPRegressor",
        "X, y = np.zeros((4, 2)), np.arange(4)",
        *(f"reveal_type({expression})" for expression in TYPED),
        "MLPClassifier(lr=0.1)",
        "MLPClassifier().fit(X, y, epochs=3)",
    ]
    (tmp_path / "mine.py").write_text("\n".join(lines))
    tool = shutil.which("mypy", path=str(Path(sys.executable).parent)) or shutil.which("mypy")
    if tool is None:
        pytest.skip("mypy is not installed")
    done = subprocess.run(
        [tool, "--cache-dir", mypy_cache, str(tmp_path / "mine.py")],
        cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == len(TYPED), done.stdout
    for (expression, wanted), found in zip(TYPED.items(), revealed, strict=True):
        assert found.startswith(wanted), expression
    assert 'Unexpected keyword argument "lr" for "MLPClassifier"' in done.stdout
    assert 'Unexpected keyword argument "epochs" for "fit"' in done.stdout


def test_clang_format():
    files = [str(path) for path in sorted(CORE.iterdir()) if path.suffix in {".c", ".h"}]
    run("clang-format", "--dry-run", "-Werror", *files)


MODULE_NAMES = ["fastmlp", *(info.name for info in pkgutil.walk_packages(fastmlp.__path__, "fastmlp."))]


@pytest.mark.parametrize("name", [name for name in MODULE_NAMES if not name.endswith("_engine")])
def test_examples_in_docstrings(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_public_classes_and_functions_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in fastmlp.__all__:
        assert any(test.examples for test in finder.find(getattr(fastmlp, name), name)), name


# ---- what help shows -------------------------------------------------------------------------------------------------


def documented(module):
    """What a public module's help lists: its classes and functions, and the classes' methods, by name."""
    for name, found in vars(module).items():
        if name.startswith("_") or not getattr(found, "__module__", "").startswith(module.__name__):
            continue
        yield name, found
        if inspect.isclass(found):
            for method, function in inspect.getmembers(found, inspect.isfunction):
                if method == "__init__" or not (method.startswith("_") or method.endswith("_request")):
                    yield f"{name}.{method}", function


@pytest.mark.parametrize("name", ["fastmlp", *(f"fastmlp.{module}" for module in fastmlp._MODULES)])
def test_signatures_are_short(name):
    """Types are as they are written, not what aliases such as ArrayLike stand for; NumPy's take a dozen lines."""
    for where, found in documented(importlib.import_module(name)):
        try:
            text = str(inspect.signature(found))
        except ValueError:  # of a compiled class
            continue
        assert not re.search(r"numpy\.ndarray|numpy\._typing|collections\.abc", text), where
        n_parameters = len(inspect.signature(found).parameters)
        assert len(text) < 100 + 50 * n_parameters, where


def test_signatures_of_estimators_are_scikit_learns():
    """Names and defaults: types are in the docstring."""
    for ours in (fastmlp.MLPClassifier, fastmlp.MLPRegressor):
        theirs = inspect.signature(getattr(sklearn.neural_network, ours.__name__))
        shown = inspect.signature(ours)
        assert str(shown).startswith(str(theirs)[:40])
        assert {name: each.default for name, each in shown.parameters.items()}.items() >= {
            name: each.default for name, each in theirs.parameters.items()
        }.items()
        assert all(each.annotation is each.empty for each in shown.parameters.values())
        assert ours.__init__.__annotations__["alpha"] == "float"


def test_help_begins_with_what_a_user_needs():
    lines = pydoc.plain(pydoc.render_doc(fastmlp)).splitlines()
    text = "\n".join(lines[:25])
    for wanted in ("MLPClassifier((", ".fit(X, y)", "TableModel", "save, load", "help(fastmlp.MLPClassifier)"):
        assert wanted in text
    assert "-->" not in text
    for name in fastmlp.__all__:
        assert name in fastmlp.__doc__
    for name in set(fastmlp._MODULES) - {"network"}:
        assert name in fastmlp.__doc__
