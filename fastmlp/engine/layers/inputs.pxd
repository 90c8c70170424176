"""Rows of X on their way into the first layer."""

from libc.stdint cimport int64_t

from fastmlp.engine.native cimport fm_csr, fm_lookups, fm_rows
from fastmlp.engine.rows cimport row_source
from fastmlp.engine.structs cimport packed_network

cdef void gather_inputs(const packed_network *net, const row_source *X, const int64_t *order, long start, long n,
                        char *inputs, long stride) noexcept nogil
cdef void look_up_inputs(const packed_network *net, const row_source *X, const int64_t *order, long start,
                         const fm_lookups *lookups) noexcept nogil
cdef void find_csr_rows(const packed_network *net, const row_source *X, const int64_t *order, long start,
                        fm_csr *csr) noexcept nogil
cdef void add_csr_rows(Py_ssize_t itemsize, const fm_csr *csr, const fm_rows *to) noexcept nogil
