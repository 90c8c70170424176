"""Restricted Boltzmann machines in panels, beside machines whose states are listed one by one."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit

from fastmlp import engine
from fastmlp.engine import ContrastiveTrainer, RestrictedMachine, Rows
from fastmlp.inputs.rows import rows_of
from tests.zoo import oracle_restricted as oracle

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
isas = pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
types = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def bits(n, width, seed=0, dtype=np.float64):
    return (np.random.RandomState(seed).uniform(size=(n, width)) < 0.4).astype(dtype)


def loaded(params, dtype=np.float64, cls=RestrictedMachine, **how):
    machine = cls(len(params) - 1, params.shape[1] - 1, dtype, **how)
    machine.load(params.astype(dtype))
    return machine


# ---- what follows from the weights -----------------------------------------------------------------------------------


@isas
@types
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 10), (33, 12), (64, 32), (5, 70)])
def test_units_given_the_others(shape, dtype, isa):
    params = oracle.machine(*shape, seed=1)
    machine = loaded(params, dtype, isa=isa)
    v, h = bits(150, shape[0], 2, dtype), bits(150, shape[1], 3, dtype)
    weights, hidden, visible = oracle.parts(params)
    np.testing.assert_allclose(machine.hidden(Rows(v)), expit(v @ weights + hidden), atol=TOLERANCE[dtype])
    np.testing.assert_allclose(machine.visible(h), expit(h @ weights.T + visible), atol=TOLERANCE[dtype])
    normal = loaded(params, dtype, normal=True, isa=isa)
    np.testing.assert_allclose(normal.visible(h), h @ weights.T + visible, atol=20 * TOLERANCE[dtype])
    out = np.empty_like(params, dtype=dtype)
    machine.store(out)
    np.testing.assert_array_equal(out, params.astype(dtype))
    np.testing.assert_array_equal(machine.visible_biases(), visible.astype(dtype))


@isas
@types
@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 10)])
def test_free_energies(shape, normal, dtype, isa):
    params = oracle.machine(*shape, seed=4)
    v = bits(140, shape[0], 5) if not normal else np.random.RandomState(5).normal(size=(140, shape[0]))
    found = loaded(params, dtype, normal=normal, isa=isa).free_energies(Rows(v.astype(dtype)), n_threads=2)
    expected = oracle.free_energies(params, v, normal=normal)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=20 * TOLERANCE[dtype])


@types
def test_rows_of_any_type(dtype):
    v = bits(30, 40, 6, np.uint8)
    machine = loaded(oracle.machine(40, 9, seed=7), dtype)
    expected = machine.hidden(Rows(v.astype(dtype)))
    for X in (v, v.astype(bool), v.astype(np.float32), scipy.sparse.csr_array(v.astype(dtype))):
        np.testing.assert_array_equal(machine.hidden(rows_of(X, dtype)), expected)
        np.testing.assert_array_equal(
            machine.free_energies(rows_of(X, dtype)), machine.free_energies(Rows(v.astype(dtype)))
        )


# ---- chains ----------------------------------------------------------------------------------------------------------


@types
def test_chains_draw_what_the_machine_says(dtype):
    params = oracle.machine(5, 4, seed=8)
    chains = np.zeros((40000, 5), dtype=dtype)
    loaded(params, dtype).gibbs(chains, 30, seed=1, n_threads=2)
    states = oracle.all_bits(5)
    expected = np.exp(-oracle.free_energies(params, states) - oracle.log_partition(params))
    counts = np.bincount((chains @ (1 << np.arange(5))).astype(int), minlength=32)
    # Chi-squared of 31 degrees of freedom is above 61 in one of 1000 cases.
    assert ((counts - 40000 * expected) ** 2 / (40000 * expected)).sum() < 61


def test_normal_units_are_drawn_with_variance_1():
    params = np.zeros((4, 3))
    params[:-1, -1] = [-1.0, 0.0, 2.0]
    chains = np.zeros((40000, 3))
    loaded(params, normal=True).gibbs(chains, 1, seed=3)
    np.testing.assert_allclose(chains.mean(axis=0), [-1, 0, 2], atol=0.02)
    np.testing.assert_allclose(np.cov(chains.T), np.eye(3), atol=0.03)


@isas
def test_chains_do_not_depend_on_threads_nor_on_pieces(isa):
    machine = loaded(oracle.machine(40, 33, seed=9), np.float32, isa=isa)
    start = bits(301, 40, 10, np.float32)
    at_once, in_pieces = start.copy(), start.copy()
    machine.gibbs(at_once, 7, seed=5)
    machine.gibbs(in_pieces, 3, seed=5, n_threads=3)
    machine.gibbs(in_pieces, 4, start=3, seed=5, n_threads=2)
    np.testing.assert_array_equal(at_once, in_pieces)
    assert (at_once != start).any()
    others = start.copy()
    machine.gibbs(others, 7, seed=6)
    assert (others != at_once).any()


@types
def test_one_step_of_annealing(dtype):
    """The weights that a chain gets are the quotient of what two temperatures say of where it is."""
    params, base = oracle.machine(6, 5, seed=11), np.linspace(-1, 1, 6)
    weights, hidden, visible = oracle.parts(params)
    v = bits(200, 6, 12)

    def log_weight(beta):
        softplus = np.logaddexp(0, beta * (v @ weights + hidden)).sum(axis=1)
        return v @ (beta * visible + (1 - beta) * base) + softplus

    for low, high in ((0.0, 0.25), (0.25, 1.0)):
        found = np.zeros(200)
        loaded(params, dtype).anneal(v.astype(dtype), found, np.array([low, high]), base.astype(dtype))
        np.testing.assert_allclose(found, log_weight(high) - log_weight(low), atol=20 * TOLERANCE[dtype])


# ---- learning --------------------------------------------------------------------------------------------------------


def learned(params, v, dtype=np.float64, *, n_gibbs=1, batch=None, rate=0.1, l2=0.0, n_epochs=1, cls_how=None):
    trainer = loaded(params, dtype, ContrastiveTrainer, **{"rule": "momentum", "max_batch": 64, **(cls_how or {})})
    if trainer.n_chains:
        trainer.load_chains(bits(trainer.n_chains, trainer.n_hidden, 20, dtype))
    rows, count = rows_of(v, dtype), 0
    for epoch in range(n_epochs):
        order = np.random.RandomState(epoch).permutation(rows.n_rows)
        trainer.begin(rows, order, batch or 64, n_gibbs, l2, [rate, 0.5], count)
        while not trainer.run():
            pass
        count = trainer.updates_done()
    out = np.empty_like(params, dtype=dtype)
    trainer.store(out)
    return out, trainer


@types
@pytest.mark.parametrize("persistent", [False, True])
def test_the_gradient_is_that_of_the_likelihood(persistent, dtype):
    """Chains that are long enough draw from the machine, so that the gradient's error is that of a mean over rows."""
    params, v = oracle.machine(6, 5, seed=13), bits(20000, 6, 14, dtype)
    n = len(v)
    how = {"rule": "gradient", "max_batch": n, "n_chains": n if persistent else 0, "seed": 3, "n_threads": 2}
    _, trainer = learned(params, v, dtype, n_gibbs=60, batch=n, cls_how=how)
    slot = np.empty_like(params, dtype=dtype)
    trainer.store(None, [slot])
    exact = -oracle.gradient(params, v.astype(np.float64))
    states = oracle.all_bits(6)
    chances = np.exp(-oracle.free_energies(params, states) - oracle.log_partition(params))
    of_states = oracle.products(params, states)
    mean = np.einsum("s,sij->ij", chances, of_states)
    errors = np.sqrt(np.einsum("s,sij->ij", chances, (of_states - mean) ** 2) / n)
    scores = (slot - exact)[errors > 0] / errors[errors > 0]
    # Of 41 normal numbers the largest is above 4 in one of 400 cases.
    assert np.abs(scores).max() < 4
    assert 0.4 < scores.std() < 1.6


def test_the_gradient_of_chains_of_one_step_is_what_their_rows_say():
    """With weights of zero a chain forgets where it began, and what it draws is known."""
    params = np.zeros((5, 4))
    params[:-1, -1] = [50.0, -50.0, 50.0, -50.0]
    v = bits(30, 4, 15)
    _, trainer = learned(params, v, cls_how={"rule": "gradient"})
    slot = np.empty_like(params)
    trainer.store(None, [slot])
    expected = np.zeros_like(params)
    drawn = np.array([1.0, 0, 1, 0])
    expected[:-1, :-1] = (0.5 * (drawn - v.mean(axis=0)))[:, None]
    expected[:-1, -1] = drawn - v.mean(axis=0)
    np.testing.assert_allclose(slot, expected, atol=1e-12)


def test_l2_is_of_weights_alone():
    params, v = oracle.machine(9, 20, seed=16), bits(30, 9, 17)
    slots = []
    for l2 in (0.0, 0.5):
        _, trainer = learned(params, v, l2=l2, cls_how={"rule": "gradient"})
        slots.append(np.empty_like(params))
        trainer.store(None, slots[-1:])
    expected = 0.5 * params
    expected[-1], expected[:, -1] = 0, 0
    np.testing.assert_allclose(slots[1] - slots[0], expected, atol=1e-12)


@isas
@types
@pytest.mark.parametrize("how", [{}, {"n_chains": 37}, {"sparsity_cost": 0.3}, {"normal": True}])
def test_learning_does_not_depend_on_threads(how, dtype, isa):
    params, v = oracle.machine(70, 37, seed=18, scale=0.05), bits(300, 70, 19, np.float32)
    found = [
        learned(params, v, dtype, n_gibbs=2, batch=48, n_epochs=2, cls_how={"isa": isa, "n_threads": n, **how})
        for n in (1, 2, 3)
    ]
    assert np.isfinite(found[0][0]).all()
    assert np.abs(found[0][0] - params).max() > 1e-3
    for each, trainer in found[1:]:
        np.testing.assert_array_equal(each, found[0][0])
        np.testing.assert_array_equal(trainer.activities(), found[0][1].activities())


@types
def test_learning_from_sparse_rows_is_that_from_dense_ones(dtype):
    params, v = oracle.machine(70, 37, seed=18, scale=0.05), bits(100, 70, 19, dtype)
    dense, _ = learned(params, v, dtype)
    for X in (scipy.sparse.csr_array(v), v.astype(np.uint8), v.astype(bool)):
        np.testing.assert_array_equal(learned(params, X, dtype)[0], dense)


def test_what_fills_panels_stays_zero():
    """Weights of units that only fill a panel would change what the visible units get."""
    params, v = oracle.machine(7, 5, seed=21), bits(64, 7, 22)
    out, trainer = learned(params, v, n_epochs=30)
    np.testing.assert_allclose(trainer.visible(np.ones((1, 5))), oracle_visible(out, np.ones((1, 5))), atol=1e-12)
    np.testing.assert_allclose(trainer.free_energies(Rows(v)), oracle.free_energies(out, v), atol=1e-10)


def oracle_visible(params, h):
    weights, _, visible = oracle.parts(params)
    return expit(h @ weights.T + visible)


def test_sparsity_adds_what_the_rates_are_too_high():
    params, v = oracle.machine(9, 6, seed=23), bits(40, 9, 24)
    slots = []
    for cost in (0.0, 0.7):
        trainer = loaded(
            params,
            np.float64,
            ContrastiveTrainer,
            rule="gradient",
            max_batch=40,
            sparsity_cost=cost,
            sparsity_target=0.2,
            sparsity_decay=0.75,
        )
        if cost:
            trainer.load_activities(np.linspace(0.1, 0.9, 6))
        trainer.begin(Rows(v), np.arange(40), 40, 1, 0.0, [0.0], 0)
        assert trainer.run()
        slots.append(np.empty_like(params))
        trainer.store(None, slots[-1:])
    too_high = 0.7 * (np.linspace(0.1, 0.9, 6) - 0.2)
    np.testing.assert_allclose((slots[1] - slots[0])[:-1, :-1], np.outer(v.mean(axis=0), too_high), atol=1e-12)
    np.testing.assert_allclose((slots[1] - slots[0])[-1, :-1], too_high, atol=1e-12)
    rates = 0.75 * np.linspace(0.1, 0.9, 6) + 0.25 * oracle.hidden(params, v).mean(axis=0)
    np.testing.assert_allclose(trainer.activities(), rates, atol=1e-12)


def test_persistent_chains_go_on():
    params, v = oracle.machine(20, 12, seed=25), bits(64, 20, 26)
    how = {"n_chains": 16}
    at_once, _ = learned(params, v, n_epochs=2, batch=32, cls_how=how)
    once, first = learned(params, v, n_epochs=1, batch=32, cls_how=how)
    slot, chains = np.empty_like(params), np.empty((16, 12))
    first.store(None, [slot])
    first.store_chains(chains)
    assert set(np.unique(chains)) == {0.0, 1.0}
    second = ContrastiveTrainer(20, 12, np.float64, rule="momentum", max_batch=32, n_chains=16)
    second.load(once, [slot])
    second.load_chains(chains)
    second.begin(Rows(v), np.random.RandomState(1).permutation(64), 32, 1, 0.0, [0.1, 0.5], 2)
    assert second.run()
    second.store(once)
    np.testing.assert_array_equal(once, at_once)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_refused():
    machine = loaded(oracle.machine(4, 3, seed=0))
    with pytest.raises(ValueError, match="at least one unit of each kind"):
        RestrictedMachine(0, 3, np.float64)
    with pytest.raises(ValueError, match="parameters must be a contiguous float64 matrix of 4 columns"):
        machine.load(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="expected rows of 4 visible units, got 5"):
        machine.hidden(Rows(np.zeros((2, 5))))
    with pytest.raises(ValueError, match="CSR matrix must be float64"):
        machine.hidden(rows_of(scipy.sparse.csr_array(np.zeros((2, 4), np.float32)), np.float32))
    with pytest.raises(ValueError, match="hidden units must be a contiguous float64 matrix of 3 columns"):
        machine.visible(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="must be contiguous vectors that fit the chains"):
        machine.anneal(np.zeros((2, 4)), np.zeros(3), np.zeros(2), np.zeros(4))
    with pytest.raises(ValueError, match="max_batch of at least 1"):
        ContrastiveTrainer(4, 3, np.float64, rule="sgd", max_batch=0)
    trainer = ContrastiveTrainer(4, 3, np.float64, rule="sgd", max_batch=2, n_chains=2)
    rows = Rows(np.zeros((5, 4)))
    for order, batch, match in (
        (np.array([0, 5]), 2, "from 0 to 4"),
        (np.array([0, -1]), 2, "from 0 to 4"),
        (np.arange(5), 3, "from 1 to max_batch=2"),
        (np.arange(5), 0, "from 1 to max_batch=2"),
    ):
        with pytest.raises(ValueError, match=match):
            trainer.begin(rows, order, batch, 1, 0.0, [0.1], 0)
    with pytest.raises(ValueError, match="n_gibbs at least 1"):
        trainer.begin(rows, np.arange(5), 2, 0, 0.0, [0.1], 0)
    with pytest.raises(ValueError, match="for all updates or for 3"):
        trainer.begin(rows, np.arange(5), 2, 1, 0.0, np.zeros((2, 1)), 0)
    with pytest.raises(ValueError, match="has 0 arrays of state"):
        trainer.load(np.zeros((5, 4)), [np.zeros((5, 4))])
    with pytest.raises(ValueError, match="expected 2 chains"):
        trainer.load_chains(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="vector of 3 rates"):
        trainer.load_activities(np.zeros(4))
