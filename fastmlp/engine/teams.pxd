"""Teams of threads, for the other modules of the engine."""

cdef int team_size(n_threads) except -1
cpdef int threads_worthwhile(double seconds, int n_threads) noexcept nogil


cdef class Judgement:
    cdef double seconds
    cdef double gain
    cdef double alone_until
    cdef double alone_seconds
    cdef double seconds_per_loss

    cpdef bint alone(self, double now) noexcept
    cpdef void note(self, double seconds, double gain, double now) noexcept
