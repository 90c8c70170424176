"""What training keeps of a table's columns, a class for each kind, and how the values of other rows are read by it."""

from __future__ import annotations

import datetime
import hashlib
import math
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fastmlp.exceptions import counted
from fastmlp.registration import stored_as
from fastmlp.soundness import require
from fastmlp.tabular.dates import PARTS, date_parts, local_time, zone_of
from fastmlp.tabular.objects import of_objects
from fastmlp.tabular.values import KINDS, Values, text_of

# Texts are identifiers or prose where at most this share of the rows has a text that any other row has, too, and there
# are so many rows.
_SHARED, _ROWS = 0.1, 20
# What makes the values of a column what they were in training.
_ADVICE = {
    "numbers": "make numbers of them first, as pandas.to_numeric does",
    "texts": "make texts of them first, as X[column].astype(str) does",
    "dates": "make dates of them first, as pandas.to_datetime does",
    "spans": "make spans of them first, as pandas.to_timedelta does",
}


class Unusable(Exception):
    """Raised for a column of which nothing can be learned; the message is the reason.

    Parameters
    ----------
    reason : str
        It is kept in models, so that it has no value that is there once: that may be somebody's name.
    example : object, optional
        A value that the user is to see, to know the column by.
    """

    def __init__(self, reason: str, example: Any = None) -> None:
        super().__init__(reason)
        self.example = example


class Unknown:
    """Collects the categories that training has not seen, to say them in one warning.

    Examples
    --------
    >>> from fastmlp.tabular.learned import Unknown
    >>> unknown = Unknown()
    >>> unknown.add("k", ["b", "c"], 5)
    >>> unknown.message()
    "There are categories that training did not see; they count as missing: 'k' (2 categories in 5 rows, such as 'b')."
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, int, int, Any]] = []

    def add(self, name: str, values: list[Any], n_rows: int) -> None:
        """Note the unknown values of a column, and in how many rows they are."""
        self.found.append((name, len(values), n_rows, values[0]))

    def message(self, *, is_row: bool = False) -> str:
        """Return what is to be said; an empty text where all categories are known.

        Parameters
        ----------
        is_row : bool, default=False
            Whether all is of a single row. Then the columns alone are named: whoever predicts row by row is told of
            each column once, since Python shows the same warning once for each line of a program.
        """
        if not self.found:
            return ""
        are = [
            f"{name!r}"
            + f" ({n:,} categor{'y' if n == 1 else 'ies'} in {counted(rows)}, such as {example!r:.60})" * (not is_row)
            for name, n, rows, example in self.found[:5]
        ]
        more = f" and {counted(len(self.found) - 5, 'more column')}" * (len(self.found) > 5)
        return f"There are categories that training did not see; they count as missing: {', '.join(are)}{more}."


class LearnedColumn:
    """What training keeps of a column.

    Parameters
    ----------
    name : str
        What the column is called in messages.
    dtype : str
        Its type in training, for messages.
    """

    kind: str  # of the values that the column must have again
    #: Whether a column of codes comes of it, and none of numbers.
    is_category: ClassVar[bool] = False

    def __init__(self, name: str, dtype: str) -> None:
        self.name, self.dtype = name, dtype

    @classmethod
    def learn(cls, name: str, values: Values) -> Self:
        """Return what training keeps of a column with such values.

        Raises
        ------
        Unusable
            When all values are the same, for instance.
        ValueError
            When a number is infinite.
        """
        raise NotImplementedError

    def read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        """Return the columns of numbers, or the column of codes, that come of values.

        Parameters
        ----------
        values : Values
            Those of a column without any known value may be of any kind.
        unknown : Unknown
            It is told of categories that training has not seen.

        Raises
        ------
        ValueError
            When the values are of another kind than in training, and when a number is infinite.
        """
        if values.kind == self.kind:
            return self._read(values, unknown)
        if values.kind != "unusable" and values.missing().all():
            return self._nothing(len(values.data))
        now = values.reason if values.kind == "unusable" else f"such as {values.example()!r:.60}"
        raise ValueError(
            f"The type of column {self.name!r} has changed: in training its values were {KINDS[self.kind]}"
            f" ({self.dtype}), now they are {KINDS[values.kind]} ({values.dtype}; {now}): {_ADVICE[self.kind]}."
        )

    def _read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        """Return what comes of values of the kind of training."""
        raise NotImplementedError

    def _nothing(self, n_rows: int) -> list[NDArray]:
        """Return what comes of missing values."""
        return [np.full(n_rows, np.nan) for _ in self.output_names()]

    def read_one(self, value: Any, unknown: Unknown) -> list[Any]:
        """Return what comes of a single value, a Python object: what ``read`` makes of a column with it alone."""
        return [column[0] for column in self.read(of_objects([value]), unknown)]

    def output_names(self) -> list[str]:
        """Return the names of the columns that come of this one."""
        return [self.name]

    def described(self) -> str:
        """Return what the column is read as, in a few words."""
        raise NotImplementedError

    def check_state(self) -> None:
        """Refuse attributes that ``learn`` does not set; an object from a file may have any."""
        of = type(self).__name__
        require(type(vars(self).get("name")) is str, f"the name of a column of {of} is no text")
        require(type(vars(self).get("dtype")) is str, f"the dtype of a column of {of} is no text")


def _require_finite(name: str, data: NDArray) -> None:
    infinite = np.isinf(data)
    if infinite.any():
        raise infinity(name, int(infinite.argmax()))


def infinity(name: str, row: int) -> ValueError:
    """Return the error that an infinite number is to be told of by."""
    return ValueError(
        "Input X contains infinity or a value too large for dtype('float64'):"
        f" column {name!r} in row {row}, counted from 0."
    )


def _require_different(data: NDArray, missing: NDArray[np.bool_], example: Any) -> None:
    """Refuse a column whose values are all the same; one that is known in some rows only says something."""
    if missing.any():
        return
    if (data == data[0]).all():
        raise Unusable(f"it is {example!r:.40} in all rows")


@stored_as("tabular.Numbers")
class Numbers(LearnedColumn):
    """A column of numbers, which stay as they are."""

    kind = "numbers"

    @classmethod
    def learn(cls, name: str, values: Values) -> Self:
        """Return what training keeps of the column: that it is numbers."""
        _require_finite(name, values.data)
        _require_different(values.data, values.missing(), values.example())
        return cls(name, values.dtype)

    def _read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        _require_finite(self.name, values.data)
        return [values.data]

    def read_one(self, value: Any, unknown: Unknown) -> list[Any]:
        """Return the number; floats are by far the most frequent."""
        if isinstance(value, float) and not math.isinf(value):
            return [value]
        return super().read_one(value, unknown)

    def described(self) -> str:
        """Return what the column is read as."""
        return "number"


@stored_as("tabular.Spans")
class Spans(LearnedColumn):
    """A column of spans of time or of times of day, which become seconds."""

    kind = "spans"

    @classmethod
    def learn(cls, name: str, values: Values) -> Self:
        """Return what training keeps of the column: that it is spans."""
        _require_different(values.data, values.missing(), values.example())
        return cls(name, values.dtype)

    def _read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        return [values.data]

    def described(self) -> str:
        """Return what the column is read as."""
        return "span of time, in seconds"


@stored_as("tabular.Dates")
class Dates(LearnedColumn):
    """A column of dates, of which several numbers come.

    Parameters
    ----------
    name, dtype : str
    zone : str or None
        The time zone whose clocks the numbers are read from; None where dates have no zone.
    parts : list of str
        The names of the numbers, some of those in :data:`fastmlp.tabular.dates.PARTS`.
    """

    kind = "dates"

    def __init__(self, name: str, dtype: str, zone: str | None, parts: list[str]) -> None:
        super().__init__(name, dtype)
        self.zone, self.parts = zone, parts

    @classmethod
    def learn(cls, name: str, values: Values) -> Self:
        """Return what training keeps of the column: its zone, and which parts of its dates differ at all."""
        known = values.data[~values.missing()]
        _require_different(values.data, values.missing(), values.example())
        found = date_parts(known if values.zone is None else local_time(known, values.zone))
        # Sines of different months can be the same but for rounding.
        varying = [part for part in PARTS if np.ptp(found[part]) > (1e-9 if "_" in part else 0)]
        return cls(name, values.dtype, values.zone, varying or ["elapsed"])

    def _read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        if (values.zone is None) != (self.zone is None):
            before, now = ("no time zone" if zone is None else f"the zone {zone}" for zone in (self.zone, values.zone))
            raise ValueError(
                f"The type of column {self.name!r} has changed: in training its dates had {before} ({self.dtype}), now"
                f" they have {now} ({values.dtype}): give them a zone, or take it away, as dt.tz_localize of pandas"
                " does."
            )
        found = date_parts(values.data if self.zone is None else local_time(values.data, self.zone))
        return [found[part] for part in self.parts]

    def output_names(self) -> list[str]:
        """Return the names of the numbers: "date.year", "date.month_sin"."""
        return [f"{self.name}.{part}" for part in self.parts]

    def described(self) -> str:
        """Return what the column is read as, with the names of the numbers."""
        return f"date: {', '.join(self.parts)}"

    def check_state(self) -> None:
        """Refuse attributes that ``learn`` does not set; an object from a file may have any."""
        super().check_state()
        parts, zone = vars(self).get("parts"), vars(self).get("zone", 0)
        sound = type(parts) is list and bool(parts) and all(type(part) is str and part in PARTS for part in parts)
        require(sound and len(set(parts or [])) == len(parts or []), "the parts of a column of dates are none", parts)
        require(zone is None or type(zone) is str, "the zone of a column of dates is no text", zone)
        if zone is not None:
            zone_of(zone)


@stored_as("tabular.Categories")
class Categories(LearnedColumn):
    """A column of categories, which become codes: k for the k-th category, 0 for what is missing or unknown.

    Parameters
    ----------
    name, dtype : str
    categories : list of str or list of float
        The known categories, sorted.
    rare : ndarray of uint64
        Hashes of the values that training saw and that are no categories, sorted: these have code 0, but nothing is
        said of them. The values themselves are not kept, since a text that is there once may be somebody's name.
    is_mixed : bool
        Whether categories are texts that stand for values of several types.
    """

    is_category = True
    # The codes by category, made when they are needed first; no file has them.
    _codes: dict[Any, int] | None = None
    _hashes: frozenset[int] | None = None

    def __init__(self, name: str, dtype: str, categories: list[Any], rare: NDArray, is_mixed: bool) -> None:
        super().__init__(name, dtype)
        self.categories, self.rare, self.is_mixed = categories, rare, is_mixed

    @property
    def kind(self) -> str:  # type: ignore[override]
        """What the categories are, "numbers" or "texts"."""
        return "numbers" if type(self.categories[0]) is float else "texts"

    def _nothing(self, n_rows: int) -> list[NDArray]:
        return [np.zeros(n_rows, np.int32)]

    @classmethod
    def learn(cls, name: str, values: Values, max_categories: int = 1000) -> Self:
        """Return what training keeps of the column: those categories that several rows have."""
        if values.kind not in ("numbers", "texts"):
            raise ValueError(
                f"categorical_features names {name!r}, whose values are {KINDS[values.kind]} ({values.dtype}): only"
                " numbers and texts can be categories; make texts of them first, as X[column].astype(str) does."
            )
        different, places = _places(name, values)
        counts = np.bincount(places[places >= 0], minlength=len(different))
        n_known, n_shared = int(counts.sum()), int(counts[counts > 1].sum())
        if n_known == len(places) and (counts > 0).sum() == 1:
            raise Unusable(f"it is {different[int(counts.argmax())]!r:.40} in all rows")
        if n_shared == 0 or (n_known >= _ROWS and n_shared <= _SHARED * n_known):
            twice = f"{'hardly any' if n_shared else 'none'} comes twice"
            raise Unusable(
                f"of its {counted(n_known, 'value')} {twice}{_hint(different)}",
                example=different[int(np.flatnonzero(counts)[0])],
            )
        # Those that several rows have, the most frequent ones of them; equally frequent ones in their own order.
        order = sorted(np.flatnonzero(counts > 1).tolist(), key=lambda k: (-counts[k], different[k]))
        kept = order[:max_categories]
        others = sorted(set(np.flatnonzero(counts).tolist()).difference(kept))
        rare = np.unique(np.array([_hash(different[k]) for k in others], np.uint64))
        return cls(name, values.dtype, sorted(different[k] for k in kept), rare, values.is_mixed)

    def _read(self, values: Values, unknown: Unknown) -> list[NDArray]:
        different, places = _places(self.name, values)
        if not different:
            return [np.zeros(len(places), np.int32)]
        codes_of = self._codes_of()
        codes = np.fromiter((codes_of.get(value, -1) for value in different), np.int32, len(different))
        if (codes < 0).any():
            counts = np.bincount(places[places >= 0], minlength=len(different))
            new = [k for k in np.flatnonzero((codes < 0) & (counts > 0)) if _hash(different[k]) not in self._rare()]
            if new:
                unknown.add(self.name, [different[k] for k in new], int(counts[new].sum()))
            codes = np.maximum(codes, 0)
        return [np.append(codes, np.int32(0))[places]]

    def read_one(self, value: Any, unknown: Unknown) -> list[Any]:
        """Return the code; known texts are by far the most frequent values."""
        if isinstance(value, str):
            if self.kind == "texts" and (code := self._codes_of().get(value)) is not None:
                return [code]
        elif self.is_mixed and not of_objects([value]).missing()[0]:
            value = text_of(value)
        return super().read_one(value, unknown)

    def described(self) -> str:
        """Return how many categories are known, and how many values of training are none."""
        n_rare = len(self.rare)
        others = f"; {n_rare:,} other{'s' * (n_rare > 1)} count{'s' * (n_rare == 1)} as missing" * bool(n_rare)
        return f"category, {len(self.categories):,} known{others}"

    def check_state(self) -> None:
        """Refuse attributes that ``learn`` does not set; an object from a file may have any."""
        super().check_state()
        known, rare = vars(self).get("categories"), vars(self).get("rare")
        are_known = type(known) is list and bool(known)
        cls = type(known[0]) if are_known and known else None
        sound = cls in (str, float) and all(type(value) is cls for value in known or [])
        require(sound, f"the categories of column {self.name!r} are neither texts nor numbers")
        ascending = all(a < b for a, b in pairwise(known or []))
        require(ascending, f"the categories of column {self.name!r} are not in order")
        is_array = type(rare) is np.ndarray and rare.dtype == np.uint64 and rare.ndim == 1
        require(is_array, f"the rare categories of column {self.name!r} are no hashes")
        mixed = vars(self).get("is_mixed")
        require(type(mixed) is bool and not (mixed and self.kind == "numbers"), "is_mixed of a column is wrong", mixed)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_codes", "_hashes")}

    def _codes_of(self) -> dict[Any, int]:
        if self._codes is None:
            self._codes = {value: code for code, value in enumerate(self.categories, 1)}
        return self._codes

    def _rare(self) -> frozenset[int]:
        if self._hashes is None:
            self._hashes = frozenset(self.rare.tolist())
        return self._hashes


def _hint(values: list[Any]) -> str:
    """Return what makes numbers or dates of texts, if the first few are such; else an empty text."""
    for reader, what, function in (
        (float, "numbers", "numeric"),
        (datetime.datetime.fromisoformat, "dates", "datetime"),
    ):
        try:
            for text in values[:20]:
                reader(text)
        except (ValueError, TypeError):
            continue
        return f": they are {what} written as texts, which pandas.to_{function} reads" * (type(values[0]) is str)
    return ""


def _places(name: str, values: Values) -> tuple[list[Any], NDArray]:
    """Return the different values of a column, and their places among them, -1 for a missing value."""
    if values.kind == "texts":
        return values.texts, values.data
    _require_finite(name, values.data)
    missing = values.missing()
    different, found = np.unique(values.data[~missing], return_inverse=True)
    places = np.full(len(missing), -1, np.int32)
    places[~missing] = found
    return different.tolist(), places


def _hash(value: Any) -> int:
    """Return 8 bytes that are the same for the same category in every process."""
    text = value if isinstance(value, str) else repr(float(value))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
