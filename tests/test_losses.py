"""The table of losses."""

from fastmlp import losses
from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES, OUTPUT_ACTIVATIONS
from tests import reference


def test_every_loss_has_an_oracle_and_a_line_in_the_table():
    assert set(LOSSES) == set(OUTPUT_ACTIVATIONS) == set(reference.ROW_LOSSES) == set(reference.LINKS)
    for name in LOSSES:
        assert f"\n{name} " in losses.__doc__


def test_class_numbers_are_the_targets_of_losses_over_distributions():
    assert set(CLASS_TARGET_LOSSES) == {name for name, link in OUTPUT_ACTIVATIONS.items() if link == "softmax"}
