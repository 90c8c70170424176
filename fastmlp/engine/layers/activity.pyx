"""A penalty of what a hidden layer puts out, which makes codes sparse: of sizes, or of means that differ from a target.

The first, L1, is for each row the sum of the sizes of the layer's outputs a. The second is, for each unit, the
Kullback-Leibler divergence of two coins, one that shows heads with the target's probability p, one with that of the
mean q of the unit's outputs over the batch: p log(p / q) + (1 - p) log((1 - p) / (1 - q)). It waits for all rows of the
batch, as batch normalisation does. Rows count as much as they weigh, and both are multiplied by a weight.
"""

from libc.math cimport fabs, log
from libc.stdint cimport int64_t

from fastmlp.engine.layout cimport panels_of, rows_of
from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_moments, fm_rows, fm_running
from fastmlp.engine.plan cimport add_operation, wait_for_all_rows
from fastmlp.engine.structs cimport KL_PENALTY, L1_PENALTY, MOMENT_ROWS, NO_PENALTY, row_block

# Means are kept so far away from 0 and 1.
cdef double LEAST_MEAN = 1e-6


cdef int set_activity(trained_layer *layer, regularization) except -1:
    """Take the penalty of a layer's activity from a regularization."""
    penalties = {"": NO_PENALTY, "l1": L1_PENALTY, "kl": KL_PENALTY}
    if regularization.activity not in penalties:
        raise ValueError(f"activity must be 'l1', 'kl' or '', got {regularization.activity!r}")
    if layer.packed.activation.learned != NULL:
        raise ValueError("the penalty of activity is for a layer whose activation has nothing to learn")
    layer.activity = penalties[regularization.activity]
    layer.activity_weight, layer.activity_target = regularization.activity_weight, regularization.activity_target
    return 0


cdef int allocate_activity(training *t, trained_layer *layer, Memory memory) except -1:
    """Make what the penalty needs."""
    cdef Py_ssize_t row = panels_of(t.network, layer.packed.n_outputs) * FM_PANEL_BYTES
    layer.activity_slopes = memory.zeros(row * t.plan.stride)
    if layer.activity == KL_PENALTY:
        layer.activity_moments = memory.zeros(2 * row * ceil_divide(t.plan.chunk, MOMENT_ROWS))
        layer.activity_means = memory.zeros(2 * row * t.plan.n_slices)
    return 0


cdef int wait_for_activity(training *t, trained_layer *layer) except -1:
    """Plan that the means of the layer's outputs are taken."""
    if layer.activity == KL_PENALTY:
        add_operation(t, _sum_activity, layer)
        wait_for_all_rows(t, _join_activity, layer)
    return 0


cdef int plan_activity_back(training *t, trained_layer *layer) except -1:
    """Plan that the penalty counts in the losses, and its slopes in the layer's deltas."""
    if layer.activity != NO_PENALTY:
        add_operation(t, _penalize, layer)
    return 0


cdef void _sum_activity(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: take the moments of the outputs of each MOMENT_ROWS rows."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs), k, r, block
    cdef bint weighs = t.data.weighs_moments
    cdef fm_rows few = rows_of(t, layer.outputs, rows, layer.packed.n_outputs)
    for k in range(ceil_divide(rows.n, MOMENT_ROWS)):
        r = k * MOMENT_ROWS
        block = (rows.low + r) // MOMENT_ROWS
        few.at, few.rows = layer.outputs + rows.offset + r * FM_PANEL_BYTES, min(MOMENT_ROWS, rows.n - r)
        t.network.kernels.column_moments(
            &few, t.scratch.row_weights + rows.low + r if weighs else NULL,
            t.scratch.block_weights[block] if weighs else 0,
            layer.activity_moments + block * 2 * n_panels * FM_PANEL_BYTES)


cdef void _join_activity(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Opening: join the moments of all rows, for this slice."""
    cdef long n_panels = panels_of(t.network, layer.packed.n_outputs)
    cdef char *means = layer.activity_means + rows.slice_ * 2 * n_panels * FM_PANEL_BYTES
    cdef fm_moments blocks
    cdef fm_running running
    blocks.width, blocks.rows = layer.packed.n_outputs, rows.chunk.end - rows.chunk.start
    blocks.block_rows = MOMENT_ROWS
    blocks.block_weights = t.scratch.block_weights if t.data.weighs_moments else NULL
    blocks.moments, blocks.step = layer.activity_moments, 2 * n_panels * t.network.panel
    running.share = running.freedom = 0
    running.moments = NULL
    t.network.kernels.join_moments(&blocks, &running, t.network.epsilon, means, means + n_panels * FM_PANEL_BYTES)


cdef double _mean_of(const training *t, const char *means, long unit) noexcept nogil:
    cdef double mean
    if t.network.itemsize == sizeof(float):
        mean = (<const float *> means)[unit]
    else:
        mean = (<const double *> means)[unit]
    return min(max(mean, LEAST_MEAN), 1 - LEAST_MEAN)


cdef double _divergence(double target, double mean) noexcept nogil:
    """Return the divergence of two coins."""
    cdef double sum_ = 0
    if target > 0:
        sum_ += target * log(target / mean)
    if target < 1:
        sum_ += (1 - target) * log((1 - target) / (1 - mean))
    return sum_


cdef void _penalize(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: add the penalty to the losses of the rows, and its slopes to the layer's deltas.

    The divergences are of the whole batch, and are added to the loss of its first row.
    """
    cdef const int64_t *order = t.data.order + rows.chunk.start + rows.low
    cdef double *losses = t.scratch.row_losses + rows.low
    cdef const double *weights = t.data.weights
    cdef long width = layer.packed.n_outputs, n_panels = panels_of(t.network, width), panel = t.network.panel, r, unit
    cdef Py_ssize_t place
    cdef const char *means = NULL
    cdef double target = layer.activity_target, value, slope = 0, weight, sum_ = 0, mean
    cdef fm_rows deltas = rows_of(t, layer.deltas, rows, width)
    cdef bint single = t.network.itemsize == sizeof(float)
    if layer.activity == KL_PENALTY:
        means = layer.activity_means + rows.slice_ * 2 * n_panels * FM_PANEL_BYTES
        if rows.low == 0:
            for unit in range(width):
                sum_ += _divergence(target, _mean_of(t, means, unit))
            losses[0] += layer.activity_weight * sum_ * rows.chunk.weight
    for unit in range(n_panels * panel):
        place = unit // panel * t.plan.stride * panel + rows.low * panel + unit % panel
        if means != NULL and unit < width:
            mean = _mean_of(t, means, unit)
            slope = layer.activity_weight * ((1 - target) / (1 - mean) - target / mean)
        for r in range(rows.n):
            weight = 1 if weights == NULL else weights[order[r]]
            if unit >= width:
                weight = 0
            elif means == NULL:
                value = (<const float *> layer.outputs)[place] if single else (<const double *> layer.outputs)[place]
                slope = layer.activity_weight * ((value > 0) - (value < 0))
                if weight != 0:
                    losses[r] += layer.activity_weight * weight * fabs(value)
            if single:
                (<float *> layer.activity_slopes)[place] = <float> (slope * weight)
            else:
                (<double *> layer.activity_slopes)[place] = slope * weight
            place += panel
    for unit in range(n_panels):
        place = (unit * t.plan.stride + rows.low) * FM_PANEL_BYTES
        if layer.derivative.derivative != NULL:
            layer.derivative.derivative(rows.n, <const char *> layer.derivative.at + place,
                                        layer.activity_slopes + place, NULL, layer.derivative.parameter)
    t.network.kernels.add(&deltas, layer.activity_slopes + rows.offset, deltas.at)
