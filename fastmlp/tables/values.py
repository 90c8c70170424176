"""A column's values are turned into numbers and texts here, and texts that are the same value are found.

Two texts are the same value where a reader sees no difference: ``TRUE`` and ``true``, ``1`` and ``1.0``, an accent as a
character of its own or as part of a letter, one blank or two, ``2024-01-31`` and ``2024-01-31T00:00:00``. They are not
where a reader may see one: ``01`` and ``1``, ``1.1`` and ``1.10``, the alleles ``A`` and ``a``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.frames import import_pandas
from fastmlp.tables.notation import numbers_in

#: These are cut off at both ends of a text: blanks of all kinds, and characters without width.
BLANKS = " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)

_NO_WIDTH = re.compile("[\u200b\u2060\ufeff\xad]")
_WHOLE = re.compile(r"\+?(-?(?:0|[1-9]\d*))(?:\.0*)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|\+00:?00)?")
_LETTERS = re.compile(r"[^\W\d_]")
# Pairs of short answers: in a column that has only such, small and capital letters do not tell them apart.
_ANSWERS = [frozenset(pair.split()) for pair in ("y n", "t f", "m f", "m w", "j n", "s n", "o n", "m w d", "m f x")]
_SHORT_WORDS = frozenset({"no", "on", "ja", "si", "s\u00ed", "da", "ne", "un"})
_LETTERS_OF_A_WORD = 3


def numbers_of(values: Any, decimal: str = ".", thousands: str | None = None) -> NDArray:
    """Return a column's numbers as float64, NaN for values that are none.

    Parameters
    ----------
    values : array-like
    decimal, thousands : str
        The marks in texts of numbers, as :func:`fastmlp.tables.notation.number` takes them.

    Examples
    --------
    >>> from fastmlp.tables import numbers_of
    >>> numbers_of(["1", "2.5e3", "many"])
    array([1.0e+00, 2.5e+03,     nan])
    >>> numbers_of(["25.000,50", "3"], decimal=",")
    array([2.50005e+04, 3.00000e+00])
    """
    pandas = import_pandas()
    series = pandas.Series(values)
    if series.dtype.kind in "mM":
        return np.full(len(series), np.nan)
    if series.dtype.kind in "biuf":
        return pandas.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return numbers_in(texts_of(series), decimal, thousands)


def texts_of(values: Any) -> NDArray:
    """Return a column's values as texts in an object array, "" for missing ones.

    Whole numbers of a column that has no others have no point. Blanks around texts are cut off.

    Examples
    --------
    >>> from fastmlp.tables import texts_of
    >>> texts_of([1.0, None]).tolist(), texts_of(["1.0", " x"]).tolist()
    (['1', ''], ['1.0', 'x'])
    """
    pandas = import_pandas()
    series = pandas.Series(values)
    missing = series.isna().to_numpy(bool)
    if series.dtype.kind == "f":
        numbers = series[~missing].to_numpy(np.float64)
        if (np.mod(numbers, 1, where=np.isfinite(numbers), out=np.ones_like(numbers)) == 0).all():
            texts = np.full(len(series), "", object)
            texts[~missing] = [str(int(number)) for number in numbers]
            return texts
    texts = np.array([_text(value) for value in series] if series.dtype == object else series.astype(str), object)
    texts[missing] = ""
    return texts if series.dtype.kind in "biufmM" else np.array([text.strip(BLANKS) for text in texts], object)


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def is_numeric(column: Any) -> bool:
    """Return whether a column holds numbers as such, and not texts of them."""
    return getattr(column.dtype, "kind", "O") in "iuf"


# ---- what is the same --------------------------------------------------------------------------------------------


def form_of(text: str) -> str:
    """Return the form that a text shares with those that are the same character by character to a reader.

    Examples
    --------
    >>> from fastmlp.tables.values import form_of
    >>> form_of("New  York"), form_of("1.0"), form_of("01"), form_of("1.10"), form_of("2024-01-31T12:30:00.000Z")
    ('New York', '1', '01', '1.10', '2024-01-31 12:30Z')
    """
    if not text.isascii():
        text = _NO_WIDTH.sub("", unicodedata.normalize("NFC", text))
    text = " ".join(text.split())
    if (whole := _WHOLE.fullmatch(text)) is not None:
        return "0" if whole[1] == "-0" else whole[1]
    time = _TIME.fullmatch(text)
    return text if time is None else _form_of_time(time)


def _form_of_time(time: re.Match) -> str:
    """Return the form of a time as ISO 8601 has it, which programs write with more or fewer of its zeros."""
    day, minute, second, fraction, zone = time.groups("")
    seconds = f"{second}.{fraction}".rstrip("0.") if fraction.strip("0") else second
    clock = minute if seconds in ("", "00") else f"{minute}:{seconds}"
    return day + (f" {clock}" if clock != "00:00" or zone else "") + ("Z" if zone else "")


def _is_word(form: str) -> bool:
    """Return whether a text is a word, which small and capital letters hardly tell from another."""
    if form.casefold() in _SHORT_WORDS:
        return True
    return len(_LETTERS.findall(form)) >= _LETTERS_OF_A_WORD


def _is_written_as_a_word(form: str) -> bool:
    return form in (form.lower(), form.upper(), form.capitalize(), form.title(), form.casefold())


def spellings(texts: NDArray) -> dict[str, str]:
    """Return, for texts that are other spellings of one that comes more often, that more frequent text.

    Small and capital letters are the same in words of three letters or more, and in answers such as y and n; but not in
    a column that uses them to tell values apart, as genotypes do, or that would be left with a single value.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables.values import spellings
    >>> spellings(np.array(["true", "TRUE", "false", "true", "1", "1.0", "01", "a", "A"], object))
    {'TRUE': 'true', '1.0': '1'}
    """
    counts = import_pandas().Series(texts[texts != ""]).value_counts(sort=False)  # in the order of appearance
    forms = {text: form_of(text) for text in counts.index}
    folded = _folded(set(forms.values()))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for text, form in forms.items():
        groups[folded.get(form, form)].append(text)
    found: dict[str, str] = {}
    for group in groups.values():
        best = max(group, key=lambda text: counts[text])  # of several that come as often, the first
        found |= {text: best for text in group if text != best}
    return found


def _folded(forms: set[str]) -> dict[str, str]:
    """Return, for those forms that small and capital letters do not tell apart, what they have in common."""
    letters = {form.casefold() for form in forms}
    are_answers = any(letters <= answers for answers in _ANSWERS)
    words = {form: form.casefold() for form in forms if are_answers or _is_word(form)}
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for form, common in words.items():
        groups[common].append(form)
    several = [group for group in groups.values() if len(group) > 1]
    if len(letters) < 2 or any(not _is_written_as_a_word(form) for group in several for form in group):
        return {}
    return words


def matches(texts: Iterable[str], known: list[str], decimal: str = ".") -> dict[str, str]:
    """Return, for texts that are not known as they are, the known text that each of them is in another spelling.

    Spelled otherwise is what :func:`spellings` takes for the same; and, where that leaves nobody in doubt, a number
    that is written otherwise: 7 where 07 is known.

    Examples
    --------
    >>> from fastmlp.tables.values import matches
    >>> matches(["10", "7", "a1", "B"], ["01", "07", "10", "A1", "b"])
    {'7': '07'}
    >>> matches(["TRUE", "1,50"], ["True", "1.5"])
    {'TRUE': 'True', '1,50': '1.5'}
    """
    are_known = set(known)
    others = dict.fromkeys(text for text in texts if text and text not in are_known)
    found: dict[str, str] = {}
    if not others:
        return found
    forms, letters = _only(known, form_of), _only(known, _letters)
    of_known = set(map(_letters, known))
    for text in others:
        match = forms.get(form_of(text))
        if match is None and _is_case_blind(text, of_known):
            match = letters.get(_letters(text))
        if match is not None:
            found[text] = match
    rest = [text for text in others if text not in found]
    numbers = dict(zip(rest, _exact_numbers(rest, decimal), strict=True))
    by_number = _only(known, dict(zip(known, _exact_numbers(known, decimal), strict=True)).__getitem__)
    return found | {text: by_number[key] for text, key in numbers.items() if key is not None and key in by_number}


def _letters(text: str) -> str:
    return form_of(text).casefold()


def _is_case_blind(text: str, of_known: set[str]) -> bool:
    return _is_word(form_of(text)) or any(of_known | {_letters(text)} <= answers for answers in _ANSWERS)


def _only(known: list[str], key: Callable[[str], Any]) -> dict[Any, str]:
    """Return the known texts by a key, without those that share their key with another."""
    keys = [key(text) for text in known]
    counts = Counter(keys)
    return {each: text for each, text in zip(keys, known, strict=True) if counts[each] == 1}


def _exact_numbers(texts: list[str], decimal: str) -> list[float | None]:
    """Return the numbers of texts; None for texts that are none, or so large that others are the same in float64."""
    numbers = numbers_in(np.array(texts, object), decimal)
    return [float(number) if abs(number) < 2**53 else None for number in numbers]
