"""Restricted Boltzmann machines that learn; documented in contrastive.pyx."""

from collections.abc import Sequence

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastmlp.engine.restricted import RestrictedMachine
from fastmlp.engine.rows import Rows

class ContrastiveTrainer(RestrictedMachine):
    max_batch: int
    n_chains: int
    n_threads: int

    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        dtype: DTypeLike,
        *,
        rule: str,
        max_batch: int,
        n_chains: int = 0,
        n_threads: int = 1,
        normal: bool = False,
        seed: int = 0,
        sparsity_cost: float = 0.0,
        sparsity_target: float = 0.1,
        sparsity_decay: float = 0.9,
        isa: str | None = None,
    ) -> None: ...
    def load(self, params: NDArray, slots: Sequence[NDArray] = ()) -> None: ...
    def store(self, params: NDArray | None, slots: Sequence[NDArray] = ()) -> None: ...
    def load_chains(self, hidden: NDArray) -> None: ...
    def store_chains(self, hidden: NDArray) -> None: ...
    def load_activities(self, activities: NDArray) -> None: ...
    def activities(self) -> NDArray: ...
    def begin(
        self,
        rows: Rows,
        order: NDArray,
        batch_size: int,
        n_gibbs: int,
        l2: float,
        hyper: ArrayLike,
        step_count: int,
    ) -> None: ...
    def run(self) -> bool: ...
    def updates_done(self) -> int: ...
