"""The activations of hidden layers."""

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_layer
from fastmlp.engine.structs cimport packed_layer, packed_network, row_memory, trained_layer, training

# Functions that are not the C core's, after those in the order of ACTIVATIONS: in C and in Python.
cdef int NATIVE_FUNCTION
cdef int PYTHON_FUNCTION

cdef int set_activation(packed_network *net, packed_layer *layer, spec, fm_layer *learned, Memory memory) except -1
cdef void activate_rows(const packed_network *net, const packed_layer *layer, long n, char *z, long stride,
                        const row_memory *kept) noexcept nogil
cdef void set_derivative(training *t, trained_layer *layer) noexcept
