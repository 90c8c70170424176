"""The display TrainingCurveDisplay draws losses and scores over the epochs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastmlp.callbacks.stopping import kept_epoch
from fastmlp.components import listed
from fastmlp.inspection.drawing import axes_or_new, grid_of_axes, is_logarithmic, legend_outside, pyplot

# A history has these entries beside losses and scores.
_NOT_DRAWN = {"learning_rate", "seconds"}
_SCORE_STYLES = ("--", ":", "-.")


class TrainingCurveDisplay:
    """The display draws losses, and scores on axes of their own, over the epochs.

    Each set of samples has its colour; losses are solid lines, scores are broken ones. Scores from 0 to 1 share an
    axis; metrics of other ranges have one each. Of two axes the second stands to the right of the first, in the same
    picture; more are pictures one above the other. The epoch whose model early stopping kept is marked. To be made by
    :meth:`from_estimator` or :meth:`from_history`.

    Parameters
    ----------
    history : dict of str to sequence of float
        An estimator's ``history_``: "loss" of the training, "<set>_loss", "<set>_<metric>", an element per epoch.
    best_epoch : int or None, default=None
        The epoch to be marked, counted from 1.
    name : str or None, default=None
        Stands before the labels of lines, to tell several estimators apart.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        By the names in history.
    best_lines_ : list of matplotlib Line2D
        Marks of the best epoch, one in each picture.
    ax_ : matplotlib Axes
        The axes of the losses; if there are no losses, those of the scores.
    axes_ : list of matplotlib Axes
        ax_ and those of the scores.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(early_stopping=True, random_state=0, max_iter=1000).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(clf, metrics=["loss", "validation_score"])
    >>> list(display.lines_), len(display.axes_)
    (['loss', 'validation_score'], 2)
    >>> clf.validation_scores_[display.best_epoch - 1] == clf.best_validation_score_
    True
    >>> plt.close(display.figure_)
    """

    lines_: dict[str, Any]
    best_lines_: list[Any]
    axes_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self, *, history: Mapping[str, Sequence[float]], best_epoch: int | None = None, name: str | None = None
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metrics: str | Sequence[str] | None = None,
        name: str | None = None,
        ax: Any = None,
        log_scale: bool | str = "auto",
        **line_kwargs: Any,
    ) -> Self:
        """Draw what a fitted estimator recorded.

        Parameters
        ----------
        estimator : object
            A fitted MLPClassifier or MLPRegressor; scikit-learn's will do as well.
        metrics, name, ax, log_scale, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        ValueError
            When it recorded nothing, and as :meth:`plot`.
        """
        check_is_fitted(estimator)
        history = getattr(estimator, "history_", None)
        if history is None:
            curves = {
                "loss": getattr(estimator, "loss_curve_", None),
                "validation_score": getattr(estimator, "validation_scores_", None),
            }
            history = {name: curve for name, curve in curves.items() if curve}
        if not history:
            raise ValueError(f"estimator={estimator!r} has no record of its epochs: neither history_ nor loss_curve_.")
        display = cls(history=history, best_epoch=kept_epoch(estimator), name=name)
        return display.plot(ax, metrics=metrics, log_scale=log_scale, **line_kwargs)

    @classmethod
    def from_history(
        cls,
        history: Mapping[str, Sequence[float]],
        *,
        best_epoch: int | None = None,
        metrics: str | Sequence[str] | None = None,
        name: str | None = None,
        ax: Any = None,
        log_scale: bool | str = "auto",
        **line_kwargs: Any,
    ) -> Self:
        """Draw a history.

        Parameters
        ----------
        history : dict of str to sequence of float
        best_epoch : int or None, default=None
            The epoch to be marked, counted from 1.
        metrics, name, ax, log_scale, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        display = cls(history=history, best_epoch=best_epoch, name=name)
        return display.plot(ax, metrics=metrics, log_scale=log_scale, **line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        metrics: str | Sequence[str] | None = None,
        name: str | None = None,
        log_scale: bool | str = "auto",
        **line_kwargs: Any,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or list of matplotlib Axes, default=None
            None makes a new figure. With more than two scales of values, an Axes is divided. Another display's
            ``axes_`` draw this one's curves beside its own.
        metrics : str or list of str, default=None
            The entries of history to draw; None means all losses and scores. "learning_rate" and "seconds" are drawn
            when they are named.
        name : str or None, default=None
            Stands before the labels of lines, to tell several estimators apart; None is the display's.
        log_scale : bool or "auto", default="auto"
            Whether the axis of the losses is logarithmic; "auto" makes that, and those of metrics, so where what is
            drawn is positive and spans three decades or more.
        **line_kwargs
            Properties of all lines, as matplotlib's ``plot`` takes them.

        Returns
        -------
        self : TrainingCurveDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When metrics names what is not in history, or nothing; for another log_scale; when ax are not as many axes
            as there are scales.
        """
        is_logarithmic(log_scale, [])
        names = self._chosen(metrics)
        prefix = self.name if name is None else name
        sets = _sets(self.history)
        scales = _scales(names, self.history, sets)
        plt = pyplot()
        self.axes_ = _axes_for(ax, len(scales))
        self.ax_, self.figure_, self.lines_ = self.axes_[0], self.axes_[0].figure, {}
        drawn = [line for axes in self.axes_ for line in axes.get_lines()]
        free = _free_colours(drawn)
        colours: dict[str, str] = {}
        given = plt.matplotlib.cbook.normalize_kwargs(line_kwargs, plt.Line2D)
        metrics_drawn = list(
            dict.fromkeys(_owner_and_metric(one, sets)[1] for one in names if not _is_loss(one, self.history))
        )
        for one in names:
            owner, metric = _owner_and_metric(one, sets)
            if owner not in colours:
                colours[owner] = next(free)
            is_loss = _is_loss(one, self.history)
            style = "-" if is_loss else _SCORE_STYLES[metrics_drawn.index(metric) % len(_SCORE_STYLES)]
            values = np.asarray(self.history[one], dtype=np.float64)
            look = {
                "color": colours[owner],
                "linestyle": style,
                "label": one if prefix is None else f"{prefix}: {one}",
                **given,
            }
            if alone := _alone(values):  # a line without length shows nothing
                look = {"marker": "o", "markersize": 4, "markevery": alone, **look}
            axes = next(axes for axes, members in zip(self.axes_, scales.values(), strict=True) if one in members)
            (self.lines_[one],) = axes.plot(np.arange(1, len(values) + 1), values, **look)
        for axes, (label, members) in zip(self.axes_, scales.items(), strict=True):
            axes.set_ylabel(label)
            wanted = log_scale if _is_loss(members[0], self.history) else "auto"
            if is_logarithmic(wanted, np.concatenate([self.history[one] for one in members])):
                axes.set_yscale("log", nonpositive="mask")
            elif not drawn:
                axes.set_yscale("linear")
        self._finish([*drawn, *self.lines_.values()], prefix)
        return self

    def _finish(self, lines: list[Any], prefix: str | None) -> None:
        """Mark the best epoch, name what runs along x, and add the legend."""
        # Axes that lie upon each other need only one mark.
        pictures = self.axes_ if len(self.axes_) > 2 else self.axes_[:1]
        self.best_lines_ = []
        if self.best_epoch is not None:
            mark = f"best epoch: {self.best_epoch}"
            look = {
                "color": next(iter(self.lines_.values())).get_color() if prefix is not None else "0.4",
                "linestyle": (0, (1, 2)),
                "linewidth": 1.2,
                "zorder": 1,
                "label": mark if prefix is None else f"{prefix}: {mark}",
            }
            self.best_lines_ = [axes.axvline(self.best_epoch, **look) for axes in pictures]
        for axes in pictures:
            axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        pictures[-1].set_xlabel("Epoch")
        handles = {line.get_label(): line for line in [*lines, *self.best_lines_[:1]]}
        legend_outside(self.axes_[-1], [line for label, line in handles.items() if not label.startswith("_")])

    def _chosen(self, metrics: str | Sequence[str] | None) -> list[str]:
        """Return the names to draw."""
        if metrics is None:
            return [name for name in self.history if name not in _NOT_DRAWN]
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            if name not in self.history:
                raise ValueError(
                    f"metrics={metrics!r}: {name!r} is not recorded; recorded are {listed(str(name), self.history)}."
                )
        if not names:
            raise ValueError(f"metrics={metrics!r} names nothing to draw.")
        return names


def _scales(names: list[str], history: Mapping[str, Any], sets: list[str]) -> dict[str, list[str]]:
    """Return the entries of each axis, by its label: the losses, scores from 0 to 1, and each other metric alone."""
    metrics: dict[str, list[str]] = {}
    scales: dict[str, list[str]] = {}
    for name in names:
        if _is_loss(name, history):
            scales.setdefault("Loss", []).append(name)
        else:
            metrics.setdefault(_owner_and_metric(name, sets)[1], []).append(name)
    for metric, members in metrics.items():
        values = np.concatenate([np.asarray(history[name], dtype=np.float64) for name in members])
        is_share = metric not in _NOT_DRAWN and not ((values < 0) | (values > 1)).any()  # NaN is neither
        label = "Score" if is_share or metric == "score" else metric
        scales.setdefault(label, []).extend(members)
    return scales


def _axes_for(ax: Any, n_scales: int) -> list[Any]:
    """Return axes for so many scales; the given ones come first, unless they have to be divided."""
    if isinstance(ax, list | tuple | np.ndarray):
        given = [axes_or_new(one) if one is not None else axes_or_new([None]) for one in np.ravel(np.array(ax, object))]
        if len(given) != n_scales:
            raise ValueError(f"ax has {len(given)} axes, but what is to be drawn has {n_scales} scales.")
        return given
    if n_scales > 2:
        axes = [row[0] for row in grid_of_axes(ax, n_scales, 1, (6.4, 2.4))]
        for other in axes[1:]:
            other.sharex(axes[0])
        for other in axes[:-1]:
            other.tick_params(labelbottom=False)
        return axes
    first = axes_or_new(ax)
    return [first] if n_scales == 1 else [first, _twin_of(first)]


def _twin_of(ax: Any) -> Any:
    """Return the axes on the right of these: those that an earlier display added, or new ones."""
    for other in ax.get_shared_x_axes().get_siblings(ax):
        if other is not ax and other.bbox.bounds == ax.bbox.bounds and other.yaxis.get_label_position() == "right":
            return other
    return ax.twinx()


def _free_colours(drawn: list[Any]) -> Iterator[str]:
    """Return an endless series of colours for lines, those first that no line has."""
    to_hex = pyplot().matplotlib.colors.to_hex
    used = {to_hex(line.get_color()) for line in drawn}
    every = [f"C{i}" for i in range(10)]
    return itertools.cycle([one for one in every if to_hex(one) not in used] or every)


def _alone(values: Any) -> list[int]:
    """Return the positions of finite numbers without finite neighbours."""
    finite = np.concatenate([[False], np.isfinite(values), [False]])
    return np.flatnonzero(finite[1:-1] & ~finite[:-2] & ~finite[2:]).tolist()


def _sets(history: Mapping[str, Any]) -> list[str]:
    """Return the sets of samples that a history tells of, beside those trained on.

    A metric's name may end in _loss, too, as neg_log_loss does: what begins like another set, and has but this one
    entry, is a metric of that set.
    """
    candidates = [name.removesuffix("_loss") for name in history if name.endswith("_loss")]
    return [
        one
        for one in candidates
        if not any(one.startswith(f"{other}_") for other in candidates)
        or sum(name.startswith(f"{one}_") for name in history) > 1
    ]


def _is_loss(name: str, history: Mapping[str, Any]) -> bool:
    return name == "loss" or name in {f"{one}_loss" for one in _sets(history)}


def _owner_and_metric(name: str, sets: list[str]) -> tuple[str, str]:
    """Return the set that an entry belongs to, and the rest of its name, which is the metric."""
    for one in sorted(sets, key=len, reverse=True):
        if name.startswith(f"{one}_"):
            return one, name.removeprefix(f"{one}_")
    return name, name
