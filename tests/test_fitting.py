"""A fit under way: hooks, history, what callbacks may do, exceptions, resuming, scikit-learn's callbacks."""

import copy
import re
import warnings

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import Callback, EarlyStopping, Fit, LearningRateFinder, ReduceOnPlateau, TerminateOnNaN
from fastmlp.exceptions import DivergenceWarning, OverflowWarning, ScheduleEndedWarning, UndefinedScoreWarning
from fastmlp.fitting.minibatch import MinibatchFit
from fastmlp.losses import Focal
from fastmlp.optimizers import OPTIMIZERS, SGD, Muon, Optimizer
from fastmlp.schedules import SCHEDULES, Cosine, Linear, OneCycle, WarmUp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
TRAIN, VALID = (X[::2], Y[::2]), (X[1::2], Y[1::2])
WHAT = dict(hidden_layer_sizes=(8,), random_state=0, learning_rate_init=0.01, batch_size=20)


def parameters(model):
    return np.concatenate([part.ravel() for part in model.coefs_ + model.intercepts_])


class Heard(Callback):
    """Keeps what it hears, batches too if it is told to."""

    def on_fit_begin(self, fit):
        assert isinstance(fit, Fit)
        self.heard = [("fit", fit.epoch)]

    def on_epoch_begin(self, fit):
        self.heard.append(("epoch", fit.epoch))

    def on_epoch_end(self, fit):
        self.heard.append(("epoch done", fit.epoch))
        assert all(len(values) == fit.epoch for values in fit.history.values())

    def on_fit_end(self, fit):
        self.heard.append(("fit done", fit.epoch))


class InPython(Optimizer):
    def __init__(self, learning_rate=0.01):
        self.learning_rate = learning_rate

    def init(self, params):
        return None

    def step(self, params, grads, state):
        for p, g in zip(params, grads, strict=True):
            p -= self.learning_rate * g


class HeardBatches(Heard):
    def on_batch_begin(self, fit):
        self.heard.append(("batch", fit.batch))

    def on_batch_end(self, fit):
        self.heard.append(("batch done", fit.batch))
        assert 0 < fit.batch_loss < 10


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


# ---- history ---------------------------------------------------------------------------------------------------------


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


# ---- stopping, and ending with another network -----------------------------------------------------------------------


class At(Callback):
    """Does something in a hook at an epoch."""

    def __init__(self, hook, epoch, action, batch=None):
        self.hook = hook
        self.epoch = epoch
        self.action = action
        self.batch = batch


for _name in ("on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"):

    def _act(self, fit, name=_name):
        if self.hook == name and fit.epoch == self.epoch:
            self.action(fit)

    setattr(At, _name, _act)


class AtBatch(At):
    def on_batch_begin(self, fit):
        if (self.hook, self.epoch, self.batch) == ("on_batch_begin", fit.epoch, fit.batch):
            self.action(fit)

    def on_batch_end(self, fit):
        if (self.hook, self.epoch, self.batch) == ("on_batch_end", fit.epoch, fit.batch):
            self.action(fit)


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


# ---- exceptions ------------------------------------------------------------------------------------------------------


class Failure(Exception):
    pass


def fail(fit):
    raise Failure("as planned")


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


# ---- resuming --------------------------------------------------------------------------------------------------------


class Snapshots(Callback):
    comes_last = True

    def __deepcopy__(self, memo):
        return self  # it would copy the snapshots in each snapshot

    def on_fit_begin(self, fit):
        self.taken = {}

    def on_epoch_end(self, fit):
        taken = fit.snapshot()
        self.taken[fit.epoch] = taken.set_params(callbacks=[c for c in taken.callbacks if c is not self])


def assert_resumes(model, data=TRAIN, **arguments):
    """From each epoch on a fit comes to the same, in everything but seconds."""
    snapshots = Snapshots()
    callbacks = list(model.callbacks or ())
    full = clone(model).set_params(callbacks=copy.deepcopy(callbacks)).fit(*data, **arguments)
    clone(model).set_params(callbacks=[*copy.deepcopy(callbacks), snapshots]).fit(*data, **arguments)
    assert sorted(snapshots.taken) == list(range(1, full.n_iter_ + 1))
    for epoch, taken in snapshots.taken.items():
        assert len(taken.history_["loss"]) == epoch
        taken.predict(data[0])
        resumed = taken.resume(*data, **arguments)
        np.testing.assert_array_equal(parameters(resumed), parameters(full))
        expected, actual = vars(full), vars(resumed)
        assert actual.keys() == expected.keys()
        for name in (
            "n_iter_",
            "t_",
            "loss_",
            "loss_curve_",
            "best_loss_",
            "validation_scores_",
            "best_validation_score_",
        ):
            assert actual[name] == expected[name], (epoch, name)
        for name in full.history_.keys() - {"seconds"}:
            assert resumed.history_[name] == full.history_[name], (epoch, name)
        for mine, other in zip(resumed.callbacks or (), full.callbacks or (), strict=True):
            assert vars(mine) == vars(other)
        np.testing.assert_array_equal(resumed.predict(data[0]), full.predict(data[0]))
        if not model.early_stopping:
            state = copy.deepcopy(full).set_params(callbacks=None)
            resumed.set_params(callbacks=None)
            np.testing.assert_array_equal(parameters(resumed.partial_fit(*data)), parameters(state.partial_fit(*data)))
    return full


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
    class Momentum(Optimizer):
        def __init__(self, learning_rate=0.1):
            self.learning_rate = learning_rate

        def init(self, params):
            return [np.zeros_like(p) for p in params]

        def step(self, params, grads, state):
            for p, g, v in zip(params, grads, state, strict=True):
                v *= 0.9
                v -= self.learning_rate * g
                p += v

    assert_resumes(MLPClassifier(solver=Momentum(), max_iter=5, **{**WHAT, "learning_rate_init": 0.001}))


def snapshot(model, epoch, **arguments):
    snapshots = Snapshots()
    clone(model).set_params(callbacks=[snapshots]).fit(*TRAIN, **arguments)
    return snapshots.taken[epoch]


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
    for X, dtype in ((SIGNAL * 1e200, np.float64), (SIGNAL * 1e30, np.float32)):
        with pytest.warns(OverflowWarning, match="What the optimizer keeps of gradients .* X reaches"):
            MLPClassifier(max_iter=5, random_state=0).fit(X.astype(dtype), TARGET > 0)


def test_weights_too_large_and_too_small():
    plain, large = (MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, w)) for w in (1.0, 1e300))
    np.testing.assert_allclose(large.loss_, plain.loss_, rtol=1e-3)  # they are shares
    with pytest.warns(OverflowWarning, match=r"The weights of samples are at most 1e-300: divide them by that\."):
        MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, 1e-300))
    with pytest.raises(ValueError, match=r"The weights of samples reach 1e\+308"):
        MLPRegressor(max_iter=5, random_state=0).fit(SIGNAL, TARGET, np.full(120, 1e308))


# ---- schedules that end ----------------------------------------------------------------------------------------------

OVER_THE_FIT = ["cosine", "linear", "polynomial", "one_cycle", "flat_cos", "coslog4", Cosine(0.01, per="epoch")]
OVER_THE_FIT += [WarmUp(Linear(0.01), 5), WarmUp(Cosine(0.01), 2, per="epoch")]
SCHEDULED = dict(solver="sgd", random_state=0, batch_size=25, n_iter_no_change=np.inf)


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
