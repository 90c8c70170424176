"""Restricted Boltzmann machines; documented in restricted.pyx."""

from numpy.typing import DTypeLike, NDArray

from fastmlp.engine.rows import Rows

class RestrictedMachine:
    dtype: DTypeLike
    n_visible: int
    n_hidden: int

    def __init__(
        self, n_visible: int, n_hidden: int, dtype: DTypeLike, *, normal: bool = False, isa: str | None = None
    ) -> None: ...
    def load(self, params: NDArray) -> None: ...
    def store(self, params: NDArray) -> None: ...
    def visible_biases(self) -> NDArray: ...
    def hidden(self, rows: Rows, *, n_threads: int = 1) -> NDArray: ...
    def visible(self, hidden: NDArray, *, n_threads: int = 1) -> NDArray: ...
    def free_energies(self, rows: Rows, *, n_threads: int = 1) -> NDArray: ...
    def gibbs(self, visible: NDArray, n_steps: int, *, start: int = 0, seed: int = 0, n_threads: int = 1) -> None: ...
    def anneal(
        self,
        visible: NDArray,
        log_weights: NDArray,
        betas: NDArray,
        base: NDArray,
        *,
        start: int = 0,
        seed: int = 0,
        n_threads: int = 1,
    ) -> None: ...
