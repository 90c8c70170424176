"""Tables: reading them, what is found of their columns and their target, and models of them."""

import contextlib
import copy
import errno
import gzip
import os
import re
import sys

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


def test_decimal_comma_beside_semicolons_only(write):
    assert read_table(write("x;y\n1,5;-2,25\n"))[0].iloc[0].tolist() == ["1.5", "-2.25"]
    assert read_table(write('x\ty\n"1,5"\t2\n'))[0].iloc[0].tolist() == ["1,5", "2"]


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_compressed(tmp_path, ending):
    path = tmp_path / f"table.csv.{ending}"
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_csv(path, index=False)
    assert read_table(path)[0].to_dict("list") == {"x": ["1", "2"], "y": ["a", "b"]}


def test_blanks_byte_order_marks_and_blank_lines(write):
    frame, _ = read_table(write("x , y\n\n 1 , a b \n2,c\n\n", encoding="utf-8-sig"))
    assert frame.to_dict("list") == {"x": ["1", "2"], "y": ["a b", "c"]}


def test_latin_1_is_read_and_said(write, caplog):
    caplog.set_level("INFO")
    assert read_table(write("städte,n\nKöln,1\n".encode("latin-1")))[0].loc[0, "städte"] == "Köln"
    assert "not UTF-8; read as Latin-1" in caplog.text


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("separator", [None, "\t"])
@pytest.mark.parametrize(
    ("codec", "mark"), [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("utf-8", "\ufeff"), ("utf-8", "")]
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
        "x,y\n1,a\n2,b\n".encode("utf-32"),
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
        ("x,y\n1,2\n1,2,3\n", "table.csv is no table with fields separated by ','.*line 3, saw 3"),
        ('x,y\n1,"2\n', "table.csv is no table"),
    ],
)
def test_refused_files(write, text, message):
    with pytest.raises(TableError, match=message):
        read_table(write(text))


def test_ctrl_c_that_pandas_loses(write, monkeypatch):
    def interrupted(*_, **__):
        raise pd.errors.ParserError("Error tokenizing data. C error: Calling read(nbytes) on source failed.")

    monkeypatch.setattr(pd, "read_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_table(write("x,y\n1,2\n"))


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "none.pq"])
def test_a_file_that_is_not_there(tmp_path, name):
    if not name.endswith(".csv"):
        pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError, match=re.escape(os.strerror(errno.ENOENT))) as raised:
        read_table(tmp_path / name)
    assert raised.value.filename == str(tmp_path / name)


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
            changed(model, name).check_fitted_attributes()
        n_refused = 0
        for value in (None, 7, -0.5, np.nan, "y", [], [1], [None], ["a"], {}, {"x": 1}, {"x": ["a"]}, {1: 2}, model):
            forged = changed(model, name, value)
            try:
                forged.check_fitted_attributes()
            except ValueError:
                n_refused += 1
                continue
            for call in (forged.predict, forged.predict_proba, forged.evaluate):
                attempted(call, frame)
            forged.describe()
        assert n_refused >= 6, name
    with pytest.raises(ValueError, match="missing must be a list of str"):
        changed(model, "missing", [1]).check_fitted_attributes()
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
