"""The rows that a fit is given: a table that has been read, targets as numbers, and weights whose mean is 1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from fastmlp.tabular.columns import TypedTable

#: So many bits of a weight count: those of the float32 numbers that members' networks train with.
_N_BITS = 24


class Samples(NamedTuple):
    """Rows with their targets and their weights."""

    table: TypedTable
    #: Shape (n_rows,) or (n_rows, n_outputs).
    targets: NDArray
    #: Shape (n_rows,); None for equal ones.
    weights: NDArray[np.float64] | None

    def followed_by(self, others: Samples) -> Samples:
        """Return these rows and others, one after the other."""
        weights = None
        if self.weights is not None or others.weights is not None:
            both = (np.ones(len(each.table)) if each.weights is None else each.weights for each in (self, others))
            weights = np.concatenate([*both])
        table = TypedTable(
            np.concatenate([self.table.numbers, others.table.numbers]),
            np.concatenate([self.table.categories, others.table.categories]),
        )
        return Samples(table, np.concatenate([self.targets, others.targets]), weights)


def mean_one(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights in units of the mean of those above 0, of which there is at least one.

    What is trained depends on how large weights are beside a penalty, so that weights in other units must become the
    same numbers. Division leaves the last bits of them to chance, which float32 numbers do not have.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.samples import mean_one
    >>> mean_one(np.array([0.0, 100.0, 300.0]))
    array([0. , 0.5, 1.5])
    """
    shares = weights / weights.max()  # whose sum is never too large for a number
    mantissas, exponents = np.frexp(shares / shares[shares > 0].mean())
    return np.ldexp(np.round(np.ldexp(mantissas, _N_BITS)), exponents - _N_BITS)


def weights_of(sample_weight: ArrayLike | None, table: TypedTable) -> NDArray[np.float64] | None:
    """Return the weights of a table's rows in units of their mean; None for equal ones.

    Raises
    ------
    ValueError
        When they are not as many as rows, negative, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    rows = np.empty((len(table), 1))
    return mean_one(_check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True))


def require_as_many(table: TypedTable, targets: NDArray, X: str, y: str) -> None:
    """Refuse targets that are not as many as the rows of a table, given what the two are called.

    Raises
    ------
    ValueError
        It says how many there are of each.
    """
    if len(table) != len(targets):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: [{len(table)}, {len(targets)}]: {X} and {y}"
            " must have as many rows."
        )
