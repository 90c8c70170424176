"""The networks of the lectures' chart that dense layers can carry, each as a scikit-learn estimator.

``docs/zoo.md`` has the chart itself, with the estimator of each of its cells, and a page for each family.
"""

from fastmlp.zoo.adversarial import GAN
from fastmlp.zoo.autoencoder import Autoencoder
from fastmlp.zoo.boltzmann import BoltzmannMachine
from fastmlp.zoo.deep_belief import DeepBeliefNetworkClassifier
from fastmlp.zoo.echo_state import EchoStateRegressor
from fastmlp.zoo.extreme_learning import ELMClassifier, ELMRegressor
from fastmlp.zoo.hopfield import HopfieldNetwork
from fastmlp.zoo.liquid_state import LiquidReservoir
from fastmlp.zoo.markov import MarkovChain
from fastmlp.zoo.radial_basis import RBFClassifier, RBFRegressor
from fastmlp.zoo.restricted_boltzmann import RestrictedBoltzmannMachine
from fastmlp.zoo.self_organizing_map import SelfOrganizingMap
from fastmlp.zoo.variational import VariationalAutoencoder

__all__ = [
    "GAN",
    "Autoencoder",
    "BoltzmannMachine",
    "DeepBeliefNetworkClassifier",
    "ELMClassifier",
    "ELMRegressor",
    "EchoStateRegressor",
    "HopfieldNetwork",
    "LiquidReservoir",
    "MarkovChain",
    "RBFClassifier",
    "RBFRegressor",
    "RestrictedBoltzmannMachine",
    "SelfOrganizingMap",
    "VariationalAutoencoder",
]


def __dir__() -> list[str]:
    return sorted(__all__)
