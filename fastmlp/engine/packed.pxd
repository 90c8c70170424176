"""Packed networks, for those that extend them."""

from libc.stdint cimport int64_t

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.rows cimport Rows, row_source
from fastmlp.engine.structs cimport packed_layer, packed_network


cdef class PackedNetwork:
    cdef packed_network net
    cdef readonly object dtype
    cdef readonly object columns
    cdef Memory memory
    cdef list functions      # the activations of hidden layers in C or Python, or None
    cdef dict errors         # what functions in Python raised, by thread

    cdef const char *flat(self, params) except NULL
    cdef char *flat_to_write(self, params) except NULL
    cdef int load_parts(self, vector, list places) except -1
    cdef int store_parts(self, vector, list places) except -1
    cdef list weights_of_parts(self)
    cdef packed_layer *layer_with_moments(self, long i) except NULL
    cdef int use_running_moments(self, long i) except -1
    cdef char *rows_to_write(self, array, long n, long width) except NULL
    cdef int check_rows(self, Rows rows) except -1
    cdef int call_function(self, long number, long n, char *z, char *slopes, long stride) except -1
    cdef int fail(self, error) except -1
    cdef int raise_error(self) except -1
    cdef bint outputs_of(self, const row_source *X, const int64_t *order, long first, long n, char *to, long width,
                         long depth, char **hidden, int n_threads, bint judged, bint linked, bint check) except -1
