"""Sequences in the forms that users have them, and the pieces that go through a reservoir."""

import numpy as np
import pandas as pd
import pytest

from fastmlp.zoo import LiquidReservoir
from fastmlp.zoo.sequences import Sequences, is_list_of_sequences, sequences_of

LISTS = [np.arange(6.0).reshape(3, 2), np.arange(10.0).reshape(5, 2), np.ones((1, 2))]


def of(X, y=None, lengths=None, **options):
    return sequences_of(LiquidReservoir(), X, y, lengths, reset=True, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forms(dtype):
    rows = np.concatenate(LISTS).astype(dtype)
    parts = [part.astype(dtype) for part in LISTS]
    for given, lengths, expected in (
        (rows, None, [9]),
        (rows, [3, 5, 1], [3, 5, 1]),
        (rows, np.array([3, 5, 1], dtype=np.uint64), [3, 5, 1]),
        (parts, None, [3, 5, 1]),
        (tuple(parts), None, [3, 5, 1]),
        ([part.tolist() for part in parts], None, [3, 5, 1]),
        (rows[:8].reshape(4, 2, 2), None, [2, 2, 2, 2]),
    ):
        sequences, y = of(given, None, lengths)
        assert y is None and sequences.lengths.tolist() == expected
        np.testing.assert_array_equal(sequences.rows, rows[: sum(expected)])
        assert sequences.rows.dtype == (dtype if isinstance(given[0], np.ndarray) else np.float64)
        back = sequences.in_form(np.arange(sum(expected)))
        if given is rows:
            np.testing.assert_array_equal(back, np.arange(9))
        elif isinstance(given, np.ndarray):
            assert back.shape == given.shape[:2]
        else:
            assert [len(part) for part in back] == expected and back[1][0] == 3


def test_frames_keep_their_names():
    model = LiquidReservoir()
    frames = [pd.DataFrame(part, columns=["a", "b"]) for part in LISTS]
    sequences, _ = sequences_of(model, frames, reset=True)
    assert model.feature_names_in_.tolist() == ["a", "b"] and len(sequences) == 3
    with pytest.raises(ValueError, match=r"same columns: there are 2 in X\[0\], and 2 others in X\[1\]"):
        of([frames[0], frames[1].rename(columns={"a": "c"})])


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_targets_in_the_form_of_x(shape):
    rows = np.arange(9 * np.prod(shape, dtype=int)).reshape(9, *shape).astype(float)
    options = {"multi_output": True, "y_numeric": True}
    np.testing.assert_array_equal(of(LISTS, np.split(rows, [3, 8]), **options)[1], rows)
    cube = np.ones((3, 3, 2))
    np.testing.assert_array_equal(of(cube, rows.reshape(3, 3, *shape), **options)[1], rows)
    np.testing.assert_array_equal(of(np.ones((9, 2)), rows, [4, 5], **options)[1], rows)


def test_lists_of_rows_are_no_lists_of_sequences():
    for rows in ([], [1.0], [[1.0, 2.0]], [np.ones(2)], [()], np.ones((2, 2, 2)), "ab", None):
        assert not is_list_of_sequences(rows)
    assert is_list_of_sequences([[[1.0, 2.0]]]) and is_list_of_sequences([[np.ones(2)]])


@pytest.mark.parametrize(
    ("X", "y", "lengths", "message"),
    [
        ([np.ones((3, 2)), np.ones((3, 4))], None, None, r"same columns: there are 2 in X\[0\], and 4 in X\[1\]"),
        ([np.ones((3, 2)), np.ones((0, 2))], None, None, r"X\[1\] must be a matrix with a row for each step"),
        ([np.ones((3, 2)), np.ones(3)], None, None, r"X\[1\] must be a matrix"),
        (np.ones((2, 0, 3)), None, None, "at least one sequence of at least one step"),
        (np.ones((9, 2)), None, [4, 4], "lengths must be positive integers whose sum is the 9 rows of X"),
        (np.ones((9, 2)), None, [10, -1], "lengths must be positive integers"),
        (np.ones((9, 2)), None, [4.5, 4.5], "lengths must be positive integers"),
        (np.ones((4, 2)), None, np.array([2**63, 2**63, 4], np.uint64), "lengths must be .* sum is the 4 rows of X"),
        (np.ones((4, 2)), None, np.array([2**63 - 1, 2**63 - 1, 6]), "lengths must be .* sum is the 4 rows of X"),
        (np.ones((9, 2)), None, [], "lengths must be positive integers"),
        (LISTS, None, [3, 5, 1], "lengths must be None where X is a list"),
        (np.ones((3, 3, 2)), None, [3, 3, 3], "lengths must be None"),
        (LISTS, [np.ones(3)], None, "y must have as many sequences as X, 3, got 1"),
        (LISTS, [np.ones(3), np.ones(4), np.ones(1)], None, r"y\[1\] must have a target for each of the 5 steps"),
        (LISTS, [np.ones(3), np.ones((5, 2)), np.ones(1)], None, r"y\[1\] must have a target"),
        (np.ones((3, 3, 2)), np.ones((3, 2)), None, "y must have the 3 sequences of 3 steps that X has"),
        ([np.full((3, 2), np.nan)], None, None, "NaN"),
    ],
)
def test_what_is_refused(X, y, lengths, message):
    options = {} if y is None else {"multi_output": True, "y_numeric": True}
    with pytest.raises(ValueError, match=message):
        of(X, y, lengths, **options)


@pytest.mark.parametrize(
    "lengths", [[9000], [20_000], [1] * 200, [5000, 1, 4000, 17], [100] * 165, [4000] * 20, [9000, *[5] * 40]]
)
def test_pieces_have_each_step_once_and_in_order(lengths):
    lengths = np.array(lengths)
    sequences = Sequences(np.zeros((lengths.sum(), 1)), lengths, "rows")
    owner = np.repeat(np.arange(len(lengths)), lengths)
    step = np.concatenate([np.arange(n) for n in lengths])
    next_step, seen = np.zeros(len(lengths), int), []
    for piece in sequences.pieces():
        assert 0 < piece.lengths.sum() == len(piece.steps) <= 8192
        which = np.repeat(np.arange(len(lengths))[piece.sequences], piece.lengths)
        np.testing.assert_array_equal(owner[piece.rows], which)
        np.testing.assert_array_equal(step[piece.rows], piece.steps)
        for s, count in zip(np.arange(len(lengths))[piece.sequences], piece.lengths, strict=True):
            np.testing.assert_array_equal(piece.steps[which == s], next_step[s] + np.arange(count))
            next_step[s] += count
        seen.append(np.arange(lengths.sum())[piece.rows])
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(lengths.sum()))
