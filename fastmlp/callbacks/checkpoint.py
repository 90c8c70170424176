"""The callback that writes checkpoints."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from fastmlp.callbacks.fit import Fit, are_finite
from fastmlp.callbacks.monitor import Monitor
from fastmlp.components import listed
from fastmlp.registration import stored_as


@stored_as("callbacks.ModelCheckpoint")
class ModelCheckpoint(Monitor):
    """Writes the model, and everything that training needs to go on from there, to a file after an epoch.

    ``fastmlp.load(path)`` is an estimator that predicts as the model did then; ``fastmlp.load(path).resume(X, y)`` goes
    on with the fit, and comes to what the fit would have come to, bit for bit. A file is replaced at once: whatever
    happens, there is the old one or the new one. A model with numbers that are not finite is not written. The file that
    partial_fit leaves holds a model, too, but nothing to resume. This callback is not for solver='lbfgs'.

    Parameters
    ----------
    path : str or path
        The file to write; its directory must exist. ``{epoch}`` in it and names of ``history_``, as in
        ``"run-{epoch:04d}-{validation_loss:.3f}.fastmlp"``, stand for the epoch's values.
    every : int >= 1, default=1
        The number of epochs from one checkpoint to the next. There is another one after the epoch that ends the fit.
    save_best_only : bool, default=False
        Whether to write only when a value has got better. Where the fit ends and no value has been a finite number,
        the last model is written.
    monitor : str or None, default=None
        An entry of ``history_``. None is the loss of the first set of eval_set, or of the rows that early_stopping
        holds out; where there is neither, it is the loss of training.
    mode : {'auto', 'min', 'max'}, default='auto'
        What is better; 'auto' is less of a loss, more of a score.
    min_delta : float >= 0, default=0.0
        How much better a value must be to count as better.

    Attributes
    ----------
    path_ : str
        The path of the file that was written last.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastmlp
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp.callbacks import ModelCheckpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.fastmlp"
    >>> clf = fastmlp.MLPClassifier(callbacks=[ModelCheckpoint(path)], max_iter=1000, random_state=0).fit(X, y)
    >>> bool((fastmlp.load(path).predict_proba(X) == clf.predict_proba(X)).all())
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **Monitor._parameter_constraints,
        "path": [str, os.PathLike],
        "every": [Interval(Integral, 1, None, closed="left")],
        "save_best_only": ["boolean"],
    }
    comes_last = True

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        every: int = 1,
        save_best_only: bool = False,
        monitor: str | None = None,
        mode: str = "auto",
        min_delta: float = 0.0,
    ) -> None:
        self.path = path
        self.every = every
        self.save_best_only = save_best_only
        self.monitor = monitor
        self.mode = mode
        self.min_delta = min_delta

    def on_fit_begin(self, fit: Fit) -> None:
        """Refuse a fit or a path that would make a checkpoint fail later."""
        super().on_fit_begin(fit)
        if not fit.is_resumable:
            fit.snapshot()
        self.check_path()

    def on_fit_resume(self, fit: Fit) -> None:
        """Refuse a path that would make a checkpoint fail later."""
        super().on_fit_resume(fit)
        self.check_path()

    def check_path(self) -> None:
        """Refuse a path at which no file can be written, before anything is trained.

        Raises
        ------
        FileNotFoundError
            When the directory does not exist.
        IsADirectoryError
            When the path is that of a directory.
        PermissionError
            When there is something else that is no file, or the directory is not to be written to.
        """
        path = os.fspath(self.path)
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(f"ModelCheckpoint: path={path!r} is a directory: name a file in it.")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"ModelCheckpoint: path={path!r} is in no directory there is.")
        if target.exists() and not target.is_file():
            raise PermissionError(f"ModelCheckpoint: path={path!r} is no file, and no file can take its place.")
        if not os.access(target.parent, os.W_OK):
            raise PermissionError(f"ModelCheckpoint: path={path!r} is in a directory that cannot be written to.")

    def on_epoch_end(self, fit: Fit) -> None:
        """Write a checkpoint, if it is time to."""
        is_last = fit.stopped or fit.epoch == fit.max_epochs
        if self.save_best_only:
            due = self.improves(fit) or (is_last and self.best_ is None)
        else:
            due = is_last or fit.epoch % self.every == 0
        if due and np.isfinite(fit.value("loss")) and are_finite(fit.arrays()):
            path = self._path(fit)
            fit.save(path)
            self.path_ = path

    def _path(self, fit: Fit) -> str:
        given = os.fspath(self.path)
        if "{" not in given:
            return given
        values = {"epoch": fit.epoch, **{name: values[-1] for name, values in fit.history.items()}}
        try:
            return given.format_map(values)
        except KeyError as error:
            name = str(error.args[0])
            raise ValueError(
                f"ModelCheckpoint: path={given!r} names {name!r}, which is not recorded; recorded are"
                f" {listed(name, values)}."
            ) from error
        except (IndexError, ValueError) as error:
            raise ValueError(f"ModelCheckpoint: path={given!r} is no pattern of a path: {error}.") from error
