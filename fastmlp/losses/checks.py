"""Checks of what users give for the engine's losses: targets, and the numbers that a loss depends on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.components import real_array
from fastmlp.losses.base import Loss
from fastmlp.losses.names import CLASS_TARGET_LOSSES
from fastmlp.losses.objects import NAMED_LOSSES


def target_range(loss: str) -> tuple[float, bool, float]:
    """Return the bounds of the targets of an engine's loss: the least, whether it is allowed itself, and the most.

    Examples
    --------
    >>> from fastmlp.losses import target_range
    >>> target_range("gamma"), target_range("hinge")
    ((0.0, False, inf), (0.0, True, 1.0))
    """
    for each in NAMED_LOSSES.values():
        if each.engine_losses.get("numbers") == loss:
            return each.least_target, each.least_target_allowed, np.inf
    return 0.0, True, 1.0  # The other losses are for classes, where a target says how much a sample belongs to one.


def engine_targets(targets: ArrayLike, loss: str, shape: tuple[int, int], dtype: DTypeLike) -> NDArray:
    """Return targets as an engine's loss reads them, once they have passed all checks.

    Parameters
    ----------
    targets : array-like of shape (n_samples,) or (n_samples, n_outputs)
        For losses in CLASS_TARGET_LOSSES these are class numbers, integers from 0 on; for the others numbers, for a
        single output in either shape.
    loss : str
        The name of the engine's loss.
    shape : tuple of int
        The numbers of samples and of the network's outputs, (n_samples, n_outputs).
    dtype : float32 or float64
        The type that the network computes in.

    Returns
    -------
    targets : ndarray of shape (n_samples,), int32, or of shape (n_samples, n_outputs) and type dtype

    Raises
    ------
    ValueError
        For targets of another type or shape, and for targets out of the loss's range.

    Examples
    --------
    >>> from fastmlp.losses import engine_targets
    >>> engine_targets([1, 0, 2], "log_loss", (3, 3), "float64")
    array([1, 0, 2], dtype=int32)
    >>> engine_targets([1, 0, 3], "log_loss", (3, 3), "float64")
    Traceback (most recent call last):
    ...
    ValueError: targets of the loss 'log_loss' must be class numbers from 0 to 2; got 3.
    """
    n_samples, n_outputs = shape
    what = f"targets of the loss {loss!r}"
    if loss in CLASS_TARGET_LOSSES:
        numbers = np.asarray(targets)
        if numbers.dtype.kind not in "biu":
            raise ValueError(f"{what} must be class numbers, integers of shape ({n_samples},); got {numbers.dtype}.")
        if numbers.shape != (n_samples,):
            raise ValueError(f"{what} must be class numbers, of shape ({n_samples},); got shape {numbers.shape}.")
        if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= n_outputs:
            wrong = numbers[(numbers < 0) | (numbers >= n_outputs)]
            raise ValueError(f"{what} must be class numbers from 0 to {n_outputs - 1}; got {wrong[0]}.")
        return np.ascontiguousarray(numbers, np.int32)
    if n_outputs == 1 and np.shape(targets) == (n_samples,):
        targets = np.reshape(targets, (n_samples, 1))
    matrix = np.ascontiguousarray(real_array(targets, (n_samples, n_outputs), dtype, what))
    least, allowed, most = target_range(loss)
    if least == -np.inf:
        return matrix
    wrong = matrix[~((matrix >= least if allowed else matrix > least) & (matrix <= most))]
    if wrong.size:
        limits = f"from {least:g} to {most:g}" if most < np.inf else f"{'at least' if allowed else 'above'} {least:g}"
        raise ValueError(f"{what} must be {limits}; got {wrong[0]}.")
    return matrix


def check_loss_options(loss: str, options: ArrayLike) -> None:
    """Refuse options that an engine's loss has no use for, or that its class would not take for its parameter.

    Raises
    ------
    ValueError
        For such options; it says what they may be.

    Examples
    --------
    >>> from fastmlp.losses import check_loss_options
    >>> check_loss_options("huber", [1.0, 2.0])
    >>> check_loss_options("pinball", 1.5)
    Traceback (most recent call last):
    ...
    ValueError: options of the loss 'pinball' must be in the range (0.0, 1.0); got 1.5.
    """
    for number in np.ravel(options).tolist():
        classes = [each for each in NAMED_LOSSES.values() if loss in each.engine_losses.values()]
        allowed = [c for each in classes for c in _constraints_of(each)]
        if not allowed:
            raise ValueError(f"options must be (), since the loss {loss!r} has none; got {options!r}.")
        if not allowed[0].is_satisfied_by(number):
            limits = str(allowed[0]).removeprefix("a float ")
            raise ValueError(f"options of the loss {loss!r} must be {limits}; got {number!r}.")


def _constraints_of(loss: type[Loss]) -> list[Interval]:
    """Return the constraints on the option of a loss; none where the engine takes no option for it."""
    if loss.engine_options is Loss.engine_options:
        return []
    return [c for constraints in loss._parameter_constraints.values() for c in constraints]
