"""Predictions of ensembles, beside the slow and obvious way: one member after another, by its public methods."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.tabular import TypedTable, ensemble, prediction
from fastmlp.tabular.calibration import apply_temperature
from fastmlp.tabular.encoding import columns_of
from fastmlp.tabular.prediction import PackedEnsemble
from tests.tabular.problems import outputs, problem, small

#: How far float32 predictions may lie apart.
CLOSE = {"rtol": 0, "atol": 1e-6}


def table(n_rows=150, n_classes=3, seed=0, categories=True):
    random = np.random.default_rng(seed)
    X = pd.DataFrame({f"n{i}": random.normal(size=n_rows) for i in range(3)})
    X["integer"] = random.integers(0, 5, n_rows).astype(float)
    X.loc[random.random(n_rows) < 0.1, "n0"] = np.nan
    if categories:
        X["letter"] = random.choice(["a", "b", "c", None], n_rows)
        X["many"] = random.choice([f"c{i}" for i in range(9)], n_rows)
    return X, ((X["n1"] > 0) + (X["integer"] > 2) * 1).to_numpy() % n_classes


def fitted(estimator, X, y, **parameters):
    """Fit an estimator that keeps members of all kinds, with equal weights, and that is at odds with itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "greedy_selection", lambda predictions, *_, **__: np.arange(1.0, len(predictions) + 1))
        model = estimator.set_params(cv=2, random_state=0, n_jobs=1, **parameters).fit(X, y)
    assert len({member.kind.name for member in model.members_}) > 2
    return model


@pytest.fixture(scope="module")
def classifier():
    return fitted(TabularClassifier(), *table())


@pytest.fixture(scope="module")
def binary():
    return fitted(TabularClassifier(), *table(n_classes=2))


@pytest.fixture(scope="module")
def numeric():
    return fitted(TabularClassifier(), *table(categories=False))


@pytest.fixture(scope="module")
def regressor():
    X, _ = table()
    return fitted(TabularRegressor(), X, np.column_stack([X["n1"], X["integer"] ** 2]))


MODELS = ("classifier", "binary", "numeric", "regressor")


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


def by_member(model, X, of=0):
    """Return members with what they predict, (n_rows, n_outputs)."""
    whole = model.ensembles_[of]
    shared = model.encoding_.shared(model.columns_.transform(X))
    for member in whole.members_:
        columns = columns_of(member.kind, member.fold, shared, whole.trees_)
        if whole.is_classification:
            yield member, member.network.predict_proba(columns)
        else:
            yield member, member.network.predict(columns).reshape(len(X), -1)


def predicted_of(model, X):
    whole = model.ensembles_[0]
    total = sum(member.weight * predicted.astype(float) for member, predicted in by_member(model, X))
    return apply_temperature(total, whole.temperature_) if whole.is_classification else model._numbers(total)


def predictions(model, X):
    return model.predict_proba(X) if isinstance(model, TabularClassifier) else model.predict(X)


def rows_for(model, n_rows, seed=1):
    X, _ = table(n_rows, seed=seed)
    return X[model.columns_.names_]


# ---- beside the oracle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 2, 130, 700])
def test_predictions_are_those_of_one_member_after_another(model, n_rows):
    X = rows_for(model, n_rows)
    np.testing.assert_allclose(predictions(model, X), predicted_of(model, X), **CLOSE)


def test_folds_are_those_of_their_members(model):
    whole, X = model.ensembles_[0], rows_for(model, 50)
    found = whole.predict_folds(model.encoding_.shared(model.columns_.transform(X)))
    expected = np.zeros((2, 50, whole.n_outputs))
    for member, predicted in by_member(model, X):
        expected[member.fold] += 2 * member.weight * predicted
    np.testing.assert_allclose(found, expected, **CLOSE)
    if whole.is_classification:
        np.testing.assert_allclose(found.sum(axis=-1), 1, **CLOSE)


def test_a_fold_that_lacks_a_class(classifier):
    X, y = table()
    y = np.where(np.arange(len(y)) < 140, y % 2, 2)
    folds = [(np.arange(100), np.arange(100, 140)), (np.arange(20, 150), np.arange(20))]

    class Splitter:
        def split(self, *_):
            return folds

        def get_n_splits(self, *_):
            return len(folds)

    model = TabularClassifier(effort="fast", cv=Splitter(), random_state=0, n_jobs=1).fit(X, y)
    members = model.members_
    assert [len(member.network.classes_) for member in members] == [2, 3]
    found = model.predict_proba(X)
    (_, first), (_, second) = by_member(model, X)
    expected = members[0].weight * np.column_stack([first, np.zeros(len(X))]) + members[1].weight * second
    np.testing.assert_allclose(found, apply_temperature(expected, model.ensembles_[0].temperature_), **CLOSE)


# ---- rows and threads ------------------------------------------------------------------------------------------------


def test_predictions_do_not_depend_on_threads(model, monkeypatch):
    monkeypatch.setattr(prediction, "_ROWS_TOGETHER", 64)
    X = rows_for(model, 1000)
    shared = model.encoding_.shared(model.columns_.transform(X))
    for predict in (model.ensembles_[0].predict, model.ensembles_[0].predict_folds):
        alone = predict(shared, 1)
        for n_jobs in (2, 3, 8):
            np.testing.assert_array_equal(predict(shared, n_jobs), alone)


def test_a_row_alone_is_predicted_as_among_others(model, monkeypatch):
    X = rows_for(model, 300)
    together = predictions(model, X)
    for row in (0, 77, 299):
        np.testing.assert_allclose(predictions(model, X[row : row + 1]), together[row : row + 1], **CLOSE)
    if isinstance(model, TabularClassifier):
        np.testing.assert_array_equal([model.predict(X[i : i + 1])[0] for i in range(40)], model.predict(X)[:40])
    for block in (1, 7, 128, 299):
        monkeypatch.setattr(prediction, "_ROWS_TOGETHER", block)
        np.testing.assert_allclose(predictions(model, X), together, **CLOSE)


# ---- what is packed --------------------------------------------------------------------------------------------------


def test_networks_are_packed_once_and_anew_when_they_change():
    X, y = table()
    model = fitted(TabularClassifier(), X, y)
    whole, network = model.ensembles_[0], max(model.members_, key=lambda member: member.weight).network
    before = model.predict_proba(X)
    packed = PackedEnsemble.of(whole)
    assert PackedEnsemble.of(whole) is packed
    with pytest.raises(ValueError, match="read-only"):
        network.coefs_[-1][:] = 0
    network.coefs_[-1] = network.coefs_[-1] * 20
    assert PackedEnsemble.of(whole) is not packed
    np.testing.assert_allclose(model.predict_proba(X), predicted_of(model, X), **CLOSE)
    assert abs(model.predict_proba(X) - before).max() > 1e-3
    (fold, name), trees = next(iter(whole.trees_.trees_.items()))
    whole.trees_.trees_[fold, name] = copy.copy(trees)
    whole.trees_.trees_[fold, name].thresholds_ = trees.thresholds_ // 2
    np.testing.assert_allclose(model.predict_proba(X), predicted_of(model, X), **CLOSE)
    whole.members_ = whole.members_[:1]
    whole.members_[0].weight = 1.0
    np.testing.assert_allclose(model.predict_proba(X), predicted_of(model, X), **CLOSE)


def test_a_copy_of_a_model_predicts_the_same(model):
    X = rows_for(model, 20)
    expected = predictions(model, X)
    np.testing.assert_array_equal(predictions(pickle.loads(pickle.dumps(model)), X), expected)


# ---- the bare function -----------------------------------------------------------------------------------------------


def test_predictor_predicts_rows_that_have_been_read(model):
    X = rows_for(model, 60)
    rows = model.columns_.transform(X)
    predictor = model.predictor()
    np.testing.assert_array_equal(predictor(rows), predictions(model, X))
    np.testing.assert_array_equal(predictor(X), predictions(model, X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predictor))(X), predictions(model, X))
    np.testing.assert_allclose(
        predictor(TypedTable(rows.numbers[:1], rows.categories[:1])), predictor(rows)[:1], **CLOSE
    )


def test_predictor_stays_what_it_was_when_a_model_is_fitted_again():
    X, _ = table()
    target = X["n1"].to_numpy()
    model = TabularRegressor(effort="fast", cv=2, random_state=0).fit(X, target)
    predictor, rows, before = model.predictor(), model.columns_.transform(X), model.predict(X)
    model.fit(X[["n1"]], target * 100)
    np.testing.assert_array_equal(predictor(rows), before)
    np.testing.assert_array_equal(predictor(X), before)


def test_predictor_refuses_what_are_no_rows(classifier):
    predictor = classifier.predictor()
    rows = classifier.columns_.transform(rows_for(classifier, 5))
    for numbers, categories, message in (
        (rows.numbers[:, :3], rows.categories, r"table.numbers must have the shape \(n_samples, 4\); got \(5, 3\)"),
        (rows.numbers, rows.categories[:4], r"table.categories must have the shape \(n_samples, 2\); got \(4, 2\)"),
        (rows.numbers, rows.categories + 1000, "table.categories must be codes from 0 to"),
        (rows.numbers, rows.categories - 1000, "table.categories must be codes from 0 to"),
        (rows.numbers, rows.categories * 1.0, "table.categories must be codes from 0 to"),
    ):
        with pytest.raises(ValueError, match=message):
            predictor(TypedTable(numbers, categories))
    with pytest.raises(ValueError, match="The feature names should match"):
        predictor(rows_for(classifier, 5).rename(columns={"n1": "n"}))
    with pytest.raises(ValueError, match="Expected 2D array, got scalar array instead"):
        predictor(3.5)


def test_rows_that_have_been_read_are_predicted_as_their_table(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    rows = estimator.columns_.transform(X)
    assert np.array_equal(outputs(estimator, rows), outputs(estimator, X))
    assert estimator.score(rows, y) == estimator.score(X, y)
    with pytest.raises(ValueError, match=r"table\.numbers must have the shape \(n_samples, 2\); got \(90, 1\)"):
        estimator.predict(TypedTable(rows.numbers[:, :1], rows.categories))
    with pytest.raises(ValueError, match=r"table\.categories must be codes from 0 to \[3\]"):
        estimator.predict(TypedTable(rows.numbers, rows.categories + 3))
