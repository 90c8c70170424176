"""Rows of X on their way into the first layer: converted, put into panels, centred and scaled."""

from fastmlp.engine.layout cimport plain_rows, rows_at
from fastmlp.engine.native cimport fm_rows, fm_source


cdef void gather_inputs(const packed_network *net, const row_source *X, const int64_t *order, long start, long n,
                        char *inputs, long stride) noexcept nogil:
    """Put n rows from start on, or those that order names from there on, into panels of the network's element type."""
    cdef fm_source source = plain_rows(X.base, X.row_bytes)
    cdef fm_rows panels = rows_at(inputs, stride, n, X.n_features)
    if order != NULL:
        source.order = order + start
    else:
        source.x = X.base + start * X.row_bytes
    net.kernels.gather[X.element](&source, &panels)
    if net.input_is_scaled:
        net.kernels.standardize(&panels, net.input_means, net.input_scales)


cdef void find_csr_rows(const packed_network *net, const row_source *X, const int64_t *order, long start,
                        fm_csr *csr) noexcept nogil:
    """Say where a CSR matrix has the rows from start on, or those that order names from there on."""
    csr[0] = X.csr
    if order != NULL:
        csr.order = order + start
    else:
        csr.indptr += start
    csr.scale = net.input_scales if net.input_is_scaled else NULL
    csr.mask = NULL
