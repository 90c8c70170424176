"""What the estimators meet in use: scikit-learn's machinery, data frames, pickles, threads, forks, Ctrl-C."""

import json
import pickle
import shutil
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import ELU
from fastmlp.losses import LogLoss
from fastmlp.optimizers import OPTIMIZERS, AdamW
from fastmlp.schedules import Cosine
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)


@pytest.fixture(params=[MLPClassifier, MLPRegressor], ids=lambda cls: cls.__name__)
def fitted(request):
    return request.param(hidden_layer_sizes=(10,), max_iter=5, random_state=0).fit(X, Y)


def parameters(estimator):
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


# ---- copies ----------------------------------------------------------------------------------------------------------


def test_pickle_and_joblib(fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
        assert copy.loss_curve_ == fitted.loss_curve_
        copy.partial_fit(X, Y)
    fitted.partial_fit(X, Y)  # the moments and the step count travelled with it
    np.testing.assert_array_equal(parameters(copy), parameters(fitted))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"solver": "muon", "ema": 0.9},
        {"solver": "schedulefreeadamw"},
        {"normalization": "batch", "standardize": True},
    ],
    ids=str,
)
def test_memory_mapped_parameters(fitted, tmp_path, options):
    """joblib's workers map large models read-only."""
    fitted.set_params(**options).fit(X, Y)
    joblib.dump(fitted, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict(X), fitted.predict(X))
    mapped.partial_fit(X, Y)
    np.testing.assert_array_equal(parameters(mapped), parameters(fitted.partial_fit(X, Y)))


def test_clone(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "coefs_")
    np.testing.assert_array_equal(parameters(copy.fit(X, Y)), parameters(fitted))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_pickle_holds_parameters_and_training_state_once(solver, early_stopping):
    """The parameters, a moment or two of the same size, and nothing else of the kind."""
    data = np.random.default_rng(0).standard_normal((60, 300))
    clf = MLPClassifier((200, 100), solver=solver, early_stopping=early_stopping, max_iter=3, random_state=0)
    clf.fit(data, np.arange(60) % 3)
    moments = OPTIMIZERS[solver]().n_slots if solver != "lbfgs" else 0
    assert len(pickle.dumps(clf)) <= (1.06 + 1.06 * moments) * parameters(clf).nbytes
    clf.fit(data, np.arange(60) % 3)
    assert len(pickle.dumps(clf)) <= (1.06 + 1.06 * moments) * parameters(clf).nbytes


# ---- scikit-learn's machinery ----------------------------------------------------------------------------------------


def test_pipeline_and_grid_search():
    """Two workers find what one finds."""
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0))
    grid = {"mlpclassifier__hidden_layer_sizes": [(5,), (20,)], "mlpclassifier__alpha": [1e-4, 1.0]}
    alone, shared = (GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(shared.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert shared.best_params_ == alone.best_params_
    assert shared.best_score_ > 0.9


def test_searches_set_what_objects_within_have():
    """In a pipeline, in two processes; and what a search tries stays its own."""
    solver, activation = AdamW(0.01), ELU()
    mlp = MLPClassifier((10,), solver=solver, activation=activation, loss=LogLoss(), max_iter=60, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", mlp)])
    grid = {
        "mlp__solver__weight_decay": [0.0, 5.0],
        "mlp__solver__learning_rate": [0.02, Cosine(0.02)],
        "mlp__activation__alpha": [1.0, 0.1],
        "mlp__loss__label_smoothing": [0.1],
    }
    alone, shared = (GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(shared.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert len(set(alone.cv_results_["mean_test_score"])) > 2
    assert shared.best_score_ > 0.9
    best = shared.best_estimator_["mlp"]
    assert best.loss.label_smoothing == 0.1
    assert best.solver is not solver
    assert (solver.weight_decay, solver.learning_rate, activation.alpha, mlp.loss.label_smoothing) == (0.01, 0.01, 1, 0)
    assert {"solver__beta_1", "activation__alpha", "loss__label_smoothing", "solver"} <= set(mlp.get_params())
    by_name = GridSearchCV(
        MLPClassifier(max_iter=5), {"solver": ["lion", "rprop"], "loss": ["log_loss", "focal"]}, cv=2
    )
    assert len(by_name.fit(X, Y).cv_results_["params"]) == 4


def test_a_fit_leaves_the_objects_it_was_given_alone():
    """One object serves any number of fits, side by side."""
    solver, before = AdamW(Cosine(0.05)), repr(AdamW(Cosine(0.05)))
    fits = [MLPClassifier((5,), solver=solver, max_iter=n, random_state=0) for n in (3, 9)]
    together = in_threads([lambda clf=clf: parameters(clf.fit(X, Y)) for clf in fits])
    assert repr(solver) == before
    assert fits[0].solver is fits[1].solver is solver
    for clf, expected in zip(fits, together, strict=True):
        np.testing.assert_array_equal(parameters(clone(clf).fit(X, Y)), expected)


def test_cross_val_predict():
    model = make_pipeline(StandardScaler(), MLPClassifier((20,), max_iter=100, learning_rate_init=0.01, random_state=0))
    probabilities = cross_val_predict(model, X, Y, method="predict_proba", cv=3)
    assert (probabilities.argmax(axis=1) == Y).mean() > 0.9


@pytest.mark.parametrize(
    "wrap",
    [
        lambda mlp: CalibratedClassifierCV(mlp, cv=3),
        lambda mlp: BaggingClassifier(mlp, n_estimators=3, random_state=0),
        lambda mlp: VotingClassifier([("mlp", mlp), ("linear", LogisticRegression(max_iter=1000))], voting="soft"),
    ],
    ids=["calibrated", "bagging", "voting"],
)
def test_ensembles_of_classifiers(wrap):
    mlp = MLPClassifier((20,), max_iter=100, learning_rate_init=0.01, random_state=0)
    assert wrap(mlp).fit(X, Y).score(X, Y) > 0.9


def test_bagging_of_regressors():
    mlp = MLPRegressor(hidden_layer_sizes=(20,), max_iter=200, learning_rate_init=0.01, random_state=0)
    assert BaggingRegressor(mlp, n_estimators=3, random_state=0).fit(X, Y).score(X, Y) > 0.8


# ---- data frames -----------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "frame",
    [
        lambda X: pd.DataFrame(X, columns=NAMES),
        lambda X: pd.DataFrame(X, columns=NAMES).astype({"a": "float32", "b": "Float64"}),
        lambda X: pl.DataFrame(X, schema=NAMES),
    ],
    ids=["pandas", "pandas of mixed types", "polars"],
)
def test_frames(frame, fitted):
    model = clone(fitted).fit(frame(X), Y)
    assert list(model.feature_names_in_) == NAMES
    np.testing.assert_allclose(model.predict(frame(X)), fitted.predict(X), rtol=1e-5)
    reordered = frame(X)[NAMES[::-1]]
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.predict(reordered)
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.partial_fit(reordered, Y)
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but MLP.* was fitted with feature names"
    ):
        model.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but MLP.* was fitted without feature names"):
        fitted.predict(frame(X))


FRAMES = {
    "in one block": lambda frame: frame,
    "one row": lambda frame: frame[:1],
    "every other row": lambda frame: frame[::2],
    "single": lambda frame: frame.astype("float32"),
    "mixed": lambda frame: frame.astype({"a": "float32"}),
    "integers": lambda frame: frame.round().astype(int),
    "an integer column": lambda frame: frame.assign(d=1),
    "nullable": lambda frame: frame.astype("Float64"),
    "sparse": lambda frame: frame.astype(pd.SparseDtype("float64", 0.0)),
    "objects": lambda frame: frame.astype(object),
    "a missing number": lambda frame: frame.assign(b=np.nan),
    "infinite": lambda frame: frame.assign(b=np.inf),
    "no rows": lambda frame: frame[:0],
    "a column less": lambda frame: frame[NAMES[1:]],
    "a column more": lambda frame: frame.assign(e=1.0),
    "other order": lambda frame: frame[NAMES[::-1]],
    "other names": lambda frame: frame.rename(columns={"a": "x"}),
    "names that are numbers": lambda frame: frame.set_axis(range(4), axis=1),
    "a name that is missing": lambda frame: frame.set_axis(["a", pd.NA, "c", "d"], axis=1),
    "one name twice": lambda frame: frame.set_axis(["a", "b", "c", "c"], axis=1),
    "names in two levels": lambda frame: frame.set_axis(pd.MultiIndex.from_product([["a", "b"], [1, 2]]), axis=1),
}


@pytest.mark.parametrize("change", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("of_model", ["float64", "float32"])
def test_frames_that_are_read_at_once_are_predicted_as_others(change, of_model, monkeypatch):
    """Or refused, or warned of, in the same way."""
    frame = pd.DataFrame(X, columns=NAMES)
    clf = MLPClassifier((10,), max_iter=5, random_state=0, dtype=of_model).fit(frame, Y)

    def outcome():
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                answer = clf.predict_proba(change(frame))
            except (ValueError, TypeError) as error:
                answer = f"{type(error)}: {error}"
        return answer, [str(warning.message) for warning in seen]

    at_once = outcome()
    monkeypatch.setattr("fastmlp.estimators.network_estimator.numbers_of_frame", lambda X, names, dtype: None)
    np.testing.assert_equal(outcome(), at_once)


@pytest.mark.parametrize("series", [pd.Series, pl.Series])
def test_series_of_strings_as_labels(series):
    labels = np.array(["setosa", "versicolor", "virginica"])[Y]
    clf = MLPClassifier((10,), max_iter=5, random_state=0).fit(X, series(list(labels)))
    assert list(clf.classes_) == ["setosa", "versicolor", "virginica"]
    assert set(clf.predict(X)) <= set(labels)


# ---- threads, forks --------------------------------------------------------------------------------------------------


def in_threads(jobs):
    """Run the jobs in a thread each, all at once; return their results."""
    results, barrier = [None] * len(jobs), threading.Barrier(len(jobs))

    def work(i):
        barrier.wait()
        results[i] = jobs[i]()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_fits_side_by_side_give_what_they_give_alone(solver, n_jobs):
    data = np.random.default_rng(0).standard_normal((400, 30))
    labels = np.arange(400) % 4

    def fit(seed):
        return parameters(
            MLPClassifier((50,), solver=solver, max_iter=10, random_state=seed, n_jobs=n_jobs).fit(data, labels)
        )

    alone = [fit(seed) for seed in range(4)]
    for together, expected in zip(in_threads([lambda s=s: fit(s) for s in range(4)]), alone, strict=True):
        np.testing.assert_array_equal(together, expected)


def test_gil_is_free_while_training():
    """Python code of another thread runs on during a fit, epoch or not."""
    data = np.random.default_rng(0).standard_normal((2000, 200)).astype(np.float32)
    done, ticks = threading.Event(), []

    def tick():
        while not done.wait(0.005):
            ticks.append(0)

    ticker = threading.Thread(target=tick)
    ticker.start()
    MLPRegressor(hidden_layer_sizes=(300, 300), batch_size=2000, max_iter=30, n_jobs=1).fit(data, data[:, 0])
    done.set()
    ticker.join()
    assert len(ticks) >= 10


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_concurrent_predictions_on_one_model(n_jobs):
    data = np.random.default_rng(0).standard_normal((3000, 4))
    clf = MLPClassifier((60, 40), max_iter=5, random_state=0, n_jobs=n_jobs).fit(X, Y)
    expected = clf.predict_proba(data)
    for probabilities in in_threads([lambda: [clf.predict_proba(data) for _ in range(10)]] * 4):
        for actual in probabilities:
            np.testing.assert_array_equal(actual, expected)


def test_a_forked_child_can_fit(script):
    source = """
        import os, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        from fastmlp import MLPClassifier
        X = np.random.default_rng(0).standard_normal((500, 50))
        y = np.arange(500) % 3

        def fit(**more):
            return MLPClassifier((100,), max_iter=3, random_state=0, **more).fit(X, y)

        expected = fit(n_jobs=2)
        child = os.fork()
        if child == 0:
            same = all(
                np.array_equal(W, V)
                for more in ({"n_jobs": 2}, {"n_jobs": None}, {"n_jobs": -1})
                for W, V in zip(fit(**more).coefs_, expected.coefs_)
            ) and np.array_equal(expected.predict_proba(X), fit(n_jobs=2).predict_proba(X))
            os._exit(0 if same else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert script(source, timeout=60) == "0"


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "n_jobs"), [("sgd", 1), ("adam", 2), ("lbfgs", 1), ("lbfgs", 2)])
def test_ctrl_c(script, solver, n_jobs):
    """A long fit is to return within 0.2 s of the signal. The bound here is larger, for machines busy with other work,
    and far below what is left: minutes of training, seconds of an epoch."""
    source = f"""
        import json, os, signal, threading, time, warnings
        import numpy as np
        from fastmlp import MLPClassifier
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((20000, 400)), rng.integers(0, 10, 20000)
        clf = MLPClassifier((400, 400), solver={solver!r}, max_iter=10000, max_fun=10**6, tol=0, n_iter_no_change=10000,
                            random_state=0, n_jobs={n_jobs})
        sent = []
        def interrupt():
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer(1.0, interrupt)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            timer.start()
            clf.fit(X, y)
            late = time.perf_counter() - sent[0]
        finite = all(np.isfinite(part).all() for part in clf.coefs_ + clf.intercepts_)
        told = [(str(w.message), w.category.__name__) for w in caught]
        print(json.dumps([late, told, finite, len(clf.predict(X[:7]))]))
    """
    late, caught, finite, n_predicted = json.loads(script(source))
    assert caught == [["Training interrupted by user.", "UserWarning"]]
    assert finite
    assert n_predicted == 7
    assert late < 0.6


def test_a_fit_goes_on_after_ctrl_c():
    """The interrupted model holds the weights of its last update, and a warm start goes on from them."""
    clf = MLPClassifier((10,), max_iter=50, warm_start=True, random_state=0)
    timer = threading.Timer(0.3, lambda: __import__("_thread").interrupt_main())
    clf.set_params(max_iter=10**6, n_iter_no_change=10**6)
    timer.start()
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        clf.fit(X, Y)
    before = clf.n_iter_, parameters(clf)
    assert 0 < clf.n_iter_ == len(clf.loss_curve_) < 10**6
    clf.set_params(max_iter=3).fit(X, Y)
    assert clf.n_iter_ == 3
    assert not np.array_equal(parameters(clf), before[1])


def test_sources_without_the_engine_say_how_to_build_it(tmp_path):
    """Python started in a checkout finds the sources before the installed package."""
    shutil.copytree(ROOT / "fastmlp", tmp_path / "fastmlp", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    # -S: an editable installation in this interpreter's environment would be found next.
    command = [sys.executable, "-S", "-c", "import fastmlp"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert (
        last.startswith(f"ImportError: {tmp_path / 'fastmlp'} holds the sources of fastmlp") and "install -e ." in last
    )
