"""What an estimator's parameters come to, checked before training starts: layers, optimizer, regularisation."""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from numbers import Integral, Real
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import InvalidParameterError

from fastmlp.components import Component, Registry, named
from fastmlp.network import Regularization, per_layer
from fastmlp.optimizers import (
    ESTIMATORS_NAMES,
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adam,
    Descent,
    Optimizer,
    Rprop,
    from_estimator_parameters,
)
from fastmlp.schedules import SCHEDULES, InvScaling, Schedule, as_schedule

#: The names with which scikit-learn's estimators schedule sgd, and no other solver.
SKLEARN_SCHEDULES = ("constant", "invscaling", "adaptive")

# Parameters that L-BFGS, which sees all samples at once and needs an exact and smooth function, has no use for.
_NOT_WITH_LBFGS = (
    "l1",
    "dropout",
    "input_dropout",
    "input_noise",
    "gradient_clip_norm",
    "gradient_clip_value",
    "max_norm",
    "ema",
    "augment",
)


class _Types(Registry[Any]):
    """Types by name; a type or dtype object means its name."""

    def canonical(self, given: Any) -> Any:
        """Return the name that a given one, or a type, means; all else as it is."""
        if isinstance(given, type | np.dtype):
            try:
                name = super().canonical(np.dtype(given).name)
            except TypeError:
                return given
            return name if name in self else given
        return super().canonical(given)


#: What an estimator's dtype may be, and the type of the weights then; None where the samples decide.
DTYPES = _Types(
    {"auto": None, "float32": np.float32, "float64": np.float64, "bfloat16": np.float32},
    {
        "float32": ("single", "fp32", "f32", "f4"),
        "float64": ("double", "fp64", "f64", "f8", "float"),
        "bfloat16": ("bf16", "brain_float"),
    },
)

#: Units of a layer at most: what an index of the engine can count.
MAX_UNITS = 2**31 - 1


def hidden_sizes(given: Any) -> list[int]:
    """Return the units of each hidden layer that hidden_layer_sizes means.

    Raises
    ------
    ValueError
        For what is no integer of at least 1 and no sequence of them; it says what to write. It is a TypeError, too,
        where the type is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.fitting.recipe import hidden_sizes
    >>> hidden_sizes(30), hidden_sizes(np.array([30, 10])), hidden_sizes(())
    ([30], [30, 10], [])
    >>> hidden_sizes((30.0, 10))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ...
    InvalidParameterError: hidden_layer_sizes must be integers; got 30.0 in (30.0, 10): write 30.
    """
    if isinstance(given, str | bytes | Mapping | Set) or getattr(given, "ndim", 1) > 1:
        raise InvalidParameterError(
            f"hidden_layer_sizes must be an integer, or a sequence of integers, one per hidden layer; got {given!r}."
        )
    if getattr(given, "ndim", 1) == 0:
        given = given[()]
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    for size in sizes:
        if isinstance(size, Integral) and not isinstance(size, bool | np.bool_):
            continue
        instead = ""
        if isinstance(size, Real) and float(size).is_integer():
            instead = f": write {int(float(size))}"
        elif all(isinstance(layer, list | tuple) for layer in sizes):
            instead = f": write {tuple(part for layer in sizes for part in layer)!r}"
        within = "" if size is given else f" in {given!r}"
        raise InvalidParameterError(f"hidden_layer_sizes must be integers; got {size!r}{within}{instead}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if any(size > MAX_UNITS for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be at most {MAX_UNITS}, got {sizes}.")
    return [int(size) for size in sizes]


def check_held_out(fraction: float, n_rows: int, strata: NDArray | None = None, labels: Sequence[Any] = ()) -> None:
    """Refuse a validation_fraction that leaves too few rows on one side, as train_test_split would in its own words.

    Parameters
    ----------
    fraction : float
        The parameter.
    n_rows : int
        Rows there are.
    strata : ndarray of shape (n_rows,), default=None
        "False" and "True", where both are to be on either side.
    labels : sequence of length 2, default=()
        The classes that these are.

    Raises
    ------
    ValueError
        It says what there is, and what would do.

    Examples
    --------
    >>> from fastmlp.fitting.recipe import check_held_out
    >>> check_held_out(0.0, 150)
    Traceback (most recent call last):
    ...
    ValueError: validation_fraction=0.0 holds no rows out for early_stopping=True: give more, or fit an eval_set.
    """
    shown = f"validation_fraction={fraction!r}"
    if not fraction:
        raise ValueError(f"{shown} holds no rows out for early_stopping=True: give more, or fit an eval_set.")
    n_held_out = math.ceil(fraction * n_rows)
    n_left = n_rows - n_held_out
    if n_left < 1:
        raise ValueError(f"{shown} of {n_rows} rows leaves none to learn from: give less, or fit an eval_set.")
    if strata is not None:
        names, counts = np.unique(strata, return_counts=True)
        if counts.min() < 2:
            # In scikit-learn's words, which its own tests know.
            rare = names[counts < 2].tolist()
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few. The minimum number of groups"
                f" for any class cannot be less than 2. Classes with too few members are: {rare}. {shown} is of each"
                f" class, and y has 1 row of {', '.join(repr(labels[name == 'True']) for name in rare)}: give more"
                " of them, or fit an eval_set."
            )
        for n, what, instead in ((n_held_out, "held out", "more"), (n_left, "left to learn from", "less")):
            if n < len(names):
                raise ValueError(
                    f"{shown} of {n_rows} rows holds out {n_held_out}: too few are {what} for {len(names)} classes;"
                    f" give {instead}, or fit an eval_set."
                )
    if n_held_out < 2:  # in scikit-learn's words, too
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")


def is_stochastic(solver: str | Optimizer | LBFGS) -> bool:
    """Whether a solver, a name or an optimizer, goes through minibatches."""
    return not (isinstance(solver, LBFGS) or (isinstance(solver, str) and OPTIMIZERS.canonical(solver) == "lbfgs"))


def optimizer_of(parameters: Mapping[str, Any]) -> tuple[Optimizer | LBFGS, Schedule | None]:
    """Return the optimizer that an estimator's parameters mean, and what else changes its learning rate.

    A named solver takes what it knows of learning_rate_init, momentum, nesterovs_momentum, beta_1, beta_2 and epsilon.

    Raises
    ------
    ValueError
        For unknown names, bad parameters of an optimizer or a schedule, and a schedule beside an optimizer that has its
        own.
    """
    solver, given = parameters["solver"], parameters["learning_rate"]
    if not isinstance(solver, str):
        if not isinstance(given, str) or given != "constant":
            raise ValueError(
                f"learning_rate={given!r} is for solvers by name; it is the learning_rate of solver={solver!r} that"
                " counts."
            )
        return solver.validate(), None
    optimizer = from_estimator_parameters(solver, parameters)
    if isinstance(given, str) and given in SKLEARN_SCHEDULES:
        if solver != "sgd" or given == "constant":
            return optimizer, None
        schedule = SCHEDULES[given]()
        if isinstance(schedule, InvScaling):
            schedule.power_t = parameters["power_t"]
        return optimizer, schedule
    if not is_stochastic(optimizer):
        raise ValueError(f"learning_rate={given!r} is for solvers by minibatches, not for solver='lbfgs'.")
    optimizer.learning_rate = _schedule_of(given, parameters["learning_rate_init"])
    return optimizer, None


def _schedule_of(given: str | Schedule | Callable[[int], float], learning_rate: float) -> Schedule:
    if isinstance(given, str):
        return named(given, SCHEDULES, "learning_rate")(learning_rate).validate()
    if isinstance(given, type):
        raise TypeError(f"learning_rate must be an object instead of its class: {given.__name__}(); got {given!r}.")
    return as_schedule(given).validate()


def regularization_of(parameters: Mapping[str, Any], n_hidden: int) -> Regularization | None:
    """Return what an estimator's parameters regularise beside alpha; None for nothing.

    Raises
    ------
    ValueError
        For a rate that is no number in [0, 1), and a list of rates of another length than there are hidden layers.
    """
    rates = per_layer(parameters["dropout"], n_hidden, "dropout")
    for rate in rates:
        if not isinstance(rate, Real) or not 0 <= float(rate) < 1:
            raise ValueError(f"dropout must be in [0, 1), got {rate!r}.")
    regularization = Regularization(
        dropout=(parameters["input_dropout"], *rates),
        input_noise=parameters["input_noise"],
        l1=parameters["l1"],
        clip_value=parameters["gradient_clip_value"] or 0.0,
        clip_norm=parameters["gradient_clip_norm"] or 0.0,
        max_norm=parameters["max_norm"] or 0.0,
        average_decay=parameters["ema"] or 0.0,
    )
    return regularization if regularization.is_any else None


def refuse_for_lbfgs(parameters: Mapping[str, Any]) -> None:
    """Refuse what needs minibatches.

    Raises
    ------
    ValueError
        Names the parameter and its value.
    """
    for name in _NOT_WITH_LBFGS:
        if np.any(parameters[name]):
            raise ValueError(f"{name}={parameters[name]!r} is for solvers by minibatches, not for solver='lbfgs'.")
    if parameters["normalization"] == "batch":
        raise ValueError("normalization='batch' is for solvers by minibatches, not for solver='lbfgs'.")
    if parameters["dtype"] == "bfloat16":
        raise ValueError("dtype='bfloat16' is for solvers by minibatches; solver='lbfgs' computes in float64.")


# ---- parameters without effect ---------------------------------------------------------------------------------------

# Solvers that scikit-learn has by name: it says of its parameters which of these they are for, and nothing where they
# are given beside others, so that a search may go through several solvers.
_SKLEARN_SOLVERS = (SGD, Adam, LBFGS)
_SKLEARN_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")

# What L-BFGS has no use for, and what to do instead.
_WITHOUT_MINIBATCHES = {
    "batch_size": "which takes all rows at once",
    "shuffle": "which takes all rows at once",
    "early_stopping": "which holds no rows out: give fit an eval_set, and callbacks=[EarlyStopping()]",
    "validation_fraction": "which holds no rows out: give fit an eval_set, and callbacks=[EarlyStopping()]",
    "n_iter_no_change": "which stops by the gradient: set solver__tol",
}
# What Rprop, which looks at the signs of gradients, has no use for.
_WITHOUT_SIZES = ("gradient_clip_norm", "gradient_clip_value")
_OF_HIDDEN_LAYERS = ("activation", "dropout", "max_norm", "normalization")
_MAY_BE_IGNORED = (
    *ESTIMATORS_NAMES,
    *_WITHOUT_MINIBATCHES,
    *_WITHOUT_SIZES,
    *_OF_HIDDEN_LAYERS,
    "learning_rate",
    "power_t",
)


def ignored_parameters(
    parameters: Mapping[str, Any],
    defaults: Mapping[str, Any],
    optimizer: Optimizer | LBFGS,
    *,
    n_hidden: int,
    has_sets: bool,
) -> list[str]:
    """Return a sentence for each parameter that is set and has no effect, since others are what they are.

    It says what to set instead. Nothing is said of what scikit-learn has as well, and documents: parameters that are
    for other solvers than the named one, and for other schedules.

    Parameters
    ----------
    parameters, defaults : mapping
        An estimator's, by name.
    optimizer : Optimizer or LBFGS
        What they come to: see :func:`optimizer_of`.
    n_hidden : int
        Hidden layers.
    has_sets : bool
        Whether fit is given samples to validate on.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.optimizers import AdamW
    >>> from fastmlp.fitting.recipe import ignored_parameters
    >>> defaults = MLPClassifier().get_params()
    >>> parameters = defaults | {"solver": AdamW(), "learning_rate_init": 0.1}
    >>> ignored_parameters(parameters, defaults, AdamW(), n_hidden=1, has_sets=False)
    ['learning_rate_init=0.1 has no effect beside solver=AdamW(), whose own counts: set solver__learning_rate.']
    """
    changed = [
        name
        for name in _MAY_BE_IGNORED
        if parameters[name] is not defaults[name] and _differ(parameters[name], defaults[name])
    ]
    whys = {name: _why_ignored(name, parameters, optimizer, n_hidden, has_sets) for name in changed}
    return [f"{name}={parameters[name]!r} has no effect {why}." for name, why in whys.items() if why]


def _why_ignored(
    name: str, parameters: Mapping[str, Any], optimizer: Optimizer | LBFGS, n_hidden: int, has_sets: bool
) -> str:
    """Return what a parameter has no effect beside, and what to set instead; an empty text where it has one."""
    solver, schedule = parameters["solver"], parameters["learning_rate"]
    by_name = isinstance(solver, str)
    if name in _OF_HIDDEN_LAYERS:
        is_sklearns = name == "activation" and parameters[name] in _SKLEARN_ACTIVATIONS
        return "without hidden layers" if not n_hidden and not is_sklearns else ""
    if name in _WITHOUT_SIZES:
        return f"beside solver={solver!r}, which takes only the signs of gradients" if type(optimizer) is Rprop else ""
    if name in _WITHOUT_MINIBATCHES:
        if isinstance(solver, LBFGS):
            return f"beside solver={solver!r}, {_WITHOUT_MINIBATCHES[name]}"
        if name == "validation_fraction" and has_sets and parameters["early_stopping"] and solver != "lbfgs":
            return "where fit is given samples to validate on, since none are held out then"
        return ""
    if name == "learning_rate":
        if by_name and type(optimizer) not in _SKLEARN_SOLVERS and schedule in ("invscaling", "adaptive"):
            return f"beside solver={solver!r}: the name is for 'sgd', an object of fastmlp.schedules for all"
        if by_name and type(optimizer) is Rprop:
            return f"beside solver={solver!r}, but for its first rate, which is the size of the first steps"
        return ""
    if by_name and name in ("learning_rate_init", "power_t") and not isinstance(schedule, str):
        return _own_counts("learning_rate", schedule, {"learning_rate_init": "learning_rate"}.get(name, name))
    if name == "power_t":
        is_sklearns = type(optimizer) in _SKLEARN_SOLVERS and schedule in SKLEARN_SCHEDULES
        if by_name and (is_sklearns or isinstance(optimizer, SGD)):
            return "" if is_sklearns else f"beside learning_rate={schedule!r}: it is for 'invscaling'"
        return f"beside solver={solver!r}: it is for solver='sgd', learning_rate='invscaling'"
    ours, takers = ESTIMATORS_NAMES[name]
    if name in ("max_iter", "tol") and isinstance(optimizer, Optimizer):
        return ""
    if not by_name:
        return _own_counts("solver", solver, ours)
    if type(optimizer) in _SKLEARN_SOLVERS or isinstance(optimizer, takers):
        return ""
    if ours in optimizer.get_params(deep=False):
        return f"beside solver={solver!r}: give an object, {type(optimizer).__name__}({ours}={parameters[name]!r})"
    return f"beside solver={solver!r}, which has no such parameter"


def _own_counts(parameter: str, given: Any, own: str) -> str:
    """Return that beside an object its own parameter counts, or that it has none."""
    beside = f"beside {parameter}={given!r}, "
    if not isinstance(given, Component):
        return f"{beside}which says all by itself"
    names = [name for name in given.get_params() if name == own or name.endswith(f"__{own}")]
    if not names:
        return f"{beside}which has no such parameter"
    return f"{beside}whose own counts: set {parameter}__{min(names, key=len)}"


def kept_parameters(
    parameters: Mapping[str, Any], optimizer: Optimizer, schedule: Schedule | None, descent: Descent
) -> list[str]:
    """Return a sentence for each parameter that has changed and has no effect, since training goes on as it began.

    Parameters
    ----------
    parameters : mapping
        An estimator's, by name.
    optimizer, schedule
        What they come to: see :func:`optimizer_of`.
    descent : Descent
        What training goes on with.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.optimizers import Descent
    >>> from fastmlp.fitting.recipe import kept_parameters, optimizer_of
    >>> begun = Descent(*optimizer_of(MLPClassifier().get_params()))
    >>> parameters = MLPClassifier(learning_rate_init=0.1).get_params()
    >>> kept_parameters(parameters, *optimizer_of(parameters), begun)
    ['learning_rate_init=0.1 has no effect, since training goes on with the optimizer it began with.']
    """
    kept, beside = descent.optimizer, descent.schedule_beside
    values = dict(parameters) | {f"solver__{name}": value for name, value in optimizer.get_params(deep=False).items()}
    if type(optimizer) is not type(kept):
        changed = ["solver"]
    else:
        before = kept.get_params(deep=False)
        changed = [
            _name_of(name, value, before[name], parameters)
            for name, value in optimizer.get_params(deep=False).items()
            if not _is_kept(value, before[name])
        ]
        if not _is_kept(schedule, beside):
            changed.append("power_t" if type(schedule) is type(beside) else "learning_rate")
    return [
        f"{name}={values[name]!r} has no effect, since training goes on with the optimizer it began with."
        for name in dict.fromkeys(changed)
    ]


def _name_of(own: str, value: Any, before: Any, parameters: Mapping[str, Any]) -> str:
    """Return which of an estimator's parameters has changed, given that of its optimizer."""
    if not isinstance(parameters["solver"], str):
        return f"solver__{own}"
    if own == "learning_rate" and not (isinstance(value, Real) and isinstance(before, Real)):
        same_kind = type(value) is type(before) and isinstance(parameters["learning_rate"], str)
        return "learning_rate_init" if same_kind else "learning_rate"
    return next((theirs for theirs, (ours, _) in ESTIMATORS_NAMES.items() if ours == own), "solver")


def _is_kept(value: Any, before: Any) -> bool:
    """Whether an optimizer's parameter is what it was, but for what a schedule was told of the length of training."""
    if isinstance(before, Schedule) and value is not None:
        value = as_schedule(value)  # within a WarmUp, numbers and functions become schedules
    if type(value) is not type(before) and not (isinstance(value, Real) and isinstance(before, Real)):
        return False
    if isinstance(value, Component):
        then = before.get_params(deep=False)
        return all(own is None or _is_kept(own, then.get(name)) for name, own in value.get_params(deep=False).items())
    if callable(value) and not isinstance(value, FunctionType):
        return True  # the optimizer has a copy, and what it is made of only it knows
    return not _differ(value, before)


def _differ(value: Any, other: Any) -> bool:
    """Whether two values of a parameter are different, arrays and lists element by element."""
    if value is other:
        return False
    same = np.asarray(value, dtype=object) == other if isinstance(value, list | tuple | np.ndarray) else value == other
    return not (same if type(same) is bool else np.all(same))
