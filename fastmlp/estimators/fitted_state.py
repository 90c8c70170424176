"""What the attributes of an estimator must be, wherever it comes from: a file may say anything of one.

Compiled code trusts the shapes of a fitted network, the order of a checkpoint's rows and the state of its optimizer;
so each is checked here before anything is computed with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer

from fastmlp.inputs.columns import ColumnsLayout
from fastmlp.losses import OUTPUT_ACTIVATIONS
from fastmlp.optimizers import Descent
from fastmlp.soundness import are_texts, is_array, is_count, is_number, is_truth, require, require_jobs


def check_estimator(estimator: Any) -> None:
    """Refuse an estimator that could not predict, or could not go on with its training.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted or not. Its parameters, and the objects that its attributes hold, have been checked by themselves.

    Raises
    ------
    ValueError
        It names the attribute.
    """
    require_jobs(estimator.n_jobs)
    require(type(getattr(estimator, "_optimizer", None)) in (type(None), Descent), "_optimizer is none")
    if "coefs_" in vars(estimator):
        _check_network(estimator)
    if vars(estimator).get("_checkpoint") is not None:
        _check_checkpoint(estimator)


# ---- the fitted network ----------------------------------------------------------------------------------------------


def _check_network(estimator: Any) -> None:
    """Refuse a fitted network whose arrays and numbers do not fit each other."""
    coefs, intercepts = estimator.coefs_, getattr(estimator, "intercepts_", None)
    require(type(coefs) is list and coefs, "coefs_ must be a list of arrays", coefs)
    require(type(intercepts) is list, "intercepts_ must be a list of arrays", intercepts)
    intercepts = intercepts or []
    require(len(coefs) == len(intercepts), "intercepts_ does not fit coefs_")
    for i, (weights, biases) in enumerate(zip(coefs, intercepts, strict=True)):
        is_matrix = type(weights) is np.ndarray and weights.ndim == 2 and weights.dtype in (np.float32, np.float64)
        require(is_matrix and min(weights.shape) >= 1, f"coefs_[{i}] is no matrix of float32 or float64")
        # The units of embeddings, of which the weights are those of one column, are checked with the network below.
        n_units = weights.shape[1] if i or estimator.embedding_size is None else np.size(biases)
        require(i == 0 or weights.shape[0] == intercepts[i - 1].size, f"coefs_[{i}] does not fit coefs_[{i - 1}]")
        require(is_array(biases, n_units), f"intercepts_[{i}] does not fit coefs_[{i}]")
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
    layout = getattr(estimator, "columns_layout_", None)
    is_layout = type(layout) is ColumnsLayout and layout.total_inputs == n_features
    require(layout is None or (is_layout and names is None), "columns_layout_ does not fit coefs_")
    hidden = [(len(weights), len(biases)) for weights, biases in zip(coefs[:-1], intercepts, strict=False)]
    _check_extras(estimator, hidden, n_features)
    if is_classifier(estimator):
        check_labels(estimator, n_outputs)
    # The network itself refuses arrays that activation, normalization and residual do not ask for.
    n_params = estimator._network(coefs[0].dtype).params.size
    estimator._decoding().predictions(np.zeros((1, n_outputs), coefs[0].dtype))
    random = getattr(estimator, "_random_state", None)  # Ensembles drop that of their members.
    require(random is None or isinstance(random, np.random.RandomState), "_random_state is none")
    descent = getattr(estimator, "_optimizer", None)
    if descent is not None:
        check_kept_vectors(descent, n_params, "what _optimizer keeps does not fit coefs_")


def check_kept_vectors(descent: Descent, n_params: int, otherwise: str) -> None:
    """Refuse a descent, checked by itself, that keeps vectors of another length than the parameters have.

    Raises
    ------
    ValueError
        It says what is given as otherwise.
    """
    vectors = [descent.average, descent._remembered and descent._remembered[0]]
    if descent.state is not None and descent.optimizer.rule is not None:
        vectors += [slot[0] for slot in descent.state["slots"]]
    for vector in vectors:
        require(vector is None or is_array(vector, n_params), otherwise)


def _check_extras(estimator: Any, layers: list[tuple[int, int]], n_features: int) -> None:
    """Refuse the arrays that a network has beside weights and biases, where they do not fit a layer's shape."""
    for name, attribute in estimator._OF_LAYERS.items():
        parts = getattr(estimator, attribute, [None] * len(layers))
        require(type(parts) is list and len(parts) == len(layers), f"{attribute} does not fit coefs_")
        for (n_inputs, width), part in zip(layers, parts, strict=True):
            shape = {"running": (2, width), "projections": (n_inputs, width)}.get(name, (width,))
            require(part is None or is_array(part, *shape), f"{attribute} does not fit coefs_")
    vectors = [getattr(estimator, name, None) for name in estimator._OF_INPUTS.values()]
    if any(vector is not None for vector in vectors):
        require(all(is_array(vector, n_features) for vector in vectors), "the scaling of inputs does not fit coefs_")


def check_labels(estimator: Any, n_outputs: int) -> None:
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


# ---- a fit that can be resumed ---------------------------------------------------------------------------------------


def _are_rows(value: Any) -> bool:
    """Whether a value is a vector of row numbers, as the engine reads them."""
    return type(value) is np.ndarray and value.ndim == 1 and value.dtype == np.int64


# What a checkpoint says, as MinibatchFit.snapshot writes it, and what tells a value that may stand there.
TRAINING: dict[str, Callable[[Any], bool]] = {
    "epoch": is_count,
    "stopped": is_truth,
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
# The attributes of the estimator itself from which a fit goes on, and what tells a value that may stand there.
PROGRESS: dict[str, Callable[[Any], bool]] = {
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


def _check_checkpoint(estimator: Any) -> None:
    """Refuse a checkpoint from which no fit could go on, or whose rows are not all there, once each."""
    require("coefs_" in vars(estimator), "a checkpoint has no coefs_")
    require(type(vars(estimator).get("_optimizer")) is Descent, "a checkpoint has no _optimizer")
    training = estimator._checkpoint
    require(type(training) is dict, "_checkpoint is no dict")
    for values, checks in ((training, TRAINING), (vars(estimator), PROGRESS)):
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
