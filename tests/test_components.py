"""Components: parameters, copies, representations, validation, names."""

import inspect
import pickle
import re
from numbers import Real
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from fastmlp.components import (
    Component,
    Named,
    Registry,
    compute_dtype,
    layer_sizes,
    listed,
    named,
    real_array,
    whole_number,
)


class Inner(Component):
    _parameter_constraints: ClassVar[dict] = {"rate": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, rate=0.5):
        self.rate = rate


class Outer(Component):
    _parameter_constraints: ClassVar[dict] = {"inner": [Inner, None], "name": [str], "values": ["array-like", None]}

    def __init__(self, inner=None, name="x", values=None):
        self.inner = inner
        self.name = name
        self.values = values


@pytest.mark.parametrize(
    ("component", "text"),
    [
        (Outer(), "Outer()"),
        (Outer(Inner(0.25), name="y"), "Outer(inner=Inner(rate=0.25), name='y')"),
        (Outer(values=(1, 2)), "Outer(values=(1, 2))"),
        (Inner(1), "Inner(rate=1)"),
    ],
)
def test_repr_reconstructs(component, text):
    assert repr(component) == str(component) == text
    assert repr(eval(text)) == text
    assert repr(clone(component)) == text


def test_repr_leaves_nothing_out():
    assert repr(Outer(values=tuple(range(1000)))).count(",") == 999


def test_nested_parameters_are_set_and_copied():
    outer = Outer(Inner())
    copied = clone(outer).set_params(inner__rate=0.75)
    assert (outer.inner.rate, copied.inner.rate) == (0.5, 0.75)
    assert copied.get_params()["inner__rate"] == 0.75


@pytest.mark.parametrize("component", [Inner(1.5), Outer(Inner(1.5))])
def test_validate_names_parameter_and_value(component):
    with pytest.raises(ValueError, match=r"The 'rate' parameter of Inner must be .* Got 1\.5 instead"):
        component.validate()


def test_validate_returns_the_component():
    outer = Outer(Inner(0.0), values=np.ones(2))
    assert outer.validate() is outer


def test_constraints_are_those_of_now():
    class Limited(Component):
        _parameter_constraints = {"limit": [Interval(Real, 0, 1, closed="both")]}

        def __init__(self, limit=1):
            self.limit = limit

    class Wider(Limited):
        pass

    for cls in (Limited, Wider):
        cls(1).validate()
    Wider._parameter_constraints = {"limit": [Interval(Real, 0, 2, closed="both")]}
    Wider(2).validate()
    with pytest.raises(ValueError, match="'limit' parameter of Limited must be"):
        Limited(2).validate()
    own = Limited(2)
    own._parameter_constraints = {"limit": "no_validation"}
    own.validate()
    with pytest.raises(ValueError, match="'limit' parameter of Limited must be"):
        Limited(2).validate()


def test_names():
    known = {"adam": 1, "sgd": 2, "adamw": 3}
    assert named("adamw", known, "solver") == 3
    with pytest.raises(ValueError, match=r"solver='admw' is not known; known are 'adamw', 'adam', 'sgd'\."):
        named("admw", known, "solver")
    assert listed("SGD", known).startswith("'sgd'")


@pytest.mark.parametrize("given", [[[1, 2]], np.array([[1.5, 2.0]]), np.array([[True, False]])], ids=str)
def test_real_arrays(given):
    array = real_array(given, (1, 2), np.float32, "it")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, given)
    kept = np.ones(3)
    assert real_array(kept, (3,), np.float64, "it") is kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([1.0], r"have shape \(2,\); got shape \(1,\)"),
        ([1.0, np.nan], "be finite in float32; got nan"),
        ([1.0, 1e300], "be finite in float32; got inf"),
        ([1.0, 1j], r"be real numbers of shape \(2,\); got \[1.0, 1j\]"),
        (["1", "2"], "be real numbers"),
        ([1.0, None], "be real numbers"),
        ([[1], [1, 2]], "be real numbers"),
        (None, "be real numbers"),
    ],
    ids=str,
)
def test_what_is_no_real_array(given, told):
    with pytest.raises(ValueError, match=f"^it must {told}"):
        real_array(given, (2,), np.float32, "it")


@pytest.mark.parametrize("dtype", ["float32", np.float64, float, "<f8", np.dtype("f4"), None])
def test_types_to_compute_in(dtype):
    assert compute_dtype(dtype) == np.dtype(dtype)


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "auto", int, "int32", bool, complex, np.longdouble, ">f8", object, 3]
)
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match=f"dtype must be float32 or float64; got {re.escape(repr(dtype))}"):
        compute_dtype(dtype)


@pytest.mark.parametrize("value", [1, np.int8(1), np.uint64(1), np.array(1)])
def test_integers_of_any_type(value):
    number = whole_number(value, "n")
    assert (number, type(number)) == (1, int)
    assert whole_number(-3, "n", least=None) == -3


@pytest.mark.parametrize("value", [0, -1, 1.0, np.float64(1), "1", None, True, np.True_, [1], np.array([1, 2])])
def test_what_is_no_positive_integer_is_refused(value):
    with pytest.raises(ValueError, match=f"n must be an integer of at least 1; got {re.escape(repr(value))}"):
        whole_number(value, "n")


def test_sizes():
    assert layer_sizes(np.array([3, 4], np.int16)) == layer_sizes((3, 4)) == layer_sizes(iter([3, 4])) == (3, 4)
    for sizes in (
        [3],
        [],
        3,
        "34",
        None,
        [3, 0],
        [3, -1],
        [3, 2.0],
        [3, True],
        [[3], 2],
        [3, None],
        np.array([3.0, 2.0]),
    ):
        with pytest.raises(ValueError, match="sizes must be integers of at least 1, inputs and outputs included; got "):
            layer_sizes(sizes)


# ---- names -----------------------------------------------------------------------------------------------------------


UNITS = Registry(
    {"logistic": 1, "hard_sigmoid": 2, "leaky_relu": 3}, {"logistic": ["sigmoid"], "leaky_relu": ["lrelu"]}
)


class Unit(Component):
    unit = Named(UNITS)

    def __init__(self, unit="logistic"):
        self.unit = unit


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("logistic", "logistic"),
        ("Sigmoid", "logistic"),
        ("LeakyReLU", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("LReLU", "leaky_relu"),
        ("HardSigmoid", "hard_sigmoid"),
        ("tanh", "tanh"),
        ("", ""),
        (None, None),
        (3, 3),
    ],
)
def test_canonical_names(given, canonical):
    assert UNITS.canonical(given) == canonical
    assert Unit(given).unit == canonical
    if canonical in UNITS:
        assert named(given, UNITS, "unit") == UNITS[canonical]


def test_a_registry_has_the_canonical_names_only():
    assert list(UNITS) == ["logistic", "hard_sigmoid", "leaky_relu"]
    assert "sigmoid" not in UNITS
    with pytest.raises(AssertionError, match="the alias 'Hard-Sigmoid' of 'logistic' means something else"):
        Registry({"logistic": 1, "hard_sigmoid": 2}, {"logistic": ["Hard-Sigmoid"]})


def test_aliases_tell_which_name_is_near():
    with pytest.raises(ValueError, match=r"^unit='sigmoyd' is not known; known are 'logistic', 'hard_sigmoid'"):
        named("sigmoyd", UNITS, "unit")


def test_named_parameters_are_canonical_however_they_are_set():
    unit = Unit("sigmoid")
    assert repr(unit) == "Unit()"
    assert unit.get_params() == {"unit": "logistic"}
    unit.unit = "LReLU"
    assert repr(unit) == "Unit(unit='leaky_relu')"
    assert unit.set_params(unit="sigmoid").unit == "logistic"
    assert pickle.loads(pickle.dumps(unit)).unit == "logistic"
    assert Unit(["sigmoid", Inner(), "quux"]).unit[::2] == ["logistic", "quux"]


@pytest.mark.parametrize("given", ["sigmoid", ["sigmoid", "lrelu"], ("LRelu",), ["logistic"], Inner(), None, "quux"])
def test_named_parameters_can_be_cloned(given):
    """A clone's parameters must be the very objects that ``__init__`` was given."""
    unit = Unit(given)
    assert repr(clone(clone(unit))) == repr(unit)
    assert Unit(unit.unit).unit is unit.unit


# ---- wrong names -----------------------------------------------------------------------------------------------------


def test_unknown_keywords():
    with pytest.raises(
        TypeError,
        match=r"^Inner\.__init__\(\) got an unexpected keyword argument 'rat'\. Did you mean"
        r" 'rate'\?$",
    ):
        Inner(rat=1)
    with pytest.raises(
        ValueError,
        match=r"^Invalid parameter 'rat' for estimator Inner\(\)\. Valid parameters are:"
        r" \['rate'\]\. Did you mean 'rate'\?$",
    ):
        Inner().set_params(rat=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'x'$"):
        Nothing(x=1)


class Nothing(Component):
    """Has no ``__init__`` of its own."""


class Anything(Inner):
    def __init__(self, rate=0.5, **others):
        super().__init__(rate, **others)


def test_signatures_are_those_of_init():
    assert str(inspect.signature(Inner)) == "(rate=0.5)"
    assert str(inspect.signature(Nothing)) == "()"
    assert str(inspect.signature(Anything)) == "(rate=0.5, **others)"
    with pytest.raises(TypeError, match=r"Inner\.__init__\(\) got an unexpected keyword argument 'x'"):
        Anything(x=1)  # not refused before its own __init__ has seen it


# ---- parameters within parameters ------------------------------------------------------------------------------------


def test_parameters_in_lists():
    outer = Outer(values=[Inner(), 3])
    assert outer.get_params()["values__0__rate"] == 0.5
    assert set(outer.get_params(deep=False)) == {"inner", "name", "values"}
    assert outer.set_params(values__0__rate=0.25, values__1=Inner(0.75)).values[0].rate == 0.25
    assert repr(outer.values[1]) == "Inner(rate=0.75)"
    assert Outer(values=(1, 2)).set_params(values__1=5).values == (1, 5)
    assert repr(outer.set_params(**outer.get_params())) == repr(outer)
    assert outer.set_params(values=[Inner()], values__0__rate=0.125).values[0].rate == 0.125


@pytest.mark.parametrize(
    ("outer", "params", "message"),
    [
        (Outer(), {"inner__rate": 1}, r"Cannot set inner__rate: inner=None has no parameters\."),
        (Outer(), {"name__rate": 1}, r"Cannot set name__rate: name='x' is a name, and has no parameters\."),
        (Outer(values=[Inner()]), {"values__1__rate": 1}, r"values has no element 1: there are 1, counted from 0"),
        (Outer(values=[Inner()]), {"values__rate": 1}, r"values is a list: .* write values__0__rate"),
        (Outer(values=[3]), {"values__0__rate": 1}, r"Cannot set values__0__rate: values__0=3 has no parameters"),
        (Outer(inner=Inner), {"inner__rate": 1}, r"has no parameters\. Write inner=Inner\(rate=1\)\."),
        (Outer(Inner()), {"inner__rat": 1}, r"Invalid parameter 'rat' for estimator Inner\(\).*mean 'rate'\?"),
    ],
)
def test_what_cannot_be_set_within(outer, params, message):
    with pytest.raises(ValueError, match=message):
        outer.set_params(**params)


def test_nothing_is_set_when_a_name_is_wrong():
    outer = Outer(Inner())
    for params in ({"name": "y", "nam": "z"}, {"name": "y", "values__rate": 1}, {"name": "y", "inner__rat": 1}):
        with pytest.raises(ValueError):
            outer.set_params(**params)
        assert outer.name == "x"


def test_classes_instead_of_objects():
    with pytest.raises(
        ValueError, match=r"'inner' parameter of Outer must be .* Give an object instead .*: Inner\(\)\."
    ):
        Outer(Inner).validate()
