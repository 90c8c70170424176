"""When a fit is to stop, since for a number of epochs nothing has improved."""

import math

#: The default of the estimators' n_iter_no_change, scikit-learn's.
N_ITER_NO_CHANGE = 10


class NoImprovement:
    """A rule that counts the epochs in a row in which a value got better by less than tol.

    A value that is no finite number is never the best. It counts as one that is no better, once there has been a best;
    before, it counts for nothing: as long as nothing can be judged, patience does not run out.

    Parameters
    ----------
    tol : float
        The least that counts as an improvement.
    patience : int or inf
        The rule is ``exhausted`` after more than this many epochs without an improvement.
    maximize : bool
        Whether larger is better.
    best : float, default=None
        The best value so far; None for none yet.
    count : int, default=0
        The number of epochs without improvement so far.

    Examples
    --------
    >>> from fastmlp.fitting.stopping import NoImprovement
    >>> rule = NoImprovement(tol=0.1, patience=1, maximize=False)
    >>> [(rule.update(loss), rule.exhausted) for loss in (1.0, 0.5, 0.49, 0.48)]
    [(True, False), (True, False), (True, False), (True, True)]
    """

    def __init__(
        self, tol: float, patience: float, *, maximize: bool, best: float | None = None, count: int = 0
    ) -> None:
        self.tol = tol
        self.patience = patience
        self.maximize = maximize
        worst = -math.inf if maximize else math.inf
        self.best = worst if best is None else best
        self.count = count

    def update(self, value: float) -> bool:
        """Take an epoch's value in; True when it is the best so far."""
        sign = 1 if self.maximize else -1
        gain, best = sign * value, sign * self.best
        if best < gain < math.inf:
            self.count = self.count + 1 if gain < best + self.tol else 0
            self.best = value
            return True
        if math.isfinite(value):
            self.count = self.count + 1 if gain < best + self.tol else 0
        else:
            self.count += self.has_best
        return False

    @property
    def has_best(self) -> bool:
        """Whether there has been a value that is a finite number."""
        return math.isfinite(self.best)

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.count > self.patience

    @property
    def epochs_left(self) -> float:
        """The least number of further values that exhaust the rule."""
        return self.patience + 1 - self.count
