"""Objects with parameters: the base of estimators, and that of activations, losses, optimizers and their like."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, make_constraint

from fastmlp.components.keywords import advice, unexpected
from fastmlp.components.nested import parameters_in, require_parameters, set_in
from fastmlp.components.registry import Named


class Parameterized(BaseEstimator):
    """scikit-learn's base class, with errors that say which parameter is meant, and with parameters in lists.

    ``set_params(callbacks__0__patience=5)`` sets a parameter of a list's first element, ``callbacks__0=...`` replaces
    the element; ``get_params()`` has both names. scikit-learn's class reads the signature of ``__init__`` and makes the
    constraints of the parameters whenever a fit asks for them; this one does so once for each class.
    """

    #: What an error says of a keyword that means no parameter, by the keyword's plain form.
    _advice: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse keywords that ``__init__`` does not take, and say which parameters are meant."""
        if kwargs and not (accepted := cls._accepted()).issuperset(kwargs):
            wrong = next(name for name in kwargs if name not in accepted)
            raise unexpected(f"{cls.__name__}.__init__", wrong, advice(wrong, accepted, cls._advice))
        return super().__new__(cls)

    # The inspect module shows this as the signature of a class that has no __init__ of its own.
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
        """Return the default value of each parameter."""
        if "_default_params" not in vars(cls):
            cls._default_params = {name: p.default for name, p in inspect.signature(cls.__init__).parameters.items()}
        return cls._default_params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of objects among the values, the elements of lists, and their parameters.

        Returns
        -------
        params : dict of str to Any
        """
        params = super().get_params(deep)
        if deep:
            for name, value in list(params.items()):
                if type(value) in (list, tuple):
                    params.update(parameters_in(value, name))
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, such as ``solver__momentum``, or ``callbacks__0__patience`` for an element of a list.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For a name that is no parameter. The message says which one is meant; no parameter of this object has been
            set then.
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
                values[name] = set_in(value, inner, name, candidates)
            else:
                require_parameters(value, name, inner, candidates, self._flat)
        for name, inner in within.items():  # this comes first, since an object may refuse a name
            if type(value := values.get(name, getattr(self, name))) not in (list, tuple):
                value.set_params(**inner)
        for name, value in values.items():
            setattr(self, name, value)
        return self

    @classmethod
    def _named(cls, name: str) -> Named | None:
        """Return the descriptor of a parameter that takes names; None for every other parameter."""
        found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        return found if isinstance(found, Named) else None

    def _as_set(self, name: str, value: Any) -> Any:
        descriptor = self._named(name)
        return value if descriptor is None else descriptor.canonical(value)

    #: The parameter of this class that sets what an object's parameter would, by the names of the two parameters.
    _flat: ClassVar[Mapping[tuple[str, str], str]] = {}

    @classmethod
    def _candidates(cls, name: str) -> Mapping[str, Any]:
        """Return the objects or classes that may be given for a parameter, by name."""
        descriptor = cls._named(name)
        return {} if descriptor is None else descriptor.known

    # The tables that notebooks show are imported here, since few programs need them.

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        from fastmlp.components.representation import Parameters  # noqa: PLC0415

        shown = super()._get_params_html(deep, doc_link)
        return Parameters(params=shown.data, non_default=shown.non_default, estimator_class=type(self))

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        from fastmlp.components.representation import Attributes  # noqa: PLC0415

        shown = super()._get_fitted_attr_html(doc_link)
        return Attributes(fitted_attrs=shown.data, estimator_class=type(self))

    def _constraints(self) -> tuple[dict[str, list], dict[str, Any]]:
        """Return the constraints of each parameter that has any, and the defaults that satisfy theirs."""
        given, *made = vars(type(self)).get("_made_constraints", (None, {}, {}))
        if given is not self._parameter_constraints:
            given = self._parameter_constraints
            constraints = {
                name: [make_constraint(each) for each in several]
                for name, several in given.items()
                if several != "no_validation"
            }
            defaults = {
                name: value
                for name, value in self._defaults().items()
                if name in constraints and any(each.is_satisfied_by(value) for each in constraints[name])
            }
            made = [constraints, defaults]
            type(self)._made_constraints = given, *made
        return made[0], made[1]

    def _validate_params(self) -> None:
        constraints, defaults = self._constraints()
        for name, value in self.get_params(deep=False).items():
            # Most parameters are at their defaults, which need not be looked at each time.
            if name not in constraints or value is defaults.get(name, constraints):
                continue
            if not any(each.is_satisfied_by(value) for each in constraints[name]):
                try:
                    super()._validate_params()  # this raises, and says what is wrong
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
        """Return a sentence that says what to write instead of a wrong value of a parameter, or an empty text."""
        if isinstance(value, type) and issubclass(value, Component):
            return f"Give an object instead of its class: {value.__name__}()."
        return ""


class _Everything(frozenset):
    """The keywords of a function that takes every keyword."""

    def issuperset(self, other: Iterable[Any], /) -> bool:
        return True


class Component(Parameterized):
    """An activation, a loss, an optimizer, a schedule: an object whose parameters ``clone`` copies and searches set.

    The ``__init__`` of a subclass stores its parameters as they are given, as scikit-learn's estimators do;
    ``validate`` checks them where they are used. The repr names the parameters that do not have their default values;
    to evaluate it makes an object with the same parameters.

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
        """Check the parameters, and those of components among them; return self.

        Raises
        ------
        ValueError
            For the first parameter that is wrong. The message says what it must be and what it is.
        """
        self._validate_params()
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, Component):
                value.validate()
            elif isinstance(value, type) and issubclass(
                value, Component
            ):  # a class is callable, as some constraints ask
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
