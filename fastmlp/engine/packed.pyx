"""Networks in the packed layout of src_c/fastmlp.h: their parameters in and out, and forward passes.

Cython owns shapes, element types and threads; the C core (src_c/) owns one contiguous block on one core.
"""

import operator
from threading import get_ident

import numpy as np

cimport numpy as cnp
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastmlp.engine.memory cimport FM_SLACK, aligned, are_within, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_activation_learnable, fm_activation_sloped, fm_after, fm_call, fm_call_helpers, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_dismiss_helpers, fm_help_fn, fm_isa_kernels, fm_isa_vector_bytes, fm_layer, fm_native, fm_seconds, fm_take,
)
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.tables cimport bits_of_type, index_of, isa_index_of, source_index_of
from fastmlp.engine.teams cimport Judgement, team_size, threads_worthwhile

from fastmlp.engine.tables import ACTIVATIONS, LOSSES, NORMALIZATION_EPSILON as EPSILON

cnp.import_array()

cdef double SECONDS_PER_CALL = 5e-6  # to call a helper
# Blocks of rows that take so long, at least, on any core are shared at once. Of others the first is measured.
cdef double SECONDS_TO_MEASURE = 25e-6
cdef double MOST_FLOPS_PER_SECOND = 2.5e11
# So many blocks are taken at a time as take so long; fewer where that would be much of the work, since the last ones are
# waited for. The caches like rows that lie together.
cdef double SECONDS_PER_SHARE = 100e-6
# Rows times parameters that a forward pass does before it lets go of the GIL, about 10 us of work.
cdef long ROW_PARAMS_WITH_GIL = 500_000

# Of all predictions of this process, of which a twentieth may be lost.
cdef Judgement predictions = Judgement(20)

cdef size_t _address(function) except 0:
    """The address of a SciPy LowLevelCallable's function."""
    capsule = tuple.__getitem__(function, 0)  # a LowLevelCallable does not let one index it
    return <size_t> PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


NATIVE_FUNCTION = len(ACTIVATIONS)
PYTHON_FUNCTION = NATIVE_FUNCTION + 1

ctypedef double (*_double_fn)(double) noexcept nogil


cdef class PackedNetwork:
    """A network's weights in the packed layout of src_c/fastmlp.h, ready for forward passes.

    The parameters come in parts: the dense layers, then vectors with a number for each unit of a hidden layer: for one
    layer after the other the gains of its normalisation and the learned numbers of its activation, where it has them.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, input and output included.
    hidden : str or sequence
        The hidden layers' activation, a name from ACTIVATIONS; or for each of them an object with the attributes of
        fastmlp.network.HiddenLayer.
    loss : str
        A name from LOSSES; it decides the output's link.
    dtype : float32 or float64
    isa : str, default=None
        Instruction set; None is ISA.
    """

    def __init__(self, sizes, hidden, loss, dtype, *, isa=None):
        cdef int isa_index = isa_index_of(isa)
        cdef long i, part
        self._buffers = []
        self._errors = {}
        self.epsilon = EPSILON
        self.dtype = np.dtype(dtype)
        self.kernels = fm_isa_kernels(isa_index, bits_of_type(dtype))
        self.source = source_index_of(self.dtype)
        self.itemsize = self.dtype.itemsize
        self.panel = FM_PANEL_BYTES // self.itemsize
        self.vector_bytes = fm_isa_vector_bytes(isa_index)
        self.loss = index_of(LOSSES, loss, "loss")
        sizes = [operator.index(size) for size in sizes]
        if len(sizes) < 2 or min(sizes) < 0:
            raise ValueError(f"sizes must be those of two layers or more, got {sizes}")
        if not isinstance(hidden, str) and len(hidden) != len(sizes) - 2:
            raise ValueError(f"expected {len(sizes) - 2} hidden layers, got {len(hidden)}")
        self.n_layers = len(sizes) - 1
        self.n_outputs = sizes[self.n_layers]
        shapes = [(sizes[i], sizes[i + 1]) for i in range(self.n_layers)]
        self.hidden = <hidden_layer *> self._zeros(self.n_layers * sizeof(hidden_layer))
        self._functions = [None] * self.n_layers
        for i in range(self.n_layers - 1):
            self._set_hidden(i, hidden if isinstance(hidden, str) else hidden[i], sizes[i + 1], shapes)
        self.n_parts = len(shapes)
        self.n_params = 0
        self.layers = <fm_layer *> self._zeros(self.n_parts * sizeof(fm_layer))
        for part, (inputs, outputs) in enumerate(shapes):
            self.layers[part].inputs, self.layers[part].outputs = inputs, outputs
            self.layers[part].weights = self._zeros(self._packed_bytes(part))
            self.n_params += (inputs + 1) * outputs

    def _set_hidden(self, long i, spec, width, list shapes):
        cdef hidden_layer *layer = &self.hidden[i]
        cdef long n_bytes, panel
        layer.gains = layer.numbers = -1
        if isinstance(spec, str):
            layer.function = index_of(ACTIVATIONS, spec, "activation")
            layer.sloped = fm_activation_sloped(layer.function)
            return
        layer.normalization = index_of((None, "layer", "batch"), spec.normalization, "normalization")
        if layer.normalization != NOT_NORMALIZED:
            layer.gains = len(shapes)
            shapes.append((0, width))
        if layer.normalization == BATCH_NORM:
            n_bytes = self._panels(width) * FM_PANEL_BYTES
            layer.running = self._zeros(2 * n_bytes)
            layer.means, layer.scales = self._zeros(n_bytes), self._zeros(n_bytes)
        layer.number = spec.number
        self._functions[i] = spec.function
        if spec.activation == "python":
            self.runs_python = True
            layer.function, layer.sloped = PYTHON_FUNCTION, True
        elif spec.activation == "native":
            layer.function, layer.sloped = NATIVE_FUNCTION, True
            value, slope = spec.function
            layer.natives = <fm_native *> self._zeros(self._panels(width) * sizeof(fm_native))
            for panel in range(self._panels(width)):
                layer.natives[panel].value = <_double_fn> _address(value)
                layer.natives[panel].slope = <_double_fn> _address(slope)
                layer.natives[panel].width = min(self.panel, width - panel * self.panel)
        else:
            layer.function = index_of(ACTIVATIONS, spec.activation, "activation")
            layer.sloped = fm_activation_sloped(layer.function)
            if spec.learned:
                if not fm_activation_learnable(layer.function):
                    raise ValueError(f"the activation {spec.activation} has nothing to learn")
                layer.numbers = len(shapes)
                shapes.append((0, width))

    cdef char *_zeros(self, Py_ssize_t n_bytes) except NULL:
        """64-byte aligned zeroed memory that lives as long as this object."""
        buffer = np.zeros(n_bytes + FM_SLACK, dtype=np.uint8)
        self._buffers.append(buffer)
        return aligned(cnp.PyArray_DATA(buffer), n_bytes)

    cdef long _panels(self, long width) noexcept nogil:
        return ceil_divide(width, self.panel)

    cdef Py_ssize_t _packed_bytes(self, long i) noexcept nogil:
        if self.layers[i].turned:
            return (self._panels(self.layers[i].inputs) * self.layers[i].outputs + 1) * FM_PANEL_BYTES
        return self._panels(self.layers[i].outputs) * (self.layers[i].inputs + 1) * FM_PANEL_BYTES

    cdef Py_ssize_t _flat_bytes(self, long i) noexcept nogil:
        return (self.layers[i].inputs + 1) * self.layers[i].outputs * self.itemsize

    cdef const char *_flat(self, params) except NULL:
        if not (is_plain(params) and params.dtype == self.dtype and params.shape == (self.n_params,)):
            raise ValueError(f"expected a contiguous {self.dtype} vector of {self.n_params} parameters")
        return <const char *> cnp.PyArray_DATA(params)

    cdef char *_flat_to_write(self, params) except NULL:
        cdef const char *flat = self._flat(params)
        if not params.flags.writeable:
            raise ValueError("expected a vector that can be written to")
        return <char *> flat

    cdef void _pack(self, long i, const char *flat, void *packed) noexcept nogil:
        # In the flat vector a layer is one row-major matrix of inputs + 1 rows, the last of them the biases.
        cdef long rows = self.layers[i].inputs + 1, width = self.layers[i].outputs, r, c
        if not self.layers[i].turned:
            self.kernels.gather[self.source](flat, width * self.itemsize, NULL, rows, width, packed, rows)
            return
        memset(packed, 0, self._packed_bytes(i))
        for r in range(rows):
            for c in range(width):
                memcpy(<char *> packed + self._turned_place(i, r, c), flat + (r * width + c) * self.itemsize, self.itemsize)

    def _check(self, Rows rows):
        if rows.n_features != self.layers[0].inputs:
            raise ValueError(
                f"X has {rows.n_features} features, but the network is expecting {self.layers[0].inputs} features as input.")
        if rows.is_sparse and rows.source != self.source:
            raise ValueError(f"the data of a CSR matrix must be {self.dtype}, as the network is")
        if not rows.is_canonical:
            raise ValueError("the indices of a CSR matrix must be sorted and without duplicates")

    cdef int _check_moments(self, long i) except -1:
        if not 0 <= i < self.n_layers - 1 or self.hidden[i].normalization != BATCH_NORM:
            raise ValueError(f"there is no batch normalisation in a hidden layer {i}")
        return 0

    def scale_inputs(self, means, scales):
        """Has the inputs centred (not those of CSR rows) and scaled, as vectors of the network's type say."""
        cdef Py_ssize_t n_bytes = self._panels(self.layers[0].inputs) * FM_PANEL_BYTES
        cdef long n = self.layers[0].inputs
        if not self.input_is_scaled:
            self.input_means, self.input_scales = self._zeros(n_bytes), self._zeros(n_bytes)
            self.input_is_scaled = True
        # A panel of one row, and one panel after another, is a plain vector.
        for values, to in ((means, <size_t> self.input_means), (scales, <size_t> self.input_scales)):
            values = np.ascontiguousarray(values, dtype=self.dtype)
            if values.shape != (n,):
                raise ValueError(f"expected {n} means and scales, got shape {values.shape}")
            memcpy(<char *> <size_t> to, cnp.PyArray_DATA(values), n * self.itemsize)

    def set_running(self, long i, mean, variance):
        """Sets hidden layer i's running moments, vectors of the network's type."""
        self._check_moments(i)
        cdef hidden_layer *layer = &self.hidden[i]
        cdef long width = self.layers[i].outputs
        moments = np.ascontiguousarray(np.stack([mean, variance]), dtype=self.dtype)
        if moments.shape != (2, width):
            raise ValueError(f"expected moments of {width} units, got shape {moments.shape}")
        self.kernels.gather[self.source](cnp.PyArray_DATA(moments), width * self.itemsize, NULL, 2, width, layer.running,
                                         2)
        self._use_running(i)

    def running(self, long i):
        """Hidden layer i's running mean and variance, shape (2, n_units)."""
        self._check_moments(i)
        cdef long width = self.layers[i].outputs
        moments = np.empty((2, width), dtype=self.dtype)
        self.kernels.scatter(self.hidden[i].running, 2, 2, width, cnp.PyArray_DATA(moments), width * self.itemsize)
        return moments

    cdef int _use_running(self, long i) except -1:
        """Brings means and scales of a forward pass up to the running moments."""
        cdef long width = self.layers[i].outputs, panel
        cdef double epsilon = EPSILON
        moments = self.running(i)
        moments[1] = 1 / np.sqrt(moments[1] + self.dtype.type(epsilon))
        memcpy(self.hidden[i].means, cnp.PyArray_DATA(moments), width * self.itemsize)
        memcpy(self.hidden[i].scales, <char *> cnp.PyArray_DATA(moments) + width * self.itemsize, width * self.itemsize)
        return 0

    cdef void _unpack(self, long i, const void *packed, char *flat) noexcept nogil:
        cdef long rows = self.layers[i].inputs + 1, width = self.layers[i].outputs, r, c
        if not self.layers[i].turned:
            self.kernels.scatter(packed, rows, rows, width, flat, width * self.itemsize)
            return
        for r in range(rows):
            for c in range(width):
                memcpy(flat + (r * width + c) * self.itemsize, <const char *> packed + self._turned_place(i, r, c), self.itemsize)

    cdef Py_ssize_t _turned_place(self, long i, long row, long column) noexcept nogil:
        """Where a turned layer has a row and column of its matrix, whose last row are the biases."""
        if row == self.layers[i].inputs:
            return self._panels(row) * self.layers[i].outputs * FM_PANEL_BYTES + column * self.itemsize
        return (row // self.panel * self.layers[i].outputs + column) * FM_PANEL_BYTES + row % self.panel * self.itemsize

    def load(self, params):
        """Takes the parameters from a flat vector: per layer the (inputs, outputs) weights, then the biases."""
        cdef const char *flat = self._flat(params)
        cdef long i
        for i in range(self.n_parts):
            self._pack(i, flat, self.layers[i].weights)
            flat += self._flat_bytes(i)

    def store(self, params):
        """Writes the parameters to a flat vector."""
        cdef char *flat = self._flat_to_write(params)
        cdef long i
        for i in range(self.n_parts):
            self._unpack(i, self.layers[i].weights, flat)
            flat += self._flat_bytes(i)

    # Filled in where it is to be: to return it would copy it, in wider pieces than it was just written in, and such a read
    # waits until all stores before it are done. So it is with the structs of each phase below.

    cdef void _activation_of(self, long i, fm_after *after) noexcept nogil:
        """Hidden layer i's activation, as a forward pass needs it; none of Python's."""
        cdef hidden_layer *layer = &self.hidden[i]
        memset(after, 0, sizeof(fm_after))
        if layer.function != PYTHON_FUNCTION:
            after.activate = self.kernels.activate[layer.function]
            after.number = layer.number
        if layer.function == NATIVE_FUNCTION:
            after.units = layer.natives
            after.units_step = sizeof(fm_native)
        elif layer.numbers >= 0:
            after.units = self.layers[layer.numbers].weights
            after.units_step = FM_PANEL_BYTES

    cdef bint _activates_at_once(self, long i) noexcept nogil:
        """Whether layer i's activation follows its product directly. The last layer's link goes with the loss."""
        return (i < self.n_layers - 1 and self.hidden[i].normalization == NOT_NORMALIZED
                and self.hidden[i].function != PYTHON_FUNCTION)

    cdef void _after_layer(self, long i, fm_after *after) noexcept nogil:
        if self._activates_at_once(i):
            self._activation_of(i, after)
        else:
            memset(after, 0, sizeof(fm_after))

    cdef bint _is_biased(self, long i) noexcept nogil:
        """Whether layer i's product takes the biases; a normalisation adds them later."""
        return self.hidden[i].normalization == NOT_NORMALIZED

    cdef void _apply(self, const fm_after *after, long n, long width, char *z, long stride) noexcept nogil:
        """The activation after on n rows from z on, panel by panel."""
        cdef long panel
        cdef Py_ssize_t offset
        cdef const char *units
        for panel in range(self._panels(width)):
            offset = panel * stride * FM_PANEL_BYTES
            units = <const char *> after.units + panel * after.units_step if after.units != NULL else NULL
            after.activate(n, z + offset, <char *> after.slopes + offset if after.slopes != NULL else NULL,
                           <char *> after.shapes + offset if after.shapes != NULL else NULL, units, after.number)

    cdef void _call_function(self, long i, long n, char *z, char *slopes, long stride) noexcept nogil:
        """Hidden layer i's activation in Python; without slopes none are wanted."""
        with gil:
            if get_ident() not in self._errors:
                try:
                    self._call_function_with_gil(i, n, z, slopes, stride)
                except BaseException as error:
                    self._fail(error)

    cdef int _fail(self, error) except -1:
        """Keeps what a function in Python raised for _raise_error(). A forward pass may run in many Python threads."""
        self._errors[get_ident()] = error
        self.failed = True
        return 0

    cdef int _call_function_with_gil(self, long i, long n, char *z, char *slopes, long stride) except -1:
        cdef long width = self.layers[i].outputs
        function, values = self._functions[i], np.empty((n, width), dtype=self.dtype)
        self.kernels.scatter(z, stride, n, width, cnp.PyArray_DATA(values), width * self.itemsize)
        slope_array = None if slopes == NULL else function.slopes(values.copy())  # which may write to it
        for array, to in ((function.values(values), <size_t> z), (slope_array, <size_t> slopes)):
            if to:
                if not (is_plain(array) and array.dtype == self.dtype and array.shape == (n, width)):
                    raise ValueError(f"{function!r} must return a contiguous {self.dtype} array of shape {(n, width)}")
                self.kernels.gather[self.source](cnp.PyArray_DATA(array), width * self.itemsize, NULL, n, width,
                                                 <char *> <size_t> to, stride)
        return 0

    cdef void _finish_hidden(self, long i, long n, char *z, long stride, const hidden_rows *rows) noexcept nogil:
        """What follows hidden layer i's product where it does not at once: normalisation and activation."""
        cdef hidden_layer *layer = &self.hidden[i]
        cdef long width = self.layers[i].outputs
        cdef fm_after after
        cdef const char *biases = <const char *> self.layers[i].weights + self.layers[i].inputs * FM_PANEL_BYTES
        cdef long step = (self.layers[i].inputs + 1) * self.panel
        if layer.normalization == LAYER_NORM:
            self.kernels.layer_norm(n, width, z, stride, rows.normalized, rows.row_scales,
                                    self.layers[layer.gains].weights, biases, step, self.epsilon)
        elif layer.normalization == BATCH_NORM:
            self.kernels.batch_norm(n, width, z, stride, rows.normalized, rows.means, rows.scales,
                                    self.layers[layer.gains].weights, biases, step)
        if layer.function == PYTHON_FUNCTION:
            self._call_function(i, n, z, rows.slopes, stride)
        else:
            self._activation_of(i, &after)
            after.slopes, after.shapes = rows.slopes, rows.shapes
            self._apply(&after, n, width, z, stride)

    cdef void _gather(self, Rows rows, const int64_t *order, long start, long n, char *inputs,
                      long stride) noexcept nogil:
        self.kernels.gather[rows.source](
            rows.base + (0 if order != NULL else start * rows.row_bytes), rows.row_bytes,
            order + start if order != NULL else NULL, n, self.layers[0].inputs, inputs, stride)
        if self.input_is_scaled:
            self.kernels.standardize(n, self.layers[0].inputs, inputs, stride, self.input_means, self.input_scales)

    cdef fm_csr _csr_of(self, Rows rows, const int64_t *order, long start) noexcept nogil:
        cdef fm_csr csr = rows.csr
        if order != NULL:
            csr.order = order + start
        else:
            csr.indptr += start
        csr.scale = self.input_scales if self.input_is_scaled else NULL
        csr.mask = NULL
        return csr

    cdef void _enter_sparse(self, const fm_csr *csr, long n, char *out, long stride, const fm_after *after) noexcept nogil:
        self.kernels.sparse(n, self.layers[0].outputs, self.layers[0].inputs, csr, self.layers[0].weights,
                            self._is_biased(0), out, stride, after)

    cdef void _multiply(self, long i, long n, const char *a, char *out, long stride, const fm_after *after) noexcept nogil:
        """Layer i's product."""
        if self.layers[i].turned:
            self.kernels.dense_turned(n, &self.layers[i], a, stride, out)
            return
        self.kernels.dense(n, self.layers[i].outputs, self.layers[i].inputs, a, stride, self.layers[i].weights,
                           self.layers[i].inputs + 1, self._is_biased(i), out, stride, after)

    def forward(self, Rows rows not None, *, order=None, start=0, stop=None, out=None, n_threads=1, judged=False,
                linked=True):
        """Outputs of rows start to stop of X, or of X[order] where order is given; without linked before the link.

        n_threads share the rows; with judged fewer where there is little to do, and one after others were of no use.

        Returns
        -------
        out : ndarray of shape (stop - start, n_outputs)
        """
        cdef const int64_t[::1] order_view
        cdef const int64_t *order_at = NULL
        cdef long n = rows.n_rows, first = start, end
        cdef int team = team_size(n_threads)
        self._check(rows)
        if order is not None:
            order_view = order
            n = order_view.shape[0]
            order_at = &order_view[0] if n else NULL
        end = n if stop is None else stop
        if not 0 <= first <= end <= n:
            raise ValueError(f"expected 0 <= start <= stop <= {n}, got start={start} and stop={stop}")
        n = end - first
        if order_at != NULL and not are_within(order_at + first, n, rows.n_rows):
            raise ValueError(f"order must hold numbers of rows, from 0 to {rows.n_rows - 1}")
        if out is None:
            out = np.empty((n, self.n_outputs), dtype=self.dtype)
        elif not (is_plain(out) and out.dtype == self.dtype and out.shape == (n, self.n_outputs) and out.flags.writeable):
            raise ValueError(f"out must be a contiguous {self.dtype} array of shape {(n, self.n_outputs)}")
        self._outputs_of(rows, order_at, first, n, <char *> cnp.PyArray_DATA(out), self.n_outputs, team, judged, linked,
                         False)
        return out

    cdef bint _is_small(self, long n) noexcept nogil:
        """Whether a forward pass of n rows is done before another thread would have come."""
        return n * self.n_params < ROW_PARAMS_WITH_GIL or n <= CACHED_ROWS or self.runs_python

    cdef bint _outputs_of(self, Rows rows, const int64_t *order, long first, long n, char *to, long width,
                          int n_threads, bint judged, bint linked, bint check) except -1:
        """Writes the outputs of n rows to rows of width elements.

        With check, dense rows are looked through first: False, with some outputs missing, when one holds a number that
        is not finite.
        """
        cdef long i, widest = 0
        cdef char *buffer
        cdef forward_work work
        work.order, work.first, work.n, work.n_blocks = order, first, n, ceil_divide(n, CACHED_ROWS)
        work.out, work.width, work.linked, work.check = to, width, linked, check
        work.stride, work.share, work.taken, work.bad = min(n, CACHED_ROWS) | 1, work.n_blocks, 0, 0
        work.block_seconds, work.called, work.seconds, work.gain, work.alone = self.block_seconds, 0, 0, 0, 0
        n_threads = 1 if self._is_small(n) else max(1, min(n_threads, work.n_blocks))
        if n_threads > 1 and judged and predictions.alone(fm_seconds()):
            n_threads = 1
        for i in range(self.n_layers):
            widest = max(widest, self.layers[i].outputs)
            if i > 0 or not rows.is_sparse:
                widest = max(widest, self.layers[i].inputs)
        work.scratch_bytes = 2 * self._panels(widest) * work.stride * FM_PANEL_BYTES
        buffer = <char *> PyMem_RawMalloc(n_threads * work.scratch_bytes + FM_SLACK)
        if buffer == NULL:
            raise MemoryError(f"no memory for the activations of {n_threads} x {min(n, CACHED_ROWS)} rows")
        work.scratch = aligned(buffer, n_threads * work.scratch_bytes)
        if n * self.n_params < ROW_PARAMS_WITH_GIL:
            self._take_share(rows, &work, 0)
        else:
            with nogil:
                if n_threads == 1:
                    self._take_share(rows, &work, 0)
                else:
                    self._share_blocks(rows, &work, n_threads, judged)
        PyMem_RawFree(buffer)
        if n_threads > 1 and not work.bad:
            # The least there was, as far as that is not long ago: others may have disturbed the rest.
            self.block_seconds = min(work.block_seconds, 1.05 * self.block_seconds) or work.block_seconds
            if work.called != 0:
                predictions.note(work.seconds, work.gain, fm_seconds())
        self._raise_error()
        return not work.bad

    cdef void _share_blocks(self, Rows rows, forward_work *work, int n_threads, bint judged) noexcept nogil:
        """A forward pass with the help of other threads; with judged, of as many as its work is worth, as it shows."""
        cdef double least = 2.0 * self.n_params * CACHED_ROWS / MOST_FLOPS_PER_SECOND, start = fm_seconds(), ended
        cdef bint is_known = work.block_seconds > 0
        cdef long done = 0, n
        cdef int team = n_threads
        cdef fm_call call
        if not is_known:
            work.block_seconds = least
        if judged:
            team = 1
            if is_known or least > SECONDS_TO_MEASURE:
                team = threads_worthwhile(work.block_seconds * work.n_blocks, n_threads)
        work.share = 1
        while True:
            if team > 1 and work.called == 0:
                # Not so many that threads would end far apart.
                work.share = max(1, min(<long> (SECONDS_PER_SHARE / work.block_seconds),
                                        (work.n_blocks - done) // (6 * team)))
                work.called, work.alone = fm_seconds(), done
                call.function, call.network, call.rows, call.work = <fm_help_fn> _help, <void *> self, <void *> rows, work
                fm_call_helpers(&call, team - 1)
            n = self._take_share(rows, work, 0)
            if n == 0:
                break
            done += n
            if work.called == 0:
                work.block_seconds, is_known = (fm_seconds() - start) / done, True
                team = threads_worthwhile(work.block_seconds * (work.n_blocks - done), n_threads)
        ended = fm_seconds()
        if work.called != 0:
            fm_dismiss_helpers(&call)
            work.seconds = fm_seconds() - work.called
            if done > work.alone:
                least = (ended - work.called) / (done - work.alone)
                work.block_seconds = min(least, work.block_seconds) if is_known else least
            # What the caller would have needed for others' blocks, less what it waited for them.
            work.gain = work.block_seconds * (work.n_blocks - done) - (work.called + work.seconds - ended) - SECONDS_PER_CALL

    cdef int _raise_error(self) except -1:
        """Raises what a function in Python raised within the engine."""
        if self._errors:
            error = self._errors.pop(get_ident(), None)
            if error is not None:
                raise error
        return 0

    cdef long _take_share(self, Rows rows, forward_work *work, int number) noexcept nogil:
        """A share of the blocks that are left, up to one that check finds bad, the last that anybody takes.

        number is that of the thread in the pass. Returns how many blocks; 0 for no more.
        """
        cdef long block = fm_take(&work.taken, work.share), end = min(block + work.share, work.n_blocks), at
        cdef unsigned mode
        if block >= end:
            return 0
        mode = fm_denormals_flush()
        for at in range(block, end):
            if not self._forward_block(rows, work, at, work.scratch + number * work.scratch_bytes):
                fm_take(&work.bad, 1)
                fm_take(&work.taken, work.n_blocks)
                break
        fm_denormals_restore(mode)
        return end - block

    cdef bint _forward_block(self, Rows rows, const forward_work *work, long block, char *scratch) noexcept nogil:
        cdef long at = block * CACHED_ROWS, m = min(CACHED_ROWS, work.n - at), stride = work.stride, i
        cdef char *a = scratch + work.scratch_bytes // 2
        cdef char *z = scratch
        cdef hidden_rows kept
        cdef fm_after after
        cdef fm_csr csr
        if work.check and not self.kernels.finite(m * rows.n_features, rows.base + (work.first + at) * rows.row_bytes):
            return False
        for i in range(self.n_layers):
            self._after_layer(i, &after)
            if i == 0 and rows.is_sparse:
                csr = self._csr_of(rows, work.order, work.first + at)
                self._enter_sparse(&csr, m, z, stride, &after)
            else:
                if i == 0:
                    self._gather(rows, work.order, work.first + at, m, a, stride)
                else:
                    a, z = z, a
                self._multiply(i, m, a, z, stride, &after)
            if i < self.n_layers - 1 and not self._activates_at_once(i):
                memset(&kept, 0, sizeof(kept))
                kept.means, kept.scales = self.hidden[i].means, self.hidden[i].scales
                self._finish_hidden(i, m, z, stride, &kept)
        if work.linked:
            self.kernels.link[self.loss](m, self.n_outputs, z, stride)
        self.kernels.scatter(z, stride, m, self.n_outputs, work.out + at * work.width * self.itemsize,
                             work.width * self.itemsize)
        return True


cdef int _help(PackedNetwork network, Rows rows, forward_work *work, int number, double waited) noexcept nogil:
    """What a helper does at a time: a share.

    As long as it had to wait for a CPU it may have to wait again, and the caller with it: it leaves what is done by then.
    """
    if (work.n_blocks - fm_take(&work.taken, 0)) * work.block_seconds < waited:
        return 0
    return network._take_share(rows, work, number) > 0
