"""A drop-in: one pipeline and grid search, with scikit-learn's MLPClassifier and with fastmlp's.

python examples/drop_in.py
"""

from importlib.util import find_spec
from time import perf_counter

import numpy as np
import pandas as pd
import sklearn.neural_network
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp.optimizers import AdamW
from fastmlp.schedules import OneCycle

X_train, X_test, y_train, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)


def search(mlp, grid):
    """Return a grid search that is done, and how many seconds it took."""
    found = GridSearchCV(Pipeline([("scale", StandardScaler()), ("mlp", mlp)]), grid, cv=3)
    if find_spec("rich"):  # with which scikit-learn draws progress bars; its callbacks hear of fastmlp's epochs, too
        found.set_callbacks(ProgressBar(max_propagation_depth=0))
    start = perf_counter()
    return found.fit(X_train, y_train), perf_counter() - start


# %% The import is all that changes.
setting = {"hidden_layer_sizes": (64,), "batch_size": 32, "early_stopping": True, "random_state": 0}
grid = {"mlp__alpha": [1e-4, 1e-1, 10.0], "mlp__learning_rate_init": [1e-3, 1e-2]}
theirs, their_seconds = search(sklearn.neural_network.MLPClassifier(**setting), grid)
ours, our_seconds = search(fastmlp.MLPClassifier(**setting), grid)

folds = [f"split{fold}_test_score" for fold in range(3)]
same = all(np.array_equal(theirs.cv_results_[fold], ours.cv_results_[fold]) for fold in folds)
accuracies = pd.DataFrame(ours.cv_results_["params"])
for name, found in {"scikit-learn": theirs, "fastmlp": ours}.items():
    accuracies[name] = found.cv_results_["mean_test_score"]
print(accuracies.round(4).to_string(index=False))
print(f"the same in every fold: {same}; scikit-learn took {their_seconds / our_seconds:.1f} times as long\n")

# %% What scikit-learn has not is searched in the same way; optimizers have parameters of their own.
mlp = fastmlp.MLPClassifier((64,), activation="silu", solver=AdamW(OneCycle(0.01)), batch_size=32, random_state=0)
grid = {"mlp__solver__weight_decay": [0.01, 0.1], "mlp__dropout": [0.0, 0.3], "mlp__label_smoothing": [0.0, 0.1]}
more, more_seconds = search(mlp.set_params(max_iter=40, n_iter_no_change=40), grid)
print(f"{len(more.cv_results_['params'])} with one cycle in {more_seconds:.1f} s, the best: {more.best_params_}")
for name, found in {"scikit-learn": theirs, "fastmlp": ours, "one cycle": more}.items():
    print(f"{name:12s} cross-validated {found.best_score_:.4f}, on test digits {found.score(X_test, y_test):.4f}")
