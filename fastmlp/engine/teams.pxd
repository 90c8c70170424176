"""Teams of threads, for the other modules of the engine."""

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static inline int fm_team_size(void) { return omp_get_num_threads(); }
    #else
    static inline int fm_team_size(void) { return 1; }
    #endif
    """
    int fm_team_size() nogil  # of the threads in the parallel block around the call

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
