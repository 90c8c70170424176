"""The display ImportancesDisplay draws how much each column matters for the predictions of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.inspection.drawing import axes_or_new
from fastmlp.tabular import TabularClassifier, TabularRegressor

_FALL = "Importance: fall of the score"


class ImportancesDisplay:
    """The display draws a bar for each column, the most important at the top, with its spread over repeats.

    To be made by :meth:`from_estimator` or :meth:`from_importances`.

    Parameters
    ----------
    importances : ndarray of shape (n_columns, n_repeats)
    names : sequence of str of length n_columns
    label : str, default="Importance: fall of the score"
        What importances are.

    Attributes
    ----------
    columns_ : ndarray of int
        The columns that are drawn, from the top.
    bars_ : matplotlib BarContainer
        Their lengths are the means over repeats, and the lines on them one standard deviation to each side.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import ImportancesDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = MLPClassifier((20,), learning_rate_init=0.01, standardize=True, max_iter=1000, random_state=0).fit(X, y)
    >>> display = ImportancesDisplay.from_estimator(clf, X, y, random_state=0)
    >>> sorted(display.names[column] for column in display.columns_[:2])
    ['petal length (cm)', 'petal width (cm)']
    >>> plt.close(display.figure_)
    """

    columns_: NDArray
    bars_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, importances: NDArray, names: Sequence[str], label: str = _FALL) -> None:
        self.importances = importances
        self.names = names
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        scoring: Any = None,
        n_repeats: int = 5,
        random_state: Any = None,
        n_columns: int = 20,
        ax: Any = None,
        **bar_kwargs: Any,
    ) -> Self:
        """Draw by how much the score of a fitted estimator falls when a column is permuted, or what it knows itself.

        Parameters
        ----------
        estimator : object
            A fitted estimator, of this package or another.
        X : array-like or data frame of shape (n_rows, n_columns), default=None
            Rows that the estimator was not trained on, so that a column learned by heart counts for nothing. None draws
            the estimator's ``feature_importances_``.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        sample_weight, scoring, n_repeats, random_state
            Parameters of :func:`sklearn.inspection.permutation_importance`.
        n_columns, ax, **bar_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ImportancesDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When there is neither X nor ``feature_importances_``, or ax is no Axes.
        ValueError
            When X or y is given without the other.
        """
        check_is_fitted(estimator)
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        look = {"n_columns": n_columns, "ax": ax, **bar_kwargs}
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together, or none of them.")
        if X is None:
            if not hasattr(estimator, "feature_importances_"):
                raise TypeError(f"estimator must have feature_importances_, or X and y be given; got {estimator!r}.")
            return cls.from_importances(estimator.feature_importances_, names, label=_own(estimator), **look)
        # Here, since it imports scikit-learn's ensembles, which no other display needs.
        from sklearn.inspection import permutation_importance  # noqa: PLC0415

        result = permutation_importance(
            estimator,
            X,
            y,
            scoring=scoring,
            n_repeats=n_repeats,
            random_state=random_state,
            sample_weight=sample_weight,
        )
        return cls.from_importances(result, names, **look)

    @classmethod
    def from_importances(
        cls,
        importances: Mapping[str, Any] | ArrayLike,
        names: Sequence[Any] | None = None,
        *,
        label: str = _FALL,
        n_columns: int = 20,
        ax: Any = None,
        **bar_kwargs: Any,
    ) -> Self:
        """Draw importances that were found already.

        Parameters
        ----------
        importances : Bunch or array-like of shape (n_columns,) or (n_columns, n_repeats)
            What :func:`sklearn.inspection.permutation_importance` returns, or the numbers alone.
        names : sequence of length n_columns, default=None
            The columns' names; None calls them x0, x1, ...
        label : str, default="Importance: fall of the score"
            What importances are.
        n_columns, ax, **bar_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ImportancesDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When there are no columns, or more or fewer names than columns.
        """
        found = importances["importances"] if isinstance(importances, Mapping) else importances
        values = np.asarray(found, dtype=np.float64)
        values = values[:, np.newaxis] if values.ndim == 1 else values
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(
                f"importances must have the shape (n_columns, n_repeats), with one column at least; got {values.shape}."
            )
        return cls(importances=values, names=column_names(names, len(values)), label=label).plot(
            ax, n_columns=n_columns, **bar_kwargs
        )

    def plot(self, ax: Any = None, *, n_columns: int = 20, **bar_kwargs: Any) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure.
        n_columns : int >= 1, default=20
            The most columns that are drawn. Of equal ones, the first stands first.
        **bar_kwargs
            Properties of the bars, as matplotlib's ``barh`` takes them.

        Returns
        -------
        self : ImportancesDisplay
        """
        means, spreads = self.importances.mean(axis=1), self.importances.std(axis=1)
        self.columns_ = np.argsort(-means, kind="stable")[: whole_number(n_columns, "n_columns")]
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        at = np.arange(len(self.columns_))
        look = {"xerr": spreads[self.columns_] if self.importances.shape[1] > 1 else None, **bar_kwargs}
        self.bars_ = self.ax_.barh(at, means[self.columns_], **look)
        self.ax_.set_yticks(at, [self.names[column] for column in self.columns_])
        self.ax_.invert_yaxis()
        self.ax_.axvline(0, color="0.5", linewidth=0.8)
        self.ax_.set_xlabel(self.label)
        return self


def _own(estimator: Any) -> str:
    """Return what the importances are that an estimator knows itself, with their unit if that is known."""
    if isinstance(estimator, TabularClassifier):
        return "Importance: rise of the mean log-probability of the true class"
    if isinstance(estimator, TabularRegressor):
        is_of_quantiles = estimator.ensembles_[0].quantiles is not None
        return f"Importance: {'fall of the pinball loss of scaled targets' if is_of_quantiles else 'rise of R²'}"
    return "Importance"


def column_names(names: Sequence[Any] | None, n_columns: int) -> list[str]:
    """Return the names of columns as texts: those that are given, or x0, x1, ...

    Raises
    ------
    ValueError
        When there are more or fewer names than columns.

    Examples
    --------
    >>> from fastmlp.inspection.importances import column_names
    >>> column_names(None, 2), column_names(["age", 3], 2)
    (['x0', 'x1'], ['age', '3'])
    """
    if names is None:
        return [f"x{column}" for column in range(n_columns)]
    if len(names) != n_columns:
        raise ValueError(f"names must be those of {n_columns} columns; got {len(names)}.")
    return [str(name) for name in names]
