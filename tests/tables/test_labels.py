"""Class labels: they come back as the table spells them, and are known in other spellings."""

import pytest

import fastmlp
from fastmlp.tables import TableError, TableModel, read_table
from tests.tables.conftest import FAST, table

pd = pytest.importorskip("pandas")


def of_labels(*labels, **options):
    """A table in which a number tells the label, each of which comes as often; and its model."""
    n = 90 // len(labels) * len(labels)
    frame = pd.DataFrame({"x": [i % len(labels) for i in range(n)], "y": [labels[i % len(labels)] for i in range(n)]})
    return frame, TableModel(**FAST, **options).fit(frame)


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "07", "10"],
        ["01", "1"],
        ["01", "10", "A1"],
        ["1.0", "2.0", "3.0"],
        ["1.1", "1.10"],
        ["1.50", "2.50"],
        ["1e3", "2e3"],
        ["+1", "-1"],
        ["0x10", "0x11"],
        ["1_000", "2_000"],
        ["9007199254740992", "9007199254740993"],
        ["123456789012345678901", "123456789012345678902"],
        ["TRUE", "FALSE"],
        ["1,5", "2,5"],
        ["1.234", "2.345"],
        ["$1", "$2"],
        ["5 %", "10 %"],
        ["NO", "no"],
        ["A", "a"],
        ["AaBb", "AABB", "aabb"],
        ["2020-01-01", "2021-01-01"],
        ["\u00fcber", "unter"],
    ],
)
def test_labels_come_back_as_the_table_spells_them(tmp_path, write, labels):
    frame, model = of_labels(*labels, task="classification")
    assert model.classes_ == sorted(labels)
    assert model.predict(frame).tolist() == frame["y"].tolist()
    assert model.evaluate(frame)["accuracy"] == 1.0
    for label in labels:  # a table may hold only some of them
        assert model.evaluate(frame[frame["y"] == label])["accuracy"] == 1.0
    texts, _ = read_table(write(frame.to_csv(index=False, sep="|")), separator="|")
    assert model.evaluate(texts)["accuracy"] == 1.0
    fastmlp.save(model, tmp_path / "model")
    assert (fastmlp.load(tmp_path / "model").predict(frame) == frame["y"]).all()


@pytest.mark.parametrize(
    ("labels", "others"),
    [
        (["01", "07", "10"], [1, 7, 10]),
        (["01", "07", "10"], ["1", "7", "10.0"]),
        (["1", "2", "3"], [1.0, 2.0, 3.0]),
        (["1", "2", "3"], ["1.0", "2.00", "+3"]),
        (["1.0", "2.0", "3.0"], [1, 2, 3]),
        (["1.50", "2.50"], [1.5, 2.5]),
        (["1,5", "2,5"], [1.5, 2.5]),
        (["$1,000", "$2,000"], [1000, 2000]),
        (["True", "False"], ["TRUE", "false"]),
        (["TRUE", "FALSE"], [True, False]),
        (["true", "false"], pd.array([True, False], "boolean")),
        (["Yes", "no"], ["YES", "No"]),
        (["Y", "N"], ["y", "n"]),
        (["K\u00f6ln", "Bonn"], ["Ko\u0308ln", "bonn"]),
        (["New York", "Rome"], ["New\u00a0York ", "\u2009Rome"]),
        (["a b", "c"], ["a  b", "c\u200b"]),
        (["2020-01-01", "2021-01-01"], pd.to_datetime(["2020-01-01", "2021-01-01"])),
    ],
)
def test_labels_that_are_spelled_otherwise_are_known(labels, others, caplog):
    _, model = of_labels(*labels, task="classification")
    caplog.set_level("INFO")
    evaluated = pd.DataFrame({"x": range(len(labels)), "y": others})
    assert model.evaluate(evaluated)["accuracy"] == 1.0
    assert model.predict(evaluated).tolist() == labels
    for i in range(len(labels)):
        assert model.evaluate(evaluated.iloc[i : i + 1])["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("labels", "other"),
    [
        (["01", "1"], "001"),
        (["1.1", "1.10"], "1.100"),
        (["A", "a"], "b"),
        (["AaBb", "AABB", "aabb"], "aaBB"),
        (["9007199254740992", "5"], "9007199254740993"),
        (["A", "b"], "a"),
    ],
)
def test_labels_that_could_be_several_are_not_known(labels, other):
    frame, model = of_labels(*labels, task="classification")
    with pytest.raises(TableError, match=f"training did not see '{other}'"):
        model.evaluate(frame.assign(y=other))


def test_spellings_of_one_label_are_one_class(caplog):
    caplog.set_level("INFO")
    frame, model = of_labels("true", "no", "TRUE", "No", "true", "no")
    assert (model.classes_, model.class_counts_) == (["no", "true"], [45, 45])
    assert "column 'y': 'TRUE' is taken for 'true', 'No' is taken for 'no' (--exact tells them apart)" in caplog.text
    assert model.evaluate(frame)["rows"] == 90
    assert of_labels("true", "no", "TRUE", "No", exact=True)[1].classes_ == ["No", "TRUE", "no", "true"]
    assert of_labels("1", "2", "2.0", "1")[1].classes_ == ["1", "2"]
    assert of_labels("y", "N", "Y", "n", "n")[1].classes_ == ["n", "y"]


def test_exact_labels_are_no_others():
    frame, model = of_labels("true", "no", exact=True)
    with pytest.raises(TableError, match="did not see 'True'"):
        model.evaluate(frame.assign(y="True"))


def test_labels_with_a_full_stop(caplog):
    caplog.set_level("INFO")
    frame = table()
    model = TableModel(**FAST).fit(frame)
    assert model.evaluate(frame.assign(y=frame["y"] + " .")) == model.evaluate(frame)
    assert "without the full stop" in caplog.text
    with pytest.raises(TableError, match=r"did not see 'no\.\.', 'yes\.\.', but 'no', 'yes'"):
        model.evaluate(frame.assign(y=frame["y"] + ".."))


def test_labels_that_are_numbers_have_one_form():
    frame = table().assign(y=["1", "2"] * 30)
    model = TableModel(**FAST).fit(frame)
    assert model.classes_ == ["1", "2"]
    assert model.evaluate(frame.assign(y=[1.0, 2.0] * 30)) == model.evaluate(frame)
