"""Networks that learn, for those that extend them."""

from fastmlp.engine.packed cimport PackedNetwork
from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_layer
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.structs cimport chunk_place, trained_part, training
from fastmlp.engine.teams cimport Judgement


cdef class Trainer(PackedNetwork):
    cdef training t
    cdef tuple loss_arrays     # what the settings of the loss point into
    cdef object python_loss
    cdef object data_arrays    # targets and weights
    cdef object batch_arrays   # orders; with weights also their sums over each batch, and the numbers of the updates
    cdef object hyper
    cdef object loss_sums
    cdef bint is_attached
    cdef Judgement judgement

    cdef int set_regularization(self, regularization) except -1
    cdef int set_factors(self, rates, decays) except -1
    cdef bint waits_for_all_rows(self)
    cdef int choose_chunk(self, long vector_bytes) except -1
    cdef int choose_terms(self, int terms) except -1
    cdef int turn_outputs(self) except -1
    cdef int choose_blocks(self) except -1
    cdef int allocate(self, long vector_bytes) except -1
    cdef int allocate_part(self, trained_part *part, fm_layer *packed, long vector_bytes) except -1
    cdef int check_state(self, slots, average) except -1
    cdef list slot_of_parts(self, long j)
    cdef list average_of_parts(self)
    cdef int take_rows_as_targets(self, Rows rows, weights) except -1
    cdef int attach_rows(self, Rows rows) except -1
    cdef int take_hyper(self, rows) except -1
    cdef bint works_alone(self, double now)
    cdef void judge_team(self, double start, double cpu_seconds)
    cdef bint is_complete(self)
    cdef int call_loss(self, const chunk_place *chunk) except -1
