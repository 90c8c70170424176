"""Adversarial networks on eight Gaussians on a ring: which modes they find, with and without noise on what is shown.

python docs/adversarial.py [--quick]
"""

import numpy as np
from page import is_quick, spread, table

from fastmlp.zoo import GAN

CENTRES = 2 * np.stack([np.cos(np.pi / 4 * np.arange(8)), np.sin(np.pi / 4 * np.arange(8))], axis=1)
CASES = {
    "as it is": {},
    "without the average": {"ema": None},
    "two steps of the discriminator": {"discriminator_steps": 2},
    "noise on what it sees": {"instance_noise": 0.5},
    "noise, without the average": {"instance_noise": 0.5, "ema": None},
}


def modes(seeds, epochs):
    """Print how many modes are found, and how many samples lie near one, by what is done beside the two losses."""
    rows = []
    for name, parameters in CASES.items():
        shares, counts = [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            X = CENTRES[rng.integers(0, 8, 10_000)] + 0.02 * rng.standard_normal((10_000, 2))
            model = GAN(
                (64, 64), 8, discriminator_hidden_layer_sizes=(64, 64), learning_rate_init=0.001, batch_size=64,
                max_iter=epochs, random_state=seed, n_jobs=1, **{"ema": 0.998, **parameters},
            ).fit(X.astype(np.float32))  # fmt: skip
            distances = np.linalg.norm(model.sample(5000, random_state=0)[:, None] - CENTRES, axis=2)
            is_near = distances.min(axis=1) < 0.06
            near = np.bincount(distances.argmin(axis=1)[is_near], minlength=8)
            shares.append(100 * is_near.mean())
            counts.append(int((near > 100).sum()))
        rows.append([name, ", ".join(map(str, counts)), spread(shares)])
    table(
        f"Eight modes, after {epochs} epochs, from {seeds} starts",
        ["what is done", "modes found", "samples within three standard deviations, %"],
        rows,
    )


def main():
    """Run everything."""
    quick = is_quick(__doc__)
    modes(1 if quick else 5, 1 if quick else 80)


if __name__ == "__main__":
    main()
