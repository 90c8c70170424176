"""What the displays' numbers tell: dead units, saturated units, and how steep the loss is around a solution.

python docs/inspection.py [--quick]
"""

import matplotlib.pyplot as plt
import numpy as np
from page import classifier, digits, is_quick, spread, table

from fastmlp.initializers import Normal
from fastmlp.inspection import LayerStatisticsDisplay, LossLandscapeDisplay

HIDDEN = (64,) * 4


def statistics(seeds, **parameters):
    """Return the records of a display for a fit from each seed, and their accuracies on the test rows in percent."""
    X, X_test, y, y_test = digits()
    records, accuracies = [], []
    for seed in range(seeds):
        clf = classifier(HIDDEN, random_state=seed, **parameters).fit(X, y)
        display = LayerStatisticsDisplay.from_estimator(clf, X, y)
        plt.close(display.figure_)
        records += display.records
        accuracies.append(100 * clf.score(X_test, y_test))
    return records, accuracies


def units(title, share, cases, seeds, epochs):
    """Print a share for each hidden layer, and the accuracy."""
    rows = []
    for name, case in cases.items():
        records, accuracies = statistics(seeds, max_iter=epochs, **case)
        shares = np.mean([record[share] for record in records], axis=0)
        rows.append([name, *(f"{100 * value:.0f}" for value in shares), spread(accuracies)])
    header = ["network", *(f"layer {i + 1}" for i in range(len(HIDDEN))), "accuracy"]
    table(f"{title}, in percent, after {epochs} epochs:", header, rows)


def steepness(seeds, epochs):
    """Print how far the loss rises along random directions, as the median over starts and directions."""
    X, X_test, y, y_test = digits()
    cases = {
        "batches of 8": {"batch_size": 8},
        "batches of 64": {"batch_size": 64},
        "batches of 500": {"batch_size": 500},
        "batches of 8, `alpha=0.1`": {"batch_size": 8, "alpha": 0.1},
        "batches of 8, `normalization='batch'`": {"batch_size": 8, "normalization": "batch"},
    }
    rows = []
    for name, case in cases.items():
        losses, accuracies = [], []
        for seed in range(seeds):
            clf = classifier((64, 64), random_state=seed, max_iter=epochs, **case).fit(X, y)
            for direction in range(5):
                display = LossLandscapeDisplay.from_estimator(
                    clf, X, y, n_points=9, random_state=direction, kind="line"
                )
                plt.close(display.figure_)
                # Both ways from the middle.
                losses.append((display.losses[4:] + display.losses[4::-1]) / 2)
            accuracies.append(100 * clf.score(X_test, y_test))
        middle = np.median(losses, axis=0)
        rows.append([name, *(f"{loss:.2g}" for loss in middle), spread(accuracies)])
    header = ["training", *(f"{step:g}" for step in np.linspace(0, 1, 5)), "accuracy"]
    table(f"Loss at a distance from the solution, after {epochs} epochs:", header, rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    seeds = 1 if quick else 5
    rates = {f"rate {rate}": {"learning_rate_init": rate} for rate in (0.001, 0.01, 0.03, 0.1)}
    units("Dead units of ReLU with adam", "dead", rates, seeds, 1 if quick else 20)
    starts = {f"`{start!r}`": {"activation": "tanh", "weight_init": start} for start in map(Normal, (0.1, 0.3, 1.0))}
    units("Saturated outputs of tanh, by initial weights", "saturated", starts, seeds, 1 if quick else 20)
    steepness(seeds, 1 if quick else 60)


if __name__ == "__main__":
    main()
