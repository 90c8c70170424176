"""Dropout and noise: what is random in a training step.

Each random number depends on the seed, the number of the update, the layer, and row and column alone, so the way back
makes again what the way forward made.
"""

from libc.stdint cimport uint32_t, uint64_t

from fastmlp.engine.layout cimport rows_of
from fastmlp.engine.native cimport fm_rows


cdef void _set_mask(const training *t, long number, const row_block *rows, double rate, double scale,
                    fm_mask *mask) noexcept nogil:
    """Say what is drawn for the rows, as the layer of a number reads them."""
    # With other factors than that of the row, so that rows of different steps and layers have different random numbers.
    mask.key = t.plan.seed + <uint64_t> rows.chunk.step_number * <uint64_t> 0xd1342543de82ef95
    mask.key += <uint64_t> (number + 1) * <uint64_t> 0xda942042e4dd58b5
    mask.row = rows.chunk.start - rows.chunk.batch_start + rows.low
    mask.threshold = <uint32_t> (rate * 4294967296.0)
    mask.scale = scale


cdef void set_dropout_mask(const training *t, const trained_layer *layer, const row_block *rows,
                           fm_mask *mask) noexcept nogil:
    """Say which of a layer's inputs are dropped."""
    _set_mask(t, layer.packed.number, rows, layer.dropout, 1 / (1 - layer.dropout), mask)


cdef void add_noise(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: add normal noise to the inputs of the first layer."""
    cdef fm_rows inputs = rows_of(t, layer.inputs, rows, layer.packed.n_inputs)
    cdef fm_mask mask
    _set_mask(t, -1, rows, 0, t.plan.noise, &mask)
    t.network.kernels.add_noise(&inputs, &mask)


cdef void drop_inputs(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: drop inputs, from the outputs of the layer below; those of the first layer in their place."""
    cdef const char *source = layer.inputs if layer.below == NULL else layer.below.outputs
    cdef fm_rows from_rows = rows_of(t, source, rows, layer.packed.n_inputs)
    cdef fm_mask mask
    set_dropout_mask(t, layer, rows, &mask)
    t.network.kernels.drop(&from_rows, layer.inputs + rows.offset, &mask)


cdef void drop_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: drop the deltas of those outputs of the layer below that this layer did not read."""
    cdef fm_rows deltas = rows_of(t, layer.input_deltas, rows, layer.packed.n_inputs)
    cdef fm_mask mask
    set_dropout_mask(t, layer, rows, &mask)
    t.network.kernels.drop(&deltas, deltas.at, &mask)
    if layer.below != NULL and not layer.adds_inputs and layer.below.derivative.parameter_slopes != NULL:
        deltas.at = layer.below.parameter_slopes + rows.offset
        t.network.kernels.drop(&deltas, deltas.at, &mask)
