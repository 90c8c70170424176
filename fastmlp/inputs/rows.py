"""X as the engine reads it: in place, whatever its type, wherever its rows are contiguous."""

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_array

from fastmlp import engine
from fastmlp.inputs.columns import EncodedColumns

Rows = engine.Rows


def in_place_dtype(X: object) -> bool:
    """Whether X is an array of a type the engine converts row by row, so that nothing need be converted beforehand."""
    return isinstance(X, np.ndarray) and X.dtype.char in engine.SOURCE_CODES


def are_finite_rows(X: object) -> bool:
    """Whether X is a matrix of float32 or float64 that is not empty and all finite: scikit-learn's checks find nothing.

    They would take longer than an epoch of a small network.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.rows import are_finite_rows
    >>> are_finite_rows(np.ones((2, 3))), are_finite_rows(np.array([[np.nan]])), are_finite_rows([[1.0]])
    (True, False, False)
    """
    if type(X) is not np.ndarray or X.dtype not in (np.float32, np.float64) or X.ndim != 2 or X.size == 0:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def rows_of(X: Any, dtype: DTypeLike) -> Rows:
    """Wrap validated samples for the engine.

    An array with contiguous rows is read in place and must not change meanwhile; one in Fortran order is copied, in its
    own type, since its rows are gathered by index. A sparse matrix becomes CSR with sorted indices and data of the
    compute type, sharing what already is so; its indices are looked through, since SciPy believes them.

    Parameters
    ----------
    X : ndarray, sparse matrix or EncodedColumns of shape (n_samples, n_features)
    dtype : float32 or float64
        The compute type.

    Returns
    -------
    rows : Rows

    Raises
    ------
    ValueError
        When X holds a number too large for the compute type, codes that its layout has not, or is a sparse
        matrix whose indices lie.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.rows import rows_of
    >>> rows_of(np.zeros((5, 3), dtype=np.uint8), np.float32).n_features
    3
    """
    dtype = np.dtype(dtype)
    if isinstance(X, EncodedColumns):
        _checked(X.fractions, dtype)
        return Rows(X)
    if scipy.sparse.issparse(X):
        if X.format != "csr":
            refuse_broken(X)
            X = X.tocsr()
        rows = Rows(_csr_of(X, dtype))
        if not rows.is_canonical:
            X = X.copy()  # the caller's arrays stay as they are
            X.sum_duplicates()
            rows = Rows(_csr_of(X, dtype))
        return rows
    _checked(X, dtype)
    contiguous = X.shape[1] <= 1 or X.strides[1] == X.itemsize
    if not (contiguous and X.flags.aligned and X.dtype.isnative):
        X = np.array(X, dtype=X.dtype.newbyteorder("="), order="C")
    return Rows(np.asarray(X))


def checked_rows(X: ArrayLike | scipy.sparse.sparray, dtype: DTypeLike) -> Rows:
    """Wrap samples that may be anything, a list say, for the engine, as far as the estimators take them.

    There may be none of them.

    Parameters
    ----------
    X : array-like, sparse matrix or EncodedColumns of shape (n_samples, n_features)
    dtype : float32 or float64
        The compute type.

    Returns
    -------
    rows : Rows

    Raises
    ------
    ValueError
        When X is not two-dimensional, holds what is no finite number, or is a sparse matrix whose indices lie.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.rows import checked_rows
    >>> checked_rows([[1, 2], [3, 4], [5, 6]], np.float64).n_rows
    3
    >>> checked_rows([[1, np.nan]], np.float64)
    Traceback (most recent call last):
    ...
    ValueError: Input X contains NaN.
    """
    if isinstance(X, EncodedColumns) or are_finite_rows(X):
        return rows_of(X, dtype)
    refuse_broken(X)
    wanted = "numeric" if in_place_dtype(X) else (np.float64, np.float32)
    checked = check_array(X, accept_sparse=["csr", "csc"], dtype=wanted, ensure_min_samples=0, input_name="X")
    return rows_of(checked, dtype)


def dense_rows(X: Any, dtype: DTypeLike) -> NDArray:
    """Return validated samples as a contiguous array of a type: a copy, unless they are one.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    dtype : float32 or float64

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse
    >>> from fastmlp.inputs.rows import dense_rows
    >>> dense_rows(scipy.sparse.csr_array([[0, 2]]), np.float32)
    array([[0., 2.]], dtype=float32)
    """
    return np.ascontiguousarray(X.toarray() if scipy.sparse.issparse(X) else X, dtype=dtype)


def refuse_broken(X: Any, name: str = "X") -> None:
    """Refuse a sparse matrix whose indices lie, which SciPy would follow to memory that is not the matrix's.

    SciPy looks at a matrix when it is made; afterwards its arrays may be changed. What is not sparse goes through.

    Raises
    ------
    ValueError
        When indices go beyond the shape, or the arrays contradict each other.

    Examples
    --------
    >>> import scipy.sparse
    >>> from fastmlp.inputs.rows import refuse_broken
    >>> X = scipy.sparse.csr_array([[1.0, 0.0], [0.0, 2.0]])
    >>> X.indices[1] = 7
    >>> refuse_broken(X)
    Traceback (most recent call last):
    ...
    ValueError: X.indices must be from 0 to 1, got 7 as element 1.
    """
    if not scipy.sparse.issparse(X) or X.ndim != 2:
        return
    data = np.asarray(getattr(X, "data", ()))  # a DOK matrix has none
    if X.format in ("csr", "csc", "bsr"):
        if data.ndim != (3 if X.format == "bsr" else 1):
            raise ValueError(f"{name}.data must be a vector, or blocks of a BSR matrix, got shape {data.shape}.")
        n_rows, n_columns = (n // max(1, size) for n, size in zip(X.shape, data.shape[1:] or (1, 1), strict=True))
        n_vectors, width = (n_columns, n_rows) if X.format == "csc" else (n_rows, n_columns)
        indptr, indices = _integers(X.indptr, f"{name}.indptr", wide=True), _integers(X.indices, f"{name}.indices")
        engine.check_compressed(indptr, indices, len(data), n_vectors, width, name)
    elif X.format == "coo":
        for which, numbers, n in (("row", X.row, X.shape[0]), ("col", X.col, X.shape[1])):
            if len(numbers) != len(data):
                raise ValueError(
                    f"{name}.{which} and {name}.data must be of one length, got {len(numbers)} and {len(data)}."
                )
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < n:
                wrong = numbers.min() if numbers.min() < 0 else numbers.max()
                raise ValueError(f"{name}.{which} must be from 0 to {n - 1}, got {wrong}.")
    elif X.format == "lil":
        if [len(row) for row in X.rows] != [len(row) for row in X.data] or len(X.rows) != X.shape[0]:
            raise ValueError(f"{name}.rows and {name}.data must be lists of the same lengths, one for each row.")
    elif X.format == "dia" and (data.ndim != 2 or np.shape(X.offsets) != data.shape[:1]):
        raise ValueError(f"{name}.offsets must have an element for each row of {name}.data.")


def _integers(array: NDArray, name: str, *, wide: bool = False) -> NDArray:
    """Return indices as the engine takes them: int64, or int32 where they are and need not be wide."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {array.dtype}.")
    return np.ascontiguousarray(array, np.int32 if array.dtype == np.int32 and not wide else np.int64)


def _csr_of(X: Any, dtype: np.dtype) -> "_Csr":
    """Return the arrays of a CSR matrix as the engine takes them."""
    indptr, indices = _integers(X.indptr, "X.indptr", wide=True), _integers(X.indices, "X.indices")
    return _Csr(X.shape, indptr, indices, np.ascontiguousarray(_checked(X.data, dtype), dtype))


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
