"""Initial weights."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray


def glorot_uniform(
    sizes: Sequence[int], activation: str, dtype: DTypeLike, random_state: np.random.RandomState
) -> NDArray:
    """Draw every layer's weights and biases from U(-b, b), b = sqrt(f / (n_in + n_out)).

    f is 2 for the logistic activation and 6 otherwise, the output layer included; the draws are made in float64, layer
    by layer, weights before biases: scikit-learn's numbers, bit for bit. Source: Glorot & Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", AISTATS 2010.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, input and output included.
    activation : str
        The hidden layers' activation.
    dtype : float32 or float64
        Type of the result.
    random_state : numpy.random.RandomState

    Returns
    -------
    params : ndarray of shape (n_params,)
        Per layer the weights (n_in, n_out) in C order, then the biases.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import glorot_uniform
    >>> glorot_uniform([4, 3, 2], "relu", np.float32, np.random.RandomState(0)).shape
    (23,)
    """
    factor = 2.0 if activation == "logistic" else 6.0
    draws = []
    for n_in, n_out in pairwise(sizes):
        bound = np.sqrt(factor / (n_in + n_out))
        # One draw of n_in + 1 rows gives the numbers of a draw of weights and a draw of biases.
        draws.append(random_state.uniform(-bound, bound, (n_in + 1) * n_out))
    return np.concatenate(draws).astype(dtype, copy=False)
