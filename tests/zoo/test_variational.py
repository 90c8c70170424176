"""Variational autoencoders: slopes and bounds of the oracle, likelihoods of a grid, and what users ask of them."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp.exceptions import CollapsedCodeWarning
from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.network import Network
from fastmlp.optimizers import SGD, Adam, Descent, Muon
from fastmlp.schedules import Adaptive, Exponential, ReduceOnPlateau
from fastmlp.zoo import VariationalAutoencoder
from fastmlp.zoo.variational import VariationalLearner
from tests.zoo import oracle_generative as oracle
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
    assert_samples_are_of_the_estimators_seed,
)

# Fits of some steps, of rows that are all noise, may give their codes up.
pytestmark = pytest.mark.filterwarnings("ignore::fastmlp.exceptions.CollapsedCodeWarning")

DECODERS = pytest.mark.parametrize("decoder", ["bernoulli", "normal"])
METHODS = ["transform", "reconstruct", "score_samples"]
RNG = np.random.default_rng(0)
# Rows of three kinds, with one value in twelve the other way round.
X = ((RNG.random((60, 7)) < 1 / 12) != (RNG.random((3, 7)) < 0.5)[RNG.integers(0, 3, 60)]).astype(float)
IMAGES = load_digits().data / 16


def small(decoder="bernoulli", **parameters):
    parameters = {"hidden_layer_sizes": (8,), "n_components": 2, "max_iter": 5, "random_state": 0, **parameters}
    return VariationalAutoencoder(decoder=decoder, **parameters)


# ---- formulas --------------------------------------------------------------------------------------------------------


def learner_of(rule, noise_std=None, n_components=3):
    """A learner by a rule of a small encoder and decoder, and these."""
    networks = {
        "encoder": Network.create([7, 9, 2 * n_components], "tanh", random_state=0),
        "decoder": Network.create(
            [n_components, 9, 7], "tanh", "binary_log_loss" if noise_std is None else "squared_error", random_state=1
        ),
    }
    passes = {name: LearningPass(network, Descent(rule), max_rows=20) for name, network in networks.items()}
    learner = VariationalLearner(
        passes, X, np.arange(60), held_out=np.arange(10), n_components=n_components, noise_std=noise_std,
        follows=False, least_noise=1e-9, beta=1.0, warm_up=0, n_epochs=0, dtype=np.dtype(np.float64),
        batch_size=20, random_state=np.random.RandomState(0),
    )  # fmt: skip
    return learner, networks


@pytest.mark.parametrize("noise_std", [None, 0.7])
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_a_step_goes_down_the_slope_of_the_bound(noise_std, beta):
    """For fixed noise: of both networks at once, through the draw of the codes, to 1e-6."""
    batch = np.random.default_rng(3).permutation(60)[:20]
    noise = np.random.default_rng(4).standard_normal((20, 3))
    learner, networks = learner_of(SGD(1.0, momentum=0.0, nesterov=False), noise_std)
    before = {name: network.params.copy() for name, network in networks.items()}
    error, divergence, _ = learner.step(batch, noise, beta)
    after = learner.arrays()

    def loss(name, params):
        moved = {
            each: Network(network.structure, params if each == name else before[each])
            for each, network in networks.items()
        }
        return -oracle.bound(moved["encoder"], moved["decoder"], X[batch], noise, noise_std, beta).mean()

    np.testing.assert_allclose((error + beta * divergence) / 20, loss("encoder", before["encoder"]), rtol=1e-12)
    for name, params in before.items():
        expected = oracle.slopes(lambda vector, name=name: loss(name, vector), params)
        np.testing.assert_allclose(params - after[name], expected, rtol=1e-6, atol=1e-9)
        assert np.abs(expected).max() > 1e-2


@pytest.mark.parametrize("noise_std", [None, 0.7])
def test_validation_is_the_bound(noise_std):
    learner, networks = learner_of(SGD(0.1), noise_std)
    rng = np.random.default_rng(learner._seed_of_validation)
    expected = -oracle.bound(*networks.values(), X[:10], rng.standard_normal((10, 3)), noise_std).mean()
    assert learner.validate() == pytest.approx(expected, rel=1e-12)
    assert learner.validate() == learner.validate()


@DECODERS
def test_likelihoods_are_those_of_a_grid(decoder):
    model = small(decoder, max_iter=200, learning_rate_init=0.01).fit(X)
    noise_std = getattr(model, "noise_std_", None)
    exact = oracle.marginal(model.decoder_, X[:12], noise_std)
    many = model.score_samples(X[:12], n_samples=30000)
    np.testing.assert_allclose(many, exact, atol=0.04)
    one = np.mean([model.score_samples(X[:12], n_samples=1, random_state=seed) for seed in range(200)], axis=0)
    assert one.mean() < exact.mean() - 0.02
    few = np.mean([model.score_samples(X[:12], n_samples=10, random_state=seed) for seed in range(40)], axis=0)
    assert one.mean() < few.mean() < exact.mean() + 0.01


def test_scores_do_not_depend_on_how_draws_are_taken_together():
    """Neither on the other samples nor on blocks of rows and draws."""
    model = small().fit(X)
    whole = model.score_samples(X, n_samples=150)
    np.testing.assert_allclose(model.score_samples(X[20:23], n_samples=150), whole[20:23], rtol=1e-12)
    np.testing.assert_allclose(model.score_samples(X[::-1], n_samples=150)[::-1], whole, rtol=1e-12)
    assert model.score(X) == pytest.approx(model.score_samples(X).mean())
    assert not np.allclose(model.score_samples(X, random_state=1), model.score_samples(X))


def test_the_normal_decoder_finds_its_noise():
    """Rows on a line, with noise of a known size."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2000, 1)) * np.linspace(0.5, 2, 6) + 0.3 * rng.standard_normal((2000, 6))
    model = VariationalAutoencoder((16,), 1, max_iter=60, learning_rate_init=0.005, random_state=0).fit(rows)
    assert model.noise_std_ == pytest.approx(0.3, rel=0.05)
    drawn = model.sample(4000, noise=True, random_state=0)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(rows.T), atol=0.35)
    fixed = clone(model).set_params(noise_std=0.5, max_iter=2).fit(rows)
    assert fixed.noise_std_ == 0.5


def test_warm_up_lets_the_divergence_come_in():
    model = small(max_iter=4, warm_up=3).fit(X)
    history = model.history_
    for i, weight in enumerate([0.25, 0.5, 0.75, 1.0]):
        assert history["loss"][i] == pytest.approx(
            history["reconstruction_loss"][i] + weight * history["divergence"][i], rel=1e-12
        )


def test_digits_are_learned():
    """Better than independent pixels by far, and codes that hold the image."""
    binary = (np.random.default_rng(0).random(IMAGES.shape) < IMAGES).astype(np.float32)
    p = np.clip(binary.mean(axis=0), 1e-3, 1 - 1e-3)
    independent = (binary * np.log(p) + (1 - binary) * np.log(1 - p)).sum(axis=1).mean()
    model = VariationalAutoencoder(
        (64,), 10, decoder="bernoulli", max_iter=40, learning_rate_init=0.003, random_state=0
    ).fit(binary)
    assert model.score(binary) > independent + 3
    assert ((model.reconstruct(binary) - binary) ** 2).sum() < 0.75 * binary.var(axis=0).sum() * len(binary)


# ---- an estimator ----------------------------------------------------------------------------------------------------


@parametrize_with_checks([VariationalAutoencoder((8,), 3, max_iter=3)])
def test_scikit_learn_takes_it_for_an_estimator(estimator, check):
    check(estimator)


@DECODERS
def test_same_bits_for_any_threads(decoder):
    assert_same_bits_for_any_threads(small(decoder, hidden_layer_sizes=(40, 33)), X.astype(np.float32), None, METHODS)


@DECODERS
def test_comes_back_from_a_file(decoder, tmp_path):
    model = small(decoder).fit(X)
    assert_comes_back_from_a_file(model, X, tmp_path / "model", METHODS)


@DECODERS
def test_partial_fits_are_a_fit(decoder, tmp_path):
    """Epoch by epoch, and from a file in between."""
    whole, model = small(decoder, max_iter=4).fit(X), small(decoder, max_iter=4)
    for i in range(4):
        model.partial_fit(X)
        if i == 1:
            fastmlp.save(model, tmp_path / "model")
            model = fastmlp.load(tmp_path / "model")
    np.testing.assert_array_equal(model.encoder_params_, whole.encoder_params_)
    np.testing.assert_array_equal(model.decoder_params_, whole.decoder_params_)
    assert model.history_["loss"] == whole.history_["loss"]


def test_types_and_sparse_samples():
    dense = small().fit(X.astype(np.float32))
    assert dense.encoder_params_.dtype == dense.transform(X.astype(np.float32)).dtype == np.float32
    as_float64 = small().fit(X)
    sparse = small().fit(scipy.sparse.csr_array(X))
    np.testing.assert_allclose(sparse.encoder_params_, as_float64.encoder_params_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sparse.score_samples(scipy.sparse.csc_array(X)), as_float64.score_samples(X))
    whole_numbers = small().fit(X.astype(np.uint8))
    np.testing.assert_array_equal(whole_numbers.encoder_params_, as_float64.encoder_params_)


def test_early_stopping_keeps_the_best_epoch():
    model = small(max_iter=300, early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05).fit(X)
    losses = model.history_["validation_loss"]
    assert len(losses) < 300
    assert np.argmin(losses) < len(losses) - 1
    shorter = clone(model).set_params(max_iter=int(np.argmin(losses)) + 1).fit(X)
    np.testing.assert_array_equal(shorter.encoder_params_, model.encoder_params_)


@pytest.mark.parametrize("solver", ["sgd", "schedulefreeadamw", Adam(Exponential(0.01, 0.9)), Muon(0.01)], ids=str)
def test_any_solver(solver):
    model = small(solver=solver, max_iter=20).fit(X)
    assert model.history_["loss"][-1] < model.history_["loss"][0]


def test_schedules_follow_epochs():
    model = small(solver="sgd", learning_rate="invscaling", learning_rate_init=0.1, max_iter=4).fit(X)
    expected = [0.1, *(0.1 / (1 + 60 * epoch) ** 0.5 for epoch in (1, 2, 3))]
    np.testing.assert_allclose(model.history_["learning_rate"], expected)
    waits = ReduceOnPlateau(0.01, patience=1, factor=0.5, threshold=100.0)
    rates = small(solver=Adam(waits), max_iter=8).fit(X).history_["learning_rate"]
    assert rates[0] == 0.01
    assert rates[-1] < 0.003


def test_pipelines_and_names():
    pipeline = make_pipeline(MinMaxScaler(), small()).set_output(transform="pandas").fit(10 * X - 3)
    assert [*pipeline.transform(10 * X - 3).columns] == ["variationalautoencoder0", "variationalautoencoder1"]
    np.testing.assert_allclose(pipeline.transform(10 * X - 3), small().fit(X).transform(X), atol=1e-9)


def test_samples():
    model = small(max_iter=20).fit(X)
    drawn = model.sample(2000, noise=True, random_state=0)
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(model.sample(2000, random_state=0).mean(axis=0), drawn.mean(axis=0), atol=0.05)
    np.testing.assert_array_equal(model.sample(3, random_state=1), model.sample(3, random_state=1))
    assert_samples_are_of_the_estimators_seed(model)
    np.testing.assert_array_equal(model.sample(3, noise=True), model.sample(3, noise=True, random_state=0))
    means, stds = model.code_distributions(X)
    np.testing.assert_array_equal(means, model.transform(X))
    assert stds.shape == means.shape and (stds > 0).all()


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"solver": "lbfgs"}, "solver='lbfgs' needs all samples at once"),
        ({"hidden_layer_sizes": (8.0,)}, r"hidden_layer_sizes must be integers; got 8.0 in \(8.0,\): write 8"),
        ({"activation": "thanh"}, "activation='thanh' is not known"),
        ({"noise_std": 0}, "'noise_std' parameter"),
        ({"decoder": "poisson"}, "'decoder' parameter"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction=0.0 holds no rows out"),
        ({"solver": "sgd", "learning_rate": "adaptive"}, r"Adaptive\(.*\) waits for a plateau"),
        ({"solver": Adam(Adaptive())}, r"Adaptive\(.*\) waits for a plateau"),
        ({"solver": Adam(), "learning_rate": "cosine"}, "learning_rate='cosine' is for solvers by name"),
    ],
)
def test_parameters_that_cannot_be(parameters, match):
    for model in (small(), small().fit(X)):
        model.set_params(**parameters)
        assert_refused_without_a_trace(model, lambda model: model.fit(X), ValueError, match)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"decoder": "bad"}, "'decoder' parameter .* Got 'bad'"),
        ({"decoder": "normal"}, "decoder='normal' was set after a fit with another decoder; fit again"),
        ({"hidden_layer_sizes": 7}, "hidden_layer_sizes=7 or n_components=2 was set after a fit .*; fit again"),
        ({"n_components": 3}, r"hidden_layer_sizes=\(8,\) or n_components=3 was set after a fit .*; fit again"),
        ({"n_components": "x"}, "'n_components' parameter .* Got 'x'"),
    ],
)
def test_parameters_that_are_changed_after_a_fit(parameters, match):
    model = small().fit(X).set_params(**parameters)
    for call in (
        lambda model: model.transform(X),
        lambda model: model.reconstruct(X),
        lambda model: model.sample(3),
        lambda model: model.score_samples(X),
        lambda model: model.partial_fit(X),
    ):
        assert_refused_without_a_trace(model, call, ValueError, match)


def test_values_beside_zero_and_one():
    match = "decoder='bernoulli' needs values from 0 to 1; X has values from -3 to 7. Scale them, as MinMaxScaler does"
    for model in (small(), small().fit(X)):
        for wrong in (10 * X - 3, scipy.sparse.csr_array(10 * X - 3)):
            assert_refused_without_a_trace(model, lambda model, wrong=wrong: model.fit(wrong), ValueError, match)
            assert_refused_without_a_trace(
                model, lambda model, wrong=wrong: model.partial_fit(wrong), ValueError, match
            )
    with pytest.raises(ValueError, match=match):
        small().fit(X).score_samples(10 * X - 3)


def test_codes_of_another_width():
    with pytest.raises(ValueError, match="inverse_transform needs codes of 2 components, as n_components says; got 3"):
        small().fit(X).inverse_transform(np.zeros((4, 3)))
    for n_samples in (0, 1.5):
        with pytest.raises(ValueError, match="n_samples"):
            small().fit(X).sample(n_samples)
        with pytest.raises(ValueError, match="n_samples"):
            small().fit(X).score_samples(X, n_samples=n_samples)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("encoder_params_", np.zeros(3), "encoder_params_ must have"),
        ("decoder_params_", np.zeros(3), "decoder_params_ must have"),
        ("decoder_params_", None, "decoder_params_ is no vector"),
        ("n_features_in_", 8, "encoder_params_ must have"),
        ("n_features_in_", -1, "n_features_in_ is no number of features"),
        ("noise_std_", np.inf, "noise_std_ does not fit decoder"),
        ("noise_std_", None, "noise_std_ does not fit decoder"),
        ("_n_epochs", -1, "_n_epochs is no count"),
        ("_random_state", 3, "_random_state is none"),
        ("_optimizers", {}, "_optimizers are not one for each"),
        ("_optimizers", {"encoder": 1, "decoder": 2}, "_optimizers has none for encoder"),
        ("n_components", 3, "encoder_params_ must have"),
    ],
)
def test_what_a_file_must_not_say(name, value, match):
    model = small("normal").fit(X)
    model.check_state()
    setattr(model, name, value)
    with pytest.raises(ValueError, match=match):
        model.check_state()


def test_optimizers_that_do_not_fit():
    model = small("normal").fit(X)
    model._optimizers["encoder"] = model._optimizers["decoder"]
    with pytest.raises(ValueError, match="what _optimizers keep does not fit encoder_params_"):
        model.check_state()


@pytest.mark.filterwarnings("default::fastmlp.exceptions.CollapsedCodeWarning")
def test_codes_that_are_given_up_are_said():
    options = {"decoder": "normal", "max_iter": 60, "hidden_layer_sizes": (200, 200), "n_components": 50}
    with pytest.warns(CollapsedCodeWarning, match=r"The divergence of the codes is .* nats: they say nothing"):
        small(activation="relu", **options).fit(IMAGES[:1000])
