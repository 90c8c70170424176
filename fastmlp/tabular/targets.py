"""Targets of any type: classes as numbers and back, and numbers to learn."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets

from fastmlp.exceptions import counted, warn_user
from fastmlp.inputs.plain_targets import missing_in, of_odd_labels, of_plain_types, refuse_missing, tightened
from fastmlp.inputs.targets import class_numbers
from fastmlp.inputs.validation import labels_of
from fastmlp.registration import stored_as
from fastmlp.soundness import require
from fastmlp.tabular.reading import of_array
from fastmlp.tabular.values import KINDS


@stored_as("tabular.ClassTargets")
class ClassTargets:
    """The classes of a target of any type, or of several targets.

    Attributes
    ----------
    outputs_ : list of ndarray
        The classes of each target, sorted, in the type they were given in.
    is_matrix_ : bool
        Whether y was a matrix, with a column for each target.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tabular import ClassTargets
    >>> targets = ClassTargets()
    >>> targets.fit_transform(pd.Series(["no", "yes", "no"], dtype="category"), "TabularClassifier")
    array([0, 1, 0], dtype=int32)
    >>> targets.classes, targets.labels(targets.transform(["yes"], "TabularClassifier"))
    (array(['no', 'yes'], dtype=object), array(['yes'], dtype=object))
    """

    @property
    def classes(self) -> Any:
        """The classes as scikit-learn's ``classes_`` has them: an array, or a list of arrays for several targets."""
        return self.outputs_ if self.is_matrix_ else self.outputs_[0]

    def fit_transform(self, y: Any, estimator: str) -> NDArray[np.int32]:
        """Learn the classes, and return y as their numbers.

        Parameters
        ----------
        y : array-like or series of shape (n_samples,), or array-like or frame of shape (n_samples, n_outputs)
        estimator : str
            Whose y it is, for messages.

        Returns
        -------
        numbers : ndarray of int32, shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            When a label is missing, when y holds real numbers or labels of types that cannot be compared, and when a
            target has a single class.
        """
        labels = _labels(y, estimator)
        if labels.dtype.kind == "f":
            _require_finite(labels)
        outputs = []
        with labels_of(labels, estimator):
            for column in _columns(labels):
                column = tightened(column)
                _require_labels(column, estimator)
                outputs.append(np.unique(column))  # of labels that cannot be compared, a TypeError
                check_classification_targets(column)
        for i, classes in enumerate(outputs):
            if len(classes) == 1:
                of = f"y[:, {i}]" if labels.ndim == 2 else "y"
                raise ValueError(
                    f"{of} has only one class, {classes.tolist()[0]!r}, in {counted(len(labels))}: {estimator} needs"
                    " samples of at least two classes."
                )
        self.outputs_, self.is_matrix_ = outputs, labels.ndim == 2
        return self._numbers(labels)

    def transform(self, y: Any, estimator: str, *, name: str = "y") -> NDArray[np.int32]:
        """Return labels as numbers of the classes that were learned.

        Parameters
        ----------
        y : array-like or series of shape (n_samples,), or array-like or frame of shape (n_samples, n_outputs)
        estimator : str
            Whose y it is, for messages.
        name : str, default="y"
            What messages call it.

        Raises
        ------
        ValueError
            When a label is missing or is none of the classes, and when y has another number of targets.
        """
        labels = _labels(y, estimator, name)
        if _n_outputs(labels) != len(self.outputs_):
            given = counted(_n_outputs(labels), "target")
            raise ValueError(f"{name} has {given}, but {estimator} learned {len(self.outputs_)}.")
        for column, classes in zip(_columns(labels), self.outputs_, strict=True):
            known = set(classes.tolist())
            for row, label in enumerate(column.tolist()):
                if label not in known:
                    raise ValueError(
                        f"{name} has the label {label!r} in row {row}, counted from 0, which is none of the classes"
                        f" that {estimator} learned: {_listed(classes)}."
                    )
        return self._numbers(labels)

    def labels(self, numbers: NDArray) -> NDArray:
        """Return the labels of classes that are given as numbers, in the type they were learned in.

        Parameters
        ----------
        numbers : ndarray of int, shape (n_samples,) or (n_samples, n_outputs)
        """
        if not self.is_matrix_:
            return self.outputs_[0][numbers]
        columns = [classes[numbers[:, i]] for i, classes in enumerate(self.outputs_)]
        alike = len({column.dtype.kind for column in columns}) == 1
        return np.column_stack(columns if alike else [column.astype(object) for column in columns])

    def are(self, labels: NDArray, y: Any, estimator: str) -> NDArray[np.bool_]:
        """Return which labels are those of y, (n_samples,) or (n_samples, n_outputs); unknown labels of y are none.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What :meth:`labels` returned.
        y : array-like or series of that shape
        estimator : str
            Whose y it is, for messages.

        Raises
        ------
        ValueError
            When a label of y is missing, and when y has not the shape of labels.
        """
        given = _labels(y, estimator)
        if given.shape != labels.shape:
            raise ValueError(f"y must have the shape {labels.shape} of predictions for X; got {given.shape}.")
        return np.array(given.astype(object) == labels.astype(object), bool)

    def check_state(self) -> None:
        """Refuse attributes that ``fit_transform`` does not set; an object from a file may have any."""
        outputs, is_matrix = vars(self).get("outputs_"), vars(self).get("is_matrix_")
        require(type(outputs) is list and bool(outputs), "outputs_ of ClassTargets is no list of classes")
        require(type(is_matrix) is bool, "is_matrix_ of ClassTargets is neither true nor false", is_matrix)
        require(is_matrix or len(outputs or []) == 1, "outputs_ of ClassTargets has several targets")
        for classes in outputs or []:
            sound = type(classes) is np.ndarray and classes.ndim == 1 and len(classes) > 1
            require(sound and classes.dtype.kind in "biufUO", "the classes of a target are none")
            listed = classes.tolist()
            require(len({type(label) for label in listed}) == 1, "the classes of a target are of several types")
            require(type(listed[0]) in (bool, int, float, str), "the classes of a target are of a wrong type")
            require(all(a < b for a, b in pairwise(listed)), "the classes are not in order")

    def _numbers(self, labels: NDArray) -> NDArray[np.int32]:
        columns = zip(_columns(labels), self.outputs_, strict=True)
        numbers = [class_numbers(column.astype(classes.dtype), classes) for column, classes in columns]
        return np.column_stack(numbers) if self.is_matrix_ else numbers[0]


def number_targets(y: Any, estimator: str, *, name: str = "y") -> NDArray[np.float64]:
    """Return targets as numbers.

    Parameters
    ----------
    y : array-like or series of shape (n_samples,), or array-like or frame of shape (n_samples, n_outputs)
    estimator : str
        Whose y it is, for messages.
    name : str, default="y"
        What messages call it.

    Returns
    -------
    y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)

    Raises
    ------
    ValueError
        When a target is missing, infinite, or no number.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tabular.targets import number_targets
    >>> number_targets(pd.Series([1, 2], dtype="Int64"), "TabularRegressor")
    array([1., 2.])
    >>> number_targets(pd.Series([1, None], dtype="Int64"), "TabularRegressor")
    Traceback (most recent call last):
    ...
    ValueError: Input y contains NaN: 1 of 2 targets is missing, the first in row 1, counted from 0: leave them out.
    """
    values = _labels(y, estimator, name)
    found = of_array(values.ravel())
    if found.kind != "numbers":
        what = "no numbers" if found.kind == "unusable" else f"{KINDS[found.kind]} such as {found.example()!r:.60}"
        other = f", {estimator.replace('Regressor', 'Classifier')} classes" * (found.kind == "texts")
        raise ValueError(f"{name} holds {what}: {estimator} learns numbers{other}.")
    numbers = found.data.reshape(values.shape)
    _require_finite(numbers, name)
    return numbers


def in_near_units(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Return numbers and predictions for them in units in which their squares are neither too large nor too small.

    The unit of each column is a power of two, so that no digit changes: a score that has no unit stays the same.

    Parameters
    ----------
    true, predicted : ndarray of shape (n_rows,) or (n_rows, n_outputs)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.targets import in_near_units
    >>> in_near_units(np.array([2.0**900, 3 * 2.0**900]), np.array([2.0**900, 2.0**901]))
    (array([0.25, 0.75]), array([0.25, 0.5 ]))
    """
    largest = np.maximum(np.abs(true).max(axis=0), np.abs(predicted).max(axis=0))
    exponents = np.frexp(largest)[1]
    return np.ldexp(true, -exponents), np.ldexp(predicted, -exponents)


def _require_labels(column: NDArray, estimator: str) -> None:
    """Refuse labels that are neither truth values nor numbers nor texts, all of one of these kinds.

    scikit-learn has its own words for lists and bytes, and NumPy for texts among other labels.
    """
    if column.dtype.kind in "biufUSc":
        return
    classes = {type(label) for label in column.tolist()} if column.dtype.kind == "O" else {column.dtype.type}
    if any(issubclass(cls, str | bytes | list | tuple | set | dict | np.ndarray) for cls in classes):
        return
    raise ValueError(of_odd_labels(column, estimator))


def _require_finite(numbers: NDArray, name: str = "y") -> None:
    infinite = np.isinf(numbers).reshape(len(numbers), -1).any(axis=1)
    if infinite.any():
        raise ValueError(
            f"Input {name} contains infinity or a value too large for dtype('float64'): in row"
            f" {int(infinite.argmax())}, counted from 0."
        )


def _columns(labels: NDArray) -> list[NDArray]:
    return [labels] if labels.ndim == 1 else list(labels.T)


def _n_outputs(labels: NDArray) -> int:
    return 1 if labels.ndim == 1 else labels.shape[1]


def _listed(classes: NDArray) -> str:
    shown = ", ".join(map(repr, classes.tolist()[:10]))
    return f"{shown}, ..." if len(classes) > 10 else shown


def _labels(y: Any, estimator: str, name: str = "y") -> NDArray:
    """Return y as an array without missing values; a column becomes a vector, with scikit-learn's warning."""
    array = of_plain_types(_array(y, estimator, name))
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if array.ndim == 2 and array.shape[1] == 1:
        warn_user(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,),"
            " for example using ravel().",
            DataConversionWarning,
        )
        array = array[:, 0]
    refuse_missing(missing_in(array), name)
    return array


def _array(y: Any, estimator: str, name: str) -> NDArray:
    """Return y as an array; texts of frames are objects."""
    y = nw.to_native(y, pass_through=True)
    if nw.dependencies.is_into_series(y):
        return _of_series(nw.from_native(y, series_only=True))
    if nw.dependencies.is_into_dataframe(y):
        frame = nw.from_native(y, eager_only=True)
        columns = [_of_series(frame[:, i]) for i in range(frame.shape[1])]
        alike = len({column.dtype.kind for column in columns}) == 1
        return np.column_stack(columns if alike else [column.astype(object) for column in columns])
    if (arrow := nw.dependencies.get_pyarrow()) is not None and isinstance(y, arrow.Array):
        return _of_series(nw.from_native(arrow.chunked_array([y]), series_only=True))
    try:
        array = np.asarray(y)
        if np.ma.is_masked(y):  # What is masked is missing.
            array = array.astype(object)
            array[np.ma.getmaskarray(y)] = None
        if array.dtype.kind == "U" and not isinstance(y, np.ndarray):
            labels = np.asarray(y, dtype=object)  # numbers among texts stay numbers, and are refused
            array = array if set(map(type, labels.ravel().tolist())) <= {str, np.str_} else labels
    except ValueError:  # of rows of different lengths
        array = np.zeros(())
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{name} must be an array of shape (n_samples,) or (n_samples, n_outputs), and {estimator} needs at"
            f" least one sample; got {y!r:.80}."
        )
    return array


def _of_series(series: nw.Series) -> NDArray:
    items = series.to_list()
    array = np.empty(len(items), object)
    array[:] = items
    return tightened(array)
