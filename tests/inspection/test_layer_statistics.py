"""LayerStatisticsDisplay: pictures of layers over epochs, of vanishing and exploding signals."""

import numpy as np
import pytest
import scipy.sparse
from matplotlib.colors import to_rgba

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks.statistics import LayerStatistics, layer_statistics
from fastmlp.inspection import LayerStatisticsDisplay
from tests.inspection.conftest import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "batch", "standardize": True},
        {"activation": "prelu", "normalization": "layer", "standardize": True},
        {"hidden_layer_sizes": ()},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_statistics_of_estimators(cls, options):
    estimator = cls(**{"hidden_layer_sizes": (8, 6), "max_iter": 5, "random_state": 0, **options}).fit(X, Y)
    n_hidden = len(estimator.coefs_) - 1
    display = LayerStatisticsDisplay.from_estimator(estimator, X, Y)
    (record,) = display.records
    assert record["activation_quantiles"].shape == (n_hidden, 5)
    assert record["gradient_quantiles"].shape == (n_hidden + 1, 5)
    (sparse,) = LayerStatisticsDisplay.from_estimator(estimator, scipy.sparse.csr_array(X), Y).records
    for name, values in record.items():
        np.testing.assert_allclose(sparse[name], values, rtol=1e-3, atol=1e-5, err_msg=name)
    assert display.axes_.shape == (2, 1)
    for what, n in (("activation", n_hidden), ("gradient", n_hidden + 1)):
        line = display.lines_[what, None]
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, n + 1))
        np.testing.assert_array_equal(line.get_ydata(), record[f"{what}_quantiles"][:, 2])
        assert len(display.bands_[what, None]) == 2


def low_and_high(band):
    """The edges of a band, by where they are."""
    corners = band.get_paths()[0].vertices
    return {x: (corners[corners[:, 0] == x, 1].min(), corners[corners[:, 0] == x, 1].max()) for x in set(corners[:, 0])}


def test_records_of_epochs_have_a_picture_for_each_layer():
    clf, records = MLPClassifier((6, 5), random_state=0, max_iter=1, warm_start=True), []
    for epoch in (1, 2, 3):
        network, data = clf.fit(X, Y)._network_and_data(X, Y)
        found = layer_statistics(network, data.rows, data.targets, quantiles=(0.1, 0.2, 0.8, 0.9))
        records.append({"epoch": 10 * epoch, **found})
    display = LayerStatisticsDisplay(records=records).plot(facecolor="red")
    assert display.axes_.shape == (2, 3)
    assert not display.axes_[0, 2].axison
    assert not display.lines_
    assert set(display.bands_) == {("activation", 0), ("activation", 1), *(("gradient", i) for i in range(3))}
    for (what, layer), (wide, narrow) in display.bands_.items():
        for band, (low, high) in ((wide, (0, 3)), (narrow, (1, 2))):
            assert to_rgba(band.get_facecolor()[0])[:3] == to_rgba("red")[:3]
            for x, edges in low_and_high(band).items():
                values = records[int(x) // 10 - 1][f"{what}_quantiles"][layer]
                assert edges == (values[low], values[high])
        assert set(low_and_high(wide)) == {10, 20, 30}
        assert wide.get_label() == "0.1 to 0.9"
    assert display.axes_[1, 2].get_title() == "Layer 3: gradients"
    # Those of the layers can be compared, as they lie on one axis.
    assert len({axes.get_ylim() for axes in display.axes_[1]}) == 1


def made_up(n_layers, n_epochs, ratio=1.0, quantiles=(0.05, 0.25, 0.5, 0.75, 0.95)):
    """Records whose gradients grow by a ratio from layer to layer."""
    sizes, width = ratio ** np.arange(n_layers), np.array(quantiles) - 0.5
    rng = np.random.default_rng(0)
    return [
        {
            "epoch": epoch,
            "quantiles": np.array(quantiles),
            "activation_quantiles": 1 + width * rng.uniform(0.5, 1, (n_layers - 1, 1)),
            "gradient_quantiles": width * sizes[:, np.newaxis],
            "gradient_norm": 3 * sizes / epoch,
        }
        for epoch in range(1, n_epochs + 1)
    ]


def test_vanishing_gradients_are_seen():
    """Of eight logistic layers each gradient is far smaller than that of the layer behind it."""
    watch = LayerStatistics()
    clf = MLPClassifier((30,) * 8, "logistic", max_iter=5, callbacks=[watch], random_state=0).fit(X, Y)
    norms = np.array([record["gradient_norm"] for record in watch.records_])
    assert (norms[:, -1] > 1e5 * norms[:, 0]).all()
    display = LayerStatisticsDisplay.from_estimator(clf)
    assert display.norm_ax_.get_yscale() == "log"
    assert {axes.get_yscale() for axes in display.axes_[1]} == {"symlog"}
    assert set(display.norm_lines_) == set(range(9))
    display.figure_.canvas.draw()
    heights = [line.get_transform().transform(line.get_xydata())[0, 1] for line in display.norm_lines_.values()]
    assert max(heights) - min(heights) > 0.8 * display.norm_ax_.bbox.height  # in pixels
    for layer, line in display.norm_lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(line.get_ydata(), norms[:, layer])
        assert line.get_label() == f"layer {layer + 1}"
        (wide, _), quantiles = display.bands_["gradient", layer], watch.records_[0]["gradient_quantiles"][layer]
        low, high = display.axes_[1, layer].transData.transform([(1, quantiles[0]), (1, quantiles[-1])])[:, 1]
        assert high - low > 3  # in pixels: even the smallest ones are no line
        assert wide.axes is display.axes_[1, layer]
    assert len({tuple(line.get_color()) for line in display.norm_lines_.values()}) == 9
    display = LayerStatisticsDisplay(records=watch.records_[-1:]).plot()
    assert (display.norm_ax_.get_yscale(), display.axes_[1, 0].get_yscale()) == ("log", "symlog")
    np.testing.assert_array_equal(display.norm_lines_[None].get_xydata(), np.column_stack([range(1, 10), norms[-1]]))


@pytest.mark.parametrize("n_epochs", [1, 4])
def test_gradients_that_are_zero_or_no_numbers(n_epochs):
    records = made_up(4, n_epochs)
    for record in records:
        record["gradient_norm"][1], record["gradient_norm"][2] = 0.0, np.nan
        record["gradient_quantiles"][1], record["gradient_quantiles"][2] = 0.0, np.nan
    display = LayerStatisticsDisplay(records=records).plot()
    display.figure_.canvas.draw()
    marks = [line for line in display.norm_ax_.get_lines() if line.get_marker() == "v"]
    if n_epochs == 1:
        (mark,) = marks
        assert mark.get_xydata().tolist() == [[2, 0]]
        assert np.isnan(display.norm_lines_[None].get_ydata()).tolist() == [False, True, True, False]
    else:
        (mark,) = marks
        assert mark.get_xydata().tolist() == [[1, 0], [2, 0], [3, 0], [4, 0]]
        assert np.isnan(display.norm_lines_[1].get_ydata()).all()
    low, high = display.norm_ax_.get_ylim()
    assert 0 < low < records[0]["gradient_norm"][0] < high
    for record in records:
        for name in ("gradient_norm", "gradient_quantiles", "activation_quantiles"):
            record[name][:] = 0.0
    LayerStatisticsDisplay(records=records).plot().figure_.canvas.draw()


def test_activations_that_explode_are_seen():
    (record,) = made_up(6, 1)
    record["activation_quantiles"] = 10.0 ** np.arange(5)[:, np.newaxis] * np.linspace(-1, 1, 5)
    display = LayerStatisticsDisplay(records=[record]).plot()
    assert display.axes_[0, 0].get_yscale() == "symlog"
    assert LayerStatisticsDisplay(records=made_up(6, 1)).plot().axes_[0, 0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("n_layers", "n_epochs"), [(1, 1), (9, 1), (20, 1), (1, 3), (3, 3), (8, 3), (9, 3), (13, 3), (20, 3)]
)
def test_pictures_of_many_layers_are_no_wider(n_layers, n_epochs):
    display = LayerStatisticsDisplay(records=made_up(n_layers, n_epochs, 0.1)).plot()
    width, height = display.figure_.get_size_inches()
    assert 6 <= width <= 13
    assert 5 <= height <= 16
    assert display.axes_.shape == (2, 1 if n_epochs == 1 else n_layers)
    if n_layers in (1, 9, 20):
        display.figure_.canvas.draw()
        for axes in display.axes_[1]:
            assert axes.bbox.width > 90
            assert axes.bbox.height > 60


def test_its_legends_lie_on_nothing():
    for n_layers, n_epochs in ((1, 3), (4, 3), (4, 1)):
        display = LayerStatisticsDisplay(records=made_up(n_layers, n_epochs)).plot()
        display.figure_.canvas.draw()
        everything = [axes for axes in display.figure_.axes if axes.axison]
        legends = [axes.get_legend() for axes in display.figure_.axes if axes.get_legend()]
        assert len(legends) == (1 if n_epochs == 1 else 2)
        for legend in legends:
            assert not any(legend.get_window_extent().overlaps(axes.bbox) for axes in everything)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "X=None: without samples, estimator must have been fitted with a LayerStatistics"),
        ((X,), {}, "y=None: X and y must be given both, or neither"),
        ((None, Y), {}, "X=None: X and y must be given both, or neither"),
        ((X, Y), {"quantiles": [-1]}, r"quantiles must be numbers from 0 to 1 in ascending order; got \[-1\]"),
        ((X[:, :2], Y), {}, "X has 2 features, but MLPClassifier is expecting 4 features"),
        ((X, Y + 1), {}, r"y has the labels \[3\]"),
    ],
    ids=[*"123456"],
)
def test_statistics_display_refuses(arguments, options, message, fitted):
    with pytest.raises(ValueError, match=message):
        LayerStatisticsDisplay.from_estimator(fitted, *arguments, **options)


def test_nothing_to_draw():
    with pytest.raises(ValueError, match=r"records=\[\]: there is nothing to draw"):
        LayerStatisticsDisplay(records=[]).plot()
