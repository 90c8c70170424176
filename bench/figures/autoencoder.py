"""Figures of autoencoders: reconstructions of MNIST beside principal components, and epochs beside PyTorch's."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.linalg
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier
from fastmlp.initializers import Pretrained
from fastmlp.zoo import Autoencoder
from figures import figure, mnist


def squared_error(X, reconstructed):
    """Return the squared error of an image, on average."""
    return float(np.square(X - reconstructed, dtype=np.float64).sum(axis=1).mean())


@figure("autoencoder mnist", "squared error of a test image <= 4.5 within 600 s (PCA of 30: 13.87)", seconds=600)
def deep():
    """Train 784-1000-500-250-30 for a while that is known before."""
    X, _, X_test, _ = mnist()
    pca = PCA(30, random_state=0).fit(X)
    components = squared_error(X_test, pca.inverse_transform(pca.transform(X_test)))
    model = Autoencoder(
        (1000, 500, 250, 30),
        "silu",
        loss="log_loss",
        learning_rate="cosine",
        learning_rate_init=0.001,
        alpha=0,
        batch_size=256,
        max_iter=35,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    found = squared_error(X_test, model.reconstruct(X_test))
    return f"{found:.2f} in {seconds:.0f} s (PCA {components:.2f})", found <= 4.5 and seconds <= 600


@figure("autoencoder linear", "PCA's subspace: angles < 1e-3", seconds=1)
def linear():
    """Compare the decoder's weights with principal components."""
    X = StandardScaler(with_std=False).fit_transform(load_digits().data)
    model = Autoencoder(
        (5,), "identity", solver="lbfgs", alpha=0, max_iter=5000, max_fun=100_000, tol=1e-9, random_state=0
    ).fit(X)
    angle = scipy.linalg.subspace_angles(model.coefs_[1].T, PCA(5).fit(X).components_.T).max()
    return f"{angle:.1e}", angle < 1e-3


@figure("autoencoder speed", "epochs at least 2x PyTorch's, MNIST 784-256-32-256-784, batch 128", seconds=60)
def speed():
    """Time epochs in turns, PyTorch's in a process of its own: its threads would go on waiting for work beside ours."""
    X = mnist()[0]
    model = Autoencoder((256, 32), "relu", alpha=0, batch_size=128, random_state=0)
    own, other = [], []
    for _ in range(3):
        for _ in range(3):
            model.partial_fit(X)
        own.append(np.median(model.history_["seconds"][-2:]))
        command = [sys.executable, "-c", "from figures.autoencoder import pytorch; print(pytorch())"]
        done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImportError(done.stderr.strip().splitlines()[-1])
        other.append(float(done.stdout))
    ours, theirs = np.median(own), np.median(other)
    return f"{theirs / ours:.2f}x ({ours:.2f} s and {theirs:.2f} s)", theirs >= 2 * ours


def pytorch():
    """Return the seconds of an epoch in PyTorch, the median of two after a first one."""
    import torch

    sizes = (784, 256, 32, 256, 784)
    layers = [part for before, after in pairwise(sizes) for part in (torch.nn.Linear(before, after), torch.nn.ReLU())]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    samples, times = torch.from_numpy(mnist()[0]), []
    for _ in range(3):
        order = torch.randperm(len(samples))
        start = time.perf_counter()
        for first in range(0, len(order), 128):
            batch = samples[order[first : first + 128]]
            loss = torch.nn.functional.mse_loss(network(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


@figure("autoencoder few labels", "better than the same network without pretraining, 1000 MNIST labels", seconds=300)
def few_labels():
    """Begin a classifier with the encoder's weights, and with random ones, on three choices of labels."""
    X, y, X_test, y_test = mnist()
    encoder = Autoencoder(
        (256, 256, 256),
        code_activation="relu",
        input_noise=0.4,
        learning_rate="cosine",
        learning_rate_init=0.002,
        batch_size=128,
        max_iter=30,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X)
    errors = []
    for seed in range(3):
        chosen, _ = train_test_split(np.arange(len(X)), train_size=1000, stratify=y, random_state=seed)
        clf = MLPClassifier((256, 256, 256), alpha=1e-3, max_iter=1000, random_state=seed)
        plain = clf.fit(X[chosen], y[chosen]).score(X_test, y_test)
        clf.set_params(weight_init=Pretrained(encoder))
        errors.append([100 * (1 - plain), 100 * (1 - clf.fit(X[chosen], y[chosen]).score(X_test, y_test))])
    without, with_it = np.mean(errors, axis=0)
    return f"{with_it:.2f} % errors, {without:.2f} % without", bool((np.diff(errors) < 0).all())
