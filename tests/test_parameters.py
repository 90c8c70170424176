"""The estimators' parameters: names, and parameters of parameters."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import LeakyReLU
from fastmlp.augmentation import Compose, Noise
from fastmlp.callbacks import EarlyStopping
from fastmlp.initializers import HeNormal
from fastmlp.optimizers import Adam, AdamW
from fastmlp.schedules import Cosine, OneCycle
from tests.estimator_cases import X_IRIS, Y_IRIS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("everyday", "canonical"),
    [
        ({"activation": "sigmoid"}, {"activation": "logistic"}),
        ({"activation": "Linear"}, {"activation": "identity"}),
        ({"activation": "ReLU"}, {"activation": "relu"}),
        ({"activation": "LeakyReLU"}, {"activation": "leaky_relu"}),
        ({"activation": "swish"}, {"activation": "silu"}),
        ({"activation": "HardSwish"}, {"activation": "hard_swish"}),
        ({"activation": ["Sigmoid"]}, {"activation": ["logistic"]}),
        ({"loss": "MSE"}, {"loss": "squared_error"}),
        ({"loss": "mean_squared_error"}, {"loss": "squared_error"}),
        ({"solver": "Adam"}, {"solver": "adam"}),
        ({"solver": "SGD"}, {"solver": "sgd"}),
        ({"solver": "RMSProp"}, {"solver": "rmsprop"}),
        ({"solver": "Adam_W"}, {"solver": "adamw"}),
        ({"solver": "L-BFGS"}, {"solver": "lbfgs"}),
        ({"solver": "sgd", "learning_rate": "InvScaling"}, {"solver": "sgd", "learning_rate": "invscaling"}),
        ({"learning_rate": "OneCycle"}, {"learning_rate": "one_cycle"}),
        ({"learning_rate": "cosine_annealing"}, {"learning_rate": "cosine"}),
        ({"learning_rate": "StepLR"}, {"learning_rate": "step_decay"}),
        ({"weight_init": "xavier"}, {"weight_init": "glorot_uniform"}),
        ({"weight_init": "He"}, {"weight_init": "he_normal"}),
        ({"weight_init": "kaiming_uniform"}, {"weight_init": "he_uniform"}),
        ({"bias_init": "Zeros"}, {"bias_init": "zeros"}),
        ({"weight_init": "Auto", "bias_init": "Auto"}, {}),
        ({"normalization": "BatchNorm"}, {"normalization": "batch"}),
        ({"normalization": "layer_norm"}, {"normalization": "layer"}),
        ({"dtype": np.float32}, {"dtype": "float32"}),
        ({"dtype": "single"}, {"dtype": "float32"}),
        ({"dtype": "bf16"}, {"dtype": "bfloat16"}),
        ({"dtype": float}, {"dtype": "float64"}),
        ({"augment": "gaussian_noise"}, {"augment": "noise"}),
        ({"batch_size": "AUTO"}, {}),
    ],
    ids=str,
)
def test_everyday_names(cls, everyday, canonical, tmp_path):
    """They are those of scikit-learn: in the fit to the bit, in reprs, parameters, copies and files."""
    rest = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    expected = cls(**rest, **canonical).fit(X_IRIS, Y_IRIS)
    given = cls(**rest, **everyday)
    attributes = cls(**rest)
    for name, value in everyday.items():
        setattr(attributes, name, value)
    for estimator in (given, cls(**rest).set_params(**everyday), clone(given), clone(clone(given)), attributes):
        assert repr(estimator) == repr(expected)
        assert repr(make_pipeline(estimator)) == repr(make_pipeline(expected))
        assert estimator.get_params() == expected.get_params()
    given.fit(X_IRIS, Y_IRIS)
    for ours, theirs in zip(given.coefs_ + given.intercepts_, expected.coefs_ + expected.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(given.predict(X_IRIS), expected.predict(X_IRIS))
    given.save(tmp_path / "model")
    assert repr(fastmlp.load(tmp_path / "model")) == repr(expected)


@pytest.mark.parametrize(
    ("own", "everyday", "canonical"),
    [
        (MLPClassifier, {"loss": "cross_entropy"}, {"loss": "log_loss"}),
        (MLPClassifier, {"loss": "bce"}, {"loss": "log_loss"}),
        (MLPClassifier, {"loss": "Hinge_Loss"}, {"loss": "hinge"}),
        (MLPClassifier, {"loss": "CrossEntropyLoss", "label_smoothing": 0.1}, {"label_smoothing": 0.1}),
        (MLPClassifier, {"class_weight": "Balanced"}, {"class_weight": "balanced"}),
        (MLPRegressor, {"loss": "MAE"}, {"loss": "absolute_error"}),
        (MLPRegressor, {"loss": "l1"}, {"loss": "absolute_error"}),
        (MLPRegressor, {"loss": "quantile"}, {"loss": "pinball"}),
        (MLPRegressor, {"loss": "SmoothL1Loss"}, {"loss": "huber"}),
    ],
    ids=str,
)
def test_everyday_names_of_one_kind(own, everyday, canonical, tmp_path):
    test_everyday_names(own, everyday, canonical, tmp_path)


def test_a_search_takes_everyday_names():
    grid = {"activation": ["sigmoid", "ReLU"], "solver": ["Adam", "SGD"], "callbacks__0__patience": [1, 2]}
    base = MLPClassifier((3,), max_iter=2, random_state=0, callbacks=[EarlyStopping("loss")])
    search = GridSearchCV(base, grid, cv=2, error_score="raise").fit(X_IRIS, Y_IRIS)
    assert len(search.cv_results_["params"]) == 8
    best = search.best_estimator_
    assert best.activation in ("logistic", "relu")
    assert best.callbacks[0].patience == search.best_params_["callbacks__0__patience"]
    assert base.callbacks[0].patience == 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"learning_rate": 0.01},
            r"'learning_rate' parameter .* A rate is learning_rate_init=0\.01; learning_rate says how",
        ),
        ({"solver": Adam}, r"Give an object instead of its class: Adam\(\)\."),
        ({"activation": "sigmoyd"}, r"activation='sigmoyd' is not known; known are 'logistic', "),
        ({"normalization": "bathc"}, r"'normalization' parameter .* Got 'bathc'"),
        ({"dtype": np.float16}, r"'dtype' parameter .* Got <class 'numpy\.float16'>"),
        ({"scoring": "acurracy"}, r"^scoring='acurracy' is none: 'acurracy' is not a valid scoring"),
        ({"scoring": "acurracy"}, r"valid options\. Did you mean 'accuracy' or "),
        ({"scoring": "AUC"}, r" Did you mean 'roc_auc'\?$"),
        ({"scoring": "mse"}, r" Did you mean 'neg_mean_squared_error'\?$"),
        ({"scoring": "log_loss"}, r" Did you mean 'neg_log_loss'"),
        ({"scoring": "##"}, r"valid options\.$"),
        ({"learning_rate_init": "CosineDecay"}, r" A schedule is learning_rate='cosine'; learning_rate_init is the"),
        ({"learning_rate_init": Cosine(0.1)}, r" A schedule is learning_rate=Cosine\(learning_rate=0\.1\); "),
        ({"learning_rate_init": "0.1"}, r"'0\.1' instead\.$"),
        ({"learning_rate_init": [1]}, r"\[1\] instead\.$"),
        ({"callbacks": EarlyStopping()}, r" Write callbacks=\[EarlyStopping\(\)\]\.$"),
        ({"solver": AdamW("OneCycleLR")}, r"^The 'learning_rate' parameter of AdamW .* of its name: OneCycle\(\)\.$"),
        ({"solver": AdamW("quux")}, r"'quux' instead\.$"),
        ({"solver": AdamW(OneCycle)}, r"of AdamW is the class OneCycle\. Give an object instead .*: OneCycle\(\)\.$"),
        ({"weight_init": HeNormal}, r"^weight_init must be an object instead of its class: HeNormal\(\)"),
        ({"scoring": []}, r"^scoring=\[\] is none: "),
    ],
)
def test_what_names_do_not_mean(cls, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        cls(hidden_layer_sizes=(3,), max_iter=1, **params).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"solver__learning_rate": 0.1},
            r"^Cannot set solver__learning_rate: solver='adam' is a name, and has no parameters\."
            r" Write solver=Adam\(learning_rate=0\.1\), or set learning_rate_init\.$",
        ),
        ({"solver": "Adam_W", "solver__beta_1": 0.5}, r"Write solver=AdamW\(beta_1=0\.5\), or set beta_1\."),
        ({"solver__momentum": 0.5}, r"Write solver=SGD\(momentum=0\.5\)\.$"),
        ({"solver": "sgd", "solver__nesterov": False}, r"SGD\(nesterov=False\), or set nesterovs_momentum"),
        ({"solver__learning_rate__n_steps": 5}, r"Write solver=Adam\(learning_rate=\.\.\.\)"),
        ({"solver__quux": 0.5}, r"has no parameters\.$"),
        ({"solver__lr": 0.5}, r" Write solver=Adam\(learning_rate=0\.5\), or set learning_rate_init\.$"),
        ({"loss": "focal", "loss__gama": 0.5}, r" Write loss=Focal\(gamma=0\.5\)\.$"),
        ({"activation__negative_slope": 0.1}, r"Write activation=LeakyReLU\(negative_slope=0\.1\)\.$"),
        ({"activation": "lrelu", "activation__negative_slope": 0.1}, r"activation='leaky_relu' is a name.*LeakyReLU"),
        ({"activation": ["relu"], "activation__0__alpha": 0.1}, r"Write activation__0=ELU\(alpha=0\.1\)\.$"),
        ({"loss__delta": 2.0}, r"Write loss=Huber\(delta=2\.0\)\.$"),
        ({"loss": np.sum, "loss__delta": 2.0}, r"loss=<function sum .* has no parameters\. Write loss=Huber"),
        (
            {"learning_rate__pct_start": 0.1},
            r"learning_rate='constant' is a name.* learning_rate=OneCycle\(pct_start=0\.1",
        ),
        ({"weight_init__gain": 2}, r"Write weight_init=Orthogonal\(gain=2\)\.$"),
        ({"augment__alpha": 1.0}, r"augment=None has no parameters\. Write augment=Mixup\(alpha=1\.0\)\.$"),
        (
            {"augment": "mixup", "augment__alpha": 1.0},
            r"augment='mixup' is a name.* Write augment=Mixup\(alpha=1\.0\)\.$",
        ),
        (
            {"callbacks__0__patience": 3},
            r"callbacks=None has no parameters\. Write callbacks=\[EarlyStopping\(patience=3\)\]",
        ),
        ({"callbacks": [], "callbacks__0__patience": 3}, r"callbacks has no element 0: there are 0"),
        ({"callbacks": [EarlyStopping()], "callbacks__patience": 3}, r"write callbacks__0__patience"),
        ({"callbacks": [EarlyStopping()], "callbacks__0__patienc": 3}, r"Did you mean 'patience'\?"),
        ({"alpha__x": 3}, r"Cannot set alpha__x: alpha=0\.0001 has no parameters\.$"),
    ],
    ids=str,
)
def test_parameters_of_names(cls, params, message):
    estimator = cls()
    before = repr(estimator)
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**params)
    assert repr(estimator) == before or "callbacks" in params


def test_parameters_of_parts(cls):
    estimator = cls(solver=Adam(), callbacks=[EarlyStopping()], augment=Compose(["mixup", Noise()]))
    estimator.set_params(solver__learning_rate=0.5, callbacks__0__patience=3, augment__augmentations__1__std=0.25)
    assert estimator.solver.learning_rate == 0.5
    assert estimator.callbacks[0].patience == 3
    assert estimator.augment.augmentations[1].std == 0.25
    assert estimator.get_params()["callbacks__0__patience"] == 3
    assert cls().set_params(hidden_layer_sizes=(5, 3), hidden_layer_sizes__1=4).hidden_layer_sizes == (5, 4)
    assert cls(activation=["relu", LeakyReLU()]).set_params(activation__0="SiLU").activation[0] == "silu"
