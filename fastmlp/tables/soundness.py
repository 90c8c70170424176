"""A fitted TableModel is checked here: one that comes from a file may have any attributes."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.tables.notation import DECIMALS


def _are_texts(values: Any) -> bool:
    return type(values) is list and all(isinstance(value, str) for value in values)


def _are_steps(pipeline: Any) -> bool:
    return type(pipeline) is Pipeline and [name for name, _ in pipeline.steps] == ["columns", "network"]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


# The attributes that a fitted model has, and the functions that tell whether a value is sound.
_FITTED: dict[str, Callable[[Any], bool]] = {
    "task_": lambda value: type(value) is str and value in ("classification", "regression"),
    "target_": lambda value: isinstance(value, str),
    "columns_": _are_texts,
    "numbers_": _are_texts,
    "categories_": lambda value: type(value) is dict and all(map(_are_texts, value.values())),
    "marks_": lambda value: type(value) is dict and all(map(_are_texts, value.values())),
    "decimals_": lambda value: (
        type(value) is dict and all(type(mark) is str and mark in DECIMALS for mark in value.values())
    ),
    "dropped_": lambda value: type(value) is dict and _are_texts(list(value.values())),
    "pipeline_": _are_steps,
    "training_": lambda value: (
        type(value) is dict and all(number is None or isinstance(number, Real) for number in value.values())
    ),
}
_FITTED_FOR: dict[str, dict[str, Callable[[Any], bool]]] = {
    "classification": {
        "classes_": _are_texts,
        "class_counts_": lambda value: type(value) is list and all(isinstance(count, Integral) for count in value),
    },
    "regression": {"mean_": _is_number, "scale_": _is_number},
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
    for name in ("numbers_", "categories_", "marks_", "decimals_", "dropped_"):
        if not known.issuperset(getattr(model, name)):
            raise ValueError(f"{name} of a TableModel has columns that are not among columns_.")
    if model.target_ not in known:
        raise ValueError("target_ of a TableModel is not among columns_.")
    columns, network = model.pipeline_["columns"], model.pipeline_["network"]
    taken = [*model.numbers_, *model.categories_]
    if type(columns) is not ColumnTransformer or list(getattr(columns, "feature_names_in_", ())) != taken:
        raise ValueError("pipeline_ of a TableModel does not take the columns numbers_ and categories_.")
    cls = MLPClassifier if model.task_ == "classification" else MLPRegressor
    if type(network) is not cls or not hasattr(network, "coefs_"):
        raise ValueError(f"pipeline_ of a TableModel has no fitted {cls.__name__}.")
    if model.task_ == "classification" and (
        list(network.classes_) != model.classes_ or len(model.class_counts_) != len(model.classes_)
    ):
        raise ValueError("classes_ and class_counts_ of a TableModel do not fit its network.")
