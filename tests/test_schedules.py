"""What each schedule does to a learning rate."""

import pytest

from fastmlp.optimizers import SGD, Descent
from fastmlp.schedules import SCHEDULES, Adaptive, InvScaling


@pytest.mark.parametrize("name", SCHEDULES)
def test_contract(name):
    """A schedule may lower the learning rate, never the initial one, and ends training sooner or later."""
    schedule, sgd = SCHEDULES[name](), Descent(SGD(0.1))
    for seen in (100, 200):
        schedule.after_epoch(sgd, seen)
        assert 0 < sgd.learning_rate <= sgd.learning_rate_init == 0.1
    plateaus = 0
    while not (told := schedule.on_plateau(sgd))[0]:
        plateaus += 1
        assert plateaus < 100
    assert told[1].endswith("Stopping.")


def test_invscaling():
    sgd = Descent(SGD(0.8))
    InvScaling(power_t=2).after_epoch(sgd, 1)
    assert sgd.learning_rate == 0.2
    InvScaling(power_t=0).after_epoch(sgd, 1000)
    assert sgd.learning_rate == 0.8


def test_adaptive_goes_down_to_a_millionth():
    sgd = Descent(SGD(0.001))
    said = []
    while not (told := Adaptive().on_plateau(sgd))[0]:
        said.append(told[1])
    assert said[:2] == ["Setting learning rate to 0.000200", "Setting learning rate to 0.000040"]
    assert told == (True, "Learning rate too small. Stopping.")
    assert 2e-7 < sgd.learning_rate <= 1e-6
