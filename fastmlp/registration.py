"""The names of the package's classes in files: each class registers itself here, and a file names nothing else.

A name does not depend on the module that a class is in, so a class may move without a change in files. The name of a
model, which a file may hold alone, has no dot ("MLPClassifier"); that of a part of models has its family before the
dot ("optimizers.Adam").

Every class that registers itself has a method ``check_state``, which refuses what a file must not say of an object of
the class: whoever loads a file calls it for each object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_classes: dict[str, type] = {}
_names: dict[type, str] = {}
# What imports the module of a class that has not registered itself yet, by the class's name.
_importers: dict[str, Callable[[], object]] = {}


def stored_as(name: str) -> Callable[[_Class], _Class]:
    """Return a decorator that lets files hold objects of a class, under a name that stays the same for ever.

    Parameters
    ----------
    name : str
        "Name" for a model, "family.Name" for a part of models.

    Returns
    -------
    decorator : callable
        It returns the class as it is. Subclasses are not registered by it.

    Raises
    ------
    ValueError
        When another class has that name.
    TypeError
        When the class has no method ``check_state``.

    Examples
    --------
    >>> from fastmlp.optimizers import Adam  # above it stands @stored_as("optimizers.Adam")
    >>> from fastmlp.registration import class_of, name_of
    >>> name_of(Adam), class_of("optimizers.Adam") is Adam
    ('optimizers.Adam', True)
    """

    def register(cls: _Class) -> _Class:
        if not checks_itself(cls):
            raise TypeError(f"{cls.__qualname__} has no method check_state, without which no file may hold it.")
        known = _classes.get(name)
        # A module that is imported again, after an error for instance, defines the same class anew.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            both = " and ".join(f"{each.__module__}.{each.__qualname__}" for each in (known, cls))
            raise ValueError(f"Two classes have the name {name!r} in files: {both}.")
        _classes[name], _names[cls] = cls, name
        return cls

    return register


def stored_later(names: Iterable[str], importer: Callable[[], object]) -> None:
    """Say how to import classes that register themselves in a module which is imported only when it is needed.

    Parameters
    ----------
    names : iterable of str
        The names of the classes in files.
    importer : callable
        It takes no arguments and imports the module.
    """
    _importers.update(dict.fromkeys(names, importer))


def stored_names() -> list[str]:
    """Return the names of all classes that files may hold, sorted; nothing is imported for it."""
    return sorted({*_classes, *_importers})


def class_of(name: str) -> type | None:
    """Return the class of a name, or None for a name that no class has; only a class's own module is ever imported."""
    if name not in _classes and name in _importers:
        _importers[name]()
    return _classes.get(name)


def name_of(cls: type) -> str | None:
    """Return the name of a class in files, or None for a class that no file may hold."""
    return _names.get(cls)


def is_model(name: str | None) -> bool:
    """Whether a name is that of a model, which a file may hold alone."""
    return name is not None and "." not in name


def checks_itself(cls: type) -> bool:
    """Whether a class has the method that refuses what a file must not say of an object.

    The class is asked, never the object: a file may give an object attributes.
    """
    return hasattr(cls, "check_state")
