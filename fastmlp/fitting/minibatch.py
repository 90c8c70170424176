"""A fit by minibatches: scikit-learn's rules for its end, early stopping, and what callbacks may do to it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from fastmlp.callbacks import Callback
from fastmlp.exceptions import DivergenceWarning, OverflowWarning, ScheduleEndedWarning, warn_user
from fastmlp.fitting.batching import SampleOrder
from fastmlp.fitting.checkpoint import state_of
from fastmlp.fitting.loop import Epoch, Listener, MinibatchTraining
from fastmlp.fitting.problem import Problem
from fastmlp.fitting.python_rule import NonFiniteStepError
from fastmlp.fitting.recorded import RecordedFit
from fastmlp.fitting.start import Start
from fastmlp.fitting.stopping import N_ITER_NO_CHANGE
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network
from fastmlp.optimizers import Descent
from fastmlp.threads import BFLOAT16_SPEEDUP, prediction_team, team_size

# Weights beyond this were not learned: steps of a sound size lead there in no number of epochs.
RUNAWAY_WEIGHT = 1e10


class MinibatchFit(RecordedFit, Listener):
    """A fit by minibatches, from a start to the end that scikit-learn's rules, early stopping or a callback find.

    Parameters
    ----------
    start : Start
        What is trained, with what, and how far it has come.
    estimator, problem, callbacks, prints, max_epochs
        As :class:`fastmlp.fitting.recorded.RecordedFit` takes them.
    """

    def __init__(
        self,
        estimator: Any,
        problem: Problem,
        start: Start,
        callbacks: Sequence[Callback],
        *,
        prints: bool,
        max_epochs: int,
    ) -> None:
        self.progress = progress = start.progress
        super().__init__(estimator, problem, progress, callbacks, prints=prints, max_epochs=max_epochs)
        self.n_samples, self.batch_size = progress.order.n_samples, progress.batch_size
        self.hears_batches = self.hears("on_batch_begin") or self.hears("on_batch_end")
        self._network, self._descent = start.network, start.descent
        #: The network that early stopping ends with; None where there is none.
        self.best = start.best
        self._end, self.stopped = start.end, start.stopped
        self._metrics |= start.metrics
        self._training = self._training_of(start.network, start.descent, progress.order)
        self._leaves_end = self.end_is_decided and problem.plan.parameters["n_iter_no_change"] == N_ITER_NO_CHANGE
        self._first_step = start.descent.n_updates
        # Network and optimizer as of the last epoch's end, where a callback may fail in the middle of one.
        self._last: tuple[Network, Descent] | None = None
        self._follows_values = start.descent.follows_values
        # Whether anything may happen after any epoch that changes the next one.
        self._watched = bool(
            prints or problem.evaluation.sets or start.descent.every_epoch or self._steered or self.hears_batches
        )
        self._tells_epochs = self.hears("on_epoch_end")
        self._attends_each = self._watched or self._tells_epochs or self._follows_values

    def _training_of(self, network: Network, descent: Descent, order: SampleOrder) -> MinibatchTraining:
        """Return a training of a network on the problem's samples."""
        plan, data, parameters = self.problem.plan, self.problem.data, self.problem.plan.parameters
        bfloat16 = parameters["dtype"] == "bfloat16"
        flops = network.flops_per_row * self.batch_size / (BFLOAT16_SPEEDUP if bfloat16 else 1)
        return MinibatchTraining(
            network,
            descent,
            data.rows,
            data.targets,
            data.weights,
            order=order,
            batch_size=self.batch_size,
            alpha=parameters["alpha"],
            n_threads=team_size(parameters["n_jobs"], flops),
            team=prediction_team(parameters["n_jobs"]),
            bfloat16=bfloat16,
            regularization=plan.regularization,
            augment=plan.augment,
            samples=data.X,
            seed=self.progress.seed,
        )

    # ---- what the loop asks ------------------------------------------------------------------------------------------

    def epochs_unheard(self) -> float:
        """Return 1 where anything may happen after any epoch, else how many epochs stopping takes at least."""
        return 1 if self._watched else self.progress.rule.epochs_left

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
        progress, rule, descent = self.progress, self.progress.rule, self._descent
        losses, scores = self._measured()  # Ctrl-C while this takes its time leaves no half of an epoch.
        self._count([epoch.loss])
        if self._prints:
            print(f"Iteration {self.epoch}, loss = {epoch.loss:.8f}")
        self._record(epoch, losses, scores)
        if rule.maximize:
            value = next(iter(scores.values()))
            self._judge(value)
        else:
            value = epoch.loss
            rule.update(value)
        if len(scores) > rule.maximize:
            self._print_scores(scores)
        if self._follows_values:
            descent.after_epoch(progress.n_samples_seen)
            descent.on_value(value, maximize=rule.maximize)
        if rule.exhausted:
            self._on_plateau()
        if not math.isfinite(epoch.loss):
            self._end_if_diverged()
        progress.copy_to(self.estimator)
        if self._tells_epochs:
            self.tell("on_epoch_end")
        self._print_reason()
        return self.stopped

    def after_epochs(self, losses: list[float], learning_rates: list[float], seconds: float) -> bool:
        """Take epochs into account, together where nothing else happens: small networks notice what each takes."""
        progress = self.progress
        if self._attends_each or not progress.records_training_only or not losses:
            return super().after_epochs(losses, learning_rates, seconds)
        for loss in losses:  # This comes first, since Ctrl-C may come while it takes its time.
            progress.rule.update(loss)
        self._count(losses)
        progress.record_plain(losses, learning_rates, seconds)
        if progress.rule.exhausted:
            self._on_plateau()
        if not math.isfinite(losses[-1]):
            self._end_if_diverged()
        progress.copy_to(self.estimator)
        return self.stopped

    def _count(self, losses: list[float]) -> None:
        """Count epochs with these losses."""
        self._last, self.batch = None, None
        self.progress.count(losses)

    def _judge(self, score: float) -> None:
        """Keep the network if an epoch's score is the best so far and its weights are finite."""
        rule, before = self.progress.rule, self.progress.rule.best
        self.progress.scores.append(score)
        if self._prints:
            print(f"Validation score: {score:f}")
        if rule.update(score):
            present = self._training.present()
            if np.isfinite(present.params).all():
                self.best = present
            else:  # The epoch's last step was one too far.
                rule.best = before

    def _end_if_diverged(self) -> None:
        """End the fit where weights are infinite or NaN, which they would stay."""
        if not np.isfinite(self._training.arrays()["params"]).all():
            self.stopped = True

    def _on_plateau(self) -> None:
        """End the fit, or lower the learning rate, now that patience has run out."""
        rule = self.progress.rule
        stops, remark = self._descent.on_plateau()
        if stops and self._leaves_end:
            rule.count = 0
            return
        if self._prints:
            what = "Validation score" if rule.maximize else "Training loss"
            print(f"{what} did not improve more than tol={rule.tol:f} for {rule.patience} consecutive epochs. {remark}")
        if stops:
            self.stopped = True
        else:
            rule.count = 0

    # ---- from the first epoch to the last ----------------------------------------------------------------------------

    def run(self) -> Network:
        """Train; return the network to end up with. The estimator's attributes say how far it came, then."""
        step_failed = self._run_epochs()
        network, descent = self._network, self._descent
        if self.error is not None and self._last is not None:
            network, descent = self._last
        elif not step_failed:
            self._training.finish()
        is_finite = not step_failed and bool(np.isfinite(network.params).all())
        losses = self.progress.losses
        # Gradients whose squares are infinite leave large losses behind; a log loss is cut off at 16 or 36 a sample.
        are_small = math.isfinite(sum(losses)) and max(losses, default=0.0) < 1
        remembers_well = are_small or descent.is_finite
        if is_finite and remembers_well and np.isfinite(losses[-1:]).all():
            self.descent = descent  # Otherwise nobody can go on with the optimizer's memories.
        final = self._final(network)
        if not self._has_failed(network, final, is_finite=is_finite):
            if not are_small:
                self._say_overflow(losses)
                self._say_runaway(final)
            if not remembers_well and math.isfinite(sum(losses)):
                self._say_lost_memories()
            self._say_undefined()
            self._say_how_it_ended(descent)
        return final

    def _run_epochs(self) -> bool:
        """Train until something ends it; return whether that is a step in Python that made numbers not finite."""
        if self.stopped:
            return False
        try:
            self._training.run(self.max_epochs - self.epoch, self)
        except NonFiniteStepError as error:
            if not self.ends_elsewhere:
                raise
            self.stop(f"Training diverged: {error} {self._ends_with()}", diverged=True)
            return True
        return False

    def _say_lost_memories(self) -> None:
        """Warn of an optimizer that goes on with numbers which are not finite."""
        warn_user(
            "What the optimizer keeps of gradients is no longer finite, so that weights are not changed as they"
            f" should be: a gradient was too large. {self.causes()}",
            OverflowWarning,
        )

    def _say_runaway(self, final: Network) -> None:
        """Warn of weights that are finite and so large that the network cannot have learned them."""
        largest = float(np.abs(final.params).max())
        if largest > RUNAWAY_WEIGHT:
            warn_user(f"Training diverged: weights reach {largest:.3g}. {self.causes()}", DivergenceWarning)

    def _say_how_it_ended(self, descent: Descent) -> None:
        """Warn of a schedule that ended before, and of epochs that ended before anything else ended the fit."""
        end = descent.end
        if end is not None and self._goes_on_after(end, descent.n_updates) and descent.rate_at_end <= 1e-3:
            warn_user(
                f"{descent.optimizer.learning_rate!r} came to its end after {end} steps, and training goes on with a"
                f" learning rate of {descent.rate:.3g}. Have it last longer (max_iter, or its n_steps), or end with a"
                " higher rate.",
                ScheduleEndedWarning,
            )
        planned = self.end_is_decided or (end is not None and end <= descent.n_updates)
        if not self.stopped and not planned and self.epoch == self.max_epochs:
            self._say_that_epochs_ended()

    def _goes_on_after(self, end: int, last: int) -> bool:
        """Whether at least an epoch of the fit, whose last step is given, came after a schedule's end."""
        return max(self._first_step, end) + self.n_batches <= last

    def _say_that_epochs_ended(self) -> None:
        """Warn, in scikit-learn's words, that max_iter and nothing else has ended the fit."""
        warn_user(
            f"Stochastic Optimizer: Maximum iterations ({self.max_epochs}) reached and the optimization hasn't"
            " converged yet.",
            ConvergenceWarning,
        )

    def _judged_by(self) -> str:
        if not self.progress.rule.maximize:
            return super()._judged_by()
        how = "hold out more rows (validation_fraction), or watch another score (scoring)"
        if self.best is None:
            return f"No epoch could be told to be the best, and the model is that of the last one: {how}."
        return f"Such epochs are never the best: {how}."

    def _ends_with(self) -> str:
        if self._end is not None or self.best is None:
            return super()._ends_with()
        return f"The fit ends with its best epoch, of the score {self.progress.rule.best:.3g}."

    def _final(self, network: Network) -> Network:
        """Return the network that the fit ends with, given the last epoch's."""
        if self._end is not None:
            return network.with_arrays(self._end)
        return network if self.best is None else self.best

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        return self._training.outputs(rows, order, linked=False)

    @property
    def ends_elsewhere(self) -> bool:
        """Whether the fit ends with another network than that of the last epoch."""
        return super().ends_elsewhere or self.best is not None

    # ---- what callbacks use ------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; when it is set, that of the next."""
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
        (network, descent), order = self._training.snapshot(), self.progress.order.copied()
        rates = np.asarray(rates, dtype=np.float64)
        if "learning_rate" not in descent.optimizer.get_params(deep=False):
            raise ValueError(f"A range test needs a learning rate; solver={descent.optimizer!r} has none.")
        constant = descent.unscheduled(float(rates[0]))
        training = self._training_of(network, constant, order)
        rng = np.random.default_rng([self.progress.seed, constant.n_updates])
        losses: list[float] = []
        while len(losses) < len(rates):
            indices = order.next_epochs(1)[0]
            for first in range(0, len(indices), self.batch_size)[: len(rates) - len(losses)]:
                constant.learning_rate = float(rates[len(losses)])
                losses.append(training.take_step(indices[first : first + self.batch_size], rng))
        return np.array(losses)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def snapshot(self) -> Any:
        """Return a copy of the estimator that predicts as it does now, and whose resume goes on from here."""
        estimator = self._estimator_now()
        estimator.callbacks = copy.deepcopy(estimator.callbacks)
        return estimator

    def save(self, path: Any) -> None:
        """Write a checkpoint."""
        self._estimator_now().save(path)

    def _estimator_now(self) -> Any:
        """Return a checkpoint that has the callbacks themselves, to be written at once."""
        network, descent = self._training.snapshot()
        has_ended = self.stopped or self.epoch >= self.max_epochs
        predicting = self._final(network) if has_ended else network
        estimator = self.estimator._with_network(predicting)
        estimator._optimizer = descent
        self.progress.freeze_in(estimator)
        state = self._state()
        if state is not None:
            state["present"] = None if predicting is network else network.arrays()
            estimator._checkpoint = state
        return estimator

    def _state(self) -> dict[str, Any] | None:
        """Return what resume goes on from; None where there is nothing to go on with."""
        return state_of(self)

    @property
    def end_arrays(self) -> dict[str, NDArray] | None:
        """The arrays that a callback has decided to end with; None where none has."""
        return self._end

    @property
    def metrics(self) -> list[str]:
        """The names in history of what is better when it is more, in alphabetical order."""
        return sorted(self._metrics)


class ResumedFit(MinibatchFit):
    """A fit by minibatches that goes on from a checkpoint."""

    first_hook = "on_fit_resume"


class IncrementalFit(MinibatchFit):
    """A fit of one epoch, as partial_fit makes it: one of many, of which nobody knows which is the last."""

    is_incremental = True

    def _goes_on_after(self, end: int, last: int) -> bool:
        # It is the call that makes the first step after the end which tells.
        return self._first_step <= end < last

    def _say_that_epochs_ended(self) -> None:
        pass

    def _state(self) -> None:
        return None
