"""Displays get here what they draw on: matplotlib when it is needed, and axes, given or new."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.estimators import MLPClassifier, MLPRegressor

#: A new figure is at most so wide and so high, whatever is in it.
MOST_INCHES = (13.0, 16.0)
#: A legend with more entries than these has small letters.
MANY = 8
#: Where the largest value is at least so many times the smallest, a linear axis shows too little.
DECADES = 1e3


def pyplot() -> Any:
    """Return matplotlib's pyplot.

    Raises
    ------
    ImportError
        When matplotlib is not installed; the message says how to install it.
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
        The projection of new axes; given ones must have it.

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


def grid_of_places(
    ax: Any, heights: Sequence[float], widths: Sequence[float], least: tuple[float, float] = (0.0, 0.0)
) -> tuple[Any, Any]:
    """Return a figure, and places for axes in rows and columns. Given axes are divided, and no longer seen themselves.

    Parameters
    ----------
    ax : matplotlib Axes or None
        The axes to divide. None makes a new figure, of at most 13 x 16 inches; a larger one is scaled down.
    heights, widths : sequence of float
        The heights of the rows and the widths of the columns, in inches.
    least : tuple of float
        Width and height that a new figure has at least.

    Returns
    -------
    figure : matplotlib Figure
    places : matplotlib GridSpecBase

    Raises
    ------
    TypeError
        When ax is something else.
    ValueError
        When ax is not part of a grid, as those are that ``plt.subplots`` makes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection.drawing import grid_of_places
    >>> figure, places = grid_of_places(None, [2.0], [3.0] * 20)
    >>> figure.get_size_inches().tolist(), places.ncols
    ([13.0, 2.0], 20)
    >>> plt.close(figure)
    """
    plt = pyplot()
    shares = {"height_ratios": heights, "width_ratios": widths}
    if ax is None:
        sizes = zip((sum(widths), sum(heights)), least, MOST_INCHES, strict=True)
        figure = plt.figure(
            figsize=[min(max(size, at_least), most) for size, at_least, most in sizes], layout="constrained"
        )
        return figure, figure.add_gridspec(len(heights), len(widths), **shares)
    place = axes_or_new(ax).get_subplotspec()
    if place is None:
        raise ValueError(f"ax must be one of a grid, as plt.subplots() makes it, to be divided; got {ax!r}.")
    ax.set_axis_off()
    return ax.figure, place.subgridspec(len(heights), len(widths), **shares)


def grid_of_axes(
    ax: Any, n_rows: int, n_columns: int, size: tuple[float, float], least: tuple[float, float] = (0.0, 0.0)
) -> NDArray:
    """Return axes in rows and columns, as :func:`grid_of_places` places them.

    Parameters
    ----------
    ax : matplotlib Axes or None
    n_rows, n_columns : int
    size : tuple of float
        Width and height of each of a new figure's axes, in inches.
    least : tuple of float
        Width and height that a new figure has at least.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection.drawing import grid_of_axes
    >>> axes = grid_of_axes(None, 2, 3, (1, 1))
    >>> axes.shape
    (2, 3)
    >>> plt.close(axes[0, 0].figure)
    """
    _, places = grid_of_places(ax, [size[1]] * n_rows, [size[0]] * n_columns, least)
    return np.asarray(places.subplots(squeeze=False))


def image_shape(shape: Any, n_values: int, what: str) -> tuple[int, int]:
    """Return the shape of an image, checked, or found where it is None.

    Parameters
    ----------
    shape : tuple of (height, width), or None
        None is a square.
    n_values : int
        The number of values that make an image.
    what : str
        What the values are, for messages.

    Raises
    ------
    ValueError
        When no image of that shape has so many values.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import image_shape
    >>> image_shape(None, 64, "features"), image_shape((2, 3), 6, "features")
    ((8, 8), (2, 3))
    >>> image_shape(None, 6, "features")
    Traceback (most recent call last):
    ...
    ValueError: shape=None is for a square number of values, and there are 6 features: say (height, width).
    """
    if shape is None:
        side = isqrt(n_values)
        if side * side != n_values:
            raise ValueError(
                f"shape=None is for a square number of values, and there are {n_values} {what}: say (height, width)."
            )
        return side, side
    sizes = tuple(shape) if isinstance(shape, Sequence) else ()
    is_pair = len(sizes) == 2 and all(isinstance(size, Integral) and int(size) > 0 for size in sizes)
    if not is_pair or sizes[0] * sizes[1] != n_values:
        raise ValueError(f"shape must be (height, width) of {n_values} {what}, got {shape!r}.")
    return sizes[0], sizes[1]


def grid_of_images(ax: Any, images: NDArray, n_columns: int, **options: Any) -> tuple[NDArray, list[Any]]:
    """Draw images in rows and columns; the axes that are left over are empty.

    Parameters
    ----------
    ax : matplotlib Axes or None
    images : ndarray of shape (n_images, height, width)
    n_columns : int
    **options : Any
        What matplotlib's imshow takes: cmap, vmin, vmax.

    Returns
    -------
    axes : ndarray of matplotlib Axes
        In rows and columns.
    drawn : list of matplotlib AxesImage
        One for each image.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection.drawing import grid_of_images
    >>> axes, drawn = grid_of_images(None, np.zeros((5, 8, 8)), 3)
    >>> axes.shape, len(drawn)
    ((2, 3), 5)
    >>> plt.close(axes[0, 0].figure)
    """
    side = min(1.0, MOST_INCHES[0] / n_columns)
    axes = grid_of_axes(ax, -(-len(images) // n_columns), n_columns, (side, side), (4.0, 3.0))
    for each in axes.flat:
        each.set_axis_off()
    return axes, [each.imshow(image, **options) for each, image in zip(axes.flat, images, strict=False)]


def legend_outside(axes: Any, handles: Sequence[Any]) -> None:
    """Add a legend that lies on no curve: below the axes, which give way where no layout makes room.

    Parameters
    ----------
    axes : matplotlib Axes
    handles : sequence of matplotlib artists
        The artists that the legend lists, by their labels.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fastmlp.inspection.drawing import axes_or_new, legend_outside
    >>> ax = axes_or_new(None)
    >>> legend_outside(ax, ax.plot([1, 2], label="loss"))
    >>> ax.figure.canvas.draw()
    >>> bool(ax.get_legend().get_window_extent().y1 < ax.bbox.y0)
    True
    >>> plt.close(ax.figure)
    """
    plt = pyplot()
    figure, em = axes.figure, plt.matplotlib.font_manager.FontProperties(size="medium").get_size_in_points() / 72
    longest = max(len(handle.get_label()) for handle in handles)
    n_columns = int(axes.bbox.width / figure.dpi / ((0.6 * longest + 4.5) * em))
    # The legend lies below the numbers and the name of the axis.
    below = plt.matplotlib.transforms.ScaledTranslation(0, -4.2 * em, figure.dpi_scale_trans)
    legend = axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=axes.transAxes + below,
        borderaxespad=0.0,
        ncols=min(max(1, n_columns), len(handles)),
        fontsize=legend_size(len(handles)),
    )
    if figure.get_layout_engine() is None:  # without a layout nobody else keeps the legend within the figure
        box, height = axes.get_position(), legend.get_window_extent().height
        needed = (height + 4.2 * em * figure.dpi) / figure.bbox.height + 0.01
        bottom = max(box.y0, min(needed, box.y1 - box.height / 3))
        axes.set_position([box.x0, bottom, box.width, box.y1 - bottom])


def legend_size(n_entries: int) -> str:
    """Return the size of letters for a legend of so many entries."""
    return "medium" if n_entries <= MANY else "small"


def spans_decades(values: ArrayLike) -> bool:
    """Return whether a logarithmic axis shows values better: they are positive, and the largest is 1000 smallest ones.

    Values that are not finite are not looked at.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import spans_decades
    >>> spans_decades([0.001, float("nan"), 1.0]), spans_decades([0.1, 1.0]), spans_decades([0.0, 1000.0])
    (True, False, False)
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return bool(len(finite) and finite.min() > 0 and finite.max() >= DECADES * finite.min())


def is_logarithmic(log_scale: bool | str, values: ArrayLike) -> bool:
    """Return whether the axis of values is logarithmic: as log_scale says, or where "auto" leaves it to them.

    Raises
    ------
    ValueError
        When log_scale is something else.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import is_logarithmic
    >>> is_logarithmic("auto", [1e-3, 1.0]), is_logarithmic(False, [1e-3, 1.0])
    (True, False)
    """
    if not (isinstance(log_scale, bool | np.bool_) or (isinstance(log_scale, str) and log_scale == "auto")):
        raise ValueError(f"log_scale must be True, False or 'auto', got {log_scale!r}.")
    return spans_decades(values) if isinstance(log_scale, str) else bool(log_scale)


def number_text(value: float, digits: int = 4, sign: str = "-") -> str:
    """Return a number as people write it: with so many digits that count, and all of those before the point.

    Parameters
    ----------
    value : float
    digits : int, default=4
    sign : {"-", "+"}, default="-"
        Whether positive numbers have a sign, too.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import number_text
    >>> number_text(180234.6), number_text(2.5, sign="+"), number_text(0.012345, 3), number_text(3e-7)
    ('180,235', '+2.5', '0.0123', '3e-07')
    """
    size = abs(value)
    if size and not 1e-4 <= size < 1e12:
        return f"{value:{sign}.{digits}g}"
    n_decimals = max(0, digits - 1 - int(np.floor(np.log10(size)))) if size else 0
    text = f"{value:{sign},.{n_decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shortened(text: str, most: int) -> str:
    r"""Return a text on one line, of at most so many letters, the last of them dots where some are left out.

    Examples
    --------
    >>> from fastmlp.inspection.drawing import shortened
    >>> shortened("a\nb", 9), shortened("Schifffahrt", 9)
    ('a b', 'Schiff...')
    """
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def make_room_beside(axes: Any, ends: NDArray, texts: Sequence[Any]) -> None:
    """Let the axis of a bar chart reach so far that what stands beside the bars stands within the axes.

    Parameters
    ----------
    axes : matplotlib Axes
        With horizontal bars, all of their labels, and the labels of the bars' places.
    ends : ndarray of float
        What the axis must reach anyway.
    texts : sequence of matplotlib Text
        The labels of the bars, those to the left of their bar aligned to the right.
    """
    axes.figure.draw_without_rendering()  # a layout then has found how wide the axes are
    pad = 8.0 * axes.figure.dpi / 72
    widths: dict[bool, list[float]] = {True: [0.0], False: [0.0]}
    for text in texts:
        widths[text.get_horizontalalignment() == "right"].append(text.get_window_extent().width)
    left, right = (max(widths[side]) + pad for side in (True, False))
    least, most = float(ends.min()), float(ends.max())
    drawn = max(axes.bbox.width - left - right, 0.2 * axes.bbox.width)
    unit = ((most - least) or 1.0) / drawn
    axes.set_xlim(least - left * unit, most + right * unit)


def check_is_ours(estimator: Any) -> None:
    """Refuse an object that is not one of this package's estimators.

    Raises
    ------
    TypeError
        When it is not; the message shows the object.

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
