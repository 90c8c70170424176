"""The networks of the lectures' chart that dense layers can carry, each as a scikit-learn estimator.

``docs/zoo.md`` has the chart itself, with the estimator of each of its cells, and a page for each family.
"""

__all__: list[str] = []


def __dir__() -> list[str]:
    return sorted(__all__)
