"""Samples and targets as scikit-learn validates them, and errors that say what to do about what are no numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from fastmlp.inputs.columns import EncodedColumns
from fastmlp.inputs.plain_targets import is_missing, of_odd_labels, plain_targets

# Rows that are looked at together in search of what is wrong, and columns that a message names.
_ROWS = 10_000
_NAMED = 5

# How messages begin that are about missing samples: scikit-learn's, of NaT, and Python's of pandas.NA.
_OF_MISSING = (
    "Input X contains NaN",
    "Input contains NaN",
    "boolean value of NA",
    "float() argument must be a string or a real number, not 'NAType'",
    "float() argument must be a string or a real number, not 'NaTType'",
)


def validated(estimator: Any, X: Any, *targets: Any, **options: Any) -> Any:
    """Return what scikit-learn's validate_data returns; encoded columns are taken as they are.

    The layout of encoded columns becomes the attribute columns_layout_ in a fit that resets what is known of features.

    Parameters
    ----------
    estimator : estimator
    X, *targets
        X, or X and y, as a method of the estimator was given them.
    **options
        Of validate_data.

    Raises
    ------
    ValueError, TypeError
        Where validate_data does. For columns of texts or dates, and for values that are missing, it names the columns
        and says what learns from them; for texts as a regressor's targets, that a classifier does.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp import MLPRegressor
    >>> from fastmlp.inputs.validation import validated
    >>> validated(MLPRegressor(), pd.DataFrame({"city": ["Bonn", "Ulm"], "n": [1, 2]}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: X has columns that are not numbers: 'city' (such as 'Bonn'). ...
    """
    name, is_fit = type(estimator).__name__, options.get("reset", True)
    takes_numbers = bool(targets) and options.get("y_numeric", False)
    targets = tuple(map(plain_targets, targets))
    try:
        if isinstance(X, EncodedColumns):
            return _validated_columns(estimator, X, *targets, **options)
        _settle_layout(estimator, None, is_fit)
        if is_fit and _are_times(X):  # NumPy would make nanoseconds of them
            raise ValueError("dates and spans of time are no numbers")
        checked = validate_data(estimator, X, *targets, **options)
        samples = checked[0] if targets else checked
        if samples.dtype.kind not in "biuf":  # of frames that become arrays of objects only here
            samples = samples.astype(np.float64)
            if np.isnan(samples).any():  # of None among them, which scikit-learn does not look for
                raise ValueError("Input X contains NaN.")
            if np.isinf(samples).any():
                raise ValueError("Input X contains infinity or a value too large for dtype('float64').")
            checked = (samples, *checked[1:]) if targets else samples
    except (ValueError, TypeError) as error:
        if not isinstance(X, EncodedColumns) and (told := _of_samples(error, X, name, is_fit)):
            raise (ValueError if isinstance(error, ValueError) else TypeError)(told) from None
        if told := _of_targets(error, *targets, name=name, takes_numbers=takes_numbers):
            raise ValueError(told) from None
        raise
    except OverflowError:  # of Python's integers, which have no end
        which = "X" if not targets or _overflows(X) else "y"
        raise ValueError(f"Input {which} contains infinity or a value too large for dtype('float64').") from None
    if takes_numbers and isinstance(checked[1], np.ndarray):
        y = checked[1]
        if y.dtype.kind not in "biuf" and (told := _of_numbers(y, name)):
            raise ValueError(told)
        if y.dtype.kind == "f" and np.isinf(y).any():  # among objects, which are made numbers last
            raise ValueError("Input y contains infinity or a value too large for dtype('float64').")
    return checked


def _validated_columns(
    estimator: Any,
    X: EncodedColumns,
    *targets: Any,
    reset: bool = True,
    multi_output: bool = False,
    y_numeric: bool = False,
    **_of_arrays: Any,
) -> Any:
    """Return encoded columns as they are, and targets as scikit-learn validates them."""
    _settle_layout(estimator, X, reset)
    if not len(X):
        raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    validate_data(estimator, X, *targets, reset=reset, skip_check_array=True)
    if not targets:
        return X
    y = _check_y(*targets, multi_output=multi_output, y_numeric=y_numeric, estimator=estimator)
    check_consistent_length(X, y)
    return X, y


def _settle_layout(estimator: Any, X: EncodedColumns | None, is_fit: bool) -> None:
    """Set what an estimator knows of the layout of encoded columns, None being other rows; refuse X of another one."""
    layout = None if X is None else X.layout
    if is_fit:
        estimator.__dict__.pop("columns_layout_", None)
        if layout is not None:
            estimator.columns_layout_ = layout
        return
    fitted = estimator.__dict__.get("columns_layout_")
    if layout != fitted:
        given, wanted = ("rows of numbers" if one is None else f"EncodedColumns of {one!r}" for one in (layout, fitted))
        raise ValueError(f"X must be {wanted}, as {type(estimator).__name__} was fitted to; got {given}.")


@contextmanager
def labels_of(y: Any, name: str) -> Iterator[None]:
    """Say in errors of the block, which finds the labels in y, what is wrong with them for an estimator of that name.

    Examples
    --------
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.inputs.validation import labels_of
    >>> with labels_of([0.5, 1.5], "MLPClassifier"):  # doctest: +ELLIPSIS
    ...     LabelBinarizer().fit([0.5, 1.5])
    Traceback (most recent call last):
    ...
    ValueError: Unknown label type: continuous. y holds real numbers such as 0.5: MLPClassifier learns classes, ...
    """
    with np.errstate(invalid="ignore"):  # scikit-learn makes integers of floats that may be too large for them
        try:
            yield
        except (ValueError, TypeError) as error:
            if told := _of_labels(error, y, name):
                raise ValueError(told) from None
            raise


def _overflows(values: Any) -> bool:
    try:
        np.asarray(values, dtype=np.float64)
    except OverflowError:
        return True
    return False


# ---- samples ---------------------------------------------------------------------------------------------------------


def _are_times(values: Any) -> bool:
    """Whether there are columns of dates or spans of time in an array or in any library's frame."""
    schema = getattr(values, "schema", None)  # of pyarrow and of polars
    dtypes = getattr(schema, "types", None) or getattr(values, "dtypes", getattr(values, "dtype", ""))
    return any(kind in str(dtypes).lower() for kind in ("date", "time", "duration", "period["))


def _of_samples(error: Exception, X: Any, name: str, is_fit: bool) -> str:
    """Return what is wrong with samples, and what helps; "" if that is unknown."""
    text = str(error)
    if text.startswith(_OF_MISSING):
        return (
            f"Input X contains NaN.\n{name} does not accept missing values encoded as NaN natively"
            f"{_where(X, np.isnan)}. fastmlp.TableModel takes them as they are; or fill them first, in a pipeline:"
            f" make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), {name}()), all but the last from"
            " scikit-learn."
        )
    if text.startswith("Input X contains infinity"):
        return f"{text.rstrip('.')}{_where(X, np.isinf)}."
    if text.startswith("Complex"):
        return ""
    if X is None or isinstance(X, str | bytes | dict):
        ways: dict[Any, str] = {dict: ": make it a pandas.DataFrame", str: ": read it with pandas.read_csv, say"}
        instead = ways.get(type(X), "")
        return f"X must be an array or a frame of shape (n_samples, n_features); got {_short(X)}{instead}."
    if isinstance(X, list | tuple) and X and isinstance(X[0], dict):
        instead = "make a pandas.DataFrame of them"
        return f"X must be an array or a frame of shape (n_samples, n_features); got a list of dicts: {instead}."
    if lengths := _lengths(X):
        return f"X has rows of different lengths, {lengths}: each must have as many features as the others."
    odd = _odd_columns(X)
    if not odd:
        return ""
    are = ", ".join(f"{column!r} (such as {_short(value)})" for column, value in odd[:_NAMED])
    more = f" and {len(odd) - _NAMED} more" if len(odd) > _NAMED else ""
    how = ": TableModel('y').fit(X.assign(y=y))" if is_fit and hasattr(X, "assign") else ""
    dates = " Of dates make years, or days since the first." if _are_times(X) else ""
    return (
        f"X has columns that are not numbers: {are}{more}. fastmlp.TableModel learns from tables as they are{how}; or"
        " make numbers of the columns first, in a pipeline with scikit-learn's ColumnTransformer and OneHotEncoder."
        f"{dates} ({text.splitlines()[0][:200]})"
    )


def _lengths(values: Any) -> str:
    """Return the first two lengths of lists in a list that are not all the same; else nothing."""
    if not isinstance(values, list | tuple):
        return ""
    found = list(dict.fromkeys(len(row) for row in values if isinstance(row, list | tuple)))
    return f"{found[0]} and {found[1]}" if len(found) > 1 else ""


def _where(X: Any, is_bad: np.ufunc) -> str:
    """Return which columns hold what a function finds, and how often; nothing for what has no columns."""
    bad: Any = sum(is_bad(_floats(rows)).sum(axis=0) for rows in _pieces(X))
    columns, (found,) = _columns(X, np.size(bad)), np.nonzero(np.atleast_1d(bad))
    if not found.size:  # sparse samples, and what is beyond the type that is computed in
        return ""
    are = ", ".join(f"{columns[i]!r} ({bad[i]} of {len(X)} rows)" for i in found[:_NAMED])
    return f": there are some in column{'s' * (found.size > 1)} {are}{' and others' * (found.size > _NAMED)}"


def _floats(rows: Any) -> NDArray:
    try:
        return np.asarray(rows, dtype=np.float64)
    except (ValueError, TypeError):  # missing values of other kinds than NaN
        values = np.asarray(rows, dtype=object)
        return np.array([[np.nan if is_missing(value) else float(value) for value in row] for row in values])


def _odd_columns(X: Any) -> list[tuple[Any, Any]]:
    """Return the columns with values that are no numbers, and the first such value of each."""
    odd: dict[int, Any] = {}
    width = 0
    for rows in _pieces(X):
        try:
            values = np.asarray(rows, dtype=object)
        except (ValueError, TypeError):
            return []
        if values.ndim != 2:
            return []
        width = values.shape[1]
        for i in set(range(width)) - set(odd):
            for value in values[:, i]:
                if not _is_number(value):
                    odd[i] = value
                    break
        if odd:  # further rows would tell no more of what to do
            break
    columns = _columns(X, width)
    return [(columns[i], odd[i]) for i in sorted(odd)]


def _pieces(X: Any) -> Iterator[Any]:
    """Yield X, an array, a list or any library's frame, some rows at a time."""
    if scipy.sparse.issparse(X) or not hasattr(X, "__len__"):
        return
    for start in range(0, len(X), _ROWS):
        if hasattr(X, "iloc"):
            yield X.iloc[start : start + _ROWS]
        elif hasattr(X, "slice"):  # polars' and pyarrow's
            rows = X.slice(start, _ROWS)
            yield rows.rows() if hasattr(rows, "rows") else list(zip(*rows.to_pydict().values(), strict=True))
        else:
            yield X[start : start + _ROWS]


def _columns(X: Any, width: int) -> list[Any]:
    """Return the names of X's columns; their numbers where they have none."""
    names = getattr(X, "column_names", None)
    names = list(getattr(X, "columns", ()) if names is None else names)
    return names if len(names) == width else list(range(width))


def _is_number(value: Any) -> bool:
    """Whether it can be made one; what is missing, too, which is told apart."""
    if isinstance(value, np.datetime64 | np.timedelta64 | complex):
        return False
    try:
        float(np.nan if is_missing(value) else value)
    except (TypeError, ValueError):
        return False
    return True


def _short(value: Any) -> str:
    if isinstance(value, np.datetime64 | np.timedelta64):  # of which items may be numbers of nanoseconds
        return str(value)
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 40 else f"{text[:37]}..."


# ---- targets ---------------------------------------------------------------------------------------------------------


def _first(y: Any, is_wanted: Any) -> Any:
    if scipy.sparse.issparse(y):
        values = y.tocoo().data
    else:  # NumPy's objects of times may be numbers of nanoseconds.
        are_times = getattr(getattr(y, "dtype", None), "kind", "") in ("M", "m")
        values = np.asarray(y, dtype=None if are_times else object).flat
    return next((value for value in values if is_wanted(value)), None)


def _of_targets(error: Exception, y: Any = None, *, name: str, takes_numbers: bool) -> str:
    """Return what is wrong with targets, which scikit-learn could not make an array of; "" if that is unknown."""
    if y is None or str(error).startswith("Complex"):
        return ""
    if (
        isinstance(y, str | bytes | dict | set | frozenset)
        or not hasattr(y, "__len__")
        or getattr(y, "shape", None) == ()
    ):
        return f"y must be an array of shape (n_samples,) or (n_samples, n_outputs); got {_short(y)}."
    if lengths := _lengths(y):
        labels = "" if takes_numbers else "; of several labels for each row make a matrix with MultiLabelBinarizer"
        return f"y has rows of different lengths, {lengths}{labels}."
    return _of_numbers(y, name) if takes_numbers else ""


def _of_numbers(y: Any, name: str) -> str:
    """Return what is wrong with the targets of a regressor; "" if that is unknown."""
    odd = _first(y, lambda value: not _is_number(value))
    if odd is None:
        return ""
    if isinstance(odd, str | bytes):
        other = name.replace("Regressor", "Classifier")
        return f"y holds texts such as {_short(odd)}: {name} learns numbers, {other} classes."
    return f"y holds {_short(odd)}, which is not a number: {name} learns numbers."


def _of_labels(error: Exception, y: Any, name: str) -> str:
    """Return what is wrong with the labels of a classifier; "" if that is unknown."""
    if told := _of_targets(error, y, name=name, takes_numbers=False):
        return told
    other = name.replace("Classifier", "Regressor")
    try:
        kind = type_of_target(y)
    except (ValueError, TypeError):
        kind = "unknown"
    if kind.startswith("continuous"):
        real = _first(y, lambda value: float(value) % 1 or abs(value) >= 1 << 63)
        return (
            f"Unknown label type: {kind}. y holds real numbers such as {_short(real)}: {name} learns classes, {other}"
            " learns numbers."
        )
    if kind == "multiclass-multioutput":
        return (
            f"Multioutput target data is not supported: y has {np.shape(y)[1]} columns of classes. {name} learns one"
            " column of classes, or a matrix of 0 and 1 with a column for each label; for several columns there is"
            " sklearn.multioutput.MultiOutputClassifier."
        )
    values = list(np.asarray(y, dtype=object).flat)
    kinds = sorted({type(value).__name__ for value in values})
    if any(isinstance(value, list | set | tuple | dict | frozenset) for value in values):
        return (
            f"Unknown label type: {', '.join(kinds)}. For several labels of a row make a matrix of 0 and 1 of them"
            " first, with sklearn.preprocessing.MultiLabelBinarizer."
        )
    if len(kinds) > 1 and (isinstance(error, TypeError) or str(error).startswith("Mix of label input types")):
        return (
            f"y mixes labels of different types: {', '.join(kinds)}. Make them one, as np.asarray(y).astype(str) does."
        )
    are_odd = isinstance(error, TypeError) or str(error).startswith(("Unknown label type", "You appear to be using"))
    # scikit-learn has its own words for bytes.
    return of_odd_labels(values, name) if are_odd and not any(isinstance(value, bytes) for value in values) else ""
