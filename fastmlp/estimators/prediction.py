"""Predictions: what a network's outputs mean, and the packed networks that estimators predict with."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer

from fastmlp.inputs.targets import decode_labels
from fastmlp.network import Predictor
from fastmlp.threads import prediction_team

if TYPE_CHECKING:
    from fastmlp.estimators.network_estimator import NetworkEstimator


# ---- decoding --------------------------------------------------------------------------------------------------------


class Decoding:
    """The way from a network's outputs to predictions.

    Parameters
    ----------
    form : {"columns", "flat", "pair"}
        The form in which a predictor answers: "columns" is the outputs, shape (n_samples, n_outputs); of a single
        output "flat" is the outputs, shape (n_samples,), and "pair" with p the output the columns 1 - p and p.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.estimators.prediction import Decoding
    >>> Decoding("pair").answers(np.array([[0.25]])), Decoding("pair").outputs(np.array([[0.75, 0.25]]))
    (array([[0.75, 0.25]]), array([[0.25]]))
    """

    __slots__ = ("form",)

    def __init__(self, form: str) -> None:
        self.form = form

    def answers(self, outputs: NDArray) -> NDArray:
        """Return a network's outputs, of shape (n_samples, n_outputs), in the form in which a predictor gives them."""
        if self.form == "pair":
            return np.hstack([1 - outputs, outputs])
        return outputs.ravel() if self.form == "flat" else outputs

    def outputs(self, answers: NDArray) -> NDArray:
        """Return the network's outputs, of shape (n_samples, n_outputs), given a predictor's answers."""
        return answers[:, 1:] if self.form == "pair" else answers.reshape(len(answers), -1)

    def predictions(self, outputs: NDArray) -> Any:
        """Return what predict returns for outputs of shape (n_samples, n_outputs)."""
        raise NotImplementedError


class NumberDecoding(Decoding):
    """The way from a network's outputs to numbers, which are the outputs themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.estimators.prediction import NumberDecoding
    >>> NumberDecoding(n_outputs=1).predictions(np.array([[1.5], [2.5]]))
    array([1.5, 2.5])
    """

    __slots__ = ()

    def __init__(self, n_outputs: int) -> None:
        self.form = "flat" if n_outputs == 1 else "columns"

    def predictions(self, outputs: NDArray) -> NDArray:
        """Return the numbers, of shape (n_samples,) where the network has a single output."""
        return outputs.ravel() if outputs.shape[1] == 1 else outputs


class LabelDecoding(Decoding):
    """The way from a network's outputs to labels.

    Parameters
    ----------
    n_outputs : int
    binarizer : LabelBinarizer
        Fitted to the labels.
    threshold : float
        The output above which the second of two classes, or a label, is predicted.
    is_probability : bool
        Whether outputs are probabilities rather than scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.estimators.prediction import LabelDecoding
    >>> decoding = LabelDecoding(1, LabelBinarizer().fit(["no", "yes"]), threshold=0.5, is_probability=True)
    >>> decoding.form, decoding.predictions(np.array([[0.2], [0.8]])).tolist()
    ('pair', ['no', 'yes'])
    """

    __slots__ = ("binarizer", "threshold")

    def __init__(self, n_outputs: int, binarizer: LabelBinarizer, threshold: float, is_probability: bool) -> None:
        self.form = "columns" if n_outputs > 1 else "pair" if is_probability else "flat"
        self.binarizer, self.threshold = binarizer, threshold

    def predictions(self, outputs: NDArray) -> Any:
        """Return the labels, or for several labels per sample an indicator matrix."""
        return decode_labels(outputs, self.binarizer, self.threshold)


# ---- kept predictors -------------------------------------------------------------------------------------------------


class KeptPredictor:
    """A packed network that an estimator predicts with from call to call, and what it was made from.

    The estimator's attributes are the truth: the packed network holds for as long as they are what it was made from.

    Parameters
    ----------
    estimator : NetworkEstimator
        Fitted.
    form : str
        The form of the predictor's answers: see :class:`Decoding`.
    """

    __slots__ = ("_bits", "_key", "predictor")

    #: The predictors of estimators. They are not attributes, since they are no part of a pickle, and predict leaves an
    #: estimator's attributes as they are.
    _of_estimators: MutableMapping[NetworkEstimator, KeptPredictor] = WeakKeyDictionary()

    def __init__(self, estimator: NetworkEstimator, form: str) -> None:
        prediction_team(estimator.n_jobs)  # It refuses a bad n_jobs.
        self._key = estimator._predictor_key(form)
        self.predictor: Predictor = estimator._network(estimator.coefs_[0].dtype).predictor(form, estimator.n_jobs)
        # A predictor whose parameters are the estimator's, bit by bit, can compare them itself, in no time.
        compares = not estimator._has_more_than_weights and self.predictor.holds(
            estimator.coefs_, estimator.intercepts_
        )
        self._bits: list | None = None if compares else estimator._bits()

    def is_of(self, estimator: NetworkEstimator, form: str) -> bool:
        """Whether the estimator's attributes and parameters are what the predictor was made from."""
        if self._key != estimator._predictor_key(form):
            return False
        if self._bits is None:
            return self.predictor.holds(estimator.coefs_, estimator.intercepts_)
        return self._bits == estimator._bits()

    @classmethod
    def of(cls, estimator: NetworkEstimator, form: str) -> Predictor:
        """Return the predictor of an estimator in the type of its weights: the kept one, or a new one."""
        if type(estimator).__hash__ is None:  # There is no place to keep it.
            return estimator._network(estimator.coefs_[0].dtype).predictor(form, estimator.n_jobs)
        kept = cls._of_estimators.get(estimator)
        if kept is None or not kept.is_of(estimator, form):
            kept = cls._of_estimators[estimator] = cls(estimator, form)
        return kept.predictor


def numbers_of_frame(X: Any, names: NDArray, dtype: np.dtype) -> NDArray | None:
    """Return the numbers in a pandas DataFrame whose columns have these names and this type; None for all else.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from fastmlp.estimators.prediction import numbers_of_frame
    >>> frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    >>> numbers_of_frame(frame, np.array(["a", "b"]), np.dtype(float))
    array([[1., 2.]])
    >>> numbers_of_frame(frame, np.array(["b", "a"]), np.dtype(float))
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or type(X) is not pandas.DataFrame or set(X.dtypes) != {dtype}:
        return None
    columns = X.columns.tolist()
    if not all(isinstance(name, str) for name in columns) or columns != names.tolist():
        return None
    return np.ascontiguousarray(X.to_numpy())
