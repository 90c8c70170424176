"""A network: layers as views of one flat parameter vector, with forward pass, loss and gradients."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastmlp import _engine
from fastmlp.rows import Rows
from fastmlp.threads import FLOPS_PER_THREAD, team_size

Predictor = _engine.Predictor


class Network:
    """A multilayer perceptron's structure and its parameters.

    Parameters
    ----------
    params : ndarray of shape (n_params,), float32 or float64
        Per layer the weights (n_in, n_out) in C order, then the biases. Kept, not copied.
    sizes : sequence of int
        Units per layer, input and output included.
    activation : str
        Of the hidden layers; a name from fastmlp.activations.
    loss : str
        A name from fastmlp.losses; it decides the output activation.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,): views of params.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.network import Network
    >>> from fastmlp.rows import rows_of
    >>> net = Network(np.ones(3), sizes=[2, 1], activation="relu", loss="squared_error")
    >>> net.forward(rows_of(np.array([[1.0, 2.0]]), net.params.dtype))
    array([[4.]])
    """

    def __init__(self, params: NDArray, sizes: Sequence[int], activation: str, loss: str) -> None:
        self.params = params
        self.sizes = list(sizes)
        self.activation = activation
        self.loss = loss
        self.coefs, self.intercepts = layer_views(params, sizes)

    @classmethod
    def from_layers(
        cls, coefs: Sequence[NDArray], intercepts: Sequence[NDArray], activation: str, loss: str, dtype: DTypeLike
    ) -> "Network":
        """Build a network from copies of the layers' weights and biases."""
        sizes = [coefs[0].shape[0], *(W.shape[1] for W in coefs)]
        params = np.empty(sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes)), dtype=dtype)
        network = cls(params, sizes, activation, loss)
        for view, values in zip(network.coefs + network.intercepts, [*coefs, *intercepts], strict=True):
            view[:] = values
        return network

    @property
    def flops_per_row(self) -> float:
        """Floating-point operations of one row's way forward and back, and its share of the gradients."""
        return 6.0 * self.params.size

    def packed(self) -> _engine.PackedNetwork:
        """Return the parameters in the engine's layout."""
        packed = _engine.PackedNetwork(self.sizes, self.activation, self.loss, self.params.dtype)
        packed.load(self.params)
        return packed

    def predictor(self, form: str, n_jobs: int | None) -> Predictor:
        """Return a callable that gives the outputs, in one of a Predictor's forms, for plain arrays."""
        predictor = _engine.Predictor(
            self.sizes,
            self.activation,
            self.loss,
            self.params.dtype,
            form=form,
            team_size=partial(team_size, n_jobs),
            flops_alone=2 * FLOPS_PER_THREAD,
        )
        predictor.load(self.params)
        return predictor

    def forward(self, rows: Rows, n_threads: int = 1) -> NDArray:
        """Return the outputs for all rows, shape (n_rows, n_outputs)."""
        return forward_in_pieces(self.packed(), rows, None, n_threads)

    def loss_and_gradients(
        self, rows: Rows, targets: NDArray, weights: NDArray | None = None, *, alpha: float = 0.0, n_threads: int = 1
    ) -> tuple[float, NDArray]:
        """Return the mean loss over all rows with its L2 term, and the gradient in the layout of params.

        The L2 term is alpha / 2 times the sum of the squared weights, divided by the number of rows (or the sum of
        their weights). For squared_error the gradient lacks the mean over outputs: it is n_outputs times that of
        the loss.

        Parameters
        ----------
        rows : Rows
        targets : ndarray
            int32 class numbers (n_rows,) for log_loss, else an array (n_rows, n_outputs) of the parameters' type.
        weights : ndarray of shape (n_rows,), float64, default=None
        alpha : float, default=0.0
        n_threads : int, default=1
        """
        return Gradients(self, rows, targets, weights, alpha=alpha, n_threads=n_threads)(self.params)


class Gradients:
    """Loss and gradient over all rows as a function of the parameters, with the engine's buffers kept between calls."""

    def __init__(
        self,
        network: Network,
        rows: Rows,
        targets: NDArray,
        weights: NDArray | None,
        *,
        alpha: float,
        n_threads: int,
    ) -> None:
        self._alpha = alpha
        self._orders = np.arange(rows.n_rows)[np.newaxis]
        self._trainer = _engine.Trainer(
            network.sizes,
            network.activation,
            network.loss,
            network.params.dtype,
            rule="gradient",
            max_batch=rows.n_rows,
            n_threads=n_threads,
        )
        self._trainer.attach(rows, targets, weights)

    def __call__(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the loss and a new gradient vector."""
        trainer = self._trainer
        trainer.load(params)
        trainer.begin(self._orders, self._orders.size, self._alpha, (), 0)
        while not trainer.run():
            pass
        gradient = np.empty_like(params)
        trainer.store(None, [gradient])
        return trainer.losses()[0], gradient


def layer_views(params: NDArray, sizes: Sequence[int]) -> tuple[list[NDArray], list[NDArray]]:
    """Return each layer's weights and biases as views of the flat vector."""
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        end = start + (n_in + 1) * n_out
        layer = params[start:end].reshape(n_in + 1, n_out)
        coefs.append(layer[:-1])
        intercepts.append(layer[-1])
        start = end
    return coefs, intercepts


def forward_in_pieces(packed: _engine.PackedNetwork, rows: Rows, order: NDArray | None, n_threads: int) -> NDArray:
    """Return the outputs for the rows order names (all for None), coming back to Python every now and then."""
    n_rows = rows.n_rows if order is None else len(order)
    out = np.empty((n_rows, packed.n_outputs), dtype=packed.dtype)
    piece = max(1024, int(_engine.FLOPS_PER_PIECE / (2 * packed.n_params)))
    for start in range(0, n_rows, piece):
        stop = min(n_rows, start + piece)
        packed.forward(rows, order=order, start=start, stop=stop, out=out[start:stop], n_threads=n_threads)
    return out
