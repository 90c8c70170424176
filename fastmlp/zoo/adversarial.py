"""Generative adversarial networks: samples from a generator that a discriminator cannot tell from the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.activations import ACTIVATIONS
from fastmlp.components import Named
from fastmlp.estimators.base import begins_fit, restored_on_error
from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization
from fastmlp.registration import stored_as
from fastmlp.zoo.pairs import (
    ACTIVATION,
    SIZES,
    Outline,
    PairEstimator,
    PairLearner,
    layers_between,
    refuse_outside_unit_interval,
)

# The loss of the engine that has each link.
_LOSSES = {"identity": "squared_error", "logistic": "binary_log_loss"}


class AdversarialLearner(PairLearner):
    """A generator and a discriminator that learn against each other.

    Parameters
    ----------
    passes, X, rows, batch_size, random_state, n_epochs
        As for PairLearner; the networks are "generator" and "discriminator".
    n_components : int
    label_smoothing, instance_noise : float
    discriminator_steps : int
        As for GAN.
    max_iter : int
        The number of epochs that are planned.
    """

    def __init__(
        self,
        passes: dict[str, LearningPass],
        X: Any,
        rows: NDArray,
        *,
        n_components: int,
        label_smoothing: float,
        instance_noise: float,
        discriminator_steps: int,
        max_iter: int,
        **how: Any,
    ) -> None:
        super().__init__(passes, X, rows, **how)
        self._generator_pass, self._discriminator_pass = passes["generator"], passes["discriminator"]
        self._dtype = self._generator_pass.dtype
        self._n_components, self._smoothing = n_components, label_smoothing
        self._discriminator_steps, self._instance_noise = discriminator_steps, instance_noise
        self._max_iter = max_iter

    def _learn_rows(self, order: NDArray, rng: np.random.Generator) -> dict[str, float]:
        """Show the discriminator all rows; loss is the generator's, and both are in nats a sample."""
        totals, n_generated = np.zeros(2), 0
        # The noise falls to nothing in the first half of the fit.
        std = self._instance_noise * max(0.0, 1 - 2 * self._n_epochs / self._max_iter)
        for number, batch in enumerate(self._batches(order)):
            samples = self._samples(batch, self._dtype)
            codes, noise = self._drawn(rng, len(batch), 2, std)
            totals[1] += self.discriminator_step(samples, codes, noise)
            if number % self._discriminator_steps == 0:
                totals[0] += self.generator_step(*self._drawn(rng, len(batch), 1, std))
                n_generated += len(batch)
        return {"loss": totals[0] / n_generated, "discriminator_loss": totals[1] / len(order)}

    def validate(self) -> float:
        """Refuse to judge: no loss of one network says how good the other is."""
        raise NotImplementedError("adversaries have no loss to validate on")

    def _drawn(self, rng: np.random.Generator, n: int, times: int, std: float) -> tuple[NDArray, NDArray | None]:
        """Return n codes, and noise for so many times n rows that the discriminator sees; None for no noise."""
        codes = rng.standard_normal((n, self._n_components), self._dtype)
        if not std:
            return codes, None
        noise = rng.standard_normal((times * n, self._X.shape[1]), self._dtype)
        noise *= self._dtype.type(std)
        return codes, noise

    def discriminator_step(self, samples: NDArray, codes: NDArray, noise: NDArray | None = None) -> float:
        """Have the discriminator learn to tell samples from as many generated ones.

        Returns
        -------
        loss : float
            The sum over pairs of -log D(x) - log(1 - D(G(z))), with smoothed targets for samples.
        """
        n = len(samples)
        generated = self._generator_pass.forward(rows_of(codes, self._dtype), linked=True)
        targets = np.zeros((2 * n, 1), self._dtype)
        targets[:n] = 1 - self._smoothing
        both = np.concatenate([samples, generated])
        if noise is not None:
            both += noise
        losses, _ = self._discriminator_pass.meet(rows_of(both, self._dtype), targets, weight=n)
        return float(losses.sum())

    def generator_step(self, codes: NDArray, noise: NDArray | None = None) -> float:
        """Have the generator learn to be taken for data: to make -log D(G(z)) small, whose slope does not saturate.

        Returns
        -------
        loss : float
            The sum over the codes.
        """
        n = len(codes)
        generated = self._generator_pass.forward(rows_of(codes, self._dtype), linked=True)
        shown = generated if noise is None else generated + noise
        losses, gradients = self._discriminator_pass.meet(
            rows_of(shown, self._dtype), np.ones((n, 1), self._dtype), inputs=True, learns=False
        )
        assert gradients is not None
        self._generator_pass.backward(gradients, weight=n)
        return float(losses.sum())


@stored_as("GAN")
class GAN(PairEstimator):
    """A generative adversarial network: a generator of samples, and a discriminator that it learns to deceive.

    The generator G makes a sample of a code z drawn from the standard normal distribution. The discriminator D gives
    the probability that a sample is one of the data; it learns to make -log D(x) - log(1 - D(G(z))) small, and the
    generator -log D(G(z)). Neither loss falls for long, and none of them says how good the samples are: look at these.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        The units of the generator's hidden layers.
    n_components : int, default=32
        The number of components of a code.
    activation : str, Activation or sequence of them, default="relu"
        The activation of the generator's hidden layers.
    discriminator_hidden_layer_sizes : int or sequence of int, default=(128, 128)
        The units of the discriminator's hidden layers.
    discriminator_activation : str, Activation or sequence of them, default="leaky_relu"
        The activation of the discriminator's hidden layers.
    outputs : {"identity", "logistic"}, default="identity"
        What the generator's last layer gives: any numbers, for features that are centred and scaled alike, or numbers
        from 0 to 1, such as pixels.
    solver : str or Optimizer, default="adam"
        What updates the weights: a name from ``fastmlp.optimizers.OPTIMIZERS``, or an object. Each network has its own
        state.
    learning_rate_init : float, default=0.0005
        The learning rate of a solver by name.
    learning_rate : str or callable, default="constant"
        How it changes, for a solver by name: a name from ``fastmlp.schedules.SCHEDULES``, or a schedule.
    beta_1 : float, default=0.5
        The decay of the mean gradient of "adam" and its like. Two networks that follow each other circle with the
        usual 0.9.
    discriminator_solver : str, Optimizer or None, default=None
        The discriminator's, if it is another one than the generator's; of a name, learning_rate_init counts.
    discriminator_steps : int, default=1
        The steps of the discriminator for each of the generator.
    instance_noise : float, default=0.0
        The standard deviation of the normal noise on all that the discriminator sees, data and generated samples alike,
        in the first epoch; it falls to 0 in the first half of max_iter epochs. Where data lie apart, in modes that the
        generator would lose, noise of about the distance between them lets it find all.
    label_smoothing : float, default=0.1
        How much less than 1 is what the discriminator is to say of data, so that it does not become too sure.
    ema : float or None, default=0.99
        What an average of the generator's weights keeps of itself in each step, so that it is one over some
        1 / (1 - ema) steps; samples are drawn with the average. It begins with the first step's weights, so a fit must
        have many times as many steps. None samples with the last step's weights, which circle around the average.
    batch_size : int, default=128
        The rows of a minibatch; fewer where there are fewer.
    max_iter : int, default=100
        The number of epochs.
    random_state : int, RandomState instance or None, default=None
        The seed of initial weights, of the rows' order and of the codes.
    n_jobs : int or None, default=None
        The number of threads, on which no result depends; None is as many as are worthwhile, -1 all CPUs.
    callbacks : list of Callback, default=None
        What hears of epochs; see :mod:`fastmlp.callbacks`.
    verbose : bool or int, default=False
        True prints a line for each epoch, 1 shows a progress bar.

    Attributes
    ----------
    generator_, discriminator_ : Network
        The fitted networks, whose params are generator_params_ and discriminator_params_.
    generator_params_, discriminator_params_ : ndarray
        The networks' parameters; the generator's are the averages with ema.
    history_ : dict of str to list of float
        For each epoch the loss of the generator, discriminator_loss, the learning rate and the seconds. A discriminator
        that cannot tell data from samples has a loss of 2 log 2 = 1.386 without smoothing.
    loss_, n_iter_, n_features_in_, feature_names_in_
        The last loss, the number of epochs, and the number and the names of the features.

    See Also
    --------
    VariationalAutoencoder : Codes and likelihoods beside samples, and a loss that says how good they are.

    References
    ----------
    Goodfellow et al., "Generative adversarial nets", 2014. Salimans et al., "Improved techniques for training GANs",
    2016, for label_smoothing. Sønderby et al., "Amortised MAP inference for image super-resolution", 2017, for
    instance_noise. Yazici et al., "The unusual effectiveness of averaging in GAN training", 2019, for ema.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import GAN
    >>> X = np.random.default_rng(0).standard_normal((1000, 2)).astype("float32") * [1, 0.3] + [2, -1]
    >>> gan = GAN((32,), 4, discriminator_hidden_layer_sizes=(32,), max_iter=60, random_state=0).fit(X)
    >>> S = gan.sample(1000, random_state=0)
    >>> bool(np.abs(S.mean(axis=0) - X.mean(axis=0)).max() < 0.3)
    True
    """

    discriminator_activation = Named(ACTIVATIONS)

    _PARTS = ("generator", "discriminator")
    _SIZED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "generator": ("hidden_layer_sizes", "n_components"),
        "discriminator": ("discriminator_hidden_layer_sizes",),
    }

    generator_params_: NDArray
    discriminator_params_: NDArray

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: constraint
            for name, constraint in PairEstimator._parameter_constraints.items()
            if name not in ("early_stopping", "validation_fraction", "n_iter_no_change", "tol")
        },
        "hidden_layer_sizes": SIZES,
        "activation": ACTIVATION,
        "discriminator_hidden_layer_sizes": SIZES,
        "discriminator_activation": ACTIVATION,
        "outputs": [StrOptions(set(_LOSSES))],
        "discriminator_solver": [*PairEstimator._parameter_constraints["solver"], None],
        "discriminator_steps": [Interval(Integral, 1, None, closed="left")],
        "instance_noise": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 0.5, closed="left")],
        "ema": [Interval(Real, 0, 1, closed="neither"), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (128, 128),
        n_components: int = 32,
        activation: Any = "relu",
        *,
        discriminator_hidden_layer_sizes: Any = (128, 128),
        discriminator_activation: Any = "leaky_relu",
        outputs: str = "identity",
        solver: Any = "adam",
        learning_rate_init: float = 0.0005,
        learning_rate: Any = "constant",
        beta_1: float = 0.5,
        discriminator_solver: Any = None,
        discriminator_steps: int = 1,
        instance_noise: float = 0.0,
        label_smoothing: float = 0.1,
        ema: float | None = 0.99,
        batch_size: int = 128,
        max_iter: int = 100,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: Any = False,
    ) -> None:
        self._set_parameters(locals())

    # ---- fits --------------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn a generator and a discriminator of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32; all else is computed in float64.
        y : None
            It is not used.

        Returns
        -------
        self : GAN

        Raises
        ------
        ValueError
            For parameters that cannot be, and, with outputs="logistic", for values outside of 0 to 1.
        """
        self._announce_epochs()
        with restored_on_error(self):
            fit = self._fit(X)
        return self._told_of_errors(fit)

    def _outline(self, part: str, n_features: int) -> Outline:
        if part == "generator":
            sizes = layers_between(self.n_components, self.hidden_layer_sizes, n_features)
            return Outline(sizes, self.activation, _LOSSES[self.outputs])
        sizes = layers_between(n_features, self.discriminator_hidden_layer_sizes, 1)
        return Outline(sizes, self.discriminator_activation, "binary_log_loss")

    def _check_samples(self, X: Any) -> None:
        if self.outputs == "logistic":
            refuse_outside_unit_interval(
                X, "outputs='logistic'", "Scale them, as MinMaxScaler does, or take outputs='identity'."
            )

    def _solver_of(self, part: str) -> Any:
        if part == "discriminator" and self.discriminator_solver is not None:
            return self.discriminator_solver
        return self.solver

    def _regularization(self, part: str) -> Regularization:
        return Regularization(average_decay=(self.ema or 0.0) if part == "generator" else 0.0)

    def _rows_of_pass(self, part: str, batch_size: int) -> int:
        # The discriminator sees data and generated samples at once.
        return batch_size if part == "generator" else 2 * batch_size

    def _learner(
        self, passes: dict[str, LearningPass], X: Any, rows: NDArray, held_out: NDArray, **how: Any
    ) -> AdversarialLearner:
        return AdversarialLearner(
            passes,
            X,
            rows,
            n_components=self.n_components,
            label_smoothing=float(self.label_smoothing),
            instance_noise=float(self.instance_noise),
            discriminator_steps=int(self.discriminator_steps),
            max_iter=self.max_iter,
            **how,
        )

    # ---- samples -----------------------------------------------------------------------------------------------------

    @property
    def generator_(self) -> Network:
        """The fitted generator."""
        check_is_fitted(self, "generator_params_")
        return self._network("generator")

    @property
    def discriminator_(self) -> Network:
        """The fitted discriminator."""
        check_is_fitted(self, "discriminator_params_")
        return self._network("discriminator")

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> NDArray:
        """Draw samples: codes from the standard normal distribution, and what the generator makes of them.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None is the estimator's random_state.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        return self.inverse_transform(self._normal_codes(n_samples, self.n_components, random_state))

    def inverse_transform(self, codes: ArrayLike) -> NDArray:
        """Return what the generator makes of codes, such as those on a line between two of them.

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
        return self._outputs("generator", self._checked_codes(codes, self.n_components, "inverse_transform"))

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the discriminator's logits: the logarithms of the odds that samples are data, and not generated.

        Were the discriminator the best there can be, and without label_smoothing, they would be the logarithms of the
        densities of the data over those of the generator. Towards the end of training they tell little: the generator
        has learned to make them alike.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        logits : ndarray of shape (n_samples,)
        """
        return self._outputs("discriminator", self._checked_samples(X), linked=False).ravel()
