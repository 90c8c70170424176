"""How likely digits are to restricted Boltzmann machines, by how these learn; what their hidden units are worth.

python docs/restricted_boltzmann.py [--quick]
"""

import numpy as np
from page import digits, is_quick, spread, table
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from fastmlp import MLPClassifier
from fastmlp.zoo import RestrictedBoltzmannMachine


def likelihoods(seeds, epochs):
    """Print mean log-likelihoods of test images, whose pixels are on or off, of machines that learned in three ways."""
    X, X_test, _, _ = ((each > 0.45).astype(np.float32) if each.ndim == 2 else each for each in digits())
    p = (X.sum(axis=0) + 0.5) / (len(X) + 1)
    alone = (X_test * np.log(p) + (1 - X_test) * np.log(1 - p)).sum(axis=1).mean()
    rows = [["pixels on their own", "", f"{alone:.1f}", ""]]
    for name, how in (
        ("CD-1", {}),
        ("CD-10", {"n_gibbs": 10}),
        ("persistent chains", {"learning": "pcd", "learning_rate_init": 0.02, "learning_rate": "linear"}),
    ):
        for units in (15, 100):
            found = []
            for seed in range(seeds):
                model = RestrictedBoltzmannMachine(units, max_iter=epochs, random_state=seed, **how).fit(X)
                if units > 16:
                    model.estimate_log_partition(100, 3000)
                found.append((model.score(X_test), model.score(X) - model.score(X_test)))
            rows.append([name, units, *map(spread, np.transpose(found))])
    table(
        f"Mean log-likelihood of a test image, in nats, after {epochs} epochs",
        ["learned by", "hidden units", "of test images", "of those of training: more by"],
        rows,
    )


def features(seeds, epochs):
    """Print accuracies of a linear classifier on hidden units, beside those on what else there is."""
    X, X_test, y, y_test = digits()
    rows = []

    def accuracy(transform):
        linear = LogisticRegression(C=10, max_iter=5000).fit(transform(X), y)
        return 100 * linear.score(transform(X_test), y_test)

    rows.append(["the pixels", f"{accuracy(lambda v: v):.1f}"])
    rows.append(["32 principal components", f"{accuracy(PCA(32, random_state=0).fit(X).transform):.1f}"])
    for units in (32, 200):
        found = [
            accuracy(
                RestrictedBoltzmannMachine(units, batch_size=10, max_iter=epochs, random_state=seed).fit(X).transform
            )
            for seed in range(seeds)
        ]
        rows.append([f"{units} hidden units of a machine", spread(found)])
    perceptron = [
        100 * MLPClassifier((200,), max_iter=200, random_state=seed).fit(X, y).score(X_test, y_test)
        for seed in range(seeds)
    ]
    rows.append(["(a perceptron of 200 hidden units)", spread(perceptron)])
    table("Accuracy of logistic regression on test images, in percent", ["on", "accuracy"], rows)


if __name__ == "__main__":
    quick = is_quick(__doc__)
    likelihoods(*((1, 2) if quick else (3, 100)))
    features(*((1, 2) if quick else (3, 50)))
