"""Fits that are resumed come to what they would have come to."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import EarlyStopping, ReduceOnPlateau
from fastmlp.fitting.minibatch import MinibatchFit
from fastmlp.losses import Focal
from fastmlp.optimizers import OPTIMIZERS
from fastmlp.schedules import SCHEDULES
from tests.estimator_cases import Heavy
from tests.fit_cases import (
    OVER_THE_FIT,
    SCHEDULED,
    TRAIN,
    VALID,
    WHAT,
    Snapshots,
    X,
    Y,
    assert_resumes,
    parameters,
    snapshot,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- resuming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [name for name in OPTIMIZERS if name != "lbfgs"])
def test_resuming_each_optimizer(solver, dtype):
    assert_resumes(MLPClassifier(solver=solver, max_iter=5, **WHAT), (TRAIN[0].astype(dtype), TRAIN[1]))


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning")  # of partial_fit after the fit
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_resuming_each_schedule(schedule):
    what = WHAT | dict(n_iter_no_change=2, tol=0.05)
    assert_resumes(MLPClassifier(solver="sgd", learning_rate=schedule, max_iter=9, **what))


@pytest.mark.parametrize(
    "what",
    [
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30},
        {"early_stopping": True, "ema": 0.9},
        {"dropout": 0.3, "input_noise": 0.1, "input_dropout": 0.1},
        {"normalization": "batch", "standardize": True},
        {"normalization": "layer", "activation": "prelu"},
        {"ema": 0.9, "max_norm": 1.0, "gradient_clip_norm": 0.1, "l1": 0.01},
        {"ema": 0.9, "solver": "schedulefreeadamw"},
        {"ema": 0.9, "solver": "muon"},
        {"augment": "mixup"},
        {"dtype": "bfloat16"},
        {"shuffle": False},
        {"random_state": None},
        {"loss": Focal(), "class_weight": {1: 2.0}},
        {"tol": 0.02, "n_iter_no_change": 1, "max_iter": 40},
    ],
    ids=str,
)
def test_resuming_everything_that_has_a_state(what):
    model = MLPClassifier(**{**WHAT, "max_iter": 6, **what})
    if what.get("random_state", 0) is None:
        model.random_state = np.random.RandomState(5)  # cloned with its state
    if what.get("dtype") == "bfloat16":
        with warnings.catch_warnings(action="ignore"):
            assert_resumes(model)
    else:
        assert_resumes(model)


def test_resuming_with_sets_weights_and_callbacks():
    weights = np.random.default_rng(0).uniform(0.5, 2, len(TRAIN[0]))
    callbacks = [EarlyStopping("validation_loss", patience=3), ReduceOnPlateau("validation_score", patience=2)]
    model = MLPClassifier(callbacks=callbacks, scoring="accuracy", max_iter=60, **{**WHAT, "learning_rate_init": 0.1})
    callbacks[1].monitor = "validation_accuracy"
    full = assert_resumes(model, (*TRAIN, weights), eval_set=VALID)
    assert full.n_iter_ < 60


def test_resuming_a_regressor_and_labels():
    assert_resumes(MLPRegressor(max_iter=4, early_stopping=True, **WHAT), (X, X[:, 0]))
    labels = make_multilabel_classification(80, n_features=4, n_classes=3, random_state=0)
    assert_resumes(MLPClassifier(max_iter=4, **WHAT), labels)
    names = np.array(["setosa", "versicolor", "virginica"])[TRAIN[1]]
    assert_resumes(MLPClassifier(max_iter=4, **WHAT), (TRAIN[0], names))


def test_resuming_an_optimizer_in_python():
    assert_resumes(MLPClassifier(solver=Heavy(0.1), max_iter=5, **{**WHAT, "learning_rate_init": 0.001}))


def test_resuming_further_than_was_planned():
    model = MLPClassifier(max_iter=4, **WHAT)
    longer = snapshot(model, 4).set_params(max_iter=7).resume(*TRAIN)
    np.testing.assert_array_equal(parameters(longer), parameters(clone(model).set_params(max_iter=7).fit(*TRAIN)))
    with pytest.raises(ValueError, match="resume goes on from a checkpoint, as ModelCheckpoint writes it; this MLPC"):
        longer.resume(*TRAIN)
    with pytest.raises(ValueError, match="resume goes on from a checkpoint"):
        MLPClassifier().resume(*TRAIN)


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ({}, (X, Y), "X has 150 samples, but the fit that is to be resumed had 75"),
        ({}, (X[::2, :3], Y[::2]), "X has 3 features, but MLPClassifier is expecting 4"),
        ({}, (X[::2], Y[::2] + 1), "resume can only be used where `y` has the same classes"),
        ({}, (*TRAIN, np.ones(75)), "had no sample_weight; give resume what fit was given"),
        ({"eval_set": VALID}, TRAIN, r"was evaluated on \['validation'\], this call on \[\]"),
        ({"early_stopping": True}, (X, Y), "X has 150 samples, but the fit that is to be resumed had 75"),
    ],
)
def test_resuming_with_what_cannot_be_the_fits_data(arguments, given, message):
    arguments = dict(arguments)
    model = MLPClassifier(max_iter=4, early_stopping=arguments.pop("early_stopping", False), **WHAT)
    taken = snapshot(model, 2, **arguments)
    before = parameters(taken)
    with pytest.raises(ValueError, match=message):
        taken.resume(*given)
    np.testing.assert_array_equal(parameters(taken), before)
    taken.resume(*TRAIN, **arguments)  # nothing is lost


def test_a_snapshot_in_memory_keeps_the_callbacks_as_they_were():
    callbacks = [EarlyStopping("loss", patience=3, min_delta=0.05), Snapshots()]
    model = MLPClassifier(max_iter=40, callbacks=callbacks, **WHAT).fit(*TRAIN)
    resumed = callbacks[1].taken[5].resume(*TRAIN)
    assert resumed.n_iter_ == model.n_iter_
    np.testing.assert_array_equal(parameters(resumed), parameters(model))


def test_the_last_snapshot_predicts_as_the_fit_does():
    """With the best epoch's weights, and yet can go on from the last one's."""
    callbacks = [EarlyStopping(patience=3), Snapshots()]
    what = {**WHAT, "learning_rate_init": 0.1, "normalization": "batch"}
    model = MLPClassifier(max_iter=60, callbacks=callbacks, **what).fit(*TRAIN, eval_set=VALID)
    assert callbacks[0].best_epoch_ < model.n_iter_ < 60
    last = callbacks[1].taken[model.n_iter_]
    np.testing.assert_array_equal(last.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(last.resume(*TRAIN, eval_set=VALID).predict_proba(X), model.predict_proba(X))
    at_end = MLPClassifier(max_iter=4, early_stopping=True, callbacks=[callbacks[1]], **what).fit(*TRAIN)
    longer = clone(at_end).set_params(max_iter=7, callbacks=None).fit(*TRAIN)
    resumed = callbacks[1].taken[4]
    np.testing.assert_array_equal(resumed.predict_proba(X), at_end.predict_proba(X))
    resumed.set_params(max_iter=7).resume(*TRAIN)
    np.testing.assert_array_equal(resumed.predict_proba(X), longer.predict_proba(X))
    assert resumed.loss_curve_ == longer.loss_curve_


def test_what_partial_fit_leaves_is_nothing_to_resume():
    model = MLPClassifier(callbacks=[Snapshots()], **WHAT).partial_fit(*TRAIN, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="resume goes on from a checkpoint"):
        model.callbacks[0].taken[1].resume(*TRAIN)


def test_a_resume_that_failed_can_be_tried_again(monkeypatch):
    model = MLPClassifier(max_iter=6, callbacks=[EarlyStopping("loss"), Snapshots()], dropout=0.2, **WHAT).fit(*TRAIN)
    taken = model.callbacks[1].taken[2]
    steps = []

    class Fails(MemoryError):
        pass

    def fails(self, epoch):
        steps.append(1)
        if len(steps) == 3:
            raise Fails
        return after(self, epoch)

    after = MinibatchFit.after_epoch
    monkeypatch.setattr(MinibatchFit, "after_epoch", fails)
    with pytest.raises(Fails):
        taken.resume(*TRAIN)
    monkeypatch.undo()
    assert len(taken.loss_curve_) == 2
    np.testing.assert_array_equal(parameters(taken.resume(*TRAIN)), parameters(model))
    assert taken.loss_curve_ == model.loss_curve_
    assert taken.callbacks[0].best_ == model.callbacks[0].best_


def test_a_fit_forgets_the_checkpoint():
    taken = snapshot(MLPClassifier(max_iter=4, **WHAT), 2)
    fresh = clone(taken).fit(*TRAIN)
    np.testing.assert_array_equal(parameters(taken.fit(*TRAIN)), parameters(fresh))
    assert "_checkpoint" not in vars(taken)
    with pytest.raises(ValueError, match="lbfgs' cannot be resumed"):
        MLPClassifier(solver="lbfgs", callbacks=[Snapshots()]).fit(*TRAIN)


# ---- schedules that end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", OVER_THE_FIT, ids=str)
@pytest.mark.parametrize("epoch", [2, 4])
def test_resuming_further_plans_a_schedule_anew(schedule, epoch, tmp_path):
    model = MLPClassifier(learning_rate=schedule, max_iter=4, **SCHEDULED)
    longer = clone(model).set_params(max_iter=9).fit(*TRAIN)
    taken = snapshot(model, epoch)
    taken.save(tmp_path / "model")
    for resumed in (taken, fastmlp.load(tmp_path / "model")):
        resumed.set_params(max_iter=9).resume(*TRAIN)
        assert resumed.history_["learning_rate"][epoch:] == longer.history_["learning_rate"][epoch:]
        assert min(resumed.history_["learning_rate"][epoch:-1]) > 0


def test_a_checkpoint_does_not_go_on_over_all_samples_at_once():
    taken = snapshot(MLPClassifier(max_iter=4, **WHAT), 2)
    with pytest.raises(ValueError, match="solver='lbfgs': a checkpoint goes on by minibatches"):
        taken.set_params(solver="lbfgs").resume(*TRAIN)
