"""Networks of units that are updated one after another; documented in units.pyx."""

from numpy.typing import NDArray

def update_units(
    weights: NDArray,
    biases: NDArray,
    states: NDArray,
    units: NDArray,
    temperatures: NDArray,
    keys: NDArray,
    *,
    low: float,
    seed: int,
    first_sweep: int = 0,
    every: int = 0,
    n_threads: int = 1,
) -> tuple[NDArray, NDArray, NDArray | None]: ...
