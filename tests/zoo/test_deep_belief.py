"""The deep belief network: what is pretrained, and on which rows; the rest is MLPClassifier's."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp import MLPClassifier
from fastmlp.callbacks import EarlyStopping
from fastmlp.exceptions import UnlabelledWarning
from fastmlp.zoo import DeepBeliefNetworkClassifier, RestrictedBoltzmannMachine
from fastmlp.zoo.contrastive import ContrastiveLearner
from tests.files import Forgery, assert_refused, made, put
from tests.zoo import contract

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_digits(return_X_y=True)
X = X / 16
METHODS = ("predict", "predict_proba", "transform")


def small(**how):
    return DeepBeliefNetworkClassifier(
        **{"hidden_layer_sizes": (12, 9), "pretraining_epochs": 2, "max_iter": 3, "random_state": 0, **how}
    )


EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": "weights are of labels, and machines are pretrained on rows",
    "check_sample_weight_equivalence_on_sparse_data": "weights are of labels, and machines are pretrained on rows",
}
OF_PIPELINES = dict.fromkeys(
    ("check_estimators_overwrite_params", "check_dont_overwrite_parameters"), "a pipeline fits its steps in place"
)


@parametrize_with_checks(
    [
        DeepBeliefNetworkClassifier((10,), visible="normal", pretraining_epochs=2, max_iter=300, random_state=0),
        make_pipeline(
            MinMaxScaler(clip=True),
            DeepBeliefNetworkClassifier((10,), pretraining_epochs=30, learning_rate_init=0.02, random_state=0),
        ),
    ],
    expected_failed_checks=lambda each: OF_PIPELINES if isinstance(each, Pipeline) else EXPECTED_TO_FAIL,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- pretraining -----------------------------------------------------------------------------------------------------


def test_layers_begin_as_machines_that_learn_one_from_another():
    started = small(learning_rate_init=1e-12, max_iter=1, alpha=0.0).fit(X, Y)
    rows, random_state = X, np.random.RandomState(0)
    MLPClassifier((12, 9), activation="logistic", max_iter=1, random_state=random_state).fit(X, Y)
    states = iter_seeds(X, Y)
    for layer, n_units in enumerate((12, 9)):
        machine = RestrictedBoltzmannMachine(
            n_units, batch_size=32, max_iter=2, weight_decay=0.0002, random_state=next(states)
        ).fit(rows)
        np.testing.assert_allclose(started.coefs_[layer], machine.components_.T, atol=1e-8)
        np.testing.assert_allclose(started.intercepts_[layer], machine.intercept_hidden_, atol=1e-8)
        assert started.pretraining_history_[layer]["loss"] == machine.history_["loss"]
        rows = machine.transform(rows)


def iter_seeds(X, y):
    """Yield the seeds of the machines: they are drawn after the weights that MLPClassifier begins with."""
    random_state = np.random.RandomState(0)
    for n_inputs, n_units in ((64, 12), (12, 9), (9, 10)):
        random_state.uniform(size=(n_inputs, n_units))
        random_state.uniform(size=n_units)
    while True:
        yield random_state.randint(np.iinfo(np.int32).max)


def test_without_pretraining_it_is_a_perceptron():
    ours = small(pretraining_epochs=0, max_iter=4).fit(X, Y)
    theirs = MLPClassifier((12, 9), activation="logistic", max_iter=4, random_state=0).fit(X, Y)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert ours.pretraining_history_ == []
    assert ours.history_["loss"] == theirs.history_["loss"]


def test_a_warm_start_does_not_pretrain_again():
    model = small(warm_start=True, max_iter=2).fit(X, Y)
    before = model.history_["loss"][-1], model.pretraining_history_
    model.fit(X, Y)
    assert model.history_["loss"][-1] < before[0]
    assert model.pretraining_history_ is before[1]


def test_partial_fit_pretrains_once():
    model = small().partial_fit(X[:500], Y[:500], classes=np.arange(10))
    history = model.pretraining_history_
    model.partial_fit(X[500:], Y[500:])
    assert model.pretraining_history_ is history
    assert [len(of["loss"]) for of in history] == [2, 2]


@pytest.mark.parametrize("was_fitted", [False, True])
@pytest.mark.parametrize("interrupted", [1, 4])
def test_ctrl_c_while_layers_are_pretrained_ends_the_fit(was_fitted, interrupted, monkeypatch):
    """There are two epochs of each of two machines; Ctrl-C comes in the first one, or in the last one."""
    model, calls, epoch = small(), [], ContrastiveLearner.epoch
    if was_fitted:
        model.fit(X, Y)
    before = dict(vars(model))

    def interrupting(self):
        calls.append(self)
        if len(calls) == interrupted:
            raise KeyboardInterrupt
        return epoch(self)

    monkeypatch.setattr(ContrastiveLearner, "epoch", interrupting)
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("error")
        model.fit(X, Y)
    assert len(calls) == interrupted
    assert vars(model).keys() == before.keys() and all(vars(model)[name] is before[name] for name in before)


# ---- rows without a label --------------------------------------------------------------------------------------------


def test_rows_without_a_label_are_pretrained_on_alone():
    y = Y.copy()
    y[200:] = -1
    how = {"learning_rate_init": 1e-12, "max_iter": 1, "alpha": 0.0}
    with pytest.warns(UnlabelledWarning, match="y is -1 in 1597 of 1797 rows"):
        some = small(**how).fit(X, y)
    every = small(**how).fit(X, Y)
    np.testing.assert_allclose(some.coefs_[0], every.coefs_[0], atol=1e-8)
    assert list(some.classes_) == list(range(10))
    assert "_all_samples" not in vars(some)
    with pytest.warns(UnlabelledWarning):
        weighed = small().fit(X, y, sample_weight=np.where(y == -1, 5.0, 1.0))
    with pytest.warns(UnlabelledWarning):
        plain = small().fit(scipy.sparse.csr_array(X), list(y))
    np.testing.assert_allclose(weighed.coefs_[-1], plain.coefs_[-1], atol=1e-9)


def test_pretraining_on_rows_without_a_label_helps():
    """The same network, with 60 labels: the errors of three seeds, with and without pretraining on all rows."""
    y = Y.copy()
    y[60:1400] = -1
    scores = {}
    for epochs in (0, 40):
        model = small(
            hidden_layer_sizes=(100, 100), pretraining_epochs=epochs, pretraining_batch_size=20, max_iter=200,
            learning_rate_init=0.003,
        )  # fmt: skip
        with pytest.warns(UnlabelledWarning):
            fits = [clone(model).set_params(random_state=seed).fit(X[:1400], y[:1400]) for seed in range(3)]
        scores[epochs] = np.mean([fit.score(X[1400:], Y[1400:]) for fit in fits])
    assert scores[40] > scores[0] + 0.02


def test_minus_1_is_a_class_where_there_are_but_two():
    y = np.where(Y > 4, 1, -1)
    model = small(hidden_layer_sizes=(30,), max_iter=100, learning_rate_init=0.01).fit(X, y)
    assert list(model.classes_) == [-1, 1]
    assert model.score(X, y) > 0.85


# ---- what MLPClassifier has ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_for_any_threads(dtype):
    contract.assert_same_bits_for_any_threads(small(), X.astype(dtype)[:300], Y[:300], methods=METHODS)
    assert small().fit(X.astype(dtype)[:300], Y[:300]).coefs_[0].dtype == dtype


def test_early_stopping_callbacks_and_eval_set():
    model = small(max_iter=100, early_stopping=True, n_iter_no_change=2, learning_rate_init=0.01).fit(X, Y)
    assert model.n_iter_ < 100
    assert model.validation_scores_
    model = small(max_iter=100, callbacks=[EarlyStopping(patience=2)], learning_rate_init=0.02)
    assert "validation_loss" in model.fit(X[:1000], Y[:1000], eval_set=(X[1000:], Y[1000:])).history_


def test_files(tmp_path):
    model = small().fit(X, Y)
    contract.assert_comes_back_from_a_file(model, X, tmp_path / "m", METHODS)
    forged = Forgery(made(model))
    put("pretraining_history_", [1])(forged)
    assert_refused(tmp_path / "forged", forged, "pretraining_history_ is no list of histories")


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"visible": "gaussian"}, "'visible' parameter of DeepBeliefNetworkClassifier"),
        ({"pretraining_epochs": -1}, "'pretraining_epochs' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
    ],
)
def test_refused_without_a_trace(how, match):
    contract.assert_refused_without_a_trace(small(**how), lambda model: model.fit(X, Y), ValueError, match)


def test_features_that_are_no_bits_are_refused():
    contract.assert_refused_without_a_trace(
        small(), lambda model: model.fit(16 * X, Y), ValueError, "X must have values from 0 to 1"
    )
    with pytest.raises(TypeError, match="activation"):
        DeepBeliefNetworkClassifier(activation="relu")


def test_rows_without_any_label_are_refused():
    with pytest.raises(ValueError, match="y is -1 in all rows, which stands for a row without a label"):
        DeepBeliefNetworkClassifier((4,)).fit(np.eye(6), np.full(6, -1))
