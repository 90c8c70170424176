"""The base class of the losses that users choose, and the class for a loss of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastmlp.components import Component, real_array
from fastmlp.losses.names import OUTPUT_ACTIVATIONS
from fastmlp.registration import stored_as


class Loss(Component):
    """What training makes small. A subclass names the engine's loss for each kind of targets that it is for.

    Examples
    --------
    >>> from fastmlp.losses import SquaredError
    >>> SquaredError().engine_loss("numbers"), SquaredError().engine_loss("multiclass")
    ('squared_error', 'quadratic')
    """

    #: The name of the loss, by which users may choose it.
    name: ClassVar[str]
    #: The name of the engine's loss for each kind of targets that this loss is for.
    engine_losses: ClassVar[Mapping[str, str]]
    #: The smallest number a target may be, and whether it may be that number itself.
    least_target: ClassVar[float] = -np.inf
    least_target_allowed: ClassVar[bool] = True
    #: The share of a class's target that goes to all classes alike.
    label_smoothing: float = 0.0

    def engine_loss(self, kind: str) -> str:
        """Return the name of the engine's loss for a kind of targets.

        Raises
        ------
        ValueError
            When this loss is not for such targets.
        """
        if kind not in self.engine_losses:
            fitting = " or ".join(self.engine_losses)
            raise ValueError(f"The loss {self.name!r} is for {fitting} targets; got {kind} targets.")
        return self.engine_losses[kind]

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The number that the engine's loss needs, or one for each output where the outputs differ in it."""
        return ()

    @property
    def outputs_per_target(self) -> int:
        """The number of outputs that the network has for each column of targets."""
        return max(1, len(self.engine_options))

    def has_probabilities(self, kind: str) -> bool:
        """Return whether predictions are probabilities; else they are scores (of classes) or numbers."""
        return OUTPUT_ACTIVATIONS[self.engine_loss(kind)] in {"softmax", "logistic"}

    def threshold(self, kind: str) -> float:
        """Return the output above which a binary target or a label is predicted."""
        return 0.5 if self.has_probabilities(kind) else 0.0

    def probabilities(self, outputs: NDArray, kind: str) -> NDArray:
        """Return probabilities, given the network's outputs; for several classes those of a sample add up to 1.

        Raises
        ------
        ValueError
            When the outputs are scores or numbers.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.losses import SquaredError
        >>> SquaredError().probabilities(np.array([[0.6, 0.3, 0.6]]), "multiclass")
        array([[0.4, 0.2, 0.4]])
        """
        if not self.has_probabilities(kind):
            raise ValueError(f"The loss {self.name!r} gives no probabilities of {kind} targets.")
        outputs = np.asarray(outputs)
        if kind != "multiclass" or OUTPUT_ACTIVATIONS[self.engine_loss(kind)] == "softmax":
            return outputs
        total = outputs.sum(axis=1, keepdims=True)
        # All classes are as probable where all outputs are too small to be told from 0.
        alike = np.full_like(outputs, 1 / outputs.shape[1])
        return np.divide(outputs, total, out=alike, where=total != 0)


@stored_as("losses.CustomLoss")
class CustomLoss(Loss):
    """A loss of one's own in Python, which is called for each batch: the slow way, in one thread.

    Its predictions are the network's outputs as they are: numbers, or scores of classes, of which the largest (of two
    classes or of labels: those above 0) are predicted.

    Parameters
    ----------
    function : callable
        (y_true, y_pred, sample_weight) -> (loss, gradient). y_true and y_pred are arrays (n, n_outputs), y_true being
        an indicator matrix for classes; sample_weight is an array (n,) or None. The loss is a number, the batch's mean,
        and the gradient its derivative with respect to y_pred.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> def log_cosh(y_true, y_pred, sample_weight):
    ...     e = y_pred - y_true
    ...     return np.log(np.cosh(e)).mean(), np.tanh(e) / e.size
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> y = X.ravel() ** 2
    >>> reg = MLPRegressor(log_cosh, (20,), learning_rate_init=0.02, max_iter=500, random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.9)
    True
    """

    name = "custom"
    # This loss of the engine has the identity for its link and a matrix of targets; its value and slope are not used.
    engine_losses = dict.fromkeys(("binary", "multiclass", "multilabel", "numbers"), "squared_error")
    _parameter_constraints: ClassVar[dict] = {"function": [callable]}

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, y_true: NDArray, y_pred: NDArray, sample_weight: NDArray | None) -> tuple[float, NDArray]:
        """Return the batch's loss and its gradient, once they have passed all checks."""
        what = f"loss={self.function!r}"
        try:
            returned = self.function(y_true, y_pred, sample_weight)
        except Exception as error:
            error.add_note(f"Raised by {what}.")
            raise
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise ValueError(f"{what} must return a pair (loss, gradient); got {returned!r}.")
        value = real_array(returned[0], (), np.float64, f"{what}: the loss")
        return float(value), real_array(returned[1], y_pred.shape, y_pred.dtype, f"{what}: the gradient")
