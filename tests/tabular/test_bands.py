"""Intervals from quantiles: an oracle of their ends, coverage where noise is large and where it is small, files."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import fastmlp
from fastmlp import TabularRegressor
from fastmlp.exceptions import TimeLimitWarning, UndefinedScoreWarning
from fastmlp.tabular import regressor
from fastmlp.tabular.bands import COVERAGES, LEVELS, QuantileBand, nearest_pair
from fastmlp.tabular.kinds import EFFORTS
from tests.tabular.problems import SEVERAL, SMALL, small, table, uneven


@pytest.fixture(autouse=True)
def _small_effort(monkeypatch):
    """Let effort="fast" be a single kind without trees, and quantiles be learned by that kind, too."""
    monkeypatch.setitem(EFFORTS, "fast", SMALL)
    monkeypatch.setattr(regressor, "band_kinds", lambda effort: SMALL.kinds)


def banded(**parameters):
    return small(TabularRegressor, intervals="quantiles", **parameters)


X, _, Y = table(120)


# ---- a band by itself ------------------------------------------------------------------------------------------------


def test_levels_come_in_pairs():
    assert list(LEVELS) == sorted(LEVELS)
    for pair, coverage in enumerate(COVERAGES):
        lower, upper = LEVELS[len(COVERAGES) - 1 - pair], LEVELS[len(COVERAGES) + pair]
        assert upper - lower == pytest.approx(coverage)
        assert upper + lower == pytest.approx(1)


@pytest.mark.parametrize("wrong", [0, 1, -0.5, 1.5, math.nan])
def test_a_coverage_is_between_0_and_1(wrong):
    with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
        nearest_pair(wrong)


def oracle(out_of_fold, y, folds, predicted, coverage, limits):
    """The ends for one new row, of which each fold predicts quantiles (n_folds, n_levels): CV+ by plain loops."""
    pair = min(range(5), key=lambda k: abs(math.log((1 - COVERAGES[k]) / (1 - coverage))))

    def ends(quantiles):
        ordered = sorted(min(max(q, limits[0]), limits[1]) for q in quantiles)
        return ordered[4 - pair], ordered[5 + pair]

    known = [ends(quantiles) for quantiles in out_of_fold]
    added = 0.25 * sum(upper - lower for lower, upper in known) / len(known) or 1.0
    lows, highs = [], []
    for (lower, upper), target, fold in zip(known, y, folds, strict=True):
        score = max(lower - target, target - upper) / (upper - lower + added)
        low, high = ends(predicted[fold])
        lows.append(low - score * (high - low + added))
        highs.append(high + score * (high - low + added))
    n = len(y)
    below, above = math.floor((1 - coverage) * (n + 1) + 1e-9), math.ceil(coverage * (n + 1) - 1e-9)
    found = sorted(lows)[below - 1] if below >= 1 else -math.inf, sorted(highs)[above - 1] if above <= n else math.inf
    return min(found), max(found)


@pytest.mark.parametrize("coverage", [0.3, 0.5, 0.7, 0.85, 0.9, 0.97, 0.999])
@pytest.mark.parametrize("spread", [1.0, 0.0])
def test_ends_are_those_of_the_oracle(coverage, spread):
    """Quantiles that cross, that all fall together, and that leave the range of the targets."""
    random = np.random.default_rng(3)
    out_of_fold = spread * random.normal(size=(60, 10)) + random.normal(size=(60, 1))
    predicted = spread * random.normal(size=(3, 8, 10)) + random.normal(size=(8, 1))
    y, folds, limits = random.normal(size=60), np.arange(60) % 3, np.array([-1.5, 1.5])
    band = QuantileBand(limits)
    band.calibrate(out_of_fold, y, folds)
    band.ensemble = SimpleNamespace(predict_folds=lambda shared, n_jobs: predicted)
    lower, upper = band.interval(None, coverage)
    for row in range(8):
        expected = oracle(out_of_fold, y, folds, predicted[:, row], coverage, limits)
        assert (lower[row], upper[row]) == pytest.approx(expected)


# ---- intervals of the estimator --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_coverage_holds_where_noise_is_large_and_where_it_is_small(seed):
    """Intervals of residuals are as wide for all rows: they cover too seldom where noise is large, else too often."""
    rows, y, factor = uneven(3000, seed)
    learned, others, loud = slice(1000), slice(1000, None), factor[1000:] > 1
    banded_model, plain = (
        small(TabularRegressor, intervals=intervals).fit(rows[learned], y[learned])
        for intervals in ("quantiles", "residuals")
    )
    for coverage, off in ((0.5, 0.1), (0.8, 0.07), (0.9, 0.05), (0.95, 0.04)):
        ends = [model.predict_interval(rows[others], coverage) for model in (banded_model, plain)]
        within = [(lower <= y[others]) & (y[others] <= upper) for lower, upper in ends]
        for part in (loud, ~loud):
            assert within[0][part].mean() == pytest.approx(coverage, abs=off)
            assert abs(within[0][part].mean() - coverage) < abs(within[1][part].mean() - coverage)
        widths = [upper - lower for lower, upper in ends]
        assert widths[0][loud].mean() > 2.5 * widths[0][~loud].mean()  # of the law, 4 times
        if coverage >= 0.8:
            assert widths[0].mean() < widths[1].mean()


def test_predictions_are_those_without_intervals():
    """What is learned for intervals moves neither predictions nor what is known of them."""
    with_bands, plain = banded().fit(X, Y), small(TabularRegressor).fit(X, Y)
    assert np.array_equal(with_bands.predict(X), plain.predict(X))
    assert with_bands.oof_score_ == plain.oof_score_
    assert np.array_equal(with_bands.feature_importances_, plain.feature_importances_)
    assert np.array_equal(with_bands.explain(X[:3]).values, plain.explain(X[:3]).values)
    assert len(with_bands.members_) == len(with_bands.history_) == len(plain.members_) == 3
    assert len(with_bands.bands_) == 1
    assert len(with_bands.bands_[0].ensemble.members_) == 3
    assert plain.bands_ == []
    # What intervals are made of is what fit was told, until the next fit.
    before = plain.predict_interval(X)
    assert np.array_equal(plain.set_params(intervals="quantiles").predict_interval(X), before)


def test_bits_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(regressor, "band_kinds", lambda effort: SEVERAL.kinds)
    found = [banded(n_jobs=n_jobs).fit(X, Y).predict_interval(X, 0.8) for n_jobs in (1, 2, 3)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    other = banded(random_state=1).fit(X, Y).predict_interval(X, 0.8)
    assert not np.array_equal(found[0], other)


def test_several_targets():
    rows, y, factor = uneven(2000)
    both = np.stack([y, 1e6 + 1e3 * (rows[:, 0] + 0.1 * np.random.default_rng(5).normal(size=2000))], axis=1)
    reg = banded().fit(rows[:800], both[:800])
    assert len(reg.bands_) == 2
    lower, upper = reg.predict_interval(rows[800:], 0.8)
    assert lower.shape == upper.shape == (1200, 2)
    within = (lower <= both[800:]) & (both[800:] <= upper)
    np.testing.assert_allclose(within.mean(axis=0), 0.8, atol=0.05)
    widths = upper - lower
    assert widths[factor[800:] > 1, 0].mean() > 2.5 * widths[factor[800:] == 1, 0].mean()
    assert 200 < widths[:, 1].mean() < 600  # of the law: 256
    # A column alone has the shape of a vector, or that of a matrix as y had it.
    lower, upper = banded().fit(rows[:200], y[:200]).predict_interval(rows[:3])
    assert lower.shape == upper.shape == (3,)


@pytest.mark.parametrize(("scale", "shift"), [(1e200, 0), (1e-200, 0), (1.0, 1e6)])
def test_intervals_follow_the_scale_of_targets(scale, shift):
    expected = np.array(banded().fit(X, Y).predict_interval(X, 0.8))
    found = np.array(banded().fit(X, scale * Y + shift).predict_interval(X, 0.8))
    np.testing.assert_allclose((found - shift) / scale, expected, rtol=1e-2)


def test_constant_targets_have_intervals_of_one_number():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedScoreWarning)
        reg = banded().fit(X, np.stack([Y, np.full(120, 3.0)], axis=1))
    lower, upper = reg.predict_interval(X)
    assert (lower[:, 1] == 3).all()
    assert (upper[:, 1] == 3).all()
    assert (lower[:, 0] < upper[:, 0]).all()


def test_weights_move_quantiles():
    """Where numbers above 0 alone have a weight, quantiles are those of numbers above 0."""
    rows, y, _ = uneven(1600)
    reg = banded().fit(rows[:800], y[:800], (y[:800] > 0) * 1.0)
    predicted = reg.bands_[0].ensemble.predict(reg._shared(rows)) * reg._scales + reg._means
    counted = np.flatnonzero(y > 0)[-400:]
    np.testing.assert_allclose((y[counted, np.newaxis] < predicted[counted]).mean(axis=0), LEVELS, atol=0.08)


def test_rows_to_validate_on():
    rows, y, _ = uneven(2000)
    reg = banded().fit(rows[:600], y[:600], X_val=rows[600:1200], y_val=y[600:1200])
    lower, upper = reg.predict_interval(rows[1200:])
    assert ((lower <= y[1200:]) & (y[1200:] <= upper)).mean() == pytest.approx(0.9, abs=0.05)
    # Scores are of the rows to validate on.
    assert all(scores.counts.sum() == 600 for scores in reg.bands_[0].scores_)


def test_scorers_see_predictions_alone():
    """Scores of ten quantiles would mean nothing: members that learn these stop by their loss."""
    reg = banded(scoring="neg_mean_squared_log_error").fit(X, Y)
    assert all("validation_score" in record for record in reg.history_)
    records = reg.bands_[0].ensemble.records_
    for record in records:
        assert record["epochs"] == int(np.argmin(record["validation_loss"])) + 1 + 10


def test_intervals_of_quantile_regressors():
    rows, y, _ = uneven(1500)
    reg = banded(loss="quantile", quantile=0.9).fit(rows[:800], y[:800])
    assert (y[800:] < reg.predict(rows[800:])).mean() == pytest.approx(0.9, abs=0.05)
    lower, upper = reg.predict_interval(rows[800:], 0.8)
    assert ((lower <= y[800:]) & (y[800:] <= upper)).mean() == pytest.approx(0.8, abs=0.06)


def test_a_time_limit_leaves_intervals():
    with pytest.warns(TimeLimitWarning, match="2 members were trained, 2 of them not to the end"):
        reg = banded(time_limit=1e-6, n_jobs=1).fit(X, Y)
    assert reg.bands_[0].ensemble.folds_ == [0]
    lower, upper = reg.predict_interval(X)
    within = (lower <= Y) & (upper >= Y)
    assert within.mean() == pytest.approx(0.9, abs=0.1)


def test_what_intervals_cannot_be_made_of():
    with pytest.raises(ValueError, match="'intervals' parameter"):
        small(TabularRegressor, intervals="errors").fit(X, Y)
    with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
        banded().fit(X, Y).predict_interval(X, 1.0)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_files_have_the_same_intervals(path):
    reg = banded().fit(X, np.stack([Y, -Y], axis=1))
    reg.save(path)
    loaded = fastmlp.load(path)
    assert np.array_equal(loaded.predict_interval(X, 0.7), reg.predict_interval(X, 0.7))


HARM = {
    "limits": [np.zeros(3), np.array([1.0, 0.0]), np.array([0.0, np.inf]), None],
    "ensemble": [None],
    "scores_": [[], [1] * 5, None],
    "added_widths_": [np.zeros(5), np.ones(4), np.full(5, np.nan)],
    "more": [1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HARM.items() for value in values])
def test_files_that_say_what_no_fit_sets(path, name, value):
    reg = banded().fit(X, Y)
    reg.check_state()
    vars(reg.bands_[0])[name] = value
    with pytest.raises(ValueError, match=f"{name}|has other attributes"):
        reg.save(path)


def test_files_whose_parts_do_not_fit(path):
    one, two = banded().fit(X, Y), banded(cv=2).fit(X, Y)
    one.bands_[0].scores_ = two.bands_[0].scores_
    with pytest.raises(ValueError, match="not those of its pairs and folds"):
        one.save(path)
    for name, value in (("bands_", two.bands_ * 2), ("bands_", []), ("_residuals", [1]), ("bands_", None)):
        reg = banded().fit(X, Y)
        vars(reg)[name] = value
        with pytest.raises(ValueError, match="not those of the targets"):
            reg.save(path)
    two.bands_[0].ensemble.quantiles = [0.5] * 10
    with pytest.raises(ValueError, match="not one of its quantiles"):
        two.save(path)
