"""The displays UMatrixDisplay and ComponentPlanesDisplay draw self-organizing maps, a cell for each unit."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import MOST_INCHES, axes_or_new, grid_of_axes, pyplot
from fastmlp.zoo import SelfOrganizingMap

#: At most so many component planes are drawn, unless features are named.
MOST_PLANES = 36
#: The cell of the unit with most hits is covered so far by its mark.
_LARGEST_MARK = 0.9


class UMatrixDisplay:
    """The display draws each unit of a map as a cell, the darker the farther its neighbours are from it.

    Dark cells are borders between groups of similar samples. A mark in each cell has an area in proportion to the
    number of its samples, and there may be a label.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    u_matrix : ndarray of shape (n_rows, n_columns)
        The mean distance between each unit and its neighbours.
    coordinates : ndarray of shape (n_rows * n_columns, 2)
        The places of the units.
    topology : {"hexagonal", "rectangular"}
    hits : ndarray of shape (n_rows, n_columns) or None, default=None
    labels : ndarray of object of shape (n_rows, n_columns) or None, default=None
        None where there is none.

    Attributes
    ----------
    cells_ : matplotlib PolyCollection
    marks_ : matplotlib PolyCollection or None
        The marks of hits.
    texts_ : list of matplotlib Text
        The labels.
    colorbar_ : matplotlib Colorbar
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp.inspection import UMatrixDisplay
    >>> from fastmlp.zoo import SelfOrganizingMap
    >>> X, y = load_iris(return_X_y=True)
    >>> som = SelfOrganizingMap((8, 5)).fit(X)
    >>> display = UMatrixDisplay.from_estimator(som, X, y)
    >>> len(display.cells_.get_paths()), int(display.hits.sum())
    (40, 150)
    >>> plt.close(display.figure_)
    """

    cells_: Any
    marks_: Any
    texts_: list[Any]
    colorbar_: Any
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        u_matrix: NDArray,
        coordinates: NDArray,
        topology: str,
        hits: NDArray | None = None,
        labels: NDArray | None = None,
    ) -> None:
        self.u_matrix, self.coordinates, self.topology = u_matrix, coordinates, topology
        self.hits, self.labels = hits, labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: ArrayLike | None = None,
        *,
        hits: bool = True,
        cmap: Any = "bone_r",
        ax: Any = None,
    ) -> Self:
        """Draw a fitted map.

        Parameters
        ----------
        estimator : SelfOrganizingMap
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            The samples whose hits are drawn; None means those of the fit.
        y : array-like of shape (n_samples,), default=None
            The labels of X, the most frequent of which is written into each cell.
        hits : bool, default=True
            Whether hits are drawn.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : UMatrixDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When it is no SelfOrganizingMap, or ax no Axes.
        ValueError
            When there are labels without samples.
        """
        _check_map(estimator)
        if y is not None and X is None:
            raise ValueError("y has the labels of X: give X as well.")
        counts = None
        if hits:
            counts = estimator.hits_ if X is None else estimator.hits(X)
        return cls(
            u_matrix=estimator.u_matrix(),
            coordinates=estimator.coordinates_,
            topology=estimator.topology,
            hits=counts,
            labels=None if y is None else estimator.label_map(X, y),
        ).plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = "bone_r", text_kw: dict[str, Any] | None = None) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.
        cmap : str or matplotlib Colormap, default="bone_r"
        text_kw : dict, default=None
            Keywords of the labels' texts.

        Returns
        -------
        self : UMatrixDisplay
        """
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        self.cells_ = _draw_cells(self.ax_, self.coordinates, self.topology, self.u_matrix.ravel(), cmap)
        self.colorbar_ = self.figure_.colorbar(self.cells_, ax=self.ax_, label="Distance to neighbours")
        self.marks_, self.texts_ = None, []
        if self.hits is not None:
            sizes = _LARGEST_MARK * np.sqrt(self.hits.ravel() / max(self.hits.max(), 1))
            self.marks_ = _polygons(self.coordinates, self.topology, sizes)
            self.marks_.set(facecolor="tab:orange", alpha=0.8)
            self.ax_.add_collection(self.marks_)
        if self.labels is not None:
            style = {"ha": "center", "va": "center", "fontsize": "x-small", **(text_kw or {})}
            for (x, y), label in zip(self.coordinates, self.labels.ravel(), strict=True):
                if label is not None:
                    self.texts_.append(self.ax_.text(x, y, str(label), **style))
        return self


class ComponentPlanesDisplay:
    """The display draws the weights of a map's units, a picture of the map for each feature, in colours of its own.

    Features whose pictures are alike go together among the samples; where a feature is large in a region that the
    u-matrix shows as a group, it is typical of that group.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    planes : ndarray of shape (n_planes, n_rows * n_columns)
        The weights for each feature.
    names : sequence of str
        The names of the features.
    coordinates : ndarray of shape (n_rows * n_columns, 2)
    topology : {"hexagonal", "rectangular"}

    Attributes
    ----------
    cells_ : list of matplotlib PolyCollection
        One for each feature.
    axes_ : ndarray of matplotlib Axes
        The pictures in rows and columns; those that are left over are empty.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp.inspection import ComponentPlanesDisplay
    >>> from fastmlp.zoo import SelfOrganizingMap
    >>> som = SelfOrganizingMap((8, 5)).fit(load_iris(as_frame=True).data)
    >>> display = ComponentPlanesDisplay.from_estimator(som)
    >>> [axes.get_title() for axes in display.axes_.flat]
    ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)']
    >>> plt.close(display.figure_)
    """

    cells_: list[Any]
    axes_: NDArray
    figure_: Any

    def __init__(self, *, planes: NDArray, names: Sequence[str], coordinates: NDArray, topology: str) -> None:
        self.planes, self.names, self.coordinates, self.topology = planes, names, coordinates, topology

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        features: Sequence[Any] | None = None,
        cmap: Any = "viridis",
        ax: Any = None,
    ) -> Self:
        """Draw the weights of a fitted map.

        Parameters
        ----------
        estimator : SelfOrganizingMap
        features : sequence of int or str, default=None
            The numbers or names of the features to draw; None means all, but at most 36.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ComponentPlanesDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When it is no SelfOrganizingMap, or ax no Axes.
        ValueError
            When there is no such feature.
        """
        _check_map(estimator)
        n_features = estimator.weights_.shape[1]
        names = list(getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(n_features)]))
        chosen = (
            list(range(n_features))[:MOST_PLANES] if features is None else [_number(each, names) for each in features]
        )
        if not chosen:
            raise ValueError("features must name a feature at least.")
        return cls(
            planes=estimator.weights_.T[chosen],
            names=[names[i] for i in chosen],
            coordinates=estimator.coordinates_,
            topology=estimator.topology,
        ).plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = "viridis") -> Self:
        """Draw the pictures.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide; None makes a new figure.
        cmap : str or matplotlib Colormap, default="viridis"

        Returns
        -------
        self : ComponentPlanesDisplay
        """
        n_columns = ceil(sqrt(len(self.planes)))
        side = min(3.0, MOST_INCHES[0] / n_columns)
        self.axes_ = grid_of_axes(ax, ceil(len(self.planes) / n_columns), n_columns, (side, side), (4.0, 3.0))
        self.figure_ = self.axes_[0, 0].figure
        for axes in self.axes_.flat:
            axes.set_axis_off()
        self.cells_ = []
        for axes, plane, name in zip(self.axes_.flat, self.planes, self.names, strict=False):
            cells = _draw_cells(axes, self.coordinates, self.topology, plane, cmap)
            axes.set_title(name, fontsize="small")
            self.figure_.colorbar(cells, ax=axes)
            self.cells_.append(cells)
        return self


def _check_map(estimator: Any) -> None:
    if not isinstance(estimator, SelfOrganizingMap):
        raise TypeError(f"estimator must be a SelfOrganizingMap, got {estimator!r}.")
    check_is_fitted(estimator)


def _number(feature: Any, names: list[str]) -> int:
    """Return the number of a feature that is given by its number or its name."""
    if isinstance(feature, str) and feature in names:
        return names.index(feature)
    is_number = isinstance(feature, Integral) and not isinstance(feature, bool)
    if not is_number or not 0 <= feature < len(names):
        raise ValueError(f"features must be names or numbers from 0 to {len(names) - 1}, got {feature!r}.")
    return int(feature)


def _polygons(coordinates: NDArray, topology: str, sizes: NDArray) -> Any:
    """Return a polygon around each unit's place, as large as its cell times a size."""
    corners = 6 if topology == "hexagonal" else 4
    # Neighbours' cells touch: half of a unit is the distance from the middle to an edge.
    reach = 0.5 / np.cos(np.pi / corners)
    angles = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    corners_of_one = reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vertices = coordinates[:, np.newaxis] + np.reshape(sizes, (-1, 1, 1)) * corners_of_one
    return pyplot().matplotlib.collections.PolyCollection(vertices)


def _draw_cells(ax: Any, coordinates: NDArray, topology: str, values: NDArray, cmap: Any) -> Any:
    """Draw a cell for each unit, in the colour of its value; the first row of the map is the uppermost."""
    cells = _polygons(coordinates, topology, np.ones(len(coordinates)))
    cells.set(array=values, cmap=cmap, edgecolor="face", linewidth=0.3)
    ax.add_collection(cells)
    ax.set_aspect("equal")
    low, high = coordinates.min(axis=0) - 0.7, coordinates.max(axis=0) + 0.7
    ax.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]))
    ax.set_axis_off()
    return cells
