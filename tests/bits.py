"""Records, and compares, the bits of many small fits: what a change of structure must leave as it is.

``python -m tests.bits record FILE`` fits every case on every instruction set of the CPU and writes the hashes of the
weights, losses and predictions; ``python -m tests.bits check FILE`` does so again and names the cases that came out
otherwise. Hashes are comparable on one machine with one compiler only, so no file of them belongs to the repository:
record them before a change and compare after it.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import scipy.sparse

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, activations, callbacks, losses
from fastmlp.activations import ACTIVATIONS
from fastmlp.augmentation import AUGMENTATIONS
from fastmlp.engine import SUPPORTED_ISAS
from fastmlp.initializers import INITIALIZERS
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.losses import NAMED_LOSSES
from fastmlp.optimizers import OPTIMIZERS
from fastmlp.schedules import SCHEDULES

N_SAMPLES, N_FEATURES = 103, 16  # Neither batches nor vectors come out even; 16 inputs are a picture of 4 by 4.


def data():
    """Return X, classes of 3 kinds, and positive targets of one and of two columns."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES))
    signal = X @ rng.standard_normal((N_FEATURES, 3))
    return X, signal.argmax(axis=1), np.exp(signal[:, 0] / 4), np.exp(signal[:, :2] / 4)


def encoded(dtype):
    """Return the samples as encoded columns: numbers of several bins and of one, and categories."""
    rng, layout = np.random.default_rng(1), ColumnsLayout((5, 1, 30), (4, 9))
    codes = np.stack([rng.integers(0, n, N_SAMPLES) for n in layout.n_inputs], axis=1).astype(np.uint8)
    return EncodedColumns(codes, rng.uniform(-0.5, 1.5, (N_SAMPLES, 3)).astype(dtype), layout)


def cases():
    """Return the cases by name: each a function that returns a fitted estimator and the samples to predict."""
    X, labels, y, Y = data()
    X32 = X.astype(np.float32)
    sparse = scipy.sparse.csr_array(np.maximum(X, 0))
    weights = np.arange(N_SAMPLES) % 4 + 0.5
    shape = {"hidden_layer_sizes": (37, 18), "batch_size": 20, "max_iter": 4, "random_state": 0}

    def classifier(X=X, y=labels, sample_weight=None, **parameters):
        return lambda: (MLPClassifier(**{**shape, **parameters}).fit(X, y, sample_weight), X)

    def regressor(X=X, y=y, sample_weight=None, **parameters):
        return lambda: (MLPRegressor(**{**shape, **parameters}).fit(X, y, sample_weight), X)

    def partial():
        model = MLPClassifier(**shape)
        for start in (0, 50, 20):
            model.partial_fit(X[start : start + 50], labels[start : start + 50], classes=[0, 1, 2])
        return model, X

    def warm():
        model = MLPRegressor(**shape, warm_start=True, solver="amsgrad").fit(X, y)
        return model.set_params(solver="sgd", max_iter=2).fit(X[:60], y[:60]), X

    def resumed():
        model = MLPClassifier(**{**shape, "max_iter": 7}, dropout=0.2, learning_rate="cosine", ema=0.9)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.fastmlp")
            model.set_params(callbacks=[callbacks.ModelCheckpoint(path, every=3)]).fit(X, labels, weights)
            return fastmlp.load(path).set_params(callbacks=None, max_iter=9).resume(X, labels, weights), X

    def stopped():
        clf = MLPClassifier(**{**shape, "max_iter": 40}, early_stopping=True, n_iter_no_change=3, solver="sgd")
        return clf.fit(X, labels), X

    def evaluated():
        model = MLPRegressor(**shape, scoring="neg_mean_absolute_error")
        return model.fit(X, Y, eval_set={"a": (X[:30], Y[:30]), "b": (X[30:], Y[30:], weights[30:])}), X

    named = {
        "plain": classifier(),
        "plain float32": classifier(X32),
        "regression": regressor(),
        "two outputs": regressor(y=Y, loss_weights=[1, 3]),
        "linear": classifier(hidden_layer_sizes=()),
        "shallow": regressor(X[:, :4], hidden_layer_sizes=(50,)),
        "shallow float32": classifier(X32[:, :4], labels == 1, hidden_layer_sizes=(100,)),
        "wide": classifier(X32, hidden_layer_sizes=(300, 200), batch_size=103),
        "deep": classifier(hidden_layer_sizes=(20,) * 8, activation="tanh"),
        "batch of 1": classifier(batch_size=1, max_iter=1),
        "chunks of a batch": classifier(np.tile(X32, (30, 1)), np.tile(labels, 30), batch_size=3000, max_iter=2),
        "binary": classifier(y=labels == 1),
        "multilabel": classifier(y=np.stack([labels == 0, labels != 1], axis=1).astype(int)),
        "weights": classifier(sample_weight=weights),
        "class weights": classifier(class_weight="balanced", label_smoothing=0.1),
        "partial_fit": partial,
        "warm start": warm,
        "resume": resumed,
        "early stopping": stopped,
        "eval_set": evaluated,
        "sparse": classifier(sparse),
        "sparse dropout": regressor(sparse, input_dropout=0.2, dropout=0.1, standardize=True),
        "bfloat16": classifier(X32, dtype="bfloat16", hidden_layer_sizes=(70, 40)),
        "bfloat16 norm": regressor(dtype="bfloat16", normalization="layer", dropout=0.1, standardize=True),
        "bfloat16 sparse": classifier(sparse.astype(np.float32), dtype="bfloat16"),
        "dropout": classifier(dropout=[0.2, 0.4], input_dropout=0.1, input_noise=0.1),
        "standardize": regressor(3 * X + 1, standardize=True, sample_weight=weights),
        "penalties": classifier(alpha=0.1, l1=0.01),
        "clip norm": classifier(gradient_clip_norm=0.1, ema=0.9, solver="sgd"),
        "clip value": regressor(gradient_clip_value=0.01, max_norm=1.0, dropout=0.1),
        "clip all": classifier(
            X32, gradient_clip_norm=0.1, gradient_clip_value=0.01, max_norm=0.7, l1=0.001, normalization="batch"
        ),
        "residual": classifier(residual=True, normalization="layer", dropout=0.1),
        "residual float32": regressor(X32, residual=True, hidden_layer_sizes=(16, 16, 16), l1=0.01),
        "encoded columns": classifier(encoded(float), early_stopping=True, dropout=0.2),
        "encoded columns float32": regressor(encoded(np.float32), y, weights, normalization="batch", max_norm=2.0),
        "encoded columns bfloat16": classifier(encoded(np.float32), dtype="bfloat16", gradient_clip_norm=0.5, l1=0.01),
        "embeddings": classifier(encoded(float), embedding_size=8, dropout=0.2, input_dropout=0.1, max_norm=1.0),
        "embeddings float32": regressor(encoded(np.float32), y, weights, embedding_size=4, normalization="layer"),
        "embeddings bfloat16": classifier(encoded(np.float32), embedding_size=16, dtype="bfloat16", ema=0.9, l1=0.01),
        "integers": classifier((4 * X).astype(np.int16)),
        "fortran": classifier(np.asfortranarray(X)),
        "lbfgs": classifier(solver="lbfgs", max_iter=15, hidden_layer_sizes=(20,)),
        "lbfgs regression": regressor(X32, solver="lbfgs", max_iter=15, normalization="layer"),
        "custom loss": regressor(loss=half_squares),
        "custom activation": classifier(activation=Sine()),
        "quantiles": regressor(loss=losses.Pinball([0.1, 0.5, 0.9])),
        "learned slopes": regressor(activation=activations.PReLU(0.2)),
        "mixed activations": classifier(activation=["gelu", "hard_swish"], normalization="layer"),
    }
    for normalization in ("batch", "layer"):
        named[f"normalization {normalization}"] = classifier(normalization=normalization, sample_weight=weights)
        named[f"normalization {normalization} float32"] = regressor(
            X32, y=Y, normalization=normalization, activation="prelu", dropout=0.1
        )
    for name in OPTIMIZERS:
        named[f"solver {name}"] = regressor(solver=name, normalization="layer" if name == "muon" else None)
        named[f"solver {name} float32"] = classifier(X32, solver=name, ema=None if name == "lbfgs" else 0.9)
    for name in SCHEDULES:
        named[f"learning_rate {name}"] = classifier(learning_rate=name, solver="sgd", max_iter=6)
    for name in NAMED_LOSSES:
        if name in ("log_loss", "hinge", "squared_hinge", "perceptron", "focal"):
            named[f"loss {name}"] = classifier(y=labels == 1 if name == "perceptron" else labels, loss=name)
            named[f"loss {name} binary"] = classifier(X32, labels == 1, loss=name, sample_weight=weights)
        else:
            named[f"loss {name}"] = regressor(loss=name)
            named[f"loss {name} float32"] = regressor(X32, Y, loss=name, sample_weight=weights)
    named["loss squared_error of classes"] = classifier(loss="squared_error")
    for name in ACTIVATIONS:
        named[f"activation {name}"] = classifier(activation=name)
        named[f"activation {name} float32"] = regressor(X32, activation=name, normalization="batch")
    for name in INITIALIZERS:
        named[f"weight_init {name}"] = regressor(weight_init=name, max_iter=1)
    for name in AUGMENTATIONS:
        named[f"augment {name}"] = classifier(augment=name)
    return named


class Sine(activations.Activation):
    def __call__(self, z):
        return np.sin(z)

    def derivative(self, z):
        return np.cos(z)


def half_squares(targets, outputs, sample_weight):
    return ((outputs - targets) ** 2).mean() / 2, (outputs - targets) / len(targets)


def hashed(model, X):
    """Return the hash of all numbers that a fit came to, and of its predictions."""
    bits = hashlib.sha256()
    state = {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}
    state["history_"] = {name: values for name, values in model.history_.items() if "seconds" not in name}
    for name in sorted(state):
        if isinstance(state[name], str | int | float | list | tuple | dict | np.ndarray | np.generic):
            bits.update(f"{name}={numbers(state[name])}".encode())
    for name in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, name):
            bits.update(np.ascontiguousarray(getattr(model, name)(X)).tobytes())
    plain = np.ones((2, model.n_features_in_), model.coefs_[0].dtype)
    bits.update(model.predictor()(X[:2] if isinstance(X, EncodedColumns) else plain).tobytes())
    return bits.hexdigest()[:16]


def numbers(value):
    """Return a text that tells any two values apart which differ in a bit."""
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype}{value.shape}{np.ascontiguousarray(value).tobytes().hex()}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(numbers, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{numbers(each)}' for key, each in value.items())}}}"
    return value.hex() if isinstance(value, float) else repr(value)


def all_hashes():
    """Return a hash for each case and number of threads; all three numbers give the same, or the case says so."""
    warnings.simplefilter("ignore")
    hashes = {}
    for name, case in cases().items():
        found = set()
        for n_jobs in (1, 2, 3):
            model, X = with_threads(case, n_jobs)
            found.add(hashed(model, X))
        hashes[name] = found.pop() if len(found) == 1 else "depends on the threads"
    return hashes


def with_threads(case, n_jobs):
    """Run a case with estimators whose n_jobs is that number."""
    defaults = [(kind, kind.__init__.__kwdefaults__) for kind in (MLPClassifier, MLPRegressor)]
    try:
        for kind, values in defaults:
            kind.__init__.__kwdefaults__ = {**values, "n_jobs": n_jobs}
        return case()
    finally:
        for kind, values in defaults:
            kind.__init__.__kwdefaults__ = values


def of_instruction_set(isa):
    done = subprocess.run(
        [sys.executable, "-m", "tests.bits", "print", ""],
        env={**os.environ, "FASTMLP_ISA": isa},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {f"{isa}: {name}": bits for name, bits in json.loads(done.stdout).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["record", "check", "print"])
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "print":
        print(json.dumps(all_hashes()))
        return 0
    isas = os.environ.get("FASTMLP_ISA", "").split(",") if os.environ.get("FASTMLP_ISA") else SUPPORTED_ISAS
    with ThreadPoolExecutor(2) as pool:
        hashes = {name: bits for part in pool.map(of_instruction_set, isas) for name, bits in part.items()}
    if arguments.what == "record":
        arguments.file.write_text(json.dumps(hashes, indent=1) + "\n")
        print(f"{len(hashes)} hashes in {arguments.file}")
        return 0
    expected = {
        name: bits for name, bits in json.loads(arguments.file.read_text()).items() if name.partition(":")[0] in isas
    }
    others = [name for name in expected if hashes.get(name) != expected[name]]
    for name in others:
        print(f"not the same bits: {name}")
    print(f"{len(expected) - len(others)} of {len(expected)} are equal")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
