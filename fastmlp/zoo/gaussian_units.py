"""Gaussian units: their values by one product of the engine, and centres and widths that are found in the data.

exp(-|x - c|^2 / (2 s^2)) is exp(x c / s^2 - |x|^2 / (2 s^2) - |c|^2 / (2 s^2)): a layer of dense units with the output
activation exp, whose inputs are x and |x|^2. The three terms cancel where x is near c, so features are centred first,
and all of it is in float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmlp.engine import Centers, matmul
from fastmlp.inputs.rows import Rows, rows_of
from fastmlp.network import Network, Objective, Structure

# K-means looks at so many rows for each centre, but not at fewer than these, and goes over them at most so many times,
# until no more than this share of them changes its cluster.
_ROWS_OF_CENTER = 20
_LEAST_SAMPLE = 5000
_MOST_ROUNDS = 20
_STILL = 0.01


class Scaling(NamedTuple):
    """What is subtracted from features, and what they are then multiplied by."""

    means: NDArray
    scales: NDArray

    def of(self, X: Any) -> Any:
        """Return validated samples centred and scaled, in float64; sparse ones stay so where the means are 0."""
        if scipy.sparse.issparse(X) and not self.means.any():
            return scipy.sparse.csr_array(X, dtype=np.float64).multiply(self.scales).tocsr()
        X = X.toarray() if scipy.sparse.issparse(X) else X
        return np.asarray((X - self.means) * self.scales, dtype=np.float64)


class _Samples(NamedTuple):
    """Validated samples, as the units take them."""

    X: Any
    n_rows: int


class GaussianUnits:
    """Units exp(-|x - c|^2 / (2 s^2)) of samples x that are centred and scaled.

    Parameters
    ----------
    centers : ndarray of shape (n_units, n_features), float64
        In the units of X.
    widths : ndarray of shape (n_units,), float64
        The standard deviations s, in the units of X after scaling.
    scaling : Scaling

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.gaussian_units import GaussianUnits, Scaling
    >>> units = GaussianUnits(np.array([[0.0, 0], [3, 4]]), np.array([5.0, 5.0]), Scaling(np.zeros(2), np.ones(2)))
    >>> units.values(units.rows(np.array([[0.0, 0.0]])), 0, 1, n_threads=1).round(4)  # the last is exp(-1 / 2)
    array([[1.    , 0.6065]])
    """

    dtype = np.dtype(np.float64)

    def __init__(self, centers: NDArray, widths: NDArray, scaling: Scaling) -> None:
        self.centers, self.widths, self.scaling = centers, widths, scaling
        self.n_units, n_features = centers.shape
        self.network = Network(
            Structure.of([n_features + 1, self.n_units], "relu"), objective=Objective.with_link("exp")
        )
        set_weights(self.network, scaling.of(centers), widths)
        self._packed = self.network.packed()

    def rows(self, X: Any) -> _Samples:
        """Return validated samples as :meth:`values` takes them."""
        return _Samples(scipy.sparse.csr_array(X) if scipy.sparse.issparse(X) else X, X.shape[0])

    def values(self, rows: _Samples, start: int, stop: int, n_threads: int) -> NDArray:
        """Return the units' values for some of the rows, shape (stop - start, n_units)."""
        inputs = with_squares(self.scaling.of(rows.X[start:stop]))
        return self._packed.forward(inputs, n_threads=n_threads)


def set_weights(network: Network, centers: NDArray, widths: NDArray) -> None:
    """Set the weights of a layer of Gaussian units, whose centres are centred and scaled as its inputs are."""
    inverse = widths**-2.0
    network.coefs[0][:-1] = centers.T * inverse
    network.coefs[0][-1] = -0.5 * inverse
    network.intercepts[0][:] = -0.5 * inverse * np.einsum("kd,kd->k", centers, centers)


def with_squares(X: Any) -> Rows:
    """Return rows with |x|^2 as a last feature."""
    if scipy.sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1).reshape(-1, 1)
        return rows_of(scipy.sparse.hstack([X, scipy.sparse.csr_array(squares)], format="csr"), np.float64)
    inputs = np.empty((X.shape[0], X.shape[1] + 1))
    inputs[:, :-1] = X
    np.einsum("nd,nd->n", X, X, out=inputs[:, -1])
    return rows_of(inputs, np.float64)


# ---- centres ---------------------------------------------------------------------------------------------------------


def spread_rows(X: Any, weights: NDArray | None, n: int, random_state: np.random.RandomState) -> NDArray[np.intp]:
    """Return the numbers of n rows, drawn at equal distances from all rows in their order along a random direction.

    Which rows these are does not depend on the order in which X has them, and a row of weight w is drawn as w rows are.
    Without weights all are different.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.gaussian_units import spread_rows
    >>> X = np.arange(10.0)[:, None]
    >>> sorted(np.diff(sorted(spread_rows(X, None, 5, np.random.RandomState(0)))).tolist())
    [2, 2, 2, 2]
    """
    direction, offset = random_state.standard_normal(X.shape[1]), random_state.uniform()
    order = np.argsort(X @ direction, kind="stable")
    ends = np.cumsum(np.ones(len(order)) if weights is None else weights[order])
    places = (np.arange(n) + offset) * (ends[-1] / n)
    return order[np.minimum(np.searchsorted(ends, places, side="right"), np.flatnonzero(np.diff(ends, prepend=0))[-1])]


def k_means(X: Any, weights: NDArray | None, n: int, random_state: np.random.RandomState, n_threads: int) -> NDArray:
    """Return the means of n clusters, by Lloyd's algorithm from rows that :func:`spread_rows` draws.

    Of more than 5000 rows only 20 for each centre are looked at, which is plenty for units that overlap. A cluster that
    loses all its rows keeps its centre.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features), float64
    weights : ndarray of shape (n_samples,) or None
    n : int
        At most as many as there are rows.
    random_state : RandomState
    n_threads : int

    Returns
    -------
    centers : ndarray of shape (n, n_features)
    """
    sample = max(_LEAST_SAMPLE, _ROWS_OF_CENTER * n)
    if X.shape[0] > sample:
        X, weights = X[spread_rows(X, weights, sample, random_state)], None
    counts = np.ones(X.shape[0]) if weights is None else weights
    centers = dense(X[spread_rows(X, weights, n, random_state)])
    rows, nearest = rows_of(X, np.float64), np.full(X.shape[0], -1)
    for _ in range(_MOST_ROUNDS):
        before = nearest
        nearest, _, sums, sizes = Centers(centers).sums_of_nearest(rows, counts, n_threads=n_threads)
        moved = counts[before != nearest].sum()
        has_rows = sizes > 0
        centers[has_rows] = sums[has_rows] / sizes[has_rows, None]
        if moved <= _STILL * counts.sum():
            break
    return centers


def dense(X: Any) -> NDArray:
    """Return a matrix as an array."""
    return X.toarray() if scipy.sparse.issparse(X) else np.asarray(X)


def common_width(centers: NDArray, n_threads: int) -> float:
    """Return twice the mean distance of a centre to the nearest other one; 0 where all are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.gaussian_units import common_width
    >>> common_width(np.array([[0.0], [1.0], [4.0]]), 1)  # the mean of 1, 1 and 3, twice
    3.3333333333333335
    """
    if len(centers) < 2:
        return 0.0
    centers = centers - centers.mean(axis=0)
    squares = np.einsum("kd,kd->k", centers, centers)
    apart = squares[:, None] + squares - 2 * matmul(centers, np.ascontiguousarray(centers.T), n_threads=n_threads)
    np.fill_diagonal(apart, np.inf)
    width = 2 * float(np.sqrt(np.maximum(apart.min(axis=1), 0)).mean())
    return width if width > 1e-7 * np.sqrt(squares.max()) else 0.0  # Less is rounding.
