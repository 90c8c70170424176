"""Normalisation of a layer's products, over the units of a row or over the rows of a batch.

The moments of a batch need all of its rows. Each thread sums those of its rows, MOMENT_ROWS at a time; then all threads wait
for each other, and each joins the sums for itself, in an order that does not depend on the threads. So it is with the sums
of the deltas on the way back.
"""

import numpy as np

cimport numpy as cnp
from libc.string cimport memcpy

from fastmlp.engine.layout cimport panels_of
from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_PANEL_BYTES
from fastmlp.engine.plan cimport add_operation, wait_for_all_rows
from fastmlp.engine.structs cimport (
    BATCH_NORM, LAYER_NORM, MOMENT_ROWS, NOT_NORMALIZED, chunk_place, layer_normalization, row_block,
)
from fastmlp.engine.tables cimport index_of

cnp.import_array()

# A batch whose weights leave less than this share of the variance is as good as one row, which has none.
cdef double LEAST_FREEDOM = 1e-6


# ---- forward passes --------------------------------------------------------------------------------------------------

cdef int set_normalization(packed_network *net, packed_layer *layer, spec, fm_layer *gains, Memory memory) except -1:
    """Take a hidden layer's normalisation from its spec, and the part that has its gains."""
    cdef layer_normalization *normalization = &layer.normalization
    cdef Py_ssize_t n_bytes = panels_of(net, layer.n_outputs) * FM_PANEL_BYTES
    normalization.method = index_of((None, "layer", "batch"), spec.normalization, "normalization")
    normalization.gains = gains
    if normalization.method == BATCH_NORM:
        normalization.running = memory.zeros(2 * n_bytes)
        normalization.means, normalization.scales = memory.zeros(n_bytes), memory.zeros(n_bytes)
    return 0


cdef int use_running(packed_network *net, packed_layer *layer, moments) except -1:
    """Have forward passes normalise by moments, an array of shape (2, n_outputs): mean and variance."""
    cdef Py_ssize_t n_bytes = layer.n_outputs * net.itemsize
    moments[1] = 1 / np.sqrt(moments[1] + moments.dtype.type(net.epsilon))
    memcpy(layer.normalization.means, cnp.PyArray_DATA(moments), n_bytes)
    memcpy(layer.normalization.scales, <char *> cnp.PyArray_DATA(moments) + n_bytes, n_bytes)
    return 0


cdef void normalize_rows(const packed_network *net, const packed_layer *layer, long n, char *z, long stride,
                         const row_memory *kept) noexcept nogil:
    """Normalise n rows of products from z on; then gains and biases."""
    cdef const char *gains = <const char *> layer.normalization.gains.weights
    cdef const char *biases = <const char *> layer.weights.weights + layer.n_inputs * FM_PANEL_BYTES
    cdef long bias_step = (layer.n_inputs + 1) * net.panel  # from one panel of weights to the next, the biases the last row
    if layer.normalization.method == LAYER_NORM:
        net.kernels.layer_norm(n, layer.n_outputs, z, stride, kept.normalized, kept.row_scales, gains, biases, bias_step,
                               net.epsilon)
    else:
        net.kernels.batch_norm(n, layer.n_outputs, z, stride, kept.normalized, kept.means, kept.scales, gains, biases,
                               bias_step)


# ---- training --------------------------------------------------------------------------------------------------------

cdef int allocate_normalization(training *t, trained_layer *layer, Memory memory) except -1:
    """Make what a layer that normalises keeps for the way back."""
    cdef packed_layer *packed = layer.packed
    cdef packed_network *net = t.network
    cdef long n_panels = panels_of(net, packed.n_outputs), blocks = ceil_divide(t.plan.chunk, MOMENT_ROWS)
    cdef Py_ssize_t n_bytes = n_panels * t.plan.stride * FM_PANEL_BYTES
    layer.normalized = memory.zeros(n_bytes)
    layer.bias_deltas = memory.zeros(n_bytes)
    packed.weights.bias_deltas = layer.bias_deltas
    t.parts[packed.normalization.gains - net.parts].deltas = layer.normalized
    if packed.normalization.method == LAYER_NORM:
        layer.row_scales = memory.zeros(t.plan.chunk * net.itemsize)
    else:
        layer.moments = memory.zeros(2 * blocks * 2 * n_panels * FM_PANEL_BYTES)
        layer.back_sums = layer.moments + blocks * 2 * n_panels * FM_PANEL_BYTES
        layer.joined = memory.zeros(t.plan.n_slices * 2 * n_panels * FM_PANEL_BYTES)
    return 0


cdef char *means_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil:
    """Return where a slice has the means of the batch."""
    return layer.joined + slice_ * 2 * panels_of(t.network, layer.packed.n_outputs) * FM_PANEL_BYTES


cdef char *scales_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil:
    """Return where a slice has 1 / standard deviation of the batch."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs)
    return layer.joined + (slice_ * 2 + 1) * n_panels * FM_PANEL_BYTES


cdef const double *_weights_from(const training *t, long low) noexcept nogil:
    return t.scratch.row_weights + low if t.data.weighs_moments else NULL


cdef int wait_for_moments(training *t, trained_layer *layer) except -1:
    """Plan what batch normalisation does on the way forward before it can normalise."""
    add_operation(t, _sum_moments, layer)
    wait_for_all_rows(t, _join_moments, layer)
    return 0


cdef int plan_normalization_back(training *t, trained_layer *layer) except -1:
    """Plan how the layer's deltas become those of its products."""
    if layer.packed.normalization.method == LAYER_NORM:
        add_operation(t, _layer_norm_back, layer)
    elif layer.packed.normalization.method == BATCH_NORM:
        add_operation(t, _sum_deltas, layer)
        wait_for_all_rows(t, _join_sums, layer)
        add_operation(t, _batch_norm_back, layer)
    return 0


cdef void _sum_moments(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: the moments of each MOMENT_ROWS rows."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs), block, r, number
    for block in range(ceil_divide(rows.n, MOMENT_ROWS)):
        r = block * MOMENT_ROWS
        number = (rows.low + r) // MOMENT_ROWS
        t.network.kernels.column_moments(
            min(MOMENT_ROWS, rows.n - r), layer.packed.n_outputs, layer.outputs + rows.offset + r * FM_PANEL_BYTES,
            t.plan.stride, _weights_from(t, rows.low + r), t.scratch.block_weights[number] if t.data.weighs_moments else 0,
            layer.moments + number * 2 * n_panels * FM_PANEL_BYTES)


cdef double _freedom(const training *t, const chunk_place *chunk) noexcept nogil:
    """Return what the sum of squared deviations is divided by for the running variance; 0 for as good as one row.

    As PyTorch does: one less than there are rows, since their mean is not known but estimated. Weights that are whole
    numbers count as so many rows, of which one is lost. Small weights might leave nothing then, or less; of them the
    mean takes what it takes of the variance in expectation: (sum of squares) / (squared sum), whatever their scale.
    """
    cdef long m = chunk.end - chunk.start, r
    cdef double squares = 0, freedom
    if not t.data.weighs_moments:
        return m - 1
    for r in range(m):
        squares += t.scratch.row_weights[r] * t.scratch.row_weights[r]
    freedom = m - min(m / chunk.weight, squares / m)
    return freedom if freedom > LEAST_FREEDOM * m else 0


cdef void _join_moments(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Opening: the slice's means and scales of the batch, from all rows' moments; the first slice's join the running ones."""
    cdef long step = 2 * panels_of(t.network, layer.packed.n_outputs) * t.network.panel
    cdef double freedom = 0
    if rows.slice_ == 0:
        freedom = _freedom(t, rows.chunk)
    t.network.kernels.join_moments(
        layer.packed.n_outputs, rows.chunk.end - rows.chunk.start, MOMENT_ROWS,
        t.scratch.block_weights if t.data.weighs_moments else NULL, layer.moments, step, t.network.epsilon,
        t.plan.running_share, freedom, layer.packed.normalization.running if freedom > 0 else NULL,
        means_of(t, layer, rows.slice_), scales_of(t, layer, rows.slice_))


cdef void _layer_norm_back(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: from the deltas of normalised products those of the products, and those of gains and biases."""
    t.network.kernels.layer_norm_back(
        rows.n, layer.packed.n_outputs, layer.deltas + rows.offset, t.plan.stride, layer.normalized + rows.offset,
        layer.bias_deltas + rows.offset, layer.row_scales + rows.low * t.network.itemsize,
        layer.packed.normalization.gains.weights)


cdef void _sum_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: the sums of the deltas, and of deltas times normalised products, of each MOMENT_ROWS rows."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs), block, r
    cdef Py_ssize_t offset
    for block in range(ceil_divide(rows.n, MOMENT_ROWS)):
        r = block * MOMENT_ROWS
        offset = rows.offset + r * FM_PANEL_BYTES
        t.network.kernels.column_sums(
            min(MOMENT_ROWS, rows.n - r), layer.packed.n_outputs, layer.deltas + offset, t.plan.stride,
            layer.normalized + offset, layer.back_sums + (rows.low + r) // MOMENT_ROWS * 2 * n_panels * FM_PANEL_BYTES)


cdef void _join_sums(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Opening: the slice's sums of the deltas over the batch."""
    cdef long step = 2 * panels_of(t.network, layer.packed.n_outputs) * t.network.panel
    t.network.kernels.join_sums(layer.packed.n_outputs, ceil_divide(rows.chunk.end - rows.chunk.start, MOMENT_ROWS),
                                layer.back_sums, step, t.scratch.threads[rows.slice_].totals)


cdef void _batch_norm_back(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: from the deltas of normalised products those of the products, and those of gains and biases."""
    t.network.kernels.batch_norm_back(
        rows.n, layer.packed.n_outputs, layer.deltas + rows.offset, t.plan.stride, layer.normalized + rows.offset,
        layer.bias_deltas + rows.offset, scales_of(t, layer, rows.slice_), layer.packed.normalization.gains.weights,
        t.scratch.threads[rows.slice_].totals, 1.0 / (rows.chunk.end - rows.chunk.start), _weights_from(t, rows.low))
