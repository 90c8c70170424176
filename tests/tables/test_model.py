"""TableModel: its target, what it drops and says, and how good it is on real tables."""

import json
import warnings
from collections import Counter

import numpy as np
import pytest
from cases import DATA
from sklearn import datasets
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split

import fastmlp
from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.exceptions import TimeLimitWarning, UnknownCategoriesWarning, UnusedColumnsWarning
from fastmlp.tables import TableError, TableModel, read_table, texts_of
from fastmlp.tables.notation import numbers_in
from fastmlp.tabular import TypedTable, base
from tests.tables.conftest import FAST, table
from tests.tabular.problems import Clock

pd = pytest.importorskip("pandas")


def test_parameters_are_checked():
    for parameters in ({"task": "both"}, {"missing": 3}, {"effort": 1}, {"loss": "hinge"}, {"time_limit": 0}):
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
    assert TableModel(target, **FAST).fit(table()).target_ == "c"


def test_target_is_the_last_column_unless_said():
    assert TableModel(**FAST).fit(table()).target_ == "y"


def test_a_name_goes_before_a_number():
    frame = table().rename(columns={"c": "0"})
    assert TableModel("0", **FAST).fit(frame).target_ == "0"


def test_a_target_that_is_not_there_brings_the_nearest_names():
    with pytest.raises(TableError, match="'yy' is not among the columns; the nearest are 'y'"):
        TableModel("yy").fit(table())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[["y"]], "two columns or more"),
        (lambda t: t.assign(y="yes"), "'y', the target, is always 'yes'"),
        (lambda t: t.assign(y="?"), "'y', the target, is missing in all rows"),
        (
            lambda t: t.assign(x=1, c=None),
            "no column to learn from. 'x': it is 1.0 in all rows; 'c': its values",
        ),
        (lambda t: t.assign(c=t["y"], id=range(60))[["id", "x", "y"]].assign(x=None), "no column to learn from. 'x'"),
        (lambda t: t[:1], "always 'no'"),
        (lambda t: t[:2].assign(y=["a", "b"]), "a single row of each"),
        (lambda t: t.assign(y=["1e300"] + ["1.5", "2.5", "3.5"] * 19 + ["4.5"] * 2), "'1e300' is beyond 1e"),
        (lambda t: t.assign(y=["1.50"] * 20 + ["1.5"] * 20 + ["1.500"] * 20), "always 1.5"),
    ],
)
def test_tables_that_cannot_be_learned_from(change, message):
    task = "regression" if "5" in message else "auto"
    with warnings.catch_warnings(), pytest.raises(TableError, match=message):
        warnings.simplefilter("ignore", UnusedColumnsWarning)  # of what is said before
        TableModel(task=task, effort="fast").fit(change(table()))


def test_rows_without_target_are_dropped_with_a_note(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[:4, "y"] = "?"
    model = TableModel(**FAST).fit(frame)
    assert model.training_["rows"] == 55
    assert "5 rows without target dropped" in caplog.text
    assert model.evaluate(frame)["rows"] == 55


def test_a_class_with_a_single_row(caplog):
    caplog.set_level("INFO")
    frame = table()
    frame.loc[0, "y"] = "perhaps"
    model = TableModel(**FAST).fit(frame)
    assert model.classes_ == ["no", "perhaps", "yes"]
    assert "a single row of 'perhaps'" in caplog.text


@pytest.mark.parametrize("target", ["y", "x"])
def test_what_learns_is_the_tabular_estimator_with_typed_columns(target):
    """The model predicts what the estimator does that is given the same numbers and texts as such."""
    texts = table().astype(str).assign(c=["Red", "green", "RED ", "", "Red"] * 12)
    model = TableModel(target, n_jobs=1, **FAST).fit(texts)
    cls = {"y": TabularClassifier, "x": TabularRegressor}[target]
    X = table().assign(c=pd.Series(["Red", "green", "Red", None, "Red"] * 12, dtype=object)).drop(columns=target)
    estimator = cls(n_jobs=1, **FAST).fit(X, table()[target])
    assert type(model.estimator_) is cls
    np.testing.assert_array_equal(model.predict(texts), estimator.predict(X))
    assert model.training_["oof_score"] == estimator.oof_score_
    if target == "y":
        np.testing.assert_array_equal(model.predict_proba(texts), estimator.predict_proba(X))
        np.testing.assert_array_equal(model.predict_set(texts, 0.8), estimator.predict_set(X, 0.8))
        with pytest.raises(TableError, match="no intervals in classification"):
            model.predict_interval(texts)
    else:
        np.testing.assert_array_equal(model.predict_interval(texts, 0.8), estimator.predict_interval(X, 0.8))
        for method in (model.predict_set, model.predict_proba):
            with pytest.raises(TableError, match="in regression"):
                method(texts)


def test_parameters_reach_the_estimator():
    parameters = {"effort": "fast", "time_limit": 60.0, "random_state": 3, "n_jobs": 1}
    model = TableModel(class_weight={"YES": 2, "no": 1.0}, **parameters).fit(table())
    given = model.estimator_.get_params()
    assert {name: given[name] for name in parameters} == parameters
    assert given["class_weight"] == {"yes": 2, "no": 1.0}  # as the table spells them
    assert (given["callbacks"], given["verbose"]) == (None, False)
    assert TableModel(class_weight="balanced", **FAST).fit(table()).estimator_.class_weight == "balanced"
    assert TableModel("x", loss="huber", **FAST).fit(table()).estimator_.loss == "huber"
    codes = table().assign(y=["01", "07"] * 30)
    model = TableModel(class_weight={1: 2.0, "7": 3.0}, **FAST).fit(codes)
    assert model.estimator_.class_weight == {"01": 2.0, "07": 3.0}
    with pytest.raises(TableError, match="class_weight has 'maybe'; the classes of 'y' are 'no', 'yes'"):
        TableModel(class_weight={"maybe": 2.0}).fit(table())
    with pytest.raises(TableError, match="class_weight has 'Yes'"):
        TableModel(class_weight={"Yes": 2.0}, exact=True).fit(table())
    with pytest.raises(TableError, match=r"loss='huber' has no meaning in classification \(of 'y'\)"):
        TableModel(loss="huber").fit(table())
    with pytest.raises(TableError, match="class_weight='balanced' has no meaning in regression"):
        TableModel("x", class_weight="balanced").fit(table())


def test_weights_of_classes_move_predictions():
    frame = table(200)
    shares = [
        np.mean(TableModel(class_weight=weights, **FAST).fit(frame).predict(frame) == "yes")
        for weights in ({"no": 9.0}, None, {"yes": 9.0})
    ]
    assert shares[0] + 0.1 < shares[1] < shares[2] - 0.1


@pytest.mark.parametrize("target", ["y", "x"])
def test_rows_to_validate_on(target):
    """They are read as the others are, and figures are of them alone."""
    frame, other = table(120)[:60], table(120)[60:].reset_index(drop=True)
    written = other.astype(str).assign(c=other["c"].str.upper(), y=other["y"].str.title())
    model = TableModel(target, **FAST).fit(frame, validation=written)
    estimator = type(model.estimator_)(**FAST)
    typed = {name: each.drop(columns=target) for name, each in (("X", frame), ("X_val", other))}
    estimator.fit(typed["X"], frame[target], X_val=typed["X_val"], y_val=other[target])
    np.testing.assert_array_equal(model.predict(frame), estimator.predict(typed["X"]))
    assert model.training_["oof_score"] == estimator.oof_score_
    assert (model.training_["rows"], model.training_["rows_of_validation"]) == (60, 60)
    for wrong, message in (
        (other.drop(columns="c"), "columns are missing: 'c'"),
        (other.drop(columns=target), f"column {target!r}, the target, is missing"),
        (other.assign(**{target: "perhaps"}), f"column {target!r}, the target: .*'perhaps'"),
    ):
        with pytest.raises(TableError, match=f"^the rows to validate on: {message}"):
            TableModel(target, **FAST).fit(frame, validation=wrong)


@pytest.mark.parametrize("target", ["y", "x"])
def test_a_table_that_has_been_read_is_not_read_again(target):
    """What is to be said of it is said once."""
    frame = table()
    model = TableModel(target, **FAST).fit(frame)
    other = frame.assign(c=["pink", *frame["c"][1:]])
    with pytest.warns(
        UnknownCategoriesWarning, match=r"^There are categories that training did not see; .* 'c'"
    ) as said:
        rows = model.read(other)
    assert len(said) == 1
    methods = ["predict", *(["predict_proba", "predict_set"] if target == "y" else ["predict_interval"])]
    with warnings.catch_warnings(action="error"):
        found = [getattr(model, name)(rows) for name in methods]
    for name, each in zip(methods, found, strict=True):
        with pytest.warns(UnknownCategoriesWarning):
            np.testing.assert_array_equal(each, getattr(model, name)(other))
    with pytest.raises(ValueError, match=r"table\.numbers must have the shape"):
        model.predict(TypedTable(np.zeros((2, 9)), rows.categories[:2]))
    with pytest.raises(NotFittedError):
        TableModel().read(frame)


@pytest.mark.parametrize("given", ["inf", "-Infinity", "1e400", -np.inf])
def test_infinite_numbers_are_refused_by_column_and_row(given):
    frame = table().astype(object)
    frame.loc[7, "x"] = given
    frame.loc[2, "y"] = None  # a row that is left out counts all the same
    frame.index = frame.index[::-1]  # the order counts, and not what rows are called
    if not isinstance(given, str):
        frame["x"] = frame["x"].astype(float)
    said = rf"^column 'x': '{given}' in row 8 is infinite, or too large for a number"
    with pytest.raises(TableError, match=rf"{said}; --missing {given} reads it as missing$"):
        TableModel(**FAST).fit(frame)
    known = table()
    model = TableModel(**FAST).fit(known)
    for ask in (model.predict, model.evaluate):
        with pytest.raises(TableError, match=f"{said}$"):
            ask(frame)
    forgiving = TableModel(missing=[given], **FAST).fit(frame)
    expected = table().astype(object)
    expected.loc[7, "x"] = expected.loc[2, "y"] = None
    np.testing.assert_array_equal(forgiving.predict_proba(frame), forgiving.predict_proba(expected))


@pytest.mark.parametrize("given", ["1e39", -2e300])
def test_numbers_of_no_sensible_size_are_missing_and_said(given, caplog):
    caplog.set_level("INFO")
    frame, expected = table(), table()
    if isinstance(given, str):
        frame = frame.astype(str)
    frame.loc[7, "x"], expected.loc[7, "x"] = given, None
    model = TableModel(**FAST).fit(frame)
    assert f"column 'x': beyond 1e+38, and read as missing: {given!r}" in caplog.text
    other = TableModel(**FAST).fit(expected)
    np.testing.assert_array_equal(model.predict_proba(frame), other.predict_proba(expected))


def test_infinite_numbers_of_columns_that_are_none_of_numbers_are_no_matter():
    frame = table(word=["inf", "soup", "tea"] * 20, id=[np.inf, *range(59)])
    with pytest.warns(UnusedColumnsWarning, match="numbers of the rows, by its name and values: 'id'"):
        model = TableModel(**FAST).fit(frame)
    assert model.categories_["word"] == ["inf", "soup", "tea"]
    assert len(model.predict(frame)) == 60


def test_errors_speak_of_the_table():
    few = pd.DataFrame({"x": range(4), "y": list("abcd")})
    with pytest.raises(TableError, match=r"^column 'y', the target, has 4 rows of 4 classes, a single row of each"):
        TableModel(**FAST).fit(few)
    texts = pd.DataFrame({"note": [f"text {i}" for i in range(60)], "y": ["a", "b"] * 30})
    with pytest.raises(TableError, match=r"^the table has no column to learn from: 'note': of its 60 values"):
        TableModel(**FAST).fit(texts)


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    model = TableModel(**FAST).fit(table())
    expected = model.predict_proba(table())
    before = dict(vars(model))
    with pytest.raises(TableError):
        model.fit(table().assign(y="yes"))
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict_proba(table()), expected)


def test_figures_of_training_and_what_a_model_is():
    frame = table(c=["red", None, "green"] * 20, const=1)
    frame.loc[:4, "y"] = "?"
    with pytest.warns(UnusedColumnsWarning):
        model = TableModel(**FAST).fit(frame)
    said = json.loads(json.dumps(model.describe()))
    estimator = model.estimator_
    assert (said["numbers"], said["dates"], said["categories"]) == (["x"], [], ["c"])
    assert said["dropped"] == {"const": "it is 1.0 in all rows"}
    assert said["classes"] == {label: int((frame["y"] == label).sum()) for label in ("no", "yes")}
    assert (said["members"], said["weights"]) == ({"bins": 2}, {"bins": 1.0})
    arrays = [array for each in estimator.members_ for array in (*each.network.coefs_, *each.network.intercepts_)]
    assert said["n_parameters"] == sum(array.size for array in arrays)
    training = said["training"]
    assert training.pop("seconds") > 0
    assert training == {
        "rows": 55,
        "rows_without_target": 5,
        "rows_of_validation": 0,
        "members": 2,
        "epochs": sum(record["epochs"] for record in estimator.history_),
        "oof_score": estimator.oof_score_,
        "oof_loss": estimator.oof_loss_,
    }
    regression = TableModel("x", **FAST).fit(table()).describe()
    regressor = TableModel("x", **FAST).fit(table()).estimator_
    assert regression["training"]["oof_loss"] == regressor.oof_loss_ > 0
    assert regression["target_mean"] == pytest.approx(table()["x"].mean())
    assert "classes" not in regression
    assert "quantile" not in regression
    assert regression["intervals"] == "residuals"


def test_quantiles_and_their_intervals(path):
    rows = table().assign(y=[0.5, 1.5, 4.0] * 20)
    parameters = {"loss": "quantile", "quantile": 0.25, "intervals": "quantiles"}
    model = TableModel(task="regression", **parameters, **FAST).fit(rows)
    assert {name: model.estimator_.get_params()[name] for name in parameters} == parameters
    said = json.loads(json.dumps(model.describe()))
    assert (said["quantile"], said["intervals"]) == (0.25, "quantiles")
    assert said["members"] == {"bins": 2}  # those that predict
    model.save(path)
    np.testing.assert_array_equal(fastmlp.load(path).predict_interval(rows, 0.8), model.predict_interval(rows, 0.8))
    median = TableModel(task="regression", loss="quantile", **FAST).fit(rows)
    assert median.describe()["quantile"] == 0.5
    for name, value in parameters.items():
        with pytest.raises(TableError, match=f"{name}={value!r} has no meaning in classification"):
            TableModel(**{name: value}, **FAST).fit(table())
    with pytest.raises(ValueError, match="'quantile' parameter"):
        TableModel(quantile=1.0, **FAST).fit(rows)


def test_each_column_is_converted_once(monkeypatch):
    """A long table is neither read nor converted twice: each value of it becomes a text or a number once."""
    read = Counter()

    def counting(values, texts_of=texts_of):
        read[values.name] += len(values)
        return texts_of(values)

    monkeypatch.setattr("fastmlp.tables.reader.texts_of", counting)
    monkeypatch.setattr("fastmlp.tables.model.texts_of", counting)
    converted = []

    def counted(texts, *rest, numbers_in=numbers_in):
        converted.append(len(texts))
        return numbers_in(texts, *rest)

    monkeypatch.setattr("fastmlp.tables.reader.numbers_in", counted)
    n = 30_000
    frame = pd.DataFrame({"a": np.arange(n) / 8, "b": ["u", "v"] * (n // 2), "y": np.arange(n) % 7 / 3}).astype(str)
    fitted = []
    monkeypatch.setattr(TabularRegressor, "fit", lambda self, X, y, **_: fitted.append((X, y)) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        TableModel(task="regression").fit(frame)
    # The decimal mark is found from the first ten thousands of each column, before.
    assert all(read[name] <= n + 2 * 10_000 for name in frame)
    assert sorted(converted) == [n, n, n]
    assert fitted[0][0]["a"].tolist() == (np.arange(n) / 8).tolist()


def test_predictions_do_not_depend_on_the_columns_order_target_or_number_of_rows():
    frame = table(200)
    model = TableModel(**FAST).fit(frame)
    expected = model.predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(frame[["c", "x"]]), expected)
    np.testing.assert_allclose(model.predict_proba(frame.iloc[7:8]), expected[7:8], rtol=1e-5)
    assert model.evaluate(frame)["accuracy"] > 0.9


def test_missing_columns_are_listed():
    model = TableModel(**FAST).fit(table(n=range(60)))
    with pytest.raises(TableError, match="columns are missing: 'c', 'n'"):
        model.predict(table()[["x"]])


def test_without_header_columns_count():
    frame = table().set_axis(["0", "1", "2"], axis=1)
    model = TableModel("0", header=False, **FAST).fit(frame)
    expected = model.predict(frame, has_header=False)
    without = frame[["1", "2"]].set_axis(["0", "1"], axis=1)
    np.testing.assert_array_equal(model.predict(without, has_header=False), expected)
    with pytest.raises(TableError, match="1 column; 3 are needed as in training, or 2 without the target"):
        model.predict(frame[["1"]], has_header=False)
    with pytest.raises(TableError, match="'0', the target, is missing"):
        model.evaluate(without, has_header=False)


def test_unknown_categories_are_said_and_predicted_for():
    model = TableModel(**FAST).fit(table())
    with pytest.warns(UnknownCategoriesWarning, match=r"'c' \(1 category in 60 rows, such as 'blue'\)") as warned:
        model.predict(table().assign(c="blue"))
    assert len(warned) == 1


def test_the_same_seed_gives_the_same_model():
    frame = table(100)
    a, b, other = (TableModel(**FAST | {"random_state": seed}).fit(frame) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))
    assert (a.predict_proba(frame) != other.predict_proba(frame)).any()


@pytest.mark.parametrize(
    ("name", "least"), [("iris", 0.92), ("wine", 0.95), ("breast_cancer", 0.94), ("digits", 0.95), ("diabetes", 0.35)]
)
@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.UnusedColumnsWarning")  # Of digits, some pixels are white.
def test_small_tables(name, least, real_efforts):
    """On average over splits; the least are a little below what linear models and forests reach."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    scores = []
    for seed in range(2 if name == "digits" else 5):
        train, test = train_test_split(frame, random_state=seed)
        figures = TableModel(effort="fast", random_state=seed).fit(train).evaluate(test)
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
def test_census_income(seed, real_efforts):
    train, test = (read_table(DATA / f"adult-{part}.csv.gz") for part in ("train", "test"))
    assert not train[1]
    model = TableModel(header=False, effort="fast", random_state=seed).fit(train[0])
    assert model.evaluate(test[0], has_header=False)["accuracy"] >= 0.85


@needs_california
@pytest.mark.parametrize("seed", [0, 1])
def test_california_housing(seed, real_efforts):
    train, test = train_test_split(read_table(DATA / "california-housing.csv.gz")[0], random_state=seed)
    model = TableModel("median_house_value", effort="fast", random_state=seed).fit(train)
    assert model.evaluate(test)["r2"] >= 0.78


def test_the_time_limit_counts_from_the_reading_of_the_table(monkeypatch):
    """The reader takes 30 seconds by a clock that otherwise stands still."""
    ends, clock = [], Clock(0)
    monkeypatch.setattr("fastmlp.tables.model.time", clock)
    monkeypatch.setattr("fastmlp.tabular.base.time", clock)

    def slow(values, texts_of=texts_of):
        clock.now += 30
        return texts_of(values)

    def noting(*args, gains=base.gains):
        ends.append(args[6])
        return gains(*args)

    monkeypatch.setattr("fastmlp.tables.model.texts_of", slow)
    monkeypatch.setattr(base, "gains", noting)
    with pytest.warns(TimeLimitWarning):
        model = TableModel(**FAST, time_limit=100).fit(table())
    assert ends == [100.0]
    assert model.training_["seconds"] == clock.now >= 30
    assert "_began" not in vars(model.estimator_)
