"""fastmlp info: what it says of models."""

import json

import pytest

import fastmlp
from fastmlp.cli import main
from fastmlp.tables import TableModel
from tests.cli.conftest import failed

pytest.importorskip("pandas")


def test_info_as_text_and_json(trained, capsys):
    assert main(["info", "m.fastmlp", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["task"], said["target"], said["layers"]) == ("classification", "kind", [4, 128, 128, 1])
    assert said["n_parameters"] == 4 * 128 + 128 + 128 * 128 + 128 + 128 + 1
    assert main(["info", "m.fastmlp"]) == 0
    out = capsys.readouterr().out
    assert "layers        4, 128, 128, 1\n" in out
    assert "dropped       none\n" in out


def test_a_file_of_an_unfitted_model(folder, capsys):
    fastmlp.save(TableModel("kind"), "m")
    assert "m holds a model that has not been trained" in failed(capsys, ["info", "m"])
