"""What is found of columns: the task, identifiers, categories, and columns that say nothing."""

import re

import numpy as np
import pytest

from fastmlp.exceptions import UnknownCategoriesWarning, UnusedColumnsWarning
from fastmlp.tables import TableError, TableModel, find_task
from fastmlp.tables.columns import are_identifiers
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
        ([None] * 60, "its values are all missing"),
        (["?"] * 60, "its values are all missing"),
        (["same"] * 60, "it is 'same' in all rows"),
        ([7] * 60, "it is 7.0 in all rows"),
        (["7", "7.0", "7,00"] * 20, "it is 7.0 in all rows"),
        (["2020-01-01"] * 60, "it is '2020-01-01 00:00:00' in all rows"),
        ([f"note {i}" for i in range(60)], "of its 60 values none comes twice"),
    ],
)
def test_columns_that_say_nothing_are_dropped_with_a_warning(values, why, caplog):
    caplog.set_level("INFO")
    with pytest.warns(UnusedColumnsWarning, match=f"'extra': {re.escape(why)}") as warned:
        model = TableModel(**FAST).fit(table(extra=values))
    assert len(warned) == 1
    assert "not used" not in caplog.text  # nothing is said twice
    assert model.dropped_ == {"extra": why}
    assert len(model.predict(table())) == 60  # nor needed
    assert (model.predict(table()) == model.predict(table(extra=values))).all()


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "Unnamed: 0", "index"])
def test_numbers_of_rows_are_dropped_by_name_and_values(name):
    with pytest.warns(UnusedColumnsWarning, match=f"numbers of the rows, by its name and values: {name!r}"):
        model = TableModel(**FAST).fit(table(**{name: range(60)}))
    assert list(model.dropped_) == [name]
    assert len(model.predict(table())) == 60
    assert name in TableModel(**FAST).fit(table(**{name: [1, 2, 3] * 20})).numbers_


def test_infinite_values_are_no_numbers_of_rows():
    assert not are_identifiers("id", np.array([np.inf, *range(58), np.inf]))
    assert not are_identifiers("id", np.array([np.inf, *range(58), 0.5]))


def test_other_names_are_kept():
    assert TableModel(**FAST).fit(table(paid=range(60))).numbers_ == ["x", "paid"]


def test_rare_categories_count_as_missing():
    rng = np.random.default_rng(0)
    codes = [f"k{i}" for i in rng.zipf(1.3, 500) % 5000]
    frame = table(500, code=codes)
    model = TableModel(**FAST).fit(frame)
    counts = pd.Series(codes).value_counts()
    assert model.categories_ == {"c": ["green", "red"], "code": sorted(counts.index[counts > 1])}
    rare = counts.index[counts == 1][0]
    expected = model.predict_proba(frame.assign(code=None))
    np.testing.assert_array_equal(model.predict_proba(frame.assign(code=rare)), expected)  # and nothing is said
    with pytest.warns(UnknownCategoriesWarning, match=r"'code' \(1 category in 500 rows, such as 'new'\)"):
        np.testing.assert_array_equal(model.predict_proba(frame.assign(code="new")), expected)


@pytest.mark.parametrize("ending", ["", " 10:30", "T10:30:05.5", "T10:30Z", " 10:30:00+02:00"])
def test_texts_that_are_dates_become_dates(ending):
    days = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}{ending}" for i in range(60)]
    frame = table(when=[*days[:59], "?"])
    model = TableModel(**FAST).fit(frame)
    assert (model.numbers_, model.dates_, list(model.categories_)) == (["x"], ["when"], ["c"])
    typed = frame.assign(when=pd.to_datetime(frame["when"].replace("?", None), format="ISO8601"))
    np.testing.assert_array_equal(model.predict_proba(typed), model.predict_proba(frame))
    np.testing.assert_array_equal(TableModel(**FAST).fit(typed).predict_proba(frame), model.predict_proba(frame))
    with pytest.raises(TableError, match="column 'when': 'soon' in row 3 is not a date, as those in training were"):
        model.predict(frame.assign(when=["", "NA", "soon"] * 20))


def test_texts_of_which_some_are_no_dates_are_categories():
    for odd in ("soon", "2023-02-29", "2024-13-01", "0000-01-01", "2024-01-01 25:00", "20240101"):
        model = TableModel(**FAST).fit(table(when=["2024-01-01", "2024-01-02", odd] * 20))
        assert model.categories_["when"] == sorted(["2024-01-01", "2024-01-02", odd])


def test_dates_that_mean_missing():
    frame = table(when=["1900-01-01", "2024-01-01", "2024-02-02"] * 20)
    model = TableModel(missing=["1900-01-01"], **FAST).fit(frame)
    for given in (frame, frame.assign(when=pd.to_datetime(frame["when"]))):
        assert model._inputs(given)["when"].isna().tolist() == [True, False, False] * 20
