"""Contrastive divergence, an epoch at a time, and what can be said of its progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.inputs.rows import dense_rows, rows_of
from fastmlp.threads import team_size

# What is said after each epoch, and its validation, is found on a tenth of the rows, but on so many at least and at
# most, and of so many numbers altogether.
_FEWEST_LOOKED_AT = 200
_MOST_LOOKED_AT = 1000
_NUMBERS_LOOKED_AT = 4_000_000
# Of each of these rows so many units are predicted from all others.
UNITS_PREDICTED = 5


class Glimpse:
    """Some rows, on which it is found how well a machine does.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_visible)
    numbers : ndarray of int64
        The numbers of the rows to choose from.
    dtype : float32 or float64
    random_state : RandomState
    looks_at_all : bool, default=False
        Whether these are all of them. Otherwise they are at most 1000, and fewer where there are few to choose from, or
        each has many columns.
    """

    def __init__(
        self,
        X: Any,
        numbers: NDArray,
        dtype: np.dtype,
        random_state: np.random.RandomState,
        *,
        looks_at_all: bool = False,
    ) -> None:
        n, n_visible = len(numbers), X.shape[1]
        if not looks_at_all:
            few = min(_MOST_LOOKED_AT, max(_FEWEST_LOOKED_AT, n // 10))
            n = min(n, few, max(1, _NUMBERS_LOOKED_AT // n_visible))
        self.numbers = np.sort(numbers[random_state.permutation(len(numbers))[:n]])
        self.values = dense_rows(X[self.numbers], dtype)
        # Each unit is predicted as often as any other, or once more.
        n_rounds = min(UNITS_PREDICTED, n_visible)
        self._units = random_state.permutation(n_visible)[np.arange(n * n_rounds) % n_visible].reshape(n_rounds, n)

    def free_energy(self, machine: engine.RestrictedMachine, n_threads: int = 1) -> float:
        """Return the mean free energy of the rows."""
        return float(machine.free_energies(engine.Rows(self.values), n_threads=n_threads).mean())

    def loss(self, machine: engine.RestrictedMachine, *, normal: bool, n_threads: int = 1) -> float:
        """Return the mean over rows of the negative pseudo-log-likelihood, or of the squared reconstruction error."""
        if not normal:
            return -float(self.pseudo_likelihoods(machine, n_threads).mean())
        hidden = machine.hidden(engine.Rows(self.values), n_threads=n_threads)
        errors = machine.visible(hidden, n_threads=n_threads) - self.values
        return float(np.einsum("rc,rc->", errors, errors, dtype=np.float64) / len(errors))

    def pseudo_likelihoods(self, machine: engine.RestrictedMachine, n_threads: int = 1) -> NDArray:
        """Return, of each row, the sum over units of the log-likelihood of a unit's value given all others.

        Some units stand for all. Of a value between 0 and 1 it is the mean of those of 1 and 0, weighted by the value.
        """
        params = np.empty((machine.n_visible + 1, machine.n_hidden + 1), dtype=machine.dtype)
        machine.store(params)
        weights, order = params[:-1, :-1].copy(), np.arange(len(self.values))
        sums = engine.matmul(self.values, weights, params[-1, :-1].copy(), n_threads=n_threads)
        total = np.zeros(len(self.values))
        for units in self._units:
            given, of_unit = self.values[order, units], weights[units]
            log_odds = params[units, -1].astype(np.float64)
            for factor, sign in ((1 - given, 1), (-given, -1)):
                z = np.multiply(of_unit, factor[:, None], dtype=machine.dtype)
                z += sums
                log_odds += sign * engine.activate("softplus", z, 1.0).sum(axis=1, dtype=np.float64)
            total += given * log_odds - np.logaddexp(0, log_odds)
        return total * (machine.n_visible / len(self._units))


class ContrastiveLearner:
    """A restricted Boltzmann machine that learns, as :class:`fastmlp.zoo.learning.LearnedFit` has it.

    Parameters
    ----------
    estimator : RestrictedBoltzmannMachine
        Its parameters say how to learn.
    params : ndarray of shape (n_visible + 1, n_hidden + 1)
        The parameters to begin with, as :class:`fastmlp.engine.RestrictedMachine` takes them.
    X : {ndarray, sparse matrix} of shape (n_samples, n_visible)
    learned, held_out : ndarray of int64
        The numbers of the rows that are learned from and of those that are not.
    random_state : RandomState
    before : dict, default=None
        What :meth:`continuation` of an earlier learner returned; None for a beginning.
    """

    def __init__(
        self,
        estimator: Any,
        params: NDArray,
        X: Any,
        learned: NDArray,
        held_out: NDArray,
        random_state: np.random.RandomState,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        self.estimator, self.random_state = estimator, random_state
        n_visible, n_hidden = (n - 1 for n in params.shape)
        is_normal, is_persistent = estimator.visible == "normal", estimator.learning == "pcd"
        batch_size = min(estimator.batch_size, len(learned))
        self.batch_size, self._order = batch_size, learned
        self._rows = rows_of(X, params.dtype)
        self._n_threads = team_size(estimator.n_jobs, 6.0 * batch_size * params.size)
        sparsity = estimator.sparsity_target is not None
        self._trainer = engine.ContrastiveTrainer(
            n_visible,
            n_hidden,
            params.dtype,
            rule="momentum",
            max_batch=batch_size,
            n_chains=estimator.batch_size if is_persistent else 0,
            n_threads=self._n_threads,
            normal=is_normal,
            seed=int(random_state.randint(np.iinfo(np.int32).max)),
            sparsity_cost=estimator.sparsity_cost if sparsity else 0.0,
            sparsity_target=estimator.sparsity_target if sparsity else 0.0,
        )
        self._rate = estimator._rate()
        self._looked_at = Glimpse(X, learned, params.dtype, random_state)
        self._validated = Glimpse(X, held_out, params.dtype, random_state) if len(held_out) else None
        self._is_normal, self._shape = is_normal, params.shape
        self._n_updates, self._n_epochs, self._share_of_rate = 0, 0, 1.0
        if before is None:
            self._trainer.load(params)
            self._begin_chains()
        else:
            self._n_updates, self._n_epochs = before["n_updates"], before["n_epochs"]
            self._trainer.load(params, [before["slot"]])
            if len(before["chains"]) == self._trainer.n_chains:
                self._load_chains(before["chains"])
            else:  # Parameters have been set to others meanwhile.
                self._begin_chains()
        if before is not None and before["activities"].any():
            self._trainer.load_activities(before["activities"])
        elif sparsity:  # Activities are all 0 as long as there is no target.
            self._trainer.load_activities(np.full(n_hidden, estimator.sparsity_target, dtype=params.dtype))

    def _begin_chains(self) -> None:
        """Have persistent chains begin with the hidden units of rows of the data."""
        chances = self._trainer.hidden(engine.Rows(self._looked_at.values))
        chosen = chances[self.random_state.randint(len(chances), size=self._trainer.n_chains)]
        self._load_chains((self.random_state.uniform(size=chosen.shape) < chosen).astype(chances.dtype))

    def _load_chains(self, hidden: NDArray) -> None:
        if self._trainer.n_chains:
            self._trainer.load_chains(hidden)

    # ---- what a learner does -----------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, it is that of the next one, from which a schedule goes on."""
        return self._rate * self._share_of_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._rate = value / self._share_of_rate

    def epoch(self) -> dict[str, float]:
        """Go through all samples once, in a new order."""
        estimator, trainer = self.estimator, self._trainer
        if estimator.learning_rate == "linear":
            self._share_of_rate = max(0.0, 1 - self._n_epochs / estimator.max_iter) or self._share_of_rate
        is_early = self._n_epochs < estimator.n_early_epochs
        momentum = estimator.early_momentum if is_early else estimator.momentum
        order = engine.shuffled(self._order, self.random_state)[0]
        hyper = [self.learning_rate, momentum]
        trainer.begin(
            self._rows, order, self.batch_size, estimator.n_gibbs, estimator.weight_decay, hyper, self._n_updates
        )
        while not trainer.run():
            pass
        self._n_updates, self._n_epochs = trainer.updates_done(), self._n_epochs + 1
        values = {"loss": self._loss_of(self._looked_at)}
        if self._validated is not None:
            energy = self._validated.free_energy(trainer, self._n_threads)
            values["free_energy_gap"] = energy - self._looked_at.free_energy(trainer, self._n_threads)
        return values

    def _loss_of(self, rows: Glimpse) -> float:
        return rows.loss(self._trainer, normal=self._is_normal, n_threads=self._n_threads)

    def validate(self) -> float:
        """Return the loss of the rows that are held out."""
        assert self._validated is not None
        return self._loss_of(self._validated)

    def arrays(self) -> dict[str, NDArray]:
        """Return a copy of the parameters."""
        params = np.empty(self._shape, dtype=self._trainer.dtype)
        self._trainer.store(params)
        return {"params": params}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to parameters that :meth:`arrays` returned."""
        self._trainer.load(arrays["params"])

    def keep(self, estimator: Any) -> None:
        """Set the attributes that hold the parameters."""
        estimator._keep(self.arrays()["params"], self._n_updates)

    def continuation(self) -> dict[str, Any]:
        """Return what another learner needs beside the parameters to go on: plain values, by name.

        They are the numbers of updates and epochs; what momentum keeps, shape (n_visible + 1, n_hidden + 1); the hidden
        units of persistent chains, (n_chains, n_hidden); and how often hidden units have been on, (n_hidden,).
        """
        trainer = self._trainer
        slot = np.empty(self._shape, dtype=trainer.dtype)
        trainer.store(None, [slot])
        chains = np.empty((trainer.n_chains, trainer.n_hidden), dtype=trainer.dtype)
        if len(chains):
            trainer.store_chains(chains)
        return {
            "n_updates": self._n_updates,
            "n_epochs": self._n_epochs,
            "slot": slot,
            "chains": chains,
            "activities": trainer.activities(),
        }
