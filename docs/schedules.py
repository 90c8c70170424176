"""Learning rates that change, against one that stays: the same epochs, rates from small to too large.

python docs/schedules.py [--quick]
"""

import numpy as np
from page import accuracies, digits, is_quick, spread, table

from fastmlp.schedules import SCHEDULES

RATES = (0.01, 0.03, 0.1, 0.3)


def best_of_rates(seeds, epochs, schedules):
    """Print the accuracy at each rate, the highest one of the schedule."""
    data, rows = digits(), []
    for name in schedules:
        cases = [{"solver": "sgd", "learning_rate": name, "learning_rate_init": rate} for rate in RATES]
        found = [accuracies(data, seeds, (32, 32), batch_size=20, max_iter=epochs, **case) for case in cases]
        rows.append([f"`{name}`", *map(spread, found)])
    header = ["schedule", *(f"rate {rate}" for rate in RATES)]
    table(f"Accuracy after {epochs} epochs, in percent:", header, rows)


def shapes(names):
    """Print the rates themselves, of a training of 100 steps."""
    parts = np.array([0, 10, 30, 50, 75, 99])
    rows = []
    for name in names:
        schedule = SCHEDULES[name](1.0).bound(n_steps=100, steps_per_epoch=10)
        rows.append([f"`{name}`", *(f"{rate:.3f}" for rate in schedule(parts))])
    table("Rate at a step of 100:", ["schedule", *parts], rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    shapes(["linear", "cosine", "one_cycle", "coslog4", "flat_cos"])
    best_of_rates(1 if quick else 10, 1 if quick else 10, ["constant", "cosine", "one_cycle"])
    best_of_rates(1 if quick else 5, 1 if quick else 30, SCHEDULES)


if __name__ == "__main__":
    main()
