"""Models in files: one safetensors file each, which holds numbers and text and nothing that is run.

A file has the model's arrays as tensors, and in its metadata:

========  ==========================================================================================================
format    "fastmlp"
version   of the format, "1"
fastmlp   the package's version
sklearn   scikit-learn's
checksum  SHA-256 of the whole file, in hexadecimal, taken with zeros in its own place
model     the model as a tree, in JSON
========  ==========================================================================================================

In the tree null, true, false, finite numbers, text and lists are what they are in JSON; everything else is an object
with the name of its kind (see ``_Decoder``): {"tuple": [...]}, {"tensor": name}, {"object": name of a class, "state":
{attribute: ...}}, ... A class is looked up in the list of those that a file may hold, made without calling anything of
its own, and checked; nothing is ever imported or called because a file names it.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import importlib
import json
import math
import os
import re
import secrets
import stat
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from pathlib import PurePath
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.preprocessing import LabelBinarizer

from fastmlp.components import Component, Parameterized
from fastmlp.losses import OUTPUT_ACTIVATIONS
from fastmlp.optimizers import SGD, Descent, Fused, Optimizer

FORMAT, VERSION = "fastmlp", "1"
#: Bytes of the longest header, safetensors' own limit.
MAX_HEADER = 100_000_000
#: Threads or processes that a model may ask for by number.
MAX_JOBS = 1024
#: Values within values.
MAX_DEPTH = 100
#: Bits of the largest integer.
MAX_BITS = 1024
#: Keys of a dict whose hashes are the same; with many of them a small file would take hours.
MAX_ALIKE = 64
#: The largest count: of rows, steps, epochs.
MAX_COUNT = 1 << 53

_CHECKSUM = re.compile(rb'"checksum":"([0-9a-f]{64})"')
_NO_CHECKSUM = b"0" * 64
# What safetensors calls the types of arrays there are in a file.
_TENSOR_TYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "F16": "float16", "F32": "float32", "F64": "float64",
}  # fmt: skip
_DTYPES = {name: np.dtype(name) for name in _TENSOR_TYPES.values()}
# Those that are parameters and attributes, as scikit-learn's encoders and imputers have them.
_TYPES: dict[str, type] = {
    **{name: dtype.type for name, dtype in _DTYPES.items()},
    **{f"builtins.{cls.__name__}": cls for cls in (bool, int, float, str, object)},
}
_PLAIN = (type(None), bool, int, float, str)
# scikit-learn's callbacks are set anew, and belong to one fit.
_LEFT_OUT = frozenset({"_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "_parent_callback_ctx"})


class FileError(ValueError):
    """A file that holds no model, or one that cannot be made of it; the message says which file, and why."""


class _BadTree(ValueError):
    """What a tree must not be."""


class _NotEncodable(TypeError):
    """A value that no file can hold."""


# ---- saving and loading ----------------------------------------------------------------------------------------------


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a file that :func:`load` reads; it is one safetensors file without any code.

    The file is written beside its place and then put there: whatever happens, there is the whole new file or what was
    there before. scikit-learn's callbacks (``set_callbacks``) are left out. A parameter that no file can hold, such as
    a function, is noted as missing, and is to be given to load; so are ``callbacks`` with one of a class of yours, of
    which those attributes are stored that a file can hold.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, TableModel or Pipeline
        Fitted or not. Of a pipeline's steps those may be there that are in :func:`classes`.
    path : str or path-like
        In a folder that exists.

    Raises
    ------
    TypeError
        For other models, and when something of the model cannot be stored; it says where.
    ValueError
        For parameters or attributes with which the model could not be loaded.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import fastmlp
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> reg = fastmlp.MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", random_state=0).fit(X, X.ravel())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     fastmlp.save(reg, path)
    ...     loaded = fastmlp.load(path)
    >>> bool((loaded.predict(X) == reg.predict(X)).all())
    True
    """
    write_atomically(path, packed(model))


def load(path: str | os.PathLike[str], **parameters: Any) -> Any:
    """Return the model in a file that :func:`save` wrote.

    It predicts, and goes on learning, as the one that was saved. Whatever is in the file, loading it does nothing but
    make the model or fail. (A fit may do more, if callbacks that came with the file write files: look at a stranger's
    ``model.callbacks`` before you train it further.)

    Parameters
    ----------
    path : str or path-like
    **parameters
        Take the place of the model's parameters, named as ``set_params`` takes them; needed for those that no file can
        hold. Callbacks get what those saved in their places, if of the same classes, knew beside their parameters.

    Returns
    -------
    model : MLPClassifier, MLPRegressor, TableModel or Pipeline

    Raises
    ------
    FileError
        A ValueError: when this is no such file, it is damaged, what it holds is no sound model, or when a parameter is
        to be given.
    OSError
        When the file cannot be read.

    Warns
    -----
    UserWarning
        When parts of scikit-learn are in it that another version of scikit-learn saved.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> halving = lambda step: 0.1 * 0.5 ** (step // 1000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     fastmlp.save(fastmlp.MLPRegressor(learning_rate=halving), path)
    ...     fastmlp.load(path, learning_rate=halving).learning_rate is halving
    True
    """
    path = os.fspath(path)
    try:
        metadata, tensors = _read(path)
        decoder = _Decoder(tensors, parameters)
        model = decoder.decode(_parsed(metadata["model"]), "model")
        if decoder.missing:
            raise _BadTree(_missing(decoder.missing))
        decoder.finish()
        if type(model) not in _roots():
            raise _BadTree(f"holds a {type(model).__name__}, which is no model.")
        check(model)
    except (OSError, ImportError):  # of the reading, not of the file
        raise
    except _BadTree as error:
        raise FileError(f"{path!r} {error}") from error
    except Exception as error:  # of NumPy's and scikit-learn's checks, too
        what = f"{error}" if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise FileError(f"{path!r} holds no sound model: {what}") from error
    if parameters:
        _hand_over(model, decoder.callbacks, parameters)
        check(model.set_params(**parameters))
    if decoder.has_sklearn and metadata["sklearn"] != sklearn.__version__:
        warnings.warn(
            f"{path!r} was saved with scikit-learn {metadata['sklearn']}, this is {sklearn.__version__}; its classes in"
            " the file may work otherwise, or not at all.",
            stacklevel=2,
        )
    return model


def _missing(missing: dict[str, str]) -> str:
    """Return what is to be given, and how."""
    were = ", ".join(f"{name}={text}" for name, text in missing.items())
    how = ", ".join(f"{name}=..." for name in missing)
    return f"was saved with {were}, which no file holds; give it: load(path, {how})."


# ---- the file --------------------------------------------------------------------------------------------------------


def packed(model: Any) -> list[memoryview | bytes]:
    """Return a file's content, in pieces."""
    import safetensors.numpy  # noqa: PLC0415

    if type(model) not in _roots():
        known = ", ".join(sorted(cls.__name__ for cls in _roots()))
        raise TypeError(f"save takes one of {known}; got {type(model).__name__}.")
    encoder = _Encoder(model)
    tree = encoder.encode(model, "model")
    check(model)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "fastmlp": sys.modules["fastmlp"].__version__,  # not imported here: the package imports this module
        "sklearn": sklearn.__version__,
        "checksum": _NO_CHECKSUM.decode(),
        "model": json.dumps(tree, separators=(",", ":"), allow_nan=False),
    }
    content = memoryview(safetensors.numpy.save(encoder.tensors, metadata))
    length = int.from_bytes(content[:8], "little")
    if length > MAX_HEADER:
        raise ValueError(f"What the model holds beside arrays takes {length} bytes; a file may have {MAX_HEADER}.")
    at = _checksum_at(content)
    return [content[:at], _digest(content, at).encode(), content[at + 64 :]]


def _checksum_at(content: bytes | memoryview) -> int:
    """Return where the checksum's digits begin, in a file whose header has a sane length."""
    found = list(_CHECKSUM.finditer(content[8 : 8 + int.from_bytes(content[:8], "little")]))
    if len(found) != 1:
        raise _BadTree("is damaged: it has no checksum, or several.")
    return 8 + found[0].start(1)


def _digest(content: bytes | memoryview, at: int) -> str:
    digest, whole = hashlib.sha256(), memoryview(content)
    for piece in (whole[:at], _NO_CHECKSUM, whole[at + 64 :]):
        digest.update(piece)
    return digest.hexdigest()


def _read(path: str) -> tuple[dict[str, str], dict[str, NDArray]]:
    """Return a file's metadata and arrays; what it holds is what was written."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _BadTree("is no regular file.")
        head = file.read(8)
        length, rest = int.from_bytes(head, "little"), status.st_size - 8
        if len(head) < 8:
            raise _BadTree(f"is empty or truncated: it has {len(head)} bytes.")
        if not 2 <= length <= MAX_HEADER or (length > rest and file.read(1) != b"{"):
            raise _BadTree("is not a file of fastmlp: it does not begin as a safetensors file does.")
        if length > rest:
            raise _BadTree(f"is truncated: of its header's {length} bytes there are {rest}.")
        text = file.read(length)
        metadata, spans = _header(text)
        size = max((end for _, end, _ in spans.values()), default=0)
        if (missing := size - (rest - length)) > 0:
            raise _BadTree(f"is truncated: {missing} bytes are missing at its end.")
        if missing < 0:
            raise _BadTree(f"is damaged: it has {-missing} bytes too many.")
        content = head + text + file.read()
    if len(content) != status.st_size:
        raise _BadTree("changed while it was read.")
    if metadata["checksum"] != _digest(content, _checksum_at(content)):
        raise _BadTree("is damaged: its checksum does not fit its content.")
    tensors = {}
    for name, (begin, _, (dtype, shape)) in spans.items():
        array: NDArray = np.ndarray(shape, dtype.newbyteorder("<"), content, 8 + length + begin)
        if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            raise _BadTree(f"has truth values that are neither 0 nor 1, in the tensor {name!r}.")
        tensors[name] = array.astype(dtype)  # a copy of its own, to be written to
    return metadata, tensors


def _header(text: bytes) -> tuple[dict[str, str], dict[str, tuple[int, int, tuple[np.dtype, list[int]]]]]:
    """Return the metadata in a header, and of each tensor where it begins and ends, its type and its shape.

    They fit each other: tensors lie one behind the other, and each has the bytes that its shape needs.
    """
    try:
        header = _parsed(text.decode())
    except (_BadTree, UnicodeDecodeError) as error:
        raise _BadTree(f"is not a file of fastmlp, or damaged: its header cannot be read: {error}.") from error
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise _BadTree("is not a file of fastmlp: its metadata do not say so.")
    version = metadata.get("version")
    if version != VERSION:
        if isinstance(version, str) and re.fullmatch("[1-9][0-9]{0,8}", version):
            raise _BadTree(f"was written by a newer fastmlp, in version {version} of the format; known is {VERSION}.")
        raise _BadTree(f"is damaged: the version of its format is {version!r}.")
    for name in ("fastmlp", "sklearn", "checksum", "model"):
        if not isinstance(metadata.get(name), str):
            raise _BadTree(f"is damaged: its metadata lack {name!r}.")
    spans = {}
    for name, tensor in header.items():
        try:
            dtype = _DTYPES[_TENSOR_TYPES[tensor["dtype"]]]
            (begin, end), shape = tensor["data_offsets"], tensor["shape"]
        except (KeyError, TypeError, ValueError):
            raise _BadTree(f"is damaged: it does not describe the tensor {name!r} as it must.") from None
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in (begin, end, *shape)):
            raise _BadTree(f"is damaged: the tensor {name!r} has the shape {shape!r}.")
        if math.prod(shape) * dtype.itemsize != end - begin:
            raise _BadTree(f"is damaged: the tensor {name!r} of shape {shape} does not fit its {end - begin} bytes.")
        spans[name] = begin, end, (dtype, shape)
    at = 0
    for begin, end, _ in sorted(spans.values(), key=lambda span: span[:2]):
        if begin != at:
            raise _BadTree("is damaged: its tensors overlap, or leave something out.")
        at = end
    return metadata, spans


def _parsed(text: str) -> Any:
    """Return what JSON says, which is to be strict: no name twice, no number that is not finite."""

    def refuse(constant: str) -> None:
        raise _BadTree(f"has the number {constant}")

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            refuse(digits)
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) != len(pairs):
            raise _BadTree("has a name twice")
        return found

    try:
        return json.loads(text, parse_constant=refuse, parse_float=number, object_pairs_hook=unique)
    except RecursionError as error:
        raise _BadTree("is nested too deeply") from error
    except _BadTree:
        raise
    except ValueError as error:
        raise _BadTree(str(error)) from error


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
                if os.path.exists(target):  # as open() leaves it
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


# ---- what a file may hold --------------------------------------------------------------------------------------------

# Plain classes that a fitted estimator consists of.
_STATES: tuple[type, ...] = (Descent,)


def classes() -> dict[str, type]:
    """Return the classes of objects that a file may hold, by the names they have there.

    All of the package's that have parameters, states of training, and some of scikit-learn's.

    Examples
    --------
    >>> from fastmlp.persistence import classes
    >>> [name for name in classes() if "Scaler" in name]
    ['sklearn.MaxAbsScaler', 'sklearn.MinMaxScaler', 'sklearn.RobustScaler', 'sklearn.StandardScaler']
    """
    importlib.import_module("fastmlp.tables")  # the package itself imports it at its first use
    ours = [cls for cls in _subclasses(Parameterized) if _is_ours(cls)]
    named = [(_key(cls), cls) for cls in {*ours, *_STATES} if not cls.__name__.startswith("_")]
    found = dict(named)
    if len(found) != len(named):
        raise AssertionError("two classes have the same name in files")
    return dict(sorted((found | {f"sklearn.{cls.__name__}": cls for cls in _sklearn_classes()}).items()))


def _subclasses(cls: Any) -> Iterator[type]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("fastmlp.")


def _key(cls: type) -> str:
    return f"{cls.__module__.split('.')[1]}.{cls.__name__}"


@functools.cache
def _sklearn_classes() -> tuple[type, ...]:
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415
    from sklearn.impute import MissingIndicator, SimpleImputer  # noqa: PLC0415
    from sklearn.pipeline import Pipeline  # noqa: PLC0415
    from sklearn.preprocessing import (  # noqa: PLC0415
        FunctionTransformer,
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        OrdinalEncoder,
        QuantileTransformer,
        RobustScaler,
        StandardScaler,
    )

    return (
        ColumnTransformer, FunctionTransformer, LabelBinarizer, MaxAbsScaler, MinMaxScaler, MissingIndicator,
        OneHotEncoder, OrdinalEncoder, Pipeline, QuantileTransformer, RobustScaler, SimpleImputer, StandardScaler,
    )  # fmt: skip


def _roots() -> set[type]:
    """Return the classes of models."""
    return {cls for cls in classes().values() if _is_network(cls) or _is(cls, "Pipeline")}


def _is_network(cls: type) -> bool:
    """Whether it is one of the package's estimators, which alone have parameters and are no components."""
    return issubclass(cls, Parameterized) and not issubclass(cls, Component)


def _is(cls: type, name: str) -> bool:
    """Whether it is scikit-learn's class of that name."""
    return cls in _sklearn_classes() and cls.__name__ == name


def _is_memory(cls: type, name: str) -> bool:
    """Whether an attribute of a class is a pipeline's memory: a folder of pickles, of which no file decides."""
    return name == "memory" and _is(cls, "Pipeline")


def _parameters_of(cls: Any) -> list[str]:
    return cls._get_param_names() if issubclass(cls, BaseEstimator) else []


def _is_attribute(cls: type, name: str) -> bool:
    """Whether objects may have such an attribute: parameters, and what does not hide something of the class.

    A class's private default that is plain data is there to be hidden.
    """
    if name in _parameters_of(cls):
        return True
    if not name.isidentifier() or name.startswith("__") or name in _LEFT_OUT:
        return False
    if not hasattr(cls, name):
        return True
    return name.startswith("_") and name.islower() and isinstance(getattr(cls, name), (*_PLAIN, tuple))


# ---- values to trees -------------------------------------------------------------------------------------------------


class _Encoder:
    """Trees of values, and the tensors they refer to.

    Parameters
    ----------
    model : estimator
        Whose parameters, and whose parts' parameters, may be missing in the tree.
    """

    def __init__(self, model: Any) -> None:
        self.tensors: dict[str, NDArray] = {}
        self._names = {cls: name for name, cls in classes().items()}
        # What set_params begins the parameters' names with, for each estimator within the model.
        self._prefixes = {id(model): ""}
        for name, value in model.get_params(deep=True).items():
            if _is_network(type(value)) or _is(type(value), "Pipeline"):
                self._prefixes[id(value)] = f"{name}__"
        # What parameters have that no file holds, and where they have it: from their name on.
        self._missing: list[tuple[list[Any], Any]] = []

    def encode(self, value: Any, where: str, depth: int = 0) -> Any:
        """Return the tree of a value; where says whose it is.

        Raises
        ------
        TypeError
            For a value that no file holds, whose place it names.
        """
        if depth > MAX_DEPTH:
            raise _NotEncodable(f"{where} is nested too deeply, or holds itself")
        cls = type(value)
        if value is None or cls in (bool, str):
            return value
        if cls is int and value.bit_length() <= MAX_BITS:
            return value
        if cls is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if cls is bytes:
            return {"bytes": value.hex()}
        if isinstance(value, PurePath):
            return str(value)  # which is as good where paths are taken
        if cls in (list, tuple):
            items = [self.encode(item, f"{where}.{i}", depth + 1) for i, item in enumerate(value)]
            return items if cls is list else {"tuple": items}
        if cls is dict and not _are_alike(value):
            pairs = [
                [self.encode(key, f"{where}.{key}", depth + 1), self.encode(item, f"{where}.{key}", depth + 1)]
                for key, item in value.items()
            ]
            return {"dict": pairs}
        if cls is slice:
            return {"slice": [self.encode(part, where, depth + 1) for part in (value.start, value.stop, value.step)]}
        if isinstance(value, np.generic) and value.dtype.name in _DTYPES:
            return {"scalar": value.dtype.name, "value": self.encode(value.item(), where, depth + 1)}
        if cls is np.str_:
            return {"scalar": "str", "value": str(value)}
        if cls in (np.ndarray, np.memmap):
            return self._encode_array(np.asarray(value), where, depth)
        if isinstance(value, np.dtype) and (value.kind == "O" or value.name in _DTYPES):
            return {"dtype": value.name}
        if isinstance(value, type) and value in _TYPES.values():
            return {"type": next(name for name, known in _TYPES.items() if known is value)}
        if cls is np.random.RandomState and type(value._bit_generator) is np.random.MT19937:
            return {"random_state": self.encode(value.get_state(legacy=False), where, depth + 1)}
        if cls is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return {"generator": self.encode(value.bit_generator.state, where, depth + 1)}
        if cls in self._names:
            return self._encode_object(value, where, depth)
        return self._encode_given(value, where, depth)

    def _encode_array(self, array: NDArray, where: str, depth: int) -> Any:
        if array.dtype.name in _DTYPES:
            return {"tensor": self._add(array, where)}
        if array.dtype.kind == "U":
            width = max(1, array.dtype.itemsize // 4) if array.size else 1
            points = np.array(array, dtype=f"=U{width}", order="C").reshape(-1).view(np.uint32)
            points = points.reshape(*array.shape, width)
            return {"text": self._add(points, where)}
        if array.dtype == object and all(type(item) in _PLAIN for item in array.flat):
            items = [self.encode(item, where, depth + 1) for item in array.flat]
            return {"objects": items, "shape": list(array.shape)}
        raise _NotEncodable(f"{where} is an array of {array.dtype}, which no file holds")

    def _add(self, array: NDArray, where: str) -> str:
        name, number = where.removeprefix("model."), 1
        while name in self.tensors:
            number += 1
            name = f"{where.removeprefix('model.')} ({number})"
        self.tensors[name] = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
        return name

    def _encode_object(self, value: Any, where: str, depth: int) -> Any:
        cls = type(value)
        return {"object": self._names[cls], "state": self._encode_state(value, where, depth)}

    def _encode_state(self, value: Any, where: str, depth: int) -> dict[str, Any]:
        """Return the trees of an object's attributes, those that a pickle would have."""
        cls = type(value)
        state = value.__getstate__()
        if not isinstance(state, dict):
            raise _NotEncodable(f"{where} is a {cls.__name__}, whose __getstate__ gives no dict")
        state = {name: item for name, item in state.items() if name not in {*_LEFT_OUT, "_sklearn_version"}}
        prefix = self._prefixes.get(id(value))
        trees = {}
        parameters = set(_parameters_of(cls))
        for name in sorted(state, key=lambda name: name not in parameters):  # what is missing in these comes first
            if not _is_attribute(cls, name):
                raise _NotEncodable(f"{where}.{name} hides what the class {cls.__name__} has")
            place = f"{where}.{name}"
            if prefix is not None and name in parameters:
                trees[name] = self._encode_parameter(value, name, prefix + name, place, depth + 1)
            else:
                trees[name] = self.encode(state[name], place, depth + 1)
        return trees

    def _encode_parameter(self, owner: Any, name: str, full: str, where: str, depth: int) -> Any:
        """Return the tree of an estimator's parameter; where no file can hold it, that it is to be given."""
        value, tensors = getattr(owner, name), dict(self.tensors)
        is_memory = _is_memory(type(owner), name) and value is not None
        try:
            if is_memory:
                raise _NotEncodable(f"{where} is a folder of pickles")
            return self.encode(value, where, depth)
        except _NotEncodable:
            if _is(type(owner), "Pipeline") and not is_memory:
                raise
            self.tensors = tensors
            self._missing += self._unencodable(value, [full])
            tree: dict[str, Any] = {"unsaved": _shown(value), "parameter": full}
            if _is_network(type(owner)) and name == "callbacks" and isinstance(value, list | tuple):
                tree["callbacks"] = [self._encode_known(part, f"{where}.{i}", depth) for i, part in enumerate(value)]
            return tree

    def _encode_known(self, callback: Any, where: str, depth: int) -> dict[str, Any]:
        """Return the name of a callback's class, and the trees of what it knows that a file can hold."""
        known = {}
        for name, value in _known_by(callback).items():
            tensors = dict(self.tensors)
            try:
                known[name] = self.encode(value, f"{where}.{name}", depth + 1)
            except _NotEncodable:
                self.tensors = tensors
        return {"class": _class_name(type(callback)), "knows": known}

    def _unencodable(self, value: Any, path: list[Any]) -> Iterator[tuple[list[Any], Any]]:
        """Yield what within a parameter no file holds, and the way to it."""
        if type(value) in self._names and issubclass(type(value), Parameterized):
            for name, part in value.get_params(deep=False).items():
                yield from self._unencodable(part, [*path, name])
        elif type(value) in (list, tuple):
            for i, part in enumerate(value):
                yield from self._unencodable(part, [*path, i])
        elif type(value) not in self._names:
            yield path, value

    def _encode_given(self, value: Any, where: str, depth: int) -> Any:
        """Return the tree of what a missing parameter has, too: an optimizer at work has a schedule of the user's."""
        for path, part in self._missing:
            if part is value and type(value) not in _PLAIN:
                return {"given": path}
            if type(part) is type(value) and isinstance(value, Parameterized):
                return {"given": path, "state": self._encode_state(value, where, depth)}
        raise _NotEncodable(f"{where} is {_shown(value)}, a {type(value).__qualname__}, which no file holds")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:197]}..."


# ---- trees to values -------------------------------------------------------------------------------------------------


class _Decoder:
    """Values of trees.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Each is to be referred to once.
    given : mapping of str to Any
        Parameters that take the place of those in the tree.
    """

    def __init__(self, tensors: Mapping[str, NDArray], given: Mapping[str, Any]) -> None:
        self._tensors = dict(tensors)
        self._given = given
        self._classes = classes()
        #: Parameters that are to be given, as they were.
        self.missing: dict[str, str] = {}
        #: For those that are callbacks: the name of each one's class, and what it knew.
        self.callbacks: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.has_sklearn = False

    def finish(self) -> None:
        """Refuse tensors that nothing refers to."""
        if self._tensors:
            raise _BadTree(f"has tensors that the model does not need: {sorted(self._tensors)[:3]}.")

    def decode(self, tree: Any, where: str, depth: int = 0) -> Any:
        """Return the value of a tree; where says whose it is."""
        if depth > MAX_DEPTH:
            raise _BadTree(f"is nested too deeply, in {where}.")
        if type(tree) is list:
            return [self.decode(item, f"{where}.{i}", depth + 1) for i, item in enumerate(tree)]
        if type(tree) is not dict:
            if type(tree) is int and tree.bit_length() > MAX_BITS:
                raise _BadTree(f"has a number of {tree.bit_length()} bits, in {where}.")
            return tree
        for kind, names in _KINDS.items():
            if tree.keys() in names:
                return getattr(self, f"_decode_{kind}")(tree, where, depth + 1)
        raise _BadTree(f"has {sorted(tree)[:3]} where a value is to be, in {where}.")

    def _wrong(self, kind: str, where: str) -> _BadTree:
        return _BadTree(f"has a {kind} that is none, in {where}.")

    def _taken(self, tree: Any, where: str) -> NDArray:
        """Return a tensor, which nothing else may refer to."""
        if type(tree) is not str or tree not in self._tensors:
            raise _BadTree(f"refers to a tensor {tree!r} that is not there, or not any more, in {where}.")
        return self._tensors.pop(tree)

    def _list(self, tree: Any, kind: str, where: str) -> list[Any]:
        if type(tree) is not list:
            raise self._wrong(kind, where)
        return tree

    def _decode_float(self, tree: dict[str, Any], where: str, depth: int) -> float:
        if tree["float"] not in ("nan", "inf", "-inf"):
            raise self._wrong("float", where)
        return float(tree["float"])

    def _decode_bytes(self, tree: dict[str, Any], where: str, depth: int) -> bytes:
        if type(tree["bytes"]) is not str:
            raise self._wrong("bytes", where)
        return bytes.fromhex(tree["bytes"])

    def _decode_tuple(self, tree: dict[str, Any], where: str, depth: int) -> tuple:
        return tuple(self.decode(self._list(tree["tuple"], "tuple", where), where, depth))

    def _decode_dict(self, tree: dict[str, Any], where: str, depth: int) -> dict:
        pairs = self._list(tree["dict"], "dict", where)
        if any(type(pair) is not list or len(pair) != 2 for pair in pairs):
            raise self._wrong("dict", where)
        keys = [self.decode(pair[0], where, depth) for pair in pairs]
        if any(type(key) not in (*_PLAIN, bytes, tuple) and not isinstance(key, np.generic) for key in keys):
            raise self._wrong("key", where)
        if _are_alike(keys):
            raise _BadTree(f"has a dict made to take long, in {where}.")
        found = {key: self.decode(pair[1], f"{where}.{key}", depth) for key, pair in zip(keys, pairs, strict=True)}
        if len(found) != len(pairs):
            raise _BadTree(f"has a key twice, in {where}.")
        return found

    def _decode_slice(self, tree: dict[str, Any], where: str, depth: int) -> slice:
        parts = self.decode(self._list(tree["slice"], "slice", where), where, depth)
        if len(parts) != 3:
            raise self._wrong("slice", where)
        return slice(*parts)

    def _decode_scalar(self, tree: dict[str, Any], where: str, depth: int) -> np.generic:
        name, value = tree["scalar"], self.decode(tree["value"], where, depth)
        if name == "str" and type(value) is str:
            return np.str_(value)
        if type(name) is not str or name not in _DTYPES or type(value) is not type(_DTYPES[name].type(0).item()):
            raise self._wrong("scalar", where)
        with np.errstate(over="ignore"):
            scalar = _DTYPES[name].type(value)
        if scalar.item() != value and not math.isnan(value):
            raise self._wrong("scalar", where)
        return scalar

    def _decode_dtype(self, tree: dict[str, Any], where: str, depth: int) -> np.dtype:
        if tree["dtype"] == "object":
            return np.dtype(object)
        if type(tree["dtype"]) is not str or tree["dtype"] not in _DTYPES:
            raise self._wrong("dtype", where)
        return _DTYPES[tree["dtype"]]

    def _decode_type(self, tree: dict[str, Any], where: str, depth: int) -> type:
        if type(tree["type"]) is not str or tree["type"] not in _TYPES:
            raise self._wrong("type", where)
        return _TYPES[tree["type"]]

    def _decode_tensor(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        return self._taken(tree["tensor"], where)

    def _decode_text(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        points = self._taken(tree["text"], where)
        width = points.shape[-1] if points.ndim else 0
        if points.dtype != np.uint32 or not 1 <= width <= max(1, points.size) or (points > sys.maxunicode).any():
            raise self._wrong("text", where)
        return points.view(f"=U{width}")[..., 0]

    def _decode_objects(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        items = self.decode(self._list(tree["objects"], "array", where), where, depth)
        shape = self._list(tree["shape"], "shape", where)
        if any(type(n) is not int or n < 0 for n in shape) or math.prod(shape) != len(items):
            raise self._wrong("shape", where)
        if any(type(item) not in _PLAIN for item in items):
            raise self._wrong("array", where)
        array = np.empty(len(items), object)
        array[:] = items
        return array.reshape(shape)

    def _decode_random_state(self, tree: dict[str, Any], where: str, depth: int) -> np.random.RandomState:
        state = self.decode(tree["random_state"], where, depth)
        generator = np.random.RandomState(0)
        wanted = generator.get_state(legacy=False)
        # NumPy itself looks neither where in its numbers a generator is to go on, nor whether they are all zeros.
        sound = (
            _alike(state, wanted)
            and state["bit_generator"] == "MT19937"
            and state["state"]["key"].shape == wanted["state"]["key"].shape
            and state["state"]["key"].dtype == np.uint32
            and state["state"]["key"].any()
            and 0 <= state["state"]["pos"] <= len(state["state"]["key"])
            and state["has_gauss"] in (0, 1)
            and math.isfinite(state["gauss"])
        )
        if not sound:
            raise self._wrong("RandomState", where)
        generator.set_state(state)
        return generator

    def _decode_generator(self, tree: dict[str, Any], where: str, depth: int) -> np.random.Generator:
        state = self.decode(tree["generator"], where, depth)
        bits = np.random.PCG64(0)
        sound = (
            _alike(state, bits.state)
            and state["bit_generator"] == "PCG64"
            and all(0 <= number < 1 << 128 for number in state["state"].values())
            and state["has_uint32"] in (0, 1)
            and 0 <= state["uinteger"] < 1 << 32
        )
        if not sound:
            raise self._wrong("Generator", where)
        bits.state = state
        return np.random.Generator(bits)

    def _decode_unsaved(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        name = tree["parameter"]
        if type(name) is not str or type(tree["unsaved"]) is not str:
            raise self._wrong("parameter", where)
        if name not in self._given:
            self.missing[name] = tree["unsaved"]
        if "callbacks" in tree:
            parts = self._list(tree["callbacks"], "list of callbacks", where)
            self.callbacks[name] = [self._decode_known(part, f"{where}.{i}", depth) for i, part in enumerate(parts)]
        return self._given.get(name)

    def _decode_known(self, tree: Any, where: str, depth: int) -> tuple[str, dict[str, Any]]:
        is_sound = type(tree) is dict and tree.keys() == {"class", "knows"}
        if not is_sound or type(tree["class"]) is not str or type(tree["knows"]) is not dict:
            raise self._wrong("callback", where)
        knows = tree["knows"].items()
        return tree["class"], {name: self.decode(part, f"{where}.{name}", depth) for name, part in knows}

    def _decode_given(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        path = self._list(tree["given"], "parameter", where)
        if not path or type(path[0]) is not str:
            raise self._wrong("parameter", where)
        if path[0] not in self._given:
            self.missing.setdefault(path[0], "...")
        part: Any = self._given.get(path[0])
        for step in path[1:]:
            if isinstance(part, Parameterized) and type(step) is str and step in _parameters_of(type(part)):
                part = getattr(part, step)
            elif type(part) in (list, tuple) and type(step) is int and 0 <= step < len(part):
                part = part[step]
            elif self.missing:
                part = None
            else:
                raise _BadTree(f"was saved with another {path[0]}: that given has no {'.'.join(map(str, path[1:]))}.")
        if "state" not in tree:
            return part
        if not isinstance(part, Parameterized):
            if self.missing:
                return None
            raise _BadTree(f"was saved with another {path[0]}; got {_shown(part)}.")
        return self._made(type(part), tree["state"], where, depth)

    def _decode_object(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        name = tree["object"]
        if type(name) is not str or name not in self._classes:
            raise _BadTree(f"has an object of the class {name!r}, which is none that a file may hold, in {where}.")
        self.has_sklearn |= name.startswith("sklearn.")
        return self._made(self._classes[name], tree["state"], where, depth)

    def _made(self, cls: Any, trees: Any, where: str, depth: int) -> Any:
        """Return an object with the attributes in trees, all its parameters among them."""
        if type(trees) is not dict:
            raise self._wrong(cls.__name__, where)
        state = {}
        for name, tree in trees.items():
            if not _is_attribute(cls, name):
                raise _BadTree(f"has an attribute {name!r} that a {cls.__name__} has not, in {where}.")
            if _is_memory(cls, name) and not (tree is None or (isinstance(tree, dict) and "unsaved" in tree)):
                raise _BadTree(f"names a folder of pickles, in {where}.")
            state[name] = self.decode(tree, f"{where}.{name}", depth)
        if lacking := sorted(set(_parameters_of(cls)) - state.keys()):
            raise _BadTree(f"lacks the parameter {lacking[0]!r} of {cls.__name__}, in {where}.")
        made = cls.__new__(cls)
        vars(made).update(state)
        if cls in _STATES:  # what such an object leaves out has a default
            for name in vars(made).keys() - made.__getstate__().keys():
                delattr(made, name)
        return made


# What kinds of trees there are beside JSON's own, and the names that one has: either all of them, or the first.
_KINDS: dict[str, tuple[set[str], ...]] = {
    **{
        kind: ({kind},)
        for kind in (
            "float", "bytes", "tuple", "dict", "slice", "dtype", "type", "tensor", "text", "random_state", "generator",
        )
    },
    "scalar": ({"scalar", "value"},),
    "objects": ({"objects", "shape"},),
    "object": ({"object", "state"},),
    "unsaved": ({"unsaved", "parameter"}, {"unsaved", "parameter", "callbacks"}),
    "given": ({"given"}, {"given", "state"}),
}  # fmt: skip


def _are_alike(keys: Iterable[Any]) -> bool:
    """Whether so many keys have the same hash that a dict of them would be slow; numbers and tuples can be so chosen.

    The hashes themselves, which are counted by their own hashes, are too few for that.
    """
    return max(Counter(map(hash, keys)).values(), default=0) > MAX_ALIKE


def _alike(value: Any, wanted: Any) -> bool:
    """Whether dicts have the same keys, and all else the same types."""
    if type(value) is not type(wanted):
        return False
    return not isinstance(value, dict) or (
        value.keys() == wanted.keys() and all(_alike(value[key], wanted[key]) for key in wanted)
    )


# ---- callbacks that are given ----------------------------------------------------------------------------------------


def _class_name(cls: type) -> str:
    """Return a name by which a class is known again: that in files, or a colon between the user's module and name."""
    return _key(cls) if _is_ours(cls) else f"{cls.__module__}:{cls.__qualname__}"


def _known_by(callback: Any) -> dict[str, Any]:
    """Return what a callback knows beside its parameters."""
    state = callback.__getstate__()
    state = state if isinstance(state, dict) else {}
    return {name: value for name, value in state.items() if _is_known(type(callback), name)}


def _is_known(cls: type, name: str) -> bool:
    """Whether it may be set in a callback that the user gave: no parameter, and no hiding of what makes it work.

    The plain values that a user's class begins with are there to be hidden.
    """
    if name in _parameters_of(cls) or not name.isidentifier() or name.startswith("__") or name in _LEFT_OUT:
        return False
    if _is_ours(cls):
        return _is_attribute(cls, name)
    owner = next((base for base in cls.__mro__ if name in vars(base)), None)
    if owner is None:
        return True
    default = vars(owner)[name]
    is_plain = not callable(default) and not hasattr(default, "__get__")
    return is_plain and not _is_ours(owner) and not owner.__module__.startswith("sklearn.")


def _hand_over(model: Any, known: dict[str, list[tuple[str, dict[str, Any]]]], given: Mapping[str, Any]) -> None:
    """Have callbacks that are given know what those that were saved in their places knew."""
    were = model.get_params(deep=True)
    for name, callbacks in given.items():
        if name.rpartition("__")[2] != "callbacks" or not isinstance(callbacks, list | tuple):
            continue
        saved = known.get(name) or [(_class_name(type(one)), _known_by(one)) for one in were.get(name) or ()]
        if len(saved) != len(callbacks):
            continue
        for callback, (class_name, values) in zip(callbacks, saved, strict=True):
            if _class_name(type(callback)) == class_name:
                vars(callback).update({key: of for key, of in values.items() if _is_known(type(callback), key)})


# ---- what a model must be --------------------------------------------------------------------------------------------


def check(model: Any) -> None:
    """Refuse a model whose parts do not fit each other, above all where the engine would trust that they do.

    Raises
    ------
    ValueError
        It says what is wrong.
    """
    for part in _parts(model, set()):
        if isinstance(part, Component):
            part.validate()
        elif isinstance(part, BaseEstimator):
            part._validate_params()
        if isinstance(part, Parameterized) and hasattr(type(part), "check_fitted_attributes"):
            part.check_fitted_attributes()
        if "n_jobs" in _parameters_of(type(part)):
            _require((part.n_jobs or 0) <= MAX_JOBS, f"n_jobs={part.n_jobs} is more than {MAX_JOBS}; -1 is all CPUs")
        if _is_network(type(part)):
            _require(type(getattr(part, "_optimizer", None)) in (type(None), Descent), "_optimizer is none")
            if "coefs_" in vars(part):
                _check_network(part)
            if vars(part).get("_training") is not None:
                _check_training(part)
        elif type(part) is Descent:
            _check_descent(part)
        elif _is(type(part), "OneHotEncoder") and "categories_" in vars(part):
            _check_one_hot(part)
        elif _is(type(part), "FunctionTransformer"):
            _require(part.func is None and part.inverse_func is None, "a FunctionTransformer has no function in a file")
        elif _is(type(part), "Pipeline"):
            are_named = all(isinstance(step, list | tuple) and [*map(type, step)][:1] == [str] for step in part.steps)
            _require(are_named and all(len(step) == 2 for step in part.steps), "the steps must have names", part.steps)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the objects within a value, the innermost first."""
    if id(value) in seen or isinstance(value, type):
        return
    if type(value) in (list, tuple):
        inner: Iterable[Any] = value
    elif type(value) is dict:
        inner = value.values()
    elif isinstance(value, BaseEstimator) or type(value) in _STATES:
        inner = [item for name, item in vars(value).items() if name not in _LEFT_OUT]
    else:
        return
    seen.add(id(value))
    for item in inner:
        yield from _parts(item, seen)
    if not isinstance(value, list | tuple | dict):
        yield value


def _require(condition: Any, otherwise: str, *got: Any) -> None:
    if not condition:
        raise ValueError(f"{otherwise}{''.join(f'; got {_shown(value)}' for value in got)}.")


def _check_descent(descent: Descent) -> None:
    """Refuse one that lacks attributes, or has them of other types than a new one has."""
    usually = Descent(SGD()).__getstate__()
    assert isinstance(usually, dict)
    for name, usual in usually.items():
        _require(name in vars(descent), f"a Descent lacks its {name}")
        value = vars(descent)[name]
        if isinstance(usual, bool):
            sound = isinstance(value, bool | np.bool_)
        elif isinstance(usual, Real):
            sound = _is_number(value)
        else:
            sound = usual is None or isinstance(value, Optimizer)
        _require(sound, f"the {name} of a Descent is of another type", value)
    _require(_is_count(descent.n_updates), "n_updates is no count of steps", descent.n_updates)
    given, other = getattr(descent.optimizer, "learning_rate", None), descent._other_schedule
    _require(other is None or (isinstance(other, Component) and hasattr(other, "on_plateau")), "its schedule is none")
    is_scheduled = hasattr(given, "on_plateau") or not descent._schedules_itself
    _require(is_scheduled and (hasattr(given, "initial_rate") or not descent._hooked), "its optimizer has no schedule")
    follows = vars(descent).get("schedule_state")
    is_followed = type(follows) is tuple and len(follows) == 3 and all(map(_is_number, follows))
    _require(follows is None or is_followed, "schedule_state is none", follows)
    if descent.state is not None and descent.optimizer.rule is not None:
        _check_slots(descent)


def _check_slots(descent: Descent) -> None:
    """Refuse the state of a fused rule that is none; the engine has room for its slots, and for no others."""
    rule = descent.optimizer
    _require(isinstance(rule, Fused) and type(descent.state) is dict, "the state of an optimizer is wrong")
    assert isinstance(rule, Fused)
    slots = descent.state.get("slots")
    _require(type(slots) is list and len(slots) == rule.n_slots, f"a {type(rule).__name__} has {rule.n_slots} slots")
    for slot in slots:
        is_vector = type(slot) is list and len(slot) == 1 and type(slot[0]) is np.ndarray and slot[0].ndim == 1
        _require(is_vector and slot[0].dtype.kind == "f", f"a slot of {type(rule).__name__} is no vector")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 <= value < MAX_COUNT)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _are_rows(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == 1 and value.dtype == np.int64


def _is_array(value: Any, *shape: int, kinds: str = "f") -> bool:
    return type(value) is np.ndarray and value.shape == shape and value.dtype.kind in kinds


def _check_network(estimator: Any) -> None:
    """Refuse a fitted estimator that could not predict, or go on with its training."""
    coefs, intercepts = estimator.coefs_, getattr(estimator, "intercepts_", None)
    _require(type(coefs) is list and coefs, "coefs_ must be a list of arrays", coefs)
    _require(type(intercepts) is list, "intercepts_ must be a list of arrays", intercepts)
    _require(len(coefs) == len(intercepts or ()), "intercepts_ does not fit coefs_")
    for i, (weights, biases) in enumerate(zip(coefs, intercepts or (), strict=True)):
        is_matrix = type(weights) is np.ndarray and weights.ndim == 2 and weights.dtype in (np.float32, np.float64)
        _require(is_matrix and min(weights.shape) >= 1, f"coefs_[{i}] is no matrix of float32 or float64")
        _require(i == 0 or weights.shape[0] == coefs[i - 1].shape[1], f"coefs_[{i}] does not fit coefs_[{i - 1}]")
        _require(_is_array(biases, weights.shape[1]), f"intercepts_[{i}] does not fit coefs_[{i}]")
        _require(coefs[0].dtype == weights.dtype == biases.dtype, "coefs_ and intercepts_ are not all of one type")
    n_features, n_outputs = coefs[0].shape[0], coefs[-1].shape[1]
    for name, number in {"n_features_in_": n_features, "n_outputs_": n_outputs, "n_layers_": len(coefs) + 1}.items():
        given = getattr(estimator, name, None)
        _require(isinstance(given, int | np.integer) and given == number, f"{name} must be {number}", given)
    link = getattr(estimator, "out_activation_", None)
    _require(link in set(OUTPUT_ACTIVATIONS.values()), "out_activation_ must be an output's activation", link)
    names: Any = getattr(estimator, "feature_names_in_", None)
    are_names = _is_array(names, n_features, kinds="O") and all(isinstance(name, str) for name in names)
    _require(names is None or are_names, "feature_names_in_ does not fit coefs_")
    _check_extras(estimator, [weights.shape[1] for weights in coefs[:-1]], n_features)
    if is_classifier(estimator):
        _check_labels(estimator, n_outputs)
    # Refuses what activation and normalization do not ask for.
    n_params = estimator._network(coefs[0].dtype).params.size
    estimator._decode(np.zeros((1, n_outputs), coefs[0].dtype))
    _require(isinstance(getattr(estimator, "_random_state", None), np.random.RandomState), "_random_state is none")
    descent = getattr(estimator, "_optimizer", None)
    if descent is not None:
        vectors = [descent.average, descent._remembered and descent._remembered[0]]
        if descent.state is not None and descent.optimizer.rule is not None:
            vectors += [slot[0] for slot in descent.state["slots"]]
        for vector in vectors:
            _require(vector is None or _is_array(vector, n_params), "what _optimizer keeps does not fit coefs_")


def _check_extras(estimator: Any, widths: list[int], n_features: int) -> None:
    """Refuse what a network has beside weights and biases, where it does not fit these."""
    for attribute in estimator._OF_LAYERS.values():
        parts = getattr(estimator, attribute, [None] * len(widths))
        _require(type(parts) is list and len(parts) == len(widths), f"{attribute} does not fit coefs_")
        for width, part in zip(widths, parts, strict=True):
            shape = (2, width) if attribute == estimator._OF_LAYERS["running"] else (width,)
            _require(part is None or _is_array(part, *shape), f"{attribute} does not fit coefs_")
    vectors = [getattr(estimator, name, None) for name in estimator._OF_INPUTS.values()]
    if any(vector is not None for vector in vectors):
        _require(all(_is_array(vector, n_features) for vector in vectors), "the scaling of inputs does not fit coefs_")


def _check_labels(estimator: Any, n_outputs: int) -> None:
    """Refuse classes that do not fit the outputs."""
    binarizer = getattr(estimator, "_label_binarizer", None)
    _require(type(binarizer) is LabelBinarizer, "_label_binarizer is none")
    attributes = vars(binarizer)
    labels, kind = attributes.get("classes_"), attributes.get("y_type_")
    _require(type(labels) is np.ndarray and labels.ndim == 1 and labels.size > 0, "classes_ is no vector")
    # By bisection a label is found where it is only if they are sorted.
    _require(np.array_equal(np.unique(labels), labels), "classes_ is not sorted, or has a class twice")  # type: ignore[arg-type]
    known: Any = getattr(estimator, "classes_", None)
    same = type(known) is np.ndarray and np.array_equal(known, labels)  # type: ignore[arg-type]
    _require(same, "classes_ differs from that of _label_binarizer")
    n_labels = len(known)
    expected = {"binary": 1, "multiclass": n_labels, "multilabel-indicator": n_labels}
    _require(type(kind) is str and kind in expected, "y_type_ must be a kind of targets", kind)
    fits = n_outputs == expected[str(kind)] and (kind != "binary" or n_labels <= 2)
    _require(fits, f"{n_labels} classes_ do not fit {n_outputs} outputs")
    _require(isinstance(attributes.get("sparse_input_"), bool | np.bool_), "sparse_input_ is neither True nor False")


# What a checkpoint has to say, as MinibatchFit.snapshot does, and what of it is of one type.
_TRAINING: dict[str, Callable[[Any], bool]] = {
    "epoch": _is_count,
    "stopped": lambda value: isinstance(value, bool | np.bool_),
    "order": lambda value: _are_rows(value) and value.size > 0,
    "random_state": lambda value: isinstance(value, np.random.RandomState),
    "held_out": lambda value: value is None or _are_rows(value),
    "seed": lambda value: _is_count(value) and value < 1 << 32,
    "count": _is_count,
    "best_value": _is_number,
    "best": lambda value: value is None or type(value) is dict,
    "end": lambda value: value is None or type(value) is dict,
    "present": lambda value: value is None or type(value) is dict,
    "sets": _are_texts,
    "is_weighted": lambda value: isinstance(value, bool),
    "metrics": _are_texts,
}
# What the estimator itself has that a fit goes on from.
_PROGRESS: dict[str, Callable[[Any], bool]] = {
    "t_": _is_count,
    "loss_curve_": lambda value: type(value) is list,
    "history_": lambda value: (
        type(value) is dict
        and all(type(name) is str and type(of) is list and all(map(_is_number, of)) for name, of in value.items())
    ),
    "best_loss_": lambda value: value is None or _is_number(value),
    "validation_scores_": lambda value: value is None or type(value) is list,
    "best_validation_score_": lambda value: value is None or _is_number(value),
}


def _check_training(estimator: Any) -> None:
    """Refuse a checkpoint from which no fit could go on, or whose rows are not all there, once each."""
    _require("coefs_" in vars(estimator), "a checkpoint has no coefs_")
    _require(type(vars(estimator).get("_optimizer")) is Descent, "a checkpoint has no _optimizer")
    training = estimator._training
    _require(type(training) is dict, "_training is no dict")
    for values, checks in ((training, _TRAINING), (vars(estimator), _PROGRESS)):
        for name, sound in checks.items():
            _require(name in values, f"a checkpoint lacks {name}")
            _require(sound(values[name]), f"{name} of a checkpoint is of another type", values[name])
    held_out = training["held_out"]
    rows = np.sort(training["order"] if held_out is None else np.concatenate([training["order"], held_out]))
    _require(np.array_equal(rows, np.arange(len(rows))), "the order of the rows has not each of them once")
    if held_out is not None:
        _require(training["sets"] == ["validation"], "sets of a checkpoint does not fit held_out", training["sets"])
    _require(not estimator.early_stopping or training["sets"], "sets of a checkpoint does not fit early_stopping")
    wanted = estimator._network(estimator.coefs_[0].dtype).arrays()
    for name in ("best", "end", "present"):
        arrays = training[name]
        fits = arrays is None or (
            arrays.keys() == wanted.keys() and all(_is_array(arrays[key], *wanted[key].shape) for key in wanted)
        )
        _require(fits, f"{name} of a checkpoint does not fit coefs_")


def _check_one_hot(encoder: Any) -> None:
    """Refuse an encoder whose matrices would have elements beside their columns."""
    categories, state = encoder.categories_, vars(encoder)
    _require(state.get("_infrequent_enabled") is False, "a OneHotEncoder with infrequent categories is in no file")
    n_features = state.get("n_features_in_")
    _require(type(categories) is list and len(categories) == n_features, "categories_ does not fit n_features_in_")
    for values in categories:
        _require(type(values) is np.ndarray and values.ndim == 1 and values.size > 0, "categories_ has no vectors")
        if values.dtype.kind != "O":  # these are found by bisection
            is_sorted = np.array_equal(np.unique(values), values, equal_nan=values.dtype.kind == "f")
            _require(is_sorted, "categories_ is not sorted")
    dropped = state.get("_drop_idx_after_grouping")
    if dropped is not None:
        _require(_is_array(dropped, len(categories), kinds="O"), "the index of dropped categories is wrong")
        fits = (i is None or (type(i) is int and 0 <= i < len(c)) for i, c in zip(dropped, categories, strict=True))
        _require(all(fits), "the index of dropped categories is wrong")
    _require(state.get("_n_features_outs") == encoder._compute_n_features_outs(), "_n_features_outs is wrong")
