"""The display CodesDisplay draws codes of samples in the plane, in the colours of their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from fastmlp.inspection.drawing import axes_or_new, legend_outside


class CodesDisplay:
    """The display draws two components of codes as points: what lies near what.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
    y : ndarray of shape (n_samples,), default=None
        Classes, each of which gets a colour and a line in the legend; or numbers, for which there is a colour bar.
    names : sequence of str, default=("Component 0", "Component 1")
        The names of the axes.

    Attributes
    ----------
    points_ : list of matplotlib PathCollection
        One for each class, or a single one.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.inspection import CodesDisplay
    >>> from fastmlp.zoo import VariationalAutoencoder
    >>> X, y = load_digits(return_X_y=True)
    >>> vae = VariationalAutoencoder((32,), 2, decoder="bernoulli", max_iter=5, random_state=0).fit(X / 16)
    >>> display = CodesDisplay.from_estimator(vae, X / 16, y)
    >>> display.codes.shape, len(display.points_)
    ((1797, 2), 10)
    >>> plt.close(display.figure_)
    """

    points_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self, *, codes: NDArray, y: NDArray | None = None, names: Sequence[str] = ("Component 0", "Component 1")
    ) -> None:
        self.codes = codes
        self.y = y
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        components: Sequence[int] = (0, 1),
        cmap: Any = None,
        ax: Any = None,
    ) -> Self:
        """Draw what a fitted transformer makes of samples.

        Parameters
        ----------
        estimator : object
            One with a method transform, whose result has two columns or more: an autoencoder, or scikit-learn's PCA.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            Classes or numbers for the colours; None is one colour.
        components : sequence of two int, default=(0, 1)
            Which columns are drawn.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : CodesDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator cannot transform, and when ax is no Axes.
        ValueError
            When there are no such components, and when y is of another length.
        """
        if not hasattr(estimator, "transform"):
            raise TypeError(f"estimator must have a method transform, got {estimator!r}.")
        check_is_fitted(estimator)
        codes = np.asarray(estimator.transform(X))
        n = codes.shape[1]
        if len(components) != 2 or not all(0 <= each < n for each in components):
            raise ValueError(f"components must be two numbers from 0 to {n - 1}, got {components!r}.")
        targets = None if y is None else column_or_1d(y)
        if targets is not None and len(targets) != len(codes):
            raise ValueError(f"y must have {len(codes)} elements, as many as X has rows, got {len(targets)}.")
        names = [f"Component {each}" for each in components]
        return cls(codes=codes[:, list(components)], y=targets, names=names).plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str or matplotlib Colormap, default=None
            None is "tab10" for up to ten classes, "tab20" for more, and "viridis" for numbers.

        Returns
        -------
        self : CodesDisplay
        """
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        self.ax_.set(xlabel=self.names[0], ylabel=self.names[1])
        size, (first, second) = 600 / (100 + len(self.codes)) + 2, self.codes.T
        if self.y is None:
            self.points_ = [self.ax_.scatter(first, second, s=size)]
        elif type_of_target(self.y).startswith("continuous"):
            self.points_ = [self.ax_.scatter(first, second, s=size, c=self.y, cmap=cmap or "viridis")]
            self.figure_.colorbar(self.points_[0], ax=self.ax_)
        else:
            self._plot_classes(np.unique(self.y), size, cmap)
        return self

    def _plot_classes(self, classes: NDArray, size: float, cmap: Any) -> None:
        """Draw the points of each class in a colour of its own, and a legend."""
        from matplotlib import colormaps  # noqa: PLC0415 - it is only there where plots are

        colours = colormaps.get_cmap(cmap or ("tab10" if len(classes) <= 10 else "tab20"))
        listed = getattr(colours, "colors", None)
        self.points_ = []
        for i, each in enumerate(classes):
            points = self.codes[self.y == each]
            share = i / max(1, len(classes) - 1)
            colour = listed[i % len(listed)] if listed is not None and len(listed) <= 20 else colours(share)
            self.points_.append(self.ax_.scatter(*points.T, s=size, color=colour, label=str(each)))
        legend_outside(self.ax_, self.points_)
