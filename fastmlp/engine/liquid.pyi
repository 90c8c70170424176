"""Spikes of a reservoir of integrate-and-fire units over time; documented in liquid.pyx."""

from numpy.typing import NDArray

VECTORS: int

def liquid_traces(
    indptr: NDArray,
    indices: NDArray,
    weights: NDArray,
    n_excitatory: int,
    settings: dict[str, float],
    drive: NDArray,
    lengths: NDArray,
    states: NDArray,
    resting: NDArray,
    *,
    n_threads: int = 1,
) -> NDArray: ...
