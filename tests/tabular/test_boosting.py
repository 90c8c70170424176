"""Boosted trees as networks on their leaves: the same predictions as the trees' own, for targets of every kind."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPRegressor, TabularClassifier, TabularRegressor
from fastmlp.callbacks import EarlyStopping, ModelCheckpoint
from fastmlp.exceptions import IgnoredParameterWarning, UnknownCategoriesWarning
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.tabular.boosting import SummedTrees, network_of_trees
from fastmlp.tabular.kinds import EFFORTS, Effort
from fastmlp.tabular.trees import LeafCodes

BOOSTING = Effort(tuple(kind for kind in EFFORTS["fast"].kinds if kind.is_boosting), 3)


def problem(n_outputs, classification):
    """Codes of three columns, targets as trees take them, and as networks do."""
    random = np.random.default_rng(n_outputs)
    codes = random.integers(0, 9, (300, 3)).astype(np.uint8)
    signal = codes[:, 0] * 1.0 + (codes[:, 1] > 4) * 5 + random.normal(0, 1, 300)
    if not classification:
        targets = np.stack([signal * (k + 1) for k in range(n_outputs)], axis=1)
        return codes, targets, targets[:, 0] if n_outputs == 1 else targets
    y = np.searchsorted(np.quantile(signal, np.arange(1, n_outputs) / n_outputs), signal)
    return codes, (y[:, np.newaxis] * 1.0 if n_outputs == 2 else np.eye(n_outputs)[y]), y


def grown(codes, targets, classification):
    trees = LeafCodes(40, 7, 3).fit(codes, [9, 9, 9], targets, classification=classification)
    leaves = trees.transform(codes).astype(np.uint16)
    other = np.random.default_rng(0).integers(0, 4, (len(codes), 1))  # a category that trees have not read
    layout = ColumnsLayout((), (3, *trees.n_leaves_.tolist()))
    codes = np.concatenate([other, leaves + 1], axis=1).astype(layout.code_dtype)
    return trees, EncodedColumns(codes, np.empty((len(codes), 0), np.float32), layout)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities_are_those_of_the_trees(n_classes):
    codes, targets, y = problem(n_classes, True)
    trees, X = grown(codes, targets, True)
    outputs = trees.outputs(codes)
    expected = softmax(outputs, axis=1)
    if n_classes == 2:
        second = expit(outputs[:, 0])
        expected = np.column_stack([1 - second, second])
    found = network_of_trees(trees, X, y, classification=True)
    assert found.classes_.tolist() == list(range(n_classes))
    np.testing.assert_allclose(found.predict_proba(X), expected, atol=2e-6)
    np.testing.assert_allclose(SummedTrees(trees, found)(codes), expected, atol=2e-6)
    assert np.mean(found.predict(X) == y) > 0.7


@pytest.mark.parametrize("kept", [[0, 2], [1, 2], [0, 1, 3], [0, 1, 2, 3]])
def test_classes_that_are_not_learned_are_left_out(kept):
    """Trees have outputs for all classes of the table, and a network for those of its rows."""
    codes, targets, y = problem(4, True)
    rows = np.isin(y, kept)
    trees, X = grown(codes[rows], targets[rows], True)
    found = network_of_trees(trees, X, y[rows], classification=True)
    assert found.classes_.tolist() == kept
    expected = softmax(trees.outputs(codes[rows])[:, kept], axis=1)
    np.testing.assert_allclose(found.predict_proba(X), expected, atol=2e-6)
    np.testing.assert_allclose(SummedTrees(trees, found)(codes[rows]), expected, atol=2e-6)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_numbers_are_those_of_the_trees(n_outputs):
    codes, targets, y = problem(n_outputs, False)
    trees, X = grown(codes, targets, False)
    network = network_of_trees(trees, X, y, classification=False)
    expected = trees.outputs(codes)
    np.testing.assert_allclose(network.predict(X).reshape(300, n_outputs), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(SummedTrees(trees, network)(codes), expected, rtol=1e-5, atol=1e-5)


def test_networks_that_are_sums_over_trees():
    codes, targets, y = problem(1, False)
    trees, X = grown(codes, targets, False)
    network = network_of_trees(trees, X, y, classification=False)
    assert SummedTrees.are_all_of(network, trees)
    weights = network.coefs_[0].copy()
    weights[1] = 0.5  # of a category that trees have not read
    network.coefs_ = [weights]
    assert not SummedTrees.are_all_of(network, trees)
    with pytest.warns(ConvergenceWarning):
        deeper = MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, y)
    assert not SummedTrees.are_all_of(deeper, trees)


def test_an_ensemble_of_boosting_alone_learns(monkeypatch):
    monkeypatch.setitem(EFFORTS, "fast", BOOSTING)
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (400, 4))
    signal = np.sign(X[:, 0]) * (2 + np.sign(X[:, 1]))
    clf = TabularClassifier("fast", random_state=0).fit(X[:300], signal[:300] > 2)
    assert clf.score(X[300:], signal[300:] > 2) > 0.95
    assert {member.kind.name for member in clf.members_} <= {kind.name for kind in BOOSTING.kinds}
    assert all(record["trees"] >= 1 and record["epochs"] == 0 for record in clf.history_)
    # Nothing is kept of the fit that networks of trees come from, which would make files larger, and different.
    left = {"_optimizer", "history_", "loss_curve_"}
    assert not any(left & vars(member.network).keys() for member in clf.members_)
    reg = TabularRegressor("fast", random_state=0).fit(X[:300], signal[:300])
    assert reg.score(X[300:], signal[300:]) > 0.9
    for model in (clf, reg):
        explanation = model.explain(X[300:])
        values = np.abs(explanation.values).mean(axis=0)
        assert (values[:2] > 10 * values[2:].max()).all()
    np.testing.assert_allclose(explanation.predictions, reg.predict(X[300:]), rtol=1e-6, atol=1e-6)


def test_missing_and_unknown_values_that_training_did_not_have_are_ordinary_ones(monkeypatch):
    """Trees that nobody tells what they are would take them for the smallest number, or the worst category."""
    monkeypatch.setitem(EFFORTS, "fast", BOOSTING)
    X = pd.DataFrame({"a": np.arange(300) * 7 % 300 / 30, "b": np.repeat(list("uvwxyz"), 50)})
    y = X["a"] + X["b"].map(dict(zip("uvwxyz", [0.0, 20.0, 10.0, 60.0, 40.0, 50.0], strict=True)))
    model = TabularRegressor("fast", random_state=0).fit(X, y)
    rows = pd.DataFrame({"a": [0.0, np.nan, 5.0, 5.0], "b": ["u", "u", None, "new"]})
    with pytest.warns(UnknownCategoriesWarning):
        found = model.predict(rows)
    assert found[:2] == pytest.approx([0, 5], abs=1)
    assert ((found[2:] > 20) & (found[2:] < 50)).all()  # the mean of all is 35


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_boosting_is_left_out_where_it_makes_another_loss_small(loss):
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = TabularRegressor("fast", loss=loss, random_state=0).fit(X, X[:, 0])
    assert {record["kind"] for record in model.history_} == {"bins"}


def test_what_networks_are_trained_with_is_ignored_aloud_where_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setitem(EFFORTS, "fast", BOOSTING)
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = TabularRegressor("fast", random_state=0, callbacks=[EarlyStopping(), ModelCheckpoint(tmp_path / "m")])
    with pytest.warns(IgnoredParameterWarning, match=r"callbacks=\[EarlyStopping.*\] has no effect with effort='fast'"):
        model.fit(X, X[:, 0])
    model.set_params(callbacks=[ModelCheckpoint(tmp_path / "m")], scoring="r2")
    with pytest.warns(IgnoredParameterWarning, match="scoring='r2' has no effect with effort='fast'"):
        model.fit(X, X[:, 0])
    # Bands are made of networks, and so are quantiles.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(loss="huber").fit(X, X[:, 0])
        model.set_params(loss="squared_error", intervals="quantiles", scoring=None).fit(X, X[:, 0])
