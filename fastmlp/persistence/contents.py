"""What a file may hold: classes by name, their attributes, plain values, types."""

import importlib
from collections import Counter
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from fastmlp.components import Component, Parameterized
from fastmlp.optimizers import Descent
from fastmlp.persistence.format import DTYPES
from fastmlp.persistence.sklearn_classes import sklearn_class, sklearn_classes, sklearn_name

#: Threads or processes that a model may ask for by number.
MAX_JOBS = 1024
#: Values within values.
MAX_DEPTH = 100
#: Bits of the largest integer.
MAX_BITS = 1024
#: The largest count: of rows, steps, epochs.
MAX_COUNT = 1 << 53
#: Bytes of matrices that do not lie row after row, with the gaps in them.
MAX_SPREAD = 1 << 28
#: Keys of a dict whose hashes are the same; with many of them a small file would take hours.
MAX_ALIKE = 64

# Those that are parameters and attributes, as scikit-learn's encoders and imputers have them.
TYPES: dict[str, type] = {
    **{name: dtype.type for name, dtype in DTYPES.items()},
    **{f"builtins.{cls.__name__}": cls for cls in (bool, int, float, str, object)},
    # Those by which columns are selected.
    **{
        cls.__name__: cls
        for cls in (np.number, np.integer, np.floating, np.object_, np.str_, np.datetime64, np.timedelta64)
    },
}
PLAIN = (type(None), bool, int, float, str)
# scikit-learn's callbacks are set anew, and belong to one fit.
LEFT_OUT = frozenset({"_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "_parent_callback_ctx"})
# Plain classes that a fitted estimator consists of.
STATES: tuple[type, ...] = (Descent,)


def classes() -> dict[str, type]:
    """Return the classes of objects that a file may hold, by the names they have there.

    All of the package's that have parameters, states of training, and those of scikit-learn's whose state is arrays and
    plain data.

    Examples
    --------
    >>> from fastmlp.persistence import classes
    >>> [name for name in classes() if "Scaler" in name]
    ['sklearn.MaxAbsScaler', 'sklearn.MinMaxScaler', 'sklearn.RobustScaler', 'sklearn.StandardScaler']
    """
    theirs = {f"sklearn.{name}": cls for name, cls in sklearn_classes().items()}
    return dict(sorted((own_classes() | theirs).items()))


def own_classes() -> dict[str, type]:
    """Return the package's classes that a file may hold, by the names they have there."""
    importlib.import_module("fastmlp.tables")  # the package itself imports it at its first use
    ours = [cls for cls in _subclasses(Parameterized) if is_ours(cls)]
    named = [(own_name(cls), cls) for cls in {*ours, *STATES} if not cls.__name__.startswith("_")]
    found = dict(named)
    if len(found) != len(named):
        raise AssertionError("two classes have the same name in files")
    return found


def _subclasses(cls: Any) -> Iterator[type]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def is_ours(cls: type) -> bool:
    """Whether a class is the package's."""
    return cls.__module__.startswith("fastmlp.")


def own_name(cls: type) -> str:
    """Return the name that a class of the package's has in files."""
    return f"{cls.__module__.split('.')[1]}.{cls.__name__}"


def is_root(cls: type) -> bool:
    """Whether a file may hold an object of a class, which can be in files, alone: whether it is an estimator."""
    if is_ours(cls):
        return is_network(cls)
    return issubclass(cls, BaseEstimator) and not cls.__name__.startswith("_")


def is_network(cls: type) -> bool:
    """Whether it is one of the package's estimators, which alone have parameters and are no components."""
    return issubclass(cls, Parameterized) and not issubclass(cls, Component)


def is_sklearn(cls: type, *names: str) -> bool:
    """Whether it is scikit-learn's class of one of the names."""
    return cls.__name__ in names and sklearn_name(cls) is not None


def is_memory(cls: type, name: str) -> bool:
    """Whether an attribute of a class is a pipeline's memory: a folder of pickles, of which no file decides."""
    return name == "memory" and sklearn_name(cls) is not None


def is_splitter(value: Any) -> bool:
    """Whether it is one of scikit-learn's classes that split samples, which some of them have as an attribute."""
    is_theirs = isinstance(value, type) and sklearn_name(value) is not None
    return is_theirs and hasattr(value, "get_n_splits") and not issubclass(value, BaseEstimator)


def named_splitter(name: str) -> type | None:
    """Return the class of that name in files, if it splits samples."""
    cls = sklearn_class(name.removeprefix("sklearn.")) if name.startswith("sklearn.") else None
    return cls if is_splitter(cls) else None


def parameters_of(cls: Any) -> list[str]:
    """Return the names of a class's parameters."""
    return cls._get_param_names() if issubclass(cls, BaseEstimator) else []


def is_attribute(cls: type, name: str) -> bool:
    """Whether objects may have such an attribute: parameters, and what does not hide something of the class.

    A class's private default that is plain data is there to be hidden.
    """
    if name in parameters_of(cls):
        return True
    if not name.isidentifier() or name.startswith("__") or name in LEFT_OUT:
        return False
    if not hasattr(cls, name):
        return True
    is_private = (
        name.startswith("_") and name.islower() and not name.startswith("_doc_link")
    )  # of the page in notebooks
    return is_ours(cls) and is_private and isinstance(getattr(cls, name), (*PLAIN, tuple))


def shown(value: Any) -> str:
    """Return a value for a message."""
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:197]}..."


def are_alike(keys: Iterable[Any]) -> bool:
    """Whether so many keys have the same hash that a dict of them would be slow; numbers and tuples can be so chosen.

    The hashes themselves, which are counted by their own hashes, are too few for that.
    """
    return max(Counter(map(hash, keys)).values(), default=0) > MAX_ALIKE


def require(condition: Any, otherwise: str, *got: Any) -> None:
    """Raise a ValueError unless a condition holds."""
    if not condition:
        raise ValueError(f"{otherwise}{''.join(f'; got {shown(value)}' for value in got)}.")


def is_count(value: Any) -> bool:
    """Whether a value is a number of rows, steps or epochs that there may be."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 <= value < MAX_COUNT)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def are_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return type(value) is list and all(type(item) is str for item in value)


def is_array(value: Any, *shape: int, kinds: str = "f") -> bool:
    """Whether a value is an array of a shape, with elements of a kind as NumPy's types have it."""
    return type(value) is np.ndarray and value.shape == shape and value.dtype.kind in kinds
