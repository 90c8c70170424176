"""Networks that learn; documented in trainer.pyx."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastmlp.engine.packed import PackedNetwork
from fastmlp.engine.rows import Rows

class Trainer(PackedNetwork):
    n_threads: int
    shallow: bool
    step_count: int
    terms: int

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Sequence[Any],
        loss: str,
        dtype: DTypeLike,
        *,
        rule: str,
        max_batch: int,
        n_threads: int = 1,
        bfloat16: bool = False,
        split: bool | None = None,
        python_loss: Any = None,
        regularization: Any = None,
        rate_factors: Sequence[float] = (),
        decay_factors: Sequence[float] = (),
        seed: int = 0,
        loss_options: float | Sequence[float] = (),
        output_weights: ArrayLike | None = None,
        columns: Any = None,
        isa: str | None = None,
    ) -> None: ...
    def load(self, params: NDArray, slots: Sequence[NDArray] = (), average: NDArray | None = None) -> None: ...
    def store(self, params: NDArray | None, slots: Sequence[NDArray] = (), average: NDArray | None = None) -> None: ...
    def use_running(self) -> None: ...
    def attach(self, rows: Rows, targets: NDArray | None, weights: NDArray | None = None) -> None: ...
    def begin(
        self, orders: NDArray, batch_size: int, l2: float, hyper: NDArray | Sequence[float], step_count: int
    ) -> None: ...
    def run(self) -> bool: ...
    def losses(self) -> list[float]: ...
    def updates_done(self) -> int: ...
