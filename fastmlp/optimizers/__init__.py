"""Optimizers: one class each, one file per family."""

from fastmlp.optimizers.adam import Adam
from fastmlp.optimizers.base import Optimizer
from fastmlp.optimizers.lbfgs import LBFGS
from fastmlp.optimizers.sgd import SGD

#: Minibatch optimizers by the name the estimators know them by.
OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}

__all__ = ["LBFGS", "OPTIMIZERS", "SGD", "Adam", "Optimizer"]
