"""Where rows come from, for the other modules of the engine."""

from fastmlp.engine.native cimport fm_csr


cdef class Rows:
    cdef object _keep
    cdef const char *base
    cdef Py_ssize_t row_bytes
    cdef Py_ssize_t width_bytes
    cdef int source
    cdef readonly bint is_sparse
    cdef readonly bint is_canonical
    cdef fm_csr csr
    cdef readonly long n_rows
    cdef readonly long n_features
