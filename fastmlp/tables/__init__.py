"""Tables are read from files here, their columns are described, and TableModel learns from a table as it is.

What a user should know of how a table is read (which rows were dropped, which decimal mark was found) goes to the log
``fastmlp.tables``; columns that are not used and categories that training has not seen are warnings. All of this needs
pandas; Parquet and Feather need pyarrow, too. Both come with ``pip install 'fastmlp[cli]'``.
"""

from __future__ import annotations

from fastmlp.tables.columns import find_task
from fastmlp.tables.delimited import SEPARATORS, find_separator
from fastmlp.tables.frames import TableError, import_pandas
from fastmlp.tables.missing import MISSING
from fastmlp.tables.model import TableModel
from fastmlp.tables.reading import read_table
from fastmlp.tables.values import numbers_of, texts_of

__all__ = [
    "MISSING",
    "SEPARATORS",
    "TableError",
    "TableModel",
    "find_separator",
    "find_task",
    "import_pandas",
    "numbers_of",
    "read_table",
    "texts_of",
]


def __dir__() -> list[str]:
    return sorted(__all__)
