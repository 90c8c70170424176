"""How Hopfield networks learn: from patterns of -1 and 1 to the weights between units.

All weights are symmetric, and 0 from a unit to itself. Products of matrices are the engine's.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.threads import single_threaded_blas

# So many patterns make one product of Storkey's rule.
_PATTERNS_TOGETHER = 64


def hebb(weights: NDArray, patterns: NDArray, n_threads: int) -> NDArray:
    """Return weights that have learned patterns by Hebb's rule: w_ij grows by x_i x_j / n.

    Times n, such weights are whole numbers, and so the same whether patterns come at once or one after another.

    Parameters
    ----------
    weights : ndarray of float64 of shape (n, n)
        The weights before.
    patterns : ndarray of float64 of shape (n_patterns, n)
    n_threads : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.hopfield_rules import hebb
    >>> hebb(np.zeros((2, 2)), np.array([[1.0, -1.0]]), 1)
    array([[ 0. , -0.5],
           [-0.5,  0. ]])
    """
    n = patterns.shape[1]
    sums = np.rint(weights * n) + _outer(patterns, patterns, n_threads)
    return _without_diagonal(sums / n)


def storkey(weights: NDArray, patterns: NDArray, n_threads: int) -> NDArray:
    """Return weights that have learned patterns by Storkey's rule, one after another.

    For a pattern x with the fields h = W x, w_ij grows by (x_i x_j - x_i h_ji - h_ij x_j) / n, where h_ij is h_i
    without the parts of i and j: Storkey, "Increasing the capacity of a Hopfield network without sacrificing
    functionality" (ICANN 1997). In all, with a = x / 2 - h, W becomes (1 + 2 / n) W + (x a' + a x') / n but for the
    diagonal. Many patterns go into W by one product, since what each of them finds there is known without it.

    Parameters
    ----------
    weights : ndarray of float64 of shape (n, n)
        The weights before.
    patterns : ndarray of float64 of shape (n_patterns, n)
    n_threads : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.hopfield_rules import hebb, storkey
    >>> first = np.array([[1.0, -1.0, 1.0]])
    >>> bool(np.allclose(storkey(np.zeros((3, 3)), first, 1), hebb(np.zeros((3, 3)), first, 1)))
    True
    """
    with single_threaded_blas():  # its threads and the engine's would wait for each other
        for first in range(0, len(patterns), _PATTERNS_TOGETHER):
            weights = _with_some_more(weights, patterns[first : first + _PATTERNS_TOGETHER], n_threads)
    return weights


def _with_some_more(weights: NDArray, patterns: NDArray, n_threads: int) -> NDArray:
    """Return weights after some patterns, by Storkey's rule."""
    n_patterns, n = patterns.shape
    growth = 1 + 2 / n
    found = engine.matmul(patterns, weights, n_threads=n_threads)
    # The weights after t patterns are growth ** t times those before, plus the sum over patterns s of
    # factors[s] * (x_s a_s' + a_s x_s'), minus what stands on the diagonal.
    changes, factors, diagonal = np.empty_like(patterns), np.empty(0), np.zeros(n)
    for t, x in enumerate(patterns):
        before, after = patterns[:t], changes[:t]
        fields = (
            growth**t * found[t] + (factors * (after @ x)) @ before + (factors * (before @ x)) @ after - diagonal * x
        )
        changes[t] = x / 2 - fields
        factors = np.append(growth * factors, 1 / n)
        diagonal = growth * diagonal + 2 / n * x * changes[t]
    products = _outer(patterns, factors[:, None] * changes, n_threads)
    return _without_diagonal(growth**n_patterns * weights + (products + products.T))


def pseudo_inverse(patterns: NDArray, n_threads: int) -> NDArray:
    """Return weights of which all patterns are fixed points: those of the projection onto what they span.

    Personnaz, Guyon and Dreyfus, "Information storage and retrieval in spin-glass like neural networks" (1985); without
    the weights of units to themselves, as Kanter and Sompolinsky (1987) have it. Patterns may depend on each other.

    Parameters
    ----------
    patterns : ndarray of float64 of shape (n_patterns, n)
    n_threads : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.hopfield_rules import pseudo_inverse
    >>> X = np.array([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]])
    >>> pseudo_inverse(X, 1).round(3) + 0.0
    array([[ 0. ,  0. , -0.5],
           [ 0. ,  0. ,  0. ],
           [-0.5,  0. ,  0. ]])
    """
    with single_threaded_blas():
        _, sizes, directions = scipy.linalg.svd(patterns, full_matrices=False)
    span = directions[sizes > sizes[0] * max(patterns.shape) * np.finfo(np.float64).eps]
    return _without_diagonal(_outer(span, span, n_threads))


def _outer(a: NDArray, b: NDArray, n_threads: int) -> NDArray:
    """Return the sum of the outer products of the rows of two matrices."""
    return engine.matmul(np.ascontiguousarray(a.T), np.ascontiguousarray(b), n_threads=n_threads)


def _without_diagonal(weights: NDArray) -> NDArray:
    """Return weights, in place, with zeros on the diagonal."""
    np.fill_diagonal(weights, 0)
    return weights
