"""The rows of a fit: their weights in units of the mean, and rows one after the other."""

import numpy as np
import pytest

from fastmlp import TabularClassifier
from fastmlp.tabular.columns import TypedTable
from fastmlp.tabular.samples import Samples, mean_one, require_as_many, weights_of
from tests.tabular.problems import outputs, problem, small


def rows(n, first=0):
    """Rows that are told apart by their numbers, without weights."""
    numbers = np.arange(first, first + n, dtype=float)
    return Samples(TypedTable(numbers[:, np.newaxis], np.zeros((n, 0), np.int64)), 10 * numbers, None)


@pytest.mark.parametrize("factor", [1, 0.1, 1000, 1e306, 1e-300])
def test_weights_are_in_units_of_the_mean_of_those_above_zero(factor):
    weights = np.random.default_rng(0).uniform(0, 2, 1000)
    weights[::3] = 0
    found = mean_one(factor * weights)
    np.testing.assert_allclose(found, weights / weights[weights > 0].mean(), rtol=2**-23)
    np.testing.assert_array_equal(found, mean_one(weights))
    np.testing.assert_array_equal(found, found.astype(np.float32))


def test_equal_weights_are_one():
    np.testing.assert_array_equal(mean_one(np.full(90, 0.1)), np.ones(90))


def test_weights_far_apart_keep_their_ratios():
    found = mean_one(np.array([1e-200, 1.0, 3.0]))
    assert found[0] / found[1] == pytest.approx(1e-200, rel=1e-6)


def test_weights_of_a_table():
    table = rows(3).table
    assert weights_of(None, table) is None
    np.testing.assert_array_equal(weights_of([1, 3, 0], table), [0.5, 1.5, 0])
    np.testing.assert_array_equal(weights_of(5, table), [1, 1, 1])
    for wrong, message in (
        ([1, 2], "shape"),
        ([1, -1, 2], "[Nn]egative"),
        ([0, 0, 0], "non-zero"),
        ([1, 1, np.inf], "inf"),
    ):
        with pytest.raises(ValueError, match=message):
            weights_of(wrong, table)


def test_rows_follow_one_another():
    assert rows(2).followed_by(rows(1, 2)).weights is None
    for first, second, expected in (
        ([2.0, 3.0], None, [2, 3, 1]),
        (None, [5.0], [1, 1, 5]),
        ([2.0, 3.0], [5.0], [2, 3, 5]),
    ):
        learned, added = (
            each._replace(weights=None if w is None else np.array(w))
            for each, w in ((rows(2), first), (rows(1, 2), second))
        )
        joined = learned.followed_by(added)
        np.testing.assert_array_equal(joined.weights, expected)
        np.testing.assert_array_equal(joined.table.numbers[:, 0], [0, 1, 2])
        np.testing.assert_array_equal(joined.targets, [0, 10, 20])
        assert joined.table.categories.shape == (3, 0)


def test_targets_must_be_as_many_as_rows():
    require_as_many(rows(2).table, np.zeros(2), "X", "y")
    with pytest.raises(ValueError, match=r"\[2, 3\]: X_val and y_val must have as many rows"):
        require_as_many(rows(2).table, np.zeros(3), "X_val", "y_val")


# ---- in fits ---------------------------------------------------------------------------------------------------------


def _all_that_follows(estimator, X):
    """What an estimator predicts, and what it says of itself."""
    doubtful = estimator.predict_set if isinstance(estimator, TabularClassifier) else estimator.predict_interval
    return [
        outputs(estimator, X),
        np.asarray(doubtful(X)),
        estimator.explain(X).values,
        estimator.feature_importances_,
        estimator.oof_predictions_,
        np.array([estimator.oof_score_]),
        np.array([record["loss"] for record in estimator.history_]),
    ]


@pytest.mark.parametrize("factor", [1000, 1 / 3, 1e300, 1e-310])
def test_a_multiple_of_all_weights_changes_nothing(cls, factor):
    X, y = problem(cls)
    weights = np.random.default_rng(3).uniform(0, 2, len(y)) * (np.arange(len(y)) % 7 > 0)
    expected, found = (_all_that_follows(small(cls).fit(X, y, w), X) for w in (weights, factor * weights))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(found[0], outputs(small(cls).fit(X, y), X))


def test_weights_of_rows_to_learn_from_and_to_validate_on_have_units_of_their_own(small_effort, cls):
    X, y = problem(cls)
    learned, of_others = np.random.default_rng(3).uniform(0.5, 2, (2, len(y)))

    def fitted(*factors):
        weights = [
            None if factor is None else factor * w for factor, w in zip(factors, (learned, of_others), strict=True)
        ]
        return _all_that_follows(small(cls).fit(X, y, weights[0], X_val=X, y_val=y, sample_weight_val=weights[1]), X)

    for first, second in (
        ((1, 1), (1000, 1)),
        ((1, 1), (1, 1000)),
        ((1, None), (1000, None)),
        ((None, 1), (None, 1000)),
    ):
        for one, other in zip(fitted(*first), fitted(*second), strict=True):
            np.testing.assert_array_equal(one, other)


def test_equal_weights_are_none(small_effort, cls):
    X, y = problem(cls)
    expected, found = (_all_that_follows(small(cls).fit(X, y, w), X) for w in (None, np.full(len(y), 0.1)))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
