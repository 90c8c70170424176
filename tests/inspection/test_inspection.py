"""What all displays do alike: axes, errors, estimators left as they were; and displays of scikit-learn's."""

import builtins

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import Ridge

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.inspection import (
    ExplanationDisplay,
    IntervalDisplay,
    LayerStatisticsDisplay,
    LossLandscapeDisplay,
    WeightsDisplay,
)
from tests.inspection.conftest import OF_CLASSIFIERS, X, Y, of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ALL = pytest.mark.parametrize("display", OF_CLASSIFIERS)


@ALL
def test_unfitted_estimators_are_refused(display):
    with pytest.raises(NotFittedError, match="MLPClassifier instance is not fitted yet"):
        of(display, MLPClassifier())


@ALL
def test_without_matplotlib_it_says_what_to_install(display, fitted, monkeypatch):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return original(name, *arguments, **options)

    samples = [X, Y] if display is LayerStatisticsDisplay else []
    options = {"shape": (2, 2)} if display is WeightsDisplay else {}
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'fastmlp\[plot\]'"):
        of(display, fitted, *samples, **options)


@pytest.mark.parametrize("ax", [3, "ax", [None]], ids=repr)
def test_ax_that_is_none_for_numbers_that_are_given(ax):
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got"):
        ExplanationDisplay.from_values([1.0], ax=ax)
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got"):
        IntervalDisplay.from_predictions([1.0], [1.0], [0.0], [2.0], ax=ax)


def test_ax_is_drawn_on_with_numbers_that_are_given():
    figure, (left, right) = plt.subplots(1, 2)
    explained = ExplanationDisplay.from_values([1.0], ax=left)
    covered = IntervalDisplay.from_predictions([1.0], [1.0], [0.0], [2.0], ax=right)
    assert (explained.ax_, explained.figure_) == (left, figure)
    assert (covered.ax_, covered.figure_) == (right, figure)


def test_the_package_does_not_import_matplotlib(script):
    assert script("import fastmlp.inspection, sys; print('matplotlib' in sys.modules)") == "False"


@ALL
@pytest.mark.parametrize("ax", [3, "ax", [None]], ids=repr)
def test_ax_that_is_none(display, ax, fitted):
    samples = [X, Y] if display is LayerStatisticsDisplay else []
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got"):
        of(display, fitted, *samples, ax=ax)


@ALL
def test_ax_is_drawn_on(display, fitted):
    samples = [X, Y] if display is LayerStatisticsDisplay else []
    figure, (left, right) = plt.subplots(1, 2)
    drawn = of(display, fitted, *samples, ax=right)
    assert drawn.figure_ is figure
    if hasattr(drawn, "ax_"):
        assert drawn.ax_ is right
    else:
        assert all(
            axes.get_subplotspec().get_topmost_subplotspec() == right.get_subplotspec() for axes in drawn.axes_.flat
        )
        assert not right.axison
    assert not left.has_data()
    figure.canvas.draw()
    assert len(plt.get_fignums()) == 1


@ALL
def test_estimators_are_left_as_they_were(display, fitted):
    before, attributes = fitted._bits(), dict(fitted.__dict__)
    samples = [X, Y] if display is LayerStatisticsDisplay else []
    of(display, fitted, *samples).figure_.canvas.draw()
    assert fitted._bits() == before
    assert fitted.__dict__ == attributes


@pytest.mark.parametrize("display", [LayerStatisticsDisplay, LossLandscapeDisplay])
def test_other_estimators_are_refused(display):
    with pytest.raises(TypeError, match=r"estimator must be fastmlp's MLPClassifier or MLPRegressor, got Ridge\(\)"):
        of(display, Ridge().fit(X, Y))


@pytest.mark.parametrize("response_method", ["auto", "predict", "predict_proba"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_decision_boundaries_of_classifiers(n_classes, response_method):
    few = n_classes > Y
    clf = MLPClassifier((10,), standardize=True, max_iter=50, random_state=0).fit(X[few, :2], Y[few])
    display = DecisionBoundaryDisplay.from_estimator(
        clf, X[few, :2], response_method=response_method, grid_resolution=20
    )
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    assert display.xx0.shape == (20, 20)
    if response_method == "predict":
        expected = clf.predict(grid)
    else:
        expected = clf.predict_proba(grid)[:, 1] if n_classes == 2 else clf.predict_proba(grid)
    np.testing.assert_allclose(display.response.reshape(400, -1), expected.reshape(400, -1))


@pytest.mark.parametrize("response_method", ["auto", "predict"])
def test_decision_boundaries_of_regressors(response_method):
    reg = MLPRegressor(hidden_layer_sizes=(10,), max_iter=5, random_state=0).fit(X[:, :2], X[:, 2])
    display = DecisionBoundaryDisplay.from_estimator(reg, X[:, :2], response_method=response_method, grid_resolution=20)
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    np.testing.assert_allclose(display.response.ravel(), reg.predict(grid))
