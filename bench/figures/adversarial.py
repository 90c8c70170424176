"""Figures of adversarial networks: eight Gaussians on a ring, and densities of MNIST by Parzen windows."""

import numpy as np
from scipy.special import logsumexp

from fastmlp.zoo import GAN
from figures import figure, mnist

RADIUS, STD = 2.0, 0.02
CENTRES = RADIUS * np.stack([np.cos(np.pi / 4 * np.arange(8)), np.sin(np.pi / 4 * np.arange(8))], axis=1)


@figure("adversarial ring", "all modes, >= 90 % of samples within 3 sigma, in 3 of 3 seeds", seconds=15)
def ring():
    """Learn the ring of Metz et al., 2017: eight modes of standard deviation 0.02 on a circle of radius 2."""
    shares, modes = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = CENTRES[rng.integers(0, 8, 10_000)] + STD * rng.standard_normal((10_000, 2))
        model = GAN(
            (64, 64), 8, discriminator_hidden_layer_sizes=(64, 64), instance_noise=0.5, learning_rate_init=0.001,
            batch_size=64, ema=0.998, max_iter=80, random_state=seed,
        ).fit(X.astype(np.float32))  # fmt: skip
        distances = np.linalg.norm(model.sample(10_000, random_state=0)[:, None] - CENTRES, axis=2)
        is_near = distances.min(axis=1) < 3 * STD
        counts = np.bincount(distances.argmin(axis=1)[is_near], minlength=8)
        shares.append(is_near.mean())
        modes.append(int((counts > 0.02 * len(distances)).sum()))
    return f"{modes} modes, {np.round(shares, 3).tolist()}", min(modes) == 8 and min(shares) >= 0.9


def parzen(samples: np.ndarray, X: np.ndarray, std: float) -> np.ndarray:
    """Return the logarithms of the densities of rows under normal windows of a width around samples."""
    found = []
    for block in np.array_split(X, max(1, len(X) // 100)):
        squares = (block**2).sum(axis=1)[:, None] + (samples**2).sum(axis=1) - 2 * block @ samples.T
        found.append(logsumexp(-0.5 * np.maximum(squares, 0) / std**2, axis=1))
    return np.concatenate(found) - np.log(len(samples)) - X.shape[1] * np.log(std * np.sqrt(2 * np.pi))


@figure("adversarial mnist", "Parzen windows: 225 ± 2 nats (Goodfellow et al., 2014)", seconds=1500)
def densities():
    """Learn MNIST, and judge 10000 samples by windows whose width is the best of ten for held-out training images."""
    X_train, _, X_test, _ = mnist()
    model = GAN(
        (1200, 1200), 100, discriminator_hidden_layer_sizes=(240, 240), outputs="logistic", learning_rate_init=0.0002,
        batch_size=100, ema=0.999, max_iter=100, random_state=0,
    ).fit(X_train[:50_000])  # fmt: skip
    samples = model.sample(10_000, random_state=0)
    held_out = X_train[50_000:51_000]
    std = max(np.logspace(-1, 0, 10), key=lambda width: parzen(samples, held_out, width).mean())
    found = parzen(samples, X_test, std)
    error = found.std() / np.sqrt(len(found))
    return f"{found.mean():.1f} ± {error:.1f} nats, windows of {std:.2f}", found.mean() >= 223
