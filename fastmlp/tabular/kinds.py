"""The kinds of members that an ensemble for a table has: what each of them sees of a table, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from fastmlp.callbacks import EarlyStopping
from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, require
from fastmlp.tabular.columns import TypedTable


@stored_as("tabular.Kind")
@dataclass(frozen=True)
class Kind:
    """A kind of member: what it sees of a table, and its network.

    Networks see every category. What else they see differs, since no single way is the best for every table. Boosting
    is a network without hidden layers, which sees the leaves of its trees alone.
    """

    name: str
    #: The encoders of numbers, names from ENCODERS of the module encoding.
    numbers: tuple[str, ...]
    #: Encoders whose codes are categories.
    codes: tuple[str, ...] = field(default_factory=tuple)
    #: The trees whose leaves are categories, a name from TREES of the module encoding.
    trees: str | None = field(default_factory=lambda: None)
    #: The units that each column has of its own in the first layer; None where all columns share the units.
    embedding_size: int | None = field(default_factory=lambda: None)
    hidden_layer_sizes: tuple[int, ...] = field(default_factory=lambda: (96, 96))
    #: For batches of 64 rows; larger ones learn at a higher rate.
    learning_rate_init: float = field(default_factory=lambda: 0.001)
    #: After so many epochs in which the loss on the rows left out has not fallen, training ends.
    patience: int = field(default_factory=lambda: 8)
    #: Which tables the kind is for, a name from NEEDS; None for all.
    needs: str | None = field(default_factory=lambda: None)

    @property
    def is_boosting(self) -> bool:
        """Whether its trees predict by themselves: its network has nothing behind the leaves."""
        return not self.hidden_layer_sizes

    def check_state(self) -> None:
        """Refuse attributes that no kind has; a file may say anything."""
        state = vars(self)
        require(set(state) == set(self.__dataclass_fields__), "a Kind has other attributes", sorted(state))
        for name in ("numbers", "codes"):
            names = state[name]
            sound = type(names) is tuple and all(type(each) is str for each in names)
            require(sound, f"{name} of a Kind are no names", names)
        require(type(self.name) is str and type(self.trees) in (str, type(None)), "name or trees of a Kind is no name")
        sizes = self.hidden_layer_sizes
        require(type(sizes) is tuple and all(map(is_count, sizes)), "hidden_layer_sizes of a Kind are none", sizes)
        require(self.embedding_size is None or is_count(self.embedding_size), "embedding_size of a Kind is none")


def _has_spikes(table: TypedTable) -> bool:
    """Whether a number of a table, of more than two different values, has one value in a fifth of the rows or more."""
    for column in table.numbers.T:
        different, counts = np.unique(column[~np.isnan(column)], return_counts=True)
        if len(different) > 2 and counts.max() >= _SPIKE * len(column):
            return True
    return False


_SPIKE = 0.2
#: What kinds of members may need of a table. They would cost time with others, and hardly ever have a weight there.
NEEDS: dict[str, Callable[[TypedTable], bool]] = {"spikes": _has_spikes}


class Effort(NamedTuple):
    """How much is done for a table."""

    kinds: tuple[Kind, ...]
    n_folds: int
    #: Whether kinds that have little to add in the first folds are trained for no others.
    has_trial: bool = True


_BOOSTED = tuple(
    Kind(name, (), trees=name, hidden_layer_sizes=()) for name in ("symmetric boosting", "boosting", "random boosting")
)
_TREES = Kind("trees", ("scaled", "ranked"), trees="boosted", patience=5)
_BINS = Kind("bins", ("bins", "scaled"), hidden_layer_sizes=(64, 64))
_RANDOM_TREES = Kind("random trees", ("scaled", "ranked"), trees="random", patience=5)
_VALUES = Kind("values", ("mixed",), ("frequent",), embedding_size=8, learning_rate_init=0.002, needs="spikes")
_OWN_BINS = Kind("own bins", ("mixed",), embedding_size=8, learning_rate_init=0.002)
_OWN_TREES = Kind("own trees", ("scaled", "ranked"), trees="boosted", embedding_size=8, learning_rate_init=0.002)
_PLAIN = Kind("plain", ("scaled", "ranked"))

EFFORTS: dict[str, Effort] = {
    "fast": Effort(_BOOSTED[:2], 4),
    "default": Effort((*_BOOSTED, _TREES, _BINS, _VALUES), 8),
    "best": Effort(
        (*_BOOSTED, _TREES, _BINS, _RANDOM_TREES, replace(_VALUES, needs=None), _OWN_BINS, _OWN_TREES, _PLAIN),
        16,
        has_trial=False,
    ),
}


def kinds_for(effort: str, table: TypedTable, *, boosting: bool) -> tuple[Kind, ...]:
    """Return the kinds of an effort that are for a table.

    Parameters
    ----------
    effort : str
    table : TypedTable
    boosting : bool
        Whether boosted trees make the loss small that is asked for. Where none do, and there is nothing else, there are
        networks on bins.
    """
    kinds = (kind for kind in EFFORTS[effort].kinds if boosting or not kind.is_boosting)
    return tuple(kind for kind in kinds if kind.needs is None or NEEDS[kind.needs](table)) or (_BINS,)


def band_kinds(effort: str) -> tuple[Kind, ...]:
    """Return the kinds of members that learn quantiles for intervals.

    Leaves of trees tell of the targets that trees have seen, and so make noise seem less than it is: alone, members
    with trees predict quantiles that lie too near to each other.
    """
    return (_BINS,) if effort == "fast" else (_BINS, _TREES)


def member_parameters(kind: Kind, n_rows: int) -> dict[str, Any]:
    """Return the parameters of the network of a member of a kind that learns from so many rows.

    Training stops when the loss of the averaged weights on the rows left out no longer falls. Weights are drawn to 0 as
    by a prior whose weight is that of a number of rows, whatever their number and the size of a batch.

    Examples
    --------
    >>> from fastmlp.tabular.kinds import EFFORTS, member_parameters
    >>> kind = EFFORTS["default"].kinds[-1]
    >>> member_parameters(kind, 1000)["batch_size"], member_parameters(kind, 100_000)["batch_size"]
    (32, 1024)
    """
    batch_size = min(int(np.clip(2 ** round(np.log2(max(1, n_rows) / 40)), 32, 1024)), n_rows)
    steps = -(-n_rows // batch_size)
    patience = int(np.clip(1e6 / n_rows, 4, kind.patience))
    return {
        "hidden_layer_sizes": kind.hidden_layer_sizes,
        "embedding_size": kind.embedding_size,
        "learning_rate_init": kind.learning_rate_init * float(np.clip(np.sqrt(batch_size / 64), 1, 2)),
        "dropout": 0.1,
        "batch_size": batch_size,
        "dtype": "float32",
        "alpha": 5.0 * batch_size / n_rows,
        "ema": float(np.clip(1 - 1 / (8 * steps), 0.8, 0.9995)),
        "max_iter": int(np.clip(1e8 / n_rows, 20, 300)),
        "callbacks": [EarlyStopping(patience=patience)],
        "n_jobs": 1,
    }
