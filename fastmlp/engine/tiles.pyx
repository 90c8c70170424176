"""The phases of a step that make gradients and update weights, tile by tile.

A tile is one strip or more, of FM_STRIP inputs by a panel of outputs: its gradient is summed in registers and goes into
the update rule from there.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_MAX_HYPER, fm_layer, fm_rule_prepare, fm_shallow, fm_step, fm_strips
from fastmlp.engine.structs cimport MAX_BLOCKS, packed_layer, trained_part, weight_tile


# ---- gradients of row blocks -----------------------------------------------------------------------------------------

cdef bint _is_joined(const training *t, long block) noexcept nogil:
    """Return whether a block's sums go on top of those before: the second of a pair, in the same slice as the first."""
    cdef long slice_ = ((block + 1) * t.plan.n_slices - 1) // t.plan.n_blocks
    return block % 2 and block > t.plan.n_blocks * slice_ // t.plan.n_slices


cdef void sum_gradients(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: the gradient sums of a block of rows, for all parts, while its activations are in the cache."""
    cdef long block = rows.low // t.plan.block_rows, i, panel
    cdef trained_part *part
    cdef weight_tile tile
    cdef fm_layer into
    cdef fm_step step
    memset(&step, 0, sizeof(step))
    step.first = True
    step.add = _is_joined(t, block)
    step.next = &t.scratch.threads[rows.slice_].next_rows
    tile.chunk, tile.slice_, tile.low, tile.n = rows.chunk, rows.slice_, rows.low, rows.n
    tile.strips.layer, tile.strips.first, tile.strips.step, tile.strips.bias_step = &into, 0, &step, &step
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        into = part.packed[0]
        into.sums = part.block_sums[block - step.add]
        tile.strips.last, tile.strips.squares = part.strips, part.squares
        for panel in range(part.n_panels):
            tile.strips.panel, tile.strips.panel_end = panel, panel + 1
            part.update(t, part, &tile)


# ---- the phases ------------------------------------------------------------------------------------------------------

cdef void _prepare_step(const training *t, const chunk_place *chunk, int slice_, fm_step *step) noexcept nogil:
    """Say what the update of a chunk's batch is."""
    cdef int64_t number = chunk.step_number
    step.rule = t.plan.rule
    step.first = chunk.start == chunk.batch_start
    step.last = chunk.end == chunk.batch_end
    step.l2 = t.data.l2
    step.l1 = t.plan.l1
    step.clip_value = t.plan.clip_value
    step.prepares = t.plan.l1 != 0 or t.plan.clip_value != 0
    step.decay = t.plan.average_decay if number > 1 else 0  # the average begins with the first update's weights
    step.scale = 1 / chunk.weight
    step.add = False
    step.next = &t.scratch.threads[slice_].next_rows
    _set_constants(t, chunk, _hyper_of(t, chunk), step)


cdef inline const double *_hyper_of(const training *t, const chunk_place *chunk) noexcept nogil:
    """Return the hyperparameters of a chunk's update."""
    return t.data.hyper + (chunk.step_number - t.data.step_count - 1) * t.data.hyper_step


cdef void _set_constants(const training *t, const chunk_place *chunk, const double *hyper,
                         fm_step *step) noexcept nogil:
    """Make the rule's constants of its hyperparameters."""
    make_constants(t.plan.rule, hyper, chunk.step_number, t.plan.tiny, step.constants)


cdef void make_constants(int rule, const double *hyper, int64_t number, double tiny, double *constants) noexcept nogil:
    """Make the FM_MAX_HYPER constants of a rule for an update, whose number counts from 1."""
    cdef int k
    memset(constants, 0, FM_MAX_HYPER * sizeof(double))
    fm_rule_prepare(rule, hyper, <double> number, constants)
    for k in range(FM_MAX_HYPER):
        # What prepare multiplied may have become denormal.
        if 0 < constants[k] < tiny:
            constants[k] = tiny


cdef void _apply_factors(const training *t, const trained_part *part, const chunk_place *chunk, int what,
                         fm_step *step, fm_step *bias_step) noexcept nogil:
    """Make two steps, which are prepared for any part, those of a part's weights and of its biases."""
    cdef fm_step *steps[2]
    cdef double hyper[FM_MAX_HYPER]
    cdef int each, k
    steps[0], steps[1] = step, bias_step
    step.l2 = 0 if what == APPLY else t.data.l2 * part.factors[0].decay
    for each in range(2):
        memcpy(hyper, _hyper_of(t, chunk), sizeof(hyper))
        for k in range(FM_MAX_HYPER):
            if t.plan.is_rate[k]:
                hyper[k] *= part.factors[each].rate
            if k == t.plan.decay_hyper:
                hyper[k] *= part.factors[each].decay
        _set_constants(t, chunk, hyper, steps[each])


cdef void update_shallow(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Update both layers of a network by the kernel made for such, which makes the hidden deltas itself."""
    cdef trained_layer *hidden = t.layers
    cdef trained_layer *last = t.layers + 1
    cdef fm_shallow network
    cdef fm_step step
    _prepare_step(t, chunk, slice_, &step)
    if t.plan.clip_norm:
        step.last = False
    network.hidden, network.output = hidden.packed.weights, last.packed.weights
    network.rows, network.stride = chunk.end - chunk.start, t.plan.stride
    network.x, network.h, network.z = hidden.inputs, hidden.outputs, last.deltas
    t.network.kernels.shallow_update(&network, &step, hidden.weights.squares, last.weights.squares)


cdef void update_tiles(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Take a slice's share of all tiles: update them; or, to clip the gradient by its norm, PREPARE, and then APPLY it.
    """
    cdef long low = t.plan.total_cost * slice_ // t.plan.n_slices
    cdef long high = t.plan.total_cost * (slice_ + 1) // t.plan.n_slices
    cdef long i, base = 0, all_grains, at, stop, block, first, last
    cdef const void *sums[MAX_BLOCKS]
    cdef bint is_missing
    cdef trained_part *part
    cdef weight_tile tile
    cdef fm_strips *strips = &tile.strips
    cdef fm_step step, bias_step
    _prepare_step(t, chunk, slice_, &step)
    if what == UPDATE and t.plan.clip_norm:
        step.last = False
    if what == APPLY:
        step.prepares, step.l2, step.scale = False, 0, _share_of_norm(t)
    strips.step = strips.bias_step = &step
    if t.plan.has_factors:
        bias_step = step
        strips.bias_step = &bias_step
    tile.chunk, tile.slice_, tile.low, tile.n = chunk, slice_, 0, chunk.end - chunk.start
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        strips.layer, strips.squares = part.packed, part.squares
        if t.plan.has_factors:
            _apply_factors(t, part, chunk, what, &step, &bias_step)
        all_grains = part.grains * part.n_panels
        for block in range(t.plan.n_blocks):
            is_missing = block * t.plan.block_rows >= tile.n or _is_joined(t, block)
            sums[block] = NULL if is_missing else part.block_sums[block]
        if what == APPLY:
            sums[0], strips.squares = part.packed.sums, NULL
        # A grain is this slice's when it begins within [low, high) of the summed costs.
        at = min(all_grains, ceil_divide(max(0, low - base), part.cost))
        stop = min(all_grains, ceil_divide(max(0, high - base), part.cost))
        base += all_grains * part.cost
        strips.panel = 0
        while strips.panel < part.n_panels:
            first, last = _first_grain(part, strips.panel, at), _first_grain(part, strips.panel, stop)
            strips.panel_end = strips.panel + 1
            if what == UPDATE and part.takes_panels:
                while (strips.panel_end < part.n_panels and first == _first_grain(part, strips.panel_end, at)
                       and last == _first_grain(part, strips.panel_end, stop)):
                    strips.panel_end += 1
            if first < last:
                strips.first, strips.last = first * t.plan.grain, min(part.strips, last * t.plan.grain)
                _update_tile(t, part, what, &tile, sums)
            strips.panel = strips.panel_end


cdef long _first_grain(const trained_part *part, long panel, long number) noexcept nogil:
    """Return, of a panel's grains, the first whose number among all of the part's is not below number.

    They are numbered along the longer side of the part, so that slices need little of what other threads have made:
    where there are more inputs than outputs, all panels' first grains come first.
    """
    if part.packed.inputs > part.packed.outputs:
        return ceil_divide(max(0, number - panel), part.n_panels)
    return max(0, min(part.grains, number - panel * part.grains))


cdef void _update_tile(training *t, trained_part *part, int what, const weight_tile *tile,
                       const void *const *sums) noexcept nogil:
    """Do to a tile what the phase does; to more than one output panel only where the part takes more."""
    cdef const fm_strips *strips = &tile.strips
    if what == PREPARE:
        t.network.kernels.prepare_sums(strips, part.norms)
    elif what == APPLY:
        t.network.kernels.update_sums(strips, sums, 1)
        if part.packed.rounded != NULL and not part.packed.limit:
            t.network.kernels.round_strips(part.packed, strips.panel, strips.first, strips.last)
    elif t.plan.n_blocks:
        t.network.kernels.update_sums(strips, sums, t.plan.n_blocks)
    else:
        part.update(t, part, tile)


cdef double _share_of_norm(const training *t) noexcept nogil:
    """Return what clipping by the norm leaves of the gradient."""
    cdef const trained_part *part
    cdef long i, k
    cdef double square = 0
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        for k in range((part.strips + 1) * part.n_panels):
            square += part.norms[k]
    square = sqrt(square)
    return t.plan.clip_norm / square if square > t.plan.clip_norm else 1  # NaN goes through


cdef void limit_norms(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Make hidden layers' weights short enough, whole panels at a time."""
    cdef const packed_layer *layer
    cdef trained_part *part
    cdef long i, panel, column, number = 0
    cdef fm_step step
    _prepare_step(t, chunk, slice_, &step)
    for i in range(t.network.n_layers - 1):
        layer, part = t.layers[i].packed, t.layers[i].weights
        for panel in range(part.n_panels):
            if number % t.plan.n_slices == slice_:
                if layer.embedding_size:
                    # The weights of a unit are those of its column's inputs.
                    for column in range(layer.columns.columns):
                        t.network.kernels.limit_norms(part.packed, panel, layer.columns.offsets[column],
                                                      layer.columns.offsets[column + 1], &step)
                else:
                    t.network.kernels.limit_norms(part.packed, panel, 0, part.packed.inputs, &step)
                if part.packed.rounded != NULL:
                    t.network.kernels.round_strips(part.packed, panel, 0, part.strips)
            number += 1


cdef void follow_weights(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Make what the first layer's forward passes read beside its weights, whole panels at a time."""
    cdef const packed_layer *layer = t.layers[0].packed
    cdef long panel
    for panel in range(t.layers[0].weights.n_panels):
        if panel % t.plan.n_slices == slice_:
            layer.kind.follow_weights(t.network, layer, panel)
