"""The losses that the engine computes (src_c/tables/losses.def lists them), and the objects by which users choose.

===============  =============  =================================================================  ===========
name             p = link(z)    loss of one sample with target y                                   option
===============  =============  =================================================================  ===========
log_loss         softmax        -log(p[class])
binary_log_loss  logistic       sum over outputs of -y log(p) - (1 - y) log(1 - p)
squared_error    identity       mean over outputs of (y - p)^2 / 2
poisson          exp            sum over outputs of y log(y / p) - y + p
soft_log_loss    softmax        sum over outputs of -y log(p)
quadratic        logistic       sum over outputs of (y - p)^2 / 2
absolute_error   identity       sum over outputs of abs(y - p)
huber            identity       sum over outputs of e^2 / 2 up to e = d, then d (e - d / 2),       d = 1
                                e = abs(y - p)
pinball          identity       sum over outputs of q (y - p) where p < y, else (1 - q) (p - y)    q = 0.5
gamma            exp            sum over outputs of y / p - log(y / p) - 1
tweedie          exp            sum over outputs of y^(2 - k) / ((1 - k) (2 - k))                  k = 1.5
                                - y p^(1 - k) / (1 - k) + p^(2 - k) / (2 - k)
hinge            identity       sum over outputs of max(0, 1 - s p), s = 2 y - 1
squared_hinge    identity       sum over outputs of max(0, 1 - s p)^2, s = 2 y - 1
perceptron       identity       sum over outputs of max(0, -s p), s = 2 y - 1
focal            softmax        -(1 - p[class])^g log(p[class])                                    g = 2
binary_focal     logistic       sum over outputs of -y (1 - p)^g log(p) - (1 - y) p^g log(1 - p)   g = 2
===============  =============  =================================================================  ===========

In log_loss and binary_log_loss probabilities are kept ``numpy.finfo(dtype).eps`` away from 0 and 1 before the
logarithm; the others are computed from z and need no such limit.

There are four kinds of targets: ``"binary"`` (two classes, one output), ``"multiclass"`` (one output per class),
``"multilabel"`` (one output per label) and ``"numbers"``.
"""

from fastmlp.losses.base import CustomLoss, Loss
from fastmlp.losses.checks import check_loss_options, engine_targets, target_range
from fastmlp.losses.names import CLASS_TARGET_LOSSES, LOSSES, OUTPUT_ACTIVATIONS
from fastmlp.losses.objects import (
    NAMED_LOSSES,
    AbsoluteError,
    Focal,
    Gamma,
    Hinge,
    Huber,
    LogLoss,
    Perceptron,
    Pinball,
    Poisson,
    SquaredError,
    SquaredHinge,
    Tweedie,
    loss_of,
)

__all__ = [
    "CLASS_TARGET_LOSSES",
    "LOSSES",
    "NAMED_LOSSES",
    "OUTPUT_ACTIVATIONS",
    "AbsoluteError",
    "CustomLoss",
    "Focal",
    "Gamma",
    "Hinge",
    "Huber",
    "LogLoss",
    "Loss",
    "Perceptron",
    "Pinball",
    "Poisson",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
    "check_loss_options",
    "engine_targets",
    "loss_of",
    "target_range",
]


def __dir__() -> list[str]:
    return sorted(__all__)
