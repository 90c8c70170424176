"""A linear readout of units that nobody trains, solved in closed form: ridge regression from sums over the rows.

The random layer of an extreme learning machine, the Gaussian units of a radial basis network and the reservoir of an
echo state network are all read out so. All of it is in float64, since sums of squares hold only half of the digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.exceptions import SingularReadoutWarning, counted, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require
from fastmlp.threads import single_threaded_blas

# Rows are summed in blocks of about so many bytes, which stay in a core's cache for all the panels of a product; but
# not of fewer rows than these, for which reading and writing the sums would take longer than making them.
_BLOCK_BYTES = 4 << 20
_LEAST_ROWS = 128

_TOO_LARGE = "the squares of units or targets are too large for float64; scale X or y down."


class Solution(NamedTuple):
    """A readout: outputs are units @ coefs + intercepts."""

    #: Of shape (n_units, n_outputs), float64.
    coefs: NDArray
    #: Of shape (n_outputs,).
    intercepts: NDArray
    #: The strength of the penalty that was taken.
    alpha: float
    #: The error that generalised cross-validation expects on other rows, the mean of squares; None for a single alpha.
    error: float | None = None


@stored_as("zoo.RidgeReadout")
class RidgeReadout:
    """The sums from which a ridge regression of targets on units is solved, for any strength of the penalty.

    It minimises sum_i w_i ||y_i - coefs^T h_i - intercepts||^2 + alpha ||coefs||^2 over all rows that were added, as
    :class:`sklearn.linear_model.Ridge` does: the intercepts are not penalised, and alpha does not grow with the rows.

    Rows come in blocks. What is kept of them is a square matrix, the sums of all products of two columns among the
    units, the targets and a column of ones, so it takes no more memory for more rows, and to add rows in one call or
    in many is the same but for rounding. The first block's means are taken off all rows beforehand, since sums of
    squares about a far-off origin would have few digits left for the spread.

    Attributes
    ----------
    n_units, n_outputs : int
        Those of the rows that have been added, 0 before.
    n_rows : int
        How many rows have been added; those of weight 0 do not count.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.readout import RidgeReadout
    >>> H = np.random.default_rng(0).standard_normal((100, 3))
    >>> readout = RidgeReadout()
    >>> for block in np.array_split(H, 4):
    ...     readout.add(block, block @ [[1.0], [2.0], [3.0]] + 4)
    >>> coefs, intercepts, *_ = readout.solve(alpha=0)
    >>> coefs.round(6).ravel(), intercepts.round(6)
    (array([1., 2., 3.]), array([4.]))
    """

    def __init__(self) -> None:
        self.n_units = self.n_outputs = self.n_rows = 0
        # What is taken off units and targets, and the sums on and above the diagonal: of ones, units, targets.
        self.shift: NDArray | None = None
        self.sums: NDArray | None = None

    def add(self, units: NDArray, targets: NDArray, weights: NDArray | None = None, *, n_threads: int = 1) -> None:
        """Add rows.

        Parameters
        ----------
        units : ndarray of shape (n_rows, n_units), float32 or float64
        targets : ndarray of shape (n_rows, n_outputs)
        weights : ndarray of shape (n_rows,), default=None
            At least 0. A row of weight w counts as w rows.
        n_threads : int, default=1
            The products are shared out among them; the sums do not depend on their number.

        Raises
        ------
        ValueError
            For arrays whose shapes do not fit each other or earlier rows.
        """
        self.add_all([(units, targets, weights)], n_threads=n_threads)

    def add_all(self, blocks: Iterable[tuple[NDArray, NDArray, NDArray | None]], *, n_threads: int = 1) -> None:
        """Add blocks of rows, one after another, as :meth:`add` takes them.

        Parameters
        ----------
        blocks : iterable of (units, targets, weights)
            A generator may make each block when it is asked for, so that the units of all rows are never there at once.
        n_threads : int, default=1
        """
        sums, work = None, _Workspace()
        for units, targets, weights in blocks:
            self._check(units, targets, weights)
            if self.sums is None or self.shift is None:
                self._begin(units, targets, weights)
            assert self.sums is not None
            if sums is None:
                sums = engine.Panels(np.ascontiguousarray(self.sums), None, self.sums[0])
            rows = max(_LEAST_ROWS, _BLOCK_BYTES // self.sums[0].nbytes)
            for start in range(0, len(units), rows):
                part = slice(start, start + rows)
                some = None if weights is None else weights[part]
                left, right = work.operands(self._joined(units[part], targets[part]), some)
                sums.multiply_transposed(left, right, add=True, upper=True, n_threads=n_threads)
                self.n_rows += len(units[part]) if some is None else int(np.count_nonzero(some))
        if sums is not None:
            self.sums = sums.unpack()

    def _check(self, units: NDArray, targets: NDArray, weights: NDArray | None) -> None:
        """Refuse a block whose shapes do not fit each other, or the rows that are there."""
        fits = units.ndim == targets.ndim == 2 and len(units) == len(targets)
        fits = fits and (weights is None or weights.shape == (len(units),))
        known = self.n_units, self.n_outputs
        if not fits or (self.sums is not None and (units.shape[1], targets.shape[1]) != known):
            shapes = [units.shape, targets.shape, *([] if weights is None else [weights.shape])]
            rows = "" if self.sums is None else f" of {known[0]} units and {known[1]} outputs"
            raise ValueError(f"units, targets and weights must have the same rows{rows}; got shapes {shapes}.")

    def _begin(self, units: NDArray, targets: NDArray, weights: NDArray | None) -> None:
        """Settle the sizes, and what is taken off all rows, by the first block."""
        counts = weights if weights is not None and weights.any() else None
        with np.errstate(over="ignore", invalid="ignore"):  # solve refuses what is not finite
            means = [np.average(part, axis=0, weights=counts) for part in (units, targets)]
        self.shift = np.concatenate(means, dtype=np.float64)
        self.n_units, self.n_outputs = units.shape[1], targets.shape[1]
        width = 1 + self.n_units + self.n_outputs
        self.sums = np.zeros((width, width))

    def _joined(self, units: NDArray, targets: NDArray) -> NDArray:
        """Return a column of ones, the units and the targets, about what is taken off them."""
        assert self.shift is not None
        joined = np.empty((len(units), 1 + len(self.shift)))
        joined[:, 0] = 1
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(units, self.shift[: self.n_units], out=joined[:, 1 : 1 + self.n_units])
            np.subtract(targets, self.shift[self.n_units :], out=joined[:, 1 + self.n_units :])
        return joined

    def solve(self, alpha: float | Sequence[float] | NDArray) -> Solution:
        """Return the readout for a strength of the penalty, or for the best of several.

        Of several the one is taken whose error on other rows is least as generalised cross-validation (Golub, Heath and
        Wahba 1979) estimates it: n sum w r^2 / (n - d)^2 with n rows, d = 1 + sum l / (l + alpha) degrees of freedom
        and the eigenvalues l of the units' centred sums, added up over the outputs.

        Where the units depend on each other and alpha is next to nothing, many readouts are as good: then the one with
        the smallest coefs is taken, and a warning says so.

        Parameters
        ----------
        alpha : float or sequence of float
            At least 0.

        Returns
        -------
        solution : Solution
            coefs, intercepts, alpha and, for a choice among several, error.

        Warns
        -----
        SingularReadoutWarning
            When the sums do not tell a single readout.

        Raises
        ------
        ValueError
            Before there are rows whose weight is not 0; when units or targets are so large that sums are not finite.
        """
        if self.sums is None or self.shift is None or not (total := self.sums[0, 0]) > 0:
            raise ValueError("a readout is solved from rows whose weights are not all 0; none have been added.")
        with np.errstate(over="ignore", invalid="ignore"):
            means = self.sums[0, 1:] / total
            spread = self.sums[1:, 1:] - np.outer(self.sums[0, 1:], means)
        if not np.isfinite(spread[np.triu_indices_from(spread)]).all():
            raise ValueError(_TOO_LARGE)
        spread = np.triu(spread) + np.triu(spread, 1).T
        own, shared = spread[: self.n_units, : self.n_units], spread[: self.n_units, self.n_units :]
        alphas: NDArray = np.atleast_1d(np.asarray(alpha, dtype=np.float64))
        chosen, several, error = float(alphas[0]), np.ndim(alpha) > 0, None
        with single_threaded_blas():  # so that the bits are the same for any number of threads
            coefs = None if several else _by_cholesky(own, shared, chosen)
            if coefs is None:
                squares = np.diagonal(spread)[self.n_units :]
                with np.errstate(over="ignore", invalid="ignore"):
                    coefs, chosen, error = _by_eigenvalues(own, shared, squares, alphas, self.n_rows)
        centre = self.shift + means
        with np.errstate(over="ignore", invalid="ignore"):
            intercepts = centre[self.n_units :] - centre[: self.n_units] @ coefs
        if not (np.isfinite(coefs).all() and np.isfinite(intercepts).all()):
            raise ValueError(_TOO_LARGE)
        return Solution(np.ascontiguousarray(coefs), intercepts, chosen, error if several else None)

    def check_state(self) -> None:
        """Refuse sums that a file must not say."""
        for name in ("n_units", "n_outputs", "n_rows"):
            require(is_count(getattr(self, name, None)), f"{name} of a readout is no count")
        width = 1 + self.n_units + self.n_outputs
        sums: Any = getattr(self, "sums", None)
        shift: Any = getattr(self, "shift", None)
        if sums is None and shift is None:
            require(width == 1 and self.n_rows == 0, "a readout has no sums")
            return
        require(is_array(sums, width, width) and sums.dtype == np.float64, "sums of a readout do not fit n_units")
        require(is_array(shift, width - 1) and shift.dtype == np.float64, "shift of a readout does not fit n_units")


class _Workspace:
    """The operands of the products of a block of rows, in the same memory for each block of as many rows."""

    def __init__(self) -> None:
        self._panels: dict[str, tuple[int, engine.Panels]] = {}

    def operands(self, joined: NDArray, weights: NDArray | None) -> tuple[engine.Panels, engine.Panels]:
        """Return the panels of rows times their weights, and of the rows."""
        right = self._packed("right", joined)
        if weights is None:
            return right, right
        with np.errstate(over="ignore", invalid="ignore"):
            weighted = joined * weights[:, None]
        return self._packed("left", weighted), right

    def _packed(self, name: str, rows: NDArray) -> engine.Panels:
        n_rows, panels = self._panels.get(name, (0, None))
        if panels is None or n_rows != len(rows):
            panels = engine.Panels(rows, None)
            self._panels[name] = len(rows), panels
        else:
            panels.fill(rows)
        return panels


def _by_cholesky(own: NDArray, shared: NDArray, alpha: float) -> NDArray | None:
    """Return the coefs that solve (own + alpha) coefs = shared; None where the matrix is next to singular."""
    if not len(own):
        return np.zeros(shared.shape)
    matrix = own.copy()
    matrix.flat[:: len(own) + 1] += alpha
    norm = np.abs(matrix).sum(axis=0).max()
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        return None
    reciprocal_condition, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    if reciprocal_condition < np.finfo(np.float64).eps:
        return None
    return scipy.linalg.cho_solve((factor, True), shared)


def _by_eigenvalues(
    own: NDArray, shared: NDArray, squares: NDArray, alphas: NDArray, n_rows: int
) -> tuple[NDArray, float, float]:
    """Return the coefs of the alpha with the least error in generalised cross-validation, that alpha, and the error."""
    values, vectors = scipy.linalg.eigh(own)
    values, turned = np.maximum(values, 0), vectors.T @ shared
    least = np.finfo(np.float64).eps * len(own) * max(values.max(initial=0), np.finfo(np.float64).tiny)
    best, best_error = None, np.inf
    for alpha in alphas:
        told = values + alpha > least
        inverse = np.where(told, 1 / np.where(told, values + alpha, 1), 0)
        residuals = squares - ((2 - values * inverse) * inverse) @ turned**2
        freedom = n_rows - 1 - (values * inverse).sum()
        error = n_rows * np.maximum(residuals, 0).sum() / freedom**2 if freedom > 0.5 else np.inf
        if best is None or error < best_error:
            best, best_error, rank = (alpha, inverse), error, int(told.sum())
    assert best is not None
    alpha, inverse = best
    if rank < len(own):
        warn_user(
            f"alpha={alpha:g} leaves the readout of {counted(len(own), 'unit')} open, which depend on each other: their"
            f" rank is {rank}. The smallest of the readouts that fit best is taken; with a larger alpha there is one.",
            SingularReadoutWarning,
        )
    return vectors @ (inverse[:, None] * turned), float(alpha), float(best_error)
