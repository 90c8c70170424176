"""The products of layers with their weights, and the gradients of weights."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_csr
from fastmlp.engine.structs cimport packed_layer, packed_network, trained_layer, trained_part, training, weight_tile

cdef enum:
    # As CACHED_ROWS, for bfloat16 products, which are so fast that reading the weights counts.
    CACHED_ROWS_BFLOAT16 = 256

cdef void predict_product(const packed_network *net, const packed_layer *layer, long n, const char *inputs,
                          const fm_csr *csr, char *outputs, long stride) noexcept nogil
cdef int allocate_product(training *t, trained_layer *layer, Memory memory) except -1
cdef int allocate_rounded_rows(training *t, long width, Memory memory) except -1
cdef void copy_weights(training *t, trained_layer *layer) noexcept
cdef int choose_products(training *t, trained_layer *layer, Memory memory) except -1
cdef int plan_product_back(training *t, trained_layer *layer) except -1
cdef void update_with_vector_operands(training *t, trained_part *part, const weight_tile *tile) noexcept nogil
