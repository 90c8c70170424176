"""Every kernel of every instruction set against NumPy, through the engine's functions on plain arrays."""

import numpy as np
import pytest
import scipy.sparse
from cases import PRODUCTS
from scipy.special import erfcx

from fastmlp import _engine
from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES, OUTPUT_ACTIVATIONS
from tests import reference

MAX_ULPS = {"float32": 3, "float64": 2}
# The elementary functions in a precision above both types.
PRECISE = {
    "exp": np.exp,
    "tanh": np.tanh,
    "logistic": lambda z: np.where(z < 0, np.exp(-np.abs(z)), 1) / (1 + np.exp(-np.abs(z))),
}


def elementary(name, z, isa):
    """f(z), z of one dimension, through the activation or the loss whose link it is."""
    z = z.reshape(1, -1)
    if name in _engine.ACTIVATIONS:
        return _engine.activate(name, z, isa=isa)[0]
    loss = next(loss for loss, link in OUTPUT_ACTIVATIONS.items() if link == name)
    return _engine.link(loss, z, isa=isa)[0]


def ulps(actual, exact, dtype):
    """Distance from the exact value in units of the last place of the type's number nearest to it."""
    with np.errstate(under="ignore", over="ignore"):
        unit = np.spacing(np.abs(exact.astype(dtype)))
    return np.abs((actual.astype(np.longdouble) - exact) / unit.astype(np.longdouble))


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_matmul(shape, dtype, isa):
    n, k, m = shape
    rng = np.random.default_rng(n + k + m)
    a, b = rng.standard_normal((n, k)).astype(dtype), rng.standard_normal((k, m)).astype(dtype)
    bias = rng.standard_normal(m).astype(dtype)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    # A sum of k + 1 terms, each rounded once or twice: the classical bound.
    bound = (k + 2) * np.finfo(dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(bias))
    plain = _engine.matmul(a, b, isa=isa)
    assert plain.dtype == dtype
    assert plain.shape == (n, m)
    assert (np.abs(plain - exact) <= bound).all()
    assert (np.abs(_engine.matmul(a, b, bias, isa=isa) - (exact + bias)) <= bound).all()
    np.testing.assert_array_equal(_engine.matmul(a, b, isa=isa, n_threads=3), plain)


def test_matmul_refuses_other_shapes(dtype):
    with pytest.raises(ValueError, match="a has 3 columns, b has 4 rows"):
        _engine.matmul(np.zeros((2, 3), dtype), np.zeros((4, 2), dtype))


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_transposed_product(shape, dtype, isa):
    n, k, m = shape
    rng = np.random.default_rng(n + k + m)
    a, b = rng.standard_normal((n, k)).astype(dtype), rng.standard_normal((n, m)).astype(dtype)
    product = _engine.Panels(np.ones((k, m), dtype), isa, np.ones(m, dtype))
    for _ in range(2):  # what was there before does not matter
        product.multiply_transposed(_engine.Panels(a, isa), _engine.Panels(b, isa))
    bound = (n + 2) * np.finfo(dtype).eps * (np.abs(a).T @ np.abs(b))
    assert (np.abs(product.unpack() - a.astype(np.longdouble).T @ b.astype(np.longdouble)) <= bound).all()


def test_panels_refuse_other_shapes(dtype, isa):
    a, b, c = (_engine.Panels(np.zeros(shape, dtype), isa) for shape in [(2, 3), (3, 4), (4, 3)])
    with pytest.raises(ValueError, match=r"of \(2, 3\) and \(3, 4\) is not \(4, 3\)"):
        c.multiply(a, b)
    with pytest.raises(ValueError, match=r"of \(2, 3\) and \(3, 4\) is not \(4, 3\) with an extra row"):
        c.multiply_transposed(a, b)
    with pytest.raises(ValueError, match=r"\(3, 4\) does not go with \(2, 3\)"):
        a.differentiate("relu", b)


def test_panels_refuse_other_types():
    single, double = (_engine.Panels(np.zeros((2, 2), kind), None) for kind in (np.float32, np.float64))
    for act in (
        lambda: single.multiply(single, double),
        lambda: double.multiply_transposed(single, single),
        lambda: single.differentiate("relu", double),
    ):
        with pytest.raises(ValueError, match="of one element type"):
            act()


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
@pytest.mark.parametrize("name", _engine.ACTIVATIONS)
def test_activations(name, shape, dtype, isa):
    """Values within 4 units in the last place; derivatives, of which few are needed so exactly, within 32 of 1."""
    z = np.random.default_rng(0).standard_normal(shape[::2]).astype(dtype) * 3
    wide, p = z.astype(np.float64), reference.NUMBERS.get(name, 0.0)
    exact = reference.ACTIVATIONS[name](wide, p)
    tolerance = 4 * np.finfo(dtype).eps
    # A relative error of an exponential's argument is an absolute one of its logarithm.
    power = {"silu": 1, "softplus": 1, "gelu_tanh": 3}.get(name)
    factor = 1 + 2 * np.abs(wide) ** power if power else 1
    bound = factor * tolerance * np.abs(exact) + 4 * np.finfo(np.float64).eps * np.abs(wide)
    assert (np.abs(_engine.activate(name, z, p, isa=isa) - exact) <= bound).all()
    deltas = z[::-1].copy()
    largest = np.abs(deltas).max(initial=0)
    actual, shapes = _engine.differentiate(name, z, deltas, p, isa=isa)
    expected = deltas * reference.DERIVATIVES[name](wide, p)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=8 * tolerance * largest)
    expected = deltas * reference.NUMBER_DERIVATIVES.get(name, lambda z, p: 0 * z)(wide, p)
    np.testing.assert_allclose(shapes, expected, rtol=tolerance, atol=8 * tolerance * largest)


def test_numbers_of_activations():
    assert set(reference.NUMBERS) == _engine.NUMBERED_ACTIVATIONS
    assert set(reference.NUMBER_DERIVATIVES) == _engine.LEARNABLE_ACTIVATIONS
    assert set(reference.ACTIVATIONS) == set(reference.DERIVATIVES) == set(_engine.ACTIVATIONS)


@pytest.mark.parametrize("name", _engine.ACTIVATIONS)
def test_nan_and_infinity_in_activations(name, dtype, isa):
    """NaN stays; at infinity the limit; no NaN of a delta's making from what is finite."""
    info, p = np.finfo(dtype), reference.NUMBERS.get(name, 0.0)
    z = np.array([[np.nan, np.inf, -np.inf, info.max, -info.max, 0.0, info.tiny]], dtype)
    a = _engine.activate(name, z, p, isa=isa)[0]
    assert np.isnan(a[0])
    far = 200.0  # as good as infinity for all that have a limit
    limits = reference.ACTIVATIONS[name](np.array([far, -far]), p)
    for value, limit in zip(a[1:3], limits, strict=True):
        assert value == (np.copysign(np.inf, limit) if abs(limit) > 1.8 else pytest.approx(limit, abs=1e-6))
    assert not np.isnan(a[1:]).any()
    deltas, _ = _engine.differentiate(name, z, np.ones_like(z), p, isa=isa)
    assert np.isfinite(deltas[0, 3:]).all()
    slopes = reference.DERIVATIVES[name](np.array([far, -far]), p)
    np.testing.assert_allclose(deltas[0, 3:5], slopes, atol=1e-6)


def test_lower_tails_keep_their_digits(dtype, isa):
    """Of gelu and mish, whose sums would cancel there."""
    z = -np.linspace(0.1, {"float32": 12.0, "float64": 30.0}[dtype.name], 400).astype(dtype)
    wide = z.astype(np.float64)
    with np.errstate(under="ignore"):
        e, bell = np.exp(wide), np.exp(-(wide.astype(np.longdouble) ** 2) / 2).astype(np.float64)
        exact = {
            "gelu": wide * 0.5 * erfcx(-wide / np.sqrt(2)) * bell,
            "mish": wide * e * (e + 2) / (e * (e + 2) + 2),
        }
    for name, expected in exact.items():
        actual = _engine.activate(name, z.reshape(1, -1), isa=isa)[0]
        normal = np.abs(expected) > np.finfo(dtype).tiny
        np.testing.assert_allclose(actual[normal], expected[normal], rtol=16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", PRECISE)
def test_accuracy(name, dtype, isa):
    edge = {"float32": 105.0, "float64": 750.0}[dtype.name]
    rng = np.random.default_rng(0)
    tiny = np.finfo(dtype).tiny
    z = np.concatenate(
        [
            np.linspace(-edge, edge, 100_001),
            rng.uniform(-1, 1, 50_000),
            rng.choice([-1, 1], 50_000) * 10 ** rng.uniform(-12, 1, 50_000),
            np.ldexp(tiny, np.arange(-20, 20)),
        ]
    ).astype(dtype)
    with np.errstate(over="ignore", under="ignore"):
        exact = PRECISE[name](z.astype(np.longdouble))
        nearest = exact.astype(dtype)
    finite = np.isfinite(nearest)
    actual = elementary(name, z, isa)
    assert ulps(actual[finite], exact[finite], dtype).max() <= MAX_ULPS[dtype.name]
    # Where the nearest number is infinity, nothing less than the last finite one will do.
    assert (actual[~finite] >= np.finfo(dtype).max).all()


@pytest.mark.parametrize("name", PRECISE)
def test_special_values(name, dtype, isa):
    info = np.finfo(dtype)
    z = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, info.max, -info.max, info.smallest_subnormal], dtype)
    expected = {
        "exp": [np.inf, 0, np.nan, 1, 1, np.inf, 0, 1],
        "tanh": [1, -1, np.nan, 0.0, -0.0, 1, -1, info.smallest_subnormal],
        "logistic": [1, 0, np.nan, 0.5, 0.5, 1, 0, 0.5],
    }[name]
    actual = elementary(name, z, isa)
    np.testing.assert_array_equal(actual, np.array(expected, dtype))
    if name == "tanh":
        assert np.signbit(actual[4])


def test_relu_keeps_nan(dtype, isa):
    z = np.array([[np.nan, -1, 0, -0.0, 2, np.inf, -np.inf, np.finfo(dtype).smallest_subnormal]], dtype)
    np.testing.assert_array_equal(_engine.activate("relu", z, isa=isa), np.maximum(z, 0))
    ones = np.ones_like(z)
    np.testing.assert_array_equal(_engine.differentiate("relu", z, ones, isa=isa)[0], [[1, 0, 0, 0, 1, 1, 0, 1]])


def targets_for(loss, z, rng):
    """Random targets as the engine takes them and as the oracle does."""
    n, width = z.shape
    if loss in CLASS_TARGET_LOSSES:
        classes = rng.integers(width, size=n).astype(np.int32)
        return classes, np.eye(width, dtype=z.dtype)[classes]
    y = rng.integers(0, 2, size=z.shape) if OUTPUT_ACTIVATIONS[loss] == "logistic" else rng.poisson(2, size=z.shape)
    return y.astype(z.dtype), y.astype(z.dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 1), (7, 1), (13, 10), (33, 16), (70, 2), (40, 17), (5, 32), (5, 33), (3, 1000)], ids=str
)
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_links(loss, shape, weighted, dtype, isa):
    rng = np.random.default_rng(0)
    z = rng.standard_normal(shape).astype(dtype)
    targets, y = targets_for(loss, z, rng)
    weights = rng.uniform(0, 2, len(z)) if weighted else None
    factor = np.ones(len(z)) if weights is None else weights
    p = reference.LINKS[loss](z.astype(np.float64))
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype.name] * max(1, shape[1] / 50)
    np.testing.assert_allclose(_engine.link(loss, z, isa=isa), p, rtol=tolerance)
    losses, deltas = _engine.row_losses(loss, z, targets, weights, isa=isa)
    # Losses near 0 are differences of larger terms; those terms bound the error.
    wide = y.astype(np.float64)
    scale = factor * (1 + (np.abs(wide) * np.abs(np.log(np.maximum(p, 1e-300))) + wide + np.abs(p)).sum(axis=1))
    error = np.abs(losses - factor * reference.ROW_LOSSES[loss](wide, p))
    assert (error <= 10 * tolerance * scale).all()
    np.testing.assert_allclose(deltas, (p - y) * factor[:, None], rtol=tolerance, atol=2 * tolerance)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if OUTPUT_ACTIVATIONS[loss] in {"softmax", "logistic"}])
def test_probabilities_are_clipped_before_the_logarithm(loss, dtype, isa):
    z = np.array([[-200, 200, 0], [200, -200, 0]], dtype)
    hopeless = np.array([0, 1], np.int32) if loss in CLASS_TARGET_LOSSES else (z < 0).astype(dtype)
    losses, _ = _engine.row_losses(loss, z, hopeless, isa=isa)
    eps = np.finfo(dtype).eps
    per_wrong_output = -np.log(eps, dtype=np.float64)
    expected = per_wrong_output if loss in CLASS_TARGET_LOSSES else 2 * per_wrong_output + np.log(2)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_logarithm(dtype, isa):
    """Through the log loss, whose rows are minus the logarithm of the probability of the row's class."""
    eps = np.finfo(dtype).eps
    z = np.zeros((20_000, 2), dtype)
    z[:, 0] = np.concatenate([np.linspace(np.log(eps) * 0.99, -np.log(eps) * 0.99, 10_000), np.linspace(-2, 2, 10_000)])
    p = _engine.link("log_loss", z, isa=isa)
    losses, _ = _engine.row_losses("log_loss", z, np.zeros(len(z), np.int32), isa=isa)
    inside = (p[:, 0] >= eps) & (p[:, 0] <= 1 - eps)
    assert inside.sum() > 15_000
    exact = -np.log(p[inside, 0].astype(np.longdouble))
    assert ulps(losses[inside].astype(dtype), exact, dtype).max() <= MAX_ULPS[dtype.name]


def sample(code, shape, rng):
    kind = np.dtype(code).kind
    if kind in "iu":
        info = np.iinfo(code)
        values = rng.integers(info.min, info.max, shape, dtype=code, endpoint=True)
        values.flat[:2] = info.min, info.max
        return values
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    return (rng.standard_normal(shape) * 100).astype(code)


@pytest.mark.parametrize("width", [1, 15, 16, 17, 32, 33, 100])
@pytest.mark.parametrize("code", _engine.SOURCE_CODES)
def test_gather(code, width, dtype, isa):
    X = sample(code, (7, width), np.random.default_rng(0))
    np.testing.assert_array_equal(_engine.gather(X, dtype, isa=isa), X.astype(dtype))
    every_other, reversed_rows = X[::2], X[::-1]
    np.testing.assert_array_equal(_engine.gather(every_other, dtype, isa=isa), every_other.astype(dtype))
    np.testing.assert_array_equal(_engine.gather(reversed_rows, dtype, isa=isa), reversed_rows.astype(dtype))


def test_gather_every_half(dtype, isa):
    X = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    actual, expected = _engine.gather(X, dtype, isa=isa), X.astype(dtype)
    np.testing.assert_array_equal(actual, expected)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("X", [np.zeros((3, 4)).T, np.zeros((3, 4), ">f8")], ids=["columns", "byte order"])
def test_rows_refuses_what_it_cannot_read_in_place(X):
    with pytest.raises(ValueError, match="contiguous, aligned rows in native byte order"):
        _engine.Rows(X)


@pytest.mark.parametrize("shape", [shape for shape in PRODUCTS if shape[0]], ids=str)
def test_first_layer_on_csr_rows_is_bitwise_the_dense_one(shape, dtype, isa):
    from fastmlp.rows import rows_of

    n, k, m = shape
    X = (
        scipy.sparse.random_array((n, k), density=0.3, rng=0, dtype=dtype, format="csr")
        if k
        else np.zeros((n, 0), dtype)
    )
    dense = X.toarray() if k else X
    net = _engine.PackedNetwork([k, m], "relu", "squared_error", dtype, isa=isa)
    net.load(np.random.default_rng(0).standard_normal((k + 1) * m).astype(dtype))
    X = X if k else scipy.sparse.csr_array((n, 0), dtype=dtype)
    np.testing.assert_array_equal(net.forward(rows_of(X, dtype)), net.forward(rows_of(dense, dtype)))
