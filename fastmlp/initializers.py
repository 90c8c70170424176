"""Initializers: what the weights and biases of a network are before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from fastmlp import engine
from fastmlp.components import Component, Registry, compute_dtype, layer_sizes, named, real_array, whole_number
from fastmlp.registration import stored_as

__all__ = [
    "INITIALIZERS",
    "Auto",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Orthogonal",
    "Pretrained",
    "Uniform",
    "Zeros",
    "initial_embeddings",
    "initial_params",
]


def __dir__() -> list[str]:
    return sorted(__all__)


#: A callable that draws a layer's weights or biases: (rng, fan_in, fan_out, dtype) -> array.
Draw = Callable[[np.random.RandomState, int, int, DTypeLike], NDArray]

_NOT_NEGATIVE = Interval(Real, 0, np.inf, closed="left")


class Initializer(Component):
    """The contract: called with (rng, fan_in, fan_out, dtype), it returns a layer's weights (fan_in, fan_out).

    ``biases`` takes the same arguments and returns the layer's biases (fan_out,). A subclass writes ``_draw``, which
    draws both. Numbers are drawn in float64 and rounded to the dtype, so that they do not depend on it otherwise.

    Examples
    --------
    This is an initializer of your own, for weights and biases. Any other callable that takes these four arguments is
    one, too.

    >>> import numpy as np
    >>> from fastmlp.initializers import Initializer
    >>> class Signs(Initializer):
    ...     def _draw(self, rng, shape, fan_in, fan_out):
    ...         return rng.choice([-1.0, 1.0], shape)
    >>> Signs()(np.random.RandomState(0), 2, 3, np.float32)
    array([[-1.,  1.,  1.],
           [-1.,  1.,  1.]], dtype=float32)
    """

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int, dtype: DTypeLike) -> NDArray:
        """Return a layer's weights.

        Parameters
        ----------
        rng : numpy.random.RandomState
        fan_in, fan_out : int
            The number of the layer's inputs, and of its units.
        dtype : float32 or float64

        Returns
        -------
        weights : ndarray of shape (fan_in, fan_out)

        Raises
        ------
        ValueError
            When fan_in or fan_out is not a positive integer, and for another dtype.
        """
        fan_in, fan_out, dtype = _checked(fan_in, fan_out, dtype)
        return self._draw(rng, (fan_in, fan_out), fan_in, fan_out).astype(dtype, copy=False)

    def biases(self, rng: np.random.RandomState, fan_in: int, fan_out: int, dtype: DTypeLike) -> NDArray:
        """Return a layer's biases (fan_out,), from the distribution that the layer's weights have."""
        fan_in, fan_out, dtype = _checked(fan_in, fan_out, dtype)
        return self._draw(rng, (1, fan_out), fan_in, fan_out)[0].astype(dtype, copy=False)

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        raise NotImplementedError


def _checked(fan_in: int, fan_out: int, dtype: DTypeLike) -> tuple[int, int, np.dtype]:
    return whole_number(fan_in, "fan_in"), whole_number(fan_out, "fan_out"), compute_dtype(dtype)


class _Uniform(Initializer):
    """Numbers from U(-b, b); a subclass says what b is."""

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        bound = self._bound(fan_in, fan_out)
        return rng.uniform(-bound, bound, shape)

    def _bound(self, fan_in: int, fan_out: int) -> float:
        raise NotImplementedError


class _Normal(Initializer):
    """Numbers from N(0, s^2); a subclass says what s is."""

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        return rng.normal(0.0, self._std(fan_in, fan_out), shape)

    def _std(self, fan_in: int, fan_out: int) -> float:
        raise NotImplementedError


@stored_as("initializers.Auto")
class Auto(_Uniform):
    """U(-b, b), b = sqrt(f / (fan_in + fan_out)), f = 2 for the logistic activation and 6 otherwise.

    scikit-learn draws the weights and biases of every layer so, those of the output layer included. Source: Glorot &
    Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Parameters
    ----------
    activation : str, default='relu'
        The activation of the hidden layers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Auto
    >>> bool(abs(Auto("logistic")(np.random.RandomState(0), 30, 20, np.float64)).max() <= 0.2)
    True
    """

    _parameter_constraints: ClassVar[dict] = {"activation": [StrOptions(set(engine.ACTIVATIONS))]}

    def __init__(self, activation: str = "relu") -> None:
        self.activation = activation

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt((2.0 if self.activation == "logistic" else 6.0) / (fan_in + fan_out))


@stored_as("initializers.GlorotUniform")
class GlorotUniform(_Uniform):
    """U(-b, b), b = sqrt(6 / (fan_in + fan_out)).

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import GlorotUniform
    >>> bool(abs(GlorotUniform()(np.random.RandomState(0), 4, 2, np.float64)).max() <= 1)
    True
    """

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(6.0 / (fan_in + fan_out))


@stored_as("initializers.GlorotNormal")
class GlorotNormal(_Normal):
    """N(0, s^2), s = sqrt(2 / (fan_in + fan_out)).

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import GlorotNormal
    >>> float(GlorotNormal()(np.random.RandomState(0), 100, 100, np.float64).std().round(2))
    0.1
    """

    def _std(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(2.0 / (fan_in + fan_out))


@stored_as("initializers.HeUniform")
class HeUniform(_Uniform):
    """U(-b, b), b = sqrt(6 / fan_in).

    Source: He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification",
    ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import HeUniform
    >>> bool(abs(HeUniform()(np.random.RandomState(0), 6, 4, np.float64)).max() <= 1)
    True
    """

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(6.0 / fan_in)


@stored_as("initializers.HeNormal")
class HeNormal(_Normal):
    """N(0, s^2), s = sqrt(2 / fan_in).

    Source: He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification",
    ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import HeNormal
    >>> float(HeNormal()(np.random.RandomState(0), 200, 50, np.float64).std().round(2))
    0.1
    """

    def _std(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(2.0 / fan_in)


@stored_as("initializers.LecunUniform")
class LecunUniform(_Uniform):
    """U(-b, b), b = sqrt(3 / fan_in).

    Source: LeCun et al., "Efficient BackProp", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import LecunUniform
    >>> bool(abs(LecunUniform()(np.random.RandomState(0), 3, 4, np.float64)).max() <= 1)
    True
    """

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(3.0 / fan_in)


@stored_as("initializers.LecunNormal")
class LecunNormal(_Normal):
    """N(0, s^2), s = sqrt(1 / fan_in).

    Source: LeCun et al., "Efficient BackProp", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import LecunNormal
    >>> float(LecunNormal()(np.random.RandomState(0), 100, 50, np.float64).std().round(2))
    0.1
    """

    def _std(self, fan_in: int, fan_out: int) -> float:
        return np.sqrt(1.0 / fan_in)


@stored_as("initializers.Orthogonal")
class Orthogonal(Initializer):
    """A random W with W^T W = gain^2 I, or W W^T = gain^2 I where W has more columns than rows.

    Biases are a vector of length gain in a random direction. Source: Saxe, McClelland & Ganguli, "Exact solutions to
    the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014.

    Parameters
    ----------
    gain : float >= 0, default=1.0
        The length of each column of W, or of each row where there are more columns than rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Orthogonal
    >>> W = Orthogonal(gain=2.0)(np.random.RandomState(0), 5, 2, np.float64)
    >>> abs(W.T @ W).round(6)
    array([[4., 0.],
           [0., 4.]])
    """

    _parameter_constraints: ClassVar[dict] = {"gain": [_NOT_NEGATIVE]}

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
        # Without these signs, some directions would be more likely than others.
        q *= self.gain * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return q if shape[0] >= shape[1] else q.T


@stored_as("initializers.Normal")
class Normal(_Normal):
    """N(0, std^2).

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", NeurIPS 2012, for the
    default.

    Parameters
    ----------
    std : float >= 0, default=0.01
        The standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Normal
    >>> float(Normal(std=0.5)(np.random.RandomState(0), 100, 100, np.float64).std().round(1))
    0.5
    """

    _parameter_constraints: ClassVar[dict] = {"std": [_NOT_NEGATIVE]}

    def __init__(self, std: float = 0.01) -> None:
        self.std = std

    def _std(self, fan_in: int, fan_out: int) -> float:
        return self.std


@stored_as("initializers.Uniform")
class Uniform(_Uniform):
    """U(-bound, bound).

    The default is that of Keras's RandomUniform. Source: LeCun et al., "Efficient BackProp", 1998, on why initial
    weights are random and small.

    Parameters
    ----------
    bound : float >= 0, default=0.05
        The largest absolute value.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Uniform
    >>> bool(abs(Uniform(0.5)(np.random.RandomState(0), 3, 4, np.float64)).max() <= 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict] = {"bound": [_NOT_NEGATIVE]}

    def __init__(self, bound: float = 0.05) -> None:
        self.bound = bound

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return self.bound


@stored_as("initializers.Constant")
class Constant(Initializer):
    """The same value everywhere.

    It is for biases, since units with equal weights and biases would stay equal. Source: Goodfellow, Bengio &
    Courville, "Deep learning", 2016, section 8.4, which sets the biases of rectifiers to 0.1.

    Parameters
    ----------
    value : float, default=0.0
        The value of every number.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Constant
    >>> Constant(0.1).biases(np.random.RandomState(0), 3, 2, np.float64)
    array([0.1, 0.1])
    """

    _parameter_constraints: ClassVar[dict] = {"value": [Interval(Real, -np.inf, np.inf, closed="neither")]}

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        return np.full(shape, self.value, np.float64)


@stored_as("initializers.Zeros")
class Zeros(Initializer):
    """Zeros.

    They are for biases, and for the weights of a network without hidden layers, since hidden units with equal weights
    would stay equal.
    Source: Goodfellow, Bengio & Courville, "Deep learning", 2016, section 8.4.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Zeros
    >>> Zeros().biases(np.random.RandomState(0), 3, 2, np.float64)
    array([0., 0.])
    """

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        return np.zeros(shape)


#: The initializers by name; each can be made without parameters.
INITIALIZERS: Registry[type[Initializer]] = Registry(
    {
        "auto": Auto,
        "glorot_uniform": GlorotUniform,
        "glorot_normal": GlorotNormal,
        "he_uniform": HeUniform,
        "he_normal": HeNormal,
        "lecun_uniform": LecunUniform,
        "lecun_normal": LecunNormal,
        "orthogonal": Orthogonal,
        "normal": Normal,
        "uniform": Uniform,
        "zeros": Zeros,
        "constant": Constant,
    },
    {
        "auto": ("default",),
        # A name without a distribution means the paper's: Glorot & Bengio drew uniform numbers, He et al. normal ones.
        "glorot_uniform": ("xavier", "glorot", "xavier_uniform"),
        "glorot_normal": ("xavier_normal",),
        "he_uniform": ("kaiming_uniform",),
        "he_normal": ("he", "kaiming", "kaiming_normal"),
        "lecun_normal": ("lecun",),
        "orthogonal": ("ortho",),
        "normal": ("gaussian", "random_normal"),
        "uniform": ("random_uniform",),
        "zeros": ("zero",),
        "constant": ("const",),
    },
)


@stored_as("initializers.Pretrained")
class Pretrained(Initializer):
    """The weights and biases of a fitted network, from its first layer on; for the layers after those others are drawn.

    As weight_init it gives the biases, too, unless bias_init says otherwise. An autoencoder of rows without labels is a
    start for a classifier of few labels. Source: Erhan et al., "Why does unsupervised pre-training help deep
    learning?", JMLR 2010.

    Parameters
    ----------
    estimator : object
        A fitted estimator with ``coefs_`` and ``intercepts_``, such as :class:`fastmlp.zoo.Autoencoder`. Clones of what
        this is a parameter of share it as it is.
    n_layers : int >= 1 or None, default=None
        How many layers are taken, which must have the same shapes; None takes as many as have.
    beyond : str, Initializer or callable, default='auto'
        What the other layers begin with.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.initializers import Pretrained
    >>> from fastmlp.zoo import Autoencoder
    >>> X, y = load_iris(return_X_y=True)
    >>> model = Autoencoder((8, 3), tol=0.01, max_iter=500, random_state=0).fit(X)
    >>> clf = MLPClassifier((8, 3), weight_init=Pretrained(model), tol=0.01, max_iter=500, random_state=0)
    >>> clf.fit(X[::10], y[::10]).n_layers_
    4
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods("fit")],
        "n_layers": [Interval(Integral, 1, None, closed="left"), None],
        "beyond": [str, callable],
    }

    def __init__(self, estimator: Any, n_layers: int | None = None, beyond: str | Draw = "auto") -> None:
        self.estimator = estimator
        self.n_layers = n_layers
        self.beyond = beyond

    def __sklearn_clone__(self) -> Pretrained:
        return self  # A clone of the estimator would have learned nothing.

    def _draw(self, rng: np.random.RandomState, shape: tuple[int, int], fan_in: int, fan_out: int) -> NDArray:
        raise ValueError("Pretrained is for whole networks, whose layers it tells apart: it draws no single layer.")

    def _layers(self) -> list[tuple[NDArray, NDArray]]:
        """Return the weights and biases that there are to take."""
        coefs, intercepts = (getattr(self.validate().estimator, name, None) for name in ("coefs_", "intercepts_"))
        if not (isinstance(coefs, list) and isinstance(intercepts, list)):
            raise ValueError(f"estimator must be fitted, with lists coefs_ and intercepts_; got {self.estimator!r}.")
        return list(zip(coefs, intercepts, strict=True))[: self.n_layers]

    def of_layers(self, sizes: Sequence[int]) -> list[str | Draw]:
        """Return what draws each layer of a network, in which the first ones are taken from the estimator.

        Parameters
        ----------
        sizes : sequence of int
            The number of units of each layer, from the inputs to the outputs.

        Raises
        ------
        ValueError
            When the estimator is not fitted, and when no layer, or fewer than n_layers, has the same shape.
        """
        layers = self._layers()
        same = [weights.shape == shape for (weights, _), shape in zip(layers, pairwise(sizes), strict=False)]
        n_taken = [*same, False].index(False)
        if not n_taken or n_taken < (self.n_layers or 0):
            theirs = [weights.shape for weights, _ in layers]
            raise ValueError(
                f"{type(self.estimator).__name__} has layers of the shapes {theirs}, of which"
                f" {self.n_layers or 'the first'} must be those of a network of {tuple(sizes)} units."
            )
        taken = [_Taken(weights, biases) for weights, biases in layers[:n_taken]]
        return [*taken, *[self.beyond] * (len(sizes) - 1 - n_taken)]


class _Taken(Initializer):
    """The weights and biases of one layer of a fitted network."""

    def __init__(self, weights: NDArray, intercepts: NDArray) -> None:
        self.weights, self.intercepts = weights, intercepts

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int, dtype: DTypeLike) -> NDArray:
        return self.weights.astype(dtype)

    def biases(self, rng: np.random.RandomState, fan_in: int, fan_out: int, dtype: DTypeLike) -> NDArray:
        return self.intercepts.astype(dtype)


def initial_params(
    sizes: Sequence[int],
    activation: str | Sequence[str],
    dtype: DTypeLike,
    random_state: np.random.RandomState,
    *,
    weight_init: str | Draw = "auto",
    bias_init: str | Draw = "auto",
) -> NDArray:
    """Make the weights and biases of every layer, layer by layer, the weights before the biases.

    Parameters
    ----------
    sizes : sequence of int
        The number of units of each layer, from the inputs to the outputs.
    activation : str or sequence of str
        The activation of the hidden layers, or that of each, which 'auto' needs; for the output layer it takes the
        activation of the last hidden layer.
    dtype : float32 or float64
        The type of the result.
    random_state : numpy.random.RandomState
    weight_init : str, Initializer or callable, default='auto'
        A name from INITIALIZERS, or a callable, which is called with (rng, fan_in, fan_out, dtype) for each layer and
        must return finite real numbers of shape (fan_in, fan_out). 'auto' draws as scikit-learn does, bit for bit; see
        :class:`Auto`.
    bias_init : str, Initializer or callable, default='auto'
        The same for the biases; a callable must return shape (fan_out,). 'auto' is zeros, except with
        weight_init='auto', where it draws as scikit-learn does as well.

    Returns
    -------
    params : ndarray of shape (n_params,)
        For each layer the weights (n_in, n_out) in C order, then the biases.

    Raises
    ------
    ValueError
        For wrong sizes, another dtype, an unknown name, and when a callable returns another shape, or numbers that are
        not finite and real.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Constant, initial_params
    >>> initial_params([4, 3, 2], "relu", np.float32, np.random.RandomState(0)).shape
    (23,)
    >>> def counted(rng, fan_in, fan_out, dtype):
    ...     return np.arange(fan_in * fan_out).reshape(fan_in, fan_out)
    >>> initial_params([2, 2], "relu", float, np.random.RandomState(), weight_init=counted, bias_init=Constant(0.5))
    array([0. , 1. , 2. , 3. , 0.5, 0.5])
    """
    weight_init, bias_init = _settled(weight_init, bias_init)
    sizes, dtype = layer_sizes(sizes), compute_dtype(dtype)
    params = []
    each_weights, each_biases = (
        init.of_layers(sizes) if isinstance(init, Pretrained) else [init] * (len(sizes) - 1)
        for init in (weight_init, bias_init)
    )
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        own = activation if isinstance(activation, str) else [*activation, "relu"][min(layer, len(activation) - 1)]
        weights = _resolved(each_weights[layer], own, "weight_init")
        biases = _resolved(each_biases[layer], own, "bias_init")
        if isinstance(biases, Initializer):
            biases = biases.biases
        for draw, shape, where in (
            (weights, (fan_in, fan_out), f"weight_init: coefs_[{layer}]"),
            (biases, (fan_out,), f"bias_init: intercepts_[{layer}]"),
        ):
            params.append(_drawn(draw, random_state, fan_in, shape, dtype, where).ravel())
    return np.concatenate(params)


def initial_embeddings(
    n_inputs: int,
    n_columns: int,
    size: int,
    activation: str,
    dtype: DTypeLike,
    random_state: np.random.RandomState,
    *,
    weight_init: str | Draw = "auto",
    bias_init: str | Draw = "auto",
) -> tuple[NDArray, NDArray]:
    """Make the weights and biases of a layer of embeddings: the weights of each input as those of a layer of one input.

    Parameters
    ----------
    n_inputs, n_columns : int
        The inputs of all columns, and the columns.
    size : int
        The number of units of an embedding.
    activation : str
        The activation of the embeddings.
    dtype, random_state, weight_init, bias_init
        As for :func:`initial_params`. A callable is called with a fan_in of 1 for each input's weights, and for each
        column's biases.

    Returns
    -------
    weights : ndarray of shape (n_inputs, size)
    biases : ndarray of shape (n_columns, size)

    Raises
    ------
    TypeError, ValueError
        As :func:`initial_params`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import initial_embeddings
    >>> weights, biases = initial_embeddings(300, 2, 8, "relu", float, np.random.RandomState(0))
    >>> weights.shape, biases.shape, round(float(weights.std()), 1)
    ((300, 8), (2, 8), 0.5)
    """
    weight_init, bias_init = _settled(weight_init, bias_init)
    dtype, drawn = compute_dtype(dtype), []
    for init, n, where in ((weight_init, n_inputs, "weight_init"), (bias_init, n_columns, "bias_init")):
        draw = _resolved(init, activation, where)
        if isinstance(draw, _Uniform | _Normal | Constant | Zeros):  # Rows one by one would have the same numbers.
            drawn.append(draw._draw(random_state, (n, size), 1, size).astype(dtype, copy=False))
            continue
        shape: tuple[int, ...] = (1, size)
        if where == "bias_init":
            draw, shape = draw.biases if isinstance(draw, Initializer) else draw, (size,)
        rows = [_drawn(draw, random_state, 1, shape, dtype, f"{where}: embedding {i}") for i in range(n)]
        drawn.append(np.reshape(rows, (n, size)))
    return drawn[0], drawn[1]


def _settled(weight_init: str | Draw, bias_init: str | Draw) -> tuple[str | Draw, str | Draw]:
    """Return the names that are meant, and what initial biases are where they are left to the weights."""
    weight_init, bias_init = INITIALIZERS.canonical(weight_init), INITIALIZERS.canonical(bias_init)
    automatic = isinstance(weight_init, str) and weight_init == "auto"
    if isinstance(bias_init, str) and bias_init == "auto" and not automatic:
        bias_init = weight_init if isinstance(weight_init, Pretrained) else "zeros"
    return weight_init, bias_init


def _drawn(
    draw: Draw, rng: np.random.RandomState, fan_in: int, shape: tuple[int, ...], dtype: np.dtype, where: str
) -> NDArray:
    """Return what is drawn of a shape, whose last number is that of the units, checked."""
    fan_out = shape[-1]
    try:
        drawn = draw(rng, fan_in, fan_out, dtype)
    except Exception as error:
        error.add_note(f"Raised by {where}, fan_in={fan_in}, fan_out={fan_out}.")
        raise
    return real_array(drawn, shape, dtype, where)


def _resolved(init: str | Draw, activation: str, parameter: str) -> Draw:
    """Return what draws the numbers of a layer with an activation: the object of a name, or what the user gave."""
    if isinstance(init, str):
        made = named(init, INITIALIZERS, parameter)
        return made(activation) if made is Auto else made()
    if isinstance(init, Initializer):
        return init.validate()
    if callable(init) and not isinstance(init, type):
        return init
    if isinstance(init, type) and issubclass(init, Initializer):
        raise TypeError(f"{parameter} must be an object instead of its class: {init.__name__}(); got {init!r}.")
    raise TypeError(
        f"{parameter} must be a name, an Initializer or a callable (rng, fan_in, fan_out, dtype) -> array; got"
        f" {init!r}."
    )
