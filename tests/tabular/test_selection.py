"""Selection of members: a search by plain loops, minima of other optimisers, noise that must not be learned."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_pinball_loss, mean_squared_error

from fastmlp.tabular.selection import greedy_selection

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


@pytest.mark.parametrize("n_targets", [1, 3])
def test_outputs_may_be_quantiles_of_several_levels(n_targets):
    """The loss is the mean over outputs, each of its own level, whether they have a target in common or not."""
    levels = [0.1, 0.5, 0.8]
    predictions, y, weights = pool("quantile")
    y = y[:, :n_targets]

    def loss(mixture):
        columns = np.broadcast_to(y, mixture.shape).T
        pairs = zip(levels, columns, mixture.T, strict=True)
        return np.mean([loss_of("quantile", p, of, weights, level) for level, of, p in pairs])

    taken = [int(np.argmin([loss(each) for each in predictions]))]
    while True:
        tried = [loss(predictions[[*taken, i]].mean(axis=0)) for i in range(6)]
        if min(tried) >= loss(predictions[taken].mean(axis=0)):
            break
        taken.append(int(np.argmin(tried)))
    found = greedy_selection(predictions, y, weights, loss="quantile", quantile=levels)
    np.testing.assert_array_equal(found, np.bincount(taken, minlength=6))
    assert len(taken) > 2


def test_a_probability_of_zero_does_not_spoil_a_candidate():
    predictions, y, _ = pool("log_loss", n_rows=400)
    right = np.eye(3)[y]
    predictions = np.stack([0.9 * right + 0.1 / 3, 0 * right + 1 / 3])
    predictions[0, 0] = np.eye(3)[(y[0] + 1) % 3]
    assert greedy_selection(predictions, y).tolist() == [1, 0]


def test_one_candidate_has_all_the_weight():
    predictions, y, _ = pool("log_loss", n_candidates=1)
    assert greedy_selection(predictions, y).tolist() == [1]


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_of_weight_zero_do_not_count(loss):
    predictions, y, weights = pool(loss)
    weights[::3] = 0
    few = weights > 0
    expected = greedy_selection(predictions[:, few], y[few], weights[few], loss=loss)
    np.testing.assert_allclose(greedy_selection(predictions, y, weights, loss=loss), expected, rtol=1e-6)


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
        (
            {"y": [0, 1, 0, 1], "loss": "quantile", "quantile": [0.5] * 3},
            r"quantile must have the shape \(2,\), as predictions have outputs; got \(3,\)",
        ),
        ({"sample_weight": [1, 1]}, r"sample_weight must have the shape \(4,\); got \(2,\)"),
        ({"sample_weight": [1, 1, -1, 1]}, r"sample_weight must be finite, not negative"),
        ({"sample_weight": np.zeros(4)}, r"sample_weight must be finite, not negative, and not zero for all rows"),
        ({"sample_weight": [1, 1, np.nan, 1]}, r"sample_weight must be finite"),
    ],
    ids=str,
)
def test_what_does_not_belong_together(change, message):
    given = {"predictions": np.full((2, 4, 2), 0.5), "y": [0, 1, 0, 1], **change}
    with pytest.raises(ValueError, match=message):
        greedy_selection(given.pop("predictions"), given.pop("y"), **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_initial": 0}, r"n_initial must be an integer of at least 1; got 0"),
        ({"max_steps": -1}, r"max_steps must be an integer of at least 0; got -1"),
    ],
)
def test_parameters_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        greedy_selection(np.full((2, 4, 2), 0.5), [0, 1, 0, 1], **options)
