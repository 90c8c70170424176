"""The contract of a minibatch optimizer."""

from typing import Any

from numpy import zeros_like
from numpy.typing import NDArray

from fastmlp.schedules import Constant

State = dict[str, Any]


class Optimizer:
    """A rule that turns gradients into new parameters, a minibatch at a time.

    A subclass gives ``step``, the rule in NumPy: slow, obvious, and what the fused rule in C is tested against.
    ``rule`` names the latter (a line in src_c/updates.def) and ``hyper`` its numbers, in the order given there.

    State is a dict: ``step``, the number of updates made, and ``slots``, for each of the rule's moments a list of
    arrays shaped like the parameters.

    Parameters
    ----------
    learning_rate_init : float
        The learning rate to begin with.
    schedule : fastmlp.schedules.Constant or a subclass of it, default=None
        What changes the learning rate after an epoch or on a plateau; None is Constant().
    """

    n_slots: int = 0

    def __init__(self, learning_rate_init: float, schedule: Constant | None = None) -> None:
        self.learning_rate_init = learning_rate_init
        self.learning_rate = float(learning_rate_init)
        self.schedule = schedule or Constant()
        self.state: State | None = None

    @property
    def rule(self) -> str:
        """Name of the fused rule."""
        raise NotImplementedError

    def hyper(self) -> tuple[float, ...]:
        """Return the fused rule's hyperparameters."""
        raise NotImplementedError

    def init(self, params: list[NDArray]) -> State:
        """Return the state before the first step."""
        return {"step": 0, "slots": [[zeros_like(p) for p in params] for _ in range(self.n_slots)]}

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        raise NotImplementedError
