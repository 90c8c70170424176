"""LossLandscapeDisplay: losses around a model, against those of models with other weights."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
from mpl_toolkits.mplot3d import Axes3D
from sklearn.base import clone
from sklearn.metrics import log_loss, mean_pinball_loss
from sklearn.utils.class_weight import compute_sample_weight

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.inspection import LossLandscapeDisplay
from fastmlp.inspection.loss_landscape import filter_normalised_direction
from fastmlp.losses import CustomLoss, Pinball
from fastmlp.network import Network
from tests.inspection.conftest import X, Y, of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def half_squares(reg, weights):
    return 0.5 * np.average((reg.predict(X) - Y) ** 2, weights=weights)


def log_losses(clf, weights):
    return log_loss(Y, clf.predict_proba(X), sample_weight=weights)


def smoothed(clf, weights):
    targets = 0.7 * np.eye(3)[Y] + 0.1
    return np.average(-(targets * np.log(clf.predict_proba(X))).sum(axis=1), weights=weights)


def balanced(clf, weights):
    chosen = compute_sample_weight({0: 2.0, 1: 1.0, 2: 0.5}, Y)
    return log_losses(clf, chosen if weights is None else chosen * weights)


def pinball(reg, weights):
    predictions = reg.predict(X)
    return sum(
        mean_pinball_loss(Y, predictions[:, i], alpha=alpha, sample_weight=weights)
        for i, alpha in enumerate((0.1, 0.9))
    )


def cubes(y_true, y_pred, sample_weight):
    e = y_pred - y_true
    weights = np.ones(len(e)) if sample_weight is None else sample_weight
    weights = (weights / weights.sum())[:, np.newaxis]
    return (weights * np.abs(e) ** 3).sum(), weights * 3 * e * np.abs(e)


CENTRES = {
    "log loss": (MLPClassifier(alpha=3.0), log_losses),
    "dropout": (MLPClassifier(dropout=0.3, l1=0.1), log_losses),
    "batch": (MLPClassifier(normalization="batch", standardize=True), log_losses),
    "layer": (MLPClassifier(normalization="layer", standardize=True, activation="prelu"), log_losses),
    "augmented": (MLPClassifier(augment="noise"), log_losses),
    "smoothed": (MLPClassifier(label_smoothing=0.3), smoothed),
    "class weights": (MLPClassifier(class_weight={0: 2.0, 2: 0.5}), balanced),
    "warm": (MLPClassifier(warm_start=True), log_losses),
    "squares": (MLPRegressor(), half_squares),
    "pinball": (MLPRegressor(Pinball([0.1, 0.9])), pinball),
    "custom": (
        MLPRegressor(CustomLoss(cubes)),
        lambda reg, weights: np.average(np.abs(reg.predict(X) - Y) ** 3, weights=weights),
    ),
}


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CENTRES)
def test_the_middle_is_the_loss_of_the_model(case, weighted):
    estimator, expected = CENTRES[case]
    estimator = clone(estimator).set_params(hidden_layer_sizes=(8, 6), max_iter=5, random_state=0, batch_size=30)
    weights = RNG.uniform(0, 2, len(X)) if weighted else None
    estimator.fit(X, Y, weights)
    before = estimator._bits()
    display = LossLandscapeDisplay.from_estimator(estimator, X, Y, weights, n_points=3, kind="line")
    assert display.losses[1] == pytest.approx(expected(estimator, weights), rel=1e-9)
    assert estimator._bits() == before
    assert display.alphas.tolist() == [-1, 0, 1]
    assert display.betas is None
    assert (display.losses[[0, 2]] != display.losses[1]).all()


def test_the_middle_is_the_loss_of_training():
    clf = MLPClassifier((8,), solver="lbfgs", alpha=0.0, max_iter=10, random_state=0).fit(X, Y)
    display = LossLandscapeDisplay.from_estimator(clf, X, Y, n_points=5)
    assert display.losses[2, 2] == pytest.approx(clf.loss_, rel=1e-12)


def test_sparse_samples_and_some_of_the_classes():
    """Of a model with standardized features, too, and of one whose warm starts want all classes."""
    clf = MLPClassifier((8,), standardize=True, normalization="layer", warm_start=True, max_iter=5, random_state=0)
    clf.fit(X, Y)
    dense = LossLandscapeDisplay.from_estimator(clf, X[:100], Y[:100], n_points=3).losses
    sparse = LossLandscapeDisplay.from_estimator(clf, scipy.sparse.csr_array(X[:100]), Y[:100], n_points=3).losses
    np.testing.assert_array_equal(sparse, dense)


def test_losses_around_are_those_of_a_model_with_other_weights():
    clf = MLPClassifier((8,), standardize=True, normalization="batch", max_iter=20, random_state=0).fit(X, Y)
    display = LossLandscapeDisplay.from_estimator(clf, X, Y, n_points=4, span=0.5, random_state=7)
    np.testing.assert_allclose(display.alphas, [-0.5, -1 / 6, 1 / 6, 0.5])
    network, _ = clf._network_and_data(X, Y)
    rng = np.random.RandomState(7)
    first, second = (filter_normalised_direction(network, rng) for _ in range(2))
    other = clf._network(np.dtype(float))
    other.params += display.alphas[0] * first + display.betas[2] * second
    assert display.losses[0, 2] == pytest.approx(log_loss(Y, other.forward(X)), rel=1e-9)


def test_directions_are_as_long_as_the_units_weights(fitted):
    network, _ = fitted._network_and_data(X, Y)
    direction = filter_normalised_direction(network, np.random.RandomState(0))
    for name, part in network.named_parameters(direction).items():
        if name.startswith("coefs"):
            norms = np.linalg.norm(network.named_parameters()[name], axis=0)
            np.testing.assert_allclose(np.linalg.norm(part, axis=0), norms)
        else:
            assert not part.any()


def test_gains_biases_and_learned_numbers_stay():
    reg = MLPRegressor(hidden_layer_sizes=(6,), activation="prelu", normalization="layer", max_iter=2).fit(X, Y)
    network, _ = reg._network_and_data(X, Y)
    moved = network.named_parameters(filter_normalised_direction(network, np.random.RandomState(0)))
    assert {name for name, part in moved.items() if part.any()} == {"coefs.0", "coefs.1"}
    assert {"gains.0", "activation_parameters.0"} < set(moved)


def test_a_unit_without_weights_is_not_moved():
    network = Network.create([3, 4, 1], random_state=0)
    network.coefs[0][:, 1] = 0
    direction = filter_normalised_direction(network, np.random.RandomState(0))
    assert not network.named_parameters(direction)["coefs.0"][:, 1].any()


def test_random_state_decides(fitted):
    losses = [of(LossLandscapeDisplay, fitted, n_points=3, random_state=seed).losses for seed in (0, 0, 1)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


def test_kinds_of_picture(fitted, monkeypatch):
    display = of(LossLandscapeDisplay, fitted, n_points=5)
    assert display.ax_.get_xlabel() == "First direction"
    values = display.contour_
    assert values.zmin == display.losses.min()
    assert values.zmax == display.losses.max()
    assert list(display.ax_.get_xlim()) == [-1, 1]
    contour = display.contour_
    drawn, plot_surface = {}, Axes3D.plot_surface

    def recorded(self, *arrays, **options):
        drawn["surface"] = arrays
        return plot_surface(self, *arrays, **options)

    monkeypatch.setattr(Axes3D, "plot_surface", recorded)
    display.plot(kind="surface")
    assert display.ax_.name == "3d"
    assert display.surface_ in display.ax_.collections
    assert display.contour_ is contour
    at = {(x, y): z for x, y, z in zip(*map(np.ravel, drawn["surface"]), strict=True)}
    assert len(at) == 25
    assert at[-1, 1] == display.losses[0, -1]
    assert at[1, -1] == display.losses[-1, 0]
    line = of(LossLandscapeDisplay, fitted, n_points=5, kind="line", color="red")
    np.testing.assert_array_equal(line.line_.get_xdata(), line.alphas)
    np.testing.assert_array_equal(line.line_.get_ydata(), line.losses)
    assert line.line_.get_color() == "red"
    _, ax = plt.subplots(subplot_kw={"projection": "3d"})
    assert of(LossLandscapeDisplay, fitted, n_points=3, kind="surface", ax=ax).ax_ is ax


def test_the_first_direction_runs_along_x():
    display = LossLandscapeDisplay(alphas=np.arange(3.0), betas=np.arange(4.0), losses=np.arange(12.0).reshape(3, 4))
    assert list(display.plot().ax_.get_xlim()) == [0, 2]
    assert list(display.ax_.get_ylim()) == [0, 3]


def test_losses_that_are_not_finite_are_left_out():
    losses = np.arange(9.0).reshape(3, 3)
    losses[0, 0], losses[2, 2] = np.nan, np.inf
    display = LossLandscapeDisplay(alphas=np.arange(3.0), betas=np.arange(3.0), losses=losses).plot()
    assert (display.contour_.zmin, display.contour_.zmax) == (1, 7)


@pytest.mark.parametrize("kind", ["contour", "surface", "line"])
def test_losses_around_that_span_decades(kind):
    alphas = np.linspace(-1, 1, 5)
    losses = 1e-4 * 10 ** (5 * np.abs(alphas))
    losses[0] = np.nan
    if kind != "line":
        losses = losses[:, np.newaxis] * np.ones(5)
    display = LossLandscapeDisplay(alphas=alphas, betas=None if kind == "line" else alphas, losses=losses)
    for log_scale, is_log in (("auto", True), (True, True), (False, False)):
        display.plot(kind=kind, log_scale=log_scale).figure_.canvas.draw()
        if kind == "line":
            assert display.ax_.get_yscale() == ("log" if is_log else "linear")
        elif kind == "surface":
            assert display.ax_.get_zlabel() == ("log10(loss)" if is_log else "Loss")
        else:
            steps = np.diff(np.log(display.contour_.levels[1:]))
            assert np.allclose(steps, steps[0]) == is_log
            ticks = display.figure_.axes[-1].yaxis.get_major_formatter().format_ticks([1e-3, 1e-2])
            assert all(ticks)
    flat = LossLandscapeDisplay(alphas=alphas, betas=alphas, losses=np.ones((5, 5)))
    flat.plot(log_scale=True).figure_.canvas.draw()
    with pytest.raises(ValueError, match="log_scale must be True, False or 'auto', got 'log'"):
        display.plot(kind=kind, log_scale="log")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "heat"}, r"kind must be one of \('contour', 'surface', 'line'\), got 'heat'"),
        ({"n_points": 1}, "n_points must be an integer of at least 2, got 1"),
        ({"n_points": 2.5}, r"n_points must be an integer of at least 2, got 2\.5"),
        ({"span": 0}, "span must be a finite number above 0, got 0"),
        ({"span": np.inf}, "span must be a finite number above 0, got inf"),
        ({"span": "1"}, "span must be a finite number above 0, got '1'"),
        ({"random_state": -1}, "Seed must be between"),
    ],
    ids=str,
)
def test_landscape_refuses(options, message, fitted):
    with pytest.raises(ValueError, match=message):
        of(LossLandscapeDisplay, fitted, **options)


def test_axes_and_directions_that_do_not_fit(fitted):
    display = of(LossLandscapeDisplay, fitted, n_points=2)
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax must have projection='3d', got <Axes"):
        display.plot(ax, kind="surface")
    with pytest.raises(ValueError, match="kind='line' does not fit losses along two directions"):
        display.plot(kind="line")
    line = of(LossLandscapeDisplay, fitted, n_points=2, kind="line")
    with pytest.raises(ValueError, match="kind='contour' does not fit losses along one direction"):
        line.plot(kind="contour")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y + 1, r"y has the labels \[3\], which are none of \[0, 1, 2\]"),
        (np.eye(3)[Y].astype(int), "y is a matrix, unlike that of the fit"),
        (Y[:5], "inconsistent numbers of samples"),
    ],
    ids=["classes", "matrix", "length"],
)
def test_targets_that_the_model_does_not_know(fitted, y, message):
    with pytest.raises(ValueError, match=message):
        LossLandscapeDisplay.from_estimator(fitted, X, y)


def test_labels_of_several_kinds():
    """Several labels per sample, given as they were to fit; a vector is something else."""
    several = np.column_stack([Y > 0, Y > 1, X[:, 0] > 6]).astype(int)
    clf = MLPClassifier((8,), loss_weights=[1, 2, 3], max_iter=5, random_state=0).fit(X, several)
    p = clf.predict_proba(X)
    expected = -(several * np.log(p) + (1 - several) * np.log(1 - p)) @ [1, 2, 3]
    for y in (several, scipy.sparse.csr_array(several)):
        display = LossLandscapeDisplay.from_estimator(clf, X, y, n_points=3)
        assert display.losses[1, 1] == pytest.approx(expected.mean(), rel=1e-9)
    with pytest.raises(ValueError, match="y is a vector, unlike that of the fit"):
        LossLandscapeDisplay.from_estimator(clf, X, Y)
    names = np.array(["a", "b"])[(Y > 0).astype(int)]
    clf = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, names)
    display = LossLandscapeDisplay.from_estimator(clf, X, names, n_points=3)
    assert display.losses[1, 1] == pytest.approx(log_loss(names, clf.predict_proba(X)), rel=1e-9)


def test_outputs_that_the_model_does_not_have():
    reg = MLPRegressor(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="y has 4 outputs"):
        LossLandscapeDisplay.from_estimator(reg, X, X)
