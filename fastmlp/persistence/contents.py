"""What a file may hold: classes by name, their attributes, plain values, types."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from fastmlp.persistence.format import DTYPES
from fastmlp.persistence.sklearn_classes import sklearn_class, sklearn_classes, sklearn_name
from fastmlp.registration import class_of, is_model, name_of, stored_names

#: How deep values may lie within values.
MAX_DEPTH = 100
#: The bits that an integer may have.
MAX_BITS = 1024
#: The bytes that all matrices which do not lie row after row may take together, with the gaps in them.
MAX_SPREAD = 1 << 28
#: The keys of a dict that may have the same hash; with many of them a small file would take hours to load.
MAX_ALIKE = 64

# The types that a parameter or an attribute may be, as scikit-learn's encoders and imputers have them.
TYPES: dict[str, type] = {
    **{name: dtype.type for name, dtype in DTYPES.items()},
    **{f"builtins.{cls.__name__}": cls for cls in (bool, int, float, str, object)},
    # By these types columns of data frames are selected.
    **{
        cls.__name__: cls
        for cls in (np.number, np.integer, np.floating, np.object_, np.str_, np.datetime64, np.timedelta64)
    },
}
PLAIN = (type(None), bool, int, float, str)
# The attributes that hold scikit-learn's callbacks: they are set anew for each fit, and belong to it alone.
LEFT_OUT = frozenset(
    {"_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "_parent_callback_ctx", "oof_predictions_"}
)


def classes() -> dict[str, type]:
    """Return the classes of objects that a file may hold, by the names they have there.

    They are the classes of the package that have registered themselves (fastmlp.registration), and those classes of
    scikit-learn whose state is arrays and plain data.

    Examples
    --------
    >>> from fastmlp.persistence import classes
    >>> [name for name in classes() if "Scaler" in name]
    ['sklearn.MaxAbsScaler', 'sklearn.MinMaxScaler', 'sklearn.RobustScaler', 'sklearn.StandardScaler']
    """
    ours = {name: cls for name in stored_names() if (cls := class_of(name)) is not None}
    theirs = {f"sklearn.{name}": cls for name, cls in sklearn_classes().items()}
    return dict(sorted((ours | theirs).items()))


def file_name(cls: type) -> str | None:
    """Return the name that a class has in files, or None for a class whose objects no file may hold."""
    theirs = sklearn_name(cls)
    return name_of(cls) if theirs is None else f"sklearn.{theirs}"


def file_class(name: str) -> type | None:
    """Return the class that has a name in files, or None for a name that no file may have."""
    return sklearn_class(name.removeprefix("sklearn.")) if name.startswith("sklearn.") else class_of(name)


def is_root(cls: type) -> bool:
    """Whether a file may hold an object of a class alone: whether it is a model, or an estimator of scikit-learn's."""
    if sklearn_name(cls) is None:
        return is_model(name_of(cls))
    return issubclass(cls, BaseEstimator) and not cls.__name__.startswith("_")


def is_sklearn(cls: type, *names: str) -> bool:
    """Whether a class is scikit-learn's, and has one of the names."""
    return cls.__name__ in names and sklearn_name(cls) is not None


def is_memory(cls: type, name: str) -> bool:
    """Whether an attribute of a class is a pipeline's memory: a folder of pickles, of which no file decides."""
    return name == "memory" and sklearn_name(cls) is not None


def is_splitter(value: Any) -> bool:
    """Whether a value is one of scikit-learn's classes that split samples, which some estimators have as attribute."""
    is_theirs = isinstance(value, type) and sklearn_name(value) is not None
    return is_theirs and hasattr(value, "get_n_splits") and not issubclass(value, BaseEstimator)


def named_splitter(name: str) -> type | None:
    """Return the class that has a name in files, if it splits samples."""
    cls = file_class(name)
    return cls if is_splitter(cls) else None


def parameters_of(cls: Any) -> list[str]:
    """Return the names of a class's parameters."""
    return cls._get_param_names() if issubclass(cls, BaseEstimator) else []


def is_attribute(cls: type, name: str) -> bool:
    """Whether objects of a class may have an attribute: it is a parameter, or hides nothing that the class has.

    A private default of one of the package's classes that is plain data is there to be hidden.
    """
    if name in parameters_of(cls):
        return True
    if not name.isidentifier() or name.startswith("__") or name in LEFT_OUT:
        return False
    if not hasattr(cls, name):
        return True
    # The attributes _doc_link... say which page of the web notebooks show.
    is_private = name.startswith("_") and name.islower() and not name.startswith("_doc_link")
    return name_of(cls) is not None and is_private and isinstance(getattr(cls, name), (*PLAIN, tuple))


def are_alike(keys: Iterable[Any]) -> bool:
    """Whether so many keys have the same hash that a dict of them would be slow; numbers and tuples can be so chosen.

    The hashes themselves, which are counted by their own hashes, are too few for that.
    """
    return max(Counter(map(hash, keys)).values(), default=0) > MAX_ALIKE
