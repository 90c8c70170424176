"""Few labels, many rows: a classifier that begins with what an autoencoder has learned from rows without labels.

python examples/few_labels.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fastmlp import MLPClassifier
from fastmlp.initializers import Pretrained
from fastmlp.zoo import Autoencoder

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split((X / 16).astype(np.float32), y, test_size=797, random_state=0)

# %% All 1000 rows, without their labels.
encoder = Autoencoder(
    (256, 256, 256),
    code_activation="relu",
    input_noise=0.4,
    learning_rate="cosine",
    learning_rate_init=0.002,
    batch_size=64,
    max_iter=100,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(X)

# %% The same network from random weights and from the encoder's, given the labels of 100 rows; ten choices of these.
random, pretrained = [], []
for seed in range(10):
    labelled, _ = train_test_split(np.arange(len(X)), train_size=100, stratify=y, random_state=seed)
    clf = MLPClassifier((256, 256, 256), alpha=1e-3, max_iter=1000, random_state=seed)
    random.append(clf.fit(X[labelled], y[labelled]).score(X_test, y_test))
    clf.set_params(weight_init=Pretrained(encoder))
    pretrained.append(clf.fit(X[labelled], y[labelled]).score(X_test, y_test))
    print(f"choice {seed}: from random weights {random[-1]:.3f}, from the encoder's {pretrained[-1]:.3f}")
print(f"on average {np.mean(random):.3f} and {np.mean(pretrained):.3f}")
better = np.sum(np.greater(pretrained, random))
print(f"The encoder's are the better start in {better} of 10 choices of labels.")
