"""Small trees on columns of codes; documented in trees.pyx."""

from numpy.typing import NDArray

def grow_trees(
    codes: NDArray,
    n_bins: NDArray,
    targets: NDArray,
    weights: NDArray,
    rows: NDArray,
    base: NDArray,
    *,
    classes: bool,
    n_trees: int,
    max_leaves: int,
    min_rows: int,
    learning_rate: float,
    l2: float,
    drawn_rows: int,
    drawn_columns: int,
    seed: int,
    isa: str | None = None,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]: ...
def check_trees(columns: NDArray, thresholds: NDArray, parents: NDArray, n_leaves: NDArray, n_columns: int) -> None: ...
def leaf_numbers(
    codes: NDArray,
    columns: NDArray,
    thresholds: NDArray,
    parents: NDArray,
    n_leaves: NDArray,
    *,
    isa: str | None = None,
) -> NDArray: ...
