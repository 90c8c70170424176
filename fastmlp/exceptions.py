"""Warnings of fastmlp's own, one class for each kind of thing that is said aloud, so that each can be filtered alone.

Examples
--------
>>> import warnings
>>> from fastmlp.exceptions import IgnoredParameterWarning
>>> warnings.simplefilter("error", IgnoredParameterWarning)  # a parameter that does nothing ends the program
>>> warnings.resetwarnings()
"""

__all__ = ["IgnoredParameterWarning", "UndefinedScoreWarning"]


class IgnoredParameterWarning(UserWarning):
    """A parameter is set to other than its default, and another parameter makes that it has no effect."""


class UndefinedScoreWarning(UserWarning):
    """A loss or a score that is watched is not a number, so that it cannot tell which epoch is best."""
