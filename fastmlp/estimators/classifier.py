"""MLPClassifier: labels, classes and their weights, probabilities and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._unique import attach_unique
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fastmlp.activations import Activation
from fastmlp.augmentation import Augment
from fastmlp.callbacks import Callback
from fastmlp.components import Named, Registry
from fastmlp.estimators.base import begins_fit, is_available_if, restored_on_error
from fastmlp.estimators.documentation import ATTRIBUTES, PARAMETERS, documented
from fastmlp.estimators.prediction import LabelDecoding
from fastmlp.estimators.supervised import SupervisedNetwork
from fastmlp.fitting.evaluation import accuracy
from fastmlp.inputs.plain_targets import plain_targets
from fastmlp.inputs.rows import refuse_broken
from fastmlp.inputs.targets import are_known, class_numbers, encode_labels, known_classes, label_kind, place_of_class
from fastmlp.inputs.validation import labels_of
from fastmlp.losses import LogLoss, Loss, loss_of
from fastmlp.optimizers import LBFGS, Optimizer
from fastmlp.registration import stored_as
from fastmlp.schedules import Schedule


@stored_as("MLPClassifier")
@documented(PARAMETERS, ATTRIBUTES)
class MLPClassifier(ClassifierMixin, SupervisedNetwork):
    """Multilayer perceptron classifier, a drop-in for scikit-learn's.

    It is trained by minimising the log loss, or another loss. With the defaults of what is new, the attributes,
    messages and, in float64, the numbers are those of :class:`sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
    {parameters}
    loss : str, Loss or callable, default='log_loss'
        What training makes small: 'log_loss'; 'squared_error', of logistic outputs, which is Nielsen's quadratic cost;
        'focal'; 'hinge', 'squared_hinge' and, for two classes, 'perceptron', which give decision_function instead of
        probabilities; an object of :mod:`fastmlp.losses`, or a function as :class:`fastmlp.losses.CustomLoss` takes it.
    class_weight : dict, 'balanced' or None, default=None
        The weights of the classes, by which sample_weight is multiplied; 'balanced' is n_samples / (n_classes * count
        of the class), in which samples of weight 0 do not count.
    label_smoothing : float in [0, 1), default=0.0
        How much of a class's target goes to all classes alike, for loss='log_loss'.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the classes; for several labels per sample, the numbers of the labels.
    {attributes}

    Notes
    -----
    With early stopping and more than two classes the validation rows are not stratified, so that the split is
    scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(hidden_layer_sizes=(20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.95)
    True
    """

    classes_: NDArray

    class_weight = Named(Registry({"balanced": "balanced"}))

    _drop_in_for = "MLPClassifier"
    _target_types = f"{SupervisedNetwork._target_types}U"
    _parameter_constraints: ClassVar[dict] = {
        **SupervisedNetwork._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        solver: str | Optimizer | LBFGS = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        n_jobs: int | None = None,
        dtype: str | type = "auto",
        loss_weights: ArrayLike | None = None,
        weight_init: str | Callable = "auto",
        bias_init: str | Callable = "auto",
        l1: float = 0.0,
        standardize: bool = False,
        normalization: str | None = None,
        residual: bool = False,
        embedding_size: int | None = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        gradient_clip_norm: float | None = None,
        gradient_clip_value: float | None = None,
        max_norm: float | None = None,
        ema: float | None = None,
        augment: str | Augment | None = None,
        callbacks: Sequence[Callback] | None = None,
        scoring: Any = None,
        loss: str | Loss | Callable = "log_loss",
        class_weight: dict | str | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self._set_parameters(locals())

    # ---- labels ------------------------------------------------------------------------------------------------------

    def _learn_targets(self, y: Any) -> Any:
        with labels_of(y, type(self).__name__):
            # The binarizer and whoever comes after it want to know the distinct labels, which are found once.
            self._label_binarizer = LabelBinarizer().fit(attach_unique(y))
        self.classes_ = self._label_binarizer.classes_
        return y

    def _check_same_targets(self, y: Any) -> Any:
        if not hasattr(self, "classes_"):  # The weights that a warm start begins with have been set by hand.
            return self._learn_targets(y)
        with labels_of(y, type(self).__name__):
            classes = unique_labels(y)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"{'warm_start' if self.warm_start else 'resume'} can only be used where `y` has the same classes"
                f" as in the previous call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        return y

    def _check_further_targets(self, y: Any) -> Any:
        if self.warm_start:  # All classes have to be there again, as scikit-learn has it.
            return self._check_same_targets(y)
        # The first call's labels may be none of the classes it was given.
        if hasattr(self, "coefs_") and are_known(y, self._label_binarizer):
            return y
        with labels_of(y, type(self).__name__):
            classes = unique_labels(y)
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return y

    def _check_known(self, y: Any) -> Any:
        kind, is_matrix = self._target_kind(), y.ndim == 2
        if is_matrix != (kind == "multilabel"):
            raise ValueError(f"y is {'a matrix' if is_matrix else 'a vector'}, unlike that of the fit.")
        with labels_of(y, type(self).__name__):
            unknown = [] if is_matrix else known_classes(np.setdiff1d(y, self.classes_))
        if unknown:
            raise ValueError(f"y has the labels {unknown}, which are none of {known_classes(self.classes_)}.")
        return y

    def _loss(self) -> Loss:
        if not self.label_smoothing:
            return loss_of(self.loss)
        if not self._loss_is("log_loss"):
            raise ValueError(f"label_smoothing={self.label_smoothing!r} is for loss='log_loss', not for {self.loss!r}.")
        return LogLoss(self.label_smoothing).validate()

    def _target_kind(self) -> str:
        return label_kind(self._label_binarizer)

    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        return encode_labels(y, self._label_binarizer, dtype, loss)

    def _n_outputs(self, targets: NDArray | None) -> int:
        assert targets is not None
        return len(self.classes_) if targets.ndim == 1 else targets.shape[1]

    # ---- weights of classes ------------------------------------------------------------------------------------------

    def _training_weights(self, y: Any, sample_weight: NDArray | None) -> NDArray | None:
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, dict):
            weights = self._weights_of_classes(self.class_weight)[class_numbers(y, self.classes_)]
        else:
            weights = self._balanced(y, sample_weight)
        weights = np.ascontiguousarray(weights if sample_weight is None else weights * sample_weight, dtype=np.float64)
        if not weights.any():
            raise ValueError(f"class_weight={self.class_weight!r} leaves no sample a weight above 0.")
        return weights

    def _balanced(self, y: Any, sample_weight: NDArray | None) -> NDArray:
        """Return weights with which all classes (of each label) weigh the same; samples of weight 0 do not count.

        As in scikit-learn, the samples of a class are counted, whatever else they weigh.
        """
        counts = slice(None) if sample_weight is None else sample_weight > 0
        weights = np.zeros(y.shape[0])
        weights[counts] = compute_sample_weight("balanced", y[counts])
        return weights

    def _weights_of_classes(self, weights: dict) -> NDArray:
        """Return the weight of each class, which is 1 for those that are not named."""
        if self._target_kind() == "multilabel":
            raise ValueError(
                f"class_weight={weights!r} is for one label per sample; y has several, for which"
                " class_weight='balanced' and loss_weights are."
            )
        of_classes = np.ones(len(self.classes_))
        for label, value in weights.items():
            place = place_of_class(label, self.classes_)
            if place is None:
                raise ValueError(
                    f"class_weight names the class {label!r}, which is none of {known_classes(self.classes_)}."
                )
            if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise ValueError(f"class_weight must have finite numbers of at least 0; got {value!r}.")
            of_classes[place] = float(value)
        return of_classes

    # ---- fitting and predicting --------------------------------------------------------------------------------------

    def _decoding(self) -> LabelDecoding:
        if self._loss_is("log_loss"):
            return LabelDecoding(self.n_outputs_, self._label_binarizer, 0.5, True)
        loss, kind = self._loss(), self._target_kind()
        threshold, is_probability = loss.threshold(kind), loss.has_probabilities(kind)
        return LabelDecoding(self.n_outputs_, self._label_binarizer, threshold, is_probability)

    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        return accuracy(y, self._decoding().predictions(outputs), sample_weight)

    @is_available_if(SupervisedNetwork._can_partial_fit)
    @begins_fit
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Go through the samples once, starting from what was learned so far.

        The optimizer is that of the first call, whose learning rate and the like stay; other parameters may change.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self : object

        Raises
        ------
        AttributeError
            When the solver is lbfgs.
        ValueError
            As :meth:`fit`, and with early_stopping=True.
        """
        with restored_on_error(self):
            refuse_broken(y, "y")
            y = plain_targets(y)
            if _check_partial_fit_first_call(self, plain_targets(classes, "classes")):
                with labels_of(y, type(self).__name__):
                    multilabel = type_of_target(y).startswith("multilabel")
                    self._label_binarizer = LabelBinarizer().fit(y if multilabel else self.classes_)
            if isinstance(self.class_weight, str) and self.class_weight == "balanced":
                raise ValueError(
                    "class_weight='balanced' is not for partial_fit, which sees but a part of the samples; give a dict,"
                    " or sample_weight."
                )
            fit = self._partial_fit(X, y, sample_weight)
        return self._told_of_errors(fit)

    def _gives_probabilities(self) -> bool:
        if self._loss_is("log_loss"):
            return True
        loss = self._loss()
        kind = self._target_kind() if hasattr(self, "_label_binarizer") else next(iter(loss.engine_losses))
        if not loss.has_probabilities(kind):
            raise AttributeError(f"The loss {loss.name!r} gives no probabilities; see decision_function.")
        return True

    def _gives_scores(self) -> bool:
        try:
            self._gives_probabilities()
        except AttributeError:
            return True
        raise AttributeError(f"The loss {self.loss!r} gives probabilities; see predict_proba.")

    @is_available_if(_gives_scores)
    def decision_function(self, X: ArrayLike) -> NDArray:
        """Return the scores of classes or labels, for losses that give no probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes) or (n_samples, n_labels)
        """
        return self._answers(X, self._fitted_decoding())

    @is_available_if(_gives_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Predict the probability of each class, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        answers = self._answers(X, self._fitted_decoding())
        return answers if self._loss_is("log_loss") else self._loss().probabilities(answers, self._target_kind())

    @is_available_if(_gives_probabilities)
    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Predict the logarithm of the probabilities; see :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: how many samples have the right label, or all the right labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        return super().score(X, plain_targets(y), sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
