"""Rows of X on their way into the first layer: converted, put into panels, centred and scaled; or decoded."""

from fastmlp.engine.layout cimport plain_rows, rows_at
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_encoded, fm_lookups, fm_source


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


cdef void look_up_inputs(const packed_network *net, const row_source *X, const int64_t *order, long start,
                         const fm_lookups *lookups) noexcept nogil:
    """Find what encoded columns look up in as many rows from start on, or as order names from there on."""
    cdef fm_encoded encoded = X.encoded
    cdef long n_columns = lookups.columns.columns, n_numbers = lookups.columns.numbers
    if order != NULL:
        encoded.order = order + start
    else:
        encoded.order = NULL
        encoded.codes = <const char *> encoded.codes + start * n_columns * (2 if encoded.wide_codes else 1)
        encoded.fractions = (<const char *> encoded.fractions
                             + start * n_numbers * <long> (sizeof(double) if encoded.wide_fractions else sizeof(float)))
    net.kernels.look_up(&encoded, lookups)


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


cdef void add_csr_rows(Py_ssize_t itemsize, const fm_csr *csr, const fm_rows *to) noexcept nogil:
    """Add as many rows of a CSR matrix as there are in panels to these, those elements included that csr drops."""
    cdef long r, k, row, column, panel = FM_PANEL_BYTES // itemsize
    cdef char *at
    for r in range(to.rows):
        row = csr.order[r] if csr.order != NULL else r
        for k in range(csr.indptr[row], csr.indptr[row + 1]):
            column = csr.indices[k]
            at = <char *> to.at + (column // panel * to.stride + r) * FM_PANEL_BYTES
            if itemsize == sizeof(float):
                (<float *> at)[column % panel] += (
                    (<const float *> csr.data)[k] * ((<const float *> csr.scale)[column] if csr.scale != NULL else 1))
            else:
                (<double *> at)[column % panel] += (
                    (<const double *> csr.data)[k] * ((<const double *> csr.scale)[column] if csr.scale != NULL else 1))
