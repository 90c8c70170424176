"""The estimators for tables as estimators: scikit-learn's checks, parameters, rows, bits, callbacks, errors."""

import io
import pickle
import re
import signal
import threading
import time
import unittest
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.callbacks import Callback, CSVLogger, EarlyStopping, LayerStatistics
from fastmlp.exceptions import (
    CoverageWarning,
    IgnoredParameterWarning,
    TimeLimitWarning,
    UnknownCategoriesWarning,
    UnusedColumnsWarning,
    warn_user,
)
from fastmlp.tabular import base
from tests.tabular.problems import BOTH, arrays_in, fitted, outputs, problem, small, table

# ---- scikit-learn's checks -------------------------------------------------------------------------------------------

# Rows of weight 2 are not two rows: orders, folds, bins and minibatches are of rows, whatever they weigh.
EXPECTED = {"check_sample_weight_equivalence_on_dense_data"}


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings and look at those they mean
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}-{i}")
        for cls in BOTH
        for i, (estimator, check) in enumerate(estimator_checks_generator(cls(effort="fast"), legacy=True))
    ],
)
def test_check_estimator(small_effort, estimator, check):
    if check.func.__name__ in EXPECTED:
        with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
            check(estimator)
        return
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        assert check.func.__name__ == "check_array_api_input", reason


def test_parameters_are_kept_and_cloned(cls):
    estimator = cls(effort="best", time_limit=5, cv=KFold(3), n_jobs=2, callbacks=[EarlyStopping(patience=3)])
    copy = clone(estimator)
    assert copy.get_params()["callbacks__0__patience"] == 3
    assert copy.cv.n_splits == 3
    assert copy.callbacks[0] is not estimator.callbacks[0]
    assert copy.set_params(effort="fast", callbacks__0__patience=4).effort == "fast"
    assert estimator.effort == "best"


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("n_estimators", "effort"),
        ("seed", "Did you mean 'random_state'?"),
        ("cat_features", "Did you mean 'categorical_features'?"),
        ("time_budget", "Did you mean 'time_limit'?"),
        ("early_stopping", "cv says how many"),
        ("eval_metric", "Did you mean 'scoring'?"),
        ("groups", "fit(X, y, groups=...)"),
        ("sample_weight", "fit(X, y, sample_weight=...)"),
        ("gpu", "on the CPU"),
        ("nfolds", "Did you mean 'cv'?"),
    ],
)
def test_wrong_keywords_are_answered_with_the_right_ones(cls, keyword, hint):
    with pytest.raises(TypeError, match=re.escape(hint)):
        cls(**{keyword: 1})
    with pytest.raises(ValueError, match=re.escape(hint)):
        cls().set_params(**{keyword: 1})


def test_wrong_keywords_of_fit_are_answered_with_the_right_ones(cls):
    X, y = problem(cls)
    with pytest.raises(TypeError, match=re.escape(f"{cls.__name__}(effort=...)")):
        cls().fit(X, y, effort="fast")
    with pytest.raises(TypeError, match=re.escape("fit(X, y, X_val=..., y_val=...)")):
        cls().fit(X, y, eval_set=(X, y))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"effort": "most"}, "'effort' parameter"),
        ({"time_limit": 0}, "'time_limit' parameter"),
        ({"max_categories": 0}, "'max_categories' parameter"),
        ({"cv": 1}, "'cv' parameter"),
        ({"cv": "folds"}, "'cv' parameter"),
        ({"scoring": "acuracy"}, "Did you mean 'accuracy'"),
        ({"callbacks": EarlyStopping()}, "'callbacks' parameter"),
        ({"callbacks": ["stop"]}, "callbacks must be objects of fastmlp.callbacks.Callback; got 'stop'"),
        ({"callbacks": [EarlyStopping(), CSVLogger("f")]}, "CSVLogger is for a single network.* one file.* history_"),
        ({"callbacks": [LayerStatistics()]}, "LayerStatistics is for a single network.* is not kept.* history_"),
        ({"n_jobs": 0}, "n_jobs must not be 0"),
        ({"random_state": "seed"}, "'random_state' parameter"),
        ({"categorical_features": ["town"]}, "town"),
    ],
)
def test_wrong_parameters(cls, parameters, message):
    if "scoring" in parameters and cls is TabularRegressor:
        parameters, message = {"scoring": "rmse"}, "Did you mean 'neg_root_mean_squared_error'"
    X, y = problem(cls)
    estimator = small(cls, **parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


# ---- tools of scikit-learn -------------------------------------------------------------------------------------------


def test_pipelines_searches_and_inspection(small_effort, cls):
    X, y = problem(cls)
    pipeline = make_pipeline(FunctionTransformer(), small(cls)).set_output(transform="pandas").fit(X, y)
    assert np.array_equal(outputs(pipeline[-1], X), outputs(small(cls).fit(X, y), X))
    search = GridSearchCV(small(cls), {"max_categories": [1, 10]}, cv=2).fit(X, y)
    scores = [np.mean(cross_val_score(small(cls, max_categories=n), X, y, cv=2)) for n in (1, 10)]
    assert search.cv_results_["mean_test_score"].tolist() == scores
    importances = permutation_importance(search.best_estimator_, X, y, n_repeats=2, random_state=0).importances_mean
    assert importances.argmax() == 0
    target = {"target": "low"} if cls is TabularClassifier else {}
    display = PartialDependenceDisplay.from_estimator(
        pipeline, X, ["a", "city"], categorical_features=["city"], grid_resolution=3, **target
    )
    assert display.pd_results[0]["average"].shape[-1] == 3


def test_set_output_is_for_transformers_alone(cls):
    assert not hasattr(cls(), "set_output")


def test_metadata_is_routed(small_effort, cls):
    X, y = problem(cls)
    weights, groups = np.linspace(0, 1, len(y)), np.arange(len(y)) // 5
    with sklearn.config_context(enable_metadata_routing=True):
        routed = small(cls).set_fit_request(sample_weight=True, groups=True).set_score_request(sample_weight=True)
        scores = cross_validate(
            make_pipeline(FunctionTransformer(), routed),
            X,
            y,
            cv=GroupKFold(2),
            params={"sample_weight": weights, "groups": groups},
            return_estimator=True,
            return_indices=True,
        )
        learned = scores["indices"]["train"][0]
        expected = small(cls).fit(X.iloc[learned], y[learned], weights[learned], groups=groups[learned])
        assert np.array_equal(outputs(scores["estimator"][0][-1], X), outputs(expected, X))
        pipeline = make_pipeline(
            FunctionTransformer(), small(cls).set_fit_request(X_val=True, y_val=True), transform_input=["X_val"]
        )
        pipeline.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    expected = small(cls).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert np.array_equal(outputs(pipeline[-1], X), outputs(expected, X))


def _through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return joblib.load(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), _through_joblib], ids=["pickle", "joblib"])
def test_pickles_predict_the_same(cls, copied):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    copy = copied(estimator)
    assert np.array_equal(outputs(copy, X), outputs(estimator, X))
    assert np.array_equal(copy.oof_predictions_, estimator.oof_predictions_, equal_nan=True)


def test_no_training_rows_are_kept_but_predictions_for_them(cls):
    """No array is as long as the rows are, or those of a fold; a number of trees may be by chance, but not thrice."""
    found = []
    for n in (157, 221, 253):
        X, y = problem(cls, n)
        estimator = small(cls).fit(X, y)
        # Of tables as small as this one, the quantiles of errors are all of them, sorted.
        kept = vars(estimator) | dict.fromkeys(("oof_predictions_", "_residuals", "_true_scores"))
        lengths = {length for array in arrays_in(kept) for length in array.shape}
        of_rows = {"all": n, "learned": n - n // 4, "one less": n - n // 4 - 1, "left": n // 4, "one more": n // 4 + 1}
        found.append({what for what, length in of_rows.items() if length in lengths})
        assert len(estimator.oof_predictions_) == n
    assert not set.intersection(*found)


# ---- tables and targets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [pl.from_pandas, pa.Table.from_pandas, lambda X: X.convert_dtypes(), lambda X: X.astype({"city": "category"})],
    ids=["polars", "pyarrow", "nullable", "category"],
)
def test_tables_of_any_library_are_the_same(small_effort, cls, given):
    X, y = problem(cls)
    expected = outputs(fitted(cls), X)
    assert np.array_equal(outputs(small(cls).fit(given(X), y), given(X)), expected)
    assert np.array_equal(outputs(fitted(cls), given(X)), expected)


@pytest.mark.parametrize("given", [pd.Series, pl.Series, pa.array, list, np.asarray])
def test_targets_of_any_library_are_the_same(small_effort, cls, given):
    X, y = problem(cls)
    expected = fitted(cls)
    estimator = small(cls).fit(X, given(y.tolist()))
    assert np.array_equal(outputs(estimator, X), outputs(expected, X))
    assert estimator.score(X, given(y.tolist())) == expected.score(X, y)


def test_a_column_of_targets_is_a_vector(small_effort, cls):
    X, y = problem(cls)
    with pytest.warns(sklearn.exceptions.DataConversionWarning):
        estimator = small(cls).fit(X, y.reshape(-1, 1))
    assert estimator.predict(X).shape == y.shape
    with warnings.catch_warnings(action="ignore"):
        assert estimator.score(X, y.reshape(-1, 1)) == estimator.score(X, y)


def test_arrays_lists_and_names_that_are_numbers(small_effort, cls):
    X, y = problem(cls)
    numbers = X[["a", "b"]].to_numpy()
    expected = outputs(small(cls).fit(numbers, y), numbers)
    assert np.array_equal(outputs(small(cls).fit(numbers.tolist(), y), numbers.tolist()), expected)
    frame = pd.DataFrame(numbers)
    estimator = small(cls).fit(frame, y)
    assert np.array_equal(outputs(estimator, frame), expected)
    assert not hasattr(estimator, "feature_names_in_")


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_no_rows_one_row_one_column(small_effort, cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="0 sample"):
        small(cls).fit(X[:0], y[:0])
    with pytest.raises(ValueError, match="n_samples=1"):
        small(cls).fit(X[:1], y[:1])
    estimator = small(cls).fit(X[["a"]], y)
    assert estimator.score(X[["a"]], y) > 0.5
    assert outputs(estimator, X[["a"]][:1]).shape[0] == 1
    with pytest.raises(ValueError, match="0 sample"):
        estimator.predict(X[["a"]][:0])


def test_two_and_three_rows(small_effort, cls):
    X, y = problem(cls)
    rows = [0, 1, 2] if cls is TabularRegressor else [*np.flatnonzero(y == "low")[:2], np.flatnonzero(y == "high")[0]]
    X, y = X.iloc[rows][["a"]], y[rows]
    estimator = small(cls).fit(X, y)
    assert len(estimator.predict(X)) == 3
    if cls is TabularRegressor:
        assert len(small(cls).fit(X[:2], y[:2]).predict(X)) == 3


def test_a_column_that_is_there_twice(cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="'a'"):
        small(cls).fit(pd.concat([X, X["a"]], axis=1), y)


def test_estimators_without_a_fit_say_so(cls):
    X, y = problem(cls)
    for method in ("predict", "predict_proba", "predict_set", "predict_interval", "explain", "score", "predictor"):
        if hasattr(cls, method):
            arguments = {"score": (X, y), "predictor": ()}.get(method, (X,))
            with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted yet"):
                getattr(cls(), method)(*arguments)


@pytest.mark.parametrize("coverage", [0, 1, -0.5, float("nan"), "0.9", None, [0.5, 0.9]])
def test_wrong_coverages(small_effort, cls, coverage):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    with pytest.raises(ValueError, match=re.escape(f"coverage must be a number between 0 and 1; got {coverage!r}.")):
        getattr(estimator, "predict_set" if cls is TabularClassifier else "predict_interval")(X, coverage)


def test_wrong_targets_to_validate_on_are_called_y_val(cls):
    X, y = problem(cls)
    is_classifier = cls is TabularClassifier
    of_one, of_two = ("has the label 'new' in row 0", "has 2") if is_classifier else ("holds texts", "must have 1")
    wrong = {
        "Input y_val contains NaN: 1 of 90 targets is missing": [None, *y[1:]],
        "y_val must be an array": [],
        f"y_val {of_two} target": np.stack([y, y], axis=1),
        f"y_val {of_one}": np.array(["new", *y[1:]], dtype=object) if is_classifier else ["new"] * len(y),
    }
    for message, y_val in wrong.items():
        with pytest.raises(ValueError, match=message):
            small(cls).fit(X, y, X_val=X, y_val=y_val)


def test_columns_without_values(small_effort, cls):
    X, y = problem(cls)
    with pytest.warns(UnusedColumnsWarning, match="'empty': its values are all missing"):
        estimator = small(cls).fit(X.assign(empty=np.nan), y)
    assert np.array_equal(outputs(estimator, X.assign(empty=np.nan)), outputs(small(cls).fit(X, y), X))
    with pytest.raises(ValueError, match=r"X has no column to learn from.*all missing"):
        small(cls).fit(pd.DataFrame({"empty": np.full(len(y), np.nan)}), y)


def test_rows_without_values_are_predicted(small_effort, cls):
    X, y = problem(cls)
    nothing = pd.DataFrame({"a": [np.nan], "b": [np.nan], "city": [None]})
    assert np.isfinite(np.asarray(outputs(small(cls).fit(X, y), nothing), float)).all()


def test_unknown_categories_are_counted_in_one_warning(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    unknown = X.assign(city=["Rom", "Oslo", *X["city"][2:]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = estimator.predict(unknown)
    assert [each.category for each in caught] == [UnknownCategoriesWarning]
    assert re.search(r"\b2\b.*'city'|'city'.*\b2\b", str(caught[0].message))
    assert caught[0].filename == __file__
    assert np.array_equal(found, estimator.predict(X.assign(city=[None, None, *X["city"][2:]])))


@pytest.mark.parametrize("form", [lambda row: row, pl.from_pandas, lambda row: row.astype({"city": "category"})])
def test_unknown_categories_of_single_rows_are_said_once_for_each_line(small_effort, cls, form):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    rows = [form(X[i : i + 1].assign(city=city)) for i, city in enumerate(["Rom", "Oslo", "Bern"])]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for row in rows:
            estimator.predict(row)
        estimator.predict(rows[0])
    assert [str(each.message) for each in caught] == [
        "There are categories that training did not see; they count as missing: 'city'."
    ] * 2


@pytest.mark.filterwarnings("default")
def test_warnings_of_names_point_at_the_line(small_effort, cls):
    X, y = problem(cls)
    X = X[["a", "b"]]
    of = cls.__name__
    with pytest.warns(UserWarning, match=f"^X does not have valid feature names, but {of} was fitted with") as caught:
        small(cls).fit(X, y).predict(X.to_numpy())
    assert [each.filename for each in caught] == [__file__]
    with pytest.warns(UserWarning, match=f"^X has feature names, but {of} was fitted without feature") as caught:
        small(cls).fit(X.to_numpy(), y).predict(X.set_axis(["x0", "x1"], axis=1))
    assert [each.filename for each in caught] == [__file__]


def test_types_that_have_changed(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    with pytest.raises(ValueError, match="type of column 'a' has changed"):
        estimator.predict(X.assign(a=X["a"].astype(str)))
    with pytest.raises(ValueError, match="type of column 'city' has changed"):
        estimator.predict(X.assign(city=1.5))


def test_infinite_numbers(small_effort, cls):
    X, y = problem(cls)
    wrong = X.assign(a=[np.inf, *X["a"][1:]])
    with pytest.raises(ValueError, match=r"infinity.*column 'a' in row 0"):
        small(cls).fit(wrong, y)
    estimator = small(cls).fit(X, y)
    with pytest.raises(ValueError, match=r"infinity.*column 'a' in row 0"):
        estimator.predict(wrong)


def test_many_categories(small_effort, cls):
    n = 100_000
    X = pd.DataFrame({"user": np.arange(2 * n) % n, "a": np.tile([0.0, 1.0], n)})
    X["user"] = X["user"].astype(str)
    y = X["a"].to_numpy() if cls is TabularRegressor else X["a"].astype(int).to_numpy()
    with pytest.warns(TimeLimitWarning):
        estimator = small(cls, time_limit=0.1).fit(X, y)
    assert estimator.columns_.n_categories_ == [1000]
    assert estimator.predict(X[:1000]).shape == (1000,)


@pytest.mark.parametrize("y_is", ["short", "missing", "none"])
def test_targets_that_are_missing(cls, y_is):
    X, y = problem(cls)
    if y_is == "short":
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            small(cls).fit(X, y[:-1])
    elif y_is == "missing":
        with pytest.raises(ValueError, match="1 of 90 targets is missing, the first in row 1"):
            small(cls).fit(X, [y[0], None, *y[2:]])
    else:
        with pytest.raises(ValueError, match="requires y to be passed"):
            small(cls).fit(X, None)


# ---- weights, groups, folds ------------------------------------------------------------------------------------------


def test_rows_of_zero_weight_do_not_count(small_effort, cls):
    """Targets of rows without weight, however wild, change nothing."""
    X, y = problem(cls)
    weights = np.where(np.arange(len(y)) % 3, 1.0, 0.0)
    other = np.where(weights > 0, y, "low" if cls is TabularClassifier else 1e6)
    found, expected = (small(cls, cv=KFold(3)).fit(X, each, weights) for each in (other, y))
    assert np.array_equal(outputs(found, X), outputs(expected, X))
    assert found.oof_score_ == expected.oof_score_
    assert np.array_equal(found.feature_importances_, expected.feature_importances_)
    for coverage in (0.5, 0.9):
        covers = [
            getattr(e, "predict_interval" if cls is TabularRegressor else "predict_set") for e in (found, expected)
        ]
        assert np.array_equal(*(np.asarray(cover(X, coverage)) for cover in covers))


def test_few_rows_of_some_weight(small_effort, cls):
    X, y = problem(cls)
    weights = np.zeros(len(y))
    rows = np.flatnonzero(y == "low")[:2].tolist() + np.flatnonzero(y == "high")[:2].tolist()
    weights[rows if cls is TabularClassifier else [3, 50]] = 1
    estimator = small(cls).fit(X, y, weights)
    assert estimator.ensembles_[0].n_folds_ in (2, 3, 4)
    weights[:] = 0
    with pytest.raises(ValueError, match="at least one non-zero"):
        small(cls).fit(X, y, weights)
    weights[5] = 1
    with pytest.raises(ValueError, match="a weight above 0: none can be left out"):
        small(cls).fit(X, y, weights)
    weights[:] = 1
    weights[:30] = 0
    with pytest.raises(ValueError, match="0 for all rows that fold 0 leaves out"):
        small(cls, cv=KFold(3)).fit(X, y, weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.ones(3), "3"), (-np.ones(90), "[Nn]egative"), (np.full(90, np.nan), "NaN"), (np.ones((90, 2)), "1D or 2D|2D")],
)
def test_wrong_weights(cls, weights, message):
    X, y = problem(cls)
    with pytest.raises(ValueError, match=message):
        small(cls).fit(X, y, weights)


def test_groups_are_left_out_together(small_effort, cls):
    X, y = problem(cls)
    groups = pd.Series(np.arange(len(y)) // 9).astype(str)
    estimator = small(cls).fit(X, y, groups=groups)
    assert estimator.ensembles_[0].n_folds_ == 3
    assert np.isfinite(estimator.oof_predictions_).all()
    with pytest.raises(ValueError, match="got a single one"):
        small(cls).fit(X, y, groups=np.zeros(len(y)))
    with pytest.raises(ValueError, match=r"groups must be of shape \(90,\)"):
        small(cls).fit(X, y, groups=np.zeros(3))
    with pytest.raises(ValueError, match="no group for row 1"):
        small(cls).fit(X, y, groups=["a", None, *"b" * 88])


def test_rows_that_a_splitter_never_leaves_out_have_no_prediction(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls, cv=TimeSeriesSplit(4)).fit(X, y)
    known = np.isfinite(estimator.oof_predictions_.reshape(len(y), -1)).all(axis=1)
    assert known.tolist() == [False] * 18 + [True] * 72
    assert np.isfinite(estimator.oof_score_)
    assert len(estimator.members_) == 4


def test_splits_that_are_given_one_by_one(small_effort, cls):
    X, y = problem(cls)
    expected = outputs(small(cls, cv=KFold(3)).fit(X, y), X)
    splits = list(KFold(3).split(X))
    assert np.array_equal(outputs(small(cls, cv=splits).fit(X, y), X), expected)
    assert np.array_equal(outputs(small(cls, cv=iter(splits)).fit(X, y), X), expected)


def test_rows_to_validate_on(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert len(estimator.oof_predictions_) == 30
    assert len(estimator.members_) == 3
    found = outputs(estimator, X[60:])
    np.testing.assert_allclose(estimator.oof_predictions_, found, rtol=1e-5)
    assert estimator.oof_score_ == pytest.approx(estimator.score(X[60:], y[60:]))
    # What is validated on is not learned from, nor are its numbers.
    for name, encoder in estimator.encoding_.encoders_.items():
        alone = small(cls).fit(X[:60], y[:60]).encoding_.encoders_[name]
        for one, other in zip(arrays_in(vars(encoder)), arrays_in(vars(alone)), strict=True):
            assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="y_val was not provided"):
        small(cls).fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val was not provided"):
        small(cls).fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="X_val and y_val must have as many rows"):
        small(cls).fit(X, y, X_val=X, y_val=y[1:])
    with pytest.warns(IgnoredParameterWarning, match="groups has no effect"):
        small(cls).fit(X, y, X_val=X, y_val=y, groups=np.arange(90))


def test_weights_of_rows_to_validate_on(small_effort, cls):
    X, y = problem(cls)
    weights = np.where(np.arange(30) < 15, 1.0, 0.0)
    estimator = small(cls).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=weights)
    assert estimator.oof_score_ == pytest.approx(estimator.score(X[60:75], y[60:75]))


# ---- seeds and threads -----------------------------------------------------------------------------------------------


def test_any_number_of_threads_gives_the_same_bits(several_kinds, cls):
    X, y = problem(cls)
    first = small(cls, n_jobs=1).fit(X, y)
    for n_jobs in (2, 3, -1, None):
        other = small(cls, n_jobs=n_jobs).fit(X, y)
        assert np.array_equal(outputs(other, X), outputs(first, X))
        assert np.array_equal(other.oof_predictions_, first.oof_predictions_)
        assert [record["fold"] for record in other.history_] == [record["fold"] for record in first.history_]


def test_the_order_in_which_threads_finish_does_not_matter(cls, monkeypatch):
    """Members wait for those after them: the last one of a kind is the first to be finished."""
    X, y = problem(cls)
    first = small(cls, n_jobs=4).fit(X, y)
    done = [threading.Event() for _ in range(4)]
    trained = base.TargetEnsemble._trained

    def reversed_order(self, kind, f, *arguments):
        if f < 3:
            assert done[f + 1].wait(60)
        found = trained(self, kind, f, *arguments)
        done[f].set()
        return found

    monkeypatch.setattr(base.TargetEnsemble, "_trained", reversed_order)
    other = small(cls, n_jobs=4).fit(X, y)
    assert np.array_equal(outputs(other, X), outputs(first, X))
    assert pickle.dumps(other.ensembles_[0].trees_) == pickle.dumps(first.ensembles_[0].trees_)


def test_seeds(small_effort, cls):
    X, y = problem(cls)
    zero = outputs(small(cls).fit(X, y), X)
    assert not np.array_equal(outputs(small(cls, random_state=1).fit(X, y), X), zero)
    assert np.array_equal(outputs(small(cls, random_state=np.random.RandomState(0)).fit(X, y), X), zero)
    one, two = (outputs(small(cls, random_state=None).fit(X, y), X) for _ in range(2))
    assert not np.array_equal(one, two)


# ---- progress and callbacks ------------------------------------------------------------------------------------------


def test_one_bar_for_all_members(several_kinds, cls, capsys):
    X, y = problem(cls)
    small(cls, verbose=True, n_jobs=2).fit(X, y)
    error = capsys.readouterr().err
    assert re.search(rf"{cls.__name__}: 100%.* 6/6 .*loss=", error)
    assert "epoch" not in error
    assert error.endswith("\n")
    small(cls).fit(X, y)
    assert capsys.readouterr() == ("", "")


class Watching(Callback):
    """Counts its epochs, and keeps each fit's in a list that all copies share."""

    seen: list = []

    def on_fit_begin(self, fit):
        self.n_epochs = 0

    def on_epoch_end(self, fit):
        self.n_epochs += 1

    def on_fit_end(self, fit):
        Watching.seen.append((self, self.n_epochs, fit.epoch))


def test_each_member_has_copies_of_callbacks(small_effort, cls):
    X, y = problem(cls)
    Watching.seen = []
    callback = Watching()
    small(cls, callbacks=[callback], n_jobs=3).fit(X, y)
    assert len({id(each) for each, _, _ in Watching.seen}) == 3
    assert all(counted == epochs for _, counted, epochs in Watching.seen)
    assert vars(callback) == {}


def assert_threads_end():
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(30)
            assert not thread.is_alive()


class Failing(Callback):
    """Fails in the third epoch of the second member of all."""

    begun = 0
    lock = threading.Lock()

    def on_fit_begin(self, fit):
        with Failing.lock:
            Failing.begun += 1
            self.fails = Failing.begun == 2

    def on_epoch_end(self, fit):
        if self.fails and fit.epoch == 3:
            raise ZeroDivisionError("on purpose")


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_callback_that_fails_changes_nothing(small_effort, cls, n_jobs):
    X, y = problem(cls)
    estimator = small(cls, n_jobs=n_jobs).fit(X, y)
    before, state = outputs(estimator, X), dict(vars(estimator))
    Failing.begun = 0
    estimator.set_params(callbacks=(failing := [Failing()]))
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        estimator.fit(X[["a", "b"]][::-1], y)
    assert vars(estimator) == state | {"callbacks": failing}
    assert np.array_equal(outputs(estimator, X), before)
    assert_threads_end()


class Interrupting(Callback):
    """Presses Ctrl-C in the second epoch of all, and counts epochs, which are slow from then on."""

    epochs = 0
    lock = threading.Lock()

    def on_epoch_end(self, fit):
        with Interrupting.lock:
            Interrupting.epochs += 1
            is_second = Interrupting.epochs == 2
        if is_second:
            signal.raise_signal(signal.SIGINT)
        if Interrupting.epochs >= 2:
            time.sleep(0.05)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_ctrl_c_changes_nothing(small_effort, cls, n_jobs):
    X, y = problem(cls)
    estimator = small(cls, n_jobs=n_jobs).fit(X, y)
    before = outputs(estimator, X)
    Interrupting.epochs = 0
    estimator.set_params(callbacks=[Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X[::-1], y)
    assert np.array_equal(outputs(estimator, X), before)
    n_epochs = Interrupting.epochs
    all_epochs = sum(record["epochs"] for record in estimator.history_)
    assert n_epochs < all_epochs / 2  # no member trains on behind the user's back
    assert_threads_end()


def test_failing_fits_leave_estimators_unfitted(cls):
    X, y = problem(cls)
    estimator = small(cls)
    with pytest.raises(ValueError, match="targets is missing"):
        estimator.fit(X, [None, *y[1:]])
    assert not [name for name in vars(estimator) if name.endswith("_")]


class Warning_(Callback):
    """Warns in each epoch."""

    def on_epoch_end(self, fit):
        warn_user("Something is odd.", RuntimeWarning)


def test_what_all_members_warn_of_is_said_once(small_effort, cls):
    X, y = problem(cls)
    filters = warnings.filters.copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small(cls, callbacks=[Warning_()], n_jobs=3).fit(X, y)
    assert [(each.category, str(each.message)) for each in caught] == [(RuntimeWarning, "Something is odd.")]
    assert caught[0].filename == __file__
    assert warnings.filters == filters


# ---- several targets -------------------------------------------------------------------------------------------------


def test_several_targets(small_effort, cls):
    X, labels, numbers = table()
    if cls is TabularClassifier:
        y = pd.DataFrame({"level": labels, "is_much": numbers > 105})
    else:
        y = np.stack([numbers, -5 * numbers], axis=1)
    estimator = small(cls).fit(X, y)
    assert estimator.predict(X).shape == (90, 2)
    assert estimator.score(X, y) > 0.6
    assert estimator.oof_score_ > 0.5
    if cls is TabularClassifier:
        assert [each.shape for each in estimator.predict_proba(X)] == [(90, 3), (90, 2)]
        assert [each.shape for each in estimator.predict_set(X)] == [(90, 3), (90, 2)]
        assert [each.shape for each in estimator.oof_predictions_] == [(90, 3), (90, 2)]
    else:
        lower, upper = estimator.predict_interval(X)
        assert lower.shape == upper.shape == (90, 2)
        assert estimator.oof_predictions_.shape == (90, 2)
    copy = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(copy.predict(X), estimator.predict(X))


def test_the_attributes_that_the_docstring_names(small_effort, cls):
    X, y = problem(cls)
    estimator = small(cls).fit(X, y)
    section = cls.__doc__.partition("Attributes\n")[2].partition("Examples\n")[0]
    for name in re.findall(r"^    (\w+_) :", section, flags=re.M):
        assert hasattr(estimator, name), name


@pytest.mark.parametrize("parameters", [{}, {"intervals": "quantiles"}])
def test_coverages_that_need_more_rows(small_effort, cls, parameters):
    X, y = problem(cls)
    if parameters and cls is TabularClassifier:
        parameters = {"class_weight": "balanced"}
    estimator = small(cls, **parameters).fit(X, y)
    ask = estimator.predict_set if cls is TabularClassifier else estimator.predict_interval
    with warnings.catch_warnings(action="error"):
        ask(X, 1 - 1 / 91)
    with pytest.warns(
        CoverageWarning, match=r"^coverage=0.99 needs 99 rows that members left out .*, and there are 90: "
    ) as caught:
        found = ask(X, 0.99)
    assert [each.filename for each in caught] == [__file__]
    if cls is TabularClassifier:
        assert found.all() and str(caught[0].message).endswith("sets have all classes.")
    else:
        assert np.isinf(found).all() and str(caught[0].message).endswith("intervals reach from -inf to inf.")
