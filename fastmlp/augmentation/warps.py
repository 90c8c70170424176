"""Augmentations of images that move pixels: translation, rotation, skew."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.augmentation.images import ImageAugmentation
from fastmlp.registration import stored_as


class _Warp(ImageAugmentation):
    """Images whose pixels come from other places: the one at p, from the centre, comes from A p + b.

    Pixels between the given ones are interpolated; beyond the border every pixel has the fill value.
    """

    _parameter_constraints: ClassVar[dict] = {
        **ImageAugmentation._parameter_constraints,
        "fill": [Interval(Real, -np.inf, np.inf, closed="neither")],
        "order": [Interval(Integral, 0, 5, closed="both")],
    }

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        *,
        probability: float = 1.0,
        fill: float = 0.0,
        order: int = 1,
    ) -> None:
        super().__init__(image_shape, probability=probability)
        self.fill = fill
        self.order = order

    def _changed(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        from scipy.ndimage import affine_transform  # noqa: PLC0415  # it is slow to import, and few fits need it

        _, height, width, n_channels = images.shape
        centre = np.array([height - 1, width - 1]) / 2.0
        matrices, offsets = self._origins(len(images), rng)
        offsets = centre + offsets - matrices @ centre
        changed = np.empty_like(images)
        # One call for the whole batch would take as long, since it is each pixel that takes time.
        for i in range(len(images)):
            for channel in range(n_channels):
                changed[i, :, :, channel] = affine_transform(
                    images[i, :, :, channel],
                    matrices[i],
                    offsets[i],
                    output=images.dtype,
                    order=self.order,
                    mode="grid-constant",
                    cval=self.fill,
                )
        return changed

    def _origins(self, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Return A of shape (n, 2, 2) and b of shape (n, 2) for n images; the first coordinate counts pixel rows."""
        raise NotImplementedError


@stored_as("augmentation.Translate")
class Translate(_Warp):
    """Images moved by (dy, dx) pixels; both numbers are drawn from U(-shift, shift).

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read; None is a square image with one channel.
    shift : float >= 0, default=2.0
        The largest shift, in pixels.
    probability : float in [0, 1], default=1.0
        The probability that an image is changed.
    fill : float, default=0.0
        The value of pixels beyond the border.
    order : int in [0, 5], default=1
        The order of the splines that interpolate; 0 takes the nearest pixel, and so moves by whole pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Translate
    >>> X = np.array([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    >>> Translate(shift=1.4, order=0)(X, np.ones((1, 1)), np.random.default_rng(3))[0]
    array([[0., 0., 1., 0., 0., 0., 0., 0., 0.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **_Warp._parameter_constraints,
        "shift": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        shift: float = 2.0,
        *,
        probability: float = 1.0,
        fill: float = 0.0,
        order: int = 1,
    ) -> None:
        super().__init__(image_shape, probability=probability, fill=fill, order=order)
        self.shift = shift

    def _origins(self, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        moved = self.shift * rng.uniform(-1.0, 1.0, (n, 2))
        return np.tile(np.eye(2), (n, 1, 1)), -moved


@stored_as("augmentation.Rotate")
class Rotate(_Warp):
    """Images turned about their centre, counterclockwise, by an angle that is drawn from U(-angle, angle).

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read; None is a square image with one channel.
    angle : float in [0, 180], default=15.0
        The largest angle, in degrees.
    probability : float in [0, 1], default=1.0
        The probability that an image is changed.
    fill : float, default=0.0
        The value of pixels beyond the border.
    order : int in [0, 5], default=1
        The order of the splines that interpolate; 0 takes the nearest pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Rotate
    >>> X = np.array([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]])
    >>> Rotate(angle=180.0)(X, np.ones((1, 1)), np.random.default_rng(4))[0].reshape(3, 3).round(1)
    array([[0. , 0. , 0.1],
           [0. , 1. , 0.9],
           [0. , 0. , 0. ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **_Warp._parameter_constraints,
        "angle": [Interval(Real, 0, 180, closed="both")],
    }

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        angle: float = 15.0,
        *,
        probability: float = 1.0,
        fill: float = 0.0,
        order: int = 1,
    ) -> None:
        super().__init__(image_shape, probability=probability, fill=fill, order=order)
        self.angle = angle

    def _origins(self, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        turned = np.deg2rad(self.angle * rng.uniform(-1.0, 1.0, n))
        cos, sin = np.cos(turned), np.sin(turned)
        # Rows count downward, so that this turns the origins clockwise as one sees the image.
        return np.moveaxis(np.array([[cos, sin], [-sin, cos]]), -1, 0), np.zeros((n, 2))


@stored_as("augmentation.Skew")
class Skew(_Warp):
    """Images slanted: the row at y below the centre is moved by s y to the right; s is drawn from U(-skew, skew).

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read; None is a square image with one channel.
    skew : float >= 0, default=0.2
        The largest slant, in pixels per row.
    probability : float in [0, 1], default=1.0
        The probability that an image is changed.
    fill : float, default=0.0
        The value of pixels beyond the border.
    order : int in [0, 5], default=1
        The order of the splines that interpolate; 0 takes the nearest pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Skew
    >>> X = np.array([[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]])
    >>> Skew(skew=1.0)(X, np.ones((1, 1)), np.random.default_rng(0))[0].reshape(3, 3).round(1)
    array([[0. , 0.5, 0.5],
           [0. , 1. , 0. ],
           [0.5, 0.5, 0. ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **_Warp._parameter_constraints,
        "skew": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        skew: float = 0.2,
        *,
        probability: float = 1.0,
        fill: float = 0.0,
        order: int = 1,
    ) -> None:
        super().__init__(image_shape, probability=probability, fill=fill, order=order)
        self.skew = skew

    def _origins(self, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        matrices = np.tile(np.eye(2), (n, 1, 1))
        matrices[:, 1, 0] = -self.skew * rng.uniform(-1.0, 1.0, n)
        return matrices, np.zeros((n, 2))
