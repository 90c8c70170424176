"""The names of losses, in the engine and in other packages, and what the engine says of each loss."""

from __future__ import annotations

from fastmlp import engine
from fastmlp.components import Registry

#: The names of the engine's losses, in the order of its table.
LOSSES: tuple[str, ...] = engine.LOSSES

# Losses have other names in scikit-learn's metrics, LightGBM, XGBoost, PyTorch and Keras. Those of the log loss and of
# the squared error mean several of the engine's losses, depending on the targets, and so stand apart from the others.
CROSS_ENTROPY = (
    "cross_entropy", "cross_entropy_loss", "ce", "xent", "softmax_cross_entropy", "categorical_crossentropy",
    "categorical_cross_entropy", "sparse_categorical_crossentropy", "sparse_categorical_cross_entropy", "nll",
    "nll_loss", "negative_log_likelihood", "deviance", "multi_logloss", "mlogloss",
    "log", "multiclass", "multi:softmax", "multi:softprob",
)  # fmt: skip
BINARY_CROSS_ENTROPY = (
    "bce", "bce_loss", "bce_with_logits", "bce_with_logits_loss", "binary_crossentropy", "binary_cross_entropy",
    "binary_logloss", "binomial_deviance", "sigmoid_cross_entropy", "logistic_loss",
    "logistic", "binary", "binary:logistic",
)  # fmt: skip
SQUARED_ERROR = (
    "mse", "mse_loss", "mean_squared_error", "l2", "l2_loss", "least_squares", "ls", "squared_loss", "squared",
    "quadratic_loss", "sum_of_squares", "sse", "regression", "regression_l2", "reg:squarederror",
)  # fmt: skip
ALIASES: dict[str, tuple[str, ...]] = {
    "absolute_error": (
        "mae", "mean_absolute_error", "l1", "l1_loss", "lad", "least_absolute_deviation", "absolute_loss", "absolute",
        "regression_l1", "reg:absoluteerror",
    ),
    "huber": ("huber_loss", "smooth_l1", "smooth_l1_loss"),
    "pinball": (
        "quantile", "quantile_loss", "pinball_loss", "mean_pinball_loss", "quantile_regression", "reg:quantileerror",
    ),
    "poisson": (
        "poisson_deviance", "mean_poisson_deviance", "poisson_nll", "poisson_nll_loss", "poisson_loss",
        "count:poisson",
    ),
    "gamma": ("gamma_deviance", "mean_gamma_deviance", "gamma_loss", "reg:gamma"),
    "tweedie": ("tweedie_deviance", "mean_tweedie_deviance", "tweedie_loss", "reg:tweedie"),
    "hinge": ("hinge_loss", "svm"),
    "squared_hinge": ("squared_hinge_loss", "l2_svm"),
    "perceptron": ("perceptron_loss",),
    "focal": ("focal_loss", "categorical_focal_crossentropy"),
}  # fmt: skip

#: The link of each loss, which is the activation of the output layer that estimators report as ``out_activation_``.
OUTPUT_ACTIVATIONS: Registry[str] = Registry(
    engine.LOSS_LINKS,
    {
        "log_loss": CROSS_ENTROPY,
        "binary_log_loss": BINARY_CROSS_ENTROPY,
        "squared_error": SQUARED_ERROR,
        "binary_focal": ("binary_focal_loss", "binary_focal_crossentropy"),
        **ALIASES,
    },
)
#: The losses whose targets are class numbers instead of a matrix.
CLASS_TARGET_LOSSES: frozenset[str] = engine.CLASS_TARGET_LOSSES
