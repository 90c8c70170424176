"""Messages: how many of them, and characters that an encoding lacks."""

import io
import sys
import warnings

import pytest

from fastmlp.cli import main
from fastmlp.tables import TableModel
from tests.cli.conftest import failed

pytest.importorskip("pandas")


def test_quiet(trained, capsys):
    assert main(["train", "plain.csv", "--out", "q", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["predict", "q", "plain.csv", "--quiet"]) == 0  # what is asked for is no message
    assert len(capsys.readouterr().out.splitlines()) == 121
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
    assert "fastmlp: flowers.csv: beware of this\n" in capsys.readouterr().err


def test_warnings_name_the_file_that_they_are_of(trained, capsys):
    (trained / "new.csv").write_text("color,petal,kind\ngreen,0.5,rose\nred,0.5,rose\n")
    said = "There are categories that training did not see; they count as missing: 'color' (1 category in 1 row,"
    for arguments in (["predict", "m.fastmlp", "new.csv"], ["evaluate", "m.fastmlp", "new.csv"]):
        assert main(arguments) == 0
        assert f"fastmlp: new.csv: {said}" in capsys.readouterr().err
    assert main(["train", "flowers.csv", "--validation", "new.csv", "--out", "m", "--time-limit", "1e-6"]) == 0
    err = capsys.readouterr().err
    assert f"fastmlp: new.csv: {said}" in err
    assert "fastmlp: flowers.csv: time_limit=1e-06 s ended the training" in err


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
    assert main(["train", "t.csv", "--out", "m"]) == 0
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
