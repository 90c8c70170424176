"""What stands for a missing value, and which words are values after all."""

import numpy as np
import pytest

import fastmlp
from fastmlp.tables import MISSING, TableError, TableModel, read_table
from tests.tables.conftest import FAST, table, written

pd = pytest.importorskip("pandas")


def test_missing_values_are_those_of_pandas_and_a_question_mark():
    parsers = pytest.importorskip("pandas._libs.parsers")
    assert {*parsers.STR_NA_VALUES, "?"} == MISSING


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
    model = TableModel(missing=[mark], **FAST).fit(frame)
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
    model = TableModel(missing=["-999.2"], **FAST).fit(table(x=x))
    assert model._inputs(table(x=x))["x"].isna().tolist() == [True] + [False] * 59


def test_texts_that_mean_missing():
    frame = table(c=["red", "Unknown"] * 30, n=["5", "unknown ", "7"] * 20)
    model = TableModel(missing=["unknown"], **FAST).fit(frame)
    assert model.categories_ == {"c": ["red"]}
    assert model.numbers_ == ["x", "n"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_class_called_none(tmp_path, ending, caplog):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"x": range(99), "y": ["None", "Fire", "Theft"] * 33})
    read = read_table(written(frame, tmp_path / f"t.{ending}"))[0]
    model = TableModel(**FAST).fit(read)
    assert (model.classes_, model.class_counts_) == (["Fire", "None", "Theft"], [33, 33, 33])
    assert "'None' is a class, of 33 rows (--missing None says otherwise)" in caplog.text
    assert model.evaluate(read)["rows"] == 99
    assert model.evaluate(read[read["y"] == "None"])["rows"] == 33
    model = TableModel(missing=["None"], **FAST).fit(read)
    assert model.classes_ == ["Fire", "Theft"]


@pytest.mark.parametrize("word", ["None", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "?", "#N/A"])
def test_marks_that_are_classes_if_one_says_so(word, caplog, tmp_path):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"x": range(100), "y": [word, *["EU"] * 60, *["ASIA"] * 39]})
    model = TableModel(**FAST).fit(frame)
    assert model.classes_ == ["ASIA", "EU"]
    assert f"1 row without target dropped: {word!r} in 1 (--keep {word} makes a class of {word!r})" in caplog.text
    model = TableModel(keep=[word], **FAST).fit(frame)
    assert model.classes_ == sorted(["ASIA", "EU", word])
    fastmlp.save(model, tmp_path / "model")
    model = fastmlp.load(tmp_path / "model")
    assert model.evaluate(frame)["rows"] == 100
    assert model.evaluate(frame[:1])["rows"] == 1


def test_kept_words_are_categories_and_no_numbers():
    frame = table(c=["NA", "EU"] * 30, n=["NA", *map(str, range(59))])
    model = TableModel(keep=["NA"], **FAST).fit(frame)
    assert model.categories_ == {"c": ["EU", "NA"]}
    assert model._inputs(frame)["n"].isna().sum() == 1
    assert TableModel(**FAST).fit(frame).categories_ == {"c": ["EU"]}


def test_nulls_stay_missing():
    frame = pd.DataFrame({"x": range(60), "y": pd.Series([None, "None", "Fire"] * 20, dtype=object)})
    model = TableModel(keep=["None"], **FAST).fit(frame)
    assert (model.classes_, model.class_counts_) == (["Fire", "None"], [20, 20])
    assert model.training_["rows_without_target"] == 20


def test_kept_words_beside_numbers():
    """They are classes where the numbers are, and missing where these are learned as numbers."""
    classes = pd.DataFrame({"x": range(60), "y": ["NA", "1", "0"] * 20})
    assert TableModel(keep=["NA"], **FAST).fit(classes).classes_ == ["0", "1", "NA"]
    numbers = pd.DataFrame({"x": range(60), "y": ["NA", *[f"{i}.5" for i in range(59)]]})
    model = TableModel(keep=["NA"], **FAST).fit(numbers)
    assert (model.task_, model.training_["rows_without_target"]) == ("regression", 1)
    assert model.evaluate(numbers)["rows"] == 59


def test_numbers_beside_none_are_missing():
    frame = pd.DataFrame({"x": range(60), "y": ["None", "1.5", "2.5"] * 20})
    assert TableModel(**FAST).fit(frame).classes_ == ["1.5", "2.5"]


def test_a_target_of_which_marks_leave_one_class_says_so():
    frame = pd.DataFrame({"x": range(60), "y": ["NA", "EU"] * 30})
    with pytest.raises(TableError, match="always 'EU': nothing to learn; 30 rows without it were dropped"):
        TableModel(**FAST).fit(frame)
    with pytest.raises(TableError, match=r"missing in all rows: 'NA' in 60 \(--keep NA makes a class of 'NA'\)"):
        TableModel(**FAST).fit(frame.assign(y="NA"))


def test_a_few_texts_among_numbers_are_missing_values(caplog):
    caplog.set_level("INFO")
    frame = table(n=["unknown", *range(58), "7"])
    model = TableModel(**FAST).fit(frame)
    assert model.numbers_ == ["x", "n"]
    assert "column 'n' is numbers; read as missing there: 'unknown'" in caplog.text
    model.predict(frame)
    frame.loc[3, "n"] = "many"
    with pytest.raises(TableError, match="column 'n': 'many' in row 4 is not a number"):
        model.predict(frame)


def test_missing_values_of_ones_own():
    frame = table(n=["-", *range(59)])
    assert TableModel(missing=["-"], **FAST).fit(frame).marks_ == {}
    y = frame["y"].tolist()
    model = TableModel(missing=["yes"], **FAST)
    with pytest.raises(TableError, match="always 'no'"):
        model.fit(frame)
    frame["y"] = ["maybe", *y[1:]]
    assert TableModel(missing=["maybe"], **FAST).fit(frame).training_["rows_without_target"] == 1


def test_a_row_of_which_all_is_missing_has_a_prediction():
    model = TableModel(**FAST).fit(table())
    assert len(model.predict(pd.DataFrame({"x": [None, "", "?"], "c": [None, "", "NA"]}))) == 3
