"""Centres near rows: for each row the nearest one, found by products of matrices; sums of rows by nearest centre."""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from fastmlp.engine.layers.inputs cimport add_csr_rows
from fastmlp.engine.layout cimport plain_rows, right_operand, rows_at
from fastmlp.engine.memory cimport Memory, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_after, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_isa_kernels, fm_kernels, fm_matrix,
    fm_rows, fm_source, fm_take,
)
from fastmlp.engine.rows cimport Rows, row_source
from fastmlp.engine.tables cimport bits_of_type, isa_index_of, source_index_of
from fastmlp.engine.teams cimport team_size

cnp.import_array()

# The products of so many rows with all centres, or as many as fit so many bytes, stay in the second-level cache.
cdef long MOST_ROWS = 128
cdef long LEAST_ROWS = 16
cdef long PRODUCT_BYTES = 1 << 18
# Rows are shared out in so many parts, each of which has sums of its own, as far as there is memory for these.
cdef long MOST_PARTS = 64
cdef long LEAST_PARTS = 4
cdef long SUM_BYTES = 1 << 28


# What is to be found for some rows. Where nobody needs a thing, it is NULL.
cdef struct search:
    const row_source *X
    long n_rows
    long n_parts
    long part_rows
    long block_rows
    long stride
    char *scratch             # of each thread: inputs, products, second columns, second squares
    Py_ssize_t scratch_bytes
    int32_t *first
    int32_t *second
    double *squares
    const double *weights
    double *sums              # (n_parts, centres, width)
    char *distances           # (n_rows, centres)
    long taken


cdef class Centers:
    """Centres in the layout of the C core, and what is asked of rows and centres.

    The nearest centre of a row x is the one with the least |w|^2 / 2 - x w, which is a product of matrices for a block
    of rows and all centres; the mean of the centres is taken from both beforehand, so that little cancels. Of the two
    centres that come out best, squared distances are sums of squared differences, and the nearer one is chosen by
    these. The matrix of all distances is never there. All results are the same, bit for bit, for any number of threads.

    Rows must be finite; a CSR matrix is read block by block as if it were dense.

    Parameters
    ----------
    centers : ndarray of shape (n_centers, n_features), float32 or float64, C-contiguous
        Its type is that of all computations.
    isa : str, default=None
        Instruction set; None is ISA.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.engine import Centers, Rows
    >>> centers = Centers(np.array([[0.0, 0.0], [4.0, 3.0]]))
    >>> X = Rows(np.array([[4, 4], [1, 0], [0, 0]], dtype=np.uint8))
    >>> centers.nearest(X)
    (array([1, 0, 0], dtype=int32), array([1., 1., 0.]))
    >>> centers.squared_distances(X)
    array([[32.,  1.],
           [ 1., 18.],
           [ 0., 25.]])
    """

    cdef const fm_kernels *kernels
    cdef Memory memory
    cdef object dtype
    cdef readonly long n_centers
    cdef readonly long n_features
    cdef Py_ssize_t itemsize
    cdef long panel
    cdef char *products    # the centres with the opposite sign as columns, then half their squares
    cdef char *rows        # the centres as rows
    cdef char *means       # of all centres
    cdef char *same        # factors that leave the rows' signs as they are, and that change them
    cdef char *opposite
    cdef object mean

    def __init__(self, centers, *, isa=None):
        if not is_plain(centers) or centers.ndim != 2 or not centers.size:
            raise ValueError("centers must be a contiguous matrix that is not empty")
        self.dtype = centers.dtype
        self.kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(self.dtype))
        self.n_centers, self.n_features = centers.shape
        self.itemsize = centers.itemsize
        self.panel = FM_PANEL_BYTES // self.itemsize
        self.memory = Memory()
        self.mean = centers.mean(axis=0, dtype=np.float64).astype(self.dtype)
        centred = np.ascontiguousarray(centers - self.mean)
        halves = (np.square(centred, dtype=np.float64).sum(axis=1) / 2).astype(self.dtype)
        self.products = self._packed(np.concatenate([-centred.T, halves[np.newaxis]]))
        self.rows = self._packed(centred)
        self.means = self._packed(self.mean[np.newaxis])
        self.same = self._packed(np.ones((1, self.n_features), dtype=self.dtype))
        self.opposite = self._packed(-np.ones((1, self.n_features), dtype=self.dtype))

    cdef char *_packed(self, array) except NULL:
        """Return a matrix in panels, whose padding is zero."""
        array = np.ascontiguousarray(array)
        cdef long n = array.shape[0], width = array.shape[1]
        cdef char *at = self.memory.zeros(ceil_divide(width, self.panel) * n * FM_PANEL_BYTES)
        cdef fm_source plain = plain_rows(cnp.PyArray_DATA(array), array.strides[0])
        cdef fm_rows rows = rows_at(at, n, n, width)
        self.kernels.gather[source_index_of(array.dtype)](&plain, &rows)
        return at

    def nearest(self, Rows X not None, *, n_threads=1):
        """Return the number of the nearest centre of each row, and the squared distance to it.

        Returns
        -------
        numbers : ndarray of int32 of shape (n_rows,)
            Of centres that are equally near it is the first, but for rounding.
        squares : ndarray of float64 of shape (n_rows,)
        """
        cdef search work
        first, squares = np.empty(X.source.n_rows, dtype=np.int32), np.empty(X.source.n_rows)
        memset(&work, 0, sizeof(work))
        work.first, work.squares = <int32_t *> cnp.PyArray_DATA(first), <double *> cnp.PyArray_DATA(squares)
        self._run(X, &work, n_threads)
        return first, squares

    def two_nearest(self, Rows X not None, *, n_threads=1):
        """Return the numbers of the nearest and the second nearest centre of each row, and the squared distance.

        Returns
        -------
        first, second : ndarray of int32 of shape (n_rows,)
            Both are 0 where there is a single centre.
        squares : ndarray of float64 of shape (n_rows,)
            To the nearest centre.
        """
        cdef search work
        cdef long n = X.source.n_rows
        first, second, squares = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32), np.empty(n)
        memset(&work, 0, sizeof(work))
        work.first, work.squares = <int32_t *> cnp.PyArray_DATA(first), <double *> cnp.PyArray_DATA(squares)
        work.second = <int32_t *> cnp.PyArray_DATA(second)
        self._run(X, &work, n_threads)
        return first, second, squares

    def sums_of_nearest(self, Rows X not None, weights=None, *, n_threads=1):
        """Return what :meth:`nearest` returns, and the sum of the rows of each centre.

        Rows are summed in parts whose number depends on the shapes alone, and then part by part.

        Parameters
        ----------
        weights : memoryview of float64 of shape (n_rows,), default=None
            The weights of the rows; None is 1 for each.

        Returns
        -------
        numbers : ndarray of int32 of shape (n_rows,)
        squares : ndarray of float64 of shape (n_rows,)
        sums : ndarray of float64 of shape (n_centers, n_features)
        counts : ndarray of float64 of shape (n_centers,)
            The sum of the weights of each centre's rows.
        """
        cdef search work
        cdef const double[::1] given
        first, squares = np.empty(X.source.n_rows, dtype=np.int32), np.empty(X.source.n_rows)
        memset(&work, 0, sizeof(work))
        work.first, work.squares = <int32_t *> cnp.PyArray_DATA(first), <double *> cnp.PyArray_DATA(squares)
        if weights is not None:
            given = weights
            if given.shape[0] != X.source.n_rows:
                raise ValueError(f"{given.shape[0]} weights do not go with {X.source.n_rows} rows")
            work.weights = &given[0] if given.shape[0] else NULL
        # The parts are as many as those of any pass over rows of this number, as far as there is memory.
        self._divide(X, &work)
        parts = np.zeros((work.n_parts, self.n_centers, self.n_features))
        work.sums = <double *> cnp.PyArray_DATA(parts)
        self._run(X, &work, n_threads)
        counts = np.bincount(first, weights, minlength=self.n_centers).astype(np.float64)
        return first, squares, parts.sum(axis=0) + counts[:, np.newaxis] * self.mean, counts

    def squared_distances(self, Rows X not None, *, n_threads=1):
        """Return the squared distances from all rows to all centres, each the sum of squared differences.

        Returns
        -------
        squares : ndarray of shape (n_rows, n_centers), of the type of the centres
        """
        cdef search work
        squares = np.empty((X.source.n_rows, self.n_centers), dtype=self.dtype)
        memset(&work, 0, sizeof(work))
        work.distances = <char *> cnp.PyArray_DATA(squares)
        self._run(X, &work, n_threads)
        return squares

    cdef int _divide(self, Rows X, search *work) except -1:
        """Divide the rows into parts, and these into blocks; the shapes alone decide how."""
        cdef long units_bytes = ceil_divide(self.n_centers, self.panel) * FM_PANEL_BYTES
        cdef long blocks, parts
        check_rows(&X.source, self.dtype, self.n_features)
        work.X, work.n_rows = &X.source, X.source.n_rows
        work.block_rows = max(LEAST_ROWS, min(MOST_ROWS, PRODUCT_BYTES // units_bytes))
        blocks = ceil_divide(work.n_rows, work.block_rows)
        parts = SUM_BYTES // (self.n_centers * self.n_features * <long> sizeof(double))
        parts = max(LEAST_PARTS, min(MOST_PARTS, parts))
        work.part_rows = max(1, ceil_divide(blocks, parts)) * work.block_rows
        work.n_parts = ceil_divide(work.n_rows, work.part_rows)
        return 0

    cdef int _run(self, Rows X, search *work, n_threads) except -1:
        """Have threads take parts of the rows until none is left."""
        cdef Memory memory = Memory()
        cdef long thread, panels = ceil_divide(self.n_features, self.panel) + ceil_divide(self.n_centers, self.panel)
        cdef Py_ssize_t row_bytes = panels * FM_PANEL_BYTES + sizeof(int32_t) + sizeof(double)
        cdef int team = team_size(n_threads)
        self._divide(X, work)
        team = max(1, min(team, work.n_parts))
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        work.stride = work.block_rows | 1
        work.scratch_bytes = ceil_divide(row_bytes * work.stride, 64) * 64 + 64
        work.scratch = memory.zeros(team * work.scratch_bytes)
        with nogil:
            if team == 1:
                self._take_parts(work, 0)
            else:
                for thread in prange(team, num_threads=team, schedule="static", chunksize=1):
                    self._take_parts(work, thread)
        return 0

    cdef void _take_parts(self, search *work, long thread) noexcept nogil:
        """Do parts of the rows until none is left."""
        cdef unsigned mode = fm_denormals_flush()
        cdef long part = fm_take(&work.taken, 1), row, end
        while part < work.n_parts:
            row, end = part * work.part_rows, min(work.n_rows, (part + 1) * work.part_rows)
            while row < end:
                self._do_block(work, part, row, min(work.block_rows, end - row),
                               work.scratch + thread * work.scratch_bytes)
                row += work.block_rows
            part = fm_take(&work.taken, 1)
        fm_denormals_restore(mode)

    cdef void _do_block(self, search *work, long part, long row, long n, char *scratch) noexcept nogil:
        """Find what is asked for of a block of rows."""
        cdef fm_rows x = rows_at(scratch, work.stride, n, self.n_features)
        cdef fm_rows products = rows_at(
            scratch + ceil_divide(self.n_features, self.panel) * work.stride * FM_PANEL_BYTES, work.stride, n,
            self.n_centers)
        cdef fm_rows columns = rows_at(self.products, self.n_features + 1, self.n_features, self.n_centers)
        cdef fm_rows centers = rows_at(self.rows, self.n_centers, self.n_centers, self.n_features)
        cdef fm_matrix right = right_operand(self.products, self.n_features, self.n_features + 1, True)
        cdef fm_after nothing
        cdef double *other_squares = <double *> (
            <char *> products.at + ceil_divide(self.n_centers, self.panel) * work.stride * FM_PANEL_BYTES)
        cdef int32_t *second = <int32_t *> (other_squares + work.stride)
        cdef int32_t *first
        cdef int32_t number
        cdef double *squares
        cdef double square
        cdef long i
        gather_rows(self.kernels, self.itemsize, work.X, NULL, row, &x)
        if work.distances != NULL:
            # The columns are the centres with the opposite sign; so are the rows, then.
            self.kernels.standardize(&x, self.means, self.opposite)
            self.kernels.squared_distances(&x, &columns, &products)
            self.kernels.scatter(&products, work.distances + row * self.n_centers * self.itemsize,
                                 self.n_centers * self.itemsize)
            return
        self.kernels.standardize(&x, self.means, self.same)
        first, squares = work.first + row, work.squares + row
        if work.second != NULL:
            second = work.second + row
        memset(&nothing, 0, sizeof(nothing))
        self.kernels.dense(&x, &right, &products, &nothing)
        self.kernels.smallest(&products, first, second)
        self.kernels.distances_between(&x, &centers, first, squares)
        self.kernels.distances_between(&x, &centers, second, other_squares)
        for i in range(n):
            if other_squares[i] < squares[i] or (other_squares[i] == squares[i] and second[i] < first[i]):
                number, square = first[i], other_squares[i]
                first[i], second[i] = second[i], number
                squares[i] = square
        if work.sums != NULL:
            self.kernels.add_to(&x, first, work.weights + row if work.weights != NULL else NULL,
                                work.sums + part * self.n_centers * self.n_features)


cdef int check_rows(const row_source *X, dtype, long width) except -1:
    """Refuse rows of another width than centres, encoded columns, and a CSR matrix of another type."""
    if X.n_features != width:
        raise ValueError(f"rows of {X.n_features} features do not go with centers of {width}")
    if X.is_encoded:
        raise ValueError("rows must be numbers, not encoded columns")
    if X.is_sparse and X.element != source_index_of(dtype):
        raise ValueError(f"a sparse matrix must be of the type of the centers, {dtype}")
    return 0


cdef void gather_rows(const fm_kernels *kernels, Py_ssize_t itemsize, const row_source *X, const int64_t *order,
                      long start, const fm_rows *to) noexcept nogil:
    """Put rows from start on, or those that order names from there on, into panels; those of a CSR matrix as well."""
    cdef fm_source source
    cdef fm_csr csr
    cdef long panel
    if X.is_sparse:
        csr = X.csr
        csr.order, csr.scale, csr.mask = order + start if order != NULL else NULL, NULL, NULL
        if order == NULL:
            csr.indptr += start
        for panel in range(ceil_divide(X.n_features * itemsize, FM_PANEL_BYTES)):
            memset(<char *> to.at + panel * to.stride * FM_PANEL_BYTES, 0, to.rows * FM_PANEL_BYTES)
        add_csr_rows(itemsize, &csr, to)
        return
    source = plain_rows(X.base, X.row_bytes)
    if order != NULL:
        source.order = order + start
    else:
        source.x = X.base + start * X.row_bytes
    kernels.gather[X.element](&source, to)
