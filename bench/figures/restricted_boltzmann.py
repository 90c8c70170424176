"""Figures of the restricted Boltzmann machine."""

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from fastmlp.zoo import RestrictedBoltzmannMachine
from fastmlp.zoo.partition import enumerated
from figures import figure, mnist


@figure("restricted_boltzmann_partition", "log Z by annealing within .1 nat of enumeration, 10 hidden units", seconds=5)
def partition() -> tuple[str, bool]:
    """Compare both on three machines that have learned digits."""
    X = load_digits().data > 7
    errors = []
    for seed in range(3):
        model = RestrictedBoltzmannMachine(10, max_iter=50, random_state=seed).fit(X)
        exact = enumerated(model._params(), normal=False)
        errors.append(model.estimate_log_partition(200, 5000)[0] - exact)
    return ", ".join(f"{error:+.3f}" for error in errors), bool(np.abs(errors).max() < 0.1)


def speed(batch_size: int, n_rows: int) -> tuple[str, bool]:
    """Compare fits of one epoch, 500 units on MNIST; BLAS has one thread, then all, and the better counts."""
    X = mnist()[0][:n_rows]
    seconds: dict[str, list[float]] = {"ours": [], "1": [], "all": []}
    for _ in range(3):
        for name, of in seconds.items():
            if name == "ours":
                model = RestrictedBoltzmannMachine(500, batch_size=batch_size, max_iter=1, random_state=0)
            else:
                model = BernoulliRBM(500, batch_size=batch_size, learning_rate=0.05, n_iter=1, random_state=0)
            with threadpool_limits(1 if name == "1" else None, user_api="blas"):
                start = time.perf_counter()
                model.fit(X)
                of.append(time.perf_counter() - start)
    ours, one, both = (np.median(of) for of in seconds.values())
    theirs = min(one, both)
    return f"{theirs / ours:.1f}x ({1e6 * ours / n_rows:.0f} us a row, {1e6 * theirs / n_rows:.0f})", theirs >= 3 * ours


@figure("restricted_boltzmann_speed_10", "at least 3x BernoulliRBM's epoch, MNIST, 500 units, batch 10", seconds=30)
def speed_10() -> tuple[str, bool]:
    """Compare at scikit-learn's default batch size."""
    return speed(10, 2000)


@figure("restricted_boltzmann_speed_100", "at least 3x BernoulliRBM's epoch, MNIST, 500 units, batch 100", seconds=20)
def speed_100() -> tuple[str, bool]:
    """Compare at batches that suit the hardware."""
    return speed(100, 6000)


def likelihood(n_gibbs: int, n_seconds: float, *, learning: str = "cd") -> tuple[str, bool]:
    """Learn MNIST, binarised by drawing once, for so many seconds; find the mean log-likelihood of test images."""
    X, _, X_test, _ = mnist()
    random = np.random.RandomState(0)
    X, X_test = ((random.uniform(size=each.shape) < each).astype(np.float32) for each in (X, X_test))
    start = time.perf_counter()
    RestrictedBoltzmannMachine(500, n_gibbs=n_gibbs, learning=learning, batch_size=100, max_iter=1, random_state=0).fit(
        X[:5000]
    )
    n_epochs = max(2, int(n_seconds / (12 * (time.perf_counter() - start))))
    model = RestrictedBoltzmannMachine(
        500,
        n_gibbs=n_gibbs,
        learning=learning,
        learning_rate="linear",
        learning_rate_init=0.05,
        batch_size=100,
        max_iter=n_epochs,
        random_state=0,
    )
    model.fit(X)
    seconds = time.perf_counter() - start
    log_partition, error = model.estimate_log_partition(100, 10_000)
    score = model.score(X_test)
    text = f"{score:.1f} nats after {n_epochs} epochs, {seconds:.0f} s (log Z {log_partition:.1f} ± {error:.2f})"
    return text, score >= -95


@figure("restricted_boltzmann_mnist", "MNIST, 500 units, CD-25: at least -95 nats in 10 minutes", seconds=700)
def mnist_25() -> tuple[str, bool]:
    """Learn for 10 minutes; what the estimate of log Z takes comes after."""
    return likelihood(25, 590)
