"""What the scripts of these pages share: scikit-learn's digits, fits from several starts, and tables."""

import argparse
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from fastmlp import MLPClassifier

# All runs have a fixed number of epochs, which is no reason to warn.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def is_quick(doc):
    """Read the command line: whether to go through the motions only, with few epochs and one start."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few epochs, one start: to see that it runs")
    return parser.parse_args().quick


def digits(n_train=1000, seed=0):
    """Return X_train, X_test, y_train, y_test: 8x8 images with pixels from 0 to 1, 797 of them to test on."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=797, stratify=y, random_state=0)
    if n_train < len(X):
        X, _, y, _ = train_test_split(X, y, train_size=n_train, stratify=y, random_state=seed)
    return X, X_test, y, y_test


def classifier(hidden=(64, 64), activation="relu", **parameters):
    """Return a classifier that goes through all its epochs, whatever the loss does."""
    return MLPClassifier(hidden, activation, **{"batch_size": 32, "n_iter_no_change": np.inf, "n_jobs": 1} | parameters)


def accuracies(data, seeds, hidden=(64, 64), activation="relu", **parameters):
    """Return the accuracies on the test rows, in percent, of a fit from each seed; 0 for one that diverged."""
    X, X_test, y, y_test = data
    found = []
    for seed in range(seeds):
        with np.errstate(all="ignore"):
            try:
                found.append(
                    100
                    * classifier(hidden, activation, random_state=seed, **parameters).fit(X, y).score(X_test, y_test)
                )
            except ValueError as error:
                if "non-finite" not in str(error):
                    raise
                found.append(0.0)
    return found


def spread(values, digits=1):
    """Return mean and standard deviation as text."""
    return f"{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}"


def table(title, header, rows):
    """Print a table in Markdown."""
    print(f"\n{title}\n")
    for row in [header, ["---"] * len(header), *rows]:
        print("|", " | ".join(map(str, row)), "|")
