"""Multilayer perceptrons at the speed of the hardware, as scikit-learn estimators.

>>> from sklearn.datasets import load_iris
>>> from fastmlp import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> clf = MLPClassifier((32,), learning_rate_init=0.01, standardize=True, random_state=0).fit(X, y)
>>> clf.score(X, y) > 0.95
True

MLPClassifier, MLPRegressor   networks for arrays of numbers; they take what scikit-learn's of the same names take
TabularClassifier             networks for a table as it is, a data frame with texts, dates and gaps; TabularRegressor
TableModel                    the same for files and tables of texts, as the command has it
save, load                    models in files
Network, Structure            layers without an estimator, for a training loop of your own
check_gradients               whether a loss or an activation of your own has the right slopes
show_config                   what this installation computes with

What their parameters take is in the modules activations, losses, optimizers, schedules, initializers, augmentation and
callbacks; further networks, from autoencoders to self-organizing maps, are in zoo, plots in inspection, tables in
tabular and tables, warnings in exceptions. ``help(fastmlp.optimizers)``
lists what a module has, ``help(fastmlp.MLPClassifier)`` says what each parameter means. On the command line,
``fastmlp --help``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastmlp import engine as engine  # first, since it says how to build what is missing
from fastmlp.config import __version__ as __version__
from fastmlp.config import show_config
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.network import Network, Structure, check_gradients
from fastmlp.persistence import load, save
from fastmlp.registration import stored_later

if TYPE_CHECKING:
    from fastmlp import exceptions as exceptions
    from fastmlp import inspection as inspection
    from fastmlp import tables as tables
    from fastmlp import tabular as tabular
    from fastmlp import zoo as zoo
    from fastmlp.tables import TableModel
    from fastmlp.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Structure",
    "TableModel",
    "TabularClassifier",
    "TabularRegressor",
    "check_gradients",
    "load",
    "save",
    "show_config",
]
# Modules for users. Those that nothing above needs are imported when they are asked for, and so is TableModel: the
# parts of scikit-learn that it needs would take most of the time of this import.
_MODULES = (
    "activations",
    "augmentation",
    "callbacks",
    "exceptions",
    "initializers",
    "inspection",
    "losses",
    "network",
    "optimizers",
    "schedules",
    "tables",
    "tabular",
    "zoo",
)
# The classes of theirs that files may hold, by their names there: loading such a file imports their module.
stored_later(("TableModel",), lambda: import_module("fastmlp.tables"))
_OF_TABLES = ("TabularClassifier", "TabularRegressor")
stored_later(_OF_TABLES, lambda: import_module("fastmlp.tabular"))
_OF_ZOO = ("DeepBeliefNetworkClassifier", "RestrictedBoltzmannMachine")
stored_later(
    (
        f"tabular.{name}"
        for name in (
            *(
                "BinnedNumbers",
                "Bins",
                "Categories",
                "Checkpoint",
                "ClassTargets",
                "Dates",
                "FoldScores",
                "FoldTrees",
                "FrequentValues",
            ),
            *("Kind", "LeafCodes", "Member", "Numbers", "RankedNumbers", "ScaledNumbers", "Spans", "TableColumns"),
            *("TableEncoding", "TargetEnsemble"),
        )
    ),
    lambda: import_module("fastmlp.tabular"),
)
stored_later(
    (
        "Autoencoder",
        "BoltzmannMachine",
        "DeepBeliefNetworkClassifier",
        "ELMClassifier",
        "ELMRegressor",
        "EchoStateRegressor",
        "GAN",
        "HopfieldNetwork",
        "LiquidReservoir",
        "MarkovChain",
        "RBFClassifier",
        "RBFRegressor",
        "RestrictedBoltzmannMachine",
        "SelfOrganizingMap",
        "VariationalAutoencoder",
        "zoo.RidgeReadout",
        "zoo.Tied",
    ),
    lambda: import_module("fastmlp.zoo"),
)


def __getattr__(name: str) -> Any:
    if name == "TableModel":
        from fastmlp.tables import TableModel  # noqa: PLC0415

        return TableModel
    if name in _OF_TABLES:
        return getattr(import_module("fastmlp.tabular"), name)
    if name in _MODULES:
        return import_module(f"fastmlp.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
