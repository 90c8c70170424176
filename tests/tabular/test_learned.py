"""What is kept of columns, and what a file must not say of them."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from fastmlp.exceptions import UnusedColumnsWarning
from fastmlp.tabular.kinds import EFFORTS
from fastmlp.tabular.learned import Categories, Dates, Numbers, Spans, Unknown, Unusable
from fastmlp.tabular.objects import of_objects
from fastmlp.tabular.reading import of_array
from tests.tabular.problems import BOTH, SMALL, problem, small

LEARNED = {
    "numbers": Numbers.learn("n", of_array(np.array([1.0, 2.0]))),
    "spans": Spans.learn("s", of_array(np.array([1, 2], "m8[s]"))),
    "dates": Dates.learn("d", of_array(np.array(["2024-01-01", "2025-02-02"], "M8[D]"))),
    "texts": Categories.learn("c", of_objects(["b", "a", "b", "a", "once"])),
    "codes": Categories.learn("k", of_array(np.array([2, 1, 2, 1, 7]))),
}


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_learned_is_sound(name):
    LEARNED[name].check_state()


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("numbers", {"name": 3}, "the name of a column of Numbers"),
        ("spans", {"dtype": None}, "the dtype of a column of Spans"),
        ("dates", {"parts": ["second"]}, "the parts of a column of dates"),
        ("dates", {"parts": []}, "the parts of a column of dates"),
        ("dates", {"parts": ["year", "year"]}, "the parts of a column of dates"),
        ("dates", {"parts": "year"}, "the parts of a column of dates"),
        ("dates", {"parts": [["year"]]}, "the parts of a column of dates"),
        ("dates", {"zone": 3}, "the zone of a column"),
        ("dates", {"zone": "/etc/passwd"}, "which this system does not know"),
        ("texts", {"categories": []}, "neither texts nor numbers"),
        ("texts", {"categories": ["a", 1.0]}, "neither texts nor numbers"),
        ("texts", {"categories": [["a"]]}, "neither texts nor numbers"),
        ("texts", {"categories": ["b", "a"]}, "not in order"),
        ("texts", {"categories": ["a", "a"]}, "not in order"),
        ("codes", {"categories": [1.0, np.nan]}, "not in order"),
        ("codes", {"is_mixed": True}, "is_mixed"),
        ("texts", {"is_mixed": 1}, "is_mixed"),
        ("texts", {"rare": [1]}, "no hashes"),
        ("texts", {"rare": np.zeros((1, 1), np.uint64)}, "no hashes"),
        ("texts", {"rare": np.zeros(1)}, "no hashes"),
    ],
)
def test_what_a_file_must_not_say(name, attributes, message):
    column = copy.copy(LEARNED[name])
    vars(column).update(attributes)
    with pytest.raises(ValueError, match=message):
        column.check_state()


@pytest.mark.parametrize("name", LEARNED)
def test_attributes_that_a_file_leaves_out(name):
    for attribute in vars(LEARNED[name]).keys() - {"_codes", "_hashes"}:
        column = copy.copy(LEARNED[name])
        delattr(column, attribute)
        if attribute != "zone":
            with pytest.raises(ValueError, match=r"."):
                column.check_state()


def test_nothing_is_learned_of_values_that_are_the_same():
    for cls, items in ((Numbers, [3, 3]), (Categories, ["a", "a"]), (Categories, ["a", "b"]), (Spans, [])):
        if items:
            with pytest.raises(Unusable):
                cls.learn("c", of_objects(items))
    with pytest.raises(Unusable, match=r"2024-01-01.* in all rows"):
        Dates.learn("d", of_array(np.array(["2024-01-01"] * 2, "M8[D]")))


def test_texts_that_hardly_ever_come_twice_are_no_categories():
    for n_twice, is_category in ((1, False), (2, True)):
        texts = [f"t{i}" for i in range(30 - 2 * n_twice)] + [f"u{i // 2}" for i in range(2 * n_twice)]
        if is_category:
            assert Categories.learn("c", of_objects(texts)).categories == [f"u{i}" for i in range(n_twice)]
        else:
            with pytest.raises(Unusable, match="hardly any comes twice"):
                Categories.learn("c", of_objects(texts))
    few = [f"t{i}" for i in range(17)] + ["u", "u"]  # of so few rows nobody can tell
    assert Categories.learn("c", of_objects(few)).categories == ["u"]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["1.5", "2", "-3e5"], "none comes twice: they are numbers written as texts, which pandas.to_numeric reads"),
        (["2024-01-01", "2024-01-02T03:04"], "they are dates written as texts, which pandas.to_datetime reads"),
        (["1.5", "a"], "of its 2 values none comes twice$"),
    ],
)
def test_texts_that_are_something_else(texts, reason):
    with pytest.raises(Unusable, match=reason):
        Categories.learn("c", of_objects(texts))


def test_dates_cannot_be_categories():
    with pytest.raises(ValueError, match="categorical_features names 'd', whose values are dates"):
        Categories.learn("d", of_array(np.array(["2024-01-01"], "M8[D]")))


def test_hashes_tell_rare_values_from_unknown_ones():
    column = LEARNED["texts"]
    unknown = Unknown()
    (codes,) = column.read(of_objects(["once", "a", "new", None]), unknown)
    assert_array_equal(codes, [0, 1, 0, 0])
    assert unknown.found == [("c", 1, 1, "new")]
    unknown = Unknown()
    (codes,) = LEARNED["codes"].read(of_array(np.array([7, 8, 2])), unknown)
    assert_array_equal(codes, [0, 0, 2])
    assert unknown.found == [("k", 1, 1, 8.0)]


def test_many_columns_with_unknown_categories():
    unknown = Unknown()
    assert unknown.message() == ""
    for i in range(6):
        unknown.add(f"c{i}", ["x"], 2)
    assert unknown.message().endswith("'c4' (1 category in 2 rows, such as 'x') and 1 more column.")
    unknown.add("c6", ["x"], 2)
    assert unknown.message().endswith("'c4' (1 category in 2 rows, such as 'x') and 2 more columns.")
    assert unknown.message(is_row=True).endswith("count as missing: 'c0', 'c1', 'c2', 'c3', 'c4' and 2 more columns.")
    unknown.found[1:] = [("k", 2000, 3000, 1.5)]
    assert unknown.message().endswith(
        "'c0' (1 category in 2 rows, such as 'x'), 'k' (2,000 categories in 3,000 rows, such as 1.5)."
    )


@pytest.mark.parametrize("cls", BOTH)
def test_files_have_no_text_of_a_single_row(cls, tmp_path, monkeypatch):
    monkeypatch.setitem(EFFORTS, "fast", SMALL)
    X, y = problem(cls)
    X = X.assign(
        city=["Secret 1", *X["city"][1:]],
        name=[f"Secret {i}" for i in range(len(y))],
        mixed=["Secret 2", *[1, "a"] * 44, 1],
        of_type=pd.Categorical(["Secret 3", *X["city"][1:]]),
    )
    X = pl.from_pandas(X.drop(columns="mixed")).with_columns(
        pl.col("of_type").cast(pl.Enum(["Secret 3", "Ulm", "Bonn", "Kiel"])), mixed=pl.Series(X["mixed"].astype(str))
    )
    with pytest.warns(UnusedColumnsWarning, match="'name': of its 90 values none comes twice .such as 'Secret 0'"):
        estimator = small(cls).fit(X, y)
    estimator.save(tmp_path / "model.fastmlp")
    assert b"Secret" not in (tmp_path / "model.fastmlp").read_bytes()
    assert b"Secret" not in pickle.dumps(estimator)
