"""What TableModel takes: data frames of several libraries, their names, and what is no table."""

import sys

import numpy as np
import pytest

import fastmlp
from fastmlp.tables import TableError, TableModel, read_table
from tests.tables.conftest import FAST, table

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize(("module", "name"), [("pandas", "t.csv"), ("pyarrow", "t.parquet")])
def test_packages_that_are_missing_are_named(monkeypatch, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{module}, which is not installed: pip install 'fastmlp\[cli\]'"):
        read_table(name)


def test_frames_of_polars_and_pyarrow():
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = table()
    expected = TableModel(**FAST).fit(frame).predict_proba(frame)
    for other in (polars.from_pandas(frame), pyarrow.Table.from_pandas(frame)):
        model = TableModel(**FAST).fit(other)
        np.testing.assert_array_equal(model.predict_proba(other), expected)


@pytest.mark.parametrize(
    "wrap", [list, np.array, pd.Series, lambda y: pd.Series(y, name="kind"), lambda y: pd.DataFrame({"kind": y})]
)
def test_the_target_may_be_given_beside_the_frame(wrap):
    frame = table()
    X, y = frame[["x", "c"]], wrap(frame["y"].tolist())
    X.index = range(100, 160)  # rows belong together by their order
    model = TableModel(**FAST).fit(X, y)
    assert model.target_ == ("kind" if hasattr(y, "columns") or getattr(y, "name", None) else "target")
    np.testing.assert_array_equal(model.predict_proba(X), TableModel(**FAST).fit(frame).predict_proba(frame))
    with pytest.raises(TableError, match=r"y='label' is a name: .* is TableModel\(target='label'\)$"):
        TableModel().fit(frame, "label")
    with pytest.raises(TableError, match="y has 59 rows, the table 60"):
        TableModel().fit(X, y[:59])
    with pytest.raises(TableError, match="has a column 'c' already, which y is to be"):
        TableModel("c").fit(X, y)


def test_names_that_are_no_texts(tmp_path):
    frame = table().set_axis([2019, 2020, 2021], axis=1)
    model = TableModel(2021, **FAST).fit(frame)
    assert (model.target_, model.columns_) == ("2021", ["2019", "2020", "2021"])
    fastmlp.save(model, tmp_path / "model")
    np.testing.assert_array_equal(fastmlp.load(tmp_path / "model").predict(frame), model.predict(frame))
    assert TableModel(1, **FAST).fit(frame).target_ == "2020"


@pytest.mark.parametrize("given", [np.zeros((3, 2)), [[1, 2]], "t.csv", None, {"x": [1]}, pd.Series([1])])
def test_what_is_no_table(given):
    model = TableModel(**FAST).fit(table())
    for call in (TableModel().fit, model.predict, model.predict_proba, model.evaluate):
        with pytest.raises(TypeError, match=r"takes a pandas\.DataFrame, a table with named columns; got \w+"):
            call(given)


def test_tables_without_rows_or_with_a_name_twice():
    model = TableModel(**FAST).fit(table())
    with pytest.raises(TableError, match="the table has no rows"):
        model.predict(table()[:0])
    with pytest.raises(TableError, match="several columns of the same name: 'x'"):
        TableModel().fit(table().set_axis(["x", "x", "y"], axis=1))


def test_columns_whose_names_only_look_different(caplog):
    frame = table().rename(columns={"x": "Gr\u00f6\u00dfe", "c": "Color"})
    model = TableModel(**FAST).fit(frame)
    expected = model.predict_proba(frame)
    caplog.set_level("INFO")
    others = frame.set_axis(["Gro\u0308\u00dfe", " color", "y"], axis=1)
    np.testing.assert_array_equal(model.predict_proba(others), expected)
    assert "'Gro\u0308\u00dfe' is taken for 'Gr\u00f6\u00dfe', ' color' is taken for 'Color'" in caplog.text
    assert TableModel("gro\u0308\u00dfe", **FAST).fit(frame).target_ == "Gr\u00f6\u00dfe"
