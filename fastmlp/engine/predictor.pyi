"""Networks that are called; documented in predictor.pyx."""

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import DTypeLike, NDArray

from fastmlp.engine.packed import PackedNetwork

FLOPS_PER_PIECE: float

class Predictor(PackedNetwork):
    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Sequence[Any],
        loss: str,
        dtype: DTypeLike,
        *,
        form: str = "columns",
        team_of: Callable[[], tuple[int, bool]],
        columns: Any = None,
        isa: str | None = None,
    ) -> None: ...
    def __call__(self, X: Any) -> NDArray: ...
    def if_valid(self, X: Any) -> NDArray | None: ...
    def holds(self, coefs: Sequence[NDArray], intercepts: Sequence[NDArray]) -> bool: ...
