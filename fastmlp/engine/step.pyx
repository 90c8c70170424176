"""The training step: what plan_step() appends for the rows of a batch, and the phases of training_step().

A step has two phases with a barrier after each, whatever the depth of the network:

rows
    Each slice of the minibatch goes through all layers, the loss, and back through all layers.
tiles
    Each slice of the weight tiles is updated: gradient in registers, update rule, weight, transposed copy.

Batch normalisation and losses in Python, which need all rows, cut the first into several; what needs the whole gradient
or whole weights comes after the second. There are as many slices as threads in a whole team, whoever does them: nothing
is summed in an order that depends on the number of threads, so the results do not depend on it either.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

from fastmlp.engine.layers.columns cimport lookups_at
from fastmlp.engine.layers.dropout cimport add_noise
from fastmlp.engine.layers.inputs cimport add_csr_rows, gather_inputs, look_up_inputs
from fastmlp.engine.layout cimport panels_of, plain_rows, rows_at, rows_of
from fastmlp.engine.memory cimport ceil_divide, sum_in_order
from fastmlp.engine.native cimport (
    FM_BLOCK, FM_PANEL_BYTES, fm_barrier_wait, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_next_rows, fm_rows,
    fm_lookups, fm_samples, fm_seconds, fm_source,
)
from fastmlp.engine.plan cimport add_operation, begin_plan, wait_for_all_rows
from fastmlp.engine.rows cimport row_source
from fastmlp.engine.structs cimport (
    MOMENT_ROWS, finished_batch, planned_operation, row_block, row_phase, slice_phase, trained_layer, trained_part,
    packed_network, thread_scratch, training_data, training_scratch,
)
from fastmlp.engine.tiles cimport (
    APPLY, PREPARE, UPDATE, follow_weights, limit_norms, sum_gradients, update_shallow, update_tiles,
)

# X of at least so many bytes is asked for ahead.
cdef Py_ssize_t MEMORY_BYTES = 1 << 22


cdef int plan_step(training *t) except -1:
    """Plan what a step does with each block of rows, once X is attached and each layer has chosen its products.

    The rows are gathered; they go forward through each layer; losses are taken; and their slopes go back through each.
    """
    cdef trained_layer *last = t.layers + t.network.n_layers - 1
    plan_way_forward(t)
    if t.plan.open_way_back != NULL:
        wait_for_all_rows(t, t.plan.open_way_back, last)
    else:
        add_operation(t, take_losses, last)
    plan_way_back(t)
    return 0


cdef int plan_way_forward(training *t) except -1:
    """Begin a plan with all that leads from X to the outputs before their link."""
    cdef trained_layer *first = t.layers
    cdef long i
    begin_plan(t)
    if t.data.X.is_encoded:
        add_operation(t, _look_up_rows, first)
    elif not t.data.X.is_sparse:
        add_operation(t, _gather_rows, first)
    if t.plan.noise:
        add_operation(t, add_noise, first)
    for i in range(t.network.n_layers):
        t.layers[i].packed.kind.plan_forward(t, &t.layers[i])
    return 0


cdef int plan_way_back(training *t) except -1:
    """Plan all that follows once the last layer's deltas are there: the way back, and the update."""
    cdef long i
    for i in range(t.network.n_layers - 1, -1, -1):
        t.layers[i].packed.kind.plan_back(t, &t.layers[i])
    if t.plan.n_blocks:
        add_operation(t, sum_gradients, t.layers)
    t.plan.update = update_shallow if t.plan.is_shallow else update_tiles
    return 0


cdef void training_step(training *t, const chunk_place *chunk, int thread, int team) noexcept nogil:
    """Train on a minibatch, or on a chunk of one that is too large for the caches, as one thread of a team.

    The losses and gradients of the chunks of a batch are added up; the weights change with the last of them. Each phase
    is shared out in slices, and all threads wait for each other after it.
    """
    if thread == 0:
        fold_loss(t)  # of the batch before, now that the sums of the squared weights it began with are complete
    # Rows: gathered, forward through each layer, their losses, and back through each layer, as planned above.
    do_row_phases(t, 0, t.plan.n_row_phases, chunk, thread, team)
    if thread == 0:
        _count_losses(t, chunk)
    do_update(t, chunk, thread, team)


cdef void do_row_phases(training *t, int first, int end, const chunk_place *chunk, int thread,
                        int team) noexcept nogil:
    """Do the row phases from first to before end, as one thread of a team."""
    cdef int phase
    for phase in range(first, end):
        _share(t, _take_rows_through_layers, phase, chunk, thread, team)


cdef void do_update(training *t, const chunk_place *chunk, int thread, int team) noexcept nogil:
    """Make the gradient and update the weights, as one thread of a team; before a batch's last chunk, only its sums."""
    # Gradients and update, tile by tile; when the gradient is clipped by its norm, only its sums.
    _share(t, t.plan.update, UPDATE, chunk, thread, team)
    if chunk.end == chunk.batch_end:
        if t.plan.clip_norm != 0:
            _share(t, update_tiles, PREPARE, chunk, thread, team)
            _share(t, update_tiles, APPLY, chunk, thread, team)
        if t.plan.max_norm != 0:
            _share(t, limit_norms, 0, chunk, thread, team)
        if t.layers[0].packed.kind.follow_weights != NULL:
            _share(t, follow_weights, 0, chunk, thread, team)


cdef void run_steps(training *t, int thread, int team) noexcept nogil:
    """Make steps, as one thread of a team, until the run is to stop."""
    cdef unsigned mode = fm_denormals_flush()
    cdef chunk_place chunk  # of this thread's own: one step's is read while another thread is in the next step
    cdef long start = t.progress.position
    while True:
        place_chunk(t, start, &chunk)
        training_step(t, &chunk, thread, team)
        start = chunk.end
        if t.progress.stop:
            break
    fm_denormals_restore(mode)


cdef void _share(training *t, slice_phase phase, int number, const chunk_place *chunk, int thread,
                 int team) noexcept nogil:
    """Do a thread's slices of a phase, several where the team is smaller than asked for; then wait for the others.

    A batch whose weights are all zero is passed over, and so is the rest when a function in Python has raised
    something.
    """
    cdef int slice_ = thread
    while slice_ < t.plan.n_slices:
        if chunk.weight != 0 and not t.progress.failed:
            phase(t, chunk, slice_, number)
        slice_ += team
    if team > 1:
        fm_barrier_wait(t.progress.barrier, team)


cdef void place_chunk(const training *t, long start, chunk_place *chunk) noexcept nogil:
    """Find the chunk that begins at a position."""
    cdef const training_data *data = &t.data
    cdef long pass_ = start // data.n_rows, row = start - pass_ * data.n_rows, in_pass = row // data.batch_size
    cdef long batch = pass_ * data.batches_per_pass + in_pass
    chunk.start = start
    chunk.batch_start = pass_ * data.n_rows + in_pass * data.batch_size
    chunk.batch_end = min((pass_ + 1) * data.n_rows, chunk.batch_start + data.batch_size)
    chunk.end = min(chunk.batch_end, start + t.plan.chunk)
    if data.weight_sums != NULL:
        chunk.weight, chunk.step_number = data.weight_sums[batch], data.step_numbers[batch]
    else:
        chunk.weight, chunk.step_number = chunk.batch_end - chunk.batch_start, data.step_count + batch + 1


# ---- rows ------------------------------------------------------------------------------------------------------------

cdef void _take_rows_through_layers(training *t, const chunk_place *chunk, int slice_, int number) noexcept nogil:
    """Do the operations of a row phase on a slice's rows, block by block."""
    cdef const row_phase *phase = &t.plan.row_phases[number]
    cdef const planned_operation *operation
    cdef long m = chunk.end - chunk.start
    cdef row_block rows
    cdef int k
    rows.chunk, rows.slice_ = chunk, slice_
    rows.low, rows.high = _first_row(t, slice_, m), _first_row(t, slice_ + 1, m)
    if number == 0:
        _plan_next_rows(t, chunk, slice_)
        if t.data.weighs_moments:
            _weigh_rows(t, &rows)
    else:
        phase.opening.function(t, phase.opening.layer, &rows)
    while rows.low < rows.high:
        rows.n, rows.offset = min(rows.high - rows.low, t.plan.rows_together), rows.low * FM_PANEL_BYTES
        for k in range(phase.first, phase.end):
            operation = &t.plan.operations[k]
            operation.function(t, operation.layer, &rows)
        rows.low += rows.n


cdef long _first_row(const training *t, int slice_, long m) noexcept nogil:
    """Return, of m rows of a chunk, the first that is a slice's; it has those up to the next slice's."""
    # Whole blocks of rows with bfloat16: two threads must not write the two halves of a pair; and with batch
    # normalisation, so that each block's moments are one thread's.
    cdef long together = FM_BLOCK if t.plan.terms else MOMENT_ROWS if t.plan.n_moments else 1
    if t.plan.n_blocks:
        return min(m, t.plan.n_blocks * slice_ // t.plan.n_slices * t.plan.block_rows)
    return min(m, ceil_divide(m, together) * slice_ // t.plan.n_slices * together)


cdef void _plan_next_rows(training *t, const chunk_place *chunk, int slice_) noexcept nogil:
    """Say which rows a slice asks the caches for during its update: those that it gathers for the next chunk."""
    cdef fm_next_rows *next_ = &t.scratch.threads[slice_].next_rows
    cdef const row_source *X = &t.data.X
    cdef chunk_place coming
    cdef long low, lines
    next_.rows = 0
    if (t.plan.terms or X.is_sparse or X.is_encoded or chunk.end == t.data.n_passes * t.data.n_rows
            or X.n_rows * X.width_bytes < MEMORY_BYTES):
        return
    place_chunk(t, chunk.end, &coming)
    low = _first_row(t, slice_, coming.end - coming.start)
    next_.x, next_.row_bytes, next_.width_bytes = X.base, X.row_bytes, X.width_bytes
    next_.order = t.data.order + coming.start + low
    next_.rows = _first_row(t, slice_ + 1, coming.end - coming.start) - low
    next_.done_bytes, next_.lines_due = 0, 0
    # The update has a multiply-add for each parameter and row; a little less, so that it ends with no row unasked for.
    lines = next_.rows * (ceil_divide(X.width_bytes, 64) + 1)
    next_.lines_per_multiply_add = lines * t.plan.n_slices / (0.95 * t.network.n_params * (chunk.end - chunk.start))


cdef void _weigh_rows(training *t, const row_block *rows) noexcept nogil:
    """Scale the weights of a slice's rows, and sum them for each MOMENT_ROWS; only the batch's last may be fewer."""
    cdef training_scratch *scratch = &t.scratch
    cdef double factor = (rows.chunk.end - rows.chunk.start) / rows.chunk.weight
    cdef long r
    for r in range(rows.low, rows.high):
        scratch.row_weights[r] = factor * t.data.weights[t.data.order[rows.chunk.start + r]]
        if scratch.row_weights[r] < t.plan.tiny:
            scratch.row_weights[r] = 0  # as in the element type
        if r % MOMENT_ROWS == 0:
            scratch.block_weights[r // MOMENT_ROWS] = 0
        scratch.block_weights[r // MOMENT_ROWS] += scratch.row_weights[r]


cdef void _gather_rows(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: the rows of X as inputs of the first layer."""
    gather_inputs(t.network, &t.data.X, t.data.order, rows.chunk.start + rows.low, rows.n, layer.inputs + rows.offset,
                  t.plan.stride)


cdef void _look_up_rows(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: what rows of encoded columns look up in the first layer."""
    cdef fm_lookups lookups = lookups_at(t.network, layer.inputs, t.plan.stride, rows.low, rows.n)
    look_up_inputs(t.network, &t.data.X, t.data.order, rows.chunk.start + rows.low, &lookups)


cdef void take_losses(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: losses, and the last layer's deltas, which take the place of its outputs.

    Rows of weight 0 have no loss and no deltas, whatever they hold: 0 times what overflowed is not 0.
    """
    cdef const int64_t *order = t.data.order + rows.chunk.start + rows.low
    cdef double *losses = t.scratch.row_losses + rows.low
    cdef long r, panel
    cdef fm_rows z = rows_of(t, layer.deltas, rows, t.network.n_outputs)
    cdef fm_samples samples
    samples.targets, samples.order, samples.weights = t.data.targets, order, t.data.weights
    if t.data.targets == NULL:
        _take_rows_as_targets(t, rows, &samples)
    t.network.kernels.loss[t.network.loss](&z, &samples, losses, &t.plan.loss_settings)
    if t.data.weights == NULL:
        return
    for r in range(rows.n):
        if t.data.weights[order[r]] == 0:
            losses[r] = 0
            for panel in range(layer.weights.n_panels):
                memset(layer.deltas + (panel * t.plan.stride + rows.low + r) * FM_PANEL_BYTES, 0, FM_PANEL_BYTES)


cdef void _take_rows_as_targets(training *t, const row_block *rows, fm_samples *samples) noexcept nogil:
    """Have the rows of X be the targets of a block: where they lie, if the loss can read them there, or converted."""
    cdef const row_source *X = &t.data.X
    cdef thread_scratch *scratch = &t.scratch.threads[rows.slice_]
    cdef const packed_network *net = t.network
    cdef Py_ssize_t row_bytes = net.n_outputs * net.itemsize
    cdef long r
    cdef fm_source source
    cdef fm_csr csr
    cdef fm_rows panels
    if not X.is_sparse and X.element == net.element and X.row_bytes == row_bytes:
        samples.targets = X.base
        return
    panels = rows_at(scratch.target_panels, rows.n, rows.n, net.n_outputs)
    if X.is_sparse:
        csr = X.csr
        csr.order, csr.scale, csr.mask = samples.order, NULL, NULL
        memset(panels.at, 0, panels_of(net, panels.width) * rows.n * FM_PANEL_BYTES)
        add_csr_rows(net.itemsize, &csr, &panels)
    else:
        source = plain_rows(X.base, X.row_bytes)
        source.order = samples.order
        net.kernels.gather[X.element](&source, &panels)
    net.kernels.scatter(&panels, scratch.target_rows, row_bytes)
    if t.data.weights != NULL:
        for r in range(rows.n):
            scratch.target_weights[r] = t.data.weights[samples.order[r]]
        samples.weights = scratch.target_weights
    samples.targets, samples.order = scratch.target_rows, NULL


# ---- the loss of a batch ---------------------------------------------------------------------------------------------

cdef void _count_losses(training *t, const chunk_place *chunk) noexcept nogil:
    """Add up a chunk's losses, and say where the run stands."""
    cdef finished_batch *finished = t.progress.finished
    cdef long end = chunk.end
    if t.progress.failed:
        t.progress.position = chunk.start
        t.progress.stop = True
        return
    if chunk.weight != 0:
        if chunk.start == chunk.batch_start:
            finished.loss = 0
        finished.loss += sum_in_order(t.scratch.row_losses, end - chunk.start)
        if end == chunk.batch_end:
            finished.pending = True
            finished.weight = chunk.weight
            finished.rows = end - chunk.batch_start
            finished.pass_ = chunk.start // t.data.n_rows
    if end == t.data.n_passes * t.data.n_rows or fm_seconds() > t.progress.deadline:
        t.progress.position = end
        t.progress.stop = True


cdef void fold_loss(training *t) noexcept nogil:
    """Add a finished batch's loss, with the penalty of the weights it began with, to its pass's."""
    cdef finished_batch *finished = t.progress.finished
    cdef const trained_part *part
    cdef double penalty = 0, square
    # Where the gradient is prepared, the penalty is made then.
    cdef bint is_made = t.plan.l1 != 0 or t.plan.clip_value != 0 or t.plan.clip_norm != 0
    cdef long i
    if not finished.pending:
        return
    finished.pending = False
    if t.data.l2 != 0 or t.plan.l1 != 0:
        for i in range(t.network.n_parts):
            part = &t.parts[i]
            if part.layer != NULL:
                square = sum_in_order(part.squares, part.strips * part.n_panels)
                penalty += square if is_made or not t.plan.has_factors else square * part.factors[0].decay
    if not is_made:
        penalty *= 0.5 * t.data.l2
    t.progress.loss_sums[finished.pass_] += (finished.loss + penalty) / finished.weight * finished.rows
