"""The networks of the lectures' chart that dense layers can carry, each as a scikit-learn estimator.

``docs/zoo.md`` has the chart itself, with the estimator of each of its cells, and a page for each family.
"""

from fastmlp.zoo.autoencoder import Autoencoder

__all__ = [
    "Autoencoder",
]


def __dir__() -> list[str]:
    return sorted(__all__)
