"""Models in files: what comes back is what was saved, and no file does more than fail to load."""

import contextlib
import errno
import inspect
import json
import os
import pickle
import stat
import struct
import subprocess
import sys
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, persistence
from fastmlp.activations import ACTIVATIONS, Activation, LeakyReLU
from fastmlp.augmentation import AUGMENTATIONS, Compose, Noise
from fastmlp.callbacks import Callback, EarlyStopping, LayerStatistics, ModelCheckpoint
from fastmlp.callbacks import ReduceOnPlateau as ReduceRate
from fastmlp.components import Component
from fastmlp.initializers import INITIALIZERS
from fastmlp.losses import NAMED_LOSSES, LogLoss, Pinball
from fastmlp.optimizers import OPTIMIZERS, SGD, Adam, Descent, Optimizer
from fastmlp.persistence import FileError, checks, load, save, write_atomically
from fastmlp.persistence.contents import STATES
from fastmlp.persistence.decode import Decoder
from fastmlp.persistence.encode import Encoder
from fastmlp.persistence.format import DTYPES
from fastmlp.schedules import SCHEDULES, Cosine, Function, ReduceOnPlateau, WarmUp
from tests import mutations
from tests.mutations import BASES, VALUES, Forgery, checkpoint, mutants, try_mutant

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning"),  # of partial_fit after the fit
    pytest.mark.filterwarnings("ignore:dtype='bfloat16' is slower than 'float32' here:UserWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
LABELS = np.array(["lynx", "otter", "stoat"])[np.argmax(X[:, :3], axis=1)]
MANY = (X[:, :3] > 0).astype(int)
NUMBERS = np.abs(X[:, 0]) + 0.5


def same(a, b):
    """Whether two values are alike to the last bit, objects by their attributes."""
    if isinstance(a, np.random.RandomState):
        return same(a.get_state(legacy=False), b.get_state(legacy=False))
    if isinstance(a, np.ndarray | np.generic):
        if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        return same(list(a.flat), list(b.flat)) if a.dtype == object else a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if hasattr(a, "__dict__") and not callable(a):
        a, b = a.__getstate__(), b.__getstate__()
        return sorted(a) == sorted(b) and all(same(a[name], b[name]) for name in a)
    return repr(a) == repr(b) if isinstance(a, Component) else a == b


def state(model):
    """A model's attributes, but for the times its epochs took."""
    attributes = dict(vars(model))
    if "history_" in attributes:
        attributes["history_"] = {name: of for name, of in model.history_.items() if name != "seconds"}
    return attributes


def returned(model, path, **parameters):
    save(model, path)
    return load(path, **parameters)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


# ---- models come back ------------------------------------------------------------------------------------------------

MODELS = {
    **{f"solver={name}": MLPClassifier(solver=name) for name in OPTIMIZERS},
    **{f"solver={name}, regressor": MLPRegressor(solver=name) for name in OPTIMIZERS},
    **{f"learning_rate={name}": MLPRegressor(learning_rate=name, solver="sgd") for name in SCHEDULES},
    **{f"schedule, {name}": MLPClassifier(solver=Adam(cls())) for name, cls in SCHEDULES.items()},
    **{f"activation={name}": MLPClassifier(activation=cls()) for name, cls in ACTIVATIONS.items()},
    **{
        f"loss={name}": MLPRegressor(loss=cls()) for name, cls in NAMED_LOSSES.items() if "numbers" in cls.engine_losses
    },
    **{
        f"loss={name}, classes": MLPClassifier(loss=cls())
        for name, cls in NAMED_LOSSES.items()
        if "multiclass" in cls.engine_losses
    },
    **{f"initializer={name}": MLPClassifier(weight_init=cls()) for name, cls in INITIALIZERS.items()},
    "quantiles": MLPRegressor(Pinball([0.1, 0.9])),
    "smooth": MLPClassifier(loss=LogLoss(0.1)),
    "ema": MLPClassifier(ema=0.9),
    "ema of muon": MLPRegressor(ema=0.9, solver="muon"),
    "batch": MLPClassifier(normalization="batch", standardize=True),
    "layer": MLPRegressor(normalization="layer", activation=["prelu", LeakyReLU(0.2)]),
    "noisy": MLPClassifier(dropout=[0.5, 0.1], input_noise=0.1, input_dropout=0.1, l1=1e-3, max_norm=1.0),
    "augmented": MLPClassifier(augment=Compose([Noise(0.1), "mixup"])),
    "early": MLPClassifier(early_stopping=True, validation_fraction=0.3),
    "plateau": MLPRegressor(solver=SGD(WarmUp(ReduceOnPlateau(0.1, patience=0), 3))),
    "bfloat16": MLPRegressor(dtype="bfloat16"),
    "float32": MLPClassifier(dtype="float32"),
    "weighted": MLPClassifier(class_weight={np.str_("lynx"): 2.0, "otter": 1}),
    "given random state": MLPClassifier(random_state=np.random.RandomState(7)),
    "clipped": MLPRegressor(gradient_clip_norm=1.0, alpha=np.float32(0.5), n_iter_no_change=np.inf),
}


def data_of(model):
    return X, LABELS if isinstance(model, MLPClassifier) else NUMBERS


def prepared(model):
    parameters = {"hidden_layer_sizes": (7, 4), "max_iter": 4, "batch_size": 16}
    if not isinstance(model.random_state, np.random.RandomState):
        parameters["random_state"] = 3
    return clone(model).set_params(**parameters)


def test_every_name_is_among_the_models():
    assert {type(model.solver) for model in MODELS.values()} >= {str, Adam, SGD}
    assert {model.solver for model in MODELS.values() if isinstance(model.solver, str)} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", MODELS)
def test_fitted_models_come_back(path, name):
    """Every attribute, every prediction and every parameter after further training, to the last bit."""
    model = prepared(MODELS[name])
    data, y = data_of(model)
    model.fit(data, y)
    loaded = returned(model, path)
    assert type(loaded) is type(model)
    assert same(vars(loaded), vars(model))
    assert same(loaded.get_params(), model.get_params())
    assert same(clone(loaded).get_params(), clone(model).get_params())
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(data), model.predict_proba(data))
    if hasattr(model, "partial_fit") and not model.early_stopping:
        assert same(state(loaded.partial_fit(data, y)), state(model.partial_fit(data, y)))
    loaded, model = (each.set_params(warm_start=True).fit(data, y) for each in (loaded, model))
    assert same(state(loaded), state(model))


@pytest.mark.parametrize("name", MODELS)
def test_models_that_are_not_fitted_come_back(path, name):
    model = prepared(MODELS[name])
    loaded = returned(model, path)
    assert same(vars(loaded), vars(model))
    with pytest.raises(sklearn.exceptions.NotFittedError):
        loaded.predict(X)
    data, y = data_of(model)
    np.testing.assert_array_equal(loaded.fit(data, y).predict(data), model.fit(data, y).predict(data))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8])
@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS == "otter", MANY, np.where(X[:, 0] > 0, 10, -3), LABELS.astype(object)],
    ids=["text", "truth", "several", "numbers", "objects"],
)
def test_kinds_of_samples_and_labels(path, dtype, y):
    samples = (10 * X).astype(dtype)
    model = MLPClassifier((4,), max_iter=3, random_state=0).fit(samples, y)
    loaded = returned(model, path)
    assert same(vars(loaded), vars(model))
    np.testing.assert_array_equal(loaded.predict(samples), model.predict(samples))
    np.testing.assert_array_equal(loaded.predict_log_proba(samples), model.predict_log_proba(samples))
    assert same(state(loaded.partial_fit(samples, y)), state(model.partial_fit(samples, y)))


def test_names_of_features(path):
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = MLPRegressor(hidden_layer_sizes=(), max_iter=3).fit(frame, NUMBERS)
    loaded = returned(model, path)
    np.testing.assert_array_equal(loaded.feature_names_in_, frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"a": "z"}))


def test_the_method(path):
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, NUMBERS)
    model.save(str(path))
    assert same(vars(load(str(path))), vars(model))


def test_other_tools_read_the_arrays(path):
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, NUMBERS)
    save(model, path)
    arrays = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(arrays["coefs_.0"], model.coefs_[0])
    np.testing.assert_array_equal(arrays["intercepts_.1"], model.intercepts_[1])


def test_parameters_may_be_replaced(path):
    save(MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, NUMBERS), path)
    assert load(path, max_iter=9).max_iter == 9
    with pytest.raises(ValueError, match="Invalid parameter 'max_itr'"):
        load(path, max_itr=9)
    with pytest.raises(ValueError, match="'max_iter' parameter"):
        load(path, max_iter=-1)


def test_what_a_checkpoint_holds_comes_back(path):
    model = checkpoint()
    model._checkpoint |= {
        "more": [np.bool_(True), None, np.int16(-3), b"\x00\xff", slice(1, None, 2), float("nan"), -np.inf],
        (1, 2.5): np.ones(3, np.float32),
    }
    assert same(vars(returned(model, path)), vars(model))


def test_callbacks_of_scikit_learn_are_left_out(path):
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, NUMBERS)
    model._skl_callbacks = [print]
    model._parent_callback_ctx = print
    loaded = returned(model, path)
    assert not hasattr(loaded, "_skl_callbacks")
    assert not hasattr(loaded, "_parent_callback_ctx")


def test_other_models_are_refused(path):
    class Mine(MLPRegressor):
        pass

    for model in (Mine(), Adam(), None):
        with pytest.raises(TypeError, match=r"save takes fastmlp's MLPClassifier, MLPRegressor and TableModel.*; got"):
            save(model, path)
    with pytest.raises(TypeError, match=r"model\._mine is <built-in function print>"):
        save(set_attribute(MLPRegressor(), "_mine", print), path)
    with pytest.raises(TypeError, match=r"model\._mine\.0\.0.* is nested too deeply, or holds itself"):
        save(set_attribute(MLPRegressor(), "_mine", holding_itself()), path)
    with pytest.raises(TypeError, match=r"model\.predict hides what the class MLPRegressor has"):
        save(set_attribute(MLPRegressor(), "predict", 1), path)
    with pytest.raises(ValueError, match="'alpha' parameter"):
        save(MLPRegressor(alpha=-1), path)
    assert not path.exists()


def set_attribute(model, name, value):
    vars(model)[name] = value
    return model


def holding_itself():
    values = []
    values.append(values)
    return values


# ---- values ----------------------------------------------------------------------------------------------------------


def copied(value):
    encoder = Encoder(MLPRegressor())
    tree = json.loads(json.dumps(encoder.encode(value, "model"), allow_nan=False))
    tensors = {name: array.copy() for name, array in encoder.tensors.items()}
    decoder = Decoder(tensors, {})
    decoded = decoder.decode(tree, "model")
    decoder.finish()
    return decoded


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**100), 0.1, -0.0, 5e-324, np.inf, np.nan, "", "ä\ud800\x00\U0001f9a6", b"", b"\x00\xff", [],
        (), {}, [[], ()], {"a": 1, 2: "b", None: 0.5, (1, "x"): [2], np.str_("c"): 3, np.int64(9): 4}, slice(None, 2),
        np.float32(0.1), np.float64(np.nan), np.bool_(False), np.uint64(2**64 - 1), np.float16(np.inf), np.str_("text"),
        np.dtype("float32"), np.dtype(object), np.float64, np.int8, float, int, bool, str, object,
        np.array(3.5), np.array("lynx"), np.array(["a", "lynx", ""]), np.array([["ä"], ["\U0001f9a6"]]),
        np.array([], dtype="<U1"), np.zeros((0, 3), dtype="<U1"), np.zeros((2, 0)), np.zeros((3, 0, 2), np.int8),
        np.array(["a", 1, 2.5, None, True, np.nan], dtype=object), np.empty((0, 2), dtype=object),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10)[::3], np.array([True, False]), set(), {1, "a"},
        frozenset([None, 2.5]), np.arange(12.0).reshape(3, 4)[:, :2], np.arange(12.0).reshape(3, 4).T[:2], np.log1p,
    ],
    ids=repr,
)  # fmt: skip
def test_values(value):
    decoded = copied(value)
    assert same(decoded, value) if not isinstance(value, np.ndarray) else same(decoded, np.array(value, order="C"))
    if isinstance(decoded, np.ndarray):
        assert decoded.flags.writeable


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_types_of_arrays(dtype):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    assert same(copied(array), array)
    assert same(copied(array[0, 1]), array[0, 1])
    if array.dtype.itemsize > 1:
        assert same(copied(array.astype(array.dtype.newbyteorder())), array)


@pytest.mark.parametrize(
    "value",
    [
        np.array([1], "datetime64[s]"), np.array([1j]), np.array([[1, 2], 3], dtype=object), np.longdouble(1), 1j,
        {(1, 2)}, np.ma.masked_array([1j]), 2**5000, np.dtype("<U5"), print, dict,
        np.random.Generator(np.random.MT19937(0)),
        np.random.RandomState(np.random.PCG64(0)), np.void(b"a"), range(3),
    ],
    ids=repr,
)  # fmt: skip
def test_values_that_no_file_holds(value):
    with pytest.raises(TypeError, match=r"model\.place"):
        Encoder(MLPRegressor()).encode(value, "model.place")


def test_random_states_go_on():
    state = np.random.RandomState(5)
    state.standard_normal(3)
    generator = np.random.default_rng(5)
    generator.integers(9, dtype=np.int32)
    for original in (state, generator):
        copy = copied(original)
        np.testing.assert_array_equal(copy.standard_normal(700), original.standard_normal(700))


@pytest.mark.parametrize("name", persistence.classes())
def test_every_class_that_files_hold_comes_back(name):
    cls = persistence.classes()[name]
    if cls is Descent:
        value = Descent(SGD())
    elif cls is PredefinedSplit:
        value = PredefinedSplit([0, 1])
    else:
        parameters = inspect.signature(cls).parameters.values()
        value = cls(**{each.name: "something" for each in parameters if each.default is each.empty})
    copy, state = copied(value), value.__getstate__() or {}
    assert same(dict(sorted((copy.__getstate__() or {}).items())), dict(sorted(state.items())))
    assert type(copy) is cls


def test_all_that_have_parameters_are_among_the_classes():
    registries = [OPTIMIZERS, SCHEDULES, ACTIVATIONS, INITIALIZERS, AUGMENTATIONS, NAMED_LOSSES]
    classes = set(persistence.classes().values())
    assert {cls for registry in registries for cls in registry.values()} <= classes
    assert {MLPClassifier, MLPRegressor, Descent, *STATES} <= classes
    assert not any(cls.__name__.startswith("_") for cls in classes if cls.__module__.startswith("fastmlp."))
    assert all(cls.__module__.split(".")[0] in ("fastmlp", "sklearn") for cls in classes)


# ---- parameters that no file holds -----------------------------------------------------------------------------------


def log_cosh(y_true, y_pred, sample_weight):
    e = y_pred - y_true
    return np.log(np.cosh(e)).mean(), np.tanh(e) / e.size


class SignDescent(Optimizer):
    def __init__(self, learning_rate=0.1, momentum=0.5):
        self.learning_rate = learning_rate
        self.momentum = momentum

    def init(self, params):
        return [np.zeros_like(p) for p in params]

    def step(self, params, grads, state):
        for w, g, v in zip(params, grads, state, strict=True):
            v *= self.momentum
            v += np.sign(g)
            w -= self.learning_rate * v


class Square(Activation):
    def __call__(self, z):
        return z * z

    def derivative(self, z):
        return 2 * z


def slower(step):
    return 0.1 / (1 + step)


def shifted(X, y, rng):
    return X + 1, y


UNSAVED = {
    "loss": log_cosh,
    "learning_rate": slower,
    "solver": SignDescent(Cosine(0.05)),
    "weight_init": lambda rng, fan_in, fan_out, dtype: np.full((fan_in, fan_out), 0.1, dtype),
    "augment": Compose([Noise(0.01), shifted]),
}


@pytest.mark.parametrize("name", UNSAVED)
def test_parameters_that_no_file_holds(path, name):
    """A file says which they are; given to load, they do what they did, in a training under way, too."""
    given = UNSAVED[name]
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0, **{name: given}).fit(X, NUMBERS)
    save(model, path)
    with pytest.raises(FileError, match="which no file holds; give it: load") as caught:
        load(path)
    assert f"{name}={given!r}" in str(caught.value)
    assert f"load(path, {name}=...)" in str(caught.value)
    loaded = load(path, **{name: given})
    assert getattr(loaded, name) is given
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for each in (model, loaded):
        each.partial_fit(X, NUMBERS)
    np.testing.assert_array_equal(loaded.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("schedule", [Function(slower), WarmUp(slower, 2), WarmUp(Function(slower), 2)], ids=repr)
def test_a_function_within_a_schedule(path, schedule):
    for parameters in ({"learning_rate": schedule}, {"solver": Adam(schedule)}):
        model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0, **parameters).fit(X, NUMBERS)
        loaded = returned(model, path, **parameters)
        for each in (model, loaded):
            each.partial_fit(X, NUMBERS)
        np.testing.assert_array_equal(loaded.coefs_[0], model.coefs_[0])
        (name,) = parameters
        with pytest.raises(FileError, match=f"was saved with another {name}"):
            load(path, **{name: Cosine()})


def test_several_are_all_named(path):
    model = Pipeline([("scale", StandardScaler()), ("mlp", MLPRegressor(log_cosh, learning_rate=slower))])
    save(model, path)
    with pytest.raises(FileError, match=r"mlp__loss=<.*mlp__learning_rate=<.*, mlp__learning_rate=\.\.\.\)"):
        load(path)
    loaded = load(path, mlp__loss=log_cosh, mlp__learning_rate=slower)
    assert loaded["mlp"].loss is log_cosh


def test_an_item_within_a_list_makes_the_whole_parameter_missing(path):
    activations = ["relu", Square()]
    model = MLPRegressor(hidden_layer_sizes=(4, 4), activation=activations, max_iter=2).fit(X, NUMBERS)
    save(model, path)
    with pytest.raises(FileError, match=r"was saved with activation=\['relu', Square\(\)\]"):
        load(path)
    np.testing.assert_array_equal(load(path, activation=activations).predict(X), model.predict(X))


def test_state_that_no_file_holds(path):
    model = MLPRegressor(solver=SignDescent(), max_iter=2).fit(X, NUMBERS)
    model._optimizer.state = [print]
    with pytest.raises(TypeError, match=r"model\._optimizer\.state\.0 is <built-in function print>"):
        save(model, path)


# ---- callbacks of the user's -----------------------------------------------------------------------------------------


class Slowing(Callback):
    """A callback whose doings depend on all that it knows."""

    seen = 0
    steers = True

    def __init__(self, factor=0.9):
        self.factor = factor

    def on_fit_begin(self, fit):
        self.losses, self.sums_, self._by_epoch = [], np.zeros(3), {}
        self.lock, self.seen = threading.Lock(), 0

    def on_fit_resume(self, fit):
        self.lock = threading.Lock()

    def on_epoch_end(self, fit):
        self.seen += 1
        self.losses.append(fit.value("loss"))
        self.sums_ += self.losses[-1]
        self._by_epoch[fit.epoch] = np.float32(self.sums_.mean())
        if self.seen % 3 == 0:
            fit.learning_rate *= self.factor / (1 + self.losses[-3] + float(self._by_epoch[fit.epoch]))

    def __getstate__(self):
        return dict(vars(self))


class Other(Callback):
    pass


def watching(path):
    return [EarlyStopping(patience=3, min_delta=1e-3), Slowing(0.8), ReduceRate(patience=1), ModelCheckpoint(path)]


def known(callback):
    return {name: value for name, value in vars(callback).items() if name not in ("lock", "path", "path_")}


def recorder(path, *callbacks, **parameters):
    rest = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "learning_rate_init": 0.01}
    return MLPRegressor(callbacks=list(callbacks), **(rest | parameters))


def test_a_fit_with_callbacks_of_the_users_goes_on_from_a_file(path, tmp_path):
    """To the last bit: each callback in the list knows again what it knew, but for what no file can hold."""
    whole = recorder(path, LayerStatistics(every=2), *watching(tmp_path / "whole"), max_iter=20).fit(X, NUMBERS)
    recorder(path, LayerStatistics(every=2), *watching(path), max_iter=7).fit(X, NUMBERS)
    with pytest.raises(FileError, match=r"saved with callbacks=\[.*Slowing.*load\(path, callbacks=\.\.\.\)"):
        load(path)
    given = [LayerStatistics(every=2), *watching(path)]
    resumed = load(path, callbacks=given)
    assert resumed.callbacks is given
    assert given[2].seen == 7
    assert not hasattr(given[2], "lock")
    resumed.set_params(max_iter=20).resume(X, NUMBERS)
    assert resumed.n_iter_ == whole.n_iter_ > 8
    a, b = (
        {name: of for name, of in sorted(state(model).items()) if name != "callbacks"} for model in (resumed, whole)
    )
    assert same(a, b)
    for mine, theirs in zip(given, whole.callbacks, strict=True):
        assert type(mine) is type(theirs)
        assert same(dict(sorted(known(mine).items())), dict(sorted(known(theirs).items())))


def test_callbacks_that_are_given_but_need_not_be(path):
    """They, too, go on where those of the same classes were."""
    model = recorder(path, EarlyStopping(), ModelCheckpoint(path), max_iter=3).fit(X, NUMBERS)
    stopping = EarlyStopping(patience=30)
    load(path, callbacks=[stopping, ModelCheckpoint(path)]).set_params(max_iter=5).resume(X, NUMBERS)
    assert stopping.patience == 30
    assert stopping.best_epoch_ == 5
    assert model.callbacks[0].best_epoch_ == 3


def test_callbacks_of_other_classes_are_taken_as_they_are(path):
    recorder(path, EarlyStopping(), Slowing(), ModelCheckpoint(path), max_iter=3).fit(X, NUMBERS)
    given = [Slowing(), Other(), ModelCheckpoint(path)]
    load(path, callbacks=given)
    assert (vars(given[0]), vars(given[1]), given[2].path_) == (vars(Slowing()), {}, str(path))
    given = [Slowing(), EarlyStopping()]
    load(path, callbacks=given)
    assert [vars(callback).keys() for callback in given] == [{"factor"}, vars(EarlyStopping()).keys()]
    assert load(path, callbacks=None).callbacks is None
    with pytest.raises(ValueError, match="'callbacks' parameter"):
        load(path, callbacks=Slowing())


def test_callbacks_in_a_pipeline(path):
    model = make_pipeline(StandardScaler(), recorder(path, Slowing(), EarlyStopping(), max_iter=3)).fit(X, NUMBERS)
    save(model, path)
    given = [Slowing(), EarlyStopping()]
    assert load(path, mlpregressor__callbacks=given)[-1].callbacks is given
    assert (given[0].seen, given[1].best_epoch_) == (3, 3)


@pytest.mark.parametrize(
    "name",
    ["on_epoch_end", "factor", "validate", "comes_last", "_parameter_constraints", "__class__", "a b", "__dict__"],
)
def test_callbacks_are_not_given_what_they_must_not_have(path, name):
    recorder(path, Slowing(), ModelCheckpoint(path), max_iter=3).fit(X, NUMBERS)
    forged = Forgery(path.read_bytes())
    forged.tree["state"]["callbacks"]["callbacks"][0]["knows"] |= {name: 77, "more": 78}
    path.write_bytes(forged.content())
    slowing = Slowing()
    load(path, callbacks=[slowing, ModelCheckpoint(path)])
    assert slowing.more == 78
    assert vars(slowing).get(name) == vars(Slowing()).get(name)


def test_callbacks_in_files_that_are_none(path):
    recorder(path, Slowing(), ModelCheckpoint(path), max_iter=3).fit(X, NUMBERS)
    for wrong in (None, 7, {}, {"class": "x"}, {"class": 1, "knows": {}}, {"class": "x", "knows": []}):
        forged = Forgery(path.read_bytes())
        forged.tree["state"]["callbacks"]["callbacks"][1] = wrong
        path.with_name("forged").write_bytes(forged.content())
        with pytest.raises(FileError, match="has a callback that is none"):
            load(path.with_name("forged"), callbacks=[])


# ---- pipelines -------------------------------------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "a": np.where(X[:, 0] > 1, np.nan, X[:, 0]),
        "b": np.array(["x", "y", "z"])[np.arange(60) % 3],
        "c": np.arange(60) % 4,
        "d": X[:, 1],
    }
)


def pipeline():
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["a"]),
            ("category", OneHotEncoder(handle_unknown="ignore"), ["b", "c"]),
            ("dropped", OneHotEncoder(drop="if_binary", sparse_output=False), ["c"]),
            ("ordinal", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["b"]),
            ("quantile", QuantileTransformer(n_quantiles=5, random_state=0), ["d"]),
            ("rest", "passthrough", ["d"]),
        ]
    )
    mlp = MLPClassifier((4,), max_iter=3, random_state=0)
    return Pipeline([("columns", columns), ("robust", RobustScaler(with_centering=False)), ("mlp", mlp)])


def test_pipelines_come_back(path):
    model = pipeline().fit(FRAME, LABELS)
    loaded = returned(model, path)
    other = FRAME.assign(b="none", c=2)
    for frame in (FRAME, other):
        np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert repr(clone(loaded)) == repr(clone(model))
    assert list(loaded.feature_names_in_) == list(FRAME.columns)
    assert same(vars(loaded["mlp"]), vars(model["mlp"]))
    unfitted = returned(pipeline(), path)
    np.testing.assert_array_equal(unfitted.fit(FRAME, LABELS).predict_proba(FRAME), model.predict_proba(FRAME))


def test_steps_that_no_file_holds(path):
    with pytest.raises(TypeError, match=r"model\.steps\.0\.1 is DecisionTreeClassifier\(\).*skops"):
        save(make_pipeline(DecisionTreeClassifier(), MLPRegressor()), path)
    with pytest.raises(ValueError, match="n_jobs=10000 is more than 1024"):
        save(make_pipeline(ColumnTransformer([], n_jobs=10000), MLPRegressor()), path)


def test_the_memory_of_a_pipeline_is_to_be_given(path, tmp_path):
    """It is a folder of pickles, which a file must not name."""
    model = Pipeline([("scale", MinMaxScaler()), ("mlp", MLPRegressor(max_iter=2))], memory=str(tmp_path))
    save(model, path)
    with pytest.raises(FileError, match=r"load\(path, memory=\.\.\.\)"):
        load(path)
    assert load(path, memory=None).memory is None
    assert load(path, memory=str(tmp_path)).memory == str(tmp_path)
    forged = Forgery(path.read_bytes())
    forged.tree["state"]["memory"] = str(tmp_path)
    path.write_bytes(forged.content())
    with pytest.raises(FileError, match="names a folder of pickles"):
        load(path)


def test_another_version_of_scikit_learn(path):
    save(MLPClassifier((2,), max_iter=1).fit(X, LABELS), path)
    forged = Forgery(path.read_bytes())
    forged.metadata["sklearn"] = "0.1"
    path.write_bytes(forged.content())
    with pytest.warns(UserWarning, match=f"saved with scikit-learn 0.1, this is {sklearn.__version__}"):
        load(path)
    forged.tree = Forgery(BASES["regressor"]()).tree  # has nothing of it
    forged.tensors = Forgery(BASES["regressor"]()).tensors
    path.write_bytes(forged.content())
    load(path)


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return BASES["classifier"]()


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_truncated_files(path, content):
    for length in (*range(0, 64), *range(64, len(content), 97), len(content) - 1):
        message = refused(path, content[:length])
        assert "truncated" in message, (length, message)
    assert "1 bytes too many" in refused(path, content + b"\0")


def test_flipped_bits(path, content):
    """Each bit of the header's first and last bytes and of the checksum, and a bit of every part of the rest."""
    at = content.index(b'"checksum"')
    header = 8 + int.from_bytes(content[:8], "little")
    places = {*range(20), *range(at, at + 80), *range(header - 12, header + 8), *range(0, len(content), 61)}
    for place in sorted(places):
        for bit in range(8) if place < 20 or at <= place < at + 80 else [place % 8]:
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            refused(path, bytes(damaged))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pickle.dumps(MLPRegressor()),
        lambda: b"\x00" * 4096,
        lambda: b"\xff" * 4096,
        lambda: os.urandom(4096),
        lambda: b'{"json": true}' * 10,
        lambda: safetensors.numpy.save({"a": np.zeros(3)}),
        lambda: safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}),
        lambda: b"PK\x03\x04" + b"\x00" * 100,
    ],
    ids=["pickle", "zeros", "ones", "random", "JSON", "safetensors", "PyTorch", "zip"],
)
def test_other_files(path, make):
    assert "is not a file of fastmlp" in refused(path, make())


def test_what_is_no_file(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        load(path)
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(FileError, match="no regular file"):
        load("/dev/zero")


def test_newer_versions(path, content):
    forged = Forgery(content)
    forged.metadata["version"] = "2"
    assert "written by a newer fastmlp, in version 2 of the format; known is 1" in refused(path, forged.content())
    forged.metadata["version"] = "one"
    assert "damaged" in refused(path, forged.content())


# ---- files made to do harm, with the right checksum ------------------------------------------------------------------


def put(*keys_and_value):
    """An edit of the tree: a value in a place."""
    *keys, last, value = keys_and_value

    def edit(forged):
        node = forged.tree["state"]
        for key in keys:
            node = node[key]
        node[last] = value

    return edit


def shape(tensor, shape):
    def edit(forged):
        forged.tensors[tensor] = np.zeros(shape, forged.tensors[tensor].dtype)

    return edit


def values(tensor, values):
    def edit(forged):
        forged.tensors[tensor] = np.array(values)

    return edit


def drop(name):
    return lambda forged: forged.tree["state"].pop(name)


OPTIMIZER = ("_optimizer", "state")
BINARIZER = ("_label_binarizer", "state")
SLOTS = (*OPTIMIZER, "state", "dict", 1, 1)
KEY = ("_random_state", "random_state", "dict")

HARM = {
    "a class of another module": (put("solver", {"object": "os.system", "state": {}}), "class 'os.system'"),
    "a class that is private": (put("solver", {"object": "estimators._BaseMLP", "state": {}}), "none that a file may"),
    "a class that is no text": (put("solver", {"object": ["os"], "state": {}}), "none that a file may"),
    "another kind of tree": (put("solver", {"reduce": ["os.system", "true"]}), "where a value is to be"),
    "a wrong component": (put("solver", {"object": "losses.LogLoss", "state": {"label_smoothing": 0.0}}), "'solver'"),
    "a component without parameters": (
        put("solver", {"object": "optimizers.Adam", "state": {}}),
        "lacks the parameter",
    ),
    "a bad parameter": (put("alpha", -1), "'alpha' parameter"),
    "a parameter that is not finite": (put("alpha", {"float": "nan"}), "'alpha' parameter"),
    "a bad parameter within a component": (
        put("loss", {"object": "losses.LogLoss", "state": {"label_smoothing": 7.0}}),
        "label_smoothing",
    ),
    "no parameter": (drop("alpha"), "lacks the parameter 'alpha'"),
    "a method hidden": (put("predict", 1), "attribute 'predict'"),
    "the checks hidden": (put("_parameter_constraints", {"dict": []}), "attribute '_parameter_constraints'"),
    "a dunder": (put("__class__", 1), "attribute '__class__'"),
    "a name that is none": (put("a b", 1), "attribute 'a b'"),
    "callbacks of scikit-learn": (put("_skl_callbacks", []), "attribute '_skl_callbacks'"),
    "the rule of an optimizer": (put(*OPTIMIZER, "optimizer", "state", "rule", "nadam"), "attribute 'rule'"),
    "no coefs_ but a tensor": (drop("coefs_"), "does not need"),
    "no intercepts_": (lambda forged: (drop("intercepts_")(forged), forged.drop("intercepts_")), "intercepts_"),
    "no classes_": (lambda forged: (drop("classes_")(forged), forged.drop("classes_")), "classes_"),
    "no optimizer": (put("_optimizer", 1), "tensors that the model does not need|_optimizer"),
    "coefs_ of another shape": (shape("coefs_.0", (5, 3)), r"intercepts_\[0\] does not fit"),
    "coefs_ that are no chain": (shape("coefs_.1", (9, 3)), r"coefs_\[1\] does not fit"),
    "coefs_ without features": (shape("coefs_.0", (0, 4)), r"coefs_\[0\] is no matrix"),
    "coefs_ of more features": (shape("coefs_.0", (6, 4)), "n_features_in_"),
    "coefs_ of integers": (values("coefs_.0", np.zeros((5, 4), np.int64)), r"coefs_\[0\] is no matrix"),
    "coefs_ of two types": (values("coefs_.1", np.zeros((4, 3), np.float32)), "not all of one type"),
    "intercepts_ of another shape": (shape("intercepts_.1", (4,)), r"intercepts_\[1\] does not fit"),
    "a tensor that is not there": (put("coefs_", 0, {"tensor": "none"}), "tensor 'none' that is not there"),
    "a tensor twice": (put("coefs_", 0, {"tensor": "coefs_.1"}), "not there, or not any more"),
    "a tensor as text": (put("coefs_", 0, {"text": "coefs_.0"}), "has a text that is none"),
    "coefs_ as numbers": (lambda forged: (put("coefs_", [1, 2])(forged), forged.drop("coefs_")), "is no matrix"),
    "gains_": (put("gains_", [None]), "^no error$"),
    "gains_ that are too many": (put("gains_", [None, None]), "gains_ does not fit"),
    "gains_ that nothing asks for": (put("gains_", [{"tensor": "gains"}]), "unlike what activation"),
    "normalization without gains_": (put("normalization", "layer"), "unlike what activation"),
    "input_means_ alone": (put("input_means_", {"tensor": "means"}), "scaling of inputs"),
    "n_outputs_": (put("n_outputs_", 1), "n_outputs_ must be 3; got 1"),
    "n_features_in_": (put("n_features_in_", 2**40), "n_features_in_"),
    "out_activation_": (put("out_activation_", "none"), "out_activation_ must be .*; got 'none'"),
    "names of too many features": (
        put("feature_names_in_", {"objects": list("abcdef"), "shape": [6]}),
        "feature_names_in_ does not fit",
    ),
    "classes that do not fit": (put(*BINARIZER, "classes_", {"text": "few"}), "classes_ differs"),
    "classes that are not sorted": (values("_label_binarizer.classes_", np.zeros((3, 5), np.uint32)), "not sorted"),
    "characters that are none": (values("classes_", np.full((3, 5), 2**31, np.uint32)), "text that is none"),
    "a kind of classes": (put(*BINARIZER, "y_type_", "binary"), "3 classes_ do not fit 3 outputs"),
    "slots that are too many": (put(*SLOTS, [[{"tensor": "s"}] for _ in range(9)]), "not there|slots"),
    "slots that are none": (
        lambda forged: (put(*SLOTS, [[]] * 2)(forged), forged.drop("_optimizer.state.slots")),
        "a slot of Adam",
    ),
    "a slot of another shape": (shape("_optimizer.state.slots.0.0", (3,)), "_optimizer keeps does not fit"),
    "a count of steps": (put(*OPTIMIZER, "n_updates", -1), "n_updates"),
    "an optimizer that is none": (put(*OPTIMIZER, "optimizer", None), "the optimizer of a Descent"),
    "an optimizer without its rate": (lambda forged: forged.tree["state"]["_optimizer"]["state"].pop("_rate"), "_rate"),
    "a random state beside its numbers": (put(*KEY, 1, 1, "dict", 1, 1, 10**6), "RandomState that is none"),
    "a random state of zeros": (
        values("_random_state.state.key", np.zeros(624, np.uint32)),
        "RandomState that is none",
    ),
    "a random state that is short": (values("_random_state.state.key", np.ones(9, np.uint32)), "RandomState that is"),
    "a checkpoint that says nothing": (put("_checkpoint", {"dict": []}), "a checkpoint lacks epoch"),
    "more threads than there may be": (put("n_jobs", 5000), "n_jobs=5000 is more than 1024"),
    "all threads": (put("n_jobs", -1), "^no error$"),
    "a state of a schedule": (put(*OPTIMIZER, "schedule_state", [1, 2]), "schedule_state is none"),
    "a schedule that is none": (put(*OPTIMIZER, "_other_schedule", 5), "its schedule is none"),
    "an optimizer that has no schedule": (put(*OPTIMIZER, "_schedules_itself", True), "its optimizer has no schedule"),
    "an integer of many digits": (put("n_iter_", 10**400), "bits"),
    "an array of a claimed shape": (put("x", {"objects": [], "shape": [10**12]}), "shape that is none"),
    "an array of objects": (put("x", {"objects": [{"slice": [1, 2, 3]}], "shape": [1]}), "array that is none"),
    "a type that is none": (put("x", {"type": "os.system"}), "type that is none"),
    "a dtype that is none": (put("x", {"dtype": "<U99999999999"}), "dtype that is none"),
    "a scalar too large": (put("x", {"scalar": "int8", "value": 300}), "int8|out of bounds|scalar"),
    "a scalar of another type": (put("x", {"scalar": "float32", "value": "1"}), "scalar that is none"),
    "a key that changes": (put("x", {"dict": [[[1], 2]]}), "key that is none"),
    "a key twice": (put("x", {"dict": [[1, 2], [1, 3]]}), "key twice"),
    "deep lists": (put("x", json.loads("[" * 500 + "]" * 500)), "nested too deeply"),
    "a parameter to be given": (
        put("loss", {"unsaved": "f", "parameter": "loss"}),
        r"saved with loss=f.*load\(path, loss",
    ),
    "a part of a parameter": (put("loss", {"given": ["loss", "__globals__"]}), "give it"),
    "another model": (
        lambda forged: forged.tree.update(object="optimizers.SGD", state={"learning_rate": 0.1}),
        "lacks|does not need",
    ),
}
MORE = {  # tensors that some of these refer to
    "gains": np.ones(4), "means": np.zeros(5), "few": np.frombuffer("ab".encode("utf-32-le"), np.uint32).reshape(2, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", HARM)
def test_files_made_to_do_harm(path, content, name):
    edit, message = HARM[name]
    forged = Forgery(content)
    edit(forged)
    used = json.dumps(forged.tree)
    forged.tensors |= {key: array for key, array in MORE.items() if f'"{key}"' in used}
    if '"few"' in used:
        forged.drop("_label_binarizer.classes_")
    path.write_bytes(forged.content())
    if message == "^no error$":
        load(path).predict(X)
        return
    with pytest.raises(FileError, match=message):
        load(path)


@pytest.mark.parametrize(
    "keys",
    [
        [i * (2**61 - 1) for i in range(1, 70)],
        [{"tuple": [1, i * (2**61 - 1)]} for i in range(70)],
        [{"scalar": "uint64", "value": 7 + i * (2**61 - 1)} for i in range(8)] * 9,
    ],
    ids=["int", "tuple", "twice"],
)
def test_keys_made_to_take_long(path, content, keys):
    """Numbers whose hashes are the same make a dict slow: many of them are refused before there is one."""
    forged = Forgery(content)
    forged.tree["state"]["x"] = {"dict": [[key, None] for key in keys]}
    path.write_bytes(forged.content())
    with pytest.raises(FileError, match="a dict made to take long"):
        load(path)
    with pytest.raises(TypeError, match=r"model\._mine is \{.*which no file holds"):
        save(set_attribute(MLPRegressor(), "_mine", {i * (2**61 - 1): None for i in range(1, 70)}), path)


def test_usual_keys_are_no_harm():
    for keys in (
        range(-5000, 5000),
        np.linspace(0, 1, 5000).tolist(),
        [2.0**i for i in range(-1000, 1000)],
        MANY_PAIRS,
    ):
        values = dict.fromkeys(keys)
        assert copied(values) == values


MANY_PAIRS = [(i, j / 7) for i in range(70) for j in range(70)]


def test_checkpoints_made_to_do_harm(path):
    """What is loaded is resumed, or refuses the samples; no forgery does anything else."""
    content = BASES["checkpoint"]()
    names = [name for name, _ in Forgery(content).tree["state"]["_checkpoint"]["dict"]]
    assert set(names) == set(checks._TRAINING)
    places = [("_checkpoint", name) for name in names] + [(name, None) for name in checks._PROGRESS]
    n_refused = 0
    for attribute, name in places:
        for value in ("none", *(value for value in VALUES if value != {"tensor": "coefs_.0"})):
            forged = Forgery(content)
            state = forged.tree["state"]
            pairs = state[attribute]["dict"] if name else [["", None]]
            (at,) = (i for i, pair in enumerate(pairs) if pair[0] == (name or ""))
            if value == "none":
                pairs.pop(at) if name else state.pop(attribute)
            elif name:
                pairs[at][1] = value
            else:
                state[attribute] = value
            forged.drop(".".join(filter(None, (attribute, name))))
            path.write_bytes(forged.content())
            try:
                model = load(path)
            except FileError:
                n_refused += 1
                continue
            assert value != "none", (attribute, name)
            with contextlib.suppress(ValueError):
                model.set_params(n_jobs=1).resume(mutations.X, mutations.LABELS == "otter")
    assert n_refused > 0.5 * len(places) * len(VALUES)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("order", lambda array: array + 1),
        ("order", lambda array: array[:-1]),
        ("order", lambda array: array.astype(np.int32)),
        ("held_out", lambda array: array[::-1] * 2),
        ("best.params", lambda array: array[1:]),
        ("best.params", lambda array: array.astype(np.int64)),
        ("best.running.0", lambda array: array[:, :1]),
    ],
)
def test_checkpoints_with_other_arrays(path, name, edit):
    forged = Forgery(BASES["checkpoint"]())
    forged.tensors[f"_checkpoint.{name}"] = edit(forged.tensors[f"_checkpoint.{name}"])
    path.write_bytes(forged.content())
    with pytest.raises(FileError, match=r"of a checkpoint|order of the rows"):
        load(path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("categories_", [{"tensor": "c"}]), "categories_ does not fit|not there"),
        (put("_n_features_outs", [1, 1]), "_n_features_outs is wrong"),
        (put("_infrequent_enabled", True), "infrequent"),
        (put("_infrequent_enabled", None), "_infrequent_enabled"),
        (put("n_features_in_", 7), "categories_ does not fit"),
        (values("c", [3, 2, 1, 0]), "not sorted"),
        (put("_drop_idx_after_grouping", {"objects": [9, None], "shape": [2]}), "dropped categories"),
    ],
)
def test_encoders_made_to_do_harm(path, edit, message):
    """Their sparse matrices would have elements outside, which SciPy does not look for."""
    encoder = OneHotEncoder().fit(FRAME[["b", "c"]].to_numpy(dtype=object)[:, :2])
    encoder.categories_[1] = encoder.categories_[1].astype(int)
    save(make_pipeline(encoder, MLPRegressor()), path)
    forged = Forgery(path.read_bytes())
    (name,) = forged.tensors
    forged.tensors = {"c": forged.tensors[name]}
    inner = forged.tree["state"]["steps"][0]["tuple"][1]
    inner["state"]["categories_"][1] = {"tensor": "c"}
    whole, forged.tree = forged.tree, inner
    edit(forged)
    forged.tree = whole
    path.write_bytes(forged.content())
    with pytest.raises(FileError, match=message):
        load(path)


def test_headers_made_to_do_harm(path, content):
    """Each is looked through before anything of its size is made."""
    header, data = content[8 : 8 + int.from_bytes(content[:8], "little")], content[8 + len(content) :]
    for text, message in [
        (header.replace(b'"shape":[5,4]', b'"shape":[5,NaN]'), "number NaN"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,1e999]'), "number 1e999"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,4.0]'), "has the shape"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,-4]'), "has the shape"),
        (header.replace(b'"shape":[5,4]', b'"shape":[99999999,99999999]'), "does not fit its"),
        (header.replace(b'"shape":[5,4]', b'"shape":[' + b"9" * 5000 + b"]"), "header cannot be read"),
        (header.replace(b'"shape":[5,4]', b'"dtype":"F64","shape":[5,4]'), "name twice"),
        (header.replace(b'"dtype":"F64"', b'"dtype":"F80"', 1), "does not describe"),
        (header.replace(b'"data_offsets":[0,', b'"data_offsets":[1,'), "does not fit|leave something out"),
        (b"[" * 100_000, "header cannot be read"),
        (b"{}", "metadata do not say so"),
        (b"null", "metadata do not say so"),
        (b"\xff" * 10, "header cannot be read"),
        (b'{"__metadata__":{"format":"fastmlp","version":"1"}}', "metadata lack"),
    ]:
        assert text != header
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + len(header) :] + data)
        with pytest.raises(FileError, match=message):
            load(path)
    for length in (2**63, 2**64 - 1, 10**9, len(content) + 1, 0, 1):
        refused(path, struct.pack("<Q", length) + content[8:])


def test_mutants(tmp_path):
    """None crashes, hangs or makes anything large; `python -m tests.mutations 100000` tries more, in less memory."""
    for number, mutant in mutants(int(os.environ.get("FASTMLP_MUTATIONS", "2000")), seed=0):
        try_mutant(mutant, tmp_path / "mutant", number)


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(path):
    write_atomically(path, [b"before"])
    seen = []

    def chunks():
        for chunk in (b"one ", b"two"):
            seen.append((path.read_bytes(), len(os.listdir(path.parent))))
            yield chunk

    write_atomically(str(path), chunks())
    assert path.read_bytes() == b"one two"
    assert seen == [(b"before", 2), (b"before", 2)]
    assert os.listdir(path.parent) == [path.name]


def failing(code):
    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("exists", [False, True])
def test_errors_leave_what_was_there(path, monkeypatch, call, exists):
    if exists:
        path.write_bytes(b"before")
    monkeypatch.setattr(os, call, failing(errno.ENOSPC))
    with pytest.raises(OSError, match="intact" if exists else "there is no file") as caught:
        save(MLPRegressor(), path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert str(path) in str(caught.value)
    assert os.listdir(path.parent) == ([path.name] if exists else [])
    assert not exists or path.read_bytes() == b"before"


def test_an_error_of_the_chunks_leaves_what_was_there(path):
    path.write_bytes(b"before")

    def chunks():
        yield b"after"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, chunks())
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_may_not_be_as_large(path, script):
    assert script(f"""
            import os, resource
            from fastmlp import MLPRegressor
            path = {str(path)!r}
            small, large = MLPRegressor(max_iter=1), MLPRegressor(hidden_layer_sizes=(500, 500))
            small.save(path)
            before = open(path, "rb").read()
            large.fit([[1.0], [2.0]], [1.0, 2.0])
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            try:
                large.save(path)
            except OSError as error:
                print(error.errno, error.filename == path, "intact" in str(error))
            print(open(path, "rb").read() == before, os.listdir(os.path.dirname(path)))
        """).splitlines()[-2:] == [f"{errno.EFBIG} True True", f"True ['{path.name}']"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file") as caught:
        save(MLPRegressor(), tmp_path / "none" / "model")
    assert caught.value.filename == str(tmp_path / "none" / "model")


def test_permissions_are_those_that_open_gives(path):
    for mask in (0o022, 0o077, 0o002):
        before = os.umask(mask)
        try:
            path.unlink(missing_ok=True)
            save(MLPRegressor(), path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        finally:
            os.umask(before)
    path.chmod(0o640)
    save(MLPRegressor(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_lead_to_what_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    link.symlink_to(target)
    save(MLPRegressor(), link)
    assert link.is_symlink()
    assert load(target).get_params() == load(link).get_params()
    assert os.listdir(tmp_path / "folder") == ["target"]


def test_what_is_no_file_stays_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="Not a regular file while writing; what was there is intact"):
            save(MLPRegressor(), place)
    assert os.listdir(tmp_path) == ["pipe"]


def test_long_names(tmp_path):
    save(MLPRegressor(), tmp_path / ("ö" * 127))
    load(tmp_path / ("ö" * 127))


def test_loading_runs_nothing(path, content):
    """No warnings, and no modules: those of scikit-learn's classes are imported only when a file has such."""
    path.write_bytes(content)
    program = (
        "import sys, fastmlp, fastmlp.tables\n"
        "before = set(sys.modules)\n"
        f"fastmlp.load({str(path)!r})\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=persistence.__file__.rpartition("/fastmlp/")[0],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastmlp.load(path)
