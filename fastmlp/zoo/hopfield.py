"""HopfieldNetwork: patterns that are stored in the weights between units, and recalled from what is like them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp import engine
from fastmlp.components import whole_number
from fastmlp.estimators.base import Estimator, begins_fit, is_available_if, restored_on_error
from fastmlp.exceptions import IgnoredParameterWarning, UnsettledWarning, counted, warn_user
from fastmlp.inputs.validation import validated
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require, require_jobs
from fastmlp.threads import team_size
from fastmlp.zoo.hopfield_rules import hebb, pseudo_inverse, storkey
from fastmlp.zoo.unit_values import two_valued

# At most so many sweeps, unless max_iter says otherwise.
_MOST_SWEEPS = 100
# So many numbers of similarities to patterns are in memory at a time.
_SIMILARITIES_TOGETHER = 1 << 23
_FITTED = ("weights_", "patterns_", "n_patterns_", "n_iter_", "_seed", "_rule")


def _learns_on(estimator: HopfieldNetwork) -> bool:
    """Whether further patterns can be learned without those before."""
    if estimator.rule == "pseudo_inverse":
        raise AttributeError(
            "partial_fit is not there with rule='pseudo_inverse', which needs all patterns at once; rule='storkey'"
            " learns one after another."
        )
    return True


def _largest(values: NDArray) -> float:
    """Return the largest magnitude of some numbers."""
    return float(max(values.max(), -values.min()))


@stored_as("HopfieldNetwork")
class HopfieldNetwork(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """An associative memory: it stores patterns, and recalls from a noisy or incomplete one the one that is like it.

    A network of the rules ``"hebb"``, ``"storkey"`` and ``"pseudo_inverse"`` has a unit for each feature, which is -1
    or 1, and symmetric weights W. Units are updated one after another: a unit becomes the sign of its field
    (W s)_i. Each change lowers the energy -s'Ws/2, so that the state comes to rest, in a stored pattern if all is well.
    How many patterns p of independent random signs can be stored depends on the rule: with n units, some 0.138 n with a
    few wrong signs (Hebb), more than 0.25 n (Storkey), nearly n (pseudo-inverse).

    With ``rule="modern"`` (Ramsauer et al. 2020) patterns are any vectors. A step makes of a state s the mean of all
    patterns, weighed by softmax(beta X s). Exponentially many patterns can be stored, and one step recalls them where
    they are far enough apart: it is the attention of transformers.

    Parameters
    ----------
    rule : {"hebb", "storkey", "pseudo_inverse", "modern"}, default="hebb"
        How patterns are stored.
    beta : float > 0, default=1.0
        With rule="modern": how sharply the most similar pattern is told from others. It goes with the scale of the
        patterns: for signs 1 is much, for standardized features 1 / sqrt(n_features) is little.
    binarize : float or None, default=None
        What is larger than this becomes 1, and the rest -1, in fit as in predict. With None all must be -1 or 1
        already. It is not for rule="modern".
    max_iter : int >= 1 or None, default=None
        The largest number of sweeps, in each of which every unit is updated once; None is 100. With rule="modern", the
        largest number of steps; None is exactly one.
    tol : float >= 0, default=1e-6
        With rule="modern" and max_iter: the steps end when no element changes by more.
    random_state : int, RandomState instance or None, default=None
        Decides in which orders units are updated. It is read by fit; recall is the same at each call.
    n_jobs : int or None, default=None
        Threads. None is as many as there are CPUs, where there is enough to do; -1 is all. The result does not depend
        on it.

    Attributes
    ----------
    weights_ : ndarray of float64 of shape (n_features, n_features)
        Symmetric, with zeros on the diagonal; not with rule="modern". Whether a field is 0 is asked often, so it is
        float64 whatever X was.
    patterns_ : ndarray of shape (n_patterns, n_features)
        The patterns themselves, in their own type, with rule="modern".
    n_patterns_ : int
        How many patterns have been stored.
    n_iter_ : int
        How often a fit goes through the patterns, which is once; max_iter is for recall.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X had names.

    See Also
    --------
    fastmlp.zoo.BoltzmannMachine : The same units at a temperature, with hidden ones, which learn a distribution.
    fastmlp.inspection.RecallDisplay : Draws energies over recall.

    References
    ----------
    Hopfield, "Neural networks and physical systems with emergent collective computational abilities" (PNAS 1982).
    Amit, Gutfreund and Sompolinsky, "Storing infinite numbers of patterns in a spin-glass model of neural networks"
    (Physical Review Letters 1985).
    Storkey, "Increasing the capacity of a Hopfield network without sacrificing functionality" (ICANN 1997).
    Ramsauer et al., "Hopfield networks is all you need" (2020), arXiv:2008.02217.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import HopfieldNetwork
    >>> rng = np.random.default_rng(0)
    >>> patterns = rng.choice([-1.0, 1.0], (5, 100))
    >>> network = HopfieldNetwork(random_state=0).fit(patterns)
    >>> noisy = np.where(rng.random(patterns.shape) < 0.2, -patterns, patterns)
    >>> bool((network.predict(noisy) == patterns).all())
    True
    >>> bool((network.energy(patterns) < network.energy(noisy)).all())
    True
    """

    weights_: NDArray
    patterns_: NDArray
    n_patterns_: int
    n_iter_: int
    _seed: int
    _rule: str

    _parameter_constraints: ClassVar[dict] = {
        "rule": [StrOptions({"hebb", "storkey", "pseudo_inverse", "modern"})],
        "beta": [Interval(Real, 0, None, closed="neither")],
        "binarize": [None, Interval(Real, None, None, closed="neither")],
        "max_iter": [None, Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [None, Interval(Integral, 1, None, closed="left"), Interval(Integral, None, -1, closed="right")],
    }

    def __init__(
        self,
        rule: str = "hebb",
        *,
        beta: float = 1.0,
        binarize: float | None = None,
        max_iter: int | None = None,
        tol: float = 1e-6,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    # ---- storing -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Store patterns, and forget those from before.

        Parameters
        ----------
        X : array-like of shape (n_patterns, n_features)
            Patterns of -1 and 1; any numbers with binarize or rule="modern".
        y : None
            It is not used.

        Returns
        -------
        self : HopfieldNetwork

        Raises
        ------
        ValueError
            When a pattern has other elements than -1 and 1.

        Warns
        -----
        IgnoredParameterWarning
            When binarize, beta or tol is set and the rule has no use for it.
        """
        with restored_on_error(self):
            self._learn(self._patterns(X, reset=True), {})
        self._say_what_is_ignored()
        return self

    @is_available_if(_learns_on)
    @begins_fit
    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Store further patterns.

        Hebb's rule comes to the same weights, bit by bit, as if all patterns had been given to fit at once; Storkey's
        to the same but for rounding.

        Parameters
        ----------
        X : array-like of shape (n_patterns, n_features)
        y : None
            It is not used.

        Returns
        -------
        self : HopfieldNetwork

        Raises
        ------
        ValueError
            As fit; and when ``rule`` has been changed since the patterns before.
        """
        with restored_on_error(self):
            self._validate_params()  # scikit-learn does so in a first call only.
            before = {name: vars(self)[name] for name in _FITTED if name in vars(self)}
            patterns = self._patterns(X, reset=not before)
            if before:
                self._check_is_of_rule()
            self._learn(patterns, before)
        return self

    def _say_what_is_ignored(self) -> None:
        """Warn of parameters that the rule has no use for."""
        is_modern = self.rule == "modern"
        given = {
            "binarize": is_modern and self.binarize is not None,
            "beta": not is_modern and self.beta != 1,
            "tol": not is_modern and self.tol != 1e-6,
        }
        for name in (name for name, is_ignored in given.items() if is_ignored):
            warn_user(f"{name}={getattr(self, name)!r} has no effect with rule={self.rule!r}.", IgnoredParameterWarning)

    def _learn(self, patterns: NDArray, before: dict[str, Any]) -> None:
        """Store patterns beside what was stored before, by the names of attributes."""
        for name in _FITTED:
            self.__dict__.pop(name, None)
        n_patterns, n = patterns.shape
        self.n_patterns_, self.n_iter_, self._rule = before.get("n_patterns_", 0) + n_patterns, 1, self.rule
        # One number is drawn from the generator, so that recall, which is not to change it, can be repeated.
        self._seed = before["_seed"] if before else int(check_random_state(self.random_state).randint(1 << 31))
        if self.rule == "modern":
            stored = [before["patterns_"], patterns] if before else [patterns]
            self._refuse_too_large(patterns, stored[0].dtype)
            self.patterns_ = np.concatenate(stored).astype(stored[0].dtype, copy=False)
            return
        n_threads = team_size(self.n_jobs, 2.0 * n_patterns * n * n)
        patterns = np.ascontiguousarray(patterns, dtype=np.float64)
        if self.rule == "pseudo_inverse":
            self.weights_ = pseudo_inverse(patterns, n_threads)
        else:
            rule = {"hebb": hebb, "storkey": storkey}[self.rule]
            self.weights_ = rule(before.get("weights_", np.zeros((n, n))), patterns, n_threads)

    def _patterns(self, X: Any, *, reset: bool) -> NDArray:
        """Return patterns or states as an array of float32 or float64, in C order."""
        X = validated(self, X, dtype=(np.float64, np.float32), order="C", reset=reset)
        if self.rule == "modern":
            return X
        return two_valued(X, -1, self.binarize, type(self).__name__, " rule='modern' stores any numbers.")

    def _refuse_too_large(self, X: NDArray, dtype: np.dtype, largest_pattern: float = 0.0) -> None:
        """Refuse patterns or states whose similarities to patterns are not finite in the type of the patterns."""
        largest, beta = _largest(X), float(self.beta)
        with np.errstate(over="ignore"):
            bound = np.float64(max(largest, largest_pattern)) ** 2 * X.shape[1] * max(beta, 1.0)
        most = np.finfo(dtype).max / 4
        if bound > most or beta > most:
            raise ValueError(
                f"the squares of X or of the patterns, times beta={beta:g}, are too large for {dtype}: X has values of"
                f" up to {largest:g}; scale the patterns and X down, or take a smaller beta."
            )

    def _check_is_of_rule(self) -> None:
        """Refuse to go on where the parameter rule has been changed since fit."""
        if self.rule != self._rule:
            raise ValueError(f"rule={self.rule!r} was set after a fit with rule={self._rule!r}; fit again.")

    # ---- recall ------------------------------------------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> NDArray:
        """Return what is recalled from each state.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States, such as noisy patterns.

        Returns
        -------
        recalled : ndarray of shape (n_samples, n_features)
            States of -1 and 1 in which no update changes anything; with rule="modern", weighted means of patterns. In
            the type of X, float32 or float64; with rule="modern", in that of the patterns.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When a state has other elements than -1 and 1.

        Warns
        -----
        UnsettledWarning
            When some states still change after max_iter sweeps or steps.
        """
        return self._recalled(X)[0]

    def transform(self, X: ArrayLike) -> NDArray:
        """Return what is recalled from each state, as predict does, so that a pipeline can go on with it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        recalled : ndarray of shape (n_samples, n_features)
        """
        return self.predict(X)

    def recall_energies(self, X: ArrayLike, n_points: int = 20) -> tuple[NDArray, NDArray]:
        """Return how the energy of each state falls while it is recalled as predict recalls it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_points : int >= 1, default=20
            At how many points of each sweep energies are taken, about. With rule="modern" it is after each step.

        Returns
        -------
        sweeps : ndarray of shape (n_times,)
            How many sweeps, or steps, have been made: from 0 until nothing changes in any state.
        energies : ndarray of float64 of shape (n_samples, n_times)

        Raises
        ------
        NotFittedError, ValueError
            As predict.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.zoo import HopfieldNetwork
        >>> patterns = np.random.default_rng(0).choice([-1.0, 1.0], (5, 100))
        >>> network = HopfieldNetwork(random_state=0).fit(patterns)
        >>> states = np.random.default_rng(1).choice([-1.0, 1.0], (3, 100))
        >>> sweeps, energies = network.recall_energies(states)
        >>> bool((np.diff(energies) <= 1e-12).all())
        True
        """
        _, sweeps, energies = self._recalled(X, whole_number(n_points, "n_points"))
        assert sweeps is not None and energies is not None
        return sweeps, energies

    def energy(self, X: ArrayLike) -> NDArray:
        """Return the energy of each state.

        It is -s'Ws/2. With rule="modern" it is |s|²/2 - log(sum over patterns x of exp(beta x's)) / beta
        + log(n_patterns) / beta + max |x|² / 2, which is at least 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        energies : ndarray of float64 of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As predict.
        """
        states = self._states(X)
        if self.rule == "modern":
            return self._modern_energies(states)
        states = states.astype(np.float64, copy=False)
        fields = engine.matmul(states, self.weights_, n_threads=self._n_threads(len(states)))
        return -np.einsum("ij,ij->i", states, fields) / 2

    def _states(self, X: ArrayLike) -> NDArray:
        """Return states that a method is given, checked."""
        check_is_fitted(self)
        self._validate_params()
        self._check_is_of_rule()
        states = self._patterns(X, reset=False)
        if self.rule == "modern":
            self._refuse_too_large(states, self.patterns_.dtype, _largest(self.patterns_))
        return states

    def _n_threads(self, n_states: int) -> int:
        rows = self.n_patterns_ if self.rule == "modern" else self.n_features_in_
        return team_size(self.n_jobs, 2.0 * n_states * rows * self.n_features_in_)

    def _recalled(self, X: ArrayLike, n_points: int | None = None) -> tuple[NDArray, NDArray | None, NDArray | None]:
        """Return what is recalled from states; with n_points, times and energies as well."""
        states = self._states(X)
        if self.rule == "modern":
            recalled, settled, sweeps, energies = self._stepped(states, n_points is not None)
        else:
            recalled, settled, sweeps, energies = self._swept(states, n_points)
        if not settled.all():
            warn_user(
                f"{counted(int((~settled).sum()), 'state')} of {len(settled):,} still changed after"
                f" max_iter={self.max_iter or _MOST_SWEEPS}.",
                UnsettledWarning,
            )
        return recalled, sweeps, energies

    def _swept(self, states: NDArray, n_points: int | None) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
        """Update units one after another: return states, whether they have settled, times and energies."""
        n_states, n = states.shape
        every = 0 if n_points is None else max(1, n // n_points)
        swept = np.array(states, dtype=np.float64, order="C")
        sweeps, settled, energies = engine.update_units(
            self.weights_,
            np.zeros(n),
            swept,
            np.arange(n),
            np.zeros(self.max_iter or _MOST_SWEEPS),
            np.zeros(n_states, dtype=np.uint64),
            low=-1.0,
            seed=self._seed,
            every=every,
            n_threads=self._n_threads(n_states),
        )
        times = None
        if energies is not None:
            in_a_sweep = np.minimum(np.arange(every, n + every, every), n) / n
            times = np.concatenate([[0.0], (np.arange(sweeps.max())[:, None] + in_a_sweep).ravel()])
            energies = energies[:, : len(times)]
        return swept.astype(states.dtype, copy=False), settled, times, energies

    def _stepped(self, states: NDArray, with_energies: bool) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
        """Make modern steps: return states, whether they have settled, times and energies."""
        now = states.astype(self.patterns_.dtype, copy=False)
        moving, energies = np.ones(len(now), dtype=bool), [self._modern_energies(now)] if with_energies else []
        for _ in range(self.max_iter or 1):
            before, now = now, now.copy()
            now[moving] = self._one_step(now[moving])
            moving = np.abs(now - before).max(axis=1) > self.tol
            if with_energies:
                energies.append(self._modern_energies(now))
            if not moving.any():
                break
        # One step is all that there is to be without max_iter.
        settled = ~moving if self.max_iter is not None else np.ones(len(now), dtype=bool)
        return now, settled, np.arange(len(energies), dtype=np.float64), np.array(energies).T

    def _one_step(self, states: NDArray) -> NDArray:
        """Return the means of the patterns, weighed by the softmax of their similarities to each state."""
        means = np.empty_like(states)
        for rows in self._row_blocks(len(states)):
            shares = engine.link("log_loss", self._similarities(states[rows]))
            means[rows] = engine.matmul(shares, self.patterns_, n_threads=self._n_threads(len(shares)))
        return means

    def _similarities(self, states: NDArray) -> NDArray:
        """Return the similarity of each state to each pattern: beta times their product."""
        by_unit = np.ascontiguousarray(self.patterns_.T)
        products = engine.matmul(np.ascontiguousarray(states), by_unit, n_threads=self._n_threads(len(states)))
        return products * products.dtype.type(self.beta)

    def _row_blocks(self, n_states: int) -> list[slice]:
        size = max(1, _SIMILARITIES_TOGETHER // len(self.patterns_))
        return [slice(first, first + size) for first in range(0, n_states, size)]

    def _modern_energies(self, states: NDArray) -> NDArray:
        states = states.astype(self.patterns_.dtype, copy=False)
        largest = np.square(self.patterns_, dtype=np.float64).sum(axis=1).max()
        energies = np.square(states, dtype=np.float64).sum(axis=1) / 2 + largest / 2
        for rows in self._row_blocks(len(states)):
            found = self._similarities(states[rows]).astype(np.float64)
            top = found.max(axis=1)
            # log(n_patterns) is part of it as a mean of exponentials instead of their sum.
            energies[rows] -= (np.log(np.exp(found - top[:, None]).mean(axis=1)) + top) / self.beta
        return energies

    # ---- what it is to scikit-learn and in files ---------------------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def check_state(self) -> None:
        """Refuse what a file must not say of a network; its parameters have been checked by themselves."""
        require_jobs(self.n_jobs)
        fitted = vars(self)
        if not any(name in fitted for name in _FITTED):
            return
        n: Any = fitted.get("n_features_in_")
        require(is_count(n) and n, "n_features_in_ is no number of units", n)
        require(is_count(fitted.get("_seed")), "_seed is no seed", fitted.get("_seed"))
        require(is_count(fitted.get("n_patterns_")) and self.n_patterns_, "n_patterns_ is no number of patterns")
        rules = self._parameter_constraints["rule"][0].options
        require(type(fitted.get("_rule")) is str and fitted["_rule"] in rules, "_rule is no rule", fitted.get("_rule"))
        if self._rule != "modern":
            weights: Any = fitted.get("weights_")
            require(is_array(weights, n, n) and weights.dtype == np.float64, "weights_ is no matrix of float64")
            require(np.isfinite(weights).all(), "weights_ has what is no finite number")
            require((weights == weights.T).all() and not weights.diagonal().any(), "weights_ is not symmetric or not 0"
                    " on its diagonal")  # fmt: skip
        else:
            patterns: Any = fitted.get("patterns_")
            is_of_type = is_array(patterns, self.n_patterns_, n) and patterns.dtype in (np.float32, np.float64)
            require(is_of_type and np.isfinite(patterns).all(), "patterns_ has no finite pattern for each n_patterns_")
