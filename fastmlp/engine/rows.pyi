"""Where rows come from; documented in rows.pyx."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def shuffled(rows: NDArray, random_state: np.random.RandomState, n_times: int = 1) -> NDArray: ...
def column_limits(layout: Any) -> NDArray[np.uint32]: ...
def check_compressed(
    indptr: NDArray, indices: NDArray, n_stored: int, n_rows: int, n_columns: int, name: str = "X"
) -> bool: ...

class Rows:
    is_sparse: bool
    is_canonical: bool
    layout: Any
    n_rows: int
    n_features: int

    def __init__(self, X: Any) -> None: ...
