"""A network: layers as views of one flat parameter vector, with forward pass, loss and gradients."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import check_random_state

from fastmlp import _engine
from fastmlp.activations import Activation, BuiltIn, NativeActivation, activation_of
from fastmlp.initializers import initial_params
from fastmlp.rows import Rows, rows_of
from fastmlp.threads import Team, prediction_team

Predictor = _engine.Predictor


class HiddenLayer(NamedTuple):
    """What a hidden layer does with its products, in the engine's terms."""

    #: The engine's name of the activation; "native" or "python" for a user's.
    activation: str
    #: The activation's parameter, or what the units' learned ones start from.
    number: float = 0.0
    #: Whether each unit learns its own.
    learned: bool = False
    #: None, "layer" or "batch".
    normalization: str | None = None
    #: The user's: an Activation, or two LowLevelCallables for its values and slopes.
    function: Any = None


def hidden_layer(activation: str | Activation, normalization: str | None = None) -> HiddenLayer:
    """Return the layer with an activation, a name or an object, and a normalization.

    Examples
    --------
    >>> from fastmlp.network import hidden_layer
    >>> hidden_layer("leaky_relu").number
    0.01
    """
    activation = activation_of(activation)
    if isinstance(activation, BuiltIn):
        return HiddenLayer(activation.engine_name, float(activation.number), activation.learned, normalization)
    if isinstance(activation, NativeActivation):
        return HiddenLayer("native", normalization=normalization, function=(activation.value, activation.slope))
    return HiddenLayer("python", normalization=normalization, function=activation)


def per_layer(value: Any, n_hidden: int, parameter: str) -> list[Any]:
    """Return a parameter's value for each hidden layer: the same for all, or those of a list.

    Raises
    ------
    ValueError
        For a list of another length than there are hidden layers.

    Examples
    --------
    >>> from fastmlp.network import per_layer
    >>> per_layer(0.5, 2, "dropout"), per_layer([0.1, 0.2], 2, "dropout")
    ([0.5, 0.5], [0.1, 0.2])
    """
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "shape", None) == ():
        return [value] * n_hidden
    if len(value) != n_hidden:
        raise ValueError(f"{parameter} must be one value, or one for each of {n_hidden} hidden layers; got {value!r}.")
    return list(value)


def hidden_layers(
    activation: str | Activation | Sequence[str | Activation | HiddenLayer], normalization: str | None, n_hidden: int
) -> tuple[HiddenLayer, ...]:
    """Return the layers with an activation, the same for all or one for each, and a normalization."""
    return tuple(
        each if isinstance(each, HiddenLayer) else hidden_layer(each, normalization)
        for each in per_layer(activation, n_hidden, "activation")
    )


class Structure(NamedTuple):
    """A network but for its numbers.

    sizes are the units per layer, input and output included; hidden has an element for each hidden layer; loss is the
    engine's name of the loss, which decides the output activation.

    Examples
    --------
    >>> from fastmlp import Structure
    >>> structure = Structure.of([4, 8, 3], "silu", "log_loss", normalization="layer")
    >>> [(kind, layer, shape) for kind, layer, shape in structure.parts()][:2]
    [('coefs', 0, (4, 8)), ('intercepts', 0, (8,))]
    >>> structure.n_params
    75
    """

    sizes: tuple[int, ...]
    hidden: tuple[HiddenLayer, ...]
    loss: str

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation | HiddenLayer],
        loss: str,
        normalization: str | None = None,
    ) -> "Structure":
        """Return the structure with the same activation for all hidden layers, or one for each.

        Raises
        ------
        ValueError
            When there are more or fewer activations than hidden layers.
        """
        return cls(tuple(sizes), hidden_layers(activation, normalization, len(sizes) - 2), loss)

    def parts(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """Return what a flat parameter vector consists of: the kind of each part, its layer (from 0) and its shape.

        First the dense layers, each its weights (n_in, n_out) in C order and its biases; then for each hidden layer
        that has them the gains of its normalization and the learned parameters of its activation.
        """
        parts: list[tuple[str, int, tuple[int, ...]]] = []
        for i, (n_in, n_out) in enumerate(pairwise(self.sizes)):
            parts += [("coefs", i, (n_in, n_out)), ("intercepts", i, (n_out,))]
        for i, (layer, width) in enumerate(zip(self.hidden, self.sizes[1:-1], strict=True)):
            if layer.normalization is not None:
                parts.append(("gains", i, (width,)))
            if layer.learned:
                parts.append(("activation_parameters", i, (width,)))
        return parts

    @property
    def n_params(self) -> int:
        """Length of a flat parameter vector."""
        return sum(math.prod(shape) for _, _, shape in self.parts())


@dataclass
class Regularization:
    """What training does beside a loss's gradient and its L2 term, in the engine's terms; the defaults are nothing."""

    #: Rates: of the inputs, then of each hidden layer's outputs.
    dropout: Sequence[float] = ()
    #: Standard deviation of the normal noise on the inputs.
    input_noise: float = 0.0
    l1: float = 0.0
    #: Largest size of an element of the gradient, and largest norm of the gradient; 0 for any.
    clip_value: float = 0.0
    clip_norm: float = 0.0
    #: Largest norm of a hidden unit's incoming weights; 0 for any.
    max_norm: float = 0.0
    #: What stays in a step of the average of the parameters; 0 for no average.
    average_decay: float = 0.0

    @property
    def draws(self) -> bool:
        """Whether random numbers are needed."""
        return any(self.dropout) or self.input_noise > 0

    @property
    def is_any(self) -> bool:
        """Whether there is anything at all."""
        return self != Regularization(dropout=self.dropout) or any(self.dropout)


class Network:
    """A multilayer perceptron: its structure, its numbers, and passes forward and back.

    Parameters
    ----------
    structure : Structure
    params : ndarray of shape (n_params,), float32 or float64, default=None
        In the order of ``structure.parts()``. Kept, not copied. None is a new vector with weights and biases 0, gains 1
        and the activations' own initial parameters.
    dtype : float32 or float64, default=float64
        Of a new vector.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,), views of params. With a normalization a layer's biases
        are what is added after it.
    gains, activation_parameters : list of ndarray or None
        For each hidden layer a view of params, shape (n_units,), where it has them.
    running : list of ndarray or None
        For each hidden layer with batch normalization the mean and the variance it has in predictions, shape
        (2, n_units).
    input_means, input_scales : ndarray of shape (n_inputs,) or None
        Inputs are centred (CSR rows are not) and multiplied by these.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.network import Network, Structure
    >>> net = Network(Structure.of([2, 1], "relu", "squared_error"), np.ones(3))
    >>> X, y = np.array([[1.0, 2.0]]), np.array([[3.0]])
    >>> net.forward(X)
    array([[4.]])
    >>> net.loss_and_gradients(X, y)
    (0.5, array([1., 2., 1.]))
    >>> {name: view.shape for name, view in net.named_parameters().items()}
    {'coefs.0': (2, 1), 'intercepts.0': (1,)}

    A training loop of one's own:

    >>> from fastmlp.optimizers import Adam
    >>> X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0], dtype=np.int32)
    >>> net = Network.create([2, 8, 2], "tanh", "log_loss", random_state=0)
    >>> optimizer, params = Adam(learning_rate=0.1), list(net.named_parameters().values())
    >>> state = optimizer.init(params)
    >>> for _ in range(100):
    ...     loss, gradient = net.loss_and_gradients(X, y)
    ...     optimizer.step(params, list(net.named_parameters(gradient).values()), state)
    >>> net.forward(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    coefs: list[NDArray]
    intercepts: list[NDArray]
    gains: list[NDArray | None]
    activation_parameters: list[NDArray | None]

    def __init__(self, structure: Structure, params: NDArray | None = None, *, dtype: DTypeLike = np.float64) -> None:
        n_hidden = len(structure.hidden)
        is_new = params is None
        self.structure = structure
        self.params: NDArray = np.zeros(structure.n_params, dtype) if params is None else params
        self.coefs, self.intercepts = [], []
        self.gains, self.activation_parameters = [None] * n_hidden, [None] * n_hidden
        start = 0
        for kind, i, shape in structure.parts():
            view = self.params[start : start + math.prod(shape)].reshape(shape)
            start += view.size
            if kind in ("coefs", "intercepts"):
                getattr(self, kind).append(view)
                continue
            getattr(self, kind)[i] = view
            if is_new:
                view[:] = 1 if kind == "gains" else structure.hidden[i].number
        self.running: list[NDArray | None] = [
            np.array([np.zeros(width), np.ones(width)], self.params.dtype) if layer.normalization == "batch" else None
            for layer, width in zip(structure.hidden, structure.sizes[1:-1], strict=True)
        ]
        self.input_means: NDArray | None = None
        self.input_scales: NDArray | None = None

    @classmethod
    def create(
        cls,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation | HiddenLayer] = "relu",
        loss: str = "squared_error",
        *,
        normalization: str | None = None,
        weight_init: Any = "auto",
        bias_init: Any = "auto",
        random_state: int | np.random.RandomState | None = None,
        dtype: DTypeLike = np.float64,
    ) -> "Network":
        """Build a network with initial weights.

        Parameters
        ----------
        sizes : sequence of int
            Units per layer, input and output included.
        activation : str, Activation, or a sequence with one per hidden layer, default="relu"
        loss : str, default="squared_error"
            A name from ``fastmlp.losses.LOSSES``: the engine's.
        normalization : {"batch", "layer"} or None, default=None
        weight_init, bias_init : default="auto"
            As :func:`fastmlp.initializers.initial_params` takes them.
        random_state : int, RandomState or None, default=None
        dtype : float32 or float64, default=float64
        """
        network = cls(Structure.of(sizes, activation, loss, normalization), dtype=dtype)
        names = activation if isinstance(activation, str) else [layer.activation for layer in network.structure.hidden]
        start = initial_params(
            sizes, names, dtype, check_random_state(random_state), weight_init=weight_init, bias_init=bias_init
        )
        network.params[: start.size] = start
        return network

    def named_parameters(self, vector: NDArray | None = None) -> dict[str, NDArray]:
        """Return views of params by name: "coefs.0", "intercepts.0", ..., "gains.0", ...

        Those of another vector in the same order, a gradient, where one is given.
        """
        network = self if vector is None else Network(self.structure, vector)
        return {f"{kind}.{i}": getattr(network, kind)[i] for kind, i, _ in self.structure.parts()}

    def astype(self, dtype: DTypeLike) -> "Network":
        """Return a copy in another (or the same) type."""
        other = Network(self.structure, self.params.astype(dtype))
        other.running = [None if moments is None else moments.astype(dtype) for moments in self.running]
        other.input_means, other.input_scales = self.input_means, self.input_scales
        return other

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what training changes: the parameters, and each layer's running moments."""
        running = {f"running.{i}": moments.copy() for i, moments in enumerate(self.running) if moments is not None}
        return {"params": self.params.copy(), **running}

    def with_arrays(self, arrays: Mapping[str, NDArray]) -> "Network":
        """Return a copy with what :meth:`arrays` returned of another."""
        other = self.astype(self.params.dtype)
        other.params[:] = arrays["params"]
        for i, moments in enumerate(other.running):
            if moments is not None:
                moments[:] = arrays[f"running.{i}"]
        return other

    def folded(self) -> "Network":
        """Return a network without batch normalization and scaling of inputs that gives the same outputs.

        Both are linear in a prediction, so that weights and biases can take them in; but for the scaling where layer
        normalization follows the first product, since biases are added after it.
        """
        structure = self.structure
        hidden = tuple(
            layer._replace(normalization=None) if layer.normalization == "batch" else layer
            for layer in structure.hidden
        )
        folded = Network(structure._replace(hidden=hidden), dtype=self.params.dtype)
        for name, view in folded.named_parameters().items():
            view[:] = self.named_parameters()[name]
        for i, moments in enumerate(self.running):
            gains = self.gains[i]
            if moments is not None and gains is not None:
                factors = gains / np.sqrt(moments[1] + moments.dtype.type(_engine.NORMALIZATION_EPSILON))
                folded.coefs[i] *= factors
                folded.intercepts[i] -= moments[0] * factors
        if structure.hidden and structure.hidden[0].normalization == "layer":
            folded.input_means, folded.input_scales = self.input_means, self.input_scales
        elif self.input_scales is not None and self.input_means is not None:
            # In double precision: the means may be large against the scales.
            scaled = folded.coefs[0] * self.input_scales.astype(np.float64)[:, np.newaxis]
            folded.intercepts[0] -= self.input_means.astype(np.float64) @ scaled
            folded.coefs[0][:] = scaled
        return folded

    @property
    def flops_per_row(self) -> float:
        """Floating-point operations of one row's way forward and back, and its share of the gradients."""
        return 6.0 * self.params.size

    def load_into(self, packed: _engine.PackedNetwork) -> None:
        """Hand everything to a packed network of this structure."""
        packed.load(self.params)
        for i, moments in enumerate(self.running):
            if moments is not None:
                packed.set_running(i, *moments)
        if self.input_means is not None and self.input_scales is not None:
            packed.scale_inputs(self.input_means, self.input_scales)

    def packed(self) -> _engine.PackedNetwork:
        """Return the network in the engine's layout."""
        packed = _engine.PackedNetwork(*self.structure, self.params.dtype)
        self.load_into(packed)
        return packed

    def predictor(self, form: str, n_jobs: int | None) -> Predictor:
        """Return a callable that gives the outputs, in one of a Predictor's forms, for plain arrays."""
        folded = self.folded()
        predictor = _engine.Predictor(
            *folded.structure,
            folded.params.dtype,
            form=form,
            team_of=partial(prediction_team, n_jobs),
        )
        folded.load_into(predictor)
        return predictor

    def forward(self, X: Rows | NDArray | scipy.sparse.sparray, n_threads: int = 1) -> NDArray:
        """Return the outputs for all rows, shape (n_rows, n_outputs)."""
        return forward_in_pieces(self.packed(), self._rows(X), None, Team(n_threads, judged=False))

    def activations(self, X: Rows | NDArray | scipy.sparse.sparray, n_threads: int = 1) -> list[NDArray]:
        """Return what each hidden layer gives the next one in a prediction, and last the outputs, one row per row of X.

        Parameters
        ----------
        X : Rows, ndarray or sparse matrix of shape (n_rows, n_inputs)
        n_threads : int, default=1

        Returns
        -------
        activations : list of ndarray
            Of each layer but the input, shape (n_rows, n_units). The last is what :meth:`forward` returns, to the bit.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Network
        >>> net = Network.create([3, 5, 2], "tanh", random_state=0)
        >>> hidden, outputs = net.activations(np.ones((4, 3)))
        >>> hidden.shape, np.array_equal(outputs, net.forward(np.ones((4, 3))))
        ((4, 5), True)
        """
        below, outputs = self._rows(X), []
        for i in range(len(self.coefs)):
            outputs.append(self._layer(i).forward(below, n_threads))
            below = rows_of(outputs[-1], self.params.dtype)
        return outputs

    def _layer(self, i: int) -> "Network":
        """Return a network of one layer alone, whose outputs are those of the layer.

        The engine gives out what has passed its link, so that a hidden layer has an identity matrix behind it; products
        with zeros and ones do not round.
        """
        sizes, hidden, loss = self.structure
        if i == len(hidden):
            layer = Network(Structure(sizes[i:], (), loss), dtype=self.params.dtype)
        else:
            width = sizes[i + 1]
            layer = Network(Structure((sizes[i], width, width), (hidden[i],), "squared_error"), dtype=self.params.dtype)
            layer.coefs[1][:] = np.eye(width)
            layer.running = [self.running[i]]
            for name in ("gains", "activation_parameters"):
                if (given := getattr(self, name)[i]) is not None:
                    getattr(layer, name)[0][:] = given
        layer.coefs[0][:], layer.intercepts[0][:] = self.coefs[i], self.intercepts[i]
        if i == 0:
            layer.input_means, layer.input_scales = self.input_means, self.input_scales
        return layer

    def _rows(self, X: Rows | NDArray | scipy.sparse.sparray) -> Rows:
        return X if isinstance(X, Rows) else rows_of(X, self.params.dtype)

    def loss_and_gradients(
        self,
        X: Rows | NDArray | scipy.sparse.sparray,
        targets: NDArray,
        weights: NDArray | None = None,
        *,
        alpha: float = 0.0,
        n_threads: int = 1,
        **options: Any,
    ) -> tuple[float, NDArray]:
        """Return the mean loss over all rows with its L2 term, and the gradient in the layout of params.

        The L2 term is alpha / 2 times the sum of the squared weights, divided by the number of rows (or the sum of
        their weights). For squared_error the gradient lacks the mean over outputs: it is n_outputs times that of
        the loss. Batch normalization takes the rows' own moments, in which each counts as its weight says.

        Parameters
        ----------
        X : Rows, ndarray or sparse matrix of shape (n_rows, n_inputs)
        targets : ndarray
            int32 class numbers (n_rows,) for log_loss, else an array (n_rows, n_outputs) of the parameters' type.
        weights : ndarray of shape (n_rows,), float64, default=None
        alpha : float, default=0.0
        n_threads : int, default=1
        **options
            What else the engine's Trainer takes.
        """
        gradients = Gradients(self, self._rows(X), targets, weights, alpha=alpha, n_threads=n_threads, **options)
        return gradients(self.params)


class Gradients:
    """Loss and gradient over all rows as a function of the parameters, with the engine's buffers kept between calls."""

    def __init__(
        self,
        network: Network,
        rows: Rows,
        targets: NDArray,
        weights: NDArray | None,
        *,
        alpha: float,
        n_threads: int,
        **options: Any,
    ) -> None:
        self._alpha = alpha
        self._orders = np.arange(rows.n_rows)[np.newaxis]
        self._trainer = _engine.Trainer(
            *network.structure,
            network.params.dtype,
            rule="gradient",
            max_batch=rows.n_rows,
            n_threads=n_threads,
            **options,
        )
        network.load_into(self._trainer)
        self._trainer.attach(rows, targets, weights)

    def __call__(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the loss and a new gradient vector."""
        trainer = self._trainer
        trainer.load(params)
        trainer.begin(self._orders, self._orders.size, self._alpha, (), 0)
        while not trainer.run():
            pass
        gradient = np.empty_like(params)
        trainer.store(None, [gradient])
        return trainer.losses()[0], gradient


def check_gradients(
    network: Network,
    X: Rows | NDArray | scipy.sparse.sparray,
    targets: NDArray,
    weights: NDArray | None = None,
    *,
    alpha: float = 0.0,
    step: float = 1e-6,
    n_directions: int = 3,
    random_state: int | np.random.Generator | None = 0,
    **options: Any,
) -> dict[str, float]:
    """Compare a network's gradients with central finite differences of its loss.

    In each direction d, which moves every parameter of a block by the step one way or the other, the slope of the loss,
    (loss(p + d) - loss(p - d)) / (2 step), is held against the sum of gradient times d / step. A block's error is the
    norm of the differences over that of the slopes, or over a thousandth of the loss where the slopes are smaller:
    rounding hides what is far below the loss. Dropout and noise are the same in all evaluations.

    Parameters
    ----------
    network : Network
        In float64.
    X, targets, weights, alpha
        As for :meth:`Network.loss_and_gradients`.
    step : float > 0, default=1e-6
        How far parameters are moved. A loss with a kink so near to where it is has another slope there, and an error.
    n_directions : int >= 1, default=3
        Random directions for each block of parameters.
    random_state : int, Generator or None, default=0
        Of the directions.
    **options
        What else the engine's Trainer takes, such as regularization and seed. A regularization must not clip, since a
        clipped gradient is not that of the loss.

    Returns
    -------
    errors : dict
        The relative error for each block of parameters, by the names of :meth:`Network.named_parameters`.

    Raises
    ------
    ValueError
        For a network that is not in float64, or a regularization that clips.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.network import Network, Structure, check_gradients
    >>> rng = np.random.default_rng(0)
    >>> structure = Structure.of([3, 4, 2], "tanh", "squared_error")
    >>> net = Network(structure, rng.standard_normal(structure.n_params))
    >>> errors = check_gradients(net, rng.standard_normal((5, 3)), rng.standard_normal((5, 2)), alpha=0.1)
    >>> {name: error < 1e-7 for name, error in errors.items()}
    {'coefs.0': True, 'intercepts.0': True, 'coefs.1': True, 'intercepts.1': True}
    """
    params, regularization = network.params, options.get("regularization") or Regularization()
    if params.dtype != np.float64:
        raise ValueError(f"network must be float64 for finite differences, got {params.dtype}.")
    if regularization.clip_value or regularization.clip_norm:
        raise ValueError(f"regularization must not clip the gradient that is checked, got {regularization}.")
    rows = network._rows(X)
    evaluate = Gradients(network, rows, targets, weights, alpha=alpha, n_threads=1, **options)
    # The gradient of squared_error is as many times that of the loss, the penalties' is not.
    factor = network.structure.sizes[-1] if network.structure.loss == "squared_error" else 1
    if options.get("python_loss") is not None:
        factor = 1
    bare = {**options, "regularization": replace(regularization, l1=0.0)}
    unpenalised = Gradients(network, rows, targets, weights, alpha=0.0, n_threads=1, **bare)

    def value_at(p: NDArray) -> float:
        value = evaluate(p)[0]
        return value if factor == 1 else value + (factor - 1) * unpenalised(p)[0]

    rng = np.random.default_rng(random_state)
    gradient = evaluate(params)[1]
    least = 1e-3 * abs(value_at(params))
    errors, start = {}, 0
    for name, view in network.named_parameters().items():
        block = slice(start, start + view.size)
        start += view.size
        expected, actual = np.empty((2, n_directions))
        for i in range(n_directions):
            direction = np.zeros_like(params)
            direction[block] = rng.choice([-1.0, 1.0], view.size)
            expected[i] = (value_at(params + step * direction) - value_at(params - step * direction)) / (2 * step)
            actual[i] = gradient @ direction
        error, *scales = (float(np.linalg.norm(slopes)) for slopes in (actual - expected, actual, expected))
        errors[name] = error / max(*scales, least) if error else 0.0
    return errors


def forward_in_pieces(
    packed: _engine.PackedNetwork, rows: Rows, order: NDArray | None, team: Team, *, linked: bool = True
) -> NDArray:
    """Return the outputs for the rows order names (all for None), coming back to Python every now and then.

    Without linked, those before the output layer's link.
    """
    n_rows = rows.n_rows if order is None else len(order)
    out = np.empty((n_rows, packed.n_outputs), dtype=packed.dtype)
    piece = max(1024, int(_engine.FLOPS_PER_PIECE / (2 * packed.n_params)))
    for start in range(0, n_rows, piece):
        stop = min(n_rows, start + piece)
        packed.forward(
            rows,
            order=order,
            start=start,
            stop=stop,
            out=out[start:stop],
            n_threads=team.n_threads,
            judged=team.judged,
            linked=linked,
        )
    return out
