"""The display WeightsDisplay draws the weights of a layer's units as images."""

from __future__ import annotations

from math import ceil, sqrt
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import grid_of_images, image_shape

#: At most so many units are drawn, unless more are asked for.
MOST_UNITS = 64


class WeightsDisplay:
    """The display draws weights of units as a grid of images, all in the same colours, of which the middle one is 0.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    weights : ndarray of shape (n_units, height, width)

    Attributes
    ----------
    images_ : list of matplotlib AxesImage
        One per unit.
    axes_ : ndarray of matplotlib Axes
        The axes of the images in rows and columns; those that are left over are empty.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MLPClassifier((20,), standardize=True, max_iter=500, random_state=0).fit(X, y)
    >>> display = WeightsDisplay.from_estimator(clf, n_units=9)
    >>> display.axes_.shape, display.images_[0].get_array().shape
    ((3, 3), (8, 8))
    >>> plt.close(display.figure_)
    """

    images_: list[Any]
    axes_: NDArray
    figure_: Any

    def __init__(self, *, weights: NDArray) -> None:
        self.weights = weights

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        layer: int = 0,
        shape: tuple[int, int] | None = None,
        n_units: int | None = None,
        order: str | ArrayLike = "index",
        cmap: Any = "RdBu_r",
        ax: Any = None,
    ) -> Self:
        """Draw weights of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted MLPClassifier or MLPRegressor; scikit-learn's will do as well, and so will what has components_, as
            a restricted Boltzmann machine or a PCA, for one layer. With standardize=True the weights are those of the
            standardized features.
        layer : int >= 0, default=0
            The layer whose units are drawn; 0 is the first hidden layer, which sees the features.
        shape : tuple of (height, width), default=None
            The shape of an image. None means a square, if the number of the layer's inputs is a square number.
        n_units : int >= 1, default=None
            How many units are drawn; None means all, but at most 64.
        order : {"index", "norm"} or array-like of int, default="index"
            The units that come first: in their order, by the length of their weights, or the units that are listed.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When ax is no Axes.
        ValueError
            When there is no such layer or unit, and when the shape does not fit.
        """
        check_is_fitted(estimator)
        coefs = estimator.coefs_ if hasattr(estimator, "coefs_") else [estimator.components_.T]
        n_layers = len(coefs)
        if not isinstance(layer, Integral) or not 0 <= layer < n_layers:
            raise ValueError(f"layer must be an integer from 0 to {n_layers - 1}, got {layer!r}.")
        weights = coefs[layer]
        units = _units(weights, order, n_units)
        return cls(weights=weights.T[units].reshape(-1, *image_shape(shape, len(weights), "inputs of the layer"))).plot(
            ax, cmap=cmap
        )

    def plot(self, ax: Any = None, *, cmap: Any = "RdBu_r") -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide; None makes a new figure.
        cmap : str or matplotlib Colormap, default="RdBu_r"

        Returns
        -------
        self : WeightsDisplay
        """
        n_columns = ceil(sqrt(len(self.weights)))
        limit = float(np.abs(self.weights).max())
        self.axes_, self.images_ = grid_of_images(ax, self.weights, n_columns, cmap=cmap, vmin=-limit, vmax=limit)
        self.figure_ = self.axes_[0, 0].figure
        self.figure_.colorbar(self.images_[0], ax=self.axes_)
        return self


def _units(weights: NDArray, order: str | ArrayLike, n_units: int | None) -> NDArray:
    """Return the numbers of the units to draw."""
    n_all = weights.shape[1]
    if n_units is not None and (not isinstance(n_units, Integral) or not 1 <= n_units <= n_all):
        raise ValueError(f"n_units must be an integer from 1 to {n_all}, the layer's units, or None; got {n_units!r}.")
    if isinstance(order, str):
        if order not in ("index", "norm"):
            raise ValueError(f"order must be 'index', 'norm' or the numbers of units, got {order!r}.")
        by = np.zeros(n_all) if order == "index" else -np.linalg.norm(weights, axis=0)
        units = np.argsort(by, kind="stable")
    else:
        units = np.asarray(order)
        if units.ndim != 1 or not units.size or units.dtype.kind not in "iu" or not _within(units, n_all):
            raise ValueError(f"order must have numbers of units from 0 to {n_all - 1}, got {order!r}.")
    return units[: MOST_UNITS if n_units is None else n_units]


def _within(units: NDArray, n_all: int) -> bool:
    return bool(units.min() >= 0 and units.max() < n_all)
