"""What each feature costs: an epoch with it over an epoch without, in turn in one run.

python bench/features.py [--rounds N] [--only TEXT]

Case M for activations, dropout and normalisations, against relu without them; case L for the optimizers with a fused
rule, against adam; case S, in fits of thirty epochs, for callbacks. Each ratio is the median over the rounds of the
time with the feature over that of the plain epoch beside it. Beside it stands the most it is meant to be.
"""

import argparse
import os
import statistics
import tempfile
import time
import warnings

import numpy as np
from cases import TRAINING

from fastmlp import MLPClassifier
from fastmlp.activations import ACTIVATIONS
from fastmlp.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint, ProgressBar
from fastmlp.optimizers import OPTIMIZERS, Fused

ACTIVATION, OPTIMIZER = 1.25, 1.15
FEATURES = {
    "dropout": ({"dropout": 0.5}, 1.15),
    "dropout, inputs too": ({"dropout": 0.5, "input_dropout": 0.2}, None),
    "layer norm": ({"normalization": "layer"}, 1.20),
    "batch norm": ({"normalization": "batch"}, 1.25),
    "standardize": ({"standardize": True}, None),
    "input noise": ({"input_noise": 0.1}, None),
    "l1": ({"l1": 1e-4}, None),
    "clip by value": ({"gradient_clip_value": 1.0}, None),
    "clip by norm": ({"gradient_clip_norm": 1.0}, None),
    "max norm": ({"max_norm": 3.0}, None),
    "ema": ({"ema": 0.999}, None),
    "label smoothing": ({"label_smoothing": 0.1}, None),
    "cosine schedule": ({"learning_rate": "cosine"}, None),
}


FOLDER = tempfile.mkdtemp()
CALLBACKS = {
    "progress bar": (ProgressBar("always"), 1.05),
    "CSV": (CSVLogger(os.path.join(FOLDER, "epochs.csv")), None),
    "early stopping": (EarlyStopping("loss", patience=1000), None),
    "checkpoint": (ModelCheckpoint(os.path.join(FOLDER, "model.fastmlp")), None),
}


class Batches(Callback):
    """Hears of every batch."""

    def on_batch_end(self, fit):
        """Do nothing."""


def features():
    """Each feature's name, case, parameters and the most it is meant to cost."""
    for name in sorted(set(ACTIVATIONS) - {"relu"}):
        yield name, "M", {"activation": name}, ACTIVATION
    for name, (params, most) in FEATURES.items():
        yield name, "M", params, most
    for name, cls in OPTIMIZERS.items():
        if issubclass(cls, Fused) and name != "adam":
            yield name, "L", {"solver": name, "batch_size": TRAINING["L"].batch}, OPTIMIZER
    for name, (callback, most) in {**CALLBACKS, "a hook for batches": (Batches(), None)}.items():
        yield name, "S", {"callbacks": [callback]}, most


def epoch_time(case, X, y, params, whole_fits):
    """Seconds of an epoch, or of a fit: of the second and third, so that what is made once does not count."""
    common = {"batch_size": case.batch, "random_state": 0, "tol": 0.0, "n_iter_no_change": 1000, "verbose": False}
    model = MLPClassifier(case.sizes[1:-1], max_iter=30, **{**common, **params})
    times = []
    for _ in range(3):
        start = time.perf_counter()
        if whole_fits:
            model.fit(X, y)
        else:
            model.partial_fit(X, y, classes=np.arange(case.sizes[-1]))
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="features whose name has this in it")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # thirty epochs are not meant to be enough
    for name, case_name, params, most in features():
        if options.only not in name:
            continue
        case = TRAINING[case_name]
        X, y = case.data(np.float32)
        ratios = []
        whole_fits = "callbacks" in params
        for _ in range(options.rounds):
            plain = epoch_time(case, X, y, {}, whole_fits)
            ratios.append(epoch_time(case, X, y, params, whole_fits) / plain)
        limit = "" if most is None else f"  (at most {most:.2f})"
        print(f"{case_name}  {name:20} {statistics.median(ratios):.2f}{limit}", flush=True)


if __name__ == "__main__":
    main()
