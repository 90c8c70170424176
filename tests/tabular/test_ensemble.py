"""Ensembles of networks for one target: members beside the oracle, weights of kinds, folds, what is kept."""

import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.callbacks import Callback, EarlyStopping
from fastmlp.exceptions import TimeLimitWarning
from fastmlp.tabular import base
from fastmlp.tabular.calibration import apply_temperature
from fastmlp.tabular.columns import TableColumns
from fastmlp.tabular.encoding import FoldTrees, TableEncoding, columns_of
from fastmlp.tabular.ensemble import Member, TargetEnsemble, Trained, Training, _End
from fastmlp.tabular.folds import Fold, make_folds
from fastmlp.tabular.kinds import EFFORTS
from fastmlp.tabular.selection import greedy_selection
from tests.tabular.problems import BOTH, SMALL, Clock, kind, outputs, problem, small, table

KINDS = (
    kind("bins", "bins", "scaled"),
    kind("trees", "scaled", trees="boosted"),
    kind("units", "ranked", codes=("frequent",), embedding_size=4),
)
N = 90


def training(y, *, n_folds=3, kinds=KINDS, **changed):
    """What an ensemble is trained with, beside its kinds."""
    X, _, _ = table(N)
    columns = TableColumns()
    typed = columns.fit_transform(X)
    encoding = TableEncoding().fit(kinds, typed, columns.n_categories_)
    strata = y if y.dtype.kind == "i" else None
    heard = []
    made = Training(
        encoding.shared(typed),
        y,
        None,
        make_folds(n_folds, N, strata, None, np.random.RandomState(0)),
        {},
        [],
        seed=1,
        n_jobs=2,
        deadline=np.inf,
        finished={},
        trees=FoldTrees(),
        has_trial=False,
        listener=heard.append,
    )._replace(**changed)
    return made, heard


def targets(is_classification, n_outputs=1):
    _, labels, numbers = table(N)
    if is_classification:
        return np.unique(labels, return_inverse=True)[1].astype(np.int32)
    scaled = (numbers - numbers.mean()) / numbers.std()
    return scaled if n_outputs == 1 else np.stack([scaled, -scaled], axis=1)


@pytest.mark.parametrize(("is_classification", "n_outputs"), [(True, 3), (False, 1), (False, 2)])
def test_members_are_weighed_by_what_they_leave_out(is_classification, n_outputs):
    """The oracle predicts row by row with the member that left the row out, and mixes the kinds itself."""
    y = targets(is_classification, n_outputs)
    made, heard = training(y)
    ensemble = TargetEnsemble(is_classification, n_outputs)
    found = ensemble.fit(KINDS, made)
    assert sorted((t.member.kind.name, t.member.fold) for t in heard) == sorted(
        (each.name, f) for each in KINDS for f in range(3)
    )
    by_kind = np.zeros((3, N, n_outputs))
    for trained in heard:
        k = [each.name for each in KINDS].index(trained.member.kind.name)
        by_kind[k, made.folds[trained.member.fold].left_out] = trained.predicted
    counts = greedy_selection(
        by_kind, y if is_classification else y.reshape(N, -1), loss="log_loss" if is_classification else "squared_error"
    )
    np.testing.assert_allclose(ensemble.kind_weights_, counts / counts.sum())
    mixed = np.tensordot(counts / counts.sum(), by_kind, 1)
    if is_classification:
        mixed = apply_temperature(mixed, ensemble.temperature_)
    np.testing.assert_allclose(found, mixed)
    # The kept members alone give the same, each for the rows that it leaves out.
    again = np.zeros((N, n_outputs))
    for member in ensemble.members_:
        rows = made.folds[member.fold].left_out
        predicted = ensemble._predicted(
            member.network, columns_of(member.kind, member.fold, made.shared, ensemble.trees_)
        )
        again[rows] += 3 * member.weight * predicted[rows]
    if is_classification:
        again = apply_temperature(again, ensemble.temperature_)
    np.testing.assert_allclose(again, found, rtol=1e-4, atol=1e-6)
    assert sum(member.weight for member in ensemble.members_) == pytest.approx(1)


@pytest.mark.parametrize("is_classification", [True, False])
def test_predictions_are_the_weighted_mean_of_members(is_classification):
    y = targets(is_classification)
    made, _ = training(y)
    ensemble = TargetEnsemble(is_classification, 3 if is_classification else 1)
    ensemble.fit(KINDS, made)
    mean = sum(
        member.weight
        * ensemble._predicted(member.network, columns_of(member.kind, member.fold, made.shared, ensemble.trees_))
        for member in ensemble.members_
    )
    if is_classification:
        mean = apply_temperature(mean, ensemble.temperature_)
    np.testing.assert_allclose(ensemble.predict(made.shared), mean, rtol=1e-6, atol=1e-7)  # of float32 numbers
    ensemble.temperature_ = 1.0  # which is that of the mean, and of each fold
    folds = ensemble.predict_folds(made.shared)
    assert folds.shape == (3, N, ensemble.n_outputs)
    mean = folds.mean(axis=0)
    np.testing.assert_allclose(mean, ensemble.predict(made.shared), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("cls", BOTH)
def test_members_know_nothing_of_their_training(cls, tmp_path):
    """The state of an optimizer would be as large as a network: neither boosted trees nor networks have it in files."""
    effort = EFFORTS["fast"]._replace(kinds=(*EFFORTS["fast"].kinds, *KINDS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EFFORTS, "fast", effort)
        estimator = small(cls).fit(*problem(cls))
    assert len(estimator.history_) > len(estimator.members_) > 0
    for member in estimator.members_:
        assert not vars(member.network).keys() & {"_optimizer", "history_", "loss_curve_"}
    estimator.save(tmp_path / "m")
    assert b"slots" not in (tmp_path / "m").read_bytes()


def test_nothing_is_kept_of_kinds_without_weight():
    """Kinds that predict noise get none."""
    y = targets(False)
    made, heard = training(y)
    ensemble = TargetEnsemble(False, 1)
    trained = ensemble._trained

    def worse(of_kind, f, *arguments):
        found = trained(of_kind, f, *arguments)
        return found._replace(predicted=found.predicted + 100) if of_kind.name != "bins" else found

    ensemble._trained = worse
    ensemble.fit(KINDS, made)
    assert ensemble.kind_weights_.tolist() == [1, 0, 0]
    assert [member.kind.name for member in ensemble.members_] == ["bins"] * 3
    assert ensemble.trees_.trees_ == {}
    assert ensemble.trees_.orders_ == {}
    assert len(ensemble.records_) == 9
    assert all(trained.member.weight == 0 for trained in heard)


def test_records_say_how_members_were_trained():
    made, heard = training(targets(True))
    ensemble = TargetEnsemble(True, 3)
    ensemble.fit(KINDS, made)
    assert [(record["kind"], record["fold"]) for record in ensemble.records_] == [
        (each.name, f) for each in KINDS for f in range(3)
    ]
    for record in ensemble.records_:
        assert len(record["validation_loss"]) == record["epochs"]
        assert record["loss"] == min(record["validation_loss"])
        assert record["seconds"] > 0
        assert record["cut"] is False
    assert all(trained.record in ensemble.records_ for trained in heard)


def test_rows_that_several_folds_leave_out_have_the_mean():
    y = targets(False)
    folds = [Fold(np.arange(30, 90), np.arange(30)), Fold(np.arange(60), np.arange(15, 30) + 45)]
    folds.append(Fold(np.arange(45, 90), np.arange(15, 45)))
    made, heard = training(y, folds=folds)
    found = TargetEnsemble(False, 1).fit(KINDS[:1], made)
    by_fold = {t.member.fold: t.predicted for t in heard}
    np.testing.assert_allclose(found[:15], by_fold[0][:15])
    np.testing.assert_allclose(found[15:30], (by_fold[0][15:] + by_fold[2][:15]) / 2)
    np.testing.assert_allclose(found[30:45], by_fold[2][15:])
    assert np.isnan(found[45:60]).all()
    np.testing.assert_allclose(found[60:75], by_fold[1])
    assert np.isnan(found[75:]).all()


def test_members_that_are_finished_are_taken():
    y = targets(False)
    made, heard = training(y)
    whole = TargetEnsemble(False, 1).fit(KINDS, made)
    done = {(t.member.kind.name, t.member.fold): t for t in heard}
    again, heard = training(y, finished=done, trees=made.trees)
    ensemble = TargetEnsemble(False, 1)
    ensemble._trained = None  # it would fail
    assert np.array_equal(ensemble.fit(KINDS, again), whole)
    assert len(heard) == 9


def test_members_depend_on_seed_kind_and_fold_alone():
    y = targets(False)
    _, heard = training(y)
    made, heard = training(y)
    TargetEnsemble(False, 1).fit(KINDS, made)
    one = {(t.member.kind.name, t.member.fold): t.predicted for t in heard}
    made, heard = training(y, n_jobs=1)
    TargetEnsemble(False, 1).fit(KINDS[:1], made)
    for t in heard:
        assert np.array_equal(t.predicted, one["bins", t.member.fold])
    made, heard = training(y, seed=2)
    TargetEnsemble(False, 1).fit(KINDS[:1], made)
    assert not any(np.array_equal(t.predicted, one["bins", t.member.fold]) for t in heard)


def test_an_error_ends_the_other_members():
    made, heard = training(targets(False), n_jobs=3)
    ensemble = TargetEnsemble(False, 1)
    trained, others, ended = ensemble._trained, threading.Event(), []

    def failing(of_kind, f, X, made, seed, end):
        if f == 0:
            assert others.wait(60)
            raise ZeroDivisionError
        others.set()
        while not end.is_over():  # a member that would train for ever
            pass
        ended.append(f)
        return trained(of_kind, f, X, made, seed, end)

    ensemble._trained = failing
    with pytest.raises(ZeroDivisionError):
        ensemble.fit(KINDS, made)
    assert sorted(ended) in ([1], [2], [1, 2])
    assert heard == []


def test_the_end_of_a_member(monkeypatch):
    reasons = []
    fit = SimpleNamespace(stop=reasons.append)
    for at, is_over, n_epochs, cut in ((14.1, False, 2, False), (13.9, False, 2, True), (11.9, False, 1, True),
                                       (11.0, False, 1, True), (100.0, True, 1, True)):  # fmt: skip
        clock = iter([9.0, 10.0, 11.0, 12.5])  # the epochs take 1 and 1.5 seconds
        monkeypatch.setattr("fastmlp.tabular.ensemble.time", SimpleNamespace(monotonic=lambda clock=clock: next(clock)))
        end = _End(at, lambda is_over=is_over: is_over)
        end.on_fit_begin(fit)
        for _ in range(n_epochs):
            assert not end.has_cut
            end.on_epoch_end(fit)
        assert end.has_cut == cut
    assert len(reasons) == 4


def test_the_end_of_the_growth_of_trees(monkeypatch):
    for at, is_over, due in ((13.0, False, False), (11.5, False, True), (13.0, True, True)):
        clock = iter([10.0, 12.0])
        monkeypatch.setattr("fastmlp.tabular.ensemble.time", SimpleNamespace(monotonic=lambda clock=clock: next(clock)))
        end = _End(at, lambda is_over=is_over: is_over)
        assert not end.has_cut
        assert end.is_due() == end.has_cut == due


def test_what_members_stop_by():
    made, _ = training(targets(True))
    ensemble = TargetEnsemble(True, 3)
    end = _End(np.inf, lambda: False)
    network = ensemble._network(KINDS[0], made.folds[0], made, 3, end)
    assert network.callbacks[-1] is end
    assert network.callbacks[0].monitor is None
    assert network.random_state == 3
    scored = made._replace(parameters={"scoring": len}, callbacks=[own := EarlyStopping(patience=2)])
    network = ensemble._network(KINDS[2], made.folds[0], scored, 3, end)
    assert (network.callbacks[0].monitor, network.callbacks[0].mode) == ("validation_score", "max")
    assert network.callbacks[1].patience == 2
    assert network.callbacks[1] is not own
    assert network.callbacks[1].monitor is None
    assert network.embedding_size == 4


def test_states_that_no_fit_sets():
    made, heard = training(targets(True))
    ensemble = TargetEnsemble(True, 3)
    ensemble.fit(KINDS[:2], made)
    ensemble.check_state()
    network = heard[0].member.network
    for name, value in {"kind": "bins", "fold": -1, "network": None, "weight": 2.0, "mean_inputs": np.zeros(1)}.items():
        member = Member(EFFORTS["fast"].kinds[0], 0, network, heard[0].member.mean_inputs)
        member.check_state()
        setattr(member, name, value)
        with pytest.raises(ValueError, match=f"{name} of a Member"):
            member.check_state()
    for name, value in {
        "members_": [], "folds_": [0, 7], "kind_weights_": np.zeros(5), "temperature_": -1.0, "trees_": None,
        "n_outputs": 0, "is_classification": 1, "records_": None,
    }.items():  # fmt: skip
        _refused(ensemble, name, value)
    for wrong in ((0.5,) * 3, [0.5], [0.5, 0.5, 1.0], [0.5, 0.5, 1], [0.5, 0.5, np.nan]):
        _refused(ensemble, "quantiles", wrong)
    trees = ensemble.trees_.trees_
    trees[0, "boosted"].n_leaves_ = trees[0, "boosted"].n_leaves_ + np.int32(1)
    with pytest.raises(ValueError, match="does not look up the leaves of its trees"):
        ensemble.check_state()
    del trees[0, "boosted"]
    with pytest.raises(ValueError, match="lacks the trees"):
        ensemble.check_state()


def _refused(ensemble, name, value):
    before = vars(ensemble)[name]
    setattr(ensemble, name, value)
    with pytest.raises(ValueError, match="ensemble"):
        ensemble.check_state()
    setattr(ensemble, name, before)


def test_trained_members_are_tuples():
    """Checkpoints hold them as such."""
    assert Trained._fields == ("member", "predicted", "record")


@pytest.mark.parametrize("is_classification", [True, False])
def test_kinds_without_weight_are_trained_for_the_first_folds_alone(is_classification, monkeypatch):
    made, _ = training(targets(is_classification), n_folds=6, has_trial=True)
    ensemble = TargetEnsemble(is_classification, 3 if is_classification else 1)
    monkeypatch.setattr(
        TargetEnsemble, "_trial_weights", lambda self, found, training, n_trial: {0: 0.0, 1: 0.2, 2: 0.8}
    )
    ensemble.fit(KINDS[:3], made)
    assert ensemble.kinds_ == [KINDS[0].name, KINDS[2].name]
    count = Counter(record["kind"] for record in ensemble.records_)
    assert count == {KINDS[0].name: 6, KINDS[1].name: 2, KINDS[2].name: 6}
    assert not ensemble.is_cut_


def test_boosting_is_trained_for_all_folds(monkeypatch):
    boosting = tuple(each for each in EFFORTS["default"].kinds if each.is_boosting)
    made, _ = training(targets(True), n_folds=4, kinds=(*KINDS, *boosting), has_trial=True)
    ensemble = TargetEnsemble(True, 3)
    kinds = (boosting[0], KINDS[0], *boosting[1:])
    monkeypatch.setattr(
        TargetEnsemble, "_trial_weights", lambda self, found, training, n_trial: dict.fromkeys(found, 0.0) | {0: 1.0}
    )
    ensemble.fit(kinds, made)
    assert ensemble.kinds_ == [each.name for each in boosting]
    count = Counter(record["kind"] for record in ensemble.records_)
    assert count == {each.name: 4 for each in boosting} | {KINDS[0].name: 2}


def test_boosting_is_trained_before_kinds_that_are_tried():
    boosting = tuple(each for each in EFFORTS["default"].kinds if each.is_boosting)
    made, heard = training(targets(True), n_folds=3, kinds=(*KINDS, *boosting), has_trial=True, n_jobs=1)
    TargetEnsemble(True, 3).fit((boosting[0], KINDS[0], *boosting[1:]), made)
    names = [each.member.kind.name for each in heard]
    assert names[:9] == [each.name for each in boosting for _ in range(3)]
    assert names[9:11] == [KINDS[0].name] * 2


class Meeting(Callback):
    """Lets two fits, each of a single member at a time, begin one after another and end in the same order."""

    def __init__(self):
        self.first_began, self.second_began, self.first_ended = threading.Event(), threading.Event(), threading.Event()

    def __deepcopy__(self, memo):
        return self

    def on_fit_begin(self, fit):
        if not self.first_began.is_set():
            self.first_began.set()
            assert self.second_began.wait(20)
        elif not self.second_began.is_set():
            self.second_began.set()
            assert self.first_ended.wait(20)


@pytest.mark.parametrize("cls", BOTH)
def test_two_fits_side_by_side_leave_the_process_its_warnings(cls, monkeypatch):
    monkeypatch.setitem(EFFORTS, "fast", SMALL)
    X, y = problem(cls)
    meeting = Meeting()
    filters, show = warnings.filters.copy(), warnings._showwarnmsg_impl
    with warnings.catch_warnings():  # for the case that the test fails

        def fit():
            small(cls, callbacks=[meeting], n_jobs=1).fit(X, y)

        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(fit)
            assert meeting.first_began.wait(20)
            second = threads.submit(fit)
            first.result()
            meeting.first_ended.set()
            second.result()
        assert warnings._showwarnmsg_impl is show
        assert warnings.filters == filters


# ---- time_limit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_time_limit_too_short_for_anything_gives_one_epoch_of_one_member(several_kinds, cls, n_jobs):
    X, y = problem(cls)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = small(cls, time_limit=1e-6, n_jobs=n_jobs).fit(X, y)
    assert [each.category for each in caught] == [TimeLimitWarning]
    assert "time_limit=1e-06 s" in str(caught[0].message)
    assert "1 member was trained, 1 of them not to the end" in str(caught[0].message)
    assert [(record["epochs"], record["fold"]) for record in estimator.history_] == [(1, 0)]
    assert len(estimator.members_) == 1
    assert estimator.predict(X).shape == y.shape
    assert np.isfinite(np.asarray(estimator.oof_predictions_)).reshape(len(y), -1).all(axis=1).sum() == 30
    if cls is TabularClassifier:
        assert estimator.predict_set(X).shape == (90, 3)
    else:
        lower, upper = estimator.predict_interval(X)
        assert (lower <= upper).all()


def test_kinds_for_which_there_is_no_time_are_left_out(several_kinds, cls, monkeypatch):
    X, y = problem(cls)
    clock = Clock()
    monkeypatch.setattr("fastmlp.tabular.ensemble.time", clock)
    monkeypatch.setattr("fastmlp.tabular.base.time", clock)
    with pytest.warns(TimeLimitWarning, match="3 members were trained, 3 of them not to the end"):
        estimator = small(cls, time_limit=40, n_jobs=1).fit(X, y)
    assert {record["kind"] for record in estimator.history_} == {"bins"}
    epochs = [record["epochs"] for record in estimator.history_]
    assert min(epochs) >= 3  # each member has had its share
    assert max(epochs) <= 40
    assert np.isfinite(estimator.oof_predictions_).all()


@pytest.fixture
def deadlines(monkeypatch):
    """The ends of training and of importances, one after the other, as fits ask for them."""
    found = []

    def training(ensemble, kinds, given, fit=TargetEnsemble.fit):
        found.append(given.deadline)
        return fit(ensemble, kinds, given)

    def importances(*args, gains=base.gains):
        found.append(args[6])
        return gains(*args)

    monkeypatch.setattr(TargetEnsemble, "fit", training)
    monkeypatch.setattr(base, "gains", importances)
    return found


def test_some_of_the_time_is_kept_for_what_follows_training(small_effort, cls, deadlines, monkeypatch):
    X, y = problem(cls)
    clock = Clock(0)
    monkeypatch.setattr("fastmlp.tabular.base.time", clock)
    clock.now = 1000.0

    class Slow(TabularClassifier if cls is TabularClassifier else TabularRegressor):
        def _learn_targets(self, y, sample_weight):
            clock.now += 30
            return super()._learn_targets(y, sample_weight)

    with pytest.warns(TimeLimitWarning):
        small(Slow, time_limit=100).fit(X, y)
    assert deadlines == [1095.0, 1100.0]  # from the beginning, and not from when the table was read
    small(Slow).fit(X, y)
    assert deadlines[2:] == [np.inf, np.inf]


def test_importances_that_time_cut_are_spoken_of(small_effort, cls, monkeypatch):
    X, y = problem(cls)
    expected = small(cls, n_jobs=1).fit(X, y)
    monkeypatch.setattr("fastmlp.tabular.gains.time", Clock(1e9))  # no time is left when the training is over
    message = "s: importances were found by 30 rows, and not by 90. More time"
    with pytest.warns(TimeLimitWarning, match=message):
        estimator = small(cls, n_jobs=1, time_limit=600).fit(X, y)
    assert np.array_equal(outputs(estimator, X), outputs(expected, X))
    assert estimator.feature_importances_.argmax() == expected.feature_importances_.argmax()
    assert not np.array_equal(estimator.feature_importances_, expected.feature_importances_)


def test_time_enough_is_not_spoken_of(small_effort, cls):
    X, y = problem(cls)
    with warnings.catch_warnings(action="error"):
        limited = small(cls, time_limit=600).fit(X, y)
    unlimited = small(cls).fit(X, y)
    assert np.array_equal(outputs(limited, X), outputs(unlimited, X))
    assert np.array_equal(limited.feature_importances_, unlimited.feature_importances_)
