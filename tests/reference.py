"""The slow, obvious NumPy oracle: a multilayer perceptron's forward pass, loss and gradients, a formula a line."""

from itertools import pairwise

import numpy as np
from scipy.special import expit, ndtr, softmax, xlogy

from fastmlp.network import HiddenLayer

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _gelu_tanh(z):
    return 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def _mish(z):
    return np.tanh(np.logaddexp(0, z))


ACTIVATIONS = {  # f(z), p being the activation's number where it has one; by the engine's names
    "identity": lambda z, p: z,
    "logistic": lambda z, p: expit(z),
    "tanh": lambda z, p: np.tanh(z),
    "relu": lambda z, p: np.maximum(z, 0),
    "leaky_relu": lambda z, p: np.where(z > 0, z, p * z),
    "elu": lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0))),
    "selu": lambda z, p: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    "hard_sigmoid": lambda z, p: np.clip(z / 6 + 0.5, 0, 1),
    "prelu": lambda z, p: np.where(z > 0, z, p * z),
    "gelu": lambda z, p: z * ndtr(z),
    "gelu_tanh": lambda z, p: z * _gelu_tanh(z),
    "silu": lambda z, p: z * expit(p * z),
    "softplus": lambda z, p: np.logaddexp(0, p * z) / p,
    "mish": lambda z, p: z * _mish(z),
    "hard_swish": lambda z, p: z * np.clip(z / 6 + 0.5, 0, 1),
    "step": lambda z, p: np.heaviside(z, 0.0),
}

DERIVATIVES = {  # f'(z), or what training takes for it
    "identity": lambda z, p: np.ones_like(z),
    "logistic": lambda z, p: expit(z) * expit(-z),
    "tanh": lambda z, p: 1 - np.tanh(z) ** 2,
    "relu": lambda z, p: np.heaviside(z, 0.0),
    "leaky_relu": lambda z, p: np.where(z > 0, 1.0, p),
    "elu": lambda z, p: np.where(z > 0, 1, p * np.exp(np.minimum(z, 0))),
    "selu": lambda z, p: SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * np.exp(np.minimum(z, 0))),
    "hard_sigmoid": lambda z, p: np.where(np.abs(z) < 3, 1 / 6, 0.0),
    "prelu": lambda z, p: np.where(z > 0, 1.0, p),
    "gelu": lambda z, p: ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    "gelu_tanh": lambda z, p: (
        _gelu_tanh(z) * (1 + 2 * z * (1 - _gelu_tanh(z)) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2))
    ),
    "silu": lambda z, p: expit(p * z) * (1 + p * z * expit(-p * z)),
    "softplus": lambda z, p: expit(p * z),
    "mish": lambda z, p: _mish(z) + z * expit(z) * (1 - _mish(z) ** 2),
    "hard_swish": lambda z, p: np.where(np.abs(z) < 3, z / 3 + 0.5, np.heaviside(z, 0.0)),
    "step": lambda z, p: (np.abs(z) <= 1).astype(z.dtype),  # of the clipped identity
}

NUMBER_DERIVATIVES = {  # df/dp, where p can be learned
    "prelu": lambda z, p: np.minimum(z, 0),
    "silu": lambda z, p: z**2 * expit(p * z) * expit(-p * z),
}

NUMBERS = {"leaky_relu": 0.01, "elu": 1.3, "prelu": 0.25, "silu": 0.8, "softplus": 1.7}


def hidden(activation, sizes):
    """The engine's hidden layers that go with an activation by its name here."""
    return [HiddenLayer(activation, NUMBERS.get(activation, 0.0))] * (len(sizes) - 2)


def layer_views(params, sizes):
    """Each layer's weights and biases as views of the flat vector."""
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        layer = params[start : start + (n_in + 1) * n_out].reshape(n_in + 1, n_out)
        coefs.append(layer[:-1])
        intercepts.append(layer[-1])
        start += layer.size
    return coefs, intercepts


LINKS = {
    "log_loss": lambda z: softmax(z, axis=1),
    "binary_log_loss": expit,
    "squared_error": lambda z: z,
    "poisson": np.exp,
}


def _clipped(p):
    eps = np.finfo(p.dtype).eps
    return np.clip(p, eps, 1 - eps)


ROW_LOSSES = {  # one number per row, of predictions p and one-hot or real targets y
    "log_loss": lambda y, p: -xlogy(y, _clipped(p)).sum(axis=1),
    "binary_log_loss": lambda y, p: -(xlogy(y, _clipped(p)) + xlogy(1 - y, 1 - _clipped(p))).sum(axis=1),
    "squared_error": lambda y, p: 0.5 * ((y - p) ** 2).mean(axis=1),
    "poisson": lambda y, p: (xlogy(y, y / p) - y + p).sum(axis=1),
}


def round_to_bfloat16(x):
    """The nearest number of 8 significant bits, ties to even, of float32's range."""
    x = np.asarray(x, np.float32)
    word = x.view(np.uint32).astype(np.uint64)
    nearest = ((word + 0x7FFF + (word >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), x, nearest)


def bfloat16_gradients(X, y, coefs, intercepts, activation, loss):
    """The outputs and the gradients' sums over the rows, with the operands of all products rounded to bfloat16."""

    def product(a, b):
        return round_to_bfloat16(a).astype(np.float64) @ round_to_bfloat16(b).astype(np.float64)

    activations, zs, p = [X], [], NUMBERS.get(activation)
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        zs.append(product(activations[-1], W) + b)
        activations.append(LINKS[loss](zs[-1]) if i == len(coefs) - 1 else ACTIVATIONS[activation](zs[-1], p))
    delta, gradients = activations[-1] - y, []
    for i in range(len(coefs) - 1, -1, -1):
        gradients.insert(0, np.concatenate([product(activations[i].T, delta), delta.sum(axis=0, keepdims=True)]))
        if i:
            delta = product(delta, coefs[i].T) * DERIVATIVES[activation](zs[i - 1], p)
    return activations[-1], gradients


def forward(X, coefs, intercepts, activation, loss):
    """All layers' activations, input first, the last with the loss's link applied; and what they were made from."""
    activations, zs, p = [X], [], NUMBERS.get(activation)
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        zs.append(activations[-1] @ W + b)
        activations.append(LINKS[loss](zs[-1]) if i == len(coefs) - 1 else ACTIVATIONS[activation](zs[-1], p))
    return activations, zs


def loss_and_gradients(X, y, coefs, intercepts, activation, loss, alpha=0.0, weights=None):
    """scikit-learn's loss with its L2 term, and the gradients it trains with.

    For squared_error the gradients are n_outputs times those of the loss: scikit-learn averages the loss over the
    outputs, the gradient not.
    """
    weights = np.ones(len(X)) if weights is None else weights
    total = weights.sum()
    activations, zs = forward(X, coefs, intercepts, activation, loss)
    value = weights @ ROW_LOSSES[loss](y, activations[-1]) / total
    value += 0.5 * alpha / total * sum((W**2).sum() for W in coefs)
    delta = (activations[-1] - y) * weights[:, None].astype(y.dtype)
    coef_grads, intercept_grads = [], []
    for i in range(len(coefs) - 1, -1, -1):
        coef_grads.insert(0, (activations[i].T @ delta + alpha * coefs[i]) / total)
        intercept_grads.insert(0, delta.sum(axis=0) / total)
        if i:
            delta = delta @ coefs[i].T * DERIVATIVES[activation](zs[i - 1], NUMBERS.get(activation))
    return value, coef_grads, intercept_grads
