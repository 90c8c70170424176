"""Whether the first line of a table has the names of its columns."""

import numpy as np
import pytest
from sklearn import datasets

from fastmlp.tables import read_table

pd = pytest.importorskip("pandas")


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
