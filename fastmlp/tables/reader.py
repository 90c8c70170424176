"""What a TableModel knows of how its table is written, by which it makes a typed frame of any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import StrOptions

from fastmlp.estimators.base import Estimator
from fastmlp.exceptions import UnusedColumnsWarning, counted, warn_user
from fastmlp.tables.columns import are_identifiers, marks_among
from fastmlp.tables.conventions import decimals_of, tell
from fastmlp.tables.dates import dates_in, typed_dates
from fastmlp.tables.frames import TableError, as_frame, import_pandas, log, shown
from fastmlp.tables.labels import in_one_spelling
from fastmlp.tables.missing import MISSING, Marks, are_marks
from fastmlp.tables.notation import DECIMALS, THOUSANDS, Evidence, evidence_in, numbers_in
from fastmlp.tables.values import is_numeric, matches, texts_of

#: Numbers of larger size stand for "nothing".
LARGEST = 1e38
_IDENTIFIERS = "numbers of the rows, by its name and values"
_BLOCK = 10_000  # so many rows are turned into texts at a time


class TableReader(Estimator):
    """The base of TableModel: it finds how a table is written, and reads others as that one was read.

    A typed frame has a column of float64 for numbers, one of datetime64 for dates, and for all else one of texts, with
    None for what is missing.

    Attributes
    ----------
    columns_ : list of str
        All columns, in their order.
    target_ : str
        The column that is learned.
    kinds_ : dict of str to str
        What each column of typed frames is: "numbers", "dates" or "texts".
    marks_ : dict of str to list of str
        For columns of numbers, the texts that mean a missing value there.
    decimals_ : dict of str to str
        For columns of numbers that are texts, and for the target if it is one, the mark before the decimals.
    dropped_ : dict of str to str
        For each column that is not used, the reason.
    """

    _parameter_constraints: ClassVar[dict] = {
        "missing": ["array-like"],
        "keep": ["array-like"],
        "decimal": [StrOptions(set(DECIMALS)), None],
        "thousands": [StrOptions(set(THOUSANDS)), None],
        "exact": ["boolean"],
        "header": ["boolean"],
    }

    # What the parameters, which a subclass names, are.
    missing: Iterable[Any]
    keep: Iterable[str]
    decimal: str | None
    thousands: str | None
    exact: bool
    header: bool

    columns_: list[str]
    target_: str
    kinds_: dict[str, str]
    marks_: dict[str, list[str]]
    decimals_: dict[str, str]
    dropped_: dict[str, str]

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

    # ---- how a table is written --------------------------------------------------------------------------------------

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
            texts = self._marked(texts_of(column.iloc[start : start + _BLOCK]))
            yield from texts[texts != ""]

    @property
    def _decimal(self) -> str | None:
        """The decimal mark that the parameters give, if any."""
        if self.decimal is None and self.thousands in DECIMALS:
            return DECIMALS[1 - DECIMALS.index(self.thousands)]
        return self.decimal

    def _decimal_of(self, name: str) -> str:
        """Return the decimal mark of a column as training knows it."""
        return self.decimals_.get(name, self._decimal or ".")

    def _tell_notation(self, name: str, evidence: Evidence | None, texts: NDArray) -> None:
        if evidence is not None:  # columns that hold numbers as such have no evidence
            tell(name, evidence, texts, self._decimal_of(name), self.thousands, self._decimal is not None)

    # ---- the columns of the table to learn from ----------------------------------------------------------------------

    def _learn_columns(self, frame: Any, written: dict[str, Evidence]) -> Any:
        """Find what the columns beside the target are, and return the typed frame of them.

        Each column is converted once, since what it is shows in what conversion makes of it.
        """
        self.kinds_, self.marks_, self.dropped_ = {}, {}, {}
        typed = {}
        for name in self.columns_:
            if name == self.target_:
                continue
            kind, values = self._learned_column(name, frame[name], written.get(name))
            if kind is None:
                self.dropped_[name] = _IDENTIFIERS
            else:
                self.kinds_[name], typed[name] = kind, values
        if self.dropped_:
            warn_user(f"not used, since they are {_IDENTIFIERS}: {shown(self.dropped_)}", UnusedColumnsWarning)
        for name in self.decimals_.keys() - {self.target_, *self._of_kind("numbers")}:
            del self.decimals_[name]
        return import_pandas().DataFrame(typed)

    def _learned_column(self, name: str, column: Any, evidence: Evidence | None) -> tuple[str | None, NDArray]:
        """Return what a column is, None for one that numbers the rows, and its values as a typed frame has them."""
        if column.dtype.kind == "M":
            return "dates", self._typed_dates(column)
        if is_numeric(column):
            numbers = self._typed_numbers(column)
            kind = self._unless_identifiers(name, numbers[~np.isnan(numbers)])
            return kind, numbers if kind is None else self._learned_numbers(name, column, numbers)
        before = texts_of(column)
        texts = self._marked(before)
        there = texts != ""
        values = texts[there]
        # Dates come first, since it takes long to find that a text is no number.
        if len(values) and not np.isnat(dates_in(values[:1])).any():
            dates = dates_in(texts)
            if not np.isnat(dates[there]).any():
                return "dates", dates
        found = numbers_in(values, self._decimal_of(name), self.thousands)
        marks = marks_among(values, found) if len(values) else None
        if marks is not None:
            kind = self._unless_identifiers(name, found)
            if kind is not None:
                self._tell_notation(name, evidence, values)
            if marks:
                self.marks_[name] = marks
                log.info("column %r is numbers; read as missing there: %s", name, shown(marks))
            numbers = np.full(len(texts), np.nan)
            numbers[there] = found
            numbers = Marks(self.missing).cleared(numbers)
            return kind, numbers if kind is None else self._learned_numbers(name, column, numbers)
        texts = self._marked(before, self.keep) if list(self.keep) else texts
        return "texts", _with_none(texts if self.exact else in_one_spelling(name, texts))

    def _learned_numbers(self, name: str, column: Any, numbers: NDArray) -> NDArray:
        """Return the numbers of a column to learn from, without those that stand for nothing, which are said."""
        _refuse_infinite(name, column, numbers, "; --missing {} reads it as missing")
        beyond = abs(numbers) > LARGEST
        if beyond.any():
            log.info(
                "column %r: beyond %g, and read as missing: %s", name, LARGEST, shown(column[beyond].unique().tolist())
            )
        return _within(numbers)

    def _unless_identifiers(self, name: str, numbers: NDArray) -> str | None:
        are_others = len(self.columns_) <= 2 or not len(numbers) or not are_identifiers(name, numbers)
        return "numbers" if are_others else None

    def _of_kind(self, kind: str) -> list[str]:
        return [name for name, its in self.kinds_.items() if its == kind and name not in self.dropped_]

    # ---- a table's values --------------------------------------------------------------------------------------------

    def _marked(self, texts: NDArray, keep: Iterable[str] = ()) -> NDArray:
        """Return texts with "" in place of those that mean a missing value."""
        texts = texts.copy()
        texts[Marks(self.missing, keep).among(texts)] = ""
        return texts

    def _typed_numbers(self, column: Any) -> NDArray:
        """Return the numbers of a column that holds numbers, NaN for what is missing."""
        numbers = import_pandas().to_numeric(column).to_numpy(np.float64, na_value=np.nan)
        return Marks(self.missing).cleared(numbers, column.dtype)

    def _typed_dates(self, column: Any) -> NDArray:
        """Return the dates of a column that holds dates, NaT for what is missing."""
        dates = typed_dates(column)
        if list(self.missing):
            dates = np.where(self._marked(texts_of(column)) == "", np.datetime64("NaT"), dates)
        return dates

    def _with_target(self, frame: Any, before: NDArray, otherwise: str, keep: Iterable[str]) -> tuple[Any, NDArray]:
        """Return the rows that have the target, and its texts; say what becomes of the others.

        Parameters
        ----------
        frame : pandas.DataFrame
        before : ndarray of str
            The target's texts, those that mean a missing value among them.
        otherwise : str
            What becomes of rows without a target, for the message.
        keep : iterable of str
            The marks that are labels.
        """
        texts = self._marked(before, keep)
        there = texts != ""
        if there.all():
            return frame, texts
        marks = Counter(before[~there])
        met = ", ".join(f"{mark!r} in {n:,}" if mark else f"nothing in {n:,}" for mark, n in marks.most_common(5))
        own = [mark for mark in marks if mark in MISSING and mark]
        hint = f" (--keep {own[0]} makes a class of {own[0]!r})" if own and otherwise == "dropped" else ""
        if not there.any():
            raise TableError(f"column {self.target_!r}, the target, is missing in all rows: {met}{hint}")
        log.info("%s without target %s: %s%s", counted(sum(marks.values())), otherwise, met, hint)
        return frame[there], texts[there]

    def _target_numbers(self, texts: NDArray, decimal: str) -> NDArray:
        y = numbers_in(texts, decimal, self.thousands)
        for bad, what in ((np.isnan(y), "not a number"), (abs(y) > LARGEST, f"beyond {LARGEST:g}")):
            if bad.any():
                raise TableError(f"column {self.target_!r}, the target: {texts[bad.argmax()]!r} is {what}")
        return y

    # ---- other tables ------------------------------------------------------------------------------------------------

    def _matched(self, frame: Any, has_header: bool, what: str) -> Any:
        """Return a table with the columns named as in training, where they have to be found by their order."""
        frame = as_frame(frame, what)
        if self.header and has_header:
            needed = [name for name in self.kinds_ if name not in self.dropped_]
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
            f"{counted(frame.shape[1], 'column')}; {len(self.columns_)} are needed as in training, or {len(without)}"
            " without the target"
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

    def _decimals(self, frame: Any, names: list[str]) -> dict[str, str]:
        """Return the decimal marks of a table to predict for: those of training, unless its numbers ask for others."""
        if self._decimal is not None:
            return dict.fromkeys(names, self._decimal)
        everywhere = [name for name in dict.fromkeys([*self._of_kind("numbers"), *names]) if name in frame]
        usual = Counter(self.decimals_.values()).most_common(1)
        hint = usual[0][0] if usual else "," if frame.attrs.get("separator") == ";" else None
        found = decimals_of(self._written(frame, everywhere), known=self.decimals_, hint=hint)
        for name in names:
            if name in found and found[name] != self.decimals_.get(name, found[name]):
                log.info("column %r: numbers have the decimal mark %r, unlike in training", name, found[name])
        return found

    def _typed(self, frame: Any, known: Mapping[str, list[str]]) -> Any:
        """Return the typed frame of a table with the columns of training, without any value in those that are dropped.

        Parameters
        ----------
        frame : pandas.DataFrame
            What ``_matched`` returns.
        known : mapping of str to list of str
            For columns of texts, those that training knows, to which others may be equal but for their spelling.
        """
        decimals = self._decimals(frame, self._of_kind("numbers"))
        typed = {}
        for name, kind in self.kinds_.items():
            if name in self.dropped_:
                typed[name] = np.full(len(frame), np.nan)
            elif kind == "numbers":
                typed[name] = self._numbers(name, frame[name], decimals.get(name, self._decimal or "."))
            elif kind == "dates":
                typed[name] = self._dates(name, frame[name])
            else:
                typed[name] = self._known_texts(frame[name], known.get(name, []))
        return import_pandas().DataFrame(typed)

    def _numbers(self, name: str, column: Any, decimal: str) -> NDArray:
        """Return a column's numbers, NaN for what is missing."""
        if is_numeric(column):
            numbers = self._typed_numbers(column)
            _refuse_infinite(name, column, numbers)
            return _within(numbers)
        texts = self._marked(texts_of(column))
        numbers = numbers_in(texts, decimal, self.thousands)
        odd = np.isnan(numbers) & (texts != "")
        marks = set(self.marks_.get(name, ()))
        odd[odd] = [text not in marks for text in texts[odd]]
        if odd.any():
            marks |= set(matches(texts[odd], list(marks)))
            odd[odd] = [text not in marks for text in texts[odd]]
        _refuse_any(odd, name, column, texts, "number")
        numbers = Marks(self.missing).cleared(numbers)
        _refuse_infinite(name, column, numbers)
        return _within(numbers)

    def _dates(self, name: str, column: Any) -> NDArray:
        """Return a column's dates, NaT for what is missing."""
        if column.dtype.kind == "M":
            return self._typed_dates(column)
        texts = self._marked(texts_of(column))
        dates = dates_in(texts)
        _refuse_any(np.isnat(dates) & (texts != ""), name, column, texts, "date")
        return dates

    def _known_texts(self, column: Any, known: list[str]) -> NDArray:
        """Return a column's texts as training spelled them, None for what is missing."""
        texts = self._marked(texts_of(column), self.keep)
        others = {} if self.exact else matches(import_pandas().unique(texts), known)
        return _with_none(np.array([others.get(text, text) for text in texts], object) if others else texts)


def _within(numbers: NDArray) -> NDArray:
    """Return numbers with NaN in place of those that are too large to be any."""
    return np.where(abs(numbers) <= LARGEST, numbers, np.nan)


def _with_none(texts: NDArray) -> NDArray:
    """Return texts with None in place of empty ones."""
    texts = texts.copy()
    texts[texts == ""] = None
    return texts


def _refuse_any(odd: NDArray, name: str, column: Any, texts: NDArray, what: str) -> None:
    if odd.any():
        at = int(odd.argmax())
        row = column.index[at] + 1  # of all rows of the table, those without a target among them
        raise TableError(f"column {name!r}: {texts[at]!r} in row {row} is not a {what}, as those in training were")


def _refuse_infinite(name: str, column: Any, numbers: NDArray, hint: str = "") -> None:
    infinite = np.isinf(numbers)
    if infinite.any():
        at = int(infinite.argmax())
        row, given = column.index[at] + 1, str(column.iloc[at]).strip()
        raise TableError(
            f"column {name!r}: {given!r} in row {row} is infinite, or too large for a number{hint.format(given)}"
        )
