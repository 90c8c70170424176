"""Trainer: its data and passes, gradients of whole networks, threads, functions in Python."""

import ctypes
import ctypes.util
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from cases import NETWORKS

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import LOSSES
from tests.engine.problems import (
    ALL_REGULARIZATION,
    Sine,
    assert_close,
    assert_same,
    data_for,
    loss_and_gradient,
    native,
    network_of,
    oracle,
    orders_of,
    passed,
    problem,
    squared_errors,
    trained,
    trainer_of,
    typed,
)
from tests.test_optimizers import ORACLES, hyper_of, slots_of


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


@pytest.mark.parametrize(
    ("activation", "loss", "sizes"),
    [
        pytest.param(activation, loss, NETWORKS[(i + j) % len(NETWORKS)], id=f"{activation}-{loss}")
        for i, activation in enumerate(sorted(engine.ACTIVATIONS))
        for j, loss in enumerate(LOSSES)
    ],
)
def test_gradients(activation, loss, sizes, dtype, isa):
    """Any two of an activation, a loss and a network meet, though not any three."""
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


@pytest.mark.parametrize("n_rows", [300, 2100])
@pytest.mark.parametrize(("rule", "sparse"), [(rule, i % 2 == 1) for i, rule in enumerate(ORACLES)])
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


def test_a_team_smaller_than_asked_for_does_not_change_a_bit(script):
    """One thread then does the work of several, one after another."""
    source = """
        import sys
        sys.path.insert(0, "bench")
        from fastmlp.activations import SiLU
        from tests.engine.problems import *
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
    trainer = trainer_of(
        network, rule="sgd", max_batch=20, n_threads=2,
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
