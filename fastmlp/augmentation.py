"""Augmentation: minibatches that are changed at random before a network learns from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.components import Component, Named, Registry, named, real_array
from fastmlp.registration import stored_as

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "Compose",
    "Contrast",
    "ImageAugmentation",
    "Mixup",
    "Noise",
    "Reflect",
    "Rotate",
    "Skew",
    "Translate",
    "as_augment",
    "augmented",
]


def __dir__() -> list[str]:
    return sorted(__all__)


#: What augments a batch: (X, y, rng) -> (X, y); one that sees sample_weight may return (X, y, sample_weight).
Augment = Callable[..., tuple[NDArray, ...]]

_NOT_NEGATIVE = Interval(Real, 0, np.inf, closed="left")


class Augmentation(Component):
    """The contract: called with a batch, (X, y, rng), it returns another batch (X, y).

    X has shape (n, n_features); y holds the targets as the network has them, shape (n, n_outputs), one-hot for classes;
    rng is a numpy.random.Generator. The arguments stay as they are.

    Each row has a weight: that of the sample, times that of its class. Weights stay in their places, so that rows must
    stay in theirs. What moves rows, or mixes them, has a parameter called ``sample_weight``, as (X, y, rng,
    sample_weight) or (X, y, sample_weight, rng): it is given the weights, shape (n,), or None where there are none, and
    may return three things, (X, y, sample_weight), with new weights of at least 0. Rows of weight 0 are never seen.

    Examples
    --------
    Any other callable that takes these is one, too:

    >>> import numpy as np
    >>> from fastmlp.augmentation import augmented
    >>> def swap_halves(X, y, rng):
    ...     return np.roll(X, X.shape[1] // 2, axis=1), y
    >>> augmented(swap_halves, np.array([[1.0, 2.0]]), np.array([[1.0]]), np.random.default_rng(0))[0]
    array([[2., 1.]])
    >>> def reverse(X, y, sample_weight, rng):
    ...     return X[::-1], y[::-1], None if sample_weight is None else sample_weight[::-1]
    >>> augmented(reverse, np.eye(2), np.eye(2), np.random.default_rng(0), np.array([1.0, 3.0]))[2]
    array([3., 1.])
    """

    _parameters_of_call: ClassVar[list[str]]

    def __call__(self, X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, ...]:
        """Return the changed batch.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        y : ndarray of shape (n, n_outputs)
        rng : numpy.random.Generator
        """
        raise NotImplementedError


class ImageAugmentation(Augmentation):
    """Rows that are images, each changed with a probability.

    A subclass writes ``_changed``.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        How a row is read, in C order. None is a square image with one channel.
    probability : float in [0, 1], default=1.0
        How likely an image is changed.

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
        """Return self; see :meth:`fastmlp.components.Component.validate`."""
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
        None is a square image with one channel.
    axis : {'horizontal', 'vertical'}, default='horizontal'
        'horizontal' exchanges left and right.
    probability : float in [0, 1], default=0.5

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
    """m + c (x - m) for each channel of an image with mean m, c from U(1 - contrast, 1 + contrast).

    Source: Howard, "Some improvements on deep convolutional neural network based image classification", 2013.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        None is a square image with one channel.
    contrast : float in [0, 1], default=0.2
    probability : float in [0, 1], default=1.0

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


class _Warp(ImageAugmentation):
    """Pixels from other places: the one at p, from the centre, comes from A p + b, by interpolation.

    Beyond the border every pixel has the fill value.
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
        from scipy.ndimage import affine_transform  # noqa: PLC0415  # slow to import, and few fits need it

        _, height, width, n_channels = images.shape
        centre = np.array([height - 1, width - 1]) / 2.0
        matrices, offsets = self._origins(len(images), rng)
        offsets = centre + offsets - matrices @ centre
        changed = np.empty_like(images)
        # One call for the whole batch would take as long: what counts is the time per pixel.
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
        """Return A, shape (n, 2, 2), and b, shape (n, 2), for n images; rows of pixels come first."""
        raise NotImplementedError


@stored_as("augmentation.Translate")
class Translate(_Warp):
    """Images moved by (dy, dx) pixels, both from U(-shift, shift).

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        None is a square image with one channel.
    shift : float >= 0, default=2.0
        In pixels.
    probability : float in [0, 1], default=1.0
    fill : float, default=0.0
        The pixels beyond the border.
    order : int in [0, 5], default=1
        Of the splines that interpolate: 0 takes the nearest pixel, and so moves by whole pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Translate
    >>> X = np.array([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    >>> Translate(shift=1.4, order=0)(X, np.ones((1, 1)), np.random.default_rng(3))[0]
    array([[0., 0., 1., 0., 0., 0., 0., 0., 0.]])
    """

    _parameter_constraints: ClassVar[dict] = {**_Warp._parameter_constraints, "shift": [_NOT_NEGATIVE]}

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
    """Images turned about their centre, counterclockwise, by degrees from U(-angle, angle).

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        None is a square image with one channel.
    angle : float in [0, 180], default=15.0
        In degrees.
    probability : float in [0, 1], default=1.0
    fill : float, default=0.0
        The pixels beyond the border.
    order : int in [0, 5], default=1
        Of the splines that interpolate: 0 takes the nearest pixel.

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
        # Rows count downward, so this turns the origins clockwise as one sees the image.
        return np.moveaxis(np.array([[cos, sin], [-sin, cos]]), -1, 0), np.zeros((n, 2))


@stored_as("augmentation.Skew")
class Skew(_Warp):
    """Images slanted: the row at y below the centre is moved by s y to the right, s from U(-skew, skew).

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    Parameters
    ----------
    image_shape : (height, width), (height, width, channels) or None, default=None
        None is a square image with one channel.
    skew : float >= 0, default=0.2
    probability : float in [0, 1], default=1.0
    fill : float, default=0.0
        The pixels beyond the border.
    order : int in [0, 5], default=1
        Of the splines that interpolate: 0 takes the nearest pixel.

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

    _parameter_constraints: ClassVar[dict] = {**_Warp._parameter_constraints, "skew": [_NOT_NEGATIVE]}

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


@stored_as("augmentation.Mixup")
class Mixup(Augmentation):
    """l X + (1 - l) X', l y + (1 - l) y': X' and y' are the batch in another order, l from Beta(alpha, alpha).

    One l for a batch. Where rows differ in weight, those of X' and y' are drawn in proportion to it, and each mixed row
    keeps the weight of its row of X: so a row of weight 2 is mixed as two rows would be, and what lies on a line stays
    on it. Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Parameters
    ----------
    alpha : float > 0, default=0.2

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Mixup
    >>> X, y = Mixup(alpha=1.0)(np.array([[0.0], [10.0]]), np.eye(2), np.random.default_rng(2))
    >>> X.round(1)
    array([[5.3],
           [4.7]])
    >>> y.round(2)
    array([[0.47, 0.53],
           [0.53, 0.47]])
    """

    _parameter_constraints: ClassVar[dict] = {"alpha": [Interval(Real, 0, np.inf, closed="neither")]}

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = alpha

    def __call__(
        self, X: NDArray, y: NDArray, rng: np.random.Generator, sample_weight: NDArray | None = None
    ) -> tuple[NDArray, NDArray]:
        """Return the mixed batch; its weights are those it had."""
        share, partner = rng.beta(self.alpha, self.alpha), rng.permutation(len(X))
        if sample_weight is not None and (sample_weight != sample_weight[:1]).any():
            partner = _in_proportion(sample_weight, rng)[partner]
        return share * X + (1.0 - share) * X[partner], share * y + (1.0 - share) * y[partner]


def _in_proportion(weights: NDArray, rng: np.random.Generator) -> NDArray:
    """Return as many rows as there are weights, ascending, each about as often as its weight says.

    This is systematic sampling: equal steps along the weights laid end to end, from a random start. Each row comes as
    often as its share of the weights asks for, rounded down or up, on average exactly.
    """
    ends = np.cumsum(weights / weights.max())
    places = (np.arange(len(weights)) + rng.random()) * (ends[-1] / len(weights))
    return np.searchsorted(ends, np.minimum(places, np.nextafter(ends[-1], 0)), side="right")


@stored_as("augmentation.Noise")
class Noise(Augmentation):
    """X + std N(0, 1), y as it is.

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    Parameters
    ----------
    std : float >= 0, default=0.1

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Noise
    >>> Noise(std=0.5)(np.zeros((1, 3)), np.ones((1, 1)), np.random.default_rng(0))[0].round(2)
    array([[ 0.06, -0.07,  0.32]])
    """

    _parameter_constraints: ClassVar[dict] = {"std": [_NOT_NEGATIVE]}

    def __init__(self, std: float = 0.1) -> None:
        self.std = std

    def __call__(self, X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Return X with noise."""
        noise = rng.standard_normal(X.shape, X.dtype)
        noise *= self.std
        noise += X
        return noise, y


#: Augmentations by name; each can be made without parameters.
AUGMENTATIONS: Registry[type[Augmentation]] = Registry(
    {
        "reflect": Reflect,
        "translate": Translate,
        "rotate": Rotate,
        "skew": Skew,
        "contrast": Contrast,
        "mixup": Mixup,
        "noise": Noise,
    },
    {
        "reflect": ("flip", "random_flip", "horizontal_flip", "random_horizontal_flip", "mirror", "reflection"),
        "translate": ("shift", "translation", "random_translation", "random_shift"),
        "rotate": ("rotation", "random_rotation", "random_rotate"),
        "skew": ("shear", "random_shear"),
        "contrast": ("random_contrast",),
        "noise": ("gaussian_noise", "jitter"),
    },
)


@stored_as("augmentation.Compose")
class Compose(Augmentation):
    """One augmentation after another.

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003, where affine changes follow each other.

    Parameters
    ----------
    augmentations : list of str, Augmentation or callable, default=()

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Compose, Noise, Rotate
    >>> Compose([Rotate(angle=5.0), Noise()])
    Compose(augmentations=[Rotate(angle=5.0), Noise()])
    >>> Compose([lambda X, y, rng: (X + 1, y)])(np.zeros((1, 2)), np.ones((1, 1)), np.random.default_rng(0))[0]
    array([[1., 1.]])
    """

    augmentations = Named(AUGMENTATIONS)
    _parameter_constraints: ClassVar[dict] = {"augmentations": [list, tuple]}

    def __init__(self, augmentations: Sequence[str | Augment] = ()) -> None:
        self.augmentations = augmentations

    def validate(self) -> Self:
        """Return self; see :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        for augmentation in self.augmentations:
            as_augment(augmentation)
        return self

    def __call__(
        self, X: NDArray, y: NDArray, rng: np.random.Generator, sample_weight: NDArray | None = None
    ) -> tuple[NDArray, ...]:
        """Return the batch after all of them, each checked; with weights where there are any, given or made."""
        for augmentation in self.augmentations:
            X, y, *weights = augmented(as_augment(augmentation), X, y, rng, sample_weight)
            sample_weight = weights[0] if weights else None
        return (X, y) if sample_weight is None else (X, y, sample_weight)


def as_augment(augment: str | Augment) -> Augment:
    """Return what augments batches, by name or as it is, checked.

    Examples
    --------
    >>> from fastmlp.augmentation import Noise, as_augment
    >>> as_augment(Noise(0.5)), as_augment("mixup")
    (Noise(std=0.5), Mixup())
    """
    if isinstance(augment, str):
        augment = named(augment, AUGMENTATIONS, "augment")()
    if isinstance(augment, Augmentation):
        return augment.validate()
    if callable(augment) and not isinstance(augment, type):
        return augment
    raise TypeError(f"augment must be a name, an Augmentation or a callable (X, y, rng) -> (X, y); got {augment!r}.")


def augmented(
    augment: Augment, X: NDArray, y: NDArray, rng: np.random.Generator, sample_weight: NDArray | None = None
) -> tuple[NDArray, ...]:
    """Return what augment makes of a batch, once it has been checked, in the types of X and y.

    Parameters
    ----------
    augment : callable
        As :class:`Augmentation` says. It must return as many rows, features and outputs as it was given, all of them
        finite.
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n, n_outputs)
    rng : numpy.random.Generator
    sample_weight : ndarray of shape (n,), default=None

    Returns
    -------
    batch : tuple
        (X, y), and where there are weights, given or returned by augment, (X, y, sample_weight).

    Raises
    ------
    ValueError
        Names augment and says what came instead; also where rows have moved and their weights have not.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import augmented
    >>> augmented(lambda X, y, rng: (X[:1], y), np.ones((2, 3)), np.ones((2, 1)), np.random.default_rng(0))
    Traceback (most recent call last):
    ...
    ValueError: augment: the X it returns must have shape (2, 3); got shape (1, 3).
    """
    takes = _parameters_of(augment)
    sees_weights = "sample_weight" in takes
    try:
        if not sees_weights:
            returned = augment(X, y, rng)
        elif takes.index("sample_weight") == 2:
            returned = augment(X, y, sample_weight, rng)
        else:
            returned = augment(X, y, rng, sample_weight=sample_weight)
    except Exception as error:
        error.add_note(f"Raised by augment={augment!r}.")
        raise
    if not isinstance(returned, tuple | list) or len(returned) not in (2, 3) or len(returned) > 2 + sees_weights:
        form = "(X, y) or (X, y, sample_weight)" if sees_weights else "a pair (X, y)"
        hint = "" if sees_weights else " With a parameter sample_weight it may return (X, y, sample_weight)."
        raise ValueError(f"augment must return {form}; got {returned!r}.{hint}")
    X_new = real_array(returned[0], X.shape, X.dtype, "augment: the X it returns")
    y_new = real_array(returned[1], y.shape, y.dtype, "augment: the y it returns")
    if len(returned) == 2 and sample_weight is not None and _are_moved(X, y, X_new, y_new, sample_weight):
        raise ValueError(
            "augment: the rows it returns are those it was given in another order, but their weights stay in place;"
            " give it a parameter sample_weight, and have it return (X, y, sample_weight)."
        )
    weights = sample_weight if len(returned) == 2 else returned[2]
    if weights is None and sample_weight is None:
        return X_new, y_new
    weights = real_array(weights, (len(X),), np.float64, "augment: the sample_weight it returns")
    if (weights < 0).any():
        raise ValueError(f"augment: the sample_weight it returns must be at least 0; got {weights.min()}.")
    return X_new, y_new, weights


def _parameters_of(augment: Augment) -> list[str]:
    """Return the names of what it takes; none for what does not tell, as some compiled functions do not."""
    cls: Any = type(augment)
    if isinstance(augment, Augmentation):  # once for a class: it takes longer than noise on a small batch
        if "_parameters_of_call" not in vars(cls):
            cls._parameters_of_call = list(inspect.signature(cls.__call__).parameters)[1:]
        return cls._parameters_of_call
    try:
        return list(inspect.signature(augment).parameters)
    except (TypeError, ValueError):
        return []


def _are_moved(X: NDArray, y: NDArray, X_new: NDArray, y_new: NDArray, weights: NDArray) -> bool:
    """Whether rows of several weights are the same as before, but targets, and X along with them, changed places.

    Where no target has changed its place, rows of X may look as if they had moved though each was changed by itself.
    """
    if y_new is y or np.array_equal(y_new, y) or (weights == weights[0]).all():
        return False
    before, after = np.hstack([X, y]), np.hstack([X_new, y_new])
    return all(
        np.array_equal(old[np.lexsort(old.T)], new[np.lexsort(new.T)]) for old, new in ((y, y_new), (before, after))
    )
