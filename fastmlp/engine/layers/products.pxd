"""The products of layers with their weights, and the gradients of weights."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_csr, fm_mask
from fastmlp.engine.structs cimport (
    chunk_place, packed_layer, packed_network, trained_layer, trained_part, training, weight_tile,
)

cdef enum:
    # As CACHED_ROWS, for bfloat16 products, which are so fast that reading the weights counts.
    CACHED_ROWS_BFLOAT16 = 256

cdef void predict_product(const packed_network *net, const packed_layer *layer, long n, const char *inputs,
                          const fm_csr *csr, char *outputs, long stride) noexcept nogil
cdef int allocate_product(training *t, trained_layer *layer, Memory memory) except -1
cdef int allocate_rounded_rows(training *t, long width, Memory memory) except -1
cdef void copy_weights(training *t, trained_layer *layer) noexcept
cdef int choose_products(training *t, trained_layer *layer, Memory memory) except -1
cdef void set_csr_rows(const training *t, const trained_layer *layer, const chunk_place *chunk, long low, fm_csr *csr,
                       fm_mask *mask) noexcept nogil
cdef int plan_product_back(training *t, trained_layer *layer) except -1
cdef void update_with_vector_operands(training *t, trained_part *part, const weight_tile *tile) noexcept nogil
cdef void update_sparse(training *t, trained_part *part, const weight_tile *tile) noexcept nogil
