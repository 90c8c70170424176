"""A network: layers as views of one flat parameter vector, with forward pass, loss and gradients."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any, NamedTuple, overload

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_random_state

from fastmlp import _engine
from fastmlp.activations import ACTIVATIONS, Activation, BuiltIn, NativeActivation, activation_of
from fastmlp.components import Registry, compute_dtype, layer_sizes, listed, named, real_array, whole_number
from fastmlp.initializers import initial_params
from fastmlp.inputs.rows import Rows, checked_rows
from fastmlp.losses import OUTPUT_ACTIVATIONS, CustomLoss, check_loss_options, engine_targets
from fastmlp.network.composition import Composable
from fastmlp.threads import Team, prediction_team, team_size, threads_of

Predictor = _engine.Predictor

#: Normalizations by name, as a hidden layer has them.
NORMALIZATIONS: Registry[str] = Registry(
    {"batch": "batch", "layer": "layer"},
    {
        "batch": ("batch_norm", "batch_normalization", "batch_norm_1d", "bn"),
        "layer": ("layer_norm", "layer_normalization", "ln"),
    },
)


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

    def validate(self) -> HiddenLayer:
        """Return self, when the engine can make such a layer.

        Raises
        ------
        ValueError
            Names what cannot be, and says what can.
        """
        if self.activation == "native":
            both = self.function if isinstance(self.function, tuple) and len(self.function) == 2 else (None, None)
            NativeActivation(*both).validate()
        elif self.activation == "python":
            activation_of(self.function)
        else:
            _check_name(self.activation, _engine.ACTIVATIONS, "activation")
        if self.learned and self.activation not in _engine.LEARNABLE_ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r} has nothing to learn, but learned={self.learned!r}.")
        if not isinstance(self.number, Real) or not math.isfinite(float(self.number)):
            raise ValueError(f"number must be a finite number; got {self.number!r}.")
        if self.normalization is not None:
            _check_name(self.normalization, NORMALIZATIONS, "normalization")
        return self


def _check_name(name: Any, known: Collection[str], parameter: str) -> None:
    if not isinstance(name, str) or name not in known:
        what = f"{parameter}={name!r}" if isinstance(name, str) else f"{parameter}: {name!r}"
        raise ValueError(f"{what} is not known; known are {listed(str(name), known)}.")


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
    if isinstance(normalization, str):
        normalization = named(normalization, NORMALIZATIONS, "normalization")
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
    ) -> Structure:
        """Return the structure with the same activation for all hidden layers, or one for each.

        Raises
        ------
        ValueError
            When there are more or fewer activations than hidden layers, and for what :meth:`validate` refuses.
        """
        units, loss = layer_sizes(sizes), OUTPUT_ACTIVATIONS.canonical(loss)
        return cls(units, hidden_layers(activation, normalization, len(units) - 2), loss).validate()

    def validate(self) -> Structure:
        """Return the structure with integers for its sizes, when there can be such a network.

        Raises
        ------
        ValueError
            For sizes that are no positive integers, fewer than two; for another number of hidden layers than they tell;
            for names that are not known, of which it lists those that are, the nearest first.

        Examples
        --------
        >>> from fastmlp import Structure
        >>> Structure.of([3, 0, 1], "relu", "squared_error")
        Traceback (most recent call last):
        ...
        ValueError: sizes must be integers of at least 1, inputs and outputs included; got [3, 0, 1].
        """
        sizes = layer_sizes(self.sizes)
        if len(self.hidden) != len(sizes) - 2:
            raise ValueError(f"hidden must have {len(sizes) - 2} layers for sizes={sizes}; got {len(self.hidden)}.")
        for layer in self.hidden:
            if not isinstance(layer, HiddenLayer):
                raise ValueError(f"hidden must consist of HiddenLayers, as hidden_layer makes them; got {layer!r}.")
            layer.validate()
        _check_name(self.loss, OUTPUT_ACTIVATIONS, "loss")
        return self if sizes == self.sizes else self._replace(sizes=sizes)

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
    #: Factors of the learning rate, and of the L2 term and the optimizer's weight decay, for parts of the parameters by
    #: their names or patterns of these ("coefs.0", "intercepts.*"), of which the last that fits a name counts.
    rate_factors: Mapping[str, float] = field(default_factory=dict)
    decay_factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def draws(self) -> bool:
        """Whether random numbers are needed."""
        return any(self.dropout) or self.input_noise > 0

    @property
    def is_any(self) -> bool:
        """Whether there is anything at all."""
        return self != Regularization(dropout=self.dropout) or any(self.dropout)

    def validate(self) -> Regularization:
        """Return self, when all numbers can be what they are said to be.

        Raises
        ------
        ValueError
            Names what cannot be.
        """
        if isinstance(self.dropout, str) or not isinstance(self.dropout, Sequence | np.ndarray):
            raise ValueError(
                "regularization: dropout must be a sequence of rates, of the inputs and of each hidden layer; got"
                f" {self.dropout!r}."
            )
        for name, value in asdict(self).items():
            if name.endswith("_factors") and not isinstance(value, Mapping):
                raise ValueError(f"regularization: {name} must map names of parts to numbers; got {value!r}.")
            rates = list(value.values() if isinstance(value, Mapping) else value if name == "dropout" else [value])
            most = 1.0 if name in ("dropout", "average_decay") else math.inf
            if not all(isinstance(rate, Real) and 0 <= float(rate) < most for rate in rates):
                limits = f"at least 0{' and below 1' if most == 1 else ', and finite'}"
                raise ValueError(f"regularization: {name} must be {limits}; got {value!r}.")
        return self

    def factors(self, parts: Sequence[str]) -> tuple[list[float], list[float]]:
        """Return the factors of the learning rate and those of weight decay for parts of the parameters.

        Raises
        ------
        ValueError
            For a pattern that fits none of the names.

        Examples
        --------
        >>> from fastmlp.network import Regularization
        >>> regularization = Regularization(rate_factors={"coefs.*": 0.5, "coefs.1": 2.0})
        >>> regularization.factors(["coefs.0", "coefs.1", "intercepts.1"])
        ([0.5, 2.0, 1.0], [1.0, 1.0, 1.0])
        """
        found = []
        for name, patterns in (("rate_factors", self.rate_factors), ("decay_factors", self.decay_factors)):
            factors = [1.0] * len(parts)
            for pattern, factor in patterns.items():
                fitting = [i for i, part in enumerate(parts) if fnmatchcase(part, pattern)]
                if not fitting:
                    raise ValueError(f"{name} has {pattern!r}, but the parts are {', '.join(map(repr, parts))}.")
                for i in fitting:
                    factors[i] = float(factor)
            found.append(factors)
        return found[0], found[1]


class Network(Composable):
    """A multilayer perceptron: its structure, its numbers, and passes forward and back.

    Parameters
    ----------
    structure : Structure
    params : ndarray of shape (n_params,), float32 or float64, default=None
        In the order of ``structure.parts()``. Kept, not copied; hence contiguous. None is a new vector with weights and
        biases 0, gains 1 and the activations' own initial parameters.
    dtype : float32 or float64, default=float64
        Of a new vector.

    Raises
    ------
    ValueError
        For a structure that cannot be, a vector of another length or type, and another type.

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
    loss_settings : dict
        What the engine is told of the loss beside its name, unless :meth:`loss_and_gradients` is told otherwise:
        ``loss_options``, ``output_weights``, ``python_loss``.

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
        if not isinstance(structure, Structure):
            raise TypeError(f"structure must be a Structure, as Structure.of makes it; got {structure!r}.")
        structure = structure.validate()
        n_hidden = len(structure.hidden)
        is_new = params is None
        self.structure = structure
        self.params: NDArray = (
            np.zeros(structure.n_params, compute_dtype(dtype))
            if params is None
            else _checked_vector(params, structure.n_params, "params")
        )
        self.coefs, self.intercepts = [], []
        self.gains, self.activation_parameters = [None] * n_hidden, [None] * n_hidden
        for kind, i, view in _views(structure, self.params):
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
        self.loss_settings: dict[str, Any] = {}

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
    ) -> Network:
        """Build a network with initial weights.

        Parameters
        ----------
        sizes : sequence of int
            Units per layer, input and output included.
        activation : str, Activation, or a sequence with one per hidden layer, default="relu"
        loss : str, default="squared_error"
            A name from ``fastmlp.losses.LOSSES``, the engine's, or an everyday name of it.
        normalization : {"batch", "layer"} or None, default=None
        weight_init, bias_init : default="auto"
            As :func:`fastmlp.initializers.initial_params` takes them.
        random_state : int, RandomState or None, default=None
        dtype : float32 or float64, default=float64

        Raises
        ------
        ValueError
            For sizes, names and types that cannot be; it says what can.

        Examples
        --------
        >>> from fastmlp import Network
        >>> Network.create([3, 4, 1], "tanh", random_state=0).params.size
        21
        >>> Network.create([3, 4, 1], dtype="float16")
        Traceback (most recent call last):
        ...
        ValueError: dtype must be float32 or float64; got 'float16'.
        """
        network = cls(Structure.of(sizes, activation, loss, normalization), dtype=dtype)
        names: str | list[str] = [layer.activation for layer in network.structure.hidden]
        if isinstance(activation, str):  # which counts where there is no hidden layer, too
            names = ACTIVATIONS.canonical(activation)
        units, rng = network.structure.sizes, check_random_state(random_state)
        start = initial_params(units, names, network.params.dtype, rng, weight_init=weight_init, bias_init=bias_init)
        network.params[: start.size] = start
        return network

    def named_parameters(self, vector: NDArray | None = None) -> dict[str, NDArray]:
        """Return views of params by name: "coefs.0", "intercepts.0", ..., "gains.0", ...

        Those of another vector in the same order, a gradient, where one is given.

        Raises
        ------
        ValueError
            For another vector that is not contiguous, float32 or float64, and as long.
        """
        if vector is None:
            return {f"{kind}.{i}": getattr(self, kind)[i] for kind, i, _ in self.structure.parts()}
        _checked_vector(vector, self.params.size, "vector")
        return {f"{kind}.{i}": view for kind, i, view in _views(self.structure, vector)}

    def astype(self, dtype: DTypeLike) -> Network:
        """Return a copy in another (or the same) type, float32 or float64."""
        dtype = compute_dtype(dtype)
        other = Network(self.structure, self.params.astype(dtype))
        other.running = [None if moments is None else moments.astype(dtype) for moments in self.running]
        other.input_means, other.input_scales = self.input_means, self.input_scales
        other.loss_settings = dict(self.loss_settings)
        return other

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what training changes: the parameters, and each layer's running moments."""
        running = {f"running.{i}": moments.copy() for i, moments in enumerate(self.running) if moments is not None}
        return {"params": self.params.copy(), **running}

    def with_arrays(self, arrays: Mapping[str, NDArray]) -> Network:
        """Return a copy with what :meth:`arrays` returned of another.

        Raises
        ------
        ValueError
            When these are not arrays of the same names and shapes.
        """
        other = self.astype(self.params.dtype)
        own = {f"running.{i}": moments for i, moments in enumerate(other.running) if moments is not None}
        own["params"] = other.params
        for name, array in own.items():
            if name not in arrays or np.shape(arrays[name]) != array.shape:
                got = f"shape {np.shape(arrays[name])}" if name in arrays else f"{sorted(arrays)}"
                raise ValueError(f"arrays must hold {name!r}, of shape {array.shape}; got {got}.")
            array[:] = arrays[name]
        return other

    def folded(self) -> Network:
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
        folded.loss_settings = dict(self.loss_settings)
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
            elif self.structure.hidden[i].normalization == "batch":
                raise ValueError(f"running[{i}] must be the mean and the variance of hidden layer {i}; got None.")
        if (self.input_means is None) != (self.input_scales is None):
            raise ValueError("input_means and input_scales go together; got only one of them.")
        if self.input_means is not None and self.input_scales is not None:
            packed.scale_inputs(self.input_means, self.input_scales)

    def packed(self) -> _engine.PackedNetwork:
        """Return the network in the engine's layout."""
        packed = _engine.PackedNetwork(*self.structure, self.params.dtype)
        self.load_into(packed)
        return packed

    def predictor(self, form: str, n_jobs: int | None) -> Predictor:
        """Return a callable that gives the outputs, in one of a Predictor's forms, for plain arrays.

        Parameters
        ----------
        form : {"columns", "flat", "pair"}
            "columns" is the outputs, shape (n_rows, n_outputs); of a single output "flat" is the outputs, shape
            (n_rows,), and "pair" with p the output the columns 1 - p and p.
        n_jobs : int or None
            Threads, as the estimators take it.

        Returns
        -------
        predictor : callable
            Takes a C-contiguous array of shape (n_rows, n_inputs) and of the parameters' type, which may have no rows;
            raises ValueError for anything else. NaN and infinity go through.
        """
        team_size(n_jobs, 0.0)  # refuses what is no number of threads
        folded = self.folded()
        predictor = _engine.Predictor(
            *folded.structure,
            folded.params.dtype,
            form=form,
            team_of=partial(prediction_team, n_jobs),
        )
        folded.load_into(predictor)
        return predictor

    def forward(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        n_threads: int = 1,
        *,
        linked: bool = True,
        keep: bool = False,
        training: bool = False,
        dropout: Sequence[float] = (),
        seed: int = 0,
    ) -> NDArray:
        """Return the outputs for all rows, shape (n_rows, n_outputs); kept, if asked for, to go back from them.

        A pass that is kept is what :meth:`backward` takes gradients of the outputs back through. A network keeps one at
        a time: the next takes its place, and its buffers where they fit. Python threads that keep passes at the same
        time need networks of their own.

        Parameters
        ----------
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            Of no rows, the outputs are none; a pass is kept of one row or more. A sparse matrix must stay as it is
            until the last :meth:`backward`.
        n_threads : int, default=1
            At most 1024 are used, and in a process that was forked off another a single one.
        linked : bool, default=True
            Whether the outputs are those after the link (softmax, logistic, exp: what the loss tells) or before it. The
            gradients that :meth:`backward` takes are with respect to the same.
        keep : bool, default=False
            Whether the pass is kept. The outputs are the same then but for rounding.
        training : bool, default=False
            Only for a pass that is kept. Batch normalization takes the moments of these rows and not the running ones,
            and moves those in ``running`` a tenth of the way towards them, as in a fit.
        dropout : sequence of float, default=()
            Only for a pass that is kept. Rates of the inputs and of each hidden layer's outputs; () is no dropout.
        seed : int, default=0
            Of dropout: the same seed drops the same units.

        Raises
        ------
        ValueError
            For X of another shape, with what is no finite number, or sparse with indices that lie; for n_threads that
            is no positive integer; for training or dropout without keep.

        Examples
        --------
        >>> from fastmlp import Network
        >>> net = Network.create([3, 5, 2], random_state=0)
        >>> net.forward([[1, 2, 3]]).shape
        (1, 2)
        >>> outputs = net.forward([[1, 2, 3]], keep=True)
        >>> net.backward(2 * outputs).shape  # the gradient of the sum of the squared outputs
        (32,)
        >>> net.forward([[1, 2, 3, 4]])
        Traceback (most recent call last):
        ...
        ValueError: X has 4 features, but Network is expecting 3 features as input.
        """
        if keep:
            regularization = Regularization(dropout=dropout).validate()
            return self._forward_kept(
                X,
                n_threads,
                linked=linked,
                training=training,
                regularization=regularization,
                seed=_checked_seed(seed),
            )
        if training or np.size(dropout):
            raise ValueError("training and dropout are for a pass that is kept: forward(X, keep=True, ...).")
        team = Team(threads_of(n_threads), judged=False)
        return forward_in_pieces(self.packed(), self._rows(X), None, team, linked=linked)

    @overload
    def activations(
        self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: None = None
    ) -> list[NDArray]: ...
    @overload
    def activations(self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: int) -> NDArray: ...

    def activations(
        self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: int | None = None
    ) -> list[NDArray] | NDArray:
        """Return what each hidden layer gives the next one in a prediction, and last the outputs, one row per row of X.

        Parameters
        ----------
        X, n_threads
            As :meth:`forward` takes them.
        layer : int, default=None
            The one layer that is wanted, as an index into the list of all: 0 is the first hidden layer, -2 the last
            one, and -1 the outputs. The rows go no further than there.

        Returns
        -------
        activations : list of ndarray, or ndarray for one layer
            Of each layer but the input, shape (n_rows, n_units). The last is what :meth:`forward` returns, to the bit.

        Raises
        ------
        ValueError
            For a layer that there is not, and for what :meth:`forward` refuses.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Network
        >>> net = Network.create([3, 5, 2], "tanh", random_state=0)
        >>> hidden, outputs = net.activations(np.ones((4, 3)))
        >>> hidden.shape, np.array_equal(outputs, net.forward(np.ones((4, 3))))
        ((4, 5), True)
        >>> np.array_equal(net.activations(np.ones((4, 3)), layer=0), hidden)
        True
        """
        rows, team, n_layers = self._rows(X), Team(threads_of(n_threads), judged=False), len(self.coefs)
        if layer is not None:
            number = whole_number(layer, "layer", least=None)
            if not -n_layers <= number < n_layers:
                raise ValueError(f"layer must be from {-n_layers} to {n_layers - 1}; got {number}.")
            return forward_in_pieces(self.packed(), rows, None, team, depth=number % n_layers + 1)
        hidden = [np.empty((rows.n_rows, width), self.params.dtype) for width in self.structure.sizes[1:-1]]
        return [*hidden, forward_in_pieces(self.packed(), rows, None, team, hidden=hidden)]

    def _rows(self, X: Any) -> Rows:
        rows = X if isinstance(X, Rows) else checked_rows(X, self.params.dtype)
        n_inputs = self.structure.sizes[0]
        if rows.n_features != n_inputs:
            raise ValueError(
                f"X has {rows.n_features} features, but Network is expecting {n_inputs} features as input."
            )
        return rows

    def _check_batch(self, n_rows: int, *, needs_moments: bool) -> None:
        """Refuse a batch of too few rows: of none, or of one where batch normalization needs moments of several."""
        if n_rows == 0:
            shape = (0, self.structure.sizes[0])
            raise ValueError(f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required.")
        if needs_moments and n_rows == 1 and any(layer.normalization == "batch" for layer in self.structure.hidden):
            raise ValueError("normalization='batch' needs 2 samples or more in a batch; got 1 sample.")

    def _samples(self, X: Any, targets: Any, weights: Any) -> tuple[Rows, NDArray, NDArray | None]:
        """Return samples to learn from as the engine takes them."""
        rows, dtype = self._rows(X), self.params.dtype
        n_rows, loss = rows.n_rows, self.structure.loss
        self._check_batch(n_rows, needs_moments=True)
        targets = engine_targets(targets, loss, (n_rows, self.structure.sizes[-1]), dtype)
        if weights is not None:
            weights = np.ascontiguousarray(real_array(weights, (n_rows,), np.float64, "weights"))
            if (weights < 0).any():
                raise ValueError(f"weights must be at least 0; got {weights.min()}.")
            if not weights.max() >= np.finfo(np.float64).tiny:  # below which the engine's arithmetic takes them for 0
                raise ValueError(
                    "weights must not all be 0."
                    if not weights.any()
                    else f"weights must not all be next to 0; got at most {weights.max():.3g}: divide them by that."
                )
        return rows, targets, weights

    def loss_and_gradients(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        targets: ArrayLike,
        weights: ArrayLike | None = None,
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
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            As :meth:`forward` takes it, of at least one row.
        targets : array-like of shape (n_rows,) or (n_rows, n_outputs)
            For log_loss and focal class numbers, integers from 0 to n_outputs - 1, of the first shape; else numbers, of
            a single output in either shape.
        weights : array-like of shape (n_rows,), default=None
            Numbers of at least 0, not all of them 0.
        alpha : float, default=0.0
        n_threads : int, default=1
            As :meth:`forward` takes it.
        **options
            What else the engine's Trainer takes.

        Raises
        ------
        ValueError
            For input that cannot be used; it names the parameter and says what can.

        Examples
        --------
        >>> from fastmlp import Network
        >>> net = Network.create([2, 3], loss="log_loss", random_state=0)
        >>> net.loss_and_gradients([[1, 2], [3, 4]], [1, 2], n_threads=1)[1].shape
        (9,)
        >>> net.loss_and_gradients([[1, 2], [3, 4]], [1, 3])
        Traceback (most recent call last):
        ...
        ValueError: targets of the loss 'log_loss' must be class numbers from 0 to 2; got 3.
        """
        samples, options = self._samples(X, targets, weights), _checked_options(self.structure.loss, alpha, options)
        return Gradients(self, *samples, n_threads=threads_of(n_threads), **options)(self.params)


def _views(structure: Structure, vector: NDArray) -> Iterator[tuple[str, int, NDArray]]:
    """Yield what a flat vector consists of, as ``structure.parts()`` has it, with views for the shapes."""
    start = 0
    for kind, i, shape in structure.parts():
        view = vector[start : start + math.prod(shape)].reshape(shape)
        start += view.size
        yield kind, i, view


def _checked_vector(vector: Any, n_params: int, parameter: str) -> NDArray:
    """Return a vector that parameters may be views of."""
    got = type(vector).__name__
    if isinstance(vector, np.ndarray):
        plain = vector.flags.c_contiguous and vector.flags.aligned
        if plain and vector.dtype in (np.float32, np.float64) and vector.shape == (n_params,):
            return vector
        got = f"one of {vector.dtype}, of shape {vector.shape}{'' if plain else ', which is not contiguous'}"
    raise ValueError(
        f"{parameter} must be a contiguous array of float32 or float64, of shape ({n_params},); got {got}."
    )


def _checked_seed(seed: Any) -> int:
    number = whole_number(seed, "seed", least=0)
    if number >= 2**64:
        raise ValueError(f"seed must be an integer below 2**64; got {number}.")
    return number


# What the engine's Trainer can be told, beside what the calls themselves decide.
_OPTIONS = (
    "regularization",
    "seed",
    "loss_options",
    "output_weights",
    "python_loss",
    "bfloat16",
    "split",
    "isa",
)


def _checked_options(loss: str, alpha: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the engine is told beside samples; refuse what cannot be what it is called."""
    if not isinstance(alpha, Real) or not 0 <= float(alpha) < math.inf:
        raise ValueError(f"alpha must be a finite number of at least 0; got {alpha!r}.")
    checked = {**options, "alpha": float(alpha)}
    if not options:
        return checked
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(f"Network takes no option {name!r}; there are {listed(name, _OPTIONS)}.")
    regularization, python_loss = options.get("regularization"), options.get("python_loss")
    if regularization is not None:
        if not isinstance(regularization, Regularization):
            raise ValueError(f"regularization must be a Regularization; got {regularization!r}.")
        regularization.validate()
    if python_loss is not None and not isinstance(python_loss, CustomLoss):
        checked["python_loss"] = CustomLoss(python_loss).validate()
    _checked_seed(options.get("seed", 0))
    check_loss_options(loss, options.get("loss_options", ()))
    weights = options.get("output_weights")
    if weights is not None and (real_array(weights, np.shape(weights), np.float64, "output_weights") < 0).any():
        raise ValueError(f"output_weights must be at least 0; got {weights!r}.")
    return checked


class Gradients:
    """Loss and gradient over all rows as a function of the parameters, with the engine's buffers kept between calls.

    Samples are as the engine takes them: :class:`Network` checks what users give.
    """

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
            **{**network.loss_settings, **options},
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
    X: Rows | ArrayLike | scipy.sparse.sparray,
    targets: ArrayLike,
    weights: ArrayLike | None = None,
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
        For a network that is not in float64, a regularization that clips, and what :meth:`Network.loss_and_gradients`
        refuses.

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
    options = {**network.loss_settings, **options}
    params, regularization = network.params, options.get("regularization") or Regularization()
    if not isinstance(regularization, Regularization):
        raise ValueError(f"regularization must be a Regularization; got {regularization!r}.")
    if params.dtype != np.float64:
        raise ValueError(f"network must be float64 for finite differences, got {params.dtype}.")
    if regularization.clip_value or regularization.clip_norm:
        raise ValueError(f"regularization must not clip the gradient that is checked, got {regularization}.")
    if not isinstance(step, Real) or not 0 < float(step) < math.inf:
        raise ValueError(f"step must be a finite number above 0; got {step!r}.")
    n_directions = whole_number(n_directions, "n_directions")
    samples, options = network._samples(X, targets, weights), _checked_options(network.structure.loss, alpha, options)
    evaluate = Gradients(network, *samples, n_threads=1, **options)
    # The gradient of squared_error is as many times that of the loss, the penalties' is not.
    factor = network.structure.sizes[-1] if network.structure.loss == "squared_error" else 1
    if options.get("python_loss") is not None:
        factor = 1
    bare = {**options, "alpha": 0.0, "regularization": replace(regularization, l1=0.0)}
    unpenalised = Gradients(network, *samples, n_threads=1, **bare)

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
    packed: _engine.PackedNetwork,
    rows: Rows,
    order: NDArray | None,
    team: Team,
    *,
    linked: bool = True,
    depth: int | None = None,
    hidden: Sequence[NDArray] = (),
) -> NDArray:
    """Return the outputs for the rows order names (all for None), coming back to Python every now and then.

    Without linked, those before the output layer's link; with depth, those of the last of so many layers. hidden holds
    arrays for the outputs of the first layers, which the rows pass on the way.
    """
    n_rows = rows.n_rows if order is None else len(order)
    out = np.empty((n_rows, packed.sizes[-1 if depth is None else depth]), dtype=packed.dtype)
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
            depth=depth,
            hidden=[array[start:stop] for array in hidden],
        )
    return out
