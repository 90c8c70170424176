"""Targets in the engine's terms."""

import datetime
import enum

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.preprocessing import LabelBinarizer

from fastmlp.inputs.targets import are_known, decode_labels, encode_labels, encode_numbers, label_kind, place_of_class
from fastmlp.losses import CLASS_TARGET_LOSSES, NAMED_LOSSES, LogLoss, Pinball, loss_of

TIMES = np.array(["2024-01-01", "2025-01-01"], "M8[D]")
SECOND = (TIMES[1], datetime.date(2025, 1, 1), datetime.datetime(2025, 1, 1), pd.Timestamp("2025-01-01"))
INDICATOR = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])
LABELS = {
    "strings": (np.array(["b", "a", "c", "a"]), "multiclass", [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]),
    "numbers": (np.array([30, 10, 20]), "multiclass", [[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    "two classes": (np.array(["no", "yes", "no"]), "binary", [[0], [1], [0]]),
    "objects": (np.array(["b", "a", "b"], dtype=object), "binary", [[1], [0], [1]]),
    "three objects": (np.array(["b", "c", "a"], dtype=object), "multiclass", [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "booleans": (np.array([True, False]), "binary", [[1], [0]]),
    "whole floats": (np.array([0.0, -1.0, 2.0]), "multiclass", [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    "one class": (np.array([7, 7]), "binary", [[0], [0]]),
    "multilabel": (INDICATOR, "multilabel", INDICATOR),
    "sparse multilabel": (scipy.sparse.csr_array(INDICATOR), "multilabel", INDICATOR),
}
every_label = pytest.mark.parametrize(("y", "kind", "indicator"), LABELS.values(), ids=LABELS)
every_loss = pytest.mark.parametrize("name", NAMED_LOSSES)


@every_loss
@every_label
def test_labels(y, kind, indicator, name, dtype):
    binarizer = LabelBinarizer().fit(y)
    assert label_kind(binarizer) == kind
    if kind not in loss_of(name).engine_losses:
        for refuse in (
            lambda: loss_of(name).engine_loss(label_kind(binarizer)),
            lambda: encode_labels(y, binarizer, dtype, name),
        ):
            with pytest.raises(ValueError, match=f"The loss '{name}' is for .* targets; got {kind} targets"):
                refuse()
        return
    loss = loss_of(name).engine_loss(label_kind(binarizer))
    assert loss == loss_of(name).engine_loss(kind)
    targets = encode_labels(y, binarizer, dtype, name)
    if loss in CLASS_TARGET_LOSSES:
        np.testing.assert_array_equal(targets, np.argmax(indicator, axis=1))
        assert targets.dtype == np.int32
    else:
        np.testing.assert_array_equal(targets, indicator)
        assert targets.dtype == dtype
    assert targets.flags.c_contiguous


@pytest.mark.parametrize(
    ("y", "of_fit", "known"),
    [
        ([5, 2, 5], [2, 3, 5], True),
        ([5, 4], [2, 3, 5], False),
        ([1], [2, 3, 5], False),
        ([9], [2, 3, 5], False),
        (["b", "a"], ["a", "b"], True),
        (["b", "ab"], ["a", "b"], False),
        ([1.0, 1.5], [1.0, 2.0], False),
        ([True], [False, True], True),
        ([[1, 0, 1]], INDICATOR, True),
        ([[1, 0, 2]], INDICATOR, False),
        ([[1, 0]], INDICATOR, False),
        ([1, 0, 1], INDICATOR, False),
        ([[1, 0, 1]], [0, 1, 2], False),
        # these are not looked at closely
        (np.array(["a"], dtype=object), np.array(["a", "b"], dtype=object), False),
        (np.array([2], dtype=np.uint8), [2, 3], False),
        (INDICATOR.astype(object), INDICATOR, False),
        (scipy.sparse.csr_array(INDICATOR), INDICATOR, False),
    ],
)
def test_known_labels(y, of_fit, known):
    y = y if scipy.sparse.issparse(y) else np.asarray(y)
    assert are_known(y, LabelBinarizer().fit(of_fit)) == known


@pytest.mark.parametrize(
    ("label", "classes", "place"),
    [
        (1, [0, 1], 1),
        (True, [0, 1], 1),
        (np.float64(1), [0, 1], 1),
        ("1", [0, 1], None),
        (0, ["0", "1"], None),
        ("b", ["a", "b"], 1),
        (enum.Enum("Size", {"LARGE": "b"}, type=str).LARGE, ["a", "b"], 1),
        ((0, 1), [0, 1], None),
        (None, [0, 1], None),
        (float("nan"), [0.0, 1.0], None),
        (pd.NA, [0, 1], None),
        *((time, TIMES.astype(unit), 1) for unit in ("M8[D]", "M8[us]", "M8[ns]") for time in SECOND),
        (0, TIMES.astype("M8[ns]"), None),
        ((1, 2), TIMES, None),
        (datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC), TIMES, None),
        (datetime.timedelta(1), np.array([0, 24], "m8[h]"), 1),
    ],
)
def test_the_place_of_a_label(label, classes, place):
    assert place_of_class(label, np.array(classes)) == place


@pytest.mark.parametrize("classes", [["no"], ["no", "yes"], ["a", "b", "c", "d"], [3, 5], [2, 3, 5]])
@pytest.mark.parametrize("name", ["log_loss", "squared_error"])
def test_labels_of_some_classes(classes, name, dtype):
    """As LabelBinarizer has them, whichever of its classes there are."""
    binarizer, classes = LabelBinarizer().fit(classes), np.array(classes)
    for chosen in ([0], [-1, -1], [0, -1, 0]):
        y = classes[chosen]
        expected = binarizer.transform(y)
        targets = encode_labels(y, binarizer, dtype, name)
        if targets.ndim == 1:
            expected = expected.argmax(axis=1)
        np.testing.assert_array_equal(targets, expected)


@every_label
@pytest.mark.parametrize("threshold", [0, 0.5])
def test_decoding_is_the_binarizers(y, kind, indicator, threshold, dtype):
    binarizer, n_outputs = LabelBinarizer().fit(y), np.shape(indicator)[1]
    outputs = np.random.default_rng(0).uniform(-1, 1, (50, n_outputs)).astype(dtype)
    outputs[0], outputs[1], outputs[2, -1] = threshold, 0.25, np.nan  # at the threshold, and all alike
    expected = binarizer.inverse_transform(outputs[:, 0] if n_outputs == 1 else outputs, threshold=threshold)
    for n in (0, 1, 50):
        labels = decode_labels(outputs[:n], binarizer, threshold)
        assert labels.dtype == expected.dtype
        assert scipy.sparse.issparse(labels) == scipy.sparse.issparse(expected)
        if scipy.sparse.issparse(labels):
            labels = labels.toarray()
        np.testing.assert_array_equal(labels, (expected.toarray() if scipy.sparse.issparse(expected) else expected)[:n])


@every_label
def test_the_log_loss_is_the_default(y, kind, indicator, dtype):
    binarizer = LabelBinarizer().fit(y)
    np.testing.assert_array_equal(encode_labels(y, binarizer, dtype), encode_labels(y, binarizer, dtype, LogLoss()))


@every_label
def test_label_smoothing(y, kind, indicator, dtype):
    e, binarizer = 0.3, LabelBinarizer().fit(y)
    targets = encode_labels(y, binarizer, dtype, LogLoss(label_smoothing=e))
    n_choices = 3 if kind == "multiclass" else 2
    np.testing.assert_allclose(targets, np.asarray(indicator) * (1 - e) + e / n_choices, rtol=1e-6)
    assert targets.dtype == dtype
    assert targets.shape == np.shape(indicator)
    if kind == "multiclass":
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_numbers(dtype):
    for y in (np.array([1, -2, 3]), np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))):
        targets = encode_numbers(y, "squared_error", dtype)
        np.testing.assert_array_equal(targets, y.reshape(len(y), -1))
        assert targets.dtype == dtype
        assert targets.flags.c_contiguous


def test_a_vector_for_two_labels_has_one_output(dtype):
    """As the binarizer says, so that the estimators can refuse it."""
    binarizer = LabelBinarizer().fit([[1, 0], [1, 1]])
    assert encode_labels(np.array([0, 1, 1]), binarizer, dtype).shape == (3, 1)


@every_loss
def test_losses_of_classes_take_no_numbers(name):
    y = np.array([1.0, 2.0])
    if "numbers" in loss_of(name).engine_losses:
        np.testing.assert_array_equal(encode_numbers(y, name, np.float64), [[1], [2]])
    else:
        with pytest.raises(ValueError, match=f"The loss '{name}' is for .* targets; got numbers targets"):
            encode_numbers(y, name, np.float64)


@pytest.mark.parametrize("name", [name for name in NAMED_LOSSES if "numbers" in loss_of(name).engine_losses])
def test_range_of_the_targets(name):
    zero, negative = np.array([0.0, 2.0]), np.array([[0.5, -1.5], [1.0, 2.0]])
    if name not in {"poisson", "tweedie", "gamma"}:
        np.testing.assert_array_equal(encode_numbers(negative, name, np.float64), negative)
        return
    sign = "<=" if name == "gamma" else "<"
    with pytest.raises(ValueError, match=rf"out of the valid range of the loss '{name}': y has .*-1\.5.* {sign} 0\."):
        encode_numbers(negative, name, np.float64)
    if name == "gamma":
        with pytest.raises(ValueError, match=r"out of the valid range of the loss 'gamma': y has .*0\.0.* <= 0\."):
            encode_numbers(zero, name, np.float64)
    else:
        np.testing.assert_array_equal(encode_numbers(zero, name, np.float64), [[0], [2]])


def test_too_small_for_float32():
    y = np.array([1.0, 1e-60])
    assert encode_numbers(y, "gamma", np.float64).min() == 1e-60
    with pytest.raises(ValueError, match=r"out of the valid range of the loss 'gamma': y has .*float32\(0\.0\) <= 0\."):
        encode_numbers(y, "gamma", np.float32)


def test_too_large_for_float32():
    with pytest.raises(ValueError, match=r"Input y contains infinity or a value too large for dtype\('float32'\)"):
        encode_numbers(np.array([1.0, 1e39]), "squared_error", np.float32)
    assert encode_numbers(np.array([1.0, 1e39]), "squared_error", np.float64).max() == 1e39


def test_several_quantiles_of_one_column(dtype):
    loss = Pinball([0.1, 0.5, 0.9])
    for y in (np.array([1.0, -2.0]), np.array([[1.0], [-2.0]])):
        targets = encode_numbers(y, loss, dtype)
        np.testing.assert_array_equal(targets, [[1, 1, 1], [-2, -2, -2]])
        assert targets.dtype == dtype
        assert targets.flags.c_contiguous
    with pytest.raises(ValueError, match=r"Pinball\(quantile=\[0.1, 0.5, 0.9\]\) has 3 outputs .*; y has 2 columns"):
        encode_numbers(np.ones((4, 2)), loss, dtype)


def test_parameters_are_checked(dtype):
    y = np.array([0, 1, 2])
    with pytest.raises(ValueError, match=r"The 'quantile' parameter of Pinball must be .* Got 2 instead"):
        encode_numbers(y, Pinball(2), dtype)
    with pytest.raises(ValueError, match=r"The 'label_smoothing' parameter of LogLoss must be .* Got 1 instead"):
        encode_labels(y, LabelBinarizer().fit(y), dtype, LogLoss(1))
