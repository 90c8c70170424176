"""What is said of a fit to a table: of parameters that have no effect, and once of what each member would say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from fastmlp.callbacks import Callback
from fastmlp.exceptions import (
    DivergenceWarning,
    IgnoredParameterWarning,
    UndefinedScoreWarning,
    collected_warnings,
    warn_user,
)
from fastmlp.tabular.kinds import Kind


def say_what_validation_ignores(cv: Any, groups: ArrayLike | None) -> None:
    """Warn of ways to leave rows out, where rows are given to validate on."""
    if groups is not None or not (cv is None or isinstance(cv, Integral)):
        what = "groups" if groups is not None else f"cv={cv!r:.100}"
        warn_user(f"{what} has no effect: with X_val and y_val, no row of X is left out.", IgnoredParameterWarning)


def say_what_boosting_ignores(
    callbacks: list[Callback], scoring: Any, effort: str, kinds_of: Sequence[Sequence[Kind]]
) -> None:
    """Warn of what is for the epochs of networks, where members are boosted trees alone.

    Parameters
    ----------
    callbacks : list of Callback
        Those for members.
    scoring, effort
        The estimator's parameters.
    kinds_of : sequence of sequence of Kind
        The kinds of each ensemble. Only members that predict may stop on a score, which the first ensemble has.
    """
    ignored = []
    if callbacks and all(kind.is_boosting for kinds in kinds_of for kind in kinds):
        ignored.append(f"callbacks={callbacks!r:.200}")
    if scoring is not None and all(kind.is_boosting for kind in kinds_of[0]):
        ignored.append(f"scoring={scoring!r:.100}")
    if ignored:
        warn_user(
            f"{' and '.join(ignored)} ha{'s' if len(ignored) == 1 else 've'} no effect with effort={effort!r}, where"
            " members are boosted trees, which have no epochs; the other efforts have networks, too.",
            IgnoredParameterWarning,
        )


@contextmanager
def said_once(*, is_scored: bool) -> Iterator[None]:
    """Give each warning that members' trainings have given once, and not those that members always may have.

    A score that nobody asked for may be undefined.
    """
    with collected_warnings() as collected:
        yield
    for message, category in dict.fromkeys(collected):
        is_usual = issubclass(category, ConvergenceWarning) and not issubclass(category, DivergenceWarning)
        is_usual |= issubclass(category, UndefinedScoreWarning) and not is_scored and "validation_score" in message
        if not is_usual:
            warn_user(message, category)
