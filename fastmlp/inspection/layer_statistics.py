"""The display LayerStatisticsDisplay draws distributions of activations and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.callbacks.statistics import QUANTILES, LayerStatistics, check_quantiles, layer_statistics
from fastmlp.inspection.drawing import check_is_ours, grid_of_places, legend_outside, pyplot, spans_decades

# Each row of pictures draws one of these: the key of a record without "_quantiles", and its name.
_ROWS = {"activation": "activations", "gradient": "gradients"}
#: If there are more layers than these, the legend names only some of them.
_MANY_LAYERS = 9


class LayerStatisticsDisplay:
    """The display draws norms of each layer's gradient, and quantiles of each layer's activations and gradients.

    At the top, on a logarithmic axis, stands the norm of the gradient of each layer's weights: where it falls by orders
    of magnitude from layer to layer the gradient vanishes, where it grows it explodes. A norm of 0 is a triangle at the
    lower edge. Below, the bands lie between a quantile and its counterpart (5 and 95 %, say); a line is the median.
    The gradients of all layers have the same axis, logarithmic to both sides of 0.

    With records of several epochs there is a picture for each layer, and the epochs run along its axis; with one, the
    layers do. :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    records : list of dict
        The records, as :class:`fastmlp.callbacks.LayerStatistics` makes them, or
        :func:`fastmlp.callbacks.statistics.layer_statistics` returns one.

    Attributes
    ----------
    norm_lines_ : dict of (int or None) to matplotlib Line2D
        The norms, by the layer, from 0; None for all layers, of a single record. Norms of 0 are left out.
    bands_ : dict of (str, int or None) to list of matplotlib artists
        By "activation" or "gradient" and the layer, as above. The widest first.
    lines_ : dict of (str, int or None) to matplotlib Line2D
        The medians, where they are among the quantiles.
    norm_ax_ : matplotlib Axes
    axes_ : ndarray of matplotlib Axes of shape (2, n_layers) or (2, 1)
        Activations, gradients. There are no hidden outputs of the output layer: its place is empty.
    figure_ : matplotlib Figure
        A new one is at most 13 inches wide: the pictures of many layers stand in several rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import LayerStatisticsDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((20, 10), max_iter=1000, random_state=0).fit(X, y)
    >>> display = LayerStatisticsDisplay.from_estimator(clf, X, y)
    >>> display.records[0]["activation_mean"].shape, len(display.bands_["gradient", None])
    ((2,), 2)
    >>> plt.close(display.figure_)
    """

    norm_lines_: dict[int | None, Any]
    bands_: dict[tuple[str, int | None], list[Any]]
    lines_: dict[tuple[str, int | None], Any]
    norm_ax_: Any
    axes_: NDArray
    figure_: Any

    def __init__(self, *, records: Sequence[Mapping[str, Any]]) -> None:
        self.records = records

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        quantiles: Sequence[float] = QUANTILES,
        ax: Any = None,
        **band_kwargs: Any,
    ) -> Self:
        """Draw what a fitted estimator does with samples; or without them what it recorded while it was fitted.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted. Without X and y it must have a :class:`fastmlp.callbacks.LayerStatistics` among its callbacks.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        sample_weight : array-like of shape (n_samples,), default=None
        quantiles : sequence of float in [0, 1], default=(0.05, 0.25, 0.5, 0.75, 0.95)
            The quantiles of the samples X; a callback has its own.
        ax, **band_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : LayerStatisticsDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When estimator is none of this package's, or ax no Axes.
        ValueError
            When there are neither samples nor records, and when X or y does not fit the estimator.
        """
        check_is_ours(estimator)
        check_is_fitted(estimator)
        if (X is None) != (y is None):
            raise ValueError(f"{'X' if X is None else 'y'}=None: X and y must be given both, or neither.")
        if X is None:
            return cls(records=_records_of(estimator)).plot(ax, **band_kwargs)
        check_quantiles(quantiles)
        network, data = estimator._network_and_data(X, y, sample_weight)
        record = layer_statistics(network, data.rows, data.targets, data.weights, quantiles=quantiles)
        return cls(records=[record]).plot(ax, **band_kwargs)

    def plot(self, ax: Any = None, **band_kwargs: Any) -> Self:
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide; None makes a new figure.
        **band_kwargs
            Properties of all bands, as matplotlib's ``fill_between`` takes them.

        Returns
        -------
        self : LayerStatisticsDisplay

        Raises
        ------
        ValueError
            When there are no records.
        """
        if not self.records:
            raise ValueError(f"records={self.records!r}: there is nothing to draw.")
        self.norm_lines_, self.bands_, self.lines_ = {}, {}, {}
        quantiles = self.records[0]["quantiles"]
        # Values have the shape (epochs, layers, quantiles), for each row of pictures; norms (epochs, layers).
        found = {what: np.array([record[f"{what}_quantiles"] for record in self.records]) for what in _ROWS}
        norms = np.array([record["gradient_norm"] for record in self.records])
        n_layers, over_layers = norms.shape[1], len(self.records) == 1
        self._place(ax, 1 if over_layers else n_layers)
        self.figure_ = self.norm_ax_.figure
        self._draw_norms(norms)
        for row, (what, title) in zip(self.axes_, _ROWS.items(), strict=True):
            for column, axes in enumerate(row):
                layer = None if over_layers else column
                if layer is not None and layer >= found[what].shape[1]:
                    axes.set_axis_off()
                    continue
                axes.set_title(title.capitalize() if layer is None else f"Layer {layer + 1}: {title}", size="medium")
                values = found[what][0] if layer is None else found[what][:, layer]
                self._draw(axes, (what, layer), self._at(values, layer), values, quantiles, band_kwargs)
                if what == "activation" and spans_decades(_sizes(values)):
                    _set_scale(axes, values)
                self._name_x(axes)
        _set_scale(self.axes_[1, 0], found["gradient"])
        first = None if over_layers else 0
        medians = [self.lines_["gradient", first]] if self.lines_ else []
        self._add_legends([*self.bands_["gradient", first], *medians])
        return self

    def _at(self, values: NDArray, layer: int | None) -> NDArray:
        """Return the positions along x of the values of a layer, or of all layers."""
        if layer is None:
            return np.arange(1, len(values) + 1)
        return np.array([record["epoch"] for record in self.records])

    def _name_x(self, axes: Any) -> None:
        axes.set_xlabel("Layer" if len(self.records) == 1 else "Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)

    def _place(self, ax: Any, n: int) -> None:
        """Make the axes: the norms', and below them n times two, in as many rows as it takes."""
        n_blocks = ceil(n / (4 if n <= 8 else 6))
        n_columns = ceil(n / n_blocks)
        height = min(2.4, 12.5 / (2 * n_blocks))
        heights, widths = [3.0] + [height] * 2 * n_blocks, [max(3.0, 6.4 / n_columns)] * n_columns
        figure, places = grid_of_places(ax, heights, widths, least=(6.4, 0.0))
        top = places[0, :].subgridspec(1, 2, width_ratios=(5, 1))
        self.norm_ax_ = figure.add_subplot(top[0] if len(self.records) > 1 else places[0, :])
        self._legend_place = top[1]
        activations, gradients = (
            [places[1 + 2 * (i // n_columns) + row, i % n_columns] for i in range(n)] for row in (0, 1)
        )
        # One axis for all layers lets a reader compare their gradients.
        first = figure.add_subplot(gradients[0])
        rest = [figure.add_subplot(place, sharey=first) for place in gradients[1:]]
        for i, axes in enumerate(rest, start=1):
            axes.tick_params(labelleft=i % n_columns == 0)
        self.axes_ = np.array([[figure.add_subplot(place) for place in activations], [first, *rest]])

    def _add_legends(self, bands: list[Any]) -> None:
        """Tell what the bands are, and of several records the layers' colours, where nothing is drawn."""
        if len(self.records) == 1:
            legend_outside(self.axes_[-1, 0], bands)
            return
        beside = self.figure_.add_subplot(self._legend_place)
        beside.set_axis_off()
        lines = list(self.norm_lines_.values())
        if len(lines) > _MANY_LAYERS:  # colours are in the layers' order, so a few layers tell the others
            lines = [lines[i] for i in np.linspace(0, len(lines) - 1, _MANY_LAYERS).round().astype(int)]
        for axes, handles in ((beside, lines), (self.axes_[0, -1], bands)):
            place = {"loc": "upper left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.0}
            axes.legend(handles=handles, fontsize="small", **place).set_in_layout(False)

    def _draw_norms(self, norms: NDArray) -> None:
        """Draw the gradients' norms, (epochs, layers), on a logarithmic axis."""
        axes, over_layers = self.norm_ax_, len(norms) == 1
        curves = {None: norms[0]} if over_layers else dict(enumerate(norms.T))
        colours = pyplot().get_cmap("viridis")(np.linspace(0, 0.9, len(curves)))
        axes.set_yscale("log")
        for (layer, values), colour in zip(curves.items(), colours, strict=True):
            at, zero = self._at(values, layer), values == 0
            look = {"color": colour, "marker": ".", "label": None if layer is None else f"layer {layer + 1}"}
            (self.norm_lines_[layer],) = axes.plot(at, np.where(zero, np.nan, values), **look)
            if zero.any():
                where = axes.get_xaxis_transform()
                axes.plot(at[zero], np.zeros(zero.sum()), "v", color=colour, transform=where, clip_on=False)
        axes.set_title("Norms of the gradients of weights", size="medium")
        axes.set_ylabel("Norm")
        self._name_x(axes)

    def _draw(
        self,
        axes: Any,
        key: tuple[str, int | None],
        at: Any,
        values: NDArray,
        quantiles: NDArray,
        given: dict[str, Any],
    ) -> None:
        """Draw the quantiles, values (n, n_quantiles), of one layer or of all of them."""
        n_bands = len(quantiles) // 2
        self.bands_[key] = [
            axes.fill_between(
                at,
                values[:, i],
                values[:, -1 - i],
                **{
                    "color": "C0",
                    "linewidth": 0,
                    "alpha": (i + 1) / (n_bands + 2),
                    "label": f"{quantiles[i]:.3g} to {quantiles[-1 - i]:.3g}",
                    **given,
                },
            )
            for i in range(n_bands)
        ]
        if len(quantiles) % 2:
            label = f"{quantiles[n_bands]:.3g}"
            (self.lines_[key],) = axes.plot(at, values[:, n_bands], color="C0", marker=".", label=label)


def _sizes(quantiles: NDArray) -> NDArray:
    """Return how far the widest bands, quantiles (..., n_quantiles), reach from 0, as far as they are finite."""
    sizes = np.abs(quantiles[..., [0, -1]]).max(axis=-1)
    return sizes[np.isfinite(sizes) & (sizes > 0)]


def _set_scale(axes: Any, quantiles: NDArray) -> None:
    """Make the axis of bands logarithmic to both sides of 0; within the narrowest one it is linear."""
    sizes = _sizes(quantiles)
    if not len(sizes):
        return
    axes.set_yscale("symlog", linthresh=sizes.min())
    low, high = np.floor(np.log10([sizes.min(), sizes.max()]))
    ticks = 10.0 ** np.unique([(low + high + 1) // 2, high])
    axes.set_yticks([*-ticks[::-1], 0.0, *ticks])
    axes.set_yticks([], minor=True)


def _records_of(estimator: Any) -> list[dict[str, Any]]:
    """Return what a LayerStatistics among an estimator's callbacks recorded."""
    callbacks = getattr(estimator, "callbacks", None)
    if isinstance(callbacks, LayerStatistics):
        callbacks = [callbacks]
    for callback in callbacks or ():
        if isinstance(callback, LayerStatistics) and getattr(callback, "records_", None):
            return callback.records_
    raise ValueError(
        "X=None: without samples, estimator must have been fitted with a LayerStatistics that has records among its"
        f" callbacks; got callbacks={callbacks!r}."
    )
