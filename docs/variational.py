"""Variational autoencoders of digits: likelihoods of new images beside probabilistic PCA, and how many draws it takes.

python docs/variational.py [--quick]
"""

import numpy as np
from page import digits, is_quick, spread, table
from sklearn.decomposition import PCA

from fastmlp.zoo import VariationalAutoencoder


def noisy_digits():
    """Return training and test images with normal noise of 0.1, without which pixels that never change have none."""
    rng, (X, X_test, *_) = np.random.default_rng(0), digits()
    return [each + 0.1 * rng.standard_normal(each.shape) for each in (X, X_test)]


def likelihoods(seeds, epochs):
    """Print log densities of new images by the number of components: of normal decoders, and of probabilistic PCA."""
    X, X_test = noisy_digits()
    rows = []
    for n_components in (2, 8, 16):
        linear = PCA(n_components).fit(X)
        found = []
        for seed in range(seeds):
            model = VariationalAutoencoder(
                (128,), n_components, activation="relu", max_iter=epochs, random_state=seed, n_jobs=1
            )
            found.append(model.fit(X).score_samples(X_test, n_samples=500).mean())
        rows.append([n_components, f"{linear.score(X_test):.1f}", spread(found)])
    table(
        f"Log density of a new image in nats, after {epochs} epochs",
        ["components", "probabilistic PCA", "variational autoencoder"],
        rows,
    )


def draws(epochs):
    """Print the estimate of a log probability by the number of draws, for images of ones and zeros."""
    rng, (X, X_test, *_) = np.random.default_rng(0), digits()
    X, X_test = ((rng.random(each.shape) < each).astype(np.float32) for each in (X, X_test))
    model = VariationalAutoencoder((128,), 16, decoder="bernoulli", max_iter=epochs, random_state=0, n_jobs=1).fit(X)
    counts = (1, 10, 100, 1000)
    estimates = [f"{model.score_samples(X_test, n_samples=count).mean():.2f}" for count in counts]
    table(
        f"Log probability of a new image in nats, after {epochs} epochs",
        ["draws", *map(str, counts)],
        [["estimate", *estimates]],
    )


def main():
    """Run everything."""
    quick = is_quick(__doc__)
    likelihoods(1 if quick else 5, 2 if quick else 150)
    draws(2 if quick else 150)


if __name__ == "__main__":
    main()
