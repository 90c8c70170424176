"""The activations of hidden layers: functions of the C core, of C code that users bring, and of Python."""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.string cimport memset

from fastmlp.engine.layout cimport panels_of
from fastmlp.engine.memory cimport moved
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_activation_learnable, fm_activation_sloped, fm_after, fm_native,
)
from fastmlp.engine.structs cimport layer_activation
from fastmlp.engine.tables cimport index_of

from fastmlp.engine.tables import ACTIVATIONS

NATIVE_FUNCTION = len(ACTIVATIONS)
PYTHON_FUNCTION = NATIVE_FUNCTION + 1

ctypedef double (*_double_fn)(double) noexcept nogil


cdef size_t _address(function) except 0:
    """Return the address of a SciPy LowLevelCallable's function."""
    capsule = tuple.__getitem__(function, 0)  # a LowLevelCallable does not let one index it
    return <size_t> PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef int set_activation(packed_network *net, packed_layer *layer, spec, fm_layer *learned, Memory memory) except -1:
    """Take a hidden layer's activation from its spec, and the part that has its learned parameters, if any."""
    cdef layer_activation *activation = &layer.activation
    cdef fm_after *forward = &activation.forward
    cdef long panel, n_panels = panels_of(net, layer.n_outputs)
    name = spec if isinstance(spec, str) else spec.activation
    memset(forward, 0, sizeof(fm_after))
    activation.learned = learned
    if name == "python":
        net.runs_python = True
        activation.function, activation.is_sloped = PYTHON_FUNCTION, True
        return 0
    if name == "native":
        activation.function, activation.is_sloped = NATIVE_FUNCTION, True
        activation.natives = <fm_native *> memory.zeros(n_panels * sizeof(fm_native))
        value, slope = spec.function
        for panel in range(n_panels):
            activation.natives[panel].value = <_double_fn> _address(value)
            activation.natives[panel].slope = <_double_fn> _address(slope)
            activation.natives[panel].width = min(net.panel, layer.n_outputs - panel * net.panel)
        forward.parameters, forward.parameters_step = activation.natives, sizeof(fm_native)
    else:
        activation.function = index_of(ACTIVATIONS, name, "activation")
        activation.is_sloped = fm_activation_sloped(activation.function)
        if learned != NULL:
            if not fm_activation_learnable(activation.function):
                raise ValueError(f"the activation {name} has nothing to learn")
            forward.parameters, forward.parameters_step = learned.weights, FM_PANEL_BYTES
    forward.activate = net.kernels.activate[activation.function]
    forward.parameter = 0 if isinstance(spec, str) else spec.parameter
    return 0


cdef void activate_rows(const packed_network *net, const packed_layer *layer, long n, char *z, long stride,
                        const row_memory *kept) noexcept nogil:
    """Apply a hidden layer's activation to n rows from z on, panel by panel."""
    cdef const fm_after *forward = &layer.activation.forward
    cdef long panel
    cdef Py_ssize_t offset
    if layer.activation.function == PYTHON_FUNCTION:
        net.call_python(net.owner, layer.number, n, z, kept.slopes, stride)
        return
    for panel in range(panels_of(net, layer.n_outputs)):
        offset = panel * stride * FM_PANEL_BYTES
        forward.activate(n, z + offset, moved(kept.slopes, offset), moved(kept.parameter_slopes, offset),
                         moved(forward.parameters, panel * forward.parameters_step), forward.parameter)


cdef void set_derivative(training *t, trained_layer *layer) noexcept:
    """Say what turns slopes of the loss by the layer's outputs into its deltas.

    A function in Python gives its slopes, as one in C does.
    """
    cdef const layer_activation *activation = &layer.packed.activation
    memset(&layer.derivative, 0, sizeof(fm_after))
    layer.derivative.derivative = t.network.kernels.derivative[min(activation.function, NATIVE_FUNCTION)]
    layer.derivative.at = layer.slopes if layer.slopes != NULL else layer.products
    layer.derivative.parameter_slopes = layer.parameter_slopes
    layer.derivative.parameter = activation.forward.parameter
