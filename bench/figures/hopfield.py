"""How many patterns Hopfield networks recall, by rule, and how fast."""

import time

import numpy as np

from fastmlp.zoo import HopfieldNetwork
from figures import figure

AIMS = {0.05: 1.000, 0.10: 0.998, 0.12: 0.994, 0.138: 0.971, 0.15: 0.944, 0.17: 0.708}
TRIALS = 10


def signs(n_patterns, n, seed):
    """Return patterns of independent random signs."""
    return np.random.default_rng(seed).choice([-1.0, 1.0], (n_patterns, n))


def overlaps(load, max_iter):
    """Return the mean overlap of 1000 units' states with the patterns that they began at, for each trial."""
    found = []
    for seed in range(TRIALS):
        X = signs(round(1000 * load), 1000, seed)
        found.append((HopfieldNetwork(max_iter=max_iter, random_state=seed).fit(X).predict(X) * X).mean())
    return np.array(found)


def compared(loads, max_iter):
    """Return overlaps beside their aims, and whether each is within two standard deviations of a trial, or 0.001."""
    told, sound = [], True
    for load in loads:
        found = overlaps(load, max_iter)
        told.append(f"{found.mean():.3f} ± {found.std():.3f}")
        sound &= abs(found.mean() - AIMS[load]) <= max(0.001, 2 * found.std())
    return " / ".join(told), sound


@figure("hopfield_capacity", "overlap 1.000 / .998 / .994 / .971 at load .05 / .10 / .12 / .138, N 1000", seconds=10)
def capacity():
    """Recall of stored patterns by Hebb's rule up to the critical load, until nothing changes any more."""
    return compared((0.05, 0.10, 0.12, 0.138), 1000)


@figure("hopfield_overload", "overlap .944 / .708 at load .15 / .17, N 1000, at rest", seconds=20)
def overload():
    """The same beyond the critical load, where states drift away from the patterns for dozens of sweeps."""
    return compared((0.15, 0.17), 1000)


@figure("hopfield_overload_10_sweeps", "overlap .944 / .708 at load .15 / .17, N 1000, after 10 sweeps", seconds=10)
def overload_soon():
    """The same when recall is ended after ten sweeps, on its way."""
    return compared((0.15, 0.17), 10)


def recalled(rule, load):
    """Return the smallest overlap of a pattern with what is recalled from it, over trials with 500 units."""
    least = 1.0
    for seed in range(3):
        X = signs(round(500 * load), 500, seed)
        least = min(least, (HopfieldNetwork(rule, random_state=seed).fit(X).predict(X) * X).mean(axis=1).min())
    return f"{least:.3f}", least == 1


@figure("hopfield_storkey", "all patterns exactly at load .25, N 500", seconds=3)
def storkey():
    """Recall of stored patterns by Storkey's rule."""
    return recalled("storkey", 0.25)


@figure("hopfield_pseudo_inverse", "all patterns exactly at load .9, N 500", seconds=3)
def pseudo_inverse():
    """Recall of stored patterns by the pseudo-inverse."""
    return recalled("pseudo_inverse", 0.9)


@figure("hopfield_modern", "1000 patterns in 64 units, one step: overlap > .999", seconds=1)
def modern():
    """The smallest overlap of a pattern with what one modern step makes of it."""
    X = signs(1000, 64, 0)
    found = (HopfieldNetwork("modern").fit(X).predict(X) * X).mean(axis=1).min()
    return f"{found:.6f}", found > 0.999


def slowly(weights, state, rng):
    """Recall one state as a NumPy program does, unit by unit."""
    state = state.copy()
    for _ in range(100):
        before = state.copy()
        for i in rng.permutation(len(state)):
            state[i] = 1.0 if weights[i] @ state > 0 else -1.0
        if (state == before).all():
            break
    return state


@figure("hopfield_speed", "faster than a loop in NumPy, 1000 states of 1000 units, one thread", seconds=10)
def speed():
    """Seconds for each state, beside those of a loop in NumPy, in turn."""
    rng = np.random.default_rng(0)
    X = signs(100, 1000, 0)
    cues = np.where(rng.random((1000, 1000)) < 0.2, -1, 1) * np.tile(X, (10, 1))
    network = HopfieldNetwork(random_state=0, n_jobs=1).fit(X)
    ours, theirs = [], []
    for i in range(5):
        start = time.perf_counter()
        network.predict(cues)
        ours.append((time.perf_counter() - start) / 1000)
        start = time.perf_counter()
        for cue in cues[10 * i : 10 * i + 10]:
            slowly(network.weights_, cue, rng)
        theirs.append((time.perf_counter() - start) / 10)
    ratio = np.median(theirs) / np.median(ours)
    return f"{ratio:.0f} times; {1e3 * np.median(ours):.2f} ms a state", ratio > 1
