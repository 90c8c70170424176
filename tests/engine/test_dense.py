"""Dense layers: turned, rounded, split and shallow products beside plain ones."""

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Regularization
from tests import reference
from tests.engine.problems import (
    REGULARIZATIONS,
    assert_close,
    assert_same,
    data_for,
    loss_and_gradient,
    n_params,
    network_of,
    oracle,
    orders_of,
    passed,
    problem,
    trained,
    typed,
)
from tests.test_optimizers import ORACLES, hyper_of, slots_of


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
    for isa, n_threads in (("scalar", 1), *((isa, n) for isa in engine.SUPPORTED_ISAS for n in (1, 3))):
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


@pytest.mark.parametrize(("rule", "sparse"), [(rule, i % 2 == 1) for i, rule in enumerate(ORACLES)])
@pytest.mark.parametrize(
    ("sizes", "n_rows", "batch_size"), [((20, 70, 33, 3), 150, 50), ((20, 70, 33, 3), 300, 150), ((9, 2), 2500, 2500)]
)
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


# Any two of these widths meet.
SHALLOW = [
    (n_in, n_hidden, 1 + (i + j) % 4)
    for i, n_in in enumerate([1, 2, 3, 5, 8, 9, 13, 16, 17])
    for j, n_hidden in enumerate([5, 16, 33, 100])
]


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
