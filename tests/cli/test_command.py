"""The command as a process: exit statuses, Ctrl-C from outside, pipes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from fastmlp.cli import main
from tests.cli.conftest import process
from tests.conftest import ROOT

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("mistake", [AttributeError, KeyError, TypeError])
@pytest.mark.parametrize(
    "command", ["evaluate m.fastmlp flowers.csv", "predict m.fastmlp flowers.csv", "train flowers.csv --out n"]
)
def test_mistakes_of_our_own_are_not_hidden(trained, monkeypatch, command, mistake):
    def mistaken(*_, **__):
        raise mistake

    monkeypatch.setattr("fastmlp.cli.files.read_table", mistaken)
    with pytest.raises(mistake):
        main(command.split())


@pytest.mark.parametrize("module", ["fastmlp", "fastmlp.cli"])
def test_module_runs(module, tmp_path):
    none = tmp_path / "none.csv"
    done = process("train", str(none), "--out", str(tmp_path / "m"), module=module)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fastmlp: error: {none}: No such file or directory\n"


def test_a_call_without_arguments():
    done = process()
    assert done.returncode == 2
    assert done.stderr == (
        "fastmlp: error: the following arguments are required: command\nfastmlp --help says what there is\n"
    )


def test_a_target_that_the_locale_lacks(tmp_path, monkeypatch):
    """Where the locale is C, arguments are ASCII to Python, and the table is UTF-8 all the same."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.setenv("PYTHONUTF8", "0")
    (tmp_path / "t.csv").write_text("gr\u00f6\u00dfe,x\n" + "a,1\nb,2\n\u00e4,3\n" * 20, encoding="utf-8")
    options = "--target", "gr\u00f6\u00dfe".encode(), "--missing", "\u00e4".encode(), "--effort", "fast"
    done = process("train", "t.csv", "--out", "m", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("classification of 'gr\\xf6\\xdfe' from 1 column of 40 rows")


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
    n = 200_000
    pd.DataFrame({"x": np.arange(n) % 97, "y": ["a", "b"] * (n // 2)}).to_csv("t.csv", index=False)
    arguments = ["train", "t.csv", "--out", "m", "--effort", "best"]
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

    # Once more if need be, since Python drops a Ctrl-C that comes while it runs a destructor.
    assert any(attempt() == (130, "") for _ in range(3))


def test_a_whole_run(folder):
    assert process("train", "flowers.csv", "--out", "m", "--effort", "fast").returncode == 0
    done = process("evaluate", "m", "flowers.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["accuracy"] > 0.9


def test_a_pipe_that_is_closed_early(trained):
    pd.concat([pd.read_csv("flowers.csv")] * 500).to_csv("long.csv", index=False)
    command = f"{sys.executable} -m fastmlp predict m.fastmlp long.csv | head -n 1; echo ${{PIPESTATUS[0]}}"
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


def test_the_project_has_the_command_and_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["fastmlp"] == "fastmlp.cli:main"
    assert [name.split(">")[0] for name in project["optional-dependencies"]["cli"]] == ["pandas", "pyarrow"]
