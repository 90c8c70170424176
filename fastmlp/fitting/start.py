"""The point from which training by minibatches starts, and the three ways there: a fit begins, goes on, is resumed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.fitting.batching import SampleOrder
from fastmlp.fitting.checkpoint import check_samples
from fastmlp.fitting.holding_out import held_out_set, split
from fastmlp.fitting.problem import Problem
from fastmlp.fitting.progress import MinibatchProgress
from fastmlp.fitting.stopping import NoImprovement
from fastmlp.network import Network
from fastmlp.optimizers import Descent


@dataclass
class Start:
    """The point from which training by minibatches starts, however it was reached."""

    network: Network
    #: The optimizer with its state, which is the network's.
    descent: Descent
    progress: MinibatchProgress
    #: The best network so far, which early stopping ends with; None where there is none yet.
    best: Network | None = None
    #: What a callback has decided to end with: see :meth:`fastmlp.callbacks.Fit.end_with`.
    end: dict[str, NDArray] | None = None
    #: Whether the fit has ended already.
    stopped: bool = False
    #: The names in history of what is better when it is more.
    metrics: set[str] = field(default_factory=set)


def begin(problem: Problem, network: Network, before: Any, random_state: np.random.RandomState) -> Start:
    """Return the start of a fit, with a new optimizer and samples held out for early stopping.

    Parameters
    ----------
    problem : Problem
        Its evaluation gets the samples that are held out, if any are.
    network : Network
        The network to train, new or fitted.
    before : estimator or None
        The estimator whose history, losses and best value the fit goes on from, in a warm start; None for none.
    random_state : RandomState
        It decides of the samples held out, the seed and the order of the samples.
    """
    indices, held_out = problem.all_samples(), None
    if problem.plan.parameters["early_stopping"] and not problem.evaluation.sets:
        indices, held_out = split(problem.data, problem.plan.parameters["validation_fraction"], random_state)
        problem.evaluation.sets = [held_out_set(problem.data, held_out)]
    batch_size = problem.plan.batch_size(len(indices))
    descent = _new_descent(problem, len(indices), batch_size)
    progress = _progress(problem, before, indices, batch_size, random_state, held_out=held_out)
    return Start(network, descent, progress, _best_so_far(network, progress.rule))


def go_on(problem: Problem, network: Network, before: Any, random_state: np.random.RandomState) -> Start:
    """Return the start of an epoch that goes on from those before, with their optimizer, as partial_fit does.

    Parameters
    ----------
    problem, network, before, random_state
        As :func:`begin` takes them. The epochs since the best value are those of the calls before, too.
    """
    if problem.plan.parameters["early_stopping"]:
        raise ValueError("partial_fit does not support early_stopping=True")
    indices = problem.all_samples()
    batch_size = problem.plan.batch_size(len(indices))
    descent = getattr(before, "_optimizer", None)
    # A copy, so that nothing is lost should this call fail; its arrays are replaced, not changed.
    descent = _new_descent(problem, len(indices), batch_size) if descent is None else copy.copy(descent)
    progress = _progress(problem, before, indices, batch_size, random_state)
    progress.rule.count = getattr(before, "_no_improvement_count", 0)
    return Start(network, descent, progress)


def resume(problem: Problem, network: Network, before: Any, state: dict[str, Any]) -> Start:
    """Return the start of a fit that goes on from a checkpoint as if it had never been interrupted.

    Parameters
    ----------
    problem : Problem
        That of the fit; its samples are checked against what the checkpoint says of them.
    network : Network
        The network that the checkpoint predicts with.
    before : estimator
        The checkpoint, which has the optimizer, the history and the counts.
    state : dict
        What :func:`fastmlp.fitting.checkpoint.state_of` has put into it.

    Raises
    ------
    ValueError
        For other samples than those of the fit, and for a solver that goes through no minibatches.
    """
    if not problem.plan.is_stochastic:
        raise ValueError(
            f"solver={problem.plan.parameters['solver']!r}: a checkpoint goes on by minibatches, with the solver that"
            " its fit began with."
        )
    check_samples(state, problem)
    indices, held_out = state["order"], state["held_out"]
    if held_out is not None:
        problem.evaluation.sets = [held_out_set(problem.data, held_out)]
    if state["present"] is not None:
        network = network.with_arrays(state["present"])
    batch_size = problem.plan.batch_size(len(indices))
    descent = copy.copy(before._optimizer)
    descent.plan_anew(*_length(problem, len(indices), batch_size))
    random_state = _resumed(state["random_state"], problem.plan.parameters["random_state"])
    progress = _progress(problem, before, indices, batch_size, random_state, held_out=held_out, seed=state["seed"])
    best = _best_so_far(network, progress.rule)
    progress.epoch, progress.rule.count, progress.rule.best = state["epoch"], state["count"], state["best_value"]
    if state["best"] is not None:
        best = network.with_arrays(state["best"])
    return Start(network, descent, progress, best, state["end"], state["stopped"], set(state["metrics"]))


def _length(problem: Problem, n_samples: int, batch_size: int) -> tuple[int, int]:
    """Return the steps of a fit of max_iter epochs, and those of an epoch."""
    steps_per_epoch = -(-n_samples // batch_size)
    return problem.plan.parameters["max_iter"] * steps_per_epoch, steps_per_epoch


def _new_descent(problem: Problem, n_samples: int, batch_size: int) -> Descent:
    return Descent(problem.plan.optimizer, problem.plan.schedule, length=_length(problem, n_samples, batch_size))


def _progress(
    problem: Problem,
    before: Any,
    indices: NDArray,
    batch_size: int,
    random_state: np.random.RandomState,
    *,
    held_out: NDArray | None = None,
    seed: int | None = None,
) -> MinibatchProgress:
    """Return the progress at the start, with what an estimator has of fits before; a seed is drawn if one is needed."""
    parameters, left = problem.plan.parameters, {} if before is None else vars(before)
    by_score = parameters["early_stopping"]
    scores = left.get("validation_scores_") if by_score else None
    best = left.get("best_validation_score_" if by_score else "best_loss_")
    if seed is None:
        seed = random_state.randint(2**31) if problem.plan.draws else 0
    return MinibatchProgress(
        NoImprovement(
            parameters["tol"],
            parameters["n_iter_no_change"],
            maximize=by_score,
            best=None if by_score and scores is None else best,
        ),
        SampleOrder(indices, parameters["shuffle"], random_state),
        held_out=held_out,
        seed=seed,
        batch_size=batch_size,
        history=dict(left.get("history_", {})),
        n_samples_seen=left.get("t_", 0),
        loss_curve=left.get("loss_curve_"),
        scores=scores,
    )


def _best_so_far(network: Network, rule: NoImprovement) -> Network | None:
    """Return a copy of the network that early stopping has its best score from: that of the fit before, if any."""
    return network.astype(network.params.dtype) if rule.maximize and rule.has_best else None


def _resumed(state: np.random.RandomState, given: Any) -> np.random.RandomState:
    """Return a generator in a checkpoint's state: the user's own if there is one, which a fit leaves further on."""
    if isinstance(given, np.random.RandomState):
        given.set_state(state.get_state())
        return given
    return copy.deepcopy(state)
