"""Restricted Boltzmann machines in slow, obvious NumPy: states are enumerated, and nothing is estimated."""

import numpy as np
from scipy.special import expit, logsumexp


def all_bits(n):
    """Return all states of n bits, one in each row."""
    return (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def parts(params):
    """Return weights, hidden biases and visible biases."""
    return params[:-1, :-1], params[-1, :-1], params[:-1, -1]


def free_energies(params, v, *, normal=False):
    """Return -log of the sum over all hidden states of exp(-energy), by listing these."""
    weights, hidden, visible = parts(params.astype(np.float64))
    h = all_bits(len(hidden))
    energies = -(v @ weights @ h.T) - h @ hidden
    alone = 0.5 * ((v - visible) ** 2).sum(axis=1) if normal else -(v @ visible)
    return alone - logsumexp(-energies, axis=1)


def log_partition(params):
    """Return the logarithm of the partition function of a machine of few bits."""
    return logsumexp(-free_energies(params, all_bits(len(params) - 1)))


def log_partition_by_hidden_units(params):
    """Return the same for a machine of few hidden bits, given which the visible ones are independent."""
    weights, biases, visible = parts(params)
    h = all_bits(len(biases))
    return logsumexp(h @ biases + np.logaddexp(0, h @ weights.T + visible).sum(axis=1))


def hidden(params, v):
    """Return the probabilities of hidden units."""
    weights, biases, _ = parts(params)
    return expit(v @ weights + biases)


def products(params, v):
    """Return, of each row, what the slope of its log-likelihood is made of, laid out as the parameters are."""
    h = hidden(params, v)
    found = np.zeros((len(v), *params.shape))
    found[:, :-1, :-1] = v[:, :, None] * h[:, None, :]
    found[:, -1, :-1], found[:, :-1, -1] = h, v
    return found


def gradient(params, v):
    """Return the gradient of the mean log-likelihood of rows of bits."""
    states = all_bits(len(params) - 1)
    weights = np.exp(-free_energies(params, states) - log_partition(params))
    return products(params, v).mean(axis=0) - np.einsum("s,sij->ij", weights, products(params, states))


def machine(n_visible, n_hidden, seed, scale=0.5):
    """Return the parameters of a machine."""
    params = np.random.RandomState(seed).normal(0, scale, (n_visible + 1, n_hidden + 1))
    params[-1, -1] = 0
    return params
