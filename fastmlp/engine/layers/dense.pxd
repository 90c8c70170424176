"""Dense layers."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.structs cimport layer_kind, trained_layer, trained_part, training, weight_tile

cdef layer_kind DENSE

cdef enum:
    # As CACHED_ROWS, for bfloat16 products, which are so fast that reading the weights counts.
    CACHED_ROWS_BFLOAT16 = 256

cdef bint takes_shallow_kernels(const training *t)
cdef int allocate_rounded_rows(training *t, long width, Memory memory) except -1
cdef void update_with_vector_operands(training *t, trained_part *part, const weight_tile *tile) noexcept nogil
cdef void copy_weights(training *t, trained_layer *layer) noexcept
