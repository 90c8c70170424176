"""The row operations of a training step, as layers append them to the plan."""

from fastmlp.engine.structs cimport row_operation, trained_layer, training

cdef enum:
    # Of a layer, or of what a network has beside its layers.
    MOST_OPERATIONS = 16
    MOST_PHASES = 4

cdef int begin_plan(training *t) except -1
cdef int add_operation(training *t, row_operation function, trained_layer *layer) except -1
cdef int wait_for_all_rows(training *t, row_operation opening, trained_layer *layer) except -1
