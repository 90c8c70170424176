"""Callbacks that find and change the learning rate."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit
from fastmlp.callbacks.monitor import Monitor
from fastmlp.exceptions import LearningRateWarning, warn_user
from fastmlp.registration import stored_as


@stored_as("callbacks.ReduceOnPlateau")
class ReduceOnPlateau(Monitor):
    """Multiplies the learning rate by a factor when a value has not got better for some epochs.

    Where the learning rate follows a schedule, the whole rest of the schedule becomes smaller by that factor. (The
    schedule of the same name follows the loss or the score that ends training, and needs no callback.) A value that is
    not a finite number is no better than one that is; epochs before the first finite one do not count.

    Parameters
    ----------
    monitor : str or None, default=None
        An entry of ``history_``. None is the loss of the first set of eval_set, or of the rows that early_stopping
        holds out; where there is neither, it is the loss of training.
    factor : float in (0, 1), default=0.1
        What the learning rate is multiplied by.
    patience : int >= 1, default=10
        The number of epochs in a row without an improvement after which the learning rate is reduced.
    min_delta : float >= 0, default=1e-4
        How much better a value must be to count as an improvement.
    mode : {'auto', 'min', 'max'}, default='auto'
        What is better; 'auto' is less of a loss, more of a score.
    cooldown : int >= 0, default=0
        The number of epochs after a reduction that do not count.
    min_learning_rate : float >= 0, default=0.0
        The smallest learning rate.

    Attributes
    ----------
    best_ : float
        The best value.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> from fastmlp.callbacks import ReduceOnPlateau
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> reg = MLPRegressor(
    ...     callbacks=[ReduceOnPlateau(factor=0.5, patience=3)],
    ...     learning_rate_init=0.05,
    ...     random_state=0,
    ...     n_iter_no_change=20,
    ... )
    >>> reg.fit(X, X.ravel()).history_["learning_rate"][-1] < 0.05
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **Monitor._parameter_constraints,
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "cooldown": [Interval(Integral, 0, None, closed="left")],
        "min_learning_rate": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        monitor: str | None = None,
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        mode: str = "auto",
        cooldown: int = 0,
        min_learning_rate: float = 0.0,
    ) -> None:
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.cooldown = cooldown
        self.min_learning_rate = min_learning_rate

    def on_fit_begin(self, fit: Fit) -> None:
        """Begin to wait for an improvement."""
        super().on_fit_begin(fit)
        self._since = fit.epoch

    def on_epoch_end(self, fit: Fit) -> None:
        """Reduce the learning rate when too many epochs have passed since an improvement, or since a cooldown."""
        if self.improves(fit):
            self._since = max(self._since, fit.epoch)
        elif self.best_ is None:
            self._since = fit.epoch
        elif fit.epoch - self._since >= self.patience:
            fit.learning_rate = max(fit.learning_rate * self.factor, min(self.min_learning_rate, fit.learning_rate))
            self._since = fit.epoch + self.cooldown


@stored_as("callbacks.LearningRateFinder")
class LearningRateFinder(Callback):
    """A range test before the fit: the loss of minibatches while the learning rate grows with each.

    It suggests a tenth of the learning rate at which the smoothed loss is smallest, since at that rate steps become too
    long for the loss to fall any further. The test is made on copies: the fit that follows begins as it would without
    the test. Source: Smith, Cyclical Learning Rates for Training Neural Networks, 2017.

    Parameters
    ----------
    min_rate, max_rate : float > 0, default=1e-6, 10.0
        The first and the last learning rate tried; each is larger than the one before by the same factor.
    n_steps : int >= 10, default=100
        The number of minibatches.
    smoothing : float > 0, default=3.0
        The standard deviation, in steps, of the bell curve by which losses are averaged.
    divergence : float > 1, default=4.0
        The test ends at the first loss that is more than so many times the smallest one before it.
    apply : bool, default=True
        Whether the fit takes the learning rate found in place of the optimizer's. It becomes the highest rate of a
        schedule, whose other rates change in proportion.

    Attributes
    ----------
    learning_rates_, losses_, smoothed_losses_ : ndarray
        The learning rates of the test and the losses, up to where the loss diverges.
    suggestion_ : float or None
        The learning rate found. Where the loss falls nowhere it is None, and a
        :class:`fastmlp.exceptions.LearningRateWarning` says so.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import LearningRateFinder
    >>> finder = LearningRateFinder()
    >>> clf = MLPClassifier(callbacks=[finder], max_iter=500, random_state=0).fit(*load_iris(return_X_y=True))
    >>> clf.history_["learning_rate"][0] == finder.suggestion_
    True
    >>> 1e-4 < finder.suggestion_ < 1
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "min_rate": [Interval(Real, 0, None, closed="neither")],
        "max_rate": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 10, None, closed="left")],
        "smoothing": [Interval(Real, 0, None, closed="neither")],
        "divergence": [Interval(Real, 1, None, closed="neither")],
        "apply": ["boolean"],
    }

    def __init__(
        self,
        min_rate: float = 1e-6,
        max_rate: float = 10.0,
        *,
        n_steps: int = 100,
        smoothing: float = 3.0,
        divergence: float = 4.0,
        apply: bool = True,
    ) -> None:
        self.min_rate = min_rate
        self.max_rate = max_rate
        self.n_steps = n_steps
        self.smoothing = smoothing
        self.divergence = divergence
        self.apply = apply

    def validate(self) -> LearningRateFinder:
        """Check the parameters; return self."""
        super().validate()
        if not self.min_rate < self.max_rate < np.inf:
            raise ValueError(
                f"LearningRateFinder needs min_rate < max_rate; got min_rate={self.min_rate}, max_rate={self.max_rate}."
            )
        return self

    def on_fit_begin(self, fit: Fit) -> None:
        """Make the test, and set the learning rate."""
        rates = np.geomspace(self.min_rate, self.max_rate, self.n_steps)
        losses = fit.range_test(rates)
        # The comparison is negated so that NaN counts as too much, as infinity does.
        too_much = ~(np.isfinite(losses) & (losses <= self.divergence * np.fmin.accumulate(np.abs(losses))))
        end = int(np.argmax(too_much)) if too_much.any() else self.n_steps
        self.learning_rates_, self.losses_ = rates[:end], losses[:end]
        steps = np.arange(end)
        bells = np.exp(-0.5 * ((steps[:, np.newaxis] - steps) / self.smoothing) ** 2)
        self.smoothed_losses_ = bells @ self.losses_ / bells.sum(axis=1)
        least = int(np.argmin(self.smoothed_losses_)) if end else 0
        self.suggestion_ = float(rates[least] / 10) if least else None
        if self.suggestion_ is None:
            warn_user(
                f"LearningRateFinder found no learning rate from {self.min_rate} to {self.max_rate} at which the loss"
                f" {'falls' if end else 'is a finite number'}; the optimizer's stays.",
                LearningRateWarning,
            )
        elif self.apply:
            fit.set_highest_learning_rate(self.suggestion_)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the learning rates, and where the suggestion lies.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        ax : matplotlib Axes

        Raises
        ------
        ValueError
            Before a fit.
        ImportError
            Without matplotlib.
        """
        if not hasattr(self, "learning_rates_"):
            raise ValueError("LearningRateFinder has nothing to plot before a fit.")
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                raise ImportError("plot needs matplotlib: pip install 'fastmlp[plot]'") from error
            ax = plt.subplots()[1]
        ax.plot(self.learning_rates_, self.losses_, alpha=0.4, label="loss")
        ax.plot(self.learning_rates_, self.smoothed_losses_, label="smoothed")
        if self.suggestion_ is not None:
            ax.axvline(self.suggestion_, linestyle="--", color="gray", label=f"suggestion {self.suggestion_:.2g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss of a minibatch")
        ax.legend()
        return ax
