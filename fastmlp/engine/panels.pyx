"""The kernels on plain arrays, for tests, benchmarks and whatever computes outside a network."""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.string cimport memset

from fastmlp.engine.layout cimport plain_rows, right_operand, rows_at
from fastmlp.engine.memory cimport FM_SLACK, aligned, ceil_divide
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, FM_STRIP, fm_activate_fn, fm_after, fm_derivative_fn, fm_isa_kernels, fm_kernels, fm_layer,
    fm_loss_settings, fm_matrix, fm_rows, fm_samples, fm_seconds, fm_source, fm_step, fm_strips, bits_of, real,
)
from fastmlp.engine.objective cimport check_targets, settle_loss
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.tables cimport bits_of_type, index_of, isa_index_of, source_index_of
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.tables import ACTIVATIONS, LOSSES, SLOPED_ACTIVATIONS

cnp.import_array()

# So many strips of one panel are summed at once: whole panels of inputs, and work enough to be worth handing out.
cdef enum:
    STRIPS_OF_PIECE = 16


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
        cdef int bits = bits_of_type(array.dtype)
        self.kernels = fm_isa_kernels(isa_index_of(isa), bits)
        self.rows, self.width = array.shape
        self.itemsize = array.itemsize
        self.biased = extra_row is not None
        self.stride = self.rows + self.biased
        cdef Py_ssize_t n_bytes = ceil_divide(self.width * self.itemsize, FM_PANEL_BYTES) * self.stride * FM_PANEL_BYTES
        self._buffer = np.zeros(n_bytes + FM_SLACK, dtype=np.uint8)
        self.at = aligned(cnp.PyArray_DATA(self._buffer), n_bytes)
        self._fill(array, 0)
        if extra_row is not None:
            self._fill(extra_row.reshape(1, -1), self.rows)

    cdef int _fill(self, array, long row) except -1:
        if array.shape[1] != self.width:
            raise ValueError(f"expected rows of {self.width} elements, got {array.shape[1]}")
        cdef fm_source plain = plain_rows(cnp.PyArray_DATA(array), array.strides[0])
        cdef fm_rows rows = rows_at(self.at + row * FM_PANEL_BYTES, self.stride, array.shape[0], self.width)
        self.kernels.gather[source_index_of(array.dtype)](&plain, &rows)
        return 0

    cdef fm_rows _rows(self) noexcept nogil:
        return rows_at(self.at, self.stride, self.rows, self.width)

    cdef int _same_type(self, Panels a, Panels b) except -1:
        if not self.itemsize == a.itemsize == b.itemsize:
            raise ValueError("expected panels of one element type")
        return 0

    def unpack(self):
        """Return the matrix as a new array, without the extra row."""
        out = np.empty((self.rows, self.width), dtype=np.dtype(f"f{self.itemsize}"))
        cdef fm_rows rows = self._rows()
        self.kernels.scatter(&rows, cnp.PyArray_DATA(out), out.strides[0])
        return out

    def multiply(self, Panels a not None, Panels b not None, *, int n_threads=1):
        """Become a @ b, plus b's extra row where it has one; rows of a are shared out among the threads."""
        cdef long slice_
        n_threads = team_size(n_threads)
        self._same_type(a, b)
        if (self.rows, self.width, a.width) != (a.rows, b.width, b.rows):
            raise ValueError(f"a product of ({a.rows}, {a.width}) and ({b.rows}, {b.width}) is not "
                             f"({self.rows}, {self.width})")
        with nogil:
            for slice_ in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                self._multiply_slice(a, b, a.rows * slice_ // n_threads, a.rows * (slice_ + 1) // n_threads)

    cdef void _multiply_slice(self, Panels a, Panels b, long low, long high) noexcept nogil:
        cdef fm_rows x = rows_at(a.at + low * FM_PANEL_BYTES, a.stride, high - low, a.width)
        cdef fm_rows c = rows_at(self.at + low * FM_PANEL_BYTES, self.stride, high - low, self.width)
        cdef fm_matrix right = right_operand(b.at, a.width, b.stride, b.biased)
        cdef fm_after nothing
        memset(&nothing, 0, sizeof(nothing))
        a.kernels.dense(&x, &right, &c, &nothing)

    def fill(self, array):
        """Become another matrix of the same shape and type, in the same memory."""
        if array.dtype.itemsize != self.itemsize or array.shape != (self.rows, self.width):
            raise ValueError(f"expected {self.rows} rows of {self.width} elements of the same type")
        self._fill(array, 0)

    def multiply_transposed(self, Panels a not None, Panels b not None, *, bint add=False, bint upper=False,
                            int n_threads=1):
        """Become a.T @ b, and the extra row the sums of b's columns: a layer's weight gradient.

        Panels of the result, and of each of them the inputs, are shared out among the threads; the result does not
        depend on their number. Each element is one sum over the rows in their order, over those of earlier calls first
        where these are added to: how many rows come in one call changes nothing but rounding in the last four columns.

        Parameters
        ----------
        a, b : Panels
        add : bool, default=False
            Whether the product is added to what is there, rather than put in its place.
        upper : bool, default=False
            Whether only the elements on and above the diagonal are wanted, as of a symmetric product. It is half the
            work. Some of those below are left as they are, and so is the extra row.
        n_threads : int, default=1
        """
        cdef fm_layer layer
        cdef fm_step step
        cdef fm_rows x = a._rows(), deltas = b._rows()
        cdef long strips = ceil_divide(a.width, FM_STRIP), blocks = max(1, ceil_divide(strips, STRIPS_OF_PIECE))
        cdef long piece, pieces = ceil_divide(b.width * b.itemsize, FM_PANEL_BYTES) * blocks
        n_threads = team_size(n_threads)
        self._same_type(a, b)
        if (self.rows, self.width, a.rows) != (a.width, b.width, b.rows) or not self.biased:
            raise ValueError(f"a transposed product of ({a.rows}, {a.width}) and ({b.rows}, {b.width}) is not "
                             f"({self.rows}, {self.width}) with an extra row")
        memset(&layer, 0, sizeof(layer))
        memset(&step, 0, sizeof(step))
        layer.inputs, layer.outputs = self.rows, self.width
        layer.sums, layer.unbiased = self.at, upper
        step.first = not add
        with nogil:
            for piece in prange(pieces, num_threads=n_threads, schedule="dynamic", chunksize=1):
                self._sum_piece(&layer, &step, &x, &deltas, piece // blocks, piece % blocks * STRIPS_OF_PIECE, upper)

    cdef void _sum_piece(self, const fm_layer *layer, const fm_step *step, const fm_rows *x, const fm_rows *deltas,
                         long panel, long first, bint upper) noexcept nogil:
        """Sum the strips of one panel from the first on, as many as one piece has."""
        cdef fm_strips strips
        cdef long width = FM_PANEL_BYTES // self.itemsize, last = max(1, ceil_divide(layer.inputs, FM_STRIP))
        if upper:
            last = min(last, (panel + 1) * width // FM_STRIP)
        last = min(last, first + STRIPS_OF_PIECE)
        if first >= last:
            return
        strips.layer, strips.step, strips.bias_step, strips.squares = layer, step, step, NULL
        strips.panel, strips.panel_end, strips.first, strips.last = panel, panel + 1, first, last
        self.kernels.update_dense(&strips, x, deltas)

    def activate(self, name, double parameter=0, slopes=None, parameter_slopes=None):
        """Become f of itself, f being the named activation.

        slopes and parameter_slopes, Panels of the same shape, get df/dz and, where it can be learned, df/dparameter.
        """
        cdef long panel, step = self.stride * FM_PANEL_BYTES
        cdef fm_activate_fn function = self.kernels.activate[index_of(ACTIVATIONS, name, "activation")]
        for panel in range(ceil_divide(self.width * self.itemsize, FM_PANEL_BYTES)):
            function(self.rows, self.at + panel * step, self._same_place(slopes, panel),
                     self._same_place(parameter_slopes, panel), NULL, parameter)

    def differentiate(self, name, Panels at not None, double parameter=0, parameter_slopes=None):
        """Become itself times f'(z), given a = f(z) of the named activation, or the slopes of one that is sloped.

        parameter_slopes, df/dparameter, become the deltas of the parameters.
        """
        cdef long panel, step = self.stride * FM_PANEL_BYTES
        cdef fm_derivative_fn function = self.kernels.derivative[index_of(ACTIVATIONS, name, "activation")]
        for panel in range(ceil_divide(self.width * self.itemsize, FM_PANEL_BYTES)):
            function(self.rows, self._same_place(at, panel), self.at + panel * step,
                     self._same_place(parameter_slopes, panel), parameter)

    def add(self, Panels other not None):
        """Become the sum of itself and other, Panels of the same shape."""
        cdef fm_rows rows = self._rows()
        self.kernels.add(&rows, self._same_place(other, 0), self.at)

    cdef char *_same_place(self, Panels other, long panel) except? NULL:
        if other is None:
            return NULL
        self._same_type(other, other)
        if (self.rows, self.width, self.stride) != (other.rows, other.width, other.stride):
            raise ValueError(f"({other.rows}, {other.width}) does not go with ({self.rows}, {self.width})")
        return other.at + panel * self.stride * FM_PANEL_BYTES


def _type_of(const real[:, ::1] a):
    """Return the element type of a typed memoryview, as a NumPy dtype."""
    return np.dtype(np.float32) if bits_of(<real *> NULL) == 32 else np.dtype(np.float64)


def matmul(const real[:, ::1] a, const real[:, ::1] b, bias=None, *, isa=None, int n_threads=1):
    """Return a @ b (+ bias), by the kernel of the layers' forward and backward products.

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


def matmul_transposed(const real[:, ::1] a, const real[:, ::1] b, *, isa=None, int n_threads=1):
    """Return a.T @ b, by the kernel of a layer's weight gradient.

    Parameters
    ----------
    a : C-contiguous memoryview of shape (k, n), float32 or float64
    b : the same type, of shape (k, m)
    isa : str, default=None
    n_threads : int, default=1
        Parts of the product are shared out; the result does not depend on it.
    """
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"a has {a.shape[0]} rows, b has {b.shape[0]}")
    dtype = _type_of(a)
    cdef Panels product = Panels(np.zeros((a.shape[1], b.shape[1]), dtype=dtype), isa, np.zeros(b.shape[1], dtype))
    product.multiply_transposed(Panels(np.asarray(a), isa), Panels(np.asarray(b), isa), n_threads=n_threads)
    return product.unpack()


def activate(name, const real[:, ::1] z, parameter=0.0, *, isa=None):
    """Return f(z) of the named activation."""
    cdef Panels values = Panels(np.asarray(z), isa)
    values.activate(name, parameter)
    return values.unpack()


def differentiate(name, const real[:, ::1] z, const real[:, ::1] deltas, parameter=0.0, *, isa=None):
    """Return deltas * df/dz and deltas * df/dparameter of the named activation.

    The second are zeros where the parameter cannot be learned.
    """
    cdef Panels a = Panels(np.asarray(z), isa), ds = Panels(np.asarray(deltas), isa)
    cdef Panels slopes = Panels(np.zeros_like(z), isa), parameter_slopes = Panels(np.zeros_like(z), isa)
    a.activate(name, parameter, slopes, parameter_slopes)
    ds.differentiate(name, slopes if name in SLOPED_ACTIVATIONS else a, parameter, parameter_slopes)
    return ds.unpack(), parameter_slopes.unpack()


def link(loss, const real[:, ::1] z, *, isa=None):
    """Return the named loss's link (its output activation) of z."""
    cdef Panels values = Panels(np.asarray(z), isa)
    cdef fm_rows rows = values._rows()
    values.kernels.link[index_of(LOSSES, loss, "loss")](&rows)
    return values.unpack()


def row_losses(loss, const real[:, ::1] z, targets, weights=None, *, options=(), output_weights=None, isa=None):
    """Return the named loss of every row, times its weight, and the gradient of their sum with respect to z.

    targets as for Trainer.attach, options and output_weights as for Trainer; for squared_error the gradient lacks the
    mean over outputs, as scikit-learn's does.
    """
    cdef Panels values = Panels(np.asarray(z), isa)
    cdef int index = index_of(LOSSES, loss, "loss")
    cdef fm_loss_settings settings
    cdef fm_samples samples
    cdef fm_rows rows = values._rows()
    check_targets(index, _type_of(z), targets, weights, values.rows, values.width)
    _kept = settle_loss(index, options, output_weights, values.width, &settings)
    losses = np.zeros(values.rows)
    samples.targets, samples.order = cnp.PyArray_DATA(targets), NULL
    samples.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
    values.kernels.loss[index](&rows, &samples, <double *> cnp.PyArray_DATA(losses), &settings)
    return losses, values.unpack()


def gather(X, dtype, *, isa=None):
    """Return X converted to dtype, the way a minibatch is read."""
    dtype = np.dtype(dtype)
    cdef Rows rows = Rows(X)
    cdef Panels values = Panels(np.zeros(X.shape, dtype=dtype), isa)
    cdef fm_source plain = plain_rows(rows.source.base, rows.source.row_bytes)
    cdef fm_rows panels = values._rows()
    values.kernels.gather[rows.source.element](&plain, &panels)
    return values.unpack()


def fma_ceiling(dtype, *, isa=None, int n_threads=1):
    """Return how many floating-point operations per second no product can exceed: multiply-adds of registers.

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
    cdef const fm_kernels *kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(dtype))
    cdef long steps = 1024, made = 0, _slice
    cdef double start, seconds = 0, best = 0
    cdef int _tries
    n_threads = team_size(n_threads)
    with nogil:
        while seconds < 0.002:
            steps *= 2
            start = fm_seconds()
            made = kernels.multiply_add(steps)
            seconds = fm_seconds() - start
        steps = max(1, <long> (steps * 0.005 / seconds))
        for _tries in range(10):
            start = fm_seconds()
            if n_threads == 1:
                made = kernels.multiply_add(steps)
            else:
                for _slice in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                    made = kernels.multiply_add(steps)
            best = max(best, 2.0 * made * n_threads / (fm_seconds() - start))
    return best
