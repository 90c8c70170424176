"""What estimators are made of: objects with parameters, known by a name or given as they are."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import make_constraint


class Parameterized(BaseEstimator):
    """scikit-learn's base class, which here does once for a class what it does whenever a fit asks.

    It reads the signature of ``__init__``, and makes the constraints of the parameters.
    """

    @classmethod
    def _get_param_names(cls) -> list[str]:
        if "_param_names" not in vars(cls):
            cls._param_names = super()._get_param_names()
        return cls._param_names

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return what ``__init__`` takes for each parameter that is not given."""
        if "_default_params" not in vars(cls):
            cls._default_params = {name: p.default for name, p in inspect.signature(cls.__init__).parameters.items()}
        return cls._default_params

    def _constraints(self) -> dict[str, list]:
        given, made = vars(type(self)).get("_made_constraints", (None, {}))
        if given is not self._parameter_constraints:
            given = self._parameter_constraints
            made = {
                name: [make_constraint(each) for each in constraints]
                for name, constraints in given.items()
                if constraints != "no_validation"
            }
            type(self)._made_constraints = given, made
        return made

    def _validate_params(self) -> None:
        constraints = self._constraints()
        for name, value in self.get_params(deep=False).items():
            if name in constraints and not any(each.is_satisfied_by(value) for each in constraints[name]):
                super()._validate_params()  # which tells what is wrong


class Component(Parameterized):
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
        defaults = self._defaults()
        changed = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if type(value) is not type(defaults[name]) or repr(value) != repr(defaults[name])
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


def real_array(given: Any, shape: tuple[int, ...], dtype: DTypeLike, what: str) -> NDArray:
    """Return what a callable of the user's gave, as an array of a type.

    Raises
    ------
    ValueError
        Unless these are real numbers of that shape, finite in that type; it begins with ``what``.

    Examples
    --------
    >>> from fastmlp.components import real_array
    >>> real_array([1, 2], (2,), "float32", "weights")
    array([1., 2.], dtype=float32)
    >>> real_array([1, 2], (3,), "float32", "weights")
    Traceback (most recent call last):
    ...
    ValueError: weights must have shape (3,); got shape (2,).
    """
    try:
        array = np.asarray(given)
    except ValueError:  # lists of several lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be real numbers of shape {shape}; got {given!r}.")
    if array.shape != shape:
        raise ValueError(f"{what} must have shape {shape}; got shape {array.shape}.")
    with np.errstate(over="ignore"):
        array = array.astype(dtype, copy=False)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(f"{what} must be finite in {array.dtype.name}; got {array[~finite][0]}.")
    return array


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
