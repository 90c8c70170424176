"""The check of a whole model: the package's classes check their objects themselves, scikit-learn's are checked here."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from fastmlp.persistence.contents import LEFT_OUT, parameters_of
from fastmlp.persistence.sklearn_checks import check_sklearn
from fastmlp.persistence.sklearn_classes import sklearn_name
from fastmlp.registration import checks_itself
from fastmlp.soundness import require_jobs


def check(model: Any) -> None:
    """Refuse a model whose parts do not fit each other, above all where compiled code would trust that they do.

    Raises
    ------
    ValueError
        It says what is wrong.
    """
    for part in parts(model, set()):
        cls = type(part)
        if checks_itself(cls):
            part.check_state()
            continue
        if isinstance(part, BaseEstimator):
            if hasattr(cls, "_parameter_constraints"):
                part._validate_params()
            if "n_jobs" in parameters_of(cls):
                require_jobs(part.n_jobs)
        if sklearn_name(cls) is not None:
            check_sklearn(part)


def parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the objects within a value, the innermost first; seen holds the ids of those that were looked into."""
    if id(value) in seen or isinstance(value, type):
        return
    if isinstance(value, list | tuple):
        inner: Iterable[Any] = value
    elif type(value) in (dict, Bunch):
        inner = value.values()
    elif type(value) is np.ma.MaskedArray and value.dtype == object:
        inner = value.data.flat
    elif isinstance(value, BaseEstimator) or checks_itself(type(value)) or sklearn_name(type(value)) is not None:
        inner = [item for name, item in vars(value).items() if name not in LEFT_OUT]
    else:
        return
    seen.add(id(value))
    for item in inner:
        yield from parts(item, seen)
    if not isinstance(value, list | tuple | dict | np.ndarray):
        yield value
