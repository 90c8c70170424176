"""The training step."""

from fastmlp.engine.structs cimport chunk_place, training

cdef int plan_step(training *t) except -1
cdef void run_steps(training *t, int thread, int team) noexcept nogil
cdef void fold_loss(training *t) noexcept nogil
cdef void place_chunk(const training *t, long start, chunk_place *chunk) noexcept nogil
