"""The row operations of a training step, as layers append them to the plan.

The operations of a phase are done one after another on each block of rows, so that the block stays in the cache. What
needs something of all rows of the batch, the moments of batch normalisation or a loss in Python, opens another phase,
and before a phase all threads wait for each other.
"""

from fastmlp.engine.structs cimport planned_operation, row_phase


cdef int begin_plan(training *t) except -1:
    """Begin a plan of one phase without operations, in the memory that Trainer has made for MOST_... of each."""
    t.plan.n_operations = 0
    t.plan.n_row_phases = 1
    t.plan.row_phases[0].first = t.plan.row_phases[0].end = 0
    t.plan.row_phases[0].opening.function = NULL
    return 0


cdef int add_operation(training *t, row_operation function, trained_layer *layer) except -1:
    """Append an operation on a block of rows."""
    cdef planned_operation *operation = &t.plan.operations[t.plan.n_operations]
    if t.plan.n_operations >= MOST_OPERATIONS * (t.network.n_layers + 1):
        raise AssertionError("a step has more operations than MOST_OPERATIONS leaves room for")
    operation.function, operation.layer = function, layer
    t.plan.n_operations += 1
    t.plan.row_phases[t.plan.n_row_phases - 1].end = t.plan.n_operations
    return 0


cdef int wait_for_all_rows(training *t, row_operation opening, trained_layer *layer) except -1:
    """Begin another phase, which each slice opens by an operation of its own."""
    cdef row_phase *phase = &t.plan.row_phases[t.plan.n_row_phases]
    if t.plan.n_row_phases >= MOST_PHASES * (t.network.n_layers + 1):
        raise AssertionError("a step has more phases than MOST_PHASES leaves room for")
    t.plan.n_row_phases += 1
    phase.opening.function, phase.opening.layer = opening, layer
    phase.first = phase.end = t.plan.n_operations
    return 0
