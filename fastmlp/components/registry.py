"""Names that users give for things: registries, their aliases, parameters that keep one name for each thing."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastmlp.components.keywords import plain

_Known = TypeVar("_Known")


class Registry(dict[str, _Known]):
    """A dict of the things that names stand for; its keys are the names that reprs and files use.

    A thing may have aliases as well. An alias is understood wherever a user gives a name, in upper or lower case and
    with or without underscores, hyphens and blanks, but it is no key.

    Parameters
    ----------
    known : mapping of str to Any
        The things by their names.
    aliases : mapping of str to sequence of str, default={}
        The aliases of each name that has any.

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
        """Return the key that a name or an alias means; anything that means no key is returned as it is."""
        if not isinstance(given, str) or given in self:
            return given
        return self._canonical.get(plain(given), given)


class Named:
    """A parameter that takes names: however it is set, its attribute holds the registry's name instead of an alias.

    So reprs, files and comparisons meet one name for each thing. ``clone`` and ``set_params`` work as for every other
    parameter, since a value that is no alias stays the object it is. In a list, each element is replaced by itself.

    Parameters
    ----------
    known : Registry
        The registry in which names are looked up.

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

    # There is no __get__ at run time: Python reads the attribute from the object's own dict, which costs nothing.
    if TYPE_CHECKING:

        def __get__(self, owner: Any, cls: Any) -> Any: ...

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self._name] = self.canonical(value)

    def canonical(self, value: Any) -> Any:
        """Return a value with the registry's names in place of aliases; a value without aliases is itself returned."""
        if type(value) not in (list, tuple):
            return self.known.canonical(value)
        each = [self.known.canonical(part) for part in value]
        return value if all(new is old for new, old in zip(each, value, strict=True)) else type(value)(each)


def named(name: Any, known: Mapping[str, _Known], parameter: str) -> _Known:
    """Return the thing that a name stands for; a Registry finds it by an alias, too.

    Raises
    ------
    ValueError
        When nothing has that name; the message lists the known names, the most similar one first.

    Examples
    --------
    >>> from fastmlp.components import named
    >>> named("rleu", {"tanh": print, "relu": print}, "activation")
    Traceback (most recent call last):
    ...
    ValueError: activation='rleu' is not known; known are 'relu', 'tanh'.
    """
    found = known.canonical(name) if isinstance(known, Registry) else name
    if not isinstance(found, str) or found not in known:
        what = f"{parameter}={name!r}" if isinstance(name, str) else f"{parameter}: {name!r}"
        raise ValueError(f"{what} is not known; known are {listed(str(name), known)}.")
    return known[found]


def listed(name: str, known: Iterable[str]) -> str:
    """Return the known names as a text, the most similar to a given name first; aliases count for the similarity.

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
