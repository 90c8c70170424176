"""Names in files: they stay as they are, wherever a class moves, and each names one class that checks itself."""

import re

import pytest

from fastmlp import MLPClassifier, MLPRegressor, TableModel, registration, zoo
from fastmlp.activations import ACTIVATIONS
from fastmlp.augmentation import AUGMENTATIONS
from fastmlp.components import Component
from fastmlp.initializers import INITIALIZERS
from fastmlp.losses import NAMED_LOSSES
from fastmlp.optimizers import OPTIMIZERS, Descent
from fastmlp.persistence import classes
from fastmlp.registration import class_of, is_model, name_of, stored_as, stored_later, stored_names
from fastmlp.schedules import SCHEDULES

# A name that is in this list is in files of users: it must not change, and must not get another meaning.
LIST = """
    Autoencoder BoltzmannMachine DeepBeliefNetworkClassifier ELMClassifier ELMRegressor EchoStateRegressor GAN
    HopfieldNetwork LiquidReservoir MLPClassifier MLPRegressor MarkovChain RBFClassifier RBFRegressor
    RestrictedBoltzmannMachine SelfOrganizingMap TableModel TabularClassifier TabularRegressor
    VariationalAutoencoder

    activations.ELU activations.GELU activations.HardSigmoid activations.HardSwish activations.Identity
    activations.LeakyReLU activations.Logistic activations.Mish activations.PReLU activations.ReLU activations.SELU
    activations.SiLU activations.Softplus activations.Step activations.Tanh

    augmentation.Compose augmentation.Contrast augmentation.Mixup augmentation.Noise augmentation.Reflect
    augmentation.Rotate augmentation.Skew augmentation.Translate

    callbacks.CSVLogger callbacks.EarlyStopping callbacks.LayerStatistics callbacks.LearningRateFinder callbacks.MLflow
    callbacks.ModelCheckpoint callbacks.ProgressBar callbacks.ReduceOnPlateau callbacks.TensorBoard
    callbacks.TerminateOnNaN

    initializers.Auto initializers.Constant initializers.GlorotNormal initializers.GlorotUniform initializers.HeNormal
    initializers.HeUniform initializers.LecunNormal initializers.LecunUniform initializers.Normal
    initializers.Orthogonal initializers.Pretrained initializers.Uniform initializers.Zeros

    inputs.ColumnsLayout

    losses.AbsoluteError losses.CustomLoss losses.Focal losses.Gamma losses.Hinge losses.Huber losses.LogLoss
    losses.Perceptron losses.Pinball losses.Poisson losses.SquaredError losses.SquaredHinge losses.Tweedie

    optimizers.AMSGrad optimizers.Adadelta optimizers.Adagrad optimizers.Adam optimizers.AdamW optimizers.Descent
    optimizers.LBFGS optimizers.Lion optimizers.Muon optimizers.Nadam optimizers.RMSprop optimizers.Rprop
    optimizers.SGD optimizers.ScheduleFreeAdamW

    schedules.Adaptive schedules.Constant schedules.CosLog4 schedules.Cosine schedules.CosineRestarts
    schedules.Exponential schedules.FlatCos schedules.Function schedules.InvScaling schedules.Linear schedules.OneCycle
    schedules.Polynomial schedules.ReduceOnPlateau schedules.StepDecay schedules.WarmUp


    tabular.BinnedNumbers tabular.Bins tabular.Categories tabular.Checkpoint tabular.ClassTargets tabular.Dates
    tabular.FoldScores tabular.FoldTrees tabular.FrequentValues tabular.Kind tabular.LeafCodes tabular.Member
    tabular.Numbers tabular.QuantileBand tabular.RankedNumbers tabular.ScaledNumbers tabular.Spans tabular.TableColumns
    tabular.TableEncoding tabular.TargetEnsemble

    zoo.RidgeReadout zoo.Tied
"""


NAMES = sorted(LIST.split())


@pytest.fixture
def registry(monkeypatch):
    """The registry, which is as before after the test."""
    for name in ("_classes", "_names", "_importers"):
        monkeypatch.setattr(registration, name, dict(getattr(registration, name)))


def test_names_in_files_stay():
    assert stored_names() == NAMES
    theirs = {name: cls for name, cls in classes().items() if name.startswith("sklearn.")}
    assert classes().keys() - theirs.keys() == set(NAMES)
    assert all(cls.__module__.startswith("sklearn.") for cls in theirs.values())


@pytest.mark.parametrize("name", NAMES)
def test_each_name_has_one_class_and_each_class_one_name(name):
    cls = class_of(name)
    assert name_of(cls) == name
    assert cls.__name__ == name.rpartition(".")[2]
    assert cls.__module__.startswith("fastmlp.")


def test_whatever_has_a_name_for_users_has_one_in_files():
    registries = [OPTIMIZERS, SCHEDULES, ACTIVATIONS, INITIALIZERS, AUGMENTATIONS, NAMED_LOSSES]
    members = {cls for registry in registries for cls in registry.values()}
    assert all(name_of(cls) for cls in {*members, MLPClassifier, MLPRegressor, TableModel, Descent})


def test_models_are_those_without_a_family():
    models = {"MLPClassifier", "MLPRegressor", "TableModel", "TabularClassifier", "TabularRegressor", *zoo.__all__}
    assert {name for name in NAMES if is_model(name)} == models
    assert not is_model(None)


def test_subclasses_and_other_classes_have_no_name():
    class Mine(MLPRegressor):
        pass

    for cls in (Mine, int, Component):
        assert name_of(cls) is None
    assert class_of("optimizers.Newton") is None


def gain(module):
    return type("Gain", (Component,), {"__module__": module})


def test_two_classes_with_one_name_fail_where_the_second_is_defined(registry):
    first, second = gain("fastmlp.first"), gain("fastmlp.second")
    assert stored_as("examples.Gain")(first) is first
    message = "Two classes have the name 'examples.Gain' in files: fastmlp.first.Gain and fastmlp.second.Gain"
    with pytest.raises(ValueError, match=re.escape(message)):
        stored_as("examples.Gain")(second)
    assert class_of("examples.Gain") is first
    assert name_of(second) is None


def test_a_module_that_is_imported_again_defines_its_classes_anew(registry):
    stored_as("examples.Gain")(gain("fastmlp.first"))
    again = stored_as("examples.Gain")(gain("fastmlp.first"))
    assert class_of("examples.Gain") is again


def test_a_class_must_check_what_a_file_says_of_it(registry):
    with pytest.raises(TypeError, match="Unchecked has no method check_state"):

        @stored_as("examples.Unchecked")
        class Unchecked:
            pass


def test_a_module_is_imported_when_one_of_its_classes_is_asked_for(registry):
    imported = []

    def importer():
        imported.append("module")
        stored_as("examples.Gain")(gain("fastmlp.first"))

    stored_later(["examples.Gain", "examples.Loss"], importer)
    assert {"examples.Gain", "examples.Loss"} <= set(stored_names())
    assert class_of("optimizers.Newton") is None
    assert imported == []
    assert class_of("examples.Gain").__name__ == "Gain"
    assert class_of("examples.Gain") is class_of("examples.Gain")
    assert imported == ["module"]
