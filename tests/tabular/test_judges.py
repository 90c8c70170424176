"""Judges of rows that were left out, and the intervals that come of them, beside their definitions row by row."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit

import fastmlp
from fastmlp import TabularRegressor
from fastmlp.tabular.bands import COVERAGES
from fastmlp.tabular.folds import fold_numbers, splits_of
from tests.tabular.problems import small, table

pytestmark = pytest.mark.usefixtures("small_effort")

X, _, Y = table(60)
NEW = table(40, seed=1)[0]


def regressor(**parameters):
    return small(TabularRegressor, **parameters)


def ranks(n, coverage):
    """The ranks, from 1, of the lower and the upper end among n numbers."""
    return int((1 - coverage) * (n + 1) + 1e-9), int(-((-coverage * (n + 1) + 1e-9) // 1))


@pytest.mark.parametrize("coverage", [0.5, 0.8])
def test_rows_to_validate_on_make_intervals_around_the_prediction_of_all_members(coverage):
    """All members are judged by the same rows, and so is their mean: split conformal prediction."""
    reg = regressor().fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    errors = np.sort(np.abs(Y[40:] - reg.predict(X[40:])))
    width = errors[ranks(20, coverage)[1] - 1]
    lower, upper = reg.predict_interval(NEW, coverage)
    np.testing.assert_allclose(lower, reg.predict(NEW) - width)
    np.testing.assert_allclose(upper, reg.predict(NEW) + width)


SPLITTERS = [
    RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    ShuffleSplit(4, test_size=0.4, random_state=0),  # which leaves some rows in all of them
    KFold(3),
]


@pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: type(cv).__name__)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_errors_are_those_of_the_members_that_the_intervals_are_around(cv, is_weighted):
    weights = (np.arange(60) % 4 > 0) * 1.0 if is_weighted else None
    reg = regressor(cv=cv).fit(X, Y, weights)
    folds = splits_of(cv, X, Y, None)
    judges = fold_numbers(folds, 60)
    judges[(np.ones(60) if weights is None else weights) == 0] = -1

    def of_folds(rows):
        return reg._numbers(reg.ensembles_[0].predict_folds(reg._shared(rows)))

    left_out, new = of_folds(X), of_folds(NEW)
    lows, highs = [], []
    for row in np.flatnonzero(judges >= 0):
        assert row in folds[judges[row]].left_out
        error = abs(Y[row] - left_out[judges[row], row])
        lows.append(new[judges[row]] - error)
        highs.append(new[judges[row]] + error)
    low, high = ranks(len(lows), 0.8)
    lower, upper = reg.predict_interval(NEW, 0.8)
    np.testing.assert_allclose(lower, np.sort(lows, axis=0)[low - 1], rtol=1e-5)
    np.testing.assert_allclose(upper, np.sort(highs, axis=0)[high - 1], rtol=1e-5)


def test_bands_have_the_same_judges(tmp_path):
    """The bands of rows to validate on are the mean of the members' quantiles, moved by scores of a single judge."""
    y = np.stack([Y, -Y], axis=1)
    reg = regressor(intervals="quantiles").fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    shared, pair = reg._shared(X[40:]), COVERAGES.index(0.8)
    for i, band in enumerate(reg.bands_):
        lower, upper = (ends[:, pair] for ends in band._ends(band.ensemble.predict(shared)))
        scaled = reg._scaled(y[40:])[:, i]
        widths = upper - lower + band.added_widths_[pair]
        scores = np.sort(np.maximum(lower - scaled, scaled - upper) / widths)
        np.testing.assert_allclose(band.scores_[pair].quantiles[0], scores, rtol=1e-4, atol=1e-6)
        moved = scores[ranks(20, 0.8)[1] - 1] * widths
        found = [(ends[:, i] - reg._means[i]) / reg._scales[i] for ends in reg.predict_interval(X[40:], 0.8)]
        np.testing.assert_allclose(found, [lower - moved, upper + moved], rtol=1e-4, atol=1e-5)
    repeated = regressor(intervals="quantiles", cv=SPLITTERS[0]).fit(X, Y)
    counts = np.bincount(fold_numbers(splits_of(SPLITTERS[0], X, Y, None), 60))
    assert counts.min() > 5
    for scores in repeated.bands_[0].scores_:
        assert np.array_equal(scores.counts, counts)
    for each in (reg, repeated):
        each.save(tmp_path / "m")
        assert np.array_equal(fastmlp.load(tmp_path / "m").predict_interval(X, 0.8), each.predict_interval(X, 0.8))


def test_residuals_of_other_judges_are_refused():
    reg = regressor().fit(X, Y)
    reg.check_state()
    reg._residuals = regressor(cv=KFold(4)).fit(X, Y)._residuals
    with pytest.raises(ValueError, match="_residuals are not those of the folds"):
        reg.check_state()
