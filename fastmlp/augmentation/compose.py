"""Several augmentations as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fastmlp.augmentation.base import Augment, Augmentation
from fastmlp.augmentation.given import as_augment, augmented
from fastmlp.augmentation.registry import AUGMENTATIONS
from fastmlp.components import Named
from fastmlp.registration import stored_as


@stored_as("augmentation.Compose")
class Compose(Augmentation):
    """Several augmentations, one after another.

    Source: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003, where affine changes follow each other.

    Parameters
    ----------
    augmentations : list of str, Augmentation or callable, default=()
        The augmentations in the order in which they change a batch.

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
        """Check the parameters; return self. See :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        for augmentation in self.augmentations:
            as_augment(augmentation)
        return self

    def __call__(
        self, X: NDArray, y: NDArray, rng: np.random.Generator, sample_weight: NDArray | None = None
    ) -> tuple[NDArray, ...]:
        """Return the batch after all augmentations, each checked; it has weights where they were given or made."""
        for augmentation in self.augmentations:
            X, y, *weights = augmented(as_augment(augmentation), X, y, rng, sample_weight)
            sample_weight = weights[0] if weights else None
        return (X, y) if sample_weight is None else (X, y, sample_weight)
