"""Numbers as what networks look up, by the encoders of tables, beside the slow and obvious way of each."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from fastmlp import engine
from fastmlp.tabular.encoders import BinnedNumbers, FrequentValues, RankedNumbers, ScaledNumbers


def columns_of(encoder, name):
    """Return the values that an encoder keeps of each column."""
    starts, values = encoder.offsets_, getattr(encoder, name)
    return [values[start:stop] for start, stop in pairwise(starts)]


def without_missing(codes, fractions):
    missing = np.isnan(fractions)
    return np.where(missing, 0, codes), np.where(missing, 0, fractions).astype(np.float32)


def bins_of(encoder, numbers):
    codes, fractions = np.empty(numbers.shape, int), np.empty(numbers.shape)
    for i, edges in enumerate(columns_of(encoder, "edges_")):
        column = numbers[:, i]
        bins = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, len(edges) - 2)
        fractions[:, i] = np.clip((column - edges[bins]) / (edges[bins + 1] - edges[bins]), -1, 2)
        codes[:, i] = bins + 1
    return without_missing(codes, fractions)


def scaled_of(encoder, numbers):
    scaled = np.clip((numbers - encoder.medians_) / encoder.scales_, -1e100, 1e100)
    return without_missing(np.ones(numbers.shape, int), scaled / np.hypot(1, scaled / 3))


def ranks_of(encoder, numbers):
    ranks, shares = np.empty(numbers.shape), np.linspace(0, 1, 257)
    for i, quantiles in enumerate(encoder.quantiles_):
        column = numbers[:, i]
        low = np.interp(column, quantiles, shares)
        high = 1 - np.interp(-column, -quantiles[::-1], shares)
        ranks[:, i] = (low + high) / 2
    return without_missing(np.ones(numbers.shape, int), ndtri(np.clip(ranks, 1e-3, 1 - 1e-3)))


def values_of(encoder, numbers):
    codes = np.zeros((len(numbers), len(encoder.sources_)), int)
    for j, (i, values) in enumerate(zip(encoder.sources_, columns_of(encoder, "values_"), strict=True)):
        for code, value in enumerate(values):
            codes[numbers[:, i] == value, j] = code + 1
    return codes, np.empty((len(numbers), 0))


#: Each encoder with its oracle, and how far apart the fractions of both may be.
ENCODERS = {
    "bins": (BinnedNumbers, bins_of, 0),
    "mixed": (lambda: BinnedNumbers("mixed"), bins_of, 0),
    "scaled": (ScaledNumbers, scaled_of, 2e-7),
    "ranked": (RankedNumbers, ranks_of, 1e-6),
    "frequent": (FrequentValues, values_of, 0),
}


def table(n_rows=700, seed=0):
    """Numbers without end, small integers, two values, one value, none, and ties among others."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 6))
    X[:, 1] = random.integers(-3, 4, n_rows)
    X[:, 2] = random.integers(0, 2, n_rows)
    X[:, 3] = 7
    X[:, 4] = np.nan
    X[::2, 5] = 0.25
    X[random.random(X.shape) < 0.05] = np.nan
    return X


@pytest.fixture(params=ENCODERS)
def case(request):
    make, oracle, tolerance = ENCODERS[request.param]
    return make().fit(table()), oracle, tolerance


def assert_encoded(encoder, oracle, tolerance, numbers):
    found = encoder.transform(numbers)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are beyond everything
        codes, fractions = oracle(encoder, numbers)
    assert found.fractions.dtype == np.float32
    np.testing.assert_array_equal(found.codes, codes)
    np.testing.assert_allclose(found.fractions, fractions, rtol=tolerance, atol=tolerance)


def test_rows_of_training_and_others(case):
    encoder = case[0]
    others = table(513, seed=1)
    others[::7] *= 100
    others[1::7, :3] = [1e308, -1e308, 5e-324]
    for numbers in (table(), others, np.full((1, 6), -0.0), table()[:1], table()[:0]):
        assert_encoded(*case, numbers)
    assert all(
        codes.max(initial=0) <= n for codes, n in zip(encoder.transform(table()).codes.T, encoder.n_codes, strict=True)
    )


def test_a_row_alone_is_encoded_as_among_others(case):
    encoder, numbers = case[0], table(300, seed=2)
    codes, fractions = encoder.transform(numbers)
    for row in (0, 17, 255, 256, 299):
        alone = encoder.transform(numbers[row : row + 1])
        np.testing.assert_array_equal(alone.codes, codes[row : row + 1])
        np.testing.assert_array_equal(alone.fractions, fractions[row : row + 1])


@settings(max_examples=60, deadline=None)
@given(
    # Of float32's precision: the quotients of NumPy's interpolation overflow between closer numbers near 0.
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40),
    st.lists(st.floats(allow_infinity=False), max_size=20),
    st.sampled_from(sorted(ENCODERS)),
)
def test_any_numbers(learned, others, name):
    make, oracle, tolerance = ENCODERS[name]
    encoder = make().fit(np.array(learned)[:, np.newaxis])
    numbers = np.array([*others, *learned, *np.nextafter(learned, np.inf), np.nan])[:, np.newaxis]
    assert_encoded(encoder, oracle, tolerance, numbers)


def test_no_numbers(case):
    encoder = type(case[0])().fit(np.empty((5, 0)))
    found = encoder.transform(np.empty((3, 0)))
    assert found.codes.shape == found.fractions.shape == (3, 0)
    assert encoder.n_codes == []
    encoder.check_state()


def test_state_of_fits_is_sound(case):
    case[0].check_state()


def test_tables_that_do_not_fit_are_refused_by_the_engine():
    X, offsets = np.zeros((2, 1)), np.array([0, 2])
    with pytest.raises(ValueError, match="2 offsets of 3 values do not go with 1 columns"):
        engine.bin_fractions(X, np.arange(3.0), offsets, 1.0)
    with pytest.raises(ValueError, match="column 0 has 1 values; 2 to 65535"):
        engine.bin_fractions(X, np.zeros(1), np.array([0, 1]), 1.0)
    with pytest.raises(ValueError, match="1 columns of 1 quantiles do not go with 1 columns"):
        engine.quantile_ranks(X, np.zeros((1, 1)))
    with pytest.raises(ValueError, match="2 centres and 1 scales do not go with 1 columns"):
        engine.scaled_fractions(X, np.zeros(2), np.ones(1), 3.0)
    with pytest.raises(ValueError, match="columns must be from 0 to 0; got 1"):
        engine.value_codes(X, np.array([1]), np.arange(2.0), offsets)
    with pytest.raises(ValueError, match="column 0 has -1 values"):
        engine.value_codes(X, np.array([0, 0]), np.zeros(1), np.array([0, -1, 1]))
