"""The kernels on plain arrays: what they refuse, and the ceiling."""

import numpy as np
import pytest

from fastmlp import engine


def test_row_losses_checks_its_arrays(dtype):
    z = np.zeros((4, 2), dtype)
    for targets in (z[:3], z[:, :1], z.astype(np.float16), np.zeros((4, 4), dtype)[:, ::2], z.tolist()):
        with pytest.raises(ValueError, match="targets must be a contiguous array of"):
            engine.row_losses("squared_error", z, targets)
    with pytest.raises(ValueError, match="4 contiguous float64 weights"):
        engine.row_losses("squared_error", z, z, np.ones(3))
    with pytest.raises(ValueError, match=r"loss='mse' is not known; known are 'log_loss', "):
        engine.row_losses("mse", z, z)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fma_ceiling(n_threads, dtype, isa):
    assert 0 < engine.fma_ceiling(dtype, isa=isa, n_threads=n_threads) < np.inf


def test_fma_ceiling_refuses():
    with pytest.raises(ValueError, match="n_threads must be from 1 to 1024, got 0"):
        engine.fma_ceiling("float32", n_threads=0)
    with pytest.raises(ValueError, match="'mmx' is not an instruction set"):
        engine.fma_ceiling("float32", isa="mmx")


@pytest.mark.parametrize("shape", [(1, 1), (3, 16), (7, 33), (130, 70)])
def test_sums_of_rows(shape, dtype, isa):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, *shape)).astype(dtype)
    sums, other = engine.Panels(a, isa), engine.Panels(b, isa)
    sums.add(other)
    np.testing.assert_array_equal(sums.unpack(), a + b)
    np.testing.assert_array_equal(other.unpack(), b)
    with pytest.raises(ValueError, match="does not go with"):
        sums.add(engine.Panels(b[:, :-1], isa))
