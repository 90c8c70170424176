"""How a Boltzmann machine learns: steps along the gradient of the likelihood, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.zoo.boltzmann_statistics import Expectations, Machine, weighted_means

#: The sum over all states is found for at most so many units, of which it takes some seconds.
MOST_ENUMERATED = 20
# The loss of an epoch is exact for so many units, since that takes little time.
_MOST_FOR_LOSS = 14


class BoltzmannLearner:
    """Learns by steps along the gradient of the likelihood, a minibatch at a time.

    Parameters
    ----------
    estimator : BoltzmannMachine
        For its parameters.
    machine : Machine
        Its arrays change in place.
    rows, held_out : ndarray of float64 of shape (n, n_visible)
    chains : ndarray of float64 of shape (n_chains, n)
        Samples of the machine that go on from step to step.
    first_sweep : int
        The number of sweeps that have been made.
    seed : int
    random_state : RandomState
        For the order of rows.
    """

    def __init__(
        self, estimator: Any, machine: Machine, rows: NDArray, held_out: NDArray, chains: NDArray,
        first_sweep: int, seed: int, random_state: np.random.RandomState,
    ) -> None:  # fmt: skip
        self.machine, self.rows, self.held_out, self.chains = machine, rows, held_out, chains
        self.seed, self.n_sweeps, self.random_state = seed, first_sweep, random_state
        self.learning_rate = float(estimator.learning_rate_init)
        self.falls, self.max_iter, self.n_epochs = estimator.learning_rate == "linear", estimator.max_iter, 0
        self.statistics, self.sweeps_per_step = estimator.statistics, estimator.n_sweeps
        self.momentum, self.alpha, self.batch_size = estimator.momentum, estimator.alpha, estimator.batch_size
        self.mask = connections(estimator, machine.n_visible, machine.n_hidden)
        self.speed = Expectations(np.zeros_like(machine.biases), np.zeros_like(machine.weights))
        # The states of the hidden units beside each row, which go on from epoch to epoch.
        self.hidden = (random_state.random_sample((len(rows), machine.n_hidden)) < 0.5).astype(np.float64)

    def epoch(self) -> dict[str, float]:
        """Go through all rows once, in a new order."""
        order = self.random_state.permutation(len(self.rows))
        if self.falls and self.n_epochs:
            # Whatever the rate is, it is on a line that ends at 0 after the last epoch.
            self.learning_rate *= 1 - 1 / (self.max_iter - self.n_epochs + 1)
        self.n_epochs += 1
        for first in range(0, len(order), self.batch_size):
            self._step(order[first : first + self.batch_size])
        return {"loss": self._loss(self.rows)}

    def validate(self) -> float:
        """Return the loss of the rows that are held out."""
        return self._loss(self.held_out)

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of weights and biases."""
        return {"weights": self.machine.weights.copy(), "biases": self.machine.biases.copy()}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to what :meth:`arrays` returned."""
        self.machine.weights[...], self.machine.biases[...] = arrays["weights"], arrays["biases"]

    def keep(self, estimator: Any) -> None:
        """Set the fitted attributes of an estimator, and from where partial_fit goes on."""
        estimator.weights_, estimator.biases_ = self.machine.weights.copy(), self.machine.biases.copy()
        estimator._chains, estimator._n_sweeps, estimator._seed = self.chains.copy(), self.n_sweeps, self.seed

    def _step(self, rows: NDArray) -> None:
        data, model = self.of_data(rows), self.of_model()
        machine, speed = self.machine, self.speed
        speed.units[...] = self.momentum * speed.units + self.learning_rate * (data.units - model.units)
        slopes = (data.pairs - model.pairs) * self.mask - self.alpha * machine.weights
        speed.pairs[...] = self.momentum * speed.pairs + self.learning_rate * slopes
        machine.biases += speed.units
        machine.weights += speed.pairs

    def of_data(self, rows: NDArray) -> Expectations:
        """Return what is expected where the visible units are as in rows."""
        machine, visible = self.machine, self.rows[rows]
        if self.statistics == "exact" or machine.hidden_are_independent:
            return machine.given(visible)
        if self.statistics == "mean_field":
            states = np.hstack([visible, machine.mean_field(visible)])
        else:
            states = np.hstack([visible, self.hidden[rows]])
            keys = (len(self.chains) + rows).astype(np.uint64)
            machine.sweep(states, self.sweeps_per_step, seed=self.seed, keys=keys, first_sweep=self.n_sweeps,
                          hidden_only=True)  # fmt: skip
            self.hidden[rows] = states[:, machine.n_visible :]
        return weighted_means(machine, states, np.full(len(states), 1 / len(states)))

    def of_model(self) -> Expectations:
        """Return what is expected of the machine by itself."""
        if self.statistics == "exact":
            return self.machine.by_itself()
        chains = self.chains
        keys = np.arange(len(chains), dtype=np.uint64)
        self.machine.sweep(chains, self.sweeps_per_step, seed=self.seed, keys=keys, first_sweep=self.n_sweeps)
        self.n_sweeps += self.sweeps_per_step
        return weighted_means(self.machine, chains, np.full(len(chains), 1 / len(chains)))

    def _loss(self, visible: NDArray) -> float:
        machine = self.machine
        if machine.n_enumerated <= _MOST_FOR_LOSS and machine.n_hidden <= MOST_ENUMERATED:
            return float(machine.free_energy(visible).mean() + machine.log_partition())
        return float(-machine.pseudo_log_likelihood(visible).mean())


def connections(estimator: Any, n_visible: int, n_hidden: int) -> NDArray:
    """Return 1 for each pair of units that is connected, and 0 for the others, as a BoltzmannMachine wants them.

    Examples
    --------
    >>> from fastmlp.zoo import BoltzmannMachine
    >>> from fastmlp.zoo.boltzmann_learning import connections
    >>> connections(BoltzmannMachine(visible_connections=False), 2, 1)
    array([[0., 0., 1.],
           [0., 0., 1.],
           [1., 1., 0.]])
    """
    mask = np.ones((n_visible + n_hidden, n_visible + n_hidden))
    if not estimator.visible_connections:
        mask[:n_visible, :n_visible] = 0
    if not estimator.hidden_connections:
        mask[n_visible:, n_visible:] = 0
    np.fill_diagonal(mask, 0)
    return mask
