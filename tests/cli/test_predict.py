"""fastmlp predict: CSV in the rows' order, probabilities, files that are written whole."""

import errno
import json
import os

import numpy as np
import pytest

import fastmlp
from fastmlp.cli import main
from tests.cli.conftest import failed

pd = pytest.importorskip("pandas")


def test_predict_writes_csv_in_the_rows_order(trained, capsys):
    flowers = pd.read_csv("flowers.csv")
    flowers[["color", "petal"]].to_csv("new.csv", index=False)
    assert main(["predict", "m.fastmlp", "flowers.csv"]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "prediction"
    assert np.mean(np.array(lines[1:]) == flowers["kind"]) > 0.9
    assert main(["predict", "m.fastmlp", "new.csv", "--out", "p.csv"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "wrote p.csv, 120 rows" in err
    assert (trained / "p.csv").read_text() == printed


def test_predict_probabilities(trained, capsys):
    assert main(["predict", "m.fastmlp", "flowers.csv", "--proba"]) == 0
    (trained / "p.csv").write_text(capsys.readouterr().out)
    predicted = pd.read_csv("p.csv")
    assert list(predicted.columns) == ["prediction", "probability_aster", "probability_rose"]
    probabilities = predicted.iloc[:, 1:].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (predicted["prediction"] == np.array(["aster", "rose"])[probabilities.argmax(axis=1)]).all()


def test_predict_sets(trained, capsys):
    assert main(["predict", "m.fastmlp", "flowers.csv", "--set", "0.8"]) == 0
    (trained / "p.csv").write_text(capsys.readouterr().out)
    predicted = pd.read_csv("p.csv")
    assert list(predicted.columns) == ["prediction", "in_set_aster", "in_set_rose"]
    model, flowers = fastmlp.load("m.fastmlp"), pd.read_csv("flowers.csv")
    np.testing.assert_array_equal(predicted.iloc[:, 1:], model.predict_set(flowers, 0.8))
    assert (predicted["prediction"] == model.predict(flowers)).all()
    (trained / "new.csv").write_text("color,petal\ngreen,9.5\n")
    assert main(["predict", "m.fastmlp", "new.csv", "--set", "0.8"]) == 0
    assert capsys.readouterr().err.count("categories that training did not see") == 1
    assert main(["predict", "m.fastmlp", "new.csv", "--out", "p.csv"]) == 0
    assert capsys.readouterr().err.endswith("wrote p.csv, 1 row\n")
    message = failed(capsys, ["predict", "m.fastmlp", "flowers.csv", "--interval", "0.9"])
    assert message == "flowers.csv: there are no intervals in classification, but sets of classes"


def test_predict_intervals(folder, capsys):
    assert main(["train", "numbers.csv", "--out", "m"]) == 0
    assert main(["predict", "m", "numbers.csv", "--interval", "0.8", "--out", "p.csv"]) == 0
    predicted = pd.read_csv("p.csv")
    assert list(predicted.columns) == ["prediction", "lower", "upper"]
    model, numbers = fastmlp.load("m"), pd.read_csv("numbers.csv")
    np.testing.assert_array_equal(predicted[["lower", "upper"]].to_numpy().T, model.predict_interval(numbers, 0.8))
    np.testing.assert_array_equal(predicted["prediction"], model.predict(numbers))
    assert numbers["y"].between(predicted["lower"], predicted["upper"]).mean() >= 0.7
    capsys.readouterr()
    message = failed(capsys, ["predict", "m", "numbers.csv", "--set", "0.9"])
    assert message == "numbers.csv: there are no sets of classes in regression, but intervals"


def test_predict_one_row(trained, capsys):
    (trained / "one.csv").write_text("color,petal\nred,9.5\n")
    assert main(["predict", "m.fastmlp", "one.csv"]) == 0
    assert capsys.readouterr().out == "prediction\nrose\n"


def test_labels_and_names_of_probabilities_are_spelled_as_in_the_table(folder, capsys):
    (folder / "t.csv").write_text("x,y\n" + "1,01\n2,07\n3,10\n" * 30)
    assert main(["train", "t.csv", "--out", "m"]) == 0
    capsys.readouterr()
    assert main(["predict", "m", "t.csv", "--proba"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction,probability_01,probability_07,probability_10"
    assert [line.partition(",")[0] for line in lines[1:4]] == ["01", "07", "10"]
    (folder / "some.csv").write_text("x,y\n1,1\n2,7\n")
    assert main(["evaluate", "m", "some.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["accuracy"] == 1.0
    assert "labels: '1' is taken for '01', '7' is taken for '07'" in err


def test_rows_of_one_column_are_all_predicted(folder, capsys):
    (folder / "t.csv").write_text("x,y\n" + "1,a\n5,b\n" * 30)
    assert main(["train", "t.csv", "--out", "m"]) == 0
    capsys.readouterr()
    (folder / "new.csv").write_text("x\n1\n\n5\n\n1\n")
    assert main(["predict", "m", "new.csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1 + 5
    assert out.splitlines()[1::2] == ["a", "b", "a"]
    assert err == "fastmlp: new.csv: 2 empty lines without a value, rows all the same\n"


def test_predictions_are_written_whole_or_not_at_all(trained, capsys, monkeypatch):
    (trained / "p.csv").write_text("before")
    there = sorted(os.listdir())

    def lines(*_):
        yield "prediction\n"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("fastmlp.cli.predict._csv_lines", lines)
    assert os.strerror(errno.ENOSPC) in failed(capsys, ["predict", "m.fastmlp", "flowers.csv", "--out", "p.csv"])
    assert (trained / "p.csv").read_text() == "before"
    assert sorted(os.listdir()) == there


def test_predictions_are_quoted_where_they_must_be(folder, capsys):
    (folder / "t.csv").write_text("x;y\n" + '1;a, "b"\n2;\u00e9\n' * 20, encoding="utf-8")
    assert main(["train", "t.csv", "--out", "m", "--sep", ";"]) == 0
    assert main(["predict", "m", "t.csv", "--sep", ";", "--out", "p.csv"]) == 0
    assert (folder / "p.csv").read_bytes().decode().splitlines()[:3] == ["prediction", '"a, ""b"""', "\u00e9"]


def test_a_full_disk_is_told(trained, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("fastmlp.cli.predict._csv_lines", full)
    assert failed(capsys, ["predict", "m.fastmlp", "flowers.csv"]) == os.strerror(errno.ENOSPC)


def test_separator_may_be_a_tab_by_name(trained, capsys):
    (trained / "one.tsv").write_text("color\tpetal\nred\t9.5\n")
    assert main(["predict", "m.fastmlp", "one.tsv", "--sep", r"\t"]) == 0
    assert capsys.readouterr().out == "prediction\nrose\n"


def test_refused_rows(trained, capsys):
    flowers = pd.read_csv("flowers.csv")
    flowers[["kind"]].assign(x=1).to_csv("bad.csv", index=False)
    assert failed(capsys, ["predict", "m.fastmlp", "bad.csv"]) == "bad.csv: columns are missing: 'petal', 'color'"
    flowers.assign(petal="long").to_csv("bad.csv", index=False)
    message = failed(capsys, ["predict", "m.fastmlp", "bad.csv"])
    assert message == "bad.csv: column 'petal': 'long' in row 1 is not a number, as those in training were"
    flowers.assign(kind="tulip").to_csv("bad.csv", index=False)
    message = failed(capsys, ["evaluate", "m.fastmlp", "bad.csv"])
    assert message == "bad.csv: column 'kind', the target: training did not see 'tulip', but 'aster', 'rose'"
    flowers.drop(columns="kind").to_csv("bad.csv", index=False)
    assert failed(capsys, ["evaluate", "m.fastmlp", "bad.csv"]) == "bad.csv: column 'kind', the target, is missing"
