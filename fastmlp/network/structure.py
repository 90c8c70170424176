"""What a network is but for its numbers: its layers, and what their parameters are in one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from numpy.typing import NDArray

from fastmlp.activations import Activation
from fastmlp.components import layer_sizes
from fastmlp.network.layers import Dense, HiddenLayer, Layer, Part, hidden_layers


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

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        object.__setattr__(self, "layers", layers)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ValueError(f"layers must consist of Layers, such as Dense; got {layer!r}.")
        for below, layer in pairwise(layers):
            if below.n_units != layer.n_inputs:
                raise ValueError(
                    f"layers must fit each other; got {layer.n_inputs} inputs after {below.n_units} units."
                )
        if not layers or [layer.hidden is None for layer in layers] != [False] * (len(layers) - 1) + [True]:
            raise ValueError(f"layers must all have a HiddenLayer, but for the last, which has none; got {layers!r}.")

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation | HiddenLayer],
        normalization: str | None = None,
    ) -> Structure:
        """Return the structure of dense layers with these sizes.

        Parameters
        ----------
        sizes : sequence of int
            The units of each layer, inputs and outputs included.
        activation : str, Activation, or a sequence with one per hidden layer
            A sequence may hold HiddenLayers, too, which have their own normalizations.
        normalization : {"batch", "layer"} or None, default=None

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
        units = layer_sizes(sizes)
        hidden = (*hidden_layers(activation, normalization, len(units) - 2), None)
        return cls(tuple(Dense(*ends, each) for ends, each in zip(pairwise(units), hidden, strict=True)))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The units of each layer, inputs and outputs included."""
        return (self.layers[0].n_inputs, *(layer.n_units for layer in self.layers))

    @cached_property
    def hidden(self) -> tuple[HiddenLayer, ...]:
        """What each hidden layer does with its products."""
        return tuple(layer.hidden for layer in self.layers if layer.hidden is not None)

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

        First come the products of each layer: for a dense one its weights (n_in, n_out) in C order and its biases. Then
        for each hidden layer that has them the gains of its normalization and the learned parameters of its activation.
        """
        layers = list(enumerate(self.layers))
        products = [part for i, layer in layers for part in layer.product_parts(i)]
        return products + [part for i, layer in layers for part in layer.unit_parts(i)]

    @cached_property
    def n_params(self) -> int:
        """The length of a flat parameter vector."""
        return sum(math.prod(part.shape) for part in self.parts())

    def views(self, vector: NDArray) -> Iterator[tuple[Part, NDArray]]:
        """Yield each part of a flat vector, with a view of its elements in the shape of the part."""
        start = 0
        for part in self.parts():
            view = vector[start : start + math.prod(part.shape)].reshape(part.shape)
            start += view.size
            yield part, view
