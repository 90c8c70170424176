"""MLPClassifier and MLPRegressor: scikit-learn's estimators on the native engine."""

from __future__ import annotations

import copy
import functools
import inspect
import operator
import os
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils._unique import attach_unique
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fastmlp import callbacks as callbacks_module
from fastmlp import persistence
from fastmlp.activations import ACTIVATIONS, Activation
from fastmlp.augmentation import AUGMENTATIONS, Augment, as_augment
from fastmlp.callbacks import Callback, ProgressBar, ScikitLearnCallbacks
from fastmlp.components import Named, Parameterized, Registry, real_array
from fastmlp.exceptions import IgnoredParameterWarning, warn_user
from fastmlp.features import HiddenFeatures
from fastmlp.fitting.batching import RowOrder, resolve_batch_size
from fastmlp.fitting.evaluation import Evaluation, EvaluationSet, accuracy, r2
from fastmlp.fitting.fit import FullBatchFit, MinibatchFit, RecordedFit
from fastmlp.fitting.recipe import (
    DTYPES,
    check_held_out,
    hidden_sizes,
    ignored_parameters,
    is_stochastic,
    kept_parameters,
    optimizer_of,
    refuse_for_lbfgs,
    regularization_of,
)
from fastmlp.fitting.stopping import NoImprovement
from fastmlp.fitting.training import MinibatchTraining, minimize_full_batch
from fastmlp.initializers import INITIALIZERS
from fastmlp.inputs.rows import Rows, are_finite_rows, in_place_dtype, refuse_broken, rows_of
from fastmlp.inputs.scaling import feature_scaling
from fastmlp.inputs.targets import are_known, class_numbers, decode_labels, encode_labels, encode_numbers, label_kind
from fastmlp.inputs.validation import labels_of, validated
from fastmlp.keywords import advice, meant_by, plain, unexpected
from fastmlp.losses import NAMED_LOSSES, OUTPUT_ACTIVATIONS, CustomLoss, LogLoss, Loss, loss_of
from fastmlp.network import (
    NORMALIZATIONS,
    HiddenLayer,
    Network,
    Predictor,
    Regularization,
    Structure,
    forward_in_pieces,
    hidden_layers,
)
from fastmlp.optimizers import ESTIMATORS_NAMES, LBFGS, OPTIMIZERS, Descent, Optimizer, Rprop
from fastmlp.schedules import SCHEDULES, Schedule
from fastmlp.threads import BFLOAT16_SPEEDUP, prediction_team, team_size

_Method = TypeVar("_Method", bound=Callable[..., Any])

# Packed networks of estimators that predict, with what beside the parameters they depend on. Not attributes: they are
# no part of a pickle, and predict leaves an estimator's attributes as they are.
_predictors: MutableMapping[BaseEstimator, _Kept] = WeakKeyDictionary()

# What partial_fit has said of an estimator's parameters, so as not to say it again with each call, and what they were.
_told: MutableMapping[BaseEstimator, tuple[str, dict[str, Any]]] = WeakKeyDictionary()


@dataclass
class _Plan:
    """What an estimator's parameters come to."""

    parameters: dict[str, Any]
    hidden: tuple[HiddenLayer, ...]
    loss: Loss
    optimizer: Optimizer | LBFGS
    schedule: Schedule | None
    regularization: Regularization | None
    augment: Augment | None

    @property
    def is_stochastic(self) -> bool:
        return isinstance(self.optimizer, Optimizer)

    def batch_size(self, given: int | str, n_samples: int) -> int:
        """Return the rows of a minibatch; all of them for Rprop, unless it is told otherwise."""
        if given == "auto" and isinstance(self.optimizer, Rprop):
            return n_samples
        return resolve_batch_size(given, n_samples)


@dataclass
class _Data:
    """What a fit was given: as it is validated, and in the engine's terms."""

    X: Any
    y: Any
    rows: Rows
    targets: NDArray
    #: The user's weights, which validation scores take too.
    sample_weight: NDArray | None
    #: Those of training.
    weights: NDArray | None
    #: What the engine is told of the loss beside its name.
    settings: dict[str, Any]


@dataclass
class _Kept:
    """A packed network of an estimator that predicts, and what it was made from."""

    key: tuple
    predictor: Predictor
    #: The estimator's, bit by bit; None where the predictor itself can tell, since its parameters are the estimator's.
    bits: list | None

    def holds(self, estimator: _BaseMLP) -> bool:
        """Whether the estimator's attributes are what the network was made from."""
        if self.bits is None:
            return self.predictor.holds(estimator.coefs_, estimator.intercepts_)
        return self.bits == estimator._bits()


def _numbers_in(X: Any, names: NDArray, dtype: np.dtype) -> NDArray | None:
    """Return the numbers in a pandas DataFrame whose columns have these names and this type; None for all else."""
    pandas = sys.modules.get("pandas")
    if pandas is None or type(X) is not pandas.DataFrame or set(X.dtypes) != {dtype}:
        return None
    columns = X.columns.tolist()
    if not all(isinstance(name, str) for name in columns) or columns != names.tolist():
        return None
    return np.ascontiguousarray(X.to_numpy())


def _are_good(X: Any, y: Any) -> bool:
    """Whether X is a matrix of floating type, and y holds as many targets, numbers or strings; all that is finite."""
    if type(y) is not np.ndarray or y.ndim not in (1, 2) or y.dtype.kind not in "biufU" or y.size == 0:
        return False
    if not are_finite_rows(X) or len(X) != len(y):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return y.dtype.kind != "f" or bool(np.isfinite(y.sum()))


# scikit-learn's decorators, which are not typed: decorated with these, a method has the type it is written with.


def _fits(method: _Method) -> _Method:
    """Make a method one that fits; keywords that it does not take are answered with what is meant."""
    return _advising(_fit_context(prefer_skip_nested_validation=True)(method), method)


def _goes_on(method: _Method) -> _Method:
    """Make a method one that goes on with a fit, for scikit-learn's callbacks."""
    return _advising(with_callbacks(method), method)


def _available_if(check: Callable[[Any], bool]) -> Callable[[_Method], _Method]:
    return available_if(check)


def _advising(decorated: Callable, method: _Method) -> _Method:
    code = method.__code__
    accepted = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(method)
    def advising(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in accepted:
                raise self._unexpected(method.__name__, name, accepted)
        return decorated(self, *args, **kwargs)

    return cast(_Method, advising)


class _BaseMLP(CallbackSupportMixin, HiddenFeatures, Parameterized):
    """What classifier and regressor share.

    The Python attributes are the source of truth: every fit, partial_fit and predict takes the parameters from coefs_
    and intercepts_.
    """

    coefs_: list[NDArray]
    intercepts_: list[NDArray]
    loss_: float
    n_features_in_: int
    n_outputs_: int
    out_activation_: str
    feature_names_in_: NDArray
    validation_scores_: Any  # a list of float, or None without early stopping
    _optimizer: Descent

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

    def _unexpected(self, method: str, name: str, accepted: Sequence[str]) -> TypeError:
        """Return the error for a keyword that a method does not take; it may be one of the parameters."""
        cls = type(self).__name__
        # What is known to mean a parameter of the estimator is not taken for one of the method's that it is like.
        parameters = self._get_param_names()
        meant, parameter = meant_by(name, accepted, guess=False), meant_by(name, parameters, guess=False)
        if meant is None and parameter is None:
            meant, parameter = meant_by(name, accepted), meant_by(name, parameters)
        if meant is not None or parameter is None or plain(name) in self._advice:
            hint = advice(name, accepted, {} if meant else self._advice)
        else:
            hint = f"It is a parameter of the estimator: {cls}({parameter}=...)."
        return unexpected(f"{cls}.{method}", name, hint)

    def _hint(self, name: str, value: Any) -> str:
        if name == "learning_rate" and isinstance(value, Real):
            return f"A rate is learning_rate_init={value!r}; learning_rate says how it changes."
        schedule = SCHEDULES.canonical(value)
        is_schedule = isinstance(schedule, Schedule) or (isinstance(schedule, str) and schedule in SCHEDULES)
        if name == "learning_rate_init" and is_schedule:
            return f"A schedule is learning_rate={schedule!r}; learning_rate_init is the rate."
        if name == "callbacks" and isinstance(value, callbacks_module.Callback):
            return f"Write callbacks=[{value!r}]."
        if name == "loss" and isinstance(value, list | tuple | Integral):  # the first of a regressor's parameters
            return f"Units of hidden layers are hidden_layer_sizes={value!r}."
        return super()._hint(name, value)

    # ---- what the two kinds of estimator answer differently ---------------------------------------------------------

    @abstractmethod
    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        """Validate y further, setting what the estimator must know about it; return it."""

    @abstractmethod
    def _check_known(self, y: Any) -> Any:
        """Return targets to evaluate with; refuse what the fit's do not let be."""

    @abstractmethod
    def _target_kind(self) -> str:
        """Return the kind of the targets, as losses know them; after _check_targets."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        """Return y in the engine's terms."""

    @abstractmethod
    def _decode(self, outputs: NDArray) -> Any:
        """Return the predictions that belong to the network's outputs."""

    @abstractmethod
    def _predictor_form(self) -> str:
        """Return the form of a Predictor's answers."""

    @abstractmethod
    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        """Return what early stopping maximises."""

    # ---- fitting ----------------------------------------------------------------------------------------------------

    @_fits
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: tuple | list | Mapping[str, tuple] | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. An array of any real type is read in place, row by row, when its rows are contiguous.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (or, for several labels per sample, an indicator matrix) or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all of them zero.
        eval_set : tuple, dict of str to tuple, or list of tuples, default=None
            Samples that are not learned from: (X, y) or (X, y, sample_weight), called "validation"; a dict gives
            several their names, those of a list are "validation_0", "validation_1", ... Their losses (without
            penalties) and scores stand in ``history_`` for each epoch. With early_stopping the first takes the place
            of rows held out. They are taken as they are: what comes before the estimator in a pipeline does not see
            them.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Samples that are not learned from, as ``eval_set=(X_val, y_val, sample_weight_val)`` has them, of which a
            pipeline can see some: ``Pipeline(..., transform_input=["X_val"])`` transforms them as it does X.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            On input that cannot be used, and when training diverges: when it makes weights infinite or NaN, and there
            is no better epoch to end with. The estimator then is as it was before the call.
        Exception
            What a callback raises. The model then is what it was after the last epoch that came to its end.

        Warns
        -----
        ConvergenceWarning
            When max_iter ends the fit, unless a schedule that ends by then, or a callback that decides of the end
            (EarlyStopping), planned it so.
        DivergenceWarning
            When training diverges, and the model is that of the best epoch, which early_stopping or a callback kept;
            and when weights end up beyond 1e10, though finite.
        OverflowWarning
            When a loss, or what the optimizer keeps of gradients, is too large for a number, and weights stay finite.
        ScheduleEndedWarning
            When epochs come after a schedule's end, where the learning rate is at most a thousandth of its highest.
        UndefinedScoreWarning
            When a loss or score of eval_set, or of rows held out, is no finite number. Such an epoch is never the best;
            if all are such, early_stopping ends with the last one.

        The last four are classes of :mod:`fastmlp.exceptions`. What a fit warns of points at the line that called it,
        and each is said once.

        Examples
        --------
        Samples to validate on that go through a pipeline's scaler:

        >>> import sklearn
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn.pipeline import Pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from fastmlp import MLPClassifier
        >>> X, X_val, y, y_val = train_test_split(*load_wine(return_X_y=True), random_state=0)
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     clf = MLPClassifier(early_stopping=True, random_state=0).set_fit_request(X_val=True, y_val=True)
        ...     pipeline = Pipeline([("scaler", StandardScaler()), ("mlp", clf)], transform_input=["X_val"])
        ...     pipeline = pipeline.fit(X, y, X_val=X_val, y_val=y_val)
        >>> max(pipeline["mlp"].history_["validation_score"]) == pipeline.score(X_val, y_val)
        True
        """
        eval_set = _with_validation(eval_set, X_val, y_val, sample_weight_val)
        return self._fit_or_restore(X, y, sample_weight, eval_set=eval_set)

    @_goes_on
    def resume(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: tuple | list | Mapping[str, tuple] | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go on with the fit of which this estimator is a checkpoint, up to max_iter epochs.

        Given the same samples, what comes of it is, bit for bit, what the fit would have come to. A larger max_iter may
        be set first; other parameters are to stay as they are. A schedule over the whole fit is planned anew then: from
        here on, its rates are those that it would have had if max_iter had been that from the beginning. One that was
        given its own length (n_steps) goes on as it was planned.

        Parameters
        ----------
        X, y, sample_weight, eval_set, X_val, y_val, sample_weight_val
            Those of the fit, as :meth:`fit` takes them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            When this is no checkpoint (see :class:`fastmlp.callbacks.ModelCheckpoint`), or the samples cannot be those
            of the fit.
        """
        if getattr(self, "_training", None) is None:
            raise ValueError(
                f"resume goes on from a checkpoint, as ModelCheckpoint writes it; this {type(self).__name__} is none."
            )
        eval_set = _with_validation(eval_set, X_val, y_val, sample_weight_val)
        attributes = [(callback, vars(callback).copy()) for callback in self.callbacks or ()]
        training = self._training
        try:
            return self._fit_or_restore(X, y, sample_weight, eval_set=eval_set, state=training)
        finally:
            if self.__dict__.get("_training") is training:  # it failed, and may be tried again
                for callback, before in attributes:
                    vars(callback).clear()
                    vars(callback).update(before)

    def _fit_or_restore(self, X: Any, y: Any, sample_weight: Any, **arguments: Any) -> Self:
        """Return self, fitted; an exception of a callback is raised when everything else has been done."""
        if hasattr(self, "_skl_callbacks") and not arguments.get("incremental"):
            n_epochs = self.solver.max_iter if isinstance(self.solver, LBFGS) else self.max_iter
            self._init_callback_context(max_subtasks=n_epochs)
        with _restored_on_error(self):
            error = self._fit(X, y, sample_weight, **arguments)
        if error is not None:
            raise error
        return self

    def _can_partial_fit(self) -> bool:
        if not is_stochastic(self.solver):
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _loss(self) -> Loss:
        """Return the loss, with what the estimator's parameters add to a name."""
        return loss_of(self.loss)

    def _loss_is(self, name: str) -> bool:
        return isinstance(self.loss, str) and self.loss == name

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool = False,
        eval_set: Any = None,
        state: dict[str, Any] | None = None,
    ) -> BaseException | None:
        """Fit, go on with partial_fit if incremental, or from a checkpoint's state; return what a callback raised."""
        if incremental or state is not None:
            self._validate_params()  # scikit-learn's decorator does so in the first call only
        hidden = hidden_sizes(self.hidden_layer_sizes)
        first_pass = not hasattr(self, "coefs_") or not (self.warm_start or incremental or state is not None)
        plan = self._plan(len(hidden))
        given = X, y
        X, y = self._validated(X, y, reset=first_pass)
        if y.ndim == 2 and y.shape[1] == 1:
            warn_user(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to"
                " (n_samples, ), for example using ravel().",
                DataConversionWarning,
            )
            y = column_or_1d(y)
        y = self._check_targets(y, first_pass, incremental)
        loss = plan.loss
        loss_name = loss.engine_loss(self._target_kind())
        dtype = self._compute_dtype(X, first_pass)
        if scipy.sparse.issparse(X):
            for name in ("input_noise", "augment"):
                if getattr(self, name):
                    raise ValueError(f"{name}={getattr(self, name)!r} is for dense X; got a sparse matrix.")
        # L-BFGS computes in float64 whatever the model's type.
        rows = rows_of(X, np.float64 if not plan.is_stochastic else dtype)
        targets = self._encode(y, dtype, loss)
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        weights = self._with_class_weights(y, sample_weight, incremental)
        n_outputs = len(self._label_binarizer.classes_) if targets.ndim == 1 else targets.shape[1]
        sizes = [rows.n_features, *hidden, n_outputs]
        if plan.augment is not None and targets.ndim == 1:
            loss_name, targets = self._soft(loss_name), np.eye(n_outputs, dtype=dtype)[targets]
        data = _Data(X, y, rows, targets, sample_weight, weights, self._loss_settings(loss, loss_name, n_outputs))

        if state is None:
            self._random_state = check_random_state(self.random_state)
        structure = Structure(tuple(sizes), plan.hidden, loss_name)
        if first_pass:
            self._initialize(sizes, plan.is_stochastic)
            network = Network.create(
                sizes,
                self.activation,
                loss_name,
                normalization=self.normalization,
                weight_init=self.weight_init,
                bias_init=self.bias_init,
                random_state=self._random_state,
                dtype=dtype,
            )
            if self.standardize:
                network.input_means, network.input_scales = feature_scaling(X, weights)
        else:
            self._check_unchanged(structure)
            network = self._network_of(structure, dtype)
            if scipy.sparse.issparse(X) and network.input_means is not None and network.input_means.any():
                raise ValueError(
                    "standardize=True centred the dense X that training began with; it cannot go on with a sparse one."
                )
        self.n_outputs_ = n_outputs
        self.out_activation_ = OUTPUT_ACTIVATIONS[loss_name]

        sets = self._evaluation_sets(eval_set, network, loss)
        self._tell_ignored(plan, network, incremental, state is not None, bool(sets))
        callbacks = self._callbacks(incremental)
        fit: RecordedFit
        if plan.is_stochastic:
            fit, run = self._minibatch_fit(network, data, plan, callbacks, sets, incremental, state)
        else:
            fit, run = self._full_batch_fit(network, data, plan, callbacks, sets)
        fit.given, fit.X, fit.y, fit.sample_weight = given, X, y, sample_weight
        fit.rows, fit.targets, fit.weights, fit.settings = rows, targets, weights, data.settings
        try:
            fit.begin("on_fit_begin" if state is None else "on_fit_resume")
            network = run()
            if not np.isfinite(network.params).all():
                raise fit.error or ValueError(f"Solver produced non-finite parameter weights. {fit.causes()}")
            self._keep(network)
            self.__dict__.pop("_training", None)
        except BaseException as error:
            fit.error = error
            raise
        finally:
            fit.end()
        return fit.error

    def _callbacks(self, incremental: bool) -> list[Callback]:
        """Return the callbacks of a fit: the user's, scikit-learn's, and the progress bar."""
        callbacks = list(self.callbacks or ())
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise ValueError(f"callbacks must be objects of fastmlp.callbacks.Callback; got {callback!r}.")
            callback.validate()
        if hasattr(self, "_callback_fit_ctx"):
            callbacks.append(ScikitLearnCallbacks(self._callback_fit_ctx))
        has_bar = any(isinstance(callback, ProgressBar) for callback in callbacks)
        if not (incremental or has_bar) and self.verbose == 1 and not isinstance(self.verbose, bool | np.bool_):
            callbacks.append(ProgressBar())
        return callbacks

    def _tell_ignored(self, plan: _Plan, network: Network, incremental: bool, is_resumed: bool, has_sets: bool) -> None:
        """Warn of parameters that are set and have no effect; in partial_fit not of the same ones again."""
        parameters, keeps = plan.parameters, type(self).__hash__ is not None
        before, known = (_told.get if incremental else _told.pop)(self, ("", {})) if keeps else ("", {})
        by_name = type(self.solver) is str and type(self.learning_rate) is str  # objects may change inside
        if incremental and by_name and known and all(map(operator.is_, parameters.values(), known.values())):
            return
        told = ignored_parameters(
            parameters, self._defaults(), plan.optimizer, n_hidden=len(plan.hidden), has_sets=has_sets
        )
        if self.standardize != (network.input_scales is not None):
            told.append(f"standardize={self.standardize} has no effect, since training goes on as it began.")
        goes_on = (incremental or is_resumed) and hasattr(self, "_optimizer")
        if goes_on and isinstance(plan.optimizer, Optimizer):
            told += kept_parameters(parameters, plan.optimizer, plan.schedule, self._optimizer)
        message = " ".join(told)
        if incremental and keeps:
            _told[self] = message, parameters
        if message and not (incremental and message == before):
            warn_user(message, IgnoredParameterWarning)

    @property
    def _prints(self) -> bool:
        """Whether a line is printed for each epoch; verbose=1 is for the progress bar."""
        return bool(self.verbose) and (self.verbose != 1 or isinstance(self.verbose, bool | np.bool_))

    def _plan(self, n_hidden: int) -> _Plan:
        """Return what the parameters come to, checked."""
        parameters = self.get_params(deep=False)
        optimizer, schedule = optimizer_of(parameters)
        plan = _Plan(
            parameters,
            hidden_layers(self.activation, self.normalization, n_hidden),
            self._loss(),
            optimizer,
            schedule,
            regularization_of(parameters, n_hidden),
            None if self.augment is None else as_augment(self.augment),
        )
        if not plan.is_stochastic:
            refuse_for_lbfgs(parameters)
        return plan

    @staticmethod
    def _soft(loss_name: str) -> str:
        """Return the loss of the same name for probabilities instead of class numbers."""
        if loss_name != "log_loss":
            raise ValueError(f"augment is for losses of a matrix of targets, not for the loss {loss_name!r}.")
        return "soft_log_loss"

    def _loss_settings(self, loss: Loss, loss_name: str, n_outputs: int) -> dict[str, Any]:
        """Return what the engine is to know of the loss beside its name."""
        settings: dict[str, Any] = {"loss_options": loss.engine_options}
        if isinstance(loss, CustomLoss):
            settings["python_loss"] = loss
        if self.loss_weights is not None:
            if isinstance(loss, CustomLoss):
                raise ValueError(
                    "loss_weights is for the losses that fastmlp has; a loss of one's own weighs by itself."
                )
            if OUTPUT_ACTIVATIONS[loss_name] == "softmax":
                raise ValueError("loss_weights is for several outputs; use class_weight for several classes.")
            weights = real_array(self.loss_weights, (n_outputs,), np.float64, "loss_weights")
            if (weights < 0).any():
                raise ValueError(f"loss_weights must be numbers of at least 0; got {self.loss_weights!r}.")
            settings["output_weights"] = weights
        return settings

    def _with_class_weights(self, y: Any, sample_weight: NDArray | None, incremental: bool) -> NDArray | None:
        """Return the weights to train with."""
        return sample_weight

    # What a fitted network has beside coefs_ and intercepts_, and what holds it in an estimator, where it is there: a
    # list with an element for each hidden layer, or a vector.
    _OF_LAYERS: ClassVar[dict[str, str]] = {
        "gains": "gains_",
        "activation_parameters": "activation_parameters_",
        "running": "running_moments_",
    }
    _OF_INPUTS: ClassVar[dict[str, str]] = {"input_means": "input_means_", "input_scales": "input_scales_"}
    _EXTRAS = (*_OF_LAYERS.values(), *_OF_INPUTS.values())

    def _keep(self, network: Network) -> None:
        """Set the attributes that hold a fitted network."""
        self.coefs_, self.intercepts_ = network.coefs, network.intercepts
        for ours, name in {**self._OF_LAYERS, **self._OF_INPUTS}.items():
            value = getattr(network, ours)
            if value is None or (isinstance(value, list) and all(part is None for part in value)):
                self.__dict__.pop(name, None)
            else:
                setattr(self, name, value)

    def _showing(self, network: Network) -> Self:
        """Return a copy that predicts with a network."""
        other = copy.copy(self)
        other._keep(network)
        return other

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Return samples and targets as scikit-learn's validate_data does, which sees what is not good as it is."""
        fitted = self.__dict__
        if (
            "feature_names_in_" not in fitted
            and _are_good(X, y)
            and (y.dtype.kind != "U" or isinstance(self, ClassifierMixin))
            and (reset or X.shape[1] == fitted.get("n_features_in_"))
        ):
            fitted["n_features_in_"] = X.shape[1]
            return X, y
        refuse_broken(X)
        refuse_broken(y, "y")
        return validated(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=self._validation_dtype(X),
            reset=reset,
        )

    def _validation_dtype(self, X: Any) -> Any:
        """Return what check_array is to convert X to: nothing when the engine can read it as it is."""
        if in_place_dtype(X):
            return "numeric"
        return self._dtype_asked_for() or (np.float64, np.float32)

    def _dtype_asked_for(self) -> np.dtype | None:
        """Return the type of the weights that the parameter dtype names; None for 'auto'."""
        return None if self.dtype == "auto" else np.dtype("float32" if self.dtype == "bfloat16" else self.dtype)

    def _compute_dtype(self, X: Any, first_pass: bool) -> np.dtype:
        # A fitted model keeps its type, whatever X it goes on with.
        return self._dtype_asked_for() or _single_or_double(X.dtype if first_pass else self.coefs_[0].dtype)

    def _check_weights(self, sample_weight: Any, X: Any) -> NDArray:
        if isinstance(sample_weight, str | dict):  # as class_weight may be
            raise ValueError(
                f"sample_weight must be numbers, one for each of the {X.shape[0]} rows; got {sample_weight!r}. Weights"
                " of classes are the classifier's parameter class_weight."
            )
        # Refuses weights that are all zero, too.
        weights = np.ascontiguousarray(
            _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        )
        if weights.max() < np.finfo(np.float64).tiny:  # which the engine's arithmetic takes for 0
            raise ValueError(
                f"sample_weight must have numbers of at least {np.finfo(np.float64).tiny:.3g}; got at most"
                f" {weights.max():.3g}: divide them by that."
            )
        return weights

    def _check_unchanged(self, structure: Structure) -> None:
        """Refuse to go on with a network of another shape than the parameters ask for."""
        sizes = list(structure.sizes)
        fitted = [self.coefs_[0].shape[0], *(W.shape[1] for W in self.coefs_)]
        if sizes[1:-1] != fitted[1:-1]:
            raise ValueError(
                f"hidden_layer_sizes={sizes[1:-1]} differs from the fitted network's {fitted[1:-1]}; training can only"
                " be continued with the same hidden layers."
            )
        if sizes[-1] != fitted[-1]:
            raise ValueError(f"y has {sizes[-1]} outputs, but the fitted network has {fitted[-1]}.")

    def _initialize(self, sizes: list[int], is_stochastic: bool) -> None:
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.history_: dict[str, list[float]] = {}
        if is_stochastic:
            self.loss_curve_: list[float] = []
            self.best_loss_: float | None = None
            self.validation_scores_ = None
            self.best_validation_score_: float | None = None
            self._no_improvement_count = 0

    def _evaluation_sets(self, eval_set: Any, network: Network, loss: Loss) -> list[EvaluationSet]:
        """Return the sets of fit's eval_set, validated."""
        if eval_set is None:
            return []
        if isinstance(eval_set, Mapping):
            named = dict(eval_set)
        elif isinstance(eval_set, list) and all(isinstance(part, tuple) for part in eval_set):
            named = {f"validation_{i}": part for i, part in enumerate(eval_set)}
        else:
            named = {"validation": eval_set}
        sets = []
        for name, part in named.items():
            if not isinstance(name, str) or not isinstance(part, tuple | list) or len(part) not in (2, 3):
                raise ValueError(
                    "eval_set must be (X, y) or (X, y, sample_weight), a list of these, or a dict that names them;"
                    f" got {type(part).__name__} for {name!r}."
                )
            try:
                sets.append(self._evaluation_set(network, loss, name, *part))
            except ValueError as error:
                given = "X_val" if isinstance(part, _Validation) else f"eval_set {name!r}"
                raise ValueError(f"{given}: {error}") from error
        return sets

    def _evaluation_set(
        self, network: Network, loss: Loss, name: str, X: Any, y: Any, sample_weight: Any = None
    ) -> EvaluationSet:
        structure, dtype = network.structure, network.params.dtype
        X, y = self._validated(X, y, reset=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y)
        y = self._check_known(y)
        targets = self._encode(y, dtype, loss)
        n_outputs = structure.sizes[-1]
        if structure.loss == "soft_log_loss" and targets.ndim == 1:
            targets = np.eye(n_outputs, dtype=dtype)[targets]
        if targets.ndim == 2 and targets.shape[1] != n_outputs:
            raise ValueError(f"y has {targets.shape[1]} outputs, that of the fit has {n_outputs}.")
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        # Sparse rows are not centred as they are read, and centred they are dense.
        is_centred = scipy.sparse.issparse(X) and network.input_means is not None and network.input_means.any()
        return EvaluationSet(name, X, y, rows_of(X.toarray() if is_centred else X, dtype), targets, sample_weight)

    def _full_batch_fit(
        self,
        network: Network,
        data: _Data,
        plan: _Plan,
        callbacks: list[Callback],
        sets: list[EvaluationSet],
    ) -> tuple[RecordedFit, Callable[[], Network]]:
        """Return a fit by L-BFGS, and what runs it."""
        # In float64 whatever the model's type: line searches do not get along with losses rounded to float32.
        dtype, targets = network.params.dtype, data.targets
        wide = network.astype(np.float64)
        if targets.dtype == np.float32:
            targets = targets.astype(np.float64)
        assert isinstance(plan.optimizer, LBFGS)
        optimizer: LBFGS = plan.optimizer
        n_threads = team_size(self.n_jobs, wide.flops_per_row * data.rows.n_rows)
        self.history_ = {}
        fit = FullBatchFit(
            self,
            network.astype(np.float64),
            dtype,
            self._evaluation(sets, network, data),
            callbacks,
            team=prediction_team(self.n_jobs),
            n_rows=data.rows.n_rows,
            prints=self._prints,
            max_epochs=optimizer.max_iter,
        )

        def run() -> Network:
            result = minimize_full_batch(
                wide,
                optimizer,
                data.rows,
                targets,
                data.weights,
                alpha=self.alpha,
                n_threads=n_threads,
                after_iteration=fit.after_iteration,
                regularization=plan.regularization,
                **data.settings,
            )
            self.__dict__.pop("_optimizer", None)  # of an earlier fit, perhaps of another network
            return fit.finished(result)

        return fit, run

    def _evaluation(self, sets: list[EvaluationSet], network: Network, data: _Data) -> Evaluation:
        return Evaluation(
            sets,
            self.scoring,
            self._validation_score,
            self,
            network.structure.loss,
            data.settings,
            learned=(data.y, data.sample_weight),
            of_variance=not is_classifier(self) and self._loss().outputs_per_target == 1,
        )

    def _minibatch_fit(
        self,
        network: Network,
        data: _Data,
        plan: _Plan,
        callbacks: list[Callback],
        sets: list[EvaluationSet],
        incremental: bool,
        state: dict[str, Any] | None,
    ) -> tuple[RecordedFit, Callable[[], Network]]:
        """Return a fit by minibatches, and what runs it."""
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        rows, held_out = np.arange(data.rows.n_rows), None
        if state is not None:
            self._check_resumed(state, data, sets)
            rows, held_out = state["order"], state["held_out"]
            self._random_state = copy.deepcopy(state["random_state"])
            if state["present"] is not None:
                network = network.with_arrays(state["present"])
            if isinstance(self.random_state, np.random.RandomState):  # a fit leaves the user's own further on
                self.random_state.set_state(self._random_state.get_state())
                self._random_state = self.random_state
        elif self.early_stopping and not sets:
            rows, held_out = self._split(data.targets)
            if data.weights is not None:
                for part, what in ((rows, "left to learn from"), (held_out, "held out")):
                    if not data.weights[part].any():
                        raise ValueError(
                            f"validation_fraction={self.validation_fraction!r}: all rows that are {what} have the"
                            " weight 0; give weights to more rows, or fit an eval_set."
                        )
        if held_out is not None:
            weights = None if data.sample_weight is None else data.sample_weight[held_out]
            targets = np.ascontiguousarray(data.targets[held_out])
            sets = [EvaluationSet("validation", data.X, data.y[held_out], data.rows, targets, weights, held_out)]
        batch_size = plan.batch_size(self.batch_size, len(rows))
        if self.normalization == "batch" and batch_size == 1:
            raise ValueError(
                "normalization='batch' needs 2 samples or more in a batch; got 1 sample,"
                f" batch_size={self.batch_size!r}."
            )
        # A copy, so that nothing is lost should this call fail; its arrays are replaced, not changed.
        goes_on = (incremental or state is not None) and hasattr(self, "_optimizer")
        steps_per_epoch = -(-len(rows) // batch_size)
        optimizer = (
            copy.copy(self._optimizer)
            if goes_on
            else Descent(plan.optimizer, plan.schedule, length=(self.max_iter * steps_per_epoch, steps_per_epoch))
        )
        if state is not None:
            optimizer.plan_anew(self.max_iter * steps_per_epoch, steps_per_epoch)
        bfloat16 = self.dtype == "bfloat16"
        flops = network.flops_per_row * batch_size / (BFLOAT16_SPEEDUP if bfloat16 else 1)
        seed = 0
        if state is not None:
            seed = state["seed"]
        elif (plan.regularization is not None and plan.regularization.draws) or plan.augment is not None:
            seed = self._random_state.randint(2**31)

        def start(network: Network, descent: Descent, order: RowOrder) -> MinibatchTraining:
            return MinibatchTraining(
                network,
                descent,
                data.rows,
                data.targets,
                data.weights,
                order=order,
                batch_size=batch_size,
                alpha=self.alpha,
                n_threads=team_size(self.n_jobs, flops),
                team=prediction_team(self.n_jobs),
                bfloat16=bfloat16,
                regularization=plan.regularization,
                augment=plan.augment,
                samples=data.X,
                seed=seed,
                **data.settings,
            )

        order = RowOrder(rows, self.shuffle, self._random_state)
        improvement = self._improvement(incremental)
        self.n_iter_ = 0 if state is None else state["epoch"]
        fit = MinibatchFit(
            self,
            start,
            network,
            optimizer,
            order,
            self._evaluation(sets, network, data),
            callbacks,
            improvement=improvement,
            held_out=held_out,
            seed=seed,
            prints=self._prints or (incremental and bool(self.verbose)),
            max_epochs=1 if incremental else self.max_iter,
            batch_size=batch_size,
            incremental=incremental,
        )
        if state is not None:
            fit.go_on_from(state)
        return fit, fit.run

    def _check_resumed(self, state: dict[str, Any], data: _Data, sets: list[EvaluationSet]) -> None:
        """Refuse samples that cannot be those of the fit a checkpoint is of."""
        held_out, n_rows = state["held_out"], data.rows.n_rows
        n_before = len(state["order"]) + (0 if held_out is None else len(held_out))
        if n_rows != n_before:
            raise ValueError(f"X has {n_rows} samples, but the fit that is to be resumed had {n_before}.")
        if (data.sample_weight is not None) != state["is_weighted"]:
            raise ValueError(
                f"The fit that is to be resumed had {'a' if state['is_weighted'] else 'no'} sample_weight; give resume"
                " what fit was given."
            )
        names = [part.name for part in sets] if held_out is None else ["validation"]
        if names != state["sets"]:
            raise ValueError(
                f"The fit that is to be resumed was evaluated on {state['sets']}, this call on {names}; give resume the"
                " eval_set of fit."
            )

    def _improvement(self, incremental: bool) -> NoImprovement:
        """Return the stopping rule, with the best value of earlier fits where this one goes on from them."""
        if not hasattr(self, "loss_curve_"):  # a warm start after lbfgs
            self.loss_curve_ = []
        self.history_ = dict(getattr(self, "history_", {}))
        count = getattr(self, "_no_improvement_count", 0) if incremental else 0
        if self.early_stopping:
            if getattr(self, "validation_scores_", None) is None:
                self.validation_scores_, self.best_validation_score_ = [], -np.inf
            self.best_loss_ = None
            return NoImprovement(
                self.tol, self.n_iter_no_change, maximize=True, best=self.best_validation_score_, count=count
            )
        self.validation_scores_ = self.best_validation_score_ = None
        rule = NoImprovement(
            self.tol, self.n_iter_no_change, maximize=False, best=getattr(self, "best_loss_", None), count=count
        )
        self.best_loss_ = rule.best
        return rule

    def _split(self, targets: NDArray) -> tuple[NDArray, NDArray]:
        """Return the rows to train on and those to validate on.

        Only a classifier's single output column is stratified, as in scikit-learn: with more than two classes the split
        is a plain shuffle.
        """
        from sklearn.model_selection import train_test_split  # noqa: PLC0415 - it takes long

        stratify, labels = None, [False, True]
        if is_classifier(self) and self.n_outputs_ == 1:
            stratify = np.where(targets[:, 0] > 0.5, "True", "False")
            labels = self.classes_.tolist() if len(self.classes_) == 2 else labels
        check_held_out(self.validation_fraction, len(targets), stratify, labels)
        train, held_out = train_test_split(
            np.arange(len(targets)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        return train, held_out

    # ---- predicting -------------------------------------------------------------------------------------------------

    def _network(self, dtype: np.dtype) -> Network:
        """Return a copy of the fitted network."""
        loss = next(name for name, link in OUTPUT_ACTIVATIONS.items() if link == self.out_activation_)
        sizes = (self.coefs_[0].shape[0], *(W.shape[1] for W in self.coefs_))
        return self._network_of(Structure(sizes, self._hidden_layers(), loss), dtype)

    def _hidden_layers(self) -> tuple[HiddenLayer, ...]:
        return hidden_layers(self.activation, self.normalization, len(self.coefs_) - 1)

    def _network_of(self, structure: Structure, dtype: np.dtype) -> Network:
        """Return a network of the attributes' arrays, copied.

        Raises
        ------
        ValueError
            When the fitted network has not what activation and normalization ask for, or has more.
        """
        network = Network(structure, dtype=dtype)
        held = {"coefs": self.coefs_, "intercepts": self.intercepts_}
        held |= {ours: getattr(self, name, [None] * len(structure.hidden)) for ours, name in self._OF_LAYERS.items()}
        for ours, arrays in held.items():
            for i, (array, given) in enumerate(zip(getattr(network, ours), arrays, strict=True)):
                if (array is None) != (given is None):
                    raise ValueError(
                        f"Hidden layer {i} of the fitted network has {'no' if given is None else 'its'}"
                        f" {self._OF_LAYERS[ours]}, unlike what activation={self.activation!r} and"
                        f" normalization={self.normalization!r} ask for."
                    )
                if array is not None:
                    array[:] = given
        for ours, name in self._OF_INPUTS.items():
            if hasattr(self, name):
                setattr(network, ours, np.array(getattr(self, name), dtype=np.float64))
        return network

    def _bits(self) -> list:
        """Return all numbers of the fitted network, as they are in memory."""
        arrays: list[NDArray | None] = [*self.coefs_, *self.intercepts_]
        for name in self._EXTRAS:
            extra = getattr(self, name, None)
            arrays += extra if isinstance(extra, list) else [extra]
        return [None if array is None else (array.dtype, array.shape, array.tobytes()) for array in arrays]

    def _problem(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Network, _Data]:
        """Return a copy of the fitted network, with the loss it was trained with, and samples to evaluate that on.

        Raises
        ------
        ValueError
            For input that cannot be used: labels that are not known, among others.
        """
        network = self.to_network()
        part = self._evaluation_set(network, self._loss(), "", X, y, sample_weight)
        weights = self._with_class_weights(part.y, part.sample_weight, incremental=False)
        settings = network.loss_settings
        return network, _Data(part.X, part.y, part.rows, part.targets, part.sample_weight, weights, settings)

    def _outputs(self, X: Any, depth: int | None = None) -> NDArray:
        """Return the network's outputs for X, shape (n_samples, n_outputs), or those of the last of so many layers."""
        plain = self._predict_plain(X) if depth is None else None
        if plain is not None:
            return plain[:, 1:] if self._predictor_form() == "pair" else plain.reshape(len(plain), -1)
        check_is_fitted(self)
        refuse_broken(X)
        X = validated(self, X, accept_sparse=["csr", "csc"], reset=False)
        if self.dtype != "auto":
            self._validate_params()  # the type may have been set after fit
        dtype = self._dtype_asked_for() or _single_or_double(np.result_type(X.dtype, self.coefs_[0].dtype))
        # Its biases centre CSR rows, which are not centred as they are read.
        packed = self._packed(dtype)
        team = prediction_team(self.n_jobs)
        if scipy.sparse.issparse(X) and packed.input_is_scaled and self.input_means_.any():
            # Centred before a layer normalization, sparse rows are dense.
            pieces = (X[start : start + 1024].toarray() for start in range(0, X.shape[0], 1024))
            parts = [forward_in_pieces(packed, rows_of(piece, dtype), None, team, depth=depth) for piece in pieces]
            return np.concatenate(parts)
        return forward_in_pieces(packed, rows_of(X, dtype), None, team, depth=depth)

    def _predict_plain(self, X: Any) -> NDArray | None:
        """Return what a predictor() returns, for samples that pass every check as they are; None for all else."""
        fitted = self.__dict__
        if "coefs_" not in fitted:
            return None
        if "feature_names_in_" in fitted:
            X = _numbers_in(X, fitted["feature_names_in_"], self.coefs_[0].dtype)
        if type(X) is not np.ndarray:
            return None
        dtype = X.dtype
        if dtype not in (np.float32, np.float64) or dtype != self.coefs_[0].dtype:
            return None
        if self.dtype not in ("auto", dtype.name) and (self.dtype, dtype) != ("bfloat16", np.float32):
            return None
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            return None
        return self._packed(dtype).if_valid(X)

    def _packed(self, dtype: np.dtype) -> Predictor:
        """Return the fitted network as a predictor().

        It is kept from call to call, where dtype is that of the attributes. These are the truth: it is made anew when
        they are no longer what it was made from.
        """
        form = self._predictor_form()
        if dtype != self.coefs_[0].dtype or type(self).__hash__ is None:
            return self._network(dtype).predictor(form, self.n_jobs)
        activation = self.activation if type(self.activation) is str else self._hidden_layers()
        key = (activation, self.normalization, self.out_activation_, self.n_jobs, form)
        kept = _predictors.get(self)
        if kept is None or kept.key != key or not kept.holds(self):
            prediction_team(self.n_jobs)  # refuses a bad n_jobs
            predictor = self._network(dtype).predictor(form, self.n_jobs)
            is_plain = not any(name in self.__dict__ for name in self._EXTRAS)
            bits = None if is_plain and predictor.holds(self.coefs_, self.intercepts_) else self._bits()
            kept = _predictors[self] = _Kept(key, predictor, bits)
        return kept.predictor

    def predictor(self) -> Predictor:
        """Return a bare function for predictions at the least cost per call.

        It checks shape and type of its argument and nothing else: NaN and infinity go through, and names of columns are
        not looked at. Its parameters are a copy, made now; a later fit does not change it. It may be called from many
        threads at once. It cannot be pickled: it is made where it is used.

        Returns
        -------
        predictor : callable
            Takes a C-contiguous array of shape (n_samples, n_features) and of the type the model computes in: that of
            ``coefs_``, or what the parameter dtype names. Returns what predict_proba (or decision_function; of a
            regressor: predict) returns for it; of several classes with loss='squared_error' before they are made to sum
            to 1. Raises ValueError for anything else.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
        >>> predictor = clf.predictor()
        >>> np.array_equal(predictor(X[:1]), clf.predict_proba(X[:1]))
        True
        """
        check_is_fitted(self)
        self._validate_params()
        dtype = self._dtype_asked_for() or _single_or_double(self.coefs_[0].dtype.newbyteorder("="))
        return self._network(dtype).predictor(self._predictor_form(), self.n_jobs)

    def to_network(self) -> Network:
        """Return a copy of the fitted network: hidden activations, loss and gradients, parameters by name.

        Its ``forward`` gives what predict_proba (or decision_function; of a regressor: predict) gives, up to rounding:
        of two classes the second's probability, of several with loss='squared_error' the outputs before they are made
        to sum to 1; CSR rows, which it does not centre, excepted with standardize=True. Its loss is that of the
        parameter loss. What becomes of it does not change the estimator.

        Returns
        -------
        network : Network
            In the type the model computes in: that of ``coefs_``, or what the parameter dtype names. For targets its
            :meth:`~fastmlp.network.Network.loss_and_gradients` takes class numbers, int32, for several classes with
            loss='log_loss' and 'focal', and matrices in the network's type, (n_samples, n_outputs), for all others:
            numbers as they are, once for each quantile; 0 and 1 for two classes, in one column, for several classes of
            other losses, in one column each, and for labels; with label_smoothing e those of several classes have to be
            smoothed, y (1 - e) + e / K.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When loss, activation or normalization have been set to what the fitted network does not go with.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20, 10), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
        >>> network = clf.to_network()
        >>> np.allclose(network.forward(X), clf.predict_proba(X))
        True
        >>> first, second, outputs = network.activations(X)
        >>> first.shape, second.shape, outputs.shape
        ((150, 20), (150, 10), (150, 3))
        >>> targets = np.searchsorted(clf.classes_, y).astype(np.int32)
        >>> loss, gradient = network.loss_and_gradients(X, targets)
        >>> {name: g.shape for name, g in network.named_parameters(gradient).items() if name.startswith("coefs")}
        {'coefs.0': (4, 20), 'coefs.1': (20, 10), 'coefs.2': (10, 3)}
        """
        check_is_fitted(self)
        self._validate_params()
        loss, dtype = self._loss(), self._compute_dtype(None, first_pass=False)
        sizes = (self.coefs_[0].shape[0], *(W.shape[1] for W in self.coefs_))
        name = loss.engine_loss(self._target_kind())
        if OUTPUT_ACTIVATIONS[name] != self.out_activation_:
            raise ValueError(
                f"loss={self.loss!r} goes with outputs of {OUTPUT_ACTIVATIONS[name]!r}, but those of the fitted network"
                f" are of {self.out_activation_!r}."
            )
        network = self._network_of(Structure(sizes, self._hidden_layers(), name), dtype)
        network.loss_settings = self._loss_settings(loss, name, sizes[-1])
        return network

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, as :func:`fastmlp.save` does; :func:`fastmlp.load` reads it."""
        persistence.save(self, path)

    def predict(self, X: ArrayLike) -> NDArray:
        """Predict labels or numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._decode(self._outputs(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


# Of both estimators.
_PARAMETERS = """\
hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; () gives a linear model.
    activation : str, Activation, or a list with one per hidden layer, default='relu'
        Of the hidden layers: a name from ``fastmlp.activations.ACTIVATIONS`` ('identity', 'logistic', 'tanh', 'relu',
        'leaky_relu', 'gelu', ...) or an object of :mod:`fastmlp.activations`. Everyday names are understood for this
        parameter and for all others that take names ('sigmoid' is 'logistic', 'MSE' is 'squared_error'); get_params,
        reprs and files have the one name of each thing.
    solver : str, Optimizer or LBFGS, default='adam'
        A name from ``fastmlp.optimizers.OPTIMIZERS`` ('sgd', 'adam', 'adamw', 'rmsprop', 'lion', 'muon', ...) or an
        object of :mod:`fastmlp.optimizers`. 'lbfgs' sees all samples at once; the others go through minibatches. Beside
        an object, its own parameters count (``solver__learning_rate`` in a search), and an
        :class:`fastmlp.exceptions.IgnoredParameterWarning` names those of the estimator that are set in vain.
    alpha : float, default=0.0001
        Strength of the L2 penalty, alpha / 2 times the sum of the squared weights divided by the batch's size.
    batch_size : int or 'auto', default='auto'
        Rows per minibatch; 'auto' is min(200, n_samples), and for Rprop n_samples.
    learning_rate : str, Schedule or callable, default='constant'
        For solvers by name. 'constant', 'invscaling' and 'adaptive' are scikit-learn's, and change 'sgd' only.
        invscaling: learning_rate_init / (samples seen + 1)^power_t, set after each epoch. adaptive: divided by five
        whenever n_iter_no_change epochs bring no improvement. Other names from ``fastmlp.schedules.SCHEDULES``
        ('cosine', 'one_cycle', 'linear', ...) begin at, or reach, learning_rate_init; an object of
        :mod:`fastmlp.schedules`, or a function of the step (from 0), says all by itself. Where a schedule has a length
        and is not told it, it is that of max_iter epochs, for partial_fit too: what comes after goes on with its last
        rate, which a ScheduleEndedWarning says where that is next to nothing.
    learning_rate_init : float, default=0.001
        For solvers by name.
    power_t : float, default=0.5
        The exponent of invscaling.
    max_iter : int, default=200
        Epochs at most (of solver='lbfgs': iterations).
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, validation split, order of rows, dropout, noise and augmentation.
    tol : float, default=1e-4
        Smaller improvements of the loss (or validation score) do not count; of solver='lbfgs' the gradient's tolerance.
    verbose : bool or int, default=False
        1 shows a progress bar in a terminal or a notebook; True, and more than 1, print each epoch's loss.
    warm_start : bool, default=False
        Whether fit goes on from the solution of the fit before.
    momentum : float in [0, 1], default=0.9
        For solver='sgd'.
    nesterovs_momentum : bool, default=True
        For solver='sgd'.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score stops improving, and keep the best weights. A score that is no
        finite number is never the best. Not with lbfgs.
    validation_fraction : float in [0, 1), default=0.1
        The share of rows held out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of the moments, for 'adam' and its kin by name.
    epsilon : float, default=1e-8
        For 'adam' and its kin by name.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before a solver by minibatches stops. The default, 10, stops nothing where a callback
        is there to end the fit (EarlyStopping); any other number holds beside it.
    max_fun : int, default=15000
        For solver='lbfgs': evaluations of loss and gradient at most.
    n_jobs : int or None, default=None
        Threads. None is what machine, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow, fewer when the work is
        too small to share, or other processes keep the CPUs busy; a positive number is taken as it is; -1 is all CPUs,
        for predictions at most all. The results do not depend on it.
    dtype : {'auto', 'float32', 'float64', 'bfloat16'} or type, default='auto'
        Type of the computation and the weights; np.float32 is 'float32'. 'auto' is float32 for float32 samples and
        float64 for all others. 'bfloat16' is float32 but for the numbers that training multiplies, which are rounded to
        8 significant bits (not those of CSR samples): several times faster on wide layers where the CPU has such
        products (AMX, AVX-512 BF16).
    loss_weights : array-like of shape (n_outputs,), default=None
        What each output's loss counts, where there are several.
    weight_init, bias_init : str, Initializer or callable, default='auto'
        Initial weights and biases: a name from ``fastmlp.initializers.INITIALIZERS`` ('he_normal', 'glorot_uniform',
        'orthogonal', ...), an object of :mod:`fastmlp.initializers`, or called as (rng, fan_in, fan_out, dtype).
        'auto' is scikit-learn's; beside another weight_init, biases begin at 0.
    l1 : float, default=0.0
        Strength of the L1 penalty, l1 times the sum of the weights' sizes divided by the batch's size.
    standardize : bool, default=False
        Whether each feature is centred and scaled to unit variance as rows are read; sparse X is only scaled. No copy
        of X is made. Samples count as their weights say. What is known of the features is kept from the first fit or
        partial_fit.
    normalization : {'batch', 'layer'} or None, default=None
        Of each hidden layer's products, before the activation: over the batch (with running moments in predictions), or
        over the layer's units. A row counts in the batch's moments as much as it weighs, by sample_weight and
        class_weight together.
    dropout : float in [0, 1), or a list with one per hidden layer, default=0.0
        The share of the hidden layers' outputs that is dropped in training; what stays is divided by 1 - dropout.
    input_dropout : float in [0, 1), default=0.0
        The same for the inputs.
    input_noise : float, default=0.0
        Standard deviation of normal noise on the inputs in training, after standardize. Dense X only.
    gradient_clip_norm : float or None, default=None
        The largest norm of the gradient of all parameters; longer ones are shortened.
    gradient_clip_value : float or None, default=None
        The largest size of an element of the gradient.
    max_norm : float or None, default=None
        The largest norm of a hidden unit's incoming weights, kept after each step.
    ema : float in (0, 1) or None, default=None
        Predict, and validate, with the average of the parameters over the steps, of which so much stays in each step
        (0.999, say).
    augment : str, Augmentation or callable, default=None
        What changes each batch at random before it is learned from: a name from ``fastmlp.augmentation.AUGMENTATIONS``,
        an object of :mod:`fastmlp.augmentation`, or called as (X, y, rng) -> (X, y), y being the targets as a matrix
        (indicators of classes). What moves or mixes rows takes their weights, too, as a parameter sample_weight; see
        :class:`fastmlp.augmentation.Augmentation`. Dense X only; goes through Python for each batch.
    callbacks : list of Callback, default=None
        What watches and steers the fit: objects of :mod:`fastmlp.callbacks` (EarlyStopping, ModelCheckpoint, ...).
    scoring : str, callable, list, tuple, dict or None, default=None
        The scores of eval_set, or of the rows held out, in ``history_``: names or objects of scikit-learn's scorers,
        one or several. None is the accuracy, or R^2, under the name "score". early_stopping watches the first."""


def _documented(cls: type) -> type:
    """Put the parameters that both estimators have into a class's docstring, whose types help shows nowhere else."""
    cls.__doc__ = (cls.__doc__ or "").replace("{parameters}", _PARAMETERS)
    init: Any = vars(cls)["__init__"]
    init.__signature__ = inspect.Signature(
        [each.replace(annotation=each.empty) for each in inspect.signature(init).parameters.values()]
    )
    return cls


@_documented
class MLPClassifier(ClassifierMixin, _BaseMLP):
    """Multilayer perceptron classifier, a drop-in for scikit-learn's.

    Trained by minimising the log loss, or another loss. With the defaults of what is new, the attributes, messages and,
    in float64, the numbers are those of :class:`sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
    {parameters}
    loss : str, Loss or callable, default='log_loss'
        'log_loss'; 'squared_error', of logistic outputs: Nielsen's quadratic cost; 'focal'; 'hinge', 'squared_hinge'
        and, for two classes, 'perceptron', which give decision_function instead of probabilities; an object of
        :mod:`fastmlp.losses`, or a function as :class:`fastmlp.losses.CustomLoss` takes it.
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, times sample_weight; 'balanced' is n_samples / (n_classes * count of the class), in
        which samples of weight 0 do not count.
    label_smoothing : float in [0, 1), default=0.0
        For loss='log_loss': how much of a class's target goes to all classes alike.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for several labels per sample, the labels' numbers.
    coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,).
    loss_ : float
        Loss of the last epoch.
    loss_curve_ : list of float
        Loss of each epoch (solvers by minibatches).
    best_loss_ : float or None
        The lowest of them; None with early stopping (solvers by minibatches).
    validation_scores_ : list of float or None
        Score of the held-out rows after each epoch; None without early stopping (solvers by minibatches).
    best_validation_score_ : float or None
        The highest of them (solvers by minibatches).
    history_ : dict of str to list of float
        "loss", "learning_rate", "seconds" of each epoch (of solver='lbfgs': of each iteration of the last fit), then,
        for each set of eval_set, "<set>_loss" and its scores; NaN for epochs in which something was not recorded.
        ``pandas.DataFrame(model.history_)`` is a table of it.
    n_iter_ : int
        Epochs (iterations) of the last fit.
    t_ : int
        Samples seen in training.
    n_layers_, n_outputs_ : int
        Layers, input and output included; outputs.
    out_activation_ : str
        Activation of the output layer.
    n_features_in_ : int
        Features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X had names that are all strings.
    gains_, activation_parameters_, running_moments_ : list
        What else the network has, where it has it: for each hidden layer the gains of its normalization, the learned
        parameters of its activation, mean and variance of batch normalization. See
        :class:`fastmlp.network.Network`.
    input_means_, input_scales_ : ndarray of shape (n_features_in_,)
        What inputs are centred by and multiplied with, where they are.

    Notes
    -----
    With early stopping and more than two classes the validation rows are not stratified, so that the split is
    scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(hidden_layer_sizes=(20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.95)
    True
    """

    classes_: NDArray

    class_weight = Named(Registry({"balanced": "balanced"}))

    _drop_in_for = "MLPClassifier"
    _parameter_constraints: ClassVar[dict] = {
        **_BaseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
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
        weight_init: str | Callable = "auto",
        bias_init: str | Callable = "auto",
        l1: float = 0.0,
        standardize: bool = False,
        normalization: str | None = None,
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
        _set_parameters(self, locals())

    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        if not hasattr(self, "classes_") or (first_pass and not self.warm_start and not incremental):
            # Both want to know the distinct labels.
            with labels_of(y, type(self).__name__):
                self._label_binarizer = LabelBinarizer().fit(attach_unique(y))
            self.classes_ = self._label_binarizer.classes_
            return y
        if incremental and not first_pass and not self.warm_start and are_known(y, self._label_binarizer):
            return y
        with labels_of(y, type(self).__name__):
            classes = unique_labels(y)
        if self.warm_start or not incremental:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    f"{'warm_start' if self.warm_start else 'resume'} can only be used where `y` has the same classes"
                    f" as in the previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return y

    def _check_known(self, y: Any) -> Any:
        kind, is_matrix = self._target_kind(), y.ndim == 2
        if is_matrix != (kind == "multilabel"):
            raise ValueError(f"y is {'a matrix' if is_matrix else 'a vector'}, unlike that of the fit.")
        with labels_of(y, type(self).__name__):
            unknown = [] if is_matrix else np.setdiff1d(y, self.classes_).tolist()
        if unknown:
            raise ValueError(f"y has the labels {unknown}, which are none of {self.classes_.tolist()}.")
        return y

    def _loss(self) -> Loss:
        if not self.label_smoothing:
            return loss_of(self.loss)
        if not self._loss_is("log_loss"):
            raise ValueError(f"label_smoothing={self.label_smoothing!r} is for loss='log_loss', not for {self.loss!r}.")
        return LogLoss(self.label_smoothing).validate()

    def _target_kind(self) -> str:
        return label_kind(self._label_binarizer)

    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        return encode_labels(y, self._label_binarizer, dtype, loss)

    def _with_class_weights(self, y: Any, sample_weight: NDArray | None, incremental: bool) -> NDArray | None:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not for partial_fit, which sees but a part of the samples; give a dict, or"
                " sample_weight."
            )
        if isinstance(self.class_weight, dict):
            weights = self._weights_of_classes(self.class_weight)[class_numbers(y, self.classes_)]
        else:
            weights = self._balanced(y, sample_weight)
        weights = np.ascontiguousarray(weights if sample_weight is None else weights * sample_weight, dtype=np.float64)
        if not weights.any():
            raise ValueError(f"class_weight={self.class_weight!r} leaves no sample a weight above 0.")
        return weights

    def _balanced(self, y: Any, sample_weight: NDArray | None) -> NDArray:
        """Return what makes all classes (of each label) weigh the same; rows of weight 0 are as if they were not there.

        Like scikit-learn's, it counts the rows of a class, whatever else they weigh.
        """
        counts = slice(None) if sample_weight is None else sample_weight > 0
        weights = np.zeros(y.shape[0])
        weights[counts] = compute_sample_weight("balanced", y[counts])
        return weights

    def _weights_of_classes(self, weights: dict) -> NDArray:
        """Return each class's weight, 1 for those that are not named."""
        if self._target_kind() == "multilabel":
            raise ValueError(
                f"class_weight={weights!r} is for one label per sample; y has several, for which"
                " class_weight='balanced' and loss_weights are."
            )
        for label, value in weights.items():
            if label not in self.classes_:
                raise ValueError(f"class_weight names the class {label!r}, which is none of {self.classes_.tolist()}.")
            if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise ValueError(f"class_weight must have finite numbers of at least 0; got {value!r}.")
        return np.array([float(weights.get(label, 1.0)) for label in self.classes_.tolist()])

    def _decode(self, outputs: NDArray) -> Any:
        threshold = 0.5 if self._loss_is("log_loss") else self._loss().threshold(self._target_kind())
        return decode_labels(outputs, self._label_binarizer, threshold)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        return accuracy(y, self._decode(outputs), sample_weight)

    @_available_if(_BaseMLP._can_partial_fit)
    @_fits
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Go through the samples once, starting from what was learned so far.

        The optimizer is that of the first call, whose learning rate and the like stay; other parameters may change.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self : object

        Raises
        ------
        AttributeError
            When the solver is lbfgs.
        ValueError
            As :meth:`fit`, and with early_stopping=True.
        """
        with _restored_on_error(self):
            refuse_broken(y, "y")
            if _check_partial_fit_first_call(self, classes):
                with labels_of(y, type(self).__name__):
                    multilabel = type_of_target(y).startswith("multilabel")
                    self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
            error = self._fit(X, y, sample_weight, incremental=True)
        if error is not None:
            raise error
        return self

    def _gives_probabilities(self) -> bool:
        if self._loss_is("log_loss"):
            return True
        loss = self._loss()
        kind = self._target_kind() if hasattr(self, "_label_binarizer") else next(iter(loss.engine_losses))
        if not loss.has_probabilities(kind):
            raise AttributeError(f"The loss {loss.name!r} gives no probabilities; see decision_function.")
        return True

    def _gives_scores(self) -> bool:
        try:
            self._gives_probabilities()
        except AttributeError:
            return True
        raise AttributeError(f"The loss {self.loss!r} gives probabilities; see predict_proba.")

    @_available_if(_gives_scores)
    def decision_function(self, X: ArrayLike) -> NDArray:
        """Return the scores of classes or labels, for losses that give no probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes) or (n_samples, n_labels)
        """
        outputs = self._outputs(X)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    @_available_if(_gives_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Predict the probability of each class, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        probabilities = self._predict_plain(X)
        if probabilities is None:
            outputs = self._outputs(X)
            probabilities = np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs
        return (
            probabilities
            if self._loss_is("log_loss")
            else self._loss().probabilities(probabilities, self._target_kind())
        )

    def _predictor_form(self) -> str:
        if self.n_outputs_ > 1:
            return "columns"
        return "pair" if self._loss_is("log_loss") or self._loss().has_probabilities(self._target_kind()) else "flat"

    @_available_if(_gives_probabilities)
    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Predict the logarithm of the probabilities; see :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    if TYPE_CHECKING:  # scikit-learn's is not typed

        def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
            """Return the accuracy."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@_documented
class MLPRegressor(RegressorMixin, _BaseMLP):
    """Multilayer perceptron regressor, a drop-in for scikit-learn's.

    Trained by minimising half the squared error, or another loss. With the defaults of what is new, the attributes,
    messages and, in float64, the numbers are those of :class:`sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : str, Loss or callable, default='squared_error'
        'squared_error', 'absolute_error', 'huber', 'pinball' (a quantile, by default the median), 'poisson', 'gamma'
        and 'tweedie' (half deviances, whose predictions are exp(z)), an object of :mod:`fastmlp.losses`, or a function
        as :class:`fastmlp.losses.CustomLoss` takes it. ``Pinball([0.1, 0.9])`` has an output for each quantile.
    {parameters}

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,).
    loss_ : float
        Loss of the last epoch.
    loss_curve_ : list of float
        Loss of each epoch (solvers by minibatches).
    best_loss_ : float or None
        The lowest of them; None with early stopping (solvers by minibatches).
    validation_scores_ : list of float or None
        Score of the held-out rows after each epoch; None without early stopping (solvers by minibatches).
    best_validation_score_ : float or None
        The highest of them (solvers by minibatches).
    history_ : dict of str to list of float
        "loss", "learning_rate", "seconds" of each epoch (of solver='lbfgs': of each iteration of the last fit), then,
        for each set of eval_set, "<set>_loss" and its scores; NaN for epochs in which something was not recorded.
        ``pandas.DataFrame(model.history_)`` is a table of it.
    n_iter_ : int
        Epochs (iterations) of the last fit.
    t_ : int
        Samples seen in training.
    n_layers_, n_outputs_ : int
        Layers, input and output included; outputs.
    out_activation_ : str
        Activation of the output layer.
    n_features_in_ : int
        Features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X had names that are all strings.
    gains_, activation_parameters_, running_moments_ : list
        What else the network has, where it has it: for each hidden layer the gains of its normalization, the learned
        parameters of its activation, mean and variance of batch normalization. See
        :class:`fastmlp.network.Network`.
    input_means_, input_scales_ : ndarray of shape (n_features_in_,)
        What inputs are centred by and multiplied with, where they are.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastmlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(hidden_layer_sizes=(20,), learning_rate_init=0.1, max_iter=500, random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.5)
    True
    """

    _drop_in_for = "MLPRegressor"

    def __init__(
        self,
        loss: str | Loss | Callable = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
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
        weight_init: str | Callable = "auto",
        bias_init: str | Callable = "auto",
        l1: float = 0.0,
        standardize: bool = False,
        normalization: str | None = None,
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
    ) -> None:
        _set_parameters(self, locals())

    def _check_known(self, y: Any) -> Any:
        return y.toarray() if scipy.sparse.issparse(y) else y

    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        return self._check_known(y)

    def _target_kind(self) -> str:
        return "numbers"

    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        return encode_numbers(y, loss, dtype)

    def _decode(self, outputs: NDArray) -> NDArray:
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _predictor_form(self) -> str:
        return "flat" if self.n_outputs_ == 1 else "columns"

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2 of the predictions; for several quantiles minus the mean pinball loss, summed over them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        if self._loss_is("squared_error") or self._loss().outputs_per_target == 1:
            return super().score(X, y, sample_weight)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        return self._validation_score(column_or_1d(y), self._outputs(X), weights)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        if not np.isfinite(outputs).all():
            return np.nan
        if outputs.shape[1] > 1 and self._loss().outputs_per_target > 1:  # r2 is of one prediction per target
            quantiles = np.asarray(self._loss().engine_options)
            errors = np.asarray(y).reshape(-1, 1) - outputs
            losses = np.maximum(quantiles * errors, (quantiles - 1) * errors).sum(axis=1)
            return -float(np.average(losses, weights=sample_weight))
        return r2(y, self._decode(outputs), sample_weight)

    @_available_if(_BaseMLP._can_partial_fit)
    @_fits
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Go through the samples once, starting from what was learned so far.

        The optimizer is that of the first call, whose learning rate and the like stay; other parameters may change.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        AttributeError
            When the solver is lbfgs.
        ValueError
            As :meth:`fit`, and with early_stopping=True.
        """
        return self._fit_or_restore(X, y, sample_weight, incremental=True)


class _Validation(tuple):
    """X_val, y_val and sample_weight_val, as eval_set would hold them."""


def _with_validation(eval_set: Any, X_val: Any, y_val: Any, sample_weight_val: Any) -> Any:
    """Return the sets that a fit was given, in either way.

    Raises
    ------
    ValueError
        When one of the parameters lacks its fellow, or sets are given in both ways.
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        return eval_set
    if X_val is None:
        raise ValueError(
            f"{'sample_weight_val' if y_val is None else 'y_val'} is provided, but X_val was not provided."
        )
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if eval_set is not None:
        raise ValueError(
            "Samples to validate on come as eval_set or as X_val and y_val, not as both; several sets go into eval_set:"
            " {'validation': (X_val, y_val), ...}."
        )
    return _Validation((X_val, y_val, sample_weight_val))


# Parameters that names are given for, which make them canonical when they are set.
_NAMED = {
    name: found.known
    for cls in (_BaseMLP, MLPClassifier)
    for name, found in vars(cls).items()
    if isinstance(found, Named)
}


def _set_parameters(estimator: BaseEstimator, arguments: dict[str, Any]) -> None:
    """Set an estimator's parameters, as scikit-learn wants them: as they are, but for everyday names."""
    vars(estimator).update({name: value for name, value in arguments.items() if name not in ("self", "__class__")})
    for name, known in _NAMED.items():
        if name in arguments and (type(arguments[name]) is not str or arguments[name] not in known):
            setattr(estimator, name, arguments[name])


def _single_or_double(dtype: np.dtype) -> np.dtype:
    """Return scikit-learn's choice of a type to compute in: float32 stays, all others become float64."""
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)


@contextmanager
def _restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put the estimator's attributes back as they were when the block fails."""
    before = estimator.__dict__.copy()
    lists = [before.get("loss_curve_"), before.get("validation_scores_"), *before.get("history_", {}).values()]
    lengths = [(values, len(values)) for values in lists if values is not None]
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        for values, length in lengths:
            del values[length:]
        raise
