"""The first layer on encoded columns: a dense layer whose products with the encoding are looked up.

src_c/kernels/columns_tmpl.c has the formulas. For numbers the way forward looks up sums of weights over bins, which are
made of the weights whenever these have changed. What a row looks up is found once, when the row is gathered, for the
way forward and for the gradient. All this is of the network's own type, with bfloat16 products in other layers, too.

The layer has the weights of a dense layer on the multiplied-out encoding, so that optimizers, penalties and files take
it for one. Nothing is taken back to its inputs, since codes have no slopes.
"""

from libc.stdint cimport int32_t

from fastmlp.engine.layers.dense cimport DENSE, allocate_rows, finish_prediction
from fastmlp.engine.layout cimport packed_bytes, panels_of, right_operand, rows_at, rows_of
from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_after, fm_columns, fm_csr, fm_layer, fm_lookups, fm_matrix, fm_rows,
)
from fastmlp.engine.structs cimport row_block, trained_layer, trained_part, training, weight_tile


# ---- the network -----------------------------------------------------------------------------------------------------

cdef int set_columns(const packed_network *net, packed_layer *layer, layout, Memory memory) except -1:
    """Tell a layer of the columns it reads."""
    cdef fm_columns *columns = &layer.columns
    cdef long i
    cdef int32_t *offsets
    ends = (*layout.offsets, layout.total_inputs)
    if layer.n_inputs != layout.total_inputs:
        raise ValueError(f"columns have {layout.total_inputs} inputs, but the first layer has {layer.n_inputs}")
    if layout.total_inputs > 0x7fffffff:
        raise ValueError(f"columns must have at most {0x7fffffff} inputs, got {layout.total_inputs}")
    columns.columns, columns.numbers = len(layout.offsets), layout.n_numbers
    offsets = <int32_t *> memory.zeros((columns.columns + 1) * sizeof(int32_t))
    for i in range(columns.columns + 1):
        offsets[i] = ends[i]
    columns.offsets = offsets
    return 0


cdef int make_bin_sums(const packed_network *net, packed_layer *layer, Memory memory) except -1:
    """Make room for the sums of the bins of numbers, laid out as the layer's weights are."""
    cdef const fm_columns *columns = &layer.columns
    layer.bin_sums = memory.zeros(panels_of(net, layer.weights.outputs)
                                  * (columns.offsets[columns.numbers] + columns.numbers) * FM_PANEL_BYTES)
    return 0


cdef int _set_up(packed_network *net, packed_layer *layer, spec, fm_layer *matrices, fm_layer *vectors,
                 Memory memory) except -1:
    DENSE.set_up(net, layer, spec, matrices, vectors, memory)
    return make_bin_sums(net, layer, memory)


cdef void _follow_weights(const packed_network *net, const packed_layer *layer, long panel) noexcept nogil:
    net.kernels.sum_bins(layer.weights, &layer.columns, panel, layer.bin_sums)


cdef Py_ssize_t _input_bytes(const packed_network *net, long stride) noexcept nogil:
    """Return the bytes of the inputs in a buffer of what rows look up, up to a whole line of the cache."""
    return (net.layers[0].columns.columns * stride * <Py_ssize_t> sizeof(int32_t) + 63) & ~<Py_ssize_t> 63


cdef Py_ssize_t lookups_bytes(const packed_network *net, long stride) noexcept nogil:
    """Return the size of a buffer of what so many rows look up."""
    return _input_bytes(net, stride) + net.layers[0].columns.numbers * stride * net.itemsize


cdef fm_lookups lookups_at(const packed_network *net, const char *buffer, long stride, long low, long n) noexcept nogil:
    """Return n rows from low on of a buffer of what rows look up, as kernels take them."""
    cdef fm_lookups found
    found.columns, found.stride, found.rows = &net.layers[0].columns, stride, n
    found.inputs = <int32_t *> buffer + low
    found.shares = <char *> buffer + _input_bytes(net, stride) + low * net.itemsize
    return found


cdef void _look_up(const packed_network *net, const packed_layer *layer, const fm_lookups *rows, const fm_rows *z,
                   const fm_after *after) noexcept nogil:
    """Make the products of rows, and activate them where that follows at once."""
    cdef fm_matrix weights = right_operand(layer.weights.weights, layer.n_inputs, layer.n_inputs + 1, layer.is_biased)
    net.kernels.columns(rows, &weights, layer.bin_sums, z, after)


cdef void _predict(const packed_network *net, const packed_layer *layer, long n, const char *inputs, const fm_csr *csr,
                   char *outputs, long stride) noexcept nogil:
    cdef fm_lookups rows = lookups_at(net, inputs, stride, 0, n)
    cdef fm_rows z = rows_at(outputs, stride, n, layer.n_outputs)
    _look_up(net, layer, &rows, &z, &layer.at_once)
    finish_prediction(net, layer, n, outputs, stride)


# ---- training --------------------------------------------------------------------------------------------------------

cdef int _allocate(training *t, trained_layer *layer, Memory memory) except -1:
    cdef long widest = widest_column(&layer.packed.columns)
    cdef int slice_
    allocate_lookups(t, layer, memory)
    layer.weights.update = _update
    for slice_ in range(t.plan.n_slices):
        t.scratch.threads[slice_].sorted_rows = <int32_t *> memory.zeros((t.plan.chunk + widest) * sizeof(int32_t))
    return 0


cdef long widest_column(const fm_columns *columns) noexcept:
    """Return the inputs of the column that has most of them."""
    cdef long c, widest = 0
    for c in range(columns.columns):
        widest = max(widest, columns.offsets[c + 1] - columns.offsets[c])
    return widest


cdef int allocate_lookups(training *t, trained_layer *layer, Memory memory) except -1:
    """Make the buffers of a layer that looks columns up, but for the scratch memory of its update."""
    cdef packed_layer *packed = layer.packed
    if layer.dropout or t.plan.noise:
        raise ValueError("codes of encoded columns can neither be dropped nor be noisy")
    allocate_rows(t, layer, memory)
    layer.inputs = memory.zeros(lookups_bytes(t.network, t.plan.stride))
    layer.weights = &t.parts[packed.weights - t.network.parts]
    layer.weights.layer, layer.weights.inputs, layer.weights.deltas = layer, layer.inputs, layer.deltas
    layer.weights.takes_panels = True
    if packed.weights.sums == NULL:
        packed.weights.sums = memory.zeros(packed_bytes(t.network, packed.weights))
    return 0


cdef void _copy_weights(training *t, trained_layer *layer) noexcept:
    """Do nothing: no copy of the weights is kept for the way back."""


cdef int _choose_products(training *t, trained_layer *layer, Memory memory) except -1:
    layer.multiply, layer.multiply_back = _multiply, NULL
    return 0


cdef void _multiply(training *t, trained_layer *layer, const row_block *rows, const fm_after *after) noexcept nogil:
    cdef fm_lookups looked_up = lookups_at(t.network, layer.inputs, t.plan.stride, rows.low, rows.n)
    cdef fm_rows z = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    _look_up(t.network, layer.packed, &looked_up, &z, after)


cdef void _update(training *t, trained_part *part, const weight_tile *tile) noexcept nogil:
    cdef fm_lookups looked_up = lookups_at(t.network, part.inputs, t.plan.stride, tile.low, tile.n)
    cdef fm_rows deltas = rows_at(part.deltas + tile.low * FM_PANEL_BYTES, t.plan.stride, tile.n, part.packed.outputs)
    t.network.kernels.update_columns(&tile.strips, &looked_up, t.scratch.threads[tile.slice_].sorted_rows, &deltas)


COLUMNS = DENSE
COLUMNS.set_up = _set_up
COLUMNS.follow_weights = _follow_weights
COLUMNS.predict = _predict
COLUMNS.allocate = _allocate
COLUMNS.copy_weights = _copy_weights
COLUMNS.choose_products = _choose_products
