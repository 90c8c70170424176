"""Where a part of the parameters has its numbers, packed and in the flat vector.

In the flat vector a part is one row-major matrix of inputs + 1 rows, the last of them the biases, which some parts do
without; a part that is a vector has no inputs. Packed it is in panels of outputs, with the biases as one more row; or,
turned, in panels of inputs, with the biases in a panel of their own after them.
"""

from libc.string cimport memcpy, memset


cdef Py_ssize_t _turned_place(const packed_network *net, const fm_layer *part, long row, long column) noexcept nogil:
    """Return where a turned part has a row and column of its matrix."""
    if row == part.inputs:
        return panels_of(net, row) * part.outputs * FM_PANEL_BYTES + column * net.itemsize
    return (row // net.panel * part.outputs + column) * FM_PANEL_BYTES + row % net.panel * net.itemsize


cdef void pack(const packed_network *net, const fm_layer *part, const char *flat, void *packed) noexcept nogil:
    """Put a part of the flat vector where kernels read it."""
    cdef long rows = rows_of_part(part), width = part.outputs, r, c
    cdef fm_source plain = plain_rows(flat, width * net.itemsize)
    cdef fm_rows panels = rows_at(packed, part.inputs + 1, rows, width)
    if not part.turned:
        net.kernels.gather[net.element](&plain, &panels)
        return
    memset(packed, 0, packed_bytes(net, part))
    for r in range(rows):
        for c in range(width):
            memcpy(<char *> packed + _turned_place(net, part, r, c), flat + (r * width + c) * net.itemsize,
                   net.itemsize)


cdef void unpack(const packed_network *net, const fm_layer *part, const void *packed, char *flat) noexcept nogil:
    """Put a part back into the flat vector."""
    cdef long rows = rows_of_part(part), width = part.outputs, r, c
    cdef fm_rows panels = rows_at(packed, part.inputs + 1, rows, width)
    if not part.turned:
        net.kernels.scatter(&panels, flat, width * net.itemsize)
        return
    for r in range(rows):
        for c in range(width):
            memcpy(flat + (r * width + c) * net.itemsize, <const char *> packed + _turned_place(net, part, r, c),
                   net.itemsize)
