"""Runs kept for TensorBoard and MLflow: what is in them, where searches, partial_fit and resume put it, how they end.

MLflow itself brings dozens of packages: a stand-in has what the callback uses of it, and where it is installed, it is
asked as well.
"""

import builtins
import importlib.util
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import MLPClassifier
from fastmlp.callbacks import Callback, EarlyStopping, MLflow, ModelCheckpoint, TensorBoard, trackers
from fastmlp.optimizers import AdamW

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, VALID = (X[::2], Y[::2]), (X[1::2], Y[1::2])
WHAT = dict(hidden_layer_sizes=(8,), random_state=0, learning_rate_init=0.01, n_iter_no_change=1000)


class Fails(Callback):
    """Ends an epoch with an exception."""

    def __init__(self, epoch=5, error=RuntimeError):
        self.epoch = epoch
        self.error = error

    def on_epoch_end(self, fit):
        if fit.epoch == self.epoch:
            raise self.error("as told")


class Passes(Callback):
    """Stands where another callback stood when a checkpoint was written."""


def without(module, monkeypatch):
    """Have a module not be installed."""
    original = builtins.__import__

    def imported(name, *arguments, **options):
        if name.split(".")[0] == module:
            raise ImportError(f"No module named {name!r}")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", imported)


# ---- TensorBoard -----------------------------------------------------------------------------------------------------


def events(folder):
    """The events in a folder's files, in the order in which they were written."""
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(Path(folder).glob("events*"), key=lambda path: int(path.suffix[1:])):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("Q", data, at)
            found.append(Event.FromString(data[at + 12 : at + 12 + length]))
            at += length + 16
    return found


def scalars(folder):
    """What TensorBoard shows of a folder: steps and values by name, without what was written before a new start."""
    from tensorboardX.proto.event_pb2 import SessionLog

    shown = {}
    for event in events(folder):
        if event.session_log.status == SessionLog.START:
            shown = {tag: [(s, v) for s, v in points if s < event.step] for tag, points in shown.items()}
        for value in event.summary.value:
            if value.HasField("simple_value"):
                shown.setdefault(value.tag, []).append((event.step, value.simple_value))
    return shown


def test_scalars_are_the_history(tmp_path):
    board = TensorBoard(tmp_path / "new" / "runs")
    model = MLPClassifier(max_iter=7, callbacks=[board], scoring=["accuracy", "neg_log_loss"], **WHAT)
    model.fit(*TRAIN, eval_set={"validation": VALID, "test": VALID})
    shown = scalars(board.run_dir_)
    assert set(shown) == set(model.history_)
    for name, values in model.history_.items():
        steps, written = zip(*shown[name], strict=True)
        assert steps == (1, 2, 3, 4, 5, 6, 7)
        np.testing.assert_array_equal(written, np.float32(values))
    assert Path(board.run_dir_).parent == tmp_path / "new" / "runs"


def test_parameters_are_text_and_hparams(tmp_path):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    board = TensorBoard(tmp_path)
    MLPClassifier(max_iter=2, callbacks=[board], **WHAT | {"solver": AdamW(), "learning_rate_init": 0.001}).fit(*TRAIN)
    values = {value.tag: value for event in events(board.run_dir_) for value in event.summary.value}
    (text,) = values["parameters/text_summary"].tensor.string_val
    assert "| hidden_layer_sizes | (8,) |" in text.decode()
    start = HParamsPluginData.FromString(values["_hparams_/session_start_info"].metadata.plugin_data.content)
    hparams = start.session_start_info.hparams
    assert hparams["max_iter"].number_value == 2
    assert hparams["solver"].string_value == "AdamW()"
    assert "solver__weight_decay" in hparams
    assert not any(name.startswith("callbacks") for name in hparams)
    experiment = HParamsPluginData.FromString(values["_hparams_/experiment"].metadata.plugin_data.content).experiment
    assert {info.name.tag for info in experiment.metric_infos} >= {"loss"}
    assert "_hparams_/session_end_info" in values


def test_the_kept_epoch_is_told(tmp_path):
    board = TensorBoard(tmp_path)
    stop = EarlyStopping("validation_loss", patience=4)
    model = MLPClassifier(callbacks=[board, stop], **WHAT | {"learning_rate_init": 0.1}).fit(*TRAIN, eval_set=VALID)
    shown = scalars(board.run_dir_)
    assert shown["best_epoch"] == [(model.n_iter_, stop.best_epoch_)]
    assert shown["best_validation_loss"] == [(model.n_iter_, np.float32(stop.best_))]
    assert "best_learning_rate" not in shown


def test_each_fit_has_a_folder(tmp_path):
    model = MLPClassifier(max_iter=2, callbacks=[TensorBoard(tmp_path, run_name="run")], **WHAT)
    search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2)
    with joblib.parallel_config("threading", n_jobs=4):
        search.fit(*TRAIN)
    assert {path.name for path in tmp_path.iterdir()} == {"run", "run_2", "run_3", "run_4", "run_5"}
    assert all(len(scalars(path)["loss"]) == 2 for path in tmp_path.iterdir())


def test_folders_are_unique(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: trackers._new_folder(tmp_path, "a"), range(40)))
    assert len(made) == 40
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        trackers._new_folder(tmp_path / "file", "a")


def test_partial_fit_goes_on_in_one_file(tmp_path):
    board = TensorBoard(tmp_path)
    model = MLPClassifier(callbacks=[board], **WHAT)
    for epoch in (1, 2, 3):
        model.partial_fit(*TRAIN, classes=[0, 1, 2])
        assert [step for step, _ in scalars(board.run_dir_)["loss"]] == list(range(1, epoch + 1))
    assert len(list(Path(board.run_dir_).iterdir())) == 1
    first = board.run_dir_
    model.fit(*TRAIN)
    assert board.run_dir_ != first
    clone(model).partial_fit(*TRAIN, classes=[0, 1, 2])
    assert len(list(tmp_path.iterdir())) == 3


def test_resumed_it_forgets_what_comes_again(tmp_path):
    board = TensorBoard(tmp_path / "runs")
    callbacks = [board, ModelCheckpoint(tmp_path / "model", every=3), Fails(5)]
    model = MLPClassifier(max_iter=8, callbacks=callbacks, **WHAT)
    with pytest.raises(RuntimeError):
        model.fit(*TRAIN)
    assert [step for step, _ in scalars(board.run_dir_)["loss"]] == [1, 2, 3, 4, 5]
    callbacks = [TensorBoard(tmp_path / "runs"), ModelCheckpoint(tmp_path / "model"), Fails(100)]
    resumed = fastmlp.load(tmp_path / "model", callbacks=callbacks).resume(*TRAIN)
    assert resumed.callbacks[0].run_dir_ == board.run_dir_
    shown = scalars(board.run_dir_)["loss"]
    assert [step for step, _ in shown] == list(range(1, 9))
    np.testing.assert_array_equal([value for _, value in shown], np.float32(resumed.history_["loss"]))


def test_tensorboard_and_lbfgs(tmp_path):
    board = TensorBoard(tmp_path)
    model = MLPClassifier(solver="lbfgs", max_iter=5, callbacks=[board], random_state=0).fit(*TRAIN)
    shown = scalars(board.run_dir_)
    assert len(shown["loss"]) == len(model.history_["loss"])
    assert "learning_rate" not in shown


def test_without_tensorboardx_it_says_what_to_install(tmp_path, monkeypatch):
    without("tensorboardX", monkeypatch)
    with pytest.raises(ImportError, match=r"pip install 'fastmlp\[tensorboard\]'"):
        MLPClassifier(callbacks=[TensorBoard(tmp_path / "runs")], max_iter=2, **WHAT).fit(*TRAIN)
    assert not list(tmp_path.iterdir())


def test_neither_is_imported_before_it_is_needed(script):
    code = "import fastmlp.callbacks, sys; print([m for m in ('tensorboardX', 'mlflow') if m in sys.modules])"
    assert script(code) == "[]"


# ---- MLflow: a stand-in ----------------------------------------------------------------------------------------------


class Store:
    """Keeps what a client is told, as MLflow's stores do, and refuses what they refuse."""

    def __init__(self):
        self.runs, self.experiments = {}, {"Default": "0"}
        self.requests = 0

    def get_experiment_by_name(self, name):
        found = self.experiments.get(name)
        return None if found is None else SimpleNamespace(experiment_id=found)

    def create_experiment(self, name):
        self.experiments[name] = str(len(self.experiments))
        return self.experiments[name]

    def create_run(self, experiment_id, tags=None, run_name=None):
        assert experiment_id in self.experiments.values()
        assert all(isinstance(value, str) for value in tags.values())
        run = SimpleNamespace(
            info=SimpleNamespace(run_id=f"run{len(self.runs)}", experiment_id=experiment_id, status="RUNNING"),
            name=run_name, tags=dict(tags), params={}, metrics={}, files={},
        )  # fmt: skip
        self.runs[run.info.run_id] = run
        return run

    def log_batch(self, run_id, metrics=(), params=(), tags=()):
        assert len(params) <= 100
        assert len(metrics) + len(params) <= 1000
        self.requests += 1
        run = self.runs[run_id]
        for param in params:
            assert run.params.setdefault(param.key, param.value) == param.value, "params cannot be changed"
        for metric in metrics:
            run.metrics.setdefault(metric.key, []).append((metric.step, metric.value))

    def update_run(self, run_id, status):
        self.runs[run_id].info.status = status

    def set_terminated(self, run_id, status):
        assert self.runs[run_id].info.status == "RUNNING"
        self.runs[run_id].info.status = status

    def log_artifact(self, run_id, path):
        self.runs[run_id].files[Path(path).name] = Path(path).read_bytes()


class StandIn(SimpleNamespace):
    """What the callback uses of the module mlflow."""

    def __init__(self):
        self.stores = {}
        self.uri, self.active = "sqlite:///here.db", threading.local()
        entity = lambda *names: lambda *values: SimpleNamespace(**dict(zip(names, values, strict=True)))  # noqa: E731
        self.entities = SimpleNamespace(
            Param=entity("key", "value"), Metric=entity("key", "value", "timestamp", "step")
        )
        self.tracking = SimpleNamespace(
            fluent=SimpleNamespace(_active_experiment_id=None, _get_experiment_id=lambda: "0")
        )

    def MlflowClient(self, uri=None):
        return self.stores.setdefault(uri or self.uri, Store())

    def get_tracking_uri(self):
        return self.uri

    def active_run(self):
        return getattr(self.active, "run", None)

    @property
    def store(self):
        return self.MlflowClient()


@pytest.fixture
def mlflow(monkeypatch):
    module = StandIn()
    monkeypatch.setitem(sys.modules, "mlflow", module)
    for name in ("mlflow.tracking", "mlflow.tracking.context"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    registry = SimpleNamespace(resolve_tags=lambda tags: {"mlflow.user": "me", **tags})
    monkeypatch.setitem(sys.modules, "mlflow.tracking.context.registry", registry)
    return module


def fitted(*callbacks, **changes):
    return MLPClassifier(callbacks=list(callbacks), **WHAT | {"max_iter": 6} | changes).fit(*TRAIN, eval_set=VALID)


def test_a_run_has_parameters_metrics_and_tags(mlflow):
    model = fitted(MLflow(run_name="first", tags={"data": 7}), solver=AdamW(weight_decay=0.5), learning_rate_init=0.001)
    (run,) = mlflow.store.runs.values()
    assert (run.info.run_id, run.info.status, run.name) == (model.callbacks[0].run_id_, "FINISHED", "first")
    assert run.info.experiment_id == "0"
    assert run.tags == {
        "mlflow.user": "me",
        "estimator_name": "MLPClassifier",
        "estimator_class": "fastmlp.estimators.classifier.MLPClassifier",
        "fastmlp.version": fastmlp.__version__,
        "data": "7",
    }
    assert run.params["hidden_layer_sizes"] == "(8,)"
    assert run.params["solver"] == "AdamW(weight_decay=0.5)"
    assert run.params["solver__weight_decay"] == "0.5"
    assert run.params["activation"] == "relu"
    assert not any(name.startswith("callbacks") for name in run.params)
    assert run.metrics == {name: list(enumerate(values, start=1)) for name, values in model.history_.items()}
    assert not run.files


def test_values_are_sent_together(mlflow, monkeypatch):
    fitted(MLflow(), max_iter=50)
    assert mlflow.store.requests == 2  # parameters, metrics
    monkeypatch.setattr(MLflow, "_INTERVAL", 0.0)
    fitted(MLflow(), max_iter=50)
    assert mlflow.store.requests > 50


def test_more_metrics_than_a_request_may_have(mlflow):
    model = fitted(MLflow(), max_iter=700)
    (run,) = mlflow.store.runs.values()
    assert run.metrics["loss"] == list(enumerate(model.history_["loss"], start=1))


def test_what_early_stopping_kept(mlflow):
    stop = EarlyStopping(patience=3)
    model = fitted(MLflow(), stop, max_iter=200, learning_rate_init=0.1)
    (run,) = mlflow.store.runs.values()
    assert run.metrics["best_epoch"] == [(model.n_iter_, stop.best_epoch_)]
    assert run.metrics["best_validation_loss"] == [(model.n_iter_, stop.best_)]
    at_best = model.history_["validation_score"][stop.best_epoch_ - 1]
    assert run.metrics["best_validation_score"] == [(model.n_iter_, at_best)]


def test_the_model_is_stored(mlflow, tmp_path):
    model = fitted(MLflow(log_model=True))
    (run,) = mlflow.store.runs.values()
    (tmp_path / "file").write_bytes(run.files["model.fastmlp"])
    loaded = fastmlp.load(tmp_path / "file")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.callbacks[0].run_id_ == run.info.run_id
    assert repr(loaded.callbacks) == repr(model.callbacks)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "FINISHED")])
def test_exceptions_end_the_run(mlflow, error, status, inside):
    """Ctrl-C ends training, and is no failure. That an exception is being handled meanwhile says nothing."""
    callbacks = [MLflow(log_model=True), Fails(3, error)] if inside else [MLflow(), Passes()]
    try:
        raise OSError
    except OSError:
        if not inside:
            fitted(*callbacks)
            status = "FINISHED"
        elif error is RuntimeError:
            with pytest.raises(RuntimeError):
                fitted(*callbacks)
        else:
            with pytest.warns(UserWarning, match="interrupted"):
                fitted(*callbacks)
    (run,) = mlflow.store.runs.values()
    assert run.info.status == status
    assert bool(run.files) == (inside and status == "FINISHED")


def test_failures_that_no_callback_raised_end_the_run(mlflow):
    class Refuses(Callback):
        def on_fit_begin(self, fit):
            raise KeyboardInterrupt

    model = MLPClassifier(callbacks=[MLflow()], **WHAT | {"solver": "sgd", "learning_rate_init": 1e300})
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="finite"):
        model.fit(*TRAIN)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[MLflow(), Refuses()]).fit(*TRAIN)
    assert [run.info.status for run in mlflow.store.runs.values()] == ["FAILED", "KILLED"]


def test_a_store_that_fails_ends_the_fit_and_leaves_a_model(mlflow, monkeypatch):
    model = fitted()

    def fails(*arguments, **options):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(Store, "log_artifact", fails)
    model.set_params(callbacks=[MLflow(log_model=True)])
    with pytest.raises(ConnectionError):
        model.fit(*TRAIN)
    assert [run.info.status for run in mlflow.store.runs.values()] == ["FAILED"]
    model.predict(X)
    monkeypatch.setattr(Store, "create_run", fails)
    before = model.coefs_[0].copy()
    with pytest.raises(ConnectionError):
        model.fit(*TRAIN)
    np.testing.assert_array_equal(model.coefs_[0], before)


def test_partial_fit_goes_on_in_one_run(mlflow):
    model = MLPClassifier(callbacks=[MLflow()], **WHAT)
    for _ in range(3):
        model.partial_fit(*TRAIN, classes=[0, 1, 2])
    (run,) = mlflow.store.runs.values()
    assert run.metrics["loss"] == list(enumerate(model.history_["loss"], start=1))
    assert run.info.status == "FINISHED"
    model.fit(*TRAIN)
    clone(model).partial_fit(*TRAIN, classes=[0, 1, 2])
    assert len(mlflow.store.runs) == 3


def test_resume_goes_on_in_the_same_run(mlflow, tmp_path):
    fitted(MLflow(), ModelCheckpoint(tmp_path / "model"))
    resumed = fastmlp.load(tmp_path / "model").set_params(max_iter=9).resume(*TRAIN, eval_set=VALID)
    (run,) = mlflow.store.runs.values()
    assert run.metrics["loss"] == list(enumerate(resumed.history_["loss"], start=1))
    assert run.info.status == "FINISHED"
    MLPClassifier(max_iter=2, callbacks=[ModelCheckpoint(tmp_path / "other")], **WHAT).fit(*TRAIN)
    added = fastmlp.load(tmp_path / "other", callbacks=[MLflow()], max_iter=4).resume(*TRAIN)
    assert [step for step, _ in mlflow.store.runs[added.callbacks[0].run_id_].metrics["loss"]] == [3, 4]


def test_runs_are_nested_under_the_active_one(mlflow):
    fitted(MLflow())
    parent = mlflow.store.create_run(mlflow.store.create_experiment("mine"), {})
    mlflow.active.run = parent
    fitted(MLflow())
    make_pipeline(StandardScaler(), MLPClassifier(max_iter=2, callbacks=[MLflow()], **WHAT)).fit(*TRAIN)
    fitted(MLflow("another"))  # the store shows runs of one experiment
    fitted(MLflow(tracking_uri="sqlite:///there.db"))
    here = list(mlflow.store.runs.values())
    assert [run.tags.get("mlflow.parentRunId") for run in here] == [None, None, "run1", "run1", None]
    assert [run.info.experiment_id for run in here] == ["0", "1", "1", "1", "2"]
    ((run,),) = [store.runs.values() for uri, store in mlflow.stores.items() if "there" in uri]
    assert "mlflow.parentRunId" not in run.tags


def test_experiments_are_made_once(mlflow):
    fitted(MLflow("a"))
    fitted(MLflow("a"))
    assert mlflow.store.experiments == {"Default": "0", "a": "1"}
    assert {run.info.experiment_id for run in mlflow.store.runs.values()} == {"1"}


def test_folders_are_uris(mlflow, tmp_path):
    fitted(MLflow(tracking_uri=tmp_path / "runs"))
    assert list(mlflow.stores) == [(tmp_path / "runs").as_uri()]


@pytest.mark.parametrize("is_active", [True, False])
def test_searches_nest_their_runs_in_other_threads_too(mlflow, is_active):
    """The active run is the calling thread's alone, and so it would be with processes."""
    model = MLPClassifier(max_iter=2, callbacks=[MLflow()], **WHAT)
    if is_active:
        mlflow.active.run = mlflow.store.create_run("0", {})
    with joblib.parallel_config("threading", n_jobs=2):
        GridSearchCV(model, {"alpha": [0.1, 1.0, 10.0, 100.0]}, cv=3).fit(*TRAIN)
    runs = list(mlflow.store.runs.values())
    parents = [run.tags.get("mlflow.parentRunId") for run in runs]
    assert parents == ([None] + ["run0"] * 13 if is_active else [None] * 13)
    assert sorted(run.params["alpha"] for run in runs[-13:])[-3:] == ["100.0"] * 3
    assert {run.info.status for run in runs[-13:]} == {"FINISHED"}
    mlflow.active.run = None
    again = clone(model)
    again.fit(*TRAIN)
    assert "mlflow.parentRunId" not in list(mlflow.store.runs.values())[-1].tags


def test_a_clone_that_goes_to_a_process_takes_along_where_it_was_made(mlflow, monkeypatch):
    mlflow.uri, mlflow.active.run = "sqlite:///set.db", None
    mlflow.active.run = mlflow.store.create_run("0", {})
    sent = joblib.hash(MLflow()), clone(clone(MLflow()))
    mlflow.uri, mlflow.active.run = "sqlite:///default.db", None  # as a new process has it
    monkeypatch.setattr("os.getpid", lambda: -1)
    fitted(sent[1])
    (run,) = list(mlflow.stores["sqlite:///set.db"].runs.values())[1:]
    assert run.tags["mlflow.parentRunId"] == "run0"


def test_names_that_mlflow_would_refuse(mlflow):
    model = MLPClassifier(max_iter=2, callbacks=[MLflow()], **WHAT)
    model.fit(*TRAIN, eval_set={"a:b|{c}": VALID, "größe 2/3": VALID})
    (run,) = mlflow.store.runs.values()
    assert {"a_b__c__loss", "größe 2/3_score"} < set(run.metrics)


def test_mlflow_watches_as_every_callback_does(mlflow):
    """What tests/test_callbacks.py asks of all others."""
    callback = MLflow("a", tags={"b": "c"})
    assert repr(eval(repr(callback))) == repr(callback) == repr(clone(callback))
    plain = MLPClassifier(max_iter=15, **WHAT).fit(*TRAIN)
    model = clone(plain).set_params(callbacks=[callback])
    for _ in range(2):
        assert model.fit(*TRAIN).loss_curve_ == plain.loss_curve_
    assert not {"_client", "_pending", "_sent"} & set(callback.__getstate__())
    lbfgs = MLPClassifier((8,), solver="lbfgs", random_state=0, max_iter=5, callbacks=[MLflow()]).fit(*TRAIN)
    metrics = mlflow.store.runs[lbfgs.callbacks[0].run_id_].metrics
    assert (len(metrics["loss"]), "learning_rate" in metrics) == (lbfgs.n_iter_, False)


def test_without_mlflow_it_says_what_to_install(monkeypatch):
    without("mlflow", monkeypatch)
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'fastmlp\[mlflow\]'"):
        MLPClassifier(callbacks=[MLflow()], max_iter=2, **WHAT).fit(*TRAIN)


# ---- MLflow itself ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None or importlib.util.find_spec("sqlalchemy") is None,
    reason="MLflow, with a store of its own, is not installed",
)
def test_with_mlflow(python, tmp_path):
    """In a process of its own, with its warnings: they are not ours."""
    done = python(
        f"""
        import os; os.chdir({str(tmp_path)!r})
        import mlflow, warnings
        warnings.simplefilter("ignore")
        from sklearn.model_selection import GridSearchCV
        from sklearn.datasets import load_iris
        import fastmlp
        from fastmlp import MLPClassifier
        from fastmlp.callbacks import MLflow
        X, y = load_iris(return_X_y=True)
        model = MLPClassifier((8,), max_iter=5, random_state=0, callbacks=[MLflow("mine", log_model=True)])
        run = mlflow.get_run(model.fit(X, y, eval_set=(X, y)).callbacks[0].run_id_)
        client = mlflow.MlflowClient()
        history = client.get_metric_history(run.info.run_id, "validation_loss")
        assert [(m.step, m.value) for m in history] == list(enumerate(model.history_["validation_loss"], start=1))
        assert (run.info.status, run.data.params["hidden_layer_sizes"]) == ("FINISHED", "(8,)")
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["model.fastmlp"]
        mlflow.set_experiment("searches")
        with mlflow.start_run() as parent:
            GridSearchCV(model.set_params(callbacks=[MLflow()]), {{"alpha": [0.1, 1.0]}}, cv=2, n_jobs=2).fit(X, y)
        runs = mlflow.search_runs(experiment_names=["searches"])
        nested = runs[runs["tags.mlflow.parentRunId"] == parent.info.run_id]
        assert (len(runs), len(nested), set(nested.status)) == (6, 5, {{"FINISHED"}})
        """,
        timeout=300,
        PYTHONPATH=str(Path(fastmlp.__file__).parent.parent),
    )
    assert done.returncode == 0, done.stderr
