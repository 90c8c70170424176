"""What fitted parts of scikit-learn must be like for its code, and SciPy's, to do with them what it does.

Python and NumPy look at every index, whatever a file says; an attribute of a wrong shape then ends in an exception,
here while loading rather than in a prediction. Code in C and Cython does not look, so what it takes for granted is
checked: the columns that encoders and vocabularies name, and the shapes of what is multiplied in loops of its own. So
is every text that decides which method is called, or what is imported.
"""

import encodings.aliases
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.preprocessing import LabelBinarizer

from fastmlp.persistence.contents import is_sklearn
from fastmlp.persistence.sklearn_classes import sklearn_name
from fastmlp.registration import is_model, name_of
from fastmlp.soundness import MAX_JOBS, are_texts, is_array, is_count, is_number, require

#: The number of columns that PolynomialFeatures may make at most.
MAX_COLUMNS = 1 << 20
#: The number of features that a part may name, one by one, at most.
MAX_FEATURES = 1 << 24
#: The number of steps that a loop in a transformation may take at most.
MAX_STEPS = 1_000_000

_COMPONENTS = "components_=kn explained_variance_=k explained_variance_ratio_=k singular_values_=k"
_LINEAR = "coef_=n|on intercept_=|o"
_COUNTS = "classes_=c:* class_count_=c class_log_prior_=c"
# The shapes of the attributes of fitted classes. A letter stands for an axis: the same letter is the same length, and
# n is n_features_in_; "#k" is a number that equals the length k. Shapes after "|" may be there, too; no letter is
# a number. A "?" at the end allows None; ":b" asks for truth values instead of numbers, ":*" for any type.
_SHAPES = {
    "StandardScaler": "mean_=n? var_=n? scale_=n?",
    "MinMaxScaler": "scale_=n min_=n data_min_=n data_max_=n data_range_=n",
    "MaxAbsScaler": "max_abs_=n scale_=n",
    "RobustScaler": "center_=n? scale_=n?",
    "PowerTransformer": "lambdas_=n",
    "QuantileTransformer": "references_=q quantiles_=qn n_quantiles_=#q",
    "KBinsDiscretizer": "n_bins_=n bin_edges_=n:*",
    "KernelCenterer": "K_fit_rows_=n",
    "PCA": _COMPONENTS + " mean_=n n_components_=#k",
    "IncrementalPCA": _COMPONENTS + " mean_=n var_=n n_components_=#k",
    "TruncatedSVD": _COMPONENTS,
    "FastICA": "components_=kn mean_=n whitening_=kn mixing_=nk _unmixing=kk",
    "FactorAnalysis": "components_=kn mean_=n noise_variance_=n",
    "KernelPCA": "eigenvalues_=k eigenvectors_=mk X_fit_=mn dual_coef_=mn X_transformed_fit_=mk",
    "NMF": "components_=kn n_components_=#k _n_components=#k",
    "MiniBatchNMF": (
        "components_=kn n_components_=#k _n_components=#k _components_numerator=kn _components_denominator=kn"
    ),
    "LatentDirichletAllocation": "components_=kn exp_dirichlet_component_=kn",
    "GaussianRandomProjection": "components_=kn inverse_components_=nk n_components_=#k",
    "SparseRandomProjection": "components_=kn inverse_components_=nk n_components_=#k",
    "Nystroem": "components_=kn normalization_=kk component_indices_=k",
    "RBFSampler": "random_weights_=nk random_offset_=k",
    "SkewedChi2Sampler": "random_weights_=nk random_offset_=k",
    "PolynomialCountSketch": "indexHash_=dm bitHash_=dm",
    "TfidfTransformer": "idf_=n",
    "SimpleImputer": "statistics_=n:*",
    "KNNImputer": "_fit_X=mn _mask_fit_X=mn:b _valid_mask=n:b",
    "MissingIndicator": "features_=i",
    "IterativeImputer": "_min_value=n _max_value=n _is_empty_feature=n:b",
    "VarianceThreshold": "variances_=n",
    **dict.fromkeys(
        ("SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe", "GenericUnivariateSelect"),
        "scores_=n pvalues_=n?",
    ),
    **dict.fromkeys(("RFE", "RFECV"), "support_=n:b ranking_=n"),
    "SequentialFeatureSelector": "support_=n:b",
    "IsotonicRegression": "X_thresholds_=t y_thresholds_=t",
    "OutputCodeClassifier": "code_book_=ce classes_=c:*",
    "LinearDiscriminantAnalysis": (
        "classes_=c:* priors_=c means_=cn xbar_=n scalings_=nr coef_=on intercept_=o covariance_=nn"
    ),
    "QuadraticDiscriminantAnalysis": "classes_=c:* priors_=c means_=cn",
    "GaussianNB": "classes_=c:* theta_=cn var_=cn class_prior_=c class_count_=c",
    **dict.fromkeys(
        ("BernoulliNB", "ComplementNB", "MultinomialNB"), _COUNTS + " feature_count_=cn feature_log_prob_=cn"
    ),
    "CategoricalNB": _COUNTS + " n_categories_=n",
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), "classes_=c:* coef_=on intercept_=o"),
    "LinearSVC": "classes_=c:* coef_=on intercept_=|o",
    "LinearSVR": "coef_=n intercept_=|o",
    "BayesianRidge": "coef_=n sigma_=nn X_offset_=n X_scale_=n",
    **dict.fromkeys(("LinearRegression", "Ridge", "RidgeCV", "RidgeClassifier", "RidgeClassifierCV"), _LINEAR),
    **dict.fromkeys(("Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"), _LINEAR),
    **dict.fromkeys(("ARDRegression", "HuberRegressor", "QuantileRegressor"), "coef_=n intercept_=|"),
    **dict.fromkeys(
        ("CCA", "PLSCanonical", "PLSRegression"), "_x_mean=n _x_std=n x_rotations_=nk _y_mean=o coef_=on intercept_=o"
    ),
    "KMeans": "cluster_centers_=kn",
    "MiniBatchKMeans": "cluster_centers_=kn _counts=k",
    "BernoulliRBM": "components_=kn intercept_hidden_=k intercept_visible_=n h_samples_=bk",
    "NeighborhoodComponentsAnalysis": "components_=kn",
}
_RESPONSES = ("predict_proba", "decision_function", "predict", "score_samples")


def check_sklearn(part: Any) -> None:
    """Refuse an object of scikit-learn's that lacks what its compiled code relies on.

    Raises
    ------
    ValueError
        It says what is wrong.
    """
    name, state = type(part).__name__, vars(part)
    names = state.get("feature_names_in_")
    n_features = state.get("n_features_in_", np.size(names))  # some have that of a part
    require(_is_width(n_features), f"n_features_in_ of a {name} is no number of features", n_features)
    are_names = names is None or (is_array(names, n_features, kinds="O") and all(type(text) is str for text in names))
    require(are_names, f"feature_names_in_ of a {name} does not fit n_features_in_")
    _check_shapes(part)
    for parameter, sound in _PARAMETERS.items():
        if parameter in state:
            require(sound(state[parameter]), f"{parameter} of a {name} must not be so in a file", state[parameter])
    if name in _CHECKS:
        _CHECKS[name](part)


# ---- shapes ----------------------------------------------------------------------------------------------------------


@cache
def _shapes(name: str) -> tuple[tuple[str, list[str], str], ...]:
    """Return for each attribute of a class its name, the shapes it may have, and the mark at their end."""
    parsed = re.findall(r"(\w+)=([\w|#]+)(\?|:.)?", _SHAPES.get(name, ""))
    return tuple((attribute, shapes.split("|"), mark) for attribute, shapes, mark in parsed)


def _check_shapes(part: Any) -> None:
    """Refuse arrays that do not fit each other."""
    name, state = type(part).__name__, vars(part)
    lengths = {"n": state.get("n_features_in_")}  # without it the class would not check the width of X
    for attribute, shapes, mark in _shapes(name):
        if attribute not in state:
            continue
        value = state[attribute]
        wrong = f"{attribute} of a {name} does not fit its other attributes"
        if shapes[0].startswith("#"):
            length = lengths.get(shapes[0][1:], value)
            require(is_count(value) and value == length, wrong, value)
        elif value is None:
            require(mark == "?", wrong, value)
        elif is_number(value):
            require("" in shapes, wrong, value)
        else:
            kinds = {":b": "b", ":*": "biufUO"}.get(mark, "fiu")
            is_sound = (type(value) is np.ndarray or issparse(value)) and value.dtype.kind in kinds
            require(is_sound, f"{attribute} of a {name} is no array of such a type")
            axes = next((axes for axes in shapes if axes and len(axes) == value.ndim), None)
            require(axes is not None, f"{wrong}: it has {value.ndim} axes")
            assert axes is not None
            fits = all(
                lengths.setdefault(axis, length) == length for axis, length in zip(axes, value.shape, strict=True)
            )
            require(fits, f"{wrong}: its shape is {value.shape}")


# ---- parameters ------------------------------------------------------------------------------------------------------


def _is_width(value: Any) -> bool:
    """Whether a value is a number of features that there may be."""
    return is_count(value) and value <= MAX_FEATURES


def _is_encoding(value: Any) -> bool:
    """Whether a value names an encoding of texts that Python itself has; Python looks for others among modules."""
    known = encodings.aliases.aliases
    name = value.lower().replace("-", "_").replace(" ", "_") if type(value) is str else ""
    rest = ("utf_8_sig", "koi8_u", "cp720", "cp737", "cp874")  # these are no aliases
    return name in {*known, *known.values(), *rest} and not known.get(name, name).endswith("_codec")


# What attributes of these names must be in any class. A text that names a module, a method or an expression must be one
# of those that are known.
_PARAMETERS: dict[str, Callable[[Any], bool]] = {
    "encoding": _is_encoding,
    "pre_dispatch": lambda value: (
        value is None
        or is_count(value)
        or (type(value) is str and bool(re.fullmatch(r"all|(\d{1,4} ?\* ?)?n_jobs", value)))
    ),
    "importance_getter": lambda value: callable(value) or bool(re.fullmatch(r"[a-z]\w*(\.[a-z]\w*)*", value)),
    "_n_features_out": _is_width,
    "n_features_out_": _is_width,
    "_n_feature_outs": lambda value: type(value) is list and all(map(_is_width, value)),
    "sample_steps": lambda value: is_count(value) and value <= 1000,
    "max_doc_update_iter": lambda value: is_count(value) and value <= MAX_STEPS,
    "_n_threads": lambda value: is_count(value) and 1 <= value <= MAX_JOBS,
    "stack_method_": lambda value: type(value) is list and all(method in _RESPONSES for method in value),
    "chain_method_": lambda value: value in _RESPONSES,
    "_response_method": lambda value: (
        value in _RESPONSES or (type(value) in (list, tuple) and all(method in _RESPONSES for method in value))
    ),
}


# ---- columns ---------------------------------------------------------------------------------------------------------


def check_labels(labels: Any) -> None:
    """Refuse classes that are not sorted: a label is looked for by bisection, and would not be found where it is."""
    require(type(labels) is np.ndarray and labels.ndim == 1 and labels.size > 0, "classes_ is no vector")
    is_sorted = np.array_equal(np.unique(labels), labels, equal_nan=labels.dtype.kind == "f")
    require(is_sorted, "classes_ is not sorted, or has a class twice")


def _check_label_encoder(encoder: Any) -> None:
    if "classes_" in vars(encoder):
        check_labels(encoder.classes_)


def _check_label_binarizer(binarizer: Any) -> None:
    if "classes_" not in vars(binarizer):
        return
    check_labels(binarizer.classes_)
    state = vars(binarizer)
    require(type(state.get("y_type_")) is str, "y_type_ must be a kind of targets", state.get("y_type_"))
    require(isinstance(state.get("sparse_input_"), bool | np.bool_), "sparse_input_ is neither True nor False")


def _check_multilabel_binarizer(binarizer: Any) -> None:
    if "classes_" in vars(binarizer):
        classes, cached = binarizer.classes_, vars(binarizer).get("_cached_dict")
        require(type(classes) is np.ndarray and classes.ndim == 1, "classes_ is no vector")
        is_same = cached is None or cached == dict(zip(classes, range(len(classes)), strict=True))
        require(is_same, "_cached_dict does not fit classes_")


def _check_categories(encoder: Any) -> None:
    """Refuse categories of which not each is found, or which are not grouped as their indices say."""
    state = vars(encoder)
    if "categories_" not in state:
        return
    categories, is_grouped = state["categories_"], state.get("_infrequent_enabled")
    require(type(categories) is list, "categories_ is no list")
    require(len(categories) == state.get("n_features_in_"), "categories_ does not fit n_features_in_")
    require(type(is_grouped) is bool, "_infrequent_enabled is neither True nor False", is_grouped)
    for values in categories:
        require(type(values) is np.ndarray and values.ndim == 1 and values.size > 0, "categories_ has no vectors")
        if values.dtype.kind != "O":  # a category is looked for by bisection
            is_sorted = np.array_equal(np.unique(values), values, equal_nan=values.dtype.kind == "f")
            require(is_sorted, "categories_ is not sorted")
    if not is_grouped:
        return
    infrequent, mappings = state.get("_infrequent_indices"), state.get("_default_to_infrequent_mappings")
    are_lists = type(infrequent) is list and type(mappings) is list
    require(are_lists and len(infrequent) == len(mappings) == len(categories), "infrequent categories are missing")
    left_out = state.get("_missing_indices") or {}
    require(type(left_out) is dict, "_missing_indices is no dict", left_out)
    for i, (values, indices, mapping) in enumerate(zip(categories, infrequent, mappings, strict=True)):
        if indices is None and mapping is None:
            continue
        n_left = len(values) - (i in left_out)
        wrong = f"the infrequent categories of column {i} are not what categories_ has"
        require(is_array(indices, np.size(indices), kinds="i") and np.size(indices) > 0, wrong)
        require(np.array_equal(np.unique(indices), indices) and indices[0] >= 0 and indices[-1] < n_left, wrong)
        expected = np.empty(n_left, np.int64)
        expected[indices] = n_left - len(indices)
        expected[np.setdiff1d(np.arange(n_left), indices)] = np.arange(n_left - len(indices))
        require(is_array(mapping, n_left, kinds="i") and np.array_equal(mapping, expected), wrong)


def _check_one_hot(encoder: Any) -> None:
    """Refuse an encoder whose matrices would have elements beside their columns."""
    _check_categories(encoder)
    state = vars(encoder)
    if "categories_" not in state:
        return
    n_columns = [len(values) for values in encoder.categories_]
    if encoder._infrequent_enabled:
        for i, indices in enumerate(encoder._infrequent_indices):
            n_columns[i] -= 0 if indices is None else len(indices) - 1
    dropped = state.get("_drop_idx_after_grouping")
    if dropped is not None:
        require(is_array(dropped, len(n_columns), kinds="O"), "the index of dropped categories is wrong")
        fits = (i is None or (is_count(i) and i < n) for i, n in zip(dropped, n_columns, strict=True))
        require(all(fits), "the index of dropped categories is wrong")
        n_columns = [n - (i is not None) for i, n in zip(dropped, n_columns, strict=True)]
    given = state.get("_n_features_outs")
    require(type(given) is list and all(map(is_count, given)) and given == n_columns, "_n_features_outs is wrong")


def _check_target_encoder(encoder: Any) -> None:
    _check_categories(encoder)
    if "encodings_" in vars(encoder):
        encodings_, n_features = encoder.encodings_, len(encoder.categories_)
        require(type(encodings_) is list and n_features > 0, "encodings_ does not fit categories_")
        require(len(encodings_) % n_features == 0, "encodings_ does not fit categories_")
        # The columns of one class follow those of another.
        n_targets = len(encodings_) // n_features
        for i, encoding in enumerate(encodings_):
            fits = is_array(encoding, len(encoder.categories_[i // n_targets]))
            require(fits, f"encodings_[{i}] does not fit categories_")


def _check_factors(factors: Any) -> None:
    for name in ("max_iter", "_transform_max_iter"):  # of a transformation, too
        require(vars(factors).get(name, 1) <= MAX_STEPS, f"{name} is more than {MAX_STEPS}", vars(factors).get(name))


def _check_bins(discretizer: Any) -> None:
    if "bin_edges_" in vars(discretizer):
        pairs = zip(discretizer.bin_edges_, discretizer.n_bins_, strict=True)
        require(all(is_array(edges, n + 1) for edges, n in pairs), "bin_edges_ does not fit n_bins_")


def _check_vocabulary(vectorizer: Any) -> None:
    """Refuse a vocabulary whose words would be counted beside the columns."""
    if "vocabulary_" in vars(vectorizer):
        vocabulary = vectorizer.vocabulary_
        require(type(vocabulary) is dict, "vocabulary_ is no dict")
        are_columns = all(map(is_count, vocabulary.values())) and set(vocabulary.values()) == set(
            range(len(vocabulary))
        )
        require(are_columns, "vocabulary_ has not each of its columns once")
    if is_sklearn(type(vectorizer), "DictVectorizer") and "feature_names_" in vars(vectorizer):
        names = vectorizer.feature_names_
        require(
            are_texts(names) and len(names) == len(vars(vectorizer).get("vocabulary_", ())), "feature_names_ is wrong"
        )


def _check_groups(clusters: Any) -> None:
    centers = vars(clusters).get("cluster_centers_")
    require(centers is None or len(centers) > 0, "cluster_centers_ has no centers, among which the nearest is sought")


def _check_powers(features: Any) -> None:
    """Refuse numbers of columns that are not what the degree makes of the features."""
    state = vars(features)
    if not state.keys() & {"n_features_in_", "n_output_features_", "_max_degree"}:
        return
    require("n_features_in_" in state, "n_features_in_ of a PolynomialFeatures is missing")
    highest = max(features.degree) if type(features.degree) is tuple else features.degree
    require(highest <= 64 and state["n_features_in_"] <= MAX_COLUMNS, "degree is too large for a file", features.degree)
    counted = clone(features).fit(np.broadcast_to(0.0, (1, state["n_features_in_"])))
    require(counted.n_output_features_ <= MAX_COLUMNS, f"there are more than {MAX_COLUMNS} columns")
    for name in ("_min_degree", "_max_degree", "n_output_features_", "_n_out_full"):
        require(state.get(name) == getattr(counted, name), f"{name} does not fit degree", state.get(name))


def _check_splines(transformer: Any) -> None:
    state = vars(transformer)
    if "bsplines_" not in state:
        return
    splines = state["bsplines_"]
    require(
        type(splines) is list and len(splines) == state.get("n_features_in_"), "bsplines_ does not fit n_features_in_"
    )
    for spline in splines:
        is_spline = type(spline).__name__ == "BSpline" and spline.k == transformer.degree and spline.c.ndim == 2
        require(is_spline and spline.c.shape == splines[0].c.shape, "bsplines_ does not fit degree")


# ---- estimators of estimators ----------------------------------------------------------------------------------------


def _check_pipeline(pipeline: Any) -> None:
    are_named = all(isinstance(step, list | tuple) and [*map(type, step)][:1] == [str] for step in pipeline.steps)
    require(are_named and all(len(step) == 2 for step in pipeline.steps), "the steps must have names", pipeline.steps)


def _check_linear_classifier(classifier: Any) -> None:
    if "coef_" in vars(classifier) and "classes_" in vars(classifier):
        n_classes = len(classifier.classes_)
        require(len(classifier.coef_) == (1 if n_classes <= 2 else n_classes), "coef_ does not fit classes_")


def _check_constant(predictor: Any) -> None:
    if "y_" in vars(predictor):
        require(is_array(predictor.y_, 1, kinds="biuf"), "y_ of a _ConstantPredictor is more than a number")


def _check_coordinate_descent(regressor: Any) -> None:
    """Refuse parameters with which another fit would take over arrays that its compiled code trusts to fit X."""
    require(type(regressor.precompute) in (bool, str), "precompute must not be a matrix in a file")
    require(not vars(regressor).get("warm_start"), "warm_start of a linear model must be False in a file")


# These classes take texts or do what a function does, and may return another number of rows than they are given.
_OF_OTHER_ROWS = (
    "FunctionTransformer", "CountVectorizer", "TfidfVectorizer", "HashingVectorizer", "DictVectorizer", "FeatureHasher",
    "FrozenEstimator",
)  # fmt: skip


def _check_one_against_rest(classifier: Any) -> None:
    """Refuse estimators whose decisions would be stored beside the rows of a sparse matrix.

    There is such a matrix where samples have several labels; the best of several classes is found in another way.
    """
    state = vars(classifier)
    if "estimators_" not in state:
        return
    estimators, binarizer = state["estimators_"], state.get("label_binarizer_")
    require(type(binarizer) is LabelBinarizer and "classes_" in vars(binarizer), "label_binarizer_ is none")
    require(type(estimators) is list and len(estimators) > 0, "estimators_ is no list")
    kind = binarizer.y_type_
    n_expected = 1 if kind == "binary" else len(binarizer.classes_)
    require(len(estimators) == n_expected, "estimators_ does not fit label_binarizer_")
    if kind != "multiclass":
        for estimator in estimators:
            allowed = "may have networks, linear classifiers and pipelines of them"
            require(_decides_for_rows(estimator), f"a OneVsRestClassifier of several labels {allowed}", estimator)


def _decides_for_rows(estimator: Any) -> bool:
    """Whether an estimator returns one decision, a number, for each row it is given."""
    cls = type(estimator)
    if is_sklearn(cls, "Pipeline"):
        *steps, last = (step for _, step in estimator.steps)
        return all(map(_keeps_rows, steps)) and _decides_for_rows(last)
    if is_sklearn(cls, "_ConstantPredictor"):
        return True
    # A network has one output for two classes, but one for each of two labels.
    is_binary = is_sklearn(cls, "LogisticRegression", "LinearSVC") or (
        is_model(name_of(cls)) and getattr(estimator, "n_outputs_", None) == 1
    )
    return is_binary and len(getattr(estimator, "classes_", ())) == 2


def _keeps_rows(transformer: Any) -> bool:
    """Whether neither a transformer nor any transformer within it is one of those that may return other rows."""
    cls = type(transformer)
    if cls in (list, tuple):
        return all(map(_keeps_rows, transformer))
    if sklearn_name(cls) is None:
        return not hasattr(transformer, "get_params")
    if is_sklearn(cls, "FunctionTransformer") and transformer.func is None:
        return True  # a ColumnTransformer has such a part where columns pass through
    return cls.__name__ not in _OF_OTHER_ROWS and all(map(_keeps_rows, vars(transformer).values()))


_CHECKS: dict[str, Callable[[Any], None]] = {
    "LabelEncoder": _check_label_encoder,
    "LabelBinarizer": _check_label_binarizer,
    "MultiLabelBinarizer": _check_multilabel_binarizer,
    "OneHotEncoder": _check_one_hot,
    "OrdinalEncoder": _check_categories,
    "TargetEncoder": _check_target_encoder,
    "KBinsDiscretizer": _check_bins,
    **dict.fromkeys(("NMF", "MiniBatchNMF"), _check_factors),
    **dict.fromkeys(("CountVectorizer", "TfidfVectorizer", "DictVectorizer"), _check_vocabulary),
    **dict.fromkeys(("KMeans", "MiniBatchKMeans"), _check_groups),
    "PolynomialFeatures": _check_powers,
    "SplineTransformer": _check_splines,
    "Pipeline": _check_pipeline,
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV", "LinearSVC"), _check_linear_classifier),
    **dict.fromkeys(("Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"), _check_coordinate_descent),
    "_ConstantPredictor": _check_constant,
    "OneVsRestClassifier": _check_one_against_rest,
}
