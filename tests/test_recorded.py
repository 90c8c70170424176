"""A fit as callbacks see it: hooks, exceptions in them, scikit-learn's callbacks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import Callback
from tests.fit_cases import TRAIN, VALID, WHAT, At, AtBatch, Failure, Heard, HeardBatches, X, fail, parameters, snapshot

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_hooks_come_in_order(solver):
    model = MLPClassifier(max_iter=2, solver=solver, callbacks=[Heard()], **WHAT).fit(*TRAIN)
    epochs = [("epoch", 0), ("epoch done", 1), ("epoch", 1), ("epoch done", 2)]
    if solver == "lbfgs":
        epochs = [("epoch", 1), ("epoch done", 1), ("epoch", 2), ("epoch done", 2)]  # told together
    assert model.callbacks[0].heard == [("fit", 0), *epochs, ("fit done", 2)]


@pytest.mark.parametrize(
    "what", [{}, {"dropout": 0.3, "gradient_clip_norm": 0.5}, {"learning_rate": "cosine"}, {"solver": "muon"}]
)
def test_hearing_of_batches_changes_nothing(what, dtype):
    plain = MLPClassifier(max_iter=3, **WHAT, **what).fit(TRAIN[0].astype(dtype), TRAIN[1])
    model = clone(plain).set_params(callbacks=[HeardBatches()]).fit(TRAIN[0].astype(dtype), TRAIN[1])
    batches = [(name, i) for i in range(4) for name in ("batch", "batch done")]
    expected = [step for epoch in range(3) for step in (("epoch", epoch), *batches, ("epoch done", epoch + 1))]
    assert model.callbacks[0].heard == [("fit", 0), *expected, ("fit done", 3)]
    np.testing.assert_array_equal(parameters(model), parameters(plain))
    np.testing.assert_allclose(model.loss_curve_, plain.loss_curve_, rtol=1e-12)
    assert model.history_["learning_rate"] == plain.history_["learning_rate"]


def test_what_a_callback_sees():
    class Looks(Callback):
        def on_epoch_end(self, fit):
            assert (fit.max_epochs, fit.n_samples, fit.batch_size, fit.n_batches) == (3, 75, 20, 4)
            assert fit.value("loss") == fit.history["loss"][-1] == fit.estimator.loss_
            assert [fit.maximizes(name) for name in ("loss", "validation_loss", "validation_score")] == [0, 0, 1]
            assert (fit.learning_rate, fit.sample_weight, fit.batch) == (0.01, None, None)
            assert fit.X.shape == (75, 4) and len(fit.y) == 75
            np.testing.assert_array_equal(fit.fitted().predict_proba(X), fit.network().forward(X))
            np.testing.assert_array_equal(fit.arrays()["params"], fit.network().params)
            self.proba = fit.fitted().predict_proba(X)
            loss, _ = fit.network().loss_and_gradients(fit.rows, fit.targets)
            assert 0 < loss < 5

    model = MLPClassifier(max_iter=3, callbacks=[Looks()], **WHAT).fit(*TRAIN, eval_set=VALID)
    np.testing.assert_array_equal(model.callbacks[0].proba, model.predict_proba(X))


# ---- exceptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "muon", "lbfgs"])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end", "on_fit_end"])
def test_an_exception_leaves_the_model_of_the_last_finished_epoch(hook, solver, early_stopping):
    if solver == "lbfgs" and (hook not in ("on_epoch_end", "on_fit_end") or early_stopping):
        pytest.skip("L-BFGS tells of iterations when they are done")
    if early_stopping and hook.startswith("on_batch"):
        early_stopping = {"early_stopping": True, "normalization": "batch"}
    else:
        early_stopping = {"early_stopping": early_stopping}
    epoch = 5 if hook == "on_fit_end" else 3
    callbacks = [AtBatch(hook, epoch, fail, 2), Heard()]
    model = MLPClassifier(max_iter=5, solver=solver, callbacks=callbacks, ema=None, **WHAT, **early_stopping)
    with pytest.raises(Failure, match="as planned"):
        model.fit(*TRAIN)
    plain = clone(model).set_params(callbacks=None, max_iter=epoch).fit(*TRAIN)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert model.n_iter_ == len(model.history_["loss"]) == epoch
    assert model.callbacks[1].heard[-1] == ("fit done", epoch)
    if solver != "lbfgs" and not early_stopping["early_stopping"]:  # and it goes on as if nothing had been
        model.set_params(callbacks=None).partial_fit(*TRAIN)
        np.testing.assert_array_equal(parameters(model), parameters(plain.partial_fit(*TRAIN)))


def test_an_exception_before_the_first_epoch_leaves_the_model_before():
    model = MLPClassifier(max_iter=2, **WHAT).fit(*TRAIN)
    before = parameters(model)
    closes = Heard()
    for callbacks in ([closes, At("on_fit_begin", 0, fail)], [AtBatch("on_batch_begin", 0, fail, 0)]):
        with pytest.raises(Failure):
            model.set_params(callbacks=callbacks).fit(*TRAIN)
        if callbacks[0] is closes:
            np.testing.assert_array_equal(parameters(model), before)
    assert closes.heard == [("fit", 0), ("fit done", 0)]
    unfitted = MLPClassifier(callbacks=[At("on_fit_begin", 0, fail)])
    with pytest.raises(Failure):
        unfitted.fit(*TRAIN)
    assert not hasattr(unfitted, "coefs_")


def test_an_exception_in_training_ends_the_callbacks_too():
    def loss(y_true, y_pred, sample_weight):
        raise Failure

    model = MLPRegressor(loss, callbacks=[Heard()])
    with pytest.raises(Failure):
        model.fit(X, X[:, 0])
    assert model.callbacks[0].heard == [("fit", 0), ("epoch", 0), ("fit done", 0)]


def test_the_first_exception_is_what_is_raised_whatever_else_follows():
    class Watches(Callback):
        steers = False

        def on_epoch_end(self, fit):
            if fit.epoch >= 3:
                raise Failure(fit.epoch)

    model = MLPClassifier(max_iter=50, callbacks=[Watches()], **WHAT)
    with pytest.raises(Failure, match="3"):
        model.fit(*TRAIN)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ctrl_c_while_scores_are_computed_leaves_no_half_of_an_epoch(solver):
    def scorer(model, X, y):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return model.score(X, y)

    calls = []
    model = MLPClassifier(max_iter=9, solver=solver, scoring=scorer, early_stopping=solver == "adam", **WHAT)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(*TRAIN, eval_set=VALID)
    assert {len(values) for values in model.history_.values()} == {3}
    if solver == "adam":
        assert (model.n_iter_, len(model.loss_curve_), len(model.validation_scores_), model.t_) == (3, 3, 3, 225)


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_batch_end"])
def test_ctrl_c_in_a_callback_ends_the_fit_with_a_warning(hook):
    def interrupt(fit):
        raise KeyboardInterrupt

    model = MLPClassifier(max_iter=9, callbacks=[AtBatch(hook, 3, interrupt, 1), Heard()], **WHAT)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(*TRAIN)
    assert model.n_iter_ == 3
    assert model.callbacks[1].heard[-1] == ("fit done", 3)


# ---- scikit-learn's callbacks ----------------------------------------------------------------------------------------


class Tasks:
    """A callback of scikit-learn's, that hears of tasks."""

    def __init__(self, stop_at=None):
        self.heard, self.stop_at = [], stop_at

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"{context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        score = fitted_estimator.score(X, y)
        self.heard.append(f"{context.task_name} {context.task_id} done")
        assert 0 <= score <= 1
        return context.task_name == "epoch" and context.task_id == self.stop_at


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks_hear_of_epochs(solver):
    tasks = Tasks()
    model = MLPClassifier(solver=solver, max_iter=2, **WHAT).set_callbacks(tasks).fit(*TRAIN)
    epochs = ["epoch 0", "epoch 0 done", "epoch 1", "epoch 1 done"]
    assert tasks.heard == ["setup", "fit 0", *epochs, "fit 0 done", "teardown"]
    assert not {"_callback_fit_ctx", "_skl_callbacks_to_teardown"} & vars(model).keys()
    stops = Tasks(stop_at=1)
    model.set_params(max_iter=9).set_callbacks(stops).fit(*TRAIN)
    assert model.n_iter_ == 2
    plain = clone(model).set_params(max_iter=2)
    plain.set_callbacks()
    np.testing.assert_array_equal(parameters(model), parameters(plain.fit(*TRAIN)))
    if solver == "adam":
        again = Tasks()
        snapshot(model.set_callbacks(again), 1).resume(*TRAIN)
        assert again.heard.count("teardown") == 2


@pytest.mark.parametrize("where", ["fit", "a callback", "input"])
def test_scikit_learns_callbacks_are_torn_down_when_a_fit_fails(where):
    tasks = Tasks()
    callbacks = [At("on_epoch_end", 1, fail)] if where == "a callback" else None
    rate = 1e300 if where == "fit" else 0.01
    what = {**WHAT, "learning_rate_init": rate}
    model = MLPClassifier(solver="sgd", callbacks=callbacks, max_iter=3, **what).set_callbacks(tasks)
    bad = (np.full_like(TRAIN[0], np.nan), TRAIN[1])
    with np.errstate(all="ignore"), pytest.raises((ValueError, Failure)):
        model.fit(*(bad if where == "input" else TRAIN))
    assert tasks.heard[-1] == "teardown"
    assert not {"_callback_fit_ctx", "_skl_callbacks_to_teardown"} & vars(model).keys()


def test_scoring_monitor_and_progress_bar_in_pipelines_and_searches(capsys):
    pytest.importorskip("rich")
    monitor = ScoringMonitor(scoring="accuracy")
    model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, **WHAT).set_callbacks(monitor))
    model.fit(*TRAIN)
    scores = [entry["accuracy"] for entry in monitor.get_logs().data if entry["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == model.score(*TRAIN)
    search = GridSearchCV(model, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2).set_callbacks(ProgressBar(None))
    search.fit(*TRAIN)
    shown = capsys.readouterr().out
    assert "MLPClassifier" in shown
    assert "100%" in shown
