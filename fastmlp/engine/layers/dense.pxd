"""Dense layers."""

from fastmlp.engine.structs cimport layer_kind, training

cdef layer_kind DENSE

cdef bint takes_shallow_kernels(const training *t)
