"""The phases of a step that make gradients and update weights."""

from libc.stdint cimport int64_t

from fastmlp.engine.structs cimport chunk_place, row_block, trained_layer, training

cdef enum:
    # What update_tiles does.
    UPDATE, PREPARE, APPLY

cdef void update_tiles(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil
cdef void update_shallow(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil
cdef void follow_weights(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil
cdef void limit_norms(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil
cdef void sum_gradients(training *t, trained_layer *layer, const row_block *rows) noexcept nogil
cdef void make_constants(int rule, const double *hyper, int64_t number, double tiny, double *constants) noexcept nogil
