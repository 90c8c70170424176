"""Autoencoder: a network that learns to give its inputs back through a layer that has less room, or is kept sparse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.activations import ACTIVATIONS, Activation
from fastmlp.augmentation import Augment
from fastmlp.callbacks import Callback
from fastmlp.components import Named, Registry
from fastmlp.estimators import MLPRegressor
from fastmlp.estimators.base import begins_fit, goes_on_with_fit, is_available_if, restored_on_error
from fastmlp.estimators.parameters import NetworkParameters
from fastmlp.estimators.prediction import NumberDecoding
from fastmlp.estimators.supervised import SupervisedNetwork
from fastmlp.exceptions import OvercompleteCodeWarning, warn_user
from fastmlp.fitting.problem import TrainingData, TrainingPlan
from fastmlp.fitting.recipe import hidden_sizes
from fastmlp.inputs.rows import dense_rows, rows_of
from fastmlp.losses import OUTPUT_ACTIVATIONS, CustomLoss, Loss
from fastmlp.network import HiddenLayer, Network, Regularization, hidden_layer, hidden_layers
from fastmlp.optimizers import LBFGS, Optimizer
from fastmlp.registration import stored_as
from fastmlp.schedules import Schedule
from fastmlp.threads import team_size
from fastmlp.zoo.tied import Tied

# The activations whose values are means of a coin, of which a divergence from a target can be told.
_BETWEEN_0_AND_1 = ("logistic", "hard_sigmoid")
# As many rows go through the decoder, or have their errors taken, at a time.
_ROWS = 4096


@stored_as("Autoencoder")
class Autoencoder(SupervisedNetwork):
    """A network that is trained to give back its inputs, whose layer in the middle gives a code of them.

    The encoder has the layers of hidden_layer_sizes, the last of which is the code. The decoder has the same layers in
    the opposite order, and an output for each feature. Each row of X is read where it lies, in its own type, as input
    and as target: no copy of X is made, and of sparse rows none that is dense.

    A code of fewer units than there are features must leave something out: a non-linear principal component analysis. A
    wider one is kept from copying its inputs by noise (input_dropout, input_noise, augment: a denoising autoencoder) or
    by sparsity. How badly a row is reconstructed says how unlike the training rows it is (:meth:`score_samples`).

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(256, 32)
        The units of the encoder's layers; the last are those of the code.
    activation : str or Activation, default='relu'
        The activation of the hidden layers of encoder and decoder, but for the code.
    code_activation : str or Activation, default='identity'
        The activation of the code.
    loss : str or Loss, default='squared_error'
        What reconstructions are judged by, which decides the activation of the outputs as well: 'squared_error',
        'absolute_error', 'huber' and the like are for any numbers, 'log_loss' (the cross-entropy, with logistic
        outputs) is for numbers from 0 to 1, such as pixels and frequencies.
    tied : bool, default=False
        Whether the weights of the decoder are those of the encoder, transposed. Goes through Python for each batch.
    sparsity : {'l1', 'kl'} or None, default=None
        What keeps the code sparse: 'l1' adds sparsity_weight times the sum of the sizes of the code's values to the
        loss of each row; 'kl' adds sparsity_weight times the sum over the code's units of the Kullback-Leibler
        divergence of sparsity_target from their mean values in the batch, and needs values between 0 and 1:
        code_activation='logistic'. With loss='squared_error' the weight is against half the squared error summed over
        the features, since the gradients of that loss are not divided by their number.
    sparsity_weight : float, default=1e-3
    sparsity_target : float in (0, 1), default=0.05
    solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, random_state, tol, \
verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun, n_jobs, dtype, loss_weights, weight_init, bias_init, l1, normalization, dropout, \
input_dropout, input_noise, gradient_clip_norm, gradient_clip_value, max_norm, ema, augment, callbacks
        As :class:`fastmlp.MLPRegressor` takes them, but for tol, which is 0 here: any improvement counts, since squared
        errors of features from 0 to 1 are small. The code has no normalization. early_stopping holds out rows, and
        watches the share of their variance that is reconstructed (see :meth:`score`). loss_weights has a factor for
        each feature. What augment and noise change is the input; the target stays the row as it is.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,), first those of the encoder.
    loss_, history_, n_iter_, t_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_layers_, \
n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As those of :class:`fastmlp.MLPRegressor`.

    References
    ----------
    Hinton, Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 313, 2006. Vincent et al.,
    Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008. Ng, Sparse autoencoder, CS294A
    lecture notes, 2011.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.zoo import Autoencoder
    >>> X = load_digits().data / 16
    >>> model = Autoencoder((64, 8), learning_rate_init=0.01, max_iter=60, tol=1e-4, random_state=0).fit(X)
    >>> codes = model.transform(X)
    >>> codes.shape, model.inverse_transform(codes).shape
    ((1797, 8), (1797, 64))
    >>> bool(model.score(X) > 0.75)
    True
    >>> bool(model.score_samples(X[:, ::-1]).mean() < model.score_samples(X).mean())  # images in a mirror are unlike
    True
    """

    code_activation = Named(ACTIVATIONS)
    sparsity = Named(Registry({"l1": "l1", "kl": "kl"}, {"kl": ("kullback_leibler", "kl_divergence")}))

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: constraint
            for name, constraint in NetworkParameters._parameter_constraints.items()
            if name not in ("standardize", "residual", "embedding_size", "scoring")
        },
        "activation": [str, Activation],
        "code_activation": [str, Activation],
        "loss": [str, Loss],
        "tied": ["boolean"],
        "sparsity": [StrOptions({"l1", "kl"}), None],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "sparsity_target": [Interval(Real, 0, 1, closed="neither")],
    }

    # Parameters of other networks that an autoencoder does not have.
    residual, embedding_size, standardize, scoring = False, None, False, None

    def __init__(
        self,
        hidden_layer_sizes: Any = (256, 32),
        activation: str | Activation = "relu",
        *,
        code_activation: str | Activation = "identity",
        loss: str | Loss = "squared_error",
        tied: bool = False,
        sparsity: str | None = None,
        sparsity_weight: float = 1e-3,
        sparsity_target: float = 0.05,
        solver: str | Optimizer | LBFGS = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
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
    ) -> None:
        self._set_parameters(locals())

    # ---- fitting -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(  # type: ignore[override]
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
    ) -> Self:
        """Learn to reconstruct samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. An array of any real type is read in place, row by row, when its rows are contiguous; so is a CSR
            matrix.
        y : object
            Nothing that is looked at; it is there for pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all of them zero.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Samples that are not learned from, whose loss and score stand in ``history_`` for each epoch, called
            "validation". With early_stopping they take the place of samples held out.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            On input that cannot be used: with loss='log_loss' values outside of [0, 1]; with sparsity='kl' a code whose
            values are not between 0 and 1; and when training diverges. The estimator then is as it was before.

        Warns
        -----
        OvercompleteCodeWarning
            When the code has as many units as there are features, or more, and nothing keeps it from copying them.
        ConvergenceWarning
            When max_iter ends the fit.
        """
        return self._fit(X, X, sample_weight, None if X_val is None else (X_val, X_val))

    @is_available_if(SupervisedNetwork._can_partial_fit)
    @begins_fit
    def partial_fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Go through the samples once, starting from what was learned so far.

        The optimizer is that of the first call, whose learning rate and the like stay; other parameters may change.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : object
            Nothing that is looked at.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As :meth:`fit`, and with early_stopping=True.
        """
        with restored_on_error(self):
            fit = self._partial_fit(X, X, sample_weight)
        return self._told_of_errors(fit)

    @goes_on_with_fit
    def resume(  # type: ignore[override]
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
    ) -> Self:
        """Go on with the fit of which this estimator is a checkpoint, as :meth:`fastmlp.MLPRegressor.resume` does.

        Parameters
        ----------
        X, y, sample_weight, X_val
            Those of the fit, as :meth:`fit` takes them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            When this is no checkpoint, or the samples cannot be those of the fit.
        """
        return self._resume(X, X, sample_weight, None if X_val is None else (X_val, X_val))

    def _plan(self) -> TrainingPlan:
        sizes = hidden_sizes(self.hidden_layer_sizes)
        if not sizes:
            raise ValueError("hidden_layer_sizes must name a layer at least, the code; got ().")
        parameters = {**MLPRegressor().get_params(deep=False), **self.get_params(deep=False)}
        n_hidden = 2 * len(sizes) - 1
        layers = self._layers(n_hidden)
        plan = TrainingPlan.of(
            {**parameters, "hidden_layer_sizes": [*sizes, *sizes[-2::-1]], "activation": list(layers)}, self._loss()
        )
        if self.sparsity is not None and self.sparsity_weight:
            code = layers[len(sizes) - 1]
            if self.sparsity == "kl" and code.activation not in _BETWEEN_0_AND_1:
                raise ValueError(
                    "sparsity='kl' needs values of the code between 0 and 1: set code_activation='logistic'; got"
                    f" code_activation={self.code_activation!r}."
                )
            if not plan.is_stochastic:
                raise ValueError(
                    f"sparsity={self.sparsity!r} is for solvers by minibatches; got solver={self.solver!r}."
                )
            plan.regularization = replace(
                plan.regularization or Regularization(),
                activity=self.sparsity,
                activity_weight=self.sparsity_weight,
                activity_target=self.sparsity_target,
                activity_layer=len(sizes) - 1,
            )
        if self.tied:
            if self.max_norm is not None:
                raise ValueError(
                    f"tied=True is not for max_norm={self.max_norm!r}, which would shorten either layer's weights by"
                    " themselves: leave max_norm=None."
                )
            if not isinstance(plan.optimizer, Optimizer) or plan.optimizer.evaluates_elsewhere:
                raise ValueError(f"tied=True is not for solver={self.solver!r}.")
            plan.optimizer = Tied(plan.optimizer)
        # What is said of the plan is said in the names that the user knows.
        plan.parameters = parameters
        return plan

    def _layers(self, n_hidden: int) -> tuple[HiddenLayer, ...]:
        """Return the hidden layers of encoder and decoder, with the code in the middle of them."""
        layers = list(hidden_layers(self.activation, self.normalization, n_hidden))
        layers[n_hidden // 2] = hidden_layer(self.code_activation)
        return tuple(layers)

    def _hidden_layers(self) -> tuple[HiddenLayer, ...]:
        return self._layers(len(self.coefs_) - 1)

    def _new_network(self, plan: TrainingPlan, data: TrainingData, n_outputs: int, dtype: np.dtype) -> Network:
        self._warn_of_copies(plan, n_outputs)
        network = Network.create(
            [n_outputs, *plan.hidden_sizes, n_outputs],
            plan.hidden,
            data.objective,
            weight_init=self.weight_init,
            bias_init=self.bias_init,
            random_state=self._random_state,
            dtype=dtype,
        )
        if self.tied:
            n_layers = len(network.coefs)
            for i in range(n_layers // 2):
                network.coefs[n_layers - 1 - i][:] = network.coefs[i].T
        return network

    def _warn_of_copies(self, plan: TrainingPlan, n_features: int) -> None:
        """Warn of a code that can be a copy of the features."""
        width = min(plan.hidden_sizes)
        noise = (self.sparsity, self.input_dropout, self.input_noise, self.augment, self.l1, np.any(self.dropout))
        if width >= n_features and not any(noise):
            warn_user(
                f"The code of {plan.hidden_sizes[len(plan.hidden_sizes) // 2]} units can copy the {n_features} features"
                " as they are. Take fewer units, or set input_dropout, input_noise or sparsity.",
                OvercompleteCodeWarning,
            )

    # ---- targets, which are the samples ------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X = self._validated_samples(X, reset=reset)
        return X, X

    def _check_known(self, y: Any) -> Any:
        name = self._loss().engine_loss(self._target_kind())
        if OUTPUT_ACTIVATIONS[name] == "logistic":
            values = y.data if scipy.sparse.issparse(y) else y
            if values.size and not (values.min() >= 0 and values.max() <= 1):
                raise ValueError(
                    f"loss={self.loss!r} is for values from 0 to 1; X has values from {values.min():g} to"
                    f" {values.max():g}. Scale X, or set loss='squared_error'."
                )
        return y

    _learn_targets = _check_same_targets = _check_further_targets = _check_known

    def _target_kind(self) -> str:
        return "multilabel" if self._loss().name == "log_loss" else "numbers"

    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        return dense_rows(y, dtype)

    def _training_targets(self, plan: TrainingPlan, y: Any, dtype: np.dtype) -> NDArray | None:
        # What does not go through the engine alone needs an array of them.
        needs_array = plan.augment is not None or not plan.is_stochastic or isinstance(plan.loss, CustomLoss)
        return self._encode(y, dtype, plan.loss) if needs_array else None

    def _n_outputs(self, targets: NDArray | None) -> int:
        return self.n_features_in_

    def _decoding(self) -> NumberDecoding:
        return NumberDecoding(self.n_outputs_)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        return explained_variance(dense_rows(y, outputs.dtype), outputs, sample_weight)

    # ---- what has been learned ---------------------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        """The number of layers of the encoder."""
        return len(self.coefs_) // 2

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[self._depth].shape[0]

    def transform(self, X: ArrayLike, layer: int | None = None) -> NDArray:
        """Return the codes of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int, default=None
            Another hidden layer whose outputs to return, counted from 0 on or from -1 back; None is the code.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_units)
        """
        check_is_fitted(self)
        return super().transform(X, self._depth - 1 if layer is None else layer)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Return the samples that the decoder makes of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units)
            Codes, as :meth:`transform` gives them.

        Returns
        -------
        samples : ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            For codes of another width.
        """
        check_is_fitted(self)
        dtype = self._compute_dtype(self.coefs_[0].dtype)
        codes = check_array(X, dtype=dtype, input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has codes of {codes.shape[1]} values, but those of this autoencoder have {self._n_features_out}."
            )
        decoder = self._network(dtype).layers_from(self._depth)
        return decoder.forward(codes, n_threads=self._threads(len(codes), decoder))

    def _threads(self, n_rows: int, network: Network) -> int:
        return team_size(self.n_jobs, n_rows * network.flops_per_row)

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Return the reconstructions of samples: the codes decoded.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        samples : ndarray of shape (n_samples, n_features)
        """
        return self._outputs(X, self._fitted_decoding())

    @property
    def predict(self) -> Any:
        """Refuse to predict, which transformers do not: scikit-learn's tools ask whether there is such a method.

        Raises
        ------
        AttributeError
            Always.
        """
        raise AttributeError("Autoencoder has no predict: reconstruct gives its outputs, transform its codes.")

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return minus the reconstruction error of each sample: the lower, the more unlike what was learned from.

        The error is the loss of the sample, of loss='squared_error' the mean over the features of (x - x')^2 / 2, of
        loss='log_loss' the cross-entropy summed over the features. A threshold for anomalies is a quantile of it over
        rows that are known to be none.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
        """
        check_is_fitted(self)
        network = self.to_network()
        samples, dtype, found = self._validated_samples(X, reset=False), network.params.dtype, []
        self._check_known(samples)
        for start in range(0, samples.shape[0], _ROWS):
            part = samples[start : start + _ROWS]
            z = network.forward(rows_of(part, dtype), n_threads=self._threads(part.shape[0], network), linked=False)
            found.append(network.objective.row_losses(z, dense_rows(part, dtype)))
        return -np.concatenate(found)

    def score(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of the samples' variance that their reconstructions explain, 1 - SSE / SST.

        The sums of squares run over all samples and features; those of SST are around the samples' means. The score of
        principal components is the share of variance that they explain.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : object
            Nothing that is looked at.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        outputs = self.reconstruct(X)
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        return explained_variance(dense_rows(self._validated_samples(X, reset=False), outputs.dtype), outputs, weights)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = None
        tags.target_tags.required = False
        return tags


def explained_variance(X: NDArray, reconstructed: NDArray, sample_weight: NDArray | None = None) -> float:
    """Return the share of the variance of samples that reconstructions explain; NaN where they have none.

    Parameters
    ----------
    X, reconstructed : ndarray of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,), default=None

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.autoencoder import explained_variance
    >>> explained_variance(np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([[0.5, 1.0], [1.5, 1.0]]))
    0.75
    """
    weights = np.ones(len(X)) if sample_weight is None else sample_weight
    means = np.average(X, axis=0, weights=weights)
    spread = weights @ np.square(X - means, dtype=np.float64).sum(axis=1)
    errors = weights @ np.square(X - reconstructed, dtype=np.float64).sum(axis=1)
    return float(1 - errors / spread) if spread > 0 else np.nan
