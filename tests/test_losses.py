"""The table of losses, what the objects choose from it, and options on their way through a training step."""

import copy
import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fastmlp import MLPClassifier, engine, losses
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import (
    CLASS_TARGET_LOSSES,
    LOSSES,
    NAMED_LOSSES,
    OUTPUT_ACTIVATIONS,
    CustomLoss,
    Loss,
    check_loss_options,
    engine_targets,
    loss_of,
    target_range,
)
from tests import reference

KINDS = ("binary", "multiclass", "multilabel", "numbers")
# Each loss with parameters other than the default ones.
CHANGED = {
    "log_loss": {"label_smoothing": 0.25},
    "huber": {"delta": 2.5},
    "pinball": {"quantile": (0.1, 0.9)},
    "tweedie": {"power": 1.25},
    "focal": {"gamma": 0.5},
}
every_loss = pytest.mark.parametrize("name", NAMED_LOSSES)


def test_every_loss_has_an_oracle_and_a_line_in_the_table():
    assert set(LOSSES) == set(OUTPUT_ACTIVATIONS)
    assert set(LOSSES) == set(reference.LOSSES) == set(reference.DELTAS) == set(reference.LINKS)
    for name in LOSSES:
        assert f"\n{name} " in losses.__doc__


def test_class_numbers_are_the_targets_of_losses_over_distributions():
    distributions = {name for name, link in OUTPUT_ACTIVATIONS.items() if link == "softmax"}
    assert set(CLASS_TARGET_LOSSES) == distributions - {"soft_log_loss"}


def test_every_loss_has_a_name_and_every_loss_of_the_engine_is_chosen_by_one():
    assert set(NAMED_LOSSES.values()) == set(Loss.__subclasses__()) - {CustomLoss}
    changed = [NAMED_LOSSES[name](**parameters) for name, parameters in CHANGED.items()]
    chosen = {loss.engine_loss(kind) for loss in [*(c() for c in NAMED_LOSSES.values()), *changed] for kind in KINDS
              if kind in loss.engine_losses}  # fmt: skip
    assert chosen == set(LOSSES)


@every_loss
def test_losses_are_components(name):
    assert NAMED_LOSSES[name].name == name
    parameters = set(inspect.signature(NAMED_LOSSES[name]).parameters)
    assert parameters == set(CHANGED.get(name, {})) == set(NAMED_LOSSES[name]._parameter_constraints)
    for loss in (NAMED_LOSSES[name](), NAMED_LOSSES[name](**CHANGED.get(name, {}))):
        assert loss.validate() is loss
        assert loss_of(loss) is loss
        assert set(loss.get_params()) == parameters
        for other in (clone(loss), copy.deepcopy(loss), eval(repr(loss), vars(losses))):
            assert (type(other), other.get_params(), repr(other)) == (type(loss), loss.get_params(), repr(loss))
    assert repr(loss_of(name)) == f"{NAMED_LOSSES[name].__name__}()"


@every_loss
def test_default_options_are_those_of_the_engine(name):
    loss = loss_of(name)
    default = {reference.DEFAULT_OPTIONS.get(engine_loss) for engine_loss in loss.engine_losses.values()}
    assert default == {loss.engine_options[0] if loss.engine_options else None}
    assert loss.outputs_per_target == 1


BAD = {
    "log_loss": {"label_smoothing": [-0.1, 1, 1.5, np.nan, "x", None]},
    "huber": {"delta": [0, -1.0, np.inf, np.nan, "x"]},
    "pinball": {"quantile": [0, 1, -0.5, np.nan, "x", "0.5", (), [0.5, 1.0], [[0.5]], [0.1, None]]},
    "tweedie": {"power": [1, 2, 0, 3.5, np.nan, "x"]},
    "focal": {"gamma": [-0.5, np.inf, np.nan, "x"]},
}


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [(name, parameter, value) for name in BAD for parameter, values in BAD[name].items() for value in values],
)
def test_bad_parameters(name, parameter, value):
    loss = NAMED_LOSSES[name](**{parameter: value})
    with pytest.raises(
        ValueError, match=rf"The '{parameter}' parameter of {type(loss).__name__} must be .* Got .*"
    ) as e:
        loss_of(loss)
    assert f"Got {value!r} instead" in str(e.value)


def test_every_parameter_is_tried_with_bad_values():
    assert {name: set(values) for name, values in BAD.items()} == {name: set(CHANGED[name]) for name in CHANGED}


def test_names_and_objects():
    with pytest.raises(ValueError, match=r"loss='hubber' is not known; known are 'huber', "):
        loss_of("hubber")
    for bad in (None, 3, Loss):
        with pytest.raises(ValueError, match=r"loss must be a name, a Loss or a callable, got "):
            loss_of(bad)


# ---- what fits what --------------------------------------------------------------------------------------------------

FITTING = {
    "log_loss": {"binary": "binary_log_loss", "multiclass": "log_loss", "multilabel": "binary_log_loss"},
    "squared_error": dict.fromkeys(KINDS[:3], "quadratic") | {"numbers": "squared_error"},
    "hinge": dict.fromkeys(KINDS[:3], "hinge"),
    "squared_hinge": dict.fromkeys(KINDS[:3], "squared_hinge"),
    "perceptron": {"binary": "perceptron", "multilabel": "perceptron"},
    "focal": {"binary": "binary_focal", "multiclass": "focal", "multilabel": "binary_focal"},
}


@pytest.mark.parametrize("kind", KINDS)
@every_loss
def test_which_loss_fits_which_targets(name, kind):
    loss = loss_of(name)
    fitting = FITTING.get(name, {"numbers": name})  # all others are losses of numbers
    if kind in fitting:
        assert loss.engine_loss(kind) == fitting[kind]
        return
    for ask in (loss.engine_loss, loss.has_probabilities, loss.threshold, lambda k: loss.probabilities(np.ones(1), k)):
        with pytest.raises(ValueError, match=rf"The loss '{name}' is for .* targets; got {kind} targets\."):
            ask(kind)


def test_label_smoothing_needs_a_matrix_of_targets_only_for_several_classes():
    loss = losses.LogLoss(label_smoothing=0.1)
    assert [loss.engine_loss(kind) for kind in KINDS[:3]] == ["binary_log_loss", "soft_log_loss", "binary_log_loss"]
    with pytest.raises(ValueError, match=r"'log_loss' is for .*; got numbers targets"):
        loss.engine_loss("numbers")


@pytest.mark.parametrize("kind", KINDS)
@every_loss
def test_what_predictions_are(name, kind):
    loss = loss_of(name)
    if kind not in loss.engine_losses:
        pytest.skip("does not fit")
    outputs = np.array([[0.2, 0.6, 0.8], [0.0, 0.0, 0.0]])
    if loss.has_probabilities(kind):
        assert loss.threshold(kind) == 0.5
        probabilities = loss.probabilities(outputs, kind)
        if OUTPUT_ACTIVATIONS[loss.engine_loss(kind)] == "logistic" and kind == "multiclass":
            np.testing.assert_allclose(probabilities, [[0.125, 0.375, 0.5], [1 / 3, 1 / 3, 1 / 3]])
        else:
            assert probabilities is outputs
        assert name in {"log_loss", "squared_error", "focal"}
    else:
        assert kind == "numbers" or name in {"hinge", "squared_hinge", "perceptron"}
        assert loss.threshold(kind) == 0
        with pytest.raises(ValueError, match=rf"The loss '{name}' gives no probabilities of {kind} targets"):
            loss.probabilities(outputs, kind)


def test_probabilities_keep_their_type(dtype):
    outputs = np.full((2, 4), 0.25, dtype)
    assert losses.SquaredError().probabilities(outputs, "multiclass").dtype == dtype


def test_quantiles_have_outputs_of_their_own():
    for quantile in ([0.1, 0.5, 0.9], np.array([0.1, 0.5, 0.9])):
        loss = loss_of(losses.Pinball(quantile))
        assert (loss.outputs_per_target, loss.engine_options) == (3, (0.1, 0.5, 0.9))
    assert losses.Pinball([0.3]).outputs_per_target == 1


# ---- through a training step -----------------------------------------------------------------------------------------


def trained_gradient(loss, X, targets, params, sizes, order, n_threads, **what):
    trainer = engine.Trainer(
        sizes, "tanh", loss, X.dtype, rule="gradient", max_batch=len(order), n_threads=n_threads, **what
    )
    trainer.load(params)
    weights = np.linspace(0.5, 2, len(X))
    trainer.attach(rows_of(X, X.dtype), targets, weights)
    trainer.begin(order[np.newaxis], len(order), 0.0, (), 0)
    while not trainer.run():
        pass
    gradient = np.empty_like(params)
    trainer.store(None, [gradient])
    return trainer.losses()[0], gradient


@pytest.mark.parametrize("n_outputs", [3, 20])
@pytest.mark.parametrize("loss", LOSSES)
def test_options_and_weights_of_outputs_in_training(loss, n_outputs, isa):
    """One layer: its gradient is X.T @ deltas, its biases' the sum of the deltas, over rows in another order."""
    rng = np.random.default_rng(5)
    sizes, n_rows = (4, n_outputs), 50
    params = rng.standard_normal(5 * n_outputs)
    X = rng.standard_normal((n_rows, 4))
    targets, y = reference.random_targets(loss, (n_rows, n_outputs), X.dtype, rng)
    what, oracle = {}, {}
    if loss in reference.DEFAULT_OPTIONS:
        oracle["option"] = what["loss_options"] = reference.DEFAULT_OPTIONS[loss] * 0.75
    if loss not in CLASS_TARGET_LOSSES:
        oracle["output_weights"] = what["output_weights"] = rng.uniform(0.5, 2, n_outputs)
    order = rng.permutation(n_rows)[:41]
    weights = np.linspace(0.5, 2, n_rows)[order]
    value, gradient = trained_gradient(loss, X, targets, params, sizes, order, 1, isa=isa, **what)
    z = X[order] @ params[: 4 * n_outputs].reshape(4, -1) + params[4 * n_outputs :]
    expected, deltas = reference.row_losses(loss, y[order], z, weights, **oracle)
    np.testing.assert_allclose(value, expected.sum() / weights.sum(), rtol=1e-12)
    whole = np.concatenate([(X[order].T @ deltas).ravel(), deltas.sum(axis=0)]) / weights.sum()
    np.testing.assert_allclose(gradient, whole, rtol=1e-11, atol=1e-12)
    team = trained_gradient(loss, X, targets, params, sizes, order, 3, isa=isa, **what)
    assert team[0] == value
    np.testing.assert_array_equal(team[1], gradient)


def test_the_engine_keeps_copies_of_options():
    rng = np.random.default_rng(6)
    X, y, params = rng.standard_normal((20, 2)), rng.standard_normal((20, 3)), rng.standard_normal(9)
    results = []
    for spoiled in (False, True):
        options = np.array([0.1, 0.2, 0.3])
        trainer = engine.Trainer(
            (2, 3), "tanh", "pinball", X.dtype, rule="gradient", max_batch=20, loss_options=options,
            output_weights=options,
        )  # fmt: skip
        if spoiled:
            options[:] = np.nan
        trainer.load(params)
        trainer.attach(rows_of(X, X.dtype), y)
        trainer.begin(np.arange(20)[np.newaxis], 20, 0.0, (), 0)
        while not trainer.run():
            pass
        results.append(trainer.losses())
    assert results[0] == results[1]


def test_the_trainer_refuses_what_does_not_fit():
    def trainer(loss, **what):
        return engine.Trainer((2, 3), "tanh", loss, np.float64, rule="sgd", max_batch=5, **what)

    with pytest.raises(
        ValueError, match=r"loss_options must be one number or one for each of the 3 outputs, got \[1, 2\]"
    ):
        trainer("pinball", loss_options=[1, 2])
    with pytest.raises(ValueError, match=r"output_weights must be .* each of the 3 outputs, got \[1, 2\]"):
        trainer("pinball", output_weights=[1, 2])
    with pytest.raises(ValueError, match="output_weights are for losses with a matrix of targets, not for log_loss"):
        trainer("log_loss", output_weights=[1, 2, 3])


# ---- targets as users give them --------------------------------------------------------------------------------------

#: The least a target may be, whether it may be that, and the most.
RANGES = {
    **dict.fromkeys(["squared_error", "absolute_error", "huber", "pinball"], (-np.inf, True, np.inf)),
    **dict.fromkeys(["poisson", "tweedie"], (0.0, True, np.inf)),
    "gamma": (0.0, False, np.inf),
}


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - CLASS_TARGET_LOSSES))
def test_targets_are_in_the_range_of_the_loss(loss, dtype):
    least, allowed, most = RANGES.get(loss, (0.0, True, 1.0))
    assert target_range(loss) == (least, allowed, most)
    good, bad = [0.5, 1.0], [np.nan, np.inf, -np.inf]
    (good if least < 0 or allowed else bad).append(0.0)
    (good if least < 0 else bad).extend([-1e-9, -5.0])
    (good if most > 1 else bad).extend([1.0001, 17.0])
    targets = engine_targets(np.array(good)[:, np.newaxis].tolist(), loss, (len(good), 1), dtype)
    assert targets.dtype == dtype
    np.testing.assert_array_equal(targets.ravel(), np.array(good, dtype))
    for value in bad:
        with pytest.raises(ValueError, match=f"targets of the loss '{loss}' must be .*; got "):
            engine_targets([[0.5], [value], [1.0]], loss, (3, 1), dtype)


@pytest.mark.parametrize("loss", sorted(CLASS_TARGET_LOSSES))
def test_class_numbers_are_from_0_to_the_number_of_outputs(loss, dtype):
    for given in ([0, 2, 1], (0, 2, 1), np.array([0, 2, 1], np.uint8), np.array([0, 9, 2, 9, 1, 9])[::2]):
        targets = engine_targets(given, loss, (3, 3), dtype)
        assert targets.dtype == np.int32
        assert targets.flags.c_contiguous
        assert targets.tolist() == [0, 2, 1]
    assert engine_targets([True, False], loss, (2, 2), dtype).tolist() == [1, 0]
    for wrong in (3, -1, 10**9, -5, 2**32, 2**32 + 1, -(2**63)):
        with pytest.raises(ValueError, match=f"'{loss}' must be class numbers from 0 to 2; got {wrong}"):
            engine_targets([0, wrong, 1], loss, (3, 3), dtype)
    for wrong, got in (([0.0, 1.0, 2.0], "float64"), (["a", "b", "c"], "<U1"), ([None] * 3, "object")):
        with pytest.raises(ValueError, match=f"class numbers, integers of shape .3,.; got {got}"):
            engine_targets(wrong, loss, (3, 3), dtype)
    for wrong in ([0, 1], [[0], [1], [2]], 1, np.eye(3, dtype=int)):
        with pytest.raises(ValueError, match=r"class numbers, of shape \(3,\); got shape"):
            engine_targets(wrong, loss, (3, 3), dtype)


def test_targets_of_one_output_may_be_a_vector(dtype):
    for given in ([1, 2], [[1], [2]], np.array([1, 2], np.int8), np.array([1.0, 0, 2.0, 0])[::2]):
        targets = engine_targets(given, "squared_error", (2, 1), dtype)
        np.testing.assert_array_equal(targets, np.array([[1], [2]], dtype))
        assert targets.flags.c_contiguous


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1.0, 2.0], r"must have shape \(2, 3\); got shape \(2,\)"),
        (np.zeros((3, 3)), r"must have shape \(2, 3\); got shape \(3, 3\)"),
        (np.zeros((2, 4)), r"must have shape \(2, 3\); got shape \(2, 4\)"),
        ([["a", "b", "c"]] * 2, "must be real numbers"),
        (np.zeros((2, 3), complex), "must be real numbers"),
        (None, "must be real numbers"),
        ([[1, 2, 3], [4, 5]], "must be real numbers"),
    ],
    ids=str,
)
def test_targets_of_other_shapes_and_kinds_are_refused(targets, message):
    with pytest.raises(ValueError, match=f"targets of the loss 'squared_error' {message}"):
        engine_targets(targets, "squared_error", (2, 3), np.float64)


def test_targets_too_large_for_the_type():
    with pytest.raises(ValueError, match="targets of the loss 'squared_error' must be finite in float32; got inf"):
        engine_targets([1e39], "squared_error", (1, 1), np.float32)


@pytest.mark.parametrize("loss", LOSSES)
def test_options_are_what_the_class_takes(loss):
    good = {"huber": 2.0, "pinball": 0.9, "tweedie": 1.9, "focal": 0.0, "binary_focal": 3.0}
    check_loss_options(loss, ())
    if loss not in good:
        with pytest.raises(ValueError, match=rf"options must be \(\), since the loss '{loss}' has none; got 1.0"):
            check_loss_options(loss, 1.0)
        return
    check_loss_options(loss, good[loss])
    check_loss_options(loss, [good[loss]] * 3)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"options of the loss '{loss}' must be in the range .*; got {bad!r}"):
            check_loss_options(loss, [good[loss], bad])
    with pytest.raises(ValueError, match=f"options of the loss '{loss}' must be in the range .*; got 'a'"):
        check_loss_options(loss, "a")


def test_probabilities_of_a_list():
    assert loss_of("squared_error").probabilities([[0.2, 0.2]], "multiclass").tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("binary", "log_loss"),
        ("binary:logistic", "log_loss"),
        ("multi:softprob", "log_loss"),
        ("multiclass", "log_loss"),
        ("mlogloss", "log_loss"),
        ("logistic", "log_loss"),
        ("regression", "squared_error"),
        ("reg:squarederror", "squared_error"),
        ("regression_l1", "absolute_error"),
        ("reg:absoluteerror", "absolute_error"),
        ("reg:quantileerror", "pinball"),
        ("count:poisson", "poisson"),
        ("reg:gamma", "gamma"),
        ("reg:tweedie", "tweedie"),
    ],
)
def test_names_of_boosted_trees(name, meant):
    """XGBoost's and LightGBM's objectives mean the same losses."""
    assert NAMED_LOSSES.canonical(name) == meant


# ---- margins ---------------------------------------------------------------------------------------------------------


def plane(weights, intercept):
    """A hyperplane as a vector of length 1."""
    numbers = np.append(np.ravel(weights), intercept)
    return numbers / np.linalg.norm(numbers)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("classes", [(0, 1), (0, 2), (1, 2), "cancer"], ids=str)
def test_without_hidden_layers_the_hinge_gives_the_support_vector_machine(loss, classes):
    X, y = load_breast_cancer(return_X_y=True) if classes == "cancer" else load_iris(return_X_y=True)
    chosen = np.isin(y, (0, 1) if classes == "cancer" else classes)
    X, y = StandardScaler().fit_transform(X)[chosen], y[chosen]
    svc = LinearSVC(C=1.0, loss=loss, dual=loss == "hinge", intercept_scaling=100, tol=1e-10, max_iter=3_000_000)
    svc.set_params(random_state=0).fit(X, y)
    clf = MLPClassifier((), loss=loss, alpha=1.0, batch_size=len(X), learning_rate="cosine", learning_rate_init=0.05)
    clf.set_params(max_iter=20_000, n_iter_no_change=np.inf, random_state=0).fit(X, y)
    assert np.abs(plane(clf.coefs_[0], clf.intercepts_[0]) - plane(svc.coef_, svc.intercept_)).max() < 1e-3
