"""Numbers into codes, by the cut points of each column."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t

from fastmlp.engine.memory cimport Memory, ceil_divide

cnp.import_array()

# A column has at most so many cut points: one less than there are codes beside that for missing numbers.
cdef long MOST_CUTS = 254
# The rows whose codes of one column are found one after another, so that the column's cut points stay in the cache.
cdef long ROWS_TOGETHER = 256


def bin_codes(const double[:, ::1] X, const double[::1] cuts, const int64_t[::1] offsets):
    """Return the code of each number: 0 for NaN, otherwise 1 plus how many cut points of its column lie below it.

    A number that equals a cut point lies on the same side as smaller ones. It runs on the caller's thread without the
    GIL, by a binary search that takes the same steps for every number.

    Parameters
    ----------
    X : memoryview of float64 of shape (n_rows, n_columns)
    cuts : memoryview of float64 of shape (n_cuts,)
        The cut points of all columns, one column after another, in ascending order.
    offsets : memoryview of int64 of shape (n_columns + 1,)
        Where the cut points of each column begin, and their number. A column has at most 254.

    Returns
    -------
    codes : ndarray of uint8 of shape (n_rows, n_columns)
    """
    cdef long n = X.shape[0], n_columns = X.shape[1], c, i, r, first, step, steps, at
    if offsets.shape[0] != n_columns + 1 or offsets[0] != 0 or offsets[n_columns] != cuts.shape[0]:
        raise ValueError(f"{offsets.shape[0]} offsets of {cuts.shape[0]} cut points do not go with {n_columns} columns")
    for c in range(n_columns):
        if not 0 <= offsets[c + 1] - offsets[c] <= MOST_CUTS:
            raise ValueError(f"column {c} has {offsets[c + 1] - offsets[c]} cut points; 0 to {MOST_CUTS} are possible")
    codes = np.empty((n, n_columns), dtype=np.uint8)
    if not n or not n_columns:
        return codes
    # A search halves what is left, so behind a column's cut points there must be others that no number exceeds.
    cdef Memory memory = Memory()
    cdef double *padded = <double *> memory.zeros(256 * n_columns * sizeof(double))
    cdef double *cut
    cdef double x
    cdef uint8_t *out = <uint8_t *> cnp.PyArray_DATA(codes)
    cdef double infinity = float("inf")
    with nogil:
        for c in range(n_columns):
            for i in range(256):
                padded[256 * c + i] = cuts[offsets[c] + i] if i < offsets[c + 1] - offsets[c] else infinity
        for i in range(ceil_divide(n, ROWS_TOGETHER)):
            first = i * ROWS_TOGETHER
            for c in range(n_columns):
                cut = padded + 256 * c
                steps = 1
                while steps <= offsets[c + 1] - offsets[c]:
                    steps *= 2
                for r in range(first, min(first + ROWS_TOGETHER, n)):
                    x = X[r, c]
                    at, step = 0, steps // 2
                    while step:
                        at += step * (cut[at + step - 1] < x)
                        step //= 2
                    out[r * n_columns + c] = <uint8_t> ((at + 1) * (x == x))
    return codes
