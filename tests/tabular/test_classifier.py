"""TabularClassifier: labels of any type, weights of classes, probabilities, scores that members stop by."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold

import fastmlp
from fastmlp import TabularClassifier
from fastmlp.tabular.encoding import columns_of
from fastmlp.tabular.kinds import EFFORTS
from tests.tabular.problems import SEVERAL, SMALL, small, table


@pytest.fixture(autouse=True)
def _small_effort(monkeypatch):
    """Let effort="fast" be a single kind without trees."""
    monkeypatch.setitem(EFFORTS, "fast", SMALL)


def classifier(**parameters):
    return small(TabularClassifier, **parameters)


X, Y, NUMBERS = table(120)
IS_MUCH = NUMBERS > 103

# ---- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (IS_MUCH, bool),
        (IS_MUCH.astype(np.int8) + 5, np.int8),
        (IS_MUCH.astype(np.uint64) + np.uint64(2**60), np.uint64),
        (IS_MUCH.astype(float), float),
        (Y, "<U6"),
        (Y.astype(object), object),
        (pd.Series(Y, dtype="category"), object),
        (pd.Series(Y, dtype="string"), object),
        (pd.Series(IS_MUCH, dtype="boolean"), bool),
        (pd.Series(IS_MUCH.astype(int), dtype="Int64"), np.int64),
        (pl.Series(Y), object),
        (pl.Series(Y, dtype=pl.Categorical), object),
        (pl.Series(IS_MUCH), bool),
        (pa.array(Y), object),
        (pa.chunked_array([Y[:50].tolist(), Y[50:].tolist()]), object),
        (IS_MUCH.tolist(), bool),
        (Y.tolist(), "<U6"),
    ],
    ids=str,
)
def test_labels_come_back_as_they_were(given, dtype):
    clf = classifier().fit(X, given)
    labels = given.to_pylist() if hasattr(given, "to_pylist") else list(given)
    assert clf.classes_.tolist() == sorted(set(np.array(labels, object).tolist()))
    predicted = clf.predict(X)
    assert predicted.dtype == dtype
    assert clf.classes_.dtype == dtype
    right = np.mean([a == b for a, b in zip(predicted.tolist(), labels, strict=True)])
    assert clf.score(X, given) == pytest.approx(right)
    assert right > 0.7


def test_probabilities_are_those_of_the_labels():
    clf = classifier().fit(X, Y)
    found = clf.predict_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.array_equal(clf.classes_[found.argmax(axis=1)], clf.predict(X))
    assert log_loss(Y, found, labels=clf.classes_) < 0.7


def test_scores_of_predictions_for_rows_left_out():
    clf = classifier().fit(X, Y)
    predicted = clf.classes_[clf.oof_predictions_.argmax(axis=1)]
    assert clf.oof_score_ == pytest.approx(accuracy_score(Y, predicted))
    assert clf.oof_loss_ == pytest.approx(log_loss(Y, clf.oof_predictions_, labels=clf.classes_))
    weights = np.linspace(0, 2, len(Y))
    clf = classifier().fit(X, Y, weights)
    predicted = clf.classes_[clf.oof_predictions_.argmax(axis=1)]
    assert clf.oof_score_ == pytest.approx(accuracy_score(Y, predicted, sample_weight=weights))


def test_the_accuracy_counts_unknown_labels_as_wrong():
    clf = classifier().fit(X, Y)
    known = clf.predict(X) == Y
    assert clf.score(X, ["other", *Y[1:]]) == pytest.approx(known[1:].sum() / len(Y))
    weights = np.linspace(0, 1, len(Y))
    assert clf.score(X, Y, weights) == pytest.approx(np.average(known, weights=weights))
    with pytest.raises(ValueError, match=r"y must have the shape \(120,\) of predictions for X; got \(119,\)"):
        clf.score(X, Y[1:])
    with pytest.raises(ValueError, match="targets is missing"):
        clf.score(X, [None, *Y[1:]])


# ---- targets that are wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(120, "a"), "y has only one class, 'a', in 120 rows: TabularClassifier needs samples of at least two"),
        (np.arange(120), "120 rows of 120 classes, a single row of each: none can be left out"),
        (NUMBERS, "Unknown label type: continuous"),
        (["a", 1] * 60, "str.*int|int.*str"),
        (np.stack([IS_MUCH, np.zeros(120, bool)], axis=1), r"y\[:, 1\] has only one class, False"),
    ],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_wrong_targets(y, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_nearly_as_many_classes_as_rows():
    """One class has two rows; the rows of the others are learned by all members."""
    y = [str(i) for i in range(119)] + ["0"]
    clf = classifier().fit(X, y)
    assert clf.predict_proba(X).shape == (120, 119)
    assert np.isfinite(clf.oof_predictions_).all(axis=1).sum() == 2


def test_unknown_labels_to_validate_on():
    with pytest.raises(ValueError, match=r"label 'other' in row 0.*none of the classes that TabularClassifier learned"):
        classifier().fit(X, Y, X_val=X[:2], y_val=["other", "low"])


# ---- folds without a class -------------------------------------------------------------------------------------------


def test_folds_that_lack_a_class(monkeypatch):
    """Members do not know "high" where only rows left out have it; the probability is 0, and the loss is finite."""
    monkeypatch.setitem(EFFORTS, "fast", SEVERAL)
    order = np.argsort(Y == "high", kind="stable")
    rows, labels = X.iloc[order], Y[order]
    n_high = int((Y == "high").sum())
    assert n_high > 120 // 3 / 2
    clf = classifier(cv=[(np.arange(120 - n_high), np.arange(120 - n_high, 120)), *KFold(3).split(rows)][1:]).fit(
        rows, labels
    )
    splits = list(KFold(3).split(rows))
    lacking = [i for i, (learned, _) in enumerate(splits) if "high" not in labels[learned]]
    found = clf.oof_predictions_
    for i in lacking:
        assert (found[splits[i][1]][:, clf.classes_.tolist().index("high")] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.isfinite(clf.oof_loss_)
    assert np.isfinite(clf.predict_proba(rows)).all()


def parted(learned):
    """A fold that learns from some rows, and leaves out the others."""
    learned = np.flatnonzero(learned)
    return learned, np.setdiff1d(np.arange(len(Y)), learned)


def test_a_member_that_never_saw_a_class_gives_it_no_probability():
    splits = [parted((Y != "high") & (np.arange(120) % 2 == 0)), parted(np.arange(120) % 2 == 1)]
    clf = classifier(cv=splits, class_weight={"high": 2.0, "low": 1.5}).fit(X, Y)
    high = clf.classes_.tolist().index("high")
    only = np.setdiff1d(splits[0][1], splits[1][1])
    assert (clf.oof_predictions_[only, high] == 0).all()
    np.testing.assert_allclose(clf.oof_predictions_[only].sum(axis=1), 1)
    assert clf.score(X, Y) > 0.6
    trained = clf.members_[0].network
    assert trained.classes_.tolist() == [1, 2]


def test_folds_of_which_nothing_can_be_learned():
    with pytest.raises(ValueError, match="The rows that fold 1 learns from have a single class"):
        classifier(cv=[parted(np.arange(120) % 2 == 0), parted(Y == "low")]).fit(X, Y)
    with pytest.raises(ValueError, match="No row that fold 0 leaves out has a class that it learns"):
        classifier(cv=[parted(Y != "low")]).fit(X, Y)
    with pytest.raises(ValueError, match="No row that fold 0 leaves out has a class that it learns"):
        classifier().fit(X, Y, groups=Y)


def test_folds_of_which_nothing_has_a_weight():
    """Rows without weight may be all that a fold leaves out of the classes that it learns."""
    high, halves = Y == "high", np.arange(120) % 2 == 0
    with pytest.raises(ValueError, match="No row that fold 0 can be judged by has a weight above 0, by sample_weight"):
        classifier(cv=[parted(~high & halves)]).fit(X, Y, sample_weight=np.where(high | halves, 1.0, 0.0))
    with pytest.raises(ValueError, match="No row that fold 1 learns from has a weight above 0, by sample_weight and"):
        splits = [parted(halves), parted(~high & halves)]
        classifier(cv=splits, class_weight={"low": 0, "middle": 0}).fit(X, Y)


# ---- weights of classes ----------------------------------------------------------------------------------------------


def test_weights_of_classes_move_probabilities():
    plain = classifier().fit(X, Y).predict_proba(X)
    weighted = classifier(class_weight={"low": 20.0}).fit(X, Y).predict_proba(X)
    assert weighted[:, 1].mean() > plain[:, 1].mean()
    assert np.array_equal(classifier(class_weight={}).fit(X, Y).predict_proba(X), plain)
    ones = dict.fromkeys(["high", "low", "middle"], 1.0)
    assert np.array_equal(classifier(class_weight=ones).fit(X, Y).predict_proba(X), plain)


def test_balanced_is_balanced_in_each_fold():
    """With equal shares of classes in all folds, the weights are those of a dict."""
    shares = {"high": 6, "low": 12, "middle": 18}
    rows = np.concatenate([np.flatnonzero(name == Y)[:n] for name, n in shares.items()])
    x, y = X.iloc[rows], Y[rows]
    assert len(rows) == 36
    n = dict(zip(*np.unique(y, return_counts=True), strict=True))
    given = {str(name): len(y) / (3 * count) for name, count in n.items()}
    cv = StratifiedKFold(3)
    found, expected = (classifier(class_weight=w, cv=cv).fit(x, y).predict_proba(x) for w in ("balanced", given))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("factor", [1000, 1 / 3, 1e300, 1e-310])
def test_a_multiple_of_all_weights_of_classes_changes_nothing(factor):
    of_rows = np.random.default_rng(3).uniform(0, 2, len(Y))
    given = {"high": 3.0, "low": 0.7, "middle": 0.0}
    multiple = {name: factor * weight for name, weight in given.items()}
    for weights in (None, of_rows):
        expected, found = (classifier(class_weight=w).fit(X, Y, weights) for w in (given, multiple))
        np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
        np.testing.assert_array_equal(found.feature_importances_, expected.feature_importances_)
    balanced, of_more = (classifier(class_weight="balanced").fit(X, Y, w) for w in (of_rows, factor * of_rows))
    np.testing.assert_array_equal(of_more.predict_proba(X), balanced.predict_proba(X))


def test_weights_of_classes_of_several_targets():
    y = np.stack([Y, np.where(IS_MUCH, "much", "little")], axis=1)
    plain = classifier().fit(X, y).predict_proba(X)
    clf = classifier(class_weight=[{"low": 20.0}, {"much": 1.0}]).fit(X, y)
    found = clf.predict_proba(X)
    assert found[0][:, 1].mean() > plain[0][:, 1].mean()
    assert np.array_equal(found[1], plain[1])
    with pytest.raises(ValueError, match="must have a dict, 'balanced' or None for each target; got 3"):
        classifier(class_weight=[None, 3]).fit(X, y)
    with pytest.raises(ValueError, match="must be a dict for each target; y has 2"):
        classifier(class_weight=[{"low": 20.0}]).fit(X, y)
    with pytest.raises(ValueError, match="must be a dict for each target; y has 1"):
        classifier(class_weight=[{"low": 20.0}]).fit(X, Y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"lowest": 1.0}, "class_weight has 'lowest', which is none of the classes"),
        ({"low": -1.0}, "finite numbers of at least 0; got -1.0"),
        ({"low": np.inf}, "finite numbers of at least 0; got inf"),
        ({"low": "much"}, "finite numbers of at least 0; got 'much'"),
        ({"low": 0, "middle": 0, "high": 0}, "leaves no row with a weight above 0"),
        ("balance", "'class_weight' parameter"),
    ],
)
def test_wrong_weights_of_classes(weights, message):
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=weights).fit(X, Y)


# ---- scores that members stop by -------------------------------------------------------------------------------------


def best_epochs(clf, name="validation_score"):
    return [int(np.nanargmax(record[name])) + 1 for record in clf.history_]


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "neg_log_loss", "f1_macro"])
def test_members_stop_by_the_score_that_is_asked_for(scoring):
    """The patience, 10 epochs, runs from the best score; the network is that of the best epoch."""
    clf = classifier(scoring=scoring, cv=StratifiedKFold(2)).fit(X, Y)
    for record, best in zip(clf.history_, best_epochs(clf), strict=True):
        assert record["epochs"] == min(best + 10, 300)
    scorer = {
        "accuracy": lambda y, p: accuracy_score(y, clf.classes_[p.argmax(axis=1)]),
        "roc_auc_ovr": lambda y, p: roc_auc_score(y, p, multi_class="ovr"),
        "neg_log_loss": lambda y, p: -log_loss(y, p, labels=clf.classes_),
        "f1_macro": lambda y, p: f1_score(y, clf.classes_[p.argmax(axis=1)], average="macro"),
    }[scoring]
    shared = clf._shared(X)
    ensemble = clf.ensembles_[0]
    for member, (_, left_out) in zip(clf.members_, StratifiedKFold(2).split(X, Y), strict=True):
        predicted = ensemble._predicted(member.network, columns_of(member.kind, member.fold, shared, ensemble.trees_))[
            left_out
        ]
        best = max(clf.history_[member.fold]["validation_score"])
        assert scorer(Y[left_out], predicted) == pytest.approx(best, rel=1e-5)


def test_members_stop_by_the_log_loss_by_default():
    clf = classifier().fit(X, Y)
    for record in clf.history_:
        assert record["epochs"] == min(int(np.argmin(record["validation_loss"])) + 1 + 10, 300)


def test_scorers_see_labels():
    seen = []

    def share_right(estimator, X, y):
        seen.append((estimator.classes_.tolist(), set(y.tolist()), set(estimator.predict(X).tolist())))
        return np.mean(estimator.predict(X) == y)

    y = np.where(IS_MUCH, "much", "little")
    found = classifier(scoring=share_right).fit(X, y)
    assert all(classes == ["little", "much"] and labels == {"little", "much"} for classes, labels, _ in seen)
    assert np.array_equal(found.predict_proba(X), classifier(scoring="accuracy").fit(X, y).predict_proba(X))
    named = classifier(scoring=make_scorer(f1_score, pos_label="little")).fit(X, y)
    assert named.score(X, y) > 0.8
    assert all(member.network.scoring is None for member in named.members_)


def test_scores_of_several_targets_are_of_each_alone():
    y = np.stack([Y, np.where(IS_MUCH, "much", "little")], axis=1)
    clf = classifier(scoring="accuracy").fit(X, y)
    assert clf.score(X, y) > 0.3  # by chance, one of six is right
    assert len(clf.history_) == 6


def test_wrong_scores():
    with pytest.raises(ValueError, match="scoring must give a real number; got 'good'"):
        classifier(scoring=lambda estimator, X, y: "good").fit(X, Y)
    with pytest.raises(ValueError, match="scoring"):
        classifier(scoring=accuracy_score).fit(X, Y)


def test_scores_weigh_rows():
    weights = np.linspace(0.1, 1, len(Y))
    clf = classifier(scoring="accuracy", cv=StratifiedKFold(2)).fit(X, Y, weights)
    shared, ensemble = clf._shared(X), clf.ensembles_[0]
    for member, (_, left_out) in zip(clf.members_, StratifiedKFold(2).split(X, Y), strict=True):
        predicted = ensemble._predicted(member.network, columns_of(member.kind, member.fold, shared, ensemble.trees_))[
            left_out
        ]
        right = accuracy_score(Y[left_out], clf.classes_[predicted.argmax(axis=1)], sample_weight=weights[left_out])
        assert right == pytest.approx(max(clf.history_[member.fold]["validation_score"]))


# ---- sets of classes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_of_classes_cover(method):
    rows, labels, _ = table(600)
    clf = classifier().fit(rows[:300], labels[:300])
    sets = clf.predict_set(rows[300:], coverage=0.8, method=method)
    numbers = np.searchsorted(clf.classes_, labels[300:])
    assert 0.7 < sets[np.arange(300), numbers].mean() <= 1
    assert clf.predict_set(rows, coverage=0.99).sum() > clf.predict_set(rows, coverage=0.5).sum()
    for wrong in (0, 1, 1.5):
        with pytest.raises(ValueError, match="coverage"):
            clf.predict_set(rows, coverage=wrong)
    with pytest.raises(ValueError, match="method"):
        clf.predict_set(rows, method="best")


def test_no_warnings_for_plain_tables():
    with warnings.catch_warnings(action="error"):
        classifier().fit(X, Y).predict(X)


def test_files_that_say_what_no_fit_sets(path):
    clf = classifier().fit(X, Y)
    clf.check_state()
    harm = {
        "_targets": 3, "classes_": clf.classes_[::-1], "_true_scores": [], "ensembles_": [], "columns_": None,
        "encoding_": None, "n_jobs": 10**9, "effort": "most",
    }  # fmt: skip
    for name, value in harm.items():
        before = vars(clf)[name]
        vars(clf)[name] = value
        with pytest.raises(ValueError):
            clf.check_state()
        with pytest.raises(ValueError):
            clf.save(path)
        vars(clf)[name] = before
    clf.ensembles_[0].n_outputs = 2
    with pytest.raises(ValueError, match="do not fit the classes"):
        clf.check_state()


@pytest.mark.parametrize("several", [False, True])
def test_files_predict_the_same(path, several):
    y = np.stack([Y, np.where(IS_MUCH, "much", "little")], axis=1) if several else pd.Series(Y, dtype="category")
    clf = classifier(callbacks=None).fit(X, y)
    clf.save(path)
    loaded = fastmlp.load(path)
    assert np.array_equal(loaded.predict(X), clf.predict(X))
    assert not hasattr(loaded, "oof_predictions_")
    found, expected = loaded.predict_set(X), clf.predict_set(X)
    for one, other in zip(found, expected, strict=True) if several else [(found, expected)]:
        assert np.array_equal(one, other)


@pytest.mark.parametrize("keyword", ["loss", "objective", "criterion"])
def test_a_loss_is_none_of_the_parameters(keyword):
    with pytest.raises(TypeError, match="by the log loss in any case"):
        TabularClassifier(**{keyword: "log_loss"})
