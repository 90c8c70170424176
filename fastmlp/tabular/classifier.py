"""TabularClassifier: classes of a table's rows, their probabilities, and sets of classes that cover the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions

from fastmlp.callbacks import Callback
from fastmlp.estimators.documentation import documented
from fastmlp.registration import stored_as
from fastmlp.soundness import require
from fastmlp.tabular.base import TabularEstimator
from fastmlp.tabular.conformal import (
    FoldScores,
    prediction_sets,
    say_if_rows_are_few,
    set_scores,
    summarize_scores,
    summary_threshold,
)
from fastmlp.tabular.documentation import ATTRIBUTES, PARAMETERS
from fastmlp.tabular.encoding import SharedColumns
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.explanation import Read, mixed_classes
from fastmlp.tabular.folds import Fold
from fastmlp.tabular.samples import mean_one
from fastmlp.tabular.scoring import MemberClassifier, Predict
from fastmlp.tabular.targets import ClassTargets


@stored_as("TabularClassifier")
@documented(PARAMETERS, ATTRIBUTES)
class TabularClassifier(ClassifierMixin, TabularEstimator):
    """A classifier for tables as they are: an ensemble of boosted trees and of networks.

    Parameters
    ----------
    {parameters}
    class_weight : dict, list of dict, "balanced" or None, default=None
        The weights of the classes in training, and where members stop and are weighed, by their labels, 1 for those
        that are not named; for several targets a list, with a dict for each. "balanced" gives all classes of a target
        the same weight.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or a list of them for several targets
    oof_predictions_ : ndarray of shape (n_samples, n_classes), or a list of them for several targets
        Probabilities for the rows of ``fit`` (with X_val, for its rows), each by the members that left it out; NaN
        where there are none. Files do not have them.
    oof_score_ : float
        The accuracy of these.
    oof_loss_ : float
        Their log loss.
    feature_importances_ : ndarray of shape (n_features,)
        What each column adds to the mean log-probability of the true class, beginning with the same prediction for all
        rows; 0 where it takes away. It is found for 500 rows at most, each predicted by the members that left it out.
        All that comes of a column, such as the parts of a date, counts together.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import TabularClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = TabularClassifier(effort="fast", random_state=0).fit(X, y)
    >>> bool(clf.oof_score_ > 0.9), clf.predict_proba(X[:2]).shape
    (True, (2, 3))
    """

    classes_: Any
    oof_predictions_: Any
    oof_loss_: float

    _parameter_constraints: ClassVar[dict] = {
        **TabularEstimator._parameter_constraints,
        "class_weight": [dict, list, tuple, StrOptions({"balanced"}), None],
    }
    _advice: ClassVar[Mapping[str, str]] = {
        **TabularEstimator._advice,
        **dict.fromkeys(
            ("loss", "objective", "criterion", "lossfunction", "lossfn", "quantile"),
            "Classes are learned by the log loss in any case; class_weight says how much each of them counts.",
        ),
    }

    def __init__(
        self,
        effort: str = "default",
        *,
        time_limit: float | None = None,
        categorical_features: Any = "from_dtype",
        max_categories: int = 1000,
        cv: Any = None,
        class_weight: dict | list[dict] | str | None = None,
        scoring: Any = None,
        callbacks: Sequence[Callback] | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self._set_parameters(locals())

    def predict(self, X: Any) -> NDArray:
        """Return the most probable class of each row, in the type that y had.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        numbers = [probabilities.argmax(axis=1) for probabilities in self._predictions(X)]
        return self._targets.labels(np.column_stack(numbers) if self._targets.is_matrix_ else numbers[0])

    def predict_proba(self, X: Any) -> NDArray[np.float64] | list[NDArray[np.float64]]:
        """Return the probabilities of the classes, in the order of ``classes_``.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), or a list of them for several targets
        """
        return self._decoded(self._predictions(X))

    def predict_set(self, X: Any, coverage: float = 0.9, *, method: str = "lac") -> Any:
        """Return sets of classes that have the true one with a given probability.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
        coverage : float in (0, 1), default=0.9
            How often a set shall have the true class, over all rows.
        method : {"lac", "aps"}, default="lac"
            "lac" makes the smallest sets; "aps" covers hard rows as often as easy ones, with larger sets.

        Returns
        -------
        sets : ndarray of bool of shape (n_samples, n_classes), or a list of them for several targets
            Whether each class, in the order of ``classes_``, is in the set of each row. All are where there are too few
            rows for the coverage; a :class:`fastmlp.exceptions.CoverageWarning` says so.
        """
        found: list[NDArray[np.bool_]] = []
        predictions = self._predictions(X)  # which says it where there is no fit
        say_if_rows_are_few(self._true_scores[0]["lac"], coverage, "sets have all classes")
        for probabilities, summaries in zip(predictions, self._true_scores, strict=True):
            scores = set_scores(probabilities, method=method)
            found.append(prediction_sets(scores, summary_threshold(summaries[method], coverage=coverage)))
        return found if self._targets.is_matrix_ else found[0]

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy; of several targets, the share of rows all of whose labels are right.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
        y : array-like or series of shape (n_samples,) or (n_samples, n_outputs)
            Labels that ``fit`` has not seen count as wrong.
        sample_weight : array-like of shape (n_samples,), default=None
        """
        predicted = self.predict(X)  # which says it where there is no fit
        right = self._targets.are(predicted, y, type(self).__name__)
        share = np.asarray(right if right.ndim == 1 else right.all(axis=1), np.float64)
        return float(np.average(share, weights=None if sample_weight is None else np.asarray(sample_weight)))

    # ---- targets -----------------------------------------------------------------------------------------------------

    _targets: ClassTargets
    _true_scores: list[dict[str, FoldScores]]

    def _learn_targets(self, y: Any, sample_weight: NDArray | None) -> NDArray:
        self._targets = ClassTargets()
        numbers = self._targets.fit_transform(y, type(self).__name__)
        self.classes_ = self._targets.classes
        return numbers

    def _known_targets(self, y: Any) -> NDArray:
        return self._targets.transform(y, type(self).__name__, name="y_val")

    def _problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        columns = y.T if y.ndim == 2 else [y]
        return [
            (TargetEnsemble(True, len(classes)), np.ascontiguousarray(column))
            for classes, column in zip(self._targets.outputs_, columns, strict=True)
        ]

    def _strata(self, y: NDArray) -> NDArray | None:
        return y if y.ndim == 1 else y[:, 0]

    def _training_weights(self, number: int, y: NDArray, sample_weight: NDArray | None) -> NDArray | None:
        """Return the weights of rows, those of their classes included: members stop and are weighed by these, too."""
        of_classes = self._class_weights(number, y, sample_weight)
        if of_classes is None:
            return sample_weight
        weights = of_classes[y] / (of_classes.max() or 1.0)
        if sample_weight is not None:
            weights = weights * sample_weight
        if not weights.any():
            raise ValueError(f"class_weight={self.class_weight!r:.200} leaves no row with a weight above 0.")
        return mean_one(weights)

    def _class_weights(self, number: int, y: NDArray, sample_weight: NDArray | None) -> NDArray[np.float64] | None:
        """Return what class_weight says of each class of a target; None for nothing."""
        given, classes = self.class_weight, self._targets.outputs_[number].tolist()
        if isinstance(given, list | tuple):
            if not self._targets.is_matrix_ or len(given) != len(self._targets.outputs_):
                raise ValueError(
                    f"class_weight={given!r:.200} must be a dict for each target; y has {len(self._targets.outputs_)}."
                )
            given = given[number]
            if not (given is None or given == "balanced" or isinstance(given, dict)):
                raise ValueError(
                    f"class_weight={self.class_weight!r:.200} must have a dict, 'balanced' or None for each target; got"
                    f" {given!r:.100}."
                )
        if given is None:
            return None
        if isinstance(given, dict):
            unknown = [label for label in given if label not in classes]
            if unknown:
                raise ValueError(f"class_weight has {unknown[0]!r}, which is none of the classes: {classes!r:.200}.")
            for label, weight in given.items():
                if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
                    raise ValueError(
                        f"class_weight must be finite numbers of at least 0; got {weight!r} for the class {label!r}."
                    )
            return np.array([float(given.get(label, 1.0)) for label in classes])
        counted = y if sample_weight is None else y[sample_weight > 0]
        counts = np.bincount(counted, minlength=len(classes))
        return len(counted) / (len(classes) * np.maximum(counts, 1))

    def _decoded(self, predictions: list[NDArray[np.float64]]) -> Any:
        return predictions if self._targets.is_matrix_ else predictions[0]

    def _reader(self, number: int, members: list[Member]) -> Read:
        mixed = mixed_classes(self.ensembles_[number], members)
        return lambda outputs, rows: mixed.log_odds(outputs)

    def _goodness_reader(self, number: int, members: list[Member], y: NDArray) -> Read:
        mixed, classes = mixed_classes(self.ensembles_[number], members), y if y.ndim == 1 else y[:, number]
        return lambda outputs, rows: mixed.log_probabilities(outputs, classes[rows])

    def _output_names(self, number: int) -> list[str]:
        labels = [str(label) for label in self._targets.outputs_[number].tolist()]
        return labels[1:] if len(labels) == 2 else labels

    def _shown(self, number: int, predict: Predict) -> MemberClassifier:
        return MemberClassifier(predict, self._targets.outputs_[number])

    def _shown_targets(self, number: int, y: NDArray) -> NDArray:
        return self._targets.outputs_[number][y]

    def _judge(
        self,
        found: list[NDArray],
        shared: SharedColumns,
        y: NDArray,
        folds: list[Fold],
        sample_weight: NDArray | None,
    ) -> None:
        known = np.all([np.isfinite(probabilities[:, 0]) for probabilities in found], axis=0)
        if sample_weight is not None:
            known &= sample_weight > 0
        weights = None if sample_weight is None else sample_weight[known]
        columns = (y.T if y.ndim == 2 else y[np.newaxis])[:, known]
        right, losses, self._true_scores = [], [], []
        for probabilities, numbers in zip(found, columns, strict=True):
            left_out, rows = probabilities[known], np.arange(len(numbers))
            right.append(left_out.argmax(axis=1) == numbers)
            losses.append(-np.log(np.maximum(left_out[rows, numbers], 1e-15)))
            self._true_scores.append(
                {
                    method: summarize_scores(
                        set_scores(left_out, method=method)[rows, numbers], np.zeros(len(rows), int), n_quantiles=1025
                    )
                    for method in ("lac", "aps")
                }
            )
        self.oof_predictions_ = found if self._targets.is_matrix_ else found[0]
        self.oof_score_ = float(np.average(np.all(right, axis=0), weights=weights))
        self.oof_loss_ = float(np.average(np.mean(losses, axis=0), weights=weights))

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an estimator from a file may have any."""
        super().check_state()
        if not self.__sklearn_is_fitted__():
            return
        targets, scores = vars(self).get("_targets"), vars(self).get("_true_scores")
        require(isinstance(targets, ClassTargets), "_targets are no classes")
        outputs = self._targets.outputs_
        sizes = [each.n_outputs for each in self.ensembles_ if each.is_classification]
        require(sizes == list(map(len, outputs)), "ensembles_ do not fit the classes of the targets", sizes)
        known = vars(self).get("classes_")
        listed: Any = known if self._targets.is_matrix_ else [known]
        sound = type(listed) is list and len(listed) == len(outputs)
        sound = sound and all(np.array_equal(each, classes) for each, classes in zip(listed, outputs, strict=True))
        require(sound, "classes_ are not those of the targets")
        sound = type(scores) is list and len(scores) == len(outputs)
        sound = sound and all(type(each) is dict and set(each) == {"lac", "aps"} for each in scores or ())
        sound = sound and all(isinstance(part, FoldScores) for each in scores or () for part in each.values())
        require(sound, "_true_scores are not those of the targets")
