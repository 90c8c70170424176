"""Sizes of teams, and when threads share work."""

import numpy as np
import pytest

from fastmlp import engine
from fastmlp.inputs.rows import rows_of


@pytest.mark.parametrize("n_threads", [0, -1, -(10**6), 1025, 10**9])
def test_teams_that_can_not_be_are_refused(n_threads):
    """OpenMP would wait for ever, or end the process."""
    rows, message = rows_of(np.zeros((4, 3)), np.float64), f"n_threads must be from 1 to 1024, got {n_threads}"
    with pytest.raises(ValueError, match=message):
        engine.Trainer((3, 2), "relu", "squared_error", np.float64, rule="sgd", max_batch=4, n_threads=n_threads)
    with pytest.raises(ValueError, match=message):
        engine.PackedNetwork((3, 2), "relu", "squared_error", np.float64).forward(rows, n_threads=n_threads)
    with pytest.raises(ValueError, match=message):
        engine.matmul(np.eye(3), np.eye(3), n_threads=n_threads)
    with pytest.raises(ValueError, match=message):
        engine.fma_ceiling("float32", n_threads=n_threads)


def test_what_is_worth_another_thread():
    seconds = 75e-6
    assert [engine.threads_worthwhile(s, 8) for s in (0.0, seconds, 1.9 * seconds)] == [1, 1, 1]
    assert [engine.threads_worthwhile(n * seconds * 1.01, 8) for n in (2, 5, 8, 100)] == [2, 5, 8, 8]
    assert engine.threads_worthwhile(np.inf, 8) == 8
    assert engine.threads_worthwhile(1e9, 1) == 1


def test_a_judgement_after_a_loss():
    """Alone for a while, then together again; the while grows with each loss, and shrinks when nothing is lost."""
    judgement = engine.Judgement()
    assert not judgement.alone(0.0)
    judgement.note(0.01, -0.01, 0.0)
    assert not judgement.alone(0.0)  # too little to judge from
    judgement.note(0.01, -0.01, 1.0)
    assert judgement.alone(1.05)
    assert not judgement.alone(1.07)
    judgement.note(0.02, -0.01, 2.0)
    assert judgement.alone(2.11)
    assert not judgement.alone(2.13)
    for _ in range(10):
        judgement.note(0.02, -0.01, 3.0)
    assert judgement.alone(3.99)
    assert not judgement.alone(4.01)
    for _ in range(10):
        judgement.note(0.02, 0.01, 5.0)
    assert not judgement.alone(5.0)
    judgement.note(0.02, -0.01, 6.0)
    assert judgement.alone(6.05)
    assert not judgement.alone(6.07)


def test_a_judgement_of_gains_and_losses_together():
    judgement = engine.Judgement()
    for _ in range(10):
        judgement.note(0.002, -0.001, 0.0)
        judgement.note(0.002, 0.002, 0.0)
    assert not judgement.alone(0.0)


def test_a_judgement_that_bounds_the_loss():
    judgement = engine.Judgement(20)
    judgement.note(0.1, -0.05, 0.0)
    assert judgement.alone(0.99)
    assert not judgement.alone(1.01)
