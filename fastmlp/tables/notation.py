"""Numbers are read here as programs and countries write them, with points, commas, currencies and percent signs.

``1,234.50``, ``1.234,50``, ``1 234,50``, ``1'234.50``, ``$1,234``, ``1.234 €``, ``(5)``, ``5-``, ``25 %``, ``1e5``. All
that a column leaves open is whether a point or a comma stands before the decimals; the other one then groups digits, as
blanks, apostrophes and underscores do in either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.frames import import_pandas

#: The marks that may stand before the decimals. The first is taken where nothing speaks for the other.
DECIMALS = (".", ",")
#: The marks that may group digits; "" stands for no mark.
THOUSANDS = (",", ".", " ", "'", "_", "")
_ENOUGH, _SHARE_OF_OTHERS = 10_000, 0.05
_MANY_GROUPS = 20  # a tenth of decimals with three digits would end in 0, which most programs leave out
_COMMON, _INTEGER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), re.compile(r"[+-]?\d+([eE][+-]?\d+)?")

# This maps blanks of all kinds, minus signs, apostrophes and full-width forms to those that the patterns below have.
_PLAIN_FORMS = str.maketrans(
    dict.fromkeys("\t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    | dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-")
    | dict.fromkeys("\u2019\u02bc\u00b4\u0060\u2032", "'")
    | {"\u066b": ".", "\uff0e": ".", "\u066c": ",", "\uff0c": ",", "\uff0b": "+", "\u066a": "%", "\uff05": "%"}
    | {"\uff08": "(", "\uff09": ")", "\uff04": "$", "\uffe5": "\u00a5", "\u200b": "", "\ufeff": ""}
)
_SYMBOLS = "$\u00a2\u00a3\u00a4\u00a5\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20c0\ufdfc\uffe0\uffe1"
_CODES = (
    "AED|ARS|AUD|BDT|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|KRW|KZT|MAD|MXN"
    "|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|QAR|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|UYU|VND|ZAR"
    r"|kr\.?|K\u010d|z\u0142|Ft|lei|S?Fr\.|SFr|Rs\.?|Rp\.?|\u0440\u0443\u0431\.?|\u043b\u0432\.?|[A-Z]{1,2}\$"
)
_MONEY = rf"(?:{_CODES}|[{_SYMBOLS}])"
_WRITTEN = re.compile(
    rf"(?P<sign>[+-])? ?(?:{_MONEY}|%)? ?(?P<open>\()? ?(?:(?P<inner>[+-]) ?)?(?:{_MONEY} ?)?"
    r"(?P<digits>\d[\d.,' _]*(?<! )|[.,]\d+)(?:(?P<e>[eE][+-]?\d{1,3})|(?P<d>[dD][+-]\d{1,3}))?"
    rf"(?P<last>-)? ?(?:{_MONEY}|%|\u2030)? ?(?P<close>\))? ?(?:{_MONEY}|%)?(?P<end> ?-)?"
)
_NO_DECIMALS = re.compile(r"(?<=\d)([.,])-{1,2}(?=\D*$)")  # 25.- and 25,-- are 25
_SIMPLE = re.compile(r"[+-]?(\d+)([.,])(\d+)")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


class Evidence(NamedTuple):
    """Evidence says how many of a column's texts can be read with which decimal mark.

    Attributes
    ----------
    point, comma : int
        How many are numbers with this mark alone.
    either : int
        How many are numbers with both marks, but not the same number, as "25,000" is.
    plain : int
        How many are the same number with both, as "25" is.
    neither : int
        How many are numbers with neither.
    example : str
        One that could be either. Sums of money come first: they have two decimals or none, so that "25.000 €" is 25
        thousand.
    is_grouped : bool
        Whether many could be read with either mark, and whole numbers below 1000 stand beside them: 23.545 and 883.
        Decimals would not have three digits each time, or none.
    """

    point: int = 0
    comma: int = 0
    either: int = 0
    plain: int = 0
    neither: int = 0
    example: str = ""
    is_grouped: bool = False

    def decided(self) -> str:
        """Return the mark that more values ask for; "" if as many ask for the other."""
        if self.point != self.comma:
            return "." if self.point > self.comma else ","
        if self.either and (self.is_grouped or _is_money(self.example)):
            return "." if "," in self.example else ","
        return ""

    def asks_for(self, decimal: str) -> int:
        """Return how many values have this mark alone."""
        return self.point if decimal == "." else self.comma

    def is_of_numbers(self) -> bool:
        """Return whether nearly all values are numbers."""
        return self.neither <= _SHARE_OF_OTHERS * sum(self[:5])


@cache
def _grouped(decimal: str, thousands: str | None) -> re.Pattern:
    """Return a pattern of the digits of numbers with this decimal mark and these grouping marks."""
    other = "," if decimal == "." else "."
    marks = {None: f"{other}' _", "": "", " ": " ", "'": "'"}.get(thousands, thousands or "")
    groups = rf"[1-9]\d{{0,2}}(?P<t>[{re.escape(marks)}])\d{{3}}(?:(?P=t)\d{{3}})*|" if marks else ""
    indian = rf"[1-9]\d?(?:{re.escape(other)}\d{{2}})+{re.escape(other)}\d{{3}}|" if other in marks else ""
    point = re.escape(decimal)
    return re.compile(rf"(?:{groups}{indian}\d+)(?:{point}\d*)?|{point}\d+")


def number(text: str, decimal: str = ".", thousands: str | None = None) -> float:
    """Return the number that a text stands for with a decimal mark, NaN where it stands for none.

    Signs of money and of percent are left out. Parentheses and a minus at the end make a number negative.

    Parameters
    ----------
    text : str
    decimal : {".", ","}, default="."
    thousands : str, default=None
        What groups digits: "." or ",", " " (blanks of all kinds), "'" or "_"; "" for nothing. None takes any of them,
        but the decimal mark.

    Examples
    --------
    >>> from fastmlp.tables.notation import number
    >>> number("$1,234.50"), number("(1.234,5) €", ","), number("12 %"), number("1.2.3")
    (1234.5, -1234.5, 12.0, nan)
    """
    text = _plain(text)
    if _INFINITE.fullmatch(text):
        return float(text)
    ending = _NO_DECIMALS.search(text)
    whole = _WRITTEN.fullmatch(_NO_DECIMALS.sub("", text))
    if whole is None or bool(whole["open"]) != bool(whole["close"]):
        return np.nan
    minus = [whole[name] for name in ("sign", "inner", "last", "end", "open") if whole[name]]
    digits, exponent = whole["digits"], whole["e"] or whole["d"]
    if ending and decimal != ending[1] and any(mark in digits for mark in DECIMALS):
        return np.nan  # the mark before the dash is that of the decimals: 1.234,- is 1234
    if len(minus) > 1 or not _grouped(decimal, "" if exponent else thousands).fullmatch(digits):
        return np.nan  # what stands before an exponent is never grouped: 2,355e+04 is 23550
    before, _, after = digits.partition(decimal)
    exponent = exponent[1:] if exponent else "0"
    value = float(f"{re.sub('[^0-9]', '', before)}.{after}e{exponent}")
    return -value if minus and minus[0] != "+" else value


def _plain(text: str) -> str:
    """Return a text with one form of each mark, and with digits of any script as those of ASCII."""
    if not text.isascii():
        text = text.translate(_PLAIN_FORMS)
        if not text.isascii():
            text = "".join(str(int(c)) if c.isdecimal() else c for c in text)
    return text.strip()


def numbers_in(texts: NDArray, decimal: str = ".", thousands: str | None = None) -> NDArray:
    """Return the numbers that texts stand for as float64, NaN for those that stand for none.

    Parameters
    ----------
    texts : ndarray of str
        Objects.
    decimal : {".", ","}, default="."
        The decimal mark of those that could have either; such as are numbers with one alone have that.
    thousands : str, default=None
        The grouping mark, as :func:`number` takes it; a point or a comma leaves no choice of the decimal mark.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables.notation import numbers_in
    >>> numbers_in(np.array(["25,000", "1,5", "1.5"], object)), numbers_in(np.array(["25,000", "1.5"], object), ",")
    (array([2.5e+04, 1.5e+00, 1.5e+00]), array([25. ,  1.5]))
    """
    pandas = import_pandas()
    numbers = pandas.to_numeric(pandas.Series(texts, dtype=object), errors="coerce")
    numbers = numbers.to_numpy(np.float64, na_value=np.nan, copy=True)
    rest = np.isnan(numbers)
    if decimal == ",":  # with a point these are other numbers
        rest |= np.fromiter(("." in text for text in texts), bool, len(texts))
    if rest.any():
        known: dict[str, float] = {}
        for text in texts[rest]:
            if text not in known:
                known[text] = _number_with_any(text, decimal, thousands)
        numbers[rest] = [known[text] for text in texts[rest]]
    return numbers


def _number_with_any(text: str, decimal: str, thousands: str | None) -> float:
    if not _has_digits(text):
        return np.nan
    value = number(text, decimal, thousands)
    if np.isnan(value) and thousands not in DECIMALS:
        value = number(text, "," if decimal == "." else ".", thousands)
    return value


def _has_digits(text: str) -> bool:
    return any(map(str.isdecimal, text))


def evidence_in(texts: Iterable[str], thousands: str | None = None) -> Evidence:
    """Return the evidence in a column's texts about its decimal mark.

    The first thousands of a long column are enough if they decide it, or if they are no numbers.

    Examples
    --------
    >>> from fastmlp.tables.notation import evidence_in
    >>> evidence_in(["1.234,5", "2,75", "25,000", "7", "many"])
    Evidence(point=0, comma=2, either=1, plain=1, neither=1, example='25,000', is_grouped=False)
    """
    counts = dict.fromkeys(("point", "comma", "either", "plain", "neither"), 0)
    example = ""
    several: set[str] = set()
    lengths: set[int] = set()
    for i, text in enumerate(texts):
        if i >= _ENOUGH and (
            (counts["point"] == 0) != (counts["comma"] == 0) or counts["neither"] > _SHARE_OF_OTHERS * i
        ):
            break
        counts[asked := _asked_by(text, thousands)] += 1
        if asked == "either" and (not example or (_is_money(text) and not _is_money(example))):
            example = text
        if asked == "either" and len(several) < _MANY_GROUPS:
            several.add(text)
        elif asked == "plain" and (digits := text.lstrip("+-")).isdecimal() and digits[0] != "0":
            lengths.add(len(digits))
    is_grouped = len(several) >= _MANY_GROUPS and any(n <= 3 for n in lengths) and all(n <= 4 for n in lengths)
    return Evidence(**counts, example=example, is_grouped=is_grouped)


def _asked_by(text: str, thousands: str | None) -> str:
    """Return which decimal mark a text needs to be a number: the name of a field of Evidence."""
    simple = _SIMPLE.fullmatch(text)
    if simple is None and _INTEGER.fullmatch(text):
        return "plain"
    if simple and (len(simple[3]) != 3 or len(simple[1]) > 3 or simple[1][0] == "0"):
        return "point" if simple[2] == "." else "comma"
    if not _has_digits(text):
        return "neither"
    point, comma = number(text, ".", thousands), number(text, ",", thousands)
    if np.isnan(point) or np.isnan(comma):
        return "neither" if np.isnan(point) == np.isnan(comma) else "comma" if np.isnan(point) else "point"
    return "plain" if point == comma else "either"


def _is_money(text: str) -> bool:
    return re.search(_MONEY, _plain(text)) is not None


def kind_of(text: str) -> str:
    """Return how a number is written, whichever it is, so that a message need not show two of one kind.

    Examples
    --------
    >>> from fastmlp.tables.notation import kind_of
    >>> kind_of("$1,234") == kind_of("$25,000"), kind_of("5 %") == kind_of("5")
    (True, False)
    """
    return re.sub(r"\d+", "0", _plain(text))


def grouping(mark: str) -> str:
    """Return an option that says what groups digits as :func:`number` takes it: by its name, or any of its forms.

    Examples
    --------
    >>> from fastmlp.tables.notation import grouping
    >>> grouping("space"), grouping("none"), grouping("\N{RIGHT SINGLE QUOTATION MARK}")
    (' ', '', "'")
    """
    names = {"space": " ", "none": ""}
    return names[mark] if mark in names else mark.translate(_PLAIN_FORMS)


def examples(texts: Iterable[str], decimal: str, thousands: str | None = None, most: int = 3) -> dict[str, float]:
    """Return numbers in texts that other programs would not read so, one of each kind, and what they are.

    Examples
    --------
    >>> from fastmlp.tables.notation import examples
    >>> examples(["5", "$7", "$12", "(3)", "none"], ".")
    {'$7': 7.0, '(3)': -3.0}
    """
    common = _COMMON if decimal == "." else _INTEGER
    found: dict[str, tuple[str, float]] = {}
    for text in texts:
        if len(found) == most:
            break
        if common.fullmatch(text) or not _has_digits(text) or (kind := kind_of(text)) in found:
            continue
        if not np.isnan(value := _number_with_any(text, decimal, thousands)):
            found[kind] = text, value
    return dict(found.values())
