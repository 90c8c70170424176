"""Numbers as programs and countries write them."""

import numpy as np
import pytest

from fastmlp.tables import numbers_of
from fastmlp.tables.notation import grouping, number

pytest.importorskip("pandas")

NAN = float("nan")
# A text, and the number that it is with a decimal point and with a decimal comma.
WRITTEN = [
    ("5", 5, 5),
    ("-5", -5, -5),
    ("+5", 5, 5),
    ("007", 7, 7),
    ("1e5", 1e5, 1e5),
    ("1E+05", 1e5, 1e5),
    ("1.5D+03", 1500, NAN),
    ("2.5", 2.5, NAN),
    ("2,5", NAN, 2.5),
    (".5", 0.5, NAN),
    (",5", NAN, 0.5),
    ("25,000", 25000, 25),
    ("25.000", 25, 25000),
    ("0,123", NAN, 0.123),
    ("0.123", 0.123, NAN),
    ("1234,567", NAN, 1234.567),
    ("1,234.50", 1234.5, NAN),
    ("1.234,50", NAN, 1234.5),
    ("1.234.567", NAN, 1234567),
    ("1,234,567", 1234567, NAN),
    ("12,34,567.8", 1234567.8, NAN),
    ("1,2345", NAN, 1.2345),
    ("1 234,5", NAN, 1234.5),
    ("1\u00a0234,5", NAN, 1234.5),
    ("1\u202f234\u202f567", 1234567, 1234567),
    ("1\u2009234.5", 1234.5, NAN),
    ("1'234.50", 1234.5, NAN),
    ("1\u2019234.50", 1234.5, NAN),
    ("1_000", 1000, 1000),
    ("$25,000", 25000, 25),
    ("-$5", -5, -5),
    ("$-5.50", -5.5, NAN),
    ("US$ 5", 5, 5),
    ("R$ 1.234,56", NAN, 1234.56),
    ("\u20ac 5", 5, 5),
    ("5 \u20ac", 5, 5),
    ("5\u00a3", 5, 5),
    ("EUR 5", 5, 5),
    ("5 CHF", 5, 5),
    ("CHF 1'234.-", 1234, 1234),
    ("25,-- \u20ac", 25, 25),
    ("1.234,- \u20ac", NAN, 1234),
    ("1,234.--", 1234, NAN),
    ("2.355e+04", 23550, NAN),
    ("2,355E-04", NAN, 2.355e-4),
    ("-1,234.5e2", NAN, NAN),
    ("100 kr", 100, 100),
    ("5 z\u0142", 5, 5),
    ("(5)", -5, -5),
    ("($1,234.50)", -1234.5, NAN),
    ("$(5)", -5, -5),
    ("5-", -5, -5),
    ("\u22125", -5, -5),
    ("- 5", -5, -5),
    ("12 %", 12, 12),
    ("12,5%", NAN, 12.5),
    ("\uff11\uff12", 12, 12),
    ("\u0663\u066b\u0665", 3.5, NAN),
    ("inf", np.inf, np.inf),
    *(
        (text, NAN, NAN)
        for text in ["", "A1", "1.2.3", "1,2,3", "12:30", "2020-01-15", "5-4", "--5", "(5", "5)", "-(5)"]
    ),
    *(
        (text, NAN, NAN)
        for text in ["$", "%", "1 00", "1,23,4", "5+", "0x10", "5 m", "5\u00b2", "\u00bd", "1e", "R1", "nan"]
    ),
]


@pytest.mark.parametrize(("text", "point", "comma"), WRITTEN)
def test_numbers_as_they_are_written(text, point, comma):
    np.testing.assert_array_equal([number(text, "."), number(text, ",")], [point, comma])
    # One that has a mark alone is a number whatever the mark of the others.
    either = comma if np.isnan(point) else point
    np.testing.assert_array_equal(numbers_of([text, "7"]), [either, 7])
    np.testing.assert_array_equal(numbers_of([text, "7"], decimal=","), [point if np.isnan(comma) else comma, 7])


@pytest.mark.parametrize(
    ("text", "thousands", "expected"),
    [("1,234", ",", 1234), ("1,234", "", NAN), ("1 234", " ", 1234), ("1\u00a0234", " ", 1234), ("1 234", ",", NAN)],
)
def test_what_groups_digits_may_be_told(text, thousands, expected):
    np.testing.assert_equal(number(text, ".", thousands), expected)


def test_other_spellings_of_what_groups_digits():
    assert [grouping(mark) for mark in ("space", "none", "\u00a0", "\u2019", ",")] == [" ", "", " ", "'", ","]
