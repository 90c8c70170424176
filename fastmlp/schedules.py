"""Learning-rate schedules: what happens to an optimizer's learning rate after an epoch and on a plateau."""

from typing import Protocol


class HasLearningRate(Protocol):
    """An optimizer, as far as a schedule is concerned."""

    learning_rate: float
    learning_rate_init: float


class Constant:
    """The learning rate stays; a plateau ends training.

    Attributes
    ----------
    every_epoch : bool
        Whether the learning rate may change after any epoch, rather than on a plateau only.

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import Constant
    >>> Constant().on_plateau(Descent(SGD(0.1)))
    (True, 'Stopping.')
    """

    every_epoch = False

    def after_epoch(self, optimizer: HasLearningRate, n_samples_seen: int) -> None:
        """Adjust the learning rate after an epoch; n_samples_seen counts from the first fit on."""

    def on_plateau(self, optimizer: HasLearningRate) -> tuple[bool, str]:
        """Whether to stop now that nothing improves any more, and what to tell the user."""
        return True, "Stopping."


class InvScaling(Constant):
    """learning_rate_init / (n_samples_seen + 1)^power_t, set after every epoch.

    Parameters
    ----------
    power_t : float, default=0.5

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import InvScaling
    >>> sgd = Descent(SGD(0.1))
    >>> InvScaling().after_epoch(sgd, 99)
    >>> sgd.learning_rate
    0.01
    """

    every_epoch = True

    def __init__(self, power_t: float = 0.5) -> None:
        self.power_t = power_t

    def after_epoch(self, optimizer: HasLearningRate, n_samples_seen: int) -> None:
        """Set the learning rate from the samples seen so far."""
        optimizer.learning_rate = float(optimizer.learning_rate_init) / (n_samples_seen + 1) ** self.power_t


class Adaptive(Constant):
    """A fifth of the learning rate on every plateau; training ends when it has come down to 1e-6.

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import Adaptive
    >>> Adaptive().on_plateau(Descent(SGD(0.1)))
    (False, 'Setting learning rate to 0.020000')
    """

    def on_plateau(self, optimizer: HasLearningRate) -> tuple[bool, str]:
        """Divide the learning rate by five, or stop."""
        if optimizer.learning_rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        optimizer.learning_rate /= 5.0
        return False, f"Setting learning rate to {optimizer.learning_rate:f}"


#: Names the estimators know; each is called with power_t where it takes it.
SCHEDULES = {"constant": Constant, "invscaling": InvScaling, "adaptive": Adaptive}
