"""Figures of extreme learning machines: SinC, digits, and time beside scikit-learn's random features."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from fastmlp.initializers import Uniform
from fastmlp.zoo import ELMClassifier, ELMRegressor
from figures import figure, mnist, time_ratio


@figure("extreme_learning.sinc", "test RMSE .0071 ± .0012 (50 trials)", seconds=1)
def sinc() -> tuple[str, bool]:
    """Huang et al. 2006: 20 sigmoids on 5000 rows of sin(x) / x with noise from U(-.2, .2)."""
    errors = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        x, x_test = rng.uniform(-10, 10, (2, 5000, 1))
        y = np.sinc(x[:, 0] / np.pi) + rng.uniform(-0.2, 0.2, 5000)
        drawn = {"weight_init": Uniform(1.0), "bias_init": Uniform(1.0), "standardize": False, "random_state": seed}
        model = ELMRegressor(20, "logistic", alpha=1e-8, **drawn).fit(x, y)
        errors.append(np.sqrt(np.mean((model.predict(x_test) - np.sinc(x_test[:, 0] / np.pi)) ** 2)))
    mean = float(np.mean(errors))
    return f".{mean * 1e4:04.0f} ± .{np.std(errors) * 1e4:04.0f}", mean <= 0.0071 + 0.0012


def digits(n_units: int) -> float:
    """Return the accuracy of five folds, the mean of three seeds."""
    X, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(np.mean([cross_val_score(ELMClassifier(n_units, random_state=i), X, y, cv=folds) for i in range(3)]))


@figure("extreme_learning.digits_500", ".975 in 5 folds (± .007 among folds)", seconds=2)
def digits_500() -> tuple[str, bool]:
    """500 random units."""
    reached = digits(500)
    return f"{reached:.4f}", reached >= 0.975 - 0.007 / np.sqrt(5)


@figure("extreme_learning.digits_2000", ".981 in 5 folds (± .007 among folds)", seconds=10)
def digits_2000() -> tuple[str, bool]:
    """2000 random units, more than rows."""
    reached = digits(2000)
    return f"{reached:.4f}", reached >= 0.981 - 0.007 / np.sqrt(5)


def beside_sampler(dtype: type, n_units: int = 1000) -> tuple[str, bool]:
    """Fit and predict on MNIST, in time of a pipeline of random Fourier features and ridge regression."""
    X, y, X_test, _ = mnist()
    X, y, X_test = X[:20_000].astype(dtype), y[:20_000], X_test[:5000].astype(dtype)
    theirs = make_pipeline(RBFSampler(gamma=0.03, n_components=n_units, random_state=0), RidgeClassifier())
    ours = ELMClassifier(n_units, standardize=False, random_state=0)
    ratio = time_ratio(lambda: theirs.fit(X, y).predict(X_test), lambda: ours.fit(X, y).predict(X_test))
    return f"{ratio:.2f} times", ratio >= 1


@figure("extreme_learning.speed_float64", "1 times as fast as RBFSampler and RidgeClassifier", seconds=30)
def speed_float64() -> tuple[str, bool]:
    """20 000 images, 1000 units, float64."""
    return beside_sampler(np.float64)


@figure("extreme_learning.speed_float32", "1 times as fast as RBFSampler and RidgeClassifier", seconds=30)
def speed_float32() -> tuple[str, bool]:
    """20 000 images, 1000 units, float32, in which scikit-learn solves the ridge regression, too."""
    return beside_sampler(np.float32)
