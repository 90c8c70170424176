"""The names that stand for schedules."""

from fastmlp.components import Registry
from fastmlp.schedules.adaptive import Adaptive, Constant, InvScaling, ReduceOnPlateau
from fastmlp.schedules.base import Schedule
from fastmlp.schedules.cyclic import CosineRestarts, CosLog4, OneCycle
from fastmlp.schedules.decay import Cosine, Exponential, FlatCos, Linear, Polynomial, StepDecay
from fastmlp.schedules.warm_up import WarmUp

#: The schedules by name; each can be made without parameters.
SCHEDULES: Registry[type[Schedule]] = Registry(
    {
        "constant": Constant,
        "invscaling": InvScaling,
        "adaptive": Adaptive,
        "reduce_on_plateau": ReduceOnPlateau,
        "step_decay": StepDecay,
        "exponential": Exponential,
        "polynomial": Polynomial,
        "linear": Linear,
        "cosine": Cosine,
        "cosine_restarts": CosineRestarts,
        "one_cycle": OneCycle,
        "coslog4": CosLog4,
        "flat_cos": FlatCos,
        "warmup": WarmUp,
    },
    {
        "constant": ("const", "fixed", "constant_lr"),
        "invscaling": ("inverse_scaling", "inv_scaling"),
        "reduce_on_plateau": ("plateau", "reduce_lr_on_plateau"),
        "step_decay": ("step", "step_lr", "staircase"),
        "exponential": ("exp", "exponential_decay", "exponential_lr"),
        "polynomial": ("poly", "polynomial_decay", "polynomial_lr"),
        "linear": ("linear_decay",),
        "cosine": ("cos", "cosine_annealing", "cosine_annealing_lr", "cosine_decay", "cosine_schedule"),
        "cosine_restarts": (
            "sgdr", "cosine_annealing_warm_restarts", "cosine_warm_restarts", "cosine_decay_restarts",
            "cosine_with_restarts", "cosine_annealing_restarts",
        ),
        "one_cycle": ("1cycle", "one_cycle_lr", "super_convergence"),
        "flat_cos": ("flat_cosine", "flat_cos_annealing"),
        "warmup": ("linear_warmup", "linear_lr"),
    },
)  # fmt: skip
