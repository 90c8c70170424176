"""Sequences of states of any kind: as they are given, and as numbers of states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.inputs.plain_targets import is_missing
from fastmlp.soundness import shown

# The kinds of arrays whose elements can be compared as they are, without Python: truth values, numbers, texts, times.
_PLAIN = frozenset("biufUSmM")


class StateSequences(NamedTuple):
    """Sequences, one after another.

    Sequence number i has the states from ``offsets[i]`` to ``offsets[i + 1]``.
    """

    #: The states as they are given, or their numbers. An array of one dimension.
    states: NDArray
    offsets: NDArray

    @property
    def lengths(self) -> NDArray:
        """The number of states of each sequence."""
        return np.diff(self.offsets)

    def place(self, at: int, name: str = "X") -> str:
        """Return where a state stands, for messages."""
        number = int(np.searchsorted(self.offsets, at, side="right")) - 1
        return f"{name}[{number}][{at - self.offsets[number]}]"


def given_sequences(X: Any, lengths: ArrayLike | None, least: int) -> StateSequences:
    """Return sequences as a user gives them.

    Parameters
    ----------
    X : list of sequences, array-like of shape (n_sequences, length) or, with lengths, of shape (n_states,)
        A sequence is a list, a tuple or an array of states, but no text.
    lengths : array-like of int of shape (n_sequences,) or None
        Where X is one sequence after another, the number of states of each.
    least : int
        The least number of states that a sequence must have.

    Raises
    ------
    TypeError
        When X is not made of sequences.
    ValueError
        When there is no sequence, one is too short, a state is missing, or lengths do not add up.

    Examples
    --------
    >>> from fastmlp.zoo.state_sequences import given_sequences
    >>> given_sequences([["sun", "rain"], ["sun"]], None, 1).offsets
    array([0, 2, 3])
    >>> given_sequences(["sun", "rain"], None, 1)
    Traceback (most recent call last):
    ...
    TypeError: X[0] is 'sun', a state rather than a sequence. A single sequence is given as [sequence] or with \
lengths=[len(sequence)]; a text is a sequence of letters as list(text).
    """
    if lengths is not None:
        found = _with_lengths(X, lengths)
    else:
        if hasattr(X, "to_numpy"):
            X = X.to_numpy()
        if isinstance(X, np.ndarray) and X.ndim == 2:
            found = StateSequences(X.ravel(), np.arange(len(X) + 1) * X.shape[1])
        else:
            parts = [_one_sequence(part, i) for i, part in enumerate(_iterable(X))]
            found = StateSequences(_joined(parts), np.concatenate([[0], np.cumsum([len(part) for part in parts])]))
            found = found._replace(offsets=found.offsets.astype(np.int64))
    if len(found.offsets) == 1:
        raise ValueError("X has no sequence.")
    if (short := found.lengths < least).any():
        i = int(np.argmax(short))
        wanted = "a state" if least == 1 else f"{least} states, as many as order={least} looks at"
        raise ValueError(f"X[{i}] has {found.lengths[i]} states; a sequence must have at least {wanted}.")
    _refuse_missing(found)
    return found


def _with_lengths(X: Any, lengths: ArrayLike) -> StateSequences:
    """Return sequences that are given one after another."""
    sizes = np.asarray(lengths)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or not (sizes > 0).all():
        raise ValueError(f"lengths must be positive integers, one for each sequence; got {shown(lengths)}.")
    X = X.to_numpy() if hasattr(X, "to_numpy") else X
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    states = _joined([_one_sequence(X, None)])
    total = sum(sizes.tolist())  # of Python's integers, which do not wrap around
    if total != len(states):
        raise ValueError(f"lengths must add up to the {len(states):,} states of X; got a sum of {total:,}.")
    return StateSequences(states, np.concatenate([[0], np.cumsum(sizes.astype(np.int64))]))


def _iterable(X: Any) -> Iterable[Any]:
    if isinstance(X, str | bytes | dict) or not isinstance(X, Iterable):
        raise TypeError(f"X must be a list of sequences, or an array with a sequence in each row; got {shown(X)}.")
    return X


def _one_sequence(part: Any, number: int | None) -> Sequence[Any] | NDArray:
    """Return a sequence that is given; its number is None for all states one after another."""
    name = "X" if number is None else f"X[{number}]"
    if hasattr(part, "to_numpy"):
        part = part.to_numpy()
    if isinstance(part, np.ndarray) and part.ndim == 1:
        return part
    if isinstance(part, list | tuple | range):
        return part
    if isinstance(part, np.ndarray) and part.ndim > 1:
        raise TypeError(f"{name} must be a sequence of states; got an array of shape {part.shape}.")
    raise TypeError(
        f"{name} is {shown(part)}, a state rather than a sequence. A single sequence is given as [sequence] or with"
        " lengths=[len(sequence)]; a text is a sequence of letters as list(text)."
    )


def _joined(parts: Sequence[Sequence[Any] | NDArray]) -> NDArray:
    """Return the states of all sequences in one array: of numbers or texts where all states are such, or of objects."""
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind in _PLAIN]
    # Numbers, bytes and texts must not become texts together, and times of different units could overflow.
    kinds = {str(array.dtype) if array.dtype.kind in "mM" else _family(array) for array in arrays}
    if len(arrays) == len(parts) and len(kinds) == 1:
        return np.concatenate(arrays)
    return as_array(list(chain.from_iterable(elements(p) if isinstance(p, np.ndarray) else p for p in parts)))


def _family(array: NDArray) -> str:
    """Return with the elements of which arrays those of an array can be compared."""
    kind = array.dtype.kind
    return kind if kind in "USmM" else "numbers"


def elements(states: NDArray) -> list[Any]:
    """Return the states of an array as Python's objects; but times as NumPy's, which Python may only have as integers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.state_sequences import elements
    >>> elements(np.array(["a"])), elements(np.array(["2026-01-31"], dtype="datetime64[D]"))
    (['a'], [np.datetime64('2026-01-31')])
    """
    return list(states) if states.dtype.kind in "mM" else states.tolist()


def as_array(states: Sequence[Any]) -> NDArray:
    """Return states as an array of one dimension, of numbers, texts or times if all states are of one such kind.

    Examples
    --------
    >>> from fastmlp.zoo.state_sequences import as_array
    >>> as_array(["a", "b"]), as_array(["a", 1]), as_array([(0, 1), (1, 1)]).shape
    (array(['a', 'b'], dtype='<U1'), array(['a', 1], dtype=object), (2,))
    """
    kinds = {type(state) for state in states}
    if len(kinds) == 1 and issubclass(next(iter(kinds)), str | bool | int | float | np.generic):
        if issubclass(next(iter(kinds)), np.datetime64 | np.timedelta64) and len({state.dtype for state in states}) > 1:
            return _as_objects(states)  # of different units, the finest of which could overflow
        array = np.asarray(states)
        if array.dtype.kind in _PLAIN and (array.dtype.kind != "U" or array.tolist() == list(states)):
            return array
    return _as_objects(states)


def _as_objects(states: Sequence[Any]) -> NDArray:
    array = np.empty(len(states), dtype=object)
    for i, state in enumerate(states):
        array[i] = state
    return array


def _refuse_missing(found: StateSequences) -> None:
    states = found.states
    if states.dtype.kind in "fcmM":
        missing = np.isnan(states)
    elif states.dtype == object:
        missing = np.fromiter((is_missing(state) for state in states), dtype=bool, count=len(states))
    else:
        return
    if missing.any():
        at = int(np.argmax(missing))
        raise ValueError(
            f"{found.place(at)} is {states[at]!r}, a gap and no state. Divide the sequence there, or name the gap."
        )


class Vocabulary:
    """The states that there are, each with a number.

    They are sorted, or in the order of their first appearance where they cannot be.

    Parameters
    ----------
    states : ndarray of shape (n_states,)
        They are all different, in the order of their numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.state_sequences import Vocabulary, given_sequences
    >>> sequences = given_sequences([["sun", "rain"], ["sun"]], None, 1)
    >>> words = Vocabulary.of(sequences.states)
    >>> words.states, words.numbers(sequences).states
    (array(['rain', 'sun'], dtype='<U4'), array([1, 0, 1]))
    """

    def __init__(self, states: NDArray) -> None:
        self.states, self._are_times = states, states.dtype.kind in "mM"
        self._order = np.argsort(states) if states.dtype != object else None
        self._by_state = {state: number for number, state in enumerate(elements(states))}

    @classmethod
    def of(cls, states: NDArray) -> Vocabulary:
        """Return the vocabulary of all states that appear.

        Raises
        ------
        TypeError
            When a state cannot be hashed.
        """
        if states.dtype != object:
            return cls(np.unique(states))
        try:
            different = list(dict.fromkeys(states.tolist()))
        except TypeError:
            wrong = next(state for state in states.tolist() if type(state).__hash__ is None)
            raise TypeError(f"X has the state {shown(wrong)}, which is not hashable; tuple(state) is.") from None
        with suppress(TypeError):
            different = sorted(different)
        return cls(as_array(different))

    def __contains__(self, state: Any) -> bool:
        return (self._as_time(state) if self._are_times else state) in self._by_state

    def _as_time(self, state: Any) -> Any:
        """Return a state as a time of the kind and unit that the states are of; None if it is no such time."""
        kind = self.states.dtype.kind
        # It can also be of the types of Python and of pandas; a time with a time zone is another state.
        if kind == "M" and isinstance(state, date) and getattr(state, "tzinfo", None) is None:
            state = state.to_datetime64() if hasattr(state, "to_datetime64") else np.datetime64(state)
        elif kind == "m" and isinstance(state, timedelta):
            state = state.to_timedelta64() if hasattr(state, "to_timedelta64") else np.timedelta64(state)
        if not isinstance(state, np.datetime64 if kind == "M" else np.timedelta64):
            return None
        time = state.astype(self.states.dtype)
        return time if time == state else None

    def numbers(self, sequences: StateSequences, name: str = "X") -> StateSequences:
        """Return the sequences with the numbers of states in place of the states.

        Raises
        ------
        ValueError
            When there is a state that the vocabulary has not; the message says where.
        """
        given = sequences.states
        if self._order is not None and given.dtype != object and _family(given) == _family(self.states):
            at = np.searchsorted(self.states, given, sorter=self._order)
            numbers = self._order[np.minimum(at, len(self.states) - 1)]
            unknown = self.states[numbers] != given
        else:
            states = map(self._as_time, elements(given)) if self._are_times else elements(given)
            numbers = np.fromiter((self._by_state.get(state, -1) for state in states), np.int64, len(given))
            unknown = numbers < 0
        if unknown.any():
            first = int(np.argmax(unknown))
            known = ", ".join([*map(repr, elements(self.states[:5])), *["..."][: len(self.states) > 5]])
            state = elements(given[first : first + 1])[0]
            raise ValueError(
                f"{sequences.place(first, name)} is {state!r}, a state that the chain has not: it has {known}. States"
                " that are yet to come are named before fit, in the parameter states."
            )
        return StateSequences(numbers.astype(np.int64, copy=False), sequences.offsets)
