"""The display ReconstructionsDisplay draws images above what is left of them after a way through codes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import grid_of_images, image_shape

#: At most so many samples are drawn.
MOST_SAMPLES = 32


class ReconstructionsDisplay:
    """The display draws images in a row, and their reconstructions in a second row, all in the same colours.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    images, reconstructions : ndarray of shape (n_samples, height, width)

    Attributes
    ----------
    images_ : list of matplotlib AxesImage
        Those of the images, then those of the reconstructions.
    axes_ : ndarray of matplotlib Axes of shape (2, n_samples)
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from fastmlp.inspection import ReconstructionsDisplay
    >>> X = load_digits().data
    >>> display = ReconstructionsDisplay.from_estimator(PCA(8).fit(X), X[:10])
    >>> display.axes_.shape
    (2, 10)
    >>> plt.close(display.figure_)
    """

    images_: list[Any]
    axes_: NDArray
    figure_: Any

    def __init__(self, *, images: NDArray, reconstructions: NDArray) -> None:
        self.images = images
        self.reconstructions = reconstructions

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        shape: tuple[int, int] | None = None,
        cmap: Any = "gray",
        ax: Any = None,
    ) -> Self:
        """Draw images and what a fitted estimator makes of them.

        Parameters
        ----------
        estimator : object
            One with a method reconstruct, as autoencoders have; or with transform and inverse_transform, as scikit-
            learn's PCA.
        X : array-like of shape (n_samples, n_features)
            The first 32 samples are drawn.
        shape : tuple of (height, width), default=None
            The shape of an image. None means a square, if the number of features is a square number.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : ReconstructionsDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator cannot reconstruct, and when ax is no Axes.
        ValueError
            When the shape does not fit.
        """
        if not hasattr(estimator, "reconstruct") and not hasattr(estimator, "inverse_transform"):
            raise TypeError(f"estimator must have reconstruct, or transform and inverse_transform, got {estimator!r}.")
        check_is_fitted(estimator)
        some = X[:MOST_SAMPLES]  # type: ignore[index]
        if hasattr(estimator, "reconstruct"):
            found = estimator.reconstruct(some)
        else:
            found = estimator.inverse_transform(estimator.transform(some))
        pairs = [np.asarray(each.toarray() if hasattr(each, "toarray") else each) for each in (some, found)]
        shape = image_shape(shape, pairs[0].shape[1], "features")
        images, reconstructions = (each.reshape(-1, *shape) for each in pairs)
        return cls(images=images, reconstructions=reconstructions).plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = "gray") -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide; None makes a new figure.
        cmap : str or matplotlib Colormap, default="gray"

        Returns
        -------
        self : ReconstructionsDisplay
        """
        both = np.concatenate([self.images, self.reconstructions])
        limits = {"vmin": float(self.images.min()), "vmax": float(self.images.max())}
        self.axes_, self.images_ = grid_of_images(ax, both, len(self.images), cmap=cmap, **limits)
        self.figure_ = self.axes_[0, 0].figure
        return self
