"""Epochs of anything that learns: recorded, printed, shown to callbacks, and ended by early stopping or by these.

What learns is a :class:`Learner`, which knows nothing of epochs before or after; an estimator makes one of its
parameters and samples, and hands it to :meth:`EpochEstimator._learn`. Networks with targets do not need it: they are
trained by the room for fitting.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, Options

from fastmlp import persistence
from fastmlp.callbacks.fit import OF_TRAINING, are_finite
from fastmlp.callbacks.observed import ObservedFit
from fastmlp.estimators.epochs import LearnsByEpochs
from fastmlp.exceptions import DivergenceWarning, warn_user
from fastmlp.fitting.holding_out import check_held_out
from fastmlp.fitting.stopping import NoImprovement
from fastmlp.network import Network

#: The largest number of units, chains or steps, for the constraints of parameters: what the engine counts with.
MOST_COUNTED = (1 << 31) - 1


@contextmanager
def memory_for(**parameters: Any) -> Iterator[None]:
    """Name the parameters that say how much memory is needed, where there is not so much.

    Raises
    ------
    MemoryError
        When the block raises one, or makes an array that no memory could hold.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.learning import memory_for
    >>> with memory_for(n_components=10**9):
    ...     np.zeros((10**9, 10**9))
    Traceback (most recent call last):
    ...
    MemoryError: n_components=1000000000 needs more memory than there is; give less.
    """
    try:
        yield
    except (MemoryError, ValueError) as error:
        if isinstance(error, ValueError) and "array is too big" not in str(error):  # NumPy's words, beyond all memory
            raise
        shown = " with ".join(f"{name}={value!r}" for name, value in parameters.items())
        raise MemoryError(f"{shown} needs more memory than there is; give less.") from error


class Learner(Protocol):
    """What learns from samples, an epoch at a time.

    Attributes
    ----------
    learning_rate : float
        The learning rate of the last step; set, it is that of the next one.
    """

    learning_rate: float

    def epoch(self) -> dict[str, float]:
        """Go through all samples once, and return what is recorded of it: "loss", and what else there is."""

    def validate(self) -> float:
        """Return the loss of the samples that are held out; it is only called where there are such."""

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of all that has been learned."""

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to what :meth:`arrays` returned."""

    def keep(self, estimator: Any) -> None:
        """Set the fitted attributes of an estimator to what has been learned."""


class LearnedFit(ObservedFit):
    """A fit of a learner, from its first epoch to its last.

    Parameters
    ----------
    estimator : EpochEstimator
        Its history_, loss_ and n_iter_ follow the progress.
    learner : Learner
    given : Any
        X as the user gave it.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The validated samples.
    n_samples, batch_size : int
        The number of rows that are learned from, and of those of a minibatch.
    holds_out : bool, default=False
        Whether the learner validates on rows that are held out, so that the fit ends when their loss gets no better.
    is_incremental : bool, default=False
        Whether this is partial_fit: a single epoch, whose values are added to the history that there is.
    """

    def __init__(
        self,
        estimator: EpochEstimator,
        learner: Learner,
        given: Any,
        X: Any,
        *,
        n_samples: int,
        batch_size: int,
        holds_out: bool = False,
        is_incremental: bool = False,
    ) -> None:
        bar = [] if is_incremental else estimator._bar()
        super().__init__([*estimator._callbacks(), *bar])
        self.estimator, self.learner, self.given, self.X = estimator, learner, (given, None), X
        # There are no targets and no weights, and the engine's rows are the learner's own.
        self.y = self.sample_weight = self.rows = self.weights = None
        self.targets = np.empty(0)
        self.n_samples, self.batch_size, self.is_incremental = n_samples, batch_size, is_incremental
        self.max_epochs = 1 if is_incremental else estimator.max_iter
        before = getattr(estimator, "history_", None) if is_incremental else None
        self.history: dict[str, list[float]] = before or {name: [] for name in OF_TRAINING}
        self._recorded |= set(OF_TRAINING)
        # There is no eval_set, and some estimators have no early_stopping either.
        has_other_rows = "early_stopping" in estimator.get_params(deep=False)
        self._how_of_other_rows = "early_stopping=True" if has_other_rows else ""
        self._holds_out, self._epoch, self._n_before = holds_out, 0, len(self.history["loss"])
        patience = estimator.n_iter_no_change if holds_out else np.inf
        self._rule = NoImprovement(estimator.tol if holds_out else 0.0, patience, maximize=False)

    # ---- from the first epoch to the last ----------------------------------------------------------------------------

    def train(self) -> None:
        """Learn, and set the estimator's attributes to what has been learned."""
        try:
            self.begin()
            try:
                self._run()
            except KeyboardInterrupt:
                if not self.estimator._ends_at_interrupts:
                    raise
                warn_user("Training interrupted by user.", ConvergenceWarning)
            self._finish()
            self.learner.keep(self.estimator)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.end()

    def _run(self) -> None:
        while self._epoch < self.max_epochs and not self.stopped:
            self.tell("on_epoch_begin")
            if self.stopped:
                break
            start = time.perf_counter()
            values = self.learner.epoch()
            if self._holds_out:
                values = {**values, "validation_loss": self.learner.validate()}
            self._record({**values, "learning_rate": self.learner.learning_rate}, time.perf_counter() - start)
            if not np.isfinite(values["loss"]):
                self.stop("The loss is not finite any more.", diverged=True)
            if self._holds_out:
                self._judge(values["validation_loss"])
            self.tell("on_epoch_end")
            if self.estimator._prints and self.stop_reason:
                print(self.stop_reason)

    def _record(self, values: dict[str, float], seconds: float) -> None:
        """Add an epoch to the history, and count it; what others recorded and this one did not becomes NaN."""
        estimator, history = self.estimator, self.history
        n_before = len(history["loss"])
        values = {**values, "seconds": seconds}
        self._recorded |= values.keys()
        for name in [*history, *(name for name in values if name not in history)]:
            history.setdefault(name, [np.nan] * n_before).append(float(values.get(name, np.nan)))
        self._epoch += 1
        vars(estimator).update(history_=history, loss_=history["loss"][-1], n_iter_=len(history["loss"]))
        if estimator._prints:
            shown = [f"{name} = {value:.6g}" for name, value in values.items() if name not in ("seconds", "loss")]
            print(", ".join([f"Iteration {self.epoch_number}, loss = {values['loss']:.8f}", *shown]))

    def _judge(self, loss: float) -> None:
        """Keep the best epoch, and end the fit when patience has run out."""
        if self._rule.update(loss):
            arrays = self.learner.arrays()
            if are_finite(arrays):
                self.end_with(arrays)
        if self._rule.exhausted and not self.end_is_decided:
            self.stop(
                f"The loss of the rows held out did not improve more than tol={self._rule.tol:f} for"
                f" {self._rule.patience} consecutive epochs."
            )

    def _finish(self) -> None:
        """Go back to what the fit is to end with, and refuse numbers that are not finite."""
        self._end_history()
        if self._end is not None:
            self.learner.restore(self._end)
        if not are_finite(self.learner.arrays()):
            raise ValueError(
                f"Training came to numbers that are not finite in epoch {self._epoch}; a smaller learning rate than"
                f" {self.learner.learning_rate:g} may help, or features that are scaled."
            )
        if self.diverged:
            warn_user(f"Training diverged in epoch {self._epoch}. {self.stop_reason}", DivergenceWarning)

    def _end_history(self) -> None:
        """Have the attributes tell of the epochs that came to their end: maybe none, in which case there is no loss."""
        n_epochs = self._n_before + self._epoch
        for values in self.history.values():
            del values[n_epochs:]
        fitted = vars(self.estimator)
        fitted.update(history_=self.history, n_iter_=n_epochs)
        fitted.pop("loss_", None)
        if n_epochs:
            fitted["loss_"] = self.history["loss"][-1]

    # ---- what callbacks see ------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The number of finished epochs of this fit."""
        return self._epoch

    @property
    def first_loss(self) -> str:
        """The loss of the rows that are held out, or that of training."""
        return "validation_loss" if self._holds_out else "loss"

    @property
    def is_resumable(self) -> bool:
        """Whether a fit can go on from a checkpoint: it cannot, and checkpoints are models."""
        return False

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, it is that of the next one."""
        return self.learner.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.learner.learning_rate = value

    def set_highest_learning_rate(self, value: float) -> None:
        """Set the learning rate."""
        self.learner.learning_rate = value

    def range_test(self, rates: ArrayLike) -> NDArray:
        """Refuse to try learning rates, which needs a network that is trained by an optimizer."""
        raise ValueError(f"{type(self.estimator).__name__} cannot try learning rates; LearningRateFinder needs that.")

    def network(self) -> Network:
        """Refuse to give a network, which callbacks that look at layers ask for."""
        raise ValueError(f"{type(self.estimator).__name__} is no network with an output to learn: it has no layers to"
                         " look at.")  # fmt: skip

    def fitted(self) -> Any:
        """Return a copy of the estimator that has learned what there is now, for columns in the same order."""
        fitted = copy.copy(self.estimator)
        fitted.history_ = {name: list(values) for name, values in self.history.items()}
        self.learner.keep(fitted)
        vars(fitted).pop("feature_names_in_", None)
        return fitted

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of all that has been learned, for :meth:`end_with`."""
        return self.learner.arrays()

    def snapshot(self) -> Any:
        """Return a copy of the estimator that has learned what there is now; no fit can go on from it."""
        return self.fitted()

    def save(self, path: Any) -> None:
        """Write the model as it is now."""
        persistence.save(self.fitted(), path)


class EpochEstimator(LearnsByEpochs):
    """The base of estimators that hand a learner to :class:`LearnedFit`.

    A fit ends after max_iter epochs, or earlier with early_stopping. A subclass takes of these parameters those that
    mean something to it; one without early_stopping holds nothing out.
    """

    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: float = 10
    tol: float = 0.0

    history_: dict[str, list[float]]
    loss_: float
    n_iter_: int

    # Whether a fit keeps what it has learned when Ctrl-C is pressed, and warns; otherwise KeyboardInterrupt is raised.
    _ends_at_interrupts: bool = True

    _parameter_constraints: ClassVar[dict] = {
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "callbacks": [list, tuple, None],
        "verbose": ["verbose"],
    }

    def _learn(self, learner: Learner, given: Any, X: Any, **how: Any) -> LearnedFit:
        """Have a learner learn, and set the fitted attributes; ``how`` is what :class:`LearnedFit` takes beside them.

        It belongs into restored_on_error; ``return self._told_of_errors(fit)`` comes after that. _announce_epochs()
        comes before it, where the estimator has scikit-learn's callbacks.
        """
        fit = LearnedFit(self, learner, given, X, **how)
        fit.train()
        return fit

    def _divided(self, n_samples: int, random_state: np.random.RandomState) -> tuple[NDArray, NDArray]:
        """Return the numbers of the rows to learn from, and of those that early_stopping holds out, in ascending order.

        Without early_stopping nothing is held out.
        """
        if not self.early_stopping:
            return np.arange(n_samples), np.arange(0)
        check_held_out(self.validation_fraction, n_samples, instead="set early_stopping=False")
        order = random_state.permutation(n_samples)
        n_held_out = int(np.ceil(self.validation_fraction * n_samples))
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
