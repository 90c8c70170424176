"""Figures of reservoirs: a chaotic series, memory, spikes, speed."""

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse
from sklearn.linear_model import Ridge, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPRegressor
from fastmlp.zoo import EchoStateRegressor, LiquidReservoir
from figures import figure

# Chosen on series with the seeds 100 to 139 among some 700 sets drawn at random, by two or three networks each. Figures
# are on other series, by other networks.
MACKEY_GLASS = {"spectral_radius": 0.91, "leak": 0.6, "input_scaling": 0.95, "bias_scaling": 0.2, "alpha": 1e-10}


def mackey_glass(n_steps: int, seed: int, tau: int = 17) -> np.ndarray:
    """Return tanh(y - 1) of the Mackey-Glass series, by Euler's steps of 0.1, one in ten of which is kept."""
    y = (1.2 + 0.2 * (np.random.default_rng(seed).random(10 * tau + 1) - 0.5)).tolist()
    for _ in range(10 * (n_steps + 1000)):
        y.append(y[-1] + 0.1 * (0.2 * y[-1 - 10 * tau] / (1 + y[-1 - 10 * tau] ** 10) - 0.1 * y[-1]))
    return np.tanh(np.array(y[-10 * n_steps :: 10]) - 1)[:, None]


def nrmse84(n_networks: int, n_series: int, **parameters) -> np.ndarray:
    """Return for each network the error of its 84th step ahead on series of its own, in standard deviations."""
    tests = [mackey_glass(1084, 1000 + seed) for seed in range(n_series)]
    found = []
    for seed in range(n_networks):
        train = mackey_glass(3001, 500 + seed)
        model = EchoStateRegressor(**{"n_units": 400, **parameters}, washout=1000, random_state=500 + seed)
        model.fit(train[:-1], train[1:])
        errors = [model.generate(84, warm_up=series[:1000])[-1] - series[-1] for series in tests]
        found.append(np.sqrt(np.mean(np.square(errors)) / train.var()))
    return np.array(found)


def listed(values: np.ndarray) -> str:
    """Return the median of some numbers and their range."""
    return f"{np.median(values):.5f} ({values.min():.5f} to {values.max():.5f})"


@figure("reservoirs-mackey-glass", "NRMSE84 <= .002; .00028 (Jaeger 2001)", seconds=30)
def mackey_glass_figure() -> tuple[str, bool]:
    """400 units, 3000 steps, the first 1000 of them a washout; ten networks, fifty series."""
    found = nrmse84(10, 50, **MACKEY_GLASS)
    return f"{listed(found)}, 10 networks", bool(found.max() <= 0.002)


@figure("reservoirs-mackey-glass-defaults", "NRMSE84 with the defaults: .0022 to .0076 untuned elsewhere", seconds=30)
def mackey_glass_defaults() -> tuple[str, bool]:
    """The same with nothing tuned."""
    found = nrmse84(10, 50)
    return f"{listed(found)}, 10 networks", bool(np.median(found) <= 0.0076)


def ahead_by_window(model, series: np.ndarray, n_lags: int, n_steps: int = 84) -> float:
    """Return the value so many steps ahead by a regressor of the last values, whose predictions are its next inputs."""
    values = list(series[:, 0])
    for _ in range(n_steps):
        values.append(float(model.predict(np.array(values[-n_lags:])[None])[0]))
    return values[-1]


@figure("reservoirs-mackey-glass-windows", "NRMSE84 from windows of 20 values: what reservoirs are to beat", seconds=20)
def windows() -> tuple[str, bool]:
    """A linear regression, and a network of 100 tanh units by L-BFGS; three series each to learn, twenty to test."""
    network = MLPRegressor(
        hidden_layer_sizes=(100,),
        activation="tanh",
        solver="lbfgs",
        max_iter=1500,
        alpha=1e-9,
        tol=1e-12,
        random_state=0,
    )
    tests = [mackey_glass(1084, 1000 + seed) for seed in range(20)]
    found = {"linear": [], "network": []}
    for seed in range(500, 503):
        train = mackey_glass(3001, seed)
        lagged = np.lib.stride_tricks.sliding_window_view(train[:, 0], 20)[:-1]
        for name, model in (("linear", Ridge(1e-8)), ("network", network)):
            model.fit(lagged, train[20:, 0])
            errors = [ahead_by_window(model, series[:1000], 20) - series[-1, 0] for series in tests]
            found[name].append(np.sqrt(np.mean(np.square(errors)) / train.var()))
    return ", ".join(f"{name} {np.median(values):.3f}" for name, values in found.items()), True


def memory_capacity(model: EchoStateRegressor, n_delays: int, n_steps: int = 6000) -> float:
    """Return the sum over delays of the squared correlations of inputs with what the readout makes of later states."""
    u = np.random.default_rng(5).uniform(-0.5, 0.5, (2 * n_steps, 1))
    delayed = np.stack([np.roll(u[:, 0], k) for k in range(1, n_delays + 1)], axis=1)
    model.fit(u[:n_steps], delayed[:n_steps])
    found, wanted = model.predict(u[n_steps:])[300:], delayed[n_steps:][300:]
    return sum(np.corrcoef(found[:, k], wanted[:, k])[0, 1] ** 2 for k in range(n_delays))


@figure("reservoirs-memory", "at most N = 50 units; linear units near N, tanh well below", seconds=5)
def memory() -> tuple[str, bool]:
    """50 units, 100 delays, inputs from -0.5 to 0.5, no biases, a readout of the states alone."""
    options = {"spectral_radius": 0.98, "density": 0.2, "bias_scaling": 0.0, "direct": False, "washout": 300}
    capacities = {
        name: memory_capacity(EchoStateRegressor(50, **options, input_scaling=s, alpha=a, random_state=0), 100)
        for name, s, a in (("linear", 1e-3, 1e-16), ("tanh", 0.5, 1e-8), ("saturated", 5.0, 1e-8))
    }
    found = list(capacities.values())
    enough = found[2] < found[1] < found[0] <= 50 and found[0] > 25
    return ", ".join(f"{name} {value:.1f}" for name, value in capacities.items()), enough


def jittered(templates: np.ndarray, labels: np.ndarray, rng: np.random.Generator, jitter: float) -> np.ndarray:
    """Return trains of spikes: those of the labels' templates, each spike moved a little."""
    trains = np.zeros((len(labels), *templates.shape[1:]))
    for train, template in zip(trains, templates[labels], strict=True):
        steps, fibres = np.nonzero(template)
        moved = np.rint(steps + rng.normal(0, jitter, len(steps))).astype(int)
        inside = (moved >= 0) & (moved < len(train))
        np.add.at(train, (moved[inside], fibres[inside]), 1)
    return trains


def with_and_without(trains: np.ndarray, labels: np.ndarray, seed: int, **options) -> tuple[float, float]:
    """Return the shares of trains that are told right from traces of the inputs alone, and of a liquid's units."""
    readout = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 4, 6)))
    half = len(trains) // 2
    traces = np.einsum("ntf,t->nf", trains, np.exp(-np.arange(trains.shape[1])[::-1] / 30))
    without = readout.fit(traces[:half], labels[:half]).score(traces[half:], labels[half:])
    liquid = LiquidReservoir(inputs="spikes", output="last", random_state=seed, **options)
    model = make_pipeline(liquid, readout).fit(trains[:half], labels[:half])
    return without, model.score(trains[half:], labels[half:])


@figure("reservoirs-liquid-templates", "ten jittered templates of spikes: better than traces of the inputs", seconds=20)
def templates() -> tuple[str, bool]:
    """Four fibres, 200 ms at 20 Hz, jitter 4 ms; five sets of templates with a liquid each."""
    found = []
    for seed in range(50, 55):
        rng = np.random.default_rng(seed)
        labels = rng.integers(10, size=1200)
        trains = jittered(rng.random((10, 200, 4)) < 0.02, labels, rng, 4.0)
        found.append(with_and_without(trains, labels, seed))
    without, liquid = np.mean(found, axis=0)
    return f"{liquid:.3f} right, {without:.3f} without a liquid", bool(liquid > without)


@figure("reservoirs-liquid-xor", "exclusive or of two bits of 50 ms each: .5 without a liquid", seconds=20)
def exclusive_or() -> tuple[str, bool]:
    """Each bit is one of two templates of four fibres, jitter 3 ms; five sets of templates with a liquid each."""
    found = []
    for seed in range(50, 55):
        rng = np.random.default_rng(seed)
        bits = rng.integers(2, size=(1200, 2))
        templates = rng.random((2, 50, 4)) < 0.06
        trains = np.concatenate([jittered(templates, bits[:, k], rng, 3.0) for k in (0, 1)], axis=1)
        labels = bits[:, 0] ^ bits[:, 1]
        found.append(with_and_without(trains, labels, seed, input_scaling=0.1, recurrent_scaling=0.01))
    without, liquid = np.mean(found, axis=0)
    return f"{liquid:.3f} right, {without:.3f} without a liquid", bool(liquid > 0.8)


def medians(rounds: int, *functions) -> list[float]:
    """Return the median time of each function, which take turns."""
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for times, function in zip(taken, functions, strict=True):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return [float(np.median(times)) for times in taken]


def by_numpy(model: EchoStateRegressor, inputs: np.ndarray) -> np.ndarray:
    """Return the states of (n_steps, n_sequences, n_features), a step of all sequences after another."""
    W = scipy.sparse.csr_array(model.recurrent_weights_)
    state = np.zeros((W.shape[0], inputs.shape[1]))
    states = np.empty((*inputs.shape[:2], W.shape[0]))
    for t, u in enumerate(inputs):
        state = np.tanh(W @ state + (u @ model.input_weights_ + model.biases_).T)
        states[t] = state.T
    return states


def by_reservoirpy() -> Callable[[np.ndarray], object] | None:
    """Return what takes a sequence through a reservoir of ReservoirPy; None where that is not installed."""
    try:
        from reservoirpy.nodes import Reservoir
    except ImportError:
        return None
    return Reservoir(400, lr=1.0, sr=0.9, rc_connectivity=0.025, seed=0).run


@figure("reservoirs-speed", "states of 400 units: faster than NumPy and SciPy, and than ReservoirPy", seconds=15)
def speed() -> tuple[str, bool]:
    """One sequence of 3000 steps, and 64 of 200 steps, in one thread."""
    model = EchoStateRegressor(400, random_state=0, n_jobs=1)
    rng = np.random.default_rng(0)
    one, many = rng.standard_normal((3000, 1)), rng.standard_normal((64, 200, 1))
    model.fit(one, one)
    peers = {"NumPy": (lambda: by_numpy(model, one[:, None]), lambda: by_numpy(model, many.transpose(1, 0, 2)))}
    if (run := by_reservoirpy()) is not None:
        peers["ReservoirPy"] = (lambda: run(one), lambda: [run(sequence) for sequence in many])
    told, ratios = [], []
    for name, (alone, together) in peers.items():
        a, b, c, d = medians(7, lambda: model.transform(one), alone, lambda: model.transform(many), together)
        ratios += [b / a, d / c]
        told.append(f"{name} {b / a:.1f} and {d / c:.1f} times as long")
    return (
        f"{1e6 * a / 3000:.1f} us a step of one sequence, {1e6 * c / 12800:.1f} us of 64; {', '.join(told)}",
        min(ratios) > 1,
    )
