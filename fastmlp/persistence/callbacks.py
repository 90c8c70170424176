"""Callbacks that a user gives to ``load``: they take over what the saved callbacks in their places knew."""

from collections.abc import Mapping
from typing import Any

from fastmlp.persistence.contents import LEFT_OUT, is_attribute, parameters_of
from fastmlp.registration import name_of


def class_name(cls: type) -> str:
    """Return a name by which a class is known again: its name in files, or for a user's class "module:name"."""
    return name_of(cls) or f"{cls.__module__}:{cls.__qualname__}"


def known_by(callback: Any) -> dict[str, Any]:
    """Return what a callback knows beside its parameters."""
    state = callback.__getstate__()
    state = state if isinstance(state, dict) else {}
    return {name: value for name, value in state.items() if is_known(type(callback), name)}


def is_known(cls: type, name: str) -> bool:
    """Whether an attribute may be set in a callback that the user gave.

    It must be no parameter, and must hide nothing that makes the callback work. The plain values that a user's class
    begins with are there to be hidden; those of fastmlp's and scikit-learn's classes are not.
    """
    if name in parameters_of(cls) or not name.isidentifier() or name.startswith("__") or name in LEFT_OUT:
        return False
    if name_of(cls) is not None:
        return is_attribute(cls, name)
    owner = next((base for base in cls.__mro__ if name in vars(base)), None)
    if owner is None:
        return True
    default = vars(owner)[name]
    is_plain = not callable(default) and not hasattr(default, "__get__")
    return is_plain and owner.__module__.partition(".")[0] not in ("fastmlp", "sklearn")


def hand_over(model: Any, known: dict[str, list[tuple[str, dict[str, Any]]]], given: Mapping[str, Any]) -> None:
    """Set in the given callbacks what the saved callbacks in their places knew."""
    were = model.get_params(deep=True)
    for name, callbacks in given.items():
        if name.rpartition("__")[2] != "callbacks" or not isinstance(callbacks, list | tuple):
            continue
        saved = known.get(name) or [(class_name(type(one)), known_by(one)) for one in were.get(name) or ()]
        if len(saved) != len(callbacks):
            continue
        for callback, (saved_as, values) in zip(callbacks, saved, strict=True):
            if class_name(type(callback)) == saved_as:
                vars(callback).update({key: of for key, of in values.items() if is_known(type(callback), key)})
