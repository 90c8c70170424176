"""Augmentation: each against an oracle on small images, chance, what stays as it is, what callables may return."""

import pickle

import numpy as np
import pytest
from scipy import ndimage, stats
from sklearn.base import clone

from fastmlp import MLPClassifier, MLPRegressor, augmentation
from fastmlp.augmentation import (
    AUGMENTATIONS,
    Augmentation,
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


# ---- weights ---------------------------------------------------------------------------------------------------------

WEIGHTS = np.array([0.5, 3.0, 1.0, 0.0, 2.0, 1.5])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_rows_keep_their_weights(name):
    X, y = batch()
    Z, z, weights = augmented(as_augment(name), X, y, np.random.default_rng(0), WEIGHTS)
    np.testing.assert_array_equal(weights, WEIGHTS)
    if name != "mixup":
        np.testing.assert_array_equal(Z, augmented(as_augment(name), X, y, np.random.default_rng(0))[0])
        np.testing.assert_array_equal(z, y)


def test_mixups_partners_come_in_proportion_to_their_weights():
    """An oracle: of each batch, who was mixed with whom, since each row's bit stands in its sum."""
    n_batches, X = 4000, np.diag(np.ones(6))
    pairs, rng = np.zeros((6, 6)), np.random.default_rng(0)
    for _ in range(n_batches):
        Z, z, weights = augmented(Mixup(alpha=2.0), X, X, rng, WEIGHTS)
        np.testing.assert_array_equal(z, Z)  # X and y are mixed with the same rows in the same shares
        np.testing.assert_array_equal(weights, WEIGHTS)
        share = next((row[i] for i, row in enumerate(Z) if row[i] != 1), None)
        partners = [
            i if row[i] == 1 else int(np.flatnonzero((row > 0) & (np.arange(6) != i))[0]) for i, row in enumerate(Z)
        ]
        pairs[np.arange(6), partners] += 1
        if share is not None:
            np.testing.assert_allclose(Z, share * X + (1 - share) * X[partners], rtol=1e-12)
        counts = np.bincount(partners, minlength=6)
        expected = 6 * WEIGHTS / WEIGHTS.sum()
        assert (counts >= np.floor(expected)).all() and (counts <= np.ceil(expected)).all()
    assert not pairs[:, 3].any()
    chances = WEIGHTS / WEIGHTS.sum()
    for row in pairs:
        assert stats.chisquare(np.delete(row, 3), n_batches * np.delete(chances, 3)).pvalue > 0.001


def test_equal_weights_are_none():
    X, y = batch(n=40)
    Z, z = Mixup()(X, y, np.random.default_rng(0))
    for weight in (1.0, 0.1, 1e300, 5e-324, 0.0):
        V, v, _ = augmented(Mixup(), X, y, np.random.default_rng(0), np.full(40, weight))
        np.testing.assert_array_equal(V, Z)
        np.testing.assert_array_equal(v, z)


def test_weights_of_any_size():
    """Neither sums that overflow nor weights that vanish beside others draw a row of weight 0."""
    X, y = batch(n=4)
    X[[0, 3]] = 1e6
    for weights in ([0, 1e308, 1.5e308, 0], [0, 5e-324, 1e-323, 0], [0, 1e-300, 1e300, 0], [0, 1, 0.1, 0]):
        for seed in range(50):
            Z, _, _ = augmented(Mixup(alpha=1.0), X, y, np.random.default_rng(seed), np.array(weights, float))
            assert np.abs(Z[1:3]).max() <= 1


def moved(X, y, rng, sample_weight=None):
    order = rng.permutation(len(X))
    return X[order], y[order], None if sample_weight is None else sample_weight[order]


ROTATED = {
    "rng first": lambda X, y, rng, sample_weight: (X[::-1], y[::-1], sample_weight[::-1]),
    "weights first": lambda X, y, sample_weight, rng: (X[::-1], y[::-1], sample_weight[::-1] + 0 * rng.random()),
    "by name": lambda X, y, rng, *, sample_weight: (X[::-1], y[::-1], sample_weight[::-1].tolist()),
    "other names": lambda data, targets, sample_weight, chance: (data[::-1], targets[::-1], sample_weight[::-1]),
    "with more": lambda X, y, rng, scale=1, sample_weight=None: [scale * X[::-1], y[::-1], sample_weight[::-1]],
}


@pytest.mark.parametrize("composed", [False, True])
def test_a_class_of_ones_own_sees_weights_where_its_call_has_them(composed):
    class Turned(Augmentation):
        def __call__(self, X, y, sample_weight, rng):
            return X[::-1], y[::-1], sample_weight[::-1]

    class Renamed(Turned):
        pass

    X, y = batch()
    for augment in (Turned(), Renamed()):
        given = Compose([augment]) if composed else augment
        Z, _, weights = augmented(given, X, y, np.random.default_rng(0), WEIGHTS)
        np.testing.assert_array_equal(Z, X[::-1])
        np.testing.assert_array_equal(weights, WEIGHTS[::-1])
    places = [cls.weight_place for cls in (Augmentation, Noise, Mixup, Compose, Turned, Renamed)]
    assert places == [None, None, 3, 3, 2, 2]


@pytest.mark.parametrize("kind", ROTATED)
@pytest.mark.parametrize("composed", [False, True])
def test_a_callable_sees_weights_and_returns_them(kind, composed):
    augment, (X, y) = ROTATED[kind], batch()
    Z, z, weights = augmented(Compose([augment]) if composed else augment, X, y, np.random.default_rng(0), WEIGHTS)
    np.testing.assert_array_equal(Z, X[::-1])
    np.testing.assert_array_equal(z, y[::-1])
    np.testing.assert_array_equal(weights, WEIGHTS[::-1])
    assert weights.dtype == np.float64


def test_a_callable_that_sees_weights_may_leave_them_or_make_them():
    X, y = batch()
    left = augmented(lambda X, y, rng, sample_weight: (X, y), X, y, np.random.default_rng(0), WEIGHTS)
    np.testing.assert_array_equal(left[2], WEIGHTS)
    assert len(augmented(lambda X, y, rng, sample_weight: (X, y), X, y, np.random.default_rng(0))) == 2
    assert len(augmented(moved, X, y, np.random.default_rng(0))) == 2
    made = augmented(lambda X, y, rng, sample_weight: (X, y, np.arange(6)), X, y, np.random.default_rng(0))
    np.testing.assert_array_equal(made[2], np.arange(6))
    assert made[2].dtype == np.float64


def test_compose_carries_weights():
    """Each sees what the one before it made, whether or not it sees weights."""
    seen = []

    def watch(X, y, rng, sample_weight):
        seen.append(sample_weight)
        return X, y

    X, y = batch()
    double = lambda X, y, rng, sample_weight: (X, y, 2 * sample_weight)  # noqa: E731
    chain = Compose([watch, moved, Noise(), watch, double, "mixup", watch])
    weights = chain(X, y, np.random.default_rng(0), WEIGHTS)[2]
    order = np.random.default_rng(0).permutation(6)
    for found, expected in zip([*seen, weights], WEIGHTS * np.array([[1], [1], [2], [2]]), strict=True):
        np.testing.assert_array_equal(found, expected if found is seen[0] else expected[order])


BAD_WEIGHTS = {
    "negative": (lambda X, y, rng, sample_weight: (X, y, -sample_weight), r"must be at least 0; got -3\.0"),
    "nan": (lambda X, y, rng, sample_weight: (X, y, sample_weight * np.nan), "must be finite in float64; got nan"),
    "short": (lambda X, y, rng, sample_weight: (X, y, sample_weight[1:]), r"must have shape \(6,\); got shape \(5,\)"),
    "column": (lambda X, y, rng, sample_weight: (X, y, sample_weight[:, None]), r"must have shape \(6,\); got shape"),
    "none": (lambda X, y, rng, sample_weight: (X, y, None), r"must be real numbers of shape \(6,\); got None"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_bad_weights_of_a_callable(kind):
    augment, told = BAD_WEIGHTS[kind]
    for given in (augment, Compose([Noise(), augment])):
        with pytest.raises(ValueError, match=f"^augment: the sample_weight it returns {told}"):
            augmented(given, *batch(), np.random.default_rng(0), WEIGHTS)


def test_what_sees_no_weights_returns_none():
    with pytest.raises(ValueError, match=r"must return a pair \(X, y\); got .* With a parameter sample_weight"):
        augmented(lambda X, y, rng: (X[:0], y[:0], None), *batch(), np.random.default_rng(0), WEIGHTS)
    with pytest.raises(ValueError, match=r"must return \(X, y\) or \(X, y, sample_weight\); got"):
        augmented(lambda X, y, rng, sample_weight: X, *batch(), np.random.default_rng(0), WEIGHTS)


@pytest.mark.parametrize("sees", [False, True])
def test_rows_that_move_without_their_weights_are_refused(sees):
    X, y = batch()
    if sees:
        shuffle = lambda X, y, rng, sample_weight: moved(X, y, rng)[:2]  # noqa: E731
    else:
        shuffle = lambda X, y, rng: moved(X, y, rng)[:2]  # noqa: E731
    with pytest.raises(ValueError, match="are those it was given in another order, but their weights stay in place"):
        augmented(shuffle, X, y, np.random.default_rng(0), WEIGHTS)
    for weights in ([], [np.ones(6)]):
        augmented(shuffle, X, y, np.random.default_rng(0), *weights)
    # One column moved by one is one-hot rows in another order; but each row was changed where it stands.
    eye = np.eye(6)
    roll = lambda X, y, rng: (np.roll(X, 1, axis=1), y)  # noqa: E731
    augmented(roll, eye, y, np.random.default_rng(0), WEIGHTS)
    # Wrong labels for some, as many as right ones.
    swap = lambda X, y, rng: (X, y[::-1])  # noqa: E731
    augmented(swap, X, y, np.random.default_rng(0), WEIGHTS)


def imbalanced(n=2000):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), (np.arange(n) < n // 20).astype(int)


@pytest.mark.parametrize("augment", ["mixup", Mixup(alpha=1.0), moved, Compose([moved, "mixup", "noise"])], ids=str)
@pytest.mark.parametrize("by", ["class_weight", "sample_weight"])
def test_balanced_classes_stay_balanced(augment, by):
    """X tells nothing of the class, so that half is the right answer."""
    X, y = imbalanced()
    clf = MLPClassifier((4,), max_iter=15, n_iter_no_change=np.inf, learning_rate_init=0.01, random_state=0, tol=0.0)
    clf.set_params(augment=augment, class_weight="balanced" if by == "class_weight" else None)
    weights = None if by == "class_weight" else np.where(y == 1, 10.0, 10 / 19)
    with pytest.warns(UserWarning, match="hasn't converged yet"):
        assert abs(clf.fit(X, y, weights).predict_proba(X)[:, 1].mean() - 0.5) < 0.05


# Targets, and the labels that will ever come.
KINDS = {
    "two classes": (lambda X: (X[:, 0] > 0).astype(int), [0, 1]),
    "classes": (lambda X: np.digitize(X[:, 0], [-0.5, 0.5]), [0, 1, 2]),
    "labels": (lambda X: (X > 0).astype(int), [0, 1, 2, 3]),
    "numbers": (lambda X: X[:, 0], None),
    "several numbers": (lambda X: X[:, :2], None),
}


@pytest.mark.parametrize("augment", [*AUGMENTATIONS, Compose(["noise", "mixup", moved]), moved], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_0_are_as_if_they_were_not_there(kind, augment):
    """To the bit; what would be mixed with them would be seen at once."""
    targets, classes = KINDS[kind]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y, weights = targets(X), rng.integers(3, size=60) * rng.uniform(0.5, 2.0, 60)
    counts = weights > 0
    X[~counts] *= 1e6

    def fitted(X, y, weights):
        cls = MLPRegressor if classes is None else MLPClassifier
        model = cls(hidden_layer_sizes=(5,), augment=augment, shuffle=False, random_state=0)
        for first in (True, False, False):
            model.partial_fit(X, y, weights, **({"classes": classes} if classes and first else {}))
        return [*model.coefs_, *model.intercepts_]

    for a, b in zip(fitted(X, y, weights), fitted(X[counts], y[counts], weights[counts]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_in_which_no_row_counts_is_passed_over():
    calls = []

    def watch(X, y, rng):
        calls.append(len(X))
        return X, y

    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30.0)
    model = MLPRegressor(hidden_layer_sizes=(3,), batch_size=10, augment=watch, shuffle=False, random_state=0)
    weights = np.repeat([1.0, 0.0, 1.0], 10)
    model.partial_fit(X, y, weights)
    assert calls == [10, 10]
    assert model._optimizer.n_updates == 2
    none = lambda X, y, rng, sample_weight: (X, y, 0 * sample_weight)  # noqa: E731
    before = [w.copy() for w in model.coefs_]
    model.set_params(augment=none).partial_fit(X, y, weights)
    for a, b in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mixup_of_weighted_rows_on_a_line_stays_on_it():
    """Were targets mixed by weights and inputs not, what is heavier on one side would bend it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 1))
    y, weights = X.ravel(), np.where(X.ravel() > 0, 9.0, 1.0)
    for _ in range(20):
        Z, z, _ = augmented(Mixup(alpha=1.0), X, y[:, np.newaxis], rng, weights)
        np.testing.assert_allclose(z, Z, atol=1e-15)


def test_a_weight_of_2_is_two_rows():
    """The mean of mixed targets, as weights say, is that of a batch in which such rows stand twice."""
    X, y = batch(n=12)
    weights = np.repeat([1.0, 2.0, 3.0], 4)
    rng, means = np.random.default_rng(0), []
    for _ in range(3000):
        _, z, kept = augmented(Mixup(alpha=1.0), X, y, rng, weights)
        means.append(kept @ z / kept.sum())
    twice = np.repeat(np.arange(12), weights.astype(int))
    np.testing.assert_allclose(np.mean(means, axis=0), y[twice].mean(axis=0), atol=0.01)


@pytest.mark.parametrize("weights", [None, np.ones(60)])
def test_weights_made_by_an_augmentation_are_those_of_training(weights):
    """Half of the rows are given no weight, where fit gave none or the same to all: they do not matter."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y, wrong = X[:, 0], np.arange(60) % 2 == 1
    keeps = lambda X, y, rng, sample_weight: (X, y, y[:, 0] < 100)  # noqa: E731
    what = {"hidden_layer_sizes": (4,), "batch_size": 60, "shuffle": False, "random_state": 0}
    model = MLPRegressor(augment=keeps, **what).partial_fit(X, np.where(wrong, 1e3, y), weights)
    other = MLPRegressor(**what).partial_fit(X, y, np.where(wrong, 0.0, 1.0))
    for a, b in zip(model.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


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
