"""The display ExplanationDisplay draws what each column adds to the prediction of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted

from fastmlp.components import whole_number
from fastmlp.inspection.drawing import axes_or_new, make_room_beside, number_text, shortened
from fastmlp.inspection.importances import column_names
from fastmlp.tabular.explanation import Explanation


class ExplanationDisplay:
    """The display draws the way from a base value to a prediction: a bar for what each column adds or takes away.

    The bars stand one below the other, the longest at the top, and each begins where the one above it ends. The first
    begins at the base value, and the last ends at the prediction. To be made by :meth:`from_estimator`,
    :meth:`from_explanation` or :meth:`from_values`.

    Parameters
    ----------
    values : ndarray of shape (n_columns,)
        What each column adds.
    base_value : float
        What would be predicted without any column.
    names : sequence of str of length n_columns
    label : str, default="Prediction"
        What is predicted.

    Attributes
    ----------
    prediction : float
        The base value and all values together. It is known before anything is drawn.
    columns_ : ndarray of int
        The columns with a bar of their own, from the top.
    bars_ : matplotlib BarContainer
        Where there are more columns than bars, the last bar is the sum of the others.
    base_line_, prediction_line_ : matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection import ExplanationDisplay
    >>> display = ExplanationDisplay.from_values([0.5, -2.0, 0.25], 10.0, names=["rooms", "age", "garden"])
    >>> [display.names[column] for column in display.columns_], display.prediction
    (['age', 'rooms', 'garden'], 8.75)
    >>> plt.close(display.figure_)
    """

    columns_: NDArray
    bars_: Any
    base_line_: Any
    prediction_line_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, values: NDArray, base_value: float, names: Sequence[str], label: str = "Prediction") -> None:
        self.values = values
        self.base_value = base_value
        self.names = names
        self.label = label

    @property
    def prediction(self) -> float:
        """The base value and all values together."""
        return float(self.base_value + self.values.sum())

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        row: int = 0,
        output: int | str | None = None,
        n_columns: int = 12,
        ax: Any = None,
        **bar_kwargs: Any,
    ) -> Self:
        """Draw why a fitted estimator predicts what it does for one row of a table.

        Parameters
        ----------
        estimator : object
            A fitted estimator with ``explain(X)``, such as :class:`fastmlp.TabularClassifier`.
        X : data frame, table or array-like of shape (n_rows, n_columns)
        row : int, default=0
            The place of the row.
        output, n_columns, ax, **bar_kwargs
            As :meth:`from_explanation` takes them.

        Returns
        -------
        display : ExplanationDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator cannot explain, or ax is no Axes.
        ValueError
            When there is no such row or output.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_diabetes
        >>> from fastmlp import TabularRegressor
        >>> from fastmlp.inspection import ExplanationDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> reg = TabularRegressor(effort="fast", random_state=0).fit(X, y)
        >>> display = ExplanationDisplay.from_estimator(reg, X, row=3)
        >>> bool(abs(display.prediction - reg.predict(X)[3]) < 0.01)
        True
        >>> plt.close(display.figure_)
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "explain"):
            raise TypeError(f"estimator must have explain; got {estimator!r}.")
        place = _place(row, "row", _num_samples(X))
        explanation = estimator.explain(_safe_indexing(X, [place]))
        return cls.from_explanation(explanation, output=output, n_columns=n_columns, ax=ax, **bar_kwargs)

    @classmethod
    def from_explanation(
        cls,
        explanation: Any,
        row: int = 0,
        *,
        output: int | str | None = None,
        n_columns: int = 12,
        ax: Any = None,
        **bar_kwargs: Any,
    ) -> Self:
        """Draw a row of what an estimator's ``explain`` returned.

        Parameters
        ----------
        explanation : fastmlp.tabular.Explanation
        row : int, default=0
            The place of the row.
        output : int or str, default=None
            Of several predictions for a row the one that is drawn, by its place or its name. None is that of the most
            probable class.
        n_columns, ax, **bar_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ExplanationDisplay

        Raises
        ------
        TypeError
            When explanation is none, or ax is no Axes.
        ValueError
            When there is no such row or output, or one must be chosen.
        """
        if not isinstance(explanation, Explanation):
            several = " of one of the targets" if isinstance(explanation, list) else ""
            raise TypeError(f"explanation must be an Explanation{several}; got {type(explanation).__name__}.")
        at = _place(row, "row", len(explanation.values))
        values, base, names = explanation.values[at], explanation.base_values[at], explanation.output_names
        name = names[0] if names else ""
        if values.ndim == 2:
            place = _output_place(output, explanation, at)
            values, base, name = values[:, place], base[place], names[place]
        label = "Log-odds of " * explanation.is_log_odds + str(name)
        return cls.from_values(
            values,
            base,
            names=explanation.feature_names,
            row=explanation.data[at],
            label=label or "Prediction",
            n_columns=n_columns,
            ax=ax,
            **bar_kwargs,
        )

    @classmethod
    def from_values(
        cls,
        values: ArrayLike,
        base_value: float = 0.0,
        *,
        names: Sequence[Any] | None = None,
        row: ArrayLike | None = None,
        label: str = "Prediction",
        n_columns: int = 12,
        ax: Any = None,
        **bar_kwargs: Any,
    ) -> Self:
        """Draw what columns add to one prediction.

        Parameters
        ----------
        values : array-like of shape (n_columns,)
        base_value : float, default=0.0
        names : sequence of length n_columns, default=None
            The columns' names; None calls them x0, x1, ...
        row : array-like of shape (n_columns,), default=None
            What the columns of the row have, which is written beside their names.
        label : str, default="Prediction"
            What is predicted.
        n_columns, ax, **bar_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ExplanationDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When there are no columns, numbers are not finite, or there are more or fewer names than columns.
        """
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 1 or not len(given):
            raise ValueError(f"values must have the shape (n_columns,), with one column at least; got {given.shape}.")
        if not np.isfinite([*given, base_value]).all():
            raise ValueError("values and base_value must be finite.")
        texts = column_names(names, len(given))
        if row is not None:
            entries = np.asarray(row, dtype=object).ravel()
            if len(entries) != len(given):
                raise ValueError(f"row must have {len(given)} columns; got {len(entries)}.")
            texts = [f"{shortened(text, 30)} = {_entry(entry)}" for text, entry in zip(texts, entries, strict=True)]
        display = cls(values=given, base_value=float(base_value), names=texts, label=label)
        return display.plot(ax, n_columns=n_columns, **bar_kwargs)

    def plot(self, ax: Any = None, *, n_columns: int = 12, **bar_kwargs: Any) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure.
        n_columns : int >= 1, default=12
            The most columns with a bar of their own. Of equal ones, the first stands first.
        **bar_kwargs
            Properties of the bars, as matplotlib's ``barh`` takes them.

        Returns
        -------
        self : ExplanationDisplay
        """
        order = np.argsort(-np.abs(self.values), kind="stable")
        self.columns_ = order[: whole_number(n_columns, "n_columns")]
        lengths, texts = list(self.values[self.columns_]), [self.names[column] for column in self.columns_]
        n_others = len(order) - len(self.columns_)
        if n_others:
            lengths.append(self.values[order[-n_others:]].sum())
            texts.append(f"{n_others} other column{'s' * (n_others > 1)}")
        ends = self.base_value + np.cumsum(lengths)
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        at = np.arange(len(lengths))
        look = {"color": ["C3" if length < 0 else "C0" for length in lengths], **bar_kwargs}
        self.bars_ = self.ax_.barh(at, lengths, left=ends - lengths, **look)
        numbers = self.ax_.bar_label(self.bars_, [number_text(length, 3, "+") for length in lengths], padding=3)
        self.ax_.set_yticks(at, [shortened(text, 50) for text in texts])
        self.ax_.invert_yaxis()
        line = {"color": "0.5", "linewidth": 0.8}
        self.base_line_ = self.ax_.axvline(self.base_value, linestyle=":", **line)
        self.prediction_line_ = self.ax_.axvline(self.prediction, **line)
        self.ax_.set_xlabel(self.label)
        self.ax_.set_title(f"From {number_text(self.base_value)} to {number_text(self.prediction)}")
        make_room_beside(self.ax_, np.array([self.base_value, *ends]), numbers)
        return self


def _place(given: Any, name: str, n: int) -> int:
    """Return a place among so many, counted from the end if it is negative."""
    place = whole_number(given, name, least=None)
    if not -n <= place < n:
        raise ValueError(f"{name} must be from {-n} to {n - 1}; got {given!r}.")
    return place % n


def _output_place(output: Any, explanation: Explanation, row: int) -> int:
    """Return the place of an output, given it or its name."""
    names = explanation.output_names
    if output is None:
        if not explanation.is_log_odds:
            raise ValueError(f"output must say which of several predictions is meant: from 0 to {len(names) - 1}.")
        return int(explanation.predictions[row].argmax())
    if isinstance(output, str):
        if output not in names:
            raise ValueError(f"output must be one of {names!r:.200}; got {output!r}.")
        return names.index(output)
    return _place(output, "output", len(names))


def _entry(entry: Any) -> str:
    return number_text(float(entry)) if isinstance(entry, float | np.floating) else shortened(str(entry), 25)
