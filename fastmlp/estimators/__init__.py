"""MLPClassifier and MLPRegressor: scikit-learn's estimators on the native engine, and what others can be built on.

The bases build on each other: ``base`` is what every estimator needs, ``network_estimator`` what one needs whose fitted
attributes are a network, ``supervised`` what one needs that learns targets.
"""

from fastmlp.estimators.classifier import MLPClassifier
from fastmlp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)
