"""CSV and similar texts are read here: their encoding, the separator of their fields, and their rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from fastmlp.exceptions import counted
from fastmlp.tables.frames import TableError, import_pandas, log
from fastmlp.tables.values import BLANKS

#: The separators that lines are tried with, in this order. The first that gives all lines the same number of fields,
#: two or more, is taken. A comma may stand within numbers, so it comes late; blanks may follow any other, so they come
#: last.
SEPARATORS = ("\t", ";", "|", ",", " ")

_LINES_LOOKED_AT = 1000
_ROWS_AT_ONCE = 1000
_SHARE_OF_LINES = 0.9
_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
]  # fmt: skip
# This maps characters of Latin-1 to those of Windows-1252. Five bytes are no characters of Windows-1252. They stay what
# they are, as in browsers, since Windows may well have written all other bytes of such a file.
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0xA0)}
_WINDOWS = {byte: character for byte, character in _WINDOWS.items() if character != "\ufffd"}
_EXCEL = re.compile(r'"?sep=([^"\r\n])"?[^\S\r\n]*\1*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+(,\d+)?\s*")


def decoded(content: bytes, name: str, encoding: str | None = None) -> str:
    """Return the text that bytes hold: in the encoding of a byte order mark, else UTF-8, else Windows-1252.

    Parameters
    ----------
    content : bytes
    name : str
        The file's name, for messages.
    encoding : str, default=None
        A name that Python knows. With None the encoding is found.

    Raises
    ------
    TableError
        When the bytes are no text in the encoding.
    """
    marked = next((codec for mark, codec in _MARKS if content.startswith(mark)), None)
    if encoding is not None:
        try:
            text = content.decode(encoding).removeprefix("\ufeff")
        except LookupError:
            raise TableError(
                f"encoding={encoding!r} is not known; utf-8, cp1252 and utf-16 are among those that are"
            ) from None
        except UnicodeError as error:
            raise TableError(f"{name} is no text in {encoding}: {error}") from None
        return _without_nul(text, name)
    for codec in [marked] if marked else ["utf-8"]:
        try:
            return _without_nul(content.decode(codec), name)
        except UnicodeDecodeError as error:
            if marked and not marked.startswith("utf-8"):
                raise TableError(
                    f"{name} has NUL characters: it is no text, or UTF-16 without its end: {error}"
                ) from None
    text = _without_nul(content.decode("latin-1").translate(_WINDOWS), name)
    log.info("%s: not UTF-8; read as Windows-1252 (--encoding says otherwise)", name)
    return text


def _without_nul(text: str, name: str) -> str:
    if "\0" in text:
        raise TableError(
            f"{name} has NUL characters: it is no text, or UTF-16 without a byte order mark (--encoding utf-16-le)"
        )
    return text


def find_separator(lines: Iterable[str]) -> str:
    """Return the separator of the fields of lines; a comma if nothing separates them.

    If no separator gives all lines the same number of fields, the one is taken that gives it to nearly all.

    Examples
    --------
    >>> from fastmlp.tables import find_separator
    >>> find_separator(["1, a b", "2, c d"]), find_separator(["1,5;2,5", "3;4"])
    (',', ';')
    """
    lines = [line for line in lines if line.strip(BLANKS)]
    shares = {}
    for separator in SEPARATORS:
        with _fields_of_any_length():
            given = lines if separator != " " else [line.strip(" \r\n") for line in lines]
            rows = csv.reader(given, delimiter=separator, skipinitialspace=True)
            ((width, n), *others) = Counter(len(row) for row in rows).most_common() or [(1, 1)]
        if width > 1 and not others:
            return separator
        shares[separator] = n if width > 1 and separator != " " else 0
    numbers = [_DECIMAL_COMMA.fullmatch(line) for line in lines[1:]]
    if all(numbers) and any(number[1] for number in numbers if number) and "," not in lines[0]:
        return ";"  # a single column of numbers with decimal commas
    best = max(shares, key=lambda separator: shares[separator])
    return best if shares[best] >= min(_SHARE_OF_LINES * len(lines), len(lines) - 1) > 1 else ","


class Rows(NamedTuple):
    """The rows of a text, the first line with the columns' names among them.

    Attributes
    ----------
    frame : pandas.DataFrame
        Texts, without blanks around them; columns are numbered.
    separator : str
    n_before : int
        How many empty lines stand before the first row; in a file of one column they may be rows, too.
    """

    frame: Any
    separator: str
    n_before: int


def read_rows(text: str, name: str, separator: str | None = None, *, header: bool | None = None) -> Rows:
    """Return the rows of a text.

    Every line is a row, but for those within quotation marks, a line such as ``sep=;`` at the beginning, and empty
    ones, unless there is only one column, whose value is then missing.

    Parameters
    ----------
    text, name : str
        The name of the file, for messages.
    separator : str, default=None
        With None it is the one that Excel's first line names (``sep=;``), or it is found.
    header : bool, default=None
        Whether the first line has the columns' names; False allows it no other number of fields than the rest.

    Raises
    ------
    TableError
        When it is empty, or a line has more or fewer fields than the first; it names the line.
    """
    excel = _EXCEL.match(text)
    if excel:
        text = text[excel.end() :]
        separator = separator or excel[1]
    if separator is None:
        separator = find_separator(islice(io.StringIO(text, newline=""), _LINES_LOOKED_AT))
    reading = _Reading(name, separator)
    is_after = bool(excel)
    with _fields_of_any_length():
        lines: Iterator[str] = io.StringIO(text, newline="")
        if separator == " ":
            lines = (line.rstrip(" \r\n") + "\n" for line in lines)
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        last = end = 0
        while rows := [(reader.line_num, row) for row in islice(reader, _ROWS_AT_ONCE)]:
            # The number of the line at which each row ends; the next begins a line later.
            begins = [end, *(number for number, _ in rows[:-1])]
            last, end = begins[-1], rows[-1][0]
            reading.take([row for _, row in rows], [begin + 1 + is_after for begin in begins])
        tail = "".join(islice(io.StringIO(text, newline=""), last, None))
        if '"' in tail and _is_left_open(tail, separator):
            raise reading.refused(f"the quotation mark that line {last + 1 + is_after} opens is not closed")
    return reading.finished(header)


def _is_left_open(record: str, separator: str) -> bool:
    try:
        list(csv.reader(io.StringIO(record, newline=""), delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Reading:
    """A collector takes rows as they come: the first, which may hold the names, and others, which have one width."""

    def __init__(self, name: str, separator: str) -> None:
        self._name, self._separator = name, separator
        self._first: list[str] = []
        self._first_line = self._second_line = 0
        self._width = 0  # the number of fields of the rows after the first
        self._n_before = self._n_empty = 0
        self._blank: list[int] = []  # numbers of the lines after the last row that are empty
        self._skipped: list[int] = []  # numbers of the empty lines between rows
        self._parts: list[list[Any]] = []

    def take(self, rows: list[list[str]], lines: list[int]) -> None:
        """Take rows, and the lines at which they begin."""
        if self._width > 1 and set(map(len, rows)) == {self._width}:
            self._skip()
        else:
            rows = [row or [""] for row, line in zip(rows, lines, strict=True) if self._is_taken(row, line)]
        if rows:
            pandas = import_pandas()
            self._parts.append([pandas.Series(column, dtype=str) for column in zip(*rows, strict=True)])

    def _is_taken(self, row: list[str], line: int) -> bool:
        if not row or (len(row) == 1 and not row[0].strip(BLANKS)):
            self._n_before += not self._first
            if len(self._first) == 1 and self._width < 2:
                self._width = 1
                self._n_empty += not row
                return True
            self._blank.append(line)
            return False
        if not self._first:
            self._first, self._first_line, self._blank = row, line, []
            return False
        self._skip()
        if not self._width:
            self._width, self._second_line = len(row), line
        elif len(row) != self._width:
            is_as_first = len(row) == len(self._first)
            raise self._wrong_width(*((self._second_line, self._width) if is_as_first else (line, len(row))))
        return True

    def _skip(self) -> None:
        if self._blank:
            self._skipped += self._blank
            self._blank = []

    def _wrong_width(self, line: int, width: int) -> TableError:
        first = f"line {self._first_line} has {len(self._first)}"
        return self.refused(f"line {line} has {counted(width, 'field')}, {first}")

    def refused(self, why: str) -> TableError:
        """Return an error that says what is wrong with the text."""
        return TableError(f"{self._name} is no table with fields separated by {self._separator!r}: {why}")

    def finished(self, header: bool | None) -> Rows:
        """Return all rows, and say which lines are none."""
        if not self._first:
            raise TableError(f"{self._name} is empty")
        pandas = import_pandas()
        columns = [pandas.concat(parts, ignore_index=True) for parts in zip(*self._parts, strict=True)]
        columns = [column.str.strip(BLANKS) for column in columns]
        first = [field.strip(BLANKS) for field in self._first]
        if columns and len(first) != self._width:
            columns, first = self._fitted(columns, first, header)
        both = [
            pandas.concat([pandas.Series([field], dtype=str), *columns[i : i + 1]], ignore_index=True)
            for i, field in enumerate(first)
        ]
        if self._skipped:
            lines = ", ".join(map(str, self._skipped[:5])) + (", ..." if len(self._skipped) > 5 else "")
            log.info("%s: empty lines are no rows: %s", self._name, lines)
        if self._n_empty:
            log.info("%s: %s without a value, rows all the same", self._name, counted(self._n_empty, "empty line"))
        return Rows(pandas.DataFrame(dict(enumerate(both))), self._separator, self._n_before)

    def _fitted(self, columns: list[Any], first: list[str], header: bool | None) -> tuple[list[Any], list[str]]:
        """Return the rows and the names of a table whose first line has a field more or less than the others."""
        if header is not False:
            if len(first) == self._width - 1 and (columns[-1] == "").all():
                log.info("%s: what separates fields also ends each row", self._name)
                return columns[:-1], first
            if len(first) == self._width - 1 and len(columns[0]) > 1 and columns[0].is_unique:
                log.info("%s: the first line names one column less; the first has the rows' names", self._name)
                return columns, ["", *first]
            if len(first) == self._width + 1 and not first[-1]:
                return columns, first[:-1]
        raise self._wrong_width(self._second_line, self._width)
