"""Networks that are called with samples, with as little between the call and the kernels as can be."""

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals

from fastmlp.engine.native cimport FM_PANEL_BYTES, real
from fastmlp.engine.packed cimport CACHED_ROWS, PackedNetwork
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.tables cimport index_of

cnp.import_array()

# Floating-point operations of a forward pass between two looks for Ctrl-C.
FLOPS_PER_PIECE = 2e9


cdef class Predictor(PackedNetwork):
    """A packed network that is called with samples: ``predictor(X)``.

    X is a C-contiguous array of shape (n_samples, n_features) and of the network's type; shape and type are all that is
    checked. May be called from many Python threads at once.

    Parameters
    ----------
    sizes, hidden, loss, dtype, isa
        As for PackedNetwork.
    form : {"columns", "flat", "pair"}
        What a call returns: the outputs, shape (n_samples, n_outputs); for a single output also the outputs, shape
        (n_samples,), or with p the output the columns 1 - p and p.
    team_of : callable
        () -> (n_threads, judged), as forward() takes them; asked for each call that is worth it.
    """

    cdef int form
    cdef int type_number
    cdef object team_of

    def __init__(self, sizes, hidden, loss, dtype, *, form="columns", team_of, isa=None):
        super().__init__(sizes, hidden, loss, dtype, isa=isa)
        self.form = index_of(("columns", "flat", "pair"), form, "form")
        if self.form and self.n_outputs != 1:
            raise ValueError(f"form={form!r} is for one output, the network has {self.n_outputs}")
        self.type_number = self.dtype.num
        self.team_of = team_of

    def __call__(self, X):
        if not self._fits(X):
            got = type(X).__name__
            if isinstance(X, np.ndarray):
                order = "a C-contiguous" if X.flags.c_contiguous else "a not C-contiguous"
                got = f"{order} array of shape {X.shape} and type {X.dtype.str if not X.dtype.isnative else X.dtype}"
            raise ValueError(f"X must be a C-contiguous array of shape (n_samples, {self.layers[0].inputs}) and type "
                             f"{self.dtype}, got {got}.")
        return self._predict(X, False)

    def if_valid(self, X):
        """What a call returns, for samples that are as they must be and finite, and at least one; None for all others."""
        if not self._fits(X) or cnp.PyArray_DIM(X, 0) == 0:
            return None
        return self._predict(X, True)

    def holds(self, coefs, intercepts):
        """Whether these are the parameters that were loaded, bit by bit."""
        cdef long i, inputs, outputs
        cdef cnp.npy_intp step
        if len(coefs) != self.n_layers or len(intercepts) != self.n_layers:
            return False
        for i in range(self.n_layers):
            inputs, outputs = self.layers[i].inputs, self.layers[i].outputs
            weights, biases = coefs[i], intercepts[i]
            if not (cnp.PyArray_CheckExact(weights) and cnp.PyArray_CheckExact(biases)
                    and cnp.PyArray_TYPE(weights) == cnp.PyArray_TYPE(biases) == self.type_number
                    and cnp.PyArray_NDIM(weights) == 2 and cnp.PyArray_NDIM(biases) == 1
                    and cnp.PyArray_DIM(weights, 0) == inputs and cnp.PyArray_DIM(weights, 1) == outputs
                    and cnp.PyArray_DIM(biases, 0) == outputs
                    and cnp.PyArray_ISCARRAY_RO(weights) and cnp.PyArray_ISCARRAY_RO(biases)):
                return False
            step = outputs * self.itemsize
            if not (self.kernels.holds(self.layers[i].weights, inputs + 1, inputs, outputs,
                                       cnp.PyArray_DATA(weights), step)
                    and self.kernels.holds(<char *> self.layers[i].weights + inputs * FM_PANEL_BYTES, inputs + 1, 1,
                                           outputs, cnp.PyArray_DATA(biases), step)):
                return False
        return True

    cdef bint _fits(self, X):
        # A C array: contiguous, aligned, in native byte order.
        return (cnp.PyArray_Check(X) and cnp.PyArray_NDIM(X) == 2 and cnp.PyArray_TYPE(X) == self.type_number
                and cnp.PyArray_ISCARRAY_RO(X) and cnp.PyArray_DIM(X, 1) == self.layers[0].inputs)

    cdef object _predict(self, X, bint check):
        cdef cnp.npy_intp n = cnp.PyArray_DIM(X, 0), start = 0, stop, piece = 8 * CACHED_ROWS
        cdef char *to
        cdef cnp.npy_intp shape[2]
        cdef Rows rows = Rows.__new__(Rows)
        cdef int n_threads = 1
        cdef bint judged = False
        shape[0], shape[1] = n, 2 if self.form == 2 else self.n_outputs
        out = cnp.PyArray_EMPTY(1 if self.form == 1 else 2, shape, self.type_number, False)
        to = <char *> cnp.PyArray_DATA(out)
        rows.base = <const char *> cnp.PyArray_DATA(X)
        rows.row_bytes = self.layers[0].inputs * self.itemsize
        rows.source = self.source
        rows.n_rows, rows.n_features = n, self.layers[0].inputs
        if not self._is_small(n):
            n_threads, judged = self.team_of()
        if n > piece:
            # As many rows at a time as let Ctrl-C through, and a NaN not be found late.
            piece = max(piece, <cnp.npy_intp> (FLOPS_PER_PIECE / (2.0 * self.n_params)))
        while start < n:
            stop = min(n, start + piece)
            if not self._outputs_of(rows, NULL, start, stop - start, to + start * shape[1] * self.itemsize, shape[1],
                                    n_threads, judged, True, check):
                return None
            start = stop
            if start < n:
                PyErr_CheckSignals()
        if self.form == 2 and self.type_number == cnp.NPY_FLOAT32:
            _pair(<float *> cnp.PyArray_DATA(out), n)
        elif self.form == 2:
            _pair(<double *> cnp.PyArray_DATA(out), n)
        return out


cdef void _pair(real *columns, cnp.npy_intp n) noexcept nogil:
    """From p in the first of two columns: 1 - p and p."""
    cdef cnp.npy_intp i
    for i in range(n):
        columns[2 * i + 1] = columns[2 * i]
        columns[2 * i] = 1 - columns[2 * i]
