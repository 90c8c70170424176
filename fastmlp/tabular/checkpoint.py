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
from fastmlp.persistence.encode import Encoder, NotEncodable
from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, require
from fastmlp.tabular.encoding import FoldTrees
from fastmlp.tabular.ensemble import Member, Trained
from fastmlp.tabular.folds import Fold

#: The parameters of estimators that may be others where a fit is resumed: what members learn does not follow from them,
#: or is the matter of callbacks, which a file need not hold.
_FREE = ("n_jobs", "verbose", "time_limit", "callbacks")


@stored_as("tabular.Checkpoint")
class Checkpoint:
    """What a fit that has not come to its end can be resumed from.

    A member depends on the rows, the parameters, its fold, its kind and the seed of its target alone, so that the
    members of a resumed fit are those of one that nobody killed.

    Parameters
    ----------
    samples : str
        What :func:`fingerprint` says of the rows of the fit.
    parameters : dict
        Those of the estimator that :func:`learned_by` returns.
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

    def __init__(self, samples: str, parameters: dict[str, Any], folds: Iterable[Fold], seeds: Iterable[int]) -> None:
        self.samples = samples
        self.parameters = parameters
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

    def require_parameters(self, estimator: Any) -> None:
        """Refuse an estimator whose members would learn something else than those that have been finished.

        Raises
        ------
        ValueError
            It names the parameters that differ, with both values.
        """
        now = learned_by(estimator)
        before = {name: self.parameters.get(name) for name in now}
        other = [name for name, value in now.items() if not _are_same(before[name], value, estimator)]
        if other:
            was, is_now = (", ".join(f"{name}={values[name]!r:.100}" for name in other) for values in (before, now))
            raise ValueError(
                f"The fit that is to be resumed had {was}, and this {type(estimator).__name__} has {is_now}: members of"
                " two problems would be mixed. Set what there was by set_params, or begin anew with fit;"
                f" {', '.join(_FREE[:-1])} and {_FREE[-1]} may be others."
            )

    def snapshot(self) -> Checkpoint:
        """Return a copy that no other thread adds members to, with the trees of finished members alone.

        Those of others may have been interrupted while they grew; a resumed fit grows them from the beginning.
        """
        copy = Checkpoint(self.samples, self.parameters, [Fold(*fold) for fold in self.folds], self.seeds)
        copy.finished = [each.copy() for each in self.finished]
        copy.trees = [
            trees.of((member.fold, member.kind.trees) for member, _, _ in finished.values())
            for finished, trees in zip(copy.finished, self.trees, strict=True)
        ]
        return copy

    def check_state(self) -> None:
        """Refuse attributes that no fit sets."""
        samples, folds, seeds, finished, trees = map(vars(self).get, ("samples", "folds", "seeds", "finished", "trees"))
        require(type(samples) is str, "samples of a Checkpoint is no text")
        parameters = vars(self).get("parameters")
        sound = type(parameters) is dict and all(type(name) is str for name in parameters)
        require(sound, "parameters of a Checkpoint are none")
        sound = type(folds) is list and all(type(fold) is tuple and len(fold) == 2 for fold in folds)
        sound = sound and all(_are_rows(part) for fold in folds or () for part in fold)
        require(sound, "folds of a Checkpoint are none")
        require(type(seeds) is list and all(map(is_count, seeds)), "seeds of a Checkpoint are no numbers")
        n = len(self.seeds)
        sound = type(trees) is list and len(trees) == n and all(type(each) is FoldTrees for each in trees)
        require(sound, "trees of a Checkpoint are not those of its targets")
        sound = type(finished) is list and len(finished) == n and all(type(each) is dict for each in finished)
        require(sound, "finished members of a Checkpoint are not those of its targets")
        for of_target, of_trees in zip(self.finished, self.trees, strict=True):
            for key, each in of_target.items():
                sound = type(each) is tuple and len(each) == 3 and isinstance(each[0], Member)
                require(sound, "a finished member of a Checkpoint is none", key)
                self._check_finished(key, *each)
                grown = each[0].kind.trees is None or (each[0].fold, each[0].kind.trees) in of_trees.trees_
                require(grown, "a Checkpoint lacks the trees of a finished member", key)

    def _check_finished(self, key: Any, member: Member, predicted: Any, record: Any) -> None:
        sound = key == (member.kind.name, member.fold) and member.fold < len(self.folds)
        require(sound, "a finished member of a Checkpoint is another one", key)
        is_matrix = type(predicted) is np.ndarray and predicted.dtype.kind == "f" and predicted.ndim == 2
        fits = is_matrix and len(predicted) == len(self.folds[member.fold][1])
        require(fits, "predictions of a finished member are not for its rows")
        sound = type(record) is dict and type(record.get("loss")) is float and type(record.get("cut")) is bool
        require(sound, "the record of a finished member is none")


def learned_by(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator that decide what members learn."""
    return {name: value for name, value in estimator.get_params(deep=False).items() if name not in _FREE}


def _are_same(value: Any, other: Any, estimator: Any) -> bool:
    """Whether two values of a parameter are the same: equal, or equal in all that a file holds of them."""
    if value is other or (isinstance(is_equal := value == other, bool | np.bool_) and is_equal):
        return True
    parts = []
    for each in (value, other):
        encoder = Encoder(estimator)
        try:
            tree = encoder.encode(each, "")
        except NotEncodable:
            return False
        parts.append((tree, {name: (array.dtype.str, array.tobytes()) for name, array in encoder.tensors.items()}))
    return parts[0] == parts[1]


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

    Attributes
    ----------
    longest : float
        The seconds that the longest writing has taken so far.

    Raises
    ------
    ValueError
        For parameters of the callback that are about the epochs of a single network.
    OSError
        Where no file can be written there.
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
        callback.check_path()
        self._callback, self._estimator, self._checkpoint = callback, estimator, checkpoint
        self._next, self._n_written, self.longest = 0.0, 0, 0.0
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
        began = time.monotonic()
        persistence.save(estimator, self._path)
        self.longest = max(self.longest, time.monotonic() - began)
        self._callback.path_ = str(self._path)
