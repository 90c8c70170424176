"""Why numbers of a fit are not finite: what of all that it was given is large, and what is to be done about it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike

from fastmlp.inputs.columns import EncodedColumns

# The largest numbers that are not large yet: of features and targets with a spread of about 1, of learning rates, of
# weights of samples, which are summed up, and of penalties.
_FEATURE, _TARGET, _RATE, _WEIGHT, _PENALTY = 100.0, 100.0, 0.1, 1e30, 1.0


def causes(
    X: Any,
    targets: ArrayLike | None,
    weights: ArrayLike | None,
    parameters: Mapping[str, Any],
    *,
    rate: float = math.nan,
    batch_size: int = 1,
) -> str:
    """Return sentences that name what is too large, the largest of it first.

    Where nothing is, the learning rate is; where there is none, it is what scikit-learn says: the input data.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    targets : ndarray or None
        The numbers to be predicted; None for classes.
    weights : ndarray of shape (n_samples,) or None
        The weights of the samples.
    parameters : dict
        The parameters of the estimator.
    rate : float, default=nan
        The highest learning rate there was; NaN for none.
    batch_size : int, default=1

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> from fastmlp.fitting.diagnosis import causes
    >>> model = MLPRegressor(solver="sgd", learning_rate_init=50.0)
    >>> causes(np.ones((3, 2)), np.ones(3), None, model.get_params(), rate=50.0)
    'The learning rate of 50 is likely too high: take a smaller learning_rate_init than 50.0.'
    >>> causes(np.ones((3, 2)), None, np.array([1.0, 1e308]), model.get_params(), rate=0.001)
    'The weights of samples reach 1e+308: divide them by the largest.'
    """
    found: list[tuple[float, str]] = []
    largest = _largest(X)
    # Scaled features are of size 1, unless their squares do not fit.
    is_scaled = parameters.get("standardize", False)
    if largest > (1e150 if is_scaled else _FEATURE):
        how = (
            "" if is_scaled else f", with StandardScaler{' or standardize=True' if 'standardize' in parameters else ''}"
        )
        found.append(
            (
                largest / _FEATURE,
                "The input data may contain large values and need to be preprocessed. X reaches"
                f" {largest:.3g}: scale it{how}.",
            )
        )
    largest = 0.0 if targets is None else _largest(targets)
    if largest > _TARGET:
        found.append(
            (
                largest / _TARGET,
                f"The targets reach {largest:.3g}: scale them, with TransformedTargetRegressor(regressor,"
                " transformer=StandardScaler()), say.",
            )
        )
    largest = 1.0 if weights is None else _largest(weights)
    if largest < 1 / _WEIGHT:
        found.append((1 / _WEIGHT / largest, f"The weights of samples are at most {largest:.3g}: divide them by that."))
    if largest > _WEIGHT:
        found.append((largest / _WEIGHT, f"The weights of samples reach {largest:.3g}: divide them by the largest."))
    for name in ("alpha", "l1"):
        strength = float(parameters[name])
        # Beyond it, a step of gradient descent takes weights further beyond 0 than they were away from it.
        too_strong = strength > 1e30 or rate * strength / batch_size > 1
        if strength > _PENALTY and too_strong:
            found.append((strength / _PENALTY, f"{name}={strength:.3g} is a penalty too strong: take a smaller one."))
    if rate > 0 and (rate > _RATE or not found):
        found.append(
            (
                rate / _RATE,
                f"The learning rate of {rate:.3g} is likely too high: take a smaller {_rate(parameters, rate)}.",
            )
        )
    if not found:
        return "The input data may contain large values and need to be preprocessed."
    return " ".join(sentence for _, sentence in sorted(found, key=lambda cause: -cause[0]))


def _rate(parameters: Mapping[str, Any], rate: float) -> str:
    """Return the name of what an estimator's learning rate comes from, with its value."""
    if not isinstance(parameters["solver"], str):
        return f"one for solver={parameters['solver']!r}"
    if not isinstance(parameters["learning_rate"], str):
        return f"one for learning_rate={parameters['learning_rate']!r}"
    if rate > 1.001 * parameters["learning_rate_init"]:
        return "one than a callback has set"
    return f"learning_rate_init than {parameters['learning_rate_init']!r}"


def _largest(array: Any) -> float:
    if isinstance(array, EncodedColumns):
        array = array.fractions
    values = array.data if scipy.sparse.issparse(array) else np.asarray(array)
    return float(max(abs(float(values.max())), abs(float(values.min())))) if values.size else 0.0
