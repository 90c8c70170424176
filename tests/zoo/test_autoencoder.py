"""Autoencoders: rows as their own targets, codes, what keeps them from copying, errors, files."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import LayerStatistics, ModelCheckpoint
from fastmlp.exceptions import OvercompleteCodeWarning
from fastmlp.persistence import load
from fastmlp.zoo import Autoencoder
from fastmlp.zoo.autoencoder import explained_variance
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits().data / 16
IRIS = StandardScaler().fit_transform(load_iris().data)
METHODS = ("transform", "reconstruct", "score_samples")


def small(**parameters):
    return Autoencoder(
        **{"hidden_layer_sizes": (12, 3), "max_iter": 3, "learning_rate_init": 0.01, "random_state": 0, **parameters}
    )


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.OvercompleteCodeWarning")
@parametrize_with_checks(
    [
        Autoencoder((8, 2), max_iter=20),
        Autoencoder((8, 2), max_iter=20, tied=True, sparsity="l1", early_stopping=False),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"loss": "log_loss"}, {"tied": True}, {"sparsity": "kl", "code_activation": "logistic"},
        {"sparsity": "l1", "early_stopping": True}, {"normalization": "batch", "input_dropout": 0.2},
    ],
    ids=str,
)  # fmt: skip
def test_the_contract(options, tmp_path):
    model = small(**options)
    assert_same_bits_for_any_threads(model, DIGITS[:300], methods=METHODS)
    fitted = small(**options).fit(DIGITS[:300])
    assert_comes_back_from_a_file(fitted, DIGITS[:50], tmp_path / "model", METHODS)


# ---- rows as targets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"dtype": "float32"}], ids=str)
def test_it_is_the_regressor_of_its_inputs(options):
    what = {"max_iter": 4, "learning_rate_init": 0.01, "random_state": 0, "activation": "tanh", **options}
    ours = Autoencoder((12, 3), code_activation="tanh", **what).fit(DIGITS[:200])
    theirs = MLPRegressor(hidden_layer_sizes=(12, 3, 12), **what).fit(DIGITS[:200], DIGITS[:200])
    if options.get("early_stopping"):  # The scores differ, and so may the epoch that is kept.
        assert ours.history_["validation_loss"] == theirs.history_["validation_loss"]
        return
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert ours.loss_ == theirs.loss_
    np.testing.assert_array_equal(ours.reconstruct(DIGITS), theirs.predict(DIGITS))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.uint8), lambda X: X.astype(np.int64), lambda X: X.astype(np.float16),
        lambda X: X.astype(np.float32), np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X[::-1][::-1], scipy.sparse.csr_array, scipy.sparse.csc_array, lambda X: X.tolist(),
    ],
    ids=["uint8", "int64", "float16", "float32", "fortran", "strided", "backwards", "csr", "csc", "list"],
)  # fmt: skip
def test_rows_of_any_type_are_read_as_their_own_targets(convert, weighted):
    X = np.round(DIGITS[:100] * 16)
    weights = np.arange(100) % 3 + 0.5 if weighted else None
    plain = small(dtype="float64").fit(X, sample_weight=weights)
    other = small(dtype="float64").fit(convert(X), sample_weight=weights)
    for a, b in zip(plain.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(plain.score_samples(X), other.score_samples(convert(X)))
    assert plain.score(X) == other.score(convert(X))


def test_large_x_is_not_copied():
    tracemalloc = pytest.importorskip("tracemalloc")
    X = np.random.default_rng(0).integers(0, 255, (20_000, 100), dtype=np.uint8)
    tracemalloc.start()
    small(dtype="float32", max_iter=1, batch_size=200).fit(X)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < X.nbytes  # as float32 alone, X has four times as many bytes


def test_partial_fit_goes_on():
    model = small()
    for _ in range(3):
        model.partial_fit(DIGITS[:200])
    assert model.history_["loss"][2] < model.history_["loss"][0]
    assert model.t_ == 600
    whole = small(shuffle=False).fit(DIGITS[:200])
    steps = small(shuffle=False)
    for _ in range(3):
        steps.partial_fit(DIGITS[:200])
    np.testing.assert_array_equal(whole.coefs_[0], steps.coefs_[0])


def test_tied_weights_are_one_parameter():
    model = small(tied=True, hidden_layer_sizes=(10, 4)).fit(DIGITS[:200])
    for i in range(2):
        np.testing.assert_array_equal(model.coefs_[3 - i], model.coefs_[i].T)
    assert not np.array_equal(model.coefs_[0], small(hidden_layer_sizes=(10, 4)).fit(DIGITS[:200]).coefs_[0])
    model.partial_fit(DIGITS[:200])
    np.testing.assert_array_equal(model.coefs_[3], model.coefs_[0].T)
    with pytest.raises(ValueError, match="tied=True is not for solver='lbfgs'"):
        small(tied=True, solver="lbfgs").fit(DIGITS[:50])


def test_callbacks_see_rows_without_targets(tmp_path):
    path = tmp_path / "checkpoint"
    record = LayerStatistics()
    whole = small(callbacks=[record, ModelCheckpoint(path, every=2)]).fit(DIGITS[:200])
    assert len(record.records_) == 3
    again = small(max_iter=2, callbacks=[ModelCheckpoint(path)]).fit(DIGITS[:200])
    resumed = load(path).set_params(max_iter=3, callbacks=None).resume(DIGITS[:200])
    np.testing.assert_array_equal(resumed.coefs_[0], whole.coefs_[0])
    assert again.n_iter_ == 2


# ---- what is learned -------------------------------------------------------------------------------------------------


def test_a_linear_autoencoder_finds_the_plane_of_the_principal_components():
    X = IRIS
    model = Autoencoder(
        (2,), "identity", solver="lbfgs", alpha=0, max_iter=2000, tol=1e-10, max_fun=100_000, random_state=0
    ).fit(X)
    pca = PCA(2).fit(X)
    angles = scipy.linalg.subspace_angles(model.coefs_[1].T, pca.components_.T)
    assert angles.max() < 1e-3
    np.testing.assert_allclose(model.score(X), pca.explained_variance_ratio_.sum(), atol=1e-6)


def test_the_kl_penalty_draws_mean_activities_to_the_target():
    options = {"hidden_layer_sizes": (20,), "code_activation": "logistic", "max_iter": 100, "learning_rate_init": 0.02}
    loose = small(**options).fit(DIGITS[:500]).transform(DIGITS[:500]).mean(axis=0)
    close = small(**options, sparsity="kl", sparsity_weight=2.0, sparsity_target=0.1).fit(DIGITS[:500])
    means = close.transform(DIGITS[:500]).mean(axis=0)
    assert abs(means - 0.1).max() < 0.05 < abs(loose - 0.1).max()


def test_the_l1_penalty_makes_codes_sparse():
    options = {"hidden_layer_sizes": (30,), "code_activation": "relu", "max_iter": 60, "learning_rate_init": 0.01}
    dense, sparse = (
        np.mean(small(**options, sparsity="l1", sparsity_weight=weight).fit(DIGITS[:500]).transform(DIGITS[:500]) > 0)
        for weight in (0.0, 0.1)
    )
    assert sparse < 0.6 * dense


def test_scores_are_losses_and_shares_of_variance():
    model = small(loss="log_loss").fit(DIGITS)
    p = np.clip(model.reconstruct(DIGITS), 1e-16, 1 - 1e-16)
    by_hand = (DIGITS * np.log(p) + (1 - DIGITS) * np.log1p(-p)).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(DIGITS), by_hand, rtol=1e-9)
    model = small().fit(DIGITS)
    errors = DIGITS - model.reconstruct(DIGITS)
    np.testing.assert_allclose(model.score_samples(DIGITS), -(errors**2).mean(axis=1) / 2, rtol=1e-12)
    np.testing.assert_allclose(model.score(DIGITS), 1 - (errors**2).sum() / ((DIGITS - DIGITS.mean(0)) ** 2).sum())
    weights = np.arange(len(DIGITS)) % 2
    np.testing.assert_allclose(
        model.score(DIGITS, sample_weight=weights), explained_variance(DIGITS[1::2], model.reconstruct(DIGITS[1::2]))
    )
    assert np.isnan(explained_variance(np.ones((2, 2)), np.zeros((2, 2))))


def test_codes_go_back_through_the_decoder():
    model = small(normalization="batch").fit(DIGITS)
    np.testing.assert_allclose(model.inverse_transform(model.transform(DIGITS)), model.reconstruct(DIGITS), atol=1e-12)
    assert model.transform(DIGITS, layer=0).shape == (1797, 12)
    assert model.get_feature_names_out().tolist() == ["autoencoder0", "autoencoder1", "autoencoder2"]
    assert list(model.set_output(transform="pandas").transform(DIGITS).columns) == list(model.get_feature_names_out())


def test_rows_of_another_kind_are_reconstructed_badly():
    X, y = load_digits(return_X_y=True)
    learned = X[y != 8][:1000] / 16
    model = Autoencoder((64, 12), max_iter=60, learning_rate_init=0.005, random_state=0).fit(learned)
    rest = X[1100:] / 16
    found = roc_auc_score(y[1100:] != 8, model.score_samples(rest))
    trees = roc_auc_score(y[1100:] != 8, IsolationForest(random_state=0).fit(learned).score_samples(rest))
    assert found > 0.8 > trees


def test_pipelines_and_searches():
    search = GridSearchCV(small(max_iter=10), {"hidden_layer_sizes": [(12, 2), (12, 8)]}, cv=3).fit(DIGITS[:300])
    assert search.best_params_["hidden_layer_sizes"] == (12, 8)
    y = load_digits().target
    reader = MLPClassifier((20,), max_iter=60, learning_rate_init=0.01, random_state=0)
    pipeline = make_pipeline(small(hidden_layer_sizes=(32, 8), max_iter=40), reader).fit(DIGITS, y)
    assert pipeline.score(DIGITS, y) > 0.9


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "X", "match"),
    [
        ({"loss": "log_loss"}, DIGITS * 2, r"loss='log_loss' is for values from 0 to 1; X has values from 0 to 2\."),
        ({"loss": "log_loss"}, scipy.sparse.csr_array(-DIGITS), "X has values from -1 to"),
        ({"sparsity": "kl"}, DIGITS, "sparsity='kl' needs values of the code between 0 and 1: set code_activation"),
        ({"sparsity": "l2"}, DIGITS, "'sparsity' parameter of Autoencoder must be"),
        ({"sparsity_target": 1.0}, DIGITS, "'sparsity_target' parameter"),
        ({"sparsity": "l1", "solver": "lbfgs"}, DIGITS, "sparsity='l1' is for solvers by minibatches"),
        ({"tied": True, "max_norm": 0.3}, DIGITS, r"tied=True is not for max_norm=0\.3"),
        ({"hidden_layer_sizes": ()}, DIGITS, r"hidden_layer_sizes must name a layer at least, the code; got \(\)"),
        ({"activation": ["relu"]}, DIGITS, "'activation' parameter"),
        ({"input_noise": 0.1}, scipy.sparse.csr_array(DIGITS), "input_noise=0.1 is for dense X"),
        ({}, np.full_like(DIGITS, np.nan), "NaN"),
    ],
)
def test_what_is_refused(options, X, match):
    model = small().fit(DIGITS[:50])
    assert_refused_without_a_trace(model.set_params(**options), lambda model: model.fit(X[:100]), ValueError, match)


def test_codes_and_rows_of_another_width_are_refused():
    model = small().fit(DIGITS[:50])
    with pytest.raises(ValueError, match="X has codes of 4 values, but those of this autoencoder have 3"):
        model.inverse_transform(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="64 features"):
        model.transform(DIGITS[:, :10])
    with pytest.raises(ValueError, match="is for values from 0 to 1"):
        small(loss="log_loss").fit(DIGITS[:50]).score_samples(2 * DIGITS)


def test_a_code_that_can_be_a_copy_is_warned_of():
    with pytest.warns(OvercompleteCodeWarning, match="The code of 4 units can copy the 4 features"):
        small(hidden_layer_sizes=(4,)).fit(IRIS)
    small(hidden_layer_sizes=(4,), input_noise=0.1).fit(IRIS)
    small(hidden_layer_sizes=(8, 3)).fit(IRIS)


@pytest.mark.parametrize(
    ("options", "factor", "match"),
    [
        ({"dtype": "float32"}, 1e30, r"X reaches .*: scale it, with StandardScaler\."),
        ({"learning_rate_init": 1e200}, 1, r"take a smaller learning_rate_init than 1e\+200"),
    ],
)
def test_what_makes_training_diverge_is_named(options, factor, match):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=match):
        small(**options).fit(DIGITS[:100] * factor)
