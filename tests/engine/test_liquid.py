"""Spikes of integrate-and-fire units: the oracle's, spike for spike, in any number of threads."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from tests.zoo import oracle_reservoirs

LENGTHS = np.array([60, 1, 25, 0, 60])
SETTINGS = {
    "kept_potential": 0.9, "kept_excitation": 0.7, "kept_inhibition": 0.8, "kept_input": 0.6, "kept_trace": 0.95,
    "threshold": 1.0, "reset": 0.4, "background": 0.5, "rest_excitatory": 2, "rest_inhibitory": 1,
}  # fmt: skip
N_UNITS, N_EXCITATORY = 30, 24


def liquid():
    rng = np.random.default_rng(0)
    W = rng.exponential(0.8, (N_UNITS, N_UNITS)) * (rng.random((N_UNITS, N_UNITS)) < 0.2)
    W[N_EXCITATORY:] *= -1
    return scipy.sparse.csr_array(W)


def run(W, drive, lengths=LENGTHS, potential=None, **options):
    drive = drive.copy()
    states = np.zeros((len(lengths), engine.LIQUID_VECTORS, N_UNITS))
    states[:, 0] = np.linspace(0, 0.9, N_UNITS) if potential is None else potential
    resting = np.zeros((len(lengths), N_UNITS), np.int32)
    arrays = W.indptr.astype(np.int64), W.indices.astype(np.int32), W.data
    settings = options.pop("settings", SETTINGS)
    n_spikes = engine.liquid_traces(*arrays, N_EXCITATORY, settings, drive, lengths, states, resting, **options)
    return drive, n_spikes, states, resting


@pytest.mark.parametrize("settings", [{}, {"kept_input": 0.0}, {"rest_excitatory": 0, "rest_inhibitory": 0}], ids=str)
def test_traces_are_those_of_the_oracle(settings):
    W, settings = liquid(), SETTINGS | settings
    drive = np.random.default_rng(1).uniform(-0.2, 1.4, (LENGTHS.sum(), N_UNITS))
    traces, n_spikes, states, _ = run(W, drive, settings=settings)
    ends = np.cumsum(LENGTHS)
    for s, (begin, end) in enumerate(zip(ends - LENGTHS, ends, strict=True)):
        wanted, n_wanted = oracle_reservoirs.liquid_traces(
            W.toarray(), N_EXCITATORY, settings, drive[begin:end], np.linspace(0, 0.9, N_UNITS)
        )
        assert n_spikes[s] == n_wanted
        if end > begin:
            np.testing.assert_allclose(traces[begin:end], wanted, rtol=1e-12, atol=1e-300)
            np.testing.assert_array_equal(states[s, -1], traces[end - 1])
    assert n_spikes.sum() > 300


def test_bits_depend_neither_on_threads_nor_on_parts():
    W, drive = liquid(), np.random.default_rng(1).uniform(-0.2, 1.4, (LENGTHS.sum(), N_UNITS))
    whole = run(W, drive)
    for n_threads in (2, 3):
        for a, b in zip(whole, run(W, drive, n_threads=n_threads), strict=True):
            np.testing.assert_array_equal(a, b)
    states, resting = np.zeros((1, engine.LIQUID_VECTORS, N_UNITS)), np.zeros((1, N_UNITS), np.int32)
    states[:, 0] = np.linspace(0, 0.9, N_UNITS)
    arrays = W.indptr.astype(np.int64), W.indices.astype(np.int32), W.data
    for begin, end in ((0, 13), (13, 14), (14, 60)):
        part = drive[begin:end].copy()
        engine.liquid_traces(*arrays, N_EXCITATORY, SETTINGS, part, np.array([end - begin]), states, resting)
        np.testing.assert_array_equal(part, whole[0][begin:end])


def test_a_unit_by_itself_fires_at_the_rate_that_its_formula_tells():
    """V rises from reset to I by k; n steps after the rest are the first with I - (I - reset) k^n >= 1."""
    W = scipy.sparse.csr_array((N_UNITS, N_UNITS))
    drive = np.full((1000, N_UNITS), 1.0)
    settings = SETTINGS | {"kept_input": 0.0, "background": 0.5}
    _, n_spikes, _, _ = run(W, drive, np.array([1000]), potential=settings["reset"], settings=settings)
    n = int(np.ceil(np.log((1.5 - 1) / (1.5 - 0.4)) / np.log(0.9)))
    first = n  # the first interval has no rest before it
    expected = [1 + (1000 - first) // (n + rest) for rest in (2, 1)]
    assert n_spikes[0] == N_EXCITATORY * expected[0] + (N_UNITS - N_EXCITATORY) * expected[1]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lengths", np.array([3]), "lengths of the sequences"),
        ("lengths", np.array([5, -1]), "lengths of the sequences"),
        ("states", np.zeros((1, 3, N_UNITS)), "states must be of shape"),
        ("resting", np.zeros((1, 3), np.int32), "resting must be of shape"),
        ("n_excitatory", N_UNITS + 1, "n_excitatory must be from 0 to 30"),
        ("indices", np.full(liquid().nnz, N_UNITS, np.int32), "must be from 0 to 29"),
        ("indices", liquid().indices.astype(np.int64), "int32"),
    ],
)
def test_what_would_lead_beyond_arrays_is_refused(name, value, message):
    W = liquid()
    given = {
        "indptr": W.indptr.astype(np.int64), "indices": W.indices.astype(np.int32), "weights": W.data,
        "n_excitatory": N_EXCITATORY, "settings": SETTINGS, "drive": np.zeros((4, N_UNITS)), "lengths": np.array([4]),
        "states": np.zeros((1, engine.LIQUID_VECTORS, N_UNITS)), "resting": np.zeros((1, N_UNITS), np.int32),
    } | {name: value}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        engine.liquid_traces(*given.values())


def test_nothing_to_do():
    assert run(liquid(), np.zeros((0, N_UNITS)), np.array([0, 0]))[1].tolist() == [0, 0]
