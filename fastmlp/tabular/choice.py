"""Which columns of a table are categories, as its user says."""

from __future__ import annotations

from typing import Any

import numpy as np


def chosen_columns(categorical_features: Any, labels: list[Any] | None, n_columns: int) -> list[int] | None:
    """Return the places of the columns that are named as categories; None where the columns' types decide.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of bool, int or str
        scikit-learn's parameter of HistGradientBoostingClassifier: a mask of all columns, or places or names of some.
    labels : list or None
        The names of the columns; None for an array.
    n_columns : int

    Raises
    ------
    ValueError
        It names the wrong entry.

    Examples
    --------
    >>> from fastmlp.tabular.choice import chosen_columns
    >>> chosen_columns(["size"], ["size", "color"], 2), chosen_columns([False, True], None, 2)
    ([0], [1])
    """
    if isinstance(categorical_features, str):
        if categorical_features == "from_dtype":
            return None
        raise ValueError(
            f"categorical_features must be 'from_dtype', None, or a list of bool, int or str; got"
            f" {categorical_features!r}: for one column write [{categorical_features!r}]."
        )
    if categorical_features is None:
        return []
    entries = np.asarray(categorical_features, dtype=object).tolist()
    if not isinstance(entries, list):
        raise ValueError(
            f"categorical_features must be 'from_dtype', None, or a list of bool, int or str; got {entries!r}."
        )
    kinds = {type(entry) for entry in entries}
    if kinds <= {bool, np.bool_}:
        if entries and len(entries) != n_columns:
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got:"
                f" ({len(entries)},), and X has {n_columns} features."
            )
        return [i for i, entry in enumerate(entries) if entry]
    if all(issubclass(kind, str) for kind in kinds):
        known = {label: i for i, label in enumerate(labels or []) if isinstance(label, str)}
        if not known:
            raise ValueError(
                "categorical_features should be passed as an array of integers or as a boolean mask when the model is"
                f" fitted on data without feature names; got {entries[0]!r}."
            )
        for entry in entries:
            if entry not in known:
                raise ValueError(
                    f"categorical_features has an item value {entry!r} which is not a valid feature name of the"
                    f" training data. Observed feature names: {list(known)}"
                )
        return sorted({known[entry] for entry in entries})
    for entry in entries:
        if not isinstance(entry, int | np.integer) or isinstance(entry, bool):
            raise ValueError(
                "categorical_features must be an array-like of bool, int or str, and all of one type; got"
                f" {', '.join(sorted(kind.__name__ for kind in kinds))}, {entry!r} for instance."
            )
        if not 0 <= entry < n_columns:
            raise ValueError(
                "categorical_features set as integer indices must be in [0, n_features - 1]; got"
                f" {entry}, and X has {n_columns} features."
            )
    return sorted({int(entry) for entry in entries})
