"""The samples that early stopping holds out of training, to judge the epochs by."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from fastmlp.fitting.evaluation import EvaluationSet
from fastmlp.fitting.problem import TrainingData
from fastmlp.inputs.rows import dense_rows


def held_out_set(data: TrainingData, held_out: NDArray) -> EvaluationSet:
    """Return the samples of these indices as a set to evaluate with, called "validation"."""
    if data.targets is None:
        targets = dense_rows(_safe_indexing(data.X, held_out), data.dtype)
    else:
        targets = np.ascontiguousarray(data.targets[held_out])
    return EvaluationSet(
        "validation",
        data.X,
        data.y[held_out],
        data.rows,
        targets,
        None if data.sample_weight is None else data.sample_weight[held_out],
        held_out,
    )


def split(data: TrainingData, fraction: float, random_state: np.random.RandomState) -> tuple[NDArray, NDArray]:
    """Return the indices of the samples to learn from, and of those that are held out.

    The split of two classes is stratified; with more classes it is a plain shuffle, as in scikit-learn.

    Raises
    ------
    ValueError
        When too few samples are on one side, or all of one side have the weight 0.
    """
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - it takes long

    strata, labels = None, [False, True]
    if data.classes is not None and data.targets is not None and data.targets.ndim == 2 and data.targets.shape[1] == 1:
        strata = np.where(data.targets[:, 0] > 0.5, "True", "False")
        labels = data.classes.tolist() if len(data.classes) == 2 else labels
    check_held_out(fraction, data.n_samples, strata, labels)
    learned, held_out = train_test_split(
        np.arange(data.n_samples), random_state=random_state, test_size=fraction, stratify=strata
    )
    if data.weights is not None:
        for part, what in ((learned, "left to learn from"), (held_out, "held out")):
            if not data.weights[part].any():
                raise ValueError(
                    f"validation_fraction={fraction!r}: all rows that are {what} have the weight 0; give weights to"
                    " more rows, or fit an eval_set."
                )
    return learned, held_out


def check_held_out(
    fraction: float,
    n_rows: int,
    strata: NDArray | None = None,
    labels: Sequence[Any] = (),
    *,
    instead: str = "fit an eval_set",
) -> None:
    """Refuse a validation_fraction that leaves too few rows on one side, as train_test_split would in its own words.

    Parameters
    ----------
    fraction : float
        The parameter validation_fraction.
    n_rows : int
        The number of samples there are.
    strata : ndarray of shape (n_rows,), default=None
        "False" or "True" for each sample, where both are to be on either side.
    labels : sequence of length 2, default=()
        The classes that "False" and "True" stand for.
    instead : str, default="fit an eval_set"
        What else the estimator can do; messages end with it.

    Raises
    ------
    ValueError
        The message says what there is, and what would do.

    Examples
    --------
    >>> from fastmlp.fitting.holding_out import check_held_out
    >>> check_held_out(0.0, 150)
    Traceback (most recent call last):
    ...
    ValueError: validation_fraction=0.0 holds no rows out for early_stopping=True: give more, or fit an eval_set.
    """
    shown = f"validation_fraction={fraction!r}"
    if not fraction:
        raise ValueError(f"{shown} holds no rows out for early_stopping=True: give more, or {instead}.")
    n_held_out = math.ceil(fraction * n_rows)
    n_left = n_rows - n_held_out
    if n_left < 1:
        raise ValueError(f"{shown} of {n_rows} rows leaves none to learn from: give less, or {instead}.")
    if strata is not None:
        names, counts = np.unique(strata, return_counts=True)
        if counts.min() < 2:
            # These are scikit-learn's words, which its own tests know.
            rare = names[counts < 2].tolist()
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few. The minimum number of groups"
                f" for any class cannot be less than 2. Classes with too few members are: {rare}. {shown} is of each"
                f" class, and y has 1 row of {', '.join(repr(labels[name == 'True']) for name in rare)}: give more"
                f" of them, or {instead}."
            )
        for n, what, change in ((n_held_out, "held out", "more"), (n_left, "left to learn from", "less")):
            if n < len(names):
                raise ValueError(
                    f"{shown} of {n_rows} rows holds out {n_held_out}: too few are {what} for {len(names)} classes;"
                    f" give {change}, or {instead}."
                )
    if n_held_out < 2:  # These are scikit-learn's words, too.
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
