"""Formats whose columns have types: Parquet, Feather and JSON."""

import numpy as np
import pytest

from fastmlp.tables import TableError, TableModel, read_table, texts_of
from tests.tables.conftest import FAST, table, written

pd = pytest.importorskip("pandas")


def typed(n_rows=40):
    """A table with columns of many types, some of them with gaps."""
    frame = table(n_rows, flag=[True, False] * (n_rows // 2), big=pd.array([2**53 + 1, None] * (n_rows // 2), "Int64"))
    frame["text"] = ["a", None, "NA", "01"] * (n_rows // 4)
    return frame


@pytest.mark.parametrize("ending", ["parquet", "feather", "arrow", "json", "jsonl"])
def test_formats_with_types(tmp_path, ending):
    pytest.importorskip("pyarrow")
    frame = typed()
    read, has_header = read_table(written(frame, tmp_path / f"t.{ending}"))
    assert has_header
    assert list(read.columns) == list(frame.columns)
    assert read["big"].tolist() == frame["big"].tolist()  # whole numbers stay whole beside gaps
    assert read["flag"].tolist() == frame["flag"].tolist()
    assert texts_of(read["text"]).tolist() == ["a", "", "NA", "01"] * 10
    np.testing.assert_allclose(read["x"], frame["x"], rtol=1e-9)


def test_arrows_format_for_streams(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    data = pyarrow.table({"x": [1, 2], "y": ["a", "b"]})
    with pyarrow.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, data.schema) as writer:
        writer.write_table(data)
    assert read_table(tmp_path / "t.arrow")[0].to_dict("list") == {"x": [1, 2], "y": ["a", "b"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"x": 1, "y": "01"}\n{"x": null}\n\n{"x": 9007199254740993, "y": "a"}',
        '[{"x": 1, "y": "01"}, {"x": null}, {"x": 9007199254740993, "y": "a"}]',
        '{"x": [1, null, 9007199254740993], "y": ["01", null, "a"]}',
        '{"schema": {}, "data": [{"x": 1, "y": "01"}, {"x": null}, {"x": 9007199254740993, "y": "a"}]}',
        '{"x": {"0": 1, "1": null, "2": 9007199254740993}, "y": {"0": "01", "1": null, "2": "a"}}',
        '{"0": {"x": 1, "y": "01"}, "1": {"x": null, "y": null}, "2": {"x": 9007199254740993, "y": "a"}}',
        '{"columns": ["x", "y"], "index": [0, 1, 2], "data": [[1, "01"], [null, null], [9007199254740993, "a"]]}',
    ],
)
def test_json(write, text):
    frame, has_header = read_table(write(text, "t.json"))
    assert has_header
    assert texts_of(frame["x"]).tolist() == ["1", "", "9007199254740993"]
    assert texts_of(frame["y"]).tolist() == ["01", "", "a"]


@pytest.mark.parametrize("orient", ["columns", "index", "records", "split", "table"])
def test_json_as_pandas_writes_it(tmp_path, orient):
    table(20).to_json(tmp_path / "t.json", orient=orient)
    frame, _ = read_table(tmp_path / "t.json")
    np.testing.assert_allclose(frame["x"], table(20)["x"])
    assert frame["y"].tolist() == table(20)["y"].tolist()


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "table.parquet"
    frame = table(
        40, flag=[True, False] * 20, kind=pd.Categorical(["a", "b"] * 20), n=pd.array([1, None] * 20, "Int64")
    )
    frame.to_parquet(path)
    read, has_header = read_table(path)
    assert has_header
    model = TableModel(**FAST).fit(read)
    assert (model.numbers_, list(model.categories_)) == (["x", "n"], ["c", "flag", "kind"])
    assert (model.predict(read) == TableModel(**FAST).fit(frame).predict(frame)).all()


def test_what_is_no_parquet(write):
    pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match=r"table\.parquet is no Parquet file"):
        read_table(write("x,y\n1,2\n", "table.parquet"))
