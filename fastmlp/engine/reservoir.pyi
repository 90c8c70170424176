"""States of a reservoir of leaky tanh units over time; documented in reservoir.pyx."""

from numpy.typing import NDArray

def echo_states(
    indptr: NDArray,
    indices: NDArray,
    weights: NDArray,
    leak: float,
    drive: NDArray,
    lengths: NDArray,
    states: NDArray,
    *,
    feedback: NDArray | None = None,
    outputs: NDArray | None = None,
    last_outputs: NDArray | None = None,
    readout: NDArray | None = None,
    passed_on: NDArray | None = None,
    isa: str | None = None,
    n_threads: int = 1,
) -> None: ...
