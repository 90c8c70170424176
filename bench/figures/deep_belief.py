"""Figures of the deep belief network."""

import warnings

import numpy as np

from fastmlp.exceptions import UnlabelledWarning
from fastmlp.zoo import DeepBeliefNetworkClassifier
from figures import figure, mnist


@figure("deep_belief_mnist", "MNIST 784-500-500-2000-10: at most 1.35 % of test images wrong", seconds=2400)
def whole() -> tuple[str, bool]:
    """Pretrain for 30 epochs of each layer, and fine-tune for 60; the last epoch counts."""
    X, y, X_test, y_test = mnist()
    model = DeepBeliefNetworkClassifier(
        pretraining_epochs=30,
        pretraining_batch_size=100,
        solver="sgd",
        learning_rate="cosine",
        learning_rate_init=0.1,
        batch_size=100,
        max_iter=60,
        tol=0.0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)
    error = 100 * (1 - model.score(X_test, y_test))
    return f"{error:.2f} %", error <= 1.35


@figure(
    "deep_belief_1000_labels",
    "MNIST 784-500-500-10, 1000 labels: fewer errors than without pretraining on the other images",
    seconds=120,
)
def few_labels() -> tuple[str, bool]:
    """Pretrain for 5 epochs on 60 000 images, or on none; learn 1000 labels."""
    X, y, X_test, y_test = mnist()
    y = y.astype(int)
    y[1000:] = -1
    errors = []
    for epochs in (5, 0):
        model = DeepBeliefNetworkClassifier(
            (500, 500),
            pretraining_epochs=epochs,
            pretraining_batch_size=100,
            batch_size=50,
            max_iter=60,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnlabelledWarning)
            errors.append(100 * (1 - model.fit(X, y).score(X_test, y_test)))
    return f"{errors[0]:.2f} %, without {errors[1]:.2f} %", errors[0] < errors[1]
