"""Models of scikit-learn's classes with networks in them: what the tests of such files save and load."""

import functools
import warnings
from functools import cache

import numpy as np
import pandas as pd
import scipy.sparse
import scipy.special
import scipy.stats
import sklearn.metrics
import sklearn.neural_network
from sklearn import feature_selection as selection
from sklearn import linear_model as linear
from sklearn import model_selection as searches
from sklearn import preprocessing as pre
from sklearn.base import clone
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
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC, LinearSVR

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.optimizers import SGD
from tests.files import LABELS, MANY, NUMBERS, X

POSITIVE, WHOLE = np.abs(X), np.round(np.abs(X)).astype(int)
HOLES = np.where(X > 1.2, np.nan, X)
OTTERS = LABELS == "otter"
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
#: Each estimator stands with the samples it learns from and the targets it learns, which are None for some.
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
    """Return what a fitted model makes of data, by each of the methods that it has."""
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
    """Assert that two values are the same to the last bit."""
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
