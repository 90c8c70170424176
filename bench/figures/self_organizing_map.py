"""Figures of self-organizing maps: errors beside the SOM Toolbox's, seconds beside MiniSom's."""

import time
from statistics import median

import numpy as np
from sklearn.datasets import load_iris

from fastmlp.zoo import SelfOrganizingMap
from figures import figure


@figure(
    "self_organizing_map_iris",
    "quantization error 0.393, topographic error 0.013 on 11 x 6 hexagonal units from a linear start (SOM Toolbox)",
    seconds=1,
)
def iris():
    X = load_iris().data
    som = SelfOrganizingMap((11, 6)).fit((X - X.mean(axis=0)) / X.std(axis=0, ddof=1))
    reached = f"{som.quantization_error_:.3f}, {som.topographic_error_:.3f}"
    return reached, som.quantization_error_ < 0.3945 and som.topographic_error_ < 0.0135


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def times_minisom(training, way, rows_there):
    """Time a fit of one epoch to 10^6 rows, and MiniSom's on fewer of them, in turn; return the ratio for each row."""
    try:
        from minisom import MiniSom
    except ImportError:
        return "MiniSom is not installed", False
    X = np.random.default_rng(0).standard_normal((1_000_000, 16))
    ours, theirs = [], []
    for _ in range(3):
        som = SelfOrganizingMap((20, 20), topology="rectangular", training=training, max_iter=1, random_state=0)
        ours.append(seconds(lambda som=som: som.fit(X)) / len(X))
        peer = MiniSom(20, 20, 16, sigma=10.0, random_seed=0)
        theirs.append(seconds(lambda peer=peer: way(peer, X[:rows_there])) / rows_there)
    ratio = median(theirs) / median(ours)
    reached = (
        f"{ratio:.0f} times as fast: {median(ours) * 1e6:.2f} s for a fit of one epoch, errors and start included, and"
        f" {median(theirs) * 1e6:.0f} s for one of MiniSom, scaled up from {rows_there} rows"
    )
    return reached, ratio >= 5


@figure("self_organizing_map_speed_batch", "5 times as fast as MiniSom, 10^6 rows x 16 on 20 x 20 units", seconds=20)
def batch():
    return times_minisom("batch", lambda peer, X: peer.train_batch_offline(X, 1), 20_000)


@figure("self_organizing_map_speed_online", "5 times as fast as MiniSom, 10^6 rows x 16 on 20 x 20 units", seconds=30)
def online():
    return times_minisom("online", lambda peer, X: peer.train(X, len(X), random_order=True), 20_000)
