"""The rule that ends training, and which epoch a fit keeps."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks.stopping import kept_epoch
from fastmlp.fitting.stopping import N_ITER_NO_CHANGE, NoImprovement


def test_loss_must_fall_by_tol():
    rule = NoImprovement(tol=0.1, patience=2, maximize=False)
    updates = [(1.0, True, 0), (0.95, True, 1), (0.84, True, 0), (0.9, False, 1), (0.8, True, 2), (0.69, True, 0)]
    for loss, is_best, count in updates:
        assert rule.update(loss) is is_best
        assert rule.count == count
        assert not rule.exhausted
    assert rule.best == 0.69


def test_patience_is_exceeded_not_reached():
    rule = NoImprovement(tol=0.0, patience=3, maximize=True, best=1.0)
    assert [rule.update(0.5) or rule.exhausted for _ in range(4)] == [False, False, False, True]


def test_equal_values_improve_where_tol_is_zero():
    """scikit-learn's comparison: not worse than best is improvement enough for tol=0."""
    rule = NoImprovement(tol=0.0, patience=1, maximize=False, best=1.0, count=1)
    assert not rule.update(1.0)
    assert rule.count == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("maximize", [False, True])
def test_what_is_no_finite_number_is_never_the_best(maximize, value):
    rule = NoImprovement(tol=0.1, patience=1, maximize=maximize)
    assert not any(rule.update(value) for _ in range(5))
    assert (rule.has_best, rule.count, rule.exhausted) == (False, 0, False)  # there is nothing to be worse than
    assert rule.update(1.0)
    assert (rule.update(value), rule.has_best, rule.best, rule.count) == (False, True, 1.0, 1)
    assert not rule.update(value)
    assert rule.exhausted


def test_the_default_patience_is_the_estimators():
    for cls in (MLPClassifier, MLPRegressor):
        assert cls().n_iter_no_change == N_ITER_NO_CHANGE


def test_infinite_patience():
    rule = NoImprovement(tol=0.1, patience=math.inf, maximize=False, best=0.0)
    for _ in range(1000):
        rule.update(1.0)
    assert not rule.exhausted


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))), st.integers(0, 3))
def test_patience_lasts_at_least_for_the_epochs_left(values, patience):
    rule = NoImprovement(0.1, patience, maximize=False)
    for value in values:
        left = rule.epochs_left
        rule.update(value)
        assert rule.exhausted == (rule.epochs_left == 0)
        assert rule.epochs_left >= left - 1
        if rule.exhausted:
            break


@given(st.lists(st.floats(-1e6, 1e6)), st.floats(0, 1))
def test_maximising_mirrors_minimising(values, tol):
    low, high = (NoImprovement(tol, 3, maximize=maximize) for maximize in (False, True))
    for value in values:
        assert low.update(value) == high.update(-value)
        assert (low.count, low.exhausted, low.best) == (high.count, high.exhausted, -high.best)
    assert low.best == min(values, default=math.inf)


def test_no_best_epoch_where_no_score_is_a_number():
    scikit = SimpleNamespace(loss_curve_=[1.0, 2.0], validation_scores_=[np.nan, np.nan], n_iter_=2)
    assert kept_epoch(scikit) is None
    scikit.validation_scores_ = [np.nan, 0.5]
    assert kept_epoch(scikit) == 2
    assert kept_epoch(SimpleNamespace()) is None
