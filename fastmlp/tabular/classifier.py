"""TabularClassifier: classes of a table's rows, their probabilities, and sets of classes that cover the true one."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions

from fastmlp.callbacks import Callback
from fastmlp.estimators.base import begins_fit, goes_on_with_fit
from fastmlp.registration import stored_as
from fastmlp.soundness import require
from fastmlp.tabular.base import TabularEstimator
from fastmlp.tabular.conformal import FoldScores, prediction_sets, set_scores, summarize_scores, summary_threshold
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.explanation import Read, mixed_classes
from fastmlp.tabular.folds import Fold
from fastmlp.tabular.scoring import MemberClassifier, Predict
from fastmlp.tabular.targets import ClassTargets


@stored_as("TabularClassifier")
class TabularClassifier(ClassifierMixin, TabularEstimator):
    """A classifier for tables as they are: an ensemble of small networks.

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
    class_weight : dict, list of dict, "balanced" or None, default=None
        The weights of the classes in training, and where members stop and are weighed, by their labels, 1 for those
        that are not named; for several targets a list, with a dict for each. "balanced" gives all classes of a target
        the same weight.
    scoring : str, callable or None, default=None
        What members stop on, and which of their epochs is kept: None is the smallest log loss; a name from
        scikit-learn's scorers, or a function of an estimator, X and y, is the largest score. What members and kinds
        weigh is a matter of the log loss in any case.
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
    classes_ : ndarray of shape (n_classes,), or a list of them for several targets
    members_ : list of Member
        The networks that predict.
    columns_ : TableColumns
        What is known of the table's columns; ``columns_.unused_`` says which are not used, and why.
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
    history_ : list of dict
        What is known of each member's training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if all columns' names are texts.

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
        """Learn the classes of a table's rows.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
            Of pandas, polars, pyarrow, NumPy, or a list of rows.
        y : array-like or series of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any type.
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
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp.callbacks import ModelCheckpoint
        >>> X, y = load_iris(return_X_y=True)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.fastmlp"
        >>> model = fastmlp.TabularClassifier("fast", callbacks=[ModelCheckpoint(path)], random_state=0).fit(X, y)
        >>> resumed = fastmlp.load(path).resume(X, y)  # had the fit been killed, this would train the other members
        >>> bool((resumed.predict(X) == model.predict(X)).all())
        True
        """
        return self._resume(X, y, sample_weight, groups, X_val, y_val, sample_weight_val)

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
        """
        found = []
        for probabilities, summaries in zip(self._predictions(X), self._true_scores, strict=True):
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
        right = self._targets.are(self.predict(X), y, type(self).__name__)
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
        return self._targets.transform(y, type(self).__name__)

    def _problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        columns = y.T if y.ndim == 2 else [y]
        return [
            (TargetEnsemble(True, len(classes)), np.ascontiguousarray(column))
            for classes, column in zip(self._targets.outputs_, columns, strict=True)
        ]

    def _strata(self, y: NDArray) -> NDArray | None:
        return y if y.ndim == 1 else y[:, 0]

    def _network_parameters(self, number: int) -> dict[str, Any]:
        return {}

    def _training_weights(self, number: int, y: NDArray, sample_weight: NDArray | None) -> NDArray | None:
        """Return the weights of rows, those of their classes included: members stop and are weighed by these, too."""
        of_classes = self._class_weights(number, y, sample_weight)
        if of_classes is None:
            return sample_weight
        return of_classes[y] if sample_weight is None else of_classes[y] * sample_weight

    def _class_weights(self, number: int, y: NDArray, sample_weight: NDArray | None) -> NDArray[np.float64] | None:
        """Return what class_weight says of each class of a target; None for nothing."""
        given, classes = self.class_weight, self._targets.outputs_[number].tolist()
        if isinstance(given, list | tuple):
            if not self._targets.is_matrix_ or len(given) != len(self._targets.outputs_):
                raise ValueError(
                    f"class_weight={given!r:.200} must be a dict for each target; y has {len(self._targets.outputs_)}."
                )
            given = given[number]
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

    def _judge(self, found: list[NDArray], y: NDArray, folds: list[Fold], sample_weight: NDArray | None) -> None:
        known = np.all([np.isfinite(probabilities[:, 0]) for probabilities in found], axis=0)
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
