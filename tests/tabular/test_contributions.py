"""What each column changes in first products: beside the matrix that columns stand for, and trees walked by hand."""

import numpy as np
import pytest

from fastmlp import Network
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.tabular.contributions import ColumnChanges, Splits, leaf_steps, splits_of_trees
from fastmlp.tabular.trees import LeafCodes

LAYOUT = ColumnsLayout(n_bins=(4, 1), n_categories=(3, 0, 4, 1, 3))
# The last three columns are leaves: of a tree that splits by columns 1, 0 and 1 again, of one that never splits, and of
# one that splits by column 2, and then by column 0.
TREES = [
    Splits(
        np.array([1, 0, 1]),
        np.array([[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]], [[0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 1]]], bool),
    ),
    Splits(np.empty(0, int), np.empty((2, 0, 1), bool)),
    Splits(np.array([2, 0]), np.array([[[1, 0, 0], [0, 1, 0]], [[0, 1, 1], [0, 0, 1]]], bool)),
]
SOURCES = [3, 0, 0, 2]
TREE_SOURCES = [3, 0, 2]


def rows(n=50, seed=0):
    random = np.random.default_rng(seed)
    codes = np.stack([random.integers(0, n_inputs, n) for n_inputs in LAYOUT.n_inputs], axis=1).astype(np.uint8)
    codes[:, 4:] = np.maximum(codes[:, 4:], 1)
    return EncodedColumns(codes, random.uniform(-0.5, 1.5, (n, 2)), LAYOUT)


def network(units=5):
    made = Network.create([LAYOUT.total_inputs, units, 1], columns=LAYOUT, random_state=0)
    made.coefs[0][:] = np.random.default_rng(1).standard_normal(made.coefs[0].shape)
    made.intercepts[0][:] = np.arange(units)
    return made


def embedded(size=4):
    """A network whose columns have units of their own; and the dense weights that do the same."""
    n_units = size * LAYOUT.n_columns
    made = Network.create([LAYOUT.total_inputs, 3, 1], columns=LAYOUT, embedding_size=size, random_state=0)
    made.coefs[0][:] = np.random.default_rng(1).standard_normal(made.coefs[0].shape)
    made.intercepts[0][:] = np.arange(n_units)
    dense = np.zeros((LAYOUT.total_inputs, n_units))
    for c, (offset, n) in enumerate(zip(LAYOUT.offsets, LAYOUT.n_inputs, strict=True)):
        dense[offset : offset + n, size * c : size * (c + 1)] = made.coefs[0][offset : offset + n]
    return made, dense


@pytest.fixture(params=["shared", "embedded"])
def layer(request):
    """The changes that are tested, the dense weights, and the biases."""
    made, dense = embedded() if request.param == "embedded" else (network(), network().coefs[0])
    mean = rows().mean()
    return ColumnChanges(made, mean, SOURCES, TREES, TREE_SOURCES, 5), dense, made.intercepts[0], mean


def test_changes_are_those_of_the_dense_products(layer):
    columns, dense, biases, mean = layer
    X = rows(20, seed=3)
    changes = columns.changes(X)
    np.testing.assert_allclose(columns.base, mean @ dense + biases)
    np.testing.assert_allclose(columns.base + columns.total(changes), X.dense() @ dense + biases, atol=1e-12)


def test_values_are_products_of_changes_and_gradients(layer):
    columns, dense, _, mean = layer
    X = rows(20, seed=3)
    gradients = np.random.default_rng(4).standard_normal((20, 3, dense.shape[1]))
    found = columns.values(columns.changes(X), X, gradients)
    of_inputs = (X.dense() - mean)[:, np.newaxis] * (gradients @ dense.T)
    expected = np.zeros((20, 5, 3))
    for c, source in enumerate(SOURCES):
        inputs = slice(LAYOUT.offsets[c], LAYOUT.offsets[c] + LAYOUT.n_inputs[c])
        expected[:, source] += of_inputs[:, :, inputs].sum(axis=2)
    for row in range(20):
        for c, tree in zip((4, 5, 6), TREES, strict=True):
            first, n = LAYOUT.offsets[c] + 1, LAYOUT.n_inputs[c] - 1
            leaf, share = X.codes[row, c] - 1, mean[first : first + n]
            of_leaves = (gradients[row] @ dense.T)[:, first : first + n]
            reached = np.ones(n, bool)
            for column, left, right in zip(tree.columns, *tree.sides, strict=True):
                if leaf in np.flatnonzero(left | right):
                    side = left if left[leaf] else right
                    change = np.average(of_leaves[:, side], axis=1, weights=share[side])
                    change -= np.average(of_leaves[:, reached], axis=1, weights=share[reached])
                    expected[row, TREE_SOURCES[column]] += change
                    reached = side
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), of_inputs.sum(axis=2), atol=1e-12)
    assert not found[:, [1, 4]].any()


def test_a_split_between_leaves_that_are_alike_gives_its_column_nothing():
    columns, steps = leaf_steps(TREES[2], np.array([0.2, 0.5, 0.3]))
    values = steps @ np.array([7.0, -1.0, -1.0])
    assert columns.tolist() == [0, 2]
    np.testing.assert_allclose(values[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("frequencies", [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
def test_steps_lead_from_the_average_to_each_leaf(frequencies):
    frequencies = np.array(frequencies)
    _, steps = leaf_steps(TREES[2], frequencies)
    np.testing.assert_allclose(steps.sum(axis=1), np.eye(3) - frequencies / frequencies.sum(), atol=1e-12)


def test_a_network_that_reads_numbers_is_refused():
    with pytest.raises(ValueError, match="no encoded columns"):
        ColumnChanges(Network.create([3, 4, 1]), np.zeros(3), [0, 1, 2], [], [], 3)


def test_splits_of_trees_put_leaves_together_again():
    trees = LeafCodes()
    trees.n_leaves_ = np.array([4, 1, 2], np.int32)
    trees.columns_ = np.array([7, 5, 6, 9], np.int32)
    trees.parents_ = np.array([0, 1, 0, 0], np.uint8)
    first, second, third = splits_of_trees(trees)
    # Column 7 separates leaves 0 and 3 from leaves 1 and 2, column 5 these two, and column 6 the others.
    assert first.columns.tolist() == [7, 5, 6]
    assert [np.flatnonzero(side).tolist() for side in first.sides[0]] == [[0, 3], [1], [0]]
    assert [np.flatnonzero(side).tolist() for side in first.sides[1]] == [[1, 2], [2], [3]]
    assert second.sides.shape == (2, 0, 1)
    assert third.columns.tolist() == [9]
    assert third.sides.tolist() == [[[True, False]], [[False, True]]]


def test_splits_lie_on_the_paths_to_the_leaves_that_they_separate():
    random = np.random.default_rng(0)
    codes = random.integers(0, 6, (300, 4)).astype(np.uint8)
    trees = LeafCodes(n_trees=5, max_leaves=9, min_rows=5)
    trees.fit(codes, [6] * 4, codes[:, 0] * codes[:, 1] + random.standard_normal(300), classification=False)
    leaves = trees.transform(codes)
    for number, (splits, path) in enumerate(zip(splits_of_trees(trees), trees.paths(), strict=True)):
        found = np.zeros_like(path)
        for column, (left, right) in zip(splits.columns, splits.sides.transpose(1, 0, 2), strict=True):
            found[left | right, column] = True
            # Rows on one side have smaller codes than those on the other.
            of_sides = [codes[np.isin(leaves[:, number], np.flatnonzero(side)), column] for side in (left, right)]
            assert of_sides[0].max() < of_sides[1].min()
        np.testing.assert_array_equal(found, path)
