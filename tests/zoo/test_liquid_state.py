"""LiquidReservoir: traces of the oracle, connections as they are said to be, and what a liquid is good for."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmlp.exceptions import SilentReservoirWarning
from fastmlp.zoo import LiquidReservoir
from tests.zoo import contract, oracle_reservoirs
from tests.zoo.test_echo_state import OF_SEQUENCES

RNG = np.random.default_rng(0)
X = np.repeat(RNG.uniform(-1, 1, (12, 3)), 10, axis=0)  # currents that last for 10 ms
SPIKES = (RNG.random((120, 3)) < 0.1).astype(float)
SMALL = {"grid": (3, 3, 5), "input_scaling": 1.0, "random_state": 0}


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.SilentReservoirWarning")
@parametrize_with_checks([LiquidReservoir((2, 2, 5))], expected_failed_checks=lambda _: OF_SEQUENCES)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def settings(step=1.0, membrane=30.0, trace=30.0, inputs="current"):
    """What a step leaves, written out from the docstring."""
    return {
        "kept_potential": np.exp(-step / membrane),
        "kept_excitation": np.exp(-step / 3),
        "kept_inhibition": np.exp(-step / 6),
        "kept_input": np.exp(-step / 3) if inputs == "spikes" else 0.0,
        "kept_trace": np.exp(-step / trace),
        "threshold": 1.0,
        "reset": 0.9,
        "background": 0.9,
        "rest_excitatory": round(3 / step),
        "rest_inhibitory": round(2 / step),
    }


@pytest.mark.parametrize(
    "options",
    [{}, {"inputs": "spikes"}, {"step": 0.5, "membrane_time": 20.0, "trace_time": 50.0}, {"recurrent_scaling": 0.1}],
    ids=str,
)
def test_traces_are_those_of_the_oracle(options):
    inputs = options.get("inputs", "current")
    model = LiquidReservoir(**SMALL, **options)
    rows = SPIKES if inputs == "spikes" else X
    traces = model.fit_transform(rows)
    numbers = settings(*(options[k] for k in ("step", "membrane_time", "trace_time") if k in options), inputs=inputs)
    W, n_excitatory = model.recurrent_weights_.toarray(), model.n_excitatory_
    drive = rows @ model.input_weights_
    wanted, n_spikes = oracle_reservoirs.liquid_traces(W, n_excitatory, numbers, drive, model.initial_potentials_)
    np.testing.assert_allclose(traces, wanted, rtol=1e-11, atol=1e-300)
    assert n_spikes > 50


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.SilentReservoirWarning")
def test_outputs_of_sequences():
    model = LiquidReservoir(**SMALL).fit(X)
    parts = np.split(X, [20, 21, 80])
    steps = model.transform(parts)
    for part, traces in zip(parts, steps, strict=True):
        np.testing.assert_array_equal(model.transform(part), traces)
    np.testing.assert_array_equal(model.transform(X, lengths=[20, 1, 59, 40]), np.concatenate(steps))
    last = clone(model).set_params(output="last").fit(X)
    np.testing.assert_array_equal(last.transform(parts), [traces[-1] for traces in steps])
    mean = clone(model).set_params(output="mean").fit(X)
    np.testing.assert_allclose(mean.transform(parts), [traces.mean(axis=0) for traces in steps], rtol=1e-12)
    cube = model.transform(X.reshape(4, 30, 3))
    assert cube.shape == (4, 30, 45)
    np.testing.assert_array_equal(cube[1], model.transform(X[30:60]))


@pytest.mark.parametrize("output", ["steps", "last", "mean"])
def test_long_sequences_go_through_in_pieces(output):
    """What crosses the border of a piece is the same as within one."""
    rng = np.random.default_rng(3)
    parts = [rng.uniform(-1, 1, (n, 2)) for n in (9000, 3, 8500)]
    model = LiquidReservoir((2, 2, 3), input_scaling=9.0, output=output, random_state=0).fit(parts)
    alone = [model.transform(part) for part in parts]
    if output == "steps":
        for a, b in zip(model.transform(parts), alone, strict=True):
            np.testing.assert_array_equal(a, b)
    else:
        np.testing.assert_allclose(model.transform(parts), [model.transform([part])[0] for part in parts], rtol=1e-12)


def test_connections():
    model = LiquidReservoir((6, 6, 20), random_state=0).fit(X)
    W, n, n_excitatory = model.recurrent_weights_.toarray(), 720, 576
    assert model.n_excitatory_ == n_excitatory
    assert sorted(map(tuple, model.positions_)) == sorted(np.ndindex(6, 6, 20))
    assert (W[:n_excitatory] >= 0).all() and (W[n_excitatory:] <= 0).all() and (np.diag(W) == 0).all()
    distances = np.linalg.norm(model.positions_[:, None] - model.positions_, axis=2)
    is_excitatory = np.arange(n) < n_excitatory
    for kinds, probability in {(1, 1): 0.3, (1, 0): 0.2, (0, 1): 0.4, (0, 0): 0.1}.items():
        among = np.outer(is_excitatory == kinds[0], is_excitatory == kinds[1])
        for distance in (1.0, 2.0, 3.0):
            pairs = among & (distances == distance)
            chance, n_pairs = probability * np.exp(-((distance / 2) ** 2)), pairs.sum()
            found = (W[pairs] != 0).mean()
            assert abs(found - chance) < 5 * np.sqrt(chance * (1 - chance) / n_pairs), (kinds, distance)
    strengths = [W[:576, :576], W[:576, 576:], W[576:]]
    mean = [w[w != 0].mean() for w in strengths]
    assert mean[1] / mean[0] == pytest.approx(2, rel=0.1)


def test_a_spike_raises_potentials_as_it_is_said_to():
    """With next to no leak, a current's sum raises a potential by the strength that was asked for."""
    model = LiquidReservoir((6, 6, 20), recurrent_scaling=0.07, membrane_time=1e9, random_state=0).fit(X)
    W = model.recurrent_weights_.toarray()[:576, :576]
    factor = 1e-9 / (1 - np.exp(-1 / 3))  # (1 - k) times the sum of the current that a spike leaves
    assert W[W != 0].mean() * factor == pytest.approx(0.07, rel=0.05)


def jittered(templates, labels, rng, jitter=4.0):
    """Return trains of spikes: those of the labels' templates, each spike moved a little."""
    trains = np.zeros((len(labels), *templates.shape[1:]))
    for train, template in zip(trains, templates[labels], strict=True):
        steps, fibres = np.nonzero(template)
        moved = np.rint(steps + rng.normal(0, jitter, len(steps))).astype(int)
        inside = (moved >= 0) & (moved < len(train))
        np.add.at(train, (moved[inside], fibres[inside]), 1)
    return trains


def test_a_liquid_tells_what_its_inputs_traces_do_not():
    """The exclusive or of two bits, each 50 ms of spikes, is not linear in traces of inputs; it is in the liquid's."""
    rng = np.random.default_rng(1)
    bits = rng.integers(2, size=(500, 2))
    templates = rng.random((2, 50, 4)) < 0.06
    trains = np.concatenate([jittered(templates, bits[:, k], rng, 3.0) for k in (0, 1)], axis=1)
    label = bits[:, 0] ^ bits[:, 1]
    ages = np.arange(99, -1, -1)
    traces = np.einsum("ntf,t->nf", trains, np.exp(-ages / 30))
    liquid = LiquidReservoir(inputs="spikes", input_scaling=0.1, output="last", random_state=0)
    readout = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 4, 6)))
    assert cross_val_score(readout, traces, label, cv=4).mean() < 0.6
    assert cross_val_score(make_pipeline(liquid, readout), trains, label, cv=4).mean() > 0.8


@pytest.mark.parametrize("output", ["steps", "last", "mean"])
def test_threads(output):
    model = LiquidReservoir(**SMALL, output=output)
    contract.assert_same_bits_for_any_threads(model, X.reshape(12, 10, 3), methods=("transform",))


def test_files(tmp_path):
    model = LiquidReservoir(**SMALL).fit(X)
    contract.assert_comes_back_from_a_file(model, X, tmp_path / "model", ("transform",))
    contract.assert_comes_back_from_a_file(LiquidReservoir(), X, tmp_path / "model", ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("initial_potentials_", np.zeros((3, 3))),
        ("input_weights_", np.zeros((2, 45))),
        ("positions_", np.zeros((45, 2))),
        ("recurrent_weights_", np.zeros((45, 45))),
        ("n_excitatory_", 46),
        ("n_features_in_", -1),
        ("n_jobs", 10**6),
        ("step", 0.0),
        ("trace_time", "long"),
    ],
)
def test_what_a_file_must_not_say(name, value, tmp_path):
    model = LiquidReservoir(**SMALL).fit(X)
    setattr(model, name, value)
    with pytest.raises(ValueError, match=name):
        model.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"grid": (3, 3)}, "grid must be three positive integers"),
        ({"grid": (3, 0, 3)}, "grid must be three positive integers"),
        ({"grid": 5}, "grid"),
        ({"inhibitory": 1.1}, "inhibitory"),
        ({"inputs": "numbers"}, "inputs"),
        ({"output": "first"}, "output"),
        ({"output": "Last"}, "output"),
        ({"step": 0}, "step"),
        ({"step": 1e-9}, r"'step' .* in the range \[1e-06, 1000000000.0\]"),
        ({"membrane_time": 1e308}, r"'membrane_time' .* in the range \[1e-06, 1000000000.0\]"),
        ({"trace_time": 1e-9}, r"'trace_time' .* in the range \[1e-06, 1000000000.0\]"),
        ({"connection_range": 1e308}, r"'connection_range' .* in the range \(0.0, 1e\+100\]"),
        ({"input_scaling": 1e308}, r"'input_scaling' .* in the range \[0.0, 1e\+100\]"),
        ({"recurrent_scaling": 1e308}, r"'recurrent_scaling' .* in the range \[0.0, 1e\+100\]"),
        ({"grid": (10**30, 1, 1)}, "at most 1,000,000 are possible"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    for model in (LiquidReservoir(), LiquidReservoir().fit(X)):
        call = lambda m: m.fit_transform(X)  # noqa: E731
        if "n_jobs" in parameters:
            with pytest.raises(ValueError, match=message):
                call(model.set_params(**parameters))
        else:
            contract.assert_refused_without_a_trace(model.set_params(**parameters), call, ValueError, message)


@pytest.mark.parametrize(
    "parameters", [{"output": "Last"}, {"inputs": "Spikes"}, {"step": 1e-9}, {"membrane_time": 0}, {"output": None}]
)
def test_parameters_that_are_set_after_a_fit_are_checked(parameters):
    model = LiquidReservoir(**SMALL).fit(X).set_params(**parameters)
    told = f"'{next(iter(parameters))}' parameter of LiquidReservoir"
    contract.assert_refused_without_a_trace(model, lambda m: m.transform(X), ValueError, told)


def test_the_limits_of_times_and_ranges():
    for name in ("step", "membrane_time", "trace_time"):
        for time in (1e-6, 1e9):
            model = LiquidReservoir(**SMALL | {"input_scaling": 10.0, name: time}).fit(X)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SilentReservoirWarning)
                assert np.isfinite(model.transform(X)).all(), (name, time)
    # Of the pairs of excitatory units that are infinitely near, three in ten are connected; of those far off, none.
    model = LiquidReservoir((5, 5, 5), connection_range=1e100, random_state=0).fit(X)
    n = model.n_excitatory_
    assert abs(model.recurrent_weights_[:n, :n].nnz / (n * (n - 1)) - 0.3) < 0.02
    assert LiquidReservoir((5, 5, 5), connection_range=1e-300, random_state=0).fit(X).recurrent_weights_.nnz == 0


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("output", ["mean", "last", "steps"])
def test_tables_of_traces(container, output):
    pytest.importorskip(container)
    options = SMALL | {"output": output}
    frame = pd.DataFrame(X, index=np.arange(len(X)) + 5).rename(columns=str)
    lengths = [50, len(X) - 50]
    plain = LiquidReservoir(**options).fit(frame)
    model = LiquidReservoir(**options).set_output(transform=container).fit(frame)
    cases = [
        (frame, None),
        (frame, lengths),
        (X, lengths),
        ([frame[:50], frame[50:]], None),
        (X.reshape(2, -1, X.shape[1]), None),
    ]
    for given, sizes in cases:
        if output == "steps" and (isinstance(given, list) or given.ndim == 3):
            told = rf"X must be a matrix.*set_output\(transform='{container}'\).*output='last' and output='mean'"
            call = lambda m, given=given: m.transform(given)  # noqa: E731
            contract.assert_refused_without_a_trace(model, call, ValueError, told)
            call = lambda m, given=given: m.fit_transform(given)  # noqa: E731
            contract.assert_refused_without_a_trace(model, call, ValueError, told)
            continue
        table = model.transform(given, sizes)
        assert type(table).__module__.startswith(container) and list(table.columns) == [*model.get_feature_names_out()]
        np.testing.assert_array_equal(table.to_numpy(), plain.transform(given, sizes))
        if container == "pandas":
            rows = frame.index if output == "steps" and given is frame else np.arange(len(table))
            assert table.index.tolist() == list(rows)


def test_wrong_data_are_refused():
    model = LiquidReservoir(**SMALL, inputs="spikes")
    call = lambda m: m.fit(X)  # noqa: E731
    contract.assert_refused_without_a_trace(model, call, ValueError, "numbers of spikes where inputs='spikes'")
    model.fit(SPIKES)
    for wrong, message in (
        (-SPIKES, "numbers of spikes"),
        (SPIKES[:, :2], "features"),
        ([SPIKES, X[:, :1]], "columns"),
    ):
        call = lambda m, wrong=wrong: m.transform(wrong)  # noqa: E731
        contract.assert_refused_without_a_trace(model, call, ValueError, message)


def test_a_silent_liquid_is_said():
    model = LiquidReservoir(**SMALL | {"input_scaling": 1e-3}).fit(X)
    with pytest.warns(SilentReservoirWarning, match="No unit spiked in 120 steps.*input_scaling=0.001"):
        traces = model.transform(X)
    assert not traces.any()


def test_names_of_features_and_frames():
    model = LiquidReservoir(**SMALL).set_output(transform="pandas").fit(X)
    frame = model.transform(X)
    assert frame.shape == (120, 45) and frame.columns[3] == "liquidreservoir3"
    steps = make_pipeline(LiquidReservoir(**SMALL), RidgeClassifier()).fit(X, X[:, 0] > 0)
    assert steps.predict(X).shape == (120,)
