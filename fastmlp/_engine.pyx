# cython: boundscheck=False, cdivision=True, initializedcheck=False, freethreading_compatible=True
"""The native engine: packed networks, the fused training step, prediction.

Cython owns shapes, element types and threads; the C core (src_c/) owns one contiguous block on one core. A training step
has two phases with a barrier after each, whatever the depth of the network:

rows
    Each thread takes a slice of the minibatch through all layers, the loss, and back through all layers.
tiles
    Each thread takes a share of the weight tiles: gradient in registers, update rule, weight, transposed copy.

Nothing is summed in an order that depends on the number of threads, so the results do not depend on it either.
"""

import os

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy, memset
from numpy.random cimport bitgen_t

from fastmlp._native cimport (
    FM_BLOCK, FM_BLOCK_BYTES, FM_LINE_BYTES, FM_MAX_HYPER, FM_MAX_SLOTS, FM_PANEL_BYTES, FM_UNIT, bits_of,
    fm_activation_name, fm_after, fm_barrier, fm_barrier_wait, fm_bfloat16_choose,
    fm_bfloat16_name, fm_csr, fm_cpu_seconds, fm_denormals_flush,
    fm_denormals_restore, fm_isa_count, fm_isa_kernels, fm_isa_name, fm_isa_supported, fm_isa_vector_bytes, fm_kernels,
    fm_layer, fm_loss_link, fm_loss_name, fm_loss_settings, fm_loss_takes_classes, fm_rule_name, fm_rule_prepare,
    fm_rule_slots, fm_seconds, fm_source_codes, fm_step, real,
)

cnp.import_array()

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define FM_OPENMP _OPENMP
    static int fm_max_threads(void) { return omp_get_max_threads(); }
    static int fm_team_size(void) { return omp_get_num_threads(); }
    #else
    #define FM_OPENMP 0
    static int fm_max_threads(void) { return 1; }
    static int fm_team_size(void) { return 1; }
    #endif
    """
    const int FM_OPENMP
    int fm_max_threads() nogil
    int fm_team_size() nogil

# A run of the training loop comes back to Python after this long, so that Ctrl-C is seen.
cdef double RUN_SECONDS = 0.05
# A team whose threads get less than so much of the CPU time they could use, because other processes keep the CPUs busy, is
# slower than one thread, which goes on alone for a while. Judged from runs of so many seconds.
cdef double LEAST_CPU_SHARE = 0.75
cdef double JUDGED_SECONDS = 0.015
cdef double ALONE_SECONDS = 1.0
# A chunk of a batch holds at most this many rows, and this many floating-point operations per byte of vector width.
cdef long CHUNK_ROWS = 1024
cdef double CHUNK_FLOPS_PER_VECTOR_BYTE = 1.25e8
# Row blocks of a batch whose gradients are summed apart, see Trainer._choose_blocks: the most there are, and the work in
# each that is worth a thread.
cdef long MAX_BLOCKS = 4
cdef double FLOPS_PER_BLOCK = 1.5e6
# Rows that go through all layers together: the activations of a wide layer stay in the second-level cache.
cdef long CACHED_ROWS = 128
# The same for bfloat16 products, which are so fast that reading the weights counts.
cdef long CACHED_ROWS_BFLOAT16 = 256
# Rows times parameters that a forward pass does before it lets go of the GIL, about 10 us of work.
cdef long ROW_PARAMS_WITH_GIL = 500_000
# Floating-point operations of a forward pass between two looks for Ctrl-C.
FLOPS_PER_PIECE = 2e9


# ---------------------------------------------------------------------------------------------------------------------
# The tables of the C core
# ---------------------------------------------------------------------------------------------------------------------

ctypedef const char *(*_name_fn)(int) noexcept nogil


cdef tuple _names(_name_fn name_of):
    cdef int i = 0
    names = []
    while name_of(i) != NULL:
        names.append(name_of(i).decode())
        i += 1
    return tuple(names)


ACTIVATIONS = _names(fm_activation_name)
LOSSES = _names(fm_loss_name)
LOSS_LINKS = {name: fm_loss_link(i).decode() for i, name in enumerate(LOSSES)}
RULES = _names(fm_rule_name)
RULE_SLOTS = {name: fm_rule_slots(i) for i, name in enumerate(RULES)}
CLASS_TARGET_LOSSES = frozenset(name for i, name in enumerate(LOSSES) if fm_loss_takes_classes(i))
SOURCE_CODES = fm_source_codes().decode()
ISAS = tuple(fm_isa_name(i).decode() for i in range(fm_isa_count()))
SUPPORTED_ISAS = tuple(name for i, name in enumerate(ISAS) if fm_isa_supported(i))
OPENMP_VERSION = FM_OPENMP


def choose_isa(requested):
    """The instruction set to use: the widest the CPU has, or the one asked for by name.

    Raises ValueError when the name is unknown or the CPU lacks it.
    """
    if not requested:
        return SUPPORTED_ISAS[-1]
    if requested not in ISAS:
        raise ValueError(f"FASTMLP_ISA={requested!r} is not an instruction set of this build; known are {list(ISAS)}.")
    if requested not in SUPPORTED_ISAS:
        raise ValueError(f"FASTMLP_ISA={requested!r} is not supported by this CPU, which has {list(SUPPORTED_ISAS)}.")
    return requested


ISA = choose_isa(os.environ.get("FASTMLP_ISA", ""))


def bfloat16_product():
    """What multiplies bfloat16 numbers: "amx" or "avx512bf16"; "" where nothing does so faster than float32."""
    return fm_bfloat16_name().decode() if fm_isa_vector_bytes(ISAS.index(ISA)) == 64 else ""


def choose_bfloat16_product(name=None):
    """Decides what multiplies bfloat16 numbers from now on, in this process: by name, None for the fastest.

    Raises ValueError when this machine does not have it.
    """
    encoded = (name or "").encode()
    if not fm_bfloat16_choose(NULL if name is None else <const char *> encoded):
        raise ValueError(f"no products of bfloat16 numbers called {name!r} on this machine")


def max_threads():
    """The team size OpenMP would use now; OMP_NUM_THREADS and threadpoolctl set it."""
    return fm_max_threads()


cdef inline long _ceil(long n, long parts) noexcept nogil:
    # For n >= 0; // on C integers rounds towards zero.
    return (n + parts - 1) // parts


cdef inline char *_aligned(const void *memory) noexcept nogil:
    """The first 64-byte boundary in memory; whoever allocates it adds 64 bytes for it."""
    return <char *> ((<size_t> memory + 63) & ~<size_t> 63)


cdef int _isa_index(isa) except -1:
    return ISAS.index(choose_isa(isa) if isa is not None else ISA)


cdef int _bits(dtype) except -1:
    return {"float32": 32, "float64": 64}[np.dtype(dtype).name]


cdef int _source_index(dtype) except -1:
    return SOURCE_CODES.index(dtype.char)


cdef tuple _settle_loss(int loss, options, output_weights, long outputs, fm_loss_settings *settings):
    """Fills in what a loss is told; returns the arrays in it, which must live as long."""
    if output_weights is not None and fm_loss_takes_classes(loss):
        raise ValueError(f"output_weights are for losses with a matrix of targets, not for {LOSSES[loss]}")
    arrays = []
    for what, values in (("loss_options", options), ("output_weights", () if output_weights is None else output_weights)):
        array = np.array(values, dtype=np.float64, ndmin=1)
        if array.shape not in ((0,), (1,), (outputs,)):
            raise ValueError(f"{what} must be one number or one for each of the {outputs} outputs, got {values!r}")
        arrays.append(np.array(np.broadcast_to(array, outputs)) if array.size else None)
    settings.options = NULL if arrays[0] is None else <const double *> cnp.PyArray_DATA(arrays[0])
    settings.output_weights = NULL if arrays[1] is None else <const double *> cnp.PyArray_DATA(arrays[1])
    return tuple(arrays)


# ---------------------------------------------------------------------------------------------------------------------
# Where rows come from
# ---------------------------------------------------------------------------------------------------------------------

cdef class Rows:
    """The rows of X, read in place: a 2-D array whose rows are contiguous, of any source type, or a CSR matrix.

    A CSR matrix has its indices sorted and without duplicates, int32 indices, int64 indptr, and data of the compute
    type. X must stay unchanged for as long as this object is used.
    """

    cdef object _keep
    cdef const char *base
    cdef Py_ssize_t row_bytes
    cdef int source
    cdef bint is_sparse
    cdef fm_csr csr
    cdef readonly long n_rows
    cdef readonly long n_features

    def __init__(self, X):
        cdef const int64_t[::1] indptr
        cdef const int32_t[::1] indices
        self.n_rows, self.n_features = X.shape
        self.csr.order = NULL
        self.is_sparse = not isinstance(X, np.ndarray)
        if self.is_sparse:
            indptr, indices = X.indptr, X.indices
            self._keep = (X.indptr, X.indices, X.data)
            self.csr.indptr = &indptr[0]
            self.csr.indices = &indices[0] if indices.shape[0] else NULL
            self.csr.data = cnp.PyArray_DATA(X.data)
            self.source = _source_index(X.data.dtype)
        else:
            # NumPy gives arrays without elements any strides.
            contiguous = X.size == 0 or X.shape[1] == 1 or X.strides[1] == X.itemsize
            if not contiguous or not X.flags.aligned or not X.dtype.isnative:
                raise ValueError("X must have contiguous, aligned rows in native byte order.")
            self._keep = X
            self.source = _source_index(X.dtype)
            self.base = <const char *> cnp.PyArray_DATA(X)
            self.row_bytes = X.strides[0]


# ---------------------------------------------------------------------------------------------------------------------
# The order of rows
# ---------------------------------------------------------------------------------------------------------------------

def shuffled(const int64_t[::1] rows, random_state, Py_ssize_t n_times=1):
    """rows[p], p being numpy.arange(len(rows)) after random_state.shuffle(p), from the same random numbers.

    The RandomState ends up as after its own shuffle, which takes twice as long: most of its time goes into mispredicted
    branches on rejected draws, so here the draws are made without branches first and the swaps after them.

    Returns
    -------
    orders : ndarray of shape (n_times, len(rows)), int64
        Each is the one before, shuffled; the first is rows, shuffled.
    """
    cdef long n = rows.shape[0], time
    generator = random_state._bit_generator
    cdef bitgen_t *source = <bitgen_t *> PyCapsule_GetPointer(generator.capsule, "BitGenerator")
    if n > 0xffffffff:
        raise ValueError(f"cannot shuffle {n} rows")
    orders_array, swaps_array = np.empty((n_times, n), dtype=np.int64), np.empty(max(1, n), dtype=np.uint32)
    cdef int64_t[:, ::1] orders = orders_array
    cdef uint32_t[::1] swaps = swaps_array
    if n:
        with generator.lock, nogil:
            for time in range(n_times):
                memcpy(&orders[time, 0], &orders[time - 1, 0] if time else &rows[0], n * sizeof(int64_t))
                _shuffle(n, &orders[time, 0], &swaps[0], source)
    return orders_array


cdef void _shuffle(long n, int64_t *order, uint32_t *swaps, bitgen_t *source) noexcept nogil:
    cdef long i
    cdef uint32_t mask = 1, draw, limit = n - 1
    cdef int64_t kept
    # As NumPy: for i = n - 1 ... 1, a number in [0, i] by masking a draw and rejecting what is larger.
    while mask < limit:
        mask = mask << 1 | 1
    while limit > 0:
        while mask >> 1 >= limit:
            mask >>= 1
        draw = source.next_uint32(source.state) & mask
        swaps[limit] = draw
        limit -= draw <= limit
    for i in range(n - 1, 0, -1):
        kept = order[i]
        order[i] = order[swaps[i]]
        order[swaps[i]] = kept


# ---------------------------------------------------------------------------------------------------------------------
# Networks
# ---------------------------------------------------------------------------------------------------------------------

cdef class PackedNetwork:
    """A network's weights in the packed layout of src_c/fastmlp.h, ready for forward passes.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, input and output included.
    activation, loss : str
        Names from ACTIVATIONS and LOSSES; the loss decides the output's link.
    dtype : float32 or float64
    isa : str, default=None
        Instruction set; None is ISA.
    """

    cdef const fm_kernels *kernels
    cdef list _buffers
    cdef readonly object dtype
    cdef int source
    cdef long itemsize
    cdef long panel
    cdef long vector_bytes
    cdef int activation
    cdef int loss
    cdef readonly long n_layers
    cdef readonly long n_params
    cdef readonly long n_outputs
    cdef fm_layer *layers

    def __init__(self, sizes, activation, loss, dtype, *, isa=None):
        cdef int isa_index = _isa_index(isa)
        cdef long i
        self._buffers = []
        self.dtype = np.dtype(dtype)
        self.kernels = fm_isa_kernels(isa_index, _bits(dtype))
        self.source = _source_index(self.dtype)
        self.itemsize = self.dtype.itemsize
        self.panel = FM_PANEL_BYTES // self.itemsize
        self.vector_bytes = fm_isa_vector_bytes(isa_index)
        self.activation = ACTIVATIONS.index(activation)
        self.loss = LOSSES.index(loss)
        self.n_layers = len(sizes) - 1
        self.n_params = 0
        self.layers = <fm_layer *> self._zeros(self.n_layers * sizeof(fm_layer))
        for i in range(self.n_layers):
            self.layers[i].inputs = sizes[i]
            self.layers[i].outputs = sizes[i + 1]
            self.layers[i].weights = self._zeros(self._packed_bytes(i))
            self.n_params += (sizes[i] + 1) * sizes[i + 1]
        self.n_outputs = sizes[self.n_layers]

    cdef char *_zeros(self, Py_ssize_t n_bytes) except NULL:
        """64-byte aligned zeroed memory that lives as long as this object."""
        buffer = np.zeros(n_bytes + 64, dtype=np.uint8)
        self._buffers.append(buffer)
        return _aligned(cnp.PyArray_DATA(buffer))

    cdef long _panels(self, long width) noexcept nogil:
        return _ceil(width, self.panel)

    cdef Py_ssize_t _packed_bytes(self, long i) noexcept nogil:
        return self._panels(self.layers[i].outputs) * (self.layers[i].inputs + 1) * FM_PANEL_BYTES

    cdef Py_ssize_t _flat_bytes(self, long i) noexcept nogil:
        return (self.layers[i].inputs + 1) * self.layers[i].outputs * self.itemsize

    cdef const char *_flat(self, params) except NULL:
        if params.dtype != self.dtype or params.shape != (self.n_params,) or not params.flags.c_contiguous:
            raise ValueError(f"expected a contiguous {self.dtype} vector of {self.n_params} parameters")
        return <const char *> cnp.PyArray_DATA(params)

    cdef void _pack(self, long i, const char *flat, void *packed) noexcept nogil:
        # In the flat vector a layer is one row-major matrix of inputs + 1 rows, the last of them the biases.
        cdef long rows = self.layers[i].inputs + 1, width = self.layers[i].outputs
        self.kernels.gather[self.source](flat, width * self.itemsize, NULL, rows, width, packed, rows)

    def _check(self, Rows rows):
        if rows.n_features != self.layers[0].inputs:
            raise ValueError(f"X has {rows.n_features} features, the network {self.layers[0].inputs}")
        if rows.is_sparse and rows.source != self.source:
            raise ValueError(f"the data of a CSR matrix must be {self.dtype}, as the network is")

    cdef void _unpack(self, long i, const void *packed, char *flat) noexcept nogil:
        cdef long rows = self.layers[i].inputs + 1, width = self.layers[i].outputs
        self.kernels.scatter(packed, rows, rows, width, flat, width * self.itemsize)

    def load(self, params):
        """Takes the parameters from a flat vector: per layer the (inputs, outputs) weights, then the biases."""
        cdef const char *flat = self._flat(params)
        cdef long i
        for i in range(self.n_layers):
            self._pack(i, flat, self.layers[i].weights)
            flat += self._flat_bytes(i)

    def store(self, params):
        """Writes the parameters to a flat vector."""
        cdef char *flat = <char *> self._flat(params)
        cdef long i
        for i in range(self.n_layers):
            self._unpack(i, self.layers[i].weights, flat)
            flat += self._flat_bytes(i)

    cdef fm_after _after_layer(self, long i) noexcept nogil:
        """What follows layer i's product: the activation, but for the last layer, whose link goes with the loss."""
        cdef fm_after after
        after.activate = self.kernels.activate[self.activation] if i < self.n_layers - 1 else NULL
        after.derivative = NULL
        after.a = NULL
        return after

    cdef void _gather(self, Rows rows, const int64_t *order, long start, long n, char *inputs,
                      long stride) noexcept nogil:
        self.kernels.gather[rows.source](
            rows.base + (0 if order != NULL else start * rows.row_bytes), rows.row_bytes,
            order + start if order != NULL else NULL, n, self.layers[0].inputs, inputs, stride)

    cdef void _enter(self, Rows rows, const int64_t *order, long start, long n, char *inputs, char *out,
                     long stride) noexcept nogil:
        """The first layer's outputs of n rows, start the first of them; inputs is where they are gathered."""
        cdef fm_csr csr = rows.csr
        cdef fm_after after = self._after_layer(0)
        if rows.is_sparse:
            if order != NULL:
                csr.order = order + start
            else:
                csr.indptr += start
            self.kernels.sparse(n, self.layers[0].outputs, self.layers[0].inputs, &csr, self.layers[0].weights, out,
                                stride, &after)
        else:
            self._gather(rows, order, start, n, inputs, stride)
            self.kernels.dense(n, self.layers[0].outputs, self.layers[0].inputs, inputs, stride,
                               self.layers[0].weights, 1, out, stride, &after)

    def forward(self, Rows rows not None, *, order=None, start=0, stop=None, out=None, n_threads=1):
        """Outputs, link applied, of rows start to stop of X, or of X[order] where order is given.

        Returns
        -------
        out : ndarray of shape (stop - start, n_outputs)
        """
        cdef const int64_t[::1] order_view
        cdef const int64_t *order_at = NULL
        cdef long n, first = start
        self._check(rows)
        if order is not None:
            order_view = order
            order_at = &order_view[0] if order_view.shape[0] else NULL
        n = (stop if stop is not None else (order_view.shape[0] if order is not None else rows.n_rows)) - first
        if out is None:
            out = np.empty((n, self.n_outputs), dtype=self.dtype)
        self._outputs_of(rows, order_at, first, n, <char *> cnp.PyArray_DATA(out), self.n_outputs, n_threads, False)
        return out

    cdef bint _outputs_of(self, Rows rows, const int64_t *order, long first, long n, char *to, long width,
                          int n_threads, bint check) except -1:
        """Writes the outputs of n rows to rows of width elements.

        With check, dense rows are looked through first: False, with some outputs missing, when one holds a number that
        is not finite.
        """
        cdef long i, slice_, widest = 0, stride = min(n, CACHED_ROWS) | 1
        cdef long n_blocks = _ceil(n, CACHED_ROWS), n_slices = max(1, min(n_threads, n_blocks))
        cdef Py_ssize_t half, slice_bytes
        cdef char *buffer
        cdef char *scratch
        cdef int bad = 0
        for i in range(self.n_layers):
            widest = max(widest, self.layers[i].outputs)
            if i > 0 or not rows.is_sparse:
                widest = max(widest, self.layers[i].inputs)
        half = self._panels(widest) * stride * FM_PANEL_BYTES
        slice_bytes = 2 * half
        buffer = <char *> PyMem_RawMalloc(n_slices * slice_bytes + 64)
        if buffer == NULL:
            raise MemoryError(f"no memory for the activations of {n_slices} x {min(n, CACHED_ROWS)} rows")
        scratch = _aligned(buffer)
        if n * self.n_params < ROW_PARAMS_WITH_GIL:
            bad = not self._forward_blocks(rows, order, first, n, 0, n_blocks, stride, half, scratch, to, width, check)
        elif n_slices == 1:
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                bad = not self._forward_blocks(rows, order, first, n, 0, n_blocks, stride, half, scratch, to, width,
                                               check)
        else:
            for slice_ in prange(n_slices, nogil=True, num_threads=n_slices, schedule="static", chunksize=1):
                bad |= not self._forward_blocks(rows, order, first, n, n_blocks * slice_ // n_slices,
                                                n_blocks * (slice_ + 1) // n_slices, stride, half,
                                                scratch + slice_ * slice_bytes, to, width, check)
        PyMem_RawFree(buffer)
        return not bad

    cdef bint _forward_blocks(self, Rows rows, const int64_t *order, long first, long n, long block, long end,
                              long stride, Py_ssize_t half, char *scratch, char *out, long width,
                              bint check) noexcept nogil:
        """Blocks block to end, until one that check finds bad."""
        cdef unsigned mode = fm_denormals_flush()
        cdef bint good = True
        while good and block < end:
            good = self._forward_block(rows, order, first, n, block, stride, half, scratch, out, width, check)
            block += 1
        fm_denormals_restore(mode)
        return good

    cdef bint _forward_block(self, Rows rows, const int64_t *order, long first, long n, long block, long stride,
                             Py_ssize_t half, char *scratch, char *out, long width, bint check) noexcept nogil:
        cdef long at = block * CACHED_ROWS, m = min(CACHED_ROWS, n - at), i
        cdef char *a = scratch + half
        cdef char *z = scratch
        cdef fm_after after
        if check and not self.kernels.finite(m * rows.n_features, rows.base + (first + at) * rows.row_bytes):
            return False
        self._enter(rows, order, first + at, m, a, z, stride)
        for i in range(1, self.n_layers):
            a, z = z, a
            after = self._after_layer(i)
            self.kernels.dense(m, self.layers[i].outputs, self.layers[i].inputs, a, stride, self.layers[i].weights, 1, z,
                               stride, &after)
        self.kernels.link[self.loss](m, self.n_outputs, z, stride)
        self.kernels.scatter(z, stride, m, self.n_outputs, out + at * width * self.itemsize, width * self.itemsize)
        return True


cdef class Predictor(PackedNetwork):
    """A packed network that is called with samples: ``predictor(X)``.

    X is a C-contiguous array of shape (n_samples, n_features) and of the network's type; shape and type are all that is
    checked. May be called from many Python threads at once.

    Parameters
    ----------
    sizes, activation, loss, dtype, isa
        As for PackedNetwork.
    form : {"columns", "flat", "pair"}
        What a call returns: the outputs, shape (n_samples, n_outputs); for a single output also the outputs, shape
        (n_samples,), or with p the output the columns 1 - p and p.
    team_size : callable
        Given a number of floating-point operations, the number of threads to share them.
    flops_alone : float
        So few of them need not be shared: team_size is not asked.
    """

    cdef int form
    cdef int type_number
    cdef object team_size
    cdef double flops_alone

    def __init__(self, sizes, activation, loss, dtype, *, form="columns", team_size, flops_alone, isa=None):
        super().__init__(sizes, activation, loss, dtype, isa=isa)
        self.form = ("columns", "flat", "pair").index(form)
        if self.form and self.n_outputs != 1:
            raise ValueError(f"form={form!r} is for one output, the network has {self.n_outputs}")
        self.type_number = self.dtype.num
        self.team_size = team_size
        self.flops_alone = flops_alone

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
        cdef double flops = 2.0 * n * self.n_params
        cdef Rows rows = Rows.__new__(Rows)
        cdef int n_threads = 1
        shape[0], shape[1] = n, 2 if self.form == 2 else self.n_outputs
        out = cnp.PyArray_EMPTY(1 if self.form == 1 else 2, shape, self.type_number, False)
        to = <char *> cnp.PyArray_DATA(out)
        rows.base = <const char *> cnp.PyArray_DATA(X)
        rows.row_bytes = self.layers[0].inputs * self.itemsize
        rows.source = self.source
        rows.n_rows, rows.n_features = n, self.layers[0].inputs
        if flops > self.flops_alone:
            n_threads = self.team_size(flops)
        if n > piece:
            # As many rows at a time as let Ctrl-C through, and a NaN not be found late.
            piece = max(piece, <cnp.npy_intp> (FLOPS_PER_PIECE / (2.0 * self.n_params)))
        while start < n:
            stop = min(n, start + piece)
            if not self._outputs_of(rows, NULL, start, stop - start, to + start * shape[1] * self.itemsize, shape[1],
                                    n_threads, check):
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


cdef class Trainer(PackedNetwork):
    """A packed network with what training needs: activations, deltas, slots of the update rule, transposed weights.

    Parameters
    ----------
    rule : str
        Update rule, from RULES. "gradient" leaves the weights alone and puts the gradient into slot 0.
    max_batch : int
        Rows of the largest batch that will be run.
    n_threads : int
        Threads of the team. The results do not depend on it.
    bfloat16 : bool, default=False
        Whether the operands of all products, but for those with CSR input, are rounded to bfloat16. Sums, weights and
        all else stay float32, which dtype must be.
    loss_options : float or sequence of float, default=()
        The number that the loss has, for all outputs or for each; () for its default.
    output_weights : sequence of float, default=None
        What each output's loss counts, for losses with a matrix of targets.
    """

    cdef int rule
    cdef fm_loss_settings loss_settings
    cdef tuple _loss_arrays
    cdef bint bfloat16
    cdef long grain
    cdef char **columns
    cdef char **right
    cdef char **left
    cdef Py_ssize_t left_bytes
    cdef long row_blocks
    cdef readonly int n_threads
    cdef double flops_per_row
    cdef long chunk
    cdef long stride
    cdef char **activations
    cdef char **deltas
    cdef double **squares
    cdef double *row_losses
    cdef int64_t *cursors
    cdef long n_blocks
    cdef long block_rows
    cdef void **block_sums
    cdef long *unit_cost
    cdef long total_cost
    # what attach() and begin() set
    cdef Rows rows
    cdef object _keep
    cdef const void *targets
    cdef const double *weights
    cdef const int64_t *order
    cdef long n_rows
    cdef long n_passes
    cdef long batch_size
    cdef double l2
    cdef double hyper[8]
    cdef double tiny
    cdef const double *weight_sums
    cdef const int64_t *step_numbers
    cdef object _batch_arrays
    # where the run stands
    cdef long position
    cdef bint stop
    cdef double deadline
    cdef double team_seconds
    cdef double team_cpu_seconds
    cdef double alone_until
    cdef readonly long step_count
    cdef object _loss_sums
    cdef double *loss_sums
    cdef double batch_loss
    cdef bint pending
    cdef fm_barrier barrier
    cdef double pending_weight
    cdef long pending_rows
    cdef long pending_pass

    def __init__(self, sizes, activation, loss, dtype, *, rule, max_batch, n_threads=1, bfloat16=False, loss_options=(),
                 output_weights=None, isa=None):
        super().__init__(sizes, activation, loss, dtype, isa=isa)
        self._loss_arrays = _settle_loss(
            self.loss, loss_options, output_weights, self.n_outputs, &self.loss_settings)
        cdef long i, j
        cdef double rows
        if bfloat16 and self.dtype != np.float32:
            raise ValueError(f"bfloat16 products go with float32, not {self.dtype}")
        self.bfloat16 = bfloat16
        # The units of the update that stay together: a block of inputs is rounded as a whole.
        self.grain = FM_BLOCK // FM_UNIT if bfloat16 else 1
        self.rule = RULES.index(rule)
        self.tiny = np.finfo(self.dtype).tiny
        self.n_threads = n_threads
        self.flops_per_row = 6.0 * self.n_params
        rows = CHUNK_FLOPS_PER_VECTOR_BYTE * self.vector_bytes / self.flops_per_row
        self.chunk = max(1, min(max_batch, min(CHUNK_ROWS, <long> max(32.0, rows))))
        if bfloat16 and self.chunk > FM_BLOCK:
            self.chunk -= self.chunk % FM_BLOCK
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        self.stride = self.chunk | 1
        self.activations = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.deltas = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.squares = <double **> self._zeros(self.n_layers * sizeof(double *))
        self.row_losses = <double *> self._zeros(self.chunk * sizeof(double))
        self.unit_cost = <long *> self._zeros(self.n_layers * sizeof(long))
        self._choose_blocks(max_batch)
        if self.n_blocks:
            self.block_rows = _ceil(max_batch, self.n_blocks)
            self.block_sums = <void **> self._zeros(self.n_layers * self.n_blocks * sizeof(void *))
        self.total_cost = 0
        if bfloat16:
            self.row_blocks = _ceil(self.chunk, FM_BLOCK)
            self.columns = <char **> self._zeros(self.n_layers * sizeof(char *))
            self.right = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
            self.left = <char **> self._zeros(n_threads * sizeof(char *))
            self._allocate_left(max(sizes[1:]))
        for i in range(self.n_layers):
            self.squares[i] = <double *> self._zeros(
                self._panels(self.layers[i].outputs) * self._units(i) * sizeof(double))
            self.activations[i + 1] = self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if i < self.n_layers - 1:
                self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if bfloat16:
                self._allocate_rounded(i)
            elif i > 0:
                self.layers[i].transposed = self._zeros(
                    self._panels(self.layers[i].inputs) * self.layers[i].outputs * FM_PANEL_BYTES)
            if max_batch > self.chunk:
                self.layers[i].sums = self._zeros(self._packed_bytes(i))
            for j in range(fm_rule_slots(self.rule)):
                self.layers[i].slots[j] = self._zeros(self._packed_bytes(i))
            for j in range(self.n_blocks):
                self.block_sums[i * self.n_blocks + j] = self._zeros(self._packed_bytes(i))
            # Vectors a unit's tile is wide.
            self.unit_cost[i] = _ceil(min(self.panel, self.layers[i].outputs) * self.itemsize, self.vector_bytes)
            self.total_cost += self._panels(self.layers[i].outputs) * self._grains(i) * self.unit_cost[i]

    cdef int _allocate_left(self, long width) except -1:
        """Rows on their way into a product, for each thread."""
        cdef Py_ssize_t n_bytes = self._panels(width) * CACHED_ROWS_BFLOAT16 * FM_LINE_BYTES
        cdef long j
        if n_bytes > self.left_bytes:
            self.left_bytes = n_bytes
            for j in range(self.n_threads):
                self.left[j] = self._zeros(n_bytes)
        return 0

    cdef int _allocate_rounded(self, long i) except -1:
        """Layer i's weights, activations and deltas as operands of bfloat16 products."""
        cdef long inputs = self._panels(self.layers[i].inputs), outputs = self._panels(self.layers[i].outputs)
        self.layers[i].rounded = self._zeros(inputs * outputs * FM_BLOCK_BYTES)
        self.right[i + 1] = self._zeros(outputs * self.row_blocks * FM_BLOCK_BYTES)
        if i > 0:
            self.layers[i].rounded_transposed = self._zeros(inputs * outputs * FM_BLOCK_BYTES)
            self.columns[i] = self._zeros(inputs * self.row_blocks * FM_BLOCK_BYTES)
        return 0

    cdef void _choose_blocks(self, long max_batch) noexcept:
        """Into how many row blocks, if any, the gradient is split.

        Each block's gradient is summed by the thread that has the block's activations in its cache; the tile phase then
        adds up a few finished sums instead of reading every thread's activations and deltas. That pays where these are
        larger than the sums. It changes the order of the additions, so it depends on the network and the batch, never
        on the threads. Sums are added in pairs of blocks, then the pairs in their order; a thread that has both of a pair
        adds them as it makes them.
        """
        cdef Py_ssize_t sums = 0, values = 0
        cdef long i, n = min(MAX_BLOCKS, <long> (max_batch * self.flops_per_row / FLOPS_PER_BLOCK))
        for i in range(self.n_layers):
            sums += self._packed_bytes(i)
            values += (self._panels(self.layers[i].inputs) + self._panels(self.layers[i].outputs)) * FM_PANEL_BYTES
        if self.bfloat16 or n < 2 or max_batch > self.chunk or 2 * n * sums > values * max_batch:
            n = 0
        self.n_blocks = n

    cdef long _units(self, long i) noexcept nogil:
        return _ceil(self.layers[i].inputs, FM_UNIT)

    cdef long _grains(self, long i) noexcept nogil:
        return _ceil(self._units(i), self.grain)

    cdef Py_ssize_t _block_bytes(self, long width) noexcept nogil:
        return self._panels(width) * self.stride * FM_PANEL_BYTES

    def load(self, params, slots=()):
        """Takes the parameters, and the rule's state, from flat vectors."""
        cdef const char *flat
        cdef long i, j
        super().load(params)
        for i in range(self.n_layers):
            if self.bfloat16:
                self.kernels.round_layer(&self.layers[i])
            elif i > 0:
                self.kernels.pack_transposed(self.layers[i].weights, self.layers[i].inputs, self.layers[i].outputs,
                                             self.layers[i].transposed)
        for j, slot in enumerate(slots):
            flat = self._flat(slot)
            for i in range(self.n_layers):
                self._pack(i, flat, self.layers[i].slots[j])
                flat += self._flat_bytes(i)

    def store(self, params, slots=()):
        """Writes the parameters (unless None), and the rule's state, to flat vectors."""
        cdef char *flat
        cdef long i, j
        if params is not None:
            super().store(params)
        for j, slot in enumerate(slots):
            flat = <char *> self._flat(slot)
            for i in range(self.n_layers):
                self._unpack(i, self.layers[i].slots[j], flat)
                flat += self._flat_bytes(i)

    def attach(self, Rows rows not None, targets, weights=None):
        """Names the data: X, targets, and sample weights or None.

        Targets are int32 class numbers of shape (n,) for the losses in CLASS_TARGET_LOSSES, else an array of the compute
        type of shape (n, n_outputs). Weights are float64 of shape (n,).
        """
        classes = fm_loss_takes_classes(self.loss)
        expected = (np.dtype(np.int32), (rows.n_rows,)) if classes else (self.dtype, (rows.n_rows, self.n_outputs))
        if (targets.dtype, targets.shape) != expected or not targets.flags.c_contiguous:
            raise ValueError(f"expected contiguous targets of type and shape {expected}")
        self._check(rows)
        if weights is not None and (weights.dtype != np.float64 or weights.shape != (rows.n_rows,)
                                    or not weights.flags.c_contiguous):
            raise ValueError(f"expected {rows.n_rows} contiguous float64 weights")
        # Training on CSR rows does not keep the first layer's rounded weights in step.
        if self.bfloat16 and not rows.is_sparse and self.rows is not None and self.rows.is_sparse:
            self.kernels.round_layer(&self.layers[0])
        self.rows = rows
        self._keep = (targets, weights)
        self.targets = cnp.PyArray_DATA(targets)
        self.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
        if rows.is_sparse:
            if self.cursors == NULL:
                self.cursors = <int64_t *> self._zeros(self.n_threads * self.chunk * sizeof(int64_t))
        elif self.activations[0] == NULL:
            self.activations[0] = self._zeros(self._block_bytes(self.layers[0].inputs))
            if self.bfloat16:
                self.columns[0] = self._zeros(self._panels(self.layers[0].inputs) * self.row_blocks * FM_BLOCK_BYTES)
                self._allocate_left(self.layers[0].inputs)

    def begin(self, const int64_t[:, ::1] orders, long batch_size, double l2, hyper, long step_count):
        """Starts passes, one for each of the orders, over the rows it names, in minibatches; run() until it returns True.

        hyper holds the rule's hyperparameters in the order updates.def gives; step_count the updates made before.
        A minibatch whose weights are all zero is passed over.
        """
        cdef int i
        self.n_passes, self.n_rows = orders.shape[0], orders.shape[1]
        self.order = &orders[0, 0] if self.n_passes * self.n_rows else NULL
        self.batch_size = batch_size
        self.l2 = l2
        memset(self.hyper, 0, sizeof(self.hyper))
        if len(hyper) > FM_MAX_HYPER:
            raise ValueError(f"a rule has at most {FM_MAX_HYPER} hyperparameters, got {len(hyper)}")
        for i, value in enumerate(hyper):
            # A denormal number would count as zero in the engine.
            self.hyper[i] = self.tiny if 0 < value < self.tiny else value
        self.step_count = step_count
        self.position = 0
        self._loss_sums = np.zeros(self.n_passes)
        self.loss_sums = <double *> cnp.PyArray_DATA(self._loss_sums)
        self.pending = False
        orders_array = np.asarray(orders)
        if self.weights == NULL:
            self._batch_arrays = (orders_array,)
            self.weight_sums = NULL
        else:
            sums = np.add.reduceat(self._keep[1][orders_array], np.arange(0, self.n_rows, batch_size), axis=1).ravel()
            numbers = step_count + np.cumsum(sums != 0)
            self._batch_arrays = (orders_array, sums, numbers)
            self.weight_sums = <const double *> cnp.PyArray_DATA(sums)
            self.step_numbers = <const int64_t *> cnp.PyArray_DATA(numbers)

    def run(self):
        """Goes on with the passes for a short while; True when they are complete."""
        if self.position >= self.n_passes * self.n_rows:
            return True
        cdef double now = fm_seconds()
        self.stop = False
        self.deadline = now + RUN_SECONDS
        with nogil:
            if self.n_threads == 1 or now < self.alone_until:
                self._steps_alone()
            else:
                self.team_seconds -= now
                self.team_cpu_seconds -= fm_cpu_seconds()
                self._steps_as_team()
                self.team_cpu_seconds += fm_cpu_seconds()
                self.team_seconds += fm_seconds()
                self._judge_team()
        self._fold()
        return self.position >= self.n_passes * self.n_rows

    def losses(self):
        """The mean loss of each pass that is complete: of its batches' losses, weighted by their lengths."""
        return (self._loss_sums[: self.position // self.n_rows] / self.n_rows).tolist() if self.n_rows else []

    cdef void _steps_alone(self) noexcept nogil:
        # Without OpenMP: a process forked from one that had a team must not enter it.
        cdef unsigned mode = fm_denormals_flush()
        cdef long start = self.position
        cdef int slice_
        while not self.stop:
            for slice_ in range(self.n_threads):
                self._row_phase(slice_, start)
            for slice_ in range(self.n_threads):
                self._tile_phase(slice_, start)
            start = self._chunk_end(start)
        fm_denormals_restore(mode)

    cdef void _judge_team(self) noexcept nogil:
        """Sends the team away for a while when other processes keep it from running."""
        if self.team_seconds > JUDGED_SECONDS:
            if self.team_cpu_seconds < LEAST_CPU_SHARE * self.n_threads * self.team_seconds:
                self.alone_until = fm_seconds() + ALONE_SECONDS
            self.team_seconds = self.team_cpu_seconds = 0

    cdef void _steps_as_team(self) noexcept nogil:
        cdef unsigned mode = 0
        cdef long start = 0
        cdef int slice_, team = 0
        with parallel(num_threads=self.n_threads):
            # A prange within a parallel block ends without a barrier; the team may be smaller than asked for.
            team = fm_team_size()
            mode = fm_denormals_flush()
            start = self.position
            while True:
                for slice_ in prange(self.n_threads, schedule="static", chunksize=1):
                    self._row_phase(slice_, start)
                fm_barrier_wait(&self.barrier, team)
                for slice_ in prange(self.n_threads, schedule="static", chunksize=1):
                    self._tile_phase(slice_, start)
                fm_barrier_wait(&self.barrier, team)
                start = self._chunk_end(start)
                if self.stop:
                    break
            fm_denormals_restore(mode)

    # A start is a position in all orders, one after another; so is the number of a batch.

    cdef long _batch_start(self, long start) noexcept nogil:
        return start - start % self.n_rows % self.batch_size

    cdef long _batch_end(self, long start) noexcept nogil:
        return min((start // self.n_rows + 1) * self.n_rows, self._batch_start(start) + self.batch_size)

    cdef long _batch_of(self, long start) noexcept nogil:
        return start // self.n_rows * _ceil(self.n_rows, self.batch_size) + start % self.n_rows // self.batch_size

    cdef long _chunk_end(self, long start) noexcept nogil:
        return min(self._batch_end(start), start + self.chunk)

    cdef double _batch_weight(self, long start) noexcept nogil:
        if self.weight_sums != NULL:
            return self.weight_sums[self._batch_of(start)]
        return self._batch_end(start) - self._batch_start(start)

    cdef void _row_phase(self, int slice_, long start) noexcept nogil:
        # Whole blocks of rows with bfloat16: two threads must not write the two halves of a pair.
        cdef long together = FM_BLOCK if self.bfloat16 else 1
        cdef long cached = CACHED_ROWS_BFLOAT16 if self.bfloat16 else CACHED_ROWS
        cdef long m = self._chunk_end(start) - start, groups = _ceil(m, together), block, low, high, end
        if slice_ == 0:
            self._fold()
        if self._batch_weight(start) == 0:
            return
        if not self.n_blocks:
            low = groups * slice_ // self.n_threads * together
            high = min(m, groups * (slice_ + 1) // self.n_threads * together)
            while low < high:
                end = min(high, low + cached)
                if self.bfloat16:
                    self._forward_and_back_rounded(slice_, start, low, end)
                else:
                    self._forward_and_back(start, low, end)
                low = end
            return
        for block in range(self.n_blocks * slice_ // self.n_threads, self.n_blocks * (slice_ + 1) // self.n_threads):
            low, high = min(m, block * self.block_rows), min(m, (block + 1) * self.block_rows)
            if low < high:
                self._forward_and_back(start, low, high)
                self._sum_block(slice_, start, block, low, high)

    cdef void _forward_and_back(self, long start, long low, long high) noexcept nogil:
        """Rows low to high of the chunk that begins at start: activations, losses and deltas of all layers."""
        cdef long n = high - low, stride = self.stride, i
        cdef fm_after after
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef const fm_kernels *kernels = self.kernels
        cdef char *inputs_at = self.activations[0] + offset if self.activations[0] != NULL else NULL
        if n == 0:
            return
        self._enter(self.rows, self.order, start + low, n, inputs_at, self.activations[1] + offset, stride)
        for i in range(1, self.n_layers):
            after = self._after_layer(i)
            kernels.dense(n, self.layers[i].outputs, self.layers[i].inputs, self.activations[i] + offset, stride,
                          self.layers[i].weights, 1, self.activations[i + 1] + offset, stride, &after)
        self._losses(start, low, n)
        after.activate = NULL
        after.derivative = kernels.derivative[self.activation]
        for i in range(self.n_layers - 1, 0, -1):
            after.a = self.activations[i] + offset
            kernels.dense(n, self.layers[i].inputs, self.layers[i].outputs, self.deltas[i + 1] + offset, stride,
                          self.layers[i].transposed, 0, self.deltas[i] + offset, stride, &after)

    cdef void _losses(self, long start, long low, long n) noexcept nogil:
        """Losses, and the output layer's deltas, which take the place of its activations."""
        self.kernels.loss[self.loss](
            n, self.n_outputs, self.deltas[self.n_layers] + low * FM_PANEL_BYTES, self.stride, self.targets,
            self.order + start + low, self.weights, self.row_losses + low, &self.loss_settings)

    cdef void _forward_and_back_rounded(self, int slice_, long start, long low, long high) noexcept nogil:
        """The same with bfloat16 products, and the operands of the weight gradient."""
        cdef long n = high - low, stride = self.stride, left_stride = CACHED_ROWS_BFLOAT16, i
        cdef long blocks_before = low // FM_BLOCK * FM_BLOCK_BYTES
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef char *left = self.left[slice_]
        cdef const fm_kernels *kernels = self.kernels
        cdef const fm_layer *layer
        cdef fm_after after
        if self.rows.is_sparse:
            self._enter(self.rows, self.order, start + low, n, NULL, self.activations[1] + offset, stride)
        else:
            self._gather(self.rows, self.order, start + low, n, self.activations[0] + offset, stride)
        for i in range(1 if self.rows.is_sparse else 0, self.n_layers):
            layer, after = &self.layers[i], self._after_layer(i)
            kernels.round_left(n, layer.inputs, self.activations[i] + offset, stride, left, left_stride)
            kernels.round_columns(n, layer.inputs, self.activations[i] + offset, stride, self.columns[i] + blocks_before,
                                  self.row_blocks)
            kernels.bfloat16_dense(n, layer.outputs, layer.inputs, left, left_stride, layer.rounded,
                                   <char *> layer.weights + layer.inputs * FM_PANEL_BYTES,
                                   (layer.inputs + 1) * self.panel, self.activations[i + 1] + offset, stride, &after)
        self._losses(start, low, n)
        after.activate = NULL
        after.derivative = kernels.derivative[self.activation]
        for i in range(self.n_layers - 1, 0 if self.rows.is_sparse else -1, -1):
            layer = &self.layers[i]
            kernels.round_right(n, layer.outputs, self.deltas[i + 1] + offset, stride, self.right[i + 1] + blocks_before,
                                self.row_blocks)
            if i > 0:
                after.a = self.activations[i] + offset
                kernels.round_left(n, layer.outputs, self.deltas[i + 1] + offset, stride, left, left_stride)
                kernels.bfloat16_dense(n, layer.inputs, layer.outputs, left, left_stride, layer.rounded_transposed, NULL,
                                       0, self.deltas[i] + offset, stride, &after)

    cdef bint _joined(self, long block) noexcept nogil:
        """Whether a block's sums go on top of those before: the second of a pair, in the same slice as the first."""
        cdef long slice_ = ((block + 1) * self.n_threads - 1) // self.n_blocks
        return block % 2 and block > self.n_blocks * slice_ // self.n_threads

    cdef void _sum_block(self, int slice_, long start, long block, long low, long high) noexcept nogil:
        """The gradient sums of rows low to high, for all layers."""
        cdef fm_layer layer
        cdef fm_step step
        cdef long i, panel
        memset(&step, 0, sizeof(step))
        step.first = True
        step.add = self._joined(block)
        for i in range(self.n_layers):
            layer = self.layers[i]
            layer.sums = self.block_sums[i * self.n_blocks + block - step.add]
            for panel in range(self._panels(layer.outputs)):
                self._update(&layer, i, panel, 0, self._units(i), slice_, start, low, high, &step)

    cdef void _update(self, const fm_layer *layer, long i, long panel, long first, long last, int slice_, long start,
                      long low, long high, const fm_step *step) noexcept nogil:
        """Units first to last of layer i's output panel: gradient over rows low to high of the chunk, and the step."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef double *squares = self.squares[i] + panel * self._units(i)
        cdef fm_csr csr
        if i == 0 and self.rows.is_sparse:
            csr = self.rows.csr
            csr.order = self.order + start + low
            self.kernels.update_sparse(layer, panel, first, last, high - low, &csr, self.cursors + slice_ * self.chunk,
                                       self.deltas[i + 1] + offset, self.stride, step, squares)
        elif self.bfloat16:
            self.kernels.bfloat16_update(layer, panel, first, last, high - low, self.columns[i], self.right[i + 1],
                                         self.row_blocks, self.deltas[i + 1], self.stride, step, squares)
        else:
            self.kernels.update_dense(layer, panel, first, last, high - low, self.activations[i] + offset, self.stride,
                                      self.deltas[i + 1] + offset, self.stride, step, squares)

    cdef void _tile_phase(self, int slice_, long start) noexcept nogil:
        cdef long end = self._chunk_end(start), batch = self._batch_of(start), rows = end - start
        cdef double batch_weight = self._batch_weight(start)
        cdef long low = self.total_cost * slice_ // self.n_threads
        cdef long high = self.total_cost * (slice_ + 1) // self.n_threads
        cdef long i, r, base = 0, units, grains, all_grains, at, stop, panel, panel_end, first, last, cost, block
        cdef const void *sums[4]  # MAX_BLOCKS
        cdef bint missing
        cdef int64_t step_number
        cdef fm_step step
        if batch_weight != 0:
            step.rule = self.rule
            step.first = start == self._batch_start(start)
            step.last = end == self._batch_end(start)
            step.l2 = self.l2
            step.scale = 1 / batch_weight
            step.add = False
            memset(step.constants, 0, sizeof(step.constants))
            step_number = self.step_numbers[batch] if self.weight_sums != NULL else self.step_count + batch + 1
            fm_rule_prepare(self.rule, self.hyper, <double> step_number, step.constants)
            for i in range(self.n_layers):
                units, grains, cost = self._units(i), self._grains(i), self.unit_cost[i]
                all_grains = grains * self._panels(self.layers[i].outputs)
                for block in range(self.n_blocks):
                    missing = block * self.block_rows >= rows or self._joined(block)
                    sums[block] = NULL if missing else self.block_sums[i * self.n_blocks + block]
                # A grain is this slice's when it begins within [low, high) of the summed costs.
                at = min(all_grains, _ceil(max(0, low - base), cost))
                stop = min(all_grains, _ceil(max(0, high - base), cost))
                base += all_grains * cost
                while at < stop:
                    panel = at // grains
                    panel_end = min(stop, (panel + 1) * grains)
                    first = (at - panel * grains) * self.grain
                    last = min(units, (panel_end - panel * grains) * self.grain)
                    if self.n_blocks:
                        self.kernels.update_sums(&self.layers[i], panel, first, last, sums, self.n_blocks, &step,
                                                 self.squares[i] + panel * units)
                    else:
                        self._update(&self.layers[i], i, panel, first, last, slice_, start, 0, rows, &step)
                    at = panel_end
            if slice_ == 0:
                if step.first:
                    self.batch_loss = 0
                for r in range(rows):
                    self.batch_loss += self.row_losses[r]
                if step.last:
                    self.pending = True
                    self.pending_weight = batch_weight
                    self.pending_rows = end - self._batch_start(start)
                    self.pending_pass = start // self.n_rows
        if slice_ == 0 and (end == self.n_passes * self.n_rows or fm_seconds() > self.deadline):
            self.position = end
            self.stop = True

    cdef void _fold(self) noexcept nogil:
        """Adds a finished batch's loss, with the penalty of the weights it began with, to its pass's."""
        cdef long i, k
        cdef double penalty = 0
        if not self.pending:
            return
        self.pending = False
        if self.l2 != 0:
            for i in range(self.n_layers):
                for k in range(self._units(i) * self._panels(self.layers[i].outputs)):
                    penalty += self.squares[i][k]
        self.loss_sums[self.pending_pass] += (
            (self.batch_loss + 0.5 * self.l2 * penalty) / self.pending_weight * self.pending_rows)

    def updates_done(self):
        """Updates made by the end of the passes so far: step_count for the next ones."""
        cdef long n_batches = self._batch_of(self.position) if self.n_rows else 0
        if self.weights == NULL or n_batches == 0:
            return self.step_count + n_batches
        return int(self._batch_arrays[2][n_batches - 1])


# ---------------------------------------------------------------------------------------------------------------------
# The kernels on plain arrays
# ---------------------------------------------------------------------------------------------------------------------

cdef class Panels:
    """A matrix in panels, and the kernels of its element type on one instruction set.

    The methods run a kernel on what is packed already, as benchmarks need it; the functions below pack and unpack.

    Parameters
    ----------
    array : ndarray of shape (rows, width), float32 or float64, rows contiguous
    isa : str
        Instruction set; None is ISA.
    extra_row : ndarray of shape (width,), default=None
        The biases that follow a layer's weights.
    """

    cdef const fm_kernels *kernels
    cdef object _buffer
    cdef char *at
    cdef bint biased
    cdef long rows, width, stride
    cdef Py_ssize_t itemsize

    def __init__(self, array, isa, extra_row=None):
        cdef int bits = _bits(array.dtype)
        self.kernels = fm_isa_kernels(_isa_index(isa), bits)
        self.rows, self.width = array.shape
        self.itemsize = array.itemsize
        self.biased = extra_row is not None
        self.stride = self.rows + self.biased
        cdef long panels = _ceil(self.width * self.itemsize, FM_PANEL_BYTES)
        self._buffer = np.zeros(panels * self.stride * FM_PANEL_BYTES + 64, dtype=np.uint8)
        self.at = _aligned(cnp.PyArray_DATA(self._buffer))
        self._fill(array, 0)
        if extra_row is not None:
            self._fill(extra_row.reshape(1, -1), self.rows)

    cdef void _fill(self, array, long row):
        self.kernels.gather[_source_index(array.dtype)](
            cnp.PyArray_DATA(array), array.strides[0], NULL, array.shape[0], self.width,
            self.at + row * FM_PANEL_BYTES, self.stride)

    cdef int _same_type(self, Panels a, Panels b) except -1:
        if not self.itemsize == a.itemsize == b.itemsize:
            raise ValueError("expected panels of one element type")
        return 0

    def unpack(self):
        """The matrix as a new array, without the extra row."""
        out = np.empty((self.rows, self.width), dtype=np.dtype(f"f{self.itemsize}"))
        self.kernels.scatter(self.at, self.stride, self.rows, self.width, cnp.PyArray_DATA(out), out.strides[0])
        return out

    def multiply(self, Panels a not None, Panels b not None, *, int n_threads=1):
        """Becomes a @ b, plus b's extra row where it has one; rows of a are shared out among the threads."""
        cdef long n = a.rows, low, slice_
        cdef fm_after nothing
        nothing.activate = NULL
        nothing.derivative = NULL
        self._same_type(a, b)
        if (self.rows, self.width, a.width) != (a.rows, b.width, b.rows):
            raise ValueError(f"a product of ({a.rows}, {a.width}) and ({b.rows}, {b.width}) is not "
                             f"({self.rows}, {self.width})")
        with nogil:
            for slice_ in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                low = n * slice_ // n_threads
                a.kernels.dense(
                    n * (slice_ + 1) // n_threads - low, b.width, a.width, a.at + low * FM_PANEL_BYTES, a.stride, b.at,
                    b.biased, self.at + low * FM_PANEL_BYTES, self.stride, &nothing)

    def multiply_transposed(self, Panels a not None, Panels b not None):
        """Becomes a.T @ b, and its extra row the sums of b's columns: a layer's weight gradient."""
        cdef fm_layer layer
        cdef fm_step step
        cdef long panel, units = _ceil(a.width, FM_UNIT), panels = _ceil(b.width * b.itemsize, FM_PANEL_BYTES)
        self._same_type(a, b)
        if (self.rows, self.width, a.rows) != (a.width, b.width, b.rows) or not self.biased:
            raise ValueError(f"a transposed product of ({a.rows}, {a.width}) and ({b.rows}, {b.width}) is not "
                             f"({self.rows}, {self.width}) with an extra row")
        memset(&layer, 0, sizeof(layer))
        memset(&step, 0, sizeof(step))
        layer.inputs, layer.outputs = self.rows, self.width
        layer.sums = self.at
        step.first = True
        squares = np.empty(max(1, units))
        for panel in range(panels):
            a.kernels.update_dense(&layer, panel, 0, units, a.rows, a.at, a.stride, b.at, b.stride, &step,
                                   <double *> cnp.PyArray_DATA(squares))

    def activate(self, name):
        """Becomes f of itself, f being the named activation."""
        self.kernels.activate[<int> ACTIVATIONS.index(name)](self.rows, self.width, self.at, self.stride)

    def differentiate(self, name, Panels a not None):
        """Becomes itself times f'(z), given a = f(z) of the named activation."""
        self._same_type(a, a)
        if (self.rows, self.width, self.stride) != (a.rows, a.width, a.stride):
            raise ValueError(f"deltas of ({self.rows}, {self.width}) do not belong to ({a.rows}, {a.width})")
        self.kernels.derivative[<int> ACTIVATIONS.index(name)](self.rows, self.width, a.at, self.at, self.stride)


def _type_of(const real[:, ::1] a):
    """The element type of a typed memoryview, as a NumPy dtype."""
    return np.dtype(np.float32) if bits_of(<real *> NULL) == 32 else np.dtype(np.float64)


def matmul(const real[:, ::1] a, const real[:, ::1] b, bias=None, *, isa=None, int n_threads=1):
    """a @ b (+ bias), by the kernel of the layers' forward and backward products.

    Parameters
    ----------
    a : C-contiguous memoryview of shape (n, k), float32 or float64
    b : the same type, of shape (k, m)
    bias : array of shape (m,), default=None
    isa : str, default=None
    n_threads : int, default=1
        Rows of a are shared out; the result does not depend on it.
    """
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"a has {a.shape[1]} columns, b has {b.shape[0]} rows")
    dtype = _type_of(a)
    cdef Panels product = Panels(np.zeros((a.shape[0], b.shape[1]), dtype=dtype), isa)
    biases = None if bias is None else np.asarray(bias, dtype=dtype)
    product.multiply(Panels(np.asarray(a), isa), Panels(np.asarray(b), isa, biases), n_threads=n_threads)
    return product.unpack()


def activate(name, const real[:, ::1] z, *, isa=None):
    """f(z) of the named activation."""
    cdef Panels values = Panels(np.asarray(z), isa)
    values.activate(name)
    return values.unpack()


def differentiate(name, const real[:, ::1] a, const real[:, ::1] deltas, *, isa=None):
    """deltas * f'(z), given a = f(z) of the named activation."""
    cdef Panels ds = Panels(np.asarray(deltas), isa)
    ds.differentiate(name, Panels(np.asarray(a), isa))
    return ds.unpack()


def link(loss, const real[:, ::1] z, *, isa=None):
    """The named loss's link (its output activation) of z."""
    cdef Panels values = Panels(np.asarray(z), isa)
    values.kernels.link[<int> LOSSES.index(loss)](values.rows, values.width, values.at, values.stride)
    return values.unpack()


def row_losses(loss, const real[:, ::1] z, targets, weights=None, *, options=(), output_weights=None, isa=None):
    """The named loss of every row, times its weight, and the gradient of their sum with respect to z.

    targets as for Trainer.attach, options and output_weights as for Trainer; for squared_error the gradient lacks the mean
    over outputs, as scikit-learn's does.
    """
    cdef Panels values = Panels(np.asarray(z), isa)
    cdef int index = LOSSES.index(loss)
    cdef fm_loss_settings settings
    arrays = _settle_loss(index, options, output_weights, values.width, &settings)
    losses = np.zeros(values.rows)
    values.kernels.loss[index](
        values.rows, values.width, values.at, values.stride, cnp.PyArray_DATA(targets), NULL,
        NULL if weights is None else <const double *> cnp.PyArray_DATA(weights), <double *> cnp.PyArray_DATA(losses),
        &settings)
    return losses, values.unpack()


def gather(X, dtype, *, isa=None):
    """X converted to dtype the way a minibatch is read."""
    dtype = np.dtype(dtype)
    cdef Rows rows = Rows(X)
    cdef Panels values = Panels(np.zeros(X.shape, dtype=dtype), isa)
    values.kernels.gather[rows.source](rows.base, rows.row_bytes, NULL, rows.n_rows, rows.n_features, values.at,
                                       values.stride)
    return values.unpack()


def fma_ceiling(dtype, *, isa=None, int n_threads=1):
    """Floating-point operations per second that no product can exceed: those of multiply-adds of registers.

    It takes about 50 ms and is the best of ten tries; a multiply-add counts as two operations.

    Parameters
    ----------
    dtype : float32 or float64
    isa : str, default=None
        Instruction set; None is ISA. Those without a fused multiply-add multiply, then add.
    n_threads : int, default=1
        Threads at work at the same time; the result is theirs together.

    Returns
    -------
    ceiling : float
        Operations per second.

    Raises
    ------
    ValueError
        When the CPU lacks the instruction set, or n_threads is not positive.
    """
    cdef const fm_kernels *kernels = fm_isa_kernels(_isa_index(isa), _bits(dtype))
    cdef long steps = 1024, made = 0, slice_
    cdef double start, seconds = 0, best = 0
    cdef int tries
    if n_threads < 1:
        raise ValueError(f"n_threads must be positive, got {n_threads}")
    with nogil:
        while seconds < 0.002:
            steps *= 2
            start = fm_seconds()
            made = kernels.multiply_add(steps)
            seconds = fm_seconds() - start
        steps = max(1, <long> (steps * 0.005 / seconds))
        for tries in range(10):
            start = fm_seconds()
            if n_threads == 1:
                made = kernels.multiply_add(steps)
            else:
                for slice_ in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                    made = kernels.multiply_add(steps)
            best = max(best, 2.0 * made * n_threads / (fm_seconds() - start))
    return best
