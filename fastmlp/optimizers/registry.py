"""The names that stand for optimizers, and what the estimators' parameters mean for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastmlp.components import Component, Registry, named
from fastmlp.optimizers.adam import Adam, AdamW, AMSGrad, Nadam
from fastmlp.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from fastmlp.optimizers.base import Optimizer
from fastmlp.optimizers.lbfgs import LBFGS
from fastmlp.optimizers.muon import Muon
from fastmlp.optimizers.schedule_free import ScheduleFreeAdamW
from fastmlp.optimizers.sgd import SGD
from fastmlp.optimizers.sign import Lion, Rprop

#: The optimizers by name: that of the class in lower case.
OPTIMIZERS: Registry[type[Component]] = Registry(
    {
        cls.__name__.lower(): cls
        for cls in (
            SGD, Adagrad, Adadelta, RMSprop, Adam, AMSGrad, Nadam, AdamW, Lion, Rprop, Muon, ScheduleFreeAdamW, LBFGS,
        )
    },
    {
        "sgd": ("stochastic_gradient_descent", "gradient_descent", "gd", "vanilla_sgd"),
        "nadam": ("nesterov_adam",),
        "adamw": ("adam_with_weight_decay",),
        "rprop": ("resilient_backpropagation", "resilient_propagation"),
        "schedulefreeadamw": ("schedule_free", "adamw_schedule_free"),
        "lbfgs": ("l_bfgs_b", "lm_bfgs"),
    },
)  # fmt: skip

_ADAM_LIKE = (Adam, AMSGrad, AdamW, Nadam, ScheduleFreeAdamW)

#: By a parameter of the estimators: what the optimizers call it, and the classes that take it.
ESTIMATORS_NAMES: dict[str, tuple[str, tuple[type, ...]]] = {
    "learning_rate_init": ("learning_rate", (Optimizer,)),
    "momentum": ("momentum", (SGD,)),
    "nesterovs_momentum": ("nesterov", (SGD,)),
    "beta_1": ("beta_1", _ADAM_LIKE),
    "beta_2": ("beta_2", _ADAM_LIKE),
    "epsilon": ("epsilon", _ADAM_LIKE),
    "max_iter": ("max_iter", (LBFGS,)),
    "max_fun": ("max_fun", (LBFGS,)),
    "tol": ("tol", (LBFGS,)),
}


def from_estimator_parameters(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return the optimizer that a name stands for, with the parameters of an estimator that are meant for it.

    All take learning_rate_init; 'sgd' takes momentum and nesterovs_momentum; 'adam', 'amsgrad', 'adamw', 'nadam' and
    'schedulefreeadamw' take beta_1, beta_2 and epsilon; 'lbfgs' takes max_iter, max_fun and tol. 'adam' adds epsilon
    where scikit-learn does.

    Parameters
    ----------
    name : str
        A name from OPTIMIZERS, or an alias.
    parameters : mapping of str to Any
        An estimator's parameters, as get_params() returns them; the optimizer keeps its default for what is missing.

    Returns
    -------
    optimizer : Optimizer or LBFGS

    Raises
    ------
    ValueError
        For a name that is not known.

    Examples
    --------
    >>> from fastmlp.optimizers import from_estimator_parameters
    >>> parameters = {"learning_rate_init": 0.5, "momentum": 0.8, "beta_1": 0.7}
    >>> from_estimator_parameters("sgd", parameters)
    SGD(learning_rate=0.5, momentum=0.8)
    >>> from_estimator_parameters("adam", parameters)
    Adam(beta_1=0.7, epsilon_hat=True, learning_rate=0.5)
    """
    cls = named(name, OPTIMIZERS, "solver")
    taken = {
        ours: parameters[theirs]
        for theirs, (ours, takers) in ESTIMATORS_NAMES.items()
        if issubclass(cls, takers) and theirs in parameters
    }
    return cls(**taken, **({"epsilon_hat": True} if cls is Adam else {}))
