"""Trees on codes, beside the same growth in slow, obvious Python, which tries each split of each leaf."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.special import expit, softmax

from fastmlp import engine

# Gains that differ by less are equal, and the first of them wins.
TIE = 1 + 1e-9


def derivatives(scores, targets, classes):
    """The first and second derivatives of the loss of each row by each output's score."""
    if not classes:
        return scores - targets, np.ones_like(scores)
    n_outputs = scores.shape[1]
    p = expit(scores) if n_outputs == 1 else softmax(scores, axis=1)
    bound = 1 if n_outputs == 1 else n_outputs / (n_outputs - 1)
    return p - targets, np.maximum(bound * p * (1 - p), 1e-6)


def score(g, h, l2):
    return sum(np.sum(g, axis=0) ** 2 / (np.sum(h, axis=0) + l2))


def drawn(random, n, n_drawn):
    """So many of the numbers below n, each number being asked in turn."""
    if n_drawn == n:
        return np.arange(n)
    taken = []
    for i in range(n):
        if random.random() * (n - i) < n_drawn - len(taken):
            taken.append(i)
    return np.array(taken)


def best_split(codes, g, h, leaf, columns, min_rows, l2):
    """The gain, column and threshold of a leaf's best split."""
    best = (1e-9, None, None)
    unsplit = score(g[leaf], h[leaf], l2)
    for column in columns:
        for threshold in np.unique(codes[leaf, column])[:-1]:  # others between them send the same rows left
            right = codes[leaf, column] > threshold
            if min(right.sum(), (~right).sum()) < min_rows:
                continue
            left, right = leaf[~right], leaf[right]
            gain = score(g[left], h[left], l2) + score(g[right], h[right], l2) - unsplit
            if gain > best[0] * TIE:
                best = (gain, column, threshold)
    return best


def best_level(codes, g, h, leaves, columns, l2):
    """The column and the threshold that gain most where all leaves are split by them; None if nothing gains."""
    unsplit = sum(score(g[leaf], h[leaf], l2) for leaf in leaves)
    best = (1e-9, None)
    for column in columns:
        for threshold in range(codes[:, column].max()):
            total = 0
            for leaf in leaves:
                right = codes[leaf, column] > threshold
                total += sum(score(g[half], h[half], l2) for half in (leaf[right], leaf[~right]))
            if total - unsplit > best[0] * TIE and total > unsplit * TIE:
                best = (total - unsplit, (column, threshold))
    return best[1]


def symmetric_splits(codes, g, h, rows, search_among, max_leaves, l2):
    """The splits of a tree whose levels are split alike, and the rows of its leaves."""
    leaves, splits = [rows], []
    while 2 * len(leaves) <= max_leaves:
        found = best_level(codes, g, h, leaves, search_among(), l2)
        if found is None:
            break
        right = [codes[leaf, found[0]] > found[1] for leaf in leaves]
        splits += [(*found, parent) for parent in range(len(leaves))]
        leaves = [leaf[~r] for leaf, r in zip(leaves, right, strict=True)] + [
            leaf[r] for leaf, r in zip(leaves, right, strict=True)
        ]
    return splits, leaves


def falls_into(codes, splits):
    """The leaf of each row, by a tree's splits one after another."""
    leaves = np.zeros(len(codes), dtype=int)
    for new, (column, threshold, parent) in enumerate(splits, start=1):
        for r, row in enumerate(codes):
            if leaves[r] == parent and row[column] > threshold:
                leaves[r] = new
    return leaves


def grown(
    codes, targets, weights, base, classes, n_trees, max_leaves, min_rows, rate, l2, n_drawn, c_drawn, searched,
    symmetric, seed,
):  # fmt: skip
    """For each tree its splits and the values of its leaves."""
    random = np.random.Generator(np.random.PCG64(seed))
    scores, trees = np.tile(base, (len(codes), 1)), []
    for _ in range(n_trees):
        g, h = (weights[:, np.newaxis] * each for each in derivatives(scores, targets, classes))
        leaves = [drawn(random, len(codes), n_drawn)]
        columns = drawn(random, codes.shape[1], c_drawn)
        splits = []

        def search_among(columns=columns):
            return columns[drawn(random, len(columns), min(searched, len(columns)))]

        def search(leaf, g=g, h=h, search_among=search_among):
            """A split is searched among columns that are drawn anew, where rows are enough for one."""
            if len(leaf) < 2 * min_rows:
                return 0.0, None, None
            return best_split(codes, g, h, leaf, search_among(), min_rows, l2)

        if symmetric:
            splits, leaves = symmetric_splits(codes, g, h, leaves[0], search_among, max_leaves, l2)
        else:
            found = [search(leaves[0])]
        while len(leaves) < max_leaves and not symmetric:
            best = 0
            for i, (gain, _, _) in enumerate(found):
                if gain > found[best][0] * TIE:
                    best = i
            _, column, threshold = found[best]
            if column is None:
                break
            splits.append((column, threshold, best))
            right = codes[leaves[best], column] > threshold
            leaves.append(leaves[best][right])
            leaves[best] = leaves[best][~right]
            found.append(None)
            if len(leaves) < max_leaves:  # the leaf of fewer rows is searched first
                halves = (best, -1) if len(leaves[best]) <= len(leaves[-1]) else (-1, best)
                for half in halves:
                    found[half] = search(leaves[half])
        values = np.array([-rate * g[leaf].sum(axis=0) / (h[leaf].sum(axis=0) + l2) for leaf in leaves])
        scores = scores + values[falls_into(codes, splits)]
        trees.append((splits, values))
    return trees


def taken_apart(columns, thresholds, parents, n_leaves, values):
    """What grow_trees returns, as the oracle has it."""
    splits = list(zip(columns.tolist(), thresholds.tolist(), parents.tolist(), strict=True))
    trees, split, leaf = [], 0, 0
    for n in n_leaves:
        trees.append((splits[split : split + n - 1], values[leaf : leaf + n]))
        split, leaf = split + n - 1, leaf + n
    assert (split, leaf) == (len(splits), len(values))
    return trees


def problem(seed, outputs, classes, n=60, n_codes=80):
    """Codes of five columns, the last of which is the second once more, targets and weights of some rows."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, (3, 9, 256, 2), (n_codes, 4)).astype(np.uint8)
    codes = np.ascontiguousarray(np.column_stack([codes, codes[:, 1]]))
    rows = random.permutation(n_codes)[:n].astype(np.int64)
    if not classes:
        targets = random.standard_normal((n_codes, outputs)) + (codes[:, :1] == 1) * (codes[:, 3:4] - 0.5)
    elif outputs == 1:
        targets = ((codes[:, :1] == 1) ^ (codes[:, 3:4] == 1) ^ (random.random((n_codes, 1)) < 0.2)).astype(float)
    else:
        targets = np.eye(outputs)[(codes[:, 1] + codes[:, 3] + random.integers(0, 2, n_codes)) % outputs]
    return codes, targets, random.uniform(0.5, 1.5, n_codes), rows


BINS = np.array([3, 9, 256, 2, 9], dtype=np.int32)
GROWTH = {
    "n_trees": 4, "max_leaves": 6, "min_rows": 5, "learning_rate": 0.4, "l2": 1.0, "drawn_rows": 60, "drawn_columns": 5,
    "searched_columns": 5, "symmetric": False, "seed": 3,
}  # fmt: skip


@pytest.mark.parametrize("changes", [
    {},
    {"max_leaves": 2},
    {"max_leaves": 40, "min_rows": 1},
    {"min_rows": 31},
    {"l2": 0.0, "max_leaves": 4},
    {"drawn_rows": 30},
    {"drawn_columns": 2},
    {"drawn_rows": 59, "drawn_columns": 4, "n_trees": 7},
    {"drawn_rows": 1, "drawn_columns": 1},
    {"searched_columns": 2},
    {"symmetric": True, "max_leaves": 8},
    {"symmetric": True, "max_leaves": 31, "searched_columns": 2, "drawn_rows": 40, "drawn_columns": 4},
    {"searched_columns": 1, "drawn_columns": 4, "drawn_rows": 50, "max_leaves": 12, "min_rows": 2},
], ids=str)  # fmt: skip
@pytest.mark.parametrize(("outputs", "classes"), [(1, True), (1, False), (2, False), (2, True), (3, True), (6, True)])
def test_trees_are_those_of_the_greedy_search(outputs, classes, changes, isa):
    codes, targets, weights, rows = problem(len(changes), outputs, classes)
    base = np.linspace(-0.5, 0.3, outputs)
    given = GROWTH | changes
    found = engine.grow_trees(codes, BINS, targets, weights, rows, base, classes=classes, isa=isa, **given)
    expected = grown(codes[rows], targets[rows], weights[rows], base, classes, *given.values())
    for (splits, values), (right_splits, right_values) in zip(taken_apart(*found), expected, strict=True):
        assert splits == right_splits
        np.testing.assert_allclose(values, right_values, rtol=1e-9, atol=1e-12)


def test_equal_gains_go_to_the_first_column_threshold_and_leaf():
    """Four groups of rows with the same two values: all splits but the first are as good as others."""
    codes = np.array([[0, 0, 0], [0, 2, 2], [3, 0, 0], [3, 2, 2]] * 5, dtype=np.uint8)
    targets = np.where(codes[:, :1] == 3, 10.0, 0.0) + np.where(codes[:, 1:2] == 2, 1.0, 0.0)
    columns, thresholds, parents, n_leaves, _ = engine.grow_trees(
        codes, np.full(3, 5, np.int32), targets, np.ones(20), np.arange(20), np.zeros(1), classes=False,
        n_trees=1, max_leaves=4, min_rows=1, learning_rate=1.0, l2=0.0, drawn_rows=20, drawn_columns=3,
        searched_columns=3, symmetric=False, seed=0,
    )  # fmt: skip
    assert (columns.tolist(), thresholds.tolist(), parents.tolist()) == ([0, 1, 1], [0, 0, 0], [0, 0, 1])
    assert n_leaves.tolist() == [4]


def test_a_tree_of_constant_targets_has_one_leaf():
    codes, _, weights, rows = problem(0, 1, False)
    for targets in (np.zeros((80, 1)), np.full((80, 1), 0.1)):
        given = (codes, BINS, targets, weights, rows, np.full(1, 0.1))
        columns, _, _, n_leaves, values = engine.grow_trees(*given, classes=False, **GROWTH | {"max_leaves": 256})
        assert len(columns) == 0
        assert n_leaves.tolist() == [1, 1, 1, 1]
        assert values.shape == (4, 1)
        reader = engine.LeafReader(columns, *(np.empty(0, np.uint8),) * 2, n_leaves, 5)
        assert all((reader.leaf_numbers(codes[:n]) == 0).all() for n in (1, 80))


def test_trees_that_grow_in_pieces_are_those_that_grow_at_once():
    codes, targets, weights, rows = problem(7, 2, False, 300, 400)
    given = {name: value for name, value in GROWTH.items() if name != "n_trees"} | {"searched_columns": 3}

    def begin():
        return engine.begin_boosting(codes, BINS.copy(), targets, weights, rows, np.zeros(2), classes=False, **given)

    growth = begin()
    pieces = [growth.grow(n) for n in (1, 3, 2)]
    whole = begin().grow(6)
    for parts, array in zip(zip(*pieces, strict=True), whole, strict=True):
        assert np.concatenate(parts).tobytes() == array.tobytes()
    with pytest.raises(ValueError, match="n_trees must be at least 1; got 0"):
        growth.grow(0)


def test_instruction_sets_grow_the_same_trees():
    codes, targets, weights, rows = problem(5, 3, True, 1000, 1500)
    given = GROWTH | {"n_trees": 20, "max_leaves": 16, "drawn_rows": 700, "drawn_columns": 3}
    first, *others = (
        engine.grow_trees(codes, BINS, targets, weights, rows, np.zeros(3), classes=True, isa=name, **given)
        for name in engine.SUPPORTED_ISAS
    )
    for other in others:
        for a, b in zip(first[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(first[4], other[4], rtol=1e-8, atol=1e-12)


def test_trees_that_grow_side_by_side_are_those_that_grow_alone():
    codes, targets, weights, rows = problem(6, 1, True, 1000, 1500)

    def grow(seed):
        given = GROWTH | {"drawn_rows": 500, "seed": seed}
        return engine.grow_trees(codes, BINS, targets, weights, rows, np.zeros(1), classes=True, **given)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(grow, [1, 2, 3, 4] * 4))
    for seed, trees in zip([1, 2, 3, 4] * 4, found, strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(trees, grow(seed), strict=True))
    assert found[0][4].tobytes() != found[1][4].tobytes()


# Trees on seven columns, two of which no split is by: a stump, a tree of one leaf, and two larger ones.
COLUMNS = np.array([3, 0, 6, 0, 5, 5, 2], dtype=np.int32)
THRESHOLDS = np.array([0, 254, 128, 127, 100, 255, 9], dtype=np.uint8)
PARENTS = np.array([0, 0, 0, 1, 2, 0, 1], dtype=np.uint8)
N_LEAVES = np.array([2, 1, 5, 3], dtype=np.int32)


# The last tree has two levels of splits that are alike, and then one more split.
LEVEL = [(5, 100, 0), (2, 50, 0), (2, 50, 1), (1, 99, 3)]
SPLITS = [*zip(COLUMNS, THRESHOLDS, PARENTS, strict=True), *LEVEL]
TREES = [SPLITS[:1], [], SPLITS[1:5], SPLITS[5:7], LEVEL]
NUMBERS_OF_ROWS = [0, 1, 2, 8, 9, 63, 64, 65, 1023, 1024, 1025, 3000]


def reader_and_rows(n):
    codes = np.random.default_rng(n).integers(0, 256, (n, 7)).astype(np.uint8)
    codes[::5, 3] = 0
    columns, thresholds, parents = (
        np.array(each, dtype) for each, dtype in zip(zip(*SPLITS, strict=True), "iBB", strict=True)
    )
    return engine.LeafReader(columns, thresholds, parents, np.append(N_LEAVES, np.int32(5)), 7), codes


@pytest.mark.parametrize("n", NUMBERS_OF_ROWS)
def test_leaves_of_rows(n, isa):
    reader, codes = reader_and_rows(n)
    leaves = reader.leaf_numbers(codes, isa=isa)
    assert (leaves.dtype, leaves.shape) == (np.uint8, (n, 5))
    expected = np.stack([falls_into(codes, tree) for tree in TREES], axis=1)
    np.testing.assert_array_equal(leaves, expected)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n", NUMBERS_OF_ROWS)
def test_sums_of_the_values_of_leaves(n, n_outputs, isa):
    reader, codes = reader_and_rows(n)
    random = np.random.default_rng(0)
    n_leaves = np.array([len(tree) + 1 for tree in TREES])
    values = random.normal(size=(n_outputs, n_leaves.sum())).astype(np.float32)
    base = random.normal(size=n_outputs).astype(np.float32)
    sums = reader.sums(codes, values, base, isa=isa)
    assert (sums.dtype, sums.shape) == (np.float32, (n, n_outputs))
    expected = np.tile(base, (n, 1))
    for tree, first in zip(TREES, np.cumsum([0, *n_leaves[:-1]]), strict=True):
        expected += values[:, first + falls_into(codes, tree)].T
    np.testing.assert_array_equal(sums, expected)  # to the last bit, since sums have an order


# Of 16, 32 and 64 float32 values and less, AVX-512 looks up some in registers.
@pytest.mark.parametrize("n_leaves", [2, 16, 17, 32, 33, 64, 65, 256])
def test_a_tree_of_many_leaves(n_leaves, isa):
    codes = np.tile(np.arange(256, dtype=np.uint8), 2)[:, np.newaxis]
    splits = np.arange(n_leaves - 1, dtype=np.uint8)
    reader = engine.LeafReader(np.zeros(n_leaves - 1, np.int32), splits, splits, np.array([n_leaves], np.int32), 1)
    expected = np.minimum(codes[:, 0], n_leaves - 1)
    assert reader.leaf_numbers(codes, isa=isa)[:, 0].tolist() == expected.tolist()
    values = np.random.default_rng(0).normal(size=(1, n_leaves)).astype(np.float32)
    sums = reader.sums(codes, values, np.zeros(1, np.float32), isa=isa)
    np.testing.assert_array_equal(sums[:, 0], values[0, expected])


@pytest.mark.parametrize(("shape", "n_base"), [((1, 15), 1), ((1, 17), 1), ((2, 16), 1), ((1, 16), 2)])
def test_values_that_do_not_go_with_trees(shape, n_base):
    reader, codes = reader_and_rows(3)
    with pytest.raises(ValueError, match=rf"values must have the shape \({n_base}, 16\)"):
        reader.sums(codes, np.zeros(shape, np.float32), np.zeros(n_base, np.float32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": COLUMNS[:6]}, "6 columns do not go with 7 thresholds and 7 leaves"),
        ({"parents": PARENTS[:6]}, "7 columns do not go with 7 thresholds and 6 leaves"),
        ({"columns": np.array([7, 0, 6, 0, 5, 5, 2], np.int32)}, "split 0 of tree 0 is by column 7 of 7"),
        ({"columns": np.array([0, 0, 6, -1, 5, 5, 2], np.int32)}, "split 2 of tree 2 is by column -1 of 7"),
        ({"parents": np.array([1, 0, 0, 1, 2, 0, 1], np.uint8)}, "split 0 of tree 0 is of leaf 1, which is not there"),
        ({"n_leaves": np.array([2, 0, 5, 3], np.int32)}, "tree 1 has 0 leaves; 1 to 256"),
        ({"n_leaves": np.array([257], np.int32)}, "tree 0 has 257 leaves; 1 to 256"),
        ({"n_leaves": np.array([2, 1, 5], np.int32)}, "there are 7 splits, but the trees have 5"),
        ({"n_leaves": np.array([2, 1, 5, 4], np.int32)}, "tree 3 has 4 leaves, but only 2 splits are left"),
    ],
)
def test_trees_that_are_none(changed, message):
    trees = {"columns": COLUMNS, "thresholds": THRESHOLDS, "parents": PARENTS, "n_leaves": N_LEAVES} | changed
    with pytest.raises(ValueError, match=message):
        engine.check_trees(*trees.values(), 7)
    with pytest.raises(ValueError, match=message):
        engine.LeafReader(*trees.values(), 7)


def test_rows_of_other_columns_are_refused():
    reader = engine.LeafReader(COLUMNS, THRESHOLDS, PARENTS, N_LEAVES, 7)
    with pytest.raises(ValueError, match="codes have 6 columns; the trees read 7"):
        reader.leaf_numbers(np.zeros((3, 6), np.uint8))
    with pytest.raises(ValueError, match="codes have 6 columns; the trees read 7"):
        reader.sums(np.zeros((3, 6), np.uint8), np.zeros((1, 11), np.float32), np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": np.full(60, 80)}, "rows must be numbers from 0 to 79"),
        ({"rows": np.full(60, -1)}, "rows must be numbers from 0 to 79"),
        ({"rows": np.empty(0, np.int64)}, "expected rows, columns and outputs, got 0, 5 and 1"),
        ({"codes": np.zeros((80, 0), np.uint8), "n_bins": np.empty(0, np.int32)}, "got 60, 0 and 1"),
        ({"targets": np.zeros((80, 0)), "base": np.empty(0)}, "got 60, 5 and 0"),
        ({"n_trees": 0}, "n_trees must be at least 1; got 0"),
        ({"n_bins": BINS[:4]}, r"codes of shape \(80, 5\) do not go with 4 numbers of bins"),
        ({"targets": np.zeros((79, 1))}, "79 rows of targets and 80 weights"),
        ({"weights": np.ones(81)}, "80 rows of targets and 81 weights"),
        ({"base": np.zeros(2)}, "do not go with"),
        ({"n_bins": np.array([3, 9, 257, 2, 9], np.int32)}, "column 2 has 257 bins; 1 to 256"),
        ({"n_bins": np.array([0, 9, 256, 2, 9], np.int32)}, "column 0 has 0 bins; 1 to 256"),
        ({"n_bins": np.array([3, 8, 256, 2, 9], np.int32)}, "has the code 8 in column 1, which has 8 bins"),
        ({"max_leaves": 1}, "max_leaves=1, .* is out of range"),
        ({"max_leaves": 257}, "max_leaves=257, .* is out of range"),
        ({"min_rows": 0}, "min_rows=0, .* is out of range"),
        ({"drawn_rows": 61}, "drawn_rows=61, .* is out of range"),
        ({"drawn_rows": 0}, "drawn_rows=0, .* is out of range"),
        ({"drawn_columns": 6}, "drawn_columns=6 or .* is out of range"),
        ({"searched_columns": 0}, "searched_columns=0 is out of range"),
        ({"isa": "mmx"}, "'mmx' is not an instruction set"),
    ],
)
def test_what_no_tree_grows_from(changed, message):
    codes, targets, weights, rows = problem(0, 1, False)
    names = ("codes", "n_bins", "targets", "weights", "rows", "base")
    given = dict(zip(names, (codes, BINS, targets, weights, rows, np.zeros(1)), strict=True)) | GROWTH | changed
    with pytest.raises(ValueError, match=message):
        engine.grow_trees(*[given.pop(name) for name in names], classes=False, **given)
