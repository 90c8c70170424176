"""TabularRegressor: numbers of any size, constants, losses, intervals, scores that members stop by."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, mean_pinball_loss, mean_squared_log_error, r2_score

import fastmlp
from fastmlp import MLPRegressor, TabularRegressor
from fastmlp.exceptions import IgnoredParameterWarning, UndefinedScoreWarning
from fastmlp.losses import Pinball
from fastmlp.tables import TableModel
from fastmlp.tabular import ensemble
from fastmlp.tabular.encoding import columns_of
from fastmlp.tabular.kinds import EFFORTS
from tests.tabular.problems import SMALL, small, table, uneven


@pytest.fixture(autouse=True)
def _small_effort(monkeypatch):
    """Let effort="fast" be a single kind without trees."""
    monkeypatch.setitem(EFFORTS, "fast", SMALL)


def regressor(**parameters):
    return small(TabularRegressor, **parameters)


X, _, Y = table(120)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_losses(loss):
    reg = regressor(loss=loss).fit(X, Y)
    assert reg.score(X, Y) > 0.7
    assert reg.oof_score_ == pytest.approx(r2_score(Y, reg.oof_predictions_))


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        ("mae", "absolute_error"), ("Absolute_Error", "absolute_error"), ("L1", "absolute_error"),
        ("MSE", "squared_error"), ("reg:squarederror", "squared_error"), ("smooth_l1", "huber"),
        ("pinball", "quantile"), ("Pinball Loss", "quantile"), ("quantile", "quantile"),
    ],
)  # fmt: skip
def test_everyday_names_of_losses(given, loss):
    assert TabularRegressor(loss=given).loss == loss
    assert clone(TabularRegressor().set_params(loss=given)).loss == loss
    assert TableModel(loss=given).loss == loss
    # They are those of MLPRegressor, whose own name of the last is another.
    assert MLPRegressor(loss=given).loss == {"quantile": "pinball"}.get(loss, loss)


def test_an_everyday_name_trains_the_same():
    assert np.array_equal(
        regressor(loss="MAE").fit(X, Y).predict(X), regressor(loss="absolute_error").fit(X, Y).predict(X)
    )


@pytest.mark.parametrize("given", ["poisson", "hinge", "log_loss", Pinball(0.9), None])
def test_other_losses_are_refused_with_those_that_there_are(given):
    with pytest.raises(ValueError, match="'loss' parameter of TabularRegressor") as caught:
        regressor(loss=given).fit(X, Y)
    assert all(f"'{name}'" in str(caught.value) for name in ("squared_error", "absolute_error", "huber", "quantile"))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles(quantile):
    """Of so many rows, the share below the prediction is the quantile, where the noise is large and where it is not."""
    rows, y, factor = uneven(1500)
    reg = regressor(loss="quantile", quantile=quantile).fit(rows[:1000], y[:1000])
    predicted, others, loud = reg.predict(rows[1000:]), y[1000:], factor[1000:] > 1
    for part in (loud, ~loud):
        assert (others < predicted)[part].mean() == pytest.approx(quantile, abs=0.08)
    # The best that is possible is the quantile of the law that the numbers were drawn from.
    law = 2 * rows[1000:, 1] + factor[1000:] * norm.ppf(quantile)
    loss, least = (mean_pinball_loss(others, each, alpha=quantile) for each in (predicted, law))
    assert least < loss < 1.1 * least
    assert reg.score(rows[1000:], others) == d2_pinball_score(others, predicted, alpha=quantile)
    assert reg.oof_score_ == pytest.approx(d2_pinball_score(y[:1000], reg.oof_predictions_, alpha=quantile))


def test_quantiles_of_several_targets_with_weights(path):
    rows, y, _ = uneven(400)
    weights = np.where(np.arange(400) % 2, 1.0, 0.0)
    both = np.stack([y, -y], axis=1)
    both[::2] += 1e6
    reg = regressor(loss="quantile", quantile=0.8).fit(rows, both, weights)
    below = (both < reg.oof_predictions_)[1::2].mean(axis=0)
    np.testing.assert_allclose(below, 0.8, atol=0.08)
    expected = d2_pinball_score(both[1::2], reg.oof_predictions_[1::2], alpha=0.8)
    assert reg.oof_score_ == pytest.approx(expected, rel=1e-2)  # weighted quantiles of a constant are not interpolated
    reg.save(path)
    assert np.array_equal(fastmlp.load(path).predict(rows), reg.predict(rows))


def test_kinds_are_weighed_by_the_pinball_loss(monkeypatch):
    """The search that weighs them is told of the quantile of each output."""
    calls = []
    select = ensemble.greedy_selection

    def recorded(*arguments, **options):
        calls.append(options)
        return select(*arguments, **options)

    monkeypatch.setattr(ensemble, "greedy_selection", recorded)
    regressor(loss="quantile", quantile=0.7).fit(X, np.stack([Y, Y], axis=1))
    assert calls
    assert all(options == {"loss": "quantile", "quantile": [0.7, 0.7]} for options in calls)


def test_importances_of_quantiles():
    rows, y, _ = uneven(1000)
    reg = regressor(loss="quantile", quantile=0.9).fit(rows, y)
    found = reg.feature_importances_
    # The first column says nothing of the mean, but how far above it nine of ten numbers lie.
    assert found[0] > 0.01
    scaled = (y - reg._means) / reg._scales
    constant = mean_pinball_loss(scaled, np.full(1000, np.quantile(scaled, 0.9)), alpha=0.9)
    reached = mean_pinball_loss(y, reg.oof_predictions_, alpha=0.9) / reg._scales[0]
    assert found.sum() == pytest.approx(constant - reached, abs=0.15 * constant)


def test_a_quantile_without_its_loss_is_said():
    with pytest.warns(IgnoredParameterWarning, match=r"quantile=0.9 has no effect with loss='huber'"):
        regressor(loss="huber", quantile=0.9).fit(X, Y)
    for wrong in (0, 1.0, -1, "0.5"):
        with pytest.raises(ValueError, match="'quantile' parameter"):
            regressor(loss="quantile", quantile=wrong).fit(X, Y)
    with pytest.raises(TypeError, match="Did you mean 'quantile'"):
        regressor(alpha=0.9)


@pytest.mark.parametrize(("scale", "shift"), [(1e-200, 0), (1e200, 0), (1.0, 1e6), (-3.0, 5.0), (1e-3, 0)])
def test_predictions_follow_the_scale_of_targets(scale, shift):
    expected = regressor().fit(X, Y).predict(X)
    found = regressor().fit(X, scale * Y + shift).predict(X)
    if scale > 0:
        np.testing.assert_allclose((found - shift) / scale, expected, rtol=1e-3)
    assert np.corrcoef((found - shift) / scale, Y)[0, 1] > 0.8


def test_predictions_stay_within_the_range_of_training():
    reg = regressor().fit(X, Y)
    wild = X.assign(a=[1e300, -1e300] * 60)
    assert Y.min() <= reg.predict(wild).min() <= reg.predict(wild).max() <= Y.max()


def test_the_loss_of_rows_left_out_is_the_root_of_their_mean_squared_error():
    weights = np.linspace(0, 2, len(Y))
    reg = regressor(loss="absolute_error").fit(X, Y, weights)
    assert reg.oof_loss_ == pytest.approx(np.sqrt(np.average((Y - reg.oof_predictions_) ** 2, weights=weights)))
    assert regressor().fit(X, 1e200 * Y).oof_loss_ == pytest.approx(1e200 * regressor().fit(X, Y).oof_loss_, rel=1e-3)
    both = regressor().fit(X, np.stack([Y, 100 * Y**2], axis=1))
    squares = (np.stack([Y, 100 * Y**2], axis=1) - both.oof_predictions_) ** 2
    assert both.oof_loss_ == pytest.approx(np.sqrt(squares.mean(axis=0)).mean())
    of_others = regressor().fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    assert of_others.oof_loss_ == pytest.approx(np.sqrt(np.mean((Y[80:] - of_others.oof_predictions_) ** 2)))


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e300])
def test_constant_targets_are_predicted_and_said(value, loss):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reg = regressor(loss=loss).fit(X, np.full(120, value))
    assert [each.category for each in caught] == [UndefinedScoreWarning]
    assert f"y is {value} in all rows that have a weight" in str(caught[0].message)
    assert (reg.predict(X) == value).all()
    assert np.isnan(reg.oof_score_)
    assert reg.oof_loss_ == 0
    assert (reg.feature_importances_ == 0).all()
    lower, upper = reg.predict_interval(X)
    assert (lower == value).all()
    assert (upper == value).all()


def test_one_constant_target_of_several():
    with pytest.warns(UndefinedScoreWarning, match=r"y\[:, 1\] is 3.0 in all rows"):
        reg = regressor().fit(X, np.stack([Y, np.full(120, 3.0)], axis=1))
    assert (reg.predict(X)[:, 1] == 3).all()
    assert reg.oof_score_ == pytest.approx(r2_score(Y, reg.oof_predictions_[:, 0]))
    assert reg.feature_importances_.sum() == pytest.approx(reg.oof_score_, abs=0.1)


@pytest.mark.parametrize(
    "given",
    [
        lambda y: y.astype(np.float32),
        lambda y: pd.Series(y, dtype="Float64"),
        pl.Series,
        lambda y: [Decimal(str(value)) for value in y],
        lambda y: pd.DataFrame({"y": y}),
    ],
    ids=range(5),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_numbers_of_any_type(given):
    expected = regressor().fit(X, Y).predict(X)
    found = regressor().fit(X, given(Y)).predict(X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_integers():
    y = np.round(Y).astype(int)
    assert np.array_equal(regressor().fit(X, y).predict(X), regressor().fit(X, y.astype(float)).predict(X))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([np.inf, *Y[1:]], "infinity"),
        (Y.astype(str), "y holds texts.*TabularClassifier classes"),
        (np.full(120, None), "120 of 120 targets are missing"),
    ],
)
def test_wrong_targets(y, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, y)


def test_targets_to_validate_on():
    with pytest.raises(ValueError, match=r"y_val must have 1 target, as y has; got shape \(120, 2\)"):
        regressor().fit(X, Y, X_val=X, y_val=np.stack([Y, Y], axis=1))


def test_intervals_cover():
    rows, _, numbers = table(600)
    reg = regressor().fit(rows[:300], numbers[:300])
    lower, upper = reg.predict_interval(rows[300:], coverage=0.8)
    assert 0.7 < ((lower <= numbers[300:]) & (numbers[300:] <= upper)).mean() < 0.95
    wider = reg.predict_interval(rows[300:], coverage=0.95)
    assert (wider[0] <= lower).all()
    assert (wider[1] >= upper).all()
    for wrong in (0, 1, -0.5):
        with pytest.raises(ValueError, match="coverage"):
            reg.predict_interval(rows, coverage=wrong)


def test_scorers_see_numbers_in_their_own_scale():
    """Of scaled targets, some of which are negative, there would be no logarithm."""
    y = np.abs(Y)
    reg = regressor(scoring="neg_mean_squared_log_error").fit(X, y)
    trained, shared = reg.ensembles_[0], reg._shared(X)
    known = ~np.isnan(reg.oof_predictions_)
    assert known.all()
    for member in reg.members_:
        record = reg.history_[member.fold]
        best = int(np.argmax(record["validation_score"]))
        assert record["epochs"] == best + 1 + 10
        predicted = reg._numbers(
            trained._predicted(member.network, columns_of(member.kind, member.fold, shared, trained.trees_))
        )
        left_out = np.isclose(predicted, reg.oof_predictions_, rtol=1e-9)
        assert left_out.sum() >= 40
    found = -mean_squared_log_error(y, reg.oof_predictions_)
    assert found == pytest.approx(np.mean([max(record["validation_score"]) for record in reg.history_]), rel=1e-3)


def test_weights_move_predictions_and_scales():
    weights = np.where(np.median(Y) < Y, 1.0, 1e-6)
    assert regressor().fit(X, Y, weights).predict(X).mean() > regressor().fit(X, Y).predict(X).mean()
    reg = regressor().fit(X, Y, weights)
    assert reg._means[0] == pytest.approx(np.average(Y, weights=weights))
    assert reg._scales[0] == pytest.approx(np.sqrt(np.cov(Y, aweights=weights, ddof=0)))


def test_files_that_say_what_no_fit_sets(path):
    reg = regressor().fit(X, Y)
    reg.check_state()
    harm = {
        "_means": np.zeros(2), "_scales": np.zeros(1), "_ranges": np.array([[1.0], [0.0]]), "_is_matrix": 1,
        "_residuals": [], "ensembles_": reg.ensembles_ * 2, "feature_importances_": np.ones(7),
    }  # fmt: skip
    for name, value in harm.items():
        before = vars(reg)[name]
        vars(reg)[name] = value
        with pytest.raises(ValueError):
            reg.check_state()
        with pytest.raises(ValueError):
            reg.save(path)
        vars(reg)[name] = before


@pytest.mark.parametrize("several", [False, True])
def test_files_predict_the_same(path, several):
    y = np.stack([Y, -Y], axis=1) if several else Y
    reg = regressor().fit(X, y)
    reg.save(path)
    loaded = fastmlp.load(path)
    assert np.array_equal(loaded.predict(X), reg.predict(X))
    assert np.array_equal(loaded.predict_interval(X), reg.predict_interval(X))
    assert not hasattr(loaded, "oof_predictions_")


@pytest.mark.parametrize("unit", [2.0**900, 2.0**-900])
def test_scores_have_no_unit(unit):
    X, _, y = table()
    y = np.stack([y, -y], axis=1)
    near, far = small(TabularRegressor).fit(X, y), small(TabularRegressor).fit(X, y * unit)
    assert np.array_equal(far.predict(X), near.predict(X) * unit)
    assert far.score(X, y * unit) == near.score(X, y)
    assert near.score(X, y) == pytest.approx(r2_score(y, near.predict(X)), rel=1e-12)
    assert far.oof_score_ == near.oof_score_
    with pytest.raises(ValueError, match=r"y must have the shape \(90, 2\) of predictions for X; got \(90,\)"):
        near.score(X, y[:, 0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            [1.7e308, -1.7e308],
            "up to 1.7e.308, whose distances may be too large.*: divide it by a power of ten",
        ),
        ([5e-324, 0], "numbers up to 4.94e-324, whose distances are too small.*: multiply it by a power of ten"),
    ],
)
def test_targets_whose_distances_are_no_numbers(y, message):
    X, _, _ = table()
    with pytest.raises(ValueError, match=message):
        small(TabularRegressor).fit(X, np.tile(y, 45))


def test_columns_whose_distances_are_no_numbers():
    X, _, y = table()
    largest = np.finfo(float).max
    estimator = small(TabularRegressor).fit(X.assign(b=np.where(X["a"] > 0, largest, -largest)), y)
    # Beyond a quarter of the largest number, all numbers are the same.
    near = small(TabularRegressor).fit(X.assign(b=np.where(X["a"] > 0, largest / 4, -largest / 4)), y)
    assert np.array_equal(estimator.predict(X), near.predict(X))


def test_a_score_of_rows_with_the_same_target_is_not_defined():
    X, _, y = table()
    with pytest.warns(UndefinedScoreWarning, match="All rows that members leave out have the same y"):
        estimator = small(TabularRegressor).fit(X, y, X_val=X[:30], y_val=np.full(30, 100.1))
    assert np.isnan(estimator.oof_score_)
