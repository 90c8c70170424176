"""A network: layers as views of one flat parameter vector, with forward pass, loss and gradients."""

from fastmlp.network.differences import check_gradients
from fastmlp.network.gradients import Gradients
from fastmlp.network.layers import (
    KINDS,
    NORMALIZATIONS,
    Columns,
    Dense,
    Embeddings,
    HiddenLayer,
    Residual,
    hidden_layer,
    hidden_layers,
)
from fastmlp.network.layers import per_layer as per_layer
from fastmlp.network.network import Network
from fastmlp.network.objective import Objective
from fastmlp.network.prediction import Predictor
from fastmlp.network.prediction import forward_in_pieces as forward_in_pieces
from fastmlp.network.regularization import Regularization
from fastmlp.network.structure import Structure

__all__ = [
    "KINDS",
    "NORMALIZATIONS",
    "Columns",
    "Dense",
    "Embeddings",
    "Gradients",
    "HiddenLayer",
    "Network",
    "Objective",
    "Predictor",
    "Regularization",
    "Residual",
    "Structure",
    "check_gradients",
    "hidden_layer",
    "hidden_layers",
]


def __dir__() -> list[str]:
    return sorted(__all__)
