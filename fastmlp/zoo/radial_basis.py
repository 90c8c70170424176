"""Radial basis networks: Gaussian units about centres, and a readout in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import real_array
from fastmlp.engine import matmul
from fastmlp.estimators.fitted_state import check_labels
from fastmlp.estimators.prediction import Decoding
from fastmlp.exceptions import IgnoredParameterWarning, warn_user
from fastmlp.inputs.scaling import feature_scaling
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require, require_jobs
from fastmlp.zoo.closed_form import ClosedForm, ReadsClasses, ReadsNumbers, block_rows, check_sums
from fastmlp.zoo.gaussian_units import GaussianUnits, Scaling, common_width, dense, k_means, spread_rows
from fastmlp.zoo.learning import EpochEstimator
from fastmlp.zoo.radial_descent import GaussianLearner
from fastmlp.zoo.readout import RidgeReadout, Solution


class _RadialBasis(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EpochEstimator, ClosedForm):
    """What both radial basis networks do: find centres and widths, and train them where that is asked for."""

    n_centers: int
    width: Any
    centers: Any
    standardize: bool
    batch_size: int
    learning_rate_init: float
    random_state: Any

    centers_: NDArray
    widths_: NDArray
    coefs_: NDArray
    intercepts_: NDArray
    input_means_: NDArray
    input_scales_: NDArray

    _parameter_constraints: ClassVar[dict] = {
        **EpochEstimator._parameter_constraints,
        **ClosedForm._parameter_constraints,
        "n_centers": [Interval(Integral, 1, None, closed="left")],
        "width": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), "array-like"],
        "centers": [StrOptions({"kmeans", "random", "learned"}), "array-like"],
        "standardize": ["boolean"],
    }

    # ---- units -------------------------------------------------------------------------------------------------------

    def _make_units(
        self, X: Any, targets: NDArray, weights: NDArray | None, random_state: np.random.RandomState
    ) -> GaussianUnits:
        n_rows, n_features = X.shape
        if isinstance(self.centers, str):
            n = self.n_centers
            n_samples = n_rows if weights is None else int(np.count_nonzero(weights))
            if n > n_samples:
                raise ValueError(f"n_centers={n} must be at most the number of samples, n_samples = {n_samples}.")
        else:
            given = self._given_centers(n_features)
            n = len(given)
        widths = None if isinstance(self.width, str) else self._given_widths(n)
        scaling, n_threads = self._scaling(X, weights), self._threads(n)
        if not isinstance(self.centers, str):
            centers = scaling.of(given)
        elif self.centers == "random":
            centers = dense(scaling.of(X[spread_rows(X, weights, n, random_state)]))
        else:
            centers = k_means(scaling.of(X), weights, n, random_state, n_threads)
        if widths is None:
            widths = np.full(n, common_width(centers, n_threads) or self._spread(X, weights, scaling))
        return GaussianUnits(centers / scaling.scales + scaling.means, widths, scaling)

    def _given_centers(self, n_features: int) -> NDArray:
        """Return the parameter centers as an array."""
        try:
            n = len(np.asarray(self.centers))
        except (TypeError, ValueError):  # of a single thing, and of rows of several lengths
            n = 0
        if not n:
            raise ValueError(
                "centers must be 'kmeans', 'random', 'learned', or an array of shape (n_centers, n_features) with"
                f" n_features = {n_features}; got {self.centers!r}."
            )
        return real_array(self.centers, (n, n_features), np.dtype(np.float64), "centers")

    def _given_widths(self, n: int) -> NDArray:
        """Return the parameter width as a width for each centre."""
        if isinstance(self.width, Real):
            return np.full(n, float(self.width))
        widths = real_array(self.width, (n,), np.dtype(np.float64), "width")
        if not widths.min() > 0:
            raise ValueError(f"width must be above 0 for each centre; got {widths.min()}.")
        return widths

    def _scaling(self, X: Any, weights: NDArray | None) -> Scaling:
        """Return what is subtracted from features and what they are multiplied by; nothing is taken off sparse ones."""
        if self.standardize:
            return Scaling(*feature_scaling(X, weights))
        n_features = X.shape[1]
        is_sparse = scipy.sparse.issparse(X)
        means = np.zeros(n_features) if is_sparse else np.average(X, axis=0, weights=weights).astype(np.float64)
        return Scaling(means, np.ones(n_features))

    @staticmethod
    def _spread(X: Any, weights: NDArray | None, scaling: Scaling) -> float:
        """Return the root of the sum of the features' variances after scaling; 1 where they all are constant."""
        _, inverse = feature_scaling(X, weights)
        constant = inverse == 1  # Of a deviation of 1, too, which leaves no doubt of the order of magnitude.
        spread = float(np.sqrt(((scaling.scales / inverse)[~constant] ** 2).sum()))
        return spread if spread > 0 else 1.0

    def _fitted_units(self) -> GaussianUnits:
        return GaussianUnits(self.centers_, self.widths_, Scaling(self.input_means_, self.input_scales_))

    def _keep_units(self, centers: NDArray, widths: NDArray, scaling: Scaling) -> None:
        """Set the attributes that hold the units."""
        self.centers_, self.widths_ = centers, widths
        self.input_means_, self.input_scales_ = scaling

    def _keep_solution(self, units: Any, solution: Solution) -> None:
        self._keep_units(units.centers, units.widths, units.scaling)
        self.coefs_, self.intercepts_ = solution.coefs, solution.intercepts

    # ---- learning ----------------------------------------------------------------------------------------------------

    @property
    def _is_learned(self) -> bool:
        return isinstance(self.centers, str) and self.centers == "learned"

    def _learn_units(
        self, given: Any, X: Any, targets: NDArray, weights: NDArray | None, random_state: np.random.RandomState
    ) -> BaseException | None:
        for name in ("history_", "loss_", "n_iter_"):
            self.__dict__.pop(name, None)
        if not self._is_learned:
            self._remark_on_ignored()
            self.n_iter_ = 1
            return None
        scaling = Scaling(self.input_means_, self.input_scales_)
        rows, held_out = self._divided(X.shape[0], random_state)
        batch_size = min(self.batch_size, len(rows))
        learner = GaussianLearner(
            scipy.sparse.csr_array(X) if scipy.sparse.issparse(X) else X,
            targets,
            weights,
            scaling,
            (scaling.of(self.centers_), self.widths_, self.coefs_, self.intercepts_),
            alpha=self.alpha_,
            rows=rows,
            held_out=held_out,
            batch_size=batch_size,
            learning_rate=self.learning_rate_init,
            random_state=random_state,
            n_threads=self._threads(len(self.centers_)),
        )
        self._announce_epochs()
        fit = self._learn(learner, given, X, n_samples=len(rows), batch_size=batch_size, holds_out=self.early_stopping)
        # The best readout of the units that have been learned, over all rows.
        self._readout = RidgeReadout()
        self._add(self._fitted_units(), X, targets, weights)
        return fit.error

    def _remark_on_ignored(self) -> None:
        """Warn of parameters of learning that are set in vain."""
        for name, is_set in (("early_stopping", self.early_stopping), ("callbacks", bool(self.callbacks))):
            if is_set:
                warn_user(
                    f"{name} has no effect with centers={self.centers!r}, which needs no epochs; it is for"
                    " centers='learned'.",
                    IgnoredParameterWarning,
                )

    def _can_partial_fit(self) -> bool:
        if self._is_learned:
            raise AttributeError(
                "centers='learned' goes over all samples many times; partial_fit, which sees each once, is for"
                " 'kmeans' and 'random', which take the first call's samples, and for given centers."
            )
        return True

    # ---- predicting --------------------------------------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> NDArray:
        """Predict labels or numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        decoding = self._decoding()
        return decoding.predictions(self._outputs(X, decoding))

    def _outputs(self, X: Any, decoding: Decoding) -> NDArray:
        """Return the outputs for samples, shape (n_samples, n_outputs)."""
        X = self._validated_samples(X, reset=False)
        outputs = np.empty((X.shape[0], self.coefs_.shape[1]), np.float32 if X.dtype == np.float32 else np.float64)
        n_threads = self._threads(len(self.widths_))
        for start, values in self._unit_blocks(X):
            outputs[start : start + len(values)] = matmul(values, self.coefs_, self.intercepts_, n_threads=n_threads)
        return outputs

    def _unit_blocks(self, X: Any) -> Any:
        """Yield the units' values for blocks of validated samples, each with the number of its first sample."""
        units = self._fitted_units()
        rows, size, n_threads = units.rows(X), block_rows(units), self._threads(units.n_units)
        for start in range(0, rows.n_rows, size):
            yield start, units.values(rows, start, min(rows.n_rows, start + size), n_threads)

    def transform(self, X: Any) -> NDArray:
        """Return the Gaussian units' values for samples: features for another estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        values : ndarray of shape (n_samples, n_centers)
            Numbers from 0 to 1, which is the value at a centre.
        """
        check_is_fitted(self)
        X = self._validated_samples(X, reset=False)
        values = np.empty((X.shape[0], len(self.widths_)), np.float32 if X.dtype == np.float32 else np.float64)
        for start, some in self._unit_blocks(X):
            values[start : start + len(some)] = some
        return values

    @property
    def _n_features_out(self) -> int:
        return len(self.widths_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ---- files -------------------------------------------------------------------------------------------------------

    def check_state(self) -> None:
        """Refuse what a file must not say of units and of the sums of their readout."""
        require_jobs(self.n_jobs)
        check_sums(self, "coefs_")
        if "coefs_" not in vars(self):
            return
        fitted: dict[str, Any] = self.__dict__
        n_units, n_outputs = self._readout.n_units, self._readout.n_outputs
        n_features = fitted.get("n_features_in_", 0)
        require(is_count(n_features) and n_features > 0, "n_features_in_ must be a count", n_features)
        shapes: dict[str, tuple] = {
            "centers_": (n_units, n_features),
            "widths_": (n_units,),
            "coefs_": (n_units, n_outputs),
            "intercepts_": (n_outputs,),
            "input_means_": (n_features,),
            "input_scales_": (n_features,),
        }
        for name, shape in shapes.items():
            array: Any = fitted.get(name)
            fits = is_array(array, *shape) and array.dtype == np.float64 and np.isfinite(array).all()
            require(fits, f"{name} does not fit _readout")
        require(self.widths_.min() > 0, "widths_ must be above 0")
        names: Any = fitted.get("feature_names_in_")
        are_names = is_array(names, n_features, kinds="O") and all(isinstance(name, str) for name in names)
        require(names is None or are_names, "feature_names_in_ does not fit n_features_in_")
        if isinstance(self, ReadsClasses):
            check_labels(self, n_outputs)


@stored_as("RBFClassifier")
class RBFClassifier(ReadsClasses, _RadialBasis):
    """Radial basis network for classes: a hidden layer of Gaussian units, read out by ridge regression.

    Unit j is exp(-|x - c_j|^2 / (2 s_j^2)) with centres c and widths s that are found in the data; on the units follows
    ridge regression of +1 and -1, one output for each class (one for two classes), in closed form. Sources: Broomhead
    and Lowe, "Multivariable functional interpolation and adaptive networks", 1988; Moody and Darken, "Fast learning in
    networks of locally-tuned processing units", 1989.

    Parameters
    ----------
    n_centers : int, default=100
        The number of units, at most that of the samples. Given centers have their own number.
    width : 'auto', float or array-like of shape (n_centers,), default='auto'
        The standard deviation s of the units, in the units of X (with standardize: of the scaled features), one for all
        or one for each. 'auto' is twice the mean distance of a centre to the nearest other one. As RBFSampler and SVC
        have it, gamma is 1 / (2 width^2).
    centers : {'kmeans', 'random', 'learned'} or array-like of shape (n_centers, n_features), default='kmeans'
        'kmeans' are means of clusters (of many samples 20 for each are looked at); 'random' are samples; 'learned'
        begins with 'kmeans' and the readout, and then trains centres, widths and readout together by gradient descent,
        before it solves the readout once more.
    alpha : float or sequence of float, default=0.01
        The strength of the ridge penalty, sum |readout|^2 times alpha beside the sum of the squared errors of all rows.
        Of several the best by generalised cross-validation is taken, which costs about 20 times as much as one.
    standardize : bool, default=False
        Whether features are centred and divided by their standard deviation first (sparse ones are divided only).
        Distances are of all features alike, so those of other units of measurement need it.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        Weights of the classes, by which sample_weight is multiplied; 'balanced' is not for partial_fit.
    max_iter : int, default=100
        The largest number of epochs; this and all that follow but random_state and n_jobs are for centers='learned'.
    batch_size : int, default=128
    learning_rate_init : float, default=0.001
        Adam's. Centres move in units of the mean width, widths by their logarithms.
    early_stopping : bool, default=False
        Whether to hold samples out, and end when their loss gets no better.
    validation_fraction : float in [0, 1), default=0.1
    n_iter_no_change : int, default=10
    tol : float, default=1e-4
    random_state : int, RandomState instance or None, default=None
        Decides centres, and the order of samples in learning.
    callbacks : sequence of Callback, default=None
    verbose : bool or int, default=False
        1 shows a progress bar; True, and more than 1, print each epoch's loss.
    n_jobs : int or None, default=None
        The number of threads; None is as many as are worthwhile, -1 all CPUs. Results are the same for any number.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the classes; for several labels per sample, the numbers of the labels.
    centers_ : ndarray of shape (n_centers, n_features)
        In the units of X.
    widths_ : ndarray of shape (n_centers,)
    coefs_ : ndarray of shape (n_centers, n_outputs)
    intercepts_ : ndarray of shape (n_outputs,)
    alpha_ : float
        The strength of the penalty that was taken.
    input_means_, input_scales_ : ndarray of shape (n_features,)
        What is subtracted from features, and what they are then multiplied by.
    n_iter_ : int
        The number of epochs; 1 where centres are not learned.
    history_ : dict of lists, loss_ : float
        Only with centers='learned': the values of each epoch, and the last one's loss.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only of X with names.

    See Also
    --------
    ELMClassifier : Random units in place of Gaussian ones.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from fastmlp.zoo import RBFClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(cross_val_score(RBFClassifier(20, random_state=0), X, y).mean() > 0.93)
    True
    """

    def __init__(
        self,
        n_centers: int = 100,
        width: str | float | ArrayLike = "auto",
        *,
        centers: str | ArrayLike = "kmeans",
        alpha: float | Sequence[float] = 0.01,
        standardize: bool = False,
        class_weight: dict | str | None = None,
        max_iter: int = 100,
        batch_size: int = 128,
        learning_rate_init: float = 0.001,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: bool | int = False,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())


@stored_as("RBFRegressor")
class RBFRegressor(ReadsNumbers, _RadialBasis):
    """Radial basis network for numbers: a hidden layer of Gaussian units, read out by ridge regression.

    See :class:`RBFClassifier` for the parameters and attributes that both have.

    Parameters
    ----------
    n_centers : int, default=100
    width : 'auto', float or array-like of shape (n_centers,), default='auto'
    centers : {'kmeans', 'random', 'learned'} or array-like of shape (n_centers, n_features), default='kmeans'
    alpha : float or sequence of float, default=0.01
    standardize : bool, default=False
    max_iter : int, default=100
    batch_size : int, default=128
    learning_rate_init : float, default=0.001
    early_stopping : bool, default=False
    validation_fraction : float in [0, 1), default=0.1
    n_iter_no_change : int, default=10
    tol : float, default=1e-4
    random_state : int, RandomState instance or None, default=None
    callbacks : sequence of Callback, default=None
    verbose : bool or int, default=False
    n_jobs : int or None, default=None

    Attributes
    ----------
    centers_ : ndarray of shape (n_centers, n_features)
    widths_ : ndarray of shape (n_centers,)
    coefs_ : ndarray of shape (n_centers, n_outputs)
    intercepts_ : ndarray of shape (n_outputs,)
    alpha_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import RBFRegressor
    >>> X = np.linspace(-10, 10, 500)[:, None]
    >>> y = np.sinc(X[:, 0] / np.pi)
    >>> bool(RBFRegressor(20, random_state=0).fit(X, y).score(X, y) > 0.99)
    True
    """

    def __init__(
        self,
        n_centers: int = 100,
        width: str | float | ArrayLike = "auto",
        *,
        centers: str | ArrayLike = "kmeans",
        alpha: float | Sequence[float] = 0.01,
        standardize: bool = False,
        max_iter: int = 100,
        batch_size: int = 128,
        learning_rate_init: float = 0.001,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: bool | int = False,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())
