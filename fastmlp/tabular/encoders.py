"""Numbers of a table as bins, as scaled values, as ranks and as codes of frequent values: what networks look up.

Each encoder learns from the numbers of a table alone, float64 of shape (n_rows, n_numbers), C-contiguous, with NaN for
what is missing. It knows nothing of targets, so that all members of an ensemble share it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fastmlp import engine
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require

#: How far beyond its bins a number may lie, in widths of the outermost bin.
_BEYOND = 1.0
#: Scaled numbers stay within this limit, smoothly.
_CLIP = 3.0
_N_RANKS = 257
#: Ranks are drawn to this and to 1 less this, so that the normal scores of the outermost are finite.
_LEAST_RANK = 1e-3
#: The most values of a column, as many as codes of 16 bits can name.
_MOST_VALUES = (1 << 16) - 1
_LARGEST = np.finfo(np.float64).max


class Encoded(NamedTuple):
    """What an encoder makes of rows: a code and a fraction for each of its columns."""

    codes: NDArray[np.integer]
    #: Shape (n_rows, 0) where the columns are categories.
    fractions: NDArray[np.float32]


def quantile_edges(values: NDArray, most: int) -> NDArray[np.float64]:
    """Return the edges of at most so many bins with as many values each, from the smallest value to the largest.

    Parameters
    ----------
    values : ndarray of shape (n,)
        None of them missing.
    most : int >= 1

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.encoders import quantile_edges
    >>> quantile_edges(np.array([0.0, 1.0, 2.0, 10.0, 20.0]), 2)
    array([ 0.,  2., 20.])
    """
    if not len(values):
        return np.array([0.0, 1.0])
    edges = np.unique(np.quantile(values, np.linspace(0, 1, most + 1)))
    if len(edges) > 1:
        return edges
    half = max(0.5, np.spacing(np.abs(edges[0])))  # to a large number less would add nothing
    return np.array([edges[0] - half, edges[0] + half])


def mixed_edges(values: NDArray, most: int) -> NDArray[np.float64]:
    """Return the edges of bins half of which have as many values each, and half as many *different* values.

    The latter see what lies beside a value that most rows have.
    """
    half = most // 2
    return np.union1d(quantile_edges(values, half), quantile_edges(np.unique(values), most - half))


_EDGES = {"quantile": quantile_edges, "mixed": mixed_edges}


@stored_as("tabular.BinnedNumbers")
class BinnedNumbers:
    """Numbers as bins and fractions of bins.

    Parameters
    ----------
    how : {"quantile", "mixed"}
        Whether bins have as many values each, or :func:`mixed_edges`.
    most : int
        The most bins of a number.
    """

    is_number = True

    def __init__(self, how: str = "quantile", most: int = 32) -> None:
        self.how = how
        self.most = most

    def fit(self, numbers: NDArray) -> BinnedNumbers:
        """Learn the edges of the bins."""
        edges = [_EDGES[self.how](column[~np.isnan(column)], self.most) for column in numbers.T]
        self.edges_, self.offsets_ = _one_after_another(edges)
        self.sources_ = list(range(numbers.shape[1]))
        return self

    @property
    def n_codes(self) -> list[int]:
        """The number of bins of each number."""
        return (np.diff(self.offsets_) - 1).tolist()

    def transform(self, numbers: NDArray) -> Encoded:
        """Return the bins, from 1, and the fractions; code 0 for what is missing."""
        return Encoded(*engine.bin_fractions(numbers, self.edges_, self.offsets_, _BEYOND))

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        _check_sources(self, _check_values(self, "edges_", 2))


@stored_as("tabular.ScaledNumbers")
class ScaledNumbers:
    """Numbers minus their median, divided by the distance of their quartiles, and kept within a limit, smoothly."""

    is_number = True

    def fit(self, numbers: NDArray) -> ScaledNumbers:
        """Learn medians and scales."""
        quartiles = np.zeros((3, numbers.shape[1]))
        spreads = np.ones(numbers.shape[1])
        for i, column in enumerate(numbers.T):
            known = column[~np.isnan(column)]
            if len(known):
                quartiles[:, i] = np.quantile(known, [0.25, 0.5, 0.75])
                with np.errstate(over="ignore", invalid="ignore"):
                    spreads[i] = min(known.std(), _LARGEST)
        with np.errstate(over="ignore"):
            distances = np.minimum(quartiles[2] - quartiles[0], _LARGEST)
        self.medians_ = quartiles[1]
        self.scales_ = np.where(distances > 0, distances, np.where(spreads > 0, spreads, 1.0))
        self.sources_ = list(range(numbers.shape[1]))
        return self

    @property
    def n_codes(self) -> list[int]:
        """One bin for each number."""
        return [1] * len(self.medians_)

    def transform(self, numbers: NDArray) -> Encoded:
        """Return code 1 and the scaled number; code 0 for what is missing."""
        return Encoded(*engine.scaled_fractions(numbers, self.medians_, self.scales_, _CLIP))

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        for name in ("medians_", "scales_"):
            require(_is_vector(vars(self).get(name)), f"{name} of ScaledNumbers are no numbers")
        require(len(self.medians_) == len(self.scales_), "ScaledNumbers has not as many scales as medians")
        require(bool((self.scales_ > 0).all()), "scales_ of ScaledNumbers are not positive")
        _check_sources(self, len(self.medians_))


@stored_as("tabular.RankedNumbers")
class RankedNumbers:
    """Numbers as the values that a normal distribution has at their ranks, by a table of 257 quantiles."""

    is_number = True

    def fit(self, numbers: NDArray) -> RankedNumbers:
        """Learn the quantiles."""
        shares = np.linspace(0, 1, _N_RANKS)
        self.quantiles_ = np.empty((numbers.shape[1], _N_RANKS))
        for quantiles, column in zip(self.quantiles_, numbers.T, strict=True):
            known = column[~np.isnan(column)]
            quantiles[:] = np.quantile(known, shares) if len(known) else shares
        self.sources_ = list(range(numbers.shape[1]))
        return self

    @property
    def n_codes(self) -> list[int]:
        """One bin for each number."""
        return [1] * len(self.quantiles_)

    def transform(self, numbers: NDArray) -> Encoded:
        """Return code 1 and the normal score of the rank; code 0 for what is missing."""
        codes, ranks = engine.quantile_ranks(numbers, self.quantiles_)
        np.minimum(np.maximum(ranks, _LEAST_RANK, out=ranks), 1 - _LEAST_RANK, out=ranks)
        return Encoded(codes, ndtri(ranks, out=ranks).astype(np.float32))

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        quantiles: Any = vars(self).get("quantiles_")
        sound = is_array(quantiles, *np.shape(quantiles)[:1], _N_RANKS) and quantiles.dtype == np.float64
        require(
            sound and quantiles.flags.c_contiguous, "quantiles_ of RankedNumbers are no table of numbers", quantiles
        )
        require(bool(np.isfinite(quantiles).all()), "quantiles_ of RankedNumbers are not finite")
        require(bool((np.diff(quantiles) >= 0).all()), "quantiles_ of RankedNumbers do not ascend")
        _check_sources(self, len(quantiles))


@stored_as("tabular.FrequentValues")
class FrequentValues:
    """Numbers as categories: each value that many rows have is one, and all others are none.

    Zero-inflated columns, round years and flags carry what they have to say in exact values.

    Parameters
    ----------
    least : int
        In so many rows a value must come to be a category.
    most : int
        The most categories of a number.
    """

    is_number = False

    def __init__(self, least: int = 5, most: int = 128) -> None:
        self.least = least
        self.most = most

    def fit(self, numbers: NDArray) -> FrequentValues:
        """Learn the frequent values of the numbers that have more than two different ones, and frequent ones."""
        values: list[NDArray[np.float64]] = []
        self.sources_: list[int] = []
        for i, column in enumerate(numbers.T):
            different, counts = np.unique(column[~np.isnan(column)], return_counts=True)
            kept = different[counts >= self.least]
            if len(kept) > self.most:
                counts = counts[counts >= self.least]
                kept = np.sort(kept[np.argsort(-counts, kind="stable")[: self.most]])
            if len(different) > 2 and len(kept):
                values.append(kept)
                self.sources_.append(i)
        self.values_, self.offsets_ = _one_after_another(values)
        return self

    @property
    def n_codes(self) -> list[int]:
        """The number of frequent values of each number that has some."""
        return np.diff(self.offsets_).tolist()

    def transform(self, numbers: NDArray) -> Encoded:
        """Return the numbers of the values, from 1; code 0 for all other values, and for what is missing."""
        sources = np.array(self.sources_, np.int64)
        codes = engine.value_codes(numbers, sources, self.values_, self.offsets_)
        return Encoded(codes, np.empty((len(numbers), 0), np.float32))

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        _check_sources(self, _check_values(self, "values_", 1))


def _one_after_another(columns: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values of all columns as one vector, and where those of each begin and the last end."""
    return np.concatenate([np.empty(0), *columns]), np.cumsum([0, *map(len, columns)], dtype=np.int64)


def _is_vector(value: object) -> bool:
    """Whether a value is a vector of finite float64 numbers."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.float64
        and value.ndim == 1
        and bool(np.isfinite(value).all())
    )


def _check_values(encoder: object, name: str, least: int) -> int:
    """Refuse values and offsets of an encoder that are none of columns with so many values; return how many columns."""
    values: Any = vars(encoder).get(name)
    offsets: Any = vars(encoder).get("offsets_")
    owner = type(encoder).__name__
    require(_is_vector(values), f"{name} of {owner} are no numbers")
    sound = isinstance(offsets, np.ndarray) and offsets.dtype == np.int64 and offsets.ndim == 1 and len(offsets) > 0
    require(sound and offsets[0] == 0 and offsets[-1] == len(values), f"offsets_ of {owner} do not fit its {name}")
    sizes = np.diff(offsets)
    require(bool(((sizes >= least) & (sizes <= _MOST_VALUES)).all()), f"offsets_ of {owner} are of too few {name}")
    columns = np.split(values, offsets[1:-1])
    require(all(bool((np.diff(column) > 0).all()) for column in columns), f"{name} of {owner} do not ascend")
    return len(sizes)


def _check_sources(encoder: object, n_columns: int) -> None:
    sources = vars(encoder).get("sources_")
    sound = type(sources) is list and all(type(source) is int and source >= 0 for source in sources)
    require(sound and len(sources or ()) == n_columns, f"sources_ of {type(encoder).__name__} are not its columns'")
