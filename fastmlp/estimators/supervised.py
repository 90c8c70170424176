"""Estimators that learn targets by a network: fit, partial_fit and resume, each a sequence of the same steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fastmlp.components import real_array
from fastmlp.estimators.base import begins_fit, goes_on_with_fit, restored_on_error
from fastmlp.estimators.evaluation_sets import named_sets, place_of, with_validation
from fastmlp.estimators.features import HiddenFeatures
from fastmlp.estimators.fitted_state import check_estimator
from fastmlp.estimators.remarks import warn_of_ignored, warn_of_ignored_once
from fastmlp.estimators.trained import TrainedNetwork
from fastmlp.exceptions import warn_user
from fastmlp.fitting.evaluation import Evaluation, EvaluationSet
from fastmlp.fitting.minibatch import IncrementalFit, ResumedFit
from fastmlp.fitting.problem import Problem, TrainingData, TrainingPlan
from fastmlp.fitting.recipe import is_stochastic
from fastmlp.fitting.recorded import RecordedFit
from fastmlp.fitting.start import go_on, resume
from fastmlp.inputs.columns import EncodedColumns
from fastmlp.inputs.rows import refuse_broken, rows_of
from fastmlp.inputs.validation import validated
from fastmlp.losses import OUTPUT_ACTIVATIONS, CustomLoss, Loss, loss_of
from fastmlp.network import Network, Objective


class SupervisedNetwork(HiddenFeatures, TrainedNetwork):
    """The base of estimators that learn targets by a network.

    A fit validates the samples and plans the training, which together are a Problem; it makes a starting point, trains,
    and keeps the network. The methods below differ in the starting point: fit begins (or goes on from fitted weights,
    in a warm start), partial_fit goes on with the optimizer too, and resume with everything there was. What a subclass
    says is what targets are.
    """

    #: The kinds of NumPy's types of which targets may be taken as they are.
    _target_types: ClassVar[str] = "biuf"

    # ---- what a kind of estimator says of its targets ----------------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, y: Any) -> Any:
        """Return the targets of a fit that begins, checked, and set what the estimator must know of them."""

    @abstractmethod
    def _check_same_targets(self, y: Any) -> Any:
        """Return the targets of a fit that goes on from another one, checked to be of the same kind."""

    @abstractmethod
    def _check_further_targets(self, y: Any) -> Any:
        """Return the targets of a call of partial_fit, checked to be among those there may be."""

    @abstractmethod
    def _check_known(self, y: Any) -> Any:
        """Return targets to evaluate with; refuse those that the fit's cannot be compared with."""

    @abstractmethod
    def _target_kind(self) -> str:
        """Return the kind of the targets, as losses know them, when targets have been learned."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype, loss: Loss) -> NDArray:
        """Return y as the engine reads it."""

    @abstractmethod
    def _validation_score(self, y: Any, outputs: NDArray, sample_weight: NDArray | None) -> float:
        """Return what early stopping maximizes."""

    def _training_targets(self, plan: TrainingPlan, y: Any, dtype: np.dtype) -> NDArray | None:
        """Return y as the engine reads it in training; None where the targets are the rows themselves."""
        return self._encode(y, dtype, plan.loss)

    def _n_outputs(self, targets: NDArray | None) -> int:
        """Return the number of the network's outputs, given the targets as the engine reads them."""
        assert targets is not None
        return targets.shape[1]

    def _training_weights(self, y: Any, sample_weight: NDArray | None) -> NDArray | None:
        """Return the weights of the samples to train with, given the user's."""
        return sample_weight

    def _plan(self) -> TrainingPlan:
        """Return how the network is to be trained, as the parameters have it."""
        return TrainingPlan.of(self.get_params(deep=False), self._loss())

    def _loss(self) -> Loss:
        """Return the loss, with what the estimator's parameters add to a name."""
        return loss_of(self.loss)

    def _loss_is(self, name: str) -> bool:
        return isinstance(self.loss, str) and self.loss == name

    # ---- fitting -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: tuple | list | Mapping[str, tuple] | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to the samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, EncodedColumns} of shape (n_samples, n_features)
            Samples. An array of any real type is read in place, row by row, when its rows are contiguous. Of
            :class:`fastmlp.inputs.columns.EncodedColumns` the first layer looks up what a dense layer would make of the
            matrix which they stand for.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (or, for several labels per sample, an indicator matrix) or real numbers, of any library. Of
            an enumeration of texts the labels are these texts. A missing target (NaN, None, NaT, pandas.NA, or what is
            masked) is refused, and its row named.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all of them zero.
        eval_set : tuple, dict of str to tuple, or list of tuples, default=None
            Samples that are not learned from: (X, y) or (X, y, sample_weight), called "validation"; a dict gives
            several their names, those of a list are "validation_0", "validation_1", ... Their losses (without
            penalties) and scores stand in ``history_`` for each epoch. With early_stopping the first takes the place
            of samples held out. They are taken as they are: what comes before the estimator in a pipeline does not see
            them.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Samples that are not learned from, as ``eval_set=(X_val, y_val, sample_weight_val)`` has them, of which a
            pipeline can see some: ``Pipeline(..., transform_input=["X_val"])`` transforms them as it does X.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            On input that cannot be used, and when training diverges: when it makes weights infinite or NaN, and there
            is no better epoch to end with. The estimator then is as it was before the call.
        Exception
            What a callback raises. The model then is what it was after the last epoch that came to its end.

        Warns
        -----
        ConvergenceWarning
            When max_iter ends the fit, unless a schedule that ends by then, or a callback that decides of the end
            (EarlyStopping), planned it so.
        DivergenceWarning
            When training diverges, and the model is that of the best epoch, which early_stopping or a callback kept;
            and when weights end up beyond 1e10, though finite.
        OverflowWarning
            When a loss, or what the optimizer keeps of gradients, is too large for a number, and weights stay finite.
        ScheduleEndedWarning
            When epochs come after a schedule's end, where the learning rate is at most a thousandth of its highest.
        UndefinedScoreWarning
            When a loss or score of eval_set, or of samples held out, is no finite number. Such an epoch is never the
            best; if all are such, early_stopping ends with the last one.

        The last four are classes of :mod:`fastmlp.exceptions`. What a fit warns of points at the line that called it,
        and each is said once.

        Examples
        --------
        Samples to validate on that go through a pipeline's scaler:

        >>> import sklearn
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn.pipeline import Pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from fastmlp import MLPClassifier
        >>> X, X_val, y, y_val = train_test_split(*load_wine(return_X_y=True), random_state=0)
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     clf = MLPClassifier(early_stopping=True, random_state=0).set_fit_request(X_val=True, y_val=True)
        ...     pipeline = Pipeline([("scaler", StandardScaler()), ("mlp", clf)], transform_input=["X_val"])
        ...     pipeline = pipeline.fit(X, y, X_val=X_val, y_val=y_val)
        >>> max(pipeline["mlp"].history_["validation_score"]) == pipeline.score(X_val, y_val)
        True
        """
        return self._fit(X, y, sample_weight, with_validation(eval_set, X_val, y_val, sample_weight_val))

    def _fit(self, X: Any, y: Any, sample_weight: Any, eval_set: Any) -> Self:
        """Fit the network; what fit of a subclass does, whatever it is called with."""
        self._announce_epochs()
        with restored_on_error(self):
            self._random_state = check_random_state(self.random_state)
            before = self if self.warm_start and hasattr(self, "coefs_") else None
            if before is None:
                problem, network = self._first_problem(X, y, sample_weight, eval_set, self._learn_targets)
            else:
                problem, network = self._further_problem(X, y, sample_weight, eval_set, self._check_same_targets)
            warn_of_ignored(self, problem, network)
            fit = self._beginning(problem, network, before)
            self._train(fit)
        return self._told_of_errors(fit)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> RecordedFit:
        """Go through the samples once, with the optimizer of the call before; return the fit.

        It is what partial_fit of a subclass does within restored_on_error, once it knows of the targets there may be.
        """
        self._validate_params()  # The decorator of scikit-learn does so in the first call only.
        self._random_state = check_random_state(self.random_state)
        before = self if hasattr(self, "coefs_") else None
        make = self._first_problem if before is None else self._further_problem
        problem, network = make(X, y, sample_weight, None, self._check_further_targets)
        warn_of_ignored_once(self, problem, network)
        start = go_on(problem, network, before, self._random_state)
        fit = IncrementalFit(self, problem, start, self._callbacks(), prints=bool(self.verbose), max_epochs=1)
        self._train(fit)
        return fit

    @goes_on_with_fit
    def resume(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: tuple | list | Mapping[str, tuple] | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go on with the fit of which this estimator is a checkpoint, up to max_iter epochs.

        Given the same samples, what comes of it is, bit for bit, what the fit would have come to. A larger max_iter may
        be set first; other parameters are to stay as they are. A schedule over the whole fit is planned anew then: from
        here on, its rates are those that it would have had if max_iter had been that from the beginning. One that was
        given its own length (n_steps) goes on as it was planned.

        Parameters
        ----------
        X, y, sample_weight, eval_set, X_val, y_val, sample_weight_val
            Those of the fit, as :meth:`fit` takes them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            When this is no checkpoint (see :class:`fastmlp.callbacks.ModelCheckpoint`), or the samples cannot be those
            of the fit.
        """
        return self._resume(X, y, sample_weight, with_validation(eval_set, X_val, y_val, sample_weight_val))

    def _resume(self, X: Any, y: Any, sample_weight: Any, eval_set: Any) -> Self:
        """Go on with a fit; what resume of a subclass does, whatever it is called with."""
        checkpoint = getattr(self, "_checkpoint", None)
        if checkpoint is None:
            raise ValueError(
                f"resume goes on from a checkpoint, as ModelCheckpoint writes it; this {type(self).__name__} is none."
            )
        attributes = [(callback, vars(callback).copy()) for callback in self.callbacks or ()]
        try:
            self._announce_epochs()
            with restored_on_error(self):
                self._validate_params()
                problem, network = self._further_problem(X, y, sample_weight, eval_set, self._check_same_targets)
                warn_of_ignored(self, problem, network, self._optimizer)
                callbacks = [*self._callbacks(), *self._bar()]
                start = resume(problem, network, self, checkpoint)
                fit = ResumedFit(self, problem, start, callbacks, prints=self._prints, max_epochs=self.max_iter)
                self._train(fit)
            return self._told_of_errors(fit)
        finally:
            if self.__dict__.get("_checkpoint") is checkpoint:  # It failed, and may be tried again.
                for callback, before in attributes:
                    vars(callback).clear()
                    vars(callback).update(before)

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an estimator from a file may have any.

        Raises
        ------
        ValueError
            It names the parameter or the attribute.
        """
        super().check_state()
        check_estimator(self)

    def _can_partial_fit(self) -> bool:
        if not is_stochastic(self.solver):
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    # ---- the problem -------------------------------------------------------------------------------------------------

    def _first_problem(
        self, X: Any, y: Any, sample_weight: Any, eval_set: Any, check_targets: Callable[[Any], Any]
    ) -> tuple[Problem, Network]:
        """Return the problem of a first fit, and a network with initial weights.

        Parameters
        ----------
        X, y, sample_weight, eval_set
            As :meth:`fit` takes them.
        check_targets : callable
            It returns validated targets, checked to be what such a fit takes.
        """
        plan = self._plan()
        samples, targets = self._validated(X, y, reset=True)
        targets = check_targets(self._as_vector(targets))
        dtype = self._compute_dtype(samples.dtype)
        data = self._data(plan, (X, y), samples, targets, sample_weight, dtype)
        network = self._new_network(plan, data, self._n_outputs(data.targets), dtype)
        return self._problem(plan, data, network, eval_set), network

    def _further_problem(
        self, X: Any, y: Any, sample_weight: Any, eval_set: Any, check_targets: Callable[[Any], Any]
    ) -> tuple[Problem, Network]:
        """Return the problem of a fit that goes on, and a copy of the fitted network.

        Parameters
        ----------
        X, y, sample_weight, eval_set, check_targets
            As :meth:`_first_problem` takes them; X has the features of the fit before.
        """
        plan = self._plan()
        samples, targets = self._validated(X, y, reset=False)
        targets = check_targets(self._as_vector(targets))
        # A fitted model keeps its type, whatever X it goes on with.
        dtype = self._compute_dtype(self.coefs_[0].dtype)
        data = self._data(plan, (X, y), samples, targets, sample_weight, dtype)
        self._check_unchanged(plan.hidden_sizes, self._n_outputs(data.targets))
        network = self._network_for(plan.hidden, data.objective, dtype)
        if scipy.sparse.issparse(samples) and network.input_means is not None and network.input_means.any():
            raise ValueError(
                "standardize=True centred the dense X that training began with; it cannot go on with a sparse one."
            )
        return self._problem(plan, data, network, eval_set), network

    def _problem(self, plan: TrainingPlan, data: TrainingData, network: Network, eval_set: Any) -> Problem:
        """Return the problem, with the sets of eval_set to evaluate on."""
        self._keep_outline(network)
        evaluation = Evaluation(
            self._evaluation_sets(eval_set, network, plan.loss),
            self.scoring,
            self._validation_score,
            self,
            data.objective,
            learned=(data.y, data.sample_weight),
            of_variance=data.classes is None and plan.loss.outputs_per_target == 1,
        )
        return Problem(plan, data, evaluation)

    def _data(
        self, plan: TrainingPlan, given: tuple[Any, Any], X: Any, y: Any, sample_weight: Any, dtype: np.dtype
    ) -> TrainingData:
        """Return the samples as the engine reads them, and what the network is trained for.

        Parameters
        ----------
        plan : TrainingPlan
        given : tuple
            X and y as the user gave them.
        X, y
            Validated samples and targets.
        sample_weight : array-like or None
            As the user gave it.
        dtype : dtype
            The type of the network's numbers.
        """
        if scipy.sparse.issparse(X):
            for name in ("input_noise", "augment"):
                if getattr(self, name):
                    raise ValueError(f"{name}={getattr(self, name)!r} is for dense X; got a sparse matrix.")
        if isinstance(X, EncodedColumns):
            for name in ("input_noise", "input_dropout", "augment", "standardize"):
                if getattr(self, name) and not (name == "input_dropout" and self.embedding_size):
                    raise ValueError(f"{name}={getattr(self, name)!r} is for X of numbers; got EncodedColumns.")
        elif self.embedding_size is not None:
            raise ValueError(f"embedding_size={self.embedding_size!r} is for EncodedColumns; got X of numbers.")
        # L-BFGS computes in float64 whatever the model's type.
        rows = rows_of(X, dtype if plan.is_stochastic else np.float64)
        loss_name = plan.loss.engine_loss(self._target_kind())
        targets = self._training_targets(plan, y, dtype)
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        weights = self._training_weights(y, sample_weight)
        n_outputs = self._n_outputs(targets)
        if plan.augment is not None and targets is not None and targets.ndim == 1:
            # What is mixed is between the classes, and no class number.
            if loss_name != "log_loss":
                raise ValueError(f"augment is for losses of a matrix of targets, not for the loss {loss_name!r}.")
            loss_name, targets = "soft_log_loss", np.eye(n_outputs, dtype=dtype)[targets]
        objective = self._objective(plan.loss, loss_name, n_outputs)
        classes = getattr(self, "classes_", None)
        return TrainingData(given, X, y, rows, targets, sample_weight, weights, objective, classes, dtype)

    def _objective(self, loss: Loss, loss_name: str, n_outputs: int) -> Objective:
        """Return what the network is trained for: the engine's loss of this name, as the parameters have it."""
        function, weights = loss if isinstance(loss, CustomLoss) else None, None
        if self.loss_weights is not None:
            if function is not None:
                raise ValueError(
                    "loss_weights is for the losses that fastmlp has; a loss of one's own weighs by itself."
                )
            if OUTPUT_ACTIVATIONS[loss_name] == "softmax":
                raise ValueError("loss_weights is for several outputs; use class_weight for several classes.")
            weights = real_array(self.loss_weights, (n_outputs,), np.float64, "loss_weights")
            if (weights < 0).any():
                raise ValueError(f"loss_weights must be numbers of at least 0; got {self.loss_weights!r}.")
        return Objective(loss_name, loss.engine_options, weights, function)

    def _check_unchanged(self, hidden_sizes: list[int], n_outputs: int) -> None:
        """Refuse to go on with a network of another shape than parameters and targets ask for."""
        self._check_embeddings(self.__dict__.get("columns_layout_"))
        _, *hidden, outputs = self._sizes()
        if self.embedding_size is not None:
            del hidden[0]
        if hidden_sizes != hidden:
            raise ValueError(
                f"hidden_layer_sizes={hidden_sizes} differs from the fitted network's {hidden}; training can only"
                " be continued with the same hidden layers."
            )
        if n_outputs != outputs:
            raise ValueError(f"y has {n_outputs} outputs, but the fitted network has {outputs}.")

    # ---- validation --------------------------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Return samples and targets as scikit-learn's validate_data does; good ones are taken as they are."""
        if self._takes_targets_as_they_are(y) and self._takes_as_they_are(X, reset=reset) and len(X) == len(y):
            self.__dict__["n_features_in_"] = X.shape[1]
            return X, y
        refuse_broken(X)
        refuse_broken(y, "y")
        return validated(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=self._validation_dtype(X),
            reset=reset,
        )

    def _takes_targets_as_they_are(self, y: Any) -> bool:
        """Whether scikit-learn's checks of targets would find nothing in y, and change nothing of it."""
        if type(y) is not np.ndarray or y.ndim not in (1, 2) or y.dtype.kind not in self._target_types or y.size == 0:
            return False
        if y.dtype.kind != "f":
            return True
        if y.dtype.itemsize > 8:
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.isfinite(y.sum()))

    @staticmethod
    def _as_vector(y: Any) -> Any:
        """Return a column of targets as a vector, with a warning; all else as it is."""
        if y.ndim != 2 or y.shape[1] != 1:
            return y
        warn_user(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to"
            " (n_samples, ), for example using ravel().",
            DataConversionWarning,
        )
        return column_or_1d(y)

    def _check_weights(self, sample_weight: Any, X: Any) -> NDArray:
        if isinstance(sample_weight, str | dict):  # The parameter class_weight may be such.
            raise ValueError(
                f"sample_weight must be numbers, one for each of the {X.shape[0]} rows; got {sample_weight!r}. Weights"
                " of classes are the classifier's parameter class_weight."
            )
        # It refuses weights that are all zero, too.
        weights = np.ascontiguousarray(
            _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        )
        if weights.max() < np.finfo(np.float64).tiny:  # The engine's arithmetic takes such numbers for 0.
            raise ValueError(
                f"sample_weight must have numbers of at least {np.finfo(np.float64).tiny:.3g}; got at most"
                f" {weights.max():.3g}: divide them by that."
            )
        return weights

    # ---- evaluation --------------------------------------------------------------------------------------------------

    def _evaluation_sets(self, eval_set: Any, network: Network, loss: Loss) -> list[EvaluationSet]:
        """Return the sets of fit's eval_set, validated."""
        sets = []
        for name, given in named_sets(eval_set).items():
            try:
                sets.append(self._evaluation_set(network, loss, name, *given))
            except ValueError as error:
                raise ValueError(f"{place_of(name, given)}: {error}") from error
        return sets

    def _evaluation_set(
        self, network: Network, loss: Loss, name: str, X: Any, y: Any, sample_weight: Any = None
    ) -> EvaluationSet:
        """Return samples as a set to evaluate a network on, validated and encoded as those of the fit."""
        n_outputs, dtype = network.structure.sizes[-1], network.params.dtype
        X, y = self._validated(X, y, reset=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y)
        y = self._check_known(y)
        targets = self._encode(y, dtype, loss)
        if network.objective.loss == "soft_log_loss" and targets.ndim == 1:
            targets = np.eye(n_outputs, dtype=dtype)[targets]
        if targets.ndim == 2 and targets.shape[1] != n_outputs:
            raise ValueError(f"y has {targets.shape[1]} outputs, that of the fit has {n_outputs}.")
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        # Sparse samples are not centred as they are read, and centred they are dense.
        is_centred = scipy.sparse.issparse(X) and network.input_means is not None and network.input_means.any()
        return EvaluationSet(name, X, y, rows_of(X.toarray() if is_centred else X, dtype), targets, sample_weight)

    def _network_and_data(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Network, TrainingData]:
        """Return a copy of the fitted network, with the loss it was trained with, and samples to evaluate that on.

        Raises
        ------
        ValueError
            For input that cannot be used: labels that are not known, among others.
        """
        network = self.to_network()
        part = self._evaluation_set(network, self._loss(), "", X, y, sample_weight)
        weights = self._training_weights(part.y, part.sample_weight)
        return network, TrainingData(
            (X, y), part.X, part.y, part.rows, part.targets, part.sample_weight, weights, network.objective
        )

    def to_network(self) -> Network:
        """Return a copy of the fitted network: hidden activations, loss and gradients, parameters by name.

        Its ``forward`` gives what predict_proba (or decision_function; of a regressor: predict) gives, up to rounding:
        of two classes the second's probability, of several with loss='squared_error' the outputs before they are made
        to sum to 1; CSR rows, which it does not centre, excepted with standardize=True. Its loss is that of the
        parameter loss. What becomes of it does not change the estimator.

        Returns
        -------
        network : Network
            In the type the model computes in: that of ``coefs_``, or what the parameter dtype names. For targets its
            :meth:`~fastmlp.network.Network.loss_and_gradients` takes class numbers, int32, for several classes with
            loss='log_loss' and 'focal', and matrices in the network's type, (n_samples, n_outputs), for all others:
            numbers as they are, once for each quantile; 0 and 1 for two classes, in one column, for several classes of
            other losses, in one column each, and for labels; with label_smoothing e those of several classes have to be
            smoothed, y (1 - e) + e / K.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            When loss, activation, normalization or residual have been set to what the fitted network does not go
            with.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20, 10), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
        >>> network = clf.to_network()
        >>> np.allclose(network.forward(X), clf.predict_proba(X))
        True
        >>> first, second, outputs = network.activations(X)
        >>> first.shape, second.shape, outputs.shape
        ((150, 20), (150, 10), (150, 3))
        >>> targets = np.searchsorted(clf.classes_, y).astype(np.int32)
        >>> loss, gradient = network.loss_and_gradients(X, targets)
        >>> {name: g.shape for name, g in network.named_parameters(gradient).items() if name.startswith("coefs")}
        {'coefs.0': (4, 20), 'coefs.1': (20, 10), 'coefs.2': (10, 3)}
        """
        check_is_fitted(self)
        self._validate_params()
        loss = self._loss()
        name = loss.engine_loss(self._target_kind())
        if OUTPUT_ACTIVATIONS[name] != self.out_activation_:
            raise ValueError(
                f"loss={self.loss!r} goes with outputs of {OUTPUT_ACTIVATIONS[name]!r}, but those of the fitted network"
                f" are of {self.out_activation_!r}."
            )
        objective = self._objective(loss, name, self._sizes()[-1])
        return self._network_for(self._hidden_layers(), objective, self._compute_dtype(self.coefs_[0].dtype))
