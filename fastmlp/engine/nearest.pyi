"""Centres near rows; documented in nearest.pyx."""

import numpy as np
from numpy.typing import NDArray

from fastmlp.engine.rows import Rows

class Centers:
    n_centers: int
    n_features: int

    def __init__(self, centers: NDArray, *, isa: str | None = None) -> None: ...
    def nearest(self, X: Rows, *, n_threads: int = 1) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
    def two_nearest(
        self, X: Rows, *, n_threads: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]: ...
    def sums_of_nearest(
        self, X: Rows, weights: NDArray[np.float64] | None = None, *, n_threads: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
    def squared_distances(self, X: Rows, *, n_threads: int = 1) -> NDArray: ...
