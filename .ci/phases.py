"""Every phase of the engine with teams of several sizes, on little data: what sanitize watches.

Results are the tests' business; here they only have to be made.
"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse

os.environ["FASTMLP_SPLIT"] = "1"  # read at import

from fastmlp import MLPClassifier, MLPRegressor, engine
from fastmlp.activations import PReLU
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.inputs.rows import rows_of
from fastmlp.tabular.bins import Bins
from fastmlp.tabular.encoders import BinnedNumbers, FrequentValues, RankedNumbers, ScaledNumbers
from fastmlp.tabular.trees import LeafCodes
from fastmlp.zoo import RestrictedBoltzmannMachine

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.standard_normal((1300, 9)).astype(np.float32)
Y = np.arange(len(X)) % 3


def fit(n_jobs, rows=60, data=X, **parameters):
    """Return a classifier fitted to a few minibatches, the last of an epoch shorter unless told otherwise."""
    given = {"hidden_layer_sizes": (5, 34), "batch_size": 25, "max_iter": 2, "random_state": 0} | parameters
    return MLPClassifier(n_jobs=n_jobs, **given).fit(data[:rows], Y[:rows])


def in_threads(call, n=4):
    """Make a call in so many Python threads at once."""
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(lambda _: call(), range(n)))


# Whoever is first decides what multiplies bfloat16 numbers.
in_threads(lambda: fit(2, dtype="bfloat16"))

FITS = {
    "plain": {},
    "double precision": {"dtype": "float64"},
    "one batch in several chunks": {"rows": 1300, "batch_size": 1300, "hidden_layer_sizes": (5,)},
    "gradients of row blocks": {"rows": 450, "batch_size": 200, "hidden_layer_sizes": (64, 64)},
    "bfloat16": {"dtype": "bfloat16", "rows": 130, "batch_size": 70},
    "split operands": {"rows": 300, "batch_size": 256, "hidden_layer_sizes": (400, 300)},
    "batch normalisation": {"normalization": "batch"},
    "layer normalisation, learned activations": {"normalization": "layer", "activation": PReLU()},
    "noise, dropout, penalties, averages": {
        "input_noise": 0.1, "input_dropout": 0.1, "dropout": 0.2, "l1": 0.1, "gradient_clip_value": 0.1, "ema": 0.9,
    },
    "clipping by the norm": {"gradient_clip_norm": 0.1},
    "max-norm": {"max_norm": 0.5},
    "all phases": {"normalization": "batch", "gradient_clip_norm": 0.1, "max_norm": 0.5},
    "all phases in bfloat16": {
        "normalization": "batch", "gradient_clip_norm": 0.1, "max_norm": 0.5, "dtype": "bfloat16",
    },
    "residual layers": {"residual": True, "hidden_layer_sizes": (9, 5, 5, 34), "dropout": 0.2, "input_dropout": 0.1},
    "residual layers, all phases in bfloat16": {
        "residual": True, "hidden_layer_sizes": (9, 5, 34), "normalization": "batch", "gradient_clip_norm": 0.1,
        "max_norm": 0.5, "dtype": "bfloat16",
    },
    "residual layers, row blocks": {
        "residual": True, "rows": 450, "batch_size": 200, "hidden_layer_sizes": (64, 64, 33),
    },
    "early stopping": {"early_stopping": True, "max_iter": 3},
    "lbfgs": {"solver": "lbfgs"},
    "muon": {"solver": "muon"},
}  # fmt: skip
sparse = scipy.sparse.csr_array(np.where(X > 0, X, 0))
for name, parameters in FITS.items():
    print(name, flush=True)
    for n_jobs in (2, 3, 8):
        fit(n_jobs, **parameters)
        if "input_noise" not in parameters:
            fit(n_jobs, data=sparse, **parameters)

layout = ColumnsLayout((7, 1, 40), (3, 0, 300))
codes = np.stack([rng.integers(0, n, len(X)) for n in layout.n_inputs], axis=1)
columns = {
    dtype: EncodedColumns(codes.astype(np.uint16), rng.standard_normal((len(X), 3)).astype(dtype), layout)
    for dtype in ("float32", "float64")
}
for name, parameters in FITS.items():
    if not {"input_noise", "augment"} & set(parameters):
        print(f"encoded columns, {name}", flush=True)
        for n_jobs in (1, 2, 3, 8):
            for data in columns.values():
                fit(n_jobs, data=data, **parameters | {"input_dropout": 0.0})
        print(f"embeddings, {name}", flush=True)
        for n_jobs in (1, 2, 3, 8):
            for size, data in zip((8, 20), columns.values(), strict=True):
                fit(n_jobs, data=data, embedding_size=size, **parameters)

print("rows asked for ahead", flush=True)
for n_jobs in (1, 2, 3, 8):
    fit(n_jobs, rows=1300, data=rng.standard_normal((1300, 810)).astype(np.float32))  # more than MEMORY_BYTES

print("one hidden layer, one thread", flush=True)
for dtype in ("float32", "float64"):
    for n_features, hidden, rows in ((1, 5, 30), (9, 40, 1300)):
        fit(1, data=X[:, :n_features], hidden_layer_sizes=(hidden,), rows=rows, batch_size=rows - 1, dtype=dtype)

print("a team that gives way to one thread, and comes back", flush=True)
fit(16, rows=400, max_iter=60)

print("weighted rows", flush=True)
weights = rng.integers(0, 3, 60) / 2.0
for n_jobs in (1, 2, 3, 8):
    for data in (X, sparse):
        model = MLPClassifier((5, 34), normalization="batch", batch_size=25, max_iter=2, n_jobs=n_jobs)
        model.fit(data[:60], Y[:60], weights)

print("passes that are kept, and ways back", flush=True)
for normalization in (None, "layer", "batch"):
    network = fit(1, normalization=normalization, activation=PReLU(), standardize=True).to_network()
    for n_threads in (1, 2, 3, 8):
        for data in (X[:140], sparse[:140]):
            for options in ({}, {"training": True, "dropout": (0.1, 0.2, 0.1)}):
                outputs = network.forward(data, n_threads, keep=True, **options)
                for inputs in (False, True, True):
                    network.backward(outputs, inputs=inputs)
            network.jacobian(data, n_threads=n_threads)
            network.input_gradients(data, targets=Y[:140], n_threads=n_threads)
            network.activations(data, n_threads)
for size in (None, 4):
    network = fit(1, data=columns["float64"], normalization="batch", embedding_size=size).to_network()
    for n_threads in (1, 2, 3, 8):
        outputs = network.forward(columns["float32"][:140], n_threads, keep=True, training=True)
        network.backward(outputs)

print("trees side by side", flush=True)
codes = rng.integers(0, 7, (1300, 9)).astype(np.uint8)


def grow(outputs, n_bins=7, max_leaves=9, **parameters):
    """Grow trees on codes and number the leaves of all rows, and of one."""
    targets = np.eye(outputs)[Y % outputs] if outputs > 1 else (Y == 0).astype(float)
    for classification in (False, True):
        trees = LeafCodes(5, max_leaves, 1, **parameters)
        trees.fit(codes, np.full(9, n_bins), targets, classification=classification, rows=np.arange(0, 1300, 3))
        trees.transform(codes)
        trees.transform(codes[-1:])


for outputs in (1, 2, 3, 7):
    in_threads(lambda outputs=outputs: grow(outputs, max_features=0.5))
    in_threads(lambda outputs=outputs: grow(outputs, 256, 256, subsample=1.0))
in_threads(lambda: Bins().fit(X.astype(float)).transform(X.astype(float)))
for encoder in (BinnedNumbers(), ScaledNumbers(), RankedNumbers(), FrequentValues()):
    numbers = np.round(X.astype(float), 1)
    fitted = encoder.fit(numbers)
    in_threads(lambda fitted=fitted, numbers=numbers: fitted.transform(numbers))

print("centres near rows, maps", flush=True)
for data in (X, sparse):
    for dtype in (np.float32, np.float64):
        rows = rows_of(data.astype(dtype), dtype)
        for n_centers in (1, 5, 70):
            centers = engine.Centers(np.ascontiguousarray(rng.standard_normal((n_centers, X.shape[1])), dtype))
            for n_threads in (1, 2, 3, 8):
                centers.two_nearest(rows, n_threads=n_threads)
                centers.sums_of_nearest(rows, np.ones(rows.n_rows), n_threads=n_threads)
                centers.squared_distances(rows, n_threads=n_threads)
        units = engine.OnlineMap(np.zeros((35, X.shape[1]), dtype), (7, 5))
        units.learn(rows, np.arange(rows.n_rows), np.full((2, 13, 9), 0.1, dtype))

print("units one after another", flush=True)
for low in (-1.0, 0.0):
    for n_threads in (1, 2, 3, 8):
        weights = np.triu(rng.standard_normal((37, 37)), 1)
        states = np.where(rng.random((53, 37)) < 0.5, 1.0, low)
        numbers, keys, temperatures = np.arange(3, 37), np.arange(53, dtype=np.uint64), np.array([1.0, 0.5, 0.0])
        engine.update_units(
            weights + weights.T, np.ones(37), states, numbers, temperatures, keys, low=low, seed=1, every=5,
            n_threads=n_threads,
        )  # fmt: skip

print("restricted Boltzmann machines", flush=True)
for n_jobs in (2, 3, 8):
    for data in (X > 0, scipy.sparse.csr_array((X > 0).astype(np.float32)), (X > 0).astype(np.float32)):
        for how in ({"learning": "pcd"}, {"sparsity_target": 0.1, "n_gibbs": 2}, {"visible": "normal"}):
            machine = RestrictedBoltzmannMachine(35, batch_size=50, max_iter=2, n_jobs=n_jobs, **how).fit(data[:120])
            machine.transform(data)
            machine.inverse_transform(machine.transform(data))
            machine.free_energy(data)
            machine.gibbs(data[:300], 2)
            machine.estimate_log_partition(20, 10)

print("predictions", flush=True)
model = MLPRegressor(hidden_layer_sizes=(40, 30), max_iter=2, n_jobs=3).fit(X, Y.astype(float))
predictor = model.predictor()
for rows in (1, 100, 1300, 13000):
    part = np.resize(X, (rows, X.shape[1]))
    for call in (predictor, model.predict):
        in_threads(lambda call=call, part=part: [call(part) for _ in range(5)])
for size in (None, 16):
    model = MLPRegressor(hidden_layer_sizes=(40, 30), embedding_size=size, max_iter=2, n_jobs=3)
    model.fit(columns["float32"], Y.astype(float))
    predictor = model.predictor()
    for rows in (1, 100, 1300):
        for call in (predictor, model.predict):
            in_threads(lambda call=call, rows=rows: [call(columns["float32"][:rows]) for _ in range(5)])
in_threads(lambda: MLPRegressor(hidden_layer_sizes=(20,), max_iter=2, n_jobs=2).fit(X, Y).predict(X))
