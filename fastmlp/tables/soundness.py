"""A fitted TableModel is checked here: one that comes from a file may have any attributes."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from fastmlp.soundness import is_count
from fastmlp.tables.notation import DECIMALS
from fastmlp.tabular import TabularClassifier, TabularRegressor


def _are_texts(values: Any) -> bool:
    return type(values) is list and all(isinstance(value, str) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _is_fitted(estimator: Any) -> bool:
    return estimator.__sklearn_is_fitted__() and len(estimator.ensembles_) == 1


_KINDS = ("numbers", "dates", "texts")
# The attributes that a fitted model has, and the functions that tell whether a value is sound.
_FITTED: dict[str, Callable[[Any], bool]] = {
    "task_": lambda value: type(value) is str and value in ("classification", "regression"),
    "target_": lambda value: isinstance(value, str),
    "columns_": _are_texts,
    "kinds_": lambda value: (
        type(value) is dict and all(type(kind) is str and kind in _KINDS for kind in value.values())
    ),
    "marks_": lambda value: type(value) is dict and all(map(_are_texts, value.values())),
    "decimals_": lambda value: (
        type(value) is dict and all(type(mark) is str and mark in DECIMALS for mark in value.values())
    ),
    "dropped_": lambda value: type(value) is dict and _are_texts(list(value.values())),
    "estimator_": lambda value: type(value) in (TabularClassifier, TabularRegressor) and _is_fitted(value),
    "training_": lambda value: (
        type(value) is dict and all(number is None or isinstance(number, Real) for number in value.values())
    ),
}
_FITTED_FOR: dict[str, dict[str, Callable[[Any], bool]]] = {
    "classification": {
        "classes_": _are_texts,
        "class_counts_": lambda value: type(value) is list and all(map(is_count, value)),
    },
    "regression": {"mean_": _is_number},
}


def check_fitted(model: Any) -> None:
    """Refuse attributes of a fitted model that are not what ``fit`` sets.

    Raises
    ------
    ValueError
        Names the attribute.
    """
    for name, sound in (_FITTED | _FITTED_FOR.get(str(getattr(model, "task_", None)), {})).items():
        if not (hasattr(model, name) and sound(getattr(model, name))):
            raise ValueError(f"{name} of a TableModel is missing, or not what fit sets.")
    known = set(model.columns_)
    for name in ("kinds_", "marks_", "decimals_", "dropped_"):
        if not known.issuperset(getattr(model, name)):
            raise ValueError(f"{name} of a TableModel has columns that are not among columns_.")
    if model.target_ not in known:
        raise ValueError("target_ of a TableModel is not among columns_.")
    cls = TabularClassifier if model.task_ == "classification" else TabularRegressor
    if type(model.estimator_) is not cls:
        raise ValueError(f"estimator_ of a TableModel is no {cls.__name__}.")
    table = model.estimator_.columns_
    if table.names_ != list(model.kinds_):
        raise ValueError("estimator_ of a TableModel does not take the columns kinds_.")
    for name, column in zip(table.names_, table.columns_, strict=True):
        is_read = name not in model.dropped_
        if is_read and (column is None or column.kind != model.kinds_[name]):
            raise ValueError(f"estimator_ of a TableModel does not take {name!r} as kinds_ has it.")
    if model.task_ == "classification":
        if model.estimator_.classes_.tolist() != model.classes_ or len(model.class_counts_) != len(model.classes_):
            raise ValueError("classes_ and class_counts_ of a TableModel do not fit its estimator.")
    elif model.estimator_.ensembles_[0].n_outputs != 1:
        raise ValueError("estimator_ of a TableModel learns several targets.")
