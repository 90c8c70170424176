"""Distributions of activations and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.callbacks.statistics import QUANTILES, LayerStatistics, check_quantiles, layer_statistics
from fastmlp.inspection.drawing import check_is_ours, grid_of_axes

# What is drawn, in rows: the key of a record without "_quantiles", and its title.
_ROWS = {"activation": "Activations", "gradient": "Gradients of weights"}


class LayerStatisticsDisplay:
    """Quantiles of each layer's activations, and of the gradients of its weights, over the epochs or over the layers.

    With records of several epochs there is a column for each layer, and the epochs run along its axis; with one, the
    layers do. The bands lie between a quantile and its counterpart (5 and 95 %, say); a line is the median. To be made
    by :meth:`from_estimator`.

    Parameters
    ----------
    records : list of dict
        As :class:`fastmlp.callbacks.LayerStatistics` records them, or
        :func:`fastmlp.callbacks.statistics.layer_statistics` returns one.

    Attributes
    ----------
    bands_ : dict of (str, int or None) to list of matplotlib artists
        By "activation" or "gradient" and the layer, from 0; None for all layers, of a single record. The widest first.
    lines_ : dict of (str, int or None) to matplotlib Line2D
        The medians, where they are among the quantiles.
    axes_ : ndarray of matplotlib Axes
        Activations above, gradients below. There are no hidden outputs of the output layer: its place above is empty.
    figure_ : matplotlib Figure

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

    bands_: dict[tuple[str, int | None], list[Any]]
    lines_: dict[tuple[str, int | None], Any]
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
            Of X; a callback has its own.
        ax, **band_kwargs
            As for :meth:`plot`.

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
            Without samples and records, and for bad input.
        """
        check_is_ours(estimator)
        check_is_fitted(estimator)
        if (X is None) != (y is None):
            raise ValueError(f"{'X' if X is None else 'y'}=None: X and y must be given both, or neither.")
        if X is None:
            return cls(records=_records_of(estimator)).plot(ax, **band_kwargs)
        check_quantiles(quantiles)
        network, data = estimator._problem(X, y, sample_weight)
        record = layer_statistics(network, data.rows, data.targets, data.weights, quantiles=quantiles, **data.settings)
        return cls(records=[record]).plot(ax, **band_kwargs)

    def plot(self, ax: Any = None, **band_kwargs: Any) -> Self:
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            To be divided; None makes a new figure.
        **band_kwargs
            Of all bands, as matplotlib's ``fill_between`` takes them.

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
        self.bands_, self.lines_ = {}, {}
        quantiles = self.records[0]["quantiles"]
        # (epochs, layers, quantiles) for each row of axes.
        found = {what: np.array([record[f"{what}_quantiles"] for record in self.records]) for what in _ROWS}
        n_layers, over_layers = found["gradient"].shape[1], len(self.records) == 1
        n_columns = 1 if over_layers else n_layers
        self.axes_ = grid_of_axes(ax, len(_ROWS), n_columns, (5.0 if over_layers else 3.0, 2.5))
        self.figure_ = self.axes_[0, 0].figure
        for row, (what, title) in zip(self.axes_, _ROWS.items(), strict=True):
            for column, axes in enumerate(row):
                layer = None if over_layers else column
                if layer is not None and layer >= found[what].shape[1]:
                    axes.set_axis_off()
                    continue
                axes.set_title(title if layer is None else f"{title}, layer {layer + 1}")
                axes.set_xlabel("Layer" if layer is None else "Epoch")
                axes.xaxis.get_major_locator().set_params(integer=True)
                values = found[what][0] if layer is None else found[what][:, layer]
                at = np.arange(1, len(values) + 1) if layer is None else [record["epoch"] for record in self.records]
                self._draw(axes, (what, layer), at, values, quantiles, band_kwargs)
        self.axes_[-1, 0].legend()
        return self

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
