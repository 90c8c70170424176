"""fastmlp train: what it says, what its options do, what it refuses, and Ctrl-C."""

import io
import itertools
import json
import os
import re
import signal
import sys
import threading
import time

import numpy as np
import pytest
from cases import DATA

import fastmlp
from fastmlp.cli import main, train
from fastmlp.cli.interruption import EndEarly
from fastmlp.cli.train import _report
from fastmlp.tabular import base
from tests.cli.conftest import failed
from tests.tabular.problems import Clock

pd = pytest.importorskip("pandas")


def test_train_says_what_it_made(folder, capsys):
    assert main(["train", "flowers.csv", "--out", "m.fastmlp"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[:3] == [
        "classification of 'kind' from 2 columns of 120 rows",
        "columns: 'petal', 'color'",
        "members: 2 of bins (weight 1.00)",
    ]
    training = fastmlp.load("m.fastmlp").training_
    accuracy, loss = f"{training['oof_score']:.6g}", f"{training['oof_loss']:.6g}"
    assert lines[3] == f"accuracy {accuracy}, log loss {loss} on rows that members left out"
    assert re.fullmatch(r"trained in \d+\.\d s", lines[4])
    assert f"saved m.fastmlp, {os.path.getsize('m.fastmlp'):,} bytes" in out
    assert "fastmlp: classification of 'kind', since it is text with 2 values" in err


def test_kinds_without_weight_are_not_listed(trained, capsys):
    said = fastmlp.load("m.fastmlp").describe()
    _report(said | {"members": {"boosting": 8, "bins": 4}, "weights": {"trees": 0.0, "boosting": 0.75, "bins": 0.25}})
    assert capsys.readouterr().out.splitlines()[2] == "members: 8 of boosting (weight 0.75), 4 of bins (weight 0.25)"


def test_regression(folder, capsys):
    assert main(["train", "numbers.csv", "--out", "m"]) == 0
    out = capsys.readouterr().out
    assert "regression of 'y' from 2 columns" in out
    training = fastmlp.load("m").training_
    assert f"R2 {training['oof_score']:.6g}, RMSE {training['oof_loss']:.6g} on rows that members left out" in out
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


def test_options_reach_the_estimator(folder):
    options = "--effort fast --time-limit 100 --class-weight rose=3,ASTER=2 --seed 4 --jobs 1"
    assert main(["train", "flowers.csv", "--out", "m", "--task", "classification", *options.split()]) == 0
    parameters = fastmlp.load("m").estimator_.get_params()
    given = {"effort": "fast", "time_limit": 100.0, "class_weight": {"rose": 3.0, "aster": 2.0}}
    given |= {"random_state": 4, "n_jobs": 1}
    assert {name: parameters[name] for name in given} == given
    assert main(["train", "numbers.csv", "--out", "m", "--loss", "MAE"]) == 0
    assert fastmlp.load("m").estimator_.loss == "absolute_error"
    options = "--loss quantile --quantile 0.9 --intervals quantiles"
    assert main(["train", "numbers.csv", "--out", "m", *options.split()]) == 0
    parameters = fastmlp.load("m").estimator_.get_params()
    assert [parameters[name] for name in ("loss", "quantile", "intervals")] == ["quantile", 0.9, "quantiles"]
    assert main(["train", "flowers.csv", "--out", "m", "--class-weight", "balanced"]) == 0
    assert fastmlp.load("m").estimator_.class_weight == "balanced"


def test_quantiles(folder, capsys):
    arguments = ["train", "numbers.csv", "--out", "m"]
    assert main([*arguments, "--loss", "quantile", "--quantile", "0.75"]) == 0
    training = fastmlp.load("m").training_
    figures = f"D2 {training['oof_score']:.6g}, pinball loss {training['oof_loss']:.6g}"
    assert f"{figures} on rows that members left out" in capsys.readouterr().out
    assert main(["evaluate", "m", "numbers.csv", "--json"]) == 0
    figures, numbers = json.loads(capsys.readouterr().out), pd.read_csv("numbers.csv")
    assert figures["share_not_above"] == (numbers["y"] <= fastmlp.load("m").predict(numbers)).mean()
    assert main(["info", "m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quantile"] == 0.75
    assert main([*arguments, "--quantile", "0.75"]) == 0
    assert "quantile=0.75 has no effect with loss='squared_error'" in capsys.readouterr().err
    assert main([*arguments, "--intervals", "quantiles"]) == 0
    assert "intervals     quantiles" in (main(["info", "m"]), capsys.readouterr().out)[1]
    assert main(["predict", "m", "numbers.csv", "--interval", "0.8", "--out", "p.csv"]) == 0
    predicted, model = pd.read_csv("p.csv"), fastmlp.load("m")
    ends = model.estimator_.predict_interval(model._inputs(numbers), 0.8)
    np.testing.assert_array_equal(predicted[["lower", "upper"]].to_numpy().T, ends)


@pytest.mark.parametrize("number", ["inf", "1e400"])
def test_infinite_numbers(trained, capsys, number):
    lines = (trained / "flowers.csv").read_text().splitlines()
    lines[5] = f"{number},red,rose"
    (trained / "bad.csv").write_text("\n".join(lines))
    said = f"bad.csv: column 'petal': '{number}' in row 5 is infinite, or too large for a number"
    message = failed(capsys, ["train", "bad.csv", "--out", "m"])
    assert message == f"{said}; --missing {number} reads it as missing"
    assert failed(capsys, ["predict", "m.fastmlp", "bad.csv"]) == said
    assert main(["train", "bad.csv", "--out", "m", "--missing", number]) == 0


def test_options_of_another_task(folder, capsys):
    message = failed(capsys, ["train", "flowers.csv", "--out", "m", "--loss", "huber"])
    assert message == "flowers.csv: loss='huber' has no meaning in classification (of 'kind')"
    message = failed(capsys, ["train", "flowers.csv", "--out", "m", "--intervals", "quantiles"])
    assert message == "flowers.csv: intervals='quantiles' has no meaning in classification (of 'kind')"
    message = failed(capsys, ["train", "numbers.csv", "--out", "m", "--class-weight", "balanced"])
    assert message == "numbers.csv: class_weight='balanced' has no meaning in regression (of 'y')"
    message = failed(capsys, ["train", "flowers.csv", "--out", "m", "--class-weight", "tulip=2"])
    assert message == "flowers.csv: class_weight has 'tulip'; the classes of 'kind' are 'aster', 'rose'"


@pytest.mark.parametrize("label", ["-1", "a, b", "x=y"])
def test_weights_of_labels_of_any_form(folder, label):
    pd.DataFrame({"x": range(40), "y": [label, "1"] * 20}).to_csv("t.csv", index=False)
    given = f'"{label}"=2,1=3' if "," in label else f"{label}=2,1=3"
    assert main(["train", "t.csv", "--out", "m", "--class-weight", given]) == 0
    assert fastmlp.load("m").class_weight == {label: 2.0, "1": 3.0}


@pytest.mark.parametrize("name", ["flowers", "plain"])
def test_rows_to_validate_on(folder, capsys, name):
    """They are read as the table is; all that is printed of how good the model is, is of them."""
    whole = pd.read_csv(f"{name}.csv", header=None)
    whole[:60].to_csv("learn.csv", index=False, header=False)
    header = name == "flowers"
    pd.concat([whole[: int(header)], whole[60:]]).to_csv("validate.csv", index=False, header=False)
    assert main(["train", "learn.csv", "--out", "m", "--validation", "validate.csv"]) == 0
    out = capsys.readouterr().out
    assert "on the rows to validate on\n" in out
    training = fastmlp.load("m").training_
    assert (training["rows"], training["rows_of_validation"]) == (60 - header, len(whole) - 60)
    assert main(["evaluate", "m", "validate.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(training["oof_score"])
    whole[:60].assign(**{"3": "x"}).to_csv("other.csv", index=False, header=False)
    message = failed(capsys, ["train", "learn.csv", "--out", "m", "--validation", "none.csv"])
    assert message == "none.csv: No such file or directory"
    (folder / "other.csv").write_text("petal,color,kind\n1,red,tulip\n" if header else "1,red,tulip\n")
    message = failed(capsys, ["train", "learn.csv", "--out", "m", "--validation", "other.csv"])
    assert message.startswith("other.csv: the rows to validate on: column ")
    assert "training did not see 'tulip'" in message
    message = failed(capsys, ["train", "learn.csv", "--out", "validate.csv", "--validation", "validate.csv"])
    assert message == "--out validate.csv would replace validate.csv, which is read"


def test_columns_that_are_not_used_are_said_once(folder, capsys):
    pd.read_csv("flowers.csv").assign(id=range(120), farm="ours").to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--out", "m", "--target", "kind"]) == 0
    out, err = capsys.readouterr()
    assert "columns: 'petal', 'color'\nnot used: 'id', 'farm'\n" in out
    assert err.count("'id'") == err.count("'farm'") == 1
    assert "fastmlp: t.csv: not used, since they are numbers of the rows, by its name and values: 'id'\n" in err
    assert "'farm': it is 'ours' in all rows" in err
    assert main(["info", "m"]) == 0
    assert "farm: it is 'ours' in all rows" in capsys.readouterr().out
    pd.read_csv("flowers.csv").assign(color="blue-green").to_csv("t.csv", index=False)
    assert main(["predict", "m", "t.csv"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("fastmlp: ")
    assert err.count("\n") == err.count("blue-green") == 1


def test_a_time_limit_is_told_where_it_cuts(folder, capsys):
    assert main(["train", "flowers.csv", "--out", "m", "--time-limit", "1e-9"]) == 0
    assert "fastmlp: flowers.csv: time_limit=1e-09 s ended the training" in capsys.readouterr().err
    assert main(["evaluate", "m", "flowers.csv"]) == 0


def test_reading_the_file_counts_for_a_time_limit(folder, monkeypatch):
    """The file takes 30 seconds to be read, by a clock that otherwise stands still."""
    ends, clock = [], Clock(0)
    for module in ("cli.train", "tables.model", "tabular.base"):
        monkeypatch.setattr(f"fastmlp.{module}.time", clock)

    def slow(*arguments, read_data=train.read_data):
        clock.now += 30
        return read_data(*arguments)

    def noting(*arguments, gains=base.gains):
        ends.append(arguments[6])
        return gains(*arguments)

    monkeypatch.setattr(train, "read_data", slow)
    monkeypatch.setattr(base, "gains", noting)
    assert main(["train", "flowers.csv", "--out", "m", "--time-limit", "1000"]) == 0
    assert ends == [1000.0]
    assert fastmlp.load("m").training_["seconds"] == 0  # those of learning


def test_target_task_missing_and_separator(folder, capsys):
    (folder / "t.csv").write_text("y;x\n" + "1;2\n2;-\n3;4\n" * 10)
    arguments = ["train", "t.csv", "--out", "m", "--target", "y", "--sep", ";", "--missing", "-"]
    assert main([*arguments, "--task", "regression"]) == 0
    assert "regression of 'y' from 1 column of 30 rows" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "classification of 'y', since it is whole numbers with only 3 values" in capsys.readouterr().err


def test_runs_repeat(folder):
    for name in "ab":
        assert main(["train", "flowers.csv", "--out", name]) == 0
    a, b = ([member.network.coefs_ for member in fastmlp.load(name).estimator_.members_] for name in "ab")
    assert len(a) == 2
    for V, W in zip(itertools.chain(*a), itertools.chain(*b), strict=True):
        np.testing.assert_array_equal(V, W)


def test_a_model_holds_no_rows_of_training(folder):
    """Neither values of numbers nor texts that are there once, nor predictions for rows, are in the file."""
    n = 2000
    rng = np.random.default_rng(0)
    numbers = rng.integers(10**8, 10**9, n) + 0.123
    texts = [f"name of {i}" for i in range(n // 4)] + ["others"] * (n - n // 4)
    pd.DataFrame({"number": numbers, "text": texts, "y": numbers % 7}).to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--out", "m", "--task", "regression"]) == 0
    content = (folder / "m").read_bytes()
    assert b"others" in content
    assert b"name of" not in content
    assert max(array.size for array in arrays_of(fastmlp.load("m")) if array.ndim == 1) < n
    assert sum(number.tobytes() in content for number in numbers) < 100  # Edges of bins are some of the values.


def arrays_of(value, seen=None):
    """All arrays within a model."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in [*inner, *getattr(value, "__dict__", {}).values()]:
        yield from arrays_of(item, seen)


@pytest.mark.parametrize("value", ["-999", "-999.0", "-9.99e2"])
@pytest.mark.parametrize("form", ["--missing {}", "--missing={}"])
def test_missing_numbers_are_values_of_the_option(folder, value, form):
    (folder / "t.csv").write_text("x,z,y\n" + "1,1,a\n-999.0,2,b\n3,3,a\n" * 20)
    assert main(["train", "t.csv", "--out", "m", *form.format(value).split()]) == 0
    model = fastmlp.load("m")
    assert list(model.missing) == [value]
    assert model._inputs(pd.read_csv("t.csv"))["x"].isna().sum() == 20


def test_keep_exact_and_notation(folder, capsys):
    rows = "25.000,NA,yes\n1.234,EU,Yes\n3.500,NA,YES\n7.250,EU,no\n" * 20
    (folder / "t.csv").write_text("x,c,y\n" + rows)
    options = ["--keep", "NA", "--exact", "--decimal", ",", "--target", "2"]
    assert main(["train", "t.csv", "--out", "m", *options]) == 0
    model = fastmlp.load("m")
    assert (model.classes_, model.categories_) == (["YES", "Yes", "no", "yes"], {"c": ["EU", "NA"]})
    assert model._inputs(pd.read_csv("t.csv", dtype=str, keep_default_na=False))["x"].tolist()[:2] == [25000, 1234]
    capsys.readouterr()
    assert main(["info", "m", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["keep"], said["decimals"]) == (["NA"], {"x": ","})
    assert main(["predict", "m", "t.csv", "--decimal", ".", "--thousands", "space"]) == 0
    assert main(["train", "t.csv", "--out", "m", "--thousands", "none"]) == 0


def test_words_that_are_classes_are_said(folder, capsys):
    (folder / "t.csv").write_text("x,y\n" + "1,None\n2,Fire\n3,NA\n4,Theft\n" * 20)
    assert main(["train", "t.csv", "--out", "m"]) == 0
    out, err = capsys.readouterr()
    assert "from 1 column of 60 rows" in out
    assert "fastmlp: column 'y', the target: 'None' is a class, of 20 rows (--missing None says otherwise)\n" in err
    assert "fastmlp: 20 rows without target dropped: 'NA' in 20 (--keep NA makes a class of 'NA')\n" in err


def test_encoding_may_be_told(folder, capsys):
    (folder / "t.csv").write_bytes(b"x,y\n" + "1,\u0434\u0430\n2,\u043d\u0435\u0442\n".encode("cp1251") * 20)
    assert main(["train", "t.csv", "--out", "m", "--encoding", "cp1251"]) == 0
    capsys.readouterr()
    assert fastmlp.load("m").classes_ == ["\u0434\u0430", "\u043d\u0435\u0442"]
    assert "is no text in utf-8" in failed(capsys, ["predict", "m", "t.csv", "--encoding", "utf-8"])


@pytest.mark.parametrize("classes", [("1.0", "2.5"), ("1", "2"), ("NO", "no"), ("0.5", "a")])
def test_no_sound_model_is_refused(folder, capsys, classes):
    (folder / "t.csv").write_text("x,y\n" + "".join(f"{i},{classes[i % 2]}\n" for i in range(40)))
    assert main(["train", "t.csv", "--out", "m", "--task", "classification"]) == 0
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


@pytest.fixture
def ctrl_c_after(monkeypatch):
    """Let Ctrl-C be hit while members train, at the ends of epochs with some numbers, counted over all members."""
    epochs = itertools.count(1)
    whole = EndEarly.on_epoch_end

    def hits(*numbers):
        def on_epoch_end(self, fit):
            whole(self, fit)
            if next(epochs) in numbers:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                time.sleep(0.1)  # The main thread hears of it meanwhile.

        monkeypatch.setattr(EndEarly, "on_epoch_end", on_epoch_end)
        return epochs

    return hits


def test_ctrl_c_in_training_keeps_what_was_learned(folder, capsys, ctrl_c_after):
    epochs = ctrl_c_after(5)
    assert main(["train", "numbers.csv", "--out", "m", "--jobs", "1"]) == 130
    assert next(epochs) <= 5 + 2 + 1  # An epoch of the member that trains, and one of the other, come after it.
    out, err = capsys.readouterr()
    assert err.count("fastmlp: interrupted; what was learned is kept") == 1
    assert "saved m" in out
    assert main(["evaluate", "m", "numbers.csv"]) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_twice_in_training_ends_it_at_once(folder, capsys, ctrl_c_after):
    ctrl_c_after(5, 6)
    assert main(["train", "numbers.csv", "--out", "m", "--jobs", "1"]) == 130
    assert capsys.readouterr().out == ""
    assert not (folder / "m").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_anything_is_learned_saves_nothing(folder, capsys, monkeypatch):
    monkeypatch.setattr("fastmlp.tables.model.find_task", lambda *_: signal.raise_signal(signal.SIGINT))
    assert main(["train", "flowers.csv", "--out", "m"]) == 130
    assert capsys.readouterr().out == ""
    assert not (folder / "m").exists()


def test_a_bar_shows_progress_in_a_terminal_alone(folder, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for arguments, shown in (([], True), (["--quiet"], False)):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", Terminal())
            assert main(["train", "flowers.csv", "--out", "m", *arguments]) == 0
            assert ("2/2" in sys.stderr.getvalue()) == shown
    assert main(["train", "flowers.csv", "--out", "m"]) == 0
    assert "2/2" not in capsys.readouterr().err
    assert fastmlp.load("m").estimator_.verbose is False


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


def test_nothing_is_said_of_the_callback_that_hears_of_ctrl_c(real_efforts, folder, capsys):
    """Boosted trees, of which --effort fast has no others, do not call it."""
    assert main(["train", "flowers.csv", "--out", "m", "--effort", "fast"]) == 0
    assert "no effect" not in capsys.readouterr().err
