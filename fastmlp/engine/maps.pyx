"""Maps that learn row by row: the units near the one that is nearest to a row move towards that row."""

import numpy as np

cimport numpy as cnp
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from fastmlp.engine.layout cimport plain_rows, rows_at
from fastmlp.engine.memory cimport Memory, are_within, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_denormals_flush, fm_denormals_restore, fm_isa_kernels, fm_kernels, fm_rows, fm_source,
)
from fastmlp.engine.nearest cimport check_rows, gather_rows
from fastmlp.engine.rows cimport Rows, row_source
from fastmlp.engine.tables cimport bits_of_type, isa_index_of, source_index_of

cnp.import_array()


cdef class OnlineMap:
    """Units in rows and columns of a map, which learn from one row of X after another.

    Parameters
    ----------
    units : ndarray of shape (n_rows * n_columns, n_features), float32 or float64, C-contiguous
        The weights of the units, row by row of the map. Its type is that of all computations.
    shape : tuple of (n_rows, n_columns)
        How many units there are.
    isa : str, default=None
        Instruction set; None is ISA.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.engine import OnlineMap, Rows
    >>> units = OnlineMap(np.array([[0.0], [4.0], [8.0]]), (1, 3))
    >>> shares = np.array([0.0, 0.25, 0.5, 0.25, 0.0]).reshape(1, 1, 5)
    >>> units.learn(Rows(np.array([[6.0], [9.0]])), np.array([1]), shares)
    1.0
    >>> units.units()
    array([[0.  ],
           [5.25],
           [8.5 ]])
    """

    cdef const fm_kernels *kernels
    cdef Memory memory
    cdef object dtype
    cdef readonly long n_rows
    cdef readonly long n_columns
    cdef readonly long n_features
    cdef Py_ssize_t itemsize
    cdef char *columns     # the units as columns of a matrix
    cdef char *x           # a row of X
    cdef char *squares     # of each unit
    cdef char *shares      # of the way to the row, which each unit goes

    def __init__(self, units, shape, *, isa=None):
        cdef long panel, n_units
        cdef fm_source plain
        cdef fm_rows rows
        self.n_rows, self.n_columns = shape
        n_units = self.n_rows * self.n_columns
        if not is_plain(units) or units.ndim != 2 or not units.size:
            raise ValueError("units must be a contiguous matrix that is not empty")
        if self.n_rows < 1 or self.n_columns < 1 or n_units != units.shape[0]:
            raise ValueError(f"{units.shape[0]} units do not fill a map of {self.n_rows} x {self.n_columns}")
        self.dtype, self.itemsize = units.dtype, units.itemsize
        self.kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(self.dtype))
        self.n_features = units.shape[1]
        panel = FM_PANEL_BYTES // self.itemsize
        self.memory = Memory()
        self.columns = self.memory.zeros(ceil_divide(n_units, panel) * self.n_features * FM_PANEL_BYTES)
        self.x = self.memory.zeros(ceil_divide(self.n_features, panel) * FM_PANEL_BYTES)
        self.squares = self.memory.zeros(ceil_divide(n_units, panel) * FM_PANEL_BYTES)
        self.shares = self.memory.zeros(ceil_divide(n_units, panel) * FM_PANEL_BYTES)
        transposed = np.ascontiguousarray(units.T)
        plain = plain_rows(cnp.PyArray_DATA(transposed), transposed.strides[0])
        rows = self._columns()
        self.kernels.gather[source_index_of(self.dtype)](&plain, &rows)

    cdef fm_rows _columns(self) noexcept nogil:
        return rows_at(self.columns, self.n_features, self.n_features, self.n_rows * self.n_columns)

    def units(self):
        """Return the weights of the units, as a new array like that which the map was made of."""
        transposed = np.empty((self.n_features, self.n_rows * self.n_columns), dtype=self.dtype)
        cdef fm_rows rows = self._columns()
        self.kernels.scatter(&rows, cnp.PyArray_DATA(transposed), transposed.strides[0])
        return np.ascontiguousarray(transposed.T)

    def learn(self, Rows X not None, const int64_t[::1] order, shares):
        """Learn from rows, one after another; return the sum of the distances to their nearest units before that.

        It runs on the caller's thread without the GIL. Rows must be finite.

        Parameters
        ----------
        X : Rows
        order : memoryview of int64
            The numbers of the rows to learn from.
        shares : ndarray of shape (1 or 2, 2 * n_rows - 1, 2 * n_columns - 1), of the type of the units
            The share of the way to a row that a unit goes which lies so many rows and columns of the map, less
            n_rows - 1 and n_columns - 1, behind the nearest one. Where there are two, the second is for nearest units
            in rows of the map with an odd number.
        """
        cdef long n = order.shape[0]
        cdef long parities
        cdef double total
        check_rows(&X.source, self.dtype, self.n_features)
        if not is_plain(shares) or shares.dtype != self.dtype or shares.ndim != 3 or shares.shape[0] not in (1, 2) or (
                shares.shape[1:] != (2 * self.n_rows - 1, 2 * self.n_columns - 1)):
            raise ValueError(f"shares must be a contiguous array of {self.dtype}, of shape"
                             f" {(2, 2 * self.n_rows - 1, 2 * self.n_columns - 1)} or with 1 in place of 2")
        if n and not are_within(&order[0], n, X.source.n_rows):
            raise ValueError(f"order must have numbers of rows from 0 to {X.source.n_rows - 1}")
        parities = shares.shape[0]
        cdef const char *table = <const char *> cnp.PyArray_DATA(shares)
        with nogil:
            total = self._learn(&X.source, &order[0] if n else NULL, n, table, parities)
        return total

    cdef double _learn(self, const row_source *X, const int64_t *order, long n, const char *table,
                       long parities) noexcept nogil:
        cdef fm_rows columns = self._columns(), x = rows_at(self.x, 1, 1, self.n_features)
        cdef fm_rows squares = rows_at(self.squares, 1, 1, self.n_rows * self.n_columns)
        cdef Py_ssize_t row_bytes = (2 * self.n_columns - 1) * self.itemsize
        cdef Py_ssize_t table_bytes = (2 * self.n_rows - 1) * row_bytes
        cdef const char *source
        cdef double total = 0
        cdef long i, row, column, to
        cdef int32_t nearest
        cdef unsigned mode = fm_denormals_flush()
        for i in range(n):
            gather_rows(self.kernels, self.itemsize, X, order, i, &x)
            self.kernels.squared_distances(&x, &columns, &squares)
            self.kernels.smallest(&squares, &nearest, NULL)
            if self.itemsize == sizeof(float):
                total += sqrt((<float *> self.squares)[nearest])
            else:
                total += sqrt((<double *> self.squares)[nearest])
            row, column = nearest // self.n_columns, nearest % self.n_columns
            source = table + (row % parities) * table_bytes + (self.n_columns - 1 - column) * self.itemsize
            for to in range(self.n_rows):
                memcpy(self.shares + to * self.n_columns * self.itemsize,
                       source + (to - row + self.n_rows - 1) * row_bytes, self.n_columns * self.itemsize)
            self.kernels.pull(&x, self.shares, &columns)
        fm_denormals_restore(mode)
        return total
