"""Labels of classes are read here: which marks are labels, and how labels and other learned texts are spelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.exceptions import counted
from fastmlp.tables.frames import TableError, log, shown
from fastmlp.tables.missing import WORD, Marks
from fastmlp.tables.notation import numbers_in
from fastmlp.tables.values import matches, spellings

# A mark that is a word is a class if it has at least this share of the rows that the other classes have on average.
_SHARE_OF_A_WORD = 0.5


def marks_that_are_classes(name: str, texts: NDArray, missing: Iterable[Any], keep: Iterable[str]) -> set[str]:
    """Return the marks for missing values that are classes in a target: those to keep, and "None" among other classes.

    Parameters
    ----------
    name : str
        The name of the target, for the message.
    texts : ndarray of str
        The values of the target.
    missing, keep : iterable
        The user's own words, as :class:`fastmlp.tables.missing.Marks` takes them.
    """
    kept = set(keep)
    n_word = int((texts == WORD).sum())
    is_missing = Marks(missing, {WORD}).among(np.array([WORD], object)).any()
    others = Counter(texts[~Marks(missing, kept).among(texts)])
    if not n_word or is_missing or WORD in others or not np.isnan(numbers_in(np.array(list(others), object))).any():
        return kept
    if n_word < _SHARE_OF_A_WORD * np.mean(list(others.values())):
        return kept
    said = "column %r, the target: %r is a class, of %s (--missing %s says otherwise)"
    log.info(said, name, WORD, counted(n_word), WORD)
    return kept | {WORD}


def in_one_spelling(name: str, texts: NDArray) -> NDArray:
    """Return a column's texts, each in the spelling that comes most often, and say which were spelled otherwise."""
    others = spellings(texts)
    if not others:
        return texts
    log.info("column %r: %s (--exact tells them apart)", name, _taken_for(others))
    return np.array([others.get(text, text) for text in texts], object)


def known_labels(name: str, labels: NDArray, classes: list[str], decimal: str, exact: bool) -> NDArray:
    """Return labels as training spelled them; without a full stop at the end where that makes them known.

    Parameters
    ----------
    name : str
        The name of the target, for messages.
    labels : ndarray of str
    classes : list of str
        The labels that training saw.
    decimal : {".", ","}
        The decimal mark of labels that are numbers.
    exact : bool
        Whether labels must be spelled as in training.

    Raises
    ------
    TableError
        When there are labels that training did not see.
    """
    unseen = _unseen(labels, classes, decimal, exact)
    if unseen:
        without = np.array([label.removesuffix(".").strip() for label in labels], object)
        if _unseen(without, classes, decimal, exact):
            raise TableError(f"column {name!r}, the target: training did not see {shown(unseen)}, but {shown(classes)}")
        log.info("labels are taken without the full stop at their end: %s", shown(unseen))
        labels = without
    others = {} if exact else matches(sorted(set(labels)), classes, decimal)
    if others:
        log.info("labels: %s", _taken_for(others))
    return np.array([others.get(label, label) for label in labels], object)


def _unseen(labels: NDArray, classes: list[str], decimal: str, exact: bool) -> list[str]:
    distinct = set(labels)
    return sorted(distinct - set(classes) - ({} if exact else matches(distinct, classes, decimal)).keys())


def _taken_for(others: dict[str, str], most: int = 10) -> str:
    said = [f"{text!r} is taken for {known!r}" for text, known in others.items()]
    return ", ".join(said[:most]) + (f" and {len(said) - most:,} more" if len(said) > most else "")
