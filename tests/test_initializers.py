"""Initial weights: ranges, moments, order of the draws, types, bad callables. test_parity.py has scikit-learn's."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

import fastmlp
from fastmlp import MLPClassifier, initializers, zoo
from fastmlp.activations import ACTIVATIONS
from fastmlp.initializers import (
    INITIALIZERS,
    Auto,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LecunNormal,
    LecunUniform,
    Normal,
    Orthogonal,
    Pretrained,
    Uniform,
    Zeros,
    initial_params,
)
from tests.reference import layer_views

SIZES = (50, 40, 30)
FAN_IN, FAN_OUT = 300, 200


def layers(**options):
    """Weights and biases of SIZES, from seed 3."""
    return list(zip(*layer_views(initial_params(SIZES, "relu", np.float64, seeded(), **options), SIZES), strict=True))


def seeded():
    return np.random.RandomState(3)


# ---- every initializer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INITIALIZERS)
def test_contract(name):
    """Shapes and types; the numbers follow from the seed, and those in float32 are those in float64, rounded."""
    initializer = INITIALIZERS[name]().validate()
    assert isinstance(initializer, Initializer)
    for draw, shape in ((initializer, (7, 5)), (initializer, (5, 7)), (initializer.biases, (5,))):
        fans = shape if len(shape) == 2 else (7, 5)
        double, single = (draw(seeded(), *fans, np.dtype(t)) for t in ("float64", "float32"))
        assert double.shape == single.shape == shape
        assert (double.dtype, single.dtype) == (np.float64, np.float32)
        np.testing.assert_array_equal(single, double.astype(np.float32))
        np.testing.assert_array_equal(draw(seeded(), *fans, np.float64), double)
        if name not in ("zeros", "constant"):
            assert (draw(np.random.RandomState(4), *fans, np.float64) != double).all()


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize(
    "copy",
    [clone, lambda given: pickle.loads(pickle.dumps(given)), lambda given: eval(repr(given), vars(initializers))],
)
def test_copies(name, copy):
    initializer = INITIALIZERS[name]()
    np.testing.assert_array_equal(
        copy(initializer)(seeded(), 4, 3, np.float64), initializer(seeded(), 4, 3, np.float64)
    )


@pytest.mark.parametrize("name", INITIALIZERS)
def test_names_are_objects_with_defaults(name):
    for options in ({"weight_init": name}, {"bias_init": name}):
        parameter = next(iter(options))
        by_object = {parameter: INITIALIZERS[name]()}
        if name == "auto":  # as an object, it is no longer asked for what is automatic
            by_object["bias_init"] = INITIALIZERS[name]()
        for (W, b), (V, a) in zip(layers(**options), layers(**by_object), strict=True):
            np.testing.assert_array_equal(W, V)
            np.testing.assert_array_equal(b, a)


# ---- distributions ---------------------------------------------------------------------------------------------------

UNIFORM = {
    Auto("relu"): np.sqrt(6 / (FAN_IN + FAN_OUT)),
    Auto("logistic"): np.sqrt(2 / (FAN_IN + FAN_OUT)),
    GlorotUniform(): np.sqrt(6 / (FAN_IN + FAN_OUT)),
    HeUniform(): np.sqrt(6 / FAN_IN),
    LecunUniform(): np.sqrt(3 / FAN_IN),
    Uniform(): 0.05,
    Uniform(0.7): 0.7,
}
NORMAL = {
    GlorotNormal(): np.sqrt(2 / (FAN_IN + FAN_OUT)),
    HeNormal(): np.sqrt(2 / FAN_IN),
    LecunNormal(): np.sqrt(1 / FAN_IN),
    Normal(): 0.01,
    Normal(0.7): 0.7,
}
OTHERS = {Orthogonal, Constant, Zeros}


def test_every_distribution_is_tested():
    assert {type(given) for given in (*UNIFORM, *NORMAL)} | OTHERS == set(INITIALIZERS.values())


def drawn(initializer):
    """60,000 weights, and 60,000 biases of 300 layers."""
    rng = np.random.RandomState(0)
    yield initializer(rng, FAN_IN, FAN_OUT, np.float64).ravel()
    yield np.concatenate([initializer.biases(rng, FAN_IN, FAN_OUT, np.float64) for _ in range(300)])


@pytest.mark.parametrize(("initializer", "bound"), UNIFORM.items(), ids=repr)
def test_uniform(initializer, bound):
    for numbers in drawn(initializer):
        assert 0.9999 * bound < np.abs(numbers).max() <= bound
        assert stats.kstest(numbers, stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


@pytest.mark.parametrize(("initializer", "std"), NORMAL.items(), ids=repr)
def test_normal(initializer, std):
    for numbers in drawn(initializer):
        n = len(numbers)
        assert abs(numbers.mean()) < 3 * std / np.sqrt(n)
        low, high = stats.chi2(n).ppf([0.005, 0.995])
        assert low < (numbers**2).sum() / std**2 < high
        assert stats.kstest(numbers, stats.norm(0, std).cdf).pvalue > 0.01


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (20, 20), (1, 5), (5, 1)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 2.5, 0.0])
def test_orthogonal(shape, gain):
    W = Orthogonal(gain)(seeded(), *shape, np.float64)
    if shape[0] < shape[1]:
        W = W.T
    np.testing.assert_allclose(W.T @ W, gain**2 * np.eye(W.shape[1]), atol=1e-13)


def test_orthogonal_prefers_no_direction():
    """Each entry of a random rotation is as often negative as positive; a plain QR's diagonal is not."""
    rng = np.random.RandomState(0)
    positive = sum(np.sign(Orthogonal()(rng, 3, 3, np.float64)) for _ in range(2000))
    assert np.abs(positive).max() < 4 * np.sqrt(2000)


def test_orthogonal_biases_have_the_length_of_the_gain():
    assert np.linalg.norm(Orthogonal(2.5).biases(seeded(), 3, 8, np.float64)) == pytest.approx(2.5)


def test_constants():
    np.testing.assert_array_equal(Constant(0.3)(seeded(), 2, 3, np.float64), np.full((2, 3), 0.3))
    np.testing.assert_array_equal(Constant(-1)(seeded(), 2, 3, np.float32), np.full((2, 3), -1, np.float32))
    np.testing.assert_array_equal(Zeros()(seeded(), 2, 3, np.float64), np.zeros((2, 3)))


@pytest.mark.parametrize(
    "bad",
    [
        *(cls(value) for cls in (Normal, Uniform, Orthogonal) for value in (-1, np.nan, np.inf, "1", None)),
        *(Constant(value) for value in (np.nan, np.inf, "1", None)),
        Auto(1),
    ],
    ids=repr,
)
def test_bad_parameters(bad):
    for options in ({"weight_init": bad}, {"bias_init": bad}):
        with pytest.raises(ValueError, match=rf"The '\w+' parameter of {type(bad).__name__} must be .* Got .* instead"):
            layers(**options)


# ---- a network's parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_automatic(activation):
    """scikit-learn's draws."""
    params = initial_params(SIZES, activation, np.float64, seeded())
    expected = seeded()
    factor = 2 if activation == "logistic" else 6
    for W, b in zip(*layer_views(params, SIZES), strict=True):
        bound = np.sqrt(factor / sum(W.shape))
        np.testing.assert_array_equal(W, expected.uniform(-bound, bound, W.shape))
        np.testing.assert_array_equal(b, expected.uniform(-bound, bound, b.shape))
        assert 0.98 * bound < np.abs(W).max() <= bound


def test_float32_is_float64_rounded():
    double, single = (initial_params(SIZES, "relu", t, seeded()) for t in (np.float64, np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_biases_are_zero_unless_both_are_automatic():
    assert all((b != 0).all() for _, b in layers())
    assert all((b == 0).all() for _, b in layers(weight_init="glorot_uniform"))
    assert all((b == 0).all() for _, b in layers(weight_init=Auto()))
    assert all((b == 0).all() for _, b in layers(bias_init="zeros"))


def test_layer_by_layer_weights_before_biases():
    asked = []

    def counting(what):
        def draw(rng, fan_in, fan_out, dtype):
            asked.append((what, fan_in, fan_out, dtype))
            drawn = rng.uniform(size=(fan_in, fan_out) if what == "weights" else fan_out)
            return drawn

        return draw

    expected = seeded()
    for W, b in layers(weight_init=counting("weights"), bias_init=counting("biases")):
        np.testing.assert_array_equal(W, expected.uniform(size=W.shape))
        np.testing.assert_array_equal(b, expected.uniform(size=b.shape))
    assert asked == [(what, *fans, np.float64) for fans in pairwise(SIZES) for what in ("weights", "biases")]


def test_what_a_callable_returns_is_copied():
    kept = np.ones((50, 40))
    W = layers(weight_init=lambda rng, m, n, t: kept[:m, :n] if (m, n) == (50, 40) else np.ones((m, n)))[0][0]
    W[:] = 2
    assert (kept == 1).all()


BAD = {
    "shape": (lambda m, n: np.zeros((m, n + 1)), r"must have shape \(40, 30\); got shape \(40, 31\)"),
    "transposed": (lambda m, n: np.zeros((n, m)), r"must have shape \(40, 30\); got shape \(30, 40\)"),
    "nan": (lambda m, n: np.full((m, n), np.nan), "must be finite in float64; got nan"),
    "infinite": (lambda m, n: np.full((m, n), -np.inf), "must be finite in float64; got -inf"),
    "complex": (lambda m, n: np.zeros((m, n), complex), "must be real numbers of shape"),
    "words": (lambda m, n: np.full((m, n), "1"), "must be real numbers of shape"),
    "nothing": (lambda m, n: None, r"must be real numbers of shape \(40, 30\); got None"),
    "ragged": (lambda m, n: [[1], [1, 2]], r"must be real numbers of shape \(40, 30\); got \[\[1\]"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_results_of_a_callable(kind):
    make, told = BAD[kind]

    def draw(rng, fan_in, fan_out, dtype):
        return make(fan_in, fan_out) if fan_in == 40 else np.zeros((fan_in, fan_out))

    with pytest.raises(ValueError, match=r"weight_init: coefs_\[1\] " + told):
        layers(weight_init=draw)


def test_bad_biases_of_a_callable():
    with pytest.raises(ValueError, match=r"bias_init: intercepts_\[0\] must have shape \(40,\); got shape \(50, 40\)"):
        layers(bias_init=lambda rng, m, n, t: np.zeros((m, n)))


def test_too_large_for_float32():
    with pytest.raises(ValueError, match=r"weight_init: coefs_\[0\] must be finite in float32; got inf"):
        initial_params(SIZES, "relu", np.float32, seeded(), weight_init=lambda rng, m, n, t: np.full((m, n), 1e300))


def test_an_error_in_a_callable_says_where():
    def fails(rng, fan_in, fan_out, dtype):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as raised:
        layers(bias_init=fails)
    assert raised.value.__notes__ == ["Raised by bias_init: intercepts_[0], fan_in=50, fan_out=40."]


@pytest.mark.parametrize("parameter", ["weight_init", "bias_init"])
def test_bad_arguments(parameter):
    with pytest.raises(ValueError, match=rf"{parameter}='he_norml' is not known; known are 'he_normal'"):
        layers(**{parameter: "he_norml"})
    for bad in (None, 0.1, int, [1.0]):
        with pytest.raises(TypeError, match=rf"{parameter} must be a name, an Initializer or a callable .*; got"):
            layers(**{parameter: bad})
    with pytest.raises(TypeError, match=rf"{parameter} must be an object instead of its class: HeNormal\(\); got"):
        layers(**{parameter: HeNormal})


@pytest.mark.parametrize("name", INITIALIZERS)
def test_what_is_no_layer_is_refused(name):
    rng = np.random.RandomState(0)
    for draw in (INITIALIZERS[name](), INITIALIZERS[name]().biases):
        for wrong in (0, -1, 2.0, "2", None, True):
            with pytest.raises(ValueError, match=f"fan_in must be an integer of at least 1; got {wrong!r}"):
                draw(rng, wrong, 2, np.float64)
            with pytest.raises(ValueError, match=f"fan_out must be an integer of at least 1; got {wrong!r}"):
                draw(rng, 2, wrong, np.float64)
        for dtype in ("float16", int, "foo"):
            with pytest.raises(ValueError, match="dtype must be float32 or float64; got "):
                draw(rng, 2, 2, dtype)


def test_what_is_no_network_is_refused():
    for sizes in ([], [3], [3, 0], [3, -1], [3, 1.5], "34", None, 3):
        with pytest.raises(ValueError, match="sizes must be integers of at least 1, inputs and outputs included; got "):
            initial_params(sizes, "relu", np.float64, np.random.RandomState(0))
    with pytest.raises(ValueError, match="dtype must be float32 or float64; got 'float16'"):
        initial_params([3, 2], "relu", "float16", np.random.RandomState(0))


def test_auto_knows_its_activations():
    """It draws otherwise for one of them, so that a name it does not know would be a silent mistake."""
    Auto("logistic").validate()
    with pytest.raises(ValueError, match=r"The 'activation' parameter of Auto must be a str among .* Got 'sigmoyd'"):
        Auto("sigmoyd").validate()


# ---- those of a fitted network ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning):
        return MLPClassifier((5, 3), max_iter=2, random_state=0).fit(X, y)


def test_pretrained_layers_are_those_of_the_estimator(learned):
    rng = np.random.RandomState(0)
    params = initial_params([4, 5, 3, 2], "relu", np.float32, rng, weight_init=Pretrained(learned))
    taken = [learned.coefs_[0], learned.intercepts_[0], learned.coefs_[1], learned.intercepts_[1]]
    flat = np.concatenate([part.ravel() for part in taken]).astype(np.float32)
    np.testing.assert_array_equal(params[: len(flat)], flat)
    drawn = initial_params([3, 2], "relu", np.float32, np.random.RandomState(0), bias_init="auto")
    np.testing.assert_array_equal(params[len(flat) :], drawn)
    first = Pretrained(learned, n_layers=1, beyond="zeros")
    params = initial_params([4, 5, 3, 3], "relu", float, rng, weight_init=first)
    assert params[:20].all() and not params[25:].any()
    params = initial_params([4, 5, 2], "relu", float, rng, weight_init="zeros", bias_init=Pretrained(learned))
    np.testing.assert_array_equal(params[:25], [*np.zeros(20), *learned.intercepts_[0]])


def test_a_fit_begins_with_pretrained_layers_and_clones_share_them(learned, tmp_path):
    X, y = load_iris(return_X_y=True)
    clf = clone(MLPClassifier((5, 3), weight_init=Pretrained(learned), max_iter=1, learning_rate_init=1e-12))
    assert clf.weight_init.estimator is learned
    with pytest.warns(ConvergenceWarning):
        clf.fit(X, y)
    np.testing.assert_allclose(clf.coefs_[1], learned.coefs_[1], atol=1e-9)
    fastmlp.save(clf, tmp_path / "model")
    again = fastmlp.load(tmp_path / "model")
    np.testing.assert_array_equal(again.weight_init.estimator.coefs_[0], learned.coefs_[0])


def test_what_cannot_be_taken_is_refused(learned):
    rng = np.random.RandomState(0)
    for sizes, options, message in (
        ([4, 6, 3], {}, r"has layers of the shapes \[\(4, 5\), \(5, 3\), \(3, 3\)\], of which the first must be those"),
        ([4, 5, 2, 3], {"n_layers": 2}, r"of which 2 must be those of a network of \(4, 5, 2, 3\) units"),
    ):
        with pytest.raises(ValueError, match=message):
            initial_params(sizes, "relu", float, rng, weight_init=Pretrained(learned, **options))
    with pytest.raises(ValueError, match="estimator must be fitted, with lists coefs_ and intercepts_"):
        initial_params([4, 5, 3], "relu", float, rng, weight_init=Pretrained(MLPClassifier()))
    with pytest.raises(ValueError, match="it draws no single layer"):
        Pretrained(learned)(rng, 4, 5, float)
    with pytest.raises(ValueError, match="'n_layers' parameter of Pretrained"):
        initial_params([4, 5, 3], "relu", float, rng, weight_init=Pretrained(learned, n_layers=0))
    with pytest.raises(ValueError, match="with lists coefs_ and intercepts_; got RBFRegressor"):
        X, y = load_iris(return_X_y=True)
        source = Pretrained(zoo.RBFRegressor(5).fit(X, y))
        initial_params([4, 5, 3], "relu", float, rng, weight_init=source)
