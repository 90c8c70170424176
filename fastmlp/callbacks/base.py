"""The contract of a callback."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from fastmlp.callbacks.fit import Fit
from fastmlp.components import Component, listed, redefined

#: The methods by which a callback hears of a fit; only where one of the last two is defined, batches are told of.
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

    A subclass defines the hooks it wants; a hook that it does not define costs nothing. An exception in a hook ends the
    fit: the model then is what it was after the last epoch that came to its end, and the exception reaches the caller
    of ``fit``. What a callback keeps between epochs stands in its attributes, so that checkpoints hold it; a
    ``__getstate__`` of its own leaves out open files and the like.

    Attributes
    ----------
    hooks : frozenset of str
        The hooks that the class defines; it is found out when the class is made.

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

    #: Whether the callback may look at the model, change the learning rate or end the fit. One that only watches the
    #: numbers sets False: it may then hear of several short epochs at once, of each in its turn.
    steers: ClassVar[bool] = True
    #: Whether the callback is called after all others, when everything that an epoch changes has been changed.
    comes_last: ClassVar[bool] = False
    #: Whether the callback is there to find the right epoch to end with. The estimator's own rule, n_iter_no_change
    #: epochs without improvement, then leaves the end to it unless that parameter has been set, and says nothing at
    #: max_iter.
    decides_end: ClassVar[bool] = False

    hooks: ClassVar[frozenset[str]] = frozenset()
    # The methods that are named like hooks and are none.
    _misspelt: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.hooks = redefined(cls, Callback, HOOKS)
        methods = {name for base in cls.__mro__ for name in vars(base) if name.startswith("on_")}
        cls._misspelt = tuple(sorted(methods - set(HOOKS)))

    def validate(self) -> Self:
        """Check the parameters, and the names of methods that look like hooks; return self.

        Raises
        ------
        ValueError
            For a parameter that is wrong, or a method that is named like a hook and is none.
        """
        for name in self._misspelt:
            raise ValueError(f"{type(self).__name__}.{name} is no hook; hooks are {listed(name, HOOKS)}.")
        return super().validate()

    def on_fit_begin(self, fit: Fit) -> None:
        """Hear that a fit begins. Here a callback forgets what earlier fits left behind."""

    def on_fit_resume(self, fit: Fit) -> None:
        """Hear, instead, that a fit goes on from a checkpoint; this callback's attributes are as they were then."""

    def on_epoch_begin(self, fit: Fit) -> None:
        """Hear that an epoch begins."""

    def on_batch_begin(self, fit: Fit) -> None:
        """Hear that the minibatch fit.batch begins. Batches then go through Python one by one."""

    def on_batch_end(self, fit: Fit) -> None:
        """Hear that a minibatch has been learned from; fit.batch_loss is its loss."""

    def on_epoch_end(self, fit: Fit) -> None:
        """Hear that an epoch has ended; fit.history has its values."""

    def on_fit_end(self, fit: Fit) -> None:
        """Hear that the fit is over, whatever ended it; this is not called where on_fit_begin failed."""
