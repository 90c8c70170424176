"""IntervalDisplay: the order of rows, which targets are covered, rows left out, infinite ends, and what is refused."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from fastmlp.inspection import IntervalDisplay
from tests.inspection.conftest import PATIENTS, PROGRESSION, X, Y

RANDOM = np.random.default_rng(0)
PREDICTED = RANDOM.standard_normal(60)
TRUE = PREDICTED + RANDOM.standard_normal(60)


class WithIntervals(Ridge):
    """A regressor whose intervals are as wide as their coverage says."""

    def predict_interval(self, X, coverage):
        return self.predict(X) - coverage, self.predict(X) + coverage


def test_rows_stand_in_the_order_of_predictions():
    display = IntervalDisplay.from_predictions(TRUE, PREDICTED, PREDICTED - 1, PREDICTED + 1)
    order = np.argsort(PREDICTED)
    np.testing.assert_array_equal(display.rows_, order)
    np.testing.assert_array_equal(display.line_.get_ydata(), PREDICTED[order])
    for at, (row, segment) in enumerate(zip(order, display.intervals_.get_segments(), strict=True)):
        np.testing.assert_allclose(segment, [[at, PREDICTED[row] - 1], [at, PREDICTED[row] + 1]])


def test_targets_are_inside_or_outside():
    display = IntervalDisplay.from_predictions(TRUE, PREDICTED, PREDICTED - 1, PREDICTED + 1)
    within = np.abs(TRUE - PREDICTED) <= 1
    assert 0 < within.sum() < 60
    assert display.coverage == within.mean()
    np.testing.assert_array_equal(np.sort(display.inside_.get_ydata()), np.sort(TRUE[within]))
    np.testing.assert_array_equal(np.sort(display.outside_.get_ydata()), np.sort(TRUE[~within]))
    assert display.ax_.get_title() == f"{100 * within.mean():.1f} % of 60 rows lie within their intervals"


def test_the_ends_belong_to_the_interval():
    assert IntervalDisplay.from_predictions([1.0, 2.0], [1.0, 1.0], [1.0, 1.0], [2.0, 2.0]).coverage == 1


def test_few_rows_are_drawn_of_many():
    display = IntervalDisplay.from_predictions(TRUE, PREDICTED, PREDICTED - 1, PREDICTED + 1, n_rows=4)
    np.testing.assert_array_equal(display.rows_, np.argsort(PREDICTED)[[0, 20, 39, 59]])
    assert "of 60 rows" in display.ax_.get_title()
    assert IntervalDisplay.from_predictions(TRUE, PREDICTED, PREDICTED, PREDICTED, n_rows=1).rows_.shape == (1,)


def test_infinite_ends_can_be_drawn():
    display = IntervalDisplay.from_predictions([0.0, 10.0], [0.0, 10.0], [-np.inf, 9.0], [1.0, np.inf])
    segments = np.array(display.intervals_.get_segments())
    assert np.isfinite(segments).all()
    assert segments[0, 0, 1] == -1
    assert segments[1, 1, 1] == 11
    assert display.coverage == 1
    display.figure_.canvas.draw()


def test_of_an_estimator():
    reg = WithIntervals().fit(X[:, :3], X[:, 3])
    display = IntervalDisplay.from_estimator(reg, X[:, :3], X[:, 3], coverage=0.2, color="red")
    within = np.abs(reg.predict(X[:, :3]) - X[:, 3]) <= 0.2
    assert display.coverage == within.mean()
    assert display.intervals_.get_label() == "interval"


def test_estimators_that_are_refused():
    with pytest.raises(NotFittedError):
        IntervalDisplay.from_estimator(WithIntervals(), X, Y)
    with pytest.raises(TypeError, match=r"estimator must have predict_interval; got Ridge\(\)"):
        IntervalDisplay.from_estimator(Ridge().fit(X, Y), X, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([], [], [], []), r"with a row at least; got \(0,\), \(0,\), \(0,\), \(0,\)"),
        (([1], [1], [1, 2], [1]), r"must have the shape \(n_rows,\), .* got \(1,\), \(1,\), \(2,\), \(1,\)"),
        (([[1]], [[1]], [[1]], [[1]]), r"got \(1, 1\).* Of several targets, draw one"),
    ],
)
def test_shapes_that_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        IntervalDisplay.from_predictions(*given)


def test_a_number_of_rows_that_is_refused():
    with pytest.raises(ValueError, match=r"n_rows must be an integer of at least 1; got 0"):
        IntervalDisplay.from_predictions([1], [1], [1], [1], n_rows=0)


def test_of_a_regressor_for_tables(regressor):
    display = IntervalDisplay.from_estimator(regressor, PATIENTS[250:], PROGRESSION[250:], coverage=0.8)
    assert 0.6 < display.coverage < 0.95


def test_the_title_says_how_many_rows_are_drawn():
    display = IntervalDisplay.from_predictions(TRUE, PREDICTED, PREDICTED - 1, PREDICTED + 1, n_rows=20)
    assert display.ax_.get_title().endswith(" % of 60 rows (20 drawn) lie within their intervals")
