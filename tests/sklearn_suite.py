"""A pytest plugin that puts fastmlp's estimators into scikit-learn's own test module for its MLP.

python -m pytest -p tests.sklearn_suite --pyargs sklearn.neural_network.tests.test_mlp
"""

import fastmlp

MODULE = "sklearn.neural_network.tests.test_mlp"
# Calls a private method that fastmlp has no twin of; tests/test_differences.py checks gradients instead.
LEFT_OUT = {"test_gradient"}


def pytest_pycollect_makemodule(module_path, parent):
    """Swap the classes before the module's parametrisations read them."""
    if module_path.name == "test_mlp.py":
        import sklearn.neural_network

        sklearn.neural_network.MLPClassifier = fastmlp.MLPClassifier
        sklearn.neural_network.MLPRegressor = fastmlp.MLPRegressor


def pytest_collection_modifyitems(config, items):
    """Leave out what cannot be run, and make sure that the module did get fastmlp's classes."""
    kept = []
    for item in items:
        if item.module.__name__ == MODULE:
            assert item.module.MLPClassifier is fastmlp.MLPClassifier
            assert item.module.MLPRegressor is fastmlp.MLPRegressor
            if item.originalname in LEFT_OUT:
                continue
        kept.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
