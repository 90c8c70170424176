"""What each column of a table adds to the first products of an ensemble's member, beside an average row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp.inputs.columns import EncodedColumns
from fastmlp.network import Embeddings, Network
from fastmlp.tabular.trees import LeafCodes

Array = NDArray[np.float64]


class Splits(NamedTuple):
    """The splits of a tree."""

    #: The column of each, (n_splits,).
    columns: NDArray[np.intp]
    #: Whether each leaf lies on the one side of it, or on the other, (2, n_splits, n_leaves).
    sides: NDArray[np.bool_]


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
    trees : sequence of Splits
        Those of each tree; the trees' leaves are the last encoded columns.
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
        trees: Sequence[Splits],
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
        # Trees have fewer leaves and columns than these arrays have room for; what is beyond has steps of 0.
        of_trees = [
            (self._offsets[column] + 1, layout.n_inputs[column] - 1, splits)
            for column, splits in enumerate(trees, start=len(sources))
        ]
        ways = [leaf_steps(splits, mean_inputs[first : first + n]) for first, n, splits in of_trees]
        n_leaves = max((n for _, n, _ in of_trees), default=0)
        n_columns = max((len(columns) for columns, _ in ways), default=0)
        self._steps = np.zeros((len(ways), n_leaves, n_columns, n_leaves))
        self._leaves = np.zeros((len(ways), n_leaves), np.intp)
        owners = np.zeros((len(ways), n_columns), np.intp)
        for i, ((first, n, _), (columns, steps)) in enumerate(zip(of_trees, ways, strict=True)):
            self._steps[i, :n, : len(columns), :n] = steps
            self._leaves[i, :n] = first + np.arange(n)
            owners[i, : len(columns)] = np.asarray(tree_sources, np.intp)[columns]
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
        if self._is_embedded:
            own = gradients.reshape(n_rows, n_targets, *self._means.shape)
            added = np.einsum("rcu,rtcu->rct", plain, own[:, :, : self._n_plain], optimize=True)
            of_leaves = np.einsum("clu,rtcu->rclt", self._weights[self._leaves], own[:, :, self._n_plain :])
        else:
            ways = gradients.transpose(0, 2, 1)
            added = plain @ ways
            of_leaves = self._weights[self._leaves.ravel()] @ ways
        of_leaves = of_leaves.reshape(n_rows, *self._leaves.shape, n_targets)
        leaves = X.codes[:, self._n_plain :].astype(np.intp) - 1
        of_trees = self._steps[np.arange(len(self._leaves)), leaves] @ of_leaves
        parts = np.concatenate([added, of_trees.reshape(n_rows, -1, n_targets)], axis=1)
        found = np.zeros((n_rows, self._n_sources, n_targets))
        found[:, self._owners] = np.add.reduceat(parts[:, self._order], self._starts, axis=1)
        return found


def leaf_steps(splits: Splits, frequencies: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the way from the average of a tree's leaves to each of them, divided among the columns that it splits by.

    Parameters
    ----------
    splits : Splits
    frequencies : ndarray of shape (n_leaves,)
        How many rows have fallen into each leaf, in any unit.

    Returns
    -------
    columns : ndarray of int of shape (n_columns,)
        The columns that the tree splits by.
    steps : ndarray of shape (n_leaves, n_columns, n_leaves)
        Weights of the leaves in each leaf's steps. Over all columns they sum up to 1 for the leaf itself, less the
        frequencies.

    Examples
    --------
    The tree splits by column 5, and on one side once more by column 2:

    >>> import numpy as np
    >>> from fastmlp.tabular.contributions import Splits, leaf_steps
    >>> sides = np.array([[[1, 0, 0], [0, 1, 0]], [[0, 1, 1], [0, 0, 1]]], dtype=bool)
    >>> columns, steps = leaf_steps(Splits(np.array([5, 2]), sides), np.array([0.5, 0.25, 0.25]))
    >>> columns, steps[1].tolist()
    (array([2, 5]), [[0.0, 0.5, -0.5], [-0.5, 0.25, 0.25]])
    """
    columns, places = np.unique(splits.columns, return_inverse=True)
    is_column = (places[:, np.newaxis] == np.arange(len(columns))).astype(np.float64)
    before = _averages(splits.sides[0] | splits.sides[1], frequencies)
    steps = np.zeros((len(frequencies), len(columns), len(frequencies)))
    for side in splits.sides:
        changed = _averages(side, frequencies) - before
        steps += np.tensordot(side[:, :, np.newaxis] * is_column[:, np.newaxis], changed, (0, 0))
    return columns, steps


def _averages(leaves: NDArray[np.bool_], frequencies: Array) -> Array:
    """Return the weights of leaves in averages of some of them, a row for each; equal ones where no row fell there."""
    weights = leaves * frequencies
    sums = weights.sum(axis=1, keepdims=True)
    return np.where(sums > 0, weights, leaves) / np.where(sums > 0, sums, leaves.sum(axis=1, keepdims=True))


def splits_of_trees(trees: LeafCodes) -> list[Splits]:
    """Return the splits of each of the trees of some.

    Split i of a tree leaves some rows of a leaf, ``parents_[i]``, where they are, and puts the others into leaf i + 1.
    """
    found, start = [], 0
    for n_leaves in trees.n_leaves_:
        stop = start + int(n_leaves) - 1
        columns, parents = trees.columns_[start:stop], trees.parents_[start:stop]
        sides = np.zeros((2, stop - start, n_leaves), bool)
        # From the last split to the first, leaves are put together again.
        below = np.eye(n_leaves, dtype=bool)
        for i in range(len(parents) - 1, -1, -1):
            sides[:, i] = below[parents[i]], below[i + 1]
            below[parents[i]] |= below[i + 1]
        found.append(Splits(columns.astype(np.intp), sides))
        start = stop
    return found
