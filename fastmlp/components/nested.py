"""Parameters of objects within lists, which ``get_params`` and ``set_params`` name as in ``callbacks__0__patience``."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from fastmlp.components.keywords import meant_by


def has_parameters(value: Any) -> bool:
    """Whether a value is an object whose parameters can be set; a class is none."""
    return hasattr(value, "set_params") and not isinstance(value, type)


def parameters_in(values: Sequence[Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield each element of a list that has parameters, and then its parameters, by their names in ``get_params``.

    Parameters
    ----------
    values : sequence
        The list.
    name : str
        The name of the parameter whose value the list is.

    Examples
    --------
    >>> from fastmlp.components.nested import parameters_in
    >>> from fastmlp.optimizers import LBFGS
    >>> [name for name, _ in parameters_in(["adam", LBFGS()], "solvers")][:2]
    ['solvers__1', 'solvers__1__max_fun']
    """
    for i, value in enumerate(values):
        if has_parameters(value):
            yield f"{name}__{i}", value
            yield from ((f"{name}__{i}__{key}", inner) for key, inner in value.get_params().items())


def set_in(values: Sequence[Any], params: Mapping[str, Any], name: str, candidates: Mapping[str, Any]) -> Any:
    """Return a copy of a list in which elements are replaced; parameters of other elements are set in place.

    Parameters
    ----------
    values : list or tuple
    params : mapping of str to Any
        New elements by their number, as "0", and new values of elements' parameters, as "0__rate".
    name : str
        The name of the parameter whose value the list is, for messages.
    candidates : mapping of str to Any
        What may stand in such a list, by name; messages propose the right class.

    Raises
    ------
    ValueError
        For an element that does not exist or has no parameters; no parameter has been set then.
    """
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
        require_parameters(changed[i], f"{name}__{i}", inner, candidates, {})
    for i, inner in within.items():
        changed[i].set_params(**inner)
    return changed if type(values) is list else tuple(changed)


def require_parameters(
    value: Any,
    name: str,
    inner: Mapping[str, Any],
    candidates: Mapping[str, Any],
    flat: Mapping[tuple[str, str], str],
) -> None:
    """Refuse to set parameters of a value that has none, such as a name or None.

    Parameters
    ----------
    value : Any
        The value of the parameter.
    name : str
        The name of the parameter.
    inner : mapping of str to Any
        The parameters of the value that are to be set.
    candidates : mapping of str to Any
        What may be given for the parameter, by name.
    flat : mapping
        The parameter that sets the same thing without an object, by the pair of names.

    Raises
    ------
    ValueError
        Unless the value has parameters; the message says what to write instead.
    """
    if has_parameters(value):
        return
    key, new = next(iter(inner.items()))
    index, _, rest = key.partition("__")
    parameter, deeper, _ = (rest if index.isdecimal() else key).partition("__")
    own = [value if isinstance(value, type) else candidates.get(value)] if isinstance(value, type | str) else []
    classes = [cls for cls in (*own, *candidates.values()) if isinstance(cls, type)]
    fitting = [cls for cls in classes if _takes(cls, parameter)]
    if not fitting:  # the name may be what another library calls a parameter of the value's own class
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
