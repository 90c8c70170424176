"""EchoStateRegressor: states of the oracle, a readout by ridge regression, generation, and what is known of memory."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp.exceptions import DivergenceWarning
from fastmlp.zoo import EchoStateRegressor
from fastmlp.zoo.echo_state import spectral_radius
from tests.zoo import contract, oracle_reservoirs

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (300, 2))
Y = np.stack([np.roll(X[:, 0], 2) * X[:, 1], np.roll(X[:, 1], 1)], axis=1)
LISTS = np.split(X, [60, 200]), np.split(Y, [60, 200])
SMALL = {"n_units": 25, "washout": 10, "alpha": 1e-4, "random_state": 0}

# A prediction depends on the steps before it, so rows can be neither shuffled nor taken one by one.
OF_SEQUENCES = {
    "check_methods_sample_order_invariance": "rows are steps of one sequence",
    "check_methods_subset_invariance": "rows are steps of one sequence",
}


@parametrize_with_checks(
    [EchoStateRegressor(30, washout=0, **more) for more in ({}, {"feedback": 0.1}, {"continues": True})],
    expected_failed_checks=lambda _: OF_SEQUENCES,
)
@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.SingularReadoutWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- right values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feedback", [0.0, 0.5])
@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("leak", [1.0, 0.4])
def test_the_readout_is_a_ridge_regression_on_the_oracles_states(feedback, direct, leak):
    model = EchoStateRegressor(**SMALL, feedback=feedback, direct=direct, leak=leak).fit(*LISTS)
    states = [oracle_reservoirs.echo_states_of(model, x, y)[0] for x, y in zip(*LISTS, strict=True)]
    units = np.concatenate([np.hstack([x, h] if direct else [h])[10:] for x, h in zip(LISTS[0], states, strict=True)])
    wanted = Ridge(1e-4, solver="cholesky").fit(units, np.concatenate([y[10:] for y in LISTS[1]]))
    np.testing.assert_allclose(model.coef_, wanted.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(model.intercept_, wanted.intercept_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(model.final_state_, states[-1][-1], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.final_output_, LISTS[1][-1][-1])

    found, hidden = model.predict(LISTS[0]), model.transform(LISTS[0])
    for x, y, h in zip(LISTS[0], found, hidden, strict=True):
        states, outputs = oracle_reservoirs.echo_states_of(model, x)
        np.testing.assert_allclose(h, states, rtol=0, atol=1e-9)
        np.testing.assert_allclose(y, outputs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("n_units", "density"), [(1, None), (2, 0.4), (7, 0.01), (120, None), (220, None), (220, 0.5)])
def test_the_spectral_radius_is_exact(n_units, density):
    model = EchoStateRegressor(n_units, density=density, spectral_radius=0.77, washout=0, random_state=1, alpha=1.0)
    W = model.fit(X, Y).recurrent_weights_
    assert np.abs(np.linalg.eigvals(W.toarray())).max() == pytest.approx(0.77, rel=1e-12)
    n_heard = max(1, round((min(1, 10 / n_units) if density is None else density) * n_units))
    assert (np.diff(W.indptr) == n_heard).all()
    assert spectral_radius(W) == spectral_radius(W.copy())


def test_scalings():
    model = EchoStateRegressor(1000, density=0.003, input_scaling=3, bias_scaling=0.5, feedback=0.1, random_state=0)
    model.set_params(alpha=1.0).fit(X, Y)
    for weights, scale in ((model.input_weights_, 3), (model.biases_, 0.5), (model.feedback_weights_, 0.1)):
        assert 0.99 * scale < np.abs(weights).max() < scale and abs(weights.mean()) < 0.05 * scale


def test_forms_are_one_another():
    whole = EchoStateRegressor(**SMALL).fit(*LISTS)
    rows = EchoStateRegressor(**SMALL).fit(X, Y, lengths=[60, 140, 100])
    np.testing.assert_array_equal(rows.coef_, whole.coef_)
    np.testing.assert_array_equal(rows.predict(X, [60, 140, 100]), np.concatenate(whole.predict(LISTS[0])))
    np.testing.assert_array_equal(rows.transform(X, [60, 140, 100]), np.concatenate(whole.transform(LISTS[0])))
    assert rows.score(X, Y, lengths=[60, 140, 100]) == whole.score(*LISTS)
    cube = EchoStateRegressor(**SMALL).fit(X.reshape(5, 60, 2), Y[:, 0].reshape(5, 60))
    assert cube.predict(X.reshape(5, 60, 2)).shape == (5, 60)
    flat = EchoStateRegressor(**SMALL).fit(X, Y[:, 0], lengths=[60] * 5)
    np.testing.assert_array_equal(flat.coef_, cube.coef_)
    assert flat.predict(X).shape == (300,)
    assert EchoStateRegressor(**SMALL).fit(X, Y[:, :1]).predict(X).shape == (300, 1)


def test_the_washout_is_not_learned_from():
    y = Y.copy()
    y[:40] = 1e6
    model = EchoStateRegressor(**SMALL | {"washout": 40})
    np.testing.assert_array_equal(clone(model).fit(X, y).coef_, model.fit(X, Y).coef_)


def test_short_sequences_may_be_within_the_washout():
    x, y = [*LISTS[0], X[:5]], [*LISTS[1], Y[:5]]
    np.testing.assert_array_equal(
        EchoStateRegressor(**SMALL).fit(x, y).coef_, EchoStateRegressor(**SMALL).fit(*LISTS).coef_
    )


@pytest.mark.parametrize("feedback", [0.0, 0.5])
def test_blocks_of_a_series_are_learned_as_the_whole(feedback):
    whole = EchoStateRegressor(**SMALL, feedback=feedback, continues=True).fit(X, Y)
    parts = EchoStateRegressor(**SMALL, feedback=feedback, continues=True)
    for some in (slice(0, 12), slice(12, 13), slice(13, 200), slice(200, 300)):
        parts.partial_fit(X[some], Y[some])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(parts.final_state_, whole.final_state_)
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-7, atol=1e-9)


def test_sequences_one_by_one_are_learned_as_together():
    together, one_by_one = EchoStateRegressor(**SMALL).fit(*LISTS), EchoStateRegressor(**SMALL)
    for x, y in zip(*LISTS, strict=True):
        one_by_one.partial_fit(x, y)
    np.testing.assert_allclose(one_by_one.coef_, together.coef_, rtol=1e-7, atol=1e-9)


def test_noise_is_drawn_anew_and_by_the_seed():
    noisy = EchoStateRegressor(**SMALL, noise=0.1).fit(X, Y)
    np.testing.assert_array_equal(noisy.coef_, EchoStateRegressor(**SMALL, noise=0.1).fit(X, Y).coef_)
    still = EchoStateRegressor(**SMALL).fit(X, Y)
    assert np.abs(noisy.final_state_ - still.final_state_).max() > 0.01
    np.testing.assert_array_equal(noisy.recurrent_weights_.data, still.recurrent_weights_.data)


def test_a_readout_sees_what_it_saw_at_first():
    """Parameters that are set after a fit do not take a network apart."""
    model = EchoStateRegressor(**SMALL).fit(X[:150], Y[:150])
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(direct=False, n_units=3, feedback=1.0).predict(X), before)
    assert model.partial_fit(X[150:], Y[150:]).coef_.shape == (2, 27)
    assert model.fit(X, Y).coef_.shape == (2, 3)


def test_alpha_is_chosen_by_cross_validation():
    model = EchoStateRegressor(**SMALL | {"alpha": [1e3, 1e-3, 1e6]}).fit(X, Y)
    assert model.alpha_ == 1e-3
    np.testing.assert_allclose(model.coef_, EchoStateRegressor(**SMALL | {"alpha": 1e-3}).fit(X, Y).coef_, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_are_of_the_type_of_x(dtype):
    model = EchoStateRegressor(**SMALL).fit(X.astype(dtype), Y)
    assert model.coef_.dtype == np.float64
    assert model.predict(X.astype(dtype)).dtype == model.transform(X.astype(dtype)).dtype == dtype


# ---- where sequences begin, and what follows -------------------------------------------------------------------------


@pytest.mark.parametrize("feedback", [0.0, 0.3])
def test_a_series_goes_on_where_training_ended(feedback):
    model = EchoStateRegressor(**SMALL, feedback=feedback, continues=True).fit(X[:200], Y[:200])
    taught = oracle_reservoirs.echo_states_of(model, X[:200], Y[:200])[0]
    np.testing.assert_allclose(model.final_state_, taught[-1], atol=1e-12)
    of_inputs, of_states = np.split(model.coef_.T, [2])
    states, outputs = oracle_reservoirs.echo_states(
        model.recurrent_weights_.toarray(),
        X[200:] @ model.input_weights_ + model.biases_,
        taught[-1],
        1.0,
        feedback=model.feedback_weights_,
        outputs=X[200:] @ of_inputs + model.intercept_,
        last=Y[199],
        readout=of_states,
    )
    np.testing.assert_allclose(model.predict(X[200:]), outputs, atol=1e-9)
    np.testing.assert_allclose(model.transform(X[200:]), states, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X[200:]), model.predict(X[200:]))
    if feedback:
        np.testing.assert_allclose(model.generate(100, X[200:]), outputs, atol=1e-9)


def test_two_beginnings_converge():
    """The echo state property: what was before the first step is forgotten."""
    model = EchoStateRegressor(60, washout=0, alpha=1.0, random_state=0).fit(X, Y)
    others = model.set_params(continues=True).transform(X)
    distances = np.linalg.norm(others - model.set_params(continues=False).transform(X), axis=1)
    assert distances[0] > 0.1 and distances[-1] < 1e-12


def wave(n):
    t = np.arange(n)
    return np.stack([np.sin(0.2 * t), np.cos(0.2 * t)], axis=1)


def test_outputs_that_come_back_as_inputs_are_predictions_of_predictions():
    """Generated steps are those that predict gives, were each appended to the inputs in turn."""
    series = wave(400)
    model = EchoStateRegressor(80, washout=50, alpha=1e-8, random_state=0).fit(series[:299], series[1:300])
    inputs = list(series[:250])
    for _ in range(20):
        inputs.append(model.predict(np.array(inputs))[-1])
    np.testing.assert_allclose(model.generate(20, warm_up=series[:250]), inputs[250:], atol=1e-10)
    np.testing.assert_allclose(model.generate(20), model.generate(20, warm_up=series[:300]), atol=1e-12)
    np.testing.assert_allclose(model.generate(100), series[300:400], atol=1e-2)
    np.testing.assert_allclose(model.generate(1, warm_up=series[:1])[0], model.predict(series[:1])[0], atol=1e-12)


def test_a_network_with_feedback_generates_under_inputs():
    series = wave(400)[:, 0]
    ones = np.ones((400, 1))
    model = EchoStateRegressor(80, feedback=1.0, washout=50, alpha=1e-8, random_state=0).fit(ones[:300], series[:300])
    np.testing.assert_allclose(model.generate(100, ones[300:]), series[300:], atol=1e-2)
    warmed = model.generate(50, ones[:50], warm_up=(ones[:350], series[:350]))
    np.testing.assert_allclose(warmed, series[350:], atol=1e-2)
    states, _ = oracle_reservoirs.echo_states_of(model, ones[:350], series[:350, None])
    assert np.abs(states[299] - model.final_state_).max() < 1e-12


def test_what_generate_refuses():
    series = wave(100)
    model = EchoStateRegressor(**SMALL).fit(series[:-1], series[1:])
    fed = EchoStateRegressor(**SMALL, feedback=0.5).fit(series, series[:, 0])
    narrow = EchoStateRegressor(**SMALL).fit(series, series[:, 0])
    for call, message in (
        (lambda m: m.generate(5, series[:5]), "X must be None"),
        (lambda m: m.generate(0), "n_steps"),
        (lambda m: m.generate(5, warm_up=series[:, :1]), "features"),
        (lambda m: m.generate(5, warm_up=[series, series]), "warm_up must be a single sequence"),
    ):
        contract.assert_refused_without_a_trace(model, call, ValueError, message)
    for call, message in (
        (lambda m: m.generate(5), "X must be given"),
        (lambda m: m.generate(5, series[:4]), "X must have a row for each of the 5 steps, got 4"),
        (lambda m: m.generate(5, series[:5], warm_up=series), r"warm_up must be a tuple \(X, y\)"),
        (lambda m: m.generate(5, series[:5], warm_up=(series, series)), "warm_up must have 1 output"),
    ):
        contract.assert_refused_without_a_trace(fed, call, ValueError, message)
    call = lambda m: m.generate(5)  # noqa: E731
    contract.assert_refused_without_a_trace(narrow, call, ValueError, "there are 1 output and 2 features")


def test_what_runs_away_is_said():
    series = np.exp(np.arange(60) / 4)[:, None]
    model = EchoStateRegressor(5, washout=0, alpha=1.0, random_state=0).fit(series[:-1], series[1:])
    with pytest.warns(DivergenceWarning, match="ran away"):
        model.generate(10_000)


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"washout": 300}, "washout=300 leaves no step to learn from: the longest sequence has 300 steps"),
        ({"alpha": -1}, "alpha"),
        ({"alpha": [1.0, -1.0]}, "alpha must be a number of at least 0 or a list"),
        ({"alpha": [[1.0]]}, "alpha must be a number"),
        ({"alpha": []}, "alpha must be a number"),
        ({"leak": 0}, "leak"),
        ({"leak": 1.1}, "leak"),
        ({"density": 0}, "density"),
        ({"alpha": {}}, "alpha must be a number of at least 0 or a list"),
        ({"alpha": [[1.0], [2.0, 3.0]]}, "alpha must be a number of at least 0 or a list"),
        ({"alpha": [np.inf]}, r"alpha must be a number of at least 0 or a list of such numbers, up to 1e\+100"),
        ({"alpha": 1e308}, r"'alpha' .* in the range \[0.0, 1e\+100\]"),
        ({"spectral_radius": 1e308}, r"'spectral_radius' .* in the range \[0.0, 1e\+100\]"),
        ({"input_scaling": 1e308}, r"'input_scaling' .* in the range \[0.0, 1e\+100\]"),
        ({"bias_scaling": 1e308}, r"'bias_scaling' .* in the range \[0.0, 1e\+100\]"),
        ({"feedback": 1e308}, r"'feedback' .* in the range \[0.0, 1e\+100\]"),
        ({"noise": 1e308}, r"'noise' .* in the range \[0.0, 1e\+100\]"),
        ({"washout": 10**30}, "washout=10{30} leaves no step to learn from"),
        ({"n_units": 10**30}, "n_units"),
        ({"n_units": 0}, "n_units"),
        ({"noise": -0.1}, "noise"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
@pytest.mark.parametrize("is_fitted", [False, True])
def test_wrong_parameters_are_refused(parameters, message, is_fitted):
    model = EchoStateRegressor(**SMALL)
    if is_fitted:
        model.fit(X, Y)
    model.set_params(**parameters)
    for method in ("fit", "partial_fit"):
        call = lambda m, method=method: getattr(m, method)(X, Y)  # noqa: E731
        contract.assert_refused_without_a_trace(model, call, ValueError, message)


@pytest.mark.parametrize("name", ["spectral_radius", "input_scaling", "bias_scaling", "feedback", "noise"])
def test_the_largest_scalings_are_finite(name):
    model = EchoStateRegressor(**SMALL | {name: 1e100}).fit(X, Y[:, 0])
    assert np.isfinite(model.coef_).all() and np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("parameters", [{"leak": 5.0}, {"continues": "no"}, {"washout": -1}])
def test_parameters_that_are_set_after_a_fit_are_checked(parameters):
    model = EchoStateRegressor(**SMALL).fit(X, X).set_params(**parameters)
    for call in (lambda m: m.predict(X), lambda m: m.transform(X), lambda m: m.score(X, X), lambda m: m.generate(5)):
        contract.assert_refused_without_a_trace(model, call, ValueError, f"'{next(iter(parameters))}'")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_tables_of_states(container):
    pytest.importorskip(container)
    frame = pd.DataFrame(X, index=np.arange(len(X)) + 5).rename(columns=str)
    states = EchoStateRegressor(**SMALL).fit(frame, Y).transform(frame, [100, len(X) - 100])
    model = EchoStateRegressor(**SMALL).set_output(transform=container).fit(frame, Y)
    table = model.transform(frame, [100, len(X) - 100])
    assert type(table).__module__.startswith(container) and list(table.columns) == [*model.get_feature_names_out()]
    np.testing.assert_array_equal(table.to_numpy(), states)
    if container == "pandas":
        assert table.index.tolist() == frame.index.tolist()
    for given, targets, told in (
        ([frame, frame], [Y, Y], "a list of sequences"),
        (X.reshape(2, -1, X.shape[1]), Y.reshape(2, -1, Y.shape[1]), "has three axes"),
    ):
        told = rf"X must be a matrix.*set_output\(transform='{container}'\).*{told}"
        plain = EchoStateRegressor(**SMALL).set_output(transform=container)
        call = lambda m, some=(given, targets): m.fit_transform(*some)  # noqa: E731
        contract.assert_refused_without_a_trace(plain, call, ValueError, told)
        call = lambda m, given=given: m.transform(given)  # noqa: E731
        contract.assert_refused_without_a_trace(model, call, ValueError, told)
        assert len(model.predict(given)) == 2


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_data_are_refused_without_a_trace():
    model = EchoStateRegressor(**SMALL).fit(X, Y)
    for call, message in (
        (lambda m: m.fit([X[:9], X[:9, :1]], [Y[:9], Y[:9]]), r"there are 2 in X\[0\], and 1 in X\[1\]"),
        (lambda m: m.partial_fit(X, Y[:, 0]), "y must have 2 outputs as before"),
        (lambda m: m.partial_fit(X[:, :1], Y), "features"),
        (lambda m: m.predict(X[:, :1]), "features"),
        (lambda m: m.predict(X, [1, 2]), "lengths must be positive integers"),
        (lambda m: m.fit(X, Y * np.nan), "NaN"),
    ):
        contract.assert_refused_without_a_trace(model, call, ValueError, message)
    before = model.coef_.copy()
    contract.assert_refused_without_a_trace(model, lambda m: m.partial_fit(X, 1e300 * Y), ValueError, "too large")
    np.testing.assert_array_equal(model.partial_fit(X, Y).coef_.shape, before.shape)


# ---- the house's promises --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feedback", [0.0, 0.3])
def test_threads(feedback):
    model = EchoStateRegressor(**SMALL, feedback=feedback, noise=0.01)
    contract.assert_same_bits_for_any_threads(
        model, X.reshape(20, 15, 2), Y.reshape(20, 15, 2), ("predict", "transform")
    )


@pytest.mark.parametrize("feedback", [0.0, 0.3])
def test_files(feedback, tmp_path):
    model = EchoStateRegressor(**SMALL, feedback=feedback, noise=0.01).fit(X, Y)
    contract.assert_comes_back_from_a_file(model, X, tmp_path / "model", ("predict", "transform"))
    contract.assert_comes_back_from_a_file(EchoStateRegressor(**SMALL), X, tmp_path / "model", ())


FORGERIES = {
    "coef_": np.zeros((2, 3)),
    "intercept_": np.zeros(3),
    "input_weights_": np.zeros((2, 24)),
    "feedback_weights_": np.zeros((1, 25)),
    "biases_": np.zeros((5, 5)),
    "final_state_": np.zeros(24),
    "final_output_": np.zeros((2, 1)),
    "n_outputs_": 3,
    "n_features_in_": 1,
    "recurrent_weights_": np.zeros((25, 25)),
    "_readout": None,
    "_is_flat": 2,
    "_n_passed": -1,
    "_random_state": 3,
    "n_jobs": 10**6,
    "leak": "much",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_a_file_must_not_say(name, tmp_path):
    model = EchoStateRegressor(**SMALL).fit(X, Y)
    setattr(model, name, FORGERIES[name])
    with pytest.raises(ValueError, match=name):
        model.save(tmp_path / "model")


def test_pipelines_and_searches():
    model = make_pipeline(StandardScaler(), EchoStateRegressor(**SMALL))
    grid = {"echostateregressor__spectral_radius": [0.1, 0.5, 0.9]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3)).fit(X, Y)
    assert search.best_score_ > 0.2
    frame = EchoStateRegressor(**SMALL).set_output(transform="pandas").fit(X, Y).transform(X)
    assert frame.columns[0] == "echostateregressor0" and frame.shape == (300, 25)


# ---- what is known ---------------------------------------------------------------------------------------------------


def capacity(model, n_delays, n_steps=4000):
    """Return the memory capacity: the sum over delays of the squared correlations of inputs and outputs (Jaeger)."""
    u = np.random.default_rng(5).uniform(-0.5, 0.5, (2 * n_steps, 1))
    delayed = np.stack([np.roll(u[:, 0], k) for k in range(1, n_delays + 1)], axis=1)
    model.fit(u[:n_steps], delayed[:n_steps])
    found = model.predict(u[n_steps:])[200:]
    wanted = delayed[n_steps:][200:]
    return sum(np.corrcoef(found[:, k], wanted[:, k])[0, 1] ** 2 for k in range(n_delays))


def test_memory_is_at_most_the_number_of_units():
    """Jaeger 2001: at most N; nearly linear units, which small inputs make of tanh, come close to it, others do not."""
    options = {"spectral_radius": 0.95, "density": 1.0, "bias_scaling": 0.0, "direct": False, "washout": 200}
    linear = capacity(EchoStateRegressor(20, **options, input_scaling=1e-3, alpha=1e-18, random_state=0), 40)
    tanh = capacity(EchoStateRegressor(20, **options, input_scaling=1.0, alpha=1e-8, random_state=0), 40)
    assert 15 < linear < 20
    assert 4 < tanh < linear - 4


def mackey_glass(n_steps, seed, tau=17):
    """Return tanh(y - 1) of the Mackey-Glass series, by Euler's steps of 0.1 (Jaeger 2001)."""
    y = (1.2 + 0.2 * (np.random.default_rng(seed).random(10 * tau + 1) - 0.5)).tolist()
    for _ in range(10 * (n_steps + 200)):
        y.append(y[-1] + 0.1 * (0.2 * y[-1 - 10 * tau] / (1 + y[-1 - 10 * tau] ** 10) - 0.1 * y[-1]))
    return np.tanh(np.array(y[-10 * n_steps :: 10]) - 1)[:, None]


def test_mackey_glass():
    """84 steps ahead, of which each prediction is the next input; bench/figures/reservoirs.py has the whole figure."""
    train = mackey_glass(3001, 0)
    model = EchoStateRegressor(400, **MACKEY_GLASS, washout=1000, random_state=0).fit(train[:-1], train[1:])
    errors = []
    for seed in range(1000, 1010):
        series = mackey_glass(584, seed)
        errors.append(model.generate(84, warm_up=series[:500])[-1] - series[-1])
    assert np.sqrt(np.mean(np.square(errors)) / train.var()) < 0.002


MACKEY_GLASS = {"spectral_radius": 1.178, "leak": 0.6, "input_scaling": 1.025, "bias_scaling": 0.5, "alpha": 1e-9}


def test_the_score_leaves_the_washout_out():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 2)), rng.standard_normal(300)
    model = EchoStateRegressor(30, washout=50, random_state=0).fit(X, y)
    assert model.score(X, y) == r2_score(y[50:], model.predict(X)[50:])
    late = (np.arange(300) % 100 >= 50).astype(float)
    assert model.score(X, y, lengths=[100, 100, 100]) == r2_score(
        y, model.predict(X, lengths=[100, 100, 100]), sample_weight=late
    )
    assert model.score(X[:40], y[:40]) == r2_score(y[:40], model.predict(X[:40]))
