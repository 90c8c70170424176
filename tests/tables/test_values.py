"""The values of a column as numbers and as texts, and which texts are the same value."""

import numpy as np
import pytest

from fastmlp.tables import TableModel, numbers_of, read_table, texts_of
from fastmlp.tables.values import spellings
from tests.tables.conftest import FAST, table, written

pd = pytest.importorskip("pandas")


def test_texts_of_typed_columns():
    assert texts_of(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert texts_of(pd.Series([1.5, np.nan])).tolist() == ["1.5", ""]
    assert texts_of(pd.Series([True, None])).tolist() == ["True", ""]


def test_dates_are_no_numbers():
    assert np.isnan(numbers_of(pd.Series(pd.to_datetime(["2020-01-01"])))).all()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["true", "TRUE", "false", "true"], {"TRUE": "true"}),
        (["TRUE", "true", "false"], {"true": "TRUE"}),  # of equals the first
        (["1", "1.0", "01", "2"], {"1.0": "1"}),
        (["1.1", "1.10"], {}),
        (["a", "A", "b"], {}),
        (["m", "M", "f", "F"], {"M": "m", "F": "f"}),
        (["NO", "no"], {}),
        (["mW", "MW", "kW"], {}),
        (["AaBb", "AABB", "aabb", "red", "RED"], {}),
        (["Co", "CO", "Fe"], {}),
        (["", "red", "Red", "blue", ""], {"Red": "red"}),
        (["a b", "a\u00a0b", "c"], {"a\u00a0b": "a b"}),
        (["\u00fc", "u\u0308"], {"u\u0308": "\u00fc"}),
        (["2024-01-31", "2024-01-31T00:00:00.000"], {"2024-01-31T00:00:00.000": "2024-01-31"}),
        (["2024-01-31 12:30", "2024-01-31T12:30:00"], {"2024-01-31T12:30:00": "2024-01-31 12:30"}),
        (["2024-01-31 12:30:05.50", "2024-01-31 12:30:05.5"], {"2024-01-31 12:30:05.5": "2024-01-31 12:30:05.50"}),
        (["2024-01-31T12:30:10Z", "2024-01-31 12:30:10+00:00"], {"2024-01-31 12:30:10+00:00": "2024-01-31T12:30:10Z"}),
        (["2024-01-31 12:30Z", "2024-01-31 12:30", "2024-01-31 12:30:10", "2024-01-31 12:30:01"], {}),
    ],
)
def test_spellings(texts, expected):
    assert spellings(np.array(texts, object)) == expected


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "json", "jsonl"])
@pytest.mark.parametrize("trained", ["csv", "parquet"])
def test_categories_are_the_same_in_all_formats(tmp_path, trained, ending):
    pytest.importorskip("pyarrow")
    codes = ["1.0", "2.0", "x", "y", "z"] * 20
    frame = table(100, flag=["TRUE", "FALSE"] * 50, code=codes, town=["K\u00f6ln", "Bonn"] * 50)
    model = TableModel(**FAST).fit(read_table(written(frame, tmp_path / f"a.{trained}"))[0])
    assert model.categories_["code"] == ["1.0", "2.0", "x", "y", "z"]
    others = frame[:2].assign(flag=[True, False], code=[1, 2], town=["Ko\u0308ln ", "\u00a0BONN"])
    others = read_table(written(others, tmp_path / f"b.{ending}"))[0]
    np.testing.assert_allclose(model.predict_proba(others), model.predict_proba(frame[:2]), rtol=1e-5)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_times_are_the_same_in_all_formats(tmp_path, ending):
    """pandas writes those of midnight alone without their zeros, so what a value is must not depend on the others."""
    pytest.importorskip("pyarrow")
    times = pd.to_datetime(["2024-01-31 00:00", "2024-02-01 00:00", "2024-02-01 12:30"] * 20)
    frame = table(when=times)
    model = TableModel(**FAST).fit(frame)
    midnight = frame[frame["when"] == "2024-02-01"]
    path = tmp_path / f"t.{ending}"
    if ending == "jsonl":
        midnight.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        written(midnight, path)
    others = read_table(path)[0]
    np.testing.assert_allclose(model.predict_proba(others), model.predict_proba(frame)[1::3], rtol=1e-5)


def test_texts_give_what_typed_columns_give(write):
    frame = table(100, n=np.arange(100) % 7)
    texts, _ = read_table(write(frame.to_csv(index=False)))
    a, b = (TableModel(**FAST).fit(f) for f in (frame, texts))
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(texts))
