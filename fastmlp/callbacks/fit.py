"""What a callback sees of a fit, and may do to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.network import Network

#: The entries of history_ that every fit has; no metric of an eval_set may have such a name.
OF_TRAINING = ("loss", "learning_rate", "seconds")


@runtime_checkable
class Fit(Protocol):
    """A fit under way, as callbacks see it.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        The estimator as it is being fitted: its parameters hold, its weights are not set yet. See :meth:`fitted`.
    epoch : int
        The number of finished epochs of this fit; with solver='lbfgs' it is that of finished iterations.
    max_epochs : int
        The largest number of epochs.
    epoch_number : int
        The number of the last epoch: with partial_fit that among the epochs of all calls, otherwise that in this fit.
    is_incremental : bool
        Whether this is partial_fit, a fit of one epoch.
    is_resumable : bool
        Whether checkpoints of this fit can be written.
    n_samples, batch_size, n_batches : int
        The number of rows trained on, the number of rows of a minibatch, and the number of minibatches of an epoch.
    batch, batch_loss : int, float
        In the hooks for batches, the number of the batch within the epoch, from 0, and its loss.
    learning_rate : float
        The learning rate of the last step. Set, it is that of the next step, and the rates of a schedule change in
        proportion.
    history : dict of str to list
        An element for each epoch, this one included; it will be ``history_``.
    first_loss : str
        The entry of history that there is most reason to watch: the loss of the first set, if there is one.
    stopped, stop_reason : bool, str
        Whether the fit is to end, or has ended, and what was said of it.
    diverged : bool
        Whether the fit has ended since it came to numbers that are not finite.
    ends_elsewhere : bool
        Whether the fit ends with another network than that of the last epoch, as it does with early stopping.
    error : BaseException or None
        What a callback raised, or what else the fit failed with.
    given : tuple
        X and y as fit was given them.
    X, y, sample_weight
        The validated samples that are learned from; with early_stopping the rows held out are among them.
    rows, targets, weights
        The same samples in the engine's terms, as :meth:`fastmlp.network.Network.loss_and_gradients` takes them. The
        targets are None where they are the rows themselves. The weights include those of the classes.
    """

    estimator: Any
    max_epochs: int
    is_incremental: bool
    n_samples: int
    batch_size: int
    batch: int | None
    batch_loss: float
    history: dict[str, list[float]]
    stopped: bool
    stop_reason: str
    diverged: bool
    error: BaseException | None
    given: tuple[Any, Any]
    X: Any
    y: Any
    sample_weight: NDArray | None
    rows: Any
    targets: NDArray | None
    weights: NDArray | None

    # ---- how far it is -----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def epoch(self) -> int:
        """The number of finished epochs of this fit."""

    @property
    @abstractmethod
    def epoch_number(self) -> int:
        """The number of the last epoch, with partial_fit that among the epochs of all calls."""

    @property
    @abstractmethod
    def n_batches(self) -> int:
        """The number of minibatches of an epoch."""

    @property
    @abstractmethod
    def is_resumable(self) -> bool:
        """Whether checkpoints of this fit can be written."""

    # ---- what it has come to -----------------------------------------------------------------------------------------

    @abstractmethod
    def latest(self) -> dict[str, float]:
        """Return the last epoch's entries of history, as far as this fit has made any."""

    @abstractmethod
    def value(self, name: str) -> float:
        """Return the last epoch's value of an entry of history.

        Raises
        ------
        ValueError
            For a name that history does not have; the message lists those that it has.
        """

    @abstractmethod
    def entry(self, name: str) -> str:
        """Return the entry of history that a name means; "val_loss", as Keras calls it, means "validation_loss"."""

    @abstractmethod
    def maximizes(self, name: str) -> bool:
        """Return whether more of an entry of history is better, as it is of scores of scikit-learn's scorers."""

    @property
    @abstractmethod
    def first_loss(self) -> str:
        """The entry of history that there is most reason to watch: the loss of the first set, if there is one."""

    @abstractmethod
    def network(self) -> Network:
        """Return a copy of the network as it is now, to predict with."""

    @abstractmethod
    def fitted(self) -> Any:
        """Return a copy of the estimator that predicts with the network as it is now, for columns in the same order."""

    # ---- the learning rate -------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def learning_rate(self) -> float:
        """The learning rate of the last step; set, it is that of the next, and a schedule changes in proportion."""

    @learning_rate.setter
    @abstractmethod
    def learning_rate(self, value: float) -> None: ...

    @abstractmethod
    def set_highest_learning_rate(self, value: float) -> None:
        """Set the learning rate or, where a schedule changes it, the highest rate of the schedule in this fit."""

    @abstractmethod
    def range_test(self, rates: ArrayLike) -> NDArray:
        """Return the loss of a minibatch for each learning rate in turn, after a step with each.

        The network, the optimizer and the order of the rows are copies, so that the fit goes on as if there had been no
        test.

        Parameters
        ----------
        rates : array-like of shape (n_steps,)

        Returns
        -------
        losses : ndarray of shape (n_steps,)

        Raises
        ------
        ValueError
            When the fit is not by minibatches, or its optimizer has no learning rate.
        """

    # ---- how it ends -------------------------------------------------------------------------------------------------

    @abstractmethod
    def stop(self, reason: str = "", *, diverged: bool = False) -> None:
        """End the fit after this epoch, or after this batch.

        Parameters
        ----------
        reason : str, default=""
            It is printed if verbose is True.
        diverged : bool, default=False
            Whether the reason is also given in a :class:`fastmlp.exceptions.DivergenceWarning` at the end of the fit.
        """

    @property
    @abstractmethod
    def ends_elsewhere(self) -> bool:
        """Whether the fit ends with another network than that of the last epoch, as it does with early stopping."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what the fit changes in the network, for :meth:`end_with`."""

    @abstractmethod
    def end_with(self, arrays: Mapping[str, NDArray]) -> None:
        """Have the fit end with what :meth:`arrays` returned, rather than with what its last epoch leaves."""

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    @abstractmethod
    def snapshot(self) -> Any:
        """Return a copy of the estimator that predicts as it does now, and whose ``resume`` goes on from here.

        Raises
        ------
        ValueError
            When the fit is not by minibatches.
        """

    @abstractmethod
    def save(self, path: Any) -> None:
        """Write a checkpoint, from which ``fastmlp.load(path).resume(X, y)`` goes on."""


def are_finite(arrays: Mapping[str, NDArray]) -> bool:
    """Return whether all numbers in what :meth:`Fit.arrays` returned are finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.callbacks.fit import are_finite
    >>> are_finite({"params": np.array([0.0, np.inf])})
    False
    """
    return all(bool(np.isfinite(array).all()) for array in arrays.values())
