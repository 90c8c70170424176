"""Which decimal mark each column of a table has, and that predictions keep it."""

import numpy as np
import pytest

import fastmlp
from fastmlp.tables import TableModel
from tests.tables.conftest import FAST

pd = pytest.importorskip("pandas")


def numbers_learned(values, separator=",", target="y", **options):
    """The numbers that a model makes of a column of texts, and the model."""
    values = [values[i % len(values)] for i in range(60)]
    frame = pd.DataFrame({"v": values, "x": range(60), "y": ["a", "b"] * 30})
    frame.attrs["separator"] = separator
    model = TableModel(target, **FAST, **options).fit(frame)
    return model, model._inputs(frame)["v"].tolist()[: len(set(values))] if target == "y" else None


MANY = [f"{1234 + 1111 * i:,}".replace(",", ".") for i in range(30)]


@pytest.mark.parametrize(
    ("values", "separator", "expected"),
    [
        (["25.000,50", "1.234", "7,5"], ",", [25000.5, 1234, 7.5]),
        (["25.000,50", "1.234", "7"], ";", [25000.5, 1234, 7]),
        (["25,000", "1,234"], ",", [25000, 1234]),
        (["25,000", "1,234"], "\t", [25000, 1234]),
        (["25,000", "1,234"], ";", [25, 1.234]),
        (["25.000", "1.234"], ",", [25, 1.234]),
        (["25.000", "1.234"], ";", [25000, 1234]),
        (["25.000", "0.234"], ";", [25, 0.234]),
        (["25.000", "1.5"], ";", [25, 1.5]),
        (["25,000", "1.5"], ",", [25000, 1.5]),
        (["25,000", "1,5"], ",", [25, 1.5]),
        (["25,000", "1,234,567"], ";", [25000, 1234567]),
        (["$25,000", "$1,234"], ";", [25000, 1234]),  # money has no three decimals
        (["25.000 \u20ac", "1.234 \u20ac"], ",", [25000, 1234]),
        (["(1,234)", "5", "7.5-"], ",", [-1234, 5, -7.5]),
        (["12 %", "7.5%"], ",", [12, 7.5]),
        (["1.5", "2,5"], ",", [1.5, 2.5]),
        (["2.355e+04", "7"], ";", [23550, 7]),
        (["2,355e+04", "7"], ",", [23550, 7]),
        (["1.234,-", "5,-"], ",", [1234, 5]),
        ([*MANY, "883", "0"], ",", [*(1234 + 1111 * i for i in range(30)), 883, 0]),
        ([text.replace(".", ",") for text in [*MANY, "883"]], ";", [*(1234 + 1111 * i for i in range(30)), 883]),
        (MANY, ",", [1.234 + 1.111 * i for i in range(30)]),  # as decimals are written with %.3f
        ([*MANY, "883", "12345"], ",", [*(1.234 + 1.111 * i for i in range(30)), 883, 12345]),
        (["1.234", "25.000", "883"], ",", [1.234, 25, 883]),  # too few to tell
    ],
)
def test_the_convention_is_found_for_each_column(values, separator, expected):
    np.testing.assert_allclose(numbers_learned(values, separator)[1], expected, rtol=1e-12)


def test_what_is_taken_is_said_and_may_be_told(caplog):
    caplog.set_level("INFO")
    said = {
        "25,000": "column 'v': '25,000' is read as 25000; --decimal , makes it 25",
        "1.234": "column 'v': '1.234' is read as 1.234; --decimal , makes it 1234",
        "25.000,50": "column 'v': '25.000,50' is read as 25000.5",
        "$5": "column 'v': '$5' is read as 5, '(7)' is read as -7",
        "1.5": None,
        "12": None,
    }
    for value, line in said.items():
        caplog.clear()
        numbers_learned([value, "(7)" if value == "$5" else value.replace("2", "3"), value.replace("5", "9")])
        found = [record.getMessage() for record in caplog.records if "is read as" in record.getMessage()]
        assert found == ([line] if line else [])
    assert numbers_learned(["25,000", "1,234"], decimal=",")[1] == [25, 1.234]
    assert numbers_learned(["25,000", "1,234"], ";", decimal=".")[1] == [25000, 1234]
    assert numbers_learned(["25,000", "1,234"], ";", thousands=",")[1] == [25000, 1234]
    assert numbers_learned(["25.000", "1.234"], thousands=".")[1] == [25000, 1234]
    assert numbers_learned(["25,000", "1,234"], thousands="")[1] == [25, 1.234]  # nothing groups: these are decimals
    with pytest.raises(ValueError, match="decimal and thousands are both ','"):
        numbers_learned(["1"], decimal=",", thousands=",")


def test_other_columns_say_what_a_column_leaves_open():
    frame = pd.DataFrame({"v": ["25,000", "1,234"] * 30, "x": ["1,5", "2"] * 30, "y": ["a", "b", "a"] * 20})
    frame["text"] = ["1.5 m", "no. 7.5"] * 30  # no numbers, which say nothing
    model = TableModel(**FAST).fit(frame)
    assert model.decimals_ == {"v": ",", "x": ","}
    assert model._inputs(frame)["v"].tolist()[:2] == [25, 1.234]


def read_later(model, **columns):
    frame = pd.DataFrame({"x": ["1"]} | {name: [value] for name, value in columns.items()})
    return model._inputs(frame)["v"].tolist()[0]


def test_the_convention_of_training_is_that_of_predictions(caplog):
    german, _ = numbers_learned(["25.000,50", "1.234,00"])
    english, _ = numbers_learned(["25,000.50", "1,234.00"])
    whole, _ = numbers_learned(["1", "2", "3"])
    assert (read_later(german, v="1.234"), read_later(german, v="1,234")) == (1234, 1.234)
    assert (read_later(english, v="1.234"), read_later(english, v="1,234")) == (1.234, 1234)
    assert (read_later(whole, v="1,234"), read_later(whole, v="1,5")) == (1234, 1.5)
    assert read_later(german, v=1.234) == 1.234  # a number as such
    caplog.set_level("INFO")
    assert (read_later(german, v="12"), read_later(german, v="12,5")) == (12, 12.5)
    assert not caplog.records
    # A table that is clearly written otherwise is read otherwise.
    assert read_later(german, v="12.5") == 12.5
    assert "column 'v': numbers have the decimal mark '.', unlike in training" in caplog.text
    frame = pd.DataFrame({"v": ["1.234", "0.5"], "x": ["1", "2"]})
    assert german._inputs(frame)["v"].tolist() == [1.234, 0.5]
    german.set_params(decimal=".")
    assert read_later(german, v="1.234") == 1.234


def test_the_convention_is_kept_in_files(tmp_path):
    model, _ = numbers_learned(["25.000,50", "1.234,00"])
    fastmlp.save(model, tmp_path / "model")
    assert read_later(fastmlp.load(tmp_path / "model"), v="1.234") == 1234


def test_targets_as_countries_write_them():
    frame = pd.DataFrame({"x": range(60), "y": [f"{i}.000,50 \u20ac" for i in range(1, 61)]})
    model = TableModel(**FAST).fit(frame)
    assert (model.task_, model.mean_) == ("regression", 30500.5)
    as_numbers = frame.assign(y=[1000.0 * i + 0.5 for i in range(1, 61)])
    assert model.evaluate(frame) == model.evaluate(as_numbers)
    # What could be either is as in training.
    assert model.evaluate(frame.assign(y=[f"{i}.000" for i in range(1, 61)]))["mae"] == pytest.approx(
        model.evaluate(frame.assign(y=[1000.0 * i for i in range(1, 61)]))["mae"]
    )
