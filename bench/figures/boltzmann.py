"""How right the gradients of Boltzmann machines are, and what machines learn."""

import numpy as np

from fastmlp.zoo import BoltzmannMachine
from fastmlp.zoo.boltzmann_statistics import Machine
from figures import figure


def eight_units(seed=0):
    """Return a machine of four visible and four hidden units, all of them connected, and five rows."""
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.normal(0, 0.7, (8, 8)), 1)
    machine = Machine(weights + weights.T, rng.normal(0, 0.7, 8), 4, 1)
    return machine, (rng.random((5, 4)) < 0.5).astype(float)


@figure("boltzmann_sampled", "8 units: sampled gradient within 3 standard errors of the exact one", seconds=5)
def sampled():
    """The largest difference of an element of the weights' gradient, in standard errors of 40,000 samples."""
    machine, rows = eight_units()
    n = 40_000
    rng, keys = np.random.default_rng(1), np.arange(n, dtype=np.uint64)
    chains = (rng.random((n, 8)) < 0.5).astype(float)
    machine.sweep(chains, 60, seed=3, keys=keys, first_sweep=0)
    clamped = np.hstack([np.repeat(rows, n // 5, axis=0), (rng.random((n, 4)) < 0.5).astype(float)])
    machine.sweep(clamped, 60, seed=4, keys=keys, first_sweep=0, hidden_only=True)
    exact, largest = machine.given(rows).pairs - machine.by_itself().pairs, 0.0
    for i in range(8):
        for j in range(i):
            of_data, of_model = clamped[:, i] * clamped[:, j], chains[:, i] * chains[:, j]
            error = np.sqrt((of_data.reshape(5, -1).var(axis=1).mean() + of_model.var()) / n)
            largest = max(largest, abs(of_data.mean() - of_model.mean() - exact[i, j]) / error)
    return f"{largest:.2f} at most, of 28", largest < 3


@figure("boltzmann_differences", "exact gradient = differences of the log-likelihood within 1e-6", seconds=1)
def differences():
    """The largest difference of an element."""
    machine, rows = eight_units()
    exact, largest = machine.given(rows).pairs - machine.by_itself().pairs, 0.0
    for i in range(8):
        for j in range(i):
            values = []
            for step in (1e-5, -1e-5):
                machine.weights[[i, j], [j, i]] += step
                values.append(-machine.free_energy(rows).mean() - machine.log_partition())
                machine.weights[[i, j], [j, i]] -= step
            largest = max(largest, abs((values[0] - values[1]) / 2e-5 - exact[i, j]))
    return f"{largest:.1e}", largest < 1e-6


def shifter(n=4):
    """Return all rows of n bits, the same bits shifted in a circle by -1, 0 or 1, and which of these it was."""
    rows = []
    for number in range(1 << n):
        bits = np.array([number >> i & 1 for i in range(n)])
        for shift in (-1, 0, 1):
            rows.append([*bits, *np.roll(bits, shift), *np.eye(3, dtype=int)[shift + 1]])
    return np.array(rows)


@figure("boltzmann_shifter", "the shifter of 48 rows, 11 + 12 units: divergence <= .02 nats", seconds=20)
def learned_exactly():
    """The divergence of 48 equally likely rows from what a machine with exact gradients has learned."""
    X = shifter()
    machine = BoltzmannMachine(
        12,
        hidden_connections=False,
        statistics="exact",
        learning_rate="constant",
        learning_rate_init=1.0,
        momentum=0.9,
        max_iter=1500,
        random_state=0,
    ).fit(X)
    found = -machine.score(X) - np.log(len(X))
    return f"{found:.4f} nats", found <= 0.02


@figure("boltzmann_shifter_gibbs", "the same by sampling, 500 chains, 4000 steps: divergence <= .2 nats", seconds=50)
def learned_by_sampling():
    """The divergence of the same rows from what a machine has learned from samples."""
    X = shifter()
    machine = BoltzmannMachine(
        12, hidden_connections=False, n_chains=500, learning_rate_init=0.3, max_iter=4000, random_state=0
    ).fit(X)
    found = -machine.score(X) - np.log(len(X))
    return f"{found:.3f} nats", found <= 0.2


@figure("boltzmann_parity", "parity of three bits, 3 + 3 units: divergence <= .02 nats in 3 of 3 seeds", seconds=10)
def parity():
    """The largest divergence of four equally likely rows, which no two units tell from others, in three seeds."""
    X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    worst = 0.0
    for seed in range(3):
        machine = BoltzmannMachine(
            3,
            statistics="exact",
            learning_rate="constant",
            learning_rate_init=1.0,
            momentum=0.9,
            max_iter=1500,
            random_state=seed,
        ).fit(X)
        worst = max(worst, -machine.score(X) - np.log(4))
    return f"{worst:.4f} nats", worst <= 0.02
