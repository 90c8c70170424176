"""What an estimator's parameters come to, checked before training starts: layers, optimizer, regularisation."""

from collections.abc import Callable, Mapping, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from fastmlp.components import Registry, named
from fastmlp.network import Regularization, per_layer
from fastmlp.optimizers import (
    LBFGS,
    OPTIMIZERS,
    Optimizer,
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
    """A registry of types by name, in which a type or a dtype object stands for its name."""

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

#: The largest number of units of a layer, which an index of the engine can count.
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
    # The embeddings of columns are what other networks' inputs are: the columns themselves cannot be dropped.
    codes = () if parameters["embedding_size"] is None else (0.0,)
    regularization = Regularization(
        dropout=(*codes, parameters["input_dropout"], *rates),
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
