"""The room as a whole: what is public, and that each estimator can be saved."""

import pytest

from fastmlp import registration, zoo


@pytest.mark.parametrize("name", zoo.__all__)
def test_each_estimator_may_stand_in_a_file(name):
    assert registration.class_of(name) is getattr(zoo, name)
