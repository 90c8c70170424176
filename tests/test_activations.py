"""The activations as objects: names, parameters, values, a user's own."""

import ctypes
import ctypes.util
import pickle

import numpy as np
import pytest
import scipy.sparse
from scipy import LowLevelCallable
from sklearn.base import clone

from fastmlp import activations, engine
from fastmlp.activations import (
    ACTIVATIONS,
    GELU,
    Activation,
    BuiltIn,
    LeakyReLU,
    NativeActivation,
    PReLU,
    SiLU,
    activation_of,
)
from tests import reference

VARIANTS = [
    *(cls() for cls in ACTIVATIONS.values()),
    GELU("tanh"),
    SiLU(2.0, learn_beta=True),
    LeakyReLU(0.3),
    PReLU(0.1),
]


def test_every_function_of_the_engine_has_a_class():
    assert {variant.engine_name for variant in VARIANTS} == set(engine.ACTIVATIONS)
    classes = {value for value in vars(activations).values() if isinstance(value, type) and issubclass(value, BuiltIn)}
    assert classes - {BuiltIn} == set(ACTIVATIONS.values())


@pytest.mark.parametrize("activation", VARIANTS, ids=repr)
def test_values_and_derivatives(activation):
    z = np.linspace(-4, 4, 33).reshape(3, 11)
    name, p = activation.engine_name, activation.parameter
    np.testing.assert_allclose(activation(z), reference.ACTIVATIONS[name](z, p), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(activation.derivative(z), reference.DERIVATIVES[name](z, p), rtol=1e-13, atol=1e-14)
    assert activation(z.astype(np.float32)).dtype == np.float32
    assert activation([1, 2]).dtype == np.float64


@pytest.mark.parametrize("activation", VARIANTS, ids=repr)
def test_copies(activation):
    namespace = vars(activations)
    for copy in (clone(activation), pickle.loads(pickle.dumps(activation)), eval(repr(activation), namespace)):
        assert type(copy) is type(activation)
        assert copy.get_params() == activation.get_params()


def test_names():
    assert activation_of("silu").get_params() == activation_of("swish").get_params()
    with pytest.raises(ValueError, match=r"activation='tan' is not known; known are 'tanh', "):
        activation_of("tan")
    with pytest.raises(TypeError, match=r"activation must be a name or an Activation, got 3"):
        activation_of(3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            LeakyReLU(2.0),
            r"'negative_slope' parameter of LeakyReLU must be a float in the range \[0.0, 1.0\]. Got 2.0",
        ),
        (activations.ELU(-1.0), "The 'alpha' parameter of ELU"),
        (activations.Softplus(0.0), "The 'beta' parameter of Softplus"),
        (GELU("sigmoid"), "The 'approximate' parameter of GELU"),
    ],
)
def test_bad_parameters(bad, message):
    with pytest.raises(ValueError, match=message):
        activation_of(bad)


class Returns(Activation):
    def __init__(self, result=None):
        self.result = result

    def __call__(self, z):
        return self.result


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros(3), r"__call__ must return real numbers of shape \(2, 3\), got float64 of shape \(3,\)"),
        (None, "must return real numbers"),
        (np.full((2, 3), "a"), "must return real numbers"),
        (np.full((2, 3), np.nan), "returned NaN"),
    ],
    ids=repr,
)
def test_what_a_users_activation_returns_is_checked(result, message):
    with pytest.raises(ValueError, match=message):
        Returns(result).values(np.zeros((2, 3)))


def test_a_users_activation_may_pass_nan_on():
    z = np.array([[np.nan, 1.0]])
    np.testing.assert_array_equal(Returns(z).values(z), z)


def test_a_users_activation_needs_both_methods():
    for method in ("values", "slopes"):
        with pytest.raises(NotImplementedError, match="Activation must define"):
            getattr(Activation(), method)(np.zeros((1, 1)))


def test_native_functions_are_functions_of_one_number():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.pow.restype, libm.pow.argtypes = ctypes.c_double, (ctypes.c_double, ctypes.c_double)
    libm.sin.restype, libm.sin.argtypes = ctypes.c_double, (ctypes.c_double,)
    power, sine = LowLevelCallable(libm.pow), LowLevelCallable(libm.sin)
    assert activation_of(NativeActivation(sine, sine))
    with pytest.raises(
        ValueError, match=r"'slope' parameter of NativeActivation must be a function 'double \(double\)'"
    ):
        activation_of(NativeActivation(sine, power))
    with pytest.raises(ValueError, match="The 'value' parameter of NativeActivation must be an instance of"):
        activation_of(NativeActivation(np.sin, sine))


@pytest.mark.parametrize("z", [["a"], [None], np.zeros(2, complex), scipy.sparse.eye_array(2)], ids=repr)
def test_what_is_no_array_of_real_numbers_is_refused(z):
    for function in (ACTIVATIONS["relu"](), ACTIVATIONS["gelu"]().derivative):
        with pytest.raises(ValueError, match="z must be an array of real numbers; got "):
            function(z)


@pytest.mark.parametrize("z", [[], np.zeros((0, 3)), np.zeros((3, 0)), 2.0, [True, False], np.ones((2, 2, 2), np.int8)])
def test_arrays_of_any_shape_and_real_type(z):
    for function in (ACTIVATIONS["relu"](), ACTIVATIONS["gelu"]().derivative):
        assert function(z).shape == np.shape(z)
