"""Markov chains whose answers are known."""

import time
import warnings
from fractions import Fraction

import numpy as np

from fastmlp.exceptions import ReducibleChainWarning
from fastmlp.zoo import MarkovChain
from fastmlp.zoo.stationary import closed_classes, stationary_distribution
from figures import figure


@figure("markov_onegin", "20,000 letters of Eugene Onegin: vowels .432 in the long run (Markov 1913)", seconds=1)
def onegin():
    """The long run of the chain whose transitions are those that Markov counted."""
    counted = {"vv": 1104, "vc": 7534, "cv": 7535, "cc": 3827}
    chain = MarkovChain(alpha=0).fit([list(pair) for pair, n in counted.items() for _ in range(n)])
    share = chain.stationary_distribution()[chain.states_.tolist().index("v")]
    return f"{share:.4f}", abs(share - 0.432) < 0.0005


@figure("markov_exact", "stationary shares over 15 decades, ruin of a gambler: relative error <= 1e-12", seconds=1)
def exact():
    """The largest relative error of the shares of a birth and death chain, and of probabilities of ruin."""
    n, up = 11, Fraction(1, 33)
    P = np.zeros((n, n))
    for i in range(n):
        P[i, min(i + 1, n - 1)] += float(up)
        P[i, max(i - 1, 0)] += float(1 - up)
    ratios = [(up / (1 - up)) ** i for i in range(n)]
    wanted = np.array([float(ratio / sum(ratios)) for ratio in ratios])
    error = np.abs(stationary_distribution(P, np.eye(n)[0], closed_classes(P)) / wanted - 1).max()
    games = [[0, 0], [4, 4], *([i, j] for i in (1, 2, 3) for j in (i - 1, i + 1))]
    chain = MarkovChain(alpha=0).fit(games)
    for coins in (1, 2, 3):
        chain.initial_ = np.eye(5)[coins]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReducibleChainWarning)
            ruin = chain.stationary_distribution()[0]
        error = max(error, abs(ruin / (1 - coins / 4) - 1))
    return f"{error:.1e}", error <= 1e-12


@figure("markov_speed", "a million states of 100 sequences, counted in less than a second", seconds=2)
def speed():
    """Seconds for a fit."""
    X = np.random.default_rng(0).integers(20, size=(100, 10_000))
    start = time.perf_counter()
    MarkovChain().fit(X)
    seconds = time.perf_counter() - start
    return f"{seconds:.2f} s", seconds < 1
