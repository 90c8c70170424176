"""The names that stand for augmentations."""

from fastmlp.augmentation.base import Augmentation
from fastmlp.augmentation.images import Contrast, Reflect
from fastmlp.augmentation.samples import Mixup, Noise
from fastmlp.augmentation.warps import Rotate, Skew, Translate
from fastmlp.components import Registry

#: The augmentations by name; each can be made without parameters.
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
