"""Anomalies found without labels: what an autoencoder cannot reconstruct, beside two that are usually taken.

python examples/anomalies.py
"""

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from fastmlp.zoo import Autoencoder

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split((X / 16).astype(np.float32), y, test_size=600, random_state=0)


def by_components(X, n_components=8):
    """Return a function that scores rows by how well principal components give them back."""
    pca = PCA(n_components, random_state=0).fit(X)
    return lambda rows: -np.square(rows - pca.inverse_transform(pca.transform(rows))).sum(axis=1)


# %% An autoencoder that is given noisy rows and must give back the clean ones learns where rows lie. A row that lies
# elsewhere is drawn there, and so comes back changed, even where the code has as much room as the row.
model = Autoencoder(
    (256, 64),
    input_dropout=0.3,
    input_noise=0.2,
    learning_rate="cosine",
    learning_rate_init=0.002,
    batch_size=64,
    max_iter=100,
    n_iter_no_change=np.inf,
    random_state=0,
)

# %% One digit after the other is unknown in training, and to be noticed among 600 others. The area under the curve is
# the probability that an unknown digit has a lower score than a known one.
areas = {"autoencoder": [], "principal components": [], "isolation forest": []}
strange = (1, 4, 6, 8)
for digit in strange:
    known = X[y != digit]
    scores = {
        "autoencoder": model.fit(known).score_samples(X_test),
        "principal components": by_components(known)(X_test),
        "isolation forest": IsolationForest(random_state=0).fit(known).score_samples(X_test),
    }
    for name, found in scores.items():
        areas[name].append(roc_auc_score(y_test != digit, found))
areas = pd.DataFrame(areas, index=pd.Index(strange, name="unknown digit"))
print(areas.round(3))

# %% A threshold is a quantile of the scores of rows that are known to be sound: here one in a hundred is a false alarm.
threshold = np.quantile(model.score_samples(known), 0.01)
alarms = model.score_samples(X_test) < threshold
found, false = np.mean(alarms[y_test == digit]), np.mean(alarms[y_test != digit])
print(f"{found:.0%} of the unknown digits are noticed, {false:.1%} of the known ones as well.")
