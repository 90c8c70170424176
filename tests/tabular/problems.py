"""Small tables to learn, estimators of both kinds, and efforts of little work, for the tests of these estimators."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.tabular.kinds import EFFORTS, Effort, Kind

BOTH = [TabularClassifier, TabularRegressor]


def kind(name, *numbers, codes=(), trees=None, embedding_size=None):
    """A kind whose training is short: small networks that learn at a high rate."""
    return Kind(name, numbers, codes, trees, embedding_size, (16,), 0.02, 10)


#: Efforts without trees.
SMALL = Effort((kind("bins", "bins", "scaled"),), 3)
SEVERAL = Effort((*SMALL.kinds, kind("ranks", "ranked", codes=("frequent",))), 3)
#: A kind without trees, and one with trees.
BOTH_KINDS = Effort((*SMALL.kinds, kind("trees", "scaled", trees="boosted")), 3)
#: The same, whose members take longer than writing a file does.
LONGER = Effort(
    tuple(replace(each, hidden_layer_sizes=(96, 96), learning_rate_init=0.001) for each in BOTH_KINDS[0]), 3
)


def table(n_rows=90, seed=0):
    """A table with numbers, gaps and categories, labels of three classes, and numbers to learn."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, n_rows))
    city = random.choice(["Ulm", "Bonn", "Kiel"], n_rows)
    z = a + 0.5 * b + (city == "Ulm")
    X = pd.DataFrame({"a": a, "b": np.where(random.random(n_rows) < 0.1, np.nan, b), "city": city})
    labels = np.array(["high", "low", "middle"])[np.where(z > 0.7, 0, np.where(z < 0, 1, 2))]
    return X, labels, 100 + 10 * z


def uneven(n_rows, seed=0):
    """A table, numbers whose noise is four times as large where the first column is above 0, and the factor of it."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n_rows, 2))
    factor = np.where(rows[:, 0] > 0, 4.0, 1.0)
    return rows, 2 * rows[:, 1] + factor * random.normal(size=n_rows), factor


def problem(cls, n_rows=90, seed=0):
    """X and y for an estimator."""
    X, labels, numbers = table(n_rows, seed)
    return X, labels if cls is TabularClassifier else numbers


def small(cls, **parameters):
    """An estimator whose fits are short and always the same."""
    return cls(**{"effort": "fast", "random_state": 0, **parameters})


@cache
def _fitted(cls, effort):
    return small(cls).fit(*problem(cls))


def fitted(cls):
    """The estimator that small makes, fitted to the problem; it is shared, and no test may change it."""
    return _fitted(cls, EFFORTS["fast"])


def outputs(estimator, X):
    """What an estimator knows of rows: probabilities or numbers."""
    return estimator.predict_proba(X) if isinstance(estimator, TabularClassifier) else estimator.predict(X)


class Clock:
    """A clock that goes on by some seconds whenever it is looked at."""

    def __init__(self, step=1.0):
        self.now, self.step = 0.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


def arrays_in(value, seen=None):
    """Yield all arrays that an object holds, at any depth."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
        inner = value.flat if value.dtype == object else ()
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple | set):
        inner = value
    else:
        inner = getattr(value, "__dict__", {}).values()
    for each in inner:
        yield from arrays_in(each, seen)
