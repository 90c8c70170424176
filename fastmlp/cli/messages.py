"""Messages, warnings and errors are written to standard error here, in characters that its encoding has."""

import codecs
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastmlp.exceptions import IgnoredParameterWarning, UnknownCategoriesWarning
from fastmlp.tables import TableError
from fastmlp.tables.files import shown_name
from fastmlp.tables.frames import ValidationTableError

_log = logging.getLogger("fastmlp")


@contextmanager
def printable_output() -> Iterator[list[str]]:
    """Escape characters that the encoding of standard output lacks, rather than stop; give a list of such characters.

    The list is empty at first, and has at the end the first character of each text that had to be escaped.
    """
    lacking: list[str] = []
    escape = getattr(sys.stdout, "errors", None) == "surrogateescape"

    def replace(error: UnicodeError) -> tuple[str | bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        if escape:
            with suppress(UnicodeEncodeError):  # bytes of a file's name go out as they came in
                return codecs.lookup_error("surrogateescape")(error)
        lacking.append(error.object[error.start : error.end][:1])
        return codecs.backslashreplace_errors(error)

    codecs.register_error("fastmlp.lacking", replace)
    changed = []
    for stream, errors in ((sys.stdout, "fastmlp.lacking"), (sys.stderr, "backslashreplace")):
        # Streams that are not Python's own, such as those of notebooks, take any text.
        before = getattr(stream, "errors", None)
        if before in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
            changed.append((stream, before))
    try:
        yield lacking
    finally:
        for stream, before in changed:
            with suppress(OSError, ValueError):  # nobody reads the stream any more, or it is closed
                stream.reconfigure(errors=before)


@contextmanager
def messages_to_stderr(level: int | None) -> Iterator[None]:
    """Write what the package says from a level of the log on, and all its warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("fastmlp: %(message)s"))
    before = _log.level
    _log.addHandler(handler)
    _log.setLevel(level or logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            # Callbacks are the command's own, and not its user's.
            warnings.filterwarnings("ignore", "callbacks=", IgnoredParameterWarning)
            warnings.showwarning = lambda message, *_, **__: _log.warning("%s", on_one_line(message))
            yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(before)


@contextmanager
def said_of(path: str, validation: str | None = None) -> Iterator[None]:
    """Put a file's name in front of TableErrors and warnings: the table's, or that of the one to validate on."""

    def name_for(said: type[Exception]) -> str:
        is_of_validation = validation is not None and issubclass(said, ValidationTableError | UnknownCategoriesWarning)
        return shown_name(validation if is_of_validation else path)

    before = warnings.showwarning
    warnings.showwarning = lambda message, category, *others, **more: before(
        f"{name_for(category)}: {message}", category, *others, **more
    )
    try:
        yield
    except TableError as error:
        raise TableError(f"{name_for(type(error))}: {error}") from None
    finally:
        warnings.showwarning = before


def on_one_line(error: Any) -> str:
    r"""Return an error's or a warning's message on one line.

    Examples
    --------
    >>> from fastmlp.cli.messages import on_one_line
    >>> on_one_line(FileNotFoundError(2, "No such file or directory", "t.csv")), on_one_line(ValueError("so\nlong"))
    ('t.csv: No such file or directory', 'so long')
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def shown_value(value: Any) -> str:
    """Return a value as a report shows it: a minus for None, and six digits of a float.

    Examples
    --------
    >>> from fastmlp.cli.messages import shown_value
    >>> shown_value(None), shown_value(0.12345678), shown_value(3)
    ('-', '0.123457', '3')
    """
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
