"""Codes of numbers, beside NumPy's searchsorted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmlp import engine


def codes_of(X, cuts):
    """The oracle: a column's cut points lie in a list of their own."""
    codes = np.stack([np.searchsorted(of_column, column) + 1 for of_column, column in zip(cuts, X.T, strict=True)], 1)
    return np.where(np.isnan(X), 0, codes)


def found(X, cuts):
    offsets = np.cumsum([0, *map(len, cuts)], dtype=np.int64)
    return engine.bin_codes(np.ascontiguousarray(X, dtype=float), np.concatenate([np.empty(0), *cuts]), offsets)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20, unique=True), min_size=1, max_size=4
    ),
    st.lists(st.floats(), max_size=20),
)
def test_codes_are_those_of_searchsorted(cuts, values):
    cuts = [np.sort(of_column) for of_column in cuts]
    values = np.concatenate([values, *cuts, [np.nan, np.inf, -np.inf]])
    X = np.stack([np.roll(values, i) for i in range(len(cuts))], axis=1)
    np.testing.assert_array_equal(found(X, cuts), codes_of(X, cuts))


@pytest.mark.parametrize("n_rows", [0, 1, 255, 256, 257, 1000])
def test_each_number_of_cut_points(n_rows):
    random = np.random.default_rng(n_rows)
    cuts = [np.sort(random.standard_normal(n)) for n in range(255)]
    X = random.standard_normal((n_rows, 255))
    X[random.random(X.shape) < 0.1] = np.nan
    np.testing.assert_array_equal(found(X, cuts), codes_of(X, cuts))


def test_no_columns():
    assert found(np.empty((3, 0)), []).shape == (3, 0)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0, 300], "2 offsets of 300 cut points do not go with 2 columns"),
        ([0, 100, 299], "3 offsets of 300 cut points do not go with 2 columns"),
        ([1, 100, 300], "do not go with 2 columns"),
        ([0, 45, 300], "column 1 has 255 cut points; 0 to 254"),
        ([0, 301, 300], "column 0 has 301 cut points; 0 to 254"),
        ([0, -1, 300], "column 0 has -1 cut points; 0 to 254"),
    ],
)
def test_offsets_that_do_not_fit(offsets, message):
    with pytest.raises(ValueError, match=message):
        engine.bin_codes(np.zeros((3, 2)), np.arange(300.0), np.array(offsets))
