"""Leaves of trees as categories: what they learn, what files may say of them, what is refused."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.datasets import make_friedman1
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from fastmlp import MLPRegressor
from fastmlp.tabular.bins import Bins
from fastmlp.tabular.trees import LeafCodes
from tests.files import returned, same


def table(outputs, classification, n=600):
    """Codes of five columns, how many codes each has, and targets that depend on three of them."""
    random = np.random.default_rng(outputs)
    X = random.standard_normal((n, 5))
    X[random.random(X.shape) < 0.1] = np.nan
    signal = np.where(np.isnan(X[:, 0]), 1.0, np.sin(2 * np.nan_to_num(X[:, 0]))) * np.sign(np.nan_to_num(X[:, 1]))
    signal += np.nan_to_num(X[:, 2]) + random.standard_normal(n) / 2
    bins = Bins().fit(X)
    if not classification:
        targets = np.stack([(1 + 3 * k) * signal - k for k in range(outputs)], axis=1)
    elif outputs == 1:
        targets = (signal > 0).astype(float)[:, np.newaxis]
    else:
        targets = np.eye(outputs)[np.searchsorted(np.quantile(signal, np.arange(1, outputs) / outputs), signal)]
    return bins.transform(X), bins.n_bins_, targets


def loss(outputs, targets, classification):
    if not classification:
        return np.mean((outputs - targets) ** 2)
    if targets.shape[1] == 1:
        return np.mean(np.logaddexp(0, outputs) - targets * outputs)
    return -np.mean(np.sum(targets * log_softmax(outputs, axis=1), axis=1))


KINDS = [(1, True), (4, True), (1, False), (2, False)]


@pytest.mark.parametrize(("outputs", "classification"), KINDS)
def test_each_tree_lowers_the_training_loss_without_subsampling(outputs, classification):
    codes, n_bins, targets = table(outputs, classification)
    losses = []
    for n_trees in range(1, 25):
        trees = LeafCodes(n_trees, subsample=1.0).fit(codes, n_bins, targets, classification=classification)
        losses.append(loss(trees.outputs(codes), targets, classification))
    start = loss(np.tile(trees.base_, (len(codes), 1)), targets, classification)
    assert (np.diff([start, *losses]) < 0).all()
    assert losses[-1] < 0.65 * start


@pytest.mark.parametrize(("outputs", "classification"), KINDS)
def test_leaves_are_as_large_as_they_must_be(outputs, classification):
    codes, n_bins, targets = table(outputs, classification)
    trees = LeafCodes(12, max_leaves=20, min_rows=40, subsample=1.0).fit(
        codes, n_bins, targets, classification=classification
    )
    leaves = trees.transform(codes)
    assert (leaves.dtype, leaves.shape) == (np.uint8, (600, 12))
    for of_tree, n_leaves in zip(leaves.T, trees.n_leaves_, strict=True):
        counts = np.bincount(of_tree)
        assert len(counts) == n_leaves > 2
        assert counts.min() >= 40


def friedman():
    """Rows of so few different numbers that each has a bin of its own, their codes, and what is to be predicted."""
    X, y = make_friedman1(1500, noise=0.5, random_state=0)
    X = X.round(2)
    bins = Bins().fit(X[:1000])
    return X, bins.transform(X), bins.n_bins_, y


def test_without_regularisation_and_subsampling_they_are_scikit_learns():
    """For other rows they may differ, since a threshold between two codes may lie elsewhere."""
    X, codes, n_bins, y = friedman()
    ours = LeafCodes(100, 8, 5, learning_rate=0.1, subsample=1.0, l2_regularization=0.0)
    predicted = ours.fit(codes, n_bins, y, classification=False, rows=np.arange(1000)).outputs(codes)[:, 0]
    theirs = GradientBoostingRegressor(max_depth=None, max_leaf_nodes=8, min_samples_leaf=5, random_state=0)
    expected = theirs.fit(X[:1000], y[:1000]).predict(X)
    np.testing.assert_allclose(predicted[:1000], expected[:1000], rtol=1e-10)
    errors = [np.sqrt(np.mean((each - y)[1000:] ** 2)) for each in (predicted, expected)]
    assert errors[0] < 1.05 * errors[1]


def test_they_classify_as_well_as_scikit_learns():
    X, codes, n_bins, y = friedman()
    high = (y > np.median(y))[:, np.newaxis].astype(float)
    ours = LeafCodes(100, 8, 5, learning_rate=0.1, subsample=0.8)
    ours.fit(codes, n_bins, high, classification=True, rows=np.arange(1000))
    theirs = GradientBoostingClassifier(
        max_depth=None, max_leaf_nodes=8, min_samples_leaf=5, subsample=0.8, random_state=0
    )
    expected = theirs.fit(X[:1000], high[:1000, 0]).decision_function(X[1000:])[:, np.newaxis]
    assert loss(ours.outputs(codes[1000:]), high[1000:], True) < 1.05 * loss(expected, high[1000:], True)


def test_rows_that_are_left_out_have_no_influence():
    codes, n_bins, targets = table(1, True)
    rows = np.random.default_rng(0).permutation(600)[:400]
    alone = LeafCodes().fit(codes[rows], n_bins, targets[rows], classification=True)
    others = np.full_like(targets, np.nan)
    others[rows] = targets[rows]
    among = LeafCodes().fit(codes, n_bins, others, classification=True, rows=rows)
    assert same(alone, among)
    weights = np.zeros(600)
    weights[rows] = 7.0
    assert same(LeafCodes().fit(codes, n_bins, targets, classification=True, rows=rows, sample_weight=weights), among)


def test_weights_count_as_copies():
    codes, n_bins, targets = table(1, True)
    weights = np.random.default_rng(0).integers(0, 4, 600)
    copies = np.repeat(np.arange(600), weights)
    options = {"min_rows": 1, "subsample": 1.0, "max_leaves": 5, "n_trees": 5}
    # The mean weight is taken for 1, so the regularisation counts for fewer rows where these have weights.
    n_kept = np.count_nonzero(weights)
    weighted = LeafCodes(**options, l2_regularization=n_kept / len(copies)).fit(
        codes, n_bins, targets, classification=True, sample_weight=weights
    )
    copied = LeafCodes(**options).fit(codes, n_bins, targets, classification=True, rows=copies)
    np.testing.assert_array_equal(weighted.transform(codes), copied.transform(codes))
    np.testing.assert_allclose(weighted.outputs(codes), copied.outputs(codes), rtol=1e-9)


def test_the_scale_of_targets_and_weights_does_not_matter():
    codes, n_bins, targets = table(2, False)
    trees = LeafCodes().fit(codes, n_bins, targets, classification=False)
    for factor, shift in ((1e9, 5.0), (1e-9, -1e-9), (1e250, 0.0), (1e-250, 0.0)):
        weights = np.full(600, min(factor, 1e9))
        other = LeafCodes().fit(codes, n_bins, factor * targets + shift, classification=False, sample_weight=weights)
        np.testing.assert_array_equal(other.transform(codes), trees.transform(codes))
        np.testing.assert_allclose((other.outputs(codes) - shift) / factor, trees.outputs(codes), rtol=1e-6)


def test_a_seed_draws_the_same_rows_and_columns():
    codes, n_bins, targets = table(4, True)
    first, again, other = (
        LeafCodes(tree_features=0.5, max_features=0.7, random_state=seed).fit(
            codes, n_bins, targets, classification=True
        )
        for seed in (1, 1, 2)
    )
    assert same(first, again)
    assert not np.array_equal(first.transform(codes), other.transform(codes))
    for path in first.paths():
        assert path.any(axis=0).sum() <= 2


def test_missing_values_have_a_side_of_their_own():
    codes = np.array([[0], [1], [2], [3]] * 10, dtype=np.uint8)
    trees = LeafCodes(1, 2, 1, subsample=1.0).fit(codes, [4], (codes == 0).astype(float), classification=True)
    assert trees.thresholds_.tolist() == [0]
    assert trees.transform(codes[:4])[:, 0].tolist() == [0, 1, 1, 1]
    assert (expit(trees.outputs(codes[:4]))[:, 0] > 0.3).tolist() == [True, False, False, False]


@pytest.mark.parametrize(("outputs", "classification"), KINDS)
def test_growth_ends_where_rows_left_out_are_predicted_best(outputs, classification):
    codes, n_bins, targets = table(outputs, classification)
    rows = np.random.default_rng(1).permutation(600)
    learned, left_out = rows[:450], rows[450:]
    weights = np.random.default_rng(2).uniform(0.5, 2, 600)
    options = {"classification": classification, "rows": learned, "sample_weight": weights}

    def of_left_out(trees):
        """The weighted mean loss, of numbers in units of the deviations of those that are learned from."""
        if classification:
            each = [loss(trees.outputs(codes[[i]]), targets[[i]], True) for i in left_out]
            return np.average(each, weights=weights[left_out])
        means = np.average(targets[learned], axis=0, weights=weights[learned])
        variances = np.average((targets[learned] - means) ** 2, axis=0, weights=weights[learned])
        errors = (trees.outputs(codes[left_out]) - targets[left_out]) ** 2 / variances
        return np.average(errors.mean(axis=1), weights=weights[left_out])

    stopped = LeafCodes(200, learning_rate=0.4).fit(codes, n_bins, targets, **options, left_out=left_out, patience=12)
    n_trees, n_grown = len(stopped.n_leaves_), len(stopped.losses_)
    assert n_trees + 12 <= n_grown < n_trees + 12 + 10
    assert n_trees == np.argmin(stopped.losses_) + 1
    alone = LeafCodes(n_trees, learning_rate=0.4).fit(codes, n_bins, targets, **options)
    np.testing.assert_array_equal(alone.outputs(codes), stopped.outputs(codes))
    assert alone.losses_ == []
    assert stopped.losses_[n_trees - 1] == pytest.approx(of_left_out(alone), rel=1e-9)


def test_growth_ends_when_its_time_is_over():
    codes, n_bins, targets = table(1, True)
    asked = []

    def is_over():
        asked.append(True)
        return len(asked) == 12

    trees = LeafCodes(50).fit(codes, n_bins, targets, classification=True, is_over=is_over)
    assert len(trees.n_leaves_) == len(asked) == 12
    assert len(LeafCodes(5).fit(codes, n_bins, targets, classification=True, is_over=lambda: True).n_leaves_) == 1
    rows = np.arange(len(codes))
    trees.fit(codes, n_bins, targets, classification=True, rows=rows[30:], left_out=rows[:30], is_over=lambda: True)
    assert len(trees.n_leaves_) == len(trees.losses_) == 1


def test_rows_left_out_must_have_weight():
    codes, n_bins, targets = table(1, True)
    weights = (np.arange(600) < 500).astype(float)
    with pytest.raises(ValueError, match="left_out must have at least one row with weight; there are none"):
        LeafCodes().fit(
            codes, n_bins, targets, classification=True, sample_weight=weights, rows=np.arange(500),
            left_out=np.arange(500, 600),
        )  # fmt: skip


def test_paths_name_the_columns_that_decide():
    """Another code in a column that is not on the path of a row's leaf leaves the row there."""
    codes, n_bins, targets = table(1, False)
    trees = LeafCodes(10).fit(codes, n_bins, targets, classification=False)
    random = np.random.default_rng(0)
    leaves, paths, moved = trees.transform(codes), trees.paths(), 0
    for column in range(5):
        other = codes.copy()
        other[:, column] = random.integers(0, n_bins[column], 600)
        changed = trees.transform(other) != leaves
        decides = np.stack([path[of_tree, column] for path, of_tree in zip(paths, leaves.T, strict=True)], axis=1)
        assert not (changed & ~decides).any()
        moved += changed.sum()
    assert moved > 100


def test_one_class_or_one_number_makes_trees_of_one_leaf():
    codes, n_bins, _ = table(1, True)
    for targets, classification in ((np.ones(600), True), (np.full(600, 0.1), False)):
        trees = LeafCodes(3).fit(codes, n_bins, targets, classification=classification)
        assert not trees.transform(codes).any()
    assert trees.outputs(codes) == pytest.approx(0.1)
    nearly = 0.1 + np.where(np.arange(600) % 2, 0.0, np.spacing(0.1))
    assert not LeafCodes(3).fit(codes, n_bins, nearly, classification=False).transform(codes).any()
    constant = LeafCodes(3).fit(np.zeros((30, 2), np.uint8), [1, 1], np.arange(30.0), classification=False)
    assert constant.n_leaves_.tolist() == [1, 1, 1]
    assert [path.shape for path in constant.paths()] == [(1, 2)] * 3


def test_the_arrays_are_what_rows_are_sent_through():
    """Other arrays in their place count at once, and these cannot be written to without that being noticed."""
    codes, n_bins, targets = table(1, False)
    trees = LeafCodes(n_trees=3, subsample=1.0).fit(codes, n_bins, targets, classification=False)
    before = trees.transform(codes)
    for name in ("columns_", "thresholds_", "parents_", "n_leaves_"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(trees, name)[0] = 0
    trees.thresholds_ = np.full_like(trees.thresholds_, 255)
    assert before.any()
    assert not trees.transform(codes).any()


def test_codes_need_not_be_contiguous():
    codes, n_bins, targets = table(1, True)
    trees = LeafCodes().fit(codes, n_bins, targets, classification=True)
    turned = np.asfortranarray(codes)
    assert same(LeafCodes().fit(turned, n_bins, targets, classification=True), trees)
    np.testing.assert_array_equal(trees.transform(turned), trees.transform(codes))
    np.testing.assert_array_equal(trees.transform(codes[7:8]), trees.transform(codes)[7:8])
    assert trees.transform(codes[:0]).shape == (0, 30)


# ---- what files say --------------------------------------------------------------------------------------------------


def fitted():
    codes, n_bins, targets = table(2, False)
    return LeafCodes(5).fit(codes, n_bins, targets, classification=False)


def test_trees_are_as_they_were_after_a_file(path):
    """A file holds them as a part of a model; here a network's attribute stands for that of an estimator of tables."""
    trees, codes = fitted(), table(2, False)[0]
    model = MLPRegressor(hidden_layer_sizes=(2,))
    model.trees_ = trees
    found = returned(model, path).trees_
    assert same(found, trees)
    np.testing.assert_array_equal(found.transform(codes), trees.transform(codes))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("more", lambda _: 1, "LeafCodes have other attributes"),
        ("max_leaves", lambda _: 1000, "max_leaves must be from 2 to 256"),
        ("n_columns_", lambda _: 0, "n_columns_ is no number of columns; got 0"),
        ("n_columns_", lambda _: 2.0, "n_columns_ is no number of columns"),
        ("n_columns_", lambda _: 1, "is by column"),
        ("columns_", lambda of: of.astype(np.int64), "columns_ are no int32"),
        ("columns_", lambda of: of.tolist(), "columns_ are no int32"),
        ("columns_", lambda of: -of - 1, "is by column -"),
        ("columns_", lambda of: np.repeat(of, 2)[::2], "columns_ are no int32"),
        ("thresholds_", lambda of: of[1:], "thresholds_ are no uint8"),
        ("thresholds_", lambda of: of.astype(np.int8), "thresholds_ are no uint8"),
        ("parents_", lambda of: np.full_like(of, 9), "which is not there yet"),
        ("parents_", lambda of: of[:, np.newaxis], "parents_ are no uint8"),
        ("n_leaves_", lambda of: np.append(of[:-1], of[-1:] + 1), "leaves, but only"),
        ("n_leaves_", lambda of: of[1:], "there are"),
        ("n_leaves_", lambda of: np.append(of, np.int32(1)), "values_ are not one for each leaf"),
        ("n_leaves_", lambda of: -of, "1 to 256 are possible"),
        ("values_", lambda of: of[1:], "values_ are not one for each leaf"),
        ("values_", lambda of: of[:, 0], "values_ are none"),
        ("values_", lambda of: of[:, :0], "values_ are none"),
        ("values_", lambda of: of * np.nan, "values_ are no float64"),
        ("values_", lambda of: of.astype(np.float32), "values_ are no float64"),
        ("base_", lambda of: of[:1], "base_ are no float64"),
        ("base_", lambda of: of.astype(object), "base_ are no float64"),
    ],
)
def test_attributes_from_files_that_are_refused(name, change, message):
    trees = fitted()
    trees.check_state()
    vars(trees)[name] = change(vars(trees).get(name))
    with pytest.raises(ValueError, match=message):
        trees.check_state()


def test_trees_that_are_not_fitted_are_refused():
    with pytest.raises(ValueError, match="LeafCodes have other attributes"):
        LeafCodes().check_state()


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_trees": 0}, "n_trees must be an integer of at least 1; got 0"),
        ({"min_rows": 1.5}, r"min_rows must be an integer of at least 1; got 1\.5"),
        ({"max_leaves": 1}, "max_leaves must be from 2 to 256; got 1"),
        ({"max_leaves": 257}, "max_leaves must be from 2 to 256; got 257"),
        ({"random_state": None}, "random_state must be an integer of at least 0; got None"),
        ({"random_state": -1}, "random_state must be an integer of at least 0; got -1"),
        ({"subsample": 0}, "subsample must be a number above 0, and at most 1; got 0"),
        ({"subsample": True}, "subsample must be a number above 0, and at most 1; got True"),
        ({"tree_features": 0}, r"tree_features must be a number above 0, and at most 1; got 0"),
        ({"max_features": 1.1}, r"max_features must be a number above 0, and at most 1; got 1\.1"),
        ({"max_features": "sqrt"}, "max_features must be a number above 0, and at most 1; got 'sqrt'"),
        ({"learning_rate": np.inf}, "learning_rate must be a number above 0; got inf"),
        ({"l2_regularization": -1}, "l2_regularization must be a number of at least 0; got -1"),
        ({"l2_regularization": np.nan}, "l2_regularization must be a number of at least 0; got nan"),
    ],
)
def test_parameters_that_are_refused(parameters, message):
    codes, n_bins, targets = table(1, True)
    with pytest.raises(ValueError, match=message):
        LeafCodes(**parameters).fit(codes, n_bins, targets, classification=True)


CODES, ONES = np.zeros((6, 2), np.uint8), np.ones(6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": CODES.astype(int)}, r"array of uint8 of shape \(n_rows, n_columns\); got int64 of shape \(6, 2\)"),
        ({"codes": CODES[0]}, r"got uint8 of shape \(2,\)"),
        ({"codes": CODES.tolist()}, "got a list"),
        ({"codes": CODES[:, :0]}, "codes must have at least one column"),
        ({"codes": CODES + np.uint8(9)}, "row 0 has the code 9 in column 0, which has 3 bins"),
        ({"n_bins": [3]}, r"n_bins must be an integer for each of 2 columns; got \[3\]"),
        ({"n_bins": [3.0, 3.0]}, "n_bins must be an integer for each of 2 columns"),
        ({"n_bins": [3, 300]}, "column 1 has 300 bins; 1 to 256 are possible"),
        ({"targets": ONES[:5]}, r"targets must have 6 rows, as codes have; got an array of shape \(5, 1\)"),
        ({"targets": np.ones((6, 0))}, r"got an array of shape \(6, 0\)"),
        ({"targets": ONES * np.nan}, "targets must be finite"),
        ({"targets": ONES * 2}, "targets of classes must be from 0 to 1"),
        ({"rows": []}, "at least one row with weight"),
        ({"rows": [0, 6]}, "rows must be numbers from 0 to 5; got 0 to 6"),
        ({"rows": [-1, 0]}, "rows must be numbers from 0 to 5; got -1 to 0"),
        ({"rows": [0.5]}, r"rows must be integers of shape \(n,\); got float64 of shape \(1,\)"),
        ({"rows": ONES > 0}, "rows must be integers"),
        ({"sample_weight": ONES[:3]}, r"sample_weight must have the shape \(6,\); got \(3,\)"),
        ({"sample_weight": -ONES}, "sample_weight must be finite and at least 0"),
        ({"sample_weight": ONES * np.inf}, "sample_weight must be finite and at least 0"),
        ({"sample_weight": ONES * 0}, "at least one row with weight"),
    ],
    ids=str,
)
def test_data_that_is_refused(changed, message):
    given = {"codes": CODES, "n_bins": [3, 3], "targets": ONES, "classification": True} | changed
    with pytest.raises(ValueError, match=message):
        LeafCodes().fit(**given)


def test_codes_of_other_columns_are_refused():
    trees = LeafCodes(min_rows=1).fit(CODES, [3, 3], ONES, classification=True)
    with pytest.raises(ValueError, match=r"codes must have 2 columns, as in fit; got 3"):
        trees.transform(np.zeros((1, 3), np.uint8))
