"""TabularRegressor: numbers for a table's rows, and intervals that cover the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.callbacks import Callback
from fastmlp.components import Named, Registry
from fastmlp.estimators.documentation import documented
from fastmlp.exceptions import IgnoredParameterWarning, UndefinedScoreWarning, counted, warn_user
from fastmlp.losses import Pinball
from fastmlp.losses.names import ALIASES, SQUARED_ERROR
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require
from fastmlp.tabular.bands import LEVELS, QuantileBand
from fastmlp.tabular.base import TabularEstimator
from fastmlp.tabular.conformal import FoldScores, cv_plus_interval, say_if_rows_are_few, summarize_scores
from fastmlp.tabular.documentation import ATTRIBUTES, PARAMETERS
from fastmlp.tabular.encoding import SharedColumns
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.explanation import Read, shares
from fastmlp.tabular.folds import Fold
from fastmlp.tabular.judges import are_of_judges, judged_rows, judges_predict
from fastmlp.tabular.kinds import Kind, band_kinds
from fastmlp.tabular.quotients import read_numbers, read_pinball_losses, read_squares
from fastmlp.tabular.scoring import MemberRegressor, Predict
from fastmlp.tabular.targets import in_near_units, number_targets
from fastmlp.threads import prediction_team

#: What training may make small, by the names that users give; the first is the default.
LOSSES: Registry[str] = Registry(
    {name: name for name in ("squared_error", "absolute_error", "huber", "quantile")},
    {
        "squared_error": SQUARED_ERROR,
        "absolute_error": ALIASES["absolute_error"],
        "huber": ALIASES["huber"],
        "quantile": ("pinball", *ALIASES["pinball"]),
    },
)

#: Sums of few numbers up to this one are none that are too large for a number.
_LARGEST = np.finfo(np.float64).max / 8


@stored_as("TabularRegressor")
@documented(PARAMETERS, ATTRIBUTES)
class TabularRegressor(RegressorMixin, TabularEstimator):
    """A regressor for tables as they are: an ensemble of boosted trees and of networks.

    Targets are scaled for the networks, and predictions lie within the range of the targets of training.

    Parameters
    ----------
    {parameters}
    loss : {"squared_error", "absolute_error", "huber", "quantile"}, default="squared_error"
        What training makes small. With "quantile", the pinball loss, predictions are quantiles of the targets that rows
        like this one have. Everyday names such as "mae", "MSE" and "pinball" are understood, too.
    quantile : float in (0, 1), default=0.5
        Which quantile is predicted with ``loss="quantile"``: below that of 0.9 lie nine targets of ten.
    intervals : {"residuals", "quantiles"}, default="residuals"
        What :meth:`predict_interval` makes intervals of. "residuals" are the errors of out-of-fold predictions, which
        cost nothing; intervals are about as wide for all rows. With "quantiles", further members learn the quantiles
        between which 50, 80, 90, 95 and 99 % of a row's targets lie, for each target by itself: intervals are wide
        where the noise is large, and narrow where it is small.

    Attributes
    ----------
    oof_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions for the rows of ``fit`` (with X_val, for its rows), each by the members that left it out; NaN where
        there are none. Files do not have them.
    bands_ : list of QuantileBand
        With ``intervals="quantiles"``, what the intervals of each target are made of: ``ensemble`` has the members that
        predict quantiles, which are not among ``members_`` and ``history_``.
    oof_score_ : float
        The R² of these; of quantiles D², as of ``score``.
    oof_loss_ : float
        What kinds are weighed by, in the unit of y: the root of their mean squared error, or of quantiles the mean
        pinball loss; the mean over several targets.
    feature_importances_ : ndarray of shape (n_features,)
        What each column adds to the R², beginning with the same prediction for all rows; 0 where it takes
        away. Of quantiles, it is what each column takes from the pinball loss of scaled targets. It is found for 500
        rows at most, each predicted by the members that left it out. All that comes of a column, such as the parts of a
        date, counts together.
    {attributes}

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
    oof_loss_: float
    loss = Named(LOSSES)

    _parameter_constraints: ClassVar[dict] = {
        **TabularEstimator._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "intervals": [StrOptions({"residuals", "quantiles"})],
    }
    _advice: ClassVar[Mapping[str, str]] = {
        **TabularEstimator._advice,
        **dict.fromkeys(("alpha", "quantilealpha", "tau", "quantiles"), "Did you mean 'quantile'?"),
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
        quantile: float = 0.5,
        intervals: str = "residuals",
        scoring: Any = None,
        callbacks: Sequence[Callback] | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self._set_parameters(locals())

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row; with ``loss="quantile"``, the quantile.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)

        Returns
        -------
        numbers : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._decoded(self._predictions(X))

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the R² of the predictions; of quantiles D², the share of a constant's pinball loss that is saved.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
        y : array-like or series of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            1 where nothing is wrong, 0 where a constant is as good: the mean, or the quantile, of ``y``.
        """
        predicted = self.predict(X)
        true = number_targets(y, type(self).__name__)
        if true.shape != predicted.shape:
            raise ValueError(f"y must have the shape {predicted.shape} of predictions for X; got {true.shape}.")
        return self._goodness(*in_near_units(true, predicted), sample_weight)

    def _goodness(self, y: Any, predicted: NDArray[np.float64], sample_weight: ArrayLike | None) -> float:
        from sklearn.metrics import d2_pinball_score, r2_score  # noqa: PLC0415 - they take long

        if (levels := self.ensembles_[0].quantiles) is None:
            return float(r2_score(y, predicted, sample_weight=sample_weight))
        return float(d2_pinball_score(y, predicted, sample_weight=sample_weight, alpha=levels[0]))

    def _losses(
        self, y: NDArray[np.float64], predicted: NDArray[np.float64], sample_weight: NDArray | None
    ) -> NDArray[np.float64]:
        """Return the loss that kinds are weighed by, for each output."""
        from sklearn.metrics import mean_pinball_loss, root_mean_squared_error  # noqa: PLC0415 - they take long

        options: dict[str, Any] = {"sample_weight": sample_weight, "multioutput": "raw_values"}
        if (levels := self.ensembles_[0].quantiles) is None:
            return root_mean_squared_error(y, predicted, **options)
        return mean_pinball_loss(y, predicted, alpha=levels[0], **options)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return intervals that have the true number with a given probability: CV+, from what the folds left out.

        They lie around the predictions of each fold's members, by whose errors on the rows that they left out they are
        so wide; of a row that several folds leave out, one of these has the error. With X_val and y_val they lie around
        what all members predict, by whose errors on those rows they are so wide: split conformal prediction.

        They are made of residuals, or of quantiles, as the parameter ``intervals`` said in ``fit``. Quantiles are of
        certain coverages; of these the nearest is taken, and the band between the quantiles becomes wider or narrower,
        each row's in proportion, until it covers what is asked for.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
        coverage : float in (0, 1), default=0.9
            How often an interval shall have the true number, over all rows. It is guaranteed for 2 · coverage - 1, and
            in practice near to what is asked for.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Infinite where there are too few rows for the coverage, which needs 9 of them for 0.9, and 99 for 0.99; a
            :class:`fastmlp.exceptions.CoverageWarning` says so.

        References
        ----------
        Barber, Candès, Ramdas & Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 2021;
        Romano, Patterson & Candès, "Conformalized quantile regression", NeurIPS 2019.
        """
        shared = self._shared(X)  # which says it where there is no fit
        n_jobs = prediction_team(self.n_jobs).n_threads
        summaries = self.bands_[0].scores_ if self.bands_ else self._residuals
        say_if_rows_are_few(summaries[0], coverage, "intervals reach from -inf to inf")
        if self.bands_:
            scaled = [band.interval(shared, coverage, n_jobs) for band in self.bands_]
            lower, upper = np.stack(scaled, axis=-1) * self._scales + self._means
        else:
            judged = self._numbers(judges_predict(self.ensembles_[0], self._residuals[0], shared, n_jobs))
            outputs = judged if self._is_matrix else judged[..., np.newaxis]
            found = [
                cv_plus_interval(summary, outputs[..., i], coverage=coverage)
                for i, summary in enumerate(self._residuals)
            ]
            lower, upper = np.stack(found, axis=-1)
        return (lower, upper) if self._is_matrix else (lower[:, 0], upper[:, 0])

    # ---- targets -----------------------------------------------------------------------------------------------------

    _means: NDArray[np.float64]
    _scales: NDArray[np.float64]
    _ranges: NDArray[np.float64]
    _is_matrix: bool
    _residuals: list[FoldScores]
    bands_: list[QuantileBand]

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
        if (largest > _LARGEST).any():
            raise ValueError(
                f"y has numbers up to {largest.max():.3g}, whose distances may be too large for dtype('float64'):"
                " divide it by a power of ten."
            )
        units = np.where(largest > 0, largest, 1.0)
        means = np.average(columns / units, axis=0, weights=weights)
        deviations = np.sqrt(np.average((columns / units - means) ** 2, axis=0, weights=weights))
        self._ranges = np.stack([columns.min(axis=0), columns.max(axis=0)])
        is_constant = self._ranges[0] == self._ranges[1]
        self._means = np.where(is_constant, self._ranges[0], means * units)
        self._scales = np.where(is_constant, 1.0, deviations * units)
        if not (self._scales > 0).all():
            raise ValueError(
                f"y has numbers up to {largest[self._scales == 0].max():.3g}, whose distances are too small for"
                " dtype('float64'): multiply it by a power of ten."
            )
        return numbers

    def _known_targets(self, y: Any) -> NDArray:
        numbers = number_targets(y, type(self).__name__, name="y_val")
        if numbers.ndim != 1 + self._is_matrix or numbers.reshape(len(numbers), -1).shape[1] != len(self._means):
            needed = counted(len(self._means), "target")
            raise ValueError(f"y_val must have {needed}, as y has; got shape {numbers.shape}.")
        return numbers

    def _problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        scaled = self._scaled(y)
        if self.loss != "quantile" and self.quantile != 0.5:
            warn_user(
                f"quantile={self.quantile!r} has no effect with loss={self.loss!r}; loss='quantile' predicts it.",
                IgnoredParameterWarning,
            )
        levels = [float(self.quantile)] * len(self._means) if self.loss == "quantile" else None
        ensemble = TargetEnsemble(False, len(self._means), levels)
        return [(ensemble, scaled if self._is_matrix else scaled[:, 0])]

    def _scaled(self, y: NDArray) -> NDArray[np.float64]:
        """Return targets as networks learn them, (n_rows, n_outputs)."""
        return (y.reshape(len(y), -1) - self._means) / self._scales

    def _band_kinds(self) -> tuple[Kind, ...]:
        return band_kinds(self.effort) if self.intervals == "quantiles" else ()

    def _band_problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        if self.intervals == "residuals":
            self.bands_ = []
            return []
        self.bands_ = [QuantileBand(limits) for limits in self._scaled(self._ranges).T.copy()]
        return [(band.ensemble, targets) for band, targets in zip(self.bands_, self._scaled(y).T, strict=True)]

    def _strata(self, y: NDArray) -> NDArray | None:
        return None

    def _can_boost(self) -> bool:
        return self.loss == "squared_error"

    def _network_parameters(self, number: int) -> dict[str, Any]:
        if number > 0:  # Of bands; what users score are predictions.
            return {"loss": Pinball(list(LEVELS)), "scoring": None}
        return {"loss": Pinball(float(self.quantile)) if self.loss == "quantile" else self.loss}

    def _decoded(self, predictions: list[NDArray[np.float64]]) -> Any:
        return self._numbers(predictions[0])

    def _reader(self, number: int, members: list[Member]) -> Read:
        weights = shares(members)
        return lambda outputs, rows: read_numbers(outputs, weights, self._means, self._scales, self._ranges)

    def _goodness_reader(self, number: int, members: list[Member], y: NDArray) -> Read:
        weights, scaled = shares(members), self._scaled(y)
        # Of a target that is always the same, predictions are that number, whatever members say.
        varies = self._ranges[0] < self._ranges[1]
        of_outputs = varies / max(1, varies.sum())
        levels = self.ensembles_[0].quantiles
        if levels is None:
            return lambda outputs, rows: read_squares(outputs, weights, scaled[rows], of_outputs)
        return lambda outputs, rows: read_pinball_losses(outputs, weights, scaled[rows], of_outputs, levels)

    def _output_names(self, number: int) -> list[str]:
        return [str(i) for i in range(len(self._means))] if self._is_matrix else []

    def _shown(self, number: int, predict: Predict) -> MemberRegressor:
        return MemberRegressor(lambda X: self._numbers(predict(X)))

    def _shown_targets(self, number: int, y: NDArray) -> NDArray:
        return self._numbers(y.reshape(len(y), -1))

    def _judge(
        self,
        found: list[NDArray],
        shared: SharedColumns,
        y: NDArray,
        folds: list[Fold],
        sample_weight: NDArray | None,
    ) -> None:
        known = np.isfinite(found[0][:, 0])
        if sample_weight is not None:
            known &= sample_weight > 0
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
        # In units in which squares are none that are too large for a number.
        scaled = [(each - self._means) / self._scales for each in (true, predicted)]
        self.oof_loss_ = float(np.mean(self._losses(scaled[0], scaled[1], weights) * self._scales))
        self.oof_score_ = float("nan")
        if varies.any() and not (varies := varies & (np.ptp(true, axis=0) > 0)).any():
            warn_user(
                "All rows that members leave out have the same y: R² is not defined, and oof_score_ is NaN.",
                UndefinedScoreWarning,
            )
        if varies.any() and len(true) > 1:
            self.oof_score_ = self._goodness(scaled[0][:, varies], scaled[1][:, varies], weights)
        n_jobs = prediction_team(self.n_jobs).n_threads
        self._residuals = []
        if not self.bands_:
            ensemble = self.ensembles_[0]
            judged = judged_rows(ensemble, found[0], shared, folds, sample_weight, n_jobs)
            errors = np.abs(y[judged.rows] - self._numbers(judged.predicted)).reshape(len(judged.rows), -1)
            self._residuals = [summarize_scores(each, judged.judges, n_folds=judged.n_judges) for each in errors.T]
        for band, quantiles, targets in zip(self.bands_, found[1:], self._scaled(y).T, strict=False):
            judged = judged_rows(band.ensemble, quantiles, shared, folds, sample_weight, n_jobs)
            band.calibrate(judged.predicted, targets[judged.rows], judged.judges, judged.n_judges)

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
        for name, cls, other in (("_residuals", FoldScores, "bands_"), ("bands_", QuantileBand, "_residuals")):
            values, n_values = state.get(name), 0 if state.get(other) else n
            sound = type(values) is list and len(values) == n_values and all(type(each) is cls for each in values)
            require(sound, f"{name} are not those of the targets")
        sound = all(are_of_judges(scores, self.ensembles_[0]) for scores in self._residuals)
        require(sound, "_residuals are not those of the folds")
