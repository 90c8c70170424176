"""Fits that go on: partial_fit, warm starts, and what is switched or edited between calls."""

import copy
import ctypes
import ctypes.util
import pickle
import warnings

import numpy as np
import pytest
from scipy import LowLevelCallable
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import NativeActivation
from fastmlp.optimizers import SGD
from fastmlp.schedules import Schedule
from tests.estimator_cases import (
    FORMS,
    OPTIONS,
    X_IRIS,
    X_SMALL,
    Y_IRIS,
    classes_of,
    everything,
    own_target,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


def test_count_of_epochs_without_improvement_starts_anew_on_a_warm_start(cls):
    what = {"hidden_layer_sizes": (5,), "warm_start": True, "tol": 10.0, "n_iter_no_change": 3, "random_state": 0}
    estimator = cls(**what, solver="sgd", learning_rate_init=1e-4)
    assert [estimator.fit(X_IRIS, Y_IRIS).n_iter_ for _ in range(2)] == [5, 4]


def test_warm_start_refuses_other_hidden_layers(cls):
    estimator = cls(hidden_layer_sizes=(5,), warm_start=True, max_iter=2).fit(X_IRIS, Y_IRIS)
    estimator.hidden_layer_sizes = (5, 5)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[5, 5\] differs from the fitted network's \[5\]"):
        estimator.fit(X_IRIS, Y_IRIS)


# ---- what goes on from where it was ----------------------------------------------------------------------------------


@pytest.fixture(params=OPTIONS)
def options(request):
    return {"batch_size": 20, "max_iter": 6, "n_iter_no_change": 100, **OPTIONS[request.param]}


@pytest.mark.parametrize("form", ["dense float32", "CSR float64"])
def test_n_jobs_does_not_change_a_bit_of_any_option(cls, options, form):
    if form.startswith("CSR") and ("augment" in options or "input_noise" in options):
        pytest.skip("for dense X")
    X, y = FORMS[form], own_target(cls)
    alone = small(cls, **options, n_jobs=1).fit(X, y)
    for n_jobs in (3, None):
        other = small(cls, **options, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(everything(other), everything(alone))
        assert other.loss_curve_ == alone.loss_curve_


def test_partial_fits_are_a_fit_cut_in_pieces_and_may_be_pickled_between(cls, options):
    y = own_target(cls)
    in_one = small(cls, **options, shuffle=False).fit(X_SMALL, y)
    in_pieces, pickled = (small(cls, **options, shuffle=False) for _ in range(2))
    for _ in range(6):
        in_pieces.partial_fit(X_SMALL, y, **classes_of(cls))
        pickled = pickle.loads(pickle.dumps(pickled)).partial_fit(X_SMALL, y, **classes_of(cls))
    np.testing.assert_array_equal(everything(pickled), everything(in_pieces))
    np.testing.assert_array_equal(pickled.predict(X_SMALL), in_pieces.predict(X_SMALL))
    if not {"dropout", "input_noise", "augment"} & set(options):  # a call's numbers at random are its own
        np.testing.assert_array_equal(everything(in_pieces), everything(in_one))
        assert in_pieces.loss_curve_ == in_one.loss_curve_


def test_early_stopping_keeps_all_of_the_best_epoch(cls, options):
    """What is kept is what a fit that ends with that epoch leaves. There is nothing to learn: it comes early."""
    y, params = own_target(cls)[::-1], {**options, "early_stopping": True, "validation_fraction": 0.3, "tol": 0.0}
    by_name = all(isinstance(params.get(name, ""), str) for name in ("solver", "learning_rate"))
    params.update({"learning_rate_init": 0.05} if by_name else {})
    long = small(cls, **{**params, "max_iter": 80}).fit(X_SMALL, y)
    best = int(np.argmax(long.validation_scores_))
    assert long.best_validation_score_ == long.validation_scores_[best]
    assert best < 79
    short = small(cls, **{**params, "max_iter": best + 1}).fit(X_SMALL, y)
    np.testing.assert_array_equal(everything(long), everything(short))
    warm = long.set_params(early_stopping=False, warm_start=True, max_iter=2).fit(X_SMALL, y)
    assert np.isfinite(everything(warm)).all()
    assert not np.array_equal(everything(warm), everything(short))


def test_a_warm_start_begins_where_the_fit_before_ended(cls, options):
    """A step of no length stays there."""
    estimator = small(cls, **options, warm_start=True).fit(X_SMALL, own_target(cls))
    before = everything(estimator)
    estimator.set_params(
        solver=SGD(lambda step: 0.0, momentum=0.0), learning_rate="constant", ema=None, max_norm=None, max_iter=2
    )
    if estimator.normalization != "batch":  # whose running moments go on
        np.testing.assert_array_equal(everything(estimator.fit(X_SMALL, own_target(cls))), before)


def test_options_survive_clone_and_pickle(cls, options):
    fitted = small(cls, **options).fit(X_SMALL, own_target(cls))
    copied = pickle.loads(pickle.dumps(fitted))
    assert repr(copied.get_params()) == repr(fitted.get_params())
    np.testing.assert_array_equal(copied.predict(X_SMALL), fitted.predict(X_SMALL))
    again = clone(fitted).fit(X_SMALL, own_target(cls))
    np.testing.assert_array_equal(everything(again), everything(fitted))


def test_lbfgs_forgets_the_minibatch_optimizer_before(cls):
    y = own_target(cls)
    estimator = small(cls).fit(X_SMALL, y).set_params(hidden_layer_sizes=(4,), solver="lbfgs").fit(X_SMALL, y)
    estimator.set_params(solver="adam").partial_fit(X_SMALL, y)
    assert estimator.coefs_[0].shape == (5, 4)
    assert estimator._optimizer.n_updates == 1


# ---- the rest --------------------------------------------------------------------------------------------------------


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


# ---- what is switched, edited or mixed between calls -----------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "muon"])
def test_ema_may_be_switched_on_late(solver):
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60.0)
    reg = MLPRegressor(hidden_layer_sizes=(5,), solver=solver, learning_rate_init=1e-9, random_state=0)
    before = reg.partial_fit(X, y).coefs_[0].copy()
    np.testing.assert_allclose(reg.set_params(ema=0.9).partial_fit(X, y).coefs_[0], before, rtol=1e-3)
    reg.set_params(ema=None).partial_fit(X, y).set_params(ema=0.5).partial_fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0], before, rtol=1e-3)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": SGD(1e-6, momentum=0.0), "ema": 0.99},
        {"solver": "schedulefreeadamw", "learning_rate_init": 1e-6},
    ],
)
def test_training_goes_on_from_edited_weights(params):
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.zeros(60)
    reg = MLPRegressor(hidden_layer_sizes=(5,), random_state=0, **params)
    for _ in range(3):
        reg.partial_fit(X, y)
    reg.coefs_[0] = np.full_like(reg.coefs_[0], 5.0)
    np.testing.assert_allclose(reg.partial_fit(X, y).coefs_[0], 5.0, rtol=1e-3)


def test_warm_start_with_a_loss_of_another_link():
    X = np.random.default_rng(0).standard_normal((100, 3))
    labels = np.where(X[:, 0] > 0, "yes", "no")
    clf = MLPClassifier((10,), warm_start=True, max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, labels)
    clf.set_params(loss="hinge").fit(X, labels)
    assert clf.out_activation_ == "identity"
    assert clf.score(X, labels) > 0.97
    assert clf.decision_function(X).shape == (100,)


def test_hooks_of_ones_own_are_heard_whether_anything_is_printed_or_not(capsys):
    class Halve(Schedule):
        def _rates(self, step):
            return np.full(np.shape(step), self.learning_rate)

        def after_epoch(self, at_work, n_samples_seen):
            at_work.learning_rate /= 2

    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) / 60
    losses = [
        MLPRegressor(hidden_layer_sizes=(5,), learning_rate=Halve(0.1), max_iter=6, random_state=0, verbose=verbose)
        .fit(X, y)
        .loss_curve_
        for verbose in (False, True)
    ]
    assert capsys.readouterr().out.count("Iteration") == 6
    assert losses[0] == losses[1]


def test_a_function_of_the_step_is_one_wherever_it_is_given():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) / 60

    def rate(step):
        assert isinstance(step, int)
        return 0.1 / (1 + step)

    common = {"hidden_layer_sizes": (5,), "max_iter": 5, "batch_size": 10, "random_state": 0}
    given = MLPRegressor(solver="sgd", learning_rate=rate, **common).fit(X, y)
    within = MLPRegressor(solver=SGD(rate), **common).fit(X, y)
    assert given.loss_curve_ == within.loss_curve_


def test_native_activations_go_through_searches():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    for function in (libm.sin, libm.cos):
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    sine = NativeActivation(LowLevelCallable(libm.sin), LowLevelCallable(libm.cos))
    X = np.random.default_rng(0).standard_normal((40, 3))
    clf = MLPClassifier((4,), activation=[sine], max_iter=5, random_state=0)
    for copied in (clone(clf), copy.deepcopy(clf)):
        assert copied.fit(X, X[:, 0] > 0).loss_curve_ == clf.fit(X, X[:, 0] > 0).loss_curve_
    assert np.isfinite(cross_val_score(clf, X, X[:, 0] > 0, cv=3)).all()
    with pytest.raises(TypeError, match="it cannot be pickled"):
        pickle.dumps(sine)
