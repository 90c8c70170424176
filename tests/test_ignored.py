"""Parameters without effect: which are said, and what to set instead."""

import re

import numpy as np
import pytest

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import GELU
from fastmlp.exceptions import IgnoredParameterWarning
from fastmlp.fitting.ignored import ignored_parameters, kept_parameters
from fastmlp.fitting.recipe import (
    optimizer_of,
)
from fastmlp.optimizers import (
    ESTIMATORS_NAMES,
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Descent,
    Lion,
    Muon,
    RMSprop,
    Rprop,
)
from fastmlp.schedules import SCHEDULES, Cosine, InvScaling, Linear, WarmUp


def parameters(**changed):
    return MLPClassifier().set_params(**changed).get_params(deep=False)


# ---- parameters without effect ---------------------------------------------------------------------------------------


def halving(step):
    return 0.1 / 2**step


# What is set in vain: (what makes it void, the parameter, a value, what is said).
IGNORED = [
    ({"solver": AdamW()}, "learning_rate_init", 0.1, r"AdamW\(\), whose own counts: set solver__learning_rate"),
    ({"solver": SGD()}, "learning_rate_init", 0.1, r"beside solver=SGD\(\), .* set solver__learning_rate"),
    ({"solver": SGD()}, "momentum", 0.5, r"beside solver=SGD\(\), whose own counts: set solver__momentum"),
    ({"solver": SGD()}, "nesterovs_momentum", False, r"set solver__nesterov\.$"),
    ({"solver": RMSprop()}, "momentum", 0.5, r"set solver__momentum"),
    ({"solver": AdamW()}, "momentum", 0.5, r"beside solver=AdamW\(\), which has no such parameter"),
    ({"solver": AdamW()}, "nesterovs_momentum", False, "which has no such parameter"),
    ({"solver": AdamW()}, "beta_1", 0.5, "set solver__beta_1"),
    ({"solver": AdamW()}, "beta_2", 0.5, "set solver__beta_2"),
    ({"solver": AdamW()}, "epsilon", 1e-3, "set solver__epsilon"),
    ({"solver": Lion()}, "beta_2", 0.5, "set solver__beta_2"),
    ({"solver": SGD()}, "beta_1", 0.5, "which has no such parameter"),
    ({"solver": SGD()}, "beta_2", 0.5, "which has no such parameter"),
    ({"solver": SGD()}, "epsilon", 1e-3, "which has no such parameter"),
    ({"solver": Muon()}, "learning_rate_init", 0.1, "set solver__learning_rate"),
    ({"solver": Rprop()}, "learning_rate_init", 0.1, "set solver__learning_rate"),
    ({"solver": SGD()}, "power_t", 0.3, r"beside solver=SGD\(\): it is for solver='sgd', learning_rate='invscaling'"),
    ({"solver": AdamW()}, "max_fun", 7, "which has no such parameter"),
    ({"solver": LBFGS()}, "max_fun", 7, r"beside solver=LBFGS\(\), whose own counts: set solver__max_fun"),
    ({"solver": LBFGS()}, "max_iter", 7, "set solver__max_iter"),
    ({"solver": LBFGS()}, "tol", 1e-3, "set solver__tol"),
    ({"solver": LBFGS()}, "learning_rate_init", 0.1, "which has no such parameter"),
    ({"solver": LBFGS()}, "momentum", 0.1, "which has no such parameter"),
    ({"solver": LBFGS()}, "power_t", 0.1, "it is for solver='sgd'"),
    ({"solver": LBFGS()}, "batch_size", 7, "which takes all rows at once"),
    ({"solver": LBFGS()}, "shuffle", False, "which takes all rows at once"),
    ({"solver": LBFGS()}, "early_stopping", True, r"which holds no rows out: .* callbacks=\[EarlyStopping\(\)\]"),
    ({"solver": LBFGS()}, "validation_fraction", 0.2, "which holds no rows out"),
    ({"solver": LBFGS()}, "n_iter_no_change", 7, "set solver__tol"),
    ({"solver": "lion"}, "momentum", 0.5, r"beside solver='lion', which has no such parameter"),
    ({"solver": "lion"}, "nesterovs_momentum", False, "which has no such parameter"),
    ({"solver": "lion"}, "beta_1", 0.5, r"beside solver='lion': give an object, Lion\(beta_1=0\.5\)"),
    ({"solver": "rmsprop"}, "momentum", 0.5, r"give an object, RMSprop\(momentum=0\.5\)"),
    ({"solver": "rmsprop"}, "epsilon", 1e-3, r"give an object, RMSprop\(epsilon=0\.001\)"),
    ({"solver": "lion"}, "epsilon", 1e-3, "which has no such parameter"),
    ({"solver": "adamw"}, "momentum", 0.5, "which has no such parameter"),
    ({"solver": "adamw"}, "max_fun", 7, "which has no such parameter"),
    ({"solver": "adamw"}, "power_t", 0.3, "beside solver='adamw': it is for solver='sgd', learning_rate='invscaling'"),
    ({"solver": "adamw"}, "learning_rate", "adaptive", "beside solver='adamw': the name is for 'sgd', an object of"),
    ({"solver": "rprop"}, "learning_rate", "invscaling", "beside solver='rprop': the name is for 'sgd'"),
    ({"solver": "rprop"}, "learning_rate", "cosine", "beside solver='rprop', but for its first rate"),
    ({"solver": "rprop"}, "learning_rate", Cosine(0.1), "beside solver='rprop', but for its first rate"),
    ({"solver": "rprop"}, "gradient_clip_norm", 1.0, "beside solver='rprop', which takes only the signs of gradients"),
    ({"solver": Rprop()}, "gradient_clip_value", 1.0, r"beside solver=Rprop\(\), which takes only the signs"),
    ({"learning_rate": Cosine(0.1)}, "learning_rate_init", 0.1, r"own counts: set learning_rate__learning_rate"),
    ({"learning_rate": WarmUp(Cosine(), 3)}, "learning_rate_init", 0.1, "set learning_rate__schedule__learning_rate"),
    ({"learning_rate": WarmUp(halving, 3)}, "learning_rate_init", 0.1, "which has no such parameter"),
    ({"learning_rate": halving}, "learning_rate_init", 0.1, "<function halving .*, which says all by itself"),
    ({"learning_rate": InvScaling(0.1), "solver": "sgd"}, "power_t", 0.3, "set learning_rate__power_t"),
    ({"learning_rate": Cosine(0.1)}, "power_t", 0.3, r"beside learning_rate=Cosine\(.*, which has no such parameter"),
    ({"learning_rate": halving}, "power_t", 0.3, "which says all by itself"),
    ({"learning_rate": "cosine", "solver": "sgd"}, "power_t", 0.3, "learning_rate='cosine': it is for 'invscaling'"),
    ({"early_stopping": True, "has_sets": True}, "validation_fraction", 0.2, "given samples to validate on"),
    ({"hidden_layer_sizes": ()}, "dropout", 0.1, "^dropout=0.1 has no effect without hidden layers"),
    ({"hidden_layer_sizes": ()}, "max_norm", 1.0, "without hidden layers"),
    ({"hidden_layer_sizes": ()}, "normalization", "layer", "without hidden layers"),
    ({"hidden_layer_sizes": ()}, "residual", True, "without hidden layers"),
    ({"hidden_layer_sizes": ()}, "activation", "gelu", "without hidden layers"),
    ({"hidden_layer_sizes": ()}, "activation", GELU(), r"^activation=GELU\(\) has no effect without hidden layers"),
]  # fmt: skip


def told(changed, **more):
    changed = {**changed, **more}
    has_sets = changed.pop("has_sets", False)
    given = parameters(**changed)
    n_hidden = len(given["hidden_layer_sizes"])
    return ignored_parameters(given, parameters(), optimizer_of(given)[0], n_hidden=n_hidden, has_sets=has_sets)


@pytest.mark.parametrize(("beside", "name", "value", "message"), IGNORED, ids=lambda given: str(given)[:30])
def test_what_has_no_effect_is_told(beside, name, value, message):
    """One sentence for the parameter; none where it is at its default, or where nothing makes it void."""
    (found,) = told(beside, **{name: value})
    assert re.search(message, found)
    assert found.startswith(f"{name}={value!r} has no effect ") and found.endswith(".")
    assert told(beside) == told(beside, **{name: parameters()[name]}) == []


@pytest.mark.parametrize(("beside", "name", "value", "message"), IGNORED, ids=lambda given: str(given)[:30])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_has_no_effect_has_none(beside, name, value, message):
    """What is said is true: the fit comes to the same, to the bit, and says so once."""
    beside = {**beside}
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    sets = {"X_val": X[:20], "y_val": y[:20]} if beside.pop("has_sets", False) else {}
    model = MLPClassifier(random_state=0).set_params(max_iter=5, hidden_layer_sizes=(6,)).set_params(**beside)
    if isinstance(model.solver, LBFGS):
        model.set_params(max_iter=200)
    expected = model.fit(X, y, **sets).predict_proba(X)
    if name == "learning_rate" and not isinstance(value, str):
        model.set_params(learning_rate_init=value.learning_rate)
        expected = model.fit(X, y).predict_proba(X)
        model.set_params(learning_rate_init=0.001)
    with pytest.warns(IgnoredParameterWarning, match=re.escape(f"{name}={value!r} has no effect")) as caught:
        found = model.set_params(**{name: value}).fit(X, y, **sets).predict_proba(X)
    ours = [warning for warning in caught if warning.category is IgnoredParameterWarning]
    assert len(ours) == 1 and ours[0].filename == __file__
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "changed",
    [
        *({"solver": name, "learning_rate_init": 0.1} for name in OPTIMIZERS if name != "lbfgs"),
        *({"solver": name, "momentum": 0.5, "nesterovs_momentum": False, "beta_1": 0.5, "beta_2": 0.6, "epsilon": 0.1,
           "power_t": 0.1, "max_fun": 7, "max_iter": 3, "tol": 0.1, "n_iter_no_change": 3, "batch_size": 7,
           "shuffle": False, "early_stopping": True, "validation_fraction": 0.3, "learning_rate": schedule,
           "learning_rate_init": 0.1, "hidden_layer_sizes": hidden, "activation": "tanh"}
          for name in ("sgd", "adam", "lbfgs") for schedule in ("constant", "invscaling", "adaptive")
          for hidden in ((5,), ())),
        *({"solver": name, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1} for name in ("adamw", "nadam", "amsgrad")),
        {"solver": AdamW(), "max_iter": 3, "tol": 0.1, "n_iter_no_change": 3, "batch_size": 7, "early_stopping": True},
        {"solver": AdamW(), "shuffle": False, "validation_fraction": 0.3, "early_stopping": True},
        {"solver": Rprop(), "batch_size": 7, "max_norm": 1.0, "dropout": [0.1]},
        {"learning_rate": "cosine", "learning_rate_init": 0.1},
        {"learning_rate": Cosine(), "momentum": 0.5, "solver": "sgd"},
        {"validation_fraction": 0.3, "has_sets": True},
        {"validation_fraction": 0.3, "early_stopping": True},
        {"hidden_layer_sizes": (), "dropout": [], "normalization": None, "gradient_clip_norm": 1.0},
        {"solver": AdamW(), "learning_rate_init": np.float64(0.001), "beta_1": np.array(0.9)[()], "momentum": 0.9},
        {"solver": AdamW(), "max_fun": np.int64(15000), "nesterovs_momentum": np.True_},
    ],
    ids=str,
)  # fmt: skip
def test_what_has_an_effect_or_is_scikit_learns_way_is_not_told(changed):
    """A search through scikit-learn's solvers sets what is for one of them for all; its classes say nothing then."""
    assert told(changed) == []


def test_every_parameter_of_an_optimizer_is_looked_at():
    """No solver, given as an object, makes a parameter void that nobody tells of."""
    for name, cls in OPTIMIZERS.items():
        for theirs in set(ESTIMATORS_NAMES) - ({"max_iter", "tol"} if name != "lbfgs" else set()):
            value = {"nesterovs_momentum": False, "max_iter": 3, "max_fun": 3}.get(theirs, 0.123)
            (found,) = told({"solver": cls()}, **{theirs: value})
            ours = ESTIMATORS_NAMES[theirs][0]
            assert (f"set solver__{ours}" in found) == (ours in cls().get_params())


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_defaults_are_those_of_a_class(cls):
    assert cls._defaults().keys() - {"self"} == cls().get_params().keys()
    assert cls._defaults()["learning_rate_init"] == 0.001


# ---- training that goes on -------------------------------------------------------------------------------------------

KEPT = [
    ({}, {"learning_rate_init": 0.1}, ["learning_rate_init"]),
    ({}, {"beta_1": 0.5, "epsilon": 1e-3}, ["beta_1", "epsilon"]),
    ({}, {"solver": "sgd"}, ["solver"]),
    ({}, {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.1}, ["solver"]),
    ({}, {"solver": AdamW()}, ["solver"]),
    ({"solver": "sgd"}, {"momentum": 0.5, "nesterovs_momentum": False}, ["momentum", "nesterovs_momentum"]),
    ({"solver": "sgd"}, {"learning_rate": "adaptive"}, ["learning_rate"]),
    ({"solver": "sgd", "learning_rate": "invscaling"}, {"power_t": 0.1}, ["power_t"]),
    ({"solver": "sgd", "learning_rate": "invscaling"}, {"learning_rate": "constant"}, ["learning_rate"]),
    ({"solver": AdamW()}, {"solver": AdamW(0.5)}, ["solver__learning_rate"]),
    ({"solver": AdamW()}, {"solver__weight_decay": 0.5}, ["solver__weight_decay"]),
    ({"solver": AdamW(Cosine(0.1))}, {"solver__learning_rate__learning_rate": 0.2}, ["solver__learning_rate"]),
    ({"solver": AdamW(Cosine(0.1))}, {"solver__learning_rate": Linear(0.1)}, ["solver__learning_rate"]),
    ({"solver": AdamW(halving)}, {"solver__learning_rate": lambda step: 0.1}, ["solver__learning_rate"]),
    ({"learning_rate": Cosine(0.1)}, {"learning_rate": Cosine(0.2)}, ["learning_rate"]),
    ({"learning_rate": Cosine(0.1)}, {"learning_rate": Linear(0.1)}, ["learning_rate"]),
    ({}, {"learning_rate": Cosine(0.1)}, ["learning_rate"]),
    ({"learning_rate": WarmUp(0.1)}, {"learning_rate": WarmUp(0.2)}, ["learning_rate"]),
    ({"learning_rate": WarmUp(0.1)}, {"learning_rate": WarmUp(0.1, 7)}, ["learning_rate"]),
    ({"learning_rate": WarmUp(0.1)}, {"learning_rate": WarmUp(halving)}, ["learning_rate"]),
    ({"learning_rate": "cosine"}, {"learning_rate_init": 0.1}, ["learning_rate_init"]),
    ({"learning_rate": "cosine"}, {"learning_rate": "linear"}, ["learning_rate"]),
    ({"learning_rate": "cosine"}, {"learning_rate": "constant"}, ["learning_rate"]),
    ({"learning_rate": "linear", "solver": "sgd"}, {"learning_rate": "adaptive"}, ["learning_rate"]),
    ({"learning_rate": "constant"}, {"learning_rate": "linear"}, ["learning_rate"]),
    ({"solver": "rmsprop"}, {"learning_rate_init": 0.1}, ["learning_rate_init"]),
    ({"solver": Adam()}, {"solver": "adam"}, ["solver"]),
    ({"solver": "adam"}, {"solver": Adam()}, ["solver__epsilon_hat"]),
    ({"solver": SGD(0.001)}, {"solver": "sgd", "momentum": 0.5}, ["momentum"]),
    ({"solver": SGD()}, {"solver": SGD(momentum=halving)}, ["solver__momentum"]),
    ({"solver": AdamW(weight_decay=Linear(0.1))}, {"solver": AdamW(weight_decay=0.1)}, ["solver__weight_decay"]),
]
UNCHANGED = [
    {},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive"},
    {"learning_rate": "cosine", "solver": "lion"},
    {"learning_rate": WarmUp(Cosine(0.1), 3)},
    {"learning_rate": WarmUp(halving)},
    {"solver": AdamW(WarmUp(0.1))},
    *({"learning_rate": name} for name in SCHEDULES),
    *({"solver": name} for name in OPTIMIZERS if name != "lbfgs"),
    {"learning_rate": halving},
    {"solver": AdamW(WarmUp(Cosine(0.1), 3), weight_decay=Linear(0.1))},
    {"solver": SGD(halving)},
    {"learning_rate": np.poly1d([-0.001, 0.1])},
]


@pytest.mark.parametrize(("before", "after", "names"), KEPT, ids=str)
def test_what_training_that_goes_on_keeps_is_told(before, after, names):
    begun = MLPClassifier().set_params(**before)
    descent = Descent(*optimizer_of(begun.get_params(deep=False)), length=(50, 5))
    given = begun.set_params(**after).get_params(deep=False)
    found = kept_parameters(given, *optimizer_of(given), descent)
    assert [sentence.partition("=")[0] for sentence in found] == names
    assert all(sentence.endswith("since training goes on with the optimizer it began with.") for sentence in found)


@pytest.mark.parametrize("given", UNCHANGED, ids=str)
def test_nothing_is_told_of_what_has_not_changed(given):
    """Neither where a schedule was told how long training is, nor where the optimizer has a copy."""
    given = parameters(**given)
    descent = Descent(*optimizer_of(given), length=(50, 5))
    if descent.optimizer.rule is not None:
        descent.hyper(0, 3)
    descent.learning_rate = 0.02
    descent.set_rate(0.01)
    for one in (descent, descent.copied()):
        assert kept_parameters(given, *optimizer_of(given), one) == []
