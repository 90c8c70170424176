"""The callbacks: what each does, what it leaves alone, and bad parameters."""

import csv
import errno
import multiprocessing
import os
import pickle
import signal
import time
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import StandardScaler

import fastmlp
import fastmlp.callbacks
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LayerStatistics,
    LearningRateFinder,
    MLflow,
    ModelCheckpoint,
    ProgressBar,
    ReduceOnPlateau,
    TensorBoard,
    TerminateOnNaN,
)
from fastmlp.schedules import SCHEDULES
from tests.conftest import exhaustive

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, VALID = (X[::2], Y[::2]), (X[1::2], Y[1::2])
WHAT = dict(hidden_layer_sizes=(8,), random_state=0, learning_rate_init=0.01, n_iter_no_change=1000)
ALL = [getattr(fastmlp.callbacks, name) for name in fastmlp.callbacks.__all__]
# MLflow is not installed for the tests; tests/test_trackers.py has them with a stand-in.
APART = ("Callback", "ScikitLearnCallbacks", "MLflow")
ALL = [cls for cls in ALL if issubclass(cls, Callback) and cls.__name__ not in APART]
#: Those that are told where to write.
WRITERS = (CSVLogger, ModelCheckpoint, TensorBoard)


#: How often a training is killed; FASTMLP_KILLS=100 takes a minute.
KILLS = os.environ.get("FASTMLP_KILLS", "15")


def example(cls, tmp_path):
    """A callback of a class, told no more than it must be."""
    return cls(tmp_path / "file") if cls in WRITERS else cls()


def parameters(model):
    return np.concatenate([part.ravel() for part in model.coefs_ + model.intercepts_])


@pytest.mark.parametrize("cls", ALL)
def test_every_callback_clones_pickles_reconstructs_and_serves_twice(cls, tmp_path):
    callback = example(cls, tmp_path)
    assert repr(clone(callback)) == repr(callback)
    if cls not in WRITERS:
        assert repr(eval(repr(callback), vars(fastmlp.callbacks))) == repr(callback)
    model = MLPClassifier(callbacks=[callback], max_iter=6, **WHAT)
    first = parameters(model.fit(*TRAIN, eval_set=VALID))
    assert model.callbacks == [callback]
    pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(parameters(model.fit(*TRAIN, eval_set=VALID)), first)
    np.testing.assert_array_equal(parameters(clone(model).fit(*TRAIN, eval_set=VALID)), first)


@pytest.mark.parametrize("cls", [cls for cls in ALL if not (cls is ModelCheckpoint or cls is LearningRateFinder)])
def test_every_callback_serves_lbfgs_and_partial_fit(cls, tmp_path):
    model = MLPClassifier((8,), solver="lbfgs", random_state=0, max_iter=20, callbacks=[example(cls, tmp_path)])
    with pytest.MonkeyPatch.context() as patch:
        if cls is ReduceOnPlateau:
            patch.setattr(model.callbacks[0], "patience", 1000)
        model.fit(*TRAIN, eval_set=VALID)
    assert len(model.history_["validation_loss"]) == model.n_iter_
    MLPClassifier((8,), callbacks=[example(cls, tmp_path)]).partial_fit(X, Y, classes=[0, 1, 2])


@pytest.mark.parametrize("cls", [cls for cls in ALL if cls is not LearningRateFinder])
def test_watching_changes_nothing(cls, tmp_path):
    plain = MLPClassifier(max_iter=15, **WHAT).fit(*TRAIN)
    watched = MLPClassifier(max_iter=15, callbacks=[example(cls, tmp_path)], **WHAT).fit(*TRAIN)
    assert watched.loss_curve_ == plain.loss_curve_
    np.testing.assert_array_equal(parameters(watched), parameters(plain))


# ---- EarlyStopping ---------------------------------------------------------------------------------------------------


def test_early_stopping_ends_with_the_best_epoch():
    callback = EarlyStopping("validation_loss", patience=4)
    model = MLPClassifier((50,), callbacks=[callback], random_state=0, learning_rate_init=0.05, n_iter_no_change=1000)
    model.fit(*TRAIN, eval_set=VALID)
    losses = model.history_["validation_loss"]
    assert callback.best_ == min(losses)
    assert callback.best_epoch_ == np.argmin(losses) + 1 == model.n_iter_ - 4
    at_best = MLPClassifier(
        (50,), max_iter=callback.best_epoch_, random_state=0, learning_rate_init=0.05, n_iter_no_change=1000
    )
    np.testing.assert_array_equal(parameters(model), parameters(at_best.fit(*TRAIN)))
    callback.restore_best = False
    last = clone(at_best).set_params(max_iter=model.n_iter_).fit(*TRAIN)
    np.testing.assert_array_equal(parameters(model.fit(*TRAIN, eval_set=VALID)), parameters(last))


class Scripted(Callback):
    """Writes given values where the history has the monitored one."""

    def __init__(self, values, name="loss"):
        self.values = values
        self.name = name

    def on_epoch_end(self, fit):
        fit.history[self.name][-1] = self.values[fit.epoch - 1]


@pytest.mark.parametrize(
    ("values", "arguments", "n_epochs", "best"),
    [
        ([3, 2, 2, 2, 2, 2], {"patience": 2}, 4, 2),
        ([3, 2, 1.99, 1.98, 1.97, 1.0], {"patience": 2, "min_delta": 0.1}, 4, 2),
        ([1, 2, 3, 2, 2, 2], {"patience": 2, "mode": "max"}, 5, 3),
        ([3, np.nan, np.nan, 2, 1, 0], {"patience": 3}, 6, 6),
        ([3, np.nan, np.nan, 2, 1, 0], {"patience": 2}, 3, 1),
        ([np.inf, -np.inf, 2, -np.inf, 3, 4], {"patience": 3}, 6, 3),
        ([np.nan] * 6, {"patience": 4}, 6, 0),
        ([np.nan, np.nan, np.nan, 3, 3, 3], {"patience": 2}, 6, 4),
    ],
)
def test_early_stopping_counts(values, arguments, n_epochs, best):
    callback = EarlyStopping("loss", **arguments)
    model = MLPClassifier(max_iter=6, callbacks=[Scripted(values), callback], **WHAT).fit(*TRAIN)
    assert (model.n_iter_, callback.best_epoch_) == (n_epochs, best)


def test_what_is_better_follows_from_the_name():
    callback = EarlyStopping("validation_neg_log_loss", patience=3)
    model = MLPClassifier(max_iter=30, scoring="neg_log_loss", callbacks=[callback], **WHAT)
    model.fit(*TRAIN, eval_set=VALID)
    assert callback.best_ == max(model.history_["validation_neg_log_loss"])
    by_default = EarlyStopping()
    MLPClassifier(max_iter=9, callbacks=[by_default], **WHAT).fit(*TRAIN, eval_set={"a": VALID, "b": TRAIN})
    model.set_params(callbacks=[by_default], scoring=None, max_iter=9).fit(*TRAIN, eval_set={"a": VALID, "b": TRAIN})
    assert by_default.best_ == min(model.history_["a_loss"])
    model.fit(*TRAIN)
    assert by_default.best_ == min(model.history_["loss"])


def test_an_unknown_name_is_refused_with_those_there_are():
    model = MLPClassifier(max_iter=3, callbacks=[EarlyStopping("valid_loss")], **WHAT)
    message = "'valid_loss' is not recorded in this fit; recorded are 'validation_loss', 'loss', 'validation_score'"
    with pytest.raises(ValueError, match=message):
        model.fit(*TRAIN, eval_set=VALID)


def test_keras_name_of_a_validation_value():
    """It means the entry validation_loss, unless there is one of its own; without other rows it says how."""
    for scoring, name, ours in [
        (None, "val_loss", "validation_loss"),
        ("accuracy", "val_accuracy", "validation_accuracy"),
    ]:
        callback = EarlyStopping(name, patience=2)
        model = MLPClassifier(max_iter=5, scoring=[scoring] if scoring else None, callbacks=[callback], **WHAT)
        model.fit(*TRAIN, eval_set=VALID)
        best = max if scoring else min
        assert callback.best_ == best(model.history_[ours])
        assert callback.monitor == name
    callback = EarlyStopping("val_loss")
    model = MLPClassifier(max_iter=5, callbacks=[callback], **WHAT).fit(*TRAIN, eval_set={"val": VALID})
    assert callback.best_ == min(model.history_["val_loss"])
    with pytest.raises(ValueError, match=r"^'val_loss' is not recorded .* early_stopping=True, or fit\(X, y, eval_set"):
        model.fit(*TRAIN)
    with pytest.raises(ValueError, match=r"^'val_accuracy' is not recorded .* 'validation_score', [^.]*\.$"):
        model.set_params(callbacks=[EarlyStopping("val_accuracy")]).fit(*TRAIN, eval_set=VALID)


# ---- TerminateOnNaN --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e3, 1e300])
def test_terminate_on_nan_leaves_the_last_finite_model(rate):
    model = MLPRegressor(
        hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=rate, callbacks=[TerminateOnNaN()], random_state=0
    )
    with (
        np.errstate(all="ignore"),
        pytest.warns(UserWarning, match=r"Epoch \d+ made loss or parameters infinite or NaN"),
    ):
        model.fit(X, X[:, 0])
    assert np.isfinite(parameters(model)).all()
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        clone(model).set_params(callbacks=None).fit(X, X[:, 0])


def test_terminate_on_nan_leaves_a_best_epoch_alone():
    model = MLPRegressor(
        hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=1.0, random_state=0, momentum=0.0,
        callbacks=[EarlyStopping("loss", patience=50), TerminateOnNaN()], n_iter_no_change=1000,
    )  # fmt: skip
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="infinite or NaN"):
        model.fit(X * 3, 10 * X[:, 0])
    best = clone(model).set_params(callbacks=None, max_iter=model.callbacks[0].best_epoch_).fit(X * 3, 10 * X[:, 0])
    np.testing.assert_array_equal(parameters(model), parameters(best))


def test_terminate_on_nan_leaves_a_model_that_can_go_on(tmp_path):
    path = tmp_path / "model"
    model = MLPRegressor(
        hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=1e300, random_state=0,
        callbacks=[TerminateOnNaN(), ModelCheckpoint(path)],
    )  # fmt: skip
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="infinite or NaN"):
        model.fit(X, X[:, 0])
    if path.exists():
        assert np.isfinite(parameters(fastmlp.load(path))).all()
    model.set_params(learning_rate_init=1e-30, callbacks=None).partial_fit(X, X[:, 0])
    assert np.isfinite(parameters(model)).all()


def test_no_checkpoint_of_what_is_not_finite(tmp_path):
    path = tmp_path / "model"
    model = MLPRegressor(hidden_layer_sizes=(8,), callbacks=[ModelCheckpoint(path)], max_iter=3, random_state=0)
    model.fit(X, X[:, 0])
    model.set_params(solver="sgd", learning_rate_init=1e300)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X, X[:, 0])
    assert np.isfinite(parameters(fastmlp.load(path))).all()


# ---- ReduceOnPlateau -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "arguments", "rates"),
    [
        ([3, 3, 3, 3, 3, 3], {"patience": 2}, [1, 1, 1, 0.1, 0.1, 0.01]),
        ([3, 3, 3, 3, 3, 3], {"patience": 2, "cooldown": 1}, [1, 1, 1, 0.1, 0.1, 0.1]),
        ([3, 3, 2, 2, 1, 1], {"patience": 2}, [1, 1, 1, 1, 1, 1]),
        ([3, 3, 3, 3, 3, 3], {"patience": 1, "factor": 0.5, "min_learning_rate": 0.003}, [1, 1, 0.5, 0.3, 0.3, 0.3]),
        ([3, 3, 3, 3, 3, 3], {"patience": 1, "min_learning_rate": 2.0}, [1, 1, 1, 1, 1, 1]),
        ([np.nan] * 6, {"patience": 1}, [1, 1, 1, 1, 1, 1]),
        ([np.nan, np.inf, 3, np.nan, np.nan, 2], {"patience": 2}, [1, 1, 1, 1, 1, 0.1]),
    ],
)
def test_reduce_on_plateau(values, arguments, rates):
    callbacks = [Scripted(values), ReduceOnPlateau("loss", **arguments)]
    model = MLPClassifier(max_iter=6, callbacks=callbacks, **WHAT).fit(*TRAIN)
    np.testing.assert_allclose(model.history_["learning_rate"], 0.01 * np.array(rates), rtol=1e-12)


def test_a_schedules_rest_becomes_smaller():
    what = WHAT | dict(max_iter=6, learning_rate="cosine", batch_size=75)
    plain = MLPClassifier(**what).fit(*TRAIN).history_["learning_rate"]
    callbacks = [Scripted([3] * 6), ReduceOnPlateau("loss", patience=2, factor=0.5)]
    rates = MLPClassifier(callbacks=callbacks, **what).fit(*TRAIN).history_["learning_rate"]
    np.testing.assert_allclose(rates, np.array(plain) * [1, 1, 1, 0.5, 0.5, 0.25], rtol=1e-12)


# ---- LearningRateFinder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam", "muon", "rmsprop"])
@pytest.mark.parametrize("what", [{}, {"dropout": 0.2, "batch_size": 16}, {"early_stopping": True}])
def test_a_range_test_leaves_no_trace(solver, what):
    finder = LearningRateFinder(apply=False)
    model = MLPClassifier(solver=solver, max_iter=5, callbacks=[finder], **WHAT, **what).fit(*TRAIN)
    plain = clone(model).set_params(callbacks=None).fit(*TRAIN)
    assert model.loss_curve_ == plain.loss_curve_
    np.testing.assert_array_equal(parameters(model), parameters(plain))
    assert len(finder.learning_rates_) == len(finder.losses_) == len(finder.smoothed_losses_) <= 100
    assert finder.learning_rates_[0] == 1e-6


def test_a_range_test_is_a_fit_whose_rate_grows_with_each_batch():
    class Growing(Callback):
        def on_batch_begin(self, fit):
            fit.learning_rate = 1e-3 * 2 ** (3 * fit.epoch + fit.batch)

    finder = LearningRateFinder(1e-3, 1e-3 * 2**11, n_steps=12, divergence=1e9)
    what = WHAT | dict(solver="sgd", batch_size=25, max_iter=4)
    MLPClassifier(callbacks=[finder], **what).fit(*TRAIN)
    losses = []

    class Heard(Callback):
        def on_batch_end(self, fit):
            losses.append(fit.batch_loss)

    MLPClassifier(callbacks=[Growing(), Heard()], **what).fit(*TRAIN)
    np.testing.assert_allclose(finder.losses_, losses, rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "muon"])
def test_a_range_test_in_the_middle_begins_with_the_present_network(solver):
    class Tests(Callback):
        def on_epoch_end(self, fit):
            self.losses = fit.range_test([1e-12] * fit.n_batches)

    what = WHAT | dict(batch_size=25, max_iter=40, alpha=0.0, solver=solver)
    model = MLPClassifier(callbacks=[Tests()], **what).fit(*TRAIN)
    plain = clone(model).set_params(callbacks=None).fit(*TRAIN)
    np.testing.assert_array_equal(parameters(model), parameters(plain))
    expected = MLPClassifier(callbacks=None, **what).fit(*TRAIN, eval_set=TRAIN).history_["validation_loss"][-1]
    np.testing.assert_allclose(np.mean(model.callbacks[0].losses), expected, rtol=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_what_it_suggests_is_used_and_learns_well(solver):
    X, y = load_digits(return_X_y=True)
    finder = LearningRateFinder()
    model = MLPClassifier(solver=solver, callbacks=[finder], max_iter=30, random_state=0).fit(X / 16, y)
    assert model.history_["learning_rate"] == [finder.suggestion_] * model.n_iter_
    by_default = clone(model).set_params(callbacks=None).fit(X / 16, y)
    assert model.loss_ < by_default.loss_ / 2


def test_where_the_loss_falls_nowhere():
    finder = LearningRateFinder(1e3, 1e6)
    with pytest.warns(UserWarning, match="found no learning rate from 1000.0 to 1000000.0"):
        model = MLPClassifier(solver="sgd", callbacks=[finder], max_iter=3, **WHAT).fit(*TRAIN)
    assert (finder.suggestion_, model.history_["learning_rate"]) == (None, [0.01] * 3)
    with pytest.raises(ValueError, match="solver='lbfgs' has none"):
        MLPClassifier(solver="lbfgs", callbacks=[LearningRateFinder()]).fit(*TRAIN)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "exponential"])
def test_a_schedules_highest_rate_is_what_it_suggests(schedule):
    assert schedule in SCHEDULES
    finder = LearningRateFinder()
    model = MLPClassifier(learning_rate=schedule, callbacks=[finder], max_iter=5, **WHAT).fit(*TRAIN)
    plain = clone(model).set_params(callbacks=None).fit(*TRAIN)
    expected = np.array(plain.history_["learning_rate"])
    expected *= finder.suggestion_ / expected.max()
    np.testing.assert_allclose(model.history_["learning_rate"], expected, rtol=1e-9)


def test_its_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    finder = LearningRateFinder()
    with pytest.raises(ValueError, match="nothing to plot before a fit"):
        finder.plot()
    MLPClassifier(callbacks=[finder], max_iter=2, **WHAT).fit(*TRAIN)
    ax = finder.plot()
    losses, smoothed, suggestion = ax.get_lines()
    np.testing.assert_array_equal(losses.get_xydata().T, [finder.learning_rates_, finder.losses_])
    np.testing.assert_array_equal(smoothed.get_ydata(), finder.smoothed_losses_)
    assert suggestion.get_xdata()[0] == finder.suggestion_
    assert ax.get_xscale() == "log"
    assert finder.plot(ax=ax) is ax
    plt.close(ax.figure)


# ---- CSVLogger -------------------------------------------------------------------------------------------------------


def test_csv_has_what_the_history_has(tmp_path):
    path = tmp_path / "epochs.csv"
    model = MLPClassifier(callbacks=[CSVLogger(path)], max_iter=7, **WHAT).fit(*TRAIN, eval_set=VALID)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [int(row.pop("epoch")) for row in rows] == list(range(1, 8))
    assert {name: [float(row[name]) for row in rows] for name in model.history_} == model.history_
    model.fit(*TRAIN)
    assert len(path.read_text().splitlines()) == 8
    with pytest.raises(FileNotFoundError, match="nowhere"):
        MLPClassifier(callbacks=[CSVLogger(tmp_path / "nowhere" / "epochs.csv")]).fit(*TRAIN)


def test_csv_of_partial_fit_goes_on(tmp_path):
    path = tmp_path / "epochs.csv"
    what = WHAT | dict(callbacks=[CSVLogger(path)], max_iter=2)
    model = MLPClassifier(**what).fit(*TRAIN, eval_set=VALID)
    for _ in range(2):
        model.partial_fit(*TRAIN)
    model.callbacks = [CSVLogger(path)]  # one that has not written the file
    model.partial_fit(*TRAIN)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == list("12345")
    assert [float(row["loss"]) for row in rows] == model.history_["loss"]
    assert [row["validation_loss"] == "nan" for row in rows] == [False, False, True, True, True]
    MLPClassifier(**what).partial_fit(*TRAIN, classes=[0, 1, 2])
    assert len(path.read_text().splitlines()) == 2


# ---- ModelCheckpoint -------------------------------------------------------------------------------------------------


def test_a_checkpoint_after_each_epoch_and_the_last(tmp_path):
    def saved(**arguments):
        for path in tmp_path.iterdir():
            path.unlink()
        callback = ModelCheckpoint(tmp_path / "{epoch}.fastmlp", **arguments)
        model = MLPClassifier(max_iter=5, callbacks=[callback], **WHAT).fit(*TRAIN, eval_set=VALID)
        return sorted(int(path.stem) for path in tmp_path.iterdir()), model

    assert saved()[0] == [1, 2, 3, 4, 5]
    epochs, model = saved(every=2)
    assert epochs == [2, 4, 5]
    assert model.callbacks[0].path_ == str(tmp_path / "5.fastmlp")
    np.testing.assert_array_equal(parameters(fastmlp.load(tmp_path / "5.fastmlp")), parameters(model))
    shorter = MLPClassifier(max_iter=2, **WHAT).fit(*TRAIN)
    np.testing.assert_array_equal(parameters(fastmlp.load(tmp_path / "2.fastmlp")), parameters(shorter))
    epochs, model = saved(save_best_only=True, monitor="validation_score")
    scores = model.history_["validation_score"]
    assert epochs == [i + 1 for i in range(5) if scores[i] > max(scores[:i], default=-1)]


def test_a_checkpoint_where_early_stopping_ends_the_fit(tmp_path):
    callbacks = [ModelCheckpoint(tmp_path / "model", every=1000), EarlyStopping(patience=2)]
    what = WHAT | dict(learning_rate_init=0.3)
    model = MLPClassifier(callbacks=callbacks, **what).fit(*TRAIN, eval_set=VALID)
    assert model.n_iter_ < 200
    resumed = fastmlp.load(tmp_path / "model").resume(*TRAIN, eval_set=VALID)
    assert resumed.n_iter_ == model.n_iter_
    np.testing.assert_array_equal(parameters(resumed), parameters(model))
    assert resumed.callbacks[1].best_epoch_ == model.callbacks[1].best_epoch_


def test_callbacks_that_a_checkpoint_did_not_have_begin_when_it_is_resumed(tmp_path):
    path = tmp_path / "model"
    MLPClassifier(max_iter=3, callbacks=[ModelCheckpoint(path)], **WHAT).fit(*TRAIN)
    added = [EarlyStopping("loss", patience=2, min_delta=10.0), ReduceOnPlateau("loss"), LayerStatistics()]
    resumed = fastmlp.load(path, callbacks=added, max_iter=20).resume(*TRAIN)
    assert (resumed.n_iter_, added[0].best_epoch_, len(added[2].records_)) == (6, 4, 3)


def test_paths_of_checkpoints(tmp_path):
    pattern = str(tmp_path / "{epoch:03d}-{validation_loss:.2f}")
    model = MLPClassifier(max_iter=2, callbacks=[ModelCheckpoint(pattern)], **WHAT).fit(*TRAIN, eval_set=VALID)
    names = [f"{i + 1:03d}-{model.history_['validation_loss'][i]:.2f}" for i in range(2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    model.set_params(callbacks=[ModelCheckpoint(tmp_path / "{epok}")])
    with pytest.raises(ValueError, match="names 'epok', which is not recorded; recorded are 'epoch'"):
        model.fit(*TRAIN)
    model.set_params(callbacks=[ModelCheckpoint(tmp_path / "nowhere" / "model")])
    before = parameters(model)
    with pytest.raises(FileNotFoundError, match=r"nowhere/model' is in no directory there is"):
        model.fit(*TRAIN)
    np.testing.assert_array_equal(parameters(model), before)
    with pytest.raises(ValueError, match="solver='lbfgs' cannot be resumed"):
        MLPClassifier(solver="lbfgs", callbacks=[ModelCheckpoint(tmp_path / "model")]).fit(*TRAIN)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (".", IsADirectoryError, "is a directory: name a file in it"),
        ("nowhere/model", FileNotFoundError, "is in no directory there is"),
        ("pipe", PermissionError, "is no file, and no file can take its place"),
    ],
)
@pytest.mark.parametrize("resumed", [False, True])
def test_checkpoints_that_cannot_be_written_are_refused_before_the_first_epoch(tmp_path, path, error, message, resumed):
    if path == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("there are no named pipes")
        os.mkfifo(tmp_path / path)
    MLPClassifier(max_iter=2, callbacks=[ModelCheckpoint(tmp_path / "first")], **WHAT).fit(*TRAIN)
    statistics = LayerStatistics()
    model = fastmlp.load(tmp_path / "first", max_iter=4)
    model.set_params(callbacks=[ModelCheckpoint(tmp_path / path), statistics])
    with pytest.raises(error, match=message):
        (model.resume if resumed else model.fit)(*TRAIN)
    assert not vars(statistics).get("records_")  # it has heard of no epoch


def test_a_full_disk_ends_the_fit_and_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Fills(Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 3:
                monkeypatch.setattr("os.fsync", full)

    path = tmp_path / "model"
    model = MLPClassifier(max_iter=5, callbacks=[ModelCheckpoint(path), Fills()], **WHAT)
    with pytest.raises(OSError, match="No space left on device") as raised:
        model.fit(*TRAIN)
    monkeypatch.undo()
    assert (raised.value.errno, str(path) in str(raised.value)) == (errno.ENOSPC, True)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    for i, there in ((3, model), (2, fastmlp.load(path, callbacks=None))):
        shorter = MLPClassifier(max_iter=i, **WHAT).fit(*TRAIN)
        np.testing.assert_array_equal(parameters(there), parameters(shorter))


def train_with_checkpoints(path, what, resumes):
    """What the process does that is killed."""
    warnings.simplefilter("ignore")
    if resumes and path.exists():
        fastmlp.load(path).resume(*TRAIN)
    else:
        MLPClassifier(callbacks=[ModelCheckpoint(path)], **what).fit(*TRAIN)


@exhaustive
def test_killed_at_any_moment_and_resumed(tmp_path):
    """Whatever the moment, the file is whole, or not there yet, and leads to the same model."""
    what = WHAT | dict(max_iter=25, dropout=0.2, batch_size=25, ema=0.9)
    whole = MLPClassifier(**what).fit(*TRAIN)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_callbacks"])
    path = tmp_path / "model"

    duration = 60.0

    def run(seconds, resumes):
        nonlocal duration
        process, start = context.Process(target=train_with_checkpoints, args=(path, what, resumes)), time.perf_counter()
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        if not resumes and process.exitcode == 0:  # machines slow down and recover
            duration = time.perf_counter() - start
        return process.exitcode

    for _ in range(2):
        path.unlink(missing_ok=True)
        assert run(60, False) == 0
    reached = []
    for number, moment in enumerate(np.random.default_rng(0).uniform(size=5 * int(KILLS))):
        if number >= int(KILLS) and len(set(reached)) > int(KILLS) / 10:
            break
        path.unlink(missing_ok=True)
        codes = [run(moment * duration, False), run(0.5 * moment * duration, True)]
        if not path.exists():
            continue
        checkpoint = fastmlp.load(path)
        if -signal.SIGKILL in codes:
            reached.append(checkpoint.n_iter_)
        resumed = checkpoint.resume(*TRAIN)
        np.testing.assert_array_equal(parameters(resumed), parameters(whole))
        assert resumed.loss_curve_ == whole.loss_curve_
    assert len(set(reached)) > int(KILLS) / 10  # epochs, not the same one each time


# ---- bad parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(patience=0),
        EarlyStopping(patience=2.5),
        EarlyStopping(min_delta=-1.0),
        EarlyStopping(min_delta=np.nan),
        EarlyStopping(mode="least"),
        EarlyStopping(3),
        EarlyStopping(restore_best="yes"),
        ReduceOnPlateau(factor=1.0),
        ReduceOnPlateau(factor=0.0),
        ReduceOnPlateau(cooldown=-1),
        ReduceOnPlateau(min_learning_rate=-0.1),
        LearningRateFinder(0.0),
        LearningRateFinder(1.0, 0.5),
        LearningRateFinder(max_rate=np.inf),
        LearningRateFinder(n_steps=3),
        LearningRateFinder(smoothing=0.0),
        LearningRateFinder(divergence=1.0),
        CSVLogger(3),
        ModelCheckpoint(None),
        ModelCheckpoint("x", every=0),
        ProgressBar("sometimes"),
        TensorBoard(3),
        TensorBoard(run_name=3),
        MLflow(3),
        MLflow(run_name=3),
        MLflow(tracking_uri=3),
        MLflow(tags="a"),
        MLflow(log_model="yes"),
    ],
    ids=repr,
)
def test_bad_parameters_are_named_and_nothing_is_lost(callback):
    model = MLPClassifier(max_iter=2, **WHAT).fit(*TRAIN)
    before = parameters(model)
    model.set_params(callbacks=[callback])
    with pytest.raises(ValueError, match=rf"{type(callback).__name__}.* (must be|needs) .*(Got|got)"):
        model.fit(*TRAIN)
    np.testing.assert_array_equal(parameters(model), before)


def test_a_misspelt_hook_is_refused():
    class Misspelt(Callback):
        def on_epoch_ends(self, fit):
            pass

    with pytest.raises(ValueError, match=r"Misspelt\.on_epoch_ends is no hook; hooks are 'on_epoch_end'"):
        MLPClassifier(callbacks=[Misspelt()]).fit(*TRAIN)


def test_hooks_that_a_class_defines_are_known_without_a_word():
    """They are found out when the class is made: in the class, in a callback it is derived from, and beside it."""

    class Ends:
        def on_fit_end(self, fit):
            pass

    class Watches(Callback):
        def on_epoch_end(self, fit):
            super().on_epoch_end(fit)

    class Both(Ends, Watches):
        pass

    assert [c.hooks for c in (Callback, Watches, Both)] == [set(), {"on_epoch_end"}, {"on_epoch_end", "on_fit_end"}]
    MLPClassifier(max_iter=1000, callbacks=[Both(), Watches()], **WHAT).fit(*TRAIN)


def test_frames_with_names_bring_no_warnings():
    pd = pytest.importorskip("pandas")

    class Predicts(Callback):
        def on_epoch_end(self, fit):
            fit.fitted().predict(fit.X)

    frame = pd.DataFrame(X, columns=list("abcd"))
    monitor = ScoringMonitor(scoring="accuracy")
    model = MLPClassifier(max_iter=2, scoring="accuracy", callbacks=[Predicts()], **WHAT).set_callbacks(monitor)
    model.fit(frame, Y, eval_set=(frame, Y))
    assert model.history_["validation_accuracy"][-1] == model.score(frame, Y)
    assert monitor.get_logs().data[-1]["accuracy"] == model.score(frame, Y)


@pytest.mark.parametrize("pattern", ["{}", "{epoch:zz}", "{epoch"])
def test_bad_patterns_of_paths(pattern, tmp_path):
    with pytest.raises(ValueError, match=r"ModelCheckpoint: path='.*' is no pattern of a path"):
        MLPClassifier(callbacks=[ModelCheckpoint(tmp_path / pattern)]).fit(*TRAIN)


@pytest.mark.parametrize("callbacks", [EarlyStopping(), EarlyStopping, "EarlyStopping", 3])
def test_callbacks_must_be_a_list(callbacks):
    with pytest.raises(ValueError, match="The 'callbacks' parameter of MLPClassifier must be"):
        MLPClassifier(callbacks=callbacks).fit(*TRAIN)


@pytest.mark.parametrize("callback", [EarlyStopping, print, None, "EarlyStopping"])
def test_callbacks_must_be_callbacks(callback):
    with pytest.raises(ValueError, match=r"callbacks must be objects of fastmlp\.callbacks\.Callback; got"):
        MLPClassifier(callbacks=[callback]).fit(*TRAIN)
