"""ImportancesDisplay: the order and the lengths of bars, their names, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.tree import DecisionTreeRegressor

from fastmlp import MLPClassifier, TabularRegressor
from fastmlp.inspection import ImportancesDisplay
from tests.inspection.conftest import PATIENTS, PROGRESSION, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
VALUES = np.array([[1.0, 3.0], [5.0, 5.0], [-1.0, 0.0], [2.0, 2.0]])


def texts(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def test_bars_are_means_and_the_largest_is_at_the_top():
    display = ImportancesDisplay.from_importances(VALUES, ["a", "b", "c", "d"])
    assert display.columns_.tolist() == [1, 0, 3, 2]
    assert [bar.get_width() for bar in display.bars_] == [5, 2, 2, -0.5]
    assert texts(display) == ["b", "a", "d", "c"]
    assert display.ax_.yaxis_inverted()
    segments = display.bars_.errorbar.lines[2][0].get_segments()
    np.testing.assert_allclose([np.ptp(segment[:, 0]) / 2 for segment in segments], [0, 1, 0, 0.5])


def test_few_columns_are_drawn_of_many():
    display = ImportancesDisplay.from_importances(VALUES.mean(axis=1), n_columns=2, color="red")
    assert texts(display) == ["x1", "x0"]
    assert display.bars_.errorbar is None
    assert display.importances.shape == (4, 1)


def test_of_an_estimator(fitted):
    options = {"n_repeats": 3, "random_state": 1, "scoring": "neg_log_loss"}
    display = ImportancesDisplay.from_estimator(fitted, X, Y, **options)
    expected = permutation_importance(fitted, X, Y, **options)
    np.testing.assert_array_equal(display.importances, expected.importances)
    np.testing.assert_array_equal([bar.get_width() for bar in display.bars_], np.sort(expected.importances_mean)[::-1])
    np.testing.assert_array_equal(ImportancesDisplay.from_importances(expected).importances, expected.importances)


def test_names_are_those_of_the_table():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    clf = MLPClassifier((5,), max_iter=2, random_state=0).fit(frame, Y)
    assert sorted(texts(ImportancesDisplay.from_estimator(clf, frame, Y, n_repeats=1))) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (([],), {}, r"importances must have the shape \(n_columns, n_repeats\).* got \(0, 1\)"),
        ((np.ones((2, 2, 2)),), {}, r"importances must have .* got \(2, 2, 2\)"),
        ((VALUES, ["a"]), {}, r"names must be those of 4 columns; got 1"),
        ((VALUES,), {"n_columns": 0}, r"n_columns must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        ImportancesDisplay.from_importances(*given, **options)


def test_importances_that_the_estimator_knows(regressor):
    display = ImportancesDisplay.from_estimator(regressor, n_columns=3)
    order = np.argsort(-regressor.feature_importances_)[:3]
    assert texts(display) == PATIENTS.columns[order].tolist()
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], regressor.feature_importances_[order])
    assert display.ax_.get_xlabel() == "Importance: rise of R²"


def test_importances_by_permutations(regressor):
    display = ImportancesDisplay.from_estimator(
        regressor, PATIENTS[250:], PROGRESSION[250:], n_repeats=2, random_state=0
    )
    assert set(texts(display)[:2]) == {"bmi", "s5"}
    assert display.ax_.get_xlabel() == "Importance: fall of the score"


def test_importances_want_what_they_are_found_by(regressor, fitted):
    with pytest.raises(ValueError, match="X and y must be given together, or none of them"):
        ImportancesDisplay.from_estimator(regressor, PATIENTS)
    with pytest.raises(TypeError, match="estimator must have feature_importances_, or X and y be given"):
        ImportancesDisplay.from_estimator(fitted)


def test_the_axis_says_what_importances_are(regressor, classifier):
    def label(estimator):
        return ImportancesDisplay.from_estimator(estimator).ax_.get_xlabel()

    assert label(classifier) == "Importance: rise of the mean log-probability of the true class"
    assert label(regressor) == "Importance: rise of R²"
    median = TabularRegressor("fast", loss="quantile", random_state=0).fit(PATIENTS[:50], PROGRESSION[:50])
    assert label(median) == "Importance: fall of the pinball loss of scaled targets"
    assert label(DecisionTreeRegressor().fit(PATIENTS, PROGRESSION)) == "Importance"
