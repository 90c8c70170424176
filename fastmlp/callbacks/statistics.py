"""The callback that records how activations and gradients are distributed in each layer, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network
from fastmlp.registration import stored_as

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: The names of the engine's activations that are 0 on one side, where units may get stuck.
ZERO_ON_A_SIDE = frozenset({"relu", "hard_swish"})
#: The bounds of the engine's activations that have any, which they approach, or reach, as z grows in size.
BOUNDS = {"logistic": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_sigmoid": (0.0, 1.0)}
#: The distance to a bound up to which an output is saturated, as a part of the distance between the bounds.
NEAR_A_BOUND = 0.01


def layer_statistics(
    network: Network,
    X: Rows | NDArray | scipy.sparse.sparray,
    targets: NDArray | None,
    weights: NDArray | None = None,
    *,
    quantiles: Sequence[float] = QUANTILES,
) -> dict[str, NDArray]:
    """Return how the hidden layers' outputs, and the gradients of all layers' weights, are distributed.

    The outputs are those of a prediction. The gradient is that of the mean loss without penalties, as training takes
    it: with squared_error it is n_outputs times the gradient of the loss.

    Parameters
    ----------
    network : Network
    X, targets, weights
        As :meth:`fastmlp.network.Network.loss_and_gradients` takes them.
    quantiles : sequence of float in [0, 1], default=(0.05, 0.25, 0.5, 0.75, 0.95)

    Returns
    -------
    statistics : dict of str to ndarray
        quantiles, as given; activation_quantiles (n_hidden, n_quantiles), activation_mean and activation_std
        (n_hidden,), over all rows and units; dead (n_hidden,), of the units of ReLU and hard swish the share that is 0
        for every row; saturated (n_hidden,), of the outputs of logistic, tanh and hard sigmoid units the share within
        1 % of the range to one of its ends; both NaN for other activations. gradient_quantiles (n_layers, n_quantiles),
        gradient_mean, gradient_std and gradient_norm (n_layers,), over all weights of a layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.callbacks.statistics import layer_statistics
    >>> from fastmlp.network import Network
    >>> net = Network.create([3, 50, 20, 1], random_state=0)
    >>> net.intercepts[0][:10] = -100
    >>> rng = np.random.default_rng(0)
    >>> found = layer_statistics(net, rng.standard_normal((100, 3)), rng.standard_normal((100, 1)))
    >>> found["dead"][0], found["gradient_quantiles"].shape
    (np.float64(0.2), (3, 5))
    """
    hidden = network.activations(X)[:-1]
    _, gradient = network.loss_and_gradients(X, targets, weights)
    # What a residual layer gives is a sum, of which its activation says nothing.
    names = ["residual" if layer.kind == "residual" else layer.activation for layer in network.structure.hidden]
    gradients = Network(network.structure, gradient).coefs
    with np.errstate(over="ignore"):
        norms = np.array([np.linalg.norm(layer) for layer in gradients], dtype=np.float64)
    return {
        "quantiles": np.array(quantiles, dtype=np.float64),
        **_distribution("activation", hidden, quantiles),
        "dead": np.array([_dead(*layer) for layer in zip(names, hidden, strict=True)]),
        "saturated": np.array([_saturated(*layer) for layer in zip(names, hidden, strict=True)]),
        **_distribution("gradient", gradients, quantiles),
        "gradient_norm": norms,
    }


def _distribution(what: str, layers: list[NDArray], quantiles: Sequence[float]) -> dict[str, NDArray]:
    wide = [layer.astype(np.float64) for layer in layers]
    with np.errstate(invalid="ignore", over="ignore"):  # the network may have diverged
        found = np.array([np.quantile(layer, quantiles) for layer in wide])
        return {
            f"{what}_quantiles": found.reshape(len(wide), len(quantiles)),
            f"{what}_mean": np.array([layer.mean() for layer in wide]),
            f"{what}_std": np.array([layer.std() for layer in wide]),
        }


def _dead(activation: str, outputs: NDArray) -> float:
    return float((outputs == 0).all(axis=0).mean()) if activation in ZERO_ON_A_SIDE else np.nan


def _saturated(activation: str, outputs: NDArray) -> float:
    if activation not in BOUNDS:
        return np.nan
    low, high = BOUNDS[activation]
    near = NEAR_A_BOUND * (high - low)
    return float(((outputs < low + near) | (outputs > high - near)).mean())


@stored_as("callbacks.LayerStatistics")
class LayerStatistics(Callback):
    """Records how activations and gradients are distributed in each layer, every few epochs.

    :class:`fastmlp.inspection.LayerStatisticsDisplay` draws it. Calls of partial_fit after the first go on with the
    records.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_rows, n_features), default=None
        The samples to look at the network with; None is the first rows of the training data.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        The targets of X.
    every : int >= 1, default=1
        The number of epochs from one record to the next, and from the beginning to the first.
    n_samples : int >= 1, default=256
        The number of rows of the training data, where X is None.
    quantiles : sequence of float in [0, 1], default=(0.05, 0.25, 0.5, 0.75, 0.95)

    Attributes
    ----------
    records_ : list of dict
        The records of the present or last fit: each has "epoch", counted from 1, and what :func:`layer_statistics`
        returns.

    Raises
    ------
    ValueError
        For wrong parameters, when the fit begins.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import LayerStatistics
    >>> X, y = load_iris(return_X_y=True)
    >>> watch = LayerStatistics(every=10)
    >>> rest = {"learning_rate_init": 0.01, "max_iter": 500, "random_state": 0}
    >>> clf = MLPClassifier((20, 10), callbacks=[watch], **rest).fit(X, y)
    >>> [record["epoch"] for record in watch.records_][:3]
    [10, 20, 30]
    >>> watch.records_[0]["gradient_norm"].shape
    (3,)
    """

    _parameter_constraints: ClassVar[dict] = {
        "X": ["array-like", "sparse matrix", None],
        "y": ["array-like", None],
        "every": [Interval(Integral, 1, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "quantiles": ["array-like"],
    }

    def __init__(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        every: int = 1,
        n_samples: int = 256,
        quantiles: Sequence[float] = QUANTILES,
    ) -> None:
        self.X = X
        self.y = y
        self.every = every
        self.n_samples = n_samples
        self.quantiles = quantiles

    def validate(self) -> LayerStatistics:
        """Check the parameters; return self."""
        super().validate()
        if (self.X is None) != (self.y is None):
            given, missing = ("X", "y") if self.y is None else ("y", "X")
            raise ValueError(f"{missing}=None: LayerStatistics takes both X and y, or neither; got {given}.")
        check_quantiles(self.quantiles)
        return self

    def on_fit_begin(self, fit: Fit) -> None:
        """Forget what was recorded, except for what earlier calls of partial_fit recorded."""
        self.validate()
        if not (fit.is_incremental and fit.epoch_number and hasattr(self, "records_")):
            self.records_: list[dict[str, Any]] = []

    def on_fit_resume(self, fit: Fit) -> None:
        """Begin anew if this callback was not there when the checkpoint was written."""
        if not hasattr(self, "records_"):
            self.on_fit_begin(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Make a record, when it is time."""
        if fit.epoch_number % self.every:
            return
        if self.X is None:
            rows = slice(self.n_samples)
            weights = None if fit.weights is None else fit.weights[rows]
            network, X, targets = fit.network(), fit.X[rows], None if fit.targets is None else fit.targets[rows]
        else:
            network, data = fit.fitted()._network_and_data(self.X, self.y)
            X, targets, weights = data.rows, data.targets, data.weights
        found = layer_statistics(network, X, targets, weights, quantiles=self.quantiles)
        self.records_.append({"epoch": fit.epoch_number, **found})


def check_quantiles(quantiles: Any) -> None:
    """Refuse values that are not quantiles.

    Raises
    ------
    ValueError
        Unless they are one or more numbers from 0 to 1, in ascending order.

    Examples
    --------
    >>> from fastmlp.callbacks.statistics import check_quantiles
    >>> check_quantiles([0.5, 1.5])
    Traceback (most recent call last):
    ...
    ValueError: quantiles must be numbers from 0 to 1 in ascending order; got [0.5, 1.5].
    """
    try:
        numbers = np.asarray(quantiles, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.ndim != 1 or not numbers.size or not (np.diff(numbers, prepend=0, append=1) >= 0).all():
        raise ValueError(f"quantiles must be numbers from 0 to 1 in ascending order; got {quantiles!r}.")
