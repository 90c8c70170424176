"""Teams of threads: how many there may be in one, and whether they shall share work or leave it to one of them."""

import operator

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define FM_OPENMP _OPENMP
    static int fm_max_threads(void) { return omp_get_max_threads(); }
    #else
    #define FM_OPENMP 0
    static int fm_max_threads(void) { return 1; }
    #endif
    """
    const int FM_OPENMP
    int fm_max_threads() nogil
# A team of more threads were a mistake, or a way to exhaust the machine: OpenMP ends the process when it gets none.
MAX_THREADS = 1024
OPENMP_VERSION = FM_OPENMP
# From how many seconds of work a Judgement is made, and for how long threads then work alone, at least and at most.
cdef double JUDGED_SECONDS = 0.015
cdef double LEAST_ALONE_SECONDS = 0.06
cdef double MOST_ALONE_SECONDS = 1.0
# A prediction is shared by so many threads that each has so much to do: to call a helper takes the caller some 5 us,
# and the helper comes some 50 us later.
cdef double SECONDS_PER_THREAD = 75e-6


def max_threads():
    """Return the team size that OpenMP would use now; OMP_NUM_THREADS and threadpoolctl set it."""
    return fm_max_threads()


cdef int team_size(n_threads) except -1:
    """Return the number of threads, where it can be that of a team; refuse any other."""
    n = operator.index(n_threads)
    if not 1 <= n <= MAX_THREADS:
        raise ValueError(f"n_threads must be from 1 to {MAX_THREADS}, got {n_threads!r}")
    return n

cdef class Judgement:
    """Judges whether threads shall share work, by what they gained by it lately: after a loss not for a while.

    Other processes come in bursts: the first while is short, each further one twice as long as the last, halved for
    every judgement that nothing was lost.

    Parameters
    ----------
    seconds_per_loss : float, default=0
        A while is at least so many times as long as what was lost.

    Examples
    --------
    >>> from fastmlp.engine import Judgement
    >>> judgement = Judgement()
    >>> judgement.note(seconds=0.02, gain=-0.001, now=10.0)
    >>> judgement.alone(now=10.05), judgement.alone(now=10.07)
    (True, False)
    """

    def __init__(self, double seconds_per_loss=0):
        self.seconds_per_loss = seconds_per_loss

    cpdef bint alone(self, double now) noexcept:
        """Return whether one thread shall do all work, at a time of the clock."""
        return now < self.alone_until

    cpdef void note(self, double seconds, double gain, double now) noexcept:
        """Take into account that threads shared work for so many seconds, and what they gained; negative if lost."""
        self.seconds += seconds
        self.gain += gain
        if self.seconds <= JUDGED_SECONDS:
            return
        if self.gain < 0:
            self.alone_seconds = min(MOST_ALONE_SECONDS, 2 * max(self.alone_seconds, LEAST_ALONE_SECONDS / 2))
            self.alone_until = now + max(self.alone_seconds, -self.gain * self.seconds_per_loss)
        else:
            self.alone_seconds /= 2
        self.seconds = self.gain = 0

cpdef int threads_worthwhile(double seconds, int n_threads) noexcept nogil:
    """Return how many of n_threads shall share a prediction that would take one of them so many seconds."""
    return max(1, min(n_threads, <int> min(seconds / SECONDS_PER_THREAD, 1e6)))
