"""Dense layers: a matrix product, normalisation where asked for, and an activation."""

from libc.string cimport memset

from fastmlp.engine.layers.activation cimport PYTHON_FUNCTION, activate_rows, set_activation, set_derivative
from fastmlp.engine.layers.activity cimport allocate_activity, plan_activity_back, wait_for_activity
from fastmlp.engine.layers.dropout cimport drop_inputs
from fastmlp.engine.layers.normalization cimport (
    allocate_normalization, means_of, normalize_rows, plan_normalization_back, scales_of, set_normalization,
    wait_for_moments,
)
from fastmlp.engine.layers.products cimport (
    allocate_product, choose_products, copy_weights, plan_product_back, predict_product,
)
from fastmlp.engine.layout cimport panels_of
from fastmlp.engine.memory cimport Memory, moved
from fastmlp.engine.native cimport FM_NARROW, FM_PANEL_BYTES, FM_SHALLOW, fm_after, fm_csr, fm_layer
from fastmlp.engine.plan cimport add_operation
from fastmlp.engine.structs cimport (
    BATCH_NORM, NO_PENALTY, NOT_NORMALIZED, packed_layer, packed_network, row_block, row_memory, trained_layer,
)

from fastmlp.engine.tables import ACTIVATIONS

cdef int RELU = ACTIVATIONS.index("relu")


# ---- the network -----------------------------------------------------------------------------------------------------

cdef int _parts(const packed_layer *layer, spec, list matrices, list vectors) except -1:
    """Weights and biases; then the gains of a normalisation and the learned parameters of an activation."""
    matrices.append((layer.n_inputs, layer.n_outputs, True))
    if spec is not None and not isinstance(spec, str):
        vectors += [layer.n_outputs] * ((spec.normalization is not None) + _learns(spec))
    return 0


cdef bint _learns(spec) except -1:
    """Return whether each unit's activation learns a parameter."""
    return spec.learned and spec.activation not in ("python", "native")


cdef int _set_up(packed_network *net, packed_layer *layer, spec, fm_layer *matrices, fm_layer *vectors,
                 Memory memory) except -1:
    layer.weights = layer.biases = matrices
    layer.is_biased = True
    if layer.is_last:
        return 0
    if isinstance(spec, str):
        set_activation(net, layer, spec, NULL, memory)
    else:
        if spec.normalization is not None:
            set_normalization(net, layer, spec, vectors, memory)
            vectors += 1
        set_activation(net, layer, spec, vectors if _learns(spec) else NULL, memory)
    layer.is_biased = layer.normalization.method == NOT_NORMALIZED
    layer.activates_at_once = layer.is_biased and layer.activation.function != PYTHON_FUNCTION
    if layer.activates_at_once:
        layer.at_once = layer.activation.forward
    return 0


cdef void _finish(const packed_network *net, const packed_layer *layer, long n, char *z, long stride,
                  const row_memory *kept) noexcept nogil:
    """Do what follows the products z where it does not follow at once: normalisation and activation."""
    if layer.normalization.method != NOT_NORMALIZED:
        normalize_rows(net, layer, n, z, stride, kept)
    activate_rows(net, layer, n, z, stride, kept)


cdef void _predict(const packed_network *net, const packed_layer *layer, long n, const char *inputs, const fm_csr *csr,
                   char *outputs, long stride) noexcept nogil:
    predict_product(net, layer, n, inputs, csr, outputs, stride)
    finish_prediction(net, layer, n, outputs, stride)


cdef void finish_prediction(const packed_network *net, const packed_layer *layer, long n, char *outputs,
                            long stride) noexcept nogil:
    """Make a layer's outputs of its products in a forward pass, unless they were made with these."""
    cdef row_memory kept
    if not layer.is_last and not layer.activates_at_once:
        memset(&kept, 0, sizeof(kept))
        kept.means, kept.scales = layer.normalization.means, layer.normalization.scales
        _finish(net, layer, n, outputs, stride, &kept)


# ---- the buffers of a training ---------------------------------------------------------------------------------------

cdef int _allocate(training *t, trained_layer *layer, Memory memory) except -1:
    allocate_rows(t, layer, memory)
    allocate_product(t, layer, memory)
    return 0


cdef int allocate_rows(training *t, trained_layer *layer, Memory memory) except -1:
    """Make the buffers of a layer's rows, but for operands of its products."""
    cdef packed_layer *packed = layer.packed
    cdef packed_network *net = t.network
    cdef Py_ssize_t n_bytes = panels_of(net, packed.n_outputs) * t.plan.stride * FM_PANEL_BYTES
    layer.products = layer.outputs = layer.deltas = memory.zeros(n_bytes)
    if not packed.is_last:
        layer.deltas = layer.output_deltas = memory.zeros(n_bytes)
        if packed.activation.is_sloped:
            layer.slopes = memory.zeros(n_bytes)
        if packed.activation.learned != NULL:
            layer.parameter_slopes = memory.zeros(n_bytes)
            t.parts[packed.activation.learned - net.parts].deltas = layer.parameter_slopes
        if packed.normalization.method != NOT_NORMALIZED:
            allocate_normalization(t, layer, memory)
        if layer.activity != NO_PENALTY:
            allocate_activity(t, layer, memory)
        set_derivative(t, layer)
    if layer.below != NULL:
        layer.inputs, layer.input_deltas = layer.below.outputs, layer.below.output_deltas
        if layer.dropout:
            layer.inputs = memory.zeros(panels_of(net, packed.n_inputs) * t.plan.stride * FM_PANEL_BYTES)
    return 0


# ---- two layers in one go --------------------------------------------------------------------------------------------

cdef bint takes_shallow_kernels(const training *t):
    """Return whether the network goes through the kernels that take both layers in one go.

    One thread must do it all: others would meanwhile change the weights that the hidden deltas are made with.
    """
    cdef const packed_layer *hidden = &t.network.layers[0]
    cdef const packed_layer *last = &t.network.layers[1]
    return (t.plan.n_slices == 1 and t.network.n_layers == 2 and hidden.kind == &DENSE and last.weights.turned
            and not t.data.X.is_sparse and hidden.n_inputs <= FM_SHALLOW and hidden.n_outputs > FM_NARROW
            and hidden.activates_at_once and hidden.activation.function == RELU and not t.layers[1].dropout
            and not t.plan.n_blocks and t.layers[0].activity == NO_PENALTY and not t.plan.n_moments
            and t.plan.open_way_back == NULL and not t.plan.has_factors)


# ---- the way forward -------------------------------------------------------------------------------------------------

cdef int _plan_forward(training *t, trained_layer *layer) except -1:
    if layer.multiply == NULL:
        return 0
    # The product drops elements of a CSR matrix as it reads them.
    if layer.dropout and not (layer.below == NULL and t.data.X.is_sparse):
        add_operation(t, drop_inputs, layer)
    add_operation(t, _multiply, layer)
    if layer.packed.normalization.method == BATCH_NORM:
        wait_for_moments(t, layer)
    if not layer.packed.is_last and not layer.packed.activates_at_once:
        add_operation(t, _finish_rows, layer)
    return wait_for_activity(t, layer)


cdef void _set_row_memory(const training *t, const trained_layer *layer, const row_block *rows,
                          row_memory *kept) noexcept nogil:
    """Say where the rows find the moments of the batch, and where they leave what the way back needs."""
    memset(kept, 0, sizeof(row_memory))
    if layer.packed.normalization.method == BATCH_NORM:
        kept.means, kept.scales = means_of(t, layer, rows.slice_), scales_of(t, layer, rows.slice_)
    kept.normalized = moved(layer.normalized, rows.offset)
    kept.row_scales = moved(layer.row_scales, rows.low * t.network.itemsize)
    kept.slopes = moved(layer.slopes, rows.offset)
    kept.parameter_slopes = moved(layer.parameter_slopes, rows.offset)


cdef void _multiply(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: make the outputs of the layer, or only its products where something waits for them."""
    cdef fm_after after = layer.packed.at_once
    if layer.packed.activates_at_once:
        after.slopes = moved(layer.slopes, rows.offset)
        after.parameter_slopes = moved(layer.parameter_slopes, rows.offset)
    layer.multiply(t, layer, rows, &after)


cdef void _finish_rows(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Row operation: do what follows the products where it does not follow at once."""
    cdef row_memory kept
    _set_row_memory(t, layer, rows, &kept)
    _finish(t.network, layer.packed, rows.n, layer.products + rows.offset, t.plan.stride, &kept)


# ---- the way back ----------------------------------------------------------------------------------------------------

cdef int _plan_back(training *t, trained_layer *layer) except -1:
    if not layer.packed.is_last:
        plan_activity_back(t, layer)
        plan_normalization_back(t, layer)
    plan_product_back(t, layer)
    return 0


DENSE.parts = _parts
DENSE.set_up = _set_up
DENSE.predict = _predict
DENSE.allocate = _allocate
DENSE.copy_weights = copy_weights
DENSE.choose_products = choose_products
DENSE.plan_forward = _plan_forward
DENSE.plan_back = _plan_back
