"""Categories in the order of their targets."""

import numpy as np
import pytest

from fastmlp.tabular.category_order import ordered_categories


def smoothed_means(codes, n, y, weights, smoothing):
    """The oracle, a category at a time."""
    weights = weights * len(weights) / weights.sum()
    mean = np.average(y, weights=weights)
    found = []
    for k in range(1, n + 1):
        own = codes == k
        found.append((sum(weights[own] * y[own]) + smoothing * mean) / (weights[own].sum() + smoothing))
    return np.array(found)


@pytest.mark.parametrize("smoothing", [0.5, 10.0])
def test_categories_are_in_the_order_of_their_smoothed_means(smoothing):
    random = np.random.default_rng(0)
    codes = random.integers(0, (6, 41), (500, 2))
    y = random.standard_normal(500) + codes[:, 0] % 3
    weights = random.uniform(0.1, 2, 500)
    rows = random.permutation(500)[:300]
    maps = ordered_categories(codes, [5, 40], y[:, np.newaxis], rows, weights, smoothing=smoothing)
    for column, n, order in zip(codes.T, (5, 40), maps, strict=True):
        assert (order.dtype, order.shape, order[0]) == (np.uint8, (n + 1,), 0)
        means = smoothed_means(column[rows], n, y[rows], weights[rows], smoothing)
        assert np.argsort(order[1:]).tolist() == np.argsort(means).tolist()
        assert sorted(order[1:]) == list(range(1, n + 1))


def test_a_rare_category_is_close_to_the_mean_of_all():
    codes = np.repeat([1, 2, 3], [50, 50, 1])[:, np.newaxis]
    targets = np.repeat([0.0, 1.0, 2.0], [50, 50, 1])[:, np.newaxis]
    (order,) = ordered_categories(codes, [3], targets, np.arange(101))
    assert order.tolist() == [2, 1, 3, 2]


def test_missing_values_that_no_row_has_are_like_the_mean_of_all():
    """Otherwise they would be like the category of the lowest mean."""
    targets = np.repeat([0.0, 9.0, 1.0, 4.0], 20)[:, np.newaxis]
    codes = np.repeat([1, 2, 3, 4], 20)[:, np.newaxis]
    (order,) = ordered_categories(codes, [4], targets, np.arange(80))
    assert order.tolist() == [3, 1, 4, 2, 3]
    codes[0] = 0
    (order,) = ordered_categories(codes, [4], targets, np.arange(80))
    assert order.tolist() == [0, 1, 4, 2, 3]
    (order,) = ordered_categories(codes, [4], targets, np.arange(80), (np.arange(80) > 0) * 1.0)
    assert order.tolist() == [3, 1, 4, 2, 3]


def test_several_outputs_are_ordered_along_the_direction_in_which_they_differ():
    """Classes 0 and 1 take each other's rows; class 2 has the same share everywhere."""
    random = np.random.default_rng(0)
    shares = np.array([0.4, 0.1, 0.7, 0.25, 0.55])
    codes = np.repeat(np.arange(1, 6), 400)
    classes = np.where(random.random(2000) < 0.2, 2, random.random(2000) >= shares[codes - 1] / 0.8)
    (order,) = ordered_categories(codes[:, np.newaxis], [5], np.eye(3)[classes], np.arange(2000))
    by_share = np.argsort(order[1:])
    assert by_share.tolist() in (np.argsort(shares).tolist(), np.argsort(-shares).tolist())


def test_rare_ones_of_many_categories_share_codes_with_those_of_similar_targets():
    random = np.random.default_rng(0)
    codes = np.concatenate([np.repeat(np.arange(1, 256), 20), np.arange(256, 1001)])
    y = np.where(codes < 256, codes / 255.0, random.random(len(codes)))
    (order,) = ordered_categories(codes[:, np.newaxis], [1000], y[:, np.newaxis], np.arange(len(codes)), smoothing=1.0)
    assert order[1:256].tolist() == list(range(1, 256))
    means = smoothed_means(codes, 1000, y, np.ones(len(codes)), 1.0)
    for k in range(256, 1001):
        assert order[k] == 1 + np.argmin(np.abs(means[:255] - means[k - 1]))


def test_columns_without_categories_and_tables_without_columns():
    targets, rows = np.ones((4, 1)), np.arange(4)
    assert [order.tolist() for order in ordered_categories(np.zeros((4, 1), int), [0], targets, rows)] == [[0]]
    assert ordered_categories(np.zeros((4, 0), int), [], targets, rows) == []


def test_there_must_be_rows():
    codes, targets = np.ones((4, 1), int), np.ones((4, 1))
    with pytest.raises(ValueError, match="rows must have rows with weight to learn from"):
        ordered_categories(codes, [1], targets, np.empty(0, int))
    with pytest.raises(ValueError, match="rows must have rows with weight to learn from"):
        ordered_categories(codes, [1], targets, np.arange(4), np.zeros(4))
