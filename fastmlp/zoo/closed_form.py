"""What estimators do whose units are given and whose readout is solved in closed form: fit, partial_fit, targets."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d

from fastmlp.estimators.base import Estimator, begins_fit, is_available_if, restored_on_error
from fastmlp.estimators.prediction import Decoding, LabelDecoding, NumberDecoding
from fastmlp.inputs.plain_targets import plain_targets
from fastmlp.inputs.rows import refuse_broken
from fastmlp.inputs.targets import encode_labels, encode_numbers, known_classes, label_kind
from fastmlp.inputs.validation import labels_of, validated
from fastmlp.soundness import is_number, require
from fastmlp.threads import team_size
from fastmlp.zoo.readout import RidgeReadout, Solution

# The units of a block of rows are about so large.
_BLOCK_BYTES = 8 << 20
_LEAST_ROWS = 256


class Units(Protocol):
    """Units that are given, and functions of the rows.

    Attributes
    ----------
    n_units : int
    dtype : dtype
        The type of their values, float32 or float64.
    """

    n_units: int
    dtype: np.dtype

    def rows(self, X: Any) -> Any:
        """Return validated samples as :meth:`values` takes them, with their number as the attribute ``n_rows``."""

    def values(self, rows: Any, start: int, stop: int, n_threads: int) -> NDArray:
        """Return the units' values for some of the rows, shape (stop - start, n_units)."""


class ClosedForm(Estimator):
    """The base of estimators that read given units out by ridge regression.

    A subclass makes its units in :meth:`_make_units`, returns them again in :meth:`_fitted_units`, and keeps them and
    the readout in :meth:`_keep_solution`. It has the parameters alpha, random_state and n_jobs.
    """

    alpha: Any
    random_state: Any
    n_jobs: int | None

    alpha_: float
    _readout: RidgeReadout

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
    }

    @abstractmethod
    def _make_units(
        self, X: Any, targets: NDArray, weights: NDArray | None, random_state: np.random.RandomState
    ) -> Units:
        """Return new units for validated samples."""

    @abstractmethod
    def _fitted_units(self) -> Units:
        """Return the units of the last fit."""

    @abstractmethod
    def _keep_solution(self, units: Units, solution: Solution) -> None:
        """Set the fitted attributes."""

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any = None) -> None:
        """Learn what targets there are, from those of a first fit."""

    @abstractmethod
    def _encoded(self, y: Any) -> NDArray:
        """Return validated targets as numbers, shape (n_samples, n_outputs), float64."""

    @abstractmethod
    def _decoding(self) -> Decoding:
        """Return the way from outputs to predictions."""

    def _class_weights(self, y: Any, weights: NDArray | None) -> NDArray | None:
        """Return the weights of samples times those of their classes."""
        return weights

    def _learn_units(
        self, given: Any, X: Any, targets: NDArray, weights: NDArray | None, random_state: np.random.RandomState
    ) -> BaseException | None:
        """Go on with learning after the first readout, and return what a callback raised at the end of it.

        The generator is the one that has made the units, so that an integer and a generator of that seed are the same.
        """
        return None

    def _can_partial_fit(self) -> bool:
        """Return True, or raise an AttributeError that says why partial_fit is not to be had."""
        return True

    # ---- fitting -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Make the units, and solve their readout.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            At least 0, not all of them 0. A row of weight w counts as w rows.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For input that cannot be used; the estimator stays as it was.

        Warns
        -----
        SingularReadoutWarning
            When alpha is next to nothing and the units depend on each other.
        """
        with restored_on_error(self):
            given = X
            X, y, weights = self._samples(X, y, sample_weight, reset=True)
            self._learn_targets(y)
            targets, weights = self._encoded(y), self._class_weights(y, weights)
            random_state = check_random_state(self.random_state)
            units, self._readout = self._make_units(X, targets, weights, random_state), RidgeReadout()
            self._add(units, X, targets, weights)
            error = self._learn_units(given, X, targets, weights, random_state)
        if error is not None:  # of a callback, when everything has been done
            raise error
        return self

    def _go_on(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Add samples to those of earlier calls, and solve the readout anew; the first call makes the units."""
        with restored_on_error(self):
            self._validate_params()  # scikit-learn does so in a first call only.
            is_first = "_readout" not in vars(self)
            X, y, weights = self._samples(X, y, sample_weight, reset=is_first)
            if is_first:
                self._learn_targets(y, classes)
            targets, weights = self._encoded(y), self._class_weights(y, weights)
            if is_first:
                random_state = check_random_state(self.random_state)
                units, self._readout = self._make_units(X, targets, weights, random_state), RidgeReadout()
            else:
                units, self._readout = self._fitted_units(), copy.copy(self._readout)
                if targets.shape[1] != self._readout.n_outputs:
                    raise ValueError(
                        f"y has {targets.shape[1]} outputs, that of the first call had {self._readout.n_outputs}."
                    )
            self._add(units, X, targets, weights)
        return self

    def _add(self, units: Units, X: Any, targets: NDArray, weights: NDArray | None) -> None:
        """Add samples to the sums, and keep the readout that follows from them."""
        rows = units.rows(X)
        self._readout.add_all(self._blocks(units, rows, targets, weights), n_threads=self._threads(units.n_units))
        solution = self._readout.solve(self._alphas())
        self.alpha_ = solution.alpha
        self._keep_solution(units, solution)

    def _blocks(
        self, units: Units, rows: Any, targets: NDArray, weights: NDArray | None
    ) -> Iterator[tuple[NDArray, NDArray, NDArray | None]]:
        """Yield the units' values for blocks of rows, with the targets and weights of these."""
        size, n_threads = block_rows(units), self._threads(units.n_units)
        for start in range(0, rows.n_rows, size):
            stop = min(rows.n_rows, start + size)
            values = units.values(rows, start, stop, n_threads)
            if not np.isfinite(values).all():
                raise ValueError("the units' values for X are not finite: X or the units' weights are too large.")
            yield values, targets[start:stop], None if weights is None else weights[start:stop]

    def _threads(self, n_units: int) -> int:
        """Return how many threads share a block's products."""
        return team_size(self.n_jobs, float(_LEAST_ROWS) * n_units * n_units)

    def _alphas(self) -> float | NDArray:
        """Return the parameter alpha, checked."""
        if isinstance(self.alpha, Real):
            return float(self.alpha)
        try:
            alphas = np.asarray(self.alpha, dtype=np.float64)
        except (TypeError, ValueError):
            alphas = np.empty(0)
        if alphas.ndim != 1 or not alphas.size or not np.isfinite(alphas).all() or alphas.min() < 0:
            raise ValueError(f"alpha must be a number of at least 0, or a sequence of such; got {self.alpha!r}.")
        return alphas

    def _samples(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, Any, NDArray | None]:
        """Return validated samples, targets and weights."""
        self._alphas()
        refuse_broken(X)
        refuse_broken(y, "y")
        X, y = validated(
            self,
            X,
            plain_targets(y),
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=isinstance(self, RegressorMixin),
            dtype=self._validation_dtype(X),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is None:
            return X, y, None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return X, y, np.ascontiguousarray(weights)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def block_rows(units: Units) -> int:
    """Return how many rows' units are computed at a time."""
    return max(_LEAST_ROWS, _BLOCK_BYTES // (units.n_units * units.dtype.itemsize))


def check_sums(estimator: Any, fitted: str) -> None:
    """Refuse an estimator from a file whose sums and whose fitted attribute of a name do not come together.

    Raises
    ------
    ValueError
        It names the attribute.
    """
    attributes = vars(estimator)
    require((fitted in attributes) == ("_readout" in attributes), f"{fitted} and _readout do not come together")
    if fitted in attributes:
        require(type(estimator._readout) is RidgeReadout and estimator._readout.n_rows > 0, "_readout has no sums")
        require(is_number(attributes.get("alpha_")), "alpha_ must be a number", attributes.get("alpha_"))


# ---- targets ---------------------------------------------------------------------------------------------------------


class ReadsClasses(ClassifierMixin):
    """What a classifier in closed form does with labels: it regresses +1 and -1, as RidgeClassifier does.

    Of two classes there is one output; of several classes, or several labels per sample, one for each of them.
    """

    class_weight: Any

    classes_: NDArray
    _label_binarizer: LabelBinarizer
    _readout: RidgeReadout

    if TYPE_CHECKING:

        def _go_on(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self: ...
        def _outputs(self, X: Any, decoding: Decoding) -> NDArray: ...

    def _learn_targets(self, y: Any, classes: Any = None) -> None:
        name = type(self).__name__
        with labels_of(y, name):
            is_multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if classes is None or is_multilabel else classes)
        self.classes_ = self._label_binarizer.classes_

    def _encoded(self, y: Any) -> NDArray:
        is_matrix, name = y.ndim == 2, type(self).__name__
        if is_matrix != (label_kind(self._label_binarizer) == "multilabel"):
            raise ValueError(f"y is {'a matrix' if is_matrix else 'a vector'}, unlike that of the first call.")
        if is_matrix and y.shape[1] != len(self.classes_):
            raise ValueError(f"y has {y.shape[1]} labels, that of the first call had {len(self.classes_)}.")
        with labels_of(y, name):
            unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if unknown.size:
            raise ValueError(
                f"y has the labels {known_classes(unknown)}, which are none of {known_classes(self.classes_)}."
            )
        return 2 * encode_labels(y, self._label_binarizer, np.float64, "squared_error") - 1

    def _class_weights(self, y: Any, weights: NDArray | None) -> NDArray | None:
        if self.class_weight is None:
            return weights
        try:
            of_classes = compute_sample_weight(self.class_weight, y)
        except ValueError as error:
            raise ValueError(f"class_weight={self.class_weight!r} cannot be used: {error}") from None
        weights = of_classes if weights is None else of_classes * weights
        if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
            raise ValueError(
                f"class_weight={self.class_weight!r} must have finite numbers of at least 0 and leave a sample a weight"
                " above 0."
            )
        return weights

    def _decoding(self) -> LabelDecoding:
        return LabelDecoding(self._readout.n_outputs, self._label_binarizer, 0.0, False)

    @is_available_if(lambda estimator: estimator._can_partial_fit())
    @begins_fit
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Add samples to those of earlier calls, and solve the readout for all of them.

        The first call makes the units. After any number of calls the readout is that of one fit to all their samples
        with the same units, but for rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As :meth:`fit`; for labels that are none of the classes; for class_weight='balanced'.
        """
        estimator = cast(Estimator, self)
        with restored_on_error(estimator):
            estimator._validate_params()
            if isinstance(self.class_weight, str):
                raise ValueError(
                    f"class_weight={self.class_weight!r} is not for partial_fit, which sees but a part of the samples;"
                    " give a dict, or sample_weight."
                )
            _check_partial_fit_first_call(self, plain_targets(classes, "classes"))
            return self._go_on(X, y, sample_weight, classes)

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Return how far samples are on the side of a class: outputs that were regressed on +1 and -1.

        They are no probabilities; :class:`sklearn.calibration.CalibratedClassifierCV` makes such of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            Of two classes a vector, above 0 for the second.
        """
        check_is_fitted(self)
        decoding = self._decoding()
        return decoding.answers(self._outputs(X, decoding))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class ReadsNumbers(RegressorMixin):
    """What a regressor in closed form does with numbers."""

    _readout: RidgeReadout

    if TYPE_CHECKING:

        def _go_on(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self: ...

    def _learn_targets(self, y: Any, classes: Any = None) -> None:
        """Learn nothing: any numbers may follow on others."""

    def _encoded(self, y: Any) -> NDArray:
        return encode_numbers(y, "squared_error", np.float64)

    def _decoding(self) -> NumberDecoding:
        return NumberDecoding(self._readout.n_outputs)

    @is_available_if(lambda estimator: estimator._can_partial_fit())
    @begins_fit
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Add samples to those of earlier calls, and solve the readout for all of them.

        The first call makes the units. After any number of calls the readout is that of one fit to all their samples
        with the same units, but for rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As :meth:`fit`; for another number of outputs than in the first call.
        """
        return self._go_on(X, y, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
