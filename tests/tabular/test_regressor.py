"""TabularRegressor: numbers of any size, constants, losses, intervals, scores that members stop by."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import mean_squared_log_error, r2_score

import fastmlp
from fastmlp import TabularRegressor
from fastmlp.exceptions import UndefinedScoreWarning
from fastmlp.tabular.encoding import columns_of
from fastmlp.tabular.kinds import EFFORTS
from tests.tabular.problems import SMALL, small, table


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


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300])
def test_constant_targets_are_predicted_and_said(value):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reg = regressor().fit(X, np.full(120, value))
    assert [each.category for each in caught] == [UndefinedScoreWarning]
    assert f"y is {value} in all rows that have a weight" in str(caught[0].message)
    assert (reg.predict(X) == value).all()
    assert np.isnan(reg.oof_score_)
    lower, upper = reg.predict_interval(X)
    assert (lower == value).all()
    assert (upper == value).all()


def test_one_constant_target_of_several():
    with pytest.warns(UndefinedScoreWarning, match=r"y\[:, 1\] is 3.0 in all rows"):
        reg = regressor().fit(X, np.stack([Y, np.full(120, 3.0)], axis=1))
    assert (reg.predict(X)[:, 1] == 3).all()
    assert reg.oof_score_ == pytest.approx(r2_score(Y, reg.oof_predictions_[:, 0]))


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
    with pytest.raises(ValueError, match=r"y_val must have 1 targets, as y has; got shape \(120, 2\)"):
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
    ensemble, shared = reg.ensembles_[0], reg._shared(X)
    known = ~np.isnan(reg.oof_predictions_)
    assert known.all()
    for member in reg.members_:
        record = reg.history_[member.fold]
        best = int(np.argmax(record["validation_score"]))
        assert record["epochs"] == best + 1 + 10
        predicted = reg._numbers(
            ensemble._predicted(member.network, columns_of(member.kind, member.fold, shared, ensemble.trees_))
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
