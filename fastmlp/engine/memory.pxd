"""Memory and arrays as the C core reads them, and the arithmetic of their sizes."""

cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t

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
    const Py_ssize_t FM_SLACK  # the bytes to allocate beyond those that shall be aligned


cdef class Memory:
    cdef list buffers

    cdef char *zeros(self, Py_ssize_t n_bytes) except NULL


cdef inline long ceil_divide(long n, long parts) noexcept nogil:
    """Return n / parts, rounded up, for n >= 0."""
    return (n + parts - 1) // parts


cdef inline char *aligned(const void *memory, Py_ssize_t n_bytes) noexcept nogil:
    """Return the first multiple of 64 bytes in memory of n_bytes + FM_SLACK bytes.

    For AddressSanitizer, what is left on both sides of the n_bytes is out of bounds.
    """
    cdef char *at = <char *> ((<size_t> memory + 63) & ~<size_t> 63)
    fm_fence(memory, at - <const char *> memory)
    fm_fence(at + n_bytes, FM_SLACK - (at - <const char *> memory))
    return at


cdef inline double sum_in_order(const double *values, long n) noexcept nogil:
    """Return the sum of n values in an order that is always the same.

    There are four sums side by side, since each addition waits for the one before it.
    """
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


cdef inline bint is_plain(array):
    """Return whether this is an array that C can read: contiguous, aligned and in native byte order."""
    return cnp.PyArray_Check(array) and cnp.PyArray_ISCARRAY_RO(array)


cdef inline bint are_within(const int64_t *values, long n, long limit) noexcept nogil:
    """Return whether all n values are at least 0 and below limit.

    Then neither a value nor limit - 1 - value has the bit of the sign.
    """
    cdef uint64_t seen = 0
    cdef long i
    for i in range(n):
        seen |= <uint64_t> values[i] | (<uint64_t> (limit - 1) - <uint64_t> values[i])
    return not seen >> 63


cdef inline char *moved(const void *at, Py_ssize_t n_bytes) noexcept nogil:
    """Return a place further on in a buffer; NULL, for no buffer, stays NULL."""
    return <char *> at + n_bytes if at != NULL else NULL
