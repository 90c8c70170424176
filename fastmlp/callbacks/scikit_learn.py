"""The callback that passes a fit on to scikit-learn's own callbacks, which ``set_callbacks`` takes."""

from __future__ import annotations

from typing import Any

from sklearn.callback import CallbackContext

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit


class ScikitLearnCallbacks(Callback):
    """Passes a fit's epochs on to the callbacks of an estimator's context, each as a task of the fit.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The context of the fit.
    """

    def __init__(self, context: CallbackContext) -> None:
        self.context = context

    def on_fit_begin(self, fit: Fit) -> None:
        """Begin the task that the whole fit is."""
        self.context.call_on_fit_task_begin(**self._arguments(fit))

    def on_fit_resume(self, fit: Fit) -> None:
        """Begin the task that the rest of the fit is."""
        self.on_fit_begin(fit)

    def on_epoch_begin(self, fit: Fit) -> None:
        """Begin the task that an epoch is."""
        self._epoch = self.context.subcontext(task_name="epoch").call_on_fit_task_begin(**self._arguments(fit))

    def on_epoch_end(self, fit: Fit) -> None:
        """End the task that an epoch is; one of scikit-learn's callbacks may end the fit."""
        if self._epoch.call_on_fit_task_end(**self._arguments(fit)):
            fit.stop()

    def on_fit_end(self, fit: Fit) -> None:
        """End the task that the whole fit is."""
        self.context.call_on_fit_task_end(**self._arguments(fit))

    @staticmethod
    def _arguments(fit: Fit) -> dict[str, Any]:
        return {
            "estimator": fit.estimator,
            "X": fit.given[0],
            "y": fit.given[1],
            "metadata": None if fit.sample_weight is None else {"sample_weight": fit.sample_weight},
            # scikit-learn calls this when a callback asks for a fitted estimator: a copy with these attributes.
            "reconstruction_attributes": lambda: vars(fit.fitted()),
        }
