"""Difference quotients: they add up exactly, come near to integrated gradients, and read outputs as predictions are."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from fastmlp import Network
from fastmlp.network import Structure
from fastmlp.tabular.calibration import apply_temperature
from fastmlp.tabular.quotients import (
    MixedClasses,
    Tail,
    quotients,
    read_numbers,
    read_pinball_losses,
    read_squares,
)

RANDOM = np.random.default_rng(0)
pieces = partial(np.diff, axis=1)
LEVELS = [(0, 0.2), (1, 0.9)]
CLASSES = {2: [np.arange(2), np.arange(2)], 3: [np.arange(3), np.array([0, 2])], 5: [np.arange(5), np.arange(5)]}


def network(activation="relu", sizes=(6, 6, 8, 3), **options):
    """A network whose first products are its inputs."""
    made = Network.create(list(sizes), activation, random_state=1, **options)
    made.coefs[0][:] = np.eye(sizes[0])
    made.intercepts[0][:] = 0
    for biases in made.intercepts[1:]:
        biases[:] = np.random.default_rng(2).standard_normal(len(biases))
    return made


def way(base, change, n_pieces):
    return base + np.linspace(0, 1, n_pieces + 1)[:, np.newaxis] * change[:, np.newaxis]


def changes_of(found, outputs):
    """By how much predictions change on the whole way, by the gradients with respect to members' outputs."""
    parts = [np.einsum("npto,npo->nt", *each) for each in zip(found.gradients, map(pieces, outputs), strict=True)]
    return sum(parts)


@pytest.mark.parametrize("n_pieces", [1, 3, 16])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "leaky_relu", "step"])
def test_gradients_add_up_to_the_change_of_the_outputs(activation, n_pieces):
    made, base, change = network(activation), RANDOM.standard_normal(6), RANDOM.standard_normal((5, 6))
    tail = Tail(made)
    outputs, steps = tail.forward(way(base, change, n_pieces))
    for at, end in ((0, base + 0 * change), (-1, base + change)):
        np.testing.assert_allclose(outputs[:, at], made.forward(end), rtol=1e-12, atol=1e-12)
    back = tail.back(np.broadcast_to(np.eye(3), (5, n_pieces, 3, 3)), steps)
    assert back.shape == (5, 3, 6)
    np.testing.assert_allclose((back * change[:, np.newaxis]).sum(axis=2), outputs[:, -1] - outputs[:, 0], atol=1e-10)


@pytest.mark.parametrize(("activation", "tolerance"), [("tanh", 1e-4), ("silu", 1e-4), ("relu", 0.02)])
def test_many_pieces_come_near_to_integrated_gradients(activation, tolerance):
    made, base, change = network(activation), RANDOM.standard_normal(6), RANDOM.standard_normal((5, 6))
    tail = Tail(made)
    _, steps = tail.forward(way(base, change, 64))
    back = tail.back(np.broadcast_to(np.eye(3), (5, 64, 3, 3)), steps)
    middles = (np.arange(2000) + 0.5) / 2000
    for k in range(3):
        expected = np.mean([made.input_gradients(base + a * change, output=k) for a in middles], axis=0)
        np.testing.assert_allclose(back[:, k], expected, atol=tolerance)


def test_where_nothing_changes_slopes_stand_for_quotients():
    made, base = network("tanh"), RANDOM.standard_normal(6)
    tail = Tail(made)
    _, steps = tail.forward(way(base, np.zeros((1, 6)), 2))
    back = tail.back(np.broadcast_to(np.eye(3), (1, 2, 3, 3)), steps)
    np.testing.assert_allclose(back[0], made.jacobian(base[np.newaxis])[0], rtol=1e-10)
    x = np.array([[1.0, 1.0 + 1e-12, 1.0 + 1e-12]])
    np.testing.assert_allclose(quotients(x, np.sqrt(x), lambda x, y: 0.5 / y), [[0.5, 0.5]])


@pytest.mark.parametrize("options", [{"normalization": "layer"}, {"kind": "residual"}, {"normalization": "batch"}])
def test_layers_that_are_not_plain_are_refused(options):
    with pytest.raises(ValueError, match="plain layers alone; got HiddenLayer"):
        Tail(Network.create([3, 4, 4, 1], **options))


def test_learned_activations_are_refused():
    with pytest.raises(ValueError, match="plain layers alone"):
        Tail(Network(Structure.of([3, 4, 1], "prelu")))


def test_numbers_are_kept_within_their_range():
    outputs = [RANDOM.standard_normal((40, 6, 2)).cumsum(axis=1) for _ in range(3)]
    weights, means, scales = [0.5, 0.3, 0.2], np.array([1.0, -2.0]), np.array([2.0, 0.5])
    ranges = np.array([[-2.0, -2.5], [3.0, -1.0]])
    found = read_numbers(outputs, weights, means, scales, ranges)
    mixed = 0.5 * outputs[0] + 0.3 * outputs[1] + 0.2 * outputs[2]
    np.testing.assert_allclose(found.predictions, np.clip(mixed * scales + means, *ranges))
    assert (found.predictions[:, -1] == ranges[1]).any()
    change = found.predictions[:, -1] - found.predictions[:, 0]
    np.testing.assert_allclose(changes_of(found, outputs), change, atol=1e-12)


#: How much each of two outputs counts in a mean: alike, the first alone, none.
SHARES = [np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.zeros(2)]


@pytest.mark.parametrize("shares", SHARES)
def test_squares_are_those_of_errors(shares):
    outputs, y = [RANDOM.standard_normal((7, 4, 2)) for _ in range(2)], RANDOM.standard_normal((7, 2))
    found = read_squares(outputs, [0.25, 0.75], y, shares)
    mixed = 0.25 * outputs[0] + 0.75 * outputs[1]
    np.testing.assert_allclose(found.predictions[..., 0], -((mixed - y[:, np.newaxis]) ** 2) @ shares)
    change = found.predictions[:, -1] - found.predictions[:, 0]
    np.testing.assert_allclose(changes_of(found, outputs), change, atol=1e-12)


@pytest.mark.parametrize("shares", SHARES)
def test_pinball_losses_are_those_of_errors(shares):
    outputs, y = [RANDOM.standard_normal((7, 4, 2)) for _ in range(2)], RANDOM.standard_normal((7, 2))
    outputs[0][0, 1:], outputs[1][0, 1:] = y[0], y[0]  # no error at all, and no change
    found = read_pinball_losses(outputs, [0.25, 0.75], y, shares, [0.2, 0.9])
    mixed = 0.25 * outputs[0] + 0.75 * outputs[1]
    for row in range(7):
        expected = [-mean_pinball_loss(y[row, j : j + 1], mixed[row, 2, j : j + 1], alpha=q) for j, q in LEVELS]
        assert found.predictions[row, 2, 0] == pytest.approx(np.dot(expected, shares))
    change = found.predictions[:, -1] - found.predictions[:, 0]
    np.testing.assert_allclose(changes_of(found, outputs), change, atol=1e-12)


def probabilities(logits):
    logits = np.concatenate([np.zeros_like(logits), logits], axis=-1) if logits.shape[-1] == 1 else logits
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def members_outputs(classes, scale):
    sizes = [1 if len(numbers) == 2 else len(numbers) for numbers in classes]
    return [scale * RANDOM.standard_normal((6, 5, size)).cumsum(axis=1) for size in sizes]


@pytest.mark.parametrize("n_classes", CLASSES)
@pytest.mark.parametrize("temperature", [1.0, 0.6, 3.0])
def test_log_odds_are_those_of_the_mixed_probabilities(n_classes, temperature):
    classes, weights = CLASSES[n_classes], [0.7, 0.3]
    outputs = members_outputs(classes, 1.0)
    mixed = np.zeros((6, 5, n_classes))
    for weight, numbers, logits in zip(weights, classes, outputs, strict=True):
        mixed[..., numbers] += weight * probabilities(logits)
    expected = apply_temperature(mixed, temperature)
    y = np.arange(6) % n_classes
    reader = MixedClasses(weights, classes, n_classes, temperature)
    odds, logs = reader.log_odds(outputs), reader.log_probabilities(outputs, y)
    of_odds = np.log(expected / (1 - expected))
    np.testing.assert_allclose(odds.predictions, of_odds[..., 1:] if n_classes == 2 else of_odds, rtol=1e-9)
    np.testing.assert_allclose(logs.predictions[..., 0], np.log(expected[np.arange(6), :, y]), rtol=1e-9)
    for found in (odds, logs):
        assert [each.shape[-1] for each in found.gradients] == [each.shape[-1] for each in outputs]
        change = found.predictions[:, -1] - found.predictions[:, 0]
        np.testing.assert_allclose(changes_of(found, outputs), change, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("n_classes", CLASSES)
def test_certain_classes_have_finite_log_odds(n_classes):
    outputs = members_outputs(CLASSES[n_classes], 300.0)
    reader = MixedClasses([0.7, 0.3], CLASSES[n_classes], n_classes, 1.0)
    for found in (reader.log_odds(outputs), reader.log_probabilities(outputs, np.zeros(6, int))):
        assert np.isfinite(found.predictions).all()
        assert all(np.isfinite(each).all() for each in found.gradients)
