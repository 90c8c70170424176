"""Bins of numbers: where their borders lie, and the codes that follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from fastmlp import MLPRegressor
from fastmlp.tabular.bins import Bins, between, cut_points, tree_cut_points
from tests.files import returned, same

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SHARES = ["capped", "rows", "distinct"]


@given(st.lists(FINITE, min_size=2, max_size=10, unique_by=lambda x: x + 0.0))
def test_a_cut_point_separates_its_two_neighbours(values):
    values = np.unique(values)
    cuts = between(values)
    assert (values[:-1] <= cuts).all()
    assert (cuts < values[1:]).all()


def test_neighbouring_numbers_and_large_ones_are_separated():
    low, high = 1.0, np.nextafter(1.0, 2.0)
    assert between(np.array([low, high])).tolist() == [low]
    assert between(np.array([-1.7e308, 1.7e308])).tolist() == [0.0]
    assert np.isfinite(between(np.array([1.6e308, 1.7e308]))).all()
    assert between(np.array([0.0, 5e-324])).tolist() == [0.0]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(FINITE, st.integers(-3, 3), st.just(np.nan)), max_size=60), st.integers(1, 12))
@pytest.mark.parametrize("share", SHARES)
def test_bins_are_no_more_than_asked_for_and_keep_equal_numbers_together(share, values, n_bins):
    values = np.array(values, dtype=float)
    cuts = cut_points(values, n_bins, share=share)
    distinct = np.unique(values[~np.isnan(values)])
    assert len(cuts) <= n_bins - 1
    assert (np.diff(cuts) > 0).all()
    codes = np.searchsorted(cuts, distinct)
    assert len(np.unique(codes)) == len(cuts) + 1 or not len(distinct)
    if len(distinct) <= n_bins:
        assert codes.tolist() == list(range(len(distinct)))


def test_bins_of_many_different_numbers_hold_as_many_rows():
    values = np.random.default_rng(0).standard_cauchy(5000)
    for share in SHARES:
        counts = np.bincount(np.searchsorted(cut_points(values, 50, share=share), values))
        assert len(counts) == 50
        assert counts.min() >= 99
        assert counts.max() <= 101


def test_a_number_that_most_rows_have_takes_bins_from_others_only_in_quantiles():
    values = np.concatenate([np.zeros(9000), np.random.default_rng(0).uniform(0.1, 1, 1000)])
    n_bins = {share: len(cut_points(values, 100, share=share)) + 1 for share in SHARES}
    assert n_bins["rows"] <= 12
    assert n_bins["distinct"] == 100
    assert n_bins["capped"] > 90


def test_distinct_numbers_count_once():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], [1, 1, 97, 1])
    assert cut_points(values, 2, share="distinct").tolist() == [1.5]
    assert cut_points(values, 2, share="rows").tolist() == [1.5]
    assert cut_points(np.repeat([0.0, 1.0, 2.0, 3.0], [90, 1, 1, 1]), 2, share="rows").tolist() == [0.5]
    assert cut_points(np.repeat([0.0, 1.0, 2.0, 3.0], [90, 1, 1, 1]), 2, share="distinct").tolist() == [1.5]


@pytest.mark.parametrize("classification", [False, True])
def test_cut_points_of_a_tree_are_scikit_learns(classification):
    random = np.random.default_rng(0)
    values = random.integers(0, 60, 400).astype(float)
    targets = (np.sin(values / 7) + random.standard_normal(400) / 5 > 0.3).astype(float)
    cuts = tree_cut_points(values, targets, 6, classification=classification, min_rows=10)
    tree = DecisionTreeRegressor(max_leaf_nodes=6, min_samples_leaf=10).fit(values[:, np.newaxis], targets)
    expected = np.sort(tree.tree_.threshold[tree.tree_.children_left >= 0])
    np.testing.assert_array_equal(cuts, expected)
    values[:30] = np.nan
    assert len(tree_cut_points(values, targets, 6, classification=classification)) in (4, 5)


def test_cut_points_of_a_tree_follow_weights_and_missing_values():
    values, targets = np.array([np.nan, 1.0, 2.0, 3.0]), np.array([9.0, 0.0, 1.0, 1.0])
    assert tree_cut_points(values, targets, 2, classification=False).tolist() == []
    assert tree_cut_points(values, targets, 3, classification=False).tolist() == [1.5]
    weights = [0, 1, 1, 1]
    assert tree_cut_points(values, targets, 2, classification=False, sample_weight=weights).tolist() == [1.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cut_points([1.0], 0), "max_bins must be an integer of at least 1; got 0"),
        (lambda: cut_points([[1.0]]), r"values must have the shape \(n,\); got \(1, 1\)"),
        (lambda: cut_points([1.0, np.inf]), "values must be finite or NaN; some are infinite"),
        (lambda: cut_points([1.0], share="all"), "share must be 'capped', 'rows' or 'distinct'; got 'all'"),
        (lambda: tree_cut_points([1.0], [1.0], 1, classification=False), "max_leaves must be from 2 to 256; got 1"),
        (lambda: Bins(256).fit(np.ones((1, 1))), "max_bins must be at most 255; got 256"),
        (lambda: Bins(2.0).fit(np.ones((1, 1))), r"max_bins must be an integer of at least 1; got 2\.0"),
        (lambda: Bins().fit(np.ones(3)), r"X must have the shape \(n_rows, n_columns\); got \(3,\)"),
        (lambda: Bins().fit(np.array([[1.0, -np.inf]])), "X must be finite or NaN; column 1 has infinite numbers"),
        (lambda: Bins().fit(np.ones((2, 3))).transform(np.ones((2, 2))), "X must have 3 columns, as in fit; got 2"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- Bins ------------------------------------------------------------------------------------------------------------


def table(n=2000):
    """Numbers with few and many different values, constant, all missing, and one that most rows have."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, 5))
    X[:, 1] = random.integers(0, 4, n)
    X[:, 2] = 7.0
    X[:, 3] = np.nan
    X[:, 4] = np.where(random.random(n) < 0.8, 0.0, random.exponential(size=n))
    X[random.random(X.shape) < 0.05] = np.nan
    return X


def test_codes_of_a_table():
    X = table()
    bins = Bins().fit(X)
    codes = bins.transform(X)
    assert (codes.dtype, codes.shape) == (np.uint8, X.shape)
    assert ((codes == 0) == np.isnan(X)).all()
    assert bins.n_bins_.tolist()[:4] == [256, 5, 2, 2]
    assert 200 < bins.n_bins_[4] <= 256
    for i, column in enumerate(X.T):
        cuts = cut_points(column)
        known = ~np.isnan(column)
        np.testing.assert_array_equal(codes[known, i], 1 + np.searchsorted(cuts, column[known]))
        assert codes[:, i].max() < bins.n_bins_[i]
    np.testing.assert_array_equal(bins.transform(X[9:10]), codes[9:10])
    np.testing.assert_array_equal(bins.transform(np.asfortranarray(X)), codes)


def test_numbers_that_training_did_not_have():
    bins = Bins().fit(np.array([[1.0], [2.0], [3.0]]))
    assert bins.transform(np.array([[-np.inf], [0.0], [1.5], [1.6], [99.0], [np.inf]]))[:, 0].tolist() == [
        1,
        1,
        1,
        2,
        3,
        3,
    ]


def test_missing_numbers_that_training_did_not_have_are_in_the_bin_of_the_median():
    """Where it had some, they have a code of their own."""
    X = np.array([[1.0, 1.0, 5.0], [9.0, 9.0, 5.0], [2.0, np.nan, 5.0], [3.0, 4.0, 5.0], [8.0, 2.0, 5.0]])
    bins = Bins().fit(X)
    missing = np.full((2, 3), np.nan)
    assert bins.transform(missing).tolist() == [[3, 0, 1]] * 2
    missing[1] = 2.5
    assert bins.transform(missing).tolist() == [[3, 0, 1], [2, 2, 1]]
    assert Bins(2).fit(X).transform(missing[:1]).tolist() == [[2, 0, 1]]
    random = np.random.default_rng(0).normal(size=(501, 1))
    bins = Bins().fit(random)
    assert bins.transform(missing[:1, :1]) == bins.transform(np.median(random, keepdims=True))


def test_rows_that_are_left_out_have_no_influence():
    X = table()
    rows = np.arange(0, 2000, 3)
    other = X.copy()
    other[np.setdiff1d(np.arange(2000), rows)] = 1e9
    assert same(Bins(20).fit(other, rows), Bins(20).fit(X[rows]))


def test_no_rows_and_no_columns():
    bins = Bins().fit(np.empty((0, 2)))
    assert bins.transform(np.array([[1.0, np.nan]])).tolist() == [[1, 0]]
    assert Bins().fit(np.empty((3, 0))).transform(np.empty((3, 0))).shape == (3, 0)


def test_bins_are_as_they_were_after_a_file(path):
    model = MLPRegressor(hidden_layer_sizes=(2,))
    for bins in (Bins().fit(table()), Bins(1).fit(table()), Bins().fit(np.empty((3, 0)))):
        model.bins_ = bins
        assert same(returned(model, path).bins_, bins)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("more", lambda _: 1, "Bins have other attributes"),
        ("max_bins", lambda _: "many", "max_bins must be an integer"),
        ("cuts_", lambda of: of.tolist(), "cuts_ are no finite numbers"),
        ("cuts_", lambda of: of.astype(np.float32), "cuts_ are no finite numbers"),
        ("cuts_", lambda of: of * np.nan, "cuts_ are no finite numbers"),
        ("cuts_", lambda of: of[::-1].copy(), "cuts_ of a column do not ascend"),
        ("cuts_", lambda of: of[1:], "offsets_ do not fit cuts_"),
        ("offsets_", lambda of: of[:0], "offsets_ do not fit cuts_"),
        ("offsets_", lambda of: of + 1, "offsets_ do not fit cuts_"),
        ("offsets_", lambda of: of.astype(np.int32), "offsets_ do not fit cuts_"),
        ("offsets_", lambda of: of[[0, -1]], "too many or too few"),
        ("offsets_", lambda of: np.concatenate([of[:1], of[-1:], of[1:]]), "too many or too few"),
        ("missing_", lambda of: of[1:], "missing_ are no codes of the columns"),
        ("missing_", lambda of: of.astype(np.int64), "missing_ are no codes of the columns"),
        ("missing_", lambda of: of + np.uint8(2), "missing_ are no codes of the columns"),
    ],
)
def test_attributes_from_files_that_are_refused(name, change, message):
    bins = Bins().fit(table())
    bins.check_state()
    vars(bins)[name] = change(vars(bins).get(name))
    with pytest.raises(ValueError, match=message):
        bins.check_state()
