"""The decoder makes values of trees: what a file says becomes a model, or is refused."""

import functools
import math
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from fastmlp.persistence.contents import (
    MAX_BITS,
    MAX_DEPTH,
    MAX_SPREAD,
    PLAIN,
    TYPES,
    are_alike,
    file_class,
    is_attribute,
    is_memory,
    is_sklearn,
    named_splitter,
    parameters_of,
)
from fastmlp.persistence.format import DTYPES, BadTree, time_dtype
from fastmlp.persistence.sklearn_classes import distribution, function
from fastmlp.registration import checks_itself, name_of
from fastmlp.soundness import shown


class Decoder:
    """Makes values of the trees in a file.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        The file's arrays by name; the trees must refer to each of them once.
    given : mapping of str to Any
        The parameters that the user gave to ``load``; they take the place of those in the tree.
    """

    def __init__(self, tensors: Mapping[str, NDArray], given: Mapping[str, Any]) -> None:
        self._tensors = dict(tensors)
        self._given = given
        #: The parameters that must be given and were not, by name, with the reprs of what was saved.
        self.missing: dict[str, str] = {}
        #: For each parameter that is a list of callbacks: the name of each callback's class, and what it knew.
        self.callbacks: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.has_sklearn = False
        self._spread = 0

    def finish(self) -> None:
        """Refuse tensors that nothing refers to."""
        if self._tensors:
            raise BadTree(f"has tensors that the model does not need: {sorted(self._tensors)[:3]}.")

    def decode(self, tree: Any, where: str, depth: int = 0) -> Any:
        """Return the value of a tree; ``where`` is its place in the model, for messages."""
        if depth > MAX_DEPTH:
            raise BadTree(f"is nested too deeply, in {where}.")
        if type(tree) is list:
            return [self.decode(item, f"{where}.{i}", depth + 1) for i, item in enumerate(tree)]
        if type(tree) is not dict:
            if type(tree) is int and tree.bit_length() > MAX_BITS:
                raise BadTree(f"has a number of {tree.bit_length()} bits, in {where}.")
            return tree
        for kind, names in _KINDS.items():
            if tree.keys() in names:
                return getattr(self, f"_decode_{kind}")(tree, where, depth + 1)
        raise BadTree(f"has {sorted(tree)[:3]} where a value is to be, in {where}.")

    def _wrong(self, kind: str, where: str) -> BadTree:
        return BadTree(f"has a {kind} that is none, in {where}.")

    def _taken(self, tree: Any, where: str) -> NDArray:
        """Return a tensor, which nothing else may refer to."""
        if type(tree) is not str or tree not in self._tensors:
            raise BadTree(f"refers to a tensor {tree!r} that is not there, or not any more, in {where}.")
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
        if any(type(key) not in (*PLAIN, bytes, tuple) and not isinstance(key, np.generic) for key in keys):
            raise self._wrong("key", where)
        if are_alike(keys):
            raise BadTree(f"has a dict made to take long, in {where}.")
        found = {key: self.decode(pair[1], f"{where}.{key}", depth) for key, pair in zip(keys, pairs, strict=True)}
        if len(found) != len(pairs):
            raise BadTree(f"has a key twice, in {where}.")
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
        if (times := time_dtype(name)) is not None and type(value) is int and -(1 << 63) <= value < 1 << 63:
            return np.int64(value).view(times)
        if type(name) is not str or name not in DTYPES or type(value) is not type(DTYPES[name].type(0).item()):
            raise self._wrong("scalar", where)
        with np.errstate(over="ignore"):
            scalar = DTYPES[name].type(value)
        if scalar.item() != value and not math.isnan(value):
            raise self._wrong("scalar", where)
        return scalar

    def _decode_dtype(self, tree: dict[str, Any], where: str, depth: int) -> np.dtype:
        if tree["dtype"] == "object":
            return np.dtype(object)
        if type(tree["dtype"]) is not str or tree["dtype"] not in DTYPES:
            raise self._wrong("dtype", where)
        return DTYPES[tree["dtype"]]

    def _decode_type(self, tree: dict[str, Any], where: str, depth: int) -> type:
        name = tree["type"]
        known = (TYPES.get(name) or named_splitter(name)) if type(name) is str else None
        if known is None:
            raise self._wrong("type", where)
        return known

    def _decode_tensor(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        array = self._taken(tree["tensor"], where)
        if "order" not in tree:
            return array
        stride, near = tree["stride"], {"F": 0, "C": 1}.get(tree["order"]) if type(tree["order"]) is str else None
        if near is None or array.ndim != 2 or type(stride) is not int or stride < array.shape[near]:
            raise self._wrong("tensor", where)
        self._spread += stride * array.shape[1 - near] * array.itemsize
        if self._spread > MAX_SPREAD:
            raise BadTree(f"has matrices with large gaps, in {where}.")
        lines = np.zeros((array.shape[1 - near], stride), array.dtype)[:, : array.shape[near]]
        placed = lines.T if near == 0 else lines
        placed[...] = array
        return placed

    def _decode_times(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        numbers, dtype = self._taken(tree["times"], where), time_dtype(tree["dtype"])
        if dtype is None or numbers.dtype != np.int64:
            raise self._wrong("time", where)
        return numbers.view(dtype)

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
        if any(type(item) not in PLAIN and not isinstance(item, np.generic) for item in items):
            raise self._wrong("array", where)
        return _objects(items).reshape(shape)

    def _decode_arrays(self, tree: dict[str, Any], where: str, depth: int) -> NDArray:
        items = self.decode(self._list(tree["arrays"], "array", where), where, depth)
        shape = self._list(tree["shape"], "shape", where)
        if any(type(n) is not int or n < 0 for n in shape) or math.prod(shape) != len(items):
            raise self._wrong("shape", where)
        if any(type(item) is not np.ndarray or item.dtype == object for item in items):
            raise self._wrong("array", where)
        return _objects(items).reshape(shape)

    def _decode_masked(self, tree: dict[str, Any], where: str, depth: int) -> np.ma.MaskedArray:
        values, mask = self.decode(tree["masked"], where, depth), self.decode(tree["mask"], where, depth)
        if type(mask) is not np.ndarray or mask.dtype != bool:
            raise self._wrong("mask", where)
        if type(values) is list and len(values) == mask.size:
            values = _objects(values).reshape(mask.shape)
        if type(values) is not np.ndarray or values.shape != mask.shape:
            raise self._wrong("masked array", where)
        return np.ma.MaskedArray(values, mask=mask)

    def _decode_sparse(self, tree: dict[str, Any], where: str, depth: int) -> csr_array | csr_matrix:
        parts = self.decode(self._list(tree["parts"], "sparse matrix", where), where, depth)
        shape = self._list(tree["shape"], "shape", where)
        is_sound = [type(part) is np.ndarray and part.ndim == 1 for part in parts] == [True] * 3
        is_sound &= len(shape) == 2 and all(type(n) is int and 0 <= n < 1 << 31 for n in shape)
        if not is_sound or tree["sparse"] not in ("csr_array", "csr_matrix") or parts[0].dtype.kind not in "fiub":
            raise self._wrong("sparse matrix", where)
        if any(part.dtype not in (np.int32, np.int64) for part in parts[1:]):
            raise self._wrong("sparse matrix", where)
        made = (csr_array if tree["sparse"] == "csr_array" else csr_matrix)(tuple(parts), shape=tuple(shape))
        made.check_format(full_check=True)  # every index is looked at
        return made

    def _decode_spline(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        parts = self.decode(self._list(tree["spline"], "spline", where), where, depth)
        is_sound = len(parts) == 4 and all(type(part) is np.ndarray and part.dtype == float for part in parts[:2])
        if not is_sound or type(parts[2]) is not int or not (type(parts[3]) is bool or parts[3] == "periodic"):
            raise self._wrong("spline", where)
        knots, coefficients, degree, extrapolate = parts
        # SciPy itself looks whether there are as many knots and coefficients as it will read.
        return import_module("scipy.interpolate").BSpline(knots, coefficients, degree, extrapolate=extrapolate)

    def _decode_function(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        found = function(tree["function"]) if type(tree["function"]) is str else None
        if found is None:
            raise BadTree(f"names the function {tree['function']!r}, which is none that a file may name, in {where}.")
        return found

    def _decode_arguments(self, tree: dict[str, Any], where: str, depth: int) -> tuple[list[Any], dict[str, Any]]:
        arguments, keywords = self.decode(tree["arguments"], where, depth), self.decode(tree["keywords"], where, depth)
        are_sound = type(arguments) is list and type(keywords) is dict and all(type(name) is str for name in keywords)
        if not are_sound or "n_jobs" in keywords:
            raise self._wrong("list of arguments", where)
        return arguments, keywords

    def _decode_partial(self, tree: dict[str, Any], where: str, depth: int) -> functools.partial:
        called = self._decode_function({"function": tree["partial"]}, where, depth)
        arguments, keywords = self._decode_arguments(tree, where, depth)
        return functools.partial(called, *arguments, **keywords)

    def _decode_distribution(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        arguments, keywords = self._decode_arguments(tree, where, depth)
        numbers = (int, float, np.integer, np.floating)
        if not all(isinstance(value, numbers) for value in (*arguments, *keywords.values())):
            raise self._wrong("distribution", where)
        found = distribution(tree["distribution"], arguments, keywords) if type(tree["distribution"]) is str else None
        if found is None:
            raise self._wrong("distribution", where)
        return found

    def _decode_set(self, tree: dict[str, Any], where: str, depth: int) -> set[Any]:
        items = self.decode(self._list(tree.get("set", tree.get("frozenset")), "set", where), where, depth)
        if any(type(item) not in PLAIN for item in items) or are_alike(items):
            raise self._wrong("set", where)
        return set(items)

    def _decode_frozenset(self, tree: dict[str, Any], where: str, depth: int) -> frozenset[Any]:
        return frozenset(self._decode_set(tree, where, depth))

    def _decode_imputation(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        parts = self.decode(self._list(tree["imputation"], "imputation", where), where, depth)
        if len(parts) != 3 or not isinstance(parts[2], BaseEstimator):
            raise self._wrong("imputation", where)
        return import_module("sklearn.impute._iterative")._ImputerTriplet(*parts)

    def _decode_random_state(self, tree: dict[str, Any], where: str, depth: int) -> np.random.RandomState:
        state = self.decode(tree["random_state"], where, depth)
        generator = np.random.RandomState(0)
        wanted = generator.get_state(legacy=False)
        # NumPy itself checks neither at which of its numbers a generator goes on, nor whether they are all zeros.
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
            if isinstance(part, BaseEstimator) and type(step) is str and step in parameters_of(type(part)):
                part = getattr(part, step)
            elif (type(part) is dict and step in part) or (type(part) in (list, tuple) and step in range(len(part))):
                part = part[step]
            elif is_sklearn(type(part), "_Scorer") and step == "_score_func":
                part = part._score_func
            elif self.missing:
                part = None
            else:
                raise BadTree(f"was saved with another {path[0]}: that given has no {'.'.join(map(str, path[1:]))}.")
        if "state" not in tree:
            return part
        if not checks_itself(type(part)):
            if self.missing:
                return None
            raise BadTree(f"was saved with another {path[0]}; got {shown(part)}.")
        return self._made(type(part), tree["state"], where, depth)

    def _decode_object(self, tree: dict[str, Any], where: str, depth: int) -> Any:
        name = tree["object"]
        cls = file_class(name) if type(name) is str else None
        if cls is None:
            raise BadTree(f"has an object of the class {name!r}, which is none that a file may hold, in {where}.")
        self.has_sklearn |= name.startswith("sklearn.")
        return self._made(cls, tree["state"], where, depth)

    def _made(self, cls: Any, trees: Any, where: str, depth: int) -> Any:
        """Return an object with the attributes in trees, all its parameters among them."""
        if type(trees) is not dict:
            raise self._wrong(cls.__name__, where)
        state, rebuilt = {}, {}
        for name, tree in trees.items():
            if not is_attribute(cls, name):
                raise BadTree(f"has an attribute {name!r} that a {cls.__name__} has not, in {where}.")
            if is_memory(cls, name) and not (tree is None or (isinstance(tree, dict) and "unsaved" in tree)):
                raise BadTree(f"names a folder of pickles, in {where}.")
            if type(tree) is dict and tree.keys() in ({"requests"}, {"named"}):
                rebuilt[name] = tree
            else:
                state[name] = self.decode(tree, f"{where}.{name}", depth)
        if lacking := sorted(set(parameters_of(cls)) - state.keys()):
            raise BadTree(f"lacks the parameter {lacking[0]!r} of {cls.__name__}, in {where}.")
        made = cls.__new__(cls)
        vars(made).update(state)
        if name_of(cls) is not None:  # what objects of the package leave out of files is set by none
            for name in vars(made).keys() - (made.__getstate__() or {}).keys():
                delattr(made, name)
        for name, tree in rebuilt.items():
            vars(made)[name] = self._rebuilt(made, name, tree, f"{where}.{name}", depth)
        if is_sklearn(cls, "IsotonicRegression") and "X_thresholds_" in state:
            made._build_f(made.X_thresholds_, made.y_thresholds_)  # the class does so where it is read from a pickle
        return made

    def _rebuilt(self, owner: Any, name: str, tree: dict[str, Any], where: str, depth: int) -> Any:
        """Return the value of an attribute that refers to its own object, or to another attribute of it."""
        if "named" in tree:
            pairs, estimators = self._list(tree["named"], "estimator", where), getattr(owner, "estimators_", None)
            known = range(len(estimators)) if type(estimators) is list else ()
            if name != "named_estimators_" or any(type(pair) is not list or len(pair) != 2 for pair in pairs):
                raise self._wrong("estimator", where)
            if any(type(key) is not str or (type(part) is not str and part not in known) for key, part in pairs):
                raise self._wrong("estimator", where)
            return Bunch(**{key: part if type(part) is str else owner.estimators_[part] for key, part in pairs})
        made, requests = MetadataRequest(owner=owner), self.decode(tree["requests"], where, depth)
        if name != "_metadata_request" or type(requests) is not dict or not requests.keys() <= vars(made).keys():
            raise self._wrong("request", where)
        for method, asked in requests.items():
            if method == "owner" or type(asked) is not dict:
                raise self._wrong("request", where)
            for parameter, alias in asked.items():
                if type(parameter) is not str or type(alias) not in (type(None), bool, str):
                    raise self._wrong("request", where)
            getattr(made, method)._requests = asked
        return made


def _objects(items: list[Any]) -> NDArray:
    """Return a vector of objects."""
    array = np.empty(len(items), object)
    for i, item in enumerate(items):  # array[:] = items would make a matrix of lists
        array[i] = item
    return array


# The kinds of trees beside JSON's own, and the sets of names of which a tree of the kind has exactly one.
_KINDS: dict[str, tuple[set[str], ...]] = {
    **{
        kind: ({kind},)
        for kind in (
            "float", "bytes", "tuple", "dict", "slice", "dtype", "type", "text", "random_state", "generator",
            "function", "set", "frozenset", "spline", "imputation",
        )
    },
    "tensor": ({"tensor"}, {"tensor", "order", "stride"}),
    "scalar": ({"scalar", "value"},),
    "times": ({"times", "dtype"},),
    "objects": ({"objects", "shape"},),
    "arrays": ({"arrays", "shape"},),
    "masked": ({"masked", "mask"},),
    "sparse": ({"sparse", "parts", "shape"},),
    "partial": ({"partial", "arguments", "keywords"},),
    "distribution": ({"distribution", "arguments", "keywords"},),
    "object": ({"object", "state"},),
    "unsaved": ({"unsaved", "parameter"}, {"unsaved", "parameter", "callbacks"}),
    "given": ({"given"}, {"given", "state"}),
}  # fmt: skip


def _alike(value: Any, wanted: Any) -> bool:
    """Whether two values have the same type and, being dicts, the same keys with values that are alike in turn."""
    if type(value) is not type(wanted):
        return False
    return not isinstance(value, dict) or (
        value.keys() == wanted.keys() and all(_alike(value[key], wanted[key]) for key in wanted)
    )
