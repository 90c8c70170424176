"""Watching and steering a fit: a learning rate found, an early stop, a plot; and wrong labels caught by a callback.

python examples/watching.py
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fastmlp import MLPClassifier
from fastmlp.callbacks import Callback, EarlyStopping, LearningRateFinder
from fastmlp.inspection import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X, X_val, y, y_val = train_test_split(X / 16, y, stratify=y, random_state=0)

# %% Somebody has labelled 50 of the 1347 digits wrongly. Which?
rng = np.random.default_rng(0)
mislabelled = rng.choice(len(y), 50, replace=False)
y[mislabelled] = (y[mislabelled] + rng.integers(1, 10, 50)) % 10


class Doubts(Callback):
    """Counts the epochs after which the network does not believe a label: what is wrong is learned last."""

    def on_fit_begin(self, fit):
        """Begin with no doubts."""
        self.epochs_ = np.zeros(fit.n_samples, dtype=int)

    def on_epoch_end(self, fit):
        """Compare predictions with labels."""
        self.epochs_ += fit.fitted().predict(fit.X) != fit.y


# %% Callbacks are called in this order; the rate is found before the first epoch.
finder, stopping, doubts = LearningRateFinder(), EarlyStopping("validation_accuracy", patience=10), Doubts()
clf = MLPClassifier(
    (64,),
    batch_size=32,
    scoring=["accuracy", "roc_auc_ovr"],
    callbacks=[finder, stopping, doubts],
    random_state=0,
)
clf.fit(X, y, eval_set=(X_val, y_val))
print(f"learning rate found: {finder.suggestion_:.4f}; best epoch: {stopping.best_epoch_} of {clf.n_iter_}")

history = pd.DataFrame(clf.history_, index=pd.RangeIndex(1, clf.n_iter_ + 1, name="epoch"))
print(history.loc[[1, 2, stopping.best_epoch_, clf.n_iter_]].round(4).to_string())

# %% In the best epoch the training's loss is the larger one: a hint that not all of its labels can be right.
curves = TrainingCurveDisplay.from_estimator(clf, metrics=["loss", "validation_loss", "validation_accuracy"])
path = Path(tempfile.mkdtemp()) / "curves.png"
curves.figure_.savefig(path)
print(f"curves: {path}")

# %% The labels doubted longest, and a fit without those digits.
suspects = np.argsort(-doubts.epochs_, kind="stable")[:50]
caught = np.isin(suspects, mislabelled).sum()
print(f"{caught} of the 50 labels doubted longest are wrong")

cleaned = MLPClassifier((64,), batch_size=32, callbacks=[LearningRateFinder(), EarlyStopping()], random_state=0)
cleaned.fit(np.delete(X, suspects, axis=0), np.delete(y, suspects), eval_set=(X_val, y_val))
print(f"accuracy {clf.score(X_val, y_val):.4f}, without those digits {cleaned.score(X_val, y_val):.4f}")
