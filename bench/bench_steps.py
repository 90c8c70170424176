"""One minibatch through the engine: rows forward and back, gradient, update.

pytest bench/ --benchmark-only
"""

import numpy as np
import pytest
from bench_kernels import HYPER
from cases import TRAINING

from fastmlp import engine
from fastmlp.activations import ACTIVATIONS
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Regularization, Structure, hidden_layer

LOSS = "log_loss"


def timed_step(benchmark, name, dtype, *, activation="relu", normalization=None, rule="adam", **options):
    """Time the case's minibatches, one after another."""
    case = TRAINING[name]
    X, y = case.data(dtype)
    layers = [hidden_layer(activation, normalization)] * (len(case.sizes) - 2)
    trainer = engine.Trainer(
        case.sizes, Structure.of(case.sizes, layers).hidden, LOSS, dtype, rule=rule, max_batch=case.batch, **options
    )
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(max(case.sizes))
    trainer.load((rng.uniform(-scale, scale, trainer.n_params)).astype(dtype))
    trainer.attach(rows_of(X, np.dtype(dtype)), y.astype(np.int32))
    batches = [b[np.newaxis] for b in np.split(rng.permutation(len(X)), range(case.batch, len(X), case.batch))]
    count = 0

    def step():
        nonlocal count
        trainer.begin(batches[count % len(batches)], case.batch, 0.0001, HYPER, count)
        count += 1
        while not trainer.run():
            pass

    benchmark.extra_info["flops"] = case.flops_per_epoch * case.batch / case.n_rows
    benchmark(step)


@pytest.mark.parametrize("n_threads", sorted({1, engine.max_threads()}))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def bench_step(benchmark, name, dtype, n_threads):
    timed_step(benchmark, name, dtype, n_threads=n_threads)


@pytest.mark.parametrize("n_threads", sorted({1, engine.max_threads()}))
@pytest.mark.parametrize("name", TRAINING)
def bench_step_of_bfloat16(benchmark, name, n_threads):
    timed_step(benchmark, name, "float32", n_threads=n_threads, bfloat16=True)


@pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
@pytest.mark.parametrize("name", ["XS", "S", "M"])
def bench_step_of_isa(benchmark, name, isa):
    timed_step(benchmark, name, "float32", isa=isa)


@pytest.mark.parametrize("rule", engine.RULES)
def bench_step_of_rule(benchmark, rule):
    timed_step(benchmark, "M", "float32", rule=rule)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def bench_step_of_activation(benchmark, activation):
    timed_step(benchmark, "S", "float32", activation=activation)


@pytest.mark.parametrize("n_threads", sorted({1, engine.max_threads()}))
@pytest.mark.parametrize("normalization", ["layer", "batch"])
def bench_step_of_normalization(benchmark, normalization, n_threads):
    timed_step(benchmark, "S", "float32", normalization=normalization, n_threads=n_threads)


@pytest.mark.parametrize(
    "given",
    [
        {"dropout": (0.2, 0.5, 0.5)},
        {"input_noise": 0.1},
        {"l1": 1e-4},
        {"clip_value": 0.01},
        {"clip_norm": 0.1},
        {"max_norm": 1.0},
        {"average_decay": 0.99},
    ],
    ids=lambda given: next(iter(given)),
)
def bench_step_of_regularization(benchmark, given):
    timed_step(benchmark, "S", "float32", regularization=Regularization(**given))
