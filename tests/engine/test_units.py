"""Units that are updated one after another: against slow, obvious NumPy, and against exact probabilities."""

import numpy as np
import pytest

from fastmlp.engine import update_units

MASK = (1 << 64) - 1
SPREAD = 0x9E3779B97F4A7C15


def problem(n, n_states, low, seed=0):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.standard_normal((n, n)), 1)
    states = np.where(rng.random((n_states, n)) < 0.5, 1.0, low)
    return weights + weights.T, rng.standard_normal(n), states


def updated(weights, biases, states, temperatures, *, low, seed=7, keys=None, units=None, **options):
    """Return states after some sweeps, and what update_units returns."""
    states = states.copy()
    keys = np.arange(len(states)) if keys is None else keys
    units = np.arange(len(biases)) if units is None else units
    told = update_units(
        weights,
        biases,
        states,
        np.asarray(units, dtype=np.int64),
        np.asarray(temperatures, dtype=float),
        np.asarray(keys, dtype=np.uint64),
        low=low,
        seed=seed,
        **options,
    )
    return states, *told


# ---- the oracle ------------------------------------------------------------------------------------------------------


def mixed(x):
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def counted(key, count):
    return mixed((key + SPREAD * (count + 1)) & MASK)


def order_of(units, seed, sweep):
    key, order = counted(mixed(seed ^ 0x5BD1E9955BD1E995), sweep), []
    for k, unit in enumerate(units):
        other = (counted(key, k) >> 32) * (k + 1) >> 32
        order.append(unit)
        order[k], order[other] = order[other], order[k]
    return order


def slowly(weights, biases, state, temperatures, low, seed, key, units):
    state = state.copy()
    for sweep, temperature in enumerate(temperatures):
        row = counted(mixed((seed + SPREAD * key) & MASK), sweep)
        for unit in order_of(units, seed, sweep):
            field = weights[unit] @ state + biases[unit]
            if temperature == 0:
                state[unit] = 1 if field > 1e-12 else low if field < -1e-12 else state[unit]
            else:
                uniform = (counted(row, unit) >> 11) / 2**53
                state[unit] = 1 if uniform < 1 / (1 + np.exp(-(1 - low) * field / temperature)) else low
    return state


@pytest.mark.parametrize("low", [-1.0, 0.0])
@pytest.mark.parametrize("temperatures", [[0.0] * 4, [1.5, 1.0, 0.7], [2.0, 0.5, 0.0]])
@pytest.mark.parametrize("units", [range(13), [2, 3, 5, 11]])
def test_updates_are_those_of_the_oracle(low, temperatures, units):
    weights, biases, states = problem(13, 37, low)
    found, sweeps, _, _ = updated(weights, biases, states, temperatures, low=low, units=units)
    for key, state in enumerate(states):
        wanted = slowly(weights, biases, state, temperatures, low, 7, key, list(units))
        np.testing.assert_array_equal(found[key], wanted)
    assert sweeps.max() <= len(temperatures)


# ---- what is promised ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_neither_threads_nor_neighbours_matter(temperature):
    weights, biases, states = problem(30, 50, -1.0)
    first, *rest = updated(weights, biases, states, [temperature] * 6, low=-1.0, every=7)
    for n_threads in (2, 3, 8):
        again, *others = updated(weights, biases, states, [temperature] * 6, low=-1.0, every=7, n_threads=n_threads)
        for a, b in zip([first, *rest], [again, *others], strict=True):
            np.testing.assert_array_equal(a, b)
    order = np.random.default_rng(1).permutation(50)[:21]
    again, sweeps, settled, energies = updated(
        weights, biases, states[order], [temperature] * 6, low=-1.0, every=7, keys=order
    )
    for a, b in zip([first, *rest], [again, sweeps, settled, energies], strict=True):
        np.testing.assert_array_equal(a[order], b)


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_recall_comes_to_rest_in_minima(low):
    weights, biases, states = problem(40, 60, low)
    found, sweeps, settled, energies = updated(weights, biases, states, np.zeros(50), low=low, every=1)
    assert settled.all() and sweeps.max() < 50
    wanted = -np.einsum("ri,ij,rj->r", found, weights, found) / 2 - found @ biases
    np.testing.assert_allclose(energies[:, -1], wanted, atol=1e-11)
    before = -np.einsum("ri,ij,rj->r", states, weights, states) / 2 - states @ biases
    np.testing.assert_allclose(energies[:, 0], before, atol=1e-11)
    assert (np.diff(energies) <= 0).all()
    for unit in range(40):  # no single change lowers the energy
        other = found.copy()
        other[:, unit] = 1 + low - other[:, unit]
        assert (-np.einsum("ri,ij,rj->r", other, weights, other) / 2 - other @ biases >= wanted - 1e-11).all()
    few, sweeps, settled, _ = updated(weights, biases, states, np.zeros(1), low=low)
    assert (sweeps == 1).all() and not settled.all()
    np.testing.assert_array_equal(settled, (few == states).all(axis=1))


def test_sweeps_that_go_on_are_those_of_one_call():
    weights, biases, states = problem(20, 9, 0.0)
    whole, *_ = updated(weights, biases, states, np.ones(7), low=0.0)
    half, *_ = updated(weights, biases, states, np.ones(3), low=0.0)
    again, *_ = updated(weights, biases, half, np.ones(4), low=0.0, first_sweep=3)
    np.testing.assert_array_equal(whole, again)


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_samples_have_boltzmanns_probabilities(low):
    weights, biases, states = problem(4, 20_000, low, seed=3)
    weights, biases, temperature = weights / 2, biases / 2, 1.3
    found, *_ = updated(weights, biases, states, np.full(30, temperature), low=low)
    bits = (np.arange(16)[:, None] >> np.arange(4)) & 1
    every = np.where(bits, 1.0, low)
    likely = np.exp((np.einsum("ri,ij,rj->r", every, weights, every) / 2 + every @ biases) / temperature)
    likely /= likely.sum()
    shares = np.bincount(((found == 1) << np.arange(4)).sum(axis=1), minlength=16) / len(found)
    assert (np.abs(shares - likely) < 4.5 * np.sqrt(likely * (1 - likely) / len(found))).all()


def test_a_field_of_nothing_leaves_a_unit_as_it_is():
    weights = np.array([[0, 0.1, 0.2, -0.3], [0.1, 0, 0, 0], [0.2, 0, 0, 0], [-0.3, 0, 0, 0]])
    states = np.ones((2, 4))
    states[1, 0] = -1  # 0.1 + 0.2 - 0.3 is not 0 in floating-point numbers
    found, _, settled, _ = updated(weights, np.zeros(4), states, np.zeros(5), low=-1.0, units=[0])
    assert settled.all()
    np.testing.assert_array_equal(found, states)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((3, 4))}, "do not go with states of 4 units"),
        ({"biases": np.zeros(3)}, "do not go with states of 4 units"),
        ({"keys": np.zeros(1, dtype=np.uint64)}, "1 keys do not go with 2 states"),
        ({"units": np.array([0, 4])}, "units must be from 0 to 3"),
        ({"units": np.array([-1])}, "units must be from 0 to 3"),
        ({"units": np.zeros(0, dtype=np.int64)}, "expected states, units and sweeps"),
        ({"temperatures": np.zeros(0)}, "expected states, units and sweeps"),
        ({"every": -1}, "every must be at least 0"),
        ({"n_threads": 0}, "n_threads must be from 1"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(change, message):
    given = {
        "weights": np.zeros((4, 4)), "biases": np.zeros(4), "states": np.ones((2, 4)), "units": np.arange(4),
        "temperatures": np.zeros(2), "keys": np.zeros(2, dtype=np.uint64), "low": -1.0, "seed": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        update_units(**{**given, **change})
