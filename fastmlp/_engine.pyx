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

import operator
import os
from threading import get_ident

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.math cimport sqrt
from libc.string cimport memcpy, memset
from numpy.random cimport bitgen_t

from fastmlp._native cimport (
    FM_BLOCK, FM_BLOCK_BYTES, FM_MAX_HYPER, FM_MAX_SLOTS, FM_NARROW, FM_PANEL_BYTES, FM_SHALLOW, FM_TERMS, FM_UNIT, bits_of,
    fm_activation_learnable, fm_activation_name, fm_activation_numbers, fm_activation_sloped, fm_activate_fn, fm_after, fm_barrier, fm_barrier_wait, fm_bfloat16_choose,
    fm_bfloat16_name, fm_bfloat16_terms, fm_call, fm_call_helpers, fm_csr, fm_cpu_seconds, fm_denormals_flush,
    fm_derivative_fn, fm_denormals_restore, fm_dismiss_helpers, fm_help_fn, fm_isa_count, fm_isa_kernels, fm_isa_name, fm_isa_supported, fm_isa_vector_bytes, fm_kernels,
    fm_layer, fm_loss_link, fm_loss_name, fm_loss_settings, fm_loss_takes_classes, fm_mask, fm_native, fm_next_rows,
    fm_rule_name,
    fm_rule_prepare, fm_rule_slots, fm_seconds, fm_source_codes, fm_step, fm_take, real,
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

cdef extern from *:
    """
    #ifdef __SANITIZE_ADDRESS__
    #include <sanitizer/asan_interface.h>
    #define fm_fence ASAN_POISON_MEMORY_REGION
    /* NumPy keeps freed blocks below 1 KiB for other arrays, which would find the fences. */
    #define FM_SLACK 2048
    #else
    #define fm_fence(at, n_bytes) ((void)0)
    #define FM_SLACK 64
    #endif
    """
    void fm_fence(const void *at, size_t n_bytes) nogil
    const Py_ssize_t FM_SLACK  # bytes to allocate beyond what shall be aligned

# A run of the training loop comes back to Python after this long, so that Ctrl-C is seen.
cdef double RUN_SECONDS = 0.05
# A team whose threads get less than so much of the CPU time they could use, because other processes keep the CPUs busy, is
# slower than one thread.
cdef double LEAST_CPU_SHARE = 0.75
# From how many seconds of work a Judgement is made, and for how long threads then work alone, at least and at most.
cdef double JUDGED_SECONDS = 0.015
cdef double LEAST_ALONE_SECONDS = 0.06
cdef double MOST_ALONE_SECONDS = 1.0
# A prediction is shared by so many threads that each has so much to do: to call a helper takes the caller some 5 us, and
# the helper comes some 50 us later.
cdef double SECONDS_PER_THREAD = 75e-6
cdef double SECONDS_PER_CALL = 5e-6
# Blocks of rows that take so long, at least, on any core are shared at once. Of others the first is measured.
cdef double SECONDS_TO_MEASURE = 25e-6
cdef double MOST_FLOPS_PER_SECOND = 2.5e11
# So many blocks are taken at a time as take so long; fewer where that would be much of the work, since the last ones are
# waited for. The caches like rows that lie together.
cdef double SECONDS_PER_SHARE = 100e-6
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
# Networks of at least so many weights per unit, in chunks of at least so many rows, may be trained with float32 operands
# split into bfloat16 terms, where products of those are fast. Below, splitting costs more than it saves.
SPLIT_WEIGHTS_PER_UNIT = 150
SPLIT_ROWS = 256
# A thread splits the weights itself, as it reads them, for at least so many rows of its own; for fewer they are split once,
# when they are updated, and read by all threads, at half as many bytes again.
cdef long ROWS_PER_SPLIT = 64
# Rows times parameters that a forward pass does before it lets go of the GIL, about 10 us of work.
cdef long ROW_PARAMS_WITH_GIL = 500_000
# Rows whose moments are taken together in batch normalisation; they divide a block of bfloat16 products.
cdef long MOMENT_ROWS = 8
# A batch whose weights leave less than this share of the variance is as good as one row, which has none.
cdef double LEAST_FREEDOM = 1e-6
# X of at least so many bytes is asked for ahead.
cdef Py_ssize_t MEMORY_BYTES = 1 << 22
# Indices of a CSR matrix that are looked at before the count of those that do not ascend is added to the others'.
cdef long INDICES_TOGETHER = 1 << 16
# Added to the variance in normalisations, as PyTorch does.
NORMALIZATION_EPSILON = 1e-5
# Floating-point operations of a forward pass between two looks for Ctrl-C.
FLOPS_PER_PIECE = 2e9
# A team of more threads were a mistake, or a way to exhaust the machine: OpenMP ends the process when it gets none.
MAX_THREADS = 1024


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
# Whose derivative needs more than their output; that have a number; whose number each unit may learn.
SLOPED_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_sloped(i))
NUMBERED_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_numbers(i))
LEARNABLE_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_learnable(i))
LOSSES = _names(fm_loss_name)
LOSS_LINKS = {name: fm_loss_link(i).decode() for i, name in enumerate(LOSSES)}
RULES = _names(fm_rule_name)
RULE_SLOTS = {name: fm_rule_slots(i) for i, name in enumerate(RULES)}
CLASS_TARGET_LOSSES = frozenset(name for i, name in enumerate(LOSSES) if fm_loss_takes_classes(i))
# The hyperparameters of a rule that are in proportion to the learning rate, and the one that is its weight decay, as
# src_c/updates.def numbers them: the first, and none, unless it is said here.
RATE_HYPER = {"nadam": (0, 1), "rprop": (), "gradient": ()}
DECAY_HYPER = {"adamw": 5, "amsgrad": 5, "lion": 3, "schedulefreeadamw": 5}
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


def choose_split(requested):
    """Whether operands may be split, as asked for: by "1"; "0" and "" are no.

    Raises ValueError for anything else.
    """
    if requested not in ("", "0", "1"):
        raise ValueError(f"FASTMLP_SPLIT={requested!r} is neither '0' nor '1'.")
    return requested == "1"


ISA = choose_isa(os.environ.get("FASTMLP_ISA", ""))
MAY_SPLIT = choose_split(os.environ.get("FASTMLP_SPLIT", ""))


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


def split_product():
    """What multiplies float32 numbers split into bfloat16 terms, in networks for which splits() says so: "amx"; "" where
    nobody asked for that, or it would not be faster than float32."""
    return "amx" if MAY_SPLIT and bfloat16_product() == "amx" else ""


def splits(sizes, n_rows):
    """Whether a network of so many units per layer, and so many rows at a time, is trained with split operands."""
    weights = sum(inputs * outputs for inputs, outputs in zip(sizes[:-1], sizes[1:]))
    return bool(split_product()) and n_rows >= SPLIT_ROWS and weights >= SPLIT_WEIGHTS_PER_UNIT * sum(sizes)


def max_threads():
    """The team size OpenMP would use now; OMP_NUM_THREADS and threadpoolctl set it."""
    return fm_max_threads()


cdef inline long _ceil(long n, long parts) noexcept nogil:
    # For n >= 0; // on C integers rounds towards zero.
    return (n + parts - 1) // parts


cdef inline char *_aligned(const void *memory, Py_ssize_t n_bytes) noexcept nogil:
    """So many bytes from the first 64-byte boundary on; whoever allocates memory adds FM_SLACK for it.

    For AddressSanitizer, what is left on both sides is out of bounds.
    """
    cdef char *at = <char *> ((<size_t> memory + 63) & ~<size_t> 63)
    fm_fence(memory, at - <const char *> memory)
    fm_fence(at + n_bytes, FM_SLACK - (at - <const char *> memory))
    return at


cdef inline double _sum(const double *values, long n) noexcept nogil:
    """In a fixed order; not one after another, since each addition would wait for the one before."""
    cdef double a = 0, b = 0, c = 0, d = 0
    cdef long i
    for i in range(0, n - 3, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    for i in range(n - n % 4, n):
        a += values[i]
    return (a + b) + (c + d)


cdef int _isa_index(isa) except -1:
    return ISAS.index(choose_isa(isa) if isa is not None else ISA)


cdef int _index(tuple names, name, what) except -1:
    """Where a table of the C core has a name."""
    if name not in names:
        raise ValueError(f"{what}={name!r} is not known; known are {', '.join(map(repr, names))}.")
    return names.index(name)


cdef int _bits(dtype) except -1:
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, in native byte order, got {dtype.str!r}")
    return 8 * dtype.itemsize


cdef bint _is_plain(array):
    """Whether this is an array that C can read: contiguous, aligned, in native byte order."""
    return cnp.PyArray_Check(array) and cnp.PyArray_ISCARRAY_RO(array)


cdef int _team(n_threads) except -1:
    """The number of threads, where it can be that of a team."""
    n = operator.index(n_threads)
    if not 1 <= n <= MAX_THREADS:
        raise ValueError(f"n_threads must be from 1 to {MAX_THREADS}, got {n_threads!r}")
    return n


cdef bint _are_within(const int64_t *values, long n, long limit) noexcept nogil:
    """Whether all values are at least 0 and below limit: neither value nor limit - 1 - value has the sign's bit."""
    cdef uint64_t seen = 0
    cdef long i
    for i in range(n):
        seen |= <uint64_t> values[i] | (<uint64_t> (limit - 1) - <uint64_t> values[i])
    return not seen >> 63


cdef int _check_targets(int loss, dtype, targets, weights, long n, long outputs) except -1:
    """Refuses targets and weights of n rows that a loss would read otherwise, or read beyond."""
    cdef const int32_t *classes
    cdef uint32_t seen = 0
    cdef long i
    by_class = fm_loss_takes_classes(loss)
    expected = (np.dtype(np.int32), (n,)) if by_class else (dtype, (n, outputs))
    if not _is_plain(targets) or (targets.dtype, targets.shape) != expected:
        got = f"{targets.dtype} of shape {targets.shape}" if isinstance(targets, np.ndarray) else type(targets).__name__
        raise ValueError(f"targets must be a contiguous array of {expected[0]} of shape {expected[1]}, got {got}")
    if weights is not None and not (_is_plain(weights) and weights.dtype == np.float64 and weights.shape == (n,)):
        raise ValueError(f"expected {n} contiguous float64 weights")
    if by_class:
        classes = <const int32_t *> cnp.PyArray_DATA(targets)
        for i in range(n):
            seen |= <uint32_t> classes[i] | (<uint32_t> (outputs - 1) - <uint32_t> classes[i])
        if seen >> 31:
            wrong = targets[(targets < 0) | (targets >= outputs)][0]
            raise ValueError(f"targets must be class numbers from 0 to {outputs - 1}, got {wrong}")
    return 0


cdef size_t _address(function) except 0:
    """The address of a SciPy LowLevelCallable's function."""
    capsule = tuple.__getitem__(function, 0)  # a LowLevelCallable does not let one index it
    return <size_t> PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef int _source_index(dtype) except -1:
    if dtype.char not in SOURCE_CODES:
        raise ValueError(f"X must be of a real type, got {dtype}")
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

    A CSR matrix is an object with shape, indptr (int64), indices (int32 or int64) and data of the compute type. Arrays
    that contradict each other are refused, since everything else relies on them. X must stay unchanged for as long as
    this object is used.

    Attributes
    ----------
    is_sparse : bool
    is_canonical : bool
        Whether each row's indices ascend, each only once. CSR rows that are not so can neither be trained on nor predicted
        for.
    n_rows, n_features : int
    """

    cdef object _keep
    cdef const char *base
    cdef Py_ssize_t row_bytes
    cdef Py_ssize_t width_bytes
    cdef int source
    cdef readonly bint is_sparse
    cdef readonly bint is_canonical
    cdef fm_csr csr
    cdef readonly long n_rows
    cdef readonly long n_features

    def __init__(self, X):
        cdef const int64_t[::1] indptr
        cdef const int32_t[::1] indices
        self.n_rows, self.n_features = X.shape
        self.csr.order = NULL
        self.is_canonical = True
        self.is_sparse = not isinstance(X, np.ndarray)
        if self.is_sparse:
            if not _is_plain(X.data) or X.data.ndim != 1:
                raise ValueError("X.data must be a contiguous vector.")
            self.is_canonical = check_compressed(X.indptr, X.indices, len(X.data), self.n_rows, self.n_features)
            indptr, indices = X.indptr, X.indices.astype(np.int32, copy=False)
            self._keep = (indptr, indices, X.data)
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
            self.width_bytes = X.shape[1] * X.itemsize


ctypedef fused csr_index:
    int32_t
    int64_t


def check_compressed(indptr, indices, long n_stored, long n_rows, long n_columns, name="X"):
    """Whether each row's indices of a CSR matrix ascend, each only once; of a CSC matrix the columns', given as its rows.

    Parameters
    ----------
    indptr : ndarray of int64
    indices : ndarray of int32 or int64
    n_stored : int
        Length of the matrix's data.
    n_rows, n_columns : int
        The matrix's shape.
    name : str, default="X"
        What messages call the matrix.

    Raises
    ------
    ValueError
        When the arrays contradict the shape or each other, so that to read the matrix were to read beyond them.
    """
    cdef const int64_t[::1] starts
    cdef const int64_t *first
    cdef long i
    for what, array in (("indptr", indptr), ("indices", indices)):
        if not _is_plain(array) or array.ndim != 1:
            raise ValueError(f"{name}.{what} must be a contiguous vector.")
    if n_columns > 0x7fffffff:
        raise ValueError(f"{name}, which is sparse, must have at most {0x7fffffff} columns, got {n_columns}.")
    starts = indptr
    if starts.shape[0] != n_rows + 1:
        raise ValueError(f"{name}.indptr must have {n_rows + 1} elements, got {len(indptr)}.")
    first = &starts[0]
    if indices.size != n_stored:
        raise ValueError(f"{name}.indices and {name}.data must be of one length, got {indices.size} and {n_stored}.")
    if first[0] != 0:
        raise ValueError(f"{name}.indptr must begin with 0, got {first[0]}.")
    if _falls(first, n_rows):
        i = np.flatnonzero(indptr[1:] < indptr[:-1])[0]
        raise ValueError(f"{name}.indptr must not decrease, got {first[i]} and then {first[i + 1]} as elements {i} and {i + 1}.")
    if first[n_rows] > n_stored:
        raise ValueError(f"{name}.indptr must not go beyond the {n_stored} elements there are, got {first[n_rows]}.")
    if indices.dtype == np.int32:
        return _check_indices[int32_t](indptr, indices, n_columns, name)
    return _check_indices[int64_t](indptr, indices, n_columns, name)


cdef bint _falls(const int64_t *indptr, long n) noexcept nogil:
    """Whether one of n + 1 numbers is less than that before it."""
    cdef bint falls = False
    cdef long i
    for i in range(n):
        falls |= indptr[i + 1] < indptr[i]
    return falls


cdef bint _check_indices(const int64_t[::1] indptr, const csr_index[::1] indices, long n_columns, name) except -1:
    """Whether the indices ascend within each row; refuses those that are no columns."""
    cdef long n_rows = indptr.shape[0] - 1, i
    cdef int64_t n = indptr[n_rows], k, start, not_ascending = 0
    cdef const csr_index *at = &indices[0] if n else NULL
    # Without a branch, so that the compiler makes vectors of it: neither index nor limit - index may have the sign's bit,
    # which is taken off before the subtraction, lest that overflow. Falls are counted in numbers of the indices' size.
    cdef csr_index seen = 0, limit = <csr_index> (n_columns - 1), magnitude = 0x7fffffff, falls
    if csr_index is int64_t:
        magnitude = 0x7fffffffffffffff
    if n == 0:
        return True
    seen = at[0] | (limit - (at[0] & magnitude))
    for start in range(1, n, INDICES_TOGETHER):
        falls = 0
        for k in range(start, min(n, start + INDICES_TOGETHER)):
            seen |= at[k] | (limit - (at[k] & magnitude))
            if csr_index is int32_t:
                falls += at[k] <= at[k - 1]
            else:
                # The sign's bit; there are vectors without comparisons of such numbers.
                falls += <int64_t> ((<uint64_t> at[k] - <uint64_t> at[k - 1] - 1) >> 63)
        not_ascending += falls
    if seen < 0:
        stored = np.asarray(indices)[:n]
        k = np.flatnonzero((stored < 0) | (stored >= n_columns))[0]
        raise ValueError(f"{name}.indices must be from 0 to {n_columns - 1}, got {stored[k]} as element {k}.")
    # Those that are where a row begins may be what they like.
    for i in range(1, n_rows):
        k = indptr[i]
        if 0 < k < n and k < indptr[i + 1]:
            not_ascending -= at[k] <= at[k - 1]
    return not_ascending == 0


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
# Alone or together
# ---------------------------------------------------------------------------------------------------------------------

cdef class Judgement:
    """Whether threads shall share work, by what they gained by it lately: after a loss not for a while.

    Other processes come in bursts: the first while is short, each further one twice as long as the last, halved for every
    judgement that nothing was lost.

    Parameters
    ----------
    seconds_per_loss : float, default=0
        A while is at least so many times as long as what was lost.

    Examples
    --------
    >>> from fastmlp._engine import Judgement
    >>> judgement = Judgement()
    >>> judgement.note(seconds=0.02, gain=-0.001, now=10.0)
    >>> judgement.alone(now=10.05), judgement.alone(now=10.07)
    (True, False)
    """

    cdef double seconds
    cdef double gain
    cdef double alone_until
    cdef double alone_seconds
    cdef double seconds_per_loss

    def __init__(self, double seconds_per_loss=0):
        self.seconds_per_loss = seconds_per_loss

    cpdef bint alone(self, double now) noexcept:
        """Whether one thread shall do all work, at a time of the clock."""
        return now < self.alone_until

    cpdef void note(self, double seconds, double gain, double now) noexcept:
        """Takes into account that threads shared work for so many seconds, and what was gained; negative if lost."""
        self.seconds += seconds
        self.gain += gain
        if self.seconds <= JUDGED_SECONDS:
            return
        if self.gain < 0:
            self.alone_seconds = min(MOST_ALONE_SECONDS, 2 * max(self.alone_seconds, LEAST_ALONE_SECONDS / 2))
            self.alone_until = now + max(self.alone_seconds, -self.gain * self.seconds_per_loss)
        else:
            self.alone_seconds /= 2
        self.seconds = self.gain = 0


# Of all predictions of this process, of which a twentieth may be lost.
cdef Judgement predictions = Judgement(20)


cpdef int threads_worthwhile(double seconds, int n_threads) noexcept nogil:
    """Of n_threads, how many shall share a prediction of which so many seconds of one thread's work are left."""
    return max(1, min(n_threads, <int> min(seconds / SECONDS_PER_THREAD, 1e6)))


# ---------------------------------------------------------------------------------------------------------------------
# Networks
# ---------------------------------------------------------------------------------------------------------------------

cdef enum:
    NOT_NORMALIZED, LAYER_NORM, BATCH_NORM


# What a hidden layer does with its products.
cdef struct hidden_layer:
    int function       # which activation, in the order of ACTIVATIONS; native after them, then PYTHON_FUNCTION
    bint sloped
    double number
    int normalization
    long gains         # the parts that hold the normalisation's gains and the activation's learned numbers; -1 for none
    long numbers
    fm_native *natives  # for each panel
    char *running      # batch normalisation's running moments
    char *means        # of these, as a forward pass uses them
    char *scales


# A forward pass: which rows, and where their outputs go; in blocks, which whoever has time takes.
cdef struct forward_work:
    const int64_t *order
    long first
    long n
    long n_blocks
    char *scratch      # of each thread
    Py_ssize_t scratch_bytes
    long stride
    char *out
    long width
    long depth         # how many layers the rows go through
    char **hidden      # where each layer's outputs go on the way; NULL for those, or for all, that nobody wants
    bint linked
    bint check
    long share         # blocks to take at a time
    long taken
    long bad
    double block_seconds  # of one thread; 0 while that is not known
    double called      # when others were; 0 if nobody was
    long alone         # blocks done before that
    double seconds     # since then
    double gain        # of their help


# Where rows of a hidden layer find moments of columns, and leave what the way back needs; NULL where it needs nothing.
cdef struct hidden_rows:
    char *means
    char *scales
    char *normalized
    char *row_scales
    char *slopes
    char *shapes


cdef int NATIVE_FUNCTION = len(ACTIVATIONS)
cdef int PYTHON_FUNCTION = NATIVE_FUNCTION + 1

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

    cdef const fm_kernels *kernels
    cdef list _buffers
    cdef readonly object dtype
    cdef int source
    cdef long itemsize
    cdef long panel
    cdef long vector_bytes
    cdef int loss
    cdef readonly long n_layers
    cdef long n_parts
    cdef readonly long n_params
    cdef hidden_layer *hidden
    cdef list _functions
    cdef readonly bint runs_python
    cdef dict _errors  # what functions in Python raised, by thread
    cdef bint failed
    cdef char *input_means
    cdef char *input_scales
    cdef readonly bint input_is_scaled
    cdef double epsilon
    cdef readonly long n_outputs
    cdef readonly tuple sizes
    cdef fm_layer *layers
    cdef double block_seconds  # of a forward pass of CACHED_ROWS rows; 0 before it was measured

    def __init__(self, sizes, hidden, loss, dtype, *, isa=None):
        cdef int isa_index = _isa_index(isa)
        cdef long i, part
        self._buffers = []
        self._errors = {}
        self.epsilon = NORMALIZATION_EPSILON
        self.dtype = np.dtype(dtype)
        self.kernels = fm_isa_kernels(isa_index, _bits(dtype))
        self.source = _source_index(self.dtype)
        self.itemsize = self.dtype.itemsize
        self.panel = FM_PANEL_BYTES // self.itemsize
        self.vector_bytes = fm_isa_vector_bytes(isa_index)
        self.loss = _index(LOSSES, loss, "loss")
        sizes = [operator.index(size) for size in sizes]
        if len(sizes) < 2 or min(sizes) < 0:
            raise ValueError(f"sizes must be those of two layers or more, got {sizes}")
        if not isinstance(hidden, str) and len(hidden) != len(sizes) - 2:
            raise ValueError(f"expected {len(sizes) - 2} hidden layers, got {len(hidden)}")
        self.sizes = tuple(sizes)
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
            layer.function = _index(ACTIVATIONS, spec, "activation")
            layer.sloped = fm_activation_sloped(layer.function)
            return
        layer.normalization = _index((None, "layer", "batch"), spec.normalization, "normalization")
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
            layer.function = _index(ACTIVATIONS, spec.activation, "activation")
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
        return _aligned(cnp.PyArray_DATA(buffer), n_bytes)

    cdef long _panels(self, long width) noexcept nogil:
        return _ceil(width, self.panel)

    cdef Py_ssize_t _packed_bytes(self, long i) noexcept nogil:
        if self.layers[i].turned:
            return (self._panels(self.layers[i].inputs) * self.layers[i].outputs + 1) * FM_PANEL_BYTES
        return self._panels(self.layers[i].outputs) * (self.layers[i].inputs + 1) * FM_PANEL_BYTES

    cdef Py_ssize_t _flat_bytes(self, long i) noexcept nogil:
        return (self.layers[i].inputs + 1) * self.layers[i].outputs * self.itemsize

    cdef const char *_flat(self, params) except NULL:
        if not (_is_plain(params) and params.dtype == self.dtype and params.shape == (self.n_params,)):
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
        cdef double epsilon = NORMALIZATION_EPSILON
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
                if not (_is_plain(array) and array.dtype == self.dtype and array.shape == (n, width)):
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
                linked=True, depth=None, hidden=()):
        """Outputs of rows start to stop of X, or of X[order] where order is given; without linked before the link.

        n_threads share the rows; with judged fewer where there is little to do, and one after others were of no use. With
        depth, the rows go through that many layers only, and the outputs are those of the last of them. The arrays in
        hidden get the outputs of the first layers on the way, one array for each.

        Returns
        -------
        out : ndarray of shape (stop - start, n_units), n_units being that of the last layer the rows go through
        """
        cdef const int64_t[::1] order_view
        cdef const int64_t *order_at = NULL
        cdef long n = rows.n_rows, first = start, end, n_through = self.n_layers if depth is None else depth, i
        cdef int team = _team(n_threads)
        cdef char **places = NULL
        self._check(rows)
        if not 1 <= n_through <= self.n_layers or len(hidden) >= n_through:
            raise ValueError(f"depth must be from 1 to {self.n_layers} and above the number of arrays in hidden, which is "
                             f"{len(hidden)}; got {depth}")
        if order is not None:
            order_view = order
            n = order_view.shape[0]
            order_at = &order_view[0] if n else NULL
        end = n if stop is None else stop
        if not 0 <= first <= end <= n:
            raise ValueError(f"expected 0 <= start <= stop <= {n}, got start={start} and stop={stop}")
        n = end - first
        if order_at != NULL and not _are_within(order_at + first, n, rows.n_rows):
            raise ValueError(f"order must hold numbers of rows, from 0 to {rows.n_rows - 1}")
        if out is None:
            out = np.empty((n, self.layers[n_through - 1].outputs), dtype=self.dtype)
        if hidden:
            addresses = np.zeros(self.n_layers, dtype=np.uintp)
            places = <char **> cnp.PyArray_DATA(addresses)
        for i, array in enumerate(hidden):
            places[i] = self._to_write(array, n, self.layers[i].outputs)
        self._outputs_of(rows, order_at, first, n, self._to_write(out, n, self.layers[n_through - 1].outputs),
                         self.layers[n_through - 1].outputs, n_through, places, team, judged, linked, False)
        return out

    cdef char *_to_write(self, out, long n, long width) except NULL:
        """The elements of an array for n rows of width outputs."""
        if not (_is_plain(out) and out.dtype == self.dtype and out.shape == (n, width) and out.flags.writeable):
            raise ValueError(f"out must be a contiguous {self.dtype} array of shape {(n, width)}")
        return <char *> cnp.PyArray_DATA(out)

    cdef bint _is_small(self, long n) noexcept nogil:
        """Whether a forward pass of n rows is done before another thread would have come."""
        return n * self.n_params < ROW_PARAMS_WITH_GIL or n <= CACHED_ROWS or self.runs_python

    cdef bint _outputs_of(self, Rows rows, const int64_t *order, long first, long n, char *to, long width, long depth,
                          char **hidden, int n_threads, bint judged, bint linked, bint check) except -1:
        """Writes the outputs of n rows that go through depth layers to rows of width elements, and those of hidden's.

        With check, dense rows are looked through first: False, with some outputs missing, when one holds a number that
        is not finite.
        """
        cdef long i, widest = 0
        cdef char *buffer
        cdef forward_work work
        work.order, work.first, work.n, work.n_blocks = order, first, n, _ceil(n, CACHED_ROWS)
        work.out, work.width, work.linked, work.check = to, width, linked and depth == self.n_layers, check
        work.depth, work.hidden = depth, hidden
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
        work.scratch = _aligned(buffer, n_threads * work.scratch_bytes)
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
        cdef long at = block * CACHED_ROWS, m = min(CACHED_ROWS, work.n - at), stride = work.stride, width, i
        cdef char *a = scratch + work.scratch_bytes // 2
        cdef char *z = scratch
        cdef hidden_rows kept
        cdef fm_after after
        cdef fm_csr csr
        if work.check and not self.kernels.finite(m * rows.n_features, rows.base + (work.first + at) * rows.row_bytes):
            return False
        for i in range(work.depth):
            width = self.layers[i].outputs
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
            if work.hidden != NULL and work.hidden[i] != NULL:
                self.kernels.scatter(z, stride, m, width, work.hidden[i] + at * width * self.itemsize, width * self.itemsize)
        if work.linked:
            self.kernels.link[self.loss](m, self.n_outputs, z, stride)
        self.kernels.scatter(z, stride, m, width, work.out + at * work.width * self.itemsize, work.width * self.itemsize)
        return True


cdef int _help(PackedNetwork network, Rows rows, forward_work *work, int number, double waited) noexcept nogil:
    """What a helper does at a time: a share.

    As long as it had to wait for a CPU it may have to wait again, and the caller with it: it leaves what is done by then.
    """
    if (work.n_blocks - fm_take(&work.taken, 0)) * work.block_seconds < waited:
        return 0
    return network._take_share(rows, work, number) > 0


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
        self.form = _index(("columns", "flat", "pair"), form, "form")
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
                                    self.n_layers, NULL, n_threads, judged, True, check):
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


# What a tile phase does.
cdef enum:
    UPDATE, PREPARE, APPLY


# The part of a batch that goes through a step's phases together. Positions are those in all orders, one after another.
cdef struct chunk_place:
    long start, end
    long batch_start, batch_end
    double weight          # sum of the batch's sample weights
    int64_t step_number    # of the update that the batch makes, counted from 1


# The last batch that is complete, or as far as it is, until its loss has been added to its pass's.
cdef struct finished_batch:
    bint pending
    double loss
    double weight
    long rows
    long pass_


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
    split : bool, default=None
        Whether the operands of all products, but for those with CSR input, are split into three bfloat16 terms, of whose
        products six are summed: as close as float32 products are, on AMX faster. None: where splits() says so and isa is
        None. With bfloat16 it has no effect.
    loss_options : float or sequence of float, default=()
        The number that the loss has, for all outputs or for each; () for its default.
    output_weights : sequence of float, default=None
        What each output's loss counts, for losses with a matrix of targets.
    python_loss : callable, default=None
        Takes the place of loss, whose targets and link it has: (targets, outputs, weights or None) -> (mean loss of the
        batch, its gradient with respect to the outputs).
    regularization : object, default=None
        What training does beside the loss's gradient and its L2 term: an object with the attributes of
        fastmlp.network.Regularization; None is nothing.
    seed : int, default=0
        Of dropout and noise.
    """

    cdef int rule
    cdef fm_loss_settings loss_settings
    cdef tuple _loss_arrays
    cdef readonly int terms
    cdef long grain
    cdef char **columns
    cdef char **right
    cdef char **left
    cdef char **scratch
    cdef bint keeps_rounded
    cdef Py_ssize_t left_bytes
    cdef long row_blocks
    cdef readonly int n_threads
    cdef double flops_per_row
    cdef long max_batch
    cdef long chunk
    cdef long batches_per_pass
    cdef long stride
    cdef char **activations
    cdef char **deltas
    cdef double **squares
    cdef double *row_losses
    cdef fm_next_rows *next_rows
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
    cdef const double *hyper
    cdef long hyper_step
    cdef object _hyper
    cdef double tiny
    cdef const double *weight_sums
    cdef const int64_t *step_numbers
    cdef object _batch_arrays
    # where the run stands
    cdef long position
    cdef bint stop
    cdef double deadline
    cdef Judgement judgement
    cdef readonly long step_count
    cdef fm_barrier *barrier
    cdef finished_batch *finished
    cdef object _loss_sums
    cdef double *loss_sums
    # A step's phases: n_row_phases of the rows, between which batch normalisation joins what it knows of the rows; the
    # tiles; and what needs whole gradients or weights.
    cdef int n_row_phases
    cdef int n_phases
    cdef long n_stops
    cdef long *stops
    # For each layer's rows: what it reads, and what of its outputs the way back needs.
    cdef char **inputs
    cdef char **slopes
    cdef char **shapes
    cdef char **normalized
    cdef char **row_scales
    cdef char **moments
    cdef char **joined
    cdef char **part_deltas
    cdef char *totals
    cdef Py_ssize_t totals_bytes
    # For moments of weighted rows: the weights of the chunk's rows, scaled so that they add up to the number of rows,
    # and of blocks of rows.
    cdef bint weighs_moments
    cdef double *row_weights
    cdef double *block_weights
    cdef object python_loss
    cdef bint calls_loss
    # What a KeptPass sets: the way back has phases of its own, batch normalisation may have the running moments' means and
    # scales, and the gradients of the inputs may be wanted.
    cdef bint is_kept_pass
    cdef bint normalizes_as_predictions
    cdef char *input_gradients
    cdef readonly bint shallow  # whether both layers go through the kernels made for such
    # regularisation
    cdef uint64_t seed
    cdef double *dropout
    cdef double noise
    cdef double l1
    cdef double clip_value
    cdef double clip_norm
    cdef double max_norm
    cdef double average_decay
    cdef double running_share
    cdef double **norms
    # Factors of the learning rate and of weight decay, of each part's weights and biases (a vector's are the latter), or
    # NULL; the hyperparameters they are factors of.
    cdef double *rate_factors
    cdef double *decay_factors
    cdef bint[8] is_rate  # FM_MAX_HYPER
    cdef int decay_hyper

    def __init__(self, sizes, hidden, loss, dtype, *, rule, max_batch, n_threads=1, bfloat16=False, split=None, loss_options=(),
                 output_weights=None, python_loss=None, regularization=None, seed=0, isa=None):
        super().__init__(sizes, hidden, loss, dtype, isa=isa)
        self._loss_arrays = _settle_loss(
            self.loss, loss_options, output_weights, self.n_outputs, &self.loss_settings)
        n_threads, self.max_batch = _team(n_threads), max_batch
        cdef long i, j
        cdef double rows
        if (bfloat16 or split) and self.dtype != np.float32:
            raise ValueError(f"bfloat16 products go with float32, not {self.dtype}")
        self.rule = _index(RULES, rule, "rule")
        self.tiny = np.finfo(self.dtype).tiny
        self.n_threads = n_threads
        self.judgement = Judgement()
        self.seed = seed
        self.python_loss, self.calls_loss = python_loss, python_loss is not None
        self.dropout = <double *> self._zeros(self.n_layers * sizeof(double))
        self.running_share = 0.1
        if regularization is not None:
            self._set_regularization(regularization)
        if self.runs_python or self.calls_loss:
            # Threads would wait for each other, and share out the rows in other ways.
            self.n_threads = n_threads = 1
        self.stops = <long *> self._zeros(self.n_layers * sizeof(long))
        for i in range(self.n_layers - 1):
            if self.hidden[i].normalization == BATCH_NORM and not self.normalizes_as_predictions:
                self.stops[self.n_stops] = i
                self.n_stops += 1
        self.n_row_phases = 1 + 2 * self.n_stops + (self.calls_loss or self.is_kept_pass)
        self.n_phases = self.n_row_phases + 1 + (2 if self.clip_norm else 0) + (1 if self.max_norm else 0)
        self.flops_per_row = 6.0 * self.n_params
        rows = CHUNK_FLOPS_PER_VECTOR_BYTE * self.vector_bytes / self.flops_per_row
        self.chunk = max(1, min(max_batch, min(CHUNK_ROWS, <long> max(32.0, rows))))
        if self.n_row_phases > 1:
            self.chunk = max(1, max_batch)  # what is joined is the batch's
        if split is None:
            split = (self.dtype == np.float32 and isa is None and splits(sizes, self.chunk)
                     and fm_bfloat16_terms() == FM_TERMS)
        self.terms = 1 if bfloat16 else FM_TERMS if split else 0
        # The units of the update that stay together: a block of inputs is rounded as a whole.
        self.grain = FM_BLOCK // FM_UNIT if self.terms else 1
        if self.n_row_phases == 1 and self.terms and self.chunk > FM_BLOCK:
            self.chunk -= self.chunk % FM_BLOCK
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        self.stride = self.chunk | 1
        self._turn_outputs()
        self.activations = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.deltas = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.squares = <double **> self._zeros(self.n_parts * sizeof(double *))
        self.norms = <double **> self._zeros(self.n_parts * sizeof(double *))
        self.row_losses = <double *> self._zeros(self.chunk * sizeof(double))
        # In cache lines of their own, since all threads read the trainer's while these are written.
        self.barrier = <fm_barrier *> self._zeros(max(64, sizeof(fm_barrier)))
        self.finished = <finished_batch *> self._zeros(max(64, sizeof(finished_batch)))
        self.next_rows = <fm_next_rows *> self._zeros(n_threads * sizeof(fm_next_rows))
        self.unit_cost = <long *> self._zeros(self.n_parts * sizeof(long))
        self._choose_blocks(max_batch)
        if self.n_blocks:
            self.block_rows = _ceil(max_batch, self.n_blocks)
            self.block_sums = <void **> self._zeros(self.n_parts * self.n_blocks * sizeof(void *))
        self.total_cost = 0
        if self.terms:
            self.row_blocks = _ceil(self.chunk, FM_BLOCK)
            self.columns = <char **> self._zeros(self.n_layers * sizeof(char *))
            self.right = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
            self.left = <char **> self._zeros(n_threads * sizeof(char *))
            self.scratch = <char **> self._zeros(n_threads * sizeof(char *))
            self.keeps_rounded = self.terms == 1 or self.chunk < ROWS_PER_SPLIT * n_threads
            self._allocate_left(max(sizes[1:]))
        self.inputs = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.part_deltas = <char **> self._zeros(self.n_parts * sizeof(char *))
        for i in range(self.n_layers):
            self.activations[i + 1] = self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if i < self.n_layers - 1:
                self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.inputs[i + 1] = self.activations[i + 1]
            self.part_deltas[i] = self.deltas[i + 1]
            if self.terms:
                self._allocate_rounded(i)
            if i > 0 and not self.keeps_rounded and not self.layers[i].turned:
                self.layers[i].transposed = self._zeros(
                    self._panels(self.layers[i].inputs) * self.layers[i].outputs * FM_PANEL_BYTES)
        self._allocate_hidden()
        for i in range(self.n_parts):
            self.squares[i] = <double *> self._zeros(
                self._panels(self.layers[i].outputs) * self._units(i) * sizeof(double))
            if max_batch > self.chunk or self.clip_norm:
                self.layers[i].sums = self._zeros(self._packed_bytes(i))
            if self.clip_norm:
                self.norms[i] = <double *> self._zeros(
                    self._panels(self.layers[i].outputs) * (self._units(i) + 1) * sizeof(double))
            for j in range(fm_rule_slots(self.rule)):
                self.layers[i].slots[j] = self._zeros(self._packed_bytes(i))
            for j in range(self.n_blocks):
                self.block_sums[i * self.n_blocks + j] = self._zeros(self._packed_bytes(i))
            if self.average_decay:
                self.layers[i].average = self._zeros(self._packed_bytes(i))
            # Vectors a unit's tile is wide.
            self.unit_cost[i] = _ceil(min(self.panel, self.layers[i].outputs) * self.itemsize, self.vector_bytes)
            self.total_cost += self._panels(self.layers[i].outputs) * self._grains(i) * self.unit_cost[i]

    cdef int _turn_outputs(self) except -1:
        """Lays the last layer's weights out turned, where it has few outputs and there are kernels for that.

        Neither the transposed copy is needed then nor the padding, which would be nearly all there is of it.
        """
        cdef long last = self.n_layers - 1
        if self.kernels.dense_turned == NULL or self.terms or last == 0 or self.layers[last].outputs > FM_NARROW:
            return 0
        self.layers[last].turned = True
        self.layers[last].weights = self._zeros(self._packed_bytes(last))
        return 0

    def _set_regularization(self, regularization):
        cdef long i
        if len(regularization.dropout) not in (0, self.n_layers):
            raise ValueError(f"expected {self.n_layers} rates of dropout, got {regularization.dropout!r}")
        for i, rate in enumerate(regularization.dropout):
            if not 0 <= rate < 1:
                raise ValueError(f"a rate of dropout must be at least 0 and below 1, got {rate!r}")
            self.dropout[i] = rate
        self.noise = regularization.input_noise
        self.l1 = regularization.l1
        self.clip_value = regularization.clip_value
        self.clip_norm = regularization.clip_norm
        self.max_norm = regularization.max_norm
        self.average_decay = regularization.average_decay
        for i in range(self.n_layers - 1):
            self.layers[i].limit = self.max_norm
        if regularization.rate_factors or regularization.decay_factors:
            self._set_factors(regularization)

    def _set_factors(self, regularization):
        cdef long i, k
        names = [f"{kind}.{i}" for i in range(self.n_layers) for kind in ("coefs", "intercepts")]
        for i in range(self.n_layers - 1):
            names += [f"gains.{i}"] * (self.hidden[i].gains >= 0)
            names += [f"activation_parameters.{i}"] * (self.hidden[i].numbers >= 0)
        rates, decays = regularization.factors(names)
        rule = RULES[self.rule]
        if regularization.rate_factors and not RATE_HYPER.get(rule, (0,)):
            raise ValueError(f"rate_factors need a rule with a learning rate, which {rule!r} has not")
        for k in RATE_HYPER.get(rule, (0,)):
            self.is_rate[k] = True
        self.decay_hyper = DECAY_HYPER.get(rule, -1)
        self.rate_factors = <double *> self._zeros(2 * self.n_parts * sizeof(double))
        self.decay_factors = <double *> self._zeros(2 * self.n_parts * sizeof(double))
        for i in range(len(names)):
            k = i if i < 2 * self.n_layers else 2 * (i - self.n_layers) + 1
            self.rate_factors[k], self.decay_factors[k] = rates[i], decays[i]

    cdef int _allocate_hidden(self) except -1:
        """What the hidden layers keep from the way forward for the way back."""
        cdef hidden_layer *layer
        cdef long i, j, panels, widest = 1
        self.slopes = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.shapes = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.normalized = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.row_scales = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.moments = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.joined = <char **> self._zeros(self.n_layers * sizeof(char *))
        for i in range(self.n_layers - 1):
            layer, panels = &self.hidden[i], self._panels(self.layers[i].outputs)
            if self.dropout[i + 1]:
                self.inputs[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.sloped:
                self.slopes[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.numbers >= 0:
                self.shapes[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.part_deltas[layer.numbers] = self.shapes[i]
            if layer.normalization != NOT_NORMALIZED:
                self.normalized[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.part_deltas[layer.gains] = self.normalized[i]
                self.layers[i].bias_deltas = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.normalization == LAYER_NORM:
                self.row_scales[i] = self._zeros(self.chunk * self.itemsize)
            if layer.normalization == BATCH_NORM:
                widest = max(widest, panels)
                # Moments, and then sums: while some threads still read those, others write these.
                self.moments[i] = self._zeros(2 * _ceil(self.chunk, MOMENT_ROWS) * 2 * panels * FM_PANEL_BYTES)
                self.joined[i] = self._zeros(self.n_threads * 2 * panels * FM_PANEL_BYTES)
        if self.n_stops or self.normalizes_as_predictions:
            self.totals_bytes = 2 * widest * FM_PANEL_BYTES
            self.totals = self._zeros(self.n_threads * self.totals_bytes)
        return 0

    cdef int _allocate_left(self, long width) except -1:
        """Rows on their way into a product, for each thread."""
        cdef Py_ssize_t n_bytes = self._panels(width) * CACHED_ROWS_BFLOAT16 // FM_BLOCK * self.terms * FM_BLOCK_BYTES
        cdef long j
        if n_bytes > self.left_bytes:
            self.left_bytes = n_bytes
            for j in range(self.n_threads):
                self.left[j] = self._zeros(n_bytes)
                self.scratch[j] = self._zeros(self._panels(width) * self.terms * FM_BLOCK_BYTES)
        return 0

    cdef int _allocate_rounded(self, long i) except -1:
        """Layer i's weights, activations and deltas as operands of bfloat16 products."""
        cdef long inputs = self._panels(self.layers[i].inputs), outputs = self._panels(self.layers[i].outputs)
        cdef Py_ssize_t n_bytes = self.terms * FM_BLOCK_BYTES
        self.layers[i].terms = self.terms
        if self.keeps_rounded:
            self.layers[i].rounded = self._zeros(inputs * outputs * n_bytes)
        self.right[i + 1] = self._zeros(outputs * self.row_blocks * n_bytes)
        if i > 0:
            if self.keeps_rounded:
                self.layers[i].rounded_transposed = self._zeros(inputs * outputs * n_bytes)
            self.columns[i] = self._zeros(inputs * self.row_blocks * n_bytes)
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
        for i in range(self.n_parts):
            sums += self._packed_bytes(i)
            values += (self._panels(self.layers[i].inputs) + self._panels(self.layers[i].outputs)) * FM_PANEL_BYTES
        if (self.terms or self.n_row_phases > 1 or n < 2 or max_batch > self.chunk
                or 2 * n * sums > values * max_batch):
            n = 0
        self.n_blocks = n

    cdef long _units(self, long i) noexcept nogil:
        # A vector of parameters is updated as the biases of a layer without inputs.
        return max(1, _ceil(self.layers[i].inputs, self.panel if self.layers[i].turned else FM_UNIT))

    cdef long _grains(self, long i) noexcept nogil:
        return _ceil(self._units(i), self.grain)

    cdef Py_ssize_t _block_bytes(self, long width) noexcept nogil:
        return self._panels(width) * self.stride * FM_PANEL_BYTES

    def load(self, params, slots=(), average=None):
        """Takes the parameters, the rule's state and the average of the parameters from flat vectors."""
        cdef long i, j
        self._check_state(slots, average)
        super().load(params)
        for i in range(self.n_layers):
            if self.keeps_rounded:
                self._round(i)
            elif i > 0 and not self.layers[i].turned:
                self.kernels.pack_transposed(self.layers[i].weights, self.layers[i].inputs, self.layers[i].outputs,
                                             self.layers[i].transposed)
        for j, slot in enumerate(slots):
            self._load_all(slot, [<size_t> self.layers[i].slots[j] for i in range(self.n_parts)])
        if average is not None:
            self._load_all(average, [<size_t> self.layers[i].average for i in range(self.n_parts)])

    def store(self, params, slots=(), average=None):
        """Writes the parameters (unless None), the rule's state and the average of the parameters to flat vectors."""
        cdef long i, j
        self._check_state(slots, average)
        if params is not None:
            super().store(params)
        for j, slot in enumerate(slots):
            self._store_all(slot, [<size_t> self.layers[i].slots[j] for i in range(self.n_parts)])
        if average is not None:
            self._store_all(average, [<size_t> self.layers[i].average for i in range(self.n_parts)])

    cdef int _check_state(self, slots, average) except -1:
        if len(slots) > fm_rule_slots(self.rule):
            raise ValueError(f"the rule {RULES[self.rule]} has {fm_rule_slots(self.rule)} arrays of state, got {len(slots)}")
        if average is not None and not self.average_decay:
            raise ValueError("there is no average of the parameters without average_decay")
        return 0

    cdef void _round(self, long i) noexcept:
        cdef long panel
        for panel in range(self._panels(self.layers[i].outputs)):
            self.kernels.round_units(&self.layers[i], panel, 0, self._units(i))

    cdef int _load_all(self, vector, list places) except -1:
        cdef const char *flat = self._flat(vector)
        cdef long i
        for i, place in enumerate(places):
            self._pack(i, flat, <char *> <size_t> place)
            flat += self._flat_bytes(i)
        return 0

    cdef int _store_all(self, vector, list places) except -1:
        cdef char *flat = self._flat_to_write(vector)
        cdef long i
        for i, place in enumerate(places):
            self._unpack(i, <char *> <size_t> place, flat)
            flat += self._flat_bytes(i)
        return 0

    def attach(self, Rows rows not None, targets, weights=None):
        """Names the data: X, targets, and sample weights or None.

        Targets are int32 class numbers of shape (n,) for the losses in CLASS_TARGET_LOSSES, else an array of the compute
        type of shape (n, n_outputs). Weights are float64 of shape (n,).
        """
        self._check(rows)
        _check_targets(self.loss, self.dtype, targets, weights, rows.n_rows, self.n_outputs)
        self._attach_rows(rows)
        self._keep = (targets, weights)
        self.targets = cnp.PyArray_DATA(targets)
        self.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
        self.weighs_moments = weights is not None and self.n_stops
        if self.weighs_moments and self.row_weights == NULL:
            self.row_weights = <double *> self._zeros(self.chunk * sizeof(double))
            self.block_weights = <double *> self._zeros(_ceil(self.chunk, MOMENT_ROWS) * sizeof(double))

    cdef int _attach_rows(self, Rows rows) except -1:
        """Names X, which the network has been found to fit."""
        if rows.is_sparse and self.noise:
            raise ValueError("noise on the inputs would leave no zeros of a CSR matrix")
        # Training on CSR rows does not keep the first layer's rounded weights in step.
        if self.keeps_rounded and not rows.is_sparse and self.rows is not None and self.rows.is_sparse:
            self._round(0)
        self.rows = rows
        self.shallow = self._is_shallow()
        if rows.is_sparse:
            if self.cursors == NULL:
                self.cursors = <int64_t *> self._zeros(self.n_threads * self.chunk * sizeof(int64_t))
        elif self.activations[0] == NULL:
            self.activations[0] = self.inputs[0] = self._zeros(self._block_bytes(self.layers[0].inputs))
            if self.terms:
                self.columns[0] = self._zeros(self._panels(self.layers[0].inputs) * self.row_blocks * self.terms
                                              * FM_BLOCK_BYTES)
                self._allocate_left(self.layers[0].inputs)
        return 0

    cdef bint _is_shallow(self):
        """Whether shallow_forward() and shallow_update() take the network.

        One thread must do it all: others would meanwhile change the weights that the hidden deltas are made with.
        """
        return (self.n_threads == 1 and self.n_layers == 2 and self.layers[1].turned and not self.rows.is_sparse
                and self.layers[0].inputs <= FM_SHALLOW and self.layers[0].outputs > FM_NARROW
                and self._activates_at_once(0) and self.hidden[0].function == ACTIVATIONS.index("relu")
                and not self.dropout[1] and not self.n_blocks and self.n_row_phases == 1 and self.rate_factors == NULL)

    def begin(self, const int64_t[:, ::1] orders, long batch_size, double l2, hyper, long step_count):
        """Starts passes, one for each of the orders, over the rows it names, in minibatches; run() until it returns True.

        hyper holds the rule's hyperparameters in the order updates.def gives, one row for all updates, or one for each of
        them; it is copied. step_count: the updates made before. A minibatch whose weights are all zero is passed over.
        """
        if self.rows is None:
            raise ValueError("attach() comes before begin()")
        if not 1 <= batch_size <= self.max_batch:
            raise ValueError(f"batch_size must be from 1 to max_batch={self.max_batch}, got {batch_size}")
        if orders.shape[0] and orders.shape[1] and not _are_within(
                &orders[0, 0], orders.shape[0] * orders.shape[1], self.rows.n_rows):
            raise ValueError(f"orders must hold numbers of rows, from 0 to {self.rows.n_rows - 1}")
        self.n_passes, self.n_rows = orders.shape[0], orders.shape[1]
        self.order = &orders[0, 0] if self.n_passes * self.n_rows else NULL
        self.batch_size = batch_size
        self.batches_per_pass = _ceil(self.n_rows, batch_size)
        self.l2 = l2
        self.step_count = step_count
        self.position = 0
        self._loss_sums = np.zeros(self.n_passes)
        self.loss_sums = <double *> cnp.PyArray_DATA(self._loss_sums)
        self.finished.pending = False
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
        self._take_hyper(np.atleast_2d(hyper))

    cdef int _take_hyper(self, rows) except -1:
        cdef long r, i, n = rows.shape[0], width = rows.shape[1], n_updates
        cdef double[:, ::1] taken
        if width > FM_MAX_HYPER:
            raise ValueError(f"a rule has at most {FM_MAX_HYPER} hyperparameters, got {width}")
        n_updates = self.n_passes * self.batches_per_pass
        if self.weight_sums != NULL:
            n_updates = np.count_nonzero(self._batch_arrays[1])
        if n != 1 and n < n_updates:
            raise ValueError(f"expected one row of hyperparameters, or {n_updates}, one per update; got {n}")
        self._hyper = np.zeros((n, FM_MAX_HYPER))
        self._hyper[:, :width] = rows
        taken = self._hyper
        for r in range(n):
            for i in range(width):
                # A denormal number would count as zero in the engine.
                if 0 < taken[r, i] < self.tiny:
                    taken[r, i] = self.tiny
        self.hyper = &taken[0, 0]
        self.hyper_step = FM_MAX_HYPER if n > 1 else 0
        return 0

    def run(self):
        """Goes on with the passes for a short while; True when they are complete."""
        if self.position >= self.n_passes * self.n_rows:
            return True
        cdef double start = fm_seconds(), cpu_seconds, end
        self.stop = self.failed = False
        self.deadline = start + RUN_SECONDS
        if self.n_threads == 1 or self.judgement.alone(start):
            with nogil:
                self._steps_alone()
        else:
            with nogil:
                cpu_seconds = -fm_cpu_seconds()
                self._steps_as_team()
                cpu_seconds += fm_cpu_seconds()
                end = fm_seconds()
            self.judgement.note(end - start, cpu_seconds - LEAST_CPU_SHARE * self.n_threads * (end - start), end)
        self._fold()
        self._raise_error()
        return self.position >= self.n_passes * self.n_rows

    def use_running(self):
        """Has forward passes normalise by the running moments as they are now."""
        cdef long i
        for i in range(self.n_stops):
            self._use_running(self.stops[i])

    def losses(self):
        """The mean loss of each pass that is complete: of its batches' losses, weighted by their lengths."""
        return (self._loss_sums[: self.position // self.n_rows] / self.n_rows).tolist() if self.n_rows else []

    cdef void _steps_alone(self) noexcept nogil:
        # Without OpenMP: a process forked from one that had a team must not enter it.
        cdef unsigned mode = fm_denormals_flush()
        cdef chunk_place chunk
        cdef long start = self.position
        cdef int slice_, phase
        while not self.stop:
            self._place_chunk(start, &chunk)
            for phase in range(self.n_phases):
                for slice_ in range(self.n_threads):
                    self._phase(phase, slice_, &chunk)
                if self.calls_loss and phase == self.n_stops:
                    self._call_loss(&chunk)
            start = chunk.end
        fm_denormals_restore(mode)

    cdef void _steps_as_team(self) noexcept nogil:
        cdef unsigned mode = 0
        cdef long start = 0
        cdef int thread = 0, team = 0, phase = 0
        with parallel(num_threads=self.n_threads):
            # No prange in here: GCC's OpenMP would put a barrier of its own before each.
            thread, team = threadid(), fm_team_size()
            mode = fm_denormals_flush()
            start = self.position
            while True:
                for phase in range(self.n_phases):
                    self._phase_of_thread(phase, thread, team, start)
                    fm_barrier_wait(self.barrier, team)
                start = self._end_of_chunk(start)
                if self.stop:
                    break
            fm_denormals_restore(mode)

    cdef long _end_of_chunk(self, long start) noexcept nogil:
        cdef chunk_place chunk
        self._place_chunk(start, &chunk)
        return chunk.end

    cdef void _place_chunk(self, long start, chunk_place *chunk) noexcept nogil:
        """Finds the chunk that begins at start."""
        cdef long pass_ = start // self.n_rows, row = start - pass_ * self.n_rows, in_pass = row // self.batch_size
        cdef long batch = pass_ * self.batches_per_pass + in_pass
        chunk.start = start
        chunk.batch_start = pass_ * self.n_rows + in_pass * self.batch_size
        chunk.batch_end = min((pass_ + 1) * self.n_rows, chunk.batch_start + self.batch_size)
        chunk.end = min(chunk.batch_end, start + self.chunk)
        if self.weight_sums != NULL:
            chunk.weight, chunk.step_number = self.weight_sums[batch], self.step_numbers[batch]
        else:
            chunk.weight, chunk.step_number = chunk.batch_end - chunk.batch_start, self.step_count + batch + 1

    cdef void _phase_of_thread(self, int phase, int thread, int team, long start) noexcept nogil:
        """One thread's slices of a phase: more than one where the team is smaller than asked for."""
        # Each thread has a chunk_place of its own: what is assigned to in a parallel block must not be shared.
        cdef chunk_place chunk
        cdef int slice_ = thread
        self._place_chunk(start, &chunk)
        while slice_ < self.n_threads:
            self._phase(phase, slice_, &chunk)
            slice_ += team

    cdef void _phase(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        cdef int after = phase - self.n_row_phases
        if phase == 0 and slice_ == 0:
            self._fold()
        if chunk.weight != 0 and not self.failed:
            if after < 0:
                self._row_phase(phase, slice_, chunk)
            elif after == 0:
                self._tile_phase(UPDATE, slice_, chunk)
            elif chunk.end == chunk.batch_end:
                if self.clip_norm and after <= 2:
                    self._tile_phase(PREPARE if after == 1 else APPLY, slice_, chunk)
                else:
                    self._limit_phase(slice_, chunk)
        if slice_ == 0 and after == 0:
            self._count(chunk)

    cdef void _row_phase(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        cdef long cached = CACHED_ROWS_BFLOAT16 if self.terms else CACHED_ROWS
        cdef long m = chunk.end - chunk.start, block, low, high, end
        if phase == 0:
            self._plan_next_rows(slice_, chunk)
        if not self.n_blocks:
            if phase > 0 and self.n_stops:
                self._join(phase, slice_, chunk)
            low, high = self._first_row(slice_, m), self._first_row(slice_ + 1, m)
            if phase == 0 and self.weighs_moments:
                self._weigh_rows(chunk, low, high)
            while low < high:
                end = min(high, low + cached)
                self._forward_and_back(phase, slice_, chunk, low, end)
                low = end
            return
        for block in range(self.n_blocks * slice_ // self.n_threads, self.n_blocks * (slice_ + 1) // self.n_threads):
            low, high = min(m, block * self.block_rows), min(m, (block + 1) * self.block_rows)
            if low < high:
                self._forward_and_back(phase, slice_, chunk, low, high)
                self._sum_block(slice_, chunk, block, low, high)

    cdef long _first_row(self, int slice_, long m) noexcept nogil:
        """Of m rows of a chunk, the first that is a slice's; it has those up to the next slice's."""
        # Whole blocks of rows with bfloat16: two threads must not write the two halves of a pair; and with batch
        # normalisation, so that each block's moments are one thread's.
        cdef long together = FM_BLOCK if self.terms else MOMENT_ROWS if self.n_stops else 1
        if self.n_blocks:
            return min(m, self.n_blocks * slice_ // self.n_threads * self.block_rows)
        return min(m, _ceil(m, together) * slice_ // self.n_threads * together)

    cdef void _plan_next_rows(self, int slice_, const chunk_place *chunk) noexcept nogil:
        """Which rows a slice asks the caches for during its update: those that it gathers for the next chunk."""
        cdef fm_next_rows *next_ = &self.next_rows[slice_]
        cdef chunk_place coming
        cdef long low, lines
        next_.rows = 0
        if (self.terms or self.rows.is_sparse or chunk.end == self.n_passes * self.n_rows
                or self.rows.n_rows * self.rows.width_bytes < MEMORY_BYTES):
            return
        self._place_chunk(chunk.end, &coming)
        low = self._first_row(slice_, coming.end - coming.start)
        next_.x, next_.row_bytes, next_.width_bytes = self.rows.base, self.rows.row_bytes, self.rows.width_bytes
        next_.order = self.order + coming.start + low
        next_.rows = self._first_row(slice_ + 1, coming.end - coming.start) - low
        next_.done_bytes, next_.lines_due = 0, 0
        # The update has a multiply-add for each parameter and row; a little less, so that it ends with no row unasked for.
        lines = next_.rows * (_ceil(self.rows.width_bytes, 64) + 1)
        next_.lines_per_multiply_add = lines * self.n_threads / (0.95 * self.n_params * (chunk.end - chunk.start))

    cdef int _backward_phase(self, int phase) noexcept nogil:
        """How many phases on the way back came before; negative for a phase on the way forward alone."""
        return phase - self.n_stops - (self.calls_loss or self.is_kept_pass)

    cdef void _weigh_rows(self, const chunk_place *chunk, long low, long high) noexcept nogil:
        """The weights of rows low to high, whole blocks of MOMENT_ROWS (the batch's last apart), and of these blocks."""
        cdef double factor = (chunk.end - chunk.start) / chunk.weight
        cdef long r
        for r in range(low, high):
            self.row_weights[r] = factor * self.weights[self.order[chunk.start + r]]
            if self.row_weights[r] < self.tiny:
                self.row_weights[r] = 0  # as in the element type
            if r % MOMENT_ROWS == 0:
                self.block_weights[r // MOMENT_ROWS] = 0
            self.block_weights[r // MOMENT_ROWS] += self.row_weights[r]

    cdef double _freedom(self, const chunk_place *chunk) noexcept nogil:
        """What the sum of squared deviations is divided by for the running variance; 0 where there is as good as one row.

        As PyTorch does: one less than there are rows, since their mean is not known but estimated. Weights that are whole
        numbers count as so many rows, of which one is lost. Small weights might leave nothing then, or less; of them the
        mean takes what it takes of the variance in expectation: (sum of squares) / (squared sum), whatever their scale.
        """
        cdef long m = chunk.end - chunk.start, r
        cdef double squares = 0, freedom
        if not self.weighs_moments:
            return m - 1
        for r in range(m):
            squares += self.row_weights[r] * self.row_weights[r]
        freedom = m - min(m / chunk.weight, squares / m)
        return freedom if freedom > LEAST_FREEDOM * m else 0

    cdef const double *_weights_from(self, long low) noexcept nogil:
        return self.row_weights + low if self.weighs_moments else NULL

    cdef void _join(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        """What batch normalisation knows of each block of rows, put together by every thread for itself."""
        cdef int back = self._backward_phase(phase)
        cdef long i, panels, step, width, m = chunk.end - chunk.start
        cdef double freedom = 0
        if phase <= self.n_stops:
            i = self.stops[phase - 1]
            width, panels = self.layers[i].outputs, self._panels(self.layers[i].outputs)
            step = 2 * panels * self.panel
            if slice_ == 0:
                freedom = self._freedom(chunk)
            self.kernels.join_moments(
                width, m, MOMENT_ROWS, self.block_weights if self.weighs_moments else NULL, self.moments[i], step,
                self.epsilon, self.running_share, freedom,
                self.hidden[i].running if freedom > 0 else NULL, self._means(i, slice_), self._scales(i, slice_))
        elif back > 0:
            i = self.stops[self.n_stops - back]
            width, panels = self.layers[i].outputs, self._panels(self.layers[i].outputs)
            self.kernels.join_sums(width, _ceil(m, MOMENT_ROWS), self._sums_of(i, 0), 2 * panels * self.panel,
                                   self.totals + slice_ * self.totals_bytes)

    cdef char *_moments_of(self, long i, long row) noexcept nogil:
        """Of layer i's block of rows that begins at row."""
        return self.moments[i] + row // MOMENT_ROWS * 2 * self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef char *_sums_of(self, long i, long row) noexcept nogil:
        """On the way back, of layer i's block of rows that begins at row."""
        return self._moments_of(i, _ceil(self.chunk, MOMENT_ROWS) * MOMENT_ROWS + row)

    cdef char *_means(self, long i, int slice_) noexcept nogil:
        return self.joined[i] + slice_ * 2 * self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef char *_scales(self, long i, int slice_) noexcept nogil:
        return self._means(i, slice_) + self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef void _forward_and_back(self, int phase, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Rows low to high of the chunk: activations, losses and deltas of the phase's layers."""
        cdef int back = self._backward_phase(phase)
        if phase <= self.n_stops:
            self._forward_rows(phase, slice_, chunk, low, high)
        if phase == self.n_stops and back == 0:
            self._losses(chunk, low, high - low)
        if back >= 0:
            self._back_rows(back, slice_, chunk, low, high)

    cdef void _forward_rows(self, int phase, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Up to the product of the next layer with batch normalisation, or the last one."""
        cdef long n = high - low, stride = self.stride, i = 0, block, r
        cdef long last = self.stops[phase] if phase < self.n_stops else self.n_layers - 1
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        if self.shallow:
            last = 0  # whose product goes on to the outputs
        if phase > 0:
            i = self.stops[phase - 1]
            self._train_hidden(i, slice_, chunk, low, n)
            i += 1
        while True:
            self._multiply_rows(i, slice_, chunk, low, n)
            if i == last:
                break
            self._train_hidden(i, slice_, chunk, low, n)
            i += 1
        if phase < self.n_stops:
            for block in range(_ceil(n, MOMENT_ROWS)):
                r = block * MOMENT_ROWS
                self.kernels.column_moments(
                    min(MOMENT_ROWS, n - r), self.layers[i].outputs,
                    self.activations[i + 1] + offset + r * FM_PANEL_BYTES, stride, self._weights_from(low + r),
                    self.block_weights[(low + r) // MOMENT_ROWS] if self.weighs_moments else 0,
                    self._moments_of(i, low + r))

    cdef fm_mask _mask(self, long i, const chunk_place *chunk, long low, double rate, double scale) noexcept nogil:
        """Of rows from low on, as layer i reads them."""
        cdef fm_mask mask
        # With other factors than that of the row, so that rows of different steps and layers have different numbers.
        mask.key = self.seed + <uint64_t> chunk.step_number * <uint64_t> 0xd1342543de82ef95
        mask.key += <uint64_t> (i + 1) * <uint64_t> 0xda942042e4dd58b5
        mask.row = chunk.start - chunk.batch_start + low
        mask.threshold = <uint32_t> (rate * 4294967296.0)
        mask.scale = scale
        return mask

    cdef fm_mask _dropout_mask(self, long i, const chunk_place *chunk, long low) noexcept nogil:
        return self._mask(i, chunk, low, self.dropout[i], 1 / (1 - self.dropout[i]))

    cdef void _multiply_rows(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Layer i's product of n rows, from low on, with the activation where it follows at once."""
        cdef long stride = self.stride
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef char *out = self.activations[i + 1] + offset
        cdef const fm_layer *layer = &self.layers[i]
        cdef fm_after after
        cdef fm_mask mask
        cdef fm_csr csr
        cdef hidden_rows rows
        self._after_layer(i, &after)
        if self._activates_at_once(i):
            rows = self._hidden_rows(i, slice_, low)
            after.slopes, after.shapes = rows.slopes, rows.shapes
        if i == 0 and self.rows.is_sparse:
            csr = self._csr_of(self.rows, self.order, chunk.start + low)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                csr.mask = &mask
            self._enter_sparse(&csr, n, out, stride, &after)
            return
        if i == 0:
            self._gather(self.rows, self.order, chunk.start + low, n, self.inputs[0] + offset, stride)
            if self.noise:
                mask = self._mask(-1, chunk, low, 0, self.noise)
                self.kernels.add_noise(n, layer.inputs, self.inputs[0] + offset, stride, &mask)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                self.kernels.drop(n, layer.inputs, self.inputs[0] + offset, self.inputs[0] + offset, stride, &mask)
        if self.shallow:
            self.kernels.shallow_forward(n, layer, layer + 1, self.inputs[0] + offset, stride, out,
                                         self.activations[2] + offset)
            return
        if not self.terms:
            self._multiply(i, n, self.inputs[i] + offset, out, stride, &after)
            return
        self.kernels.round_left(self.terms, n, layer.inputs, self.inputs[i] + offset, stride, self.left[slice_])
        self.kernels.round_columns(self.terms, n, layer.inputs, self.inputs[i] + offset, stride,
                                   self.columns[i] + low // FM_BLOCK * self.terms * FM_BLOCK_BYTES, self.row_blocks)
        self.kernels.bfloat16_dense(self.terms, n, layer.outputs, layer.inputs, self.left[slice_], layer.rounded,
                                    self.scratch[slice_], layer.weights, layer.inputs + 1, self._is_biased(i), out, stride,
                                    &after)

    cdef hidden_rows _hidden_rows(self, long i, int slice_, long low) noexcept nogil:
        """Hidden layer i's rows from low on."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef hidden_rows rows
        memset(&rows, 0, sizeof(rows))
        if self.hidden[i].normalization == BATCH_NORM:
            rows.means, rows.scales = self._means(i, slice_), self._scales(i, slice_)
        if self.normalized[i] != NULL:
            rows.normalized = self.normalized[i] + offset
        if self.row_scales[i] != NULL:
            rows.row_scales = self.row_scales[i] + low * self.itemsize
        if self.slopes[i] != NULL:
            rows.slopes = self.slopes[i] + offset
        if self.shapes[i] != NULL:
            rows.shapes = self.shapes[i] + offset
        return rows

    cdef void _train_hidden(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """What else hidden layer i does on the way forward: what waited for all of a row or a column, and dropout."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef char *z = self.activations[i + 1] + offset
        cdef hidden_rows rows
        cdef fm_mask mask
        if not self._activates_at_once(i):
            rows = self._hidden_rows(i, slice_, low)
            self._finish_hidden(i, n, z, self.stride, &rows)
        if self.dropout[i + 1]:
            mask = self._dropout_mask(i + 1, chunk, low)
            self.kernels.drop(n, self.layers[i].outputs, z, self.inputs[i + 1] + offset, self.stride, &mask)

    cdef void _losses(self, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Losses, and the output layer's deltas, which take the place of its activations."""
        self.kernels.loss[self.loss](
            n, self.n_outputs, self.deltas[self.n_layers] + low * FM_PANEL_BYTES, self.stride, self.targets,
            self.order + chunk.start + low, self.weights, self.row_losses + low, &self.loss_settings)
        if self.weights != NULL:
            self._pass_over_weightless(chunk, low, n)

    cdef void _pass_over_weightless(self, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Rows of weight 0 have no loss and no deltas, whatever they hold: 0 times what overflowed is not 0."""
        cdef long r, panel
        for r in range(low, low + n):
            if self.weights[self.order[chunk.start + r]] == 0:
                self.row_losses[r] = 0
                for panel in range(self._panels(self.n_outputs)):
                    memset(self.deltas[self.n_layers] + (panel * self.stride + r) * FM_PANEL_BYTES, 0, FM_PANEL_BYTES)

    cdef void _back_rows(self, int back, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Down to the next layer with batch normalisation, whose sums are made, or to the first layer."""
        cdef long n = high - low, stride = self.stride, i = self.n_layers - 1, block, r, width
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef hidden_layer *below
        if back > 0:
            i = self.stops[self.n_stops - back]
            self._batch_norm_back(i, slice_, chunk, low, n)
        while True:
            if self.terms and not (i == 0 and self.rows.is_sparse):
                self.kernels.round_right(self.terms, n, self.layers[i].outputs, self.deltas[i + 1] + offset, stride,
                                         self.right[i + 1] + low // FM_BLOCK * self.terms * FM_BLOCK_BYTES, self.row_blocks)
            if i == 0 or self.shallow:
                if self.input_gradients != NULL:
                    self._multiply_to_inputs(slice_, chunk, low, n)
                return
            self._multiply_back(i, slice_, chunk, low, n)
            i -= 1
            below, width = &self.hidden[i], self.layers[i].outputs
            if below.normalization == LAYER_NORM:
                self.kernels.layer_norm_back(
                    n, width, self.deltas[i + 1] + offset, stride, self.normalized[i] + offset,
                    <char *> self.layers[i].bias_deltas + offset, self.row_scales[i] + low * self.itemsize,
                    self.layers[below.gains].weights)
            elif below.normalization == BATCH_NORM and self.normalizes_as_predictions:
                self._batch_norm_back(i, slice_, chunk, low, n)
            elif below.normalization == BATCH_NORM:
                for block in range(_ceil(n, MOMENT_ROWS)):
                    r = block * MOMENT_ROWS
                    self.kernels.column_sums(
                        min(MOMENT_ROWS, n - r), width, self.deltas[i + 1] + offset + r * FM_PANEL_BYTES, stride,
                        self.normalized[i] + offset + r * FM_PANEL_BYTES, self._sums_of(i, low + r))
                return

    cdef void _batch_norm_back(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Hidden layer i's deltas, from those after its batch normalisation; totals of 0 take its moments for constants."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        self.kernels.batch_norm_back(
            n, self.layers[i].outputs, self.deltas[i + 1] + offset, self.stride, self.normalized[i] + offset,
            <char *> self.layers[i].bias_deltas + offset, self._scales(i, slice_),
            self.layers[self.hidden[i].gains].weights, self.totals + slice_ * self.totals_bytes,
            1.0 / (chunk.end - chunk.start), self._weights_from(low))

    cdef void _multiply_to_inputs(self, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Makes the gradients of the inputs of n rows, where a KeptPass is asked for them."""

    cdef void _multiply_back(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """From layer i's deltas those of the hidden layer below it, before that one's activation."""
        cdef long stride = self.stride, below = i - 1
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef const fm_layer *layer = &self.layers[i]
        cdef fm_after after
        cdef fm_mask mask
        memset(&after, 0, sizeof(after))
        after.derivative = self.kernels.derivative[min(self.hidden[below].function, NATIVE_FUNCTION)]
        after.at = (self.slopes[below] if self.slopes[below] != NULL else self.activations[i]) + offset
        after.shapes = self.shapes[below] + offset if self.shapes[below] != NULL else NULL
        after.number = self.hidden[below].number
        if self.terms:
            self.kernels.round_left(self.terms, n, layer.outputs, self.deltas[i + 1] + offset, stride, self.left[slice_])
            self.kernels.bfloat16_dense(self.terms, n, layer.inputs, layer.outputs, self.left[slice_],
                                        layer.rounded_transposed, self.scratch[slice_], layer.transposed, layer.outputs, 0,
                                        self.deltas[i] + offset, stride, &after)
        else:
            self.kernels.dense(n, layer.inputs, layer.outputs, self.deltas[i + 1] + offset, stride,
                               layer.weights if layer.turned else layer.transposed, layer.outputs, 0,
                               self.deltas[i] + offset, stride, &after)
        if self.dropout[i]:
            mask = self._dropout_mask(i, chunk, low)
            self.kernels.drop(n, layer.inputs, self.deltas[i] + offset, self.deltas[i] + offset, stride, &mask)
            if self.shapes[below] != NULL:
                self.kernels.drop(n, layer.inputs, self.shapes[below] + offset, self.shapes[below] + offset, stride, &mask)

    cdef void _call_loss(self, const chunk_place *chunk) noexcept nogil:
        """A loss in Python, of the whole batch."""
        if chunk.weight == 0 or self.failed:
            return
        with gil:
            try:
                self._call_loss_with_gil(chunk)
            except BaseException as error:
                self._fail(error)

    cdef int _call_loss_with_gil(self, const chunk_place *chunk) except -1:
        cdef long n = chunk.end - chunk.start, width = self.n_outputs
        cdef double batch_weight = chunk.weight
        cdef char *at = self.deltas[self.n_layers]
        cdef long r
        targets, weights = self._keep
        rows = self._batch_arrays[0].ravel()[chunk.start:chunk.start + n]
        outputs = np.empty((n, width), dtype=self.dtype)
        self.kernels.scatter(at, self.stride, n, width, cnp.PyArray_DATA(outputs), width * self.itemsize)
        loss, gradient = self.python_loss(targets[rows], outputs, None if weights is None else weights[rows])
        deltas = np.ascontiguousarray(gradient * batch_weight, dtype=self.dtype)
        if deltas.shape != (n, width):
            raise ValueError(f"the loss must return a gradient of shape {(n, width)}, got {deltas.shape}")
        self.kernels.gather[self.source](cnp.PyArray_DATA(deltas), width * self.itemsize, NULL, n, width, at, self.stride)
        for r in range(n):
            self.row_losses[r] = 0
        self.row_losses[0] = loss * batch_weight
        return 0

    cdef bint _joined(self, long block) noexcept nogil:
        """Whether a block's sums go on top of those before: the second of a pair, in the same slice as the first."""
        cdef long slice_ = ((block + 1) * self.n_threads - 1) // self.n_blocks
        return block % 2 and block > self.n_blocks * slice_ // self.n_threads

    cdef void _sum_block(self, int slice_, const chunk_place *chunk, long block, long low, long high) noexcept nogil:
        """The gradient sums of rows low to high, for all layers."""
        cdef fm_layer layer
        cdef fm_step step
        cdef long i, panel
        memset(&step, 0, sizeof(step))
        step.first = True
        step.add = self._joined(block)
        step.next = &self.next_rows[slice_]
        for i in range(self.n_parts):
            layer = self.layers[i]
            layer.sums = self.block_sums[i * self.n_blocks + block - step.add]
            for panel in range(self._panels(layer.outputs)):
                self._update(&layer, i, panel, panel + 1, 0, self._units(i), slice_, chunk, low, high, &step)

    cdef void _update(self, const fm_layer *layer, long i, long panel, long panel_end, long first, long last, int slice_,
                      const chunk_place *chunk, long low, long high, const fm_step *step) noexcept nogil:
        """Units first to last of layer i's output panels: gradient over rows low to high of the chunk, and the step.

        More than one panel only where _takes_panels().
        """
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef double *squares = self.squares[i] + panel * self._units(i)
        cdef fm_layer moved
        cdef fm_csr csr
        cdef fm_mask mask
        if layer.bias_deltas != NULL and low > 0:
            moved = layer[0]
            moved.bias_deltas = <char *> layer.bias_deltas + offset
            layer = &moved
        if i == 0 and self.rows.is_sparse:
            csr = self._csr_of(self.rows, self.order, chunk.start + low)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                csr.mask = &mask
            self.kernels.update_sparse(layer, panel, first, last, high - low, &csr, self.cursors + slice_ * self.chunk,
                                       self.deltas[i + 1] + offset, self.stride, step, squares)
        elif self._takes_panels(i):
            self.kernels.bfloat16_update(
                layer, panel, panel_end, first, last, high - low, self.columns[i], self.right[i + 1], self.row_blocks,
                self.deltas[i + 1], self.stride, step, self.squares[i], self._units(i))
        else:
            self.kernels.update_dense(layer, panel, first, last, high - low,
                                      self.inputs[i] + offset if i < self.n_layers else NULL, self.stride,
                                      self.part_deltas[i] + offset, self.stride, step, squares)

    cdef bint _takes_panels(self, long i) noexcept nogil:
        """Whether the update of layer i has bfloat16 operands, of as many output panels as there are."""
        return self.terms and i < self.n_layers and not (i == 0 and self.rows.is_sparse)

    cdef void _prepare_step(self, int slice_, const chunk_place *chunk, fm_step *step) noexcept nogil:
        cdef int64_t number = chunk.step_number
        step.rule = self.rule
        step.first = chunk.start == chunk.batch_start
        step.last = chunk.end == chunk.batch_end
        step.l2 = self.l2
        step.l1 = self.l1
        step.clip_value = self.clip_value
        step.prepares = self.l1 != 0 or self.clip_value != 0
        step.decay = self.average_decay if number > 1 else 0  # the average begins with the first update's weights
        step.scale = 1 / chunk.weight
        step.add = False
        step.next = &self.next_rows[slice_]
        step.of_biases = NULL
        self._prepare_constants(self._hyper_of(chunk), chunk, step)

    cdef const double *_hyper_of(self, const chunk_place *chunk) noexcept nogil:
        return self.hyper + (chunk.step_number - self.step_count - 1) * self.hyper_step

    cdef void _prepare_part(self, int what, long i, const chunk_place *chunk, fm_step *step,
                            fm_step *of_biases) noexcept nogil:
        """Makes a step that of part i's weights, and of_biases that of its biases, each with its factors."""
        cdef double hyper[8]  # FM_MAX_HYPER
        cdef fm_step *each = step
        cdef int k
        cdef long place
        step.l2 = 0 if what == APPLY else self.l2 * self.decay_factors[2 * i]
        step.of_biases = NULL
        of_biases[0] = step[0]
        for place in range(2 * i, 2 * i + 2):
            memcpy(hyper, self._hyper_of(chunk), sizeof(hyper))
            for k in range(FM_MAX_HYPER):
                if self.is_rate[k]:
                    hyper[k] *= self.rate_factors[place]
                if k == self.decay_hyper:
                    hyper[k] *= self.decay_factors[place]
            self._prepare_constants(hyper, chunk, each)
            each = of_biases
        step.of_biases = of_biases

    cdef void _prepare_constants(self, const double *hyper, const chunk_place *chunk, fm_step *step) noexcept nogil:
        cdef int k
        memset(step.constants, 0, sizeof(step.constants))
        fm_rule_prepare(self.rule, hyper, <double> chunk.step_number, step.constants)
        for k in range(FM_MAX_HYPER):
            # What prepare multiplied may have become denormal.
            if 0 < step.constants[k] < self.tiny:
                step.constants[k] = self.tiny

    cdef void _tile_phase(self, int what, int slice_, const chunk_place *chunk) noexcept nogil:
        """A slice's share of all tiles: updated; or, where the gradient is clipped by its norm, prepared, and then applied."""
        cdef long rows = chunk.end - chunk.start
        cdef long low = self.total_cost * slice_ // self.n_threads
        cdef long high = self.total_cost * (slice_ + 1) // self.n_threads
        cdef long i, base = 0, units, all_grains, at, stop, panel, panel_end, first, last, cost, block
        cdef const void *sums[4]  # MAX_BLOCKS
        cdef bint missing
        cdef fm_step step, of_biases
        self._prepare_step(slice_, chunk, &step)
        if what == UPDATE and self.clip_norm:
            step.last = False
        if what == APPLY:
            step.prepares, step.l2, step.scale = False, 0, self._share_of_norm()
        if what == UPDATE and self.shallow:
            self.kernels.shallow_update(&self.layers[0], &self.layers[1], rows, self.inputs[0], self.activations[1],
                                        self.deltas[2], self.stride, &step, self.squares[0], self.squares[1])
            return
        for i in range(self.n_parts):
            if self.rate_factors != NULL:
                self._prepare_part(what, i, chunk, &step, &of_biases)
            units, cost = self._units(i), self.unit_cost[i]
            all_grains = self._grains(i) * self._panels(self.layers[i].outputs)
            for block in range(self.n_blocks):
                missing = block * self.block_rows >= rows or self._joined(block)
                sums[block] = NULL if missing else self.block_sums[i * self.n_blocks + block]
            if what == APPLY:
                sums[0] = self.layers[i].sums
            # A grain is this slice's when it begins within [low, high) of the summed costs.
            at = min(all_grains, _ceil(max(0, low - base), cost))
            stop = min(all_grains, _ceil(max(0, high - base), cost))
            base += all_grains * cost
            panel = 0
            while panel < self._panels(self.layers[i].outputs):
                first, last = self._first_grain(i, panel, at), self._first_grain(i, panel, stop)
                panel_end = panel + 1
                if what == UPDATE and self._takes_panels(i):
                    while (panel_end < self._panels(self.layers[i].outputs) and first == self._first_grain(i, panel_end, at)
                           and last == self._first_grain(i, panel_end, stop)):
                        panel_end += 1
                if first < last:
                    self._tiles(what, i, panel, panel_end, first * self.grain, min(units, last * self.grain), slice_, chunk,
                                sums, &step)
                panel = panel_end

    cdef long _first_grain(self, long i, long panel, long number) noexcept nogil:
        """Of a panel's grains, the first whose number among all of layer i's is not below number.

        They are numbered along the longer side of the layer, so that slices need little of what other threads have made:
        where there are more inputs than outputs, all panels' first grains come first.
        """
        cdef long grains = self._grains(i), panels = self._panels(self.layers[i].outputs)
        if self.layers[i].inputs > self.layers[i].outputs:
            return _ceil(max(0, number - panel), panels)
        return max(0, min(grains, number - panel * grains))

    cdef void _tiles(self, int what, long i, long panel, long panel_end, long first, long last, int slice_,
                     const chunk_place *chunk, const void *const *sums, const fm_step *step) noexcept nogil:
        """What a phase does to units first to last of layer i's output panels; more than one only where _takes_panels()."""
        cdef long units = self._units(i)
        cdef double *squares = self.squares[i] + panel * units
        if what == PREPARE:
            self.kernels.prepare_sums(&self.layers[i], panel, first, last, step, squares,
                                      self.norms[i] + panel * (units + 1))
        elif what == APPLY:
            self.kernels.update_sums(&self.layers[i], panel, first, last, sums, 1, step, NULL)
            if self.keeps_rounded and i < self.n_layers and not self.layers[i].limit:
                self.kernels.round_units(&self.layers[i], panel, first, last)
        elif self.n_blocks:
            self.kernels.update_sums(&self.layers[i], panel, first, last, sums, self.n_blocks, step, squares)
        else:
            self._update(&self.layers[i], i, panel, panel_end, first, last, slice_, chunk, 0, chunk.end - chunk.start, step)

    cdef double _share_of_norm(self) noexcept nogil:
        """What clipping by the norm leaves of the gradient."""
        cdef long i, k
        cdef double square = 0
        for i in range(self.n_parts):
            for k in range((self._units(i) + 1) * self._panels(self.layers[i].outputs)):
                square += self.norms[i][k]
        square = sqrt(square)
        return self.clip_norm / square if square > self.clip_norm else 1  # NaN goes through

    cdef void _limit_phase(self, int slice_, const chunk_place *chunk) noexcept nogil:
        """Hidden layers' weights made short enough, whole panels at a time."""
        cdef long i, panel, number = 0
        cdef fm_step step
        self._prepare_step(slice_, chunk, &step)
        for i in range(self.n_layers - 1):
            for panel in range(self._panels(self.layers[i].outputs)):
                if number % self.n_threads == slice_:
                    self.kernels.limit_norms(&self.layers[i], panel, &step)
                    if self.keeps_rounded:
                        self.kernels.round_units(&self.layers[i], panel, 0, self._units(i))
                number += 1

    cdef void _count(self, const chunk_place *chunk) noexcept nogil:
        """Ends a chunk: its losses, and where the run stands."""
        cdef long end = chunk.end
        if self.failed:
            self.position = chunk.start
            self.stop = True
            return
        if chunk.weight != 0:
            if chunk.start == chunk.batch_start:
                self.finished.loss = 0
            self.finished.loss += _sum(self.row_losses, end - chunk.start)
            if end == chunk.batch_end:
                self.finished.pending = True
                self.finished.weight = chunk.weight
                self.finished.rows = end - chunk.batch_start
                self.finished.pass_ = chunk.start // self.n_rows
        if end == self.n_passes * self.n_rows or fm_seconds() > self.deadline:
            self.position = end
            self.stop = True

    cdef void _fold(self) noexcept nogil:
        """Adds a finished batch's loss, with the penalty of the weights it began with, to its pass's."""
        cdef long i
        cdef double penalty = 0, square
        cdef bint is_made
        if not self.finished.pending:
            return
        self.finished.pending = False
        if self.l2 != 0 or self.l1 != 0:
            # Where the gradient is prepared, the penalty is made then.
            is_made = self.l1 != 0 or self.clip_value != 0 or self.clip_norm != 0
            for i in range(self.n_layers):
                square = _sum(self.squares[i], self._units(i) * self._panels(self.layers[i].outputs))
                penalty += square if is_made or self.rate_factors == NULL else square * self.decay_factors[2 * i]
            if not is_made:
                penalty *= 0.5 * self.l2
        self.loss_sums[self.finished.pass_] += (self.finished.loss + penalty) / self.finished.weight * self.finished.rows

    def updates_done(self):
        """Updates made by the end of the passes so far: step_count for the next ones."""
        if self.position == 0:
            return self.step_count
        cdef chunk_place last
        self._place_chunk(self.position - 1, &last)
        # A run may end in the middle of a batch.
        return last.step_number - (last.batch_end > self.position and last.weight != 0)


cdef class KeptPass(Trainer):
    """A pass forward over a batch that is kept, so that gradients of its outputs can be taken back through the network.

    ahead() goes forward and back() goes back, as often as one likes for the same outputs. The rows' and the tiles' phases are
    those of a training step, and so are the gradients' bits the same on any number of threads.

    Parameters
    ----------
    sizes, hidden, loss, dtype, n_threads, isa
        As for Trainer. Of the loss only the link is used.
    max_rows : int
        Rows of the largest batch.
    training : bool, default=False
        Whether batch normalisation takes the moments of the batch, towards which the running moments move then, and not
        the running ones.
    regularization : object, default=None
        As for Trainer, of which the rates of dropout alone have a meaning here.
    """

    cdef char *first_transposed  # the first layer's weights turned, where first_is_turned since they were loaded
    cdef bint first_is_turned
    cdef char *input_scratch     # of each thread, for the rows that go through all layers together
    cdef Py_ssize_t scratch_bytes
    cdef char *zero_means
    cdef Py_ssize_t gradient_step  # bytes from one row of the inputs' gradients to the next
    cdef char *outputs
    cdef const char *output_gradients
    cdef bint linked
    # What the way forward leaves of each layer; the way back makes deltas of copies of it.
    cdef char **kept_normalized
    cdef char **kept_shapes
    cdef bint is_kept
    cdef long n_kept  # rows of the pass
    cdef readonly long max_rows

    def __init__(self, sizes, hidden, loss, dtype, *, max_rows, n_threads=1, training=False, regularization=None, isa=None):
        cdef long i
        self.is_kept_pass, self.normalizes_as_predictions = True, not training
        super().__init__(sizes, hidden, loss, dtype, rule="gradient", max_batch=max_rows, n_threads=n_threads, split=False,
                         regularization=regularization, isa=isa)
        self.max_rows = max_rows
        self._take_hyper(np.zeros((1, 1)))
        self.kept_normalized = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.kept_shapes = <char **> self._zeros(self.n_layers * sizeof(char *))
        for i in range(self.n_layers - 1):
            if self.normalized[i] != NULL:
                self.kept_normalized[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if self.shapes[i] != NULL:
                self.kept_shapes[i] = self._zeros(self._block_bytes(self.layers[i].outputs))

    def load(self, params, slots=(), average=None):
        """Takes the parameters; a pass that was kept is none of theirs."""
        super().load(params, slots, average)
        self.is_kept = self.first_is_turned = False

    def ahead(self, Rows rows not None, *, start=0, stop=None, linked=True, seed=0):
        """Goes forward with rows start to stop, and keeps what the way back needs.

        Parameters
        ----------
        rows : Rows
        start, stop : int
            The first of the rows, and the one behind the last (None: all that there are); from 1 to max_rows of them.
        linked : bool, default=True
            Whether the outputs have passed the link.
        seed : int, default=0
            Of dropout.

        Returns
        -------
        outputs : ndarray of shape (stop - start, n_outputs)
        """
        cdef long first = start, end = rows.n_rows if stop is None else stop, i, n_bytes
        cdef int slice_
        self._check(rows)
        if not 0 <= first < end <= min(rows.n_rows, first + self.max_rows):
            raise ValueError(f"expected from 1 to {self.max_rows} of {rows.n_rows} rows, got start={start} and stop={stop}")
        self._attach_rows(rows)
        self.seed, self.linked = seed, linked
        self.n_passes, self.position, self.n_rows, self.n_kept = 1, first, end, end - first
        self.is_kept = False
        for i in range(self.n_layers - 1):
            if self.kept_normalized[i] != NULL:
                self.normalized[i] = self.kept_normalized[i]
            if self.kept_shapes[i] != NULL:
                self.shapes[i] = self.kept_shapes[i]
            if self.hidden[i].normalization == BATCH_NORM and self.normalizes_as_predictions:
                n_bytes = self._panels(self.layers[i].outputs) * FM_PANEL_BYTES
                for slice_ in range(self.n_threads):
                    memcpy(self._means(i, slice_), self.hidden[i].means, n_bytes)
                    memcpy(self._scales(i, slice_), self.hidden[i].scales, n_bytes)
        outputs = np.empty((self.n_kept, self.n_outputs), dtype=self.dtype)
        self.outputs = <char *> cnp.PyArray_DATA(outputs)
        self._run_phases(0, self.n_stops + 1)
        self.is_kept = True
        return outputs

    def back(self, output_gradients, params=None, inputs=None):
        """Takes gradients of the outputs before their link back, for the rows that the last ahead() went forward with.

        Parameters
        ----------
        output_gradients : ndarray of shape (n_rows, n_outputs)
            Contiguous, of the network's type.
        params : ndarray of shape (n_params,), default=None
            Where the gradient of the parameters goes, summed over the rows; None: nobody wants it.
        inputs : ndarray of shape (n_rows, n_inputs), default=None
            Where the gradients of the inputs go, as the caller gave them, before their scaling. Each row is contiguous,
            but the rows need not follow each other. None: nobody wants them.
        """
        cdef long i, width = self.layers[0].inputs
        if not self.is_kept:
            raise ValueError("ahead() comes before back()")
        if not (_is_plain(output_gradients) and output_gradients.dtype == self.dtype
                and output_gradients.shape == (self.n_kept, self.n_outputs)):
            raise ValueError(f"output_gradients must be a contiguous {self.dtype} array of shape "
                             f"{(self.n_kept, self.n_outputs)}")
        self.output_gradients = <const char *> cnp.PyArray_DATA(output_gradients)
        for i in range(self.n_layers - 1):
            if self.kept_normalized[i] != NULL:
                self.normalized[i] = self.part_deltas[self.hidden[i].gains]
            if self.kept_shapes[i] != NULL:
                self.shapes[i] = self.part_deltas[self.hidden[i].numbers]
        if inputs is not None:
            if not (inputs.dtype == self.dtype and inputs.shape == (self.n_kept, width) and inputs.flags.writeable
                    and inputs.flags.aligned and (width == 1 or inputs.strides[1] == self.itemsize)):
                raise ValueError(f"inputs must be a {self.dtype} array of shape {(self.n_kept, width)} with contiguous rows")
            self._turn_first()
            self.gradient_step = inputs.strides[0]
            self.input_gradients = <char *> cnp.PyArray_DATA(inputs)
        self._run_phases(self.n_stops + 1, self.n_row_phases + (params is not None))
        self.input_gradients = NULL
        if params is not None:
            self.store(None, [params])

    cdef int _turn_first(self) except -1:
        """What the gradients of the inputs are made with: the first layer's weights turned, and memory for each thread."""
        cdef const fm_layer *first = &self.layers[0]
        cdef Py_ssize_t panels_bytes = self._panels(first.inputs) * FM_PANEL_BYTES
        if self.first_transposed == NULL:
            self.scratch_bytes = panels_bytes * (CACHED_ROWS | 1)
            self.input_scratch = self._zeros(self.n_threads * self.scratch_bytes)
            self.zero_means = self._zeros(panels_bytes)
            self.first_transposed = self._zeros(panels_bytes * first.outputs)
        if not self.first_is_turned:
            self.kernels.pack_transposed(first.weights, first.inputs, first.outputs, self.first_transposed)
            self.first_is_turned = True
        return 0

    cdef void _multiply_to_inputs(self, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        cdef const fm_layer *first = &self.layers[0]
        cdef char *out = self.input_scratch + slice_ * self.scratch_bytes
        cdef long stride = CACHED_ROWS | 1
        cdef fm_after nothing
        cdef fm_mask mask
        memset(&nothing, 0, sizeof(nothing))
        self.kernels.dense(n, first.inputs, first.outputs, self.deltas[1] + low * FM_PANEL_BYTES, self.stride,
                           self.first_transposed, first.outputs, 0, out, stride, &nothing)
        if self.dropout[0]:
            mask = self._dropout_mask(0, chunk, low)
            self.kernels.drop(n, first.inputs, out, out, stride, &mask)
        if self.input_is_scaled:
            self.kernels.standardize(n, first.inputs, out, stride, self.zero_means, self.input_scales)
        self.kernels.scatter(out, stride, n, first.inputs, self.input_gradients + low * self.gradient_step,
                             self.gradient_step)

    cdef int _run_phases(self, int first, int end) except -1:
        """Runs the phases from first to before end, all threads together."""
        cdef unsigned mode
        cdef int phase
        self.failed = False
        with nogil:
            if self.n_threads == 1:
                # Without OpenMP: a process forked from one that had a team must not enter it.
                mode = fm_denormals_flush()
                for phase in range(first, end):
                    self._phase_of_slices(phase, 0, 1)
                fm_denormals_restore(mode)
            else:
                self._run_phases_as_team(first, end)
        self._raise_error()
        return 0

    cdef void _run_phases_as_team(self, int first, int end) noexcept nogil:
        cdef unsigned mode = 0
        cdef int thread = 0, team = 0, phase = 0
        with parallel(num_threads=self.n_threads):
            thread, team = threadid(), fm_team_size()
            mode = fm_denormals_flush()
            for phase in range(first, end):
                self._phase_of_slices(phase, thread, team)
                fm_barrier_wait(self.barrier, team)
            fm_denormals_restore(mode)

    cdef void _phase_of_slices(self, int phase, int slice_, int team) noexcept nogil:
        """One thread's slices of a phase, which begin with slice_."""
        cdef chunk_place chunk
        # All rows are one chunk; of weight 1, since gradients are summed over the rows.
        chunk.start = chunk.batch_start = self.position
        chunk.end = chunk.batch_end = self.n_rows
        chunk.weight = chunk.step_number = 1
        while slice_ < self.n_threads and not self.failed:
            if phase == self.n_stops + 1:
                self._take_output_gradients(slice_)
            if phase < self.n_row_phases:
                self._row_phase(phase, slice_, &chunk)
            else:
                self._tile_phase(UPDATE, slice_, &chunk)
            if phase == self.n_stops:
                self._give_outputs(slice_)
            slice_ += team

    cdef void _give_outputs(self, int slice_) noexcept nogil:
        """Writes a slice's outputs; the panels they are taken from are the output layer's deltas on the way back."""
        cdef long low = self._first_row(slice_, self.n_kept), n = self._first_row(slice_ + 1, self.n_kept) - low
        cdef char *at = self.deltas[self.n_layers] + low * FM_PANEL_BYTES
        cdef long width = self.n_outputs * self.itemsize
        if self.linked:
            self.kernels.link[self.loss](n, self.n_outputs, at, self.stride)
        self.kernels.scatter(at, self.stride, n, self.n_outputs, self.outputs + low * width, width)

    cdef void _take_output_gradients(self, int slice_) noexcept nogil:
        """Reads the gradients of a slice's outputs, and copies what its way back makes deltas of."""
        cdef long low = self._first_row(slice_, self.n_kept), n = self._first_row(slice_ + 1, self.n_kept) - low, i, panel
        cdef long width = self.n_outputs * self.itemsize
        cdef Py_ssize_t offset
        self.kernels.gather[self.source](self.output_gradients + low * width, width, NULL, n, self.n_outputs,
                                         self.deltas[self.n_layers] + low * FM_PANEL_BYTES, self.stride)
        for i in range(self.n_layers - 1):
            for panel in range(self._panels(self.layers[i].outputs)):
                offset = (panel * self.stride + low) * FM_PANEL_BYTES
                if self.kept_normalized[i] != NULL:
                    memcpy(self.normalized[i] + offset, self.kept_normalized[i] + offset, n * FM_PANEL_BYTES)
                if self.kept_shapes[i] != NULL:
                    memcpy(self.shapes[i] + offset, self.kept_shapes[i] + offset, n * FM_PANEL_BYTES)


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
        cdef Py_ssize_t n_bytes = _ceil(self.width * self.itemsize, FM_PANEL_BYTES) * self.stride * FM_PANEL_BYTES
        self._buffer = np.zeros(n_bytes + FM_SLACK, dtype=np.uint8)
        self.at = _aligned(cnp.PyArray_DATA(self._buffer), n_bytes)
        self._fill(array, 0)
        if extra_row is not None:
            self._fill(extra_row.reshape(1, -1), self.rows)

    cdef int _fill(self, array, long row) except -1:
        if array.shape[1] != self.width:
            raise ValueError(f"expected rows of {self.width} elements, got {array.shape[1]}")
        self.kernels.gather[_source_index(array.dtype)](
            cnp.PyArray_DATA(array), array.strides[0], NULL, array.shape[0], self.width,
            self.at + row * FM_PANEL_BYTES, self.stride)
        return 0

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
        n_threads = _team(n_threads)
        memset(&nothing, 0, sizeof(nothing))
        self._same_type(a, b)
        if (self.rows, self.width, a.width) != (a.rows, b.width, b.rows):
            raise ValueError(f"a product of ({a.rows}, {a.width}) and ({b.rows}, {b.width}) is not "
                             f"({self.rows}, {self.width})")
        with nogil:
            for slice_ in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                low = n * slice_ // n_threads
                a.kernels.dense(
                    n * (slice_ + 1) // n_threads - low, b.width, a.width, a.at + low * FM_PANEL_BYTES, a.stride, b.at,
                    b.stride, b.biased, self.at + low * FM_PANEL_BYTES, self.stride, &nothing)

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

    def activate(self, name, double number=0, slopes=None, shapes=None):
        """Becomes f of itself, f being the named activation; slopes and shapes, Panels of its shape, get what they hold."""
        cdef long panel, step = self.stride * FM_PANEL_BYTES
        cdef fm_activate_fn function = self.kernels.activate[_index(ACTIVATIONS, name, "activation")]
        for panel in range(_ceil(self.width * self.itemsize, FM_PANEL_BYTES)):
            function(self.rows, self.at + panel * step, self._same_place(slopes, panel), self._same_place(shapes, panel),
                     NULL, number)

    def differentiate(self, name, Panels at not None, double number=0, shapes=None):
        """Becomes itself times f'(z), given a = f(z) of the named activation, or the slopes of one that is sloped.

        shapes, df/dnumber, become the deltas of the numbers.
        """
        cdef long panel, step = self.stride * FM_PANEL_BYTES
        cdef fm_derivative_fn function = self.kernels.derivative[_index(ACTIVATIONS, name, "activation")]
        for panel in range(_ceil(self.width * self.itemsize, FM_PANEL_BYTES)):
            function(self.rows, self._same_place(at, panel), self.at + panel * step, self._same_place(shapes, panel),
                     number)

    cdef char *_same_place(self, Panels other, long panel) except? NULL:
        if other is None:
            return NULL
        self._same_type(other, other)
        if (self.rows, self.width, self.stride) != (other.rows, other.width, other.stride):
            raise ValueError(f"({other.rows}, {other.width}) does not go with ({self.rows}, {self.width})")
        return other.at + panel * self.stride * FM_PANEL_BYTES


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


def activate(name, const real[:, ::1] z, number=0.0, *, isa=None):
    """f(z) of the named activation."""
    cdef Panels values = Panels(np.asarray(z), isa)
    values.activate(name, number)
    return values.unpack()


def differentiate(name, const real[:, ::1] z, const real[:, ::1] deltas, number=0.0, *, isa=None):
    """deltas * df/dz and deltas * df/dnumber (zeros where the number cannot be learned) of the named activation."""
    cdef Panels a = Panels(np.asarray(z), isa), ds = Panels(np.asarray(deltas), isa)
    cdef Panels slopes = Panels(np.zeros_like(z), isa), shapes = Panels(np.zeros_like(z), isa)
    a.activate(name, number, slopes, shapes)
    ds.differentiate(name, slopes if name in SLOPED_ACTIVATIONS else a, number, shapes)
    return ds.unpack(), shapes.unpack()


def link(loss, const real[:, ::1] z, *, isa=None):
    """The named loss's link (its output activation) of z."""
    cdef Panels values = Panels(np.asarray(z), isa)
    values.kernels.link[_index(LOSSES, loss, "loss")](values.rows, values.width, values.at, values.stride)
    return values.unpack()


def row_losses(loss, const real[:, ::1] z, targets, weights=None, *, options=(), output_weights=None, isa=None):
    """The named loss of every row, times its weight, and the gradient of their sum with respect to z.

    targets as for Trainer.attach, options and output_weights as for Trainer; for squared_error the gradient lacks the mean
    over outputs, as scikit-learn's does.
    """
    cdef Panels values = Panels(np.asarray(z), isa)
    cdef int index = _index(LOSSES, loss, "loss")
    cdef fm_loss_settings settings
    _check_targets(index, _type_of(z), targets, weights, values.rows, values.width)
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
        When the CPU lacks the instruction set, or n_threads is not that of a team.
    """
    cdef const fm_kernels *kernels = fm_isa_kernels(_isa_index(isa), _bits(dtype))
    cdef long steps = 1024, made = 0, slice_
    cdef double start, seconds = 0, best = 0
    cdef int tries
    n_threads = _team(n_threads)
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
