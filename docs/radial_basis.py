"""How good Gaussian units with a linear readout are: by their number, by where centres come from, by their width.

python docs/radial_basis.py [--quick]
"""

from page import digits, is_quick, spread, table
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from fastmlp.zoo import RBFClassifier

CENTERS = (20, 50, 100, 300)
# In RBFSampler's and Nystroem's terms, about the width that 'auto' finds for 100 centres.
GAMMA = 0.04


def accuracies(make, seeds, data):
    """Return accuracies on the test rows, in percent, of a classifier from each seed."""
    X, X_test, y, y_test = data
    return [100 * make(seed).fit(X, y).score(X_test, y_test) for seed in range(seeds)]


def nystroem(n, seed):
    """Return scikit-learn's pipeline for the same thing with samples as centres."""
    return make_pipeline(Nystroem(gamma=GAMMA, n_components=n, random_state=seed), RidgeClassifier(0.01))


def by_centers(seeds, epochs):
    """Print accuracies by the number of centres and where they come from."""
    data = digits()
    rows = []
    for centers in ("random", "kmeans", "learned"):
        found = [
            accuracies(
                lambda s, n=n, c=centers: RBFClassifier(n, centers=c, max_iter=epochs, random_state=s), seeds, data
            )
            for n in CENTERS
        ]
        rows.append([f"`centers='{centers}'`", *map(spread, found)])
    found = [accuracies(lambda s, n=n: nystroem(n, s), seeds, data) for n in CENTERS]
    rows.append(["`Nystroem`, `RidgeClassifier`", *map(spread, found)])
    table("Digits, 1000 rows: accuracy in percent by the number of centres", ["", *map(str, CENTERS)], rows)
    print(f"\nSVC with all rows as candidates: {spread(accuracies(lambda s: SVC(), 1, data))}")


def by_width(seeds):
    """Print accuracies by the width of the units, in that of width='auto'."""
    data, factors = digits(), (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
    rows = []
    for n in (50, 300):
        automatic = RBFClassifier(n, random_state=0).fit(*data[::2]).widths_[0]
        found = [
            accuracies(lambda s, n=n, w=f * automatic: RBFClassifier(n, w, random_state=s), seeds, data)
            for f in factors
        ]
        rows.append([f"{n} centres", *map(spread, found)])
    table("Digits, 1000 rows: accuracy in percent by the width, over that of 'auto'", ["", *map(str, factors)], rows)


def main():
    """Print all tables."""
    quick = is_quick(__doc__)
    by_centers(1 if quick else 3, 1 if quick else 50)
    by_width(1 if quick else 5)


if __name__ == "__main__":
    main()
