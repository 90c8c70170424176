"""The figures that evaluate gives, against their definitions."""

import numpy as np
import pytest

from fastmlp.tables import TableError, TableModel
from tests.tables.conftest import FAST, table

pd = pytest.importorskip("pandas")


def test_figures_of_two_classes():
    frame = table(400)
    model = TableModel(effort="fast", random_state=0).fit(frame)
    figures, right = model.evaluate(frame), model.predict(frame) == frame["y"]
    assert figures["accuracy"] == right.mean()
    assert figures["balanced_accuracy"] == pytest.approx(right.groupby(frame["y"]).mean().mean())
    assert figures["majority_accuracy"] == (frame["y"] == frame["y"].mode()[0]).mean()
    assert figures["roc_auc"] > 0.95
    chosen = model.predict_proba(frame)[np.arange(400), (frame["y"] == "yes").astype(int)]
    assert figures["log_loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    one = model.evaluate(frame[frame["y"] == "yes"].iloc[:1])
    assert one["roc_auc"] is None
    assert one["rows"] == 1


def test_figures_of_three_classes():
    frame = table(90).assign(y=["a", "b", "c"] * 30)
    figures = TableModel(**FAST).fit(frame).evaluate(frame)
    assert "roc_auc" not in figures
    assert figures["majority_accuracy"] == pytest.approx(1 / 3)


def test_figures_of_quantiles():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=600)}).assign(y=lambda frame: 5 * frame["a"] + rng.normal(size=600))
    model = TableModel(loss="quantile", quantile=0.8, **FAST).fit(frame[:400])
    others = frame[400:]
    figures, errors = model.evaluate(others), others["y"] - model.predict(others)
    assert figures["pinball_loss"] == pytest.approx(np.maximum(0.8 * errors, -0.2 * errors).mean())
    assert figures["share_not_above"] == (errors <= 0).mean() == pytest.approx(0.8, abs=0.1)
    constant = others["y"] - np.percentile(others["y"], 80)
    assert figures["d2"] == pytest.approx(
        1 - figures["pinball_loss"] / np.maximum(0.8 * constant, -0.2 * constant).mean()
    )
    assert figures["mae"] == pytest.approx(abs(errors).mean())
    assert model.evaluate(others[:1])["d2"] is None
    assert "d2" not in TableModel(loss="absolute_error", **FAST).fit(frame).evaluate(frame)


def test_figures_of_numbers_are_in_the_targets_units():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    frame["y"] = 1e6 + 1e4 * (frame["a"] - frame["b"])
    model = TableModel(effort="fast", random_state=0).fit(frame)
    figures, errors = model.evaluate(frame), model.predict(frame) - frame["y"]
    assert figures["r2"] > 0.95
    assert figures["r2"] == pytest.approx(1 - (errors**2).sum() / ((frame["y"] - frame["y"].mean()) ** 2).sum())
    assert figures["mae"] == pytest.approx(abs(errors).mean())
    assert figures["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert figures["mean_rmse"] == pytest.approx(frame["y"].std(ddof=0))
    assert model.evaluate(frame.iloc[:1])["r2"] is None
    with pytest.raises(TableError, match="no probabilities"):
        model.predict_proba(frame)
    with pytest.raises(TableError, match="'much' is not a number"):
        model.evaluate(frame.assign(y="much"))
