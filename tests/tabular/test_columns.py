"""Any library's table gives the same numbers and categories; what cannot be read is named."""

import copy
import math
import pickle
import re
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp.exceptions import UnknownCategoriesWarning, UnusedColumnsWarning
from fastmlp.tabular import ClassTargets, TableColumns, reading
from tests.tabular.conftest import TABLE, frames, oracle

FORMS = ["arrow", "batches", "polars", "pandas", "nullable", "pandas of arrow", "pandas of objects"]


def same(left, right):
    assert_array_equal(left.numbers, right.numbers)
    assert_array_equal(left.categories, right.categories)
    for table in (left, right):
        assert table.numbers.dtype == np.float64 and table.numbers.flags.c_contiguous
        assert table.categories.dtype == np.int32 and table.categories.flags.c_contiguous


def learned(X, **parameters):
    """What is learned of a table, and the table; no matter which columns are of no use."""
    columns = TableColumns(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedColumnsWarning)
        return columns, columns.fit_transform(X)


def agrees(columns, table, given):
    numbers, categories, unused = oracle(given)
    assert columns.number_names_ == list(numbers)
    assert columns.category_names_ == list(categories)
    assert set(columns.unused_) == unused
    names = list(given)
    assert [names[i] for i in columns.number_sources_] == [name.split(".")[0] for name in numbers]
    assert [names[i] for i in columns.category_sources_] == list(categories)
    expected = np.array(list(numbers.values()), float).reshape(-1, len(table)).T
    assert_allclose(table.numbers, expected, rtol=1e-12, atol=1e-12)
    assert_array_equal(table.categories, np.array(list(categories.values()), int).reshape(-1, len(table)).T)


@pytest.fixture(params=[0, 64], ids=["by columns", "by objects"])
def few(request, monkeypatch):
    """Both ways to read a frame of few rows."""
    monkeypatch.setattr(reading, "_FEW_ROWS", request.param)


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_alike_in_every_library(form, few):
    X = frames(TABLE)[form]
    columns, table = learned(X)
    agrees(columns, table, TABLE)
    same(columns.transform(X), table)


@pytest.mark.parametrize("form", FORMS)
def test_one_row_is_read_as_it_is_among_others(form, few):
    X = frames(TABLE)[form]
    columns, table = learned(X)
    for i in range(len(table)):
        row = X.iloc[i : i + 1] if isinstance(X, pd.DataFrame) else X[i : i + 1]
        one = columns.transform(row)
        assert_array_equal(one.numbers, table.numbers[i : i + 1])
        assert_array_equal(one.categories, table.categories[i : i + 1])


times = st.datetimes(datetime(1902, 1, 1), datetime(2200, 1, 1))
VALUES = {
    "int": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_infinity=False),
    "bool": st.booleans(),
    "text": st.sampled_from(["", "a", "b", "é", "\U0001f600", "nan"]),
    "category": st.sampled_from(["low", "middle", "high"]),
    "datetime": times,
    "aware": times.map(lambda value: value.replace(tzinfo=UTC).astimezone(ZoneInfo("America/New_York"))),
    "date": st.dates(date(1902, 1, 1), date(2200, 1, 1)),
    "span": st.timedeltas(timedelta(-1000), timedelta(1000)),
    "time": st.times(),
    "decimal": st.decimals(-(10**6), 10**6, places=3),
}


@st.composite
def tables(draw):
    n = draw(st.integers(2, 6))
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    return {
        f"{kind}_{i}": draw(st.lists(st.none() | VALUES[kind], min_size=n, max_size=n)) for i, kind in enumerate(kinds)
    }


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_all_libraries_give_the_same(few, given):
    made = frames(given)
    try:
        columns, table = learned(made["arrow"])
    except ValueError:
        assert oracle(given)[2] == set(given)
        return
    agrees(columns, table, given)
    for X in made.values():
        again, others = learned(X)
        same(others, table)
        assert again.number_names_ == columns.number_names_
        same(columns.transform(X), table)
        for i in range(len(table)):
            row = columns.transform(X.iloc[i : i + 1] if isinstance(X, pd.DataFrame) else X[i : i + 1])
            same(row, type(table)(table.numbers[i : i + 1].copy(), table.categories[i : i + 1].copy()))


# ---- arrays and lists ------------------------------------------------------------------------------------------------


def test_arrays_of_numbers_stay_as_they_are():
    X = np.array([[1, 2.5, np.nan], [3, -4, 0]], dtype=np.float32)
    columns, table = learned(X)
    assert_array_equal(table.numbers, X)
    assert table.categories.shape == (2, 0)
    assert columns.number_names_ == ["x0", "x1", "x2"]
    for way in (X, X.tolist(), X.astype(object), np.asfortranarray(X.astype(float)), np.ma.masked_invalid(X)):
        same(columns.transform(way), table)


def test_the_table_is_no_view_of_an_array():
    X = np.arange(6.0).reshape(3, 2)
    columns, table = learned(X)
    columns.transform(X).numbers[:] = 7
    table.numbers[:] = 7
    assert_array_equal(X, np.arange(6.0).reshape(3, 2))


def test_lists_of_numbers_and_texts_keep_both():
    columns, table = learned([[1, "a"], [2, "b"], [None, "a"], [4, None]])
    assert_array_equal(table.numbers, [[1], [2], [np.nan], [4]])
    assert_array_equal(table.categories, [[1], [0], [1], [0]])
    assert columns.n_categories_ == [1]


def test_arrays_of_dates_and_spans():
    dates = np.array([["2024-01-01", "NaT"], ["2024-01-02", "2000-01-01"]], "M8[D]")
    columns, table = learned(dates)
    assert columns.number_names_[:2] == ["x0.day", "x0.weekday"] and columns.number_names_[-1] == "x1.elapsed"
    assert_array_equal(table.numbers[:, 0], [1, 2])
    _, table = learned(np.array([[1500], [-500]], "m8[ms]"))
    assert_array_equal(table.numbers, [[1.5], [-0.5]])


@pytest.mark.parametrize(
    "missing", [None, np.nan, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")], ids=repr
)
def test_whatever_stands_for_a_missing_value(missing):
    for values, read in (
        ([1, missing, 2], [1, np.nan, 2]),
        (["a", missing, "a"], [1, 0, 1]),
        ([timedelta(1), missing, timedelta(0)], [86400, np.nan, 0]),
        ([date(2024, 1, 1), missing, date(2024, 1, 1)], [19723, np.nan, 19723]),
    ):
        _, table = learned(pd.DataFrame({"c": pd.Series(values, dtype=object)}))
        assert_array_equal(np.hstack([table.numbers, table.categories])[:, 0], read)


# ---- categories ------------------------------------------------------------------------------------------------------


def test_values_that_training_saw_once_are_no_categories_and_nobody_is_told():
    X = pd.DataFrame({"c": ["b", "b", "a", "a", "once", None]})
    columns, table = learned(X)
    assert_array_equal(table.categories[:, 0], [2, 2, 1, 1, 0, 0])
    same(columns.transform(X), table)
    same(columns.transform(X[4:5]), type(table)(table.numbers[4:5], table.categories[4:5].copy()))
    assert "once" not in str(vars(columns.columns_[0]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (slice(None), r"'c' \(2 categories in 3 rows, such as 'Ulm'\), 'd' \(1 category in 1 row, such as 'z'\)\."),
        (slice(2, 3), r"they count as missing: 'c', 'd'\."),
    ],
    ids=["several rows", "one row"],
)
def test_unknown_categories_are_counted_in_one_warning(rows, message, few):
    columns, _ = learned(pd.DataFrame({"c": ["a", "a", "b", "b"], "d": ["x", "y", "x", "y"]}))
    now = pd.DataFrame({"c": ["a", "Ulm", "Bonn", "Ulm", None], "d": ["x", "x", "z", "x", "x"]})
    for X in (now[rows], pl.from_pandas(now)[rows], pa.Table.from_pandas(now[rows], preserve_index=False)):
        with pytest.warns(UnknownCategoriesWarning, match=message) as caught:
            table = columns.transform(X)
        assert len(caught) == 1
        assert_array_equal(table.categories, np.array([[1, 1], [0, 1], [0, 0], [0, 1], [0, 1]])[rows])


def test_the_most_frequent_categories_are_kept():
    values = ["a"] * 2 + ["b"] * 4 + ["c"] * 3 + ["d"] * 3 + ["e"]
    columns, table = learned(pd.DataFrame({"c": values}), max_categories=2)
    assert columns.columns_[0].categories == ["b", "c"]
    assert_array_equal(table.categories[:, 0], [0, 0, 1, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0])
    same(columns.transform(pd.DataFrame({"c": values})), table)


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": rng.choice(list("abcdefgh"), 50), "n": rng.integers(0, 5, 50)})
    first, _ = learned(X, max_categories=3, categorical_features=["n"])
    second, _ = learned(X.sample(frac=1, random_state=0), max_categories=3, categorical_features=["n"])
    assert [vars(column)["categories"] for column in first.columns_] == [
        vars(column)["categories"] for column in second.columns_
    ]


def test_numbers_that_are_named_are_categories_by_value(few):
    X = pd.DataFrame({"n": [3, 1, 3, 1, 2], "x": [0.5, 1.5, 2.5, 3.5, 4.5]})
    columns, table = learned(X, categorical_features=["n"])
    assert_array_equal(table.categories[:, 0], [2, 1, 2, 1, 0])
    same(columns.transform(X.astype({"n": float})), table)
    same(columns.transform(X.astype({"n": "Int8"})), table)
    same(columns.transform(X.astype({"n": "category"})), table)
    same(columns.transform(pl.from_pandas(X)), table)
    one = columns.transform(X[:1])
    assert one.categories.tolist() == [[2]]
    with pytest.warns(UnknownCategoriesWarning, match=r"such as 9\.0"):
        columns.transform(X.assign(n=9))


def test_categories_of_a_column_whose_type_says_so(few):
    X = pd.DataFrame(
        {
            "numbers": pd.Categorical([3, 1, 3, None, 1]),
            "intervals": pd.cut([1, 2, 9, 9, 2], [0, 5, 10]),
            "ordered": pd.Categorical(["s", "l", "l", "s", None], ["s", "m", "l"], ordered=True),
            "truth": pd.Categorical([True, False, True, False, None]),
        }
    )
    columns, table = learned(X)
    assert table.categories.tolist() == [[2, 1, 2, 2], [1, 1, 1, 1], [2, 2, 1, 2], [0, 2, 2, 1], [1, 1, 0, 0]]
    same(columns.transform(X), table)
    for i in range(5):
        assert_array_equal(columns.transform(X[i : i + 1]).categories, table.categories[i : i + 1])
    columns, table = learned(X, categorical_features=None)  # texts always are
    assert columns.number_names_ == ["numbers", "truth"]
    assert_array_equal(table.numbers, [[3, 1], [1, 0], [3, 1], [np.nan, 0], [1, np.nan]])


def test_polars_enumerations():
    X = pl.DataFrame({"c": pl.Series(["s", "l", None, "l", "s"], dtype=pl.Enum(["s", "m", "l"]))})
    columns, table = learned(X)
    assert table.categories[:, 0].tolist() == [2, 1, 0, 1, 2]
    same(columns.transform(X), table)
    assert columns.columns_[0].categories == ["l", "s"]


def test_values_of_several_types_are_categories_by_their_texts(few):
    X = pd.DataFrame({"c": pd.Series([1, "a", 1.0, None, "a", 2.5, True], dtype=object)})
    columns, table = learned(X)
    assert columns.columns_[0].categories == ["1", "a"]
    assert_array_equal(table.categories[:, 0], [1, 2, 1, 0, 2, 0, 0])
    same(columns.transform(X), table)
    for i in range(7):
        assert_array_equal(columns.transform(X[i : i + 1]).categories, table.categories[i : i + 1])
    assert columns.transform(pd.DataFrame({"c": [1.0, 1.0]})).categories.tolist() == [[1], [1]]


def test_a_hundred_thousand_categories():
    values = np.arange(100_000).repeat(2)
    columns, table = learned(pd.DataFrame({"c": values.astype(str), "n": values}), max_categories=200_000)
    assert columns.n_categories_ == [100_000]
    order = np.argsort(np.arange(100_000).astype(str))
    expected = np.empty(100_000, int)
    expected[order] = np.arange(1, 100_001)
    assert_array_equal(table.categories[:, 0], expected.repeat(2))


# ---- dates -----------------------------------------------------------------------------------------------------------


def test_parts_of_dates_that_do_not_differ_in_training_are_left_out():
    X = pd.DataFrame({"d": pd.date_range("2024-03-04", periods=5)})
    columns, _ = learned(X)
    assert columns.number_names_ == ["d.day", "d.weekday", "d.elapsed", "d.weekday_sin", "d.weekday_cos"]


def test_another_zone_is_the_same_point_in_time(few):
    berlin = pd.date_range("2024-03-30 22:00", periods=6, freq="h", tz="Europe/Berlin")  # clocks change among them
    X = pd.DataFrame({"d": berlin})
    columns, table = learned(X)
    assert_array_equal(table.numbers[:, columns.number_names_.index("d.hour")], [22, 23, 0, 1, 3, 4])
    for zone in ("UTC", "Asia/Kolkata", "+05:00"):
        other = pd.DataFrame({"d": berlin.tz_convert(zone)})
        same(columns.transform(other), table)
        same(columns.transform(pl.from_pandas(other)) if zone != "+05:00" else table, table)
        assert_array_equal(columns.transform(other[2:3]).numbers, table.numbers[2:3])
    with pytest.raises(ValueError, match=r"had the zone Europe/Berlin .* now they have no time zone"):
        columns.transform(pd.DataFrame({"d": berlin.tz_localize(None)}))


def test_periods_are_dates(few):
    X = pd.DataFrame({"d": pd.period_range("2024-01", periods=3, freq="M")})
    columns, table = learned(X)
    assert_array_equal(table.numbers[:, 0], [1, 2, 3])
    same(columns.transform(X), table)
    assert_array_equal(columns.transform(X[1:2]).numbers, table.numbers[1:2])


def test_nanoseconds_and_other_units():
    for unit in ("s", "ms", "us", "ns"):
        X = pd.DataFrame({"d": pd.to_datetime(["2024-01-01 06:00", None, "2024-01-02 00:00"]).as_unit(unit)})
        for form in (X, pl.from_pandas(X), pa.Table.from_pandas(X)):
            columns, table = learned(form)
            assert_array_equal(table.numbers[:, columns.number_names_.index("d.hour")], [6, np.nan, 0])
            same(columns.transform(form), table)


# ---- columns that cannot be used -------------------------------------------------------------------------------------


def test_columns_that_cannot_be_used_are_named_in_one_warning():
    n = 40
    X = pl.DataFrame(
        {
            "x": np.arange(n),
            "constant": [3] * n,
            "empty": [None] * n,
            "city": ["Ulm"] * n,
            "lists": [[1, 2]] * n,
            "structs": [{"a": 1}] * n,
            "bytes": [b"a"] * n,
            "id": [f"id{i}" for i in range(n)],
            "prose": [f"text {min(i, 37)}" for i in range(n)],
        }
    )
    with pytest.warns(UnusedColumnsWarning, match="8 of 9 columns cannot be used: 'constant': it is 3") as caught:
        columns = TableColumns().fit(X)
    assert len(caught) == 1
    assert list(columns.unused_) == X.columns[1:]
    assert columns.unused_["prose"] == "of its 40 values hardly any comes twice"
    assert "'prose': of its 40 values hardly any comes twice (such as 'text 0')" in str(caught[0].message)
    assert columns.unused_["city"] == "it is 'Ulm' in all rows"
    assert columns.unused_["bytes"] == "its values are bytes"
    # Columns that are not used may hold anything later.
    now = X.with_columns(lists=pl.lit("a"), constant=pl.lit("b"))
    assert_array_equal(columns.transform(now).numbers[:, 0], np.arange(n))


def test_a_value_that_is_missing_in_some_rows_says_something():
    columns, table = learned(pd.DataFrame({"n": [1, None, 1], "c": ["a", "a", None]}))
    assert not columns.unused_
    assert_array_equal(table.categories[:, 0], [1, 1, 0])


def test_no_column_at_all():
    with pytest.raises(ValueError, match=r"no column to learn from: 'a': it is 1\.0 in all rows; 'b': its values are"):
        TableColumns().fit(pd.DataFrame({"a": [1, 1], "b": [None, None]}))
    with pytest.raises(ValueError, match="n_samples=1"):
        TableColumns().fit([[1, 2, 3]])


# ---- input that is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinities_are_refused_with_their_place(infinite, few):
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, infinite], "c": ["u", "v", "u"]})
    message = "Input X contains infinity .*: column 'b' in row 2"
    with pytest.raises(ValueError, match=message):
        TableColumns().fit(X)
    with pytest.raises(ValueError, match=message):
        TableColumns(categorical_features=["b"]).fit(X)
    columns, _ = learned(X.replace(infinite, 5))
    for form in (X, pl.from_pandas(X), X.to_numpy(dtype=object)):
        with warnings.catch_warnings(), pytest.raises(ValueError, match=message):
            warnings.simplefilter("ignore", UserWarning)  # an array has no names
            columns.transform(form)
    with pytest.raises(ValueError, match="column 'b' in row 0"):
        columns.transform(X[2:])
    with pytest.raises(ValueError, match="column 'x1' in row 1"):
        learned(np.arange(6.0).reshape(2, 3))[0].transform([[0.0, 1.0, 2.0], [0.0, infinite, 0.0]])


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        ([1, 2], ["1", "2"], r"column 'c' has changed: .* numbers \(int64\), now they are texts .*'1'\): make numbers"),
        ([1.5, 2], ["a", None], r"numbers \(float64\), now they are texts .*such as 'a'"),
        (["a", "a", "b"], [3, 4], r"texts \(.*\), now they are numbers .*such as 3.*: make texts of them first"),
        ([1, 2], [datetime(2024, 1, 1)] * 2, r"numbers \(int64\), now they are dates"),
        ([datetime(2024, 1, 1), datetime(2025, 1, 1)], [1, 2], "dates .*, now they are numbers .*pandas.to_datetime"),
        ([timedelta(1), timedelta(2)], ["1 day", "2"], "spans of time .*, now they are texts .*pandas.to_timedelta"),
        ([1, 2], [[1], [2]], "now they are other values .*its values are lists"),
    ],
)
@pytest.mark.parametrize("n_rows", [1, 2])
def test_types_that_have_changed(before, now, message, n_rows, few):
    columns, _ = learned(pd.DataFrame({"c": before, "x": range(len(before))}))
    with pytest.raises(ValueError, match=message):
        columns.transform(pd.DataFrame({"c": now, "x": range(2)})[:n_rows])


def test_types_that_are_as_good(few):
    X = pd.DataFrame({"n": [1.0, 0.0, 1.0], "c": ["a", "a", "b"]})
    columns, table = learned(X)
    for n in ("int8", "bool", "boolean", "Float32", "object", "category"):
        same(columns.transform(X.astype({"n": n, "c": "category"})), table)
    nothing = pd.DataFrame({"n": [None, None], "c": [np.nan, np.nan]})
    for form in (nothing, nothing.astype(float), nothing.astype("string"), pl.from_pandas(nothing)):
        table = columns.transform(form)
        assert np.isnan(table.numbers).all() and not table.categories.any()
        assert np.isnan(columns.transform(form[:1]).numbers).all()


def test_names_of_columns_are_those_of_training():
    X = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    columns, table = learned(X)
    assert columns.feature_names_in_.tolist() == ["a", "b"] and columns.n_features_in_ == 2
    for wrong, message in (
        (X[["b", "a"]], "must be in the same order as they were in fit"),
        (X.rename(columns={"a": "z"}), "(?s)unseen at fit time:\n- z.*yet now missing:\n- a"),
        (X[["a"]], "yet now missing:\n- b"),
    ):
        with pytest.raises(ValueError, match=message):
            columns.transform(wrong)
        with pytest.raises(ValueError, match=message):
            columns.transform(pl.from_pandas(wrong))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but TableColumns was fitted with"):
        same(columns.transform(X.to_numpy()), table)
    columns, _ = learned(X.to_numpy())
    assert not hasattr(columns, "feature_names_in_")
    with pytest.warns(UserWarning, match="X has feature names, but TableColumns was fitted without feature names"):
        same(columns.transform(X), table)
    with pytest.raises(ValueError, match="X has 3 features, but TableColumns is expecting 2 features as input"):
        columns.transform(np.ones((2, 3)))


def test_batches_of_arrow_have_names():
    X = pa.table({"a": [1, 2], "b": [3, 4]})
    columns, table = learned(X.to_batches()[0])
    assert columns.feature_names_in_.tolist() == ["a", "b"]
    same(columns.transform(X), table)
    same(columns.transform(X.to_batches()[0]), table)
    with pytest.raises(ValueError, match="same order"):
        columns.transform(X.select(["b", "a"]).to_batches()[0])


def test_messages_name_whose_columns_they_are():
    class Owner:
        pass

    owner, X = Owner(), pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    columns = TableColumns().fit(X, estimator=owner)
    assert owner.n_features_in_ == 2 and owner.feature_names_in_.tolist() == ["a", "b"]
    with pytest.warns(UserWarning, match="but Owner was fitted with feature names"):
        columns.transform(X.to_numpy(), estimator=owner)
    with pytest.raises(ValueError, match=r"0 sample.* while a minimum of 1 is required by Owner"):
        columns.transform(X[:0], estimator=owner)
    columns.fit(X.to_numpy(), estimator=owner)
    assert not hasattr(owner, "feature_names_in_")


def test_names_that_are_no_texts():
    X = pd.DataFrame([[1, "a"], [2, "b"], [3, "a"]], columns=[10, 20])
    columns, table = learned(X)
    assert not hasattr(columns, "feature_names_in_")
    assert columns.number_names_ == ["10"] and columns.category_names_ == ["20"]
    same(columns.transform(X), table)
    with pytest.raises(TypeError, match="Feature names are only supported if all input features have string names"):
        learned(X.rename(columns={10: "ten"}))


def test_a_failed_fit_changes_nothing():
    columns, table = learned(pd.DataFrame({"a": [1, 2]}))
    before = dict(vars(columns))
    for wrong in (pd.DataFrame({"b": [1, 1]}), pd.DataFrame({"b": [np.inf, 1]}), pd.DataFrame({"b": [1, 2], 3: 4})):
        with pytest.raises((ValueError, TypeError)):
            columns.fit(wrong)
        assert vars(columns) == before
    same(columns.transform(pd.DataFrame({"a": [1, 2]})), table)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_columns_are_saved_and_loaded(tmp_path):
    given = {**TABLE, "aware": [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 6)], "list": [[1]] * 5}
    X = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in given.items()})
    columns, table = learned(X, categorical_features=["int"])
    columns.transform(X)
    columns.targets_ = ClassTargets()
    labels = np.array([["a", "b"], ["c", "b"], ["a", "é"]], object)
    numbers = columns.targets_.fit_transform(labels, "TabularClassifier")
    model = Pipeline([("columns", columns), ("network", LogisticRegression())])
    fastmlp.save(model, tmp_path / "model")
    loaded = fastmlp.load(tmp_path / "model")["columns"]
    same(loaded.transform(X), table)
    assert_array_equal(loaded.targets_.labels(numbers), labels, strict=True)
    assert loaded.unused_ == columns.unused_ and loaded.number_names_ == columns.number_names_
    for again in (pickle.loads(pickle.dumps(columns)), copy.deepcopy(columns)):
        same(again.transform(X), table)
    assert not hasattr(clone(columns), "columns_")


def spoiled(columns, **attributes):
    made = copy.deepcopy(columns)
    vars(made).update(attributes)
    return made


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"columns_": [None, None]}, "columns_"),
        ({"columns_": 3}, "columns_"),
        ({"columns_": [None, 3]}, "columns_"),
        ({"names_": ["a"]}, "names_"),
        ({"names_": ["a", 3]}, "names_"),
        ({"unused_": {"a": "why"}}, "unused_"),
        ({"unused_": []}, "unused_"),
        ({"n_features_in_": 3}, "n_features_in_"),
        ({"feature_names_in_": np.array(["b", "a"], object)}, "feature_names_in_"),
        ({"max_categories": 0}, "max_categories"),
    ],
)
def test_what_a_file_must_not_say_of_columns(attributes, message):
    columns, _ = learned(pd.DataFrame({"a": [1, 2, 3], "c": ["u", "v", "u"]}))
    columns.check_state()
    with pytest.raises(ValueError, match=message):
        spoiled(columns, **attributes).check_state()


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="'max_categories' parameter of TableColumns must be an int in the range"):
        TableColumns(max_categories=0).fit([[1], [2]])


# ---- an estimator that uses them -------------------------------------------------------------------------------------


class Linear(ClassifierMixin, BaseEstimator):
    """A classifier of tables, to ask scikit-learn's checks what they think of columns and targets."""

    def fit(self, X, y):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        columns, targets = TableColumns(), ClassTargets()
        table = columns.fit_transform(X, estimator=self)
        numbers = targets.fit_transform(y, type(self).__name__)
        if len(numbers) != len(table):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: {len(table)}, {len(numbers)}"
            )
        self.columns_, self.targets_, self.classes_ = columns, targets, targets.classes
        inputs = self._inputs(table)
        self.mean_, self.scale_ = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
        self.model_ = LogisticRegression().fit((inputs - self.mean_) / self.scale_, numbers)
        return self

    def _inputs(self, table):
        return np.nan_to_num(np.hstack([table.numbers, table.categories]))

    def predict(self, X):
        if not hasattr(self, "columns_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("not fitted yet")
        inputs = self._inputs(self.columns_.transform(X, estimator=self))
        return self.targets_.labels(self.model_.predict((inputs - self.mean_) / self.scale_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.UnusedColumnsWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([Linear()])
def test_scikit_learn_checks_an_estimator_of_tables(estimator, check):
    check(estimator)


def test_no_library_is_needed_for_arrays():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pandas', 'polars', 'pyarrow']))\n"
        "from fastmlp.tabular import TableColumns, ClassTargets\n"
        "X = [[1.0, 'a', None], [2.0, 'b', 3], [None, 'a', 1]]\n"
        "print(TableColumns().fit_transform(X).categories.tolist(), ClassTargets().fit_transform(['a', 'b'], 'X'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[[1], [0], [1]] [0 1]"]


def test_nothing_of_the_rows_is_kept():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"n": rng.normal(size=5000), "c": rng.choice(["a", "b"], 5000), "t": pd.date_range("2000", periods=5000)}
    )
    columns, _ = learned(X)
    columns.transform(X)
    assert len(pickle.dumps(columns)) < 2500


def test_numbers_beyond_a_float_are_infinite():
    with pytest.raises(ValueError, match="column 'x0' in row 1"):
        TableColumns().fit([[1], [10**400]])
    assert math.isnan(learned([[Decimal("NaN")], [Decimal(1)]])[1].numbers[0, 0])
    assert learned([[time(0, 0, 1)], [time(1)]])[1].numbers.tolist() == [[1.0], [3600.0]]


@pytest.mark.parametrize("library", ["pandas", "pandas of arrow", "nullable", "polars", "arrow"])
def test_whole_numbers_that_floats_round(library):
    values = [2**62 + 4096 * i for i in range(80)]
    X = frames({"int": [*values[:-1], None]})[library]
    if library == "pandas":
        X = pd.DataFrame({"int": pd.Series(values)})
    table = TableColumns().fit_transform(X)
    assert table.numbers[:-1, 0].tolist() == [float(value) for value in values[:-1]]
    assert np.array_equal(TableColumns().fit(X).transform(X[:3]).numbers, table.numbers[:3])


OF_OTHER_TYPES = {
    "dates": [date(2024, 1, 1 + i % 5) for i in range(80)],
    "times": [datetime(2024, 1, 1 + i % 5, 12) for i in range(80)],
    "spans": [timedelta(hours=i % 5) for i in range(80)],
    "decimals": [Decimal(i % 5) / 4 for i in range(80)],
}


@pytest.mark.parametrize("values", OF_OTHER_TYPES.values(), ids=list(OF_OTHER_TYPES))
@pytest.mark.parametrize("is_arrow", [False, True], ids=["pandas", "arrow"])
def test_categories_of_any_type_are_the_same_in_few_rows(values, is_arrow):
    if is_arrow:
        X = pa.table({"c": pa.array(values).dictionary_encode()})
    else:
        X = pd.DataFrame({"c": pd.Series(pd.Categorical(values))})
    columns = TableColumns()
    codes = columns.fit_transform(X).categories
    assert codes[:5, 0].tolist() == [1, 2, 3, 4, 5]
    for rows in (1, 2, 80):
        assert np.array_equal(columns.transform(X[:rows]).categories, codes[:rows])


def test_dates_and_spans_for_which_python_has_no_objects():
    seconds = np.arange(80) - 2**50
    spans, dates = seconds.astype("m8[s]"), np.array(["20000-01-01", "9999-12-31"], "M8[s]")[np.arange(80) % 2]
    expected = TableColumns().fit_transform(pd.DataFrame({"span": spans, "date": dates})).numbers
    assert expected[:, 0].tolist() == seconds.tolist()
    of_arrow = pa.table({"span": pa.array(spans), "date": pa.array(dates)})
    for X in (pd.DataFrame({"span": spans, "date": dates}), of_arrow):
        columns = TableColumns().fit(X)
        for rows in (1, 2, 80):
            assert np.array_equal(columns.transform(X[:rows]).numbers, expected[:rows])


@pytest.mark.parametrize("names", [[3, 1, 2], [("u", "a"), ("u", "b"), ("v", "a")]])
def test_names_that_are_no_texts_must_be_in_order(names):
    X = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=names)
    if isinstance(names[0], tuple):
        X.columns = pd.MultiIndex.from_tuples(names)
    columns = TableColumns().fit(X)
    assert columns.transform(X).numbers.tolist() == X.to_numpy().tolist()
    with pytest.raises(ValueError, match=f"in the order that they had in training: {re.escape(str(names[0]))}, "):
        columns.transform(X.iloc[:, [1, 0, 2]])
    assert columns.transform(X.to_numpy()[:, [1, 0, 2]]).numbers[0].tolist() == [1.0, 0.0, 2.0]  # without names


OF_SEVERAL_KINDS = {
    "truth values": ["x", True, 1, 2.5, 0, False, 1.0, None],
    "dates": ["x", date(2024, 1, 1), datetime(2024, 1, 1), "2024-01-01", None],
    "decimals": ["x", Decimal("1.50"), 1.5, 1, Decimal(1)],
    "zones": [datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC), None],
}


@pytest.mark.parametrize("values", OF_SEVERAL_KINDS.values(), ids=list(OF_SEVERAL_KINDS))
@pytest.mark.parametrize("n_times", [1, 100])
def test_rows_of_one_kind_in_a_column_of_several(values, n_times):
    """What comes of a row does not depend on which others come with it."""
    items = np.empty((3 * len(values), 1), object)
    items[:, 0] = 3 * values
    for X in (pd.DataFrame(items, columns=["c"]), items):
        columns = TableColumns()
        codes = columns.fit_transform(X).categories[:, 0]
        assert max(codes) == len({str(value) for value in values} - {"None"} - ({"1.0"} if 1 in values else set()))
        for first in range(len(values)):
            for second in range(len(values)):
                rows = [first] * n_times + [second]
                some = X[rows] if isinstance(X, np.ndarray) else X.iloc[rows]
                assert columns.transform(some).categories[:, 0].tolist() == codes[rows].tolist()


def test_what_columns_are_is_shown():
    X = pd.DataFrame(
        {
            "age": [25, 38, None, 52],
            "city": ["Ulm", "Bonn", "Ulm", "Kiel"],
            "kind": pd.Categorical(["a", "b", "a", "b"]),
            "since": pd.to_datetime(["2024-01-31", "2024-01-31", "2024-01-30", None]),
            "took": pd.to_timedelta([1, 2, 3, 4], unit="h"),
            "const": [1.5] * 4,
            "a name\nof lines that is longer than any that fits into a line": [0, 1, 0, 1],
        }
    )
    columns, _ = learned(X)
    assert repr(columns).splitlines() == [
        "TableColumns() of 7 columns",
        "  age                                       number",
        "  city                                      category, 1 known; 2 others count as missing",
        "  kind                                      category, 2 known",
        "  since                                     date: day, weekday, elapsed, weekday_sin, weekday_cos",
        "  took                                      span of time, in seconds",
        "  const                                     not used: it is 1.5 in all rows",
        "  a name of lines that is longer than a...  number",
    ]
    assert repr(clone(columns)) == "TableColumns()"
    assert (
        repr(TableColumns(max_categories=5).fit([[1], [2]]))
        == "TableColumns(max_categories=5) of 1 column\n  x0  number"
    )


def test_of_many_columns_some_are_shown():
    shown = repr(TableColumns().fit(np.eye(103))).splitlines()
    assert shown[0] == "TableColumns() of 103 columns"
    assert shown[-2:] == ["  x99  number", "  ... and 3 more"]
    assert len(shown) == 102
