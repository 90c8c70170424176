"""What users give as an augmentation, and what it makes of a batch, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.augmentation.base import Augment, Augmentation, place_of_weights
from fastmlp.augmentation.registry import AUGMENTATIONS
from fastmlp.components import named, real_array


class Function:
    """A callable of the user's, called as an augmentation; its parameters are looked at once, when the object is made.

    Parameters
    ----------
    function : callable
        It is called as (X, y, rng), and with ``sample_weight`` if it has such a parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation.given import Function
    >>> augment = Function(lambda X, y, rng: (X + 1, y))
    >>> augment(np.zeros((1, 2)), np.ones((1, 1)), np.random.default_rng(0))[0]
    array([[1., 1.]])
    """

    def __init__(self, function: Augment) -> None:
        self.function = function
        self.weight_place = place_of_weights(function)

    def __call__(self, *arguments: Any, **weights: Any) -> Any:
        """Return what the function returns."""
        return self.function(*arguments, **weights)

    def __repr__(self) -> str:
        return repr(self.function)


def as_augment(augment: str | Augment) -> Augment:
    """Return the augmentation that a user gave, checked: a name becomes an object, a callable a :class:`Function`.

    Raises
    ------
    ValueError
        For a name that is not known, and for wrong parameters.
    TypeError
        For anything else, among it the class of an augmentation.

    Examples
    --------
    >>> from fastmlp.augmentation import Noise, as_augment
    >>> as_augment(Noise(0.5)), as_augment("mixup")
    (Noise(std=0.5), Mixup())
    """
    if isinstance(augment, str):
        augment = named(augment, AUGMENTATIONS, "augment")()
    if isinstance(augment, Augmentation):
        return augment.validate()
    if isinstance(augment, Function):
        return augment
    if callable(augment) and not isinstance(augment, type):
        return Function(augment)
    raise TypeError(f"augment must be a name, an Augmentation or a callable (X, y, rng) -> (X, y); got {augment!r}.")


def augmented(
    augment: Augment, X: NDArray, y: NDArray, rng: np.random.Generator, sample_weight: NDArray | None = None
) -> tuple[NDArray, ...]:
    """Return what an augmentation makes of a batch: it is checked, and has the types of X and y.

    Parameters
    ----------
    augment : callable
        It is called as :class:`Augmentation` says. It must return as many rows, features and outputs as it was given,
        all of them finite.
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n, n_outputs)
    rng : numpy.random.Generator
    sample_weight : ndarray of shape (n,), default=None

    Returns
    -------
    batch : tuple
        (X, y), and where there are weights, given or returned by augment, (X, y, sample_weight).

    Raises
    ------
    ValueError
        For a result that is not such a batch, and where rows have moved and their weights have not. The message names
        augment and says what came instead.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import augmented
    >>> augmented(lambda X, y, rng: (X[:1], y), np.ones((2, 3)), np.ones((2, 1)), np.random.default_rng(0))
    Traceback (most recent call last):
    ...
    ValueError: augment: the X it returns must have shape (2, 3); got shape (1, 3).
    """
    if not isinstance(augment, Augmentation | Function):
        augment = Function(augment)
    sees_weights = augment.weight_place is not None
    try:
        if not sees_weights:
            returned = augment(X, y, rng)
        elif augment.weight_place == 2:
            returned = augment(X, y, sample_weight, rng)  # type: ignore[call-arg, arg-type]
        else:
            returned = augment(X, y, rng, sample_weight=sample_weight)  # type: ignore[call-arg]
    except Exception as error:
        error.add_note(f"Raised by augment={augment!r}.")
        raise
    if not isinstance(returned, tuple | list) or len(returned) not in (2, 3) or len(returned) > 2 + sees_weights:
        form = "(X, y) or (X, y, sample_weight)" if sees_weights else "a pair (X, y)"
        hint = "" if sees_weights else " With a parameter sample_weight it may return (X, y, sample_weight)."
        raise ValueError(f"augment must return {form}; got {returned!r}.{hint}")
    X_new = real_array(returned[0], X.shape, X.dtype, "augment: the X it returns")
    y_new = real_array(returned[1], y.shape, y.dtype, "augment: the y it returns")
    if len(returned) == 2 and sample_weight is not None and _are_moved(X, y, X_new, y_new, sample_weight):
        raise ValueError(
            "augment: the rows it returns are those it was given in another order, but their weights stay in place;"
            " give it a parameter sample_weight, and have it return (X, y, sample_weight)."
        )
    weights = sample_weight if len(returned) == 2 else returned[2]
    if weights is None and sample_weight is None:
        return X_new, y_new
    weights = real_array(weights, (len(X),), np.float64, "augment: the sample_weight it returns")
    if (weights < 0).any():
        raise ValueError(f"augment: the sample_weight it returns must be at least 0; got {weights.min()}.")
    return X_new, y_new, weights


def _are_moved(X: NDArray, y: NDArray, X_new: NDArray, y_new: NDArray, weights: NDArray) -> bool:
    """Whether rows of different weights are those that were given, in other places, and their targets with them.

    Where no target has changed its place, rows of X may look as if they had moved though each was changed by itself.
    """
    if y_new is y or np.array_equal(y_new, y) or (weights == weights[0]).all():
        return False
    before, after = np.hstack([X, y]), np.hstack([X_new, y_new])
    return all(
        np.array_equal(old[np.lexsort(old.T)], new[np.lexsort(new.T)]) for old, new in ((y, y_new), (before, after))
    )
