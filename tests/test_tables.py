"""Tables: reading them, what is found of their columns and their target, and models of them."""

import contextlib
import copy
import errno
import gzip
import os
import re
import sys
import zipfile

import numpy as np
import pytest
from cases import DATA
from sklearn import datasets
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split

pd = pytest.importorskip("pandas")

import fastmlp  # noqa: E402
from fastmlp import tables  # noqa: E402
from fastmlp.tables import (  # noqa: E402
    MISSING,
    SEPARATORS,
    SmoothClip,
    TableError,
    TableModel,
    find_separator,
    find_task,
    frequent_categories,
    network_parameters,
    numbers_of,
    read_table,
    texts_of,
)
from fastmlp.tables.notation import grouping, number  # noqa: E402
from fastmlp.tables.values import spellings  # noqa: E402

FAST = {"max_iter": 5, "random_state": 0}


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text, **options)
        return path

    return write


def table(n_rows=60, /, **columns):
    """A table of numbers and categories whose column "y" depends on them."""
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=n_rows), rng.choice(["red", "green"], n_rows)
    y = np.where(x + (c == "red") > 0.5, "yes", "no")
    return pd.DataFrame({"x": x, "c": c, **columns, "y": y})


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", SEPARATORS)
def test_separator_is_found(write, separator):
    rows = [["name", "size"], ["a", "1.5"], ["b", "2"]]
    frame, has_header = read_table(write("\n".join(separator.join(row) for row in rows)))
    assert has_header
    assert frame.to_dict("list") == {"name": ["a", "b"], "size": ["1.5", "2"]}


def test_separator_may_stand_within_quotes_and_texts(write):
    frame, _ = read_table(write('name,size\n"a; b",1\n"c, d",2\n'))
    assert frame["name"].tolist() == ["a; b", "c, d"]
    assert find_separator(["one"]) == ","


def test_separator_may_be_told(write):
    frame, _ = read_table(write("a;b,1\nc;d,2\n"), separator=",", header=False)
    assert frame["0"].tolist() == ["a;b", "c;d"]


def test_values_are_read_as_they_stand_there(write):
    frame, _ = read_table(write("x;y\n1,5;-2,25\n01;1.0\n"))
    assert frame.to_dict("list") == {"x": ["1,5", "01"], "y": ["-2,25", "1.0"]}
    assert frame.attrs["separator"] == ";"


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_compressed(tmp_path, ending):
    path = tmp_path / f"table.csv.{ending}"
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_csv(path, index=False)
    assert read_table(path)[0].to_dict("list") == {"x": ["1", "2"], "y": ["a", "b"]}


def test_blanks_byte_order_marks_and_blank_lines(write):
    frame, _ = read_table(write("x , y\n\n 1 , a b \n2,c\n\n", encoding="utf-8-sig"))
    assert frame.to_dict("list") == {"x": ["1", "2"], "y": ["a b", "c"]}


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("städte,n\nKöln,1\n".encode("latin-1"), "Köln"),
        ("städte,n\n„5 €“ Œuvre,1\n".encode("cp1252"), "„5 €“ Œuvre"),
        ("städte €,n\n".encode("cp1252") + b"\x80 \x81,1\n", "€ \x81"),  # one of them is no character of Windows
    ],
)
def test_other_encodings_of_the_west_are_read_and_said(write, caplog, content, value):
    caplog.set_level("INFO")
    assert read_table(write(content))[0].iloc[0, 0] == value
    assert "not UTF-8; read as Windows-1252 (--encoding says otherwise)" in caplog.text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "utf-16-le", "utf-16-be", "utf-8", "utf-32"])
def test_encoding_may_be_told(write, encoding):
    frame, _ = read_table(write("шлюз,n\nЩит,1\nцикл,2\n".encode(encoding)), encoding=encoding)
    assert frame.to_dict("list") == {"шлюз": ["Щит", "цикл"], "n": ["1", "2"]}


def test_encodings_that_are_none(write):
    path = write("städte,n\nKöln,1\n".encode("cp1252"))
    with pytest.raises(TableError, match=r"table\.csv is no text in utf-8: .* can't decode byte 0xe4"):
        read_table(path, encoding="utf-8")
    for name in ("klingon", "base64"):
        with pytest.raises(TableError, match=f"encoding='{name}' is not known"):
            read_table(path, encoding=name)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("separator", [None, "\t"])
@pytest.mark.parametrize(
    ("codec", "mark"),
    [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("utf-8", "\ufeff"), ("utf-8", ""), ("utf-32-le", "\ufeff")],
)
def test_byte_order_marks_tell_the_encoding(write, caplog, codec, mark, separator, ending):
    caplog.set_level("INFO")
    content = (mark + '"st\u00e4dte"\tn\r\nK\u00f6ln\t1\r\n\u0141\u00f3d\u017a\t2\r\n').encode(codec)
    path = write(gzip.compress(content) if ending else content, f"table.csv{ending}")
    frame, has_header = read_table(path, separator=separator)
    assert has_header
    assert frame.to_dict("list") == {"st\u00e4dte": ["K\u00f6ln", "\u0141\u00f3d\u017a"], "n": ["1", "2"]}
    assert caplog.text == ""


@pytest.mark.parametrize("separator", [None, ","])
@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,a\n2,b\n".encode("utf-16-le"),
        "x,y\n1,a\n2,b\n".encode("utf-16-be"),
        "x,y\n1,\u00e4\n2,b\n".encode("utf-16-le"),
        "x,y\n1,a\n2,b\n".encode("utf-16")[:-1],
        b"x,y\n1,a\0\n2,b\n",
        b"x,y\n" + b"1,a\n" * 2000 + b"2,\0\n",
    ],
)
def test_text_with_nul_characters_is_refused(write, text, separator):
    with pytest.raises(TableError, match=r"table\.csv has NUL characters: it is no text, or UTF-16 without"):
        read_table(write(text), separator=separator)


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("2019,2020\n1,a\n2,b", True),
        ("x,y\n1,a\n2,b", True),  # text above numbers
        ("1,a\n2,b", False),
        ("name,color\na,red\nb,red\nc,blue", True),  # texts of which none comes again
        ("a,red\na,blue\nb,red", False),
        ("0,1\n5,6\n7,8", True),  # the names that columns without names have
        ("x,y\n?,a\n2,b", True),
    ],
)
def test_header_is_found(write, text, has_header):
    frame, found = read_table(write(text))
    assert found is has_header
    assert list(frame.columns) == (text.split("\n")[0].split(",") if has_header else ["0", "1"])
    assert len(frame) == len(text.split("\n")) - has_header


@pytest.mark.parametrize("header", [True, False])
def test_header_may_be_told(write, header):
    frame, has_header = read_table(write("1,2\n3,4"), header=header)
    assert has_header is header
    assert list(frame.columns) == (["1", "2"] if header else ["0", "1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv is empty"),
        ("\n \n", "table.csv is empty"),
        ("x,y\n", "table.csv has no rows"),
        ("x,y,x\n1,2,3\n", "several columns of the same name: 'x'"),
        ("x,y\n1,2\n1,2,3\n", "table.csv is no table with fields separated by ','.*line 3 has 3 fields, line 1 has 2"),
        ('x,y\n1,"2\n', "table.csv is no table"),
    ],
)
def test_refused_files(write, text, message):
    with pytest.raises(TableError, match=message):
        read_table(write(text))


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "none.pq"])
def test_a_file_that_is_not_there(tmp_path, name):
    if not name.endswith(".csv"):
        pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError, match=re.escape(os.strerror(errno.ENOENT))) as raised:
        read_table(tmp_path / name)
    assert raised.value.filename == str(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x\n1\n\n3\n", ["1", "", "3"]),
        ('x\r\n1\r\n""\r\n3', ["1", "", "3"]),
        ("x\n1\n2\n\n\n", ["1", "2", "", ""]),
        ("x\n\n1\n \t \n", ["", "1", ""]),
        ("\n\nx\n1\n", ["1"]),  # before the names there are no rows
        ("x\n#1\n1\n", ["#1", "1"]),
        ("x\r1\r\r3", ["1", "", "3"]),
        ("x\n1,5\n2\n", ["1,5", "2"]),
    ],
)
def test_each_line_of_one_column_is_a_row(write, text, values):
    frame, _ = read_table(write(text), header=True)
    assert frame.to_dict("list") == {"x": values}


def test_rows_before_the_first_value(write):
    assert read_table(write("\n1\n\n2\n"), header=False)[0]["0"].tolist() == ["", "1", "", "2"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x,y\n1,2\n\n3,4\n\n\n", [["1", "2"], ["3", "4"]]),
        ('x,y\r\n,\r\n"",""\r\n3,4', [["", ""], ["", ""], ["3", "4"]]),
        ("x\ty\n\t\n3\t4\n", [["", ""], ["3", "4"]]),
        ("x y\n 1  2 \n3 4\n", [["1", "2"], ["3", "4"]]),
        ("x,y\n#1,2\n", [["#1", "2"]]),
        ('x,y\n"a\n\nb",2\n', [["a\n\nb", "2"]]),
        ('x,y\n"1" ,2\n', [["1", "2"]]),
        ("x,y\n\x85\u2028a,2\n", [["a", "2"]]),  # these are blanks, and no ends of lines
        ("x,y\n" + "z" * 200_000 + ",2\n", [["z" * 200_000, "2"]]),
        # Separators at the end of lines.
        ("x,y,\n1,2,\n3,4,\n", [["1", "2"], ["3", "4"]]),
        ("x,y\n1,2,\n3,4,\n", [["1", "2"], ["3", "4"]]),
        ("x,y,\n1,2\n3,4\n", [["1", "2"], ["3", "4"]]),
    ],
)
def test_rows_of_two_columns(write, text, rows):
    frame, _ = read_table(write(text), header=True)
    assert list(frame.columns) == ["x", "y"]
    assert frame.to_numpy().tolist() == rows


def test_lines_that_are_no_rows_are_said(write, caplog):
    caplog.set_level("INFO")
    read_table(write("x,y\n1,2\n\n3,4\n\n"))
    assert [record.getMessage().partition(".csv: ")[2] for record in caplog.records] == ["empty lines are no rows: 3"]
    caplog.clear()
    read_table(write("x\n1\n\n3\n"))
    assert caplog.records[0].getMessage().endswith("1 empty line without a value, rows all the same")


def test_names_of_rows_as_r_writes_them(write):
    frame, _ = read_table(write("x,y\na,1,2\nb,3,4\n"))
    assert frame.to_dict("list") == {"Unnamed: 0": ["a", "b"], "x": ["1", "3"], "y": ["2", "4"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n1,2,3\n", "line 3 has 3 fields, line 1 has 2"),
        ("x,y\n1,2,3\n4,5\n", "line 2 has 3 fields, line 1 has 2"),
        ("x,y\n1,2,3\n", "line 2 has 3 fields, line 1 has 2"),
        ("x,y\n1,2\n3\n4,5\n", "line 3 has 1 field, line 1 has 2"),
        ("x;y;z\n1,5;2;3\n4;5\n6;7;8\n", "';': line 3 has 2 fields, line 1 has 3"),
        ('x,y\n"a\nb",2\n\n3\n', "line 5 has 1 field, line 1 has 2"),
        ("sep=;\nx;y\n1;2\n3;4;5\n", "line 4 has 3 fields, line 2 has 2"),
        ("x,y\n" + "1,2\n" * 1500 + "3\n", "line 1502 has 1 field, line 1 has 2"),
        ('x,y\n1,2\n3,"4\n5,6\n', "the quotation mark that line 3 opens is not closed"),
    ],
)
def test_lines_of_another_length_are_named(write, text, said):
    with pytest.raises(TableError, match=re.escape(said)):
        read_table(write(text))


@pytest.mark.parametrize("line", ["sep=;\n", "\ufeffsep=;\r\n", '"sep=;"\n', "SEP=;\n", "sep=;;\n"])
def test_excels_first_line_names_the_separator(write, line):
    frame, has_header = read_table(write(line + "a;b\n1,5;x,y\n2,5;z,\n", encoding="utf-8"))
    assert has_header
    assert frame.to_dict("list") == {"a": ["1,5", "2,5"], "b": ["x,y", "z,"]}


def test_separators_of_single_columns(write):
    assert read_table(write("x\n1,5\n-2,25\n3\n"))[0]["x"].tolist() == ["1,5", "-2,25", "3"]
    assert find_separator(["x", "1,5", "2,5"]) == ";"
    assert find_separator(["1,5", "2,5"]) == ","


DATA_ROWS = [
    [["5.1", "3.5", "setosa"], ["4.9", "3.0", "setosa"], ["6.3", "3.3", "virginica"]],
    [["5.1", "3.5", "setosa"], ["4.9", "3.0", "versicolor"], ["6.3", "3.3", "virginica"]],
    [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]],
    [[str(i), str(i + 1), str(i + 2)] for i in range(1, 20)],
    [[str(i), "ab"[i > 1]] for i in range(1, 20)],
    [["2019", "5.5"], ["2020", "4.5"], ["2021", "3.5"], ["2022", "1.5"]],
    [["2019", "1950", "a"], ["2018", "150", "a"], ["2020", "3000", "b"], ["2017", "4", "b"]],
    [[str(i * i), str(i**3)] for i in range(1, 20)],
    [["0", "1"], ["1", "0"], ["0", "1"], ["1", "1"]],
    [["5", "red"], ["3", "blue"], ["8", "blue"], ["1", "green"]],
    [["0"], ["4"], ["3"], ["5"]],
    [["1,5", "2,5"], ["2,5", "3,5"]],
    [["Ann", "5", "1.5"], ["Bob", "5.5", "2"], ["Cid", "6.5", "3"], ["Dan", "6.1", "4"], ["Eve", "2.5", "8"]],
]


@pytest.mark.parametrize("rows", DATA_ROWS, ids=lambda rows: " ".join(rows[0]))
def test_rows_of_data_are_no_names(write, rows):
    frame, found = read_table(write("\n".join(";".join(row) for row in rows)))
    assert not found
    assert frame.to_numpy().tolist() == rows


ROUNDED = [[f"{value:.2f}" for value in row] for row in np.random.default_rng(0).normal(size=(12, 6))]
WHOLE = [[str(round(float(value) * 1000)) for value in row] for row in ROUNDED]
FLAGS = [[str(int(float(value) > 0)) for value in row] for row in ROUNDED]


@pytest.mark.parametrize("last", [None, "class"])
@pytest.mark.parametrize(
    ("names", "rows"),
    [
        ("2019,2020,2021", ROUNDED),
        ("2019,2020,2021", WHOLE),
        ("2021,2020,2019", ROUNDED),
        ("1999,2005,2021", WHOLE),
        ("201911,201912,202001", ROUNDED),
        ("20191231,20200131", ROUNDED),
        ("1100,1102,1104,1106", ROUNDED),
        ("400.5,401,401.5", ROUNDED),
        ("1,2,3", ROUNDED),
        ("1,2,3,4,5,6", ROUNDED),
        ("4019,25000,41401", FLAGS),
        ("name,2019,2020", ROUNDED),
        ("2020-01,2020-02,2020-03", ROUNDED),
        ("0,1", ROUNDED),
    ],
)
def test_names_that_are_numbers(write, names, rows, last):
    rows = [row[: names.count(",") + 1] for row in rows]
    names = names.split(",")
    if last:
        names, rows = [*names, last], [[*row, "ab"[i % 2]] for i, row in enumerate(rows)]
    frame, found = read_table(write("\n".join(",".join(row) for row in [names, *rows])))
    assert found
    assert list(frame.columns) == names
    assert frame.to_numpy().tolist() == rows


def test_an_index_without_a_name(write):
    rows = "".join(f"{i},{row[0]},{row[1]}\n" for i, row in enumerate(ROUNDED))
    assert list(read_table(write(",2019,2020\n" + rows))[0].columns) == ["Unnamed: 0", "2019", "2020"]


def test_names_that_are_numbers_are_said(write, caplog):
    caplog.set_level("INFO")
    read_table(write("2019,2020,class\n1,2,a\n3,4,b\n"))
    assert "the first line has the columns' names, numbers among them (--header no says otherwise)" in caplog.text


@pytest.mark.parametrize("load", ["iris", "wine", "diabetes", "breast_cancer"])
def test_no_header_is_found_in_plain_data(write, load):
    frame = getattr(datasets, f"load_{load}")(as_frame=True).frame
    for shuffled in (frame, frame.sample(frac=1, random_state=0)):
        assert not read_table(write(shuffled.to_csv(index=False, header=False)))[1]


def test_no_header_is_found_in_random_tables(write):
    for seed in range(150):
        rng = np.random.default_rng(seed)
        shape = rng.integers(3, 12), rng.integers(1, 5)
        kinds = [
            rng.integers(0, 10, shape),
            rng.normal(size=shape).round(1),
            rng.integers(1900, 2100, shape),
            np.cumsum(rng.integers(1, 100, shape), axis=0),
        ]
        frame = pd.DataFrame(kinds[seed % 4])
        if seed % 3:
            frame["text"] = rng.choice(["a", "b"], shape[0])
            frame.loc[0, "text"] = frame.loc[1, "text"]
        assert not read_table(write(frame.to_csv(index=False, header=False)))[1], frame


def typed(n_rows=40):
    """A table with columns of many types, some of them with gaps."""
    frame = table(n_rows, flag=[True, False] * (n_rows // 2), big=pd.array([2**53 + 1, None] * (n_rows // 2), "Int64"))
    frame["text"] = ["a", None, "NA", "01"] * (n_rows // 4)
    return frame


def written(frame, path):
    """Write a table in the format that the file's name says."""
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix in (".feather", ".arrow"):
        frame.to_feather(path)
    elif path.suffix == ".json":
        frame.to_json(path, orient="records", double_precision=15)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        frame.to_csv(path, index=False)
    return path


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


def test_what_a_file_is_by_its_content(tmp_path, write):
    """Compression and Parquet are known by the first bytes, whatever the name."""
    pyarrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    frame.to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for name, bytes_ in (("t.csv", content), ("t.parquet.gz", gzip.compress(content)), ("t", gzip.compress(content))):
        assert read_table(write(bytes_, name))[0].to_dict("list") == frame.to_dict("list")
    plain = b"x,y\n1,a\n2,b\n"
    zstd = pyarrow.compress(plain, codec="zstd", asbytes=True)
    for name, bytes_ in (("t.csv", gzip.compress(plain)), ("t.csv.gz", plain), ("t.csv.zst", zstd), ("t.dat", zstd)):
        assert read_table(write(bytes_, name))[0].to_dict("list") == {"x": ["1", "2"], "y": ["a", "b"]}


def test_format_may_be_told(write):
    assert read_table(write('{"x": 1}\n{"x": 2}\n', "t.txt"), format="jsonl")[0]["x"].tolist() == [1, 2]
    assert read_table(write("x,y\n1,2\n", "t.json"), format="csv")[0].to_dict("list") == {"x": ["1"], "y": ["2"]}
    with pytest.raises(ValueError, match="format='xml' is not known; known are 'csv', 'json'"):
        read_table("t", format="xml")


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


def test_refused_archives(tmp_path):
    for member, message in (("[Content_Types].xml", "is a workbook"), ("a.csv", "holds 2 files, and a table is one")):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr(member, "x,y\n1,2\n")
            archive.writestr("b.csv", "x,y\n1,2\n")
        with pytest.raises(TableError, match=message):
            read_table(tmp_path / "t.zip")


def test_folders(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_table(tmp_path)
    pytest.importorskip("pyarrow")
    (tmp_path / "parts.parquet").mkdir()
    for i in range(2):
        pd.DataFrame({"x": [i], "y": ["a"]}).to_parquet(tmp_path / "parts.parquet" / f"{i}.parquet")
    assert read_table(tmp_path / "parts.parquet")[0]["x"].tolist() == [0, 1]


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "table.parquet"
    frame = table(
        40, flag=[True, False] * 20, kind=pd.Categorical(["a", "b"] * 20), n=pd.array([1, None] * 20, "Int64")
    )
    frame.to_parquet(path)
    read, has_header = read_table(path)
    assert has_header
    model = TableModel(parameters=FAST).fit(read)
    assert (model.numbers_, list(model.categories_)) == (["x", "n"], ["c", "flag", "kind"])
    assert (model.predict(read) == TableModel(parameters=FAST).fit(frame).predict(frame)).all()


def test_what_is_no_parquet(write):
    pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match=r"table\.parquet is no Parquet file"):
        read_table(write("x,y\n1,2\n", "table.parquet"))


@pytest.mark.parametrize(("module", "name"), [("pandas", "t.csv"), ("pyarrow", "t.parquet")])
def test_packages_that_are_missing_are_named(monkeypatch, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{module}, which is not installed: pip install 'fastmlp\[cli\]'"):
        read_table(name)


# ---- values ----------------------------------------------------------------------------------------------------------


def test_missing_values_are_those_of_pandas_and_a_question_mark():
    parsers = pytest.importorskip("pandas._libs.parsers")
    assert {*parsers.STR_NA_VALUES, "?"} == MISSING


def test_texts_of_typed_columns():
    assert texts_of(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert texts_of(pd.Series([1.5, np.nan])).tolist() == ["1.5", ""]
    assert texts_of(pd.Series([True, None])).tolist() == ["True", ""]


def test_dates_are_no_numbers():
    assert np.isnan(numbers_of(pd.Series(pd.to_datetime(["2020-01-01"])))).all()


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


def test_smooth_clip():
    clip = SmoothClip(limit=2.0)
    X = np.array([[-1e300, -0.01, 0.0, 0.01, 1e300]]).T
    np.testing.assert_allclose(clip.fit_transform(X).ravel(), [-2, -0.01, 0, 0.01, 2], rtol=1e-4)
    with pytest.raises(ValueError, match="limit"):
        SmoothClip(limit=0.0).fit(X)


@pytest.mark.parametrize("n_rows", [1, 2, 10, 100, 3000, 10**5, 10**6, 10**7])
@pytest.mark.parametrize("hold_out", [True, False])
@pytest.mark.parametrize("batch_size", [None, 1, 64])
def test_network_parameters_for_any_number_of_rows(n_rows, hold_out, batch_size):
    parameters = network_parameters(n_rows, hold_out=hold_out, batch_size=batch_size)
    assert batch_size is None or parameters["batch_size"] == min(batch_size, n_rows)
    assert 1 <= parameters["batch_size"] <= n_rows
    assert parameters["max_iter"] >= 20
    assert 0 < parameters.get("ema", 0.5) < 1


# ---- how numbers are written ----------------------------------------------------------------------------------------

NAN = float("nan")
# A text, and the number that it is with a decimal point and with a decimal comma.
WRITTEN = [
    ("5", 5, 5),
    ("-5", -5, -5),
    ("+5", 5, 5),
    ("007", 7, 7),
    ("1e5", 1e5, 1e5),
    ("1E+05", 1e5, 1e5),
    ("1.5D+03", 1500, NAN),
    ("2.5", 2.5, NAN),
    ("2,5", NAN, 2.5),
    (".5", 0.5, NAN),
    (",5", NAN, 0.5),
    ("25,000", 25000, 25),
    ("25.000", 25, 25000),
    ("0,123", NAN, 0.123),
    ("0.123", 0.123, NAN),
    ("1234,567", NAN, 1234.567),
    ("1,234.50", 1234.5, NAN),
    ("1.234,50", NAN, 1234.5),
    ("1.234.567", NAN, 1234567),
    ("1,234,567", 1234567, NAN),
    ("12,34,567.8", 1234567.8, NAN),
    ("1,2345", NAN, 1.2345),
    ("1 234,5", NAN, 1234.5),
    ("1\u00a0234,5", NAN, 1234.5),
    ("1\u202f234\u202f567", 1234567, 1234567),
    ("1\u2009234.5", 1234.5, NAN),
    ("1'234.50", 1234.5, NAN),
    ("1\u2019234.50", 1234.5, NAN),
    ("1_000", 1000, 1000),
    ("$25,000", 25000, 25),
    ("-$5", -5, -5),
    ("$-5.50", -5.5, NAN),
    ("US$ 5", 5, 5),
    ("R$ 1.234,56", NAN, 1234.56),
    ("\u20ac 5", 5, 5),
    ("5 \u20ac", 5, 5),
    ("5\u00a3", 5, 5),
    ("EUR 5", 5, 5),
    ("5 CHF", 5, 5),
    ("CHF 1'234.-", 1234, 1234),
    ("25,-- \u20ac", 25, 25),
    ("1.234,- \u20ac", NAN, 1234),
    ("1,234.--", 1234, NAN),
    ("2.355e+04", 23550, NAN),
    ("2,355E-04", NAN, 2.355e-4),
    ("-1,234.5e2", NAN, NAN),
    ("100 kr", 100, 100),
    ("5 z\u0142", 5, 5),
    ("(5)", -5, -5),
    ("($1,234.50)", -1234.5, NAN),
    ("$(5)", -5, -5),
    ("5-", -5, -5),
    ("\u22125", -5, -5),
    ("- 5", -5, -5),
    ("12 %", 12, 12),
    ("12,5%", NAN, 12.5),
    ("\uff11\uff12", 12, 12),
    ("\u0663\u066b\u0665", 3.5, NAN),
    ("inf", np.inf, np.inf),
    *(
        (text, NAN, NAN)
        for text in ["", "A1", "1.2.3", "1,2,3", "12:30", "2020-01-15", "5-4", "--5", "(5", "5)", "-(5)"]
    ),
    *(
        (text, NAN, NAN)
        for text in ["$", "%", "1 00", "1,23,4", "5+", "0x10", "5 m", "5\u00b2", "\u00bd", "1e", "R1", "nan"]
    ),
]


@pytest.mark.parametrize(("text", "point", "comma"), WRITTEN)
def test_numbers_as_they_are_written(text, point, comma):
    np.testing.assert_array_equal([number(text, "."), number(text, ",")], [point, comma])
    # One that has a mark alone is a number whatever the mark of the others.
    either = comma if np.isnan(point) else point
    np.testing.assert_array_equal(numbers_of([text, "7"]), [either, 7])
    np.testing.assert_array_equal(numbers_of([text, "7"], decimal=","), [point if np.isnan(comma) else comma, 7])


@pytest.mark.parametrize(
    ("text", "thousands", "expected"),
    [("1,234", ",", 1234), ("1,234", "", NAN), ("1 234", " ", 1234), ("1\u00a0234", " ", 1234), ("1 234", ",", NAN)],
)
def test_what_groups_digits_may_be_told(text, thousands, expected):
    np.testing.assert_equal(number(text, ".", thousands), expected)


def test_other_spellings_of_what_groups_digits():
    assert [grouping(mark) for mark in ("space", "none", "\u00a0", "\u2019", ",")] == [" ", "", " ", "'", ","]


def numbers_learned(values, separator=",", target="y", **options):
    """The numbers that a model makes of a column of texts, and the model."""
    values = [values[i % len(values)] for i in range(60)]
    frame = pd.DataFrame({"v": values, "x": range(60), "y": ["a", "b"] * 30})
    frame.attrs["separator"] = separator
    model = TableModel(target, parameters={"max_iter": 1, "random_state": 0}, **options).fit(frame)
    return model, model._inputs(frame)["v"].tolist()[: len(set(values))] if target == "y" else None


MANY = [f"{1234 + 1111 * i:,}".replace(",", ".") for i in range(30)]


@pytest.mark.parametrize(
    ("values", "separator", "expected"),
    [
        (["25.000,50", "1.234", "7,5"], ",", [25000.5, 1234, 7.5]),
        (["25.000,50", "1.234", "7"], ";", [25000.5, 1234, 7]),
        (["25,000", "1,234"], ",", [25000, 1234]),
        (["25,000", "1,234"], "\t", [25000, 1234]),
        (["25,000", "1,234"], ";", [25, 1.234]),
        (["25.000", "1.234"], ",", [25, 1.234]),
        (["25.000", "1.234"], ";", [25000, 1234]),
        (["25.000", "0.234"], ";", [25, 0.234]),
        (["25.000", "1.5"], ";", [25, 1.5]),
        (["25,000", "1.5"], ",", [25000, 1.5]),
        (["25,000", "1,5"], ",", [25, 1.5]),
        (["25,000", "1,234,567"], ";", [25000, 1234567]),
        (["$25,000", "$1,234"], ";", [25000, 1234]),  # money has no three decimals
        (["25.000 \u20ac", "1.234 \u20ac"], ",", [25000, 1234]),
        (["(1,234)", "5", "7.5-"], ",", [-1234, 5, -7.5]),
        (["12 %", "7.5%"], ",", [12, 7.5]),
        (["1.5", "2,5"], ",", [1.5, 2.5]),
        (["2.355e+04", "7"], ";", [23550, 7]),
        (["2,355e+04", "7"], ",", [23550, 7]),
        (["1.234,-", "5,-"], ",", [1234, 5]),
        ([*MANY, "883", "0"], ",", [*(1234 + 1111 * i for i in range(30)), 883, 0]),
        ([text.replace(".", ",") for text in [*MANY, "883"]], ";", [*(1234 + 1111 * i for i in range(30)), 883]),
        (MANY, ",", [1.234 + 1.111 * i for i in range(30)]),  # as decimals are written with %.3f
        ([*MANY, "883", "12345"], ",", [*(1.234 + 1.111 * i for i in range(30)), 883, 12345]),
        (["1.234", "25.000", "883"], ",", [1.234, 25, 883]),  # too few to tell
    ],
)
def test_the_convention_is_found_for_each_column(values, separator, expected):
    np.testing.assert_allclose(numbers_learned(values, separator)[1], expected, rtol=1e-12)


def test_what_is_taken_is_said_and_may_be_told(caplog):
    caplog.set_level("INFO")
    said = {
        "25,000": "column 'v': '25,000' is read as 25000; --decimal , makes it 25",
        "1.234": "column 'v': '1.234' is read as 1.234; --decimal , makes it 1234",
        "25.000,50": "column 'v': '25.000,50' is read as 25000.5",
        "$5": "column 'v': '$5' is read as 5, '(7)' is read as -7",
        "1.5": None,
        "12": None,
    }
    for value, line in said.items():
        caplog.clear()
        numbers_learned([value, "(7)" if value == "$5" else value.replace("2", "3"), value.replace("5", "9")])
        found = [record.getMessage() for record in caplog.records if "is read as" in record.getMessage()]
        assert found == ([line] if line else [])
    assert numbers_learned(["25,000", "1,234"], decimal=",")[1] == [25, 1.234]
    assert numbers_learned(["25,000", "1,234"], ";", decimal=".")[1] == [25000, 1234]
    assert numbers_learned(["25,000", "1,234"], ";", thousands=",")[1] == [25000, 1234]
    assert numbers_learned(["25.000", "1.234"], thousands=".")[1] == [25000, 1234]
    assert numbers_learned(["25,000", "1,234"], thousands="")[1] == [25, 1.234]  # nothing groups: these are decimals
    with pytest.raises(ValueError, match="decimal and thousands are both ','"):
        numbers_learned(["1"], decimal=",", thousands=",")


def test_other_columns_say_what_a_column_leaves_open():
    frame = pd.DataFrame({"v": ["25,000", "1,234"] * 30, "x": ["1,5", "2"] * 30, "y": ["a", "b", "a"] * 20})
    frame["text"] = ["1.5 m", "no. 7.5"] * 30  # no numbers, which say nothing
    model = TableModel(parameters=FAST).fit(frame)
    assert model.decimals_ == {"v": ",", "x": ","}
    assert model._inputs(frame)["v"].tolist()[:2] == [25, 1.234]


def read_later(model, **columns):
    frame = pd.DataFrame({"x": ["1"]} | {name: [value] for name, value in columns.items()})
    return model._inputs(frame)["v"].tolist()[0]


def test_the_convention_of_training_is_that_of_predictions(caplog):
    german, _ = numbers_learned(["25.000,50", "1.234,00"])
    english, _ = numbers_learned(["25,000.50", "1,234.00"])
    whole, _ = numbers_learned(["1", "2", "3"])
    assert (read_later(german, v="1.234"), read_later(german, v="1,234")) == (1234, 1.234)
    assert (read_later(english, v="1.234"), read_later(english, v="1,234")) == (1.234, 1234)
    assert (read_later(whole, v="1,234"), read_later(whole, v="1,5")) == (1234, 1.5)
    assert read_later(german, v=1.234) == 1.234  # a number as such
    caplog.set_level("INFO")
    assert (read_later(german, v="12"), read_later(german, v="12,5")) == (12, 12.5)
    assert not caplog.records
    # A table that is clearly written otherwise is read otherwise.
    assert read_later(german, v="12.5") == 12.5
    assert "column 'v': numbers have the decimal mark '.', unlike in training" in caplog.text
    frame = pd.DataFrame({"v": ["1.234", "0.5"], "x": ["1", "2"]})
    assert german._inputs(frame)["v"].tolist() == [1.234, 0.5]
    german.set_params(decimal=".")
    assert read_later(german, v="1.234") == 1.234


def test_the_convention_is_kept_in_files(tmp_path):
    model, _ = numbers_learned(["25.000,50", "1.234,00"])
    fastmlp.save(model, tmp_path / "model")
    assert read_later(fastmlp.load(tmp_path / "model"), v="1.234") == 1234


def test_targets_as_countries_write_them():
    frame = pd.DataFrame({"x": range(60), "y": [f"{i}.000,50 \u20ac" for i in range(1, 61)]})
    model = TableModel(parameters=FAST).fit(frame)
    assert (model.task_, model.mean_) == ("regression", 30500.5)
    as_numbers = frame.assign(y=[1000.0 * i + 0.5 for i in range(1, 61)])
    assert model.evaluate(frame) == model.evaluate(as_numbers)
    # What could be either is as in training.
    assert model.evaluate(frame.assign(y=[f"{i}.000" for i in range(1, 61)]))["mae"] == pytest.approx(
        model.evaluate(frame.assign(y=[1000.0 * i for i in range(1, 61)]))["mae"]
    )


# ---- labels and other texts, as they are spelled --------------------------------------------------------------------


def of_labels(*labels, **options):
    """A table in which a number tells the label, each of which comes as often; and its model."""
    n = 90 // len(labels) * len(labels)
    frame = pd.DataFrame({"x": [i % len(labels) for i in range(n)], "y": [labels[i % len(labels)] for i in range(n)]})
    return frame, TableModel(parameters={"max_iter": 40, "random_state": 0}, **options).fit(frame)


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "07", "10"],
        ["01", "1"],
        ["01", "10", "A1"],
        ["1.0", "2.0", "3.0"],
        ["1.1", "1.10"],
        ["1.50", "2.50"],
        ["1e3", "2e3"],
        ["+1", "-1"],
        ["0x10", "0x11"],
        ["1_000", "2_000"],
        ["9007199254740992", "9007199254740993"],
        ["123456789012345678901", "123456789012345678902"],
        ["TRUE", "FALSE"],
        ["1,5", "2,5"],
        ["1.234", "2.345"],
        ["$1", "$2"],
        ["5 %", "10 %"],
        ["NO", "no"],
        ["A", "a"],
        ["AaBb", "AABB", "aabb"],
        ["2020-01-01", "2021-01-01"],
        ["\u00fcber", "unter"],
    ],
)
def test_labels_come_back_as_the_table_spells_them(tmp_path, write, labels):
    frame, model = of_labels(*labels, task="classification")
    assert model.classes_ == sorted(labels)
    assert model.predict(frame).tolist() == frame["y"].tolist()
    assert model.evaluate(frame)["accuracy"] == 1.0
    for label in labels:  # a table may hold only some of them
        assert model.evaluate(frame[frame["y"] == label])["accuracy"] == 1.0
    texts, _ = read_table(write(frame.to_csv(index=False, sep="|")), separator="|")
    assert model.evaluate(texts)["accuracy"] == 1.0
    fastmlp.save(model, tmp_path / "model")
    assert (fastmlp.load(tmp_path / "model").predict(frame) == frame["y"]).all()


@pytest.mark.parametrize("n", [3, 40])
def test_codes_that_begin_with_zero_are_classes(n):
    assert find_task(np.array([f"{i:03}" for i in range(n)] * 5, object))[0] == "classification"
    assert find_task(np.array([f"{i:03}" for i in range(n)] * 4, object))[0] == "regression"


@pytest.mark.parametrize(
    ("labels", "others"),
    [
        (["01", "07", "10"], [1, 7, 10]),
        (["01", "07", "10"], ["1", "7", "10.0"]),
        (["1", "2", "3"], [1.0, 2.0, 3.0]),
        (["1", "2", "3"], ["1.0", "2.00", "+3"]),
        (["1.0", "2.0", "3.0"], [1, 2, 3]),
        (["1.50", "2.50"], [1.5, 2.5]),
        (["1,5", "2,5"], [1.5, 2.5]),
        (["$1,000", "$2,000"], [1000, 2000]),
        (["True", "False"], ["TRUE", "false"]),
        (["TRUE", "FALSE"], [True, False]),
        (["true", "false"], pd.array([True, False], "boolean")),
        (["Yes", "no"], ["YES", "No"]),
        (["Y", "N"], ["y", "n"]),
        (["K\u00f6ln", "Bonn"], ["Ko\u0308ln", "bonn"]),
        (["New York", "Rome"], ["New\u00a0York ", "\u2009Rome"]),
        (["a b", "c"], ["a  b", "c\u200b"]),
        (["2020-01-01", "2021-01-01"], pd.to_datetime(["2020-01-01", "2021-01-01"])),
    ],
)
def test_labels_that_are_spelled_otherwise_are_known(labels, others, caplog):
    _, model = of_labels(*labels, task="classification")
    caplog.set_level("INFO")
    evaluated = pd.DataFrame({"x": range(len(labels)), "y": others})
    assert model.evaluate(evaluated)["accuracy"] == 1.0
    assert model.predict(evaluated).tolist() == labels
    for i in range(len(labels)):
        assert model.evaluate(evaluated.iloc[i : i + 1])["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("labels", "other"),
    [
        (["01", "1"], "001"),
        (["1.1", "1.10"], "1.100"),
        (["A", "a"], "b"),
        (["AaBb", "AABB", "aabb"], "aaBB"),
        (["9007199254740992", "5"], "9007199254740993"),
        (["A", "b"], "a"),
    ],
)
def test_labels_that_could_be_several_are_not_known(labels, other):
    frame, model = of_labels(*labels, task="classification")
    with pytest.raises(TableError, match=f"training did not see '{other}'"):
        model.evaluate(frame.assign(y=other))


def test_spellings_of_one_label_are_one_class(caplog):
    caplog.set_level("INFO")
    frame, model = of_labels("true", "no", "TRUE", "No", "true", "no")
    assert (model.classes_, model.class_counts_) == (["no", "true"], [45, 45])
    assert "column 'y': 'TRUE' is taken for 'true', 'No' is taken for 'no' (--exact tells them apart)" in caplog.text
    assert model.evaluate(frame)["rows"] == 90
    assert of_labels("true", "no", "TRUE", "No", exact=True)[1].classes_ == ["No", "TRUE", "no", "true"]
    assert of_labels("1", "2", "2.0", "1")[1].classes_ == ["1", "2"]
    assert of_labels("y", "N", "Y", "n", "n")[1].classes_ == ["n", "y"]


def test_exact_labels_are_no_others():
    frame, model = of_labels("true", "no", exact=True)
    with pytest.raises(TableError, match="did not see 'True'"):
        model.evaluate(frame.assign(y="True"))


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
    model = TableModel(parameters=FAST).fit(read_table(written(frame, tmp_path / f"a.{trained}"))[0])
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
    model = TableModel(parameters=FAST).fit(frame)
    midnight = frame[frame["when"] == "2024-02-01"]
    path = tmp_path / f"t.{ending}"
    if ending == "jsonl":
        midnight.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        written(midnight, path)
    others = read_table(path)[0]
    np.testing.assert_allclose(model.predict_proba(others), model.predict_proba(frame)[1::3], rtol=1e-5)


def test_columns_whose_names_only_look_different(caplog):
    frame = table().rename(columns={"x": "Gr\u00f6\u00dfe", "c": "Color"})
    model = TableModel(parameters=FAST).fit(frame)
    expected = model.predict_proba(frame)
    caplog.set_level("INFO")
    others = frame.set_axis(["Gro\u0308\u00dfe", " color", "y"], axis=1)
    np.testing.assert_array_equal(model.predict_proba(others), expected)
    assert "'Gro\u0308\u00dfe' is taken for 'Gr\u00f6\u00dfe', ' color' is taken for 'Color'" in caplog.text
    assert TableModel("gro\u0308\u00dfe", parameters=FAST).fit(frame).target_ == "Gr\u00f6\u00dfe"


# ---- missing values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "json", "jsonl"])
@pytest.mark.parametrize("mark", ["-999", "-999.0", "-9.99e2", "-999,00", -999, -999.0])
def test_numbers_that_mean_missing(tmp_path, ending, mark):
    pytest.importorskip("pyarrow")
    n = 60
    frame = pd.DataFrame({"whole": [*range(n)], "real": np.linspace(1.5, 3.5, n), "text": ["1.5", "2.5"] * (n // 2)})
    frame["y"] = np.linspace(0, 1, n)
    frame.loc[:9, ["whole", "real", "y"]] = -999
    frame.loc[10:19, "text"] = "-999.00"
    frame = read_table(written(frame, tmp_path / f"t.{ending}"))[0]
    model = TableModel(missing=[mark], parameters=FAST).fit(frame)
    assert model.training_["rows"] == 50
    assert model.mean_ == pytest.approx(np.linspace(0, 1, n)[10:].mean())
    assert model.numbers_ == ["whole", "real", "text"]
    gaps = model._inputs(frame).isna().sum().tolist()
    assert gaps == [10, 10, 10]
    assert model.evaluate(frame)["rows"] == 50
    fastmlp.save(model, tmp_path / "model")
    assert fastmlp.load(tmp_path / "model")._inputs(frame).isna().sum().tolist() == gaps


@pytest.mark.parametrize("dtype", ["float16", "float32", "Float32", "float64"])
def test_numbers_that_mean_missing_as_columns_hold_them(dtype):
    """-999.2 is no number of float32: such a column holds the one next to it."""
    x = pd.Series([-999.2, *np.linspace(1, 5, 59)]).astype(dtype)
    model = TableModel(missing=["-999.2"], parameters=FAST).fit(table(x=x))
    assert model._inputs(table(x=x))["x"].isna().tolist() == [True] + [False] * 59


def test_texts_that_mean_missing():
    frame = table(c=["red", "Unknown"] * 30, n=["5", "unknown ", "7"] * 20)
    model = TableModel(missing=["unknown"], parameters=FAST).fit(frame)
    assert model.categories_ == {"c": ["", "red"]}
    assert model.numbers_ == ["x", "n"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_class_called_none(tmp_path, ending, caplog):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"x": range(99), "y": ["None", "Fire", "Theft"] * 33})
    read = read_table(written(frame, tmp_path / f"t.{ending}"))[0]
    model = TableModel(parameters=FAST).fit(read)
    assert (model.classes_, model.class_counts_) == (["Fire", "None", "Theft"], [33, 33, 33])
    assert "'None' is a class, of 33 rows (--missing None says otherwise)" in caplog.text
    assert model.evaluate(read)["rows"] == 99
    assert model.evaluate(read[read["y"] == "None"])["rows"] == 33
    model = TableModel(missing=["None"], parameters=FAST).fit(read)
    assert model.classes_ == ["Fire", "Theft"]


@pytest.mark.parametrize("word", ["None", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "?", "#N/A"])
def test_marks_that_are_classes_if_one_says_so(word, caplog, tmp_path):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"x": range(100), "y": [word, *["EU"] * 60, *["ASIA"] * 39]})
    model = TableModel(parameters=FAST).fit(frame)
    assert model.classes_ == ["ASIA", "EU"]
    assert f"1 row without target dropped: {word!r} in 1 (--keep {word} makes a class of {word!r})" in caplog.text
    model = TableModel(keep=[word], parameters=FAST).fit(frame)
    assert model.classes_ == sorted(["ASIA", "EU", word])
    fastmlp.save(model, tmp_path / "model")
    model = fastmlp.load(tmp_path / "model")
    assert model.evaluate(frame)["rows"] == 100
    assert model.evaluate(frame[:1])["rows"] == 1


def test_kept_words_are_categories_and_no_numbers():
    frame = table(c=["NA", "EU"] * 30, n=["NA", *map(str, range(59))])
    model = TableModel(keep=["NA"], parameters=FAST).fit(frame)
    assert model.categories_ == {"c": ["EU", "NA"]}
    assert model._inputs(frame)["n"].isna().sum() == 1
    assert TableModel(parameters=FAST).fit(frame).categories_ == {"c": ["", "EU"]}


def test_nulls_stay_missing():
    frame = pd.DataFrame({"x": range(60), "y": pd.Series([None, "None", "Fire"] * 20, dtype=object)})
    model = TableModel(keep=["None"], parameters=FAST).fit(frame)
    assert (model.classes_, model.class_counts_) == (["Fire", "None"], [20, 20])
    assert model.training_["rows_without_target"] == 20


def test_kept_words_beside_numbers():
    """They are classes where the numbers are, and missing where these are learned as numbers."""
    classes = pd.DataFrame({"x": range(60), "y": ["NA", "1", "0"] * 20})
    assert TableModel(keep=["NA"], parameters=FAST).fit(classes).classes_ == ["0", "1", "NA"]
    numbers = pd.DataFrame({"x": range(60), "y": ["NA", *[f"{i}.5" for i in range(59)]]})
    model = TableModel(keep=["NA"], parameters=FAST).fit(numbers)
    assert (model.task_, model.training_["rows_without_target"]) == ("regression", 1)
    assert model.evaluate(numbers)["rows"] == 59


def test_numbers_beside_none_are_missing():
    frame = pd.DataFrame({"x": range(60), "y": ["None", "1.5", "2.5"] * 20})
    assert TableModel(parameters=FAST).fit(frame).classes_ == ["1.5", "2.5"]


def test_a_target_of_which_marks_leave_one_class_says_so():
    frame = pd.DataFrame({"x": range(60), "y": ["NA", "EU"] * 30})
    with pytest.raises(TableError, match="always 'EU': nothing to learn; 30 rows without it were dropped"):
        TableModel(parameters=FAST).fit(frame)
    with pytest.raises(TableError, match=r"missing in all rows: 'NA' in 60 \(--keep NA makes a class of 'NA'\)"):
        TableModel(parameters=FAST).fit(frame.assign(y="NA"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"missing": [None]}, "missing must be a list of str or numbers"),
        ({"missing": [True]}, "missing must be a list of str or numbers"),
        ({"keep": [1]}, "keep must be a list of str"),
        ({"keep": [""]}, "keep must be a list of str that are not empty"),
        ({"keep": ["NA"], "missing": ["NA"]}, "missing and keep both have 'NA'"),
        ({"decimal": ";"}, "decimal"),
        ({"thousands": "x"}, "thousands"),
        ({"exact": "no"}, "exact"),
    ],
)
def test_parameters_that_do_not_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        TableModel(**parameters).fit(table())


# ---- data frames of all kinds ---------------------------------------------------------------------------------------


def test_frames_of_polars_and_pyarrow():
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = table()
    expected = TableModel(parameters=FAST).fit(frame).predict_proba(frame)
    for other in (polars.from_pandas(frame), pyarrow.Table.from_pandas(frame)):
        model = TableModel(parameters=FAST).fit(other)
        np.testing.assert_array_equal(model.predict_proba(other), expected)


@pytest.mark.parametrize(
    "wrap", [list, np.array, pd.Series, lambda y: pd.Series(y, name="kind"), lambda y: pd.DataFrame({"kind": y})]
)
def test_the_target_may_be_given_beside_the_frame(wrap):
    frame = table()
    X, y = frame[["x", "c"]], wrap(frame["y"].tolist())
    X.index = range(100, 160)  # rows belong together by their order
    model = TableModel(parameters=FAST).fit(X, y)
    assert model.target_ == ("kind" if hasattr(y, "columns") or getattr(y, "name", None) else "target")
    np.testing.assert_array_equal(model.predict_proba(X), TableModel(parameters=FAST).fit(frame).predict_proba(frame))
    with pytest.raises(TableError, match=r"y='label' is a name: .* is TableModel\(target='label'\)$"):
        TableModel().fit(frame, "label")
    with pytest.raises(TableError, match="y has 59 rows, the table 60"):
        TableModel().fit(X, y[:59])
    with pytest.raises(TableError, match="has a column 'c' already, which y is to be"):
        TableModel("c").fit(X, y)


def test_names_that_are_no_texts(tmp_path):
    frame = table().set_axis([2019, 2020, 2021], axis=1)
    model = TableModel(2021, parameters=FAST).fit(frame)
    assert (model.target_, model.columns_) == ("2021", ["2019", "2020", "2021"])
    fastmlp.save(model, tmp_path / "model")
    np.testing.assert_array_equal(fastmlp.load(tmp_path / "model").predict(frame), model.predict(frame))
    assert TableModel(1, parameters=FAST).fit(frame).target_ == "2020"


@pytest.mark.parametrize("given", [np.zeros((3, 2)), [[1, 2]], "t.csv", None, {"x": [1]}, pd.Series([1])])
def test_what_is_no_table(given):
    model = TableModel(parameters=FAST).fit(table())
    for call in (TableModel().fit, model.predict, model.predict_proba, model.evaluate):
        with pytest.raises(TypeError, match=r"takes a pandas\.DataFrame, a table with named columns; got \w+"):
            call(given)


def test_tables_without_rows_or_with_a_name_twice():
    model = TableModel(parameters=FAST).fit(table())
    with pytest.raises(TableError, match="the table has no rows"):
        model.predict(table()[:0])
    with pytest.raises(TableError, match="several columns of the same name: 'x'"):
        TableModel().fit(table().set_axis(["x", "x", "y"], axis=1))


def test_a_row_of_which_all_is_missing_has_a_prediction():
    model = TableModel(parameters=FAST).fit(table())
    assert len(model.predict(pd.DataFrame({"x": [None, "", "?"], "c": [None, "", "NA"]}))) == 3


# ---- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["c", 1, "1", -2])
def test_target_by_name_and_number(target):
    assert TableModel(target, parameters=FAST).fit(table()).target_ == "c"


def test_target_is_the_last_column_unless_said():
    assert TableModel(parameters=FAST).fit(table()).target_ == "y"


def test_a_name_goes_before_a_number():
    frame = table().rename(columns={"c": "0"})
    assert TableModel("0", parameters=FAST).fit(frame).target_ == "0"


def test_a_target_that_is_not_there_brings_the_nearest_names():
    with pytest.raises(TableError, match="'yy' is not among the columns; the nearest are 'y'"):
        TableModel("yy").fit(table())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[["y"]], "two columns or more"),
        (lambda t: t.assign(y="yes"), "'y', the target, is always 'yes'"),
        (lambda t: t.assign(y="?"), "'y', the target, is missing in all rows"),
        (lambda t: t.assign(x=1, c=None), "no column is left"),
        (lambda t: t.assign(y=["1e300"] + ["1.5", "2.5", "3.5"] * 19 + ["4.5"] * 2), "'1e300' is beyond 1e"),
        (lambda t: t.assign(y=["1.50"] * 20 + ["1.5"] * 20 + ["1.500"] * 20), "always 1.5"),
    ],
)
def test_tables_that_cannot_be_learned_from(change, message):
    task = "regression" if "5" in message else "auto"
    with pytest.raises(TableError, match=message):
        TableModel(task=task).fit(change(table()))


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


def test_a_few_texts_among_numbers_are_missing_values(caplog):
    caplog.set_level("INFO")
    frame = table(n=["unknown", *range(58), "7"])
    model = TableModel(parameters=FAST).fit(frame)
    assert model.numbers_ == ["x", "n"]
    assert "column 'n' is numbers; read as missing there: 'unknown'" in caplog.text
    model.predict(frame)
    frame.loc[3, "n"] = "many"
    with pytest.raises(TableError, match="column 'n': 'many' in row 4 is not a number"):
        model.predict(frame)


def test_missing_values_of_ones_own():
    frame = table(n=["-", *range(59)])
    assert TableModel(missing=["-"], parameters=FAST).fit(frame).marks_ == {}
    y = frame["y"].tolist()
    model = TableModel(missing=["yes"], parameters=FAST)
    with pytest.raises(TableError, match="always 'no'"):
        model.fit(frame)
    frame["y"] = ["maybe", *y[1:]]
    assert TableModel(missing=["maybe"], parameters=FAST).fit(frame).training_["rows_without_target"] == 1


def test_rows_without_target_are_dropped_with_a_note(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[:4, "y"] = "?"
    model = TableModel(parameters=FAST).fit(frame)
    assert model.training_["rows"] == 55
    assert "5 rows without target dropped" in caplog.text
    assert model.evaluate(frame)["rows"] == 55


def test_a_class_with_a_single_row(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[0, "y"] = "perhaps"
    model = TableModel(parameters=FAST).fit(frame)
    assert model.classes_ == ["no", "perhaps", "yes"]
    assert "a single row of 'perhaps'" in caplog.text


@pytest.mark.parametrize("n_single", [0, 1])
def test_many_rows_are_held_out_from_unless_a_class_has_one(n_single):
    frame = table(tables.HOLD_OUT_FROM)
    if n_single:
        frame["y"] = ["yes"] + ["no"] * (len(frame) - 1)
    score = TableModel(parameters=FAST | {"max_iter": 30}).fit(frame).training_["held_out_score"]
    assert (score is None) == bool(n_single)


def test_missing_and_huge_and_infinite_numbers():
    frame = table(n=[np.nan, 1e300, -np.inf, 1e30] * 15, gap=[np.nan] + [1.0, 2.0] * 29 + [3.0])
    model = TableModel(parameters=FAST).fit(frame)
    assert "n" in model.numbers_
    assert np.isfinite(model.predict_proba(frame)).all()
    assert np.isfinite(model.predict_proba(frame.assign(x=1e35))).all()
    with_indicators = model.pipeline_["columns"].transformers_[1]
    assert with_indicators[0] == "gaps"
    assert with_indicators[2] == ["n", "gap"]


def test_predictions_do_not_depend_on_the_columns_order_target_or_number_of_rows():
    frame = table(200)
    model = TableModel(parameters={"random_state": 0}).fit(frame)
    expected = model.predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(frame[["c", "x"]]), expected)
    np.testing.assert_allclose(model.predict_proba(frame.iloc[7:8]), expected[7:8], rtol=1e-5)
    assert model.evaluate(frame)["accuracy"] > 0.9


def test_texts_give_what_typed_columns_give(write):
    frame = table(100, n=np.arange(100) % 7)
    texts, _ = read_table(write(frame.to_csv(index=False)))
    a, b = (TableModel(parameters=FAST).fit(f) for f in (frame, texts))
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(texts))


def test_missing_columns_are_listed():
    model = TableModel(parameters=FAST).fit(table(n=range(60)))
    with pytest.raises(TableError, match="columns are missing: 'n', 'c'"):
        model.predict(table()[["x"]])


def test_without_header_columns_count():
    frame = table().set_axis(["0", "1", "2"], axis=1)
    model = TableModel("0", header=False, parameters=FAST).fit(frame)
    expected = model.predict(frame, has_header=False)
    without = frame[["1", "2"]].set_axis(["0", "1"], axis=1)
    np.testing.assert_array_equal(model.predict(without, has_header=False), expected)
    with pytest.raises(TableError, match="1 columns; 3 are needed as in training, or 2 without the target"):
        model.predict(frame[["1"]], has_header=False)
    with pytest.raises(TableError, match="'0', the target, is missing"):
        model.evaluate(without, has_header=False)


def test_unknown_categories_are_said_and_predicted_for(caplog):
    caplog.set_level("INFO")
    model = TableModel(parameters=FAST).fit(table())
    model.predict(table().assign(c="blue"))
    assert "column 'c': training did not see what 60 rows have: 'blue'" in caplog.text


def test_labels_with_a_full_stop(caplog):
    caplog.set_level("INFO")
    frame = table()
    model = TableModel(parameters=FAST).fit(frame)
    assert model.evaluate(frame.assign(y=frame["y"] + " .")) == model.evaluate(frame)
    assert "without the full stop" in caplog.text
    with pytest.raises(TableError, match=r"did not see 'no\.\.', 'yes\.\.', but 'no', 'yes'"):
        model.evaluate(frame.assign(y=frame["y"] + ".."))


def test_labels_that_are_numbers_have_one_form():
    frame = table().assign(y=["1", "2"] * 30)
    model = TableModel(parameters=FAST).fit(frame)
    assert model.classes_ == ["1", "2"]
    assert model.evaluate(frame.assign(y=[1.0, 2.0] * 30)) == model.evaluate(frame)


def test_figures_of_two_classes():
    frame = table(400)
    model = TableModel(parameters={"random_state": 0}).fit(frame)
    figures, right = model.evaluate(frame), model.predict(frame) == frame["y"]
    assert figures["accuracy"] == right.mean()
    assert figures["balanced_accuracy"] == pytest.approx(right.groupby(frame["y"]).mean().mean())
    assert figures["majority_accuracy"] == (frame["y"] == frame["y"].mode()[0]).mean()
    assert figures["roc_auc"] > 0.95
    chosen = model.predict_proba(frame)[np.arange(400), (frame["y"] == "yes").astype(int)]
    assert figures["log_loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    one = model.evaluate(frame[frame["y"] == "yes"].iloc[:1])
    assert one["roc_auc"] is None
    assert one["rows"] == 1


def test_figures_of_three_classes():
    frame = table(90).assign(y=["a", "b", "c"] * 30)
    figures = TableModel(parameters=FAST).fit(frame).evaluate(frame)
    assert "roc_auc" not in figures
    assert figures["majority_accuracy"] == pytest.approx(1 / 3)


def test_figures_of_numbers_are_in_the_targets_units():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    frame["y"] = 1e6 + 1e4 * (frame["a"] - frame["b"])
    model = TableModel(parameters={"random_state": 0}).fit(frame)
    figures, errors = model.evaluate(frame), model.predict(frame) - frame["y"]
    assert figures["r2"] > 0.95
    assert figures["r2"] == pytest.approx(1 - (errors**2).sum() / ((frame["y"] - frame["y"].mean()) ** 2).sum())
    assert figures["mae"] == pytest.approx(abs(errors).mean())
    assert figures["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert figures["mean_rmse"] == pytest.approx(frame["y"].std(ddof=0))
    assert model.evaluate(frame.iloc[:1])["r2"] is None
    with pytest.raises(TableError, match="no probabilities"):
        model.predict_proba(frame)
    with pytest.raises(TableError, match="'much' is not a number"):
        model.evaluate(frame.assign(y="much"))


def test_the_same_seed_gives_the_same_model():
    frame = table(100)
    a, b, other = (TableModel(parameters=FAST | {"random_state": seed}).fit(frame) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))
    assert (a.predict_proba(frame) != other.predict_proba(frame)).any()


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


def test_parameters_are_checked():
    for parameters in ({"task": "both"}, {"missing": 3}, {"parameters": 1}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            TableModel(**parameters).fit(table())


# ---- in files --------------------------------------------------------------------------------------------------------


def test_a_model_that_is_not_fitted(tmp_path):
    """It comes back from a file, and says what it is not."""
    fastmlp.save(TableModel("y", missing=["-"]), tmp_path / "model")
    model = fastmlp.load(tmp_path / "model")
    assert model.get_params() == TableModel("y", missing=["-"]).get_params()
    for call in (model.predict, model.predict_proba, model.evaluate, lambda frame: model.describe()):
        with pytest.raises(NotFittedError):
            call(table())


def attempted(call, *arguments):
    with contextlib.suppress(ValueError, KeyError):
        call(*arguments)


@pytest.mark.parametrize("target", ["y", "x"])
def test_attributes_that_fit_does_not_set_are_refused(target, tmp_path):
    """Those that are not refused are of the right types: nothing stumbles over them."""
    frame = table()
    model = TableModel(target, parameters=FAST).fit(frame)
    names = [name for name in vars(model) if name.endswith("_") and name != "training_"]
    assert len(names) > 8
    for name in names:
        with pytest.raises(ValueError, match=f"^{name} of a TableModel is missing"):
            changed(model, name).check_state()
        n_refused = 0
        for value in (None, 7, -0.5, np.nan, "y", [], [1], [None], ["a"], {}, {"x": 1}, {"x": ["a"]}, {1: 2}, model):
            forged = changed(model, name, value)
            try:
                forged.check_state()
            except ValueError:
                n_refused += 1
                continue
            for call in (forged.predict, forged.predict_proba, forged.evaluate):
                attempted(call, frame)
            forged.describe()
        assert n_refused >= 6, name
    with pytest.raises(ValueError, match="missing must be a list of str"):
        changed(model, "missing", [None]).check_state()
    with pytest.raises(ValueError, match="columns_"):
        fastmlp.save(changed(model, "columns_", [1]), tmp_path / "model")
    fastmlp.save(model, tmp_path / "model")
    assert (fastmlp.load(tmp_path / "model").predict(frame) == model.predict(frame)).all()


def changed(model, name, *value):
    other = copy.copy(model)
    vars(other).pop(name)
    vars(other).update(dict.fromkeys([name][: len(value)], *value))
    return other


# ---- real tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "least"), [("iris", 0.92), ("wine", 0.95), ("breast_cancer", 0.94), ("digits", 0.95), ("diabetes", 0.35)]
)
def test_small_tables_with_the_defaults(name, least):
    """On average over splits; the least are a little below what linear models and forests reach."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    scores = []
    for seed in range(5):
        train, test = train_test_split(frame, random_state=seed)
        figures = TableModel(parameters={"random_state": seed}).fit(train).evaluate(test)
        scores.append(figures.get("accuracy", figures.get("r2")))
    assert np.mean(scores) >= least


needs_adult = pytest.mark.skipif(
    not (DATA / "adult-train.csv.gz").exists(), reason="adult-*.csv.gz are in neither FASTMLP_DATA nor ../shared/data"
)
needs_california = pytest.mark.skipif(
    not (DATA / "california-housing.csv.gz").exists(),
    reason="california-housing.csv.gz is in neither FASTMLP_DATA nor ../shared/data",
)


@needs_adult
@pytest.mark.parametrize("seed", [0, 1])
def test_census_income(seed):
    train, test = (read_table(DATA / f"adult-{part}.csv.gz") for part in ("train", "test"))
    assert not train[1]
    model = TableModel(header=False, parameters={"random_state": seed}).fit(train[0])
    assert model.evaluate(test[0], has_header=False)["accuracy"] >= 0.85


@needs_california
@pytest.mark.parametrize("seed", [0, 1])
def test_california_housing(seed):
    train, test = train_test_split(read_table(DATA / "california-housing.csv.gz")[0], random_state=seed)
    model = TableModel("median_house_value", parameters={"random_state": seed}).fit(train)
    assert model.evaluate(test)["r2"] >= 0.78
