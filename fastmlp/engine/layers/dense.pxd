"""Dense layers."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.structs cimport layer_kind, packed_layer, packed_network, trained_layer, training

cdef layer_kind DENSE

cdef void finish_prediction(const packed_network *net, const packed_layer *layer, long n, char *outputs,
                            long stride) noexcept nogil
cdef int allocate_rows(training *t, trained_layer *layer, Memory memory) except -1
cdef bint takes_shallow_kernels(const training *t)
