"""RecallDisplay: a line for each state, their median, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from fastmlp.inspection import RecallDisplay
from fastmlp.zoo import HopfieldNetwork

PATTERNS = np.random.default_rng(0).choice([-1.0, 1.0], (4, 60))
STATES = np.random.default_rng(1).choice([-1.0, 1.0], (30, 60))


@pytest.mark.parametrize("rule", ["hebb", "modern"])
def test_lines_are_the_energies_of_recall(rule):
    network = HopfieldNetwork(rule, random_state=0).fit(PATTERNS)
    display = RecallDisplay.from_estimator(network, STATES[:3], n_points=5, linestyle=":")
    sweeps, energies = network.recall_energies(STATES[:3], 5)
    assert len(display.lines_) == 3 and display.median_ is None
    for line, energy in zip(display.lines_, energies, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), sweeps)
        np.testing.assert_array_equal(line.get_ydata(), energy)
        assert line.get_linestyle() == ":"
    np.testing.assert_allclose(energies[:, -1], network.energy(network.predict(STATES[:3])), atol=1e-9)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Sweeps", "Energy")


def test_many_states_have_a_median():
    network = HopfieldNetwork(random_state=0).fit(PATTERNS)
    _, axes = plt.subplots()
    display = RecallDisplay.from_estimator(network, STATES, ax=axes)
    assert display.ax_ is axes and len(display.lines_) == 30
    np.testing.assert_allclose(display.median_.get_ydata(), np.median(display.energies, axis=0))


def test_what_is_refused():
    with pytest.raises(NotFittedError):
        RecallDisplay.from_estimator(HopfieldNetwork(), STATES)
    with pytest.raises(TypeError, match="estimator must be fastmlp's HopfieldNetwork, got Ridge"):
        RecallDisplay.from_estimator(Ridge().fit(STATES, STATES[:, 0]), STATES)
    network = HopfieldNetwork().fit(PATTERNS)
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got 3"):
        RecallDisplay.from_estimator(network, STATES, ax=3)
    with pytest.raises(ValueError, match="n_points must be an integer of at least 1; got 0"):
        RecallDisplay.from_estimator(network, STATES, n_points=0)
