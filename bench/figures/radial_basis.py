"""Figures of radial basis networks: digits, iris, and time beside scikit-learn's kernel features."""

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from fastmlp.zoo import RBFClassifier
from figures import figure, mnist, time_ratio


def five_folds(X: np.ndarray, y: np.ndarray, n_centers: int, **parameters: object) -> tuple[float, float]:
    """Return the mean accuracy of five folds and three seeds, and the folds' standard deviation."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    models = [RBFClassifier(n_centers, random_state=seed, **parameters) for seed in range(3)]
    scores = np.array([cross_val_score(model, X, y, cv=folds) for model in models])
    return float(scores.mean()), float(scores.std())


@figure("radial_basis.digits", ".978 ± .007 in 5 folds (300 centres by k-means)", seconds=3)
def digits() -> tuple[str, bool]:
    """Ridge regression on 300 units."""
    mean, spread = five_folds(*load_digits(return_X_y=True), 300)
    return f"{mean:.4f} ± {spread:.3f}", mean >= 0.978


@figure("radial_basis.digits_learned", "better than 60 fixed centres", seconds=30)
def digits_learned() -> tuple[str, bool]:
    """60 centres that are learned, beside 60 by k-means."""
    data = load_digits(return_X_y=True)
    fixed, _ = five_folds(*data, 60)
    learned, _ = five_folds(*data, 60, centers="learned")
    return f"{learned:.4f} beside {fixed:.4f}", learned > fixed


@figure("radial_basis.iris", ".953 in 5 folds", seconds=1)
def iris() -> tuple[str, bool]:
    """20 centres."""
    mean, spread = five_folds(*load_iris(return_X_y=True), 20)
    return f"{mean:.4f} ± {spread:.3f}", mean >= 0.953


def beside(theirs: object, centers: str, dtype: type, n_units: int = 500) -> tuple[str, bool]:
    """Fit and predict on MNIST, in time of a pipeline of scikit-learn's features and ridge regression."""
    X, y, X_test, _ = mnist()
    X, y, X_test = X[:20_000].astype(dtype), y[:20_000], X_test[:5000].astype(dtype)
    theirs = make_pipeline(theirs.set_params(gamma=0.03, n_components=n_units, random_state=0), RidgeClassifier())
    ours = RBFClassifier(n_units, 4.0, centers=centers, random_state=0)
    ratio = time_ratio(lambda: theirs.fit(X, y).predict(X_test), lambda: ours.fit(X, y).predict(X_test))
    return f"{ratio:.2f} times", ratio >= 1


@figure("radial_basis.speed_nystroem_float64", "1 times as fast as Nystroem and RidgeClassifier", seconds=30)
def nystroem_float64() -> tuple[str, bool]:
    """20 000 images, 500 samples as centres, float64."""
    return beside(Nystroem(), "random", np.float64)


@figure("radial_basis.speed_nystroem_float32", "1 times as fast as Nystroem and RidgeClassifier", seconds=30)
def nystroem_float32() -> tuple[str, bool]:
    """20 000 images, 500 samples as centres, float32."""
    return beside(Nystroem(), "random", np.float32)


@figure("radial_basis.speed_sampler_float64", "1 times as fast as RBFSampler and RidgeClassifier", seconds=30)
def sampler_float64() -> tuple[str, bool]:
    """20 000 images, 500 samples as centres, float64."""
    return beside(RBFSampler(), "random", np.float64)


@figure("radial_basis.speed_kmeans_float64", "1 times as fast as Nystroem and RidgeClassifier", seconds=40)
def kmeans_float64() -> tuple[str, bool]:
    """20 000 images, 500 centres by k-means, which Nystroem does without, float64."""
    return beside(Nystroem(), "kmeans", np.float64)
