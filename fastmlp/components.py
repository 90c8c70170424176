"""What estimators are made of: objects with parameters, known by a name or given as they are."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator


class Component(BaseEstimator):
    """An activation, loss, optimizer, schedule: something with parameters that ``clone`` copies and searches set.

    A subclass's ``__init__`` stores its parameters as they are, as scikit-learn's estimators do; ``validate`` checks
    them where they are used. The repr names the parameters that are not at their defaults: evaluated, it gives an
    object with the same parameters.

    Examples
    --------
    >>> from fastmlp.components import Component
    >>> class Scaled(Component):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    >>> Scaled(), Scaled(2.0), Scaled().set_params(factor=3).get_params()
    (Scaled(), Scaled(factor=2.0), {'factor': 3})
    """

    _parameter_constraints: ClassVar[dict] = {}

    def validate(self) -> Self:
        """Return self, with parameters that are checked, those of components within it too.

        Raises
        ------
        ValueError
            Names the parameter, what it must be and what it is.
        """
        self._validate_params()
        for value in self.get_params(deep=False).values():
            if isinstance(value, Component):
                value.validate()
        return self

    def __repr__(self, N_CHAR_MAX: int = 0) -> str:
        defaults = {name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()}
        changed = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if type(value) is not type(defaults[name]) or repr(value) != repr(defaults[name])
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


def named(name: str, known: Mapping[str, Callable[..., Any]], parameter: str) -> Callable[..., Any]:
    """Return what a name stands for.

    Raises
    ------
    ValueError
        For a name that is not known; it lists those that are, the nearest first.

    Examples
    --------
    >>> from fastmlp.components import named
    >>> named("rleu", {"tanh": print, "relu": print}, "activation")
    Traceback (most recent call last):
    ...
    ValueError: activation='rleu' is not known; known are 'relu', 'tanh'.
    """
    if name not in known:
        raise ValueError(f"{parameter}={name!r} is not known; known are {listed(name, known)}.")
    return known[name]


def listed(name: str, known: Iterable[str]) -> str:
    """Return the known names, those most like the given one first.

    Examples
    --------
    >>> from fastmlp.components import listed
    >>> listed("addam", ["sgd", "adam", "lion"])
    "'adam', 'sgd', 'lion'"
    """
    likeness = {other: difflib.SequenceMatcher(None, name.lower(), other).ratio() for other in known}
    return ", ".join(map(repr, sorted(likeness, key=lambda other: -likeness[other])))
