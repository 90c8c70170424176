"""Checkpoints of ensembles: fits that are killed and resumed have the bits of fits that are not."""

import _thread
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold

import fastmlp
from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.callbacks import Callback, ModelCheckpoint
from fastmlp.exceptions import TimeLimitWarning
from fastmlp.tabular.checkpoint import Checkpoint, CheckpointFile, fingerprint
from fastmlp.tabular.ensemble import TargetEnsemble
from fastmlp.tabular.kinds import EFFORTS, Effort
from fastmlp.tabular.trees import LeafCodes
from tests.conftest import ROOT
from tests.tabular.problems import BOTH_KINDS, LONGER, Clock, fitted, kind, outputs, problem, small


@pytest.fixture(autouse=True)
def _two_kinds(monkeypatch):
    """Let effort="fast" have a kind without trees and one with trees, and checkpoints be at once."""
    monkeypatch.setitem(EFFORTS, "fast", BOTH_KINDS)
    monkeypatch.setattr(CheckpointFile, "_SECONDS", 0.0)
    monkeypatch.setattr(CheckpointFile, "_TIMES", 0.0)


@pytest.fixture
def counted(monkeypatch):
    """The kinds and folds of the members that are trained."""
    found = []
    trained = TargetEnsemble._trained

    def counting(self, kind, f, *arguments):
        found.append((kind.name, f))
        return trained(self, kind, f, *arguments)

    monkeypatch.setattr(TargetEnsemble, "_trained", counting)
    return found


class Stop(Exception):
    """What ends a fit in these tests."""


class StopAt(Callback):
    """Ends a fit when so many members have begun."""

    def __init__(self, count, begun):
        self.count, self.begun = count, begun

    def __deepcopy__(self, memo):
        return self  # members share it

    def on_fit_begin(self, fit):
        self.begun.append(1)
        if len(self.begun) == self.count:
            raise Stop


def stopped(cls, path, count, X, y, lacking=None, /, **parameters):
    """Fit until so many members have begun, by one thread; return what is in the file, given what this lacks."""
    estimator = small(cls, n_jobs=1, callbacks=[ModelCheckpoint(path), StopAt(count, [])], **parameters)
    with pytest.raises(Stop):
        estimator.fit(X, y)
    return fastmlp.load(path, callbacks=[ModelCheckpoint(path)], **(lacking or {}))


SCRIPT = """
import os, signal, sys
import fastmlp
from fastmlp.callbacks import ModelCheckpoint
from fastmlp.tabular.checkpoint import CheckpointFile
from fastmlp.tabular.kinds import EFFORTS, Effort
from fastmlp.tabular.trees import LeafCodes
from tests.tabular.problems import LONGER, problem, small

EFFORTS["fast"] = LONGER
CheckpointFile._SECONDS = CheckpointFile._TIMES = 0.0
write, written = CheckpointFile._write, []

def write_and_die(self, estimator):
    write(self, estimator)
    written.append(1)
    if len(written) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

CheckpointFile._write = write_and_die
cls = getattr(fastmlp, sys.argv[1])
small(cls, n_jobs=2, callbacks=[ModelCheckpoint(sys.argv[2])]).fit(*problem(cls))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize(("cls", "n_written"), [(TabularClassifier, 1), (TabularRegressor, 4)])
def test_a_killed_fit_goes_on(cls, path, counted, monkeypatch, n_written):
    monkeypatch.setitem(EFFORTS, "fast", LONGER)
    X, y = problem(cls)
    whole = small(cls).fit(X, y)
    counted.clear()
    arguments = [sys.executable, "-c", SCRIPT, cls.__name__, str(path), str(n_written)]
    done = subprocess.run(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = fastmlp.load(path).resume(X, y)
    assert 6 - n_written - 2 <= len(counted) <= 6 - n_written
    assert np.array_equal(outputs(resumed, X), outputs(whole, X))
    assert np.array_equal(resumed.oof_predictions_, whole.oof_predictions_)
    assert resumed.oof_score_ == whole.oof_score_
    assert [(r["kind"], r["fold"], r["epochs"]) for r in resumed.history_] == [
        (r["kind"], r["fold"], r["epochs"]) for r in whole.history_
    ]
    again = fastmlp.load(path)  # the file has become that of the fitted estimator
    assert np.array_equal(outputs(again, X), outputs(whole, X))


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_only_missing_members_are_trained(cls, path, counted, count):
    X, y = problem(cls)
    loaded = stopped(cls, path, count, X, y)
    assert loaded._checkpoint.n_finished == count - 1
    counted.clear()
    resumed = loaded.resume(X, y)
    kinds = [kind.name for kind in EFFORTS["fast"].kinds]
    assert sorted(counted) == sorted([(kind, f) for kind in kinds for f in range(3)][count - 1 :])
    assert np.array_equal(outputs(resumed, X), outputs(fitted(cls), X))


def test_random_states_and_splitters_without_a_seed(cls, path):
    """The folds and seeds are those of the fit that was stopped, whatever made them."""
    X, y = problem(cls)
    loaded = stopped(cls, path, 3, X, y, random_state=None, cv=KFold(3, shuffle=True))
    folds, seeds = loaded._checkpoint.folds, loaded._checkpoint.seeds
    resumed = loaded.resume(X, y)
    assert resumed.members_
    again = stopped(cls, path, 3, X, y, random_state=None, cv=KFold(3, shuffle=True))
    assert again._checkpoint.seeds != seeds
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(again._checkpoint.folds, folds, strict=True))


def test_resumed_twice(cls, path, counted):
    X, y = problem(cls)
    loaded = stopped(cls, path, 3, X, y)
    loaded.set_params(callbacks=[ModelCheckpoint(path), StopAt(3, [])])
    with pytest.raises(Stop):
        loaded.set_params(n_jobs=1).resume(X, y)
    assert loaded._checkpoint.n_finished == 2  # a failing resume changes nothing
    loaded = fastmlp.load(path, callbacks=None)
    assert loaded._checkpoint.n_finished == 4
    counted.clear()
    assert np.array_equal(outputs(loaded.resume(X, y), X), outputs(small(cls).fit(X, y), X))
    assert len(counted) == 2 + 6


def test_a_checkpoint_says_what_it_is(cls, path):
    X, y = problem(cls)
    loaded = stopped(cls, path, 3, X, y)
    with pytest.raises(
        NotFittedError, match=r"has not come to its end, with 2 members: resume\(X, y\) trains the others"
    ):
        loaded.predict(X)
    with pytest.raises(ValueError, match="not those of the fit that is to be resumed"):
        loaded.resume(X, y[::-1])
    with pytest.raises(ValueError, match="not those of the fit that is to be resumed"):
        loaded.resume(X, y, np.ones(len(y)))
    assert loaded._checkpoint.n_finished == 2
    assert loaded.resume(X, y)._checkpoint is None
    assert loaded.resume(X, y) is loaded  # there is nothing left to do
    with pytest.raises(ValueError, match="resume goes on from a checkpoint"):
        small(cls).resume(X, y)
    with pytest.raises(TypeError, match="unexpected keyword argument 'eval_set'"):
        loaded.resume(X, y, eval_set=None)


def test_fit_forgets_a_checkpoint(cls, path):
    X, y = problem(cls)
    loaded = stopped(cls, path, 3, X, y)
    assert np.array_equal(outputs(loaded.fit(X[10:], y[10:]), X), outputs(small(cls).fit(X[10:], y[10:]), X))
    assert loaded._checkpoint is None


def test_a_checkpoint_becomes_usable_within_a_time_limit(cls, path, counted):
    X, y = problem(cls)
    loaded = stopped(cls, path, 5, X, y)
    counted.clear()
    with pytest.warns(TimeLimitWarning, match="members were trained"):
        loaded.set_params(time_limit=1e-6).resume(X, y)
    assert counted == []
    assert len(loaded.members_) == 3
    assert loaded.score(X, y) > 0.5


def test_weights_groups_and_rows_to_validate_on(cls, path):
    X, y = problem(cls)
    weights, groups = np.linspace(0.5, 1, len(y)), np.arange(len(y)) // 6
    for given in ({"groups": groups}, {"X_val": X[:20], "y_val": y[:20]}):
        estimator = small(cls, n_jobs=1, callbacks=[ModelCheckpoint(path), StopAt(3, [])])
        with pytest.raises(Stop):
            estimator.fit(X, y, weights, **given)
        resumed = fastmlp.load(path, callbacks=None).resume(X, y, weights, **given)
        whole = small(cls).fit(X, y, weights, **given)
        assert np.array_equal(outputs(resumed, X), outputs(whole, X))
        assert np.array_equal(resumed.oof_predictions_, whole.oof_predictions_)


@pytest.mark.parametrize("count", [5, 7, 9, 11])
def test_intervals_of_quantiles(path, counted, count):
    """Of two targets there are three ensembles: one that predicts, and one of each target's quantiles."""
    X, y = problem(TabularRegressor)
    y = np.stack([y, -y], axis=1)
    loaded = stopped(TabularRegressor, path, count, X, y, intervals="quantiles")
    n_finished = count - 1
    assert [len(each) for each in loaded._checkpoint.finished] == [
        min(6, n_finished),
        min(3, max(0, n_finished - 6)),
        max(0, n_finished - 9),
    ]
    counted.clear()
    resumed = loaded.resume(X, y)
    assert len(counted) == 12 - n_finished
    whole = small(TabularRegressor, intervals="quantiles").fit(X, y)
    assert np.array_equal(outputs(resumed, X), outputs(whole, X))
    assert np.array_equal(resumed.predict_interval(X, 0.8), whole.predict_interval(X, 0.8))


def test_several_targets(path):
    X, labels = problem(TabularClassifier)
    y = np.stack([labels, labels == "low"], axis=1).astype(str)
    loaded = stopped(TabularClassifier, path, 9, X, y)
    assert [len(each) for each in loaded._checkpoint.finished] == [6, 2]
    resumed, whole = loaded.resume(X, y), small(TabularClassifier).fit(X, y)
    for one, other in zip(resumed.predict_proba(X), whole.predict_proba(X), strict=True):
        assert np.array_equal(one, other)


def test_members_that_time_cut_are_not_finished(cls, path, monkeypatch):
    X, y = problem(cls)
    written = []
    monkeypatch.setattr(CheckpointFile, "_write", lambda self, estimator: written.append(estimator))
    with pytest.warns(TimeLimitWarning):
        small(cls, time_limit=1e-6, callbacks=[ModelCheckpoint(path)]).fit(X, y)
    assert len(written) == 1
    assert hasattr(written[0], "ensembles_")


def test_files_are_written_from_time_to_time(cls, path, monkeypatch):
    """At most once in a second, and for at most a tenth of the time; every says after how many members."""
    X, y = problem(cls)
    written = []
    monkeypatch.setattr(CheckpointFile, "_write", lambda self, estimator: written.append(estimator))
    small(cls, callbacks=[ModelCheckpoint(path)]).fit(X, y)
    assert len(written) <= 7
    n_written = len(written)
    assert n_written >= 2
    written.clear()
    small(cls, n_jobs=1, callbacks=[ModelCheckpoint(path, every=4)]).fit(X, y)
    assert [each._checkpoint.n_finished if each._checkpoint else None for each in written] == [4, None]
    written.clear()
    monkeypatch.setattr(CheckpointFile, "_SECONDS", 1000.0)
    small(cls, callbacks=[ModelCheckpoint(path)]).fit(X, y)
    assert len(written) == 2


def test_importances_leave_time_to_write_the_fitted_estimator(cls, path, monkeypatch):
    """As much as the longest writing has taken: here each takes two seconds, by a clock that says so."""
    deadlines = []

    def gains(*arguments):
        deadlines.append(arguments[-1])
        return fastmlp.tabular.gains.gains(*arguments)

    monkeypatch.setattr(fastmlp.tabular.base, "gains", gains)
    monkeypatch.setattr(fastmlp.tabular.checkpoint, "time", Clock(2.0))
    began = time.monotonic()
    for callbacks in ([ModelCheckpoint(path)], [ModelCheckpoint(path), ModelCheckpoint(f"{path}2")], []):
        estimator = small(cls, time_limit=1000, callbacks=callbacks, n_jobs=1)
        estimator._began = began
        estimator.fit(*problem(cls))
    assert deadlines == [began + 998, began + 996, began + 1000]


def test_a_fit_that_is_interrupted_loses_no_member(cls, path, monkeypatch):
    """However long ago the file was written last."""
    X, y = problem(cls)
    monkeypatch.setattr(CheckpointFile, "_SECONDS", 1000.0)
    estimator = small(cls, n_jobs=1, callbacks=[ModelCheckpoint(path, every=3), StopAt(6, [])])
    with pytest.raises(Stop):
        estimator.fit(X, y)
    loaded = fastmlp.load(path, callbacks=None)
    assert loaded._checkpoint.n_finished == 5
    assert np.array_equal(outputs(loaded.resume(X, y), X), outputs(small(cls).fit(X, y), X))


def test_trees_that_ctrl_c_interrupts_grow_anew(path, monkeypatch):
    """Growth ends after some trees, but these are not those of a finished member."""
    monkeypatch.setitem(EFFORTS, "fast", Effort((kind("trees", trees="boosting"),), 3))
    X, y = problem(TabularRegressor, 300)
    whole = small(TabularRegressor).fit(X, y)
    fit, grown = LeafCodes.fit, []

    def interrupted(self, *arguments, is_over, **options):
        if len(grown) == 1:
            _thread.interrupt_main()
            while not is_over():
                time.sleep(0.01)
        grown.append(fit(self, *arguments, is_over=is_over, **options))

    monkeypatch.setattr(LeafCodes, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small(TabularRegressor, n_jobs=1, callbacks=[ModelCheckpoint(path)]).fit(X, y)
    monkeypatch.undo()
    n_trees = [len(trees.n_leaves_) for _, trees in sorted(whole.ensembles_[0].trees_.trees_.items())]
    assert [len(trees.n_leaves_) for trees in grown] == [n_trees[0], 1]
    monkeypatch.setitem(EFFORTS, "fast", Effort((kind("trees", trees="boosting"),), 3))
    loaded = fastmlp.load(path, callbacks=None)
    assert list(loaded._checkpoint.trees[0].trees_) == [(0, "boosting")]
    assert np.array_equal(outputs(loaded.resume(X, y), X), outputs(whole, X))


def test_callbacks_of_members_are_not_checkpoints(cls, path):
    """A ModelCheckpoint is not given to members, which would overwrite the file with networks."""
    X, y = problem(cls)
    callback = ModelCheckpoint(path)
    small(cls, callbacks=[callback]).fit(X, y)
    assert callback.path_ == str(path)
    assert type(fastmlp.load(path)) is cls


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"save_best_only": True}, ValueError, "save_best_only=True means nothing there; leave it at False"),
        ({"monitor": "loss"}, ValueError, "monitor='loss' means nothing there"),
        ({"every": 0}, ValueError, "'every' parameter"),
        ({"path": "{epoch}.fastmlp"}, ValueError, "is a pattern"),
        ({"path": "/nowhere/to/be/found"}, FileNotFoundError, "in no directory there is"),
        ({"path": str(ROOT)}, IsADirectoryError, "is a directory: name a file in it"),
        ({"path": ""}, IsADirectoryError, "path='' is a directory"),
    ],
)
def test_wrong_checkpoints(cls, path, counted, parameters, error, message):
    X, y = problem(cls)
    with pytest.raises(error, match=message):
        small(cls, callbacks=[ModelCheckpoint(**{"path": path, **parameters})]).fit(X, y)
    assert counted == []


def test_finished_estimators_have_no_checkpoint_in_their_files(cls, path):
    X, y = problem(cls)
    small(cls, callbacks=[ModelCheckpoint(path)]).fit(X, y)
    loaded = fastmlp.load(path)
    assert "_checkpoint" not in vars(loaded)
    assert not hasattr(loaded, "oof_predictions_")
    with pytest.raises(AttributeError, match=r"no attribute 'oof_predictions_': it was read from a file, and files do"):
        _ = loaded.oof_predictions_
    with pytest.raises(AttributeError, match=f"^'{cls.__name__}' object has no attribute 'oof_predictions_'$"):
        _ = cls().oof_predictions_
    with pytest.raises(AttributeError, match=f"^'{cls.__name__}' object has no attribute 'oof_score'$"):
        _ = loaded.oof_score


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("validated", [False, True])
def test_finished_estimators_take_the_rows_of_their_fit_alone(cls, path, counted, validated, as_array):
    X, y = problem(cls)
    X = X[["a", "b"]].to_numpy() if as_array else X
    weights = np.linspace(1, 2, len(X))
    given = {"X_val": X[:30], "y_val": y[:30], "sample_weight_val": weights[:30]} if validated else {}
    small(cls, callbacks=[ModelCheckpoint(path)]).fit(X, y, weights, **given)
    loaded = fastmlp.load(path)
    expected = outputs(loaded, X)
    counted.clear()
    assert loaded.resume(X, y, weights, **given) is loaded
    assert loaded.resume(X, y, 3 * weights, **given) is loaded  # a multiple of weights is the same
    others = [
        ((X[:-1], y[:-1], weights[:-1]), given),
        ((X[::-1], y, weights), given),
        ((X, y[::-1], weights), given),
        ((X, y), given),
        ((X, np.full(len(y), y[0] * 2), weights), given),
        ((X[:, :1] if as_array else X[["a"]], y, weights), given),
        ((X.astype(str), y, weights), given),
        ((X, y, weights), {} if validated else {"X_val": X, "y_val": y}),
    ]
    for samples, more in others:
        with pytest.raises(ValueError, match=r"fitted to its end, and X, y or the weights are not those of the fit"):
            loaded.resume(*samples, **more)
    assert counted == []
    assert np.array_equal(outputs(loaded, X), expected)


def test_fingerprints():
    a, b = np.arange(6.0), np.arange(6)
    found = [
        fingerprint(a), fingerprint(b), fingerprint(a.reshape(2, 3)), fingerprint(a, None), fingerprint(None, a),
        fingerprint(a[:3], a[3:]), fingerprint(a[:2], a[2:]),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
    assert fingerprint(a.reshape(2, 3)) == fingerprint(np.asfortranarray(a.reshape(2, 3)))


OTHERS = {
    "effort": "default", "categorical_features": ["city"], "max_categories": 2, "cv": 5, "scoring": max,
    "random_state": 1, "class_weight": {"low": 2.0}, "loss": "huber", "quantile": 0.25, "intervals": "quantiles",
}  # fmt: skip
#: What may be another: none of it changes what members learn.
FREE = {"n_jobs": 2, "verbose": 0, "time_limit": 1e6, "callbacks": None}


def score(estimator, X, y):
    """A scorer that no file holds."""
    return estimator.score(X, y)


def test_members_of_other_parameters_are_not_mixed(cls, path):
    X, y = problem(cls)
    loaded = stopped(cls, path, 3, X, y)
    parameters = loaded.get_params(deep=False)
    assert parameters.keys() <= OTHERS.keys() | FREE.keys()
    for name in parameters.keys() & OTHERS.keys():
        expected = f"is to be resumed had {name}={parameters[name]!r}, and this {cls.__name__} has {name}="
        with pytest.raises(ValueError, match=re.escape(expected)):
            loaded.set_params(**{name: OTHERS[name]}).resume(X, y)
        loaded.set_params(**{name: parameters[name]})
    with pytest.raises(ValueError, match=r"had cv=None, effort='fast', and this \w+ has cv=4, effort='best': "):
        loaded.set_params(effort="best", cv=4).resume(X, y)
    resumed = loaded.set_params(effort="fast", cv=None, **FREE).resume(X, y)
    assert np.array_equal(outputs(resumed, X), outputs(fitted(cls), X))


@pytest.mark.parametrize(
    ("name", "value", "same", "other"),
    [
        ("random_state", np.random.RandomState(3), None, np.random.RandomState(4)),
        ("cv", KFold(3, shuffle=True, random_state=5), KFold(3, shuffle=True, random_state=5), KFold(3)),
        ("cv", 3, np.int64(3), 4),
        ("categorical_features", np.array(["city"]), np.array(["city"]), np.array(["a"])),
        ("class_weight", {"low": 2}, {"low": 2.0}, {"low": 3}),
        ("scoring", score, score, "accuracy"),
    ],
)
def test_parameters_are_compared_by_what_they_say(path, name, value, same, other):
    X, y = problem(TabularClassifier)
    lacking = {"scoring": score} if name == "scoring" else {}
    loaded = stopped(TabularClassifier, path, 3, X, y, lacking, **{name: value})
    before = loaded.get_params()[name]
    with pytest.raises(ValueError, match=f"is to be resumed had {name}="):
        loaded.set_params(**{name: other}).resume(X, y)
    loaded.set_params(**{name: before if same is None else same}).resume(X, y)
    assert len(loaded.history_) == 6


HARM = [
    lambda c: setattr(c, "parameters", [1]),
    lambda c: setattr(c, "parameters", {3: 1}),
    lambda c: setattr(c, "samples", 3),
    lambda c: setattr(c, "folds", [(np.arange(3),)] * 3),
    lambda c: setattr(c, "folds", [(np.arange(3) - 1, np.arange(3))] * 3),
    lambda c: setattr(c, "folds", c.folds[:1]),
    lambda c: setattr(c, "seeds", [-1]),
    lambda c: setattr(c, "seeds", [1, 2]),
    lambda c: setattr(c, "trees", []),
    lambda c: setattr(c, "finished", [[]]),
    lambda c: c.finished[0].update({("bins", 0): ()}),
    lambda c: c.finished[0].update({("bins", 2): next(iter(c.finished[0].values()))}),
    lambda c: c.finished[0].update({k: (m, p[1:], r) for k, (m, p, r) in c.finished[0].items()}),
    lambda c: c.finished[0].update({k: (m, p.ravel(), r) for k, (m, p, r) in c.finished[0].items()}),
    lambda c: c.finished[0].update({k: (m, p, {}) for k, (m, p, r) in c.finished[0].items()}),
    lambda c: delattr(c, "finished"),
]


@pytest.mark.parametrize("harm", HARM, ids=range(len(HARM)))
def test_files_that_say_what_no_fit_sets(path, harm, monkeypatch):
    X, y = problem(TabularRegressor)
    loaded = stopped(TabularRegressor, path, 3, X, y)
    loaded._checkpoint.check_state()
    harm(loaded._checkpoint)
    with pytest.raises(ValueError):
        loaded._checkpoint.check_state()
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "check_state", lambda self: None)
        loaded.save(path)
    with pytest.raises(ValueError):
        fastmlp.load(path)
