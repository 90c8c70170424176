"""The display IntervalDisplay draws predictions with their intervals, and which targets lie within them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.inspection.drawing import axes_or_new


class IntervalDisplay:
    """The display draws rows in the order of their predictions, each with its interval and its target.

    The title says how many targets lie within their intervals. To be made by :meth:`from_estimator` or
    :meth:`from_predictions`.

    Parameters
    ----------
    y_true, y_pred, lower, upper : ndarray of shape (n_rows,)
        Targets, predictions, and the ends of intervals, which may be infinite.

    Attributes
    ----------
    coverage : float
        The share of rows whose target lies within the interval, ends included. It is known before anything is drawn.
    rows_ : ndarray of int
        The rows that are drawn, in their order.
    intervals_ : matplotlib LineCollection
    line_ : matplotlib Line2D
        The predictions.
    inside_, outside_ : matplotlib Line2D
        The targets within their intervals, and the others.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection import IntervalDisplay
    >>> display = IntervalDisplay.from_predictions([1.0, 5.0, 2.5], [1.5, 3.0, 2.0], [1.0, 2.0, 1.0], [2.0, 4.0, 3.0])
    >>> display.ax_.get_title()
    '66.7 % of 3 rows lie within their intervals'
    >>> display.rows_
    array([0, 2, 1])
    >>> plt.close(display.figure_)
    """

    rows_: NDArray
    intervals_: Any
    line_: Any
    inside_: Any
    outside_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, y_true: NDArray, y_pred: NDArray, lower: NDArray, upper: NDArray) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.lower = lower
        self.upper = upper

    @property
    def coverage(self) -> float:
        """The share of rows whose target lies within the interval."""
        return float(np.mean(self._within()))

    def _within(self) -> NDArray[np.bool_]:
        return (self.lower <= self.y_true) & (self.y_true <= self.upper)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        coverage: float = 0.9,
        n_rows: int = 200,
        ax: Any = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the intervals of a fitted regressor, for rows that it was not trained on.

        Parameters
        ----------
        estimator : object
            A fitted regressor with ``predict(X)`` and ``predict_interval(X, coverage=...)``; the second returns lower
            and upper ends as a pair.
        X : what the estimator predicts, of n_rows rows
        y : array-like of shape (n_rows,)
        coverage : float in (0, 1), default=0.9
            What the intervals are asked for.
        n_rows, ax, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : IntervalDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator has no intervals, or ax is no Axes.
        ValueError
            As :meth:`from_predictions`.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "predict_interval"):
            raise TypeError(f"estimator must have predict_interval; got {estimator!r}.")
        lower, upper = estimator.predict_interval(X, coverage=coverage)
        return cls.from_predictions(y, estimator.predict(X), lower, upper, n_rows=n_rows, ax=ax, **line_kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        n_rows: int = 200,
        ax: Any = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw predictions, intervals and targets.

        Parameters
        ----------
        y_true, y_pred, lower, upper : array-like of shape (n_rows,)
        n_rows, ax, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : IntervalDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When shapes differ, or there are no rows.
        """
        given = {"y_true": y_true, "y_pred": y_pred, "lower": lower, "upper": upper}
        arrays = {name: np.asarray(values, dtype=np.float64) for name, values in given.items()}
        shape = arrays["y_true"].shape
        if len(shape) != 1 or not shape[0] or any(array.shape != shape for array in arrays.values()):
            shapes = ", ".join(str(array.shape) for array in arrays.values())
            raise ValueError(
                f"y_true, y_pred, lower and upper must have the shape (n_rows,), with a row at least; got {shapes}."
                + " Of several targets, draw one: from_predictions(y[:, 0], y_pred[:, 0], ...)." * (len(shape) == 2)
            )
        return cls(**arrays).plot(ax, n_rows=n_rows, **line_kwargs)

    def plot(self, ax: Any = None, *, n_rows: int = 200, **line_kwargs: Any) -> Self:
        """Draw the intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure.
        n_rows : int >= 1, default=200
            The most rows that are drawn: evenly spaced ones, in the order of predictions. The title counts all, and
            says how many are drawn where these are fewer.
        **line_kwargs
            Properties of the intervals, as matplotlib's ``vlines`` takes them.

        Returns
        -------
        self : IntervalDisplay
        """
        n_drawn = min(whole_number(n_rows, "n_rows"), len(self.y_true))
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        order = np.argsort(self.y_pred, kind="stable")
        self.rows_ = order[np.linspace(0, len(order) - 1, n_drawn).round().astype(np.intp)]
        at, y_true, y_pred = np.arange(n_drawn), self.y_true[self.rows_], self.y_pred[self.rows_]
        within = self._within()[self.rows_]
        low, high = _finite_ends(self.lower[self.rows_], self.upper[self.rows_], np.concatenate([y_true, y_pred]))
        look = {"color": "C0", "alpha": 0.4, "label": "interval", **line_kwargs}
        self.intervals_ = self.ax_.vlines(at, low, high, **look)
        (self.line_,) = self.ax_.plot(at, y_pred, color="C0", label="prediction")
        (self.inside_,) = self.ax_.plot(at[within], y_true[within], ".", color="0.3", label="target within")
        (self.outside_,) = self.ax_.plot(at[~within], y_true[~within], "x", color="C3", label="target outside")
        self.ax_.set(xlabel="Rows, by prediction", ylabel="Target")
        drawn = f" ({n_drawn} drawn)" * (n_drawn < len(order))
        self.ax_.set_title(f"{100 * self.coverage:.1f} % of {len(order)} rows{drawn} lie within their intervals")
        self.ax_.legend()
        return self


def _finite_ends(lower: NDArray, upper: NDArray, values: NDArray) -> tuple[NDArray, NDArray]:
    """Return ends of intervals that can be drawn: infinite ones lie a tenth of the span beyond the others."""
    drawn = np.concatenate([lower, upper, values])
    drawn = drawn[np.isfinite(drawn)]
    least, most = (drawn.min(), drawn.max()) if len(drawn) else (0.0, 0.0)
    beyond = (most - least) / 10 or 1.0
    return np.maximum(lower, least - beyond), np.minimum(upper, most + beyond)
