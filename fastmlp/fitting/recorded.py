"""A fit under way as callbacks see it, whichever loop trains: what is recorded, printed, and said at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.callbacks import Callback
from fastmlp.callbacks.fit import OF_TRAINING
from fastmlp.callbacks.observed import ObservedFit
from fastmlp.exceptions import DivergenceWarning, OverflowWarning, UndefinedScoreWarning, warn_user
from fastmlp.fitting.diagnosis import causes
from fastmlp.fitting.loop import Epoch
from fastmlp.fitting.problem import Problem
from fastmlp.fitting.progress import Progress
from fastmlp.inputs.rows import Rows
from fastmlp.network import Network
from fastmlp.optimizers import Descent


class RecordedFit(ObservedFit):
    """A fit whose epochs are recorded in the estimator's history_, and printed if it is verbose.

    Parameters
    ----------
    estimator : NetworkEstimator
        Its attributes follow the progress.
    problem : Problem
    progress : Progress
        How far the fit has come already.
    callbacks : sequence of Callback
    prints : bool
        Whether a line is printed for each epoch.
    max_epochs : int

    Attributes
    ----------
    descent : Descent or None
        After the fit, the optimizer that another fit can go on with; None where there is none.
    """

    #: The hook by which callbacks hear that the fit begins.
    first_hook = "on_fit_begin"

    def __init__(
        self,
        estimator: Any,
        problem: Problem,
        progress: Progress,
        callbacks: Sequence[Callback],
        *,
        prints: bool,
        max_epochs: int,
    ) -> None:
        super().__init__(callbacks)
        self.estimator, self.problem, self.max_epochs = estimator, problem, max_epochs
        data = problem.data
        self.given, self.X, self.y, self.sample_weight = data.given, data.X, data.y, data.sample_weight
        self.rows, self.targets, self.weights = data.rows, data.targets, data.weights
        self.descent: Descent | None = None
        self.history = progress.history
        self._progress = progress
        self._prints = prints
        self._recorded |= set(OF_TRAINING)
        progress.copy_to(estimator)

    @property
    def epoch(self) -> int:
        """The number of finished epochs of this fit (iterations of solver='lbfgs')."""
        return self._progress.epoch

    def run(self) -> Network:
        """Train; return the network to end up with. The estimator's attributes say how far it came, then."""
        raise NotImplementedError

    # ---- what is recorded --------------------------------------------------------------------------------------------

    def _outputs(self, rows: Rows, order: NDArray | None) -> NDArray:
        """Return the network's values before the output activation, as predictions have them now."""
        raise NotImplementedError

    def _measured(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return losses and scores of the sets, if there are any."""
        evaluation = self.problem.evaluation
        return evaluation.measure(self._outputs, self.fitted) if evaluation.sets else ({}, {})

    def _record(self, epoch: Epoch, losses: dict[str, float], scores: dict[str, float]) -> None:
        """Add an epoch to the history, with losses and scores of the sets."""
        values = losses | scores
        self._metrics |= scores.keys()
        self._recorded |= values.keys()
        self._progress.record(epoch, values)

    @property
    def first_loss(self) -> str:
        """The loss of the first set, if there is one, or that of training."""
        sets = self.problem.evaluation.sets
        return f"{sets[0].name}_loss" if sets else "loss"

    # ---- what is said at the end -------------------------------------------------------------------------------------

    def causes(self) -> str:
        """Return what is likely to have made numbers infinite or NaN."""
        rates = self._progress.of_this_fit("learning_rate")
        return causes(
            self.X,
            self.targets if self.problem.data.classes is None else None,
            self.weights,
            self.estimator.get_params(deep=False),
            rate=float(np.fmax.reduce(rates)) if rates.size else math.nan,
            batch_size=self.batch_size,
        )

    def _has_failed(self, last: Network, final: Network, *, is_finite: bool) -> bool:
        """Return whether the fit diverged, or a callback raised something.

        Parameters
        ----------
        last, final : Network
            The network of the last epoch, and that which the fit ends with; where it is another, divergence is warned
            of.
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
        reasons = self.problem.evaluation.reasons
        if not reasons:
            return
        sentences = []
        for reason in dict.fromkeys(reasons.values()):
            names = [name for name in reasons if reasons[name] == reason]
            values = self._progress.of_this_fit(names[0])
            sentences.append(
                f"{', '.join(names)}: no finite number in {np.sum(~np.isfinite(values))} of {len(values)} epochs, since"
                f" {reason}."
            )
        warn_user(" ".join([*sentences, self._judged_by()]), UndefinedScoreWarning)

    def _judged_by(self) -> str:
        """Return what becomes of epochs that cannot be judged."""
        return "Such epochs are never the best."

    def _ends_with(self) -> str:
        """Return which network the fit ends with, where it is not that of the last epoch."""
        return "The fit ends with its best epoch."

    def _print_reason(self) -> None:
        if self._prints and self.stop_reason:
            print(self.stop_reason)

    def _print_scores(self, scores: dict[str, float]) -> None:
        """Print what scikit-learn does not have: the scores of sets and metrics beyond one."""
        if self._prints and scores:
            print(", ".join(f"{name} = {score:f}" for name, score in scores.items()))
