"""Keywords that are no parameters: what is meant by them."""

import pytest

from fastmlp import MLPClassifier
from fastmlp.components.keywords import advice, meant_by, plain, unexpected
from fastmlp.optimizers import OPTIMIZERS
from fastmlp.schedules import SCHEDULES

PARAMETERS = MLPClassifier._get_param_names()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hiden_layer_sizes", "hidden_layer_sizes"),
        ("hiddenLayerSizes", "hidden_layer_sizes"),
        ("hidden_units", "hidden_layer_sizes"),
        ("layers", "hidden_layer_sizes"),
        ("units", "hidden_layer_sizes"),
        ("lr", "learning_rate_init"),
        ("eta", "learning_rate_init"),
        ("learning_rate_initial", "learning_rate_init"),
        ("scheduler", "learning_rate"),
        ("epochs", "max_iter"),
        ("n_epochs", "max_iter"),
        ("max_epochs", "max_iter"),
        ("optimizer", "solver"),
        ("optimiser", "solver"),
        ("weight_decay", "alpha"),
        ("l2", "alpha"),
        ("lambda_", "alpha"),
        ("seed", "random_state"),
        ("verbosity", "verbose"),
        ("batch", "batch_size"),
        ("batchsize", "batch_size"),
        ("n_threads", "n_jobs"),
        ("criterion", "loss"),
        ("objective", "loss"),
        ("metrics", "scoring"),
        ("dropout_rate", "dropout"),
        ("kernel_initializer", "weight_init"),
        ("batch_norm", "normalization"),
        ("skip_connections", "residual"),
        ("validation_split", "validation_fraction"),
        ("train_split", "validation_fraction"),
        ("n_layers", "hidden_layer_sizes"),
        ("num_layers", "hidden_layer_sizes"),
        ("betas", "beta_1"),
        ("eps", "epsilon"),
        ("nesterov", "nesterovs_momentum"),
        ("clipnorm", "gradient_clip_norm"),
        ("early_stoping", "early_stopping"),
        ("class_weights", "class_weight"),
        ("callback", "callbacks"),
        ("Solver", "solver"),
        ("quux", None),
        ("_", None),
    ],
)
def test_what_is_meant(name, meant):
    assert meant_by(name, PARAMETERS) == meant
    if meant is not None:
        with pytest.raises(TypeError, match=rf"argument '{name}'\. .*{meant}"):
            MLPClassifier(**{name: 1})


@pytest.mark.parametrize(
    ("cls", "name", "meant"),
    [
        (OPTIMIZERS["adam"], "lr", "learning_rate"),
        (OPTIMIZERS["adamw"], "wd", "weight_decay"),
        (OPTIMIZERS["adamw"], "eps", "epsilon"),
        (OPTIMIZERS["sgd"], "nesterovs_momentum", "nesterov"),
        (OPTIMIZERS["lbfgs"], "maxiter", "max_iter"),
        (SCHEDULES["cosine"], "T_max", "n_steps"),
        (SCHEDULES["one_cycle"], "max_lr", "learning_rate"),
        (SCHEDULES["one_cycle"], "total_steps", "n_steps"),
        (SCHEDULES["warmup"], "warmup_steps", "n_warmup_steps"),
        (SCHEDULES["polynomial"], "end_learning_rate", "final_rate"),
        (SCHEDULES["cosine"], "eta_min", "final_rate"),
        (SCHEDULES["reduce_on_plateau"], "min_lr", "min_rate"),
        (SCHEDULES["step_decay"], "step_size", "every"),
        (OPTIMIZERS["rmsprop"], "alpha", "rho"),
    ],
)
def test_the_same_name_means_what_the_class_has(cls, name, meant):
    with pytest.raises(
        TypeError,
        match=rf"^{cls.__name__}\.__init__\(\) got an unexpected keyword argument '{name}'\."
        rf" Did you mean '{meant}'\?$",
    ):
        cls(**{name: 1})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("eval_metric", r"It is a parameter of the estimator: MLPClassifier\(scoring=\.\.\.\)\."),
        ("evalset", r"Did you mean 'eval_set'\?"),
        ("evl_set", r"Did you mean 'eval_set'\?"),
        ("learning_rte", r"It is a parameter of the estimator: MLPClassifier\(learning_rate=\.\.\.\)\."),
        ("cat_features", r"fastmlp\.TableModel learns from tables with categories"),
        ("quux", ""),
    ],
)
def test_a_keyword_of_fit_that_the_estimator_takes(name, told):
    """What is known to mean a parameter of the estimator is not taken for one of the method's that it is like."""
    wrong = rf"^MLPClassifier\.fit\(\) got an unexpected keyword argument '{name}'"
    with pytest.raises(TypeError, match=rf"{wrong}\. {told}" if told else f"{wrong}$"):
        MLPClassifier().fit([[0.0], [1.0]], [0, 1], **{name: 1})
    assert meant_by("evl_set", ["eval_set"], guess=False) is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("x_val", "Did you mean 'X_val'?"),
        ("X_valid", "Did you mean 'X_val'?"),
        ("y_test", "Did you mean 'y_val'?"),
        ("eval_sample_weight", "Did you mean 'sample_weight_val'?"),
        ("val_sample_weight", "Did you mean 'sample_weight_val'?"),
        ("validation_data", "Did you mean 'eval_set'?"),
        ("eval_metric", "It is a parameter of the estimator: MLPClassifier(scoring=...)."),
    ],
)
def test_what_fit_does_not_take(name, hint):
    """What a name is known to mean comes before what it is like in letters."""
    with pytest.raises(TypeError) as caught:
        MLPClassifier().fit([[0.0], [1.0]], [0, 1], **{name: 1})
    assert str(caught.value).endswith(f"keyword argument '{name}'. {hint}")


@pytest.mark.parametrize("name", ["X_val", "y_val", "sample_weight_val", "X_test", "y_valid", "eval_set", "valid_sets"])
def test_rows_to_validate_on_go_to_fit(name):
    with pytest.raises(TypeError, match=r"go to fit: .*eval_set=\(X_val, y_val\).*, or .*X_val=\.\.\., y_val=\.\.\."):
        MLPClassifier(**{name: 1})


def test_advice():
    assert plain("L-BFGS_b ") == "lbfgsb"
    assert advice("quux", PARAMETERS, {}) == ""
    assert advice("G P U", PARAMETERS, {"gpu": "None."}) == "None."
    assert str(unexpected("f", "x", "")) == "f() got an unexpected keyword argument 'x'"
