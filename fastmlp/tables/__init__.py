"""Tables are read from files here, their columns are described, and TableModel learns from a table as it is.

What a user should know (which rows were dropped, why a column is left out) goes to the log ``fastmlp.tables``. All of
this needs pandas; Parquet and Feather need pyarrow, too. Both come with ``pip install 'fastmlp[cli]'``.
"""

from __future__ import annotations

from fastmlp.tables.columns import find_task, frequent_categories
from fastmlp.tables.delimited import SEPARATORS, find_separator
from fastmlp.tables.frames import TableError, import_pandas
from fastmlp.tables.missing import MISSING
from fastmlp.tables.model import HOLD_OUT_FROM, TableModel
from fastmlp.tables.preprocessing import SmoothClip, network_parameters, preprocessing
from fastmlp.tables.reading import read_table
from fastmlp.tables.values import numbers_of, texts_of

__all__ = [
    "HOLD_OUT_FROM",
    "MISSING",
    "SEPARATORS",
    "SmoothClip",
    "TableError",
    "TableModel",
    "find_separator",
    "find_task",
    "frequent_categories",
    "import_pandas",
    "network_parameters",
    "numbers_of",
    "preprocessing",
    "read_table",
    "texts_of",
]


def __dir__() -> list[str]:
    return sorted(__all__)
