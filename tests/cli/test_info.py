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
    assert (said["task"], said["target"], said["categories"]) == ("classification", "kind", ["color"])
    assert (said["members"], said["weights"], said["effort"]) == ({"bins": 2}, {"bins": 1.0}, "default")
    assert main(["info", "m.fastmlp"]) == 0
    out = capsys.readouterr().out
    assert "members       bins: 2\n" in out
    assert "dropped       none\n" in out


def test_a_file_of_an_unfitted_model(folder, capsys):
    fastmlp.save(TableModel("kind"), "m")
    assert "m holds a model that has not been trained" in failed(capsys, ["info", "m"])
