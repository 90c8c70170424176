"""MLPRegressor: numbers, one or several for each sample, or quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from fastmlp.activations import Activation
from fastmlp.augmentation import Augment
from fastmlp.callbacks import Callback
from fastmlp.estimators.base import begins_fit, is_available_if, restored_on_error
from fastmlp.estimators.documentation import ATTRIBUTES, PARAMETERS, documented
from fastmlp.estimators.prediction import NumberDecoding
from fastmlp.estimators.supervised import SupervisedNetwork
from fastmlp.fitting.evaluation import r2
from fastmlp.inputs.plain_targets import plain_targets
from fastmlp.inputs.targets import encode_numbers
from fastmlp.losses import Loss
from fastmlp.optimizers import LBFGS, Optimizer
from fastmlp.registration import stored_as
from fastmlp.schedules import Schedule


@stored_as("MLPRegressor")
@documented(PARAMETERS, ATTRIBUTES)
class MLPRegressor(RegressorMixin, SupervisedNetwork):
    """Multilayer perceptron regressor, a drop-in for scikit-learn's.

    It is trained by minimising half the squared error, or another loss. With the defaults of what is new, the
    attributes, messages and, in float64, the numbers are those of :class:`sklearn.neural_network.MLPRegressor`.

    Parameters
    ----------
    loss : str, Loss or callable, default='squared_error'
        What training makes small: 'squared_error', 'absolute_error', 'huber', 'pinball' (a quantile, by default the
        median), 'poisson', 'gamma' and 'tweedie' (half deviances, whose predictions are exp(z)), an object of
        :mod:`fastmlp.losses`, or a function as :class:`fastmlp.losses.CustomLoss` takes it. ``Pinball([0.1, 0.9])`` has
        an output for each quantile.
    {parameters}

    Attributes
    ----------
    {attributes}

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
        residual: bool = False,
        embedding_size: int | None = None,
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
        self._set_parameters(locals())

    def _check_known(self, y: Any) -> Any:
        return y.toarray() if scipy.sparse.issparse(y) else y

    # Any numbers may follow on others; how many columns there are is compared with the network.
    _learn_targets = _check_same_targets = _check_further_targets = _check_known

    def _target_kind(self) -> str:
        return "numbers"

    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        return encode_numbers(y, loss, dtype)

    def _decoding(self) -> NumberDecoding:
        return NumberDecoding(self.n_outputs_)

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
        y = plain_targets(y)
        if self._loss_is("squared_error") or self._loss().outputs_per_target == 1:
            return super().score(X, y, sample_weight)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        return self._validation_score(column_or_1d(y), self._outputs(X, self._fitted_decoding()), weights)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        if not np.isfinite(outputs).all():
            return np.nan
        if outputs.shape[1] > 1 and self._loss().outputs_per_target > 1:  # R^2 is of one prediction per target.
            quantiles = np.asarray(self._loss().engine_options)
            errors = np.asarray(y).reshape(-1, 1) - outputs
            losses = np.maximum(quantiles * errors, (quantiles - 1) * errors).sum(axis=1)
            return -float(np.average(losses, weights=sample_weight))
        return r2(y, self._decoding().predictions(outputs), sample_weight)

    @is_available_if(SupervisedNetwork._can_partial_fit)
    @begins_fit
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
        with restored_on_error(self):
            fit = self._partial_fit(X, y, sample_weight)
        return self._told_of_errors(fit)
