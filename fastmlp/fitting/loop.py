"""The training loop of minibatches, through the engine.

It knows epochs, not rules for ending them and not a word to print: it tells a listener of each epoch.
"""

import time
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.augmentation import Augment, augmented
from fastmlp.exceptions import warn_user
from fastmlp.fitting.batching import SampleOrder
from fastmlp.fitting.in_training import NetworkInTraining
from fastmlp.inputs.rows import Rows, rows_of
from fastmlp.network import Network, Regularization, forward_in_pieces
from fastmlp.optimizers import Descent
from fastmlp.threads import ALONE, Team

# Epochs run together while they have no more samples than these, which are little work beside the calls from Python.
ROWS_PER_RUN = 1 << 14


def warn_interrupted() -> None:
    """Warn that the user has ended training with Ctrl-C; what it came to until then is kept."""
    warn_user("Training interrupted by user.")


class Epoch(NamedTuple):
    """What a loop tells of an epoch."""

    #: The mean of the losses of its batches, weighted by their lengths.
    loss: float
    #: The learning rate of its last step.
    learning_rate: float
    #: How long it took.
    seconds: float


class Listener:
    """Somebody who hears of epochs, and of batches if it asks to, and decides whether there are more."""

    #: Whether it hears of batches, which then go through Python one by one.
    hears_batches: bool = False

    def epochs_unheard(self) -> float:
        """Return the number of epochs of which only the last may end training, or change what the next ones do."""
        return 1

    def before_epochs(self) -> bool:
        """Hear that an epoch begins, and with it others if epochs_unheard() says so; True ends training."""
        return False

    def before_batch(self, number: int) -> bool:
        """Hear that a batch begins, counted from 0 within its epoch; True ends training there."""
        return False

    def after_batch(self, number: int, loss: float) -> bool:
        """Hear a batch's loss; True ends training there."""
        return False

    def after_epoch(self, epoch: Epoch) -> bool:
        """Hear that an epoch has ended; True ends training."""
        return False

    def after_epochs(self, losses: list[float], learning_rates: list[float], seconds: float) -> bool:
        """Hear that epochs, each of so many seconds, have ended; True ends training."""
        ends = False
        for loss, rate in zip(losses, learning_rates, strict=True):
            if self.after_epoch(Epoch(loss, rate, seconds)):
                ends = True
        return ends


class MinibatchTraining(NetworkInTraining[engine.Trainer]):
    """A network being trained by minibatches.

    An optimizer without a fused rule, and augmentation, take a batch at a time through Python.

    Parameters
    ----------
    network : Network
        The network to train, for its objective.
    optimizer : Descent
        The optimizer, with the state that it goes on from.
    rows : Rows
        The samples as the engine reads them.
    targets, weights
        As :meth:`fastmlp.network.Network.loss_and_gradients` takes them.
    order : SampleOrder
        The order in which the samples are visited.
    batch_size : int
        The number of samples in a minibatch.
    alpha : float
        Strength of the L2 penalty.
    n_threads : int
        The number of threads that share a step.
    team : Team, default=ALONE
        The threads that share predictions.
    bfloat16 : bool, default=False
        Whether operands of products are rounded to bfloat16; for a network in float32.
    regularization : Regularization, default=None
        What is done to gradients and weights beside the L2 penalty.
    augment : callable, default=None
        As :func:`fastmlp.augmentation.augmented` takes it.
    samples : ndarray of shape (n_samples, n_features), default=None
        The samples that rows were made of, which augment changes.
    seed : int, default=0
        The seed of dropout, noise and augmentation.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Descent,
        rows: Rows,
        targets: NDArray | None,
        weights: NDArray | None,
        *,
        order: SampleOrder,
        batch_size: int,
        alpha: float,
        n_threads: int,
        team: Team = ALONE,
        bfloat16: bool = False,
        regularization: Regularization | None = None,
        augment: Augment | None = None,
        samples: NDArray | None = None,
        seed: int = 0,
    ) -> None:
        if bfloat16 and not engine.bfloat16_product():
            warn_user(
                "dtype='bfloat16' is slower than 'float32' here: this CPU (or FASTMLP_ISA) has no fast products of"
                " bfloat16 numbers."
            )
        make = partial(
            network.trainer,
            max_batch=batch_size,
            n_threads=n_threads,
            bfloat16=bfloat16,
            # CSR samples have no split products in the first layer, which counts most.
            split=False if rows.is_sparse else None,
            seed=seed,
        )
        super().__init__(network, optimizer, regularization or Regularization(), make)
        self._rows = rows
        self._data = targets, weights
        self._order = order
        self._batch_size = batch_size
        self._alpha = float(alpha)
        self._team = team
        self._augment, self._samples = augment, samples
        self._seed = seed
        if augment is None:
            self._engine.attach(rows, targets, weights)

    def run(self, max_epochs: int, listener: Listener) -> None:
        """Run epochs until listener.after_epochs returns True, max_epochs are done, or the user presses Ctrl-C.

        Over small data several epochs run before the listener hears of them: at most its epochs_unheard().
        """
        most, interrupted = max(1, ROWS_PER_RUN // self._order.n_samples), False
        by_batch = self._augment is not None or self._python_rule is not None or listener.hears_batches
        try:
            while max_epochs > 0 and not interrupted:
                if listener.before_epochs():
                    break
                n_epochs = int(max(1, min(max_epochs, most, listener.epochs_unheard())))
                max_epochs -= n_epochs
                losses: list[float] = []
                rates: list[float] = []
                orders, start = self._order.next_epochs(n_epochs), time.perf_counter()
                try:
                    if not by_batch:
                        self._run_fused(orders, losses, rates)
                    elif self._run_batch_by_batch(orders, losses, rates, listener):
                        max_epochs = 0
                except KeyboardInterrupt:
                    interrupted = True
                seconds = (time.perf_counter() - start) / max(1, len(losses))
                if listener.after_epochs(losses, rates[: len(losses)], seconds):
                    max_epochs = 0
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            warn_interrupted()

    def _run_fused(self, orders: NDArray, losses: list[float], rates: list[float]) -> None:
        """Run epochs in the orders given; append losses and learning rates of those that came to their end."""
        engine, n_batches = self._engine, -(-orders.shape[1] // self._batch_size)
        hyper = self._optimizer.hyper(self._n_updates, n_batches * len(orders))
        rates += self._optimizer.epoch_rates(len(orders))
        with np.errstate(over="ignore"):  # The sums of the weights of samples may overflow.
            engine.begin(orders, self._batch_size, self._alpha, hyper, self._n_updates)
        try:
            while not engine.run():
                pass
        finally:
            self._n_updates = engine.updates_done()
            losses += engine.losses()

    def _run_batch_by_batch(self, orders: NDArray, losses: list[float], rates: list[float], listener: Listener) -> bool:
        """Run epochs in the orders given, a batch at a time; append losses and learning rates.

        Returns
        -------
        ended : bool
            Whether the listener ended training in the middle of an epoch.
        """
        for order in orders:
            total = 0.0
            rng = np.random.default_rng([self._seed, self._n_updates])
            for number, start in enumerate(range(0, len(order), self._batch_size)):
                batch = order[start : start + self._batch_size]
                if listener.hears_batches and listener.before_batch(number):
                    return True
                loss = self.take_step(batch, rng)
                if listener.hears_batches and listener.after_batch(number, loss):
                    return True
                total += loss * len(batch)
            rates.append(self._optimizer.rate)  # The rate comes first: an epoch counts when its loss is there.
            losses.append(total / max(1, len(order)))
        return False

    def take_step(self, batch: NDArray, rng: np.random.Generator) -> float:
        """Train on the samples of these indices; return their loss. The generator is for augmentation."""
        engine = self._engine
        if self._augment is not None:
            batch = self._attach_augmented(batch, rng)
        with np.errstate(over="ignore"):  # The sum of the weights of samples may overflow.
            engine.begin(batch[np.newaxis], len(batch), self._alpha, self._hyper(), self._n_updates)
        while not engine.run():
            pass
        n_before, self._n_updates = self._n_updates, engine.updates_done()
        if self._python_rule is not None and self._n_updates > n_before:
            engine.store(None, [self._python_rule.gradient])
            engine.load(self._python_rule.step(n_before))
        return engine.losses()[0]

    def _attach_augmented(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Give the engine what augment makes of a batch; return the indices of that, in order.

        Samples of weight 0 are left out, so that nothing is mixed with them.
        """
        (targets, weights), dtype = self._data, self._network.params.dtype
        assert self._augment is not None
        assert self._samples is not None
        assert targets is not None
        augment, given = self._augment, []
        if weights is not None:
            counts = weights[batch] > 0
            if counts.any():
                batch = batch[counts]
            else:  # The engine passes over the batch, which may be no batch to augment.
                augment = _as_it_is
            given = [weights[batch]]
        X, y, *left = augmented(augment, self._samples[batch].astype(dtype), targets[batch], rng, *given)
        weights = np.ascontiguousarray(left[0]) if left else None
        self._engine.attach(rows_of(X, dtype), np.ascontiguousarray(y), weights)
        return np.arange(len(batch))

    def outputs(self, rows: Rows, order: NDArray | None = None, *, linked: bool = True) -> NDArray:
        """Return the outputs of the network as it is now, as predictions have them.

        Parameters
        ----------
        rows : Rows
        order : ndarray, default=None
            The indices of the samples to predict; None for all.
        linked : bool, default=True
            Whether the link of the output layer is applied.
        """
        if self._differs_in_predictions:
            return forward_in_pieces(self.present().packed(), rows, order, self._team, linked=linked)
        self._engine.use_running()
        return forward_in_pieces(self._engine, rows, order, self._team, linked=linked)


def _as_it_is(X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    return X, y
