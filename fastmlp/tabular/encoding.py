"""What the members of an ensemble see of a table: parts that all share, and leaves of trees that each fold has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require
from fastmlp.tabular.bins import MOST_BINS, Bins
from fastmlp.tabular.category_order import ordered_categories
from fastmlp.tabular.columns import TypedTable
from fastmlp.tabular.encoders import BinnedNumbers, Encoded, FrequentValues, RankedNumbers, ScaledNumbers
from fastmlp.tabular.kinds import Kind
from fastmlp.tabular.trees import LeafCodes

ENCODERS: dict[str, Any] = {
    "bins": BinnedNumbers,
    "mixed": lambda: BinnedNumbers("mixed"),
    "scaled": ScaledNumbers,
    "ranked": RankedNumbers,
    "frequent": FrequentValues,
}


def _trees(n_rows: int, seed: int, n_trees: int, max_leaves: int, **parameters: Any) -> LeafCodes:
    # Few rows may be all that a rule is about; of many rows, leaves of few would only be learned by heart.
    return LeafCodes(n_trees, max_leaves, max(5, n_rows // 1000), random_state=seed, **parameters)


TREES: dict[str, Any] = {
    "boosted": lambda n_rows, seed: _trees(n_rows, seed, 30, 8, subsample=0.8, learning_rate=0.2),
    "random": lambda n_rows, seed: _trees(n_rows, seed, 40, 16, subsample=0.7, learning_rate=0.1, tree_features=0.5),
    "boosting": lambda n_rows, seed: _trees(n_rows, seed, 500, 16, subsample=1.0, learning_rate=0.15, max_features=0.5),
    "symmetric boosting": lambda n_rows, seed: LeafCodes(
        600, 64, symmetric=True, subsample=0.8, learning_rate=0.15, max_features=0.5, random_state=seed
    ),
    "random boosting": lambda n_rows, seed: _trees(
        n_rows, seed, 300, 32, subsample=0.7, learning_rate=0.15, tree_features=0.75
    ),
}


def _n_bins(n_rows: int) -> int:
    """Return the most bins of a number that trees read.

    With few rows in each, trees are no better, and they take longer: most of their time goes by bins then, not by rows.
    """
    return int(np.clip(n_rows // 32, 127, MOST_BINS))


_FARTHEST = np.finfo(np.float64).max / 4
#: The most sums of derivatives, of 8 bytes each, that a growing tree may keep: for each leaf those of all bins. Of
#: tables that have more, each tree reads as many of the columns as there is room for.
_MOST_SUMS = 2**26


@dataclass(frozen=True)
class SharedColumns:
    """What all members of an ensemble see of rows."""

    #: What encoders make of the rows, by their names, and the "categories" of the table.
    parts: dict[str, Encoded]
    #: The bins that trees read, (n_rows, n_numbers); None where no kind has trees.
    bins: NDArray[np.uint8] | None
    #: What made them.
    encoding: TableEncoding

    def __len__(self) -> int:
        return len(self.parts["categories"].codes)

    @property
    def n_codes(self) -> dict[str, list[int]]:
        """How many codes the columns of each of the parts have."""
        found = {name: encoder.n_codes for name, encoder in self.encoding.encoders_.items()}
        return found | {"categories": self.encoding.n_categories_}

    @property
    def n_tree_numbers(self) -> int:
        """How many numbers trees read."""
        return 0 if self.bins is None else self.bins.shape[1]

    def take(self, rows: slice | NDArray[np.intp]) -> SharedColumns:
        """Return what members see of some of the rows; of a slice without copies."""
        parts = {name: Encoded(part.codes[rows], part.fractions[rows]) for name, part in self.parts.items()}
        return replace(self, parts=parts, bins=None if self.bins is None else self.bins[rows])


@stored_as("tabular.TableEncoding")
class TableEncoding:
    """The encoders that the kinds of an ensemble need, fitted to the numbers of all rows and shared by all members.

    Attributes
    ----------
    encoders_ : dict of str to encoder
    bins_ : Bins or None
        What trees read of numbers; None where no kind has trees.
    n_categories_ : list of int
        The number of known values of each category.
    """

    def fit(self, kinds: Sequence[Kind], table: TypedTable, n_categories: Sequence[int]) -> Self:
        """Learn what kinds need of a table."""
        names, numbers = {name for kind in kinds for name in (*kind.numbers, *kind.codes)}, _within_reach(table.numbers)
        self.encoders_ = {name: ENCODERS[name]().fit(numbers) for name in sorted(names)}
        self.n_categories_ = [int(n) for n in n_categories]
        self.bins_ = Bins(_n_bins(len(table))).fit(numbers) if any(kind.trees is not None for kind in kinds) else None
        return self

    def keep_for(self, kinds: Sequence[Kind]) -> None:
        """Forget what none of some kinds needs, so that rows to predict need not be encoded in vain."""
        names = {name for kind in kinds for name in (*kind.numbers, *kind.codes)}
        self.encoders_ = {name: encoder for name, encoder in self.encoders_.items() if name in names}
        if all(kind.trees is None for kind in kinds):
            self.bins_ = None

    def shared(self, table: TypedTable) -> SharedColumns:
        """Return what all members see of rows."""
        nothing = np.empty((len(table), 0), np.float32)
        numbers = _within_reach(table.numbers)
        parts = {name: encoder.transform(numbers) for name, encoder in self.encoders_.items()}
        parts["categories"] = Encoded(table.categories, nothing)
        return SharedColumns(parts, None if self.bins_ is None else self.bins_.transform(numbers), self)

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        state = vars(self)
        encoders, counts = state.get("encoders_"), state.get("n_categories_")
        require(type(encoders) is dict and set(encoders) <= set(ENCODERS), "encoders_ of a TableEncoding are none")
        for name, encoder in (encoders or {}).items():
            require(type(encoder) is type(ENCODERS[name]()), "an encoder is not of its name's class", name)
        require(type(counts) is list and all(map(is_count, counts)), "n_categories_ of a TableEncoding are no counts")
        require(type(state.get("bins_")) in (Bins, type(None)), "bins_ of a TableEncoding are none")


def _within_reach(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers of which no two are farther from each other than a number can say."""
    return np.clip(numbers, -_FARTHEST, _FARTHEST)


@stored_as("tabular.FoldTrees")
class FoldTrees:
    """The trees of an ensemble's folds, which have not seen the targets of the rows that their folds leave out.

    Attributes
    ----------
    orders_ : dict of int to list of ndarray
        For each fold that has trees, the order in which trees read the values of each category.
    trees_ : dict of (int, str) to LeafCodes
        By fold, and by the name that kinds have for their trees.
    """

    def __init__(self) -> None:
        self.orders_: dict[int, list[NDArray[np.uint8]]] = {}
        self.trees_: dict[tuple[int, str], LeafCodes] = {}

    def grow(
        self,
        fold: int,
        kind: Kind,
        shared: SharedColumns,
        targets: NDArray[np.float64],
        rows: NDArray[np.intp],
        sample_weight: NDArray | None,
        *,
        classification: bool,
        seed: int,
        left_out: NDArray[np.intp],
        is_over: Callable[[], bool],
    ) -> None:
        """Grow the trees of a kind, if it has some, from the rows that a fold learns from.

        Trees that predict by themselves are as many as the rows left out are predicted best by.
        """
        if kind.trees is None:
            return
        if fold not in self.orders_:
            categories = shared.parts["categories"].codes
            self.orders_[fold] = ordered_categories(
                categories, shared.n_codes["categories"], targets, rows, sample_weight
            )
        trees = TREES[kind.trees](len(rows), seed)
        bins = shared.encoding.bins_
        n_codes = [*(() if bins is None else bins.n_bins_), *(int(o.max(initial=0)) + 1 for o in self.orders_[fold])]
        n_sums = trees.max_leaves * sum(map(int, n_codes)) * (1 + 2 * targets.shape[1])
        trees.tree_features = min(trees.tree_features, _MOST_SUMS / n_sums)
        trees.fit(
            self.codes(fold, shared),
            n_codes,
            targets,
            classification=classification,
            rows=rows,
            sample_weight=sample_weight,
            left_out=left_out if kind.is_boosting else None,
            is_over=is_over,
        )
        self.trees_[fold, kind.trees] = trees

    def leaves(self, fold: int, kind: Kind, shared: SharedColumns) -> tuple[NDArray, list[int]]:
        """Return the numbers of leaves, from 1, (n_rows, n_trees), and how many leaves each tree has."""
        trees = self.trees_[fold, str(kind.trees)]
        return np.add(trees.transform(self.codes(fold, shared)), 1, dtype=np.uint16), trees.n_leaves_.tolist()

    def codes(self, fold: int, shared: SharedColumns) -> NDArray[np.uint8]:
        """Return rows as the trees of a fold read them, (n_rows, n_numbers + n_categories)."""
        codes, n_numbers = tree_codes(shared), shared.n_tree_numbers
        for i, order in enumerate(self.orders_[fold]):
            codes[:, n_numbers + i] = order[shared.parts["categories"].codes[:, i]]
        return codes

    def of(self, members: Iterable[tuple[int, str | None]]) -> FoldTrees:
        """Return the trees of some members, given their folds and the names of their trees, and no others.

        They are in an order that does not tell which thread came first.
        """
        used = sorted({(fold, name) for fold, name in members if name is not None})
        found = FoldTrees()
        found.trees_ = {key: self.trees_[key] for key in used}
        found.orders_ = {fold: self.orders_[fold] for fold in sorted({fold for fold, _ in used})}
        return found

    def check_state(self) -> None:
        """Refuse attributes that ``grow`` does not set."""
        state = vars(self)
        orders: Any = state.get("orders_")
        trees: Any = state.get("trees_")
        require(type(orders) is dict and type(trees) is dict, "orders_ or trees_ of FoldTrees are no dict")
        for maps in orders.values():
            sound = type(maps) is list and all(is_array(order, np.size(order), kinds="u") for order in maps)
            require(sound and all(order.dtype == np.uint8 for order in maps), "orders of categories are none")
        for (fold, name), found in (trees or {}).items():
            sound = fold in (orders or {}) and name in TREES and type(found) is LeafCodes
            require(sound, "trees of a fold are none", name)


def columns_of(kind: Kind, fold: int, shared: SharedColumns, trees: FoldTrees) -> EncodedColumns:
    """Return rows as a member of a kind sees them that leaves out a fold."""
    n_codes = shared.n_codes
    n_leaves: list[int] = []
    if kind.trees is not None:
        leaves, n_leaves = trees.leaves(fold, kind, shared)
    n_bins = [n for name in kind.numbers for n in n_codes[name]]
    n_categories = [n for name in ("categories", *kind.codes) for n in n_codes[name]]
    layout = ColumnsLayout(tuple(n_bins), (*n_categories, *n_leaves))
    codes, fractions = shared_columns(kind, shared, layout)
    if kind.trees is not None:
        codes[:, layout.n_columns - len(n_leaves) :] = leaves
    return EncodedColumns(codes, fractions, layout)


def shared_columns(kind: Kind, shared: SharedColumns, layout: ColumnsLayout) -> tuple[NDArray, NDArray[np.float32]]:
    """Return codes and fractions of rows as all members of a kind see them, with room for leaves after the codes."""
    numbers = [shared.parts[name] for name in kind.numbers]
    codes = np.empty((len(shared), layout.n_columns), layout.code_dtype)
    start = 0
    for part in (*numbers, shared.parts["categories"], *(shared.parts[name] for name in kind.codes)):
        stop = start + part.codes.shape[1]
        codes[:, start:stop] = part.codes
        start = stop
    nothing = np.empty((len(shared), 0), np.float32)
    return codes, np.concatenate([nothing, *(part.fractions for part in numbers)], axis=1)


def put_leaves(codes: NDArray, leaves: NDArray[np.uint8]) -> None:
    """Put the numbers of leaves, as trees give them, into the last columns of codes, where they count from 1."""
    np.add(leaves, 1, out=codes[:, codes.shape[1] - leaves.shape[1] :], dtype=codes.dtype)


def tree_codes(shared: SharedColumns) -> NDArray[np.uint8]:
    """Return the bins of numbers that all trees read, with room for the categories, which each fold orders its way."""
    n_categories = shared.parts["categories"].codes.shape[1]
    codes = np.empty((len(shared), shared.n_tree_numbers + n_categories), np.uint8)
    if shared.bins is not None:
        codes[:, : shared.n_tree_numbers] = shared.bins
    return codes
