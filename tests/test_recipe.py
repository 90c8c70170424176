"""What an estimator's parameters come to, and what is refused before training starts."""

import re

import numpy as np
import pandas
import pytest

from fastmlp import MLPClassifier
from fastmlp.activations import GELU
from fastmlp.fitting.recipe import (
    DTYPES,
    hidden_sizes,
    is_stochastic,
    optimizer_of,
    refuse_for_lbfgs,
    regularization_of,
)
from fastmlp.network import Regularization, hidden_layers, per_layer
from fastmlp.optimizers import (
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
)
from fastmlp.schedules import SCHEDULES, Cosine, Linear, WarmUp


def parameters(**changed):
    return MLPClassifier().set_params(**changed).get_params(deep=False)


def test_per_layer():
    assert per_layer(0.5, 3, "dropout") == [0.5] * 3
    assert per_layer(np.array([1, 2]), 2, "dropout") == [1, 2]
    assert per_layer((), 0, "dropout") == []
    assert per_layer(pandas.Series([0.1, 0.2]), 2, "dropout") == [0.1, 0.2]
    assert per_layer("relu", 2, "activation") == ["relu", "relu"]
    assert per_layer(np.array(0.5), 1, "dropout") == [np.array(0.5)]
    for bad in ([1, 2], (), np.ones(4)):
        with pytest.raises(ValueError, match=r"^dropout must be one value, or one for each of 3 hidden layers; got "):
            per_layer(bad, 3, "dropout")


def test_hidden_layers():
    first, second = hidden_layers(["relu", GELU("tanh")], "batch", 2)
    assert (first.activation, second.activation) == ("relu", "gelu_tanh")
    assert first.normalization == second.normalization == "batch"
    with pytest.raises(ValueError, match=r"activation must be one value, or one for each of 1 hidden layers"):
        hidden_layers(["relu", "tanh"], None, 1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_solvers_by_name(name):
    optimizer, schedule = optimizer_of(parameters(solver=name, learning_rate_init=0.3))
    assert type(optimizer) is OPTIMIZERS[name]
    assert schedule is None
    assert is_stochastic(name) == is_stochastic(optimizer) == (name != "lbfgs")
    if name != "lbfgs":
        assert optimizer.learning_rate == 0.3


def test_scikit_learns_schedules_are_for_sgd_alone():
    for name in ("invscaling", "adaptive"):
        assert optimizer_of(parameters(learning_rate=name))[1] is None
        _, schedule = optimizer_of(parameters(solver="sgd", learning_rate=name, power_t=0.3))
        assert type(schedule) is SCHEDULES[name]
        assert getattr(schedule, "power_t", 0.3) == 0.3


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"constant", "invscaling", "adaptive"}))
def test_schedules_by_name(name):
    optimizer, schedule = optimizer_of(parameters(solver="adamw", learning_rate=name, learning_rate_init=0.3))
    assert type(optimizer.learning_rate) is SCHEDULES[name]
    assert schedule is None


def test_schedules_as_objects():
    cosine = Cosine(0.1)
    assert optimizer_of(parameters(learning_rate=cosine))[0].learning_rate is cosine
    warm = WarmUp(Linear(0.2), 10)
    solver = AdamW(warm)
    assert optimizer_of(parameters(solver=solver)) == (solver, None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"solver": "admm"}, r"solver='admm' is not known; known are 'adam'"),
        ({"learning_rate": "cosin"}, r"learning_rate='cosin' is not known; known are 'cosine'"),
        ({"learning_rate": Cosine(-1.0)}, r"The 'learning_rate' parameter of Cosine must be"),
        ({"solver": Adam(beta_1=2.0)}, r"The 'beta_1' parameter of Adam must be"),
        (
            {"solver": SGD(), "learning_rate": "cosine"},
            r"learning_rate='cosine' is for solvers by name; .*SGD\(\)",
        ),
        ({"solver": LBFGS(), "learning_rate": Cosine()}, r"is for solvers by name"),
        ({"solver": "lbfgs", "learning_rate": "cosine"}, r"learning_rate='cosine' is for solvers by minibatches"),
    ],
)
def test_bad_optimizers(changed, message):
    with pytest.raises(ValueError, match=message):
        optimizer_of(parameters(**changed))


def test_regularization():
    assert regularization_of(parameters(), 2) is None
    given = parameters(
        dropout=[0.1, 0.2], input_dropout=0.3, input_noise=0.4, l1=0.5, gradient_clip_norm=2, gradient_clip_value=3,
        max_norm=4, ema=0.9,
    )  # fmt: skip
    assert regularization_of(given, 2) == Regularization((0.3, 0.1, 0.2), 0.4, 0.5, 3, 2, 4, 0.9)
    assert not regularization_of(parameters(l1=0.1), 2).draws
    assert regularization_of(parameters(dropout=0.1), 2).draws
    for rate in (1.0, -0.1, np.nan, "half", None, 0.1j, [0.1]):
        with pytest.raises(ValueError, match=rf"dropout must be in \[0, 1\), got {re.escape(repr(rate))}"):
            regularization_of(parameters(dropout=[0.5, rate]), 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"l1": 0.1},
        {"dropout": 0.1},
        {"dropout": [0.0, 0.1]},
        {"input_dropout": 0.1},
        {"input_noise": 0.1},
        {"gradient_clip_norm": 1.0},
        {"gradient_clip_value": 1.0},
        {"max_norm": 1.0},
        {"ema": 0.5},
        {"augment": "mixup"},
        {"normalization": "batch"},
        {"dtype": "bfloat16"},
    ],
    ids=str,
)
def test_what_lbfgs_has_no_use_for(changed):
    ((name, value),) = changed.items()
    with pytest.raises(ValueError, match=f"{name}=") as raised:
        refuse_for_lbfgs(parameters(solver="lbfgs", **changed))
    assert repr(value) in str(raised.value)
    refuse_for_lbfgs(parameters(solver="lbfgs", normalization="layer", standardize=True, label_smoothing=0.1))


# ---- shapes and types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        (5, [5]),
        (np.int32(5), [5]),
        (np.array(5), [5]),
        ((5, 3), [5, 3]),
        ([np.int64(5), 3], [5, 3]),
        (np.array([5, 3]), [5, 3]),
        (pandas.Series([5, 3]), [5, 3]),
        (range(3, 5), [3, 4]),
        ((), []),
        (np.zeros(0), []),
    ],
    ids=repr,
)
def test_hidden_sizes(given, sizes):
    found = hidden_sizes(given)
    assert found == sizes
    assert {type(size) for size in found} <= {int}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((10.0, 5.0), r"must be integers; got 10\.0 in \(10\.0, 5\.0\): write 10\."),
        ((np.float32(4), 5), r"must be integers; got np\.float32\(4\.0\) in .*: write 4\."),
        (np.array([4.0, 2.5]), r"must be integers; got np\.float64\(4\.0\) in array\(\[4\. , 2\.5\]\): write 4\."),
        ((2.5,), r"must be integers; got 2\.5 in \(2\.5,\)\."),
        ((np.nan,), r"must be integers; got nan in \(nan,\)\."),
        ((8, None), r"must be integers; got None in \(8, None\)\."),
        (((10,), (5,)), r"must be integers; got \(10,\) in \(\(10,\), \(5,\)\): write \(10, 5\)\."),
        ([[10, 5]], r"must be integers; got \[10, 5\] in \[\[10, 5\]\]: write \(10, 5\)\."),
        (([10], 5), r"must be integers; got \[10\] in \(\[10\], 5\)\."),
        (("10",), r"must be integers; got '10' in \('10',\)\."),
        ((True, 5), r"must be integers; got True in \(True, 5\): write 1\."),
        (True, r"must be integers; got True: write 1\."),
        ("10", r"must be an integer, or a sequence of integers, one per hidden layer; got '10'\."),
        ({10: 5}, r"must be an integer, or a sequence of integers, .*; got \{10: 5\}\."),
        ({10, 5}, r"must be an integer, or a sequence of integers, .*; got \{"),
        (np.ones((1, 2), int), r"must be an integer, or a sequence of integers, .*; got array\(\[\[1, 1\]\]\)\."),
        (pandas.DataFrame({"a": [1]}), "must be an integer, or a sequence of integers"),
        ((5, 0), r"must be > 0, got \[5, 0\]\."),
        ((5, -2), r"must be > 0, got \[5, -2\]\."),
        ((2**31,), r"must be at most 2147483647, got \[2147483648\]\."),
        ((10**400,), r"must be at most 2147483647, got \[10"),
    ],
)
def test_what_are_no_hidden_sizes(given, told):
    with pytest.raises(ValueError, match=f"^hidden_layer_sizes {told}"):
        hidden_sizes(given)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (np.float32, "float32"),
        (np.dtype("f4"), "float32"),
        ("single", "float32"),
        ("FP32", "float32"),
        (float, "float64"),
        (np.float64, "float64"),
        ("double", "float64"),
        ("bf16", "bfloat16"),
        ("Auto", "auto"),
        ("float16", "float16"),
        (np.float16, np.float16),
        (int, int),
        (object, object),
        (None, None),
        (list, list),
    ],
    ids=str,
)
def test_types(given, name):
    assert DTYPES.canonical(given) == name
