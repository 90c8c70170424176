"""Networks in the packed layout; documented in packed.pyx."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastmlp.engine.rows import Rows

class PackedNetwork:
    dtype: np.dtype
    columns: Any
    n_layers: int
    n_params: int
    multiply_adds: int
    n_outputs: int
    sizes: tuple[int, ...]
    input_is_scaled: bool

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Sequence[Any],
        loss: str,
        dtype: DTypeLike,
        *,
        columns: Any = None,
        isa: str | None = None,
    ) -> None: ...
    def scale_inputs(self, means: NDArray, scales: NDArray) -> None: ...
    def set_running(self, i: int, mean: NDArray, variance: NDArray) -> None: ...
    def running(self, i: int) -> NDArray: ...
    def load(self, params: NDArray) -> None: ...
    def store(self, params: NDArray) -> None: ...
    def forward(
        self,
        rows: Rows,
        *,
        order: NDArray | None = None,
        start: int = 0,
        stop: int | None = None,
        out: NDArray | None = None,
        n_threads: int = 1,
        judged: bool = False,
        linked: bool = True,
        depth: int | None = None,
        hidden: Sequence[NDArray] = (),
    ) -> NDArray: ...
