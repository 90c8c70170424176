"""The estimators: scikit-learn's own tests, bad input, the defects mended, the parameters scikit-learn has not."""

import copy
import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import estimator_checks_generator

from fastmlp import MLPClassifier, MLPRegressor
from tests.conftest import ROOT

ESTIMATORS = [MLPClassifier, MLPRegressor]
X_IRIS, Y_IRIS = load_iris(return_X_y=True)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=ESTIMATORS, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


def parameters(estimator):
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


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


# ---- bad input -------------------------------------------------------------------------------------------------------

X_BAD = np.where(np.arange(X_IRIS.size).reshape(X_IRIS.shape) == 37, np.nan, X_IRIS)
X_INF = np.where(np.isnan(X_BAD), np.inf, X_IRIS)
ONES = np.ones(150)
Y_NAN, Y_INF = np.where(np.arange(150) == 3, np.nan, 1.5), np.where(np.arange(150) == 3, np.inf, 1.5)
OBJECTS = np.array([["a", 1.0, 2, 3]] * 150, dtype=object)
NEGATIVE = -ONES

# name: (parameters, arguments of fit, exception, message)
BAD_FITS = {
    "NaN in X": ({}, (X_BAD, Y_IRIS), ValueError, "Input X contains NaN"),
    "infinity in X": ({}, (X_INF, Y_IRIS), ValueError, "Input X contains infinity"),
    "NaN in sparse X": ({}, (scipy.sparse.csr_array(X_BAD), Y_IRIS), ValueError, "Input X contains NaN"),
    "too large for float32": (
        {"dtype": "float32"}, (X_IRIS * 1e39, Y_IRIS), ValueError, r"Input X contains .* too large for .*float32",
    ),
    "empty X": ({}, (X_IRIS[:0], Y_IRIS[:0]), ValueError, r"Found array with 0 sample\(s\)"),
    "no features": ({}, (X_IRIS[:, :0], Y_IRIS), ValueError, r"Found array with 0 feature\(s\)"),
    "one dimension": ({}, (X_IRIS[:, 0], Y_IRIS), ValueError, "Expected 2D array, got 1D array"),
    "three dimensions": ({}, (X_IRIS[:, :, None], Y_IRIS), ValueError, "Found array with dim 3"),
    "object columns": ({}, (OBJECTS, Y_IRIS), ValueError, "could not convert string to float: 'a'"),
    "strings": ({}, (np.full((150, 2), "a"), Y_IRIS), ValueError, "could not convert string to float"),
    "complex X": ({}, (X_IRIS * 1j, Y_IRIS), ValueError, "Complex data not supported"),
    "y too short": ({}, (X_IRIS, Y_IRIS[:-1]), ValueError, r"inconsistent numbers of samples: \[150, 149\]"),
    "no y": ({}, (X_IRIS, None), ValueError, "requires y to be passed, but the target y is None"),
    "negative weights": ({}, (X_IRIS, Y_IRIS, NEGATIVE), ValueError, "Negative values in data passed to `sample_w"),
    "all weights zero": ({}, (X_IRIS, Y_IRIS, 0 * ONES), ValueError, "must contain at least one non-zero number"),
    "NaN weights": ({}, (X_IRIS, Y_IRIS, Y_NAN), ValueError, "Input sample_weight contains NaN"),
    "too few weights": ({}, (X_IRIS, Y_IRIS, ONES[:-1]), ValueError, r"sample_weight.shape == \(149,\), expected"),
    "n_jobs=0": ({"n_jobs": 0}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 0 instead"),
    "n_jobs=1.5": ({"n_jobs": 1.5}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 1\.5 instead"),
    "dtype='int8'": ({"dtype": "int8"}, (X_IRIS, Y_IRIS), ValueError, r"The 'dtype' parameter .* Got 'int8' instead"),
    "unknown activation": ({"activation": "rely"}, (X_IRIS, Y_IRIS), ValueError, r"activation=.rely. .* are .relu."),
    "unknown solver": ({"solver": "rms"}, (X_IRIS, Y_IRIS), ValueError, r"solver=.rms. is not known; .* .rmsprop."),
    "negative alpha": ({"alpha": -1.0}, (X_IRIS, Y_IRIS), ValueError, r"The 'alpha' parameter .* Got -1\.0 instead"),
    "hidden_layer_sizes=(3, 0)": (
        {"hidden_layer_sizes": (3, 0)}, (X_IRIS, Y_IRIS), ValueError, r"hidden_layer_sizes must be > 0, got \[3, 0\]\.",
    ),
    "small validation set": (
        {"early_stopping": True, "validation_fraction": 0.001, "warm_start": False},
        (X_IRIS, Y_IRIS), ValueError, "The validation set is too small. Increase 'validation_fraction' or the size",
    ),
    "warm start with other layers": (
        {"hidden_layer_sizes": (8,), "warm_start": True}, (X_IRIS, Y_IRIS), ValueError,
        r"hidden_layer_sizes=\[8\] differs from the fitted network's \[5\]",
    ),
    "warm start with other features": (
        {"warm_start": True}, (X_IRIS[:, :3], Y_IRIS), ValueError, "X has 3 features, but .* is expecting 4 features",
    ),
    "diverging": (
        {"solver": "sgd", "learning_rate_init": 1e200, "activation": "identity"}, (X_IRIS, Y_IRIS), ValueError,
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be",
    ),
}  # fmt: skip

BAD_CLASSIFICATIONS = {
    "NaN in y": ({}, (X_IRIS, Y_NAN), ValueError, "Input y contains NaN"),
    "real y": ({}, (X_IRIS, ONES * 1.5), ValueError, "Unknown label type"),
    "several classes per output": (
        {}, (X_IRIS, np.c_[Y_IRIS, Y_IRIS]), ValueError, "Multioutput target data is not supported with label",
    ),
    "warm start with other classes": (
        {"warm_start": True}, (X_IRIS, Y_IRIS + 1), ValueError,
        r"warm_start can only be used where `y` has the same classes as in the previous call to fit\."
        r" Previously got \[0 1 2\], `y` has \[1 2 3\]",
    ),
}  # fmt: skip

BAD_REGRESSIONS = {
    "NaN in y": ({}, (X_IRIS, Y_NAN), ValueError, "Input y contains NaN"),
    "infinity in y": ({}, (X_IRIS, Y_INF), ValueError, "Input y contains infinity"),
    "y too large": ({"dtype": "float32"}, (X_IRIS, ONES * 1e39), ValueError, "Input y contains .* too large for"),
    "negative y": ({"loss": "poisson"}, (X_IRIS, NEGATIVE), ValueError, r"range of the loss 'poisson': y has .*-1"),
    "unknown loss": ({"loss": "l1"}, (X_IRIS, Y_IRIS), ValueError, r"loss='l1' is not known; known are "),
    "warm start with other outputs": (
        {"warm_start": True}, (X_IRIS, X_IRIS), ValueError, "y has 4 outputs, but the fitted network has 1",
    ),
}  # fmt: skip

BAD_CASES = [
    pytest.param(cls, *case, id=f"{cls.__name__}-{name}")
    for cls, own in ((MLPClassifier, BAD_CLASSIFICATIONS), (MLPRegressor, BAD_REGRESSIONS))
    for name, case in {**BAD_FITS, **own}.items()
]


def assert_fails_without_a_trace(call, estimator, error, message):
    before, identities = pickle.dumps(vars(estimator)), {name: id(value) for name, value in vars(estimator).items()}
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        call()
    assert {name: id(value) for name, value in vars(estimator).items()} == identities
    assert pickle.dumps(vars(estimator)) == before


@pytest.mark.parametrize(("cls", "params", "arguments", "error", "message"), BAD_CASES)
def test_bad_fit(cls, params, arguments, error, message):
    unfitted = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0)
    fitted = copy.deepcopy(unfitted).fit(X_IRIS, Y_IRIS)
    started_warm = params.get("warm_start")
    for estimator in [fitted] if started_warm else [unfitted, fitted]:
        estimator.set_params(**params)
        assert_fails_without_a_trace(lambda e=estimator: e.fit(*arguments), estimator, error, message)


@pytest.mark.parametrize(
    ("params", "arguments", "error", "message"),
    [
        ({}, (X_BAD, Y_IRIS), ValueError, "Input X contains NaN"),
        ({}, (X_IRIS[:, :3], Y_IRIS), ValueError, "X has 3 features, but .* is expecting 4 features as input"),
        ({}, (X_IRIS, Y_IRIS, NEGATIVE), ValueError, "Negative values in data passed to `sample_weight`"),
        ({}, (X_IRIS, Y_IRIS, 0 * ONES), ValueError, "must contain at least one non-zero number"),
        ({"early_stopping": True}, (X_IRIS, Y_IRIS), ValueError, "partial_fit does not support early_stopping=True"),
        ({"hidden_layer_sizes": (8,)}, (X_IRIS, Y_IRIS), ValueError, r"hidden_layer_sizes=\[8\] differs"),
        ({"n_jobs": 0}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 0 instead"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_partial_fit(cls, params, arguments, error, message):
    estimator = cls(hidden_layer_sizes=(5,), random_state=0)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    estimator.partial_fit(X_IRIS, Y_IRIS, **first)
    estimator.set_params(**params)
    assert_fails_without_a_trace(lambda: estimator.partial_fit(*arguments), estimator, error, message)


def test_wrong_class_lists():
    fresh = MLPClassifier((5,))
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS), fresh, ValueError,
        r"classes must be passed on the first call to partial_fit\.",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1]), fresh, ValueError,
        r"`y` has classes not in `self\.classes_`\. `self\.classes_` has \[0 1\]\. 'y' has \[0 1 2\]\.",
    )  # fmt: skip
    fitted = MLPClassifier((5,)).partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 3]), fitted, ValueError,
        r"`classes=\[0, 1, 3\]` is not the same as on last call to partial_fit, was: .*\[0, 1, 2\]",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS + 1), fitted, ValueError, r"`y` has classes not in `self\.classes_`"
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (X_BAD, "Input X contains NaN"),
        (X_INF, "Input X contains infinity"),
        (X_IRIS[:, :3], "X has 3 features, but MLP.* is expecting 4 features as input"),
        (X_IRIS[:0], r"Found array with 0 sample\(s\)"),
        (OBJECTS, "could not convert string to float: 'a'"),
        (X_IRIS[0], "Expected 2D array, got 1D array"),
    ],
    ids=str,
)
def test_bad_predict(cls, X, message):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    assert_fails_without_a_trace(lambda: estimator.predict(X), estimator, ValueError, message)


@pytest.mark.parametrize("bad", [{"n_jobs": 0}, {"dtype": "int8"}], ids=str)
def test_predict_with_bad_parameters(cls, bad):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS).set_params(**bad)
    ((name, value),) = bad.items()
    message = f"{name}.* got {value!r}"
    assert_fails_without_a_trace(lambda: estimator.predict(X_IRIS), estimator, ValueError, f"(?i){message}")


def test_predict_before_fit(cls):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        cls().predict(X_IRIS)


# ---- scikit-learn's defects, mended ----------------------------------------------------------------------------------


def test_best_weights_are_not_the_weights_a_warm_fit_changes(cls):
    """After early stopping coefs_ was the list of the best weights; a warm refit must not reach into an old one."""
    what = {"early_stopping": True, "warm_start": True, "max_iter": 3, "random_state": 0}
    estimator = cls(hidden_layer_sizes=(5,), **what).fit(X_IRIS, Y_IRIS)
    coefs, kept = estimator.coefs_, copy.deepcopy(estimator.coefs_)
    estimator.fit(X_IRIS, Y_IRIS)
    for W, before in zip(coefs, kept, strict=True):
        np.testing.assert_array_equal(W, before)
    for attribute, value in vars(estimator).items():
        assert attribute == "coefs_" or value is not estimator.coefs_


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


def test_count_of_epochs_without_improvement_starts_anew_on_a_warm_start(cls):
    what = {"hidden_layer_sizes": (5,), "warm_start": True, "tol": 10.0, "n_iter_no_change": 3, "random_state": 0}
    estimator = cls(**what, solver="sgd", learning_rate_init=1e-4)
    assert [estimator.fit(X_IRIS, Y_IRIS).n_iter_ for _ in range(2)] == [5, 4]


def test_warm_start_refuses_other_hidden_layers(cls):
    estimator = cls(hidden_layer_sizes=(5,), warm_start=True, max_iter=2).fit(X_IRIS, Y_IRIS)
    estimator.hidden_layer_sizes = (5, 5)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[5, 5\] differs from the fitted network's \[5\]"):
        estimator.fit(X_IRIS, Y_IRIS)


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


def test_multiclass_validation_rows_are_documented_as_not_stratified():
    assert "not stratified" in " ".join(MLPClassifier.__doc__.split())


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


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_multilabel():
    X, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    clf = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, y)
    assert clf.predict(X).shape == clf.predict_proba(X).shape == (200, 3)
    assert (clf.predict(X) == y).mean() > 0.8
    sparse = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, scipy.sparse.csr_array(y))
    np.testing.assert_array_equal(parameters(sparse), parameters(clf))


def test_one_class():
    clf = MLPClassifier((3,), max_iter=2).fit(X_IRIS, np.full(150, 7))
    assert set(clf.predict(X_IRIS)) == {7}


def test_column_vector_warns(cls):
    with pytest.warns(Warning, match="A column-vector y was passed when a 1d array was expected"):
        estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS[:, None])
    assert estimator.predict(X_IRIS).shape == (150,)


def test_attributes_are_the_source_of_truth(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    estimator.coefs_[-1] = np.zeros_like(estimator.coefs_[-1])
    estimator.intercepts_[-1] = np.zeros_like(estimator.intercepts_[-1])
    if cls is MLPClassifier:
        np.testing.assert_allclose(estimator.predict_proba(X_IRIS), 1 / 3)
    else:
        np.testing.assert_array_equal(estimator.predict(X_IRIS), 0)


def test_changes_of_a_fitted_model_show_in_its_next_prediction(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    seen = [answer(X_IRIS)]
    for change in (
        lambda: estimator.coefs_[0].__setitem__((0, 0), 5.0),
        lambda: estimator.intercepts_[-1].__setitem__(0, 5.0),
        lambda: estimator.set_params(activation="identity"),
        lambda: setattr(estimator, "out_activation_", "logistic"),
        lambda: estimator.fit(X_IRIS[::2], Y_IRIS[::2]),
    ):
        change()
        seen.append(answer(X_IRIS))
        assert not np.array_equal(seen[-1], seen[-2])
        copied = copy.deepcopy(estimator)
        np.testing.assert_array_equal(
            (copied.predict_proba if cls is MLPClassifier else copied.predict)(X_IRIS), seen[-1]
        )


def test_names_of_features_are_looked_at_in_every_call(cls):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_IRIS, columns=list("abcd"))
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(frame, Y_IRIS)
    for _ in range(2):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            estimator.predict(X_IRIS)


def test_assume_finite(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    with sklearn.config_context(assume_finite=True):
        estimator.predict(X_BAD)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_predictor_gives_what_the_checked_methods_give(cls, dtype, n_targets):
    X, y = X_IRIS.astype(dtype), np.stack([Y_IRIS > 0, Y_IRIS > 1], axis=1)[:, :n_targets].squeeze().astype(int)
    for target in (Y_IRIS, y):
        estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, target)
        expected = (estimator.predict_proba if cls is MLPClassifier else estimator.predict)(X)
        # The long way, which an array in Fortran order takes, gives the same.
        long_way = (estimator.predict_proba if cls is MLPClassifier else estimator.predict)(np.asfortranarray(X))
        predictor = estimator.predictor()
        np.testing.assert_array_equal(predictor(X), expected)
        np.testing.assert_array_equal(long_way, expected)
        assert predictor(X).dtype == dtype
        estimator.fit(X[::3], target[::3])
        np.testing.assert_array_equal(predictor(X), expected)


@pytest.mark.parametrize("code", ["e", "g", ">f8", ">f4", "l"])
def test_weights_of_any_type_predict(cls, code):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    dtype = np.dtype(code)
    estimator.coefs_ = [(10 * W).astype(dtype) for W in estimator.coefs_]
    estimator.intercepts_ = [(10 * b).astype(dtype) for b in estimator.intercepts_]
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    single = dtype.newbyteorder("=") == np.float32
    X = X_IRIS.astype(np.float32 if single else np.float64)
    expected = answer(X)
    np.testing.assert_array_equal(estimator.predictor()(X), expected)
    if dtype.kind != "i":
        np.testing.assert_allclose(answer(X_IRIS.astype(dtype)), expected, rtol=1e-2, atol=1e-3)


def test_predictor_computes_in_the_type_asked_for(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS.astype(np.float32), Y_IRIS)
    estimator.set_params(dtype="float64")
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    np.testing.assert_array_equal(estimator.predictor()(X_IRIS), answer(X_IRIS))
    assert answer(X_IRIS).dtype == np.float64


def test_an_estimator_need_not_be_hashable(cls):
    class Comparable(cls):
        __eq__ = object.__eq__
        __hash__ = None

    estimator = Comparable(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    assert estimator.predict(X_IRIS).shape == (150,)


def test_width_of_samples_is_that_of_fit_whatever_the_weights(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    estimator.coefs_[0] = estimator.coefs_[0][:3].copy()
    with pytest.raises(ValueError, match=r"X has 3 features, but MLP.* is expecting 4 features as input"):
        estimator.predict(np.ascontiguousarray(X_IRIS[:, :3]))


def test_predictor_before_fit_and_with_bad_parameters(cls):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        cls().predictor()
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS).set_params(n_jobs=0)
    with pytest.raises(ValueError, match=r"n_jobs.* Got 0"):
        estimator.predictor()


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
    assert (quiet.t_, quiet.best_loss_) == (heard.t_, heard.best_loss_)
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


@pytest.mark.parametrize("first, then", [(np.float32, np.float64), (np.float64, np.float32)])
@pytest.mark.parametrize("way", ["partial_fit", "warm_start"])
def test_a_fitted_model_keeps_its_type(first, then, way):
    """As in scikit-learn: going on with samples of another type does not change the weights'."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), rng.integers(3, size=60)
    model = MLPClassifier((5,), random_state=0, warm_start=way == "warm_start", max_iter=2, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X.astype(first), y)
        before = model.coefs_[0].copy()
        (model.partial_fit if way == "partial_fit" else model.fit)(X.astype(then), y)
    assert model.coefs_[0].dtype == first
    assert not np.array_equal(model.coefs_[0], before)
    model.set_params(dtype=np.dtype(then).name).partial_fit(X, y)
    assert model.coefs_[0].dtype == then


def test_partial_fit_after_lbfgs():
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    model = MLPClassifier((4,), solver="lbfgs", max_iter=1000, random_state=0, alpha=1.0).fit(X, y)
    assert len(model.set_params(solver="adam").partial_fit(X, y).loss_curve_) == 1


def test_hidden_layer_sizes_are_whole_numbers():
    X, y = np.zeros((4, 2)), np.arange(4) % 2
    for Model in (MLPClassifier, sklearn.neural_network.MLPClassifier):
        with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
            Model((2.5,)).fit(X, y)


def test_empty_history_comes_back_after_a_failure():
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    model = MLPClassifier((4,), random_state=0, max_iter=3, solver="sgd", learning_rate_init=1e300, warm_start=True)
    model.loss_curve_ = history = []
    model.coefs_, model.intercepts_ = [np.ones((3, 1))], [np.ones(1)]
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"non-finite|hidden_layer_sizes"):
        model.fit(X, y)
    model.set_params(hidden_layer_sizes=(), max_iter=5)
    model.t_, model.best_loss_, model.n_features_in_ = 0, np.inf, 3
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    assert history == [] and model.loss_curve_ is history


@pytest.mark.parametrize("dtype, epsilon", [(np.float32, 1e-39), (np.float64, 1e-310)])
def test_a_denormal_epsilon_is_not_zero(dtype, epsilon):
    X = np.c_[np.random.default_rng(0).standard_normal((40, 3)), np.zeros((40, 3))].astype(dtype)
    model = MLPClassifier((4,), random_state=0, max_iter=3, epsilon=epsilon, alpha=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, np.arange(40) % 2)
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.filterwarnings("ignore:dtype='bfloat16' is slower than 'float32' here:UserWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("sparse", [False, True])
def test_bfloat16_learns_what_float32_learns(solver, sparse):
    X, y = load_digits(return_X_y=True)
    X = scipy.sparse.csr_array(X) if sparse else X
    params = {"solver": solver, "learning_rate_init": {"adam": 1e-3, "sgd": 1e-2}[solver], "max_iter": 15, "tol": 0.0}
    fits = [
        MLPClassifier((64, 40), dtype=dtype, random_state=0, n_iter_no_change=np.inf, n_jobs=n_jobs, **params)
        for dtype, n_jobs in (("float32", 1), ("bfloat16", 1), ("bfloat16", 3))
    ]
    single, rounded, by_three = (clf.fit(X, y) for clf in fits)
    assert all(W.dtype == np.float32 for W in rounded.coefs_)
    assert rounded.predict_proba(X[:1]).dtype == np.float32
    for a, b, c in zip(single.coefs_, rounded.coefs_, by_three.coefs_, strict=True):
        np.testing.assert_array_equal(b, c)
        assert not np.array_equal(a, b)
    np.testing.assert_allclose(rounded.loss_curve_, single.loss_curve_, rtol=0.05)
    assert rounded.score(X, y) > single.score(X, y) - 0.005
    few = np.asarray(X[:5].todense() if sparse else X[:5], np.float32)
    np.testing.assert_array_equal(rounded.predictor()(few), rounded.predict_proba(few))
    assert sklearn.base.clone(rounded).dtype == "bfloat16"


def test_bfloat16_is_not_for_lbfgs(cls):
    with pytest.raises(ValueError, match=r"dtype='bfloat16' is for solvers by minibatches; solver='lbfgs' computes"):
        cls(solver="lbfgs", dtype="bfloat16").fit(X_IRIS, Y_IRIS)


def test_bfloat16_without_hardware_warns(cls, monkeypatch):
    monkeypatch.setattr("fastmlp._engine.bfloat16_product", lambda: "")
    with pytest.warns(UserWarning, match="dtype='bfloat16' is slower than 'float32' here"):
        cls(hidden_layer_sizes=(4,), dtype="bfloat16", max_iter=500, tol=0.1).fit(X_IRIS, Y_IRIS)
