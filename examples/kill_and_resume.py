"""A training that is killed, and goes on from its last checkpoint to the very model it would have come to.

python examples/kill_and_resume.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

import fastmlp
from fastmlp.callbacks import EarlyStopping, ModelCheckpoint, ReduceOnPlateau

X, y = make_classification(20_000, 40, n_informative=20, n_classes=5, class_sep=1.5, random_state=0)
X, X_val, y, y_val = train_test_split(X.astype(np.float32), y, test_size=0.1, random_state=0)


def train(*callbacks):
    """Train with all that makes resuming hard: chance, memories of optimizer, averages and callbacks."""
    classifier = fastmlp.MLPClassifier(
        (256, 128),
        solver="adamw",
        dropout=0.3,
        normalization="batch",
        ema=0.99,
        callbacks=[ReduceOnPlateau(patience=3), EarlyStopping(patience=8), *callbacks],
        random_state=0,
    )
    return classifier.fit(X, y, eval_set=(X_val, y_val))


if len(sys.argv) == 2:  # in the process that is started below
    train(ModelCheckpoint(sys.argv[1]))
    sys.exit()

# %% Another process trains, writing a checkpoint after each epoch. SIGKILL leaves it no time to tidy up.
path = Path(tempfile.mkdtemp()) / "model.fastmlp"
process = subprocess.Popen([sys.executable, __file__, path])
while process.poll() is None and not (path.exists() and fastmlp.load(path).n_iter_ >= 10):
    sleep(0.02)  # the file may be read at any time: it is the old or the new one, never half of one
process.kill()
print(f"exit status {process.wait()}; {path.stat().st_size / 1e6:.1f} MB on disk")

# %% What is left is a model, which predicts; and a training, which goes on.
model = fastmlp.load(path)
epochs_then = model.n_iter_
print(f"loaded:          {epochs_then} epochs, accuracy {model.score(X_val, y_val):.4f}")
model.resume(X, y, eval_set=(X_val, y_val))
print(f"resumed:         {model.n_iter_} epochs, accuracy {model.score(X_val, y_val):.4f}")

# %% The same without a break: the same bits, and but for the time it took the same history.
whole = train()
print(f"without a break: {whole.n_iter_} epochs, accuracy {whole.score(X_val, y_val):.4f}")
same_weights = all(map(np.array_equal, model.coefs_ + model.intercepts_, whole.coefs_ + whole.intercepts_))
same_outputs = np.array_equal(model.predict_proba(X_val), whole.predict_proba(X_val))
resumed, unbroken = (pd.DataFrame(estimator.history_).drop(columns="seconds") for estimator in (model, whole))
print(f"the same: weights {same_weights}, probabilities {same_outputs}, history {resumed.equals(unbroken)}")
