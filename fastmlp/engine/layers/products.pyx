"""The products of layers with their weights, on the way forward and back, and the gradients of weights.

There are several ways to make the products, all with the same results to rounding, and a layer takes the best of them
for the length of a training:

plain     weights in panels of outputs, and a transposed copy for the way back
turned    weights in panels of inputs, for a last layer of few outputs: no copy, little padding
sparse    the inputs are rows of a CSR matrix
bfloat16  the operands are rounded to bfloat16, or split into three bfloat16 terms (split)
shallow   two layers in one go, for networks with one hidden layer and few inputs
"""

from libc.string cimport memset

from fastmlp.engine.layers.dropout cimport drop_deltas, set_dropout_mask
from fastmlp.engine.layers.inputs cimport find_csr_rows
from fastmlp.engine.layout cimport panels_of, right_operand, rows_at, rows_of
from fastmlp.engine.memory cimport moved
from fastmlp.engine.native cimport (
    FM_BLOCK, FM_BLOCK_BYTES, FM_PANEL_BYTES, fm_after, fm_bfloat16_batch, fm_bfloat16_operands, fm_csr, fm_layer,
    fm_mask, fm_matrix, fm_rows, fm_shallow, fm_strips,
)
from fastmlp.engine.plan cimport add_operation
from fastmlp.engine.structs cimport chunk_place, packed_layer, packed_network, row_block, thread_scratch


# ---- forward passes --------------------------------------------------------------------------------------------------

cdef void predict_product(const packed_network *net, const packed_layer *layer, long n, const char *inputs,
                          const fm_csr *csr, char *outputs, long stride) noexcept nogil:
    """Multiply n rows of inputs, in panels or of a CSR matrix, and activate the products where that follows at once."""
    cdef fm_rows a = rows_at(inputs, stride, n, layer.n_inputs), z = rows_at(outputs, stride, n, layer.n_outputs)
    cdef fm_matrix weights = _weights_of(layer)
    if csr != NULL:
        net.kernels.sparse(csr, &weights, &z, &layer.at_once)
    elif layer.weights.turned:
        net.kernels.dense_turned(&a, layer.weights, outputs)
    else:
        net.kernels.dense(&a, &weights, &z, &layer.at_once)


cdef inline fm_matrix _weights_of(const packed_layer *layer) noexcept nogil:
    return right_operand(layer.weights.weights, layer.n_inputs, layer.n_inputs + 1, layer.is_biased)


# ---- operands and the choice of products -----------------------------------------------------------------------------

cdef int allocate_product(training *t, trained_layer *layer, Memory memory) except -1:
    """Make the copies of the weights and the operands of bfloat16 products for a layer whose buffers are made."""
    cdef packed_network *net = t.network
    cdef fm_layer *weights = layer.packed.weights
    cdef long n_panels = panels_of(net, layer.packed.n_outputs), input_panels = panels_of(net, layer.packed.n_inputs)
    cdef Py_ssize_t block_bytes = t.plan.terms * FM_BLOCK_BYTES
    layer.weights = &t.parts[weights - net.parts]
    layer.weights.layer, layer.weights.inputs, layer.weights.deltas = layer, layer.inputs, layer.deltas
    if t.plan.terms:
        weights.terms = t.plan.terms
        layer.rounded_deltas = memory.zeros(n_panels * t.plan.row_blocks * block_bytes)
        if layer.below != NULL:
            layer.rounded_inputs = memory.zeros(input_panels * t.plan.row_blocks * block_bytes)
        if t.plan.keeps_rounded:
            weights.rounded = memory.zeros(input_panels * n_panels * block_bytes)
            if layer.input_deltas != NULL:
                weights.rounded_transposed = memory.zeros(input_panels * n_panels * block_bytes)
    return 0


cdef int allocate_rounded_rows(training *t, long width, Memory memory) except -1:
    """Make, for each thread, room for rows of a width, and a panel of weights, on their way into a bfloat16 product."""
    cdef Py_ssize_t block_bytes = t.plan.terms * FM_BLOCK_BYTES
    cdef long n_panels = panels_of(t.network, width)
    cdef thread_scratch *scratch
    cdef int slice_
    if width > t.plan.rounded_width:
        t.plan.rounded_width = width
        for slice_ in range(t.plan.n_slices):
            scratch = &t.scratch.threads[slice_]
            scratch.rounded_rows = memory.zeros(n_panels * CACHED_ROWS_BFLOAT16 // FM_BLOCK * block_bytes)
            scratch.rounded_weights = memory.zeros(n_panels * block_bytes)
    return 0


cdef int _allocate_inputs(training *t, trained_layer *layer, Memory memory) except -1:
    """Make room for rows of X, unless an earlier choice of products did."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_inputs)
    if layer.inputs == NULL:
        layer.inputs = layer.weights.inputs = memory.zeros(n_panels * t.plan.stride * FM_PANEL_BYTES)
        if t.plan.terms:
            layer.rounded_inputs = memory.zeros(n_panels * t.plan.row_blocks * t.plan.terms * FM_BLOCK_BYTES)
            allocate_rounded_rows(t, layer.packed.n_inputs, memory)
    return 0


cdef int _make_transposed(training *t, trained_layer *layer, Memory memory) except -1:
    """Make the transposed copy that the way back reads, unless an earlier choice of products did."""
    cdef fm_layer *weights = layer.packed.weights
    if weights.transposed == NULL and not t.plan.keeps_rounded and not weights.turned:
        weights.transposed = memory.zeros(panels_of(t.network, weights.inputs) * weights.outputs * FM_PANEL_BYTES)
        copy_weights(t, layer)
    return 0


cdef void copy_weights(training *t, trained_layer *layer) noexcept:
    """Bring the copies of the weights that products read, rounded or transposed, up to the weights."""
    cdef fm_layer *weights = layer.packed.weights
    cdef long panel
    if t.plan.keeps_rounded:
        for panel in range(layer.weights.n_panels):
            t.network.kernels.round_strips(weights, panel, 0, layer.weights.strips)
    elif weights.transposed != NULL:
        t.network.kernels.pack_transposed(weights.weights, weights.inputs, weights.outputs, weights.transposed)


cdef int choose_products(training *t, trained_layer *layer, Memory memory) except -1:
    """Choose by which kernels a layer makes its products until other data are attached."""
    cdef bint is_first = layer.below == NULL, is_sparse = is_first and t.data.X.is_sparse
    if is_first and not is_sparse:
        _allocate_inputs(t, layer, memory)
    layer.weights.takes_panels = False
    if is_sparse:
        layer.multiply, layer.weights.update = _multiply_sparse, update_sparse
    elif t.plan.is_shallow:
        layer.multiply, layer.weights.update = NULL, NULL
        if is_first:
            layer.multiply = _multiply_shallow
    elif t.plan.terms:
        layer.multiply, layer.weights.update = _multiply_bfloat16, _update_bfloat16
        layer.weights.takes_panels = True
    else:
        layer.multiply, layer.weights.update = _multiply_plain, update_with_vector_operands
        if layer.packed.weights.turned:
            layer.multiply = _multiply_turned
    layer.multiply_back = NULL
    if layer.input_deltas != NULL and not t.plan.is_shallow:
        layer.multiply_back = _multiply_back_plain
        _make_transposed(t, layer, memory)
        if t.plan.terms:
            layer.multiply_back = _multiply_back_bfloat16
    return 0


# ---- the way forward -------------------------------------------------------------------------------------------------

cdef void _multiply_plain(training *t, trained_layer *layer, const row_block *rows,
                          const fm_after *after) noexcept nogil:
    cdef fm_rows a = rows_of(t, layer.inputs, rows, layer.packed.n_inputs)
    cdef fm_rows z = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    cdef fm_matrix weights = _weights_of(layer.packed)
    t.network.kernels.dense(&a, &weights, &z, after)


cdef void _multiply_turned(training *t, trained_layer *layer, const row_block *rows,
                           const fm_after *after) noexcept nogil:
    cdef fm_rows a = rows_of(t, layer.inputs, rows, layer.packed.n_inputs)
    t.network.kernels.dense_turned(&a, layer.packed.weights, layer.products + rows.offset)


cdef void _multiply_shallow(training *t, trained_layer *layer, const row_block *rows,
                            const fm_after *after) noexcept nogil:
    """Make the outputs of both layers of a network."""
    cdef const trained_layer *last = layer + 1
    cdef fm_shallow network
    network.hidden, network.output = layer.packed.weights, last.packed.weights
    network.rows, network.stride = rows.n, t.plan.stride
    network.x, network.h = layer.inputs + rows.offset, layer.outputs + rows.offset
    network.z = last.outputs + rows.offset
    t.network.kernels.shallow_forward(&network)


cdef void set_csr_rows(const training *t, const trained_layer *layer, const chunk_place *chunk, long low, fm_csr *csr,
                       fm_mask *mask) noexcept nogil:
    """Say where the rows of a CSR matrix are, from low in the chunk on, and what is dropped of them."""
    cdef row_block rows
    find_csr_rows(t.network, &t.data.X, t.data.order, chunk.start + low, csr)
    if layer.dropout:
        rows.chunk, rows.low = chunk, low
        set_dropout_mask(t, layer, &rows, mask)
        csr.mask = mask


cdef void _multiply_sparse(training *t, trained_layer *layer, const row_block *rows,
                           const fm_after *after) noexcept nogil:
    cdef fm_rows z = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    cdef fm_matrix weights = _weights_of(layer.packed)
    cdef fm_csr csr
    cdef fm_mask mask
    set_csr_rows(t, layer, rows.chunk, rows.low, &csr, &mask)
    t.network.kernels.sparse(&csr, &weights, &z, after)


cdef void _multiply_bfloat16(training *t, trained_layer *layer, const row_block *rows,
                             const fm_after *after) noexcept nogil:
    cdef fm_rows a = rows_of(t, layer.inputs, rows, layer.packed.n_inputs)
    cdef fm_rows z = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    cdef fm_matrix weights = _weights_of(layer.packed)
    cdef fm_bfloat16_operands operands
    _round_left(t, &a, rows.slice_, layer.packed.weights.rounded, &operands)
    t.network.kernels.round_columns(t.plan.terms, &a, _rounded_rows(t, layer.rounded_inputs, rows), t.plan.row_blocks)
    t.network.kernels.bfloat16_dense(&operands, &weights, &z, after)


cdef void _round_left(training *t, const fm_rows *a, int slice_, const void *right,
                      fm_bfloat16_operands *operands) noexcept nogil:
    """Round rows; they are multiplied with right or, where that is NULL, with weights that the product rounds."""
    cdef thread_scratch *scratch = &t.scratch.threads[slice_]
    t.network.kernels.round_left(t.plan.terms, a, scratch.rounded_rows)
    operands.terms, operands.left, operands.right = t.plan.terms, scratch.rounded_rows, right
    operands.scratch = scratch.rounded_weights


cdef inline char *_rounded_rows(const training *t, char *operand, const row_block *rows) noexcept nogil:
    """Return where an operand that is summed over the rows has a block of them."""
    return operand + rows.low // FM_BLOCK * t.plan.terms * FM_BLOCK_BYTES


# ---- the way back ----------------------------------------------------------------------------------------------------

cdef int plan_product_back(training *t, trained_layer *layer) except -1:
    """Plan what makes, from a layer's deltas, those of the layer below, and the operands of the gradient."""
    if layer.weights.update == _update_bfloat16:
        add_operation(t, _round_deltas, layer)
    if layer.multiply_back != NULL:
        add_operation(t, _multiply_back, layer)
        if layer.dropout:
            add_operation(t, drop_deltas, layer)
    return 0


cdef void _round_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: round the deltas, an operand of the gradient's bfloat16 product."""
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    t.network.kernels.round_right(t.plan.terms, &deltas, _rounded_rows(t, layer.rounded_deltas, rows),
                                  t.plan.row_blocks)


cdef void _multiply_back(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the slopes by the inputs from the deltas, and of these the deltas of the layer below."""
    cdef fm_after after
    memset(&after, 0, sizeof(after))
    if layer.below != NULL and not layer.adds_inputs:
        after = layer.below.derivative
        after.at = moved(after.at, rows.offset)
        after.parameter_slopes = moved(after.parameter_slopes, rows.offset)
    layer.multiply_back(t, layer, rows, &after)


cdef inline fm_matrix _transposed_weights_of(const packed_layer *layer) noexcept nogil:
    cdef const fm_layer *weights = layer.weights
    return right_operand(weights.weights if weights.turned else weights.transposed, layer.n_outputs, layer.n_outputs,
                         False)


cdef void _multiply_back_plain(training *t, trained_layer *layer, const row_block *rows,
                               const fm_after *after) noexcept nogil:
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    cdef fm_rows below = rows_of(t, layer.input_deltas, rows, layer.packed.n_inputs)
    cdef fm_matrix transposed = _transposed_weights_of(layer.packed)
    t.network.kernels.dense(&deltas, &transposed, &below, after)


cdef void _multiply_back_bfloat16(training *t, trained_layer *layer, const row_block *rows,
                                  const fm_after *after) noexcept nogil:
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, layer.packed.n_outputs)
    cdef fm_rows below = rows_of(t, layer.input_deltas, rows, layer.packed.n_inputs)
    cdef fm_matrix transposed = _transposed_weights_of(layer.packed)
    cdef fm_bfloat16_operands operands
    _round_left(t, &deltas, rows.slice_, layer.packed.weights.rounded_transposed, &operands)
    t.network.kernels.bfloat16_dense(&operands, &transposed, &below, after)


# ---- gradient and update ---------------------------------------------------------------------------------------------

cdef void update_with_vector_operands(training *t, trained_part *part, const weight_tile *tile) noexcept nogil:
    """Update a tile of a part, whose operands are of the network's type."""
    cdef fm_rows a = rows_at(moved(part.inputs, tile.low * FM_PANEL_BYTES), t.plan.stride, tile.n, part.packed.inputs)
    cdef fm_rows deltas = _deltas_of(t, part, tile)
    cdef fm_layer of_rows
    cdef fm_strips strips
    _set_strips(tile, &strips, &of_rows)
    t.network.kernels.update_dense(&strips, &a, &deltas)


cdef void update_sparse(training *t, trained_part *part, const weight_tile *tile) noexcept nogil:
    cdef fm_rows deltas = _deltas_of(t, part, tile)
    cdef fm_layer of_rows
    cdef fm_strips strips
    cdef fm_csr csr
    cdef fm_mask mask
    _set_strips(tile, &strips, &of_rows)
    set_csr_rows(t, part.layer, tile.chunk, tile.low, &csr, &mask)
    t.network.kernels.update_sparse(&strips, &csr, t.scratch.threads[tile.slice_].cursors, &deltas)


cdef void _update_bfloat16(training *t, trained_part *part, const weight_tile *tile) noexcept nogil:
    """Update a tile of as many output panels as there are; with these operands the rows are always those of a chunk."""
    cdef fm_rows deltas = _deltas_of(t, part, tile)
    cdef fm_bfloat16_batch batch
    batch.columns, batch.right, batch.blocks = part.layer.rounded_inputs, part.layer.rounded_deltas, t.plan.row_blocks
    t.network.kernels.bfloat16_update(&tile.strips, &batch, &deltas)


cdef inline fm_rows _deltas_of(const training *t, const trained_part *part, const weight_tile *tile) noexcept nogil:
    return rows_at(part.deltas + tile.low * FM_PANEL_BYTES, t.plan.stride, tile.n, part.packed.outputs)


cdef inline void _set_strips(const weight_tile *tile, fm_strips *strips, fm_layer *of_rows) noexcept nogil:
    """Say what a tile updates; where the biases have deltas of their own, with those of the tile's rows."""
    strips[0] = tile.strips
    if strips.layer.bias_deltas != NULL and tile.low > 0:
        of_rows[0] = strips.layer[0]
        of_rows.bias_deltas = <const char *> of_rows.bias_deltas + tile.low * FM_PANEL_BYTES
        strips.layer = of_rows
