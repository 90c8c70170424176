"""The encoder makes trees of values: what a file says of a model."""

import functools
import math
import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from fastmlp.persistence.callbacks import class_name, known_by
from fastmlp.persistence.contents import (
    LEFT_OUT,
    MAX_BITS,
    MAX_DEPTH,
    MAX_SPREAD,
    PLAIN,
    TYPES,
    are_alike,
    file_name,
    is_attribute,
    is_memory,
    is_root,
    is_sklearn,
    is_splitter,
    parameters_of,
)
from fastmlp.persistence.format import DTYPES, time_dtype
from fastmlp.persistence.sklearn_classes import distribution_name, function_name, sklearn_name
from fastmlp.registration import checks_itself, is_model, name_of
from fastmlp.soundness import shown

_NOT_HELD = (
    "which no file holds; files hold numbers, texts, dates and objects of the classes in fastmlp.persistence.classes(),"
    " and skops.io.dump stores other models"
)


class NotEncodable(TypeError):
    """Raised for a value that no file can hold."""


class Encoder:
    """Makes trees of values, and collects the tensors that the trees refer to.

    Parameters
    ----------
    model : estimator
        Its parameters, and those of its parts, may be missing in the tree: the user then gives them to ``load``.
    """

    def __init__(self, model: Any) -> None:
        self.tensors: dict[str, NDArray] = {}
        self._spread = 0
        # For each estimator within the model, by its id, how the names of its parameters begin in set_params.
        self._prefixes = {id(model): ""}
        for name, value in model.get_params(deep=True).items():
            if is_root(type(value)):
                self._prefixes.setdefault(id(value), f"{name}__")
        # The values in parameters that no file holds, each with the way to it: a parameter's name, then keys.
        self._missing: list[tuple[list[Any], Any]] = []

    def encode(self, value: Any, where: str, depth: int = 0) -> Any:
        """Return the tree of a value; ``where`` is its place in the model, for messages.

        Raises
        ------
        TypeError
            For a value that no file holds, whose place it names.
        """
        if depth > MAX_DEPTH:
            raise NotEncodable(f"{where} is nested too deeply, or holds itself")
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
            return str(value)  # a text does as well wherever a path is taken
        if cls in (list, tuple):
            items = [self.encode(item, f"{where}.{i}", depth + 1) for i, item in enumerate(value)]
            return items if cls is list else {"tuple": items}
        if cls is dict and not are_alike(value):
            pairs = [
                [self.encode(key, f"{where}.{key}", depth + 1), self.encode(item, f"{where}.{key}", depth + 1)]
                for key, item in value.items()
            ]
            return {"dict": pairs}
        if cls is slice:
            return {"slice": [self.encode(part, where, depth + 1) for part in (value.start, value.stop, value.step)]}
        if isinstance(value, np.generic) and value.dtype.name in DTYPES:
            return {"scalar": value.dtype.name, "value": self.encode(value.item(), where, depth + 1)}
        if isinstance(value, np.generic) and time_dtype(value.dtype.name) is not None:
            return {"scalar": value.dtype.name, "value": int(value.view(np.int64))}
        if cls is np.str_:
            return {"scalar": "str", "value": str(value)}
        if cls in (np.ndarray, np.memmap):
            return self._encode_array(np.asarray(value), where, depth)
        if isinstance(value, np.dtype) and (value.kind == "O" or value.name in DTYPES):
            return {"dtype": value.name}
        if isinstance(value, type) and value in TYPES.values():
            return {"type": next(name for name, known in TYPES.items() if known is value)}
        if is_splitter(value):
            return {"type": f"sklearn.{value.__name__}"}
        if cls is np.random.RandomState and type(value._bit_generator) is np.random.MT19937:
            return {"random_state": self.encode(value.get_state(legacy=False), where, depth + 1)}
        if cls is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return {"generator": self.encode(value.bit_generator.state, where, depth + 1)}
        if (name := file_name(cls)) is not None:
            return {"object": name, "state": self._encode_state(value, where, depth)}
        known = self._encode_known_kinds(value, where, depth + 1)
        return known if known is not None else self._encode_given(value, where, depth)

    def _encode_known_kinds(self, value: Any, where: str, depth: int) -> Any:
        """Return the tree of what scikit-learn's classes have beside arrays and objects, or None."""
        cls = type(value)
        if (name := function_name(value)) is not None:
            return {"function": name}
        if (name := distribution_name(value)) is not None:
            arguments, keywords = list(value.args), dict(value.kwds)
            return {
                "distribution": name,
                "arguments": self.encode(arguments, where, depth),
                "keywords": self.encode(keywords, where, depth),
            }
        if cls is functools.partial and function_name(value.func) is not None and not vars(value):
            return {
                "partial": function_name(value.func),
                "arguments": self.encode(list(value.args), where, depth),
                "keywords": self.encode(dict(value.keywords), where, depth),
            }
        if cls in (set, frozenset) and all(type(item) in PLAIN for item in value) and not are_alike(value):
            return {cls.__name__: [self.encode(item, where, depth) for item in sorted(value, key=repr)]}
        if cls is getattr(sys.modules.get("scipy.interpolate"), "BSpline", None):
            parts = (value.t, value.c, int(value.k), value.extrapolate)
            return {"spline": [self.encode(part, where, depth) for part in parts]}
        if cls in (csr_matrix, csr_array) and value.ndim == 2:
            encoded = [self.encode(part, where, depth) for part in (value.data, value.indices, value.indptr)]
            return {"sparse": cls.__name__, "parts": encoded, "shape": [int(n) for n in value.shape]}
        if cls is np.ma.MaskedArray:
            mask = np.ma.getmaskarray(value)
            # Masked elements may be memory that nobody has written to; they must not get into a file.
            items: Any = [None if hidden else item for item, hidden in zip(value.data.flat, mask.flat, strict=True)]
            if value.dtype != object:
                items = np.where(mask, np.zeros((), value.dtype), value.data)
            return {"masked": self.encode(items, where, depth), "mask": self.encode(mask, where, depth)}
        if cls.__name__ == "_ImputerTriplet" and cls.__module__ == "sklearn.impute._iterative":
            return {"imputation": [self.encode(part, where, depth) for part in value]}
        return None

    def _encode_array(self, array: NDArray, where: str, depth: int) -> Any:
        if array.dtype.name in DTYPES:
            tree = {"tensor": self._add(array, where)}
            return tree | self._layout(array)
        if time_dtype(array.dtype.name) is not None:
            return {
                "times": self._add(array.astype(array.dtype.newbyteorder("=")).view(np.int64), where),
                "dtype": array.dtype.name,
            }
        if array.dtype.kind == "U":
            width = max(1, array.dtype.itemsize // 4) if array.size else 1
            points = np.array(array, dtype=f"=U{width}", order="C").reshape(-1).view(np.uint32)
            points = points.reshape(*array.shape, width)
            return {"text": self._add(points, where)}
        if array.dtype == object and array.size and all(type(item) is np.ndarray for item in array.flat):
            arrays = [self.encode(item, f"{where}.{i}", depth + 1) for i, item in enumerate(array.flat)]
            return {"arrays": arrays, "shape": list(array.shape)}
        if array.dtype == object and all(type(item) in PLAIN or isinstance(item, np.generic) for item in array.flat):
            items = [self.encode(item, where, depth + 1) for item in array.flat]
            return {"objects": items, "shape": list(array.shape)}
        raise NotEncodable(f"{where} is an array of {array.dtype}, {_NOT_HELD}")

    def _layout(self, array: NDArray) -> dict[str, Any]:
        """Return how a matrix lies in memory where it is not row after row: the last bits of products depend on it."""
        if array.ndim != 2 or array.flags.c_contiguous or array.size == 0:
            return {}
        near = 0 if array.strides[0] == array.itemsize else 1
        stride, rest = divmod(array.strides[1 - near], array.itemsize)
        lies_so = array.strides[near] == array.itemsize and rest == 0 and stride >= array.shape[near]
        takes = stride * array.shape[1 - near] * array.itemsize
        if not lies_so or self._spread + takes > MAX_SPREAD:
            return {}
        self._spread += takes
        return {"order": "FC"[near], "stride": stride}

    def _add(self, array: NDArray, where: str) -> str:
        name, number = where.removeprefix("model."), 1
        while name in self.tensors:
            number += 1
            name = f"{where.removeprefix('model.')} ({number})"
        self.tensors[name] = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
        return name

    def _encode_state(self, value: Any, where: str, depth: int) -> dict[str, Any]:
        """Return the trees of an object's attributes, those that a pickle would have."""
        cls = type(value)
        state = value.__getstate__() or {}
        if not isinstance(state, dict):
            raise NotEncodable(f"{where} is a {cls.__name__}, whose __getstate__ gives no dict")
        state = {name: item for name, item in state.items() if name not in {*LEFT_OUT, "_sklearn_version"}}
        prefix = self._prefixes.get(id(value))
        trees = {}
        parameters = set(parameters_of(cls))
        # Parameters come first: what no file holds of them is known when an attribute refers to it.
        for name in sorted(state, key=lambda name: name not in parameters):
            if not is_attribute(cls, name):
                raise NotEncodable(f"{where}.{name} hides what the class {cls.__name__} has")
            place = f"{where}.{name}"
            if (rebuilt := self._encode_rebuilt(value, name, state[name], place, depth + 1)) is not None:
                trees[name] = rebuilt
            elif prefix is None and is_memory(cls, name):
                trees[name] = None  # a fitted part need not know where another fit would keep its pickles
            elif prefix is not None and name in parameters:
                trees[name] = self._encode_parameter(value, name, prefix + name, place, depth + 1)
            else:
                trees[name] = self.encode(state[name], place, depth + 1)
        return trees

    def _encode_rebuilt(self, owner: Any, name: str, value: Any, where: str, depth: int) -> Any:
        """Return the tree of an attribute that refers to the object itself or to another attribute, or None."""
        if type(value) is MetadataRequest and name == "_metadata_request":
            of_methods = {method: part.requests for method, part in vars(value).items() if method != "owner"}
            requests = {method: dict(asked) for method, asked in of_methods.items() if asked}
            return {"requests": self.encode(requests, where, depth)}
        if type(value) is Bunch and name == "named_estimators_" and sklearn_name(type(owner)) is not None:
            places = {id(estimator): i for i, estimator in enumerate(owner.estimators_)}
            if all(type(part) is str or id(part) in places for part in value.values()):
                return {"named": [[key, places.get(id(part), part)] for key, part in value.items()]}
        return None

    def _encode_parameter(self, owner: Any, name: str, full: str, where: str, depth: int) -> Any:
        """Return the tree of an estimator's parameter; if no file can hold it, a tree that says it must be given."""
        value, tensors = getattr(owner, name), dict(self.tensors)
        is_pickles = is_memory(type(owner), name) and value is not None
        try:
            if is_pickles:
                raise NotEncodable(f"{where} is a folder of pickles")
            return self.encode(value, where, depth)
        except NotEncodable:
            self.tensors = tensors
            lacking = list(self._unencodable(value, [full]))
            if name_of(type(owner)) is None and not is_pickles:
                # Functions can be given anew, but not the parts of an estimator, nor what these have learned.
                culprits = [part for _, part in lacking if not self._is_encodable(part)]
                if not culprits or any(hasattr(part, "get_params") for part in culprits):
                    raise
            self._missing += lacking
            tree: dict[str, Any] = {"unsaved": shown(value), "parameter": full}
            if is_model(name_of(type(owner))) and name == "callbacks" and isinstance(value, list | tuple):
                tree["callbacks"] = [self._encode_known(part, f"{where}.{i}", depth) for i, part in enumerate(value)]
            return tree

    def _is_encodable(self, value: Any) -> bool:
        tensors = dict(self.tensors)
        try:
            self.encode(value, "")
        except NotEncodable:
            return False
        finally:
            self.tensors = tensors
        return True

    def _encode_known(self, callback: Any, where: str, depth: int) -> dict[str, Any]:
        """Return the name of a callback's class, and the trees of what it knows that a file can hold."""
        known = {}
        for name, value in known_by(callback).items():
            tensors = dict(self.tensors)
            try:
                known[name] = self.encode(value, f"{where}.{name}", depth + 1)
            except NotEncodable:
                self.tensors = tensors
        return {"class": class_name(type(callback)), "knows": known}

    def _unencodable(self, value: Any, path: list[Any]) -> Iterator[tuple[list[Any], Any]]:
        """Yield each value within a parameter that no file holds, after the way to it."""
        if file_name(type(value)) is not None and isinstance(value, BaseEstimator):
            for name, part in value.get_params(deep=False).items():
                yield from self._unencodable(part, [*path, name])
        elif type(value) in (list, tuple):
            for i, part in enumerate(value):
                yield from self._unencodable(part, [*path, i])
        elif type(value) is dict and all(type(name) is str for name in value):
            for name, part in value.items():
                yield from self._unencodable(part, [*path, name])
        elif is_sklearn(type(value), "_Scorer"):
            yield from self._unencodable(value._score_func, [*path, "_score_func"])
        elif file_name(type(value)) is None:
            yield path, value

    def _encode_given(self, value: Any, where: str, depth: int) -> Any:
        """Return the tree of a value that is in a missing parameter, too, as a user's schedule is in a descent."""
        for path, part in self._missing:
            if part is value and type(value) not in PLAIN:
                return {"given": path}
            if type(part) is type(value) and checks_itself(type(value)):
                return {"given": path, "state": self._encode_state(value, where, depth)}
        raise NotEncodable(f"{where} is {shown(value)}, a {type(value).__qualname__}, {_NOT_HELD}")
