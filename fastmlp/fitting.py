"""A fit under way: what becomes of the estimator from epoch to epoch, and what its callbacks may do to it."""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning

from fastmlp.batching import RowOrder
from fastmlp.callbacks import Callback, Fit
from fastmlp.evaluation import OF_TRAINING, Evaluation
from fastmlp.network import Network, forward_in_pieces
from fastmlp.optimizers import Descent
from fastmlp.rows import Rows
from fastmlp.stopping import NoImprovement
from fastmlp.threads import Team
from fastmlp.training import Epoch, Listener, MinibatchTraining


class RecordedFit(Fit):
    """A fit whose epochs are recorded in the estimator's history_, and printed if it is verbose."""

    def __init__(
        self, estimator: Any, evaluation: Evaluation, callbacks: Sequence[Callback], *, prints: bool, max_epochs: int
    ) -> None:
        super().__init__(callbacks)
        self.estimator = estimator
        self.max_epochs = max_epochs
        self._evaluation = evaluation
        self._prints = prints
        self.history = estimator.history_
        self._losses, self._learning_rates, self._seconds = (self.history.setdefault(name, []) for name in OF_TRAINING)
        self._recorded |= set(OF_TRAINING)

    def _measured(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return losses and scores of the sets, if there are any."""
        return self._evaluation.measure(self._outputs, self.fitted) if self._evaluation.sets else ({}, {})

    def _record(self, epoch: Epoch, losses: dict[str, float], scores: dict[str, float]) -> None:
        """Add an epoch to the history."""
        history, n_before = self.history, len(self._losses)
        self._losses.append(epoch.loss)
        self._learning_rates.append(epoch.learning_rate)
        self._seconds.append(epoch.seconds)
        if len(history) == len(OF_TRAINING) and not losses:
            return
        self._metrics |= scores.keys()
        values = losses | scores
        self._recorded |= values.keys()
        for name, value in values.items():
            history.setdefault(name, [np.nan] * n_before).append(value)
        for name in history.keys() - self._recorded:  # of an earlier fit, which had other sets
            history[name].append(np.nan)

    @property
    def first_loss(self) -> str:
        """The loss of the first set, if there is one, or that of training."""
        return f"{self._evaluation.sets[0].name}_loss" if self._evaluation.sets else "loss"

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        """Return the network's outputs before the link, as predictions have them now."""
        raise NotImplementedError

    def _print_reason(self) -> None:
        if self._prints and self.stop_reason:
            print(self.stop_reason)

    def _print_scores(self, scores: dict[str, float]) -> None:
        """Print what scikit-learn does not have: the scores of sets and metrics beyond one."""
        if self._prints and scores:
            print(", ".join(f"{name} = {score:f}" for name, score in scores.items()))


class MinibatchFit(RecordedFit, Listener):
    """A fit by minibatches: scikit-learn's rules for its end, and the state from which it can be resumed.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Whose n_iter_, loss_, loss_curve_, t_, best_loss_, validation_scores_, ... follow the epochs.
    start : callable
        (network, descent, order) -> MinibatchTraining.
    network, descent, order
        What is trained, and how.
    evaluation : Evaluation
    callbacks : sequence of Callback
    improvement : NoImprovement
        Of the loss, or of the first score if it maximises.
    held_out : ndarray or None
        Rows not to train on.
    seed : int
        Of dropout, noise and augment.
    prints : bool
    max_epochs, batch_size : int
    incremental : bool
        Whether this is partial_fit.
    """

    def __init__(
        self,
        estimator: Any,
        start: Callable[[Network, Descent, RowOrder], MinibatchTraining],
        network: Network,
        descent: Descent,
        order: RowOrder,
        evaluation: Evaluation,
        callbacks: Sequence[Callback],
        *,
        improvement: NoImprovement,
        held_out: NDArray | None,
        seed: int,
        prints: bool,
        max_epochs: int,
        batch_size: int,
        incremental: bool,
    ) -> None:
        super().__init__(estimator, evaluation, callbacks, prints=prints, max_epochs=max_epochs)
        self.n_samples, self.batch_size = order.n_rows, batch_size
        self.hears_batches = self.hears("on_batch_begin") or self.hears("on_batch_end")
        self._start, self._network, self._descent, self._order = start, network, descent, order
        self._training: MinibatchTraining = start(network, descent, order)
        self._improvement, self._held_out, self._seed = improvement, held_out, seed
        self._incremental = incremental
        # What early stopping ends with; until something is better, the network as it was.
        self._best = network.astype(network.params.dtype) if improvement.maximize else None
        # As of the last epoch's end, where a callback may fail in the middle of one.
        self._last: tuple[Network, Descent] | None = None
        self._watched = bool(prints or evaluation.sets or descent.every_epoch or self._steered or self.hears_batches)
        self._tells_epochs = self.hears("on_epoch_end")
        self._follows_values = descent.follows_values
        self._attends_each = self._watched or self._tells_epochs or self._follows_values

    # ---- what the loop asks ------------------------------------------------------------------------------------------

    def epochs_unheard(self) -> float:
        """Return 1 where anything may happen after any epoch, else how many epochs stopping takes at least."""
        return 1 if self._watched else self._improvement.epochs_left

    def before_epochs(self) -> bool:
        """Tell callbacks that an epoch begins."""
        if self.hears_batches:
            self._last = self._training.snapshot()
        self.tell("on_epoch_begin")
        return self.stopped

    def before_batch(self, number: int) -> bool:
        """Tell callbacks that a batch begins."""
        self.batch = number
        self.tell("on_batch_begin")
        return self.stopped

    def after_batch(self, number: int, loss: float) -> bool:
        """Tell callbacks a batch's loss."""
        self.batch_loss = loss
        self.tell("on_batch_end")
        return self.stopped

    def after_epoch(self, epoch: Epoch) -> bool:
        """Take an epoch into account; True when the fit ends with it."""
        estimator, improvement, descent = self.estimator, self._improvement, self._descent
        losses, scores = self._measured()  # Ctrl-C while this takes its time leaves no half of an epoch
        loss = epoch.loss
        self._count([loss])
        if self._prints:
            print(f"Iteration {self.epoch}, loss = {loss:.8f}")
        self._record(epoch, losses, scores)
        if not improvement.maximize:
            value = loss
            improvement.update(loss)
            estimator.best_loss_ = improvement.best
        else:
            value = next(iter(scores.values()))
            estimator.validation_scores_.append(value)
            if self._prints:
                print(f"Validation score: {value:f}")
            if improvement.update(value):
                self._best = self._training.present()
            estimator.best_validation_score_ = improvement.best
        if len(scores) > improvement.maximize:
            self._print_scores(scores)
        if self._follows_values:
            descent.after_epoch(estimator.t_)
            descent.on_value(value, maximize=improvement.maximize)
        if improvement.exhausted:
            self._on_plateau()
        if self._tells_epochs:
            self.tell("on_epoch_end")
        self._print_reason()
        return self.stopped

    def after_epochs(self, losses: list[float], learning_rates: list[float], seconds: float) -> bool:
        """Take epochs into account, together where nothing else happens: small networks notice what each takes."""
        if self._attends_each or len(self.history) > len(OF_TRAINING) or not losses:
            return super().after_epochs(losses, learning_rates, seconds)
        estimator, improvement = self.estimator, self._improvement
        for loss in losses:  # first, since Ctrl-C may come while it takes its time
            improvement.update(loss)
        self._count(losses)
        self._losses += losses
        self._learning_rates += learning_rates
        self._seconds += [seconds] * len(losses)
        estimator.best_loss_ = improvement.best
        if improvement.exhausted:
            self._on_plateau()
        return self.stopped

    def _count(self, losses: list[float]) -> None:
        """Have the estimator know of epochs with these losses."""
        estimator = self.estimator
        self._last, self.batch = None, None
        self.epoch += len(losses)
        estimator.n_iter_ = self.epoch
        estimator.loss_ = losses[-1]
        estimator.t_ += len(losses) * self.n_samples
        estimator.loss_curve_ += losses

    def _on_plateau(self) -> None:
        stops, remark = self._descent.on_plateau()
        if self._prints:
            what = "Validation score" if self._improvement.maximize else "Training loss"
            print(
                f"{what} did not improve more than tol={self.estimator.tol:f} for {self.estimator.n_iter_no_change}"
                f" consecutive epochs. {remark}"
            )
        if stops:
            self.stopped = True
        else:
            self._improvement.count = 0

    # ---- from the first epoch to the last ----------------------------------------------------------------------------

    def run(self) -> Network:
        """Train; return the network to end up with. The estimator has its optimizer, then."""
        estimator = self.estimator
        if not self.stopped:
            self._training.run(self.max_epochs - self.epoch, self)
        network, descent = self._network, self._descent
        if self.error is not None and self._last is not None:
            network, descent = self._last
        else:
            self._training.finish()
        estimator._optimizer = descent
        if not (np.isfinite(network.params).all() and np.isfinite(self._losses[-1:]).all()):
            # Nor can anybody go on with the optimizer's memories.
            del estimator._optimizer
        estimator._no_improvement_count = self._improvement.count
        if not self._incremental and not self.stopped and self.epoch == self.max_epochs:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_epochs}) reached and the optimization hasn't"
                " converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self._final(network)

    def _final(self, network: Network) -> Network:
        """Return the network that the fit ends with, given the last epoch's."""
        if self._end is not None:
            return network.with_arrays(self._end)
        return network if self._best is None else self._best

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        return self._training.outputs(rows, order, linked=False)

    @property
    def ends_elsewhere(self) -> bool:
        """Whether the fit ends with another network than that of the last epoch."""
        return super().ends_elsewhere or self._best is not None

    # ---- what callbacks use ------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, that of the next."""
        return self._descent.rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if not 0 <= value < np.inf:
            raise ValueError(f"learning_rate must be a finite number of at least 0; got {value!r}.")
        self._descent.set_rate(float(value))

    def set_highest_learning_rate(self, value: float) -> None:
        """Set the learning rate, or the highest that a schedule comes to."""
        self._descent.set_highest_rate(value, max(1, self.max_epochs - self.epoch) * self.n_batches)

    def network(self) -> Network:
        """Return a copy of the network as it is now, to predict with."""
        return self._training.present()

    def arrays(self) -> dict[str, NDArray]:
        """Return what the fit changes in the network, as it is now."""
        return self._training.arrays()

    def range_test(self, rates: ArrayLike) -> NDArray:
        """Return the loss of a minibatch for each learning rate in turn, a step being made with each, on copies."""
        (network, descent), order = self._training.snapshot(), self._order.copied()
        rates = np.asarray(rates, dtype=np.float64)
        if "learning_rate" not in descent.optimizer.get_params(deep=False):
            raise ValueError(f"A range test needs a learning rate; solver={descent.optimizer!r} has none.")
        constant = descent.unscheduled(float(rates[0]))
        training = self._start(network, constant, order)
        rng = np.random.default_rng([self._seed, constant.n_updates])
        losses: list[float] = []
        while len(losses) < len(rates):
            rows = order.next_epochs(1)[0]
            for first in range(0, len(rows), self.batch_size)[: len(rates) - len(losses)]:
                constant.learning_rate = float(rates[len(losses)])
                losses.append(training.take_step(rows[first : first + self.batch_size], rng))
        return np.array(losses)

    def snapshot(self) -> Any:
        """Return a copy of the estimator that predicts as it does now, and whose resume goes on from here."""
        estimator = self._snapshot()
        estimator.callbacks = copy.deepcopy(estimator.callbacks)
        return estimator

    def _snapshot(self) -> Any:
        """Return one with the callbacks themselves, to be written at once."""
        network, descent = self._training.snapshot()
        has_ended = self.stopped or self.epoch >= self.max_epochs
        shown = self._final(network) if has_ended else network
        estimator = self.estimator._showing(shown)
        estimator._optimizer = descent
        estimator._no_improvement_count = self._improvement.count
        estimator.history_ = {name: list(values) for name, values in self.history.items()}
        for name in ("loss_curve_", "validation_scores_"):
            if getattr(estimator, name) is not None:
                setattr(estimator, name, list(getattr(estimator, name)))
        state = self._state()
        estimator._random_state = state["random_state"]
        if not self._incremental:
            estimator._training = {**state, "present": None if shown is network else network.arrays()}
        return estimator

    def _state(self) -> dict[str, Any]:
        """Return what has to be known beside the estimator and its optimizer to go on from an epoch's end."""
        return {
            "epoch": self.epoch,
            "stopped": self.stopped,
            "order": self._order.rows.copy(),
            "random_state": copy.deepcopy(self._order.random_state),
            "held_out": self._held_out,
            "seed": self._seed,
            "count": self._improvement.count,
            "best_value": self._improvement.best,
            "best": None if self._best is None else self._best.arrays(),
            "end": self._end,
            "sets": [part.name for part in self._evaluation.sets],
            "is_weighted": self.sample_weight is not None,
            "metrics": sorted(self._metrics),
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take over what another fit's _state said, as far as it is not said to the constructor."""
        self.epoch, self.stopped = state["epoch"], state["stopped"]
        self._metrics = set(state["metrics"])
        self._improvement.count, self._improvement.best = state["count"], state["best_value"]
        self._end = state["end"]
        if state["best"] is not None:
            self._best = self._network.with_arrays(state["best"])

    def save(self, path: Any) -> None:
        """Write a checkpoint."""
        self._snapshot().save(path)


class FullBatchFit(RecordedFit):
    """A fit by L-BFGS, whose iterations are what epochs are elsewhere.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        In float64; what is trained.
    dtype : dtype
        The model's.
    team : Team
        Of predictions.
    n_rows : int
    evaluation, callbacks, prints, max_epochs
        As :class:`MinibatchFit` takes them.
    """

    def __init__(
        self,
        estimator: Any,
        network: Network,
        dtype: np.dtype,
        evaluation: Evaluation,
        callbacks: Sequence[Callback],
        *,
        team: Team,
        n_rows: int,
        prints: bool,
        max_epochs: int,
    ) -> None:
        super().__init__(estimator, evaluation, callbacks, prints=prints, max_epochs=max_epochs)
        self.n_samples = self.batch_size = n_rows
        self._network, self._dtype, self._team = network, dtype, team
        self._since = time.perf_counter()

    def after_iteration(self, params: NDArray, loss: float) -> None:
        """Take an iteration into account; StopIteration ends the fit."""
        now = time.perf_counter()
        self._network.params[:] = params
        losses, scores = self._measured()
        self.epoch += 1
        if self._prints:
            print(f"Iteration {self.epoch}, loss = {loss:.8f}")
        self._record(Epoch(float(loss), np.nan, now - self._since), losses, scores)
        self._print_scores(scores)
        self.tell("on_epoch_begin")  # SciPy tells of an iteration when it is over
        self.tell("on_epoch_end")
        if self.stopped:
            self._print_reason()
            raise StopIteration
        self._since = time.perf_counter()

    def finished(self, result: OptimizeResult) -> Network:
        """Return the network to end up with, given the result."""
        self._network.params[:] = result.x
        return self.network() if self._end is None else self.network().with_arrays(self._end)

    def network(self) -> Network:
        """Return a copy of the network as it is now, to predict with."""
        return self._network.astype(self._dtype)

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        return forward_in_pieces(self.network().packed(), rows, order, self._team, linked=False)

    @property
    def learning_rate(self) -> float:
        """NaN: a line search finds each step's length."""
        return np.nan

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        raise ValueError("solver='lbfgs' has no learning rate to set.")

    @property
    def is_resumable(self) -> bool:
        """False."""
        return False

    def snapshot(self) -> Any:
        """Refuse: SciPy keeps what L-BFGS remembers to itself."""
        raise ValueError("Checkpoints are for solvers by minibatches; solver='lbfgs' cannot be resumed.")

    def save(self, path: Any) -> None:
        """Refuse, as snapshot does."""
        self.snapshot()

    def set_highest_learning_rate(self, value: float) -> None:
        """Refuse: there is no learning rate."""
        self.learning_rate = value

    def range_test(self, rates: ArrayLike) -> NDArray:
        """Refuse: there is no learning rate."""
        raise ValueError("A range test needs a learning rate; solver='lbfgs' has none.")
