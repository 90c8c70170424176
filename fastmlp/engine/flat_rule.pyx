"""Update rules on a flat vector of parameters, for gradients that are made elsewhere than in a step.

The vector is laid out as the weights of a layer of one panel of outputs, whose rows follow each other: so it is a plain
vector that begins at a multiple of 64 bytes. The kernel that applies a rule to finished sums takes it strip by strip,
and the strips are shared out among threads. No element's update depends on another's.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.string cimport memcpy, memset

from fastmlp.engine.memory cimport Memory, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_MAX_HYPER, FM_PANEL_BYTES, FM_STRIP, fm_denormals_flush, fm_denormals_restore, fm_isa_kernels, fm_kernels,
    fm_layer, fm_rule_slots, fm_step, fm_strips,
)
from fastmlp.engine.tables cimport bits_of_type, index_of, isa_index_of
from fastmlp.engine.teams cimport team_size
from fastmlp.engine.tiles cimport make_constants

from fastmlp.engine.tables import RULES

cnp.import_array()


cdef class FlatRule:
    """A vector of parameters with the state of a rule, which updates it by gradients in one pass over memory.

    Parameters
    ----------
    n_params : int
        At least 1.
    dtype : float32 or float64
    rule : str
        Update rule, from RULES.
    n_threads : int, default=1
        Threads that share an update. The results do not depend on it.
    isa : str, default=None
        Instruction set; None is ISA.
    """

    cdef const fm_kernels *kernels
    cdef Memory memory
    cdef fm_layer layer
    cdef char *gradient
    cdef long n_params, rows
    cdef int rule, n_threads
    cdef double tiny
    cdef Py_ssize_t n_bytes
    cdef readonly object dtype

    def __init__(self, n_params, dtype, rule, *, n_threads=1, isa=None):
        cdef long j
        self.dtype = np.dtype(dtype)
        self.kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(dtype))
        self.n_params, self.n_threads, self.rule = n_params, team_size(n_threads), index_of(RULES, rule, "rule")
        if self.n_params < 1:
            raise ValueError(f"expected a parameter or more, got {n_params}")
        self.tiny = np.finfo(self.dtype).tiny
        self.n_bytes = self.n_params * <Py_ssize_t> self.dtype.itemsize
        self.rows = ceil_divide(self.n_bytes, FM_PANEL_BYTES)
        self.memory = Memory()
        memset(&self.layer, 0, sizeof(self.layer))
        # The last row stands where a layer has its biases.
        self.layer.inputs, self.layer.outputs = self.rows - 1, FM_PANEL_BYTES // <Py_ssize_t> self.dtype.itemsize
        self.layer.weights = self.memory.zeros(self.rows * FM_PANEL_BYTES)
        self.gradient = self.memory.zeros(self.rows * FM_PANEL_BYTES)
        for j in range(fm_rule_slots(self.rule)):
            self.layer.slots[j] = self.memory.zeros(self.rows * FM_PANEL_BYTES)

    def load(self, params, slots=()):
        """Take the parameters and the rule's state from vectors."""
        cdef long j
        self.check_slots(slots)
        vectors = [self.checked(vector) for vector in (params, *slots)]
        memcpy(self.layer.weights, cnp.PyArray_DATA(vectors[0]), self.n_bytes)
        for j, slot in enumerate(vectors[1:]):
            memcpy(self.layer.slots[j], cnp.PyArray_DATA(slot), self.n_bytes)

    def store(self, params, slots=()):
        """Write the parameters (unless None) and the rule's state to vectors."""
        cdef long j
        self.check_slots(slots)
        for vector in (params, *slots):
            if vector is not None:
                self.checked(vector, True)
        if params is not None:
            memcpy(cnp.PyArray_DATA(params), self.layer.weights, self.n_bytes)
        for j, slot in enumerate(slots):
            memcpy(cnp.PyArray_DATA(slot), self.layer.slots[j], self.n_bytes)

    def update(self, gradient, hyper, long number, params=None):
        """Make an update by a gradient.

        Parameters
        ----------
        gradient : ndarray of shape (n_params,)
        hyper : array-like of shape (n_hyper,) or (1, n_hyper)
            The rule's hyperparameters in the order that rules.def gives.
        number : int
            The number of updates made before.
        params : ndarray of shape (n_params,), default=None
            Where the new parameters are written, too.
        """
        cdef fm_step step
        cdef double taken[8]
        cdef long slice_, i
        cdef const char *given = <const char *> cnp.PyArray_DATA(self.checked(gradient))
        cdef char *out = NULL if params is None else <char *> cnp.PyArray_DATA(self.checked(params, True))
        values = np.ravel(hyper).tolist()
        if len(values) > FM_MAX_HYPER:
            raise ValueError(f"a rule has at most {FM_MAX_HYPER} hyperparameters, got {len(values)}")
        memset(taken, 0, sizeof(taken))
        for i, value in enumerate(values):
            taken[i] = value
        memset(&step, 0, sizeof(step))
        step.rule, step.first, step.last, step.scale = self.rule, True, True, 1
        make_constants(self.rule, taken, number + 1, self.tiny, step.constants)
        if self.n_threads == 1:
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                self.update_slice(&step, given, out, 0)
        else:
            with nogil:
                for slice_ in prange(self.n_threads, num_threads=self.n_threads, schedule="static", chunksize=1):
                    self.update_slice(&step, given, out, slice_)

    cdef void update_slice(self, const fm_step *step, const char *given, char *out, long slice_) noexcept nogil:
        """Update a thread's strips."""
        cdef fm_strips strips
        cdef const void *sums = self.gradient
        cdef long n_strips = ceil_divide(self.rows, FM_STRIP)
        cdef unsigned mode
        cdef Py_ssize_t low, high
        strips.layer, strips.step, strips.bias_step, strips.squares = &self.layer, step, step, NULL
        strips.panel, strips.panel_end = 0, 1
        strips.first, strips.last = n_strips * slice_ // self.n_threads, n_strips * (slice_ + 1) // self.n_threads
        if strips.first == strips.last:
            return
        low = strips.first * FM_STRIP * FM_PANEL_BYTES
        high = min(self.n_bytes, strips.last * FM_STRIP * FM_PANEL_BYTES)
        memcpy(self.gradient + low, given + low, high - low)
        mode = fm_denormals_flush()
        self.kernels.update_sums(&strips, &sums, 1)
        fm_denormals_restore(mode)
        if out != NULL:
            memcpy(out + low, <char *> self.layer.weights + low, high - low)

    cdef object checked(self, vector, bint writes=False):
        if not (is_plain(vector) and vector.dtype == self.dtype and vector.shape == (self.n_params,)):
            raise ValueError(f"expected a contiguous {self.dtype} vector of {self.n_params} elements")
        if writes and not vector.flags.writeable:
            raise ValueError("expected a vector that can be written to")
        return vector

    cdef int check_slots(self, slots) except -1:
        if len(slots) > fm_rule_slots(self.rule):
            raise ValueError(f"the rule {RULES[self.rule]} has {fm_rule_slots(self.rule)} arrays of state, got"
                             f" {len(slots)}")
        return 0
