"""How good random features with a linear readout are: beside trained features, by number, by what alpha is.

python docs/extreme_learning.py [--quick]
"""

import numpy as np
from page import classifier, digits, is_quick, spread, table
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from fastmlp.zoo import ELMClassifier

UNITS = (50, 100, 200, 500, 1000, 2000)


def accuracies(make, seeds, data):
    """Return accuracies on the test rows, in percent, of a classifier from each seed."""
    X, X_test, y, y_test = data
    return [100 * make(seed).fit(X, y).score(X_test, y_test) for seed in range(seeds)]


def by_number(seeds, units, epochs):
    """Print accuracies with so many random units, and with as many trained ones."""
    data = digits()
    makers = {
        "`ELMClassifier`": lambda n: lambda seed: ELMClassifier(n, random_state=seed),
        "`RBFSampler`, `RidgeClassifier`": lambda n: (
            lambda seed: make_pipeline(RBFSampler(gamma="scale", n_components=n, random_state=seed), RidgeClassifier())
        ),
        "`MLPClassifier`": lambda n: lambda seed: classifier((n,), random_state=seed, max_iter=epochs),
    }
    rows = [[name, *(spread(accuracies(make(n), seeds, data)) for n in units)] for name, make in makers.items()]
    table("Digits, 1000 rows: accuracy in percent by the number of hidden units", ["", *map(str, UNITS)], rows)


def by_penalty(seeds, units):
    """Print accuracies by the strength of the ridge penalty, chosen and given."""
    data, alphas = digits(), (1e-6, 1e-2, 1.0, 100.0)
    names = [*(f"{alpha:g}" for alpha in alphas), "best of 10"]
    given = [*alphas, np.logspace(-6, 3, 10)]
    rows = [
        [f"{n} units", *(spread(accuracies(lambda s, n=n, a=a: ELMClassifier(n, alpha=a, random_state=s), seeds, data))
                         for a in given)]
        for n in units
    ]  # fmt: skip
    table("Digits, 1000 rows: accuracy in percent by alpha", ["", *names], rows)


def main():
    """Print all tables."""
    quick = is_quick(__doc__)
    by_number(1 if quick else 5, (5,) * len(UNITS) if quick else UNITS, 2 if quick else 50)
    by_penalty(1 if quick else 5, (200, 1000))


if __name__ == "__main__":
    main()
