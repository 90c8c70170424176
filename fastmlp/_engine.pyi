"""What the rest of the package uses of the native engine; documented in _engine.pyx."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

ACTIVATIONS: tuple[str, ...]
SLOPED_ACTIVATIONS: frozenset[str]
NUMBERED_ACTIVATIONS: frozenset[str]
LEARNABLE_ACTIVATIONS: frozenset[str]
LOSSES: tuple[str, ...]
LOSS_LINKS: dict[str, str]
CLASS_TARGET_LOSSES: frozenset[str]
RULES: tuple[str, ...]
RULE_SLOTS: dict[str, int]
SOURCE_CODES: str
ISAS: tuple[str, ...]
SUPPORTED_ISAS: tuple[str, ...]
ISA: str
MAY_SPLIT: bool
OPENMP_VERSION: int
MAX_THREADS: int
FLOPS_PER_PIECE: float
NORMALIZATION_EPSILON: float

def choose_isa(requested: str | None) -> str: ...
def max_threads() -> int: ...
def bfloat16_product() -> str: ...
def choose_split(requested: str) -> bool: ...
def split_product() -> str: ...
def splits(sizes: Sequence[int], n_rows: int) -> bool: ...
def choose_bfloat16_product(name: str | None = None) -> None: ...
def threads_worthwhile(seconds: float, n_threads: int) -> int: ...
def shuffled(rows: NDArray, random_state: np.random.RandomState, n_times: int = 1) -> NDArray: ...
def check_compressed(
    indptr: NDArray, indices: NDArray, n_stored: int, n_rows: int, n_columns: int, name: str = "X"
) -> bool: ...

class Rows:
    is_sparse: bool
    is_canonical: bool
    n_rows: int
    n_features: int

    def __init__(self, X: Any) -> None: ...

class Judgement:
    def __init__(self, seconds_per_loss: float = 0) -> None: ...
    def alone(self, now: float) -> bool: ...
    def note(self, seconds: float, gain: float, now: float) -> None: ...

class PackedNetwork:
    dtype: np.dtype
    n_layers: int
    n_params: int
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
        isa: str | None = None,
    ) -> None: ...
    def __call__(self, X: NDArray) -> NDArray: ...
    def if_valid(self, X: Any) -> NDArray | None: ...
    def holds(self, coefs: Sequence[NDArray], intercepts: Sequence[NDArray]) -> bool: ...

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
        seed: int = 0,
        loss_options: float | Sequence[float] = (),
        output_weights: ArrayLike | None = None,
        isa: str | None = None,
    ) -> None: ...
    def load(self, params: NDArray, slots: Sequence[NDArray] = (), average: NDArray | None = None) -> None: ...
    def store(self, params: NDArray | None, slots: Sequence[NDArray] = (), average: NDArray | None = None) -> None: ...
    def use_running(self) -> None: ...
    def attach(self, rows: Rows, targets: NDArray, weights: NDArray | None = None) -> None: ...
    def begin(
        self, orders: NDArray, batch_size: int, l2: float, hyper: NDArray | Sequence[float], step_count: int
    ) -> None: ...
    def run(self) -> bool: ...
    def losses(self) -> list[float]: ...
    def updates_done(self) -> int: ...

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
        n_threads: int = 1,
        training: bool = False,
        regularization: Any = None,
        isa: str | None = None,
    ) -> None: ...
    def ahead(
        self, rows: Rows, *, start: int = 0, stop: int | None = None, linked: bool = True, seed: int = 0
    ) -> NDArray: ...
    def back(self, output_gradients: NDArray, params: NDArray | None = None, inputs: NDArray | None = None) -> None: ...

class Panels:
    def __init__(self, array: NDArray, isa: str | None, extra_row: NDArray | None = None) -> None: ...
    def unpack(self) -> NDArray: ...
    def multiply(self, a: Panels, b: Panels, *, n_threads: int = 1) -> None: ...
    def multiply_transposed(self, a: Panels, b: Panels) -> None: ...
    def activate(
        self, name: str, number: float = 0.0, slopes: Panels | None = None, shapes: Panels | None = None
    ) -> None: ...
    def differentiate(self, name: str, at: Panels, number: float = 0.0, shapes: Panels | None = None) -> None: ...

def matmul(
    a: NDArray, b: NDArray, bias: NDArray | None = None, *, isa: str | None = None, n_threads: int = 1
) -> NDArray: ...
def activate(name: str, z: NDArray, number: float = 0.0, *, isa: str | None = None) -> NDArray: ...
def differentiate(
    name: str, z: NDArray, deltas: NDArray, number: float = 0.0, *, isa: str | None = None
) -> tuple[NDArray, NDArray]: ...
def link(loss: str, z: NDArray, *, isa: str | None = None) -> NDArray: ...
def row_losses(
    loss: str,
    z: NDArray,
    targets: NDArray,
    weights: NDArray | None = None,
    *,
    options: float | Sequence[float] = (),
    output_weights: ArrayLike | None = None,
    isa: str | None = None,
) -> tuple[NDArray, NDArray]: ...
def gather(X: NDArray, dtype: DTypeLike, *, isa: str | None = None) -> NDArray: ...
def fma_ceiling(dtype: DTypeLike, *, isa: str | None = None, n_threads: int = 1) -> float: ...
