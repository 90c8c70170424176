"""How a fit by minibatches ends: callbacks, divergence, schedules, rules."""

import copy
import re
import warnings

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import Callback, EarlyStopping, LearningRateFinder, ReduceOnPlateau, TerminateOnNaN
from fastmlp.exceptions import DivergenceWarning, OverflowWarning, ScheduleEndedWarning, UndefinedScoreWarning
from fastmlp.optimizers import OPTIMIZERS, SGD, Muon
from fastmlp.schedules import SCHEDULES, Cosine, Linear, OneCycle, WarmUp
from tests.fit_cases import OVER_THE_FIT, SCHEDULED, TRAIN, WHAT, At, AtBatch, Snapshots, X, parameters, snapshot

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- stopping, and ending with another network -----------------------------------------------------------------------


for _name in ("on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"):

    def _act(self, fit, name=_name):
        if self.hook == name and fit.epoch == self.epoch:
            self.action(fit)

    setattr(At, _name, _act)


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
def test_stop_ends_the_fit_without_a_warning(hook, capsys):
    with warnings.catch_warnings(action="error"):
        model = MLPClassifier(
            max_iter=3, callbacks=[At(hook, 3 if hook == "on_epoch_end" else 2, lambda fit: fit.stop())], **WHAT
        )
        model.fit(*TRAIN)
    assert model.n_iter_ == (3 if hook == "on_epoch_end" else 2)
    plain = clone(model).set_params(callbacks=None, max_iter=model.n_iter_).fit(*TRAIN)
    np.testing.assert_array_equal(parameters(model), parameters(plain))
    model.set_params(verbose=True, callbacks=[At("on_epoch_end", 1, lambda fit: fit.stop("That will do."))]).fit(*TRAIN)
    assert capsys.readouterr().out.endswith("\nThat will do.\n")


def test_stop_in_a_batch_ends_the_fit_there():
    model = MLPClassifier(max_iter=3, callbacks=[AtBatch("on_batch_end", 1, lambda fit: fit.stop(), 1)], **WHAT)
    model.fit(*TRAIN)
    assert (model.n_iter_, len(model.history_["loss"]), model._optimizer.n_updates) == (1, 1, 6)


def test_ending_with_another_network():
    arrays = {}
    callbacks = [
        At("on_epoch_end", 2, lambda fit: arrays.update(fit.arrays())),
        At("on_epoch_end", 4, lambda fit: fit.end_with(arrays)),
    ]
    model = MLPClassifier(max_iter=5, normalization="batch", callbacks=callbacks, **WHAT).fit(*TRAIN)
    plain = clone(model).set_params(callbacks=None, max_iter=2).fit(*TRAIN)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert model.n_iter_ == 5


@pytest.mark.parametrize("rate", [*SCHEDULES, "WarmUp"])
def test_what_is_set_changes_all_that_a_schedule_has_yet_to_come(rate):
    def tenth(fit):
        fit.learning_rate /= 10

    what = {**WHAT, "solver": "sgd", "learning_rate": rate, "max_iter": 8, "n_iter_no_change": 50}
    if rate == "WarmUp":
        what |= {"learning_rate": WarmUp(Cosine(0.01), 10), "learning_rate_init": 0.001}
    plain = MLPClassifier(**what).fit(*TRAIN).history_["learning_rate"]
    callbacks = [At("on_epoch_end", 2, tenth), At("on_epoch_end", 5, tenth)]
    changed = MLPClassifier(callbacks=callbacks, **what).fit(*TRAIN).history_["learning_rate"]
    np.testing.assert_allclose(changed, np.array(plain) * [1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01], rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "muon"])
def test_setting_the_learning_rate(solver):
    def halve(fit):
        fit.learning_rate /= 2

    model = MLPClassifier(solver=solver, max_iter=4, callbacks=[At("on_epoch_end", 2, halve)], **WHAT).fit(*TRAIN)
    assert model.history_["learning_rate"] == [0.01, 0.01, 0.005, 0.005]
    by_hand = MLPClassifier(
        solver=OPTIMIZERS[solver](lambda step: 0.01 if step < 8 else 0.005),
        max_iter=4,
        **{**WHAT, "learning_rate_init": 0.001},
    )
    if solver in ("adam", "sgd"):
        named = model._optimizer.optimizer
        by_hand.solver = type(named)(**{**named.get_params(), "learning_rate": by_hand.solver.learning_rate})
        np.testing.assert_array_equal(parameters(by_hand.fit(*TRAIN)), parameters(model))
    bad = At("on_epoch_end", 2, lambda fit: setattr(fit, "learning_rate", np.nan))
    with pytest.raises(ValueError, match="learning_rate must be a finite number of at least 0; got nan"):
        clone(model).set_params(callbacks=[bad]).fit(*TRAIN)
    bad = At("on_epoch_end", 2, lambda fit: setattr(fit, "learning_rate", 1.0))
    with pytest.raises(ValueError, match="lbfgs' has no learning rate to set"):
        MLPClassifier(solver="lbfgs", callbacks=[bad]).fit(*TRAIN)


# ---- what is not finite ----------------------------------------------------------------------------------------------


SIGNAL = np.random.default_rng(1).standard_normal((120, 3))


TARGET = SIGNAL[:, 0] - SIGNAL[:, 1]


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_that_run_away_without_end_are_told(cls, early_stopping):
    """Adam's steps are as long as the learning rate, so that nothing becomes infinite."""
    y = TARGET if cls is MLPRegressor else (TARGET > 0).astype(int)
    model = cls(learning_rate_init=1e30, max_iter=5, early_stopping=early_stopping, random_state=0)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(SIGNAL, y)
    told = [str(warning.message) for warning in found if warning.category is DivergenceWarning]
    assert len(told) == 1 and told[0].startswith("Training diverged: weights reach "), told
    assert "take a smaller learning_rate_init than 1e+30" in told[0]


TOO_FAST = dict(solver="sgd", learning_rate_init=10.0, random_state=0, max_iter=60)


@pytest.mark.parametrize(
    "what",
    [
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "neg_mean_absolute_error"},
        {"early_stopping": True, "dtype": "float32"},
        {"early_stopping": True, "warm_start": True},
        {"callbacks": [EarlyStopping("loss")]},
        {"callbacks": [EarlyStopping("loss"), TerminateOnNaN()]},
        {"callbacks": [TerminateOnNaN()]},
        {"early_stopping": True, "callbacks": [TerminateOnNaN()]},
        {"solver": Muon(1e10), "learning_rate_init": 0.001, "early_stopping": True, "batch_size": 40},
    ],
    ids=str,
)
def test_a_fit_that_diverges_ends_at_once_with_its_best_epoch(what):
    model = MLPRegressor(**{**TOO_FAST, **copy.deepcopy(what)})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(SIGNAL, TARGET)
    assert [warning.category for warning in found] == [DivergenceWarning]
    assert "likely too high" in str(found[0].message)
    assert "10" in str(found[0].message) or isinstance(model.solver, Muon)
    assert np.isfinite(parameters(model)).all()
    assert model.n_iter_ < 12
    assert np.isfinite(model.loss_curve_[:-1]).sum() >= len(model.loss_curve_) - 3
    if model.early_stopping:
        scores = np.array(model.validation_scores_)
        assert model.best_validation_score_ == max(scores[np.isfinite(scores)])
        best = np.flatnonzero(scores == model.best_validation_score_)[0] + 1
    elif isinstance(model.callbacks[0], EarlyStopping):
        best = model.callbacks[0].best_epoch_
    else:
        return
    with warnings.catch_warnings(action="ignore"):
        shorter = clone(model).set_params(max_iter=int(best), callbacks=None).fit(SIGNAL, TARGET)
    np.testing.assert_array_equal(parameters(model), parameters(shorter))


@pytest.mark.parametrize("what", [{}, {"callbacks": [ReduceOnPlateau()]}, {"eval_set": (SIGNAL, TARGET)}], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_a_better_epoch_it_raises_and_nothing_is_lost(what, dtype):
    what = dict(what)
    arguments = {"eval_set": what.pop("eval_set")} if "eval_set" in what else {}
    heard = Recorder()
    model = MLPRegressor(**{**TOO_FAST, "solver": "sgd", "max_iter": 300, **what})
    model.callbacks = [*(model.callbacks or ()), heard]
    message = (
        r"Solver produced non-finite parameter weights\. The learning rate of 10 is likely too high: take a smaller"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(SIGNAL.astype(dtype), TARGET, **arguments)
    assert not hasattr(model, "coefs_")
    assert heard.n_epochs < 12


class Recorder(Callback):
    def on_fit_begin(self, fit):
        self.n_epochs = 0

    def on_epoch_end(self, fit):
        self.n_epochs = fit.epoch


def test_early_stopping_raises_where_no_epoch_could_be_judged():
    model = MLPClassifier(early_stopping=True, solver="sgd", learning_rate_init=1e300, random_state=0)
    with pytest.raises(ValueError, match=r"The learning rate of 1e\+300 is likely too high"):
        model.fit(SIGNAL, TARGET > 0)
    with pytest.raises(ValueError, match="non-finite parameter weights in step"):
        MLPClassifier(early_stopping=True, solver=Muon(1e300), random_state=0).fit(SIGNAL, TARGET > 0)


def test_partial_fit_that_diverges_raises_and_loses_nothing():
    model = MLPRegressor(**TOO_FAST)
    with warnings.catch_warnings(action="ignore", category=OverflowWarning):
        for _ in range(20):
            before = parameters(model) if hasattr(model, "coefs_") else None
            try:
                model.partial_fit(SIGNAL, TARGET)
            except ValueError as error:
                assert "The learning rate of 10" in str(error)
                break
    np.testing.assert_array_equal(parameters(model), before)
    assert np.isfinite(before).all()


@pytest.mark.parametrize(
    ("X_times", "y_times", "weight", "what", "cause"),
    [
        (1, 1e200, 1, {}, r"The targets reach 3\.8e\+200: scale them, with TransformedTargetRegressor"),
        (1, 1e200, 1, {"early_stopping": True}, "The targets reach"),
        (1, 1e200, 1, {"callbacks": [EarlyStopping()]}, "The targets reach"),
        (1, 1e30, 1, {"dtype": "float32"}, "The targets reach"),
        (1, 1e200, 1, {"solver": "lbfgs"}, "The targets reach"),
        (1e200, 1, 1, {"solver": "lbfgs"}, r"The input data may contain large values .* X reaches"),
        (1, 1, 1, {"alpha": 1e308}, r"alpha=1e\+308 is a penalty too strong"),
        (1, 1, 1, {"l1": 1e308}, r"l1=1e\+308 is a penalty too strong"),
        (1, 1e300, 1, {"loss": "poisson"}, "The targets reach"),
    ],
)
def test_what_overflows_while_weights_stay_finite_is_said_once(X_times, y_times, weight, what, cause):
    model = MLPRegressor(**{"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, **what})
    y = np.abs(TARGET) if model.loss == "poisson" else TARGET
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(SIGNAL * X_times, y * y_times)
    said = [warning for warning in found if warning.category is OverflowWarning]
    assert len(said) == 1 and re.search(cause, str(said[0].message))
    assert {warning.category for warning in found} <= {OverflowWarning, UndefinedScoreWarning, ConvergenceWarning}
    assert np.isfinite(parameters(model)).all()


def test_classes_of_inputs_too_large():
    """The loss is cut off, and the squares of gradients are infinite: nothing is learned."""
    for samples, dtype in ((SIGNAL * 1e200, np.float64), (SIGNAL * 1e30, np.float32)):
        with pytest.warns(OverflowWarning, match="What the optimizer keeps of gradients .* X reaches"):
            MLPClassifier(max_iter=5, random_state=0).fit(samples.astype(dtype), TARGET > 0)


def test_weights_too_large_and_too_small():
    plain, large = (MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, w)) for w in (1.0, 1e300))
    np.testing.assert_allclose(large.loss_, plain.loss_, rtol=1e-3)  # they are shares
    with pytest.warns(OverflowWarning, match=r"The weights of samples are at most 1e-300: divide them by that\."):
        MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, 1e-300))
    with pytest.raises(ValueError, match=r"The weights of samples reach 1e\+308"):
        MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, 1e308))


# ---- schedules that end ----------------------------------------------------------------------------------------------


def test_a_schedule_with_a_length_of_its_own_stays_as_it_was_planned():
    model = MLPClassifier(learning_rate=Linear(0.01, 9), max_iter=3, **SCHEDULED)
    taken = snapshot(model, 3).set_params(max_iter=5)
    with pytest.warns(
        ScheduleEndedWarning, match=r"Linear\(learning_rate=0.01, n_steps=9\) came to its end after 9 st"
    ):
        taken.resume(*TRAIN)
    assert taken.history_["learning_rate"][3:] == [0.0, 0.0]


@pytest.mark.parametrize("callback", [ReduceOnPlateau("loss", patience=1, min_delta=1e9, factor=0.5)])
def test_what_callbacks_made_of_a_schedule_stays_in_proportion(callback):
    model = MLPClassifier(learning_rate="linear", max_iter=4, callbacks=[callback], **SCHEDULED)
    longer = clone(model).set_params(max_iter=9).fit(*TRAIN)
    resumed = snapshot_with(model, 4).set_params(max_iter=9).resume(*TRAIN)
    np.testing.assert_allclose(resumed.history_["learning_rate"][4:], longer.history_["learning_rate"][4:], rtol=1e-12)


def snapshot_with(model, epoch):
    snapshots = Snapshots()
    model = clone(model)
    model.set_params(callbacks=[*model.callbacks, snapshots]).fit(*TRAIN)
    return snapshots.taken[epoch]


@pytest.mark.parametrize("schedule", OVER_THE_FIT, ids=str)
def test_partial_fit_says_once_that_a_schedule_has_ended(schedule):
    model = MLPClassifier(learning_rate=schedule, max_iter=3, **SCHEDULED)
    said = []
    for call in range(8):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            model.partial_fit(*TRAIN, classes=[0, 1, 2])
        said += [call] * len(found)
        assert all(warning.category is ScheduleEndedWarning for warning in found)
    assert said == [3]
    assert len(set(model.history_["learning_rate"][3:])) == 1


@pytest.mark.parametrize("n_rows", [[75, 30, 75, 10], [10, 75, 75], [75, 75, 75, 75]], ids=str)
def test_once_however_many_rows_each_call_has(n_rows):
    model = MLPClassifier(**{**SCHEDULED, "solver": SGD(Linear(0.01, 4))})
    n_said = 0
    for n in n_rows * 2:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            model.partial_fit(TRAIN[0][:n], TRAIN[1][:n], classes=[0, 1, 2])
        n_said += len([warning for warning in found if warning.category is ScheduleEndedWarning])
    assert n_said == 1


def test_partial_fit_after_a_fit_that_ended_with_its_schedule():
    model = MLPClassifier(learning_rate="cosine", max_iter=3, **SCHEDULED).fit(*TRAIN)
    with pytest.warns(ScheduleEndedWarning, match="training goes on with a learning rate of 0"):
        model.partial_fit(*TRAIN)


@pytest.mark.parametrize("schedule", [Linear(0.01, final_rate=0.005), "exponential", "step_decay", "constant"], ids=str)
def test_a_rate_that_is_something_still_learns(schedule):
    model = MLPClassifier(learning_rate=schedule, max_iter=2, **SCHEDULED)
    for _ in range(5):
        model.partial_fit(*TRAIN, classes=[0, 1, 2])
    assert model.history_["learning_rate"][-1] > 0


def test_a_warm_start_begins_its_schedule_anew():
    model = MLPClassifier(learning_rate="cosine", max_iter=3, warm_start=True, **SCHEDULED).fit(*TRAIN)
    rates = model.history_["learning_rate"][:]
    assert model.fit(*TRAIN).history_["learning_rate"] == rates * 2


# ---- who ends a fit --------------------------------------------------------------------------------------------------


class Deciding(Callback):
    decides_end = True

    def on_epoch_end(self, fit):
        if fit.epoch == 40:
            fit.stop()


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("callback", [EarlyStopping(patience=300), Deciding()], ids=str)
@pytest.mark.parametrize("what", [{}, {"learning_rate": "adaptive"}, {"learning_rate": "reduce_on_plateau"}], ids=str)
def test_the_own_rule_leaves_the_end_to_a_callback(callback, early_stopping, what):
    what = dict(solver="sgd", tol=10.0, max_iter=45, early_stopping=early_stopping, random_state=0, **what)
    with warnings.catch_warnings(action="error"):  # ConvergenceWarning, too
        model = MLPClassifier(callbacks=[copy.deepcopy(callback)], **what).fit(*TRAIN)
        assert model.n_iter_ == (40 if isinstance(callback, Deciding) else 45)
        own = MLPClassifier(callbacks=[copy.deepcopy(callback)], n_iter_no_change=5, **what).fit(*TRAIN)
        assert own.n_iter_ <= model.n_iter_
        if not what.get("learning_rate"):
            assert own.n_iter_ == 7
    if what.get("learning_rate") == "adaptive":
        assert min(model.history_["learning_rate"]) < 0.001
    watching = MLPClassifier(callbacks=[ReduceOnPlateau(), TerminateOnNaN()], **{**what, "learning_rate": "constant"})
    assert watching.fit(*TRAIN).n_iter_ == 12


@pytest.mark.parametrize(
    "what",
    [
        *({"learning_rate": schedule} for schedule in OVER_THE_FIT),
        {"learning_rate": Linear(0.01, 9)},
        {"learning_rate": "one_cycle", "early_stopping": True},
        {"solver": SGD(OneCycle(0.01)), "learning_rate": "constant"},
        {"callbacks": [EarlyStopping("loss")]},
        {"callbacks": [EarlyStopping("loss", restore_best=False)]},
        {"solver": "lbfgs", "callbacks": [EarlyStopping("loss")]},
    ],
    ids=str,
)
def test_an_end_that_was_planned_is_no_alarm(what):
    with warnings.catch_warnings(action="error"):
        model = MLPClassifier(**{**SCHEDULED, "max_iter": 3, **copy.deepcopy(what)}).fit(*TRAIN)
    assert model.n_iter_ == 3


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"learning_rate": "exponential"},
        {"learning_rate": "cosine_restarts"},
        {"learning_rate": Linear(0.01, 7)},
        {"learning_rate": WarmUp(0.01, 2)},
        {"solver": SGD(0.01, momentum=Linear(0.9))},
        {"early_stopping": True},
        {"callbacks": [LearningRateFinder()]},
        {"callbacks": [TerminateOnNaN(), ReduceOnPlateau()]},
        {"solver": "lbfgs"},
        {"solver": "lbfgs", "callbacks": [TerminateOnNaN()]},
    ],
    ids=str,
)
def test_an_end_that_was_not_is_one(what):
    with pytest.warns(ConvergenceWarning):
        MLPClassifier(**{**SCHEDULED, "max_iter": 2, **copy.deepcopy(what)}).fit(*TRAIN)


def test_lbfgs_warns_in_scikit_learns_words():
    said = []
    for cls in (MLPClassifier, sklearn.neural_network.MLPClassifier):
        with pytest.warns(ConvergenceWarning) as found:
            cls(solver="lbfgs", max_iter=3, random_state=0).fit(*TRAIN)
        said.append([str(warning.message) for warning in found])
    assert said[0] == said[1] and len(said[0]) == 1
