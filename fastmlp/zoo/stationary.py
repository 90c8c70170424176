"""Where Markov chains are in the long run: closed classes of states, and the distribution over each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


def closed_classes(transitions: NDArray) -> list[NDArray]:
    """Return the classes of states that a chain does not leave any more, once it is there.

    Within a class each state can be reached from each other; the numbers of its states ascend.

    Parameters
    ----------
    transitions : ndarray of shape (n, n)
        The probability of each state (column) after each state (row).

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.stationary import closed_classes
    >>> closed_classes(np.array([[1.0, 0.0, 0.0], [0.3, 0.4, 0.3], [0.0, 0.0, 1.0]]))
    [array([0]), array([2])]
    """
    n_classes, of_state = connected_components(csr_array(transitions > 0), connection="strong")
    sources, targets = np.nonzero(transitions)
    is_left = np.zeros(n_classes, dtype=bool)
    is_left[of_state[sources[of_state[sources] != of_state[targets]]]] = True
    found = [np.flatnonzero(of_state == number) for number in np.flatnonzero(~is_left)]
    return sorted(found, key=lambda states: int(states[0]))


def stationary_distribution(transitions: NDArray, start: NDArray, closed: list[NDArray]) -> NDArray:
    """Return the share of time that a chain spends in each state in the long run.

    With one closed class it is the only distribution that a step does not change, wherever the chain starts. With
    several, it depends on the start, by the probability of ending in each class.

    Parameters
    ----------
    transitions : ndarray of shape (n, n)
    start : ndarray of shape (n,)
        The distribution of the first state.
    closed : list of ndarray
        What :func:`closed_classes` returns.

    Returns
    -------
    shares : ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.stationary import closed_classes, stationary_distribution
    >>> P = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> stationary_distribution(P, np.array([1.0, 0.0]), closed_classes(P)).round(4)
    array([0.8333, 0.1667])
    """
    shares = np.zeros(len(transitions))
    passing = np.setdiff1d(np.arange(len(transitions)), np.concatenate(closed))
    # The mean number of visits to each state that the chain leaves for good at some time.
    stays = np.eye(len(passing)) - transitions[np.ix_(passing, passing)]
    visits = np.linalg.solve(stays.T, start[passing]) if len(passing) and len(closed) > 1 else np.zeros(len(passing))
    for states in closed:
        arrives = start[states].sum() + visits @ transitions[np.ix_(passing, states)].sum(axis=1)
        shares[states] = (arrives if len(closed) > 1 else 1.0) * _of_class(transitions[np.ix_(states, states)])
    return shares


def _of_class(transitions: NDArray) -> NDArray:
    """Return the stationary distribution of a chain in which each state can be reached from each other.

    States are taken out one after another, each time with the chain that is seen while it is elsewhere; nothing is ever
    subtracted, so that even tiny probabilities are exact (Grassmann, Taksar and Heyman, "Regenerative analysis and
    steady state distributions for Markov chains", Operations Research 1985).
    """
    seen = transitions.astype(np.float64)
    for k in range(len(seen) - 1, 0, -1):
        seen[:k, k] /= seen[k, :k].sum()
        seen[:k, :k] += np.outer(seen[:k, k], seen[k, :k])
    shares = np.ones(len(seen))
    for k in range(1, len(seen)):
        shares[k] = shares[:k] @ seen[:k, k]
    return shares / shares.sum()
