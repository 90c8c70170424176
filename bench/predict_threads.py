"""Predictions with as many threads as fastmlp takes by itself, over those with one, on idle CPUs and on busy ones.

python bench/predict_threads.py [--rows N ...] [--busy N ...] [--seconds S]

Both take turns, call by call, in one process. For each network and number of rows two ratios: of the median times of
a call, and of the mean times. Neither should be above 1.1 anywhere; where rows are many and CPUs idle, they should be
near 1 / threads. Means beside busy processes need many seconds, since they are made of the scheduler's time slices.
"""

import argparse
import statistics
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier, MLPRegressor

NETWORKS = {"30-32-1": MLPRegressor, "20-64-64-2": MLPClassifier, "784-256-128-10": MLPClassifier}
ROWS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)


def fitted(sizes, cls, n_jobs):
    """An estimator of a shape; nothing but that matters here."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, sizes[0]), dtype=np.float32)
    y = np.arange(100) % sizes[-1] if cls is MLPClassifier else X[:, 0]
    return cls(hidden_layer_sizes=sizes[1:-1], n_jobs=n_jobs, max_iter=1, random_state=0).fit(X, y)


@contextmanager
def busy(n):
    """So many processes that do nothing, as fast as they can."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        time.sleep(0.5 if n else 0)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def ratios(models, X, seconds):
    """Of the medians and of the means of the first model's calls over the second's."""
    times, end = ([], []), time.perf_counter() + seconds
    for model in models:
        model.predict(X)
    while time.perf_counter() < end or len(times[0]) < 5:
        for model, spent in zip(models, times, strict=True):
            start = time.perf_counter()
            model.predict(X)
            spent.append(time.perf_counter() - start)
    return [f(times[0]) / f(times[1]) for f in (statistics.median, statistics.fmean)]


def main():
    """Measure, print a table for each number of busy processes."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="*", type=int, default=ROWS)
    parser.add_argument("--busy", nargs="*", type=int, default=(0, 2, 6))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each number")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    for n_busy in options.busy:
        print(f"\nbeside {n_busy} busy processes: medians (means)")
        print(" " * 16 + "".join(f"{rows:>15,}" for rows in options.rows), flush=True)
        with busy(n_busy):
            for name, cls in NETWORKS.items():
                sizes = tuple(map(int, name.split("-")))
                models = [fitted(sizes, cls, n_jobs) for n_jobs in (None, 1)]
                print(f"{name:16}", end="")
                for rows in options.rows:
                    X = rng.standard_normal((rows, sizes[0]), dtype=np.float32)
                    median, mean = ratios(models, X, options.seconds)
                    print(f"{f'{median:.2f} ({mean:.2f})':>15}", end="", flush=True)
                print(flush=True)


if __name__ == "__main__":
    main()
