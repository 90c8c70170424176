"""The parameters that estimators of networks share: names, constraints, and what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastmlp import callbacks as callbacks_module
from fastmlp.activations import ACTIVATIONS, Activation
from fastmlp.augmentation import AUGMENTATIONS
from fastmlp.components import Named, Parameterized, Registry
from fastmlp.fitting.recipe import DTYPES
from fastmlp.initializers import INITIALIZERS
from fastmlp.losses import NAMED_LOSSES, Loss
from fastmlp.network import NORMALIZATIONS
from fastmlp.optimizers import ESTIMATORS_NAMES, LBFGS, OPTIMIZERS, Optimizer
from fastmlp.schedules import SCHEDULES, Schedule


class NetworkParameters(Parameterized):
    """The parameters of MLPClassifier and MLPRegressor alike, for every estimator that trains a network as they do.

    A subclass lists them in its own ``__init__``; it may leave some out or add others to ``_parameter_constraints``.
    """

    activation = Named(ACTIVATIONS)
    solver = Named(OPTIMIZERS)
    batch_size = Named(Registry({"auto": "auto"}))
    learning_rate = Named(SCHEDULES)
    dtype = Named(DTYPES)
    loss = Named(NAMED_LOSSES)
    weight_init = Named(INITIALIZERS)
    bias_init = Named(INITIALIZERS)
    normalization = Named(NORMALIZATIONS)
    augment = Named(AUGMENTATIONS)

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str, Activation, list, tuple],
        "embedding_size": [Interval(Integral, 1, None, closed="left"), None],
        "solver": [str, Optimizer, LBFGS],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [str, callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "dtype": [StrOptions({"auto", "float32", "float64", "bfloat16"})],
        "loss": [str, Loss, callable],
        "loss_weights": ["array-like", None],
        "weight_init": [str, callable],
        "bias_init": [str, callable],
        "l1": [Interval(Real, 0, None, closed="left")],
        "standardize": ["boolean"],
        "normalization": [StrOptions({"batch", "layer"}), None],
        "residual": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "gradient_clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "gradient_clip_value": [Interval(Real, 0, None, closed="neither"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "ema": [Interval(Real, 0, 1, closed="neither"), None],
        "augment": [str, callable, None],
        "callbacks": [list, tuple, None],
        "scoring": [str, callable, list, tuple, dict, None],
    }

    _flat: ClassVar[dict[tuple[str, str], str]] = {
        **{("solver", ours): theirs for theirs, (ours, _) in ESTIMATORS_NAMES.items()},
        ("learning_rate", "learning_rate"): "learning_rate_init",
        ("learning_rate", "power_t"): "power_t",
        ("loss", "label_smoothing"): "label_smoothing",
    }
    _advice: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ("validationdata", "evalset", "evalsets", "evals", "evaldata", "validationset", "validset", "validsets",
             "valset", "valdata", "testset", "devset", "xval", "yval", "xvalid", "yvalid", "xvalidation", "yvalidation",
             "xeval", "yeval", "xtest", "ytest", "sampleweightval"),
            "Rows to validate on go to fit: fit(X, y, eval_set=(X_val, y_val)), or fit(X, y, X_val=..., y_val=...).",
        ),
        **dict.fromkeys(
            ("earlystoppingrounds", "patience", "earlystoppingpatience"),
            "Write early_stopping=True, n_iter_no_change=..., or callbacks=[EarlyStopping(patience=...)].",
        ),
        **dict.fromkeys(
            ("restorebestweights", "restorebest"),
            "early_stopping=True keeps the best weights; so does callbacks=[EarlyStopping(restore_best=True)].",
        ),
        **dict.fromkeys(("device", "gpu", "cuda", "usegpu"), "fastmlp computes on the CPU; n_jobs says on how many."),
        **dict.fromkeys(
            ("inputdim", "inputsize", "inputshape", "ninputs", "nfeatures", "outputdim", "outputsize", "noutputs",
             "nclasses", "numclasses", "numclass", "infeatures", "outfeatures"),
            "Inputs and outputs follow from X and y; hidden_layer_sizes is of the layers between them.",
        ),
        **dict.fromkeys(
            ("outputactivation", "outactivation", "finalactivation", "lastactivation"),
            "The output's activation follows from the loss.",
        ),
        **dict.fromkeys(
            ("categoricalfeatures", "categoricalfeature", "catfeatures", "categoricalcolumns", "enablecategorical"),
            "fastmlp.TableModel learns from tables with categories; for arrays there is scikit-learn's OneHotEncoder.",
        ),
        **dict.fromkeys(("sampleweight", "sampleweights"), "It goes to fit: fit(X, y, sample_weight=...)."),
    }  # fmt: skip

    @classmethod
    def _candidates(cls, name: str) -> Mapping[str, Any]:
        if name == "callbacks":
            return {each: getattr(callbacks_module, each) for each in callbacks_module.__all__}
        return super()._candidates(name)

    def _hint(self, name: str, value: Any) -> str:
        if name == "learning_rate" and isinstance(value, Real):
            return f"A rate is learning_rate_init={value!r}; learning_rate says how it changes."
        schedule = SCHEDULES.canonical(value)
        is_schedule = isinstance(schedule, Schedule) or (isinstance(schedule, str) and schedule in SCHEDULES)
        if name == "learning_rate_init" and is_schedule:
            return f"A schedule is learning_rate={schedule!r}; learning_rate_init is the rate."
        if name == "callbacks" and isinstance(value, callbacks_module.Callback):
            return f"Write callbacks=[{value!r}]."
        if name == "loss" and isinstance(value, list | tuple | Integral):
            # A regressor's first parameter is the loss, where a classifier's is the sizes of hidden layers.
            return f"Units of hidden layers are hidden_layer_sizes={value!r}."
        return super()._hint(name, value)
