"""When pretraining pays: few labels and many images without one.

python docs/deep_belief.py [--quick]
"""

import warnings

import numpy as np
from page import digits, is_quick, spread, table

from fastmlp import MLPClassifier
from fastmlp.exceptions import UnlabelledWarning
from fastmlp.zoo import DeepBeliefNetworkClassifier

warnings.filterwarnings("ignore", category=UnlabelledWarning)


def labels(seeds, epochs):
    """Print accuracies by the number of labels, with and without pretraining on all images."""
    X, X_test, y, y_test = digits()
    counts = (50, 100, 300, 1000)
    found = {"deep belief network": [], "the same without pretraining": [], "perceptron, relu": []}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(X))
        for name, scores in found.items():
            scores.append([])
            for n in counts:
                known = y.copy()
                known[order[n:]] = -1
                if name == "perceptron, relu":
                    model = MLPClassifier((100, 100), max_iter=300, learning_rate_init=0.003, random_state=seed)
                    model.fit(X[order[:n]], y[order[:n]])
                else:
                    model = DeepBeliefNetworkClassifier(
                        (100, 100),
                        pretraining_epochs=epochs if name == "deep belief network" else 0,
                        max_iter=300,
                        learning_rate_init=0.003,
                        random_state=seed,
                    ).fit(X, known)
                scores[-1].append(100 * model.score(X_test, y_test))
    table(
        "Accuracy on test images, in percent, of 64-100-100-10 networks",
        ["labels", *counts],
        [[name, *map(spread, np.transpose(scores))] for name, scores in found.items()],
    )


if __name__ == "__main__":
    quick = is_quick(__doc__)
    labels(*((1, 1) if quick else (5, 50)))
