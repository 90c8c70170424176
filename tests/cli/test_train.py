"""fastmlp train: what it says, what its options do, what it refuses, and Ctrl-C."""

import io
import json
import os
import signal
import sys

import numpy as np
import pytest
from cases import DATA

import fastmlp
from fastmlp.callbacks import Callback
from fastmlp.cli import main
from fastmlp.tables import TableModel
from tests.cli.conftest import failed

pd = pytest.importorskip("pandas")


def test_train_says_what_it_made(folder, capsys):
    assert main(["train", "flowers.csv", "--out", "m.fastmlp"]) == 0
    out, err = capsys.readouterr()
    assert "classification of 'kind' from 2 columns of 120 rows" in out
    assert f"saved m.fastmlp, {os.path.getsize('m.fastmlp'):,} bytes" in out
    assert "fastmlp: classification of 'kind', since it is text with 2 values" in err


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


@pytest.mark.parametrize("value", ["-999", "-999.0", "-9.99e2"])
@pytest.mark.parametrize("form", ["--missing {}", "--missing={}"])
def test_missing_numbers_are_values_of_the_option(folder, value, form):
    (folder / "t.csv").write_text("x,z,y\n" + "1,1,a\n-999.0,2,b\n3,3,a\n" * 20)
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2", *form.format(value).split()]) == 0
    model = fastmlp.load("m")
    assert list(model.missing) == [value]
    assert model._inputs(pd.read_csv("t.csv"))["x"].isna().sum() == 20


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


@pytest.mark.parametrize("classes", [("1.0", "2.5"), ("1", "2"), ("NO", "no"), ("0.5", "a")])
def test_no_sound_model_is_refused(folder, capsys, classes):
    (folder / "t.csv").write_text("x,y\n" + "".join(f"{i},{classes[i % 2]}\n" for i in range(40)))
    assert main(["train", "t.csv", "--out", "m", "--max-iter", "2", "--task", "classification"]) == 0
    capsys.readouterr()
    assert main(["predict", "m", "t.csv"]) == 0
    assert capsys.readouterr().err == ""


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


def test_ctrl_c_while_a_table_is_read(folder, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastmlp.cli.files.read_table", interrupted)
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
        self.parameters = {**self.parameters, "early_stopping": False}  # Nothing else is to end the training.
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
