"""Augmentation: minibatches that are changed at random before a network learns from them."""

from fastmlp.augmentation.base import Augment as Augment
from fastmlp.augmentation.base import Augmentation
from fastmlp.augmentation.compose import Compose
from fastmlp.augmentation.given import as_augment, augmented
from fastmlp.augmentation.images import Contrast, ImageAugmentation, Reflect
from fastmlp.augmentation.registry import AUGMENTATIONS
from fastmlp.augmentation.samples import Mixup, Noise
from fastmlp.augmentation.warps import Rotate, Skew, Translate

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
