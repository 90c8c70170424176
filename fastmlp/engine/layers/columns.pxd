"""Layers on encoded columns."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_columns, fm_lookups
from fastmlp.engine.structs cimport layer_kind, packed_layer, packed_network, trained_layer, training

cdef layer_kind COLUMNS

cdef int set_columns(const packed_network *net, packed_layer *layer, layout, Memory memory) except -1
cdef fm_lookups lookups_at(const packed_network *net, const char *buffer, long stride, long low, long n) noexcept nogil
cdef Py_ssize_t lookups_bytes(const packed_network *net, long stride) noexcept nogil
cdef int make_bin_sums(const packed_network *net, packed_layer *layer, Memory memory) except -1
cdef long widest_column(const fm_columns *columns) noexcept
cdef int allocate_lookups(training *t, trained_layer *layer, Memory memory) except -1
