"""The command fastmlp: what it prints, writes, refuses and returns."""

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import tomllib
import warnings

import numpy as np
import pytest
from cases import DATA

pd = pytest.importorskip("pandas")

import fastmlp  # noqa: E402
from fastmlp import MLPClassifier, cli  # noqa: E402
from fastmlp.callbacks import Callback  # noqa: E402
from fastmlp.cli import main  # noqa: E402
from fastmlp.tables import TableModel  # noqa: E402
from tests.conftest import ROOT  # noqa: E402


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder, which is the present one, with tables of flowers and of numbers."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 120
    petal, color = rng.normal(size=n).round(3), rng.choice(["red", "blue"], n)
    kind = np.where(petal + (color == "red") > 0.5, "rose", "aster")
    flowers = pd.DataFrame({"petal": petal, "color": color, "kind": kind})
    flowers.to_csv("flowers.csv", index=False)
    flowers.to_csv("plain.csv", index=False, header=False)
    pd.DataFrame({"a": petal, "b": rng.normal(size=n), "y": 100 + 10 * petal}).to_csv("numbers.csv", index=False)
    return tmp_path


@pytest.fixture
def trained(folder, capsys):
    """The folder with a model of the flowers."""
    assert main(["train", "flowers.csv", "--out", "m.fastmlp"]) == 0
    capsys.readouterr()
    return folder


def failed(capsys, arguments, status=1):
    """Run a command that fails; return its one line of message."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("fastmlp: error: ")]
    assert len(lines) == 1, err
    assert err.splitlines()[-1] == lines[0]
    return lines[0].removeprefix("fastmlp: error: ")


# ---- what it does ----------------------------------------------------------------------------------------------------


def test_train_says_what_it_made(folder, capsys):
    assert main(["train", "flowers.csv", "--out", "m.fastmlp"]) == 0
    out, err = capsys.readouterr()
    assert "classification of 'kind' from 2 columns of 120 rows" in out
    assert f"saved m.fastmlp, {os.path.getsize('m.fastmlp'):,} bytes" in out
    assert "fastmlp: classification of 'kind', since it is text with 2 values" in err


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


def test_predict_one_row(trained, capsys):
    (trained / "one.csv").write_text("color,petal\nred,9.5\n")
    assert main(["predict", "m.fastmlp", "one.csv"]) == 0
    assert capsys.readouterr().out == "prediction\nrose\n"


def test_evaluate_as_text_and_json(trained, capsys):
    assert main(["evaluate", "m.fastmlp", "flowers.csv", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["rows"] == 120
    assert figures["accuracy"] > 0.9
    assert main(["evaluate", "m.fastmlp", "flowers.csv"]) == 0
    text = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert {name: float(value) for name, value in text.items()} == pytest.approx(figures, rel=1e-4)


def test_evaluate_has_a_mark_for_what_cannot_be_said(trained, capsys):
    (trained / "one.csv").write_text("petal,color,kind\n9.5,red,rose\n")
    assert main(["evaluate", "m.fastmlp", "one.csv"]) == 0
    assert "roc_auc            -\n" in capsys.readouterr().out


def test_info_as_text_and_json(trained, capsys):
    assert main(["info", "m.fastmlp", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["task"], said["target"], said["layers"]) == ("classification", "kind", [4, 128, 128, 1])
    assert said["n_parameters"] == 4 * 128 + 128 + 128 * 128 + 128 + 128 + 1
    assert main(["info", "m.fastmlp"]) == 0
    out = capsys.readouterr().out
    assert "layers        4, 128, 128, 1\n" in out
    assert "dropped       none\n" in out


def test_regression(folder, capsys):
    assert main(["train", "numbers.csv", "--out", "m"]) == 0
    assert "regression of 'y' from 2 columns" in capsys.readouterr().out
    assert main(["evaluate", "m", "numbers.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["r2"] > 0.9
    assert main(["info", "m"]) == 0
    assert "target_mean" in capsys.readouterr().out
    assert "no probabilities" in failed(capsys, ["predict", "m", "numbers.csv", "--proba"])


def test_without_header(folder, capsys):
    assert main(["train", "plain.csv", "--out", "m"]) == 0
    assert "plain.csv: no header found; columns are named by number, from 0" in capsys.readouterr().err
    (folder / "one.csv").write_text("9.5,red\n")
    assert main(["predict", "m", "one.csv"]) == 0
    assert capsys.readouterr().out == "prediction\nrose\n"
    (folder / "named.csv").write_text("petal,color\n9.5,red\n")
    assert main(["predict", "m", "named.csv", "--header", "yes"]) == 0  # by the columns' order
    assert capsys.readouterr().out == "prediction\nrose\n"
    assert "column '0': 'petal' in row 1 is not a number" in failed(capsys, ["predict", "m", "named.csv"])


def test_options_reach_the_network(folder):
    options = "--hidden 7,5 --max-iter 3 --seed 4 --batch-size 16 --learning-rate 0.01 --jobs 1"
    assert main(["train", "flowers.csv", "--out", "m", "--task", "classification", *options.split()]) == 0
    model = fastmlp.load("m")
    parameters = model.pipeline_["network"].get_params()
    given = {"hidden_layer_sizes": (7, 5), "max_iter": 3, "random_state": 4, "batch_size": 16}
    given |= {"learning_rate_init": 0.01, "n_jobs": 1}
    assert {name: parameters[name] for name in given} == given
    assert model.training_["epochs"] == 3


def test_target_task_missing_and_separator(folder, capsys):
    (folder / "t.csv").write_text("y;x\n" + "1;2\n2;-\n3;4\n" * 10)
    arguments = ["train", "t.csv", "--out", "m", "--max-iter", "2", "--target", "y", "--sep", ";", "--missing", "-"]
    assert main([*arguments, "--task", "regression"]) == 0
    assert "regression of 'y' from 1 columns of 30 rows" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "classification of 'y', since it is whole numbers with only 3 values" in capsys.readouterr().err


def test_runs_repeat(folder):
    for name in "ab":
        assert main(["train", "flowers.csv", "--out", name]) == 0
    a, b = (fastmlp.load(name).pipeline_["network"].coefs_ for name in "ab")
    for V, W in zip(a, b, strict=True):
        np.testing.assert_array_equal(V, W)


def test_quiet(trained, capsys):
    assert main(["train", "plain.csv", "--out", "q", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert "not-there.csv" in failed(capsys, ["predict", "m.fastmlp", "not-there.csv", "--quiet"])


def test_verbose(folder, capsys):
    assert main(["train", "flowers.csv", "--out", "m", "--verbose"]) == 0
    err = capsys.readouterr().err
    assert "columns of numbers: 'petal'\n" in err
    assert "column 'color' is categories: 'blue', 'red'\n" in err


def test_warnings_become_messages(folder, capsys, monkeypatch):
    fit = TableModel.fit

    def warning(self, frame, **options):
        warnings.warn("beware\nof this", stacklevel=1)
        return fit(self, frame)

    monkeypatch.setattr(TableModel, "fit", warning)
    assert main(["train", "flowers.csv", "--out", "m"]) == 0
    assert "fastmlp: beware of this\n" in capsys.readouterr().err


def as_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_standard_input(folder, capsys, monkeypatch, ending):
    pytest.importorskip("pyarrow")
    flowers = pd.read_csv("flowers.csv").assign(color=["r\u00f6t", "blau"] * 60)
    as_format = {"csv": "to_csv", "parquet": "to_parquet", "jsonl": "to_json"}[ending]
    options = {"orient": "records", "lines": True} if ending == "jsonl" else {"index": False}
    getattr(flowers, as_format)(f"t.{ending}", **options)
    content = (folder / f"t.{ending}").read_bytes()
    as_input(monkeypatch, content)
    assert main(["train", "-", "--out", "m"]) == 0  # what it is, is known by its content
    capsys.readouterr()
    for arguments in (["predict", "m"], ["evaluate", "m", "--json"]):
        as_input(monkeypatch, content)
        assert main([*arguments, "-", *(["--format", "jsonl"] if ending == "jsonl" else [])]) == 0
        piped = capsys.readouterr()
        assert main([*arguments, f"t.{ending}"]) == 0
        assert capsys.readouterr().out == piped.out
        assert piped.err == ""


def test_messages_about_standard_input(trained, capsys, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(sys, "stdin", None)  # as Python has it where it was closed
        assert failed(capsys, ["predict", "m.fastmlp", "-"]) == "standard input is closed"
    for content, message in {
        b"": "standard input is empty",
        b"petal,color\n1,red\n1\n": "standard input is no table with fields separated by ',': line 3 has 1 field",
        b"petal,color\nx,red\n": "standard input: column 'petal': 'x' in row 1 is not a number",
    }.items():
        as_input(monkeypatch, content)
        assert failed(capsys, ["predict", "m.fastmlp", "-"]).startswith(message)
    monkeypatch.setattr(sys, "stdin", io.StringIO("petal,color\n9.5,red\n"))  # of a notebook or a test
    assert main(["predict", "m.fastmlp", "-"]) == 0
    assert capsys.readouterr().out == "prediction\nrose\n"


def test_folders_and_formats_are_told(trained, capsys):
    assert failed(capsys, ["predict", "m.fastmlp", "."]) == ".: Is a directory"
    (trained / "bad.jsonl").write_text('{"petal": 1}\n{\n')
    assert failed(capsys, ["predict", "m.fastmlp", "bad.jsonl"]).startswith("bad.jsonl: line 2 is no JSON")


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


@pytest.mark.parametrize("value", ["-999", "-999.0", "-9.99e2"])
@pytest.mark.parametrize("form", ["--missing {}", "--missing={}"])
def test_missing_numbers_are_values_of_the_option(folder, value, form):
    (folder / "t.csv").write_text("x,z,y\n" + "1,1,a\n-999.0,2,b\n3,3,a\n" * 20)
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2", *form.format(value).split()]) == 0
    model = fastmlp.load("m")
    assert list(model.missing) == [value]
    assert model._inputs(pd.read_csv("t.csv"))["x"].isna().sum() == 20


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


def test_keep_exact_and_notation(folder, capsys):
    rows = "25.000,NA,yes\n1.234,EU,Yes\n3.500,NA,YES\n7.250,EU,no\n" * 20
    (folder / "t.csv").write_text("x,c,y\n" + rows)
    options = ["--keep", "NA", "--exact", "--decimal", ",", "--target", "2"]
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2", *options]) == 0
    model = fastmlp.load("m")
    assert (model.classes_, model.categories_) == (["YES", "Yes", "no", "yes"], {"c": ["EU", "NA"]})
    assert model._inputs(pd.read_csv("t.csv", dtype=str, keep_default_na=False))["x"].tolist()[:2] == [25000, 1234]
    capsys.readouterr()
    assert main(["info", "m", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["keep"], said["decimals"]) == (["NA"], {"x": ","})
    assert main(["predict", "m", "t.csv", "--decimal", ".", "--thousands", "space"]) == 0
    assert main(["train", "t.csv", "--out", "m", "--thousands", "none", "--max-iter", "2"]) == 0


def test_words_that_are_classes_are_said(folder, capsys):
    (folder / "t.csv").write_text("x,y\n" + "1,None\n2,Fire\n3,NA\n4,Theft\n" * 20)
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2"]) == 0
    out, err = capsys.readouterr()
    assert "from 1 columns of 60 rows" in out
    assert "fastmlp: column 'y', the target: 'None' is a class, of 20 rows (--missing None says otherwise)\n" in err
    assert "fastmlp: 20 rows without target dropped: 'NA' in 20 (--keep NA makes a class of 'NA')\n" in err


def test_encoding_may_be_told(folder, capsys):
    (folder / "t.csv").write_bytes(b"x,y\n" + "1,\u0434\u0430\n2,\u043d\u0435\u0442\n".encode("cp1251") * 20)
    assert main(["train", "t.csv", "--out", "m", "--encoding", "cp1251", "--max-iter", "2"]) == 0
    capsys.readouterr()
    assert fastmlp.load("m").classes_ == ["\u0434\u0430", "\u043d\u0435\u0442"]
    assert "is no text in utf-8" in failed(capsys, ["predict", "m", "t.csv", "--encoding", "utf-8"])


class Console(io.TextIOWrapper):
    """A standard output or error of some encoding, which stops at what that lacks."""

    def __init__(self, encoding):
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding)

    def text(self):
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("encoding", "town", "said"),
    [
        ("ascii", "K\\xf6ln", "standard output is ascii, which lacks '\\xf6'"),
        ("cp1252", "K\u00f6ln", "standard output is cp1252, which lacks '\\u0141'"),
        ("utf-8", "K\u00f6ln", None),
    ],
)
def test_output_does_not_stop_at_characters_that_its_encoding_lacks(folder, monkeypatch, encoding, town, said):
    towns = "1,K\u00f6ln\n2,\u0141\u00f3d\u017a\n" * 20
    (folder / "t.csv").write_text("gr\u00f6\u00dfe \u0141,y\n" + towns, encoding="utf-8")
    out, err = Console("utf-8"), Console("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "100"]) == 0
    for command, n_lines in {
        "predict m t.csv --proba": 41,
        "info m": 14,
        "evaluate m t.csv": 7,
        "info m --json": 1,
    }.items():
        out, err = Console(encoding), Console(encoding)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert main(command.split()) == 0
        text = out.text()
        assert text.count("\n") >= n_lines
        if command.startswith("predict"):
            assert text.splitlines()[0].startswith(f"prediction,probability_{town},probability_")
            assert text.splitlines()[1].startswith(f"{town},")
            assert err.text().count("\n") == bool(said)
            assert (said or "") in err.text()
        assert (out.errors, err.errors) == ("strict", "strict")
    assert main(["info", "n\u00f6\u0142"]) == 1
    assert "No such file" in err.text()
    assert main(["predict", "m", "t.csv", "--out", "p.csv"]) == 0
    assert (folder / "p.csv").read_text(encoding="utf-8").splitlines()[1:3] == ["K\u00f6ln", "\u0141\u00f3d\u017a"]


# ---- what it refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "bad.csv is empty"),
        (b"x,y\n", "bad.csv has no rows"),
        (b"x\n1\n2\n", "bad.csv: a table needs two columns or more; there is only 'x'"),
        (b"x,y\n1,2\n2,2\n", "bad.csv: column 'y', the target, is always '2': nothing to learn"),
        (b"x,x,y\n1,2,3\n", "bad.csv has several columns of the same name: 'x'"),
        (b"x,y\n1,2\n1,2,3\n", "bad.csv is no table with fields separated by ','"),
        (b"x,y\n1,?\n2,?\n", "bad.csv: column 'y', the target, is missing in all rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x01", "bad.csv"),
    ],
)
def test_refused_tables(folder, capsys, text, message):
    (folder / "bad.csv").write_bytes(text)
    assert failed(capsys, ["train", "bad.csv", "--out", "m"]).startswith(message)
    assert not (folder / "m").exists()


def test_refused_targets(folder, capsys):
    message = failed(capsys, ["train", "flowers.csv", "--out", "m", "--target", "kinds"])
    assert message.startswith("flowers.csv: the target 'kinds' is not among the columns; the nearest are 'kind'")
    message = failed(capsys, ["train", "flowers.csv", "--out", "m", "--task", "regression"])
    assert "column 'kind', the target: 'aster' is not a number" in message or "'rose' is not a number" in message


@pytest.mark.parametrize("out", ["nowhere/m", "."])
def test_refused_out_is_refused_before_training(folder, capsys, out, monkeypatch):
    monkeypatch.setattr(TableModel, "fit", lambda *_: pytest.fail("trained in vain"))
    assert failed(capsys, ["train", "flowers.csv", "--out", out]).startswith(f"--out {out}")


def test_refused_files(trained, capsys):
    assert failed(capsys, ["train", "none.csv", "--out", "m"]) == "none.csv: No such file or directory"
    assert failed(capsys, ["info", "none"]) == "none: No such file or directory"
    assert "flowers.csv" in failed(capsys, ["info", "flowers.csv"])
    fastmlp.save(MLPClassifier(max_iter=400, tol=0.1).fit([[0.0], [1.0]] * 9, [0, 1] * 9), "other")
    assert failed(capsys, ["info", "other"]).startswith("other holds a MLPClassifier, which 'fastmlp train' did not")
    message = failed(capsys, ["predict", "m.fastmlp", "flowers.csv", "--out", "nowhere/p.csv"])
    assert message.startswith("--out nowhere/p.csv: there is no folder")


@pytest.mark.parametrize("command", ["predict m.fastmlp", "evaluate m.fastmlp", "train --out n"])
def test_a_missing_parquet_file(trained, capsys, command):
    pytest.importorskip("pyarrow")
    assert failed(capsys, [*command.split(), "none.parquet"]) == "none.parquet: No such file or directory"


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
@pytest.mark.parametrize(
    ("command", "read"),
    [
        ("train flowers.csv", "flowers.csv"),
        ("predict m.fastmlp flowers.csv", "flowers.csv"),
        ("predict m.fastmlp flowers.csv", "m.fastmlp"),
    ],
)
def test_what_is_read_is_not_replaced(trained, capsys, command, read, link):
    out = f"./{read}"
    if link is not None:
        out = "other"
        link(read, out)
    before = (trained / read).read_bytes()
    message = failed(capsys, [*command.split(), "--out", out])
    assert message == f"--out {out} would replace {read}, which is read"
    assert (trained / read).read_bytes() == before


def test_out_may_be_there_where_data_are_not(trained, capsys):
    before = (trained / "m.fastmlp").read_bytes()
    for command in (["train", "none.csv"], ["predict", "m.fastmlp", "none.csv"], ["predict", "none.csv", "plain.csv"]):
        out = "m.fastmlp" if command[0] == "train" else "flowers.csv"
        assert failed(capsys, [*command, "--out", out]) == "none.csv: No such file or directory"
    assert (trained / "m.fastmlp").read_bytes() == before
    os.symlink("nothing.csv", "dangling")
    assert main(["predict", "m.fastmlp", "flowers.csv", "--out", "dangling"]) == 0
    assert (trained / "nothing.csv").read_text().startswith("prediction\n")


def test_predictions_are_written_whole_or_not_at_all(trained, capsys, monkeypatch):
    (trained / "p.csv").write_text("before")
    there = sorted(os.listdir())

    def lines(*_):
        yield "prediction\n"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cli, "_csv_lines", lines)
    assert os.strerror(errno.ENOSPC) in failed(capsys, ["predict", "m.fastmlp", "flowers.csv", "--out", "p.csv"])
    assert (trained / "p.csv").read_text() == "before"
    assert sorted(os.listdir()) == there


def test_predictions_are_quoted_where_they_must_be(folder, capsys):
    (folder / "t.csv").write_text("x;y\n" + '1;a, "b"\n2;\u00e9\n' * 20, encoding="utf-8")
    assert main(["train", "t.csv", "--out", "m", "--sep", ";"]) == 0
    assert main(["predict", "m", "t.csv", "--sep", ";", "--out", "p.csv"]) == 0
    assert (folder / "p.csv").read_bytes().decode().splitlines()[:3] == ["prediction", '"a, ""b"""', "\u00e9"]


def test_a_file_of_an_unfitted_model(folder, capsys):
    fastmlp.save(TableModel("kind"), "m")
    assert "m holds a model that has not been trained" in failed(capsys, ["info", "m"])


@pytest.mark.parametrize("classes", [("1.0", "2.5"), ("1", "2"), ("NO", "no"), ("0.5", "a")])
def test_no_sound_model_is_refused(folder, capsys, classes):
    (folder / "t.csv").write_text("x,y\n" + "".join(f"{i},{classes[i % 2]}\n" for i in range(40)))
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2", "--task", "classification"]) == 0
    capsys.readouterr()
    assert main(["predict", "m", "t.csv"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mistake", [AttributeError, KeyError, TypeError])
@pytest.mark.parametrize(
    "command", ["evaluate m.fastmlp flowers.csv", "predict m.fastmlp flowers.csv", "train flowers.csv --out n"]
)
def test_mistakes_of_our_own_are_not_hidden(trained, monkeypatch, command, mistake):
    def mistaken(*_, **__):
        raise mistake

    monkeypatch.setattr(cli, "read_table", mistaken)
    with pytest.raises(mistake):
        main(command.split())


def test_a_full_disk_is_told(trained, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cli, "_csv_lines", full)
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "command"),
        (["train", "t.csv"], "--out"),
        (["train", "t.csv", "--out", "m", "--hidden", "64,x"], "'64,x' is not a list of sizes"),
        (["train", "t.csv", "--out", "m", "--hidden", "0"], "'0' is not a list of sizes"),
        (["train", "t.csv", "--out", "m", "--max-iter", "0"], "'0' is not a number of 1 or more"),
        (["train", "t.csv", "--out", "m", "--learning-rate", "nan"], "'nan' is not a number above 0"),
        (["predict", "m", "t.csv", "--sep", "::"], "'::' is not a single character"),
        (["predict", "m", "t.csv", "--sep", ""], "'' is not a single character"),
        (["train", "t.csv", "--out", "m", "--jobs", "0"], "'0' is not a number of threads"),
        (["train", "t.csv", "--out", "m", "--seed", "-1"], "'-1' is not a seed"),
        (["train", "t.csv", "--out", "m", "--header", "maybe"], "'maybe' is not yes or no"),
        (["train", "t.csv", "--out", "m", "--task", "both"], "invalid choice: 'both'"),
        (["train", "t.csv", "--out", "m", "--encoding", "klingon"], "'klingon' is not an encoding"),
        (["train", "t.csv", "--out", "m", "--encoding", "base64"], "'base64' is not an encoding"),
        (["predict", "m", "t.csv", "--decimal", ";"], "invalid choice: ';'"),
        (["predict", "m", "t.csv", "--thousands", "x"], "'x' is not one of , . ' _ space none"),
        (["predict", "m", "t.csv", "--format", "xml"], "invalid choice: 'xml'"),
        (["train", "t.csv", "--out", "m", "--missing", "--quiet"], "expected one argument"),
    ],
)
def test_wrong_use(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_while_a_table_is_read(folder, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "read_table", interrupted)
    assert main(["train", "flowers.csv", "--out", "m"]) == 130
    assert capsys.readouterr().out == ""


def test_ctrl_c_in_the_first_epoch_saves_nothing(folder, capsys, monkeypatch):
    class Impatient(Callback):
        def on_batch_end(self, fit):
            signal.raise_signal(signal.SIGINT)

    def impatient(self, frame, fit=TableModel.fit, **options):
        self.parameters = {**self.parameters, "callbacks": [Impatient()]}
        return fit(self, frame)

    monkeypatch.setattr(TableModel, "fit", impatient)
    assert main(["train", "flowers.csv", "--out", "m"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("fastmlp: nothing was learned yet, and nothing is saved\n")
    assert not (folder / "m").exists()


def test_ctrl_c_in_training_keeps_what_was_learned(folder, capsys, monkeypatch):
    def fit_with_ctrl_c(self, frame, fit=TableModel.fit, **options):
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        return fit(self, frame)

    monkeypatch.setattr(TableModel, "fit", fit_with_ctrl_c)
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        assert main(["train", "numbers.csv", "--out", "m", "--max-iter", "10000000"]) == 130
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert "interrupted" in capsys.readouterr().err
    assert main(["evaluate", "m", "numbers.csv"]) == 0


# ---- as a process ----------------------------------------------------------------------------------------------------


def process(*arguments, module="fastmlp", **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize("module", ["fastmlp", "fastmlp.cli"])
def test_module_runs(module, tmp_path):
    none = tmp_path / "none.csv"
    done = process("train", str(none), "--out", str(tmp_path / "m"), module=module)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fastmlp: error: {none}: No such file or directory\n"
    assert process("--help", module=module).stdout.startswith("usage: fastmlp ")
    assert process(module=module).returncode == 2


def test_a_target_that_the_locale_lacks(tmp_path, monkeypatch):
    """Where the locale is C, arguments are ASCII to Python, and the table is UTF-8 all the same."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.setenv("PYTHONUTF8", "0")
    (tmp_path / "t.csv").write_text("gr\u00f6\u00dfe,x\n" + "a,1\nb,2\n\u00e4,3\n" * 20, encoding="utf-8")
    options = "--target", "gr\u00f6\u00dfe".encode(), "--missing", "\u00e4".encode(), "--max-iter", "1"
    done = process("train", "t.csv", "--out", "m", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("classification of 'gr\\xf6\\xdfe' from 1 columns of 40 rows")


def interrupted(arguments, when):
    """Run the command as a process, send it Ctrl-C after when(process); return its status and what it said.

    As a user would, it asks again where nothing happens: Python drops a Ctrl-C that comes while it imports a module's
    compiled part, and pandas imports some when it first reads.
    """
    running = subprocess.Popen(
        [sys.executable, "-m", "fastmlp", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = when(running)
        for patience in (10, 10, 100):
            running.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, err = running.communicate(timeout=patience)
                return running.returncode, out, (said or "") + err
    finally:
        running.kill()
        running.wait()
    raise TimeoutError(f"{arguments} goes on after Ctrl-C")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", ["train pipe.csv --out n", "predict m.fastmlp pipe.csv --out p.csv"])
def test_ctrl_c_from_outside_while_a_table_is_read(trained, command):
    os.mkfifo("pipe.csv")
    there = sorted(os.listdir())
    with contextlib.ExitStack() as stack:
        # It is opened for writing when the command has opened it for reading, which then waits for more.
        assert interrupted(command.split(), lambda _: stack.enter_context(open("pipe.csv", "w")) and None) == (
            130,
            "",
            "",
        )
    assert sorted(os.listdir()) == there


def test_ctrl_c_from_outside_before_anything_is_learned(folder):
    n = 20_000
    pd.DataFrame({"x": np.arange(n) % 97, "y": ["a", "b"] * (n // 2)}).to_csv("t.csv", index=False)
    arguments = ["train", "t.csv", "--out", "m", "--hidden", "3000,3000"]
    status, out, err = interrupted(arguments, lambda running: running.stderr.readline())
    assert (status, out) == (130, "")
    assert all(line.startswith("fastmlp: ") for line in err.splitlines())
    assert not (folder / "m").exists()


def test_ctrl_c_from_outside_while_predictions_are_written(trained):
    pd.concat([pd.read_csv("flowers.csv")] * 2000).to_csv("long.csv", index=False)  # more than a pipe holds

    def attempt():
        status, _, err = interrupted(
            ["predict", "m.fastmlp", "long.csv"], lambda running: running.stdout.readline() and None
        )
        return status, err

    # More than once, since Python drops a Ctrl-C that comes while it runs a destructor.
    assert (130, "") in (attempt(), attempt(), attempt())


def test_a_whole_run(folder):
    assert process("train", "flowers.csv", "--out", "m").returncode == 0
    done = process("evaluate", "m", "flowers.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["accuracy"] > 0.9


def test_a_pipe_that_is_closed_early(folder):
    assert process("train", "flowers.csv", "--out", "m", "--max-iter", "2").returncode == 0
    pd.concat([pd.read_csv("flowers.csv")] * 500).to_csv("long.csv", index=False)
    command = f"{sys.executable} -m fastmlp predict m long.csv | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "prediction\n141\n"
    assert done.stderr == ""


def test_a_bar_shows_progress_in_a_terminal_alone(folder, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for arguments, shown in (([], True), (["--quiet"], False)):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", Terminal())
            assert main(["train", "flowers.csv", "--out", "m", "--max-iter", "3", *arguments]) == 0
            assert ("3/3" in sys.stderr.getvalue()) == shown
    assert main(["train", "flowers.csv", "--out", "m", "--max-iter", "3"]) == 0
    assert "3/3" not in capsys.readouterr().err
    assert fastmlp.load("m").pipeline_["network"].verbose is False


def test_the_project_has_the_command_and_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["fastmlp"] == "fastmlp.cli:main"
    assert [name.split(">")[0] for name in project["optional-dependencies"]["cli"]] == ["pandas", "pyarrow"]


# ---- real tables -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (DATA / "adult-train.csv.gz").exists(), reason="adult-*.csv.gz are in neither FASTMLP_DATA nor ../shared/data"
)
def test_census_income(tmp_path, capsys):
    model, test = str(tmp_path / "m"), str(DATA / "adult-test.csv.gz")
    assert main(["train", str(DATA / "adult-train.csv.gz"), "--out", model]) == 0
    capsys.readouterr()
    assert main(["evaluate", model, test, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["accuracy"] >= 0.85
    assert "labels are taken without the full stop at their end: '<=50K.', '>50K.'" in err
    assert main(["predict", model, test]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 16281 + 1
