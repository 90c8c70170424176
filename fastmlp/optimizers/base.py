"""The contract of an optimizer that takes a step at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.components import Component, redefined
from fastmlp.schedules import SCHEDULES, Schedule

State = dict[str, Any]

#: A number, or what gives it for a step, counted from 0.
Schedulable = float | Callable[[int], float]

POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
BELOW_ONE = Interval(Real, 0, 1, closed="left")
UP_TO_ONE = Interval(Real, 0, 1, closed="both")


class Optimizer(Component):
    """A rule that turns gradients into new parameters, a step at a time.

    A subclass gives two methods, ``init`` and ``step``; what its state is, only these two know. Its parameter
    ``learning_rate``, if it has one, may be a schedule: ``step`` then finds the learning rate of the step there.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def __init__(self, learning_rate=0.1):
    ...         self.learning_rate = learning_rate
    ...     def init(self, params):
    ...         return None
    ...     def step(self, params, grads, state):
    ...         for w, g in zip(params, grads):
    ...             w -= self.learning_rate * np.sign(g)
    >>> w = np.array([1.0, 2.0])
    >>> rule = SignDescent()
    >>> rule.step([w], [np.array([3.0, -0.5])], rule.init([w]))
    >>> w
    array([0.9, 2.1])
    """

    _parameter_constraints: ClassVar[dict] = {"learning_rate": [POSITIVE, callable]}

    def _hint(self, name: str, value: Any) -> str:
        if isinstance(value, str) and callable in self._parameter_constraints.get(name, ()):
            schedule = SCHEDULES.get(SCHEDULES.canonical(value))
            return "" if schedule is None else f"Give an object instead of its name: {schedule.__name__}()."
        return super()._hint(name, value)

    #: A number or a callable of the 0-based step, such as a schedule; a rule without a learning rate has 0.
    learning_rate: Schedulable = 0.0

    #: The name of the fused rule; None where there is none.
    rule: str | None = None

    #: Whether the rule predicts with other parameters than it trains: whether it defines ``evaluation_params``.
    evaluates_elsewhere: ClassVar[bool] = False

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.evaluates_elsewhere = bool(redefined(cls, Optimizer, ["evaluation_params"]))

    def init(self, params: list[NDArray]) -> Any:
        """Return the state before the first step."""
        raise NotImplementedError

    def step(self, params: list[NDArray], grads: list[NDArray], state: Any) -> None:
        """Update params and state in place.

        Raises
        ------
        ValueError
            For gradients or a state of other shapes than the parameters; none of these has changed then. The optimizers
            of this package do so; an optimizer of your own need not.
        """
        raise NotImplementedError

    def rates(self, steps: NDArray) -> NDArray:
        """Return the learning rates of steps (0-based)."""
        return self.over("learning_rate", steps)

    def over(self, parameter: str, steps: NDArray) -> NDArray:
        """Return the values of a parameter that may be scheduled, for steps (0-based).

        Raises
        ------
        ValueError
            When the value of a step is not finite, less than 0, or larger than the parameter may be.
        """
        given = getattr(self, parameter)
        try:
            values = _called(given, steps) if callable(given) else given
        except Exception as error:
            error.add_note(f"Raised by {parameter}={given!r} of {type(self).__name__}.")
            raise
        values = np.broadcast_to(np.asarray(values, dtype=np.float64), steps.shape)
        constraints = self._parameter_constraints.get(parameter, ())
        most = max((c.right for c in constraints if isinstance(c, Interval) and c.right is not None), default=np.inf)
        bad = ~(np.isfinite(values) & (values >= 0) & (values <= most))
        if bad.any():
            limits = "of at least 0" if most == np.inf else f"from 0 to {most}"
            raise ValueError(
                f"The '{parameter}' parameter of {type(self).__name__} must give finite numbers {limits}. Got"
                f" {values[bad][0]} for step {steps[bad][0]} instead."
            )
        return values

    def bound(self, n_steps: int, steps_per_epoch: int) -> Self:
        """Return a copy whose schedules know how many steps a fit and an epoch have."""
        bound = copy.copy(self)
        for name, value in self.get_params(deep=False).items():
            if hasattr(value, "bound"):
                setattr(bound, name, value.bound(n_steps, steps_per_epoch))
        return bound

    def evaluation_params(self, params: list[NDArray], state: Any) -> list[NDArray]:
        """Return the parameters to predict with, which are the trained ones unless a rule defines this method."""
        return params


class Fused(Optimizer):
    """An optimizer whose rule the native engine has as well, in one pass over gradients, moments and weights.

    ``rule`` names it (a line in src_c/tables/rules.def), ``hyper`` gives its numbers in the order given there, and
    ``n_slots`` says how many arrays of state it keeps for each array of parameters. ``step`` is the rule in NumPy, slow
    and obvious; the fused rule is tested against it. A subclass with a step of its own has no fused rule unless it
    names one.

    The state is a dict: ``step`` is the number of updates made, and ``slots`` has for each of the rule's moments a list
    of arrays shaped like the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import SGD
    >>> SGD(learning_rate=lambda step: 0.1 / (1 + step), momentum=0.5).hyper(np.arange(2), np.array([0.1, 0.05]))
    array([[0.1 , 0.5 ],
           [0.05, 0.5 ]])
    """

    n_slots: int = 0

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "step" in vars(cls) and "rule" not in vars(cls):
            cls.rule = None

    def init(self, params: list[NDArray]) -> State:
        """Return the state before the first step: all slots are zeros."""
        return {"step": 0, "slots": [[np.zeros_like(p) for p in params] for _ in range(self.n_slots)]}

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return the fused rule's hyperparameters: a row for each step, or one row for all.

        Parameters
        ----------
        steps : ndarray of int of shape (n_steps,)
            The numbers of the steps, counted from 0, ascending by 1.
        rates : ndarray of float of shape (n_steps,)
            The learning rates of these steps.

        Returns
        -------
        hyper : ndarray of shape (n_steps, n_hyper) or (1, n_hyper)
        """
        raise NotImplementedError

    @property
    def varies(self) -> bool:
        """Whether ``hyper`` may differ from step to step while the learning rate stays."""
        return any(map(callable, self.get_params(deep=False).values()))

    def _next_hyper(self, params: list[NDArray], grads: list[NDArray], state: State) -> list[float]:
        """Count a step, if it can be made, and return its hyperparameters."""
        check_step(params, grads, state)
        steps = np.array([state["step"]])
        state["step"] += 1
        return self.hyper(steps, self.rates(steps))[0].tolist()


def check_step(params: list[NDArray], grads: list[NDArray], state: State, kept: list[NDArray] | None = None) -> None:
    """Refuse a step that would fail half-way, or would broadcast one number of a gradient to several parameters.

    Raises
    ------
    ValueError
        Unless params are arrays of a floating type, grads are arrays of the same shapes, and each slot of the state is
        a list of such arrays. Where not all parameters have a state, ``kept`` are those that have one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers.base import check_step
    >>> check_step([np.ones(3)], [np.ones(1)], {"step": 0, "slots": []})
    Traceback (most recent call last):
    ...
    ValueError: grads must be arrays of the shapes of params, [(3,)]; got [(1,)].
    """
    if not all(isinstance(w, np.ndarray) and w.dtype.kind == "f" and w.flags.writeable for w in params):
        raise ValueError("params must be a list of arrays of a floating type, which can be written to.")
    shapes = [w.shape for w in params]
    found = [g.shape if isinstance(g, np.ndarray) else type(g) for g in grads]
    if found != shapes:
        raise ValueError(f"grads must be arrays of the shapes of params, {shapes}; got {found}.")
    if not isinstance(state, dict) or not {"step", "slots"} <= set(state):
        raise ValueError(f"state must be what init(params) returned; got {state!r}.")
    of_state = shapes if kept is None else [w.shape for w in kept]
    if any([getattr(each, "shape", None) for each in slot] != of_state for slot in state["slots"]):
        raise ValueError(f"state must be what init(params) returned for params of the shapes {shapes}.")


def rows(*columns: Any) -> NDArray:
    """Return numbers and arrays of one length as the columns of a matrix, which has one row if all are numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers.base import rows
    >>> rows(0.5, np.array([1.0, 2.0]))
    array([[0.5, 1. ],
           [0.5, 2. ]])
    """
    matrix = np.empty((max(map(np.size, columns)), len(columns)))
    for i, column in enumerate(columns):
        matrix[:, i] = column
    return matrix


def _called(schedule: Callable, steps: NDArray) -> Any:
    """Return the values of a schedule for an array of steps; any other callable is called for each step."""
    return schedule(steps) if isinstance(schedule, Schedule) else [schedule(step) for step in steps.tolist()]
