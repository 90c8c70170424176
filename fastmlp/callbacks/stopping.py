"""Callbacks that end a fit."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit, are_finite
from fastmlp.callbacks.monitor import Monitor
from fastmlp.registration import stored_as


@stored_as("callbacks.EarlyStopping")
class EarlyStopping(Monitor):
    """Ends the fit when a value has not got better for some epochs.

    The estimators' own rule leaves the end to this callback, and to max_iter: n_iter_no_change=10, the default, then
    ends no fit, with early_stopping or without. Set to another number, it holds beside this callback.

    A value that is not a finite number is never the best. Before the first finite value, patience does not run out. If
    none ever comes, the model is that of the last epoch, and a :class:`fastmlp.exceptions.UndefinedScoreWarning` says
    why.

    Parameters
    ----------
    monitor : str or None, default=None
        An entry of ``history_``, such as "validation_loss" or "validation_score". None is the loss of the first set of
        eval_set, or of the rows that early_stopping holds out; where there is neither, it is the loss of training.
    patience : int >= 1, default=10
        The number of epochs in a row without an improvement after which the fit ends.
    min_delta : float >= 0, default=0.0
        How much better a value must be to count as an improvement.
    mode : {'auto', 'min', 'max'}, default='auto'
        What is better; 'auto' is less of a loss, more of a score.
    restore_best : bool, default=True
        Whether the model becomes what it was after the best epoch, however the fit ends.

    Attributes
    ----------
    best_ : float or None
        The best value; None where there was no finite one.
    best_epoch_ : int
        The epoch of the best value, counted from 1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import EarlyStopping
    >>> X, X_val, y, y_val = train_test_split(*load_iris(return_X_y=True), random_state=0)
    >>> clf = MLPClassifier(callbacks=[EarlyStopping(patience=5)], learning_rate_init=0.01, random_state=0)
    >>> clf.fit(X, y, eval_set=(X_val, y_val)).n_iter_ < 200
    True
    >>> min(clf.history_["validation_loss"]) == clf.callbacks[0].best_
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **Monitor._parameter_constraints,
        "patience": [Interval(Integral, 1, None, closed="left")],
        "restore_best": ["boolean"],
    }
    decides_end = True

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.restore_best = restore_best

    def on_fit_begin(self, fit: Fit) -> None:
        """Begin to wait for an improvement."""
        super().on_fit_begin(fit)
        self.best_epoch_ = fit.epoch

    def on_epoch_end(self, fit: Fit) -> None:
        """Keep a better model, or end the fit when patience has run out."""
        before = self.best_
        if self.improves(fit):
            arrays = fit.arrays() if self.restore_best else {}
            if not are_finite(arrays):  # the epoch's last step made the weights infinite
                self.best_ = before
                return
            self.best_epoch_ = fit.epoch
            if self.restore_best:
                fit.end_with(arrays)
        elif self.best_ is not None and fit.epoch - self.best_epoch_ >= self.patience:
            fit.stop(
                f"{self.watched(fit)} has not got better for {self.patience} epochs; it was {self.best_} after epoch"
                f" {self.best_epoch_}."
            )


@stored_as("callbacks.TerminateOnNaN")
class TerminateOnNaN(Callback):
    """Ends the fit, with a warning, when the loss or a weight is no longer finite.

    The model then is the last one whose loss is known to be finite, which is that of the epoch before, or of the one
    before that; where early_stopping or another callback keeps the best model, it is the best one. The warning is a
    :class:`fastmlp.exceptions.DivergenceWarning`. Without this callback, and where nothing keeps a best epoch, such a
    fit raises an error, and leaves the estimator as it was before.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> from fastmlp.callbacks import TerminateOnNaN
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> reg = MLPRegressor(solver="sgd", learning_rate_init=1e6, callbacks=[TerminateOnNaN()], random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     bool(np.isfinite(reg.fit(X, X.ravel()).predict(X)).all())
    True
    """

    def on_fit_begin(self, fit: Fit) -> None:
        """Keep the model that the fit begins with."""
        self._good = self._last = fit.arrays()

    def on_fit_resume(self, fit: Fit) -> None:
        """Keep the model that the fit begins with."""
        self.on_fit_begin(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Keep the model, or have the fit end with the last one that was good."""
        arrays = fit.arrays()
        if np.isfinite(fit.value("loss")):
            self._good = self._last  # the epoch began with that model, whose loss is finite
            if are_finite(arrays):
                self._last = arrays
                return
        keeps_best = fit.ends_elsewhere
        if not keeps_best:
            fit.end_with(self._good)
        reason = (
            f"Epoch {fit.epoch} made loss or parameters infinite or NaN; the fit ends with"
            f" {'its best epoch' if keeps_best else 'the last model before it'}."
        )
        fit.stop(reason, diverged=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_good", "_last")}


def kept_epoch(estimator: Any) -> int | None:
    """Return the epoch whose model early stopping kept, counted from 1 in ``history_``; None where it kept none.

    An EarlyStopping with restore_best among the callbacks keeps its best epoch, and early_stopping=True keeps that of
    the best validation score, as scikit-learn's estimators do as well.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks.stopping import kept_epoch
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(early_stopping=True, random_state=0).fit(X, y)
    >>> clf.history_["validation_score"][kept_epoch(clf) - 1] == clf.best_validation_score_
    True
    """
    history: dict[str, list[float]] = getattr(estimator, "history_", {"loss": getattr(estimator, "loss_curve_", [])})
    n_epochs = len(history["loss"])
    for callback in reversed(getattr(estimator, "callbacks", None) or ()):
        if isinstance(callback, EarlyStopping) and callback.restore_best and getattr(callback, "best_epoch_", None):
            return n_epochs - estimator.n_iter_ + callback.best_epoch_
    scores = getattr(estimator, "validation_scores_", None)
    if not scores or np.isnan(scores).all():
        return None
    return n_epochs - len(scores) + int(np.nanargmax(scores)) + 1
