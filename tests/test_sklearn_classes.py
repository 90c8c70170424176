"""scikit-learn's classes in files: what comes back does the same, and no forged state reaches compiled code."""

import copy
import functools
import warnings
from functools import cache

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
from sklearn import linear_model as linear
from sklearn import model_selection as searches
from sklearn import preprocessing as pre
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.decomposition import (
    NMF,
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    LatentDirichletAllocation,
    MiniBatchNMF,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    Nystroem,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC, LinearSVR

from fastmlp import MLPClassifier, MLPRegressor, persistence
from fastmlp.optimizers import SGD, Adam
from fastmlp.persistence import FileError, load, save
from fastmlp.persistence.checks import _parts
from fastmlp.persistence.sklearn_checks import _SHAPES, _shapes
from fastmlp.persistence.sklearn_classes import (
    _DISTRIBUTIONS,
    _FUNCTIONS,
    function,
    function_name,
)
from tests.mutations import Forgery

pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
POSITIVE, WHOLE = np.abs(X), np.round(np.abs(X)).astype(int)
HOLES = np.where(X > 1.2, np.nan, X)
LABELS = np.array(["lynx", "otter", "stoat"])[np.argmax(X[:, :3], axis=1)]
OTTERS = LABELS == "otter"
MANY = (X[:, :3] > 0).astype(int)
NUMBERS = np.abs(X[:, 0]) + 0.5
TEXTS = ["the lynx ran", "an otter swam", "Stoat and otter", "none"] * 15
DICTS = [{"a": 1.0, "b": "x"}, {"a": 2.0}] * 30
FRAME = pd.DataFrame(X, columns=list("abcde")).assign(text=TEXTS, label=LABELS)


def clf(**parameters):
    return MLPClassifier((3,), max_iter=8, learning_rate_init=0.05, random_state=0, **parameters)


def reg(**parameters):
    return MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0, **parameters)


TRANSFORMERS = [
    *[PCA(2), PCA(0.9, svd_solver="full", whiten=True), IncrementalPCA(2), KernelPCA(2, kernel="rbf")],
    *[KernelPCA(2, fit_inverse_transform=True), FastICA(2, random_state=0), FastICA(whiten=False, random_state=0)],
    *[
        FactorAnalysis(2),
        TruncatedSVD(2, random_state=0),
        pre.PowerTransformer(),
        pre.PowerTransformer(standardize=False),
    ],
    *[pre.QuantileTransformer(n_quantiles=5), pre.KBinsDiscretizer(), pre.KBinsDiscretizer(encode="ordinal")],
    *[pre.SplineTransformer(), pre.SplineTransformer(extrapolation="periodic", degree=2)],
    *[pre.SplineTransformer(sparse_output=True), pre.PolynomialFeatures(3), pre.PolynomialFeatures((2, 3))],
    *[pre.MinMaxScaler(), pre.MaxAbsScaler(), pre.RobustScaler(), pre.StandardScaler()],
    *[pre.StandardScaler(with_mean=False), pre.Normalizer("l1"), pre.Binarizer(threshold=0.3)],
    *[selection.VarianceThreshold(), GaussianRandomProjection(3, random_state=0), pre.FunctionTransformer(np.exp)],
    *[SparseRandomProjection(3, random_state=0), SparseRandomProjection(3, dense_output=True, random_state=0)],
    *[Nystroem(n_components=7, random_state=0), Nystroem("poly", degree=2, n_components=5, random_state=0)],
    *[RBFSampler(n_components=9, random_state=0), PolynomialCountSketch(coef0=1, n_components=8, random_state=0)],
    *[pre.FunctionTransformer(), pre.FunctionTransformer(np.clip, kw_args={"a_min": -1, "a_max": 1})],
    *[make_union(PCA(2), pre.StandardScaler(), "passthrough"), FeatureUnion([("a", "drop"), ("b", PCA(1))])],
    *[make_pipeline(pre.StandardScaler(), make_pipeline("passthrough", PCA(2)))],
    ColumnTransformer([("a", pre.StandardScaler(), slice(0, 2)), ("b", "drop", [2])], remainder=pre.MinMaxScaler()),
    *[pre.StandardScaler().set_output(transform="pandas"), KMeans(3, random_state=0)],
    *[
        MiniBatchKMeans(3, random_state=0, n_init=1, max_iter=2),
        make_pipeline(pre.MinMaxScaler(), BernoulliRBM(3, random_state=0)),
    ],
]
OF_POSITIVE = [
    *[NMF(2, random_state=0), MiniBatchNMF(2, random_state=0), LatentDirichletAllocation(2, random_state=0)],
    *[AdditiveChi2Sampler(), SkewedChi2Sampler(n_components=9, random_state=0), TfidfTransformer()],
    *[TfidfTransformer(use_idf=False), pre.PowerTransformer("box-cox")],
]
OF_HOLES = [
    *[
        SimpleImputer(),
        SimpleImputer(add_indicator=True, strategy="median"),
        KNNImputer(),
        KNNImputer(add_indicator=True),
    ],
    *[
        SimpleImputer(strategy="constant", fill_value=3.0, add_indicator=True),
        MissingIndicator(),
        MissingIndicator(sparse=True),
        IterativeImputer(max_iter=2, random_state=0),
    ],
]
OF_CATEGORIES = [
    *[pre.OneHotEncoder(), pre.OneHotEncoder(drop="first", min_frequency=5, handle_unknown="ignore")],
    pre.OneHotEncoder(min_frequency=5, max_categories=3, handle_unknown="infrequent_if_exist"),
    pre.OneHotEncoder(min_frequency=0.2, drop="if_binary", sparse_output=False),
    pre.OneHotEncoder(drop=[0, 0, 0, 0, 0], max_categories=3),
    *[pre.OrdinalEncoder(), pre.OrdinalEncoder(min_frequency=5), pre.OrdinalEncoder(max_categories=2)],
    *[pre.TargetEncoder(random_state=0), pre.KBinsDiscretizer(3, strategy="uniform")],
]
SELECTORS = [
    *[selection.SelectKBest(k=2), selection.SelectPercentile(selection.f_classif), selection.SelectFpr()],
    *[selection.SelectFdr(), selection.SelectFwe(), selection.GenericUnivariateSelect(mode="k_best", param=2)],
    selection.SelectKBest(functools.partial(selection.mutual_info_classif, random_state=0, n_neighbors=2), k=2),
    *[selection.SelectFromModel(linear.LogisticRegression()), selection.SelectFromModel(LinearSVC(), max_features=1)],
    *[selection.RFE(LinearDiscriminantAnalysis()), selection.RFECV(LinearDiscriminantAnalysis(), cv=2)],
    selection.SequentialFeatureSelector(clf(), n_features_to_select=1, cv=2),
    *[LinearDiscriminantAnalysis(n_components=1), NeighborhoodComponentsAnalysis(2, random_state=0)],
]
CLASSIFIERS = [
    *[linear.LogisticRegression(), linear.RidgeClassifier(), linear.RidgeClassifierCV(), LinearSVC(random_state=0)],
    *[linear.LogisticRegressionCV(Cs=2, cv=2, max_iter=3)],
    *[GaussianNB(), DummyClassifier(), LinearDiscriminantAnalysis(), LinearDiscriminantAnalysis("lsqr", shrinkage=0.1)],
    make_pipeline(pre.StandardScaler(), make_pipeline("passthrough", PCA(2), clf())),
    *[VotingClassifier([("a", clf()), ("b", "drop"), ("c", GaussianNB())], voting="soft")],
    *[StackingClassifier([("a", clf()), ("b", clf(solver=SGD()))], cv=2), BaggingClassifier(clf(), 2, random_state=0)],
    *[StackingClassifier([("a", clf())], clf(), passthrough=True, stack_method="predict_proba", cv=2)],
    *[BaggingClassifier(clf(), 2, max_features=3, oob_score=False, bootstrap_features=True, random_state=0)],
    *[OneVsRestClassifier(clf()), OneVsOneClassifier(clf()), OutputCodeClassifier(clf(), random_state=0)],
    *[CalibratedClassifierCV(clf(), cv=2), CalibratedClassifierCV(clf(), cv=2, method="isotonic", ensemble=False)],
    *[
        CalibratedClassifierCV(clf(), cv=2, method="temperature"),
        AdaBoostClassifier(clf(), n_estimators=2, random_state=0),
    ],
    CalibratedClassifierCV(FrozenEstimator(GaussianNB().fit(X, LABELS))),
    *[
        BernoulliNB(),
        QuadraticDiscriminantAnalysis(store_covariance=True),
        QuadraticDiscriminantAnalysis(reg_param=0.1),
    ],
]
OF_COUNTS = [
    MultinomialNB(),
    ComplementNB(norm=True),
    CategoricalNB(),
    VotingClassifier([("a", MultinomialNB()), ("b", clf())]),
]
OF_TWO = [
    *[searches.FixedThresholdClassifier(clf(), threshold=0.3), clf()],
    searches.TunedThresholdClassifierCV(clf(), cv=2, scoring="f1", thresholds=5),
    *[linear.LogisticRegression(), OneVsRestClassifier(clf())],
]
OF_MANY = [
    OneVsRestClassifier(make_pipeline(ColumnTransformer([("a", PCA(1), [0, 1])], remainder="passthrough"), clf())),
    *[MultiOutputClassifier(clf()), ClassifierChain(clf(), order="random", random_state=0)],
    ClassifierChain(clf(), chain_method="predict_proba", cv=2),
    *[
        OneVsRestClassifier(clf()),
        OneVsRestClassifier(make_pipeline(pre.StandardScaler(), linear.LogisticRegression())),
    ],
]
REGRESSORS = [
    *[linear.LinearRegression(), linear.Ridge(), linear.RidgeCV(), linear.BayesianRidge(), LinearSVR(random_state=0)],
    *[linear.Lasso(0.1), linear.LassoCV(cv=2), linear.ElasticNet(0.1), linear.ElasticNetCV(cv=2), PLSRegression(2)],
    *[DummyRegressor(), VotingRegressor([("a", reg())]), StackingRegressor([("a", reg()), ("b", "drop")], cv=2)],
    *[
        BaggingRegressor(reg(), 2, max_features=0.5, random_state=0),
        AdaBoostRegressor(reg(), n_estimators=2, random_state=0),
    ],
    *[linear.HuberRegressor(), linear.QuantileRegressor(alpha=0.01), linear.ARDRegression(), CCA(1), PLSCanonical(1)],
    TransformedTargetRegressor(reg(), func=np.log, inverse_func=np.exp),
    TransformedTargetRegressor(reg(), transformer=pre.QuantileTransformer(n_quantiles=5)),
]
GRID = {"alpha": [1e-4, 1], "hidden_layer_sizes": [(2,), (3,)], "solver": ["adam", SGD()]}
SEARCHES = [
    searches.GridSearchCV(clf(), GRID, cv=2),
    searches.GridSearchCV(
        make_pipeline(PCA(), clf()),
        [{"pca": [PCA(2), "passthrough"]}, {"mlpclassifier__alpha": np.array([0.1, 1.0])}],
        cv=searches.RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0),
        scoring=["accuracy", "roc_auc_ovr"],
        refit="accuracy",
    ),
    searches.RandomizedSearchCV(
        clf(),
        {"alpha": scipy.stats.loguniform(1e-5, 1), "batch_size": scipy.stats.randint(5, 20)},
        n_iter=2,
        cv=searches.ShuffleSplit(2, random_state=0),
        scoring=sklearn.metrics.make_scorer(sklearn.metrics.fbeta_score, beta=2, average="macro"),
        random_state=0,
    ),
    searches.HalvingGridSearchCV(clf(), {"alpha": [1e-3, 1]}, cv=2),
    searches.HalvingRandomSearchCV(clf(), {"alpha": scipy.stats.uniform(0, 1)}, cv=2, random_state=0),
    searches.GridSearchCV(clf(), {"alpha": [1]}, cv=[(np.arange(40), np.arange(40, 60))]),
]
SPLITTERS = [
    *[searches.KFold(3, shuffle=True, random_state=0), searches.GroupKFold(3), searches.StratifiedGroupKFold(3)],
    *[searches.GroupShuffleSplit(2), searches.LeaveOneOut(), searches.LeaveOneGroupOut(), searches.LeavePOut(2)],
    *[searches.LeavePGroupsOut(2), searches.RepeatedKFold(n_repeats=2), searches.StratifiedShuffleSplit(2)],
    *[searches.TimeSeriesSplit(2, gap=1), searches.PredefinedSplit([0, 1, -1, 0]), searches.StratifiedKFold(2)],
]
COLUMNS = ColumnTransformer(
    [
        ("numbers", pre.StandardScaler(), make_column_selector(dtype_include=np.number)),
        ("words", TfidfVectorizer(stop_words="english", ngram_range=(1, 2)), "text"),
        ("counts", CountVectorizer(vocabulary={"lynx": 1, "otter": 0}), "text"),
        ("labels", pre.OneHotEncoder(), make_column_selector(pattern="lab")),
    ],
)
#: Estimators, what they learn from, and what they learn.
MODELS = [
    *[(each, X, None) for each in TRANSFORMERS],
    *[(each, POSITIVE, None) for each in OF_POSITIVE],
    *[(each, HOLES, None) for each in OF_HOLES],
    *[(each, X, None) for each in OF_HOLES[:4]],
    *[(each, WHOLE, LABELS) for each in OF_CATEGORIES],
    *[(each, WHOLE.astype(str).astype(object), NUMBERS) for each in OF_CATEGORIES[:-1] if "0, 0" not in repr(each)],
    *[(each, X, LABELS) for each in (*SELECTORS, *CLASSIFIERS, *SEARCHES)],
    *[(each, WHOLE, LABELS) for each in OF_COUNTS],
    *[(each, X, OTTERS) for each in OF_TWO],
    *[(each, X, MANY) for each in OF_MANY],
    *[(each, X, NUMBERS) for each in REGRESSORS],
    *[(each, X, X[:, :2]) for each in (MultiOutputRegressor(reg()), RegressorChain(reg()), linear.Ridge())],
    *[(each, TEXTS, None) for each in (CountVectorizer(), TfidfVectorizer(sublinear_tf=True, max_features=3))],
    *[(HashingVectorizer(n_features=16), TEXTS, None), (DictVectorizer(), DICTS, None)],
    *[(CountVectorizer(tokenizer=str.split, preprocessor=str.lower, token_pattern=None), TEXTS, None)],
    *[(CountVectorizer(stop_words=["the", "an"], vocabulary={"otter", "lynx"}), TEXTS, None)],
    *[(FeatureHasher(8), DICTS, None), (pre.KernelCenterer(), X @ X.T, None)],
    *[(pre.LabelEncoder(), LABELS, None), (pre.LabelBinarizer(), LABELS, None)],
    *[(pre.MultiLabelBinarizer(), [("a", "b"), ("c",)], None), (IsotonicRegression(), X[:, 0], NUMBERS)],
    (SelfTrainingClassifier(clf()), X, np.where(np.arange(60) % 4 == 0, -1, OTTERS.astype(int))),
    *[(COLUMNS, FRAME, None), (make_pipeline(COLUMNS, clf()), FRAME, LABELS)],
    (make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0), clf()), TEXTS, LABELS),
]  # fmt: skip


def outputs(model, data):
    """What a fitted model makes of data, by the methods it has."""
    found = {}
    for method in ("predict", "predict_proba", "decision_function", "transform", "get_feature_names_out"):
        if hasattr(model, method):
            try:
                found[method] = getattr(model, method)(*[data] * (method != "get_feature_names_out"))
            except (ValueError, AttributeError, NotImplementedError) as error:
                found[method] = str(error)
    assert found
    return found


def assert_same(a, b):
    """To the last bit."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for each, other in zip(a, b, strict=True):
            assert_same(each, other)
    elif scipy.sparse.issparse(a):
        assert_same([a.data, a.indices, a.indptr], [b.data, b.indices, b.indptr])
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
    elif isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    else:
        assert a == b


@cache
def fitted(i):
    model, data, y = MODELS[i]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(data, *[] if y is None else [y])


def returned(model, path, **parameters):
    save(model, path)
    return load(path, **parameters)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


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
    again = [clone(each).fit(data, *[] if y is None else [y]) for each in (model, loaded)]
    assert_same(*(outputs(each, data) for each in again))


@pytest.mark.parametrize("i", range(0, len(MODELS), 3))
@pytest.mark.filterwarnings("ignore")
def test_models_that_are_not_fitted_come_back(path, i):
    model, data, y = MODELS[i]
    loaded = returned(clone(model), path).fit(data, *[] if y is None else [y])
    assert_same(outputs(loaded, data), outputs(fitted(i), data))


def test_every_class_is_among_the_models():
    seen = {type(part) for i in range(len(MODELS)) for part in _parts(fitted(i), set())}
    seen |= {type(splitter) for splitter in SPLITTERS}
    theirs = {cls for name, cls in persistence.classes().items() if name.startswith("sklearn.")}
    unseen = {cls.__name__ for cls in theirs - seen}
    assert unseen <= {"_ConstantPredictor"}  # which is there where a class is never seen


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
    """Parameters of scikit-learn's estimators are as those of ours: given to load, they do what they did."""
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
        (Foreign(), "tests.test_sklearn_classes.Foreign", "skops.io.dump stores other estimators"),
        (Adam(), "fastmlp.optimizers.adam.Adam", "it is a part of a model"),
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
    assert message.startswith("save takes fastmlp's MLPClassifier, MLPRegressor and TableModel, and pipelines")
    assert f"; got {got}" in message
    assert hint in message
    assert not path.exists()


def test_a_class_is_no_model(path):
    with pytest.raises(TypeError, match=r"the class fastmlp\.estimators\.MLPClassifier, not an object of it"):
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
    """The message says where they are, which classes there may be, and what else there is."""
    with pytest.raises(TypeError, match=f"{where}.*which no file holds.*persistence.classes.*skops.io.dump"):
        save(model, path)


def test_what_a_part_has_learned_cannot_be_given(path):
    """The message says where it is, however deep, not that a pipeline's steps are missing."""
    days = np.array([["2020-01-01"], ["2020-01-02"]] * 30, dtype="datetime64[D]")
    model = make_pipeline(ColumnTransformer([("day", pre.OneHotEncoder(), [0])]), clf()).fit(days, OTTERS)
    where = r"model\.steps\.0\.1\.transformers_\.0\.1\.categories_\.0 is an array of datetime64\[D\]"
    with pytest.raises(TypeError, match=f"{where}, which no file holds.*persistence.classes.*skops.io.dump"):
        save(model, path)


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
    """It is a folder of pickles, which a file must not name."""
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


# ---- files made to do harm -------------------------------------------------------------------------------------------


def forged(model, path):
    save(model, path)
    return Forgery(path.read_bytes())


def assert_refused(path, forgery, message=None):
    path.write_bytes(forgery.content())
    with pytest.raises(FileError, match=message):
        load(path)


def states_of(node, name):
    """The states in a tree of all objects of a class."""
    if isinstance(node, dict):
        if node.get("object") == f"sklearn.{name}":
            yield node["state"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from states_of(part, name)


def changed(array, letters, alone, mark, n_shapes):
    """Arrays of another shape or type, which do not fit where one was; an axis of which nothing else tells may vary."""
    for axis, letter in enumerate(letters):
        if letter not in alone:
            shape = list(array.shape)
            shape[axis] += 1
            yield np.resize(array, shape)
    if n_shapes == 1:
        yield array[None]
    if mark != ":*":
        yield array.astype(float if array.dtype == bool else bool)


@pytest.mark.parametrize("name", _SHAPES)
@pytest.mark.filterwarnings("ignore")
def test_arrays_of_other_shapes(path, name):
    """Each attribute in the list of shapes is refused when it has one element more, one axis more or another type."""
    cls, specs = persistence.classes()[f"sklearn.{name}"], _shapes(name)
    letters = "".join(shapes[-1] for _, shapes, _ in specs)
    alone = {letter for letter in letters if letters.count(letter) == 1 and letter != "n"}
    tried, wanted = set(), {attribute for attribute, *_ in specs}
    for i in (i for i in range(len(MODELS)) if any(type(part) is cls for part in _parts(fitted(i), set()))):
        save(fitted(i), path)
        content = path.read_bytes()
        original = Forgery(content)
        for attribute, shapes, mark in specs:
            state = next(states_of(original.tree, name))
            tree = state.get(attribute)
            if attribute in tried or tree is None:
                continue
            if shapes[0].startswith("#"):
                forgery = Forgery(content)
                next(states_of(forgery.tree, name))[attribute] = 10**6
                assert_refused(path, forgery, f"{attribute} of a {name} does not fit|k of")
                tried.add(attribute)
            elif isinstance(tree, dict) and "tensor" in tree:
                array = original.tensors[tree["tensor"]]
                axes = next(axes for axes in shapes if len(axes) == array.ndim)
                for other in changed(array, axes, alone, mark, len(shapes)):
                    forgery = Forgery(content)
                    forgery.tensors[tree["tensor"]] = other
                    if "order" in tree:  # which itself would be refused
                        place = next(states_of(forgery.tree, name))
                        place[attribute] = {"tensor": tree["tensor"]}
                    assert_refused(path, forgery, f"{attribute} of a {name}|does not fit|x and y arrays")
                tried.add(attribute)
    n_matrices = {"components_", "inverse_components_"} if "RandomProjection" in name else set()
    absent = {"bin_edges_", "classes_", "covariance_", "intercept_", "X_transformed_fit_"} | n_matrices
    assert wanted - tried <= absent
    assert tried


def test_categories_made_to_do_harm(path):
    """Their sparse matrices would have elements outside, which SciPy does not look for."""
    model = make_pipeline(pre.OneHotEncoder(min_frequency=9, drop=[0] * 5, handle_unknown="ignore"), clf())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(WHOLE, LABELS)
    encoder = model[0]
    column = next(i for i, indices in enumerate(encoder._infrequent_indices) if indices is not None)
    content = forged(model, path).content()
    first = f"steps.0.1._infrequent_indices.{column}"
    mapping = f"steps.0.1._default_to_infrequent_mappings.{column}"
    n = len(encoder.categories_[column])

    def state(forgery):
        return next(states_of(forgery.tree, "OneHotEncoder"))

    edits = {
        "beyond": lambda f: f.tensors.update({first: np.array([n], np.int64)}),
        "before": lambda f: f.tensors.update({first: np.array([-1], np.int64)}),
        "twice": lambda f: f.tensors.update({first: np.array([n - 1, n - 1], np.int64)}),
        "none of them": lambda f: f.tensors.update({first: np.array([], np.int64)}),
        "of another type": lambda f: f.tensors.update({first: np.array([0.5])}),
        "another place": lambda f: f.tensors.update({mapping: f.tensors[mapping] + 1}),
        "far away": lambda f: f.tensors.update({mapping: np.full(n, 10**9)}),
        "fewer": lambda f: f.tensors.update({mapping: f.tensors[mapping][1:]}),
        "no list": lambda f: state(f).update(_infrequent_indices=None),
        "switched off": lambda f: state(f).update(_infrequent_enabled=False),
        "more columns": lambda f: state(f).update(_n_features_outs=[9] * 5),
        "columns by name": lambda f: state(f).update(_n_features_outs=["a"] * 5),
        "dropped beyond": lambda f: state(f)["_drop_idx_after_grouping"].update(objects=[99] * 5),
        "dropped before": lambda f: state(f)["_drop_idx_after_grouping"].update(objects=[-1] * 5),
    }
    load_content(path, content)
    for edit in edits.values():
        forgery = Forgery(content)
        edit(forgery)
        assert_refused(path, forgery)


def load_content(path, content):
    path.write_bytes(content)
    return load(path)


def edit_state(name, **attributes):
    """An edit of the first object of a class in a file."""

    def edit(forgery):
        state = next(states_of(forgery.tree, name))
        for attribute, value in attributes.items():
            state[attribute] = value(state[attribute]) if callable(value) else value

    return edit


def edit_tensor(name, change):
    def edit(forgery):
        (key,) = (key for key in forgery.tensors if key.endswith(name))
        forgery.tensors[key] = change(forgery.tensors[key])

    return edit


def in_pairs(change):
    """An edit of a dict in a tree."""
    return lambda tree: {"dict": change(tree["dict"])}


WORDS = make_pipeline(TfidfVectorizer(), clf())
HARM = {
    "a word beyond the columns": (
        WORDS,
        edit_state("TfidfVectorizer", vocabulary_=in_pairs(lambda pairs: [[pairs[0][0], 10**6], *pairs[1:]])),
        "vocabulary_ has not each of its columns once",
    ),
    "a word before the columns": (
        WORDS,
        edit_state("TfidfVectorizer", vocabulary_=in_pairs(lambda pairs: [[pairs[0][0], -1], *pairs[1:]])),
        "vocabulary_ has not each",
    ),
    "words in one column": (
        WORDS,
        edit_state("TfidfVectorizer", vocabulary_=in_pairs(lambda pairs: [[word, 0] for word, _ in pairs])),
        "vocabulary_ has not each",
    ),
    "no vocabulary": (WORDS, edit_state("TfidfVectorizer", vocabulary_=["a"]), "vocabulary_ is no dict"),
    "frequencies of fewer words": (WORDS, edit_tensor("idf_", lambda a: a[1:]), "idf_ of a TfidfTransformer"),
    "a key beyond the columns": (
        DictVectorizer(),
        edit_state("DictVectorizer", vocabulary_=in_pairs(lambda pairs: [[pairs[0][0], 7], *pairs[1:]])),
        "vocabulary_ has not each",
    ),
    "no columns to hash into": (FeatureHasher(), edit_state("FeatureHasher", n_features=0), "'n_features' parameter"),
    "no columns of hashed words": (
        HashingVectorizer(),
        edit_state("HashingVectorizer", n_features=2**31),
        "'n_features' parameter",
    ),
    "a label's other place": (
        pre.MultiLabelBinarizer(),
        edit_state("MultiLabelBinarizer", _cached_dict={"dict": [["a", 9], ["b", 1], ["c", 2]]}),
        "_cached_dict does not fit classes_",
    ),
    "groups of other features": (
        KMeans(2, n_init=1),
        lambda forgery: (
            edit_tensor("cluster_centers_", lambda a: a[:, :1].copy())(forgery),
            next(states_of(forgery.tree, "KMeans")).pop("n_features_in_"),
        ),
        "cluster_centers_ of a KMeans does not fit",
    ),
    "no groups": (KMeans(2, n_init=1), edit_tensor("cluster_centers_", lambda a: a[:0]), "has no centers"),
    "steps that take for ever": (
        AdditiveChi2Sampler(),
        edit_state("AdditiveChi2Sampler", sample_steps=2**31),
        "sample_steps of a AdditiveChi2Sampler",
    ),
    "a transformation that takes for ever": (
        NMF(2),
        edit_state("NMF", max_iter=10**12),
        "max_iter is more than 1000000",
    ),
    "no threads": (KMeans(2, n_init=1), edit_state("KMeans", _n_threads=0), "_n_threads of a KMeans"),
    "powers of any features": (
        pre.PolynomialFeatures(2),
        lambda forgery: next(states_of(forgery.tree, "PolynomialFeatures")).pop("n_features_in_"),
        "n_features_in_ of a PolynomialFeatures is missing",
    ),
    "coefficients that a fit begins with": (
        linear.Lasso(),
        edit_state("Lasso", warm_start=True),
        "warm_start of a linear model must be False",
    ),
    "a matrix that a fit takes": (
        linear.Lasso(),
        edit_state("Lasso", precompute={"objects": [1.0], "shape": [1, 1]}),
        "precompute must not be a matrix",
    ),
    "labels that are not sorted": (
        pre.LabelBinarizer(),
        edit_tensor("classes_", lambda a: a[::-1].copy()),
        "not sorted",
    ),
    "columns of no degree": (
        pre.PolynomialFeatures(2),
        edit_state("PolynomialFeatures", n_output_features_=10**7, _n_out_full=10**7),
        "does not fit degree",
    ),
    "a degree that takes for ever": (
        pre.PolynomialFeatures(2),
        edit_state("PolynomialFeatures", degree=10**30),
        "degree is too large",
    ),
    "features that take for ever": (
        pre.PolynomialFeatures(2),
        edit_state("PolynomialFeatures", n_features_in_=2**22),
        "degree is too large",
    ),
    "a spline of another degree": (
        pre.SplineTransformer(sparse_output=True),
        edit_state("SplineTransformer", degree=5),
        "bsplines_ does not fit degree",
    ),
    "a spline with too few knots": (
        pre.SplineTransformer(),
        edit_state(
            "SplineTransformer", bsplines_=lambda all_: [{"spline": [*all_[0]["spline"][:2], 99, True]}, *all_[1:]]
        ),
        "knots",
    ),
    "a spline that is none": (
        pre.SplineTransformer(),
        edit_state("SplineTransformer", bsplines_=[{"spline": [1, 2, 3, True]}]),
        "spline that is none",
    ),
    "factors of another number": (
        MiniBatchNMF(2),
        edit_state("MiniBatchNMF", _n_components=3),
        "_n_components of a MiniBatchNMF does not fit",
    ),
    "an index beyond a sparse matrix": (
        SparseRandomProjection(3, random_state=0),
        edit_tensor("components_ (2)", lambda a: a + 10**6),
        "indices must be <|column index",
    ),
    "rows beyond a sparse matrix": (
        SparseRandomProjection(3, random_state=0),
        edit_tensor("components_ (3)", lambda a: a * 10**6),
        "index pointer|indptr|last value",
    ),
    "rows that run backwards": (
        SparseRandomProjection(3, random_state=0),
        edit_tensor("components_ (3)", lambda a: np.array([0, a[-1], 0, a[-1]], a.dtype)),
        "indptr|index pointer",
    ),
    "a sparse matrix of another kind": (
        SparseRandomProjection(3, random_state=0),
        edit_state("SparseRandomProjection", components_=lambda tree: tree | {"sparse": "dia_matrix"}),
        "sparse matrix that is none",
    ),
    "a method that is none to predict": (
        StackingClassifier([("a", clf())], cv=2),
        edit_state("StackingClassifier", stack_method_=["save"]),
        "stack_method_ of a StackingClassifier must not be so",
    ),
    "a method of a chain": (
        ClassifierChain(clf()),
        edit_state("ClassifierChain", chain_method_="fit"),
        "chain_method_ of a ClassifierChain",
    ),
    "a method of a scorer": (
        searches.GridSearchCV(clf(), {}, cv=2, scoring="accuracy"),
        edit_state("_Scorer", _response_method="save"),
        "_response_method of a _Scorer",
    ),
    "a function of another module": (
        pre.FunctionTransformer(np.exp),
        edit_state("FunctionTransformer", func={"function": "os.system"}),
        "function 'os.system', which is none that a file may name",
    ),
    "a function of NumPy that reads files": (
        pre.FunctionTransformer(np.exp),
        edit_state("FunctionTransformer", func={"function": "numpy.load"}),
        "none that a file may name",
    ),
    "a function of no module": (
        pre.FunctionTransformer(np.exp),
        edit_state("FunctionTransformer", func={"function": "eval"}),
        "none that a file may name",
    ),
    "a function that is no text": (
        pre.FunctionTransformer(np.exp),
        edit_state("FunctionTransformer", func={"function": ["numpy.exp"]}),
        "none that a file may name",
    ),
    "a part of a function": (
        pre.FunctionTransformer(np.exp),
        edit_state(
            "FunctionTransformer", func={"partial": "os.system", "arguments": ["true"], "keywords": {"dict": []}}
        ),
        "none that a file may name",
    ),
    "many threads of a function": (
        pre.FunctionTransformer(np.exp),
        edit_state(
            "FunctionTransformer",
            func={
                "partial": "sklearn.feature_selection.f_classif",
                "arguments": [],
                "keywords": {"dict": [["n_jobs", 10**5]]},
            },
        ),
        "arguments that is none",
    ),
    "a distribution that is none": (
        searches.RandomizedSearchCV(clf(), {"alpha": scipy.stats.uniform()}, cv=2, n_iter=1),
        edit_state(
            "RandomizedSearchCV",
            param_distributions={"distribution": "rv_histogram", "arguments": [1.0], "keywords": {"dict": []}},
        ),
        "distribution that is none",
    ),
    "a distribution of texts": (
        searches.RandomizedSearchCV(clf(), {"alpha": scipy.stats.uniform()}, cv=2, n_iter=1),
        edit_state(
            "RandomizedSearchCV",
            param_distributions={"distribution": "norm", "arguments": ["a"], "keywords": {"dict": []}},
        ),
        "distribution that is none",
    ),
    "a class that no file may hold": (
        pre.StandardScaler(),
        lambda forgery: forgery.tree.update(object="sklearn.RandomForestClassifier"),
        "class 'sklearn.RandomForestClassifier', which is none",
    ),
    "a part that is private": (
        pre.StandardScaler(),
        lambda forgery: forgery.tree.update(object="sklearn._SigmoidCalibration", state={"a_": 1.0}),
        "_SigmoidCalibration, which is no model|does not need",
    ),
    "a text in the page": (
        pre.StandardScaler(),
        edit_state("StandardScaler", _doc_link_template="<script>"),
        "attribute '_doc_link_template'",
    ),
    "a method hidden": (pre.StandardScaler(), edit_state("StandardScaler", transform=1), "attribute 'transform'"),
    "constraints hidden": (
        pre.StandardScaler(),
        edit_state("StandardScaler", _parameter_constraints={"dict": []}),
        "attribute '_parameter_constraints'",
    ),
    "features without a number": (
        pre.StandardScaler(),
        edit_state("StandardScaler", n_features_in_=-1),
        "n_features_in_ of a StandardScaler is no number of features",
    ),
    "features without end": (
        pre.Binarizer(),
        edit_state("Binarizer", n_features_in_={"scalar": "int64", "value": 2**40}),
        "n_features_in_ of a Binarizer is no number of features",
    ),
    "features made without end": (
        RBFSampler(n_components=3),
        edit_state("RBFSampler", _n_features_out=2**40),
        "_n_features_out of a RBFSampler",
    ),
    "features of members without end": (
        StackingClassifier([("a", clf())], cv=2),
        edit_state("StackingClassifier", _n_feature_outs=[2**40]),
        "_n_feature_outs of a StackingClassifier",
    ),
    "names of more features": (
        pre.StandardScaler(),
        edit_state("StandardScaler", feature_names_in_={"objects": ["a"], "shape": [1]}),
        "feature_names_in_ of a StandardScaler does not fit",
    ),
    "an estimator's name for none": (
        VotingClassifier([("a", clf())]),
        edit_state("VotingClassifier", named_estimators_={"named": [["a", 5]]}),
        "estimator that is none",
    ),
    "names of estimators elsewhere": (
        VotingClassifier([("a", clf())]),
        edit_state("VotingClassifier", classes_={"named": [["a", 0]]}),
        "estimator that is none|does not need",
    ),
    "requests that are none": (
        pre.StandardScaler(),
        edit_state("StandardScaler", _metadata_request={"requests": {"dict": [["fit", {"dict": [["a", 5]]}]]}}),
        "request that is none",
    ),
    "requests of an owner": (
        pre.StandardScaler(),
        edit_state("StandardScaler", _metadata_request={"requests": {"dict": [["owner", {"dict": []}]]}}),
        "request that is none",
    ),
    "a mask of another length": (
        searches.GridSearchCV(clf(), {"alpha": [1.0]}, cv=2),
        edit_state("GridSearchCV", x={"masked": [1, 2], "mask": {"objects": [True], "shape": [1]}}),
        "mask that is none",
    ),
    "a set of lists": (pre.StandardScaler(), edit_state("StandardScaler", x={"set": [[1]]}), "set that is none"),
    "a set made to take long": (
        pre.StandardScaler(),
        edit_state("StandardScaler", x={"frozenset": [i * (2**61 - 1) for i in range(1, 70)]}),
        "set that is none",
    ),
    "a type that splits nothing": (
        pre.StandardScaler(),
        edit_state("StandardScaler", x={"type": "sklearn.StandardScaler"}),
        "type that is none",
    ),
    "an imputation by nothing": (
        IterativeImputer(max_iter=1),
        edit_state("IterativeImputer", imputation_sequence_=[{"imputation": [0, 1, None]}]),
        "imputation that is none",
    ),
    "thresholds that are too few": (
        IsotonicRegression(),
        edit_tensor("y_thresholds_", lambda a: a[1:]),
        "must be equal in length",
    ),
}
DATA = {
    "TfidfVectorizer": TEXTS, "HashingVectorizer": TEXTS, "Pipeline": TEXTS, "DictVectorizer": DICTS,
    "FeatureHasher": DICTS, "MultiLabelBinarizer": [("a", "b"), ("c",)], "LabelBinarizer": LABELS,
    "MiniBatchNMF": POSITIVE, "NMF": POSITIVE, "AdditiveChi2Sampler": POSITIVE,
    "IterativeImputer": HOLES, "IsotonicRegression": X[:, 0],
}  # fmt: skip


@pytest.mark.parametrize("name", HARM)
@pytest.mark.filterwarnings("ignore")
def test_files_made_to_do_harm(path, name):
    model, edit, message = HARM[name]
    y = {"ClassifierChain": MANY, "IsotonicRegression": NUMBERS, "Lasso": NUMBERS}.get(type(model).__name__, LABELS)
    data = DATA.get(type(model).__name__, X)
    model = clone(model).fit(data, *[] if isinstance(model, pre.MultiLabelBinarizer | pre.LabelBinarizer) else [y])
    forgery = forged(model, path)
    load(path)
    edit(forgery)
    assert_refused(path, forgery, message)


def test_decisions_about_several_labels(path):
    """Of an estimator whose decisions may be more than the rows, no one against the rest is stored."""
    several = make_pipeline(pre.FunctionTransformer(np.ravel), clf())
    for estimator in (several, searches.GridSearchCV(clf(), {}, cv=2), make_pipeline(TfidfVectorizer(), clf())):
        model = OneVsRestClassifier(clf()).fit(X, MANY)
        model.estimators_[1] = estimator
        with pytest.raises(ValueError, match="OneVsRestClassifier of several labels may have networks"):
            save(model, path)
    for estimator in (linear.LogisticRegression().fit(X, LABELS), clf().fit(X, MANY[:, :2]), reg().fit(X, X[:, :2])):
        model = OneVsRestClassifier(clf()).fit(X, MANY)
        model.estimators_[1] = estimator
        with pytest.raises(ValueError, match="OneVsRestClassifier of several labels may have networks"):
            save(model, path)
    with pytest.warns(UserWarning, match="Label 3 is present in all"):
        model = OneVsRestClassifier(clf()).fit(X, np.column_stack([MANY, np.ones(60, int)]))
    model.estimators_[3].y_ = np.ones(9)
    with pytest.raises(ValueError, match="y_ of a _ConstantPredictor is more than a number"):
        save(model, path)
