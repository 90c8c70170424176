"""Single kernels on every instruction set: products, activations, update rules.

pytest bench/ --benchmark-only
"""

import numpy as np
import pytest
from cases import PRODUCTS

from fastmlp import engine
from fastmlp.inputs.rows import rows_of

# Large enough for a clock; the others are for the tests.
TIMED = [shape for shape in PRODUCTS if np.prod(shape) > 10_000]
# Numbers that any rule can take, whatever it calls them; it passes over those it lacks.
HYPER = (0.001, 0.9, 0.999, 1e-8, 0.9, 0.01)
# A layer whose update takes longer than the passes of so few rows.
UPDATED, UPDATED_ROWS = (512, 512), 8

isas = pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def panels(shape, dtype, isa, biased=False):
    """Random numbers, and biases, in the engine's layout."""
    rng = np.random.default_rng(0)
    biases = rng.standard_normal(shape[1]).astype(dtype) if biased else None
    return engine.Panels(rng.standard_normal(shape).astype(dtype), isa, biases)


def time_product(benchmark, n, k, m, dtype, isa, biased):
    product = panels((n, m), dtype, isa)
    benchmark.extra_info["flops"] = 2 * n * k * m
    benchmark(product.multiply, panels((n, k), dtype, isa), panels((k, m), dtype, isa, biased))


@dtypes
@isas
@pytest.mark.parametrize("shape", TIMED, ids=str)
def bench_forward(benchmark, shape, isa, dtype):
    """A layer's outputs: a product with biases."""
    n, k, m = shape
    time_product(benchmark, n, k, m, dtype, isa, biased=True)


@dtypes
@isas
@pytest.mark.parametrize("shape", TIMED, ids=str)
def bench_backward(benchmark, shape, isa, dtype):
    """A layer's input deltas: the deltas times the transposed weights."""
    n, k, m = shape
    time_product(benchmark, n, m, k, dtype, isa, biased=False)


@dtypes
@isas
@pytest.mark.parametrize("shape", TIMED, ids=str)
def bench_gradient(benchmark, shape, isa, dtype):
    """A layer's weight gradient: the transposed activations times the deltas."""
    n, k, m = shape
    product = panels((k, m), dtype, isa, biased=True)
    benchmark.extra_info["flops"] = 2 * n * k * m
    benchmark(product.multiply_transposed, panels((n, k), dtype, isa), panels((n, m), dtype, isa))


@dtypes
@isas
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def bench_activation(benchmark, name, isa, dtype):
    """An activation in place on a block that stays in the first-level cache."""
    benchmark(panels((64, 64), dtype, isa).activate, name, 0.5)


@dtypes
@isas
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def bench_derivative(benchmark, name, isa, dtype):
    """The same for the derivative times the deltas."""
    # With activations of 2 the deltas stay or grow to infinity; otherwise they would sink to denormals, which are slow.
    a = engine.Panels(np.full((64, 64), 2, dtype), isa)
    benchmark(panels((64, 64), dtype, isa).differentiate, name, a, 0.5)


@dtypes
@isas
@pytest.mark.parametrize("rule", engine.RULES)
def bench_update(benchmark, rule, isa, dtype):
    """A step of a wide layer on few rows: nearly all of it is the update of weights and moments."""
    rng = np.random.default_rng(0)
    trainer = engine.Trainer(UPDATED, "identity", "squared_error", dtype, rule=rule, max_batch=UPDATED_ROWS, isa=isa)
    trainer.load((rng.standard_normal(trainer.n_params) / 100).astype(dtype))
    X, y = (rng.standard_normal((UPDATED_ROWS, width)).astype(dtype) for width in UPDATED)
    trainer.attach(rows_of(X, np.dtype(dtype)), y)
    orders = np.arange(UPDATED_ROWS)[np.newaxis]

    def step():
        trainer.begin(orders, UPDATED_ROWS, 0.0001, HYPER, 1000)
        while not trainer.run():
            pass

    benchmark(step)
