"""What each column changes in first products: beside the matrix that columns stand for, and trees walked by hand."""

import numpy as np
import pytest

from fastmlp import Network
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.tabular.contributions import ColumnChanges, leaf_changes
from fastmlp.tabular.trees import LeafCodes

LAYOUT = ColumnsLayout(n_bins=(4, 1), n_categories=(3, 0, 4, 1, 3))
# The last three columns are leaves: of a tree that splits by columns 1, 0 and 1 again, of one that never splits, and of
# one that splits by column 2, and then by column 0.
TREES = LeafCodes()
TREES.n_leaves_ = np.array([4, 1, 3], np.int32)
TREES.columns_ = np.array([1, 0, 1, 2, 0], np.int32)
TREES.parents_ = np.array([0, 0, 1, 0, 1], np.uint8)
SOURCES = [3, 0, 0, 2]
TREE_SOURCES = [3, 0, 2]


def splits_of(trees):
    """For each tree, the column of each split, and the leaves on one side of it and on the other."""
    found, start = [], 0
    for n_leaves in trees.n_leaves_:
        stop = start + int(n_leaves) - 1
        parents = trees.parents_[start:stop].tolist()
        below = [{leaf} for leaf in range(n_leaves)]
        sides = []
        for new in range(len(parents), 0, -1):  # from the last split to the first, leaves are put together again
            parent = parents[new - 1]
            sides.insert(0, (set(below[parent]), set(below[new])))
            below[parent] |= below[new]
        found.append(list(zip(trees.columns_[start:stop].tolist(), sides, strict=True)))
        start = stop
    return found


def way(splits, leaf, weights, frequencies):
    """What each column adds on the way from the average of all leaves to one, walked split by split."""

    def average(leaves):
        chosen = sorted(leaves)
        shares = frequencies[chosen]
        return np.average(weights[chosen], axis=0, weights=shares if shares.sum() else None)

    added, reached = {}, set(range(len(weights)))
    for column, sides in splits:
        for side in sides:
            if leaf in side:
                change = average(side) - average(reached)
                added[column] = added.get(column, 0) + change
                reached = side
    return added


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
        for c, splits in zip((4, 5, 6), splits_of(TREES), strict=True):
            first, n = LAYOUT.offsets[c] + 1, LAYOUT.n_inputs[c] - 1
            of_leaves = (gradients[row] @ dense.T)[:, first : first + n].T
            for column, added in way(splits, X.codes[row, c] - 1, of_leaves, mean[first : first + n]).items():
                expected[row, TREE_SOURCES[column]] += added
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), of_inputs.sum(axis=2), atol=1e-12)
    assert not found[:, [1, 4]].any()


def test_a_split_between_leaves_that_are_alike_gives_its_column_nothing():
    columns, changes = leaf_changes(TREES, np.array([[1.0]] * 5 + [[7.0], [-1.0], [-1.0]]), np.full(8, 0.125))
    assert columns.tolist() == [[0, 1], [0, 0], [0, 2]]
    np.testing.assert_allclose(changes[2, :, 0], 0, atol=1e-12)
    np.testing.assert_allclose(changes[2, :, 1, 0], [7 - 5 / 3, -1 - 5 / 3, -1 - 5 / 3, 0])
    assert not changes[:2].any()


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("frequencies", ["some", "few", "none"])
def test_ways_lead_from_the_average_to_each_leaf(symmetric, frequencies):
    random = np.random.default_rng(0)
    codes = random.integers(0, 6, (300, 4)).astype(np.uint8)
    trees = LeafCodes(n_trees=5, max_leaves=11, min_rows=5, symmetric=symmetric)
    trees.fit(codes, [6] * 4, codes[:, 0] * codes[:, 1] + random.standard_normal(300), classification=False)
    n_leaves = int(trees.n_leaves_.sum())
    counts = random.uniform(0, 1, n_leaves) * (frequencies != "none") * (random.random(n_leaves) < 0.5)
    counts += random.uniform(0, 1, n_leaves) * (frequencies == "some")
    weights = random.standard_normal((n_leaves, 3))
    columns, changes = leaf_changes(trees, weights, counts)
    starts = np.cumsum([0, *trees.n_leaves_])
    for tree, splits in enumerate(splits_of(trees)):
        of_tree = slice(starts[tree], starts[tree + 1])
        for leaf in range(trees.n_leaves_[tree]):
            expected = np.zeros((columns.shape[1], 3))
            for column, added in way(splits, leaf, weights[of_tree], counts[of_tree]).items():
                expected[columns[tree].tolist().index(column)] += added
            np.testing.assert_allclose(changes[tree, leaf], expected, atol=1e-12)


def test_a_network_that_reads_numbers_is_refused():
    with pytest.raises(ValueError, match="no encoded columns"):
        ColumnChanges(Network.create([3, 4, 1]), np.zeros(3), [0, 1, 2], None, [], 3)


def test_splits_lie_on_the_paths_to_the_leaves_that_they_separate():
    random = np.random.default_rng(0)
    codes = random.integers(0, 6, (300, 4)).astype(np.uint8)
    trees = LeafCodes(n_trees=5, max_leaves=9, min_rows=5)
    trees.fit(codes, [6] * 4, codes[:, 0] * codes[:, 1] + random.standard_normal(300), classification=False)
    leaves = trees.transform(codes)
    for number, (splits, path) in enumerate(zip(splits_of(trees), trees.paths(), strict=True)):
        found = np.zeros_like(path)
        for column, sides in splits:
            left, right = map(sorted, sides)
            found[left + right, column] = True
            # Rows on one side have smaller codes than those on the other.
            of_sides = [codes[np.isin(leaves[:, number], side), column] for side in (left, right)]
            assert of_sides[0].max() < of_sides[1].min()
        np.testing.assert_array_equal(found, path)
