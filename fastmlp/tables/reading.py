"""A table is read from a file of any known format here."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from fastmlp.tables.delimited import decoded, read_rows
from fastmlp.tables.files import FORMATS, content_of, format_by_content, format_by_name, shown_name
from fastmlp.tables.frames import import_pandas, log, named
from fastmlp.tables.header import has_header
from fastmlp.tables.notation import numbers_in
from fastmlp.tables.typed import is_json, read_feather, read_json, read_parquet, require_pyarrow

_LINES_LOOKED_AT = 1000


def read_table(
    path: Any,
    *,
    separator: str | None = None,
    header: bool | None = None,
    encoding: str | None = None,
    format: str | None = None,
) -> tuple[Any, bool]:
    r"""Read a table from a file: CSV or its kin, JSON, Parquet or Feather (Arrow), compressed or not.

    Every value of CSV is read as text, as it stands there, with blanks around it removed. Every line is a row: in a
    file of one column also an empty one; in others empty lines are left out. A line with more fields than the first, or
    fewer, is refused.

    Parameters
    ----------
    path : path
        "-" is standard input. Compression (gzip, bzip2, xz, zip, zstd) is known by the content.
    separator : str, default=None
        The separator of the fields of CSV. With None it is the one that Excel's first line names (``sep=;``), or it is
        found from the first lines, among :data:`SEPARATORS`.
    header : bool, default=None
        Whether the first line of CSV has the columns' names. With None, :func:`fastmlp.tables.header.has_header` finds
        out. Columns without names are named "0", "1", and so on.
    encoding : str, default=None
        The encoding of text, as Python names it. With None it is what a byte order mark says, else UTF-8, else
        Windows-1252.
    format : {"csv", "json", "jsonl", "parquet", "feather"}, default=None
        The format. With None, Parquet and Feather are known by the content or by the file's name (.parquet, .pq,
        .feather, .arrow, .ipc), and JSON by the name (.json; .jsonl and .ndjson for an object per line) or by a text
        that begins with a whole object, as on standard input. Everything else is CSV.

    Returns
    -------
    frame : pandas.DataFrame
        The table. If it was read from CSV, ``attrs["separator"]`` has the separator.
    has_header : bool

    Raises
    ------
    OSError
        When the file cannot be read.
    TableError
        When it is empty, no text, no table, or has two columns of one name.
    ValueError
        When the format is not known.
    ImportError
        When pandas is not installed, or pyarrow, which Parquet, Feather and zstd need.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from fastmlp.tables import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "points.csv"
    ...     _ = path.write_text("x;y\n1,5;low\n2,5;high\n")
    ...     frame, has_header = read_table(path)
    >>> frame.to_dict("list"), has_header
    ({'x': ['1,5', '2,5'], 'y': ['low', 'high']}, True)
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"format={format!r} is not known; known are {', '.join(map(repr, FORMATS))}.")
    import_pandas()
    name, by_name = shown_name(path), format or format_by_name(path)
    if by_name in ("parquet", "feather"):
        require_pyarrow(by_name)
    if by_name == "parquet" and os.path.isdir(path):
        return named(read_parquet(os.fspath(path), name), name), True
    content = content_of(path)
    kind = by_name if by_name in ("parquet", "feather") or format else format_by_content(content) or by_name
    if kind in ("parquet", "feather"):
        return named((read_parquet if kind == "parquet" else read_feather)(content, name), name), True
    text = decoded(content, name, encoding)
    del content
    if kind is None and separator is None and is_json(text):
        log.info("%s: read as JSON (--format csv says otherwise)", name)
        kind = "json"
    if kind in ("json", "jsonl"):
        return named(read_json(text, name, lines=kind == "jsonl" or None), name), True
    return _read_csv(text, name, separator, header)


def _read_csv(text: str, name: str, separator: str | None, header: bool | None) -> tuple[Any, bool]:
    texts, separator, n_before = read_rows(text, name, separator, header=header)
    if header is None:
        header = has_header(texts.head(_LINES_LOOKED_AT))
        if header and np.isfinite(numbers_in(texts.iloc[0].to_numpy(object))).any():
            log.info("%s: the first line has the columns' names, numbers among them (--header no says otherwise)", name)
        if not header:
            log.info("%s: no header found; columns are named by number, from 0 (--header yes says otherwise)", name)
    if header:
        names = [text or f"Unnamed: {i}" for i, text in enumerate(texts.iloc[0])]
        texts = texts.iloc[1:].reset_index(drop=True).set_axis(names, axis=1)
        texts = _without_empty_end(texts)
    elif n_before and texts.shape[1] == 1:
        pandas = import_pandas()
        empty = pandas.DataFrame({column: pandas.Series([""] * n_before, dtype=str) for column in texts})
        texts = pandas.concat([empty, texts], ignore_index=True)
    frame = named(texts, name)
    frame.attrs["separator"] = separator
    return frame, header


def _without_empty_end(texts: Any) -> Any:
    """Return a table without columns at its end that have neither a name nor a value, as spreadsheets write them."""
    while (
        texts.shape[1] > 1
        and len(texts)
        and texts.columns[-1].startswith("Unnamed: ")
        and (texts.iloc[:, -1] == "").all()
    ):
        texts = texts.iloc[:, :-1]
    return texts
