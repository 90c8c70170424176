"""Schedules that go from one rate to another by a formula, and stay there."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.registration import stored_as
from fastmlp.schedules.base import COUNT, DECAY, POSITIVE, RATE, Paced, Timed, are_steps


@stored_as("schedules.StepDecay")
class StepDecay(Paced):
    """learning_rate factor^k, where k = floor(step / every), or the number of milestones reached.

    PyTorch calls it StepLR, and MultiStepLR with milestones. Source: He et al., "Deep residual learning for image
    recognition", CVPR 2016, who divide by ten after 32,000 and 48,000 steps.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    every : int >= 1, default=1000
        The number of steps from one reduction to the next.
    factor : float in (0, 1], default=0.1
        What each reduction multiplies the rate by.
    milestones : array-like of int >= 0 or None, default=None
        The steps at which the rate is reduced, in place of ``every``; a step that is listed twice counts twice.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import StepDecay
    >>> StepDecay(1.0, every=2, factor=0.5)(range(5))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    >>> StepDecay(1.0, milestones=[1, 4], factor=0.5)(range(5))
    array([1.  , 0.5 , 0.5 , 0.5 , 0.25])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Paced._parameter_constraints,
        "every": [COUNT],
        "factor": [DECAY],
        "milestones": ["array-like", None],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        every: int = 1000,
        *,
        factor: float = 0.1,
        milestones: ArrayLike | None = None,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, per=per)
        self.every = every
        self.factor = factor
        self.milestones = milestones

    def validate(self) -> Self:
        """Check the parameters; return self. See :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        if self.milestones is not None and (not are_steps(self.milestones) or np.ndim(self.milestones) != 1):
            raise ValueError(
                "The 'milestones' parameter of StepDecay must be a list of ints, each 0 or more. Got"
                f" {self.milestones!r} instead."
            )
        return self

    def _rates_at(self, position: NDArray) -> Any:
        if self.milestones is None:
            n_reached = position // self.every
        else:
            n_reached = np.searchsorted(np.sort(self.milestones), position, side="right")
        return self.learning_rate * np.power(float(self.factor), n_reached)


@stored_as("schedules.Exponential")
class Exponential(Paced):
    """learning_rate factor^step.

    PyTorch calls it ExponentialLR. Source: Li, Zhuang & Orabona, "A second look at exponential and cosine step sizes:
    simplicity, adaptivity, and performance", ICML 2021.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    factor : float in (0, 1], default=0.999
        What each step multiplies the rate by.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Exponential
    >>> Exponential(1.0, factor=0.5)(range(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """

    _parameter_constraints: ClassVar[dict] = {**Paced._parameter_constraints, "factor": [DECAY]}

    def __init__(self, learning_rate: float = 0.001, factor: float = 0.999, *, per: str = "step") -> None:
        super().__init__(learning_rate, per=per)
        self.factor = factor

    def _rates_at(self, position: NDArray) -> Any:
        return self.learning_rate * np.power(float(self.factor), position)


class _Transition(Timed):
    """A schedule from learning_rate at t = 0 to final_rate at t = 1; a subclass says how much is left at each t."""

    _parameter_constraints: ClassVar[dict] = {**Timed._parameter_constraints, "final_rate": [RATE]}

    def __init__(
        self, learning_rate: float = 0.001, n_steps: int | None = None, *, final_rate: float = 0.0, per: str = "step"
    ) -> None:
        super().__init__(learning_rate, n_steps, per=per)
        self.final_rate = final_rate

    def _rates_after(self, t: NDArray) -> Any:
        return between(self.learning_rate, self.final_rate, self._share_left(t))

    def _share_left(self, t: NDArray) -> Any:
        raise NotImplementedError


@stored_as("schedules.Polynomial")
class Polynomial(_Transition):
    """final_rate + (learning_rate - final_rate) (1 - t)^power, t = min(step / n_steps, 1).

    PyTorch calls it PolynomialLR. Source: Chen et al., "DeepLab: semantic image segmentation with deep convolutional
    nets, atrous convolution, and fully connected CRFs", 2016, with power 0.9.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
    power : float > 0, default=1.0
    final_rate : float >= 0, default=0.0
        The rate at the end, and after it.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Polynomial
    >>> Polynomial(1.0, 4, power=2.0)(range(6))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    , 0.    ])
    """

    _parameter_constraints: ClassVar[dict] = {**_Transition._parameter_constraints, "power": [POSITIVE]}

    def __init__(
        self,
        learning_rate: float = 0.001,
        n_steps: int | None = None,
        *,
        power: float = 1.0,
        final_rate: float = 0.0,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, n_steps, final_rate=final_rate, per=per)
        self.power = power

    def _share_left(self, t: NDArray) -> Any:
        return (1.0 - t) ** self.power


@stored_as("schedules.Linear")
class Linear(_Transition):
    """final_rate + (learning_rate - final_rate) (1 - t), t = min(step / n_steps, 1).

    It is PyTorch's LinearLR with start_factor=1. Source: Defazio et al., "Optimal linear decay learning rate schedules
    and further refinements", 2023.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
    final_rate : float >= 0, default=0.0
        The rate at the end, and after it.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Linear
    >>> Linear(1.0, 4)(range(6))
    array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """

    def _share_left(self, t: NDArray) -> Any:
        return 1.0 - t


@stored_as("schedules.Cosine")
class Cosine(_Transition):
    """final_rate + (learning_rate - final_rate) (1 + cos(pi t)) / 2, t = min(step / n_steps, 1).

    PyTorch calls it CosineAnnealingLR, and lets it rise again after n_steps. Source: Loshchilov & Hutter, "SGDR:
    stochastic gradient descent with warm restarts", ICLR 2017.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
    final_rate : float >= 0, default=0.0
        The rate at the end, and after it.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Cosine
    >>> Cosine(1.0, 2)(range(4)).round(6)
    array([1. , 0.5, 0. , 0. ])
    """

    def _share_left(self, t: NDArray) -> Any:
        return half_cosine(t)


@stored_as("schedules.FlatCos")
class FlatCos(Timed):
    """The rate is learning_rate up to t = flat, then falls to final = learning_rate / final_div_factor.

    After t = min(step / n_steps, 1) = flat it is final + (learning_rate - final) (1 + cos(pi (t - flat) / (1 - flat)))
    / 2. fastai calls it fit_flat_cos. Source: Howard & Gugger, "fastai: a layered API for deep learning", 2020.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
    flat : float in [0, 1), default=0.75
        The share of the length before the rate goes down.
    final_div_factor : float > 0, default=1e5
        What learning_rate is divided by at the end.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import FlatCos
    >>> FlatCos(1.0, 4, flat=0.5)(range(5)).round(2)
    array([1. , 1. , 1. , 0.5, 0. ])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Timed._parameter_constraints,
        "flat": [Interval(Real, 0, 1, closed="left")],
        "final_div_factor": [POSITIVE],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        n_steps: int | None = None,
        *,
        flat: float = 0.75,
        final_div_factor: float = 1e5,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, n_steps, per=per)
        self.flat = flat
        self.final_div_factor = final_div_factor

    def _rates_after(self, t: NDArray) -> Any:
        left = half_cosine(np.maximum(t - self.flat, 0.0) / (1.0 - self.flat))
        return between(self.learning_rate, self.learning_rate / self.final_div_factor, left)


def between(start: Any, end: Any, share_left: Any) -> Any:
    """Return the rates on the way from start to end, of which these shares are left."""
    return end + (start - end) * share_left


def half_cosine(t: Any) -> Any:
    """Return the share that is left at t on half a wave of the cosine: 1 at t = 0, 0 at t = 1."""
    return 0.5 * (1.0 + np.cos(np.pi * t))
