"""Overfitting and its cures: a network with 84,000 weights, 200 images.

python docs/regularization.py [--quick]
"""

import numpy as np
from page import classifier, digits, is_quick, spread, table
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss

from fastmlp import MLPRegressor
from fastmlp.augmentation import Translate

HIDDEN = (256, 256)
# Each with the strengths to choose from.
CURES = {
    "none": [{}],
    "L2: `alpha`": [{"alpha": strength} for strength in (0.3, 1.0, 3.0)],
    "L1: `l1`": [{"l1": strength} for strength in (0.01, 0.03, 0.1)],
    "`dropout`": [{"dropout": rate} for rate in (0.3, 0.6)],
    "`input_dropout`": [{"input_dropout": rate} for rate in (0.2, 0.4)],
    "`input_noise`": [{"input_noise": size} for size in (0.2, 0.4)],
    "`label_smoothing`": [{"label_smoothing": share} for share in (0.1, 0.3)],
    "`max_norm`": [{"max_norm": most} for most in (0.7, 1.0)],
    "`ema`": [{"ema": kept} for kept in (0.9, 0.99)],
    "`early_stopping`": [{"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": n} for n in (5, 15)],
    "`augment=Translate(...)`": [{"augment": Translate(shift=shift)} for shift in (0.5, 1.0)],
    "`dropout` and `Translate`": [{"dropout": 0.5, "augment": Translate(shift=shift)} for shift in (0.5, 1.0)],
}


def outcome(case, n_train, wrong, seed, epochs):
    """Return accuracy on the rows of training, and accuracy and log loss on one half of the others and on the other."""
    X, X_test, y, y_test = digits(n_train, seed)
    rng = np.random.RandomState(seed)
    y = np.where(rng.uniform(size=len(y)) < wrong, rng.randint(10, size=len(y)), y)
    clf = classifier(HIDDEN, **{"alpha": 0.0, "max_iter": epochs, "random_state": seed} | case).fit(X, y)
    halves = [(X_test[half::2], y_test[half::2]) for half in (0, 1)]
    return [
        100 * clf.score(X, y),
        *(number for X, y in halves for number in (100 * clf.score(X, y), log_loss(y, clf.predict_proba(X)))),
    ]


def cures(n_train, wrong, seeds, epochs):
    """Print what each cure does at the strength that was best on one half of the held-out rows, on the other half."""
    rows = []
    for name, cases in CURES.items():
        found = [np.array([outcome(case, n_train, wrong, seed, epochs) for seed in range(seeds)]) for case in cases]
        case, best = max(zip(cases, found, strict=True), key=lambda pair: pair[1][:, 1].mean())
        train, _, _, accuracy, loss = best.T
        strength = list(case.values())[-1] if case else "-"
        rows.append([name, strength, f"{train.mean():.1f}", spread(accuracy), f"{loss.mean():.2f}"])
    table(
        f"{n_train} images, {wrong:.0%} of the labels drawn at random; accuracy in percent, {epochs} epochs:",
        ["cure", "strength", "train", "test", "log loss, test"],
        rows,
    )


def clipping(seeds, epochs):
    """Print what a limit on gradients does for a rate too large, on targets that are not scaled."""
    X, y = load_diabetes(return_X_y=True)
    rows = []
    for name, case in {
        "none": {},
        "`gradient_clip_norm=1`": {"gradient_clip_norm": 1.0},
        "`gradient_clip_value=1`": {"gradient_clip_value": 1.0},
    }.items():
        found = []
        for seed in range(seeds):
            reg = MLPRegressor(
                "squared_error",
                (50,),
                solver="sgd",
                learning_rate_init=0.01,
                standardize=True,
                max_iter=epochs,
                random_state=seed,
                **case,
            )
            with np.errstate(all="ignore"):
                try:
                    found.append(f"{reg.fit(X[:300], y[:300]).score(X[300:], y[300:]):.2f}")
                except ValueError:
                    found.append("diverged")
        rows.append([name, ", ".join(found)])
    table("R² on the test rows of the diabetes data, a start each:", ["limit", "R²"], rows)


def main():
    """Print the page's tables."""
    quick = is_quick(__doc__)
    for wrong in (0.0, 0.3):
        cures(200, wrong, 1 if quick else 5, 1 if quick else 60)
    clipping(1 if quick else 5, 2 if quick else 100)


if __name__ == "__main__":
    main()
