"""Files of models that are changed at random; test_decode.py tries some thousands of them.

python -m tests.mutations 100000 [seed [bytes]]  tries so many, in a process that may have so much memory (4 GB).
"""

import contextlib
import copy
import io
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation, MiniBatchNMF
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import SparseRandomProjection

from fastmlp import MLPClassifier, MLPRegressor, TableModel
from fastmlp.callbacks import Callback, EarlyStopping
from fastmlp.optimizers import SGD
from fastmlp.persistence import FileError, load
from fastmlp.persistence.checks import parts
from fastmlp.schedules import Cosine
from fastmlp.tabular.kinds import EFFORTS, Effort
from tests.files import TYPES, Forgery, made, with_checksum

X = np.random.default_rng(0).standard_normal((30, 5))
WHOLE = np.round(np.abs(X))
FRAME = pd.DataFrame(X, columns=list("xyzuv"))
LABELS = np.array(["lynx", "otter", "stoat"])[np.argmax(X[:, :3], axis=1)]
TEXTS = ["the lynx ran", "an otter swam", "stoat and otter"] * 10


def quiet(make):
    @cache
    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = Forgery(made(make()))
            content.metadata = dict(sorted(content.metadata.items()))  # safetensors writes them in any order
            return content.content()

    return run


class Captured(Callback):
    """A callback that keeps the checkpoint of the last epoch."""

    def on_epoch_end(self, fit):
        self.snapshot = fit.snapshot()


def checkpoint():
    """Return a checkpoint that holds everything a checkpoint may hold."""
    rest = {"normalization": "batch", "early_stopping": True, "max_iter": 2, "random_state": 0}
    captured = Captured()
    model = MLPClassifier((3,), solver=SGD(Cosine(0.1)), callbacks=[EarlyStopping(), captured], **rest)
    model.fit(X, LABELS == "otter")
    return captured.snapshot.set_params(callbacks=[model.callbacks[0]], max_iter=4)


def table_model(frame):
    """Return a model of two networks, so small that most of its file is what the reader of tables knows."""
    bins = next(kind for kind in EFFORTS["default"].kinds if kind.trees is None)
    with mock.patch.dict(EFFORTS, fast=Effort((replace(bins, hidden_layer_sizes=(2,)),), 2)):
        return TableModel("t", effort="fast", random_state=0).fit(frame)


# Files in this folder are in memory, so that reading and writing them costs no time.
MEMORY = Path("/dev/shm")
#: The files that are changed.
BASES = {
    "classifier": quiet(lambda: MLPClassifier((4,), max_iter=2, random_state=0).fit(X, LABELS)),
    "regressor": quiet(lambda: MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(X, X[:, :2])),
    "normalized": quiet(
        lambda: MLPRegressor(
            hidden_layer_sizes=(3, 3), activation="prelu", normalization="batch", standardize=True, ema=0.9, max_iter=2,
            dtype="float32", random_state=0,
        ).fit(X, X[:, 0])
    ),
    "checkpoint": quiet(checkpoint),
    "multilabel": quiet(lambda: MLPClassifier((), solver="muon", max_iter=2, random_state=0).fit(X, X[:, :2] > 0)),
    "pipeline": quiet(
        lambda: make_pipeline(
            OneHotEncoder(handle_unknown="ignore"),
            StandardScaler(with_mean=False),
            MLPClassifier((2,), max_iter=1, random_state=0),
        ).fit(np.round(X), LABELS)
    ),
    "words": quiet(lambda: make_pipeline(TfidfVectorizer(), MLPClassifier((2,), max_iter=1)).fit(TEXTS, LABELS)),
    "counts": quiet(
        lambda: make_pipeline(
            FeatureUnion([("c", CountVectorizer()), ("h", HashingVectorizer(n_features=8, alternate_sign=False))]),
            LatentDirichletAllocation(2, max_iter=1), MaxAbsScaler(), MLPClassifier((2,), max_iter=1),
        ).fit(TEXTS, LABELS)
    ),
    "columns": quiet(
        lambda: make_pipeline(
            ColumnTransformer(
                [
                    ("rare", OneHotEncoder(min_frequency=4, handle_unknown="ignore", drop="first"), [0, 1]),
                    ("few", OneHotEncoder(max_categories=2, handle_unknown="infrequent_if_exist"), [0, 1]),
                    ("order", OrdinalEncoder(max_categories=3), [1]),
                    ("spline", SplineTransformer(n_knots=3, sparse_output=True), [2]),
                    ("bins", KBinsDiscretizer(3, strategy="uniform"), [3, 4]),
                    ("powers", make_pipeline(KNNImputer(), PolynomialFeatures(3), PowerTransformer()), [3, 4]),
                    ("means", TargetEncoder(cv=2), [0]),
                ],
                sparse_threshold=1.0,
            ),
            MLPClassifier((2,), max_iter=1),
        ).fit(WHOLE, LABELS)
    ),
    "factors": quiet(
        lambda: make_pipeline(
            FunctionTransformer(np.abs),
            FeatureUnion([("a", NMF(2, max_iter=5)), ("b", MiniBatchNMF(2, max_iter=2)), ("c", PCA(2)),
                          ("d", SparseRandomProjection(3))]),
            MLPClassifier((2,), max_iter=1),
        ).fit(WHOLE, LABELS)
    ),
    "search": quiet(
        lambda: RandomizedSearchCV(
            make_pipeline(SimpleImputer(), MLPClassifier((2,), max_iter=1)),
            {"mlpclassifier__alpha": loguniform(1e-4, 1), "mlpclassifier__solver": ["adam", SGD()]},
            n_iter=2, cv=2, scoring="accuracy", random_state=0,
        ).fit(X, LABELS)
    ),
    "ensemble": quiet(
        lambda: StackingClassifier(
            [
                ("a", CalibratedClassifierCV(MLPClassifier((2,), max_iter=1), cv=2, method="isotonic")),
                ("b", VotingClassifier([("c", MLPClassifier((2,), max_iter=1)), ("d", LogisticRegression())])),
            ],
            cv=2,
        ).fit(X, LABELS)
    ),
    "one against the rest": quiet(
        lambda: OneVsRestClassifier(make_pipeline(StandardScaler(), MLPClassifier((2,), max_iter=1))).fit(
            X, X[:, :3] > 0
        )
    ),
    "table": quiet(lambda: table_model(FRAME.assign(w=["lynx", "otter", "-"] * 10, t=LABELS))),
    "chain": quiet(lambda: ClassifierChain(MLPClassifier((2,), max_iter=1)).fit(X, X[:, :2] > 0)),
    "target": quiet(
        lambda: TransformedTargetRegressor(
            make_pipeline(
                ColumnTransformer([("a", StandardScaler(), make_column_selector("x"))], remainder="passthrough"),
                MLPRegressor(hidden_layer_sizes=(2,), max_iter=1),
            ),
            func=np.log1p, inverse_func=np.expm1,
        ).fit(pd.DataFrame(X, columns=list("xyzuv")), np.abs(X[:, 0]))
    ),
}  # fmt: skip

VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 5, 624, 625, 2**31, 2**63, -(2**63), 2**64, 10**30, 0.5, -0.5, 1e308, 1e-320, "",
    "a", "auto", "relu", "softmax", "identity", "batch", "layer", "binary", "multiclass", "multilabel-indicator",
    "float32", "float64", "sgd", "lbfgs", [], [None], [[]], {}, {"float": "nan"}, {"float": "inf"}, {"float": "x"},
    {"tuple": []}, {"tuple": [1, 2]}, {"dict": []}, {"dict": [["a", 1]]}, {"bytes": "00ff"}, {"bytes": "zz"},
    {"slice": [0, None, 2]}, {"scalar": "float32", "value": 1.0}, {"scalar": "int64", "value": 2**40},
    {"dtype": "float64"}, {"type": "float64"},
    {"objects": ["a", None], "shape": [2]}, {"objects": [], "shape": [0, 2**40]}, {"tensor": "coefs_.0"},
    {"text": "classes_"}, {"given": ["loss"]}, {"unsaved": "f", "parameter": "loss"},
    {"object": "optimizers.Adam", "state": {}}, {"object": "schedules.Constant", "state": {"learning_rate": 0.1}},
    {"object": "losses.SquaredError", "state": {}},
    {"object": "activations.SiLU", "state": {"beta": 1.0, "learn_beta": True}},
    {"object": "tabular.ClassTargets", "state": {}}, {"object": "optimizers.Descent", "state": {}},
    {"object": "os.system", "state": {}},
    {"function": "numpy.log1p"}, {"function": "numpy.ravel"}, {"function": "os.system"}, {"set": [1]}, "save", "fit",
    {"partial": "numpy.clip", "arguments": [], "keywords": {"dict": [["a_min", 0]]}}, {"named": [["a", 0]]},
    {"object": "sklearn.StandardScaler", "state": {"copy": True, "with_mean": True, "with_std": True}},
    {"arrays": [{"tensor": "coefs_.0"}], "shape": [1]}, {"requests": {"dict": []}}, 20, 10**6, "multiclass",
]  # fmt: skip


def nodes(tree, found=None):
    """Return the places in a tree: each container with each of its keys."""
    found = [] if found is None else found
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            nodes(tree[key], found)
    return found


def change_tree(forged, rng):
    if not (places := nodes(forged.tree)):
        return
    (container, key), (other, other_key) = rng.choice(places), rng.choice(places)
    match rng.randrange(7):
        case 0 | 1 | 2:
            container[key] = copy.deepcopy(rng.choice(VALUES))
        case 3:
            del container[key]
        case 4:
            container[key] = copy.deepcopy(other[other_key])
        case 5:
            if isinstance(container, dict):
                container[rng.choice([other_key, "predict", "_x", "classes_", "state"])] = container.pop(key)
            else:
                container.insert(key, copy.deepcopy(other[other_key]))
        case 6 if type(container[key]) in (int, float):
            container[key] = rng.choice(
                [container[key] + 1, -container[key], container[key] * 1000, float(container[key])]
            )


def change_tensor(forged, rng):
    name = rng.choice(list(forged.tensors))
    array = forged.tensors[name]
    match rng.randrange(6):
        case 0:
            forged.tensors[name] = array[: rng.randrange(len(array) + 1)] if array.ndim else array.reshape(1)
        case 1:
            forged.tensors[name] = np.resize(
                array, [rng.choice([0, 1, 2, 3, 4, 5, 9]) for _ in range(rng.randrange(4))]
            )
        case 2:
            forged.tensors[name] = np.resize(array, array.shape).astype(rng.choice([t for t in TYPES if t != "bool"]))
        case 3:
            forged.tensors[name] = (
                np.frombuffer(rng.randbytes(array.nbytes), np.uint8).view(array.dtype).reshape(array.shape)
            )
        case 4:
            other = rng.choice(list(forged.tensors))
            forged.tensors[name], forged.tensors[other] = forged.tensors[other], array
        case 5:
            forged.tensors[rng.choice([name + "x", "", "__metadata"])] = forged.tensors.pop(name)


def forged(content, rng):
    """Return a file that says something else, with a checksum that fits."""
    forgery = Forgery(content)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            (change_tree if rng.random() < 0.75 or not forgery.tensors else change_tensor)(forgery, rng)
    return forgery.content()


def damaged(content, rng):
    """Return a file some of whose bytes are changed."""
    content, n = bytearray(content), len(content)
    header = 8 + int.from_bytes(content[:8], "little")
    at = rng.randrange(rng.choice([16, header, n]))
    match rng.randrange(8):
        case 0:
            return bytes(content[:at])
        case 1:
            content[at] ^= 1 << rng.randrange(8)
        case 2:
            content[at] = (content[at] + rng.randrange(1, 256)) % 256
        case 3:
            length = rng.choice(
                [0, 1, header, n, n - 8, n - 7, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, rng.randrange(2**64)]
            )
            content[:8] = struct.pack("<Q", length)
        case 4:
            content[at : at + rng.randrange(1, 8)] = rng.choice(
                [b"NaN", b"1e999", b"[" * 200, b'{"a":', b"-", b'"', b"\\u0000"]
            )
        case 5:
            content[at:at] = content[at : at + rng.randrange(1, 200)]
        case 6:
            del content[at : at + rng.randrange(1, 200)]
        case 7:
            return rng.randbytes(rng.randrange(400))
    return bytes(content)


def mutants(n, seed):
    """Yield numbered pairs of a file and whether its checksum fits, as it does for half of them."""
    contents = [make() for make in BASES.values()]
    for number in range(n):
        rng = random.Random(f"{seed}:{number}")
        content = rng.choice(contents)
        match rng.randrange(8):
            case 0 | 1 | 2 | 3:
                yield number, (forged(content, rng), True)
            case 4:
                changed = damaged(content, rng)
                fits = changed.count(b'"checksum":"') == 1
                yield number, (with_checksum(changed) if fits else changed, fits or changed == content)
            case _:
                changed = damaged(content, rng)
                yield number, (changed, changed == content)


def try_mutant(mutant, path, number=None):
    """Load a file and return whether it holds a model; the model then predicts and trains, or raises an exception.

    A file whose checksum does not fit must not be loaded.
    """
    content, may_load = mutant
    path.write_bytes(content)
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            model = load(path)
        except FileError as error:
            assert str(path) in str(error), number
            return False
        assert may_load, f"mutant {number} was loaded, though its bytes had been changed"
        found = list(parts(model, set()))
        for part in found:  # threads cost more memory than the test may have, and processes more time
            if "n_jobs" in getattr(part, "__dict__", ()):
                part.n_jobs = 1
        for samples in (X, np.round(X).astype(np.float32), WHOLE, np.zeros((1, 1)), TEXTS, csr_matrix(WHOLE), FRAME):
            for method in ("predict", "predict_proba", "transform", "score_samples"):
                try:
                    getattr(model, method)(samples)
                except Exception:
                    continue
        for network in found:
            if getattr(network, "_checkpoint", None) is not None:
                with contextlib.suppress(Exception):
                    network.set_params(max_iter=3).resume(X, LABELS == "otter")
            if isinstance(network, MLPClassifier | MLPRegressor | MiniBatchNMF | StandardScaler):
                for targets in (LABELS, X[:, :2] > 0, X[:, 0]):
                    try:
                        network.partial_fit(X, targets)
                    except Exception:
                        continue
    return True


def main(n, seed=0, memory=4 * 2**30):
    """Try n mutants, and print what came of them."""
    n, seed, memory = int(n), int(seed), int(memory)
    contents = [make() for make in BASES.values()]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    start, slowest, n_loaded = time.perf_counter(), 0.0, 0
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder:
        for number, mutant in mutants(n, seed):
            before = time.perf_counter()
            n_loaded += try_mutant(mutant, Path(folder) / "mutant", number)
            slowest = max(slowest, time.perf_counter() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = time.perf_counter() - start
    print(
        f"{n} mutants of {len(contents)} files ({min(map(len, contents))} to {max(map(len, contents))} bytes):"
        f" {n_loaded} loaded, {n - n_loaded} refused, in {seconds:.0f} s; the slowest took {slowest:.2f} s; peak memory"
        f" {peak} MB"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
