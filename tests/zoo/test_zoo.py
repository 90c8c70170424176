"""The room as a whole: what is public, and that each estimator can be saved."""

import re

import pytest

from fastmlp import registration, zoo
from tests.conftest import ROOT


@pytest.mark.parametrize("name", zoo.__all__)
def test_each_estimator_may_stand_in_a_file(name):
    assert registration.class_of(name) is getattr(zoo, name)


def test_the_chart_names_each_estimator_and_no_other():
    text = (ROOT / "docs" / "zoo.md").read_text()
    rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"\b[A-Z]\w+", row)}
    assert named - {"MLPClassifier", "MLPRegressor", "Pretrained", "True"} == set(zoo.__all__)
