"""The slow, obvious NumPy oracle: a multilayer perceptron's forward pass, loss and gradients, a formula a line."""

import numpy as np
from scipy.special import expit, softmax, xlogy

ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}

DERIVATIVES = {  # f'(z), given a = f(z)
    "identity": np.ones_like,
    "logistic": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: (a != 0).astype(a.dtype),
}

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

    activations = [X]
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        z = product(activations[-1], W) + b
        activations.append((LINKS[loss] if i == len(coefs) - 1 else ACTIVATIONS[activation])(z))
    delta, gradients = activations[-1] - y, []
    for i in range(len(coefs) - 1, -1, -1):
        gradients.insert(0, np.concatenate([product(activations[i].T, delta), delta.sum(axis=0, keepdims=True)]))
        if i:
            delta = product(delta, coefs[i].T) * DERIVATIVES[activation](activations[i])
    return activations[-1], gradients


def forward(X, coefs, intercepts, activation, loss):
    """All layers' activations, input first; the last has the loss's link applied."""
    activations = [X]
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        z = activations[-1] @ W + b
        activations.append((LINKS[loss] if i == len(coefs) - 1 else ACTIVATIONS[activation])(z))
    return activations


def loss_and_gradients(X, y, coefs, intercepts, activation, loss, alpha=0.0, weights=None):
    """scikit-learn's loss with its L2 term, and the gradients it trains with.

    For squared_error the gradients are n_outputs times those of the loss: scikit-learn averages the loss over the
    outputs, the gradient not.
    """
    weights = np.ones(len(X)) if weights is None else weights
    total = weights.sum()
    activations = forward(X, coefs, intercepts, activation, loss)
    value = weights @ ROW_LOSSES[loss](y, activations[-1]) / total
    value += 0.5 * alpha / total * sum((W**2).sum() for W in coefs)
    delta = (activations[-1] - y) * weights[:, None].astype(y.dtype)
    coef_grads, intercept_grads = [], []
    for i in range(len(coefs) - 1, -1, -1):
        coef_grads.insert(0, (activations[i].T @ delta + alpha * coefs[i]) / total)
        intercept_grads.insert(0, delta.sum(axis=0) / total)
        if i:
            delta = delta @ coefs[i].T * DERIVATIVES[activation](activations[i])
    return value, coef_grads, intercept_grads
