"""WeightsDisplay: images of units, which of them are drawn, and what is refused."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from fastmlp import MLPClassifier
from fastmlp.inspection import WeightsDisplay
from tests.inspection.conftest import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_weights_are_images_in_the_same_colours(digits):
    display = WeightsDisplay.from_estimator(digits, cmap="gray")
    assert display.axes_.shape == (3, 4)
    assert len(display.images_) == 10
    limit = np.abs(digits.coefs_[0]).max()
    for unit, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), digits.coefs_[0][:, unit].reshape(8, 8))
        assert image.get_clim() == (-limit, limit)
        assert image.get_cmap().name == "gray"
        assert image.axes is display.axes_.flat[unit]
    assert not any(axes.axison for axes in display.axes_.flat)
    assert [len(axes.images) for axes in display.axes_.flat] == [1] * 10 + [0] * 2


def test_what_has_components_is_one_layer():
    pca = PCA(4).fit(load_digits().data)
    display = WeightsDisplay.from_estimator(pca)
    for component, image in zip(pca.components_, display.images_, strict=True):
        np.testing.assert_array_equal(image.get_array(), component.reshape(8, 8))
    with pytest.raises(ValueError, match="layer must be an integer from 0 to 0, got 1"):
        WeightsDisplay.from_estimator(pca, layer=1)
    plt.close("all")


def test_which_units_are_drawn(digits):
    norms = np.linalg.norm(digits.coefs_[0], axis=0)
    for options, units in (
        ({"n_units": 4}, range(4)),
        ({"order": "norm", "n_units": 3}, np.argsort(-norms)[:3]),
        ({"order": [7, 2, 2]}, [7, 2, 2]),
        ({"order": np.array([7, 2, 1]), "n_units": 2}, [7, 2]),
    ):
        images = WeightsDisplay.from_estimator(digits, **options).images_
        assert len(images) == len(units)
        for image, unit in zip(images, units, strict=True):
            np.testing.assert_array_equal(image.get_array().ravel(), digits.coefs_[0][:, unit])


def test_no_more_units_than_64_unless_asked_for():
    clf = MLPClassifier((70,), max_iter=1, random_state=0).fit(X, Y)
    assert len(WeightsDisplay.from_estimator(clf).images_) == 64
    assert len(WeightsDisplay.from_estimator(clf, n_units=70).images_) == 70


def test_other_layers_and_shapes(digits):
    image = WeightsDisplay.from_estimator(digits, layer=1, shape=(2, 5)).images_[3]
    np.testing.assert_array_equal(image.get_array(), digits.coefs_[1][:, 3].reshape(2, 5))
    assert WeightsDisplay.from_estimator(digits, layer=np.int64(2), shape=[3, 4]).images_[0].get_array().shape == (3, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, r"layer must be an integer from 0 to 2, got 3\."),
        ({"layer": -1}, r"layer must be an integer from 0 to 2, got -1\."),
        ({"layer": 0.5}, r"layer must be an integer from 0 to 2, got 0\.5\."),
        ({"layer": 1}, r"shape=None is for a square number of values, and there are 10 inputs of the layer"),
        ({"shape": (7, 9)}, r"shape must be \(height, width\) of 64 inputs of the layer, got \(7, 9\)\."),
        ({"shape": (64,)}, r"shape must be .* got \(64,\)\."),
        ({"shape": (-8, -8)}, r"shape must be .* got \(-8, -8\)\."),
        ({"shape": (6.4, 10)}, r"shape must be .* got \(6\.4, 10\)\."),
        ({"shape": 64}, r"shape must be .* got 64\."),
        ({"n_units": 0}, r"n_units must be an integer from 1 to 10, the layer's units, or None; got 0\."),
        ({"n_units": 11}, r"n_units must be .* got 11\."),
        ({"order": "size"}, r"order must be 'index', 'norm' or the numbers of units, got 'size'\."),
        ({"order": [0, 10]}, r"order must have numbers of units from 0 to 9, got \[0, 10\]\."),
        ({"order": []}, r"order must have numbers of units from 0 to 9, got \[\]\."),
        ({"order": [0.5]}, r"order must have numbers of units from 0 to 9, got \[0\.5\]\."),
    ],
    ids=str,
)
def test_weights_that_are_not_there(digits, options, message):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(digits, **options)


def test_images_of_many_units_are_no_larger(digits):
    clf = copy.copy(digits)
    for n_units in (1, 9, 196):
        clf.coefs_ = [np.random.default_rng(0).standard_normal((64, n_units))]
        display = WeightsDisplay.from_estimator(clf, n_units=n_units)
        assert min(display.figure_.get_size_inches()) >= 3
        assert max(display.figure_.get_size_inches()) < 13.01


def test_axes_of_no_grid_cannot_be_divided(fitted):
    ax = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="ax must be one of a grid"):
        WeightsDisplay.from_estimator(fitted, ax=ax)
