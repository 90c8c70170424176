"""Whole fits of a case's epochs through the estimators, as compare.py times them.

pytest bench/ --benchmark-only
"""

import numpy as np
import pytest
import scipy.sparse
from cases import TRAINING, Case
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from fastmlp import MLPClassifier, MLPRegressor, engine

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")


def timed_fit(benchmark, case, X, y, *, epochs=None, estimator=MLPClassifier, **parameters):
    """Time fits of the case's epochs, or of so many."""
    epochs = epochs or case.epochs
    model = estimator(
        hidden_layer_sizes=case.sizes[1:-1],
        batch_size=case.batch,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        tol=0,
        random_state=0,
        **parameters,
    )
    benchmark.extra_info |= {"epochs": epochs, "flops": case.flops_per_epoch * epochs}
    benchmark.pedantic(model.fit, (X, y), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("n_jobs", sorted({1, engine.max_threads()}))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def bench_classifier(benchmark, name, dtype, n_jobs):
    case = TRAINING[name]
    timed_fit(benchmark, case, *case.data(dtype), n_jobs=n_jobs)


def bench_regressor(benchmark):
    case = TRAINING["S"]
    X, _ = case.data("float32")
    timed_fit(benchmark, case, X, X[:, : case.sizes[-1]], estimator=MLPRegressor)


@pytest.mark.parametrize("estimator", [MLPClassifier, SklearnClassifier], ids=["fastmlp", "sklearn"])
@pytest.mark.parametrize("parameters", [{"solver": "sgd", "momentum": 0.0}, {"solver": "adam"}], ids=["sgd", "adam"])
@pytest.mark.parametrize(("n_rows", "batch"), [(4000, 1), (20_000, 10)])
def bench_few_rows(benchmark, n_rows, batch, parameters, estimator):
    """A network of Nielsen's book in minibatches of one row, and of the book's ten."""
    case = Case(n_rows, (784, 30, 10), batch, 3)
    timed_fit(benchmark, case, *case.data("float32"), estimator=estimator, **parameters)


@pytest.mark.parametrize("estimator", [MLPClassifier, SklearnClassifier], ids=["fastmlp", "sklearn"])
@pytest.mark.parametrize("early_stopping", [False, True])
def bench_early_stopping(benchmark, early_stopping, estimator):
    """A small fit in which every epoch is scored."""
    case = Case(1000, (10, 100, 3), 200, 100)
    timed_fit(benchmark, case, *case.data("float32"), estimator=estimator, early_stopping=early_stopping)


@pytest.mark.parametrize("estimator", [MLPClassifier, SklearnClassifier], ids=["fastmlp", "sklearn"])
@pytest.mark.parametrize("n_rows", [1, 200])
def bench_partial_fit(benchmark, n_rows, estimator):
    """One step, nearly all of which is not arithmetic."""
    X, y = TRAINING["S"]._replace(n_rows=200).data("float64")
    model = estimator((64, 64), random_state=0).partial_fit(X, y, classes=[0, 1])
    benchmark(model.partial_fit, X[:n_rows], y[:n_rows])


@pytest.mark.parametrize("labels", [int, str, object])
def bench_labels(benchmark, labels):
    """One epoch, before which the labels are looked through."""
    case = TRAINING["S"]
    X, y = case.data("float32")
    timed_fit(benchmark, case, X, y.astype(str).astype(labels), epochs=1)


@pytest.mark.parametrize("kept", [0.01, 0.1])
def bench_csr(benchmark, kept):
    """The case with most of its samples' features zero, as CSR."""
    case = TRAINING["M"]
    X, y = case.data("float32")
    X[np.random.default_rng(0).random(X.shape) > kept] = 0
    timed_fit(benchmark, case, scipy.sparse.csr_array(X), y)


def bench_bytes(benchmark):
    """Samples of bytes, converted minibatch by minibatch."""
    case = TRAINING["M"]
    X, y = case.data("float32")
    timed_fit(benchmark, case, (X * 40 + 128).clip(0, 255).astype(np.uint8), y, dtype="float32")


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def bench_lbfgs(benchmark):
    case = TRAINING["S"]
    timed_fit(benchmark, case, *case.data("float64"), epochs=20, solver="lbfgs")
