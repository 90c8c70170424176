"""A fit by L-BFGS over all samples at once, whose iterations are what epochs are elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning

from fastmlp.callbacks import Callback
from fastmlp.exceptions import warn_user
from fastmlp.fitting.loop import Epoch, warn_interrupted
from fastmlp.fitting.problem import Problem
from fastmlp.fitting.progress import Progress
from fastmlp.fitting.recorded import RecordedFit
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network, Regularization, forward_in_pieces
from fastmlp.optimizers import LBFGS
from fastmlp.threads import prediction_team, single_threaded_blas, team_size


class FullBatchFit(RecordedFit):
    """A fit by L-BFGS.

    It computes in float64 whatever the model's type: line searches do not get along with losses rounded to float32.

    Parameters
    ----------
    network : Network
        The network to start from, in the model's type; it stays as it is.
    estimator, problem, progress, callbacks, prints
        As :class:`fastmlp.fitting.recorded.RecordedFit` takes them.
    """

    def __init__(
        self,
        estimator: Any,
        problem: Problem,
        network: Network,
        progress: Progress,
        callbacks: Sequence[Callback],
        *,
        prints: bool,
    ) -> None:
        optimizer = problem.plan.optimizer
        assert isinstance(optimizer, LBFGS)
        super().__init__(estimator, problem, progress, callbacks, prints=prints, max_epochs=optimizer.max_iter)
        self.n_samples = self.batch_size = problem.data.n_samples
        self._optimizer, self._dtype = optimizer, network.params.dtype
        self._start = network.astype(np.float64)
        #: The network of the last iteration, in float64.
        self._network = network.astype(np.float64)
        self._team = prediction_team(problem.plan.parameters["n_jobs"])
        self._since = time.perf_counter()

    def run(self) -> Network:
        """Train; return the network to end up with. The estimator's attributes say how far it came, then."""
        plan, data = self.problem.plan, self.problem.data
        assert data.targets is not None
        result = minimize_full_batch(
            self._start,
            self._optimizer,
            data.rows,
            data.targets.astype(np.float64) if data.targets.dtype == np.float32 else data.targets,
            data.weights,
            alpha=plan.parameters["alpha"],
            n_threads=team_size(plan.parameters["n_jobs"], self._network.flops_per_row * data.n_samples),
            after_iteration=self.after_iteration,
            regularization=plan.regularization,
        )
        self._network.params[:] = result.x
        self._progress.loss, self._progress.epoch = result.fun, min(result.nit, self.max_epochs)
        self._progress.copy_to(self.estimator)
        last = self.network()
        final = last if self._end is None else last.with_arrays(self._end)
        self._say_how_it_ended(result, last, final)
        return final

    def after_iteration(self, params: NDArray, loss: float) -> None:
        """Take an iteration into account; StopIteration ends the fit."""
        now = time.perf_counter()
        self._network.params[:] = params
        losses, scores = self._measured()
        self._progress.epoch += 1
        if self._prints:
            print(f"Iteration {self.epoch}, loss = {loss:.8f}")
        self._record(Epoch(float(loss), np.nan, now - self._since), losses, scores)
        self._print_scores(scores)
        self.tell("on_epoch_begin")  # SciPy tells of an iteration when it is over.
        self.tell("on_epoch_end")
        if self.stopped:
            self._print_reason()
            raise StopIteration
        self._since = time.perf_counter()

    def _say_how_it_ended(self, result: OptimizeResult, last: Network, final: Network) -> None:
        """Warn of what was wrong with the result; in scikit-learn's words where it has not converged."""
        if self._has_failed(last, final, is_finite=bool(np.isfinite(last.params).all())):
            return
        if result.nit or result.status != "interrupted":  # Otherwise there is no loss yet.
            self._say_overflow([float(result.fun)])
        self._say_undefined()
        is_at_limit = self.epoch == self.max_epochs
        if result.status in (0, "interrupted", "stopped") or (is_at_limit and self.end_is_decided):
            return
        message = f"lbfgs failed to converge after {self.epoch} iteration(s) (status={result.status}):\n"
        message += f"{result.message}\n"
        if is_at_limit:
            message += f"\nIncrease the number of iterations to improve the convergence (max_iter={self.max_epochs})."
        message += (
            "\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html"
        )
        warn_user(message, ConvergenceWarning)

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        return forward_in_pieces(self.network().packed(), rows, order, self._team, linked=False)

    # ---- what callbacks use ------------------------------------------------------------------------------------------

    def network(self) -> Network:
        """Return a copy of the network as it is now, to predict with."""
        return self._network.astype(self._dtype)

    @property
    def learning_rate(self) -> float:
        """NaN, since a line search finds the length of each step."""
        return np.nan

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        raise ValueError("solver='lbfgs' has no learning rate to set.")

    @property
    def is_resumable(self) -> bool:
        """False, since SciPy keeps what L-BFGS remembers to itself."""
        return False

    def snapshot(self) -> Any:
        """Refuse, since SciPy keeps what L-BFGS remembers to itself."""
        raise ValueError("Checkpoints are for solvers by minibatches; solver='lbfgs' cannot be resumed.")

    def save(self, path: Any) -> None:
        """Refuse, as snapshot does."""
        self.snapshot()

    def set_highest_learning_rate(self, value: float) -> None:
        """Refuse, since there is no learning rate."""
        self.learning_rate = value

    def range_test(self, rates: ArrayLike) -> NDArray:
        """Refuse, since there is no learning rate."""
        raise ValueError("A range test needs a learning rate; solver='lbfgs' has none.")


def minimize_full_batch(
    network: Network,
    optimizer: LBFGS,
    rows: Rows,
    targets: NDArray,
    weights: NDArray | None,
    *,
    alpha: float,
    n_threads: int,
    after_iteration: Callable[[NDArray, float], None] | None = None,
    regularization: Regularization | None = None,
) -> OptimizeResult:
    """Train over all samples at once; return the result, of which the network's parameters end up at x.

    Parameters
    ----------
    network : Network
    optimizer : LBFGS
    rows, targets, weights
        As :meth:`fastmlp.network.Network.gradients` takes them.
    alpha : float
        Strength of the L2 penalty.
    n_threads : int
    after_iteration : callable, default=None
        It is called with parameters and loss after each iteration, and ends training by raising StopIteration.
    regularization : Regularization, default=None
    """
    gradients = network.gradients(
        rows, targets, weights, alpha=alpha, n_threads=n_threads, regularization=regularization
    )
    with single_threaded_blas():
        result = optimizer.minimize(gradients, network.params.copy(), after_iteration)
    if result.status == "interrupted":
        warn_interrupted()
    network.params[:] = result.x
    return result
