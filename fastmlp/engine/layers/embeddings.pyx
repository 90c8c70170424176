"""The first layer on encoded columns in which each column has units of its own: an embedding of the column.

src_c/kernels/embeddings_tmpl.c has the kernels. All columns have as many units, which lie side by side as the layer's
outputs. A unit has weights for the inputs of its own column alone, so that the weights are a matrix with a row for each
input and a column for each unit of an embedding. The biases, one for each unit of the layer, are a part of their own.

What rows look up, and the sums of bins, are as in columns.pyx, and of the network's own type likewise.
"""

from fastmlp.engine.layers.columns cimport COLUMNS, allocate_lookups, lookups_at, make_bin_sums, widest_column
from fastmlp.engine.layers.dense cimport DENSE, finish_prediction
from fastmlp.engine.layout cimport right_operand, rows_at, rows_of
from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport (
    FM_EMBEDDING_BYTES, FM_PANEL_BYTES, fm_after, fm_csr, fm_layer, fm_lookups, fm_matrix, fm_rows,
)
from fastmlp.engine.structs cimport (
    packed_layer, packed_network, row_block, trained_layer, trained_part, training, weight_tile,
)

# The size of embeddings is a multiple of so many units, which kernels take at a time.
cdef long UNITS_TOGETHER = 4


# ---- the network -----------------------------------------------------------------------------------------------------

cdef int set_embedding_size(packed_layer *layer) except -1:
    """Share a layer's units out among the columns, which it has been told of."""
    cdef long n_columns = layer.columns.columns
    if layer.is_last:
        raise ValueError("a layer of embeddings must have another after it")
    if layer.n_outputs < 1 or layer.n_outputs % (UNITS_TOGETHER * n_columns):
        raise ValueError(f"embeddings of {n_columns} columns must have a multiple of {UNITS_TOGETHER * n_columns}"
                         f" units, got {layer.n_outputs}")
    layer.embedding_size = layer.n_outputs // n_columns
    return 0


cdef int _parts(const packed_layer *layer, spec, list matrices, list vectors) except -1:
    """Weights without biases, and biases without weights; then the vectors of a dense layer."""
    matrices += [(layer.n_inputs, layer.embedding_size, False), (0, layer.n_outputs, True)]
    DENSE.parts(layer, spec, [], vectors)
    return 0


cdef int _set_up(packed_network *net, packed_layer *layer, spec, fm_layer *matrices, fm_layer *vectors,
                 Memory memory) except -1:
    DENSE.set_up(net, layer, spec, matrices, vectors, memory)
    layer.biases = &matrices[1]
    return make_bin_sums(net, layer, memory)


cdef void _embed(const packed_network *net, const packed_layer *layer, const fm_lookups *rows, const fm_rows *z,
                 const fm_after *after) noexcept nogil:
    """Make the products of rows, and activate them where that follows at once."""
    cdef fm_matrix weights = right_operand(layer.weights.weights, layer.n_inputs, layer.n_inputs + 1, False)
    net.kernels.embed(rows, &weights, layer.bin_sums, layer.biases.weights if layer.is_biased else NULL, z, after)


cdef void _predict(const packed_network *net, const packed_layer *layer, long n, const char *inputs, const fm_csr *csr,
                   char *outputs, long stride) noexcept nogil:
    cdef fm_lookups rows = lookups_at(net, inputs, stride, 0, n)
    cdef fm_rows z = rows_at(outputs, stride, n, layer.n_outputs)
    _embed(net, layer, &rows, &z, &layer.at_once)
    finish_prediction(net, layer, n, outputs, stride)


# ---- training --------------------------------------------------------------------------------------------------------

cdef int _allocate(training *t, trained_layer *layer, Memory memory) except -1:
    cdef trained_part *biases = &t.parts[layer.packed.biases - t.network.parts]
    cdef int slice_
    allocate_lookups(t, layer, memory)
    layer.weights.update = _update
    biases.deltas = layer.bias_deltas if layer.bias_deltas != NULL else layer.deltas
    for slice_ in range(t.plan.n_slices):
        t.scratch.threads[slice_].embedding_sums = memory.zeros(widest_column(&layer.packed.columns)
                                                                * FM_EMBEDDING_BYTES)
    return 0


cdef int _choose_products(training *t, trained_layer *layer, Memory memory) except -1:
    layer.multiply, layer.multiply_back = _multiply, NULL
    return 0


cdef void _multiply(training *t, trained_layer *layer, const row_block *rows, const fm_after *after) noexcept nogil:
    cdef fm_lookups looked_up = lookups_at(t.network, layer.inputs, t.plan.stride, rows.low, rows.n)
    cdef fm_rows z = rows_of(t, layer.products, rows, layer.packed.n_outputs)
    _embed(t.network, layer.packed, &looked_up, &z, after)


cdef void _update(training *t, trained_part *part, const weight_tile *tile) noexcept nogil:
    cdef fm_lookups looked_up = lookups_at(t.network, part.inputs, t.plan.stride, tile.low, tile.n)
    cdef fm_rows deltas = rows_at(part.deltas + tile.low * FM_PANEL_BYTES, t.plan.stride, tile.n,
                                  part.layer.packed.n_outputs)
    t.network.kernels.update_embeddings(&tile.strips, &looked_up, t.scratch.threads[tile.slice_].embedding_sums,
                                        &deltas)


EMBEDDINGS = COLUMNS
EMBEDDINGS.parts = _parts
EMBEDDINGS.set_up = _set_up
EMBEDDINGS.predict = _predict
EMBEDDINGS.allocate = _allocate
EMBEDDINGS.choose_products = _choose_products
