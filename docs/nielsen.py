"""The figures of Nielsen's book "Neural Networks and Deep Learning" (2015), chapters 1 and 3, again with fastmlp.

python docs/nielsen.py [--quick]

Needs mnist.npz with the arrays X_train (60 000 x 784, bytes), y_train, X_test and y_test, in the folder that the
environment variable FASTMLP_DATA names, or in the present one.
"""

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from page import is_quick, table
from sklearn.preprocessing import label_binarize

from fastmlp import MLPClassifier
from fastmlp.initializers import Normal
from fastmlp.optimizers import SGD

BATCH = 10
N_TRAIN = 50_000
#: For chapter 1 he takes the best of three.
STARTS = 3


class Run(NamedTuple):
    """One of his networks, and the accuracy he gives, in percent."""

    cost: str
    hidden: int
    eta: float
    decay: float
    epochs: int
    rows: str
    his: float


RUNS = [
    Run("quadratic", 30, 3.0, 0.0, 30, "test", 95.42),
    Run("quadratic", 100, 3.0, 0.0, 30, "test", 96.59),
    Run("cross-entropy", 30, 0.5, 0.0, 30, "test", 95.49),
    Run("cross-entropy", 100, 0.5, 0.0, 30, "test", 96.82),
    Run("cross-entropy", 30, 0.5, 5.0, 30, "test", 96.49),
    Run("cross-entropy", 100, 0.5, 5.0, 30, "validation", 97.92),
    Run("cross-entropy", 100, 0.1, 5.0, 60, "validation", 98.04),
]


def mnist():
    """Return images, from 0 to 1, and digits: 50 000 to learn from, 10 000 to validate and 10 000 to test."""
    path = Path(os.environ.get("FASTMLP_DATA", ".")) / "mnist.npz"
    if not path.exists():
        sys.exit(f"{path} does not exist; FASTMLP_DATA names the folder of mnist.npz")
    with np.load(path) as arrays:
        X, y, X_test, y_test = (arrays[name] for name in ("X_train", "y_train", "X_test", "y_test"))
    X, X_test = X.astype(np.float32) / 255, X_test.astype(np.float32) / 255
    return {
        "train": (X[:N_TRAIN], y[:N_TRAIN]),
        "validation": (X[N_TRAIN:], y[N_TRAIN:]),
        "test": (X_test, y_test),
    }


def model(run, n_train, seed):
    """Return his network, in this package's terms."""
    return MLPClassifier(
        (run.hidden,),
        "logistic",
        loss="squared_error" if run.cost == "quadratic" else "log_loss",
        solver=SGD(run.eta, momentum=0.0),
        batch_size=BATCH,
        # He takes the share eta lambda / n of each weight away in a step; here it is eta alpha / batch.
        alpha=run.decay * BATCH / n_train,
        weight_init=Normal(1.0),
        bias_init=Normal(1.0),
        # With a generator in place of a number, each epoch has an order of its own.
        random_state=np.random.RandomState(seed),
    )


def learn(run, data, epochs, seed):
    """Return the accuracy after each epoch, in percent, and the seconds that learning took."""
    X, y = data["train"]
    X_other, y_other = data[run.rows]
    # Ten logistic outputs with the cross-entropy of each: in scikit-learn's terms, ten labels.
    targets = y if run.cost == "quadratic" else label_binarize(y, classes=np.arange(10))
    network, accuracies, seconds = model(run, len(X), seed), [], 0.0
    for _ in range(epochs):
        start = time.perf_counter()
        network.partial_fit(X, targets, classes=np.arange(10))
        seconds += time.perf_counter() - start
        accuracies.append(100 * np.mean(network.predict_proba(X_other).argmax(axis=1) == y_other))
    return accuracies, seconds


def main():
    """Go through his runs; print a table."""
    quick, data, rows = is_quick(__doc__), mnist(), []
    for run in RUNS:
        epochs, seeds = (1, 1) if quick else (run.epochs, STARTS)
        curves, seconds = zip(*(learn(run, data, epochs, seed) for seed in range(seeds)), strict=True)
        best = max(curves, key=max)
        rows.append(
            [
                f"784-{run.hidden}-10, {run.cost}, η {run.eta}, λ {run.decay}, {run.epochs} epochs",
                run.rows,
                f"{run.his:.2f}",
                f"{max(best):.2f} ({1 + int(np.argmax(best))})",
                ", ".join(f"{curve[-1]:.2f}" for curve in curves),
                f"{np.median(seconds):.0f}",
            ]
        )
    header = ["network", "rows", "he", "here, best epoch of three starts", "last epoch of each", "seconds a start"]
    table("Accuracy in percent:", header, rows)


if __name__ == "__main__":
    main()
