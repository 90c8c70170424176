"""What the estimators for tables have in common: from a table to ensembles, and from rows to predictions."""

from __future__ import annotations

import copy
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from fastmlp.callbacks import Callback, CSVLogger, LayerStatistics, ModelCheckpoint
from fastmlp.estimators.base import Estimator, begins_fit, goes_on_with_fit, restored_on_error
from fastmlp.exceptions import (
    TimeLimitWarning,
    collected_warnings,
    counted,
    warn_user,
)
from fastmlp.fitting.evaluation import scorer_of
from fastmlp.soundness import is_array, require, require_jobs
from fastmlp.tabular.advice import ADVICE
from fastmlp.tabular.checkpoint import Checkpoint, CheckpointFile, fingerprint, learned_by
from fastmlp.tabular.columns import TableColumns, TypedTable
from fastmlp.tabular.encoding import SharedColumns, TableEncoding
from fastmlp.tabular.ensemble import Member, TargetEnsemble, Trained, Training
from fastmlp.tabular.explanation import Explanation, Read, column_values
from fastmlp.tabular.folds import Fold, fold_numbers, make_folds, require_weights, splits_of, validation_folds
from fastmlp.tabular.gains import Gains, gains
from fastmlp.tabular.kinds import EFFORTS, Kind, kinds_for
from fastmlp.tabular.prediction import TablePredictor, checked_table
from fastmlp.tabular.reading import open_table
from fastmlp.tabular.remarks import said_once, say_what_boosting_ignores, say_what_validation_ignores
from fastmlp.tabular.samples import Samples, require_as_many, weights_of
from fastmlp.tabular.scoring import MemberScorer, Predict
from fastmlp.threads import prediction_team

#: The share of time_limit that is kept for what follows the training: judging the members, and finding importances.
_SHARE_TO_FINISH = 0.05

#: Callbacks that are of use to one network alone, and why they are of none to members, which have copies of them.
_OF_ONE_NETWORK: dict[type[Callback], str] = {
    CSVLogger: "copies for all of them would write one file at the same time",
    LayerStatistics: "what copies for each of them record is not kept",
}


class TabularEstimator(Estimator):
    """The base of TabularClassifier and TabularRegressor.

    A subclass says what targets are, and what the members' predictions mean.
    """

    _parameter_constraints: ClassVar[dict] = {
        "effort": [StrOptions(set(EFFORTS))],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
        "verbose": ["verbose"],
    }

    _advice: ClassVar[Mapping[str, str]] = ADVICE

    #: The time.monotonic() from which time_limit counts in the next fit, where its table was read before: a TableModel
    #: sets it.
    _began: float

    #: What resume goes on from, in an estimator that ModelCheckpoint has written before the fit came to its end.
    _checkpoint: Checkpoint | None = None

    #: What fingerprint says of the rows of the fit, so that resume does not take others for them.
    _samples: str

    columns_: TableColumns
    encoding_: TableEncoding
    ensembles_: list[TargetEnsemble]
    oof_score_: float
    feature_importances_: NDArray[np.float64]

    # What the parameters, which a subclass names, are.
    effort: str
    time_limit: float | None
    categorical_features: Any
    max_categories: int
    cv: Any
    scoring: Any
    callbacks: Any
    random_state: Any
    n_jobs: int | None
    verbose: Any

    # ---- what a kind of estimator says of its targets ----------------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, y: Any, sample_weight: NDArray | None) -> NDArray:
        """Return the targets as numbers, (n_rows,) or (n_rows, n_outputs), and set what must be known of them.

        There may be as many weights as targets, or not; that is found out later.
        """

    @abstractmethod
    def _known_targets(self, y: Any) -> NDArray:
        """Return further targets as numbers."""

    @abstractmethod
    def _problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        """Return the ensembles that are to be trained, and the targets of each."""

    def _band_kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of members that intervals are made of, beside those that predict; none if there are none."""
        return ()

    def _band_problems(self, y: NDArray) -> list[tuple[TargetEnsemble, NDArray]]:
        """Return the ensembles of such members, and the targets of each. Their numbers follow on the others'."""
        return []

    @abstractmethod
    def _strata(self, y: NDArray) -> NDArray | None:
        """Return the numbers of classes of which folds are to have equal shares; None for none."""

    def _network_parameters(self, number: int) -> dict[str, Any]:
        """Return what the estimator's parameters ask of the networks of an ensemble, given its number."""
        return {}

    @abstractmethod
    def _decoded(self, predictions: list[NDArray[np.float64]]) -> Any:
        """Return what users get, numbers or probabilities of classes, given the predictions of each ensemble."""

    def _can_boost(self) -> bool:
        """Return whether boosted trees make the estimator's loss small."""
        return True

    def _shown(self, number: int, predict: Predict) -> Any:
        """Return a member of an ensemble, given its number and what predicts, as scorers see it."""

    @abstractmethod
    def _shown_targets(self, number: int, y: NDArray) -> NDArray:
        """Return targets of an ensemble's members as scorers see them."""

    def _training_weights(self, number: int, y: NDArray, sample_weight: NDArray | None) -> NDArray | None:
        """Return the weights of rows in the training of an ensemble, and where its members are weighed."""
        return sample_weight

    @abstractmethod
    def _judge(
        self,
        found: list[NDArray],
        shared: SharedColumns,
        y: NDArray,
        folds: list[Fold],
        sample_weight: NDArray | None,
    ) -> None:
        """Set what follows from predictions for rows that were left out.

        Parameters
        ----------
        found : list of ndarray of shape (n_rows, n_outputs)
            For each ensemble; NaN for rows that were not left out.
        shared : SharedColumns
            What members see of the rows.
        y : ndarray
            The targets as numbers.
        folds : list of Fold
        sample_weight : ndarray of shape (n_rows,) or None
        """

    # ---- fitting -----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn the columns of a table, and the classes or the numbers of its rows.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)
            Of pandas, polars, pyarrow, NumPy, or a list of rows.
        y : array-like or series of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any type; of a regressor, numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much rows count beside each other: a multiple of them gives the same estimator. Of rows to validate on,
            the same holds by itself.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are left out together.
        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Rows to stop by and to judge members by: all members then learn from all rows of X.
        """
        return self._fit(X, y, sample_weight, groups, X_val, y_val, sample_weight_val)

    @goes_on_with_fit
    def resume(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the members that a fit lacks which was killed, given what ``fit`` was given.

        The estimator is what :func:`fastmlp.load` reads from the file of a
        :class:`fastmlp.callbacks.ModelCheckpoint`. What comes of it is, bit for bit, what would have come of the fit;
        one that has come to its end stays as it is. A time limit counts from here.

        Parameters
        ----------
        X, y, sample_weight, groups, X_val, y_val, sample_weight_val
            Those of the fit, as :meth:`fit` takes them.

        Raises
        ------
        ValueError
            When this is no checkpoint; when the rows are not those of the fit, whether or not it has come to its end;
            or when a parameter of one that has not was changed since: ``n_jobs``, ``verbose``, ``time_limit`` and
            ``callbacks`` may be.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastmlp
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp.callbacks import ModelCheckpoint
        >>> X, y = load_iris(return_X_y=True)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.fastmlp"
        >>> model = fastmlp.TabularClassifier("fast", callbacks=[ModelCheckpoint(path)], random_state=0).fit(X, y)
        >>> resumed = fastmlp.load(path).resume(X, y)  # had the fit been killed, this would train the other members
        >>> bool((resumed.predict(X) == model.predict(X)).all())
        True
        """
        self._validate_params()
        if self._checkpoint is not None:
            self._checkpoint.require_parameters(self)
            return self._fit(X, y, sample_weight, groups, X_val, y_val, sample_weight_val, self._checkpoint.snapshot())
        if self.__sklearn_is_fitted__():
            self._require_samples_of_fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
            return self
        raise ValueError(
            f"resume goes on from a checkpoint, as ModelCheckpoint writes it; this {type(self).__name__} is none."
        )

    def _require_samples_of_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        X_val: Any,
        y_val: Any,
        sample_weight_val: ArrayLike | None,
    ) -> None:
        """Refuse rows that are not those which the estimator was fitted to."""
        try:
            with collected_warnings():  # what is unknown is refused in any case
                table = self.columns_.transform(X, estimator=self)
                samples = Samples(table, self._known_targets(y), weights_of(sample_weight, table))
                if not (X_val is None and y_val is None and sample_weight_val is None):
                    samples = samples.followed_by(self._validation(X_val, y_val, sample_weight_val))
            is_same = self._samples == fingerprint(
                samples.table.numbers, samples.table.categories, samples.targets, samples.weights
            )
        except ValueError:  # of columns, types or labels that there are not
            is_same = False
        if not is_same:
            raise ValueError(
                f"This {type(self).__name__} has been fitted to its end, and X, y or the weights are not those of the"
                " fit: fit learns other rows."
            )

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None,
        X_val: Any,
        y_val: Any,
        sample_weight_val: ArrayLike | None,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        """Learn the columns, train the ensembles, and judge them by the rows that their members leave out.

        With a checkpoint, the members that it has are not trained again.
        """
        began = self.__dict__.pop("_began", time.monotonic())
        callbacks = self._checked_callbacks()
        with restored_on_error(self):
            self.__dict__.pop("_checkpoint", None)
            if y is None:
                raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
            self.columns_ = TableColumns(self.categorical_features, self.max_categories)
            table = self.columns_.fit_transform(X, estimator=self)
            weights = weights_of(sample_weight, table)
            targets = self._learn_targets(y, weights)
            require_as_many(table, targets, "X", "y")
            kinds, n_folds = kinds_for(self.effort, table, boosting=self._can_boost()), EFFORTS[self.effort].n_folds
            band_kinds = self._band_kinds()
            self.encoding_ = TableEncoding().fit((*kinds, *band_kinds), table, self.columns_.n_categories_)
            n_learned = len(table)
            if has_validation := not (X_val is None and y_val is None and sample_weight_val is None):
                added = self._validation(X_val, y_val, sample_weight_val)
                table, targets, weights = Samples(table, targets, weights).followed_by(added)
            samples = fingerprint(table.numbers, table.categories, targets, weights)
            predicting, bands = self._problems(targets), self._band_problems(targets)
            problems = predicting + bands
            self._samples = samples
            if checkpoint is None:
                random = check_random_state(self.random_state)
                n_folds = int(self.cv) if isinstance(self.cv, Integral) else n_folds
                if has_validation:
                    say_what_validation_ignores(self.cv, groups)
                    folds = validation_folds(n_folds, n_learned, len(table))
                else:
                    folds = self._folds(n_folds, X, targets, groups, random, weights)
                seeds = [int(random.randint(np.iinfo(np.int32).max)) for _ in problems]
                checkpoint = Checkpoint(samples, learned_by(self), folds, seeds)
            elif checkpoint.samples != samples or len(checkpoint.seeds) != len(problems):
                raise ValueError(
                    "X, y or the weights are not those of the fit that is to be resumed: give resume what fit was"
                    " given."
                )
            folds = [Fold(*fold) for fold in checkpoint.folds]
            require_weights(folds, weights)
            limit = np.inf if self.time_limit is None else self.time_limit
            files = [
                CheckpointFile(callback, self, checkpoint)
                for callback in callbacks
                if isinstance(callback, ModelCheckpoint)
            ]
            shared = self.encoding_.shared(table)
            end = began + (1 - _SHARE_TO_FINISH) * limit
            kinds_of = [kinds] * len(predicting) + [band_kinds] * len(bands)
            try:
                found = self._train(problems, kinds_of, shared, weights, folds, checkpoint, end, files)
            except BaseException:
                for file in files:
                    file.fit_failed()
                raise
            self.ensembles_ = [ensemble for ensemble, _ in predicting]
            self.encoding_.keep_for([member.kind for ensemble, _ in problems for member in ensemble.members_])
            # Of rows that were given to validate on, these alone are left out.
            judged = slice(n_learned if has_validation else 0, None)
            self._judge(
                [each[judged] for each in found],
                shared.take(judged),
                targets[judged],
                [Fold(fold.learned, fold.left_out - judged.start) for fold in folds],
                None if weights is None else weights[judged],
            )
            fold_of = fold_numbers([folds[f] for f in self.ensembles_[0].folds_], len(targets))
            # The fitted estimator will be written, too, which takes about as long as its members did.
            end = began + limit - sum(file.longest for file in files)
            of_columns = gains(self, shared, targets, fold_of, weights, checkpoint.seeds[0], end)
            self.feature_importances_ = of_columns.values
            for file in files:
                file.fit_finished()
            self._say_what_time_cut(time.monotonic() - began, [ensemble for ensemble, _ in problems], of_columns)
        return self

    def _train(
        self,
        problems: list[tuple[TargetEnsemble, NDArray]],
        kinds_of: list[tuple[Kind, ...]],
        shared: SharedColumns,
        sample_weight: NDArray | None,
        folds: list[Fold],
        checkpoint: Checkpoint,
        deadline: float,
        files: list[CheckpointFile],
    ) -> list[NDArray[np.float64]]:
        """Train the ensembles, each of its own kinds; return what members predict for rows that they leave out."""
        scorer = scorer_of(self, self.scoring)
        if isinstance(self.scoring, str):  # of several metrics, as estimators of networks may have
            scorer = scorer._scorers[self.scoring]
        callbacks = [callback for callback in self._checked_callbacks() if not isinstance(callback, ModelCheckpoint)]
        say_what_boosting_ignores(callbacks, self.scoring, self.effort, kinds_of)
        n_kinds, found = [len(kinds) for kinds in kinds_of], []
        with said_once(is_scored=scorer is not None), self._progress(sum(n_kinds) * len(folds)) as show:
            for number, (ensemble, targets) in enumerate(problems):
                done = checkpoint.members_of(number)

                def listener(trained: Trained, finished: dict = checkpoint.finished[number]) -> None:
                    key = trained.member.kind.name, trained.member.fold
                    if key not in finished and not trained.record["cut"]:
                        finished[key] = tuple(trained)
                        for file in files:
                            file.member_finished()
                    show(trained.record["loss"])

                now = time.monotonic()
                training = Training(
                    shared,
                    targets,
                    self._training_weights(number, targets, sample_weight),
                    folds,
                    {"scoring": self._member_scorer(scorer, number, ensemble)} | self._network_parameters(number),
                    callbacks,
                    checkpoint.seeds[number],
                    prediction_team(self.n_jobs).n_threads,
                    now + (deadline - now) * n_kinds[number] / sum(n_kinds[number:]),
                    done,
                    checkpoint.trees[number],
                    EFFORTS[self.effort].has_trial,
                    listener,
                )
                found.append(ensemble.fit(kinds_of[number], training))
        return found

    def _member_scorer(self, scorer: Any, number: int, ensemble: TargetEnsemble) -> MemberScorer | None:
        if scorer is None:
            return None
        return MemberScorer(
            scorer,
            lambda predict: self._shown(number, predict),
            lambda y: self._shown_targets(number, y),
            ensemble._predicted,
        )

    def _folds(
        self,
        n_folds: int,
        X: Any,
        y: NDArray,
        groups: ArrayLike | None,
        random: np.random.RandomState,
        sample_weight: NDArray | None,
    ) -> list[Fold]:
        """Return the folds that ``cv`` and ``groups`` ask for."""
        if len(y) < 2:
            raise ValueError(
                f"{type(self).__name__} needs 2 rows or more, to leave one out of what it learns from; got n_samples=1."
            )
        if not (self.cv is None or isinstance(self.cv, Integral)):
            return splits_of(self.cv, X, y, groups)
        has_weight = None if sample_weight is None else sample_weight > 0
        return make_folds(n_folds, len(y), self._strata(y), groups, random, has_weight)

    def _validation(self, X_val: Any, y_val: Any, sample_weight_val: ArrayLike | None) -> Samples:
        """Return rows to validate on, read as those to learn from are."""
        if X_val is None or y_val is None:
            raise ValueError(
                f"{'X_val' if X_val is None else 'y_val'} was not provided: X_val and y_val come together."
            )
        table = self.columns_.transform(X_val, estimator=self)
        targets = self._known_targets(y_val)
        require_as_many(table, targets, "X_val", "y_val")
        return Samples(table, targets, weights_of(sample_weight_val, table))

    def _checked_callbacks(self) -> list[Callback]:
        for callback in self.callbacks or ():
            if not isinstance(callback, Callback):
                raise ValueError(f"callbacks must be objects of fastmlp.callbacks.Callback; got {callback!r}.")
            for cls, why in _OF_ONE_NETWORK.items():
                if isinstance(callback, cls):
                    raise ValueError(
                        f"{type(callback).__name__} is for a single network, and not for the members of a"
                        f" {type(self).__name__}: {why}. Leave it out of callbacks; history_ has the losses of each"
                        " member, epoch by epoch."
                    )
        return list(self.callbacks or ())

    @contextmanager
    def _progress(self, n_members: int) -> Iterator[Callable[[float], None]]:
        """Show a bar over all members, where ``verbose`` asks for one; give what is to be called for each of them."""
        # With leave=None, a bar below a bar of the user's own, or of another thread, goes away when the fit is over.
        options = {"desc": type(self).__name__, "unit": "member", "leave": None, "dynamic_ncols": True}
        with tqdm(total=n_members, disable=not self.verbose or sys.stderr is None, **options) as bar:

            def listener(loss: float) -> None:
                bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
                bar.update()

            yield listener
            bar.total = bar.n  # kinds without weight are left after some folds
            bar.refresh()

    def _say_what_time_cut(self, took: float, ensembles: list[TargetEnsemble], of_columns: Gains) -> None:
        """Warn of members that time_limit stopped, of those that it left out, and of importances by fewer rows."""
        records = [record for ensemble in ensembles for record in ensemble.records_]
        n_cut = sum(record["cut"] for record in records)
        cut = []
        if n_cut or any(ensemble.is_cut_ for ensemble in ensembles):
            were = "was" if len(records) == 1 else "were"
            cut.append(
                f"{counted(len(records), 'member')} {were} trained, {n_cut} of them not to the end, and others left out"
            )
        if of_columns.n_rows < of_columns.n_chosen:
            cut.append(f"importances were found by {counted(of_columns.n_rows)}, and not by {of_columns.n_chosen}")
        if self.time_limit is not None and cut:
            warn_user(
                f"time_limit={self.time_limit!r} s ended the training after {took:.3g} s: {'; '.join(cut)}. More time,"
                f" or a lower effort than {self.effort!r}, gives all of them what they need.",
                TimeLimitWarning,
            )

    # ---- what was learned --------------------------------------------------------------------------------------------

    @property
    def members_(self) -> list[Member]:
        """The networks that predict, those of all targets."""
        return [member for ensemble in self.ensembles_ for member in ensemble.members_]

    @property
    def history_(self) -> list[dict[str, Any]]:
        """What is known of each training of a member: its kind, fold, epochs, loss, seconds, losses by epoch."""
        return [record for ensemble in self.ensembles_ for record in ensemble.records_]

    def __sklearn_is_fitted__(self) -> bool:
        return "ensembles_" in self.__dict__

    if not TYPE_CHECKING:  # Checkers would take any name for an attribute.

        def __getattr__(self, name: str) -> Any:
            """Say of an attribute that files do not have why it is missing."""
            why = ""
            if name == "oof_predictions_" and self.__sklearn_is_fitted__():
                why = ": it was read from a file, and files do not have them; a pickle does, and oof_score_ is in both"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{why}", name=name, obj=self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        tags.non_deterministic = False
        return tags

    # ---- predicting --------------------------------------------------------------------------------------------------

    def _shared(self, X: Any) -> SharedColumns:
        """Return what all members see of the rows of a table, or of rows that have been read."""
        if self._checkpoint is not None and not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} is a checkpoint of a fit that has not come to its end, with"
                f" {counted(self._checkpoint.n_finished, 'member')}: resume(X, y) trains the others."
            )
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        columns = self.columns_
        if isinstance(X, TypedTable):
            table = checked_table(X, len(columns.number_names_), np.array(columns.n_categories_, np.int64))
        else:
            table = columns.transform(X, estimator=self)
        return self.encoding_.shared(table)

    def _predictions(self, X: Any) -> list[NDArray[np.float64]]:
        """Return the predictions of each ensemble, (n_rows, n_outputs)."""
        shared = self._shared(X)
        n_jobs = prediction_team(self.n_jobs).n_threads
        return [ensemble.predict(shared, n_jobs) for ensemble in self.ensembles_]

    def predictor(self) -> TablePredictor:
        """Return a function that predicts rows at the least cost per call.

        Its parameters are those of now; a later fit does not change it. It may be called from many threads at once.

        Returns
        -------
        predictor : callable
            Takes what ``predict`` takes; or, which saves the reading, a :class:`fastmlp.tabular.TypedTable`. That is
            what ``columns_.transform(X)`` returns, or is made of the numbers and the codes of categories of rows, in
            the order of ``columns_.number_names_`` and ``columns_.category_names_``. Returns what ``predict_proba``
            returns for the rows; of a regressor, what ``predict`` returns. Raises a ValueError for tables of other
            shapes, and for codes of categories that there are not.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp import TabularClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> clf = TabularClassifier(effort="fast", random_state=0).fit(X, y)
        >>> predictor = clf.predictor()
        >>> rows = clf.columns_.transform(X[:2])
        >>> bool((predictor(rows) == clf.predict_proba(X[:2])).all())
        True
        >>> bool((predictor(X[:2]) == predictor(rows)).all())
        True
        """
        check_is_fitted(self)
        n_jobs = prediction_team(self.n_jobs).n_threads
        # A copy keeps what a later fit replaces.
        return TablePredictor(self.columns_, self.encoding_, self.ensembles_, copy.copy(self)._decoded, n_jobs)

    # ---- explaining --------------------------------------------------------------------------------------------------

    @abstractmethod
    def _reader(self, number: int, members: list[Member]) -> Read:
        """Return what makes predictions of the outputs of an ensemble's members, given its number."""

    @abstractmethod
    def _goodness_reader(self, number: int, members: list[Member], y: NDArray) -> Read:
        """Return what finds how good predictions are, for rows with some targets; the larger the better."""

    @abstractmethod
    def _output_names(self, number: int) -> list[str]:
        """Return what the predictions of an ensemble are called."""

    def explain(self, X: Any) -> Explanation | list[Explanation]:
        """Return what each column adds to the prediction for each row: integrated gradients from an average row.

        The values of all columns, and the base value, sum up to the prediction: of a regressor to what ``predict``
        returns; of a classifier to the log-odds log(p / (1 - p)) of what ``predict_proba`` returns, of the second of
        two classes, or of each of more. A column has one value, whatever it is encoded as: all parts of a date count
        together. A column that is not used has the value 0.

        Parameters
        ----------
        X : data frame, table or array-like of shape (n_samples, n_features)

        Returns
        -------
        explanation : :class:`fastmlp.tabular.Explanation`, or a list of them for several targets of a classifier
            :class:`fastmlp.inspection.ExplanationDisplay` draws a row of it.

        References
        ----------
        Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", ICML 2017.
        """
        shared = self._shared(X)
        data = open_table(X, type(self).__name__).objects()
        found = []
        for number, ensemble in enumerate(self.ensembles_):
            members = ensemble.members_
            values, base = column_values(
                ensemble,
                members,
                shared,
                self.encoding_,
                self.columns_,
                self._reader(number, members),
                n_jobs=prediction_team(self.n_jobs).n_threads,
            )
            if values.shape[-1] == 1:
                values, base = values[..., 0], base[:, 0]
            names = [*self.columns_.names_], self._output_names(number)
            found.append(Explanation(values, base, data, *names, ensemble.is_classification))
        return found if len(found) > 1 else found[0]

    def check_state(self) -> None:
        """Refuse parameters and attributes that do not fit each other; an estimator from a file may have any."""
        super().check_state()
        require_jobs(self.n_jobs)
        if not self.__sklearn_is_fitted__():
            return
        state = vars(self)
        require(isinstance(state.get("columns_"), TableColumns), "columns_ are none of a table")
        require(isinstance(state.get("encoding_"), TableEncoding), "encoding_ is none")
        ensembles = state.get("ensembles_")
        require(type(ensembles) is list and len(ensembles) > 0, "ensembles_ are none")
        require(all(isinstance(each, TargetEnsemble) for each in ensembles or ()), "ensembles_ are none")
        require(type(state.get("_samples")) is str, "_samples are no fingerprint")
        importances = state.get("feature_importances_")
        sound = is_array(importances, self.columns_.n_features_in_) and bool((np.asarray(importances) >= 0).all())
        require(sound, "feature_importances_ are no numbers of at least 0, one for each column")
