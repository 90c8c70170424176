"""What the attributes of a descent must be, wherever it comes from: a file may say anything of one."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from fastmlp.components import Component
from fastmlp.optimizers.base import Fused, Optimizer
from fastmlp.optimizers.sgd import SGD
from fastmlp.soundness import is_count, is_number, is_truth, require


def check_descent(descent: Any) -> None:
    """Refuse a descent that lacks attributes, or has them of other types than a new one has.

    Parameters
    ----------
    descent : Descent
        Its optimizer and its schedule have been checked by themselves.

    Raises
    ------
    ValueError
        It names the attribute.
    """
    for name, usual in type(descent)(SGD()).__getstate__().items():
        require(name in vars(descent), f"a Descent lacks its {name}")
        value = vars(descent)[name]
        if isinstance(usual, bool):
            sound = is_truth(value)
        elif isinstance(usual, Real):
            sound = is_number(value)
        else:
            sound = usual is None or isinstance(value, Optimizer)
        require(sound, f"the {name} of a Descent is of another type", value)
    require(is_count(descent.n_updates), "n_updates is no count of steps", descent.n_updates)
    other = descent.schedule_beside
    require(other is None or (isinstance(other, Component) and hasattr(other, "on_plateau")), "its schedule is none")
    follows = vars(descent).get("schedule_state")
    is_followed = type(follows) is tuple and len(follows) == 3 and all(map(is_number, follows))
    require(follows is None or is_followed, "schedule_state is none", follows)
    if descent.state is not None and descent.optimizer.rule is not None:
        _check_slots(descent.optimizer, descent.state)


def _check_slots(rule: Optimizer, state: Any) -> None:
    """Refuse the state of a fused rule unless it has the slots that the engine will read and write, and no others."""
    require(isinstance(rule, Fused) and type(state) is dict, "the state of an optimizer is wrong")
    assert isinstance(rule, Fused)
    slots = state.get("slots")
    require(type(slots) is list and len(slots) == rule.n_slots, f"a {type(rule).__name__} has {rule.n_slots} slots")
    for slot in slots:
        is_vector = type(slot) is list and len(slot) == 1 and type(slot[0]) is np.ndarray and slot[0].ndim == 1
        require(is_vector and slot[0].dtype.kind == "f", f"a slot of {type(rule).__name__} is no vector")
