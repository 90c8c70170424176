"""The training step."""

from fastmlp.engine.structs cimport chunk_place, row_block, trained_layer, training

cdef int plan_step(training *t) except -1
cdef int plan_way_forward(training *t) except -1
cdef int plan_way_back(training *t) except -1
cdef void do_row_phases(training *t, int first, int end, const chunk_place *chunk, int thread, int team) noexcept nogil
cdef void do_update(training *t, const chunk_place *chunk, int thread, int team) noexcept nogil
cdef void take_losses(training *t, trained_layer *layer, const row_block *rows) noexcept nogil
cdef void run_steps(training *t, int thread, int team) noexcept nogil
cdef void fold_loss(training *t) noexcept nogil
cdef void place_chunk(const training *t, long start, chunk_place *chunk) noexcept nogil
