"""The partition function of a restricted Boltzmann machine: by enumeration where that is possible, else estimated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from fastmlp import engine

# Units of a kind of which there are so few are enumerated.
MOST_ENUMERATED = 16
# So many rows are enumerated at a time.
_ROWS_TOGETHER = 4096
# Between two calls of the engine, in which Ctrl-C is not seen, lie at most so many floating-point operations.
_FLOPS_TOGETHER = 2e9


def parameters_of(weights: NDArray, hidden_biases: NDArray, visible_biases: NDArray) -> NDArray:
    """Return the parameters of a machine as the engine takes them, given weights of shape (n_visible, n_hidden)."""
    params = np.zeros((len(visible_biases) + 1, len(hidden_biases) + 1), dtype=weights.dtype)
    params[:-1, :-1], params[-1, :-1], params[:-1, -1] = weights, hidden_biases, visible_biases
    return params


def enumerated(params: NDArray, *, normal: bool, n_threads: int = 1) -> float | None:
    """Return the logarithm of the partition function, the sum over all states of exp(-energy).

    Parameters
    ----------
    params : ndarray of shape (n_visible + 1, n_hidden + 1)
        As :class:`fastmlp.engine.RestrictedMachine` takes them; computed with in float64.
    normal : bool
        Whether visible units are normal, of variance 1, and the sum an integral.
    n_threads : int, default=1

    Returns
    -------
    log_partition : float or None
        None where there are more than 16 units of either kind (of hidden ones, if visible ones are normal).

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.partition import enumerated
    >>> bool(np.isclose(enumerated(np.zeros((4, 3)), normal=False), 5 * np.log(2)))  # 3 + 2 bits of equal weight
    True
    """
    params = params.astype(np.float64)
    n_visible, n_hidden = (n - 1 for n in params.shape)
    if normal and n_hidden <= MOST_ENUMERATED:
        weights, hidden, visible = params[:-1, :-1], params[-1, :-1], params[:-1, -1]
        # The integral over v of exp(-(v - c)^2 / 2 + v W h) is that of a normal density with the mean c + W h.
        logs = []
        for h in _all_bits(n_hidden):
            pull = h @ weights.T
            logs.append(h @ hidden + pull @ visible + 0.5 * (pull**2).sum(axis=1))
        return float(logsumexp(np.concatenate(logs)) + 0.5 * n_visible * np.log(2 * np.pi))
    if normal or min(n_visible, n_hidden) > MOST_ENUMERATED:
        return None
    # Summed over all units of the other kind, a state has its free energy.
    if n_hidden < n_visible:
        params = params.T.copy()
    machine = engine.RestrictedMachine(params.shape[0] - 1, params.shape[1] - 1, np.float64)
    machine.load(params)
    logs = [-machine.free_energies(engine.Rows(v), n_threads=n_threads) for v in _all_bits(machine.n_visible)]
    return float(logsumexp(np.concatenate(logs)))


def _all_bits(n: int) -> Iterator[NDArray]:
    """Yield all states of n bits, some rows at a time, in float64."""
    for start in range(0, 1 << n, _ROWS_TOGETHER):
        numbers = np.arange(start, min(1 << n, start + _ROWS_TOGETHER))
        yield np.ascontiguousarray(numbers[:, None] >> np.arange(n) & 1, dtype=np.float64)


def annealed(
    params: NDArray,
    base: NDArray,
    *,
    normal: bool,
    n_chains: int,
    n_temperatures: int,
    seed: int,
    n_threads: int = 1,
) -> tuple[float, float]:
    """Estimate the logarithm of the partition function by annealed importance sampling.

    Chains go from a machine without weights, whose partition function is known, to the machine, by machines in between
    [1]_. The mean of their weights is an unbiased estimate of the quotient of both partition functions.

    Parameters
    ----------
    params : ndarray of shape (n_visible + 1, n_hidden + 1)
    base : ndarray of shape (n_visible,)
        Visible biases of the machine without weights; of normal visible units the machine's own. The closer they are
        to what the machine says of single units, the better.
    normal : bool
    n_chains, n_temperatures : int
    seed : int
    n_threads : int, default=1

    Returns
    -------
    log_partition : float
    error : float
        Its standard error, by what the weights of the chains differ. It is too small where no chain has found what
        weighs most.

    References
    ----------
    .. [1] Salakhutdinov and Murray (2008). On the quantitative analysis of deep belief networks.
    """
    n_visible, n_hidden = (n - 1 for n in params.shape)
    machine = engine.RestrictedMachine(n_visible, n_hidden, params.dtype, normal=normal)
    machine.load(np.ascontiguousarray(params))
    base = np.ascontiguousarray(params[:-1, -1] if normal else base, dtype=params.dtype)
    visible = independent_units(base, n_chains, np.random.RandomState(seed), normal=normal)
    log_base = 0.5 * n_visible * np.log(2 * np.pi) if normal else np.logaddexp(0, base.astype(np.float64)).sum()
    log_weights, betas = np.zeros(n_chains), _temperatures(n_temperatures)
    length = max(1, int(_FLOPS_TOGETHER / (4.0 * n_chains * params.size)))
    for start in range(0, n_temperatures, length):
        machine.anneal(
            visible, log_weights, betas[start : start + length + 1], base, start=start, seed=seed, n_threads=n_threads
        )
    log_base += n_hidden * np.log(2)
    mean = logsumexp(log_weights) - np.log(n_chains)
    deviations = np.exp(log_weights - mean) - 1
    return float(log_base + mean), float(np.sqrt((deviations**2).sum() / max(1, n_chains - 1) / n_chains))


def independent_units(biases: NDArray, n: int, random_state: np.random.RandomState, *, normal: bool) -> NDArray:
    """Draw n rows of visible units from a machine without weights."""
    shape = (n, len(biases))
    if normal:
        return (biases + random_state.standard_normal(shape)).astype(biases.dtype)
    return (random_state.uniform(size=shape) < 1 / (1 + np.exp(-biases))).astype(biases.dtype)


def _temperatures(n: int) -> NDArray:
    """Return n + 1 inverse temperatures from 0 to 1, most of them close to 1, in the proportions of [1]_'s 14 500."""
    shares = np.array([0.0, 500.0, 4500.0, 14500.0]) / 14500.0
    return np.interp(np.arange(n + 1) / n, shares, [0.0, 0.5, 0.9, 1.0])
