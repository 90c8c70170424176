"""Normalisation of a layer's products, over the units of a row or over the rows of a batch."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_layer
from fastmlp.engine.structs cimport packed_layer, packed_network, row_memory, trained_layer, training

cdef int set_normalization(packed_network *net, packed_layer *layer, spec, fm_layer *gains, Memory memory) except -1
cdef int use_running(packed_network *net, packed_layer *layer, moments) except -1
cdef void normalize_rows(const packed_network *net, const packed_layer *layer, long n, char *z, long stride,
                         const row_memory *kept) noexcept nogil
cdef int allocate_normalization(training *t, trained_layer *layer, Memory memory) except -1
cdef int wait_for_moments(training *t, trained_layer *layer) except -1
cdef int plan_normalization_back(training *t, trained_layer *layer) except -1
cdef char *means_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil
cdef char *scales_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil
