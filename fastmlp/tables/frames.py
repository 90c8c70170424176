"""Pandas is imported here when it is needed, and frames are checked before anything is made of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib import import_module
from typing import Any

#: What a user should know of a table goes to this log, whichever module of the package says it.
log = logging.getLogger("fastmlp.tables")


class TableError(ValueError):
    """A table cannot be used; the message names the file, the column or the value."""


class ValidationTableError(TableError):
    """It is the table to validate on that cannot be used."""


def import_pandas() -> Any:
    """Return the module pandas.

    Raises
    ------
    ImportError
        Says what to install.
    """
    try:
        return import_module("pandas")
    except ImportError as error:
        raise ImportError("Tables need pandas, which is not installed: pip install 'fastmlp[cli]'") from error


def as_frame(given: Any, what: str) -> Any:
    """Return a table as a pandas.DataFrame whose columns are named by texts, each differently, and rows by numbers.

    Parameters
    ----------
    given : DataFrame of pandas or polars, Table of pyarrow
    what : str
        The name of the method or function whose argument it is, for the message.

    Raises
    ------
    TypeError
        When it has no named columns.
    TableError
        When it has no rows, or two columns of the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tables.frames import as_frame
    >>> as_frame(pd.DataFrame({2019: [1.5]}), "fit").columns.tolist()
    ['2019']
    """
    pandas = import_pandas()
    convert = getattr(given, "to_pandas", None)  # frames of polars, tables of pyarrow
    frame = convert() if convert is not None and not isinstance(given, pandas.DataFrame) else given
    if not isinstance(frame, pandas.DataFrame):
        raise TypeError(
            f"{what} takes a pandas.DataFrame, a table with named columns; got {type(given).__name__}. Of an array X,"
            " pandas.DataFrame(X) makes one; for arrays of numbers there are MLPClassifier and MLPRegressor, too."
        )
    return named(frame, "the table")


def named(frame: Any, name: str) -> Any:
    """Return a frame with its columns' names as texts, and its rows numbered; the name says in messages what it is."""
    pandas = import_pandas()
    if not isinstance(frame.index, pandas.RangeIndex) or frame.index.start != 0 or frame.index.step != 1:
        frame = frame.set_axis(pandas.RangeIndex(len(frame)), axis=0)
    names = [str(column) for column in frame.columns]
    if names != list(frame.columns):
        frame = frame.set_axis(names, axis=1)
    if not len(frame):
        raise TableError(f"{name} has no rows")
    twice = frame.columns[frame.columns.duplicated()].unique().tolist()
    if twice:
        raise TableError(f"{name} has several columns of the same name: {shown(twice)}")
    return frame


def shown(values: Iterable[Any], most: int = 10) -> str:
    """Return values as a message lists them."""
    values = list(values)
    return ", ".join(repr(value) for value in values[:most]) + (
        f" and {len(values) - most:,} more" if len(values) > most else ""
    )
