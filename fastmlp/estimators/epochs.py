"""What an estimator needs that learns epoch by epoch, whatever it is: callbacks, the progress bar, what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from fastmlp.callbacks import Callback, Fit, ProgressBar, ScikitLearnCallbacks
from fastmlp.estimators.base import Estimator


class LearnsByEpochs(Estimator):
    """The base of estimators with the parameters ``callbacks``, ``verbose`` and ``max_iter``."""

    callbacks: Sequence[Any] | None
    verbose: Any
    max_iter: int

    def _told_of_errors(self, fit: Fit) -> Self:
        """Return self, now that everything has been done, unless a callback raised an exception: then raise it."""
        if fit.error is not None:
            raise fit.error
        return self

    @property
    def _prints(self) -> bool:
        """Whether a line is printed for each epoch; verbose=1 is for the progress bar."""
        return bool(self.verbose) and (self.verbose != 1 or isinstance(self.verbose, bool | np.bool_))

    def _callbacks(self) -> list[Callback]:
        """Return the callbacks of a fit: the user's, checked, and scikit-learn's."""
        callbacks = list(self.callbacks or ())
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise ValueError(f"callbacks must be objects of fastmlp.callbacks.Callback; got {callback!r}.")
            callback.validate()
        if hasattr(self, "_callback_fit_ctx"):
            callbacks.append(ScikitLearnCallbacks(self._callback_fit_ctx))
        return callbacks

    def _bar(self) -> list[Callback]:
        """Return the progress bar that verbose=1 asks for, unless the user has given one."""
        is_asked_for = self.verbose == 1 and not isinstance(self.verbose, bool | np.bool_)
        has_bar = any(isinstance(callback, ProgressBar) for callback in self.callbacks or ())
        return [ProgressBar()] if is_asked_for and not has_bar else []

    def _announce_epochs(self) -> None:
        """Tell scikit-learn's callbacks, if there are any, how many epochs there are at most."""
        if hasattr(self, "_skl_callbacks"):
            self._init_callback_context(max_subtasks=self._max_epochs)

    @property
    def _max_epochs(self) -> int:
        """The largest number of epochs."""
        return self.max_iter
