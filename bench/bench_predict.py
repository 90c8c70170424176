"""Predictions: of one row, where it is all overhead, up to many.

pytest bench/ --benchmark-only
"""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from cases import TRAINING
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from fastmlp import MLPClassifier, engine

ROWS = [1, 100, 10_000]


def fitted(name, dtype, n_jobs):
    """A classifier of the case's shape after a single epoch over few rows; nothing but its shape matters here."""
    case = TRAINING[name]
    X, y = case._replace(n_rows=1000).data(dtype)
    return MLPClassifier(case.sizes[1:-1], n_jobs=n_jobs, random_state=0).partial_fit(
        X, y, classes=np.arange(case.sizes[-1])
    )


@pytest.mark.parametrize("n_jobs", sorted({1, engine.max_threads()}))
@pytest.mark.parametrize("n_rows", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def bench_predict_proba(benchmark, name, dtype, n_rows, n_jobs):
    X, _ = TRAINING[name]._replace(n_rows=n_rows).data(dtype)
    benchmark(fitted(name, dtype, n_jobs).predict_proba, X)


@pytest.mark.parametrize("n_rows", ROWS)
@pytest.mark.parametrize("name", ["XS", "S", "M"])
def bench_predict(benchmark, name, n_rows):
    """Labels, of three, two and ten classes."""
    X, _ = TRAINING[name]._replace(n_rows=n_rows).data("float32")
    benchmark(fitted(name, "float32", None).predict, X)


@pytest.mark.parametrize("n_rows", [1, 1000])
@pytest.mark.parametrize("of", [np.asarray, pd.DataFrame, scipy.sparse.csr_array], ids=["array", "frame", "csr"])
@pytest.mark.parametrize("estimator", [MLPClassifier, SklearnClassifier], ids=["fastmlp", "sklearn"])
def bench_predict_of(benchmark, estimator, of, n_rows):
    """Labels, for what samples come in."""
    X, y = TRAINING["S"]._replace(n_rows=1000).data("float64")
    X = pd.DataFrame(X).add_prefix("x") if of is pd.DataFrame else of(X)
    model = estimator((64, 64), random_state=0).partial_fit(X, y, classes=[0, 1])
    benchmark(model.predict, X[:n_rows])


@pytest.mark.skipif(not hasattr(MLPClassifier, "predictor"), reason="the estimators have no predictor()")
@pytest.mark.parametrize("n_rows", ROWS)
@pytest.mark.parametrize("name", TRAINING)
def bench_predictor(benchmark, name, n_rows):
    X, _ = TRAINING[name]._replace(n_rows=n_rows).data("float32")
    benchmark(fitted(name, "float32", None).predictor(), X)


@pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
@pytest.mark.parametrize("name", ["S", "M"])
def bench_forward_of_isa(benchmark, name, isa):
    """The engine alone, on every instruction set."""
    case = TRAINING[name]._replace(n_rows=1000)
    X, _ = case.data("float32")
    network = engine.PackedNetwork(case.sizes, "relu", "log_loss", "float32", isa=isa)
    benchmark(network.forward, engine.Rows(X))
