"""Sequences of steps, in the forms that users have them, as one matrix with a row for each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from fastmlp.inputs.validation import validated

# What goes through a reservoir together: whole sequences of up to so many steps, whose states fit the memory; but at
# least so many sequences, if need be in pieces of time, to share out, and at most so many.
_MOST_STEPS = 8192
_LEAST_SEQUENCES, _MOST_SEQUENCES = 16, 128


class Piece(NamedTuple):
    """Some sequences for a while: what goes through a reservoir together."""

    #: Which of the sequences, in their order.
    sequences: slice
    #: The rows of these steps in the matrix of all steps: a slice where they follow each other.
    rows: slice | NDArray
    #: For each of these rows, how many steps of its sequence came before it.
    steps: NDArray
    #: How many of the rows each sequence has.
    lengths: NDArray


class Sequences:
    """Sequences of steps, one after another in a matrix, and the form in which they were given.

    Parameters
    ----------
    rows : ndarray of shape (n_steps, n_features)
        The steps of all sequences.
    lengths : ndarray of int64 of shape (n_sequences,)
    form : {"rows", "list", "cube"}
        A matrix of steps, a list of matrices, or an array of three axes.
    """

    def __init__(self, rows: NDArray, lengths: NDArray, form: str) -> None:
        self.rows, self.lengths, self.form = rows, lengths, form
        self.ends = np.cumsum(lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def pieces(self) -> Iterator[Piece]:
        """Cut the sequences into pieces of some thousand rows; the pieces of a sequence come in the order of time."""
        first = 0
        while first < len(self):
            begin = self.ends[first] - self.lengths[first]
            n_whole = int(np.searchsorted(self.ends[first:] - begin, _MOST_STEPS, side="right"))
            some = slice(first, min(first + int(np.clip(n_whole, _LEAST_SEQUENCES, _MOST_SEQUENCES)), len(self)))
            yield from self._pieces_of(some)
            first = some.stop

    def _pieces_of(self, some: slice) -> Iterator[Piece]:
        """Cut some sequences into pieces of time, of which there is one where they have few steps."""
        lengths, begins = self.lengths[some], (self.ends - self.lengths)[some]
        is_whole = lengths.sum() <= _MOST_STEPS
        window = max(1, int(lengths.max()) if is_whole else _MOST_STEPS // len(lengths))
        for start in range(0, int(lengths.max()), window):
            counts = np.clip(lengths - start, 0, window)
            steps = np.concatenate([np.arange(start, start + count) for count in counts])
            if is_whole or len(lengths) == 1:
                rows: slice | NDArray = slice(begins[0] + start, begins[0] + start + len(steps))
            else:
                rows = np.repeat(begins, counts) + steps
            yield Piece(some, rows, steps, counts)

    def in_form(self, values: NDArray) -> Any:
        """Return a value for each step as the sequences were given: as an array, or as a list of arrays."""
        if self.form == "list":
            return np.split(values, self.ends[:-1])
        return values.reshape(len(self), -1, *values.shape[1:]) if self.form == "cube" else values


def sequences_of(
    estimator: Any, X: Any, y: Any = None, lengths: Any = None, *, reset: bool, **options: Any
) -> tuple[Sequences, Any]:
    """Return X as sequences, and what belongs to their steps; an estimator's features are those of X, or refuse it.

    Parameters
    ----------
    estimator : estimator
    X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
    y : array-like, or list of arrays, default=None
        Targets for each step, in the form of X.
    lengths : array-like of int of shape (n_sequences,), default=None
        Where X is a matrix: how many of its rows each sequence has. By default it is one sequence.
    reset : bool
        Whether this is a first fit.
    **options
        Of scikit-learn's validation of X and y, where there shall be targets.

    Returns
    -------
    sequences : Sequences
    y : ndarray of shape (n_steps,) or (n_steps, n_outputs), or None

    Raises
    ------
    ValueError
        For sequences of different widths, empty ones, lengths that are not those of X, and targets that are not those
        of its steps; without reset, for wrong parameters.
    """
    if not reset:
        check_is_fitted(estimator)
        estimator._validate_params()  # they may have been set after the fit
    joined, form, found = _joined(X)
    if lengths is not None and form != "rows":
        raise ValueError("lengths must be None where X is a list of sequences or has three axes, which tell them.")
    options = {"dtype": (np.float64, np.float32), "order": "C", "reset": reset, **options}
    if options.get("multi_output") is not None:
        rows, y = validated(estimator, joined, _joined_targets(y, form, found), **options)
    else:
        rows = validated(estimator, joined, **options)
    if found is None:
        found = np.array([len(rows)]) if lengths is None else _checked_lengths(lengths, len(rows))
    return Sequences(rows, found.astype(np.int64), form), y


def refuse_no_table(estimator: Any, X: Any, hint: str = "") -> None:
    """Refuse X whose states of all steps are no table, where set_output asks for one.

    Parameters
    ----------
    estimator : transformer
    X : Any
        As it is given to transform.
    hint : str, default=""
        What else would give a table.

    Raises
    ------
    ValueError
        When X is a list of sequences or has three axes, as then what transform returns.
    """
    wanted = _get_output_config("transform", estimator)["dense"]
    is_list = is_list_of_sequences(X)
    if wanted != "default" and (is_list or getattr(X, "ndim", 2) == 3):
        raise ValueError(
            f"X must be a matrix, with lengths if it has several sequences, where set_output(transform={wanted!r}) asks"
            f" for a table: it {'is a list of sequences' if is_list else 'has three axes'}, as the states of its steps"
            f" would be.{hint} With set_output(transform='default') they are returned in the form of X."
        )


def with_a_row_for_each_sequence(estimator: Any, values: NDArray) -> Any:
    """Return rows of sequences so that scikit-learn can make the table of them that set_output may ask for.

    It would give them the index that X has as a frame, which is one of steps.
    """
    if _get_output_config("transform", estimator)["dense"] != "pandas":
        return values
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(values)


def is_list_of_sequences(X: Any) -> bool:
    """Whether X is a list of matrices, rather than of rows or of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.sequences import is_list_of_sequences
    >>> is_list_of_sequences([np.ones((3, 2)), np.ones((5, 2))]), is_list_of_sequences([[1.0, 2.0], [3.0, 4.0]])
    (True, False)
    """
    if not isinstance(X, list | tuple) or not X:
        return False
    first = X[0]
    if isinstance(first, list | tuple):
        return len(first) > 0 and np.ndim(first[0]) > 0
    return getattr(first, "ndim", 0) == 2


def _joined(X: Any) -> tuple[Any, str, NDArray | None]:
    """Return the matrix of all steps, what form X has, and the lengths of the sequences where the form tells them."""
    if is_list_of_sequences(X):
        return _joined_list(X)
    if isinstance(X, np.ndarray) and X.ndim == 3:
        if not X.shape[0] or not X.shape[1]:
            raise ValueError(f"X must have at least one sequence of at least one step, got shape {X.shape}.")
        return X.reshape(-1, X.shape[2]), "cube", np.full(X.shape[0], X.shape[1])
    return X, "rows", None


def _joined_list(X: Any) -> tuple[Any, str, NDArray]:
    """Join a list of matrices, which must have the same columns."""
    are_frames = all(hasattr(part, "iloc") for part in X)
    parts: list[Any] = list(X) if are_frames else [np.asarray(part) for part in X]
    for i, part in enumerate(parts):
        if part.ndim != 2 or not len(part):
            raise ValueError(f"X[{i}] must be a matrix with a row for each step, got shape {part.shape}.")
        if part.shape[1] != parts[0].shape[1] or (are_frames and list(part.columns) != list(parts[0].columns)):
            raise ValueError(
                f"X must have sequences with the same columns: there are {parts[0].shape[1]} in X[0], and"
                f" {part.shape[1]}{' others' * (part.shape[1] == parts[0].shape[1])} in X[{i}]."
            )
    lengths = np.array([len(part) for part in parts])
    if are_frames:
        import pandas as pd  # noqa: PLC0415

        return pd.concat(parts, ignore_index=True), "list", lengths
    return np.concatenate(parts), "list", lengths


def _joined_targets(y: Any, form: str, lengths: NDArray | None) -> Any:
    """Return targets for each step, one sequence after another."""
    if lengths is None or y is None:
        return y
    if form == "cube":
        y = np.asarray(y)
        if y.ndim not in (2, 3) or y.shape[:2] != (len(lengths), lengths[0]):
            raise ValueError(
                f"y must have the {len(lengths)} sequences of {lengths[0]} steps that X has, got shape {y.shape}."
            )
        return y.reshape(-1, *y.shape[2:])
    if len(y) != len(lengths):
        raise ValueError(f"y must have as many sequences as X, {len(lengths)}, got {len(y)}.")
    parts = [np.asarray(part) for part in y]
    for i, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        if part.ndim not in (1, 2) or len(part) != length or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"y[{i}] must have a target for each of the {length} steps of X[{i}], as y[0] has for those of X[0];"
                f" got shape {part.shape}."
            )
    return np.concatenate(parts)


def _checked_lengths(lengths: Any, n_rows: int) -> NDArray:
    """Return the lengths of sequences that have so many rows together."""
    found = np.asarray(lengths)
    are_sizes = found.ndim == 1 and found.dtype.kind in "iu" and len(found) > 0 and found.min() > 0
    if not are_sizes or sum(found.tolist()) != n_rows:  # of Python's integers, which do not wrap around
        raise ValueError(f"lengths must be positive integers whose sum is the {n_rows} rows of X, got {lengths!r}.")
    return found
