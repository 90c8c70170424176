"""What training does beside the gradient of a loss: dropout, noise, penalties, limits and averages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from numbers import Real
from typing import Any

import numpy as np

from fastmlp.components import whole_number


@dataclass
class Regularization:
    """What training does beside a loss's gradient and its L2 term, in the engine's terms; the defaults do nothing.

    Examples
    --------
    >>> from fastmlp.network import Regularization
    >>> Regularization(dropout=[0.0, 0.5]).draws, Regularization(l1=0.1).draws
    (True, False)
    """

    #: The rates of dropout: of the inputs, then of the outputs of each hidden layer.
    dropout: Sequence[float] = ()
    #: The standard deviation of the normal noise that is added to the inputs.
    input_noise: float = 0.0
    #: The strength of the L1 penalty, the sum of the weights' sizes.
    l1: float = 0.0
    #: The largest size that an element of the gradient keeps; 0 leaves all as they are.
    clip_value: float = 0.0
    #: The largest norm that the gradient keeps; 0 leaves it as it is.
    clip_norm: float = 0.0
    #: The largest norm that a hidden unit's incoming weights keep; 0 leaves them as they are.
    max_norm: float = 0.0
    #: The share of the parameters' average that stays in each step; 0 is for no average.
    average_decay: float = 0.0
    #: The penalty of the activity of a dense hidden layer: "l1", the sum of its outputs' sizes, "kl", how far from a
    #: target each unit's mean output in a batch is, or "" for none; its strength, the target, and which layer it is,
    #: counted from 0.
    activity: str = ""
    activity_weight: float = 0.0
    activity_target: float = 0.05
    activity_layer: int = 0
    #: Factors of the learning rate, and of the L2 term and the optimizer's weight decay, for parts of the parameters by
    #: their names or patterns of these ("coefs.0", "intercepts.*"), of which the last that fits a name counts.
    rate_factors: Mapping[str, float] = field(default_factory=dict)
    decay_factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def draws(self) -> bool:
        """Whether training needs random numbers."""
        return any(self.dropout) or self.input_noise > 0

    @property
    def is_any(self) -> bool:
        """Whether training does anything of it at all."""
        return self != Regularization(dropout=self.dropout) or any(self.dropout)

    def validate(self) -> Regularization:
        """Return self, when all numbers can be what they are said to be.

        Raises
        ------
        ValueError
            Names what cannot be.
        """
        if isinstance(self.dropout, str) or not isinstance(self.dropout, Sequence | np.ndarray):
            raise ValueError(
                "regularization: dropout must be a sequence of rates, of the inputs and of each hidden layer; got"
                f" {self.dropout!r}."
            )
        if self.activity not in ("", "l1", "kl"):
            raise ValueError(f"regularization: activity must be 'l1', 'kl' or ''; got {self.activity!r}.")
        for name, value in asdict(self).items():
            if name == "activity":
                continue
            if name.endswith("_factors") and not isinstance(value, Mapping):
                raise ValueError(f"regularization: {name} must map names of parts to numbers; got {value!r}.")
            rates = list(value.values() if isinstance(value, Mapping) else value if name == "dropout" else [value])
            most = 1.0 if name in ("dropout", "average_decay", "activity_target") else math.inf
            if not all(isinstance(rate, Real) and 0 <= float(rate) < most for rate in rates):
                limits = f"at least 0{' and below 1' if most == 1 else ', and finite'}"
                raise ValueError(f"regularization: {name} must be {limits}; got {value!r}.")
        return self

    def factors(self, parts: Sequence[str]) -> tuple[list[float], list[float]]:
        """Return the factors of the learning rate and those of weight decay for parts of the parameters.

        Raises
        ------
        ValueError
            For a pattern that fits none of the names.

        Examples
        --------
        >>> from fastmlp.network import Regularization
        >>> regularization = Regularization(rate_factors={"coefs.*": 0.5, "coefs.1": 2.0})
        >>> regularization.factors(["coefs.0", "coefs.1", "intercepts.1"])
        ([0.5, 2.0, 1.0], [1.0, 1.0, 1.0])
        """
        found = []
        for name, patterns in (("rate_factors", self.rate_factors), ("decay_factors", self.decay_factors)):
            factors = [1.0] * len(parts)
            for pattern, factor in patterns.items():
                fitting = [i for i, part in enumerate(parts) if fnmatchcase(part, pattern)]
                if not fitting:
                    raise ValueError(f"{name} has {pattern!r}, but the parts are {', '.join(map(repr, parts))}.")
                for i in fitting:
                    factors[i] = float(factor)
            found.append(factors)
        return found[0], found[1]


def checked_seed(seed: Any) -> int:
    """Return the seed of dropout and noise as an integer that the engine can take.

    Raises
    ------
    ValueError
        For what is no integer from 0 to 2**64 - 1.

    Examples
    --------
    >>> from fastmlp.network.regularization import checked_seed
    >>> checked_seed(2**64)
    Traceback (most recent call last):
    ...
    ValueError: seed must be an integer below 2**64; got 18446744073709551616.
    """
    number = whole_number(seed, "seed", least=0)
    if number >= 2**64:
        raise ValueError(f"seed must be an integer below 2**64; got {number}.")
    return number
