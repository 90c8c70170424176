"""A network in training: its numbers in the engine's layout, and how these, and the optimizer's state, come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.fitting.python_rule import PythonRule
from fastmlp.network import Network, Regularization
from fastmlp.optimizers import Descent, Fused

_Engine = TypeVar("_Engine", bound=engine.Trainer)


class NetworkInTraining(Generic[_Engine]):
    """A network whose numbers are in the engine while an optimizer changes them.

    Until :meth:`finish` writes them, and the optimizer's state, back, network and optimizer are as they were.

    Parameters
    ----------
    network : Network
    optimizer : Descent
        The optimizer, with the state that it goes on from.
    regularization : Regularization
        What is done to gradients and weights beside the L2 penalty.
    engine_of : callable
        It takes the arguments rule and regularization (None where there is nothing of it) by their names, and returns
        the engine's object for the network, with the network's numbers in it. A rule in Python gets what it is to see
        of gradients by the engine's rule "gradient".
    """

    def __init__(
        self,
        network: Network,
        optimizer: Descent,
        regularization: Regularization,
        engine_of: Callable[..., _Engine],
    ) -> None:
        self._network, self._optimizer, self._regularization = network, optimizer, regularization
        rule = optimizer.optimizer
        self._python_rule: PythonRule | None = None
        start, dtype = optimizer.resume(network.params), network.params.dtype
        self._n_updates = optimizer.n_updates
        if rule.rule is None:
            if regularization.rate_factors or regularization.decay_factors:
                raise ValueError(f"rate_factors and decay_factors need an optimizer with a fused rule; got {rule!r}.")
            self._python_rule = PythonRule(network, start, optimizer, regularization)
            regularization = replace(regularization, max_norm=0.0, average_decay=0.0)
        self._engine = engine_of(
            rule=rule.rule or "gradient", regularization=regularization if regularization.is_any else None
        )
        if self._python_rule is None:
            assert isinstance(rule, Fused)
            state = optimizer.state or rule.init([start])
            # The state may come from a fit in another type.
            slots = [slot[0].astype(dtype, copy=False) for slot in state["slots"]]
            average = None
            if regularization.average_decay and self._n_updates:  # The engine begins an average with the first step.
                average = start if optimizer.average is None else optimizer.average
            self._engine.load(start, slots, None if average is None else average.astype(dtype, copy=False))
        else:
            self._engine.load(start)

    def _hyper(self) -> NDArray:
        """Return the hyperparameters of the next step; a rule in Python has none that the engine must know."""
        return self._optimizer.hyper(self._n_updates, 1) if self._python_rule is None else np.zeros((1, 0))

    @property
    def _differs_in_predictions(self) -> bool:
        """Whether predictions take other parameters than training."""
        return bool(self._regularization.average_decay) or self._optimizer.evaluates_elsewhere

    def arrays(self) -> dict[str, NDArray]:
        """Return the :meth:`fastmlp.network.Network.arrays` of the network as it is now, to predict with."""
        params, slots, average = self._stored(with_slots=self._optimizer.evaluates_elsewhere)
        has_moments = (i for i, moments in enumerate(self._network.running) if moments is not None)
        running = {f"running.{i}": self._engine.running(i) for i in has_moments}
        return {"params": self._predicting(params, slots, average), **running}

    def present(self) -> Network:
        """Return the network as it is now, to predict with."""
        return self._network.with_arrays(self.arrays())

    def _stored(self, *, with_slots: bool = True) -> tuple[NDArray, list[NDArray], NDArray | None]:
        """Return copies of the parameters of training, of the optimizer's slots and of the average."""
        params = np.empty_like(self._network.params)
        if self._python_rule is not None:
            self._engine.store(params)
            return params, [], None if self._python_rule.average is None else self._python_rule.average.copy()
        rule = self._optimizer.optimizer
        assert isinstance(rule, Fused)
        slots = [np.empty_like(params) for _ in range(rule.n_slots if with_slots else 0)]
        average = np.empty_like(params) if self._regularization.average_decay else None
        self._engine.store(params, slots, average)
        return params, slots, average

    def _predicting(self, params: NDArray, slots: list[NDArray], average: NDArray | None) -> NDArray:
        """Return the parameters to predict with, given those of training, the optimizer's slots and the average."""
        if average is not None and self._n_updates:
            return average
        if self._optimizer.evaluates_elsewhere and self._python_rule is not None:
            return self._python_rule.evaluation_params()
        if self._optimizer.evaluates_elsewhere:
            return self._optimizer.optimizer.evaluation_params([params], {"slots": [[slot] for slot in slots]})[0]
        return params

    def finish(self) -> None:
        """Write the parameters to predict with, and the optimizer's state, back."""
        self._write(self._network, self._optimizer)

    def snapshot(self) -> tuple[Network, Descent]:
        """Return copies of network and optimizer as finish() would leave them now."""
        network, optimizer = self._network.astype(self._network.params.dtype), self._optimizer.copied()
        self._write(network, optimizer)
        return network, optimizer

    def _write(self, network: Network, optimizer: Descent) -> None:
        params, slots, average = self._stored()
        network.params[:] = self._predicting(params, slots, average)
        for i, moments in enumerate(network.running):
            if moments is not None:
                moments[:] = self._engine.running(i)
        if self._python_rule is None:
            optimizer.state = {"step": self._n_updates, "slots": [[slot] for slot in slots]}
        optimizer.n_updates = self._n_updates
        optimizer.average = average
        if self._differs_in_predictions:
            optimizer.remember(params, network.params)
