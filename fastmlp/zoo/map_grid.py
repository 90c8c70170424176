"""The plane that the units of a self-organizing map lie in: places, distances, neighbours, neighbourhood functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.components import Registry

#: Units whose squared distance in the plane is no larger are neighbours; those are 1 apart.
_ADJACENT = 1.01
#: A weighted mean of rows that weigh less all together would be made of numbers next to the smallest that there are.
_LEAST_WEIGHT = 1e-200
#: The neighbourhoods of so many units, or of fewer, are in memory at a time: bytes.
_BYTES = 1 << 25


def _gaussian(squares: NDArray, radius: float) -> NDArray:
    return np.exp(squares / (-2.0 * radius * radius))


def _bubble(squares: NDArray, radius: float) -> NDArray:
    return (squares <= radius * radius).astype(np.float64)


#: The neighbourhood functions: how far a unit goes along with another, by their squared distance and the radius.
NEIGHBORHOODS: Registry[Callable[[NDArray, float], NDArray]] = Registry(
    {
        "gaussian": _gaussian,
        "cut_gaussian": lambda squares, radius: _gaussian(squares, radius) * _bubble(squares, radius),
        "bubble": _bubble,
        "epanechnikov": lambda squares, radius: np.maximum(0.0, 1.0 - squares / (radius * radius)),
    },
    {"cut_gaussian": ["cutgauss"], "epanechnikov": ["ep", "epanechicov"]},
)
#: How units lie in the plane, and the squared height from one row of them to the next.
TOPOLOGIES: Registry[float] = Registry(
    {"hexagonal": 0.75, "rectangular": 1.0}, {"hexagonal": ["hexa", "hex"], "rectangular": ["rect"]}
)


class Grid:
    """The places of a map's units in the plane, in which neighbours are 1 apart.

    In a hexagonal map the rows with odd numbers are shifted by half a unit, so that each unit has six neighbours, and
    in a rectangular one four. How units lie to each other depends on how many rows and columns they are apart, and on
    whether the first one's row is odd; a table of that is all that is kept, not the distances of all pairs.

    Parameters
    ----------
    shape : tuple of (n_rows, n_columns)
    topology : str
        A name of :data:`TOPOLOGIES`.
    toroidal : bool
        Whether opposite edges of the map meet. The number of rows of a hexagonal map must be even then.

    Attributes
    ----------
    n_units : int
    squares : ndarray of shape (2, 2 * n_rows - 1, 2 * n_columns - 1)
        The squared distance from a unit to one that lies so many rows and columns, less n_rows - 1 and n_columns - 1,
        behind it, for units in rows with even and with odd numbers.

    Examples
    --------
    >>> from fastmlp.zoo.map_grid import Grid
    >>> grid = Grid((2, 3), "hexagonal", toroidal=False)
    >>> grid.coordinates().round(2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.5, 0.87], [1.5, 0.87], [2.5, 0.87]]
    >>> first, second = grid.pairs()
    >>> sorted(second[first == 1].tolist())
    [0, 2, 3, 4]
    """

    def __init__(self, shape: tuple[int, int], topology: str, *, toroidal: bool) -> None:
        self.shape = n_rows, n_columns = shape
        self.n_units = n_rows * n_columns
        self._row_square, self._shift = TOPOLOGIES[topology], 0.5 if topology == "hexagonal" else 0.0
        downs, rights = np.arange(1 - n_rows, n_rows)[:, np.newaxis], np.arange(1 - n_columns, n_columns)
        images = [(0, 0)]
        if toroidal:
            images = [(i * n_rows, j * n_columns) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        self.squares = np.stack(
            [
                np.min([self._square(parity, downs + down, rights + right) for down, right in images], axis=0)
                for parity in (0, 1)
            ]
        )

    def _square(self, parity: int, down: NDArray, right: NDArray) -> NDArray:
        """Return squared distances to places that lie so many rows and columns behind one in a row of that parity."""
        x = right + self._shift * ((parity + down) % 2 - parity)
        return x * x + self._row_square * down * down

    def coordinates(self) -> NDArray:
        """Return the places of all units, (n_units, 2): x to the right, y from one row to the next."""
        rows, columns = np.divmod(np.arange(self.n_units), self.shape[1])
        return np.stack([columns + self._shift * (rows % 2), np.sqrt(self._row_square) * rows], axis=1)

    def between(self, first: NDArray, second: NDArray) -> NDArray:
        """Return the squared distances between units, given the numbers of the first and second of each pair."""
        n_rows, n_columns = self.shape
        row, column = np.divmod(first, n_columns)
        other_row, other_column = np.divmod(second, n_columns)
        return self.squares[row % 2, other_row - row + n_rows - 1, other_column - column + n_columns - 1]

    def are_apart(self, first: NDArray, second: NDArray) -> NDArray:
        """Return whether the units of each pair are neither neighbours nor the same."""
        return self.between(first, second) > _ADJACENT

    def pairs(self) -> tuple[NDArray, NDArray]:
        """Return the numbers of the first and of the second unit of each pair of neighbours, in both orders."""
        n_rows, n_columns = self.shape
        units = np.arange(self.n_units)
        row, column = np.divmod(units, n_columns)
        first, second = [], []
        for parity, i, j in np.argwhere(self.squares <= _ADJACENT):
            down, right = i - (n_rows - 1), j - (n_columns - 1)
            other_row, other_column = row + down, column + right
            is_there = (row % 2 == parity) & (other_row == other_row.clip(0, n_rows - 1))
            is_there &= other_column == other_column.clip(0, n_columns - 1)
            if (down, right) != (0, 0):
                first.append(units[is_there])
                second.append(units[is_there] + down * n_columns + right)
        return np.concatenate([units[:0], *first]), np.concatenate([units[:0], *second])

    def mean_over_neighbors(self, values: NDArray) -> NDArray:
        """Return the mean distance between each unit's vector and those of its neighbours, (n_rows, n_columns)."""
        first, second = self.pairs()
        distances = np.linalg.norm(values[first].astype(np.float64) - values[second], axis=1)
        counts = np.bincount(first, minlength=self.n_units)
        means = np.bincount(first, distances, minlength=self.n_units) / np.maximum(counts, 1)
        return means.reshape(self.shape)

    def blocks(self, table: NDArray) -> Iterator[tuple[slice, NDArray]]:
        """Yield the rows of the matrix of all pairs of units that a table like ``squares`` stands for, some at a time.

        Yields
        ------
        units : slice
        rows : ndarray of shape (n, n_units), C-contiguous
        """
        n_rows, n_columns = self.shape
        windows = np.lib.stride_tricks.sliding_window_view(table, self.shape, axis=(1, 2))
        step = max(1, _BYTES // (8 * self.n_units))
        for start in range(0, self.n_units, step):
            row, column = np.divmod(np.arange(start, min(start + step, self.n_units)), n_columns)
            rows = windows[row % 2, n_rows - 1 - row, n_columns - 1 - column]
            yield slice(start, start + len(row)), np.ascontiguousarray(rows.reshape(len(row), -1))

    def smoothed(
        self, shares: NDArray, sums: NDArray, counts: NDArray, otherwise: NDArray, *, n_threads: int
    ) -> NDArray:
        """Return the means of rows that the units go to, of which those of near units count more.

        Parameters
        ----------
        shares : ndarray of float64, of the shape of ``squares``
            How much the rows of a unit that lies so count.
        sums : ndarray of shape (n_units, n_features)
            The sum of each unit's rows.
        counts : ndarray of shape (n_units,)
            What these rows weigh.
        otherwise : ndarray of shape (n_units, n_features)
            What is returned for units that no row is near.

        Returns
        -------
        means : ndarray of float64 of shape (n_units, n_features)
        """
        all_sums = np.column_stack([sums, counts])
        means = np.array(otherwise, dtype=np.float64)
        for units, rows in self.blocks(shares):
            near = engine.matmul(rows, all_sums, n_threads=n_threads)
            is_near = near[:, -1] > _LEAST_WEIGHT
            means[units][is_near] = near[is_near, :-1] / near[is_near, -1:]
        return means
