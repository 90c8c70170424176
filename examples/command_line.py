"""The command fastmlp, on a table with categories and gaps; and the model that it made, in Python.

python examples/command_line.py
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import fastmlp

# %% Flats and their rents, invented: numbers, categories and, as in most tables, gaps.
rng = np.random.default_rng(0)
n = 6000
flats = pd.DataFrame(
    {
        "area": rng.uniform(20, 140, n).round(),
        "quarter": rng.choice(["harbour", "old town", "hill", "fields"], n, p=[0.2, 0.3, 0.1, 0.4]),
        "built": rng.integers(1890, 2025, n),
        "heating": rng.choice(["gas", "oil", "district", "heat pump"], n),
        "balcony": rng.choice(["yes", "no"], n),
    }
)
per_metre = flats["quarter"].map({"harbour": 17, "old town": 15, "hill": 21, "fields": 11})
per_metre += 1.0 * (flats["balcony"] == "yes") + 3 * (flats["built"] > 2005) + 2 * (flats["built"] < 1920)
flats["rent"] = (60 + flats["area"] * per_metre * rng.normal(1, 0.05, n)).round()
for column in ["built", "heating", "balcony"]:
    flats.loc[rng.random(n) < 0.1, column] = np.nan

folder = Path(tempfile.mkdtemp())
known, others = flats[:5000], flats[5000:]
known.to_csv(folder / "known.csv", index=False)
others.to_csv(folder / "others.csv", index=False)
others[:3].drop(columns="rent").to_csv(folder / "offered.csv", index=False)


def shell(line):
    """Run a command in that folder; show it and what it prints."""
    command = [sys.executable, "-m", *shlex.split(line)]  # whether or not fastmlp is on the path
    print(f"$ {line}", flush=True)
    print(subprocess.check_output(command, cwd=folder, text=True))


# %% Learn, judge by other rows, predict, look: no Python needed.
shell("fastmlp train known.csv --target rent --out rent.fastmlp --effort fast")
shell("fastmlp evaluate rent.fastmlp others.csv")
shell("fastmlp predict rent.fastmlp offered.csv --interval 0.9")
shell("fastmlp info rent.fastmlp")

# %% In Python the same model takes data frames, gaps and all. Here it says what a balcony adds to the rent.
model = fastmlp.load(folder / "rent.fastmlp")
added = model.predict(others.assign(balcony="yes")) - model.predict(others.assign(balcony="no"))
print(f"a balcony adds {np.mean(added / others['area']):.2f} per square metre; it was 1 when the rents were made")

# %% The command is nothing but this class: a reader of tables, and the estimator that learns what it has read.
same = fastmlp.TableModel("rent", effort="fast", random_state=0).fit(known)
print("trained in Python, the same predictions:", np.array_equal(same.predict(others), model.predict(others)))
lower, upper = model.predict_interval(others, coverage=0.9)
within = np.mean((lower <= others["rent"]) & (others["rent"] <= upper))
print(f"R2 {model.evaluate(others)['r2']:.4f}; {within:.1%} of the rents are within intervals for 90 %")
print(f"{type(model.estimator_).__name__} of {len(model.estimator_.members_)} networks")
