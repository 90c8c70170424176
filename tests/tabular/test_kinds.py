"""Kinds of members: what efforts have, and the parameters of networks."""

import copy
import dataclasses

import numpy as np
import pytest

from fastmlp import MLPClassifier
from fastmlp.tabular.columns import TypedTable
from fastmlp.tabular.encoding import ENCODERS, TREES
from fastmlp.tabular.kinds import EFFORTS, Kind, band_kinds, kinds_for, member_parameters
from tests.tabular.problems import kind


@pytest.mark.parametrize("effort", EFFORTS)
def test_efforts_name_encoders_and_trees_there_are(effort):
    kinds, n_folds, _ = EFFORTS[effort]
    assert n_folds >= 2
    assert len({each.name for each in kinds}) == len(kinds)
    assert band_kinds(effort)[0].trees is None
    for each in (*kinds, *band_kinds(effort)):
        each.check_state()
        assert {*each.numbers, *each.codes} <= set(ENCODERS)
        assert bool(each.numbers) != each.is_boosting
        assert each.trees is None or each.trees in TREES
        assert all(ENCODERS[name]().is_number for name in each.numbers)
        assert not any(ENCODERS[name]().is_number for name in each.codes)


@pytest.mark.parametrize("effort", EFFORTS)
def test_there_are_networks_where_boosting_cannot_be(effort):
    table = TypedTable(np.arange(20.0)[:, np.newaxis], np.empty((20, 0), np.int32))
    kinds = {boosting: kinds_for(effort, table, boosting=boosting) for boosting in (False, True)}
    assert kinds[False]
    assert not any(each.is_boosting for each in kinds[False])
    networks = [each for each in kinds[True] if not each.is_boosting]
    assert list(kinds[False]) == networks or (effort == "fast" and not networks)


def test_more_effort_is_more():
    sizes = [len(kinds) * n_folds for kinds, n_folds, _ in EFFORTS.values()]
    assert sizes == sorted(sizes)


def test_states_that_no_kind_has():
    found = kind("bins", "bins")
    found.check_state()
    for name, value in {
        "name": 3, "numbers": ["bins"], "codes": (3,), "trees": 3, "hidden_layer_sizes": (-1,), "embedding_size": -1,
        "other": 3,
    }.items():  # fmt: skip
        wrong = copy.copy(found)
        vars(wrong)[name] = value
        with pytest.raises(ValueError, match="Kind"):
            wrong.check_state()


def test_kinds_hide_nothing_in_files():
    """A file sets no attribute that the class has."""
    assert not {field.name for field in dataclasses.fields(Kind)} & set(vars(Kind))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 31, 100, 1000, 10_000, 10**6, 10**8])
def test_parameters_of_networks_hold_for_any_number_of_rows(n_rows):
    parameters = member_parameters(kind("bins", "bins", embedding_size=8), n_rows)
    MLPClassifier(**parameters)._validate_params()
    assert 1 <= parameters["batch_size"] <= min(1024, n_rows)
    assert 20 <= parameters["max_iter"] <= 300
    assert 4 <= parameters["callbacks"][0].patience <= 10
    assert 0.8 <= parameters["ema"] < 1
    # The prior weighs as much as 5 rows, whatever the size of a batch.
    np.testing.assert_allclose(parameters["alpha"] / parameters["batch_size"] * n_rows, 5)


def test_members_have_callbacks_of_their_own():
    one, other = (member_parameters(EFFORTS["fast"].kinds[0], 10) for _ in range(2))
    assert one["callbacks"][0] is not other["callbacks"][0]
