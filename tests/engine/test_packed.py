"""Packed networks: parameters in and out, forward passes."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from cases import NETWORKS

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import LOSSES
from fastmlp.network import Network, Structure, hidden_layer
from tests import reference
from tests.engine.problems import Sine, assert_close, data_for, n_params, network_of, passed, problem, trainer_of, typed


def test_parameters_survive_the_packed_layout(dtype, isa):
    for sizes in NETWORKS:
        params = np.random.default_rng(0).standard_normal(n_params(sizes)).astype(dtype)
        trainer = engine.Trainer(sizes, "relu", "squared_error", dtype, rule="adam", max_batch=3, isa=isa)
        trainer.load(params, [params * 2, params * 3])
        out = [np.empty_like(params) for _ in range(3)]
        trainer.store(out[0], out[1:])
        for factor, values in enumerate(out, start=1):
            np.testing.assert_array_equal(values, params * dtype.type(factor))


@pytest.mark.parametrize("n_rows", [0, 1, 127, 128, 129, 400])
def test_forward(n_rows, dtype, isa):
    for sizes, loss, activation in zip(NETWORKS, itertools.cycle(LOSSES), itertools.cycle(engine.ACTIVATIONS)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        structure = Structure.of(sizes, reference.hidden(activation, sizes))
        network = engine.PackedNetwork(sizes, structure.hidden, loss, dtype, isa=isa)
        network.load(params)
        expected = reference.outputs(
            Network(structure, params.astype(np.float64), objective=loss), X.astype(np.float64)
        )
        out = network.forward(rows_of(X, dtype))
        assert out.dtype == dtype
        assert_close(out, expected, dtype)
        np.testing.assert_array_equal(network.forward(rows_of(X, dtype), n_threads=3), out)
        order = np.random.default_rng(0).permutation(n_rows)
        np.testing.assert_array_equal(network.forward(rows_of(X, dtype), order=order), out[order])
        csr = rows_of(scipy.sparse.csr_array(X), dtype)
        np.testing.assert_array_equal(network.forward(csr), out)
        np.testing.assert_array_equal(network.forward(csr, start=n_rows // 3, stop=n_rows), out[n_rows // 3 :])
        np.testing.assert_array_equal(
            network.forward(rows_of(X, dtype), start=n_rows // 3, stop=n_rows), out[n_rows // 3 :]
        )


def test_a_forward_pass_goes_over_rows_that_there_are():
    network, rows = engine.PackedNetwork((3, 2), "relu", "squared_error", np.float64), rows_of(np.ones((6, 3)), float)
    assert network.forward(rows, order=np.array([5, 0]), start=1).shape == (1, 2)
    for order in ([6], [0, -1], [2**62, 0]):
        with pytest.raises(ValueError, match="order must hold numbers of rows, from 0 to 5"):
            network.forward(rows, order=np.array(order))
    for start, stop in ((-1, 3), (4, 3), (0, 7), (7, None), (2**40, None)):
        with pytest.raises(ValueError, match=f"expected 0 <= start <= stop <= 6, got start={start} and stop={stop}"):
            network.forward(rows, start=start, stop=stop)
    read_only = np.zeros((6, 2))
    read_only.flags.writeable = False
    for out in (np.zeros((5, 2)), np.zeros((6, 3)), np.zeros((6, 2), np.float32), np.zeros((6, 4))[:, ::2], read_only):
        with pytest.raises(ValueError, match=r"out must be a contiguous float64 array of shape \(6, 2\)"):
            network.forward(rows, out=out)


def test_what_is_no_part_of_a_network_is_neither_read_nor_written():
    network = network_of("tanh", "log_loss", "batch", sizes=(5, 7, 6, 3))
    packed = network.packed()
    for i in (-1, 2, 10**6):
        with pytest.raises(ValueError, match=f"no batch normalisation in a hidden layer {i}"):
            packed.running(i)
        with pytest.raises(ValueError, match=f"no batch normalisation in a hidden layer {i}"):
            packed.set_running(i, np.zeros(7), np.ones(7))
    with pytest.raises(ValueError, match="no batch normalisation in a hidden layer 0"):
        network_of("tanh", "log_loss", "layer").packed().running(0)
    read_only = network.params.copy()
    read_only.flags.writeable = False
    packed.load(read_only)
    with pytest.raises(ValueError, match="a vector that can be written to"):
        packed.store(read_only)
    trainer = trainer_of(network, rule="momentum", max_batch=4)
    vector = np.zeros_like(network.params)
    for method in (trainer.load, trainer.store):
        with pytest.raises(ValueError, match="the rule momentum has 1 arrays of state, got 2"):
            method(vector, [vector, vector])
        with pytest.raises(ValueError, match="no average of the parameters without average_decay"):
            method(vector, [vector], vector)


def test_networks_that_can_not_be_are_refused():
    for sizes in ((), (3,), (3, -1)):
        with pytest.raises(ValueError, match="sizes must be those of two layers or more"):
            engine.PackedNetwork(sizes, "relu", "squared_error", np.float64)
    with pytest.raises(ValueError, match="expected 1 hidden layers, got 2"):
        engine.PackedNetwork((3, 2, 1), [hidden_layer("relu")] * 2, "squared_error", np.float64)
    for dtype in ("float16", ">f8", int):
        with pytest.raises(ValueError, match="dtype must be float32 or float64, in native byte order, got "):
            engine.PackedNetwork((3, 1), "relu", "squared_error", dtype)
    for what, arguments in {
        "loss='mse'": ("relu", "mse"),
        "activation='sine'": ("sine", "squared_error"),
        "normalization='group'": ([hidden_layer("relu")._replace(normalization="group")], "squared_error"),
        "kind='loop'": ([SimpleNamespace(kind="loop", function=None)], "squared_error"),
    }.items():
        with pytest.raises(ValueError, match=f"{what} is not known; known are "):
            engine.PackedNetwork((3, 2, 1), *arguments, np.float64)


@pytest.mark.parametrize(
    "returned", [np.zeros((12, 6)), np.zeros((12, 7), np.float32), np.zeros((12, 14))[:, ::2], 0.0]
)
def test_what_a_function_in_python_returns_is_looked_at(returned):
    class Careless(Sine):
        def values(self, z):
            return returned

    network = network_of(Careless(), "squared_error", sizes=(5, 7, 3))
    with pytest.raises(ValueError, match=r"must return a contiguous float64 array of shape \(12, 7\)"):
        network.forward(data_for(network)[0])


def test_forward_takes_the_running_moments_when_told(dtype):
    network = network_of("tanh", "log_loss", "batch")
    network, X, targets = typed(network, *data_for(network, 60)[:2], dtype)
    rows = rows_of(X, dtype)
    trainer = trainer_of(network, rule="sgd", max_batch=20)
    network.load_into(trainer)
    trainer.attach(rows, targets)
    passed(trainer, np.arange(60), 20, 0.0, (0.0,))
    assert not np.array_equal(trainer.running(0), network.running[0])
    np.testing.assert_array_equal(trainer.forward(rows), network.forward(X))
    trainer.use_running()
    network.running = [trainer.running(0), trainer.running(1)]
    np.testing.assert_array_equal(trainer.forward(rows), network.forward(X))


def test_depths_that_there_are_not():
    network = network_of("tanh", "squared_error", None, (5, 11, 7, 3))
    packed, rows = network.packed(), rows_of(np.zeros((2, 5)), np.float64)
    for wrong in ({"depth": 0}, {"depth": 4}, {"depth": 1, "hidden": [np.zeros((2, 11))]}):
        with pytest.raises(ValueError, match="depth must be from 1 to 3 and above the number of arrays in hidden"):
            packed.forward(rows, **wrong)
    with pytest.raises(ValueError, match=r"out must be a contiguous float64 array of shape \(2, 11\)"):
        packed.forward(rows, hidden=[np.zeros((2, 12))])
    assert packed.forward(rows, depth=2).shape == (2, 7)
