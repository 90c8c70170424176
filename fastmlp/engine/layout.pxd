"""Where a part of the parameters has its numbers, packed and in the flat vector."""

from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_layer
from fastmlp.engine.structs cimport packed_network

cdef void pack(const packed_network *net, const fm_layer *part, const char *flat, void *packed) noexcept nogil
cdef void unpack(const packed_network *net, const fm_layer *part, const void *packed, char *flat) noexcept nogil


cdef inline long panels_of(const packed_network *net, long width) noexcept nogil:
    """Return how many panels have room for so many columns."""
    return ceil_divide(width, net.panel)


cdef inline Py_ssize_t packed_bytes(const packed_network *net, const fm_layer *part) noexcept nogil:
    """Return the size of a part's weights and biases in panels."""
    if part.turned:
        return (panels_of(net, part.inputs) * part.outputs + 1) * FM_PANEL_BYTES
    return panels_of(net, part.outputs) * (part.inputs + 1) * FM_PANEL_BYTES


cdef inline Py_ssize_t flat_bytes(const packed_network *net, const fm_layer *part) noexcept nogil:
    """Return the size of a part in the flat vector."""
    return (part.inputs + 1) * part.outputs * net.itemsize
