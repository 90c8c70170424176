"""Residual layers: what a dense layer makes of its inputs is added to them; h + f(h), or h P + f(h).

P is a matrix of projections, which the layer has where it gives more or fewer values than it takes. Dropout of the
inputs is for f alone: what is added goes on whole from layer to layer (but for dropout of X, which comes before both).

On the way back, the slopes of the loss by the sums are those by f's values and, through P, by the inputs. So the layer
above leaves slopes instead of deltas; this layer makes the deltas of f, and has f's way back leave slopes by the
inputs, to which it adds those that go past f. What they add up to is turned into the deltas of the layer below at last.
The products with P are always of the network's own type.
"""

from libc.string cimport memcpy, memset

from fastmlp.engine.layers.dense cimport DENSE
from fastmlp.engine.layers.inputs cimport add_csr_rows
from fastmlp.engine.layers.products cimport (
    choose_products, copy_weights, set_csr_rows, update_sparse, update_with_vector_operands,
)
from fastmlp.engine.layout cimport panels_of, right_operand, rows_at, rows_of
from fastmlp.engine.memory cimport Memory, moved
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_after, fm_csr, fm_layer, fm_mask, fm_matrix, fm_rows
from fastmlp.engine.plan cimport add_operation
from fastmlp.engine.structs cimport (
    CACHED_ROWS, packed_layer, packed_network, row_block, trained_layer, training,
)

cdef enum:
    # Room for a panel of the rows of a forward pass, which begins at a whole line of the cache.
    PANEL_ROOM = (CACHED_ROWS + 1) * 128 + 64


# ---- the network -----------------------------------------------------------------------------------------------------

cdef int _parts(const packed_layer *layer, spec, list matrices, list vectors) except -1:
    """Append the parts of a dense layer, and the projections after its weights and biases."""
    DENSE.parts(layer, spec, matrices, vectors)
    if layer.n_inputs != layer.n_outputs:
        matrices.append((layer.n_inputs, layer.n_outputs, False))
    return 0


cdef int _set_up(packed_network *net, packed_layer *layer, spec, fm_layer *matrices, fm_layer *vectors,
                 Memory memory) except -1:
    DENSE.set_up(net, layer, spec, matrices, vectors, memory)
    layer.projections = &matrices[1] if layer.n_inputs != layer.n_outputs else NULL
    return 0


cdef void _predict(const packed_network *net, const packed_layer *layer, long n, const char *inputs, const fm_csr *csr,
                   char *outputs, long stride) noexcept nogil:
    cdef fm_rows sums = rows_at(outputs, stride, n, layer.n_outputs)
    DENSE.predict(net, layer, n, inputs, csr, outputs, stride)
    if layer.projections != NULL:
        _add_projected(net, layer, inputs, csr, &sums)
    elif csr != NULL:
        add_csr_rows(net.itemsize, csr, &sums)
    else:
        net.kernels.add(&sums, inputs, sums.at)


cdef void _add_projected(const packed_network *net, const packed_layer *layer, const char *inputs, const fm_csr *csr,
                         const fm_rows *sums) noexcept nogil:
    """Add the projected inputs of a forward pass to what is there, panel by panel, for which the stack has room."""
    cdef char room[PANEL_ROOM]
    cdef char *projected = <char *> ((<size_t> room + 63) & ~<size_t> 63)
    cdef long panel, width
    cdef Py_ssize_t weights_step = (layer.n_inputs + 1) * FM_PANEL_BYTES
    cdef fm_rows some
    for panel in range(panels_of(net, layer.n_outputs)):
        width = min(net.panel, layer.n_outputs - panel * net.panel)
        _project(net, layer, rows_at(inputs, sums.stride, sums.rows, layer.n_inputs), csr,
                 <const char *> layer.projections.weights + panel * weights_step,
                 rows_at(projected, sums.rows, sums.rows, width))
        some = rows_at(<char *> sums.at + panel * sums.stride * FM_PANEL_BYTES, sums.stride, sums.rows, width)
        net.kernels.add(&some, projected, some.at)


cdef void _project(const packed_network *net, const packed_layer *layer, fm_rows inputs, const fm_csr *csr,
                   const char *weights, fm_rows projected) noexcept nogil:
    """Multiply inputs, of a CSR matrix where there is one, by projections, or by some panels of them."""
    cdef fm_matrix right = right_operand(weights, layer.n_inputs, layer.n_inputs + 1, False)
    cdef fm_after nothing
    memset(&nothing, 0, sizeof(nothing))
    if csr != NULL:
        net.kernels.sparse(csr, &right, &projected, &nothing)
    else:
        net.kernels.dense(&inputs, &right, &projected, &nothing)


# ---- the buffers of a training ---------------------------------------------------------------------------------------

cdef int _allocate(training *t, trained_layer *layer, Memory memory) except -1:
    cdef packed_layer *packed = layer.packed
    cdef packed_network *net = t.network
    cdef Py_ssize_t n_bytes = panels_of(net, packed.n_outputs) * t.plan.stride * FM_PANEL_BYTES
    DENSE.allocate(t, layer, memory)
    layer.adds_inputs = True
    layer.outputs, layer.output_deltas = memory.zeros(n_bytes), memory.zeros(n_bytes)
    layer.own_derivative = layer.derivative
    memset(&layer.derivative, 0, sizeof(fm_after))
    if packed.projections != NULL:
        layer.projections = &t.parts[packed.projections - net.parts]
        layer.projections.layer, layer.projections.deltas = layer, layer.output_deltas
    return 0


cdef int _make_way_back(training *t, trained_layer *layer, Memory memory) except -1:
    """Make what the way back through the projections needs, unless an earlier choice of products did."""
    cdef long input_panels = panels_of(t.network, layer.packed.n_inputs)
    cdef fm_layer *projections = layer.packed.projections
    if projections.transposed == NULL:
        projections.transposed = memory.zeros(input_panels * projections.outputs * FM_PANEL_BYTES)
        layer.projected_slopes = memory.zeros(input_panels * t.plan.stride * FM_PANEL_BYTES)
        _copy_projections(t, layer)
    return 0


cdef void _copy_weights(training *t, trained_layer *layer) noexcept:
    copy_weights(t, layer)
    _copy_projections(t, layer)


cdef void _copy_projections(training *t, trained_layer *layer) noexcept:
    """Bring the transposed copy of the projections, if there is one, up to these."""
    cdef fm_layer *projections = layer.packed.projections
    if projections != NULL and projections.transposed != NULL:
        t.network.kernels.pack_transposed(projections.weights, projections.inputs, projections.outputs,
                                          projections.transposed)


cdef int _choose_products(training *t, trained_layer *layer, Memory memory) except -1:
    choose_products(t, layer, memory)
    if layer.projections != NULL:
        layer.projections.inputs = _undropped(layer)
        layer.projections.update = update_sparse if _reads_csr(t, layer) else update_with_vector_operands
        if layer.input_deltas != NULL:
            _make_way_back(t, layer, memory)
    return 0


cdef inline bint _reads_csr(const training *t, const trained_layer *layer) noexcept nogil:
    """Return whether the layer's inputs are rows of a CSR matrix."""
    return layer.below == NULL and t.data.X.is_sparse


cdef inline char *_undropped(const trained_layer *layer) noexcept nogil:
    """Return the inputs that go past f: those before dropout, of which X has been freed already."""
    return layer.inputs if layer.below == NULL else layer.below.outputs


# ---- the way forward -------------------------------------------------------------------------------------------------

cdef int _plan_forward(training *t, trained_layer *layer) except -1:
    DENSE.plan_forward(t, layer)
    add_operation(t, _add_inputs, layer)
    return 0


cdef void _add_inputs(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the outputs of the layer from its inputs and the values of f."""
    cdef packed_layer *packed = layer.packed
    cdef fm_rows inputs, values = rows_of(t, layer.products, rows, packed.n_outputs)
    cdef fm_rows sums = rows_of(t, layer.outputs, rows, packed.n_outputs)
    cdef bint is_sparse = _reads_csr(t, layer)
    cdef long panel
    cdef fm_csr csr
    cdef fm_mask mask
    if is_sparse:
        set_csr_rows(t, layer, rows.chunk, rows.low, &csr, &mask)
    else:
        inputs = rows_of(t, _undropped(layer), rows, packed.n_inputs)
    if packed.projections != NULL:
        _project(t.network, packed, inputs, &csr if is_sparse else NULL, <const char *> packed.projections.weights,
                 sums)
    elif is_sparse:
        for panel in range(panels_of(t.network, packed.n_outputs)):
            memset(<char *> sums.at + panel * sums.stride * FM_PANEL_BYTES, 0, rows.n * FM_PANEL_BYTES)
        add_csr_rows(t.network.itemsize, &csr, &sums)
        if csr.mask != NULL:
            t.network.kernels.drop(&sums, sums.at, &mask)
    else:
        t.network.kernels.add(&values, inputs.at, sums.at)
        return
    t.network.kernels.add(&values, sums.at, sums.at)


# ---- the way back ----------------------------------------------------------------------------------------------------

cdef int _plan_back(training *t, trained_layer *layer) except -1:
    add_operation(t, _make_deltas, layer)
    DENSE.plan_back(t, layer)
    if layer.input_deltas != NULL:
        add_operation(t, _add_slopes, layer)
    return 0


cdef void _make_deltas(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the deltas of f from the slopes by the outputs, which stay."""
    cdef long panel
    cdef Py_ssize_t offset
    for panel in range(panels_of(t.network, layer.packed.n_outputs)):
        offset = rows.offset + panel * t.plan.stride * FM_PANEL_BYTES
        memcpy(layer.deltas + offset, layer.output_deltas + offset, rows.n * FM_PANEL_BYTES)
    _differentiate(t, &layer.own_derivative, rows, layer.packed.n_outputs, layer.deltas)


cdef void _differentiate(const training *t, const fm_after *after, const row_block *rows, long width,
                         char *deltas) noexcept nogil:
    """Turn slopes by the values of an activation into deltas, in place."""
    cdef long panel
    cdef Py_ssize_t offset
    for panel in range(panels_of(t.network, width)):
        offset = rows.offset + panel * t.plan.stride * FM_PANEL_BYTES
        after.derivative(rows.n, moved(after.at, offset), deltas + offset, moved(after.parameter_slopes, offset),
                         after.parameter)


cdef void _add_slopes(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: add the slopes that go past f to those through f, and make of both the deltas of the layer below.
    """
    cdef packed_layer *packed = layer.packed
    cdef fm_rows through = rows_of(t, layer.input_deltas, rows, packed.n_inputs)
    cdef fm_rows past = rows_of(t, layer.output_deltas, rows, packed.n_outputs), projected
    cdef fm_matrix transposed
    cdef fm_after nothing
    if packed.projections != NULL:
        memset(&nothing, 0, sizeof(nothing))
        transposed = right_operand(packed.projections.transposed, packed.n_outputs, packed.n_outputs, False)
        projected = rows_of(t, layer.projected_slopes, rows, packed.n_inputs)
        t.network.kernels.dense(&past, &transposed, &projected, &nothing)
        past = projected
    t.network.kernels.add(&through, past.at, through.at)
    if layer.below != NULL and layer.below.derivative.derivative != NULL:
        _differentiate(t, &layer.below.derivative, rows, packed.n_inputs, layer.input_deltas)


RESIDUAL.parts = _parts
RESIDUAL.set_up = _set_up
RESIDUAL.predict = _predict
RESIDUAL.allocate = _allocate
RESIDUAL.copy_weights = _copy_weights
RESIDUAL.choose_products = _choose_products
RESIDUAL.plan_forward = _plan_forward
RESIDUAL.plan_back = _plan_back
