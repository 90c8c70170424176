"""Sequences that lie one after another."""

from libc.stdint cimport int64_t

cdef int check_lengths(const int64_t[::1] lengths, long n_steps) except -1
