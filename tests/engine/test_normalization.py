"""Normalisation of few rows and units, and of rows with weights."""

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from tests.engine.problems import ALL_REGULARIZATION, assert_same, data_for, network_of, orders_of, trained, typed


@pytest.mark.parametrize("normalization", ["layer", "batch"])
@pytest.mark.parametrize("n_rows", [1, 21])
def test_normalization_of_a_minibatch_of_one_row(n_rows, normalization, dtype):
    """Finite; and, as there is no variance of one row, running moments stay."""
    network = network_of("relu", "log_loss", normalization)
    network, X, targets = typed(network, *data_for(network, n_rows)[:2], dtype)
    orders = np.arange(n_rows)[np.newaxis]
    results = trained(network, X, targets, orders, 20, given=ALL_REGULARIZATION)
    assert all(np.isfinite(result).all() for result in results)
    if normalization == "batch":
        before = trained(network, X, targets, orders[:, :20], 20, given=ALL_REGULARIZATION)[-2:]
        assert_same(before, results[-2:])
        assert np.array_equal(before[0], network.running[0]) == (n_rows == 1)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_layers_of_one_unit(normalization, dtype, isa):
    network = network_of("tanh", "squared_error", normalization, sizes=(1, 1, 1, 1))
    network, X, targets = typed(network, *data_for(network, 30)[:2], dtype)
    results = trained(network, X, targets, orders_of(30), 10, given=ALL_REGULARIZATION, isa=isa)
    assert all(np.isfinite(result).all() for result in results)
    assert_same(
        results, trained(network, X, targets, orders_of(30), 10, given=ALL_REGULARIZATION, isa=isa, n_threads=3)
    )


def weighted_results(network, X, targets, weights=None, dtype=np.float64, **options):
    """What one step makes of all rows; the loss last."""
    network, X, targets = typed(network, X, targets, dtype)
    loss, *rest = trained(
        network, X, targets, np.arange(X.shape[0])[np.newaxis], X.shape[0], weights, rule="sgd", alpha=0.3, **options
    )
    return [*rest, loss]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "poisson"])
def test_a_weight_is_so_many_rows_and_weight_0_none(loss, normalization, sparse, dtype, isa):
    """Whole blocks of rows without weight, too; their numbers may be such that what they lead to overflows."""
    network = network_of("relu", loss, normalization)
    X, targets, _ = data_for(network, 53)
    weights = np.random.default_rng(3).integers(0, 4, 53).astype(np.float64)
    weights[8:24] = 0
    X[weights == 0] = 1e5 * X[weights == 0]
    X[10], rows = 1e25, np.repeat(np.arange(53), weights.astype(int))
    to = scipy.sparse.csr_array if sparse else np.asarray
    expected = weighted_results(network, X[rows], targets[rows], None, np.float64)
    rate = {"float32": 2e-4, "float64": 1e-9}[dtype.name]
    for n_threads in (1, 3):
        results = weighted_results(network, to(X), targets, weights, dtype, isa=isa, n_threads=n_threads)
        for result, value in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, value, rtol=rate, atol=rate)


@pytest.mark.parametrize("dtype_of", ["float32", "float64", "bfloat16"])
def test_weights_of_one_are_no_weights(dtype_of, isa):
    dtype, options = (np.float32, {"bfloat16": True}) if dtype_of == "bfloat16" else (np.dtype(dtype_of), {})
    network = network_of("tanh", "log_loss", "batch")
    X, targets, _ = data_for(network, 53)
    plain = weighted_results(network, X, targets, None, dtype, isa=isa, **options)
    assert_same(plain, weighted_results(network, X, targets, np.ones(53), dtype, isa=isa, **options))


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1 / 53, 0.999, 1e30])
def test_moments_do_not_depend_on_the_scale_of_weights(size, dtype, isa):
    """Below 1; whole numbers count as so many rows, of which one is lost."""
    network = network_of("tanh", "log_loss", "batch")
    X, targets, _ = data_for(network, 53)
    *_, first, second, _ = weighted_results(network, X, targets, None, dtype, isa=isa)
    *_, one, other, _ = weighted_results(network, X, targets, np.full(53, size), dtype, isa=isa)
    if size > 1:
        for moments, scaled in ((first, one), (second, other)):
            start = network.running[0 if moments is first else 1]
            scaled[1] = start[1] + (scaled[1] - 0.9 * start[1]) * 53 / 52 - 0.1 * start[1]
    for moments, scaled in ((first, one), (second, other)):
        np.testing.assert_allclose(scaled, moments, rtol={"float32": 1e-5, "float64": 1e-12}[dtype.name])


@pytest.mark.parametrize("size", [0.3, 1.0])
@pytest.mark.parametrize("rest", [0.0, 1e-200])
def test_one_row_with_weight_has_no_variance(size, rest, dtype, isa):
    """Running moments stay, as with a batch of one row."""
    network = network_of("relu", "log_loss", "batch")
    X, targets, _ = data_for(network, 21)
    weights = np.full(21, rest)
    weights[13] = size
    *_, first, second, _ = results = weighted_results(network, X, targets, weights, dtype, isa=isa)
    assert all(np.isfinite(result).all() for result in results)
    for moments, before in zip((first, second), network.running, strict=True):
        np.testing.assert_array_equal(moments, before.astype(dtype))
