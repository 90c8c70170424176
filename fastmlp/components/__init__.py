"""What estimators are made of: objects with parameters, names that stand for them, checks of single values."""

from fastmlp.components.base import Component, Parameterized
from fastmlp.components.constraints import compute_dtype, layer_sizes, real_array, whole_number
from fastmlp.components.declarations import redefined
from fastmlp.components.registry import Named, Registry, listed, named

__all__ = [
    "Component",
    "Named",
    "Parameterized",
    "Registry",
    "compute_dtype",
    "layer_sizes",
    "listed",
    "named",
    "real_array",
    "redefined",
    "whole_number",
]
