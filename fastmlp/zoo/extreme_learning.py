"""Extreme learning machines: hidden layers of random weights, and a readout in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.activations import Activation
from fastmlp.components import Named, layer_sizes
from fastmlp.estimators.features import HiddenFeatures
from fastmlp.estimators.fitted_state import check_estimator
from fastmlp.estimators.network_estimator import NetworkEstimator
from fastmlp.initializers import INITIALIZERS, LecunNormal, Uniform
from fastmlp.inputs.rows import Rows, rows_of
from fastmlp.inputs.scaling import feature_scaling
from fastmlp.network import Network
from fastmlp.registration import stored_as
from fastmlp.soundness import require
from fastmlp.zoo.closed_form import ClosedForm, ReadsClasses, ReadsNumbers, check_sums
from fastmlp.zoo.readout import Solution


class HiddenUnits:
    """The last hidden layer of a network, as units that are read out.

    Parameters
    ----------
    network : Network
        Its inputs are scaled as its input_means and input_scales say, of CSR rows as of others.
    """

    def __init__(self, network: Network) -> None:
        self.network, self.dtype = network, network.params.dtype
        self.n_units = network.structure.sizes[-2]
        folded = network.folded()
        if not np.isfinite(folded.params).all():
            raise ValueError("weight_init and bias_init must draw smaller numbers: with X's means they are not finite.")
        self._packed = folded.packed()

    def rows(self, X: Any) -> Rows:
        """Return validated samples as the engine takes them."""
        return rows_of(X, self.dtype)

    def values(self, rows: Rows, start: int, stop: int, n_threads: int) -> NDArray:
        """Return the hidden layer's values for some of the rows, shape (stop - start, n_units)."""
        depth = self._packed.n_layers - 1
        return self._packed.forward(rows, start=start, stop=stop, n_threads=n_threads, depth=depth)


class _ExtremeLearning(HiddenFeatures, NetworkEstimator, ClosedForm):
    """What both extreme learning machines do: random layers, kept as a network whose last layer is the readout."""

    hidden_layer_sizes: Any
    weight_init = Named(INITIALIZERS)
    bias_init = Named(INITIALIZERS)
    standardize: bool
    random_state: Any
    normalization = None

    _parameter_constraints: ClassVar[dict] = {
        **ClosedForm._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str, Activation, list, tuple],
        "weight_init": [str, callable],
        "bias_init": [str, callable],
        "standardize": ["boolean"],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
    }

    def _make_units(
        self, X: Any, targets: NDArray, weights: NDArray | None, random_state: np.random.RandomState
    ) -> HiddenUnits:
        given = self.hidden_layer_sizes
        try:
            sizes = layer_sizes([X.shape[1], *([given] if isinstance(given, Integral) else given), targets.shape[1]])
        except (TypeError, ValueError):
            sizes = ()
        if len(sizes) < 3:
            raise ValueError(
                f"hidden_layer_sizes must be an integer of at least 1, or a sequence of such; got {given!r}."
            )
        is_auto = isinstance(self.weight_init, str) and self.weight_init == "auto"
        has_biases = not (isinstance(self.bias_init, str) and self.bias_init == "auto")
        network = Network.create(
            sizes,
            self.activation,
            weight_init=LecunNormal() if is_auto else self.weight_init,
            bias_init=self.bias_init if has_biases else Uniform(1.0),
            random_state=random_state,
            dtype=self._compute_dtype(X.dtype),
        )
        if self.standardize:
            network.input_means, network.input_scales = feature_scaling(X, weights)
        return HiddenUnits(network)

    def _fitted_units(self) -> HiddenUnits:
        return HiddenUnits(self._network(self.coefs_[0].dtype))

    def _keep_solution(self, units: Any, solution: Solution) -> None:
        network = units.network
        network.coefs[-1][:], network.intercepts[-1][:] = solution.coefs, solution.intercepts
        self._keep(network)

    def check_state(self) -> None:
        """Refuse what a file must not say of a fitted network and of the sums of its readout."""
        check_sums(self, "coefs_")
        check_estimator(self)
        if "coefs_" in vars(self):
            require(len(self.coefs_) > 1, "coefs_ has no hidden layer")
            fits = self.coefs_[-1].shape == (self._readout.n_units, self._readout.n_outputs)
            require(fits, "_readout does not fit coefs_")


@stored_as("ELMClassifier")
class ELMClassifier(ReadsClasses, _ExtremeLearning):
    """Extreme learning machine for classes: ridge regression on random features.

    The features are f(X W + b) with weights that are drawn once and never trained; on them follows ridge regression of
    +1 and -1, one output for each class (one for two classes), in closed form. Huang, Zhu and Siew ("Extreme learning
    machine: theory and applications", Neurocomputing 2006) gave it its name; the same was known before as a random
    vector functional link network and as random features.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=500
        The number of random units. Of several layers, which are random, too, the last one is read out.
    activation : str, Activation, or a list with one per hidden layer, default='tanh'
        A name from ``fastmlp.activations.ACTIVATIONS`` or an object of :mod:`fastmlp.activations`.
    alpha : float or sequence of float, default=1.0
        The strength of the ridge penalty, sum |readout|^2 times alpha beside the sum of the squared errors of all rows.
        Of several the best by generalised cross-validation is taken, which costs about 20 times as much as one.
    weight_init, bias_init : str, Initializer or callable, default='auto'
        How the random weights and biases are drawn: a name or an object of :mod:`fastmlp.initializers`, or a callable.
        'auto' draws weights from N(0, 1 / n_inputs), so that products with standardised features have a variance of
        about 1, and biases from U(-1, 1).
    standardize : bool, default=True
        Whether features are centred and divided by their standard deviation first (sparse ones are divided only). For
        partial_fit these are of the first call's samples.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        Weights of the classes, by which sample_weight is multiplied; 'balanced' is not for partial_fit.
    random_state : int, RandomState instance or None, default=None
        Decides the random weights.
    dtype : {'auto', 'float32', 'float64'}, default='auto'
        The type of the network. 'auto' is float32 for X of float32, and float64 for all else. The readout is solved in
        float64 in any case.
    n_jobs : int or None, default=None
        The number of threads; None is as many as are worthwhile, -1 all CPUs. Results are the same for any number.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the classes; for several labels per sample, the numbers of the labels.
    coefs_, intercepts_ : list of ndarray
        Weights (n_inputs, n_units) and biases of each layer; the last ones are the readout.
    alpha_ : float
        The strength of the penalty that was taken.
    input_means_, input_scales_ : ndarray of shape (n_features,)
        With standardize, what is subtracted from features, and what they are then multiplied by.
    n_features_in_, n_layers_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only of X with names.

    See Also
    --------
    RBFClassifier : Gaussian units about centres that are found in the data.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from fastmlp.zoo import ELMClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> bool(cross_val_score(ELMClassifier(500, random_state=0), X, y).mean() > 0.93)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 500,
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        *,
        alpha: float | Sequence[float] = 1.0,
        weight_init: str | Callable = "auto",
        bias_init: str | Callable = "auto",
        standardize: bool = True,
        class_weight: dict | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        dtype: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())


@stored_as("ELMRegressor")
class ELMRegressor(ReadsNumbers, _ExtremeLearning):
    """Extreme learning machine for numbers: ridge regression on random features.

    The features are f(X W + b) with weights that are drawn once and never trained; the readout follows in closed form.
    See :class:`ELMClassifier` for the parameters and attributes that both have.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=500
    activation : str, Activation, or a list with one per hidden layer, default='tanh'
    alpha : float or sequence of float, default=1.0
    weight_init, bias_init : str, Initializer or callable, default='auto'
    standardize : bool, default=True
    random_state : int, RandomState instance or None, default=None
    dtype : {'auto', 'float32', 'float64'}, default='auto'
    n_jobs : int or None, default=None

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights (n_inputs, n_units) and biases of each layer; the last ones are the readout.
    alpha_ : float
        The strength of the penalty that was taken.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import ELMRegressor
    >>> X = np.linspace(-10, 10, 500)[:, None]
    >>> y = np.sinc(X[:, 0] / np.pi)
    >>> bool(ELMRegressor(100, alpha=1e-6, bias_init="uniform", random_state=0).fit(X, y).score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 500,
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        *,
        alpha: float | Sequence[float] = 1.0,
        weight_init: str | Callable = "auto",
        bias_init: str | Callable = "auto",
        standardize: bool = True,
        random_state: int | np.random.RandomState | None = None,
        dtype: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())
