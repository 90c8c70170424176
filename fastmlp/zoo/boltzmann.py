"""BoltzmannMachine: visible and hidden units, any two of which may be connected, that learn a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.estimators.base import begins_fit, goes_on_with_fit, restored_on_error
from fastmlp.inputs.validation import validated
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require, require_jobs
from fastmlp.threads import team_size
from fastmlp.zoo.boltzmann_learning import MOST_ENUMERATED, BoltzmannLearner, connections
from fastmlp.zoo.boltzmann_statistics import Machine
from fastmlp.zoo.learning import MOST_COUNTED, EpochEstimator, memory_for
from fastmlp.zoo.unit_values import two_valued

# All states of at most so many hidden units are gone through for their means.
_MOST_HIDDEN = 10


@stored_as("BoltzmannMachine")
class BoltzmannMachine(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EpochEstimator):
    """A general Boltzmann machine, for small numbers of units: it learns the distribution of rows of 0 and 1.

    Visible units are the features, hidden ones are added. A state s of all units has the energy -s'Ws/2 - b's and the
    probability exp(-energy) / Z. The gradient of the mean log-likelihood by W_ij is what is expected of s_i s_j where
    the visible units are as in the rows, less what is expected of it when the machine is left alone (Ackley, Hinton and
    Sejnowski 1985). Both are found exactly, for a few units, or by sampling.

    For more than some dozens of units take :class:`fastmlp.zoo.RestrictedBoltzmannMachine`, which has no connections
    among visible units, nor among hidden ones, and learns much faster for that.

    Parameters
    ----------
    n_components : int >= 0, default=8
        The number of hidden units. With 0 it is a model of pairs of features, known as the Ising model.
    visible_connections : bool, default=True
        Whether visible units are connected with each other.
    hidden_connections : bool, default=True
        Whether hidden units are connected with each other. Without, their means are exact and take little time.
    statistics : {"gibbs", "mean_field", "exact"}, default="gibbs"
        How expectations are found. "gibbs" samples, from chains that go on from step to step. "mean_field" takes hidden
        units, given the rows, for independent of each other, and samples the machine by itself, since there a mean
        field may be on the wrong side of a gradient (Salakhutdinov and Hinton 2009). "exact" goes through all states,
        of at most 20 units; hidden units that are not connected with each other do not count.
    learning_rate : {"linear", "constant"}, default="linear"
        Whether the learning rate falls by the same amount after each epoch, to nothing after max_iter. What sampling
        adds to each step by chance is forgotten that way. partial_fit leaves the rate as it is.
    learning_rate_init : float > 0, default=0.1
    max_iter : int >= 1, default=200
        The number of epochs.
    batch_size : int >= 1, default=100
        The rows of a step.
    n_chains : int >= 1, default=100
        How many samples of the machine go on from step to step.
    n_sweeps : int >= 1, default=5
        How often each unit is updated in a step.
    momentum : float from 0 to below 1, default=0.5
    alpha : float >= 0, default=0.0
        Weight decay.
    binarize : float or None, default=None
        What is larger than this becomes 1, and the rest 0. With None all must be 0 or 1 already.
    early_stopping : bool, default=False
        Whether rows are held out, and the fit ends when their loss gets no better.
    validation_fraction : float, default=0.1
        The share of rows that early_stopping holds out.
    n_iter_no_change : int, default=10
        For how many epochs the loss of the rows held out may get no better.
    tol : float, default=1e-4
        By how much the loss must get better to count.
    random_state : int, RandomState instance or None, default=None
    n_jobs : int or None, default=None
        Threads. None is as many as there are CPUs, where there is enough to do. The result does not depend on it.
    callbacks : list of Callback or None, default=None
    verbose : bool or int, default=False
        True prints a line for each epoch; 1 shows a progress bar.

    Attributes
    ----------
    weights_ : ndarray of float64 of shape (n, n)
        Symmetric, 0 where units are not connected; n = n_features_in_ + n_components, the visible units first.
    biases_ : ndarray of float64 of shape (n,)
    history_ : dict of str to list of float
        "loss" is the mean negative log-likelihood of the rows, in nats, where at most 14 units (hidden ones that are
        not connected with each other do not count) have to be gone through. For more it is the mean negative
        pseudo-log-likelihood: of each visible unit given all the others, with hidden units at their mean field.
        "validation_loss" is that of rows held out.
    loss_ : float
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X had names.

    See Also
    --------
    fastmlp.zoo.HopfieldNetwork : Units of -1 and 1 without temperature, as a memory.

    References
    ----------
    Ackley, Hinton and Sejnowski, "A learning algorithm for Boltzmann machines" (Cognitive Science 1985).
    Salakhutdinov and Hinton, "Deep Boltzmann machines" (AISTATS 2009).

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import BoltzmannMachine
    >>> parity = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    >>> machine = BoltzmannMachine(
    ...     3, statistics="exact", learning_rate="constant", learning_rate_init=1.0, momentum=0.9, random_state=0
    ... )
    >>> bool(machine.fit(parity).score(parity) > np.log(1 / 4) - 0.1)  # the best that there can be is log(1 / 4)
    True
    """

    n_components: int
    visible_connections: bool
    hidden_connections: bool
    statistics: str
    learning_rate: str
    learning_rate_init: float
    batch_size: int
    n_sweeps: int
    momentum: float
    alpha: float
    binarize: float | None
    weights_: NDArray
    biases_: NDArray
    _chains: NDArray
    _n_sweeps: int
    _seed: int

    _parameter_constraints: ClassVar[dict] = {
        **EpochEstimator._parameter_constraints,
        "n_components": [Interval(Integral, 0, MOST_COUNTED, closed="both")],
        "visible_connections": ["boolean"],
        "hidden_connections": ["boolean"],
        "statistics": [StrOptions({"gibbs", "mean_field", "exact"})],
        "learning_rate": [StrOptions({"linear", "constant"})],
        "n_chains": [Interval(Integral, 1, MOST_COUNTED, closed="both")],
        "n_sweeps": [Interval(Integral, 1, MOST_COUNTED, closed="both")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "binarize": [None, Interval(Real, None, None, closed="neither")],
    }

    def __init__(
        self,
        n_components: int = 8,
        *,
        visible_connections: bool = True,
        hidden_connections: bool = True,
        statistics: str = "gibbs",
        learning_rate: str = "linear",
        learning_rate_init: float = 0.1,
        max_iter: int = 200,
        batch_size: int = 100,
        n_chains: int = 100,
        n_sweeps: int = 5,
        momentum: float = 0.5,
        alpha: float = 0.0,
        binarize: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: Any = False,
    ) -> None:
        self._set_parameters(locals())

    # ---- learning ----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the distribution of rows, and forget what was learned before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of 0 and 1; any numbers with binarize.
        y : None
            It is not used.

        Returns
        -------
        self : BoltzmannMachine

        Raises
        ------
        ValueError
            When an element is neither 0 nor 1, and with statistics="exact" when there are too many units.
        """
        self._announce_epochs()
        with restored_on_error(self):
            self._check_counts()
            given, visible = X, self._visible(X, reset=True)
            self._check_is_possible()
            random = check_random_state(self.random_state)
            rows, held_out = self._divided(len(visible), random)
            with memory_for(n_components=self.n_components, n_chains=self.n_chains):
                learner = self._new_learner(visible[rows], visible[held_out], random)
            fit = self._learn(
                learner, given, visible, n_samples=len(rows), batch_size=min(self.batch_size, len(rows)),
                holds_out=self.early_stopping,
            )  # fmt: skip
        return self._told_of_errors(fit)

    @goes_on_with_fit
    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn from rows for one more epoch, from where the last one ended.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            It is not used.

        Returns
        -------
        self : BoltzmannMachine

        Raises
        ------
        ValueError
            As fit; and when n_components has been changed since, or units are connected that shall not be any more.
        """
        self._validate_params()
        with restored_on_error(self):
            self._check_counts()
            is_first = not hasattr(self, "weights_")
            visible = self._visible(X, reset=is_first)
            self._check_is_possible()
            nothing = np.zeros((0, visible.shape[1]))
            if is_first:
                with memory_for(n_components=self.n_components, n_chains=self.n_chains):
                    learner = self._new_learner(visible, nothing, check_random_state(self.random_state))
            else:
                machine = self._machine()
                self._check_connections(machine)
                machine.weights, machine.biases = machine.weights.copy(), machine.biases.copy()
                # Where n_chains has been changed, chains end here, or several go on from where one is.
                with memory_for(n_chains=self.n_chains):
                    chains = np.resize(self._chains, (self.n_chains, len(machine.biases)))
                # The order of rows is other in each epoch, and the same each time that the same is done.
                random = np.random.RandomState([self._seed, self.n_iter_])
                learner = BoltzmannLearner(self, machine, visible, nothing, chains, self._n_sweeps, self._seed, random)
            fit = self._learn(
                learner, X, visible, n_samples=len(visible), batch_size=min(self.batch_size, len(visible)),
                is_incremental=True,
            )  # fmt: skip
        return self._told_of_errors(fit)

    def _new_learner(self, rows: NDArray, held_out: NDArray, random: np.random.RandomState) -> BoltzmannLearner:
        """Return what learns from rows from the beginning."""
        n_visible, n_hidden = rows.shape[1], self.n_components
        n = n_visible + n_hidden
        # Weights tell hidden units apart; where they are next to nothing, so is the gradient of what only several units
        # together can tell. Visible biases begin where units without connections would end.
        weights = np.triu(random.normal(0, n**-0.5, (n, n)), 1) * connections(self, n_visible, n_hidden)
        shares = (rows.sum(axis=0) + 0.5) / (len(rows) + 1)
        biases = np.concatenate([np.log(shares / (1 - shares)), np.zeros(n_hidden)])
        chains = (random.random_sample((self.n_chains, n)) < 0.5).astype(np.float64)
        seed = int(random.randint(1 << 31))
        machine = Machine(weights + weights.T, biases, n_visible, self._n_threads(self.n_chains, n))
        return BoltzmannLearner(self, machine, rows, held_out, chains, 0, seed, random)

    def _check_counts(self) -> None:
        """Refuse truth values, which the constraints of parameters take for the integers 0 and 1."""
        whole_number(self.n_components, "n_components", least=0)
        for name in ("n_chains", "n_sweeps"):
            whole_number(getattr(self, name), name)

    def _check_is_possible(self) -> None:
        """Refuse to go through all states of too many units."""
        enumerated = self.n_features_in_ + (self.n_components if self.hidden_connections else 0)
        if self.statistics == "exact" and enumerated > MOST_ENUMERATED:
            raise ValueError(
                f"statistics='exact' goes through all states of {enumerated} units; at most {MOST_ENUMERATED} are"
                " possible. 'gibbs' samples them."
            )

    def _check_connections(self, machine: Machine) -> None:
        """Refuse to learn on with connections that the parameters say are none, since they would stay as they are."""
        for name, units in (
            ("visible_connections", slice(machine.n_visible)),
            ("hidden_connections", slice(machine.n_visible, None)),
        ):
            if not getattr(self, name) and machine.weights[units, units].any():
                raise ValueError(f"{name}=False was set after a fit with {name}=True; call fit again.")

    def _binary(self, X: Any, *, reset: bool) -> NDArray:
        """Return rows of 0 and 1 as float32 or float64, checked."""
        X = validated(self, X, dtype=(np.float64, np.float32), order="C", reset=reset)
        return two_valued(X, 0, self.binarize, type(self).__name__)

    def _visible(self, X: Any, *, reset: bool) -> NDArray:
        """Return rows of 0 and 1 as float64, checked."""
        return self._binary(X, reset=reset).astype(np.float64, copy=False)

    def _n_threads(self, n_rows: int, n_units: int) -> int:
        return team_size(self.n_jobs, 2.0 * n_rows * n_units * n_units)

    def _machine(self, n_rows: int = 1) -> Machine:
        """Return the units as they have been learned."""
        check_is_fitted(self, "weights_")
        n_units = len(self.biases_)
        if n_units != self.n_features_in_ + self.n_components:
            raise ValueError(
                f"n_components={self.n_components} was set after a fit with {n_units - self.n_features_in_} hidden"
                " units; call fit again."
            )
        return Machine(self.weights_, self.biases_, self.n_features_in_, self._n_threads(n_rows, n_units))

    # ---- what has been learned ---------------------------------------------------------------------------------------

    def transform(self, X: ArrayLike) -> NDArray:
        """Return the means of the hidden units, given the visible ones.

        They are exact where hidden units are not connected with each other, or are at most 10; otherwise they are those
        of a mean field.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        means : ndarray of shape (n_samples, n_components)
            In the type of X, float32 or float64.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When an element is neither 0 nor 1, and where n_components=0 leaves no hidden units.
        """
        check_is_fitted(self, "weights_")
        if not self.n_components:
            raise ValueError("transform gives the means of hidden units, and n_components=0 leaves none.")
        given = self._binary(X, reset=False)
        visible = given.astype(np.float64, copy=False)
        machine = self._machine(len(visible))
        is_exact = machine.hidden_are_independent or machine.n_hidden <= _MOST_HIDDEN
        means = machine.hidden_means(visible) if is_exact else machine.mean_field(visible)
        return means.astype(given.dtype, copy=False)

    def energy(self, states: ArrayLike) -> NDArray:
        """Return the energy of states of all units: -s'Ws/2 - b's.

        Parameters
        ----------
        states : array-like of shape (n_samples, n_features + n_components)
            Rows of 0 and 1, the visible units first.

        Returns
        -------
        energies : ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For rows of another length, and elements that are neither 0 nor 1.
        """
        machine = self._machine()
        rows = np.asarray(states, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.biases_):
            raise ValueError(
                f"states must be of shape (n_samples, {len(self.biases_)}): {machine.n_visible} visible and"
                f" {machine.n_hidden} hidden units; got shape {rows.shape}."
            )
        return machine.energy(two_valued(rows, 0, None, type(self).__name__))

    def free_energy(self, X: ArrayLike) -> NDArray:
        """Return the free energy of rows: -log of the sum over all hidden states of exp(-energy).

        Differences of free energies are log-likelihoods relative to each other, and need no sum over visible states.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        free_energies : ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When an element is neither 0 nor 1, and with more than 20 hidden units that are connected with each other.
        """
        machine = self._machine()
        if not machine.hidden_are_independent and machine.n_hidden > MOST_ENUMERATED:
            raise ValueError(
                f"a free energy is a sum over all states of the {machine.n_hidden} hidden units; at most"
                f" {MOST_ENUMERATED} are possible, or any number with hidden_connections=False."
            )
        return machine.free_energy(self._visible(X, reset=False))

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the log-likelihood of rows, in nats: exactly, by a sum over all states.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_likelihoods : ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When an element is neither 0 nor 1, and when there are more than 20 units; hidden ones that are not
            connected with each other do not count.
        """
        machine = self._machine()
        if machine.n_enumerated > MOST_ENUMERATED:
            raise ValueError(
                f"a log-likelihood is a sum over all states of {machine.n_enumerated} units; at most {MOST_ENUMERATED}"
                " are possible. free_energy tells which rows are likelier than others."
            )
        return -machine.free_energy(self._visible(X, reset=False)) - machine.log_partition()

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean log-likelihood of rows, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            It is not used.

        Returns
        -------
        score : float

        Raises
        ------
        NotFittedError, ValueError
            As score_samples.
        """
        return float(self.score_samples(X).mean())

    def sample(
        self, n_samples: int = 1, *, n_sweeps: int = 1000, temperature: float = 1.0, random_state: Any = None
    ) -> NDArray:
        """Draw rows from the machine: each from a Gibbs chain of its own, which begins with units at random.

        Parameters
        ----------
        n_samples : int >= 1, default=1
        n_sweeps : int >= 1, default=1000
            How often each unit is updated before the row is taken.
        temperature : float > 0, default=1.0
            Smaller ones make likely rows likelier.
        random_state : int, RandomState instance or None, default=None
            None takes the estimator's.

        Returns
        -------
        rows : ndarray of float64 of shape (n_samples, n_features)

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For numbers that are not positive.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.zoo import BoltzmannMachine
        >>> rows = np.array([[0, 0], [1, 1]] * 50)
        >>> machine = BoltzmannMachine(0, statistics="exact", learning_rate_init=1.0, random_state=0).fit(rows)
        >>> sampled = machine.sample(200)
        >>> bool((sampled[:, 0] == sampled[:, 1]).mean() > 0.9)
        True
        """
        n, sweeps = whole_number(n_samples, "n_samples"), whole_number(n_sweeps, "n_sweeps")
        if not (isinstance(temperature, Real) and 0 < temperature < np.inf):
            raise ValueError(f"temperature must be a positive number; got {temperature!r}.")
        machine = self._machine(n)
        random = check_random_state(self.random_state if random_state is None else random_state)
        states = (random.random_sample((n, len(self.biases_))) < 0.5).astype(np.float64)
        keys = np.arange(n, dtype=np.uint64)
        seed = int(random.randint(1 << 31))
        machine.sweep(states, sweeps, seed=seed, keys=keys, first_sweep=0, temperature=temperature)
        return np.ascontiguousarray(states[:, : machine.n_visible])

    # ---- what it is to scikit-learn and in files ---------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return len(self.biases_) - self.n_features_in_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def check_state(self) -> None:
        """Refuse what a file must not say of a machine; its parameters have been checked by themselves."""
        require_jobs(self.n_jobs)
        fitted = vars(self)
        if "weights_" not in fitted:
            return
        biases: Any = fitted.get("biases_")
        chains: Any = fitted.get("_chains")
        n_visible: Any = fitted.get("n_features_in_")
        require(type(biases) is np.ndarray and biases.ndim == 1, "biases_ is no vector")
        n = len(biases)
        require(is_count(n_visible) and 1 <= n_visible <= n, "n_features_in_ does not fit biases_", n_visible)
        weights = fitted["weights_"]
        require(is_array(weights, n, n), "weights_ does not fit biases_")
        is_chains = type(chains) is np.ndarray and chains.ndim == 2 and len(chains) and is_array(chains, len(chains), n)
        require(is_chains, "_chains does not fit biases_")
        for name, array in (("weights_", weights), ("biases_", biases), ("_chains", chains)):
            require(array.dtype == np.float64 and np.isfinite(array).all(), f"{name} is not all of finite float64")
        require(np.isin(chains, (0, 1)).all(), "_chains has what is neither 0 nor 1")
        require((weights == weights.T).all() and not weights.diagonal().any(), "weights_ is not symmetric or not 0 on"
                " its diagonal")  # fmt: skip
        for name in ("_n_sweeps", "_seed", "n_iter_"):
            require(is_count(fitted.get(name)), f"{name} is no count", fitted.get(name))
