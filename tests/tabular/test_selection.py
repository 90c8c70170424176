"""Selection of members: a search by plain loops, minima of other optimisers, noise that must not be learned."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import log_loss, mean_pinball_loss, mean_squared_error

from fastmlp.tabular.selection import greedy_selection, simplex_weights

LOSSES = ["log_loss", "squared_error", "absolute_error", "quantile"]


def pool(loss, n_candidates=6, n_rows=60, n_outputs=3, seed=0):
    """Predictions of candidates that know something, targets, and weights of rows."""
    random = np.random.default_rng(seed)
    weights = random.uniform(0.5, 2, n_rows)
    if loss == "log_loss":
        y = random.integers(0, n_outputs, n_rows)
        scores = 1.5 * np.eye(n_outputs)[y] + random.normal(0, 1.5, (n_candidates, n_rows, n_outputs))
        exponentials = np.exp(scores)
        return exponentials / exponentials.sum(axis=-1, keepdims=True), y, weights
    y = random.standard_normal((n_rows, n_outputs))
    bias = random.normal(0, 0.5, (n_candidates, 1, 1))
    return y + bias + random.standard_normal((n_candidates, n_rows, n_outputs)), y, weights


def loss_of(loss, predictions, y, weights, quantile=0.5):
    """The loss of one prediction, by scikit-learn."""
    if loss == "log_loss":
        return log_loss(y, predictions, sample_weight=weights, labels=range(predictions.shape[1]))
    if loss == "squared_error":
        return mean_squared_error(y, predictions, sample_weight=weights)
    return mean_pinball_loss(y, predictions, sample_weight=weights, alpha=quantile if loss == "quantile" else 0.5)


def greedy_by_loops(loss, predictions, y, weights, n_initial, max_steps, quantile):
    """The search as the paper tells it: each candidate is tried at each step."""
    alone = [loss_of(loss, each, y, weights, quantile) for each in predictions]
    taken = sorted(range(len(predictions)), key=lambda i: alone[i])[:n_initial]
    reached = loss_of(loss, predictions[taken].mean(axis=0), y, weights, quantile)
    for _ in range(max_steps):
        tried = [
            loss_of(loss, predictions[[*taken, i]].mean(axis=0), y, weights, quantile) for i in range(len(predictions))
        ]
        if min(tried) >= reached:
            break
        reached = min(tried)
        taken.append(tried.index(reached))
    return np.bincount(taken, minlength=len(predictions))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_initial", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_search_is_that_of_the_paper(loss, n_initial, seed):
    predictions, y, weights = pool(loss, seed=seed)
    for max_steps in (0, 2, 12):
        expected = greedy_by_loops(loss, predictions, y, weights, n_initial, max_steps, 0.8)
        options = {"loss": loss, "quantile": 0.8, "n_initial": n_initial, "max_steps": max_steps}
        found = greedy_selection(predictions, y, weights, **options)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.int64


def test_the_search_ends_when_nothing_helps():
    predictions, y, _ = pool("squared_error")
    predictions[2] = y
    assert greedy_selection(predictions, y, loss="squared_error").tolist() == [0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("loss", LOSSES)
def test_of_equal_candidates_the_first_is_taken(loss):
    predictions, y, weights = pool(loss, n_rows=1001)
    twice = np.concatenate([predictions, predictions])[[*range(0, 12, 2), *range(1, 12, 2)]]
    twins = [np.flatnonzero([(each == other).all() for other in twice]) for each in predictions]
    found = greedy_selection(twice, y, weights, loss=loss)
    alone = greedy_selection(predictions, y, weights, loss=loss)
    for (first, second), count in zip(twins, alone, strict=True):
        assert (found[first], found[second]) == (count, 0)


def test_several_binary_outputs_have_the_mean_of_their_losses():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, (50, 3))
    predictions = np.clip(0.3 + 0.4 * y + random.uniform(-0.3, 0.3, (5, 50, 3)), 0.01, 0.99)
    true = np.where(y, predictions, 1 - predictions).reshape(5, -1)
    as_classes = np.stack([1 - true, true], axis=-1)
    ones = np.ones(150, dtype=int)
    np.testing.assert_array_equal(greedy_selection(predictions, y), greedy_selection(as_classes, ones))


def test_numbers_of_one_output_may_have_two_dimensions():
    predictions, y, weights = pool("squared_error", n_outputs=1)
    options = {"loss": "squared_error"}
    expected = greedy_selection(predictions, y, weights, **options)
    np.testing.assert_array_equal(greedy_selection(predictions[..., 0], y[:, 0], weights, **options), expected)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("strength", [0.1, 5.0, 50.0])
def test_weights_are_the_minimum_that_another_optimizer_finds(loss, strength):
    predictions, y, weights = pool(loss, n_candidates=5, n_rows=80)
    n_rows = weights.sum() ** 2 / (weights**2).sum()
    best = min(loss_of(loss, each, y, weights) for each in predictions)
    unit = 1 if loss == "log_loss" else 2 * best

    def objective(logits):
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        mixture = np.tensordot(shares, predictions, 1)
        divergence = np.sum(shares * np.log(np.maximum(5 * shares, 1e-300)))
        return n_rows * loss_of(loss, mixture, y, weights) / unit + strength * divergence

    found = simplex_weights(predictions, y, weights, loss=loss, prior_strength=strength, max_iter=2000)
    assert found.min() >= 0
    assert abs(found.sum() - 1) < 1e-12
    reference = minimize(objective, np.zeros(5), method="Nelder-Mead", options={"maxiter": 20000, "xatol": 1e-9})
    assert objective(np.log(np.maximum(found, 1e-300))) <= reference.fun + 1e-5


@pytest.mark.parametrize(("loss", "quantile"), [("absolute_error", 0.5), ("quantile", 0.2), ("quantile", 0.9)])
def test_weights_for_absolute_errors_are_as_good_as_any_on_a_grid(loss, quantile):
    predictions, y, _ = pool(loss, n_candidates=3, n_rows=2000)
    found = simplex_weights(predictions, y, loss=loss, quantile=quantile, prior_strength=1e-3)
    grid = [(a, b, 20 - a - b) for a, b in product(range(21), repeat=2) if a + b <= 20]
    losses = [loss_of(loss, np.tensordot(np.divide(each, 20), predictions, 1), y, None, quantile) for each in grid]
    assert loss_of(loss, np.tensordot(found, predictions, 1), y, None, quantile) <= 1.001 * min(losses)


def noisy(n_rows, n_candidates, seed, noise=0.7):
    """Candidates that differ by noise alone, for a binary target."""
    random = np.random.default_rng(seed)
    signal = 2 * random.standard_normal(n_rows)
    y = (random.random(n_rows) < 1 / (1 + np.exp(-signal))).astype(int)
    p = 1 / (1 + np.exp(-signal - noise * random.standard_normal((n_candidates, n_rows))))
    return np.stack([1 - p, p], axis=-1), y


@pytest.mark.parametrize("n_rows", [100, 300, 1000])
def test_few_rows_do_not_tell_noisy_candidates_apart(n_rows):
    """The effective number of members stays near all of them, where the greedy search keeps a few."""
    for seed in range(5):
        predictions, y = noisy(n_rows, 20, seed, noise=0.2)
        found = simplex_weights(predictions, y)
        counts = greedy_selection(predictions, y)
        assert 1 / np.sum(found**2) > 15
        assert 1 / np.sum((counts / counts.sum()) ** 2) < 10


def test_weights_of_few_rows_predict_new_rows_as_well_as_equal_ones():
    excess = []
    for seed in range(10):
        predictions, y = noisy(10200, 20, seed)
        found = simplex_weights(predictions[:, :200], y[:200])
        greedy = greedy_selection(predictions[:, :200], y[:200])
        tests = [np.tensordot(each / each.sum(), predictions[:, 200:], 1) for each in (np.ones(20), found, greedy)]
        excess.append([log_loss(y[200:], each) for each in tests])
    equal, weighed, searched = np.mean(excess, axis=0)
    assert weighed - equal < 0.001
    assert searched - equal > 0.003


def test_many_rows_tell_which_candidate_knows_more():
    random = np.random.default_rng(0)
    y = random.standard_normal(5000)
    predictions = y + random.standard_normal((6, 5000)) * np.array([1, 1, 1, 0.3, 1, 1])[:, np.newaxis]
    inverse = 1 / np.array([1, 1, 1, 0.3, 1, 1]) ** 2
    found = simplex_weights(predictions, y, loss="squared_error")
    np.testing.assert_allclose(found, inverse / inverse.sum(), atol=0.03)  # the best weights of independent errors


@pytest.mark.parametrize("loss", LOSSES)
def test_the_strength_of_the_prior_that_is_meant_by_none(loss):
    predictions, y, weights = pool(loss)
    expected = simplex_weights(predictions, y, weights, loss=loss, prior_strength=5 if loss == "log_loss" else 20)
    np.testing.assert_array_equal(simplex_weights(predictions, y, weights, loss=loss), expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_copies_of_a_candidate_share_its_weight(loss):
    predictions, y, weights = pool(loss)
    found = simplex_weights(np.concatenate([predictions, predictions]), y, weights, loss=loss)
    np.testing.assert_allclose(found[:6], found[6:], rtol=1e-9)


def test_small_weights_are_left_out():
    predictions, y, weights = pool("log_loss", n_candidates=8, n_rows=500)
    dense = simplex_weights(predictions, y, weights, prior_strength=0.1)
    border = np.sort(dense)[3] * 1.01
    found = simplex_weights(predictions, y, weights, prior_strength=0.1, min_weight=border)
    assert found[found > 0].min() >= border
    assert 0 < (found == 0).sum() < 8
    assert abs(found.sum() - 1) < 1e-12
    assert (simplex_weights(predictions, y, weights, min_weight=0.99) > 0).sum() == 1


def test_perfect_candidates_share_the_weight():
    predictions, y, _ = pool("absolute_error")
    predictions[[1, 4]] = y
    found = simplex_weights(predictions, y, loss="absolute_error")
    assert found.tolist() == [0, 0.5, 0, 0, 0.5, 0]


def test_a_probability_of_zero_does_not_spoil_a_candidate():
    predictions, y, _ = pool("log_loss", n_rows=400)
    right = np.eye(3)[y]
    predictions = np.stack([0.9 * right + 0.1 / 3, 0 * right + 1 / 3])
    predictions[0, 0] = np.eye(3)[(y[0] + 1) % 3]
    counts = greedy_selection(predictions, y)
    found = simplex_weights(predictions, y)
    assert counts.tolist() == [1, 0]
    assert 0.9 < found[0] < 1


@pytest.mark.parametrize("function", [greedy_selection, simplex_weights])
def test_one_candidate_has_all_the_weight(function):
    predictions, y, _ = pool("log_loss", n_candidates=1)
    assert function(predictions, y).tolist() == [1]


@pytest.mark.parametrize("function", [greedy_selection, simplex_weights])
@pytest.mark.parametrize("loss", LOSSES)
def test_rows_of_weight_zero_do_not_count(function, loss):
    predictions, y, weights = pool(loss)
    weights[::3] = 0
    few = weights > 0
    expected = function(predictions[:, few], y[few], weights[few], loss=loss)
    np.testing.assert_allclose(function(predictions, y, weights, loss=loss), expected, rtol=1e-6)


@pytest.mark.parametrize("function", [greedy_selection, simplex_weights])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "hinge"}, r"loss must be one of 'log_loss', .* got 'hinge'"),
        ({"quantile": 1.0}, r"quantile must be between 0 and 1; got 1\.0"),
        ({"predictions": np.ones(4)}, r"predictions must have the shape .* got \(4,\), and y of shape \(4,\)"),
        ({"predictions": np.ones((0, 4, 2))}, r"at least one candidate .* got \(0, 4, 2\)"),
        ({"predictions": np.ones((2, 3, 2))}, r"as many rows as y; got \(2, 3, 2\)"),
        ({"predictions": np.full((2, 4, 2), np.nan)}, r"predictions must be finite; got nan"),
        ({"predictions": np.full((2, 4, 2), 1.5)}, r"probabilities must be between 0 and 1"),
        ({"predictions": np.full((2, 4, 2), -0.5)}, r"probabilities must be between 0 and 1"),
        ({"y": [0, 1, 2, 0]}, r"y must have numbers of classes from 0 to 1; got"),
        ({"y": [0, 1, -1, 0]}, r"y must have numbers of classes from 0 to 1; got"),
        ({"y": [0, 1, 0.5, 0]}, r"y must have numbers of classes from 0 to 1; got"),
        ({"y": ["a", "b", "a", "b"]}, r"y must have numbers of classes from 0 to 1; got"),
        ({"y": np.zeros((4, 3))}, r"y must have 2 columns, as many as outputs of predictions; got 3"),
        ({"y": np.full((4, 2), 2)}, r"y must have 0 or 1 for each output; got"),
        ({"y": np.zeros((4, 3)), "loss": "squared_error"}, r"y must have 2 columns, as predictions have; got 3"),
        ({"y": np.full((4, 2), np.inf), "loss": "squared_error"}, r"y must be finite; got inf"),
        ({"sample_weight": [1, 1]}, r"sample_weight must have the shape \(4,\); got \(2,\)"),
        ({"sample_weight": [1, 1, -1, 1]}, r"sample_weight must be finite, not negative"),
        ({"sample_weight": np.zeros(4)}, r"sample_weight must be finite, not negative, and not zero for all rows"),
        ({"sample_weight": [1, 1, np.nan, 1]}, r"sample_weight must be finite"),
    ],
    ids=str,
)
def test_what_does_not_belong_together(function, change, message):
    given = {"predictions": np.full((2, 4, 2), 0.5), "y": [0, 1, 0, 1], **change}
    with pytest.raises(ValueError, match=message):
        function(given.pop("predictions"), given.pop("y"), **given)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (greedy_selection, {"n_initial": 0}, r"n_initial must be an integer of at least 1; got 0"),
        (greedy_selection, {"max_steps": -1}, r"max_steps must be an integer of at least 0; got -1"),
        (simplex_weights, {"prior_strength": 0}, r"prior_strength must be a positive number; got 0"),
        (simplex_weights, {"min_weight": 1}, r"min_weight must be in \[0, 1\); got 1"),
        (simplex_weights, {"max_iter": 0}, r"max_iter must be an integer of at least 1; got 0"),
    ],
)
def test_parameters_out_of_range(function, options, message):
    with pytest.raises(ValueError, match=message):
        function(np.full((2, 4, 2), 0.5), [0, 1, 0, 1], **options)
