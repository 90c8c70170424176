"""The restricted Boltzmann machine: a density of bits, or of numbers, by hidden bits that are joined to each."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp import engine
from fastmlp.components import whole_number
from fastmlp.estimators.base import begins_fit, restored_on_error
from fastmlp.estimators.network_estimator import single_or_double
from fastmlp.exceptions import PartitionWarning, warn_user
from fastmlp.inputs.rows import rows_of
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, is_number, require, require_jobs
from fastmlp.threads import team_size
from fastmlp.zoo.contrastive import ContrastiveLearner, Glimpse
from fastmlp.zoo.learning import MOST_COUNTED, EpochEstimator, memory_for
from fastmlp.zoo.partition import annealed, enumerated, independent_units, parameters_of

# Between two calls of the engine, in which Ctrl-C is not seen, lie at most so many floating-point operations.
_FLOPS_TOGETHER = 2e9
# The learning rates to begin with; that of numbers is a tenth.
_RATES = {"cd": 0.05, "pcd": 0.01}
# The standard error of log Z, in nats, from which on it is called uncertain.
_UNCERTAIN = 0.5


@stored_as("RestrictedBoltzmannMachine")
class RestrictedBoltzmannMachine(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EpochEstimator):
    """Restricted Boltzmann machine, trained by contrastive divergence.

    It says of bits v that their probability is exp(-F(v)) / Z, with the free energy F(v) = -c v - sum_j log(1 + exp(b_j
    + (W v)_j)): W are the weights between visible and hidden units, b and c the biases of hidden and visible ones. Z is
    the sum of exp(-F) over all v. With ``visible='normal'`` the visible units are numbers, of variance 1 given the
    hidden ones, and F(v) = ||v - c||^2 / 2 - sum_j log(1 + exp(b_j + (W v)_j)).

    Parameters
    ----------
    n_components : int, default=256
        The number of hidden units.
    visible : {'bernoulli', 'normal'}, default='bernoulli'
        What features are. Bits are 0 or 1; values between them are taken for probabilities. Numbers should be scaled to
        mean 0 and variance 1.
    learning : {'cd', 'pcd'}, default='cd'
        Where the chains begin that draw from the machine: at each batch's rows (contrastive divergence [1]_), or where
        those of the last batch ended, batch_size of them (persistent [2]_).
    n_gibbs : int, default=1
        Steps of the chains for each batch. More of them make the gradient truer, and a machine of a higher likelihood.
    learning_rate_init : float, default=None
        The factor of the mean gradient. None is 0.05, with learning='pcd' 0.01; for numbers a tenth. Updates should be
        about a thousandth of the weights [3]_.
    learning_rate : {'constant', 'linear'}, default='constant'
        Whether the rate stays, or falls in equal steps, from epoch to epoch, so that it would be 0 after max_iter. Late
        small steps give persistent chains the time to draw from the machine as it is.
    batch_size : int, default=32
        Rows of a minibatch.
    momentum : float in [0, 1), default=0.9
        What a step keeps of the last one.
    early_momentum : float in [0, 1), default=0.5
        The same in the first epochs.
    n_early_epochs : int, default=5
        How many these are.
    weight_decay : float, default=0.0001
        The weights, times this, are taken from the gradient of the log-likelihood; biases are not.
    sparsity_target : float in (0, 1), default=None
        How often hidden units shall be on. None: as often as it comes.
    sparsity_cost : float, default=0.01
        What is taken from the slope of a hidden unit's bias where it is on always and not never; its weights go along.
    max_iter : int, default=10
        The largest number of epochs.
    early_stopping : bool, default=False
        Whether to hold rows out, stop when their loss gets no better, and end with the epoch that was best.
    validation_fraction : float in [0, 1), default=0.1
        The share of the rows that is held out.
    n_iter_no_change : int or np.inf, default=5
        The epochs without improvement after which early_stopping ends the fit.
    tol : float, default=0.0
        What is no improvement.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, of the order of the rows and of all that is drawn.
    n_jobs : int, default=None
        Threads. None is as many as there are CPUs, fewer where there is little to share. Results do not depend on it.
    callbacks : list of fastmlp.callbacks.Callback, default=None
    verbose : bool or int, default=False
        True prints a line for each epoch, 1 shows a progress bar.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The weights.
    intercept_hidden_ : ndarray of shape (n_components,)
    intercept_visible_ : ndarray of shape (n_features,)
    base_biases_ : ndarray of shape (n_features,)
        The visible biases that training began with, which give each feature its mean.
    history_ : dict of str to list of float
        Of each epoch: "loss", the mean over rows of the negative pseudo-log-likelihood, in nats, or with
        visible='normal' of the squared error of a reconstruction, each on at most 1000 rows of training; with
        early_stopping "validation_loss", the same on rows held out, and "free_energy_gap", the mean free energy of
        rows held out, less that of rows of training. It grows where the machine overfits [3]_.
    loss_ : float
    n_iter_ : int
        The number of epochs.
    t_ : int
        The number of updates.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Notes
    -----
    Weights begin as normal numbers with a standard deviation of 0.01, hidden biases at 0 (with a sparsity target p, at
    log(p / (1 - p))), and visible biases so that each feature has its mean.

    References
    ----------
    .. [1] Hinton (2002). Training products of experts by minimizing contrastive divergence.
    .. [2] Tieleman (2008). Training restricted Boltzmann machines using approximations to the likelihood gradient.
    .. [3] Hinton (2012). A practical guide to training restricted Boltzmann machines.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.zoo import RestrictedBoltzmannMachine
    >>> X = load_digits().data > 7
    >>> rbm = RestrictedBoltzmannMachine(16, learning="pcd", max_iter=40, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (1797, 16)
    >>> bool(rbm.score_samples(X).mean() > -25)  # 64 fair coins: 64 log(1/2) = -44.4
    True
    """

    components_: NDArray
    intercept_hidden_: NDArray
    intercept_visible_: NDArray
    base_biases_: NDArray
    t_: int
    _visible: str
    _random_state: np.random.RandomState
    _going_on: dict[str, Any]
    _log_partition: float

    _parameter_constraints: ClassVar[dict] = {
        **EpochEstimator._parameter_constraints,
        "n_components": [Interval(Integral, 1, MOST_COUNTED, closed="both")],
        "visible": [StrOptions({"bernoulli", "normal"})],
        "learning": [StrOptions({"cd", "pcd"})],
        "n_gibbs": [Interval(Integral, 1, MOST_COUNTED, closed="both")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"), None],
        "learning_rate": [StrOptions({"constant", "linear"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "early_momentum": [Interval(Real, 0, 1, closed="left")],
        "n_early_epochs": [Interval(Integral, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "sparsity_target": [Interval(Real, 0, 1, closed="neither"), None],
        "sparsity_cost": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        visible: str = "bernoulli",
        learning: str = "cd",
        n_gibbs: int = 1,
        learning_rate_init: float | None = None,
        learning_rate: str = "constant",
        batch_size: int = 32,
        momentum: float = 0.9,
        early_momentum: float = 0.5,
        n_early_epochs: int = 5,
        weight_decay: float = 0.0001,
        sparsity_target: float | None = None,
        sparsity_cost: float = 0.01,
        max_iter: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 5,
        tol: float = 0.0,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        callbacks: list | None = None,
        verbose: bool | int = False,
    ) -> None:
        self._set_parameters(locals())

    # ---- fitting -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the machine to the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, from 0 to 1 unless visible='normal'. Those of any real type are read in place; of float32 the
            machine is of float32, of all others of float64.
        y : None
            It is not looked at.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            On input that cannot be used, and when training comes to numbers that are not finite. The estimator then is
            as it was before the call.
        """
        self._announce_epochs()
        with restored_on_error(self):
            rows = self._validated_visible(X, reset=True)
            random_state = check_random_state(self.random_state)
            learned, held_out = self._divided(rows.shape[0], random_state)
            for name in ("_going_on", "_random_state"):
                self.__dict__.pop(name, None)
            learner = self._learner(rows, learned, held_out, random_state, is_first=True)
            fit = self._learn(
                learner,
                X,
                rows,
                n_samples=len(learned),
                batch_size=learner.batch_size,
                holds_out=len(held_out) > 0,
            )
        return self._told_of_errors(fit)

    @begins_fit
    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Go through the samples once, starting from what was learned so far.

        Momentum, persistent chains and the number of epochs go on from call to call; after fit they begin anew.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            It is not looked at.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As fit; and when n_components or visible has been changed since.
        """
        with restored_on_error(self):
            self._validate_params()  # The decorator of scikit-learn does so in the first call only.
            is_first = not hasattr(self, "components_")
            if not is_first:
                self._check_is_fitted()
            rows = self._validated_visible(X, reset=is_first)
            random_state = self.__dict__.get("_random_state") or check_random_state(self.random_state)
            self._random_state, all_ = random_state, np.arange(rows.shape[0])
            learner = self._learner(rows, all_, all_[:0], random_state, is_first=is_first)
            fit = self._learn(learner, X, rows, n_samples=len(all_), batch_size=learner.batch_size, is_incremental=True)
            self._going_on = learner.continuation()
        return self._told_of_errors(fit)

    def _learner(
        self,
        X: Any,
        learned: NDArray,
        held_out: NDArray,
        random_state: np.random.RandomState,
        *,
        is_first: bool,
    ) -> ContrastiveLearner:
        """Return what learns from samples: from the beginning, or from where partial_fit ended."""
        # The constraints of parameters take truth values for integers.
        for name in ("n_components", "n_gibbs", "batch_size"):
            whole_number(getattr(self, name), name)
        sizes = {"n_components": self.n_components}
        if self.learning == "pcd":
            sizes["batch_size"] = self.batch_size
            if self.batch_size > MOST_COUNTED:
                raise ValueError(f"batch_size={self.batch_size} is the number of chains of learning='pcd'; at most"
                                 f" {MOST_COUNTED} are possible.")  # fmt: skip
        with memory_for(**sizes):
            params = self._first_parameters(X, learned, random_state) if is_first else self._params()
            before = self.__dict__.get("_going_on")
            return ContrastiveLearner(self, params, X, learned, held_out, random_state, before)

    def _rate(self) -> float:
        """Return the learning rate to begin with."""
        if self.learning_rate_init is not None:
            return float(self.learning_rate_init)
        return _RATES[self.learning] / (10 if self.visible == "normal" else 1)

    def _first_parameters(self, X: Any, learned: NDArray, random_state: np.random.RandomState) -> NDArray:
        """Return the parameters that training begins with, as the engine takes them; and set base_biases_."""
        dtype = single_or_double(X.dtype)
        rows = X if len(learned) == X.shape[0] else X[learned]
        means = np.asarray(rows.mean(axis=0, dtype=np.float64)).ravel()
        if self.visible == "bernoulli":
            # As if each bit had been seen once more, half on and half off: no bias is infinite.
            means = (means * len(learned) + 0.5) / (len(learned) + 1)
            means = np.log(means / (1 - means))
        self.base_biases_ = means.astype(dtype)
        weights = random_state.normal(0, 0.01, (X.shape[1], self.n_components)).astype(dtype)
        p = 0.5 if self.sparsity_target is None else self.sparsity_target
        hidden = np.full(self.n_components, np.log(p / (1 - p)), dtype=dtype)
        return parameters_of(weights, hidden, self.base_biases_)

    def _keep(self, params: NDArray, n_updates: int) -> None:
        """Set the attributes that hold what has been learned."""
        self.components_ = np.ascontiguousarray(params[:-1, :-1].T)
        self.intercept_hidden_, self.intercept_visible_ = params[-1, :-1].copy(), params[:-1, -1].copy()
        self.t_, self._visible = n_updates, self.visible
        self.__dict__.pop("_log_partition", None)

    def _validated_visible(self, X: Any, *, reset: bool) -> Any:
        """Return samples as scikit-learn's validate_data does; refuse values that visible units cannot have."""
        X = self._validated_samples(X, reset=reset)
        values = X.data if scipy.sparse.issparse(X) else X
        if self.visible == "bernoulli" and values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                f"X must have values from 0 to 1, which visible={self.visible!r} takes for bits or for probabilities;"
                f" got values from {values.min():g} to {values.max():g}. MinMaxScaler(clip=True) scales them, a"
                " Binarizer makes bits of them, and visible='normal' is for numbers."
            )
        return X

    # ---- what the machine says ---------------------------------------------------------------------------------------

    def transform(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of hidden units being on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        hidden : ndarray of shape (n_samples, n_components)
        """
        machine, rows, n_threads = self._machine_and_rows(X)
        return machine.hidden(rows, n_threads=n_threads)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Return the means of visible units (of bits, the probabilities) given hidden ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Hidden units: bits, or probabilities in their place.

        Returns
        -------
        visible : ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            For another number of columns, and numbers that are not finite.
        """
        self._check_is_fitted()
        machine = self._machine()
        hidden = check_array(X, dtype=machine.dtype, order="C", ensure_2d=False, input_name="X")
        if hidden.ndim != 2 or hidden.shape[1] != machine.n_hidden:
            raise ValueError(
                f"X must have a column for each of the {machine.n_hidden} hidden units; got shape {hidden.shape}."
            )
        return machine.visible(hidden, n_threads=self._team(len(hidden)))

    def free_energy(self, X: ArrayLike) -> NDArray:
        """Return the free energies of samples, F(v) = -log(sum over hidden units of exp(-energy)).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        free_energies : ndarray of shape (n_samples,), float64
        """
        machine, rows, n_threads = self._machine_and_rows(X)
        return machine.free_energies(rows, n_threads=n_threads)

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the log-likelihoods of samples, -F(v) - log Z, in nats.

        They are exact for machines of up to 16 units of a kind. For others log Z is estimated; see
        :meth:`estimate_log_partition`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihoods : ndarray of shape (n_samples,), float64
        """
        return -self.free_energy(X) - self.log_partition_

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean log-likelihood of samples, in nats.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            It is not looked at.

        Returns
        -------
        score : float
        """
        return float(self.score_samples(X).mean())

    def pseudo_likelihood(self, X: ArrayLike, random_state: int | np.random.RandomState | None = None) -> NDArray:
        """Return the pseudo-log-likelihoods of samples of bits, in nats.

        That is the sum over all features of the log-likelihood of its value given all others, which needs no Z. It is
        estimated by five features of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        random_state : int, RandomState instance or None, default=None
            Which features these are; None is the estimator's random_state.

        Returns
        -------
        pseudo_likelihoods : ndarray of shape (n_samples,), float64
        """
        self._check_is_fitted()
        if self.visible != "bernoulli":
            raise ValueError(f"pseudo_likelihood is for visible='bernoulli', not for {self.visible!r}.")
        rows = self._validated_visible(X, reset=False)
        n, dtype = rows.shape[0], self.components_.dtype
        glimpse = Glimpse(rows, np.arange(n), dtype, self._random(random_state), looks_at_all=True)
        return glimpse.pseudo_likelihoods(self._machine(), self._team(n))

    @property
    def log_partition_(self) -> float:
        """The logarithm of Z: exact, or estimated when it is first asked for. A fit makes it unknown again."""
        self._check_is_fitted()
        if "_log_partition" not in self.__dict__:
            exact = enumerated(self._params(), normal=self.visible == "normal", n_threads=self._team(4096))
            self._log_partition = self.estimate_log_partition()[0] if exact is None else exact
        return self._log_partition

    def estimate_log_partition(
        self,
        n_chains: int = 100,
        n_temperatures: int = 1000,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[float, float]:
        """Estimate log Z by annealed importance sampling, and have :meth:`score_samples` use it from now on.

        Chains begin at a machine without weights, with base_biases_, and end at this one. More temperatures make the
        estimate better, and take longer: 1000 of 100 chains as long as 200 000 samples of training by CD-1.

        Parameters
        ----------
        n_chains, n_temperatures : int >= 1
        random_state : int, RandomState instance or None, default=None
            None is the estimator's random_state.

        Returns
        -------
        log_partition : float
        error : float
            The standard error, by what the chains differ.

        Warns
        -----
        PartitionWarning
            When the standard error is above 0.5.
        """
        self._check_is_fitted()
        n_chains = whole_number(n_chains, "n_chains")
        n_temperatures = whole_number(n_temperatures, "n_temperatures")
        log_partition, error = annealed(
            self._params(),
            self.base_biases_,
            normal=self.visible == "normal",
            n_chains=n_chains,
            n_temperatures=n_temperatures,
            seed=int(self._random(random_state).randint(np.iinfo(np.int32).max)),
            n_threads=self._team(n_chains),
        )
        if error > _UNCERTAIN:
            warn_user(
                f"log Z is uncertain: the weights of {n_chains} chains through {n_temperatures} temperatures say"
                f" {log_partition:.2f} with a standard error of {error:.2f}. More of both make it better:"
                " estimate_log_partition(n_chains=..., n_temperatures=...).",
                PartitionWarning,
            )
        self._log_partition = log_partition
        return log_partition, error

    # ---- what it draws -----------------------------------------------------------------------------------------------

    def gibbs(self, X: ArrayLike, n_steps: int = 1, random_state: int | np.random.RandomState | None = None) -> NDArray:
        """Return where chains are that begin at samples, after some steps of hidden units and then visible ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        n_steps : int >= 1, default=1
        random_state : int, RandomState instance or None, default=None
            None is the estimator's random_state.

        Returns
        -------
        visible : ndarray of shape (n_samples, n_features)
            Bits as 0 and 1, or numbers.
        """
        self._check_is_fitted()
        n_steps = whole_number(n_steps, "n_steps")
        given = self._validated_visible(X, reset=False)
        dense = given.toarray() if scipy.sparse.issparse(given) else given
        chains = np.array(dense, dtype=self.components_.dtype, order="C")
        return self._taken_on(chains, n_steps, self._random(random_state))

    def sample(
        self,
        n_samples: int = 1,
        n_steps: int = 1000,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray:
        """Draw samples from the machine, each by a chain of its own.

        Parameters
        ----------
        n_samples : int >= 1, default=1
        n_steps : int >= 1, default=1000
            Steps of the chains, which begin with independent features of the right means.
        random_state : int, RandomState instance or None, default=None
            None is the estimator's random_state.

        Returns
        -------
        samples : ndarray of shape (n_samples, n_features)
        """
        self._check_is_fitted()
        n_samples, n_steps = whole_number(n_samples, "n_samples"), whole_number(n_steps, "n_steps")
        random_state = self._random(random_state)
        is_normal = self.visible == "normal"
        chains = independent_units(self.base_biases_, n_samples, random_state, normal=is_normal)
        return self._taken_on(chains, n_steps, random_state)

    def _taken_on(self, chains: NDArray, n_steps: int, random_state: np.random.RandomState) -> NDArray:
        """Take chains some steps further, in place; return them."""
        machine, n_threads = self._machine(), self._team(len(chains))
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        length = max(1, int(_FLOPS_TOGETHER / (4.0 * max(1, len(chains)) * self.components_.size)))
        for start in range(0, n_steps, length):
            machine.gibbs(chains, min(length, n_steps - start), start=start, seed=seed, n_threads=n_threads)
        return chains

    # ---- the machine of the attributes -------------------------------------------------------------------------------

    def _check_is_fitted(self) -> None:
        """Refuse to go on before a fit, and with parameters that say that the machine is another than was fitted."""
        check_is_fitted(self, "components_")
        if self.n_components != len(self.components_):
            raise ValueError(
                f"n_components={self.n_components} was set after a fit with {len(self.components_)} hidden units; call"
                " fit again."
            )
        fitted = vars(self).get("_visible", self.visible)  # Files of earlier versions do not have it.
        if self.visible != fitted:
            raise ValueError(f"visible={self.visible!r} was set after a fit with visible={fitted!r}; call fit again.")

    def _params(self) -> NDArray:
        """Return the parameters as the engine takes them."""
        return parameters_of(self.components_.T, self.intercept_hidden_, self.intercept_visible_)

    def _machine(self) -> engine.RestrictedMachine:
        n_hidden, n_visible = self.components_.shape
        machine = engine.RestrictedMachine(n_visible, n_hidden, self.components_.dtype, normal=self.visible == "normal")
        machine.load(self._params())
        return machine

    def _machine_and_rows(self, X: Any) -> tuple[engine.RestrictedMachine, engine.Rows, int]:
        self._check_is_fitted()
        X = self._validated_visible(X, reset=False)
        return self._machine(), rows_of(X, self.components_.dtype), self._team(X.shape[0])

    def _team(self, n_rows: int) -> int:
        """Return how many threads take so many rows to and fro."""
        return team_size(self.n_jobs, 2.0 * n_rows * self.components_.size)

    def _random(self, random_state: int | np.random.RandomState | None) -> np.random.RandomState:
        return check_random_state(self.random_state if random_state is None else random_state)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ---- files -------------------------------------------------------------------------------------------------------

    def check_state(self) -> None:
        """Refuse attributes that do not fit each other; an estimator from a file may have any.

        Raises
        ------
        ValueError
            It names the attribute.
        """
        require_jobs(self.n_jobs)
        fitted = vars(self)
        if "components_" not in fitted:
            return
        weights = fitted["components_"]
        is_matrix = type(weights) is np.ndarray and weights.ndim == 2 and weights.dtype in (np.float32, np.float64)
        require(is_matrix and weights.size, "components_ is no matrix of float32 or float64")
        n_hidden, n_visible = weights.shape
        for name, n in (
            ("intercept_hidden_", n_hidden),
            ("intercept_visible_", n_visible),
            ("base_biases_", n_visible),
        ):
            fits = is_array(fitted.get(name), n) and fitted[name].dtype == weights.dtype
            require(fits, f"{name} does not fit components_")
        require(fitted.get("n_features_in_") == n_visible, f"n_features_in_ must be {n_visible}")
        require(is_count(fitted.get("t_")), "t_ is no count of updates")
        visible = fitted.get("_visible", self.visible)
        require(type(visible) is str and visible in ("bernoulli", "normal"), "_visible is no kind of visible units")
        random_state = fitted.get("_random_state")
        require(random_state is None or type(random_state) is np.random.RandomState, "_random_state is none")
        require(is_number(fitted.get("_log_partition", 0.0)), "_log_partition is no number")
        self._check_going_on(fitted.get("_going_on"))

    def _check_going_on(self, state: Any) -> None:
        """Refuse a state from which partial_fit could not go on."""
        if state is None:
            return
        n_hidden, n_visible = self.components_.shape
        names = {"n_updates", "n_epochs", "slot", "chains", "activities"}
        require(type(state) is dict and state.keys() == names, "_going_on is not what partial_fit leaves")
        require(is_count(state["n_updates"]) and is_count(state["n_epochs"]), "_going_on has no counts")
        chains = state["chains"]
        fits = (
            is_array(state["slot"], n_visible + 1, n_hidden + 1)
            and type(chains) is np.ndarray
            and is_array(chains, len(chains), n_hidden)
            and is_array(state["activities"], n_hidden)
            and {state[name].dtype for name in ("slot", "chains", "activities")} == {self.components_.dtype}
        )
        require(fits, "_going_on does not fit components_")
