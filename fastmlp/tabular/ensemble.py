"""An ensemble of networks for one target of a table: trained side by side, weighed by what they leave out."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp.callbacks import Callback, EarlyStopping, Fit
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.inputs.columns import EncodedColumns
from fastmlp.registration import stored_as
from fastmlp.soundness import are_texts, is_array, is_count, require
from fastmlp.tabular.boosting import network_of_trees
from fastmlp.tabular.calibration import apply_temperature, fit_temperature
from fastmlp.tabular.encoding import FoldTrees, SharedColumns, columns_of
from fastmlp.tabular.folds import Fold
from fastmlp.tabular.kinds import Kind, member_parameters
from fastmlp.tabular.prediction import PackedEnsemble, all_classes
from fastmlp.tabular.selection import greedy_selection

# After so many seconds at most the main thread looks whether Ctrl-C was pressed, which not every system wakes it for.
_SECONDS_TO_WAIT = 0.2
#: After so many folds, kinds of networks to which greedy selection gives less than this weight are trained no more:
#: these have little to add to what others say. Boosting takes less time than is worth the question, and comes first,
#: so that where time is short, it is not spent on what is left at two folds.
_TRIAL_FOLDS = 2
_LEAST_TRIAL_WEIGHT = 0.25
#: What members need not know any more of their networks' training: the state of the optimizer is as large as a network.
_OF_TRAINING = ("_optimizer", "history_", "loss_curve_")


@stored_as("tabular.Member")
class Member:
    """A network of an ensemble.

    Attributes
    ----------
    kind : Kind
    fold : int
        The number of the fold that it leaves out.
    network : MLPClassifier or MLPRegressor
        It reads :class:`fastmlp.inputs.columns.EncodedColumns`, and knows nothing of its training any more.
    mean_inputs : ndarray of shape (n_inputs,)
        The mean of what the rows stand for that it has learned from: the base of explanations.
    weight : float
        Of its predictions in those of the ensemble.
    """

    def __init__(
        self, kind: Kind, fold: int, network: MLPClassifier | MLPRegressor, mean_inputs: NDArray[np.float64]
    ) -> None:
        self.kind = kind
        self.fold = fold
        self.network = network
        self.mean_inputs = mean_inputs
        self.weight = 0.0

    def check_state(self) -> None:
        """Refuse attributes that no training sets."""
        state = vars(self)
        require(isinstance(state.get("kind"), Kind), "kind of a Member is none")
        require(type(state.get("fold")) is int and self.fold >= 0, "fold of a Member is no number of one")
        require(isinstance(state.get("network"), MLPClassifier | MLPRegressor), "network of a Member is none")
        n_inputs = len(self.network.coefs_[0])
        sound = is_array(state.get("mean_inputs"), n_inputs) and bool(np.isfinite(self.mean_inputs).all())
        require(sound, "mean_inputs of a Member are no numbers, one for each input")
        require(type(state.get("weight")) is float and 0 <= self.weight <= 1, "weight of a Member is none")


class _End(Callback):
    """Ends the fit of a member when another epoch would take too long, or the training of all members is to end."""

    def __init__(self, at: float, is_over: Callable[[], bool]) -> None:
        self.began = time.monotonic()
        self.at = at
        self.is_over = is_over
        self.has_cut = False

    def is_due(self) -> bool:
        """Return whether the growth of trees is to end now."""
        self.has_cut = self.is_over() or time.monotonic() > self.at
        return self.has_cut

    def on_fit_begin(self, fit: Fit) -> None:
        """Look at the clock."""
        self.last = time.monotonic()

    def on_epoch_end(self, fit: Fit) -> None:
        """End the fit if it is time to; the next epoch will take as long as this one has."""
        now = time.monotonic()
        took, self.last = now - self.last, now
        if self.is_over() or now + took > self.at:
            self.has_cut = True
            fit.stop("its time is over")


class Trained(NamedTuple):
    """A member that has been trained."""

    member: Member
    #: What it predicts for the rows that it leaves out, (n_left_out, n_outputs).
    predicted: NDArray[np.float64]
    #: What is known of its training.
    record: dict[str, Any]


class Training(NamedTuple):
    """What the members of an ensemble are trained with."""

    shared: SharedColumns
    #: Numbers of classes, (n_rows,), or scaled numbers, (n_rows,) or (n_rows, n_outputs).
    y: NDArray
    sample_weight: NDArray | None
    folds: Sequence[Fold]
    #: Parameters of the members' networks beside those of :func:`member_parameters`.
    parameters: dict[str, Any]
    callbacks: Sequence[Callback]
    seed: int
    n_jobs: int
    #: The time.monotonic() by which training is to end; infinite for none.
    deadline: float
    #: Members that an earlier fit has finished, by the names of their kinds and their folds.
    finished: Mapping[tuple[str, int], Trained]
    #: The trees of these members, to which those of the others are added.
    trees: FoldTrees
    #: Whether kinds that have little to add in the first folds are trained for no others.
    has_trial: bool
    #: It is called with each member that has been trained, by the thread that did so.
    listener: Callable[[Trained], None]


@stored_as("tabular.TargetEnsemble")
class TargetEnsemble:
    """Networks that predict the classes of a target, or numbers, of one output or several.

    Parameters
    ----------
    is_classification : bool
    n_outputs : int
        The number of classes, or of numbers that are predicted at once.
    quantiles : list of float of length n_outputs or None, default=None
        The levels of the quantiles that the numbers are; None where they are means. Of a single target, there may be
        several quantiles.

    Attributes
    ----------
    members_ : list of Member
        Those that predict: members of kinds without weight are not kept.
    kinds_ : list of str
        The names of the kinds that were trained for all folds.
    kind_weights_ : ndarray of shape (n_kinds,)
        What greedy selection gave the kinds, by the rows that they leave out.
    is_cut_ : bool
        Whether there was not the time for all members.
    folds_ : list of int
        The numbers of the folds that have members: all, unless the time was over before.
    records_ : list of dict
        What is known of each training of a member.
    trees_ : FoldTrees
    temperature_ : float
        At which the mean of probabilities has the smallest loss.
    """

    def __init__(self, is_classification: bool, n_outputs: int, quantiles: list[float] | None = None) -> None:
        self.is_classification = is_classification
        self.n_outputs = n_outputs
        self.quantiles = quantiles

    @property
    def n_folds_(self) -> int:
        """How many folds have members."""
        return len(self.folds_)

    # ---- training ----------------------------------------------------------------------------------------------------

    def fit(self, kinds: Sequence[Kind], training: Training) -> NDArray[np.float64]:
        """Train the members of all kinds, and weigh these.

        Boosting has a member for each fold, and so have all kinds if there is no trial. In a trial, the others are then
        trained for two folds, and those to which greedy selection gives little weight are left at that.

        Returns
        -------
        predictions : ndarray of shape (n_rows, n_outputs)
            Those for rows by the members that leave them out, NaN for rows that none leaves out.
        """
        self._check_folds(training)
        self.members_: list[Member] = []
        self.trees_ = training.trees
        self.records_: list[dict[str, Any]] = []
        self.is_cut_ = False
        n_folds = len(training.folds)
        first = self._trained_kind(0, kinds[0], training, range(n_folds))
        self.folds_ = [f for f, each in first.items() if each is not None]
        found: dict[int, list[Trained]] = {0: [each for each in first.values() if each is not None]}
        numbers = range(1, len(kinds))
        tried = [number for number in numbers if training.has_trial and not kinds[number].is_boosting]
        for number in numbers:
            if number not in tried:
                self._add(found, number, kinds[number], training, self.folds_)
        trial, others = self.folds_[:_TRIAL_FOLDS], self.folds_[_TRIAL_FOLDS:]
        for number in tried:
            self._add(found, number, kinds[number], training, trial)
        tried = [number for number in tried if number in found]
        if tried and others:
            weights = self._trial_weights(found, training, len(trial))
            for number in sorted(tried, key=lambda number: (-weights[number], number)):
                if weights[number] < _LEAST_TRIAL_WEIGHT:
                    del found[number]
                else:
                    self._add(found, number, kinds[number], training, others)
        chosen = sorted(found)
        self.kinds_ = [kinds[number].name for number in chosen]
        self.members_ = [each.member for number in chosen for each in found[number]]
        return self._mixed([found[number] for number in chosen], training)

    def _add(
        self, found: dict[int, list[Trained]], number: int, kind: Kind, training: Training, folds: Sequence[int]
    ) -> None:
        """Train the members of a kind for some folds, and add them to those found; a kind without time is left out."""
        began, took = time.monotonic(), max((record["seconds"] for record in self.records_), default=0.0)
        waves = -(-len(folds) // training.n_jobs)
        trained: dict[int, Trained | None] = {}
        if began + waves * took < training.deadline:
            trained = self._trained_kind(number, kind, training, folds)
        if len(trained) < len(folds) or None in trained.values():
            self.is_cut_ = True
            found.pop(number, None)
        else:
            found.setdefault(number, []).extend(each for each in trained.values() if each is not None)

    def _trial_weights(self, found: dict[int, list[Trained]], training: Training, n_trial: int) -> dict[int, float]:
        """Return the weights of kinds, by the rows that the first folds leave out."""
        folds = [training.folds[f] for f in self.folds_[:n_trial]]
        rows = np.concatenate([fold.left_out for fold in folds])
        predictions = np.stack(
            [np.concatenate([each.predicted for each in members[:n_trial]]) for members in found.values()]
        )
        sample_weight = None if training.sample_weight is None else training.sample_weight[rows]
        counts = self._counts(predictions, training.y[rows], sample_weight)
        return dict(zip(found, (counts / counts.sum()).tolist(), strict=True))

    def _check_folds(self, training: Training) -> None:
        """Refuse folds from which classes cannot be learned, or that leave out classes alone which are not learned.

        Weights are of rows and, where there are some, of their classes.
        """
        if not self.is_classification:
            return
        for number, fold in enumerate(training.folds):
            classes = np.unique(training.y[fold.learned])
            if len(classes) < 2:
                raise ValueError(
                    f"The rows that fold {number} learns from have a single class. Each fold needs two or more: give cv"
                    " or groups that part the rows otherwise."
                )
            if not np.isin(training.y[fold.left_out], classes).any():
                raise ValueError(
                    f"No row that fold {number} leaves out has a class that it learns: nothing can be judged by them."
                    " Give cv or groups that part the rows otherwise."
                )
            for rows, what in ((fold.learned, "learns from"), (self._judged(fold, training.y), "can be judged by")):
                if training.sample_weight is not None and not training.sample_weight[rows].any():
                    raise ValueError(
                        f"No row that fold {number} {what} has a weight above 0, by sample_weight and class_weight:"
                        " give weights to more of them, or cv or groups that part the rows otherwise."
                    )

    def _trained_kind(
        self, number: int, kind: Kind, training: Training, folds: Sequence[int]
    ) -> dict[int, Trained | None]:
        """Return the members of a kind for some folds, by these; None for those that there was no time for."""
        targets = self._tree_targets(training.y)
        over = threading.Event()

        def is_over() -> bool:
            return over.is_set()

        def train(f: int) -> Trained | None:
            if (known := training.finished.get((kind.name, f))) is not None:
                training.listener(known)
                return known
            # The first member of all is trained for an epoch, whatever the time.
            is_due = number == f == 0
            if is_over() or not (is_due or time.monotonic() < training.deadline):
                return None
            fold = training.folds[f]
            seed = int(np.random.SeedSequence(training.seed, spawn_key=(number, f)).generate_state(1)[0])
            # A member may take its share of the time that is left for its kind.
            waves = -(-(len(folds) - folds.index(f)) // training.n_jobs)
            now = time.monotonic()
            end = _End(now + (training.deadline - now) / waves, is_over)
            if (f, kind.trees) not in self.trees_.trees_:
                self.trees_.grow(
                    f,
                    kind,
                    training.shared,
                    targets,
                    fold.learned,
                    training.sample_weight,
                    classification=self.is_classification,
                    seed=seed,
                    left_out=self._judged(fold, training.y),
                    is_over=end.is_due,
                )
            X = columns_of(kind, f, training.shared, self.trees_)
            if is_over() or not (is_due or time.monotonic() < training.deadline):
                return None
            trained = self._trained(kind, f, X, training, seed, end)
            if not is_over():
                training.listener(trained)
            return trained

        # The main thread only waits, so that Ctrl-C reaches it; a member that fails, or Ctrl-C, ends all others.
        with ThreadPoolExecutor(min(training.n_jobs, len(folds))) as threads:
            try:
                # In copies of this context, what members warn of is collected where the fit collects it.
                members = [threads.submit(copy_context().run, train, f) for f in folds]
                while True:
                    done, others = wait(members, timeout=_SECONDS_TO_WAIT, return_when=FIRST_EXCEPTION)
                    for member in done:
                        member.result()  # or the error that it failed with
                    if not others:
                        trained = {f: member.result() for f, member in zip(folds, members, strict=True)}
                        self.records_ += [each.record for each in trained.values() if each is not None]
                        self.is_cut_ |= None in trained.values()
                        return trained
            except BaseException:
                over.set()
                raise

    def _tree_targets(self, y: NDArray) -> NDArray[np.float64]:
        """Return targets as trees take them: 0 or 1 for two classes, a column for each of more, numbers as they are."""
        if not self.is_classification:
            return y.reshape(len(y), -1).astype(np.float64)
        return y[:, np.newaxis].astype(np.float64) if self.n_outputs == 2 else np.eye(self.n_outputs)[y]

    def _trained(self, kind: Kind, f: int, X: EncodedColumns, training: Training, seed: int, end: _End) -> Trained:
        fold = training.folds[f]
        if kind.is_boosting:
            return self._boosted(kind, f, X, training, end)
        began = time.monotonic()
        network = self._network(kind, fold, training, seed, end)
        judged = self._judged(fold, training.y)
        samples, validation = (
            (X.take(rows), training.y[rows], None if training.sample_weight is None else training.sample_weight[rows])
            for rows in (fold.learned, judged)
        )
        network.fit(*samples, eval_set=validation)
        losses = network.history_["validation_loss"]
        record = {
            "kind": kind.name,
            "fold": f,
            "epochs": int(network.n_iter_),
            "loss": float(np.nanmin(losses)) if np.isfinite(losses).any() else float("nan"),
            "seconds": time.monotonic() - began,
            "cut": end.has_cut,
            **{name: list(values) for name, values in network.history_.items() if name.startswith("validation_")},
        }
        network.set_params(callbacks=None, scoring=None)
        _forget_training(network)
        member = Member(kind, f, network, samples[0].mean(samples[2]))
        return Trained(member, self._predicted(network, X.take(fold.left_out)), record)

    def _boosted(self, kind: Kind, f: int, X: EncodedColumns, training: Training, end: _End) -> Trained:
        """Return a member of trees that predict by themselves."""
        fold, trees = training.folds[f], self.trees_.trees_[f, str(kind.trees)]
        learned = X.take(fold.learned)
        network = network_of_trees(trees, learned, training.y[fold.learned], classification=self.is_classification)
        _forget_training(network)
        weights = None if training.sample_weight is None else training.sample_weight[fold.learned]
        # Networks halve squared errors.
        losses = [loss if self.is_classification else loss / 2 for loss in trees.losses_]
        record = {
            "kind": kind.name,
            "fold": f,
            "trees": len(trees.n_leaves_),
            "epochs": 0,
            "loss": min(losses),
            "seconds": time.monotonic() - end.began,
            "cut": end.has_cut,
            "validation_loss": losses,
        }
        return Trained(
            Member(kind, f, network, learned.mean(weights)), self._predicted(network, X.take(fold.left_out)), record
        )

    def _judged(self, fold: Fold, y: NDArray) -> NDArray[np.intp]:
        """Return the rows that a fold leaves out and whose losses say when training ends."""
        if not self.is_classification:
            return fold.left_out
        # Of classes that members do not learn, they have no loss.
        return fold.left_out[np.isin(y[fold.left_out], np.unique(y[fold.learned]))]

    def _network(
        self, kind: Kind, fold: Fold, training: Training, seed: int, end: _End
    ) -> MLPClassifier | MLPRegressor:
        """Return the network of a member before its training."""
        parameters = member_parameters(kind, len(fold.learned)) | training.parameters | {"random_state": seed}
        if parameters.get("scoring") is not None:
            for callback in parameters["callbacks"]:
                if isinstance(callback, EarlyStopping):
                    callback.set_params(monitor="validation_score", mode="max")
        parameters["callbacks"] = [*parameters["callbacks"], *map(copy.deepcopy, training.callbacks), end]
        return (MLPClassifier if self.is_classification else MLPRegressor)(**parameters)

    def _mixed(self, found: list[list[Trained]], training: Training) -> NDArray[np.float64]:
        """Weigh the kinds, given their members; return the ensemble's predictions for rows that these leave out."""
        n_rows = len(training.y)
        folds = [training.folds[f] for f in self.folds_]
        times_left_out = np.zeros(n_rows)
        for fold in folds:
            times_left_out[fold.left_out] += 1
        is_left_out = times_left_out > 0
        predictions = np.zeros((len(found), n_rows, self.n_outputs))
        for total, members in zip(predictions, found, strict=True):
            for fold, trained in zip(folds, members, strict=True):
                total[fold.left_out] += trained.predicted
        means = predictions[:, is_left_out] / times_left_out[is_left_out, np.newaxis]
        weights = None if training.sample_weight is None else training.sample_weight[is_left_out]
        mixed = np.full((n_rows, self.n_outputs), np.nan)
        mixed[is_left_out] = self._weigh(means, training.y[is_left_out], weights)
        return mixed

    def _weigh(self, predictions: NDArray, y: NDArray, weights: NDArray | None) -> NDArray[np.float64]:
        """Weigh the kinds by their predictions (n_kinds, n_rows, n_outputs) of rows left out; return the mean."""
        counts = self._counts(predictions, y, weights)
        self.kind_weights_ = counts / counts.sum()
        by_name = dict(zip(self.kinds_, self.kind_weights_.tolist(), strict=True))
        # Members are new objects, since those of a checkpoint have no weight.
        self.members_ = [copy.copy(member) for member in self.members_ if by_name[member.kind.name] > 0]
        for member in self.members_:
            member.weight = by_name[member.kind.name] / self.n_folds_
        # No trees without a member.
        self.trees_ = self.trees_.of((member.fold, member.kind.trees) for member in self.members_)
        mixed = np.tensordot(self.kind_weights_, predictions, 1)
        self.temperature_ = fit_temperature(mixed, y, weights) if self.is_classification else 1.0
        return self._calibrated(mixed)

    def _counts(self, predictions: NDArray, y: NDArray, weights: NDArray | None) -> NDArray[np.int64]:
        """Return how often greedy selection takes each kind, given predictions (n_kinds, n_rows, n_outputs)."""
        if self.is_classification:
            return greedy_selection(predictions, y, weights, loss="log_loss")
        numbers = y.reshape(len(y), -1)
        if self.quantiles is None:
            return greedy_selection(predictions, numbers, weights, loss="squared_error")
        return greedy_selection(predictions, numbers, weights, loss="quantile", quantile=self.quantiles)

    # ---- predicting --------------------------------------------------------------------------------------------------

    def predict(self, shared: SharedColumns, n_jobs: int = 1) -> NDArray[np.float64]:
        """Return the mean of what the members predict, (n_rows, n_outputs)."""
        return self._calibrated(PackedEnsemble.of(self).predict(shared, n_jobs))

    def predict_folds(self, shared: SharedColumns, n_jobs: int = 1) -> NDArray[np.float64]:
        """Return what the members of each fold predict together, (n_folds, n_rows, n_outputs)."""
        return PackedEnsemble.of(self).predict_folds(shared, n_jobs)

    def _predicted(self, network: MLPClassifier | MLPRegressor, X: EncodedColumns) -> NDArray:
        """Return what a network predicts, (n_rows, n_outputs)."""
        if not self.is_classification:
            return network.predict(X).reshape(len(X), -1)
        return all_classes(network.predict_proba(X), network.classes_, self.n_outputs)

    def _calibrated(self, predictions: NDArray) -> NDArray[np.float64]:
        return apply_temperature(predictions, self.temperature_) if self.is_classification else predictions

    def check_state(self) -> None:
        """Refuse attributes that ``fit`` does not set."""
        state = vars(self)
        require(type(state.get("is_classification")) is bool, "an ensemble is neither of classes nor of numbers")
        n_outputs, folds, members = state.get("n_outputs"), state.get("folds_"), state.get("members_")
        require(is_count(n_outputs) and n_outputs, "n_outputs of an ensemble is no number of them", n_outputs)
        levels = state.get("quantiles", 0)
        sound = levels is None or (type(levels) is list and len(levels) == n_outputs and all(map(_is_level, levels)))
        require(sound, "quantiles of an ensemble are no levels of its outputs", levels)
        sound = type(folds) is list and bool(folds) and all(map(is_count, folds)) and len(set(folds)) == len(folds)
        require(sound, "folds_ of an ensemble are no numbers of folds", folds)
        sound = type(members) is list and bool(members) and all(isinstance(member, Member) for member in members)
        require(sound, "members_ of an ensemble are none")
        require({member.fold for member in self.members_} == set(self.folds_), "folds_ of an ensemble are no members'")
        kinds, weights = state.get("kinds_"), state.get("kind_weights_")
        require(are_texts(kinds) and is_array(weights, len(self.kinds_)), "kinds of an ensemble have no weights")
        require(type(state.get("records_")) is list, "records_ of an ensemble are no list")
        temperature = state.get("temperature_")
        require(type(temperature) is float and temperature > 0, "temperature_ of an ensemble is none", temperature)
        require(isinstance(state.get("trees_"), FoldTrees), "trees_ of an ensemble are none")
        expected = MLPClassifier if self.is_classification else MLPRegressor
        for member in self.members_:
            require(isinstance(member.network, expected), "members_ of an ensemble predict something else")
            if member.kind.trees is None:
                continue
            key = member.fold, member.kind.trees
            require(key in self.trees_.trees_, "an ensemble lacks the trees of a member", key)
            n_leaves = self.trees_.trees_[key].n_leaves_.tolist()
            layout = getattr(member.network, "columns_layout_", None)
            fits = layout is not None and list(layout.n_categories[-len(n_leaves) :]) == n_leaves
            require(fits, "a member of an ensemble does not look up the leaves of its trees")


def _forget_training(network: MLPClassifier | MLPRegressor) -> None:
    """Drop what only further training would need, which is larger than the weights."""
    for name in _OF_TRAINING:
        network.__dict__.pop(name, None)


def _is_level(value: Any) -> bool:
    """Whether a value is the level of a quantile."""
    return type(value) is float and 0 < value < 1
