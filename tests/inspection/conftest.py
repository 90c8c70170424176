"""What the tests of displays share: flowers, digits, fitted estimators, and figures that are closed again."""

import matplotlib.pyplot as plt
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris

from fastmlp import MLPClassifier, TabularClassifier, TabularRegressor, inspection
from fastmlp.inspection import CodesDisplay, ImportancesDisplay, LossLandscapeDisplay, ReliabilityDisplay

X, Y = load_iris(return_X_y=True)
# Tables, for the estimators that take such.
PATIENTS, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
FLOWERS = load_iris(as_frame=True)
SPECIES = FLOWERS.target_names[FLOWERS.target]


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


@pytest.fixture(scope="session")
def regressor():
    """A regressor for tables that has learned from the first 250 patients."""
    return TabularRegressor("fast", random_state=0).fit(PATIENTS[:250], PROGRESSION[:250])


@pytest.fixture(scope="session")
def classifier():
    return TabularClassifier("fast", random_state=0).fit(FLOWERS.data, SPECIES)


# The displays that draw no network's classifier: they want explanations, intervals, recall, maps, codes or samples.
OF_OTHERS = {
    *("ComponentPlanesDisplay", "ExplanationDisplay", "IntervalDisplay", "RecallDisplay", "ReconstructionsDisplay"),
    *("SamplesDisplay", "UMatrixDisplay"),
}
OF_CLASSIFIERS = [getattr(inspection, name) for name in inspection.__all__ if name not in OF_OTHERS]
WITH_SAMPLES = (CodesDisplay, ImportancesDisplay, LossLandscapeDisplay, ReliabilityDisplay)


def of(display, *arguments, **options):
    """What a display draws of an estimator, with the samples it wants."""
    return display.from_estimator(*arguments, *([X, Y] if display in WITH_SAMPLES else []), **options)
