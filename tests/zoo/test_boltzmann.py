"""BoltzmannMachine: expectations against obvious enumeration, gradients against differences, what is learned."""

import copy
from itertools import product

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp.callbacks import Callback
from fastmlp.zoo import BoltzmannMachine
from fastmlp.zoo import boltzmann_statistics as statistics
from fastmlp.zoo.boltzmann_learning import connections
from fastmlp.zoo.boltzmann_statistics import Machine, all_states
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
    learned,
)

PARITY = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
SHAPES = [(3, 2, True, True), (4, 4, True, True), (4, 3, True, False), (3, 4, False, True), (5, 0, True, True)]


def machine_of(n_visible, n_hidden, visible_connections=True, hidden_connections=True, seed=0, scale=0.7):
    rng = np.random.default_rng(seed)
    estimator = BoltzmannMachine(visible_connections=visible_connections, hidden_connections=hidden_connections)
    n = n_visible + n_hidden
    weights = np.triu(rng.normal(0, scale, (n, n)), 1) * connections(estimator, n_visible, n_hidden)
    return Machine(weights + weights.T, rng.normal(0, scale, n), n_visible, 1)


def binary(n, width, seed=1):
    return (np.random.default_rng(seed).random((n, width)) < 0.5).astype(float)


def fitted(X=PARITY, **parameters):
    given = {"n_components": 3, "max_iter": 4, "n_chains": 10, "random_state": 0, **parameters}
    return BoltzmannMachine(**given).fit(X)


@parametrize_with_checks(
    [
        BoltzmannMachine(3, binarize=0.5, max_iter=3, n_chains=10),
        BoltzmannMachine(3, binarize=0.5, max_iter=3, n_chains=10, statistics="mean_field"),
        BoltzmannMachine(2, binarize=0.5, max_iter=3, statistics="exact", hidden_connections=False),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- the oracle: every state, one by one -----------------------------------------------------------------------------


def energy(machine, state):
    s = np.array(state, dtype=float)
    return -s @ machine.weights @ s / 2 - machine.biases @ s


def enumerated(machine, visible=None):
    """Return log Z, and the means of units and pairs, over all states whose visible part is as given."""
    n = len(machine.biases)
    states = [s for s in product((0.0, 1.0), repeat=n) if visible is None or s[: machine.n_visible] == tuple(visible)]
    shares = np.array([np.exp(-energy(machine, s)) for s in states])
    states = np.array(states)
    total = shares.sum()
    means = sum(p * s for p, s in zip(shares / total, states, strict=True))
    pairs = sum(p * np.outer(s, s) for p, s in zip(shares / total, states, strict=True))
    return np.log(total), means, pairs


def connected(machine):
    return machine.weights != 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_expectations_are_those_of_enumeration(shape, monkeypatch):
    machine, visible = machine_of(*shape), binary(6, shape[0])
    log_z, means, pairs = enumerated(machine)
    of_rows = [enumerated(machine, row) for row in visible]
    for together in (1 << 20, 16):  # all at once, and few at a time
        monkeypatch.setattr(statistics, "_TOGETHER", together)
        assert np.isclose(machine.log_partition(), log_z, rtol=1e-12)
        by_itself, given = machine.by_itself(), machine.given(visible)
        mask = connected(machine)
        np.testing.assert_allclose(by_itself.units, means, rtol=1e-10)
        np.testing.assert_allclose(by_itself.pairs[mask], pairs[mask], rtol=1e-10)
        np.testing.assert_allclose(machine.free_energy(visible), [-each[0] for each in of_rows], rtol=1e-10)
        hidden = [each[1][shape[0] :] for each in of_rows]
        np.testing.assert_allclose(machine.hidden_means(visible), np.reshape(hidden, (6, shape[1])), rtol=1e-10)
        np.testing.assert_allclose(given.units, np.mean([each[1] for each in of_rows], axis=0), rtol=1e-10)
        wanted = np.mean([each[2] for each in of_rows], axis=0)
        np.testing.assert_allclose(given.pairs[mask], wanted[mask], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(machine.energy(all_states(len(means)))[:9], [
        energy(machine, s) for s in all_states(len(means))[:9]
    ])  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exact_gradients_are_those_of_finite_differences(shape):
    machine, visible = machine_of(*shape), binary(7, shape[0])
    data, model = machine.given(visible), machine.by_itself()

    def likelihood():
        return -machine.free_energy(visible).mean() - machine.log_partition()

    step = 1e-5
    for i, j in zip(*np.nonzero(np.triu(connected(machine))), strict=True):
        values = []
        for sign in (1, -1):
            machine.weights[[i, j], [j, i]] += sign * step
            values.append(likelihood())
            machine.weights[[i, j], [j, i]] -= sign * step
        assert abs((values[0] - values[1]) / (2 * step) - (data.pairs - model.pairs)[i, j]) < 1e-8
    for i in range(len(machine.biases)):
        values = []
        for sign in (1, -1):
            machine.biases[i] += sign * step
            values.append(likelihood())
            machine.biases[i] -= sign * step
        assert abs((values[0] - values[1]) / (2 * step) - (data.units - model.units)[i]) < 1e-8


def test_sampled_gradients_are_within_their_errors():
    """Eight units: Gibbs sampling and enumeration agree within 3 standard errors of each element."""
    machine, visible = machine_of(4, 4), binary(5, 4)
    n = 20_000
    chains = binary(n, 8, seed=2)
    machine.sweep(chains, 60, seed=3, keys=np.arange(n, dtype=np.uint64), first_sweep=0)
    clamped = np.hstack([np.repeat(visible, n // 5, axis=0), binary(n, 4, seed=3)])
    machine.sweep(clamped, 60, seed=4, keys=np.arange(n, dtype=np.uint64), first_sweep=0, hidden_only=True)
    np.testing.assert_array_equal(clamped[:, :4], np.repeat(visible, n // 5, axis=0))
    data, model = machine.given(visible), machine.by_itself()
    gradient = data.pairs - model.pairs
    errors, limits = [], []
    for i in range(8):
        for j in range(i):
            of_data, of_model = clamped[:, i] * clamped[:, j], chains[:, i] * chains[:, j]
            errors.append(abs(of_data.mean() - of_model.mean() - gradient[i, j]))
            # Each of the five rows has as many samples, so that only what varies within a row counts.
            within = of_data.reshape(5, -1).var(axis=1).mean()
            limits.append(np.sqrt((within + of_model.var()) / n))
    errors, limits = np.array(errors), np.array(limits)
    assert (errors < 3 * limits).all()
    assert (errors > 0.1 * limits).mean() > 0.7  # errors are no larger than they are said to be, nor all smaller


def test_mean_fields_are_fixed_points_close_to_means():
    machine, visible = machine_of(5, 4, scale=0.4), binary(8, 5)
    means = machine.mean_field(visible)
    fields = machine.hidden_fields(visible) + means @ machine.weights[5:, 5:]
    np.testing.assert_allclose(means, 1 / (1 + np.exp(-fields)), atol=1e-6)
    assert np.abs(means - machine.hidden_means(visible)).max() < 0.05


def test_pseudo_likelihoods_of_visible_units_alone_are_conditional_probabilities():
    machine, visible = machine_of(4, 0), binary(5, 4)
    wanted = []
    for row in visible:
        total = 0.0
        for i in range(4):
            other = row.copy()
            other[i] = 1 - row[i]
            total -= np.log1p(np.exp(energy(machine, row) - energy(machine, other)))
        wanted.append(total)
    np.testing.assert_allclose(machine.pseudo_log_likelihood(visible), wanted, rtol=1e-12)


# ---- what is learned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hidden_connections", [True, False])
def test_parity_which_no_pair_of_units_tells(seed, hidden_connections):
    model = BoltzmannMachine(
        3, hidden_connections=hidden_connections, statistics="exact", learning_rate="constant",
        learning_rate_init=1.0, momentum=0.9, max_iter=300, random_state=seed,
    ).fit(PARITY)  # fmt: skip
    assert -model.score(PARITY) - np.log(4) < 0.06  # the divergence from four equally likely rows, in nats
    assert model.history_["loss"][0] > 2.0 and np.isclose(model.loss_, -model.score(PARITY))


@pytest.mark.parametrize("statistics", ["gibbs", "mean_field"])
def test_sampled_statistics_learn_as_exact_ones_do(statistics):
    rng = np.random.default_rng(0)
    X = binary(400, 4)
    X[:, 2] = np.where(rng.random(400) < 0.9, X[:, 0], 1 - X[:, 0])  # two pairs of units that are mostly equal
    X[:, 3] = np.where(rng.random(400) < 0.8, X[:, 1], 1 - X[:, 1])
    exact = BoltzmannMachine(
        2, statistics="exact", learning_rate="constant", learning_rate_init=0.3, max_iter=100, random_state=0
    ).fit(X)
    sampled = BoltzmannMachine(
        2, statistics=statistics, n_chains=400, learning_rate_init=0.3, max_iter=150, random_state=0
    ).fit(X)
    assert sampled.score(X) > exact.score(X) - 0.03
    assert exact.score(X) > -4 * np.log(2) + 0.5


def test_pairs_of_features_without_hidden_units_are_matched():
    """The likelihood is concave without hidden units, and at its maximum all means and pairs are those of the rows."""
    X = binary(50, 4) * binary(50, 4, seed=5)[:, [0, 0, 1, 2]]
    model = BoltzmannMachine(0, statistics="exact", learning_rate_init=1.0, momentum=0.9, max_iter=1500, batch_size=50)
    machine = model.fit(X)._machine()
    by_itself = machine.by_itself()
    np.testing.assert_allclose(by_itself.units, X.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(by_itself.pairs, X.T @ X / 50 * 1.0, atol=1e-4)
    cold, warm = (model.sample(1000, n_sweeps=100, temperature=each, random_state=0) for each in (0.3, 1.0))
    assert model.score(cold) > model.score(warm) + 0.3
    with pytest.raises(ValueError, match="n_components=0 leaves none"):
        model.transform(X)


def test_samples_have_the_probabilities_of_rows():
    model = fitted(max_iter=50, statistics="exact", learning_rate_init=1.0, momentum=0.9)
    drawn = model.sample(8000, n_sweeps=300)
    shares = np.bincount((drawn @ [4, 2, 1]).astype(int), minlength=8) / 8000
    likely = np.exp(model.score_samples(all_states(3)))
    assert np.isclose(likely.sum(), 1)
    assert (np.abs(shares - likely) < 4.5 * np.sqrt(likely * (1 - likely) / 8000)).all()
    np.testing.assert_array_equal(model.sample(5), model.sample(5))


@pytest.mark.parametrize("shape", [(2, True, True), (2, False, True), (3, True, False), (3, False, False)])
def test_only_what_is_connected_has_weights(shape):
    n, of_visible, of_hidden = shape
    model = fitted(n_components=n, visible_connections=of_visible, hidden_connections=of_hidden)
    assert model.weights_[:3, :3].any() == of_visible
    assert model.weights_[3:, 3:].any() == of_hidden
    assert model.weights_[:3, 3:].all()
    np.testing.assert_array_equal(model.weights_, model.weights_.T)


def test_methods():
    model = fitted(binary(20, 4), n_components=3)
    machine, X = model._machine(), binary(6, 4, seed=8)
    np.testing.assert_allclose(model.transform(X), [enumerated(machine, row)[1][4:] for row in X], rtol=1e-10)
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(model.free_energy(X), [-enumerated(machine, row)[0] for row in X], rtol=1e-10)
    np.testing.assert_allclose(model.score_samples(X), -model.free_energy(X) - enumerated(machine)[0], rtol=1e-10)
    states = binary(5, 7)
    np.testing.assert_allclose(model.energy(states), [energy(machine, s) for s in states], rtol=1e-12)
    assert model.get_feature_names_out().tolist() == [f"boltzmannmachine{i}" for i in range(3)]


def test_transforms_of_many_hidden_units_are_mean_fields():
    model = fitted(binary(20, 4), n_components=11)
    X = binary(6, 4, seed=8)
    np.testing.assert_array_equal(model.transform(X), model._machine().mean_field(X))
    assert np.isfinite(model.history_["loss"]).all()


# ---- epochs ----------------------------------------------------------------------------------------------------------


def test_losses_of_many_units_are_pseudo_likelihoods():
    X = binary(30, 18)
    model = fitted(X, statistics="mean_field")
    assert np.isclose(model.loss_, -model._machine().pseudo_log_likelihood(X).mean())


def test_early_stopping_and_callbacks():
    seen = []

    class Watches(Callback):
        def on_epoch_end(self, fit):
            seen.append(fit.fitted().score(PARITY))
            fit.learning_rate = fit.learning_rate / 2

    X = binary(200, 5)
    model = BoltzmannMachine(
        4, early_stopping=True, n_iter_no_change=3, max_iter=400, learning_rate_init=0.5, random_state=0
    ).fit(X)
    losses = model.history_["validation_loss"]
    assert model.n_iter_ < 400 and len(losses) == model.n_iter_
    watched = BoltzmannMachine(2, learning_rate="constant", callbacks=[Watches()], max_iter=3, random_state=0).fit(
        PARITY
    )
    assert len(seen) == 3 and seen[-1] == watched.score(PARITY)
    assert watched.history_["learning_rate"] == [0.1, 0.05, 0.025]


def test_rates_fall_to_nothing():
    falling = fitted(learning_rate_init=0.4, max_iter=4)
    np.testing.assert_allclose(falling.history_["learning_rate"], [0.4, 0.3, 0.2, 0.1])
    assert fitted(learning_rate="constant", max_iter=3).history_["learning_rate"] == [0.1] * 3


def test_partial_fit_goes_on():
    model = BoltzmannMachine(2, random_state=0, n_chains=10)
    for _ in range(3):
        model.partial_fit(PARITY)
    assert model.n_iter_ == 3 and model._n_sweeps == 15
    first = BoltzmannMachine(2, random_state=0, n_chains=10, max_iter=1).fit(PARITY)
    again = BoltzmannMachine(2, random_state=0, n_chains=10).partial_fit(PARITY)
    np.testing.assert_array_equal(first.weights_, again.weights_)
    assert not np.array_equal(first.weights_, model.weights_)
    other = copy.copy(again).set_params(n_components=5)
    assert_refused_without_a_trace(
        other, lambda m: m.partial_fit(PARITY), ValueError, "n_components=5 was set after a fit with 2 hidden"
    )


def test_partial_fit_after_parameters_were_changed():
    model = fitted(binary(40, 4))
    chains = model._chains
    for n_chains in (4, 25):
        learner_of = copy.copy(model).set_params(n_chains=n_chains, statistics="exact").partial_fit(binary(40, 4))
        np.testing.assert_array_equal(learner_of._chains, chains[np.arange(n_chains) % 10])
        assert copy.copy(model).set_params(n_chains=n_chains).partial_fit(binary(40, 4))._chains.shape == (n_chains, 7)
    for name in ("hidden_connections", "visible_connections"):
        told = f"{name}=False was set after a fit with {name}=True; call fit again"
        other = copy.copy(model).set_params(**{name: False})
        assert_refused_without_a_trace(other, lambda m: m.partial_fit(binary(40, 4)), ValueError, told)
        connected_later = fitted(binary(40, 4), **{name: False}).set_params(**{name: True}).partial_fit(binary(40, 4))
        assert np.count_nonzero(connected_later.weights_) == 7 * 6


def test_sampling_goes_in_pieces_with_the_same_bits(monkeypatch):
    model, calls = fitted(binary(40, 4)), []
    whole = model.sample(6, n_sweeps=50, random_state=0, temperature=2.0)
    update = statistics.engine.update_units

    def counted(*args, **how):
        calls.append(how["first_sweep"])
        update(*args, **how)

    monkeypatch.setattr(statistics.engine, "update_units", counted)
    monkeypatch.setattr(statistics, "_WORK_TOGETHER", 8 * 6 * 7 * (7 + 50))
    np.testing.assert_array_equal(model.sample(6, n_sweeps=50, random_state=0, temperature=2.0), whole)
    assert calls == [0, 8, 16, 24, 32, 40, 48]


@pytest.mark.parametrize("statistics", ["gibbs", "mean_field", "exact"])
def test_the_same_bits_for_any_threads(statistics):
    model = BoltzmannMachine(4, statistics=statistics, n_chains=50, max_iter=5, random_state=0)
    assert_same_bits_for_any_threads(model, binary(150, 6), methods=["transform", "score_samples", "free_energy"])


def test_files(tmp_path):
    model = fitted(binary(20, 4))
    methods = ["transform", "score_samples", "free_energy"]
    assert_comes_back_from_a_file(model, binary(9, 4), tmp_path / "model", methods)
    loaded = copy.deepcopy(model)
    for each in (model, loaded):
        each.partial_fit(binary(20, 4))
    assert learned(model).keys() == learned(loaded).keys()
    np.testing.assert_array_equal(model.weights_, loaded.weights_)


@pytest.mark.parametrize("statistics", ["gibbs", "mean_field", "exact"])
@pytest.mark.parametrize("hidden_connections", [False, True])
def test_weights_are_symmetric_so_that_files_are_read_again(statistics, hidden_connections, tmp_path):
    how = {"statistics": statistics, "hidden_connections": hidden_connections}
    for seed in range(5):
        X = binary(50, 5, seed=seed)
        model = fitted(X, n_components=2, random_state=seed, **how).partial_fit(X)
        np.testing.assert_array_equal(model.weights_, model.weights_.T)
        assert_comes_back_from_a_file(model, X, tmp_path / f"model{seed}", ["transform", "score_samples"])


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was_fitted", [False, True])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0, 1, 0.5]], r"X\[0, 2\] is 0\.5, but the units of BoltzmannMachine are 0 or 1\. With binarize=t"),
        ([[1, 1, -1]], r"X\[0, 2\] is -1, .* All of X is -1 or 1: \(X \+ 1\) / 2 .* binarize=-0\.5"),
        ([[0, 0, 255]], r"X\[0, 2\] is 255"),
        ([[0, 0, np.nan]], "NaN"),
    ],
)
def test_rows_that_are_not_binary(X, message, was_fitted):
    model = fitted() if was_fitted else BoltzmannMachine()
    assert_refused_without_a_trace(model, lambda m: m.fit(X), ValueError, message)
    assert_refused_without_a_trace(model, lambda m: m.partial_fit(X), ValueError, message)
    for method in ("transform", "free_energy", "score_samples", "score") if was_fitted else ():
        assert_refused_without_a_trace(model, lambda m, method=method: getattr(m, method)(X), ValueError, message)


def test_too_many_units():
    exact = BoltzmannMachine(9, statistics="exact")
    told = "statistics='exact' goes through all states of 21 units; at most 20 are possible. 'gibbs' samples them"
    assert_refused_without_a_trace(exact, lambda m: m.fit(binary(5, 12)), ValueError, told)
    model = fitted(binary(5, 12), n_components=9, max_iter=1)
    assert_refused_without_a_trace(model, lambda m: m.score(binary(5, 12)), ValueError, "all states of 21 units")
    assert np.isfinite(model.free_energy(binary(5, 12))).all()
    wide = fitted(n_components=21, max_iter=1)
    assert_refused_without_a_trace(wide, lambda m: m.free_energy(PARITY), ValueError, "the 21 hidden units")
    free = fitted(n_components=50, max_iter=1, hidden_connections=False)
    assert np.isfinite(free.score(PARITY))


def test_other_input_that_is_refused():
    model = fitted()
    for call, message in [
        (lambda m: m.energy(PARITY), r"states must be of shape \(n_samples, 6\): 3 visible and 3 hidden units"),
        (lambda m: m.energy(np.full((1, 6), 0.5)), r"X\[0, 0\] is 0\.5"),
        (lambda m: m.sample(0), "n_samples must be an integer of at least 1"),
        (lambda m: m.sample(1, n_sweeps=0), "n_sweeps must be an integer of at least 1"),
        (lambda m: m.sample(1, temperature=0), "temperature must be a positive number; got 0"),
    ]:
        assert_refused_without_a_trace(model, call, ValueError, message)


@pytest.mark.parametrize("was_fitted", [False, True])
@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ({"n_components": True}, ValueError, "n_components must be an integer of at least 0; got True"),
        ({"n_chains": True}, ValueError, "n_chains must be an integer of at least 1; got True"),
        ({"n_sweeps": True}, ValueError, "n_sweeps must be an integer of at least 1; got True"),
        ({"n_components": 10**30}, ValueError, r"'n_components' parameter .* in the range \[0, 2147483647\]"),
        ({"n_chains": 10**30}, ValueError, r"'n_chains' parameter .* in the range \[1, 2147483647\]"),
        ({"n_components": 2 * 10**9}, MemoryError, "n_components=2000000000 with n_chains=10 needs more memory than"),
    ],
)
def test_counts_that_are_none_or_too_large(how, error, told, was_fitted):
    model = (fitted() if was_fitted else BoltzmannMachine(n_chains=10)).set_params(**how)
    assert_refused_without_a_trace(model, lambda m: m.fit(PARITY), error, told)
    if not was_fitted:
        assert_refused_without_a_trace(model, lambda m: m.partial_fit(PARITY), error, told)


HARM = {
    "weights_": [np.zeros((5, 5)), np.eye(6), np.full((6, 6), np.inf), np.zeros((6, 6), dtype=np.float32), None],
    "biases_": [np.zeros(7), np.zeros((6, 1)), [0.0] * 6],
    "n_features_in_": [7, 0, None],
    "_chains": [np.zeros((3, 5)), np.full((3, 6), 0.5), np.zeros((0, 6)), None],
    "_n_sweeps": [-1, None],
    "_seed": [-1, "x"],
    "n_iter_": [None],
    "n_jobs": [10**6],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in HARM for value in HARM[name]])
def test_forged_files_are_refused(name, value):
    model = fitted()
    model.check_state()
    forged = copy.copy(model)
    vars(forged)[name] = value
    with pytest.raises(ValueError, match=r"weights_|biases_|n_features_in_|_chains|_n_sweeps|_seed|n_iter_|n_jobs"):
        forged.check_state()
