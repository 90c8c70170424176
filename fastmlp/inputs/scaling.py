"""Features centred and scaled: what standardize keeps of the samples that a fit began with."""

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler


def feature_scaling(
    X: NDArray | scipy.sparse.sparray, weights: NDArray | None = None, n_rows: int = 8192
) -> tuple[NDArray, NDArray]:
    """Return the features' means, and what gives them unit variance when multiplied; 1 for those that are constant.

    Dense X is read n_rows at a time: no copy of it is made. Sparse X is not to be centred: its means are 0 here. Rows
    of weight w count as w rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.scaling import feature_scaling
    >>> feature_scaling(np.array([[1, 5], [3, 5]]))
    (array([2., 5.]), array([1., 1.]))
    """
    if scipy.sparse.issparse(X):
        sparse: Any = X
        if sparse.indices.dtype != sparse.indptr.dtype or sparse.indices.dtype.kind == "u":  # scikit-learn refuses both
            indices, indptr = (array.astype(np.int64) for array in (sparse.indices, sparse.indptr))
            X = type(sparse)((sparse.data, indices, indptr), shape=sparse.shape)
        return np.zeros(X.shape[1]), 1 / StandardScaler(with_mean=False).fit(X, sample_weight=weights).scale_
    scaler = StandardScaler()
    for start in range(0, X.shape[0], n_rows):
        some = slice(start, start + n_rows)
        counts = None if weights is None else weights[some]
        if counts is None or counts.any():
            scaler.partial_fit(X[some].astype(np.float64, copy=False), sample_weight=counts)
    return scaler.mean_, 1 / scaler.scale_
