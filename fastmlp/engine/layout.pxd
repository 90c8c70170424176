"""Where a part of the parameters has its numbers, packed and in the flat vector."""

from fastmlp.engine.memory cimport ceil_divide
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_layer, fm_matrix, fm_rows, fm_source
from fastmlp.engine.structs cimport packed_network, row_block, training

cdef void pack(const packed_network *net, const fm_layer *part, const char *flat, void *packed) noexcept nogil
cdef void unpack(const packed_network *net, const fm_layer *part, const void *packed, char *flat) noexcept nogil


cdef inline long panels_of(const packed_network *net, long width) noexcept nogil:
    """Return how many panels have room for so many columns."""
    return ceil_divide(width, net.panel)


cdef inline long rows_of_part(const fm_layer *part) noexcept nogil:
    """Return how many rows a part has in the flat vector: one for each input, and one of biases where it has them."""
    return part.inputs + 1 - part.unbiased


cdef inline Py_ssize_t packed_bytes(const packed_network *net, const fm_layer *part) noexcept nogil:
    """Return the size of a part's weights and biases in panels."""
    if part.turned:
        return (panels_of(net, part.inputs) * part.outputs + 1) * FM_PANEL_BYTES
    return panels_of(net, part.outputs) * (part.inputs + 1) * FM_PANEL_BYTES


cdef inline Py_ssize_t flat_bytes(const packed_network *net, const fm_layer *part) noexcept nogil:
    """Return the size of a part in the flat vector."""
    return rows_of_part(part) * part.outputs * net.itemsize


cdef inline fm_rows rows_at(const void *at, long stride, long n, long width) noexcept nogil:
    """Return n rows in panels, as kernels take them."""
    cdef fm_rows found
    found.at, found.stride, found.rows, found.width = <void *> at, stride, n, width
    return found


cdef inline fm_rows rows_of(const training *t, const char *buffer, const row_block *rows, long width) noexcept nogil:
    """Return a block of rows of a training's buffer, as kernels take them."""
    return rows_at(buffer + rows.offset, t.plan.stride, rows.n, width)


cdef inline fm_source plain_rows(const void *x, Py_ssize_t row_bytes) noexcept nogil:
    """Return all rows of an array, in their order, as kernels take them."""
    cdef fm_source found
    found.x, found.row_bytes, found.order = x, row_bytes, NULL
    return found


cdef inline fm_matrix right_operand(const void *at, long depth, long panel_rows, bint biased) noexcept nogil:
    """Return a matrix of depth rows, and perhaps biases after them, as products take it."""
    cdef fm_matrix found
    found.at, found.depth, found.panel_rows, found.biased = at, depth, panel_rows, biased
    return found
