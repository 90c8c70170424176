"""Temperatures against a plain grid and a closed formula, errors of calibration against loops over bins."""

import numpy as np
import pytest
from scipy.special import softmax

from fastmlp.tabular.calibration import (
    BOUNDS,
    apply_temperature,
    calibration_curve,
    expected_calibration_error,
    fit_temperature,
    top_class,
)


def drawn(temperature, n_rows=20000, n_classes=3, seed=0):
    """Probabilities that are right at a temperature, and classes drawn from them."""
    random = np.random.default_rng(seed)
    true = softmax(2 * random.standard_normal((n_rows, n_classes)), axis=1)
    y = (true.cumsum(axis=1) < random.random((n_rows, 1))).sum(axis=1)
    return apply_temperature(true, 1 / temperature), y


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.0, 1.3, 2.5])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_temperature_that_was_taken_away_is_found(temperature, n_classes):
    p, y = drawn(temperature, n_classes=n_classes)
    assert fit_temperature(p, y) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("n_rows", [3, 40, 400])
@pytest.mark.parametrize("prior_scale", [0.1, 0.25, np.inf])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_that_of_a_grid(n_rows, prior_scale, weighted):
    p, y = drawn(1.7, n_rows)
    weights = np.random.default_rng(1).uniform(0.1, 3, n_rows) if weighted else np.ones(n_rows)
    effective = weights.sum() ** 2 / (weights**2).sum()
    grid = np.exp(np.linspace(*np.log(BOUNDS), 4001))
    values = []
    for temperature in grid:
        powers = p ** (1 / temperature)
        powers /= powers.sum(axis=1, keepdims=True)
        loss = np.average(-np.log(powers[np.arange(n_rows), y]), weights=weights)
        values.append(effective * loss + (np.log(temperature) / prior_scale) ** 2 / 2)
    expected = grid[np.argmin(values)]
    found = fit_temperature(p, y, weights if weighted else None, prior_scale=prior_scale)
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_closed_formula():
    """With probability p for what comes in a share f of rows, the temperature makes p equal to f."""
    p, y = np.tile([0.1, 0.9], (1000, 1)), np.arange(1000) % 4 > 0
    expected = np.log(0.9 / 0.1) / np.log(0.75 / 0.25)
    assert fit_temperature(p, y, prior_scale=np.inf) == pytest.approx(expected, rel=1e-4)


def test_binary_outputs_share_a_temperature():
    p, y = drawn(1.8, n_rows=3000, n_classes=2)
    outputs, truth = p[:, 1].reshape(1000, 3), y.reshape(1000, 3)
    weights = np.random.default_rng(0).uniform(1, 2, 1000)
    # The prior is left out, since 3 outputs of a row count as one row.
    found = fit_temperature(outputs, truth, weights, prior_scale=np.inf)
    assert found == pytest.approx(fit_temperature(p, y, np.repeat(weights, 3), prior_scale=np.inf), rel=1e-5)


def test_few_rows_stay_near_one():
    for n_rows in (1, 2, 5):
        perfect = np.tile([0.01, 0.99], (n_rows, 1))
        assert 0.85 < fit_temperature(perfect, np.ones(n_rows, dtype=int)) < 1
        assert 1 < fit_temperature(perfect, np.zeros(n_rows, dtype=int)) <= BOUNDS[1]
    assert fit_temperature(np.empty((0, 2)), []) == 1.0


@pytest.mark.parametrize("certain", [0.999, 1.0])
def test_perfect_predictions_keep_a_finite_temperature(certain):
    p, y = np.tile([1 - certain, certain], (10000, 1)), np.ones(10000, dtype=int)
    found = fit_temperature(p, y)
    assert BOUNDS[0] <= found <= 1.0001
    assert np.isfinite(apply_temperature(p, found)).all()


def test_a_certain_error_does_not_lead_to_the_border():
    p, y = drawn(1.0, 2000, n_classes=2)
    p[0] = np.eye(2)[1 - y[0]]
    assert 1 <= fit_temperature(p, y) < 1.2


def test_a_temperature_keeps_order_zeros_and_sums():
    p = np.array([[0.0, 0.3, 0.7], [1e-300, 0.5, 0.5], [0.0, 0.0, 1.0]])
    for temperature in (0.2, 1.0, 5.0):
        powers = apply_temperature(p, temperature)
        np.testing.assert_allclose(powers.sum(axis=1), 1)
        np.testing.assert_array_equal(powers == 0, (p == 0) | ((p == 1e-300) & (powers == 0)))
        np.testing.assert_array_equal(np.argsort(powers, kind="stable"), np.argsort(p, kind="stable"))
    np.testing.assert_allclose(apply_temperature(p, 1.0), p, atol=1e-15)
    np.testing.assert_allclose(apply_temperature(p[0], 2.0)[1:], np.sqrt(p[0, 1:]) / np.sqrt(p[0]).sum())


def test_probabilities_that_stand_alone():
    p = np.array([[0.0, 0.2], [0.5, 1.0]])
    expected = np.stack([apply_temperature(np.stack([1 - q, q], axis=-1), 1.5)[..., 1] for q in p])
    np.testing.assert_allclose(apply_temperature(p, 1.5, binary=True), expected)


# ---- the error of calibration ----------------------------------------------------------------------------------------


def by_loops(events, p, weights, n_bins):
    """Rows in ascending order, cut where their weights reach a bin's share; ties move together by their middle."""
    total, below, bins = weights.sum(), 0.0, {}
    for value in sorted(set(p)):
        at = p == value
        number = min(int((below + weights[at].sum() / 2) / total * n_bins + 1e-9), n_bins - 1)
        below += weights[at].sum()
        bins.setdefault(number, []).extend(np.flatnonzero(at))
    error = 0.0
    for rows in bins.values():
        share = weights[rows]
        error += abs(np.dot(share, p[rows]) - np.dot(share, events[rows])) / total
    return error, [len(bins[number]) for number in sorted(bins)]


@pytest.mark.parametrize("n_bins", [1, 4, 15])
@pytest.mark.parametrize("digits", [1, 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_is_that_of_loops(n_bins, digits, weighted):
    random = np.random.default_rng(n_bins)
    p = random.random(200).round(digits)
    events = random.random(200) < p**2
    weights = random.uniform(0.5, 2, 200) if weighted else np.ones(200)
    error, counts = by_loops(events, p, weights, n_bins)
    curve = calibration_curve(events, p, weights if weighted else None, n_bins=n_bins)
    assert curve.error == pytest.approx(error, rel=1e-12)
    assert curve.counts.tolist() == counts
    assert curve.shares.sum() == pytest.approx(1)
    shuffled = random.permutation(200)
    again = calibration_curve(events[shuffled], p[shuffled], weights[shuffled], n_bins=n_bins)
    np.testing.assert_array_equal(again.counts, curve.counts)
    assert expected_calibration_error(events, p, weights, n_bins=n_bins) == pytest.approx(error)


def test_bins_have_equal_numbers_of_rows():
    random = np.random.default_rng(0)
    curve = calibration_curve(random.random(1000) < 0.5, random.random(1000) ** 4, n_bins=10)
    assert curve.counts.tolist() == [100] * 10
    assert (np.diff(curve.predicted) > 0).all()


def test_the_most_probable_class_is_what_counts():
    p, y = drawn(1.0, 5000, n_classes=4)
    hit = p.argmax(axis=1) == y
    expected = calibration_curve(hit, p.max(axis=1)).error
    assert expected_calibration_error(y, p) == expected
    assert expected < 0.03
    sure = apply_temperature(p, 0.4)
    assert expected_calibration_error(y, sure) > 0.1
    assert expected_calibration_error(y, apply_temperature(sure, fit_temperature(sure, y))) < 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_temperature([[0.5, 0.5]], [2]), r"y must have numbers of classes from 0 to 1; got"),
        (lambda: fit_temperature([[0.5, 0.5]], [0, 1]), r"probabilities must have the shape \(2, n_classes\)"),
        (lambda: fit_temperature([[0.5, 1.5]], [0]), r"probabilities must be between 0 and 1"),
        (lambda: fit_temperature([[0.5, np.nan]], [0]), r"probabilities must be between 0 and 1"),
        (lambda: fit_temperature([[0.5, 0.5]], [0], prior_scale=0), r"prior_scale must be a positive number; got 0"),
        (lambda: apply_temperature([0.5], 0), r"temperature must be a positive number; got 0"),
        (lambda: apply_temperature([0.5], np.nan), r"temperature must be a positive number; got nan"),
        (lambda: calibration_curve([], []), r"at least one row; got \(0,\) and \(0,\)"),
        (lambda: calibration_curve([1], [0.5, 0.5]), r"got \(1,\) and \(2,\)"),
        (lambda: calibration_curve([1], [2.0]), r"probabilities must be between 0 and 1"),
        (lambda: calibration_curve([1], [np.nan]), r"probabilities must be between 0 and 1"),
        (lambda: calibration_curve([1], [0.5], n_bins=0), r"n_bins must be an integer of at least 1; got 0"),
        (lambda: top_class([[0]], [[0.5, 0.5]]), r"y must have one dimension"),
    ],
)
def test_what_does_not_belong_together(call, message):
    with pytest.raises(ValueError, match=message):
        call()
