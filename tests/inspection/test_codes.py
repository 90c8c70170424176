"""CodesDisplay: points of codes, in colours of classes and of numbers, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from fastmlp.inspection import CodesDisplay
from fastmlp.zoo import VariationalAutoencoder

X, Y = load_digits(return_X_y=True)
X = X / 16
MODEL = PCA(3, random_state=0).fit(X)


def test_classes_have_colours_and_a_legend():
    names = np.array(["even", "odd"])[Y % 2]
    display = CodesDisplay.from_estimator(MODEL, X, names)
    codes = MODEL.transform(X)[:, :2]
    assert [points.get_label() for points in display.points_] == ["even", "odd"]
    for points, name in zip(display.points_, ["even", "odd"], strict=True):
        np.testing.assert_array_equal(points.get_offsets(), codes[names == name])
    assert len({tuple(points.get_facecolor()[0]) for points in display.points_}) == 2
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["even", "odd"]
    colours = {tuple(points.get_facecolor()[0]) for points in CodesDisplay.from_estimator(MODEL, X, Y).points_}
    assert len(colours) == 10
    many = CodesDisplay.from_estimator(MODEL, X[:60], np.arange(60) % 30, cmap="viridis")
    assert len({tuple(points.get_facecolor()[0]) for points in many.points_}) == 30


def test_numbers_have_a_colour_bar():
    numbers = X.mean(axis=1)
    display = CodesDisplay.from_estimator(MODEL, X, numbers, components=(2, 0), cmap="magma")
    np.testing.assert_array_equal(display.points_[0].get_offsets(), MODEL.transform(X)[:, [2, 0]])
    np.testing.assert_array_equal(display.points_[0].get_array(), numbers)
    assert display.points_[0].get_cmap().name == "magma"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Component 2", "Component 0")
    assert len(display.figure_.axes) == 2


def test_without_targets_and_on_given_axes():
    _, ax = plt.subplots()
    vae = VariationalAutoencoder((8,), 2, decoder="bernoulli", max_iter=1, random_state=0).fit(X)
    display = CodesDisplay.from_estimator(vae, X, ax=ax)
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.points_[0].get_offsets(), vae.transform(X))
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("model", "options", "error", "match"),
    [
        (Ridge(), {}, TypeError, "estimator must have a method transform"),
        (VariationalAutoencoder(), {}, NotFittedError, "is not fitted yet"),
        (MODEL, {"components": (0, 3)}, ValueError, r"components must be two numbers from 0 to 2, got \(0, 3\)"),
        (MODEL, {"components": (0,)}, ValueError, r"components must be two numbers from 0 to 2, got \(0,\)"),
        (MODEL, {"y": Y[:5]}, ValueError, "y must have 1797 elements, as many as X has rows, got 5"),
        (MODEL, {"ax": 3}, TypeError, "ax must be a matplotlib Axes or None, got 3"),
    ],
)
def test_errors(model, options, error, match):
    with pytest.raises(error, match=match):
        CodesDisplay.from_estimator(model, X, **options)
