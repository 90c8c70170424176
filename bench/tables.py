"""Tables beside gradient boosting: log loss or RMSE, class error, seconds to fit and to predict.

python bench/tables.py FOLDER [--tables NAME,...] [--splits 0,1,2] [--contestants NAME,...] [--jobs N] [--out FILE]

FOLDER has for each table NAME.parquet and NAME.json, which names the "task" (classification or regression), the
"target" and the columns that are "categorical". Each split puts a fifth of the rows aside, stratified, and learns from
at most 10 000 of the others; at most 10 000 are predicted. Contestants are used with their defaults, where they are
installed; each knows which columns are categories. All of a table's contestants run one after another, so that their
times can be compared. The last lines are geometric means over tables of the ratios to the first contestant.
"""

import argparse
import csv
import importlib.util
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

MOST_ROWS = 10_000


class Part:
    """One split of a table."""

    def __init__(self, folder, name, split):
        described = json.loads((folder / f"{name}.json").read_text())
        frame = pd.read_parquet(folder / f"{name}.parquet")
        self.classifies = described["task"] == "classification"
        target = frame.pop(described["target"])
        self.categorical = [column for column in described["categorical"] if column in frame]
        y = target.astype(str if self.classifies else float)

        def divided(rows, **sizes):
            return train_test_split(
                rows, random_state=split, stratify=target.iloc[rows] if self.classifies else None, **sizes
            )

        learned, tested = divided(np.arange(len(frame)), test_size=0.2)
        if len(learned) > MOST_ROWS:
            learned, _ = divided(learned, train_size=MOST_ROWS)
        if len(tested) > MOST_ROWS:
            tested, _ = divided(tested, train_size=MOST_ROWS)
        self.X, self.y = frame.iloc[learned].reset_index(drop=True), y.iloc[learned].to_numpy()
        self.X_test, self.y_test = frame.iloc[tested].reset_index(drop=True), y.iloc[tested].to_numpy()

    def scores(self, model, X_test):
        """Return the loss (log loss or RMSE) and the class error (of numbers, the RMSE again)."""
        if not self.classifies:
            rmse = root_mean_squared_error(self.y_test, model.predict(X_test))
            return rmse, rmse
        probabilities = np.asarray(model.predict_proba(X_test), float)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        classes = np.unique(self.y)
        error = (classes[probabilities.argmax(axis=1)] != self.y_test).mean()
        return log_loss(self.y_test, probabilities, labels=classes), error


def as_texts(X, columns):
    """Return the table with categories as texts, which is what CatBoost takes."""
    return X.assign(**{c: X[c].astype(object).where(X[c].notna(), "nan").astype(str) for c in columns})


def as_categories(X, columns, like=None):
    """Return the table with categories in pandas' type, with those of another table."""
    return X.assign(**{c: X[c].astype("category" if like is None else like[c].dtype) for c in columns})


def of_catboost(part, jobs):
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = (CatBoostClassifier if part.classifies else CatBoostRegressor)(
        verbose=0, thread_count=jobs, allow_writing_files=False, random_seed=0, cat_features=part.categorical
    )
    X, X_test = (as_texts(each, part.categorical) for each in (part.X, part.X_test))
    return model, X, X_test


def of_lightgbm(part, jobs):
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMClassifier if part.classifies else LGBMRegressor)(verbose=-1, n_jobs=jobs, random_state=0)
    X = as_categories(part.X, part.categorical)
    return model, X, as_categories(part.X_test, part.categorical, X)


def of_hist_gradient_boosting(part, jobs):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    model = (HistGradientBoostingClassifier if part.classifies else HistGradientBoostingRegressor)(random_state=0)
    X = as_categories(part.X, part.categorical)
    return model, X, as_categories(part.X_test, part.categorical, X)


def of_fastmlp(part, jobs, effort):
    from fastmlp import TabularClassifier, TabularRegressor

    model = (TabularClassifier if part.classifies else TabularRegressor)(effort, random_state=0, n_jobs=jobs)
    return model, part.X, part.X_test


CONTESTANTS = {
    "catboost": ("catboost", of_catboost),
    "lightgbm": ("lightgbm", of_lightgbm),
    "hist_gradient_boosting": ("sklearn", of_hist_gradient_boosting),
    "fastmlp": ("fastmlp", lambda part, jobs: of_fastmlp(part, jobs, "default")),
    "fastmlp_fast": ("fastmlp", lambda part, jobs: of_fastmlp(part, jobs, "fast")),
    "fastmlp_best": ("fastmlp", lambda part, jobs: of_fastmlp(part, jobs, "best")),
}


def measured(part, name, jobs):
    """Return a contestant's loss, class error, and the seconds that it takes to fit and to predict."""
    model, X, X_test = CONTESTANTS[name][1](part, jobs)
    began = time.perf_counter()
    model.fit(X, part.y)
    fitted = time.perf_counter()
    loss, error = part.scores(model, X_test)
    return loss, error, fitted - began, time.perf_counter() - fitted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", type=lambda text: text.split(","))
    parser.add_argument("--splits", type=lambda text: [int(each) for each in text.split(",")], default=[0, 1, 2])
    parser.add_argument(
        "--contestants", type=lambda text: text.split(","), default=["catboost", "lightgbm", "fastmlp_fast", "fastmlp"]
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--out", type=Path, help="a CSV file, of which lines that are there already are not measured again"
    )
    options = parser.parse_args()
    tables = options.tables or sorted(path.stem for path in options.folder.glob("*.json"))
    contestants = [name for name in options.contestants if importlib.util.find_spec(CONTESTANTS[name][0])]
    for name in set(options.contestants) - set(contestants):
        print(f"{name} is not installed", file=sys.stderr)
    warnings.simplefilter("ignore")
    found = {}
    if options.out and options.out.exists():
        with options.out.open() as file:
            found = {
                (table, int(split), name): tuple(map(float, rest)) for table, split, name, *rest in csv.reader(file)
            }
    for split in options.splits:
        for table in tables:
            part = Part(options.folder, table, split)
            for name in contestants:
                key = table, split, name
                if key not in found:
                    found[key] = measured(part, name, options.jobs)
                    if options.out:
                        with options.out.open("a") as file:
                            csv.writer(file).writerow([*key, *found[key]])
                loss, error, fitting, predicting = found[key]
                print(
                    f"{table:12} {split} {name:24} {loss:11.5g} {error:11.5g} {fitting:8.2f} s {predicting:7.3f} s",
                    flush=True,
                )
    report(found, tables, options.splits, contestants)


def report(found, tables, splits, contestants):
    """Print geometric means over tables of each contestant's ratios to the first one."""
    first, *others = contestants
    print(f"\nRatios to {first}: loss, class error, tables won by loss; median and largest of fitting, of predicting")
    for name in others:
        ratios = np.array(
            [
                np.exp(
                    np.mean(
                        [
                            np.log(np.maximum(found[t, s, name], 1e-9) / np.maximum(found[t, s, first], 1e-9))
                            for s in splits
                        ],
                        axis=0,
                    )
                )
                for t in tables
            ]
        )
        means, middle, largest = np.exp(np.log(ratios).mean(axis=0)), np.median(ratios, axis=0), ratios.max(axis=0)
        print(
            f"{name:24} {means[0]:.3f} {means[1]:.3f} {(ratios[:, 0] < 1).sum()}/{len(tables)}"
            f"   {middle[2]:.2f} {largest[2]:.2f}   {middle[3]:.2f} {largest[3]:.2f}"
        )


if __name__ == "__main__":
    main()
