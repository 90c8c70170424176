"""Many models at once: 32 fits of case S one after another, in threads, in a grid search, and in processes.

python bench/many.py [--fits N] [--epochs N] [--rounds N] [--jobs N]

Each fit uses one thread where several run at a time in one process; processes share out the CPUs among themselves.
Medians, and the share of the time that the fits take one after another, each with one thread.
"""

import argparse
import statistics
import time
import warnings

import joblib
import machine
import numpy as np
from cases import TRAINING
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from fastmlp import MLPClassifier
from fastmlp.threads import team_size

CASE = TRAINING["S"]


def model(epochs, n_jobs, seed=0):
    """A model that trains for so many epochs."""
    return MLPClassifier(
        CASE.sizes[1:-1], batch_size=CASE.batch, max_iter=epochs, n_iter_no_change=np.inf, tol=0.0,
        random_state=seed, n_jobs=n_jobs,
    )  # fmt: skip


def fit(X, y, epochs, n_jobs, seed):
    """Fit one model; return the threads a fit takes here."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    model(epochs, n_jobs, seed).fit(X, y)
    return team_size(n_jobs, 1e12)


def in_turn(X, y, options):
    """One after another, one thread each."""
    for seed in range(options.fits):
        fit(X, y, options.epochs, 1, seed)


def in_threads(X, y, options):
    """joblib's threads."""
    fits = (joblib.delayed(fit)(X, y, options.epochs, 1, seed) for seed in range(options.fits))
    joblib.Parallel(options.jobs, backend="threading")(fits)


def in_search(X, y, options):
    """GridSearchCV with joblib's threads: candidates times one split that trains on all rows."""
    every_row = np.arange(len(X))
    search = GridSearchCV(
        model(options.epochs, 1), {"random_state": list(range(options.fits))}, n_jobs=options.jobs, refit=False,
        cv=[(every_row, every_row[:1])],
    )  # fmt: skip
    with joblib.parallel_config("threading"):
        search.fit(X, y)


def in_processes(X, y, options):
    """loky's processes; n_jobs=None, so that each takes its share of the CPUs."""
    fits = (joblib.delayed(fit)(X, y, options.epochs, None, seed) for seed in range(options.fits))
    options.shares = set(joblib.Parallel(options.jobs, backend="loky")(fits))


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=machine.n_cpus(), help="default: all CPUs")
    options = parser.parse_args()
    X, y = CASE.data(np.float32)
    in_processes(X, y, options)  # starting the processes is not timed
    ways = (in_turn, in_threads, in_search, in_processes)
    times = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            start = time.perf_counter()
            way(X, y, options)
            times[way].append(time.perf_counter() - start)
    print(f"{options.fits} fits of case S, {options.epochs} epochs each, {options.jobs} at a time")
    for way in ways:
        seconds = statistics.median(times[way])
        print(f"{way.__name__:13} {seconds:6.2f} s  {seconds / statistics.median(times[in_turn]):.2f}")
    print(f"threads of a fit in one of {options.jobs} processes on {machine.n_cpus()} CPUs: {sorted(options.shares)}")


if __name__ == "__main__":
    main()
