"""TableColumns: the columns of any table as numbers and categories."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_feature_names, _get_feature_names, check_is_fitted

from fastmlp.components import Component
from fastmlp.exceptions import UnknownCategoriesWarning, UnusedColumnsWarning, counted, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import are_texts, is_count, require
from fastmlp.tabular.choice import chosen_columns
from fastmlp.tabular.learned import (
    Categories,
    Dates,
    LearnedColumn,
    Numbers,
    Spans,
    Unknown,
    Unusable,
    infinity,
)
from fastmlp.tabular.reading import Table, open_table
from fastmlp.tabular.values import Values

#: The columns that a repr shows, and the letters of their names.
_SHOWN, _LONGEST_NAME = 100, 40


@dataclass(frozen=True)
class TypedTable:
    """A table as numbers and codes of categories.

    An estimator predicts for it as for the table that it was made of.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        float64, row after row in memory; NaN is a missing number.
    categories : ndarray of shape (n_samples, n_categories)
        int32; 0 is a missing or unknown category, k is the k-th known one.
    """

    numbers: NDArray[np.float64]
    categories: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)


@stored_as("tabular.TableColumns")
class TableColumns(Component):
    """The transformer makes numbers and categories of the columns of a table, whatever types they have.

    ==========================================  =====================================================================
    column                                      what comes of it
    ==========================================  =====================================================================
    integers, floats, decimals                  a number
    truth values                                a number, 0 or 1
    texts, pandas' and polars' categories,      a category. The order of ordered categories is not used.
    Arrow's dictionaries
    dates, with and without time                numbers: ``year``, ``month``, ``day``, ``weekday``, ``hour``, days
                                                ``elapsed``, and sine and cosine of month, weekday and hour; those of
                                                them that differ in training
    spans of time, times of day                 a number, in seconds
    Python objects                              what they are, if all are of one of these kinds; else a category of
                                                their texts
    lists, bytes, constants, texts of which     nothing; one warning names all such columns
    hardly any comes twice
    ==========================================  =====================================================================

    None, NaN, NaT, pandas.NA and nulls are missing values. Tables are those of pandas, polars, pyarrow and whatever
    narwhals knows, arrays, and lists of rows.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Which columns are categories beside texts, which always are: those whose type says so, none, or those named by
        a mask, by their places or by their names. Of numbers, each different value is a category.
    max_categories : int, default=1000
        The number of categories that a column may have; they are the most frequent ones. Values that training sees in
        a single row, and those beyond this number, count as missing, in training as well.

    Attributes
    ----------
    columns_ : list of LearnedColumn or None
        What training keeps of each column of the table; None for one that is not used.
    names_ : list of str
        The columns' names, or "x0", "x1", ... where they have none.
    unused_ : dict of str to str
        The columns that are not used, and why. The warning of them has examples of their values, which are not kept.
    number_names_, category_names_ : list of str
        The names of the columns of ``numbers`` and of ``categories``.
    number_sources_, category_sources_ : list of int
        From which column of the table each of them comes.
    n_categories_ : list of int
        How many known categories each column of ``categories`` has.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        As objects; only if the columns' names are texts.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tabular import TableColumns
    >>> X = pd.DataFrame({"n": [1, 2, None, 2], "city": ["Ulm", None, "Bonn", "Ulm"], "day": pd.to_datetime(
    ...     ["2024-01-31", "2024-03-01", "2024-03-02", None])})
    >>> columns = TableColumns().fit(X)
    >>> columns.number_names_[:4], columns.category_names_
    (['n', 'day.month', 'day.day', 'day.weekday'], ['city'])
    >>> columns
    TableColumns() of 3 columns
      n     number
      city  category, 1 known; 1 other counts as missing
      day   date: month, day, weekday, elapsed, month_sin, month_cos, weekday_sin, weekday_cos
    >>> table = columns.transform(X[:2])
    >>> table.numbers[:, :4].tolist(), table.categories.tolist()
    ([[1.0, 1.0, 31.0, 2.0], [2.0, 3.0, 1.0, 4.0]], [[1], [0]])
    """

    _parameter_constraints: ClassVar[dict] = {"max_categories": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, categorical_features: Any = "from_dtype", max_categories: int = 1000) -> None:
        self.categorical_features = categorical_features
        self.max_categories = max_categories

    def fit(self, X: Any, *, estimator: Any = None) -> Self:
        """Learn what the columns of a table are.

        Parameters
        ----------
        X : frame of any library, or array-like of shape (n_samples, n_features)
        estimator : estimator, optional
            Whose X it is: it gets ``n_features_in_`` and ``feature_names_in_``, too, and messages name it.

        Returns
        -------
        self : TableColumns

        Raises
        ------
        ValueError
            When no column can be used, when a number is infinite, when two columns have the same name, and when
            ``categorical_features`` does not fit the table.
        """
        self._learn(X, estimator)
        return self

    def fit_transform(self, X: Any, *, estimator: Any = None) -> TypedTable:
        """Learn what the columns of a table are, and return it as numbers and categories; it is read once for both.

        Parameters
        ----------
        X, estimator
            As :meth:`fit` takes them.

        Returns
        -------
        table : TypedTable
        """
        values = self._learn(X, estimator)
        return self._typed(values, len(next(each for each in values if each is not None).data))

    def transform(self, X: Any, *, estimator: Any = None) -> TypedTable:
        """Return a table as numbers and categories.

        Parameters
        ----------
        X : frame of any library, or array-like of shape (n_samples, n_features)
            It need not be of the same library as in training.
        estimator : estimator, optional
            As in :meth:`fit`.

        Returns
        -------
        table : TypedTable

        Raises
        ------
        ValueError
            When columns are not those of training, when the values of one are of another kind than in training
            (texts in place of numbers, for instance), and when a number is infinite.
        """
        check_is_fitted(self, "columns_")
        owner = self if estimator is None else estimator
        table = open_table(X, type(owner).__name__)
        self._check_columns(table, owner)
        if (block := self._block(table)) is not None:
            return block
        if (row := table.single_row()) is not None:
            return self._typed_row(row)
        values = [None if column is None else _values(table, i, column) for i, column in enumerate(self.columns_)]
        return self._typed(values, table.n_rows)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "columns_")

    def __repr__(self, N_CHAR_MAX: int = 0) -> str:
        """Return the parameters and, once fitted, a line for each column: what it is read as, or why it is not used."""
        parameters = super().__repr__(N_CHAR_MAX)
        if not self.__sklearn_is_fitted__():
            return parameters
        names = [" ".join(name.split()) for name in self.names_[:_SHOWN]]
        names = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..." for name in names]
        width = max(map(len, names))
        described = (
            f"not used: {self.unused_.get(name, '')}" if column is None else column.described()
            for name, column in zip(self.names_, self.columns_, strict=True)
        )
        lines = [f"  {name:{width}}  {what}" for name, what in zip(names, described, strict=False)]
        more = [f"  ... and {len(self.names_) - _SHOWN} more"] * (len(self.names_) > _SHOWN)
        return "\n".join([f"{parameters} of {counted(len(self.names_), 'column')}", *lines, *more])

    def _outputs(self, is_category: bool) -> list[tuple[int, str]]:
        """Return the columns of numbers or of categories: the place of the table's column, and the own name of each."""
        return [
            (i, name)
            for i, column in enumerate(self.columns_)
            if column is not None and column.is_category == is_category
            for name in column.output_names()
        ]

    @property
    def number_names_(self) -> list[str]:
        """The names of the columns of numbers."""
        return [name for _, name in self._outputs(is_category=False)]

    @property
    def category_names_(self) -> list[str]:
        """The names of the columns of categories."""
        return [name for _, name in self._outputs(is_category=True)]

    @property
    def number_sources_(self) -> list[int]:
        """The place of the table's column that each column of numbers comes from."""
        return [i for i, _ in self._outputs(is_category=False)]

    @property
    def category_sources_(self) -> list[int]:
        """The place of the table's column that each column of categories comes from."""
        return [i for i, _ in self._outputs(is_category=True)]

    @property
    def n_categories_(self) -> list[int]:
        """How many known categories each column of categories has."""
        return [len(column.categories) for column in self.columns_ if isinstance(column, Categories)]

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set, and parameters that it refuses; a file may say anything.

        Raises
        ------
        ValueError
            It says what is wrong.
        """
        super().check_state()
        if not hasattr(self, "columns_"):
            return
        columns, names, unused = (vars(self).get(name) for name in ("columns_", "names_", "unused_"))
        # The columns have been checked by themselves: parts of a model are checked before the whole.
        sound = type(columns) is list and all(isinstance(each, LearnedColumn | None) for each in columns)
        require(sound and any(each is not None for each in columns or []), "columns_ of TableColumns is wrong")
        n = len(columns or [])
        require(are_texts(names) and len(names or []) == n, "names_ of TableColumns does not fit its columns")
        is_dict = type(unused) is dict and are_texts(list(unused)) and are_texts(list(unused.values()))
        of_unused = [name for name, each in zip(names or [], columns or [], strict=True) if each is None]
        require(is_dict and list(unused or {}) == of_unused, "unused_ of TableColumns does not fit its columns")
        count = vars(self).get("n_features_in_")
        require(is_count(count) and count == n, "n_features_in_ of TableColumns does not fit its columns", count)
        texts = vars(self).get("feature_names_in_")
        if texts is not None:
            is_array = type(texts) is np.ndarray and texts.dtype == object and texts.tolist() == names
            require(is_array, "feature_names_in_ of TableColumns does not fit its columns")

    # ---- training ----------------------------------------------------------------------------------------------------

    def _learn(self, X: Any, estimator: Any) -> list[Values | None]:
        """Learn the columns; return the values of those that are used."""
        self.validate()
        owner = self if estimator is None else estimator
        table = open_table(X, type(owner).__name__)
        texts = _get_feature_names(table.native) if table.labels is not None else None  # refuses names of several types
        chosen = chosen_columns(self.categorical_features, table.labels, table.n_columns)
        names = table.names
        columns: list[LearnedColumn | None] = []
        values: list[Values | None] = []
        unused: dict[str, str] = {}
        said: dict[str, str] = {}
        for i, name in enumerate(names):
            read = table.typed_values(i)
            is_category = read.is_categorical if chosen is None else i in chosen
            try:
                columns.append(self._learned(name, read, is_category))
                values.append(read)
            except Unusable as reason:
                unused[name] = str(reason)
                said[name] = f"{reason}{'' if reason.example is None else f' (such as {reason.example!r:.40})'}"
                columns.append(None)
                values.append(None)
        if len(unused) == len(names):
            why = "; ".join(f"{name!r}: {reason}" for name, reason in list(said.items())[:5])
            single = ", and a single row (n_samples=1)" * (table.n_rows == 1)
            raise ValueError(f"X has no column to learn from{single}: {why}{' ...' * (len(unused) > 5)}.")
        for holder in (self, owner):
            holder.n_features_in_ = table.n_columns
            if texts is not None:
                holder.feature_names_in_ = texts
            elif hasattr(holder, "feature_names_in_"):
                del holder.feature_names_in_
        self.columns_, self.names_, self.unused_ = columns, names, unused
        if unused:
            listed = "; ".join(f"{name!r}: {reason}" for name, reason in list(said.items())[:10])
            more = f"; and {len(unused) - 10} more" * (len(unused) > 10)
            of = counted(len(names), "column")
            warn_user(f"{len(unused)} of {of} cannot be used: {listed}{more}.", UnusedColumnsWarning)
        return values

    def _learned(self, name: str, values: Values, is_category: bool) -> LearnedColumn:
        if values.kind == "unusable":
            raise Unusable(values.reason)
        if values.missing().all():
            raise Unusable("its values are all missing")
        if is_category or values.kind == "texts":
            return Categories.learn(name, values, self.max_categories)
        kinds: dict[str, type[LearnedColumn]] = {"numbers": Numbers, "dates": Dates, "spans": Spans}
        return kinds[values.kind].learn(name, values)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _check_columns(self, table: Table, owner: Any) -> None:
        """Refuse a table whose columns are not those of training, with scikit-learn's messages."""
        named = hasattr(self, "feature_names_in_")
        # scikit-learn's way takes a third of a row's time, so it is taken only where something may be wrong.
        if table.labels != (self.names_ if named else None):
            has_names = table.labels is not None and _get_feature_names(table.native) is not None
            if has_names == named:
                _check_feature_names(owner, table.native, reset=False)
            else:  # scikit-learn's own warning of it points at scikit-learn
                of = type(owner).__name__
                warn_user(
                    f"X has feature names, but {of} was fitted without feature names"
                    if has_names
                    else f"X does not have valid feature names, but {of} was fitted with feature names"
                )
        # scikit-learn looks at names that are texts alone.
        if not named and table.names != self.names_ and sorted(table.names) == sorted(self.names_):
            listed = ", ".join(self.names_[:10]) + " ..." * (len(self.names_) > 10)
            raise ValueError(f"The columns of X must be in the order that they had in training: {listed}.")
        if table.n_columns != self.n_features_in_:
            raise ValueError(
                f"X has {table.n_columns} features, but {type(owner).__name__} is expecting {self.n_features_in_}"
                " features as input."
            )

    def _block(self, table: Table) -> TypedTable | None:
        """Return a whole array of numbers at once, where each column of training is a number or is not used."""
        array = table.numeric_block()
        if array is None or not all(column is None or type(column) is Numbers for column in self.columns_):
            return None
        sources = self.number_sources_
        numbers = array if len(sources) == array.shape[1] else array[:, sources]
        numbers = np.array(numbers, np.float64, order="C")
        infinite = np.isinf(numbers)
        if infinite.any():
            row, column = np.argwhere(infinite)[0].tolist()
            raise infinity(self.number_names_[column], row)
        return TypedTable(numbers, np.zeros((len(numbers), 0), np.int32))

    def _typed(self, values: list[Values | None], n_rows: int) -> TypedTable:
        numbers = np.empty((n_rows, len(self._outputs(is_category=False))))
        categories = np.empty((n_rows, len(self._outputs(is_category=True))), np.int32)
        unknown, at = Unknown(), [0, 0]
        for learned, read in zip(self.columns_, values, strict=True):
            if learned is None or read is None:
                continue
            into, which = (categories, 1) if learned.is_category else (numbers, 0)
            for column in learned.read(read, unknown):
                into[:, at[which]] = column
                at[which] += 1
        self._warn(unknown, is_row=n_rows == 1)
        return TypedTable(numbers, categories)

    def _typed_row(self, row: Any) -> TypedTable:
        numbers: list[float] = []
        categories: list[int] = []
        unknown = Unknown()
        for learned, value in zip(self.columns_, row, strict=True):
            if learned is not None:
                (categories if learned.is_category else numbers).extend(learned.read_one(value, unknown))
        self._warn(unknown, is_row=True)
        return TypedTable(np.array([numbers]), np.array([categories], np.int32).reshape(1, -1))

    def _warn(self, unknown: Unknown, *, is_row: bool) -> None:
        if message := unknown.message(is_row=is_row):
            warn_user(message, UnknownCategoriesWarning)


def _values(table: Table, i: int, column: LearnedColumn) -> Values:
    """Return the values of a column as training read them."""
    return table.mixed_texts(i) if isinstance(column, Categories) and column.is_mixed else table.values(i)
