"""The progress bar: as wide as any terminal, in notebooks, logs, searches and partial_fit, whatever ends the fit."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm
import tqdm.notebook
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, load
from fastmlp.callbacks import Callback, EarlyStopping, ModelCheckpoint, ProgressBar, progress_bar
from fastmlp.callbacks.progress_bar import USEFUL_BAR, four_digits, line_of
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, VALID = (X[::2], Y[::2]), (X[1::2], Y[1::2])
WHAT = dict(hidden_layer_sizes=(8,), random_state=0, learning_rate_init=0.01, n_iter_no_change=1000)
FIGURES = {"loss": 0.01234, "validation_loss": 123456.0, "validation_score": 0.5, "learning_rate": 1e-3}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_terminal(monkeypatch):
    """A stderr, for the test that asks for it, that says that it is a terminal; it has 80 columns."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    return sys.stderr


def last_line(text):
    """What stands in the last line that was drawn, a bar's own newline apart."""
    return re.split(r"[\r\n]", text.rstrip("\n"))[-1]


# ---- its line --------------------------------------------------------------------------------------------------------


def drawn(width, figures, n_epochs=200, epoch=57, time="00:12<00:30"):
    """The line as tqdm draws it."""
    bar_format, desc = line_of(epoch, n_epochs, time, figures, width)
    return tqdm.tqdm.format_meter(epoch, n_epochs, 12.0, ncols=width, bar_format=bar_format, prefix=desc)


@pytest.mark.parametrize("n_epochs", [1, 200, 10**6])
@pytest.mark.parametrize(
    "figures",
    [
        {},
        FIGURES,
        dict.fromkeys(FIGURES, np.nan),
        dict.fromkeys(FIGURES, -np.inf),
        dict.fromkeys(FIGURES, -1.23456e-300),
        {f"{name}_{metric}": 0.1234 for name in ("train", "a{b}", "größe", "数据") for metric in ("f1", "auc", "%s")},
    ],
    ids=["none", "few", "nan", "inf", "tiny", "many"],
)
@pytest.mark.parametrize("width", [1, 4, 10, 20, 30, 40, 60, 80, 100, 120, 200, 500])
def test_it_fits_any_width_and_nothing_is_cut(width, figures, n_epochs):
    line = drawn(width, figures, n_epochs, epoch=1)
    assert tqdm.utils.disp_len(line) <= width
    shown = dict(re.findall(r" (\S+)=(\S+)", line))
    short = {name.replace("validation_", "val_").replace("learning_rate", "lr"): name for name in figures}
    names = [name if name in figures else short[name] for name in shown]
    assert names == list(figures)[: len(names)]
    assert list(shown.values()) == [four_digits(figures[name]) for name in names]
    if shown:
        assert len(re.search(r"\|(.*?)\|", line)[1]) >= USEFUL_BAR
    if width >= 200 and "loss" in figures:
        assert list(shown) == list(FIGURES)
    if width >= 20:
        assert f"1/{n_epochs}" in line


def test_which_figures_are_there_at_which_width():
    figures = {"loss": 0.5, "validation_loss": 0.25, "validation_score": 0.75, "learning_rate": 0.001}
    shown = {width: re.findall(r" (\w+)=", drawn(width, figures)) for width in (20, 40, 60, 80, 120)}
    assert shown == {
        20: [],
        40: ["loss"],
        60: ["loss"],
        80: ["loss", "val_loss", "val_score"],
        120: list(figures),
    }
    assert "00:12<00:30" in drawn(60, figures)
    assert drawn(20, figures) == " 57/200 |██▊       |"


def test_what_is_shown_does_not_change_with_each_value():
    for width in range(20, 130):
        names = {
            tuple(re.findall(r" (\w+)=", drawn(width, dict.fromkeys(FIGURES, value)))) for value in (0.5, 0.0123, 12.3)
        }
        assert len(names) == 1, width


def test_short_names_that_would_be_the_same_stay_long():
    line = drawn(70, {"loss": 1.0, "val_loss": 2.0, "validation_loss": 3.0})
    assert " val_loss=2.000" in line
    assert "val_loss=3" not in line


@pytest.mark.parametrize(
    ("value", "text"),
    [(1 / 3, "0.3333"), (0.5, "0.5000"), (1234.4, "1234"), (99999, "1.000e+05"), (-1e-9, "-1.000e-09"), (0, "0.000")],
)
def test_four_digits(value, text):
    assert four_digits(value) == text


# ---- terminals -------------------------------------------------------------------------------------------------------


def in_a_terminal(script):
    """What a script writes that runs in a terminal; window(columns) makes that so wide."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from tests.test_progress_bar import *\n" + textwrap.dedent(script)],
        stdin=its, stdout=its, stderr=its, cwd=ROOT, env={n: v for n, v in os.environ.items() if n != "COLUMNS"},
    )  # fmt: skip
    os.close(its)
    text = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # Linux says so when nobody has it open any more
            break
        if not some:
            break
        text += some
    os.close(ours)
    assert process.wait() == 0, text.decode()
    return text.decode()


def window(columns):
    """Make the terminal that stderr is so wide."""
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def test_in_a_real_terminal():
    text = in_a_terminal(
        """
        warnings.simplefilter("ignore")
        for columns in (20, 60, 80, 120, 0):
            window(columns)
            MLPClassifier(verbose=1, max_iter=50, **WHAT).fit(*TRAIN, eval_set=VALID)
            print("after", columns)
        """
    )
    parts = re.split(r"after (\d+)\r\n", text)
    for columns, part in zip(map(int, parts[1::2]), parts[::2], strict=False):
        lines = re.split(r"[\r\n]+", part)
        assert max(map(len, lines)) == (columns or 80)  # 0 is what a terminal says that does not know
        assert part.endswith("\n")
        assert lines[-2].startswith("50/50 |")
        assert (columns == 20) == ("loss=" not in part)


def test_a_terminal_that_does_not_say_how_wide_it_is(monkeypatch):
    terminal = a_terminal(monkeypatch)
    MLPClassifier(verbose=1, max_iter=3, **WHAT).fit(*TRAIN)
    assert len(last_line(terminal.getvalue())) == 80
    monkeypatch.setenv("COLUMNS", "43")
    MLPClassifier(verbose=1, max_iter=3, **WHAT).fit(*TRAIN)
    assert len(last_line(terminal.getvalue())) == 43


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("verbose", [0, False, True, 1, 2, np.bool_(True)])
def test_verbose(verbose, solver, capsys, monkeypatch):
    """1 is a progress bar on stderr; True and more than 1 are scikit-learn's lines; nothing else is printed."""
    terminal = a_terminal(monkeypatch)
    MLPClassifier(verbose=verbose, max_iter=4, solver=solver, **WHAT).fit(*TRAIN, eval_set=VALID)
    out, err = capsys.readouterr().out, terminal.getvalue()
    lines = re.findall(r"^Iteration (\d), loss = \d\.\d{8}$", out, flags=re.M)
    if verbose in (0, 1) and not isinstance(verbose, bool | np.bool_):
        assert out == ""
        assert bool(err) == (verbose == 1)
        if verbose:
            assert last_line(err).startswith("4/4 |")
            assert re.search(r" val_loss=\d\.\d{3}", err)
    elif verbose:
        assert (lines, err) == (list("1234"), "")
        assert re.search(r"^validation_score = 0\.\d+$", out, flags=re.M)
    else:
        assert out == err == ""


def test_one_bar_is_enough(monkeypatch):
    terminal = a_terminal(monkeypatch)
    MLPClassifier(verbose=1, callbacks=[ProgressBar()], max_iter=3, **WHAT).fit(*TRAIN)
    assert terminal.getvalue().count("\n") == 1


def test_early_stopping_ends_it_with_the_last_epoch_and_the_reason(monkeypatch):
    terminal = a_terminal(monkeypatch)
    model = MLPClassifier(verbose=1, callbacks=[EarlyStopping(patience=3)], **WHAT | {"learning_rate_init": 0.3})
    model.fit(*TRAIN, eval_set=VALID)
    *_, bar, reason, end = re.split(r"[\r\n]", terminal.getvalue())
    assert model.n_iter_ < 200
    assert bar.startswith(f"{model.n_iter_:>3}/200 |")
    assert f" val_loss={four_digits(model.history_['validation_loss'][-1])}" in bar
    assert "<" not in bar  # nothing is left to be done
    assert reason.startswith("validation_loss has not got better for 3 epochs")
    assert end == ""


class Ends(Callback):
    """Ends the third epoch with an exception, or as Ctrl-C does."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, fit):
        if fit.epoch == 3:
            raise self.error()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_exceptions_and_ctrl_c_leave_the_terminal_in_order(error, monkeypatch):
    terminal = a_terminal(monkeypatch)
    model = MLPClassifier(verbose=1, callbacks=[Ends(error)], **WHAT)
    with warnings.catch_warnings(action="ignore"):
        try:
            model.fit(*TRAIN)
        except RuntimeError:
            assert error is RuntimeError
    assert terminal.getvalue().endswith("\n")
    assert last_line(terminal.getvalue()).startswith("  3/200 |")
    assert not tqdm.tqdm._instances


def test_below_another_bar_it_goes_away(monkeypatch):
    terminal = a_terminal(monkeypatch)
    stop = EarlyStopping(patience=1)
    for _ in tqdm.tqdm(range(2), file=terminal, ncols=40, mininterval=0):
        MLPClassifier(verbose=1, callbacks=[stop], **WHAT | {"learning_rate_init": 0.3}).fit(*TRAIN, eval_set=VALID)
    assert last_line(terminal.getvalue()).startswith("100%")
    assert "has not got better" not in terminal.getvalue()


def test_resumed_it_begins_where_the_fit_was(tmp_path, monkeypatch):
    terminal = a_terminal(monkeypatch)
    MLPClassifier(max_iter=3, callbacks=[ModelCheckpoint(tmp_path / "model")], **WHAT).fit(*TRAIN)
    load(tmp_path / "model").set_params(max_iter=9, verbose=1).resume(*TRAIN)
    lines = re.split(r"[\r\n]", terminal.getvalue())
    assert lines[1].startswith("3/9")
    assert last_line(terminal.getvalue()).startswith("9/9 |")


# ---- elsewhere -------------------------------------------------------------------------------------------------------


def test_no_bar_but_in_a_terminal(capsys, monkeypatch):
    model = MLPClassifier(verbose=1, max_iter=4, **WHAT).fit(*TRAIN)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", None)  # as pythonw and daemons have it
    model.set_params(callbacks=[ProgressBar("always")]).fit(*TRAIN)


def test_a_log_file_gets_few_lines(capsys, monkeypatch):
    model = MLPClassifier(verbose=0, max_iter=100, callbacks=[ProgressBar("always")], **WHAT)
    model.fit(*TRAIN, eval_set=VALID)
    (line,) = capsys.readouterr().err.splitlines()
    last = {name: values[-1] for name, values in model.history_.items() if name != "seconds"}
    rate = last.pop("learning_rate")
    figures = ", ".join(f"{name}={four_digits(value)}" for name, value in (last | {"learning_rate": rate}).items())
    assert re.sub(r" \d\d:\d\d", "", line) == f"MLPClassifier: epoch 100/100,, {figures}"
    # A clock that goes on by half a second with each look: 100 epochs of some two seconds.
    ticks = iter(np.arange(0, 1e6, 0.5))
    monkeypatch.setattr(progress_bar, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    model.fit(*TRAIN)
    lines = capsys.readouterr().err.splitlines()
    assert 5 < len(lines) < 20
    assert [line.split(",")[0] for line in lines[-1:]] == ["MLPClassifier: epoch 100/100"]


def test_partial_fit_is_a_line_for_each_call(capsys, monkeypatch):
    terminal = a_terminal(monkeypatch)
    model = MLPClassifier(callbacks=[ProgressBar()], **WHAT)
    for _ in range(3):
        model.partial_fit(*TRAIN, classes=[0, 1, 2])
    lines = terminal.getvalue().splitlines()
    assert lines == [
        f"MLPClassifier: epoch {i + 1}, loss={four_digits(loss)}, learning_rate=0.01000"
        for i, loss in enumerate(model.history_["loss"])
    ]
    model.set_params(callbacks=None, verbose=1)
    for _ in range(2):
        model.partial_fit(*TRAIN)
    assert terminal.getvalue().splitlines() == lines
    said = re.findall(r"Iteration 1, loss = (.*)", capsys.readouterr().out)  # as scikit-learn has it
    np.testing.assert_allclose(np.array(said, float), model.history_["loss"][-2:], atol=1e-8)


@pytest.mark.parametrize("name", ["LokyProcess-1", "ForkPoolWorker-2"])
def test_processes_of_a_search_draw_no_bars(monkeypatch, name):
    terminal = a_terminal(monkeypatch)
    monkeypatch.setattr("multiprocessing.current_process", lambda: SimpleNamespace(name=name))
    model = MLPClassifier(max_iter=3, verbose=1, **WHAT).fit(*TRAIN)
    assert terminal.getvalue() == ""
    model.set_params(callbacks=[ProgressBar("always")]).fit(*TRAIN)
    assert terminal.getvalue().startswith("MLPClassifier: epoch 3/3, 00:00, loss=")
    assert terminal.getvalue().count("\n") == 1


# ---- notebooks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def kernel(monkeypatch):
    """As if this were a kernel of Jupyter, whose stderr is no terminal."""
    shell = type("ZMQInteractiveShell", (), {"config": {"IPKernelApp": {}}})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", SimpleNamespace())
    monkeypatch.delitem(sys.modules, "tqdm.autonotebook", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    yield
    sys.modules.pop("tqdm.autonotebook", None)


@pytest.mark.parametrize("end", ["max_iter", "early", "error"])
def test_a_notebook_without_widgets_has_a_line_and_no_warning(kernel, capsys, monkeypatch, end):
    monkeypatch.setattr(tqdm.notebook, "IProgress", None)
    monkeypatch.delattr(tqdm, "autonotebook", raising=False)
    model = MLPClassifier(verbose=1, max_iter=4, **WHAT).fit(*TRAIN)  # warnings are errors
    err = capsys.readouterr().err
    assert "IProgress" not in err
    assert last_line(err).startswith("4/4 |")
    assert len(last_line(err)) == 80
    assert model.n_iter_ == 4


class Widget(tqdm.tqdm):
    """Stands in for tqdm's bar of widgets: keeps what was to be seen at the end."""

    __module__ = "tqdm.notebook"
    closed: list = []

    def close(self):
        if not self.disable:
            self.closed.append((self.n, self.total, self.postfix))
        super().close()


@pytest.mark.parametrize("error", [None, RuntimeError])
def test_a_notebook_with_widgets(kernel, monkeypatch, error):
    monkeypatch.setitem(sys.modules, "tqdm.autonotebook", SimpleNamespace(tqdm=Widget))
    monkeypatch.setattr(tqdm, "autonotebook", sys.modules["tqdm.autonotebook"], raising=False)
    monkeypatch.setattr(Widget, "closed", [])
    stop = EarlyStopping(patience=2) if error is None else Ends(error)
    model = MLPClassifier(verbose=1, callbacks=[stop], **WHAT | {"learning_rate_init": 0.3})
    if error is None:
        model.fit(*TRAIN, eval_set=VALID)
    else:
        with pytest.raises(error):
            model.fit(*TRAIN)
    ((n, total, text),) = Widget.closed
    assert (n, total) == ((3, 200) if error else (model.n_iter_, model.n_iter_))  # red where less than all was done
    assert f"loss={four_digits(model.history_['loss'][-1])}" in text
    assert ("has not got better" in text) == (error is None)
