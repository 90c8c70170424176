"""What a model must be: the package's own estimators and states of training, and where all else is checked."""

from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Bunch

from fastmlp.components import Component, Parameterized
from fastmlp.losses import OUTPUT_ACTIVATIONS
from fastmlp.optimizers import SGD, Descent, Fused, Optimizer
from fastmlp.persistence.contents import (
    LEFT_OUT,
    MAX_JOBS,
    STATES,
    are_texts,
    is_array,
    is_count,
    is_network,
    is_number,
    parameters_of,
    require,
)
from fastmlp.persistence.sklearn_checks import check_sklearn
from fastmlp.persistence.sklearn_classes import sklearn_name


def check(model: Any) -> None:
    """Refuse a model whose parts do not fit each other, above all where compiled code would trust that they do.

    Raises
    ------
    ValueError
        It says what is wrong.
    """
    for part in _parts(model, set()):
        if isinstance(part, Component):
            part.validate()
        elif isinstance(part, BaseEstimator) and hasattr(type(part), "_parameter_constraints"):
            part._validate_params()
        if isinstance(part, Parameterized) and hasattr(type(part), "check_fitted_attributes"):
            part.check_fitted_attributes()
        if "n_jobs" in parameters_of(type(part)):
            require((part.n_jobs or 0) <= MAX_JOBS, f"n_jobs={part.n_jobs} is more than {MAX_JOBS}; -1 is all CPUs")
        if is_network(type(part)):
            require(type(getattr(part, "_optimizer", None)) in (type(None), Descent), "_optimizer is none")
            if "coefs_" in vars(part):
                _check_network(part)
            if vars(part).get("_checkpoint") is not None:
                _check_training(part)
        elif type(part) is Descent:
            _check_descent(part)
        elif sklearn_name(type(part)) is not None:
            check_sklearn(part)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the objects within a value, the innermost first."""
    if id(value) in seen or isinstance(value, type):
        return
    if isinstance(value, list | tuple):
        inner: Iterable[Any] = value
    elif type(value) in (dict, Bunch):
        inner = value.values()
    elif type(value) is np.ma.MaskedArray and value.dtype == object:
        inner = value.data.flat
    elif isinstance(value, BaseEstimator) or type(value) in STATES or sklearn_name(type(value)) is not None:
        inner = [item for name, item in vars(value).items() if name not in LEFT_OUT]
    else:
        return
    seen.add(id(value))
    for item in inner:
        yield from _parts(item, seen)
    if not isinstance(value, list | tuple | dict | np.ndarray):
        yield value


def _check_descent(descent: Descent) -> None:
    """Refuse one that lacks attributes, or has them of other types than a new one has."""
    usually = Descent(SGD()).__getstate__()
    assert isinstance(usually, dict)
    for name, usual in usually.items():
        require(name in vars(descent), f"a Descent lacks its {name}")
        value = vars(descent)[name]
        if isinstance(usual, bool):
            sound = isinstance(value, bool | np.bool_)
        elif isinstance(usual, Real):
            sound = is_number(value)
        else:
            sound = usual is None or isinstance(value, Optimizer)
        require(sound, f"the {name} of a Descent is of another type", value)
    require(is_count(descent.n_updates), "n_updates is no count of steps", descent.n_updates)
    given, other = getattr(descent.optimizer, "learning_rate", None), descent._other_schedule
    require(other is None or (isinstance(other, Component) and hasattr(other, "on_plateau")), "its schedule is none")
    is_scheduled = hasattr(given, "on_plateau") or not descent._schedules_itself
    require(is_scheduled and (hasattr(given, "initial_rate") or not descent._hooked), "its optimizer has no schedule")
    follows = vars(descent).get("schedule_state")
    is_followed = type(follows) is tuple and len(follows) == 3 and all(map(is_number, follows))
    require(follows is None or is_followed, "schedule_state is none", follows)
    if descent.state is not None and descent.optimizer.rule is not None:
        _check_slots(descent)


def _check_slots(descent: Descent) -> None:
    """Refuse the state of a fused rule that is none; the engine has room for its slots, and for no others."""
    rule = descent.optimizer
    require(isinstance(rule, Fused) and type(descent.state) is dict, "the state of an optimizer is wrong")
    assert isinstance(rule, Fused)
    slots = descent.state.get("slots")
    require(type(slots) is list and len(slots) == rule.n_slots, f"a {type(rule).__name__} has {rule.n_slots} slots")
    for slot in slots:
        is_vector = type(slot) is list and len(slot) == 1 and type(slot[0]) is np.ndarray and slot[0].ndim == 1
        require(is_vector and slot[0].dtype.kind == "f", f"a slot of {type(rule).__name__} is no vector")


def _are_rows(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == 1 and value.dtype == np.int64


def _check_network(estimator: Any) -> None:
    """Refuse a fitted estimator that could not predict, or go on with its training."""
    coefs, intercepts = estimator.coefs_, getattr(estimator, "intercepts_", None)
    require(type(coefs) is list and coefs, "coefs_ must be a list of arrays", coefs)
    require(type(intercepts) is list, "intercepts_ must be a list of arrays", intercepts)
    require(len(coefs) == len(intercepts or ()), "intercepts_ does not fit coefs_")
    for i, (weights, biases) in enumerate(zip(coefs, intercepts or (), strict=True)):
        is_matrix = type(weights) is np.ndarray and weights.ndim == 2 and weights.dtype in (np.float32, np.float64)
        require(is_matrix and min(weights.shape) >= 1, f"coefs_[{i}] is no matrix of float32 or float64")
        require(i == 0 or weights.shape[0] == coefs[i - 1].shape[1], f"coefs_[{i}] does not fit coefs_[{i - 1}]")
        require(is_array(biases, weights.shape[1]), f"intercepts_[{i}] does not fit coefs_[{i}]")
        require(coefs[0].dtype == weights.dtype == biases.dtype, "coefs_ and intercepts_ are not all of one type")
    n_features, n_outputs = coefs[0].shape[0], coefs[-1].shape[1]
    for name, number in {"n_features_in_": n_features, "n_outputs_": n_outputs, "n_layers_": len(coefs) + 1}.items():
        given = getattr(estimator, name, None)
        require(isinstance(given, int | np.integer) and given == number, f"{name} must be {number}", given)
    link = getattr(estimator, "out_activation_", None)
    require(link in set(OUTPUT_ACTIVATIONS.values()), "out_activation_ must be an output's activation", link)
    names: Any = getattr(estimator, "feature_names_in_", None)
    are_names = is_array(names, n_features, kinds="O") and all(isinstance(name, str) for name in names)
    require(names is None or are_names, "feature_names_in_ does not fit coefs_")
    _check_extras(estimator, [weights.shape[1] for weights in coefs[:-1]], n_features)
    if is_classifier(estimator):
        _check_labels(estimator, n_outputs)
    # Refuses what activation and normalization do not ask for.
    n_params = estimator._network(coefs[0].dtype).params.size
    estimator._decoding().predictions(np.zeros((1, n_outputs), coefs[0].dtype))
    require(isinstance(getattr(estimator, "_random_state", None), np.random.RandomState), "_random_state is none")
    descent = getattr(estimator, "_optimizer", None)
    if descent is not None:
        vectors = [descent.average, descent._remembered and descent._remembered[0]]
        if descent.state is not None and descent.optimizer.rule is not None:
            vectors += [slot[0] for slot in descent.state["slots"]]
        for vector in vectors:
            require(vector is None or is_array(vector, n_params), "what _optimizer keeps does not fit coefs_")


def _check_extras(estimator: Any, widths: list[int], n_features: int) -> None:
    """Refuse what a network has beside weights and biases, where it does not fit these."""
    for attribute in estimator._OF_LAYERS.values():
        parts = getattr(estimator, attribute, [None] * len(widths))
        require(type(parts) is list and len(parts) == len(widths), f"{attribute} does not fit coefs_")
        for width, part in zip(widths, parts, strict=True):
            shape = (2, width) if attribute == estimator._OF_LAYERS["running"] else (width,)
            require(part is None or is_array(part, *shape), f"{attribute} does not fit coefs_")
    vectors = [getattr(estimator, name, None) for name in estimator._OF_INPUTS.values()]
    if any(vector is not None for vector in vectors):
        require(all(is_array(vector, n_features) for vector in vectors), "the scaling of inputs does not fit coefs_")


def _check_labels(estimator: Any, n_outputs: int) -> None:
    """Refuse classes that do not fit the outputs."""
    binarizer = getattr(estimator, "_label_binarizer", None)
    require(type(binarizer) is LabelBinarizer, "_label_binarizer is none")
    attributes = vars(binarizer)
    labels, kind = attributes.get("classes_"), attributes.get("y_type_")
    known: Any = getattr(estimator, "classes_", None)
    same = type(known) is np.ndarray and np.array_equal(known, labels)  # type: ignore[arg-type]
    require(same, "classes_ differs from that of _label_binarizer")
    n_labels = len(known)
    expected = {"binary": 1, "multiclass": n_labels, "multilabel-indicator": n_labels}
    require(type(kind) is str and kind in expected, "y_type_ must be a kind of targets", kind)
    fits = n_outputs == expected[str(kind)] and (kind != "binary" or n_labels <= 2)
    require(fits, f"{n_labels} classes_ do not fit {n_outputs} outputs")


# What a checkpoint has to say, as MinibatchFit.snapshot does, and what of it is of one type.
_TRAINING: dict[str, Callable[[Any], bool]] = {
    "epoch": is_count,
    "stopped": lambda value: isinstance(value, bool | np.bool_),
    "order": lambda value: _are_rows(value) and value.size > 0,
    "random_state": lambda value: isinstance(value, np.random.RandomState),
    "held_out": lambda value: value is None or _are_rows(value),
    "seed": lambda value: is_count(value) and value < 1 << 32,
    "count": is_count,
    "best_value": is_number,
    "best": lambda value: value is None or type(value) is dict,
    "end": lambda value: value is None or type(value) is dict,
    "present": lambda value: value is None or type(value) is dict,
    "sets": are_texts,
    "is_weighted": lambda value: isinstance(value, bool),
    "metrics": are_texts,
}
# What the estimator itself has that a fit goes on from.
_PROGRESS: dict[str, Callable[[Any], bool]] = {
    "t_": is_count,
    "loss_curve_": lambda value: type(value) is list,
    "history_": lambda value: (
        type(value) is dict
        and all(type(name) is str and type(of) is list and all(map(is_number, of)) for name, of in value.items())
    ),
    "best_loss_": lambda value: value is None or is_number(value),
    "validation_scores_": lambda value: value is None or type(value) is list,
    "best_validation_score_": lambda value: value is None or is_number(value),
}


def _check_training(estimator: Any) -> None:
    """Refuse a checkpoint from which no fit could go on, or whose rows are not all there, once each."""
    require("coefs_" in vars(estimator), "a checkpoint has no coefs_")
    require(type(vars(estimator).get("_optimizer")) is Descent, "a checkpoint has no _optimizer")
    training = estimator._checkpoint
    require(type(training) is dict, "_checkpoint is no dict")
    for values, checks in ((training, _TRAINING), (vars(estimator), _PROGRESS)):
        for name, sound in checks.items():
            require(name in values, f"a checkpoint lacks {name}")
            require(sound(values[name]), f"{name} of a checkpoint is of another type", values[name])
    held_out = training["held_out"]
    rows = np.sort(training["order"] if held_out is None else np.concatenate([training["order"], held_out]))
    require(np.array_equal(rows, np.arange(len(rows))), "the order of the rows has not each of them once")
    if held_out is not None:
        require(training["sets"] == ["validation"], "sets of a checkpoint does not fit held_out", training["sets"])
    require(not estimator.early_stopping or training["sets"], "sets of a checkpoint does not fit early_stopping")
    wanted = estimator._network(estimator.coefs_[0].dtype).arrays()
    for name in ("best", "end", "present"):
        arrays = training[name]
        fits = arrays is None or (
            arrays.keys() == wanted.keys() and all(is_array(arrays[key], *wanted[key].shape) for key in wanted)
        )
        require(fits, f"{name} of a checkpoint does not fit coefs_")
