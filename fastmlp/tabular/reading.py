"""Tables of pandas, polars, pyarrow and whatever else narwhals knows, and arrays, opened as columns of values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from fastmlp.tabular.objects import mixed_texts, of_objects
from fastmlp.tabular.values import Values, text_of, unusable

# Up to so many rows, a frame's values are read as Python's objects, since what whole columns cost is more.
_FEW_ROWS = 64


class Table:
    """A table whose columns can be read one by one.

    Parameters
    ----------
    native : object
        The table as it was given, or an array made of it.
    labels : list, optional
        The columns' names, which need not be texts; None for an array.
    shape : tuple of int
    """

    def __init__(self, native: Any, labels: list[Any] | None, shape: tuple[int, int]) -> None:
        self.native, self.labels = native, labels
        self.n_rows, self.n_columns = shape
        self._frame: Any = None  # as narwhals sees it; made for the first column that is read through narwhals

    @property
    def names(self) -> list[str]:
        """What columns are called in messages and results: their names, or "x0", "x1", ... where they have none."""
        if self.labels is None:
            return [f"x{i}" for i in range(self.n_columns)]
        return [str(label) for label in self.labels]

    def numeric_block(self) -> NDArray | None:
        """Return the table itself if it is an array of numbers; else None."""
        return self.native if self.labels is None and self.native.dtype.kind in "biuf" else None

    def values(self, column: int) -> Values:
        """Return the values of a column."""
        if self.labels is None:
            return of_array(self.native[:, column])
        if (items := self._few(column)) is not None:
            return of_objects(items)
        return self.typed_values(column)

    def mixed_texts(self, column: int) -> Values:
        """Return the values of a column as texts, whatever they are, as training reads values of several kinds."""
        if self.labels is None:
            return mixed_texts(self.native[:, column].tolist())
        values = self.typed_values(column)
        if values.is_categorical and values.is_mixed:
            return values
        return mixed_texts(self._frame[:, column].to_list())

    def objects(self) -> NDArray[np.object_]:
        """Return all values as Python's objects, shape (n_rows, n_columns)."""
        if self.labels is None:
            return self.native.astype(object)
        frame = nw.from_native(self.native, eager_only=True)
        found = np.empty((self.n_rows, self.n_columns), object)
        for column in range(self.n_columns):
            found[:, column] = frame[:, column].to_list()
        return found

    def typed_values(self, column: int) -> Values:
        """Return the values of a column and what its type says of them, which training needs to know."""
        if self.labels is None:
            return of_array(self.native[:, column])
        if self._frame is None:
            self._frame = nw.from_native(self.native, eager_only=True)
        return of_series(self._frame[:, column])

    def _few(self, column: int) -> list[Any] | None:
        """Return the values of a column as Python's objects if there are few and it is quick; else None."""
        if self.n_rows > _FEW_ROWS:
            return None
        try:
            if nw.dependencies.is_pandas_dataframe(self.native):
                series = self.native.iloc[:, column]
                return series.tolist() if _has_plain_objects(series.dtype) else None
            if nw.dependencies.is_polars_dataframe(self.native):
                return self.native.to_series(column).to_list()
            if nw.dependencies.is_pyarrow_table(self.native):
                chunked = self.native.column(column)
                return chunked.to_pylist() if _has_plain_arrow_objects(chunked.type) else None
        except (OverflowError, ValueError):  # of dates and spans for which Python has no objects
            return None
        return None

    def single_row(self) -> Sequence[Any] | None:
        """Return the only row as Python's objects if there is a quick way to it; else None.

        Reading a single value of each column, one after another, takes a fraction of the time that columns do.
        """
        if self.n_rows != 1:
            return None
        if self.labels is None:
            return self.native[0].tolist() if self.native.dtype == object else None
        if nw.dependencies.is_pandas_dataframe(self.native):
            at = self.native.iat
            return [at[0, i] for i in range(self.n_columns)]
        try:
            return self.native.row(0) if nw.dependencies.is_polars_dataframe(self.native) else None
        except (OverflowError, ValueError):  # of dates and spans for which Python has no objects
            return None


# Types of categories whose objects say what they are: of others, as of dates, an object does not say that it is a
# category, which is read as a text.
_PLAIN = re.compile(r"str|(large_)?string(_view)?|u?int\d+|float\d*|halffloat|double|bool")


def _has_plain_objects(dtype: Any) -> bool:
    """Return whether objects of a type of pandas' say all that is to be known of its columns."""
    return str(dtype) != "category" or _PLAIN.fullmatch(str(dtype.categories.dtype)) is not None


def _has_plain_arrow_objects(dtype: Any) -> bool:
    """Return whether objects of a type of Arrow's say all that is to be known of its columns."""
    if "[ns" in str(dtype):  # Arrow would make objects of pandas', or nothing.
        return False
    return not str(dtype).startswith("dictionary") or _PLAIN.fullmatch(str(dtype.value_type)) is not None


def open_table(X: Any, estimator: str = "TableColumns") -> Table:
    """Return a table or an array, opened.

    Parameters
    ----------
    X : frame of any library, or array-like of shape (n_samples, n_features)
    estimator : str
        Who reads it, for messages.

    Raises
    ------
    ValueError, TypeError
        When there are no rows or no columns, when a name is there twice, and when X is not a table at all; with
        scikit-learn's messages where it has one.

    Examples
    --------
    >>> from fastmlp.tabular.reading import open_table
    >>> table = open_table([[1, "a"], [2, "b"]])
    >>> table.names, table.values(1).texts
    (['x0', 'x1'], ['a', 'b'])
    """
    X = nw.to_native(X, pass_through=True)
    labels: list[Any] | None = None
    if nw.dependencies.is_pandas_dataframe(X):
        labels, shape = X.columns.tolist(), X.shape
    elif nw.dependencies.is_polars_dataframe(X):
        labels, shape = X.columns, X.shape
    elif nw.dependencies.is_polars_lazyframe(X):
        raise TypeError("X is a lazy frame, whose values have not been computed yet: give X.collect().")
    elif (arrow := nw.dependencies.get_pyarrow()) is not None and isinstance(X, arrow.Table | arrow.RecordBatch):
        X = arrow.Table.from_batches([X]) if isinstance(X, arrow.RecordBatch) else X
        labels, shape = X.column_names, X.shape
    elif nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X, eager_only=True)
        labels, shape = list(frame.columns), frame.shape
    if labels is None:
        X = _array(X, estimator)
        return Table(X, None, X.shape)
    if 0 in shape:
        check_array(np.empty(shape), estimator=estimator)  # It says what is lacking in scikit-learn's words.
    if len(set(labels)) < len(labels):
        twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
        raise ValueError(
            f"X has several columns of the same name: {', '.join(map(repr, twice[:5]))}{' ...' * (len(twice) > 5)}."
            " Rename them, or leave all but one out."
        )
    return Table(X, labels, shape)


def _array(X: Any, estimator: str) -> NDArray:
    """Return a matrix, of objects if its values are of several types."""
    if X is None or isinstance(X, str | bytes | dict):
        ways: dict[Any, str] = {dict: ": make it a pandas.DataFrame", str: ": read it with pandas.read_csv, say"}
        advice = ways.get(type(X), "")
        raise ValueError(f"X must be an array or a frame of shape (n_samples, n_features); got {X!r:.80}{advice}.")
    if isinstance(X, list | tuple) and X:
        if isinstance(X[0], dict):
            raise ValueError("X must be an array or a frame; got a list of dicts: make a pandas.DataFrame of them.")
        lengths = list(dict.fromkeys(len(row) for row in X if isinstance(row, list | tuple)))
        if len(lengths) > 1:
            raise ValueError(f"X has rows of different lengths, {lengths[0]} and {lengths[1]}.")
        # NumPy would make texts of numbers that stand beside texts.
        X = made if (made := np.asarray(X, dtype=object)).ndim != 2 or not _are_plain(made) else np.asarray(X)
    if isinstance(X, np.ma.MaskedArray) and X.dtype.kind in "biuf":
        X = np.ma.filled(X.astype(np.float64), np.nan)
    if type(X) is np.ndarray and X.ndim == 2 and X.size and X.dtype.kind in "biuf":
        return X  # scikit-learn would find nothing wrong with it
    return check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")


def _are_plain(values: NDArray) -> bool:
    """Whether all elements are numbers, so that NumPy makes an array of numbers of them."""
    return all(issubclass(cls, int | float | complex | np.number | np.bool_) for cls in set(map(type, values.flat)))


def of_array(array: NDArray) -> Values:
    """Return what a NumPy vector holds.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.reading import of_array
    >>> of_array(np.array([1.5, 2], np.float32)).kind, of_array(np.array(["2020-01-01"], "M8[D]")).kind
    ('numbers', 'dates')
    """
    name, kind = str(array.dtype), array.dtype.kind
    if kind in "biuf":
        return Values("numbers", name, array.astype(np.float64, copy=False))
    if kind == "M":
        return Values("dates", name, array.astype("M8[us]"))
    if kind == "m":
        # Microseconds are the least that Python's spans have; of some large spans there are too many of them.
        is_larger = np.datetime_data(array.dtype)[0] in ("W", "D", "h", "m", "s", "ms")
        spans = array if is_larger else array.astype("m8[us]")
        return Values("spans", name, spans / np.timedelta64(1, "s"))
    if kind == "O":
        return of_objects(array.tolist(), name)
    if kind in "UT":
        return of_objects(array.tolist(), "str")
    return unusable(len(array), name, "its values are bytes" if kind == "S" else f"its values are of type {name}")


def of_series(series: nw.Series) -> Values:
    """Return what a column of a frame holds.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> from fastmlp.tabular.reading import of_series
    >>> of_series(nw.from_native(pl.Series([True, None, False]), series_only=True)).data
    array([ 1., nan,  0.])
    """
    dtype, native = series.dtype, series.to_native()
    # The name of polars' Enum lists its categories, some of which may be in a single row, which no model is to keep.
    name = "Enum" if dtype == nw.Enum else f"{native.dtype if hasattr(native, 'dtype') else native.type!s:.60}"
    if dtype == nw.Decimal:  # Arrow's own floats of them differ from Python's in the last bit
        return of_objects(series.to_list(), name)
    if dtype.is_numeric() or dtype == nw.Boolean:
        try:
            return Values("numbers", name, series.cast(nw.Float64).to_numpy())
        except ValueError:  # Arrow refuses whole numbers that floats round, such as identifiers of 19 digits
            return of_objects(series.to_list(), name)
    if dtype in (nw.Categorical, nw.Enum):
        return _categories(series, name)
    if dtype == nw.String:
        return _texts(series, name)
    if dtype in (nw.List, nw.Array, nw.Struct, nw.Binary):
        kind = "bytes" if dtype == nw.Binary else "lists, dicts or the like"
        return unusable(len(series), name, f"its values are {kind}")
    if series.null_count() == len(series):
        return Values("numbers", name, np.full(len(series), np.nan))
    if dtype == nw.Unknown and series.implementation.is_pandas_like():  # sparse numbers, periods, intervals
        return of_array(np.asarray(native))
    if dtype in (nw.Datetime, nw.Date, nw.Duration):
        zone = getattr(dtype, "time_zone", None)
        if zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        array = series.to_numpy()
        if array.dtype.kind in "mM":
            found = of_array(array)
            return Values(found.kind, name, found.data, zone=zone)
        series = nw.from_native(native, series_only=True)  # pandas has Arrow's dates as objects
    return of_objects(series.to_list(), name)


def _texts(series: nw.Series, name: str) -> Values:
    """Return texts, found by the quickest way that each library has to different ones."""
    native = series.to_native()
    library = series.implementation
    if library.is_pandas():
        codes, texts = series.__native_namespace__().factorize(native)
        return Values("texts", name, codes.astype(np.int32), texts.tolist())
    if library.is_polars():
        different = native.drop_nulls().unique(maintain_order=True)
        places, whole = np.arange(len(different), dtype=np.int32), series.__native_namespace__().Int32
        codes = native.replace_strict(different, places, default=-1, return_dtype=whole)
        return Values("texts", name, codes.to_numpy(), different.to_list())
    if library.is_pyarrow():
        return _dictionary(native.dictionary_encode(), name)
    return of_objects(series.to_list(), name)


def _categories(series: nw.Series, name: str) -> Values:
    """Return the categories of a column whose type has them: texts, or numbers; others by their texts."""
    native, library = series.to_native(), series.implementation
    if library.is_polars():
        found = _texts(series.cast(nw.String), name)
    elif library.is_pyarrow():
        found = _dictionary(native, name)
    elif hasattr(native, "cat"):
        found = _looked_up(native.cat.codes.to_numpy(), native.cat.categories.tolist(), name)
    else:
        found = of_objects(series.to_list(), name)
    return Values(found.kind, name, found.data, found.texts, is_categorical=True, is_mixed=found.is_mixed)


def _dictionary(encoded: Any, name: str) -> Values:
    """Return the values of an array of Arrow's that is places in a dictionary."""
    whole = encoded.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if hasattr(whole, "chunk") else whole
    return _looked_up(whole.indices.fill_null(-1).to_numpy(), whole.dictionary.to_pylist(), name)


def _looked_up(codes: NDArray, different: list[Any], name: str) -> Values:
    """Return the values that stand at places in a list, where -1 is a missing one."""
    found = of_objects(different, name)
    are_others = found.kind not in ("numbers", "texts")
    if are_others:
        found = of_objects([text_of(value) for value in different], name)
    missing = -1 if found.kind == "texts" else np.nan
    data = np.append(found.data, np.array(missing, found.data.dtype))[codes]
    return Values(found.kind, name, data, found.texts, is_mixed=found.is_mixed or are_others)
