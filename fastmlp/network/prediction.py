"""The outputs of a network in the engine's layout, for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.inputs.rows import Rows
from fastmlp.threads import Team

Predictor = engine.Predictor


def forward_in_pieces(
    packed: engine.PackedNetwork,
    rows: Rows,
    order: NDArray | None,
    team: Team,
    *,
    linked: bool = True,
    depth: int | None = None,
    hidden: Sequence[NDArray] = (),
) -> NDArray:
    """Return the outputs for rows, going back to Python between pieces, so that Ctrl-C is heard.

    Parameters
    ----------
    packed : PackedNetwork
    rows : Rows
    order : ndarray of int or None
        The numbers of the rows that outputs are wanted for; None is for all of them.
    team : Team
        The threads to compute with.
    linked : bool, default=True
        Whether the link, the activation of the output layer, is applied.
    depth : int, default=None
        The number of layers that the rows go through; None is for all of them.
    hidden : sequence of ndarray of shape (n_rows, n_units), default=()
        Where the outputs of the first layers are written on the way, an array for each of them.

    Returns
    -------
    outputs : ndarray of shape (n_rows, n_units)
        The outputs of the last layer that the rows go through.
    """
    n_rows = rows.n_rows if order is None else len(order)
    out = np.empty((n_rows, packed.sizes[-1 if depth is None else depth]), dtype=packed.dtype)
    piece = max(1024, int(engine.FLOPS_PER_PIECE / (2 * packed.multiply_adds)))
    for start in range(0, n_rows, piece):
        stop = min(n_rows, start + piece)
        packed.forward(
            rows,
            order=order,
            start=start,
            stop=stop,
            out=out[start:stop],
            n_threads=team.n_threads,
            judged=team.judged,
            linked=linked,
            depth=depth,
            hidden=[array[start:stop] for array in hidden],
        )
    return out
