"""feature_importances_: what columns add to the goodness of predictions for rows left out."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectFromModel

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.exceptions import UnusedColumnsWarning
from fastmlp.tabular.gains import gains
from tests.tabular.problems import Clock

FAST = {"effort": "fast", "random_state": 0, "n_jobs": 1}
NUMBERS = np.random.default_rng(0).standard_normal((400, 4))


def test_importances_are_shares_of_r2():
    X = np.insert(NUMBERS, 4, 1.0, axis=1)
    with pytest.warns(UnusedColumnsWarning):
        reg = TabularRegressor(**FAST).fit(X, 2 * NUMBERS[:, 0] - NUMBERS[:, 1])
    found = reg.feature_importances_
    assert found.shape == (5,)
    assert (found >= 0).all()
    assert found[4] == 0
    assert (found[2:] < 0.02).all()
    # What the two columns add has variances of 4 and 1; all together are the R^2 of the predictions.
    assert found[0] / found[1] == pytest.approx(4, rel=0.25)
    assert found.sum() == pytest.approx(reg.oof_score_, abs=0.05)


def test_importances_of_classes():
    clf = TabularClassifier(**FAST).fit(NUMBERS, NUMBERS[:, 2] > 0)
    assert clf.feature_importances_.argmax() == 2
    # One column takes the log loss from that of a guess to that of the predictions.
    assert clf.feature_importances_[2] == pytest.approx(np.log(2) - clf.oof_loss_, abs=0.1)
    assert SelectFromModel(clf, prefit=True).transform(NUMBERS).shape == (400, 1)


def test_a_column_learned_by_heart_has_no_importance():
    random = np.random.default_rng(5)
    X = np.column_stack([random.standard_normal(150), random.permutation(150)])
    clf = TabularClassifier(**FAST).fit(X, random.random(150) > 0.5)
    assert clf.feature_importances_.max() < 0.05


def test_importances_depend_on_the_seed_alone():
    found = [
        TabularClassifier(**FAST | {"n_jobs": n_jobs}).fit(NUMBERS[:100], NUMBERS[:100, 0] > 0).feature_importances_
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*found)


def test_weights_say_how_much_rows_count():
    reg = TabularRegressor(**FAST).fit(NUMBERS, NUMBERS[:, 0] * (NUMBERS[:, 1] > 0))
    fold_of = np.where(np.arange(400) < 300, np.arange(400) % 4, -1)
    shared, y = reg._shared(NUMBERS), NUMBERS[:, 0] * (NUMBERS[:, 1] > 0)
    some = NUMBERS[:, 1] > 0
    among_all, among_some, scaled = (
        gains(reg, shared, y, fold_of, weights, 0).values for weights in (None, some * 1.0, some * 2.0**-30)
    )
    np.testing.assert_allclose(among_some, scaled)
    assert among_some[0] > 1.2 * among_all[0]
    assert not gains(reg, shared, y, np.full(400, -1), None, 0).values.any()


def test_of_many_rows_some_are_enough(monkeypatch):
    reg = TabularRegressor(**FAST).fit(NUMBERS, NUMBERS[:, 0])
    shared, fold_of = reg._shared(NUMBERS), np.arange(400) % 4
    found = gains(reg, shared, NUMBERS[:, 0], fold_of, None, 0).values
    monkeypatch.setattr("fastmlp.tabular.gains._MOST_ROWS", 100)
    fewer = [gains(reg, shared, NUMBERS[:, 0], fold_of, None, seed).values for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fewer[0], fewer[1])
    assert (fewer[0] != fewer[2]).any()
    assert fewer[0][0] == pytest.approx(found[0], rel=0.3)


def test_folds_for_which_there_is_no_time_are_left_out(monkeypatch):
    both = np.column_stack([NUMBERS[:, 0] > 0, NUMBERS[:, 1] > 0])
    clf = TabularClassifier(**FAST).fit(NUMBERS, both)
    shared, fold_of, y = clf._shared(NUMBERS), np.arange(400) % 4, both.astype(int)
    weights = np.linspace(0, 1, 400)

    def found(n_folds, deadline, n_jobs=1):
        """Importances by the rows of some folds, where each go of as many folds as threads takes a second."""
        monkeypatch.setattr("fastmlp.tabular.gains.time", Clock())
        clf.set_params(n_jobs=n_jobs)
        return gains(clf, shared, y, np.where(fold_of < n_folds, fold_of, -1), weights, 0, deadline)

    for n_folds, deadline, n_jobs in (
        (1, -1.0, 1),
        (1, 3.5, 1),
        (2, 6.5, 1),
        (3, 9.5, 1),
        (4, 99, 1),
        (2, -1, 2),
        (4, 6, 2),
    ):
        expected, cut = found(n_folds, np.inf), found(4, deadline, n_jobs)
        np.testing.assert_array_equal(cut.values, expected.values)
        assert (cut.n_rows, cut.n_chosen) == (expected.n_chosen, found(4, np.inf).n_chosen)


def test_several_targets_have_the_mean_of_their_importances():
    both = np.column_stack([NUMBERS[:, 0] > 0, NUMBERS[:, 1] > 0])
    found = TabularClassifier(**FAST).fit(NUMBERS, both).feature_importances_
    alone = TabularClassifier(**FAST).fit(NUMBERS, both[:, 0]).feature_importances_
    assert found[0] == pytest.approx(alone[0] / 2, rel=0.25)
    assert found[0] == pytest.approx(found[1], rel=0.25)


def test_rows_to_validate_on_and_weights_count():
    weights = np.where(NUMBERS[:300, 3] > 0, 1.0, 0.0)
    y = np.where(NUMBERS[:, 3] > 0, NUMBERS[:, 0], NUMBERS[:, 1])
    X_val, y_val = NUMBERS[300:], y[300:]
    known = NUMBERS[300:, 3] > 0
    reg = TabularRegressor(**FAST)
    reg.fit(NUMBERS[:300], y[:300], weights, X_val=X_val, y_val=y_val, sample_weight_val=known.astype(float))
    assert reg.feature_importances_.argmax() == 0
    assert reg.feature_importances_[1:].max() < 0.1 * reg.feature_importances_[0]
