"""The samples that fit is given to validate on: in which ways they come, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ValidationSamples(tuple):
    """X_val, y_val and sample_weight_val, as eval_set would hold them."""


def with_validation(eval_set: Any, X_val: Any, y_val: Any, sample_weight_val: Any) -> Any:
    """Return the sets that a fit was given, as eval_set or as three parameters.

    Raises
    ------
    ValueError
        When one of the parameters lacks its fellow, or sets are given in both ways.

    Examples
    --------
    >>> from fastmlp.estimators.evaluation_sets import with_validation
    >>> with_validation(None, [[1.0]], [1], None)
    ([[1.0]], [1], None)
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        return eval_set
    if X_val is None:
        raise ValueError(
            f"{'sample_weight_val' if y_val is None else 'y_val'} is provided, but X_val was not provided."
        )
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if eval_set is not None:
        raise ValueError(
            "Samples to validate on come as eval_set or as X_val and y_val, not as both; several sets go into eval_set:"
            " {'validation': (X_val, y_val), ...}."
        )
    return ValidationSamples((X_val, y_val, sample_weight_val))


def named_sets(eval_set: Any) -> dict[str, Any]:
    """Return the sets by name: (X, y) or (X, y, sample_weight) each.

    Raises
    ------
    ValueError
        For what is none.

    Examples
    --------
    >>> from fastmlp.estimators.evaluation_sets import named_sets
    >>> list(named_sets(([[1.0]], [1]))), list(named_sets([([[1.0]], [1]), ([[2.0]], [2])]))
    (['validation'], ['validation_0', 'validation_1'])
    """
    if eval_set is None:
        return {}
    if isinstance(eval_set, Mapping):
        named = dict(eval_set)
    elif isinstance(eval_set, list) and all(isinstance(part, tuple) for part in eval_set):
        named = {f"validation_{i}": part for i, part in enumerate(eval_set)}
    else:
        named = {"validation": eval_set}
    for name, part in named.items():
        if not isinstance(name, str) or not isinstance(part, tuple | list) or len(part) not in (2, 3):
            raise ValueError(
                "eval_set must be (X, y) or (X, y, sample_weight), a list of these, or a dict that names them;"
                f" got {type(part).__name__} for {name!r}."
            )
    return named


def place_of(name: str, samples: Any) -> str:
    """Return what the user gave a set as, for messages: X_val, or the set of that name in eval_set."""
    return "X_val" if isinstance(samples, ValidationSamples) else f"eval_set {name!r}"
