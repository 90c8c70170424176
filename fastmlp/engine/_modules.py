"""Loads the engine's modules, all of them from one shared object.

They are in one file since the kernels, which are most of it, must be linked once, and since the modules call each
other's C functions. Python's own finders look for one file per module. So the modules are loaded here, under their own
names and before anything imports them: the loader calls PyInit_<the last part of the name>.
"""

import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from fastmlp.engine import layers  # noqa: F401 (the package that some of the modules are in)

# A module stands after those that it imports.
NAMES = (
    *("memory", "tables", "teams", "objective", "rows", "layout", "plan"),
    *("layers.inputs", "layers.activation", "layers.activity", "layers.dropout", "layers.normalization"),
    *("layers.products", "layers.dense", "layers.residual", "layers.columns", "layers.embeddings", "layers.kinds"),
    *("forward", "packed", "predictor", "tiles", "step", "trainer", "kept_pass", "panels"),
    *("trees", "bins", "numbers", "units", "nearest", "maps", "reservoir", "liquid", "restricted", "contrastive"),
    "flat_rule",
)


def _load(package: str, path: str) -> None:
    """Do for each module what an import statement would do."""
    for name in NAMES:
        full_name = f"{package}.{name}"
        loader = ExtensionFileLoader(full_name, path)
        spec = spec_from_file_location(full_name, path, loader=loader)
        assert spec is not None
        module = module_from_spec(spec)
        sys.modules[full_name] = module
        loader.exec_module(module)
        parent, _, last = full_name.rpartition(".")
        setattr(sys.modules[parent], last, module)


_library = find_spec(f"{__package__}._compiled")
if _library is None or _library.origin is None:
    raise ImportError(
        f"{Path(__file__).parent.parent} holds the sources of fastmlp, but not its compiled engine. Build it there, by"
        " 'python -m pip install -e .' in the folder above it, or start Python in another folder to use the installed"
        " fastmlp."
    )
_load(__package__, _library.origin)
