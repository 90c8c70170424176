"""Scorers for members: a scorer that a user names sees a member as an estimator of the user's own targets.

A member's network predicts numbers of classes, or scaled numbers, of encoded columns. A scorer is shown labels, or
numbers in their own scale, so that ``pos_label="yes"`` and errors of logarithms mean what they always mean.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

#: What a network predicts of encoded columns, (n_rows, n_outputs).
Predict = Callable[[Any], NDArray]


class MemberClassifier(ClassifierMixin, BaseEstimator):
    """A member of a classifier, as scorers see it.

    Parameters
    ----------
    probabilities : callable
        It returns those of all classes.
    classes : ndarray of shape (n_classes,)
        The labels.
    """

    def __init__(self, probabilities: Predict, classes: NDArray) -> None:
        self.probabilities = probabilities
        self.classes = classes

    @property
    def classes_(self) -> NDArray:
        """The labels."""
        return self.classes

    def predict_proba(self, X: Any) -> NDArray:
        """Return the probabilities of the classes."""
        return self.probabilities(X)

    def predict(self, X: Any) -> NDArray:
        """Return the most probable labels."""
        return self.classes[self.probabilities(X).argmax(axis=1)]


class MemberRegressor(RegressorMixin, BaseEstimator):
    """A member of a regressor, as scorers see it.

    Parameters
    ----------
    numbers : callable
        It returns numbers in their own scale.
    """

    def __init__(self, numbers: Predict) -> None:
        self.numbers = numbers

    def predict(self, X: Any) -> NDArray:
        """Return the numbers."""
        return self.numbers(X)


class MemberScorer:
    """A scorer for members' networks: it shows a user's scorer what that one understands.

    Parameters
    ----------
    scorer : callable
        A scorer of scikit-learn's, or a function of the estimator, X and y.
    shown : callable
        It is called with what predicts encoded columns, and returns an estimator.
    targets : callable
        It is called with the members' targets, and returns the user's.
    predicted : callable
        It is called with a network and encoded columns, and returns predictions, (n_rows, n_outputs).
    """

    def __init__(
        self,
        scorer: Callable[..., Any],
        shown: Callable[[Predict], Any],
        targets: Callable[[NDArray], NDArray],
        predicted: Callable[[Any, Any], NDArray],
    ) -> None:
        self.scorer = scorer
        self.shown = shown
        self.targets = targets
        self.predicted = predicted

    def __call__(self, network: Any, X: Any, y: NDArray, **weights: NDArray) -> float:
        """Return the score of a network."""
        estimator = self.shown(lambda columns: self.predicted(network, columns))
        score = self.scorer(estimator, X, self.targets(np.asarray(y)), **weights)
        if not isinstance(score, Real):
            raise ValueError(f"scoring must give a real number; got {score!r:.100}.")
        return float(score)
