"""The bytes of a file: safetensors with a checksum, read and checked as a whole, written as a whole or not at all."""

import errno
import hashlib
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray

from fastmlp.config import __version__

FORMAT, VERSION = "fastmlp", "1"
#: The bytes that a header may have, which is the limit of safetensors itself.
MAX_HEADER = 100_000_000

_CHECKSUM = re.compile(rb'"checksum":"([0-9a-f]{64})"')
_NO_CHECKSUM = b"0" * 64
# The types of arrays that a file may have, by the names that safetensors gives them.
TENSOR_TYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "F16": "float16", "F32": "float32", "F64": "float64",
}  # fmt: skip
DTYPES = {name: np.dtype(name) for name in TENSOR_TYPES.values()}
# The names of types of dates and spans of time, which tensors hold as the whole numbers that NumPy has for them.
_TIMES = re.compile(r"(datetime|timedelta)64\[(?:[1-9][0-9]{0,8})?(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]|timedelta64")


def time_dtype(name: Any) -> np.dtype | None:
    """Return the type of dates or of spans of time that has a name; None for whatever names none.

    Examples
    --------
    >>> from fastmlp.persistence.format import time_dtype
    >>> time_dtype("datetime64[D]"), time_dtype("float64")
    (dtype('<M8[D]'), None)
    """
    return np.dtype(name) if type(name) is str and _TIMES.fullmatch(name) else None


class BadTree(ValueError):
    """Raised for a file, or a tree in one, that is not what the format says; the message follows the file's name."""


def content(tree: Any, tensors: Mapping[str, NDArray]) -> list[memoryview | bytes]:
    """Return a file's content, in pieces: a model's tree, and the arrays that it refers to."""
    import safetensors.numpy  # noqa: PLC0415

    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "fastmlp": __version__,
        "sklearn": sklearn.__version__,
        "checksum": _NO_CHECKSUM.decode(),
        "model": json.dumps(tree, separators=(",", ":"), allow_nan=False),
    }
    whole = memoryview(safetensors.numpy.save(dict(tensors), metadata))
    length = int.from_bytes(whole[:8], "little")
    if length > MAX_HEADER:
        raise ValueError(f"What the model holds beside arrays takes {length} bytes; a file may have {MAX_HEADER}.")
    at = _checksum_at(whole)
    return [whole[:at], _digest(whole, at).encode(), whole[at + 64 :]]


def _checksum_at(content: bytes | memoryview) -> int:
    """Return where the checksum's digits begin, in a file whose header has a sane length."""
    found = list(_CHECKSUM.finditer(content[8 : 8 + int.from_bytes(content[:8], "little")]))
    if len(found) != 1:
        raise BadTree("is damaged: it has no checksum, or several.")
    return 8 + found[0].start(1)


def _digest(content: bytes | memoryview, at: int) -> str:
    digest, whole = hashlib.sha256(), memoryview(content)
    for piece in (whole[:at], _NO_CHECKSUM, whole[at + 64 :]):
        digest.update(piece)
    return digest.hexdigest()


def read(path: str) -> tuple[dict[str, str], dict[str, NDArray]]:
    """Return a file's metadata and arrays; a file whose checksum does not fit is refused."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadTree("is no regular file.")
        head = file.read(8)
        length, rest = int.from_bytes(head, "little"), status.st_size - 8
        if len(head) < 8:
            raise BadTree(f"is empty or truncated: it has {len(head)} bytes.")
        if not 2 <= length <= MAX_HEADER or (length > rest and file.read(1) != b"{"):
            raise BadTree("is not a file of fastmlp: it does not begin as a safetensors file does.")
        if length > rest:
            raise BadTree(f"is truncated: of its header's {length} bytes there are {rest}.")
        text = file.read(length)
        metadata, spans = _header(text)
        size = max((end for _, end, _ in spans.values()), default=0)
        if (missing := size - (rest - length)) > 0:
            raise BadTree(f"is truncated: {missing} bytes are missing at its end.")
        if missing < 0:
            raise BadTree(f"is damaged: it has {-missing} bytes too many.")
        content = head + text + file.read()
    if len(content) != status.st_size:
        raise BadTree("changed while it was read.")
    if metadata["checksum"] != _digest(content, _checksum_at(content)):
        raise BadTree("is damaged: its checksum does not fit its content.")
    tensors = {}
    for name, (begin, _, (dtype, shape)) in spans.items():
        array: NDArray = np.ndarray(shape, dtype.newbyteorder("<"), content, 8 + length + begin)
        if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            raise BadTree(f"has truth values that are neither 0 nor 1, in the tensor {name!r}.")
        tensors[name] = array.astype(dtype)  # the array is a copy, which may be written to
    return metadata, tensors


def _header(text: bytes) -> tuple[dict[str, str], dict[str, tuple[int, int, tuple[np.dtype, list[int]]]]]:
    """Return the metadata in a header, and of each tensor where it begins and ends, its type and its shape.

    The tensors lie one behind the other, and each has the bytes that its shape needs; other headers are refused.
    """
    try:
        header = parsed(text.decode())
    except (BadTree, UnicodeDecodeError) as error:
        raise BadTree(f"is not a file of fastmlp, or damaged: its header cannot be read: {error}.") from error
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise BadTree("is not a file of fastmlp: its metadata do not say so.")
    version = metadata.get("version")
    if version != VERSION:
        if isinstance(version, str) and re.fullmatch("[1-9][0-9]{0,8}", version):
            raise BadTree(f"was written by a newer fastmlp, in version {version} of the format; known is {VERSION}.")
        raise BadTree(f"is damaged: the version of its format is {version!r}.")
    for name in ("fastmlp", "sklearn", "checksum", "model"):
        if not isinstance(metadata.get(name), str):
            raise BadTree(f"is damaged: its metadata lack {name!r}.")
    spans = {}
    for name, tensor in header.items():
        try:
            dtype = DTYPES[TENSOR_TYPES[tensor["dtype"]]]
            (begin, end), shape = tensor["data_offsets"], tensor["shape"]
        except (KeyError, TypeError, ValueError):
            raise BadTree(f"is damaged: it does not describe the tensor {name!r} as it must.") from None
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in (begin, end, *shape)):
            raise BadTree(f"is damaged: the tensor {name!r} has the shape {shape!r}.")
        if math.prod(shape) * dtype.itemsize != end - begin:
            raise BadTree(f"is damaged: the tensor {name!r} of shape {shape} does not fit its {end - begin} bytes.")
        spans[name] = begin, end, (dtype, shape)
    at = 0
    for begin, end, _ in sorted(spans.values(), key=lambda span: span[:2]):
        if begin != at:
            raise BadTree("is damaged: its tensors overlap, or leave something out.")
        at = end
    return metadata, spans


def parsed(text: str) -> Any:
    """Return what a JSON text says; a name that stands twice or a number that is not finite is refused."""

    def refuse(constant: str) -> None:
        raise BadTree(f"has the number {constant}")

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            refuse(digits)
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) != len(pairs):
            raise BadTree("has a name twice")
        return found

    try:
        return json.loads(text, parse_constant=refuse, parse_float=number, object_pairs_hook=unique)
    except RecursionError as error:
        raise BadTree("is nested too deeply") from error
    except BadTree:
        raise
    except ValueError as error:
        raise BadTree(str(error)) from error


def write_atomically(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file so that there is always a whole one at its place: what was there before, or the new one.

    Parameters
    ----------
    path : str or path-like
        Of a link it is the file it leads to that is written.
    chunks : iterable of bytes-like
        What is written, one after the other.

    Raises
    ------
    OSError
        When something fails; what was there before is as it was, and nothing is left behind.

    Examples
    --------
    >>> import os, pathlib, tempfile
    >>> from fastmlp.persistence import write_atomically
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "file")
    ...     write_atomically(path, [b"one, ", b"two"])
    ...     path.read_bytes(), os.listdir(folder)
    (b'one, two', ['file'])
    """
    given = os.fspath(path)
    target = os.path.realpath(given)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:48]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        if os.path.exists(target) and not os.path.isfile(target):  # a device must not make way for a file
            raise OSError(errno.EINVAL, "Not a regular file")
        with open(temporary, "xb") as file:
            try:
                if os.path.exists(target):  # the new file gets the permissions of the old one, as with open()
                    os.fchmod(file.fileno(), stat.S_IMODE(os.stat(target).st_mode))
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, target)
            except BaseException:
                os.unlink(temporary)
                raise
    except OSError as error:
        before = "what was there is intact" if os.path.exists(target) else "there is no file"
        raise OSError(error.errno, f"{error.strerror or error} while writing; {before}", given) from error
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
