"""Hidden layers as features: what a fitted estimator gives to the next step of a pipeline."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from fastmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)


def fitted(cls=MLPClassifier, **parameters):
    return cls(
        **{"hidden_layer_sizes": (20, 5), "random_state": 0, "max_iter": 20, "solver": "adamw"} | parameters
    ).fit(X, y)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_features_are_the_activations_of_the_network(cls, standardize, normalization, dtype):
    estimator = fitted(cls, standardize=standardize, normalization=normalization, activation="silu", dtype=dtype.name)
    *hidden, _ = estimator.to_network().activations(X)
    for layer in (0, 1, -1, -2):
        features = estimator.transform(X, layer=layer)
        assert features.dtype == dtype
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(features, hidden[layer], rtol=2000 * eps, atol=200 * eps)
        np.testing.assert_allclose(
            estimator.transform(scipy.sparse.csr_array(X), layer), features, rtol=2000 * eps, atol=200 * eps
        )
        np.testing.assert_array_equal(estimator.set_params(n_jobs=2).transform(X, layer), features)
    np.testing.assert_array_equal(estimator.transform(X), estimator.transform(X, layer=1))
    outputs = estimator.transform(X) @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    if cls is MLPRegressor:
        np.testing.assert_allclose(estimator.predict(X), outputs.ravel(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [2, 5])
def test_a_network_in_a_pipeline(width):
    """The features it was fitted to make separate the classes; a search may look for parameters of both steps."""
    net = MLPClassifier((20, width), learning_rate_init=0.01, max_iter=300, random_state=0, activation="tanh")
    pipeline = Pipeline([("net", net), ("lr", LogisticRegression())]).fit(X, y)
    assert pipeline.score(X, y) > 0.95
    np.testing.assert_array_equal(pipeline[0].transform(X), clone(net).fit_transform(X, y))
    assert pipeline[:-1].get_feature_names_out().tolist() == [f"mlpclassifier{i}" for i in range(width)]
    if width == 5:
        grid = GridSearchCV(pipeline, {"net__max_iter": [1, 100], "lr__C": [1.0]}, cv=2).fit(X, y)
        assert grid.best_params_["net__max_iter"] == 100


def test_parameters_of_fit_go_through_fit_transform():
    weights = np.where(y == 2, 0.0, 1.0)
    estimator = MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0)
    found = estimator.fit_transform(X, y, sample_weight=weights)
    expected = clone(estimator).fit(X, y, sample_weight=weights).transform(X)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(found, clone(estimator).fit_transform(X, y))


def test_names():
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(len(X)) + 7)
    estimator = MLPRegressor(hidden_layer_sizes=(20, 5), max_iter=20, random_state=0).fit(frame, y)
    names = [f"mlpregressor{i}" for i in range(5)]
    assert estimator.get_feature_names_out().tolist() == names
    plain = estimator.transform(frame)
    with sklearn.config_context(transform_output="pandas"):
        assert list(estimator.transform(frame, layer=1).columns) == names
    named = estimator.set_output(transform="pandas").transform(frame)
    assert list(named.columns) == names
    pd.testing.assert_index_equal(named.index, frame.index)
    np.testing.assert_array_equal(named, plain)
    assert isinstance(estimator.predict(frame), np.ndarray)
    with pytest.raises(ValueError, match="set_output names the 5 units of the last hidden layer, but layer 0 has 20"):
        estimator.transform(frame, layer=0)
    estimator.set_output(transform="default")
    assert estimator.transform(frame, layer=0).shape == (150, 20)


def test_what_cannot_be():
    with pytest.raises(NotFittedError):
        MLPClassifier().transform(X)
    with pytest.raises(NotFittedError):
        MLPClassifier().get_feature_names_out()
    estimator = fitted()
    for layer in (2, -3):
        with pytest.raises(ValueError, match=f"layer must be from -2 to 1; got {layer}"):
            estimator.transform(X, layer)
    with pytest.raises(ValueError, match="layer must be an integer; got 'last'"):
        estimator.transform(X, "last")
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4 features as input"):
        estimator.transform(X[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        estimator.transform(np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="transform gives the outputs of a hidden layer, and this network has none"):
        fitted(hidden_layer_sizes=()).transform(X)


def test_types():
    """The type of X is kept, as the tags say, unless the parameter names another."""
    narrow = MLPClassifier((5,), max_iter=5).fit(X.astype(np.float32), y)
    assert narrow.transform(X.astype(np.float32)).dtype == np.float32
    assert narrow.__sklearn_tags__().transformer_tags.preserves_dtype == ["float64", "float32"]
    assert fitted(dtype="float32").__sklearn_tags__().transformer_tags.preserves_dtype == []
    assert make_pipeline(narrow, LogisticRegression()).fit(X.astype(np.float32), y).score(X, y) > 0
