"""A TableModel from a file must be sound: attributes that no fit sets are refused."""

import contextlib
import copy

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import fastmlp
from fastmlp.tables import TableModel
from tests.tables.conftest import FAST, table

pytest.importorskip("pandas")


def test_a_model_that_is_not_fitted(tmp_path):
    """It comes back from a file, and says what it is not."""
    fastmlp.save(TableModel("y", missing=["-"]), tmp_path / "model")
    model = fastmlp.load(tmp_path / "model")
    assert model.get_params() == TableModel("y", missing=["-"]).get_params()
    for call in (model.predict, model.predict_proba, model.evaluate, lambda frame: model.describe()):
        with pytest.raises(NotFittedError):
            call(table())


def attempted(call, *arguments):
    with contextlib.suppress(ValueError, KeyError):
        call(*arguments)


@pytest.mark.parametrize("target", ["y", "x"])
def test_attributes_that_fit_does_not_set_are_refused(target, tmp_path):
    """Those that are not refused are of the right types: nothing stumbles over them."""
    frame = table()
    model = TableModel(target, **FAST).fit(frame)
    names = [name for name in vars(model) if name.endswith("_") and name != "training_"]
    assert len(names) > 8
    for name in names:
        with pytest.raises(ValueError, match=f"^{name} of a TableModel is missing"):
            changed(model, name).check_state()
        n_refused = 0
        for value in (None, 7, -0.5, np.nan, "y", [], [1], [None], ["a"], {}, {"x": 1}, {"x": ["a"]}, {1: 2}, model):
            forged = changed(model, name, value)
            try:
                forged.check_state()
            except ValueError:
                n_refused += 1
                continue
            for call in (forged.predict, forged.predict_proba, forged.evaluate):
                attempted(call, frame)
            forged.describe()
        assert n_refused >= 6, name
    with pytest.raises(ValueError, match="missing must be a list of str"):
        changed(model, "missing", [None]).check_state()
    with pytest.raises(ValueError, match="columns_"):
        fastmlp.save(changed(model, "columns_", [1]), tmp_path / "model")
    fastmlp.save(model, tmp_path / "model")
    assert (fastmlp.load(tmp_path / "model").predict(frame) == model.predict(frame)).all()


def changed(model, name, *value):
    other = copy.copy(model)
    vars(other).pop(name)
    vars(other).update(dict.fromkeys([name][: len(value)], *value))
    return other
