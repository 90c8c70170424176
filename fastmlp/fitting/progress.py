"""How far a fit has come: the one owner of history, losses, best values, counts, the order of the samples and seeds.

An estimator's attributes are copies, which :meth:`Progress.copy_to` alone makes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.callbacks.fit import OF_TRAINING
from fastmlp.fitting.batching import SampleOrder
from fastmlp.fitting.loop import Epoch
from fastmlp.fitting.stopping import NoImprovement


class Progress:
    """How far a fit has come.

    Parameters
    ----------
    history : dict of str to list of float
        What was recorded of each epoch of earlier fits that this one goes on from; it grows by this fit's.
    n_samples_seen : int, default=0
        The samples that those fits have seen, each as often as it was visited.

    Attributes
    ----------
    epoch : int
        The number of finished epochs of this fit.
    loss : float or None
        The loss of the last epoch; None before the first.

    Examples
    --------
    >>> from fastmlp.fitting.loop import Epoch
    >>> from fastmlp.fitting.progress import Progress
    >>> progress = Progress({})
    >>> progress.record(Epoch(loss=0.5, learning_rate=0.1, seconds=2.0), {"validation_loss": 0.75})
    >>> progress.history
    {'loss': [0.5], 'learning_rate': [0.1], 'seconds': [2.0], 'validation_loss': [0.75]}
    """

    def __init__(self, history: dict[str, list[float]], n_samples_seen: int = 0) -> None:
        self.epoch = 0
        self.loss: float | None = None
        self.n_samples_seen = n_samples_seen
        self.history = history
        self._losses, self._learning_rates, self._seconds = (history.setdefault(name, []) for name in OF_TRAINING)
        self._n_before = len(self._losses)

    @classmethod
    def left_by(cls, estimator: Any) -> Progress:
        """Return the progress at the start of a fit by all samples at once, which goes on from an estimator's."""
        return cls({}, getattr(estimator, "t_", 0))

    def record(self, epoch: Epoch, values: Mapping[str, float]) -> None:
        """Add an epoch to the history.

        Parameters
        ----------
        epoch : Epoch
        values : mapping of str to float
            Losses and scores of the sets that are evaluated.
        """
        history, n_before = self.history, len(self._losses)
        self._losses.append(epoch.loss)
        self._learning_rates.append(epoch.learning_rate)
        self._seconds.append(epoch.seconds)
        if len(history) == len(OF_TRAINING) and not values:
            return
        for name, value in values.items():
            history.setdefault(name, [np.nan] * n_before).append(value)
        # What an earlier fit recorded, which had other sets, or a scorer that gave more before, was not recorded now.
        for name in history.keys() - values.keys() - set(OF_TRAINING):
            history[name].append(np.nan)

    def record_plain(self, losses: list[float], learning_rates: list[float], seconds: float) -> None:
        """Add epochs of which nothing but this is recorded, each of so many seconds."""
        self._losses += losses
        self._learning_rates += learning_rates
        self._seconds += [seconds] * len(losses)

    @property
    def records_training_only(self) -> bool:
        """Whether the history has no losses and scores of sets, not even those of earlier fits."""
        return len(self.history) == len(OF_TRAINING)

    def of_this_fit(self, name: str) -> NDArray:
        """Return the values that this fit has recorded under a name."""
        return np.array(self.history[name][self._n_before :])

    # ---- the estimator's copy ----------------------------------------------------------------------------------------

    def attributes(self) -> dict[str, Any]:
        """Return an estimator's attributes that say how far a fit has come."""
        found = {"history_": self.history, "n_iter_": self.epoch, "t_": self.n_samples_seen}
        if self.loss is not None:
            found["loss_"] = self.loss
        return found

    def copy_to(self, estimator: Any) -> None:
        """Set an estimator's attributes; lists are shared with it, and grow with the next epochs."""
        vars(estimator).update(self.attributes())


class MinibatchProgress(Progress):
    """How far a fit by minibatches has come.

    Parameters
    ----------
    rule : NoImprovement
        The best value so far, and how many epochs ago it was: of the loss, or of a score if the rule maximizes.
    order : SampleOrder
        The order in which the samples are visited, with the random numbers that decide of it.
    held_out : ndarray or None
        The indices of the samples that are not learned from; None where there are none.
    seed : int
        The seed of dropout, noise and augmentation.
    batch_size : int
        The number of samples in a minibatch.
    history, n_samples_seen
        As :class:`Progress` takes them.
    loss_curve : list of float, default=()
        The losses of the epochs before; the list grows by this fit's.
    scores : list of float, default=()
        The scores of the epochs before, by which the best epoch is found if the rule maximizes.

    Attributes
    ----------
    epoch, loss
        As those of :class:`Progress`.
    """

    def __init__(
        self,
        rule: NoImprovement,
        order: SampleOrder,
        *,
        held_out: NDArray | None,
        seed: int,
        batch_size: int,
        history: dict[str, list[float]],
        n_samples_seen: int = 0,
        loss_curve: list[float] | None = None,
        scores: list[float] | None = None,
    ) -> None:
        super().__init__(history, n_samples_seen)
        self.rule, self.order = rule, order
        self.held_out, self.seed, self.batch_size = held_out, seed, batch_size
        self.loss_curve = [] if loss_curve is None else loss_curve
        self.scores = [] if scores is None else scores
        self._n_curve = len(self.loss_curve)

    def count(self, losses: list[float]) -> None:
        """Count epochs with these losses, which are not empty."""
        self.epoch += len(losses)
        self.loss = losses[-1]
        self.n_samples_seen += len(losses) * self.order.n_samples
        self.loss_curve += losses

    @property
    def losses(self) -> list[float]:
        """The losses of this fit's epochs; callbacks may write to history, but not here."""
        return self.loss_curve[self._n_curve :]

    def attributes(self) -> dict[str, Any]:
        """Return an estimator's attributes that say how far a fit has come."""
        by_score = self.rule.maximize
        found = {
            "history_": self.history,
            "n_iter_": self.epoch,
            "t_": self.n_samples_seen,
            "loss_curve_": self.loss_curve,
            "best_loss_": None if by_score else self.rule.best,
            "validation_scores_": self.scores if by_score else None,
            "best_validation_score_": self.rule.best if by_score else None,
            "_no_improvement_count": self.rule.count,
            "_random_state": self.order.random_state,
        }
        if self.loss is not None:
            found["loss_"] = self.loss
        return found

    def freeze_in(self, estimator: Any) -> None:
        """Set a copied estimator's attributes to what they are now and stay, whatever the next epochs bring."""
        self.copy_to(estimator)
        estimator.history_ = {name: list(values) for name, values in self.history.items()}
        estimator.loss_curve_ = list(self.loss_curve)
        if estimator.validation_scores_ is not None:
            estimator.validation_scores_ = list(self.scores)
        estimator._random_state = copy.deepcopy(self.order.random_state)
