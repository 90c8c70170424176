"""Networks that learn as parts of something larger, from gradients that the rest of it hands them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.fitting.in_training import NetworkInTraining
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network, Regularization
from fastmlp.network.composition import LINK_GRADIENTS
from fastmlp.optimizers import Descent


class LearningPass(NetworkInTraining[engine.KeptPass]):
    """A network that learns from the gradients of its outputs, and may give those of its inputs to the one before it.

    Its numbers stay in the engine's layout from step to step, where each way back may be an update of the weights. What
    an autoencoder with something in its middle or a pair of adversaries is made of are several of these.

    Parameters
    ----------
    network : Network
        The network to train. Of its objective :meth:`meet` takes the loss.
    optimizer : Descent
        The optimizer, with the state that it goes on from. One without a fused rule takes its steps in Python.
    max_rows : int
        The number of rows of the largest batch.
    n_threads : int, default=1
        The number of threads that share a pass; the results do not depend on it.
    regularization : Regularization, default=None
        What is done to activations, gradients and weights; an average of the weights is what predictions take.
    seed : int, default=0
        The seed of dropout.

    Examples
    --------
    An autoencoder of two networks:

    >>> import numpy as np
    >>> from fastmlp.fitting.learning_pass import LearningPass
    >>> from fastmlp.inputs.rows import rows_of
    >>> from fastmlp.network import Network
    >>> from fastmlp.optimizers import Adam, Descent
    >>> X = np.random.default_rng(0).standard_normal((20, 4))
    >>> encoder, decoder = (
    ...     LearningPass(Network.create(sizes, "tanh", random_state=0), Descent(Adam(0.01)), max_rows=20)
    ...     for sizes in ([4, 8, 2], [2, 8, 4])
    ... )
    >>> rows, losses = rows_of(X, np.float64), []
    >>> for _ in range(100):
    ...     codes = encoder.forward(rows)
    ...     errors, gradients = decoder.meet(rows_of(codes, np.float64), X, inputs=True, weight=20)
    ...     encoder.backward(gradients, weight=20)
    ...     losses.append(errors.mean())
    >>> bool(losses[-1] < losses[0] / 2)
    True
    """

    def __init__(
        self,
        network: Network,
        optimizer: Descent,
        *,
        max_rows: int,
        n_threads: int = 1,
        regularization: Regularization | None = None,
        seed: int = 0,
    ) -> None:
        make = partial(network.kept_pass, max_rows=max_rows, n_threads=n_threads, uses_running=False)
        super().__init__(network, optimizer, regularization or Regularization(), make)
        self._seed, self.dtype, self._shape = seed, network.params.dtype, (0, 0)
        self._engine.count_from(self._n_updates)
        # The outputs that have passed the link, by which gradients go back through it; None for those that have not.
        self._linked: NDArray | None = None

    def forward(self, rows: Rows, order: NDArray | None = None, *, linked: bool = False) -> NDArray:
        """Return the outputs of rows, and keep what :meth:`backward` needs.

        Parameters
        ----------
        rows : Rows
            From 1 to max_rows of them, unless order names so many.
        order : ndarray of int64 of shape (n_rows,), default=None
            The numbers of the rows; None for all.
        linked : bool, default=False
            Whether the outputs have passed the link; backward() takes gradients of the same.
        """
        outputs = self._engine.ahead(rows, order=order, linked=linked, seed=self._seed)
        self._shape = (len(outputs), rows.n_features)
        self._linked = outputs if linked else None
        return outputs

    def backward(
        self, gradients: NDArray, *, inputs: bool = False, learns: bool = True, weight: float = 1
    ) -> NDArray | None:
        """Take gradients of the outputs of :meth:`forward` back, and make a step of the optimizer.

        Parameters
        ----------
        gradients : ndarray of shape (n_rows, n_outputs)
            The derivatives, by these outputs as they are now, of a sum over rows.
        inputs : bool, default=False
            Whether the gradients of the inputs are wanted.
        learns : bool, default=True
            Whether the optimizer makes a step, after which there is no pass to go back on.
        weight : float, default=1
            What the sum is divided by before the optimizer gets its gradient by the parameters: the number of rows for
            a mean.

        Returns
        -------
        input_gradients : ndarray of shape (n_rows, n_inputs) or None
            The derivatives of the sum, which is not divided here.
        """
        found = np.empty(self._shape, self.dtype) if inputs else None
        if self._linked is not None:
            gradients = LINK_GRADIENTS[self._network.objective.link](self._linked, gradients)
        self._engine.back(gradients, inputs=found, **self._step(learns, weight))
        self._stepped(learns)
        return found

    def meet(
        self,
        rows: Rows,
        targets: NDArray,
        weights: NDArray | None = None,
        *,
        order: NDArray | None = None,
        inputs: bool = False,
        learns: bool = True,
        weight: float = 1,
    ) -> tuple[NDArray, NDArray | None]:
        """Go forward with rows, take their losses, and go back by the slopes of the sum of these.

        Parameters
        ----------
        rows : Rows
            From 1 to max_rows of them, unless order names so many.
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            As :meth:`fastmlp.network.Objective.checked_targets` returns them, for all rows.
        weights : ndarray of shape (n_rows,), float64, default=None
            Factors of the rows' losses.
        order, inputs, learns, weight
            As for :meth:`forward` and :meth:`backward`. Without learns and inputs nothing is taken back.

        Returns
        -------
        losses : ndarray of shape (n_rows,)
            The losses of the rows, as the engine has them.
        input_gradients : ndarray of shape (n_rows, n_inputs) or None
            Of the squared error, the engine's gradients are those of half the sum over outputs, not of the mean.
        """
        shape = (rows.n_rows if order is None else len(order), rows.n_features)
        found = np.empty(shape, self.dtype) if inputs else None
        step = self._step(learns, weight)
        losses = self._engine.meet(rows, targets, weights, order=order, inputs=found, seed=self._seed, **step)
        self._stepped(learns)
        return losses, found

    def _step(self, learns: bool, weight: float) -> dict[str, Any]:
        """Return the arguments by which the engine makes a step, or the gradient for one in Python."""
        if not learns:
            return {}
        if self._python_rule is not None:
            return {"params": self._python_rule.gradient, "weight": weight}
        return {"hyper": self._hyper(), "weight": weight}

    def _stepped(self, learns: bool) -> None:
        """Count a step, which a rule in Python makes now."""
        if not learns:
            return
        self._n_updates += 1
        if self._python_rule is not None:
            self._engine.load(self._python_rule.step(self._n_updates - 1))
            self._engine.count_from(self._n_updates)

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to the numbers that :meth:`arrays` returned; the optimizer's state stays as it is now."""
        params = arrays["params"]
        if self._python_rule is not None:
            self._python_rule.restore(params)
        has_average = self._regularization.average_decay and self._python_rule is None
        self._engine.load(params, (), params if has_average else None)
        for i, moments in enumerate(self._network.running):
            if moments is not None:
                self._engine.set_running(i, *arrays[f"running.{i}"])

    def after_epoch(self, n_rows_seen: int, loss: float) -> None:
        """Have schedules follow an epoch, by the rows seen since the first fit began, and by its loss."""
        self._optimizer.after_epoch(n_rows_seen)
        self._optimizer.on_value(loss)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, it is that of the next one."""
        return self._optimizer.rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._optimizer.set_rate(value)
