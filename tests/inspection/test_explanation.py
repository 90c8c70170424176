"""ExplanationDisplay: bars from the base value to the prediction, what stands beside them, and what is refused."""

import builtins

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.inspection import ExplanationDisplay
from tests.inspection.conftest import FLOWERS, PATIENTS, SPECIES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
VALUES = np.array([0.5, -2.0, 0.0, 3.0, -0.25])


def texts(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def test_bars_lead_from_the_base_value_to_the_prediction():
    display = ExplanationDisplay.from_values(VALUES, 10.0)
    assert display.columns_.tolist() == [3, 1, 0, 4, 2]
    at = 10.0
    for bar, column in zip(display.bars_, display.columns_, strict=True):
        assert bar.get_x() == pytest.approx(at)
        at += VALUES[column]
        assert bar.get_x() + bar.get_width() == pytest.approx(at)
    assert display.prediction == at == 11.25
    assert display.base_line_.get_xdata()[0] == 10
    assert display.prediction_line_.get_xdata()[0] == 11.25
    assert display.ax_.get_title() == "From 10 to 11.25"
    assert texts(display) == ["x3", "x1", "x0", "x4", "x2"]


@pytest.mark.parametrize(("n_columns", "last"), [(2, "3 other columns"), (4, "1 other column"), (5, "x2")])
def test_small_bars_are_put_together(n_columns, last):
    display = ExplanationDisplay.from_values(VALUES, 10.0, n_columns=n_columns)
    assert len(display.columns_) == n_columns
    assert texts(display)[-1] == last
    bar = display.bars_[-1]
    assert bar.get_x() + bar.get_width() == pytest.approx(11.25)
    assert sum(bar.get_width() for bar in display.bars_) == pytest.approx(1.25)


def test_colours_tell_signs_and_numbers_stand_beside_the_bars():
    display = ExplanationDisplay.from_values([1.0, -2.0])
    assert display.bars_[0].get_facecolor() != display.bars_[1].get_facecolor()
    assert sorted(text.get_text() for text in display.ax_.texts) == ["+1", "-2"]
    low, high = display.ax_.get_xlim()
    assert low < -2
    assert high > 0


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    "values", [[-0.922, 0.3, 0.2], [52000.0, -30000.0, -100.0], [0.0, 0.0, 0.0], [-5.0, -1.0, -2.0]]
)
def test_numbers_beside_bars_stand_within_the_axes(values, given):
    ax = plt.subplots(figsize=(3, 2))[1] if given else None
    names = ["Sp = br", "a rather long name of a column that goes on", "c"]
    display = ExplanationDisplay.from_values(values, 180234.0, names=names, ax=ax)
    display.figure_.canvas.draw()
    left, right = display.ax_.bbox.x0, display.ax_.bbox.x1
    for text in display.ax_.texts:
        box = text.get_window_extent()
        assert left < box.x0 < box.x1 < right


def test_large_numbers_and_long_texts_are_written_for_people():
    name = "a rather long name of a column that goes on"
    display = ExplanationDisplay.from_values([-52000.0, 1234.5], 180234.0, names=["b", name], row=[1500.25, "x\n" * 40])
    assert display.ax_.get_title() == "From 180,234 to 129,468"
    assert [text.get_text() for text in display.ax_.texts] == ["-52,000", "+1,234"]
    assert texts(display) == ["b = 1,500", "a rather long name of a col... = x x x x x x x ..."]


def test_what_the_row_has_stands_beside_the_names():
    display = ExplanationDisplay.from_values([3.0, 2.0, 1.0], names=["a", "b", 7], row=[1.23456, "red", None])
    assert texts(display) == ["a = 1.235", "b = red", "7 = None"]


def test_a_prediction_that_no_column_changes_can_be_drawn():
    display = ExplanationDisplay.from_values([0.0, 0.0], 1.0)
    display.figure_.canvas.draw()
    assert display.prediction == 1


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'fastmlp\[plot\]'"):
        ExplanationDisplay.from_values([1.0])


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (([],), {}, r"values must have the shape \(n_columns,\), with one column at least; got \(0,\)"),
        (([[1.0]],), {}, r"values must have .* got \(1, 1\)"),
        (([np.nan],), {}, r"values and base_value must be finite"),
        (([1.0], np.inf), {}, r"values and base_value must be finite"),
        (([1.0],), {"names": ["a", "b"]}, r"names must be those of 1 columns; got 2"),
        (([1.0],), {"row": [1, 2]}, r"row must have 1 columns; got 2"),
        (([1.0],), {"n_columns": 0}, r"n_columns must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        ExplanationDisplay.from_values(*given, **options)


@pytest.mark.parametrize(
    "convert", [lambda frame: frame, pl.from_pandas, lambda frame: pl.from_pandas(frame).to_arrow()]
)
def test_explanations_of_a_regressor(regressor, convert):
    rows = PATIENTS[250:260]
    display = ExplanationDisplay.from_estimator(regressor, convert(rows), row=-3, n_columns=4)
    assert display.prediction == pytest.approx(regressor.predict(rows)[-3], rel=1e-5)
    found = regressor.explain(rows)
    again = ExplanationDisplay.from_explanation(found, 7)
    np.testing.assert_allclose(display.values, again.values)
    assert len(texts(display)) == 5
    assert f"bmi = {rows['bmi'].iloc[7]:.4g}" in texts(again)
    assert again.ax_.get_xlabel() == "Prediction"


def test_explanations_of_a_classifier(classifier):
    probabilities = classifier.predict_proba(FLOWERS.data)[[60]][0]
    for output, place in ((None, probabilities.argmax()), ("setosa", 0), (-1, 2), (1, 1)):
        display = ExplanationDisplay.from_estimator(classifier, FLOWERS.data, row=60, output=output)
        expected = np.log(probabilities[place] / (1 - probabilities[place]))
        assert display.prediction == pytest.approx(expected, abs=1e-3)
        assert display.ax_.get_xlabel() == f"Log-odds of {FLOWERS.target_names[place]}"
    two = TabularClassifier("fast", random_state=0).fit(FLOWERS.data, SPECIES == "setosa")
    assert ExplanationDisplay.from_estimator(two, FLOWERS.data).ax_.get_xlabel() == "Log-odds of True"


def test_what_cannot_be_explained_is_refused(fitted, regressor, classifier):
    with pytest.raises(TypeError, match="estimator must have explain; got MLPClassifier"):
        ExplanationDisplay.from_estimator(fitted, FLOWERS.data)
    with pytest.raises(ValueError, match="row must be from -442 to 441; got 442"):
        ExplanationDisplay.from_estimator(regressor, PATIENTS, row=442)
    with pytest.raises(ValueError, match=r"output must be one of \['setosa', 'versicolor', 'virginica'\]; got 'rose'"):
        ExplanationDisplay.from_estimator(classifier, FLOWERS.data, output="rose")
    with pytest.raises(ValueError, match="output must be from -3 to 2; got 3"):
        ExplanationDisplay.from_estimator(classifier, FLOWERS.data, output=3)
    with pytest.raises(TypeError, match="explanation must be an Explanation of one of the targets; got list"):
        ExplanationDisplay.from_explanation([classifier.explain(FLOWERS.data[:1])])
    several = TabularRegressor("fast", random_state=0).fit(PATIENTS[:100], PATIENTS[["age", "bmi"]][:100])
    with pytest.raises(ValueError, match="output must say which of several predictions is meant: from 0 to 1"):
        ExplanationDisplay.from_estimator(several, PATIENTS)
    assert ExplanationDisplay.from_estimator(several, PATIENTS, output="1").label == "1"
