"""Passes forward that are kept for ways back; documented in kept_pass.pyx."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastmlp.engine.rows import Rows
from fastmlp.engine.trainer import Trainer

class KeptPass(Trainer):
    max_rows: int

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Sequence[Any],
        loss: str,
        dtype: DTypeLike,
        *,
        max_rows: int,
        rule: str = "gradient",
        n_threads: int = 1,
        uses_running: bool = True,
        loss_options: float | Sequence[float] = (),
        output_weights: ArrayLike | None = None,
        regularization: Any = None,
        columns: Any = None,
        isa: str | None = None,
    ) -> None: ...
    def count_from(self, step_count: int) -> None: ...
    def ahead(
        self,
        rows: Rows,
        *,
        start: int = 0,
        stop: int | None = None,
        order: NDArray | None = None,
        linked: bool = True,
        seed: int = 0,
    ) -> NDArray: ...
    def back(
        self,
        output_gradients: NDArray,
        params: NDArray | None = None,
        inputs: NDArray | None = None,
        *,
        hyper: NDArray | None = None,
        weight: float = 1,
    ) -> None: ...
    def meet(
        self,
        rows: Rows,
        targets: NDArray,
        weights: NDArray | None = None,
        *,
        order: NDArray | None = None,
        params: NDArray | None = None,
        inputs: NDArray | None = None,
        hyper: NDArray | None = None,
        weight: float = 1,
        seed: int = 0,
    ) -> NDArray: ...
