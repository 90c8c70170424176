"""How sure is a prediction? Three quantiles from one network, where the noise is not the same everywhere.

python examples/intervals.py
"""

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.model_selection import train_test_split

from fastmlp import MLPRegressor
from fastmlp.callbacks import EarlyStopping
from fastmlp.losses import Pinball

# %% Ways to work, invented: the minutes depend on distance and hour, and so does how much they vary.
rng = np.random.default_rng(0)
km, hour = rng.uniform(1, 30, 20_000), rng.uniform(5, 22, 20_000)
rush = np.exp(-((hour - 8) ** 2) / 2) + 0.7 * np.exp(-((hour - 17) ** 2) / 3)
spread = 2 + 10 * rush
minutes = 5 + km * (1.2 + rush) + spread * rng.standard_normal(len(km))

X, X_test, y, y_test, _, spread = train_test_split(np.column_stack([km, hour]), minutes, spread, random_state=0)
X, X_val, y, y_val = train_test_split(X, y, test_size=0.15, random_state=0)


def fit(loss):
    """Return a network that minimises a loss, until rows that it does not learn from say it is enough."""
    regressor = MLPRegressor(
        loss,
        (64, 64),
        standardize=True,
        learning_rate_init=0.003,
        max_iter=1000,
        callbacks=[EarlyStopping(patience=20)],
        random_state=0,
    )
    return regressor.fit(X, y, eval_set=(X_val, y_val))


# %% The usual way: a mean, and around it an interval for 90 % that is as wide everywhere.
mean = fit("squared_error")
below, above = np.quantile(y_val - mean.predict(X_val), [0.05, 0.95])
same_width = mean.predict(X_test)[:, None] + [below, above]

# %% The pinball loss: the network has an output for each quantile.
quantiles = fit(Pinball([0.05, 0.5, 0.95]))
low, _, high = quantiles.predict(X_test).T
for name, hours in {"tomorrow at 8": 8.0, "tomorrow at 13": 13.0}.items():
    early, half, late = quantiles.predict([[10.0, hours]])[0]
    print(f"{name}, 10 km: {half:.0f} minutes, 90 % between {early:.0f} and {late:.0f}")

# %% How many test rows lie within, and how wide the intervals are beside those of the law the data were drawn from.
table = pd.DataFrame(
    {
        "hour": pd.cut(X_test[:, 1], [5, 7, 9, 12, 15, 19, 22]),
        "within, same width": (same_width[:, 0] < y_test) & (y_test < same_width[:, 1]),
        "within, quantiles": (low < y_test) & (y_test < high),
        "width": high - low,
        "true width": 2 * norm.ppf(0.95) * spread,
    }
)
coverage = table.drop(columns="hour").mean()
by_hour = table.groupby("hour", observed=True).mean()
print(pd.concat([by_hour, coverage.to_frame("all").T]).round(2).to_string())
