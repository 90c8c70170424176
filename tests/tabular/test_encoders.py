"""Encoders of numbers: bins, scaled numbers, ranks and frequent values beside slow, obvious ones."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from fastmlp.tabular.encoders import (
    BinnedNumbers,
    FrequentValues,
    RankedNumbers,
    ScaledNumbers,
    mixed_edges,
    quantile_edges,
)

ALL = [BinnedNumbers, lambda: BinnedNumbers("mixed"), ScaledNumbers, RankedNumbers, FrequentValues]


def numbers(n=200, seed=0):
    """Columns with a normal and a heavy tail, ties, two values, gaps, a constant, and no value at all."""
    random = np.random.default_rng(seed)
    columns = [
        random.normal(size=n),
        random.standard_cauchy(n) * 1e6,
        random.integers(0, 7, n).astype(float),
        random.integers(0, 2, n).astype(float),
        np.where(random.random(n) < 0.3, np.nan, random.exponential(size=n)),
        np.full(n, 2.5),
        np.full(n, np.nan),
        np.where(random.random(n) < 0.6, 0.0, random.normal(size=n)),
    ]
    return np.stack(columns, axis=1)


X = numbers()


@pytest.mark.parametrize("make", ALL)
def test_codes_and_fractions_are_what_the_engine_reads(make):
    encoder = make().fit(X)
    encoder.check_state()
    for rows in (X, X[:1], X[:0], np.where(np.isnan(X), 0, X * 1e3)):
        codes, fractions = encoder.transform(rows)
        assert codes.shape == (len(rows), len(encoder.n_codes))
        assert fractions.shape == (len(rows), len(encoder.n_codes) if encoder.is_number else 0)
        assert fractions.dtype == np.float32
        assert np.isfinite(fractions).all()
        assert (codes >= 0).all()
        assert (codes <= np.array(encoder.n_codes)).all()
        missing = np.isnan(rows[:, encoder.sources_])
        assert (codes[missing] == 0).all()
        if encoder.is_number:
            assert ((codes == 0) == missing).all()
            assert (fractions[missing] == 0).all()


@pytest.mark.parametrize("make", ALL)
def test_columns_are_encoded_each_by_itself(make):
    """What other columns hold, and in which order rows come, changes nothing."""
    encoder = make().fit(X)
    codes, fractions = encoder.transform(X)
    for j, source in enumerate(encoder.sources_):
        alone = make().fit(X[::-1, [source]]).transform(X[:, [source]])
        assert np.array_equal(alone.codes[:, 0], codes[:, j])
        if encoder.is_number:
            assert np.array_equal(alone.fractions[:, 0], fractions[:, j])


def test_quantile_edges():
    values = np.arange(101.0)
    np.testing.assert_allclose(quantile_edges(values, 4), [0, 25, 50, 75, 100])
    assert quantile_edges(np.array([1.0, 1, 1, 1, 2]), 4).tolist() == [1, 2]
    assert quantile_edges(np.array([3.0, 3]), 4).tolist() == [2.5, 3.5]
    assert quantile_edges(np.zeros(0), 4).tolist() == [0, 1]
    found = quantile_edges(np.random.default_rng(0).normal(size=1000), 32)
    counts = np.histogram(np.random.default_rng(0).normal(size=1000), found)[0]
    assert counts.min() >= 31
    assert counts.max() <= 32


def test_mixed_edges_see_what_lies_beside_a_value_of_most_rows():
    values = np.concatenate([np.zeros(900), np.linspace(1, 2, 100)])
    assert len(quantile_edges(values, 32)) < 7
    assert len(mixed_edges(values, 32)) > 16
    assert len(mixed_edges(np.random.default_rng(0).normal(size=1000), 32)) <= 33


@pytest.mark.parametrize("how", ["quantile", "mixed"])
def test_bins_are_where_numbers_lie(how):
    encoder = BinnedNumbers(how, 8).fit(X)
    wide = np.concatenate([X, X * 3 - 1])
    codes, fractions = encoder.transform(wide)
    for i, edges in enumerate(np.split(encoder.edges_, encoder.offsets_[1:-1])):
        for x, code, fraction in zip(wide[:, i].tolist(), codes[:, i].tolist(), fractions[:, i].tolist(), strict=True):
            if math.isnan(x):
                assert (code, fraction) == (0, 0)
                continue
            k = min(max(sum(x >= edge for edge in edges), 1), len(edges) - 1)
            expected = (x - edges[k - 1]) / (edges[k] - edges[k - 1])
            assert code == k
            assert fraction == pytest.approx(min(max(expected, -1), 2), rel=1e-5, abs=1e-6)


def test_scaled_numbers():
    encoder = ScaledNumbers().fit(X)
    fractions = encoder.transform(X).fractions
    for i in (0, 1, 2, 4):
        known = X[~np.isnan(X[:, i]), i]
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
        z = (known - middle) / (high - low)
        expected = z / np.sqrt(1 + (z / 3) ** 2)
        np.testing.assert_allclose(fractions[~np.isnan(X[:, i]), i], expected, rtol=1e-5, atol=1e-6)
    assert np.abs(fractions).max() <= 3
    assert (fractions[:, 5] == 0).all()
    assert np.ptp(fractions[:, 7]) > 0  # its quartiles are both 0, so its deviation is the scale
    wild = encoder.transform(np.full((1, 8), 1.7e308)).fractions
    assert np.isfinite(wild).all()


def test_ranks_are_normal_scores():
    encoder = RankedNumbers().fit(X)
    fractions = encoder.transform(X).fractions
    normal = NormalDist()
    known = np.sort(X[:, 0])
    for x, score in zip(X[:, 0].tolist(), fractions[:, 0].tolist(), strict=True):
        rank = np.searchsorted(known, x) / (len(known) - 1)
        assert normal.cdf(score) == pytest.approx(min(max(rank, 1e-3), 1 - 1e-3), abs=1 / 256)
    # Equal values have the mean of their ranks: of two values, those of the shares below and above.
    share = np.mean(X[:, 3] == 0)
    for value, rank in ((0, share / 2), (1, 1 - (1 - share) / 2)):
        found = fractions[X[:, 3] == value, 3]
        assert np.ptp(found) == 0
        assert found[0] == pytest.approx(normal.inv_cdf(rank), abs=0.05)
    low, high = encoder.transform(np.stack([np.full(8, -1e300), np.full(8, 1e300)])).fractions
    np.testing.assert_allclose(low[:5], normal.inv_cdf(1e-3), rtol=1e-5)
    np.testing.assert_allclose(high[:5], normal.inv_cdf(1 - 1e-3), rtol=1e-5)
    assert (np.diff(fractions[np.argsort(X[:, 0]), 0]) >= 0).all()


def test_frequent_values():
    encoder = FrequentValues(5).fit(X)
    codes = encoder.transform(X).codes
    assert encoder.sources_ == [2, 7]
    assert encoder.n_codes == [7, 1]
    for j, source in enumerate(encoder.sources_):
        values, counts = np.unique(X[:, source], return_counts=True)
        frequent = values[counts >= 5].tolist()
        expected = [frequent.index(x) + 1 if x in frequent else 0 for x in X[:, source].tolist()]
        assert codes[:, j].tolist() == expected
    assert encoder.transform(np.full((1, 8), 99.0)).codes.tolist() == [[0, 0]]
    assert encoder.transform(np.full((1, 8), -99.0)).codes.tolist() == [[0, 0]]


def test_the_most_frequent_values_are_kept():
    column = np.repeat(np.arange(6.0), [10, 2, 8, 7, 7, 9])
    encoder = FrequentValues(5, 3).fit(column[:, np.newaxis])
    assert encoder.values_.tolist() == [0, 2, 5]
    assert FrequentValues(5, 4).fit(column[:, np.newaxis]).values_.tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize(
    ("make", "name", "values"),
    [
        (BinnedNumbers, "edges_", [None, [np.zeros(3)], [np.array([0.0])], [np.array([0, np.nan])], [np.arange(3)]]),
        (ScaledNumbers, "medians_", [None, np.zeros(3), np.full(8, np.nan)]),
        (ScaledNumbers, "scales_", [None, np.ones(3), np.zeros(8), np.full(8, np.inf)]),
        (RankedNumbers, "quantiles_", [None, [np.zeros(3)] * 8, [np.linspace(1, 0, 257)] * 8]),
        (FrequentValues, "values_", [None, [np.zeros(0)] * 2, [np.array([2.0, 1.0])] * 2]),
        (BinnedNumbers, "sources_", [None, [0], [-1] * 8, ["0"] * 8]),
    ],
)
def test_states_that_no_fit_sets(make, name, values):
    for value in values:
        encoder = make().fit(X)
        setattr(encoder, name, value)
        with pytest.raises(ValueError, match=r"no|not|none"):
            encoder.check_state()


NAMED = {"bins": BinnedNumbers, "ranked": RankedNumbers, "scaled": ScaledNumbers}


@pytest.mark.parametrize(
    ("name", "attribute", "value", "message"),
    [
        ("bins", "edges_", [0.0, 1.0], "edges_ of BinnedNumbers are no numbers"),
        ("bins", "edges_", np.array([0.0, np.nan]), "edges_ of BinnedNumbers are no numbers"),
        ("bins", "edges_", np.array([1.0, 0.0]), "edges_ of BinnedNumbers do not ascend"),
        ("bins", "edges_", np.arange(3.0), "offsets_ of BinnedNumbers do not fit its edges_"),
        ("bins", "offsets_", np.array([0, 1, 2]), "offsets_ of BinnedNumbers are of too few edges_"),
        ("bins", "offsets_", np.array([0, 3, 2]), "offsets_ of BinnedNumbers are of too few edges_"),
        ("bins", "offsets_", np.array([0.0, 2.0]), "offsets_ of BinnedNumbers do not fit"),
        ("bins", "offsets_", None, "offsets_ of BinnedNumbers do not fit"),
        ("bins", "sources_", [0, 1], "sources_ of BinnedNumbers are not its columns'"),
        ("ranked", "quantiles_", None, "quantiles_ of RankedNumbers are no table"),
        ("ranked", "quantiles_", np.zeros((1, 256)), "quantiles_ of RankedNumbers are no table"),
        ("ranked", "quantiles_", np.full((1, 257), np.inf), "quantiles_ of RankedNumbers are not finite"),
        ("ranked", "quantiles_", np.arange(257.0, 0, -1)[np.newaxis], "quantiles_ of RankedNumbers do not ascend"),
        ("scaled", "scales_", np.zeros(1), "scales_ of ScaledNumbers are not positive"),
    ],
)
def test_offsets_and_tables_that_no_fit_sets(name, attribute, value, message):
    encoder = NAMED[name]().fit(np.array([[0.0], [0.0]]) if name == "ranked" else np.array([[0.0]] * 2))
    if name == "bins":
        encoder.edges_ = np.array([0.0, 1.0])
    setattr(encoder, attribute, value)
    with pytest.raises(ValueError, match=message):
        encoder.check_state()


@pytest.mark.parametrize("value", [0.0, -3.0, 2.0**60, -1.7e18, 4e307])
@pytest.mark.parametrize("edges", [quantile_edges, mixed_edges])
def test_a_single_value_of_any_size_has_a_bin_around_it(value, edges):
    low, high = edges(np.full(3, value), 8)
    assert low < value < high
    assert high - low == max(1.0, 2 * np.spacing(abs(value)))
