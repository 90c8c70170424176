"""What gradients of inputs are for: images that fool a network, a variational autoencoder of two, and features.

python docs/composition.py [--quick]
"""

import numpy as np
from page import classifier, digits, is_quick, spread, table
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from fastmlp import Network
from fastmlp.optimizers import Adam


def fooled(seeds, epochs):
    """Print accuracies on test images whose pixels have been moved, at random and along the sign of the gradient."""
    X, X_test, y, y_test = digits()
    steps = (0.0, 0.05, 0.1, 0.2)
    found = {"at random": [], "along the gradient": []}
    for seed in range(seeds):
        clf = classifier(random_state=seed, max_iter=epochs).fit(X, y)
        slopes = clf.to_network().input_gradients(X_test, targets=y_test)
        noise = np.random.default_rng(seed).standard_normal(X_test.shape)
        for name, direction in (("at random", noise), ("along the gradient", slopes)):
            found[name].append([100 * clf.score(X_test + step * np.sign(direction), y_test) for step in steps])
    rows = [[name, *map(spread, np.transpose(accuracies))] for name, accuracies in found.items()]
    table(
        f"Every pixel moved by a step, after {epochs} epochs: accuracy in percent",
        ["direction", *map(str, steps)],
        rows,
    )


class VariationalAutoencoder:
    """An encoder that tells mean and log variance of a code, and a decoder of codes that are drawn from there."""

    def __init__(self, n_inputs, n_code, seed):
        self.n_code, self.rng = n_code, np.random.default_rng(seed)
        self.encoder = Network.create([n_inputs, 64, 2 * n_code], "tanh", random_state=seed)
        # The loss only tells the link here: pixels from 0 to 1.
        self.decoder = Network.create([n_code, 64, n_inputs], "tanh", "binary_log_loss", random_state=seed)
        self.networks = self.encoder, self.decoder
        self.optimizers = [Adam(0.003) for _ in self.networks]
        self.states = [
            optimizer.init([network.params]) for optimizer, network in zip(self.optimizers, self.networks, strict=True)
        ]

    def gradients(self, X, weight_of_prior=0.05):
        """Return the gradient of each network: of half the squared error and the codes' divergence from normal ones."""
        mean, log_variance = np.split(self.encoder.forward(X, keep=True), 2, axis=1)
        noise, deviation = self.rng.standard_normal(mean.shape), np.exp(log_variance / 2)
        images = self.decoder.forward(mean + deviation * noise, keep=True)
        of_decoder, of_codes = self.decoder.backward((images - X) / len(X), inputs=True)
        prior = weight_of_prior / len(X)
        of_mean = of_codes + prior * mean
        of_log_variance = of_codes * noise * deviation / 2 + prior * (deviation**2 - 1) / 2
        return self.encoder.backward(np.hstack([of_mean, of_log_variance])), of_decoder

    def fit(self, X, epochs, batch_size=50):
        """Train both networks by Adam."""
        for _ in range(epochs):
            for rows in np.array_split(self.rng.permutation(len(X)), len(X) // batch_size):
                for network, optimizer, state, gradient in zip(
                    self.networks, self.optimizers, self.states, self.gradients(X[rows]), strict=True
                ):
                    optimizer.step([network.params], [gradient], state)
        return self

    def reconstruct(self, X):
        """Return images from the codes' means."""
        return self.decoder.forward(self.encoder.forward(X)[:, : self.n_code])


def codes(seeds, epochs):
    """Print what is left of the variance of test images, when few numbers tell of each."""
    X, X_test, _, _ = digits()
    variance = ((X_test - X.mean(axis=0)) ** 2).sum()
    rows = []
    for n_code in (2, 4, 8):
        linear = PCA(n_code).fit(X)
        images = linear.inverse_transform(linear.transform(X_test))
        errors = [
            100 * ((VariationalAutoencoder(64, n_code, seed).fit(X, epochs).reconstruct(X_test) - X_test) ** 2).sum()
            / variance
            for seed in range(seeds)
        ]  # fmt: skip
        rows.append([n_code, f"{100 * ((images - X_test) ** 2).sum() / variance:.1f}", spread(errors)])
    table(
        f"Squared error of images from their codes, in percent of the variance, after {epochs} epochs:",
        ["numbers in a code", "principal components", "variational autoencoder"],
        rows,
    )


def features(seeds, epochs):
    """Print accuracies of other classifiers on pixels, and on the hidden layers of a network of the same rows."""
    X, X_test, y, y_test = digits()
    found = {"pixels": [], "first hidden layer": [], "last hidden layer": []}
    for seed in range(seeds):
        net = classifier((64, 16), random_state=seed, max_iter=epochs).fit(X, y)
        for name, layer in zip(found, (None, 0, -1), strict=True):
            rows, test_rows = (given if layer is None else net.transform(given, layer) for given in (X, X_test))
            others = LogisticRegression(max_iter=5000), KNeighborsClassifier()
            found[name].append([100 * other.fit(rows, y).score(test_rows, y_test) for other in others])
    table(
        f"Other classifiers on layers of 64 and 16 units, after {epochs} epochs: accuracy in percent",
        ["features", "logistic regression", "5 nearest neighbours"],
        [[name, *map(spread, np.transpose(accuracies))] for name, accuracies in found.items()],
    )


def main():
    """Run everything."""
    quick = is_quick(__doc__)
    seeds = 1 if quick else 5
    fooled(seeds, 2 if quick else 30)
    codes(seeds, 2 if quick else 100)
    features(seeds, 2 if quick else 30)


if __name__ == "__main__":
    main()
