"""Normalisation of a layer's products, over the units of a row or over the rows of a batch.

The moments of a batch need all of its rows. Each thread sums those of its rows, MOMENT_ROWS at a time; then all threads
wait for each other, and each joins the sums for itself, in an order that does not depend on the threads. So it is with
the sums of the deltas on the way back.
"""

import numpy as np

cimport numpy as cnp
from libc.string cimport memcpy

from fastmlp.engine.layout cimport panels_of, rows_at, rows_of
from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_moments, fm_norm, fm_rows, fm_running
from fastmlp.engine.plan cimport add_operation, wait_for_all_rows
from fastmlp.engine.structs cimport (
    BATCH_NORM, LAYER_NORM, MOMENT_ROWS, chunk_place, layer_normalization, row_block,
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
    cdef fm_rows rows = rows_at(z, stride, n, layer.n_outputs)
    cdef fm_norm norm
    norm.normalized, norm.means, norm.epsilon = kept.normalized, kept.means, net.epsilon
    norm.gains = layer.normalization.gains.weights
    # The biases are the last row of each panel of their part.
    norm.biases = <const char *> layer.biases.weights + layer.biases.inputs * FM_PANEL_BYTES
    norm.biases_step = (layer.biases.inputs + 1) * net.panel
    if layer.normalization.method == LAYER_NORM:
        norm.scales = kept.row_scales
        net.kernels.layer_norm(&rows, &norm)
    else:
        norm.scales = kept.scales
        net.kernels.batch_norm(&rows, &norm)


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
    elif not t.plan.uses_running:
        layer.moments = memory.zeros(2 * blocks * 2 * n_panels * FM_PANEL_BYTES)
        layer.back_sums = layer.moments + blocks * 2 * n_panels * FM_PANEL_BYTES
        layer.joined = memory.zeros(t.plan.n_slices * 2 * n_panels * FM_PANEL_BYTES)
    return 0


cdef char *means_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil:
    """Return where a slice has the means of the batch."""
    if t.plan.uses_running:
        return layer.packed.normalization.means
    return layer.joined + slice_ * 2 * panels_of(t.network, layer.packed.n_outputs) * FM_PANEL_BYTES


cdef char *scales_of(const training *t, const trained_layer *layer, int slice_) noexcept nogil:
    """Return where a slice has 1 / standard deviation of the batch."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs)
    if t.plan.uses_running:
        return layer.packed.normalization.scales
    return layer.joined + (slice_ * 2 + 1) * n_panels * FM_PANEL_BYTES


cdef const double *_weights_from(const training *t, long low) noexcept nogil:
    return t.scratch.row_weights + low if t.data.weighs_moments else NULL


cdef int wait_for_moments(training *t, trained_layer *layer) except -1:
    """Plan what batch normalisation does on the way forward before it can normalise."""
    if not t.plan.uses_running:
        add_operation(t, _sum_moments, layer)
        wait_for_all_rows(t, _join_moments, layer)
    return 0


cdef int plan_normalization_back(training *t, trained_layer *layer) except -1:
    """Plan how the layer's deltas become those of its products."""
    if layer.packed.normalization.method == LAYER_NORM:
        add_operation(t, _layer_norm_back, layer)
    elif layer.packed.normalization.method == BATCH_NORM:
        # Running moments are constants: the sums by which the moments of a batch count in the deltas stay 0.
        if not t.plan.uses_running:
            add_operation(t, _sum_deltas, layer)
            wait_for_all_rows(t, _join_sums, layer)
        add_operation(t, _batch_norm_back, layer)
    return 0


cdef void _sum_moments(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: take the moments of each MOMENT_ROWS rows."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs), k, r, block
    cdef fm_rows few = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    for k in range(ceil_divide(rows.n, MOMENT_ROWS)):
        r = k * MOMENT_ROWS
        block = (rows.low + r) // MOMENT_ROWS
        few.at, few.rows = layer.products + rows.offset + r * FM_PANEL_BYTES, min(MOMENT_ROWS, rows.n - r)
        t.network.kernels.column_moments(
            &few, _weights_from(t, rows.low + r), t.scratch.block_weights[block] if t.data.weighs_moments else 0,
            layer.moments + block * 2 * n_panels * FM_PANEL_BYTES)


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
    """Opening: join the moments of all rows, for this slice; the first slice moves the running moments, too."""
    cdef fm_moments blocks
    cdef fm_running running
    blocks.width, blocks.rows = layer.packed.n_outputs, rows.chunk.end - rows.chunk.start
    blocks.block_rows = MOMENT_ROWS
    blocks.block_weights = t.scratch.block_weights if t.data.weighs_moments else NULL
    blocks.moments, blocks.step = layer.moments, 2 * panels_of(t.network, layer.packed.n_outputs) * t.network.panel
    running.share, running.freedom = t.plan.running_share, _freedom(t, rows.chunk) if rows.slice_ == 0 else 0
    running.moments = layer.packed.normalization.running if running.freedom > 0 else NULL
    t.network.kernels.join_moments(&blocks, &running, t.network.epsilon, means_of(t, layer, rows.slice_),
                                   scales_of(t, layer, rows.slice_))


cdef void _set_back(const trained_layer *layer, const row_block *rows, char *scales, fm_norm *norm) noexcept nogil:
    """Say what the way back through a normalisation reads and writes."""
    norm.normalized, norm.bias_deltas = layer.normalized + rows.offset, layer.bias_deltas + rows.offset
    norm.scales, norm.gains = scales, layer.packed.normalization.gains.weights


cdef void _layer_norm_back(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the deltas of products from those of the normalised ones; and those of gains and biases."""
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    cdef fm_norm norm
    _set_back(layer, rows, layer.row_scales + rows.low * t.network.itemsize, &norm)
    t.network.kernels.layer_norm_back(&deltas, &norm)


cdef void _sum_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: sum the deltas, and the deltas times normalised products, of each MOMENT_ROWS rows."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs), k, r, block
    cdef fm_rows few = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    cdef Py_ssize_t offset
    for k in range(ceil_divide(rows.n, MOMENT_ROWS)):
        r = k * MOMENT_ROWS
        offset = rows.offset + r * FM_PANEL_BYTES
        few.at, few.rows = layer.deltas + offset, min(MOMENT_ROWS, rows.n - r)
        block = (rows.low + r) // MOMENT_ROWS
        t.network.kernels.column_sums(&few, layer.normalized + offset,
                                      layer.back_sums + block * 2 * n_panels * FM_PANEL_BYTES)


cdef void _join_sums(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Opening: join the sums of the deltas of all rows, for this slice."""
    cdef long step = 2 * panels_of(t.network, layer.packed.n_outputs) * t.network.panel
    t.network.kernels.join_sums(layer.packed.n_outputs, ceil_divide(rows.chunk.end - rows.chunk.start, MOMENT_ROWS),
                                layer.back_sums, step, t.scratch.threads[rows.slice_].totals)


cdef void _batch_norm_back(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the deltas of products from those of the normalised ones; and those of gains and biases."""
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    cdef fm_norm norm
    _set_back(layer, rows, scales_of(t, layer, rows.slice_), &norm)
    t.network.kernels.batch_norm_back(
        &deltas, &norm, t.scratch.threads[rows.slice_].totals, 1.0 / (rows.chunk.end - rows.chunk.start),
        _weights_from(t, rows.low))
