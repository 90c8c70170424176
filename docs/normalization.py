"""What batch and layer normalization and standardized inputs do, and what they do not.

python docs/normalization.py [--quick]
"""

from page import accuracies, digits, is_quick, spread, table
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

KINDS = (None, "batch", "layer")


def rates(hidden, activation, seeds, epochs):
    """Print the accuracy at each rate."""
    data, steps = digits(), (0.001, 0.01, 0.1, 1.0)
    rows = []
    for kind in KINDS:
        cases = [{"normalization": kind, "solver": "sgd", "learning_rate_init": rate} for rate in steps]
        found = [
            accuracies(data, seeds, hidden, activation, weight_init="he_normal", max_iter=epochs, **case)
            for case in cases
        ]
        rows.append([f"`{kind}`", *map(spread, found)])
    table(
        f"{len(hidden)} hidden layers of {hidden[0]}, {activation}, {epochs} epochs: accuracy in percent",
        ["`normalization`", *(f"rate {rate}" for rate in steps)],
        rows,
    )


def batches(seeds, epochs):
    """Print the accuracy with smaller and smaller batches."""
    data, sizes, rows = digits(), (64, 16, 4, 2), []
    for kind in KINDS:
        found = [
            accuracies(data, seeds, normalization=kind, batch_size=size, max_iter=epochs, learning_rate_init=0.003)
            for size in sizes
        ]
        rows.append([f"`{kind}`", *map(spread, found)])
    header = ["`normalization`", *(f"batches of {size}" for size in sizes)]
    table(f"2 hidden layers of 64, adam, {epochs} epochs: accuracy in percent", header, rows)


def inputs(seeds, epochs):
    """Print what standardized inputs are worth, on features of very different scales."""
    X, y = load_wine(return_X_y=True)
    data = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    rows = []
    for name, case in {
        "as they are": {},
        "`normalization='batch'`": {"normalization": "batch"},
        "`standardize=True`": {"standardize": True},
    }.items():
        rows.append([name, spread(accuracies(data, seeds, (32,), max_iter=epochs, **case))])
    table(f"Wine data, {epochs} epochs: accuracy in percent", ["inputs", "accuracy"], rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    seeds = 1 if quick else 5
    rates((64,) * 10, "relu", seeds, 1 if quick else 10)
    rates((64,) * 10, "logistic", seeds, 1 if quick else 10)
    batches(seeds, 1 if quick else 10)
    inputs(seeds, 2 if quick else 30)


if __name__ == "__main__":
    main()
