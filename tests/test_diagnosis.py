"""What is blamed where numbers are not finite."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLPRegressor
from fastmlp.fitting.diagnosis import causes
from fastmlp.optimizers import SGD
from fastmlp.schedules import OneCycle

X, Y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([1.0, -1.0])
INPUTS = "The input data may contain large values and need to be preprocessed."


def blamed(X=X, y=Y, weights=None, rate=0.001, **parameters):
    return causes(X, y, weights, MLPRegressor(**parameters).get_params(deep=False), rate=rate)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"rate": 5.0, "learning_rate_init": 5.0},
            "The learning rate of 5 is likely too high: take a smaller learning_rate_init than 5.0.",
        ),
        ({"rate": 5.0}, "take a smaller one than a callback has set."),
        ({"rate": 0.001}, "The learning rate of 0.001 is likely too high"),
        ({"rate": 5.0, "solver": SGD(5.0)}, r"take a smaller one for solver=SGD(learning_rate=5.0)"),
        ({"rate": 5.0, "learning_rate": OneCycle(5.0)}, "take a smaller one for learning_rate=OneCycle("),
        ({"X": -1e6 * X}, f"{INPUTS} X reaches 3e+06: scale it, with StandardScaler or standardize=True."),
        ({"X": scipy.sparse.csr_array(1e6 * X)}, f"{INPUTS} X reaches 3e+06"),
        ({"X": 1e200 * X, "standardize": True}, f"{INPUTS} X reaches 3e+200: scale it."),
        ({"X": 1e6 * X, "standardize": True}, "The learning rate of 0.001"),
        ({"y": -1e9 * Y}, "The targets reach 1e+09: scale them, with TransformedTargetRegressor"),
        ({"y": None, "rate": np.nan}, INPUTS),
        ({"weights": np.array([1.0, 1e305])}, "The weights of samples reach 1e+305"),
        ({"weights": np.array([0.0, 1e-100])}, "The weights of samples are at most 1e-100: divide them by that."),
        ({"weights": np.array([1.0, 1e6])}, "The learning rate"),
        ({"alpha": 1e6, "rate": 0.1}, "alpha=1e+06 is a penalty too strong"),
        ({"l1": 1e301}, "l1=1e+301 is a penalty too strong"),
        ({"rate": np.nan}, INPUTS),
        ({"rate": 0.0}, INPUTS),
    ],
)
def test_one_cause(given, sentence):
    text = blamed(**given)
    assert sentence in text
    assert sum(word in text for word in ("X reaches", "targets", "learning rate", "weights of", "penalty")) <= 1


def test_the_largest_cause_comes_first():
    text = blamed(X=1e4 * X, y=1e200 * Y, rate=10.0)
    assert text.index("targets") < text.index("X reaches 3e+04") < text.index("learning rate of 10")
    assert blamed(X=200 * X, rate=1e6).startswith("The learning rate of 1e+06")
