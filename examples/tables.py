"""From a table as it is to probabilities that one can trust: texts, dates, gaps, and what the model thinks of each row.

python examples/tables.py
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import fastmlp
from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.inspection import ExplanationDisplay, ReliabilityDisplay

# %% Bicycle hire, invented: who cancels depends on rain (where it was measured), the hour, the plan, and the station.
rng = np.random.default_rng(0)
n = 4000
start = pd.Timestamp("2025-03-01") + pd.to_timedelta(rng.integers(0, 200 * 24 * 60, n), unit="min")
rain = np.where(rng.random(n) < 0.6, 0.0, rng.gamma(2.0, 1.5, n))
plan = rng.choice(["day", "month", "year"], n, p=[0.3, 0.5, 0.2])
station = rng.choice([f"station {i:02}" for i in range(40)], n)
quality = dict(zip(sorted(set(station)), rng.normal(0, 0.8, 40), strict=True))
night = (start.hour < 6) | (start.hour > 21)
logit = -1.5 + 0.6 * rain + 1.2 * night - 1.0 * (plan == "year") + [quality[each] for each in station]
frame = pd.DataFrame(
    {
        "start": start,
        "rain_mm": np.where(rng.random(n) < 0.1, np.nan, rain),
        "plan": pd.Categorical(plan),
        "station": station,
    }
)
cancelled = pd.Series(np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "cancelled", "ridden"), name="outcome")
X, X_test, y, y_test = train_test_split(frame, cancelled, random_state=0)

# %% No pipeline: texts, categories, dates and gaps go in as they are.
clf = TabularClassifier(random_state=0).fit(X, y)
print(f"out-of-fold accuracy {clf.oof_score_:.3f}, on the test rows {clf.score(X_test, y_test):.3f}")
print(f"{len(clf.members_)} members, of the kinds {sorted({member.kind.name for member in clf.members_})}")

# %% Sets of classes that have the true one in nine cases of ten.
sets = clf.predict_set(X_test, coverage=0.9)
in_set = sets[np.arange(len(y_test)), np.searchsorted(clf.classes_, y_test)].mean()
print(f"the true outcome is in {in_set:.1%} of the sets, of which {np.mean(sets.sum(axis=1) == 1):.0%} name one alone")

# %% Why: what each column adds to the log-odds of a row, and what columns are worth over all rows.
explanation = clf.explain(X_test[:5])
order = np.argsort(-clf.feature_importances_)
print("columns, most important first:", [str(clf.feature_names_in_[i]) for i in order])

# %% A number instead of a class, with an interval around it.
minutes = 10 + 8 * (plan == "day") + 3 * rng.gamma(2.0, 2.0, n)
T, T_test, m, m_test = train_test_split(frame, minutes, random_state=0)
reg = TabularRegressor("fast", random_state=0).fit(T, m)
lower, upper = reg.predict_interval(T_test, coverage=0.9)
covered = np.mean((lower <= m_test) & (m_test <= upper))
print(f"intervals of {np.mean(upper - lower):.0f} minutes have {covered:.1%} of the test rows")

# %% A file that holds the model and no row of training; no pickle.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "hire.fastmlp"
    clf.save(path)
    same = bool((fastmlp.load(path).predict_proba(X_test) == clf.predict_proba(X_test)).all())
print(f"the loaded model predicts the same: {same}")

# %% Two pictures.
ReliabilityDisplay.from_estimator(clf, X_test, y_test)
ExplanationDisplay.from_estimator(clf, X_test[:1])
