"""Where rows come from, for the other modules of the engine."""

from libc.stdint cimport uint32_t

from fastmlp.engine.native cimport fm_csr, fm_encoded


# X, as kernels read it.
cdef struct row_source:
    const char *base         # the first row of an array; NULL for a CSR matrix and for encoded columns
    Py_ssize_t row_bytes     # from one row to the next
    Py_ssize_t width_bytes   # of the elements of a row
    int element              # their type, in the order of SOURCE_CODES
    bint is_sparse
    fm_csr csr               # a CSR matrix; its order, scale and mask are for those that read rows to say
    bint is_encoded
    fm_encoded encoded       # encoded columns; their order is for those that read rows to say
    long n_rows
    long n_features


cdef class Rows:
    cdef object _keep        # the arrays that source points into
    cdef row_source source
    cdef readonly bint is_canonical
    cdef readonly object layout


cdef row_source encoded_rows(codes, fractions, const uint32_t[::1] limits, long n_numbers, long n_features) except *
