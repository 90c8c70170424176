"""The training engine against the NumPy oracle: gradients, updates, threads, what a pass leaves behind."""

import ctypes
import ctypes.util
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from cases import NETWORKS
from scipy import LowLevelCallable

from fastmlp import engine
from fastmlp.activations import Activation, NativeActivation, PReLU, SiLU
from fastmlp.losses import LOSSES
from fastmlp.network import Network, Regularization, Structure, hidden_layer
from fastmlp.rows import rows_of
from tests import reference
from tests.test_optimizers import ORACLES, hyper_of, slots_of

SIZES = (5, 7, 6, 3)
N_ROWS = 12


def n_params(sizes):
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(sizes))


def problem(sizes, loss, dtype, n_rows=37, seed=0):
    """Parameters, samples with zeros among them, the engine's targets and the oracle's."""
    rng = np.random.default_rng(seed)
    params = (rng.uniform(-1, 1, n_params(sizes)) / np.sqrt(max(sizes[:-1]))).astype(dtype)
    X = rng.standard_normal((n_rows, sizes[0])).astype(dtype)
    X[rng.random(X.shape) < 0.4] = 0
    return params, X, *reference.random_targets(loss, (n_rows, sizes[-1]), dtype, rng)


class Sine(Activation):
    def __call__(self, z):
        return np.sin(z)

    def derivative(self, z):
        return np.cos(z)


def native(*names):
    """The activation with these functions of the C library for value and slope."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    functions = [getattr(libm, name) for name in names]
    for function in functions:
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    return NativeActivation(*map(LowLevelCallable, functions))


def network_of(activation, loss, normalization=None, sizes=SIZES, seed=0):
    """A network in whose every number there is something; activation may be a list of layers."""
    layers = activation
    if not isinstance(activation, list):
        layers = [hidden_layer(activation, normalization)] * (len(sizes) - 2)
    network, rng = Network(Structure.of(sizes, layers, loss)), np.random.default_rng(seed)
    for name, view in network.named_parameters().items():
        view += rng.standard_normal(view.shape) / (np.sqrt(len(view)) if name.startswith("coefs") else 4)
    for moments in network.running:
        if moments is not None:
            moments[:] = rng.standard_normal(moments.shape[1]), rng.uniform(0.5, 2, moments.shape[1])
    return network


def data_for(network, n_rows=N_ROWS, seed=1):
    """Samples with zeros among them, the engine's targets, and the oracle's."""
    rng, sizes = np.random.default_rng(seed), network.structure.sizes
    X = rng.standard_normal((n_rows, sizes[0]))
    X[rng.random(X.shape) < 0.3] = 0
    return X, *reference.random_targets(network.structure.loss, (n_rows, sizes[-1]), np.dtype(np.float64), rng)


def passed(trainer, order, batch_size, alpha=0.0, hyper=(), step_count=0):
    """Finish a whole pass; return the mean loss."""
    trainer.begin(np.atleast_2d(order), batch_size, alpha, hyper, step_count)
    while not trainer.run():
        pass
    return trainer.losses()[0]


@pytest.mark.parametrize("weighted", [False, True])
def test_several_passes_at_once_are_passes_one_after_another(weighted, dtype):
    sizes, loss = (5, 11, 3), "log_loss"
    params, X, targets, _ = problem(sizes, loss, dtype, 40)
    weights = np.random.default_rng(0).integers(0, 3, 40) * 0.7 if weighted else None
    if weighted:
        weights[8:16] = 0
    orders = np.random.default_rng(1).permuted(np.tile(np.arange(40), (4, 1)), axis=1)
    orders[2] = np.arange(40)
    results = []
    for groups in ([4], [1, 1, 1, 1], [3, 1]):
        trainer = engine.Trainer(sizes, "relu", loss, dtype, rule="adam", max_batch=8, n_threads=2)
        slots, losses, count, start = [np.zeros_like(params) for _ in range(2)], [], 5, 0
        trainer.load(params, slots)
        trainer.attach(rows_of(X, dtype), targets, weights)
        for n in groups:
            trainer.begin(orders[start : start + n], 8, 0.1, hyper_of(ORACLES["adam"]), count)
            assert trainer.losses() == []
            while not trainer.run():
                pass
            count, start, losses = trainer.updates_done(), start + n, losses + trainer.losses()
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((count, losses, after, *slots))
    assert results[0][0] == 5 + 20 - weighted
    assert len(set(results[0][1])) == 4
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("weighted", [False, True])
def test_hyperparameters_of_every_update(weighted, dtype):
    """A row each, by the number of the update: a minibatch of zero weight takes none. The array is copied."""
    sizes, loss = (5, 11, 3), "log_loss"
    params, X, targets, _ = problem(sizes, loss, dtype, 40)
    weights = np.repeat([1.0, 0.0, 2.0, 1.0], 10) if weighted else None
    rates = 0.1 / np.arange(1, 8 + 1 - 2 * weighted)[:, np.newaxis]
    batches = [batch for batch in np.arange(40).reshape(4, 10) if weights is None or weights[batch].any()] * 2
    results = []
    for orders, hypers in [([np.tile(np.arange(40), (2, 1))], [rates.copy()]), (batches, rates)]:
        trainer = engine.Trainer(sizes, "relu", loss, dtype, rule="sgd", max_batch=10)
        trainer.load(params)
        trainer.attach(rows_of(X, dtype), targets, weights)
        for step, (order, hyper) in enumerate(zip(orders, hypers, strict=True)):
            trainer.begin(np.atleast_2d(order), 10, 0.1, hyper, 3 + step)
            if len(orders) == 1:
                hyper[:] = np.nan
            while not trainer.run():
                pass
        assert trainer.updates_done() == 3 + len(rates)
        results.append(np.empty_like(params))
        trainer.store(results[-1])
    np.testing.assert_array_equal(*results)
    few, many = len(rates) - 1, np.zeros((1, 9))
    with pytest.raises(ValueError, match=f"one row of hyperparameters, or {len(rates)}, one per update; got {few}"):
        trainer.begin(np.tile(np.arange(40), (2, 1)), 10, 0.1, rates[1:], 3)
    with pytest.raises(ValueError, match="at most 8 hyperparameters, got 9"):
        trainer.begin(np.arange(40)[np.newaxis], 10, 0.1, many, 3)


def loss_and_gradient(
    sizes, activation, loss, dtype, X, targets, params, *, alpha=0.0, weights=None, isa=None, n_threads=1
):
    """Of all rows as one batch."""
    trainer = engine.Trainer(
        sizes, reference.hidden(activation, sizes), loss, dtype,
        rule="gradient", max_batch=len(targets), n_threads=n_threads, isa=isa,
    )  # fmt: skip
    trainer.load(params)
    trainer.attach(rows_of(X, dtype), targets, weights)
    value, gradient = passed(trainer, np.arange(len(targets)), len(targets), alpha), np.empty_like(params)
    trainer.store(None, [gradient])
    return value, gradient


def oracle(sizes, activation, loss, X, y, params, alpha=0.0, weights=None):
    """The same in float64 NumPy."""
    network = Network(Structure(sizes, reference.hidden(activation, sizes), loss), params.astype(np.float64))
    value, gradients = reference.loss_and_gradients(network, X.astype(np.float64), y.astype(np.float64), weights, alpha)
    return value, gradients.params


def assert_close(actual, expected, dtype, factor=1.0):
    """Relative to the largest component: single ones may cancel to nearly nothing."""
    tolerance = factor * {"float32": 1e-5, "float64": 1e-13}[dtype.name]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1e-30))


@pytest.mark.parametrize("sizes", NETWORKS, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_gradients(activation, loss, sizes, dtype, isa):
    params, X, targets, y = problem(sizes, loss, dtype)
    weights = np.random.default_rng(1).uniform(0, 2, len(X))
    weights[::5] = 0
    csr = scipy.sparse.csr_array(X)
    for alpha, w in [(0.0, None), (0.7, weights)]:
        what = {"alpha": alpha, "weights": w}
        value, gradient = loss_and_gradient(sizes, activation, loss, dtype, X, targets, params, isa=isa, **what)
        # A lone class has probability 1 and is clipped to 1 - eps of its type: hence the 1 +.
        expected_value, expected = oracle(sizes, activation, loss, X, y, params, **what)
        assert_close(1 + value, 1 + expected_value, dtype)
        assert_close(gradient, expected, dtype, factor=2)
        sparse = loss_and_gradient(sizes, activation, loss, dtype, csr, targets, params, isa=isa, **what)
        assert sparse[0] == value
        np.testing.assert_array_equal(sparse[1], gradient)
        team = loss_and_gradient(sizes, activation, loss, dtype, X, targets, params, isa=isa, n_threads=3, **what)
        assert team[0] == value
        np.testing.assert_array_equal(team[1], gradient)


@pytest.mark.parametrize("sizes", NETWORKS, ids=str)
def test_batch_of_one_row(sizes, dtype, isa):
    """Its gradient is an outer product, for which there is a kernel."""
    params, X, targets, y = problem(sizes, "squared_error", dtype, 1)
    _, expected = oracle(sizes, "tanh", "squared_error", X, y, params, 0.5)
    for data, n_threads in ((X, 1), (X, 3), (scipy.sparse.csr_array(X), 1)):
        _, gradient = loss_and_gradient(
            sizes, "tanh", "squared_error", dtype, data, targets, params, alpha=0.5, isa=isa, n_threads=n_threads
        )
        assert_close(gradient, expected, dtype, factor=2)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_rows", [1024, 1025, 2500])
def test_batch_of_several_chunks(n_rows, sparse, dtype, isa):
    """Sums are carried from chunk to chunk: the gradient is that of the whole batch, for whatever team."""
    sizes, loss = (9, 33, 4), "log_loss"
    params, X, targets, y = problem(sizes, loss, dtype, n_rows)
    weights = np.random.default_rng(1).uniform(0, 2, n_rows)
    data = scipy.sparse.csr_array(X) if sparse else X
    what = {"alpha": 0.5, "weights": weights}
    value, gradient = loss_and_gradient(sizes, "tanh", loss, dtype, data, targets, params, isa=isa, **what)
    expected_value, expected = oracle(sizes, "tanh", loss, X, y, params, **what)
    assert_close(value, expected_value, dtype)
    assert_close(gradient, expected, dtype, factor=10)
    again = loss_and_gradient(sizes, "tanh", loss, dtype, data, targets, params, isa=isa, n_threads=3, **what)
    np.testing.assert_array_equal(again[1], gradient)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_last", [1, 249, 250, 251, 1000])
@pytest.mark.parametrize("sizes", [(20, 64, 64, 2), (8, 150, 3), (31, 100, 33, 1)], ids=str)
def test_row_blocks_of_a_ragged_batch(sizes, n_last, sparse, dtype, isa):
    """Small networks sum large batches in row blocks; the gradient left is the last batch's, for whatever team."""
    loss = "squared_error"
    params, X, targets, _ = problem(sizes, loss, dtype, 1000 + n_last)
    _, expected = oracle(sizes, "logistic", loss, X[1000:], targets[1000:], params, 0.5)
    gradients = []
    for n_threads in (1, 2, 3, 8):
        trainer = engine.Trainer(
            sizes, "logistic", loss, dtype, rule="gradient", max_batch=1000, n_threads=n_threads, isa=isa
        )
        trainer.load(params)
        trainer.attach(rows_of(scipy.sparse.csr_array(X) if sparse else X, dtype), targets)
        passed(trainer, np.arange(len(X)), 1000, 0.5)
        gradients.append(np.empty_like(params))
        trainer.store(None, gradients[-1:])
        np.testing.assert_array_equal(gradients[-1], gradients[0])
    assert_close(gradients[0], expected, dtype, factor=10)


@pytest.mark.parametrize("n_outputs", [1, 3, 4, 5])
@pytest.mark.parametrize(
    "regularization",
    [
        {},
        {"l1": 0.05, "clip_value": 0.01},
        {"clip_norm": 0.02},
        {"max_norm": 0.3, "dropout": (0, 0.4)},
        {"average_decay": 0.6},
    ],
    ids=str,
)
@pytest.mark.parametrize("max_batch", [40, 1100])
def test_a_last_layer_of_few_outputs_is_like_any(n_outputs, regularization, max_batch, dtype):
    """How its weights lie depends on the instruction set. Its inputs fill a few panels and a part of one."""
    sizes, loss = (5, 75, n_outputs), "squared_error"
    params, X, targets, _ = problem(sizes, loss, dtype, max_batch + 30)
    results = []
    for isa, n_threads in (("scalar", 1), *((isa, n) for isa in engine.SUPPORTED_ISAS for n in (1, 2, 3))):
        trainer = engine.Trainer(
            sizes, "logistic", loss, dtype, rule="momentum", max_batch=max_batch, n_threads=n_threads, isa=isa,
            regularization=Regularization(**regularization),
        )  # fmt: skip
        state = [params.copy(), params / 8, params / 2]
        average = state[2] if "average_decay" in regularization else None
        trainer.load(state[0], state[1:2], average)
        trainer.attach(rows_of(X, dtype), targets)
        orders = np.stack([np.arange(len(X)), np.arange(len(X))[::-1]])
        loss_now = passed(trainer, orders, max_batch, 0.5, (0.02, 0.9))
        trainer.store(state[0], state[1:2], average)
        results.append((*state, np.array(loss_now)))
        if n_threads > 1:
            for value, expected in zip(results[-1], results[-2], strict=True):
                np.testing.assert_array_equal(value, expected)
        for value, expected, before in zip(results[-1], results[0], (params, params / 8, params / 2, 0), strict=True):
            assert_close(value, expected, dtype, factor=20)
            assert average is None or np.abs(value - before).max() > 0.001


@pytest.mark.parametrize("batch_size", [1, 10, 64, 400])
@pytest.mark.parametrize("sizes", [(31, 12, 3), (31, 300, 33)], ids=str)
def test_rows_asked_for_ahead_change_nothing(sizes, batch_size, dtype):
    """Of an X that no cache holds the next rows are asked for; of its few first rows alone they are not."""
    params, X, targets, _ = problem(sizes, "log_loss", dtype, 300)
    large, all_targets = np.zeros((40_000, sizes[0]), dtype), np.zeros(40_000, np.int32)
    large[:300], all_targets[:300] = X, targets
    assert large.nbytes > 2**22  # engine.MEMORY_BYTES
    orders = np.stack([np.random.default_rng(i).permutation(300) for i in range(2)])
    results = []
    for rows, y, n_threads in (
        (X, targets, 1),
        (large, all_targets, 1),
        (large, all_targets, 2),
        (large, all_targets, 3),
    ):
        trainer = engine.Trainer(
            sizes, "tanh", "log_loss", dtype, rule="sgd", max_batch=batch_size, n_threads=n_threads
        )
        trainer.load(params)
        trainer.attach(rows_of(rows, dtype), y)
        passed(trainer, orders, batch_size, hyper=(1.0,))
        results.append(np.empty_like(params))
        trainer.store(results[-1])
        np.testing.assert_array_equal(results[-1], results[0])
    assert np.abs(results[0] - params).max() > 0.01


def test_sums_run_over_the_batch_in_order(dtype, isa):
    """A bias's gradient is the sum of the deltas row by row, bitwise, across the borders of chunks."""
    n_rows = 3000
    X, y = np.zeros((n_rows, 1), dtype), np.random.default_rng(0).standard_normal((n_rows, 1)).astype(dtype)
    params = np.zeros(2, dtype)
    _, gradient = loss_and_gradient((1, 1), "relu", "squared_error", dtype, X, y, params, isa=isa, n_threads=2)
    running = np.add.accumulate(-y[:, 0])[-1]  # unlike sum(), one addition after the other
    assert gradient[1] == running * dtype.type(1 / n_rows)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_rows", [300, 2100])
@pytest.mark.parametrize("rule", ORACLES)
def test_threads_do_not_change_a_bit(rule, n_rows, sparse, dtype):
    sizes, loss = (31, 70, 33, 4), "log_loss"
    params, X, targets, _ = problem(sizes, loss, dtype, n_rows)
    data = scipy.sparse.csr_array(X) if sparse else X
    hyper = hyper_of(ORACLES[rule])
    results = []
    for n_threads in (1, 2, 3, 8, 1):
        trainer = engine.Trainer(sizes, "relu", loss, dtype, rule=rule, max_batch=n_rows // 2 + 1, n_threads=n_threads)
        slots = slots_of(ORACLES[rule], params)
        trainer.load(params, slots)
        trainer.attach(rows_of(data, dtype), targets, np.linspace(0, 2, n_rows))
        losses = [passed(trainer, np.arange(n_rows), n_rows // 2 + 1, 0.1, hyper, 2 * epoch) for epoch in range(3)]
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((losses, after, *slots))
    assert not np.array_equal(results[0][1], params)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_parameters_survive_the_packed_layout(dtype, isa):
    for sizes in NETWORKS:
        params = np.random.default_rng(0).standard_normal(n_params(sizes)).astype(dtype)
        trainer = engine.Trainer(sizes, "relu", "squared_error", dtype, rule="adam", max_batch=3, isa=isa)
        trainer.load(params, [params * 2, params * 3])
        out = [np.empty_like(params) for _ in range(3)]
        trainer.store(out[0], out[1:])
        for factor, values in enumerate(out, start=1):
            np.testing.assert_array_equal(values, params * dtype.type(factor))


@pytest.mark.parametrize("rule", ORACLES)
def test_minibatch_of_zero_weight_is_passed_over(rule, dtype):
    """Neither an update nor a step of the count: as if its rows were not there."""
    sizes, loss = (5, 17, 3), "log_loss"
    params, X, targets, _ = problem(sizes, loss, dtype, 40)
    weights = np.random.default_rng(0).uniform(0.5, 2, 40)
    weights[10:20] = 0
    weights[30:] = 0
    results, losses = [], []
    for order in (np.arange(40), np.r_[0:10, 20:30]):
        trainer = engine.Trainer(sizes, "relu", loss, dtype, rule=rule, max_batch=10, n_threads=2)
        slots = slots_of(ORACLES[rule], params)
        trainer.load(params, slots)
        trainer.attach(rows_of(X, dtype), targets, weights)
        losses.append(passed(trainer, order, 10, 0.1, hyper_of(ORACLES[rule]), 5) * len(order))
        assert trainer.updates_done() == 7
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((after, *slots))
    assert losses[0] == pytest.approx(losses[1], rel=1e-15)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_callers_denormals_come_back(n_threads, dtype):
    """While the engine flushes denormal numbers to zero for speed, the caller's arithmetic must not."""
    smallest = np.array([np.finfo(dtype).smallest_subnormal])
    params, X, targets, _ = problem((5, 17, 3), "log_loss", dtype)
    loss_and_gradient((5, 17, 3), "relu", "log_loss", dtype, X, targets, params, n_threads=n_threads)
    assert (smallest * 1)[0] != 0
    network = engine.PackedNetwork((5, 17, 3), "relu", "log_loss", dtype)
    network.load(params)
    network.forward(rows_of(np.tile(X, (10, 1)), dtype), n_threads=n_threads)
    assert (smallest * 1)[0] != 0
    assert ctypes.c_double(5e-324).value / 1 != 0


@pytest.mark.parametrize("n_rows", [0, 1, 127, 128, 129, 400])
def test_forward(n_rows, dtype, isa):
    for sizes, loss, activation in zip(NETWORKS, itertools.cycle(LOSSES), itertools.cycle(engine.ACTIVATIONS)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        structure = Structure(sizes, reference.hidden(activation, sizes), loss)
        network = engine.PackedNetwork(*structure, dtype, isa=isa)
        network.load(params)
        expected = reference.outputs(Network(structure, params.astype(np.float64)), X.astype(np.float64))
        out = network.forward(rows_of(X, dtype))
        assert out.dtype == dtype
        assert_close(out, expected, dtype)
        np.testing.assert_array_equal(network.forward(rows_of(X, dtype), n_threads=3), out)
        order = np.random.default_rng(0).permutation(n_rows)
        np.testing.assert_array_equal(network.forward(rows_of(X, dtype), order=order), out[order])
        csr = rows_of(scipy.sparse.csr_array(X), dtype)
        np.testing.assert_array_equal(network.forward(csr), out)
        np.testing.assert_array_equal(network.forward(csr, start=n_rows // 3, stop=n_rows), out[n_rows // 3 :])
        np.testing.assert_array_equal(
            network.forward(rows_of(X, dtype), start=n_rows // 3, stop=n_rows), out[n_rows // 3 :]
        )


def predictor_of(params, sizes, loss, dtype, isa=None, *, n_threads=1, form="columns"):
    predictor = engine.Predictor(sizes, "tanh", loss, dtype, isa=isa, form=form, team_of=lambda: (n_threads, False))
    predictor.load(params)
    return predictor


@pytest.mark.parametrize("n_rows", [0, 1, 127, 400])
def test_predictor(n_rows, dtype, isa):
    for sizes, loss in zip(NETWORKS, itertools.cycle(LOSSES)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        network = engine.PackedNetwork(sizes, "tanh", loss, dtype, isa=isa)
        network.load(params)
        expected = network.forward(rows_of(X, dtype))
        for n_threads in (1, 3):
            predictor = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads)
            np.testing.assert_array_equal(predictor(X), expected)
            if n_rows:
                np.testing.assert_array_equal(predictor.if_valid(X), expected)
            if sizes[-1] == 1:
                flat = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads, form="flat")
                np.testing.assert_array_equal(flat(X), expected[:, 0])
                pair = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads, form="pair")
                np.testing.assert_array_equal(pair(X), np.hstack([1 - expected, expected]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_predictor_sees_what_is_not_finite(bad, n_threads, dtype, isa):
    sizes = (37, 3)
    params, X, _, _ = problem(sizes, "log_loss", dtype, 400)
    X[5] = np.finfo(dtype).max  # finite, though the sum of the row is not
    predictor = predictor_of(params, sizes, "log_loss", dtype, isa, n_threads=n_threads)
    assert predictor.if_valid(X) is not None
    for row, column in itertools.product([0, 5, 127, 128, 255, 399], [0, 31, 36]):
        X_bad = X.copy()
        X_bad[row, column] = bad
        assert predictor.if_valid(X_bad) is None
        assert np.isnan(predictor(X_bad)[row]).any()


def test_predictor_takes_only_arrays_of_its_kind(dtype):
    sizes = (4, 5, 3)
    params, X, _, _ = problem(sizes, "log_loss", dtype, 10)
    predictor = predictor_of(params, sizes, "log_loss", dtype)
    other = np.float64 if dtype == np.float32 else np.float32
    swapped = X.astype(X.dtype.newbyteorder())
    for bad in (X[:, :3], X[0], X.astype(other), np.asfortranarray(X), X[:, ::-1], X[::2], swapped, X.tolist(), None):
        assert predictor.if_valid(bad) is None
        with pytest.raises(
            ValueError, match=r"X must be a C-contiguous array of shape \(n_samples, 4\) and type float"
        ):
            predictor(bad)
    assert predictor.if_valid(X[:0]) is None
    assert predictor(X[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match="form='flat' is for one output, the network has 3"):
        predictor_of(params, sizes, "log_loss", dtype, form="flat")


def test_predictor_knows_its_parameters(dtype, isa):
    for sizes in NETWORKS:
        params = problem(sizes, "squared_error", dtype)[0]
        params[0] = np.nan
        predictor = predictor_of(params, sizes, "squared_error", dtype, isa)
        for i in {0, 1, len(params) // 2, len(params) - sizes[-1], len(params) - 1}:
            changed = params.copy()
            assert predictor.holds(*reference.layer_views(changed, sizes))
            changed[i] = np.nextafter(changed[i], 2, dtype=dtype) if i else 0
            assert not predictor.holds(*reference.layer_views(changed, sizes))
        coefs, intercepts = reference.layer_views(params, sizes)
        assert not predictor.holds(coefs[:-1], intercepts[:-1])
        assert not predictor.holds(coefs, [None, *intercepts[1:]])
        if params.dtype == np.float64:
            assert not predictor.holds([W.astype(np.float32) for W in coefs], intercepts)


def test_attach_and_load_check_their_arrays():
    trainer = engine.Trainer((3, 2), "relu", "squared_error", np.float64, rule="sgd", max_batch=4)
    rows, y = rows_of(np.zeros((4, 3)), np.float64), np.zeros((4, 2))
    with pytest.raises(ValueError, match="8 parameters"):
        trainer.load(np.zeros(7))
    with pytest.raises(ValueError, match="float64 vector"):
        trainer.load(np.zeros(8, np.float32))
    with pytest.raises(ValueError, match=r"array of float64 of shape \(4, 2\), got float64 of shape \(3, 2\)"):
        trainer.attach(rows, y[:3])
    with pytest.raises(ValueError, match=r"array of float64 of shape \(4, 2\), got float32 of shape \(4, 2\)"):
        trainer.attach(rows, y.astype(np.float32))
    with pytest.raises(ValueError, match=r"array of float64 of shape \(4, 2\), got list"):
        trainer.attach(rows, y.tolist())
    for weights in (np.ones(3), np.ones(4, np.float32), np.ones(8)[::2], [1.0] * 4):
        with pytest.raises(ValueError, match="4 contiguous float64 weights"):
            trainer.attach(rows, y, weights)
    with pytest.raises(ValueError, match="X has 5 features, but the network is expecting 3 features as input"):
        trainer.attach(rows_of(np.zeros((4, 5)), np.float64), y)


@pytest.mark.parametrize("loss", sorted(engine.CLASS_TARGET_LOSSES))
@pytest.mark.parametrize("wrong", [3, -1, 10**9, -(10**9), 2**31 - 1, -(2**31)])
def test_class_numbers_that_are_none_are_refused(loss, wrong, dtype):
    """They are where a kernel looks for a probability."""
    trainer = engine.Trainer((3, 3), "relu", loss, dtype, rule="sgd", max_batch=4)
    rows, z = rows_of(np.zeros((40, 3), dtype), dtype), np.zeros((40, 3), dtype)
    for at in (0, 17, 39):
        classes = np.arange(40, dtype=np.int32) % 3
        trainer.attach(rows, classes)
        classes[at] = wrong
        with pytest.raises(ValueError, match=f"targets must be class numbers from 0 to 2, got {wrong}"):
            trainer.attach(rows, classes)
        with pytest.raises(ValueError, match=f"targets must be class numbers from 0 to 2, got {wrong}"):
            engine.row_losses(loss, z, classes)


def test_row_losses_checks_its_arrays(dtype):
    z = np.zeros((4, 2), dtype)
    for targets in (z[:3], z[:, :1], z.astype(np.float16), np.zeros((4, 4), dtype)[:, ::2], z.tolist()):
        with pytest.raises(ValueError, match="targets must be a contiguous array of"):
            engine.row_losses("squared_error", z, targets)
    with pytest.raises(ValueError, match="4 contiguous float64 weights"):
        engine.row_losses("squared_error", z, z, np.ones(3))
    with pytest.raises(ValueError, match=r"loss='mse' is not known; known are 'log_loss', "):
        engine.row_losses("mse", z, z)


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


def test_a_pass_goes_over_rows_that_there_are():
    trainer = engine.Trainer((3, 2), "relu", "squared_error", np.float64, rule="sgd", max_batch=4)
    with pytest.raises(ValueError, match=r"attach\(\) comes before begin\(\)"):
        trainer.begin(np.zeros((1, 1), np.int64), 1, 0.0, (0.1,), 0)
    trainer.attach(rows_of(np.zeros((6, 3)), np.float64), np.zeros((6, 2)))
    for batch_size in (0, -1, 5):
        with pytest.raises(ValueError, match=f"batch_size must be from 1 to max_batch=4, got {batch_size}"):
            trainer.begin(np.arange(6)[np.newaxis], batch_size, 0.0, (0.1,), 0)
    for wrong in (-1, 6, 2**40, -(2**63), 2**63 - 1):
        for at in ((0, 0), (1, 3), (2, 5)):
            orders = np.tile(np.arange(6), (3, 1))
            orders[at] = wrong
            with pytest.raises(ValueError, match="orders must hold numbers of rows, from 0 to 5"):
                trainer.begin(orders, 4, 0.0, (0.1,), 0)


def test_a_forward_pass_goes_over_rows_that_there_are():
    network, rows = engine.PackedNetwork((3, 2), "relu", "squared_error", np.float64), rows_of(np.ones((6, 3)), float)
    assert network.forward(rows, order=np.array([5, 0]), start=1).shape == (1, 2)
    for order in ([6], [0, -1], [2**62, 0]):
        with pytest.raises(ValueError, match="order must hold numbers of rows, from 0 to 5"):
            network.forward(rows, order=np.array(order))
    for start, stop in ((-1, 3), (4, 3), (0, 7), (7, None), (2**40, None)):
        with pytest.raises(ValueError, match=f"expected 0 <= start <= stop <= 6, got start={start} and stop={stop}"):
            network.forward(rows, start=start, stop=stop)
    read_only = np.zeros((6, 2))
    read_only.flags.writeable = False
    for out in (np.zeros((5, 2)), np.zeros((6, 3)), np.zeros((6, 2), np.float32), np.zeros((6, 4))[:, ::2], read_only):
        with pytest.raises(ValueError, match=r"out must be a contiguous float64 array of shape \(6, 2\)"):
            network.forward(rows, out=out)


def test_what_is_no_part_of_a_network_is_neither_read_nor_written():
    network = network_of("tanh", "log_loss", "batch", sizes=(5, 7, 6, 3))
    packed = network.packed()
    for i in (-1, 2, 10**6):
        with pytest.raises(ValueError, match=f"no batch normalisation in a hidden layer {i}"):
            packed.running(i)
        with pytest.raises(ValueError, match=f"no batch normalisation in a hidden layer {i}"):
            packed.set_running(i, np.zeros(7), np.ones(7))
    with pytest.raises(ValueError, match="no batch normalisation in a hidden layer 0"):
        network_of("tanh", "log_loss", "layer").packed().running(0)
    read_only = network.params.copy()
    read_only.flags.writeable = False
    packed.load(read_only)
    with pytest.raises(ValueError, match="a vector that can be written to"):
        packed.store(read_only)
    trainer = engine.Trainer(*network.structure, np.float64, rule="momentum", max_batch=4)
    vector = np.zeros_like(network.params)
    for method in (trainer.load, trainer.store):
        with pytest.raises(ValueError, match="the rule momentum has 1 arrays of state, got 2"):
            method(vector, [vector, vector])
        with pytest.raises(ValueError, match="no average of the parameters without average_decay"):
            method(vector, [vector], vector)


def test_networks_that_can_not_be_are_refused():
    for sizes in ((), (3,), (3, -1)):
        with pytest.raises(ValueError, match="sizes must be those of two layers or more"):
            engine.PackedNetwork(sizes, "relu", "squared_error", np.float64)
    with pytest.raises(ValueError, match="expected 1 hidden layers, got 2"):
        engine.PackedNetwork((3, 2, 1), [hidden_layer("relu")] * 2, "squared_error", np.float64)
    for dtype in ("float16", ">f8", int):
        with pytest.raises(ValueError, match="dtype must be float32 or float64, in native byte order, got "):
            engine.PackedNetwork((3, 1), "relu", "squared_error", dtype)
    for what, arguments in {
        "loss='mse'": ("relu", "mse"),
        "activation='sine'": ("sine", "squared_error"),
        "normalization='group'": ([hidden_layer("relu")._replace(normalization="group")], "squared_error"),
    }.items():
        with pytest.raises(ValueError, match=f"{what} is not known; known are "):
            engine.PackedNetwork((3, 2, 1), *arguments, np.float64)


@pytest.mark.parametrize(
    "returned", [np.zeros((12, 6)), np.zeros((12, 7), np.float32), np.zeros((12, 14))[:, ::2], 0.0]
)
def test_what_a_function_in_python_returns_is_looked_at(returned):
    class Careless(Sine):
        def values(self, z):
            return returned

    network = network_of(Careless(), "squared_error", sizes=(5, 7, 3))
    with pytest.raises(ValueError, match=r"must return a contiguous float64 array of shape \(12, 7\)"):
        network.forward(data_for(network)[0])


def test_choose_isa():
    assert engine.choose_isa("") == engine.SUPPORTED_ISAS[-1]
    assert engine.SUPPORTED_ISAS[0] == "scalar"
    for name in engine.SUPPORTED_ISAS:
        assert engine.choose_isa(name) == name
    with pytest.raises(ValueError, match=r"FASTMLP_ISA='mmx' is not an instruction set of this build; known are \["):
        engine.choose_isa("mmx")


def test_choose_isa_the_cpu_lacks(monkeypatch):
    monkeypatch.setattr(engine.tables, "SUPPORTED_ISAS", ("scalar",))
    lacking = next(name for name in engine.ISAS if name != "scalar")
    with pytest.raises(ValueError, match=f"FASTMLP_ISA='{lacking}' is not supported by this CPU"):
        engine.choose_isa(lacking)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fma_ceiling(n_threads, dtype, isa):
    assert 0 < engine.fma_ceiling(dtype, isa=isa, n_threads=n_threads) < np.inf


def test_fma_ceiling_refuses():
    with pytest.raises(ValueError, match="n_threads must be from 1 to 1024, got 0"):
        engine.fma_ceiling("float32", n_threads=0)
    with pytest.raises(ValueError, match="'mmx' is not an instruction set"):
        engine.fma_ceiling("float32", isa="mmx")


def test_isa_from_the_environment(script, isa):
    out = script("import fastmlp; fastmlp.MLPRegressor(max_iter=1); print(fastmlp.engine.ISA)", FASTMLP_ISA=isa)
    assert out == isa


def test_unknown_isa_in_the_environment(python):
    done = python("import fastmlp", FASTMLP_ISA="mmx")
    assert done.returncode == 1
    assert "ValueError: FASTMLP_ISA='mmx' is not an instruction set of this build" in done.stderr


def whole_numbers(sizes, n_rows, seed=0):
    """A problem all of whose sums are whole numbers that float32 holds exactly, larger than bfloat16 does."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-20, 21, (n_rows, sizes[0])).astype(np.float32)
    y = rng.integers(-9, 10, (n_rows, sizes[-1])).astype(np.float32)
    params = rng.integers(-3, 4, n_params(sizes)).astype(np.float32)
    params[rng.random(len(params)) < 0.8] = 0
    return params, X, y


@pytest.fixture(params=["amx", "avx512bf16", ""])
def bfloat16_product(request):
    """Each of this machine's products of bfloat16 numbers; "" is plain C."""
    try:
        engine.choose_bfloat16_product(request.param)
    except ValueError:
        pytest.skip(f"no {request.param} here")
    yield request.param
    engine.choose_bfloat16_product()


def test_bfloat16_products_this_machine_lacks():
    with pytest.raises(ValueError, match="no products of bfloat16 numbers called 'tpu' on this machine"):
        engine.choose_bfloat16_product("tpu")


@pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
@pytest.mark.parametrize(
    ("sizes", "n_rows"),
    [
        ((1, 1), 1),
        ((5, 3), 31),
        ((33, 17), 32),
        ((32, 64, 16), 33),
        ((7, 65, 40, 2), 100),
        ((70, 20, 1), 300),
        ((40, 3), 1030),
    ],
)
def test_bfloat16_products_are_those_of_rounded_operands(sizes, n_rows, isa, bfloat16_product):
    """Exactly: sums of whole numbers do not depend on their order."""
    params, X, y = whole_numbers(sizes, n_rows)
    # A split operand is what it was: these numbers need two of its terms.
    for options, rounded in (({"bfloat16": True}, reference.round_to_bfloat16), ({"split": True}, np.float32)):
        outputs, expected = reference.gradients_of_rounded(
            X, y, *reference.layer_views(params, sizes), "relu", "squared_error", rounded
        )
        assert any((reference.round_to_bfloat16(g) != g).any() for g in [outputs, *expected]) or sizes == (1, 1)
        largest = max(np.abs(g).max() for g in expected)
        assert largest < 1 << 24
        for n_threads in (1, 2, 3):
            trainer = engine.Trainer(
                sizes, "relu", "squared_error", np.float32,
                rule="gradient", max_batch=n_rows, n_threads=n_threads, isa=isa, **options,
            )  # fmt: skip
            trainer.load(params)
            trainer.attach(rows_of(X, np.float32), y)
            value, gradient = passed(trainer, np.arange(n_rows), n_rows), np.empty_like(params)
            trainer.store(None, [gradient])
            assert value == pytest.approx(0.5 * ((outputs - y) ** 2).mean(), rel=1e-6)
            means = np.concatenate([g.ravel() for g in expected]).astype(np.float32) * np.float32(1 / n_rows)
            np.testing.assert_array_equal(gradient, means)


def gradient_of(params, sizes, X, targets, dtype=np.float32, **options):
    n_rows = len(X)
    trainer = engine.Trainer(sizes, "tanh", "squared_error", dtype, rule="gradient", max_batch=n_rows, **options)
    gradient = np.empty(len(params), dtype)
    trainer.load(params.astype(dtype))
    trainer.attach(rows_of(X.astype(dtype), dtype), targets.astype(dtype))
    passed(trainer, np.arange(n_rows), n_rows)
    trainer.store(None, [gradient])
    return gradient.astype(np.float64)


@pytest.mark.parametrize("of", ["both signs", "one sign", "all sizes"])
@pytest.mark.parametrize("n_rows", [1, 30, 1000])
def test_how_close_sums_of_split_operands_are(n_rows, of, bfloat16_product):
    """The product of the first layer's gradient alone, X.T @ -y / n_rows; errors beside those of float32 products.

    AMX adds within each block of rows first.
    """
    rng = np.random.default_rng(0)
    sizes = (50, 70)
    X, y = (rng.standard_normal((n_rows, width)) for width in sizes)
    if of == "one sign":
        X, y = np.maximum(X, 0), np.maximum(y, 0)
    elif of == "all sizes":
        X, y = (a * 10.0 ** rng.uniform(-12, 12, a.shape) for a in (X, y))
    X, y = X.astype(np.float32), y.astype(np.float32)
    exact = -(X.T.astype(np.float64) @ y / n_rows)
    unit = np.maximum(2.0**-24 * np.abs(X.T).astype(np.float64) @ np.abs(y) / n_rows, np.finfo(np.float32).tiny)
    split, plain = (
        (gradient_of(np.zeros(n_params(sizes), "f4"), sizes, X, y, split=which)[: 50 * 70].reshape(sizes) - exact)
        / unit
        for which in (True, False)
    )
    ratio = np.sqrt(np.square(split).mean() / np.square(plain).mean())
    if bfloat16_product == "amx":
        assert 0 < ratio < (0.8 if n_rows > 1 and of == "both signs" else 1.4)
    else:
        assert 0 < ratio < 3  # nobody takes these for split operands unasked


def test_gradients_of_split_operands_are_as_close_as_float32_ones(bfloat16_product):
    """To those in double precision, of a whole network."""
    sizes = (200, 300, 100, 5)
    params, X, targets, _ = problem(sizes, "squared_error", np.float32, 300)
    exact = gradient_of(params, sizes, X, targets, np.float64)
    split, plain = (
        np.linalg.norm(gradient_of(params, sizes, X, targets, split=which) - exact) for which in (True, False)
    )
    assert 0 < split < plain


def test_which_networks_have_split_operands(monkeypatch):
    large, small, largest = (784, 256, 128, 10), (300, 100, 10), (784, 2048, 2048, 10)
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", False)
    assert engine.split_product() == ""
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", True)
    amx = engine.bfloat16_product() == "amx"
    assert engine.split_product() == ("amx" if amx else "")
    for product in ("", "amx"):
        with monkeypatch.context() as patch:
            patch.setattr(engine.tables, "split_product", lambda product=product: product)
            assert engine.splits(large, 256) == bool(product)
            assert not engine.splits(large, 255)
            assert not engine.splits(small, 1000)

    def terms(sizes, max_batch=256, dtype=np.float32, **options):
        return engine.Trainer(sizes, "relu", "squared_error", dtype, rule="sgd", max_batch=max_batch, **options).terms

    by_itself = 3 if amx else 0
    assert terms(large) == by_itself
    assert terms(large, n_threads=8) == by_itself
    assert terms(large, split=False) == terms(large, 200) == terms(small) == terms(large, dtype=np.float64) == 0
    assert terms(largest, 512) == 0  # whose batches are worked on in chunks of fewer rows
    assert terms(large, isa=engine.ISA) == 0
    assert terms(large, bfloat16=True) == 1
    assert terms(small, 20, split=True) == 3
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", False)
    assert terms(large) == 0


@pytest.mark.parametrize("depth", [1, 2, 5, 12])
@pytest.mark.parametrize("shape", [(1, 5), (30, 16), (70, 33), (200, 100)])
def test_sums_over_few_indices_are_those_of_tiles(depth, shape, dtype, isa):
    """Bit by bit: of 13 indices, some with zeros, there are tiles."""
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(n).astype(dtype) for n in ((shape[0], depth), (depth, shape[1]), shape[1]))
    tiled = engine.matmul(np.pad(a, ((0, 0), (0, 13 - depth))), np.pad(b, ((0, 13 - depth), (0, 0))), bias, isa=isa)
    np.testing.assert_array_equal(engine.matmul(a, b, bias, isa=isa), tiled)


@pytest.mark.parametrize("n_in", [1, 3, 12, 13])
@pytest.mark.parametrize("n_hidden", [5, 20, 100])
@pytest.mark.parametrize("n_out", [1, 3, 12, 13])
def test_products_with_relu_are_the_kernels_one_after_another(n_in, n_hidden, n_out, dtype, isa):
    """Bit by bit: over a short inner index relu and its derivative are part of the product. NaN stays NaN."""
    sizes, n_rows = (n_in, n_hidden, n_out), 70
    params, X, targets, _ = problem(sizes, "squared_error", dtype, n_rows)
    (W1, W2), (b1, b2) = reference.layer_views(params, sizes)
    trainer = engine.Trainer(sizes, "relu", "squared_error", dtype, rule="gradient", max_batch=n_rows, isa=isa)
    trainer.load(params)
    for value in (0.5, np.nan, -np.inf):
        X[7, 0] = value
        with np.errstate(invalid="ignore"):
            a = engine.activate("relu", engine.matmul(X, np.ascontiguousarray(W1), b1, isa=isa), isa=isa)
            outputs = engine.matmul(a, np.ascontiguousarray(W2), b2, isa=isa)
        np.testing.assert_array_equal(trainer.forward(rows_of(X, dtype), linked=False), outputs)
        trainer.attach(rows_of(X, dtype), targets)
        gradient = np.empty_like(params)
        passed(trainer, np.arange(n_rows), n_rows)
        trainer.store(None, [gradient])
        deltas = engine.row_losses("squared_error", outputs, targets, isa=isa)[1]
        back = engine.matmul(deltas, np.ascontiguousarray(W2.T), isa=isa)
        kept = np.where(a != 0, back, 0)
        sums = engine.Panels(np.zeros((n_in, n_hidden), dtype), isa, np.zeros(n_hidden, dtype))
        sums.multiply_transposed(engine.Panels(X, isa), engine.Panels(kept.astype(dtype), isa))
        expected = sums.unpack() * dtype.type(1 / n_rows)
        np.testing.assert_array_equal(gradient[: n_in * n_hidden].reshape(n_in, n_hidden), expected)


@pytest.mark.parametrize(("asked", "may"), [("", False), ("0", False), ("1", True)])
def test_operands_are_split_for_those_who_ask(script, asked, may):
    assert script("from fastmlp import engine; print(engine.MAY_SPLIT)", FASTMLP_SPLIT=asked) == str(may)


def test_whether_to_split_is_yes_or_no(python):
    done = python("import fastmlp", FASTMLP_SPLIT="yes")
    assert done.returncode == 1
    assert "ValueError: FASTMLP_SPLIT='yes' is neither '0' nor '1'." in done.stderr


@pytest.mark.parametrize("rule", ORACLES)
@pytest.mark.parametrize(
    ("sizes", "n_rows", "batch_size"), [((20, 70, 33, 3), 150, 50), ((20, 70, 33, 3), 300, 150), ((9, 2), 2500, 2500)]
)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("options", [{"bfloat16": True}, {"split": True}], ids=str)
def test_bfloat16_weights_do_not_depend_on_threads(rule, sizes, n_rows, batch_size, sparse, options):
    """Many threads find split weights ready, few split them themselves."""
    params, X, targets, _ = problem(sizes, "log_loss", np.float32, n_rows)
    X = scipy.sparse.csr_array(X) if sparse else X
    results = []
    for n_threads in (1, 2, 3, 8):
        trainer = engine.Trainer(
            sizes, "tanh", "log_loss", np.float32,
            rule=rule, max_batch=batch_size, n_threads=n_threads, **options,
        )  # fmt: skip
        slots = slots_of(ORACLES[rule], params)
        trainer.load(params, slots)
        trainer.attach(rows_of(X, np.float32), targets)
        losses = [passed(trainer, np.arange(n_rows), batch_size, 0.1, hyper_of(ORACLES[rule]), i) for i in range(3)]
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((losses, after, *slots))
    assert results[0][0][-1] < results[0][0][0]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{"bfloat16": True}, {"split": True}], ids=str)
@pytest.mark.parametrize("value", [np.nan, np.uint32(0x7FFFFFFF).view(np.float32), np.inf, -np.inf, 3.4e38])
def test_bfloat16_keeps_what_is_not_finite(value, bfloat16_product, options):
    """The largest numbers are rounded to infinity; a NaN with few bits does not become another number."""
    sizes = (3, 40)
    params, X, y = whole_numbers(sizes, 33)
    params[: 3 * 40] = 1
    X[5, 1] = value
    trainer = engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="gradient", max_batch=33, **options)
    trainer.load(params)
    trainer.attach(rows_of(X, np.float32), y)
    value = passed(trainer, np.arange(33), 33)
    assert not np.isfinite(value)


@pytest.mark.parametrize("options", [{"bfloat16": True}, {"split": True}], ids=str)
def test_bfloat16_is_for_float32(options):
    with pytest.raises(ValueError, match="bfloat16 products go with float32, not float64"):
        engine.Trainer((2, 1), "relu", "squared_error", np.float64, rule="sgd", max_batch=1, **options)


def test_bfloat16_weights_loaded_after_a_nan_are_as_new():
    sizes, n_rows = (8, 20, 3), 40
    params, X, y = whole_numbers(sizes, n_rows)
    trainer = engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="sgd", max_batch=n_rows, bfloat16=True)
    trainer.attach(rows_of(X, np.float32), y)
    results = []
    for start in (params, np.full_like(params, np.nan), params):
        trainer.load(start)
        passed(trainer, np.arange(n_rows), n_rows, 0.0, (1e-3,))
        results.append(np.empty_like(params))
        trainer.store(results[-1])
    assert np.isnan(results[1]).any()
    np.testing.assert_array_equal(results[2], results[0])


def test_attaching_dense_rows_after_training_on_sparse_ones():
    sizes, n_rows = (8, 20, 3), 40
    params, X, y = whole_numbers(sizes, n_rows)
    trainer, other = (
        engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="sgd", max_batch=n_rows, bfloat16=True)
        for _ in range(2)
    )
    trainer.load(params)
    trainer.attach(rows_of(scipy.sparse.csr_array(X), np.float32), y)
    passed(trainer, np.arange(n_rows), n_rows, 0.0, (1e-3,))
    between = np.empty_like(params)
    trainer.store(between)
    other.load(between)
    for each in (trainer, other):
        each.attach(rows_of(X, np.float32), y)
    assert passed(trainer, np.arange(n_rows), n_rows) == passed(other, np.arange(n_rows), n_rows)


def test_a_team_that_gets_no_cpus_is_left_without_changing_a_bit(dtype):
    """More threads than CPUs: after a while one thread goes on for all of them."""
    sizes, n_rows = (20, 64, 64, 3), 5000
    params, X, targets, _ = problem(sizes, "log_loss", dtype, n_rows)
    results = []
    for n_threads in (1, 4 * joblib.cpu_count()):
        trainer = engine.Trainer(sizes, "relu", "log_loss", dtype, rule="adam", max_batch=200, n_threads=n_threads)
        slots, losses = [np.zeros_like(params) for _ in range(2)], []
        trainer.load(params, slots)
        trainer.attach(rows_of(X, dtype), targets)
        losses = [passed(trainer, np.arange(n_rows), 200, 0.1, hyper_of(ORACLES["adam"]), 25 * i) for i in range(20)]
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((losses, after, *slots))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- Regularisation --------------------------------------------------------------------------------------------------

RULES = ["sgd", "adam"]
EACH_REGULARIZATION = {
    "none": {},
    "dropout": {"dropout": [0.2, 0.4, 0.3]},
    "noise": {"input_noise": 0.4},
    "l1": {"l1": 0.4},
    "clip_value": {"clip_value": 0.02},
    "clip_norm": {"clip_norm": 0.2},
    "max_norm": {"max_norm": 0.9},
    "average": {"average_decay": 0.7},
}
ALL_REGULARIZATION = {name: value for each in EACH_REGULARIZATION.values() for name, value in each.items()}
REGULARIZATIONS = EACH_REGULARIZATION | {
    "all": ALL_REGULARIZATION,
    "all but randomness": {k: v for k, v in ALL_REGULARIZATION.items() if k not in ("dropout", "input_noise")},
}
# What NumPy can follow: without random numbers, and not only so much of the gradient that all of it is clipped.
DETERMINISTIC = [name for name, given in REGULARIZATIONS.items() if not {"dropout", "input_noise"} & set(given)]


def trained(
    network, X, targets, orders, batch_size, weights=None, *, rule="adam", alpha=0.3, together=None, given=(), **options
):
    """Losses, parameters, the rule's state, the average and the running moments after passes over rows in these orders.

    together: how many passes are begun at once; all for None.
    """
    dtype, optimizer = network.params.dtype, ORACLES[rule]
    trainer = engine.Trainer(
        *network.structure,
        dtype,
        rule=rule,
        max_batch=batch_size,
        regularization=Regularization(**dict(given)),
        **options,
    )
    slots, average = slots_of(optimizer, network.params), np.zeros_like(network.params)
    network.load_into(trainer)
    trainer.load(network.params, slots)
    trainer.attach(rows_of(X, dtype), targets, weights)
    losses, count = [], 0
    together = together or len(orders)
    for start in range(0, len(orders), together):
        trainer.begin(orders[start : start + together], batch_size, alpha, hyper_of(optimizer), count)
        while not trainer.run():
            pass
        losses, count = losses + trainer.losses(), trainer.updates_done()
    params = np.empty_like(network.params)
    trainer.store(params, slots, average if dict(given).get("average_decay") else None)
    return np.array(losses), params, *slots, average, *running_of(network, trainer)


def running_of(network, trainer):
    hidden = network.structure.hidden
    return [trainer.running(i) for i, layer in enumerate(hidden) if layer.normalization == "batch"]


def orders_of(n_rows, n_passes=2, seed=5):
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n_rows), (n_passes, 1)), axis=1)


def assert_same(results, others):
    for result, other in zip(results, others, strict=True):
        np.testing.assert_array_equal(other, result)


def typed(network, X, targets, dtype):
    """All in one type."""
    return network.astype(dtype), X.astype(dtype), targets if targets.dtype == np.int32 else targets.astype(dtype)


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
@pytest.mark.parametrize(("sizes", "n_rows"), [((5, 33, 6, 3), 2500), ((20, 64, 64, 2), 1000)], ids=str)
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
    "row blocks": ((20, 64, 64, 2), 1700, 1000),
    "chunks": ((9, 33, 40, 4), 2500, 2500),
    "wide": ((31, 300, 70, 4), 150, 64),
    "few rows": ((5, 7, 6, 3), 23, 6),
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("case", BIT_CASES)
def test_no_bit_depends_on_threads_or_on_how_passes_are_begun(case, normalization, sparse, dtype):
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
            for n_threads, together in ((2, None), (3, 1), (8, 2)):
                other = trained(
                    network, X, targets, orders, batch_size, weights, n_threads=n_threads, together=together, **options
                )
                assert_same(first, other)
            if sparse and not product:
                assert_same(first, trained(network, X.toarray(), targets, orders, batch_size, weights, **options))


SHALLOW = list(itertools.product([1, 2, 3, 5, 8, 9, 13, 16, 17], [5, 16, 33, 100], [1, 2, 3, 4]))


@pytest.mark.parametrize("sizes", SHALLOW, ids=str)
def test_shallow_networks(sizes, dtype, isa):
    """One thread may have kernels of their own for them; a team and CSR rows never do. Not a bit differs."""
    params, X, targets, y = problem(sizes, "squared_error", dtype)
    value, gradient = loss_and_gradient(sizes, "relu", "squared_error", dtype, X, targets, params, alpha=0.5, isa=isa)
    expected_value, expected = oracle(sizes, "relu", "squared_error", X, y, params, 0.5)
    assert_close(value, expected_value, dtype)
    assert_close(gradient, expected, dtype, factor=2)
    trainer = engine.Trainer(
        sizes, reference.hidden("relu", sizes), "squared_error", dtype, rule="sgd", max_batch=len(X), isa=isa
    )
    for data in (X, scipy.sparse.csr_array(X)):
        trainer.attach(rows_of(data, dtype), targets)
        assert trainer.shallow == (isa == "avx512" and sizes[0] <= 16 and data is X)
    for data, n_threads in ((X, 2), (scipy.sparse.csr_array(X), 1)):
        other = loss_and_gradient(
            sizes, "relu", "squared_error", dtype, data, targets, params, alpha=0.5, isa=isa, n_threads=n_threads
        )
        assert other[0] == value
        np.testing.assert_array_equal(other[1], gradient)


@pytest.mark.parametrize("given", REGULARIZATIONS)
@pytest.mark.parametrize(("n_rows", "batch_size"), [(1, 1), (7, 3), (150, 40), (2500, 2500)])
@pytest.mark.parametrize("sizes", [(4, 100, 3), (2, 20, 1)], ids=str)
def test_training_of_shallow_networks_is_that_of_others(sizes, n_rows, batch_size, given, dtype):
    network = network_of("relu", "log_loss" if sizes[-1] > 1 else "binary_log_loss", sizes=sizes)
    network, X, targets = typed(network, *data_for(network, n_rows)[:2], dtype)
    weights, orders = np.random.default_rng(2).integers(0, 3, n_rows) * 0.7, orders_of(n_rows, 3)
    given = dict(REGULARIZATIONS[given])
    if "dropout" in given:
        given["dropout"] = [0.2, 0]  # of the inputs alone: dropped hidden units go the common way
    one, two = (
        trained(network, X, targets, orders, batch_size, weights, given=given, seed=4, n_threads=n_threads)
        for n_threads in (1, 2)
    )
    assert np.isfinite(one[1]).all()
    assert_same(one, two)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_goes_through_shallow_networks_as_through_others(bad, dtype):
    network = network_of("relu", "squared_error", sizes=(4, 20, 2))
    network, X, targets = typed(network, *data_for(network, 40)[:2], dtype)
    X[3, 1] = bad
    assert_same(*(trained(network, X, targets, orders_of(40), 10, n_threads=n_threads) for n_threads in (1, 2)))


def test_a_team_smaller_than_asked_for_does_not_change_a_bit(script):
    """One thread then does the work of several, one after another."""
    source = """
        import sys
        sys.path.insert(0, "bench")
        from tests.test_engine import *
        network = network_of(SiLU(), "log_loss", "batch", (9, 33, 40, 4))
        X, targets, _ = data_for(network, 300)
        results = [
            trained(network, X, targets, orders_of(300), 100, given=ALL_REGULARIZATION, n_threads=n)
            for n in (1, 3)
        ]
        assert_same(*results)
        print("same")
    """
    assert script(source, OMP_THREAD_LIMIT="1") == "same"
    assert script(source, OMP_THREAD_LIMIT="2") == "same"


# ---- Random numbers --------------------------------------------------------------------------------------------------


def read_back(
    layer, shape, *, values=1.0, dtype=np.float64, seed=0, step=1, n_threads=1, isa=None, sparse=False, **given
):
    """What reaches the weights after the inputs (layer 0) or a hidden layer, all of whose values are the same.

    Each row has an output of its own, and delta 1 there alone; so the gradient of those weights is the rows.
    """
    n_rows, width = shape
    sizes = (width, n_rows) if layer == 0 else (1, *[width] * layer, n_rows)
    network = Network(Structure.of(sizes, "identity", "squared_error"), dtype=dtype)
    for biases in network.intercepts[:-1]:
        biases[:] = values
    X = np.full((n_rows, sizes[0]), values, dtype)
    trainer = engine.Trainer(
        *network.structure, dtype, rule="gradient", max_batch=n_rows, n_threads=n_threads, isa=isa, seed=seed,
        regularization=Regularization(**given),
    )  # fmt: skip
    trainer.load(network.params)
    trainer.attach(rows_of(scipy.sparse.csr_array(X) if sparse else X, dtype), (-n_rows * np.eye(n_rows)).astype(dtype))
    passed(trainer, np.arange(n_rows), n_rows, step_count=step - 1)
    gradient = np.empty_like(network.params)
    trainer.store(None, [gradient])
    return Network(network.structure, gradient).coefs[-1].T.copy()


def kept(layer, shape, rate, **options):
    """Which values are not dropped."""
    return read_back(layer, shape, dropout=rates_for(layer, rate), **options) != 0


def rates_for(layer, rate):
    return [0.0] * layer + [rate]


SHAPE = (300, 400)
LEAST_P = 1e-4  # a fair generator falls below in one of ten thousand tests


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_dropout_drops_its_share(layer, rate):
    values = read_back(layer, SHAPE, dropout=rates_for(layer, rate))
    assert set(np.unique(values).round(12)) == {0.0, round(1 / (1 - rate), 12)}  # so that the expectation is kept
    stays = values != 0
    for counts, n in (
        (stays.sum(keepdims=True), stays.size),
        (stays.sum(axis=0), SHAPE[0]),
        (stays.sum(axis=1), SHAPE[1]),
    ):
        square = ((counts - n * (1 - rate)) ** 2 / (n * rate * (1 - rate))).sum()
        assert LEAST_P < scipy.stats.chi2.sf(square, counts.size) < 1 - LEAST_P


def pairs_to_try(values_of):
    """What should be independent: neighbours within a step, and values of other steps, layers and seeds."""
    a = values_of(0)
    for lag in (1, 2, 16, 32):
        yield f"rows {lag} apart", a[lag:], a[:-lag]
        yield f"columns {lag} apart", a[:, lag:], a[:, :-lag]
    for other in ({"step": 2}, {"step": 3}, {"seed": 1}, {"seed": 2**63}):
        b = values_of(0, **other)
        yield str(other), a, b
        yield f"{other}, a row down", a[1:], b[:-1]
        yield f"{other}, a row up", a[:-1], b[1:]
        yield f"{other}, a column on", a[:, 1:], b[:, :-1]


def test_dropout_is_independent():
    pairs = list(pairs_to_try(lambda layer, **options: kept(layer, SHAPE, 0.4, **options)))
    layers = [kept(layer, SHAPE, 0.4) for layer in (0, 1, 2)]
    pairs += [(f"layers {i} and {j}", layers[i], layers[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    pairs += [("layers 1 and 2, a row down", layers[1][1:], layers[2][:-1])]
    for what, a, b in pairs:
        table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
        assert scipy.stats.chi2_contingency(table, correction=False).pvalue > LEAST_P, what


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("layer", [0, 1])
def test_dropout_is_the_same_everywhere(layer, n_threads, dtype, isa):
    shape = (70, 45)
    expected = kept(layer, shape, 0.3, seed=9)
    np.testing.assert_array_equal(kept(layer, shape, 0.3, seed=9, dtype=dtype, isa=isa, n_threads=n_threads), expected)
    if layer == 0:
        csr = kept(0, shape, 0.3, seed=9, dtype=dtype, isa=isa, n_threads=n_threads, sparse=True)
        np.testing.assert_array_equal(csr, expected)


def test_dropout_does_not_depend_on_chunks():
    """A row of a second chunk loses what it loses in row numbers of the batch."""
    network, X, targets = network_of("tanh", "log_loss", sizes=(40, 3)), np.ones((1500, 40)), np.zeros(1500, np.int32)
    alone = (np.arange(1500) == 1400).astype(float)
    _, gradient = network.loss_and_gradients(X, targets, alone, regularization=Regularization(dropout=[0.5]))
    row = Network(network.structure, gradient).coefs[0][:, 0] != 0
    np.testing.assert_array_equal(row, kept(0, (1500, 40), 0.5)[1400])


def noise(shape, **options):
    return read_back(0, shape, values=0.0, input_noise=0.7, **options)


def test_noise_is_normal():
    for seed in range(3):
        values = noise(SHAPE, seed=seed).ravel() / 0.7
        assert scipy.stats.kstest(values, "norm").pvalue > LEAST_P
        # Moments, each in units of its standard deviation.
        n = np.sqrt(values.size)
        deviations = [
            values.mean() * n,
            (values**2 - 1).mean() * n / np.sqrt(2),
            (values**3).mean() * n / np.sqrt(15),
            (values**4 - 3).mean() * n / np.sqrt(96),
        ]
        assert np.abs(deviations).max() < 4
        assert 4 < np.abs(values).max() < 6


def test_noise_is_independent():
    for what, a, b in pairs_to_try(lambda _, **options: noise(SHAPE, **options)):
        assert scipy.stats.pearsonr(a.ravel(), b.ravel()).pvalue > LEAST_P, what
        assert scipy.stats.pearsonr(np.abs(a.ravel()), np.abs(b.ravel())).pvalue > LEAST_P, what


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_noise_is_the_same_everywhere(n_threads, dtype, isa):
    values = noise((70, 45), dtype=dtype, isa=isa, n_threads=n_threads)
    np.testing.assert_allclose(values, noise((70, 45)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(values, noise((70, 45), dtype=dtype, isa=isa))


def test_randomness_has_no_part_in_predictions():
    network = network_of("tanh", "log_loss", "batch")
    X, _, _ = data_for(network, 40)
    trainer = engine.Trainer(
        *network.structure, np.float64, rule="sgd", max_batch=9, regularization=Regularization(**ALL_REGULARIZATION)
    )
    network.load_into(trainer)
    np.testing.assert_array_equal(trainer.forward(rows_of(X, np.float64)), network.forward(X))


@pytest.mark.parametrize("bad", [-0.1, 1.0, np.nan])
def test_rates_of_dropout_are_checked(bad):
    with pytest.raises(ValueError, match=f"a rate of dropout must be at least 0 and below 1, got {bad}"):
        read_back(0, (2, 2), dropout=[bad])
    with pytest.raises(ValueError, match=r"expected 1 rates of dropout, got \[0.1, 0.2\]"):
        read_back(0, (2, 2), dropout=[0.1, 0.2])


def test_noise_is_for_dense_rows():
    with pytest.raises(ValueError, match="noise on the inputs would leave no zeros of a CSR matrix"):
        read_back(0, (2, 2), input_noise=0.1, sparse=True)


# ---- Functions in Python ---------------------------------------------------------------------------------------------


class Fails(Sine):
    """Sine until it is told to do something else."""

    def __init__(self):
        self.act = None
        self.calls = 0

    def __call__(self, z):
        self.calls += 1
        return np.sin(z) if self.act is None else self.act(z)


def raises(*_):
    raise RuntimeError("no more")


def trainer_with(function=None, python_loss=None, normalization=None, n_rows=90):
    loss = "squared_error"
    network = network_of(function or Sine(), loss, normalization)
    X, targets, _ = data_for(network, n_rows)
    trainer = engine.Trainer(
        *network.structure, np.float64, rule="sgd", max_batch=20, n_threads=2,
        python_loss=python_loss,
    )  # fmt: skip
    network.load_into(trainer)
    trainer.attach(rows_of(X, np.float64), targets)
    return network, trainer, X


def params_of(trainer):
    params = np.empty(trainer.n_params)
    trainer.store(params)
    return params


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (raises, RuntimeError, "no more"),
        (lambda z: z[:, 1:], ValueError, "__call__ must return real numbers of shape"),
        (lambda z: z * np.nan, ValueError, "__call__ returned NaN"),
        (lambda z: "z", ValueError, "__call__ must return real numbers of shape"),
    ],
    ids=["raises", "shape", "NaN", "string"],
)
def test_an_activation_in_python_that_fails(act, error, message, normalization):
    """Its exception comes out; no update is made from what it left; then all goes on as if nothing had been."""
    function = Fails()
    network, trainer, X = trainer_with(function, normalization=normalization)
    fresh_network, fresh, _ = trainer_with(Sine(), normalization=normalization)
    order = np.arange(90)
    assert passed(trainer, order, 20, 0.1, (0.1,)) == passed(fresh, order, 20, 0.1, (0.1,))
    before, function.act = params_of(trainer), act
    trainer.begin(order[np.newaxis], 20, 0.1, (0.1,), 5)
    for _ in range(2):
        with pytest.raises(error, match=message):
            trainer.run()
        assert trainer.losses() == []
    with pytest.raises(error, match=message):
        trainer.forward(rows_of(X, np.float64))
    with pytest.raises(error, match=message):
        network.predictor("columns", 1)(X)
    np.testing.assert_array_equal(params_of(trainer), before)
    function.act = None
    for each, own in ((trainer, network), (fresh, fresh_network)):
        own.load_into(each)
    assert passed(trainer, order, 20, 0.1, (0.1,)) == passed(fresh, order, 20, 0.1, (0.1,))
    np.testing.assert_array_equal(params_of(trainer), params_of(fresh))
    np.testing.assert_array_equal(trainer.forward(rows_of(X, np.float64)), fresh.forward(rows_of(X, np.float64)))


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (raises, RuntimeError, "no more"),
        (
            lambda y, p, w: (0.0, (p - y)[1:]),
            ValueError,
            r"the loss must return a gradient of shape \(20, 3\), got \(19, 3\)",
        ),
        (lambda y, p, w: (0.0, 1.0), ValueError, r"the loss must return a gradient of shape \(20, 3\), got"),
        (lambda y, p, w: (None, p - y), TypeError, None),
        (lambda y, p, w: p - y, ValueError, None),
    ],
    ids=["raises", "shape", "scalar", "no loss", "no pair"],
)
def test_a_loss_in_python_that_fails(act, error, message):
    calls = []

    def loss(targets, outputs, weights):
        calls.append(len(targets))
        if len(calls) == 3:
            return act(targets, outputs, weights)
        return squared_errors(targets, outputs, weights)

    _, trainer, _ = trainer_with(python_loss=loss, normalization="batch")
    trainer.begin(np.arange(90)[np.newaxis], 20, 0.1, (0.1,), 0)
    with pytest.raises(error, match=message):
        trainer.run()
    assert trainer.updates_done() == 2
    assert not trainer.losses()
    while not trainer.run():  # from that batch on
        pass
    assert calls == [20, 20, 20, 20, 20, 10]
    assert trainer.updates_done() == 5
    assert np.isfinite(trainer.losses()[0])


def squared_errors(targets, outputs, weights):
    """Of a batch, summed over the outputs: their mean and its gradient."""
    weights = np.ones(len(targets)) if weights is None else weights
    errors, shares = outputs - targets, weights[:, np.newaxis] / weights.sum()
    return float((0.5 * errors**2 * shares).sum()), errors * shares


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_loss_in_python_trains_as_the_engines(normalization, dtype):
    network = network_of("tanh", "squared_error", normalization)
    network, X, targets = typed(network, *data_for(network, 90)[:2], dtype)
    weights = np.random.default_rng(2).uniform(0, 2, 90)
    weights[20:40] = 0
    orders = np.arange(90)[np.newaxis]
    own = trained(network, X, targets, orders, 20, weights, alpha=0.0)
    python = trained(network, X, targets, orders, 20, weights, alpha=0.0, python_loss=squared_errors)
    np.testing.assert_allclose(python[0], 3 * own[0], rtol=1e-6)
    assert_close(python[1], own[1], dtype, factor=100)


def test_every_thread_gets_its_own_exception():
    """Predictions in many threads by one object: none returns what a failed activation left."""
    function, barrier = Fails(), threading.Barrier(4)
    network = network_of(function, "log_loss")
    X, _, _ = data_for(network, 8000)  # so many that threads take turns
    predictor = network.predictor("columns", 1)
    expected = predictor(X)

    def wait_and_raise(z):
        barrier.wait(10)
        raise RuntimeError("no more")

    def call(_):
        try:
            return predictor(X)
        except RuntimeError as error:
            return str(error)

    function.act = wait_and_raise
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == ["no more"] * 4
    function.act = None
    np.testing.assert_array_equal(predictor(X), expected)


def test_interrupting_an_activation_in_python():
    function = Fails()
    _, trainer, _ = trainer_with(function)

    def interrupt(z):
        raise KeyboardInterrupt

    function.act = interrupt
    trainer.begin(np.arange(90)[np.newaxis], 20, 0.1, (0.1,), 0)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()


def test_an_activation_in_python_may_write_to_what_it_gets():
    class Careless(Sine):
        def __call__(self, z):
            return np.sin(z, out=z)

        def derivative(self, z):
            return np.cos(z, out=z)

    results = []
    for function in (Sine(), Careless()):
        network = network_of(function, "log_loss", "layer")
        X, targets, _ = data_for(network)
        results.append((network.loss_and_gradients(X, targets)[1], network.forward(X)))
    assert_same(*results)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_native_functions_see_units_alone(bfloat16, normalization):
    """Not the padding's zeros, where this one is infinite."""
    network = network_of(native("log", "log"), "log_loss", normalization)
    for W in network.coefs:
        W *= 0.01
    for biases in network.intercepts:
        biases[:] = 2 if normalization is None else 20
    network, X, targets = typed(network, *data_for(network, 40)[:2], np.float32)
    results = trained(
        network, X, targets, orders_of(40), 20, rule="sgd", given={"clip_norm": 1e-3, "l1": 0.1}, bfloat16=bfloat16
    )
    assert all(np.isfinite(result).all() for result in results)
    assert np.isfinite(network.forward(X)).all()
    assert not np.array_equal(results[1], network.params)


# ---- Edges -----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_no_rows(normalization, dtype):
    network = network_of("tanh", "squared_error", normalization).astype(dtype)
    X, targets = np.zeros((0, 5), dtype), np.zeros((0, 3), dtype)
    results = trained(network, X, targets, np.zeros((2, 0), np.int64), 10, given=ALL_REGULARIZATION, n_threads=2)
    np.testing.assert_array_equal(results[1], network.params)
    assert network.forward(X).shape == (0, 3)


def test_weights_that_are_all_zero(dtype):
    """Nothing moves: parameters, the rule's state, running moments."""
    network = network_of("tanh", "log_loss", "batch")
    network, X, targets = typed(network, *data_for(network, 30)[:2], dtype)
    results = trained(network, X, targets, orders_of(30), 10, np.zeros(30), given=ALL_REGULARIZATION, n_threads=2)
    losses, params, *slots, average, first, second = results
    assert not losses.any()
    np.testing.assert_array_equal(params, network.params)
    assert not any(array.any() for array in (*slots, average))
    assert_same((first, second), network.running)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_dropout_of_the_inputs_of_a_network_without_hidden_layers(n_threads, dtype, isa):
    """Half of two ones: the gradient for targets of zero is what was kept, times what was made of it."""
    network = Network(Structure.of((6, 1), "relu", "squared_error"), dtype=dtype)
    network.coefs[0][:] = 1
    X, targets = np.ones((40, 6), dtype), np.zeros((40, 1), dtype)
    options = {"regularization": Regularization(dropout=[0.5]), "seed": 2, "isa": isa, "n_threads": n_threads}
    value, gradient = network.loss_and_gradients(X, targets, **options)
    inputs = 2.0 * kept(0, (40, 6), 0.5, seed=2)
    outputs = inputs.sum(axis=1, keepdims=True)
    assert value == pytest.approx(0.5 * (outputs**2).mean())
    np.testing.assert_allclose(gradient[:6], (inputs * outputs).mean(axis=0), rtol=1e-6)


def test_forward_takes_the_running_moments_when_told(dtype):
    network = network_of("tanh", "log_loss", "batch")
    network, X, targets = typed(network, *data_for(network, 60)[:2], dtype)
    rows = rows_of(X, dtype)
    trainer = engine.Trainer(*network.structure, dtype, rule="sgd", max_batch=20)
    network.load_into(trainer)
    trainer.attach(rows, targets)
    passed(trainer, np.arange(60), 20, 0.0, (0.0,))
    assert not np.array_equal(trainer.running(0), network.running[0])
    np.testing.assert_array_equal(trainer.forward(rows), network.forward(X))
    trainer.use_running()
    network.running = [trainer.running(0), trainer.running(1)]
    np.testing.assert_array_equal(trainer.forward(rows), network.forward(X))


# ---- Weights of rows -------------------------------------------------------------------------------------------------


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


# ---- Threads that help -----------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("n_rows", [129, 4000, 30_000])
@pytest.mark.parametrize("sizes", [(30, 32, 1), (20, 64, 64, 2), (70, 300, 10)], ids=str)
def test_who_helps_with_a_prediction_does_not_change_a_bit(sizes, n_rows, dtype):
    params, X, _, _ = problem(sizes, "squared_error", dtype, n_rows)
    network = engine.PackedNetwork(sizes, "tanh", "squared_error", dtype)
    network.load(params)
    for rows in (rows_of(X, dtype), rows_of(scipy.sparse.csr_array(X), dtype)):
        expected = network.forward(rows)
        for n_threads, judged in ((2, False), (3, True), (8, False), (8, True)):
            for _ in range(3):
                np.testing.assert_array_equal(network.forward(rows, n_threads=n_threads, judged=judged), expected)


def test_helpers_of_many_callers_at_once(dtype):
    """Callers share them: each prediction is right, whoever made it."""
    sizes, n_rows = (20, 64, 64, 2), 5000
    params, X, _, _ = problem(sizes, "log_loss", dtype, n_rows)
    network = engine.PackedNetwork(sizes, "relu", "log_loss", dtype)
    network.load(params)
    rows = rows_of(X, dtype)
    expected = network.forward(rows)
    with ThreadPoolExecutor(4) as pool:
        for out in pool.map(lambda n: network.forward(rows, n_threads=n), [1, 2, 3, 4] * 8):
            np.testing.assert_array_equal(out, expected)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted here")
def test_there_are_no_more_helpers_than_asked_for_at_once(script):
    source = """
        import os
        from concurrent.futures import ThreadPoolExecutor
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        before = len(os.listdir("/proc/self/task"))
        network.forward(rows, n_threads=3)
        assert len(os.listdir("/proc/self/task")) == before + 2
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: network.forward(rows, n_threads=3), range(40)))
            print(len(os.listdir("/proc/self/task")) - before - len(pool._threads))
    """
    assert script(source) == "2"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted here")
def test_where_the_system_gives_no_more_threads_the_caller_does_all(script):
    source = """
        import os
        import resource
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        expected = network.forward(rows)
        before = len(os.listdir("/proc/self/task"))
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 20), hard))  # a stack takes more
        refused = all(np.array_equal(network.forward(rows, n_threads=3), expected) for _ in range(5))
        n_refused = len(os.listdir("/proc/self/task")) - before
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        given = np.array_equal(network.forward(rows, n_threads=3), expected)
        print(refused, n_refused, given, len(os.listdir("/proc/self/task")) - before)
    """
    assert script(source) == "True 0 True 2"


def test_a_forked_child_makes_helpers_of_its_own(script):
    source = """
        import os
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        expected = network.forward(rows, n_threads=3)
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(network.forward(rows, n_threads=3), expected) for _ in range(20))
            os._exit(7 if same else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert script(source) == "7"
