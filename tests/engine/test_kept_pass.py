"""Kept passes: what the engine refuses. Their gradients are tested where networks take them, in test_composition.py."""

import numpy as np
import pytest

from fastmlp import engine
from fastmlp.inputs.rows import rows_of


def test_errors():
    kept = engine.KeptPass((5, 3), "relu", "squared_error", np.float64, max_rows=4)
    rows = rows_of(np.zeros((6, 5)), np.float64)
    with pytest.raises(ValueError, match=r"ahead\(\) comes before back\(\)"):
        kept.back(np.zeros((4, 3)))
    for start, stop in [(0, None), (2, 2), (-1, 2), (3, 7), (0, 5)]:
        with pytest.raises(ValueError, match="expected from 1 to 4 of 6 rows"):
            kept.ahead(rows, start=start, stop=stop)
    kept.ahead(rows, start=2)
    with pytest.raises(ValueError, match=r"output_gradients must be a contiguous float64 array of shape \(4, 3\)"):
        kept.back(np.zeros((4, 3), np.float32))
    for wrong in (np.zeros((4, 4)), np.zeros((4, 5), np.float32), np.zeros((4, 10))[:, ::2], np.zeros((5, 4)).T):
        with pytest.raises(ValueError, match=r"inputs must be a float64 array of shape \(4, 5\) with contiguous rows"):
            kept.back(np.zeros((4, 3)), inputs=wrong)
    with pytest.raises(ValueError, match="contiguous float64 vector of 18 parameters"):
        kept.back(np.zeros((4, 3)), np.zeros(17))
    with pytest.raises(TypeError, match="a kept pass learns nothing"):
        kept.begin(np.arange(4)[np.newaxis], 4, 0.0, (), 0)
    assert kept.run()  # there is nothing to do
