"""Time per training epoch, fastmlp beside scikit-learn, in one process and in turn.

python bench/compare.py [case ...] [--rounds N] [--dtype float32]
"""

import argparse
import statistics
import time
import warnings

import numpy as np
import sklearn.neural_network
from cases import TRAINING
from sklearn.exceptions import ConvergenceWarning

import fastmlp

ENGINES = {"fastmlp": fastmlp.MLPClassifier, "scikit-learn": sklearn.neural_network.MLPClassifier}


def seconds_per_epoch(engine, case, X, y):
    """One fit of the case's epochs, its set-up included."""
    model = ENGINES[engine](
        case.sizes[1:-1], batch_size=case.batch, max_iter=case.epochs, n_iter_no_change=np.inf, tol=0, random_state=0
    )
    time.sleep(0.2)  # the threads of the engine before may still be spinning
    start = time.perf_counter()
    model.fit(X, y)
    return (time.perf_counter() - start) / case.epochs


def main():
    """Print a table: median time, GF/s and ratio for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=[], metavar="case", help=f"of {', '.join(TRAINING)}; default all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    fastmlp.show_config()
    print(f"\n{'case':5}{'fastmlp':>12}{'GF/s':>7}{'scikit-learn':>15}{'ratio':>8}   (ms per epoch, {options.dtype})")
    for name in options.cases or TRAINING:
        case = TRAINING[name]
        X, y = case.data(options.dtype)
        times = {engine: [] for engine in ENGINES}
        for _ in range(options.rounds):
            for engine, seen in times.items():
                seen.append(seconds_per_epoch(engine, case, X, y))
        ours, theirs = (statistics.median(seen) for seen in times.values())
        print(
            f"{name:5}{ours * 1e3:12.3f}{case.flops_per_epoch / ours / 1e9:7.0f}{theirs * 1e3:15.3f}"
            f"{theirs / ours:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
