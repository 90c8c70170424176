"""Losses and scores of named sets: what they are, and the names they have."""

import copy
import re
import warnings

import numpy as np
import pandas
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, make_scorer, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import EarlyStopping, ModelCheckpoint, ReduceOnPlateau
from fastmlp.exceptions import UndefinedScoreWarning
from fastmlp.fitting.evaluation import accuracy, r2
from fastmlp.losses import NAMED_LOSSES
from fastmlp.network import Network, Objective, Structure

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X, X_NEW = RNG.standard_normal((120, 5)), RNG.standard_normal((50, 5))
WEIGHTS = RNG.uniform(0.5, 2, 50)


def labels(x, n):
    return (np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5]) if n == 3 else (x[:, 0] > 0).astype(int)).astype(int)


def last(model, name):
    return model.history_[name][-1]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_loss_and_score_of_a_set_are_scikit_learns(n_classes, solver, dtype):
    y, y_new = labels(X, n_classes), labels(X_NEW, n_classes)
    model = MLPClassifier((7,), solver=solver, max_iter=4, random_state=0)
    model.fit(X.astype(dtype), y, eval_set=(X_NEW.astype(dtype), y_new, WEIGHTS))
    probabilities = model.predict_proba(X_NEW.astype(dtype)).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    expected = log_loss(y_new, probabilities, sample_weight=WEIGHTS)
    np.testing.assert_allclose(last(model, "validation_loss"), expected, rtol=rtol)
    expected = accuracy_score(y_new, model.predict(X_NEW.astype(dtype)), sample_weight=WEIGHTS)
    assert last(model, "validation_score") == expected


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(
    "y",
    [
        RNG.integers(0, 3, 50),
        np.array(["a", "bb", "c"])[RNG.integers(0, 3, 50)],
        np.array(["a", "bb", "c"], dtype=object)[RNG.integers(0, 3, 50)],
        RNG.integers(0, 2, (50, 3)),
        scipy.sparse.csr_array(RNG.integers(0, 2, (50, 3))),
    ],
    ids=["numbers", "strings", "objects", "indicator", "sparse indicator"],
)
def test_accuracy_is_scikit_learns(y, weights):
    for predicted in (y, y[np.roll(np.arange(50), 1)], y[:1][np.zeros(50, int)]):
        assert accuracy(y, predicted, weights) == accuracy_score(y, predicted, sample_weight=weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("of_y", [int, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_r2_is_scikit_learns(shape, of_y, weights, dtype):
    y = (10 * RNG.standard_normal(shape)).astype(of_y)
    noisy = (y + RNG.standard_normal(shape)).astype(dtype)
    constant = y.copy()
    constant[..., 0] = 3  # one column, or all there is
    for targets in (y, constant, np.full_like(y, 2)):
        for predicted in (noisy, targets.astype(dtype), np.zeros_like(noisy)):
            expected = r2_score(targets, predicted, sample_weight=weights)
            assert r2(targets, predicted, weights) == pytest.approx(expected, rel=1e-14, abs=0)
    assert np.isnan(r2(y[:1], noisy[:1], None))


def test_a_regressors_score_is_r2():
    y, y_new = X[:, 0] * X[:, 1], X_NEW[:, 0] * X_NEW[:, 1]
    model = MLPRegressor(hidden_layer_sizes=(7,), max_iter=4, random_state=0).fit(X, y, eval_set=(X_NEW, y_new))
    predicted = model.predict(X_NEW)
    np.testing.assert_allclose(last(model, "validation_score"), r2_score(y_new, predicted), rtol=1e-12)
    np.testing.assert_allclose(last(model, "validation_loss"), ((y_new - predicted) ** 2).mean() / 2, rtol=1e-12)


@pytest.mark.parametrize("what", [{}, {"normalization": "batch"}, {"ema": 0.9}, {"solver": "schedulefreeadamw"}])
def test_sets_are_evaluated_as_the_model_predicts(what):
    """Not as it trains: with running moments, averages, and without dropout."""
    y, y_new = labels(X, 3), labels(X_NEW, 3)
    model = MLPClassifier((7,), max_iter=4, random_state=0, dropout=0.5, standardize=True, **what)
    model.fit(X, y, eval_set=(X_NEW, y_new))
    np.testing.assert_allclose(last(model, "validation_loss"), log_loss(y_new, model.predict_proba(X_NEW)), rtol=1e-10)


@pytest.mark.parametrize("loss", NAMED_LOSSES)
def test_the_loss_of_the_training_data_as_a_set_is_the_networks(loss):
    """For each loss: without penalties, at the weights the fit ends with."""
    y = labels(X, 2)
    cls = MLPRegressor if "numbers" in NAMED_LOSSES[loss].engine_losses else MLPClassifier
    y = y + 1.0 if cls is MLPRegressor else y
    model = cls(hidden_layer_sizes=(7,), loss=loss, max_iter=3, alpha=1.0, l1=0.1, random_state=0)
    model.fit(X, y, eval_set={"train": (X, y)})
    name = model._loss().engine_loss(model._target_kind())
    objective = Objective(name, model._loss().engine_options)
    params = np.concatenate(
        [part.ravel() for pair in zip(model.coefs_, model.intercepts_, strict=True) for part in pair]
    )
    network = Network(Structure.of([5, 7, 1], "relu"), params, objective=objective)
    value, _ = network.loss_and_gradients(X, y.reshape(-1, 1).astype(float))
    np.testing.assert_allclose(last(model, "train_loss"), value, rtol=1e-12)


def mean_square(y, z, weights=None):
    return float(np.mean((z - y) ** 2)), 2 * (z - y) / y.size


@pytest.mark.parametrize("loss", ["squared_error", mean_square])
def test_a_set_without_weight_is_refused(loss):
    weights = np.zeros(len(X))
    weights[0] = 1
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1: all rows that are held out have the weight 0"):
        MLPRegressor(loss=loss, early_stopping=True, max_iter=2, random_state=1).fit(X, X[:, 0], weights)


def test_a_loss_in_python():
    def squared(y_true, y_pred, sample_weight):
        weights = np.ones(len(y_true)) if sample_weight is None else sample_weight
        error = y_pred - y_true
        return (weights * (error**2).mean(axis=1)).sum() / weights.sum(), 2 * error * weights[:, None] / error.size

    y, y_new = X[:, 0], X_NEW[:, 0]
    model = MLPRegressor(squared, (7,), max_iter=3, random_state=0).fit(X, y, eval_set=(X_NEW, y_new, WEIGHTS))
    expected = np.average((model.predict(X_NEW) - y_new) ** 2, weights=WEIGHTS)
    np.testing.assert_allclose(last(model, "validation_loss"), expected, rtol=1e-12)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("standardize", [False, True])
def test_several_sets_dense_and_sparse(standardize, normalization):
    y = labels(X, 3)
    some = (X[:20], y[:20])
    model = MLPClassifier((7,), max_iter=3, random_state=0, standardize=standardize, normalization=normalization)
    model.fit(X, y, eval_set={"a": some, "b": (scipy.sparse.csr_array(X[:20]), y[:20])})
    assert list(model.history_) == ["loss", "learning_rate", "seconds", "a_loss", "b_loss", "a_score", "b_score"]
    np.testing.assert_allclose(model.history_["a_loss"], model.history_["b_loss"], rtol=1e-12)
    model.fit(X, y, eval_set=[some, some])
    assert model.history_["validation_0_loss"] == model.history_["validation_1_loss"]


def test_targets_that_are_sparse():
    Y = np.c_[X[:, 0], X[:, 1]]
    model = MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0)
    model.fit(X, scipy.sparse.csr_array(Y), eval_set={"dense": (X, Y), "sparse": (X, scipy.sparse.csr_array(Y))})
    assert model.history_["dense_loss"] == model.history_["sparse_loss"]
    Y = (Y > 0).astype(int)
    model = MLPClassifier((7,), max_iter=3, random_state=0)
    model.fit(X, scipy.sparse.csr_array(Y), eval_set={"dense": (X, Y), "sparse": (X, scipy.sparse.csr_array(Y))})
    assert model.history_["dense_loss"] == model.history_["sparse_loss"]


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        ("f1_macro", ["f1_macro"]),
        (["accuracy", "neg_log_loss"], ["accuracy", "neg_log_loss"]),
        ({"a": "accuracy", "b": make_scorer(accuracy_score)}, ["a", "b"]),
        (make_scorer(accuracy_score), ["score"]),
        (lambda model, X, y: {"one": 1.0, "right": model.score(X, y)}, ["one", "right"]),
        (lambda model, X, y: model.score(X, y), ["score"]),
    ],
)
def test_scoring(scoring, names):
    y, y_new = labels(X, 3), labels(X_NEW, 3)
    model = MLPClassifier((7,), max_iter=3, random_state=0, scoring=scoring).fit(X, y, eval_set=(X_NEW, y_new))
    assert list(model.history_)[4:] == [f"validation_{name}" for name in names]
    assert all(len(values) == 3 for values in model.history_.values())
    if "neg_log_loss" in names:
        expected = -log_loss(y_new, model.predict_proba(X_NEW))
        np.testing.assert_allclose(last(model, "validation_neg_log_loss"), expected, rtol=1e-12)
    elif len(names) == 1 and names != ["f1_macro"]:
        assert last(model, "validation_score") == model.score(X_NEW, y_new)


def test_scoring_sees_the_weights_of_a_set_and_does_not_change_the_fit():
    y = X[:, 0]
    plain = MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0).fit(X, y)
    model = clone(plain).set_params(scoring="neg_mean_absolute_error").fit(X, y, eval_set=(X_NEW, X_NEW[:, 0], WEIGHTS))
    expected = -mean_absolute_error(X_NEW[:, 0], model.predict(X_NEW), sample_weight=WEIGHTS)
    np.testing.assert_allclose(last(model, "validation_neg_mean_absolute_error"), expected, rtol=1e-12)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])


def test_early_stopping_watches_the_first_score_of_the_first_set():
    y, y_new = labels(X, 3), labels(X_NEW, 3)
    what = dict(hidden_layer_sizes=(20,), early_stopping=True, max_iter=300, random_state=0, learning_rate_init=0.01)
    model = MLPClassifier(scoring="neg_log_loss", n_iter_no_change=3, **what).fit(X, y, eval_set=(X_NEW, y_new))
    assert model.validation_scores_ == model.history_["validation_neg_log_loss"]
    assert model.best_validation_score_ == max(model.validation_scores_)
    np.testing.assert_allclose(-log_loss(y_new, model.predict_proba(X_NEW)), model.best_validation_score_, rtol=1e-12)
    assert model.t_ == 120 * model.n_iter_  # no row was held out
    held_out = MLPClassifier(**what).fit(X, y)
    assert held_out.t_ == 108 * held_out.n_iter_
    assert held_out.validation_scores_ == held_out.history_["validation_score"]
    scored = MLPClassifier(scoring="accuracy", **what).fit(X, y)
    assert scored.validation_scores_ == held_out.validation_scores_
    np.testing.assert_array_equal(scored.coefs_[0], held_out.coefs_[0])


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("eval_set", "message"),
    [
        (X_NEW, r"eval_set must be \(X, y\)"),
        ((X_NEW,), r"eval_set must be \(X, y\)"),
        ({"a": X_NEW}, r"eval_set must be .* got ndarray for 'a'"),
        ({1: (X_NEW, labels(X_NEW, 3))}, "eval_set must be"),
        ((X_NEW[:, :3], labels(X_NEW, 3)), r"eval_set 'validation': X has 3 features"),
        ({"late": (X_NEW, labels(X_NEW, 3)[:9])}, r"eval_set 'late': Found input variables with inconsistent"),
        ((X_NEW, labels(X_NEW, 3) + 5), r"eval_set 'validation': y has the labels \[5, 6, 7\], which are none of"),
        ((np.full_like(X_NEW, np.nan), labels(X_NEW, 3)), r"eval_set 'validation': Input X contains NaN"),
        ((X_NEW, np.eye(3)[labels(X_NEW, 3)]), r"eval_set 'validation': y is a matrix, unlike that of the fit"),
        ((X_NEW, labels(X_NEW, 3), -WEIGHTS), r"eval_set 'validation': Negative values in data passed to `sample"),
        ({"learning": (X_NEW, labels(X_NEW, 3))}, r"the name 'learning_rate' twice"),
        ((X_NEW, labels(X_NEW, 3), np.zeros(50)), r"eval_set 'validation': Sample weights must contain at least one"),
    ],
)
def test_bad_sets_are_refused(eval_set, message, early_stopping):
    scoring = {"rate": "accuracy"} if "learning" in str(eval_set)[:12] else None
    model = MLPClassifier((7,), max_iter=2, random_state=0, scoring=scoring, early_stopping=early_stopping)
    model.fit(X, labels(X, 3))
    before = model.coefs_[0].copy()
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels(X, 3), eval_set=eval_set)
    np.testing.assert_array_equal(model.coefs_[0], before)


def test_other_targets_than_the_fits_are_refused():
    with pytest.raises(ValueError, match=r"eval_set 'validation': y has 2 outputs, that of the fit has 1"):
        MLPRegressor().fit(X, X[:, 0], eval_set=(X_NEW, X_NEW[:, :2]))
    with pytest.raises(ValueError, match=r"eval_set 'validation': .* out of the valid range of the loss 'gamma'"):
        MLPRegressor("gamma").fit(X, np.abs(X[:, 0]) + 1, eval_set=(X_NEW, X_NEW[:, 0]))
    with pytest.raises(ValueError, match=r"scoring must not have a metric called 'loss'"):
        MLPRegressor(scoring={"loss": "r2"}).fit(X, X[:, 0], eval_set=(X_NEW, X_NEW[:, 0]))
    with pytest.raises(ValueError, match="'exactness' is not a valid scoring value"):
        MLPRegressor(scoring="exactness").fit(X, X[:, 0], eval_set=(X_NEW, X_NEW[:, 0]))


# ---- X_val, y_val, sample_weight_val ---------------------------------------------------------------------------------


def assert_same_history(model, other, rtol=0.0):
    assert list(model.history_) == list(other.history_)
    for name in set(model.history_) - {"seconds"}:
        np.testing.assert_allclose(model.history_[name], other.history_[name], rtol=rtol, err_msg=name)


def as_given(form, X, y, weights):
    """Samples to validate on in one of the forms that users have them in."""
    if form == "frame":
        names = [f"feature {i}" for i in range(X.shape[1])]
        return pandas.DataFrame(X, columns=names), pandas.Series(y), pandas.Series(weights)
    if form == "csr":
        return scipy.sparse.csr_array(X), y, weights
    if form == "lists":
        return X.tolist(), y.tolist(), weights.tolist()
    return X.astype(np.float32) if form == "float32" else X, y, weights


@pytest.mark.parametrize("form", ["array", "frame", "csr", "lists", "float32"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_x_val_is_an_eval_set(form, solver, weighted):
    model = MLPClassifier((7,), max_iter=4, solver=solver, random_state=0)
    X_given, y_given, _ = as_given(form, X, labels(X, 3), np.ones(len(X)))
    X_val, y_val, weights = as_given(form, X_NEW, labels(X_NEW, 3), WEIGHTS)
    parts = (X_val, y_val, weights) if weighted else (X_val, y_val)
    by_set = clone(model).fit(X_given, y_given, eval_set=parts)
    model.fit(X_given, y_given, X_val=X_val, y_val=y_val, sample_weight_val=weights if weighted else None)
    assert list(model.history_)[3:] == ["validation_loss", "validation_score"]
    assert_same_history(model, by_set)


def test_early_stopping_takes_x_val():
    what = {
        "max_iter": 100,
        "early_stopping": True,
        "n_iter_no_change": 3,
        "random_state": 0,
        "learning_rate_init": 0.05,
    }
    y, y_new = labels(X, 3), labels(X_NEW, 3)
    model = MLPClassifier((7,), **what).fit(X, y, X_val=X_NEW, y_val=y_new)
    assert model.t_ == len(X) * model.n_iter_  # no row was held out
    assert model.validation_scores_ == model.history_["validation_score"]
    assert model.best_validation_score_ == model.score(X_NEW, y_new)


def test_resume_takes_x_val(tmp_path):
    y, more = labels(X, 3), {"X_val": X_NEW, "y_val": labels(X_NEW, 3), "sample_weight_val": WEIGHTS}
    model = MLPClassifier((7,), max_iter=3, random_state=0, callbacks=[ModelCheckpoint(tmp_path / "model")])
    whole = clone(model).set_params(max_iter=6, callbacks=None).fit(X, y, **more)
    model.fit(X, y, **more)
    resumed = fastmlp.load(tmp_path / "model").set_params(max_iter=6).resume(X, y, **more)
    assert_same_history(resumed, whole)
    with pytest.raises(ValueError, match="y_val is provided, but X_val was not provided"):
        fastmlp.load(tmp_path / "model").set_params(max_iter=6).resume(X, y, y_val=labels(X_NEW, 3))


LABELS = labels(X_NEW, 3)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X_NEW}, r"^X_val is provided, but y_val was not provided\.$"),
        ({"y_val": LABELS}, r"^y_val is provided, but X_val was not provided\.$"),
        ({"sample_weight_val": WEIGHTS}, r"^sample_weight_val is provided, but X_val was not provided\.$"),
        ({"X_val": X_NEW, "sample_weight_val": WEIGHTS}, "^X_val is provided, but y_val was not provided"),
        ({"y_val": LABELS, "sample_weight_val": WEIGHTS}, "^y_val is provided, but X_val was not provided"),
        (
            {"X_val": X_NEW, "y_val": LABELS, "eval_set": (X_NEW, LABELS)},
            "as eval_set or as X_val and y_val, not as both",
        ),
        ({"X_val": X_NEW[:, :3], "y_val": LABELS}, "^X_val: X has 3 features, but MLPClassifier is expecting"),
        ({"X_val": X_NEW, "y_val": LABELS[:9]}, "^X_val: Found input variables with inconsistent numbers of samples"),
        ({"X_val": X_NEW * np.nan, "y_val": LABELS}, "^X_val: Input X contains NaN"),
        ({"X_val": X_NEW[:0], "y_val": LABELS[:0]}, r"^X_val: Found array with 0 sample"),
        ({"X_val": X_NEW, "y_val": LABELS + 5}, r"^X_val: y has the labels \[5, 6, 7\], which are none of"),
        ({"X_val": X_NEW, "y_val": LABELS, "sample_weight_val": -WEIGHTS}, "^X_val: Negative values in data passed to"),
        ({"X_val": X_NEW, "y_val": LABELS, "sample_weight_val": WEIGHTS[:4]}, "^X_val: sample_weight.shape"),
    ],
    ids=str,
)
def test_bad_x_val_is_refused(given, message, early_stopping):
    model = MLPClassifier(
        (7,), max_iter=200, early_stopping=early_stopping, random_state=0, tol=1.0, n_iter_no_change=1
    )
    model.fit(X, labels(X, 3))
    before = model.coefs_[0].copy()
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels(X, 3), **given)
    np.testing.assert_array_equal(model.coefs_[0], before)


def far(X):
    """Features of different scales, far from 0."""
    return X * [1e-3, 1.0, 1e3, 10.0, 1.0] + 1e3


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("frames", [False, True])
def test_a_pipeline_transforms_x_val(regression, frames, routing):
    """What the network hears of is what the pipeline makes of the samples."""
    y, y_new = (X[:, 0], X_NEW[:, 0]) if regression else (labels(X, 3), labels(X_NEW, 3))
    given, new = far(X), far(X_NEW)
    if frames:
        given, new = (pandas.DataFrame(a, columns=list("abcde")) for a in (given, new))
    mlp = (MLPRegressor if regression else MLPClassifier)(hidden_layer_sizes=(7,), max_iter=5, random_state=0)
    scaler = StandardScaler().fit(given)
    alone = clone(mlp).fit(scaler.transform(given), y, eval_set=(scaler.transform(new), y_new, WEIGHTS))
    mlp.set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
    pipeline = make_pipeline(StandardScaler(), mlp, transform_input=["X_val"])
    pipeline.fit(given, y, X_val=new, y_val=y_new, sample_weight_val=WEIGHTS)
    assert_same_history(pipeline[-1], alone)
    pipeline.fit(given, y, X_val=new, y_val=y_new)
    assert last(pipeline[-1], "validation_score") == pytest.approx(pipeline.score(new, y_new), rel=1e-12)


def test_a_search_and_a_target_transformer_hand_x_val_on():
    y, given = labels(X, 3), {"X_val": X_NEW, "y_val": labels(X_NEW, 3)}
    search = GridSearchCV(MLPClassifier((7,), max_iter=3, random_state=0), {"alpha": [0.0, 1.0]}, cv=2)
    best = search.fit(X, y, **given).best_estimator_
    assert list(best.history_)[3:] == ["validation_loss", "validation_score"]
    assert last(best, "validation_score") == best.score(X_NEW, given["y_val"])
    model = TransformedTargetRegressor(
        MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0), func=np.log1p, inverse_func=np.expm1
    )
    model.fit(X, np.exp(X[:, 0]), X_val=X_NEW, y_val=np.log1p(np.exp(X_NEW[:, 0])))
    expected = MLPRegressor(hidden_layer_sizes=(7,), max_iter=3, random_state=0).fit(
        X, np.log1p(np.exp(X[:, 0])), eval_set=(X_NEW, np.log1p(np.exp(X_NEW[:, 0])))
    )
    assert_same_history(model.regressor_, expected, rtol=1e-12)


def test_a_search_over_a_pipeline_transforms_x_val(routing):
    mlp = MLPClassifier((7,), max_iter=3, random_state=0).set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(StandardScaler(), mlp, transform_input=["X_val"])
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.0, 1.0]}, cv=2)
    best = search.fit(far(X), labels(X, 3), X_val=far(X_NEW), y_val=labels(X_NEW, 3)).best_estimator_
    assert last(best[-1], "validation_score") == best.score(far(X_NEW), labels(X_NEW, 3))


def test_several_labels_and_strings_in_y_val():
    Y, Y_new = (X > 0).astype(int), (X_NEW > 0).astype(int)
    what = {"hidden_layer_sizes": (7,), "tol": 1.0, "n_iter_no_change": 1, "random_state": 0}
    model = MLPClassifier(**what).fit(X, Y, X_val=X_NEW, y_val=scipy.sparse.csr_array(Y_new))
    assert last(model, "validation_score") == model.score(X_NEW, Y_new)
    words = np.array(["no", "perhaps", "yes"])
    model.fit(X, words[labels(X, 3)], X_val=X_NEW, y_val=words[labels(X_NEW, 3)].tolist())
    assert last(model, "validation_score") == model.score(X_NEW, words[labels(X_NEW, 3)])


# ---- what is no finite number ----------------------------------------------------------------------------------------

RARE = (np.arange(200) < 4).astype(int)
X_RARE = np.random.default_rng(2).standard_normal((200, 4)) + 3 * RARE[:, np.newaxis]
BRIEF = dict(max_iter=60, random_state=0)


def said(call):
    """What a call warns of, but for ConvergenceWarning."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [warning for warning in found if warning.category is not ConvergenceWarning]


def test_early_stopping_by_a_score_that_is_never_defined_trains_as_without():
    model = MLPClassifier(early_stopping=True, scoring="roc_auc", random_state=0)
    found = said(lambda: model.fit(X_RARE, RARE))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    message = str(found[0].message)
    assert "validation_roc_auc: no finite number in 200 of 200 epochs, since all rows to judge by are of one" in message
    assert "the model is that of the last one: hold out more rows (validation_fraction)" in message
    assert model.n_iter_ == 200
    assert roc_auc_score(RARE, model.predict_proba(X_RARE)[:, 1]) > 0.99
    plain = MLPClassifier(random_state=0).fit(X_RARE, RARE)
    assert roc_auc_score(RARE, plain.predict_proba(X_RARE)[:, 1]) > 0.99


@pytest.mark.parametrize(
    ("scoring", "n_classes", "reason"),
    [
        ("neg_log_loss", 1, "all rows to judge by are of one class, 0 .its scorer raised ValueError: y_true contains"),
        ("roc_auc_ovr", 2, "the rows to judge by have none of class 2"),
        (lambda model, X, y: np.nan, 3, "its scorer gives NaN"),
        (lambda model, X, y: np.inf, 3, "it is too large for a number"),
        (lambda model, X, y: -np.inf, 3, "it is too large for a number"),
        (lambda model, X, y: np.float64(0) / np.float64(0), 3, "its scorer gives NaN"),
        (lambda model, X, y: 1 / 0, 3, "its scorer raised ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize(
    "what",
    [
        {"early_stopping": True},
        {"callbacks": [EarlyStopping("validation_score", mode="max", patience=2)]},
        {"callbacks": [ReduceOnPlateau("validation_score", mode="max", patience=1)]},
        {"early_stopping": True, "solver": "sgd", "learning_rate": "reduce_on_plateau"},
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_never_the_best(what, scoring, n_classes, reason):
    y = labels(X, 3)
    keep = labels(X_NEW, 3) < n_classes
    scoring = {"score": scoring}
    model = MLPClassifier((7,), scoring=scoring, max_iter=30, random_state=0, **copy.deepcopy(what))
    found = said(lambda: model.fit(X, y, eval_set=(X_NEW[keep], labels(X_NEW, 3)[keep])))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert re.search(f"validation_score: no finite number in 30 of 30 epochs, since {reason}", str(found[0].message))
    without = {"early_stopping": False, "callbacks": None, "scoring": None, "learning_rate": "constant"}
    plain = clone(model).set_params(**without).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert set(model.history_["learning_rate"]) == {0.001}


@pytest.mark.parametrize("sample_weight", [None, [1.0, 0.0, 0.0]])
def test_r2_of_a_single_row(sample_weight):
    n = 1 if sample_weight is None else 3
    model = MLPRegressor(early_stopping=True, scoring=None if n == 1 else lambda *_, **__: np.nan, **BRIEF)
    weights = () if sample_weight is None else (np.array(sample_weight),)
    found = said(lambda: model.fit(X, X[:, 0], eval_set=(X_NEW[:n], X_NEW[:n, 0], *weights)))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert "since there is but one row to judge by." in str(found[0].message)
    plain = MLPRegressor(**BRIEF).fit(X, X[:, 0])
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("values", [[0.5, np.nan, 0.6, np.nan], [np.nan, 0.5, np.nan, np.nan], [np.nan] * 4], ids=str)
def test_the_best_is_the_best_of_what_could_be_judged(values):
    given = iter(values)
    model = MLPClassifier(early_stopping=True, scoring=lambda *_: next(given), max_iter=4, random_state=0)
    found = said(lambda: model.fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2))))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert f"in {np.isnan(values).sum()} of 4 epochs" in str(found[0].message)
    best = 4 if np.isnan(values).all() else np.nanargmax(values) + 1
    shorter = MLPClassifier(max_iter=best, random_state=0).fit(X, labels(X, 2))
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])


def test_epochs_that_cannot_be_judged_count_once_there_is_a_best():
    given = iter([0.5, *[np.nan] * 50])
    model = MLPClassifier(early_stopping=True, scoring=lambda *_: next(given), n_iter_no_change=3, random_state=0)
    assert len(said(lambda: model.fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2))))) == 1
    assert model.n_iter_ == 5


def test_one_metric_that_fails_leaves_the_others():
    scoring = ["neg_log_loss", "accuracy", "roc_auc"]
    model = MLPClassifier(early_stopping=True, scoring=scoring, max_iter=5, random_state=0)
    found = said(lambda: model.fit(X_RARE, RARE))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert np.isnan(model.history_["validation_neg_log_loss"]).all()
    assert np.isnan(model.history_["validation_roc_auc"]).all()
    assert np.isfinite(model.history_["validation_accuracy"]).all()
    assert "accuracy" not in str(found[0].message)


@pytest.mark.parametrize(("loss", "times"), [("squared_error", 1e38), ("poisson", 1e5)])
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", {"a": "r2", "b": "neg_max_error"}], ids=str)
def test_outputs_that_are_not_finite(scoring, loss, times):
    """Of samples that are too large, for the network or for the link, while training is sound."""
    model = MLPRegressor(loss, (), learning_rate_init=1.0, scoring=scoring, callbacks=[EarlyStopping()], **BRIEF)
    y, y_new = (10 + X[:, 0], 10 + X_NEW[:, 0]) if loss == "poisson" else (100 * X[:, 0], X_NEW[:, 0])
    found = said(lambda: model.fit(X.astype(np.float32), y, eval_set=(times * X_NEW, y_new)))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert "since the network's outputs are not finite." in str(found[0].message)
    names = [name for name in model.history_ if name.startswith("validation")]
    assert len(names) == 3 if isinstance(scoring, dict) else 2
    assert not any(np.isfinite(model.history_[name][-1]) for name in names)


def test_labels_that_are_alike_in_all_rows():
    y = (X[:, :2] > 0).astype(int)
    y_new = np.c_[np.ones(50, int), X_NEW[:, 1] > 0].astype(int)
    model = MLPClassifier(scoring="roc_auc", early_stopping=True, max_iter=5, random_state=0)
    found = said(lambda: model.fit(X, y, eval_set=(X_NEW, y_new)))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert "all rows to judge by are alike in label 0" in str(found[0].message)


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "f1_macro"])
def test_scikit_learns_remarks_do_not_come_with_every_epoch(scoring):
    model = MLPClassifier(scoring=scoring, max_iter=5, random_state=0)
    assert said(lambda: model.fit(X, labels(X, 2), eval_set=(X_NEW, np.zeros(50, int)))) == []
    assert np.isfinite(model.history_[f"validation_{scoring}"]).all()


@pytest.mark.parametrize("scoring", ["average_precision", "recall", ["accuracy", "recall"]], ids=str)
def test_what_scikit_learn_calls_undefined_for_one_class_is_no_score(scoring):
    """It gives 0 in every epoch, of which the first would be the best."""
    model = MLPClassifier(early_stopping=True, scoring=scoring, max_iter=20, random_state=0)
    y, y_new = labels(X, 2), np.zeros(50, int)
    if scoring == ["accuracy", "recall"]:
        model.set_params(early_stopping=False)
    found = said(lambda: model.fit(X, y, eval_set=(X_NEW, y_new)))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    name = f"validation_{scoring if isinstance(scoring, str) else 'recall'}"
    expected = f"{name}: no finite number in 20 of 20 epochs, since all rows to judge by are of one class, 0."
    assert str(found[0].message).startswith(expected)
    plain = MLPClassifier(max_iter=20, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])


def test_users_who_make_errors_of_warnings_get_those_of_their_scorers():
    def scorer(model, X, y):
        warnings.warn("What a day.", UserWarning, stacklevel=1)
        return 0.5

    model = MLPClassifier(scoring=scorer, max_iter=2, random_state=0)
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="What a day"):
        warnings.simplefilter("error")
        model.fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2)))


@pytest.mark.parametrize("scoring", [None, "r2", "explained_variance", "d2_absolute_error_score"])
@pytest.mark.parametrize("weights", [None, np.where(np.arange(50) < 20, 1.0, 0.0)], ids=["plain", "weighted"])
def test_targets_that_are_all_the_same_tell_no_epoch_from_another(scoring, weights):
    """Where R^2 divides by 0, scikit-learn gives 0 in every epoch, of which the first would be the best."""
    y_new = np.full(50, 2.0)
    if weights is not None:
        y_new[weights == 0] = np.arange(30)
    model = MLPRegressor(hidden_layer_sizes=(5,), early_stopping=True, scoring=scoring, **BRIEF)
    found = said(lambda: model.fit(X, X[:, 0], eval_set=(X_NEW, y_new, *(() if weights is None else (weights,)))))
    assert [warning.category for warning in found] == [UndefinedScoreWarning]
    assert "no finite number in 60 of 60 epochs, since all targets to judge by are the same." in str(found[0].message)
    plain = MLPRegressor(hidden_layer_sizes=(5,), **BRIEF).fit(X, X[:, 0])
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(("cls", "scoring"), [(MLPClassifier, None), (MLPRegressor, None), (MLPRegressor, "r2")])
def test_nothing_is_said_of_targets_that_are_all_the_same_in_training_too(cls, scoring):
    """No epoch is better than another then; scikit-learn, whose tests have such data, gives no warning."""
    model = cls(hidden_layer_sizes=(5,), early_stopping=True, scoring=scoring, max_iter=20, random_state=0)
    assert said(lambda: model.fit(X, np.zeros(len(X), int))) == []
    assert np.isfinite(model.validation_scores_).all()


def test_errors_are_judged_by_targets_that_are_all_the_same():
    model = MLPRegressor(early_stopping=True, scoring="neg_mean_absolute_error", max_iter=5, random_state=0)
    assert said(lambda: model.fit(X, X[:, 0], eval_set=(X_NEW, np.full(50, 2.0)))) == []
    assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("value", [None, "0.5", 0.5j, [0.5, 0.6]], ids=str)
def test_a_score_that_is_no_number_names_scoring(value):
    model = MLPClassifier(scoring=lambda *_: value, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=re.escape(f"scoring must give a real number for 'score'; got {value!r}.")):
        model.fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2)))


def test_a_scorer_that_is_wrong_is_an_error():
    model = MLPClassifier(scoring="precision", max_iter=5, random_state=0)
    with pytest.raises(ValueError, match="Target is multiclass but average='binary'"):
        model.fit(X, labels(X, 3), eval_set=(X_NEW, labels(X_NEW, 3)))
    with pytest.raises(KeyError):
        model.set_params(scoring=lambda *_: {}["score"]).fit(X, labels(X, 3), eval_set=(X_NEW, labels(X_NEW, 3)))


def test_a_checkpoint_of_the_last_epoch_where_none_could_be_judged(tmp_path):
    path = tmp_path / "model"
    callback = ModelCheckpoint(path, save_best_only=True, monitor="validation_score")
    model = MLPRegressor(callbacks=[callback], max_iter=5, random_state=0)
    said(lambda: model.fit(X, X[:, 0], eval_set=(X_NEW[:1], X_NEW[:1, 0])))
    np.testing.assert_array_equal(fastmlp.load(path).predict(X), model.predict(X))


def test_a_warm_start_that_cannot_be_judged_keeps_the_fit_before():
    given = iter([0.9, *[np.nan] * 4])
    model = MLPClassifier(early_stopping=True, scoring=lambda *_: next(given), max_iter=1, random_state=0)
    model.set_params(warm_start=True).fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2)))
    before = model.coefs_[0].copy()
    said(lambda: model.set_params(max_iter=4).fit(X, labels(X, 2), eval_set=(X_NEW, labels(X_NEW, 2))))
    np.testing.assert_array_equal(model.coefs_[0], before)
