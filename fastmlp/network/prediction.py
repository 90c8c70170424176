"""The outputs of a network in the engine's layout, for any number of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.inputs.rows import Rows
from fastmlp.threads import Team

Predictor = engine.Predictor


def forward_in_pieces(
    packed: engine.PackedNetwork, rows: Rows, order: NDArray | None, team: Team, *, linked: bool = True
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

    Returns
    -------
    outputs : ndarray of shape (n_rows, n_outputs)
    """
    n_rows = rows.n_rows if order is None else len(order)
    out = np.empty((n_rows, packed.n_outputs), dtype=packed.dtype)
    piece = max(1024, int(engine.FLOPS_PER_PIECE / (2 * packed.n_params)))
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
        )
    return out
