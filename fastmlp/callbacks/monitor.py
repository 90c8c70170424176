"""The base of callbacks that wait for a value to get better."""

from __future__ import annotations

import math
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit


class Monitor(Callback):
    """Follows one entry of a fit's history, and knows its best value.

    A value that is not a finite number is never better. Before the first finite value there is nothing to improve, and
    a subclass waits.

    Parameters
    ----------
    monitor : str or None, default=None
        An entry of ``history_``. None is the loss of the first set of eval_set, or of the rows that early_stopping
        holds out; where there is neither, it is the loss of training.
    mode : {'auto', 'min', 'max'}, default='auto'
        What is better; 'auto' is less of a loss, more of a score.
    min_delta : float >= 0, default=0.0
        How much better a value must be to count as better.
    """

    _parameter_constraints: ClassVar[dict] = {
        "monitor": [str, None],
        "mode": [StrOptions({"auto", "min", "max"})],
        "min_delta": [Interval(Real, 0, None, closed="left")],
    }

    monitor: str | None = None
    mode: str = "auto"
    min_delta: float = 0.0
    #: The best value so far; None before the first finite one.
    best_: float | None

    def on_fit_begin(self, fit: Fit) -> None:
        """Forget the best value of an earlier fit."""
        self.best_ = None

    def on_fit_resume(self, fit: Fit) -> None:
        """Begin anew if this callback was not there when the checkpoint was written."""
        if not hasattr(self, "best_"):
            self.on_fit_begin(fit)

    def watched(self, fit: Fit) -> str:
        """Return the name of the entry that this callback follows."""
        return fit.first_loss if self.monitor is None else fit.entry(self.monitor)

    def improves(self, fit: Fit) -> bool:
        """Look at the last epoch's value; return whether it is better than all before. NaN and infinity never are."""
        name = self.watched(fit)
        value = fit.value(name)
        maximize = fit.maximizes(name) if self.mode == "auto" else self.mode == "max"
        if not math.isfinite(value):
            return False
        gain = 0.0 if self.best_ is None else (value - self.best_ if maximize else self.best_ - value)
        if self.best_ is not None and not gain > self.min_delta:
            return False
        self.best_ = value
        return True
