"""TabularRegressor: numbers for a table's rows, and intervals that cover the true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions

from fastmlp.callbacks import Callback
from fastmlp.estimators.base import begins_fit, goes_on_with_fit
from fastmlp.exceptions import UndefinedScoreWarning, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require
from fastmlp.tabular.base import TabularEstimator
from fastmlp.tabular.conformal import FoldScores, cv_plus_interval, summarize_scores
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.explanation import Read, shares
from fastmlp.tabular.folds import Fold, fold_numbers
from fastmlp.tabular.quotients import read_numbers, read_squares
from fastmlp.tabular.scoring import MemberRegressor, Predict
from fastmlp.tabular.targets import number_targets
from fastmlp.threads import prediction_team


@stored_as("TabularRegressor")
class TabularRegressor(RegressorMixin, TabularEstimator):
    """A regressor for tables as they are: an ensemble of small networks.

    Targets are scaled for the networks, and predictions lie within the range of the targets of training.

    Parameters
    ----------
    effort : {"fast", "default", "best"}, default="default"
        How many members are trained, and of how many kinds.
    time_limit : float or None, default=None
        The seconds that ``fit`` may take. Members get equal shares of what is left when they begin, and stop where they
        are after the epoch in which their time ends; kinds and folds for which there is none are left out, but for one
        epoch of one member. A :class:`fastmlp.exceptions.TimeLimitWarning` says what was cut. With a limit, results
        depend on the machine.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Which columns are categories, beside texts: those whose type says so, none, or those named by a mask, by their
        places or by their names.
    max_categories : int, default=1000
        How many categories a column may have; the others count as missing.
    cv : int, splitter, iterable or None, default=None
        How many folds there are, each of which leaves out another share of the rows; or what makes them, such as
        ``TimeSeriesSplit()``; or pairs of places of rows to learn from and to leave out. None is the number that effort
        has: 8, with "fast" 4.
    loss : {"squared_error", "absolute_error", "huber"}, default="squared_error"
        What training makes small.
    scoring : str, callable or None, default=None
        What members stop on, and which of their epochs is kept: None is the smallest loss; a name from scikit-learn's
        scorers, or a function of an estimator, X and y, is the largest score. What members and kinds weigh is a matter
        of the squared error in any case.
    callbacks : list of Callback or None, default=None
        Each member's training has copies of them. A :class:`fastmlp.callbacks.ModelCheckpoint` alone is not for
        members: it writes those that have been finished to its file, from which :meth:`resume` goes on, and the fitted
        estimator in the end.
    random_state : int, RandomState or None, default=None
    n_jobs : int or None, default=None
        How many members are trained side by side, each by one thread; None for as many as there are CPUs. Results do
        not depend on it.
    verbose : bool or int, default=False
        Whether a bar shows how many members have been trained.

    Attributes
    ----------
    members_ : list of Member
        The networks that predict.
    columns_ : TableColumns
        What is known of the table's columns; ``columns_.unused_`` says which are not used, and why.
    oof_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions for the rows of ``fit`` (with X_val, for its rows), each by the members that left it out; NaN where
        there are none. Files do not have them.
    oof_score_ : float
        The R² of these.
    feature_importances_ : ndarray of shape (n_features,)
        What each column adds to the R², beginning with the same prediction for all rows; 0 where it takes
        away. It is found for 500 rows at most, each predicted by the members that left it out. All that comes of a
        column, such as the parts of a date, counts together.
    history_ : list of dict
        What is known of each member's training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if all columns' names are texts.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastmlp import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = TabularRegressor(effort="fast", random_state=0).fit(X, y)
    >>> bool(reg.oof_score_ > 0.3)
    True
    >>> lower, upper = reg.predict_interval(X[:3], coverage=0.8)
    >>> bool((lower < upper).all())
    True
    """

    oof_predictions_: NDArray[np.float64]

    _parameter_constraints: ClassVar[dict] = {
        **TabularEstimator._parameter_constraints,
        "loss": [StrOptions({"squared_error", "absolute_error", "huber"})],
    }

    def __init__(
        self,
        effort: str = "default",
        *,
        time_limit: float | None = None,
        categorical_features: Any = "from_dtype",
        max_categories: int = 1000,
        cv: Any = None,
        loss: str = "squared_error",
        scoring: Any = None,
        callbacks: Sequence[Callback] | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self._set_parameters(locals())

    @begins_fit
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn numbers for a table's rows.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
            Of pandas, polars, pyarrow, NumPy, or a list of rows.
        y : array-like or series of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are left out together.
        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Rows to stop by and to judge members by: all members then learn from all rows of X.
        """
        return self._fit(X, y, sample_weight, groups, X_val, y_val, sample_weight_val)

    @goes_on_with_fit
    def resume(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the members that a fit lacks which was killed, given what ``fit`` was given.

        The estimator is what :func:`fastmlp.load` reads from the file of a
        :class:`fastmlp.callbacks.ModelCheckpoint`. What comes of it is, bit for bit, what would have come of the fit;
        one that has come to its end stays as it is. A time limit counts from here.

        Parameters
        ----------
        X, y, sample_weight, groups, X_val, y_val, sample_weight_val
            Those of the fit, as :meth:`fit` takes them.

        Raises
        ------
        ValueError
            When this is no checkpoint, or the rows are not those of the fit.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastmlp
        >>> from sklearn.datasets import load_diabetes
        >>> from fastmlp.callbacks import ModelCheckpoint
        >>> X, y = load_diabetes(return_X_y=True)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.fastmlp"
        >>> model = fastmlp.TabularRegressor("fast", callbacks=[ModelCheckpoint(path)], random_state=0).fit(X, y)
        >>> resumed = fastmlp.load(path).resume(X, y)  # had the fit been killed, this would train the other members
        >>> bool((resumed.predict(X) == model.predict(X)).all())
        True
        """
        return self._resume(X, y, sample_weight, groups, X_val, y_val, sample_weight_val)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)

        Returns
        -------
        numbers : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._decoded(self._predictions(X))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return intervals that have the true number with a given probability: CV+, from what the folds left out.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
        coverage : float in (0, 1), default=0.9
            How often an interval shall have the true number, over all rows. It is guaranteed for 2 · coverage - 1, and
            in practice near to what is asked for.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        References
        ----------
        Barber, Candès, Ramdas & Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 2021.
        """
        n_jobs = prediction_team(self.n_jobs).n_threads
        folds = self._numbers(self.ensembles_[0].predict_folds(self._shared(X), n_jobs))
        outputs = folds[..., np.newaxis] if folds.ndim == 2 else folds
        found = [
            cv_plus_interval(summary, outputs[..., i], coverage=coverage) for i, summary in enumerate(self._residuals)
        ]
        lower, upper = (np.stack(ends, axis=-1) for ends in zip(*found, strict=True))
        return (lower[:, 0], upper[:, 0]) if folds.ndim == 2 else (lower, upper)

    # ---- targets -----------------------------------------------------------------------------------------------------

    _means: NDArray[np.float64]
    _scales: NDArray[np.float64]
    _ranges: NDArray[np.float64]
    _is_matrix: bool
    _residuals: list[FoldScores]

    def _numbers(self, scaled: NDArray) -> NDArray[np.float64]:
        """Return predictions in the targets' own scale and range; of a single target, without its axis."""
        numbers = np.clip(scaled * self._scales + self._means, *self._ranges)
        return numbers if self._is_matrix else numbers[..., 0]

    def _learn_targets(self, y: Any, sample_weight: NDArray | None) -> NDArray:
        numbers = number_targets(y, type(self).__name__)
        self._is_matrix = numbers.ndim == 2
        columns = numbers.reshape(len(numbers), -1)
        weights = None
        if sample_weight is not None and len(sample_weight) == len(columns):
            columns, weights = columns[sample_weight > 0], sample_weight[sample_weight > 0]
        # Divided by the largest, squares are none that are too large for a number.
        largest = np.abs(columns).max(axis=0)
        units = np.where(largest > 0, largest, 1.0)
        means = np.average(columns / units, axis=0, weights=weights)
        deviations = np.sqrt(np.average((columns / units - means) ** 2, axis=0, weights=weights))
        self._ranges = np.stack([columns.min(axis=0), columns.max(axis=0)])
        is_constant = self._ranges[0] == self._ranges[1]
        self._means = np.where(is_constant, self._ranges[0], means * units)
        self._scales = np.where(is_constant, 1.0, deviations * units)
        return numbers

    def _known_targets(self, y: Any) -> NDArray:
        numbers = number_targets(y, type(self).__name__)
        if numbers.ndim != 1 + self._is_matrix or numbers.reshape(len(numbers), -1).shape[1] != len(self._means):
            raise ValueError(f"y_val must have {len(self._means)} targets, as y has; got shape {numbers.shape}.")
        return numbers

    def _problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        scaled = (y.reshape(len(y), -1) - self._means) / self._scales
        ensemble = TargetEnsemble(False, len(self._means))
        return [(ensemble, scaled if self._is_matrix else scaled[:, 0])]

    def _strata(self, y: NDArray) -> NDArray | None:
        return None

    def _network_parameters(self, number: int) -> dict[str, Any]:
        return {"loss": self.loss}

    def _decoded(self, predictions: list[NDArray[np.float64]]) -> Any:
        return self._numbers(predictions[0])

    def _reader(self, number: int, members: list[Member]) -> Read:
        weights = shares(members)
        return lambda outputs, rows: read_numbers(outputs, weights, self._means, self._scales, self._ranges)

    def _goodness_reader(self, number: int, members: list[Member], y: NDArray) -> Read:
        weights, scaled = shares(members), (y.reshape(len(y), -1) - self._means) / self._scales
        return lambda outputs, rows: read_squares(outputs, weights, scaled[rows])

    def _output_names(self, number: int) -> list[str]:
        return [str(i) for i in range(len(self._means))] if self._is_matrix else []

    def _shown(self, number: int, predict: Predict) -> MemberRegressor:
        return MemberRegressor(lambda X: self._numbers(predict(X)))

    def _shown_targets(self, number: int, y: NDArray) -> NDArray:
        return self._numbers(y.reshape(len(y), -1))

    def _judge(self, found: list[NDArray], y: NDArray, folds: list[Fold], sample_weight: NDArray | None) -> None:
        from sklearn.metrics import r2_score  # noqa: PLC0415 - it takes long

        # Residuals are of the folds that have members, in the order of predict_folds.
        fold_of = fold_numbers([folds[f] for f in self.ensembles_[0].folds_], len(y))
        known = fold_of >= 0
        self.oof_predictions_ = self._numbers(found[0])
        true, predicted = (each[known].reshape(int(known.sum()), -1) for each in (y, self.oof_predictions_))
        weights = None if sample_weight is None else sample_weight[known]
        varies = self._ranges[0] < self._ranges[1]
        for i in np.flatnonzero(~varies).tolist():
            of = f"y[:, {i}]" if self._is_matrix else "y"
            warn_user(
                f"{of} is {self._means[i]} in all rows that have a weight: predictions are that number, and R² is not"
                " defined.",
                UndefinedScoreWarning,
            )
        self.oof_score_ = float("nan")
        if varies.any() and len(true) > 1:
            # In units in which squares are none that are too large for a number.
            scaled = ((each[:, varies] - self._means[varies]) / self._scales[varies] for each in (true, predicted))
            self.oof_score_ = float(r2_score(*scaled, sample_weight=weights))
        self._residuals = [summarize_scores(error, fold_of[known]) for error in np.abs(true - predicted).T]

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an estimator from a file may have any."""
        super().check_state()
        if not self.__sklearn_is_fitted__():
            return
        state = vars(self)
        sound = len(self.ensembles_) == 1 and not self.ensembles_[0].is_classification
        require(sound, "ensembles_ of a regressor are not one, of numbers")
        n = self.ensembles_[0].n_outputs
        is_matrix = state.get("_is_matrix")
        require(type(is_matrix) is bool and (is_matrix or n == 1), "_is_matrix does not fit the targets", is_matrix)
        for name, shape in {"_means": (n,), "_scales": (n,), "_ranges": (2, n)}.items():
            array: Any = state.get(name)
            require(is_array(array, *shape) and bool(np.isfinite(array).all()), f"{name} do not fit the targets")
        require(bool((self._scales > 0).all()), "_scales are not positive")
        require(bool((self._ranges[0] <= self._ranges[1]).all()), "_ranges of targets end before they begin")
        residuals = state.get("_residuals")
        sound = type(residuals) is list and len(residuals) == n and all(isinstance(r, FoldScores) for r in residuals)
        require(sound, "_residuals are not those of the targets")
