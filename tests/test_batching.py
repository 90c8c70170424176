"""Sizes of minibatches, and the order of rows."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp.engine import shuffled
from fastmlp.fitting.batching import SampleOrder, resolve_batch_size
from fastmlp.inputs.scaling import feature_scaling


def test_batch_size():
    assert [resolve_batch_size("auto", n) for n in (1, 200, 201)] == [1, 200, 200]
    assert resolve_batch_size(7, 7) == 7


def test_batch_size_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match=r"Got `batch_size` less than 1 or larger than sample size\. It is going"):
        assert resolve_batch_size(8, 7) == 7


def test_epochs_shuffle_the_order_before():
    rows = np.array([5, 3, 8, 1])
    order, random_state, expected = SampleOrder(rows, True, np.random.RandomState(0)), np.random.RandomState(0), rows
    seen, expectations = [], []
    for _ in range(5):
        permutation = np.arange(4)
        random_state.shuffle(permutation)
        expected = expected[permutation]
        expectations.append(expected)
    for n in (1, 3, 1):
        seen.extend(order.next_epochs(n))
    np.testing.assert_array_equal(seen, expectations)
    assert len({tuple(epoch) for epoch in seen}) > 1
    np.testing.assert_array_equal(rows, [5, 3, 8, 1])


def test_without_shuffling_no_number_is_drawn():
    rows, random_state = np.array([5, 3, 8, 1]), np.random.RandomState(0)
    order = SampleOrder(rows, False, random_state)
    for n in (1, 3):
        np.testing.assert_array_equal(order.next_epochs(n), [rows] * n)
    assert random_state.uniform() == np.random.RandomState(0).uniform()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8, 9, 31, 33, 1000, 4097])
def test_the_engine_draws_random_states_numbers(n):
    rows, theirs, ours = np.arange(n) * 3, np.random.RandomState(n), np.random.RandomState(n)
    for _ in range(3):
        permutation = np.arange(n)
        theirs.shuffle(permutation)
        np.testing.assert_array_equal(shuffled(rows, ours), [rows[permutation]])
    assert theirs.randint(1 << 30) == ours.randint(1 << 30)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
@pytest.mark.parametrize("code", ["u1", "i8", "f4", "f8"])
def test_feature_scaling(form, code):
    """Read in pieces, of which one has no weight; and as if rows stood there as often as their weights say."""
    rng = np.random.default_rng(0)
    X = (rng.integers(0, 50, (100, 4)) * [1, 1, 1, 0] + [0, 100, 0, 7]).astype(code)
    weights = rng.integers(0, 4, 100).astype(float)
    weights[:24] = 0
    repeated = X.repeat(weights.astype(int), axis=0).astype(float)
    for some, all_of_them in ((None, X.astype(float)), (weights, repeated)):
        means, scales = feature_scaling(form(X), some, n_rows=8)
        centred = np.zeros(4) if form is not np.asarray else all_of_them.mean(axis=0)
        np.testing.assert_allclose(means, centred, rtol=1e-12)
        np.testing.assert_allclose(scales[:3], 1 / all_of_them.std(axis=0)[:3], rtol=1e-6 if code == "f4" else 1e-12)
        assert scales[3] == 1


@pytest.mark.parametrize("types", [("i4", "i8"), ("i8", "i4"), ("u4", "u4")], ids=str)
def test_scaling_of_sparse_rows_whose_indices_are_of_other_types(types):
    """They are read in a fit, too; SciPy makes none such, but lets them be set."""
    dense = np.arange(12.0).reshape(4, 3) % 5
    X = scipy.sparse.csr_array(dense)
    X.indices, X.indptr = X.indices.astype(types[0]), X.indptr.astype(types[1])
    np.testing.assert_allclose(feature_scaling(X)[1], 1 / dense.std(axis=0), rtol=1e-12)
