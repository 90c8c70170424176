"""Numbers into codes; documented in bins.pyx."""

from numpy.typing import NDArray

def bin_codes(X: NDArray, cuts: NDArray, offsets: NDArray) -> NDArray: ...
