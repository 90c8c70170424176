"""Extreme learning machines: ridge regression on random features, in one fit or by blocks."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp.activations import ACTIVATIONS, Activation, LeakyReLU
from fastmlp.initializers import Constant, Normal, Uniform
from fastmlp.zoo import ELMClassifier, ELMRegressor
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
)

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
X_NUMBERS = RNG.standard_normal((300, 5)) * [1, 2, 3, 4, 5] + 7
Y_NUMBERS = np.c_[X_NUMBERS[:, 0] * X_NUMBERS[:, 1], np.sin(X_NUMBERS[:, 2])] + 3


@parametrize_with_checks([ELMClassifier(20), ELMRegressor(20)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def features(model, X):
    """Return the random features, from the attributes, in NumPy."""
    for weights, biases in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        z = (X - model.input_means_) * model.input_scales_ if weights is model.coefs_[0] else X
        X = np.tanh(z @ weights + biases)
    return X


@pytest.mark.parametrize("sizes", [40, (30, 20)])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_regressor_is_a_ridge_regression_on_random_features(sizes, is_weighted):
    weights = RNG.random(300) if is_weighted else None
    model = ELMRegressor(sizes, alpha=0.1, random_state=0).fit(X_NUMBERS, Y_NUMBERS, weights)
    H = features(model, X_NUMBERS)
    ridge = Ridge(0.1).fit(H, Y_NUMBERS, weights)
    np.testing.assert_allclose(model.transform(X_NUMBERS), H, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.coefs_[-1], ridge.coef_.T, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.predict(X_NUMBERS), ridge.predict(H), rtol=1e-8)
    assert model.alpha_ == 0.1


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.5}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_is_a_ridge_classifier_on_random_features(class_weight, n_classes):
    X, y = X_IRIS[30 : 50 * n_classes], Y_IRIS[30 : 50 * n_classes]
    weights = RNG.random(len(X))
    model = ELMClassifier(40, alpha=0.1, class_weight=class_weight, random_state=0).fit(X, y, weights)
    ridge = RidgeClassifier(0.1, class_weight=class_weight).fit(features(model, X), y, weights)
    np.testing.assert_allclose(model.decision_function(X), ridge.decision_function(features(model, X)), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), ridge.predict(features(model, X)))
    assert not hasattr(model, "predict_proba")


def test_random_features_are_those_that_are_asked_for():
    model = ELMRegressor(2000, random_state=0).fit(X_NUMBERS, Y_NUMBERS)
    weights, biases = model.coefs_[0], model.intercepts_[0]
    assert abs(weights.std() * np.sqrt(5) - 1) < 0.03 and abs(weights.mean()) < 0.02
    assert biases.min() > -1 and biases.max() < 1 and abs(biases.std() * np.sqrt(3) - 1) < 0.05
    given = ELMRegressor(4, weight_init=Normal(5.0), bias_init=Constant(2.0), standardize=False, random_state=0)
    given.fit(X_NUMBERS, Y_NUMBERS)
    np.testing.assert_array_equal(given.intercepts_[0], 2.0)
    assert not hasattr(given, "input_means_")
    assert given.coefs_[0].std() > 2


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    model = ELMClassifier(60, name, random_state=0).fit(X_IRIS, Y_IRIS)
    assert model.score(X_IRIS, Y_IRIS) > 0.8


class Sine(Activation):
    def __call__(self, z):
        return np.sin(z)


def test_activations_that_are_objects():
    by_object = ELMClassifier(30, LeakyReLU(0.2), random_state=0).fit(X_IRIS, Y_IRIS)
    assert not np.array_equal(
        by_object.coefs_[-1], ELMClassifier(30, "leaky_relu", random_state=0).fit(X_IRIS, Y_IRIS).coefs_[-1]
    )
    own = ELMClassifier(30, Sine(), random_state=0).fit(X_IRIS, Y_IRIS)
    z = (X_IRIS - own.input_means_) * own.input_scales_
    np.testing.assert_allclose(own.transform(X_IRIS), np.sin(z @ own.coefs_[0] + own.intercepts_[0]), rtol=1e-9)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_blocks_are_as_good_as_a_fit(is_weighted):
    weights = RNG.random(150) if is_weighted else None
    whole = ELMClassifier(50, standardize=False, random_state=0).fit(X_IRIS, Y_IRIS, weights)
    model = ELMClassifier(50, standardize=False, random_state=0)
    for rows in np.array_split(RNG.permutation(150), 4):
        some = None if weights is None else weights[rows]
        model.partial_fit(X_IRIS[rows], Y_IRIS[rows], some, classes=[0, 1, 2])
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])
    np.testing.assert_allclose(model.coefs_[-1], whole.coefs_[-1], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(model.decision_function(X_IRIS), whole.decision_function(X_IRIS), atol=1e-9)


def test_a_fit_may_go_on():
    half = slice(0, None, 2), slice(1, None, 2)
    model = ELMRegressor(30, alpha=0.1, random_state=0).fit(X_NUMBERS[half[0]], Y_NUMBERS[half[0]])
    model.partial_fit(X_NUMBERS[half[1]], Y_NUMBERS[half[1]])
    H = features(model, X_NUMBERS)
    np.testing.assert_allclose(model.predict(X_NUMBERS), Ridge(0.1).fit(H, Y_NUMBERS).predict(H), rtol=1e-7)
    assert model._readout.n_rows == 300
    assert model.fit(X_NUMBERS[:100], Y_NUMBERS[:100])._readout.n_rows == 100


def test_sparse_rows_are_read_as_dense_ones():
    X = scipy.sparse.random_array((200, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    y = X.toarray()[:, :2].sum(axis=1)
    for container in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        sparse = ELMRegressor(30, standardize=False, random_state=0).fit(container(X), y)
        dense = clone(sparse).fit(X.toarray(), y)
        np.testing.assert_allclose(sparse.predict(X), dense.predict(X.toarray()), rtol=1e-9)
        np.testing.assert_allclose(dense.predict(X), dense.predict(X.toarray()), rtol=1e-9)
    scaled = ELMRegressor(30, random_state=0).fit(X, y)  # divided by deviations, not centred
    assert not scaled.input_means_.any()
    np.testing.assert_allclose(scaled.predict(X), scaled.predict(X.toarray()), rtol=1e-9)
    centred = ELMRegressor(30, random_state=0).fit(X.toarray(), y)
    centred.partial_fit(X, y)
    twice = ELMRegressor(30, random_state=0).fit(X.toarray(), y).partial_fit(X.toarray(), y)
    np.testing.assert_allclose(centred.predict(X), twice.predict(X.toarray()), rtol=1e-9)


def test_float32_stays():
    X = X_NUMBERS.astype(np.float32)
    model = ELMRegressor(30, alpha=0.1, random_state=0).fit(X, Y_NUMBERS)
    assert model.coefs_[0].dtype == model.coefs_[-1].dtype == model.predict(X).dtype == np.float32
    double = ELMRegressor(30, alpha=0.1, random_state=0).fit(X_NUMBERS, Y_NUMBERS)
    np.testing.assert_allclose(model.predict(X), double.predict(X_NUMBERS), atol=1e-2)
    readout = np.float64(model.transform(X)) @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(model.predict(X), readout, atol=1e-3)
    wide = ELMRegressor(30, alpha=0.1, dtype="float64", random_state=0).fit(X, Y_NUMBERS)
    assert wide.coefs_[0].dtype == wide.predict(X).dtype == np.float64


def test_several_labels():
    X, Y = make_multilabel_classification(200, n_features=8, n_classes=4, random_state=0)
    model = ELMClassifier(40, random_state=0).fit(X, Y)
    ridge = RidgeClassifier().fit(features(model, X), Y)
    np.testing.assert_array_equal(model.predict(X), ridge.predict(features(model, X)))
    assert model.decision_function(X).shape == (200, 4)
    model.partial_fit(X, Y)
    for y, message in [(Y[:, :3], "y has 3 labels, that of the first call had 4"), (Y[:, 0], "y is a vector")]:
        assert_refused_without_a_trace(model, lambda it, y=y: it.partial_fit(X, y), ValueError, message)


def test_the_best_of_several_alphas():
    alphas = np.logspace(-3, 3, 7)
    X, y = X_IRIS[50:], Y_IRIS[50:]
    model = ELMClassifier(60, alpha=alphas, random_state=0).fit(X, y)
    H = features(model, X)
    signs = np.where(y == 2, 1, -1)

    def error(alpha):
        Z = H - H.mean(axis=0)
        hat = Z @ np.linalg.solve(Z.T @ Z + alpha * np.eye(60), Z.T) + 1 / len(Z)
        return ((signs - hat @ signs) ** 2).sum() / (len(Z) - np.trace(hat)) ** 2

    assert model.alpha_ == alphas[np.argmin([error(alpha) for alpha in alphas])]
    assert model.alpha_ not in (alphas[0], alphas[-1])
    left_out = RidgeClassifierCV(alphas).fit(H, y).alpha_
    assert abs(np.log10(left_out / model.alpha_)) < 1.5
    np.testing.assert_allclose(
        ELMClassifier(60, alpha=model.alpha_, random_state=0).fit(X, y).coefs_[-1], model.coefs_[-1], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter .* Got 0"),
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes must be .* got \(\)"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be .* got \(3, 0\)"),
        ({"activation": "rely"}, "activation.*relu"),
        ({"alpha": -1.0}, "'alpha' parameter .* Got -1.0"),
        ({"alpha": {}}, r"alpha must be .* got \{\}"),
        ({"alpha": []}, r"alpha must be a number of at least 0, or a sequence of such; got \[\]"),
        ({"alpha": [1.0, np.inf]}, r"alpha must be .* got \[1.0, inf\]"),
        ({"class_weight": {0: -1.0}}, r"class_weight=\{0: -1.0\} must have"),
        ({"weight_init": "lecun_normale"}, "weight_init.*lecun_normal"),
        ({"weight_init": Constant(1.5e308), "activation": "relu"}, "weight_init and bias_init must draw smaller"),
        (
            {"weight_init": Constant(1.5e305), "activation": "relu", "standardize": False},
            "units' values for X are not finite",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.filterwarnings("ignore:invalid")
def test_what_is_wrong_is_refused(parameters, message):
    model = ELMClassifier(10, random_state=0).fit(X_IRIS, Y_IRIS).set_params(**parameters)
    assert_refused_without_a_trace(model, lambda it: it.fit(X_IRIS * 1e5, Y_IRIS), ValueError, message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, "'alpha' parameter .* Got -1"),
        ({"alpha": "x"}, "'alpha' parameter .* Got 'x'"),
        ({"alpha": {}}, r"alpha must be a number of at least 0, or a sequence of such; got \{\}"),
        ({"class_weight": 3}, "'class_weight' parameter .* Got 3"),
        ({"class_weight": "balanced"}, "class_weight='balanced' is not for partial_fit"),
    ],
)
def test_further_samples_are_refused_with_parameters_that_cannot_be(parameters, message):
    model = ELMClassifier(5, random_state=0).fit(X_IRIS, Y_IRIS).set_params(**parameters)
    assert_refused_without_a_trace(model, lambda it: it.partial_fit(X_IRIS, Y_IRIS), ValueError, message)


def test_blocks_that_do_not_fit_are_refused():
    model = ELMClassifier(10, random_state=0)
    assert_refused_without_a_trace(
        model, lambda it: it.partial_fit(X_IRIS, Y_IRIS), ValueError, "classes must be passed on the first call"
    )
    model.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    for X, y, message in [
        (X_IRIS, Y_IRIS + 1, r"labels \[3\], which are none of \[0, 1, 2\]"),
        (X_IRIS[:, :3], Y_IRIS, "X has 3 features"),
        (np.full_like(X_IRIS, np.nan), Y_IRIS, "NaN"),
    ]:
        assert_refused_without_a_trace(model, lambda it, X=X, y=y: it.partial_fit(X, y), ValueError, message)
    model.set_params(class_weight="balanced")
    assert_refused_without_a_trace(
        model, lambda it: it.partial_fit(X_IRIS, Y_IRIS), ValueError, "class_weight='balanced' is not for partial_fit"
    )
    numbers = ELMRegressor(10, random_state=0).fit(X_NUMBERS, Y_NUMBERS)
    one = Y_NUMBERS[:, 0]
    assert_refused_without_a_trace(
        numbers, lambda it: it.partial_fit(X_NUMBERS, one), ValueError, "y has 1 outputs, that of the first call had 2"
    )


def test_the_same_bits_for_any_number_of_threads():
    X, y = load_digits(return_X_y=True)
    assert_same_bits_for_any_threads(ELMClassifier(300, random_state=0), X, y, ("decision_function", "transform"))
    X = X.astype(np.float32)
    assert_same_bits_for_any_threads(ELMRegressor((50, 40), random_state=0), X, y, ("predict",))


@pytest.mark.parametrize("sizes", [20, (20, 10)])
def test_models_come_back_from_files(sizes, tmp_path):
    classifier = ELMClassifier(sizes, LeakyReLU(0.1), random_state=0).fit(X_IRIS, Y_IRIS)
    assert_comes_back_from_a_file(classifier, X_IRIS, tmp_path / "elm", ("predict", "decision_function"))
    regressor = ELMRegressor(sizes, alpha=[0.1, 1.0], random_state=0).fit(X_NUMBERS, Y_NUMBERS)
    assert_comes_back_from_a_file(regressor, X_NUMBERS, tmp_path / "elm", ("predict", "transform"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_readout", None),
        ("alpha_", "1"),
        ("coefs_", [np.zeros((4, 3))]),
        ("classes_", np.arange(4)),
        ("n_outputs_", 7),
    ],
)
def test_files_must_not_say_what_cannot_be(name, value, tmp_path):
    model = ELMClassifier(10, random_state=0).fit(X_IRIS, Y_IRIS)
    vars(model)[name] = value
    with pytest.raises(ValueError, match=r"_readout|alpha_|coefs_|classes_|n_outputs_"):
        model.save(tmp_path / "elm")


def test_searches_and_names_of_parameters():
    search = GridSearchCV(ELMClassifier(20, random_state=0), {"alpha": [0.1, 1.0]}).fit(X_IRIS, Y_IRIS)
    assert search.best_score_ > 0.9
    with pytest.raises(TypeError, match="hidden_layer_sizes"):
        ELMClassifier(n_hidden=20)


@pytest.mark.parametrize(("n_units", "aim"), [(500, 0.975), (2000, 0.981)])
def test_digits(n_units, aim):
    """What ridge regression on such features in plain NumPy reaches in five folds, within their standard error."""
    X, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(ELMClassifier(n_units, random_state=0), X, y, cv=folds)
    assert abs(scores.mean() - aim) < 0.005


def test_sinc():
    """The setting of Huang et al. 2006, in which NumPy's pinv reaches .0071 ± .0012; here ten trials."""
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, x_test = rng.uniform(-10, 10, (2, 5000, 1))
        y = np.sinc(x[:, 0] / np.pi) + rng.uniform(-0.2, 0.2, 5000)
        uniform = {"weight_init": Uniform(1.0), "bias_init": Uniform(1.0), "standardize": False}
        model = ELMRegressor(20, "logistic", alpha=1e-8, random_state=seed, **uniform).fit(x, y)
        errors.append(np.sqrt(np.mean((model.predict(x_test) - np.sinc(x_test[:, 0] / np.pi)) ** 2)))
    assert np.mean(errors) < 0.0071 + 0.0012
