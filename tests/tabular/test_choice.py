"""categorical_features means what it means to scikit-learn, and errors name the entry that is wrong."""

import re

import numpy as np
import pytest

from fastmlp.tabular.choice import chosen_columns

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ("from_dtype", None),
        (None, []),
        ([], []),
        ([0, 2], [0, 2]),
        (np.array([2, 0, 2]), [0, 2]),
        ((np.int8(1),), [1]),
        ([True, False, True], [0, 2]),
        (np.array([False, False, True]), [2]),
        (["c", "a"], [0, 2]),
        (np.array(["b"]), [1]),
    ],
)
def test_ways_to_name_columns(given, chosen):
    assert chosen_columns(given, NAMES, 3) == chosen


@pytest.mark.parametrize(
    ("given", "names", "message"),
    [
        ("b", NAMES, "got 'b': for one column write ['b']"),
        (3, NAMES, "'from_dtype', None, or a list of bool, int or str; got 3"),
        ([0, 3], NAMES, "must be in [0, n_features - 1]; got 3, and X has 3 features"),
        ([-1], NAMES, "got -1"),
        ([True, False], NAMES, "must have shape (n_features,), got: (2,), and X has 3 features"),
        (["a", "z"], NAMES, "an item value 'z' which is not a valid feature name of the training data"),
        (["a"], None, "fitted on data without feature names; got 'a'"),
        (["a"], [1, 2, 3], "fitted on data without feature names; got 'a'"),
        (["a", 1], NAMES, "all of one type; got int, str, 'a' for instance"),
        ([True, 1], NAMES, "all of one type; got bool, int, True for instance"),
        ([0.0], NAMES, "got float, 0.0 for instance"),
    ],
)
def test_entries_that_are_wrong(given, names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        chosen_columns(given, names, 3)
