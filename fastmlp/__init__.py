"""Multilayer perceptrons at the speed of the hardware, as scikit-learn estimators.

How the package hangs together; arrows run one way, and a test refuses an import that runs against them::

    estimators --> training --> network ------> _engine.pyx --> src_c/ (one core, one block)
        |             |            |                ^
        |             +--> optimizers --------------+
        |             +--> rows, batching, stopping, threads, augmentation          (leaves)
        +--> targets  +--> losses, activations, initializers, schedules --> components   (leaves: names, formulas)
"""

from fastmlp.config import show_config
from fastmlp.estimators import MLPClassifier, MLPRegressor

__version__ = "0.1.0"
__all__ = ["MLPClassifier", "MLPRegressor", "show_config"]
