"""Optimizers: a class for each, a file for each family."""

from fastmlp.optimizers.adam import Adam, AdamW, AMSGrad, Nadam
from fastmlp.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from fastmlp.optimizers.base import Fused, Optimizer
from fastmlp.optimizers.descent import Descent
from fastmlp.optimizers.lbfgs import LBFGS
from fastmlp.optimizers.muon import Muon
from fastmlp.optimizers.registry import ESTIMATORS_NAMES, OPTIMIZERS, from_estimator_parameters
from fastmlp.optimizers.schedule_free import ScheduleFreeAdamW
from fastmlp.optimizers.sgd import SGD
from fastmlp.optimizers.sign import Lion, Rprop

__all__ = [
    "ESTIMATORS_NAMES",
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Descent",
    "Fused",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "from_estimator_parameters",
]


def __dir__() -> list[str]:
    return sorted(__all__)
