"""scikit-learn's classes in files: what comes back does the same."""

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
import sklearn.metrics
import sklearn.neural_network
from sklearn import config_context
from sklearn import feature_selection as selection
from sklearn import model_selection as searches
from sklearn import preprocessing as pre
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import (
    PCA,
)
from sklearn.ensemble import (
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from fastmlp import MLPClassifier, MLPRegressor, persistence
from fastmlp.optimizers import SGD, Adam
from fastmlp.persistence import FileError, load, save
from fastmlp.persistence.checks import parts
from fastmlp.persistence.sklearn_classes import (
    _DISTRIBUTIONS,
    _FUNCTIONS,
    function,
    function_name,
)
from fastmlp.zoo import SelfOrganizingMap
from tests.files import Forgery, assert_refused, returned
from tests.sklearn_models import (
    FRAME,
    LABELS,
    MANY,
    MODELS,
    NUMBERS,
    OTTERS,
    SEARCHES,
    SPLITTERS,
    TEXTS,
    X,
    assert_same,
    clf,
    fitted,
    outputs,
    reg,
)

pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]

# ---- models come back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", range(len(MODELS)), ids=lambda i: f"{type(MODELS[i][0]).__name__}-{i}")
@pytest.mark.filterwarnings("ignore")
def test_fitted_models_come_back(path, i):
    """Predictions are the same to the last bit, and so they are after another fit; parameters are the same."""
    model, (_, data, y) = fitted(i), MODELS[i]
    loaded = returned(model, path)
    assert type(loaded) is type(model)
    assert vars(loaded).keys() == {name for name in vars(model) if name != "_sklearn_version"}
    assert_same(outputs(loaded, data), outputs(model, data))
    for name, value in model.get_params().items():
        assert type(loaded.get_params()[name]) is type(value), name
    again = clone(loaded).fit(data, *[] if y is None else [y])
    assert_same(outputs(again, data), outputs(model, data))


@pytest.mark.parametrize("i", range(0, len(MODELS), 3))
@pytest.mark.filterwarnings("ignore")
def test_models_that_are_not_fitted_come_back(path, i):
    model, data, y = MODELS[i]
    loaded = returned(clone(model), path).fit(data, *[] if y is None else [y])
    assert_same(outputs(loaded, data), outputs(fitted(i), data))


def test_every_class_is_among_the_models():
    seen = {type(part) for i in range(len(MODELS)) for part in parts(fitted(i), set())}
    seen |= {type(splitter) for splitter in SPLITTERS}
    theirs = {cls for name, cls in persistence.classes().items() if name.startswith("sklearn.")}
    unseen = {cls.__name__ for cls in theirs - seen}
    assert unseen <= {"_ConstantPredictor"}  # it is there where a class is never seen


def test_a_class_that_is_never_seen(path):
    with pytest.warns(UserWarning, match="Label 3 is present in all"):
        model = OneVsRestClassifier(clf()).fit(X, np.column_stack([MANY, np.ones(60, int)]))
    assert_same(outputs(returned(model, path), X), outputs(model, X))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda splitter: type(splitter).__name__)
def test_splitters(path, splitter):
    search = searches.GridSearchCV(clf(), {"alpha": [1.0]}, cv=splitter)
    loaded = returned(search, path).cv
    assert type(loaded) is type(splitter)
    assert repr(loaded) == repr(splitter)
    groups = np.arange(12) // 3
    if not isinstance(splitter, searches.BaseShuffleSplit | searches.GroupShuffleSplit | searches.RepeatedKFold):
        n = 4 if isinstance(splitter, searches.PredefinedSplit) else 12
        by_groups = [groups] if "Group" in type(splitter).__name__ else []
        a, b = (list(each.split(X[:n], OTTERS[:n], *by_groups)) for each in (splitter, loaded))
        assert [[side.tolist() for side in pair] for pair in a] == [[side.tolist() for side in pair] for pair in b]


def test_what_a_search_found(path):
    search = fitted(next(i for i, (model, *_) in enumerate(MODELS) if model is SEARCHES[0]))
    loaded = returned(search, path)
    assert loaded.best_params_ == search.best_params_ or isinstance(search.best_params_["solver"], SGD)
    assert list(loaded.cv_results_) == list(search.cv_results_)
    assert repr(loaded.cv_results_["params"]) == repr(search.cv_results_["params"])
    for name, of in search.cv_results_.items():
        if name != "params":
            assert type(loaded.cv_results_[name]) is type(of)
            assert repr(loaded.cv_results_[name]) == repr(of)
    assert loaded.score(X, LABELS) == search.score(X, LABELS)
    pd.DataFrame(loaded.cv_results_)


def test_estimators_with_names_are_those_of_the_list(path):
    for model in (VotingClassifier([("a", clf()), ("b", "drop")]), StackingClassifier([("a", clf())], cv=2)):
        loaded = returned(model.fit(X, LABELS), path)
        assert loaded.named_estimators_.a is loaded.estimators_[0]
        assert loaded.named_estimators_ == dict(model.named_estimators_) | {"a": loaded.estimators_[0]}


@pytest.mark.parametrize("name", sklearn.metrics.get_scorer_names())
def test_scorings_by_name(path, name):
    search = searches.GridSearchCV(clf(), {}, scoring=sklearn.metrics.get_scorer(name))
    assert repr(returned(search, path).scoring) == repr(search.scoring)


@pytest.mark.parametrize("name", [f"{module}.{name}" for module, names in _FUNCTIONS.items() for name in names.split()])
def test_functions_by_name(path, name):
    func = function(name)
    assert callable(func)
    assert function(function_name(func)) is func
    assert returned(pre.FunctionTransformer(func), path).func is func


@pytest.mark.parametrize("name", _DISTRIBUTIONS.split())
def test_distributions_by_name(path, name):
    kind = getattr(scipy.stats, name)
    shapes = {"betabinom": (5, 2, 3), "binom": (5, 0.5), "dlaplace": (0.8,), "randint": (2, 9), "trapezoid": (0.2, 0.8)}
    few = (0.5, 0.6) if name == "beta" else (-1.0, 2.0) if name == "truncnorm" else (0.1, 2.0)
    frozen = kind(*shapes.get(name, few[: kind.numargs] if kind.numargs != 1 else (0.5,)), **{"loc": 1.5})
    loaded = returned(searches.RandomizedSearchCV(clf(), {"alpha": frozen}), path).param_distributions["alpha"]
    assert_same(loaded.rvs(5, random_state=0), frozen.rvs(5, random_state=0))


def test_what_metadata_an_estimator_asks_for(path):
    """A pipeline that hands validation data through its scaler has such requests."""
    with config_context(enable_metadata_routing=True):
        network = clf().set_fit_request(sample_weight=True).set_score_request(sample_weight="importance")
        model = make_pipeline(pre.StandardScaler().set_fit_request(sample_weight=False), network)
        model.fit(X, LABELS, sample_weight=NUMBERS)
        loaded = returned(model, path)
        assert repr(loaded.get_metadata_routing()) == repr(model.get_metadata_routing())
        assert loaded[-1]._metadata_request.owner is loaded[-1]
        assert_same(outputs(clone(loaded).fit(X, LABELS, sample_weight=NUMBERS), X), outputs(model, X))


def test_how_matrices_lie_in_memory(path):
    """PCA's components are some rows of a matrix by columns; the last bits of its products depend on that."""
    model = PCA(2, svd_solver="full").fit(X)
    loaded = returned(model, path)
    assert loaded.components_.strides == model.components_.strides
    for edit in ({"order": "A"}, {"stride": 1}, {"stride": 2**40}, {"stride": True}, {"order": ["F"]}):
        forged = Forgery(path.read_bytes())
        forged.tree["state"]["components_"] |= edit
        assert_refused(path, forged)


# ---- functions that no file holds ------------------------------------------------------------------------------------


def halved(values):
    return values / 2


def tokens(text):
    return text.split()


def otters_right(estimator, samples, y):
    return float(np.mean((estimator.predict(samples) == y)[y == "otter"]))


def share_right(y, predicted):
    return float(np.mean(y == predicted))


def log_cosh(y_true, y_pred, sample_weight):
    e = y_pred - y_true
    return np.log(np.cosh(e)).mean(), np.tanh(e) / e.size


OWN_FUNCTIONS = {
    "step": (make_pipeline(pre.FunctionTransformer(halved), clf()), LABELS, {"functiontransformer__func": halved}),
    "target": (TransformedTargetRegressor(reg(), func=halved, inverse_func=np.add), NUMBERS, {"func": halved}),
    "scoring": (searches.GridSearchCV(clf(), {}, cv=2, scoring=otters_right), LABELS, {"scoring": otters_right}),
    "scorer": (
        searches.GridSearchCV(clf(), {}, cv=2, scoring=sklearn.metrics.make_scorer(share_right)), LABELS,
        {"scoring": sklearn.metrics.make_scorer(share_right)},
    ),
    "threshold": (
        searches.TunedThresholdClassifierCV(clf(), cv=2, scoring=sklearn.metrics.make_scorer(share_right)), OTTERS,
        {"scoring": sklearn.metrics.make_scorer(share_right)},
    ),
    "loss": (VotingRegressor([("a", reg(loss=log_cosh))]), NUMBERS, {"a__loss": log_cosh}),
    "candidates": (
        searches.GridSearchCV(reg(), {"loss": [log_cosh, "squared_error"]}, cv=2), NUMBERS,
        {"param_grid": {"loss": [log_cosh, "squared_error"]}},
    ),
    "columns": (
        make_pipeline(ColumnTransformer([("s", pre.StandardScaler(), tokens)]), clf()), LABELS,
        {"columntransformer__transformers": [("s", pre.StandardScaler(), tokens)]},
    ),
    "words": (make_pipeline(CountVectorizer(tokenizer=tokens)), None, {"countvectorizer__tokenizer": tokens}),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN_FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_functions_that_no_file_holds_are_given(path, name):
    """Parameters of scikit-learn's estimators are like those of fastmlp's: given to load, they do what they did."""
    model, y, given = OWN_FUNCTIONS[name]
    if name == "target":
        model = clone(model).set_params(inverse_func=None, check_inverse=False)
        model.set_params(inverse_func=np.exp)
    data = {"columns": FRAME, "words": TEXTS}.get(name, X)
    if name == "columns":
        model = clone(model)
        given = {"columntransformer__transformers": [("s", pre.StandardScaler(), columns_a_and_b)]}
        model.set_params(**given)
    model = model.fit(data, *[] if y is None else [y])
    save(model, path)
    (parameter,) = given
    with pytest.raises(FileError, match=rf"which no file holds; give it: load\(path, {parameter}=\.\.\.\)"):
        load(path)
    loaded = load(path, **given)
    assert_same(outputs(loaded, data), outputs(model, data))


def columns_a_and_b(frame):
    return ["a", "b"]


# ---- what is refused -------------------------------------------------------------------------------------------------


class MyMap(SelfOrganizingMap):
    """A subclass of an estimator of the zoo."""


class Mine(MLPRegressor):
    pass


class Foreign(BaseEstimator):
    pass


@pytest.mark.parametrize(
    ("model", "got", "hint"),
    [
        (
            sklearn.neural_network.MLPClassifier(),
            "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
            "fit fastmlp.MLPClassifier instead, with the same parameters, or store this one with skops.io.dump",
        ),
        (
            sklearn.neural_network.MLPRegressor(),
            "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
            "fit fastmlp.MLPRegressor instead",
        ),
        (RandomForestClassifier(), "sklearn.ensemble._forest.RandomForestClassifier", "skops.io.dump stores other"),
        (Mine(), "tests.test_sklearn_classes.Mine", "save an object of fastmlp.MLPRegressor itself"),
        (MyMap(), "tests.test_sklearn_classes.MyMap", "save an object of fastmlp.zoo.SelfOrganizingMap itself"),
        (Foreign(), "tests.test_sklearn_classes.Foreign", "skops.io.dump stores other estimators"),
        (Adam(), f"{Adam.__module__}.Adam", "it is a part of a model"),
        ([clf(), reg()], "builtins.list", "save each model in a file of its own"),
        (None, "builtins.NoneType", ""),
        (searches.KFold(), "sklearn.model_selection._split.KFold", ""),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_model(path, model, got, hint):
    with pytest.raises(TypeError) as caught:
        save(model, path)
    message = str(caught.value)
    assert message.startswith("save takes fastmlp's estimators and TableModel, and pipelines")
    assert f"; got {got}" in message
    assert hint in message
    assert not path.exists()


def test_a_class_is_no_model(path):
    with pytest.raises(TypeError, match=rf"the class {MLPClassifier.__module__}\.MLPClassifier, not an object of it"):
        save(MLPClassifier, path)


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (make_pipeline(RandomForestClassifier()), r"model\.steps\.0\.1 is RandomForestClassifier\(\)"),
        (VotingClassifier([("a", RandomForestClassifier())]), r"model\.estimators\.0\.1 is RandomForestClassifier\(\)"),
        (make_pipeline(selection.SelectFromModel(Foreign()), clf()), r"model\.steps\.0\.1\.estimator is Foreign\(\)"),
        (searches.GridSearchCV(clf(), {"alpha": [Foreign()]}), r"model\.param_grid\.alpha\.0 is Foreign\(\)"),
    ],
    ids=["step", "member", "estimator", "candidate"],
)
def test_parts_that_no_file_holds(path, model, where):
    """The message says where the parts are, which classes a file may hold, and what else stores models."""
    with pytest.raises(TypeError, match=f"{where}.*which no file holds.*persistence.classes.*skops.io.dump"):
        save(model, path)


def test_what_a_part_has_learned_cannot_be_given(path):
    """The message says where the value is, however deep, not that a pipeline's steps are missing."""
    codes = np.array([[b"a"], [b"b"]] * 30)
    model = make_pipeline(ColumnTransformer([("code", pre.OneHotEncoder(), [0])]), clf()).fit(codes, OTTERS)
    where = r"model\.steps\.0\.1\.transformers_\.0\.1\.categories_\.0 is an array of \|S1"
    with pytest.raises(TypeError, match=f"{where}, which no file holds.*persistence.classes.*skops.io.dump"):
        save(model, path)


def test_dates_that_a_part_has_learned(path):
    days = np.array([["2020-01-01"], ["2020-01-02"]] * 30, dtype="datetime64[D]")
    model = make_pipeline(ColumnTransformer([("day", pre.OneHotEncoder(), [0])]), clf()).fit(days, OTTERS)
    save(model, path)
    assert np.array_equal(load(path).predict_proba(days), model.predict_proba(days))


def test_text_that_decides_what_is_run(path):
    """Of encodings, expressions and methods only those are taken that are known to be none that do harm."""
    for model, message in [
        (CountVectorizer(encoding="zlib_codec"), "encoding of a CountVectorizer"),
        (CountVectorizer(encoding="antigravity"), "encoding of a CountVectorizer"),
        (searches.GridSearchCV(clf(), {}, pre_dispatch="10**6*n_jobs"), "pre_dispatch of a GridSearchCV"),
        (selection.SelectFromModel(clf(), importance_getter="__class__.mro"), "importance_getter of a SelectFromModel"),
    ]:
        with pytest.raises(ValueError, match=message):
            save(model, path)
    for encoding in ("utf-8", "latin-1", "CP1252", "utf_16", "ascii", "ISO-8859-1", "shift_jis", "utf-8-sig"):
        assert returned(CountVectorizer(encoding=encoding), path).encoding == encoding


def test_a_fitted_part_forgets_its_memory(path, tmp_path):
    """The memory is a folder of pickles, which a file must not name."""
    inner = Pipeline([("scale", pre.StandardScaler()), ("mlp", clf())], memory=str(tmp_path / "cache"))
    search = searches.GridSearchCV(inner, {"mlp__alpha": [0.1]}, cv=2).fit(X, LABELS)
    loaded = returned(search, path, estimator__memory=None)
    assert loaded.best_estimator_.memory is None
    assert b"cache" not in path.read_bytes()[:-1] or "unsaved" in path.read_bytes().decode(errors="replace")
    assert_same(outputs(loaded, X), outputs(search, X))
    forged = Forgery(path.read_bytes())
    forged.tree["state"]["best_estimator_"]["state"]["memory"] = str(tmp_path)
    path.write_bytes(forged.content())
    with pytest.raises(FileError, match="names a folder of pickles"):
        load(path, estimator__memory=None)


def test_memory_that_nobody_wrote_to_is_in_no_file(path):
    search = fitted(next(i for i, (model, *_) in enumerate(MODELS) if model is SEARCHES[1]))
    search = copy.copy(search)
    hidden = np.ma.MaskedArray([3.25, 7.5], mask=[False, True])
    search.cv_results_ = search.cv_results_ | {"param_x": hidden}
    loaded = returned(search, path).cv_results_["param_x"]
    assert loaded.data.tolist() == [3.25, 0.0]
    assert loaded.mask.tolist() == [False, True]
