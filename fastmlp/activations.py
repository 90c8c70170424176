"""The activation functions of hidden layers: a = f(z), applied to each element.

ReLU and the smooth functions like it (SiLU, GELU, Mish) are for deep networks, since their gradient does not fade where
z is large. SELU is for deep networks without normalisation, tanh and logistic for shallow networks and for comparison
with textbooks, step and logistic for perceptrons.

Each is a class with parameters, and has a name that stands for the class with its default parameters. The engine
computes all of them in C. A subclass of :class:`Activation` of your own, with ``__call__`` and ``derivative`` in NumPy,
is called through Python, which is slow; :class:`NativeActivation` takes compiled functions.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import LowLevelCallable
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp import engine
from fastmlp.components import Component, Registry, named
from fastmlp.registration import stored_as

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "BuiltIn",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyReLU",
    "Logistic",
    "Mish",
    "NativeActivation",
    "PReLU",
    "ReLU",
    "SiLU",
    "Softplus",
    "Step",
    "Tanh",
    "activation_of",
]


def __dir__() -> list[str]:
    return sorted(__all__)


class Activation(Component):
    """The contract of an activation of your own: a subclass defines ``__call__`` and ``derivative``, both elementwise.

    They are called with the pre-activations of one layer for a batch at a time, in one thread.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.activations import Activation
    >>> class Sine(Activation):
    ...     def __call__(self, z):
    ...         return np.sin(z)
    ...     def derivative(self, z):
    ...         return np.cos(z)
    >>> X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    >>> clf = MLPClassifier((8,), activation=Sine(), learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> clf.score(X, y)
    1.0
    """

    def __call__(self, z: NDArray) -> NDArray:
        """Return f(z), an array of the shape of z."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(z)")

    def derivative(self, z: NDArray) -> NDArray:
        """Return f'(z), an array of the shape of z."""
        raise NotImplementedError(f"{type(self).__name__} must define derivative(z)")

    # The engine calls these two methods.

    def values(self, z: NDArray) -> NDArray:
        """Return f(z), checked."""
        return self._checked(self.__call__, z)

    def slopes(self, z: NDArray) -> NDArray:
        """Return f'(z), checked."""
        return self._checked(self.derivative, z)

    def _checked(self, method: Callable[[NDArray], Any], z: NDArray) -> NDArray:
        try:
            result = np.asarray(method(z))
        except Exception as error:
            error.add_note(f"Raised by activation={self!r}.")
            raise
        if result.shape != z.shape or result.dtype.kind not in "fiub":
            raise ValueError(
                f"activation={self!r}: {method.__name__} must return real numbers of shape {z.shape}, got"
                f" {result.dtype} of shape {result.shape}."
            )
        if np.isnan(result).any() and not np.isnan(z).any():
            raise ValueError(f"activation={self!r}: {method.__name__} returned NaN.")
        return np.ascontiguousarray(result, dtype=z.dtype)


class BuiltIn(Activation):
    """The base of the activations that the engine computes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.activations import ReLU
    >>> ReLU()(np.array([-1.0, 2.0])), ReLU().derivative(np.array([-1.0, 2.0]))
    (array([0., 2.]), array([0., 1.]))
    """

    #: The name of the function in the engine, unless a parameter decides on it.
    function: ClassVar[str]
    #: Whether each unit learns a parameter of its own in place of ``parameter``.
    learned = False

    @property
    def parameter(self) -> float:
        """The one number that the engine's function takes beside z; 0 where it takes none."""
        return 0.0

    def __call__(self, z: ArrayLike) -> NDArray:
        """Return f(z), an array of the shape of z, in float32 where z is in float32, else in float64."""
        z = _floats(z)
        return engine.activate(self.engine_name, z.reshape(1, -1), self.parameter).reshape(z.shape)

    def derivative(self, z: ArrayLike) -> NDArray:
        """Return f'(z), an array of the shape of z."""
        z = _floats(z)
        flat = z.reshape(1, -1)
        return engine.differentiate(self.engine_name, flat, np.ones_like(flat), self.parameter)[0].reshape(z.shape)

    @property
    def engine_name(self) -> str:
        """The name of the function in the engine."""
        return self.function


def _floats(z: ArrayLike) -> NDArray:
    z = np.asarray(z)
    if z.dtype.kind not in "biuf":
        raise ValueError(f"z must be an array of real numbers; got {z.dtype}.")
    return np.array(z, dtype=np.float32 if z.dtype == np.float32 else np.float64, order="C")


@stored_as("activations.Identity")
class Identity(BuiltIn):
    """f(z) = z; all layers together are one linear map.

    Examples
    --------
    >>> from fastmlp.activations import Identity
    >>> Identity()([-1.0, 2.0])
    array([-1.,  2.])
    """

    function = "identity"


@stored_as("activations.Logistic")
class Logistic(BuiltIn):
    """f(z) = 1 / (1 + exp(-z)), the sigmoid; f' = a (1 - a), at most 1/4.

    Examples
    --------
    >>> from fastmlp.activations import Logistic
    >>> Logistic()([0.0])
    array([0.5])
    """

    function = "logistic"


@stored_as("activations.Tanh")
class Tanh(BuiltIn):
    """f(z) = tanh(z); f' = 1 - a^2.

    Examples
    --------
    >>> from fastmlp.activations import Tanh
    >>> Tanh()([0.0])
    array([0.])
    """

    function = "tanh"


@stored_as("activations.ReLU")
class ReLU(BuiltIn):
    """f(z) = max(0, z); f'(0) is 0. Source: Nair & Hinton, "Rectified linear units ...", ICML 2010.

    Examples
    --------
    >>> from fastmlp.activations import ReLU
    >>> ReLU()([-1.0, 2.0])
    array([0., 2.])
    """

    function = "relu"


@stored_as("activations.LeakyReLU")
class LeakyReLU(BuiltIn):
    """f(z) = z where z > 0, else negative_slope z. Source: Maas et al., ICML 2013.

    Parameters
    ----------
    negative_slope : float in [0, 1], default=0.01
        The slope where z < 0.

    Examples
    --------
    >>> from fastmlp.activations import LeakyReLU
    >>> LeakyReLU(0.5)([-1.0, 2.0])
    array([-0.5,  2. ])
    """

    function = "leaky_relu"
    _parameter_constraints: ClassVar[dict] = {"negative_slope": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    @property
    def parameter(self) -> float:
        """The slope where z < 0."""
        return self.negative_slope


@stored_as("activations.PReLU")
class PReLU(BuiltIn):
    """f(z) = z where z > 0, else s z, where each unit learns its s. Source: He et al., ICCV 2015.

    Penalties do not include s.

    Parameters
    ----------
    initial : float, default=0.25
        The s that each unit starts from.

    Examples
    --------
    >>> from fastmlp.activations import PReLU
    >>> PReLU()([-1.0, 2.0])
    array([-0.25,  2.  ])
    """

    function = "prelu"
    learned = True
    _parameter_constraints: ClassVar[dict] = {"initial": [Interval(Real, None, None, closed="neither")]}

    def __init__(self, initial: float = 0.25) -> None:
        self.initial = initial

    @property
    def parameter(self) -> float:
        """The slope that each unit starts from."""
        return self.initial


@stored_as("activations.ELU")
class ELU(BuiltIn):
    """f(z) = z where z > 0, else alpha (exp(z) - 1). Source: Clevert et al., ICLR 2016.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The distance below 0 that f(z) approaches.

    Examples
    --------
    >>> from fastmlp.activations import ELU
    >>> ELU()([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ])
    """

    function = "elu"
    _parameter_constraints: ClassVar[dict] = {"alpha": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    @property
    def parameter(self) -> float:
        """The parameter alpha."""
        return self.alpha


@stored_as("activations.SELU")
class SELU(BuiltIn):
    """f(z) = 1.0507 ELU(z; alpha=1.6733); mean 0 and variance 1 stay as they are from layer to layer.

    It goes with weights of variance 1 / fan_in (``weight_init="lecun_normal"``). Source: Klambauer et al.,
    "Self-normalizing neural networks", NIPS 2017.

    Examples
    --------
    >>> from fastmlp.activations import SELU
    >>> SELU()([-1.0, 2.0]).round(4)
    array([-1.1113,  2.1014])
    """

    function = "selu"


@stored_as("activations.GELU")
class GELU(BuiltIn):
    """f(z) = z P(Z <= z), Z standard normal. Source: Hendrycks & Gimpel, 2016.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default="none"
        "tanh" computes z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) instead.

    Examples
    --------
    >>> from fastmlp.activations import GELU
    >>> GELU()([-1.0, 2.0]).round(4)
    array([-0.1587,  1.9545])
    """

    function = "gelu"
    _parameter_constraints: ClassVar[dict] = {"approximate": [StrOptions({"none", "tanh"})]}

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    @property
    def engine_name(self) -> str:
        """The name of the function in the engine."""
        return "gelu" if self.approximate == "none" else "gelu_tanh"


@stored_as("activations.SiLU")
class SiLU(BuiltIn):
    """f(z) = z / (1 + exp(-beta z)), also called swish. Source: Elfwing et al., 2017; Ramachandran et al., 2017.

    Parameters
    ----------
    beta : float, default=1.0
        The steepness.
    learn_beta : bool, default=False
        Whether each unit learns a beta of its own, starting from this one.

    Examples
    --------
    >>> from fastmlp.activations import SiLU
    >>> SiLU()([-1.0, 2.0]).round(4)
    array([-0.2689,  1.7616])
    """

    function = "silu"
    _parameter_constraints: ClassVar[dict] = {
        "beta": [Interval(Real, None, None, closed="neither")],
        "learn_beta": ["boolean"],
    }

    def __init__(self, beta: float = 1.0, learn_beta: bool = False) -> None:
        self.beta = beta
        self.learn_beta = learn_beta

    @property
    def parameter(self) -> float:
        """The parameter beta."""
        return self.beta

    @property
    def learned(self) -> bool:  # type: ignore[override]
        """Whether each unit learns a beta of its own."""
        return self.learn_beta


@stored_as("activations.Softplus")
class Softplus(BuiltIn):
    """f(z) = log(1 + exp(beta z)) / beta, a smooth ReLU. Source: Dugas et al., NIPS 2000.

    Parameters
    ----------
    beta : float > 0, default=1.0
        The steepness; the larger it is, the more f(z) is like ReLU.

    Examples
    --------
    >>> from fastmlp.activations import Softplus
    >>> Softplus()([0.0, 100.0]).round(4)
    array([  0.6931, 100.    ])
    """

    function = "softplus"
    _parameter_constraints: ClassVar[dict] = {"beta": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    @property
    def parameter(self) -> float:
        """The parameter beta."""
        return self.beta


@stored_as("activations.Mish")
class Mish(BuiltIn):
    """f(z) = z tanh(log(1 + exp(z))). Source: Misra, BMVC 2020.

    Examples
    --------
    >>> from fastmlp.activations import Mish
    >>> Mish()([-1.0, 2.0]).round(4)
    array([-0.3034,  1.944 ])
    """

    function = "mish"


@stored_as("activations.HardSigmoid")
class HardSigmoid(BuiltIn):
    """f(z) = min(max(z / 6 + 1/2, 0), 1). Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> from fastmlp.activations import HardSigmoid
    >>> HardSigmoid()([-4.0, 0.0, 4.0])
    array([0. , 0.5, 1. ])
    """

    function = "hard_sigmoid"


@stored_as("activations.HardSwish")
class HardSwish(BuiltIn):
    """f(z) = z min(max(z / 6 + 1/2, 0), 1). Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> from fastmlp.activations import HardSwish
    >>> HardSwish()([-1.5, 1.5, 4.0])
    array([-0.375,  1.125,  4.   ])
    """

    function = "hard_swish"


@stored_as("activations.Step")
class Step(BuiltIn):
    """f(z) = 1 where z > 0, else 0, as in a perceptron.

    Its derivative is 0, so that nothing could be learned. Training takes the derivative of the clipped identity
    instead, 1 where |z| <= 1, which is called the straight-through estimate. Source: Rosenblatt, 1958; Bengio et al.,
    2013.

    Examples
    --------
    >>> from fastmlp.activations import Step
    >>> Step()([-1.0, 0.0, 2.0])
    array([0., 0., 1.])
    """

    function = "step"


class NativeActivation(Activation):
    """An activation of two compiled functions "double (double)", for instance from Numba, Cython or ctypes.

    The engine calls them for one element at a time, in double precision, in its threads.

    Parameters
    ----------
    value, slope : scipy.LowLevelCallable
        The functions f and f'.

    Examples
    --------
    >>> import ctypes, ctypes.util
    >>> from scipy import LowLevelCallable
    >>> from fastmlp.activations import NativeActivation
    >>> libm = ctypes.CDLL(ctypes.util.find_library("m"))
    >>> for function in (libm.sin, libm.cos):
    ...     function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    >>> sine = NativeActivation(LowLevelCallable(libm.sin), LowLevelCallable(libm.cos))
    """

    _parameter_constraints: ClassVar[dict] = {"value": [LowLevelCallable], "slope": [LowLevelCallable]}

    def __init__(self, value: LowLevelCallable, slope: LowLevelCallable) -> None:
        self.value = value
        self.slope = slope

    def __sklearn_clone__(self) -> NativeActivation:
        return type(self)(self.value, self.slope)

    def __deepcopy__(self, memo: dict) -> NativeActivation:
        return self.__sklearn_clone__()  # the functions themselves cannot be copied, and need not be

    def __reduce__(self) -> Any:
        raise TypeError(
            "A NativeActivation holds the addresses of functions, which no other process has; it cannot be pickled."
        )

    def validate(self) -> NativeActivation:
        """Check that both functions are "double (double)"; return self."""
        super().validate()
        for name in ("value", "slope"):
            signature = getattr(self, name).signature
            if signature.replace(" ", "") != "double(double)":
                raise ValueError(
                    f"The {name!r} parameter of NativeActivation must be a function 'double (double)', got"
                    f" {signature!r}."
                )
        return self


#: The activations by name; a name stands for the class with its default parameters.
ACTIVATIONS: Registry[type[BuiltIn]] = Registry(
    {
        "identity": Identity,
        "logistic": Logistic,
        "tanh": Tanh,
        "relu": ReLU,
        "leaky_relu": LeakyReLU,
        "prelu": PReLU,
        "elu": ELU,
        "selu": SELU,
        "gelu": GELU,
        "silu": SiLU,
        "softplus": Softplus,
        "mish": Mish,
        "hard_sigmoid": HardSigmoid,
        "hard_swish": HardSwish,
        "step": Step,
    },
    {
        "identity": ("linear", "lin", "purelin"),
        "logistic": ("sigmoid", "expit", "sigm", "logsig", "logistic_sigmoid"),
        "tanh": ("tansig", "hyperbolic_tangent"),
        "relu": ("rectifier", "rectified_linear", "rectified_linear_unit", "poslin"),
        "leaky_relu": ("lrelu", "leaky", "leaky_rectifier"),
        "prelu": ("parametric_relu",),
        "elu": ("exponential_linear_unit",),
        "selu": ("scaled_elu",),
        "gelu": ("gaussian_error_linear_unit",),
        "silu": ("swish",),
        "softplus": ("smooth_relu",),
        "hard_sigmoid": ("hsigmoid",),
        "hard_swish": ("hswish", "hard_silu"),
        "step": ("heaviside", "binary_step", "hardlim"),
    },
)


def activation_of(given: Any, parameter: str = "activation") -> Activation:
    """Return the activation that a name or an object stands for, with its parameters checked.

    Raises
    ------
    ValueError
        For a name that is not known, or wrong parameters.
    TypeError
        For anything that is neither a name nor an Activation.

    Examples
    --------
    >>> from fastmlp.activations import activation_of
    >>> activation_of("leaky_relu")
    LeakyReLU()
    """
    if isinstance(given, str):
        return named(given, ACTIVATIONS, parameter)()
    if not isinstance(given, Activation):
        raise TypeError(f"{parameter} must be a name or an Activation, got {given!r}.")
    return given.validate()
