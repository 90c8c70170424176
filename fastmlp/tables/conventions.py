"""The decimal mark of each column of a table is found here, for numbers that are written as texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from fastmlp.tables.frames import log
from fastmlp.tables.notation import DECIMALS, Evidence, examples, kind_of, number


def decimals_of(
    columns: Mapping[str, Evidence], *, known: Mapping[str, str] | None = None, hint: str | None = None
) -> dict[str, str]:
    """Return the decimal marks of columns, where it matters which they have.

    A column says it by numbers that have one of the marks alone. Where all of its numbers could have either, as 25,000
    could, it has what training knew (``known``); else what most other columns of numbers have; else the hint's; else a
    point. A table that contradicts what training knew, and nowhere agrees with it, is taken to be written otherwise.

    Parameters
    ----------
    columns : mapping
        For each column's name, the evidence in its texts, from :func:`fastmlp.tables.notation.evidence_in`.
    known : mapping, default=None
        The marks of some columns, as training knew them.
    hint : {".", ","}, default=None
        The mark that the file speaks for: a comma, where semicolons separate the fields.

    Examples
    --------
    >>> from fastmlp.tables.conventions import decimals_of
    >>> from fastmlp.tables.notation import evidence_in
    >>> price, size = evidence_in(["25,000", "1,500"]), evidence_in(["1,5", "2"])
    >>> decimals_of({"price": price}), decimals_of({"price": price, "size": size})
    ({'price': '.'}, {'price': ',', 'size': ','})
    >>> decimals_of({"price": price}, known={"price": ","})
    {'price': ','}
    """
    known = {name: mark for name, mark in (known or {}).items() if name in columns}
    own = {name: evidence.decided() for name, evidence in columns.items()}
    against = {name for name, mark in known.items() if columns[name].asks_for(_other(mark))}
    agreed = {name for name, mark in known.items() if columns[name].asks_for(mark)}
    is_contrary = bool(against) and not agreed
    votes = [own[name] for name, evidence in columns.items() if evidence.is_of_numbers()]
    of_file = _most(votes) or _most(known.values()) or hint or "."
    decided = {}
    for name, evidence in columns.items():
        if name in known:
            decided[name] = _other(known[name]) if is_contrary or name in against - agreed else known[name]
        elif evidence.point or evidence.comma or evidence.either:
            decided[name] = own[name] or of_file
    return decided


def _other(mark: str) -> str:
    return DECIMALS[1 - DECIMALS.index(mark)]


def _most(votes: Iterable[str]) -> str:
    """Return the mark that most votes are for; "" if both have as many."""
    counts = Counter(votes)
    return "" if counts["."] == counts[","] else max(DECIMALS, key=counts.__getitem__)


def tell(
    name: str, evidence: Evidence, texts: Iterable[str], decimal: str, thousands: str | None, is_given: bool
) -> None:
    """Say how the numbers of a column are read, where other programs might read them otherwise.

    Parameters
    ----------
    name : str
        The name of the column.
    evidence : Evidence
        The evidence in the column's texts.
    texts : iterable of str
        The column's values.
    decimal, thousands : str
        The marks, as :func:`fastmlp.tables.notation.number` takes them.
    is_given : bool
        Whether the user has given the decimal mark, so that no other needs to be mentioned.
    """
    read = examples(texts, decimal, thousands)
    text, other = evidence.example, _other(decimal)
    if evidence.either and evidence.point == evidence.comma and not is_given:
        value, otherwise = number(text, decimal, thousands), number(text, other, thousands)
        log.info("column %r: %r is read as %.12g; --decimal %s makes it %.12g", name, text, value, other, otherwise)
        read = {other: value for other, value in read.items() if kind_of(other) != kind_of(text)}
    if read:
        log.info("column %r: %s", name, ", ".join(f"{text!r} is read as {value:.12g}" for text, value in read.items()))
