"""Augmentations of images: the contract, reflection, contrast."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.augmentation.base import Augmentation
from fastmlp.registration import stored_as


class ImageAugmentation(Augmentation):
    """Rows that are images, each changed with a probability.

    A subclass writes ``_changed``, which changes images.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read, in C order. None is a square image with one channel.
    probability : float in [0, 1], default=1.0
        The probability that an image is changed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import ImageAugmentation
    >>> class Negative(ImageAugmentation):
    ...     def _changed(self, images, rng):
    ...         return 1 - images
    >>> Negative((1, 3))(np.array([[0.0, 1.0, 1.0]]), np.ones((1, 1)), np.random.default_rng(0))[0]
    array([[1., 0., 0.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "image_shape": ["array-like", None],
        "probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, image_shape: Sequence[int] | None = None, *, probability: float = 1.0) -> None:
        self.image_shape = image_shape
        self.probability = probability

    def validate(self) -> Self:
        """Check the parameters; return self. See :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        shape = self.image_shape
        if shape is not None and not (
            len(shape) in (2, 3) and all(isinstance(length, Integral) and length > 0 for length in shape)
        ):
            raise ValueError(
                f"The 'image_shape' parameter of {type(self).__name__} must be (height, width), (height, width,"
                f" channels) or None. Got {shape!r} instead."
            )
        return self

    def __call__(self, X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Return X with some of its images changed, and y as it is."""
        images = X.reshape(len(X), *self._shape_of(X.shape[1]))
        chosen = rng.random(len(X)) < self.probability
        changed = images.copy()
        changed[chosen] = self._changed(images[chosen], rng)
        return changed.reshape(X.shape), y

    def _shape_of(self, n_features: int) -> tuple[int, int, int]:
        """Return height, width and channels."""
        if self.image_shape is None:
            side = int(np.sqrt(n_features) + 0.5)
            shape = (side, side, 1)
        else:
            height, width, *channels = self.image_shape
            shape = (height, width, channels[0] if channels else 1)
        if np.prod(shape) != n_features:
            raise ValueError(
                f"image_shape={self.image_shape!r} of {type(self).__name__} does not fit {n_features} features:"
                " give (height, width) or (height, width, channels)."
            )
        return shape

    def _changed(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        """Return images (n, height, width, channels), changed."""
        raise NotImplementedError


@stored_as("augmentation.Reflect")
class Reflect(ImageAugmentation):
    """Images with left and right exchanged, or top and bottom.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", NeurIPS 2012.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read; None is a square image with one channel.
    axis : {'horizontal', 'vertical'}, default='horizontal'
        'horizontal' exchanges left and right.
    probability : float in [0, 1], default=0.5
        The probability that an image is changed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Reflect
    >>> Reflect((1, 3), probability=1.0)(np.array([[1.0, 2.0, 3.0]]), np.ones((1, 1)), np.random.default_rng(0))[0]
    array([[3., 2., 1.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **ImageAugmentation._parameter_constraints,
        "axis": [StrOptions({"horizontal", "vertical"})],
    }

    def __init__(
        self, image_shape: Sequence[int] | None = None, axis: str = "horizontal", *, probability: float = 0.5
    ) -> None:
        super().__init__(image_shape, probability=probability)
        self.axis = axis

    def _changed(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        return np.flip(images, axis=2 if self.axis == "horizontal" else 1)


@stored_as("augmentation.Contrast")
class Contrast(ImageAugmentation):
    """m + c (x - m) for each channel of an image: m is its mean, c is drawn from U(1 - contrast, 1 + contrast).

    Source: Howard, "Some improvements on deep convolutional neural network based image classification", 2013.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read; None is a square image with one channel.
    contrast : float in [0, 1], default=0.2
        The largest distance of c from 1.
    probability : float in [0, 1], default=1.0
        The probability that an image is changed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Contrast
    >>> X = np.array([[0.0, 1.0, 1.0, 0.0]])
    >>> Contrast(contrast=0.5)(X, np.ones((1, 1)), np.random.default_rng(1))[0].round(2)
    array([[-0.23,  1.23,  1.23, -0.23]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **ImageAugmentation._parameter_constraints,
        "contrast": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, image_shape: Sequence[int] | None = None, contrast: float = 0.2, *, probability: float = 1.0
    ) -> None:
        super().__init__(image_shape, probability=probability)
        self.contrast = contrast

    def _changed(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        mean = images.mean(axis=(1, 2), keepdims=True)
        factor = 1.0 + self.contrast * rng.uniform(-1.0, 1.0, (len(images), 1, 1, 1))
        return mean + factor * (images - mean)
