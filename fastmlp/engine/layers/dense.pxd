"""Dense layers."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.structs cimport layer_kind, trained_layer, training

cdef layer_kind DENSE

cdef bint takes_shallow_kernels(const training *t)
