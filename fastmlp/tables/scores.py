"""These figures say how good predictions for a table are, and what the best constant prediction would reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    d2_pinball_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)


def scores_of_classes(
    y: NDArray, probabilities: NDArray, classes: list[str], majority: str
) -> dict[str, float | int | None]:
    """Return the figures of a classification; a figure that these rows do not determine is None.

    Parameters
    ----------
    y : ndarray of str
        The true labels.
    probabilities : ndarray of shape (n_rows, n_classes)
    classes : list of str
        Labels in the order of the probabilities.
    majority : str
        The most frequent class of training.
    """
    predicted, present = np.array(classes)[probabilities.argmax(axis=1)], np.unique(y)
    figures = {
        "accuracy": accuracy_score(y, predicted),
        "balanced_accuracy": recall_score(y, predicted, labels=present, average="macro"),
        "log_loss": log_loss(y, probabilities, labels=classes),
        "macro_f1": f1_score(y, predicted, labels=present, average="macro", zero_division=0.0),
    }
    if len(classes) == 2:
        figures["roc_auc"] = roc_auc_score(y, probabilities[:, 1]) if len(present) == 2 else None
    figures["majority_accuracy"] = np.mean(y == majority)
    return {name: None if figure is None else float(figure) for name, figure in figures.items()}


def scores_of_numbers(y: NDArray, predicted: NDArray, mean_of_training: float) -> dict[str, float | int | None]:
    """Return the figures of a regression; a figure that these rows do not determine is None."""
    mean = np.full(len(y), mean_of_training)
    return {
        "r2": float(r2_score(y, predicted)) if len(y) > 1 else None,
        "mae": float(mean_absolute_error(y, predicted)),
        "rmse": float(root_mean_squared_error(y, predicted)),
        "mean_mae": float(mean_absolute_error(y, mean)),
        "mean_rmse": float(root_mean_squared_error(y, mean)),
    }


def scores_of_quantiles(y: NDArray, predicted: NDArray, quantile: float) -> dict[str, float | int | None]:
    """Return the figures of predictions of a quantile: the share of rows that lie below should be near to it."""
    return {
        "d2": float(d2_pinball_score(y, predicted, alpha=quantile)) if len(y) > 1 else None,
        "pinball_loss": float(mean_pinball_loss(y, predicted, alpha=quantile)),
        "share_not_above": float(np.mean(y <= predicted)),
    }
