import re

import pytest

from fastmlp.demo import main


def test_shows_progress_accuracies_times_and_their_ratio(capsys):
    main(["--max-iter", "40", "--seed", "1"])
    out = capsys.readouterr().out
    # One line for the first epoch and for every 20th, the same for both libraries.
    progress = re.findall(r"^  epoch +(\d+)   loss = ([\d.]+)$", out, re.MULTILINE)
    assert [epoch for epoch, _ in progress] == ["1", "20", "40"] * 2
    losses = [float(loss) for _, loss in progress]
    assert losses[:3] == pytest.approx(losses[3:], abs=2e-8)
    results = re.findall(r"^(\S+) +held-out accuracy (\d\.\d+) +40 epochs in \d+\.\d+ s$", out, re.MULTILINE)
    assert [name for name, _ in results] == ["fastmlp", "scikit-learn"]
    assert all(float(accuracy) > 0.9 for _, accuracy in results)
    assert re.search(r"^scikit-learn took \d+\.\d times as long as fastmlp\.$", out, re.MULTILINE)


def test_agrees_with_scikit_learn_on_every_held_out_digit(capsys):
    main(["--max-iter", "5"])
    assert "The two agree on 450 of the 450 held-out digits." in capsys.readouterr().out
