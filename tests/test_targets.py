"""Targets in the engine's terms."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.preprocessing import LabelBinarizer

from fastmlp.targets import classification_loss, encode_labels, encode_numbers

INDICATOR = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("y", "loss", "encoded"),
    [
        (np.array(["b", "a", "c", "a"]), "log_loss", [1, 0, 2, 0]),
        (np.array([30, 10, 20]), "log_loss", [2, 0, 1]),
        (np.array(["no", "yes", "no"]), "binary_log_loss", [[0], [1], [0]]),
        (np.array([7, 7]), "binary_log_loss", [[0], [0]]),
        (INDICATOR, "binary_log_loss", INDICATOR),
        (scipy.sparse.csr_array(INDICATOR), "binary_log_loss", INDICATOR),
    ],
    ids=["strings", "numbers", "binary", "one class", "multilabel", "sparse multilabel"],
)
def test_labels(y, loss, encoded, dtype):
    binarizer = LabelBinarizer().fit(y)
    assert classification_loss(binarizer) == loss
    targets = encode_labels(y, binarizer, dtype)
    np.testing.assert_array_equal(targets, encoded)
    assert targets.dtype == (np.int32 if loss == "log_loss" else dtype)
    assert targets.flags.c_contiguous


def test_numbers(dtype):
    for y in (np.array([1, -2, 3]), np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))):
        targets = encode_numbers(y, "squared_error", dtype)
        np.testing.assert_array_equal(targets, y.reshape(len(y), -1))
        assert targets.dtype == dtype
        assert targets.flags.c_contiguous


def test_poisson_wants_no_negative_numbers():
    np.testing.assert_array_equal(encode_numbers(np.array([0.0, 2.0]), "poisson", np.float64), [[0], [2]])
    with pytest.raises(ValueError, match=r"out of the valid range of the loss 'poisson': y has .*-1\.5.* < 0"):
        encode_numbers(np.array([0.0, -1.5]), "poisson", np.float64)


def test_too_large_for_float32():
    with pytest.raises(ValueError, match=r"Input y contains infinity or a value too large for dtype\('float32'\)"):
        encode_numbers(np.array([1.0, 1e39]), "squared_error", np.float32)
    assert encode_numbers(np.array([1.0, 1e39]), "squared_error", np.float64).max() == 1e39
