"""Values: what is missing, and the texts that stand for numbers."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastmlp.tabular.values import Values, text_of, unusable


@pytest.mark.parametrize(
    ("values", "missing", "example"),
    [
        (Values("numbers", "float64", np.array([np.nan, 2.0])), [True, False], 2.0),
        (Values("texts", "str", np.array([-1, 0, -1]), ["a"]), [True, False, True], "a"),
        (Values("dates", "M8", np.array(["NaT", "2024-01-01"], "M8[D]")), [True, False], None),
        (Values("spans", "m8", np.array([1.5, np.nan])), [False, True], 1.5),
    ],
)
def test_missing_values_and_examples(values, missing, example):
    assert_array_equal(values.missing(), missing)
    if example is not None:
        assert values.example() == example


def test_values_that_cannot_be_used_are_not_missing():
    values = unusable(3, "list", "they are lists")
    assert not values.missing().any() and len(values.data) == 3 and values.reason == "they are lists"


def test_equal_numbers_have_the_same_text():
    assert text_of(3) == text_of(3.0) == text_of(np.float32(3)) == text_of(np.int8(3)) == "3"
    assert text_of(-0.0) == text_of(0) == "0"
    assert text_of(float("inf")) == "inf"
    assert text_of(0.1) == "0.1"
