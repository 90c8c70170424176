"""The callback that writes a table of the epochs."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit
from fastmlp.registration import stored_as


@stored_as("callbacks.CSVLogger")
class CSVLogger(Callback):
    """Writes a line for each epoch to a CSV file: its number, counted from 1, and its entries in ``history_``.

    A fit that is resumed from a checkpoint adds its lines after the epochs that the checkpoint knows of; a call of
    partial_fit adds its line after those of earlier calls.

    Parameters
    ----------
    path : str or path
        The file to write; when a fit begins, it replaces a file that is there.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import CSVLogger
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "epochs.csv"
    >>> clf = MLPClassifier(callbacks=[CSVLogger(path)], max_iter=1000, random_state=0)
    >>> clf = clf.fit(*load_iris(return_X_y=True))
    >>> path.read_text().splitlines()[0]
    'epoch,loss,learning_rate,seconds'
    """

    _parameter_constraints: ClassVar[dict] = {"path": [str, os.PathLike]}
    steers = False

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path

    def on_fit_begin(self, fit: Fit) -> None:
        """Begin the file; calls of partial_fit after the first go on with it."""
        if not (fit.is_incremental and fit.epoch_number):
            self._begin()
        elif getattr(self, "_names", ()) and Path(self.path).exists():
            self._open("a")
        else:
            self.on_fit_resume(fit)

    def _begin(self) -> None:
        self._open("w")
        self._names: list[str] = []

    def _open(self, mode: str) -> None:
        self._file = Path(self.path).open(mode, newline="", encoding="utf-8")  # noqa: SIM115

    def on_fit_resume(self, fit: Fit) -> None:
        """Go on with the file, if it is there, after the epochs that the checkpoint knows of."""
        path = Path(self.path)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        self._begin()
        kept = lines[: fit.epoch_number + 1]
        if kept:
            self._names = next(csv.reader(kept))[1:]
            self._file.writelines(kept)
            self._file.flush()

    def on_epoch_end(self, fit: Fit) -> None:
        """Write a line for the epoch."""
        writer = csv.writer(self._file, lineterminator="\n")
        if not self._names:
            self._names = list(fit.history)
            writer.writerow(["epoch", *self._names])
        values = fit.latest()  # a partial_fit has none of the sets that an earlier fit may have had
        writer.writerow([fit.epoch_number, *(repr(float(values.get(name, np.nan))) for name in self._names)])
        self._file.flush()

    def on_fit_end(self, fit: Fit) -> None:
        """Close the file."""
        self._file.close()
        del self._file

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_file"}
