"""The contract of a callback, and what it sees of a fit and may do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.components import Component, listed
from fastmlp.network import Network

#: What is recorded of every fit; no metric of an eval_set may have such a name.
OF_TRAINING = ("loss", "learning_rate", "seconds")

#: What a subclass may hear of; batches only where one of the last two is there.
HOOKS = (
    "on_fit_begin",
    "on_fit_resume",
    "on_epoch_begin",
    "on_epoch_end",
    "on_fit_end",
    "on_batch_begin",
    "on_batch_end",
)


class Callback(Component):
    """Something that watches a fit, and may steer it.

    A subclass defines the hooks it wants; what it does not define costs nothing. An exception in a hook ends the fit:
    the model then is what it was after the last epoch that came to its end, and the exception reaches the caller of
    ``fit``. What a callback keeps between epochs stands in its attributes, so that checkpoints hold it; open files and
    the like are left out by a ``__getstate__`` of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> from fastmlp.callbacks import Callback
    >>> class StopBelow(Callback):
    ...     def __init__(self, loss=0.1):
    ...         self.loss = loss
    ...     def on_epoch_end(self, fit):
    ...         if fit.value("loss") < self.loss:
    ...             fit.stop()
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> reg = MLPRegressor(callbacks=[StopBelow()], random_state=0, max_iter=1000).fit(X, X.ravel())
    >>> reg.history_["loss"][-2] >= 0.1 > reg.history_["loss"][-1]
    True
    """

    #: Whether it may look at the model, change the learning rate or end the fit. One that but watches the numbers sets
    #: False: it may hear of several short epochs at once, each in its turn.
    steers: ClassVar[bool] = True
    #: Whether it is called after all others, when everything an epoch changes has been changed.
    comes_last: ClassVar[bool] = False
    #: Whether it is there to find the right epoch to end with. Then the estimator's own rule, n_iter_no_change epochs
    #: without improvement, leaves the end to it unless that parameter has been set, and says nothing at max_iter.
    decides_end: ClassVar[bool] = False

    def validate(self) -> Self:
        """Return self, checked: its parameters, and that all its hooks are such.

        Raises
        ------
        ValueError
            Names the parameter and what it is, or a method that looks like a hook and is none.
        """
        for name in dir(type(self)):
            if name.startswith("on_") and name not in HOOKS:
                raise ValueError(f"{type(self).__name__}.{name} is no hook; hooks are {listed(name, HOOKS)}.")
        return super().validate()

    def on_fit_begin(self, fit: Fit) -> None:
        """Hear that a fit begins. What earlier fits left behind is to be forgotten here."""

    def on_fit_resume(self, fit: Fit) -> None:
        """Hear, instead, that a fit goes on from a checkpoint; this callback's attributes are as they were then."""

    def on_epoch_begin(self, fit: Fit) -> None:
        """Hear that an epoch begins."""

    def on_batch_begin(self, fit: Fit) -> None:
        """Hear that the minibatch fit.batch begins. Batches go through Python one by one then."""

    def on_batch_end(self, fit: Fit) -> None:
        """Hear that a minibatch has been learned from; fit.batch_loss is its loss."""

    def on_epoch_end(self, fit: Fit) -> None:
        """Hear that an epoch has ended; fit.history has its values."""

    def on_fit_end(self, fit: Fit) -> None:
        """Hear that the fit is over, whatever ended it; not called where on_fit_begin failed."""


class Fit:
    """A fit under way, as callbacks see it.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        As it is being fitted: its parameters hold, its weights are not set yet. See :meth:`fitted`.
    epoch : int
        Epochs finished, of this fit (iterations of solver='lbfgs').
    max_epochs : int
        Epochs at most.
    is_incremental : bool
        Whether this is partial_fit, a fit of one epoch.
    n_samples, batch_size, n_batches : int
        Rows trained on; rows of a minibatch, and minibatches of an epoch.
    batch, batch_loss : int, float
        In hooks for batches: its number within the epoch, from 0, and its loss.
    history : dict of str to list
        An element for each epoch, this one included: what will be ``history_``.
    given : tuple
        X and y as fit was given them.
    X, y, sample_weight
        What is learned from, as it has been validated; with early_stopping the rows held out are among them.
    rows, targets, weights
        The same in the engine's terms, weights with those of classes, as
        :meth:`fastmlp.network.Network.loss_and_gradients` takes them.
    """

    estimator: Any
    max_epochs: int
    is_incremental: bool = False
    n_samples: int
    batch_size: int
    batch: int | None = None
    batch_loss: float = np.nan
    history: dict[str, list[float]]
    given: tuple[Any, Any]
    X: Any
    y: Any
    sample_weight: NDArray | None
    rows: Any
    targets: NDArray
    weights: NDArray | None

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        ordered = sorted(callbacks, key=lambda callback: callback.comes_last)
        self._hearing = {
            hook: [c for c in ordered if getattr(type(c), hook) is not getattr(Callback, hook)] for hook in HOOKS
        }
        self._callbacks = ordered
        self._begun: list[Callback] = []
        self._steered = any(callback.steers for callback in ordered) or bool(self._hearing["on_epoch_begin"])
        # Names of this fit's entries, and of those among them that are scores.
        self._recorded: set[str] = set()
        self._metrics: set[str] = set()
        self._end: dict[str, NDArray] | None = None
        #: Whether the fit is to end, or has ended, and what was said of it.
        self.stopped = False
        self.stop_reason = ""
        #: Whether it has ended since it came to numbers that are not finite.
        self.diverged = False
        #: Whether a callback is there to end it.
        self.end_is_decided = any(callback.decides_end for callback in ordered)
        #: What a callback raised, or what else the fit failed with.
        self.error: BaseException | None = None

    # ---- what callbacks use ------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The number of finished epochs of this fit."""
        raise NotImplementedError

    @property
    def n_batches(self) -> int:
        """Minibatches of an epoch."""
        return -(-self.n_samples // self.batch_size)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, that of the next, and what a schedule makes of it changes along."""
        raise NotImplementedError

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        raise NotImplementedError

    @property
    def epoch_number(self) -> int:
        """The last epoch's number: of partial_fit among those of all calls, elsewhere that in the fit."""
        return len(self.history["loss"]) if self.is_incremental else self.epoch

    def latest(self) -> dict[str, float]:
        """Return the last epoch's entries of history, as far as this fit has made any."""
        return {name: values[-1] for name, values in self.history.items() if values and name in self._recorded}

    def value(self, name: str) -> float:
        """Return the last epoch's value of an entry of history.

        Raises
        ------
        ValueError
            For a name that is not there; it lists those that are.
        """
        name = self.entry(name)
        if name not in self._recorded:
            how = ""
            if name.startswith("val") and self._recorded <= set(OF_TRAINING):
                how = " Of other rows it is with early_stopping=True, or fit(X, y, eval_set=(X_val, y_val))."
            raise ValueError(f"{name!r} is not recorded in this fit; recorded are {listed(name, self._recorded)}.{how}")
        return self.history[name][-1]

    def entry(self, name: str) -> str:
        """Return the entry of history that a name means: "val_loss", as Keras calls it, is "validation_loss"."""
        ours = f"validation_{name.removeprefix('val_')}" if name.startswith("val_") else name
        return name if name in self._recorded or ours not in self._recorded else ours

    def maximizes(self, name: str) -> bool:
        """Return whether more of an entry of history is better: scores, as scikit-learn's scorers give them."""
        return self.entry(name) in self._metrics

    def stop(self, reason: str = "", *, diverged: bool = False) -> None:
        """End the fit after this epoch, or after this batch. The reason is printed if verbose is True.

        With diverged, it is given in a :class:`fastmlp.exceptions.DivergenceWarning` at the fit's end, too.
        """
        self.stopped = True
        self.stop_reason = reason
        self.diverged = self.diverged or diverged

    def network(self) -> Network:
        """Return a copy of the network as it is now, to predict with."""
        raise NotImplementedError

    def fitted(self) -> Any:
        """Return a copy of the estimator that predicts with the network as it is now, for columns in the same order."""
        fitted = self.estimator._with_network(self.network())
        fitted.__dict__.pop("feature_names_in_", None)  # X has none here
        return fitted

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what the fit changes in the network, for :meth:`end_with`."""
        return self.network().arrays()

    @property
    def ends_elsewhere(self) -> bool:
        """Whether the fit ends with another network than that of the last epoch, as early stopping has it."""
        return self._end is not None

    @property
    def first_loss(self) -> str:
        """The entry of history that there is reason to watch: the loss of the first set, if there is one."""
        raise NotImplementedError

    def set_highest_learning_rate(self, value: float) -> None:
        """Set the learning rate; where a schedule changes it, the highest that the schedule comes to in the fit."""
        raise NotImplementedError

    @property
    def is_resumable(self) -> bool:
        """Whether checkpoints of it can be written."""
        return True

    def end_with(self, arrays: Mapping[str, NDArray]) -> None:
        """Have the fit end with what :meth:`arrays` returned, rather than with what its last epoch leaves."""
        self._end = dict(arrays)

    def snapshot(self) -> Any:
        """Return a copy of the estimator that predicts as it does now, and whose ``resume`` goes on from here.

        Raises
        ------
        ValueError
            When the fit is none by minibatches.
        """
        raise NotImplementedError

    def save(self, path: Any) -> None:
        """Write a checkpoint, from which ``fastmlp.load(path).resume(X, y)`` goes on."""
        raise NotImplementedError

    def range_test(self, rates: ArrayLike) -> NDArray:
        """Return the loss of a minibatch for each learning rate in turn, a step being made with each.

        The network, the optimizer and the order of the rows are copies, so that the fit goes on as if nothing had been.

        Raises
        ------
        ValueError
            When the fit is none by minibatches, or its optimizer has no learning rate.
        """
        raise NotImplementedError

    # ---- what a fit does with callbacks ------------------------------------------------------------------------------

    def hears(self, hook: str) -> bool:
        """Return whether any callback has a hook."""
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
        """Call on_fit_end of the callbacks that have begun, all of them; keep the first exception."""
        begun, self._begun = self._begun, []
        for callback in begun:
            try:
                callback.on_fit_end(self)
            except Exception as error:
                self.error = self.error or error


def are_finite(arrays: Mapping[str, NDArray]) -> bool:
    """Return whether all numbers in what :meth:`Fit.arrays` returned are finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.callbacks.base import are_finite
    >>> are_finite({"params": np.array([0.0, np.inf])})
    False
    """
    return all(bool(np.isfinite(array).all()) for array in arrays.values())
