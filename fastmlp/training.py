"""The training loops: minibatches through the fused engine, or all samples through L-BFGS.

A loop knows epochs, not rules for ending them and not a word to print: it calls back for each epoch.
"""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from fastmlp import _engine
from fastmlp.batching import RowOrder
from fastmlp.network import Gradients, Network, forward_in_pieces
from fastmlp.optimizers import LBFGS, Descent
from fastmlp.rows import Rows
from fastmlp.threads import single_threaded_blas

# Epochs run together while they have no more rows than these: little work beside the calls from Python.
ROWS_PER_RUN = 1 << 14


def _warn_interrupted() -> None:
    warnings.warn("Training interrupted by user.", stacklevel=4)


class MinibatchTraining:
    """A network being trained by minibatches.

    The parameters live in the engine's layout until :meth:`finish` writes them, and the optimizer's state, back; until
    then network and optimizer are as they were.

    Parameters
    ----------
    network : Network
    optimizer : Descent
        Of a fused optimizer.
    rows : Rows
    targets, weights
        As :meth:`fastmlp.network.Network.loss_and_gradients` takes them.
    order : RowOrder
    batch_size : int
    alpha : float
        Strength of the L2 penalty.
    n_threads : int
    bfloat16 : bool, default=False
        Whether operands of products are rounded to bfloat16; for a network in float32.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Descent,
        rows: Rows,
        targets: NDArray,
        weights: NDArray | None,
        *,
        order: RowOrder,
        batch_size: int,
        alpha: float,
        n_threads: int,
        bfloat16: bool = False,
    ) -> None:
        if bfloat16 and not _engine.bfloat16_product():
            warnings.warn(
                "dtype='bfloat16' is slower than 'float32' here: this CPU (or FASTMLP_ISA) has no fast products of"
                " bfloat16 numbers.",
                stacklevel=6,
            )
        self._network = network
        self._optimizer = optimizer
        self._rows = rows
        self._order = order
        self._batch_size = batch_size
        self._alpha = float(alpha)
        self._n_threads = n_threads
        state = optimizer.state or optimizer.optimizer.init([network.params])
        self._n_updates = state["step"]
        self._engine = _engine.Trainer(
            *network.structure,
            network.params.dtype,
            rule=optimizer.optimizer.rule,
            max_batch=batch_size,
            n_threads=n_threads,
            bfloat16=bfloat16,
        )
        # The state may come from a fit in another type.
        slots = [slot[0].astype(network.params.dtype, copy=False) for slot in state["slots"]]
        self._engine.load(network.params, slots)
        self._engine.attach(rows, targets, weights)

    def run(
        self,
        max_epochs: int,
        after_epoch: Callable[[float], bool],
        epochs_unheard: Callable[[], float] = lambda: 1,
    ) -> None:
        """Run epochs until after_epoch(loss) returns True, max_epochs are done, or the user presses Ctrl-C.

        An epoch's loss is the mean of its batches' losses, weighted by their lengths. Over small data several epochs
        run before after_epoch is called for each of them: at most epochs_unheard(), the number of epochs of which only
        the last may change the optimizer or return True.
        """
        engine, most, interrupted = self._engine, max(1, ROWS_PER_RUN // self._order.n_rows), False
        try:
            while max_epochs and not interrupted:
                n_epochs = int(max(1, min(max_epochs, most, epochs_unheard())))
                max_epochs -= n_epochs
                orders = self._order.next_epochs(n_epochs)
                n_batches = n_epochs * -(-self._order.n_rows // self._batch_size)
                hyper = self._optimizer.hyper(self._n_updates, n_batches)
                engine.begin(orders, self._batch_size, self._alpha, hyper, self._n_updates)
                try:
                    while not engine.run():
                        pass
                except KeyboardInterrupt:
                    interrupted = True
                self._n_updates = engine.updates_done()
                for loss in engine.losses():
                    if after_epoch(loss):
                        max_epochs = 0
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            _warn_interrupted()

    def outputs(self, order: NDArray) -> NDArray:
        """Return the present network's outputs for the rows order names."""
        return forward_in_pieces(self._engine, self._rows, order, self._n_threads)

    def params(self) -> NDArray:
        """Return a copy of the present parameters."""
        params = np.empty_like(self._network.params)
        self._engine.store(params)
        return params

    def finish(self) -> None:
        """Write the parameters and the optimizer's state back."""
        slots = [[np.empty_like(self._network.params)] for _ in range(self._optimizer.optimizer.n_slots)]
        self._engine.store(self._network.params, [slot[0] for slot in slots])
        self._optimizer.state = {"step": self._n_updates, "slots": slots}


def minimize_full_batch(
    network: Network,
    optimizer: LBFGS,
    rows: Rows,
    targets: NDArray,
    weights: NDArray | None,
    *,
    alpha: float,
    n_threads: int,
    after_iteration: Callable[[int, float], None] | None = None,
) -> OptimizeResult:
    """Train over all rows at once; the network's parameters end up at the x of the result, which is returned."""
    gradients = Gradients(network, rows, targets, weights, alpha=alpha, n_threads=n_threads)
    with single_threaded_blas():
        result = optimizer.minimize(gradients, network.params.copy(), after_iteration)
    if result.status == "interrupted":
        _warn_interrupted()
    network.params[:] = result.x
    return result
