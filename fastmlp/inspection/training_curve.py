"""Losses and scores over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import listed
from fastmlp.inspection.drawing import axes_or_new, pyplot

# What a history has beside losses and scores.
_NOT_DRAWN = {"learning_rate", "seconds"}
_SCORE_STYLES = ("--", ":", "-.")


class TrainingCurveDisplay:
    """Losses, and scores on a second axis, over the epochs.

    Each set of samples has its colour; losses are solid lines, scores are broken ones. To be made by
    :meth:`from_estimator` or :meth:`from_history`.

    Parameters
    ----------
    history : dict of str to sequence of float
        As an estimator's ``history_``: "loss" of the training, "<set>_loss", "<set>_<metric>", an element per epoch.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        By the names in history.
    ax_ : matplotlib Axes
        Those of the losses; or of the scores, where there are no losses.
    axes_ : list of matplotlib Axes
        ax_ and, with both, those of the scores.
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
    >>> plt.close(display.figure_)
    """

    lines_: dict[str, Any]
    axes_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(self, *, history: Mapping[str, Sequence[float]]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Any = None,
        log_scale: bool = False,
        **line_kwargs: Any,
    ) -> Self:
        """Draw what a fitted estimator recorded.

        Parameters
        ----------
        estimator : object
            A fitted MLPClassifier or MLPRegressor; scikit-learn's will do as well.
        metrics, ax, log_scale, **line_kwargs
            As for :meth:`plot`.

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
        return cls.from_history(history, metrics=metrics, ax=ax, log_scale=log_scale, **line_kwargs)

    @classmethod
    def from_history(
        cls,
        history: Mapping[str, Sequence[float]],
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Any = None,
        log_scale: bool = False,
        **line_kwargs: Any,
    ) -> Self:
        """Draw a history.

        Parameters
        ----------
        history : dict of str to sequence of float
        metrics, ax, log_scale, **line_kwargs
            As for :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        return cls(history=history).plot(ax, metrics=metrics, log_scale=log_scale, **line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        metrics: str | Sequence[str] | None = None,
        log_scale: bool = False,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.
        metrics : str or list of str, default=None
            Which entries of history; None is all losses and scores.
        log_scale : bool, default=False
            Whether the axis of the losses is logarithmic.
        **line_kwargs
            Of all lines, as matplotlib's ``plot`` takes them.

        Returns
        -------
        self : TrainingCurveDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When metrics names what is not in history, or nothing.
        """
        names = self._chosen(metrics)
        losses = [name for name in names if _is_loss(name, self.history)]
        scores = [name for name in names if name not in losses]
        plt = pyplot()
        self.ax_ = axes_or_new(ax)
        self.figure_, self.axes_, self.lines_ = self.ax_.figure, [self.ax_], {}
        if losses and scores:
            self.axes_.append(self.ax_.twinx())
        sets = _sets(self.history)
        colours: dict[str, str] = {}
        given = plt.matplotlib.cbook.normalize_kwargs(line_kwargs, plt.Line2D)
        for name in names:
            owner, metric = _owner_and_metric(name, sets)
            colour = colours.setdefault(owner, f"C{len(colours)}")
            if name in losses:
                axes, style = self.axes_[0], "-"
            else:
                kinds = list(dict.fromkeys(_owner_and_metric(score, sets)[1] for score in scores))
                axes, style = self.axes_[-1], _SCORE_STYLES[kinds.index(metric) % len(_SCORE_STYLES)]
            values = self.history[name]
            look = {"color": colour, "linestyle": style, "label": name, **given}
            (self.lines_[name],) = axes.plot(np.arange(1, len(values) + 1), values, **look)
        self.ax_.set_xlabel("Epoch")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if losses:
            self.ax_.set_ylabel("Loss")
            self.ax_.set_yscale("log" if log_scale else "linear")
        if scores:
            self.axes_[-1].set_ylabel("Score" if not set(scores) & _NOT_DRAWN else ", ".join(scores))
        # On the axes drawn last, so that no line crosses it.
        self.axes_[-1].legend(handles=list(self.lines_.values()))
        return self

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
    """Return the set an entry belongs to, and what is left of its name."""
    for one in sorted(sets, key=len, reverse=True):
        if name.startswith(f"{one}_"):
            return one, name.removeprefix(f"{one}_")
    return name, name
