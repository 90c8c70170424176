"""The estimators as a whole: scikit-learn's own tests, the defects mended, every choice there is and what it does."""

import re
import subprocess
import sys
import unittest
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import ACTIVATIONS, Activation, NativeActivation
from fastmlp.augmentation import AUGMENTATIONS
from fastmlp.exceptions import IgnoredParameterWarning
from fastmlp.initializers import INITIALIZERS
from fastmlp.optimizers import LBFGS, OPTIMIZERS, SGD, AdamW
from fastmlp.schedules import SCHEDULES, Cosine
from tests.conftest import ROOT, exhaustive
from tests.estimator_cases import (
    ESTIMATORS,
    FORMS,
    OPTIONS,
    TARGETS,
    X_IRIS,
    X_SMALL,
    Y_IRIS,
    Y_NUMBERS,
    Heavy,
    Sine,
    answers,
    assert_fails_without_a_trace,
    assert_learns,
    classes_of,
    everything,
    falling,
    libm,
    own_target,
    parameters,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- scikit-learn's own tests ----------------------------------------------------------------------------------------


def test_scikit_learns_own_suite():
    """All of test_mlp.py but test_gradient, with fastmlp's classes in the place of scikit-learn's."""
    options = ["-p", "tests.sklearn_suite", "-p", "no:cacheprovider", "-o", "filterwarnings=", "-o", "testpaths="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--pyargs", "sklearn.neural_network.tests.test_mlp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert re.search(r"\b58 passed, 1 deselected\b", done.stdout), done.stdout[-5000:]
    assert done.returncode == 0


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings and look at those they mean
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}-{i}")
        for cls in ESTIMATORS
        for i, (estimator, check) in enumerate(estimator_checks_generator(cls(max_iter=50), legacy=True))
    ],
)
def test_check_estimator(estimator, check):
    check(estimator)


# Each row has a mask of its own.
WEIGHTS_ARE_NOT_REPETITIONS = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}


@exhaustive
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("options", "failing"),
    [
        ({"normalization": "layer", "activation": "prelu"}, set()),
        ({"normalization": "batch"}, set()),
        ({"dropout": 0.1}, WEIGHTS_ARE_NOT_REPETITIONS),
        ({"solver": AdamW()}, set()),
        ({"solver": "muon"}, set()),
        ({"solver": "schedulefreeadamw", "ema": 0.9}, set()),
        ({"standardize": True}, set()),
        ({"loss": None}, set()),
    ],
    ids=str,
)
def test_check_estimator_with_options(cls, options, failing):
    if "loss" in options:
        options = {"loss": "hinge" if cls is MLPClassifier else "huber"}
    failed = set()
    for estimator, check in estimator_checks_generator(cls(max_iter=50, **options), legacy=True):
        try:
            check(estimator)
        except AssertionError:
            failed.add(check.func.__name__)
        except unittest.SkipTest:
            pass
    assert failed == failing


# ---- scikit-learn's defects, mended ----------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_weights():
    X, y = load_digits(return_X_y=True)
    clf = MLPClassifier((10,), learning_rate_init=0.1, early_stopping=True, random_state=1, max_iter=40).fit(X, y)
    assert clf.validation_scores_.index(clf.best_validation_score_) < len(clf.validation_scores_) - 1
    rows = np.arange(len(X))
    random_state = np.random.RandomState(1)
    for n_in, n_out in ((64, 10), (10, 10)):
        random_state.uniform(size=(n_in + 1) * n_out)
    from sklearn.model_selection import train_test_split

    _, held_out = train_test_split(rows, random_state=random_state, test_size=0.1)
    assert clf.score(X[held_out], y[held_out]) == clf.best_validation_score_


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_rows_of_zero_weight_do_not_count(cls, solver):
    """A minibatch of nothing but such rows is passed over: it divided by zero."""
    weights = np.where(np.arange(150) % 50 < 25, 1.0, 0.0)
    what = {"hidden_layer_sizes": (5,), "solver": solver, "batch_size": 25, "shuffle": False, "max_iter": 5}
    with_them = cls(**what, random_state=0).fit(X_IRIS, Y_IRIS, weights)
    assert np.isfinite(parameters(with_them)).all()
    without = cls(**what, random_state=0).fit(X_IRIS[weights > 0], Y_IRIS[weights > 0])
    np.testing.assert_allclose(parameters(with_them), parameters(without), rtol=1e-9)


def test_partial_fit_of_the_regressor_is_not_for_lbfgs(cls):
    estimator = cls(solver="lbfgs")
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match=f"'{cls.__name__}' has no attribute 'partial_fit'") as info:
        estimator.partial_fit(X_IRIS, Y_IRIS)
    assert str(info.value.__cause__) == (
        "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
    )


# ---- dtype and n_jobs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    ("given", "dtype", "weights", "predictions"),
    [
        ("float32", "auto", "float32", "float32"),
        ("float64", "auto", "float64", "float64"),
        ("float16", "auto", "float64", "float64"),
        ("uint8", "auto", "float64", "float64"),
        ("uint8", "float32", "float32", "float32"),
        ("float64", "float32", "float32", "float32"),
        ("float32", "float64", "float64", "float64"),
    ],
)
def test_dtype(solver, given, dtype, weights, predictions):
    X, what = X_IRIS.astype(given), {"hidden_layer_sizes": (5,), "solver": solver, "dtype": dtype, "max_iter": 3}
    clf, reg = MLPClassifier(**what).fit(X, Y_IRIS), MLPRegressor(**what).fit(X, Y_IRIS)
    for estimator in (clf, reg):
        assert {part.dtype for part in estimator.coefs_ + estimator.intercepts_} == {np.dtype(weights)}
    assert clf.predict_proba(X).dtype == clf.predict_log_proba(X).dtype == reg.predict(X).dtype == predictions
    assert clf.predict(X).dtype == Y_IRIS.dtype


def test_integers_give_what_their_conversion_gives(cls):
    X = (X_IRIS * 10).astype(np.uint8)
    what = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    for dtype in ("float32", "float64"):
        direct = cls(**what, dtype=dtype).fit(X, Y_IRIS)
        converted = cls(**what).fit(X.astype(dtype), Y_IRIS)
        np.testing.assert_array_equal(parameters(direct), parameters(converted))
        np.testing.assert_array_equal(direct.predict(X), converted.predict(X.astype(dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("sparse", [False, True])
def test_n_jobs_does_not_change_a_bit(cls, solver, dtype, sparse):
    X, y = load_digits(return_X_y=True)
    X = scipy.sparse.csr_array(X) if sparse else X
    what = {"hidden_layer_sizes": (40, 30), "solver": solver, "dtype": dtype, "max_iter": 3, "random_state": 0}
    fits = [cls(**what, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2, 3, 8, None, 1)]
    for other in fits[1:]:
        np.testing.assert_array_equal(parameters(other), parameters(fits[0]))
        np.testing.assert_array_equal(other.predict(X), fits[0].predict(X))


# ---- every choice there is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"lbfgs"}))
def test_every_solver_learns(cls, name):
    for solver in (name, OPTIMIZERS[name]()):
        assert_learns(small(cls, solver=solver), X_SMALL, own_target(cls))


def test_lbfgs_as_an_object_is_lbfgs_by_name(cls):
    y = own_target(cls)
    by_name = small(cls, solver="lbfgs", tol=1e-3).fit(X_SMALL, y)
    by_object = small(cls, solver=LBFGS(max_iter=30, tol=1e-3), max_iter=200).fit(X_SMALL, y)
    np.testing.assert_array_equal(parameters(by_object), parameters(by_name))
    assert by_name.loss_ < small(cls, solver="lbfgs", max_iter=1).fit(X_SMALL, y).loss_


@pytest.mark.parametrize(
    ("activation", "form", "normalization"),
    [
        (activation, form, [None, "batch", "layer"][(i + j) % 3])
        for i, activation in enumerate(ACTIVATIONS)
        for j, form in enumerate(FORMS)
    ],
)
def test_every_activation_learns_and_predicts(cls, activation, form, normalization):
    """Any two of an activation, a form of X and a normalization meet, though not any three."""
    X, params = FORMS[form], {"activation": activation, "normalization": normalization, "dropout": [0.1, 0.0]}
    estimator = small(cls, **params, standardize=True)
    assert_learns(estimator, X, own_target(cls))
    seen = answers(estimator, X)
    assert seen.dtype == X.dtype
    np.testing.assert_array_equal(np.concatenate([answers(estimator, X[i : i + 1]) for i in range(90)]), seen)
    dense = X.toarray() if scipy.sparse.issparse(X) else X
    np.testing.assert_array_equal(answers(estimator, np.asfortranarray(dense)), answers(estimator, dense))
    np.testing.assert_array_equal(estimator.predictor()(dense), answers(estimator, dense))
    np.testing.assert_allclose(answers(estimator, dense), seen, rtol=0, atol=1e-5 if X.dtype == np.float32 else 1e-13)


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning")  # of partial_fit after the fit
@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "muon", "schedulefreeadamw"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_learns(cls, name, solver):
    estimator = small(cls, solver=solver, learning_rate=name, learning_rate_init=0.01)
    if name in ("invscaling", "adaptive") and solver != "sgd":
        with pytest.warns(IgnoredParameterWarning, match=f"learning_rate='{name}' has no effect beside solver="):
            estimator.fit(X_SMALL, own_target(cls))
        estimator.set_params(learning_rate=SCHEDULES[name](0.01), learning_rate_init=0.001)
    assert_learns(estimator, X_SMALL, own_target(cls))
    assert len(estimator.partial_fit(X_SMALL, own_target(cls)).loss_curve_) == 31


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_learns(cls, name):
    for other in ("auto", name):
        assert_learns(small(cls, weight_init=name, bias_init=other), X_SMALL, own_target(cls))
    once, again = (small(cls, weight_init=init).fit(X_SMALL, own_target(cls)) for init in (name, INITIALIZERS[name]()))
    if name != "auto":  # beside which, as a name, biases are not 0
        np.testing.assert_array_equal(parameters(once), parameters(again))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_learns(name):
    X = np.hstack([X_SMALL, X_SMALL[:, :4]])  # as images, of 3 x 3
    for cls, targets in ((MLPClassifier, TARGETS.values()), (MLPRegressor, [Y_NUMBERS, np.c_[Y_NUMBERS, Y_NUMBERS]])):
        for y in targets:
            assert_learns(small(cls, augment=name, standardize=True, learning_rate_init=0.02), X, y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_xor(activation):
    """Two hidden units are enough, from some starts; but not where they are linear."""
    X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    params = {
        "activation": activation,
        "alpha": 0,
        "learning_rate_init": 0.05,
        "max_iter": 1500,
        "n_iter_no_change": 1500,
    }
    scores = (MLPClassifier((2,), **params, random_state=seed).fit(X, y).score(X, y) for seed in range(20))
    assert any(score == 1 for score in scores) == (activation != "identity")


# ---- what the options do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_standardize_is_a_standard_scaler_before(cls, dtype, solver):
    X = (20 * np.abs(X_SMALL) + 3).astype(dtype)
    y, tolerance = own_target(cls), 1e-5 if dtype == np.float32 else 1e-11
    estimator = small(cls, solver=solver, max_iter=10, standardize=True).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), small(cls, solver=solver, max_iter=10)).fit(X, y)
    np.testing.assert_allclose(answers(estimator, X), answers(pipeline, X), rtol=0, atol=tolerance)
    np.testing.assert_allclose(estimator.input_means_, pipeline[0].mean_, rtol=1e-6)
    sparse = scipy.sparse.csr_array(X)
    estimator = small(cls, solver=solver, max_iter=10, standardize=True).fit(sparse, y)
    pipeline = make_pipeline(StandardScaler(with_mean=False), small(cls, solver=solver, max_iter=10)).fit(sparse, y)
    np.testing.assert_allclose(answers(estimator, sparse), answers(pipeline, sparse), rtol=0, atol=tolerance)
    np.testing.assert_array_equal(estimator.input_means_, 0)


def test_standardize_keeps_what_it_knows_of_the_features(cls):
    y = own_target(cls)
    estimator = small(cls, standardize=True).fit(X_SMALL + 1, y)
    means = estimator.input_means_.copy()
    estimator.partial_fit(X_SMALL - 5, y)
    np.testing.assert_array_equal(estimator.input_means_, means)
    sparse = scipy.sparse.csr_array(X_SMALL)
    message = "standardize=True centred the dense X that training began with; it cannot go on with a sparse one"
    assert_fails_without_a_trace(lambda: estimator.partial_fit(sparse, y), estimator, ValueError, message)
    np.testing.assert_allclose(answers(estimator, sparse), answers(estimator, X_SMALL), rtol=1e-10)
    assert not hasattr(estimator.set_params(standardize=False).fit(X_SMALL, y), "input_means_")


@pytest.mark.parametrize("option", ["ema", "schedule-free", "layer", "standardize", "user's loss", "penalties"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rows_of_zero_weight_do_not_count_with_options(cls, option, solver):
    options = OPTIONS[option]
    if solver == "lbfgs" and {"solver", "ema", "l1"} & set(options):
        pytest.skip("not for lbfgs")
    weights, y = np.where(np.arange(90) % 30 < 15, 1.0, 0.0), own_target(cls)
    what = {"solver": solver, "batch_size": 15, "shuffle": False, "max_iter": 5, **options}
    X = np.where(weights[:, None] > 0, X_SMALL, 1e6)
    with_them, without = small(cls, **what).fit(X, y, weights), small(cls, **what).fit(X[weights > 0], y[weights > 0])
    np.testing.assert_allclose(everything(with_them), everything(without), rtol=1e-8)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_early_stopping_says_on_which_side_all_weights_are_0(cls):
    """One row counts, which is either learned from or held out: nothing is on the other side."""
    weights, said = np.eye(1, 90)[0], set()
    for seed in range(20):
        with pytest.raises(ValueError, match=r"validation_fraction=0\.3: all rows that are") as raised:
            small(cls, early_stopping=True, validation_fraction=0.3, random_state=seed).fit(
                X_SMALL, TARGETS["binary"], weights
            )
        said.add(re.search("that are (.*) have the weight 0", str(raised.value))[1])
    assert said == {"left to learn from", "held out"}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_weights_too_small_for_the_engine_are_refused(cls):
    """They would be 0 there, and the loss, too."""
    with pytest.raises(ValueError, match=r"sample_weight must have numbers of at least 2\.23e-308; got at most 1e-310"):
        small(cls).fit(X_SMALL, TARGETS["binary"], np.full(90, 1e-310))


def test_ema_is_the_average_over_the_steps(cls):
    what = {"shuffle": False, "batch_size": 90}
    average, plain, averaged = None, small(cls, **what), small(cls, **what, ema=0.7)
    for _ in range(5):
        now = parameters(plain.partial_fit(X_SMALL, own_target(cls), **classes_of(cls)))
        average = now if average is None else 0.7 * average + 0.3 * now
        averaged.partial_fit(X_SMALL, own_target(cls), **classes_of(cls))
        np.testing.assert_allclose(parameters(averaged), average, rtol=1e-12)


def test_limits(cls):
    """Of a step by the plain rule, at learning rate 1, and of the weights after it."""
    y, plain = own_target(cls), {"solver": SGD(1.0, momentum=0.0), "batch_size": 90, "max_iter": 1, "alpha": 0.0}
    start = parameters(small(cls, **{**plain, "solver": SGD(1e-300, momentum=0.0)}).fit(X_SMALL, y))
    full = parameters(small(cls, **plain).fit(X_SMALL, y)) - start
    by_value = parameters(small(cls, **plain, gradient_clip_value=0.01).fit(X_SMALL, y)) - start
    np.testing.assert_allclose(by_value, np.clip(full, -0.01, 0.01), atol=1e-15)
    by_norm = parameters(small(cls, **plain, gradient_clip_norm=0.05).fit(X_SMALL, y)) - start
    np.testing.assert_allclose(by_norm, 0.05 * full / np.linalg.norm(full), atol=1e-15)
    limited, free = (small(cls, **plain, max_norm=limit).fit(X_SMALL, y) for limit in (0.5, None))
    for W, V in zip(limited.coefs_[:-1], free.coefs_[:-1], strict=True):
        norms = np.linalg.norm(V, axis=0)
        assert norms.max() > 0.5
        np.testing.assert_allclose(W, V * np.minimum(1, 0.5 / norms), rtol=1e-12)
    np.testing.assert_array_equal(limited.coefs_[-1], free.coefs_[-1])


@pytest.mark.parametrize("solver", ["adam", "muon", "lbfgs"])
def test_a_users_activation_in_python_or_compiled(cls, solver):
    sines = [
        small(cls, activation=activation, solver=solver, max_iter=10).fit(X_SMALL, own_target(cls))
        for activation in (Sine(), NativeActivation(libm("sin"), libm("cos")))
    ]
    np.testing.assert_allclose(answers(sines[0], X_SMALL), answers(sines[1], X_SMALL), rtol=1e-7)

    class Tanh(Activation):
        def __call__(self, z):
            return np.tanh(z)

        def derivative(self, z):
            return 1 - np.tanh(z) ** 2

    own, built_in = (
        small(cls, activation=activation, solver=solver, max_iter=10).fit(X_SMALL, own_target(cls))
        for activation in (Tanh(), "tanh")
    )
    np.testing.assert_allclose(answers(own, X_SMALL), answers(built_in, X_SMALL), rtol=1e-6)


@pytest.mark.parametrize(
    "rate", [0.05, Cosine(0.05), lambda step: 0.05 / (1 + step)], ids=["number", "Cosine", "function"]
)
def test_a_users_optimizer_is_as_good_as_the_engines(cls, rate):
    ours, theirs = (
        small(cls, solver=solver).fit(X_SMALL, own_target(cls)) for solver in (SGD(rate, nesterov=False), Heavy(rate))
    )
    np.testing.assert_allclose(everything(theirs), everything(ours), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-9)


def test_a_users_schedule_is_any_function_of_the_step(cls):
    steps = []

    def noted(step):
        steps.append(step)
        return falling(step)

    y = own_target(cls)
    fits = [
        small(cls, **params, batch_size=30, max_iter=4).fit(X_SMALL, y)
        for params in (
            {"solver": "sgd", "learning_rate": noted},
            {"solver": SGD(falling)},
            {"solver": "sgd", "learning_rate": falling},
        )
    ]
    assert set(steps) == set(range(12))
    for other in fits[1:]:
        np.testing.assert_array_equal(everything(other), everything(fits[0]))


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_column_vector_warns(cls):
    with pytest.warns(Warning, match="A column-vector y was passed when a 1d array was expected"):
        estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS[:, None])
    assert estimator.predict(X_IRIS).shape == (150,)


def test_verbose(cls, capsys):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, verbose=True, early_stopping=True, random_state=0)
    estimator.fit(X_IRIS, Y_IRIS)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"Iteration 1, loss = {estimator.loss_curve_[0]:.8f}"
    assert out[1] == f"Validation score: {estimator.validation_scores_[0]:f}"
    assert len(out) == 4
    cls(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=2, verbose=True, random_state=0).fit(X_IRIS, Y_IRIS)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 37},
        {"tol": 0.01, "n_iter_no_change": 3},
        {"tol": 0.05, "n_iter_no_change": 1, "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
        {"max_iter": 20, "solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_nobody_listens_to_is_the_same_fit(cls, params, capsys):
    """Without verbose, several epochs run in one call of the engine."""
    quiet, heard = (
        cls(hidden_layer_sizes=(8,), random_state=np.random.RandomState(3), verbose=verbose, **params).fit(
            X_IRIS, Y_IRIS
        )
        for verbose in (False, True)
    )
    assert capsys.readouterr().out.count("Iteration") == heard.n_iter_ == quiet.n_iter_ > 2
    assert quiet.loss_curve_ == heard.loss_curve_
    assert (quiet.t_, quiet.best_loss_, quiet.loss_) == (heard.t_, heard.best_loss_, heard.loss_)
    for name in ("loss", "learning_rate"):
        assert quiet.history_[name] == heard.history_[name]
    assert len(quiet.history_["seconds"]) == quiet.n_iter_
    for a, b in zip(quiet.coefs_, heard.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert quiet.random_state.uniform() == heard.random_state.uniform()


def test_warns_where_iterations_end(cls):
    with pytest.warns(
        ConvergenceWarning, match=r"Stochastic Optimizer: Maximum iterations \(2\) reached and the optimization hasn't"
    ):
        cls(max_iter=2).fit(X_IRIS, Y_IRIS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cls(max_iter=1, random_state=0).partial_fit(X_IRIS, Y_IRIS, *([] if cls is MLPRegressor else [None, [0, 1, 2]]))


def test_hidden_layer_sizes_are_whole_numbers():
    """A TypeError as scikit-learn's, which also is a ValueError, as for other parameters."""
    X, y = np.zeros((4, 2)), np.arange(4) % 2
    for Model in (MLPClassifier, sklearn.neural_network.MLPClassifier):
        with pytest.raises(TypeError):
            Model((2.5,)).fit(X, y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be integers; got 2\.5 in \(2\.5,\)\."):
        MLPClassifier((2.5,)).fit(X, y)
