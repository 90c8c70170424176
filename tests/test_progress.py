"""The progress of a fit: what is recorded of each epoch, and that nobody else owns it."""

import ast
import copy

import numpy as np
import pytest
from sklearn.base import clone

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import Callback, EarlyStopping
from fastmlp.optimizers import Optimizer
from fastmlp.schedules import SCHEDULES
from tests.conftest import ROOT
from tests.fit_cases import TRAIN, VALID, WHAT, Failure, HeardBatches, InPython, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("callbacks", [None, [HeardBatches()]])
def test_history_has_loss_rate_and_seconds_of_each_epoch(schedule, callbacks):
    what = {"learning_rate": schedule, "solver": "sgd", "max_iter": 8, "n_iter_no_change": 100}
    model = MLPClassifier(callbacks=callbacks, **WHAT, **what).fit(*TRAIN)
    assert list(model.history_) == ["loss", "learning_rate", "seconds"]
    assert model.history_["loss"] == model.loss_curve_
    assert all(seconds > 0 for seconds in model.history_["seconds"])

    class Rates(Callback):
        def on_fit_begin(self, fit):
            self.rates = []

        def on_epoch_end(self, fit):
            self.rates.append(fit.history["learning_rate"][-1])

    steered = clone(model).set_params(callbacks=[Rates()]).fit(*TRAIN)
    assert model.history_["learning_rate"] == steered.callbacks[0].rates


def test_history_of_a_scheduled_rate_is_that_of_each_epochs_last_step():
    what = {**WHAT, "learning_rate": lambda step: 0.1 / (1 + step), "learning_rate_init": 0.001}
    model = MLPClassifier(solver="sgd", max_iter=5, **what).fit(*TRAIN)
    np.testing.assert_allclose(model.history_["learning_rate"], 0.1 / np.array([4, 8, 12, 16, 20]), rtol=1e-12)


@pytest.mark.parametrize("what", [{"solver": "muon"}, {"augment": "mixup"}, {"solver": InPython()}], ids=str)
@pytest.mark.parametrize("rate", ["cosine", "warmup", "one_cycle"])
def test_history_has_the_rates_of_batches_that_go_one_by_one(what, rate):
    if isinstance(what.get("solver"), Optimizer):
        what = {"solver": InPython(SCHEDULES[rate](0.01)), "learning_rate_init": 0.001}
    else:
        what = {**what, "learning_rate": rate}
    unheard = MLPClassifier(max_iter=6, **{**WHAT, "n_iter_no_change": 50, **what}).fit(*TRAIN)
    heard = clone(unheard).set_params(callbacks=[HeardBatches()]).fit(*TRAIN)
    assert unheard.history_["learning_rate"] == heard.history_["learning_rate"]
    fused = MLPClassifier(max_iter=6, solver="sgd", learning_rate=rate, **WHAT).fit(*TRAIN)
    np.testing.assert_allclose(unheard.history_["learning_rate"], fused.history_["learning_rate"], rtol=1e-12)
    assert len(set(heard.history_["learning_rate"])) > 1


def test_nothing_of_an_earlier_fit_is_watched():
    model = MLPClassifier(warm_start=True, max_iter=4, **WHAT).fit(*TRAIN, eval_set=VALID)
    model.set_params(callbacks=[EarlyStopping(patience=3)]).fit(*TRAIN)
    assert model.callbacks[0].best_ == min(model.history_["loss"][4:])
    model.set_params(callbacks=[EarlyStopping("validation_loss")])
    with pytest.raises(ValueError, match="'validation_loss' is not recorded in this fit; recorded are 'loss'"):
        model.fit(*TRAIN)


def test_history_goes_on_in_partial_fit_and_warm_starts_whatever_the_sets():
    pd = pytest.importorskip("pandas")
    model = MLPClassifier(warm_start=True, max_iter=2, **WHAT).fit(*TRAIN)
    model.fit(*TRAIN, eval_set=VALID)
    model.partial_fit(*TRAIN)
    model.fit(*TRAIN, eval_set={"other": VALID})
    frame = pd.DataFrame(model.history_)
    assert frame.shape == (7, 7)
    assert frame["loss"].tolist() == model.loss_curve_
    assert frame["validation_loss"].notna().tolist() == [False, False, True, True, False, False, False]
    assert frame["other_score"].notna().tolist() == [False] * 5 + [True] * 2
    model.set_params(warm_start=False).fit(*TRAIN)
    assert [len(values) for values in model.history_.values()] == [2, 2, 2]


def test_history_of_lbfgs():
    model = MLPClassifier(solver="lbfgs", max_iter=20, **WHAT).fit(*TRAIN, eval_set=VALID)
    assert [len(values) for values in model.history_.values()] == [model.n_iter_] * 5
    assert np.isnan(model.history_["learning_rate"]).all()
    assert model.history_["loss"][-1] == model.loss_
    losses = model.history_["loss"]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_failed_fit_leaves_the_history_as_it_was(solver):
    def loss(y_true, y_pred, sample_weight):
        calls.append(1)
        if len(calls) == 20:
            raise Failure
        return ((y_pred - y_true) ** 2).mean(), 2 * (y_pred - y_true) / y_true.size

    calls = []
    model = MLPRegressor(loss, hidden_layer_sizes=(8,), solver=solver, max_iter=2, random_state=0, warm_start=True)
    model.fit(X, X[:, 0], eval_set=(X, X[:, 0]))
    history, before = model.history_, copy.deepcopy(model.history_)
    with pytest.raises(Failure):
        model.set_params(max_iter=20).fit(X, X[:, 0])
    assert model.history_ is history
    assert history == before


# ---- the one owner ---------------------------------------------------------------------------------------------------


def test_nobody_but_the_progress_sets_the_attributes_that_tell_of_it():
    started = begin_of(MLPClassifier(early_stopping=True, **WHAT))
    owned = set(started.attributes()) | {"loss_"}
    for path in [*(ROOT / "fastmlp" / "estimators").glob("*.py"), *(ROOT / "fastmlp" / "fitting").glob("*.py")]:
        if path.stem == "progress":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                # The random state is set before there is a progress, since initial weights are drawn from it.
                assert node.attr not in owned - {"_random_state"}, f"{path.name} sets {node.attr}"


def begin_of(model):
    """The progress of a fit of one epoch."""
    kept = []

    class Keep(Callback):
        def on_fit_begin(self, fit):
            kept.append(fit.progress)

    model.set_params(max_iter=1, callbacks=[Keep()]).fit(*TRAIN)
    return kept[0]


def test_attributes_are_those_of_the_progress_after_each_epoch():
    class Compare(Callback):
        def on_epoch_end(self, fit):
            found = {name: vars(fit.estimator)[name] for name in fit.progress.attributes()}
            assert found == fit.progress.attributes()
            assert found["n_iter_"] == fit.epoch
            assert found["t_"] == fit.epoch * fit.n_samples
            assert found["loss_"] == found["loss_curve_"][-1] == fit.history["loss"][-1]

    for early_stopping in (False, True):
        MLPClassifier(max_iter=3, early_stopping=early_stopping, callbacks=[Compare()], **WHAT).fit(*TRAIN)


def test_a_frozen_progress_does_not_grow():
    taken = []

    class Take(Callback):
        def on_epoch_end(self, fit):
            frozen = copy.copy(fit.estimator)
            fit.progress.freeze_in(frozen)
            taken.append(frozen)

    MLPClassifier(max_iter=4, early_stopping=True, callbacks=[Take()], **WHAT).fit(*TRAIN)
    assert [len(each.loss_curve_) for each in taken] == [1, 2, 3, 4]
    assert [len(each.validation_scores_) for each in taken] == [1, 2, 3, 4]
    assert [len(each.history_["loss"]) for each in taken] == [1, 2, 3, 4]
    states = [each._random_state.get_state()[2] for each in taken]
    assert len(set(states)) > 1
