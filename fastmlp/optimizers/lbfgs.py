"""Limited-memory BFGS over all samples at once, through SciPy."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.components import Component
from fastmlp.registration import stored_as

_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


@stored_as("optimizers.LBFGS")
class LBFGS(Component):
    """Full-batch quasi-Newton minimisation: :func:`scipy.optimize.minimize` with method L-BFGS-B.

    A step is w -= a H g: H is an approximation of the inverse Hessian from the last changes of w and g, and a line
    search finds a. Source: Byrd, Lu, Nocedal & Zhu, "A limited memory algorithm for bound constrained optimization",
    1995.

    Parameters
    ----------
    max_iter : int >= 1, default=200
        The largest number of iterations.
    max_fun : int >= 1, default=15000
        The largest number of evaluations of loss and gradient.
    tol : float >= 0, default=1e-4
        The minimisation stops when no component of the gradient is larger.
    memory : int >= 1, default=10
        The number of changes of w and g that are kept.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import LBFGS
    >>> result = LBFGS().minimize(lambda w: (float(w @ w), 2 * w), np.ones(3))
    >>> bool(np.abs(result.x).max() < 1e-6)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "max_iter": [_AT_LEAST_ONE],
        "max_fun": [_AT_LEAST_ONE],
        "tol": [Interval(Real, 0, None, closed="left")],
        "memory": [_AT_LEAST_ONE],
    }

    def __init__(self, max_iter: int = 200, max_fun: int = 15000, tol: float = 1e-4, *, memory: int = 10) -> None:
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.tol = tol
        self.memory = memory

    def minimize(
        self,
        loss_and_gradient: Callable[[NDArray], tuple[float, NDArray]],
        start: NDArray,
        after_iteration: Callable[[NDArray, float], None] | None = None,
    ) -> scipy.optimize.OptimizeResult:
        """Minimise a function.

        Parameters
        ----------
        loss_and_gradient : callable
            It takes the parameters and returns the loss and its gradient.
        start : ndarray of shape (n_params,)
            The parameters to begin with.
        after_iteration : callable, default=None
            It is called with each iterate and its loss; when it raises StopIteration, the minimisation ends.

        Returns
        -------
        result : scipy.optimize.OptimizeResult
            SciPy's result. After Ctrl-C it holds the last iterate and the status 'interrupted'; after StopIteration the
            status is 'stopped'.
        """
        reached = scipy.optimize.OptimizeResult(x=start, fun=np.nan, nit=0)

        def note(intermediate_result: scipy.optimize.OptimizeResult) -> None:
            reached.x = intermediate_result.x.copy()
            reached.fun = intermediate_result.fun
            reached.nit += 1
            if after_iteration is not None:
                try:
                    after_iteration(reached.x, reached.fun)
                except StopIteration:  # SciPy ends the minimisation when it meets one
                    reached.status = "stopped"
                    raise

        try:
            result = scipy.optimize.minimize(
                loss_and_gradient,
                start,
                method="L-BFGS-B",
                jac=True,
                callback=note,
                options={"maxiter": self.max_iter, "maxfun": self.max_fun, "gtol": self.tol, "maxcor": self.memory},
            )
        except KeyboardInterrupt:
            reached.status = "interrupted"
        return reached if "status" in reached else result
