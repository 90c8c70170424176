"""scikit-learn's numbers: same parameters, same seed, same initial weights, loss curves, iterations and errors."""

import inspect
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import fastmlp

CLASSIFICATION = ("iris", "digits", "breast_cancer", "wine")
REGRESSION = ("diabetes", "linnerud")
SKLEARN = {
    name: sorted(sklearn.neural_network.MLPClassifier._parameter_constraints[name][0].options)
    for name in ("activation", "learning_rate")
}
PAIRS = {
    "MLPClassifier": (fastmlp.MLPClassifier, sklearn.neural_network.MLPClassifier),
    "MLPRegressor": (fastmlp.MLPRegressor, sklearn.neural_network.MLPRegressor),
}


@pytest.fixture(scope="module", params=CLASSIFICATION + REGRESSION)
def problem(request):
    """Both estimators' classes, and at most 600 rows of a data set, with standardised features."""
    X, y = (array[:600] for array in getattr(datasets, f"load_{request.param}")(return_X_y=True))
    pair = PAIRS["MLPClassifier" if request.param in CLASSIFICATION else "MLPRegressor"]
    return *pair, StandardScaler().fit_transform(X), y


def fitted(estimator, X, y):
    """Return the estimator, or what fitting it raised."""
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "overflow|invalid value|divide by zero", RuntimeWarning)
        try:
            return estimator.fit(X, y)
        except ValueError as error:
            return error


def assert_same(ours, theirs):
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)
        return
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_curve_[:20], theirs.loss_curve_[:20], rtol=1e-8)
    assert (ours.t_, ours.n_layers_, ours.n_outputs_) == (theirs.t_, theirs.n_layers_, theirs.n_outputs_)
    assert ours.out_activation_ == theirs.out_activation_
    for name in ("best_loss_", "best_validation_score_"):
        assert (getattr(ours, name) is None) == (getattr(theirs, name) is None)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("activation", SKLEARN["activation"])
@pytest.mark.parametrize("solver", ("sgd", "adam"))
def test_loss_curves_and_iterations(problem, solver, activation, early_stopping):
    ours, theirs, X, y = problem
    what = dict(
        solver=solver, activation=activation, early_stopping=early_stopping, hidden_layer_sizes=(30,),
        max_iter=50 if early_stopping else 25, random_state=0,
    )  # fmt: skip
    mine = fitted(ours(**what), X, y)
    assert_same(mine, fitted(theirs(**what), X, y))
    sparse = fitted(ours(**what), scipy.sparse.csr_array(X), y)
    if isinstance(mine, Exception):
        assert (type(sparse), str(sparse)) == (type(mine), str(mine))
        return
    assert sparse.loss_curve_ == mine.loss_curve_
    for a, b in zip(sparse.coefs_ + sparse.intercepts_, mine.coefs_ + mine.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(sparse.predict(scipy.sparse.csc_array(X)), mine.predict(X))


@pytest.mark.parametrize("hidden", [(), (7,), (20, 5, 9)], ids=str)
@pytest.mark.parametrize("activation", SKLEARN["activation"])
def test_initial_weights_bit_equal(problem, activation, hidden):
    """A vanishing learning rate leaves the initial weights where they are."""
    ours, theirs, X, y = problem
    what = dict(
        solver="sgd", activation=activation, hidden_layer_sizes=hidden, learning_rate_init=1e-300, alpha=0, max_iter=1,
        random_state=7,
    )  # fmt: skip
    mine, other = fitted(ours(**what), X, y), fitted(theirs(**what), X, y)
    for a, b in zip(mine.coefs_ + mine.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)


VARIANTS = [
    *({"solver": "sgd", "learning_rate": schedule} for schedule in SKLEARN["learning_rate"]),
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 0},
    {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"alpha": 1.0, "batch_size": 17},
    {"shuffle": False, "batch_size": 9},
    {"tol": 0.1, "n_iter_no_change": 1},
    {"learning_rate_init": 0.3, "early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (20, 10, 5), "activation": "tanh"},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("problem", ["wine", "linnerud"], indirect=True)
def test_other_parameters(problem, variant):
    ours, theirs, X, y = problem
    what = {"hidden_layer_sizes": (20,), "max_iter": 25, "random_state": 3, **variant}
    assert_same(fitted(ours(**what), X, y), fitted(theirs(**what), X, y))


@pytest.mark.parametrize("problem", ["iris", "breast_cancer", "diabetes", "linnerud"], indirect=True)
def test_predictions(problem):
    ours, theirs, X, y = problem
    what = {"hidden_layer_sizes": (20,), "max_iter": 20, "random_state": 0}
    mine, other = fitted(ours(**what), X, y), fitted(theirs(**what), X, y)
    np.testing.assert_allclose(mine.predict(X), other.predict(X), rtol=1e-8)
    np.testing.assert_allclose(mine.score(X, y), other.score(X, y), rtol=1e-8)
    if hasattr(mine, "predict_proba"):
        np.testing.assert_allclose(mine.predict_proba(X), other.predict_proba(X), rtol=1e-8)
        np.testing.assert_allclose(mine.predict_log_proba(X), other.predict_log_proba(X), rtol=1e-8, atol=1e-12)


def test_weights_partial_fit_and_warm_start():
    X, y = datasets.load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    weights = np.random.default_rng(0).uniform(0, 2, len(X))
    curves = []
    for cls in PAIRS["MLPClassifier"]:
        with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            weighted = cls((10,), max_iter=10, random_state=0, batch_size=40).fit(X, y, weights)
            warm = cls((10,), max_iter=5, random_state=0, warm_start=True).fit(X, y).fit(X, y)
            online = cls((10,), random_state=0)
            for rows in (slice(0, None, 3), slice(1, None, 3), slice(2, None, 3)):
                online.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        curves.append(weighted.loss_curve_ + warm.loss_curve_ + online.loss_curve_)
        assert (warm.n_iter_, online.n_iter_, online.t_) == (5, 1, len(X))
    np.testing.assert_allclose(*curves, rtol=1e-8)


@pytest.mark.parametrize("outputs", [1, 3])
def test_poisson(outputs):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    y = rng.poisson(np.exp(X[:, :outputs] / 2)).squeeze()
    what = {"loss": "poisson", "hidden_layer_sizes": (10,), "max_iter": 20, "random_state": 0}
    mine, other = (fitted(cls(**what), X, y) for cls in PAIRS["MLPRegressor"])
    assert_same(mine, other)
    np.testing.assert_allclose(mine.predict(X), other.predict(X), rtol=1e-8)


def test_multilabel():
    X, y = datasets.make_multilabel_classification(100, 8, n_classes=3, random_state=0)
    what = {"hidden_layer_sizes": (10,), "max_iter": 20, "random_state": 0}
    mine, other = (fitted(cls(**what), X, y) for cls in PAIRS["MLPClassifier"])
    assert_same(mine, other)
    np.testing.assert_array_equal(mine.predict(X), other.predict(X))
    np.testing.assert_allclose(mine.predict_proba(X), other.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("problem", ["iris", "diabetes"], indirect=True)
def test_lbfgs(problem):
    ours, theirs, X, y = problem
    what = {"solver": "lbfgs", "hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    mine, other = fitted(ours(**what), X, y), fitted(theirs(**what), X, y)
    assert mine.n_iter_ == other.n_iter_
    np.testing.assert_allclose(mine.loss_, other.loss_, rtol=1e-8)


@pytest.mark.parametrize("problem", ["digits", "diabetes"], indirect=True)
def test_float32_follows(problem):
    ours, theirs, X, y = problem
    what = {"hidden_layer_sizes": (20,), "max_iter": 5, "random_state": 0}
    mine, other = (fitted(cls(**what), X.astype(np.float32), y) for cls in (ours, theirs))
    np.testing.assert_allclose(mine.loss_curve_, other.loss_curve_, rtol=1e-4)
    for a, b in zip(mine.coefs_ + mine.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert a.dtype == b.dtype == np.float32


@pytest.mark.parametrize("name", PAIRS)
def test_signatures(name):
    """scikit-learn's parameters with their order, kinds and defaults, then new ones, by keyword only."""
    ours, theirs = PAIRS[name]
    for method in ("__init__", "fit", "partial_fit", "predict", "score", "predict_proba", "predict_log_proba"):
        if not hasattr(theirs, method):
            assert not hasattr(ours, method)
            continue
        mine, other = (
            [
                (p.name, p.kind, p.default)
                for p in inspect.signature(inspect.unwrap(getattr(cls, method))).parameters.values()
            ]
            for cls in (ours, theirs)
        )
        assert mine[: len(other)] == other
        new = mine[len(other) :]
        assert bool(new) == (method in ("__init__", "fit"))
        assert all(kind == inspect.Parameter.KEYWORD_ONLY for _, kind, _ in new)
    # partial_fit hangs on the solver, so it is looked up on instances.
    mine, other = (inspect.signature(cls().partial_fit) for cls in (ours, theirs))
    assert list(mine.parameters) == list(other.parameters)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", PAIRS)
def test_fitted_attributes(name, solver):
    X, y = datasets.load_iris(return_X_y=True, as_frame=True)
    mine, other = (fitted(cls(solver=solver, max_iter=2), X, y) for cls in PAIRS[name])
    public = {name for name in vars(other) if name.endswith("_") and not name.startswith("_")}
    public.add("history_")
    assert public == {name for name in vars(mine) if name.endswith("_") and not name.startswith("_")}
    assert hasattr(mine, "_label_binarizer") == hasattr(other, "_label_binarizer")
