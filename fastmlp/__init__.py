"""Multilayer perceptrons at the speed of the hardware, as scikit-learn estimators.

How the package hangs together; arrows run one way, and a test refuses an import that runs against them::

    cli --> tables, inspection (plots)
                 |
                 v
    estimators --> fitting --> training --> network ------> _engine.pyx --> src_c/ (one core, one block)
        |            |            |            |                ^
        |            |            +--> optimizers --------------+   (fused rules by name)
        |            |            +--> augmentation, batching, rows, threads     (leaves)
        |            +--> callbacks    +--> evaluation, stopping                 (leaves)
        +--> recipe, targets --> activations, losses, initializers, schedules    (leaves: names, formulas)
        +--> persistence              whatever has parameters --> components --> exceptions
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if find_spec("fastmlp._engine") is None:
    raise ImportError(
        f"{__path__[0]} holds the sources of fastmlp, but not its compiled engine. Build it there, by 'python -m pip"
        " install -e .' in the folder above it, or start Python in another folder to use the installed fastmlp."
    )

from fastmlp.config import show_config
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.network import Network, Structure, check_gradients
from fastmlp.persistence import load, save

if TYPE_CHECKING:
    from fastmlp.tables import TableModel

__version__ = "0.1.0"
__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Structure",
    "TableModel",
    "check_gradients",
    "load",
    "save",
    "show_config",
]


def __getattr__(name: str) -> Any:
    if name == "TableModel":  # the parts of scikit-learn it needs would take most of the time of this import
        from fastmlp.tables import TableModel  # noqa: PLC0415

        return TableModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - {"Any", "TYPE_CHECKING"})
