"""Wrong uses of the command, and what is said of them."""

import pytest

from fastmlp.cli import main

pytest.importorskip("pandas")


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
