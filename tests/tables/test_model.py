"""TableModel: its target, what it drops and says, and how good it is on real tables."""

import numpy as np
import pytest
from cases import DATA
from sklearn import datasets
from sklearn.model_selection import train_test_split

from fastmlp import tables
from fastmlp.tables import TableError, TableModel, read_table
from tests.tables.conftest import FAST, table

pytest.importorskip("pandas")


def test_parameters_are_checked():
    for parameters in ({"task": "both"}, {"missing": 3}, {"parameters": 1}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            TableModel(**parameters).fit(table())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"missing": [None]}, "missing must be a list of str or numbers"),
        ({"missing": [True]}, "missing must be a list of str or numbers"),
        ({"keep": [1]}, "keep must be a list of str"),
        ({"keep": [""]}, "keep must be a list of str that are not empty"),
        ({"keep": ["NA"], "missing": ["NA"]}, "missing and keep both have 'NA'"),
        ({"decimal": ";"}, "decimal"),
        ({"thousands": "x"}, "thousands"),
        ({"exact": "no"}, "exact"),
    ],
)
def test_parameters_that_do_not_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        TableModel(**parameters).fit(table())


@pytest.mark.parametrize("target", ["c", 1, "1", -2])
def test_target_by_name_and_number(target):
    assert TableModel(target, parameters=FAST).fit(table()).target_ == "c"


def test_target_is_the_last_column_unless_said():
    assert TableModel(parameters=FAST).fit(table()).target_ == "y"


def test_a_name_goes_before_a_number():
    frame = table().rename(columns={"c": "0"})
    assert TableModel("0", parameters=FAST).fit(frame).target_ == "0"


def test_a_target_that_is_not_there_brings_the_nearest_names():
    with pytest.raises(TableError, match="'yy' is not among the columns; the nearest are 'y'"):
        TableModel("yy").fit(table())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[["y"]], "two columns or more"),
        (lambda t: t.assign(y="yes"), "'y', the target, is always 'yes'"),
        (lambda t: t.assign(y="?"), "'y', the target, is missing in all rows"),
        (lambda t: t.assign(x=1, c=None), "no column is left"),
        (lambda t: t.assign(y=["1e300"] + ["1.5", "2.5", "3.5"] * 19 + ["4.5"] * 2), "'1e300' is beyond 1e"),
        (lambda t: t.assign(y=["1.50"] * 20 + ["1.5"] * 20 + ["1.500"] * 20), "always 1.5"),
    ],
)
def test_tables_that_cannot_be_learned_from(change, message):
    task = "regression" if "5" in message else "auto"
    with pytest.raises(TableError, match=message):
        TableModel(task=task).fit(change(table()))


def test_rows_without_target_are_dropped_with_a_note(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[:4, "y"] = "?"
    model = TableModel(parameters=FAST).fit(frame)
    assert model.training_["rows"] == 55
    assert "5 rows without target dropped" in caplog.text
    assert model.evaluate(frame)["rows"] == 55


def test_a_class_with_a_single_row(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[0, "y"] = "perhaps"
    model = TableModel(parameters=FAST).fit(frame)
    assert model.classes_ == ["no", "perhaps", "yes"]
    assert "a single row of 'perhaps'" in caplog.text


@pytest.mark.parametrize("n_single", [0, 1])
def test_many_rows_are_held_out_from_unless_a_class_has_one(n_single):
    frame = table(tables.HOLD_OUT_FROM)
    if n_single:
        frame["y"] = ["yes"] + ["no"] * (len(frame) - 1)
    score = TableModel(parameters=FAST | {"max_iter": 30}).fit(frame).training_["held_out_score"]
    assert (score is None) == bool(n_single)


def test_training_stops_on_the_loss_of_the_rows_held_out():
    rng = np.random.default_rng(0)
    frame = table(200, noise=rng.normal(size=200))
    frame["y"] = rng.choice(["no", "yes"], 200)
    model = TableModel(parameters={"random_state": 0}).fit(frame)
    network = model.pipeline_["network"]
    best = int(np.argmin(network.history_["validation_loss"]))
    assert network.n_iter_ == best + 1 + network.callbacks[0].patience
    assert model.training_["held_out_score"] == network.history_["validation_score"][best]
    assert TableModel(parameters=FAST | {"early_stopping": False}).fit(frame).training_["held_out_score"] is None


def test_predictions_do_not_depend_on_the_columns_order_target_or_number_of_rows():
    frame = table(200)
    model = TableModel(parameters={"random_state": 0}).fit(frame)
    expected = model.predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(frame[["c", "x"]]), expected)
    np.testing.assert_allclose(model.predict_proba(frame.iloc[7:8]), expected[7:8], rtol=1e-5)
    assert model.evaluate(frame)["accuracy"] > 0.9


def test_missing_columns_are_listed():
    model = TableModel(parameters=FAST).fit(table(n=range(60)))
    with pytest.raises(TableError, match="columns are missing: 'n', 'c'"):
        model.predict(table()[["x"]])


def test_without_header_columns_count():
    frame = table().set_axis(["0", "1", "2"], axis=1)
    model = TableModel("0", header=False, parameters=FAST).fit(frame)
    expected = model.predict(frame, has_header=False)
    without = frame[["1", "2"]].set_axis(["0", "1"], axis=1)
    np.testing.assert_array_equal(model.predict(without, has_header=False), expected)
    with pytest.raises(TableError, match="1 columns; 3 are needed as in training, or 2 without the target"):
        model.predict(frame[["1"]], has_header=False)
    with pytest.raises(TableError, match="'0', the target, is missing"):
        model.evaluate(without, has_header=False)


def test_unknown_categories_are_said_and_predicted_for(caplog):
    caplog.set_level("INFO")
    model = TableModel(parameters=FAST).fit(table())
    model.predict(table().assign(c="blue"))
    assert "column 'c': training did not see what 60 rows have: 'blue'" in caplog.text


def test_the_same_seed_gives_the_same_model():
    frame = table(100)
    a, b, other = (TableModel(parameters=FAST | {"random_state": seed}).fit(frame) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))
    assert (a.predict_proba(frame) != other.predict_proba(frame)).any()


@pytest.mark.parametrize(
    ("name", "least"), [("iris", 0.92), ("wine", 0.95), ("breast_cancer", 0.94), ("digits", 0.95), ("diabetes", 0.35)]
)
def test_small_tables_with_the_defaults(name, least):
    """On average over splits; the least are a little below what linear models and forests reach."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    scores = []
    for seed in range(5):
        train, test = train_test_split(frame, random_state=seed)
        figures = TableModel(parameters={"random_state": seed}).fit(train).evaluate(test)
        scores.append(figures.get("accuracy", figures.get("r2")))
    assert np.mean(scores) >= least


needs_adult = pytest.mark.skipif(
    not (DATA / "adult-train.csv.gz").exists(), reason="adult-*.csv.gz are in neither FASTMLP_DATA nor ../shared/data"
)


needs_california = pytest.mark.skipif(
    not (DATA / "california-housing.csv.gz").exists(),
    reason="california-housing.csv.gz is in neither FASTMLP_DATA nor ../shared/data",
)


@needs_adult
@pytest.mark.parametrize("seed", [0, 1])
def test_census_income(seed):
    train, test = (read_table(DATA / f"adult-{part}.csv.gz") for part in ("train", "test"))
    assert not train[1]
    model = TableModel(header=False, parameters={"random_state": seed}).fit(train[0])
    assert model.evaluate(test[0], has_header=False)["accuracy"] >= 0.85


@needs_california
@pytest.mark.parametrize("seed", [0, 1])
def test_california_housing(seed):
    train, test = train_test_split(read_table(DATA / "california-housing.csv.gz")[0], random_state=seed)
    model = TableModel("median_house_value", parameters={"random_state": seed}).fit(train)
    assert model.evaluate(test)["r2"] >= 0.78
