"""The side of a fit that is turned to its callbacks: it tells them of its course, and keeps what they decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.callbacks.base import HOOKS, Callback
from fastmlp.callbacks.fit import OF_TRAINING, Fit
from fastmlp.components import listed


class ObservedFit(Fit):
    """A fit with callbacks, whichever way it trains.

    A subclass trains. It says how far it is (``epoch``), what the learning rate, the network and the first loss are,
    and how it is saved.

    Parameters
    ----------
    callbacks : sequence of Callback
        Those that come last are called after all others.

    Attributes
    ----------
    end_is_decided : bool
        Whether a callback is there to end the fit.
    """

    # Whoever begins the fit sets these.
    estimator: Any
    max_epochs: int
    is_incremental: bool = False
    n_samples: int
    batch_size: int
    history: dict[str, list[float]]
    given: tuple[Any, Any]
    X: Any
    y: Any
    sample_weight: NDArray | None
    rows: Any
    targets: NDArray | None
    weights: NDArray | None

    # How losses of other rows come to be recorded; empty where there is no way.
    _how_of_other_rows: str = "early_stopping=True, or fit(X, y, eval_set=(X_val, y_val))"

    batch: int | None = None
    batch_loss: float = np.nan

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self._hearing = {hook: [each for each in self._callbacks if hook in each.hooks] for hook in HOOKS}
        self._begun: list[Callback] = []
        self._steered = any(callback.steers for callback in callbacks) or self.hears("on_epoch_begin")
        # The names of this fit's entries of history, and of those among them that are scores.
        self._recorded: set[str] = set()
        self._metrics: set[str] = set()
        # What the fit ends with, where a callback has said so.
        self._end: dict[str, NDArray] | None = None
        self.stopped = False
        self.stop_reason = ""
        self.diverged = False
        self.error: BaseException | None = None
        self.end_is_decided = any(callback.decides_end for callback in callbacks)

    # ---- what it tells callbacks -------------------------------------------------------------------------------------

    def hears(self, hook: str) -> bool:
        """Return whether any callback defines a hook."""
        return bool(self._hearing[hook])

    def tell(self, hook: str) -> None:
        """Call a hook of all callbacks; what one raises is kept in ``error``, and ends the fit."""
        for callback in self._hearing[hook] if self.error is None else ():
            try:
                getattr(callback, hook)(self)
            except Exception as error:
                self.error = error
                self.stopped = True
                return

    def begin(self, hook: str = "on_fit_begin") -> None:
        """Call on_fit_begin, or on_fit_resume, of all callbacks; what one raises reaches the caller."""
        for callback in self._callbacks:
            getattr(callback, hook)(self)
            self._begun.append(callback)

    def end(self) -> None:
        """Call on_fit_end of all callbacks that have begun; keep the first exception."""
        begun, self._begun = self._begun, []
        for callback in begun:
            try:
                callback.on_fit_end(self)
            except Exception as error:
                self.error = self.error or error

    # ---- what it has come to -----------------------------------------------------------------------------------------

    @property
    def n_batches(self) -> int:
        """The number of minibatches of an epoch."""
        return -(-self.n_samples // self.batch_size)

    @property
    def epoch_number(self) -> int:
        """The number of the last epoch, with partial_fit that among the epochs of all calls."""
        return len(self.history["loss"]) if self.is_incremental else self.epoch

    @property
    def is_resumable(self) -> bool:
        """Whether checkpoints of this fit can be written."""
        return True

    def latest(self) -> dict[str, float]:
        """Return the last epoch's entries of history, as far as this fit has made any."""
        return {name: values[-1] for name, values in self.history.items() if values and name in self._recorded}

    def value(self, name: str) -> float:
        """Return the last epoch's value of an entry of history; see :meth:`Fit.value`."""
        name = self.entry(name)
        if name not in self._recorded:
            how = ""
            if name.startswith("val") and self._recorded <= set(OF_TRAINING) and self._how_of_other_rows:
                how = f" Of other rows it is with {self._how_of_other_rows}."
            raise ValueError(f"{name!r} is not recorded in this fit; recorded are {listed(name, self._recorded)}.{how}")
        return self.history[name][-1]

    def entry(self, name: str) -> str:
        """Return the entry of history that a name means; "val_loss", as Keras calls it, means "validation_loss"."""
        ours = f"validation_{name.removeprefix('val_')}" if name.startswith("val_") else name
        return name if name in self._recorded or ours not in self._recorded else ours

    def maximizes(self, name: str) -> bool:
        """Return whether more of an entry of history is better, as it is of scores of scikit-learn's scorers."""
        return self.entry(name) in self._metrics

    def fitted(self) -> Any:
        """Return a copy of the estimator that predicts with the network as it is now, for columns in the same order."""
        fitted = self.estimator._with_network(self.network())
        fitted.__dict__.pop("feature_names_in_", None)  # the X of callbacks has no names
        return fitted

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what the fit changes in the network, for :meth:`end_with`."""
        return self.network().arrays()

    # ---- how it ends -------------------------------------------------------------------------------------------------

    def stop(self, reason: str = "", *, diverged: bool = False) -> None:
        """End the fit after this epoch, or after this batch; see :meth:`Fit.stop`."""
        self.stopped = True
        self.stop_reason = reason
        self.diverged = self.diverged or diverged

    @property
    def ends_elsewhere(self) -> bool:
        """Whether the fit ends with another network than that of the last epoch, as it does with early stopping."""
        return self._end is not None

    def end_with(self, arrays: Mapping[str, NDArray]) -> None:
        """Have the fit end with what :meth:`arrays` returned, rather than with what its last epoch leaves."""
        self._end = dict(arrays)
