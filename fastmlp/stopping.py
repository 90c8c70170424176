"""When to stop: no improvement for a number of epochs."""

import math


class NoImprovement:
    """Counts the epochs in a row in which a value got better by less than tol.

    Parameters
    ----------
    tol : float
        What counts as an improvement.
    patience : int or inf
        ``exhausted`` after more than this many epochs without one.
    maximize : bool
        Whether larger is better.
    best : float, default=None
        Best value so far; None for none yet.
    count : int, default=0
        Epochs without improvement so far.

    Examples
    --------
    >>> from fastmlp.stopping import NoImprovement
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
        """Take an epoch's value in; True when it is the best so far. NaN is neither better nor worse."""
        sign = 1 if self.maximize else -1
        gain, best = sign * value, sign * self.best
        self.count = self.count + 1 if gain < best + self.tol else 0
        if gain > best:
            self.best = value
            return True
        return False

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.count > self.patience

    @property
    def epochs_left(self) -> float:
        """How many more values it takes at least to exhaust it."""
        return self.patience + 1 - self.count
