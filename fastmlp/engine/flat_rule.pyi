"""Update rules on a flat vector of parameters; documented in flat_rule.pyx."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

class FlatRule:
    dtype: np.dtype

    def __init__(
        self, n_params: int, dtype: DTypeLike, rule: str, *, n_threads: int = 1, isa: str | None = None
    ) -> None: ...
    def load(self, params: NDArray, slots: Sequence[NDArray] = ()) -> None: ...
    def store(self, params: NDArray | None, slots: Sequence[NDArray] = ()) -> None: ...
    def update(self, gradient: NDArray, hyper: ArrayLike, number: int, params: NDArray | None = None) -> None: ...
