"""A network's gradients held against finite differences of its loss."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from fastmlp.components import whole_number
from fastmlp.inputs.rows import Rows
from fastmlp.network.gradients import checked_options
from fastmlp.network.network import Network
from fastmlp.network.regularization import Regularization


def check_gradients(
    network: Network,
    X: Rows | ArrayLike | scipy.sparse.sparray,
    targets: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    alpha: float = 0.0,
    step: float = 1e-6,
    n_directions: int = 3,
    random_state: int | np.random.Generator | None = 0,
    **options: Any,
) -> dict[str, float]:
    """Compare a network's gradients with central finite differences of its loss.

    In each direction d, which moves every parameter of a block by the step one way or the other, the slope of the loss,
    (loss(p + d) - loss(p - d)) / (2 step), is held against the sum of gradient times d / step. A block's error is the
    norm of the differences over that of the slopes, or over a thousandth of the loss where the slopes are smaller:
    rounding hides what is far below the loss. Dropout and noise are the same in all evaluations.

    Parameters
    ----------
    network : Network
        A network in float64, with its objective.
    X, targets, weights, alpha
        What :meth:`Network.loss_and_gradients` takes under these names.
    step : float > 0, default=1e-6
        How far parameters are moved. A loss that has a kink within a step has another slope there, which counts as an
        error.
    n_directions : int >= 1, default=3
        The number of random directions for each block of parameters.
    random_state : int, Generator or None, default=0
        The seed of the directions.
    **options
        The options of :meth:`Network.loss_and_gradients`, such as regularization and seed. A regularization must not
        clip, since a clipped gradient is not that of the loss.

    Returns
    -------
    errors : dict
        The relative error for each block of parameters, by the names of :meth:`Network.named_parameters`.

    Raises
    ------
    ValueError
        For a network that is not in float64, a regularization that clips, and what :meth:`Network.loss_and_gradients`
        refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.network import Network, Structure, check_gradients
    >>> rng = np.random.default_rng(0)
    >>> structure = Structure.of([3, 4, 2], "tanh")
    >>> net = Network(structure, rng.standard_normal(structure.n_params))
    >>> errors = check_gradients(net, rng.standard_normal((5, 3)), rng.standard_normal((5, 2)), alpha=0.1)
    >>> {name: error < 1e-7 for name, error in errors.items()}
    {'coefs.0': True, 'intercepts.0': True, 'coefs.1': True, 'intercepts.1': True}
    """
    params, regularization = network.params, options.get("regularization") or Regularization()
    if not isinstance(regularization, Regularization):
        raise ValueError(f"regularization must be a Regularization; got {regularization!r}.")
    if params.dtype != np.float64:
        raise ValueError(f"network must be float64 for finite differences, got {params.dtype}.")
    if regularization.clip_value or regularization.clip_norm:
        raise ValueError(f"regularization must not clip the gradient that is checked, got {regularization}.")
    if not isinstance(step, Real) or not 0 < float(step) < math.inf:
        raise ValueError(f"step must be a finite number above 0; got {step!r}.")
    n_directions = whole_number(n_directions, "n_directions")
    samples, options = network._samples(X, targets, weights), checked_options(alpha, options)
    evaluate = network.gradients(*samples, **options)
    # The engine's gradient is so many times that of the loss, while its gradient of the penalties is what it should be.
    factor = network.objective.gradient_factor(network.structure.sizes[-1])
    bare = {**options, "alpha": 0.0, "regularization": replace(regularization, l1=0.0)}
    unpenalised = network.gradients(*samples, **bare)

    def value_at(p: NDArray) -> float:
        value = evaluate(p)[0]
        return value if factor == 1 else value + (factor - 1) * unpenalised(p)[0]

    rng = np.random.default_rng(random_state)
    gradient = evaluate(params)[1]
    least = 1e-3 * abs(value_at(params))
    errors, start = {}, 0
    for name, view in network.named_parameters().items():
        block = slice(start, start + view.size)
        start += view.size
        expected, actual = np.empty((2, n_directions))
        for i in range(n_directions):
            direction = np.zeros_like(params)
            direction[block] = rng.choice([-1.0, 1.0], view.size)
            expected[i] = (value_at(params + step * direction) - value_at(params - step * direction)) / (2 * step)
            actual[i] = gradient @ direction
        error, *scales = (float(np.linalg.norm(slopes)) for slopes in (actual - expected, actual, expected))
        errors[name] = error / max(*scales, least) if error else 0.0
    return errors
