"""Augmentation: each against an oracle on small images, chance, what stays as it is, what callables may return."""

import pickle

import numpy as np
import pytest
from scipy import ndimage, stats
from sklearn.base import clone

from fastmlp import augmentation
from fastmlp.augmentation import (
    AUGMENTATIONS,
    Compose,
    Contrast,
    ImageAugmentation,
    Mixup,
    Noise,
    Reflect,
    Rotate,
    Skew,
    Translate,
    as_augment,
    augmented,
)

SHAPES = [(5, 5), (4, 7), (6, 5, 3), None]
IMAGES = [name for name in AUGMENTATIONS if issubclass(AUGMENTATIONS[name], ImageAugmentation)]
WARPS = [name for name in IMAGES if "order" in AUGMENTATIONS[name]().get_params()]


def batch(shape=(5, 5), n=6, dtype=np.float64):
    """Random images, one-hot targets of 3 classes."""
    rng = np.random.default_rng(1)
    X = rng.random((n, np.prod(shape or (5, 5)))).astype(dtype)
    return X, np.eye(3, dtype=dtype)[rng.integers(3, size=n)]


class Fixed:
    """Chance that always comes out the same: every image is changed, by this share of the range."""

    def __init__(self, share):
        self.share = share

    def random(self, n):
        return np.zeros(n)

    def uniform(self, low, high, size):
        assert (low, high) == (-1, 1)
        return np.full(size, self.share)


def changed(name, share, shape=(5, 5), n=6, **parameters):
    """Images before and after, shape (n, height, width, channels)."""
    X, y = batch(shape, n)
    Z, same = AUGMENTATIONS[name](shape, **parameters).validate()(X, y, Fixed(share))
    assert same is y
    height, width, *channels = shape or (5, 5)
    return (given.reshape(n, height, width, *(channels or [1])) for given in (X, Z))


# ---- every augmentation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_contract(name, dtype):
    """Shapes and types; arguments stay as they are; the generator decides."""
    augment = as_augment(name)
    X, y = batch(dtype=dtype)
    X.flags.writeable = y.flags.writeable = False
    Z, z = augmented(augment, X, y, np.random.default_rng(0))
    raw = augment(X, y, np.random.default_rng(0))
    for given, returned, unchecked in ((X, Z, raw[0]), (y, z, raw[1])):
        assert (returned.shape, returned.dtype) == (given.shape, dtype)
        assert unchecked.dtype == dtype
    np.testing.assert_array_equal(augmented(augment, X, y, np.random.default_rng(0))[0], Z)
    if name != "compose":
        assert (augmented(augment, X, y, np.random.default_rng(5))[0] != Z).any()
        assert (Z != X).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize(
    "copy",
    [clone, lambda given: pickle.loads(pickle.dumps(given)), lambda given: eval(repr(given), vars(augmentation))],
)
def test_copies(name, copy):
    augment = AUGMENTATIONS[name]()
    (Z, z), (V, v) = (given(*batch(), np.random.default_rng(0)) for given in (augment, copy(augment)))
    np.testing.assert_array_equal(Z, V)
    np.testing.assert_array_equal(z, v)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_batches_of_any_length(name):
    for n in (0, 1):
        X, y = batch(n=n)
        Z, z = augmented(as_augment(name), X, y, np.random.default_rng(0))
        assert (Z.shape, z.shape) == (X.shape, y.shape)


@pytest.mark.parametrize("name", IMAGES)
def test_probability(name):
    X, y = batch(n=4000)
    for probability in (0.0, 0.3, 1.0):
        Z, _ = AUGMENTATIONS[name](probability=probability)(X, y, np.random.default_rng(0))
        n_changed = (Z != X).any(axis=1).sum()
        assert n_changed == 4000 * probability or stats.binomtest(n_changed, 4000, probability).pvalue > 0.01


@pytest.mark.parametrize("name", [name for name in IMAGES if name != "reflect"])
def test_images_are_changed_each_in_its_own_way(name):
    X, y = np.tile(batch(n=1)[0], (50, 1)), np.ones((50, 1))
    Z, _ = AUGMENTATIONS[name]()(X, y, np.random.default_rng(0))
    assert len(np.unique(Z, axis=0)) == 50


# ---- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reflect(shape):
    for axis, where in (("horizontal", 2), ("vertical", 1)):
        X, Z = changed("reflect", 0.0, shape, axis=axis)
        np.testing.assert_array_equal(Z, np.flip(X, where))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("share", [-1.0, 0.5])
def test_contrast(shape, share):
    X, Z = changed("contrast", share, shape, contrast=0.4)
    for image, after in zip(X, Z, strict=True):
        for channel in range(image.shape[-1]):
            x = image[..., channel]
            np.testing.assert_allclose(after[..., channel], x.mean() + (1 + 0.4 * share) * (x - x.mean()), rtol=1e-13)


def from_elsewhere(image, origin, fill, order):
    """Each pixel from the place that origin says, relative to the centre: the nearest, or the mean of four."""
    height, width = image.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])

    def pixel(row, column):
        return image[row, column] if 0 <= row < height and 0 <= column < width else fill

    out = np.empty_like(image)
    for row in range(height):
        for column in range(width):
            y, x = np.array(origin(*(np.array([row, column]) - middle))) + middle
            if order == 0:
                out[row, column] = pixel(int(np.floor(y + 0.5)), int(np.floor(x + 0.5)))
                continue
            top, left = int(np.floor(y)), int(np.floor(x))
            down, right = y - top, x - left
            out[row, column] = (1 - down) * ((1 - right) * pixel(top, left) + right * pixel(top, left + 1)) + down * (
                (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
            )
    return out


def turned(y, x, degrees):
    """Where a pixel was before a counterclockwise turn; y counts downward."""
    z = complex(x, -y) * np.exp(-1j * np.deg2rad(degrees))
    return -z.imag, z.real


# Parameters and, for the share of the range that chance gave, where a pixel at (y, x) comes from.
ORIGINS = {
    "translate": ({"shift": 1.7}, lambda share: lambda y, x: (y - 1.7 * share, x - 1.7 * share)),
    "rotate": ({"angle": 50.0}, lambda share: lambda y, x: turned(y, x, 50.0 * share)),
    "skew": ({"skew": 0.6}, lambda share: lambda y, x: (y, x - 0.6 * share * y)),
}


@pytest.mark.parametrize("name", WARPS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("share", [-1.0, -0.23, 0.0, 0.61])
@pytest.mark.parametrize(("order", "fill"), [(0, 0.0), (1, 0.0), (1, 0.7)])
def test_warps(name, shape, share, order, fill):
    parameters, origin = ORIGINS[name]
    X, Z = changed(name, share, shape, order=order, fill=fill, **parameters)
    for image, after in zip(X, Z, strict=True):
        for channel in range(image.shape[-1]):
            expected = from_elsewhere(image[..., channel], origin(share), fill, order)
            np.testing.assert_allclose(after[..., channel], expected, atol=1e-12)


@pytest.mark.parametrize("order", range(2, 6))
def test_warps_with_splines(order):
    """SciPy's own rotation about the centre."""
    X, Z = changed("rotate", 1.0, order=order, angle=30.0)
    for image, after in zip(X, Z, strict=True):
        expected = ndimage.rotate(image[..., 0], 30.0, reshape=False, order=order, mode="grid-constant")
        np.testing.assert_allclose(after[..., 0], expected, atol=1e-12)


def test_a_quarter_turn_and_a_whole_step():
    X, Z = changed("rotate", 1.0, angle=90.0)
    np.testing.assert_allclose(Z[..., 0], np.rot90(X[..., 0], axes=(1, 2)), atol=1e-12)
    X, Z = changed("translate", 0.5, shift=2.0, fill=9.0)
    np.testing.assert_array_equal(Z[:, 1:, 1:], X[:, :-1, :-1])
    assert (Z[:, 0] == 9).all()
    assert (Z[:, :, 0] == 9).all()


@pytest.mark.parametrize("name", WARPS)
def test_interpolated_pixels_stay_within_bounds(name):
    X, y = batch(n=500)
    Z, _ = AUGMENTATIONS[name](fill=0.5)(X, y, np.random.default_rng(0))
    assert X.min() <= Z.min()
    assert Z.max() <= X.max()


# On images of rows that are all the same slope, from 0 to 1 in 100 steps: how many steps to the left of where it stands
# comes what the middle of a row has, and what chance this tells of. The middle row is number 5.
SLOPE = (11, 101)
RANGES = {
    "contrast": ({"contrast": 0.3}, lambda left: (left[:, 5, 0] - left[:, 5, 100]) / 100, 0.3),
    "translate": ({"shift": 3.0}, lambda left: left[:, 5, 50], 3.0),
    "rotate": ({"angle": 10.0}, lambda left: np.rad2deg(np.arcsin(left[:, 6, 50])), 10.0),
    "skew": ({"skew": 0.4}, lambda left: left[:, 6, 50], 0.4),
}


@pytest.mark.parametrize("name", [name for name in IMAGES if name != "reflect"])
def test_range(name):
    """Uniform between the bounds."""
    parameters, chance, bound = RANGES[name]
    X = np.tile(np.linspace(0, 1, 101), (2000, 11))
    Z, _ = AUGMENTATIONS[name](SLOPE, **parameters)(X, np.ones((2000, 1)), np.random.default_rng(0))
    numbers = chance(np.arange(101) - 100 * Z.reshape(2000, *SLOPE))
    assert stats.kstest(numbers, stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01
    assert np.abs(numbers).max() <= bound * (1 + 1e-9)


# ---- rows of any kind ------------------------------------------------------------------------------------------------


def test_mixup():
    """Rows and targets are mixed alike, each with one other; sums of targets stay."""
    X, y = batch(n=40)
    Z, z = Mixup(alpha=0.5)(X, y, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    share, partner = rng.beta(0.5, 0.5), rng.permutation(40)
    assert 0.01 < share < 0.99
    for i in range(40):
        np.testing.assert_allclose(Z[i], share * X[i] + (1 - share) * X[partner[i]], rtol=1e-14)
        np.testing.assert_allclose(z[i], share * y[i] + (1 - share) * y[partner[i]], rtol=1e-14)
    np.testing.assert_allclose(z.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(Z.sum(axis=0), X.sum(axis=0), rtol=1e-13)


def test_mixups_shares_have_the_distribution():
    X, y = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    rng = np.random.default_rng(0)
    mixed = [Mixup(alpha=0.4)(X, y, rng)[0][1, 0] for _ in range(2000)]
    shares = [share for share in mixed if share != 1]  # half of the permutations change nothing
    assert stats.binomtest(len(shares), 2000).pvalue > 0.01
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 0.01


def test_noise(dtype):
    X, y = batch(n=2000, dtype=dtype)
    Z, z = Noise(std=0.3)(X, y, np.random.default_rng(0))
    assert z is y
    noise = (Z - X).ravel().astype(float)
    assert stats.kstest(noise, stats.norm(0, 0.3).cdf).pvalue > 0.01
    np.testing.assert_array_equal(Noise(std=0)(X, y, np.random.default_rng(0))[0], X)


def test_compose():
    def double(X, y, rng):
        return 2 * X, y

    X, y = batch()
    Z, z = Compose([Rotate(), double, "mixup"]).validate()(X, y, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    V, v = Rotate()(X, y, rng)
    V, v = Mixup()(2 * V, v, rng)
    np.testing.assert_array_equal(Z, V)
    np.testing.assert_array_equal(z, v)


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        *(AUGMENTATIONS[name](probability=value) for name in IMAGES for value in (-0.1, 1.1, np.nan, "1", None)),
        *(
            AUGMENTATIONS[name](image_shape=value)
            for name in IMAGES
            for value in (5, (5,), (5, 5, 1, 1), (5, 0), (5, 5.0), (5, -5), "55")
        ),
        *(AUGMENTATIONS[name](order=value) for name in WARPS for value in (-1, 6, 1.0, None)),
        *(AUGMENTATIONS[name](fill=value) for name in WARPS for value in (np.nan, np.inf, None)),
        Reflect(axis="diagonal"),
        Contrast(contrast=1.5),
        Translate(shift=-1),
        Rotate(angle=181),
        Skew(skew=-1),
        Mixup(alpha=0),
        Noise(std=-1),
        Compose(Noise()),
        Compose([Noise(std=-1)]),
    ],
    ids=repr,
)
def test_bad_parameters(bad):
    with pytest.raises(ValueError, match=r"The '\w+' parameter of \w+ must be .* Got .* instead"):
        as_augment(bad)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("shape", [None, (4, 6), (5, 5, 3)])
def test_image_shapes_that_do_not_fit(name, shape):
    X, y = np.zeros((2, 26)), np.ones((2, 1))
    cls = AUGMENTATIONS[name]
    with pytest.raises(ValueError, match=rf"image_shape=.* of {cls.__name__} does not fit 26 features: give"):
        cls(shape)(X, y, np.random.default_rng(0))


@pytest.mark.parametrize("bad", [None, 0.1, Noise, [Noise()]], ids=str)
def test_what_is_no_augmentation(bad):
    for refused in (bad, Compose([bad])):
        with pytest.raises(TypeError, match=r"augment must be a name, an Augmentation or a callable .*; got"):
            as_augment(refused)


def test_unknown_names():
    for bad in ("mixip", Compose(["mixip"])):
        with pytest.raises(ValueError, match=r"augment='mixip' is not known; known are 'mixup'"):
            as_augment(bad)


BAD = {
    "fewer rows of X": (
        lambda X, y, rng: (X[:3], y),
        r"the X it returns must have shape \(6, 25\); got shape \(3, 25\)",
    ),
    "fewer rows of y": (lambda X, y, rng: (X, y[:3]), r"the y it returns must have shape \(6, 3\); got shape \(3, 3\)"),
    "fewer rows": (lambda X, y, rng: (X[:3], y[:3]), r"the X it returns must have shape \(6, 25\)"),
    "features": (lambda X, y, rng: (X[:, 1:], y), r"the X it returns must have shape \(6, 25\); got shape \(6, 24\)"),
    "flat": (lambda X, y, rng: (X.ravel(), y), r"the X it returns must have shape \(6, 25\); got shape \(150,\)"),
    "nan": (lambda X, y, rng: (X * np.nan, y), "the X it returns must be finite in float64; got nan"),
    "infinite": (lambda X, y, rng: (X, y + np.inf), "the y it returns must be finite in float64; got inf"),
    "complex": (lambda X, y, rng: (X + 0j, y), r"the X it returns must be real numbers of shape \(6, 25\)"),
    "words": (lambda X, y, rng: (X, y.astype(str)), r"the y it returns must be real numbers of shape \(6, 3\)"),
    "X alone": (lambda X, y, rng: X, r"must return a pair \(X, y\); got "),
    "nothing": (lambda X, y, rng: None, r"must return a pair \(X, y\); got None"),
    "three": (lambda X, y, rng: (X, y, rng), r"must return a pair \(X, y\); got "),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_results_of_a_callable(kind):
    augment, told = BAD[kind]
    for given in (augment, Compose([Noise(), augment])):
        with pytest.raises(ValueError, match=f"^augment:? {told}"):
            augmented(given, *batch(), np.random.default_rng(0))


def test_types_are_converted():
    X, y = batch(dtype=np.float32)
    Z, z = augmented(lambda X, y, rng: (X.astype(int), y.tolist()), X, y, np.random.default_rng(0))
    assert Z.dtype == z.dtype == np.float32
    with pytest.raises(ValueError, match="must be finite in float32; got inf"):
        augmented(lambda X, y, rng: (np.full(X.shape, 1e300), y), X, y, np.random.default_rng(0))


def test_an_error_in_a_callable_says_where():
    def fails(X, y, rng):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as raised:
        augmented(fails, *batch(), np.random.default_rng(0))
    assert raised.value.__notes__ == [f"Raised by augment={fails!r}."]
