"""How a self-organizing map learns: its first weights, and an epoch of the batch map or of the online map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.zoo.map_grid import NEIGHBORHOODS, Grid

#: An online map has a new radius and a new learning rate after so many rows, as the SOM Toolbox has.
STEPS_TOGETHER = 100
#: Rows whose moments are summed at a time.
_ROWS = 10_000
#: Covariances of more features are not made; their eigenvectors are found by products with the rows.
_MOST_FEATURES = 500


@dataclass
class Course:
    """What radius and learning rate are in the course of training, from 0 at its beginning to 1 at its end.

    The radius falls linearly during the first half, while the map finds its order, and then stays as it is, so that the
    units can settle. The learning rate falls linearly all the time.
    """

    n_epochs: int
    radius: float
    final_radius: float
    learning_rate: float
    final_learning_rate: float

    def radius_at(self, time: float) -> float:
        """Return the radius at a time in epochs; past the end it is what it was there."""
        # The last epoch of the first half has the final radius.
        half = max(1, self.n_epochs // 2 - 1)
        share = min(1.0, time / half)
        return self.radius + share * (self.final_radius - self.radius)

    def rate_at(self, time: float) -> float:
        """Return the learning rate at a time in epochs."""
        share = min(1.0, time / self.n_epochs)
        return self.learning_rate + share * (self.final_learning_rate - self.learning_rate)


class MapLearner:
    """A map and the rows that it learns from, as :class:`fastmlp.zoo.learning.Learner` has it.

    Parameters
    ----------
    rows : engine.Rows
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    weights : ndarray of shape (n_units, n_features)
        Where the units are at first.
    grid : Grid
    neighborhood : str
        A name of :data:`NEIGHBORHOODS`.
    course : Course
    n_epochs : int
        How many epochs there were before.
    seed : int
        Of the orders in which an online map reads its rows.
    n_threads : int
    """

    def __init__(
        self, rows: Any, sample_weight: NDArray | None, weights: NDArray, *, grid: Grid, neighborhood: str,
        course: Course, n_epochs: int, seed: int, n_threads: int,
    ) -> None:  # fmt: skip
        self.rows, self.sample_weight, self.weights = rows, sample_weight, weights
        self.grid, self._shares, self.course = grid, NEIGHBORHOODS[neighborhood], course
        self.n_epochs, self.seed, self.n_threads = n_epochs, seed, n_threads

    learning_rate: float

    def epoch(self) -> dict[str, float]:
        """Go through all rows once; "loss" is the mean distance to the nearest unit, before these have moved."""
        raise NotImplementedError

    def validate(self) -> float:
        """Return the mean distance of rows that are held out; a map holds none out."""
        return np.nan

    def arrays(self) -> dict[str, NDArray]:
        """Return the weights of all units."""
        return {"weights": self.weights.copy()}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to weights that there were."""
        self.weights = arrays["weights"].copy()

    def keep(self, estimator: Any) -> None:
        """Set the fitted attributes of a map to what has been learned."""
        estimator._keep_map(self.weights.copy(), self.rows, self.sample_weight)


class BatchLearner(MapLearner):
    """The batch map: all rows find their nearest units, then each unit goes to the mean of the rows near it.

    Its learning rate is the share of the way there that a unit goes.
    """

    learning_rate = 1.0

    def epoch(self) -> dict[str, float]:
        """Take all rows to their nearest units, and all units to the means of the rows near them."""
        radius = self.course.radius_at(self.n_epochs)
        centers = engine.Centers(self.weights)
        _, squares, sums, counts = centers.sums_of_nearest(self.rows, self.sample_weight, n_threads=self.n_threads)
        shares = self._shares(self.grid.squares, radius)
        means = self.grid.smoothed(shares, sums, counts, self.weights, n_threads=self.n_threads)
        if self.learning_rate != 1.0:
            means = self.weights + self.learning_rate * (means - self.weights)
        self.weights = means.astype(self.weights.dtype)
        self.n_epochs += 1
        return {"loss": float(np.average(np.sqrt(squares), weights=self.sample_weight)), "radius": radius}


class OnlineLearner(MapLearner):
    """The online map, Kohonen's own: after each row the units near its nearest one go a share of the way to it."""

    # What the course's learning rate is multiplied by, which is 1 unless a callback has set it.
    _factor = 1.0

    @property
    def learning_rate(self) -> float:
        """The learning rate as it is now; set, it falls from there in the same proportion."""
        return self._factor * self.course.rate_at(self.n_epochs)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._factor = value / self.course.rate_at(self.n_epochs)

    def epoch(self) -> dict[str, float]:
        """Take the rows one after another, in an order that seed and number of the epoch decide."""
        n = self.rows.n_rows
        random = np.random.RandomState([self.seed, self.n_epochs])
        order = engine.shuffled(np.arange(n, dtype=np.int64), random)[0]
        units = engine.OnlineMap(self.weights, self.grid.shape)
        total, radius = 0.0, 0.0
        for start in range(0, n, STEPS_TOGETHER):
            now = self.n_epochs + start / n
            radius = self.course.radius_at(now)
            shares = self._factor * self.course.rate_at(now) * self._shares(self.grid.squares, radius)
            total += units.learn(self.rows, order[start : start + STEPS_TOGETHER], shares.astype(self.weights.dtype))
        self.weights = units.units()
        self.n_epochs += 1
        return {"loss": total / n, "radius": radius}


LEARNERS: dict[str, type[MapLearner]] = {"batch": BatchLearner, "online": OnlineLearner}


# ---- samples that are too large --------------------------------------------------------------------------------------


def largest_of(X: Any) -> float:
    """Return the largest magnitude in an array or a sparse matrix."""
    return max(float(X.max()), -float(X.min()))


def refuse_too_large(X: Any, dtype: np.dtype, name: str = "X") -> None:
    """Refuse samples or units whose squared distances may be too large for a type.

    Raises
    ------
    ValueError
        It names what is too large.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.map_learning import refuse_too_large
    >>> refuse_too_large(np.array([[1e30, 0.0]]), np.dtype(np.float64))
    >>> refuse_too_large(np.array([[1e30, 0.0]]), np.dtype(np.float32))
    Traceback (most recent call last):
    ...
    ValueError: X has values of up to 1e+30, whose squared distances are too large for float32; scale X down.
    """
    largest = largest_of(X)
    # A difference may be twice as large, and as many squares are summed as there are features.
    if largest > np.sqrt(np.finfo(dtype).max / (4.0 * X.shape[-1])):
        raise ValueError(
            f"{name} has values of up to {largest:g}, whose squared distances are too large for {dtype}; scale {name}"
            " down."
        )


# ---- where the units are at first ------------------------------------------------------------------------------------


def linear_weights(X: Any, sample_weight: NDArray | None, shape: tuple[int, int]) -> NDArray:
    """Return units spread evenly over the plane of the samples' two largest variances.

    The longer side of the map goes along the first principal direction, and each side reaches one standard deviation to
    both sides of the mean.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,) or None
    shape : tuple of (n_rows, n_columns)

    Returns
    -------
    weights : ndarray of float64 of shape (n_rows * n_columns, n_features)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.map_learning import linear_weights
    >>> linear_weights(np.array([[0.0, 5.0], [2.0, 5.0]]), None, (1, 3)).tolist()
    [[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]]
    """
    mean, directions = principal_directions(X, sample_weight)
    if shape[1] > shape[0]:
        directions = directions[::-1]
    along = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape]
    weights = mean + along[0][:, np.newaxis, np.newaxis] * directions[0] + along[1][:, np.newaxis] * directions[1]
    return weights.reshape(-1, len(mean))


def principal_directions(X: Any, sample_weight: NDArray | None) -> tuple[NDArray, NDArray]:
    """Return the mean of samples, and their first two principal directions, as long as the standard deviation there.

    The largest component of each is positive. Of a single feature the second is zero.
    """
    X = X.tocsr() if hasattr(X, "tocsr") else X
    n, n_features = X.shape
    weights = np.full(n, 1 / n) if sample_weight is None else sample_weight / sample_weight.sum()
    mean = _left_product(weights, X)
    found = np.zeros((2, n_features))
    if n_features <= _MOST_FEATURES:
        covariance = np.zeros((n_features, n_features))
        for some, of_rows in _pieces(X, weights):
            centred = some - mean
            covariance += (of_rows[:, np.newaxis] * centred).T @ centred
        variances, vectors = np.linalg.eigh(covariance)
        variances, vectors = variances[::-1][:2], vectors.T[::-1][:2]
    else:
        variances, vectors = _largest_by_products(X, weights, mean)
    signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
    found[: len(vectors)] = (signs * np.sqrt(np.maximum(variances, 0.0)))[:, np.newaxis] * vectors
    return mean, found


def _largest_by_products(X: Any, weights: NDArray, mean: NDArray) -> tuple[NDArray, NDArray]:
    """Return the two largest eigenvalues of the covariance, and their vectors, without making it."""
    from scipy.sparse.linalg import LinearOperator, eigsh  # noqa: PLC0415

    def product(vector: NDArray) -> NDArray:
        result = np.zeros(len(mean))
        for some, of_rows in _pieces(X, weights, dense=False):
            along = of_rows * (some @ vector - mean @ vector)
            result += some.T @ along - mean * along.sum()
        return result

    size = len(mean)
    start = np.random.RandomState(0).standard_normal(size)
    if not product(start).any():  # samples that are all the same, from which ARPACK cannot start
        return np.zeros(2), np.eye(2, size)
    operator = LinearOperator((size, size), matvec=lambda vector: product(np.ravel(vector)), dtype=np.float64)
    variances, vectors = eigsh(operator, k=2, v0=start)
    return variances[::-1], vectors.T[::-1]


def _pieces(X: Any, weights: NDArray, *, dense: bool = True) -> Any:
    """Yield some rows of an array or a CSR matrix at a time, in float64, and their weights."""
    for start in range(0, X.shape[0], _ROWS):
        some = X[start : start + _ROWS].astype(np.float64)
        yield some.toarray() if dense and hasattr(some, "toarray") else some, weights[start : start + _ROWS]


def _left_product(weights: NDArray, X: Any) -> NDArray:
    """Return the weighted sum of the rows of X."""
    return sum(of_rows @ some for some, of_rows in _pieces(X, weights, dense=False))
