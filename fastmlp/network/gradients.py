"""The loss and its gradient over all rows, as one function of the parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.components import listed
from fastmlp.inputs.rows import Rows
from fastmlp.network.regularization import Regularization, checked_seed

# What the engine's Trainer can be told, beside what a network, its objective and a call decide.
_OPTIONS = ("regularization", "seed", "bfloat16", "split", "isa")


def checked_options(alpha: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return alpha and the options of the engine's Trainer together, checked.

    Raises
    ------
    TypeError
        For an option that there is not.
    ValueError
        For values that cannot be what they are called.

    Examples
    --------
    >>> from fastmlp.network.gradients import checked_options
    >>> checked_options(1, {"seed": 2})
    {'seed': 2, 'alpha': 1.0}
    """
    if not isinstance(alpha, Real) or not 0 <= float(alpha) < math.inf:
        raise ValueError(f"alpha must be a finite number of at least 0; got {alpha!r}.")
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(f"Network takes no option {name!r}; there are {listed(name, _OPTIONS)}.")
    regularization = options.get("regularization")
    if regularization is not None:
        if not isinstance(regularization, Regularization):
            raise ValueError(f"regularization must be a Regularization; got {regularization!r}.")
        regularization.validate()
    if "seed" in options:
        checked_seed(options["seed"])
    return {**options, "alpha": float(alpha)}


class Gradients:
    """The loss and its gradient over all rows, whose call keeps the engine's buffers for the next one.

    Parameters
    ----------
    trainer : Trainer
        A trainer whose rule is "gradient", with room for a batch of all rows.
    rows : Rows
        The samples.
    targets, weights : ndarray
        Their targets and weights as the engine reads them: :class:`Network` checks what users give.
    alpha : float
        The strength of the L2 term.
    """

    def __init__(
        self, trainer: engine.Trainer, rows: Rows, targets: NDArray | None, weights: NDArray | None, alpha: float
    ) -> None:
        self._trainer, self._alpha = trainer, alpha
        self._orders = np.arange(rows.n_rows)[np.newaxis]
        trainer.attach(rows, targets, weights)

    def __call__(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the loss for parameters, and its gradient as a new vector."""
        trainer = self._trainer
        trainer.load(params)
        trainer.begin(self._orders, self._orders.size, self._alpha, (), 0)
        while not trainer.run():
            pass
        gradient = np.empty_like(params)
        trainer.store(None, [gradient])
        return trainer.losses()[0], gradient
