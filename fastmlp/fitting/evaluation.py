"""What a model makes of samples that it does not learn from: loss and scores, epoch by epoch."""

import difflib
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import _safe_indexing

from fastmlp.callbacks.fit import OF_TRAINING
from fastmlp.components.keywords import plain
from fastmlp.exceptions import FILTERING
from fastmlp.inputs.rows import Rows
from fastmlp.network import Objective

# Scores that measure errors by how far targets are from each other, and are not defined where these are all the same;
# scikit-learn then gives 0 in every epoch, of which the first would be the best.
_OF_VARIANCE = ("r2_score", "explained_variance_score", "d2_absolute_error_score")


@dataclass
class EvaluationSet:
    """Samples to evaluate with, as they have been validated, and as the engine reads them."""

    #: What losses and scores in history begin with.
    name: str
    X: Any
    y: Any
    #: X as the engine reads it.
    rows: Rows
    #: y as the engine reads it.
    targets: NDArray
    sample_weight: NDArray | None = None
    #: The indices of the samples among those of X and rows; None for all. The targets are those of these samples alone.
    order: NDArray | None = None

    def samples(self) -> Any:
        """Return the samples themselves."""
        return self.X if self.order is None else _safe_indexing(self.X, self.order)


class Evaluation:
    """Loss and scores of named sets.

    Parameters
    ----------
    sets : list of EvaluationSet
    scoring : str, callable, list, tuple, dict or None
        As the estimators take it; None is score_of, under the name "score".
    score_of : callable
        It is called as (y, outputs, sample_weight) and returns a score, of which more is better.
    estimator : estimator
        The estimator that scorers are made for.
    objective : Objective
        What the network is trained for.
    learned : tuple
        The targets of training, and the weights of its samples.
    of_variance : bool, default=False
        Whether score_of measures errors by how far targets are from each other, as R^2 does.

    Attributes
    ----------
    sets : list of EvaluationSet
        They may be replaced by the samples that a fit holds out.
    reasons : dict of str to str
        Why a loss or a score was not a finite number, for each that once was none.
    """

    def __init__(
        self,
        sets: list[EvaluationSet],
        scoring: Any,
        score_of: Callable[[Any, NDArray, NDArray | None], float],
        estimator: Any,
        objective: Objective,
        *,
        learned: tuple[Any, NDArray | None],
        of_variance: bool = False,
    ) -> None:
        self.sets = sets
        self._learned, self._of_variance = learned, of_variance
        self._score_of = score_of
        self._scorer = scorer_of(estimator, scoring)
        self._metrics = list(getattr(self._scorer, "_scorers", ["score"]))
        self._classes = getattr(estimator, "classes_", None)
        self._objective = objective
        self.reasons: dict[str, str] = {}
        self._alike: dict[str, bool] = {}

    def measure(
        self, outputs_of: Callable[[Rows, NDArray | None], NDArray], fitted: Callable[[], Any]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return losses and scores by name, "<set>_loss" and "<set>_<metric>", in the sets' order.

        What cannot be told is NaN, and has its reason: scores of outputs that are not finite, and what a scorer fails
        at since the set does not have what it takes (a second row, a second class).

        Parameters
        ----------
        outputs_of : callable
            It is called with rows and the indices of samples, and returns the network's outputs before the link.
        fitted : callable
            It is called without arguments, and returns an estimator for scorers to predict with.

        Raises
        ------
        ValueError
            When two of them have one name, or a name is that of something else which is recorded.
        """
        losses: dict[str, float] = {}
        scores: dict[str, float] = {}
        model = fitted() if self._scorer is not None and self.sets else None
        for part in self.sets:
            z = outputs_of(part.rows, part.order)
            with np.errstate(over="ignore", invalid="ignore"):  # What is too large is said once, of the whole fit.
                loss = self._objective.mean_loss(z, part.targets, part.sample_weight)
                if not (math.isfinite(loss) or np.isfinite(z).all()):
                    found = dict.fromkeys(self._metrics, math.nan)
                elif self._scorer is None and self._of_variance and self._lacks_variety(part):
                    found = {"score": math.nan}
                elif self._scorer is None:
                    found = {"score": self._score_of(part.y, self._objective.outputs(z), part.sample_weight)}
                else:
                    found = self._scored(part, z, model)
            for metric, value in {"loss": loss, **found}.items():
                name = f"{part.name}_{metric}"
                if name in losses or name in scores or name in OF_TRAINING:
                    raise ValueError(f"eval_set and scoring give the name {name!r} twice; rename a set or a metric.")
                (losses if metric == "loss" else scores)[name] = value
                if not math.isfinite(value) and name not in self.reasons:
                    self.reasons[name] = self._reason(part, z) or (
                        "its scorer gives NaN" if math.isnan(value) else "it is too large for a number"
                    )
        return losses, scores

    def _scored(self, part: EvaluationSet, z: NDArray, model: Any) -> dict[str, float]:
        """Return what the scorer makes of a set, NaN where the set, or the model's outputs, do not let it."""
        weights = {} if part.sample_weight is None else {"sample_weight": part.sample_weight}
        # Of a single class, what scikit-learn calls undefined would be the same 0 or 1 in every epoch: no score.
        is_undefined: Literal["ignore", "error"] = "error" if self._lacks_variety(part) else "ignore"
        try:
            with _remarks(is_undefined):
                values = self._scorer(model, part.samples(), part.y, **weights)
        except (ValueError, ArithmeticError, UserWarning) as error:
            values = dict.fromkeys(self._metrics, math.nan)
            named = getattr(self._scorer, "_scorers", {})
            if not named:
                self._excuse(error, part, z, self._metrics)
            for metric, scorer in named.items():  # Some of several may do.
                try:
                    with _remarks(is_undefined):
                        values[metric] = scorer(model, part.samples(), part.y, **weights)
                except (ValueError, ArithmeticError, UserWarning) as of_this:
                    self._excuse(of_this, part, z, [metric])
        values = values if isinstance(values, dict) else {"score": values}
        if "loss" in values:
            raise ValueError("scoring must not have a metric called 'loss', which is the loss itself.")
        self._metrics = list(values)
        scorers = getattr(self._scorer, "_scorers", {"score": self._scorer})
        found = {}
        for metric, value in values.items():
            number = value.item() if getattr(value, "size", 0) == 1 else value
            if not isinstance(number, Real):
                raise ValueError(f"scoring must give a real number for {metric!r}; got {value!r}.")
            score_func = getattr(scorers.get(metric), "_score_func", None)
            of_variance = getattr(score_func, "__name__", "") in _OF_VARIANCE
            found[metric] = math.nan if of_variance and self._lacks_variety(part) else float(number)
        return found

    def _lacks_variety(self, part: EvaluationSet) -> bool:
        """Whether all targets of a set that count are the same, unlike those of training."""
        if part.name not in self._alike:
            self._alike[part.name] = are_alike(part.y, part.sample_weight) and not are_alike(*self._learned)
        return self._alike[part.name]

    def _excuse(self, error: Exception, part: EvaluationSet, z: NDArray, metrics: list[str]) -> None:
        """Note why the scorer of metrics failed, or raise its error if that is not due to the set."""
        reason = self._reason(part, z)
        if isinstance(error, Warning):
            if not self._lacks_variety(part):  # It is the user's filters that make errors of warnings.
                raise error
            self.reasons |= dict.fromkeys((f"{part.name}_{metric}" for metric in metrics), reason)
            return
        if not reason and isinstance(error, ValueError):
            raise error
        said = f"its scorer raised {type(error).__name__}: {error}"
        for metric in metrics:
            self.reasons[f"{part.name}_{metric}"] = f"{reason} ({said})" if reason else said

    def _reason(self, part: EvaluationSet, z: NDArray) -> str:
        """Return why scores of a set are not defined, as far as the set or the network's outputs for it tell."""
        if not (np.isfinite(z).all() and np.isfinite(self._objective.outputs(z)).all()):
            return "the network's outputs are not finite"
        y = _counted(part.y, part.sample_weight)
        if len(y) < 2:
            return "there is but one row to judge by"
        if self._classes is None:
            return "all targets to judge by are the same" if self._lacks_variety(part) else ""
        if y.ndim == 2:
            same = np.flatnonzero((y == y[0]).all(axis=0)).tolist()
            return f"all rows to judge by are alike in label {same[0]}" if same else ""
        found = np.unique(y)
        if len(found) == 1:
            return f"all rows to judge by are of one class, {found.tolist()[0]!r}"
        missing = [label for label in self._classes.tolist() if label not in found]
        return f"the rows to judge by have none of class {missing[0]!r}" if missing else ""


def _counted(y: Any, weights: NDArray | None) -> NDArray:
    """Return the targets whose weight is not 0."""
    y = y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)
    return y if weights is None else y[weights > 0]


def are_alike(y: Any, weights: NDArray | None) -> bool:
    """Whether all targets that count are the same, so that nothing tells better predictions of them from a guess.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or None
        Those of weight 0 do not count.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.fitting.evaluation import are_alike
    >>> are_alike(np.array([2.0, 2.0, 3.0]), None), are_alike(np.array([2.0, 2.0, 3.0]), np.array([1.0, 1.0, 0.0]))
    (False, True)
    """
    counted = _counted(y, weights)
    return bool((counted == counted[:1]).all())


def accuracy(y: Any, predicted: Any, weights: NDArray | None) -> float:
    """Return sklearn.metrics.accuracy_score, whose checks would take longer than an epoch of a small network.

    Parameters
    ----------
    y, predicted : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_labels)
        Labels, or which labels each sample has, of which all must be right. Validated.
    weights : ndarray of shape (n_samples,) or None
        Not all of them zero.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.fitting.evaluation import accuracy
    >>> accuracy(np.array(["a", "b"]), np.array(["a", "a"]), np.array([3.0, 1.0]))
    0.75
    """
    if scipy.sparse.issparse(y) or scipy.sparse.issparse(predicted):
        from sklearn.metrics import accuracy_score  # noqa: PLC0415 - importing them takes long

        return float(accuracy_score(y, predicted, sample_weight=weights))
    right = y == predicted
    return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=weights))


def r2(y: NDArray, predicted: NDArray, weights: NDArray | None) -> float:
    """Return sklearn.metrics.r2_score, whose checks would take longer than an epoch of a small network.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets, and finite predictions of a floating type. Validated.
    weights : ndarray of shape (n_samples,) or None
        Not all of them zero.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.fitting.evaluation import r2
    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), None)
    0.5
    """
    if len(y) < 2:
        return math.nan  # The function r2_score has it so, with a warning at each call.
    # The function r2_score takes the widest floating type that it is given.
    dtype = np.result_type(*(a.dtype for a in (y, predicted, weights) if a is not None and a.dtype.kind == "f"))
    y, predicted = (a.reshape(len(a), -1).astype(dtype, copy=False) for a in (y, predicted))
    weight = 1 if weights is None else weights.astype(dtype, copy=False)[:, np.newaxis]
    residual = np.sum(weight * (y - predicted) ** 2, axis=0)
    total = np.sum(weight * (y - np.average(y, axis=0, weights=weights)) ** 2, axis=0)
    varies = total != 0  # Where targets do not vary, predictions are all right (1) or not (0).
    return float(np.average(np.where(varies, 1 - residual / np.where(varies, total, 1), residual == 0)))


@contextmanager
def _remarks(undefined: Literal["ignore", "error"]) -> Iterator[None]:
    """Keep scikit-learn's metrics from remarking in every epoch, or have them fail at what is undefined."""
    with FILTERING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"sklearn\.metrics")
        warnings.simplefilter(undefined, UndefinedMetricWarning)
        # Of average_precision, which has no class for it.
        warnings.filterwarnings(undefined, "No positive class found", UserWarning, r"sklearn\.metrics")
        yield


def scorer_of(estimator: Any, scoring: Any) -> Any:
    """Return what scikit-learn makes of ``scoring`` for an estimator, None for None.

    Raises
    ------
    ValueError
        For what is no scorer; the message says which one is meant.
    """
    if scoring is None:
        return None
    from sklearn.metrics import check_scoring  # noqa: PLC0415

    try:
        return check_scoring(estimator, [scoring] if isinstance(scoring, str) else scoring)
    except ValueError as error:  # It does not say that it is about scoring.
        near = _nearest_scorers(scoring) if isinstance(scoring, str) else []
        instead = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise ValueError(f"scoring={scoring!r} is none: {error}{instead}") from None


# What scores are called elsewhere: in Keras, XGBoost and LightGBM, and in scikit-learn's functions.
_SCORES: dict[str, str] = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "ap": "average_precision",
    "loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "crossentropy": "neg_log_loss",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
}


def _nearest_scorers(name: str) -> list[str]:
    """Return those of scikit-learn's scorers that a name may mean, the nearest first."""
    from sklearn.metrics import get_scorer_names  # noqa: PLC0415

    if plain(name) in _SCORES:
        return [_SCORES[plain(name)]]
    known = {plain(each.removeprefix("neg_")): each for each in get_scorer_names()}
    return [known[each] for each in difflib.get_close_matches(plain(name), known, n=3)]
