"""What members see of a table: encoders that all share, trees of folds, and how both become encoded columns."""

from dataclasses import replace

import numpy as np
import pytest

import fastmlp
from fastmlp.inputs.columns import EncodedColumns
from fastmlp.tabular import encoding as encoding_module
from fastmlp.tabular.columns import TableColumns, TypedTable
from fastmlp.tabular.encoding import FoldTrees, TableEncoding, columns_of
from fastmlp.tabular.kinds import EFFORTS, Effort
from tests.tabular.problems import kind as make_kind
from tests.tabular.problems import table

BINS = make_kind("bins", "bins", "scaled")
VALUES = make_kind("values", "mixed", codes=("frequent",))
TREES = make_kind("trees", "scaled", "ranked", trees="boosted")
BOOSTING = replace(make_kind("boosting", trees="symmetric boosting"), hidden_layer_sizes=())


@pytest.fixture
def typed():
    X, _, _ = table(100)
    X["often"] = np.arange(100) % 4.0
    columns = TableColumns()
    return columns.fit_transform(X), columns.n_categories_


def grown(typed, kind, fold=0, rows=None, seed=0, y=None):
    """The encoding, what is shared, and the trees of a fold."""
    typed, n_categories = typed
    encoding = TableEncoding().fit([kind], typed, n_categories)
    shared, trees = encoding.shared(typed), FoldTrees()
    y = np.linspace(-1, 1, len(typed))[:, np.newaxis] if y is None else y
    rows = np.arange(len(typed)) if rows is None else rows
    trees.grow(
        fold, kind, shared, y, rows, None, classification=False, seed=seed, left_out=rows[:10], is_over=lambda: False
    )
    return encoding, shared, trees


def test_only_encoders_that_kinds_name_are_fitted(typed):
    encoding = TableEncoding().fit([BINS, VALUES], *typed)
    assert sorted(encoding.encoders_) == ["bins", "frequent", "mixed", "scaled"]
    assert encoding.bins_ is None
    encoding.check_state()
    shared = encoding.shared(typed[0])
    assert len(shared) == 100
    assert shared.bins is None
    assert shared.n_codes["categories"] == typed[1]


def test_what_no_kind_needs_can_be_forgotten(typed):
    encoding = TableEncoding().fit([BINS, VALUES, TREES], *typed)
    encoding.keep_for([VALUES])
    assert sorted(encoding.encoders_) == ["frequent", "mixed"]
    assert encoding.bins_ is None
    encoding = TableEncoding().fit([BINS, BOOSTING], *typed)
    encoding.keep_for([BOOSTING])
    assert not encoding.encoders_
    assert encoding.shared(typed[0]).bins.shape == (100, encoding.bins_.n_bins_.size)


@pytest.mark.parametrize("kind", [BINS, VALUES, TREES, BOOSTING])
def test_columns_are_the_parts_side_by_side(typed, kind):
    """Numbers in the order of the kind's encoders, then categories, codes of values, and leaves."""
    encoding, shared, trees = grown(typed, kind)
    found = columns_of(kind, 0, shared, trees)
    assert isinstance(found, EncodedColumns)
    numbers = [encoding.encoders_[name].transform(typed[0].numbers) for name in kind.numbers]
    codes = [part.codes for part in numbers] + [typed[0].categories]
    codes += [encoding.encoders_[name].transform(typed[0].numbers).codes for name in kind.codes]
    n_categories = [*typed[1], *(n for name in kind.codes for n in encoding.encoders_[name].n_codes)]
    if kind.trees:
        leaves, n_leaves = trees.leaves(0, kind, shared)
        assert leaves.min() >= 1
        assert (leaves <= n_leaves).all()
        codes.append(leaves)
        n_categories += n_leaves
    assert np.array_equal(found.codes, np.concatenate(codes, axis=1))
    fractions = [np.empty((100, 0)), *(part.fractions for part in numbers)]
    assert np.array_equal(found.fractions, np.concatenate(fractions, axis=1))
    assert found.layout.n_categories == tuple(n_categories)
    assert found.layout.n_bins == tuple(n for name in kind.numbers for n in encoding.encoders_[name].n_codes)


@pytest.mark.parametrize("kind", [BINS, VALUES, TREES, BOOSTING])
def test_rows_are_encoded_each_by_itself(typed, kind):
    encoding, shared, trees = grown(typed, kind)
    whole = columns_of(kind, 0, shared, trees)
    for row in (0, 57):
        alone = encoding.shared(type(typed[0])(typed[0].numbers[[row]], typed[0].categories[[row]]))
        found = columns_of(kind, 0, alone, trees)
        assert np.array_equal(found.codes[0], whole.codes[row])
        assert np.array_equal(found.fractions[0], whole.fractions[row])


def test_trees_see_the_targets_of_their_own_rows_alone(typed):
    rows = np.arange(0, 100, 2)
    y = np.linspace(-1, 1, 100)[:, np.newaxis]
    other = y.copy()
    other[1::2] = 1e6
    one, two = (grown(typed, TREES, rows=rows, y=each) for each in (y, other))
    for a, b in zip(one[2].leaves(0, TREES, one[1]), two[2].leaves(0, TREES, two[1]), strict=True):
        assert np.array_equal(a, b)


def test_trees_that_predict_by_themselves_are_as_many_as_the_rows_left_out_ask_for(typed):
    y = np.sin(np.arange(100.0))[:, np.newaxis]
    rows = np.arange(20, 100)
    trees = grown(typed, BOOSTING, rows=np.arange(100), y=y)[2].trees_[0, "symmetric boosting"]
    assert len(trees.losses_) > 1
    kept = len(trees.n_leaves_)
    assert kept == np.argmin(trees.losses_) + 1
    assert grown(typed, TREES, rows=rows, y=y)[2].trees_[0, "boosted"].losses_ == []


def test_trees_depend_on_their_seed(typed):
    one, two = (grown(typed, TREES, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one[2].leaves(0, TREES, one[1])[0], two[2].leaves(0, TREES, two[1])[0])


def test_trees_read_as_many_columns_as_there_is_room_for(typed, monkeypatch):
    """Eight columns of about 100 bins have 64 leaves and three sums for each; trees that read fewer see all in turn."""
    X = TypedTable(np.random.default_rng(0).normal(size=(100, 8)), np.zeros((100, 0), np.int64))
    y = X.numbers.sum(axis=1, keepdims=True)

    def columns_of_trees():
        trees = grown((X, []), BOOSTING, y=y)[2].trees_[0, "symmetric boosting"]
        ends = np.cumsum(trees.n_leaves_ - 1)
        return [set(each.tolist()) for each in np.split(trees.columns_, ends[:-1])]

    assert max(map(len, columns_of_trees())) > 3
    monkeypatch.setattr(encoding_module, "_MOST_SUMS", 3 * 8 * 102 * 64 // 4)
    found = columns_of_trees()
    assert max(map(len, found)) == 2
    assert set.union(*found) == set(range(8))


def test_kinds_without_trees_grow_none(typed):
    assert grown(typed, BINS)[2].trees_ == {}


def test_tables_of_categories_alone_and_of_numbers_alone():
    X, _, numbers = table(100)
    for columns in (["city"], ["a", "b"]):
        reader = TableColumns()
        typed = reader.fit_transform(X[columns])
        for kind in (BINS, VALUES, TREES, BOOSTING):
            _, shared, trees = grown((typed, reader.n_categories_), kind, y=numbers[:, np.newaxis])
            found = columns_of(kind, 0, shared, trees)
            assert found.shape[0] == 100
            assert np.isfinite(found.dense(np.float64)).all()


def test_states_that_no_fit_sets(typed):
    for name, value in {"encoders_": {"bins": 3}, "n_categories_": [-1], "bins_": 3}.items():
        encoding = TableEncoding().fit([BINS, TREES], *typed)
        encoding.check_state()
        setattr(encoding, name, value)
        with pytest.raises(ValueError, match=r"TableEncoding|encoder"):
            encoding.check_state()
    for name, value in {"orders_": {0: [3]}, "trees_": {(0, "boosted"): 3}}.items():
        trees = grown(typed, TREES)[2]
        trees.check_state()
        setattr(trees, name, value)
        with pytest.raises(ValueError, match=r"trees|orders"):
            trees.check_state()


@pytest.mark.parametrize("cls", [fastmlp.TabularClassifier, fastmlp.TabularRegressor])
def test_files_hold_all_of_it(cls, tmp_path, monkeypatch):
    """An estimator with each kind of member predicts the same from its file."""
    kinds = tuple(replace(kind, needs=None) for kind in EFFORTS["default"].kinds)
    monkeypatch.setitem(EFFORTS, "fast", Effort(kinds, 2))
    monkeypatch.setattr("fastmlp.tabular.ensemble.greedy_selection", lambda p, *_, **__: np.ones(len(p)))
    X, labels, numbers = table(60)
    y = labels if cls is fastmlp.TabularClassifier else numbers
    estimator = cls("fast", random_state=0).fit(X, y)
    assert {member.kind for member in estimator.members_} == set(kinds)
    estimator.save(tmp_path / "model")
    loaded = fastmlp.load(tmp_path / "model")
    assert np.array_equal(loaded.predict(X), estimator.predict(X))
    assert loaded.history_ == estimator.history_
    again = loaded.predict_set(X) if cls is fastmlp.TabularClassifier else loaded.predict_interval(X)
    before = estimator.predict_set(X) if cls is fastmlp.TabularClassifier else estimator.predict_interval(X)
    assert np.array_equal(again, before)
