"""Maps that learn row by row; documented in maps.pyx."""

from numpy.typing import NDArray

from fastmlp.engine.rows import Rows

class OnlineMap:
    n_rows: int
    n_columns: int
    n_features: int

    def __init__(self, units: NDArray, shape: tuple[int, int], *, isa: str | None = None) -> None: ...
    def units(self) -> NDArray: ...
    def learn(self, X: Rows, order: NDArray, shares: NDArray) -> float: ...
