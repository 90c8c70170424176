"""Displays: what they draw, from what, and what they refuse; and the statistics of layers that one of them draws."""

import builtins
import copy
import itertools
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
from matplotlib.colors import to_rgba
from mpl_toolkits.mplot3d import Axes3D
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, mean_pinball_loss
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.utils.class_weight import compute_sample_weight

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp import inspection as displays
from fastmlp.activations import ACTIVATIONS
from fastmlp.callbacks import EarlyStopping
from fastmlp.callbacks.statistics import BOUNDS, ZERO_ON_A_SIDE, LayerStatistics, layer_statistics
from fastmlp.callbacks.stopping import kept_epoch
from fastmlp.inspection import LayerStatisticsDisplay, LossLandscapeDisplay, TrainingCurveDisplay, WeightsDisplay
from fastmlp.inspection.loss_landscape import filter_normalised_direction
from fastmlp.losses import CustomLoss, Pinball
from fastmlp.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
HISTORY = {
    "loss": [3.0, 2.0, 1.5],
    "learning_rate": [0.1, 0.1, 0.05],
    "seconds": [1.0, 1.0, 1.0],
    "validation_loss": [4.0, 3.0, 2.5],
    "validation_score": [0.5, 0.6, 0.7],
    "test_loss": [5.0, 4.0, 3.5],
    "test_score": [0.4, 0.5, 0.6],
}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    return MLPClassifier((7, 5), early_stopping=True, max_iter=12, random_state=0).fit(X, Y)


def of(display, *arguments, **options):
    """What a display draws of an estimator, with the samples it wants."""
    return display.from_estimator(*arguments, *([X, Y] if display is LossLandscapeDisplay else []), **options)


# ---- all of them -----------------------------------------------------------------------------------------------------

ALL = pytest.mark.parametrize("display", [getattr(displays, name) for name in displays.__all__])


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


def test_axes_of_no_grid_cannot_be_divided(fitted):
    ax = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="ax must be one of a grid"):
        WeightsDisplay.from_estimator(fitted, ax=ax)


# ---- training curves -------------------------------------------------------------------------------------------------


def labels_of(display):
    return [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]


def test_losses_and_scores_over_the_epochs():
    display = TrainingCurveDisplay.from_history(HISTORY, lw=3)
    assert list(display.lines_) == ["loss", "validation_loss", "validation_score", "test_loss", "test_score"]
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), HISTORY[name])
        assert line.get_label() == name
        assert line.get_linewidth() == 3
        assert line.axes is display.axes_[name.endswith("_score")]
        assert line.get_linestyle() == ("--" if name.endswith("_score") else "-")
    colours = {name: line.get_color() for name, line in display.lines_.items()}
    assert colours["validation_loss"] == colours["validation_score"] != colours["test_loss"] == colours["test_score"]
    assert len(set(colours.values())) == 3
    assert display.ax_ is display.axes_[0]
    assert [axes.get_ylabel() for axes in display.axes_] == ["Loss", "Score"]
    assert display.ax_.get_xlabel() == "Epoch"
    assert labels_of(display) == list(display.lines_)


@pytest.mark.parametrize("name", ["color", "c", "linestyle", "ls"])
def test_what_is_said_of_lines_holds_for_all_of_them(name):
    value = "red" if name.startswith("c") else ":"
    for line in TrainingCurveDisplay.from_history(HISTORY, **{name: value}).lines_.values():
        assert (line.get_color() if name.startswith("c") else line.get_linestyle()) == value


def test_metrics_choose():
    display = TrainingCurveDisplay.from_history(HISTORY, metrics=["test_loss", "loss"], log_scale=True)
    assert list(display.lines_) == ["test_loss", "loss"]
    assert len(display.axes_) == 1
    assert display.ax_.get_yscale() == "log"
    display = TrainingCurveDisplay.from_history(HISTORY, metrics="test_score")
    assert [axes.get_ylabel() for axes in display.axes_] == ["Score"]
    display.plot(metrics="learning_rate")
    np.testing.assert_array_equal(display.lines_["learning_rate"].get_ydata(), HISTORY["learning_rate"])
    assert display.ax_.get_ylabel() == "learning_rate"


def test_metrics_that_end_like_losses_are_scores():
    history = {
        "loss": [1.0],
        "validation_loss": [1.0],
        "validation_neg_log_loss": [-1.0],
        "validation_b_loss": [1.0],
        "validation_b_neg_log_loss": [-1.0],
    }
    display = TrainingCurveDisplay.from_history(history)
    on_scores = [name for name, line in display.lines_.items() if line.axes is display.axes_[1]]
    assert on_scores == ["validation_neg_log_loss", "validation_b_neg_log_loss"]
    colours = [display.lines_[name].get_color() for name in history]
    assert colours[1] == colours[2] != colours[3] == colours[4]


def test_several_metrics_of_a_set_look_different():
    history = {"validation_loss": [1.0], "validation_accuracy": [0.5], "validation_f1": [0.4], "test_loss": [1.0]}
    lines = TrainingCurveDisplay.from_history(history | {"test_f1": [0.3]}).lines_
    assert lines["validation_accuracy"].get_linestyle() != lines["validation_f1"].get_linestyle()
    assert lines["validation_f1"].get_linestyle() == lines["test_f1"].get_linestyle()


def of_scales(display):
    """What lies on which axes, by their labels."""
    return {
        axes.get_ylabel(): [name for name, line in display.lines_.items() if line.axes is axes]
        for axes in display.axes_
    }


def test_what_differs_in_scale_does_not_share_an_axis():
    history = {
        "loss": [3.0, 2.0],
        "learning_rate": [0.1, 0.2],
        "a_loss": [3.0, 2.0],
        "a_accuracy": [0.5, np.nan],
        "a_r2": [-7.0, 0.9],
        "a_neg_mean_squared_error": [-900.0, -100.0],
        "b_loss": [3.0, 2.0],
        "b_accuracy": [0.5, 1.0],
        "b_r2": [0.1, 0.9],
        "b_neg_mean_squared_error": [-0.5, -0.1],
    }
    display = TrainingCurveDisplay.from_history(history)
    assert of_scales(display) == {
        "Loss": ["loss", "a_loss", "b_loss"],
        "Score": ["a_accuracy", "b_accuracy"],
        "r2": ["a_r2", "b_r2"],
        "neg_mean_squared_error": ["a_neg_mean_squared_error", "b_neg_mean_squared_error"],
    }
    display.figure_.canvas.draw()
    tops = [axes.bbox.y1 for axes in display.axes_]
    assert tops == sorted(tops, reverse=True)  # one above the other
    assert not any(a.bbox.overlaps(b.bbox) for a, b in itertools.pairwise(display.axes_))
    assert len({axes.get_xlim() for axes in display.axes_}) == 1
    display = TrainingCurveDisplay.from_history(history, metrics=["loss", "learning_rate", "a_accuracy"])
    assert list(of_scales(display)) == ["Loss", "learning_rate", "Score"]
    two = TrainingCurveDisplay.from_history(history, metrics=["a_neg_mean_squared_error", "loss"])
    assert list(of_scales(two)) == ["Loss", "neg_mean_squared_error"]
    assert two.axes_[0].bbox.bounds == two.axes_[1].bbox.bounds
    r2 = {"loss": [1.0, 2.0], "validation_loss": [1.0, 2.0], "validation_score": [-3.0, 0.5]}
    assert list(of_scales(TrainingCurveDisplay.from_history(r2))) == ["Loss", "Score"]


LEGENDS = {
    "few": HISTORY,
    "one": {"loss": [3.0, 2.0]},
    "many": {"loss": [1.0]} | {f"set_{i}_{what}": [i / 10] for i in range(8) for what in ("loss", "score")},
    "long": {"loss": [1.0, 2.0], "a" * 50 + "_loss": [1.0, 2.0], "a" * 50 + "_r2": [-1.0, 2.0], "b_loss": [1.0, 2.0]},
}


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("history", LEGENDS.values(), ids=LEGENDS)
def test_the_legend_lies_on_no_curve(history, layout):
    displays = [TrainingCurveDisplay.from_history(history)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5), layout=layout)
    displays += [TrainingCurveDisplay.from_history(history, ax=ax, best_epoch=1) for ax in (left, right)]
    for display in displays:
        display.figure_.canvas.draw()
        box = display.axes_[-1].get_legend().get_window_extent()
        assert not any(box.overlaps(axes.bbox) for axes in display.axes_)
        below = display.axes_[-1] if len(display.axes_) > 2 else display.ax_
        assert not box.overlaps(below.xaxis.label.get_window_extent())
        assert box.y0 >= display.figure_.bbox.y0
        assert min(axes.bbox.height for axes in display.axes_) > 50
    assert displays[1].figure_ is figure


def test_axes_that_lie_anywhere_have_room_for_a_legend():
    axes = plt.figure().add_axes((0.2, 0.02, 0.5, 0.9))
    display = TrainingCurveDisplay.from_history(HISTORY, ax=axes)
    display.figure_.canvas.draw()
    box = display.axes_[1].get_legend().get_window_extent()
    assert box.y0 >= 0
    assert box.y1 < axes.bbox.y0
    assert axes.bbox.bounds == display.axes_[1].bbox.bounds


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].reshape(-1, 3)


def test_one_epoch_and_gaps_are_drawn():
    def shown(colour, **history):
        display = TrainingCurveDisplay.from_history(history, color=colour)
        display.axes_[-1].get_legend().remove()
        return (pixels(display.figure_) == (255, 0, 0)).all(axis=1).sum()

    assert shown("red", loss=[0.5]) > 8
    assert shown("red", loss=[np.nan, 0.5, np.nan]) > 8
    assert shown("red", validation_loss=[1.0], validation_score=[0.5]) > 16
    assert shown("red", loss=[np.nan] * 3) == 0
    line = TrainingCurveDisplay.from_history({"loss": [1, 2, np.nan, 3, np.inf, 4, np.nan, 5, 6]}).lines_["loss"]
    assert line.get_markevery() == [3, 5]
    assert TrainingCurveDisplay.from_history(HISTORY).lines_["loss"].get_marker() == "None"
    display = TrainingCurveDisplay.from_history({"loss": [1.0]})
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low <= tick <= high] == [1]


@pytest.mark.parametrize("ratio", [10, 900, 1100, 1e6])
def test_losses_that_span_decades_are_logarithmic(ratio):
    history = {"loss": [1.0, 1 / ratio, np.nan, np.inf], "validation_loss": [0.5] * 4, "validation_score": [0.5] * 4}
    display = TrainingCurveDisplay.from_history(history)
    assert [axes.get_yscale() for axes in display.axes_] == ["log" if ratio > 1000 else "linear", "linear"]
    for log_scale, scale in ((True, "log"), (False, "linear")):
        display = TrainingCurveDisplay.from_history(history, log_scale=log_scale)
        assert [axes.get_yscale() for axes in display.axes_] == [scale, "linear"]
    negative = history | {"loss": [1.0, -1 / ratio, 0, 1]}
    assert TrainingCurveDisplay.from_history(negative).ax_.get_yscale() == "linear"
    TrainingCurveDisplay.from_history(negative, log_scale=True).figure_.canvas.draw()
    for wrong in ("log", None, 2):
        with pytest.raises(ValueError, match="log_scale must be True, False or 'auto', got"):
            TrainingCurveDisplay.from_history(history, log_scale=wrong)


def test_the_best_epoch_is_marked():
    stop = EarlyStopping(patience=5)
    what = dict(hidden_layer_sizes=(20,), random_state=0, learning_rate_init=0.1, n_iter_no_change=1000)
    stopped = MLPClassifier(callbacks=[stop], **what).fit(X[::2], Y[::2], eval_set=(X[1::2], Y[1::2]))
    built_in = MLPClassifier((20,), early_stopping=True, random_state=0, learning_rate_init=0.1).fit(X, Y)
    for clf, best in ((stopped, stop.best_epoch_), (built_in, np.argmax(built_in.validation_scores_) + 1)):
        display = TrainingCurveDisplay.from_estimator(clf)
        assert best < clf.n_iter_
        assert display.best_epoch == best
        (mark,) = display.best_lines_
        assert list(mark.get_xdata()) == [best, best]
        assert labels_of(display)[-1] == f"best epoch: {best}"
    shorter = MLPClassifier(max_iter=stop.best_epoch_, **what).fit(X[::2], Y[::2])
    np.testing.assert_array_equal(shorter.coefs_[0], stopped.coefs_[0])  # it is the one whose weights there are
    for clf in (shorter, clone(stopped).set_params(callbacks=[EarlyStopping(restore_best=False)]).fit(X, Y)):
        display = TrainingCurveDisplay.from_estimator(clf)
        assert (display.best_epoch, display.best_lines_) == (None, [])
    sklearns = SklearnClassifier((20,), early_stopping=True, random_state=0, learning_rate_init=0.1).fit(X, Y)
    assert TrainingCurveDisplay.from_estimator(sklearns).best_epoch == np.argmax(sklearns.validation_scores_) + 1
    panels = TrainingCurveDisplay.from_history(HISTORY | {"test_r2": [-9.0, 0.0, 0.5]}, best_epoch=2)
    assert [line.axes for line in panels.best_lines_] == panels.axes_
    assert len(panels.axes_) == 3


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_best_epoch_of_fits_that_go_on(solver):
    """The history has the epochs of the fits before; the best one is counted from the first of them."""
    what = dict(solver=solver, random_state=0, learning_rate_init=0.1, warm_start=True, n_iter_no_change=1000)
    clf = MLPClassifier((20,), max_iter=4, **what).fit(X[::2], Y[::2])
    stop = EarlyStopping("loss", patience=1000)
    clf.set_params(callbacks=[stop], max_iter=3, alpha=0.5).fit(X[::2], Y[::2])
    display = TrainingCurveDisplay.from_estimator(clf)
    before = len(clf.history_["loss"]) - clf.n_iter_
    assert display.best_epoch == before + stop.best_epoch_
    assert clf.history_["loss"][display.best_epoch - 1] == stop.best_


def test_no_best_epoch_where_no_score_is_a_number():
    scikit = SimpleNamespace(loss_curve_=[1.0, 2.0], validation_scores_=[np.nan, np.nan], n_iter_=2)
    assert kept_epoch(scikit) is None
    scikit.validation_scores_ = [np.nan, 0.5]
    assert kept_epoch(scikit) == 2
    assert kept_epoch(SimpleNamespace()) is None


def test_several_estimators_in_one_picture():
    a = MLPClassifier((8,), early_stopping=True, max_iter=12, random_state=0).fit(X, Y)
    b = MLPClassifier((3,), early_stopping=True, max_iter=9, random_state=0).fit(X, Y)
    one = TrainingCurveDisplay.from_estimator(a, name="wide")
    two = TrainingCurveDisplay.from_estimator(b, name="narrow", ax=one.ax_)
    assert two.axes_ == one.axes_
    assert len(one.figure_.axes) == 2
    lines = [*one.lines_.values(), *two.lines_.values()]
    assert len({line.get_color() for line in lines}) == 4  # two sets of each
    labels = labels_of(two)
    assert {f"wide: {name}" for name in one.lines_} | {f"narrow: {name}" for name in two.lines_} < set(labels)
    assert f"narrow: best epoch: {two.best_epoch}" in labels
    assert len(set(labels)) == len(labels)
    three = TrainingCurveDisplay.from_history(HISTORY | {"test_r2": [-9.0, 0.0, 0.5]}, name="c")
    four = TrainingCurveDisplay.from_history(HISTORY | {"test_r2": [-9.0, 0.0, 0.5]}, name="d", ax=three.axes_)
    assert four.axes_ == three.axes_
    with pytest.raises(ValueError, match="ax has 3 axes, but what is to be drawn has 2 scales"):
        TrainingCurveDisplay.from_history(HISTORY, ax=three.axes_)


@pytest.mark.parametrize("cls", [MLPClassifier, SklearnClassifier])
def test_curves_of_estimators_without_history(cls):
    clf = cls((5,), early_stopping=True, max_iter=5, random_state=0).fit(X, Y)
    clf.__dict__.pop("history_", None)
    lines = TrainingCurveDisplay.from_estimator(clf).lines_
    np.testing.assert_array_equal(lines["loss"].get_ydata(), clf.loss_curve_)
    np.testing.assert_array_equal(lines["validation_score"].get_ydata(), clf.validation_scores_)
    clf.set_params(early_stopping=False).fit(X, Y).__dict__.pop("history_", None)
    assert list(TrainingCurveDisplay.from_estimator(clf).lines_) == ["loss"]


def test_history_comes_first():
    clf = MLPClassifier((5,), max_iter=5, random_state=0).fit(X, Y)
    clf.history_ = HISTORY
    np.testing.assert_array_equal(TrainingCurveDisplay.from_estimator(clf).lines_["loss"].get_ydata(), [3, 2, 1.5])


def test_curves_that_are_not_there(fitted):
    with pytest.raises(ValueError, match=r"metrics='lose': 'lose' is not recorded; recorded are 'loss', "):
        TrainingCurveDisplay.from_history(HISTORY, metrics="lose")
    with pytest.raises(ValueError, match=r"metrics=\[\] names nothing to draw"):
        TrainingCurveDisplay.from_history(HISTORY, metrics=[])
    with pytest.raises(ValueError, match=r"estimator=Ridge\(\) has no record of its epochs"):
        TrainingCurveDisplay.from_estimator(Ridge().fit(X, Y))


# ---- weights ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return MLPClassifier((10, 12), max_iter=3, random_state=0).fit(images, labels)


def test_weights_are_images_in_the_same_colours(digits):
    display = WeightsDisplay.from_estimator(digits, cmap="gray")
    assert display.axes_.shape == (3, 4)
    assert len(display.images_) == 10
    limit = np.abs(digits.coefs_[0]).max()
    for unit, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), digits.coefs_[0][:, unit].reshape(8, 8))
        assert image.get_clim() == (-limit, limit)
        assert image.get_cmap().name == "gray"
        assert image.axes is display.axes_.flat[unit]
    assert not any(axes.axison for axes in display.axes_.flat)
    assert [len(axes.images) for axes in display.axes_.flat] == [1] * 10 + [0] * 2


def test_which_units_are_drawn(digits):
    norms = np.linalg.norm(digits.coefs_[0], axis=0)
    for options, units in (
        ({"n_units": 4}, range(4)),
        ({"order": "norm", "n_units": 3}, np.argsort(-norms)[:3]),
        ({"order": [7, 2, 2]}, [7, 2, 2]),
        ({"order": np.array([7, 2, 1]), "n_units": 2}, [7, 2]),
    ):
        images = WeightsDisplay.from_estimator(digits, **options).images_
        assert len(images) == len(units)
        for image, unit in zip(images, units, strict=True):
            np.testing.assert_array_equal(image.get_array().ravel(), digits.coefs_[0][:, unit])


def test_no_more_units_than_64_unless_asked_for():
    clf = MLPClassifier((70,), max_iter=1, random_state=0).fit(X, Y)
    assert len(WeightsDisplay.from_estimator(clf).images_) == 64
    assert len(WeightsDisplay.from_estimator(clf, n_units=70).images_) == 70


def test_other_layers_and_shapes(digits):
    image = WeightsDisplay.from_estimator(digits, layer=1, shape=(2, 5)).images_[3]
    np.testing.assert_array_equal(image.get_array(), digits.coefs_[1][:, 3].reshape(2, 5))
    assert WeightsDisplay.from_estimator(digits, layer=np.int64(2), shape=[3, 4]).images_[0].get_array().shape == (3, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, r"layer must be an integer from 0 to 2, got 3\."),
        ({"layer": -1}, r"layer must be an integer from 0 to 2, got -1\."),
        ({"layer": 0.5}, r"layer must be an integer from 0 to 2, got 0\.5\."),
        ({"layer": 1}, r"shape=None is for a square number of inputs; the layer has 10"),
        ({"shape": (7, 9)}, r"shape must be \(height, width\) of 64 inputs of the layer, got \(7, 9\)\."),
        ({"shape": (64,)}, r"shape must be .* got \(64,\)\."),
        ({"shape": (-8, -8)}, r"shape must be .* got \(-8, -8\)\."),
        ({"shape": (6.4, 10)}, r"shape must be .* got \(6\.4, 10\)\."),
        ({"shape": 64}, r"shape must be .* got 64\."),
        ({"n_units": 0}, r"n_units must be an integer from 1 to 10, the layer's units, or None; got 0\."),
        ({"n_units": 11}, r"n_units must be .* got 11\."),
        ({"order": "size"}, r"order must be 'index', 'norm' or the numbers of units, got 'size'\."),
        ({"order": [0, 10]}, r"order must have numbers of units from 0 to 9, got \[0, 10\]\."),
        ({"order": []}, r"order must have numbers of units from 0 to 9, got \[\]\."),
        ({"order": [0.5]}, r"order must have numbers of units from 0 to 9, got \[0\.5\]\."),
    ],
    ids=str,
)
def test_weights_that_are_not_there(digits, options, message):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(digits, **options)


# ---- statistics of layers --------------------------------------------------------------------------------------------


def extremes(name):
    """What an activation approaches on either side, and its slope there, step's being the estimate of training."""
    activation, z = ACTIVATIONS[name](), np.array([-1e4, 1e4])
    return activation(z), activation.derivative(z)


def test_which_activations_have_bounds_and_which_are_zero_on_a_side():
    bounded, zero = set(), set()
    for name, cls in ACTIVATIONS.items():
        ends, slopes = extremes(name)
        if name == "step":
            continue  # at its bounds everywhere
        if (np.abs(ends) <= 1).all():
            bounded.add(cls().engine_name)
            np.testing.assert_allclose(ends, BOUNDS[cls().engine_name])
        # Where exp underflows, the smooth ones are 0, too; they are not at z = -10.
        elif (cls()(np.array([-10.0])) == 0).all() and slopes[0] == 0:
            zero.add(cls().engine_name)
    assert bounded == set(BOUNDS)
    assert zero == ZERO_ON_A_SIDE


def test_statistics_of_activations_and_gradients():
    network = Network.create([4, 9, 6, 3], "tanh", "log_loss", random_state=0)
    targets = Y.astype(np.int32)
    weights = np.linspace(0, 2, len(X))
    quantiles = [0.1, 0.5]
    found = layer_statistics(network, X, targets, weights, quantiles=quantiles)
    first = np.tanh(X @ network.coefs[0] + network.intercepts[0])
    second = np.tanh(first @ network.coefs[1] + network.intercepts[1])
    _, gradient = network.loss_and_gradients(X, targets, weights)
    gradients = Network(network.structure, gradient).coefs
    np.testing.assert_array_equal(found["quantiles"], quantiles)
    for what, layers in (("activation", [first, second]), ("gradient", gradients)):
        np.testing.assert_allclose(
            found[f"{what}_quantiles"], [np.quantile(a, quantiles) for a in layers], rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(found[f"{what}_mean"], [a.mean() for a in layers], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found[f"{what}_std"], [a.std() for a in layers], rtol=1e-9)
    np.testing.assert_allclose(found["gradient_norm"], [np.linalg.norm(a) for a in gradients], rtol=1e-12)
    np.testing.assert_allclose(found["saturated"], [np.mean(np.abs(a) > 0.98) for a in (first, second)])
    assert found["saturated"][0] > 0
    assert np.isnan(found["dead"]).all()


def test_units_that_are_zero_for_every_row_are_dead():
    network = Network.create([4, 10, 8, 1], "relu", random_state=0)
    network.intercepts[0][:3] = -100
    network.intercepts[1][:] = 100
    found = layer_statistics(network, X, X[:, :1].copy())
    first = np.maximum(X @ network.coefs[0] + network.intercepts[0], 0)
    assert found["dead"].tolist() == [(first == 0).all(axis=0).mean(), 0.0]
    assert found["dead"][0] >= 0.3
    assert np.isnan(found["saturated"]).all()


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "batch", "standardize": True},
        {"activation": "prelu", "normalization": "layer", "standardize": True},
        {"hidden_layer_sizes": ()},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_statistics_of_estimators(cls, options):
    estimator = cls(**{"hidden_layer_sizes": (8, 6), "max_iter": 5, "random_state": 0, **options}).fit(X, Y)
    n_hidden = len(estimator.coefs_) - 1
    display = LayerStatisticsDisplay.from_estimator(estimator, X, Y)
    (record,) = display.records
    assert record["activation_quantiles"].shape == (n_hidden, 5)
    assert record["gradient_quantiles"].shape == (n_hidden + 1, 5)
    (sparse,) = LayerStatisticsDisplay.from_estimator(estimator, scipy.sparse.csr_array(X), Y).records
    for name, values in record.items():
        np.testing.assert_allclose(sparse[name], values, rtol=1e-3, atol=1e-5, err_msg=name)
    assert display.axes_.shape == (2, 1)
    for what, n in (("activation", n_hidden), ("gradient", n_hidden + 1)):
        line = display.lines_[what, None]
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, n + 1))
        np.testing.assert_array_equal(line.get_ydata(), record[f"{what}_quantiles"][:, 2])
        assert len(display.bands_[what, None]) == 2


def low_and_high(band):
    """The edges of a band, by where they are."""
    corners = band.get_paths()[0].vertices
    return {x: (corners[corners[:, 0] == x, 1].min(), corners[corners[:, 0] == x, 1].max()) for x in set(corners[:, 0])}


def test_records_of_epochs_have_a_picture_for_each_layer():
    clf, records = MLPClassifier((6, 5), random_state=0, max_iter=1, warm_start=True), []
    for epoch in (1, 2, 3):
        network, data = clf.fit(X, Y)._network_and_data(X, Y)
        found = layer_statistics(network, data.rows, data.targets, quantiles=(0.1, 0.2, 0.8, 0.9))
        records.append({"epoch": 10 * epoch, **found})
    display = LayerStatisticsDisplay(records=records).plot(facecolor="red")
    assert display.axes_.shape == (2, 3)
    assert not display.axes_[0, 2].axison
    assert not display.lines_
    assert set(display.bands_) == {("activation", 0), ("activation", 1), *(("gradient", i) for i in range(3))}
    for (what, layer), (wide, narrow) in display.bands_.items():
        for band, (low, high) in ((wide, (0, 3)), (narrow, (1, 2))):
            assert to_rgba(band.get_facecolor()[0])[:3] == to_rgba("red")[:3]
            for x, edges in low_and_high(band).items():
                values = records[int(x) // 10 - 1][f"{what}_quantiles"][layer]
                assert edges == (values[low], values[high])
        assert set(low_and_high(wide)) == {10, 20, 30}
        assert wide.get_label() == "0.1 to 0.9"
    assert display.axes_[1, 2].get_title() == "Layer 3: gradients"
    # Those of the layers can be compared, as they lie on one axis.
    assert len({axes.get_ylim() for axes in display.axes_[1]}) == 1


def made_up(n_layers, n_epochs, ratio=1.0, quantiles=(0.05, 0.25, 0.5, 0.75, 0.95)):
    """Records whose gradients grow by a ratio from layer to layer."""
    sizes, width = ratio ** np.arange(n_layers), np.array(quantiles) - 0.5
    rng = np.random.default_rng(0)
    return [
        {
            "epoch": epoch,
            "quantiles": np.array(quantiles),
            "activation_quantiles": 1 + width * rng.uniform(0.5, 1, (n_layers - 1, 1)),
            "gradient_quantiles": width * sizes[:, np.newaxis],
            "gradient_norm": 3 * sizes / epoch,
        }
        for epoch in range(1, n_epochs + 1)
    ]


def test_vanishing_gradients_are_seen():
    """Of eight logistic layers each gradient is far smaller than that of the layer behind it."""
    watch = LayerStatistics()
    clf = MLPClassifier((30,) * 8, "logistic", max_iter=5, callbacks=[watch], random_state=0).fit(X, Y)
    norms = np.array([record["gradient_norm"] for record in watch.records_])
    assert (norms[:, -1] > 1e5 * norms[:, 0]).all()
    display = LayerStatisticsDisplay.from_estimator(clf)
    assert display.norm_ax_.get_yscale() == "log"
    assert {axes.get_yscale() for axes in display.axes_[1]} == {"symlog"}
    assert set(display.norm_lines_) == set(range(9))
    display.figure_.canvas.draw()
    heights = [line.get_transform().transform(line.get_xydata())[0, 1] for line in display.norm_lines_.values()]
    assert max(heights) - min(heights) > 0.8 * display.norm_ax_.bbox.height  # in pixels
    for layer, line in display.norm_lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(line.get_ydata(), norms[:, layer])
        assert line.get_label() == f"layer {layer + 1}"
        (wide, _), quantiles = display.bands_["gradient", layer], watch.records_[0]["gradient_quantiles"][layer]
        low, high = display.axes_[1, layer].transData.transform([(1, quantiles[0]), (1, quantiles[-1])])[:, 1]
        assert high - low > 3  # in pixels: even the smallest ones are no line
        assert wide.axes is display.axes_[1, layer]
    assert len({tuple(line.get_color()) for line in display.norm_lines_.values()}) == 9
    display = LayerStatisticsDisplay(records=watch.records_[-1:]).plot()
    assert (display.norm_ax_.get_yscale(), display.axes_[1, 0].get_yscale()) == ("log", "symlog")
    np.testing.assert_array_equal(display.norm_lines_[None].get_xydata(), np.column_stack([range(1, 10), norms[-1]]))


@pytest.mark.parametrize("n_epochs", [1, 4])
def test_gradients_that_are_zero_or_no_numbers(n_epochs):
    records = made_up(4, n_epochs)
    for record in records:
        record["gradient_norm"][1], record["gradient_norm"][2] = 0.0, np.nan
        record["gradient_quantiles"][1], record["gradient_quantiles"][2] = 0.0, np.nan
    display = LayerStatisticsDisplay(records=records).plot()
    display.figure_.canvas.draw()
    marks = [line for line in display.norm_ax_.get_lines() if line.get_marker() == "v"]
    if n_epochs == 1:
        (mark,) = marks
        assert mark.get_xydata().tolist() == [[2, 0]]
        assert np.isnan(display.norm_lines_[None].get_ydata()).tolist() == [False, True, True, False]
    else:
        (mark,) = marks
        assert mark.get_xydata().tolist() == [[1, 0], [2, 0], [3, 0], [4, 0]]
        assert np.isnan(display.norm_lines_[1].get_ydata()).all()
    low, high = display.norm_ax_.get_ylim()
    assert 0 < low < records[0]["gradient_norm"][0] < high
    for record in records:
        for name in ("gradient_norm", "gradient_quantiles", "activation_quantiles"):
            record[name][:] = 0.0
    LayerStatisticsDisplay(records=records).plot().figure_.canvas.draw()


def test_activations_that_explode_are_seen():
    (record,) = made_up(6, 1)
    record["activation_quantiles"] = 10.0 ** np.arange(5)[:, np.newaxis] * np.linspace(-1, 1, 5)
    display = LayerStatisticsDisplay(records=[record]).plot()
    assert display.axes_[0, 0].get_yscale() == "symlog"
    assert LayerStatisticsDisplay(records=made_up(6, 1)).plot().axes_[0, 0].get_yscale() == "linear"


@pytest.mark.parametrize("n_epochs", [1, 3])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 5, 8, 9, 12, 13, 20])
def test_pictures_of_many_layers_are_no_wider(n_layers, n_epochs):
    display = LayerStatisticsDisplay(records=made_up(n_layers, n_epochs, 0.1)).plot()
    width, height = display.figure_.get_size_inches()
    assert 6 <= width <= 13
    assert 5 <= height <= 16
    assert display.axes_.shape == (2, 1 if n_epochs == 1 else n_layers)
    if n_layers in (1, 9, 20):
        display.figure_.canvas.draw()
        for axes in display.axes_[1]:
            assert axes.bbox.width > 90
            assert axes.bbox.height > 60


def test_its_legends_lie_on_nothing():
    for n_layers, n_epochs in ((1, 3), (4, 3), (4, 1)):
        display = LayerStatisticsDisplay(records=made_up(n_layers, n_epochs)).plot()
        display.figure_.canvas.draw()
        everything = [axes for axes in display.figure_.axes if axes.axison]
        legends = [axes.get_legend() for axes in display.figure_.axes if axes.get_legend()]
        assert len(legends) == (1 if n_epochs == 1 else 2)
        for legend in legends:
            assert not any(legend.get_window_extent().overlaps(axes.bbox) for axes in everything)


def test_images_of_many_units_are_no_larger(digits):
    clf = copy.copy(digits)
    for n_units in (1, 9, 196):
        clf.coefs_ = [np.random.default_rng(0).standard_normal((64, n_units))]
        display = WeightsDisplay.from_estimator(clf, n_units=n_units)
        assert min(display.figure_.get_size_inches()) >= 3
        assert max(display.figure_.get_size_inches()) < 13.01


def fit_of(estimator, epoch=0):
    """What a callback sees of a fit, as far as statistics look at it."""
    network, data = estimator._network_and_data(X, Y)

    class SeenFit(SimpleNamespace):
        is_incremental = False
        epoch_number = property(lambda self: self.epoch)

    return SeenFit(
        epoch=epoch,
        X=X,
        y=Y,
        targets=data.targets,
        weights=None,
        network=lambda: network,
        fitted=lambda: estimator,
    )


def assert_same_record(found, expected):
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_callback_records_every_few_epochs(fitted):
    watch, fit = LayerStatistics(every=2, n_samples=50, quantiles=[0.5]), fit_of(fitted)
    watch.on_fit_begin(fit)
    for fit.epoch in range(1, 6):
        watch.on_epoch_end(fit)
    expected = layer_statistics(fit.network(), X[:50], fit.targets[:50], quantiles=[0.5])
    assert [record.pop("epoch") for record in watch.records_] == [2, 4]
    for record in watch.records_:
        assert_same_record(record, expected)
    watch.on_fit_begin(fit)
    assert watch.records_ == []


def test_callback_looks_at_the_samples_it_is_given(fitted):
    watch, fit = LayerStatistics(X[::3], Y[::3]), fit_of(fitted, 1)
    watch.on_fit_begin(fit)
    watch.on_epoch_end(fit)
    (record,) = watch.records_
    assert record.pop("epoch") == 1
    assert_same_record(record, layer_statistics(fit.network(), X[::3], fit.targets[::3].copy()))


def test_callback_weighs_samples_as_training_does(fitted):
    watch, fit = LayerStatistics(n_samples=20), fit_of(fitted, 1)
    fit.weights = np.arange(len(X)) % 3.0
    watch.on_fit_begin(fit)
    watch.on_epoch_end(fit)
    expected = layer_statistics(fit.network(), X[:20], fit.targets[:20], fit.weights[:20])
    np.testing.assert_array_equal(watch.records_[0]["gradient_norm"], expected["gradient_norm"])
    unweighted = layer_statistics(fit.network(), X[:20], fit.targets[:20])
    assert not np.allclose(expected["gradient_norm"], unweighted["gradient_norm"])


def test_records_of_a_callback_are_drawn(fitted):
    watch, fit = LayerStatistics(), fit_of(fitted)
    watch.on_fit_begin(fit)
    for fit.epoch in (1, 2):
        watch.on_epoch_end(fit)
    watched = copy.copy(fitted)
    watched.callbacks = [LayerStatistics(), watch]  # the first has no records
    display = LayerStatisticsDisplay.from_estimator(watched)
    assert display.records is watch.records_
    np.testing.assert_array_equal(
        display.lines_["gradient", 2].get_ydata(), [record["gradient_quantiles"][2, 2] for record in watch.records_]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "The 'every' parameter of LayerStatistics must be an int .* Got 0"),
        ({"n_samples": 0}, "The 'n_samples' parameter of LayerStatistics must be an int .* Got 0"),
        ({"quantiles": [0.5, 2]}, r"quantiles must be numbers from 0 to 1 in ascending order; got \[0.5, 2\]"),
        ({"quantiles": [0.5, 0.1]}, "quantiles must be numbers"),
        ({"quantiles": [np.nan]}, "quantiles must be numbers"),
        ({"quantiles": []}, "quantiles must be numbers"),
        ({"quantiles": ["half"]}, "quantiles must be numbers"),
        ({"X": X}, "y=None: LayerStatistics takes both X and y, or neither; got X"),
        ({"y": Y}, "X=None: LayerStatistics takes both X and y, or neither; got y"),
    ],
    ids=[*"123456789"],
)
def test_callback_refuses(options, message, fitted):
    with pytest.raises(ValueError, match=message):
        LayerStatistics(**options).on_fit_begin(fit_of(fitted))


def test_callback_is_a_component():
    watch = LayerStatistics(every=3)
    assert repr(watch) == "LayerStatistics(every=3)"
    assert clone(watch).get_params() == watch.get_params()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "X=None: without samples, estimator must have been fitted with a LayerStatistics"),
        ((X,), {}, "y=None: X and y must be given both, or neither"),
        ((None, Y), {}, "X=None: X and y must be given both, or neither"),
        ((X, Y), {"quantiles": [-1]}, r"quantiles must be numbers from 0 to 1 in ascending order; got \[-1\]"),
        ((X[:, :2], Y), {}, "X has 2 features, but MLPClassifier is expecting 4 features"),
        ((X, Y + 1), {}, r"y has the labels \[3\]"),
    ],
    ids=[*"123456"],
)
def test_statistics_display_refuses(arguments, options, message, fitted):
    with pytest.raises(ValueError, match=message):
        LayerStatisticsDisplay.from_estimator(fitted, *arguments, **options)


def test_nothing_to_draw():
    with pytest.raises(ValueError, match=r"records=\[\]: there is nothing to draw"):
        LayerStatisticsDisplay(records=[]).plot()


# ---- the loss landscape ----------------------------------------------------------------------------------------------


def half_squares(reg, weights):
    return 0.5 * np.average((reg.predict(X) - Y) ** 2, weights=weights)


def log_losses(clf, weights):
    return log_loss(Y, clf.predict_proba(X), sample_weight=weights)


def smoothed(clf, weights):
    targets = 0.7 * np.eye(3)[Y] + 0.1
    return np.average(-(targets * np.log(clf.predict_proba(X))).sum(axis=1), weights=weights)


def balanced(clf, weights):
    chosen = compute_sample_weight({0: 2.0, 1: 1.0, 2: 0.5}, Y)
    return log_losses(clf, chosen if weights is None else chosen * weights)


def pinball(reg, weights):
    predictions = reg.predict(X)
    return sum(
        mean_pinball_loss(Y, predictions[:, i], alpha=alpha, sample_weight=weights)
        for i, alpha in enumerate((0.1, 0.9))
    )


def cubes(y_true, y_pred, sample_weight):
    e = y_pred - y_true
    weights = np.ones(len(e)) if sample_weight is None else sample_weight
    weights = (weights / weights.sum())[:, np.newaxis]
    return (weights * np.abs(e) ** 3).sum(), weights * 3 * e * np.abs(e)


CENTRES = {
    "log loss": (MLPClassifier(alpha=3.0), log_losses),
    "dropout": (MLPClassifier(dropout=0.3, l1=0.1), log_losses),
    "batch": (MLPClassifier(normalization="batch", standardize=True), log_losses),
    "layer": (MLPClassifier(normalization="layer", standardize=True, activation="prelu"), log_losses),
    "augmented": (MLPClassifier(augment="noise"), log_losses),
    "smoothed": (MLPClassifier(label_smoothing=0.3), smoothed),
    "class weights": (MLPClassifier(class_weight={0: 2.0, 2: 0.5}), balanced),
    "warm": (MLPClassifier(warm_start=True), log_losses),
    "squares": (MLPRegressor(), half_squares),
    "pinball": (MLPRegressor(Pinball([0.1, 0.9])), pinball),
    "custom": (
        MLPRegressor(CustomLoss(cubes)),
        lambda reg, weights: np.average(np.abs(reg.predict(X) - Y) ** 3, weights=weights),
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CENTRES)
def test_the_middle_is_the_loss_of_the_model(case, weighted):
    estimator, expected = CENTRES[case]
    estimator = clone(estimator).set_params(hidden_layer_sizes=(8, 6), max_iter=5, random_state=0, batch_size=30)
    weights = RNG.uniform(0, 2, len(X)) if weighted else None
    estimator.fit(X, Y, weights)
    before = estimator._bits()
    display = LossLandscapeDisplay.from_estimator(estimator, X, Y, weights, n_points=3, kind="line")
    assert display.losses[1] == pytest.approx(expected(estimator, weights), rel=1e-9)
    assert estimator._bits() == before
    assert display.alphas.tolist() == [-1, 0, 1]
    assert display.betas is None
    assert (display.losses[[0, 2]] != display.losses[1]).all()


def test_the_middle_is_the_loss_of_training():
    clf = MLPClassifier((8,), solver="lbfgs", alpha=0.0, max_iter=10, random_state=0).fit(X, Y)
    display = LossLandscapeDisplay.from_estimator(clf, X, Y, n_points=5)
    assert display.losses[2, 2] == pytest.approx(clf.loss_, rel=1e-12)


def test_sparse_samples_and_some_of_the_classes():
    """Of a model with standardized features, too, and of one whose warm starts want all classes."""
    clf = MLPClassifier((8,), standardize=True, normalization="layer", warm_start=True, max_iter=5, random_state=0)
    clf.fit(X, Y)
    dense = LossLandscapeDisplay.from_estimator(clf, X[:100], Y[:100], n_points=3).losses
    sparse = LossLandscapeDisplay.from_estimator(clf, scipy.sparse.csr_array(X[:100]), Y[:100], n_points=3).losses
    np.testing.assert_array_equal(sparse, dense)


def test_losses_around_are_those_of_a_model_with_other_weights():
    clf = MLPClassifier((8,), standardize=True, normalization="batch", max_iter=20, random_state=0).fit(X, Y)
    display = LossLandscapeDisplay.from_estimator(clf, X, Y, n_points=4, span=0.5, random_state=7)
    np.testing.assert_allclose(display.alphas, [-0.5, -1 / 6, 1 / 6, 0.5])
    network, _ = clf._network_and_data(X, Y)
    rng = np.random.RandomState(7)
    first, second = (filter_normalised_direction(network, rng) for _ in range(2))
    other = clf._network(np.dtype(float))
    other.params += display.alphas[0] * first + display.betas[2] * second
    assert display.losses[0, 2] == pytest.approx(log_loss(Y, other.forward(X)), rel=1e-9)


def test_directions_are_as_long_as_the_units_weights(fitted):
    network, _ = fitted._network_and_data(X, Y)
    direction = filter_normalised_direction(network, np.random.RandomState(0))
    for name, part in network.named_parameters(direction).items():
        if name.startswith("coefs"):
            norms = np.linalg.norm(network.named_parameters()[name], axis=0)
            np.testing.assert_allclose(np.linalg.norm(part, axis=0), norms)
        else:
            assert not part.any()


def test_gains_biases_and_learned_numbers_stay():
    reg = MLPRegressor(hidden_layer_sizes=(6,), activation="prelu", normalization="layer", max_iter=2).fit(X, Y)
    network, _ = reg._network_and_data(X, Y)
    moved = network.named_parameters(filter_normalised_direction(network, np.random.RandomState(0)))
    assert {name for name, part in moved.items() if part.any()} == {"coefs.0", "coefs.1"}
    assert {"gains.0", "activation_parameters.0"} < set(moved)


def test_a_unit_without_weights_is_not_moved():
    network = Network.create([3, 4, 1], random_state=0)
    network.coefs[0][:, 1] = 0
    direction = filter_normalised_direction(network, np.random.RandomState(0))
    assert not network.named_parameters(direction)["coefs.0"][:, 1].any()


def test_random_state_decides(fitted):
    losses = [of(LossLandscapeDisplay, fitted, n_points=3, random_state=seed).losses for seed in (0, 0, 1)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


def test_kinds_of_picture(fitted, monkeypatch):
    display = of(LossLandscapeDisplay, fitted, n_points=5)
    assert display.ax_.get_xlabel() == "First direction"
    values = display.contour_
    assert values.zmin == display.losses.min()
    assert values.zmax == display.losses.max()
    assert list(display.ax_.get_xlim()) == [-1, 1]
    contour = display.contour_
    drawn, plot_surface = {}, Axes3D.plot_surface

    def recorded(self, *arrays, **options):
        drawn["surface"] = arrays
        return plot_surface(self, *arrays, **options)

    monkeypatch.setattr(Axes3D, "plot_surface", recorded)
    display.plot(kind="surface")
    assert display.ax_.name == "3d"
    assert display.surface_ in display.ax_.collections
    assert display.contour_ is contour
    at = {(x, y): z for x, y, z in zip(*map(np.ravel, drawn["surface"]), strict=True)}
    assert len(at) == 25
    assert at[-1, 1] == display.losses[0, -1]
    assert at[1, -1] == display.losses[-1, 0]
    line = of(LossLandscapeDisplay, fitted, n_points=5, kind="line", color="red")
    np.testing.assert_array_equal(line.line_.get_xdata(), line.alphas)
    np.testing.assert_array_equal(line.line_.get_ydata(), line.losses)
    assert line.line_.get_color() == "red"
    _, ax = plt.subplots(subplot_kw={"projection": "3d"})
    assert of(LossLandscapeDisplay, fitted, n_points=3, kind="surface", ax=ax).ax_ is ax


def test_the_first_direction_runs_along_x():
    display = LossLandscapeDisplay(alphas=np.arange(3.0), betas=np.arange(4.0), losses=np.arange(12.0).reshape(3, 4))
    assert list(display.plot().ax_.get_xlim()) == [0, 2]
    assert list(display.ax_.get_ylim()) == [0, 3]


def test_losses_that_are_not_finite_are_left_out():
    losses = np.arange(9.0).reshape(3, 3)
    losses[0, 0], losses[2, 2] = np.nan, np.inf
    display = LossLandscapeDisplay(alphas=np.arange(3.0), betas=np.arange(3.0), losses=losses).plot()
    assert (display.contour_.zmin, display.contour_.zmax) == (1, 7)


@pytest.mark.parametrize("kind", ["contour", "surface", "line"])
def test_losses_around_that_span_decades(kind):
    alphas = np.linspace(-1, 1, 5)
    losses = 1e-4 * 10 ** (5 * np.abs(alphas))
    losses[0] = np.nan
    if kind != "line":
        losses = losses[:, np.newaxis] * np.ones(5)
    display = LossLandscapeDisplay(alphas=alphas, betas=None if kind == "line" else alphas, losses=losses)
    for log_scale, is_log in (("auto", True), (True, True), (False, False)):
        display.plot(kind=kind, log_scale=log_scale).figure_.canvas.draw()
        if kind == "line":
            assert display.ax_.get_yscale() == ("log" if is_log else "linear")
        elif kind == "surface":
            assert display.ax_.get_zlabel() == ("log10(loss)" if is_log else "Loss")
        else:
            steps = np.diff(np.log(display.contour_.levels[1:]))
            assert np.allclose(steps, steps[0]) == is_log
            ticks = display.figure_.axes[-1].yaxis.get_major_formatter().format_ticks([1e-3, 1e-2])
            assert all(ticks)
    flat = LossLandscapeDisplay(alphas=alphas, betas=alphas, losses=np.ones((5, 5)))
    flat.plot(log_scale=True).figure_.canvas.draw()
    with pytest.raises(ValueError, match="log_scale must be True, False or 'auto', got 'log'"):
        display.plot(kind=kind, log_scale="log")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "heat"}, r"kind must be one of \('contour', 'surface', 'line'\), got 'heat'"),
        ({"n_points": 1}, "n_points must be an integer of at least 2, got 1"),
        ({"n_points": 2.5}, r"n_points must be an integer of at least 2, got 2\.5"),
        ({"span": 0}, "span must be a finite number above 0, got 0"),
        ({"span": np.inf}, "span must be a finite number above 0, got inf"),
        ({"span": "1"}, "span must be a finite number above 0, got '1'"),
        ({"random_state": -1}, "Seed must be between"),
    ],
    ids=str,
)
def test_landscape_refuses(options, message, fitted):
    with pytest.raises(ValueError, match=message):
        of(LossLandscapeDisplay, fitted, **options)


def test_axes_and_directions_that_do_not_fit(fitted):
    display = of(LossLandscapeDisplay, fitted, n_points=2)
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax must have projection='3d', got <Axes"):
        display.plot(ax, kind="surface")
    with pytest.raises(ValueError, match="kind='line' does not fit losses along two directions"):
        display.plot(kind="line")
    line = of(LossLandscapeDisplay, fitted, n_points=2, kind="line")
    with pytest.raises(ValueError, match="kind='contour' does not fit losses along one direction"):
        line.plot(kind="contour")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y + 1, r"y has the labels \[3\], which are none of \[0, 1, 2\]"),
        (np.eye(3)[Y].astype(int), "y is a matrix, unlike that of the fit"),
        (Y[:5], "inconsistent numbers of samples"),
    ],
    ids=["classes", "matrix", "length"],
)
def test_targets_that_the_model_does_not_know(fitted, y, message):
    with pytest.raises(ValueError, match=message):
        LossLandscapeDisplay.from_estimator(fitted, X, y)


def test_labels_of_several_kinds():
    """Several labels per sample, given as they were to fit; a vector is something else."""
    several = np.column_stack([Y > 0, Y > 1, X[:, 0] > 6]).astype(int)
    clf = MLPClassifier((8,), loss_weights=[1, 2, 3], max_iter=5, random_state=0).fit(X, several)
    p = clf.predict_proba(X)
    expected = -(several * np.log(p) + (1 - several) * np.log(1 - p)) @ [1, 2, 3]
    for y in (several, scipy.sparse.csr_array(several)):
        display = LossLandscapeDisplay.from_estimator(clf, X, y, n_points=3)
        assert display.losses[1, 1] == pytest.approx(expected.mean(), rel=1e-9)
    with pytest.raises(ValueError, match="y is a vector, unlike that of the fit"):
        LossLandscapeDisplay.from_estimator(clf, X, Y)
    names = np.array(["a", "b"])[(Y > 0).astype(int)]
    clf = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, names)
    display = LossLandscapeDisplay.from_estimator(clf, X, names, n_points=3)
    assert display.losses[1, 1] == pytest.approx(log_loss(names, clf.predict_proba(X)), rel=1e-9)


def test_outputs_that_the_model_does_not_have():
    reg = MLPRegressor(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="y has 4 outputs"):
        LossLandscapeDisplay.from_estimator(reg, X, X)


# ---- scikit-learn's own ----------------------------------------------------------------------------------------------


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


# ---- fits with callbacks ---------------------------------------------------------------------------------------------


def test_a_fit_is_watched_and_drawn():
    watch, given = LayerStatistics(every=2), LayerStatistics(X[::2], Y[::2], quantiles=[0.5])
    clf = MLPClassifier((8, 6), max_iter=6, callbacks=[watch, given], random_state=0).fit(X, Y)
    assert [record["epoch"] for record in watch.records_] == [2, 4, 6]
    assert [record["epoch"] for record in given.records_] == [1, 2, 3, 4, 5, 6]
    assert set(LayerStatisticsDisplay.from_estimator(clf).bands_) == {
        *((what, layer) for what in ("activation", "gradient") for layer in range(2)),
        ("gradient", 2),
    }
    network, data = clf._network_and_data(X[::2], Y[::2])
    last = layer_statistics(network, data.rows, data.targets, quantiles=[0.5])
    assert_same_record({name: values for name, values in given.records_[-1].items() if name != "epoch"}, last)
    plain = MLPClassifier((8, 6), max_iter=6, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(
    "options",
    [
        {"augment": "noise"},
        {"class_weight": "balanced", "standardize": True, "normalization": "batch", "early_stopping": True},
        {"solver": "lbfgs"},
        {"dtype": "float32", "ema": 0.9},
    ],
    ids=str,
)
def test_fits_of_all_kinds_are_watched(options):
    watches = [LayerStatistics(), LayerStatistics(X, Y)]
    clf = MLPClassifier((8,), max_iter=3, callbacks=watches, random_state=0, **options)
    for samples in (X, scipy.sparse.csr_array(X)):
        if scipy.sparse.issparse(samples) and "augment" in options:
            continue
        clf.fit(samples, Y, np.linspace(0, 1, len(X)))
        for watch in watches:
            assert len(watch.records_) == len(clf.history_["loss"])
            assert all(np.isfinite(record["gradient_norm"]).all() for record in watch.records_)


def test_partial_fit_goes_on_with_the_records():
    watch = LayerStatistics(every=2)
    clf = MLPClassifier((8, 6), callbacks=[watch], random_state=0)
    for _ in range(5):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    assert [record["epoch"] for record in watch.records_] == [2, 4]
    assert len(LayerStatisticsDisplay.from_estimator(clf).norm_lines_) == 3
    clf.set_params(max_iter=3).fit(X, Y)
    assert [record["epoch"] for record in watch.records_] == [2]
    clone(clf).partial_fit(X, Y, classes=[0, 1, 2])


def test_the_history_of_a_fit_is_drawn():
    samples = {"validation": (X, Y), "validation_b": (X[::2], Y[::2])}
    clf = MLPClassifier((8,), max_iter=4, scoring=["accuracy", "neg_log_loss"], random_state=0)
    display = TrainingCurveDisplay.from_estimator(clf.fit(X, Y, eval_set=samples))
    losses = ["loss", "validation_loss", "validation_b_loss"]
    for axes, names in zip(
        display.axes_, [losses, *([f"{one}_{m}" for one in samples] for m in ("accuracy", "neg_log_loss"))], strict=True
    ):
        assert {name for name, line in display.lines_.items() if line.axes is axes} == set(names)
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), clf.history_[name])
    clf = MLPRegressor(solver="lbfgs", max_iter=5, random_state=0).fit(X, Y)
    assert len(TrainingCurveDisplay.from_estimator(clf).lines_["loss"].get_ydata()) == len(clf.history_["loss"])
