"""Small networks, data for them, and the oracles of a step: what several test modules share."""

import ctypes
import ctypes.util
import itertools

import numpy as np
from scipy import LowLevelCallable

from fastmlp import engine
from fastmlp.activations import Activation, NativeActivation
from fastmlp.inputs.columns import EncodedColumns
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization, Structure, hidden_layer
from tests import reference
from tests.test_optimizers import ORACLES, hyper_of, slots_of

SIZES = (5, 7, 6, 3)
N_ROWS = 12


def n_params(sizes):
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(sizes))


def problem(sizes, loss, dtype, n_rows=37, seed=0):
    """Parameters, samples with zeros among them, the engine's targets and the oracle's."""
    rng = np.random.default_rng(seed)
    params = (rng.uniform(-1, 1, n_params(sizes)) / np.sqrt(max(sizes[:-1]))).astype(dtype)
    X = rng.standard_normal((n_rows, sizes[0])).astype(dtype)
    X[rng.random(X.shape) < 0.4] = 0
    return params, X, *reference.random_targets(loss, (n_rows, sizes[-1]), dtype, rng)


class Sine(Activation):
    def __call__(self, z):
        return np.sin(z)

    def derivative(self, z):
        return np.cos(z)


def native(*names):
    """The activation with these functions of the C library for value and slope."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    functions = [getattr(libm, name) for name in names]
    for function in functions:
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    return NativeActivation(*map(LowLevelCallable, functions))


def network_of(activation, loss, normalization=None, sizes=SIZES, seed=0, kind="dense"):
    """A network in whose every number there is something; activation may be a list of layers."""
    layers = activation
    if not isinstance(activation, list):
        layers = [hidden_layer(activation, normalization, kind)] * (len(sizes) - 2)
    network, rng = Network(Structure.of(sizes, layers), objective=loss), np.random.default_rng(seed)
    for name, view in network.named_parameters().items():
        view += rng.standard_normal(view.shape) / (
            np.sqrt(len(view)) if name.startswith(("coefs", "projections")) else 4
        )
    for moments in network.running:
        if moments is not None:
            moments[:] = rng.standard_normal(moments.shape[1]), rng.uniform(0.5, 2, moments.shape[1])
    return network


def data_for(network, n_rows=N_ROWS, seed=1):
    """Samples with zeros among them, the engine's targets, and the oracle's."""
    rng, sizes = np.random.default_rng(seed), network.structure.sizes
    X = rng.standard_normal((n_rows, sizes[0]))
    X[rng.random(X.shape) < 0.3] = 0
    return X, *reference.random_targets(network.objective.loss, (n_rows, sizes[-1]), np.dtype(np.float64), rng)


def encoded_columns(layout, n_rows, codes=np.uint8, fractions=np.float64, seed=0):
    """Rows of a layout with every code that there may be, and with fractions below 0 and above 1."""
    rng = np.random.default_rng(seed)
    every = np.stack([rng.integers(0, n, n_rows) for n in layout.n_inputs], axis=1)
    return EncodedColumns(
        every.astype(codes), rng.uniform(-0.5, 1.5, (n_rows, layout.n_numbers)).astype(fractions), layout
    )


def trainer_of(network, **options):
    """The engine's Trainer for a network, without its numbers."""
    structure = network.structure
    return engine.Trainer(
        structure.sizes,
        structure.hidden,
        network.objective.loss,
        network.params.dtype,
        columns=structure.columns,
        **options,
    )


def passed(trainer, order, batch_size, alpha=0.0, hyper=(), step_count=0):
    """Finish a whole pass; return the mean loss."""
    trainer.begin(np.atleast_2d(order), batch_size, alpha, hyper, step_count)
    while not trainer.run():
        pass
    return trainer.losses()[0]


def loss_and_gradient(
    sizes, activation, loss, dtype, X, targets, params, *, alpha=0.0, weights=None, isa=None, n_threads=1
):
    """Of all rows as one batch."""
    trainer = engine.Trainer(
        sizes, reference.hidden(activation, sizes), loss, dtype,
        rule="gradient", max_batch=len(targets), n_threads=n_threads, isa=isa,
    )  # fmt: skip
    trainer.load(params)
    trainer.attach(rows_of(X, dtype), targets, weights)
    value, gradient = passed(trainer, np.arange(len(targets)), len(targets), alpha), np.empty_like(params)
    trainer.store(None, [gradient])
    return value, gradient


def oracle(sizes, activation, loss, X, y, params, alpha=0.0, weights=None):
    """The same in float64 NumPy."""
    structure = Structure.of(sizes, reference.hidden(activation, sizes))
    network = Network(structure, params.astype(np.float64), objective=loss)
    value, gradients = reference.loss_and_gradients(network, X.astype(np.float64), y.astype(np.float64), weights, alpha)
    return value, gradients.params


def assert_close(actual, expected, dtype, factor=1.0):
    """Relative to the largest component: single ones may cancel to nearly nothing."""
    tolerance = factor * {"float32": 1e-5, "float64": 1e-13}[dtype.name]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1e-30))


RULES = ["sgd", "adam"]
EACH_REGULARIZATION = {
    "none": {},
    "dropout": {"dropout": [0.2, 0.4, 0.3]},
    "noise": {"input_noise": 0.4},
    "l1": {"l1": 0.4},
    "clip_value": {"clip_value": 0.02},
    "clip_norm": {"clip_norm": 0.2},
    "max_norm": {"max_norm": 0.9},
    "average": {"average_decay": 0.7},
}
ALL_REGULARIZATION = {name: value for each in EACH_REGULARIZATION.values() for name, value in each.items()}
REGULARIZATIONS = EACH_REGULARIZATION | {
    "all": ALL_REGULARIZATION,
    "all but randomness": {k: v for k, v in ALL_REGULARIZATION.items() if k not in ("dropout", "input_noise")},
}


# What NumPy can follow: without random numbers, and not only so much of the gradient that all of it is clipped.
DETERMINISTIC = [name for name, given in REGULARIZATIONS.items() if not {"dropout", "input_noise"} & set(given)]


def trained(
    network, X, targets, orders, batch_size, weights=None, *, rule="adam", alpha=0.3, together=None, given=(), **options
):
    """Losses, parameters, the rule's state, the average and the running moments after passes over rows in these orders.

    together: how many passes are begun at once; all for None.
    """
    dtype, optimizer = network.params.dtype, ORACLES[rule]
    trainer = trainer_of(
        network,
        rule=rule,
        max_batch=batch_size,
        regularization=Regularization(**dict(given)),
        **options,
    )
    slots, average = slots_of(optimizer, network.params), np.zeros_like(network.params)
    network.load_into(trainer)
    trainer.load(network.params, slots)
    trainer.attach(rows_of(X, dtype), targets, weights)
    losses, count = [], 0
    together = together or len(orders)
    for start in range(0, len(orders), together):
        trainer.begin(orders[start : start + together], batch_size, alpha, hyper_of(optimizer), count)
        while not trainer.run():
            pass
        losses, count = losses + trainer.losses(), trainer.updates_done()
    params = np.empty_like(network.params)
    trainer.store(params, slots, average if dict(given).get("average_decay") else None)
    return np.array(losses), params, *slots, average, *running_of(network, trainer)


def running_of(network, trainer):
    hidden = network.structure.hidden
    return [trainer.running(i) for i, layer in enumerate(hidden) if layer.normalization == "batch"]


def orders_of(n_rows, n_passes=2, seed=5):
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n_rows), (n_passes, 1)), axis=1)


def assert_same(results, others):
    for result, other in zip(results, others, strict=True):
        np.testing.assert_array_equal(other, result)


def typed(network, X, targets, dtype):
    """All in one type."""
    return network.astype(dtype), X.astype(dtype), targets if targets.dtype == np.int32 else targets.astype(dtype)


def squared_errors(targets, outputs, weights):
    """Of a batch, summed over the outputs: their mean and its gradient."""
    weights = np.ones(len(targets)) if weights is None else weights
    errors, shares = outputs - targets, weights[:, np.newaxis] / weights.sum()
    return float((0.5 * errors**2 * shares).sum()), errors * shares
