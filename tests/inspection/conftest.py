"""What the tests of displays share: flowers, digits, fitted estimators, and figures that are closed again."""

import matplotlib.pyplot as plt
import pytest
from sklearn.datasets import load_digits, load_iris

from fastmlp import MLPClassifier
from fastmlp.inspection import LossLandscapeDisplay

X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    return MLPClassifier((7, 5), early_stopping=True, max_iter=12, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return MLPClassifier((10, 12), max_iter=3, random_state=0).fit(images, labels)


def of(display, *arguments, **options):
    """What a display draws of an estimator, with the samples it wants."""
    return display.from_estimator(*arguments, *([X, Y] if display is LossLandscapeDisplay else []), **options)
