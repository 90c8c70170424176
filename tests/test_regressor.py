"""Numbers: losses, quantiles, weights of outputs."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from fastmlp import MLPRegressor
from fastmlp.losses import Pinball
from fastmlp.optimizers import SGD
from tests.estimator_cases import LOSS_CASES, X_SMALL, Y_NUMBERS, assert_learns, small, squared

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- every choice there is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("loss", [name for name, kind in LOSS_CASES if kind == "numbers"])
def test_every_loss_of_numbers(loss, n_targets, early_stopping):
    y = np.abs(np.c_[Y_NUMBERS, X_SMALL[:, 0]][:, :n_targets]) + 0.1
    reg = small(MLPRegressor, loss=loss, early_stopping=early_stopping)
    assert_learns(reg, X_SMALL, y[:, 0] if n_targets == 1 else y)
    predicted = reg.predict(X_SMALL)
    assert predicted.shape == ((90,) if n_targets == 1 else (90, 2))
    if reg.out_activation_ == "exp":
        assert (predicted > 0).all()


# ---- what the options do ---------------------------------------------------------------------------------------------


def test_l1_is_the_lasso():
    """Of orthogonal features: least squares, moved towards 0 by the penalty."""
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.standard_normal((64, 4)))[0] * 8
    y = X @ np.array([1.0, -0.5, 0.05, 0.0]) + 0.1 * rng.standard_normal(64)
    reg = MLPRegressor(
        hidden_layer_sizes=(), l1=6.4, alpha=0.0, solver=SGD(lambda step: 0.2 / (1 + 0.05 * step), momentum=0.0),
        batch_size=64, max_iter=2000, n_iter_no_change=2000, tol=0.0, bias_init="zeros",
    ).fit(X, y)  # fmt: skip
    # The intercept is the optimum's: what the weights leave, on average.
    alone = X.T @ (y - reg.intercepts_[0]) / 64
    expected = np.sign(alone) * np.maximum(np.abs(alone) - 0.1, 0)
    assert (expected == 0).sum() == 2
    np.testing.assert_allclose(reg.coefs_[0].ravel(), expected, atol=2e-3)


def test_an_output_of_no_weight_is_not_trained():
    y = np.c_[Y_NUMBERS, 100 * X_SMALL[:, 0]]
    for loss in ("squared_error", "huber", "absolute_error"):
        fits = [
            MLPRegressor(loss, (8,), loss_weights=[2, 0], alpha=0.0, max_iter=10, random_state=0).fit(X_SMALL, target)
            for target in (y, y * [1, -3])
        ]
        for a, b in zip(fits[0].coefs_ + fits[0].intercepts_, fits[1].coefs_ + fits[1].intercepts_, strict=True):
            np.testing.assert_array_equal(a, b)
        untouched = MLPRegressor(loss, (8,), alpha=0.0, max_iter=1, learning_rate_init=1e-300, random_state=0)
        untouched.fit(X_SMALL, y)
        np.testing.assert_array_equal(fits[0].coefs_[1][:, 1], untouched.coefs_[1][:, 1])
        assert not np.array_equal(fits[0].coefs_[1][:, 0], untouched.coefs_[1][:, 0])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_several_quantiles(early_stopping):
    quantiles = [0.1, 0.5, 0.9]
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = X.ravel() + (1 + 0.5 * X.ravel()) * rng.standard_normal(2000)
    reg = MLPRegressor(Pinball(quantiles), (), learning_rate_init=0.01, max_iter=300, random_state=0)
    predicted = reg.set_params(early_stopping=early_stopping).fit(X, y).predict(X)
    assert predicted.shape == (2000, 3)
    assert (np.diff(predicted, axis=1) > 0).all()
    np.testing.assert_allclose((y[:, None] < predicted).mean(axis=0), quantiles, atol=0.03)
    low, high = X.ravel() < 0, X.ravel() >= 0
    width = predicted[:, 2] - predicted[:, 0]
    assert width[high].mean() > 1.3 * width[low].mean()
    alone = MLPRegressor(Pinball(0.9), (), solver="lbfgs").fit(X, y)
    np.testing.assert_allclose(alone.predict(X), predicted[:, 2], atol=0.15)


@pytest.mark.parametrize("solver", ["adam", "muon", "lbfgs"])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 90)], ids=["plain", "weighted"])
def test_a_users_loss_is_as_good_as_the_engines(solver, n_targets, weights):
    y = np.c_[Y_NUMBERS, X_SMALL[:, 0]][:, :n_targets].squeeze()
    ours, theirs = (
        small(MLPRegressor, loss=loss, solver=solver).fit(X_SMALL, y, weights) for loss in ("squared_error", squared)
    )
    np.testing.assert_allclose(theirs.predict(X_SMALL), ours.predict(X_SMALL), atol=1e-9)
    assert theirs.loss_ == pytest.approx(ours.loss_, rel=1e-9)


# ---- what is switched, edited or mixed between calls -----------------------------------------------------------------


def test_loss_weights_are_not_for_callables():
    X, Y = np.zeros((10, 2)), np.zeros((10, 2))
    reg = MLPRegressor(lambda y, p, w: (0.0, np.zeros_like(p)), (3,), loss_weights=[1, 2])
    with pytest.raises(ValueError, match="loss_weights is for the losses that fastmlp has"):
        reg.fit(X, Y)


def test_score_of_several_quantiles_is_minus_their_loss():
    X = np.random.default_rng(0).standard_normal((80, 2))
    y = X[:, 0]
    reg = MLPRegressor(Pinball([0.1, 0.5, 0.9]), (5,), max_iter=50, random_state=0).fit(X, y)
    error = y[:, None] - reg.predict(X)
    expected = -np.maximum(np.array([0.1, 0.5, 0.9]) * error, np.array([-0.9, -0.5, -0.1]) * error).sum(axis=1).mean()
    assert reg.score(X, y) == pytest.approx(expected)
    assert np.isfinite(cross_val_score(reg, X, y, cv=3)).all()
