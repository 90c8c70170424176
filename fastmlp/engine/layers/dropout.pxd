"""Dropout and noise: what is random in a training step."""

from fastmlp.engine.native cimport fm_mask
from fastmlp.engine.structs cimport row_block, trained_layer, training

cdef void set_dropout_mask(const training *t, const trained_layer *layer, const row_block *rows,
                           fm_mask *mask) noexcept nogil
cdef void add_noise(training *t, trained_layer *layer, const row_block *rows) noexcept nogil
cdef void drop_inputs(training *t, trained_layer *layer, const row_block *rows) noexcept nogil
cdef void drop_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil
