"""A TableModel learns a column of a table from the others, and takes the table as it is written."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from numbers import Integral
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.callbacks import Callback
from fastmlp.components import Named, listed
from fastmlp.estimators.base import begins_fit, restored_on_error
from fastmlp.exceptions import counted
from fastmlp.registration import stored_as
from fastmlp.tables.columns import find_task
from fastmlp.tables.frames import TableError, ValidationTableError, as_frame, import_pandas, log, shown
from fastmlp.tables.labels import in_one_spelling, known_labels, marks_that_are_classes
from fastmlp.tables.missing import MISSING, Marks
from fastmlp.tables.notation import Evidence, numbers_in
from fastmlp.tables.reader import TableReader
from fastmlp.tables.scores import scores_of_classes, scores_of_numbers, scores_of_quantiles
from fastmlp.tables.soundness import check_fitted
from fastmlp.tables.values import matches, texts_of
from fastmlp.tabular import TabularClassifier, TabularRegressor, TypedTable
from fastmlp.tabular.learned import Categories
from fastmlp.tabular.regressor import LOSSES

_Estimator = TypeVar("_Estimator", TabularClassifier, TabularRegressor)


def _is_index(target: str) -> bool:
    return target.removeprefix("-").isdecimal()


def _joined(frame: Any, y: Any, target: str | int | None) -> tuple[Any, str]:
    """Return a table with the target as a column, and its name."""
    if isinstance(y, str):
        raise TableError(f"y={y!r} is a name: a column that is the target already is TableModel(target={y!r})")
    pandas = import_pandas()
    y = y.to_pandas() if hasattr(y, "to_pandas") else y
    if isinstance(y, pandas.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    series = y if isinstance(y, pandas.Series) else pandas.Series(np.asarray(y).tolist())
    if len(series) != len(frame):
        raise TableError(f"y has {counted(len(series))}, the table {counted(len(frame))}")
    name = str("target" if series.name is None else series.name) if target is None else str(target)
    if name in frame:
        raise TableError(f"the table has a column {name!r} already, which y is to be: leave out one of the two")
    return frame.assign(**{name: series.to_numpy() if series.dtype.kind in "iufb" else series.array}), name


@stored_as("TableModel")
class TableModel(TableReader):
    """A reader of tables as files have them, and the tabular estimator that learns a column from the others.

    It takes data frames whose values are written as people and programs write them: numbers, dates and truth values as
    texts, with decimal commas, currencies and marks for what is missing. Of frames with types that are right already,
    :class:`fastmlp.TabularClassifier` and :class:`fastmlp.TabularRegressor` learn by themselves.

    Parameters
    ----------
    target : str, int or None, default=None
        The column to learn: its name or, where no column has that name, its number from 0; None for the last one.
    task : {"auto", "classification", "regression"}, default="auto"
        What is learned; with "auto", :func:`find_task` finds it from the target.
    missing : list of str or numbers, default=()
        The values that mean a missing value in any column, beside :data:`MISSING`. Numbers are the same however they
        are written.
    keep : list of str, default=()
        The texts of :data:`MISSING` that are values after all, in columns of text and as classes of the target, such as
        "NA". "None" is a class without being named here, if it comes at least half as often as the other classes do on
        average. Nulls stay missing.
    decimal : {".", ","}, default=None
        The mark before the decimals, in numbers that are texts. With None it is found for each column, and then kept.
    thousands : {",", ".", " ", "'", "_", ""}, default=None
        The mark that groups the digits of numbers that are texts, "" for no mark. With None it may be any of these but
        the decimal mark.
    exact : bool, default=False
        Whether texts that are spelled differently are different values. If not, "TRUE" is "true", "1.0" is "1", and
        predictions have the spelling that came most often.
    header : bool, default=True
        Whether the table to learn from has names of columns, by which :meth:`predict` then finds them.
    effort : {"fast", "default", "best"}, default="default"
        How much is done for the table, as in the estimators.
    time_limit : float or None, default=None
        The seconds that ``fit`` may take, as in the estimators; they count from ``began`` of fit.
    class_weight : dict, "balanced" or None, default=None
        For classification, the weights of the classes in training, by their labels.
    loss : {"squared_error", "absolute_error", "huber", "quantile"} or None, default=None
        For regression, what training makes small; None is the squared error. With "quantile", predictions are
        quantiles. Everyday names such as "mae" are understood, too.
    quantile : float in (0, 1) or None, default=None
        For ``loss="quantile"``, which quantile is predicted; None is the median.
    intervals : {"residuals", "quantiles"} or None, default=None
        For regression, what intervals are made of, as in the estimator; None is the residuals. Of "quantiles", which
        are learned beside, they are as wide as each row's noise is.
    random_state : int, RandomState or None, default=None
    n_jobs : int or None, default=None
        How many members are trained side by side; None for as many as there are CPUs.

    Attributes
    ----------
    task_, target_ : str
        What is learned, "classification" or "regression", and of which column.
    columns_ : list of str
        All columns, in their order.
    numbers_, dates_ : list of str
        The columns that are used as numbers, and as dates.
    categories_ : dict of str to list of str
        For each column that is used as a category, the texts that are told apart.
    dropped_ : dict of str to str
        For each column that is not used, the reason; a :class:`fastmlp.exceptions.UnusedColumnsWarning` gives it, too.
    marks_ : dict of str to list of str
        For columns of numbers, the texts that mean a missing value there.
    decimals_ : dict of str to str
        For columns of numbers that are texts, the mark before the decimals.
    classes_ : list of str
        For classification, the labels of the classes as the table spells them.
    class_counts_ : list of int
        For classification, how many rows of training each class has.
    mean_ : float
        For regression, the mean of the target.
    estimator_ : TabularClassifier or TabularRegressor
        What has learned the typed frame that comes of the table.
    training_ : dict
        Figures of the training.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tables import TableModel
    >>> frame = pd.DataFrame({"x": range(100), "c": ["a", "b"] * 50, "big": ["no"] * 50 + ["yes"] * 50})
    >>> model = TableModel("big", effort="fast", random_state=0).fit(frame)
    >>> model.predict(pd.DataFrame({"c": ["a", "a"], "x": [3, 97]})).tolist()
    ['no', 'yes']
    """

    _parameter_constraints: ClassVar[dict] = {
        **TableReader._parameter_constraints,
        "target": [str, Integral, None],
        "task": [StrOptions({"auto", "classification", "regression"})],
        **{
            name: TabularClassifier._parameter_constraints[name]
            for name in ("effort", "time_limit", "random_state", "n_jobs")
        },
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "loss": [StrOptions(set(LOSSES)), None],
        **{name: [*TabularRegressor._parameter_constraints[name], None] for name in ("quantile", "intervals")},
    }

    task_: str
    classes_: list[str]
    class_counts_: list[int]
    mean_: float
    estimator_: TabularClassifier | TabularRegressor
    training_: dict[str, Any]
    loss = Named(LOSSES)

    def __init__(
        self,
        target: str | int | None = None,
        *,
        task: str = "auto",
        missing: Iterable[Any] = (),
        keep: Iterable[str] = (),
        decimal: str | None = None,
        thousands: str | None = None,
        exact: bool = False,
        header: bool = True,
        effort: str = "default",
        time_limit: float | None = None,
        class_weight: dict | str | None = None,
        loss: str | None = None,
        quantile: float | None = None,
        intervals: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "training_")  # fit sets this last

    def check_state(self) -> None:
        """Refuse parameters that cannot be, and attributes that are not what ``fit`` sets; a file may have any.

        Raises
        ------
        ValueError
            It names the parameter or the attribute.
        """
        super().check_state()
        self._check_marks()
        if self.__sklearn_is_fitted__():
            check_fitted(self)

    # ---- learning ----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(
        self,
        frame: Any,
        y: Any = None,
        *,
        validation: Any = None,
        callbacks: Sequence[Callback] | None = None,
        verbose: bool | int = False,
        began: float | None = None,
    ) -> Self:
        """Learn the target from the other columns.

        Parameters
        ----------
        frame : pandas.DataFrame
            A frame from :func:`read_table`, or any other; frames of polars and tables of pyarrow will do.
        y : array-like of shape (n_rows,), default=None
            The target, where it is no column of the frame; it is then added as one, by its name or else as "target".
        validation : pandas.DataFrame, default=None
            Rows with the target to stop by and to judge members by, in a frame like the other one: all members then
            learn from all rows of ``frame``.
        callbacks : list of Callback, default=None
            Each member's training has copies of them.
        verbose : bool or int, default=False
            Whether a bar shows how many members have been trained.
        began : float, default=None
            The ``time.monotonic()`` from which ``time_limit`` counts, such as that before the table was read; None is
            now.

        Raises
        ------
        TypeError
            When the table has no named columns.
        TableError
            When there is nothing to learn, or to learn from; names the column and the value.
        """
        self._check_marks()
        now = time.monotonic()
        with restored_on_error(self):
            for name in [name for name in vars(self) if name.endswith("_")]:  # those of an earlier fit
                delattr(self, name)
            frame = as_frame(frame, "fit")
            target = self.target
            if y is not None:
                frame, target = _joined(frame, y, target)
            if frame.shape[1] < 2:
                raise TableError(f"a table needs two columns or more; there is only {shown(frame.columns)}")
            self.columns_ = list(frame.columns)
            self.target_ = self._find_target(target)
            n_rows = len(frame)
            texts = texts_of(frame[self.target_])
            frame, labels = self._with_target(frame, texts, "dropped", self._kept_in_target(texts))
            written = self._find_decimals(frame)
            y = self._learn_target(labels, n_rows - len(labels), written.get(self.target_))
            typed = self._learn_columns(frame, written)
            if not self.kinds_:
                raise TableError("no column is left to learn from")
            validated = {} if validation is None else self._validation(validation, typed)
            estimator = self._estimator(callbacks, verbose)
            estimator._began = now if began is None else began
            with _refused_as_table(self.target_):
                estimator.fit(typed, y, **validated)
            estimator.set_params(callbacks=None, verbose=False)  # They belong to one fit, and not to the model.
            self._keep(estimator)
            self.training_ = {
                "rows": len(y),
                "rows_without_target": n_rows - len(y),
                "rows_of_validation": len(validated.get("y_val", ())),
                "members": len(estimator.history_),
                "epochs": sum(record["epochs"] for record in estimator.history_),
                "oof_score": _finite(estimator.oof_score_),
                "oof_loss": _finite(estimator.oof_loss_),
                "seconds": time.monotonic() - now,
            }
        return self

    def _find_target(self, target: str | int | None) -> str:
        if target is None:
            return self.columns_[-1]
        if str(target) in self.columns_:
            return str(target)
        alike = matches([str(target)], self.columns_) if isinstance(target, str) and not _is_index(target) else {}
        if alike:
            return alike[str(target)]
        try:
            return self.columns_[range(len(self.columns_))[int(target)]]
        except (ValueError, IndexError):
            raise TableError(
                f"the target {target!r} is not among the columns; the nearest are"
                f" {listed(str(target), get_close_matches(str(target), self.columns_, 10, 0.0))}"
            ) from None

    def _kept_in_target(self, texts: NDArray) -> set[str]:
        """Return the marks that are classes of the target, of which these are the texts."""
        kept = marks_that_are_classes(self.target_, texts, self.missing, self.keep)
        values = texts[~Marks(self.missing).among(texts)]
        if self.task == "classification" or not len(values) or np.isnan(numbers_in(values[:1])).any():
            return kept
        if np.isnan(numbers_in(values)).any():
            return kept
        # Beside numbers, marks are missing values unless the numbers are classes.
        is_regression = self.task == "regression" or find_task(values)[0] == "regression"
        return set() if is_regression else kept

    def _learn_target(self, labels: NDArray, n_dropped: int, evidence: Evidence | None) -> NDArray:
        """Find the task, and what must be known of the target; return it as the estimator takes it.

        Parameters
        ----------
        labels : ndarray of str
            The target's texts.
        n_dropped : int
            How many rows have been dropped since they have no target, for the message.
        evidence : Evidence or None
            How the target's numbers are written; None for a column that holds them as such.
        """
        if not self.exact:
            labels = in_one_spelling(self.target_, labels)
        if len(set(labels)) == 1:
            raise TableError(
                f"column {self.target_!r}, the target, is always {labels[0]!r}: nothing to learn"
                + (f"; {counted(n_dropped)} without it were dropped" if n_dropped else "")
            )
        notation = self.decimals_.get(self.target_, "."), self.thousands
        self.task_, why = find_task(labels, *notation) if self.task == "auto" else (self.task, "")
        if why:
            log.info("%s of %r, since %s (--task says otherwise)", self.task_, self.target_, why)
        if self.task_ == "classification":
            return self._learn_labels(labels)
        self._tell_notation(self.target_, evidence, labels)
        y = self._target_numbers(labels, notation[0])
        self.mean_ = float(y.mean())
        if y.min() == y.max():
            raise TableError(f"column {self.target_!r}, the target, is always {self.mean_:g}: nothing to learn")
        return y

    def _learn_labels(self, labels: NDArray) -> NDArray:
        counts = Counter(labels.tolist())
        self.classes_ = sorted(counts)
        self.class_counts_ = [counts[label] for label in self.classes_]
        single = [label for label in self.classes_ if counts[label] == 1]
        if single:
            log.info("too few to learn from: a single row of %s", shown(single))
        return labels

    def _validation(self, frame: Any, learned: Any) -> dict[str, Any]:
        """Return rows to validate on as the estimator's fit takes them, read as those to learn from are."""
        known = {name: learned[name].dropna().unique().tolist() for name in self._of_kind("texts")}
        try:
            X, y = self._with_known_target(frame, True, "fit", known)
        except TableError as error:
            raise ValidationTableError(f"the rows to validate on: {error}") from None
        return {"X_val": X, "y_val": y}

    def _estimator(
        self, callbacks: Sequence[Callback] | None, verbose: bool | int
    ) -> TabularClassifier | TabularRegressor:
        """Return what is to learn the typed frame."""
        is_classification = self.task_ == "classification"
        of_regression = {name: getattr(self, name) for name in ("loss", "quantile", "intervals")}
        for name, value in (of_regression if is_classification else {"class_weight": self.class_weight}).items():
            if value is not None:
                raise TableError(f"{name}={value!r} has no meaning in {self.task_} (of {self.target_!r})")
        of_task: dict[str, Any] = {"class_weight": self._label_weights()} if is_classification else of_regression
        names = ("time_limit", "random_state", "n_jobs")
        return (TabularClassifier if is_classification else TabularRegressor)(
            self.effort,
            callbacks=callbacks,
            verbose=verbose,
            **{name: getattr(self, name) for name in names},
            **{name: value for name, value in of_task.items() if value is not None},
        )

    def _label_weights(self) -> dict[str, Any] | str | None:
        """Return ``class_weight`` by the labels as the table spells them."""
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        given = {str(label): weight for label, weight in self.class_weight.items()}
        others = {} if self.exact else matches(given, self.classes_, self.decimals_.get(self.target_, "."))
        unknown = [label for label in given if label not in self.classes_ and label not in others]
        if unknown:
            raise TableError(
                f"class_weight has {shown(unknown)}; the classes of {self.target_!r} are {shown(self.classes_)}"
            )
        return {others.get(label, label): weight for label, weight in given.items()}

    def _keep(self, estimator: TabularClassifier | TabularRegressor) -> None:
        """Keep a fitted estimator, and which columns it does not use."""
        self.estimator_ = estimator
        unused = self.dropped_ | estimator.columns_.unused_
        self.dropped_ = {name: unused[name] for name in self.columns_ if name in unused}
        log.debug("columns of numbers: %s", shown(self.numbers_, 100))
        log.debug("columns of dates: %s", shown(self.dates_, 100))
        for name, known in self.categories_.items():
            log.debug("column %r is categories: %s", name, shown(known))

    # ---- what was learned --------------------------------------------------------------------------------------------

    @property
    def numbers_(self) -> list[str]:
        """The columns that are used as numbers."""
        return self._of_kind("numbers")

    @property
    def dates_(self) -> list[str]:
        """The columns that are used as dates, of each of which several numbers come."""
        return self._of_kind("dates")

    @property
    def categories_(self) -> dict[str, list[str]]:
        """For each column that is used as a category, the texts that are told apart."""
        table = self.estimator_.columns_
        learned = dict(zip(table.names_, table.columns_, strict=True))
        texts = {name: learned[name] for name in self._of_kind("texts")}
        return {name: list(column.categories) for name, column in texts.items() if isinstance(column, Categories)}

    # ---- predicting --------------------------------------------------------------------------------------------------

    def read(self, frame: Any, *, has_header: bool = True) -> TypedTable:
        """Return the rows of a table as members see them; the methods that predict take them in place of the table.

        Several of these then read the table once, and say once what is to be said of it.

        Parameters
        ----------
        frame, has_header
            As :meth:`predict` takes them.
        """
        check_is_fitted(self)
        return self._rows(frame, has_header, "read")

    def predict(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the target of each row: texts of labels, or numbers in the target's units.

        Parameters
        ----------
        frame : pandas.DataFrame
            The table; it has the columns of training in any order, with the target or without it. Or what :meth:`read`
            has returned.
        has_header : bool, default=True
            Whether columns are found by name; else, and where training had no names, they must come in the order of
            training.

        Raises
        ------
        NotFittedError
            Before fit.
        TableError
            When columns are missing, or have texts instead of numbers.
        """
        check_is_fitted(self)
        y = self.estimator_.predict(self._rows(frame, has_header, "predict"))
        return y.astype(str) if self.task_ == "classification" else y

    def predict_proba(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the probabilities of the classes in the order of ``classes_``, for the tables that predict takes.

        Raises
        ------
        TableError
            When the model is one of regression, and whenever predict raises it.
        """
        estimator = self._fitted(TabularClassifier, "there are no probabilities in regression")
        return estimator.predict_proba(self._rows(frame, has_header, "predict_proba"))

    def predict_set(self, frame: Any, coverage: float = 0.9, *, has_header: bool = True) -> NDArray:
        """Return which classes are in sets that have the true one with a given probability.

        Parameters
        ----------
        frame, has_header
            As :meth:`predict` takes them.
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        sets : ndarray of bool of shape (n_rows, n_classes)
            In the order of ``classes_``.

        Raises
        ------
        TableError
            When the model is one of regression, and whenever predict raises it.
        """
        estimator = self._fitted(TabularClassifier, "there are no sets of classes in regression, but intervals")
        return estimator.predict_set(self._rows(frame, has_header, "predict_set"), coverage)

    def predict_interval(
        self, frame: Any, coverage: float = 0.9, *, has_header: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of intervals that have the true number with a given probability.

        Parameters
        ----------
        frame, has_header
            As :meth:`predict` takes them.
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        lower, upper : ndarray of shape (n_rows,)

        Raises
        ------
        TableError
            When the model is one of classification, and whenever predict raises it.
        """
        estimator = self._fitted(TabularRegressor, "there are no intervals in classification, but sets of classes")
        return estimator.predict_interval(self._rows(frame, has_header, "predict_interval"), coverage)

    def evaluate(self, frame: Any, *, has_header: bool = True) -> dict[str, float | int | None]:
        """Return figures of how good predictions are, and what the best constant prediction would reach.

        Classification: accuracy, balanced accuracy, log loss, macro-averaged F1, for two classes the area under the ROC
        curve, and the accuracy of always answering with the most frequent class of training. Regression: R2, mean
        absolute error, root of the mean squared error, and the latter two of always answering with training's mean;
        of quantiles also D2, the pinball loss, and the share of rows whose target is not above the prediction. A figure
        that these rows do not determine is None.

        Raises
        ------
        TableError
            When the target is missing or has labels that training did not see, and whenever predict raises it.
        """
        check_is_fitted(self)
        X, y = self._with_known_target(frame, has_header, "evaluate", self.categories_)
        if isinstance(self.estimator_, TabularClassifier):
            majority = self.classes_[int(np.argmax(self.class_counts_))]
            probabilities = np.asarray(self.estimator_.predict_proba(X))
            figures = scores_of_classes(y.astype(str), probabilities, self.classes_, majority)
        else:
            predicted = self.estimator_.predict(X)
            figures = scores_of_numbers(y, predicted, self.mean_)
            if (quantile := self._quantile()) is not None:
                figures |= scores_of_quantiles(y, predicted, quantile)
        return {"rows": len(y)} | figures

    def _fitted(self, cls: type[_Estimator], otherwise: str) -> _Estimator:
        """Return the estimator, if it is of a class; else raise an error."""
        check_is_fitted(self)
        if not isinstance(self.estimator_, cls):
            raise TableError(otherwise)
        return self.estimator_

    def _rows(self, frame: Any, has_header: bool, what: str) -> TypedTable:
        """Return the rows of a table to predict for, which may have been read."""
        if isinstance(frame, TypedTable):
            return frame
        return self.estimator_.columns_.transform(self._inputs(frame, has_header, what), estimator=self.estimator_)

    def _quantile(self) -> float | None:
        """Return which quantile a model of regression predicts; None where it predicts means."""
        levels = self.estimator_.ensembles_[0].quantiles
        return None if levels is None else levels[0]

    def _inputs(self, frame: Any, has_header: bool = True, what: str = "predict") -> Any:
        """Return the typed frame of a table to predict for."""
        return self._typed(self._matched(frame, has_header, what), self.categories_)

    def _with_known_target(
        self, frame: Any, has_header: bool, what: str, known: Mapping[str, list[str]]
    ) -> tuple[Any, NDArray]:
        """Return the typed frame of those rows of a table that have the target, and the target."""
        frame = self._matched(frame, has_header, what)
        if self.target_ not in frame:
            raise TableError(f"column {self.target_!r}, the target, is missing")
        is_classification = self.task_ == "classification"
        keep = {*self.keep, *MISSING.intersection(self.classes_)} if is_classification else set()
        frame, texts = self._with_target(frame, texts_of(frame[self.target_]), "left out", keep)
        if is_classification:
            decimal = self.decimals_.get(self.target_, ".")
            y = known_labels(self.target_, texts, self.classes_, decimal, self.exact)
        else:
            y = self._target_numbers(texts, self._decimals(frame, [self.target_]).get(self.target_, "."))
        return self._typed(frame, known), y

    def describe(self) -> dict[str, Any]:
        """Return what the model is, in plain types: task, columns, members, figures of the training."""
        check_is_fitted(self)
        if self.task_ == "classification":
            learned: dict[str, Any] = {"classes": dict(zip(self.classes_, self.class_counts_, strict=True))}
        else:
            learned = {"target_mean": self.mean_}
            if (quantile := self._quantile()) is not None:
                learned["quantile"] = quantile
            learned["intervals"] = "quantiles" if getattr(self.estimator_, "bands_", None) else "residuals"
        members = self.estimator_.members_
        networks = [member.network for member in members]
        return {
            "task": self.task_,
            "target": self.target_,
            **learned,
            "header": self.header,
            "missing": list(map(str, self.missing)),
            "keep": list(self.keep),
            "decimals": self.decimals_,
            "numbers": self.numbers_,
            "dates": self.dates_,
            "categories": list(self.categories_),
            "dropped": self.dropped_,
            "effort": self.effort,
            "members": dict(Counter(member.kind.name for member in members)),
            "weights": self._weights(),
            "n_parameters": sum(array.size for net in networks for array in (*net.coefs_, *net.intercepts_)),
            "training": self.training_,
        }

    def _weights(self) -> dict[str, float]:
        """Return the weight of each kind of members that was trained, 0 for one that does not predict."""
        weights = dict.fromkeys((record["kind"] for record in self.estimator_.history_), 0.0)
        for member in self.estimator_.members_:
            weights[member.kind.name] = weights.get(member.kind.name, 0.0) + member.weight
        return weights


def _finite(figure: float | None) -> float | None:
    """Return a figure, or None for one that the rows do not determine."""
    return None if figure is None or not math.isfinite(figure) else float(figure)


@contextmanager
def _refused_as_table(target: str) -> Iterator[None]:
    """Make a TableError of what the estimator says of X and y from which nothing can be learned."""
    try:
        yield
    except ValueError as error:
        said = re.sub(r"\bX(?= (has|contains)\b)", "the table", str(error))
        said = re.sub(r"\by(?= (has|contains|is)\b)", lambda _: f"column {target!r}, the target,", said)
        raise TableError(said.rstrip(".")) from error
