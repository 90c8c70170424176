"""Parameters that are set and have no effect, since others are what they are: which, and what to set instead."""

from collections.abc import Mapping
from numbers import Real
from types import FunctionType
from typing import Any

import numpy as np

from fastmlp.components import Component
from fastmlp.fitting.recipe import SKLEARN_SCHEDULES
from fastmlp.optimizers import ESTIMATORS_NAMES, LBFGS, SGD, Adam, Descent, Optimizer, Rprop
from fastmlp.schedules import Schedule, as_schedule

# The solvers that scikit-learn has by name. It documents which of them a parameter is for, and says nothing where it is
# given beside others, so that a search may go through several solvers.
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
_OF_HIDDEN_LAYERS = ("activation", "dropout", "max_norm", "normalization", "residual")
_OF_EMBEDDINGS = ("activation", "max_norm")
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
        An estimator's parameters, and the defaults of these, by name.
    optimizer : Optimizer or LBFGS
        What they come to: see :func:`fastmlp.fitting.recipe.optimizer_of`.
    n_hidden : int
        The number of hidden layers, but for a layer of embeddings.
    has_sets : bool
        Whether fit is given samples to validate on.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.optimizers import AdamW
    >>> from fastmlp.fitting.ignored import ignored_parameters
    >>> defaults = MLPClassifier().get_params()
    >>> parameters = defaults | {"solver": AdamW(), "learning_rate_init": 0.1}
    >>> ignored_parameters(parameters, defaults, AdamW(), n_hidden=1, has_sets=False)
    ['learning_rate_init=0.1 has no effect beside solver=AdamW(), whose own counts: set solver__learning_rate.']
    """
    changed = [
        name
        for name in _MAY_BE_IGNORED
        if name in defaults and parameters[name] is not defaults[name] and _differ(parameters[name], defaults[name])
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
        if name in _OF_EMBEDDINGS and parameters.get("embedding_size") is not None:
            return ""
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
        An estimator's parameters, by name.
    optimizer, schedule
        What they come to: see :func:`fastmlp.fitting.recipe.optimizer_of`.
    descent : Descent
        The optimizer that training goes on with.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.optimizers import Descent
    >>> from fastmlp.fitting.ignored import kept_parameters
    >>> from fastmlp.fitting.recipe import optimizer_of
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
        value = as_schedule(value)  # Within a WarmUp, numbers and functions become schedules.
    if type(value) is not type(before) and not (isinstance(value, Real) and isinstance(before, Real)):
        return False
    if isinstance(value, Component):
        then = before.get_params(deep=False)
        return all(own is None or _is_kept(own, then.get(name)) for name, own in value.get_params(deep=False).items())
    if callable(value) and not isinstance(value, FunctionType):
        return True  # The optimizer has a copy of it, and what it is made of only it knows.
    return not _differ(value, before)


def _differ(value: Any, other: Any) -> bool:
    """Whether two values of a parameter are different, arrays and lists element by element."""
    if value is other:
        return False
    same = np.asarray(value, dtype=object) == other if isinstance(value, list | tuple | np.ndarray) else value == other
    return not (same if type(same) is bool else np.all(same))
