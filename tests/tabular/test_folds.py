"""Folds: which rows members leave out."""

import re

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from fastmlp.tabular.folds import Fold, fold_numbers, make_folds, require_weights, splits_of, validation_folds


def rng(seed=0):
    return np.random.RandomState(seed)


def assert_parts(folds, n_rows):
    """Each row is learned from or left out by each fold, and left out at most once."""
    left_out = np.zeros(n_rows, int)
    for fold in folds:
        assert sorted([*fold.learned, *fold.left_out]) == list(range(n_rows))
        left_out[fold.left_out] += 1
    assert left_out.max() == 1
    return left_out


@pytest.mark.parametrize("seed", range(5))
def test_each_row_is_left_out_once_and_classes_in_equal_shares(seed):
    strata = rng(seed).choice(4, 103, p=[0.6, 0.2, 0.15, 0.05])
    folds = make_folds(8, 103, strata, None, rng(seed))
    assert assert_parts(folds, 103).min() == 1
    assert {len(fold.left_out) for fold in folds} <= {12, 13}
    for k in range(4):
        counts = [int((strata[fold.left_out] == k).sum()) for fold in folds]
        assert max(counts) - min(counts) <= 1


def test_without_classes():
    folds = make_folds(4, 10, None, None, rng())
    assert assert_parts(folds, 10).min() == 1
    assert sorted(len(fold.left_out) for fold in folds) == [2, 2, 3, 3]
    other = make_folds(4, 10, None, None, rng(1))
    assert any(not np.array_equal(a.left_out, b.left_out) for a, b in zip(folds, other, strict=True))
    assert len(make_folds(8, 2, None, None, rng())) == 2


def test_single_rows_of_classes_are_never_left_out():
    strata = np.array([0] * 5 + [1, 2] + [3] * 2)
    folds = make_folds(4, 9, strata, None, rng())
    assert assert_parts(folds, 9).tolist() == [1] * 5 + [0, 0] + [1] * 2
    assert all(set(strata[fold.learned]) == {0, 1, 2, 3} for fold in folds)
    with pytest.raises(ValueError, match="3 rows of 3 classes, a single row of each: none can be left out"):
        make_folds(4, 3, np.arange(3), None, rng())


@pytest.mark.parametrize("strata", [None, np.arange(40) % 2])
def test_rows_with_weights_are_parted_by_themselves(strata):
    counted = np.zeros(40, bool)
    counted[:8] = True
    folds = make_folds(4, 40, strata, None, rng(), counted)
    assert assert_parts(folds, 40).min() == 1
    assert [int(counted[fold.left_out].sum()) for fold in folds] == [2, 2, 2, 2]
    assert len(make_folds(4, 40, strata, None, rng(), np.arange(40) % 20 == 0)) == 2
    with pytest.raises(ValueError, match="of a weight above 0: none can be left out"):
        make_folds(4, 40, strata, None, rng(), np.arange(40) == 3)


def test_all_rows_with_weights_are_as_no_weights():
    strata = np.arange(30) % 3
    for a, b in zip(
        make_folds(4, 30, strata, None, rng(), np.ones(30, bool)), make_folds(4, 30, strata, None, rng()), strict=True
    ):
        assert np.array_equal(a.left_out, b.left_out)


@pytest.mark.parametrize("strata", [None, np.arange(60) % 3])
def test_groups_stay_together(strata):
    groups = np.repeat(list("abcdefghij"), 6)
    folds = make_folds(4, 60, strata, groups, rng())
    assert assert_parts(folds, 60).min() == 1
    for fold in folds:
        assert not set(groups[fold.learned]) & set(groups[fold.left_out])
    assert len(make_folds(4, 60, strata, np.arange(60) % 3, rng())) == 3


def test_groups_of_any_type_and_classes_of_few_rows():
    groups = [1, "a", (2, 3), 1, "a", (2, 3)]
    of_tuples = np.empty(6, object)
    of_tuples[:] = groups
    folds = make_folds(8, 6, np.array([0, 1, 2, 0, 1, 2]), of_tuples, rng())
    assert sorted(fold.left_out.tolist() for fold in folds) == [[0, 3], [1, 4], [2, 5]]
    folds = make_folds(8, 6, np.array([0, 0, 0, 0, 0, 1]), np.arange(6), rng())
    assert len(folds) == 6


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(6), "got a single one"),
        (np.zeros(5), r"groups must be of shape \(6,\), as X has rows; got \(5,\)"),
        (np.zeros((6, 1)), r"got \(6, 1\)"),
        ([1, 2, None, 1, 2, 3], "no group for row 2, counted from 0: None"),
        ([1, 2, np.nan, 1, 2, 3], "no group for row 2"),
    ],
)
def test_wrong_groups(groups, message):
    with pytest.raises(ValueError, match=message):
        make_folds(2, 6, None, groups, rng())


def test_splitters():
    y = np.arange(12) % 2
    X = np.zeros((12, 1))
    for cv in (StratifiedKFold(3), TimeSeriesSplit(3), ShuffleSplit(3, random_state=0)):
        for fold, (learned, left_out) in zip(splits_of(cv, X, y, None), cv.split(X, y), strict=True):
            assert np.array_equal(fold.learned, learned)
            assert np.array_equal(fold.left_out, left_out)


@pytest.mark.parametrize(
    "cv",
    [GroupKFold(3), GroupShuffleSplit(2, random_state=0), LeaveOneGroupOut(), StratifiedGroupKFold(2)],
    ids=lambda cv: type(cv).__name__,
)
def test_splitters_that_lack_groups(cv):
    y, X = np.arange(12) % 2, np.zeros((12, 1))
    with pytest.raises(ValueError, match=rf"cv={type(cv).__name__}\(.* give them to fit, fit\(X, y, groups=\.\.\.\)"):
        splits_of(cv, X, y, None)
    groups = np.arange(12) // 3
    for fold, (learned, left_out) in zip(splits_of(cv, X, y, groups), cv.split(X, y, groups), strict=True):
        assert np.array_equal(fold.learned, learned)
        assert np.array_equal(fold.left_out, left_out)
    with pytest.raises(ValueError, match="inconsistent"):  # what else a splitter refuses, it says itself
        splits_of(cv, X, y, groups[:5])


def test_masks_are_places():
    mask = np.arange(6) < 4
    assert [part.tolist() for part in splits_of([(mask, ~mask)], None, np.zeros(6), None)[0]] == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], "makes no folds."),
        (iter([]), "makes no folds: it gives its splits once, so that a second fit has none; make a list of it."),
        ([([0, 1], [2]), ([], [2])], "no rows to learn from in its split 1"),
        ([([0, 1], [])], "no rows to leave out in its split 0"),
        ([([0, 1], [1, 2])], "learns from row 1, which it leaves out"),
        ([([0, 1], [6])], "rows are 0 to 5"),
        ([([0, -1], [3])], "rows are 0 to 5"),
        ([([0.0, 1.0], [3])], "must give pairs of places of rows; its split 0 is"),
        ([([0, 1], [3], [4])], "must give pairs of places"),
        ([([[0, 1]], [3])], "must give pairs of places"),
        ([(np.ones(5, bool), [3])], "a mask of 5 rows; X has 6"),
    ],
)
def test_wrong_splits(splits, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        splits_of(splits, None, np.zeros(6), None)


def test_rows_to_validate_on():
    folds = validation_folds(3, 4, 6)
    assert [(fold.learned.tolist(), fold.left_out.tolist()) for fold in folds] == [([0, 1, 2, 3], [4, 5])] * 3


def test_the_fold_that_leaves_a_row_out():
    folds = [Fold(np.array([0]), np.array([2, 4, 5])), Fold(np.array([0]), np.array([5, 1, 2]))]
    assert fold_numbers(folds, 7).tolist() == [-1, 1, 0, -1, 0, 1, -1]
    folds = validation_folds(4, 3, 103)
    assert np.bincount(fold_numbers(folds, 103)[3:]).tolist() == [25] * 4


def test_weights_of_folds():
    folds = [Fold(np.array([0, 1]), np.array([2, 3]))]
    require_weights(folds, None)
    require_weights(folds, np.array([0, 1, 1, 0.0]))
    with pytest.raises(ValueError, match="sample_weight is 0 for all rows that fold 0 leaves out"):
        require_weights(folds, np.array([1, 1, 0, 0.0]))
    with pytest.raises(ValueError, match="sample_weight is 0 for all rows that fold 0 learns from"):
        require_weights(folds, np.array([0, 0, 1, 0.0]))
