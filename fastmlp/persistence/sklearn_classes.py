"""The lists of what files may hold of scikit-learn, NumPy and SciPy: classes, functions and distributions by name.

A name in a file is looked up here. Only when it stands in a list is the list's own module imported; what is imported is
never decided by a file.
"""

import sys
from functools import cache
from importlib import import_module
from typing import Any

# The classes by the module they are in. Their state is arrays and plain data, and what code in C and Cython takes for
# granted of it is checked (fastmlp.persistence.sklearn_checks). So there are no trees, forests, nearest neighbours or
# kernel machines here: their compiled code follows indices that it does not check.
_CLASSES = {
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster": "KMeans MiniBatchKMeans",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor make_column_selector",
    "sklearn.cross_decomposition": "CCA PLSCanonical PLSRegression",
    "sklearn.decomposition": (
        "FactorAnalysis FastICA IncrementalPCA KernelPCA LatentDirichletAllocation MiniBatchNMF NMF PCA TruncatedSVD"
    ),
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier DummyRegressor",
    "sklearn.ensemble": (
        "AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor StackingClassifier StackingRegressor"
        " VotingClassifier VotingRegressor"
    ),
    "sklearn.feature_extraction": "DictVectorizer FeatureHasher",
    "sklearn.feature_extraction.text": "CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer",
    "sklearn.feature_selection": (
        "GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile"
        " SequentialFeatureSelector VarianceThreshold"
    ),
    "sklearn.frozen": "FrozenEstimator",
    "sklearn.impute": "KNNImputer MissingIndicator SimpleImputer",
    "sklearn.impute._iterative": "IterativeImputer",
    "sklearn.isotonic": "IsotonicRegression",
    "sklearn.kernel_approximation": ("AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler"),
    "sklearn.linear_model": (
        "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lasso LassoCV LinearRegression"
        " LogisticRegression LogisticRegressionCV QuantileRegressor Ridge RidgeCV RidgeClassifier RidgeClassifierCV"
    ),
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection": (
        "FixedThresholdClassifier GridSearchCV GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut"
        " LeavePGroupsOut LeavePOut PredefinedSplit RandomizedSearchCV RepeatedKFold RepeatedStratifiedKFold"
        " ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
        " TunedThresholdClassifierCV"
    ),
    "sklearn.model_selection._search_successive_halving": "HalvingGridSearchCV HalvingRandomSearchCV",
    "sklearn.model_selection._split": "_CVIterableWrapper",
    "sklearn.multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor",
    "sklearn.multioutput": "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
    "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
    "sklearn.neighbors": "NeighborhoodComponentsAnalysis",
    "sklearn.neural_network": "BernoulliRBM",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing": (
        "Binarizer FunctionTransformer KBinsDiscretizer KernelCenterer LabelBinarizer LabelEncoder MaxAbsScaler"
        " MinMaxScaler MultiLabelBinarizer Normalizer OneHotEncoder OrdinalEncoder PolynomialFeatures PowerTransformer"
        " QuantileTransformer RobustScaler SplineTransformer StandardScaler TargetEncoder"
    ),
    "sklearn.random_projection": "GaussianRandomProjection SparseRandomProjection",
    "sklearn.semi_supervised": "SelfTrainingClassifier",
    "sklearn.svm": "LinearSVC LinearSVR",
}
_MODULES = {name: module for module, names in _CLASSES.items() for name in names.split()}

# The functions are those that transform numbers or texts one by one or row by row, those that score features, and
# metrics.
_FUNCTIONS = {
    "numpy": (
        "abs absolute arccos arccosh arcsin arcsinh arctan arctanh around asarray cbrt ceil clip cos cosh cumsum"
        " deg2rad degrees diff exp exp2 expm1 fabs fix flip floor isfinite isinf isnan log log10 log1p log2 logical_not"
        " nan_to_num negative positive rad2deg radians ravel real reciprocal reshape rint round sign signbit sin sinh"
        " sqrt square squeeze tan tanh trunc"
    ),
    "scipy.special": (
        "boxcox boxcox1p cbrt entr erf erfinv exp10 exp2 expit expm1 inv_boxcox inv_boxcox1p log1p log_expit"
        " log_softmax logit ndtr ndtri psi softmax"
    ),
    "sklearn.feature_selection": "chi2 f_classif f_regression mutual_info_classif mutual_info_regression r_regression",
    "sklearn.metrics": (
        "accuracy_score adjusted_mutual_info_score adjusted_rand_score auc average_precision_score"
        " balanced_accuracy_score brier_score_loss cohen_kappa_score completeness_score d2_absolute_error_score"
        " d2_brier_score d2_log_loss_score d2_pinball_score d2_tweedie_score dcg_score explained_variance_score"
        " f1_score fbeta_score fowlkes_mallows_score hamming_loss hinge_loss homogeneity_score jaccard_score"
        " label_ranking_average_precision_score label_ranking_loss log_loss matthews_corrcoef max_error"
        " mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss"
        " mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance median_absolute_error"
        " mutual_info_score ndcg_score normalized_mutual_info_score precision_score r2_score rand_score recall_score"
        " roc_auc_score root_mean_squared_error root_mean_squared_log_error top_k_accuracy_score v_measure_score"
        " zero_one_loss"
    ),
    "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
    "sklearn.preprocessing": (
        "add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform quantile_transform robust_scale"
        " scale"
    ),
    "str": "casefold lower lstrip rstrip split splitlines strip swapcase title upper",
}

# From these distributions a search may draw parameters.
_DISTRIBUTIONS = (
    "bernoulli beta betabinom binom chi2 dlaplace expon exponnorm gamma geom halfcauchy halfnorm invgamma laplace"
    " logistic loguniform lognorm norm pareto poisson powerlaw randint reciprocal t trapezoid triang truncnorm uniform"
    " weibull_min"
)


@cache
def sklearn_class(name: str) -> type | None:
    """Return the class of scikit-learn that has a name, or None for a name that is not in the list."""
    module = _MODULES.get(name)
    return None if module is None else getattr(import_module(module), name)


def sklearn_name(cls: type) -> str | None:
    """Return the name of a class of scikit-learn, or None for a class that is not in the list; it imports nothing."""
    module = _MODULES.get(cls.__name__)
    # If nobody has imported the module in the list, the given class is another one of the same name.
    return cls.__name__ if module and getattr(sys.modules.get(module), cls.__name__, None) is cls else None


def sklearn_classes() -> dict[str, type]:
    """Return all classes in the list by name; their modules are imported, which takes a second."""
    return {name: getattr(import_module(module), name) for name, module in _MODULES.items()}


def function(name: str) -> Any:
    """Return the function of a name such as ``numpy.log1p``, or None for one that no file may name."""
    module, _, attribute = name.rpartition(".")
    if attribute not in _FUNCTIONS.get(module, "").split():
        return None
    return getattr(str if module == "str" else import_module(module), attribute)


def function_name(value: Any) -> str | None:
    """Return the name of a function, or None for one that no file may name."""
    attribute = getattr(value, "__name__", None)
    for module, names in _FUNCTIONS.items():
        owner = str if module == "str" else sys.modules.get(module)
        if attribute in names.split() and getattr(owner, attribute, None) is value:
            return f"{module}.{attribute}"
    return None


def distribution(name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Return a frozen distribution of ``scipy.stats``, or None for a name that no file may have."""
    return (
        getattr(import_module("scipy.stats"), name)(*arguments, **keywords) if name in _DISTRIBUTIONS.split() else None
    )


def distribution_name(value: Any) -> str | None:
    """Return the name of a frozen distribution of ``scipy.stats``, or None for anything else."""
    stats, kind = sys.modules.get("scipy.stats"), getattr(value, "dist", None)
    name = getattr(kind, "name", None)
    if stats is None or name not in _DISTRIBUTIONS.split() or type(kind) is not type(getattr(stats, name)):
        return None
    return name if type(value) is type(getattr(stats, name).freeze(*value.args, **value.kwds)) else None
