"""Every phase of the engine with teams of several sizes, on little data: what sanitize watches.

Results are the tests' business; here they only have to be made.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse

from fastmlp import MLPClassifier, MLPRegressor, show_config
from fastmlp.activations import PReLU

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.standard_normal((1300, 9)).astype(np.float32)
Y = np.arange(len(X)) % 3


def fit(n_jobs, rows=60, **parameters):
    """A classifier after some minibatches of two epochs or more; three of unequal length in each unless told otherwise."""
    given = {"hidden_layer_sizes": (34, 5), "batch_size": 25, "max_iter": 2, "random_state": 0} | parameters
    return MLPClassifier(n_jobs=n_jobs, **given).fit(X[:rows], Y[:rows])


def in_threads(call, n=4):
    """What so many Python threads get that make a call at once."""
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda _: call(), range(n)))


# Whoever is first decides what multiplies bfloat16 numbers.
in_threads(lambda: fit(2, dtype="bfloat16"))

FITS = {
    "plain": {},
    "double precision": {"dtype": "float64"},
    "one batch in several chunks": {"rows": 1300, "batch_size": 1300, "hidden_layer_sizes": (5,)},
    "gradients of row blocks": {"rows": 450, "batch_size": 200, "hidden_layer_sizes": (64, 64)},
    "bfloat16": {"dtype": "bfloat16", "rows": 130, "batch_size": 70},
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
    "early stopping": {"early_stopping": True, "max_iter": 3},
    "lbfgs": {"solver": "lbfgs"},
    "muon": {"solver": "muon"},
}  # fmt: skip
dense = X
for name, parameters in FITS.items():
    print(name, flush=True)
    for n_jobs in (2, 3, 8):
        X = dense
        fit(n_jobs, **parameters)
        if "input_noise" not in parameters and "muon" != name:
            X = scipy.sparse.csr_array(np.where(dense > 0, dense, 0))
            fit(n_jobs, **parameters)
X = dense

print("a team that gives way to one thread, and comes back", flush=True)
fit(16, rows=400, max_iter=60)

print("predictions", flush=True)
model = MLPRegressor(hidden_layer_sizes=(40, 30), max_iter=2, n_jobs=3).fit(X, Y.astype(float))
predictor = model.predictor()
for rows in (1, 100, 1300):
    part = np.ascontiguousarray(X[:rows])
    in_threads(lambda: [predictor(part) for _ in range(5)])
    in_threads(lambda: [model.predict(part) for _ in range(5)])
in_threads(lambda: MLPRegressor(hidden_layer_sizes=(20,), max_iter=2, n_jobs=2).fit(X, Y).predict(X))
show_config()
