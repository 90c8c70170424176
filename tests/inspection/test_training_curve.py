"""TrainingCurveDisplay: curves, axes, legends and the best epoch."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import EarlyStopping
from fastmlp.inspection import TrainingCurveDisplay
from tests.inspection.conftest import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
HISTORY = {
    "loss": [3.0, 2.0, 1.5],
    "learning_rate": [0.1, 0.1, 0.05],
    "seconds": [1.0, 1.0, 1.0],
    "validation_loss": [4.0, 3.0, 2.5],
    "validation_score": [0.5, 0.6, 0.7],
    "test_loss": [5.0, 4.0, 3.5],
    "test_score": [0.4, 0.5, 0.6],
}


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


@pytest.mark.parametrize(
    ("name", "layout"),
    [*((name, None) for name in LEGENDS), ("many", "constrained"), ("long", "constrained"), ("long", "tight")],
)
def test_the_legend_lies_on_no_curve(name, layout):
    history = LEGENDS[name]
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
