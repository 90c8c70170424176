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
from fastmlp import engine
from tests.c_interface import contradictions, read_pxd
from tests.conftest import ROOT

PACKAGE, CORE = ROOT / "fastmlp", ROOT / "src_c"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Who may import whom: for each room, a package or a module of its own, the rooms that its files may name, in functions
# as well. The table has no circle, and a test holds it to that; so whatever runs in one room can be read without those
# above it. A file may import any other of its own room. The first rows are for everybody who uses fastmlp.
ARROWS = {
    "fastmlp": (
        "activations augmentation callbacks config engine estimators exceptions initializers inspection losses network"
        " optimizers persistence registration schedules tables tabular zoo"
    ),
    "__main__": "cli",
    "cli": "callbacks exceptions fastmlp persistence tables tabular",
    "demo": "fastmlp",
    "inspection": "callbacks components estimators inputs network tabular threads zoo",
    "tables": "callbacks components estimators exceptions registration soundness tabular",
    "tabular": (
        "callbacks components engine estimators exceptions fitting inputs losses network persistence registration"
        " soundness threads"
    ),
    "zoo": (
        "activations augmentation callbacks components engine estimators exceptions fitting initializers"
        " inputs losses network optimizers persistence registration schedules soundness threads"
    ),
    "estimators": (
        "activations augmentation callbacks components exceptions fitting initializers inputs"
        " losses network optimizers persistence registration schedules soundness threads"
    ),
    "fitting": (
        "augmentation callbacks components engine exceptions inputs losses network optimizers schedules threads"
    ),
    "callbacks": "components exceptions inputs network registration",
    "network": "activations components engine initializers inputs losses threads",
    "persistence": "config exceptions registration soundness",
    "config": "engine threads",
    "inputs": "engine losses registration soundness",
    "optimizers": "components registration schedules soundness",
    "activations": "components engine registration",
    "augmentation": "components registration",
    "initializers": "components engine registration",
    "losses": "components engine registration",
    "schedules": "components registration",
    "threads": "components engine",
    "components": "",
    "exceptions": "",
    "registration": "",
    "soundness": "",
    "engine": "",
}
ARROWS = {above: set(below.split()) for above, below in ARROWS.items()}


def room(module):
    """The room of a module, by its full name: what stands directly below fastmlp."""
    return (module.split(".") + ["fastmlp"])[1] if module != "fastmlp" else "fastmlp"


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """The package's modules that a module names in imports, at the top or in functions, or gives to import_module."""
    names = {name_of(module) for module in MODULES}
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
        assert allowed, f"{module} imports {imported}"


def test_the_arrows_have_no_circle():
    tuple(TopologicalSorter(ARROWS).static_order())  # raises CycleError


def test_each_arrow_is_used():
    """The table says what there is: an arrow that nobody needs any more is taken out."""
    used = {(room(name_of(path)), room(imported)) for path in MODULES for imported in imports(path)}
    assert {(above, below) for above, rooms in ARROWS.items() for below in rooms} - used == set()


def test_rooms_are_those_that_exist():
    """The table of arrows and the diagram in CONTRIBUTING.md name every room there is, and no other."""
    assert {room(name_of(path)) for path in MODULES} == set(ARROWS)
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## The architecture\n")[2]
    diagram = section.split("```")[1]
    for name in ARROWS.keys() - {"fastmlp", "__main__", "demo"}:
        assert re.search(rf"\b{name}\b", diagram), name


# ---- C ---------------------------------------------------------------------------------------------------------------


SOURCES = sorted(path for path in CORE.rglob("*") if path.is_file())


def code(path):
    """A C file without comments and string literals."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def members(table, macro):
    return re.findall(rf"^(?:{macro})\(('?.+?'?),", (CORE / "tables" / table).read_text(), flags=re.M)


@pytest.mark.parametrize(
    ("table", "macro", "registry"),
    [
        ("activations.def", "FM_ACTIVATION|FM_SLOPED", engine.ACTIVATIONS),
        ("losses.def", "FM_LOSS", engine.LOSSES),
        ("rules.def", "FM_RULE", engine.RULES),
        ("sources.def", "FM_SOURCE", tuple(f"'{code}'" for code in engine.SOURCE_CODES)),
    ],
)
def test_registries_are_the_tables(table, macro, registry):
    assert tuple(members(table, macro)) == tuple(registry)


def test_every_table_is_tested_here():
    assert {path.name for path in CORE.rglob("*.def")} == {
        "activations.def",
        "losses.def",
        "rules.def",
        "sources.def",
    }


def arguments(row):
    """The arguments of a macro that is called in some lines of a table."""
    inside = row[row.index("(") + 1 : row.rindex(")")]
    while (without := re.sub(r"\([^(){}]*\)|\{[^(){}]*\}", "", inside)) != inside:
        inside = without
    return inside.split(",")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.def")), ids=lambda path: path.name)
def test_tables_describe_their_columns(path):
    text = path.read_text()
    comment, rows = re.fullmatch(r"/\*(.*?)\*/\n(.*)", text, flags=re.S).groups()
    heads = {macro: columns.split(", ") for macro, columns in re.findall(r"(FM_[A-Z]+)\((.*?)\)", comment)}
    described = set(re.findall(r"^ \*   (\w+)  +[a-z]", comment, flags=re.M))
    rows = re.findall(r"^FM_\w+\(.*?\)$", rows, flags=re.M | re.S)
    assert {row.partition("(")[0] for row in rows} == set(heads)
    for row in rows:
        assert len(arguments(row)) == len(heads[row.partition("(")[0]]), row
    assert set().union(*heads.values()) <= described


def test_hyperparameters_of_every_rule_are_described():
    comment = (CORE / "tables/rules.def").read_text().partition("*/")[0]
    assert set(re.findall(r"^ \*     (\w+)  ", comment, flags=re.M)) == set(engine.RULES)


NATIVE = (PACKAGE / "engine" / "native.pxd").read_text()


@pytest.mark.parametrize("header", ["fastmlp.h", "bfloat16.h"])
def test_cython_sees_the_interface_as_it_is(header):
    assert not list(contradictions(read_pxd(NATIVE, header), (CORE / "include" / header).read_text()))


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("const int FM_STRIP", "const int FM_STRIPE"),
        ("        long stride\n", ""),
        ("        long stride\n", "        int stride\n"),
        ("        long rows\n        long width\n", "        long width\n        long rows\n"),
        ("const void *targets", "void *targets"),
        ("void *slots[3]", "void *slots[4]"),
        ("(*holds)(const fm_rows *, const void *, Py_ssize_t)", "(*holds)(const fm_rows *, const void *)"),
        ("int (*finite)(long, const void *)", "long (*finite)(long, const void *)"),
        ("double (*value)(double)", "double (*value)(float)"),
        ("ctypedef void (*fm_link_fn)(const fm_rows *)", "ctypedef void (*fm_link_fn)(fm_rows *)"),
        ("fm_isa_kernels(int isa, int bits)", "fm_isa_kernels(int isa)"),
        ("double fm_seconds()", "float fm_seconds()"),
    ],
)
def test_what_cython_might_get_wrong_is_noticed(said, instead):
    assert NATIVE.count(said)
    wrong = read_pxd(NATIVE.replace(said, instead, 1), "fastmlp.h")
    assert len(list(contradictions(wrong, (CORE / "include/fastmlp.h").read_text()))) == 1


# The instruction sets and the products of bfloat16 numbers that src_c/isa has files of.
ISAS = {path.stem for path in (CORE / "isa").glob("*.h")}
PRODUCTS = {path.stem.removeprefix("bfloat16_") for path in (CORE / "isa").glob("bfloat16_*.c")}


@pytest.mark.parametrize(
    ("stubs", "rows", "table"), [(ISAS, "ISAS", "isas"), (PRODUCTS, "PRODUCTS", "bfloat16_products")]
)
def test_instruction_sets_are_stubs_rows_of_setup_and_rows_of_dispatch(stubs, rows, table):
    rows = next(
        node.value
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == rows
    )
    assert {key.value for key in rows.keys} == stubs
    table = re.search(rf"\b{table}\[\] = \{{(.*?)^\}};", (CORE / "runtime/dispatch.c").read_text(), flags=re.M | re.S)[
        1
    ]
    assert set(re.findall(r'^\s*\{"(\w+)"', table, flags=re.M)) == stubs


def test_instruction_sets_have_a_stub_for_each_element_type():
    stubs = {path.stem: path.read_text() for path in (CORE / "isa").glob("*.c") if not path.stem.startswith("bfloat16")}
    assert stubs == {
        f"{isa}_{bits}": f'#define FM_BITS {bits}\n#include "isa/{isa}.h"\n#include "kernels/kernels_tmpl.c"\n'
        for isa in ISAS
        for bits in (32, 64)
    }


@pytest.mark.parametrize("isa", sorted(ISAS))
def test_instruction_sets_say_what_they_can_do(isa):
    """The compiler says so as well, but compiles only those of its own machine."""
    required = set(re.findall(r"#ifndef (FM_\w+)", code(CORE / "kernels/capabilities.h"))) - {"FM_BITS"}
    said = re.findall(r"^#define (FM_\w+)", code(CORE / f"isa/{isa}.h"), flags=re.M)
    assert required <= set(said)
    operations = {
        "FM_HAS_SQRT": {"FM_SQRT"},
        "FM_HAS_MAX": {"FM_MAX", "FM_MIN"},
        "FM_HAS_FAST_ROOTS": {"FM_ROOT_ESTIMATE", "FM_FIX_UP"},
        "FM_HAS_MASKS": {"FM_LOAD_SOME", "FM_SET_WHERE_NAN"},
        "FM_HAS_LANE_PICKS": {"FM_PICK_LANES", "FM_LOAD_FOUR", "FM_FOUR"},
        "FM_HAS_PRODUCT_AT": {"FM_ADD_PRODUCT_AT"},
    }
    able = set(re.findall(r"^#define (FM_HAS_\w+) 1", code(CORE / f"isa/{isa}.h"), flags=re.M))
    for name, needed in operations.items():
        assert needed <= set(said) if name in able else not needed & set(said), name


@pytest.mark.parametrize("path", sorted((CORE / "kernels").glob("*")), ids=lambda path: path.name)
def test_templates_know_no_instruction_set(path):
    """What an instruction set can do stands in its file in src_c/isa, and nowhere else."""
    told = r"__(AVX|SSE|FMA|ARM|aarch64|x86|i386|amd64)\w*|\b_mm\d*_|\b__m(ask)?\d+|\bv\w+q_f\d+\b|immintrin|arm_neon"
    told += r"|FM_VECTOR_BYTES\s*[=!<>]=?\s*\d|__asm__\s*\("
    assert not re.search(told, code(path))


def test_instruction_sets_and_products_of_this_machine():
    assert set(engine.SUPPORTED_ISAS) <= set(engine.ISAS) <= ISAS
    assert engine.bfloat16_product() in {"", *PRODUCTS}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_owns_one_block_on_one_core(path):
    """No memory of its own, no Python: those are the engine's. No threads, but those that help it."""
    forbidden = r"\b(malloc|calloc|realloc|free|alloca|Py\w+)\b|#\s*pragma\s+omp|<omp\.h>|Python\.h|numpy/"
    if path not in (CORE / "runtime/helpers.c", CORE / "runtime/waiting.h"):
        forbidden += r"|\bpthread_\w+\b"
    assert not re.search(forbidden, code(path))


def test_element_type_is_spelled_in_one_place():
    """real.h alone ties FM_REAL to a C type. Elsewhere `float` is the value of a half-precision number (gather) and the
    type of a source, `double` a loss or another number that is kept in double whatever the elements are: but never a
    vector, a pointer to elements or a cast of them. Products of bfloat16 numbers have float sums and no other.
    """
    assert set(re.findall(r"#define FM_REAL (\w+)", code(CORE / "include/real.h"))) == {"float", "double"}
    float_only = {CORE / "include/bfloat16.h", *(CORE / f"isa/bfloat16_{name}.c" for name in PRODUCTS)}
    for path in sorted({path for path in SOURCES if path.suffix != ".def"} - {CORE / "include/real.h"} - float_only):
        text = code(path)
        assert not re.search(r"#\s*(define|undef)\s+FM_REAL\b", text), path.name
        assert not re.search(r"\bfloat\s*\*", text), path.name
        assert not re.search(r"\b(float|double)\b[^;{}]*\bvector_size\b", text), path.name
        allowed = {"gather_tmpl.c"}
        assert path.name in allowed or not re.search(r"\bfloat\b", text), path.name


# ---- the tree --------------------------------------------------------------------------------------------------------


def test_modules_and_tests_have_the_same_stems():
    """tests/test_<module>.py tests a module or a room; tests/<room>/ has a file for some of the room's modules."""
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    modules = {path.stem.removeprefix("_") for path in PACKAGE.glob("*") if path.suffix in {".py", ".pyx"}}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    # A package's tests may stand apart for some of its modules, or for all of them.
    parts = {path.stem: path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert packages <= tests | folders | {parts[name] for name in tests & parts.keys()}
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
    for path in (ROOT / "tests").glob("*/test_*.py"):
        name, folder = path.stem.removeprefix("test_"), PACKAGE / path.parent.name
        modules = {module.stem.removeprefix("_") for module in folder.rglob("*.py*")}
        assert name in {folder.name, *modules}, f"{path} tests no module of {folder.name}"


def tree():
    """The paths and patterns of paths that the tree in CONTRIBUTING.md names."""
    block = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## The tree\n")[2].split("```")[1]
    folders = []
    for line in block.strip("\n").split("\n"):
        depth, names = (len(line) - len(line.lstrip())) // 2, re.split(r"\s{2,}", line.strip())[0].split()
        yield from ("".join(folders[:depth]) + name for name in names)
        folders[depth:] = names[:1]


def test_the_tree_has_all_files_and_no_others():
    """A reader finds each file of fastmlp/ and src_c/ in it, and what it is for."""
    named = {pattern: set(ROOT.glob(pattern)) for pattern in tree()}
    assert [pattern for pattern, paths in named.items() if not paths] == []
    kinds = {".py", ".pyx", ".pyi", ".pxd", ".c", ".h", ".def"}
    there = {path for folder in (PACKAGE, CORE) for path in folder.rglob("*") if path.suffix in kinds}
    # Beside a module in Cython lie what it shows to others, and its types.
    there -= {path for path in there if path.suffix in {".pxd", ".pyi"} and path.with_suffix(".pyx").exists()}
    missing = there - set().union(*named.values())
    assert sorted(str(path.relative_to(ROOT)) for path in missing if path.name != "__init__.py") == []


# Files that are longer than a reader should have to look through. Whoever splits one takes it out of here.
STILL_LONG: set[str] = set()


@pytest.mark.parametrize(("folder", "most_lines"), [("fastmlp", 700), ("tests", 800)])
def test_files_are_short(folder, most_lines):
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".pyx", ".pxd"}]
    long = {str(path.relative_to(ROOT)) for path in files if path.read_text().count("\n") > most_lines}
    assert long == {name for name in STILL_LONG if name.startswith(f"{folder}/")}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_rooms_say_what_they_are_for(path):
    summary = ast.get_docstring(ast.parse(path.read_text())).split("\n\n")[0]
    assert summary.endswith(".") and len(summary.split()) > 3


def run(tool, *arguments):
    # The tools of this interpreter's environment come first.
    found = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # cython-lint starts another
    done = subprocess.run(
        [found, *arguments],
        cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]


def test_ruff_check():
    run("ruff", "check", "--no-cache", ".")


def test_ruff_format():
    run("ruff", "format", "--no-cache", "--check", ".")


def test_cython_lint():
    run("cython-lint", "fastmlp")


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("mypy"))


def test_mypy(mypy_cache):
    run("mypy", "--cache-dir", mypy_cache)


TYPED = {
    "MLPClassifier().fit(X, y)": "fastmlp.estimators.classifier.MLPClassifier",
    "MLPClassifier().fit(X, y, eval_set=(X, y)).partial_fit(X, y)": "fastmlp.estimators.classifier.MLPClassifier",
    "MLPRegressor().fit(X, y, sample_weight=y)": "fastmlp.estimators.regressor.MLPRegressor",
    "MLPRegressor().resume(X, y)": "fastmlp.estimators.regressor.MLPRegressor",
    "MLPRegressor().set_params(alpha=1.0)": "fastmlp.estimators.regressor.MLPRegressor",
    "MLPClassifier().predict(X)": "numpy.ndarray",
    "MLPClassifier().predict_proba(X)": "numpy.ndarray",
    "MLPClassifier().decision_function(X)": "numpy.ndarray",
    "MLPClassifier().score(X, y)": "float",
    "MLPRegressor().score(X, y)": "float",
    "MLPRegressor().fit(X, y).coefs_": "list[numpy.ndarray",
    "MLPClassifier().fit(X, y).classes_": "numpy.ndarray",
    "MLPClassifier().fit(X, y).loss_": "float",
    "MLPClassifier(dtype=np.float32)": "fastmlp.estimators.classifier.MLPClassifier",
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
    files = [str(path) for path in SOURCES if path.suffix in {".c", ".h"}]
    run("clang-format", "--dry-run", "-Werror", *files)


MODULE_NAMES = ["fastmlp", *(info.name for info in pkgutil.walk_packages(fastmlp.__path__, "fastmlp."))]


@pytest.mark.parametrize("name", [name for name in MODULE_NAMES if not name.startswith("fastmlp.engine")])
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
