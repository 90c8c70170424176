"""Numbers as what networks look up: bins and fractions of bins, scaled values, ranks, and codes of exact values.

All run on the caller's thread without the GIL. A number's place is found by a binary search that takes the same steps
for every number of a column. NaN has code 0 and fraction 0.
"""

import numpy as np

cimport numpy as cnp
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint16_t

from fastmlp.engine.memory cimport ceil_divide

cnp.import_array()

# The rows whose numbers of one column are searched one after another, so that the column's table stays in the cache.
cdef long ROWS_TOGETHER = 256
# Scaled numbers are taken for no larger ones.
cdef double LARGEST = 1e100


cdef inline long _last_not_above(const double *ascending, long n, double x) noexcept nogil:
    """Return the place of the last of n numbers that is not above x; 0 where all are, and for NaN."""
    cdef long at = 0, half
    while n > 1:
        half = n >> 1
        at += half * (ascending[at + half] <= x)
        n -= half
    return at


cdef inline long _last_below(const double *ascending, long n, double x) noexcept nogil:
    """Return the place of the last of n numbers that is below x; 0 where none is."""
    cdef long at = 0, half
    while n > 1:
        half = n >> 1
        at += half * (ascending[at + half] < x)
        n -= half
    return at


cdef int _check_offsets(const int64_t[::1] offsets, long n_columns, long n_values, long least) except -1:
    """Refuse offsets that are not those of a table with so many values, of a code's range, for each column."""
    cdef long c
    if offsets.shape[0] != n_columns + 1 or offsets[0] != 0 or offsets[n_columns] != n_values:
        raise ValueError(f"{offsets.shape[0]} offsets of {n_values} values do not go with {n_columns} columns")
    for c in range(n_columns):
        if not least <= offsets[c + 1] - offsets[c] <= 0xffff:
            raise ValueError(f"column {c} has {offsets[c + 1] - offsets[c]} values; {least} to {0xffff} are possible")
    return 0


def bin_fractions(const double[:, ::1] X, const double[::1] edges, const int64_t[::1] offsets, double beyond):
    """Return the bin of each number, and how far it lies in that, in widths of the bin.

    Parameters
    ----------
    X : memoryview of float64 of shape (n_rows, n_columns)
    edges : memoryview of float64 of shape (n_edges,)
        The edges of bins, two or more for each column, in ascending order, one column after another.
    offsets : memoryview of int64 of shape (n_columns + 1,)
        Where the edges of each column begin, and their number.
    beyond : float >= 0
        How far below the first bin and above the last a number may lie, in widths of that bin; others are there.

    Returns
    -------
    codes : ndarray of uint16 of shape (n_rows, n_columns)
        1 and up by the bin.
    fractions : ndarray of float32 of shape (n_rows, n_columns)
    """
    cdef long n = X.shape[0], n_columns = X.shape[1], i, c, r, k, n_bins
    cdef const double *edge
    cdef double x, fraction
    cdef bint known
    _check_offsets(offsets, n_columns, edges.shape[0], 2)
    cdef uint16_t[:, ::1] codes = np.empty((n, n_columns), dtype=np.uint16)
    cdef float[:, ::1] fractions = np.empty((n, n_columns), dtype=np.float32)
    with nogil:
        for i in range(ceil_divide(n, ROWS_TOGETHER)):
            for c in range(n_columns):
                edge, n_bins = &edges[offsets[c]], offsets[c + 1] - offsets[c] - 1
                for r in range(i * ROWS_TOGETHER, min((i + 1) * ROWS_TOGETHER, n)):
                    x = X[r, c]
                    known = x == x
                    k = _last_not_above(edge, n_bins, x)
                    fraction = (x - edge[k]) / (edge[k + 1] - edge[k])
                    fraction = min(max(fraction, -beyond), 1 + beyond)
                    codes[r, c] = <uint16_t> ((k + 1) * known)
                    fractions[r, c] = <float> fraction if known else 0
    return codes.base, fractions.base


def scaled_fractions(const double[:, ::1] X, const double[::1] centres, const double[::1] scales, double limit):
    """Return z = (x - centre) / scale, drawn below a limit, smoothly: z / sqrt(1 + (z / limit)²).

    Parameters
    ----------
    X : memoryview of float64 of shape (n_rows, n_columns)
    centres, scales : memoryviews of float64 of shape (n_columns,)
    limit : float > 0

    Returns
    -------
    codes : ndarray of uint16 of shape (n_rows, n_columns)
        1 for numbers.
    fractions : ndarray of float32 of shape (n_rows, n_columns)
    """
    cdef long n = X.shape[0], n_columns = X.shape[1], c, r
    cdef double z
    cdef bint known
    if centres.shape[0] != n_columns or scales.shape[0] != n_columns:
        raise ValueError(f"{centres.shape[0]} centres and {scales.shape[0]} scales do not go with {n_columns} columns")
    cdef uint16_t[:, ::1] codes = np.empty((n, n_columns), dtype=np.uint16)
    cdef float[:, ::1] fractions = np.empty((n, n_columns), dtype=np.float32)
    with nogil:
        for r in range(n):
            for c in range(n_columns):
                known = X[r, c] == X[r, c]
                z = (X[r, c] - centres[c]) / scales[c] if known else 0
                # What is too large for a square is at the limit.
                z = min(max(z, -LARGEST), LARGEST)
                codes[r, c] = known
                fractions[r, c] = <float> (z / sqrt(1 + z * z / (limit * limit)))
    return codes.base, fractions.base


def quantile_ranks(const double[:, ::1] X, const double[:, ::1] quantiles):
    """Return the share of a distribution that lies below each number, from 0 to 1, by tables of its quantiles.

    Between quantiles it is interpolated. A number that is several quantiles has the mean of the shares of the first and
    the last of them.

    Parameters
    ----------
    X : memoryview of float64 of shape (n_rows, n_columns)
    quantiles : memoryview of float64 of shape (n_columns, n_quantiles)
        In ascending order, of shares that lie equally far apart from 0 to 1.

    Returns
    -------
    codes : ndarray of uint16 of shape (n_rows, n_columns)
        1 for numbers.
    shares : ndarray of float64 of shape (n_rows, n_columns)
        0.5 for NaN.
    """
    cdef long n = X.shape[0], n_columns = X.shape[1], last = quantiles.shape[1] - 1, i, c, r, k, first
    cdef const double *quantile
    cdef double x, place
    if quantiles.shape[0] != n_columns or last < 1:
        raise ValueError(f"{quantiles.shape[0]} columns of {last + 1} quantiles do not go with {n_columns} columns")
    cdef uint16_t[:, ::1] codes = np.empty((n, n_columns), dtype=np.uint16)
    cdef double[:, ::1] shares = np.empty((n, n_columns))
    with nogil:
        for i in range(ceil_divide(n, ROWS_TOGETHER)):
            for c in range(n_columns):
                quantile = &quantiles[c, 0]
                for r in range(i * ROWS_TOGETHER, min((i + 1) * ROWS_TOGETHER, n)):
                    x = X[r, c]
                    k = _last_not_above(quantile, last + 1, x)
                    if x == quantile[k]:
                        first = _last_below(quantile, k + 1, x)
                        first += quantile[first] < x
                        place = 0.5 * (first + k)
                    elif k == last or x < quantile[0]:
                        place = k
                    else:
                        place = k + (x - quantile[k]) / (quantile[k + 1] - quantile[k])
                    codes[r, c] = x == x
                    shares[r, c] = place / last if x == x else 0.5
    return codes.base, shares.base


def value_codes(const double[:, ::1] X, const int64_t[::1] columns, const double[::1] values,
                const int64_t[::1] offsets):
    """Return which of some values each number is: 1 and up by its place among them, 0 for all other numbers.

    Parameters
    ----------
    X : memoryview of float64 of shape (n_rows, n_columns)
    columns : memoryview of int64 of shape (n_used,)
        The columns of X that codes are made of.
    values : memoryview of float64 of shape (n_values,)
        The values of each of these, one or more, in ascending order, one column after another.
    offsets : memoryview of int64 of shape (n_used + 1,)
        Where the values of each column begin, and their number.

    Returns
    -------
    codes : ndarray of uint16 of shape (n_rows, n_used)
    """
    cdef long n = X.shape[0], n_used = columns.shape[0], i, j, r, k, n_values
    cdef const double *value
    cdef double x
    _check_offsets(offsets, n_used, values.shape[0], 1)
    for j in range(n_used):
        if not 0 <= columns[j] < X.shape[1]:
            raise ValueError(f"columns must be from 0 to {X.shape[1] - 1}; got {columns[j]}")
    cdef uint16_t[:, ::1] codes = np.empty((n, n_used), dtype=np.uint16)
    with nogil:
        for i in range(ceil_divide(n, ROWS_TOGETHER)):
            for j in range(n_used):
                value, n_values = &values[offsets[j]], offsets[j + 1] - offsets[j]
                for r in range(i * ROWS_TOGETHER, min((i + 1) * ROWS_TOGETHER, n)):
                    x = X[r, columns[j]]
                    k = _last_not_above(value, n_values, x)
                    codes[r, j] = <uint16_t> ((k + 1) * (value[k] == x))
    return codes.base
