"""Centres and rows in panels, for the other modules of the engine."""

from libc.stdint cimport int64_t

from fastmlp.engine.native cimport fm_kernels, fm_rows
from fastmlp.engine.rows cimport row_source

cdef void gather_rows(const fm_kernels *kernels, Py_ssize_t itemsize, const row_source *X, const int64_t *order,
                      long start, const fm_rows *to) noexcept nogil
cdef int check_rows(const row_source *X, dtype, long width) except -1
