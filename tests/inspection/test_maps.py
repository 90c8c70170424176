"""UMatrixDisplay and ComponentPlanesDisplay: cells, marks, labels, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from fastmlp import MLPClassifier
from fastmlp.inspection import ComponentPlanesDisplay, UMatrixDisplay
from fastmlp.zoo import SelfOrganizingMap
from tests.inspection.conftest import FLOWERS, SPECIES, X, Y


@pytest.fixture(scope="module", params=["hexagonal", "rectangular"])
def som(request):
    return SelfOrganizingMap((6, 4), topology=request.param, max_iter=4).fit(X)


def areas(collection):
    """The areas of a collection's polygons, by the shoelace formula."""
    found = []
    for path in collection.get_paths():
        x, y = path.vertices[:-1].T
        found.append(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
    return np.array(found)


def test_u_matrix(som):
    display = UMatrixDisplay.from_estimator(som)
    np.testing.assert_array_equal(display.cells_.get_array(), som.u_matrix().ravel())
    # Cells fill the plane: each has the area of a unit, and lies around its place.
    np.testing.assert_allclose(areas(display.cells_), np.sqrt(0.75) if som.topology == "hexagonal" else 1)
    middles = [path.vertices[:-1].mean(axis=0) for path in display.cells_.get_paths()]
    np.testing.assert_allclose(middles, som.coordinates_, atol=1e-12)
    # Each edge of a cell is half a unit away from the middle, so that neighbours' cells touch.
    first = display.cells_.get_paths()[0].vertices
    edges = (first[:-1] + first[1:]) / 2 - som.coordinates_[0]
    np.testing.assert_allclose(np.linalg.norm(edges, axis=1), 0.5)
    assert np.abs(edges - [0.5, 0]).sum(axis=1).min() < 1e-12
    np.testing.assert_allclose(
        areas(display.marks_) / areas(display.cells_), 0.81 * som.hits_.ravel() / som.hits_.max()
    )
    assert display.texts_ == []
    assert display.ax_.yaxis_inverted()


def test_labels_and_hits_of_samples(som):
    ax = plt.figure().add_subplot()
    display = UMatrixDisplay.from_estimator(som, X[:60], SPECIES[:60], ax=ax, cmap="gray")
    assert display.ax_ is ax and display.cells_.get_cmap().name == "gray"
    assert display.hits.sum() == 60
    labels = som.label_map(X[:60], SPECIES[:60]).ravel()
    assert [text.get_text() for text in display.texts_] == [label for label in labels if label is not None]
    places = [text.get_position() for text in display.texts_]
    np.testing.assert_array_equal(places, som.coordinates_[labels != None])  # noqa: E711 (element by element)
    bare = UMatrixDisplay.from_estimator(som, hits=False)
    assert bare.marks_ is None
    bare.labels = som.label_map(X, Y)
    assert {text.get_color() for text in bare.plot(text_kw={"color": "red"}).texts_} == {"red"}


def test_a_map_that_nobody_belongs_to():
    som = SelfOrganizingMap((2, 2), max_iter=1).fit(X)
    display = UMatrixDisplay(
        u_matrix=som.u_matrix(), coordinates=som.coordinates_, topology="hexagonal", hits=np.zeros((2, 2), int)
    ).plot()
    np.testing.assert_array_equal(areas(display.marks_), 0)


def test_component_planes():
    som = SelfOrganizingMap((5, 4), max_iter=3).fit(FLOWERS.data)
    display = ComponentPlanesDisplay.from_estimator(som, features=["petal width (cm)", 0, 1])
    assert [axes.get_title() for axes in display.axes_.flat] == [
        "petal width (cm)", "sepal length (cm)", "sepal width (cm)", "",
    ]  # fmt: skip
    for cells, feature in zip(display.cells_, [3, 0, 1], strict=True):
        np.testing.assert_array_equal(cells.get_array(), som.weights_[:, feature])
    wide = SelfOrganizingMap((2, 2), max_iter=1).fit(np.random.default_rng(0).standard_normal((30, 50)))
    display = ComponentPlanesDisplay.from_estimator(wide)
    assert len(display.cells_) == 36 and display.names[:2] == ["x0", "x1"]
    assert len(ComponentPlanesDisplay.from_estimator(wide, features=range(40)).cells_) == 40


@pytest.mark.parametrize("display", [UMatrixDisplay, ComponentPlanesDisplay])
def test_what_is_no_fitted_map(display):
    with pytest.raises(TypeError, match="estimator must be a SelfOrganizingMap, got MLPClassifier"):
        display.from_estimator(MLPClassifier())
    with pytest.raises(NotFittedError):
        display.from_estimator(SelfOrganizingMap())


def test_what_is_refused(som):
    with pytest.raises(ValueError, match="y has the labels of X"):
        UMatrixDisplay.from_estimator(som, y=Y)
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        UMatrixDisplay.from_estimator(som, ax=3)
    for wrong in (4, -1, True, "length", 0.5):
        with pytest.raises(ValueError, match="features must be names or numbers from 0 to 3"):
            ComponentPlanesDisplay.from_estimator(som, features=[wrong])
    with pytest.raises(ValueError, match="features must name a feature at least"):
        ComponentPlanesDisplay.from_estimator(som, features=[])
