"""MLPClassifier and MLPRegressor: scikit-learn's estimators on the native engine."""

import copy
import operator
import warnings
from abc import abstractmethod
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse
import sklearn.utils.optimize
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastmlp.activations import Activation
from fastmlp.batching import RowOrder, resolve_batch_size
from fastmlp.initializers import initial_params
from fastmlp.losses import OUTPUT_ACTIVATIONS
from fastmlp.network import Network, Predictor, Structure
from fastmlp.optimizers import LBFGS, Descent, from_estimator_parameters
from fastmlp.rows import Rows, in_place_dtype, rows_of
from fastmlp.schedules import Adaptive, Constant, InvScaling
from fastmlp.stopping import NoImprovement
from fastmlp.targets import classification_loss, encode_labels, encode_numbers
from fastmlp.threads import BFLOAT16_SPEEDUP, team_size
from fastmlp.training import MinibatchTraining, minimize_full_batch

# Solvers that train by minibatches.
STOCHASTIC = ("sgd", "adam")

# Packed networks of estimators that predict, with what beside the parameters they depend on. Not attributes: they are
# no part of a pickle, and predict leaves an estimator's attributes as they are.
_predictors: MutableMapping[BaseEstimator, tuple[tuple, Predictor]] = WeakKeyDictionary()


class _BaseMLP(BaseEstimator):
    """What classifier and regressor share.

    The Python attributes are the source of truth: every fit, partial_fit and predict takes the parameters from coefs_
    and intercepts_.
    """

    coefs_: list[NDArray]
    intercepts_: list[NDArray]
    validation_scores_: Any  # a list of float, or None without early stopping
    _optimizer: Descent

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str, Activation, list, tuple],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
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
    }

    # ---- what the two kinds of estimator answer differently ---------------------------------------------------------

    @abstractmethod
    def _check_targets(self, y: Any, incremental: bool) -> Any:
        """Validate y further, setting what the estimator must know about it; return it."""

    @abstractmethod
    def _loss_name(self) -> str:
        """Return the engine's name of the loss; after _check_targets."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network to the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. An array of any real type is read in place, row by row, when its rows are contiguous.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (or, for several labels per sample, an indicator matrix) or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all of them zero.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            On input that cannot be used, and when the weights end up infinite or NaN. The estimator then is as it was
            before the call.
        """
        with _restored_on_error(self):
            return self._fit(X, y, sample_weight, incremental=False)

    def _can_partial_fit(self) -> bool:
        if self.solver not in STOCHASTIC:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        if incremental:
            self._validate_params()  # scikit-learn's decorator does so in the first call only
        hidden = self.hidden_layer_sizes
        hidden = list(hidden) if hasattr(hidden, "__iter__") else [hidden]
        if np.any(np.array(hidden) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        first_pass = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)

        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=self._validation_dtype(X),
            reset=first_pass,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = self._check_targets(y, incremental)
        if self.dtype == "bfloat16" and self.solver not in STOCHASTIC:
            raise ValueError(
                f"dtype='bfloat16' is for the solvers {' and '.join(STOCHASTIC)}; solver={self.solver!r} computes in"
                " float64."
            )
        dtype = self._compute_dtype(X, first_pass)
        # L-BFGS computes in float64 whatever the model's type.
        rows = rows_of(X, np.float64 if self.solver == "lbfgs" else dtype)
        targets = self._encode(y, dtype)
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        loss = self._loss_name()
        n_outputs = len(self._label_binarizer.classes_) if targets.ndim == 1 else targets.shape[1]
        sizes = [rows.n_features, *(operator.index(n) for n in hidden), n_outputs]

        self._random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(sizes, loss)
            params = initial_params(sizes, self.activation, dtype, self._random_state)
            network = Network(Structure.of(sizes, self.activation, loss), params)
        else:
            self._check_unchanged(sizes)
            network = self._network_of(loss, dtype)
        self.n_outputs_ = n_outputs

        if self.solver == "lbfgs":
            network = self._fit_lbfgs(network, rows, targets, sample_weight)
        else:
            self._fit_stochastic(network, rows, y, targets, sample_weight, incremental)
        if not np.isfinite(network.params).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
                " preprocessed."
            )
        self.coefs_, self.intercepts_ = network.coefs, network.intercepts
        return self

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
        # Refuses weights that are all zero, too.
        return np.ascontiguousarray(_check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True))

    def _check_unchanged(self, sizes: list[int]) -> None:
        """Refuse to go on with a network of another shape than the parameters ask for."""
        fitted = [self.coefs_[0].shape[0], *(W.shape[1] for W in self.coefs_)]
        if sizes[1:-1] != fitted[1:-1]:
            raise ValueError(
                f"hidden_layer_sizes={sizes[1:-1]} differs from the fitted network's {fitted[1:-1]}; training can only"
                " be continued with the same hidden layers."
            )
        if sizes[-1] != fitted[-1]:
            raise ValueError(f"y has {sizes[-1]} outputs, but the fitted network has {fitted[-1]}.")

    def _initialize(self, sizes: list[int], loss: str) -> None:
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = OUTPUT_ACTIVATIONS[loss]
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self.best_loss_: float | None = None
            self.validation_scores_ = None
            self.best_validation_score_: float | None = None
            self._no_improvement_count = 0

    def _new_optimizer(self) -> Descent:
        schedule = None
        if self.solver == "sgd":
            schedules = {"constant": Constant(), "invscaling": InvScaling(power_t=self.power_t), "adaptive": Adaptive()}
            schedule = schedules[self.learning_rate]
        return Descent(from_estimator_parameters(self.solver, self.get_params(deep=False)), schedule)

    def _fit_lbfgs(self, network: Network, rows: Rows, targets: NDArray, sample_weight: NDArray | None) -> Network:
        # In float64 whatever the model's type: line searches do not get along with losses rounded to float32.
        dtype = network.params.dtype
        wide = network.astype(np.float64)
        if targets.dtype == np.float32:
            targets = targets.astype(np.float64)
        result = minimize_full_batch(
            wide,
            LBFGS(self.max_iter, self.max_fun, self.tol),
            rows,
            targets,
            sample_weight,
            alpha=self.alpha,
            n_threads=team_size(self.n_jobs, wide.flops_per_row * rows.n_rows),
            after_iteration=self._report_lbfgs if self.verbose else None,
        )
        self.loss_ = result.fun
        if result.status == "interrupted":
            self.n_iter_ = result.nit
        else:
            self.n_iter_ = sklearn.utils.optimize._check_optimize_result("lbfgs", result, self.max_iter)
        return wide.astype(dtype)

    @staticmethod
    def _report_lbfgs(n_iter: int, loss: float) -> None:
        print(f"Iteration {n_iter}, loss = {loss:.8f}")

    def _fit_stochastic(
        self,
        network: Network,
        rows: Rows,
        y: Any,
        targets: NDArray,
        sample_weight: NDArray | None,
        incremental: bool,
    ) -> None:
        # A copy, so that nothing is lost should this call fail; its arrays are replaced, not changed.
        resumed = incremental and hasattr(self, "_optimizer")
        optimizer = copy.copy(self._optimizer) if resumed else self._new_optimizer()
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        train, held_out = self._split(targets) if self.early_stopping else (np.arange(rows.n_rows), None)
        batch_size = resolve_batch_size(self.batch_size, len(train))
        bfloat16 = self.dtype == "bfloat16"
        flops = network.flops_per_row * batch_size / (BFLOAT16_SPEEDUP if bfloat16 else 1)
        training = MinibatchTraining(
            network,
            optimizer,
            rows,
            targets,
            sample_weight,
            order=RowOrder(train, self.shuffle, self._random_state),
            batch_size=batch_size,
            alpha=self.alpha,
            n_threads=team_size(self.n_jobs, flops),
            bfloat16=bfloat16,
        )
        improvement = self._improvement(incremental)
        best_params = None
        if held_out is not None:
            best_params = network.params.copy()
            y_val = y[held_out]
            weights_val = None if sample_weight is None else sample_weight[held_out]
        self._optimizer, self.n_iter_ = optimizer, 0

        def after_epoch(loss: float) -> bool:
            nonlocal best_params
            self.n_iter_ += 1
            self.loss_ = loss
            self.t_ += len(train)
            self.loss_curve_.append(loss)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")
            if held_out is None:
                improvement.update(loss)
                self.best_loss_ = improvement.best
            else:
                score = self._validation_score(y_val, training.outputs(held_out), weights_val)
                self.validation_scores_.append(score)
                if self.verbose:
                    print(f"Validation score: {score:f}")
                if improvement.update(score):
                    best_params = training.params()
                self.best_validation_score_ = improvement.best
            optimizer.after_epoch(self.t_)
            if improvement.exhausted:
                stop, remark = optimizer.on_plateau()
                if self.verbose:
                    what = "Training loss" if held_out is None else "Validation score"
                    print(
                        f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive"
                        f" epochs. {remark}"
                    )
                if stop:
                    return True
                improvement.count = 0
            if not incremental and self.n_iter_ == self.max_iter:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't"
                    " converged yet.",
                    ConvergenceWarning,
                    stacklevel=2,
                )
            return False

        def epochs_unheard() -> float:
            watched = self.verbose or held_out is not None or optimizer.every_epoch
            return 1 if watched else improvement.epochs_left

        training.run(1 if incremental else self.max_iter, after_epoch, epochs_unheard)
        training.finish()
        self._no_improvement_count = improvement.count
        if best_params is not None:
            network.params[:] = best_params

    def _improvement(self, incremental: bool) -> NoImprovement:
        """Return the stopping rule, with the best value of earlier fits where this one goes on from them."""
        if not hasattr(self, "loss_curve_"):  # a warm start after lbfgs
            self.loss_curve_ = []
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
        stratify = None
        if is_classifier(self) and self.n_outputs_ == 1:
            stratify = np.where(targets[:, 0] != 0, "True", "False")
        train, held_out = train_test_split(
            np.arange(len(targets)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return train, held_out

    # ---- predicting -------------------------------------------------------------------------------------------------

    def _network(self, dtype: np.dtype) -> Network:
        """Return a copy of the fitted network."""
        loss = next(name for name, link in OUTPUT_ACTIVATIONS.items() if link == self.out_activation_)
        return self._network_of(loss, dtype)

    def _network_of(self, loss: str, dtype: np.dtype) -> Network:
        sizes = [self.coefs_[0].shape[0], *(W.shape[1] for W in self.coefs_)]
        structure = Structure.of(sizes, self.activation, loss)
        return Network.from_arrays(structure, dtype, coefs=self.coefs_, intercepts=self.intercepts_)

    def _outputs(self, X: Any) -> NDArray:
        """Return the network's outputs for X, shape (n_samples, n_outputs)."""
        plain = self._predict_plain(X)
        if plain is not None:
            return plain[:, 1:] if self._predictor_form() == "pair" else plain.reshape(len(plain), -1)
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        if self.dtype != "auto":
            self._validate_params()  # the type may have been set after fit
        dtype = self._dtype_asked_for() or _single_or_double(np.result_type(X.dtype, self.coefs_[0].dtype))
        network = self._network(dtype)
        rows = rows_of(X, dtype)
        return network.forward(rows, team_size(self.n_jobs, network.flops_per_row / 3 * rows.n_rows))

    def _predict_plain(self, X: Any) -> NDArray | None:
        """Return what a predictor() returns, for an array that passes every check as it is; None for all else.

        The packed network is kept from call to call. The attributes are the truth: it is made anew when they are no
        longer what it was made from.
        """
        fitted = self.__dict__
        if "coefs_" not in fitted or type(X) is not np.ndarray or "feature_names_in_" in fitted:
            return None
        coefs, intercepts, dtype = self.coefs_, self.intercepts_, X.dtype
        if dtype not in (np.float32, np.float64) or dtype != coefs[0].dtype:
            return None
        if self.dtype not in ("auto", dtype.name) and (self.dtype, dtype) != ("bfloat16", np.float32):
            return None
        if X.ndim != 2 or X.shape[1] != self.n_features_in_ or type(self).__hash__ is None:
            return None
        key = (self.activation, self.out_activation_, self.n_jobs)
        kept = _predictors.get(self)
        if kept is None or kept[0] != key or not kept[1].holds(coefs, intercepts):
            team_size(self.n_jobs, 0.0)  # refuses a bad n_jobs
            kept = _predictors[self] = (key, self._network(dtype).predictor(self._predictor_form(), self.n_jobs))
        return kept[1].if_valid(X)

    def predictor(self) -> Predictor:
        """Return a bare function for predictions at the least cost per call.

        It checks shape and type of its argument and nothing else: NaN and infinity go through, and names of columns are
        not looked at. Its parameters are a copy, made now; a later fit does not change it. It may be called from many
        threads at once. It cannot be pickled: it is made where it is used.

        Returns
        -------
        predictor : callable
            Takes a C-contiguous array of shape (n_samples, n_features) and of the type the model computes in: that of
            ``coefs_``, or what the parameter dtype names. Returns what predict_proba (of a regressor: predict) returns
            for it. Raises ValueError for anything else.

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


class MLPClassifier(ClassifierMixin, _BaseMLP):
    """Multilayer perceptron classifier, a drop-in for scikit-learn's.

    Trained by minimising the log loss. Parameters, attributes, messages and, in float64, the numbers are those of
    :class:`sklearn.neural_network.MLPClassifier`; ``n_jobs`` and ``dtype`` are new.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; () gives a linear model.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Of the hidden layers.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        lbfgs sees all samples at once; the others go through minibatches.
    alpha : float, default=0.0001
        Strength of the L2 penalty, alpha / 2 times the sum of the squared weights divided by the batch's size.
    batch_size : int or 'auto', default='auto'
        Rows per minibatch; 'auto' is min(200, n_samples).
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        For sgd only. invscaling: learning_rate_init / (samples seen + 1)^power_t, set after each epoch. adaptive:
        divided by five whenever n_iter_no_change epochs bring no improvement.
    learning_rate_init : float, default=0.001
        For sgd and adam.
    power_t : float, default=0.5
        The exponent of invscaling.
    max_iter : int, default=200
        Epochs at most (lbfgs: iterations).
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, validation split and order of rows.
    tol : float, default=1e-4
        Smaller improvements of the loss (or validation score) do not count; for lbfgs the gradient's tolerance.
    verbose : bool, default=False
        Whether to print each epoch's loss.
    warm_start : bool, default=False
        Whether fit goes on from the solution of the fit before.
    momentum : float in [0, 1], default=0.9
        For sgd.
    nesterovs_momentum : bool, default=True
        For sgd.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score stops improving, and keep the best weights. Not with lbfgs.
    validation_fraction : float in [0, 1), default=0.1
        The share of rows held out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of adam's moments.
    epsilon : float, default=1e-8
        For adam.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before sgd or adam stops.
    max_fun : int, default=15000
        For lbfgs: evaluations of loss and gradient at most.
    n_jobs : int or None, default=None
        Threads. None is what machine, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow, fewer when the work is
        too small to share; -1 is all CPUs. The results do not depend on it.
    dtype : {'auto', 'float32', 'float64', 'bfloat16'}, default='auto'
        Type of the computation and the weights. 'auto' is float32 for float32 samples and float64 for all others.
        'bfloat16' is float32 but for the numbers that training multiplies, which are rounded to 8 significant bits (not
        those of CSR samples): several times faster on wide layers where the CPU has such products (AMX, AVX-512 BF16).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for several labels per sample, the labels' numbers.
    coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,).
    loss_ : float
        Loss of the last epoch.
    loss_curve_ : list of float
        Loss of each epoch (sgd and adam).
    best_loss_ : float or None
        The lowest of them; None with early stopping (sgd and adam).
    validation_scores_ : list of float or None
        Score of the held-out rows after each epoch; None without early stopping (sgd and adam).
    best_validation_score_ : float or None
        The highest of them (sgd and adam).
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

    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
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
        dtype: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_jobs = n_jobs
        self.dtype = dtype

    def _check_targets(self, y: Any, incremental: bool) -> Any:
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return y
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit."
                    f" Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return y

    def _loss_name(self) -> str:
        return classification_loss(self._label_binarizer)

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        return encode_labels(y, self._label_binarizer, dtype)

    def _decode(self, outputs: NDArray) -> Any:
        return self._label_binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        return float(accuracy_score(y, self._decode(outputs), sample_weight=sample_weight))

    @available_if(_BaseMLP._can_partial_fit)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Go through the samples once, starting from what was learned so far.

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
            if _check_partial_fit_first_call(self, classes):
                multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
            return self._fit(X, y, sample_weight, incremental=True)

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
        if probabilities is not None:
            return probabilities
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def _predictor_form(self) -> str:
        return "pair" if self.n_outputs_ == 1 else "columns"

    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Predict the logarithm of the probabilities; see :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _BaseMLP):
    """Multilayer perceptron regressor, a drop-in for scikit-learn's.

    Trained by minimising half the squared error or half the Poisson deviance. Parameters, attributes, messages and, in
    float64, the numbers are those of :class:`sklearn.neural_network.MLPRegressor`; ``n_jobs`` and ``dtype`` are new.

    Parameters
    ----------
    loss : {'squared_error', 'poisson'}, default='squared_error'
        'poisson' predicts exp(z) and wants y >= 0.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; () gives a linear model.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Of the hidden layers.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        lbfgs sees all samples at once; the others go through minibatches.
    alpha : float, default=0.0001
        Strength of the L2 penalty, alpha / 2 times the sum of the squared weights divided by the batch's size.
    batch_size : int or 'auto', default='auto'
        Rows per minibatch; 'auto' is min(200, n_samples).
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        For sgd only. invscaling: learning_rate_init / (samples seen + 1)^power_t, set after each epoch. adaptive:
        divided by five whenever n_iter_no_change epochs bring no improvement.
    learning_rate_init : float, default=0.001
        For sgd and adam.
    power_t : float, default=0.5
        The exponent of invscaling.
    max_iter : int, default=200
        Epochs at most (lbfgs: iterations).
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, validation split and order of rows.
    tol : float, default=1e-4
        Smaller improvements of the loss (or validation score) do not count; for lbfgs the gradient's tolerance.
    verbose : bool, default=False
        Whether to print each epoch's loss.
    warm_start : bool, default=False
        Whether fit goes on from the solution of the fit before.
    momentum : float in [0, 1], default=0.9
        For sgd.
    nesterovs_momentum : bool, default=True
        For sgd.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score stops improving, and keep the best weights. Not with lbfgs.
    validation_fraction : float in [0, 1), default=0.1
        The share of rows held out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of adam's moments.
    epsilon : float, default=1e-8
        For adam.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before sgd or adam stops.
    max_fun : int, default=15000
        For lbfgs: evaluations of loss and gradient at most.
    n_jobs : int or None, default=None
        Threads. None is what machine, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow, fewer when the work is
        too small to share; -1 is all CPUs. The results do not depend on it.
    dtype : {'auto', 'float32', 'float64', 'bfloat16'}, default='auto'
        Type of the computation and the weights. 'auto' is float32 for float32 samples and float64 for all others.
        'bfloat16' is float32 but for the numbers that training multiplies, which are rounded to 8 significant bits (not
        those of CSR samples): several times faster on wide layers where the CPU has such products (AMX, AVX-512 BF16).

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,).
    loss_ : float
        Loss of the last epoch.
    loss_curve_ : list of float
        Loss of each epoch (sgd and adam).
    best_loss_ : float or None
        The lowest of them; None with early stopping (sgd and adam).
    validation_scores_ : list of float or None
        Score of the held-out rows after each epoch; None without early stopping (sgd and adam).
    best_validation_score_ : float or None
        The highest of them (sgd and adam).
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

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastmlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(hidden_layer_sizes=(20,), learning_rate_init=0.1, max_iter=500, random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **_BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
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
        dtype: str = "auto",
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_jobs = n_jobs
        self.dtype = dtype

    def _check_targets(self, y: Any, incremental: bool) -> Any:
        return y.toarray() if scipy.sparse.issparse(y) else y

    def _loss_name(self) -> str:
        return self.loss

    def _encode(self, y: Any, dtype: np.dtype) -> NDArray:
        return encode_numbers(y, self.loss, dtype)

    def _decode(self, outputs: NDArray) -> NDArray:
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _predictor_form(self) -> str:
        return "flat" if self.n_outputs_ == 1 else "columns"

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        if not np.isfinite(outputs).all():
            return np.nan
        return float(r2_score(y, self._decode(outputs), sample_weight=sample_weight))

    @available_if(_BaseMLP._can_partial_fit)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Go through the samples once, starting from what was learned so far.

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
        with _restored_on_error(self):
            return self._fit(X, y, sample_weight, incremental=True)


def _single_or_double(dtype: np.dtype) -> np.dtype:
    """Return scikit-learn's choice of a type to compute in: float32 stays, all others become float64."""
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)


@contextmanager
def _restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put the estimator's attributes back as they were when the block fails."""
    before = estimator.__dict__.copy()
    lists = {"loss_curve_", "validation_scores_"}
    lengths = {name: len(value) for name, value in before.items() if name in lists and value is not None}
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        for name, length in lengths.items():
            del before[name][length:]
        raise
