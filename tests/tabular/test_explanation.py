"""explain: values sum up to predictions, and belong to the columns that decide."""

import copy
import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.exceptions import UnusedColumnsWarning
from fastmlp.tabular import Explanation
from fastmlp.tabular.ensemble import Member
from fastmlp.tabular.explanation import column_values
from tests.tabular.problems import small, table

FAST = {"effort": "fast", "random_state": 0, "n_jobs": 1}
NUMBERS = np.random.default_rng(0).standard_normal((400, 4))


def mixed_table(n=400):
    random = np.random.default_rng(1)
    number = random.standard_normal(n)
    number[random.random(n) < 0.2] = np.nan
    days = [
        datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=int(hours)) for hours in random.integers(0, 8760, n)
    ]
    frame = pd.DataFrame(
        {
            "nothing": random.standard_normal(n),
            "constant": 1,
            "number": number,
            "city": random.choice(["Ulm", "Bonn", "Kiel"], n),
            "day": days,
        }
    )
    return frame


def target(frame):
    by_city = frame["city"].map({"Ulm": 0.0, "Bonn": 2.0, "Kiel": -2.0})
    return (by_city + (frame["day"].dt.month - 6) / 3 + frame["number"].fillna(3.0)).to_numpy()


@pytest.fixture(scope="module")
def linear():
    return TabularRegressor(**FAST).fit(NUMBERS, 2 * NUMBERS[:, 0] - NUMBERS[:, 1] + 5)


@pytest.fixture(scope="module")
def mixed():
    frame = mixed_table()
    with pytest.warns(UnusedColumnsWarning):
        return TabularRegressor(**FAST).fit(frame, target(frame))


def log_odds(probabilities):
    return np.log(probabilities / (1 - probabilities))


# ---- completeness ----------------------------------------------------------------------------------------------------


def test_values_sum_up_to_the_prediction(linear, mixed):
    for estimator, X in ((linear, NUMBERS), (mixed, mixed_table())):
        found = estimator.explain(X)
        assert found.values.shape == X.shape
        assert np.ptp(found.base_values) < 1e-9
        np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), found.predictions)
        np.testing.assert_allclose(found.predictions, estimator.predict(X), rtol=1e-5, atol=1e-5)


def test_values_sum_up_to_the_difference_whatever_the_number_of_pieces(mixed):
    ensemble, shared = mixed.ensembles_[0], mixed._shared(mixed_table(60))
    totals = []
    for n_pieces in (1, 3, 16):
        read = mixed._reader(0, ensemble.members_)
        values, base = column_values(
            ensemble, ensemble.members_, shared, mixed.encoding_, mixed.columns_, read, n_pieces=n_pieces
        )
        totals.append(base + values.sum(axis=1))
    np.testing.assert_allclose(totals[0], totals[2], rtol=1e-9)
    np.testing.assert_allclose(totals[1], totals[2], rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_values_sum_up_to_log_odds(n_classes):
    labels = np.array(["a", "b", "c"])[np.digitize(NUMBERS[:, 0] + 0.5 * NUMBERS[:, 1], [-0.4, 0.4][: n_classes - 1])]
    clf = TabularClassifier(**FAST).fit(NUMBERS, labels)
    found = clf.explain(NUMBERS[:50])
    expected = log_odds(clf.predict_proba(NUMBERS[:50]))
    assert found.is_log_odds
    assert found.output_names == (["b"] if n_classes == 2 else ["a", "b", "c"])
    assert found.values.shape == ((50, 4) if n_classes == 2 else (50, 4, 3))
    np.testing.assert_allclose(found.predictions, expected[:, 1] if n_classes == 2 else expected, rtol=1e-3, atol=1e-3)
    importances = found.importances if n_classes == 2 else found.importances.mean(axis=1)
    assert importances.argmax() == 0
    assert (importances[2:] < 0.2 * importances[0]).all()


def test_several_targets():
    both = np.column_stack([NUMBERS[:, 0] > 0, NUMBERS[:, 1] > 0])
    found = TabularClassifier(**FAST).fit(NUMBERS, both).explain(NUMBERS[:20])
    assert [explanation.importances.argmax() for explanation in found] == [0, 1]
    reg = TabularRegressor(**FAST).fit(NUMBERS, NUMBERS[:, :2])
    found = reg.explain(NUMBERS[:20])
    assert found.output_names == ["0", "1"]
    assert found.values.shape == (20, 4, 2)
    assert found.importances.argmax(axis=0).tolist() == [0, 1]
    np.testing.assert_allclose(found.predictions, reg.predict(NUMBERS[:20]), atol=1e-5)


# ---- whose values they are -------------------------------------------------------------------------------------------


def test_a_linear_target_has_values_that_are_linear(linear):
    found = linear.explain(NUMBERS).values
    centred = NUMBERS - NUMBERS.mean(axis=0)
    for column, weight in ((0, 2.0), (1, -1.0)):
        slope, _ = np.polyfit(centred[:, column], found[:, column], 1)
        assert slope == pytest.approx(weight, rel=0.15)
        assert np.corrcoef(centred[:, column], found[:, column])[0, 1] * np.sign(weight) > 0.97
    assert (np.abs(found).mean(axis=0)[2:] < 0.12).all()


def test_columns_that_say_the_same_have_as_much_to_say():
    X = NUMBERS[:, [0, 1, 2, 2]]
    found = TabularRegressor(**FAST).fit(X, X[:, 0] + X[:, 1]).explain(X)
    first, second, *others = found.importances
    assert first == pytest.approx(second, rel=0.15)
    assert max(others) < 0.1 * first


def test_columns_of_any_type(mixed):
    frame = mixed_table()
    found = mixed.explain(frame)
    assert found.feature_names == list(frame.columns)
    by_name = dict(zip(found.feature_names, found.values.T, strict=True))
    assert not by_name["constant"].any()
    assert np.abs(by_name["nothing"]).mean() < 0.2
    means = pd.Series(by_name["city"]).groupby(frame["city"]).mean()
    assert means["Bonn"] > means["Ulm"] + 1 > means["Kiel"] + 2
    # All parts of a date are one column; the month decides.
    assert np.corrcoef(by_name["day"], frame["day"].dt.month)[0, 1] > 0.95
    missing = frame["number"].isna()
    assert by_name["number"][missing].mean() > 1.5
    assert found.data[0].tolist() == frame.iloc[0].tolist()


def test_tables_of_all_libraries_are_explained_alike(mixed):
    frame = mixed_table(30)
    expected = mixed.explain(frame)
    for other in (pl.from_pandas(frame), pl.from_pandas(frame).to_arrow()):
        found = mixed.explain(other)
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.data.shape == (30, 5)
        assert found.data[:, 3].tolist() == frame["city"].tolist()


def test_missing_and_unknown_values(mixed):
    frame = mixed_table(3)
    frame["city"] = ["Rome", None, "Ulm"]
    frame.loc[0, ["number", "day"]] = None
    with pytest.warns(UserWarning, match="Rome"):
        found = mixed.explain(frame)
    assert np.isfinite(found.values).all()
    assert found.data[0, 3] == "Rome"


def test_threads_and_other_rows_do_not_matter(mixed):
    frame = mixed_table(90)
    found = mixed.explain(frame)
    threads = copy.copy(mixed).set_params(n_jobs=3)
    np.testing.assert_array_equal(threads.explain(frame).values, found.values)
    np.testing.assert_allclose(mixed.explain(frame.iloc[70:75]).values, found.values[70:75], rtol=1e-9, atol=1e-12)


def test_importances_are_mean_sizes():
    found = Explanation(np.array([[1.0, -2.0], [3.0, 0.0]]), np.zeros(2), np.zeros((2, 2)), ["a", "b"])
    assert found.importances.tolist() == [2.0, 1.0]


def test_members_from_files_must_have_means(linear):
    member = linear.members_[0]
    member.check_state()
    for wrong in (None, member.mean_inputs[:-1], member.mean_inputs * np.nan, member.mean_inputs.tolist()):
        other = Member(member.kind, member.fold, member.network, wrong)
        with pytest.raises(ValueError, match="mean_inputs of a Member"):
            other.check_state()


def test_explanations_are_shown_on_one_line_and_given_as_frames():
    X, labels, numbers = table(60)
    y = np.column_stack([numbers, -numbers])
    one, several = (small(TabularRegressor).fit(X, each).explain(X[:3]) for each in (numbers, y))
    classes = small(TabularClassifier).fit(X, labels).explain(X[:1])
    assert repr(one) == "Explanation of 3 rows: what each of 3 columns adds to the prediction"
    assert repr(several) == "Explanation of 3 rows: what each of 3 columns adds to the predictions of 2 targets"
    shown = "what each of 3 columns adds to the log-odds of ['high', 'low', 'middle']"
    assert repr(classes) == f"Explanation of 1 row: {shown}"
    assert one.to_frame().columns.tolist() == ["a", "b", "city"]
    assert np.array_equal(one.to_frame(), one.values)
    assert several.to_frame().columns.tolist() == [(o, name) for o in "01" for name in ("a", "b", "city")]
    assert classes.to_frame().shape == (1, 9)
    for i, name in enumerate(classes.output_names):
        assert np.array_equal(classes.to_frame()[name], classes.values[..., i])
    two = small(TabularClassifier).fit(X, labels == "low").explain(X[:2])
    assert two.to_frame().columns.tolist() == ["a", "b", "city"]
