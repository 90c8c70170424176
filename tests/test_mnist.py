"""A real run on real images: MNIST, from the folder FASTMLP_DATA names or from ../shared/data beside the repository."""

import os
from pathlib import Path

import numpy as np
import pytest

from fastmlp import MLPClassifier
from tests.conftest import ROOT

DATA = Path(os.environ.get("FASTMLP_DATA", ROOT.parent / "shared" / "data")) / "mnist.npz"

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="mnist.npz is in neither FASTMLP_DATA nor ../shared/data"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def mnist():
    with np.load(DATA) as arrays:
        return tuple(arrays[name] for name in ("X_train", "y_train", "X_test", "y_test"))


def model(**parameters):
    return MLPClassifier((256, 128), batch_size=128, **parameters)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_accuracy(mnist, seed):
    X, y, X_test, y_test = mnist
    X, X_test = X.astype(np.float32) / 255, X_test.astype(np.float32) / 255
    assert model(max_iter=10, random_state=seed).fit(X, y).score(X_test, y_test) >= 0.973


def test_straight_on_the_bytes(mnist):
    """Images of 0 to 255, unscaled: what their float32 copy gives, bit for bit, and a fair classifier."""
    X, y, X_test, y_test = mnist
    on_bytes = model(max_iter=1, random_state=0, dtype="float32").fit(X, y)
    assert on_bytes.score(X_test, y_test) > 0.85
    on_floats = model(max_iter=1, random_state=0).fit(X.astype(np.float32), y)
    for W, V in zip(on_bytes.coefs_, on_floats.coefs_, strict=True):
        assert W.dtype == np.float32
        np.testing.assert_array_equal(W, V)
