"""What estimators are made of: objects with parameters, known by a name or given as they are."""

import difflib
import inspect
import operator
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, make_constraint

from fastmlp.keywords import advice, meant_by, plain, unexpected

_Known = TypeVar("_Known")


# ---- names -----------------------------------------------------------------------------------------------------------


class Registry(dict[str, _Known]):
    """What names stand for: a dict by the one name that each thing has in reprs and in files.

    Everyday names of the same things are understood wherever users give a name, in upper or lower case and with or
    without underscores, hyphens and blanks; they are no keys.

    Parameters
    ----------
    known : mapping of str to Any
        The things by their names.
    aliases : mapping of str to sequence of str, default={}
        For a name its everyday names.

    Examples
    --------
    >>> from fastmlp.components import Registry
    >>> rates = Registry({"one_cycle": 1, "cosine": 2}, {"cosine": ["cosine_annealing"]})
    >>> rates.canonical("OneCycle"), rates.canonical("CosineAnnealing"), rates.canonical("linear")
    ('one_cycle', 'cosine', 'linear')
    """

    def __init__(self, known: Mapping[str, _Known], aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(known)
        self.aliases = {name: tuple(others) for name, others in (aliases or {}).items()}
        self._canonical = {plain(name): name for name in known}
        for name, others in self.aliases.items():
            for other in others:
                if name not in known or self._canonical.setdefault(plain(other), name) != name:
                    raise AssertionError(f"the alias {other!r} of {name!r} means something else")

    def canonical(self, given: Any) -> Any:
        """Return the name that a given one means; what means none, and what is no name, as it is."""
        if not isinstance(given, str) or given in self:
            return given
        return self._canonical.get(plain(given), given)


class Named:
    """A parameter that names are given for: as an attribute it is the canonical name, however it was set.

    So reprs, files and every comparison have one name to reckon with. ``clone`` and ``set_params`` work as for every
    parameter, since a canonical name, and whatever else is no alias, stays the object it is. Of a list, each element
    is taken like that.

    Parameters
    ----------
    known : Registry
        Where the names are looked up.

    Examples
    --------
    >>> from fastmlp.components import Component, Named, Registry
    >>> class Net(Component):
    ...     unit = Named(Registry({"logistic": 1, "tanh": 2}, {"logistic": ["sigmoid"]}))
    ...     def __init__(self, unit="tanh"):
    ...         self.unit = unit
    >>> Net("Sigmoid"), Net().set_params(unit=["TanH", "sigmoid"]).unit
    (Net(unit='logistic'), ['tanh', 'logistic'])
    """

    def __init__(self, known: Registry) -> None:
        self.known = known

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    # There is no __get__ at run time: the attribute is read from the object's own dict, at no cost.
    if TYPE_CHECKING:

        def __get__(self, owner: Any, cls: Any) -> Any: ...

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self._name] = self.canonical(value)

    def canonical(self, value: Any) -> Any:
        """Return a value with canonical names; itself if it has no others."""
        if type(value) not in (list, tuple):
            return self.known.canonical(value)
        each = [self.known.canonical(part) for part in value]
        return value if all(new is old for new, old in zip(each, value, strict=True)) else type(value)(each)


def named(name: str, known: Mapping[str, _Known], parameter: str) -> _Known:
    """Return what a name stands for; aliases, too, if it is a Registry that knows it.

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
    found = known.canonical(name) if isinstance(known, Registry) else name
    if found not in known:
        raise ValueError(f"{parameter}={name!r} is not known; known are {listed(name, known)}.")
    return known[found]


def listed(name: str, known: Iterable[str]) -> str:
    """Return the known names, those most like the given one first; a Registry's aliases tell what they are like, too.

    Examples
    --------
    >>> from fastmlp.components import listed
    >>> listed("addam", ["sgd", "adam", "lion"])
    "'adam', 'sgd', 'lion'"
    """
    aliases = known.aliases if isinstance(known, Registry) else {}
    likeness = {other: max(_likeness(name, each) for each in (other, *aliases.get(other, ()))) for other in known}
    return ", ".join(map(repr, sorted(likeness, key=lambda other: -likeness[other])))


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio()


# ---- parameters ------------------------------------------------------------------------------------------------------


class Parameterized(BaseEstimator):
    """scikit-learn's base class, which here says what is meant where a name is wrong, and reaches into lists.

    ``set_params(callbacks__0__patience=5)`` sets a parameter of the first of a list, ``callbacks__0=...`` replaces it;
    ``get_params()`` has both names. Once for a class it does what scikit-learn's does whenever a fit asks: it reads the
    signature of ``__init__``, and makes the constraints of the parameters.
    """

    #: What to say of keywords that are no parameters and mean none, by their plain form.
    _advice: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse keywords that ``__init__`` does not take, and say which are meant."""
        if kwargs and not (accepted := cls._accepted()).issuperset(kwargs):
            wrong = next(name for name in kwargs if name not in accepted)
            raise unexpected(f"{cls.__name__}.__init__", wrong, advice(wrong, accepted, cls._advice))
        return super().__new__(cls)

    # What inspect shows of a class that has no __init__ of its own.
    __new__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("cls", inspect.Parameter.POSITIONAL_ONLY)]
    )

    @classmethod
    def _accepted(cls) -> "frozenset[str]":
        """Return the keywords that ``__init__`` takes."""
        if "_keywords" not in vars(cls):
            own = [] if cls.__init__ is object.__init__ else [*inspect.signature(cls.__init__).parameters.values()][1:]
            takes_all = any(each.kind is each.VAR_KEYWORD for each in own)
            cls._keywords = _Everything() if takes_all else frozenset(each.name for each in own)
        return cls._keywords

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

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; with deep=True those of parameters too, and what lists of them hold.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        params : dict of str to Any
        """
        params = super().get_params(deep)
        if deep:
            for name, value in list(params.items()):
                if type(value) in (list, tuple):
                    params.update(_parameters_in(value, name))
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name: ``solver__momentum`` of an object, ``callbacks__0__patience`` of one in a list.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For a name that is no parameter: it says which is meant; nothing of this object has been set then.
        """
        names = self._get_param_names()
        within: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, delimiter, rest = key.partition("__")
            if name not in names:
                hint = advice(name, names, self._advice)
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {names!r}."
                    f"{' ' if hint else ''}{hint}"
                )
            if delimiter:
                within.setdefault(name, {})[rest] = value
        values = {name: self._as_set(name, value) for name, value in params.items() if "__" not in name}
        for name, inner in within.items():
            value, candidates = values.get(name, getattr(self, name)), self._candidates(name)
            if type(value) in (list, tuple):
                values[name] = _set_in(value, inner, name, candidates)
            else:
                _check_has_parameters(value, name, inner, candidates, self._flat)
        for name, inner in within.items():  # first, since a name within may be none
            if type(value := values.get(name, getattr(self, name))) not in (list, tuple):
                value.set_params(**inner)
        for name, value in values.items():
            setattr(self, name, value)
        return self

    @classmethod
    def _named(cls, name: str) -> Named | None:
        """Return what makes a parameter's names canonical; None for all other parameters."""
        found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        return found if isinstance(found, Named) else None

    def _as_set(self, name: str, value: Any) -> Any:
        descriptor = self._named(name)
        return value if descriptor is None else descriptor.canonical(value)

    #: What of this class to set where a name stands for an object: by the parameter, and by that of the object.
    _flat: ClassVar[Mapping[tuple[str, str], str]] = {}

    @classmethod
    def _candidates(cls, name: str) -> Mapping[str, Any]:
        """Return what may be given for a parameter, by name."""
        descriptor = cls._named(name)
        return {} if descriptor is None else descriptor.known

    # What notebooks show.

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        from fastmlp.representation import Parameters  # noqa: PLC0415 - few need it

        shown = super()._get_params_html(deep, doc_link)
        return Parameters(params=shown.data, non_default=shown.non_default, estimator_class=type(self))

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        from fastmlp.representation import Attributes  # noqa: PLC0415

        shown = super()._get_fitted_attr_html(doc_link)
        return Attributes(fitted_attrs=shown.data, estimator_class=type(self))

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
                try:
                    super()._validate_params()  # which tells what is wrong
                except InvalidParameterError as error:
                    raise InvalidParameterError(f"{error} {self._hint(name, value)}".rstrip()) from None

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an object from a file may have any.

        Raises
        ------
        ValueError
            It says what is wrong.
        """
        self._validate_params()

    def _hint(self, name: str, value: Any) -> str:
        """Return what else to say of a parameter's value that cannot be: a sentence, or nothing."""
        if isinstance(value, type) and issubclass(value, Component):
            return f"Give an object instead of its class: {value.__name__}()."
        return ""


class _Everything(frozenset):
    """The keywords of a function that takes any."""

    def issuperset(self, other: Iterable[Any], /) -> bool:
        return True


def _has_parameters(value: Any) -> bool:
    return hasattr(value, "set_params") and not isinstance(value, type)


def _parameters_in(values: Sequence[Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a list holds that has parameters, and these, by the names that ``set_params`` takes."""
    for i, value in enumerate(values):
        if _has_parameters(value):
            yield f"{name}__{i}", value
            yield from ((f"{name}__{i}__{key}", inner) for key, inner in value.get_params().items())


def _set_in(values: Sequence[Any], params: Mapping[str, Any], name: str, candidates: Mapping[str, Any]) -> Any:
    """Return a list with some of its elements replaced, others' parameters set, as names like 0 and 0__rate say."""
    changed, within = list(values), defaultdict[int, dict[str, Any]](dict)
    for key, value in params.items():
        index, delimiter, rest = key.partition("__")
        if not index.isdecimal():
            raise ValueError(f"{name} is a {type(values).__name__}: instead of {name}__{key} write {name}__0__{key}.")
        if int(index) >= len(values):
            raise ValueError(f"{name} has no element {index}: there are {len(values)}, counted from 0.")
        if delimiter:
            within[int(index)][rest] = value
        else:
            changed[int(index)] = value
    for i, inner in within.items():
        _check_has_parameters(changed[i], f"{name}__{i}", inner, candidates, {})
    for i, inner in within.items():
        changed[i].set_params(**inner)
    return changed if type(values) is list else tuple(changed)


def _check_has_parameters(
    value: Any,
    name: str,
    inner: Mapping[str, Any],
    candidates: Mapping[str, Any],
    flat: Mapping[tuple[str, str], str],
) -> None:
    """Refuse to set parameters of what has none, a name or None, and say what to write instead."""
    if _has_parameters(value):
        return
    key, new = next(iter(inner.items()))
    index, _, rest = key.partition("__")
    parameter, deeper, _ = (rest if index.isdecimal() else key).partition("__")
    own = [value if isinstance(value, type) else candidates.get(value)] if isinstance(value, type | str) else []
    classes = [cls for cls in (*own, *candidates.values()) if isinstance(cls, type)]
    fitting = [cls for cls in classes if _takes(cls, parameter)]
    if not fitting:  # a parameter by a name of elsewhere, of what is there
        for cls in own:
            if isinstance(cls, type) and (meant := meant_by(parameter, inspect.signature(cls).parameters)):
                fitting, parameter = [cls], meant
    instead = ""
    if fitting:
        made = f"{fitting[0].__name__}({parameter}={'...' if deeper else repr(new)})"
        instead = f" Write {name}={f'[{made}]' if index.isdecimal() else made}"
        if fitting[0] in own and (name, parameter) in flat:
            instead += f", or set {flat[name, parameter]}"
        instead += "."
    kind = " is a name, and" if isinstance(value, str) else ""
    raise ValueError(f"Cannot set {name}__{key}: {name}={value!r}{kind} has no parameters.{instead}")


def _takes(cls: Any, parameter: str) -> bool:
    return issubclass(cls, BaseEstimator) and parameter in cls._get_param_names()


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
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, Component):
                value.validate()
            elif isinstance(value, type) and issubclass(value, Component):  # a callable, but to make an object
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} is the class {value.__name__}."
                    f" {self._hint(name, value)}"
                )
        return self

    def check_state(self) -> None:
        """Refuse parameters that ``validate`` refuses; an object from a file may have any.

        Raises
        ------
        ValueError
            It says what is wrong.
        """
        self.validate()

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


def compute_dtype(dtype: DTypeLike) -> np.dtype:
    """Return a type that networks compute in.

    Raises
    ------
    ValueError
        For all others but float32 and float64.

    Examples
    --------
    >>> from fastmlp.components import compute_dtype
    >>> compute_dtype("float32")
    dtype('float32')
    >>> compute_dtype("float16")
    Traceback (most recent call last):
    ...
    ValueError: dtype must be float32 or float64; got 'float16'.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):  # nor those in another byte order
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}.")
    return found


def whole_number(value: Any, parameter: str, least: int | None = 1) -> int:
    """Return an integer, of whatever type.

    Raises
    ------
    ValueError
        For what is none, True and False among it, or is less than the least, where there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.components import whole_number
    >>> whole_number(np.int8(3), "n_threads")
    3
    >>> whole_number(2.0, "n_threads")
    Traceback (most recent call last):
    ...
    ValueError: n_threads must be an integer of at least 1; got 2.0.
    """
    if type(value) is int and (least is None or value >= least):  # by far the most there are, many in each fit
        return value
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        limit = "" if least is None else f" of at least {least}"
        raise ValueError(f"{parameter} must be an integer{limit}; got {value!r}.")
    return number


def layer_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the units of each layer, input and output included.

    Raises
    ------
    ValueError
        Unless there are two or more, all of them integers of at least 1.

    Examples
    --------
    >>> from fastmlp.components import layer_sizes
    >>> layer_sizes([4, 10, 3])
    (4, 10, 3)
    """
    try:
        units = tuple(whole_number(size, "sizes") for size in sizes)
    except (TypeError, ValueError):
        units = ()
    if len(units) < 2:
        raise ValueError(f"sizes must be integers of at least 1, inputs and outputs included; got {sizes!r}.")
    return units
