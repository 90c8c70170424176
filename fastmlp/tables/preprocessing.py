"""Columns of a table become a network's inputs here, and the network gets parameters that fit the number of rows."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data

from fastmlp.callbacks import EarlyStopping
from fastmlp.components import Component
from fastmlp.registration import stored_as


@stored_as("tables.SmoothClip")
class SmoothClip(TransformerMixin, Component):
    """The transformer keeps numbers within a limit, smoothly: x / sqrt(1 + (x / limit)^2), nearly x where x is small.

    After scaling, it keeps outliers from ruling a network, in training and in predictions. Holzmüller, Grinsztajn and
    Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.

    Parameters
    ----------
    limit : float > 0, default=3.0

    Examples
    --------
    >>> from fastmlp.tables import SmoothClip
    >>> SmoothClip().fit_transform([[0.0], [4.0], [1e30]]).round(1).tolist()
    [[0.0], [2.4], [3.0]]
    """

    _parameter_constraints: ClassVar[dict] = {"limit": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check X; nothing is learned from it."""
        self.validate()
        validate_data(self, X)
        return self

    def transform(self, X: Any) -> NDArray:
        """Return X, clipped."""
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return X / np.hypot(1, X / self.limit)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


def preprocessing(
    numbers: list[str], categories: dict[str, list[str]], gaps: list[str], n_rows: int
) -> ColumnTransformer:
    """Return the transformer that makes a network's inputs of a table's columns.

    Numbers enter twice, by value and by rank, both centred, scaled and smoothly clipped, with the median for what is
    missing; categories one-hot.

    Parameters
    ----------
    numbers : list of str
        Columns.
    categories : dict
        Columns, and the categories that each is known to have; all others count as none of them.
    gaps : list of str
        The columns of numbers that get another column, which says where a value is missing.
    n_rows : int
        The number of rows to train with.
    """
    ranks = QuantileTransformer(n_quantiles=min(1000, n_rows), output_distribution="normal", random_state=0)
    parts: list[tuple[str, Any, list[str]]] = []
    scaled = ("scale", StandardScaler()), ("clip", SmoothClip())
    full = [name for name in numbers if name not in gaps]
    for name, columns, indicator in (("numbers", full, False), ("gaps", gaps, True)):
        if columns:
            impute = ("impute", SimpleImputer(strategy="median", add_indicator=indicator))
            parts.append((name, Pipeline([impute, *scaled]), columns))
    if numbers:
        impute = ("impute", SimpleImputer(strategy="median"))
        parts.append(("ranks", Pipeline([impute, ("rank", ranks), *scaled]), numbers))
    if categories:
        # OneHotEncoder could group rare categories, but with state that a model's file does not hold.
        encoder = OneHotEncoder(categories=list(categories.values()), handle_unknown="ignore", dtype=np.float32)
        parts.append(("categories", encoder, list(categories)))
    return ColumnTransformer(parts)


def network_parameters(n_rows: int, *, hold_out: bool, batch_size: int | None = None) -> dict[str, Any]:
    """Return the parameters of a network for a table of so many rows, where nobody says otherwise.

    Few rows are all learned from, in a number of steps that is known beforehand, with a falling learning rate. Of many,
    a tenth is held out: training stops when the loss of the averaged weights on it no longer falls, and goes back to
    the best of them. (Stopping on the accuracy instead made the log loss of four public tables 7 to 56 % higher.)
    Weights are drawn to 0 as by a prior whose weight is that of a number of rows, whatever their number and
    the size of a batch.

    Parameters
    ----------
    n_rows : int
    hold_out : bool
        Whether training holds out rows to see when to stop.
    batch_size : int, default=None
        Rows per step; None is 32, or with rows held out a hundredth of all, up to 1024.

    Examples
    --------
    >>> from fastmlp.tables import network_parameters
    >>> network_parameters(1000, hold_out=False)["max_iter"], network_parameters(10**6, hold_out=True)["batch_size"]
    (62, 1024)
    """
    if batch_size is None:
        batch_size = int(np.clip(2 ** round(np.log2(n_rows / 100)), 32, 1024)) if hold_out else 32
    n_learned = max(1, n_rows - math.ceil(0.1 * n_rows)) if hold_out else n_rows
    batch_size = min(batch_size, n_learned)
    steps = -(-n_rows // batch_size)
    parameters = {"hidden_layer_sizes": (128, 128), "dropout": 0.1, "batch_size": batch_size, "dtype": "float32"}
    parameters["alpha"] = 5.0 * batch_size / n_rows
    if hold_out:
        ema = float(np.clip(1 - 1 / (8 * steps), 0.8, 0.9995))
        patience, max_iter = int(np.clip(1e6 / n_rows, 4, 10)), int(np.clip(1e8 / n_rows, 20, 300))
        stopping = [EarlyStopping(patience=patience)]
        return parameters | {"early_stopping": True, "callbacks": stopping, "max_iter": max_iter, "ema": ema}
    max_iter = max(20, 2000 // steps)
    return parameters | {"learning_rate": "cosine", "n_iter_no_change": np.inf, "max_iter": max_iter}
