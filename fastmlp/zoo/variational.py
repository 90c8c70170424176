"""Variational autoencoders: codes as distributions, and samples from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, pi
from numbers import Integral, Real
from typing import Any, ClassVar, Self
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.special import logsumexp
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.estimators.base import begins_fit, restored_on_error
from fastmlp.exceptions import CollapsedCodeWarning, warn_user
from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.inputs.rows import dense_rows, rows_of
from fastmlp.network import Network
from fastmlp.registration import stored_as
from fastmlp.soundness import is_number, require
from fastmlp.threads import team_size
from fastmlp.zoo.pairs import (
    ACTIVATION,
    SIZES,
    Outline,
    PairEstimator,
    PairLearner,
    layers_between,
    refuse_outside_unit_interval,
)

# Codes whose divergence is less say nothing, in nats.
_LEAST_DIVERGENCE = 0.01
# The loss of the engine whose link and deltas are those of each decoder.
_LOSSES = {"bernoulli": "binary_log_loss", "normal": "squared_error"}
# Rows and codes of each that go through the decoder together when their likelihood is estimated.
_ROWS_TOGETHER, _CODES_TOGETHER = 16, 64
# A normal decoder is at least so exact, as a share of the spread of the samples: exact copies have no likelihood.
_LEAST_NOISE = 1e-4


class VariationalLearner(PairLearner):
    """An encoder and a decoder that make the negative evidence lower bound small.

    Parameters
    ----------
    passes, X, rows, batch_size, random_state, n_epochs
        As for PairLearner; the networks are "encoder" and "decoder".
    held_out : ndarray of int64
        The numbers of the samples to validate on.
    n_components : int
    noise_std : float or None
        The standard deviation of a normal decoder; None for a Bernoulli decoder.
    follows : bool
        Whether the standard deviation becomes that of the errors after each epoch.
    least_noise : float
        Its least value.
    beta, warm_up
        As for VariationalAutoencoder.
    dtype : dtype
        The type of the networks.
    """

    def __init__(
        self,
        passes: dict[str, LearningPass],
        X: Any,
        rows: NDArray,
        *,
        held_out: NDArray,
        n_components: int,
        noise_std: float | None,
        follows: bool,
        least_noise: float,
        beta: float,
        warm_up: int,
        dtype: np.dtype,
        **how: Any,
    ) -> None:
        super().__init__(passes, X, rows, **how)
        self._encoder, self._decoder = passes["encoder"], passes["decoder"]
        self._inputs, self._held_out, self._dtype = rows_of(X, dtype), held_out, dtype
        self._n_components, self._beta, self._warm_up = n_components, beta, warm_up
        self.noise_std, self._follows, self._least_noise = noise_std, follows, least_noise
        self._seed_of_validation = self._random_state.randint(1 << 32, dtype=np.uint64) if len(held_out) else 0

    def _learn_rows(self, order: NDArray, rng: np.random.Generator) -> dict[str, float]:
        """Return the loss in nats a row, the weighted divergence of the codes included, and its two terms."""
        weight = self._beta * min(1.0, (self._n_epochs + 1) / (self._warm_up + 1))
        error, divergence, square = self._sums(order, rng, weight, learns=True)
        if self._follows:
            std = np.sqrt(square / (len(order) * self._X.shape[1]))
            self.noise_std = float(max(std, self._least_noise))
        error, divergence = error / len(order), divergence / len(order)
        return {"loss": error + weight * divergence, "reconstruction_loss": error, "divergence": divergence}

    def validate(self) -> float:
        """Return the loss of the rows held out, with the same codes' noise after each epoch."""
        rng = np.random.default_rng(self._seed_of_validation)
        error, divergence, _ = self._sums(self._held_out, rng, self._beta, learns=False)
        return (error + self._beta * divergence) / len(self._held_out)

    def _sums(
        self, order: NDArray, rng: np.random.Generator, weight: float, *, learns: bool
    ) -> tuple[float, float, float]:
        """Return the sums over rows of the negative log-likelihood, of the divergence and of the squared error."""
        totals = np.zeros(3)
        for batch in self._batches(order):
            noise = rng.standard_normal((len(batch), self._n_components), self._dtype)
            totals += self.step(batch, noise, weight, learns=learns)
        return float(totals[0]), float(totals[1]), float(totals[2])

    def step(self, batch: NDArray, noise: NDArray, weight: float, *, learns: bool = True) -> tuple[float, float, float]:
        """Take the rows of a batch through both networks, and have these learn.

        Parameters
        ----------
        batch : ndarray of int64 of shape (n_rows,)
        noise : ndarray of shape (n_rows, n_components)
            What codes differ from their means by, in standard deviations.
        weight : float
            The weight of the divergence.
        learns : bool, default=True

        Returns
        -------
        error, divergence, square : float
            Sums over the rows: the negative log-likelihood of the samples given codes, the divergence of the codes from
            the standard normal distribution, and, for a normal decoder, the squared error.
        """
        k, n = self._n_components, len(batch)
        samples = self._samples(batch, self._dtype)
        distribution = self._encoder.forward(self._inputs, batch)
        means, log_variances = distribution[:, :k], distribution[:, k:]
        stds = np.exp(0.5 * log_variances)
        weights = None if self.noise_std is None else np.full(n, self.noise_std**-2)
        losses, gradients = self._decoder.meet(
            rows_of(means + stds * noise, self._dtype), samples, weights, inputs=learns, learns=learns, weight=n
        )
        variances = stds * stds
        divergence = 0.5 * float((means * means + variances - log_variances - 1).sum(dtype=np.float64))
        if gradients is not None:
            # In place of the outputs: the gradients of the rows' losses by means and by logarithms of variances.
            distribution[:, k:] = gradients * noise * stds * 0.5 + (0.5 * weight) * (variances - 1)
            distribution[:, :k] = gradients + weight * means
            self._encoder.backward(distribution, weight=n)
        error, square = float(losses.sum()), 0.0
        if self.noise_std is not None:
            # The engine's squared error is half the mean over outputs.
            error *= samples.shape[1]
            square = 2 * error * self.noise_std**2
            error += n * samples.shape[1] * _log_normalizer(self.noise_std)
        return error, divergence, square

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of the parameters, and of the decoder's standard deviation."""
        noise = {} if self.noise_std is None else {"noise_std": np.array([self.noise_std])}
        return {**super().arrays(), **noise}

    def restore(self, arrays: Any) -> None:
        """Go back to what :meth:`arrays` returned."""
        super().restore(arrays)
        if self.noise_std is not None:
            self.noise_std = float(arrays["noise_std"][0])

    def keep(self, estimator: Any) -> None:
        """Set the estimator's networks, and its decoder's standard deviation."""
        super().keep(estimator)
        if self.noise_std is not None:
            estimator.noise_std_ = self.noise_std


def _log_normalizer(std: float) -> float:
    """Return the logarithm of what a normal density is divided by."""
    return 0.5 * log(2 * pi * std**2)


def _spread(X: Any) -> float:
    """Return the root of the mean variance of the features."""
    means, squares, n_rows = np.asarray(X.mean(axis=0, dtype=np.float64)), 0.0, 8192
    for start in range(0, X.shape[0], n_rows):  # so that no copy of X is made
        part = X[start : start + n_rows]
        squares += float(np.square(part.data if issparse(part) else part, dtype=np.float64).sum())
    return float(np.sqrt(max(0.0, squares / X.shape[0] - (means**2).sum()) / X.shape[1]))


@stored_as("VariationalAutoencoder")
class VariationalAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, PairEstimator):
    """An autoencoder whose codes are distributions, so that samples can be drawn and likelihoods estimated.

    An encoder gives each row x a normal distribution of codes, q(z|x) = N(mean(x), diag(std(x)^2)); a decoder gives
    each code a distribution of rows, p(x|z). Both learn together to make the evidence lower bound large,

        log p(x) >= E[log p(x|z)] - beta KL(q(z|x) || N(0, 1)),    z = mean(x) + std(x) * noise,

    of which a minibatch takes one draw of z for each row. Gradients go from the decoder through the draw into the
    encoder.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(200, 200)
        The units of the encoder's hidden layers; the decoder has the same in the opposite order.
    n_components : int, default=50
        The number of components of a code.
    activation : str, Activation or sequence of them, default="tanh"
        The activation of the hidden layers.
    decoder : {"normal", "bernoulli"}, default="normal"
        What the rows are given a code: numbers with normal noise, or values from 0 to 1 (pixels, say) that are
        probabilities of ones.
    noise_std : float or "auto", default="auto"
        The standard deviation of a normal decoder, the same for all features, which must be scaled alike therefore.
        "auto" takes the most likely one: that of the training rows' errors, anew after each epoch.
    beta : float, default=1.0
        The weight of the divergence. Above 1 codes become simpler, and reconstructions worse; the bound is one of
        log p(x) for 1 alone.
    warm_up : int, default=0
        The number of epochs in which the weight of the divergence rises to beta, so that components are not given up
        before the decoder can use them.
    solver : str or Optimizer, default="adam"
        What updates the weights: a name from ``fastmlp.optimizers.OPTIMIZERS``, or an object. Each network has its own
        state.
    learning_rate_init : float, default=0.001
        The learning rate of a solver by name.
    learning_rate : str or callable, default="constant"
        How it changes, for a solver by name: a name from ``fastmlp.schedules.SCHEDULES``, or a schedule.
    batch_size : int, default=100
        The rows of a minibatch; fewer where there are fewer.
    max_iter : int, default=100
        The number of epochs.
    early_stopping : bool, default=False
        Whether rows are held out, and the fit ends when their bound gets no better; the best epoch's networks are kept.
    validation_fraction : float, default=0.1
        The share of the rows that early_stopping holds out.
    n_iter_no_change : int, default=10
        The epochs without an improvement after which early_stopping ends the fit.
    tol : float, default=1e-4
        What counts as an improvement, in nats a row.
    random_state : int, RandomState instance or None, default=None
        The seed of initial weights, of the rows' order and of the codes' noise.
    n_jobs : int or None, default=None
        The number of threads, on which no result depends; None is as many as are worthwhile, -1 all CPUs.
    callbacks : list of Callback, default=None
        What hears of epochs; see :mod:`fastmlp.callbacks`.
    verbose : bool or int, default=False
        True prints a line for each epoch, 1 shows a progress bar.

    Attributes
    ----------
    encoder_, decoder_ : Network
        The fitted networks, whose params are encoder_params_ and decoder_params_. The encoder's outputs are the means
        and the logarithms of the variances of the codes.
    encoder_params_, decoder_params_ : ndarray
        The networks' parameters.
    noise_std_ : float
        The standard deviation of a normal decoder.
    history_ : dict of str to list of float
        For each epoch the loss (the negative bound in nats a row, with the weight that the divergence had), its two
        terms reconstruction_loss and divergence, validation_loss, the learning rate and the seconds.
    loss_, n_iter_, n_features_in_, feature_names_in_
        The last loss, the number of epochs, and the number and the names of the features.

    See Also
    --------
    GAN : Samples without codes or likelihoods.

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", 2014. Burda, Grosse and Salakhutdinov, "Importance weighted
    autoencoders", 2016, for score_samples. Higgins et al., "beta-VAE", 2017. Rybkin, Daniilidis and Levine, "Simple and
    effective VAE training with calibrated decoders", 2021, for noise_std="auto".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.zoo import VariationalAutoencoder
    >>> X = load_digits().data.astype("float32") / 16
    >>> vae = VariationalAutoencoder((64,), 8, decoder="bernoulli", max_iter=30, random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(5, random_state=0).shape
    ((1797, 8), (5, 64))
    >>> bool(vae.score(X) > -26)  # nats; they are -27.1 where pixels are taken for independent
    True
    """

    _PARTS = ("encoder", "decoder")
    _SIZED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(_PARTS, ("hidden_layer_sizes", "n_components"))

    encoder_params_: NDArray
    decoder_params_: NDArray
    noise_std_: float

    _parameter_constraints: ClassVar[dict] = {
        **PairEstimator._parameter_constraints,
        "hidden_layer_sizes": SIZES,
        "activation": ACTIVATION,
        "decoder": [StrOptions(set(_LOSSES))],
        "noise_std": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (200, 200),
        n_components: int = 50,
        activation: Any = "tanh",
        *,
        decoder: str = "normal",
        noise_std: float | str = "auto",
        beta: float = 1.0,
        warm_up: int = 0,
        solver: Any = "adam",
        learning_rate_init: float = 0.001,
        learning_rate: Any = "constant",
        batch_size: int = 100,
        max_iter: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: Any = False,
    ) -> None:
        self._set_parameters(locals())

    # ---- fits --------------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn an encoder and a decoder of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32; all else is computed in float64.
        y : None
            It is not used.

        Returns
        -------
        self : VariationalAutoencoder

        Raises
        ------
        ValueError
            For parameters that cannot be, and, with decoder="bernoulli", for values outside of 0 to 1.
        """
        self._announce_epochs()
        with restored_on_error(self):
            fit = self._fit(X)
        if fit.history["divergence"][-1] < _LEAST_DIVERGENCE:
            warn_user(
                f"The divergence of the codes is {fit.history['divergence'][-1]:.1g} nats: they say nothing of the"
                " samples, which the decoder makes alike. warm_up=20, a smaller noise_std, activation='tanh' or"
                " features that are scaled may help.",
                CollapsedCodeWarning,
            )
        return self._told_of_errors(fit)

    def _outline(self, part: str, n_features: int) -> Outline:
        if part == "encoder":
            sizes = layers_between(n_features, self.hidden_layer_sizes, 2 * self.n_components)
            return Outline(sizes, self.activation, "squared_error")
        sizes = layers_between(n_features, self.hidden_layer_sizes, self.n_components)[::-1]
        activation = self.activation[::-1] if isinstance(self.activation, list | tuple) else self.activation
        return Outline(sizes, activation, _LOSSES[self.decoder])

    def _check_fitted(self) -> None:
        super()._check_fitted()
        if ("noise_std_" in vars(self)) != (self.decoder == "normal"):
            raise ValueError(f"decoder={self.decoder!r} was set after a fit with another decoder; fit again.")

    def _check_samples(self, X: Any) -> None:
        if self.decoder == "bernoulli":
            refuse_outside_unit_interval(
                X, "decoder='bernoulli'", "Scale them, as MinMaxScaler does, or take decoder='normal'."
            )

    def _begin(self, networks: dict[str, Network], X: Any) -> None:
        """Begin with the means of the features as what the decoder makes of any code."""
        means = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
        if self.decoder == "bernoulli":
            means = np.clip(means, 1 / (len(means) + X.shape[0]), 1 - 1 / (len(means) + X.shape[0]))
            means = np.log(means / (1 - means))
        networks["decoder"].intercepts[-1][:] = means
        super()._begin(networks, X)
        self.__dict__.pop("noise_std_", None)

    def _learner(
        self, passes: dict[str, LearningPass], X: Any, rows: NDArray, held_out: NDArray, **how: Any
    ) -> VariationalLearner:
        noise_std, spread = None, 1.0
        if self.decoder == "normal":
            spread = _spread(X) or 1.0
            noise_std = getattr(self, "noise_std_", spread)
            if self.noise_std != "auto":
                noise_std = float(self.noise_std)
        return VariationalLearner(
            passes,
            X,
            rows,
            held_out=held_out,
            n_components=self.n_components,
            noise_std=noise_std,
            follows=noise_std is not None and self.noise_std == "auto",
            least_noise=_LEAST_NOISE * spread,
            beta=float(self.beta),
            warm_up=int(self.warm_up),
            dtype=passes["encoder"].dtype,
            **how,
        )

    # ---- codes -------------------------------------------------------------------------------------------------------

    @property
    def encoder_(self) -> Network:
        """The fitted encoder."""
        check_is_fitted(self, "encoder_params_")
        return self._network("encoder")

    @property
    def decoder_(self) -> Network:
        """The fitted decoder."""
        check_is_fitted(self, "decoder_params_")
        return self._network("decoder")

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def transform(self, X: ArrayLike) -> NDArray:
        """Return the means of the codes of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
        """
        return self.code_distributions(X)[0]

    def code_distributions(self, X: ArrayLike) -> tuple[NDArray, NDArray]:
        """Return the means and the standard deviations of the normal distributions of samples' codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        means, stds : ndarray of shape (n_samples, n_components)
        """
        return self._distributions(self._checked_samples(X))

    def _distributions(self, X: Any) -> tuple[NDArray, NDArray]:
        """Return what code_distributions does, of checked samples."""
        means, log_variances = np.split(self._outputs("encoder", X), 2, axis=1)
        return np.ascontiguousarray(means), np.exp(0.5 * log_variances)

    def inverse_transform(self, codes: ArrayLike) -> NDArray:
        """Return what the decoder makes of codes: means of features, or probabilities of ones.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            For codes of another width.
        """
        return self._outputs("decoder", self._checked_codes(codes, self.n_components, "inverse_transform"))

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Return what the decoder makes of the means of samples' codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        return self.inverse_transform(self.transform(X))

    def sample(self, n_samples: int = 1, *, noise: bool = False, random_state: Any = None) -> NDArray:
        """Draw samples: codes from the standard normal distribution, and what the decoder makes of them.

        Parameters
        ----------
        n_samples : int, default=1
        noise : bool, default=False
            Whether each feature is drawn from its distribution, too: ones and zeros, or numbers with normal noise.
            Pictures look better without.
        random_state : int, RandomState instance or None, default=None
            None is the estimator's random_state.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        rng = self._random(random_state)
        X = self.inverse_transform(self._normal_codes(n_samples, self.n_components, rng))
        if not noise:
            return X
        if self.decoder == "bernoulli":
            return (rng.random_sample(X.shape) < X).astype(X.dtype)
        return X + (self.noise_std_ * rng.standard_normal(X.shape)).astype(X.dtype)

    # ---- likelihoods -------------------------------------------------------------------------------------------------

    def score_samples(self, X: ArrayLike, *, n_samples: int = 100, random_state: Any = 0) -> NDArray:
        """Estimate the logarithm of each sample's density or probability by importance sampling.

        The estimate is the logarithm of the mean of p(x|z) p(z) / q(z|x) over draws z of q(z|x). Its expectation is a
        lower bound of log p(x), which comes closer with more draws; with one draw it is the evidence lower bound. The
        draws for a sample depend on its values and on random_state, and not on which others are asked for.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        n_samples : int, default=100
            The number of draws for each sample. Papers take 5000.
        random_state : int, RandomState instance or None, default=0
            The seed of the draws.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_samples,)
            In nats.
        """
        whole_number(n_samples, "n_samples")
        samples = self._checked_samples(X)
        self._check_samples(samples)
        means, stds = self._distributions(samples)
        seed = int(check_random_state(random_state).randint(1 << 31))
        likelihood = _Likelihood(self, means.dtype)
        found = np.empty(len(means))
        for start in range(0, len(found), _ROWS_TOGETHER):
            block = slice(start, start + _ROWS_TOGETHER)
            rows = dense_rows(samples[block], means.dtype)
            found[block] = likelihood(rows, means[block], stds[block], n_samples, seed)
        return found

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the mean of :meth:`score_samples`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            It is not used.

        Returns
        -------
        log_likelihood : float
            In nats a sample.
        """
        return float(self.score_samples(X).mean())

    def check_state(self) -> None:
        """Refuse attributes that no fit leaves; one from a file may have any.

        Raises
        ------
        ValueError
            It names the attribute.
        """
        super().check_state()
        attributes = vars(self)
        if "encoder_params_" in attributes:
            std = attributes.get("noise_std_")
            is_std = is_number(std) and 0 < std < np.inf  # type: ignore[operator]
            require(is_std if self.decoder == "normal" else std is None, "noise_std_ does not fit decoder", std)


class _Likelihood:
    """Estimates of log p of a few rows at a time, by a fitted autoencoder's decoder in the engine."""

    def __init__(self, model: VariationalAutoencoder, dtype: np.dtype) -> None:
        network = model.decoder_
        self._most = _ROWS_TOGETHER * _CODES_TOGETHER
        n_threads = team_size(model.n_jobs, 2.0 * network.params.size * self._most)
        self._decoder = network.kept_pass(max_rows=self._most, n_threads=n_threads)
        self._dtype = dtype
        self._noise_std = None if model.decoder == "bernoulli" else model.noise_std_

    def __call__(self, samples: NDArray, means: NDArray, stds: NDArray, n_draws: int, seed: int) -> NDArray:
        """Return the estimates for samples whose codes have these means and standard deviations."""
        (n, k), n_features = means.shape, samples.shape[1]
        together = min(n_draws, self._most // n)
        generators = [np.random.default_rng([seed, crc32(sample.tobytes())]) for sample in samples]
        targets = np.repeat(samples, together, axis=0)
        log_stds = np.log(stds, dtype=np.float64).sum(axis=1, keepdims=True)
        log_weights = np.empty((n, n_draws))
        for start in range(0, n_draws, together):
            n_drawn = min(together, n_draws - start)
            noise = np.stack([rng.standard_normal((n_drawn, k), self._dtype) for rng in generators])
            codes = means[:, None] + stds[:, None] * noise
            if n_drawn < together:
                targets = np.repeat(samples, n_drawn, axis=0)
            losses = self._decoder.meet(rows_of(codes.reshape(-1, k), self._dtype), targets).reshape(n, n_drawn)
            if self._noise_std is not None:
                losses = n_features * (losses / self._noise_std**2 + _log_normalizer(self._noise_std))
            # log p(z) - log q(z|x), whose normalizers cancel.
            priors = 0.5 * (np.square(noise, dtype=np.float64) - np.square(codes, dtype=np.float64)).sum(axis=2)
            log_weights[:, start : start + n_drawn] = priors + log_stds - losses
        return logsumexp(log_weights, axis=1) - log(n_draws)
