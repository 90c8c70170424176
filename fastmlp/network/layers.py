"""The layers of a network: what a hidden layer does with its products, and a class for each kind of layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.activations import Activation, BuiltIn, NativeActivation, activation_of
from fastmlp.components import Registry, named, whole_number
from fastmlp.inputs.columns import ColumnsLayout

#: The normalizations that a hidden layer may have, by name.
NORMALIZATIONS: Registry[str] = Registry(
    {"batch": "batch", "layer": "layer"},
    {
        "batch": ("batch_norm", "batch_normalization", "batch_norm_1d", "bn"),
        "layer": ("layer_norm", "layer_normalization", "ln"),
    },
)
# The canonical names alone, which are the only ones that the engine understands.
_ENGINE_NORMALIZATIONS = dict(NORMALIZATIONS)
_ENGINE_ACTIVATIONS = dict.fromkeys(engine.ACTIVATIONS)


class HiddenLayer(NamedTuple):
    """What a hidden layer does with its products, in the engine's terms."""

    #: The engine's name of the activation; "native" or "python" for a user's own.
    activation: str
    #: The parameter of the activation; where each unit learns its own, the value that they start from.
    parameter: float = 0.0
    #: Whether each unit learns the parameter of its activation.
    learned: bool = False
    #: The normalization of the products: None, "layer" or "batch".
    normalization: str | None = None
    #: A user's own activation: an Activation, or two LowLevelCallables for its values and slopes.
    function: Any = None
    #: The kind of layer, a name from KINDS. Within a Layer it is the name of that one's kind.
    kind: str = "dense"

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
            named(self.activation, _ENGINE_ACTIVATIONS, "activation")
        if self.learned and self.activation not in engine.LEARNABLE_ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r} has nothing to learn, but learned={self.learned!r}.")
        if not isinstance(self.parameter, Real) or not math.isfinite(float(self.parameter)):
            raise ValueError(f"parameter must be a finite number; got {self.parameter!r}.")
        if self.normalization is not None:
            named(self.normalization, _ENGINE_NORMALIZATIONS, "normalization")
        return self


def hidden_layer(activation: str | Activation, normalization: str | None = None, kind: str = "dense") -> HiddenLayer:
    """Return the hidden layer of a kind with an activation, a name or an object, and a normalization.

    Examples
    --------
    >>> from fastmlp.network import hidden_layer
    >>> hidden_layer("leaky_relu").parameter
    0.01
    """
    activation = activation_of(activation)
    if isinstance(activation, BuiltIn):
        parameter, learned = float(activation.parameter), activation.learned
        return HiddenLayer(activation.engine_name, parameter, learned, normalization, kind=kind)
    if isinstance(activation, NativeActivation):
        functions = (activation.value, activation.slope)
        return HiddenLayer("native", normalization=normalization, function=functions, kind=kind)
    return HiddenLayer("python", normalization=normalization, function=activation, kind=kind)


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
    activation: str | Activation | Sequence[str | Activation | HiddenLayer],
    normalization: str | None,
    n_hidden: int,
    kind: str = "dense",
    *,
    embeds: bool = False,
) -> tuple[HiddenLayer, ...]:
    """Return the hidden layers of a kind with an activation, the same for all or one for each, and a normalization.

    A HiddenLayer in the place of an activation stays as it is, whatever normalization and kind. With embeds, a layer of
    embeddings comes before the others, with the activation of the first of them and without normalization.

    Examples
    --------
    >>> from fastmlp.network import hidden_layers
    >>> [(layer.kind, layer.activation) for layer in hidden_layers(["tanh", "relu"], None, 2, embeds=True)]
    [('embeddings', 'tanh'), ('dense', 'tanh'), ('dense', 'relu')]
    """
    if isinstance(normalization, str):
        normalization = named(normalization, NORMALIZATIONS, "normalization")
    each_activation = per_layer(activation, n_hidden, "activation")
    layers = tuple(
        each if isinstance(each, HiddenLayer) else hidden_layer(each, normalization, kind) for each in each_activation
    )
    if not embeds:
        return layers
    # Without other hidden layers, one activation for all is that of the embeddings.
    first = layers[0] if layers else hidden_layer(per_layer(activation, 1, "activation")[0])
    return first._replace(kind="embeddings", normalization=None), *layers


class Part(NamedTuple):
    """A part of the flat parameter vector, which belongs to one layer."""

    #: What the part is: "coefs", "intercepts", "projections", "gains" or "activation_parameters".
    name: str
    #: The number of its layer, from 0.
    layer: int
    shape: tuple[int, ...]
    #: What its elements are in a network that has not been given parameters.
    initial: float = 0.0


@dataclass(frozen=True)
class Layer:
    """What all kinds of layers have. A kind is a subclass with a name, which says what parameters it has.

    Parameters
    ----------
    n_inputs, n_units : int
        The numbers of values that the layer takes and gives for each row.
    hidden : HiddenLayer or None, default=None
        What follows the products; None for the output layer, whose activation is that of the objective.
    """

    #: The name of the kind.
    kind: ClassVar[str]

    n_inputs: int
    n_units: int
    hidden: HiddenLayer | None = None

    def __post_init__(self) -> None:
        for name, given in (("n_inputs", self.n_inputs), ("n_units", self.n_units)):
            if type(given) is not int or given < 1:
                object.__setattr__(self, name, whole_number(given, name))
        if self.hidden is None:
            return
        if not isinstance(self.hidden, HiddenLayer):
            raise ValueError(f"hidden must be a HiddenLayer, as hidden_layer makes it; got {self.hidden!r}.")
        self.hidden.validate()
        if self.hidden.kind != self.kind:
            object.__setattr__(self, "hidden", self.hidden._replace(kind=self.kind))

    def product_parts(self, i: int) -> list[Part]:
        """Return the parts of the layer's products, i being its number: weights in C order, then biases."""
        raise NotImplementedError

    def unit_parts(self, i: int) -> list[Part]:
        """Return the parts with a number for each unit: what normalization and activation learn."""
        parts: list[Part] = []
        if self.hidden is None:
            return parts
        if self.hidden.normalization is not None:
            parts.append(Part("gains", i, (self.n_units,), 1.0))
        if self.hidden.learned:
            parts.append(Part("activation_parameters", i, (self.n_units,), float(self.hidden.parameter)))
        return parts

    def by_weight(self, values: NDArray) -> NDArray:
        """Return numbers of the units (n_units,) in a shape that goes with the weights, each beside its unit's."""
        return values

    def weight_norms(self, weights: NDArray) -> NDArray:
        """Return the norm of each unit's weights, shape (n_units,)."""
        return np.sqrt((weights**2).sum(axis=0))


class Dense(Layer):
    """A layer all of whose inputs are multiplied by weights, one for each unit, to which biases are added.

    Examples
    --------
    >>> from fastmlp.network import Dense
    >>> [part.shape for part in Dense(4, 3).product_parts(0)]
    [(4, 3), (3,)]
    """

    kind = "dense"

    def product_parts(self, i: int) -> list[Part]:
        """Return the weights (n_inputs, n_units) and the biases (n_units,)."""
        return [Part("coefs", i, (self.n_inputs, self.n_units)), Part("intercepts", i, (self.n_units,))]


class Residual(Layer):
    """A layer that adds what a dense layer makes of its inputs to these: h + f(h).

    Where it gives another number of values than it takes, the inputs are projected: h P + f(h).

    Examples
    --------
    >>> from fastmlp.network import Residual
    >>> [part.name for part in Residual(4, 3).product_parts(0)], [part.name for part in Residual(4, 4).product_parts(0)]
    (['coefs', 'intercepts', 'projections'], ['coefs', 'intercepts'])
    """

    kind = "residual"

    def product_parts(self, i: int) -> list[Part]:
        """Return weights and biases as a dense layer has them, and projections (n_inputs, n_units) where needed."""
        shape = (self.n_inputs, self.n_units)
        parts = [Part("coefs", i, shape), Part("intercepts", i, (self.n_units,))]
        return parts if self.n_inputs == self.n_units else [*parts, Part("projections", i, shape)]


@dataclass(frozen=True)
class Columns(Dense):
    """A first layer that looks encoded columns up, which gives what a dense layer makes of what they stand for.

    It has the weights of that dense layer. Nothing is taken back to its inputs.

    Parameters
    ----------
    n_inputs, n_units, hidden
        As for every layer; n_inputs is the layout's total_inputs.
    layout : ColumnsLayout

    Examples
    --------
    >>> from fastmlp.inputs.columns import ColumnsLayout
    >>> from fastmlp.network import Columns
    >>> [part.shape for part in Columns(7, 3, layout=ColumnsLayout((3,), (2,))).product_parts(0)]
    [(7, 3), (3,)]
    """

    kind = "columns"

    layout: ColumnsLayout | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.layout, ColumnsLayout):
            raise ValueError(f"layout must be a ColumnsLayout; got {self.layout!r}.")
        if self.n_inputs != self.layout.total_inputs:
            raise ValueError(f"n_inputs must be {self.layout.total_inputs}, as the layout has; got {self.n_inputs}.")


#: The number of units of an embedding is a multiple of this one, which the engine's kernels take at a time.
EMBEDDING_UNITS = 4


def checked_embedding_size(given: Any) -> int:
    """Return the number of units of an embedding, when the engine can make such.

    Raises
    ------
    ValueError
        For what is no multiple of 4 from 4 on.

    Examples
    --------
    >>> from fastmlp.network.layers import checked_embedding_size
    >>> checked_embedding_size(8)
    8
    """
    size = whole_number(given, "embedding_size")
    if size % EMBEDDING_UNITS:
        above = size + EMBEDDING_UNITS - size % EMBEDDING_UNITS
        raise ValueError(f"embedding_size must be a multiple of {EMBEDDING_UNITS}; got {size}: write {above}.")
    return size


@dataclass(frozen=True)
class Embeddings(Columns):
    """A first layer that looks encoded columns up, in which each column has units of its own: an embedding.

    All embeddings have as many units, which lie side by side, column after column. A unit has weights for the inputs of
    its own column alone. So the weights are a matrix with a row for each input of any column, and a column for each
    unit of an embedding. The layer gives what a dense layer would with these weights in blocks along the diagonal, and
    zeros elsewhere.

    Parameters
    ----------
    n_inputs, n_units, hidden, layout
        As for Columns; n_units is a multiple of 4 times the number of columns. There is a HiddenLayer, since an output
        layer has no embeddings.

    Examples
    --------
    >>> from fastmlp.inputs.columns import ColumnsLayout
    >>> from fastmlp.network import Embeddings, hidden_layer
    >>> layer = Embeddings(7, 16, hidden_layer("relu"), layout=ColumnsLayout((3,), (2,)))
    >>> layer.size, [part.shape for part in layer.product_parts(0)]
    (8, [(7, 8), (16,)])
    """

    kind = "embeddings"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden is None:
            raise ValueError("hidden must be a HiddenLayer, since embeddings have another layer after them; got None.")
        of_all = EMBEDDING_UNITS * self.columns.n_columns
        if self.n_units % of_all:
            raise ValueError(
                f"n_units must be a multiple of {of_all}, {EMBEDDING_UNITS} for each of {self.columns.n_columns}"
                f" columns; got {self.n_units}."
            )

    @property
    def columns(self) -> ColumnsLayout:
        """The layout."""
        assert self.layout is not None
        return self.layout

    @property
    def size(self) -> int:
        """The number of units of an embedding."""
        return self.n_units // self.columns.n_columns

    def product_parts(self, i: int) -> list[Part]:
        """Return the weights (n_inputs, size) and the biases (n_units,)."""
        return [Part("coefs", i, (self.n_inputs, self.size)), Part("intercepts", i, (self.n_units,))]

    def by_weight(self, values: NDArray) -> NDArray:
        """Return numbers of the units (n_units,) as a matrix (n_inputs, size), in which each is beside its weights."""
        return np.repeat(values.reshape(-1, self.size), self.columns.n_inputs, axis=0)

    def weight_norms(self, weights: NDArray) -> NDArray:
        """Return the norm of each unit's weights, shape (n_units,), of a matrix (n_inputs, size)."""
        return np.sqrt(np.add.reduceat(weights**2, [*self.columns.offsets], axis=0)).ravel()


#: The kinds of layers by name.
KINDS: dict[str, type[Layer]] = {
    "dense": Dense,
    "residual": Residual,
    "columns": Columns,
    "embeddings": Embeddings,
}
