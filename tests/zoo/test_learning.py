"""Epochs of anything that learns: a mean that steps towards the samples, and everything that a fit has around it."""

import copy

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from fastmlp.callbacks import Callback, EarlyStopping, LearningRateFinder, ModelCheckpoint, ReduceOnPlateau
from fastmlp.estimators.base import begins_fit, goes_on_with_fit, restored_on_error
from fastmlp.exceptions import DivergenceWarning
from fastmlp.zoo import RestrictedBoltzmannMachine
from fastmlp.zoo.learning import EpochEstimator, LearnedFit, memory_for

X = np.random.default_rng(0).standard_normal((40, 3)) + 5


class StepsToMean:
    """A learner whose centre goes a share of the way to the mean of the samples in each epoch."""

    def __init__(self, X, held_out, rate, centre=None):
        self.X, self.held_out, self.learning_rate = X, held_out, rate
        self.centre = np.zeros(X.shape[1]) if centre is None else centre.copy()

    def epoch(self):
        loss = float(((self.X - self.centre) ** 2).mean())
        self.centre += self.learning_rate * (self.X.mean(axis=0) - self.centre)
        return {"loss": loss, "distance": float(np.abs(self.centre).sum())}

    def validate(self):
        return float(((self.held_out - self.centre) ** 2).mean())

    def arrays(self):
        return {"centre": self.centre.copy()}

    def restore(self, arrays):
        self.centre = arrays["centre"].copy()

    def keep(self, estimator):
        estimator.centre_ = self.centre.copy()


class Centre(EpochEstimator):
    def __init__(
        self, learning_rate_init=0.5, max_iter=5, early_stopping=False, validation_fraction=0.25, n_iter_no_change=2,
        tol=1e-4, random_state=None, n_jobs=None, callbacks=None, verbose=False,
    ):  # fmt: skip
        self._set_parameters(locals())

    @begins_fit
    def fit(self, X, y=None):
        self._announce_epochs()
        with restored_on_error(self):
            given, X = X, self._validated_samples(X, reset=True)
            rows, held_out = self._divided(len(X), check_random_state(self.random_state))
            learner = StepsToMean(X[rows], X[held_out], self.learning_rate_init)
            fit = self._learn(
                learner, given, X, n_samples=len(rows), batch_size=len(rows), holds_out=self.early_stopping
            )
        return self._told_of_errors(fit)

    @goes_on_with_fit
    def partial_fit(self, X, y=None):
        with restored_on_error(self):
            X = self._validated_samples(X, reset=not hasattr(self, "centre_"))
            learner = StepsToMean(X, None, self.learning_rate_init, getattr(self, "centre_", None))
            fit = self._learn(learner, X, X, n_samples=len(X), batch_size=len(X), is_incremental=True)
        return self._told_of_errors(fit)


def test_epochs_are_recorded():
    model = Centre().fit(X)
    np.testing.assert_allclose(model.centre_, X.mean(axis=0) * (1 - 0.5**5), rtol=1e-12)
    assert model.n_iter_ == 5
    assert model.history_.keys() == {"loss", "distance", "learning_rate", "seconds"}
    assert {len(values) for values in model.history_.values()} == {5}
    assert model.loss_ == model.history_["loss"][-1] < model.history_["loss"][0]
    assert model.history_["learning_rate"] == [0.5] * 5


def test_partial_fit_goes_on_with_history():
    model = Centre()
    for _ in range(5):
        model.partial_fit(X)
    whole = Centre().fit(X)
    np.testing.assert_array_equal(model.centre_, whole.centre_)
    assert model.history_["loss"] == whole.history_["loss"]
    assert model.n_iter_ == 5


def test_early_stopping_ends_with_the_best_epoch():
    model = Centre(learning_rate_init=1.9, max_iter=500, early_stopping=True, random_state=0)
    model.fit(X)
    losses = model.history_["validation_loss"]
    assert model.n_iter_ < 500
    rows, held_out = model._divided(len(X), check_random_state(0))
    assert sorted([*rows, *held_out]) == list(range(40)) and len(held_out) == 10
    assert np.isclose(((X[held_out] - model.centre_) ** 2).mean(), min(losses))
    with pytest.raises(ValueError, match=r"validation_fraction=0\.0 holds no rows out"):
        Centre(early_stopping=True, validation_fraction=0.0).fit(X)


def test_verbose_prints_a_line_for_each_epoch(capsys):
    Centre(verbose=True, max_iter=2).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    assert "distance = " in lines[0]


def test_callbacks_steer(tmp_path):
    seen = []

    class Watches(Callback):
        def on_epoch_end(self, fit):
            seen.append((fit.epoch, fit.value("loss"), fit.fitted().centre_[0]))
            if fit.epoch == 2:
                fit.learning_rate = 0.25

    path = tmp_path / "model"
    callbacks = [Watches(), EarlyStopping("loss", patience=1, min_delta=1e-3), ReduceOnPlateau("loss", patience=1)]
    model = Centre(max_iter=100, callbacks=callbacks).fit(X)
    assert model.n_iter_ < 100
    assert [epoch for epoch, *_ in seen] == list(range(1, model.n_iter_ + 1))
    assert [loss for _, loss, _ in seen] == model.history_["loss"]
    assert model.history_["learning_rate"][:3] == [0.5, 0.5, 0.25]
    with pytest.raises(ValueError, match="Centre cannot try learning rates"):
        Centre(callbacks=[LearningRateFinder()]).fit(X)
    with pytest.raises((ValueError, TypeError), match="Centre"):  # a class without a name in files
        Centre(callbacks=[ModelCheckpoint(path)]).fit(X)
    with pytest.raises(TypeError, match="is a parameter of the estimator: Centre"):
        Centre().fit(X, max_iter=3)


def test_what_a_callback_raises_reaches_the_caller_after_the_epoch():
    class Fails(Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 2:
                raise KeyError("two")

    model = Centre(callbacks=[Fails()])
    with pytest.raises(KeyError, match="two"):
        model.fit(X)
    assert model.n_iter_ == 2 and hasattr(model, "centre_")


def test_divergence():
    model = Centre().fit(X)
    before = copy.copy(vars(model))
    model.set_params(learning_rate_init=1e200, max_iter=10)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="not finite in epoch"):
        model.fit(X)
    assert vars(model).keys() == before.keys() and model.centre_ is before["centre_"]
    stopping = EarlyStopping("loss", patience=5)
    with np.errstate(all="ignore"), pytest.warns(DivergenceWarning, match="Training diverged in epoch"):
        model.set_params(callbacks=[stopping]).fit(X)
    assert np.isfinite(model.centre_).all()


def test_ctrl_c_keeps_what_has_been_learned():
    class Interrupted(StepsToMean):
        def epoch(self):
            if self.centre.any():
                raise KeyboardInterrupt
            return super().epoch()

    model = Centre()
    with pytest.warns(ConvergenceWarning, match="interrupted by user"):
        model._learn(Interrupted(X, None, 0.5), X, X, n_samples=40, batch_size=40)
    assert model.n_iter_ == 1 and model.centre_.any()


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
@pytest.mark.parametrize("was_fitted", [False, True])
@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_that_reaches_a_callback_keeps_what_has_been_learned(hook, was_fitted, epoch):
    def interrupt(self, fit):
        if fit.epoch + (hook == "on_epoch_begin") == epoch:
            raise KeyboardInterrupt

    interrupted = type("Interrupted", (Callback,), {hook: interrupt})
    model = Centre(max_iter=7)
    if was_fitted:
        model.fit(X)
    with pytest.warns(ConvergenceWarning, match="interrupted by user"):
        model.set_params(callbacks=[interrupted()]).fit(X)
    n_epochs = epoch - (hook == "on_epoch_begin")
    np.testing.assert_allclose(model.centre_, X.mean(axis=0) * (1 - 0.5**n_epochs), rtol=1e-12)
    assert model.n_iter_ == n_epochs
    assert {len(values) for values in model.history_.values()} == {n_epochs}
    assert hasattr(model, "loss_") == bool(n_epochs)


def test_ctrl_c_while_an_epoch_is_recorded_leaves_whole_epochs(monkeypatch):
    record = LearnedFit._record

    def half_recorded(self, values, seconds):
        if self.epoch == 2:
            self.history["loss"].append(values["loss"])
            raise KeyboardInterrupt
        record(self, values, seconds)

    monkeypatch.setattr(LearnedFit, "_record", half_recorded)
    with pytest.warns(ConvergenceWarning, match="interrupted by user"):
        model = Centre().fit(X)
    assert model.n_iter_ == 2 and {len(values) for values in model.history_.values()} == {2}
    assert model.loss_ == model.history_["loss"][-1]


def test_ctrl_c_in_partial_fit_keeps_the_history_before():
    model = Centre().fit(X)

    class Interrupted(Callback):
        def on_epoch_begin(self, fit):
            raise KeyboardInterrupt

    loss = model.loss_
    with pytest.warns(ConvergenceWarning, match="interrupted by user"):
        model.set_params(callbacks=[Interrupted()]).partial_fit(X)
    assert model.n_iter_ == len(model.history_["loss"]) == 5 and model.loss_ == loss


def test_too_little_memory_names_the_parameters():
    told = "n_components=9 with n_chains=3 needs more memory than there is; give less"
    with pytest.raises(MemoryError, match=told), memory_for(n_components=9, n_chains=3):
        raise MemoryError
    with pytest.raises(ValueError, match="another"), memory_for(n_components=9):
        raise ValueError("another")


def test_no_advice_that_cannot_be_followed():
    told = r"holds no rows out for early_stopping=True: give more, or set early_stopping=False\.$"
    with pytest.raises(ValueError, match=told):
        Centre(early_stopping=True, validation_fraction=0.0).fit(X)
    machine = RestrictedBoltzmannMachine(2, max_iter=1, callbacks=[EarlyStopping("val_loss")])
    with pytest.raises(
        ValueError, match=r"'val_loss' is not recorded .*Of other rows it is with early_stopping=True\.$"
    ):
        machine.fit(X > 5)

    class WithoutEarlyStopping(Centre):
        def __init__(self, learning_rate_init=0.5, max_iter=5, random_state=None, n_jobs=None, callbacks=None,
                     verbose=False):  # fmt: skip
            self._set_parameters(locals())

    with pytest.raises(ValueError, match=r"'val_loss' is not recorded") as refused:
        WithoutEarlyStopping(callbacks=[EarlyStopping("val_loss")]).fit(X)
    assert "early_stopping" not in str(refused.value) and "eval_set" not in str(refused.value)


def test_scikit_learns_callbacks_hear_of_epochs():
    class Tasks:
        """A callback as scikit-learn has them: it counts the tasks that end."""

        max_propagation_depth = None
        ended = 0

        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **data):
            pass

        def on_fit_task_end(self, estimator, context, **data):
            type(self).ended += 1
            return False

        def teardown(self, estimator, context):
            pass

    Centre(max_iter=3).set_callbacks(Tasks()).fit(X)
    assert Tasks.ended == 4
