"""Vanishing gradients and their cure; every activation on the same digits.

python docs/activations.py [--quick]
"""

import numpy as np
from page import accuracies, digits, is_quick, spread, table

from fastmlp import Network
from fastmlp.activations import ACTIVATIONS
from fastmlp.initializers import initial_params
from fastmlp.network import Structure, hidden_layer

DEEP = (32,) * 10
CASES = {
    "logistic, Glorot": {"activation": "logistic", "weight_init": "glorot_normal"},
    "tanh, Glorot": {"activation": "tanh", "weight_init": "glorot_normal"},
    "ReLU, He": {"activation": "relu", "weight_init": "he_normal"},
    "ReLU, He, batch norm": {"activation": "relu", "weight_init": "he_normal", "normalization": "batch"},
    "logistic, Glorot, batch norm": {
        "activation": "logistic",
        "weight_init": "glorot_normal",
        "normalization": "batch",
    },
}


def gradient_norms(X, y, activation, weight_init, normalization=None, *, seed=0):
    """Return the norm of the gradient of each layer's weights, before anything is learned."""
    sizes = (X.shape[1], *DEEP, 10)
    layers = [hidden_layer(activation, normalization)] * len(DEEP)
    network = Network(Structure.of(sizes, layers), objective="log_loss")
    start = initial_params(sizes, activation, np.float64, np.random.RandomState(seed), weight_init=weight_init)
    network.params[: start.size] = start
    _, gradient = network.loss_and_gradients(X, y.astype(np.int32))
    parts = Network(network.structure, gradient).named_parameters()
    return [np.linalg.norm(parts[f"coefs.{layer}"]) for layer in range(len(sizes) - 1)]


def vanishing(seeds):
    """Print each layer's gradient at the start, as the median over the seeds."""
    X, _, y, _ = digits()
    norms = [
        np.median([gradient_norms(X, y, **case, seed=seed) for seed in range(seeds)], axis=0) for case in CASES.values()
    ]
    shown = [0, 2, 4, 6, 8, 10]
    rows = [["output" if i == 10 else i + 1, *(f"{norm[i]:.1e}" for norm in norms)] for i in shown]
    table("Norm of the gradient of a layer's weights, before the first step:", ["layer", *CASES], rows)


def learning(seeds, epochs):
    """Print what these networks have learned after the same few epochs."""
    data, rates = digits(), (0.003, 0.01, 0.03, 0.1)
    rows = []
    for name, case in CASES.items():
        found = [
            accuracies(data, seeds, DEEP, solver="sgd", learning_rate_init=rate, max_iter=epochs, **case)
            for rate in rates
        ]
        rows.append([name, *map(spread, found)])
    header = ["network", *(f"rate {rate}" for rate in rates)]
    table(f"Accuracy on the test rows after {epochs} epochs, in percent:", header, rows)


def all_of_them(seeds, epochs):
    """Print every activation's accuracy: two hidden layers, and ten."""
    data, rows = digits(), []
    for name in ACTIVATIONS:
        case = {"activation": name, "weight_init": "lecun_normal" if name == "selu" else "he_normal"}
        two = accuracies(data, seeds, (64, 64), max_iter=epochs, **case)
        ten = accuracies(data, seeds, DEEP, max_iter=epochs, **case)
        rows.append([f"`{name}`", spread(two), spread(ten)])
    header = ["activation", "2 hidden layers of 64", "10 of 32"]
    table(f"Accuracy on the test rows after {epochs} epochs, in percent:", header, rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    vanishing(1 if quick else 5)
    learning(1 if quick else 5, 1 if quick else 15)
    all_of_them(1 if quick else 5, 1 if quick else 30)


if __name__ == "__main__":
    main()
