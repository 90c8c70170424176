"""Files that commands read and write: standard input, and paths that are refused."""

import io
import os
import sys

import pytest

import fastmlp
from fastmlp import MLPClassifier
from fastmlp.cli import main
from fastmlp.tables import TableModel
from tests.cli.conftest import failed

pd = pytest.importorskip("pandas")


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
