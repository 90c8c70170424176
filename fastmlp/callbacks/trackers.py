"""Callbacks that keep a record of each fit for other programs to show: TensorBoard, MLflow."""

import os
import re
import sys
import tempfile
import threading
import time
import weakref
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.fit import Fit
from fastmlp.callbacks.stopping import kept_epoch
from fastmlp.registration import stored_as


class Tracker(Callback):
    """Keeps a run for each fit; calls of partial_fit after the first, and ``resume``, go on with the run there is.

    A subclass says how a run begins, how it goes on, how it takes an epoch's values, and how it ends.
    """

    steers = False

    def on_fit_begin(self, fit: Fit) -> None:
        """Begin a run; calls of partial_fit after the first go on with one."""
        if fit.is_incremental and fit.epoch_number and self._has_run():
            self._go_on(fit)
        else:
            self._begin(fit)

    def on_fit_resume(self, fit: Fit) -> None:
        """Go on with the run that the checkpoint tells of, or begin one."""
        if self._has_run():
            self._go_on(fit)
        else:
            self._begin(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Add the epoch's values to the run; with L-BFGS there is no learning rate among them."""
        values = fit.latest()
        if np.isnan(values["learning_rate"]):
            del values["learning_rate"]
        self._take(values, fit.epoch_number)

    def _has_run(self) -> bool:
        raise NotImplementedError

    def _begin(self, fit: Fit) -> None:
        raise NotImplementedError

    def _go_on(self, fit: Fit) -> None:
        raise NotImplementedError

    def _take(self, values: dict[str, float], epoch: int) -> None:
        raise NotImplementedError


def _parameters(fit: Fit) -> dict[str, Any]:
    """Return the parameters of the estimator and of objects among them, without those of callbacks."""
    return {
        name: value
        for name, value in fit.estimator.get_params(deep=True).items()
        if name.partition("__")[0] != "callbacks"
    }


def _best(fit: Fit) -> dict[str, float]:
    """Return the epoch whose model the fit ends with, and its values; nothing where that is simply the last one."""
    epoch = kept_epoch(fit.estimator)
    if epoch is None or not 0 < epoch <= len(fit.history["loss"]):
        return {}
    values = {f"best_{name}": fit.history[name][epoch - 1] for name in fit.latest() if name not in _OF_AN_EPOCH}
    return {"best_epoch": float(epoch), **values}


#: The entries of history that say nothing of a model.
_OF_AN_EPOCH = ("learning_rate", "seconds")


@stored_as("callbacks.TensorBoard")
class TensorBoard(Tracker):
    """Writes each epoch's losses, scores, learning rate and seconds for TensorBoard, and the parameters with them.

    Each fit writes to a folder of its own within ``log_dir``, so that searches do not mix their curves;
    ``tensorboard --logdir <log_dir>`` shows all of them, and under HPARAMS the parameters beside what they came to. The
    scalars have the names of ``history_``. ``resume``, and calls of partial_fit after the first, go on in the same
    folder. Needs tensorboardX, which writes the files, and neither TensorFlow nor PyTorch:
    ``pip install 'fastmlp[tensorboard]'``.

    Parameters
    ----------
    log_dir : str or path, default="runs"
        The folder of all runs; it is made if it does not exist.
    run_name : str or None, default=None
        The folder of the run within ``log_dir``; where there is one of that name, a number is added. None stands for
        date and time.

    Attributes
    ----------
    run_dir_ : str
        The folder of the present or last run.

    Raises
    ------
    ImportError
        Without tensorboardX, when a fit begins.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import TensorBoard
    >>> board = TensorBoard(tempfile.mkdtemp(), run_name="iris")
    >>> clf = MLPClassifier(callbacks=[board], max_iter=1000, random_state=0).fit(*load_iris(return_X_y=True))
    >>> [path.name.split(".")[0] for path in pathlib.Path(board.run_dir_).iterdir()]
    ['events']
    """

    _parameter_constraints: ClassVar[dict] = {"log_dir": [str, os.PathLike], "run_name": [str, None]}
    #: The number of seconds after which the values that were written can be read.
    _INTERVAL = 1.0

    def __init__(self, log_dir: str | os.PathLike = "runs", *, run_name: str | None = None) -> None:
        self.log_dir = log_dir
        self.run_name = run_name

    def _has_run(self) -> bool:
        return hasattr(self, "run_dir_")

    def _begin(self, fit: Fit) -> None:
        self._close()
        self.__dict__.pop("run_dir_", None)
        summary = _tensorboardx().summary
        self.run_dir_ = str(_new_folder(Path(self.log_dir), self.run_name or time.strftime("%Y-%m-%d_%H-%M-%S")))
        self._open()
        rows = "".join(f"| {name} | {_in_a_cell(value)} |\n" for name, value in _parameters(fit).items())
        self._write(summary.text("parameters", f"| {type(fit.estimator).__name__} | |\n| --- | --- |\n{rows}"), 0)
        self._is_new = True

    def _go_on(self, fit: Fit) -> None:
        self._is_new = False
        if not hasattr(self, "_writer"):
            proto = _tensorboardx().proto.event_pb2
            Path(self.run_dir_).mkdir(parents=True, exist_ok=True)
            self._open()
            # What was written after the checkpoint will be written again, so TensorBoard is told to forget it.
            start = proto.SessionLog(status=proto.SessionLog.START)
            self._writer.write_event(proto.Event(wall_time=time.time(), step=fit.epoch_number + 1, session_log=start))

    def _open(self) -> None:
        # A SummaryWriter has a thread that writes at any time; here, what a call has told is in the file when it ends.
        folder = Path(self.run_dir_)
        suffix = f".{len(list(folder.iterdir()))}"  # otherwise two files of the same second would be one
        self._writer = _tensorboardx().event_file_writer.EventsWriter(str(folder / "events"), suffix)
        self._closer = weakref.finalize(self, self._writer.close)  # no call of partial_fit is known to be the last
        self._flushed = time.monotonic()

    def _take(self, values: dict[str, float], epoch: int) -> None:
        scalar = _tensorboardx().summary.scalar
        for name, value in values.items():
            self._write(scalar(name, value), epoch)
        now = time.monotonic()
        if now - self._flushed >= self._INTERVAL:
            self._flushed = now
            self._writer.flush()

    def _write(self, summary: Any, epoch: int) -> None:
        event = _tensorboardx().proto.event_pb2.Event
        self._writer.write_event(event(wall_time=time.time(), step=epoch, summary=summary))

    def on_fit_end(self, fit: Fit) -> None:
        """Write the figures of the whole run."""
        best = _best(fit)
        self._take(best, fit.epoch_number)
        if self._is_new and fit.error is None:
            plain = {
                name: value if isinstance(value, bool | int | float | str) else repr(value)
                for name, value in _parameters(fit).items()
            }
            for part in _tensorboardx().summary.hparams(plain, {**fit.latest(), **best}):
                self._write(part, 0)
        if fit.is_incremental and fit.error is None:
            self._writer.flush()  # each writer has a file of its own; the next call goes on with this one
        else:
            self._close()

    def _close(self) -> None:
        if hasattr(self, "_writer"):
            self._closer()
            del self._writer

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_writer", "_closer", "_is_new", "_flushed")
        return {name: value for name, value in vars(self).items() if name not in left_out}


def _tensorboardx() -> Any:
    try:
        import tensorboardX
        import tensorboardX.event_file_writer
        import tensorboardX.proto.event_pb2
        import tensorboardX.summary
    except ImportError as error:
        raise ImportError("TensorBoard needs tensorboardX: pip install 'fastmlp[tensorboard]'") from error
    return tensorboardX


def _in_a_cell(value: Any) -> str:
    return repr(value).replace("|", "\\|").replace("\n", " ")


def _new_folder(parent: Path, name: str) -> Path:
    """Make a folder that does not exist yet, whatever other processes make at the same time; return its path."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}_{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if parent.exists() and not parent.is_dir():
                raise
            number += 1
        else:
            return folder


@stored_as("callbacks.MLflow")
class MLflow(Tracker):
    """Keeps an MLflow run for each fit: parameters, each epoch's losses, scores, learning rate and seconds, tags.

    The metrics have the names of ``history_``, and the epoch as their step. Where early stopping kept another model
    than the last epoch's, ``best_epoch`` and ``best_<name>`` tell of it. A run that ends with an exception is marked as
    failed. Under a run that is active, as in ``with mlflow.start_run():``, those of fits are nested; those of a search
    in several processes or threads, too. ``resume``, and calls of partial_fit after the first, go on in the same run.
    (``mlflow.sklearn.autolog()`` watches scikit-learn's own classes: a pipeline or a search around an estimator of
    fastmlp, but not its epochs.) Needs MLflow: ``pip install 'fastmlp[mlflow]'``.

    Parameters
    ----------
    experiment_name : str or None, default=None
        The experiment; it is made if it does not exist. None is that of the active run, or the active experiment.
    run_name : str or None, default=None
        The name of each run; None leaves it to MLflow.
    tracking_uri : str, path or None, default=None
        Where runs are kept: a server, or a database such as ``"sqlite:///mlflow.db"``; folders are for those whose
        MLflow takes them. None is what ``mlflow.set_tracking_uri`` or MLFLOW_TRACKING_URI say.
    tags : dict of str to str or None, default=None
        The tags of each run, beside ``estimator_name``, ``estimator_class`` and ``fastmlp.version``.
    log_model : bool, default=False
        Whether the model is stored with the run, as ``model.fastmlp``, to be read by ``fastmlp.load``.

    Attributes
    ----------
    run_id_ : str
        The identifier of the present or last run.

    Raises
    ------
    ImportError
        Without MLflow, when a fit begins.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.callbacks import MLflow
    >>> clf = MLPClassifier(callbacks=[MLflow("iris", tags={"data": "2024-05"})])
    >>> clf.fit(X, y)  # doctest: +SKIP
    >>> mlflow.search_runs(experiment_names=["iris"])  # doctest: +SKIP
    """

    _parameter_constraints: ClassVar[dict] = {
        "experiment_name": [str, None],
        "run_name": [str, None],
        "tracking_uri": [str, os.PathLike, None],
        "tags": [dict, None],
        "log_model": ["boolean"],
    }
    #: The largest number of seconds that values wait to be sent together.
    _INTERVAL = 1.0
    #: The largest number of values that MLflow takes in one request.
    _MOST = 1000
    #: What was active where this callback was cloned; the threads and processes of a search know it from here.
    _around: dict[str, str | None] | None = None

    def __init__(
        self,
        experiment_name: str | None = None,
        *,
        run_name: str | None = None,
        tracking_uri: str | os.PathLike | None = None,
        tags: dict[str, str] | None = None,
        log_model: bool = False,
    ) -> None:
        self.experiment_name = experiment_name
        self.run_name = run_name
        self.tracking_uri = tracking_uri
        self.tags = tags
        self.log_model = log_model

    def __sklearn_clone__(self) -> Self:
        """Return a callback with the same parameters that knows which run was active when it was made."""
        clone = type(self)(**self.get_params(deep=False))
        around = _active()
        clone._around = around if around is not None and around["run_id"] is not None else self._around or around
        return clone

    def _has_run(self) -> bool:
        return hasattr(self, "run_id_")

    def _surroundings(self) -> dict[str, str | None]:
        """Return what is active here, or was active in another thread or process where this callback was cloned."""
        here, there = _active(), self._around
        if here is None or (here["run_id"] is None and there is not None and there["where"] != here["where"]):
            return there or {"tracking_uri": None, "run_id": None, "experiment_id": None}
        return here

    def _open(self) -> tuple[Any, dict[str, str | None]]:
        """Return MLflow and what is active in the store that this callback writes to; make a client of that store."""
        mlflow = _mlflow()
        around = self._surroundings()
        uri = around["tracking_uri"]
        if self.tracking_uri is not None:
            given = self.tracking_uri
            uri = given if isinstance(given, str) else Path(given).absolute().as_uri()
            if uri != around["tracking_uri"]:  # what is active belongs to another store
                around = {"tracking_uri": uri, "run_id": None, "experiment_id": "0"}
        self._client = mlflow.MlflowClient(uri)
        self._pending: list[Any] = []
        self._sent = time.monotonic()
        return mlflow, around

    def _begin(self, fit: Fit) -> None:
        self.__dict__.pop("run_id_", None)
        mlflow, around = self._open()
        from mlflow.tracking.context.registry import resolve_tags

        cls = type(fit.estimator)
        tags = {
            "estimator_name": cls.__name__,
            "estimator_class": f"{cls.__module__}.{cls.__qualname__}",
            "fastmlp.version": version("fastmlp"),
            **{str(name): str(value) for name, value in (self.tags or {}).items()},
        }
        experiment, parent = around["experiment_id"], around["run_id"]
        if self.experiment_name is not None:
            found = self._client.get_experiment_by_name(self.experiment_name)
            named = self._client.create_experiment(self.experiment_name) if found is None else found.experiment_id
            experiment, parent = named, parent if named == experiment else None
        elif experiment is None:
            experiment = mlflow.tracking.fluent._get_experiment_id()
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(experiment, tags=resolve_tags(tags), run_name=self.run_name)
        self.run_id_ = run.info.run_id
        parameters = [
            mlflow.entities.Param(_key(name), value if isinstance(value, str) else repr(value))
            for name, value in _parameters(fit).items()
        ]
        for first in range(0, len(parameters), 100):
            self._client.log_batch(self.run_id_, params=parameters[first : first + 100])

    def _go_on(self, fit: Fit) -> None:
        self._open()
        self._client.update_run(self.run_id_, status="RUNNING")

    def _take(self, values: dict[str, float], epoch: int) -> None:
        metric = _mlflow().entities.Metric
        now = time.time_ns() // 1_000_000
        self._pending += [metric(_key(name), float(value), now, epoch) for name, value in values.items()]
        if time.monotonic() - self._sent >= self._INTERVAL or len(self._pending) >= self._MOST:
            self._send()

    def _send(self) -> None:
        for first in range(0, len(self._pending), self._MOST):
            self._client.log_batch(self.run_id_, metrics=self._pending[first : first + self._MOST])
        self._pending = []
        self._sent = time.monotonic()

    def on_fit_end(self, fit: Fit) -> None:
        """Send the values that wait, and the model; end the run."""
        status = {type(None): "FINISHED", KeyboardInterrupt: "KILLED"}.get(type(fit.error), "FAILED")
        try:
            self._take(_best(fit), fit.epoch_number)
            self._send()
            if self.log_model and fit.error is None:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "model.fastmlp"
                    fit.estimator.save(path)
                    self._client.log_artifact(self.run_id_, str(path))
        except BaseException:
            status = "FAILED"
            raise
        finally:
            self._client.set_terminated(self.run_id_, status)
            del self._client, self._pending, self._sent

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_client", "_pending", "_sent")}


def _mlflow() -> Any:
    try:
        import mlflow
    except ImportError as error:
        raise ImportError("MLflow needs the package mlflow: pip install 'fastmlp[mlflow]'") from error
    return mlflow


def _active() -> dict[str, str | None] | None:
    """Return what MLflow's functions would write to in this thread; None where MLflow has not been imported."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is None:
        return None
    run = mlflow.active_run()
    return {
        "where": f"{os.getpid()} {threading.get_ident()}",
        "tracking_uri": mlflow.get_tracking_uri(),
        "run_id": None if run is None else run.info.run_id,
        "experiment_id": mlflow.tracking.fluent._active_experiment_id if run is None else run.info.experiment_id,
    }


def _key(name: str) -> str:
    """Return a name that MLflow takes; the names of sets and metrics are the user's."""
    return re.sub(r"[^\w.\- /]", "_", name)
