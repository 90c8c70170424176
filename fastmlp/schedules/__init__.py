"""Schedules: learning rates as functions of the step, and what epochs, plateaus and monitored values do to them.

An optimizer at work has the learning rate as it is now, ``learning_rate``, and the one it began with,
``learning_rate_init``. A schedule with a plan is called with the step; the hooks ``after_epoch``, ``on_plateau`` and
``on_value`` change the optimizer's rate. :meth:`Schedule.rate` is right for both kinds. A schedule keeps nothing that
happens in training, so that one object serves any number of fits. Momentum and weight decay, being numbers, may follow
a schedule as well.
"""

from fastmlp.schedules.adaptive import Adaptive, Constant, InvScaling, ReduceOnPlateau
from fastmlp.schedules.base import HasLearningRate, Paced, Schedule, Timed
from fastmlp.schedules.cyclic import CosineRestarts, CosLog4, OneCycle
from fastmlp.schedules.decay import Cosine, Exponential, FlatCos, Linear, Polynomial, StepDecay
from fastmlp.schedules.given import Function, as_schedule
from fastmlp.schedules.registry import SCHEDULES
from fastmlp.schedules.warm_up import WarmUp

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Constant",
    "CosLog4",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FlatCos",
    "Function",
    "HasLearningRate",
    "InvScaling",
    "Linear",
    "OneCycle",
    "Paced",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Timed",
    "WarmUp",
    "as_schedule",
]


def __dir__() -> list[str]:
    return sorted(__all__)
