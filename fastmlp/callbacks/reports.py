"""Callbacks that show or write what happens."""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from sklearn.utils._param_validation import StrOptions

from fastmlp.callbacks.base import Callback, Fit


class ProgressBar(Callback):
    """A bar with epochs done, time left, loss and scores, on stderr or in a notebook; what ``verbose=1`` shows.

    Parameters
    ----------
    show : {'auto', 'always'}, default='auto'
        'auto' leaves it out where stderr is no terminal, as in a log file.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import ProgressBar
    >>> clf = MLPClassifier(callbacks=[ProgressBar()], max_iter=1000, random_state=0).fit(*load_iris(return_X_y=True))
    """

    _parameter_constraints: ClassVar[dict] = {"show": [StrOptions({"auto", "always"})]}
    steers = False
    #: Seconds between two times that it is drawn.
    _INTERVAL = 0.1

    def __init__(self, show: str = "auto") -> None:
        self.show = show

    def on_fit_begin(self, fit: Fit) -> None:
        """Draw it."""
        from tqdm.auto import tqdm

        in_notebook = any(cls.__module__ == "tqdm.notebook" for cls in tqdm.__mro__)
        shown = self.show == "always" or in_notebook or sys.stderr.isatty()
        self._bar = tqdm(total=fit.max_epochs, initial=fit.epoch, unit="epoch", disable=not shown)
        self._drawn = 0.0

    def on_fit_resume(self, fit: Fit) -> None:
        """Draw it, begun already."""
        self.on_fit_begin(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Draw it again, unless that was but a moment ago."""
        now = time.monotonic()
        if now - self._drawn >= self._INTERVAL:
            self._drawn = now
            self._draw(fit)

    def on_fit_end(self, fit: Fit) -> None:
        """Leave it as it is."""
        self._draw(fit)
        self._bar.close()
        del self._bar

    def _draw(self, fit: Fit) -> None:
        numbers = [(name, values[-1]) for name, values in fit.history.items() if values and name != "seconds"]
        self._bar.set_postfix_str(", ".join(f"{name}={value:.3g}" for name, value in numbers), refresh=False)
        self._bar.update(fit.epoch - self._bar.n)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_bar"}


class CSVLogger(Callback):
    """Writes a line for each epoch to a CSV file: its number, counted from 1, and what ``history_`` has of it.

    Resumed from a checkpoint, it goes on behind the epochs that the checkpoint knows of. Each call of partial_fit
    begins the file anew.

    Parameters
    ----------
    path : str or path
        A file there is written over when a fit begins.

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
        """Begin the file."""
        self._file = Path(self.path).open("w", newline="", encoding="utf-8")  # noqa: SIM115
        self._names: list[str] = []

    def on_fit_resume(self, fit: Fit) -> None:
        """Go on with the file, if it is there."""
        path = Path(self.path)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        self.on_fit_begin(fit)
        kept = lines[: fit.epoch + 1]
        if kept:
            self._names = next(csv.reader(kept))[1:]
            self._file.writelines(kept)
            self._file.flush()

    def on_epoch_end(self, fit: Fit) -> None:
        """Write a line."""
        writer = csv.writer(self._file, lineterminator="\n")
        if not self._names:
            self._names = list(fit.history)
            writer.writerow(["epoch", *self._names])
        writer.writerow([fit.epoch, *(repr(float(fit.value(name))) for name in self._names)])
        self._file.flush()

    def on_fit_end(self, fit: Fit) -> None:
        """Close the file."""
        self._file.close()
        del self._file

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_file"}
