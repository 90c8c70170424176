"""CSV and its kin: separators, encodings, rows and lines that are none."""

import gzip
import re

import pytest

from fastmlp.tables import SEPARATORS, TableError, find_separator, read_table

pytest.importorskip("pandas")


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


@pytest.mark.parametrize("line", ["sep=;\n", "\ufeffsep=;\r\n", '"sep=;"\n', "SEP=;\n", "sep=;;\n"])
def test_excels_first_line_names_the_separator(write, line):
    frame, has_header = read_table(write(line + "a;b\n1,5;x,y\n2,5;z,\n", encoding="utf-8"))
    assert has_header
    assert frame.to_dict("list") == {"a": ["1,5", "2,5"], "b": ["x,y", "z,"]}


def test_separators_of_single_columns(write):
    assert read_table(write("x\n1,5\n-2,25\n3\n"))[0]["x"].tolist() == ["1,5", "-2,25", "3"]
    assert find_separator(["x", "1,5", "2,5"]) == ";"
    assert find_separator(["1,5", "2,5"]) == ","


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


def test_values_are_read_as_they_stand_there(write):
    frame, _ = read_table(write("x;y\n1,5;-2,25\n01;1.0\n"))
    assert frame.to_dict("list") == {"x": ["1,5", "01"], "y": ["-2,25", "1.0"]}
    assert frame.attrs["separator"] == ";"


def test_blanks_byte_order_marks_and_blank_lines(write):
    frame, _ = read_table(write("x , y\n\n 1 , a b \n2,c\n\n", encoding="utf-8-sig"))
    assert frame.to_dict("list") == {"x": ["1", "2"], "y": ["a b", "c"]}


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
