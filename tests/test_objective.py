"""What a network is trained for: a loss, what the engine is told of it, outputs, mean losses."""

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES
from fastmlp.network import Network, Objective, check_gradients
from tests import reference
from tests.engine.problems import squared_errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "msee"}, "loss='msee' is not known; known are "),
        ({"loss": None}, "loss: None is not known; known are "),
        ({"loss": ["mse"]}, r"loss: \['mse'\] is not known; known are "),
        ({"function": "mse"}, "must be a callable"),
        (
            {"function": squared_errors, "loss": "huber"},
            "function goes with loss='squared_error', .*; got loss='huber'",
        ),
        ({"options": 1.0}, "options must be .., since the loss 'squared_error' has none; got 1.0"),
        (
            {"loss": "huber", "options": -1.0},
            r"options of the loss 'huber' must be in the range \(0.0, inf\); got -1.0",
        ),
        ({"output_weights": [-1.0]}, r"output_weights must be at least 0; got \[-1.0\]"),
        ({"output_weights": [np.nan]}, "output_weights must be finite in float64; got nan"),
        ({"output_weights": "a"}, "output_weights must be real numbers"),
    ],
    ids=str,
)
def test_objectives_that_can_not_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        Objective(**arguments)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda *_: 0.0, r"must return a pair \(loss, gradient\); got 0.0"),
        (lambda *_: (0.0, [1.0]), r"the gradient must have shape \(6, 1\); got shape \(1,\)"),
        (Objective(output_weights=[1.0, 2.0]), "output_weights must be one number or one for each of the 1 outputs"),
        (Objective("huber", [1.0, 2.0]), "loss_options must be one number or one for each of the 1 outputs"),
    ],
    ids=str,
)
def test_objectives_that_do_not_go_with_a_network(objective, message):
    network, X, targets = Network.create([3, 4, 1], loss=objective, random_state=0), np.ones((6, 3)), np.zeros((6, 1))
    with pytest.raises(ValueError, match=message):
        network.loss_and_gradients(X, targets)
    with pytest.raises(ValueError, match=message):
        check_gradients(network, X, targets)


def test_an_objective_is_one_frozen_value():
    objective = Objective("MSE", output_weights=np.ones(2))
    assert objective == Objective("squared_error", (), (1.0, 1.0))
    assert hash(objective) == hash(Objective("squared_error", (), (1.0, 1.0)))
    assert replace(Objective("huber"), options=2.0) == Objective("huber", np.array([2.0]))
    assert pickle.loads(pickle.dumps(objective)) == objective
    with pytest.raises(FrozenInstanceError):
        objective.loss = "huber"


@pytest.mark.parametrize("loss", LOSSES)
def test_an_objective_says_what_its_outputs_and_targets_are(loss):
    objective = Objective(loss)
    assert objective.takes_class_numbers == (loss in CLASS_TARGET_LOSSES)
    z = np.array([[-1.0, 0.5, 2.0]])
    np.testing.assert_allclose(objective.outputs(z), reference.LINKS[loss](z), rtol=1e-12)
    assert Objective.with_link(objective.link).link == objective.link


def test_the_mean_loss_is_of_targets_and_weights_that_fit():
    z, classes = np.zeros((4, 3)), np.array([0, 1, 2, 0], np.int32)
    log_loss = Objective("log_loss")
    assert log_loss.mean_loss(z, classes) == pytest.approx(np.log(3))
    for wrong in (3, -1, 10**9, -(10**9)):
        with pytest.raises(ValueError, match=f"targets must be class numbers from 0 to 2, got {wrong}"):
            Objective("focal").mean_loss(z, np.array([0, 1, wrong, 0], np.int32))
    for targets in (classes[:3], classes.astype(np.int64), classes.tolist(), np.zeros((4, 3))):
        with pytest.raises(ValueError, match=r"targets must be a contiguous array of int32 of shape \(4,\), got "):
            log_loss.mean_loss(z, targets)
    for weights in (np.ones(3), np.ones((4, 1)), np.ones(5)):
        with pytest.raises(ValueError, match=r"weights must have shape \(4,\); got shape"):
            log_loss.mean_loss(z, classes, weights)
