"""The shapes that benchmarks time and tests check: one place for both."""

import os
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

# The folder FASTMLP_DATA names, or ../shared/data beside the repository.
DATA = Path(os.environ.get("FASTMLP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MNIST = DATA / "mnist.npz"


class Case(NamedTuple):
    """A training problem: rows, layer sizes, batch, and how many epochs make a measurement."""

    n_rows: int
    sizes: tuple[int, ...]
    batch: int
    epochs: int

    @property
    def layers(self):
        """Units per layer of the network that is trained: two classes are one logistic output."""
        return (*self.sizes[:-1], 1 if self.sizes[-1] == 2 else self.sizes[-1])

    @property
    def flops_per_epoch(self):
        """Multiplications and additions of the matrix products; no input deltas in the first layer."""
        pairs = list(pairwise(self.layers))
        return self.n_rows * sum((6 if i else 4) * n_in * n_out for i, (n_in, n_out) in enumerate(pairs))

    def data(self, dtype, seed=0):
        """Random samples, and as labels the largest of the first features."""
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((self.n_rows, self.sizes[0])).astype(dtype)
        return X, X[:, : self.sizes[-1]].argmax(axis=1)


TRAINING = {
    "XS": Case(150, (4, 100, 3), 150, 1000),
    "S": Case(20_000, (20, 64, 64, 2), 200, 100),
    "M": Case(20_000, (784, 256, 128, 10), 128, 8),
    "L": Case(10_240, (784, 1024, 1024, 10), 512, 12),
    "D": Case(20_000, (50, 128, 128, 128, 128, 128, 128, 10), 256, 10),
}

# Products (rows, inner, columns): nothing, one, a tile or panel and its neighbours, primes, real layers, and rows so
# long that they are taken in parts.
PRODUCTS = [
    (0, 3, 4),
    (1, 1, 1),
    (2, 0, 3),
    (13, 7, 15),
    (14, 31, 16),
    (15, 32, 17),
    (29, 33, 31),
    (6, 64, 32),
    (7, 5, 33),
    (97, 101, 103),
    (200, 20, 64),
    (64, 64, 2),
    (128, 784, 10),
    (33, 1000, 1),
    (17, 10, 1000),
    (18, 2100, 3),
    (90, 1500, 40),
]

# Networks whose every layer boundary is awkward somewhere.
NETWORKS = [
    (1, 1),
    (3, 2),
    (5, 1),
    (8, 7, 3),
    (17, 15, 16, 10),
    (31, 33, 32, 4),
    (67, 13, 1),
    (9, 1000, 10),
    (11, 12, 5),
    (23, 193, 6),
    (1100, 2),
]
