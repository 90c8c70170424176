"""What each column of a table adds to the first products of an ensemble's member, beside an average row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastmlp.inputs.columns import EncodedColumns
from fastmlp.network import Embeddings, Network
from fastmlp.tabular.trees import LeafCodes

Array = NDArray[np.float64]


class ColumnChanges:
    """The changes of a member's first products between an average row and others, and whose columns they are.

    The average row has, column for column, the mean of what training's rows stand for. The change by a leaf of a tree
    is divided among the splits on the way to it: the average of all leaves becomes that of the leaves on one side of
    the first split, then that on one side of the second, and so on; what a split changes is its column's.

    Parameters
    ----------
    network : Network
        Its first layer looks encoded columns up.
    mean_inputs : ndarray of shape (n_inputs,)
        The mean of what rows stand for.
    sources : sequence of int
        The table's column behind each encoded column that is no leaf.
    trees : LeafCodes or None
        Those whose leaves are the last encoded columns.
    tree_sources : sequence of int
        The table's column behind each column that trees read.
    n_sources : int
        The number of the table's columns.

    Attributes
    ----------
    base : ndarray of shape (n_units,)
        The products of the average row.
    """

    def __init__(
        self,
        network: Network,
        mean_inputs: Array,
        sources: Sequence[int],
        trees: LeafCodes | None,
        tree_sources: Sequence[int],
        n_sources: int,
    ) -> None:
        layout = network.structure.columns
        if layout is None:
            raise ValueError("the network reads no encoded columns.")
        weights = network.coefs[0].astype(np.float64)
        self._n_numbers, self._n_plain, self._n_sources = layout.n_numbers, len(sources), n_sources
        self._offsets = np.array(layout.offsets)
        # In a layer of embeddings each column has units of its own, in all others columns share the units.
        self._is_embedded = isinstance(network.structure.layers[0], Embeddings)
        # The sums of the weights of all bins below each, but for the first input, which is that of what is missing.
        self._weights, self._sums = weights, np.zeros_like(weights)
        for offset, n_bins in zip(layout.offsets, layout.n_bins, strict=False):
            np.cumsum(weights[offset + 1 : offset + n_bins], axis=0, out=self._sums[offset + 2 : offset + n_bins + 1])
        self._means = np.add.reduceat(mean_inputs[:, np.newaxis] * weights, self._offsets)
        base = self._means.ravel() if self._is_embedded else self._means.sum(axis=0)
        self.base = base + network.intercepts[0]
        # By how much a row in a leaf changes the products, by each column of the tree.
        self._steps, owners = np.zeros((0, 0, 0, weights.shape[1])), np.zeros(0, np.intp)
        if trees is not None:
            inputs = np.ones(len(weights), bool)
            inputs[: self._offsets[len(sources)]] = False
            inputs[self._offsets[len(sources) :]] = False  # those of what is unknown, which no leaf is
            leaves = np.flatnonzero(inputs)
            columns, self._steps = leaf_changes(trees, weights[leaves], mean_inputs[leaves])
            owners = np.asarray(tree_sources, np.intp)[columns]
        owner = np.concatenate([np.asarray(sources, np.intp), owners.ravel()])
        self._order = np.argsort(owner, kind="stable")
        self._owners, self._starts = np.unique(owner[self._order], return_index=True)

    def changes(self, X: EncodedColumns) -> Array:
        """Return by how much each column changes the products, (n_rows, n_columns, n_units of a column)."""
        codes = X.codes.astype(np.intp)
        inputs = codes + self._offsets
        values = np.ones(codes.shape)
        known = codes[:, : self._n_numbers] > 0
        values[:, : self._n_numbers][known] = X.fractions[known]
        found = self._weights[inputs]
        found *= values[..., np.newaxis]
        found[:, : self._n_numbers] += self._sums[inputs[:, : self._n_numbers]]
        found -= self._means
        return found

    def total(self, changes: Array) -> Array:
        """Return the changes by all columns together, (n_rows, n_units)."""
        return changes.reshape(len(changes), -1) if self._is_embedded else changes.sum(axis=1)

    def values(self, changes: Array, X: EncodedColumns, gradients: Array) -> Array:
        """Return what each of the table's columns adds to targets, (n_rows, n_sources, n_targets).

        Parameters
        ----------
        changes : ndarray
            As :meth:`changes` returned them for X.
        X : EncodedColumns
        gradients : ndarray of shape (n_rows, n_targets, n_units)
            Of the targets, with respect to the first products.
        """
        n_rows, n_targets = gradients.shape[:2]
        plain = changes[:, : self._n_plain]
        leaves = X.codes[:, self._n_plain :].astype(np.intp) - 1
        of_leaves = self._steps[np.arange(len(self._steps)), leaves]
        if self._is_embedded:
            own = gradients.reshape(n_rows, n_targets, *self._means.shape)
            added = np.einsum("rcu,rtcu->rct", plain, own[:, :, : self._n_plain], optimize=True)
            of_trees = np.einsum("rcku,rtcu->rckt", of_leaves, own[:, :, self._n_plain :], optimize=True)
        else:
            ways = gradients.transpose(0, 2, 1)
            added = plain @ ways
            of_trees = of_leaves @ ways[:, np.newaxis]
        parts = np.concatenate([added, of_trees.reshape(n_rows, -1, n_targets)], axis=1)
        found = np.zeros((n_rows, self._n_sources, n_targets))
        found[:, self._owners] = np.add.reduceat(parts[:, self._order], self._starts, axis=1)
        return found


def leaf_changes(trees: LeafCodes, weights: Array, frequencies: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the way from the average of a tree's leaves to each of them, divided among the columns that it splits by.

    Splits are gone through once from the last to the first, for the averages on both sides of each, and once from the
    first to the last, for the ways; each time for all trees together.

    Parameters
    ----------
    trees : LeafCodes
    weights : ndarray of shape (sum of the trees' leaves, n_units)
        What is looked up for each leaf, one tree after another.
    frequencies : ndarray of shape (sum of the trees' leaves,)
        How many rows have fallen into each leaf, in any unit. An average of leaves into which none has fallen is that
        of equal ones.

    Returns
    -------
    columns : ndarray of int of shape (n_trees, n_columns)
        The columns that the trees split by. Those that split by fewer than others have zeros at the end.
    changes : ndarray of shape (n_trees, n_leaves, n_columns, n_units)
        What each of a tree's columns adds on the way to each leaf, and zeros where a tree has no such leaf or column.

    Examples
    --------
    The tree splits by column 5, and on one side once more by column 2. Its leaves are 1, 3 and 7 for half, a quarter
    and a quarter of the rows, so that their average is 3, and 5 on this side.

    >>> import numpy as np
    >>> from fastmlp.tabular.contributions import leaf_changes
    >>> from fastmlp.tabular.trees import LeafCodes
    >>> tree = LeafCodes()
    >>> tree.n_leaves_, tree.columns_, tree.parents_ = np.array([3]), np.array([5, 2]), np.array([0, 1])
    >>> columns, changes = leaf_changes(tree, np.array([[1.0], [3.0], [7.0]]), np.array([0.5, 0.25, 0.25]))
    >>> columns.tolist(), changes[0, :, :, 0].tolist()
    ([[2, 5]], [[0.0, -2.0], [-2.0, 2.0], [2.0, 2.0]])
    """
    n_leaves = trees.n_leaves_.astype(np.intp)
    n_trees, most = len(n_leaves), int(n_leaves.max(initial=1))
    is_leaf = np.arange(most) < n_leaves[:, np.newaxis]
    is_split = is_leaf[:, 1:]
    parents, numbers = np.zeros(is_split.shape, np.intp), np.zeros(is_split.shape, np.intp)
    parents[is_split], numbers[is_split] = trees.parents_, trees.columns_
    columns, places = _different(numbers, is_split)
    # What has fallen into the leaves below each node, and their sum; once as it is, and once as if by equal parts.
    counts, sums = np.zeros((2, n_trees, most)), np.zeros((2, n_trees, most, weights.shape[1]))
    counts[0][is_leaf], counts[1] = frequencies, is_leaf
    sums[:, is_leaf] = weights
    sums *= counts[..., np.newaxis]

    def average(tree: NDArray[np.intp], leaf: NDArray[np.intp] | int) -> Array:
        has_rows = (counts[0, tree, leaf] > 0)[:, np.newaxis]
        n, total = counts[:, tree, leaf][..., np.newaxis], sums[:, tree, leaf]
        return np.where(has_rows, total[0] / np.where(has_rows, n[0], 1), total[1] / n[1])

    halves = np.zeros((2, *is_split.shape, weights.shape[1]))
    for split in range(most - 2, -1, -1):
        tree = np.flatnonzero(is_split[:, split])
        parent = parents[tree, split]
        halves[:, tree, split] = average(tree, parent), average(tree, split + 1)
        for each in (counts, sums):
            each[:, tree, parent] += each[:, tree, split + 1]
        halves[:, tree, split] -= average(tree, parent)
    changes = np.zeros((n_trees, most, columns.shape[1], weights.shape[1]))
    for split in range(most - 1):
        tree = np.flatnonzero(is_split[:, split])
        parent, place = parents[tree, split], places[tree, split]
        changes[tree, split + 1] = changes[tree, parent]
        for leaf, half in ((parent, 0), (split + 1, 1)):
            changes[tree, leaf, place] += halves[half, tree, split]
    return columns, changes


def _different(numbers: NDArray[np.intp], is_number: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the different numbers of each row, in ascending order, and the place of each number among them."""
    found = [np.unique(row[known], return_inverse=True) for row, known in zip(numbers, is_number, strict=True)]
    most = max((len(different) for different, _ in found), default=0)
    columns, places = np.zeros((len(found), most), np.intp), np.zeros(numbers.shape, np.intp)
    for row, (different, place) in enumerate(found):
        columns[row, : len(different)] = different
        places[row, is_number[row]] = place
    return columns, places
