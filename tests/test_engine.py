"""The training engine against the NumPy oracle: gradients, updates, threads, what a pass leaves behind."""

import ctypes
import ctypes.util
import itertools

import joblib
import numpy as np
import pytest
import scipy.sparse
from cases import NETWORKS
from scipy import LowLevelCallable

from fastmlp import _engine
from fastmlp.activations import Activation, NativeActivation
from fastmlp.losses import LOSSES
from fastmlp.network import Network, Structure, hidden_layer
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
    """A network in whose every number there is something."""
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
        trainer = _engine.Trainer(sizes, "relu", loss, dtype, rule="adam", max_batch=8, n_threads=2)
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
        trainer = _engine.Trainer(sizes, "relu", loss, dtype, rule="sgd", max_batch=10)
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
    trainer = _engine.Trainer(
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
@pytest.mark.parametrize("activation", _engine.ACTIVATIONS)
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
        trainer = _engine.Trainer(
            sizes, "logistic", loss, dtype, rule="gradient", max_batch=1000, n_threads=n_threads, isa=isa
        )
        trainer.load(params)
        trainer.attach(rows_of(scipy.sparse.csr_array(X) if sparse else X, dtype), targets)
        passed(trainer, np.arange(len(X)), 1000, 0.5)
        gradients.append(np.empty_like(params))
        trainer.store(None, gradients[-1:])
        np.testing.assert_array_equal(gradients[-1], gradients[0])
    assert_close(gradients[0], expected, dtype, factor=10)


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
        trainer = _engine.Trainer(sizes, "relu", loss, dtype, rule=rule, max_batch=n_rows // 2 + 1, n_threads=n_threads)
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
        trainer = _engine.Trainer(sizes, "relu", "squared_error", dtype, rule="adam", max_batch=3, isa=isa)
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
        trainer = _engine.Trainer(sizes, "relu", loss, dtype, rule=rule, max_batch=10, n_threads=2)
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
    network = _engine.PackedNetwork((5, 17, 3), "relu", "log_loss", dtype)
    network.load(params)
    network.forward(rows_of(np.tile(X, (10, 1)), dtype), n_threads=n_threads)
    assert (smallest * 1)[0] != 0
    assert ctypes.c_double(5e-324).value / 1 != 0


@pytest.mark.parametrize("n_rows", [0, 1, 127, 128, 129, 400])
def test_forward(n_rows, dtype, isa):
    for sizes, loss, activation in zip(NETWORKS, itertools.cycle(LOSSES), itertools.cycle(_engine.ACTIVATIONS)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        structure = Structure(sizes, reference.hidden(activation, sizes), loss)
        network = _engine.PackedNetwork(*structure, dtype, isa=isa)
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
    predictor = _engine.Predictor(
        sizes, "tanh", loss, dtype, isa=isa, form=form, team_size=lambda flops: n_threads, flops_alone=0.0
    )
    predictor.load(params)
    return predictor


@pytest.mark.parametrize("n_rows", [0, 1, 127, 400])
def test_predictor(n_rows, dtype, isa):
    for sizes, loss in zip(NETWORKS, itertools.cycle(LOSSES)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        network = _engine.PackedNetwork(sizes, "tanh", loss, dtype, isa=isa)
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
    trainer = _engine.Trainer((3, 2), "relu", "squared_error", np.float64, rule="sgd", max_batch=4)
    rows, y = rows_of(np.zeros((4, 3)), np.float64), np.zeros((4, 2))
    with pytest.raises(ValueError, match="8 parameters"):
        trainer.load(np.zeros(7))
    with pytest.raises(ValueError, match="float64 vector"):
        trainer.load(np.zeros(8, np.float32))
    with pytest.raises(ValueError, match="targets of type and shape"):
        trainer.attach(rows, y[:3])
    with pytest.raises(ValueError, match="targets of type and shape"):
        trainer.attach(rows, y.astype(np.float32))
    with pytest.raises(ValueError, match="4 contiguous float64 weights"):
        trainer.attach(rows, y, np.ones(3))
    with pytest.raises(ValueError, match="5 features, the network 3"):
        trainer.attach(rows_of(np.zeros((4, 5)), np.float64), y)


def test_choose_isa():
    assert _engine.choose_isa("") == _engine.SUPPORTED_ISAS[-1]
    assert _engine.SUPPORTED_ISAS[0] == "scalar"
    for name in _engine.SUPPORTED_ISAS:
        assert _engine.choose_isa(name) == name
    with pytest.raises(ValueError, match=r"FASTMLP_ISA='mmx' is not an instruction set of this build; known are \["):
        _engine.choose_isa("mmx")


def test_choose_isa_the_cpu_lacks(monkeypatch):
    monkeypatch.setattr(_engine, "SUPPORTED_ISAS", ("scalar",))
    lacking = next(name for name in _engine.ISAS if name != "scalar")
    with pytest.raises(ValueError, match=f"FASTMLP_ISA='{lacking}' is not supported by this CPU"):
        _engine.choose_isa(lacking)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fma_ceiling(n_threads, dtype, isa):
    assert 0 < _engine.fma_ceiling(dtype, isa=isa, n_threads=n_threads) < np.inf


def test_fma_ceiling_refuses():
    with pytest.raises(ValueError, match="n_threads must be positive, got 0"):
        _engine.fma_ceiling("float32", n_threads=0)
    with pytest.raises(ValueError, match="'mmx' is not an instruction set"):
        _engine.fma_ceiling("float32", isa="mmx")


def test_isa_from_the_environment(script, isa):
    out = script("import fastmlp; fastmlp.MLPRegressor(max_iter=1); print(fastmlp._engine.ISA)", FASTMLP_ISA=isa)
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
        _engine.choose_bfloat16_product(request.param)
    except ValueError:
        pytest.skip(f"no {request.param} here")
    yield request.param
    _engine.choose_bfloat16_product()


def test_bfloat16_products_this_machine_lacks():
    with pytest.raises(ValueError, match="no products of bfloat16 numbers called 'tpu' on this machine"):
        _engine.choose_bfloat16_product("tpu")


@pytest.mark.parametrize("isa", _engine.SUPPORTED_ISAS)
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
    outputs, expected = reference.bfloat16_gradients(
        X, y, *reference.layer_views(params, sizes), "relu", "squared_error"
    )
    assert any((reference.round_to_bfloat16(g) != g).any() for g in [outputs, *expected]) or sizes == (1, 1)
    largest = max(np.abs(g).max() for g in expected)
    assert largest < 1 << 24
    for n_threads in (1, 2, 3):
        trainer = _engine.Trainer(
            sizes, "relu", "squared_error", np.float32,
            rule="gradient", max_batch=n_rows, n_threads=n_threads, bfloat16=True, isa=isa,
        )  # fmt: skip
        trainer.load(params)
        trainer.attach(rows_of(X, np.float32), y)
        value, gradient = passed(trainer, np.arange(n_rows), n_rows), np.empty_like(params)
        trainer.store(None, [gradient])
        assert value == pytest.approx(0.5 * ((outputs - y) ** 2).mean(), rel=1e-6)
        means = np.concatenate([g.ravel() for g in expected]).astype(np.float32) * np.float32(1 / n_rows)
        np.testing.assert_array_equal(gradient, means)


@pytest.mark.parametrize("rule", ORACLES)
@pytest.mark.parametrize(("sizes", "n_rows", "batch_size"), [((20, 70, 33, 3), 150, 50), ((9, 2), 2500, 2500)])
@pytest.mark.parametrize("sparse", [False, True])
def test_bfloat16_weights_do_not_depend_on_threads(rule, sizes, n_rows, batch_size, sparse):
    params, X, targets, _ = problem(sizes, "log_loss", np.float32, n_rows)
    X = scipy.sparse.csr_array(X) if sparse else X
    results = []
    for n_threads in (1, 2, 3, 8):
        trainer = _engine.Trainer(
            sizes, "tanh", "log_loss", np.float32,
            rule=rule, max_batch=batch_size, n_threads=n_threads, bfloat16=True,
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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38])
def test_bfloat16_keeps_what_is_not_finite(value, bfloat16_product):
    """The largest numbers are rounded to infinity; a NaN with few bits does not become another number."""
    sizes = (3, 40)
    params, X, y = whole_numbers(sizes, 33)
    params[: 3 * 40] = 1
    X[5, 1] = value
    trainer = _engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="gradient", max_batch=33, bfloat16=True)
    trainer.load(params)
    trainer.attach(rows_of(X, np.float32), y)
    value = passed(trainer, np.arange(33), 33)
    assert not np.isfinite(value)


def test_bfloat16_is_for_float32():
    with pytest.raises(ValueError, match="bfloat16 products go with float32, not float64"):
        _engine.Trainer((2, 1), "relu", "squared_error", np.float64, rule="sgd", max_batch=1, bfloat16=True)


def test_bfloat16_weights_loaded_after_a_nan_are_as_new():
    sizes, n_rows = (8, 20, 3), 40
    params, X, y = whole_numbers(sizes, n_rows)
    trainer = _engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="sgd", max_batch=n_rows, bfloat16=True)
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
        _engine.Trainer(sizes, "relu", "squared_error", np.float32, rule="sgd", max_batch=n_rows, bfloat16=True)
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
        trainer = _engine.Trainer(sizes, "relu", "log_loss", dtype, rule="adam", max_batch=200, n_threads=n_threads)
        slots, losses = [np.zeros_like(params) for _ in range(2)], []
        trainer.load(params, slots)
        trainer.attach(rows_of(X, dtype), targets)
        losses = [passed(trainer, np.arange(n_rows), 200, 0.1, hyper_of(ORACLES["adam"]), 25 * i) for i in range(20)]
        after = np.empty_like(params)
        trainer.store(after, slots)
        results.append((losses, after, *slots))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
