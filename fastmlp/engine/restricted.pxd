"""Restricted Boltzmann machines in panels, for those that extend them."""

from libc.stdint cimport int64_t, uint64_t

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_after, fm_layer, fm_rows
from fastmlp.engine.rows cimport Rows, row_source
from fastmlp.engine.structs cimport packed_network


# The units and weights of a machine. The visible biases are the weights of a hidden unit that is always on, in a panel
# of its own: so they follow each update as weights do, and products add them without being told.
cdef struct machine:
    packed_network net       # kernels and element type; there are no layers
    long n_visible
    long n_hidden
    long on                  # the number of the hidden unit that is always on
    fm_layer weights         # of on + 1 hidden units; those that fill a panel have no weights
    bint is_normal           # whether visible units are normal, of variance 1; else they are bits
    fm_after logistic
    fm_after visible_after   # what makes means of visible units of products


cdef class RestrictedMachine:
    cdef machine m
    cdef readonly object dtype
    cdef Memory memory

    cdef int pack(self, array, fm_layer *layer, void *packed) except -1
    cdef int unpack(self, array, const void *packed) except -1
    cdef int check_rows(self, Rows rows) except -1
    cdef char *matrix(self, array, long width, str name) except? NULL


cdef Py_ssize_t visible_bytes(const machine *m, long stride) noexcept nogil
cdef Py_ssize_t hidden_bytes(const machine *m, long stride) noexcept nogil
cdef fm_rows visible_rows(const machine *m, char *buffer, long stride, long first, long n) noexcept nogil
cdef fm_rows hidden_rows(const machine *m, char *buffer, long stride, long first, long n) noexcept nogil
cdef uint64_t key_of(uint64_t seed, long step, long draw) noexcept nogil
cdef void gather_visible(const machine *m, const row_source *X, const int64_t *order, long start,
                         const fm_rows *to) noexcept nogil
cdef void find_hidden(const machine *m, const fm_rows *visible, const fm_rows *hidden) noexcept nogil
cdef void draw_bits(const machine *m, const fm_rows *chances, void *to, uint64_t key, long first) noexcept nogil
cdef void draw_visible(const machine *m, const fm_rows *hidden, const fm_rows *visible, uint64_t key,
                       long first) noexcept nogil
cdef void switch_on(const machine *m, const fm_rows *hidden) noexcept nogil
