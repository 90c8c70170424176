"""How large a signal is after ten layers; why zeros never learn; what forty residual layers begin with.

python docs/initializers.py [--quick]
"""

import numpy as np
from page import accuracies, classifier, digits, is_quick, spread, table
from threadpoolctl import threadpool_limits

from fastmlp.activations import activation_of
from fastmlp.initializers import INITIALIZERS, Constant, Normal, initial_params
from fastmlp.network import Network, Structure

WIDTHS = (256,) * 11
INITS = {
    "`Normal(0.01)`": Normal(0.01),
    "`Normal(1.0)`": Normal(1.0),
    "`lecun_normal`": "lecun_normal",
    "`glorot_normal`": "glorot_normal",
    "`he_normal`": "he_normal",
    "`orthogonal`": "orthogonal",
}


def mean_squares(activation, weight_init, *, seed=0):
    """Return the mean square of each layer's output, given standard normal inputs."""
    params = initial_params(WIDTHS, activation, np.float64, np.random.RandomState(seed), weight_init=weight_init)
    network = Network(Structure.of(WIDTHS, activation), params)
    f, signal, found = activation_of(activation), np.random.RandomState(seed + 1).normal(size=(500, WIDTHS[0])), []
    for W, b in zip(network.coefs, network.intercepts, strict=True):
        signal = f(signal @ W + b)
        found.append(np.mean(signal**2))
    return found


def variances():
    """Print how large the signal is after 1, 5 and 10 layers."""
    for activation in ("relu", "tanh"):
        found = {name: mean_squares(activation, init) for name, init in INITS.items()}
        rows = [[name, *(f"{signal[layer - 1]:.1e}" for layer in (1, 5, 10))] for name, signal in found.items()]
        table(f"{activation}: mean square of a layer's outputs", ["initial weights", "layer 1", "5", "10"], rows)


def symmetry(epochs):
    """Print what becomes of hidden units that begin equal."""
    X, X_test, y, y_test = digits()
    rows = []
    for init in (Constant(0.0), Constant(0.1), Normal(0.01)):
        clf = classifier((64,), "tanh", weight_init=init, max_iter=epochs, random_state=0).fit(X, y)
        different = len(np.unique(clf.coefs_[0].round(6), axis=1).T)
        rows.append([f"`{init!r}`", different, f"{100 * clf.score(X_test, y_test):.1f}"])
    table(f"64 hidden units after {epochs} epochs:", ["initial weights", "units that differ", "accuracy"], rows)


def all_of_them(seeds, epochs):
    """Print every initializer's accuracy in a network of six hidden layers."""
    data, hidden = digits(), (64,) * 6
    rows = [
        [
            f"`{name}`",
            *(spread(accuracies(data, seeds, hidden, f, weight_init=name, max_iter=epochs)) for f in ("relu", "tanh")),
        ]
        for name in INITIALIZERS
    ]
    table(
        f"Accuracy after {epochs} epochs, 6 hidden layers of 64, in percent:", ["`weight_init`", "relu", "tanh"], rows
    )


DEEP = {
    "dense, `auto`": {},
    "dense, `he_normal`": {"weight_init": "he_normal"},
    "residual, `glorot_uniform`": {"kind": "residual", "weight_init": "glorot_uniform"},
    "residual, `auto`": {"kind": "residual"},
    "residual, `auto`, layer normalization": {"kind": "residual", "normalization": "layer"},
}


def gradient_norms(X, y, **case):
    """Return the norms of the gradients by the weights of the layers in a new network of 40 hidden layers."""
    network = Network.create([64] * 41 + [10], "relu", "log_loss", random_state=0, **case)
    gradient = network.loss_and_gradients(X, y.astype(np.int32))[1]
    return [np.linalg.norm(part) for part in Network(network.structure, gradient).coefs]


def residual_layers(seeds, epochs):
    """Print the gradients of forty layers at the start, and what they have learned in the end."""
    data = digits()
    X, y = data[0], data[2]
    X, rows = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9), []
    for name, case in DEEP.items():
        norms = gradient_norms(X, y, **case)
        parameters = {key: value for key, value in case.items() if key != "kind"}
        found = accuracies(
            data, seeds, (64,) * 40, residual="kind" in case, standardize=True, max_iter=epochs, **parameters
        )
        rows.append([name, *(f"{norms[i]:.1e}" for i in (0, 19, 39, 40)), spread(found)])
    header = ["hidden layers", "layer 1", "20", "40", "output", "accuracy"]
    table(f"Norms of 40 layers' gradients at the start, and accuracy after {epochs} epochs:", header, rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    with threadpool_limits(1):  # on a busy machine BLAS's threads would mostly wait for each other
        variances()
    symmetry(1 if quick else 20)
    all_of_them(1 if quick else 5, 1 if quick else 5)
    residual_layers(1 if quick else 5, 1 if quick else 25)


if __name__ == "__main__":
    main()
