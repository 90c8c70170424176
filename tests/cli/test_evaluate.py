"""fastmlp evaluate: figures as text and as JSON."""

import json

import pytest

from fastmlp.cli import main

pytest.importorskip("pandas")


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
