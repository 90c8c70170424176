"""The display WeightsDisplay draws the weights of a layer's units as images."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isqrt, sqrt
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import MOST_INCHES, grid_of_axes

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
            A fitted MLPClassifier or MLPRegressor; scikit-learn's will do as well. With standardize=True the weights
            are those of the standardized features.
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
        n_layers = len(estimator.coefs_)
        if not isinstance(layer, Integral) or not 0 <= layer < n_layers:
            raise ValueError(f"layer must be an integer from 0 to {n_layers - 1}, got {layer!r}.")
        weights = estimator.coefs_[layer]
        units = _units(weights, order, n_units)
        return cls(weights=weights.T[units].reshape(-1, *_shape(shape, len(weights)))).plot(ax, cmap=cmap)

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
        side = min(1.0, MOST_INCHES[0] / n_columns)
        self.axes_ = grid_of_axes(ax, ceil(len(self.weights) / n_columns), n_columns, (side, side), (4.0, 3.0))
        self.figure_ = self.axes_[0, 0].figure
        limit = float(np.abs(self.weights).max())
        for axes in self.axes_.flat:
            axes.set_axis_off()
        self.images_ = [
            axes.imshow(image, cmap=cmap, vmin=-limit, vmax=limit)
            for axes, image in zip(self.axes_.flat, self.weights, strict=False)
        ]
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


def _shape(shape: Sequence[int] | None, n_inputs: int) -> tuple[int, int]:
    """Check the shape of an image and return it; find it if it is None."""
    if shape is None:
        side = isqrt(n_inputs)
        if side * side != n_inputs:
            raise ValueError(
                f"shape=None is for a square number of inputs; the layer has {n_inputs}: say (height, width)."
            )
        return side, side
    sizes = tuple(shape) if isinstance(shape, Sequence) else ()
    is_pair = len(sizes) == 2 and all(isinstance(size, Integral) and size > 0 for size in sizes)
    if not is_pair or sizes[0] * sizes[1] != n_inputs:
        raise ValueError(f"shape must be (height, width) of {n_inputs} inputs of the layer, got {shape!r}.")
    return sizes[0], sizes[1]
