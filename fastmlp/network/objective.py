"""What a network is trained for: the loss with everything the engine must know of it, as one frozen object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastmlp import engine
from fastmlp.components import named, real_array
from fastmlp.losses import CLASS_TARGET_LOSSES, OUTPUT_ACTIVATIONS, CustomLoss, check_loss_options, engine_targets


@dataclass(frozen=True, init=False)
class Objective:
    """The loss that training makes small, which also decides the activation of the output layer.

    Parameters
    ----------
    loss : str, default="squared_error"
        A name from ``fastmlp.losses.LOSSES``, or an everyday name of it.
    options : float or sequence of float, default=()
        The number that the loss needs, such as the delta of "huber"; one for each output where the outputs differ in
        it. Without it the engine takes the default of the loss.
    output_weights : sequence of float, default=None
        A factor of at least 0 for the loss of each output, for losses with a matrix of targets.
    function : callable, default=None
        A loss of one's own, as :class:`fastmlp.losses.CustomLoss` takes it, which is called instead of the engine's. It
        goes with loss="squared_error", whose output activation is the identity.

    Raises
    ------
    ValueError
        For a loss that is not known, numbers that it cannot have, and a function that cannot be called.

    Examples
    --------
    >>> from fastmlp.network import Network, Objective
    >>> Objective("BCE").loss, Objective("BCE").link
    ('binary_log_loss', 'logistic')
    >>> net = Network.create([2, 3, 1], loss=Objective("huber", options=2.0), random_state=0)
    >>> net.objective.options
    (2.0,)
    >>> Objective("huber", options=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: options of the loss 'huber' must be in the range (0.0, inf); got -1.0.
    """

    loss: str = "squared_error"
    options: tuple[float, ...] = ()
    output_weights: tuple[float, ...] | None = None
    function: CustomLoss | None = None

    def __init__(
        self,
        loss: str = "squared_error",
        options: float | Sequence[float] | NDArray = (),
        output_weights: ArrayLike | None = None,
        function: Callable | None = None,
    ) -> None:
        named(loss, OUTPUT_ACTIVATIONS, "loss")
        loss = OUTPUT_ACTIVATIONS.canonical(loss)
        if type(options) is not tuple or options:  # Most losses have none, and there is an objective for every fit.
            check_loss_options(loss, options)
            options = tuple(np.ravel(options).tolist())
        if output_weights is not None:
            weights = real_array(output_weights, np.shape(output_weights), np.float64, "output_weights")
            if (weights < 0).any():
                raise ValueError(f"output_weights must be at least 0; got {output_weights!r}.")
            output_weights = tuple(weights.ravel().tolist())
        if function is not None:
            function = (function if isinstance(function, CustomLoss) else CustomLoss(function)).validate()
            if loss != "squared_error":
                raise ValueError(f"function goes with loss='squared_error', whose place it takes; got loss={loss!r}.")
        values = {"loss": loss, "options": options, "output_weights": output_weights, "function": function}
        self.__dict__.update(values)  # The object is frozen, and has no other way to be given values.

    @classmethod
    def of(cls, given: str | Callable | Objective) -> Objective:
        """Return the objective that a name of a loss, or a function in Python, stands for; or the given one.

        Raises
        ------
        ValueError
            For a name that is not known, and for what is none of these.

        Examples
        --------
        >>> from fastmlp.network import Objective
        >>> Objective.of("mse").loss
        'squared_error'
        """
        if isinstance(given, Objective):
            return given
        return cls(function=given) if callable(given) else cls(given)

    @classmethod
    def with_link(cls, name: str) -> Objective:
        """Return an objective whose output activation has this name, for a network that only predicts.

        Examples
        --------
        >>> from fastmlp.network import Objective
        >>> Objective.with_link("softmax").link
        'softmax'
        """
        return cls(next(loss for loss, activation in OUTPUT_ACTIVATIONS.items() if activation == name))

    @property
    def link(self) -> str:
        """The name of the activation of the output layer, which statisticians call the inverse link."""
        return OUTPUT_ACTIVATIONS[self.loss]

    @property
    def takes_class_numbers(self) -> bool:
        """Whether a target is the number of a class instead of a number for each output."""
        return self.loss in CLASS_TARGET_LOSSES

    @property
    def for_trainer(self) -> dict[str, Any]:
        """The arguments by which the engine's Trainer is told of the objective, beside the name of the loss."""
        return {"loss_options": self.options, "output_weights": self.output_weights, "python_loss": self.function}

    def gradient_factor(self, n_outputs: int) -> int:
        """Return how many times the gradient of the loss the engine's gradient is.

        Only that of squared_error lacks the mean over the outputs, as scikit-learn's does.
        """
        return n_outputs if self.loss == "squared_error" and self.function is None else 1

    def checked_targets(self, targets: ArrayLike, shape: tuple[int, int], dtype: DTypeLike) -> NDArray:
        """Return targets as the engine reads them; see :func:`fastmlp.losses.engine_targets`."""
        return engine_targets(targets, self.loss, shape, dtype)

    def outputs(self, z: NDArray) -> NDArray:
        """Return a network's outputs, given its values z of shape (n_samples, n_outputs) before the output activation.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Objective
        >>> Objective("binary_log_loss").outputs(np.zeros((1, 1)))
        array([[0.5]])
        """
        return engine.link(self.loss, z)

    def row_gradients(self, z: NDArray, targets: NDArray) -> NDArray:
        """Return the gradient of each sample's loss with respect to its values z before the output activation.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Objective
        >>> Objective("squared_error").row_gradients(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]))
        array([[0.],
               [2.]])
        """
        if self.function is not None:
            return self.function(targets, z, None)[1] * len(z)  # since it gives the gradient of the mean
        _, gradients = engine.row_losses(
            self.loss, z, targets, options=self.options, output_weights=self.output_weights
        )
        return gradients / self.gradient_factor(z.shape[1])

    def row_losses(self, z: NDArray, targets: NDArray) -> NDArray:
        """Return each sample's loss, given its values z before the output activation, shape (n_samples,), float64.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Objective
        >>> Objective("squared_error").row_losses(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]))
        array([0., 2.])
        """
        losses, _ = engine.row_losses(self.loss, z, targets, options=self.options, output_weights=self.output_weights)
        return losses

    def mean_loss(self, z: NDArray, targets: NDArray, weights: NDArray | None = None) -> float:
        """Return the mean loss of samples, as their weights say, without the penalties of training.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_outputs)
            The network's values before the output activation.
        targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What :meth:`checked_targets` returns.
        weights : ndarray of shape (n_samples,), float64, default=None
            The weights of the samples; None gives all the same.

        Raises
        ------
        ValueError
            For weights of another number, or all zero; for targets of another shape or type than the loss reads, among
            them class numbers that are none.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Objective
        >>> z, targets = np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]])
        >>> Objective("squared_error").mean_loss(z, targets, np.array([3.0, 1.0]))
        0.5
        """
        if weights is not None and weights.shape != (len(z),):
            raise ValueError(f"weights must have shape {(len(z),)}; got shape {weights.shape}.")
        if weights is not None and not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        if self.function is not None:
            return self.function(targets, z, weights)[0]
        losses = self.row_losses(z, targets)
        if weights is not None:
            losses[weights == 0] = 0  # A loss that overflowed must not count, either.
        return float(np.average(losses, weights=weights))
