"""LayerStatistics: the statistics of layers against NumPy's, and the callback that records them."""

import copy
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_iris

from fastmlp import MLPClassifier
from fastmlp.activations import ACTIVATIONS
from fastmlp.callbacks.statistics import BOUNDS, ZERO_ON_A_SIDE, LayerStatistics, layer_statistics
from fastmlp.inspection import LayerStatisticsDisplay
from fastmlp.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    return MLPClassifier((7, 5), early_stopping=True, max_iter=12, random_state=0).fit(X, Y)


def extremes(name):
    """What an activation approaches on either side, and its slope there, step's being the estimate of training."""
    activation, z = ACTIVATIONS[name](), np.array([-1e4, 1e4])
    return activation(z), activation.derivative(z)


def test_which_activations_have_bounds_and_which_are_zero_on_a_side():
    bounded, zero = set(), set()
    for name, cls in ACTIVATIONS.items():
        ends, slopes = extremes(name)
        if name == "step":
            continue  # at its bounds everywhere
        if (np.abs(ends) <= 1).all():
            bounded.add(cls().engine_name)
            np.testing.assert_allclose(ends, BOUNDS[cls().engine_name])
        # Where exp underflows, the smooth ones are 0, too; they are not at z = -10.
        elif (cls()(np.array([-10.0])) == 0).all() and slopes[0] == 0:
            zero.add(cls().engine_name)
    assert bounded == set(BOUNDS)
    assert zero == ZERO_ON_A_SIDE


def test_statistics_of_activations_and_gradients():
    network = Network.create([4, 9, 6, 3], "tanh", "log_loss", random_state=0)
    targets = Y.astype(np.int32)
    weights = np.linspace(0, 2, len(X))
    quantiles = [0.1, 0.5]
    found = layer_statistics(network, X, targets, weights, quantiles=quantiles)
    first = np.tanh(X @ network.coefs[0] + network.intercepts[0])
    second = np.tanh(first @ network.coefs[1] + network.intercepts[1])
    _, gradient = network.loss_and_gradients(X, targets, weights)
    gradients = Network(network.structure, gradient).coefs
    np.testing.assert_array_equal(found["quantiles"], quantiles)
    for what, layers in (("activation", [first, second]), ("gradient", gradients)):
        np.testing.assert_allclose(
            found[f"{what}_quantiles"], [np.quantile(a, quantiles) for a in layers], rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(found[f"{what}_mean"], [a.mean() for a in layers], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found[f"{what}_std"], [a.std() for a in layers], rtol=1e-9)
    np.testing.assert_allclose(found["gradient_norm"], [np.linalg.norm(a) for a in gradients], rtol=1e-12)
    np.testing.assert_allclose(found["saturated"], [np.mean(np.abs(a) > 0.98) for a in (first, second)])
    assert found["saturated"][0] > 0
    assert np.isnan(found["dead"]).all()


def test_units_that_are_zero_for_every_row_are_dead():
    network = Network.create([4, 10, 8, 1], "relu", random_state=0)
    network.intercepts[0][:3] = -100
    network.intercepts[1][:] = 100
    found = layer_statistics(network, X, X[:, :1].copy())
    first = np.maximum(X @ network.coefs[0] + network.intercepts[0], 0)
    assert found["dead"].tolist() == [(first == 0).all(axis=0).mean(), 0.0]
    assert found["dead"][0] >= 0.3
    assert np.isnan(found["saturated"]).all()


def fit_of(estimator, epoch=0):
    """What a callback sees of a fit, as far as statistics look at it."""
    network, data = estimator._network_and_data(X, Y)

    class SeenFit(SimpleNamespace):
        is_incremental = False
        epoch_number = property(lambda self: self.epoch)

    return SeenFit(
        epoch=epoch,
        X=X,
        y=Y,
        targets=data.targets,
        weights=None,
        network=lambda: network,
        fitted=lambda: estimator,
    )


def assert_same_record(found, expected):
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_callback_records_every_few_epochs(fitted):
    watch, fit = LayerStatistics(every=2, n_samples=50, quantiles=[0.5]), fit_of(fitted)
    watch.on_fit_begin(fit)
    for fit.epoch in range(1, 6):
        watch.on_epoch_end(fit)
    expected = layer_statistics(fit.network(), X[:50], fit.targets[:50], quantiles=[0.5])
    assert [record.pop("epoch") for record in watch.records_] == [2, 4]
    for record in watch.records_:
        assert_same_record(record, expected)
    watch.on_fit_begin(fit)
    assert watch.records_ == []


def test_callback_looks_at_the_samples_it_is_given(fitted):
    watch, fit = LayerStatistics(X[::3], Y[::3]), fit_of(fitted, 1)
    watch.on_fit_begin(fit)
    watch.on_epoch_end(fit)
    (record,) = watch.records_
    assert record.pop("epoch") == 1
    assert_same_record(record, layer_statistics(fit.network(), X[::3], fit.targets[::3].copy()))


def test_callback_weighs_samples_as_training_does(fitted):
    watch, fit = LayerStatistics(n_samples=20), fit_of(fitted, 1)
    fit.weights = np.arange(len(X)) % 3.0
    watch.on_fit_begin(fit)
    watch.on_epoch_end(fit)
    expected = layer_statistics(fit.network(), X[:20], fit.targets[:20], fit.weights[:20])
    np.testing.assert_array_equal(watch.records_[0]["gradient_norm"], expected["gradient_norm"])
    unweighted = layer_statistics(fit.network(), X[:20], fit.targets[:20])
    assert not np.allclose(expected["gradient_norm"], unweighted["gradient_norm"])


def test_records_of_a_callback_are_drawn(fitted):
    watch, fit = LayerStatistics(), fit_of(fitted)
    watch.on_fit_begin(fit)
    for fit.epoch in (1, 2):
        watch.on_epoch_end(fit)
    watched = copy.copy(fitted)
    watched.callbacks = [LayerStatistics(), watch]  # the first has no records
    display = LayerStatisticsDisplay.from_estimator(watched)
    assert display.records is watch.records_
    np.testing.assert_array_equal(
        display.lines_["gradient", 2].get_ydata(), [record["gradient_quantiles"][2, 2] for record in watch.records_]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "The 'every' parameter of LayerStatistics must be an int .* Got 0"),
        ({"n_samples": 0}, "The 'n_samples' parameter of LayerStatistics must be an int .* Got 0"),
        ({"quantiles": [0.5, 2]}, r"quantiles must be numbers from 0 to 1 in ascending order; got \[0.5, 2\]"),
        ({"quantiles": [0.5, 0.1]}, "quantiles must be numbers"),
        ({"quantiles": [np.nan]}, "quantiles must be numbers"),
        ({"quantiles": []}, "quantiles must be numbers"),
        ({"quantiles": ["half"]}, "quantiles must be numbers"),
        ({"X": X}, "y=None: LayerStatistics takes both X and y, or neither; got X"),
        ({"y": Y}, "X=None: LayerStatistics takes both X and y, or neither; got y"),
    ],
    ids=[*"123456789"],
)
def test_callback_refuses(options, message, fitted):
    with pytest.raises(ValueError, match=message):
        LayerStatistics(**options).on_fit_begin(fit_of(fitted))


def test_callback_is_a_component():
    watch = LayerStatistics(every=3)
    assert repr(watch) == "LayerStatistics(every=3)"
    assert clone(watch).get_params() == watch.get_params()


def test_a_fit_is_watched_and_drawn():
    watch, given = LayerStatistics(every=2), LayerStatistics(X[::2], Y[::2], quantiles=[0.5])
    clf = MLPClassifier((8, 6), max_iter=6, callbacks=[watch, given], random_state=0).fit(X, Y)
    assert [record["epoch"] for record in watch.records_] == [2, 4, 6]
    assert [record["epoch"] for record in given.records_] == [1, 2, 3, 4, 5, 6]
    assert set(LayerStatisticsDisplay.from_estimator(clf).bands_) == {
        *((what, layer) for what in ("activation", "gradient") for layer in range(2)),
        ("gradient", 2),
    }
    network, data = clf._network_and_data(X[::2], Y[::2])
    last = layer_statistics(network, data.rows, data.targets, quantiles=[0.5])
    assert_same_record({name: values for name, values in given.records_[-1].items() if name != "epoch"}, last)
    plain = MLPClassifier((8, 6), max_iter=6, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(
    "options",
    [
        {"augment": "noise"},
        {"class_weight": "balanced", "standardize": True, "normalization": "batch", "early_stopping": True},
        {"solver": "lbfgs"},
        {"dtype": "float32", "ema": 0.9},
    ],
    ids=str,
)
def test_fits_of_all_kinds_are_watched(options):
    watches = [LayerStatistics(), LayerStatistics(X, Y)]
    clf = MLPClassifier((8,), max_iter=3, callbacks=watches, random_state=0, **options)
    for samples in (X, scipy.sparse.csr_array(X)):
        if scipy.sparse.issparse(samples) and "augment" in options:
            continue
        clf.fit(samples, Y, np.linspace(0, 1, len(X)))
        for watch in watches:
            assert len(watch.records_) == len(clf.history_["loss"])
            assert all(np.isfinite(record["gradient_norm"]).all() for record in watch.records_)


def test_partial_fit_goes_on_with_the_records():
    watch = LayerStatistics(every=2)
    clf = MLPClassifier((8, 6), callbacks=[watch], random_state=0)
    for _ in range(5):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    assert [record["epoch"] for record in watch.records_] == [2, 4]
    assert len(LayerStatisticsDisplay.from_estimator(clf).norm_lines_) == 3
    clf.set_params(max_iter=3).fit(X, Y)
    assert [record["epoch"] for record in watch.records_] == [2]
    clone(clf).partial_fit(X, Y, classes=[0, 1, 2])
