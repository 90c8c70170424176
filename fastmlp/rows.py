"""X as the engine reads it: in place, whatever its type, wherever its rows are contiguous."""

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray

from fastmlp import _engine

Rows = _engine.Rows


def in_place_dtype(X: object) -> bool:
    """Whether X is an array of a type the engine converts row by row, so that nothing need be converted beforehand."""
    return isinstance(X, np.ndarray) and X.dtype.char in _engine.SOURCE_CODES


def rows_of(X: NDArray | scipy.sparse.sparray, dtype: DTypeLike) -> Rows:
    """Wrap validated samples for the engine.

    An array with contiguous rows is read in place and must not change meanwhile; one in Fortran order is copied, in its
    own type, since its rows are gathered by index. A sparse matrix becomes CSR with sorted indices and data of the
    compute type, sharing what already is so.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    dtype : float32 or float64
        The compute type.

    Returns
    -------
    rows : Rows

    Raises
    ------
    ValueError
        When X holds a number too large for the compute type.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.rows import rows_of
    >>> rows_of(np.zeros((5, 3), dtype=np.uint8), np.float32).n_features
    3
    """
    dtype = np.dtype(dtype)
    if scipy.sparse.issparse(X):
        csr = scipy.sparse.csr_array(X)
        if not csr.has_canonical_format:
            csr = csr.copy() if getattr(X, "format", "") == "csr" else csr  # the caller's arrays stay as they are
            csr.sum_duplicates()
        data = _checked(csr.data, dtype).astype(dtype, copy=False)
        indptr, indices = csr.indptr.astype(np.int64, copy=False), csr.indices.astype(np.int32, copy=False)
        return Rows(_Csr(csr.shape, indptr, indices, data))
    _checked(X, dtype)
    contiguous = X.shape[1] <= 1 or X.strides[1] == X.itemsize
    if not (contiguous and X.flags.aligned and X.dtype.isnative):
        X = np.array(X, dtype=X.dtype.newbyteorder("="), order="C")
    return Rows(np.asarray(X))


class _Csr:
    """The arrays of a CSR matrix with index types SciPy would not keep apart."""

    def __init__(self, shape: tuple[int, int], indptr: NDArray, indices: NDArray, data: NDArray) -> None:
        self.shape = shape
        self.indptr = indptr
        self.indices = indices
        self.data = data


def _checked(values: NDArray, dtype: np.dtype) -> NDArray:
    # float64 (or long double) may overflow on its way into a narrower compute type; integers cannot.
    if values.dtype.kind == "f" and values.dtype.itemsize > dtype.itemsize and values.size:
        limit = np.finfo(dtype).max
        if values.max() > limit or values.min() < -limit:
            raise ValueError(f"Input X contains infinity or a value too large for {dtype!r}.")
    return values
