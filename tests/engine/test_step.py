"""The training step with everything that a step may do, beside NumPy."""

import itertools

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from fastmlp.activations import PReLU, SiLU
from fastmlp.network import Regularization, hidden_layer
from tests import reference
from tests.engine.problems import (
    DETERMINISTIC,
    REGULARIZATIONS,
    RULES,
    assert_same,
    data_for,
    native,
    network_of,
    orders_of,
    trained,
    typed,
)
from tests.test_optimizers import ORACLES


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_training_is_that_of_numpy(name, rule, normalization, dtype, isa):
    """Two passes in minibatches, the last of each shorter and one of them without weight."""
    n_rows, batch_size, orders = 50, 12, orders_of(50)
    orders[1] = np.arange(50)
    weights = np.random.default_rng(2).uniform(0, 2, n_rows)
    weights[12:24] = 0
    network = network_of(PReLU() if normalization is None else SiLU(0.9, learn_beta=True), "log_loss", normalization)
    X, targets, y = data_for(network, n_rows)
    given, rate = REGULARIZATIONS[name], {"float32": 2e-4, "float64": 1e-9}[dtype.name]
    expected = network.astype(np.float64)
    batches = [order[start : start + batch_size] for order in orders for start in range(0, n_rows, batch_size)]
    losses, average = reference.train(
        expected, X, y, batches, ORACLES[rule], weights=weights, alpha=0.3, regularization=Regularization(**given)
    )
    lengths = np.array([len(batch) for batch in batches]).reshape(2, -1)
    losses = (np.reshape(losses, (2, -1)) * lengths).sum(axis=1) / n_rows
    for data in (X, scipy.sparse.csr_array(X)):
        results = trained(
            *typed(network, data, targets, dtype), orders, batch_size, weights, rule=rule, given=given, isa=isa
        )
        np.testing.assert_allclose(results[0], losses, rtol=rate)
        np.testing.assert_allclose(results[1], expected.params, rtol=rate, atol=rate)
        if "average_decay" in given:
            np.testing.assert_allclose(results[-1 - 2 * (normalization == "batch")], average, rtol=rate, atol=rate)
        if normalization == "batch":
            for moments, theirs in zip(results[-2:], expected.running, strict=True):
                np.testing.assert_allclose(moments, theirs, rtol=rate, atol=rate)
    if given:
        plain = trained(*typed(network, X, targets, dtype), orders, batch_size, weights, rule=rule, isa=isa)
        changed = -1 - 2 * (normalization == "batch") if name == "average" else 1
        assert np.abs(plain[changed] - results[changed]).max() > 1e-3


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize(("sizes", "n_rows"), [((5, 33, 6, 3), 1100), ((20, 64, 64, 2), 600)], ids=str)
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_large_batches_are_those_of_numpy(name, sizes, n_rows, normalization):
    """In several chunks, and in row blocks."""
    network = network_of(PReLU(), "log_loss", normalization, sizes)
    X, targets, y = data_for(network, 2 * n_rows - 300)
    weights, orders = np.random.default_rng(2).uniform(0, 2, len(X)), orders_of(len(X), 1)
    expected = network.astype(np.float64)
    given = REGULARIZATIONS[name]
    losses, _ = reference.train(
        expected, X, y, [orders[0, :n_rows], orders[0, n_rows:]], ORACLES["sgd"],
        weights=weights, alpha=30.0, regularization=Regularization(**given),
    )  # fmt: skip
    for data in (X, scipy.sparse.csr_array(X)):
        results = trained(
            network, data, targets, orders, n_rows, weights, rule="sgd", alpha=30.0, given=given, n_threads=2
        )
        np.testing.assert_allclose(results[1], expected.params, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(results[0], (losses[0] * n_rows + losses[1] * (len(X) - n_rows)) / len(X), rtol=1e-9)


BIT_CASES = {
    # sizes, rows, rows of a batch
    "row blocks": ((20, 64, 64, 2), 700, 400),
    "chunks": ((9, 33, 40, 4), 1100, 1100),
    "wide": ((31, 300, 70, 4), 150, 64),
    "few rows": ((5, 7, 6, 3), 23, 6),
}
# Threads, and how many of the three passes are begun at once; None for all.
BIT_TEAMS = [(2, None), (3, 1), (8, 2)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("case", BIT_CASES)
def test_no_bit_depends_on_threads_or_on_how_passes_are_begun(case, normalization, sparse, dtype):
    """Teams take turns: with each normalization, a regularization meets another one."""
    teams = itertools.cycle(BIT_TEAMS[[None, "layer", "batch"].index(normalization) :] + BIT_TEAMS)
    sizes, n_rows, batch_size = BIT_CASES[case]
    activations = [SiLU(0.9, learn_beta=True), native("sin", "cos")]
    layers = [hidden_layer(activation, normalization) for activation in activations]
    network = network_of(layers, "log_loss", sizes=sizes)
    network, X, targets = typed(network, *data_for(network, n_rows)[:2], dtype)
    weights, orders = np.random.default_rng(2).integers(0, 3, n_rows) * 0.7, orders_of(n_rows, 3)
    X = scipy.sparse.csr_array(X) if sparse else X
    for name, given in REGULARIZATIONS.items():
        if sparse and "input_noise" in given:
            given = {key: value for key, value in given.items() if key != "input_noise"}
        products = [{}]
        if dtype == np.float32 and name in ("none", "all", "all but randomness"):
            products += [{"bfloat16": True}, {"split": True}]
        for product in products:
            options = {"given": given, "seed": 4} | product
            first = trained(network, X, targets, orders, batch_size, weights, **options)
            assert np.isfinite(first[1]).all()
            n_threads, together = next(teams)
            other = trained(
                network, X, targets, orders, batch_size, weights, n_threads=n_threads, together=together, **options
            )
            assert_same(first, other)
            if sparse and not product:
                assert_same(first, trained(network, X.toarray(), targets, orders, batch_size, weights, **options))
