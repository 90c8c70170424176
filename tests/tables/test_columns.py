"""What is found of columns: the task, identifiers, categories, and columns that say nothing."""

import numpy as np
import pytest

from fastmlp.tables import TableError, TableModel, find_task, frequent_categories
from tests.tables.conftest import FAST, table

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("labels", "task", "why"),
    [
        (["a", "b"] * 5, "classification", "text with 2 values"),
        (["0", "1"] * 5, "classification", "numbers with only 2 values"),
        (["0.5", "1.5"] * 5, "classification", "numbers with only 2 values"),
        (["1", "2", "3"] * 5, "classification", "whole numbers with only 3 values"),
        (["1", "2", "3"] * 4, "regression", "numbers with 3 values"),
        (["1", "2", "3.5"] * 5, "regression", "numbers with 3 values"),
        ([str(i) for i in range(21)] * 9, "regression", "numbers with 21 values"),
        (["1", "2", "few"] * 5, "classification", "text with 3 values"),
        (["inf", "-inf", "0"] * 5, "classification", "whole numbers with only 3 values"),
    ],
)
def test_task_is_found(labels, task, why):
    found, reason = find_task(np.array(labels, object))
    assert found == task
    assert why in reason


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([f"name {i}" for i in range(50)], "50 different texts in 50 rows"),
        ([*map(str, range(100)), "none yet"], "numbers but for 'none yet'.*--missing"),
    ],
)
def test_targets_that_are_neither(labels, message):
    with pytest.raises(TableError, match=message):
        find_task(np.array(labels, object))


@pytest.mark.parametrize("n", [3, 40])
def test_codes_that_begin_with_zero_are_classes(n):
    assert find_task(np.array([f"{i:03}" for i in range(n)] * 5, object))[0] == "classification"
    assert find_task(np.array([f"{i:03}" for i in range(n)] * 4, object))[0] == "regression"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([None] * 60, "missing in all rows"),
        (["?"] * 60, "missing in all rows"),
        (["same"] * 60, "always 'same'"),
        ([7] * 60, "always '7'"),
        ([f"2020-01-01 10:{i:02}" for i in range(60)], "text that differs in 60 of 60 rows"),
        (pd.date_range("2020-01-01", periods=60), "text that differs in 60 of 60 rows"),
    ],
)
def test_columns_that_say_nothing_are_dropped_with_a_note(values, why, caplog):
    caplog.set_level("INFO")
    model = TableModel(parameters=FAST).fit(table(extra=values))
    assert model.dropped_ == {"extra": why}
    assert f"column 'extra' is not used: {why}" in caplog.text
    assert len(model.predict(table())) == 60  # nor needed


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "Unnamed: 0", "index"])
def test_numbers_of_rows_are_dropped_by_name_and_values(name):
    assert name in TableModel(parameters=FAST).fit(table(**{name: range(60)})).dropped_
    assert name in TableModel(parameters=FAST).fit(table(**{name: [1, 2, 3] * 20})).numbers_


def test_infinite_values_are_no_numbers_of_rows():
    assert "id" in TableModel(parameters=FAST).fit(table(id=[np.inf, *range(58), 5])).numbers_


def test_other_names_are_kept():
    assert TableModel(parameters=FAST).fit(table(paid=range(60))).numbers_ == ["x", "paid"]


def test_rare_categories_are_grouped():
    rng = np.random.default_rng(0)
    codes = [f"k{i}" for i in rng.zipf(1.3, 2000) % 5000]
    frame = table(2000, code=codes)
    model = TableModel(parameters=FAST).fit(frame)
    assert list(model.categories_) == ["c", "code"]
    frequent = [code for code, count in pd.Series(codes).value_counts().items() if count >= 20]
    assert model.categories_["code"] == sorted([*frequent, "(rare)"])
    assert model.pipeline_["network"].n_features_in_ == 2 + 2 + len(frequent) + 1
    rare = next(code for code in codes if code not in frequent)
    np.testing.assert_array_equal(*(model.predict_proba(frame.assign(code=code)) for code in (rare, "new")))


def test_the_most_frequent_categories_only():
    texts = np.repeat([f"k{i}" for i in range(150)], [500] * 50 + [100] * 100).astype(object)
    kept = frequent_categories(texts)
    assert len(kept) == 100 + 1
    assert {f"k{i}" for i in range(50)} | {"(rare)"} < set(kept)
