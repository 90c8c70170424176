"""Checkpoints: what has to be known beside an estimator and its optimizer to go on from the end of an epoch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from fastmlp.fitting.problem import Problem

if TYPE_CHECKING:
    from fastmlp.fitting.minibatch import MinibatchFit


def state_of(fit: MinibatchFit) -> dict[str, Any]:
    """Return what :func:`fastmlp.fitting.start.resume` goes on from, as plain data and arrays.

    "present" is for the caller to fill in: the arrays of the network that is trained, where the estimator that is
    stored predicts with another one; None where it does not.
    """
    progress = fit.progress
    return {
        "epoch": progress.epoch,
        "stopped": fit.stopped,
        "order": progress.order.indices.copy(),
        "random_state": copy.deepcopy(progress.order.random_state),
        "held_out": progress.held_out,
        "seed": progress.seed,
        "count": progress.rule.count,
        "best_value": progress.rule.best,
        "best": None if fit.best is None else fit.best.arrays(),
        "end": fit.end_arrays,
        "sets": [part.name for part in fit.problem.evaluation.sets],
        "is_weighted": fit.problem.data.sample_weight is not None,
        "metrics": fit.metrics,
        "present": None,
    }


def check_samples(state: dict[str, Any], problem: Problem) -> None:
    """Refuse samples that cannot be those of the fit a checkpoint is of.

    Raises
    ------
    ValueError
        For another number of samples, weights where there were none or none where there were, and other sets.
    """
    data, held_out = problem.data, state["held_out"]
    n_before = len(state["order"]) + (0 if held_out is None else len(held_out))
    if data.n_samples != n_before:
        raise ValueError(f"X has {data.n_samples} samples, but the fit that is to be resumed had {n_before}.")
    if (data.sample_weight is not None) != state["is_weighted"]:
        raise ValueError(
            f"The fit that is to be resumed had {'a' if state['is_weighted'] else 'no'} sample_weight; give resume"
            " what fit was given."
        )
    names = [part.name for part in problem.evaluation.sets] if held_out is None else ["validation"]
    if names != state["sets"]:
        raise ValueError(
            f"The fit that is to be resumed was evaluated on {state['sets']}, this call on {names}; give resume the"
            " eval_set of fit."
        )
