"""Labels: their weights, smoothing, losses of classes, several labels for a sample."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.utils.class_weight import compute_sample_weight

from fastmlp import MLPClassifier
from fastmlp.optimizers import SGD
from tests.estimator_cases import (
    LOSS_CASES,
    TARGETS,
    X_IRIS,
    X_SMALL,
    Y_IRIS,
    assert_fails_without_a_trace,
    assert_learns,
    everything,
    parameters,
    small,
    squared,
    tiny,
)
from tests.test_rows import LIES, compressed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_class_lists():
    fresh = MLPClassifier((5,))
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS), fresh, ValueError,
        r"classes must be passed on the first call to partial_fit\.",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1]), fresh, ValueError,
        r"`y` has classes not in `self\.classes_`\. `self\.classes_` has \[0 1\]\. 'y' has \[0 1 2\]\.",
    )  # fmt: skip
    fitted = MLPClassifier((5,)).partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 3]), fitted, ValueError,
        r"`classes=\[0, 1, 3\]` is not the same as on last call to partial_fit, was: .*\[0, 1, 2\]",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS + 1), fitted, ValueError, r"`y` has classes not in `self\.classes_`"
    )


def test_class_weights_are_for_one_label_per_sample():
    clf = MLPClassifier((5,), class_weight={0: 2.0})
    labels = np.stack([Y_IRIS > 0, Y_IRIS > 1], axis=1).astype(int)
    message = r"class_weight=\{0: 2\.0\} is for one label per sample; y has several"
    assert_fails_without_a_trace(lambda: clf.fit(X_IRIS, labels), clf, ValueError, message)


# ---- scikit-learn's defects, mended ----------------------------------------------------------------------------------


def test_multiclass_validation_rows_are_documented_as_not_stratified():
    assert "not stratified" in " ".join(MLPClassifier.__doc__.split())


# ---- every choice there is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("loss", "kind"), [case for case in LOSS_CASES if case[1] != "numbers"])
def test_every_loss_of_classes(loss, kind, early_stopping):
    y = TARGETS[kind]
    clf = small(MLPClassifier, loss=loss, early_stopping=early_stopping, learning_rate_init=0.02, max_iter=150)
    assert_learns(clf, X_SMALL, y)
    predicted, n_columns = clf.predict(X_SMALL), 2 if kind == "binary" else 3
    assert (predicted == y).mean() > 0.6
    assert hasattr(clf, "predict_proba") == hasattr(clf, "predict_log_proba") != hasattr(clf, "decision_function")
    if hasattr(clf, "predict_proba"):
        probabilities = clf.predict_proba(X_SMALL)
        assert probabilities.shape == (90, n_columns)
        assert (probabilities >= 0).all() and (probabilities <= 1).all()
        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(clf.predict_log_proba(X_SMALL), np.log(probabilities))
        if kind == "multilabel":
            np.testing.assert_array_equal(predicted, probabilities > 0.5)
        else:
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
            np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    else:
        scores = clf.decision_function(X_SMALL)
        assert scores.shape == ((90,) if kind == "binary" else (90, 3))
        assert scores.min() < 0 < scores.max()
        np.testing.assert_array_equal(predicted, scores.argmax(axis=1) if kind == "multiclass" else scores > 0)


# ---- input that is taken as it is ------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_labels", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("classes", [[10, 20, 30], [0, 1]])
def test_first_labels_that_are_not_the_classes_are_refused(classes, of_labels):
    model = small(MLPClassifier)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X_SMALL, of_labels(TARGETS["multilabel"]), classes=classes)
    assert not hasattr(model, "classes_")


# ---- what the options do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5, 2: 1.0}, {1: 3.0}], ids=str)
@pytest.mark.parametrize("kind", TARGETS)
def test_class_weight_is_sample_weight_by_class(kind, class_weight):
    y, own = TARGETS[kind], np.linspace(0, 2, 90)
    if kind == "multilabel" and class_weight != "balanced":
        pytest.skip("for one label per sample")
    if kind == "binary" and class_weight != "balanced":
        class_weight = {label: weight for label, weight in class_weight.items() if label < 2}
    of_classes = compute_sample_weight(class_weight, y)
    weighted = small(MLPClassifier, class_weight=class_weight)
    plain = small(MLPClassifier).fit(X_SMALL, y)
    assert not np.array_equal(everything(weighted.fit(X_SMALL, y)), everything(plain))
    np.testing.assert_array_equal(everything(weighted), everything(plain.fit(X_SMALL, y, of_classes)))
    counts = own > 0
    of_classes[counts] = compute_sample_weight(class_weight, y[counts])
    weighted.fit(X_SMALL, y, own)
    np.testing.assert_array_equal(everything(weighted), everything(plain.fit(X_SMALL, y, own * of_classes)))


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 2.0}], ids=["name", "dict"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_of_classes_are_no_sample_weights(weights, method):
    clf = MLPClassifier()
    more = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"^sample_weight must be numbers, .* 2 rows; got .*parameter class_weight\.$"):
        getattr(clf, method)([[0.0], [1.0]], [0, 1], sample_weight=weights, **more)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_rows_of_weight_0_do_not_count_for_balanced_classes(kind):
    """Their labels, which may be anything, change no other row's weight."""
    weights = np.where(np.arange(90) < 60, 1.0, 0.0)
    y = TARGETS[kind]
    other = np.concatenate([y[:60], y[:30]])
    assert not np.array_equal(y, other)
    fits = [small(MLPClassifier, class_weight="balanced").fit(X_SMALL, labels, weights) for labels in (y, other)]
    np.testing.assert_array_equal(everything(fits[0]), everything(fits[1]))
    of_classes = np.zeros(90)
    of_classes[:60] = compute_sample_weight("balanced", y[:60])
    np.testing.assert_array_equal(everything(fits[0]), everything(small(MLPClassifier).fit(X_SMALL, y, of_classes)))


def test_class_weights_in_partial_fit():
    y, weights = TARGETS["multiclass"], {0: 2.0, 1: 0.0, 2: 1.0}
    clf, plain = small(MLPClassifier, class_weight=weights), small(MLPClassifier)
    for rows in (slice(0, 45), slice(45, 90)):
        clf.partial_fit(X_SMALL[rows], y[rows], classes=[0, 1, 2])
        plain.partial_fit(X_SMALL[rows], y[rows], compute_sample_weight(weights, y[rows]), classes=[0, 1, 2])
    np.testing.assert_array_equal(everything(clf), everything(plain))
    message = "class_weight='balanced' is not for partial_fit"
    clf.set_params(class_weight="balanced")
    assert_fails_without_a_trace(lambda: clf.partial_fit(X_SMALL, y), clf, ValueError, message)


def test_label_smoothing_is_what_probabilities_come_to():
    X = np.eye(3)
    what = {"hidden_layer_sizes": (), "alpha": 0.0, "solver": "lbfgs", "tol": 1e-10, "label_smoothing": 0.3}
    what["random_state"] = 0
    clf = MLPClassifier(**what).fit(X, [0, 1, 2])
    np.testing.assert_allclose(clf.predict_proba(X), 0.1 + 0.7 * np.eye(3), atol=1e-5)
    clf = MLPClassifier(**what).fit(X, [0, 1, 1])
    np.testing.assert_allclose(clf.predict_proba(X)[:, 1], [0.15, 0.85, 0.85], atol=1e-5)
    labels = np.array([[0, 1], [1, 1], [1, 0]])
    clf = MLPClassifier(**what).fit(X, labels)
    np.testing.assert_allclose(clf.predict_proba(X), 0.15 + 0.7 * labels, atol=1e-5)
    np.testing.assert_array_equal(clf.predict(X), labels)


def test_rosenblatts_rule():
    """A sample at a time; each that is not on the right side is added or taken away. The numbers are exact."""
    rng = np.random.default_rng(3)
    X = rng.integers(-9, 10, (40, 3)).astype(float)
    y = np.where(X @ [2.0, -1.0, 3.0] + 1 > 0, "right", "left")
    clf = MLPClassifier(
        (), loss="perceptron", solver=SGD(1.0, momentum=0.0), batch_size=1, alpha=0.0, weight_init="zeros",
        shuffle=False,
    )  # fmt: skip
    w, b, epochs = np.zeros(3), 0.0, 0
    while True:
        epochs, n_wrong = epochs + 1, 0
        for x, sign in zip(X, np.where(y == "right", 1, -1), strict=True):
            if sign * (x @ w + b) <= 0:
                w, b, n_wrong = w + sign * x, b + sign, n_wrong + 1
        clf.partial_fit(X, y, classes=["left", "right"])
        np.testing.assert_array_equal(clf.coefs_[0].ravel(), w)
        np.testing.assert_array_equal(clf.intercepts_[0], b)
        np.testing.assert_array_equal(clf.decision_function(X), X @ w + b)
        if not n_wrong:
            break
    assert epochs > 3
    assert clf.score(X, y) == 1


@pytest.mark.parametrize("kind", TARGETS)
def test_a_users_loss_of_classes(kind):
    clf = small(MLPClassifier, loss=squared, max_iter=100, learning_rate_init=0.01)
    assert_learns(clf, X_SMALL, TARGETS[kind])
    scores, predicted = clf.decision_function(X_SMALL), clf.predict(X_SMALL)
    assert not hasattr(clf, "predict_proba")
    np.testing.assert_array_equal(predicted, scores.argmax(axis=1) if kind == "multiclass" else scores > 0)


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_multilabel():
    X, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    clf = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, y)
    assert clf.predict(X).shape == clf.predict_proba(X).shape == (200, 3)
    assert (clf.predict(X) == y).mean() > 0.8
    sparse = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, scipy.sparse.csr_array(y))
    np.testing.assert_array_equal(parameters(sparse), parameters(clf))


def test_one_class():
    clf = MLPClassifier((3,), max_iter=2).fit(X_IRIS, np.full(150, 7))
    assert set(clf.predict(X_IRIS)) == {7}


# ---- what is switched, edited or mixed between calls -----------------------------------------------------------------


def test_predictions_have_the_form_that_the_loss_asks_for():
    X = np.random.default_rng(0).standard_normal((30, 3))
    clf = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, X[:, 0] > 0)
    clf.predict(X)
    clf.set_params(loss="hinge")
    assert clf.decision_function(X).shape == clf.predict(X).shape == (30,)


def test_class_weights_are_those_of_the_classes_there_may_be():
    X = np.random.default_rng(0).standard_normal((40, 3))
    labels = np.where(X[:, 0] > 0, "yes", "no")
    clf = MLPClassifier((4,), class_weight={"yes": 2.0}, random_state=0)
    clf.partial_fit(X[labels == "no"], labels[labels == "no"], classes=["no", "yes"])
    weights = np.where(labels == "yes", 2.0, 1.0)
    by_hand = MLPClassifier((4,), random_state=0, max_iter=5).fit(X, labels, weights)
    named = MLPClassifier((4,), class_weight={"yes": 2.0}, random_state=0, max_iter=5).fit(X, labels)
    assert by_hand.loss_curve_ == named.loss_curve_
    with pytest.raises(ValueError, match=r"class_weight names the class 'maybe', which is none of \['no', 'yes'\]"):
        clf.set_params(class_weight={"maybe": 1.0}).fit(X, labels)


# ---- sparse matrices that lie ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_labels_that_lie_are_refused(kind):
    lie, message = LIES[kind]
    X, labels = np.random.default_rng(0).standard_normal((7, 3)), compressed(scipy.sparse.csr_array, np.int32)
    labels.data = np.ones(len(labels.data), int)

    def lying():
        return lie(labels.copy())

    for use in (
        lambda: tiny().fit(X, lying()),
        lambda: tiny().partial_fit(X, lying(), classes=range(5)),
        lambda: tiny().fit(X, labels).partial_fit(X, lying()),
        lambda: tiny().fit(X, labels, eval_set=(X, lying())),
    ):
        with pytest.raises(ValueError, match=message.replace("X.", "y.")):
            use()
