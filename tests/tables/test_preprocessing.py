"""From columns to the inputs of a network, and the parameters that a table's network gets."""

import math

import numpy as np
import pytest

from fastmlp.tables import SmoothClip, TableModel, network_parameters
from tests.tables.conftest import FAST, table

pytest.importorskip("pandas")


def test_smooth_clip():
    clip = SmoothClip(limit=2.0)
    X = np.array([[-1e300, -0.01, 0.0, 0.01, 1e300]]).T
    np.testing.assert_allclose(clip.fit_transform(X).ravel(), [-2, -0.01, 0, 0.01, 2], rtol=1e-4)
    with pytest.raises(ValueError, match="limit"):
        SmoothClip(limit=0.0).fit(X)


@pytest.mark.parametrize("n_rows", [1, 2, 10, 100, 3000, 10**5, 10**6, 10**7])
@pytest.mark.parametrize("hold_out", [True, False])
@pytest.mark.parametrize("batch_size", [None, 1, 64])
def test_network_parameters_for_any_number_of_rows(n_rows, hold_out, batch_size):
    parameters = network_parameters(n_rows, hold_out=hold_out, batch_size=batch_size)
    n_learned = max(1, n_rows - math.ceil(n_rows / 10)) if hold_out else n_rows
    assert batch_size is None or parameters["batch_size"] == min(batch_size, n_learned)
    assert 1 <= parameters["batch_size"] <= n_learned
    assert parameters["max_iter"] >= 20
    assert 0 < parameters.get("ema", 0.5) < 1


def test_missing_and_huge_and_infinite_numbers():
    frame = table(n=[np.nan, 1e300, -np.inf, 1e30] * 15, gap=[np.nan] + [1.0, 2.0] * 29 + [3.0])
    model = TableModel(parameters=FAST).fit(frame)
    assert "n" in model.numbers_
    assert np.isfinite(model.predict_proba(frame)).all()
    assert np.isfinite(model.predict_proba(frame.assign(x=1e35))).all()
    with_indicators = model.pipeline_["columns"].transformers_[1]
    assert with_indicators[0] == "gaps"
    assert with_indicators[2] == ["n", "gap"]
