"""Dropout and noise: random numbers by counting."""

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization, Structure
from tests.engine.problems import ALL_REGULARIZATION, data_for, network_of, passed, trainer_of


def read_back(
    layer, shape, *, values=1.0, dtype=np.float64, seed=0, step=1, n_threads=1, isa=None, sparse=False, **given
):
    """What reaches the weights after the inputs (layer 0) or a hidden layer, all of whose values are the same.

    Each row has an output of its own, and delta 1 there alone; so the gradient of those weights is the rows.
    """
    n_rows, width = shape
    sizes = (width, n_rows) if layer == 0 else (1, *[width] * layer, n_rows)
    network = Network(Structure.of(sizes, "identity"), dtype=dtype)
    for biases in network.intercepts[:-1]:
        biases[:] = values
    X = np.full((n_rows, sizes[0]), values, dtype)
    trainer = trainer_of(
        network, rule="gradient", max_batch=n_rows, n_threads=n_threads, isa=isa, seed=seed,
        regularization=Regularization(**given),
    )  # fmt: skip
    trainer.load(network.params)
    trainer.attach(rows_of(scipy.sparse.csr_array(X) if sparse else X, dtype), (-n_rows * np.eye(n_rows)).astype(dtype))
    passed(trainer, np.arange(n_rows), n_rows, step_count=step - 1)
    gradient = np.empty_like(network.params)
    trainer.store(None, [gradient])
    return Network(network.structure, gradient).coefs[-1].T.copy()


def kept(layer, shape, rate, **options):
    """Which values are not dropped."""
    return read_back(layer, shape, dropout=rates_for(layer, rate), **options) != 0


def rates_for(layer, rate):
    return [0.0] * layer + [rate]


SHAPE = (300, 400)
LEAST_P = 1e-4  # a fair generator falls below in one of ten thousand tests


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_dropout_drops_its_share(layer, rate):
    values = read_back(layer, SHAPE, dropout=rates_for(layer, rate))
    assert set(np.unique(values).round(12)) == {0.0, round(1 / (1 - rate), 12)}  # so that the expectation is kept
    stays = values != 0
    for counts, n in (
        (stays.sum(keepdims=True), stays.size),
        (stays.sum(axis=0), SHAPE[0]),
        (stays.sum(axis=1), SHAPE[1]),
    ):
        square = ((counts - n * (1 - rate)) ** 2 / (n * rate * (1 - rate))).sum()
        assert LEAST_P < scipy.stats.chi2.sf(square, counts.size) < 1 - LEAST_P


def pairs_to_try(values_of):
    """What should be independent: neighbours within a step, and values of other steps, layers and seeds."""
    a = values_of(0)
    for lag in (1, 2, 16, 32):
        yield f"rows {lag} apart", a[lag:], a[:-lag]
        yield f"columns {lag} apart", a[:, lag:], a[:, :-lag]
    for other in ({"step": 2}, {"step": 3}, {"seed": 1}, {"seed": 2**63}):
        b = values_of(0, **other)
        yield str(other), a, b
        yield f"{other}, a row down", a[1:], b[:-1]
        yield f"{other}, a row up", a[:-1], b[1:]
        yield f"{other}, a column on", a[:, 1:], b[:, :-1]


def test_dropout_is_independent():
    pairs = list(pairs_to_try(lambda layer, **options: kept(layer, SHAPE, 0.4, **options)))
    layers = [kept(layer, SHAPE, 0.4) for layer in (0, 1, 2)]
    pairs += [(f"layers {i} and {j}", layers[i], layers[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    pairs += [("layers 1 and 2, a row down", layers[1][1:], layers[2][:-1])]
    for what, a, b in pairs:
        table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
        assert scipy.stats.chi2_contingency(table, correction=False).pvalue > LEAST_P, what


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("layer", [0, 1])
def test_dropout_is_the_same_everywhere(layer, n_threads, dtype, isa):
    shape = (70, 45)
    expected = kept(layer, shape, 0.3, seed=9)
    np.testing.assert_array_equal(kept(layer, shape, 0.3, seed=9, dtype=dtype, isa=isa, n_threads=n_threads), expected)
    if layer == 0:
        csr = kept(0, shape, 0.3, seed=9, dtype=dtype, isa=isa, n_threads=n_threads, sparse=True)
        np.testing.assert_array_equal(csr, expected)


def test_dropout_does_not_depend_on_chunks():
    """A row of a second chunk loses what it loses in row numbers of the batch."""
    network, X, targets = network_of("tanh", "log_loss", sizes=(40, 3)), np.ones((1500, 40)), np.zeros(1500, np.int32)
    alone = (np.arange(1500) == 1400).astype(float)
    _, gradient = network.loss_and_gradients(X, targets, alone, regularization=Regularization(dropout=[0.5]))
    row = Network(network.structure, gradient).coefs[0][:, 0] != 0
    np.testing.assert_array_equal(row, kept(0, (1500, 40), 0.5)[1400])


def noise(shape, **options):
    return read_back(0, shape, values=0.0, input_noise=0.7, **options)


def test_noise_is_normal():
    for seed in range(3):
        values = noise(SHAPE, seed=seed).ravel() / 0.7
        assert scipy.stats.kstest(values, "norm").pvalue > LEAST_P
        # Moments, each in units of its standard deviation.
        n = np.sqrt(values.size)
        deviations = [
            values.mean() * n,
            (values**2 - 1).mean() * n / np.sqrt(2),
            (values**3).mean() * n / np.sqrt(15),
            (values**4 - 3).mean() * n / np.sqrt(96),
        ]
        assert np.abs(deviations).max() < 4
        assert 4 < np.abs(values).max() < 6


def test_noise_is_independent():
    for what, a, b in pairs_to_try(lambda _, **options: noise(SHAPE, **options)):
        assert scipy.stats.pearsonr(a.ravel(), b.ravel()).pvalue > LEAST_P, what
        assert scipy.stats.pearsonr(np.abs(a.ravel()), np.abs(b.ravel())).pvalue > LEAST_P, what


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_noise_is_the_same_everywhere(n_threads, dtype, isa):
    values = noise((70, 45), dtype=dtype, isa=isa, n_threads=n_threads)
    np.testing.assert_allclose(values, noise((70, 45)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(values, noise((70, 45), dtype=dtype, isa=isa))


def test_randomness_has_no_part_in_predictions():
    network = network_of("tanh", "log_loss", "batch")
    X, _, _ = data_for(network, 40)
    trainer = trainer_of(network, rule="sgd", max_batch=9, regularization=Regularization(**ALL_REGULARIZATION))
    network.load_into(trainer)
    np.testing.assert_array_equal(trainer.forward(rows_of(X, np.float64)), network.forward(X))


@pytest.mark.parametrize("bad", [-0.1, 1.0, np.nan])
def test_rates_of_dropout_are_checked(bad):
    with pytest.raises(ValueError, match=f"a rate of dropout must be at least 0 and below 1, got {bad}"):
        read_back(0, (2, 2), dropout=[bad])
    with pytest.raises(ValueError, match=r"expected 1 rates of dropout, got \[0.1, 0.2\]"):
        read_back(0, (2, 2), dropout=[0.1, 0.2])


def test_noise_is_for_dense_rows():
    with pytest.raises(ValueError, match="noise on the inputs would leave no zeros of a CSR matrix"):
        read_back(0, (2, 2), input_noise=0.1, sparse=True)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_dropout_of_the_inputs_of_a_network_without_hidden_layers(n_threads, dtype, isa):
    """Half of two ones: the gradient for targets of zero is what was kept, times what was made of it."""
    network = Network(Structure.of((6, 1), "relu"), dtype=dtype)
    network.coefs[0][:] = 1
    X, targets = np.ones((40, 6), dtype), np.zeros((40, 1), dtype)
    options = {"regularization": Regularization(dropout=[0.5]), "seed": 2, "isa": isa, "n_threads": n_threads}
    value, gradient = network.loss_and_gradients(X, targets, **options)
    inputs = 2.0 * kept(0, (40, 6), 0.5, seed=2)
    outputs = inputs.sum(axis=1, keepdims=True)
    assert value == pytest.approx(0.5 * (outputs**2).mean())
    np.testing.assert_allclose(gradient[:6], (inputs * outputs).mean(axis=0), rtol=1e-6)
