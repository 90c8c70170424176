"""Why a saturated unit learns slowly from the squared error; outliers; intervals; margins; unequal classes.

python docs/losses.py [--quick]
"""

import time

import numpy as np
from page import is_quick, table
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.losses import Focal, Pinball
from fastmlp.network import Network, Structure


def saturated_unit(epochs):
    """Print the output of one logistic unit that is to learn 0 for the input 1, and begins far away."""
    X, y, columns = np.ones((1, 1)), np.zeros((1, 1)), []
    for start in (0.5, 2.0):
        for loss in ("quadratic", "binary_log_loss"):
            network = Network(Structure.of([1, 1], []), np.array([start, start]), objective=loss)
            outputs = []
            for _ in range(max(epochs) + 1):
                outputs.append(network.forward(X)[0, 0])
                network.params -= 0.15 * network.loss_and_gradients(X, y)[1]
            columns.append(outputs)
    rows = [[epoch, *(f"{column[epoch]:.2f}" for column in columns)] for epoch in epochs]
    header = ["step", "squared error, w = b = 0.5", "log loss", "squared error, w = b = 2", "log loss "]
    table("Output of a unit that is to give 0:", header, rows)


def outliers(epochs):
    """Print the error on clean rows, after learning from rows of which a tenth is wrong by far."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-3, 3, (1000, 1))
    clean = np.sin(2 * X[:, 0])
    y = clean + rng.normal(0, 0.1, len(X)) + 20 * (rng.uniform(size=len(X)) < 0.1)
    rows = []
    for loss in ("squared_error", "huber", "absolute_error"):
        reg = regressor(loss, epochs).fit(X, y)
        rows.append([f"`{loss}`", f"{np.mean(np.abs(reg.predict(X) - clean)):.2f}"])
    table("Mean absolute error against the curve without noise:", ["loss", "error"], rows)


def regressor(loss, epochs):
    """Return a regressor for these curves."""
    return MLPRegressor(
        loss,
        (64, 64),
        learning_rate_init=0.003,
        max_iter=epochs,
        batch_size=64,
        n_iter_no_change=np.inf,
        random_state=0,
    )


def intervals(epochs):
    """Print how many new rows lie below each quantile that was learned."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-3, 3, (4000, 1))
    y = np.sin(2 * X[:, 0]) + rng.normal(0, 0.1 + 0.1 * np.abs(X[:, 0]))
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    quantiles = [0.05, 0.5, 0.95]
    predicted = regressor(Pinball(quantiles), epochs).fit(X, y).predict(X_test)
    rows = [[q, f"{np.mean(y_test < p):.3f}"] for q, p in zip(quantiles, predicted.T, strict=True)]
    table("Share of 1000 new rows below the predicted quantile:", ["quantile", "below"], rows)


def rare_class(epochs, seeds):
    """Print what is found of a class that one row in fifty belongs to."""
    cases = {
        "log loss": {},
        "log loss, balanced": {"class_weight": "balanced"},
        "focal, gamma 2": {"loss": Focal(2.0)},
        "focal, gamma 2, balanced": {"loss": Focal(2.0), "class_weight": "balanced"},
    }
    rows = []
    for name, case in cases.items():
        shares = []
        for seed in range(seeds):
            X, y = make_classification(
                10000, 20, n_informative=8, weights=[0.98], flip_y=0, class_sep=0.7, random_state=seed
            )
            X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
            clf = MLPClassifier((32,), max_iter=epochs, n_iter_no_change=np.inf, random_state=seed, **case).fit(X, y)
            found = clf.predict(X_test) == 1
            shares.append([np.mean(found[y_test == 1]), np.mean(y_test[found]) if found.any() else 0.0])
        rows.append([name, *(f"{100 * share:.0f}" for share in np.mean(shares, axis=0))])
    table("Of the rare class, in percent:", ["loss", "found", "right where found"], rows)


def margins(epochs):
    """Print how far the hyperplane of the hinge is from that of support vector machines."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)

    def plane(weights, intercept):
        numbers = np.append(np.ravel(weights), intercept)
        return numbers / np.linalg.norm(numbers)

    rows = []
    for loss in ("hinge", "squared_hinge"):
        start = time.perf_counter()
        clf = MLPClassifier((), loss=loss, alpha=1.0, batch_size=len(X), learning_rate="cosine")
        clf.set_params(learning_rate_init=0.05, max_iter=epochs, n_iter_no_change=np.inf, random_state=0).fit(X, y)
        seconds = time.perf_counter() - start
        svc = LinearSVC(C=1.0, loss=loss, dual=loss == "hinge", intercept_scaling=100, tol=1e-10, max_iter=3_000_000)
        svc.set_params(random_state=0).fit(X, y)
        apart = np.abs(plane(clf.coefs_[0], clf.intercepts_[0]) - plane(svc.coef_, svc.intercept_)).max()
        rows.append([f"`{loss}`", f"{apart:.4f}", f"{seconds:.1f}", f"{np.mean(clf.predict(X) == svc.predict(X)):.3f}"])
    header = ["loss", "largest difference of a number", "seconds", "same predictions"]
    table("Hyperplanes of length 1, beside those of LinearSVC, on the breast cancer table:", header, rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    saturated_unit((0, 50, 100, 150, 300))
    outliers(1 if quick else 200)
    intervals(1 if quick else 100)
    margins(10 if quick else 20000)
    rare_class(1 if quick else 60, 1 if quick else 5)


if __name__ == "__main__":
    main()
