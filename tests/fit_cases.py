"""What the tests of fits under way share: samples, and callbacks that hear, end and keep."""

import copy

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from fastmlp.callbacks import Callback, Fit
from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Cosine, Linear, WarmUp

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


class At(Callback):
    """Does something in a hook at an epoch."""

    def __init__(self, hook, epoch, action, batch=None):
        self.hook = hook
        self.epoch = epoch
        self.action = action
        self.batch = batch

    def _hear(self, hook, fit):
        if (self.hook, self.epoch) == (hook, fit.epoch):
            self.action(fit)

    def on_fit_begin(self, fit):
        self._hear("on_fit_begin", fit)

    def on_epoch_begin(self, fit):
        self._hear("on_epoch_begin", fit)

    def on_epoch_end(self, fit):
        self._hear("on_epoch_end", fit)

    def on_fit_end(self, fit):
        self._hear("on_fit_end", fit)


class AtBatch(At):
    def on_batch_begin(self, fit):
        if (self.hook, self.epoch, self.batch) == ("on_batch_begin", fit.epoch, fit.batch):
            self.action(fit)

    def on_batch_end(self, fit):
        if (self.hook, self.epoch, self.batch) == ("on_batch_end", fit.epoch, fit.batch):
            self.action(fit)


class Failure(Exception):
    pass


def fail(fit):
    raise Failure("as planned")


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


def snapshot(model, epoch, **arguments):
    snapshots = Snapshots()
    clone(model).set_params(callbacks=[snapshots]).fit(*TRAIN, **arguments)
    return snapshots.taken[epoch]


OVER_THE_FIT = ["cosine", "linear", "polynomial", "one_cycle", "flat_cos", "coslog4", Cosine(0.01, per="epoch")]


OVER_THE_FIT += [WarmUp(Linear(0.01), 5), WarmUp(Cosine(0.01), 2, per="epoch")]


SCHEDULED = dict(solver="sgd", random_state=0, batch_size=25, n_iter_no_change=np.inf)
