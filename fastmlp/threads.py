"""How many threads a fit or a prediction uses."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import joblib
from threadpoolctl import ThreadpoolController

from fastmlp import engine
from fastmlp.components import whole_number

# Below this much work per thread between two barriers, a second thread costs more than it brings.
FLOPS_PER_THREAD = 1_000_000.0
# As if so many times less: products of bfloat16 numbers are over that much sooner.
BFLOAT16_SPEEDUP = 4.0
# Worth any number of threads.
MUCH_WORK = 1e18
# More were a mistake, or a way to exhaust the machine.
MAX_THREADS = engine.MAX_THREADS

_in_child_of_fork = False


def _forked() -> None:
    # The OpenMP team of the parent does not exist in the child; entering it would wait for ever.
    global _in_child_of_fork  # noqa: PLW0603
    _in_child_of_fork = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@cache
def _cpu_count(pid: int) -> int:
    # joblib's count heeds cgroup quotas and CPU affinity; it reads files, hence once per process.
    return joblib.cpu_count()


def team_size(n_jobs: int | None, flops_between_barriers: float) -> int:
    """Threads for a piece of work.

    Parameters
    ----------
    n_jobs : int or None
        A positive number is taken as it is, up to 1024; -1 is all CPUs, -2 all but one, and so on. None is as many as
        the CPUs, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow, fewer when the work is too small to share.
    flops_between_barriers : float
        Size of the work that is shared out at once.

    Returns
    -------
    n_threads : int
        1 in a process that was forked off another Python process, whatever is asked.

    Raises
    ------
    ValueError
        When n_jobs is 0, or neither None nor an integer.

    Examples
    --------
    >>> from fastmlp.threads import team_size
    >>> team_size(3, 1e9), team_size(None, 1000.0)
    (3, 1)
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0, got 0.")
    if n_jobs is not None:
        n_jobs = whole_number(n_jobs, "n_jobs", least=None)
    if _in_child_of_fork:
        return 1
    if n_jobs is None:
        worthwhile = int(flops_between_barriers / FLOPS_PER_THREAD)
        return max(1, min(worthwhile, engine.max_threads(), _cpu_count(os.getpid())))
    if n_jobs < 0:
        return max(1, _cpu_count(os.getpid()) + 1 + n_jobs)
    return min(n_jobs, MAX_THREADS)


class Team(NamedTuple):
    """Threads that may share a prediction."""

    n_threads: int
    #: Whether fewer do where there is little to share, or where others were of no use lately.
    judged: bool


ALONE = Team(1, judged=False)


def prediction_team(n_jobs: int | None) -> Team:
    """Return who may share predictions.

    Parameters
    ----------
    n_jobs : int or None
        A positive number is taken as it is, up to 1024. -1 is at most all CPUs, -2 all but one, and so on; None at most
        as many as the CPUs, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow.

    Raises
    ------
    ValueError
        When n_jobs is 0, or neither None nor an integer.

    Examples
    --------
    >>> from fastmlp.threads import prediction_team
    >>> prediction_team(3)
    Team(n_threads=3, judged=False)
    """
    return Team(team_size(n_jobs, MUCH_WORK), n_jobs is None or n_jobs < 0)


def threads_of(n_threads: int) -> int:
    """Threads for work that is to be shared among so many: up to 1024, and 1 in a process that was forked off another.

    Raises
    ------
    ValueError
        For anything but a positive integer.

    Examples
    --------
    >>> from fastmlp.threads import threads_of
    >>> threads_of(2), threads_of(10**9)
    (2, 1024)
    """
    return team_size(whole_number(n_threads, "n_threads"), 0.0)


_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: Any = None
_blas_controller = cache(ThreadpoolController)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS on one thread inside the block.

    After a call BLAS threads wait for the next one in a busy loop, on the very CPUs that the engine's team needs:
    L-BFGS, which takes turns between the two, is thirty times slower with both on all CPUs. Blocks may overlap in
    several Python threads; the last one out restores what was.
    """
    global _blas_users, _blas_limit  # noqa: PLW0603
    with _blas_lock:
        if _blas_users == 0:
            _blas_limit = _blas_controller().limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0:
                _blas_limit.restore_original_limits()
