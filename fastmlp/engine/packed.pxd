"""The layout of packed networks, for those that extend them."""

from libc.stdint cimport int64_t

from fastmlp.engine.native cimport fm_after, fm_csr, fm_kernels, fm_layer, fm_native
from fastmlp.engine.rows cimport Rows

cdef enum:
    CACHED_ROWS = 128  # that go through all layers together: the activations of a wide layer stay in the second-level cache

# Functions of hidden layers that are not the C core's, in the order of ACTIVATIONS after those.
cdef int NATIVE_FUNCTION
cdef int PYTHON_FUNCTION


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


cdef class PackedNetwork:
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
    cdef fm_layer *layers
    cdef double block_seconds  # of a forward pass of CACHED_ROWS rows; 0 before it was measured

    cdef char *_zeros(self, Py_ssize_t n_bytes) except NULL
    cdef long _panels(self, long width) noexcept nogil
    cdef Py_ssize_t _packed_bytes(self, long i) noexcept nogil
    cdef Py_ssize_t _flat_bytes(self, long i) noexcept nogil
    cdef const char *_flat(self, params) except NULL
    cdef char *_flat_to_write(self, params) except NULL
    cdef void _pack(self, long i, const char *flat, void *packed) noexcept nogil
    cdef int _check_moments(self, long i) except -1
    cdef int _use_running(self, long i) except -1
    cdef void _unpack(self, long i, const void *packed, char *flat) noexcept nogil
    cdef Py_ssize_t _turned_place(self, long i, long row, long column) noexcept nogil
    cdef void _activation_of(self, long i, fm_after *after) noexcept nogil
    cdef bint _activates_at_once(self, long i) noexcept nogil
    cdef void _after_layer(self, long i, fm_after *after) noexcept nogil
    cdef bint _is_biased(self, long i) noexcept nogil
    cdef void _apply(self, const fm_after *after, long n, long width, char *z, long stride) noexcept nogil
    cdef void _call_function(self, long i, long n, char *z, char *slopes, long stride) noexcept nogil
    cdef int _fail(self, error) except -1
    cdef int _call_function_with_gil(self, long i, long n, char *z, char *slopes, long stride) except -1
    cdef void _finish_hidden(self, long i, long n, char *z, long stride, const hidden_rows *rows) noexcept nogil
    cdef void _gather(self, Rows rows, const int64_t *order, long start, long n, char *inputs, long stride) noexcept nogil
    cdef fm_csr _csr_of(self, Rows rows, const int64_t *order, long start) noexcept nogil
    cdef void _enter_sparse(self, const fm_csr *csr, long n, char *out, long stride, const fm_after *after) noexcept nogil
    cdef void _multiply(self, long i, long n, const char *a, char *out, long stride, const fm_after *after) noexcept nogil
    cdef bint _is_small(self, long n) noexcept nogil
    cdef bint _outputs_of(self, Rows rows, const int64_t *order, long first, long n, char *to, long width, int n_threads, bint judged, bint linked, bint check) except -1
    cdef void _share_blocks(self, Rows rows, forward_work *work, int n_threads, bint judged) noexcept nogil
    cdef int _raise_error(self) except -1
    cdef long _take_share(self, Rows rows, forward_work *work, int number) noexcept nogil
    cdef bint _forward_block(self, Rows rows, const forward_work *work, long block, char *scratch) noexcept nogil
