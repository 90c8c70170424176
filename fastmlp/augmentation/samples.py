"""Augmentations of samples of any kind: rows that are mixed, noise."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.augmentation.base import Augmentation
from fastmlp.registration import stored_as


@stored_as("augmentation.Mixup")
class Mixup(Augmentation):
    """l X + (1 - l) X', l y + (1 - l) y': X' and y' are the batch in another order, l comes from Beta(alpha, alpha).

    There is one l for a batch. Where rows differ in weight, the rows of X' and y' are drawn in proportion to it, and
    each mixed row keeps the weight of its row of X. So a row of weight 2 is mixed as two rows would be, and rows that
    lie on a line stay on it. Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Parameters
    ----------
    alpha : float > 0, default=0.2
        The parameter of the distribution of l; the smaller it is, the nearer is l to 0 or 1.

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
        """Return the mixed batch, whose weights are those that it had."""
        share, partner = rng.beta(self.alpha, self.alpha), rng.permutation(len(X))
        if sample_weight is not None and (sample_weight != sample_weight[:1]).any():
            partner = _in_proportion(sample_weight, rng)[partner]
        return share * X + (1.0 - share) * X[partner], share * y + (1.0 - share) * y[partner]


def _in_proportion(weights: NDArray, rng: np.random.Generator) -> NDArray:
    """Return the numbers of as many rows as there are weights, ascending, each about as often as its weight says.

    This is systematic sampling: it takes equal steps along the weights laid end to end, from a random start. Each row
    comes as often as its share of the weights says, rounded down or up, and on average exactly so often.
    """
    ends = np.cumsum(weights / weights.max())
    places = (np.arange(len(weights)) + rng.random()) * (ends[-1] / len(weights))
    return np.searchsorted(ends, np.minimum(places, np.nextafter(ends[-1], 0)), side="right")


@stored_as("augmentation.Noise")
class Noise(Augmentation):
    """X + std N(0, 1); y stays as it is.

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    Parameters
    ----------
    std : float >= 0, default=0.1
        The standard deviation of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.augmentation import Noise
    >>> Noise(std=0.5)(np.zeros((1, 3)), np.ones((1, 1)), np.random.default_rng(0))[0].round(2)
    array([[ 0.06, -0.07,  0.32]])
    """

    _parameter_constraints: ClassVar[dict] = {"std": [Interval(Real, 0, np.inf, closed="left")]}

    def __init__(self, std: float = 0.1) -> None:
        self.std = std

    def __call__(self, X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Return X with noise, and y as it is."""
        noise = rng.standard_normal(X.shape, X.dtype)
        noise *= self.std
        noise += X
        return noise, y
