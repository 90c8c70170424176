"""Forward passes."""

from libc.stdint cimport int64_t

from fastmlp.engine.rows cimport row_source
from fastmlp.engine.structs cimport packed_network

cdef bint is_small(const packed_network *net, long n) noexcept nogil
cdef bint forward_rows(packed_network *net, const row_source *X, const int64_t *order, long first, long n, char *to,
                       long width, long depth, char **hidden, int n_threads, bint judged, bint linked,
                       bint check) except -1
