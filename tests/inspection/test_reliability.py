"""ReliabilityDisplay: curves of classes, of the most probable class and of outputs, and what is refused."""

import enum

import numpy as np
import pytest
from sklearn.calibration import calibration_curve as theirs
from sklearn.linear_model import LogisticRegression, Ridge

from fastmlp import MLPClassifier
from fastmlp.inspection import ReliabilityDisplay
from fastmlp.tabular.calibration import expected_calibration_error
from tests.inspection.conftest import FLOWERS, SPECIES, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RANDOM = np.random.default_rng(0)
P = RANDOM.random(1000)
CAME = RANDOM.random(1000) < P**2


def test_the_points_are_scikit_learns():
    display = ReliabilityDisplay.from_predictions(CAME, P, n_bins=8)
    observed, predicted = theirs(CAME, P, n_bins=8, strategy="quantile")
    (line,) = display.lines_.values()
    np.testing.assert_allclose(line.get_xdata(), predicted)
    np.testing.assert_allclose(line.get_ydata(), observed)
    assert list(display.curves) == ["class True"]
    assert display.curves["class True"].counts.tolist() == [125] * 8


def test_the_legend_has_the_error_and_the_rows():
    display = ReliabilityDisplay.from_predictions(CAME, P, n_bins=7, name="net")
    error = expected_calibration_error(CAME, P, n_bins=7)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["perfect", f"net, class True: ECE {error:.3f}, 142 to 143 rows a bin"]


def test_bars_are_a_standard_error():
    display = ReliabilityDisplay.from_predictions(CAME, P, n_bins=2)
    (bars,) = display.error_bars_.values()
    for segment, share in zip(bars.get_segments(), display.curves["class True"].observed, strict=True):
        assert np.ptp(segment[:, 1]) == pytest.approx(2 * np.sqrt(share * (1 - share) / 500))


@pytest.mark.parametrize("kind", ["auto", "top", "classes"])
def test_which_events_are_drawn(fitted, kind):
    display = ReliabilityDisplay.from_estimator(fitted, X, Y, kind=kind, n_bins=4)
    p = fitted.predict_proba(X)
    if kind == "classes":
        assert list(display.curves) == ["class 0", "class 1", "class 2"]
        for label, curve in enumerate(display.curves.values()):
            assert curve.shares @ curve.predicted == pytest.approx(p[:, label].mean())
            assert curve.shares @ curve.observed == pytest.approx(1 / 3)
    else:
        (curve,) = display.curves.values()
        assert curve.error == expected_calibration_error(Y, p, n_bins=4)
        assert curve.shares @ curve.observed == pytest.approx((fitted.predict(X) == Y).mean())


def test_labels_in_any_order_and_of_any_type():
    p = RANDOM.dirichlet(np.ones(3), 300)
    codes = (p.cumsum(axis=1) < RANDOM.random((300, 1))).sum(axis=1)
    labels = np.array(["pear", "apple", "fig"])
    display = ReliabilityDisplay.from_predictions(labels[codes], p, labels=labels, n_bins=5)
    assert display.curves["most probable class"].error == expected_calibration_error(codes, p, n_bins=5)
    each = ReliabilityDisplay.from_predictions(labels[codes], p, labels=labels, kind="classes")
    assert list(each.curves) == ["class pear", "class apple", "class fig"]
    assert each.curves["class fig"].shares @ each.curves["class fig"].predicted == pytest.approx(p[:, 2].mean())


def test_several_outputs_have_a_line_each():
    targets = np.stack([Y == 0, Y > 0, X[:, 0] > 5.8], axis=1).astype(int)
    clf = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, targets)
    display = ReliabilityDisplay.from_estimator(clf, X, targets, n_bins=3)
    assert list(display.curves) == ["output 0", "output 1", "output 2"]
    assert display.curves["output 2"].shares @ display.curves["output 2"].observed == pytest.approx(
        targets[:, 2].mean()
    )


def test_weights_count():
    weights = RANDOM.uniform(0, 3, 1000)
    display = ReliabilityDisplay.from_predictions(CAME, P, weights, n_bins=3)
    assert display.curves["class True"].error == expected_calibration_error(CAME, P, weights, n_bins=3)
    few = Y < 2
    other = LogisticRegression().fit(X[few], Y[few])
    assert list(ReliabilityDisplay.from_estimator(other, X[few], Y[few], color="red").curves) == ["class 1"]


def test_curves_of_two_estimators_share_axes():
    first = ReliabilityDisplay.from_predictions(CAME, P, name="a", color="red")
    second = ReliabilityDisplay.from_predictions(CAME, P**2, name="b", ax=first.ax_)
    assert second.ax_ is first.ax_
    assert first.lines_["a, class True"].get_color() == "red"
    assert len(first.ax_.get_legend().get_texts()) == 4


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((CAME, P), {"kind": "all"}, r"kind must be one of 'auto', 'top', 'classes'; got 'all'"),
        ((CAME, P[1:]), {}, r"probabilities must have the shape \(1000, 2\).* got \(999, 2\)"),
        ((Y, np.ones((150, 2))), {}, r"probabilities must have the shape \(150, 3\), .* got \(150, 2\)"),
        (
            (Y, np.ones((150, 2)) / 2),
            {"labels": [0, 1]},
            r"y_true must have the labels array\(\[0, 1\]\) only; got .*2",
        ),
        ((np.ones((4, 2)), np.ones((4, 3))), {}, r"must have the shape \(4, 2\) of y_true; got \(4, 3\)"),
        ((CAME, 2 * P), {}, r"probabilities must be between 0 and 1"),
        ((Y, [np.ones((150, 3)), np.ones((150, 2))]), {}, r"probabilities are those of 2 targets: draw one of them"),
        ((CAME[:3], [np.nan, 0.5, 1.0]), {}, r"probabilities are NaN for 1 of 3 rows"),
        ((CAME, P), {"n_bins": 0}, r"n_bins must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(*given, **options)


def test_estimators_without_probabilities_are_refused():
    with pytest.raises(TypeError, match=r"estimator must have predict_proba; got Ridge\(\)"):
        ReliabilityDisplay.from_estimator(Ridge().fit(X, Y), X, Y)


def test_of_a_classifier_for_tables(classifier):
    display = ReliabilityDisplay.from_estimator(classifier, FLOWERS.data, SPECIES, kind="classes", n_bins=3)
    assert list(display.curves) == [f"class {name}" for name in FLOWERS.target_names]


class Species(str, enum.Enum):  # noqa: UP042 - NumPy makes the beginnings of their names of them
    """Labels whose names are not what they are."""

    SETOSA = "setosa"
    VIRGINICA = "virginica"


def test_labels_of_an_enumeration_are_their_texts():
    members = [Species.VIRGINICA if came else Species.SETOSA for came in CAME]
    fits = [ReliabilityDisplay.from_predictions(y, P, kind="classes") for y in (members, [y.value for y in members])]
    assert list(fits[0].curves) == list(fits[1].curves) == ["class setosa", "class virginica"]
    for curve, expected in zip(*(display.curves.values() for display in fits), strict=True):
        np.testing.assert_array_equal(curve.observed, expected.observed)


def test_masked_labels_are_refused():
    masked = np.ma.masked_array(CAME, np.arange(1000) < 3)
    with pytest.raises(ValueError, match="Input y_true contains NaN: 3 of 1000 targets are missing, the first in"):
        ReliabilityDisplay.from_predictions(masked, P)
