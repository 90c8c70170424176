"""The tests of files share this: they compare models to the last bit, take files apart and change them."""

import hashlib
import json
import struct

import numpy as np
import pytest

from fastmlp.components import Component
from fastmlp.persistence import FileError, load, packed, save

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
LABELS = np.array(["lynx", "otter", "stoat"])[np.argmax(X[:, :3], axis=1)]
MANY = (X[:, :3] > 0).astype(int)
NUMBERS = np.abs(X[:, 0]) + 0.5


def same(a, b):
    """Return whether two values are alike to the last bit; objects are compared by their attributes."""
    if isinstance(a, np.random.RandomState):
        return same(a.get_state(legacy=False), b.get_state(legacy=False))
    if isinstance(a, np.ndarray | np.generic):
        if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        return same(list(a.flat), list(b.flat)) if a.dtype == object else a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if hasattr(a, "__dict__") and not callable(a):
        a, b = a.__getstate__(), b.__getstate__()
        return sorted(a) == sorted(b) and all(same(a[name], b[name]) for name in a)
    return repr(a) == repr(b) if isinstance(a, Component) else a == b


def state(model):
    """Return a model's attributes, but for the times its epochs took."""
    attributes = dict(vars(model))
    if "history_" in attributes:
        attributes["history_"] = {name: of for name, of in model.history_.items() if name != "seconds"}
    return attributes


def returned(model, path, **parameters):
    """Return a model as it comes back from a file."""
    save(model, path)
    return load(path, **parameters)


def set_attribute(model, name, value):
    vars(model)[name] = value
    return model


# ---- files that are changed -----------------------------------------------------------------------------------------

# The names of types in the format are written down here apart from the module that is tested.
TYPES = {"bool": "BOOL", "float16": "F16", "float32": "F32", "float64": "F64"} | {
    f"{sign}int{bits}": f"{letter}{bits}" for sign, letter in (("", "I"), ("u", "U")) for bits in (8, 16, 32, 64)
}


class Forgery:
    """The parts of a file, which are changed and put together again with a checksum that fits."""

    def __init__(self, content):
        length = int.from_bytes(content[:8], "little")
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        self.metadata = header.pop("__metadata__")
        self.tree = json.loads(self.metadata["model"])
        names = {code: name for name, code in TYPES.items()}
        self.tensors = {
            name: np.frombuffer(data[slice(*spec["data_offsets"])], names[spec["dtype"]]).reshape(spec["shape"])
            for name, spec in header.items()
        }

    def drop(self, start):
        """Leave out the tensors whose names begin so."""
        self.tensors = {name: array for name, array in self.tensors.items() if not name.startswith(start)}

    def content(self):
        """Return the content of the changed file."""
        metadata = self.metadata | {"model": json.dumps(self.tree), "checksum": "0" * 64}
        header, at = {"__metadata__": metadata}, 0
        for name, array in self.tensors.items():
            spec = {"dtype": TYPES[array.dtype.name], "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
            header[name], at = spec, at + array.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        whole = struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in self.tensors.values())
        return with_checksum(whole)


def with_checksum(content):
    """Return a file's content with a checksum that fits, wherever the checksum stands."""
    at = content.find(b'"checksum":"') + len(b'"checksum":"')
    zeroed = content[:at] + b"0" * 64 + content[at + 64 :]
    return content[:at] + hashlib.sha256(zeroed).hexdigest().encode() + content[at + 64 :]


def made(model):
    """Return the content of a model's file."""
    return b"".join(bytes(piece) for piece in packed(model))


def put(*keys_and_value):
    """Return an edit that puts a value into a place in the state of the file's model."""
    *keys, last, value = keys_and_value

    def edit(forged):
        node = forged.tree["state"]
        for key in keys:
            node = node[key]
        node[last] = value

    return edit


def shape(tensor, shape):
    """Return an edit that gives a tensor another shape."""

    def edit(forged):
        forged.tensors[tensor] = np.zeros(shape, forged.tensors[tensor].dtype)

    return edit


def values(tensor, values):
    """Return an edit that gives a tensor other values."""

    def edit(forged):
        forged.tensors[tensor] = np.array(values)

    return edit


def drop(name):
    """Return an edit that takes an attribute out of the file's model."""
    return lambda forged: forged.tree["state"].pop(name)


def assert_refused(path, forgery, message=None):
    """Assert that loading a forged file fails, with a message."""
    path.write_bytes(forgery.content())
    with pytest.raises(FileError, match=message):
        load(path)
