"""Files are read as bytes here, from a path or standard input, and uncompressed; their kind of table is found."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from importlib import import_module
from typing import Any

from fastmlp.tables.frames import TableError

#: The formats that a table may be read as.
FORMATS = ("csv", "json", "jsonl", "parquet", "feather")

STANDARD_INPUT = "-"

_ENDINGS = {
    "parquet": "parquet", "pq": "parquet", "feather": "feather", "arrow": "feather", "ipc": "feather",
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "json",
}  # fmt: skip
_COMPRESSED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd",
}  # fmt: skip
_BINARY = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather", b"\xff\xff\xff\xff": "feather"}
_NO_TABLES = {
    b"\x89HDF\r\n": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"SQLite format 3\0": "an SQLite database",
    b"%PDF": "a PDF document",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
    b"\x93NUMPY": "a NumPy array",
}


def shown_name(path: Any) -> str:
    """Return how messages name a file."""
    name = os.fspath(path)
    return "standard input" if name == STANDARD_INPUT else str(name)


def format_by_name(path: Any) -> str | None:
    """Return the kind of table that a file's name ends in, before an ending of compression; None for others.

    Examples
    --------
    >>> from fastmlp.tables.files import format_by_name
    >>> format_by_name("x.parquet"), format_by_name("x.jsonl.gz"), format_by_name("x.csv")
    ('parquet', 'jsonl', None)
    """
    parts = os.path.basename(str(os.fspath(path))).lower().split(".")
    if len(parts) > 2 and parts[-1] in ("gz", "bz2", "xz", "zip", "zst"):
        parts.pop()
    return _ENDINGS.get(parts[-1]) if len(parts) > 1 else None


def content_of(path: Any) -> bytes:
    """Return a file's content, uncompressed if it was compressed, as its first bytes tell; "-" is standard input.

    Raises
    ------
    OSError
        When it cannot be read.
    TableError
        When it cannot be uncompressed, or is what no table is in.
    """
    name = os.fspath(path)
    if name == STANDARD_INPUT:
        if sys.stdin is None:
            raise TableError("standard input is closed")
        source = getattr(sys.stdin, "buffer", None)
        content = sys.stdin.read().encode() if source is None else source.read()
    else:
        if os.path.isdir(name):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        with open(name, "rb") as file:
            content = file.read()
    kind = next((kind for magic, kind in _COMPRESSED.items() if content.startswith(magic)), None)
    if kind is not None:
        content = _uncompressed(content, kind, shown_name(name))
    for magic, what in _NO_TABLES.items():
        if content.startswith(magic):
            raise TableError(f"{shown_name(name)} is {what}; save the table as CSV or Parquet")
    return content


def _uncompressed(content: bytes, kind: str, name: str) -> bytes:
    try:
        if kind == "gzip":
            return gzip.decompress(content)
        if kind == "bzip2":
            return bz2.decompress(content)
        if kind == "xz":
            return lzma.decompress(content)
        if kind == "zstd":
            return _unpacked_zstd(content, name)
        return _only_member(content, name)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise TableError(f"{name} cannot be uncompressed ({kind}): {' '.join(str(error).split())}") from None


def _only_member(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [member for member in archive.namelist() if not member.endswith("/") and "__MACOSX" not in member]
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise TableError(f"{name} is a workbook or document of an office program; save the table as CSV")
        if len(names) != 1:
            raise TableError(f"{name} holds {len(names)} files, and a table is one: {', '.join(names[:5])}")
        return archive.read(names[0])


def _unpacked_zstd(content: bytes, name: str) -> bytes:
    try:
        pyarrow = import_module("pyarrow")
    except ImportError as error:
        raise ImportError(f"{name}: zstd needs pyarrow, which is not installed: pip install 'fastmlp[cli]'") from error
    with pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd") as stream:
        return stream.read()


def format_by_content(content: bytes) -> str | None:
    """Return the kind of table that the first bytes tell; None for text.

    Examples
    --------
    >>> from fastmlp.tables.files import format_by_content
    >>> format_by_content(b"PAR1..."), format_by_content(b"a,b")
    ('parquet', None)
    """
    return next((kind for magic, kind in _BINARY.items() if content.startswith(magic)), None)
