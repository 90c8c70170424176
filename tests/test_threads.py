"""Team sizes."""

import os
import re

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fastmlp import engine
from fastmlp.threads import FLOPS_PER_THREAD, MAX_THREADS, prediction_team, team_size, threads_of
from tests.conftest import exhaustive

LARGE = 1e15


def test_a_number_is_taken_as_it_is():
    assert [team_size(n, 0.0) for n in (1, 2, 17)] == [1, 2, 17]


def test_zero_is_refused():
    with pytest.raises(ValueError, match="n_jobs must not be 0, got 0"):
        team_size(0, LARGE)


def test_negative_numbers_count_from_all_cpus():
    cpus = joblib.cpu_count()
    assert team_size(-1, 0.0) == cpus
    assert team_size(-2, 0.0) == max(1, cpus - 1)
    assert team_size(-1000, 0.0) == 1


def test_none_is_fewer_for_small_work():
    assert team_size(None, 0.0) == team_size(None, FLOPS_PER_THREAD) == 1
    assert team_size(None, 2.5 * FLOPS_PER_THREAD) <= 2
    assert 1 <= team_size(None, LARGE) <= joblib.cpu_count()


@pytest.mark.skipif(not engine.OPENMP_VERSION, reason="built without OpenMP")
def test_none_heeds_threadpoolctl():
    with threadpool_limits(1, user_api="openmp"):
        assert team_size(None, LARGE) == 1
        assert prediction_team(None) == (1, True)


def test_predictions_take_a_number_as_it_is_and_judge_all_else():
    cpus = joblib.cpu_count()
    assert [prediction_team(n) for n in (1, 2, 17)] == [(1, False), (2, False), (17, False)]
    assert prediction_team(-1) == (cpus, True)
    assert prediction_team(None) == (team_size(None, LARGE), True)
    with pytest.raises(ValueError, match="n_jobs must not be 0, got 0"):
        prediction_team(0)


@pytest.mark.skipif(not engine.OPENMP_VERSION, reason="built without OpenMP")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_none_heeds_the_environment(script, n_threads):
    source = "from fastmlp import threads; print(threads.team_size(None, 1e15), threads.engine.max_threads())"
    team, limit = map(int, script(source, OMP_NUM_THREADS=str(n_threads)).split())
    assert limit == n_threads
    assert team == min(n_threads, joblib.cpu_count())


@exhaustive
@pytest.mark.skipif(not engine.OPENMP_VERSION, reason="built without OpenMP")
@pytest.mark.parametrize("n_workers", [2, 3])
def test_processes_of_a_pool_share_the_cpus(script, n_workers):
    """loky's workers, as joblib.Parallel and n_jobs of scikit-learn's searches use them: no oversubscription."""
    source = f"""
        import joblib
        from fastmlp.threads import team_size
        teams = joblib.Parallel({n_workers}, backend="loky")(joblib.delayed(team_size)(None, 1e15) for _ in range(6))
        print(*teams)
    """
    share = max(1, joblib.cpu_count() // n_workers)
    assert {int(team) for team in script(source).split()} == {share}


def test_a_forked_child_has_one(script):
    source = """
        import os
        from fastmlp.threads import team_size
        assert team_size(3, 1e15) == 3
        child = os.fork()
        if child == 0:
            os._exit(team_size(3, 1e15) * 10 + team_size(None, 1e15))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert script(source) == "11"


@pytest.mark.parametrize("n_jobs", [1.5, 2.0, "2", True, [2]])
def test_what_is_no_integer_is_refused(n_jobs):
    with pytest.raises(ValueError, match=f"n_jobs must be an integer; got {re.escape(repr(n_jobs))}"):
        team_size(n_jobs, 0.0)
    with pytest.raises(ValueError, match=f"n_threads must be an integer of at least 1; got {re.escape(repr(n_jobs))}"):
        threads_of(n_jobs)


@pytest.mark.parametrize("n_threads", [0, -1, None])
def test_threads_are_a_positive_number(n_threads):
    with pytest.raises(ValueError, match=f"n_threads must be an integer of at least 1; got {n_threads}"):
        threads_of(n_threads)


def test_too_many_threads_are_as_many_as_may_be():
    assert threads_of(10**9) == team_size(10**9, 0.0) == MAX_THREADS == 1024
    assert threads_of(np.int64(3)) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_networks_in_a_forked_child_do_not_wait_for_the_team_of_their_parent(script):
    source = """
        import os, signal
        import numpy as np
        from fastmlp import Network
        X, y = np.ones((3000, 20)), np.zeros((3000, 1))
        network = Network.create([20, 30, 1], random_state=0)
        loss, gradient = network.loss_and_gradients(X, y, n_threads=2)
        outputs = network.forward(X, n_threads=2)
        child = os.fork()
        if not child:
            signal.alarm(60)
            same = np.array_equal(network.loss_and_gradients(X, y, n_threads=2)[1], gradient)
            same = same and np.array_equal(network.forward(X, n_threads=2), outputs)
            os._exit(0 if same else 1)
        print(os.waitpid(child, 0)[1])
    """
    assert script(source) == "0"
