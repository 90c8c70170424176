"""The oracle of networks made of two networks: slow, obvious NumPy in float64."""

import numpy as np


def forward(network, X):
    """What a network of tanh units makes of rows before its link."""
    for weights, biases in zip(network.coefs[:-1], network.intercepts[:-1], strict=True):
        X = np.tanh(X @ weights + biases)
    return X @ network.coefs[-1] + network.intercepts[-1]


def log_normal(x, means, stds):
    """The logarithm of a normal density with independent features."""
    return (-0.5 * ((x - means) / stds) ** 2 - np.log(stds) - 0.5 * np.log(2 * np.pi)).sum(axis=-1)


def log_likelihood(decoder, codes, X, noise_std=None):
    """The logarithm of p(x|z): of independent coins, or of normal features with one standard deviation."""
    z = forward(decoder, codes)
    if noise_std is not None:
        return log_normal(X, z, np.full(X.shape[-1], noise_std))
    p = 1 / (1 + np.exp(-z))
    return (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(axis=-1)


def bound(encoder, decoder, X, noise, noise_std=None, beta=1.0):
    """The evidence lower bound of each row for one draw, of which the divergence is exact."""
    means, log_variances = np.split(forward(encoder, X), 2, axis=1)
    stds = np.exp(log_variances / 2)
    divergence = (0.5 * (means**2 + stds**2 - 1) - np.log(stds)).sum(axis=1)
    return log_likelihood(decoder, means + stds * noise, X, noise_std) - beta * divergence


def marginal(decoder, X, noise_std=None, n=61, reach=6.0):
    """log p(x) by a sum over a grid of codes with two components, which is as good as exact."""
    line = np.linspace(-reach, reach, n)
    codes = np.stack([each.ravel() for each in np.meshgrid(line, line)], axis=1)
    log_prior = log_normal(codes, 0.0, np.ones(2)) + 2 * np.log(line[1] - line[0])
    each = log_prior + np.stack([log_likelihood(decoder, codes, x, noise_std) for x in X])
    top = each.max(axis=1, keepdims=True)
    return np.log(np.exp(each - top).sum(axis=1)) + top[:, 0]


def slopes(function, vector, step=1e-5):
    """The gradient of a function of a vector by central differences."""
    gradient = np.empty_like(vector)
    for i in range(len(vector)):
        ends = []
        for sign in (1, -1):
            moved = vector.copy()
            moved[i] += sign * step
            ends.append(function(moved))
        gradient[i] = (ends[0] - ends[1]) / (2 * step)
    return gradient
