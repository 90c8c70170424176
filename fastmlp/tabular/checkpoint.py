"""Checkpoints of ensembles: the members that a fit has finished, in a file, so that a killed fit can go on."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp import persistence
from fastmlp.callbacks import ModelCheckpoint
from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, require
from fastmlp.tabular.encoding import FoldTrees
from fastmlp.tabular.ensemble import Member, Trained
from fastmlp.tabular.folds import Fold


@stored_as("tabular.Checkpoint")
class Checkpoint:
    """What a fit that has not come to its end can be resumed from.

    A member depends on the rows, on its fold, its kind and the seed of its target alone, so that the members of a
    resumed fit are those of one that nobody killed.

    Parameters
    ----------
    samples : str
        What :func:`fingerprint` says of the rows of the fit.
    folds : list of Fold
    seeds : list of int
        One for each target.

    Attributes
    ----------
    finished : list of dict of (str, int) to tuple
        For each target, by the kind's name and by the fold: a member, what it predicts for the rows that it leaves out,
        and its record.
    trees : list of FoldTrees
        For each target, the trees of its members.
    """

    def __init__(self, samples: str, folds: Iterable[Fold], seeds: Iterable[int]) -> None:
        self.samples = samples
        self.folds = [tuple(fold) for fold in folds]
        self.seeds = list(seeds)
        self.finished: list[dict[tuple[str, int], tuple[Member, NDArray, dict[str, Any]]]] = [{} for _ in self.seeds]
        self.trees = [FoldTrees() for _ in self.seeds]

    @property
    def n_finished(self) -> int:
        """The number of finished members of all targets."""
        return sum(map(len, self.finished))

    def members_of(self, number: int) -> dict[tuple[str, int], Trained]:
        """Return the finished members of a target, by the kind's name and by the fold."""
        return {key: Trained(*each) for key, each in self.finished[number].items()}

    def snapshot(self) -> Checkpoint:
        """Return a copy that no other thread adds members to."""
        copy = Checkpoint(self.samples, [Fold(*fold) for fold in self.folds], self.seeds)
        copy.finished = [each.copy() for each in self.finished]
        copy.trees = [_copied(each) for each in self.trees]
        return copy

    def check_state(self) -> None:
        """Refuse attributes that no fit sets."""
        samples, folds, seeds, finished, trees = map(vars(self).get, ("samples", "folds", "seeds", "finished", "trees"))
        require(type(samples) is str, "samples of a Checkpoint is no text")
        sound = type(folds) is list and all(type(fold) is tuple and len(fold) == 2 for fold in folds)
        sound = sound and all(_are_rows(part) for fold in folds or () for part in fold)
        require(sound, "folds of a Checkpoint are none")
        require(type(seeds) is list and all(map(is_count, seeds)), "seeds of a Checkpoint are no numbers")
        n = len(self.seeds)
        sound = type(trees) is list and len(trees) == n and all(type(each) is FoldTrees for each in trees)
        require(sound, "trees of a Checkpoint are not those of its targets")
        sound = type(finished) is list and len(finished) == n and all(type(each) is dict for each in finished)
        require(sound, "finished members of a Checkpoint are not those of its targets")
        for of_target in self.finished:
            for key, each in of_target.items():
                sound = type(each) is tuple and len(each) == 3 and isinstance(each[0], Member)
                require(sound, "a finished member of a Checkpoint is none", key)
                self._check_finished(key, *each)

    def _check_finished(self, key: Any, member: Member, predicted: Any, record: Any) -> None:
        sound = key == (member.kind.name, member.fold) and member.fold < len(self.folds)
        require(sound, "a finished member of a Checkpoint is another one", key)
        is_matrix = type(predicted) is np.ndarray and predicted.dtype.kind == "f" and predicted.ndim == 2
        fits = is_matrix and len(predicted) == len(self.folds[member.fold][1])
        require(fits, "predictions of a finished member are not for its rows")
        sound = type(record) is dict and type(record.get("loss")) is float and type(record.get("cut")) is bool
        require(sound, "the record of a finished member is none")


def _copied(trees: FoldTrees) -> FoldTrees:
    """Return the trees there are, in dicts that other threads do not add to; no tree is without its fold's orders."""
    copy = FoldTrees()
    copy.trees_ = trees.trees_.copy()
    copy.orders_ = trees.orders_.copy()
    return copy


def _are_rows(value: Any) -> bool:
    """Whether a value is an array of places of rows."""
    return type(value) is np.ndarray and value.ndim == 1 and value.dtype.kind in "iu" and bool((value >= 0).all())


def fingerprint(*arrays: NDArray | None) -> str:
    """Return a text that is the same for the same arrays alone.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.checkpoint import fingerprint
    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3)), fingerprint(np.arange(3)) == fingerprint(np.ones(3))
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{None if array is None else (array.shape, array.dtype.str)};".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class CheckpointFile:
    """A file that an estimator is written to while its members are trained, and once more when it is fitted.

    Parameters
    ----------
    callback : ModelCheckpoint
        Where it is, and after how many members it is written. It is written at most once in a second, and takes at most
        a tenth of the time; and when the fit is interrupted or fails.
    estimator : TabularEstimator
    checkpoint : Checkpoint

    Raises
    ------
    ValueError
        For parameters of the callback that are about the epochs of a single network.
    FileNotFoundError
        Where there is no such directory.
    """

    #: The least seconds from one time that it is written to the next, and the least as a multiple of how long one took.
    _SECONDS, _TIMES = 1.0, 10.0

    def __init__(self, callback: ModelCheckpoint, estimator: Any, checkpoint: Checkpoint) -> None:
        cls = type(estimator).__name__
        callback.validate()
        for name, default in (("save_best_only", False), ("monitor", None), ("mode", "auto"), ("min_delta", 0.0)):
            if (value := getattr(callback, name)) != default:
                raise ValueError(
                    f"ModelCheckpoint writes the finished members of a {cls}, not the epochs of one network:"
                    f" {name}={value!r} means nothing there; leave it at {default!r}."
                )
        self._path = Path(os.fspath(callback.path))
        if "{" in str(self._path):
            raise ValueError(
                f"ModelCheckpoint: path={str(self._path)!r} is a pattern, but the members of a {cls} go into a single"
                " file: name it without braces."
            )
        if not self._path.parent.is_dir():
            raise FileNotFoundError(f"ModelCheckpoint: path={str(self._path)!r} is in no directory there is.")
        self._callback, self._estimator, self._checkpoint = callback, estimator, checkpoint
        self._next, self._n_written = 0.0, 0
        self._writing = threading.Lock()

    def member_finished(self) -> None:
        """Write the finished members, if it is time to and no other thread is doing so."""
        began = time.monotonic()
        if self._checkpoint.n_finished % self._callback.every or began < self._next:
            return
        if not self._writing.acquire(blocking=False):
            return
        try:
            self._write_finished()
            now = time.monotonic()
            self._next = now + max(self._SECONDS, self._TIMES * (now - began))
        finally:
            self._writing.release()

    def fit_failed(self) -> None:
        """Write the members that the file lacks, when no others are trained any more: Ctrl-C is to lose none."""
        if self._checkpoint.n_finished > self._n_written:
            self._write_finished()

    def fit_finished(self) -> None:
        """Write the fitted estimator."""
        self._write(self._estimator)

    def _write_finished(self) -> None:
        """Write an estimator of the same parameters that knows of nothing but the finished members."""
        kept = {*self._estimator.get_params(deep=False), "_metadata_request"}
        made = object.__new__(type(self._estimator))
        vars(made).update({name: value for name, value in vars(self._estimator).items() if name in kept})
        made._checkpoint = self._checkpoint.snapshot()
        self._write(made)
        self._n_written = made._checkpoint.n_finished

    def _write(self, estimator: Any) -> None:
        persistence.save(estimator, self._path)
        self._callback.path_ = str(self._path)
