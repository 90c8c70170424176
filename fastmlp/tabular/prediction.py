"""Predictions of an ensemble with as little work as can be: its networks packed once, what members share made once.

Rows go through in blocks of a fixed size, which threads share, and a row's predictions are added in a fixed order. So
predictions depend neither on the number of threads nor on how many rows come together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.tabular.boosting import SummedTrees
from fastmlp.tabular.columns import TableColumns, TypedTable
from fastmlp.tabular.encoding import SharedColumns, TableEncoding, put_leaves, shared_columns, tree_codes
from fastmlp.tabular.kinds import Kind
from fastmlp.tabular.trees import LeafCodes

if TYPE_CHECKING:
    from fastmlp.tabular.ensemble import Member, TargetEnsemble

#: So many rows go through all networks at a time: their columns fit into the second-level cache, and a network's
#: weights, which do not, are read often enough before another's take their place.
_ROWS_TOGETHER = 2048


def all_classes(predicted: NDArray[np.floating], classes: NDArray, n_outputs: int) -> NDArray[np.floating]:
    """Return probabilities of some classes, given by their numbers, as those of all; of the others they are 0.

    A splitter of one's own may have left out all rows of a class.
    """
    if predicted.shape[1] == n_outputs:
        return predicted
    whole = np.zeros((len(predicted), n_outputs), predicted.dtype)
    whole[:, classes] = predicted
    return whole


class _Network:
    """A member's network, packed.

    Parameters
    ----------
    member : Member
    n_outputs : int
        How many outputs the ensemble has.
    predictor : callable
        What the network predicts: given encoded columns, or codes of trees.
    """

    __slots__ = ("classes", "fold", "n_outputs", "predictor", "weight")

    def __init__(self, member: Member, n_outputs: int, predictor: Callable[[Any], NDArray[np.floating]]) -> None:
        self.predictor = predictor
        self.classes = getattr(member.network, "classes_", None)
        self.fold, self.weight, self.n_outputs = member.fold, member.weight, n_outputs

    def predict(self, X: EncodedColumns | NDArray[np.uint8]) -> NDArray[np.floating]:
        """Return what the network predicts, (n_rows, n_outputs)."""
        predicted = self.predictor(X)
        if self.classes is None:
            return predicted.reshape(len(predicted), -1)
        return all_classes(predicted, self.classes, self.n_outputs)


class _Sight(NamedTuple):
    """What some networks of a fold see of rows."""

    #: The place of their columns, without leaves, among those that folds share.
    shared: int
    layout: ColumnsLayout
    trees: LeafCodes | None
    networks: list[_Network]


class _Fold(NamedTuple):
    """The networks that leave out a fold."""

    #: What trees read for each code of a category, those of all categories one after another; None without trees.
    order: NDArray[np.uint8] | None
    #: Those that are sums over trees alone.
    sums: list[_Network]
    #: The others, by what they see.
    sights: dict[tuple, _Sight]


class PackedEnsemble:
    """The networks of an ensemble, packed, in groups that see the same of rows.

    What is packed is a copy. So that the ensemble's attributes stay the truth, the arrays of its networks are made
    read-only; other arrays in their place, as training sets them, are packed anew.

    Parameters
    ----------
    ensemble : TargetEnsemble
        It is read now; a later fit does not change what is predicted.
    """

    #: Those of ensembles. They are not attributes, since they are no part of a file or a pickle.
    _of_ensembles: MutableMapping[TargetEnsemble, PackedEnsemble] = WeakKeyDictionary()

    def __init__(self, ensemble: TargetEnsemble) -> None:
        self._made_from = _parts_of(ensemble)
        self.n_outputs, self.n_folds = ensemble.n_outputs, ensemble.n_folds_
        self._places = {fold: i for i, fold in enumerate(ensemble.folds_)}
        orders = ensemble.trees_.orders_
        sizes = [len(order) for order in next(iter(orders.values()), [])]
        #: Where the codes of each category begin in the orders of folds.
        self._starts = np.cumsum([0, *sizes[:-1]]) if sizes else None
        self._shared: list[tuple[Kind, ColumnsLayout]] = []
        self._folds: dict[int, _Fold] = {}
        places: dict[tuple, int] = {}
        for member in ensemble.members_:
            kind, network = member.kind, member.network
            layout = network.columns_layout_
            if member.fold not in self._folds:
                order = np.concatenate(orders[member.fold]) if sizes and member.fold in orders else None
                self._folds[member.fold] = _Fold(order, [], {})
            fold = self._folds[member.fold]
            trees = None if kind.trees is None else ensemble.trees_.trees_[member.fold, kind.trees]
            if trees is not None and SummedTrees.are_all_of(network, trees):
                fold.sums.append(_Network(member, ensemble.n_outputs, SummedTrees(trees, network)))
                continue
            key = (kind.numbers, kind.codes, kind.trees, layout.n_columns, layout.code_dtype)
            if key not in places:
                places[key] = len(self._shared)
                self._shared.append((kind, layout))
            if key not in fold.sights:
                fold.sights[key] = _Sight(places[key], layout, trees, [])
            fold.sights[key].networks.append(_Network(member, ensemble.n_outputs, network.predictor()))
        for part in self._made_from:
            if isinstance(part, np.ndarray):
                part.flags.writeable = False

    @classmethod
    def of(cls, ensemble: TargetEnsemble) -> PackedEnsemble:
        """Return the packed networks of an ensemble: those that were made of the arrays that it has, or new ones."""
        kept = cls._of_ensembles.get(ensemble)
        if kept is None or not kept._is_of(ensemble):
            kept = cls._of_ensembles[ensemble] = cls(ensemble)
        return kept

    def _is_of(self, ensemble: TargetEnsemble) -> bool:
        parts = _parts_of(ensemble)
        return len(parts) == len(self._made_from) and all(map(operator.is_, parts, self._made_from))

    def predict(self, shared: SharedColumns, n_jobs: int = 1) -> NDArray[np.float64]:
        """Return the weighted sum of what the members predict, (n_rows, n_outputs)."""

        def of_block(rows: SharedColumns) -> NDArray[np.float64]:
            total = np.zeros((len(rows), self.n_outputs))
            for network, predicted in self._predicted(rows):
                total += np.multiply(predicted, network.weight, dtype=np.float64)
            return total

        return _in_blocks(of_block, shared, n_jobs)

    def predict_folds(self, shared: SharedColumns, n_jobs: int = 1) -> NDArray[np.float64]:
        """Return the weighted mean of what the members of each fold predict, (n_folds, n_rows, n_outputs)."""

        def of_block(rows: SharedColumns) -> NDArray[np.float64]:
            totals = np.zeros((len(self._places), len(rows), self.n_outputs))
            for network, predicted in self._predicted(rows):
                totals[self._places[network.fold]] += np.multiply(
                    predicted, self.n_folds * network.weight, dtype=np.float64
                )
            return totals

        return _in_blocks(of_block, shared, n_jobs)

    def _predicted(self, rows: SharedColumns) -> Iterator[tuple[_Network, NDArray[np.floating]]]:
        """Give each network with what it predicts, (n_rows, n_outputs)."""
        columns = [shared_columns(kind, rows, layout) for kind, layout in self._shared]
        if rows.bins is not None:
            of_trees, categories = tree_codes(rows), rows.parts["categories"].codes
            places = None if self._starts is None else categories + self._starts
        for fold in self._folds.values():
            if fold.order is not None:
                of_trees[:, rows.n_tree_numbers :] = fold.order[places]
            for network in fold.sums:
                yield network, network.predict(of_trees)
            for sight in fold.sights.values():
                codes, fractions = columns[sight.shared]
                if sight.trees is not None:
                    put_leaves(codes, sight.trees.transform(of_trees))
                X = EncodedColumns.unchecked(codes, fractions, sight.layout)
                for network in sight.networks:
                    yield network, network.predict(X)


class TablePredictor:
    """Predictions for rows of a table, and for rows that have been read.

    Parameters
    ----------
    columns : TableColumns
    encoding : TableEncoding
    ensembles : list of TargetEnsemble
    decoded : callable
        It makes what is returned of the predictions of all ensembles.
    n_jobs : int
        How many threads share many rows.
    """

    def __init__(
        self,
        columns: TableColumns,
        encoding: TableEncoding,
        ensembles: Sequence[TargetEnsemble],
        decoded: Callable[[list[NDArray[np.float64]]], Any],
        n_jobs: int,
    ) -> None:
        self._n_numbers, self._n_categories = len(columns.number_names_), np.array(columns.n_categories_, np.int64)
        self._columns = columns
        self._encoding, self._ensembles, self._decoded, self._n_jobs = encoding, list(ensembles), decoded, n_jobs

    def __call__(self, X: Any) -> Any:
        """Return predictions for the rows of a table, or of a TypedTable."""
        if isinstance(X, TypedTable):
            table = checked_table(X, self._n_numbers, self._n_categories)
        else:
            table = self._columns.transform(X)
        shared = self._encoding.shared(table)
        return self._decoded([ensemble.predict(shared, self._n_jobs) for ensemble in self._ensembles])


def checked_table(table: TypedTable, n_numbers: int, n_categories: NDArray[np.integer]) -> TypedTable:
    """Return a table, refusing one that has not so many numbers, or codes of categories that there are not.

    Parameters
    ----------
    table : TypedTable
    n_numbers : int
        How many numbers a row must have.
    n_categories : ndarray of int of shape (n_columns,)
        How many categories are known of each column of codes.

    Raises
    ------
    ValueError
        It says what would be right.
    """
    numbers: NDArray = np.ascontiguousarray(table.numbers, np.float64)
    categories: NDArray = np.asarray(table.categories)
    widths = n_numbers, len(n_categories)
    for name, array, width in zip(("numbers", "categories"), (numbers, categories), widths, strict=True):
        if array.shape != (len(numbers), width):
            raise ValueError(f"table.{name} must have the shape (n_samples, {width}); got {array.shape}.")
    if categories.dtype.kind not in "iu" or (categories < 0).any() or (categories > n_categories).any():
        raise ValueError(
            f"table.categories must be codes from 0 to {n_categories.tolist()}, those of each column;"
            f" got {categories!r:.200}."
        )
    return TypedTable(numbers, categories)


def _parts_of(ensemble: TargetEnsemble) -> list[Any]:
    """Return all that an ensemble's predictions follow from, as objects that are others when that has changed."""
    parts: list[Any] = []
    for trees in ensemble.trees_.trees_.values():
        parts += (trees, trees.columns_, trees.thresholds_, trees.parents_, trees.n_leaves_)
    for orders in ensemble.trees_.orders_.values():
        parts += orders
    for member in ensemble.members_:
        network = member.network
        parts += (member.kind, member.weight, network, *network.coefs_, *network.intercepts_)
    return parts


def _in_blocks(
    of_block: Callable[[SharedColumns], NDArray[np.float64]], shared: SharedColumns, n_jobs: int
) -> NDArray[np.float64]:
    """Return what a function returns for rows, (..., n_rows, n_outputs), given some of them at a time."""
    n_rows = len(shared)
    if n_rows <= _ROWS_TOGETHER:
        return of_block(shared)
    blocks = [slice(start, start + _ROWS_TOGETHER) for start in range(0, n_rows, _ROWS_TOGETHER)]
    if n_jobs == 1:
        found = [of_block(shared.take(block)) for block in blocks]
    else:
        run = Parallel(n_jobs=n_jobs, backend="threading")
        found = run(delayed(lambda block: of_block(shared.take(block)))(block) for block in blocks)
    return np.concatenate(found, axis=-2)
