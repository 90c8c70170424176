"""The pages: they name every member, their examples and scripts run, and what they claim of a run is so."""

import doctest
import re
import runpy
from itertools import pairwise

import numpy as np
import pytest
import sklearn.neural_network
from cases import MNIST

from fastmlp import MLPClassifier, callbacks, inspection
from fastmlp.activations import ACTIVATIONS
from fastmlp.augmentation import AUGMENTATIONS
from fastmlp.initializers import INITIALIZERS, Normal, initial_params
from fastmlp.losses import NAMED_LOSSES
from fastmlp.optimizers import OPTIMIZERS, SGD
from fastmlp.schedules import SCHEDULES
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
SCRIPTS = sorted(path.stem for path in DOCS.glob("*.py") if path.stem != "page")  # which the others share
# What is measured on these pages, the scripts in bench/ measure.
WITHOUT_SCRIPT = {"autoencoder", "boltzmann", "hopfield", "markov", "measurements", "reservoirs", "tables", "zoo"}

pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


@pytest.fixture
def quick(monkeypatch, capsys):
    """Run a script with --quick, as if from the command line; return what it printed."""

    def run(stem):
        monkeypatch.syspath_prepend(DOCS)
        monkeypatch.setattr("sys.argv", [f"{stem}.py", "--quick"])
        runpy.run_path(str(DOCS / f"{stem}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


_PRINTED: dict[str, str] = {}


@pytest.fixture
def printed_by(quick):
    """Return what a script prints in a quick run, of which there is one for all tests."""

    def printed(stem):
        if stem not in _PRINTED:
            _PRINTED[stem] = quick(stem)
        return _PRINTED[stem]

    return printed


@pytest.fixture
def script(monkeypatch):
    """Return the functions of a script."""
    monkeypatch.syspath_prepend(DOCS)
    return lambda stem: runpy.run_path(str(DOCS / f"{stem}.py"), run_name=stem)


def tables(text, title=""):
    """The tables of a page or an output below a line that holds the title: lists of rows of cells, the header first."""
    found, above = [], ""
    for before, line in pairwise(["", *text.splitlines()]):
        if not line.startswith("|"):
            above = line.strip() or above
        elif title in above and not line.startswith("| ---"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("| ").split(" | ")])
    return [[row for row in table if set(row[0]) != {"-"}] for table in found]


def page(stem):
    return (DOCS / f"{stem}.md").read_text()


# ---- the pages -------------------------------------------------------------------------------------------------------


def test_every_script_has_its_page_and_the_index_has_them_all():
    stems = {path.stem for path in PAGES} - {"README"}
    assert stems == set(SCRIPTS) | WITHOUT_SCRIPT
    assert set(re.findall(r"\]\((\w+)\.md\)", page("README"))) == stems


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@pytest.mark.parametrize(
    ("stem", "members"),
    [
        ("activations", ACTIVATIONS),
        ("augmentation", AUGMENTATIONS),
        ("callbacks", set(callbacks.__all__) - {"Fit", "ScikitLearnCallbacks"}),
        ("initializers", INITIALIZERS),
        ("inspection", inspection.__all__),
        ("losses", NAMED_LOSSES),
        ("optimizers", OPTIMIZERS),
        ("schedules", SCHEDULES),
    ],
)
def test_the_first_table_has_every_member(stem, members):
    named = {name for row in tables(page(stem))[0][1:] for name in re.findall(r"`(\w+)`", row[0])}
    assert set(members) <= named


def test_every_parameter_that_scikit_learn_lacks_is_on_a_page():
    new = set(MLPClassifier().get_params()) - set(sklearn.neural_network.MLPClassifier().get_params())
    text = "\n".join(path.read_text() for path in PAGES)
    about_the_machine = {"n_jobs", "dtype"}
    assert {name for name in new if not re.search(rf"`{name}\b", text)} <= about_the_machine


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_examples_of_the_page(path):
    examples = "\n".join(re.findall(r"^```pycon\n(.*?)^```", path.read_text(), flags=re.M | re.S))
    test = doctest.DocTestParser().get_doctest(examples, {}, path.stem, str(path), 0)
    assert doctest.DocTestRunner().run(test).failed == 0
    assert test.examples or path.stem in {"README", "nielsen", *WITHOUT_SCRIPT}


# ---- the scripts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", [stem for stem in SCRIPTS if stem != "nielsen"])
def test_a_page_shows_its_scripts_tables(stem, printed_by):
    """With another number of epochs in a quick run, but the same tables with the same rows and columns."""
    printed, shown = tables(printed_by(stem)), tables(page(stem))
    outlines = [(table[0], [row[0] for row in table[1:]]) for table in shown]
    for table in printed:
        assert (table[0], [row[0] for row in table[1:]]) in outlines


@pytest.mark.parametrize(
    ("stem", "title"),
    [("losses", "Output of a unit"), ("schedules", "Rate at a step"), ("initializers", "mean square")],
)
def test_what_no_start_and_no_epochs_change_is_shown_as_it_is(stem, title, printed_by):
    fixed = tables(printed_by(stem), title)
    assert fixed
    for table in fixed:
        assert table in tables(page(stem), title)


@pytest.mark.skipif(not MNIST.exists(), reason="mnist.npz is in neither FASTMLP_DATA nor ../shared/data")
def test_nielsen_runs(quick, monkeypatch):
    monkeypatch.setenv("FASTMLP_DATA", str(MNIST.parent))
    (printed,), shown = tables(quick("nielsen")), tables(page("nielsen"))
    assert any([row[:3] for row in printed] == [row[:3] for row in table] for table in shown)


def test_nielsen_says_what_is_missing(quick, monkeypatch, tmp_path):
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="FASTMLP_DATA names the folder"):
        quick("nielsen")


# ---- the claims ------------------------------------------------------------------------------------------------------


def test_gradients_vanish_and_what_keeps_them(script):
    module = script("activations")
    X, _, y, _ = module["digits"]()
    norms = {name: module["gradient_norms"](X, y, **case) for name, case in module["CASES"].items()}
    plain = norms.pop("logistic, Glorot")
    assert plain[0] < 1e-5 * plain[-1]
    for name, others in norms.items():
        assert max(others) < 20 * min(others), name


def test_signals_fade_grow_or_stay(script):
    mean_squares = script("initializers")["mean_squares"]
    small, large, right = (mean_squares("relu", init)[-1] for init in (Normal(0.01), Normal(1.0), "he_normal"))
    assert small < 1e-15
    assert large > 1e15
    assert 0.1 < right < 10


def test_units_that_begin_equal_stay_equal(printed_by):
    for text in (printed_by("initializers"), page("initializers")):
        (table,) = tables(text, "64 hidden units")
        assert [row[0] for row in table[1:]] == ["`Constant()`", "`Constant(value=0.1)`", "`Normal()`"]
        assert [row[1] for row in table[1:]] == ["1", "1", "64"]


def test_momentum_helps_where_curvatures_differ(script):
    module = script("optimizers")
    steps = [
        module["steps_needed"](SGD(rate, momentum=momentum, nesterov=False), np.diag(module["CURVATURES"]), 5000)
        for rate, momentum in ((0.0019, 0.0), (0.003, 0.9))
    ]
    assert steps[1] * 10 < steps[0]
    alike = [
        module["steps_needed"](SGD(rate, momentum=momentum, nesterov=False), np.eye(5), 5000)
        for rate, momentum in ((1.0, 0.0), (0.5, 0.9))
    ]
    assert alike[0] < alike[1]


def test_large_rates_and_large_weights_stop_units():
    dead, saturated, _ = tables(page("inspection"))[1:]
    for table in (dead, saturated):
        shares = np.array([[float(cell) for cell in row[1:-1]] for row in table[1:]])
        assert (np.diff(shares, axis=0) >= -1).all()
        accuracies = [float(row[-1].split()[0]) for row in table[1:]]
        assert accuracies == sorted(accuracies, reverse=True)


def test_the_steepest_solution_is_the_best_and_a_penalty_makes_the_flattest():
    *_, table = tables(page("inspection"))
    far = {row[0]: float(row[-2]) for row in table[1:]}
    accuracy = {row[0]: float(row[-1].split()[0]) for row in table[1:]}
    names = [f"batches of {size}" for size in (500, 64, 8)]
    assert [far[name] for name in names] == sorted(far[name] for name in names)
    assert max(far, key=far.get) == max(accuracy, key=accuracy.get)
    assert "alpha" in min(far, key=far.get)


def test_nielsens_figures_are_reached_within_a_point():
    table = next(table for table in tables(page("nielsen")) if "he" in table[0])
    assert len(table) == 8
    for row in table[1:]:
        assert float(row[3].split()[0]) >= float(row[2]) - 1, row


@pytest.mark.parametrize("cost", ["quadratic", "cross-entropy"])
def test_a_step_is_nielsens(script, cost):
    """w <- (1 - eta lambda / n) w - eta / m (sum of the gradients of m samples); biases do not decay."""
    module = script("nielsen")
    run = module["Run"](cost, 5, 0.7, 4.0, 1, "test", 0.0)
    rng, n_train = np.random.RandomState(1), 60
    X, y = rng.uniform(size=(10, 6)), np.arange(10)
    targets = np.eye(10)[y]
    start = {"weight_init": Normal(1.0), "bias_init": Normal(1.0)}
    params = initial_params([6, 5, 10], "logistic", float, np.random.RandomState(0), **start)
    W, b, V, c = np.split(params, [30, 35, 85])
    W, V = W.reshape(6, 5), V.reshape(5, 10)
    hidden = 1 / (1 + np.exp(-(X @ W + b)))
    out = 1 / (1 + np.exp(-(hidden @ V + c)))
    delta = (out - targets) * (out * (1 - out) if cost == "quadratic" else 1)
    below = (delta @ V.T) * hidden * (1 - hidden)
    keep, share = 1 - 0.7 * 4.0 / n_train, 0.7 / 10

    network = module["model"](run, n_train, 0)
    network.partial_fit(X, y if cost == "quadratic" else targets.astype(int), classes=np.arange(10))
    np.testing.assert_allclose(network.coefs_[1], keep * V - share * hidden.T @ delta, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.coefs_[0], keep * W - share * X.T @ below, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.intercepts_[1], c - share * delta.sum(axis=0), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.intercepts_[0], b - share * below.sum(axis=0), rtol=1e-12, atol=1e-13)
