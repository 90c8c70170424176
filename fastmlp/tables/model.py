"""A TableModel is a network that learns a column of a table from the others, and takes the table as it is."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from fastmlp.callbacks import EarlyStopping
from fastmlp.components import Parameterized, listed
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.registration import stored_as
from fastmlp.tables.columns import RARE, are_identifiers, find_task, frequent_categories, marks_among
from fastmlp.tables.conventions import decimals_of, tell
from fastmlp.tables.frames import TableError, as_frame, counted, import_pandas, log, shown
from fastmlp.tables.labels import in_one_spelling, known_labels, marks_that_are_classes
from fastmlp.tables.missing import MISSING, Marks, are_marks
from fastmlp.tables.notation import DECIMALS, THOUSANDS, Evidence, evidence_in, numbers_in
from fastmlp.tables.preprocessing import network_parameters, preprocessing
from fastmlp.tables.scores import scores_of_classes, scores_of_numbers
from fastmlp.tables.soundness import check_fitted
from fastmlp.tables.values import is_numeric, matches, texts_of

_LARGEST = 1e38  # float32 can hold this; numbers that stand for "nothing" lie beyond
_SHARE_OF_DISTINCT_TEXTS = 0.9
_SHARE_OF_GAPS = 0.01
_BLOCK = 10_000  # so many rows are turned into texts at a time

# From so many rows on, training holds out a tenth of them to see when to stop. Of fewer, that would be a single row.
HOLD_OUT_FROM = 20


def _is_index(target: str) -> bool:
    return target.removeprefix("-").isdecimal()


def _held_out_score(network: MLPClassifier | MLPRegressor) -> float | None:
    """Return the score of the rows held out in the epoch whose weights were kept; None where none were held out."""
    scores = network.history_.get("validation_score")
    stopping = next((each for each in network.callbacks or () if isinstance(each, EarlyStopping)), None)
    if not scores or (stopping is not None and stopping.best_ is None):
        return None
    return float(max(scores) if stopping is None else scores[stopping.best_epoch_ - 1])


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
class TableModel(Parameterized):
    """A network that learns a column of a table from the others, and all that stands between table and network.

    It takes data frames as they are: texts, numbers written as texts, gaps, columns of any type.

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
    parameters : dict, default=None
        Parameters of the network, in place of those that :func:`network_parameters` gives.

    Attributes
    ----------
    task_, target_ : str
        What is learned, "classification" or "regression", and of which column.
    columns_ : list of str
        All columns, in their order.
    numbers_ : list of str
        The columns that are used as numbers.
    categories_ : dict
        For each column that is used as a category, its :func:`frequent_categories`.
    dropped_ : dict
        For each column that is not used, the reason.
    marks_ : dict
        For columns of numbers, the texts that mean a missing value there.
    decimals_ : dict
        For columns of numbers that are texts, the mark before the decimals.
    classes_ : list of str
        For classification, the labels of the classes as the table spells them.
    class_counts_ : list of int
        For classification, how many rows of training each class has.
    mean_, scale_ : float
        For regression, mean and standard deviation of the target: the network learns (y - mean_) / scale_.
    pipeline_ : Pipeline
        The preprocessing and the network.
    training_ : dict
        Figures of the training.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tables import TableModel
    >>> frame = pd.DataFrame({"x": range(100), "c": ["a", "b"] * 50, "big": ["no"] * 50 + ["yes"] * 50})
    >>> model = TableModel("big", parameters={"random_state": 0}).fit(frame)
    >>> model.predict(pd.DataFrame({"c": ["a", "a"], "x": [3, 97]})).tolist()
    ['no', 'yes']
    """

    _parameter_constraints: ClassVar[dict] = {
        "target": [str, Integral, None],
        "task": [StrOptions({"auto", "classification", "regression"})],
        "missing": ["array-like"],
        "keep": ["array-like"],
        "decimal": [StrOptions(set(DECIMALS)), None],
        "thousands": [StrOptions(set(THOUSANDS)), None],
        "exact": ["boolean"],
        "header": ["boolean"],
        "parameters": [dict, None],
    }

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
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.task = task
        self.missing = missing
        self.keep = keep
        self.decimal = decimal
        self.thousands = thousands
        self.exact = exact
        self.header = header
        self.parameters = parameters

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
        if not self.__sklearn_is_fitted__():
            return
        check_fitted(self)

    def _check_marks(self) -> None:
        """Refuse parameters that do not fit each other, or hold what they must not."""
        if not are_marks(self.missing):
            raise ValueError(f"missing must be a list of str or numbers; got {self.missing!r}.")
        if not are_marks(self.keep) or not all(isinstance(mark, str) and mark.strip() for mark in self.keep):
            raise ValueError(f"keep must be a list of str that are not empty; got {self.keep!r}.")
        both = sorted(set(map(str, self.missing)) & set(self.keep))
        if both:
            raise ValueError(
                f"missing and keep both have {shown(both)}: a text means a missing value, or it is a value."
            )
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}; they must differ.")

    # ---- learning ----------------------------------------------------------------------------------------------------

    def fit(self, frame: Any, y: Any = None, *, verbose: bool | int = False) -> Self:
        """Learn the target from the other columns.

        Parameters
        ----------
        frame : pandas.DataFrame
            A frame from :func:`read_table`, or any other; frames of polars and tables of pyarrow will do.
        y : array-like of shape (n_rows,), default=None
            The target, where it is no column of the frame; it is then added as one, by its name or else as "target".
        verbose : bool or int, default=False
            How much is said of the epochs, as in the estimators; 1 shows a progress bar.

        Raises
        ------
        TypeError
            When the table has no named columns.
        TableError
            When there is nothing to learn, or to learn from; names the column and the value.
        """
        self._validate_params()
        self._check_marks()
        began = time.perf_counter()
        frame = as_frame(frame, "fit")
        target = self.target
        if y is not None:
            frame, target = _joined(frame, y, target)
        if frame.shape[1] < 2:
            raise TableError(f"a table needs two columns or more; there is only {shown(frame.columns)}")
        self.columns_ = list(frame.columns)
        self.target_ = self._find_target(target)
        n_rows = len(frame)
        frame, labels = self._with_target(frame, "dropped", self._kept_in_target(frame[self.target_]))
        written = self._find_decimals(frame)
        if not self.exact:
            labels = in_one_spelling(self.target_, labels)
        if len(set(labels)) == 1:
            raise TableError(
                f"column {self.target_!r}, the target, is always {labels[0]!r}: nothing to learn"
                + (f"; {counted(n_rows - len(labels))} without it were dropped" if len(labels) < n_rows else "")
            )
        notation = self.decimals_.get(self.target_, "."), self.thousands
        self.task_, why = find_task(labels, *notation) if self.task == "auto" else (self.task, "")
        if why:
            log.info("%s of %r, since %s (--task says otherwise)", self.task_, self.target_, why)
        if self.task_ == "regression":
            self._tell_notation(self.target_, written.get(self.target_), labels)
        y = self._learned_labels(labels) if self.task_ == "classification" else self._learned_numbers(labels)
        self._find_columns(frame, written)
        for name in self.decimals_.keys() - {self.target_, *self.numbers_}:
            del self.decimals_[name]
        X = self._features(frame, self.decimals_)
        gaps = [name for name in self.numbers_ if X[name].isna().mean() >= _SHARE_OF_GAPS]
        rarest = min(self.class_counts_) if self.task_ == "classification" else len(y)
        given = self.parameters or {}
        hold_out = len(y) >= HOLD_OUT_FROM and rarest > 1 and given.get("early_stopping", True)
        parameters = network_parameters(len(y), hold_out=hold_out, batch_size=given.get("batch_size")) | given
        network = (MLPClassifier if self.task_ == "classification" else MLPRegressor)(**parameters, verbose=verbose)
        steps = preprocessing(self.numbers_, self.categories_, gaps, len(y)), network
        with warnings.catch_warnings():
            if not hold_out:  # every epoch is meant to run
                warnings.simplefilter("ignore", ConvergenceWarning)
            self.pipeline_ = Pipeline(list(zip(("columns", "network"), steps, strict=True))).fit(X, y)
        network.verbose = False  # how much one fit said is no property of the model
        self.training_ = {
            "rows": len(y),
            "rows_without_target": n_rows - len(y),
            "epochs": int(network.n_iter_),
            "loss": getattr(network, "loss_", None),  # there is no loss if Ctrl-C ends the first epoch
            "held_out_score": _held_out_score(network),
            "seconds": time.perf_counter() - began,
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

    def _kept_in_target(self, column: Any) -> set[str]:
        """Return the marks that are classes of the target."""
        texts = texts_of(column)
        kept = marks_that_are_classes(self.target_, texts, self.missing, self.keep)
        values = texts[~Marks(self.missing).among(texts)]
        if self.task == "classification" or not len(values) or np.isnan(numbers_in(values)).any():
            return kept
        # Beside numbers, marks are missing values unless the numbers are classes.
        is_regression = self.task == "regression" or find_task(values)[0] == "regression"
        return set() if is_regression else kept

    def _find_decimals(self, frame: Any) -> dict[str, Evidence]:
        """Find how numbers are written in columns of texts; return the evidence in them."""
        written = self._written(frame, self.columns_)
        hint = "," if frame.attrs.get("separator") == ";" else None
        found = decimals_of(written, hint=hint)
        self.decimals_ = found if self._decimal is None else dict.fromkeys(found, self._decimal)
        return written

    def _written(self, frame: Any, names: Iterable[str]) -> dict[str, Evidence]:
        """Return, for the columns that are texts, the evidence of how their numbers are written."""
        columns = {name: frame[name] for name in names if frame[name].dtype.kind not in "biufmM"}
        return {name: evidence_in(self._some_texts(column), self.thousands) for name, column in columns.items()}

    def _some_texts(self, column: Any) -> Iterator[str]:
        """Yield a column's texts without missing ones, a block at a time, since few of a long column may be needed."""
        for start in range(0, len(column), _BLOCK):
            texts = self._texts(column.iloc[start : start + _BLOCK])
            yield from texts[texts != ""]

    @property
    def _decimal(self) -> str | None:
        """The decimal mark that the parameters give, if any."""
        if self.decimal is None and self.thousands in DECIMALS:
            return DECIMALS[1 - DECIMALS.index(self.thousands)]
        return self.decimal

    def _tell_notation(self, name: str, evidence: Evidence | None, texts: NDArray) -> None:
        if evidence is not None:  # columns that hold numbers as such have no evidence
            decimal = self.decimals_.get(name, self._decimal or ".")
            tell(name, evidence, texts, decimal, self.thousands, self._decimal is not None)

    def _learned_labels(self, labels: NDArray) -> NDArray:
        names, counts = np.unique(labels.astype(str), return_counts=True)
        self.classes_, self.class_counts_ = names.tolist(), counts.tolist()
        single = names[counts == 1].tolist()
        if single:
            log.info("too few to learn from: a single row of %s", shown(single))
        return labels.astype(str)

    def _learned_numbers(self, texts: NDArray) -> NDArray:
        y = self._target_numbers(texts, self.decimals_.get(self.target_, "."))
        self.mean_, self.scale_ = float(y.mean()), float(y.std())
        if not self.scale_:
            raise TableError(f"column {self.target_!r}, the target, is always {self.mean_:g}: nothing to learn")
        return (y - self.mean_) / self.scale_

    def _target_numbers(self, texts: NDArray, decimal: str) -> NDArray:
        y = numbers_in(texts, decimal, self.thousands)
        for bad, what in ((np.isnan(y), "not a number"), (abs(y) > _LARGEST, f"beyond {_LARGEST:g}")):
            if bad.any():
                raise TableError(f"column {self.target_!r}, the target: {texts[bad.argmax()]!r} is {what}")
        return y

    def _find_columns(self, frame: Any, written: dict[str, Evidence]) -> None:
        """Find what the columns are; say which are not used, and why."""
        self.numbers_: list[str] = []
        self.categories_: dict[str, list[str]] = {}
        self.marks_: dict[str, list[str]] = {}
        self.dropped_: dict[str, str] = {}
        for name in self.columns_:
            if name != self.target_:
                self._find_column(name, frame[name], written.get(name))
        log.debug("columns of numbers: %s", shown(self.numbers_, 100))
        for name, known in self.categories_.items():
            log.debug("column %r is categories: %s", name, shown(known))
        for name, why in self.dropped_.items():
            log.info("column %r is not used: %s", name, why)
        if not self.numbers_ and not self.categories_:
            raise TableError("no column is left to learn from")

    def _find_column(self, name: str, column: Any, evidence: Evidence | None) -> None:
        if is_numeric(column):
            numbers = self._typed_numbers(column)
            values = numbers = numbers[~np.isnan(numbers)]
        else:
            values = self._texts(column)
            values = values[values != ""]
            numbers = numbers_in(values, self.decimals_.get(name, self._decimal or "."), self.thousands)
        n_distinct = import_pandas().Series(values).nunique()
        marks = marks_among(values, numbers) if len(values) else None
        if not len(values):
            self.dropped_[name] = "missing in all rows"
        elif n_distinct == 1 and len(values) == len(column):
            self.dropped_[name] = f"always {texts_of(values)[0]!r}"
        elif len(self.columns_) > 2 and are_identifiers(name, numbers):
            self.dropped_[name] = "numbers of the rows, by its name and values"
        elif marks is not None:
            self.numbers_.append(name)
            self._tell_notation(name, evidence, values)
            if marks:
                self.marks_[name] = marks
                log.info("column %r is numbers; read as missing there: %s", name, shown(marks))
        elif n_distinct > max(_SHARE_OF_DISTINCT_TEXTS * len(values), 2):
            self.dropped_[name] = f"text that differs in {n_distinct:,} of {counted(len(values))}"
        else:
            texts = self._texts(column, self.keep)
            texts = texts if self.exact else in_one_spelling(name, texts)
            self.categories_[name] = frequent_categories(texts)

    # ---- a table's values --------------------------------------------------------------------------------------------

    def _texts(self, column: Any, keep: Iterable[str] = ()) -> NDArray:
        """Return a column's texts, "" for what is missing."""
        texts = texts_of(column)
        texts[Marks(self.missing, keep).among(texts)] = ""
        return texts

    def _typed_numbers(self, column: Any) -> NDArray:
        """Return the numbers of a column that holds numbers, NaN for what is missing."""
        numbers = import_pandas().to_numeric(column).to_numpy(np.float64, na_value=np.nan)
        return Marks(self.missing).cleared(numbers, column.dtype)

    def _with_target(self, frame: Any, otherwise: str, keep: Iterable[str]) -> tuple[Any, NDArray]:
        """Return the rows that have the target, and its texts; say what becomes of the others."""
        before = texts_of(frame[self.target_])
        texts = self._texts(frame[self.target_], keep)
        there = texts != ""
        marks = Counter(before[~there])
        if marks:
            met = ", ".join(f"{mark!r} in {n:,}" if mark else f"nothing in {n:,}" for mark, n in marks.most_common(5))
            own = [mark for mark in marks if mark in MISSING and mark]
            hint = f" (--keep {own[0]} makes a class of {own[0]!r})" if own and otherwise == "dropped" else ""
            said = f"{counted(sum(marks.values()))} without target {otherwise}: {met}{hint}"
        if not there.any():
            raise TableError(f"column {self.target_!r}, the target, is missing in all rows: {met}{hint}")
        if marks:
            log.info("%s", said)
        return frame[there], texts[there]

    def _numbers(self, name: str, column: Any, decimal: str) -> NDArray:
        """Return a column's numbers, NaN for what is missing."""
        if is_numeric(column):
            numbers = self._typed_numbers(column)
        else:
            texts = self._texts(column)
            numbers = numbers_in(texts, decimal, self.thousands)
            odd = np.isnan(numbers) & (texts != "")
            marks = set(self.marks_.get(name, ()))
            odd[odd] = [text not in marks for text in texts[odd]]
            if odd.any():
                marks |= set(matches(texts[odd], list(marks)))
                odd[odd] = [text not in marks for text in texts[odd]]
            if odd.any():
                row = int(odd.argmax())
                raise TableError(
                    f"column {name!r}: {texts[row]!r} in row {row + 1} is not a number, as those in training were"
                )
            numbers = Marks(self.missing).cleared(numbers)
        return np.where(abs(numbers) <= _LARGEST, numbers, np.nan)

    def _features(self, frame: Any, decimals: dict[str, str]) -> Any:
        """Return the frame that the pipeline takes: columns of numbers as float64, and of categories as texts."""
        default = self._decimal or "."
        features = {name: self._numbers(name, frame[name], decimals.get(name, default)) for name in self.numbers_}
        for name, known in self.categories_.items():
            texts = self._texts(frame[name], self.keep)
            if not self.exact:
                others = matches(import_pandas().unique(texts), [text for text in known if text and text != RARE])
                texts = np.array([others.get(text, text) for text in texts], object) if others else texts
            texts = import_pandas().Series(texts, dtype=object)
            new = texts[~texts.isin(known)]
            if len(new) and RARE not in known:
                log.info(
                    "column %r: training did not see what %s have: %s",
                    name,
                    counted(len(new)),
                    shown(sorted(new.unique()), 5),
                )
            features[name] = texts.where(texts.isin(known), RARE).to_numpy(object)
        return import_pandas().DataFrame(features)

    def _inputs(self, frame: Any) -> Any:
        """Return the frame that the pipeline takes, of a table to predict for."""
        return self._features(frame, self._decimals(frame, self.numbers_))

    def _decimals(self, frame: Any, names: list[str]) -> dict[str, str]:
        """Return the decimal marks of a table to predict for: those of training, unless its numbers ask for others."""
        if self._decimal is not None:
            return dict.fromkeys(names, self._decimal)
        everywhere = [name for name in dict.fromkeys([*self.numbers_, *names]) if name in frame]
        usual = Counter(self.decimals_.values()).most_common(1)
        hint = usual[0][0] if usual else "," if frame.attrs.get("separator") == ";" else None
        found = decimals_of(self._written(frame, everywhere), known=self.decimals_, hint=hint)
        for name in names:
            if name in found and found[name] != self.decimals_.get(name, found[name]):
                log.info("column %r: numbers have the decimal mark %r, unlike in training", name, found[name])
        return found

    def _matched(self, frame: Any, has_header: bool, what: str) -> Any:
        """Return a table with the columns named as in training, where they have to be found by their order."""
        frame = as_frame(frame, what)
        if self.header and has_header:
            needed = [*self.numbers_, *self.categories_]
            frame = self._renamed(frame, [*needed, self.target_])
            missing = [name for name in needed if name not in frame]
            if missing:
                raise TableError(f"columns are missing: {shown(missing, 20)}")
            return frame
        without = [name for name in self.columns_ if name != self.target_]
        for names in (self.columns_, without):
            if frame.shape[1] == len(names):
                return frame.set_axis(names, axis=1)
        raise TableError(
            f"{frame.shape[1]} columns; {len(self.columns_)} are needed as in training, or {len(without)} without the"
            " target"
        )

    def _renamed(self, frame: Any, names: list[str]) -> Any:
        """Return a table in which columns have the names of training that only look different from theirs."""
        absent = [name for name in names if name not in frame]
        if not absent or self.exact:
            return frame
        alike = matches([name for name in frame if name not in self.columns_], absent)
        once = {other: name for other, name in alike.items() if list(alike.values()).count(name) == 1}
        if once:
            log.info("columns: %s", ", ".join(f"{other!r} is taken for {name!r}" for other, name in once.items()))
        return frame.rename(columns=once)

    # ---- predicting --------------------------------------------------------------------------------------------------

    def predict(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the target of each row: texts of labels, or numbers in the target's units.

        Parameters
        ----------
        frame : pandas.DataFrame
            The table; it has the columns of training in any order, with the target or without it.
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
        y = self.pipeline_.predict(self._inputs(self._matched(frame, has_header, "predict")))
        return y.astype(str) if self.task_ == "classification" else y * self.scale_ + self.mean_

    def predict_proba(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the probabilities of the classes in the order of ``classes_``, for the tables that predict takes.

        Raises
        ------
        TableError
            When the model is one of regression, and whenever predict raises it.
        """
        check_is_fitted(self)
        if self.task_ != "classification":
            raise TableError("there are no probabilities in regression")
        return self.pipeline_.predict_proba(self._inputs(self._matched(frame, has_header, "predict_proba")))

    def evaluate(self, frame: Any, *, has_header: bool = True) -> dict[str, float | int | None]:
        """Return figures of how good predictions are, and what the best constant prediction would reach.

        Classification: accuracy, balanced accuracy, log loss, macro-averaged F1, for two classes the area under the ROC
        curve, and the accuracy of always answering with the most frequent class of training. Regression: R2, mean
        absolute error, root of the mean squared error, and the latter two of always answering with training's mean.
        A figure that these rows do not determine is None.

        Raises
        ------
        TableError
            When the target is missing or has labels that training did not see, and whenever predict raises it.
        """
        check_is_fitted(self)
        frame = self._matched(frame, has_header, "evaluate")
        if self.target_ not in frame:
            raise TableError(f"column {self.target_!r}, the target, is missing")
        keep = {*self.keep, *MISSING.intersection(self.classes_)} if self.task_ == "classification" else set()
        frame, texts = self._with_target(frame, "left out", keep)
        measure = self._measure_labels if self.task_ == "classification" else self._measure_numbers
        return {"rows": len(texts)} | measure(frame, texts)

    def _measure_labels(self, frame: Any, texts: NDArray) -> dict[str, float | int | None]:
        decimal = self.decimals_.get(self.target_, ".")
        y = known_labels(self.target_, texts, self.classes_, decimal, self.exact).astype(str)
        probabilities = self.pipeline_.predict_proba(self._inputs(frame))
        return scores_of_classes(y, probabilities, self.classes_, self.classes_[int(np.argmax(self.class_counts_))])

    def _measure_numbers(self, frame: Any, texts: NDArray) -> dict[str, float | int | None]:
        y = self._target_numbers(texts, self._decimals(frame, [self.target_]).get(self.target_, "."))
        predicted = self.pipeline_.predict(self._inputs(frame)) * self.scale_ + self.mean_
        return scores_of_numbers(y, predicted, self.mean_)

    def describe(self) -> dict[str, Any]:
        """Return what the model is, in plain types: task, columns, network, figures of the training."""
        check_is_fitted(self)
        network = self.pipeline_["network"]
        arrays = [*network.coefs_, *network.intercepts_]
        if self.task_ == "classification":
            learned: dict[str, Any] = {"classes": dict(zip(self.classes_, self.class_counts_, strict=True))}
        else:
            learned = {"target_mean": self.mean_, "target_scale": self.scale_}
        return {
            "task": self.task_,
            "target": self.target_,
            **learned,
            "header": self.header,
            "missing": list(map(str, self.missing)),
            "keep": list(self.keep),
            "decimals": self.decimals_,
            "numbers": self.numbers_,
            "categories": list(self.categories_),
            "dropped": self.dropped_,
            "layers": [network.coefs_[0].shape[0], *(len(biases) for biases in network.intercepts_)],
            "activation": str(network.activation),
            "n_parameters": sum(array.size for array in arrays),
            "training": self.training_,
        }
