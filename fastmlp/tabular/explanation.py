"""Explanation: what each column of a table adds to the predictions for its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from fastmlp.exceptions import counted
from fastmlp.inputs.columns import EncodedColumns
from fastmlp.tabular.columns import TableColumns
from fastmlp.tabular.contributions import ColumnChanges
from fastmlp.tabular.encoding import SharedColumns, TableEncoding, columns_of
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.quotients import MixedClasses, Readout, Tail

# The pieces of the way from the base to a row.
_N_PIECES = 16
# So many rows are encoded at a time.
_ROWS_ENCODED = 2048
# So many rows, or rows times targets, are explained at a time: what is kept of them stays small.
_ROWS_AT_ONCE = 32

Array = NDArray[np.float64]


class Read(Protocol):
    """What makes predictions of the outputs of an ensemble's members."""

    def __call__(self, outputs: Sequence[Array], rows: slice) -> Readout:
        """Return the predictions for some of the rows, given each member's outputs for them."""


@dataclass(frozen=True, repr=False)
class Explanation:
    """What each column adds to predictions, beginning with what is predicted for an average row.

    The average row has, column for column, the average of the rows that were learned from, as the members encode them.
    The arrays have the names that the package shap gives them.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs)
        Numbers in the unit of the target; for classes, log-odds: of the second of two classes, of each of more.
    base_values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The predictions for the average row, the same for all rows.
    data : ndarray of shape (n_samples, n_features)
        The rows, as objects.
    feature_names : list of str
    output_names : list of str
        Of what the predictions are: the classes, of two only the second; the numbers of several targets of a regressor;
        nothing where it has a single one.
    is_log_odds : bool
        Whether predictions are log-odds of classes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.explanation import Explanation
    >>> explanation = Explanation(np.array([[2.0, -1.0]]), np.array([3.0]), np.array([[7, 8]]), ["a", "b"])
    >>> explanation.predictions, explanation.importances
    (array([4.]), array([2., 1.]))
    >>> explanation
    Explanation of 1 row: what each of 2 columns adds to the prediction
    >>> explanation.to_frame()
         a    b
    0  2.0 -1.0
    """

    values: Array
    base_values: Array
    data: NDArray[Any]
    feature_names: list[str]
    output_names: list[str] = field(default_factory=list)
    is_log_odds: bool = False

    @property
    def predictions(self) -> Array:
        """What is predicted for the rows: the base values and the values of all columns together."""
        return self.base_values + self.values.sum(axis=1)

    def __repr__(self) -> str:
        of = f"log-odds of {self.output_names!r:.100}" if self.is_log_odds else "prediction"
        if not self.is_log_odds and self.values.ndim == 3:
            of += f"s of {counted(self.values.shape[2], 'target')}"
        rows, columns = map(counted, self.values.shape[:2], ("row", "column"))
        return f"Explanation of {rows}: what each of {columns} adds to the {of}"

    def to_frame(self) -> Any:
        """Return what columns add as a pandas.DataFrame, with a row for each row of the table.

        Its columns are those of the table; of several outputs, each of these with the columns of the table below it.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        import pandas  # noqa: PLC0415 - it takes long

        if self.values.ndim == 2:
            return pandas.DataFrame(self.values, columns=self.feature_names)
        columns = pandas.MultiIndex.from_product([self.output_names, self.feature_names])
        return pandas.DataFrame(self.values.swapaxes(1, 2).reshape(len(self.values), -1), columns=columns)

    @property
    def importances(self) -> Array:
        """The mean of the values' sizes over all rows, (n_features,) or (n_features, n_outputs)."""
        return np.abs(self.values).mean(axis=0)


def column_values(
    ensemble: TargetEnsemble,
    members: Sequence[Member],
    shared: SharedColumns,
    encoding: TableEncoding,
    columns: TableColumns,
    read: Read,
    *,
    n_pieces: int = _N_PIECES,
    n_jobs: int = 1,
) -> tuple[Array, Array]:
    """Return what each column of a table adds to what members make of rows: integrated gradients from an average row.

    Parameters
    ----------
    ensemble : TargetEnsemble
    members : sequence of Member
        Those of its members that are asked.
    shared : SharedColumns
        What members see of the rows.
    encoding : TableEncoding
    columns : TableColumns
    read : callable
        It makes predictions of the members' outputs.
    n_pieces : int >= 1, default=16
        The pieces of the way from the average row to each other. Values always sum up to the difference of predictions;
        of how they are shared out, 16 pieces leave an error of about 0.1 %.
    n_jobs : int, default=1
        The number of threads, on which results do not depend.

    Returns
    -------
    values : ndarray of shape (n_rows, n_features, n_targets)
    base : ndarray of shape (n_rows, n_targets)
        What is read for the average row.
    """
    walks = [_Walk(member, ensemble, encoding, columns) for member in members]
    at_once = max(1, _ROWS_AT_ONCE // ensemble.n_outputs)
    found: list[tuple[Array, Array]] = []
    for start in range(0, len(shared), _ROWS_ENCODED):
        seen = shared.take(slice(start, start + _ROWS_ENCODED))
        encoded = [columns_of(walk.member.kind, walk.member.fold, seen, ensemble.trees_) for walk in walks]
        pieces = [slice(first, first + at_once) for first in range(0, len(seen), at_once)]
        found += Parallel(n_jobs=n_jobs, backend="threading")(
            delayed(_explained)(
                walks,
                [X.take(piece) for X in encoded],
                partial(read, rows=slice(start + piece.start, start + min(piece.stop, len(seen)))),
                n_pieces,
            )
            for piece in pieces
        )
    values, base = zip(*found, strict=True)
    return np.concatenate(values), np.concatenate(base)


def _explained(
    walks: Sequence[_Walk], encoded: Sequence[EncodedColumns], read: Callable[[Sequence[Array]], Readout], n_pieces: int
) -> tuple[Array, Array]:
    """Return the values of columns and what is read for the average row, given each member's view of the rows."""
    points = np.linspace(0, 1, n_pieces + 1)[:, np.newaxis]
    outputs: list[Array] = []
    ways_back: list[tuple[Array, list[Array]]] = []
    for walk, X in zip(walks, encoded, strict=True):
        changes = walk.columns.changes(X)
        products = walk.columns.base + points * walk.columns.total(changes)[:, np.newaxis]
        found, steps = walk.tail.forward(products)
        outputs.append(found)
        ways_back.append((changes, steps))
    predictions, gradients = read(outputs)
    values: Any = 0
    for walk, X, (changes, steps), of_member in zip(walks, encoded, ways_back, gradients, strict=True):
        values = values + walk.columns.values(changes, X, walk.tail.back(of_member, steps))
    return values, predictions[:, 0]


def mixed_classes(ensemble: TargetEnsemble, members: Sequence[Member]) -> MixedClasses:
    """Return what makes probabilities of the outputs of some members of an ensemble, whose weights sum up to 1."""
    return MixedClasses(
        shares(members),
        [np.asarray(member.network.classes_, dtype=np.intp) for member in members],
        ensemble.n_outputs,
        ensemble.temperature_,
    )


def shares(members: Sequence[Member]) -> list[float]:
    """Return the weights of members, as parts of 1."""
    total = sum(member.weight for member in members)
    return [member.weight / total for member in members]


class _Walk:
    """A member of an ensemble, with what its explanations need."""

    def __init__(
        self, member: Member, ensemble: TargetEnsemble, encoding: TableEncoding, columns: TableColumns
    ) -> None:
        network, kind = member.network.to_network(), member.kind
        numbers, categories = columns.number_sources_, columns.category_sources_
        sources = [numbers[i] for name in kind.numbers for i in encoding.encoders_[name].sources_]
        sources += categories
        sources += [numbers[i] for name in kind.codes for i in encoding.encoders_[name].sources_]
        trees = None if kind.trees is None else ensemble.trees_.trees_[member.fold, kind.trees]
        self.member = member
        self.tail = Tail(network)
        self.columns = ColumnChanges(
            network, member.mean_inputs, sources, trees, [*numbers, *categories], len(columns.columns_)
        )
