"""Wrong uses of the command, and what is said of them."""

import pytest

from fastmlp.cli import main

pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "command"),
        (["train", "t.csv"], "--out"),
        (["train", "t.csv", "--out", "m", "--effort", "none"], "invalid choice: 'none'"),
        (["train", "t.csv", "--out", "m", "--loss", "hinge"], "invalid choice: 'hinge'"),
        (["train", "t.csv", "--out", "m", "--time-limit", "0"], "'0' is not a number of seconds above 0"),
        (["train", "t.csv", "--out", "m", "--time-limit", "nan"], "'nan' is not a number of seconds above 0"),
        (["train", "t.csv", "--out", "m", "--class-weight", "balance"], "'balance' is not balanced, or LABEL=WEIGHT,"),
        (["train", "t.csv", "--out", "m", "--class-weight", ""], "'' is not balanced, or LABEL=WEIGHT,"),
        (["train", "t.csv", "--out", "m", "--class-weight", "a=1,b"], "'a=1,b' is not balanced, or LABEL=WEIGHT,"),
        (["train", "t.csv", "--out", "m", "--class-weight", "a=1,a=2"], "'a=1,a=2' is not balanced"),
        (["train", "t.csv", "--out", "m", "--class-weight", "a=-1"], "'a=-1' is not balanced"),
        (["train", "t.csv", "--out", "m", "--class-weight", "a=inf"], "'a=inf' is not balanced"),
        (["predict", "m", "t.csv", "--interval", "90"], "'90' is not a number between 0 and 1"),
        (["train", "t.csv", "--out", "m", "--quantile", "1"], "'1' is not a number between 0 and 1"),
        (["predict", "m", "t.csv", "--set", "1"], "'1' is not a number between 0 and 1"),
        (["predict", "m", "t.csv", "--set", "0.9", "--proba"], "not allowed with argument"),
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
    error, hint = capsys.readouterr().err.splitlines()
    assert message in error
    of = f"fastmlp {arguments[0]}" if arguments[:1] in (["train"], ["predict"], ["evaluate"], ["info"]) else "fastmlp"
    assert error.startswith(f"{of}: error: ")
    assert hint == f"{of} --help says what there is"


@pytest.mark.parametrize(
    "option", ["--hidden 64,64", "--max-iter 3", "--batch-size 5", "--learning-rate 0.1", "--hidden"]
)
def test_options_of_a_network_are_gone(option, capsys):
    """Each of them is refused with what to use instead, and the help no longer has it."""
    with pytest.raises(SystemExit) as exit_:
        main(["train", "t.csv", "--out", "m", *option.split()])
    assert exit_.value.code == 2
    name = option.split()[0]
    assert f"{name} is no option any more" in (err := capsys.readouterr().err)
    assert "--effort and --time-limit say how much is done" in err
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert name not in capsys.readouterr().out
