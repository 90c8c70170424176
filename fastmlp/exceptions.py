"""Warnings of fastmlp's own, one class for each kind of thing that is said aloud, so that each can be filtered alone.

Examples
--------
>>> import warnings
>>> from fastmlp.exceptions import IgnoredParameterWarning
>>> warnings.simplefilter("error", IgnoredParameterWarning)  # a parameter that does nothing ends the program
>>> warnings.resetwarnings()
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

import sklearn.exceptions

__all__ = [
    "CollapsedCodeWarning",
    "CoverageWarning",
    "DivergenceWarning",
    "IgnoredParameterWarning",
    "LearningRateWarning",
    "MapSizeWarning",
    "OvercompleteCodeWarning",
    "OverflowWarning",
    "PartitionWarning",
    "ReducibleChainWarning",
    "ScheduleEndedWarning",
    "SilentReservoirWarning",
    "SingularReadoutWarning",
    "TimeLimitWarning",
    "UndefinedScoreWarning",
    "UnknownCategoriesWarning",
    "UnlabelledWarning",
    "UnseenTransitionsWarning",
    "UnsettledWarning",
    "UnusedColumnsWarning",
]


def __dir__() -> list[str]:
    return sorted(__all__)


# Packages whose frames stand between a user's line and what is said of it: ours, those that call us (searches and
# pipelines, in workers), and those that call us back (L-BFGS, contexts that end).
_BETWEEN = frozenset(
    {"concurrent", "contextlib", "fastmlp", "joblib", "multiprocessing", "runpy", "scipy", "sklearn", "threading"}
)
#: Whoever changes filters of warnings for a while holds this lock, since they are those of a whole process: of two
#: threads that leave warnings.catch_warnings in another order than they entered it, one would keep the filters of the
#: other for good.
FILTERING = threading.RLock()
# What warn_user is told is put here instead, in the context of whoever asked for it.
_COLLECTED: ContextVar[list[tuple[str, type[Warning]]] | None] = ContextVar("collected", default=None)


class IgnoredParameterWarning(UserWarning):
    """A parameter is set to other than its default, and another parameter makes that it has no effect."""


class CollapsedCodeWarning(UserWarning):
    """A variational autoencoder has given up its codes, so that they say nothing of samples."""


class OvercompleteCodeWarning(UserWarning):
    """The code of an autoencoder has room for a copy of its inputs, and nothing keeps it from being one."""


class PartitionWarning(UserWarning):
    """An estimate of a partition function is uncertain, and log-likelihoods are uncertain with it."""


class UnlabelledWarning(UserWarning):
    """Samples whose target is -1 are taken for samples without a label."""


class UndefinedScoreWarning(UserWarning):
    """A loss or a score that is watched is not a number, so that it cannot tell which epoch is best."""


class OverflowWarning(UserWarning):
    """A loss, or what the optimizer keeps of gradients, is too large for a number, while the weights are finite."""


class DivergenceWarning(sklearn.exceptions.ConvergenceWarning):
    """Training made weights infinite or NaN, and the model is an earlier one; or weights ran away, finite as yet."""


class ScheduleEndedWarning(UserWarning):
    """Training goes on after the end of a schedule, where the learning rate is nothing, or next to it."""


class SilentReservoirWarning(UserWarning):
    """No unit of a reservoir spiked, so that its traces are zeros and say nothing of the inputs."""


class SingularReadoutWarning(UserWarning):
    """The units of a readout in closed form depend on each other, and alpha is too small to tell one readout."""


class LearningRateWarning(UserWarning):
    """A range test found no learning rate at which the loss falls."""


class MapSizeWarning(UserWarning):
    """A self-organizing map has more units than there are samples."""


class UnusedColumnsWarning(UserWarning):
    """A table has columns from which nothing can be learned, such as constants, lists, and texts that all differ."""


class TimeLimitWarning(UserWarning):
    """Training ended when its time was over, before all of it was done."""


class CoverageWarning(UserWarning):
    """A coverage needs more rows than members left out: intervals are infinite, or sets have all classes."""


class UnknownCategoriesWarning(UserWarning):
    """A table has categories that training did not see, and that count as missing."""


class UnseenTransitionsWarning(UserWarning):
    """A Markov chain without a prior has histories after which nothing came."""


class ReducibleChainWarning(UserWarning):
    """A Markov chain has more than one stationary distribution."""


class UnsettledWarning(sklearn.exceptions.ConvergenceWarning):
    """States of a network still changed when its last sweep or step was over."""


def _package(frame: FrameType) -> str:
    """Return the package that a frame's code is of; also of a module that was started as a program, as workers are."""
    name, spec = frame.f_globals.get("__name__", ""), frame.f_globals.get("__spec__")
    return (spec.name if name == "__main__" and spec is not None else name).partition(".")[0]


@contextmanager
def collected_warnings() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Collect what :func:`warn_user` is told in place of warning of it, in this context and in copies of it.

    The function warnings.catch_warnings is nothing for a fit: what it sets is a process's, and two fits side by side
    that leave it in another order than they entered it would leave the whole process without warnings. Threads that a
    fit starts collect for it if they run in copies of its context.

    Returns
    -------
    collected : list of (str, type)
        The messages and their classes.

    Examples
    --------
    >>> from fastmlp.exceptions import collected_warnings, warn_user
    >>> with collected_warnings() as collected:
    ...     warn_user("What a day.")
    >>> collected
    [('What a day.', <class 'UserWarning'>)]
    """
    collected: list[tuple[str, type[Warning]]] = []
    token = _COLLECTED.set(collected)
    try:
        yield collected
    finally:
        _COLLECTED.reset(token)


def counted(n: int, what: str = "row") -> str:
    """Return a number of things as messages have it.

    Examples
    --------
    >>> from fastmlp.exceptions import counted
    >>> counted(1), counted(2000), counted(3, "column")
    ('1 row', '2,000 rows', '3 columns')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something, as of the user's line: the innermost one outside of fastmlp and of what lies between.

    Frames of scikit-learn, joblib and SciPy are passed over, too, so that a fit within a pipeline or a search points at
    the line that began it, however many calls that is away. In a worker, which has no such line, it is the one that
    called fastmlp.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning

    Examples
    --------
    >>> import warnings
    >>> from fastmlp.exceptions import warn_user
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_user("What a day.")
    >>> str(caught[0].message)
    'What a day.'
    """
    if (collected := _COLLECTED.get()) is not None:
        collected.append((message, category))
        return
    frame: FrameType | None = sys._getframe(1)
    caller = None
    while frame is not None and (package := _package(frame)) in _BETWEEN:
        if package == "fastmlp":
            caller = frame.f_back
        frame = frame.f_back
    frame = frame or caller or sys._getframe(1)  # a worker; the package's own command
    found = frame.f_globals
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=found.get("__name__", "<unknown>"),
        registry=found.setdefault("__warningregistry__", {}),
    )
