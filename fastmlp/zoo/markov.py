"""MarkovChain: how likely each state is after the states before it, counted in sequences."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.estimators.base import Estimator, begins_fit, restored_on_error
from fastmlp.exceptions import ReducibleChainWarning, UnseenTransitionsWarning, counted, warn_user
from fastmlp.inputs.plain_targets import is_missing
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require, shown
from fastmlp.zoo.state_sequences import StateSequences, Vocabulary, as_array, elements, given_sequences
from fastmlp.zoo.stationary import closed_classes, stationary_distribution

# NumPy's arrays have at most 64 axes, and a matrix of transitions has one for each state of a history, and one more. No
# prior needs larger weights than these, whose sums are finite.
_MOST_ORDER, _MOST_ALPHA = 63, 1e100
# There are at most so many probabilities, which take 400 MB, and so many histories whose stationary distribution is
# found, which takes seconds.
_MOST_TRANSITIONS = 50_000_000
_MOST_HISTORIES = 4_000


@stored_as("MarkovChain")
class MarkovChain(Estimator):
    """A Markov chain: the next state depends on the last one alone, or on the last few.

    The probability of state j after state i is (n_ij + alpha) / (n_i + alpha n_states), where n_ij counts how often j
    came after i: the mean of the posterior distribution, for a Dirichlet prior in which each state has the weight
    alpha. The distribution of the first state is found in the same way.

    Parameters
    ----------
    order : int from 1 to 63, default=1
        How many states the next one depends on: its history. There are n_states ** (order + 1) probabilities.
    alpha : float from 0 to 1e100, default=1.0
        The weight of each state in the prior, as if each had been counted so many times after every history. 0 gives
        the frequencies themselves, by which what never came is impossible; after a history that never came, all states
        are then equally likely, which is what alpha leads to as it gets smaller.
    states : array-like of shape (n_states,) or None, default=None
        All states that there can be. None means those in the sequences of the first fit. Any other state is refused, in
        partial_fit and predict, too.
    random_state : int, RandomState instance or None, default=None
        For sample.

    Attributes
    ----------
    states_ : ndarray of shape (n_states,)
        The states in the order of their numbers: as they were named, otherwise sorted, or in the order of their
        appearance where they cannot be.
    transition_matrix_ : ndarray of shape (n_states, n_states)
        The probability of each state (column) after each (row). In a chain of a higher order there is an axis for each
        state of the history, the oldest first: shape (n_states,) * (order + 1).
    initial_ : ndarray of shape (n_states,)
        The probability of each first state; of the first ``order`` states in a chain of a higher order.
    transition_counts_, initial_counts_ : ndarray of int64
        What was counted, in the same shapes.

    Notes
    -----
    Sequences are of different lengths and of states of any kind, so X is no matrix of features: scikit-learn's
    ``check_estimator`` has no input for such an estimator and passes it over, as it does text vectorizers. Parameters,
    clones, pickles and searches (``GridSearchCV`` divides lists of sequences) are those of any estimator.

    States can be anything hashable, but :func:`fastmlp.save` writes only those that are numbers, truth values, texts,
    or times of NumPy (``datetime64`` and ``timedelta64``, which a series of pandas has as well). It refuses a chain
    whose states are tuples, frozensets, bytes, complex numbers, or dates of Python or pandas; pickle takes them.

    Times in arrays stay what they are, with their unit. The methods also find them where sequences have them as objects
    of Python or pandas.

    References
    ----------
    Markov, "An example of statistical investigation of the text Eugene Onegin" (1913).
    Strelioff, Crutchfield and Hübler, "Inferring Markov chains: Bayesian estimation, model comparison, entropy rate,
    and out-of-class modeling" (Physical Review E 2007).

    Examples
    --------
    >>> from fastmlp.zoo import MarkovChain
    >>> days = [["sun", "sun", "rain", "sun"], ["rain", "rain", "sun", "sun", "sun"]]
    >>> chain = MarkovChain(alpha=0).fit(days)
    >>> chain.states_
    array(['rain', 'sun'], dtype='<U4')
    >>> chain.transition_matrix_.round(2)
    array([[0.33, 0.67],
           [0.25, 0.75]])
    >>> chain.predict([["rain", "sun"]])
    array(['sun'], dtype='<U4')
    >>> chain.stationary_distribution().round(3)
    array([0.273, 0.727])
    """

    states_: NDArray
    transition_matrix_: NDArray
    initial_: NDArray
    transition_counts_: NDArray
    initial_counts_: NDArray

    _parameter_constraints: ClassVar[dict] = {
        "order": [Interval(Integral, 1, _MOST_ORDER, closed="both")],
        "alpha": [Interval(Real, 0, _MOST_ALPHA, closed="both")],
        "states": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(self, order: int = 1, *, alpha: float = 1.0, states: Any = None, random_state: Any = None) -> None:
        self._set_parameters(locals())

    # ---- counting ----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: Any, y: Any = None, lengths: ArrayLike | None = None) -> Self:
        """Count transitions in sequences, and forget those from before.

        Parameters
        ----------
        X : list of sequences, array-like of shape (n_sequences, length) or, with lengths, of shape (n_states,)
            A sequence is a list, a tuple or an array of states, which can be numbers, texts, times or anything
            hashable. Each has at least ``order`` of them.
        y : None
            It is not used.
        lengths : array-like of int of shape (n_sequences,), default=None
            Where X is all sequences one after another, the number of states of each.

        Returns
        -------
        self : MarkovChain

        Raises
        ------
        TypeError
            When X is not made of sequences, or a state is not hashable.
        ValueError
            When a sequence is too short, a state is missing or not among ``states``, or there would be too many
            probabilities.

        Warns
        -----
        UnseenTransitionsWarning
            With alpha=0, when there are histories after which nothing came.
        """
        with restored_on_error(self):
            self._count(given_sequences(X, lengths, self.order), is_first=True)
        return self

    @begins_fit
    def partial_fit(self, X: Any, y: Any = None, lengths: ArrayLike | None = None) -> Self:
        """Count the transitions in further sequences, too; it comes to what fit makes of all of them at once.

        Parameters
        ----------
        X, y, lengths
            As for fit. The states are those of the first call, or those that the parameter ``states`` names.

        Returns
        -------
        self : MarkovChain

        Raises
        ------
        TypeError, ValueError
            As fit; and when ``order`` has been changed.
        """
        with restored_on_error(self):
            self._validate_params()  # scikit-learn does so at a first call only
            is_first = not hasattr(self, "states_")
            if not is_first:
                self._check_is_of_order()
            self._count(given_sequences(X, lengths, self.order), is_first=is_first)
        return self

    def _count(self, given: StateSequences, *, is_first: bool) -> None:
        """Add the transitions of sequences to the counts, and set the probabilities."""
        if is_first:
            words = self._named_states() if self.states is not None else Vocabulary.of(given.states)
            n = len(words.states)
            if n ** (self.order + 1) > _MOST_TRANSITIONS:
                raise ValueError(
                    f"order={self.order} of {n:,} states has {n}^{self.order + 1} probabilities, more than"
                    f" {_MOST_TRANSITIONS:,}; a smaller order or fewer states will do."
                )
        else:
            words, n = Vocabulary(self.states_), len(self.states_)
        numbers = words.numbers(given)
        histories = self._histories(numbers, n)
        at = np.arange(len(numbers.states)) - np.repeat(numbers.offsets[:-1], numbers.lengths)
        follows = at >= self.order
        places = histories[follows] * n + numbers.states[follows]
        transitions = np.bincount(places, minlength=n ** (self.order + 1)).reshape((n,) * (self.order + 1))
        # What comes before a state after the first few is the beginning of its sequence.
        beginnings = self._last_histories(numbers, n, numbers.offsets[:-1] + self.order)
        initial = np.bincount(beginnings, minlength=n**self.order).reshape((n,) * self.order)
        if not is_first:
            transitions, initial = transitions + self.transition_counts_, initial + self.initial_counts_
        self.states_, self.transition_counts_, self.initial_counts_ = words.states, transitions, initial
        self.initial_ = _posterior_means(initial.reshape(1, -1), self.alpha).reshape(initial.shape)
        self.transition_matrix_ = _posterior_means(transitions.reshape(-1, n), self.alpha).reshape(transitions.shape)
        n_unseen = int((transitions.sum(axis=-1) == 0).sum()) if self.alpha == 0 else 0
        if n_unseen:
            warn_user(
                f"Nothing came after {counted(n_unseen, 'history' if self.order > 1 else 'state')} of"
                f" {n**self.order:,}, and alpha=0 has no opinion: all states are taken for equally likely there.",
                UnseenTransitionsWarning,
            )

    def _named_states(self) -> Vocabulary:
        """Return the states that the user named."""
        given = self.states.to_numpy() if hasattr(self.states, "to_numpy") else self.states
        if isinstance(given, np.ndarray) and given.ndim == 0:
            raise ValueError(f"states must be a list of states; got {shown(self.states)}.")
        named = elements(given) if isinstance(given, np.ndarray) else list(given)
        for i, state in enumerate(named):
            if type(state).__hash__ is None:
                raise TypeError(f"states[{i}] is {shown(state)}, which is not hashable; tuple(state) is.")
            if is_missing(state):
                raise ValueError(f"states[{i}] is {state!r}, a gap and no state; a state in its place needs a name.")
        try:
            n_different = len({*named})
        except TypeError as error:  # of a tuple that has a list in it
            raise TypeError(f"states must be hashable, and so must all that is in them; {error}.") from None
        if n_different != len(named) or not named:
            raise ValueError(f"states must be different from each other, and at least one; got {shown(self.states)}.")
        return Vocabulary(as_array(named))

    def _histories(self, numbers: StateSequences, n: int) -> NDArray:
        """Return the number of the history before each state, of those that have one."""
        histories = np.zeros(len(numbers.states), dtype=np.int64)
        for back in range(self.order, 0, -1):
            histories *= n
            histories[back:] += numbers.states[: len(histories) - back]
        return histories

    def _last_histories(self, numbers: StateSequences, n: int, ends: NDArray) -> NDArray:
        """Return the number of the history before each of some places."""
        histories = np.zeros(len(ends), dtype=np.int64)
        for back in range(self.order, 0, -1):
            histories = histories * n + numbers.states[ends - back]
        return histories

    def _check_is_of_order(self) -> None:
        """Refuse to go on where the parameter order has been changed since fit."""
        if self.transition_matrix_.ndim - 1 != self.order:
            raise ValueError(f"order={self.order!r} was set after a fit of order {self.transition_matrix_.ndim - 1}.")

    def _numbers(self, X: Any, lengths: ArrayLike | None) -> StateSequences:
        """Return sequences that a method is given, as numbers of states."""
        check_is_fitted(self)
        self._check_is_of_order()
        return Vocabulary(self.states_).numbers(given_sequences(X, lengths, self.order))

    # ---- what comes next ---------------------------------------------------------------------------------------------

    def predict_proba(self, X: Any, lengths: ArrayLike | None = None) -> NDArray:
        """Return how likely each state is to come next, after each sequence.

        Parameters
        ----------
        X, lengths
            Sequences, as for fit; only the last ``order`` states of each count.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_states)
            The columns are in the order of ``states_``.

        Raises
        ------
        NotFittedError
            Before fit.
        TypeError, ValueError
            As fit; and for a state that the chain has not.
        """
        numbers = self._numbers(X, lengths)
        last = self._last_histories(numbers, len(self.states_), numbers.offsets[1:])
        return self.transition_matrix_.reshape(-1, len(self.states_))[last]

    def predict(self, X: Any, lengths: ArrayLike | None = None) -> NDArray:
        """Return the state that is most likely to come next, after each sequence.

        Parameters
        ----------
        X, lengths
            As for predict_proba.

        Returns
        -------
        states : ndarray of shape (n_sequences,)
            Of equally likely ones, the first in ``states_``.
        """
        probabilities = self.predict_proba(X, lengths)  # which is what checks that there are states
        return self.states_[probabilities.argmax(axis=1)]

    # ---- how likely sequences are ------------------------------------------------------------------------------------

    def score_samples(self, X: Any, lengths: ArrayLike | None = None) -> NDArray:
        """Return the logarithm of each sequence's probability among those of its length.

        Parameters
        ----------
        X, lengths
            Sequences, as for fit.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_sequences,)
            -inf for what alpha=0 holds to be impossible.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As predict_proba.
        """
        return self._log_likelihoods(self._numbers(X, lengths))

    def score(self, X: Any, y: Any = None, lengths: ArrayLike | None = None) -> float:
        """Return the mean logarithm of a state's probability, over all states of all sequences.

        The perplexity of the sequences is exp(-score).

        Parameters
        ----------
        X, lengths
            Sequences, as for fit.
        y : None
            It is not used.

        Returns
        -------
        score : float

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As predict_proba.
        """
        numbers = self._numbers(X, lengths)
        return float(self._log_likelihoods(numbers).sum() / len(numbers.states))

    def _log_likelihoods(self, numbers: StateSequences) -> NDArray:
        n, starts = len(self.states_), numbers.offsets[:-1]
        with np.errstate(divide="ignore"):
            of_transitions, of_beginnings = np.log(self.transition_matrix_).ravel(), np.log(self.initial_).ravel()
        terms = of_transitions[self._histories(numbers, n) * n + numbers.states]
        # The first states of a sequence have no history, and are taken together.
        for first in range(self.order):
            terms[starts + first] = 0.0
        terms[starts] = of_beginnings[self._last_histories(numbers, n, starts + self.order)]
        return np.add.reduceat(terms, starts)

    # ---- the chain by itself -----------------------------------------------------------------------------------------

    def sample(self, n: int, *, n_sequences: int | None = None, start: Any = None, random_state: Any = None) -> NDArray:
        """Draw sequences from the chain.

        Parameters
        ----------
        n : int >= 1
            The number of states of a sequence.
        n_sequences : int >= 1 or None, default=None
            None draws a single one.
        start : state, or list of states, default=None
            What every sequence begins with, counted among the n: ``order`` states or more, or a single state where
            order=1. None draws the beginning as well.
        random_state : int, RandomState instance or None, default=None
            None takes the estimator's.

        Returns
        -------
        states : ndarray of shape (n,) or (n_sequences, n)

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When n or n_sequences is no positive integer, and for a start that the chain has not or that is too short or
            too long.

        Examples
        --------
        >>> from fastmlp.zoo import MarkovChain
        >>> chain = MarkovChain(alpha=0, random_state=0).fit([[0, 1, 2, 0, 1, 2, 0]])
        >>> chain.sample(5, start=1)
        array([1, 2, 0, 1, 2])
        """
        check_is_fitted(self)
        self._check_is_of_order()
        n, k, n_states = whole_number(n, "n"), self.order, len(self.states_)
        n_drawn = 1 if n_sequences is None else whole_number(n_sequences, "n_sequences")
        random = check_random_state(self.random_state if random_state is None else random_state)
        drawn = np.empty((n_drawn, max(n, k)), dtype=np.int64)
        if start is None:
            first = random.choice(self.initial_.size, n_drawn, p=self.initial_.ravel())
            drawn[:, :k] = np.transpose(np.unravel_index(first, self.initial_.shape))
            begun = k
        else:
            beginning = self._start(start, n)
            begun = len(beginning)
            drawn[:, :begun] = beginning
        # Where a random number falls among the sums of a row's probabilities is the next state. The last sum is 1 but
        # for rounding; divided by it, it is 1, and so are those before it that are followed by impossible states.
        sums = self.transition_matrix_.reshape(-1, n_states).cumsum(axis=1)
        sums /= sums[:, -1:]
        weights = n_states ** np.arange(k)[::-1]
        for at in range(begun, n):
            rows = sums[drawn[:, at - k : at] @ weights]
            uniform = random.random_sample(n_drawn)
            # A state of the probability 0 has the sum of the one before it, and is never the first that is larger.
            drawn[:, at] = (rows <= uniform[:, None]).sum(axis=1)
        states = self.states_[drawn[:, :n]]
        return states[0] if n_sequences is None else states

    def _start(self, start: Any, n: int) -> NDArray:
        """Return the numbers of the states that samples are to begin with."""
        words = Vocabulary(self.states_)
        try:
            is_state = self.order == 1 and start in words
        except TypeError:  # what is not hashable is no state
            is_state = False
        listed = start if isinstance(start, list | tuple | np.ndarray) and not is_state else [start]
        numbers = words.numbers(given_sequences([listed], None, self.order), name="start").states
        if len(numbers) > n:
            raise ValueError(f"start has {len(numbers)} states, more than the n={n} of a sample.")
        return numbers

    def stationary_distribution(self) -> NDArray:
        """Return the share of time that the chain spends in each state in the long run.

        Where the chain can get from every state to every other, as it can with any alpha > 0, this is the one
        distribution that a step does not change. It is found without differences, so that even the smallest shares are
        exact.

        Returns
        -------
        shares : ndarray of shape (n_states,)
            In the order of ``states_``.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For a chain of a higher order with more than 4000 histories.

        Warns
        -----
        ReducibleChainWarning
            When the chain has several sets of states that it does not leave again. Then there are several stationary
            distributions; the one that is returned is that of a chain that begins as ``initial_`` says.
        """
        check_is_fitted(self)
        n, n_histories = len(self.states_), self.initial_.size
        if n_histories > _MOST_HISTORIES:
            raise ValueError(f"a stationary distribution over {n_histories:,} histories is too much; at most"
                             f" {_MOST_HISTORIES:,} are possible.")  # fmt: skip
        step = np.zeros((n_histories, n_histories))
        histories = np.arange(n_histories)
        for state in range(n):
            # The oldest state of a history is forgotten, and the new one becomes its last.
            step[histories, histories * n % n_histories + state] = self.transition_matrix_.reshape(-1, n)[:, state]
        closed = closed_classes(step)
        if len(closed) > 1:
            which = " and ".join(str([self._state_of(number) for number in numbers[:3]]) for numbers in closed[:3])
            warn_user(
                f"The chain has {len(closed)} sets of states that it does not leave again, such as {which}, and so more"
                " than one stationary distribution. This is the one of chains that begin as initial_ says.",
                ReducibleChainWarning,
            )
        shares = stationary_distribution(step, self.initial_.ravel(), closed)
        return shares.reshape(-1, n).sum(axis=0)

    def _state_of(self, history: int) -> Any:
        """Return a state, or a tuple of them in a chain of a higher order, by its number."""
        at = np.unravel_index(history, self.initial_.shape)
        states = tuple(elements(self.states_[list(at)]))
        return states[0] if len(states) == 1 else states

    # ---- what it is to scikit-learn and in files ---------------------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def check_state(self) -> None:
        """Refuse what a file must not say of a chain; its parameters have been checked by themselves."""
        fitted = vars(self)
        if "states_" not in fitted:
            return
        states: Any = fitted["states_"]
        require(type(states) is np.ndarray and states.ndim == 1 and len(states), "states_ is no vector of states")
        require(len({*states.tolist()}) == len(states), "states_ has a state twice")
        matrix: Any = fitted.get("transition_matrix_")
        require(type(matrix) is np.ndarray and matrix.ndim >= 2, "transition_matrix_ is no matrix")
        n, order = len(states), matrix.ndim - 1
        for name, shape in {"transition": (n,) * (order + 1), "initial": (n,) * order}.items():
            probabilities: Any = fitted.get("transition_matrix_" if name == "transition" else "initial_")
            counts: Any = fitted.get(f"{name}_counts_")
            require(is_array(probabilities, *shape), f"{name} probabilities do not fit states_")
            require(is_array(counts, *shape, kinds="i") and (counts >= 0).all(), f"{name}_counts_ does not fit states_")
            sums = probabilities.sum(axis=-1 if name == "transition" else None)
            sound = (probabilities >= 0).all() and np.allclose(sums, 1, rtol=0, atol=1e-9)
            require(sound, f"{name} probabilities do not add up to 1")


def _posterior_means(counts: NDArray, alpha: float) -> NDArray:
    """Return the probabilities in rows of counts; equal ones where nothing was counted and alpha is 0."""
    alpha, totals = float(alpha), counts.sum(axis=1, keepdims=True)
    if alpha == 0:
        counts, totals = np.where(totals == 0, 1, counts), np.where(totals == 0, counts.shape[1], totals)
    return (counts + alpha) / (totals + alpha * counts.shape[1])
