"""The deep belief network: layers of restricted Boltzmann machines, then a perceptron that begins with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.augmentation import Augment
from fastmlp.callbacks import Callback
from fastmlp.estimators import MLPClassifier
from fastmlp.exceptions import UnlabelledWarning, warn_user
from fastmlp.fitting.problem import Problem, TrainingData, TrainingPlan
from fastmlp.losses import Loss
from fastmlp.network import Network
from fastmlp.optimizers import LBFGS, Optimizer
from fastmlp.registration import stored_as
from fastmlp.schedules import Schedule
from fastmlp.soundness import is_number, require
from fastmlp.zoo.restricted_boltzmann import RestrictedBoltzmannMachine

#: The parameters of MLPClassifier that a deep belief network leaves no choice of; the class has their values.
_FIXED = ("activation", "normalization", "residual", "embedding_size", "standardize", "weight_init", "bias_init")
_UNLABELLED = -1


@stored_as("DeepBeliefNetworkClassifier")
class DeepBeliefNetworkClassifier(MLPClassifier):
    """Deep belief network: a classifier whose layers learn what samples are like before they learn labels.

    Each hidden layer first learns as a restricted Boltzmann machine, without labels, from what the layer below makes of
    the samples [1]_. The weights and biases are those that :class:`fastmlp.MLPClassifier`, with logistic units, begins
    with: it learns the labels by backpropagation, which is called fine-tuning here. Samples without a label, of which
    there may be many more, take part in the first half: their y is -1. Where y has two values, as -1 and 1, both are
    classes.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(256, 256)
        The number of units of each hidden layer.
    visible : {'bernoulli', 'normal'}, default='bernoulli'
        What features are, for the first machine: from 0 to 1, or numbers, which should be scaled to mean 0 and variance
        1; see :class:`RestrictedBoltzmannMachine`.
    learning : {'cd', 'pcd'}, default='cd'
    n_gibbs : int, default=1
        How the machines learn; see :class:`RestrictedBoltzmannMachine`.
    pretraining_epochs : int, default=10
        Epochs of each machine; 0 for none, which leaves a perceptron.
    pretraining_rate : float, default=None
        The learning rate of the machines; None is theirs.
    pretraining_batch_size : int, default=32
    pretraining_decay : float, default=0.0002
        The machines' weight_decay.
    solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, tol, verbose, warm_start,\
 momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun,\
 n_jobs, dtype, loss_weights, l1, dropout, input_dropout, input_noise, gradient_clip_norm, gradient_clip_value,\
 max_norm, ema, augment, callbacks, scoring, loss, class_weight, label_smoothing
        Those of :class:`fastmlp.MLPClassifier`, for the fine-tuning.
    random_state : int, RandomState instance or None, default=None
        Of the pretraining, and of all that MLPClassifier draws.

    Attributes
    ----------
    pretraining_history_ : list of dict of str to list of float
        The ``history_`` of each machine, without times.
    classes_, coefs_, intercepts_, history_, ...
        Those of :class:`fastmlp.MLPClassifier`, of the whole network.

    Notes
    -----
    partial_fit pretrains with the samples of its first call. A fit in a warm start does not pretrain again.

    References
    ----------
    .. [1] Hinton, Osindero and Teh (2006). A fast learning algorithm for deep belief nets.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.zoo import DeepBeliefNetworkClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = DeepBeliefNetworkClassifier(
    ...     (100, 100), learning_rate_init=0.01, random_state=0
    ... )
    >>> bool(clf.fit(X[:1200] / 16, y[:1200]).score(X[1200:] / 16, y[1200:]) > 0.9)
    True
    """

    pretraining_history_: list[dict[str, list[float]]]

    # These are no parameters here, but attributes that the code of networks reads.
    activation = "logistic"
    normalization = None
    residual = False
    embedding_size = None
    standardize = False
    weight_init = "auto"
    bias_init = "auto"

    _drop_in_for = None  # type: ignore[assignment]
    _parameter_constraints: ClassVar[dict] = {
        **{name: of for name, of in MLPClassifier._parameter_constraints.items() if name not in _FIXED},
        "visible": [StrOptions({"bernoulli", "normal"})],
        "learning": [StrOptions({"cd", "pcd"})],
        "n_gibbs": [Interval(Integral, 1, None, closed="left")],
        "pretraining_epochs": [Interval(Integral, 0, None, closed="left")],
        "pretraining_rate": [Interval(Real, 0, None, closed="neither"), None],
        "pretraining_batch_size": [Interval(Integral, 1, None, closed="left")],
        "pretraining_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (256, 256),
        *,
        visible: str = "bernoulli",
        learning: str = "cd",
        n_gibbs: int = 1,
        pretraining_epochs: int = 10,
        pretraining_rate: float | None = None,
        pretraining_batch_size: int = 32,
        pretraining_decay: float = 0.0002,
        solver: str | Optimizer | LBFGS = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        n_jobs: int | None = None,
        dtype: str | type = "auto",
        loss_weights: ArrayLike | None = None,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        gradient_clip_norm: float | None = None,
        gradient_clip_value: float | None = None,
        max_norm: float | None = None,
        ema: float | None = None,
        augment: str | Augment | None = None,
        callbacks: Sequence[Callback] | None = None,
        scoring: Any = None,
        loss: str | Loss | Callable = "log_loss",
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self._set_parameters(locals())

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {**cls._fixed(), **super()._defaults()}

    @classmethod
    def _fixed(cls) -> dict[str, Any]:
        return {name: getattr(cls, name) for name in _FIXED}

    def _plan(self) -> TrainingPlan:
        return TrainingPlan.of({**self._fixed(), **self.get_params(deep=False)}, self._loss())

    # ---- samples without a label -------------------------------------------------------------------------------------

    def _first_problem(
        self, X: Any, y: Any, sample_weight: Any, eval_set: Any, check_targets: Callable[[Any], Any]
    ) -> tuple[Problem, Network]:
        """Return the problem of the samples with a label, and a network that has been pretrained on all."""
        samples, targets = self._validated(X, y, reset=True)
        labelled = _labelled(targets)
        if labelled is None:
            return super()._first_problem(X, y, sample_weight, eval_set, check_targets)
        warn_user(
            f"y is -1 in {(~labelled).sum()} of {len(labelled)} rows, which are taken for rows without a label: layers"
            " are pretrained on them, and no label is learned from them.",
            UnlabelledWarning,
        )
        if sample_weight is not None:
            sample_weight = _safe_indexing(self._check_weights(sample_weight, samples), labelled)
        self._all_samples = samples
        try:
            X, y = _safe_indexing(X, labelled), _safe_indexing(y, labelled)
            return super()._first_problem(X, y, sample_weight, eval_set, check_targets)
        finally:
            del self._all_samples

    # ---- pretraining -------------------------------------------------------------------------------------------------

    def _new_network(self, plan: TrainingPlan, data: TrainingData, n_outputs: int, dtype: np.dtype) -> Network:
        """Return a network whose hidden layers have learned as restricted Boltzmann machines."""
        if data.rows.layout is not None:
            raise ValueError("X must be numbers, which the first layer learns to make; got EncodedColumns.")
        network = super()._new_network(plan, data, n_outputs, dtype)
        self.pretraining_history_ = []
        rows = self.__dict__.get("_all_samples", data.X)
        for layer, n_units in enumerate(plan.hidden_sizes if self.pretraining_epochs else ()):
            machine = RestrictedBoltzmannMachine(
                n_units,
                visible="bernoulli" if layer else self.visible,
                learning=self.learning,
                n_gibbs=self.n_gibbs,
                learning_rate_init=self.pretraining_rate,
                batch_size=self.pretraining_batch_size,
                weight_decay=self.pretraining_decay,
                max_iter=self.pretraining_epochs,
                random_state=self._random_state.randint(np.iinfo(np.int32).max),
                n_jobs=self.n_jobs,
                verbose=self._prints,
            )
            if layer == 0 and rows.dtype != dtype:
                rows = rows.astype(dtype)
            machine._ends_at_interrupts = False  # Ctrl-C ends the whole fit, before any label has been learned.
            machine.fit(rows)
            network.coefs[layer][:] = machine.components_.T
            network.intercepts[layer][:] = machine.intercept_hidden_
            history = {name: values for name, values in machine.history_.items() if name != "seconds"}
            self.pretraining_history_.append(history)
            if layer + 1 < len(plan.hidden_sizes):
                rows = machine.transform(rows)
        return network

    # ---- files -------------------------------------------------------------------------------------------------------

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an estimator from a file may have any.

        Raises
        ------
        ValueError
            It names the parameter or the attribute.
        """
        super().check_state()
        histories = vars(self).get("pretraining_history_", [])
        fits = type(histories) is list and all(
            type(of) is dict and all(type(each) is list and all(map(is_number, each)) for each in of.values())
            for of in histories
        )
        require(fits, "pretraining_history_ is no list of histories")


def _labelled(targets: NDArray) -> NDArray | None:
    """Return which samples have a label; None where all have one, or -1 is one of two classes."""
    if targets.ndim != 1 or targets.dtype.kind not in "if":
        return None
    labelled = targets != _UNLABELLED
    if not labelled.any():
        raise ValueError("y is -1 in all rows, which stands for a row without a label: some rows must have one.")
    return None if labelled.all() or len(np.unique(targets[labelled])) < 2 else labelled
