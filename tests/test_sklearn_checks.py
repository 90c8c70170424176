"""scikit-learn's classes in files made to do harm: no forged state reaches compiled code."""

import warnings

import numpy as np
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
from sklearn import linear_model as linear
from sklearn import model_selection as searches
from sklearn import preprocessing as pre
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import (
    NMF,
    MiniBatchNMF,
)
from sklearn.ensemble import (
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import IterativeImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    RBFSampler,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.random_projection import SparseRandomProjection

from fastmlp import MLPRegressor, persistence
from fastmlp.persistence import load, save
from fastmlp.persistence.checks import parts
from fastmlp.persistence.sklearn_checks import _SHAPES, _shapes
from tests.files import Forgery, assert_refused, put, values
from tests.sklearn_models import (
    DICTS,
    HOLES,
    LABELS,
    MANY,
    MODELS,
    NUMBERS,
    POSITIVE,
    TEXTS,
    WHOLE,
    X,
    clf,
    fitted,
    reg,
)

pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


def forged(model, path):
    save(model, path)
    return Forgery(path.read_bytes())


def states_of(node, name):
    """Yield the states of all objects of a class that are in a tree."""
    if isinstance(node, dict):
        if node.get("object") == f"sklearn.{name}":
            yield node["state"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from states_of(part, name)


def changed(array, letters, alone, mark, n_shapes):
    """Yield arrays of other shapes or types, which do not fit; an axis whose length nothing else tells may vary."""
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
    for i in (i for i in range(len(MODELS)) if any(type(part) is cls for part in parts(fitted(i), set()))):
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
                    if "order" in tree:  # the layout itself would be refused
                        place = next(states_of(forgery.tree, name))
                        place[attribute] = {"tensor": tree["tensor"]}
                    assert_refused(path, forgery, f"{attribute} of a {name}|does not fit|x and y arrays")
                tried.add(attribute)
    n_matrices = {"components_", "inverse_components_"} if "RandomProjection" in name else set()
    absent = {"bin_edges_", "classes_", "covariance_", "intercept_", "X_transformed_fit_"} | n_matrices
    assert wanted - tried <= absent
    assert tried


def test_categories_made_to_do_harm(path):
    """Sparse matrices of such encoders would have elements outside, which SciPy does not look for."""
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
    """Return an edit of the first object of a class in a file."""

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
    """Return an edit of a dict in a tree."""
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


def test_no_attribute_takes_the_place_of_the_checks(path):
    """A class of the package has a method that checks its objects; an object of scikit-learn's gets none by a file."""
    harmless = {"partial": "numpy.clip", "arguments": [1, 0, 1], "keywords": {"dict": []}}
    forgery = forged(make_pipeline(pre.OneHotEncoder(), clf()).fit(WHOLE, LABELS), path)
    edit_state("OneHotEncoder", check_state=harmless)(forgery)
    load_content(path, forgery.content())
    edit_state("OneHotEncoder", _n_features_outs=[9] * 5)(forgery)
    assert_refused(path, forgery, "_n_features_outs is wrong")


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
    """No OneVsRestClassifier is stored with an estimator that may return more decisions than it is given rows."""
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


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("categories_", [{"tensor": "c"}]), "categories_ does not fit|not there"),
        (put("_n_features_outs", [1, 1]), "_n_features_outs is wrong"),
        (put("_infrequent_enabled", True), "infrequent"),
        (put("_infrequent_enabled", None), "_infrequent_enabled"),
        (put("n_features_in_", 7), "categories_ does not fit"),
        (values("c", [3, 2, 1, 0]), "not sorted"),
        (put("_drop_idx_after_grouping", {"objects": [9, None], "shape": [2]}), "dropped categories"),
    ],
)
def test_encoders_made_to_do_harm(path, edit, message):
    """Sparse matrices of such encoders would have elements outside, which SciPy does not look for."""
    pairs = np.array([[letter, number] for letter in "xyz" for number in range(4)], dtype=object)
    encoder = pre.OneHotEncoder().fit(pairs)
    encoder.categories_[1] = encoder.categories_[1].astype(int)
    save(make_pipeline(encoder, MLPRegressor()), path)
    forged = Forgery(path.read_bytes())
    (name,) = forged.tensors
    forged.tensors = {"c": forged.tensors[name]}
    inner = forged.tree["state"]["steps"][0]["tuple"][1]
    inner["state"]["categories_"][1] = {"tensor": "c"}
    whole, forged.tree = forged.tree, inner
    edit(forged)
    forged.tree = whole
    assert_refused(path, forged, message)
