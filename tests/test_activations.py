"""The table of activations."""

from fastmlp import activations
from fastmlp.activations import ACTIVATIONS
from tests import reference


def test_every_activation_has_an_oracle_and_a_line_in_the_table():
    assert set(ACTIVATIONS) == set(reference.ACTIVATIONS) == set(reference.DERIVATIVES)
    for name in ACTIVATIONS:
        assert f"\n{name} " in activations.__doc__
