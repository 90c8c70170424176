"""Values in files: each comes back from its tree, to the last bit, or is refused."""

import inspect
import json

import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit

from fastmlp import MLPRegressor, persistence
from fastmlp.inputs.columns import ColumnsLayout
from fastmlp.optimizers import SGD, Descent
from fastmlp.persistence.decode import Decoder
from fastmlp.persistence.encode import Encoder
from fastmlp.persistence.format import DTYPES
from tests.files import same


def copied(value):
    encoder = Encoder(MLPRegressor())
    tree = json.loads(json.dumps(encoder.encode(value, "model"), allow_nan=False))
    tensors = {name: array.copy() for name, array in encoder.tensors.items()}
    decoder = Decoder(tensors, {})
    decoded = decoder.decode(tree, "model")
    decoder.finish()
    return decoded


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**100), 0.1, -0.0, 5e-324, np.inf, np.nan, "", "ä\ud800\x00\U0001f9a6", b"", b"\x00\xff", [],
        (), {}, [[], ()], {"a": 1, 2: "b", None: 0.5, (1, "x"): [2], np.str_("c"): 3, np.int64(9): 4}, slice(None, 2),
        np.float32(0.1), np.float64(np.nan), np.bool_(False), np.uint64(2**64 - 1), np.float16(np.inf), np.str_("text"),
        np.dtype("float32"), np.dtype(object), np.float64, np.int8, float, int, bool, str, object,
        np.array(3.5), np.array("lynx"), np.array(["a", "lynx", ""]), np.array([["ä"], ["\U0001f9a6"]]),
        np.array([], dtype="<U1"), np.zeros((0, 3), dtype="<U1"), np.zeros((2, 0)), np.zeros((3, 0, 2), np.int8),
        np.array(["a", 1, 2.5, None, True, np.nan], dtype=object), np.empty((0, 2), dtype=object),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10)[::3], np.array([True, False]), set(), {1, "a"},
        np.array(["2024-02-29", "NaT"], "M8[D]"), np.array([[-1], [2**62]], "m8[25ns]"), np.array([3], "m8"),
        np.arange(6).astype("M8[Y]")[::2], np.datetime64("2024", "Y"),
        np.timedelta64(-3, "h"), {np.datetime64("2024-01-01T00", "ns"): 2.0},
        np.array([np.datetime64("2024"), None], dtype=object), frozenset([None, 2.5]),
        np.arange(12.0).reshape(3, 4)[:, :2], np.arange(12.0).reshape(3, 4).T[:2], np.log1p,
    ],
    ids=repr,
)  # fmt: skip
def test_values(value):
    decoded = copied(value)
    assert same(decoded, value) if not isinstance(value, np.ndarray) else same(decoded, np.array(value, order="C"))
    if isinstance(decoded, np.ndarray):
        assert decoded.flags.writeable


@pytest.mark.parametrize("dtype", [*sorted(DTYPES), "datetime64[us]", "timedelta64[D]"])
def test_types_of_arrays(dtype):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    assert same(copied(array), array)
    assert same(copied(array[0, 1]), array[0, 1])
    if array.dtype.itemsize > 1:
        assert same(copied(array.astype(array.dtype.newbyteorder())), array)


@pytest.mark.parametrize(
    "value",
    [
        np.array(["NaT"], "datetime64"), np.array([1j]), np.array([[1, 2], 3], dtype=object), np.longdouble(1), 1j,
        {(1, 2)}, np.ma.masked_array([1j]), 2**5000, np.dtype("<U5"), print, dict,
        np.random.Generator(np.random.MT19937(0)),
        np.random.RandomState(np.random.PCG64(0)), np.void(b"a"), range(3),
    ],
    ids=repr,
)  # fmt: skip
def test_values_that_no_file_holds(value):
    with pytest.raises(TypeError, match=r"model\.place"):
        Encoder(MLPRegressor()).encode(value, "model.place")


def test_random_states_go_on():
    state = np.random.RandomState(5)
    state.standard_normal(3)
    generator = np.random.default_rng(5)
    generator.integers(9, dtype=np.int32)
    for original in (state, generator):
        copy = copied(original)
        np.testing.assert_array_equal(copy.standard_normal(700), original.standard_normal(700))


def test_usual_keys_are_no_harm():
    for keys in (
        range(-5000, 5000),
        np.linspace(0, 1, 5000).tolist(),
        [2.0**i for i in range(-1000, 1000)],
        [(i, j / 7) for i in range(70) for j in range(70)],
    ):
        values = dict.fromkeys(keys)
        assert copied(values) == values


@pytest.mark.parametrize("name", persistence.classes())
def test_every_class_that_files_hold_comes_back(name):
    cls = persistence.classes()[name]
    if cls is Descent:
        value = Descent(SGD())
    elif cls is PredefinedSplit:
        value = PredefinedSplit([0, 1])
    elif cls is ColumnsLayout:
        value = ColumnsLayout((1,), (2,))
    else:
        parameters = inspect.signature(cls).parameters.values()
        value = cls(**{each.name: "something" for each in parameters if each.default is each.empty})
    copy, state = copied(value), value.__getstate__() or {}
    assert same(dict(sorted((copy.__getstate__() or {}).items())), dict(sorted(state.items())))
    assert type(copy) is cls
