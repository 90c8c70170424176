"""read_table: which reader a file is given to, by its name and its first bytes, and what it refuses."""

import errno
import gzip
import os
import re

import pytest

from fastmlp.tables import TableError, read_table

pd = pytest.importorskip("pandas")


def test_format_may_be_told(write):
    assert read_table(write('{"x": 1}\n{"x": 2}\n', "t.txt"), format="jsonl")[0]["x"].tolist() == [1, 2]
    assert read_table(write("x,y\n1,2\n", "t.json"), format="csv")[0].to_dict("list") == {"x": ["1"], "y": ["2"]}
    with pytest.raises(ValueError, match="format='xml' is not known; known are 'csv', 'json'"):
        read_table("t", format="xml")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "none.pq"])
def test_a_file_that_is_not_there(tmp_path, name):
    if not name.endswith(".csv"):
        pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError, match=re.escape(os.strerror(errno.ENOENT))) as raised:
        read_table(tmp_path / name)
    assert raised.value.filename == str(tmp_path / name)


def test_folders(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_table(tmp_path)
    pytest.importorskip("pyarrow")
    (tmp_path / "parts.parquet").mkdir()
    for i in range(2):
        pd.DataFrame({"x": [i], "y": ["a"]}).to_parquet(tmp_path / "parts.parquet" / f"{i}.parquet")
    assert read_table(tmp_path / "parts.parquet")[0]["x"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "text", ['{"x": 1, "y": "a, b"}\n{"x": 2, "y": "c"}\n', '[{"x": 1, "y": "a, b"},\n{"x": 2, "y": "c"}]']
)
def test_json_is_known_by_its_content(write, caplog, text):
    """Standard input has no name that says it; objects taken for rows of CSV would be learned from as texts."""
    caplog.set_level("INFO")
    assert read_table(write(text, "t.txt"))[0].to_dict("list") == {"x": [1, 2], "y": ["a, b", "c"]}
    assert "read as JSON (--format csv says otherwise)" in caplog.text


def test_texts_in_braces_are_no_json(write):
    for first in ('{"a",b', "[x],y", '[{"x": 1},2', '{"x": 1},2'):
        frame, _ = read_table(write(f"{first}\n1,2\n3,4\n"), header=False)
        assert frame.iloc[1:].to_numpy().tolist() == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", b'{"x": 1}\n{"x": 2\n', "line 2 is no JSON"),
        ("t.jsonl", b'{"x": 1, "x": 2}\n', "line 1 is no JSON: it has 'x' twice"),
        ("t.json", b"[1, 2]", "row 1 is no object with names and values, but 1"),
        ("t.json", b"x,y\n1,2\n", "is no JSON"),
        ("t.json", b"[]", "has no rows"),
        ("t.json", b"", "is empty"),
        ("t.json", b'{"x": [1], "y": [1, 2]}', "has columns of different lengths"),
        ("t.json", b'{"columns": ["x", "x"], "data": [[1, 2]]}', "has two columns of the same name"),
        ("t.feather", b"x,y\n1,2\n", "is no Feather file"),
        ("t.csv.gz", gzip.compress(b"x,y\n1,2\n" * 999)[:-20], "cannot be uncompressed \\(gzip\\)"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook; save the table as CSV"),
        ("t.h5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    ],
)
def test_refused_contents(write, name, content, message):
    with pytest.raises(TableError, match=message):
        read_table(write(content, name))
