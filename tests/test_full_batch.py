"""Training over all samples at once."""

import numpy as np
import pytest

from fastmlp.fitting.full_batch import minimize_full_batch
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Structure
from fastmlp.optimizers import LBFGS
from tests.engine.problems import problem

SIZES, LOSS = (5, 11, 3), "log_loss"


def test_full_batch():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh"), params, objective=LOSS)
    rows, losses = rows_of(X, np.float64), []
    result = minimize_full_batch(
        network, LBFGS(), rows, targets, None,
        alpha=0.1, n_threads=2, after_iteration=lambda x, loss: losses.append(loss),
    )  # fmt: skip
    np.testing.assert_array_equal(network.params, result.x)
    value, gradient = network.loss_and_gradients(rows, targets, alpha=0.1)
    assert value == result.fun
    assert losses == sorted(losses, reverse=True)
    assert np.abs(gradient).max() < 1e-3


def test_full_batch_interrupted():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh"), params, objective=LOSS)

    def interrupt(x, loss):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        result = minimize_full_batch(
            network, LBFGS(), rows_of(X, np.float64), targets, None,
            alpha=0.1, n_threads=1, after_iteration=interrupt,
        )  # fmt: skip
    assert result.nit == 1
    np.testing.assert_array_equal(network.params, result.x)
