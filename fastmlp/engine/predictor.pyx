"""Networks that are called with samples, with as little between the call and the kernels as can be."""

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals

from fastmlp.engine.forward cimport is_small
from fastmlp.engine.layout cimport rows_at
from fastmlp.engine.native cimport FM_PANEL_BYTES, fm_layer, fm_rows, real
from fastmlp.engine.packed cimport PackedNetwork
from fastmlp.engine.rows cimport encoded_rows, row_source
from fastmlp.engine.structs cimport CACHED_ROWS, packed_layer
from fastmlp.engine.tables cimport index_of

from fastmlp.engine.rows import column_limits

cnp.import_array()

# Floating-point operations of a forward pass between two looks for Ctrl-C.
FLOPS_PER_PIECE = 2e9


cdef class Predictor(PackedNetwork):
    """A packed network that is called with samples: ``predictor(X)``.

    X is a C-contiguous array of shape (n_samples, n_features) and of the network's type; shape and type are all that is
    checked. Where the network reads encoded columns, X is these. May be called from many Python threads at once.

    Parameters
    ----------
    sizes, hidden, loss, dtype, columns, isa
        As for PackedNetwork.
    form : {"columns", "flat", "pair"}
        What a call returns: the outputs, shape (n_samples, n_outputs); for a single output also the outputs, shape
        (n_samples,), or with p the output the columns 1 - p and p.
    team_of : callable
        () -> (n_threads, judged), as forward() takes them; asked for each call that is worth it.
    """

    cdef int form
    cdef int type_number
    cdef object limits       # what codes of encoded columns must be below
    cdef object team_of

    def __init__(self, sizes, hidden, loss, dtype, *, form="columns", team_of, columns=None, isa=None):
        super().__init__(sizes, hidden, loss, dtype, columns=columns, isa=isa)
        self.form = index_of(("columns", "flat", "pair"), form, "form")
        if self.form and self.net.n_outputs != 1:
            raise ValueError(f"form={form!r} is for one output, the network has {self.net.n_outputs}")
        self.type_number = self.dtype.num
        self.limits = None if columns is None else column_limits(columns)
        self.team_of = team_of

    def __call__(self, X):
        if self.columns is not None:
            return self.predict_columns(X)
        if not self.fits(X):
            got = type(X).__name__
            if isinstance(X, np.ndarray):
                order = "a C-contiguous" if X.flags.c_contiguous else "a not C-contiguous"
                got = f"{order} array of shape {X.shape} and type {X.dtype.str if not X.dtype.isnative else X.dtype}"
            shape = f"(n_samples, {self.net.layers[0].n_inputs})"
            raise ValueError(f"X must be a C-contiguous array of shape {shape} and type {self.dtype}, got {got}.")
        return self.predict(X, False)

    def if_valid(self, X):
        """Return what a call returns, where there are samples, as they must be and finite; otherwise None."""
        if self.columns is not None or not self.fits(X) or cnp.PyArray_DIM(X, 0) == 0:
            return None
        return self.predict(X, True)

    def holds(self, coefs, intercepts):
        """Return whether these are the parameters that were loaded, bit by bit."""
        cdef long i
        if len(coefs) != self.net.n_layers or len(intercepts) != self.net.n_layers:
            return False
        for i in range(self.net.n_layers):
            if not self.holds_layer(&self.net.layers[i], coefs[i], intercepts[i]):
                return False
        return True

    cdef bint holds_layer(self, const packed_layer *layer, weights, biases) except -1:
        cdef const fm_layer *part = layer.weights
        cdef const fm_layer *of_biases = layer.biases
        cdef cnp.npy_intp step = part.outputs * self.net.itemsize
        cdef fm_rows matrix, last_row
        if not (cnp.PyArray_CheckExact(weights) and cnp.PyArray_CheckExact(biases)
                and cnp.PyArray_TYPE(weights) == cnp.PyArray_TYPE(biases) == self.type_number
                and cnp.PyArray_NDIM(weights) == 2 and cnp.PyArray_NDIM(biases) == 1
                and cnp.PyArray_DIM(weights, 0) == part.inputs and cnp.PyArray_DIM(weights, 1) == part.outputs
                and cnp.PyArray_DIM(biases, 0) == of_biases.outputs
                and cnp.PyArray_ISCARRAY_RO(weights) and cnp.PyArray_ISCARRAY_RO(biases)):
            return False
        matrix = rows_at(part.weights, part.inputs + 1, part.inputs, part.outputs)
        last_row = rows_at(<char *> of_biases.weights + of_biases.inputs * FM_PANEL_BYTES, of_biases.inputs + 1, 1,
                           of_biases.outputs)
        return (self.net.kernels.holds(&matrix, cnp.PyArray_DATA(weights), step)
                and self.net.kernels.holds(&last_row, cnp.PyArray_DATA(biases), of_biases.outputs * self.net.itemsize))

    cdef bint fits(self, X):
        """Return whether X is a C array, contiguous, aligned, in native byte order, of the network's type and width."""
        return (cnp.PyArray_Check(X) and cnp.PyArray_NDIM(X) == 2 and cnp.PyArray_TYPE(X) == self.type_number
                and cnp.PyArray_ISCARRAY_RO(X) and cnp.PyArray_DIM(X, 1) == self.net.layers[0].n_inputs)

    cdef object predict_columns(self, X):
        """Return what a call returns, for encoded columns."""
        cdef row_source source
        layout = getattr(X, "layout", None)
        if layout is None:
            raise ValueError(f"X must be EncodedColumns of the layout {self.columns!r}, got {type(X).__name__}.")
        if layout is not self.columns and layout != self.columns:
            raise ValueError(f"X has columns of the layout {layout!r}, but the network is expecting {self.columns!r}")
        codes, fractions = X.codes, X.fractions
        source = encoded_rows(codes, fractions, self.limits, self.net.layers[0].columns.numbers,
                              self.net.layers[0].n_inputs)
        return self.predict_rows(&source, False)

    cdef object predict(self, X, bint check):
        cdef row_source source
        source.is_sparse, source.is_encoded, source.element = False, False, self.net.element
        source.base = <const char *> cnp.PyArray_DATA(X)
        source.n_rows, source.n_features = cnp.PyArray_DIM(X, 0), self.net.layers[0].n_inputs
        source.row_bytes = source.width_bytes = source.n_features * self.net.itemsize
        return self.predict_rows(&source, check)

    cdef object predict_rows(self, const row_source *source, bint check):
        cdef cnp.npy_intp n = source.n_rows, start = 0, stop, piece = 8 * CACHED_ROWS
        cdef cnp.npy_intp shape[2]
        cdef char *to
        cdef int n_threads = 1
        cdef bint judged = False
        shape[0], shape[1] = n, 2 if self.form == 2 else self.net.n_outputs
        out = cnp.PyArray_EMPTY(1 if self.form == 1 else 2, shape, self.type_number, False)
        to = <char *> cnp.PyArray_DATA(out)
        if not is_small(&self.net, n):
            n_threads, judged = self.team_of()
        if n > piece:
            # As many rows at a time as let Ctrl-C through, and a NaN not be found late.
            piece = max(piece, <cnp.npy_intp> (FLOPS_PER_PIECE / (2.0 * self.net.multiply_adds)))
        while start < n:
            stop = min(n, start + piece)
            if not self.outputs_of(source, NULL, start, stop - start, to + start * shape[1] * self.net.itemsize,
                                   shape[1], self.net.n_layers, NULL, n_threads, judged, True, check):
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
    """Make 1 - p and p in two columns from p in the first of them."""
    cdef cnp.npy_intp i
    for i in range(n):
        columns[2 * i + 1] = columns[2 * i]
        columns[2 * i] = 1 - columns[2 * i]
