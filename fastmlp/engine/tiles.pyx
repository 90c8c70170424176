"""The phases of a step that make gradients and update weights, tile by tile.

A tile is FM_UNIT inputs by a panel of outputs: its gradient is summed in registers and goes into the update rule from there.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_MAX_HYPER, fm_layer, fm_rule_prepare, fm_step
from fastmlp.engine.structs cimport MAX_BLOCKS, trained_part, weight_tile


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
    tile.chunk, tile.slice_, tile.first, tile.low, tile.n = rows.chunk, rows.slice_, 0, rows.low, rows.n
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        into = part.packed[0]
        into.sums = part.block_sums[block - step.add]
        tile.last = part.units
        for panel in range(part.n_panels):
            tile.panel, tile.panel_end = panel, panel + 1
            part.update(t, part, &into, &tile, &step)


# ---- the phases ------------------------------------------------------------------------------------------------------

cdef void _prepare_step(const training *t, const chunk_place *chunk, int slice_, fm_step *step) noexcept nogil:
    """Say what the update of a chunk's batch is."""
    cdef int k
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
    memset(step.constants, 0, sizeof(step.constants))
    fm_rule_prepare(t.plan.rule, t.data.hyper + (number - t.data.step_count - 1) * t.data.hyper_step, <double> number,
                    step.constants)
    for k in range(FM_MAX_HYPER):
        # What prepare multiplied may have become denormal.
        if 0 < step.constants[k] < t.plan.tiny:
            step.constants[k] = t.plan.tiny


cdef void update_shallow(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Update both layers of a network by the kernel made for such, which makes the hidden deltas itself."""
    cdef trained_layer *hidden = t.layers
    cdef trained_layer *last = t.layers + 1
    cdef fm_step step
    _prepare_step(t, chunk, slice_, &step)
    if t.plan.clip_norm:
        step.last = False
    t.network.kernels.shallow_update(
        hidden.packed.weights, last.packed.weights, chunk.end - chunk.start, hidden.inputs, hidden.outputs, last.deltas,
        t.plan.stride, &step, hidden.weights.squares, last.weights.squares)


cdef void update_tiles(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Take a slice's share of all tiles: update them; or, to clip the gradient by its norm, PREPARE, and then APPLY it."""
    cdef long low = t.plan.total_cost * slice_ // t.plan.n_slices
    cdef long high = t.plan.total_cost * (slice_ + 1) // t.plan.n_slices
    cdef long i, base = 0, all_grains, at, stop, block
    cdef const void *sums[MAX_BLOCKS]
    cdef bint is_missing
    cdef trained_part *part
    cdef weight_tile tile
    cdef fm_step step
    _prepare_step(t, chunk, slice_, &step)
    if what == UPDATE and t.plan.clip_norm:
        step.last = False
    if what == APPLY:
        step.prepares, step.l2, step.scale = False, 0, _share_of_norm(t)
    tile.chunk, tile.slice_, tile.low, tile.n = chunk, slice_, 0, chunk.end - chunk.start
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        all_grains = part.grains * part.n_panels
        for block in range(t.plan.n_blocks):
            is_missing = block * t.plan.block_rows >= tile.n or _is_joined(t, block)
            sums[block] = NULL if is_missing else part.block_sums[block]
        if what == APPLY:
            sums[0] = part.packed.sums
        # A grain is this slice's when it begins within [low, high) of the summed costs.
        at = min(all_grains, ceil_divide(max(0, low - base), part.cost))
        stop = min(all_grains, ceil_divide(max(0, high - base), part.cost))
        base += all_grains * part.cost
        tile.panel = 0
        while tile.panel < part.n_panels:
            tile.first, tile.last = _first_grain(part, tile.panel, at), _first_grain(part, tile.panel, stop)
            tile.panel_end = tile.panel + 1
            if what == UPDATE and part.takes_panels:
                while (tile.panel_end < part.n_panels and tile.first == _first_grain(part, tile.panel_end, at)
                       and tile.last == _first_grain(part, tile.panel_end, stop)):
                    tile.panel_end += 1
            if tile.first < tile.last:
                tile.first, tile.last = tile.first * t.plan.grain, min(part.units, tile.last * t.plan.grain)
                _update_tile(t, part, what, &tile, sums, &step)
            tile.panel = tile.panel_end


cdef long _first_grain(const trained_part *part, long panel, long number) noexcept nogil:
    """Return, of a panel's grains, the first whose number among all of the part's is not below number.

    They are numbered along the longer side of the part, so that slices need little of what other threads have made:
    where there are more inputs than outputs, all panels' first grains come first.
    """
    if part.packed.inputs > part.packed.outputs:
        return ceil_divide(max(0, number - panel), part.n_panels)
    return max(0, min(part.grains, number - panel * part.grains))


cdef void _update_tile(training *t, trained_part *part, int what, const weight_tile *tile, const void *const *sums,
                       const fm_step *step) noexcept nogil:
    """Do to a tile what the phase does; to more than one output panel only where the part takes more."""
    cdef fm_layer *packed = part.packed
    cdef double *squares = part.squares + tile.panel * part.units
    if what == PREPARE:
        t.network.kernels.prepare_sums(packed, tile.panel, tile.first, tile.last, step, squares,
                                       part.norms + tile.panel * (part.units + 1))
    elif what == APPLY:
        t.network.kernels.update_sums(packed, tile.panel, tile.first, tile.last, sums, 1, step, NULL)
        if packed.rounded != NULL and not packed.limit:
            t.network.kernels.round_units(packed, tile.panel, tile.first, tile.last)
    elif t.plan.n_blocks:
        t.network.kernels.update_sums(packed, tile.panel, tile.first, tile.last, sums, t.plan.n_blocks, step, squares)
    else:
        part.update(t, part, packed, tile, step)


cdef double _share_of_norm(const training *t) noexcept nogil:
    """Return what clipping by the norm leaves of the gradient."""
    cdef const trained_part *part
    cdef long i, k
    cdef double square = 0
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        for k in range((part.units + 1) * part.n_panels):
            square += part.norms[k]
    square = sqrt(square)
    return t.plan.clip_norm / square if square > t.plan.clip_norm else 1  # NaN goes through


cdef void limit_norms(training *t, const chunk_place *chunk, int slice_, int what) noexcept nogil:
    """Make hidden layers' weights short enough, whole panels at a time."""
    cdef trained_part *part
    cdef long i, panel, number = 0
    cdef fm_step step
    _prepare_step(t, chunk, slice_, &step)
    for i in range(t.network.n_layers - 1):
        part = t.layers[i].weights
        for panel in range(part.n_panels):
            if number % t.plan.n_slices == slice_:
                t.network.kernels.limit_norms(part.packed, panel, &step)
                if part.packed.rounded != NULL:
                    t.network.kernels.round_units(part.packed, panel, 0, part.units)
            number += 1
