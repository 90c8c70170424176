"""What a network is but for its numbers: its layers, and what their parameters are in one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from fastmlp.activations import Activation
from fastmlp.components import layer_sizes, named
from fastmlp.inputs.columns import ColumnsLayout
from fastmlp.network.layers import (
    KINDS,
    Columns,
    Dense,
    Embeddings,
    HiddenLayer,
    Layer,
    Part,
    checked_embedding_size,
    hidden_layers,
)


@dataclass(frozen=True)
class Structure:
    """A network but for its numbers and for what it is trained for.

    Parameters
    ----------
    layers : sequence of Layer
        All layers from the first that has weights to the output layer, each with as many inputs as the one before has
        units. All but the last have a HiddenLayer.

    Attributes
    ----------
    sizes : tuple of int
        The units of each layer, inputs and outputs included.
    hidden : tuple of HiddenLayer
        What each hidden layer does with its products.
    columns : ColumnsLayout or None
        The layout of the encoded columns that the first layer looks up; None where it reads other rows.

    Raises
    ------
    ValueError
        For layers that do not fit each other.

    Examples
    --------
    >>> from fastmlp import Structure
    >>> structure = Structure.of([4, 8, 3], "silu", normalization="layer")
    >>> [(part.name, part.layer, part.shape) for part in structure.parts()][:2]
    [('coefs', 0, (4, 8)), ('intercepts', 0, (8,))]
    >>> structure.n_params
    75
    """

    layers: tuple[Layer, ...]
    sizes: tuple[int, ...] = field(init=False, repr=False, compare=False)
    hidden: tuple[HiddenLayer, ...] = field(init=False, repr=False, compare=False)
    # The parts, each with the place that it has in a flat vector.
    _places: tuple[tuple[Part, slice], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        sizes: list[int] = []
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ValueError(f"layers must consist of Layers, such as Dense; got {layer!r}.")
            if not sizes:
                sizes.append(layer.n_inputs)
            if layer.n_inputs != sizes[-1]:
                raise ValueError(f"layers must fit each other; got {layer.n_inputs} inputs after {sizes[-1]} units.")
            if isinstance(layer, Columns) and layer is not layers[0]:
                raise ValueError("layers must begin with the one that looks columns up; got one after others.")
            sizes.append(layer.n_units)
        hidden = tuple([layer.hidden for layer in layers if layer.hidden is not None])
        if not layers or layers[-1].hidden is not None or len(hidden) != len(layers) - 1:
            raise ValueError(f"layers must all have a HiddenLayer, but for the last, which has none; got {layers!r}.")
        # What follows from the layers is found here, once, since each fit asks for it many times.
        values = {"layers": layers, "sizes": tuple(sizes), "hidden": hidden, "_places": _places_of(layers)}
        self.__dict__.update(values)  # The object is frozen, and has no other way to be given values.

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation | HiddenLayer],
        normalization: str | None = None,
        kind: str = "dense",
        *,
        columns: ColumnsLayout | None = None,
        embedding_size: int | None = None,
    ) -> Structure:
        """Return the structure of layers with these sizes.

        Parameters
        ----------
        sizes : sequence of int
            The units of each layer, inputs and outputs included.
        activation : str, Activation, or a sequence with one per hidden layer
            A sequence may hold HiddenLayers, too, which have their own normalizations and kinds.
        normalization : {"batch", "layer"} or None, default=None
        kind : {"dense", "residual"}, default="dense"
            The kind of the hidden layers; the output layer is dense.
        columns : ColumnsLayout, default=None
            The layout of encoded columns that the first layer looks up, whatever kind the others are; sizes begin with
            its total_inputs. None for a first layer that reads other rows.
        embedding_size : int, default=None
            The number of units that each column has of its own, a multiple of 4, in a layer of embeddings that comes
            before the hidden layers which sizes name. It has the activation of the first of these, and no
            normalization. None for a network without such a layer, unless activation begins with a HiddenLayer of the
            kind "embeddings"; then sizes have its units, too.

        Raises
        ------
        ValueError
            For sizes that are no positive integers, fewer than two; when there are more or fewer activations than
            hidden layers; for names that are not known, of which it lists those that are, the nearest first.

        Examples
        --------
        >>> from fastmlp import Structure
        >>> Structure.of([3, 0, 1], "relu")
        Traceback (most recent call last):
        ...
        ValueError: sizes must be integers of at least 1, inputs and outputs included; got [3, 0, 1].
        """
        units = [*layer_sizes(sizes)]
        embeds = embedding_size is not None
        hidden = hidden_layers(activation, normalization, len(units) - 2, kind, embeds=embeds)
        if embeds:
            if columns is None:
                raise ValueError(f"embedding_size is for encoded columns; got {embedding_size!r} without columns.")
            units.insert(1, columns.n_columns * checked_embedding_size(embedding_size))
        kinds: list[Any] = [*(named(each.kind, KINDS, "kind") for each in hidden), Dense]
        if columns is not None:
            kinds[0] = partial(Embeddings if kinds[0] is Embeddings else Columns, layout=columns)
        parts = zip(kinds, units[:-1], units[1:], [*hidden, None], strict=True)
        return cls(tuple([kind_of(*ends) for kind_of, *ends in parts]))

    @property
    def columns(self) -> ColumnsLayout | None:
        """The layout of the encoded columns that the first layer looks up."""
        first = self.layers[0]
        return first.layout if isinstance(first, Columns) else None

    def without_batch_normalization(self) -> Structure:
        """Return the structure with layers of the same kinds, none of which has batch normalization."""
        layers = (
            replace(layer, hidden=layer.hidden._replace(normalization=None))
            if layer.hidden is not None and layer.hidden.normalization == "batch"
            else layer
            for layer in self.layers
        )
        return Structure(tuple(layers))

    def parts(self) -> list[Part]:
        """Return what a flat parameter vector consists of, in its order.

        First come the products of each layer: for a dense one its weights (n_in, n_out) in C order and its biases; a
        residual one may have projections (n_in, n_out) after them. Then for each hidden layer that has them the gains
        of its normalization and the learned parameters of its activation.
        """
        return [part for part, _ in self._places]

    @property
    def n_params(self) -> int:
        """The length of a flat parameter vector."""
        return self._places[-1][1].stop

    def views(self, vector: NDArray) -> Iterator[tuple[Part, NDArray]]:
        """Yield each part of a flat vector, with a view of its elements in the shape of the part."""
        for part, place in self._places:
            yield part, vector[place].reshape(part.shape)


def _places_of(layers: tuple[Layer, ...]) -> tuple[tuple[Part, slice], ...]:
    """Return the parts of layers in the order of the flat vector, each with its place in that."""
    parts = [part for i, layer in enumerate(layers) for part in layer.product_parts(i)]
    parts += [part for i, layer in enumerate(layers) for part in layer.unit_parts(i)]
    places, stop = [], 0
    for part in parts:
        start, stop = stop, stop + math.prod(part.shape)
        places.append((part, slice(start, stop)))
    return tuple(places)
