"""What displays draw on: matplotlib when it is needed, and axes, given or new."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.estimators import MLPClassifier, MLPRegressor


def pyplot() -> Any:
    """Return matplotlib's pyplot.

    Raises
    ------
    ImportError
        Without matplotlib; it says how to install it.
    """
    try:
        import matplotlib.pyplot  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("Plots need matplotlib: pip install 'fastmlp[plot]'") from error
    return matplotlib.pyplot


def axes_or_new(ax: Any, projection: str | None = None) -> Any:
    """Return the axes given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
    projection : {"3d"} or None, default=None
        Of new axes; those given must have it.

    Raises
    ------
    TypeError
        When ax is something else.
    ValueError
        When ax has another projection.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import axes_or_new
    >>> axes_or_new(3)
    Traceback (most recent call last):
    ...
    TypeError: ax must be a matplotlib Axes or None, got 3.
    """
    plt = pyplot()
    if ax is None:
        return plt.figure(layout="constrained").add_subplot(projection=projection)
    if not isinstance(ax, plt.Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None, got {ax!r}.")
    if projection is not None and ax.name != projection:
        raise ValueError(f"ax must have projection={projection!r}, got {ax!r}.")
    return ax


def grid_of_axes(ax: Any, n_rows: int, n_columns: int, size: tuple[float, float], **options: Any) -> NDArray:
    """Return axes in rows and columns: within those given, which are put out of sight, or in a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
    n_rows, n_columns : int
    size : tuple of float
        Width and height of each of a new figure's, in inches.
    **options
        What else ``matplotlib.figure.Figure.subplots`` takes.

    Raises
    ------
    TypeError
        When ax is something else.
    ValueError
        When ax is not part of a grid, as those are that ``plt.subplots`` makes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection.drawing import grid_of_axes
    >>> axes = grid_of_axes(None, 2, 3, (1, 1))
    >>> axes.shape
    (2, 3)
    >>> plt.close(axes[0, 0].figure)
    """
    plt = pyplot()
    if ax is None:
        figure = plt.figure(figsize=(n_columns * size[0], n_rows * size[1]), layout="constrained")
        return figure.subplots(n_rows, n_columns, squeeze=False, **options)
    place = axes_or_new(ax).get_subplotspec()
    if place is None:
        raise ValueError(f"ax must be one of a grid, as plt.subplots() makes it, to be divided; got {ax!r}.")
    ax.set_axis_off()
    return np.asarray(place.subgridspec(n_rows, n_columns).subplots(squeeze=False, **options))


def check_is_ours(estimator: Any) -> None:
    """Refuse what is none of this package's estimators.

    Raises
    ------
    TypeError
        Names what was given.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from fastmlp.inspection.drawing import check_is_ours
    >>> check_is_ours(Ridge())
    Traceback (most recent call last):
    ...
    TypeError: estimator must be fastmlp's MLPClassifier or MLPRegressor, got Ridge().
    """
    if not isinstance(estimator, MLPClassifier | MLPRegressor):
        raise TypeError(f"estimator must be fastmlp's MLPClassifier or MLPRegressor, got {estimator!r}.")
