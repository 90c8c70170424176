"""Estimators that train a network without targets of their own: an autoencoder, of which nothing is supervised."""

import ast
import pickle

import numpy as np
import pytest
from sklearn.base import TransformerMixin, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from fastmlp import MLPRegressor
from fastmlp.callbacks import Callback, EarlyStopping
from fastmlp.estimators.base import begins_fit, restored_on_error
from fastmlp.estimators.prediction import NumberDecoding
from fastmlp.estimators.trained import TrainedNetwork
from fastmlp.fitting.evaluation import Evaluation, r2
from fastmlp.fitting.problem import Problem, TrainingData, TrainingPlan
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import SquaredError
from fastmlp.network import Objective
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = StandardScaler().fit_transform(load_iris().data)


class Autoencoder(TransformerMixin, TrainedNetwork):
    """A network that learns its inputs, with some of the parameters."""

    def __init__(
        self,
        hidden_layer_sizes=(2,),
        activation="tanh",
        *,
        solver="adam",
        learning_rate_init=0.01,
        max_iter=50,
        batch_size="auto",
        normalization=None,
        weight_init="auto",
        bias_init="auto",
        standardize=False,
        early_stopping=False,
        random_state=None,
        dtype="auto",
        n_jobs=None,
        callbacks=None,
        scoring=None,
        verbose=False,
    ):
        self._set_parameters(locals())

    def _decoding(self):
        return NumberDecoding(self.n_outputs_)

    @begins_fit
    def fit(self, X, y=None):
        with restored_on_error(self):
            self._random_state = check_random_state(self.random_state)
            given, X = X, self._validated_samples(X, reset=True)
            dtype, n_features = self._compute_dtype(X.dtype), X.shape[1]
            plan = TrainingPlan.of({**MLPRegressor().get_params(), **self.get_params(deep=False)}, SquaredError())
            rows, targets = rows_of(X, dtype), np.ascontiguousarray(X, dtype)
            data = TrainingData((given, None), X, X, rows, targets, None, None, Objective("squared_error"))
            network = self._new_network(plan, data, n_features, dtype)
            self._keep_outline(network)
            evaluation = Evaluation([], self.scoring, r2, self, network.objective, learned=(X, None), of_variance=True)
            fit = self._beginning(Problem(plan, data, evaluation), network)
            self._train(fit)
        return self._told_of_errors(fit)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"dtype": "float32"}], ids=str)
def test_an_autoencoder_is_the_regressor_of_its_inputs(options):
    what = {"learning_rate_init": 0.01, "max_iter": 50, "random_state": 0, **options}
    found = Autoencoder(**what).fit(X)
    theirs = MLPRegressor(hidden_layer_sizes=(2,), activation="tanh", **what).fit(X, X)
    for ours, other in zip(found.coefs_ + found.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, other)
    np.testing.assert_array_equal(found.predict(X), theirs.predict(X))
    assert found.loss_ == theirs.loss_
    assert found.history_["loss"] == theirs.history_["loss"]


def test_what_every_estimator_of_networks_has_an_autoencoder_has(tmp_path):
    model = clone(Autoencoder(activation="TanH", random_state=0))
    assert model.activation == "tanh"
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(TypeError, match=r"Autoencoder.fit\(\) .* 'epochs'. It is a parameter of the estimator: Auto"):
        model.fit(X, epochs=3)
    with pytest.raises(ValueError, match=r"The 'max_iter' parameter of Autoencoder .* Got 0 instead"):
        clone(model).set_params(max_iter=0).fit(X)
    model.fit(X)
    np.testing.assert_array_equal(model.predictor()(X), model.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    before = vars(model).copy()
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(np.full_like(X, np.nan))
    assert vars(model).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(model).items())


def test_callbacks_steer_an_autoencoder():
    class Fails(Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 3:
                raise KeyError("three")

    model = Autoencoder(callbacks=[EarlyStopping("loss", patience=1, min_delta=1.0)], random_state=0).fit(X)
    assert model.n_iter_ < 50
    model = Autoencoder(callbacks=[Fails()], random_state=0)
    with pytest.raises(KeyError, match="three"):
        model.fit(X)
    assert model.n_iter_ == 3


@pytest.mark.parametrize("stem", ["base", "network_estimator", "prediction", "trained", "parameters"])
def test_nothing_below_supervised_estimators_imports_them(stem):
    path = ROOT / "fastmlp" / "estimators" / f"{stem}.py"
    imported = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    assert not {f"fastmlp.estimators.{name}" for name in ("supervised", "classifier", "regressor")} & imported
