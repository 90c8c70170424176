"""The slow, obvious NumPy oracle: a multilayer perceptron's forward pass, loss and gradients, a formula a line."""

from itertools import pairwise

import numpy as np
from scipy.special import expit, log_softmax, ndtr, softmax, xlogy

from fastmlp.losses import CLASS_TARGET_LOSSES, OUTPUT_ACTIVATIONS
from fastmlp.network import HiddenLayer, Network, Regularization

NORMALIZATION_EPSILON = 1e-5
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

PARAMETER_DERIVATIVES = {  # df/dp, where p can be learned
    "prelu": lambda z, p: np.minimum(z, 0),
    "silu": lambda z, p: z**2 * expit(p * z) * expit(-p * z),
}

PARAMETERS = {"leaky_relu": 0.01, "elu": 1.3, "prelu": 0.25, "silu": 0.8, "softplus": 1.7}


def hidden(activation, sizes):
    """The engine's hidden layers that go with an activation by its name here."""
    return (HiddenLayer(activation, PARAMETERS.get(activation, 0.0)),) * (len(sizes) - 2)


def layer_views(params, sizes):
    """Each layer's weights and biases as views of the flat vector."""
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        layer = params[start : start + (n_in + 1) * n_out].reshape(n_in + 1, n_out)
        coefs.append(layer[:-1])
        intercepts.append(layer[-1])
        start += layer.size
    return coefs, intercepts


LINKS = {  # p = link(z)
    "log_loss": lambda z: softmax(z, axis=1),
    "binary_log_loss": expit,
    "squared_error": lambda z: z,
    "poisson": np.exp,
    "soft_log_loss": lambda z: softmax(z, axis=1),
    "quadratic": expit,
    "absolute_error": lambda z: z,
    "huber": lambda z: z,
    "pinball": lambda z: z,
    "gamma": np.exp,
    "tweedie": np.exp,
    "hinge": lambda z: z,
    "squared_hinge": lambda z: z,
    "perceptron": lambda z: z,
    "focal": lambda z: softmax(z, axis=1),
    "binary_focal": expit,
}
SIGNED = ("hinge", "squared_hinge", "perceptron")  # losses of a target's sign, 2 y - 1
DEFAULT_OPTIONS = {"huber": 1.0, "pinball": 0.5, "tweedie": 1.5, "focal": 2.0, "binary_focal": 2.0}


def _clipped(p):
    eps = np.finfo(p.dtype).eps
    return np.clip(p, eps, 1 - eps)


def _focal(p, gamma):
    return -((1 - p) ** gamma) * np.log(p)


def _focal_slope(p, gamma):
    """The derivative with respect to z where p is logistic or softmax: p (1 - p) times that with respect to p."""
    return (1 - p) ** gamma * (gamma * p * np.log(p) - (1 - p))


LOSSES = {  # of each output: of z, one-hot or real targets y, and the option; a row's loss is their sum
    "log_loss": lambda y, z, _: -xlogy(y, _clipped(softmax(z, axis=1))),
    "binary_log_loss": lambda y, z, _: -(xlogy(y, _clipped(expit(z))) + xlogy(1 - y, 1 - _clipped(expit(z)))),
    "squared_error": lambda y, z, _: 0.5 * (y - z) ** 2 / z.shape[1],
    "poisson": lambda y, z, _: xlogy(y, y / np.exp(z)) - y + np.exp(z),
    "soft_log_loss": lambda y, z, _: -y * log_softmax(z, axis=1),
    "quadratic": lambda y, z, _: 0.5 * (y - expit(z)) ** 2,
    "absolute_error": lambda y, z, _: np.abs(y - z),
    "huber": lambda y, z, d: np.where(np.abs(y - z) <= d, 0.5 * (y - z) ** 2, d * (np.abs(y - z) - 0.5 * d)),
    "pinball": lambda y, z, q: np.where(y > z, q * (y - z), (1 - q) * (z - y)),
    "gamma": lambda y, z, _: y / np.exp(z) - np.log(y / np.exp(z)) - 1,
    "tweedie": lambda y, z, k: (
        y ** (2 - k) / ((1 - k) * (2 - k)) - y * np.exp(z) ** (1 - k) / (1 - k) + np.exp(z) ** (2 - k) / (2 - k)
    ),
    "hinge": lambda y, z, _: np.maximum(0, 1 - (2 * y - 1) * z),
    "squared_hinge": lambda y, z, _: np.maximum(0, 1 - (2 * y - 1) * z) ** 2,
    "perceptron": lambda y, z, _: np.maximum(0, -(2 * y - 1) * z),
    "focal": lambda y, z, g: y * _focal(softmax(z, axis=1), g),
    "binary_focal": lambda y, z, g: y * _focal(expit(z), g) + (1 - y) * _focal(expit(-z), g),
}


def _focal_delta(y, z, gamma):
    p = softmax(z, axis=1)
    own = (y * p).sum(axis=1, keepdims=True)
    return _focal_slope(own, gamma) * np.where(y == 1, 1, -p / np.maximum(1 - own, np.finfo(p.dtype).tiny))


DELTAS = {  # the derivatives of a row's loss; scikit-learn's for squared_error
    "log_loss": lambda y, z, _: softmax(z, axis=1) - y,
    "binary_log_loss": lambda y, z, _: expit(z) - y,
    "squared_error": lambda y, z, _: z - y,
    "poisson": lambda y, z, _: np.exp(z) - y,
    "soft_log_loss": lambda y, z, _: softmax(z, axis=1) * y.sum(axis=1, keepdims=True) - y,
    "quadratic": lambda y, z, _: (expit(z) - y) * expit(z) * expit(-z),
    "absolute_error": lambda y, z, _: np.sign(z - y),
    "huber": lambda y, z, d: np.clip(z - y, -d, d),
    "pinball": lambda y, z, q: np.where(y > z, -q, 1 - q) * (y != z),
    "gamma": lambda y, z, _: 1 - y / np.exp(z),
    "tweedie": lambda y, z, k: np.exp(z) ** (2 - k) - y * np.exp(z) ** (1 - k),
    "hinge": lambda y, z, _: np.where((2 * y - 1) * z < 1, 1 - 2 * y, 0),
    "squared_hinge": lambda y, z, _: -2 * (2 * y - 1) * np.maximum(0, 1 - (2 * y - 1) * z),
    "perceptron": lambda y, z, _: np.where((2 * y - 1) * z <= 0, 1 - 2 * y, 0),
    "focal": _focal_delta,
    "binary_focal": lambda y, z, g: y * _focal_slope(expit(z), g) - (1 - y) * _focal_slope(expit(-z), g),
}


def row_losses(loss, y, z, weights=None, option=None, output_weights=None):
    """Each row's weighted loss, and the derivative of their sum with respect to z (see DELTAS)."""
    weights = np.ones(len(z)) if weights is None else weights
    output_weights = np.ones(z.shape[1]) if output_weights is None else np.asarray(output_weights)
    option = DEFAULT_OPTIONS.get(loss) if option is None else np.asarray(option)
    values = (LOSSES[loss](y, z, option) * output_weights).sum(axis=1) * weights
    if loss == "soft_log_loss":  # one output's loss depends on all z, and is proportional to its y
        deltas = DELTAS[loss](y * output_weights, z, option)
    else:
        deltas = DELTAS[loss](y, z, option) * output_weights
    return values, deltas * weights[:, None]


def random_targets(loss, shape, dtype, rng):
    """Targets as the engine takes them and as the oracles do."""
    n, width = shape
    link = OUTPUT_ACTIVATIONS[loss]
    if loss in CLASS_TARGET_LOSSES:
        classes = rng.integers(width, size=n).astype(np.int32)
        return classes, np.eye(width, dtype=dtype)[classes]
    if link == "softmax":
        y = rng.dirichlet(np.ones(width), size=n)
    elif link == "logistic" or loss in SIGNED:
        y = rng.integers(0, 2, size=shape)
    else:
        y = rng.poisson(2, size=shape) + (0.5 if loss == "gamma" else 0)
    return y.astype(dtype), y.astype(dtype)


def round_to_bfloat16(x):
    """The nearest number of 8 significant bits, ties to even, of float32's range."""
    x = np.asarray(x, np.float32)
    word = x.view(np.uint32).astype(np.uint64)
    nearest = ((word + 0x7FFF + (word >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), x, nearest)


def gradients_of_rounded(X, y, coefs, intercepts, activation, loss, rounded=round_to_bfloat16):
    """The outputs and the gradients' sums over the rows, with the operands of all products rounded."""

    def product(a, b):
        return rounded(a).astype(np.float64) @ rounded(b).astype(np.float64)

    activations, zs, p = [X], [], PARAMETERS.get(activation)
    for i, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        zs.append(product(activations[-1], W) + b)
        activations.append(LINKS[loss](zs[-1]) if i == len(coefs) - 1 else ACTIVATIONS[activation](zs[-1], p))
    delta, gradients = activations[-1] - y, []
    for i in range(len(coefs) - 1, -1, -1):
        gradients.insert(0, np.concatenate([product(activations[i].T, delta), delta.sum(axis=0, keepdims=True)]))
        if i:
            delta = product(delta, coefs[i].T) * DERIVATIVES[activation](zs[i - 1], p)
    return activations[-1], gradients


def shares(z, kind, weights=None):
    """The axis that is normalized over, and how much each number counts in the moments: only rows have weights."""
    if kind == "batch" and weights is not None:
        return 0, (weights / weights.sum())[:, None]
    axis = {"layer": 1, "batch": 0}[kind]
    return axis, 1 / z.shape[axis]


def moments(z, kind, weights=None):
    """Mean and variance."""
    axis, share = shares(z, kind, weights)
    mean = (share * z).sum(axis, keepdims=True)
    return mean, (share * (z - mean) ** 2).sum(axis, keepdims=True)


def normalize(z, kind, gain, bias, running=None, weights=None):
    """Of each row over its units ("layer"), or of each unit over the rows ("batch") or with running moments."""
    mean, variance = moments(z, kind, weights) if running is None else running
    x = (z - mean) / np.sqrt(variance + NORMALIZATION_EPSILON)
    return gain * x + bias, x


def normalize_back(z, kind, delta, x, gain, weights=None):
    """The deltas before a normalization from those after it: each z moves the mean and the deviation as well."""
    axis, share = shares(z, kind, weights)
    d = delta * gain
    scale = np.sqrt(moments(z, kind, weights)[1] + NORMALIZATION_EPSILON)
    return (d - share * d.sum(axis, keepdims=True) - share * x * (d * x).sum(axis, keepdims=True)) / scale


def parameters_of(network, i):
    """The number of hidden layer i's activation, or its units' own."""
    learned = network.activation_parameters[i]
    return network.structure.hidden[i].parameter if learned is None else learned


def projected(network, i, rows):
    """What residual layer i adds to rows' values."""
    return rows if network.projections[i] is None else rows @ network.projections[i]


def blocks_of(layer):
    """For each column that a layer embeds, its inputs and its units among all."""
    columns = zip(layer.layout.offsets, layer.layout.n_inputs, strict=True)
    return [
        (slice(offset, offset + n), slice(c * layer.size, (c + 1) * layer.size))
        for c, (offset, n) in enumerate(columns)
    ]


def spread(layer, W):
    """The weights of a layer as a dense layer has them: those of embeddings are blocks, with zeros beside them."""
    if layer.kind != "embeddings":
        return W
    matrix = np.zeros((layer.n_inputs, layer.n_units))
    for inputs, units in blocks_of(layer):
        matrix[inputs, units] = W[inputs]
    return matrix


def gathered(layer, matrix):
    """The weights of a layer, from those of a dense layer."""
    if layer.kind != "embeddings":
        return matrix
    return np.concatenate([matrix[inputs, units] for inputs, units in blocks_of(layer)])


def forward(network, X, training=False, weights=None):
    """What the first layer reads; and for each layer its products, these normalized (or None), z, and its outputs."""
    first = a = X if network.input_scales is None else (X - network.input_means) * network.input_scales
    layers, loss = [], network.objective.loss
    for i, (W, b) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
        z, x = a @ spread(network.structure.layers[i], W), None
        layer = network.structure.hidden[i] if i < len(network.structure.hidden) else None
        if layer and layer.normalization:
            running = None if training else network.running[i]
            y, x = normalize(z, layer.normalization, network.gains[i], b, running, weights)
        else:
            y = z + b
        below, a = a, ACTIVATIONS[layer.activation](y, parameters_of(network, i)) if layer else LINKS[loss](y)
        if layer and layer.kind == "residual":
            a = a + projected(network, i, below)
        layers.append((z, x, y, a))
    return first, layers


def outputs(network, X):
    """The predictions."""
    return forward(network, X)[1][-1][-1]


def loss_and_gradients(network, X, y, weights=None, alpha=0.0, l1=0.0):
    """scikit-learn's loss with its L2 term and an L1 term, and a network of the gradients it trains with.

    For squared_error the gradients are n_outputs times those of the loss: scikit-learn averages the loss over the
    outputs, the gradient not.
    """
    weights = np.ones(len(X)) if weights is None else weights
    total, structure, gradients = weights.sum(), network.structure, Network(network.structure)
    first, layers = forward(network, X, True, weights)
    losses, delta = row_losses(network.objective.loss, y, layers[-1][2], weights)
    value = losses.sum() / total
    matrices = [W for W in network.coefs + network.projections if W is not None]
    value += 0.5 * alpha * sum((W**2).sum() for W in matrices) / total
    value += l1 * sum(np.abs(W).sum() for W in matrices) / total
    for i in range(len(layers) - 1, -1, -1):
        z, x, at, _ = layers[i]
        slopes = delta
        if i < len(structure.hidden):
            layer, p = structure.hidden[i], parameters_of(network, i)
            if layer.learned:
                shapes = PARAMETER_DERIVATIVES[layer.activation](at, p)
                gradients.activation_parameters[i][:] = (delta * shapes).sum(axis=0) / total
            delta = delta * DERIVATIVES[layer.activation](at, p)
        gradients.intercepts[i][:] = delta.sum(axis=0) / total
        if x is not None:
            gradients.gains[i][:] = (delta * x).sum(axis=0) / total
            delta = normalize_back(z, layer.normalization, delta, x, network.gains[i], weights)
        inputs, W = (layers[i - 1][3] if i else first), network.coefs[i]
        whole = structure.layers[i]
        gradients.coefs[i][:] = (gathered(whole, inputs.T @ delta) + alpha * W + l1 * np.sign(W)) / total
        delta = delta @ spread(whole, W).T
        if i < len(structure.hidden) and layer.kind == "residual":
            P = network.projections[i]
            if P is not None:
                gradients.projections[i][:] = (inputs.T @ slopes + alpha * P + l1 * np.sign(P)) / total
            delta = delta + (slopes if P is None else slopes @ P.T)
    return value, gradients


def train(network, X, y, batches, optimizer, *, weights=None, alpha=0.0, regularization=None):
    """Minibatch steps on a float64 network, whose numbers change; returns each batch's loss and the average."""
    regularization = regularization or Regularization()
    state, average, losses = optimizer.init([network.params]), None, []
    for batch in batches:
        own = None if weights is None else weights[batch]
        if own is not None and own.sum() == 0:
            losses.append(0.0)
            continue
        value, gradients = loss_and_gradients(network, X[batch], y[batch], own, alpha, regularization.l1)
        losses.append(value)
        gradient = gradients.params
        move_running_moments(network, X[batch], own)
        if regularization.clip_value:
            gradient = np.clip(gradient, -regularization.clip_value, regularization.clip_value)
        if regularization.clip_norm:
            gradient = gradient * min(1, regularization.clip_norm / np.linalg.norm(gradient))
        optimizer.step([network.params], [gradient], state)
        if regularization.max_norm:
            for layer, W in zip(network.structure.layers[:-1], network.coefs[:-1], strict=True):
                whole = spread(layer, W)
                norms = np.linalg.norm(whole, axis=0)
                shares = np.where(norms > regularization.max_norm, regularization.max_norm / norms, 1)
                W[:] = gathered(layer, whole * shares)
        stays = regularization.average_decay if average is not None else 0
        average = stays * (0 if average is None else average) + (1 - stays) * network.params
    return losses, average


def freedom(weights):
    """What weighted squares are divided by for the running variance, where the weights leave any.

    Repeated rows leave one less than there are. Small weights may leave more than that in expectation.
    """
    total = weights.sum()
    return max(total - 1, total - (weights**2).sum() / total)


def move_running_moments(network, X, weights=None, share=0.1):
    """As PyTorch does: with the unbiased variance, and not for a single row, which has none."""
    weights = np.ones(len(X)) if weights is None else weights
    left = freedom(weights)
    for running, (z, *_) in zip(network.running, forward(network, X, True, weights)[1], strict=False):
        if running is not None and left > 1e-6 * weights.sum():
            mean, variance = moments(z, "batch", weights)
            running += share * (np.concatenate([mean, variance * weights.sum() / left]) - running)
