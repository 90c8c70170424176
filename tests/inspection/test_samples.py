"""SamplesDisplay: images of what models draw, ours and scikit-learn's, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture

from fastmlp.inspection import SamplesDisplay
from fastmlp.zoo import GAN, VariationalAutoencoder

X = load_digits().data / 16
MODELS = {
    "vae": VariationalAutoencoder((8,), 2, decoder="bernoulli", max_iter=1, random_state=0),
    "gan": GAN((8,), 2, discriminator_hidden_layer_sizes=(8,), outputs="logistic", max_iter=1, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_samples_are_images_in_the_same_colours(name):
    model = MODELS[name].fit(X)
    display = SamplesDisplay.from_estimator(model, n_samples=7, random_state=3, cmap="viridis")
    samples = model.sample(7, random_state=3)
    assert display.axes_.shape == (3, 3)
    for image, sample in zip(display.images_, samples, strict=True):
        np.testing.assert_array_equal(image.get_array(), sample.reshape(8, 8))
        assert image.get_clim() == (samples.min(), samples.max())
        assert image.get_cmap().name == "viridis"
    assert not any(axes.axison for axes in display.axes_.flat)
    assert display.figure_ is display.axes_[0, 0].figure


def test_models_of_scikit_learn_and_other_shapes():
    mixture = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    display = SamplesDisplay.from_estimator(mixture, n_samples=2, shape=(4, 16))
    assert display.samples.shape == (2, 4, 16)


def test_given_axes_are_divided():
    figure, (left, right) = plt.subplots(1, 2)
    display = SamplesDisplay(samples=np.zeros((4, 2, 2))).plot(right)
    assert display.figure_ is figure
    assert not right.axison and left.axison


@pytest.mark.parametrize(
    ("model", "options", "error", "match"),
    [
        (Ridge(), {}, TypeError, "estimator must have a method sample"),
        (GAN(), {}, NotFittedError, "GAN instance is not fitted yet"),
        (MODELS["vae"].fit(X), {"n_samples": 0}, ValueError, "n_samples"),
        (MODELS["vae"].fit(X), {"shape": (3, 3)}, ValueError, r"shape must be \(height, width\) of 64 features"),
        (MODELS["vae"].fit(X), {"ax": 3}, TypeError, "ax must be a matplotlib Axes or None, got 3"),
    ],
)
def test_errors(model, options, error, match):
    with pytest.raises(error, match=match):
        SamplesDisplay.from_estimator(model, **options)
