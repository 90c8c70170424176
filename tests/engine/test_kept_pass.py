"""Kept passes that learn, beside trainings; and what the engine refuses of all of them.

The gradients of passes that do not learn are tested where networks take them, in test_composition.py.
"""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.activations import PReLU
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Regularization
from tests.engine.problems import (
    EACH_REGULARIZATION,
    data_for,
    network_of,
    orders_of,
    running_of,
    trained,
)
from tests.test_optimizers import ORACLES, hyper_of, slots_of

N_ROWS, BATCH = 48, 12


def kept_pass(network, rule, given=(), *, max_rows=BATCH, **options):
    """A kept pass that learns by a rule, with the numbers of a network."""
    structure = network.structure
    kept = engine.KeptPass(
        structure.sizes, structure.hidden, network.objective.loss, network.params.dtype,
        max_rows=max_rows, rule=rule, uses_running=False, regularization=Regularization(**dict(given)), **options,
    )  # fmt: skip
    network.load_into(kept)
    kept.load(network.params, slots_of(ORACLES[rule], network.params))
    return kept


def learned(network, X, targets, rule, given, *, whole, n_threads=1):
    """What a kept pass has learned in two passes over the rows: by losses of its own, or by slopes that are given."""
    kept, rows = kept_pass(network, rule, given, n_threads=n_threads), rows_of(X, network.params.dtype)
    hyper, losses = hyper_of(ORACLES[rule]), []
    for order in orders_of(N_ROWS):
        for batch in np.split(order, N_ROWS // BATCH):
            if whole:
                losses.append(kept.meet(rows, targets, order=batch, hyper=hyper, weight=BATCH).mean())
            else:
                z = kept.ahead(rows, order=batch, linked=False)
                kept.back(network.objective.row_gradients(z, targets[batch]), hyper=hyper, weight=BATCH)
    slots, average = slots_of(ORACLES[rule], network.params), np.zeros_like(network.params)
    params = np.empty_like(network.params)
    kept.store(params, slots, average if dict(given).get("average_decay") else None)
    return np.array(losses), params, *slots, average, *running_of(network, kept)


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("name", EACH_REGULARIZATION)
@pytest.mark.parametrize("whole", [True, False])
def test_a_pass_that_learns_is_a_training(name, normalization, whole):
    """Its steps are those of a Trainer, whatever these do beside the gradient of a loss."""
    network = network_of(PReLU(), "log_loss", normalization)
    X, targets, _ = data_for(network, N_ROWS)
    given = EACH_REGULARIZATION[name]
    expected = trained(network, X, targets, orders_of(N_ROWS), BATCH, given=given, alpha=0.0)
    for data in (X, scipy.sparse.csr_array(X)) if name != "noise" else (X,):
        found = learned(network, data, targets, "adam", given, whole=whole)
        for ours, theirs in zip(found[1:], expected[1:], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    if whole and name != "l1":  # A Trainer adds the penalty to its losses.
        np.testing.assert_allclose(found[0].reshape(2, -1).mean(axis=1), expected[0], rtol=1e-12)


@pytest.mark.parametrize("rule", ORACLES)
def test_each_rule_learns(rule, dtype):
    network = network_of("tanh", "binary_log_loss").astype(dtype)
    X, targets, _ = data_for(network, N_ROWS)
    targets = targets.astype(dtype)
    expected = trained(network, X, targets, orders_of(N_ROWS), BATCH, rule=rule, alpha=0.0)
    for whole in (True, False):
        found = learned(network, X, targets, rule, {}, whole=whole)
        tolerance = {"float32": 1e-3, "float64": 1e-9}[dtype.name]
        np.testing.assert_allclose(found[1], expected[1], rtol=tolerance, atol=tolerance)
        assert np.abs(found[1] - network.params).max() > 1e-4


@pytest.mark.parametrize("whole", [True, False])
def test_same_bits_for_any_threads(whole, dtype, isa, monkeypatch):
    monkeypatch.setattr(engine, "ISA", isa)
    network = network_of("tanh", "binary_log_loss", "batch", (9, 40, 33, 4)).astype(dtype)
    X, targets, _ = data_for(network, N_ROWS)
    one, *others = (
        learned(network, X, targets.astype(dtype), "adam", {"dropout": [0.1, 0.2, 0.3]}, whole=whole, n_threads=n)
        for n in (1, 2, 3)
    )
    for other in others:
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("loss", ["squared_error", "binary_log_loss", "log_loss", "poisson"])
def test_meeting_targets_gives_losses_and_the_slopes_of_their_sum(loss):
    network = network_of(PReLU(), loss)
    X, targets, _ = data_for(network, 20)
    weights = np.random.default_rng(0).uniform(0.5, 2, 20)
    order = np.random.default_rng(1).permutation(20)[:11]
    z = network.forward(X[order], keep=True, linked=False)
    losses, deltas = engine.row_losses(loss, z, targets[order], weights[order])
    gradient, inputs = network.backward(deltas, inputs=True)
    kept = engine.KeptPass(
        network.structure.sizes, network.structure.hidden, loss, np.float64, max_rows=15, n_threads=2
    )
    kept.load(network.params)
    rows, found, found_inputs = rows_of(X, np.float64), np.empty_like(gradient), np.empty_like(inputs)
    np.testing.assert_allclose(kept.meet(rows, targets, weights, order=order), losses, rtol=1e-13)
    kept.meet(rows, targets, weights, order=order, params=found, inputs=found_inputs, weight=2)
    np.testing.assert_allclose(2 * found, gradient, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found_inputs, inputs, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match=r"ahead\(\) comes before back\(\)"):
        kept.back(deltas)


def test_a_way_back_may_give_slopes_of_inputs_and_learn():
    """The slopes are those by the weights before the update; afterwards there is no pass by the new ones."""
    network = network_of("tanh", "squared_error")
    X, targets, _ = data_for(network, BATCH)
    rows, hyper = rows_of(X, np.float64), hyper_of(ORACLES["sgd"])
    z = network.forward(X, keep=True)
    gradient, expected = network.backward(z - targets, inputs=True)
    for back in ("back", "meet"):
        kept, inputs = kept_pass(network, "sgd", n_threads=2), np.empty_like(X)
        z = kept.ahead(rows)
        if back == "back":
            kept.back(z - targets, inputs=inputs, hyper=hyper, weight=4)
        else:
            kept.meet(rows, targets, inputs=inputs, hyper=hyper, weight=4)
        np.testing.assert_allclose(inputs, expected, rtol=1e-12, atol=1e-14)
        params = np.empty_like(network.params)
        kept.store(params)
        np.testing.assert_allclose(params, network.params - hyper[0, 0] * gradient / 4, rtol=1e-12)
        assert kept.step_count == 1
        with pytest.raises(ValueError, match=r"ahead\(\) comes before back\(\)"):
            kept.back(z)


def test_errors():
    kept = engine.KeptPass((5, 3), "relu", "squared_error", np.float64, max_rows=4)
    rows = rows_of(np.zeros((6, 5)), np.float64)
    with pytest.raises(ValueError, match=r"ahead\(\) comes before back\(\)"):
        kept.back(np.zeros((4, 3)))
    for start, stop in [(0, None), (2, 2), (-1, 2), (3, 7), (0, 5)]:
        with pytest.raises(ValueError, match="expected from 1 to 4 of 6 rows"):
            kept.ahead(rows, start=start, stop=stop)
    for order in ([], [0, 6], [-1], [0.0], range(5), [[0]]):
        with pytest.raises(ValueError, match="order must have from 1 to 4 numbers of rows"):
            kept.ahead(rows, order=np.array(order))
        with pytest.raises(ValueError, match="order must have from 1 to 4 numbers of rows"):
            kept.meet(rows, np.zeros((6, 3)), order=np.array(order))
    for targets in (np.zeros((4, 3)), np.zeros((6, 3), np.float32)):
        with pytest.raises(ValueError, match=r"targets must be a contiguous array of float64 of shape \(6, 3\)"):
            kept.meet(rows, targets, order=np.arange(4))
    with pytest.raises(ValueError, match="expected 6 contiguous float64 weights"):
        kept.meet(rows, np.zeros((6, 3)), np.ones(4), order=np.arange(4))
    kept.ahead(rows, start=2)
    with pytest.raises(ValueError, match=r"output_gradients must be a contiguous float64 array of shape \(4, 3\)"):
        kept.back(np.zeros((4, 3), np.float32))
    for wrong in (np.zeros((4, 4)), np.zeros((4, 5), np.float32), np.zeros((4, 10))[:, ::2], np.zeros((5, 4)).T):
        with pytest.raises(ValueError, match=r"inputs must be a float64 array of shape \(4, 5\) with contiguous rows"):
            kept.back(np.zeros((4, 3)), inputs=wrong)
    with pytest.raises(ValueError, match="contiguous float64 vector of 18 parameters"):
        kept.back(np.zeros((4, 3)), np.zeros(17))
    with pytest.raises(ValueError, match="weight must be greater than 0, got 0"):
        kept.back(np.zeros((4, 3)), np.zeros(18), weight=0)
    with pytest.raises(ValueError, match="params is for the rule 'gradient', and hyper is for all others"):
        kept.back(np.zeros((4, 3)), hyper=np.zeros((1, 1)))
    with pytest.raises(TypeError, match=r"a kept pass has ahead\(\), back\(\) and meet\(\)"):
        kept.begin(np.arange(4)[np.newaxis], 4, 0.0, (), 0)
    assert kept.run()  # there is nothing to do


def test_errors_of_passes_that_learn():
    kept = engine.KeptPass((5, 3), "relu", "squared_error", np.float64, max_rows=4, rule="sgd")
    rows = rows_of(np.zeros((4, 5)), np.float64)
    for call in (kept.back, lambda gradients, **results: kept.meet(rows, gradients, **results)):
        kept.ahead(rows)
        with pytest.raises(ValueError, match="params is for the rule 'gradient', and hyper is for all others"):
            call(np.zeros((4, 3)), params=np.zeros(18))
        with pytest.raises(ValueError, match="expected one row of hyperparameters, got 2"):
            call(np.zeros((4, 3)), hyper=np.zeros((2, 1)))
        with pytest.raises(ValueError, match="a rule has at most 8 hyperparameters, got 9"):
            call(np.zeros((4, 3)), hyper=np.zeros((1, 9)))
    assert kept.step_count == 0
