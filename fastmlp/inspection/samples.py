"""The display SamplesDisplay draws samples of a generative model as images."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.inspection.drawing import grid_of_images, image_shape


class SamplesDisplay:
    """The display draws samples as a grid of images, all in the same colours.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, height, width)

    Attributes
    ----------
    images_ : list of matplotlib AxesImage
        One per sample.
    axes_ : ndarray of matplotlib Axes
        The axes of the images in rows and columns; those that are left over are empty.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from fastmlp.inspection import SamplesDisplay
    >>> from fastmlp.zoo import VariationalAutoencoder
    >>> X = load_digits().data / 16
    >>> vae = VariationalAutoencoder((32,), 8, decoder="bernoulli", max_iter=5, random_state=0).fit(X)
    >>> display = SamplesDisplay.from_estimator(vae, n_samples=9, random_state=0)
    >>> display.axes_.shape, display.samples.shape
    ((3, 3), (9, 8, 8))
    >>> plt.close(display.figure_)
    """

    images_: list[Any]
    axes_: NDArray
    figure_: Any

    def __init__(self, *, samples: NDArray) -> None:
        self.samples = samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_samples: int = 25,
        shape: tuple[int, int] | None = None,
        random_state: Any = None,
        cmap: Any = "gray",
        ax: Any = None,
    ) -> Self:
        """Draw samples of a fitted estimator.

        Parameters
        ----------
        estimator : object
            One with a method sample(n_samples): a VariationalAutoencoder, a GAN, or scikit-learn's KernelDensity or
            GaussianMixture.
        n_samples : int, default=25
        shape : tuple of (height, width), default=None
            The shape of an image. None means a square, if the number of features is a square number.
        random_state : int, RandomState instance or None, default=None
            It is given to sample, unless it is None: an estimator that takes none keeps its own.
        cmap, ax
            Parameters of :meth:`plot`.

        Returns
        -------
        display : SamplesDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator cannot sample, and when ax is no Axes.
        ValueError
            When the shape does not fit.
        """
        if not hasattr(estimator, "sample"):
            raise TypeError(f"estimator must have a method sample, as generative models have, got {estimator!r}.")
        check_is_fitted(estimator)
        options = {} if random_state is None else {"random_state": random_state}
        drawn = estimator.sample(whole_number(n_samples, "n_samples"), **options)
        # A mixture of scikit-learn's returns the components of the samples, too.
        samples = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)
        shape = image_shape(shape, samples.shape[1], "features")
        return cls(samples=samples.reshape(-1, *shape)).plot(ax, cmap=cmap)

    def plot(self, ax: Any = None, *, cmap: Any = "gray") -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to divide; None makes a new figure.
        cmap : str or matplotlib Colormap, default="gray"

        Returns
        -------
        self : SamplesDisplay
        """
        limits = {"vmin": float(self.samples.min()), "vmax": float(self.samples.max())}
        self.axes_, self.images_ = grid_of_images(ax, self.samples, ceil(sqrt(len(self.samples))), cmap=cmap, **limits)
        self.figure_ = self.axes_[0, 0].figure
        return self
