"""Tables from files: reading them, what their columns are, and a model that takes a table as it is.

What a reader should know (which rows were dropped, why a column is left out) goes to the log ``fastmlp.tables``. pandas
is needed for all of it, pyarrow for Parquet; both come with ``pip install 'fastmlp[cli]'``.
"""

from __future__ import annotations

import csv
import errno
import logging
import math
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from fastmlp.components import Component, Parameterized, listed
from fastmlp.estimators import MLPClassifier, MLPRegressor

_log = logging.getLogger(__name__)

#: What is read as a missing value: the marks that pandas knows, and "?".
MISSING = frozenset(
    {
        "",
        "?",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
    }
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)

#: Those that lines are tried with, in this order. The first that gives all lines the same number of fields, two or
#: more, is it. A comma may stand within numbers, so it comes after those that do not; blanks may follow any other.
SEPARATORS = ("\t", ";", "|", ",", " ")

_LINES_LOOKED_AT = 1000
_LARGEST = 1e38  # what float32 can hold; sentinels for "nothing" lie beyond
_MOST_CLASSES_OF_NUMBERS, _ROWS_PER_CLASS_OF_NUMBERS = 20, 5
_MOST_MARKS, _SHARE_OF_MARKS = 10, 0.05
_SHARE_OF_DISTINCT_TEXTS = 0.9
_IDENTIFIERS = re.compile(r"(.*[_ ])?(id|index|unnamed: 0)", re.IGNORECASE)
_MOST_CATEGORIES, _RARE = 100, "(rare)"
_SHARE_OF_GAPS = 0.01

# From so many rows on, training holds a part of them out to see when to stop; fewer are all needed to learn from.
HOLD_OUT_FROM = 3000


class TableError(ValueError):
    """A table that cannot be used; the message names the file, the column or the value."""


def import_pandas() -> Any:
    """Return the module pandas.

    Raises
    ------
    ImportError
        Says what to install.
    """
    try:
        return import_module("pandas")
    except ImportError as error:
        raise ImportError("Tables need pandas, which is not installed: pip install 'fastmlp[cli]'") from error


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_table(path: Any, *, separator: str | None = None, header: bool | None = None) -> tuple[Any, bool]:
    r"""Read a table from a file: CSV or its kin, compressed or not, or Parquet.

    Of text, every value is read as text, with blanks around it removed. Where fields are separated by semicolons, a
    comma within a number is its decimal point. Text is UTF-8, UTF-16 if it begins with a byte order mark, else Latin-1.

    Parameters
    ----------
    path : path
        Parquet where it ends in .parquet or .pq; compression is known by .gz, .bz2, .xz, .zip, .zst.
    separator : str, default=None
        Between fields; None is found from the first lines, among :data:`SEPARATORS`.
    header : bool, default=None
        Whether the first line has the columns' names; None is found: it does where it is text above numbers, or, in a
        table of texts, where none of its values comes again in its column. Columns without names are named "0", "1",
        and so on.

    Returns
    -------
    frame : pandas.DataFrame
    has_header : bool

    Raises
    ------
    OSError
        When the file cannot be read.
    TableError
        When it is empty, no text, no table, or has two columns of one name.
    ImportError
        Without pandas, or for Parquet without pyarrow.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from fastmlp.tables import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "points.csv"
    ...     _ = path.write_text("x;y\n1,5;low\n2,5;high\n")
    ...     frame, has_header = read_table(path)
    >>> frame.to_dict("list"), has_header
    ({'x': ['1.5', '2.5'], 'y': ['low', 'high']}, True)
    """
    name = os.fspath(path)
    if name.endswith((".parquet", ".pq")):
        return _named(_read_parquet(name), name), True
    frame, separator = _read_text(name, separator)
    texts = frame.apply(lambda column: column.str.strip())
    if header is None:
        header = _has_header(texts.head(_LINES_LOOKED_AT))
        if not header:
            _log.info("%s: no header found; columns are named by number, from 0", name)
    if header:
        names = [text or f"Unnamed: {i}" for i, text in enumerate(texts.iloc[0])]
        texts = texts.iloc[1:].reset_index(drop=True).set_axis(names, axis=1)
    if separator == ";":
        texts = texts.apply(lambda column: column.str.replace(r"^([+-]?\d+),(\d+)$", r"\1.\2", regex=True))
    return _named(texts, name), header


def _read_text(name: str, separator: str | None) -> tuple[Any, str]:
    """Return a table of texts as they are, without a header, and the separator."""
    # Without a byte order mark nothing is UTF-16. It goes first: pandas looks for fields before it decodes UTF-8.
    for encoding in ("utf-16", "utf-8"):
        with suppress(UnicodeError):
            return _decoded(name, separator, encoding)
    _log.info("%s: not UTF-8; read as Latin-1", name)
    return _decoded(name, separator, "latin-1")


def _decoded(name: str, separator: str | None, encoding: str) -> tuple[Any, str]:
    pandas = import_pandas()
    options = {"header": None, "dtype": str, "na_filter": False, "encoding": encoding}
    try:
        if separator is None:
            lines = pandas.read_csv(name, sep="\x01", quoting=csv.QUOTE_NONE, nrows=_LINES_LOOKED_AT, **options)
            _check_text(lines, name)
            separator = find_separator(lines[0].tolist())
        frame = pandas.read_csv(name, sep=separator, skipinitialspace=True, low_memory=False, **options)
    except pandas.errors.EmptyDataError:
        raise TableError(f"{name} is empty") from None
    except pandas.errors.ParserError as error:
        # Under Python 3.11 pandas loses the exception of Ctrl-C in a read, which has no value; others come through.
        if "Calling read(nbytes) on source failed" in str(error):
            raise KeyboardInterrupt from None
        fields = f" with fields separated by {separator!r}" if separator else ""
        raise TableError(f"{name} is no table{fields}: {' '.join(str(error).split())}") from None
    _check_text(frame, name)
    return frame, separator


def _check_text(texts: Any, name: str) -> None:
    if any(texts[column].str.contains("\0", regex=False).any() for column in texts):
        raise TableError(f"{name} has NUL characters: it is no text, or UTF-16 without a byte order mark")


def find_separator(lines: Iterable[str]) -> str:
    """Return what separates the fields of lines; a comma where nothing does.

    Examples
    --------
    >>> from fastmlp.tables import find_separator
    >>> find_separator(["1, a b", "2, c d"]), find_separator(["1,5;2,5", "3;4"])
    (',', ';')
    """
    lines = list(lines)
    for separator in SEPARATORS:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        widths = {len(row) for row in rows}
        if len(widths) == 1 and widths.pop() > 1:
            return separator
    return ","


def _has_header(texts: Any) -> bool:
    first, rest = texts.iloc[0], texts.iloc[1:]
    if list(first) == [str(i) for i in range(len(first))]:  # the names that columns without names get
        return True
    are_numbers = ~np.isnan(numbers_of(first))
    if are_numbers.any() or not len(rest):
        return not len(rest)
    below = [rest[column][~rest[column].isin(MISSING)] for column in rest]
    if any(len(values) and not np.isnan(numbers_of(values)).any() for values in below):
        return True
    return not any((values == name).any() for values, name in zip(below, first, strict=True))


def _read_parquet(name: str) -> Any:
    pandas = import_pandas()
    try:
        import_module("pyarrow")
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow, which is not installed: pip install 'fastmlp[cli]'") from error
    try:
        return pandas.read_parquet(name)
    except FileNotFoundError:  # pyarrow's does not say what is wrong
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None
    except OSError:
        raise
    except Exception as error:  # pyarrow's errors are of many kinds
        raise TableError(f"{name} is no Parquet file: {' '.join(str(error).split())}") from None


def _named(frame: Any, name: str) -> Any:
    frame.columns = [str(column) for column in frame.columns]
    if not len(frame):
        raise TableError(f"{name} has no rows")
    twice = frame.columns[frame.columns.duplicated()].unique().tolist()
    if twice:
        raise TableError(f"{name} has several columns of the same name: {_shown(twice)}")
    return frame


# ---- values ----------------------------------------------------------------------------------------------------------


def numbers_of(values: Any) -> NDArray:
    """Return a column's numbers as float64, NaN for what is none.

    Examples
    --------
    >>> from fastmlp.tables import numbers_of
    >>> numbers_of(["1", "2.5e3", "many"])
    array([1.0e+00, 2.5e+03,     nan])
    """
    pandas = import_pandas()
    series = pandas.Series(values)
    if series.dtype.kind in "mM":
        return np.full(len(series), np.nan)
    return pandas.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def texts_of(values: Any) -> NDArray:
    """Return a column's values as texts in an object array, "" for what is missing; whole numbers have no point.

    Examples
    --------
    >>> from fastmlp.tables import texts_of
    >>> texts_of([1.0, None]).tolist(), texts_of(["1.0", "x"]).tolist()
    (['1', ''], ['1.0', 'x'])
    """
    pandas = import_pandas()
    series = pandas.Series(values)
    missing = series.isna().to_numpy()
    if series.dtype.kind == "f" and (series[~missing] % 1 == 0).all():
        series = series.astype("Int64")
    texts = np.array(series.astype(str), object)
    texts[missing] = ""
    return texts


def _whole(texts: NDArray) -> NDArray:
    """Return texts that are all whole numbers in one form, "1.0" as "1"; other texts as they are."""
    numbers = numbers_of(texts)
    present = texts != ""
    if np.isnan(numbers[present]).any() or (numbers[present] % 1).any() or (abs(numbers[present]) >= 2**53).any():
        return texts
    return np.array([str(int(number)) if there else "" for number, there in zip(numbers, present, strict=True)], object)


def _is_numeric(column: Any) -> bool:
    """Whether a column holds numbers as such, and not texts of them."""
    return getattr(column.dtype, "kind", "O") in "iuf"


def _marks_among(values: Any) -> list[str] | None:
    """Return the texts that stand for nothing in a column of numbers; None for another column."""
    odd = np.isnan(numbers_of(values))
    marks = sorted(set(np.asarray(values)[odd]))
    return marks if odd.mean() <= _SHARE_OF_MARKS and len(marks) <= _MOST_MARKS else None


def _are_identifiers(values: Any) -> bool:
    """Whether these are whole numbers that all differ."""
    numbers = numbers_of(values)
    return bool((numbers % 1 == 0).all()) and len(np.unique(numbers)) == len(numbers)


def _rows(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def _shown(values: Iterable[Any], most: int = 10) -> str:
    values = list(values)
    return ", ".join(repr(value) for value in values[:most]) + (
        f" and {len(values) - most:,} more" if len(values) > most else ""
    )


def find_task(labels: NDArray) -> tuple[str, str]:
    """Return what is to be learned from a column's texts, "classification" or "regression", and why.

    Numbers are classes where there are only two of them, or at most 20, all whole, with 5 rows for each on average.

    Raises
    ------
    TableError
        When there is nothing to classify: nearly every row has a text of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables import find_task
    >>> find_task(np.array(["yes", "no", "yes"], object))
    ('classification', 'it is text with 2 values')
    >>> find_task(np.array(["1.5", "2", "3"], object))
    ('regression', 'it is numbers with 3 values')
    """
    n_distinct, numbers = len(set(labels)), numbers_of(labels)
    if np.isnan(numbers).any():
        marks = _marks_among(labels)
        if marks is not None and n_distinct > _MOST_CLASSES_OF_NUMBERS:
            raise TableError(
                f"the target is numbers but for {_shown(marks)}: name what means a missing value by"
                " --missing, or say --task classification"
            )
        if n_distinct > max(_MOST_CLASSES_OF_NUMBERS, len(labels) / 2):
            raise TableError(
                f"the target has {n_distinct:,} different texts in {len(labels):,} rows: nothing to classify; --target"
                " names another column"
            )
        return "classification", f"it is text with {n_distinct} values"
    few = n_distinct <= min(_MOST_CLASSES_OF_NUMBERS, len(labels) / _ROWS_PER_CLASS_OF_NUMBERS)
    if n_distinct <= 2 or (few and not (numbers % 1).any()):
        return "classification", f"it is {'whole ' if n_distinct > 2 else ''}numbers with only {n_distinct} values"
    return "regression", f"it is numbers with {n_distinct:,} values"


# ---- preprocessing and network ---------------------------------------------------------------------------------------


class SmoothClip(TransformerMixin, Component):
    """Numbers kept within a limit, smoothly: x / sqrt(1 + (x / limit)^2), nearly x where x is small.

    After scaling, it keeps outliers from ruling a network, in training and in predictions. Holzmüller, Grinsztajn and
    Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.

    Parameters
    ----------
    limit : float > 0, default=3.0

    Examples
    --------
    >>> from fastmlp.tables import SmoothClip
    >>> SmoothClip().fit_transform([[0.0], [4.0], [1e30]]).round(1).tolist()
    [[0.0], [2.4], [3.0]]
    """

    _parameter_constraints: ClassVar[dict] = {"limit": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check X; there is nothing to learn from it."""
        self.validate()
        validate_data(self, X)
        return self

    def transform(self, X: Any) -> NDArray:
        """Return X, clipped."""
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return X / np.hypot(1, X / self.limit)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


def preprocessing(
    numbers: list[str], categories: dict[str, list[str]], gaps: list[str], n_rows: int
) -> ColumnTransformer:
    """Return what makes a network's inputs of a table's columns.

    Numbers enter twice, by value and by rank, both centred, scaled and smoothly clipped, with the median for what is
    missing; categories one-hot.

    Parameters
    ----------
    numbers : list of str
        Columns.
    categories : dict
        Columns, and the categories that each is known to have; all others count as none of them.
    gaps : list of str
        Those of the numbers that get an indicator of what is missing.
    n_rows : int
        Of the table to train with.
    """
    ranks = QuantileTransformer(n_quantiles=min(1000, n_rows), output_distribution="normal", random_state=0)
    parts: list[tuple[str, Any, list[str]]] = []
    scaled = ("scale", StandardScaler()), ("clip", SmoothClip())
    full = [name for name in numbers if name not in gaps]
    for name, columns, indicator in (("numbers", full, False), ("gaps", gaps, True)):
        if columns:
            impute = ("impute", SimpleImputer(strategy="median", add_indicator=indicator))
            parts.append((name, Pipeline([impute, *scaled]), columns))
    if numbers:
        impute = ("impute", SimpleImputer(strategy="median"))
        parts.append(("ranks", Pipeline([impute, ("rank", ranks), *scaled]), numbers))
    if categories:
        # Its own way of grouping rare categories needs state that a model's file does not hold.
        encoder = OneHotEncoder(categories=list(categories.values()), handle_unknown="ignore", dtype=np.float32)
        parts.append(("categories", encoder, list(categories)))
    return ColumnTransformer(parts)


def frequent_categories(texts: NDArray) -> list[str]:
    """Return a column's categories, sorted; "(rare)" stands for those that are too few to learn from one by one.

    Rare is what comes in less than a hundredth of the rows, but not in 20 or more and always in one alone, and what is
    not among the 100 most frequent.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables import frequent_categories
    >>> frequent_categories(np.array(["a", "a", "b", "b", "c", "d"], object))
    ['(rare)', 'a', 'b']
    """
    counts = import_pandas().Series(texts).value_counts()
    kept = counts[counts >= np.clip(len(texts) // 100, 2, 20)].index[:_MOST_CATEGORIES].tolist()
    return sorted(kept if len(kept) == len(counts) else {*kept, _RARE})


def network_parameters(n_rows: int, *, hold_out: bool, batch_size: int | None = None) -> dict[str, Any]:
    """Return the parameters of a network for a table of so many rows, where nobody says otherwise.

    Few rows are all learned from, in a number of steps that is known beforehand, with a falling learning rate. Of many,
    a tenth is held out: training stops when the average of the weights no longer predicts it better. Weights are drawn
    to 0 as by a prior whose weight is that of a number of rows, whatever their number and the size of a batch.

    Parameters
    ----------
    n_rows : int
    hold_out : bool
        Whether rows are held out.
    batch_size : int, default=None
        Rows per step; None is 32, or with rows held out a hundredth of all, up to 1024.

    Examples
    --------
    >>> from fastmlp.tables import network_parameters
    >>> network_parameters(1000, hold_out=False)["max_iter"], network_parameters(10**6, hold_out=True)["batch_size"]
    (62, 1024)
    """
    if batch_size is None:
        batch_size = int(np.clip(2 ** round(np.log2(n_rows / 100)), 32, 1024)) if hold_out else 32
    batch_size = min(batch_size, n_rows)
    steps = -(-n_rows // batch_size)
    parameters = {"hidden_layer_sizes": (128, 128), "dropout": 0.1, "batch_size": batch_size, "dtype": "float32"}
    parameters["alpha"] = 5.0 * batch_size / n_rows
    if hold_out:
        ema = float(np.clip(1 - 1 / (8 * steps), 0.8, 0.9995))
        patience, max_iter = int(np.clip(1e6 / n_rows, 4, 10)), int(np.clip(1e8 / n_rows, 20, 300))
        return parameters | {"early_stopping": True, "n_iter_no_change": patience, "max_iter": max_iter, "ema": ema}
    max_iter = max(20, 2000 // steps)
    return parameters | {"learning_rate": "cosine", "n_iter_no_change": np.inf, "max_iter": max_iter}


# ---- the model -------------------------------------------------------------------------------------------------------


def _are_texts(values: Any) -> bool:
    return type(values) is list and all(isinstance(value, str) for value in values)


def _are_steps(pipeline: Any) -> bool:
    return type(pipeline) is Pipeline and [name for name, _ in pipeline.steps] == ["columns", "network"]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


# What a fitted model has, and what tells it.
_FITTED: dict[str, Callable[[Any], bool]] = {
    "task_": lambda value: type(value) is str and value in ("classification", "regression"),
    "target_": lambda value: isinstance(value, str),
    "columns_": _are_texts,
    "numbers_": _are_texts,
    "categories_": lambda value: type(value) is dict and all(map(_are_texts, value.values())),
    "marks_": lambda value: type(value) is dict and all(map(_are_texts, value.values())),
    "dropped_": lambda value: type(value) is dict and _are_texts(list(value.values())),
    "pipeline_": _are_steps,
    "training_": lambda value: (
        type(value) is dict and all(number is None or isinstance(number, Real) for number in value.values())
    ),
}
_FITTED_FOR: dict[str, dict[str, Callable[[Any], bool]]] = {
    "classification": {
        "classes_": _are_texts,
        "class_counts_": lambda value: type(value) is list and all(isinstance(count, Integral) for count in value),
    },
    "regression": {"mean_": _is_number, "scale_": _is_number},
}


class TableModel(Parameterized):
    """A network that learns a column of a table from the others, and all that stands between table and network.

    Parameters
    ----------
    target : str, int or None, default=None
        The column to learn: its name or, where no column has that name, its number from 0; None for the last one.
    task : {"auto", "classification", "regression"}, default="auto"
        "auto" is as :func:`find_task` finds.
    missing : list of str, default=()
        Texts that mean a missing value, beside :data:`MISSING`.
    header : bool, default=True
        Whether the table that it learns from has names of columns, by which :meth:`predict` is to find them.
    parameters : dict, default=None
        Of the network, where they are to differ from :func:`network_parameters`.

    Attributes
    ----------
    task_, target_ : str
        What is learned.
    columns_ : list of str
        All columns, in their order.
    numbers_ : list of str
        Those that are used as numbers.
    categories_ : dict
        Those that are used as categories, and their :func:`frequent_categories`.
    dropped_ : dict
        Those that are not, and why.
    marks_ : dict
        For columns of numbers: the texts that mean a missing value there.
    classes_ : list of str
        Classes' labels, for classification.
    class_counts_ : list of int
        How many rows of training each has.
    mean_, scale_ : float
        Of the target in training, for regression: the network learns (y - mean_) / scale_.
    pipeline_ : Pipeline
        Preprocessing and network.
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
        "target": [str, int, None],
        "task": [StrOptions({"auto", "classification", "regression"})],
        "missing": ["array-like"],
        "header": ["boolean"],
        "parameters": [dict, None],
    }

    def __init__(
        self,
        target: str | int | None = None,
        *,
        task: str = "auto",
        missing: Iterable[str] = (),
        header: bool = True,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.task = task
        self.missing = missing
        self.header = header
        self.parameters = parameters

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "training_")  # set last

    def check_fitted_attributes(self) -> None:
        """Refuse attributes of a fitted model that are not what ``fit`` sets; a file may have any.

        Raises
        ------
        ValueError
            Names the attribute.
        """
        if not _are_texts(list(self.missing)):
            raise ValueError(f"missing must be a list of str; got {self.missing!r}.")
        if not self.__sklearn_is_fitted__():
            return
        for name, sound in (_FITTED | _FITTED_FOR.get(str(getattr(self, "task_", None)), {})).items():
            if not (hasattr(self, name) and sound(getattr(self, name))):
                raise ValueError(f"{name} of a TableModel is missing, or not what fit sets.")
        known = set(self.columns_)
        for name in ("numbers_", "categories_", "marks_", "dropped_"):
            if not known.issuperset(getattr(self, name)):
                raise ValueError(f"{name} of a TableModel has columns that are not among columns_.")
        if self.target_ not in known:
            raise ValueError("target_ of a TableModel is not among columns_.")
        columns, network = self.pipeline_["columns"], self.pipeline_["network"]
        taken = [*self.numbers_, *self.categories_]
        if type(columns) is not ColumnTransformer or list(getattr(columns, "feature_names_in_", ())) != taken:
            raise ValueError("pipeline_ of a TableModel does not take the columns numbers_ and categories_.")
        cls = MLPClassifier if self.task_ == "classification" else MLPRegressor
        if type(network) is not cls or not hasattr(network, "coefs_"):
            raise ValueError(f"pipeline_ of a TableModel has no fitted {cls.__name__}.")
        if self.task_ == "classification" and (
            list(network.classes_) != self.classes_ or len(self.class_counts_) != len(self.classes_)
        ):
            raise ValueError("classes_ and class_counts_ of a TableModel do not fit its network.")

    # ---- learning ----------------------------------------------------------------------------------------------------

    def fit(self, frame: Any, *, verbose: bool | int = False) -> Self:
        """Learn the target from the other columns.

        Parameters
        ----------
        frame : pandas.DataFrame
            As :func:`read_table` gives it.
        verbose : bool or int, default=False
            As the estimators have it; 1 shows a progress bar.

        Raises
        ------
        TableError
            When there is nothing to learn, or to learn from; names the column and the value.
        """
        self._validate_params()
        began = time.perf_counter()
        if frame.shape[1] < 2:
            raise TableError(f"a table needs two columns or more; there is only {_shown(frame.columns)}")
        self.columns_ = list(frame.columns)
        self.target_ = self._find_target()
        n_rows = len(frame)
        frame, texts = self._with_target(frame, "dropped")
        labels = _whole(texts)
        if len(set(labels)) == 1:
            raise TableError(f"column {self.target_!r}, the target, is always {labels[0]!r}: nothing to learn")
        self.task_, why = find_task(labels) if self.task == "auto" else (self.task, "")
        if why:
            _log.info("%s of %r, since %s (--task says otherwise)", self.task_, self.target_, why)
        y = self._learned_labels(labels) if self.task_ == "classification" else self._learned_numbers(labels)
        self._find_columns(frame)
        X = self._features(frame)
        gaps = [name for name in self.numbers_ if X[name].isna().mean() >= _SHARE_OF_GAPS]
        rarest = min(self.class_counts_) if self.task_ == "classification" else len(y)
        hold_out = len(y) >= HOLD_OUT_FROM and rarest > 1
        given = self.parameters or {}
        parameters = network_parameters(len(y), hold_out=hold_out, batch_size=given.get("batch_size")) | given
        network = (MLPClassifier if self.task_ == "classification" else MLPRegressor)(**parameters, verbose=verbose)
        steps = preprocessing(self.numbers_, self.categories_, gaps, len(y)), network
        with warnings.catch_warnings():
            if not hold_out:  # all epochs are meant to be gone through
                warnings.simplefilter("ignore", ConvergenceWarning)
            self.pipeline_ = Pipeline(list(zip(("columns", "network"), steps, strict=True))).fit(X, y)
        network.verbose = False  # no property of the model
        self.training_ = {
            "rows": len(y),
            "rows_without_target": n_rows - len(y),
            "epochs": int(network.n_iter_),
            "loss": getattr(network, "loss_", None),  # there is none if Ctrl-C ends the first epoch
            "held_out_score": getattr(network, "best_validation_score_", None),
            "seconds": time.perf_counter() - began,
        }
        return self

    def _find_target(self) -> str:
        if self.target is None:
            return self.columns_[-1]
        if self.target in self.columns_:
            return str(self.target)
        try:
            return self.columns_[range(len(self.columns_))[int(self.target)]]
        except (ValueError, IndexError):
            raise TableError(
                f"the target {self.target!r} is not among the columns; the nearest are"
                f" {listed(str(self.target), get_close_matches(str(self.target), self.columns_, 10, 0.0))}"
            ) from None

    def _learned_labels(self, labels: NDArray) -> NDArray:
        names, counts = np.unique(labels.astype(str), return_counts=True)
        self.classes_, self.class_counts_ = names.tolist(), counts.tolist()
        single = names[counts == 1].tolist()
        if single:
            _log.info("too few to learn from: a single row of %s", _shown(single))
        return labels.astype(str)

    def _learned_numbers(self, texts: NDArray) -> NDArray:
        y = self._target_numbers(texts)
        self.mean_, self.scale_ = float(y.mean()), float(y.std())
        if not self.scale_:
            raise TableError(f"column {self.target_!r}, the target, is always {self.mean_:g}: nothing to learn")
        return (y - self.mean_) / self.scale_

    def _target_numbers(self, texts: NDArray) -> NDArray:
        y = numbers_of(texts)
        for bad, what in ((np.isnan(y), "not a number"), (abs(y) > _LARGEST, f"beyond {_LARGEST:g}")):
            if bad.any():
                raise TableError(f"column {self.target_!r}, the target: {texts[bad.argmax()]!r} is {what}")
        return y

    def _find_columns(self, frame: Any) -> None:
        """Find what the columns are; say which are not used, and why."""
        self.numbers_, self.categories_, self.marks_, self.dropped_ = [], {}, {}, {}
        for name in self.columns_:
            if name == self.target_:
                continue
            column = frame[name]
            values = column.dropna() if _is_numeric(column) else (texts := self._texts(column))[texts != ""]
            n_distinct = import_pandas().Series(values).nunique()
            if not len(values):
                self.dropped_[name] = "missing in all rows"
            elif n_distinct == 1 and len(values) == len(frame):
                self.dropped_[name] = f"always {texts_of(values)[0]!r}"
            elif len(self.columns_) > 2 and _IDENTIFIERS.fullmatch(name) and _are_identifiers(values):
                self.dropped_[name] = "numbers of the rows, by its name and values"
            elif (marks := _marks_among(values)) is not None:
                self.numbers_.append(name)
                if marks:
                    self.marks_[name] = marks
                    _log.info("column %r is numbers; read as missing there: %s", name, _shown(marks))
            elif n_distinct > max(_SHARE_OF_DISTINCT_TEXTS * len(values), 2):
                self.dropped_[name] = f"text that differs in {n_distinct:,} of {_rows(len(values))}"
            else:
                self.categories_[name] = frequent_categories(texts)
        _log.debug("columns of numbers: %s", _shown(self.numbers_, 100))
        for name, known in self.categories_.items():
            _log.debug("column %r is categories: %s", name, _shown(known))
        for name, why in self.dropped_.items():
            _log.info("column %r is not used: %s", name, why)
        if not self.numbers_ and not self.categories_:
            raise TableError("no column is left to learn from")

    # ---- a table's values --------------------------------------------------------------------------------------------

    def _texts(self, column: Any) -> NDArray:
        """Return a column's texts, "" for what is missing."""
        texts = texts_of(column)
        texts[import_pandas().Series(texts).isin(MISSING | set(self.missing)).to_numpy()] = ""
        return texts

    def _with_target(self, frame: Any, otherwise: str) -> tuple[Any, NDArray]:
        """Return the rows that have the target, and its texts; say what becomes of the others."""
        texts = self._texts(frame[self.target_])
        there = texts != ""
        if not there.any():
            raise TableError(f"column {self.target_!r}, the target, is missing in all rows")
        if not there.all():
            _log.info("%s without target %s", _rows(int((~there).sum())), otherwise)
        return frame[there], texts[there]

    def _numbers(self, name: str, column: Any) -> NDArray:
        """Return a column's numbers, NaN for what is missing."""
        texts = column if _is_numeric(column) else self._texts(column)
        numbers = numbers_of(texts)
        if texts is not column:
            odd = np.isnan(numbers) & (texts != "")
            odd[odd] = [text not in self.marks_.get(name, ()) for text in texts[odd]]
            if odd.any():
                row = int(odd.argmax())
                raise TableError(
                    f"column {name!r}: {texts[row]!r} in row {row + 1} is not a number, as those in training were"
                )
        return np.where(abs(numbers) <= _LARGEST, numbers, np.nan)

    def _features(self, frame: Any) -> Any:
        """Return the columns that the pipeline takes, numbers as float64 and categories as texts."""
        features = {name: self._numbers(name, frame[name]) for name in self.numbers_}
        for name, known in self.categories_.items():
            texts = import_pandas().Series(self._texts(frame[name]))
            new = texts[~texts.isin(known)]
            if len(new) and _RARE not in known:
                _log.info(
                    "column %r: training did not see what %s have: %s",
                    name,
                    _rows(len(new)),
                    _shown(sorted(new.unique()), 5),
                )
            features[name] = texts.where(texts.isin(known), _RARE).to_numpy(object)
        return import_pandas().DataFrame(features)

    def _matched(self, frame: Any, has_header: bool) -> Any:
        """Return a table with the columns named as in training, where they have to be found by their order."""
        if self.header and has_header:
            missing = [name for name in (*self.numbers_, *self.categories_) if name not in frame]
            if missing:
                raise TableError(f"columns are missing: {_shown(missing, 20)}")
            return frame
        without = [name for name in self.columns_ if name != self.target_]
        for names in (self.columns_, without):
            if frame.shape[1] == len(names):
                return frame.set_axis(names, axis=1)
        raise TableError(
            f"{frame.shape[1]} columns; {len(self.columns_)} are needed as in training, or {len(without)} without the"
            " target"
        )

    # ---- predicting --------------------------------------------------------------------------------------------------

    def predict(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the target of each row: texts of labels, or numbers in the target's units.

        Parameters
        ----------
        frame : pandas.DataFrame
            With the columns of training in any order; the target may be there or not.
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
        y = self.pipeline_.predict(self._inputs(frame, has_header))
        return y.astype(str) if self.task_ == "classification" else y * self.scale_ + self.mean_

    def predict_proba(self, frame: Any, *, has_header: bool = True) -> NDArray:
        """Return the probabilities of the classes, in the order of ``classes_``; takes and raises what predict does.

        Raises
        ------
        TableError
            For regression, too.
        """
        check_is_fitted(self)
        if self.task_ != "classification":
            raise TableError("there are no probabilities in regression")
        return self.pipeline_.predict_proba(self._inputs(frame, has_header))

    def _inputs(self, frame: Any, has_header: bool) -> Any:
        return self._features(self._matched(frame, has_header))

    def evaluate(self, frame: Any, *, has_header: bool = True) -> dict[str, float | int | None]:
        """Return how good predictions are, beside what is as good without a network.

        Classification: accuracy, balanced accuracy, log loss, macro-averaged F1, for two classes the area under the ROC
        curve, and the accuracy of always answering with the most frequent class of training. Regression: R2, mean
        absolute error, root of the mean squared error, and the latter two of always answering with training's mean.
        None stands for what such rows do not say.

        Raises
        ------
        TableError
            As predict, without a target, and for labels that training did not see.
        """
        check_is_fitted(self)
        frame = self._matched(frame, has_header)
        if self.target_ not in frame:
            raise TableError(f"column {self.target_!r}, the target, is missing")
        frame, texts = self._with_target(frame, "left out")
        measure = self._measure_labels if self.task_ == "classification" else self._measure_numbers
        return {"rows": len(texts)} | measure(frame, texts)

    def _measure_labels(self, frame: Any, texts: NDArray) -> dict[str, float | int | None]:
        y = self._known_labels(_whole(texts)).astype(str)
        probabilities = self.predict_proba(frame)
        predicted, present = np.array(self.classes_)[probabilities.argmax(axis=1)], np.unique(y)
        figures = {
            "accuracy": accuracy_score(y, predicted),
            "balanced_accuracy": recall_score(y, predicted, labels=present, average="macro"),
            "log_loss": log_loss(y, probabilities, labels=self.classes_),
            "macro_f1": f1_score(y, predicted, labels=present, average="macro", zero_division=0.0),
        }
        if len(self.classes_) == 2:
            figures["roc_auc"] = roc_auc_score(y, probabilities[:, 1]) if len(present) == 2 else None
        figures["majority_accuracy"] = np.mean(y == self.classes_[int(np.argmax(self.class_counts_))])
        return {name: None if figure is None else float(figure) for name, figure in figures.items()}

    def _known_labels(self, labels: NDArray) -> NDArray:
        """Return labels that training saw; without a full stop at the end where that makes them so."""
        unseen = sorted(set(labels) - set(self.classes_))
        if not unseen:
            return labels
        without = np.array([label.removesuffix(".").strip() for label in labels], object)
        if set(without) <= set(self.classes_):
            _log.info("labels are taken without the full stop at their end: %s", _shown(unseen))
            return without
        raise TableError(
            f"column {self.target_!r}, the target: training did not see {_shown(unseen)}, but {_shown(self.classes_)}"
        )

    def _measure_numbers(self, frame: Any, texts: NDArray) -> dict[str, float | int | None]:
        y = self._target_numbers(texts)
        predicted, mean = self.predict(frame), np.full(len(y), self.mean_)
        return {
            "r2": float(r2_score(y, predicted)) if len(y) > 1 else None,
            "mae": float(mean_absolute_error(y, predicted)),
            "rmse": float(root_mean_squared_error(y, predicted)),
            "mean_mae": float(mean_absolute_error(y, mean)),
            "mean_rmse": float(root_mean_squared_error(y, mean)),
        }

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
            "numbers": self.numbers_,
            "categories": list(self.categories_),
            "dropped": self.dropped_,
            "layers": [network.coefs_[0].shape[0], *(len(biases) for biases in network.intercepts_)],
            "activation": str(network.activation),
            "n_parameters": sum(array.size for array in arrays),
            "training": self.training_,
        }
