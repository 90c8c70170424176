"""Tables whose values have types are read here: Parquet, Feather (Arrow) and JSON."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from fastmlp.tables.frames import TableError, import_pandas


def read_parquet(source: Any, name: str) -> Any:
    """Return the table in a Parquet file, given as bytes or, for a folder of such files, as a path.

    Columns of whole numbers with gaps are not made floats, which large numbers would not survive.

    Raises
    ------
    ImportError
        When pyarrow is not installed.
    TableError
        When it is no such file.
    """
    require_pyarrow("parquet")
    parquet = import_module("pyarrow.parquet")
    return _converted(lambda: parquet.read_table(_opened(source)), name, "Parquet")


def read_feather(source: bytes, name: str) -> Any:
    """Return the table in a Feather file, or one in Arrow's formats for files and streams; raises as read_parquet."""
    require_pyarrow("feather")
    ipc, feather = import_module("pyarrow.ipc"), import_module("pyarrow.feather")

    def read() -> Any:
        if source.startswith(b"\xff\xff\xff\xff"):
            return ipc.open_stream(_opened(source)).read_all()
        return feather.read_table(_opened(source))

    return _converted(read, name, "Feather")


def require_pyarrow(kind: str) -> None:
    """Raise an ImportError that says what to install, if the reader of such files is not installed."""
    try:
        import_module("pyarrow")
    except ImportError as error:
        raise ImportError(
            f"{kind.capitalize()} needs pyarrow, which is not installed: pip install 'fastmlp[cli]'"
        ) from error


def _opened(source: Any) -> Any:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _converted(read: Any, name: str, what: str) -> Any:
    pandas, types = import_pandas(), import_module("pyarrow").types
    try:
        table = read()
        whole = {field.type for field in table.schema if types.is_integer(field.type)}
        nullable = {kind: pandas.array([], dtype=_nullable_name(kind)).dtype for kind in whole}
        frame = table.to_pandas(types_mapper=nullable.get)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # pyarrow's errors are of many kinds
        raise TableError(f"{name} is no {what} file: {' '.join(str(error).split())}") from None
    for column in frame.columns[[dtype in set(nullable.values()) for dtype in frame.dtypes]]:
        if not frame[column].isna().any():
            frame[column] = frame[column].to_numpy(frame[column].dtype.numpy_dtype)
    return frame


def _nullable_name(kind: Any) -> str:
    return str(kind).replace("uint", "UInt").replace("int", "Int") if str(kind)[0] == "i" else f"UInt{str(kind)[4:]}"


# ---- JSON ------------------------------------------------------------------------------------------------------------


_OBJECT = re.compile(r'\s*(\[?)\s*(?=\{\s*")')
_AFTER_OBJECT = {"": re.compile(r"\s*(\{|$)"), "[": re.compile(r"\s*(,\s*\{|\])")}


def is_json(text: str) -> bool:
    """Return whether a text begins with an object of JSON that has names, or with a list of such.

    Examples
    --------
    >>> from fastmlp.tables.typed import is_json
    >>> is_json('{"x": 1}'), is_json('[{"x": 1}, {"x": 2}]'), is_json('{"x" of y},z')
    (True, True, False)
    """
    text = text.removeprefix("\ufeff")
    begin = _OBJECT.match(text)
    if begin is None:
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(text, begin.end())
    except ValueError:
        return False
    return _AFTER_OBJECT[begin[1]].match(text, end) is not None


def read_json(text: str, name: str, lines: bool | None = None) -> Any:
    r"""Return a table from JSON: an object for each row, one to a line or in a list; or one for all columns.

    The latter has a list for each column or, as pandas writes it unless told otherwise, an object of the rows' values
    by the rows' names. Values within other values become texts.

    Parameters
    ----------
    text : str
    name : str
        The name of the file, for messages.
    lines : bool, default=None
        Whether there is an object on each line. With None the first line tells.

    Raises
    ------
    TableError
        When the text is nothing like that; the message names the line.

    Examples
    --------
    >>> from fastmlp.tables.typed import read_json
    >>> read_json('{"x": 1, "y": "a"}\n{"x": null, "z": true}', "rows.jsonl").columns.tolist()
    ['x', 'y', 'z']
    """
    pandas = import_pandas()
    text = text.removeprefix("\ufeff")
    rows = list(_rows_of_lines(text, name)) if lines else _rows_of_whole(text, name, lines)
    if lines and len(rows) == 1 and isinstance(rows[0], list):
        rows = rows[0]
    if not rows:
        raise TableError(f"{name} has no rows" if text.strip() else f"{name} is empty")
    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TableError(f"{name}: row {i + 1} is no object with names and values, but {_shortened(row)}")
        names.update(dict.fromkeys(row))
    if not names:
        raise TableError(f"{name} has no columns")
    return pandas.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})


def _rows_of_lines(text: str, name: str) -> Iterator[Any]:
    for i, line in enumerate(text.split("\n")):
        if line.strip():
            try:
                yield json.loads(line, object_pairs_hook=_without_repetition)
            except ValueError as error:
                raise TableError(f"{name}: line {i + 1} is no JSON: {error}") from None


def _rows_of_whole(text: str, name: str, lines: bool | None) -> Any:
    try:
        whole = json.loads(text, object_pairs_hook=_without_repetition) if text.strip() else []
    except ValueError as error:
        if lines is None and text.lstrip().startswith("{") and "\n" in text.strip():
            return list(_rows_of_lines(text, name))
        raise TableError(f"{name} is no JSON: {error}") from None
    if isinstance(whole, dict) and isinstance(whole.get("data"), list):  # as of pandas' orient="table"
        names, whole = whole.get("columns"), whole["data"]
        if isinstance(names, list) and all(isinstance(row, list) and len(row) == len(names) for row in whole):
            if len(set(map(str, names))) < len(names):
                raise TableError(f"{name} has two columns of the same name: {_shortened(names)}")
            whole = [dict(zip(map(str, names), row, strict=True)) for row in whole]  # as of its orient="split"
    if isinstance(whole, dict) and (rows := _rows_by_name(whole)):
        return rows
    if isinstance(whole, dict) and whole and all(isinstance(column, list) for column in whole.values()):
        if len({len(column) for column in whole.values()}) > 1:
            raise TableError(f"{name} has columns of different lengths")
        return [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]
    return whole if isinstance(whole, list) else [whole]


def _rows_by_name(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a table of objects, pandas' orient="columns" or "index", or an empty list."""
    parts = list(whole.values())
    if not parts or not all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts):
        return []
    if list(whole) == [str(i) for i in range(len(whole))]:  # these are numbers of rows, and not names of columns
        return parts
    return [{name: part[row] for name, part in whole.items()} for row in parts[0]]


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def _column(values: list[Any]) -> Any:
    """Return a column of one type where its values are of one type; whole numbers stay whole."""
    pandas = import_pandas()
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        column = pandas.array(values, dtype="Int64")
        return column if None in values else column.to_numpy("int64")
    if float in kinds <= {int, float} and all(abs(value) < 2**53 for value in values if type(value) is int):
        return pandas.array([float("nan") if value is None else value for value in values], dtype="float64")
    if kinds & {dict, list}:
        values = [json.dumps(value) if isinstance(value, dict | list) else value for value in values]
    if kinds == {bool} and None not in values:
        return pandas.array(values, dtype="bool")
    return pandas.array(values, dtype=object)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
