"""Models in files: what comes back is what was saved, and no file does more than fail to load."""

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

from fastmlp import MLPClassifier, MLPRegressor, TableModel
from fastmlp.activations import ACTIVATIONS, Activation, LeakyReLU
from fastmlp.augmentation import Compose, Noise
from fastmlp.callbacks import Callback, EarlyStopping, LayerStatistics, ModelCheckpoint
from fastmlp.callbacks import ReduceOnPlateau as ReduceRate
from fastmlp.initializers import INITIALIZERS
from fastmlp.losses import NAMED_LOSSES, LogLoss, Pinball
from fastmlp.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from fastmlp.persistence import FileError, load, save
from fastmlp.schedules import SCHEDULES, Cosine, Function, ReduceOnPlateau, WarmUp
from tests.files import LABELS, MANY, NUMBERS, Forgery, X, returned, same, set_attribute, state
from tests.mutations import BASES, checkpoint

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning"),  # by partial_fit after the fit
    pytest.mark.filterwarnings("ignore:dtype='bfloat16' is slower than 'float32' here:UserWarning"),
]

# ---- models come back ------------------------------------------------------------------------------------------------

DAYS = np.datetime64("2024-02-28", "D") + np.argmax(X[:, :3], axis=1)
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
    """Attributes, predictions and parameters after further training are the same, to the last bit."""
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
    [LABELS, LABELS == "otter", MANY, np.where(X[:, 0] > 0, 10, -3), LABELS.astype(object), DAYS, DAYS - DAYS.min()],
    ids=["text", "truth", "several", "numbers", "objects", "dates", "spans"],
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
        with pytest.raises(TypeError, match=r"save takes fastmlp's estimators and TableModel, and.*; got"):
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


def holding_itself():
    values = []
    values.append(values)
    return values


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
    """A file says which parameters it lacks; given to load, they do what they did, in a training under way, too."""
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
    """Each callback in the list knows again what it knew, to the last bit, but for what no file can hold."""
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
    """Callbacks in place of saved ones of the same classes go on where those were."""
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
    """The memory is a folder of pickles, which a file must not name."""
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
    forged.tree = Forgery(BASES["regressor"]()).tree  # this model has no part of scikit-learn's
    forged.tensors = Forgery(BASES["regressor"]()).tensors
    path.write_bytes(forged.content())
    load(path)


# ---- what loading and saving import --------------------------------------------------------------------------------


def test_loading_runs_nothing(path, content, script):
    """Loading gives no warnings and imports no modules, unless a file holds classes whose modules are not imported."""
    path.write_bytes(content)
    assert (
        script(f"""
            import sys, warnings, fastmlp
            warnings.simplefilter("error")
            before = set(sys.modules)
            fastmlp.load({str(path)!r})
            print(sorted(set(sys.modules) - before))
        """)
        == "[]"
    )


def test_models_of_numbers_need_no_tables(path, script):
    assert (
        script(f"""
            import sys, fastmlp
            reg = fastmlp.MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs").fit([[1.0], [2.0]], [1.0, 2.0])
            fastmlp.save(reg, {str(path)!r})
            fastmlp.load({str(path)!r}).predict([[1.0]])
            print([name for name in sys.modules if name.startswith("fastmlp.tables")])
        """)
        == "[]"
    )


def test_a_model_whose_module_is_not_imported_is_loaded(path, script):
    frame = FRAME.assign(y=LABELS)
    model = TableModel("y", effort="fast", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(frame)
    save(model, path)
    assert (
        script(f"""
            import sys, fastmlp
            assert "fastmlp.tables" not in sys.modules
            model = fastmlp.load({str(path)!r})
            print(type(model) is fastmlp.TableModel, model.classes_)
        """)
        == f"True {model.classes_}"
    )
