"""A fit under way: what becomes of the estimator from epoch to epoch, and what its callbacks may do to it."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from fastmlp.callbacks import Callback
from fastmlp.callbacks.fit import OF_TRAINING
from fastmlp.callbacks.observed import ObservedFit
from fastmlp.exceptions import (
    DivergenceWarning,
    OverflowWarning,
    ScheduleEndedWarning,
    UndefinedScoreWarning,
    warn_user,
)
from fastmlp.fitting.batching import RowOrder
from fastmlp.fitting.diagnosis import causes
from fastmlp.fitting.evaluation import Evaluation
from fastmlp.fitting.stopping import N_ITER_NO_CHANGE, NoImprovement
from fastmlp.fitting.training import Epoch, Listener, MinibatchTraining, NonFiniteStepError
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network, forward_in_pieces
from fastmlp.optimizers import Descent
from fastmlp.threads import Team

# Weights beyond this were not learned: steps of a sound size lead there in no number of epochs.
RUNAWAY_WEIGHT = 1e10


class RecordedFit(ObservedFit):
    """A fit whose epochs are recorded in the estimator's history_, and printed if it is verbose."""

    epoch: int = 0

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
        self._n_before = len(self._losses)

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
        # Of an earlier fit, which had other sets, or of a scorer that gave more before.
        for name in history.keys() - values.keys() - set(OF_TRAINING):
            history[name].append(np.nan)

    @property
    def first_loss(self) -> str:
        """The loss of the first set, if there is one, or that of training."""
        return f"{self._evaluation.sets[0].name}_loss" if self._evaluation.sets else "loss"

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        """Return the network's outputs before the link, as predictions have them now."""
        raise NotImplementedError

    # ---- what is said at the end -------------------------------------------------------------------------------------

    def causes(self) -> str:
        """Return what is likely to have made numbers infinite or NaN."""
        rates = np.array(self._learning_rates[self._n_before :] or [np.nan])
        return causes(
            self.X,
            None if is_classifier(self.estimator) else self.targets,
            self.weights,
            self.estimator.get_params(deep=False),
            rate=float(np.fmax.reduce(rates)),
            batch_size=self.batch_size,
        )

    def _has_failed(self, last: Network, final: Network, *, is_finite: bool) -> bool:
        """Return whether the fit diverged, or a callback raised something.

        Parameters
        ----------
        last, final : Network
            That of the last epoch, and that which the fit ends with; where it is another, divergence is warned of.
        is_finite : bool
            Whether the last one is.
        """
        if self.error is not None:
            return True
        if final is not last and (self.diverged or not is_finite) and np.isfinite(final.params).all():
            made = f"Training diverged: epoch {self.epoch} made weights infinite or NaN. {self._ends_with()}"
            warn_user(f"{self.stop_reason if self.diverged else made} {self.causes()}", DivergenceWarning)
            return True
        return self.diverged or not is_finite

    def _say_overflow(self, losses: list[float]) -> None:
        """Warn of losses of training that are not finite, though the weights are."""
        if math.isfinite(sum(losses)):
            return
        which = np.flatnonzero(~np.isfinite(losses))
        if len(which):
            warn_user(
                f"The loss of training is {losses[which[0]]} in {len(which)} of {len(losses)} epochs, from epoch"
                f" {which[0] + 1} on, though the weights are finite: a number is too large. {self.causes()}",
                OverflowWarning,
            )

    def _say_undefined(self) -> None:
        """Warn of losses and scores of sets that are no finite numbers."""
        reasons = self._evaluation.reasons
        if not reasons:
            return
        told = []
        for reason in dict.fromkeys(reasons.values()):
            names = [name for name in reasons if reasons[name] == reason]
            values = np.array(self.history[names[0]][self._n_before :])
            told.append(
                f"{', '.join(names)}: no finite number in {np.sum(~np.isfinite(values))} of {len(values)} epochs, since"
                f" {reason}."
            )
        warn_user(" ".join([*told, self._judged_by()]), UndefinedScoreWarning)

    def _judged_by(self) -> str:
        """Return what becomes of epochs that cannot be judged."""
        return "Such epochs are never the best."

    def _ends_with(self) -> str:
        """Return what the fit ends with that ends elsewhere."""
        return "The fit ends with its best epoch."

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
        self.is_incremental = incremental
        # What early stopping ends with. A warm start has its best score from the fit before: that network's.
        self._best = network.astype(network.params.dtype) if improvement.maximize and improvement.has_best else None
        self._leaves_end = self.end_is_decided and estimator.n_iter_no_change == N_ITER_NO_CHANGE
        self._first_step, self._n_curve = descent.n_updates, len(estimator.loss_curve_)
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
            before = improvement.best
            if improvement.update(value):
                present = self._training.present()
                if np.isfinite(present.params).all():
                    self._best = present
                else:  # the epoch's last step was one too far
                    improvement.best = before
            estimator.best_validation_score_ = improvement.best
        if len(scores) > improvement.maximize:
            self._print_scores(scores)
        if self._follows_values:
            descent.after_epoch(estimator.t_)
            descent.on_value(value, maximize=improvement.maximize)
        if improvement.exhausted:
            self._on_plateau()
        if not math.isfinite(loss):
            self._end_if_diverged()
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
        if not math.isfinite(losses[-1]):
            self._end_if_diverged()
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

    def _end_if_diverged(self) -> None:
        """End the fit where weights are infinite or NaN, which they would stay."""
        if not np.isfinite(self._training.arrays()["params"]).all():
            self.stopped = True

    def _on_plateau(self) -> None:
        stops, remark = self._descent.on_plateau()
        if stops and self._leaves_end:
            self._improvement.count = 0
            return
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
        step_failed = False
        if not self.stopped:
            try:
                self._training.run(self.max_epochs - self.epoch, self)
            except NonFiniteStepError as error:
                if not self.ends_elsewhere:
                    raise
                step_failed = True
                self.stop(f"Training diverged: {error} {self._ends_with()}", diverged=True)
        network, descent = self._network, self._descent
        if self.error is not None and self._last is not None:
            network, descent = self._last
        elif not step_failed:
            self._training.finish()
        estimator._optimizer = descent
        is_finite = not step_failed and bool(np.isfinite(network.params).all())
        losses = estimator.loss_curve_[self._n_curve :]  # callbacks may write to history_
        # Gradients whose squares are infinite leave large losses behind; a log loss is cut off at 16 or 36 a row.
        are_small = math.isfinite(sum(losses)) and max(losses, default=0.0) < 1
        remembers_well = are_small or descent.is_finite
        if not (is_finite and remembers_well and np.isfinite(losses[-1:]).all()):
            # Nor can anybody go on with the optimizer's memories.
            del estimator._optimizer
        estimator._no_improvement_count = self._improvement.count
        final = self._final(network)
        if not self._has_failed(network, final, is_finite=is_finite):
            if not are_small:
                self._say_overflow(losses)
                self._say_runaway(final)
            if not remembers_well and math.isfinite(sum(losses)):
                warn_user(
                    "What the optimizer keeps of gradients is no longer finite, so that weights are not changed as they"
                    f" should be: a gradient was too large. {self.causes()}",
                    OverflowWarning,
                )
            self._say_undefined()
            self._say_how_it_ended(descent)
        return final

    def _say_runaway(self, final: Network) -> None:
        """Warn of weights that are finite and so large that the network cannot have learned them."""
        largest = float(np.abs(final.params).max())
        if largest > RUNAWAY_WEIGHT:
            warn_user(f"Training diverged: weights reach {largest:.3g}. {self.causes()}", DivergenceWarning)

    def _say_how_it_ended(self, descent: Descent) -> None:
        """Warn of a schedule that ended before, and of epochs that ended before anything else ended the fit."""
        end, first, last = descent.end, self._first_step, descent.n_updates
        if end is None:
            goes_on = False
        elif self.is_incremental:  # it is the call that makes the first step after the end which tells
            goes_on = first <= end < last
        else:
            goes_on = max(first, end) + self.n_batches <= last
        if goes_on and descent.rate_at_end <= 1e-3:
            warn_user(
                f"{descent.optimizer.learning_rate!r} came to its end after {end} steps, and training goes on with a"
                f" learning rate of {descent.rate:.3g}. Have it last longer (max_iter, or its n_steps), or end with a"
                " higher rate.",
                ScheduleEndedWarning,
            )
        planned = self.end_is_decided or (end is not None and end <= last)
        if not self.is_incremental and not self.stopped and not planned and self.epoch == self.max_epochs:
            warn_user(
                f"Stochastic Optimizer: Maximum iterations ({self.max_epochs}) reached and the optimization hasn't"
                " converged yet.",
                ConvergenceWarning,
            )

    def _judged_by(self) -> str:
        if not self._improvement.maximize:
            return super()._judged_by()
        how = "hold out more rows (validation_fraction), or watch another score (scoring)"
        if self._best is None:
            return f"No epoch could be told to be the best, and the model is that of the last one: {how}."
        return f"Such epochs are never the best: {how}."

    def _ends_with(self) -> str:
        if self._end is not None or self._best is None:
            return super()._ends_with()
        return f"The fit ends with its best epoch, of the score {self._improvement.best:.3g}."

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
        if not self.is_incremental:
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
        """Return the network to end up with, given the result; the estimator has its loss_ and n_iter_, then."""
        self._network.params[:] = result.x
        last = self.network()
        final = last if self._end is None else last.with_arrays(self._end)
        self.estimator.loss_ = result.fun
        self.estimator.n_iter_ = min(result.nit, self.max_epochs)
        if self._has_failed(last, final, is_finite=bool(np.isfinite(last.params).all())):
            return final
        if result.nit or result.status != "interrupted":  # else there is no loss yet
            self._say_overflow([float(result.fun)])
        self._say_undefined()
        is_at_limit = self.estimator.n_iter_ == self.max_epochs
        if result.status not in (0, "interrupted", "stopped") and not (is_at_limit and self.end_is_decided):
            self._say_that_it_has_not_converged(result)
        return final

    def _say_that_it_has_not_converged(self, result: OptimizeResult) -> None:
        """Warn in scikit-learn's words."""
        n_iter = self.estimator.n_iter_
        message = f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n"
        if n_iter == self.max_epochs:
            message += f"\nIncrease the number of iterations to improve the convergence (max_iter={self.max_epochs})."
        message += (
            "\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html"
        )
        warn_user(message, ConvergenceWarning)

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
