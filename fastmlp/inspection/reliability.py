"""The display ReliabilityDisplay draws how often what was predicted with a probability came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inputs.plain_targets import plain_targets
from fastmlp.inspection.drawing import axes_or_new, legend_size
from fastmlp.tabular.calibration import CalibrationCurve, calibration_curve, top_class

_KINDS = ("auto", "top", "classes")


class ReliabilityDisplay:
    """The display draws observed frequencies over predicted probabilities, in bins that have equal numbers of rows.

    On the diagonal both are equal: what was predicted with 0.8 came in 80 % of the rows. Below it, the event came more
    rarely than was predicted. The bars are one standard error of a frequency to each side. The legend has the expected
    calibration error (ECE) and the rows in a bin. To be made by :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    curves : dict of str to CalibrationCurve
        What :func:`fastmlp.tabular.calibration.calibration_curve` returns, by the names for the legend.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        By the names of the curves.
    error_bars_ : dict of str to matplotlib LineCollection
    diagonal_ : matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_breast_cancer
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import ReliabilityDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = MLPClassifier(standardize=True, early_stopping=True, random_state=0).fit(X[::2], y[::2])
    >>> display = ReliabilityDisplay.from_estimator(clf, X[1::2], y[1::2], n_bins=4)
    >>> display.curves["class 1"].counts
    array([71, 71, 71, 71])
    >>> plt.close(display.figure_)
    """

    lines_: dict[str, Any]
    error_bars_: dict[str, Any]
    diagonal_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, curves: Mapping[str, CalibrationCurve]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        kind: str = "auto",
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw how honest the probabilities of a fitted classifier are, for rows that it was not trained on.

        Parameters
        ----------
        estimator : object
            A fitted classifier with predict_proba, of this package or another.
        X : what the estimator predicts, of n_rows rows
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        sample_weight, kind, n_bins, name, ax, **line_kwargs
            As :meth:`from_predictions`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator has no probabilities, or ax is no Axes.
        ValueError
            As :meth:`from_predictions`.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(f"estimator must have predict_proba; got {estimator!r}.")
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            sample_weight,
            labels=estimator.classes_,
            kind=kind,
            n_bins=n_bins,
            name=name,
            ax=ax,
            **line_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        probabilities: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        labels: ArrayLike | None = None,
        kind: str = "auto",
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw how honest probabilities are.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Labels; in two dimensions, 0 or 1 for each of several binary outputs, which get a line each.
        probabilities : array-like of shape (n_rows, n_classes), (n_rows, n_outputs) or (n_rows,)
            In one dimension they are those of the second of two classes.
        sample_weight : array-like of shape (n_rows,), default=None
        labels : array-like of shape (n_classes,), default=None
            The classes in the order of the columns. None means those in y_true, sorted.
        kind : {"auto", "top", "classes"}, default="auto"
            "top" draws the probability of the most probable class, and how often it is the true one. "classes" draws a
            line for each class. "auto" draws the second of two classes, and the most probable one of more.
        n_bins : int >= 1, default=15
        name : str or None, default=None
            Stands before the labels of lines, to tell several estimators apart.
        ax, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When shapes or labels do not belong together, a label is missing, or kind is something else.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}; got {kind!r}.")
        if isinstance(probabilities, list) and len({np.shape(each) for each in probabilities}) > 1:
            raise ValueError(
                f"probabilities are those of {len(probabilities)} targets: draw one of them, as"
                " from_predictions(y[:, 0], probabilities[0], labels=estimator.classes_[0]) does."
            )
        targets, given = np.asarray(plain_targets(y_true, "y_true")), np.asarray(probabilities, dtype=np.float64)
        if (missing := np.isnan(given).reshape(len(given), -1).any(axis=1)).any():
            raise ValueError(
                f"probabilities are NaN for {int(missing.sum())} of {len(given)} rows, as those out of folds are where"
                " no fold leaves a row out: leave these rows out."
            )
        events = _events(targets, given, None if labels is None else np.asarray(labels), kind)
        before = "" if name is None else f"{name}, "
        curves = {
            before + event: calibration_curve(happened, of_event, sample_weight, n_bins=n_bins)
            for event, (happened, of_event) in events.items()
        }
        return cls(curves=curves).plot(ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure.
        **line_kwargs
            Properties of all lines, as matplotlib's ``plot`` takes them.

        Returns
        -------
        self : ReliabilityDisplay
        """
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        (self.diagonal_,) = self.ax_.plot([0, 1], [0, 1], ":", color="0.5", label="perfect")
        self.lines_, self.error_bars_ = {}, {}
        for event, curve in self.curves.items():
            label = f"{event}: ECE {curve.error:.3f}, {_rows(curve.counts)} a bin"
            look = {"marker": "o", "markersize": 4, "label": label, **line_kwargs}
            (line,) = self.ax_.plot(curve.predicted, curve.observed, **look)
            spread = np.sqrt(curve.observed * (1 - curve.observed) / curve.counts)
            self.lines_[event] = line
            self.error_bars_[event] = self.ax_.vlines(
                curve.predicted, curve.observed - spread, curve.observed + spread, color=line.get_color(), alpha=0.5
            )
        self.ax_.set(xlabel="Predicted probability", ylabel="Observed frequency", aspect="equal")
        self.ax_.legend(loc="upper left", fontsize=legend_size(len(self.curves)))
        return self


def _rows(counts: NDArray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low} rows" if low == high else f"{low} to {high} rows"


def _events(
    targets: NDArray, probabilities: NDArray, labels: NDArray | None, kind: str
) -> dict[str, tuple[NDArray, NDArray]]:
    """Return by their names the events: for each row whether it happened, and its probability."""
    if targets.ndim == 2:
        if targets.shape != probabilities.shape:
            raise ValueError(f"probabilities must have the shape {targets.shape} of y_true; got {probabilities.shape}.")
        names = range(targets.shape[1]) if labels is None else labels
        columns = zip(names, targets.T, probabilities.T, strict=True)
        return {f"output {label}": (happened == 1, of_output) for label, happened, of_output in columns}
    labels = np.unique(targets) if labels is None else labels
    if probabilities.ndim == 1:
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    if probabilities.ndim != 2 or probabilities.shape != (len(targets), len(labels)):
        raise ValueError(
            f"probabilities must have the shape ({len(targets)}, {len(labels)}), with a column for each of the labels"
            f" {labels!r}; got {probabilities.shape}."
        )
    unknown = ~np.isin(targets, labels)
    if unknown.any():
        raise ValueError(f"y_true must have the labels {labels!r} only; got {targets[unknown][0]!r}.")
    if kind == "top" or (kind == "auto" and len(labels) != 2):
        order = np.argsort(labels)
        return {"most probable class": top_class(order[np.searchsorted(labels[order], targets)], probabilities)}
    drawn = range(len(labels)) if kind == "classes" else [1]
    return {f"class {labels[i]}": (targets == labels[i], probabilities[:, i]) for i in drawn}
