"""What is said of parameters that are set and have no effect: in each fit, and in partial_fit not again and again."""

from __future__ import annotations

import operator
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fastmlp.exceptions import IgnoredParameterWarning, warn_user
from fastmlp.fitting.ignored import ignored_parameters, kept_parameters
from fastmlp.fitting.problem import Problem
from fastmlp.network import Network
from fastmlp.optimizers import Descent, Optimizer

if TYPE_CHECKING:
    from fastmlp.estimators.supervised import SupervisedNetwork

# What the last call of partial_fit has said of an estimator's parameters, and what they were.
_said: MutableMapping[SupervisedNetwork, tuple[str, Mapping[str, Any]]] = WeakKeyDictionary()


def warn_of_ignored(
    estimator: SupervisedNetwork, problem: Problem, network: Network, descent: Descent | None = None
) -> None:
    """Warn of an estimator's parameters that have no effect on a fit.

    Parameters
    ----------
    estimator : SupervisedNetwork
    problem : Problem
    network : Network
        The network to be trained.
    descent : Descent, default=None
        The optimizer that training goes on with; None for a new one.
    """
    if type(estimator).__hash__ is not None:
        _said.pop(estimator, None)
    message = _message(estimator, problem, network, descent)
    if message:
        warn_user(message, IgnoredParameterWarning)


def warn_of_ignored_once(estimator: SupervisedNetwork, problem: Problem, network: Network) -> None:
    """Warn of parameters that have no effect on a call of partial_fit, unless the call before has said the same.

    Parameters
    ----------
    estimator, problem, network
        As :func:`warn_of_ignored` takes them.
    """
    parameters, can_remember = problem.plan.parameters, type(estimator).__hash__ is not None
    before, known = _said.get(estimator, ("", {})) if can_remember else ("", {})
    # Objects may change inside, so that the same ones need not mean the same; names do.
    by_name = type(estimator.solver) is str and type(estimator.learning_rate) is str
    if by_name and known and all(map(operator.is_, parameters.values(), known.values())):
        return
    message = _message(estimator, problem, network, getattr(estimator, "_optimizer", None))
    if can_remember:
        _said[estimator] = message, parameters
    if message and message != before:
        warn_user(message, IgnoredParameterWarning)


def _message(estimator: SupervisedNetwork, problem: Problem, network: Network, descent: Descent | None) -> str:
    """Return a sentence for each parameter that has no effect."""
    plan = problem.plan
    sentences = ignored_parameters(
        plan.parameters,
        estimator._defaults(),
        plan.optimizer,
        n_hidden=len(plan.hidden_sizes),
        has_sets=bool(problem.evaluation.sets),
    )
    if estimator.standardize != (network.input_scales is not None):
        sentences.append(f"standardize={estimator.standardize} has no effect, since training goes on as it began.")
    if descent is not None and isinstance(plan.optimizer, Optimizer):
        sentences += kept_parameters(plan.parameters, plan.optimizer, plan.schedule, descent)
    return " ".join(sentences)
