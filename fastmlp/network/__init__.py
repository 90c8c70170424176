"""A network: layers as views of one flat parameter vector, with forward pass, loss and gradients."""

from fastmlp.network.network import (
    NORMALIZATIONS,
    Gradients,
    HiddenLayer,
    Network,
    Predictor,
    Regularization,
    Structure,
    check_gradients,
    hidden_layer,
    hidden_layers,
)
from fastmlp.network.network import (
    forward_in_pieces as forward_in_pieces,
)
from fastmlp.network.network import (
    per_layer as per_layer,
)

__all__ = [
    "NORMALIZATIONS",
    "Gradients",
    "HiddenLayer",
    "Network",
    "Predictor",
    "Regularization",
    "Structure",
    "check_gradients",
    "hidden_layer",
    "hidden_layers",
]


def __dir__() -> list[str]:
    return sorted(__all__)
