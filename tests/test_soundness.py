"""Questions to ask of values from a file: what they take for a count, a number, a list of texts or an array."""

from fractions import Fraction

import numpy as np
import pytest

from fastmlp.soundness import are_texts, is_array, is_count, is_number, is_truth, require, require_jobs, shown


def test_counts():
    assert all(map(is_count, (0, 7, np.int8(3), np.uint64(9), 2**53 - 1)))
    assert not any(map(is_count, (-1, True, np.bool_(True), 1.0, "1", None, 2**53, np.uint64(2**64 - 1), [1])))


def test_numbers():
    assert all(map(is_number, (0, -2.5, np.float32(1), np.int64(2), np.nan, np.inf, Fraction(1, 3))))
    assert not any(map(is_number, (True, np.bool_(False), "1", None, 1j, np.ones(1))))


def test_truth_values():
    assert all(map(is_truth, (True, False, np.bool_(True))))
    assert not any(map(is_truth, (0, 1, None, "True", np.array(True))))


def test_lists_of_texts():
    assert are_texts([])
    assert are_texts(["a", ""])
    assert not any(map(are_texts, (None, "a", ("a",), ["a", 1], [np.str_("a")], {"a": 1})))


def test_arrays():
    assert is_array(np.zeros(3), 3)
    assert is_array(np.zeros((2, 3), np.float32), 2, 3)
    assert is_array(np.array(["a"], dtype=object), 1, kinds="O")
    assert is_array(np.zeros(3, int), 3, kinds="iu")
    assert not is_array(np.zeros(3), 4)
    assert not is_array(np.zeros((1, 3)), 3)
    assert not is_array(np.zeros(3, int), 3)
    assert not is_array([0.0, 0.0, 0.0], 3)
    assert not is_array(np.ma.MaskedArray([0.0]), 1)


def test_what_is_required():
    require(True, "never said")
    with pytest.raises(ValueError, match=r"^It is wrong\.$"):
        require(0, "It is wrong")
    with pytest.raises(ValueError, match=r"^It is wrong; got 1; got 'a'\.$"):
        require([], "It is wrong", 1, "a")


def test_threads_that_may_be_asked_for():
    for n_jobs in (None, 1, -1, 1024):
        require_jobs(n_jobs)
    with pytest.raises(ValueError, match="n_jobs=1025 is more than 1024; -1 is all CPUs"):
        require_jobs(1025)


def test_values_in_messages_are_short():
    class Unspeakable:
        def __repr__(self):
            raise RuntimeError

    assert shown([1, "a"]) == "[1, 'a']"
    assert shown("a" * 300) == "'" + "a" * 196 + "..."
    assert shown(Unspeakable()) == "a Unspeakable"
