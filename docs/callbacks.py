"""What callbacks are worth: epochs and accuracy with a fixed number of epochs, and with callbacks that decide.

python docs/callbacks.py [--quick]
"""

import numpy as np
from page import classifier, digits, is_quick, spread, table
from sklearn.model_selection import train_test_split

from fastmlp.callbacks import EarlyStopping, LearningRateFinder, ReduceOnPlateau

CASES = {
    "none": list,
    "`EarlyStopping(patience=10)`": lambda: [EarlyStopping(patience=10)],
    "`EarlyStopping('validation_score', patience=10)`": lambda: [EarlyStopping("validation_score", patience=10)],
    "`ReduceOnPlateau(patience=3)`": lambda: [ReduceOnPlateau(patience=3)],
    "`LearningRateFinder()`, `EarlyStopping()`": lambda: [LearningRateFinder(), EarlyStopping()],
}


def runs(seeds, epochs, callbacks):
    """Return accuracies on the test rows, in percent, and numbers of epochs, a fit from each seed."""
    X, X_test, y, y_test = digits()
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    found = []
    for seed in range(seeds):
        model = classifier(max_iter=epochs, random_state=seed, callbacks=callbacks())
        model.fit(X, y, eval_set=(X_val, y_val))
        found.append((100 * model.score(X_test, y_test), model.n_iter_))
    return np.array(found).T


def main():
    """Print the page's table."""
    quick = is_quick(__doc__)
    rows = []
    for name, callbacks in CASES.items():
        accuracies, epochs = runs(1 if quick else 5, 3 if quick else 200, callbacks)
        rows.append([name, spread(accuracies), spread(epochs, 0)])
    table("800 rows to learn from, 200 to watch:", ["callbacks", "accuracy", "epochs"], rows)


if __name__ == "__main__":
    main()
