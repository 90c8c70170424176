"""Predictor, and threads that help with a prediction."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from cases import NETWORKS

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import LOSSES
from tests import reference
from tests.engine.problems import problem


def predictor_of(params, sizes, loss, dtype, isa=None, *, n_threads=1, form="columns"):
    predictor = engine.Predictor(sizes, "tanh", loss, dtype, isa=isa, form=form, team_of=lambda: (n_threads, False))
    predictor.load(params)
    return predictor


@pytest.mark.parametrize("n_rows", [0, 1, 127, 400])
def test_predictor(n_rows, dtype, isa):
    for sizes, loss in zip(NETWORKS, itertools.cycle(LOSSES)):
        params, X, _, _ = problem(sizes, loss, dtype, n_rows)
        network = engine.PackedNetwork(sizes, "tanh", loss, dtype, isa=isa)
        network.load(params)
        expected = network.forward(rows_of(X, dtype))
        for n_threads in (1, 3):
            predictor = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads)
            np.testing.assert_array_equal(predictor(X), expected)
            if n_rows:
                np.testing.assert_array_equal(predictor.if_valid(X), expected)
            if sizes[-1] == 1:
                flat = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads, form="flat")
                np.testing.assert_array_equal(flat(X), expected[:, 0])
                pair = predictor_of(params, sizes, loss, dtype, isa, n_threads=n_threads, form="pair")
                np.testing.assert_array_equal(pair(X), np.hstack([1 - expected, expected]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_predictor_sees_what_is_not_finite(bad, n_threads, dtype, isa):
    sizes = (37, 3)
    params, X, _, _ = problem(sizes, "log_loss", dtype, 400)
    X[5] = np.finfo(dtype).max  # finite, though the sum of the row is not
    predictor = predictor_of(params, sizes, "log_loss", dtype, isa, n_threads=n_threads)
    assert predictor.if_valid(X) is not None
    for row, column in itertools.product([0, 5, 127, 128, 255, 399], [0, 31, 36]):
        X_bad = X.copy()
        X_bad[row, column] = bad
        assert predictor.if_valid(X_bad) is None
        assert np.isnan(predictor(X_bad)[row]).any()


def test_predictor_takes_only_arrays_of_its_kind(dtype):
    sizes = (4, 5, 3)
    params, X, _, _ = problem(sizes, "log_loss", dtype, 10)
    predictor = predictor_of(params, sizes, "log_loss", dtype)
    other = np.float64 if dtype == np.float32 else np.float32
    swapped = X.astype(X.dtype.newbyteorder())
    for bad in (X[:, :3], X[0], X.astype(other), np.asfortranarray(X), X[:, ::-1], X[::2], swapped, X.tolist(), None):
        assert predictor.if_valid(bad) is None
        with pytest.raises(
            ValueError, match=r"X must be a C-contiguous array of shape \(n_samples, 4\) and type float"
        ):
            predictor(bad)
    assert predictor.if_valid(X[:0]) is None
    assert predictor(X[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match="form='flat' is for one output, the network has 3"):
        predictor_of(params, sizes, "log_loss", dtype, form="flat")


def test_predictor_knows_its_parameters(dtype, isa):
    for sizes in NETWORKS:
        params = problem(sizes, "squared_error", dtype)[0]
        params[0] = np.nan
        predictor = predictor_of(params, sizes, "squared_error", dtype, isa)
        for i in {0, 1, len(params) // 2, len(params) - sizes[-1], len(params) - 1}:
            changed = params.copy()
            assert predictor.holds(*reference.layer_views(changed, sizes))
            changed[i] = np.nextafter(changed[i], 2, dtype=dtype) if i else 0
            assert not predictor.holds(*reference.layer_views(changed, sizes))
        coefs, intercepts = reference.layer_views(params, sizes)
        assert not predictor.holds(coefs[:-1], intercepts[:-1])
        assert not predictor.holds(coefs, [None, *intercepts[1:]])
        if params.dtype == np.float64:
            assert not predictor.holds([W.astype(np.float32) for W in coefs], intercepts)


@pytest.mark.parametrize("n_rows", [129, 4000, 12_000])
@pytest.mark.parametrize("sizes", [(30, 32, 1), (20, 64, 64, 2), (70, 300, 10)], ids=str)
def test_who_helps_with_a_prediction_does_not_change_a_bit(sizes, n_rows, dtype):
    params, X, _, _ = problem(sizes, "squared_error", dtype, n_rows)
    network = engine.PackedNetwork(sizes, "tanh", "squared_error", dtype)
    network.load(params)
    for rows in (rows_of(X, dtype), rows_of(scipy.sparse.csr_array(X), dtype)):
        expected = network.forward(rows)
        for n_threads, judged in ((2, False), (3, True), (8, False), (8, True)):
            for _ in range(3):
                np.testing.assert_array_equal(network.forward(rows, n_threads=n_threads, judged=judged), expected)


def test_helpers_of_many_callers_at_once(dtype):
    """Callers share them: each prediction is right, whoever made it."""
    sizes, n_rows = (20, 64, 64, 2), 5000
    params, X, _, _ = problem(sizes, "log_loss", dtype, n_rows)
    network = engine.PackedNetwork(sizes, "relu", "log_loss", dtype)
    network.load(params)
    rows = rows_of(X, dtype)
    expected = network.forward(rows)
    with ThreadPoolExecutor(4) as pool:
        for out in pool.map(lambda n: network.forward(rows, n_threads=n), [1, 2, 3, 4] * 8):
            np.testing.assert_array_equal(out, expected)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted here")
def test_there_are_no_more_helpers_than_asked_for_at_once(script):
    source = """
        import os
        from concurrent.futures import ThreadPoolExecutor
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        before = len(os.listdir("/proc/self/task"))
        network.forward(rows, n_threads=3)
        assert len(os.listdir("/proc/self/task")) == before + 2
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: network.forward(rows, n_threads=3), range(40)))
            print(len(os.listdir("/proc/self/task")) - before - len(pool._threads))
    """
    assert script(source) == "2"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be counted here")
def test_where_the_system_gives_no_more_threads_the_caller_does_all(script):
    source = """
        import os
        import resource
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        expected = network.forward(rows)
        before = len(os.listdir("/proc/self/task"))
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 20), hard))  # a stack takes more
        refused = all(np.array_equal(network.forward(rows, n_threads=3), expected) for _ in range(5))
        n_refused = len(os.listdir("/proc/self/task")) - before
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        given = np.array_equal(network.forward(rows, n_threads=3), expected)
        print(refused, n_refused, given, len(os.listdir("/proc/self/task")) - before)
    """
    assert script(source) == "True 0 True 2"


def test_a_forked_child_makes_helpers_of_its_own(script):
    source = """
        import os
        import numpy as np
        from fastmlp import engine
        network = engine.PackedNetwork((20, 64, 64, 2), "relu", "log_loss", "float32")
        rows = engine.Rows(np.zeros((5000, 20), np.float32))
        expected = network.forward(rows, n_threads=3)
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(network.forward(rows, n_threads=3), expected) for _ in range(20))
            os._exit(7 if same else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert script(source) == "7"
