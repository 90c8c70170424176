"""Every kernel of every instruction set against NumPy, through the engine's functions on plain arrays."""

import numpy as np
import pytest
import scipy.sparse
from cases import PRODUCTS
from scipy.special import erfcx
from sklearn._loss import loss as sklearn_loss

from fastmlp import engine
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
    if name in engine.ACTIVATIONS:
        return engine.activate(name, z, isa=isa)[0]
    loss = next(loss for loss, link in OUTPUT_ACTIVATIONS.items() if link == name)
    return engine.link(loss, z, isa=isa)[0]


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
    plain = engine.matmul(a, b, isa=isa)
    assert plain.dtype == dtype
    assert plain.shape == (n, m)
    assert (np.abs(plain - exact) <= bound).all()
    assert (np.abs(engine.matmul(a, b, bias, isa=isa) - (exact + bias)) <= bound).all()
    np.testing.assert_array_equal(engine.matmul(a, b, isa=isa, n_threads=3), plain)


def test_matmul_refuses_other_shapes(dtype):
    with pytest.raises(ValueError, match="a has 3 columns, b has 4 rows"):
        engine.matmul(np.zeros((2, 3), dtype), np.zeros((4, 2), dtype))


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_transposed_product(shape, dtype, isa):
    n, k, m = shape
    rng = np.random.default_rng(n + k + m)
    a, b = rng.standard_normal((n, k)).astype(dtype), rng.standard_normal((n, m)).astype(dtype)
    product = engine.Panels(np.ones((k, m), dtype), isa, np.ones(m, dtype))
    for _ in range(2):  # what was there before does not matter
        product.multiply_transposed(engine.Panels(a, isa), engine.Panels(b, isa))
    bound = (n + 2) * np.finfo(dtype).eps * (np.abs(a).T @ np.abs(b))
    assert (np.abs(product.unpack() - a.astype(np.longdouble).T @ b.astype(np.longdouble)) <= bound).all()


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_transposed_products_are_shared_out_and_added_up(shape, dtype, isa):
    n, k, m = shape
    rng = np.random.default_rng(n + k + m)
    a, b = rng.standard_normal((n, k)).astype(dtype), rng.standard_normal((n, m)).astype(dtype)
    whole = engine.matmul_transposed(a, b, isa=isa)
    for n_threads in (2, 3):
        np.testing.assert_array_equal(engine.matmul_transposed(a, b, isa=isa, n_threads=n_threads), whole)
    parts, first = engine.Panels(np.ones((k, m), dtype), isa, np.ones(m, dtype)), n // 3
    for some, add in ((slice(0, first), False), (slice(first, n), True)):
        left, right = (engine.Panels(each[some], isa) for each in (a, b))
        parts.multiply_transposed(left, right, add=add, n_threads=2)
    bound = (n + 2) * np.finfo(dtype).eps * (np.abs(a).T @ np.abs(b))
    assert (np.abs(whole - a.astype(np.longdouble).T @ b.astype(np.longdouble)) <= bound).all()
    assert (np.abs(parts.unpack() - whole) <= bound).all()


@pytest.mark.parametrize("width", [1, 5, 16, 33, 200, 300])
def test_half_of_a_symmetric_product(width, dtype, isa):
    a = np.random.default_rng(width).standard_normal((150, width)).astype(dtype)
    packed, whole = engine.Panels(a, isa), engine.matmul_transposed(a, a, isa=isa)
    for n_threads in (1, 2, 3):
        half = engine.Panels(np.full((width, width), 7, dtype), isa, np.zeros(width, dtype))
        half.multiply_transposed(packed, packed, upper=True, n_threads=n_threads)
        np.testing.assert_array_equal(np.triu(half.unpack()), np.triu(whole))
    assert width < 200 or half.unpack()[-1, 0] == 7  # It was not computed.


def test_panels_are_filled_anew(dtype, isa):
    a = np.random.default_rng(0).standard_normal((2, 7, 40)).astype(dtype)
    panels = engine.Panels(a[0], isa)
    panels.fill(a[1])
    np.testing.assert_array_equal(panels.unpack(), a[1])
    for other in (a[1, :6], a[1].astype(np.float16), a[1, :, :39]):
        with pytest.raises(ValueError, match="expected 7 rows of 40 elements of the same type"):
            panels.fill(other)


def test_matmul_transposed_refuses_other_shapes(dtype):
    with pytest.raises(ValueError, match="a has 2 rows, b has 4"):
        engine.matmul_transposed(np.zeros((2, 3), dtype), np.zeros((4, 2), dtype))


def test_panels_refuse_other_shapes(dtype, isa):
    a, b, c = (engine.Panels(np.zeros(shape, dtype), isa) for shape in [(2, 3), (3, 4), (4, 3)])
    with pytest.raises(ValueError, match=r"of \(2, 3\) and \(3, 4\) is not \(4, 3\)"):
        c.multiply(a, b)
    with pytest.raises(ValueError, match=r"of \(2, 3\) and \(3, 4\) is not \(4, 3\) with an extra row"):
        c.multiply_transposed(a, b)
    with pytest.raises(ValueError, match=r"\(3, 4\) does not go with \(2, 3\)"):
        a.differentiate("relu", b)


def test_panels_refuse_other_types():
    single, double = (engine.Panels(np.zeros((2, 2), kind), None) for kind in (np.float32, np.float64))
    for act in (
        lambda: single.multiply(single, double),
        lambda: double.multiply_transposed(single, single),
        lambda: single.differentiate("relu", double),
    ):
        with pytest.raises(ValueError, match="of one element type"):
            act()


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_activations(name, shape, dtype, isa):
    """Values within 4 units in the last place; derivatives, of which few are needed so exactly, within 32 of 1."""
    z = np.random.default_rng(0).standard_normal(shape[::2]).astype(dtype) * 3
    wide, p = z.astype(np.float64), reference.PARAMETERS.get(name, 0.0)
    exact = reference.ACTIVATIONS[name](wide, p)
    tolerance = 4 * np.finfo(dtype).eps
    # A relative error of an exponential's argument is an absolute one of its logarithm.
    power = {"silu": 1, "softplus": 1, "gelu_tanh": 3}.get(name)
    factor = 1 + 2 * np.abs(wide) ** power if power else 1
    bound = factor * tolerance * np.abs(exact) + 4 * np.finfo(np.float64).eps * np.abs(wide)
    assert (np.abs(engine.activate(name, z, p, isa=isa) - exact) <= bound).all()
    deltas = z[::-1].copy()
    largest = np.abs(deltas).max(initial=0)
    actual, shapes = engine.differentiate(name, z, deltas, p, isa=isa)
    expected = deltas * reference.DERIVATIVES[name](wide, p)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=8 * tolerance * largest)
    expected = deltas * reference.PARAMETER_DERIVATIVES.get(name, lambda z, p: 0 * z)(wide, p)
    np.testing.assert_allclose(shapes, expected, rtol=tolerance, atol=8 * tolerance * largest)


def test_parameters_of_activations():
    assert set(reference.PARAMETERS) == engine.PARAMETRIC_ACTIVATIONS
    assert set(reference.PARAMETER_DERIVATIVES) == engine.LEARNABLE_ACTIVATIONS
    assert set(reference.ACTIVATIONS) == set(reference.DERIVATIVES) == set(engine.ACTIVATIONS)


@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_nan_and_infinity_in_activations(name, dtype, isa):
    """NaN stays; at infinity the limit; no NaN of a delta's making from what is finite."""
    info, p = np.finfo(dtype), reference.PARAMETERS.get(name, 0.0)
    z = np.array([[np.nan, np.inf, -np.inf, info.max, -info.max, 0.0, info.tiny]], dtype)
    a = engine.activate(name, z, p, isa=isa)[0]
    assert np.isnan(a[0])
    far = 200.0  # as good as infinity for all that have a limit
    limits = reference.ACTIVATIONS[name](np.array([far, -far]), p)
    for value, limit in zip(a[1:3], limits, strict=True):
        assert value == (np.copysign(np.inf, limit) if abs(limit) > 1.8 else pytest.approx(limit, abs=1e-6))
    assert not np.isnan(a[1:]).any()
    deltas, _ = engine.differentiate(name, z, np.ones_like(z), p, isa=isa)
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
        actual = engine.activate(name, z.reshape(1, -1), isa=isa)[0]
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
    np.testing.assert_array_equal(engine.activate("relu", z, isa=isa), np.maximum(z, 0))
    ones = np.ones_like(z)
    np.testing.assert_array_equal(engine.differentiate("relu", z, ones, isa=isa)[0], [[1, 0, 0, 0, 1, 1, 0, 1]])


SHAPES = [
    (0, 3), (1, 1), (7, 1), (13, 10), (70, 2), (9, 3), (33, 16), (40, 17), (5, 32), (5, 33), (34, 40), (3, 1000)
]  # fmt: skip
# What an option may be, for losses that have one.
OPTION_RANGES = {
    "huber": (0.2, 3),
    "pinball": (0.1, 0.9),
    "tweedie": (1.1, 1.9),
    "focal": (0, 5),
    "binary_focal": (0, 5),
}


def settings_for(loss, width, dtype, rng):
    """Options and weights of outputs to try: as they are by default, one option for all, one for each output."""
    yield {}
    given = {}
    if loss not in CLASS_TARGET_LOSSES:
        given["output_weights"] = rng.uniform(0, 2, width)
        yield given
    if loss in OPTION_RANGES:
        options = rng.uniform(*OPTION_RANGES[loss], width).astype(dtype).astype(np.float64)
        yield {"options": options[0]}
        if loss != "focal":
            yield {"options": options, **given}


def oracle_settings(settings):
    return {"option": settings.get("options"), "output_weights": settings.get("output_weights")}


def test_every_loss_with_an_option_is_tried_with_others():
    assert set(OPTION_RANGES) == set(reference.DEFAULT_OPTIONS)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_links(loss, shape, dtype, isa):
    rng = np.random.default_rng(0)
    z = rng.standard_normal(shape).astype(dtype)
    targets, y = reference.random_targets(loss, shape, dtype, rng)
    wide_z, wide_y = z.astype(np.float64), y.astype(np.float64)
    p = reference.LINKS[loss](wide_z)
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype.name] * max(1, shape[1] / 50)
    np.testing.assert_allclose(engine.link(loss, z, isa=isa), p, rtol=tolerance)
    # Losses near 0 are differences of larger terms; those terms bound the error.
    terms = 1 + np.abs(wide_y) * (1 + np.abs(np.log(np.maximum(np.abs(p), 1e-300)))) + np.abs(p) + np.abs(wide_z)
    for settings in settings_for(loss, shape[1], dtype, rng):
        for weights in (None, rng.uniform(0, 2, len(z))):
            losses, deltas = engine.row_losses(loss, z, targets, weights, isa=isa, **settings)
            expected, expected_deltas = reference.row_losses(loss, wide_y, wide_z, weights, **oracle_settings(settings))
            scale = (1 if weights is None else weights) * (1 + terms.sum(axis=1)) + np.abs(expected)
            assert (np.abs(losses - expected) <= 10 * tolerance * scale).all()
            np.testing.assert_allclose(deltas, expected_deltas, rtol=2 * tolerance, atol=2 * tolerance)


@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("loss", LOSSES)
def test_deltas_are_the_slopes_of_the_losses(loss, width, isa):
    rng = np.random.default_rng(1)
    shape, dtype, step = (40, width), np.dtype(np.float64), 1e-5
    z = rng.integers(-2, 2, shape) + rng.uniform(0.2, 0.4, shape)  # away from the kinks: targets are whole or halves
    targets, y = reference.random_targets(loss, shape, dtype, rng)
    weights = rng.uniform(0, 2, len(z))
    for settings in settings_for(loss, width, dtype, rng):
        _, deltas = engine.row_losses(loss, z, targets, weights, isa=isa, **settings)
        if loss == "squared_error":
            deltas /= width
        for values_at in (
            lambda z, settings=settings: engine.row_losses(loss, z, targets, weights, isa=isa, **settings)[0],
            lambda z, settings=settings: reference.row_losses(loss, y, z, weights, **oracle_settings(settings))[0],
        ):
            slopes = np.empty_like(z)
            for j in range(width):
                shift = step * (np.arange(width) == j)
                slopes[:, j] = (values_at(z + shift) - values_at(z - shift)) / (2 * step)
            np.testing.assert_allclose(slopes, deltas, rtol=1e-6, atol=1e-8)


SKLEARN_LOSSES = {
    "log_loss": lambda n, _: sklearn_loss.HalfMultinomialLoss(n_classes=n),
    "focal": lambda n, _: sklearn_loss.HalfMultinomialLoss(n_classes=n),
    "binary_log_loss": lambda *_: sklearn_loss.HalfBinomialLoss(),
    "binary_focal": lambda *_: sklearn_loss.HalfBinomialLoss(),
    "squared_error": lambda *_: sklearn_loss.HalfSquaredError(),
    "absolute_error": lambda *_: sklearn_loss.AbsoluteError(),
    "huber": lambda _, option: sklearn_loss.HuberLoss(delta=option),
    "pinball": lambda _, option: sklearn_loss.PinballLoss(quantile=option),
    "poisson": lambda *_: sklearn_loss.HalfPoissonLoss(),
    "gamma": lambda *_: sklearn_loss.HalfGammaLoss(),
    "tweedie": lambda _, option: sklearn_loss.HalfTweedieLoss(power=option),
}


@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
def test_losses_are_those_of_scikit_learn(loss, isa):
    """Deviances but for the constants it leaves out; the focal losses with option 0."""
    rng = np.random.default_rng(2)
    width = 3 if OUTPUT_ACTIVATIONS[loss] == "softmax" else 1
    z = rng.standard_normal((50, width))
    targets, _ = reference.random_targets(loss, z.shape, z.dtype, rng)
    option = 0.0 if "focal" in loss else rng.uniform(*OPTION_RANGES[loss]) if loss in OPTION_RANGES else ()
    theirs = SKLEARN_LOSSES[loss](width, option)
    y, raw = targets.astype(z.dtype).ravel(), z.squeeze()
    losses, deltas = engine.row_losses(loss, z, targets, isa=isa, options=option)
    constant = theirs.constant_to_optimal_zero(y) if loss in {"poisson", "gamma", "tweedie"} else 0
    expected, expected_deltas = theirs.loss_gradient(y, raw)
    np.testing.assert_allclose(losses, expected + constant, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(deltas.squeeze(), expected_deltas, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("option", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("loss", ["focal", "binary_focal"])
def test_focal_losses_keep_the_digits_of_small_losses(loss, option, dtype, isa):
    """With a margin m = log(p / q): q = 1 / (1 + e^m), the loss -q^option log(1 - q)."""
    margins = np.linspace(-50, 20, 141).astype(dtype)
    z = np.stack([margins, np.zeros_like(margins)], axis=1) if loss == "focal" else margins[:, np.newaxis]
    targets = np.zeros(len(z), np.int32) if loss == "focal" else np.ones(z.shape, dtype)
    losses, deltas = engine.row_losses(loss, z, targets, options=option, isa=isa)
    wide = margins.astype(np.float64)
    q, surprise = 1 / (1 + np.exp(wide)), np.log1p(np.exp(-wide))
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(losses, q**option * surprise, rtol=tolerance)
    slopes = q**option * (option * (1 - q) * surprise + q)
    np.testing.assert_allclose(deltas, np.stack([-slopes, slopes], axis=1)[:, : z.shape[1]], rtol=tolerance)


@pytest.mark.parametrize("width", [1, 3, 17])
# Without poisson, which as in scikit-learn has the logarithm of the quotient of target and prediction.
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "poisson"])
def test_losses_of_extreme_outputs(loss, width, dtype, isa):
    """Neither loss nor delta of what is not NaN is NaN."""
    rng = np.random.default_rng(3)
    extremes = np.array([-1000, 1000, 0, -np.inf, np.inf], dtype)
    if loss == "squared_error" or OUTPUT_ACTIVATIONS[loss] == "softmax":
        extremes = extremes[:3]  # infinite outputs have no mean, no difference
    z = rng.choice(extremes, (200, width))
    targets, y = reference.random_targets(loss, z.shape, dtype, rng)
    for settings in settings_for(loss, width, dtype, rng):
        if "output_weights" in settings:
            settings["output_weights"] = settings["output_weights"] + 0.1  # infinity times 0 is NaN
        losses, deltas = engine.row_losses(loss, z, targets, isa=isa, **settings)
        assert not np.isnan(losses).any()
        assert not np.isnan(deltas).any()
        assert (losses >= -20 * np.finfo(dtype).eps).all()
        if OUTPUT_ACTIVATIONS[loss] != "exp" and np.isfinite(z).all():
            wide = z.astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                expected = reference.row_losses(loss, y.astype(np.float64), wide, None, **oracle_settings(settings))[0]
            known = np.isfinite(expected)  # the oracle takes logarithms of 0
            if "log_loss" in loss and loss != "soft_log_loss":  # clipped at the type's own eps
                known &= expected < 1
            np.testing.assert_allclose(losses[known], expected[known], rtol=1e-5, atol=1e-5)


def test_losses_of_extreme_outputs_are_not_clipped(dtype, isa):
    z = np.array([[1000, 0, -1000], [-1000, 1000, 0]], dtype)
    wrong = np.array([[0, 0, 1], [1, 0, 0]], dtype)
    for loss, targets in [("soft_log_loss", wrong), ("focal", wrong.argmax(axis=1).astype(np.int32))]:
        losses, deltas = engine.row_losses(loss, z, targets, isa=isa)
        np.testing.assert_array_equal(losses, [2000, 2000])
        np.testing.assert_array_equal(deltas, [[1, 0, -1], [-1, 1, 0]])
    losses, deltas = engine.row_losses("binary_focal", z, (z <= 0).astype(dtype), isa=isa)
    np.testing.assert_allclose(losses, 2000 + 0.25 * np.log(2), rtol=1e-6)
    for loss in ("gamma", "tweedie"):
        losses, deltas = engine.row_losses(
            loss, np.array([[-np.inf], [np.inf]], dtype), np.ones((2, 1), dtype), isa=isa
        )
        assert (deltas[0], losses[0]) == (-np.inf, np.inf)
        assert losses[1] >= np.finfo(dtype).max
    losses, _ = engine.row_losses("tweedie", np.array([[-1000.0]], dtype), np.zeros((1, 1), dtype), isa=isa)
    np.testing.assert_allclose(losses, 2 * np.exp(-500), rtol=1e-12, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_keep_nan(loss, width, dtype, isa):
    rng = np.random.default_rng(4)
    z = rng.standard_normal((40, width)).astype(dtype)
    targets, _ = reference.random_targets(loss, z.shape, dtype, rng)
    losses, deltas = engine.row_losses(loss, z, targets, isa=isa)
    whole_row = OUTPUT_ACTIVATIONS[loss] == "softmax"
    for row, column in [(0, 0), (33, width - 1), (39, width // 2)]:
        spoiled = {"z": (spoil(z, row, column), targets)}
        if loss not in CLASS_TARGET_LOSSES:
            spoiled["y"] = z, spoil(targets, row, column)
        for bad_z, bad_targets in spoiled.values():
            bad_losses, bad_deltas = engine.row_losses(loss, bad_z, bad_targets, isa=isa)
            assert np.isnan(bad_losses[row])
            assert np.isnan(bad_deltas[row] if whole_row else bad_deltas[row, column]).all()
            others = np.arange(len(z)) != row
            np.testing.assert_array_equal(bad_losses[others], losses[others])
            np.testing.assert_array_equal(bad_deltas[others], deltas[others])
            if not whole_row:
                there = np.arange(width) != column
                np.testing.assert_array_equal(bad_deltas[row, there], deltas[row, there])


def spoil(a, row, column):
    a = a.copy()
    a[row, column] = np.nan
    return a


def test_at_the_kinks(dtype, isa):
    """Where a loss has no slope: 0 at the median and at a quantile, and Rosenblatt's update at z = 0."""
    z = np.array([[0.0], [-0.0], [1.0], [-1.0]], dtype)
    for loss, targets, expected in [
        ("absolute_error", z, [0, 0, 0, 0]),
        ("pinball", z, [0, 0, 0, 0]),
        ("perceptron", np.ones_like(z), [-1, -1, 0, -1]),
        ("perceptron", np.zeros_like(z), [1, 1, 1, 0]),
        ("hinge", np.ones_like(z), [-1, -1, 0, -1]),
        ("squared_hinge", np.ones_like(z), [-2, -2, 0, -4]),
    ]:
        np.testing.assert_array_equal(engine.row_losses(loss, z, targets, isa=isa)[1].ravel(), expected)


def test_row_losses_refuses_what_does_not_fit():
    z = np.zeros((4, 3))
    for what in ("options", "output_weights"):
        message = rf"{what} must be one number or one for each of the 3 outputs, got \[1, 2\]"
        with pytest.raises(ValueError, match=message):
            engine.row_losses("huber", z, z, **{what: [1, 2]})
    for loss in CLASS_TARGET_LOSSES:
        with pytest.raises(
            ValueError, match=rf"output_weights are for losses with a matrix of targets, not for {loss}"
        ):
            engine.row_losses(loss, z, np.zeros(4, np.int32), output_weights=[1, 2, 3])


@pytest.mark.parametrize("loss", ["log_loss", "binary_log_loss"])
def test_probabilities_are_clipped_before_the_logarithm(loss, dtype, isa):
    z = np.array([[-200, 200, 0], [200, -200, 0]], dtype)
    hopeless = np.array([0, 1], np.int32) if loss in CLASS_TARGET_LOSSES else (z < 0).astype(dtype)
    losses, _ = engine.row_losses(loss, z, hopeless, isa=isa)
    eps = np.finfo(dtype).eps
    per_wrong_output = -np.log(eps, dtype=np.float64)
    expected = per_wrong_output if loss in CLASS_TARGET_LOSSES else 2 * per_wrong_output + np.log(2)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_logarithm(dtype, isa):
    """Through the log loss, whose rows are minus the logarithm of the probability of the row's class."""
    eps = np.finfo(dtype).eps
    z = np.zeros((20_000, 2), dtype)
    z[:, 0] = np.concatenate([np.linspace(np.log(eps) * 0.99, -np.log(eps) * 0.99, 10_000), np.linspace(-2, 2, 10_000)])
    p = engine.link("log_loss", z, isa=isa)
    losses, _ = engine.row_losses("log_loss", z, np.zeros(len(z), np.int32), isa=isa)
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
@pytest.mark.parametrize("code", engine.SOURCE_CODES)
def test_gather(code, width, dtype, isa):
    X = sample(code, (7, width), np.random.default_rng(0))
    np.testing.assert_array_equal(engine.gather(X, dtype, isa=isa), X.astype(dtype))
    every_other, reversed_rows = X[::2], X[::-1]
    np.testing.assert_array_equal(engine.gather(every_other, dtype, isa=isa), every_other.astype(dtype))
    np.testing.assert_array_equal(engine.gather(reversed_rows, dtype, isa=isa), reversed_rows.astype(dtype))


def test_gather_every_half(dtype, isa):
    X = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    actual, expected = engine.gather(X, dtype, isa=isa), X.astype(dtype)
    np.testing.assert_array_equal(actual, expected)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("X", [np.zeros((3, 4)).T, np.zeros((3, 4), ">f8")], ids=["columns", "byte order"])
def test_rows_refuses_what_it_cannot_read_in_place(X):
    with pytest.raises(ValueError, match="contiguous, aligned rows in native byte order"):
        engine.Rows(X)


@pytest.mark.parametrize("kind", [complex, object, "U1", "M8[s]"])
def test_rows_refuses_types_that_are_no_numbers(kind):
    with pytest.raises(ValueError, match="X must be of a real type, got "):
        engine.Rows(np.zeros((2, 2), kind))


@pytest.mark.parametrize("shape", [shape for shape in PRODUCTS if shape[0]], ids=str)
def test_first_layer_on_csr_rows_is_bitwise_the_dense_one(shape, dtype, isa):
    from fastmlp.inputs.rows import rows_of

    n, k, m = shape
    X = (
        scipy.sparse.random_array((n, k), density=0.3, rng=0, dtype=dtype, format="csr")
        if k
        else np.zeros((n, 0), dtype)
    )
    dense = X.toarray() if k else X
    net = engine.PackedNetwork([k, m], "relu", "squared_error", dtype, isa=isa)
    net.load(np.random.default_rng(0).standard_normal((k + 1) * m).astype(dtype))
    X = X if k else scipy.sparse.csr_array((n, 0), dtype=dtype)
    np.testing.assert_array_equal(net.forward(rows_of(X, dtype)), net.forward(rows_of(dense, dtype)))
