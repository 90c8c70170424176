"""Rows of X on their way into the first layer: converted, put into panels, centred and scaled."""


cdef void gather_inputs(const packed_network *net, const row_source *X, const int64_t *order, long start, long n, char *inputs,
                        long stride) noexcept nogil:
    """Put n rows from start on, or those that order names from there on, into panels of the network's element type."""
    net.kernels.gather[X.element](
        X.base + (0 if order != NULL else start * X.row_bytes), X.row_bytes, order + start if order != NULL else NULL, n,
        X.n_features, inputs, stride)
    if net.input_is_scaled:
        net.kernels.standardize(n, X.n_features, inputs, stride, net.input_means, net.input_scales)


cdef void find_csr_rows(const packed_network *net, const row_source *X, const int64_t *order, long start, fm_csr *csr) noexcept nogil:
    """Say where a CSR matrix has the rows from start on, or those that order names from there on."""
    csr[0] = X.csr
    if order != NULL:
        csr.order = order + start
    else:
        csr.indptr += start
    csr.scale = net.input_scales if net.input_is_scaled else NULL
    csr.mask = NULL
