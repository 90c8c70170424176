"""Every augmentation on few digits, tested on digits as they are and on digits that were moved.

python docs/augmentation.py [--quick]
"""

import numpy as np
from page import classifier, digits, is_quick, spread, table

from fastmlp.augmentation import AUGMENTATIONS, Compose, Contrast, Mixup, Noise, Reflect, Rotate, Skew, Translate

CASES = {
    "none": None,
    "`Reflect()`": Reflect(),
    "`Translate(shift=1)`": Translate(shift=1.0),
    "`Rotate(angle=15)`": Rotate(angle=15.0),
    "`Skew(skew=0.2)`": Skew(skew=0.2),
    "`Contrast(contrast=0.5)`": Contrast(contrast=0.5),
    "`Mixup(alpha=0.4)`": Mixup(alpha=0.4),
    "`Noise(std=0.1)`": Noise(std=0.1),
    "`Compose([Rotate(15), Translate(1)])`": Compose([Rotate(angle=15.0), Translate(shift=1.0)]),
}


def moved(X):
    """Return the images, each moved by up to a pixel either way."""
    return Translate(shift=1.0)(X, np.zeros((len(X), 1)), np.random.default_rng(0))[0]


def augmentations(n_train, seeds, epochs):
    """Print the accuracy with each augmentation."""
    rows = []
    for name, augment in CASES.items():
        found = []
        for seed in range(seeds):
            X, X_test, y, y_test = digits(n_train, seed)
            clf = classifier((100,), augment=augment, max_iter=epochs, learning_rate_init=0.003, random_state=seed).fit(
                X, y
            )
            found.append([100 * clf.score(rows, y_test) for rows in (X_test, moved(X_test))])
        rows.append([name, *map(spread, np.transpose(found))])
    table(
        f"{n_train} images to learn from, {epochs} epochs: accuracy in percent",
        ["augmentation", "test images", "test images, moved"],
        rows,
    )


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    assert {type(case) for case in CASES.values()} >= set(AUGMENTATIONS.values())
    augmentations(200, 1 if quick else 5, 1 if quick else 100)


if __name__ == "__main__":
    main()
