"""What every estimator has: keywords answered, attributes restored after failures, sparse matrices that lie."""

import copy
import warnings
from numbers import Integral

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval

from fastmlp import MLPClassifier, MLPRegressor, engine
from fastmlp.components import Named, Registry
from fastmlp.estimators.base import Estimator, begins_fit, restored_on_error
from tests.estimator_cases import X_IRIS, Y_IRIS, assert_fails_without_a_trace, tiny
from tests.test_rows import LIES, OTHER_LIES, compressed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- names, keywords, parameters of parameters -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit", "resume"])
@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("epochs", r"It is a parameter of the estimator: MLP\w+\(max_iter=\.\.\.\)\."),
        ("batch_size", r"It is a parameter of the estimator: MLP\w+\(batch_size=\.\.\.\)\."),
        ("verbose", r"It is a parameter of the estimator: MLP\w+\(verbose=\.\.\.\)\."),
        ("sample_weights", r"Did you mean 'sample_weight'\?"),
        ("validation_data", r"Did you mean 'eval_set'\?|fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("early_stopping_rounds", r"EarlyStopping\(patience=\.\.\.\)"),
    ],
)
def test_unknown_keywords_of_fits(cls, method, keyword, hint):
    told = rf"^{cls.__name__}\.{method}\(\) got an unexpected keyword argument '{keyword}'\. .*({hint})"
    with pytest.raises(TypeError, match=told):
        getattr(cls(), method)(X_IRIS, Y_IRIS, **{keyword: 1})


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("validation_data", r"fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("eval_set", r"fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("early_stopping_rounds", r"n_iter_no_change=\.\.\.,.*EarlyStopping\(patience"),
        ("device", "computes on the CPU"),
        ("input_shape", "follow from X and y"),
        ("output_activation", "follows from the loss"),
        ("sample_weight", r"fit\(X, y, sample_weight=\.\.\.\)"),
    ],
)
def test_keywords_that_are_no_parameters(cls, keyword, hint):
    with pytest.raises(TypeError, match=rf"unexpected keyword argument '{keyword}'\. .*{hint}"):
        cls(**{keyword: 1})
    with pytest.raises(ValueError, match=rf"^Invalid parameter '{keyword}' for estimator MLP.*{hint}"):
        cls().set_params(**{keyword: 1})


class Odd:
    """Nothing that any parameter takes."""


NASTY = [
    None, True, -1, 0, 2.5, np.nan, np.inf, -np.inf, "", "nonsense", b"x", [], [None], ["a"], [[1]], (), {}, {"a": 1},
    {1}, np.array([1, 2]), np.array([[1.0]]), np.zeros(0), 1j, Odd(), Odd, lambda: 1, np.array("a"), range(3),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("parameter", MLPClassifier._get_param_names())
def test_every_parameter_is_named_where_its_value_is_wrong(cls, parameter):
    """Whatever is given for it: the fit works, or its error, or a note with it, says which parameter is wrong."""
    if parameter not in cls._get_param_names():
        return
    beside = {
        "validation_fraction": {"early_stopping": True},
        "momentum": {"solver": "sgd"},
        "nesterovs_momentum": {"solver": "sgd"},
        "power_t": {"solver": "sgd", "learning_rate": "invscaling"},
        "max_fun": {"solver": "lbfgs"},
    }.get(parameter, {})
    n_refused = 0
    for value in NASTY:
        parameters = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0, **beside, parameter: value}
        try:
            cls(**parameters).fit(X_IRIS[::5], Y_IRIS[::5])
        except (ValueError, TypeError) as error:
            n_refused += 1
            assert parameter in "\n".join([str(error), *getattr(error, "__notes__", [])]), value
    assert n_refused > 10 or parameter == "callbacks"


# ---- after failures --------------------------------------------------------------------------------------------------


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


def test_split_operands_learn_what_float32_learns(monkeypatch):
    """By whichever machine's means; those with AMX, when asked, choose them for such a network by themselves."""
    monkeypatch.setattr(engine, "MAY_SPLIT", True)
    X, y = load_digits(return_X_y=True)

    def fitted(n_jobs):
        clf = MLPClassifier((400, 300), dtype="float32", batch_size=256, max_iter=8, random_state=0, n_jobs=n_jobs)
        with pytest.warns(ConvergenceWarning):
            return clf.fit(X, y)

    sizes = (64, 400, 300, 10)
    chosen = 3 if engine.split_product() else 0
    trainer = engine.Trainer(sizes, "relu", "log_loss", np.float32, rule="adam", max_batch=256)
    assert trainer.terms == chosen
    split, by_three, by_six = (fitted(n_jobs) for n_jobs in (1, 3, 6))
    monkeypatch.setattr(engine, "splits", lambda sizes, n_rows: False)
    plain = fitted(1)
    for a, b, c, d in zip(split.coefs_, by_three.coefs_, by_six.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert np.array_equal(a, d) == (not chosen)
    np.testing.assert_allclose(split.loss_curve_, plain.loss_curve_, rtol=1e-4)
    assert np.mean(split.predict(X) == plain.predict(X)) > 0.998


def test_bfloat16_is_not_for_lbfgs(cls):
    with pytest.raises(ValueError, match=r"dtype='bfloat16' is for solvers by minibatches; solver='lbfgs' computes"):
        cls(solver="lbfgs", dtype="bfloat16").fit(X_IRIS, Y_IRIS)


def test_bfloat16_without_hardware_warns(cls, monkeypatch):
    monkeypatch.setattr("fastmlp.engine.bfloat16_product", lambda: "")
    with pytest.warns(UserWarning, match="dtype='bfloat16' is slower than 'float32' here"):
        cls(hidden_layer_sizes=(4,), dtype="bfloat16", max_iter=500, tol=0.1).fit(X_IRIS, Y_IRIS)


# ---- sparse matrices that lie ----------------------------------------------------------------------------------------


Y7 = np.array([0, 1, 0, 1, 1, 0, 1])


@pytest.fixture(scope="module")
def fitted_on_sparse():
    """A classifier, and one that must centre sparse rows, fitted on what lies no bit."""
    X = compressed(scipy.sparse.csr_array, np.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        centred = tiny(standardize=True, normalization="layer").fit(X.toarray(), Y7)
        return X, tiny().fit(X, Y7), centred, tiny(MLPRegressor).fit(X, Y7)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
@pytest.mark.parametrize("kind", LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_matrices_that_lie_are_refused_wherever_they_are_given(kind, index_type, fitted_on_sparse):
    lie, message = LIES[kind]
    good, clf, centred, reg = fitted_on_sparse
    Y = np.eye(2, dtype=int)[Y7]
    uses = {
        "fit": lambda X: tiny().fit(X, Y7),
        "fit, standardized": lambda X: tiny(standardize=True).fit(X, Y7),
        "fit, lbfgs": lambda X: tiny(MLPRegressor, solver="lbfgs").fit(X, Y7),
        "fit, early stopping": lambda X: tiny(early_stopping=True, validation_fraction=0.3).fit(X, Y7),
        "fit, several labels": lambda X: tiny().fit(X, Y),
        "partial_fit": lambda X: tiny().partial_fit(X, Y7, classes=[0, 1]),
        "partial_fit again": lambda X: tiny().partial_fit(good, Y7, classes=[0, 1]).partial_fit(X, Y7),
        "predict": clf.predict,
        "predict_proba": clf.predict_proba,
        "predict, centred": centred.predict,
        "predict, numbers": reg.predict,
        "score": lambda X: clf.score(X, Y7),
        "eval_set": lambda X: tiny().fit(good, Y7, eval_set=(X, Y7)),
        "eval_set, centred": lambda X: tiny(standardize=True).fit(good.toarray(), Y7, eval_set=(X, Y7)),
    }
    for container in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        for use in uses.values():
            with pytest.raises(ValueError, match=message):
                use(compressed(container, index_type, lie))


@pytest.mark.parametrize("kind", OTHER_LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_sparse_formats_that_lie_are_refused(kind):
    made, message = OTHER_LIES[kind]
    n_rows, n_columns = made().shape
    fitted = tiny().fit(np.eye(7, n_columns), Y7)
    for use in (lambda X: tiny().fit(X, Y7[:n_rows]), fitted.predict):
        with pytest.raises(ValueError, match=message):
            use(made())


def test_a_fit_that_is_refused_leaves_the_model_as_it_was(fitted_on_sparse):
    good, clf, _, _ = fitted_on_sparse
    clf, broken = copy.deepcopy(clf), good.copy()
    before = clf.predict_proba(good)
    broken.indices[0] = 99
    for use in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match="got 99 as element 0"):
            use(broken, Y7)
        np.testing.assert_array_equal(clf.predict_proba(good), before)


# ---- an estimator without targets and without a network --------------------------------------------------------------


class Map(Estimator):
    """A line of prototypes that find their places among the samples, as a self-organising map has them."""

    metric = Named(Registry({"euclidean": 2, "manhattan": 1}, {"euclidean": ["l2"]}))
    _parameter_constraints = {
        "n_prototypes": [Interval(Integral, 1, None, closed="left")],
        "metric": [str],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_prototypes=5, metric="euclidean", max_iter=20):
        self._set_parameters(locals())

    @begins_fit
    def fit(self, X, y=None):
        with restored_on_error(self):
            X = self._validated_samples(X, reset=True)
            self.history_ = dict(getattr(self, "history_", {"error": []}))
            self.prototypes_ = X[: self.n_prototypes].copy()
            for epoch in range(self.max_iter):
                nearest = np.abs(X[:, None] - self.prototypes_).sum(axis=2).argmin(axis=1)
                for i in range(self.n_prototypes):
                    closeness = np.exp(-np.abs(nearest - i) * (epoch + 1.0))[:, None]
                    self.prototypes_[i] = (closeness * X).sum(axis=0) / closeness.sum()
                self.history_["error"].append(float(np.abs(X - self.prototypes_[nearest]).mean()))
                if not np.isfinite(self.prototypes_).all():
                    raise ValueError("the prototypes are lost")
        return self


def test_an_estimator_may_be_built_on_the_base_alone():
    model = Map(metric="L2").fit(X_IRIS)
    assert (model.metric, model.n_features_in_, model.prototypes_.shape) == ("euclidean", 4, (5, 4))
    assert model.history_["error"][-1] < model.history_["error"][0]
    assert repr(Map(max_iter=3)) == "Map(max_iter=3)"
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(TypeError, match=r"Map.__init__\(\) got an unexpected keyword argument 'epochs'. .* 'max_iter'"):
        Map(epochs=3)
    with pytest.raises(TypeError, match=r"Map.fit\(\) .* It is a parameter of the estimator: Map\(max_iter="):
        Map().fit(X_IRIS, max_iter=3)
    with pytest.raises(ValueError, match=r"The 'n_prototypes' parameter of Map must be an int .* Got 0 instead"):
        Map(0).fit(X_IRIS)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        Map().fit(np.full((8, 4), np.nan))


def test_a_failed_fit_on_the_base_alone_leaves_no_trace():
    model = Map().fit(X_IRIS)
    n_epochs = len(model.history_["error"])
    with np.errstate(all="ignore"):
        assert_fails_without_a_trace(lambda: model.fit(X_IRIS * 1e308), model, ValueError, "contains infinity|are lost")
    assert len(model.history_["error"]) == n_epochs


@pytest.mark.parametrize("reset", [True, False])
def test_samples_taken_as_they_are_are_those_that_scikit_learn_takes(reset, monkeypatch):
    frames = [X_IRIS, X_IRIS.astype(np.float32), X_IRIS.tolist(), X_IRIS[:, :3], np.asfortranarray(X_IRIS), X_IRIS[:0]]

    def outcomes():
        for X in frames:
            model = Map().fit(X_IRIS)
            try:
                yield np.asarray(model._validated_samples(X, reset=reset)).tolist(), model.n_features_in_
            except ValueError as error:
                yield str(error), model.n_features_in_

    at_once = list(outcomes())
    monkeypatch.setattr(Estimator, "_takes_as_they_are", lambda self, X, *, reset: False)
    assert list(outcomes()) == at_once
