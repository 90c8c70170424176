"""Where rows come from: X, read in place, and the order its rows are taken in."""

import numpy as np

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from numpy.random cimport bitgen_t

from fastmlp.engine.memory cimport is_plain
from fastmlp.engine.tables cimport source_index_of

cnp.import_array()

# Indices of a CSR matrix that are looked at before the count of those that do not ascend is added to the others'.
cdef long INDICES_TOGETHER = 1 << 16


cdef class Rows:
    """The rows of X, read in place: a 2-D array whose rows are contiguous, of any source type; CSR; or columns.

    A CSR matrix is an object with shape, indptr (int64), indices (int32 or int64) and data of the compute type. Encoded
    columns are an object with shape, codes, fractions and layout, as fastmlp.inputs.columns.EncodedColumns. Arrays that
    contradict each other are refused, since everything else relies on them. X must stay unchanged for as long as this
    object is used.

    Attributes
    ----------
    is_sparse : bool
    layout : object
        The layout of encoded columns; None for other rows.
    is_canonical : bool
        Whether each row's indices ascend, each only once. CSR rows that are not so can neither be trained on nor
        predicted for.
    n_rows, n_features : int
    """

    def __init__(self, X):
        cdef const int64_t[::1] indptr
        cdef const int32_t[::1] indices
        cdef row_source *at = &self.source
        self.is_canonical = True
        self.layout = getattr(X, "layout", None)
        if self.layout is not None:
            self._keep = (X.codes, X.fractions)
            self.source = encoded_rows(X.codes, X.fractions, column_limits(self.layout), self.layout.n_numbers,
                                       self.layout.total_inputs)
            return
        at.n_rows, at.n_features = X.shape
        at.is_sparse = not isinstance(X, np.ndarray)
        if at.is_sparse:
            if not is_plain(X.data) or X.data.ndim != 1:
                raise ValueError("X.data must be a contiguous vector.")
            self.is_canonical = check_compressed(X.indptr, X.indices, len(X.data), at.n_rows, at.n_features)
            indptr, indices = X.indptr, X.indices.astype(np.int32, copy=False)
            self._keep = (indptr, indices, X.data)
            at.csr.indptr = &indptr[0]
            at.csr.indices = &indices[0] if indices.shape[0] else NULL
            at.csr.data = cnp.PyArray_DATA(X.data)
            at.element = source_index_of(X.data.dtype)
        else:
            # NumPy gives arrays without elements any strides.
            contiguous = X.size == 0 or X.shape[1] == 1 or X.strides[1] == X.itemsize
            if not contiguous or not X.flags.aligned or not X.dtype.isnative:
                raise ValueError("X must have contiguous, aligned rows in native byte order.")
            self._keep = X
            at.element = source_index_of(X.dtype)
            at.base = <const char *> cnp.PyArray_DATA(X)
            at.row_bytes = X.strides[0]
            at.width_bytes = X.shape[1] * X.itemsize

    @property
    def is_sparse(self):
        return self.source.is_sparse

    @property
    def n_rows(self):
        return self.source.n_rows

    @property
    def n_features(self):
        return self.source.n_features


def column_limits(layout):
    """Return what the codes of each column of a layout must be below, as encoded_rows() takes it."""
    return np.array(layout.n_inputs, dtype=np.uint32)


cdef row_source encoded_rows(codes, fractions, const uint32_t[::1] limits, long n_numbers, long n_features) except *:
    """Return encoded columns as a source of rows, which is valid for as long as both arrays are there.

    Arrays that contradict the layout are refused, since to read them were to read beyond weights.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_columns), uint8 or uint16
    fractions : ndarray of shape (n_rows, n_numbers), float32 or float64
    limits : memoryview of shape (n_columns,)
        What the codes of each column must be below.
    n_features : int
        The sum of limits.
    """
    cdef row_source source
    cdef long n = len(codes), column
    _check_table(codes, "codes", "uint8 or uint16", cnp.NPY_UINT8, cnp.NPY_UINT16, n, limits.shape[0])
    _check_table(fractions, "fractions", "float32 or float64", cnp.NPY_FLOAT32, cnp.NPY_FLOAT64, n, n_numbers)
    memset(&source, 0, sizeof(row_source))
    source.is_encoded, source.n_rows, source.n_features = True, n, n_features
    source.encoded.codes, source.encoded.fractions = cnp.PyArray_DATA(codes), cnp.PyArray_DATA(fractions)
    source.encoded.wide_codes = cnp.PyArray_TYPE(codes) == cnp.NPY_UINT16
    source.encoded.wide_fractions = cnp.PyArray_TYPE(fractions) == cnp.NPY_FLOAT64
    if source.encoded.wide_codes:
        column = _first_beyond(<const uint16_t *> source.encoded.codes, n, limits)
    else:
        column = _first_beyond(<const uint8_t *> source.encoded.codes, n, limits)
    if column >= 0:
        raise ValueError(f"codes of column {column} must be from 0 to {limits[column] - 1}, got"
                         f" {codes[:, column].max()}.")
    return source


cdef int _check_table(array, str what, str types, int narrow, int wide, long n_rows, long width) except -1:
    """Refuse what is no contiguous array of one of two types and of a shape."""
    if not (is_plain(array) and (cnp.PyArray_TYPE(array) == narrow or cnp.PyArray_TYPE(array) == wide)
            and cnp.PyArray_NDIM(array) == 2 and cnp.PyArray_DIM(array, 0) == n_rows
            and cnp.PyArray_DIM(array, 1) == width):
        raise ValueError(f"{what} must be a contiguous array of {types}, of shape {(n_rows, width)}.")
    return 0


ctypedef fused code:
    uint8_t
    uint16_t


cdef long _first_beyond(const code *codes, long n_rows, const uint32_t[::1] limits) noexcept nogil:
    """Return the first column that has a code which is not below its limit; -1 for none."""
    cdef long row, column, n_columns = limits.shape[0]
    for row in range(n_rows):
        for column in range(n_columns):
            if codes[row * n_columns + column] >= limits[column]:
                return column
    return -1


ctypedef fused csr_index:
    int32_t
    int64_t


def check_compressed(indptr, indices, long n_stored, long n_rows, long n_columns, name="X"):
    """Return whether the indices of each row of a CSR matrix ascend, none twice; of a CSC matrix, those of each column.

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
        if not is_plain(array) or array.ndim != 1:
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
        raise ValueError(
            f"{name}.indptr must not decrease, got {first[i]} and then {first[i + 1]} as elements {i} and {i + 1}.")
    if first[n_rows] > n_stored:
        raise ValueError(f"{name}.indptr must not go beyond the {n_stored} elements there are, got {first[n_rows]}.")
    if indices.dtype == np.int32:
        return _check_indices[int32_t](indptr, indices, n_columns, name)
    return _check_indices[int64_t](indptr, indices, n_columns, name)


cdef bint _falls(const int64_t *indptr, long n) noexcept nogil:
    """Return whether one of n + 1 numbers is less than the one before it."""
    cdef bint falls = False
    cdef long i
    for i in range(n):
        falls |= indptr[i + 1] < indptr[i]
    return falls


cdef bint _check_indices(const int64_t[::1] indptr, const csr_index[::1] indices, long n_columns, name) except -1:
    """Return whether the indices ascend within each row; refuse those that are no columns."""
    cdef long n_rows = indptr.shape[0] - 1, i
    cdef int64_t n = indptr[n_rows], k, start, not_ascending = 0
    cdef const csr_index *at = &indices[0] if n else NULL
    # Without a branch, so that the compiler makes vectors of it: neither index nor limit - index may have the sign's
    # bit, which is taken off before the subtraction, lest that overflow. Falls are counted in numbers of the indices'
    # size.
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


def shuffled(const int64_t[::1] rows, random_state, Py_ssize_t n_times=1):
    """Return rows[p], p being numpy.arange(len(rows)) after random_state.shuffle(p), from the same random numbers.

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
    """Shuffle n numbers of rows."""
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
