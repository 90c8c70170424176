"""ReconstructionsDisplay: images above what is left of them, of autoencoders and of PCA, and what is refused."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from fastmlp.inspection import ReconstructionsDisplay
from fastmlp.zoo import VariationalAutoencoder

X = load_digits().data / 16
VAE = VariationalAutoencoder((8,), 2, decoder="bernoulli", max_iter=1, random_state=0).fit(X)


def test_images_stand_above_their_reconstructions():
    for model in (VAE, PCA(5).fit(X)):
        display = ReconstructionsDisplay.from_estimator(model, X[:6])
        expected = model.reconstruct(X[:6]) if model is VAE else model.inverse_transform(model.transform(X[:6]))
        assert display.axes_.shape == (2, 6)
        for i in range(6):
            np.testing.assert_array_equal(display.axes_[0, i].images[0].get_array().ravel(), X[i])
            np.testing.assert_allclose(display.axes_[1, i].images[0].get_array().ravel(), expected[i])
        assert {image.get_clim() for image in display.images_} == {(X[:6].min(), X[:6].max())}


def test_the_first_of_many_and_sparse_samples():
    display = ReconstructionsDisplay.from_estimator(VAE, scipy.sparse.csr_array(X), shape=(4, 16), cmap="magma")
    assert display.images.shape == display.reconstructions.shape == (32, 4, 16)
    np.testing.assert_array_equal(display.images.reshape(32, 64), X[:32])
    assert display.images_[0].get_cmap().name == "magma"


@pytest.mark.parametrize(
    ("model", "options", "error", "match"),
    [
        (Ridge(), {}, TypeError, "estimator must have reconstruct, or transform and inverse_transform"),
        (VariationalAutoencoder(), {}, NotFittedError, "is not fitted yet"),
        (VAE, {"shape": (9, 7)}, ValueError, r"shape must be \(height, width\) of 64 features, got \(9, 7\)"),
        (VAE, {"ax": 3}, TypeError, "ax must be a matplotlib Axes or None, got 3"),
    ],
)
def test_errors(model, options, error, match):
    with pytest.raises(error, match=match):
        ReconstructionsDisplay.from_estimator(model, X[:3], **options)
