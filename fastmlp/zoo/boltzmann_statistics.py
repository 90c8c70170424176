"""What a Boltzmann machine expects of its units: by enumeration, by mean field, by sampling.

Units are 0 or 1, the visible ones first. A state s has the energy -s'Ws/2 - b's, and the probability exp(-energy) / Z.
Where no hidden unit is connected to another, they are independent of each other given the visible ones, so that sums
over their states are products of sums over each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp, softmax

from fastmlp import engine

# So many numbers of an enumeration are in memory at a time.
_TOGETHER = 1 << 20
# A mean field is found by at most so many steps, and is found when nothing changes by more.
_MOST_STEPS = 200
_STILL = 1e-7
# Between two calls of the engine, in which Ctrl-C is not seen, lies at most so much work: some tenths of a second.
# The update of a unit is as much of it as there are units, and so much more.
_WORK_TOGETHER = 1e9
_WORK_OF_UPDATE = 50


class Expectations(NamedTuple):
    """Means over rows, or over all states of a machine."""

    #: Of each unit, shape (n,).
    units: NDArray
    #: Of the product of each two units, shape (n, n). It has no meaning where units are not connected.
    pairs: NDArray


class Machine:
    """The units of a Boltzmann machine and what connects them.

    Parameters
    ----------
    weights : ndarray of float64 of shape (n, n)
        Symmetric, with zeros on the diagonal.
    biases : ndarray of float64 of shape (n,)
    n_visible : int
        The first units are visible.
    n_threads : int
        The result does not depend on it.
    """

    def __init__(self, weights: NDArray, biases: NDArray, n_visible: int, n_threads: int) -> None:
        self.weights, self.biases, self.n_visible, self.n_threads = weights, biases, n_visible, n_threads
        self.n_hidden = len(biases) - n_visible

    # ---- parts -------------------------------------------------------------------------------------------------------

    @property
    def hidden_are_independent(self) -> bool:
        """Whether no hidden unit is connected to another."""
        return not self.weights[self.n_visible :, self.n_visible :].any()

    @property
    def n_enumerated(self) -> int:
        """Of how many units all states must be gone through for the sum over all states of the machine."""
        return self.n_visible if self.hidden_are_independent else len(self.biases)

    def product(self, a: NDArray, b: NDArray) -> NDArray:
        """Return the product of two matrices."""
        if not a.shape[1] or not b.shape[1] or not len(a):
            return np.zeros((len(a), b.shape[1]))
        return engine.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b), n_threads=self.n_threads)

    def hidden_fields(self, visible: NDArray) -> NDArray:
        """Return what visible states and biases give each hidden unit, one row for each state."""
        n = self.n_visible
        return self.product(visible, self.weights[:n, n:]) + self.biases[n:]

    def energy(self, states: NDArray) -> NDArray:
        """Return the energy of states of all units."""
        fields = self.product(states, self.weights)
        return -(states * (fields / 2 + self.biases)).sum(axis=1)

    def _of_visible(self, visible: NDArray) -> NDArray:
        """Return minus the energy of states in which all hidden units are 0."""
        n = self.n_visible
        fields = self.product(visible, self.weights[:n, :n])
        return (visible * (fields / 2 + self.biases[:n])).sum(axis=1)

    def _of_hidden(self) -> tuple[NDArray, NDArray]:
        """Return all states of the hidden units, and minus the energy that their connections give each."""
        n, states = self.n_visible, all_states(self.n_hidden)
        fields = self.product(states, self.weights[n:, n:])
        return states, (states * fields).sum(axis=1) / 2

    # ---- exactly -----------------------------------------------------------------------------------------------------

    def free_energy(self, visible: NDArray) -> NDArray:
        """Return -log of the sum of exp(-energy) over all hidden states, for each visible state."""
        fields = self.hidden_fields(visible)
        if self.hidden_are_independent:
            return -self._of_visible(visible) - np.logaddexp(0, fields).sum(axis=1)
        states, own = self._of_hidden()
        found = -self._of_visible(visible)
        for rows in blocks(len(visible), len(states)):
            found[rows] -= logsumexp(self.product(fields[rows], states.T) + own, axis=1)
        return found

    def hidden_means(self, visible: NDArray) -> NDArray:
        """Return the probability of each hidden unit to be 1, for each visible state."""
        fields = self.hidden_fields(visible)
        if self.hidden_are_independent:
            return expit(fields)
        states, own = self._of_hidden()
        means = np.empty_like(fields)
        for rows in blocks(len(visible), len(states)):
            means[rows] = self.product(softmax(self.product(fields[rows], states.T) + own, axis=1), states)
        return means

    def given(self, visible: NDArray, weights: NDArray | None = None) -> Expectations:
        """Return expectations where the visible units are as in some rows, which weigh as much as they are said to.

        Without weights each row weighs 1 / n_rows.
        """
        shares = np.full(len(visible), 1 / len(visible)) if weights is None else weights
        if self.hidden_are_independent:
            return weighted_means(self, np.hstack([visible, self.hidden_means(visible)]), shares)
        fields, n = self.hidden_fields(visible), self.n_visible
        states, own = self._of_hidden()
        units, pairs = np.zeros(len(self.biases)), np.zeros_like(self.weights)
        for rows in blocks(len(visible), len(states)):
            likely = softmax(self.product(fields[rows], states.T) + own, axis=1)
            seen = np.hstack([visible[rows], self.product(likely, states)])
            some = weighted_means(self, seen, shares[rows])
            units += some.units
            pairs += some.pairs
            pairs[n:, n:] -= some.pairs[n:, n:]
            pairs[n:, n:] += weighted_means(self, states, shares[rows] @ likely).pairs
        return Expectations(units, pairs)

    def log_partition(self) -> float:
        """Return log Z, the logarithm of the sum of exp(-energy) over all states."""
        sums = [logsumexp(-self.free_energy(visible)) for visible in self._visible_blocks()]
        return float(logsumexp(sums))

    def by_itself(self) -> Expectations:
        """Return expectations over all states of the machine."""
        free_energies = [self.free_energy(visible) for visible in self._visible_blocks()]
        log_partition = logsumexp([logsumexp(-each) for each in free_energies])
        units, pairs = np.zeros(len(self.biases)), np.zeros_like(self.weights)
        for visible, of_block in zip(self._visible_blocks(), free_energies, strict=True):
            some = self.given(visible, np.exp(-of_block - log_partition))
            units += some.units
            pairs += some.pairs
        return Expectations(units, pairs)

    def _visible_blocks(self) -> Iterator[NDArray]:
        """Return all visible states, some at a time."""
        per_row = self.n_hidden + self.n_visible
        n_low = min(self.n_visible, max(1, int(np.log2(_TOGETHER / max(1, per_row)))))
        low = all_states(n_low)
        for high in all_states(self.n_visible - n_low):
            yield np.hstack([np.broadcast_to(high, (len(low), len(high))), low])

    # ---- by mean field -----------------------------------------------------------------------------------------------

    def mean_field(self, visible: NDArray) -> NDArray:
        """Return means of hidden units that are consistent with each other, as if units were independent.

        Each is what the means of the others make it: a fixed point of m = logistic(fields + W m), found by steps half
        the way.
        """
        fields, n = self.hidden_fields(visible), self.n_visible
        means, between = expit(fields), self.weights[n:, n:]
        if self.hidden_are_independent:
            return means
        for _ in range(_MOST_STEPS):
            change = (expit(fields + self.product(means, between)) - means) / 2
            means += change
            if np.abs(change).max() <= _STILL:
                break
        return means

    # ---- by sampling -------------------------------------------------------------------------------------------------

    def sweep(
        self, states: NDArray, n_sweeps: int, *, seed: int, keys: NDArray, first_sweep: int, hidden_only: bool = False,
        temperature: float = 1.0,
    ) -> None:  # fmt: skip
        """Update all units of states, or the hidden ones, one after another, in place: Gibbs sampling."""
        length = max(1, int(_WORK_TOGETHER / (max(1, states.size) * (len(self.biases) + _WORK_OF_UPDATE))))
        for start in range(0, n_sweeps, length):
            engine.update_units(
                self.weights,
                self.biases,
                states,
                np.arange(self.n_visible if hidden_only else 0, len(self.biases)),
                np.full(min(length, n_sweeps - start), float(temperature)),
                keys,
                low=0.0,
                seed=seed,
                first_sweep=first_sweep + start,
                n_threads=self.n_threads,
            )

    def pseudo_log_likelihood(self, visible: NDArray) -> NDArray:
        """Return the sum over visible units of log p(unit | all others), the hidden ones being at their mean field."""
        n = self.n_visible
        states = np.hstack([visible, self.mean_field(visible)])
        fields = self.product(states, self.weights[:, :n]) + self.biases[:n]
        return -np.logaddexp(0, (1 - 2 * visible) * fields).sum(axis=1)


def weighted_means(machine: Machine, states: NDArray, shares: NDArray) -> Expectations:
    """Return expectations over rows of states that have these shares."""
    weighed = states * shares[:, None]
    # Both halves are sums of the same products, rounded in different ways; weights that learn from them stay symmetric.
    pairs = machine.product(states.T, weighed)
    return Expectations(weighed.sum(axis=0), (pairs + pairs.T) / 2)


def all_states(n_units: int) -> NDArray:
    """Return all states of some units, in the order of binary numbers.

    Examples
    --------
    >>> from fastmlp.zoo.boltzmann_statistics import all_states
    >>> all_states(2)
    array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]])
    """
    bits = np.arange(1 << n_units)[:, None] >> np.arange(n_units)[::-1]
    return (bits & 1).astype(np.float64)


def blocks(n_rows: int, width: int) -> list[slice]:
    """Return slices of rows that need so many numbers each, so that a slice needs not too many."""
    size = max(1, _TOGETHER // max(1, width))
    return [slice(first, first + size) for first in range(0, n_rows, size)]
