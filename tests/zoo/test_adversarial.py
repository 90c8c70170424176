"""Adversarial networks: slopes of the oracle, eight Gaussians on a ring, and what users ask of them."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.network import Network
from fastmlp.optimizers import SGD, Adam, Descent
from fastmlp.schedules import Exponential
from fastmlp.zoo import GAN
from fastmlp.zoo.adversarial import AdversarialLearner
from tests.zoo import oracle_generative as oracle
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
    assert_samples_are_of_the_estimators_seed,
)

X = np.random.default_rng(0).standard_normal((60, 3)) * [1, 0.5, 2] + [0, 1, -1]


def small(**parameters):
    sizes = {"hidden_layer_sizes": (8,), "discriminator_hidden_layer_sizes": (8,), "n_components": 2}
    return GAN(**{**sizes, "batch_size": 16, "max_iter": 4, "random_state": 0, **parameters})


# ---- formulas --------------------------------------------------------------------------------------------------------


def learner_of(outputs, smoothing=0.0):
    """A learner by plain descent of a small generator and discriminator, and these."""
    loss = {"identity": "squared_error", "logistic": "binary_log_loss"}[outputs]
    networks = {
        "generator": Network.create([4, 9, 3], "tanh", loss, random_state=0),
        "discriminator": Network.create([3, 7, 1], "tanh", "binary_log_loss", random_state=1),
    }
    rule = SGD(1.0, momentum=0.0, nesterov=False)
    passes = {name: LearningPass(network, Descent(rule), max_rows=24) for name, network in networks.items()}
    learner = AdversarialLearner(
        passes, X, np.arange(60), n_components=4, label_smoothing=smoothing, instance_noise=0.0,
        discriminator_steps=1, n_epochs=0, max_iter=1, batch_size=12, random_state=np.random.RandomState(0),
    )  # fmt: skip
    return learner, networks


def generated(network, codes, outputs):
    z = oracle.forward(network, codes)
    return z if outputs == "identity" else 1 / (1 + np.exp(-z))


def log_odds_losses(logits, targets):
    """The log loss of each row, from the logarithms of its odds."""
    return np.logaddexp(0, logits) - targets * logits


@pytest.mark.parametrize("outputs", ["identity", "logistic"])
@pytest.mark.parametrize("std", [0.0, 0.4])
def test_steps_go_down_the_slopes(outputs, std):
    """The discriminator's by its own loss, and the generator's through the discriminator, each to 1e-6."""
    rng = np.random.default_rng(2)
    codes, noise = rng.standard_normal((12, 4)), std * rng.standard_normal((24, 3))
    learner, networks = learner_of(outputs, smoothing=0.2)
    before = {name: network.params.copy() for name, network in networks.items()}

    def at(name, params):
        return Network(networks[name].structure, params)

    def losses(discriminator, generator):
        fakes = generated(generator, codes, outputs)
        real = oracle.forward(discriminator, X[:12] + noise[:12])[:, 0]
        fake = oracle.forward(discriminator, fakes + noise[12:])[:, 0]
        return log_odds_losses(real, 0.8).mean() + log_odds_losses(fake, 0.0).mean()

    def deceived(generator, discriminator):
        fakes = generated(generator, codes, outputs)
        return log_odds_losses(oracle.forward(discriminator, fakes + noise[:12])[:, 0], 1.0).mean()

    generator = at("generator", before["generator"])
    loss = learner.discriminator_step(X[:12], codes, noise if std else None)
    discriminator = at("discriminator", before["discriminator"])
    assert loss / 12 == pytest.approx(losses(discriminator, generator), rel=1e-12)
    expected = oracle.slopes(lambda p: losses(at("discriminator", p), generator), before["discriminator"])
    now = learner.arrays()
    np.testing.assert_allclose(before["discriminator"] - now["discriminator"], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(now["generator"], before["generator"])

    discriminator = at("discriminator", now["discriminator"])
    loss = learner.generator_step(codes, noise[:12] if std else None)
    assert loss / 12 == pytest.approx(deceived(generator, discriminator), rel=1e-12)
    expected = oracle.slopes(lambda p: deceived(at("generator", p), discriminator), before["generator"])
    after = learner.arrays()
    np.testing.assert_allclose(before["generator"] - after["generator"], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(after["discriminator"], now["discriminator"])
    assert np.abs(expected).max() > 1e-2


def test_a_discriminator_of_two_normals_finds_the_ratio_of_their_densities():
    """Against a generator that does not learn, and makes a wider normal distribution than that of the data."""
    generator, discriminator = (
        Network.create([1, *hidden, 1], "tanh", loss, random_state=0)
        for hidden, loss in (((), "squared_error"), ((16,), "binary_log_loss"))
    )
    generator.coefs[0][:], generator.intercepts[0][:] = 1.5, 0
    passes = {
        "generator": LearningPass(generator, Descent(SGD(1e-30)), max_rows=200),
        "discriminator": LearningPass(discriminator, Descent(Adam(Exponential(0.02, 0.998))), max_rows=400),
    }
    data = np.random.default_rng(0).standard_normal((8000, 1)) + 1
    learner = AdversarialLearner(
        passes, data, np.arange(8000), n_components=1, label_smoothing=0.0, instance_noise=0.0, discriminator_steps=1,
        n_epochs=0, max_iter=1, batch_size=200, random_state=np.random.RandomState(0),
    )  # fmt: skip
    losses = [learner.epoch()["discriminator_loss"] for _ in range(50)]
    points = np.linspace(-1.5, 3, 10)[:, None]
    ratio = oracle.log_normal(points, 1.0, np.ones(1)) - oracle.log_normal(points, 0.0, np.full(1, 1.5))
    found = passes["discriminator"].present().forward(points, linked=False)[:, 0]
    np.testing.assert_allclose(found, ratio, atol=0.2)
    assert 1 < np.mean(losses[-10:]) < 2 * np.log(2)


CENTRES = 2 * np.stack([np.cos(np.pi / 4 * np.arange(8)), np.sin(np.pi / 4 * np.arange(8))], axis=1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_eight_gaussians_on_a_ring_are_all_found(seed):
    """The ring of Metz et al., 2017: radius 2, standard deviation 0.02. 90 % of the samples within three of these."""
    rng = np.random.default_rng(seed)
    ring = (CENTRES[rng.integers(0, 8, 10_000)] + 0.02 * rng.standard_normal((10_000, 2))).astype(np.float32)
    model = GAN(
        (64, 64), 8, discriminator_hidden_layer_sizes=(64, 64), instance_noise=0.5, learning_rate_init=0.001,
        batch_size=64, ema=0.998, max_iter=80, random_state=seed, n_jobs=1,
    ).fit(ring)  # fmt: skip
    distances = np.linalg.norm(model.sample(5000, random_state=0)[:, None] - CENTRES, axis=2)
    is_near = distances.min(axis=1) < 3 * 0.02
    assert is_near.mean() >= 0.9
    shares = np.bincount(distances.argmin(axis=1)[is_near], minlength=8) / 5000
    assert shares.min() > 0.02  # of 0.125


def test_the_average_of_the_generator_is_sampled_with():
    averaged = small(ema=0.9, max_iter=8).fit(X)
    plain = small(ema=None, max_iter=8).fit(X)
    np.testing.assert_array_equal(averaged.discriminator_params_, plain.discriminator_params_)
    assert not np.allclose(averaged.generator_params_, plain.generator_params_)
    params = []
    model = small(ema=None, max_iter=8, discriminator_steps=4)
    for _ in range(8):
        params.append(model.partial_fit(X).generator_params_)
    expected = params[0]
    for each in params[1:]:
        expected = 0.9 * expected + 0.1 * each
    averaged = small(ema=0.9, max_iter=8, discriminator_steps=4).fit(X)  # one step of the generator an epoch
    np.testing.assert_allclose(averaged.generator_params_, expected, rtol=1e-12)


def test_steps_of_the_discriminator():
    """The generator learns once for so many steps of the discriminator, and at least once an epoch."""
    counts = {1: 4, 2: 2, 3: 2, 9: 1}
    for steps, expected in counts.items():
        model = small(discriminator_steps=steps, max_iter=1).fit(X)  # 4 batches
        assert model._optimizers["generator"].n_updates == expected
        assert model._optimizers["discriminator"].n_updates == 4


# ---- an estimator ----------------------------------------------------------------------------------------------------


@parametrize_with_checks([GAN((8,), 3, discriminator_hidden_layer_sizes=(8,), max_iter=3)])
def test_scikit_learn_takes_it_for_an_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("outputs", ["identity", "logistic"])
def test_same_bits_for_any_threads(outputs):
    model = small(
        outputs=outputs, hidden_layer_sizes=(40, 33), discriminator_hidden_layer_sizes=(40, 33), instance_noise=0.1
    )
    rows = (X if outputs == "identity" else 1 / (1 + np.exp(-X))).astype(np.float32)
    assert_same_bits_for_any_threads(model, rows, None, ["score_samples"])


def test_comes_back_from_a_file(tmp_path):
    model = small().fit(X)
    assert_comes_back_from_a_file(model, X, tmp_path / "model", ["score_samples"])
    np.testing.assert_array_equal(fastmlp.load(tmp_path / "model").sample(3, random_state=0),
                                  model.sample(3, random_state=0))  # fmt: skip


@pytest.mark.parametrize("ema", [None, 0.9])
def test_partial_fits_are_a_fit(ema, tmp_path):
    """Epoch by epoch, and from a file in between; the noise falls as in a fit, and averages go on."""
    whole, model = (small(ema=ema, instance_noise=0.5) for _ in range(2))
    whole.fit(X)
    for i in range(4):
        model.partial_fit(X)
        if i == 1:
            fastmlp.save(model, tmp_path / "model")
            model = fastmlp.load(tmp_path / "model")
    np.testing.assert_array_equal(model.generator_params_, whole.generator_params_)
    np.testing.assert_array_equal(model.discriminator_params_, whole.discriminator_params_)
    assert model.history_["loss"] == whole.history_["loss"]


def test_types_and_sparse_samples():
    single = small().fit(X.astype(np.float32))
    assert single.generator_params_.dtype == single.sample().dtype == np.float32
    dense = small().fit(np.maximum(X, 0))
    sparse = small().fit(scipy.sparse.csc_array(np.maximum(X, 0)))
    np.testing.assert_array_equal(sparse.generator_params_, dense.generator_params_)
    np.testing.assert_allclose(sparse.score_samples(scipy.sparse.csr_array(X)), dense.score_samples(X), rtol=1e-9)


def test_history_and_samples():
    model = small().fit(X)
    assert {"loss", "discriminator_loss", "learning_rate", "seconds"} == model.history_.keys()
    assert len(model.history_["loss"]) == 4
    codes = np.random.RandomState(3).standard_normal((5, 2))
    np.testing.assert_array_equal(model.sample(5, random_state=3), model.inverse_transform(codes))
    np.testing.assert_allclose(model.inverse_transform(codes), model.generator_.forward(codes), rtol=1e-12)
    assert_samples_are_of_the_estimators_seed(model)
    logistic = clone(model).set_params(outputs="logistic").fit(1 / (1 + np.exp(-X)))
    drawn = logistic.sample(100, random_state=0)
    assert drawn.min() > 0 and drawn.max() < 1


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"solver": "lbfgs"}, "solver='lbfgs' needs all samples at once"),
        ({"discriminator_solver": "lbfgs"}, "solver='lbfgs' needs all samples at once"),
        ({"discriminator_solver": 3}, "'discriminator_solver' parameter"),
        ({"discriminator_activation": "thanh"}, "activation='thanh' is not known"),
        ({"discriminator_hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be > 0"),
        ({"label_smoothing": 0.5}, "'label_smoothing' parameter"),
        ({"ema": 1.0}, "'ema' parameter"),
        ({"instance_noise": -1}, "'instance_noise' parameter"),
        ({"outputs": "tanh"}, "'outputs' parameter"),
        ({"outputs": "logistic"}, "outputs='logistic' needs values from 0 to 1; X has values from -"),
    ],
)
def test_parameters_that_cannot_be(parameters, match):
    for model in (small(), small().fit(X)):
        model.set_params(**parameters)
        assert_refused_without_a_trace(model, lambda model: model.fit(X), ValueError, match)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"outputs": "bad"}, "'outputs' parameter .* Got 'bad'"),
        ({"hidden_layer_sizes": 7}, "hidden_layer_sizes=7 or n_components=2 was set after a fit .*; fit again"),
        ({"n_components": 3}, r"hidden_layer_sizes=\(8,\) or n_components=3 was set after a fit .*; fit again"),
    ],
)
def test_parameters_that_are_changed_after_a_fit(parameters, match):
    model = small().fit(X).set_params(**parameters)
    for call in (
        lambda model: model.sample(3),
        lambda model: model.partial_fit(X),
    ):
        assert_refused_without_a_trace(model, call, ValueError, match)


def test_sizes_of_the_discriminator_that_are_changed_after_a_fit():
    model = small().fit(X).set_params(discriminator_hidden_layer_sizes=9)
    match = "^discriminator_hidden_layer_sizes=9 was set after a fit .*; fit again"
    assert_refused_without_a_trace(model, lambda model: model.score_samples(X), ValueError, match)
    assert_refused_without_a_trace(model, lambda model: model.partial_fit(X), ValueError, match)
    assert model.sample(3).shape == (3, 3)


def test_codes_of_another_width():
    with pytest.raises(ValueError, match="inverse_transform needs codes of 2 components, as n_components says; got 3"):
        small().fit(X).inverse_transform(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="n_samples"):
        small().fit(X).sample(0)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("generator_params_", np.zeros(3), "generator_params_ must have"),
        ("discriminator_params_", np.zeros(3), "discriminator_params_ must have"),
        ("discriminator_params_", np.zeros(41, np.float32), "not of one type"),
        ("_n_epochs", 0.5, "_n_epochs is no count"),
        ("_optimizers", None, "_optimizers are not one for each"),
    ],
)
def test_what_a_file_must_not_say(name, value, match):
    model = small().fit(X)
    model.check_state()
    setattr(model, name, value)
    with pytest.raises(ValueError, match=match):
        model.check_state()
