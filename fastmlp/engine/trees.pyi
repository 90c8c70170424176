"""Small trees on columns of codes; documented in trees.pyx."""

from typing import Any

from numpy.typing import NDArray

class Growth:
    def grow(self, n_trees: int) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]: ...

def begin_boosting(
    codes: NDArray,
    n_bins: NDArray,
    targets: NDArray,
    weights: NDArray,
    rows: NDArray,
    base: NDArray,
    *,
    classes: bool,
    max_leaves: int,
    min_rows: int,
    learning_rate: float,
    l2: float,
    drawn_rows: int,
    drawn_columns: int,
    searched_columns: int,
    symmetric: bool,
    seed: int,
    isa: str | None = None,
) -> Growth: ...
def grow_trees(
    codes: NDArray,
    n_bins: NDArray,
    targets: NDArray,
    weights: NDArray,
    rows: NDArray,
    base: NDArray,
    *,
    n_trees: int,
    **parameters: Any,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]: ...
def check_trees(columns: NDArray, thresholds: NDArray, parents: NDArray, n_leaves: NDArray, n_columns: int) -> None: ...

class LeafReader:
    n_columns: int
    n_trees: int
    def __init__(
        self, columns: NDArray, thresholds: NDArray, parents: NDArray, n_leaves: NDArray, n_columns: int
    ) -> None: ...
    def leaf_numbers(self, codes: NDArray, *, isa: str | None = None) -> NDArray: ...
    def sums(self, codes: NDArray, values: NDArray, base: NDArray, *, isa: str | None = None) -> NDArray: ...
