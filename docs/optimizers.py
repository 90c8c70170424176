"""When momentum helps: an ill-conditioned quadratic and the digits; every optimizer at a tuned rate.

python docs/optimizers.py [--quick]
"""

import numpy as np
from page import accuracies, digits, is_quick, spread, table
from scipy.stats import ortho_group
from sklearn.model_selection import train_test_split

from fastmlp.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, RMSprop

CURVATURES = np.geomspace(1, 1000, 10)


def steps_needed(optimizer, hessian, most):
    """Return the steps until w H w / 2 has come down to a millionth, or None."""
    # The same amounts of each curvature, whichever way its axis points.
    w = np.linalg.eigh(hessian)[1] @ np.random.RandomState(0).normal(size=len(hessian))
    state, target = optimizer.init([w]), 1e-6 * w @ hessian @ w
    for step in range(most):
        value = w @ hessian @ w
        if value <= target:
            return step
        if not value < 1e12:
            return None
        optimizer.step([w], [hessian @ w], state)
    return None


def quadratic(most):
    """Print the fewest steps, over a grid of rates, along the axes and across them."""
    root = np.sqrt(CURVATURES[-1] / CURVATURES[0])
    best_momentum = ((root - 1) / (root + 1)) ** 2
    Q = ortho_group.rvs(len(CURVATURES), random_state=0)
    hessians = np.diag(CURVATURES), Q @ np.diag(CURVATURES) @ Q.T
    cases = {
        "SGD, no momentum": lambda rate: SGD(rate, momentum=0.0),
        "SGD, momentum 0.5": lambda rate: SGD(rate, momentum=0.5, nesterov=False),
        "SGD, momentum 0.9": lambda rate: SGD(rate, momentum=0.9, nesterov=False),
        "SGD, Nesterov's momentum 0.9": lambda rate: SGD(rate, momentum=0.9),
        f"SGD, momentum {best_momentum:.3f}, the best in theory": lambda rate: SGD(
            rate, momentum=best_momentum, nesterov=False
        ),
        "Adagrad": Adagrad,
        "RMSprop": RMSprop,
        "Adam": Adam,
    }
    rows = []
    for name, case in cases.items():
        row = [name]
        for hessian in hessians:
            steps, best = most, None
            for rate in np.geomspace(1e-4, 10, 51):
                found = steps_needed(case(rate), hessian, steps)
                steps, best = (steps, best) if found is None else (found, rate)
            row += [f"> {most}", "-"] if best is None else [steps, f"{best:.2g}"]
        rows.append(row)
    table(
        "Steps until a quadratic, curvatures 1 to 1000, has come down to a millionth:",
        ["optimizer", "along the axes", "rate", "turned", "rate "],
        rows,
    )


def momentum(seeds, epochs):
    """Print what momentum does for a net, at a small rate and at the best one of each."""
    data, rows = digits(), []
    for amount in (0.0, 0.5, 0.9, 0.99):
        row = [amount]
        for rate in (0.001, 0.01, 0.1, 1.0):
            row.append(spread(accuracies(data, seeds, solver=SGD(rate, momentum=amount), max_iter=epochs)))
        rows.append(row)
    header = ["momentum", *(f"rate {rate}" for rate in (0.001, 0.01, 0.1, 1.0))]
    table(f"Accuracy after {epochs} epochs, in percent:", header, rows)


def tuned(seeds, epochs):
    """Print every optimizer's accuracy at the rate that was best on rows held out."""
    X, X_test, y, y_test = digits()
    X_fit, X_held, y_fit, y_held = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    held_out = X_fit, X_held, y_fit, y_held
    data, rows = (X, X_test, y, y_test), []
    for name in OPTIMIZERS:
        most = epochs * 10 if name in ("rprop", "lbfgs") else epochs
        # Two of them are for all rows at once.
        fixed = {"solver": name, "max_iter": most, "batch_size": "auto" if name == "rprop" else 32}
        rates = () if name == "lbfgs" else np.geomspace(1e-4, 10, 11)
        cases = [fixed | {"learning_rate_init": rate} for rate in rates] or [fixed]
        best = max(cases, key=lambda case: np.mean(accuracies(held_out, min(seeds, 3), **case)))
        rate = best.get("learning_rate_init")
        few = spread(accuracies(data, seeds, **(best | {"max_iter": most // 5 or 1})))
        rows.append(
            [f"`{name}`", "-" if rate is None else f"{rate:.2g}", most, few, spread(accuracies(data, seeds, **best))]
        )
    table(
        "Accuracy at the tuned rate, in percent:",
        ["optimizer", "rate", "epochs", "after a fifth of them", "after all"],
        rows,
    )


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    quadratic(50 if quick else 3000)
    momentum(1 if quick else 5, 1 if quick else 5)
    tuned(1 if quick else 5, 1 if quick else 20)


if __name__ == "__main__":
    main()
